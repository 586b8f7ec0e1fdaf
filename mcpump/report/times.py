"""The table of a transient: currents through planes at the end and at their largest, or the spin in each time bin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mcpump.names import PARTS
from mcpump.report.words import (
    aligned,
    at_plane,
    doubt,
    headline_of,
    in_units,
    mesh_axes,
    plane_current,
    positions,
    power_of_ten,
    pretty,
    span_of,
    told_channel,
    written,
)
from mcpump.report.zeros import zero_lines
from mcpump.tally.estimates import Estimate, Result

_CONTENTS = {"J s/m^3": "J s/m^2", "hbar nu J": "hbar nu J ell"}
"""Units of a density → of its integral along x."""


def is_pulse(result: Result) -> bool:
    """Whether a run is a plane pulse, which counts in its own spin and is told by that alone."""
    return result.estimates["spin_density"].units not in _CONTENTS


def transient_lines(result: Result) -> list[str]:
    """Lines of the table for a run in time bins: planes' currents, or else the spin in the sample."""
    if "plane_current" in result.estimates:
        return _current_lines(result)
    return _spin_lines(result) if len(mesh_axes(result)) == 1 else []


def last_current(result: Result) -> list[str]:
    """Largest total current of the last time bin, in words, for the summary line."""
    current = plane_current(result).sel(channel=headline_of(result).channel, part="total")
    one = current.sel(time=current.places("time")[-1]).largest()
    if not one.mean:
        return ["no spin current in the last time bin"]
    power, where = power_of_ten(one.mean), at_plane(result, one.coords["plane"])
    name, span = one.coords["component"], span_of(result, one.coords["time"])
    size = f"({written(one, 10.0**-power)})e{power} {pretty(one.units)}"
    return [f"spin current {name} at {where}, {span}: {size}{doubt(result)}"]


def _current_lines(result: Result) -> list[str]:
    current = plane_current(result).sel(channel=headline_of(result).channel)
    power, last = power_of_ten(current.sel(part="total").mean), current.places("time")[-1]
    rows = [
        (
            f"[{in_units(current.units, power)}]",
            f"last, {span_of(result, last)}",
            "where the total is largest",
            "",
        )
    ]
    there = current.stands_out("component", "plane")
    for column in there:
        rows += _rows(result, current.sel(**column), last, 10.0**-power)
    lines = [f"Spin current along +x through planes, {headline_of(result).title}"]
    lines += aligned(rows, ["<", " | >", " | >", "   <"]) if there else []
    planes = {column["plane"] for column in there}
    return lines + zero_lines(result, there, sorted(planes))


def _rows(result: Result, current: Estimate, last: float, factor: float) -> list[tuple[str, str, str, str]]:
    """Three parts at one plane for one component."""
    whole = current.sel(part="total")
    known = whole if np.isfinite(whole.mean).any() else current.sel(part="diffusive")
    largest = known.largest().coords["time"]
    where = f"{current.coords['component']} at {at_plane(result, current.coords['plane'])}"
    rows = []
    for part in PARTS:
        start = where if part == PARTS[0] else " " * len(where)
        texts = [written(current.sel(part=part, time=time), factor) for time in (last, largest)]
        rows.append(
            (f"{start} {part}", texts[0], texts[1], span_of(result, largest) if part == "total" else "")
        )
    return rows


def _spin_lines(result: Result) -> list[str]:
    """Spin in each time bin; cells share walkers, so the sum of the cells' errors is only a bound."""
    density = told_channel(result, "spin_density")
    widths = np.diff(positions(result, "x_edge").mean)
    dims, coords = density.dims[:-1], density.coords
    spin = Estimate(
        density.mean @ widths, density.error @ widths, dims, "1", "spin in the sample", coords=coords
    )
    unit = "pulse.spin" if is_pulse(result) else pretty(_CONTENTS[density.units])
    power = power_of_ten(spin.mean) if unit.startswith("J") else 0
    lines = [
        f"Spin in the sample by time bin, {headline_of(result).title}  [{f'1e{power} ' if power else ''}{unit}]",
        "± is at most: cells share walkers, and their errors are added as if they agreed",
    ]
    for component in spin.places("component"):
        mine = spin.sel(component=component)
        if not mine.mean.any():
            continue
        rows: list[Sequence[str]] = [(component, *PARTS)]
        for time in spin.places("time"):
            cells = [written(mine.sel(part=part, time=time), 10.0**-power) for part in PARTS]
            rows.append((f"{span_of(result, time)} ", *cells))
        lines += aligned(rows, ["<", ">22", ">22", ">22"])
    return lines
