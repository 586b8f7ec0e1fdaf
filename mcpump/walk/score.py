"""Scores of the fast walk: a walker's row of amplitudes, turned to its age, is added to a tally."""

from __future__ import annotations

import math

from mcpump.compiled import inlined

EMITTED, TORQUE, STORED, RELAXED, LEFT_AT_LEFT, LEFT_AT_RIGHT, CUT = range(7)
"""Lines of the budget."""


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
    """Cosine and sine, free of charge at angle 0 (a static texture)."""
    if angle == 0.0:
        return 1.0, 0.0
    return math.cos(angle), math.sin(angle)


@inlined
def visit(model, x, age, weight, rows, j, visits):
    """Score one in `weight` impurity collisions: the density at x, and the share of the cell beyond."""
    size = rows.shape[1]
    place = x * (model.cells / model.length)
    cell = min(int(place), model.cells - 1)
    c, s = cos_sin(model.Omega * age)
    add_aged(visits, cell, 0, rows, j, c, s, weight)
    add_aged(visits, cell, size, rows, j, c, s, weight * (cell + 1 - place))


@inlined
def event(model, x, c, s, rows, j, sign, events):
    """Score spin that begins (sign +1) or ends (−1) to diffuse at x."""
    size = rows.shape[1]
    place = x * (model.cells / model.length)
    cell = min(int(place), model.cells - 1)
    add_aged(events, cell, 0, rows, j, c, s, sign)
    add_aged(events, cell, size, rows, j, c, s, sign * (cell + 1 - place))


@inlined
def end_spin(rows, j, c, s, line, budget):
    """Book the end of a walker's spin in a line of the budget."""
    add_aged(budget, line, 0, rows, j, c, s, 1.0)
    add_oscillating(budget, STORED, rows, j, c, s, -1.0)
