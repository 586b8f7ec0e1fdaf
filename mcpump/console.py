"""What the command line and the scripts in analysis/ print to: what nobody can take is lost, and ends nothing."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Lossy(io.FileIO):
    """A standard stream whose reader may go, and whose disk may be full: what cannot be written is dropped."""

    trouble: OSError | None = None
    """Why something was dropped first."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write, or drop."""
        try:
            while (written := super().write(data)) is None:  # a pipe that is full, and was told not to wait
                time.sleep(0.01)
        except OSError as error:
            self.trouble = self.trouble or error
            return memoryview(data).nbytes
        return written


def prepare(own_process: bool = False) -> None:
    """Let standard output and error show ? for a letter that they do not know, like ℓ in an ASCII log.

    own_process: the process ends with the command, so that its streams may be replaced by ones that never fail.
    """
    if own_process:
        sys.stdout, sys.stderr = _lossy(1, sys.stdout), _lossy(2, sys.stderr)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _lossy(number: int, stream: object) -> io.TextIOWrapper:
    """A standard stream that never fails; one that is closed stays empty, so that no file gets its number."""
    closed = stream is None
    if closed:
        place = os.open(os.devnull, os.O_WRONLY)
        if place != number:
            os.dup2(place, number)
            os.close(place)
        os.set_inheritable(number, True)
    raw = _Lossy(number, "w", closefd=False)
    raw.trouble = OSError(errno.EBADF, "it is closed") if closed else None
    lines = number == 2 or raw.isatty()
    return io.TextIOWrapper(
        io.BufferedWriter(raw), getattr(stream, "encoding", "utf-8"), line_buffering=lines
    )


def lost() -> str:
    """Why something of standard output was lost, or ""; a reader that has gone (head, less) has lost nothing."""
    sys.stdout.flush()
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    trouble = raw.trouble if isinstance(raw, _Lossy) else None
    return "" if trouble is None or isinstance(trouble, BrokenPipeError) else str(trouble.strerror)


def tell(text: str) -> None:
    """Tell a line on standard error, where there is one."""
    if sys.stderr is not None:
        with contextlib.suppress(OSError, ValueError):
            sys.stderr.write(f"{text}\n")  # in one piece: ranks share it
            sys.stderr.flush()
