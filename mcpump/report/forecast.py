"""What the table says of accuracy: walkers and time that would tell the DC current to 1 %, from the run's own errors."""

from __future__ import annotations

import math

import numpy as np

from mcpump.report.words import (
    at_plane,
    column_name,
    column_of,
    headline_of,
    place,
    plane_current,
    thousands,
    tied,
    wrap,
)
from mcpump.simulate.pilot import Pilot, walkers_of
from mcpump.tally.estimates import Estimate, Result
from mcpump.tally.scales import channels_of, units_of
from mcpump.tally.scales import headline_of as headline_of_problem
from mcpump.tally.tally import MIN_BLOCKS

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


def pilot_lines(pilot: Pilot) -> list[str]:
    """What a deck's walkers will tell of the DC current through each plane, and what 1 % would take."""
    problem = pilot.problem
    headline = headline_of_problem(problem)
    row = channels_of(problem).index(headline.channel)
    total, scatter, floor = (one[2, row, 0] for one in (pilot.mean, pilot.scatter, pilot.floor))
    size = np.nan_to_num(np.abs(total))
    if not size.any():
        return wrap(
            f"pilot of {thousands(pilot.walkers)} walkers: no DC current in channel {headline.channel}"
        )
    component = int(np.unravel_index(np.argmax(size), size.shape)[0])
    wanted, units = walkers_of(problem), units_of(problem)["length"]
    known, costs = list[str](), list[str]()
    for x, j, s, f in zip(
        problem.extents.planes, *(one[component] for one in (total, scatter, floor)), strict=True
    ):
        at, j = f"x = {place(x, units)}", abs(float(j))
        if not (math.isfinite(j) and j > VAGUE * math.hypot(s, f)):
            known.append(tied(f"{at} below {VAGUE:g} errors in the pilot"))
            continue
        error = math.hypot(s * math.sqrt(pilot.walkers / wanted), f) / j
        known.append(tied(f"{at} {100.0 * error:.2g} %"))
        costs.append(tied(f"{at} {_cost(pilot, j, s, f)}"))
    name = column_name("dc", "xyz"[component])
    clock = time_text(pilot.preparation + pilot.seconds * wanted)
    lines = wrap(
        f"pilot of {thousands(pilot.walkers)} walkers: the current {name}, channel {headline.channel}, will be known by "
        f"{thousands(wanted)} walkers ({clock}) to {', '.join(known)}"
    )
    return lines + (wrap(f"for {TARGET * 100:g} %: {', '.join(costs)}") if costs else [])


def _cost(pilot: Pilot, j: float, scatter: float, floor: float) -> str:
    """Walkers and time that tell a current to the target."""
    left = (TARGET * j) ** 2 - floor**2
    if not left > 0.0:
        return f"cannot be had by more walkers (numerical error {100.0 * floor / j:.2g} %)"
    fewest = MIN_BLOCKS * pilot.problem.scene.walkers_per_block
    walkers = max(math.ceil(pilot.walkers * scatter**2 / left), fewest)
    few = " or fewer" if walkers == fewest else ""
    return f"{count_text(walkers)} walkers{few} ({time_text(pilot.preparation + pilot.seconds * walkers)})"


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
