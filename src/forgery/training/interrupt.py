"""Ctrl-C and SIGTERM as requests to finish the step, save and exit."""

import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

#: A second signal within this many seconds is taken as a repetition of the first.
REPEATS_WITHIN = 1.0


class Interrupt:
    """Context in which the first signal sets :attr:`signal`, and a later one exits without saving.

    Outside the main thread, Python accepts no signal handlers, and signals are not handled.
    """

    def __init__(self) -> None:
        #: The number of the signal that arrived.
        self.signal: int | None = None
        #: Whether a callback has requested to stop.
        self.stop = False
        self._at = 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.signal is not None:
            if time.monotonic() - self._at > REPEATS_WITHIN:
                raise KeyboardInterrupt
            return
        self.signal, self._at = number, time.monotonic()
        print("\nsaving … (interrupt again to exit without saving)", file=sys.stderr, flush=True)
