"""Who may talk to the lab.

The lab can start trainings and read runs, and other pages that the same browser shows must not be
able to do this. A request therefore needs

- a known ``Host``, against names that an attacker lets point to this machine (DNS rebinding);
- the token, first in the address that the lab prints, afterwards in a cookie that other sites'
  requests do not carry (``SameSite=Strict``);
- the lab's own ``Origin``, if it changes anything.
"""

import re
import secrets
from collections.abc import Collection
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "forgery_lab"
#: Methods that change nothing.
SAFE = ("GET", "HEAD")
#: No scripts or styles but our own files, nothing from other hosts, no frames around the page.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
NO_TOKEN = (
    "This lab needs its token. Open the address that `forgery lab` has printed; it ends in "
    "?token=…\n"
)


class Guard:
    """ASGI middleware that refuses foreign requests.

    Parameters
    ----------
    app:
        The application.
    token:
        The secret of the address.
    hosts:
        Accepted ``Host`` headers without their port, which a tunnel may change; None accepts any,
        for remote use.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: Collection[str] | None) -> None:
        self._app, self._token, self._hosts = app, token, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # no WebSockets
            return
        answer = self._answer(Request(scope))

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await (answer or self._app)(scope, receive, guarded)

    def _answer(self, request: Request) -> Response | None:
        """The refusal of a request, or the redirection of the first one; None to let it pass."""
        headers = request.headers
        host = headers.get("host", "")
        if self._hosts is not None and re.sub(r":\d+$", "", host) not in self._hosts:
            return PlainTextResponse("This lab does not answer to that host name.\n", 403)
        if request.method not in SAFE and headers.get("origin") not in _origins(host):
            return PlainTextResponse("This request comes from another page.\n", 403)
        given = request.query_params.get("token")
        if given is not None and request.method == "GET" and self._is_token(given):
            answer = RedirectResponse(request.url.path, 303)
            answer.set_cookie(COOKIE, self._token, httponly=True, samesite="strict", path="/")
            return answer
        # Starlette's parser passes over what other programs of this host store in their cookies.
        if not self._is_token(request.cookies.get(COOKIE, "")):
            return PlainTextResponse(NO_TOKEN, 403)
        return None

    def _is_token(self, given: str) -> bool:
        return secrets.compare_digest(given.encode(), self._token.encode())


def _origins(host: str) -> tuple[str, str]:
    return f"http://{host}", f"https://{host}"


def kept_token(folder: Path) -> str:
    """The user's token, kept in a file that only the user can read.

    It is the same for every start, so that a page that is open continues when the lab is started
    again. A folder that cannot be written gives a new token each time.
    """
    path = folder / "lab-token"
    try:
        token = path.read_text(encoding="ascii").strip()
        if len(token) >= 32:
            return token
    except (OSError, ValueError):
        pass
    token = secrets.token_urlsafe(32)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.touch(mode=0o600)
        path.write_text(token, encoding="ascii")
    except OSError:
        pass
    return token
