"""Errors that a user can mend: each carries one sentence, which the command line prints as it is.

Beside them what such sentences need: a value as it is shown, and the bytes of a file that people write.
"""

from __future__ import annotations

import errno
import hashlib
import os
import select
import stat
from typing import Any, BinaryIO


class McpumpError(Exception):
    """Base of the errors that mcpump raises on purpose; its text is one sentence for the user."""

    status = 2
    """Exit status of the command line."""


class InputError(McpumpError):
    """A deck, an option or a file that cannot be used: names the key, the value and what is accepted (status 2)."""


class ResultsFileError(McpumpError):
    """A results file that is foreign, damaged, or may not be overwritten (status 2)."""


class RangeError(McpumpError, FloatingPointError):
    """A block's sum that is not finite, or too large for the exact sums (status 1)."""

    status = 1


class WalkerError(McpumpError):
    """A walker that flies without an end or meets a number that is not finite (status 1)."""

    status = 1

    def __init__(self, walker: int, what: str, first_flight: bool = False) -> None:
        shown = f"`mcpump replay DECK --walker {walker}` shows its way"
        super().__init__(
            f"first flight {walker} of the local part {what}"
            if first_flight
            else f"walker {walker} {what}: {shown}"
        )
        self.walker = walker


class StoppedError(McpumpError):
    """A run that had to stop before its first block was complete, so that there is nothing to save (status 75)."""

    status = 75


LARGEST = 10_000_000
"""Bytes of the largest deck or texture file."""
SILENT = 20.0
"""Seconds for which a pipe may stay silent: a pipe that nobody writes to has no end."""


def show(value: Any, longest: int = 60) -> str:
    """Write a value of a deck for a sentence: short, on one line, and always printable."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int) and abs(value) >= 10**longest:
        return f"an integer of {value.bit_length()} bits"
    try:
        text = '"' + repr(value)[1:-1] + '"' if isinstance(value, str) else repr(value)
    except (RecursionError, ValueError):
        return f"a {type(value).__name__} too large to show"
    text = text.encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= longest else text[: longest - 1] + "…"


def hash_of_file(path: str | os.PathLike[str]) -> str:
    """sha256 of a file's bytes, or "" where it cannot be read."""
    try:
        return hashlib.sha256(read_some(path)).hexdigest()
    except (OSError, ValueError):
        return ""


def opened(path: str | os.PathLike[str], pipes: bool = False) -> BinaryIO:
    """Open a file to read; what is no file, like a device or a pipe, which may have no end, is a ValueError.

    Parameters
    ----------
    path : path
        The file.
    pipes : bool
        Whether pipes are taken, too: `mcpump check <(make_deck)`.
    """
    # a pipe that nobody writes to would be waited for
    waits = getattr(os, "O_NONBLOCK", 0)
    number = os.open(path, os.O_RDONLY | waits | getattr(os, "O_BINARY", 0))
    mode = os.fstat(number).st_mode
    if stat.S_ISREG(mode) or (pipes and stat.S_ISFIFO(mode)):
        return open(number, "rb")
    os.close(number)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    raise ValueError("it is a device or a pipe, not a file")


def _from_pipe(number: int, most: int) -> bytes:
    """Bytes of a pipe until its writers are gone; a pipe that stays silent is a ValueError."""
    data = bytearray()
    while len(data) < most:
        if not select.select([number], [], [], SILENT)[0]:
            raise ValueError(f"nothing came through this pipe for {SILENT:g} s")
        more = os.read(number, most - len(data))
        if not more:
            break
        data += more
    return bytes(data)


def read_some(path: str | os.PathLike[str], pipes: bool = False, largest: int = LARGEST) -> bytes:
    """Read a file that people write; one larger than any of these, or without an end, is a ValueError."""
    with opened(path, pipes) as stream:
        if stat.S_ISFIFO(os.fstat(stream.fileno()).st_mode):
            data = _from_pipe(stream.fileno(), largest + 1)
        else:
            data = stream.read(largest + 1)
    if len(data) > largest:
        raise ValueError(f"it is larger than {largest // 10**6} MB")
    return data
