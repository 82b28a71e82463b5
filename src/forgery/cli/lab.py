"""``forgery lab``"""

from pathlib import Path


def lab(
    path: Path = Path("runs"),
    /,
    *,
    port: int = 8484,
    browser: bool = True,
    host: str = "127.0.0.1",
    allow_remote: bool = False,
) -> None:
    """Open the lab in the browser: runs, live games of points, trained generators.

    Nothing leaves this machine. By default, only this machine can connect.

    Parameters
    ----------
    path:
        A folder of runs, or a run.
    port:
        The port. If it is in use, the next free one is taken.
    browser:
        Open the page in the browser.
    host:
        The address to listen on.
    allow_remote:
        Allow a --host that other machines can reach.
    """
    from ..errors import ForgeryError

    try:
        from ..lab.server import serve
    except ModuleNotFoundError as error:
        if error.name not in ("starlette", "uvicorn"):
            raise
        raise ForgeryError(
            "the lab needs starlette and uvicorn: pip install 'forgery[lab]'"
        ) from None
    serve(path, port, browser, host, allow_remote)
