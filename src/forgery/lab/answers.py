"""What the lab answers: JSON, pictures, errors, and streams of events."""

import asyncio
import json
from asyncio import FIRST_COMPLETED
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from .. import strict_json
from ..errors import ForgeryError

#: Bytes of an uploaded picture at most, and of any other request's body.
MOST_UPLOADED, MOST_SENT = 10_000_000, 1_000_000
#: Seconds after which a silent stream sends a comment, to notice readers that have gone.
SILENCE = 10.0


class Refused(ForgeryError):
    """A request that cannot be answered.

    Parameters
    ----------
    message:
        The reason.
    status:
        The HTTP status.
    fields:
        Messages that belong beside a field of the page: name of a setting → message.
    """

    def __init__(self, message: str, status: int = 400, fields: dict[str, str] | None = None):
        super().__init__(message)
        self.status, self.fields = status, fields or {}


class Json(Response):
    """An object as strict JSON; numbers that are not finite become null."""

    media_type = "application/json"

    def render(self, content: dict[str, Any]) -> bytes:
        return strict_json.dumps(content).encode()


class Png(Response):
    """A picture."""

    media_type = "image/png"


async def refused(request: Request, error: Exception) -> Response:
    """The answer to a request that raised a :class:`ForgeryError`."""
    assert isinstance(error, ForgeryError)
    status = error.status if isinstance(error, Refused) else 400
    fields = error.fields if isinstance(error, Refused) else {}
    return Json({"error": str(error), "fields": fields}, status)


async def body(request: Request, most: int = MOST_SENT) -> bytes:
    """The body of a request.

    Raises
    ------
    Refused
        As soon as it exceeds ``most`` bytes.
    """
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise Refused(f"at most {most // 1_000_000} MB can be sent", 413)
        parts.append(part)
    return b"".join(parts)


async def sent(request: Request) -> dict[str, Any]:
    """The JSON object in the body of a request.

    Raises
    ------
    Refused
        If the body is something else.
    """
    try:
        content = json.loads(await body(request))
    except (ValueError, RecursionError):
        raise Refused("the request is not JSON") from None
    if not isinstance(content, dict):
        raise Refused("the request is not a JSON object")
    return content


def query(request: Request, name: str, default: str | None = None) -> str:
    """A parameter of the address.

    Raises
    ------
    Refused
        If it is missing and there is no default.
    """
    value = request.query_params.get(name, default)
    if value is None:
        raise Refused(f"the parameter {name!r} is missing")
    return value


def number(request: Request, name: str, default: int | None = None) -> int:
    """A whole number among the parameters of the address.

    Raises
    ------
    Refused
        If it is something else, or missing without a default.
    """
    text = query(request, name, None if default is None else str(default))
    try:
        return int(text)
    except ValueError:
        raise Refused(f"the parameter {name!r} must be a whole number, not {text!r:.40}") from None


#: The name of an event, and its content.
Event = tuple[str, dict[str, Any]]


class Stream(StreamingResponse):
    """Server-sent events, until the lab ends (``app.state.ending``).

    The reader's pace sets that of ``events``: no more is asked of them until the last one is sent.
    """

    def __init__(self, events: AsyncIterator[Event]) -> None:
        super().__init__((), media_type="text/event-stream")
        self._events = events

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.body_iterator = _encoded(self._events, scope["app"].state.ending)
        await super().__call__(scope, receive, send)


async def _encoded(events: AsyncIterator[Event], ending: asyncio.Event) -> AsyncIterator[bytes]:
    yield b"retry: 1000\n\n"
    following = asyncio.ensure_future(anext(events, None))
    end = asyncio.ensure_future(ending.wait())
    try:
        while not end.done():
            await asyncio.wait([following, end], timeout=SILENCE, return_when=FIRST_COMPLETED)
            if end.done():
                return
            if not following.done():
                yield b": still here\n\n"
                continue
            event = following.result()
            if event is None:
                return
            name, content = event
            yield f"event: {name}\ndata: {strict_json.dumps(content)}\n\n".encode()
            following = asyncio.ensure_future(anext(events, None))
    finally:
        end.cancel()
        following.cancel()
        if close := getattr(events, "aclose", None):
            await asyncio.gather(following, return_exceptions=True)
            await close()
