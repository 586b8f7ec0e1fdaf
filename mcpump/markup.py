"""HTML for notebooks: tables and texts, escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape


def table(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Table of texts; the first cell of a row is its name."""
    top = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(
        f"<tr><th>{escape(first)}</th>{''.join(f'<td>{escape(cell)}</td>' for cell in rest)}</tr>"
        for first, *rest in rows
    )
    above = f"<thead><tr>{top}</tr></thead>" if head else ""
    return f"<table><caption>{escape(caption)}</caption>{above}<tbody>{body}</tbody></table>"


def text(lines: str) -> str:
    """Text whose columns stay."""
    return f'<pre style="line-height: 1.25">{escape(lines)}</pre>'


def folded(title: str, inside: str) -> str:
    """What a reader may open below a title."""
    return f"<details><summary>{escape(title)}</summary>{inside}</details>"


def number(value: float | complex, digits: int = 4) -> str:
    """A number for a table."""
    if isinstance(value, complex) and value.imag == 0.0:
        value = value.real
    return f"{value + 0.0:.{digits}g}"
