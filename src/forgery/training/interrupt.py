"""Ctrl-C and SIGTERM as a request to finish the step, save and leave."""

import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

#: A second signal within so many seconds of the first repeats it: fingers and terminals send two.
REPEATS_WITHIN = 1.0


class Interrupt:
    """While entered, the first signal sets :attr:`signal`; a later one leaves at once, unsaved.

    Outside the main thread, where Python accepts no handlers, no signal is noticed.
    """

    def __init__(self) -> None:
        #: The number of the signal that arrived.
        self.signal: int | None = None
        #: Whether a callback has asked to stop.
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
        print("\nsaving … (once more to stop at once, without saving)", file=sys.stderr, flush=True)
