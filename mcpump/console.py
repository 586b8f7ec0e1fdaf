"""What the command line and the scripts in analysis/ print to, and what no text may do to a terminal."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable

CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Characters that are instructions: to a terminal, of line breaks, of the direction of writing."""


def prepare() -> None:
    """Let standard output and error show ? for a letter that they do not know, and instructions as \\x1b."""
    for stream, allowed in ((sys.stdout, "\n\t"), (sys.stderr, "\n\t\r")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
            if "write" not in vars(stream):
                stream.write = _written(stream.write, allowed)  # type: ignore[method-assign]


def _written(write: Callable[[str], int], allowed: str) -> Callable[[str], int]:
    """Write of a stream that lets no instructions pass but some; the progress bar returns to the line's beginning."""
    return lambda text: write(plain(text, allowed)) and len(text)


def plain(text: str, allowed: str = "") -> str:
    """Text with instructions written out as in a program: \\x1b."""
    return CONTROL.sub(lambda found: found[0] if found[0] in allowed else repr(found[0])[1:-1], text)
