"""Playground: live games of points, one process a page."""

import asyncio
import json
import multiprocessing
import secrets
import threading
import time
from collections.abc import AsyncIterator, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from contextlib import suppress
from pathlib import Path
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from .answers import Json, Refused, Stream, query, sent
from .folder import RunsFolder
from .trainings import shown

#: Pages that play at the same time, each a process.
MOST_SESSIONS = 8
#: Seconds that a session outlives its stream, waits for its first stream, and for an answer.
OUTLIVES, UNOPENED, PATIENCE = 6.0, 60.0, 120.0


#: The loop of a stream, and its frames; None ends it.
Follower = tuple[asyncio.AbstractEventLoop, asyncio.Queue[dict[str, Any] | None]]


class Session:
    """The process of a page's games, and what has been sent to it.

    The process ends when the pipe to it is closed, also by the death of this one.
    """

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_play, args=(theirs,), daemon=True)
        self._process.start()
        theirs.close()
        self._sending = threading.Lock()
        self._count = 0
        self._answers: dict[int, Future[dict[str, Any]]] = {}
        self._ready: Future[dict[str, Any]] = Future()
        self._follower: Follower | None = None
        #: When the last stream was closed; None while there is one.
        self.left: float | None = time.monotonic() + UNOPENED - OUTLIVES
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def options(self) -> dict[str, Any]:
        """The controls of the page; waits until the process is ready."""
        return self._result(self._ready)

    def ask(self, name: str, content: dict[str, Any]) -> dict[str, Any]:
        """Let the process do something, and return its answer.

        Raises
        ------
        Refused
            If it refuses, or has ended.
        """
        future: Future[dict[str, Any]] = Future()
        with self._sending:
            self._count += 1
            number = self._count
            self._answers[number] = future
            self._send(content | {"do": name, "id": number})
        answer = self._result(future)
        if "error" in answer:
            raise Refused(answer["error"], fields=answer["fields"])
        content = answer["content"]
        return content

    async def frames(self) -> AsyncIterator[tuple[str, dict[str, Any]]]:
        """Frames, each made when the one before was taken. A second stream ends the first."""
        frames: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()
        if self._follower is not None:
            self._follower[1].put_nowait(None)
        mine = self._follower = (asyncio.get_running_loop(), frames)
        self.left = None
        try:
            while self._reader.is_alive():
                await run_in_threadpool(self._allow_frame)
                frame = await frames.get()
                if frame is None:
                    return
                yield "frame", frame
        finally:
            if self._follower is mine:
                self._follower, self.left = None, time.monotonic()

    def close(self) -> None:
        """End the process."""
        with suppress(OSError):
            self._pipe.close()
        self._process.terminate()
        self._process.join(5)
        if self._process.is_alive():
            self._process.kill()
            self._process.join(5)

    @property
    def ended(self) -> bool:
        """Whether the process is gone, or its page has been away for some time."""
        away = self.left is not None and time.monotonic() - self.left > OUTLIVES
        # A process that has closed its pipe is alive for a moment longer.
        return away or not (self._process.is_alive() and self._reader.is_alive())

    def _allow_frame(self) -> None:
        with self._sending, suppress(Refused):
            self._send({"do": "frame"})

    def _send(self, message: dict[str, Any]) -> None:
        try:
            self._pipe.send_bytes(json.dumps(message).encode())
        except (OSError, ValueError):
            raise Refused("the game's process has ended: open the page again", 410) from None

    def _result(self, future: Future[dict[str, Any]]) -> dict[str, Any]:
        try:
            return future.result(PATIENCE)
        except TooLate:
            raise Refused("the game does not answer: open the page again", 504) from None

    def _read(self) -> None:
        """Hand out what the process sends, until it ends."""
        try:
            while True:
                message = json.loads(self._pipe.recv_bytes())
                if "frame" in message:
                    self._hand_over(message["frame"])
                elif "ready" in message:
                    self._ready.set_result(message["ready"])
                elif future := self._answers.pop(message["answer"], None):
                    future.set_result(message)
        except (OSError, EOFError, ValueError, TypeError):  # closed, by one side or the other
            self._hand_over(None)
            gone = Refused("the game's process has ended: open the page again", 410)
            for future in [self._ready, *self._answers.values()]:
                if not future.done():
                    future.set_exception(gone)

    def _hand_over(self, frame: dict[str, Any] | None) -> None:
        if (follower := self._follower) is not None:
            loop, frames = follower
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(frames.put_nowait, frame)


