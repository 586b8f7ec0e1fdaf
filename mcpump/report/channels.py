"""How far the channels of a run differ, one sentence each, and why."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mcpump.report.words import (
    NOTHING,
    at,
    clock_of,
    column_name,
    labels,
    number,
    plane_places,
    spans_of,
    wrap,
)
from mcpump.tally.estimates import Estimate, Result

LADDER = "the ladder between the two exchange vertices: a spin that returns to the texture turns again"
_DIFFUSIVE, _TOTAL = 1, 2


class _Comparison(NamedTuple):
    """A channel and the sum of others that it is laid beside."""

    above: str
    below: tuple[str, ...]
    part: int
    ratio: str
    """Name of the estimate that holds the ratio, of the currents through planes or else of the mean density."""


def channel_lines(result: Result) -> list[str]:
    """Sentences on second_ladder beside second, and on exact beside the lowest orders, where both were walked."""
    channels = labels(result, "channel")
    lines: list[str] = []
    if {"second", "second_ladder"} <= set(channels):
        pair = _Comparison("second_ladder", ("second",), _DIFFUSIVE, "ladder_ratio")
        lines += wrap(_sentence(result, pair, LADDER))
    second = next((name for name in ("second_ladder", "second") if name in channels), None)
    if {"exact", "first"} <= set(channels) and second:
        why = "orders above J²" + ("" if second == "second_ladder" else f", and {LADDER}")
        pair = _Comparison("exact", ("first", second), _TOTAL, "exact_ratio")
        lines += wrap(_sentence(result, pair, why))
    return lines


def _sentence(result: Result, pair: _Comparison, why: str) -> str:
    ratio, below = result.estimates.get(pair.ratio), " + ".join(pair.below)
    if ratio is None:
        return f"{pair.above} and {below}: they are compared at planes, and there are none"
    found = _told(result, pair, ratio)
    if found is None:
        return f"{pair.above} and {below}: no number stands out of its error, so they cannot be compared"
    size, where = found
    return f"{pair.above} is {size} times {below} ({where}): {why}"


def _told(result: Result, pair: _Comparison, ratio: Estimate) -> tuple[str, str] | None:
    """Ratio where the lower channels' current or mean density is largest, and which one that is."""
    at_planes = "plane" in ratio.dims
    lower = result.estimates["plane_current" if at_planes else "spin_density_mean"]
    rows = [labels(result, "channel").index(name) for name in pair.below]
    size = np.abs(lower.mean[(rows, pair.part, 0) if at_planes else (rows, pair.part)].sum(axis=0))
    place = _largest(np.where(np.isfinite(ratio.mean), size, 0.0), clock_of(ratio))
    if place is None:
        return None
    name = _name(result, ratio, place)
    if at_planes:
        where = f"{_part(pair)} current {name} at x = {plane_places(result)[place[-1]]}"
    else:
        where = f"{_part(pair)} density {name}, mean over the sample"
    return number(*at(ratio, *place)), where


def _largest(size: np.ndarray, clock: str) -> tuple[int, ...] | None:
    """Place of the largest number: of the DC ones, where they are not zero."""
    candidates = (
        size[:1]
        if clock == "harmonic" and size[0].max(initial=0.0) > NOTHING * size.max(initial=0.0)
        else size
    )
    if not candidates.max(initial=0.0) > 0.0:
        return None
    return tuple(int(i) for i in np.unravel_index(np.argmax(candidates), candidates.shape))


def _part(pair: _Comparison) -> str:
    return "diffusive" if pair.part == _DIFFUSIVE else "total"


def _name(result: Result, estimate: Estimate, place_: tuple[int, ...]) -> str:
    component = labels(result, "component")[place_[1]]
    if clock_of(estimate) == "time":
        return f"{component}, {spans_of(result)[place_[0]]},"
    return column_name(labels(result, "harmonic")[place_[0]], component)
