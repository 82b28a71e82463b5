"""Find a port, print the address, open the browser, and serve until Ctrl-C."""

import asyncio
import errno
import os
import socket
import threading
import webbrowser
from contextlib import suppress
from importlib import import_module
from pathlib import Path

import uvicorn

from ..errors import ForgeryError
from ..user_cache import cache_folder
from .app import create_app
from .folder import RunsFolder
from .guard import kept_token

#: Ports that are tried after the given one, if it is in use.
TRIED = 20
LOCAL = ("127.0.0.1", "localhost", "::1")
#: Names in the address of a page; its port may be that of a tunnel.
LOOPBACK = ("127.0.0.1", "localhost", "[::1]")


def serve(
    path: Path,
    port: int = 8484,
    browser: bool = True,
    host: str = "127.0.0.1",
    allow_remote: bool = False,
) -> None:
    """Serve the lab until it is interrupted.

    Parameters
    ----------
    path:
        A folder of runs, which need not exist yet, or a run.
    port:
        The port; if it is in use, the next free one is taken.
    browser:
        Whether to open the page in a browser.
    host:
        The address to listen on.
    allow_remote:
        Whether ``host`` may be an address that other machines can reach.

    Raises
    ------
    ForgeryError
        If the path is a file, no port is free, or ``host`` is remote and this is not allowed.
    """
    folder, start = _folder_and_start(path)
    if host not in LOCAL and not allow_remote:
        raise ForgeryError(
            f"--host {host} makes the lab reachable from other machines: whoever learns its "
            "address with the token can read the runs, start trainings and use this computer's "
            "processors, and the connection is not encrypted. Add --allow-remote if you want "
            "this; or leave --host out and use an SSH tunnel: ssh -L 8484:localhost:8484 HOST"
        )
    listener = _listen(host, port)
    taken = listener.getsockname()[1]
    token = kept_token(cache_folder())
    named = socket.gethostname() if host not in LOCAL else "[::1]" if host == "::1" else "127.0.0.1"
    ending = asyncio.Event()
    application = create_app(folder, token, LOOPBACK if host in LOCAL else None, start, ending)
    address = f"http://{named}:{taken}/?token={token}"
    if taken != port:
        print(f"port {port} is in use, so the lab takes {taken}")
    missing = "" if folder.path.is_dir() else ", which does not exist yet"
    print(f"The lab shows {folder.path}{missing}. Ctrl-C ends it. Open this address:")
    print(f"\n  {address}\n", flush=True)
    config = uvicorn.Config(
        application, log_level="warning", access_log=False, timeout_graceful_shutdown=1,
        server_header=False,
    )  # fmt: skip
    # While the page loads.
    threading.Thread(target=import_module, args=("torch",), daemon=True).start()
    if browser:
        threading.Timer(0.5, webbrowser.open, [address]).start()
    with suppress(KeyboardInterrupt):  # uvicorn raises it once all rooms are closed
        _Server(config, ending).run(sockets=[listener])
    print("\nThe lab has ended.")


class _Server(uvicorn.Server):
    """A server that ends its streams before it waits for its connections to end."""

    def __init__(self, config: uvicorn.Config, ending: asyncio.Event) -> None:
        super().__init__(config)
        self._ending = ending

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._ending.set()
        await super().shutdown(sockets)


def _folder_and_start(path: Path) -> tuple[RunsFolder, str]:
    """The folder of runs, and the name of the run that was given instead of a folder, if any."""
    if path.exists() and not path.is_dir():
        raise ForgeryError(f"{path} is a file: give a folder of runs, or a run")
    path = Path(os.path.abspath(path))  # without "..", since a run is named by its folder
    if (path / "config.json").is_file():
        return RunsFolder(path.parent), path.name
    return RunsFolder(path), ""


def _listen(host: str, port: int) -> socket.socket:
    """A listening socket on the port, or on the next free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    if not 0 <= port < 65536:
        raise ForgeryError(f"--port must be between 0 and 65535, not {port}")
    for tried in range(port, min(port + TRIED + 1, 65536)) if port else [0]:
        # asyncio sets TCP_NODELAY only if the protocol is named. Without it, the head of an answer
        # waits 40 ms for an acknowledgement before the body follows.
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, tried))
            listener.listen(128)
        except PermissionError:
            listener.close()
            raise ForgeryError(f"port {tried} needs privileges: choose one above 1023") from None
        except socket.gaierror as error:
            listener.close()
            raise ForgeryError(f"unknown host {host!r}: {error.strerror}") from None
        except OSError as error:
            listener.close()
            if error.errno != errno.EADDRINUSE:
                raise ForgeryError(f"cannot listen on {host}: {error.strerror}") from None
            continue
        return listener
    raise ForgeryError(f"ports {port} to {port + TRIED} are in use: choose another --port")
