"""What the command line and the scripts in analysis/ print to: letters that it does not know, its width, plain ASCII."""

from __future__ import annotations

import codecs
import io
import os
import sys
from typing import ClassVar

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


class Shape:
    """How tables are printed."""

    plain = False
    """In ASCII alone."""
    spelling: ClassVar[list[tuple[io.TextIOWrapper, str]]] = []
    """Streams that are given ASCII, with the encoding that they had."""


def prepare(plain: bool = False) -> None:
    """Let standard output and error show ? for a letter that they do not know, like ℓ in an ASCII log.

    plain: they are given ASCII alone.
    """
    Shape.plain = plain
    for held, encoding in Shape.spelling:
        if not held.closed:
            held.reconfigure(encoding=encoding)
    Shape.spelling.clear()
    codecs.register_error("mcpump-plain", _spelled)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            if plain:
                Shape.spelling.append((stream, stream.encoding))
                stream.reconfigure(encoding="ascii", errors="mcpump-plain")
            else:
                stream.reconfigure(errors="replace")


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
