"""Reasons to stop a run early: a signal, or the time that it was given."""

from __future__ import annotations

import signal
import threading
import time
from types import FrameType
from typing import Any, Self

from mcpump.errors import StoppedError

SIGNALS = (
    signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP, signal.SIGXCPU
)  # fmt: skip
"""Signals after which a run saves and stops."""


AGAIN = 0.3
"""Seconds: a terminal, mpirun and srun may all hand on one and the same signal; what comes later is a second one."""

_heard: list[int] = []
"""Signals that came before a run could save."""


def heed() -> None:
    """Let a signal that comes before a run can save end the program with a sentence (SIGINT interrupts it as ever)."""
    for number in SIGNALS:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, _end)


def _end(number: int, _: FrameType | None) -> None:
    _heard.append(number)  # should a library swallow what is raised
    raise StoppedError(f"stopped: signal {signal.Signals(number).name}, before anything was walked")


class Stops:
    """Catches the signals while it is entered, and watches the clock.

    The first signal asks the run to stop, and to give up blocks that take long; a SIGINT after it (a second Ctrl-C)
    interrupts at once.

    Parameters
    ----------
    max_time : float, optional
        Seconds after which to stop.
    to_the_end : bool
        The process ends with the run: afterwards signals are ignored, so that one that comes while Python and MPI
        close down does not kill, in the eyes of a job script, a run whose file is safe.
    """

    def __init__(self, max_time: float | None = None, to_the_end: bool = False) -> None:
        self.until = None if max_time is None else time.monotonic() + max_time
        self.to_the_end = to_the_end
        self.max_time, self.signal, self.caught = max_time, next(iter(_heard), 0), 0.0
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            # `nohup` has a terminal that closes ignored
            caught = [
                number
                for number in SIGNALS
                if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN
            ]
            self.before = {number: signal.signal(number, self._note) for number in caught}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, signal.SIG_IGN if self.to_the_end else handler)

    def _note(self, number: int, _: FrameType | None) -> None:
        now = time.monotonic()
        if not self.signal:
            self.signal, self.caught = number, now
        elif number == signal.SIGINT and now - self.caught > AGAIN:
            raise KeyboardInterrupt

    def reason(self) -> str:
        """Why to stop, or ""."""
        if self.signal:
            return f"signal {signal.Signals(self.signal).name}"
        if self.until is not None and time.monotonic() >= self.until:
            return f"--max-time of {self.max_time:g} s is over"
        return ""
