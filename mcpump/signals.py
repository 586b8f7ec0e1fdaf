"""Reasons to stop a run early: a signal, or the time that it was given."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Any, Self

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1)
"""Signals after which a run saves and stops."""


class Stops:
    """Catches the signals while it is entered, and watches the clock.

    The first signal asks the run to stop between blocks; a second SIGINT or SIGTERM interrupts at once.
    """

    def __init__(self, max_time: float | None = None) -> None:
        self.until = None if max_time is None else time.monotonic() + max_time
        self.max_time, self.signal = max_time, 0
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self.before = {number: signal.signal(number, self._note) for number in SIGNALS}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.signal and number != signal.SIGUSR1:
            raise KeyboardInterrupt
        self.signal = number

    def reason(self) -> str:
        """Why to stop, or ""."""
        if self.signal:
            return f"signal {signal.Signals(self.signal).name}"
        if self.until is not None and time.monotonic() >= self.until:
            return f"--max-time of {self.max_time:g} s is over"
        return ""
