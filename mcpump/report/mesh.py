"""The table of a run on a mesh without planes: the largest density and current, and where they are."""

from __future__ import annotations

import numpy as np

from mcpump.report.words import (
    channel_of,
    clock_of,
    column_name,
    columns_of,
    headline_of,
    labels,
    mesh_axes,
    place,
    positions,
    power_of_ten,
    pretty,
    scaled,
    spans_of,
    wrap,
)
from mcpump.tally.estimates import Estimate, Result

_TOTAL, _MOST = 2, 4
"""Part, and multiples of Ω that get lines."""


def mesh_lines(result: Result) -> list[str]:
    """Lines with the largest density and current over the mesh, for DC and each multiple of Ω, or over all time bins."""
    cells = " × ".join(str(positions(result, axis).mean.size) for axis in mesh_axes(result))
    lines = [
        f"Largest on the mesh of {cells} cells, {headline_of(result).title}, local and diffusive together"
    ]
    density, current = result.estimates["spin_density"], result.estimates["spin_current"]
    rows = _rows(result, density, (), "density")
    for i, axis in enumerate(labels(result, "direction")):
        rows += _rows(result, current, (i,), f"current along {axis}")
    width = max((len(row[0]) for row in rows), default=0)
    for title, text in rows:
        lines += wrap(f"  {title:<{width}}  {text}".replace("  ", "\0\0"))
    return [line.rstrip() for line in lines] if rows else []


def _rows(
    result: Result, estimate: Estimate, direction: tuple[int, ...], title: str
) -> list[tuple[str, str]]:
    channel = channel_of(result)
    size = np.abs(np.nan_to_num(estimate.mean[(channel, _TOTAL, *direction)]))  # clock, component, place
    pairs, timed = columns_of(estimate), clock_of(estimate) == "time"
    rows = []
    for multiple in sorted({0 if timed else (h + 1) // 2 for h, _ in pairs})[:_MOST]:
        mine = [pair for pair in pairs if timed or (pair[0] + 1) // 2 == multiple]
        pair = max(mine, key=lambda pair: float(size[pair].max()))
        if size[pair].max() == 0.0:
            continue
        at = tuple(int(i) for i in np.unravel_index(np.argmax(size[pair]), size[pair].shape))
        power = power_of_ten(size[pair])
        number = scaled(estimate, 10.0**-power, channel, _TOTAL, *direction, *pair, *at)
        unit = f"1e{power} {pretty(estimate.units)}" if power else pretty(estimate.units)
        rows.append((f"{title}, {_name(result, pair, timed)}", f"{number} [{unit}] at {_place(result, at)}"))
    return rows


def _name(result: Result, pair: tuple[int, int], timed: bool) -> str:
    component = labels(result, "component")[pair[1]]
    if timed:
        return f"{component}, {spans_of(result)[pair[0]]}"
    return column_name(labels(result, "harmonic")[pair[0]], component)


def _place(result: Result, at: tuple[int, ...]) -> str:
    axes = [(axis, positions(result, axis)) for axis in mesh_axes(result)]
    return ", ".join(
        f"{axis} = {place(float(p.mean[i]), p.units)}" for (axis, p), i in zip(axes, at, strict=True)
    )
