"""How far the channels of a run differ, one sentence each, and why."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mcpump.estimates import Estimate, Result
from mcpump.report_text import (
    NOTHING,
    at,
    clock_of,
    column_name,
    labels,
    number,
    place,
    plane_places,
    positions,
    spans_of,
    wrap,
)

LADDER = "the ladder between the two exchange vertices: a spin that returns to the texture turns again"
_DIFFUSIVE, _TOTAL = 1, 2


class _Comparison(NamedTuple):
    """A channel and the sum of others that it is laid beside."""

    above: str
    below: tuple[str, ...]
    part: int
    ratio: str
    """Name of the estimate that holds the ratio of the currents through planes."""


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
    found = _of_planes(result, pair) or _of_density(result, pair)
    below = " + ".join(pair.below)
    if found is None:
        return f"{pair.above} and {below}: no number stands out of its error, so they cannot be compared"
    ratio, where = found
    return f"{pair.above} is {ratio} times {below} ({where}): {why}"


def _of_planes(result: Result, pair: _Comparison) -> tuple[str, str] | None:
    """Ratio of the currents through planes where the lower one is largest, and which one that is."""
    ratio, current = result.estimates.get(pair.ratio), result.estimates.get("plane_current")
    if ratio is None or current is None:
        return None
    size = np.abs(_below(result, current, pair)[0])
    place_ = _largest(np.where(np.isfinite(ratio.mean), size, 0.0), clock_of(ratio))
    if place_ is None:
        return None
    words = (
        f"{_part(pair)} current {_name(result, current, place_)} at x = {plane_places(result)[place_[-1]]}"
    )
    return number(*at(ratio, *place_)), words


def _of_density(result: Result, pair: _Comparison) -> tuple[str, str] | None:
    """Ratio of the densities where the lower one is largest; errors as if independent, which overstates them."""
    density = result.estimates["spin_density"]
    below, error = _below(result, density, pair)
    sure = np.abs(below) > 4.0 * np.nan_to_num(error, nan=np.inf)
    place_ = _largest(np.where(sure, np.abs(below), 0.0), clock_of(density))
    if place_ is None:
        return None
    mean, stderr = at(density, labels(result, "channel").index(pair.above), pair.part, *place_)
    value = mean / float(below[place_])
    spread = math.hypot((stderr or 0.0) / float(below[place_]), value * float(error[place_] / below[place_]))
    axes = [positions(result, axis) for axis in density.dims[4:]]
    texts = [
        f"{a} = {place(float(p.mean[i]), p.units)}" for a, p, i in zip("xyz", axes, place_[2:], strict=False)
    ]
    return number(
        value, spread
    ), f"{_part(pair)} density {_name(result, density, place_)} at {', '.join(texts)}"


def _below(result: Result, estimate: Estimate, pair: _Comparison) -> tuple[np.ndarray, np.ndarray]:
    """Sum of the lower channels, (clock, component, place...), and its error as if they were independent."""
    rows = [labels(result, "channel").index(name) for name in pair.below]
    index = (rows, pair.part, 0) if len({"direction", "normal"} & set(estimate.dims)) else (rows, pair.part)
    stderr = np.zeros_like(estimate.mean) if estimate.stderr is None else estimate.stderr
    return estimate.mean[index].sum(axis=0), np.sqrt((stderr[index] ** 2).sum(axis=0))


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
