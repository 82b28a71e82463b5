"""The web application: one page, its files, and the answers of the lab's rooms.

Every room (runs, playground, explorer, spotting) has the addresses of its own below ``/api``. What
it does takes time, so its functions run in threads.
"""

import asyncio
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from .. import __version__
from ..errors import ForgeryError
from .answers import Json, refused
from .folder import RunsFolder
from .guard import Guard

STATIC = Path(__file__).parent / "static"
#: Files that the pages of ``forgery export --to page`` use too.
WEB = Path(__file__).parent.parent / "web"


class Room(Protocol):
    """A part of the lab."""

    def routes(self) -> Sequence[BaseRoute]:
        """Its addresses, below ``/api``."""

    def close(self) -> None:
        """End what it has started; called once, when the lab ends."""


def create_app(
    folder: RunsFolder,
    token: str,
    hosts: Collection[str] | None,
    start: str = "",
    ending: asyncio.Event | None = None,
) -> ASGIApp:
    """The application.

    Parameters
    ----------
    folder:
        The runs to show.
    token, hosts:
        As in :class:`Guard`.
    start:
        The name of the run that is shown first; empty for the list of all runs.
    ending:
        Set when the lab is about to end, so that streams end too.
    """
    from .explorer import Explorer
    from .playground import Playground
    from .runs import Runs
    from .spotting import Spotting

    rooms: list[Room] = [Runs(folder), Playground(folder), Explorer(folder), Spotting(folder)]

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        for room in rooms:
            room.close()

    async def index(request: Request) -> Response:
        return FileResponse(STATIC / "index.html")

    async def about(request: Request) -> Response:
        empty = next(folder.names(), None) is None
        return Json(
            {"version": __version__, "folder": str(folder.path), "start": start, "empty": empty}
        )

    routes = [
        Route("/", index),
        Route("/api/about", about),
        Mount("/api", routes=[route for room in rooms for route in room.routes()]),
        Mount("/static", StaticFiles(directory=STATIC, packages=[("forgery", WEB.name)])),
    ]
    app = Starlette(routes=routes, lifespan=lifespan, exception_handlers={ForgeryError: refused})
    app.state.ending = ending or asyncio.Event()
    return Guard(app, token, hosts)
