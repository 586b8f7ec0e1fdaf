"""Scores: a walker's row of amplitudes, turned to its age, is added to a tally."""

from __future__ import annotations

import math

from mcpump.compiled import inlined


@inlined
def add_aged(tally, place, at, rows, j, c, s, weight):
    """Add weight × row j, turned by the angle with cosine c and sine s, to tally[place, at:]."""
    size = rows.shape[1]
    for i in range(3):
        tally[place, at + i] += weight * rows[j, i]
    if size > 3:
        wc, ws = weight * c, weight * s
        for i in range(3, 9):
            tally[place, at + i] += wc * rows[j, i] - ws * rows[j, i + 6]
            tally[place, at + 6 + i] += ws * rows[j, i] + wc * rows[j, i + 6]
    if size > 15:
        wc, ws = weight * (c * c - s * s), weight * 2.0 * c * s
        for i in range(15, 18):
            tally[place, at + i] += wc * rows[j, i] - ws * rows[j, i + 3]
            tally[place, at + 3 + i] += ws * rows[j, i] + wc * rows[j, i + 3]


@inlined
def add_oscillating(tally, place, rows, j, c, s, weight):
    """As `add_aged` without the DC part: the oscillating spin that is stored and given back."""
    size = rows.shape[1]
    if size > 3:
        wc, ws = weight * c, weight * s
        for i in range(3, 9):
            tally[place, i] += wc * rows[j, i] - ws * rows[j, i + 6]
            tally[place, 6 + i] += ws * rows[j, i] + wc * rows[j, i + 6]
    if size > 15:
        wc, ws = weight * (c * c - s * s), weight * 2.0 * c * s
        for i in range(15, 18):
            tally[place, i] += wc * rows[j, i] - ws * rows[j, i + 3]
            tally[place, 3 + i] += ws * rows[j, i] + wc * rows[j, i + 3]


@inlined
def cos_sin(angle):
    """Cosine and sine, free of charge at angle 0 (a pulse, a static texture)."""
    if angle == 0.0:
        return 1.0, 0.0
    return math.cos(angle), math.sin(angle)