def _play(pipe: Any) -> None:
    from .live_process import main

    main(pipe)


class Playground:
    """Live games of points: opens and ends sessions, and passes on what pages ask for.

    Parameters
    ----------
    folder:
        Where games are saved as runs.
    """

    def __init__(self, folder: RunsFolder) -> None:
        self._folder = folder
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._sweeper: threading.Thread | None = None

    def routes(self) -> Sequence[BaseRoute]:
        return [
            Route("/playground/open", self._open, methods=["POST"]),
            Route("/playground/stream", self._stream),
            Route("/playground/do", self._do, methods=["POST"]),
        ]

    def close(self) -> None:
        self._closed.set()
        with self._lock:
            sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            session.close()

    async def _open(self, request: Request) -> Response:
        return await run_in_threadpool(self._opened)

    def _opened(self) -> Response:
        self._sweep()
        with self._lock:
            if len(self._sessions) >= MOST_SESSIONS:
                raise Refused(
                    f"{MOST_SESSIONS} games are open, each in a process of its own: close one of "
                    "their pages, and open this one again",
                    429,
                )
            if self._sweeper is None:
                self._sweeper = threading.Thread(target=self._keep_sweeping, daemon=True)
                self._sweeper.start()
            name = secrets.token_urlsafe(9)
            session = self._sessions[name] = Session()
        options = session.options()
        return Json({"session": name, "options": options, "state": session.ask("state", {})})

    async def _stream(self, request: Request) -> Response:
        session = self._sessions.get(query(request, "session"))
        if session is None or session.ended:
            return Stream(_gone())
        return Stream(session.frames())

    async def _do(self, request: Request) -> Response:
        """``{"session", "do", …}`` → the answer of the session's process."""
        content = await sent(request)
        session = self._sessions.get(str(content.pop("session", "")))
        name = content.pop("do", None)
        if session is None:
            raise Refused("this game has ended: open the page again", 410)
        if not isinstance(name, str):
            raise Refused("the request does not say what to do")
        if name == "save":
            content["path"] = self._place(content.pop("name", None))
        answer = await run_in_threadpool(session.ask, name, content)
        if name == "save":
            answer = self._saved(Path(answer["path"]))
        return Json(answer)

    def _place(self, name: Any) -> str:
        if not isinstance(name, str) or not name.strip():
            raise Refused("a run needs a name", fields={"name": "give the run a name"})
        try:
            return str(self._folder.new(name.strip()).absolute())
        except Refused as error:
            raise Refused(str(error), error.status, {"name": str(error)}) from None

    def _saved(self, path: Path) -> dict[str, Any]:
        return {
            "run": path.relative_to(self._folder.path.absolute()).as_posix(),
            "commands": [shown([verb, str(path)]) for verb in ("show", "resume")],
        }

    def _keep_sweeping(self) -> None:
        while not self._closed.wait(1.0):
            self._sweep()

    def _sweep(self) -> None:
        """End the sessions whose pages are gone."""
        with self._lock:
            ended = [name for name, session in self._sessions.items() if session.ended]
            sessions = [self._sessions.pop(name) for name in ended]
        for session in sessions:
            session.close()


async def _gone() -> AsyncIterator[tuple[str, dict[str, Any]]]:
    yield "gone", {}
