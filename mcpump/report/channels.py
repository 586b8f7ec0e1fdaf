"""How far the channels of a run differ, one sentence each, and why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcpump.report.words import at_plane, column_of, labels, plane_current, wrap, written
from mcpump.tally.estimates import NOTHING, Estimate, Result

LADDER = "the ladder between the two exchange vertices: a spin that returns to the texture turns again"


def channel_lines(result: Result) -> list[str]:
    """Sentences on second_ladder beside second, and on exact beside the lowest orders, where both were walked."""
    channels = labels(result, "channel")
    lines: list[str] = []
    if {"second", "second_ladder"} <= set(channels):
        lines += wrap(_sentence(result, "second_ladder", ("second",), "diffusive", LADDER))
    second = next((name for name in ("second_ladder", "second") if name in channels), None)
    if {"exact", "first"} <= set(channels) and second:
        why = "orders above J²" + ("" if second == "second_ladder" else f", and {LADDER}")
        lines += wrap(_sentence(result, "exact", ("first", second), "total", why))
    return lines


def _sentence(result: Result, above: str, below: tuple[str, ...], part: str, why: str) -> str:
    ratio = result.estimates.get(f"{above.removeprefix('second_')}_ratio")
    both = f"{above} and {' + '.join(below)}"
    if ratio is None:
        return f"{both}: they are compared at planes, and there are none"
    found = _where(result, ratio, below, part)
    if found is None:
        return f"{both}: no number stands out of its error, so they cannot be compared"
    name = column_of(result, found.coords)
    if "plane" in found.coords:
        comma = "," if "time" in found.coords else ""
        where = f"{part} current {name}{comma} at {at_plane(result, found.coords['plane'])}"
    else:
        where = f"{part} density {name}, mean over the sample"
    return f"{above} is {written(found)} times {' + '.join(below)} ({where}): {why}"


def _where(result: Result, ratio: Estimate, below: tuple[str, ...], part: str) -> Estimate | None:
    """Ratio where the lower channels' current or mean density is largest: of the DC ones, where they are not zero."""
    lower = plane_current(result) if "plane" in ratio.dims else result.estimates["spin_density_mean"]
    sums = np.sum([lower.sel(channel=name, part=part).mean for name in below], axis=0)
    size = replace(ratio, mean=np.where(np.isfinite(ratio.mean), np.abs(sums), 0.0), stderr=None)
    largest = size.largest()
    if "harmonic" in ratio.dims and (dc := size.sel(harmonic="dc").largest()).mean > NOTHING * largest.mean:
        largest = dc
    if not largest.mean > 0.0:
        return None
    return ratio.sel(**{axis: largest.coords[axis] for axis in ratio.dims})
