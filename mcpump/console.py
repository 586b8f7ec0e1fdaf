"""What the command line and the scripts in analysis/ print to: what nobody can take is lost, and ends nothing.

No text gives a terminal instructions; letters that it does not know become ?, or, where it is asked for, ASCII.
"""

from __future__ import annotations

import codecs
import contextlib
import errno
import io
import os
import re
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


WIDTH, NARROWEST = 120, 60
"""Columns where it is not known how wide the reader's window is, and the fewest that a table keeps to."""
_PLAIN = {
    "±": "+-", "ħ": "hbar", "ℓ": "l", "τ": "tau", "λ": "lambda", "ν": "nu", "Ω": "Omega", "ω": "omega", "σ": "sigma",
    "π": "pi", "α": "alpha", "γ": "gamma", "θ": "theta", "ρ": "rho", "μ": "mu", "µ": "u", "ε": "eps", "Δ": "d",
    "δ": "delta", "φ": "phi", "κ": "kappa", "χ": "chi", "Σ": "sum", "∂": "d", "∇": "grad", "∫": "int", "√": "sqrt",
    "∞": "inf", "∝": "~", "×": "x", "·": "*", "−": "-", "–": "-", "—": "-", "…": "...", "≈": "~", "≤": "<=", "≥": ">=",
    "≪": "<<", "≫": ">>", "≠": "!=", "∥": "||", "⟨": "<", "⟩": ">", "′": "'", "½": "1/2", "¾": "3/4", "ṅ": "dn/dt",
    "Ṡ": "dS/dt", "→": "->", "₀": "0", "₁": "1", "₂": "2", "Å": "A", "↑": "u", "↓": "d", "ä": "ae", "ö": "oe",
    "ü": "ue", "ß": "ss", "á": "a", "é": "e", "è": "e", "\u2009": " ", "\u202f": " ", "\u00a0": " ", "“": '"', "”": '"',
    "‘": "'", "’": "'",
}  # fmt: skip
"""Letters in ASCII."""
_RAISED = {raised: digit for raised, digit in zip("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789", strict=True)}
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")
"""Characters that are instructions: to a terminal, of line breaks, of the direction of writing."""


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

    Instructions to a terminal are written out; the progress bar alone returns to the beginning of its line.

    own_process: the process ends with the command, so that its streams may be replaced by ones that never fail.
    """
    if own_process:
        sys.stdout, sys.stderr = _lossy(1, sys.stdout), _lossy(2, sys.stderr)
    for stream, allowed in ((sys.stdout, "\n\t"), (sys.stderr, "\n\t\r")):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
            if "write" not in vars(stream):
                stream.write = _written(stream.write, allowed)  # type: ignore[method-assign]


def _written(write: Callable[[str], int], allowed: str) -> Callable[[str], int]:
    """Write of a stream without instructions but those that are allowed."""
    return lambda text: write(plain(text, allowed)) and len(text)


def plain(text: str, allowed: str = "") -> str:
    """Text in which instructions are written out, as in a program."""
    return CONTROL.sub(lambda found: found[0] if found[0] in allowed else repr(found[0])[1:-1], text)


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


class Shape:
    """How tables are printed."""

    plain = False
    """In ASCII alone."""
    spelling: ClassVar[list[tuple[io.TextIOWrapper, str]]] = []
    """Streams that are given ASCII, with the encoding that they had."""


def in_ascii(wanted: bool) -> None:
    """Print in ASCII alone, if wanted: standard output and error, and tables, whose columns stay aligned."""
    Shape.plain = wanted
    for held, encoding in Shape.spelling:
        if not held.closed:
            held.reconfigure(encoding=encoding, errors="replace")
    Shape.spelling.clear()
    codecs.register_error("mcpump-plain", _spelled)
    for stream in (sys.stdout, sys.stderr):
        if wanted and isinstance(stream, io.TextIOWrapper):
            Shape.spelling.append((stream, stream.encoding))
            stream.reconfigure(encoding="ascii", errors="mcpump-plain")


def width() -> int:
    """Columns of the terminal that standard output is; 120 where it is none."""
    try:
        return max(NARROWEST, os.get_terminal_size(sys.stdout.fileno()).columns)
    except (OSError, ValueError, AttributeError):
        return WIDTH


def printed(text: str) -> str:
    """Text as it is to be printed: spelled in ASCII where tables are plain, so that columns are aligned."""
    return spelled(text) if Shape.plain else text


def spelled(text: str) -> str:
    """Spell text in ASCII: "1e-9 J/m²" becomes "1e-9 J/m^2"."""
    parts, raised = list[str](), False
    for letter in text:
        if letter in _RAISED:
            parts.append(("" if raised else "^") + _RAISED[letter])
        else:
            parts.append(letter if letter.isascii() else _PLAIN.get(letter, "?"))
        raised = letter in _RAISED
    return "".join(parts)


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """What an ASCII stream writes of letters that it does not know."""
    assert isinstance(error, UnicodeEncodeError)
    return spelled(error.object[error.start : error.end]), error.end
