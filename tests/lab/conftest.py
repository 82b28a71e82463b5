"""The lab without sockets, a folder of small runs, and a real server."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import httpx
import pytest

import forgery
from forgery import recipes
from forgery.lab.app import create_app
from forgery.lab.folder import RunsFolder
from forgery.lab.guard import COOKIE
from forgery.lab.server import LOOPBACK

HOST = "127.0.0.1:8484"
TOKEN = "t" * 43


class Client:
    """Requests to an application, each by a call that waits for the answer."""

    host, token = HOST, TOKEN

    def __init__(self, app, headers=None):
        self.app = app
        self.headers = {"cookie": f"{COOKIE}={TOKEN}", "origin": f"http://{HOST}"} | (headers or {})

    def request(self, method, path, **options):
        headers = self.headers | options.pop("headers", {})
        headers = {name: value for name, value in headers.items() if value is not None}

        async def ask():
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}") as client:
                return await client.request(method, path, headers=headers, **options)

        # In a thread of its own, since playwright has an event loop in this one.
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(anyio.run, ask).result()

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, **options):
        return self.request("POST", path, **options)


@pytest.fixture(scope="session")
def small_runs(tmp_path_factory) -> Path:
    """Runs of digits, of digits with classes in a folder of its own, and of points."""
    folder = tmp_path_factory.mktemp("runs")
    small = {"g_width": 16, "d_width": 16, "batch_size": 20, "threads": 1, "device": "cpu"}
    often = {"report_every": 5, "sample_every": 10, "checkpoint_every": 10}
    digits = small | often | {"steps": 30, "latent": 8, "split": "test", "grid": 4}
    forgery.train(recipes.mlp(**digits), folder / "digits")
    classes = {"conditional": "projection"}
    forgery.train(recipes.conditional(**digits | classes), folder / "classes" / "conditional")
    forgery.train(recipes.points(**small | often | {"steps": 30}), folder / "ring")
    return folder


@pytest.fixture
def runs(small_runs, tmp_path) -> Path:
    """A copy of the small runs that a test may change."""
    return Path(shutil.copytree(small_runs, tmp_path / "runs"))


@pytest.fixture
def client_of() -> Callable[..., Client]:
    """folder → a client of a lab on it."""

    def make(folder, **options):
        app = create_app(RunsFolder(Path(folder)), TOKEN, LOOPBACK, **options)
        return Client(app)

    return make


@pytest.fixture
def client(client_of, runs) -> Client:
    """A client of a lab on the small runs."""
    return client_of(runs)


class Server:
    """A lab in a process of its own: ``address`` with the token, ``port``, ``process``."""

    def __init__(self, folder: Path, port: int = 0, environment: dict[str, str] | None = None):
        command = [sys.executable, "-m", "forgery", "lab", str(folder), "--no-browser"]
        self.process = subprocess.Popen(
            [*command, "--port", str(port)],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | (environment or {}),
            cwd=folder.parent,
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.search(r"http://\S+:(\d+)/\?token=\S+", line):
                self.address, self.port = found[0], int(found[1])
                return
        raise AssertionError("the lab did not start")

    def stop(self, how: int = signal.SIGINT) -> int:
        """Send a signal, and wait for the end."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(60)


@pytest.fixture
def server_of() -> Iterator[Callable[..., Server]]:
    """folder → a lab on it in a process of its own, ended after the test."""
    started: list[Server] = []

    def start(folder, **options):
        started.append(Server(Path(folder), **options))
        return started[-1]

    yield start
    for server in started:
        if server.process.poll() is None:
            server.process.kill()
            server.process.wait(10)
