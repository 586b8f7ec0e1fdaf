"""Where in a metal the diffusive spin current overtakes the local one that a magnet beside it sends in."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from mcpump.deck.deck import Deck
from mcpump.report.damping import deck_of
from mcpump.report.words import (
    Column,
    column_of,
    headline_of,
    mesh_axes,
    place,
    positions,
    told_channel,
    wrap,
)
from mcpump.tally.estimates import Estimate, Result

_SURE = 4.0
"""Standard errors by which one part has to be the larger."""


def overtaking_lines(result: Result) -> list[str]:
    """Say between which cells the diffusive part becomes the larger one, and stays it, on each side of such a magnet."""
    deck = deck_of(result)
    if deck is None or not deck.magnet_outside or mesh_axes(result) != ("x",):
        return []
    current = told_channel(result, "spin_current").sel(direction="x")
    # the largest DC component, for multiples of Ω are more than one number at each place
    columns = [column for column in current.stands_out() if column["harmonic"] == "dc"]
    if not columns:
        return []
    column = max(columns, key=lambda one: float(np.abs(current.sel(part="local", **one).mean).max()))
    found = [_told(result, current, column, *side) for side in _sides(deck)]
    texts = list(dict.fromkeys(text for text in found if text))
    head = f"the diffusive part of {column_of(result, column)}, {headline_of(result).title}, overtakes the local one"
    return wrap(f"{head} {' and '.join(texts)}") if texts else []


def _sides(deck: Deck) -> list[tuple[float, float]]:
    """Metals beside magnets that no electron flies in: from where, to where."""
    length, (left, right) = deck.sample.x.length, deck.reflection
    sides = [(0.0, length)] * (left != 1.0) + [(length, 0.0)] * (right != 1.0)
    starts = [layer.start * deck.gas.ell for layer in deck.media if layer.magnetic]
    for near, far in pairwise([0.0, *starts, length] if starts else []):
        sides += [(near, far)] * (near > 0.0) + [(far, near)] * (far < length)
    return sides


def _told(result: Result, current: Estimate, column: Column, start: float, end: float) -> str:
    """The two cells between which it happens on the way from start to end; nothing where it does not, for sure."""
    where = positions(result, "x")
    inside = np.flatnonzero((where.mean > min(start, end)) & (where.mean < max(start, end)))
    if end < start:
        inside = inside[::-1]
    local, other = (current.sel(part=part, **column) for part in ("local", "diffusive"))
    ahead = (np.abs(other.mean) - np.abs(local.mean))[inside]
    sure = _SURE * np.hypot(_error(other), _error(local))[inside]
    behind = np.flatnonzero(ahead < -sure)
    if not behind.size or behind[-1] == inside.size - 1:
        return ""
    beyond = behind[-1] + 1 + np.flatnonzero(~(ahead[behind[-1] + 1 :] > sure[behind[-1] + 1 :]))
    first = behind[-1] + 1 if not beyond.size else beyond[-1] + 1
    if first >= inside.size:
        return ""
    ends = sorted(float(where.mean[inside[i]]) for i in (behind[-1], first))
    return f"between x = {place(ends[0], where.units)} and {place(ends[1], where.units)}"


def _error(estimate: Estimate) -> np.ndarray:
    """Standard errors, 0 where the number is exact."""
    return np.zeros(estimate.mean.shape) if estimate.stderr is None else estimate.stderr
