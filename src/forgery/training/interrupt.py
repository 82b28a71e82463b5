"""Ctrl-C and SIGTERM as a request to finish the step, save and leave."""

import signal
import threading
from types import FrameType
from typing import Any


class Interrupt:
    """While entered, the first signal sets :attr:`signal`; a second one leaves at once.

    Outside the main thread, where Python accepts no handlers, it never triggers.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
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
            raise KeyboardInterrupt
        self.signal = number
