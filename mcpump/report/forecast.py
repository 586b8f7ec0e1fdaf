"""What the table says of accuracy: walkers and time that would tell the DC current to 1 %, from the run's own errors."""

from __future__ import annotations

import math

import numpy as np

from mcpump.report.words import at_plane, column_of, headline_of, plane_current, tied, wrap
from mcpump.tally.estimates import Estimate, Result

TARGET = 0.01
"""Relative error that is forecast."""
VAGUE = 4.0
"""Errors that a current must have for a forecast to be right within some 25 %."""


def forecast_lines(result: Result) -> list[str]:
    """Line of the table; none where there is no DC current, or everything is known so well."""
    current = plane_current(result).sel(channel=headline_of(result).channel)
    if current.clock != "harmonic":
        return []
    total = current.sel(part="total", harmonic="dc")
    size = np.nan_to_num(np.abs(total.mean))
    if not size.any():
        return []
    component = total.places("component")[int(np.unravel_index(np.argmax(size), size.shape)[0])]
    texts = []
    for x in total.places("plane"):
        here = current.sel(harmonic="dc", component=component, plane=x)
        text = _forecast(result, here)
        if text:
            texts.append(tied(f"{at_plane(result, x)} {text}"))
    if not texts:
        return []
    name = column_of(result, {"harmonic": "dc", "component": component})
    return wrap(f"for {TARGET * 100:g} % of the current {name}, at the speed of this run: {', '.join(texts)}")


def _forecast(result: Result, parts: Estimate) -> str:
    """Walkers and time for one plane; empty where it is known, or nothing can be told."""
    total, local = parts.sel(part="total"), parts.sel(part="local")
    j, error = abs(float(total.mean)), float(total.error)
    if not (math.isfinite(j) and error > TARGET * j and j > VAGUE * error):
        return ""
    # a local part without walkers has a numerical error, which more of them do not make smaller
    floor = float(local.error) if "profiles" in result.groundwork else 0.0
    left = (TARGET * j) ** 2 - floor**2
    if not left > 0.0:
        return f"cannot be had by more walkers (numerical error {100.0 * floor / j:.2g} %)"
    factor = (error**2 - floor**2) / left
    walkers = math.ceil(result.walkers * factor)
    seconds = result.provenance.get("wall_time_s")
    clock = f" ({time_text(seconds * factor)})" if isinstance(seconds, int | float) and seconds > 0.0 else ""
    return f"{count_text(walkers)} walkers{clock}"


def count_text(count: float) -> str:
    """A rough count: "4.1e6"."""
    digits, power = f"{count:.1e}".split("e")
    return f"{digits}e{int(power)}"


def time_text(seconds: float) -> str:
    """A rough time: "3 min"."""
    for unit, length in (("d", 86400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 1.5 * length:
            return (
                f"{seconds / length:.2g} {unit}"
                if seconds < 100.0 * length
                else f"{seconds / length:.0f} {unit}"
            )
    return f"{max(seconds, 1.0):.2g} s"
