"""What the command line and the scripts in analysis/ print to."""

from __future__ import annotations

import io
import sys


def prepare() -> None:
    """Let standard output and error show ? for a letter that they do not know, like ℓ in an ASCII log."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
