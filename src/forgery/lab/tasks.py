"""Work that takes longer than a request: it runs in a thread, and the page asks how far it is."""

import secrets
import threading
from collections.abc import Callable
from typing import Any

from ..errors import ForgeryError
from .answers import Refused

#: Tasks that run at the same time, and finished ones that are remembered, at most.
RUNNING, REMEMBERED = 2, 20

#: Called with what is done, how much of it, and of how much.
Report = Callable[[str, int, int], None]


class Cancelled(Exception):
    """The task is not wanted any more."""


class Tasks:
    """Tasks by their names, which :meth:`start` returns."""

    def __init__(self) -> None:
        self._states: dict[str, dict[str, Any]] = {}
        self._stop: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    def start(self, work: Callable[[Report], dict[str, Any]]) -> str:
        """Start a task in a thread of its own.

        Raises
        ------
        Refused
            If :data:`RUNNING` others have not ended.
        """
        name, stop = secrets.token_hex(8), threading.Event()
        with self._lock:
            if sum(not state["ended"] for state in self._states.values()) >= RUNNING:
                raise Refused(f"{RUNNING} searches are running: wait for one, or stop it", 429)
            for old in [n for n, state in self._states.items() if state["ended"]][:-REMEMBERED]:
                del self._states[old], self._stop[old]
            self._stop[name] = stop
            self._states[name] = {"ended": False, "what": "", "done": 0, "of": 0}

        def report(what: str, done: int, of: int) -> None:
            if stop.is_set():
                raise Cancelled
            self._states[name] = {"ended": False, "what": what, "done": done, "of": of}

        def run() -> None:
            try:
                end: dict[str, Any] = {"result": work(report)}
            except Cancelled:
                end = {"error": "stopped"}
            except ForgeryError as error:
                end = {"error": str(error)}
            except Exception as error:  # the page must not wait for ever
                end = {"error": f"{type(error).__name__}: {error}"}
            self._states[name] = {"ended": True} | end

        # A daemon, so that the lab can end although an epoch of a classifier has not.
        threading.Thread(target=run, daemon=True).start()
        return name

    def state(self, name: str) -> dict[str, Any]:
        """How far a task is: ``what, done, of``, or ``ended`` with ``result`` or ``error``.

        Raises
        ------
        Refused
            If there is no such task.
        """
        if name not in self._states:
            raise Refused("there is no such search: it ended long ago", 404)
        return self._states[name]

    def stop(self, name: str) -> None:
        """Ask a task to end at its next report."""
        if name in self._stop:
            self._stop[name].set()

    def close(self) -> None:
        """Ask all tasks to end."""
        for name in list(self._stop):
            self.stop(name)
