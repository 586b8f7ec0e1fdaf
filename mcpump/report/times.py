"""The table of a transient: currents through planes at the end and at their largest, or the spin in each time bin."""

from __future__ import annotations

import numpy as np

from mcpump.names import PARTS
from mcpump.report.words import (
    NOTHING,
    at,
    channel_of,
    doubt,
    headline_of,
    labels,
    mesh_axes,
    number,
    plane_places,
    positions,
    power_of_ten,
    pretty,
    scaled,
    spans_of,
)
from mcpump.report.zeros import zero_lines
from mcpump.tally.estimates import Estimate, Result

Cells = list[tuple[str, ...]]
_CONTENTS = {"J s/m^3": "J s/m^2", "hbar nu J": "hbar nu J ell"}
"""Units of a density → of its integral along x."""


def is_pulse(result: Result) -> bool:
    """Whether a run is a pulse of the fast walk, which counts in its own spin and is told by that alone."""
    return result.estimates["spin_density"].units not in _CONTENTS


def transient_lines(result: Result) -> list[str]:
    """Lines of the table for a run in time bins: planes' currents, or else the spin in the sample."""
    if "plane_current" in result.estimates:
        return _current_lines(result, result.estimates["plane_current"])
    return _spin_lines(result) if len(mesh_axes(result)) == 1 else []


def last_current(result: Result, estimate: Estimate) -> list[str]:
    """Largest total current of the last time bin, in words, for the summary line."""
    channel = channel_of(result)
    totals = np.abs(estimate.mean[channel, 2, 0, -1])
    if not totals.any():
        return ["no spin current in the last time bin"]
    component, plane = (int(i) for i in np.unravel_index(np.argmax(totals), totals.shape))
    power = power_of_ten(totals[component])
    text = scaled(estimate, 10.0**-power, channel, 2, 0, -1, component, plane)
    name, where = labels(result, "component")[component], plane_places(result)[plane]
    span = spans_of(result)[-1]
    return [
        f"spin current {name} at x = {where}, {span}: ({text})e{power} {pretty(estimate.units)}{doubt(result)}"
    ]


def _current_lines(result: Result, current: Estimate) -> list[str]:
    channel = channel_of(result)
    size = np.abs(current.mean[channel]).max(axis=(0, 1, 2), initial=0.0)
    if current.stderr is not None:
        size = np.maximum(size, np.nan_to_num(current.stderr[channel]).max(axis=(0, 1, 2), initial=0.0))
    # (component, plane): what is more than rounding somewhere, at some time
    alive = np.asarray(size > NOTHING * size.max(initial=0.0))
    power = power_of_ten(current.mean[channel, 2])
    unit = f"[1e{power} {pretty(current.units)}]" if power else f"[{pretty(current.units)}]"
    rows: Cells = [(unit, f"last, {spans_of(result)[-1]}", "where the total is largest", "")]
    for component, plane in np.argwhere(alive):
        rows += _rows(result, current, 10.0**-power, channel, int(component), int(plane))
    lines = [f"Spin current along +x through planes, {headline_of(result).title}"]
    lines += _aligned(rows) if len(rows) > 1 else []
    pairs = [(0, int(component)) for component in np.flatnonzero(np.any(alive, axis=1))]
    return lines + zero_lines(result, pairs, [int(plane) for plane in np.flatnonzero(np.any(alive, axis=0))])


def _rows(
    result: Result, current: Estimate, factor: float, channel: int, component: int, plane: int
) -> Cells:
    """Three parts at one plane for one component."""
    here = (component, plane)
    largest = int(np.argmax(np.abs(current.mean[channel, 2, 0, :, component, plane])))
    where = f"{labels(result, 'component')[component]} at x = {plane_places(result)[plane]}"
    rows: Cells = []
    for part, name in enumerate(PARTS):
        start = where if part == 0 else " " * len(where)
        texts = [scaled(current, factor, channel, part, 0, bin_, *here) for bin_ in (-1, largest)]
        rows.append((f"{start} {name}", *texts, spans_of(result)[largest] if part == 2 else ""))
    return rows


def _aligned(rows: Cells) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, last, largest, when in rows:
        cells = f"{first:<{widths[0]}} | {last:>{widths[1]}} | {largest:>{widths[2]}}   {when}"
        lines.append(cells.rstrip())
    return lines


def _spin_lines(result: Result) -> list[str]:
    """Spin in each time bin; cells share walkers, so the sum of the cells' errors is only a bound."""
    density = result.estimates["spin_density"]
    spans = spans_of(result)
    first = max(map(len, spans)) + 1
    channel = channel_of(result)
    widths = np.diff(positions(result, "x_edge").mean)
    bound = np.zeros_like(density.mean) if density.stderr is None else density.stderr
    mean, stderr = density.mean[channel] @ widths, bound[channel] @ widths
    spin = Estimate(mean, stderr, ("part", "time", "component"), "1", "spin in the sample")
    unit = "pulse.spin" if is_pulse(result) else pretty(_CONTENTS[density.units])
    power = power_of_ten(mean) if unit.startswith("J") else 0
    lines = [
        f"Spin in the sample by time bin, {headline_of(result).title}  [{f'1e{power} ' if power else ''}{unit}]"
    ]
    lines.append("± is at most: cells share walkers, and their errors are added as if they agreed")
    for component in np.flatnonzero(mean.any(axis=(0, 1))):
        name = labels(result, "component")[component]
        lines.append(f"{name:<{first}}" + "".join(f"{part:>22}" for part in PARTS))
        for bin_, span in enumerate(spans):
            pairs = [at(spin, part, bin_, component) for part in range(len(PARTS))]
            cells = [number(m * 10.0**-power, (e or 0.0) * 10.0**-power) for m, e in pairs]
            lines.append(f"{span:<{first}}" + "".join(f"{cell:>22}" for cell in cells))
    return lines
