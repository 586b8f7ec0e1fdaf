"""What walked first flights add to the tallies of a block: density, currents, torque, passages, the budget, and dipoles.

    profile   (2, places, 3 + axes, A)  part, cell · time bin: density, torque, divergence of the current, current
    passages  (2, planes · time bins, A)  net passages of planes towards +x
    budget    (lines, A)                lines as `mcpump.names.lines_of`

There are A amplitudes, see `mcpump.walk.carried`.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.compiled import called, part
from mcpump.walk.carried import ALONG_X, ALONG_Y, ALONG_Z, EXACT, fill_rows, mirrored, torque_of_turn
from mcpump.walk.charge import charge_slots, set_charge_velocity
from mcpump.walk.walker import AGE, ALIVE, CERTAIN, DEPTH, FACTOR, ROW_Y, ROW_Z, SLAB, UX, UY, UZ, X, Y, Z

DENSITY, TORQUE, DIVERGENCE, CURRENT = range(4)
"""Kinds in a profile; behind the currents along x, y, z comes the torque of Ω_so, where spins turn about it."""
EMITTED, GAINED, STORED, RELAXED, LEFT = np.arange(5)
"""Lines of the budget; after the faces comes what was cut, then what Ω_so has turned. Typed, as axes."""


class Books(NamedTuple):
    """Tallies of a block, see above."""

    profile: NDArray[np.float64]
    passages: NDArray[np.float64]
    budget: NDArray[np.float64]


@part
def velocity_of(media, layer, walker):
    """Velocity of a walker in a layer."""
    speed = media[layer, 0]
    return speed * walker[UX], speed * walker[UY], speed * walker[UZ]


@part
def score(scene, course, then, stay, flight, carried, profile):
    """Score density and currents of the local part at the time `then` of a piece, for the time `stay`."""
    walker, at, media, rows, bins = flight.walker, flight.at, course.media, carried.rows, carried.bins
    layer = course.slabs[at[SLAB], 1]
    vx, vy, vz = velocity_of(media, layer, walker)
    if charge_slots(scene) > 0:
        set_charge_velocity(scene, media, layer, walker, at[ALIVE], 1.0, False, carried.spins)
    count = fill_rows(scene, walker[AGE] + then, at[ALIVE], carried.births, carried.spins, rows, bins)
    wx = vx * mirrored(scene, ALONG_X, walker[X] + vx * then)[1]
    wy = vy * mirrored(scene, ALONG_Y, walker[Y] + vy * then)[1]
    wz = vz * mirrored(scene, ALONG_Z, walker[Z] + vz * then)[1]
    place = cell_number(scene, course.slabs, at) * max(scene.time_bins, 1)
    for k in range(count):
        cell = place + (bins[k] if scene.time_bins > 0 else 0)
        for a in range(rows.shape[1]):
            row = stay * rows[k, a]
            profile[0, cell, DENSITY, a] += row
            profile[0, cell, CURRENT, a] += wx * row
            if scene.axes > 1:
                profile[0, cell, CURRENT + 1, a] += wy * row
            if scene.axes > 2:
                profile[0, cell, CURRENT + 2, a] += wz * row


@part
def weighed(walker, both, piece, u, when):
    """When a piece of a weighed first flight is looked at, the time it stands for, and its weight at the time `when`."""
    weight, theta = walker[FACTOR], walker[DEPTH]
    if theta >= CERTAIN:
        weight *= math.exp(-CERTAIN)
        return u * piece, weight * piece, weight
    weight *= math.exp(-theta)
    ended = -math.expm1(-both * piece)
    return min(-math.log1p(-u * ended) / both, piece), weight * ended / both, weight * math.exp(-both * when)


@part
def add_steady(scene, turns, alive, spins, budget, sign):
    """Add the `exact` spins, with a sign, to the DC part of the budget's torque line.

    A piece adds what the spin is at its end less what it was at its start, so that the budget closes. Where spins turn
    about Ω_so as well this is the sum of two torques: exchange's is sampled (`share_steady`), the rest is the other.
    """
    slot, line = scene.slots[EXACT], GAINED if turns is None else budget.shape[0] - 1
    at = 3 * slot if scene.time_bins > 0 else 3 * (1 + 2 * scene.harmonics) * slot
    for k in range(alive):
        for i in range(3):
            budget[line, at + i] += sign * spins[slot, k, i]


@part
def share_steady(turns, budget, a, gained):
    """Take a sampled DC torque of exchange out of the line that has the sum of both torques."""
    if turns is None:
        return
    budget[GAINED, a] += gained
    budget[budget.shape[0] - 1, a] -= gained


@part
def score_torque(scene, course, local, then, weight, slot, flight, carried, books):
    """Score the torque in `change`: of all channels, or of `exact` in its slot, whose steady part is told as it turns."""
    rows, bins, at, profile, budget = carried.rows, carried.bins, flight.at, books.profile, books.budget
    count = fill_rows(scene, flight.walker[AGE] + then, at[ALIVE], carried.births, carried.change, rows, bins)
    width = 3 if scene.time_bins > 0 else 3 * (1 + 2 * scene.harmonics)
    first, last = (0, rows.shape[1]) if slot < 0 else (width * slot, width * (slot + 1))
    place = cell_number(scene, course.slabs, at) * max(scene.time_bins, 1)
    for k in range(count):
        cell = place + (bins[k] if scene.time_bins > 0 else 0)
        for a in range(first, last):
            if local:
                profile[0, cell, TORQUE, a] += weight * rows[k, a]
            elif slot < 0 or a >= first + 3:
                budget[GAINED, a] += weight * rows[k, a]
            else:
                share_steady(course.turns, budget, a, weight * rows[k, a])


@part
def score_turn(turns, scene, course, local, then, weight, turn, flight, carried, books):
    """Score the torque of Ω_so on `exact`; the budget has its steady part from `add_steady`."""
    if turns is None:
        return
    rows, bins, at, profile, budget = carried.rows, carried.bins, flight.at, books.profile, books.budget
    torque_of_turn(scene, at[ALIVE], carried.spins, turn, carried.change)
    count = fill_rows(scene, flight.walker[AGE] + then, at[ALIVE], carried.births, carried.change, rows, bins)
    width = 3 if scene.time_bins > 0 else 3 * (1 + 2 * scene.harmonics)
    first, place = width * scene.slots[EXACT], cell_number(scene, course.slabs, at) * max(scene.time_bins, 1)
    for k in range(count):
        cell = place + (bins[k] if scene.time_bins > 0 else 0)
        for a in range(first, first + width):
            if local:
                profile[0, cell, CURRENT + scene.axes, a] += weight * rows[k, a]
            elif a >= first + 3:
                budget[budget.shape[0] - 1, a] += weight * rows[k, a]


@part
def cell_number(scene, slabs, at):
    """Flat number of the mesh cell a walker is in (C order)."""
    return (slabs[at[SLAB], 0] * scene.cells[1] + at[ROW_Y]) * scene.cells[2] + at[ROW_Z]


@called
def book(scene, line, first, flight, carried, budget):
    """Add the rows of the birth times from number `first` on to a line of the budget."""
    rows = carried.rows
    count = fill_rows(
        scene, flight.walker[AGE], flight.at[ALIVE], carried.births, carried.spins, rows, carried.bins
    )
    for k in range(first if scene.time_bins > 0 else 0, count):
        for a in range(rows.shape[1]):
            budget[line, a] += rows[k, a]


@called
def leave_dipoles(scene, course, flight, carried, books):
    """Turn the charge velocity at the end of the first flight into dipoles p = τw, and book them as gained there."""
    walker, at, media, profile, budget = flight.walker, flight.at, course.media, books.profile, books.budget
    births, spins, rows, bins = carried.births, carried.spins, carried.rows, carried.bins
    layer = course.slabs[at[SLAB], 1]
    set_charge_velocity(scene, media, layer, walker, at[ALIVE], 1.0 / media[layer, 1], True, spins)
    count = fill_rows(scene, walker[AGE], at[ALIVE], births, spins, rows, bins)
    place = cell_number(scene, course.slabs, at) * max(scene.time_bins, 1)
    of_spin = rows.shape[1] // spins.shape[0] * (spins.shape[0] - charge_slots(scene))
    for k in range(count):
        cell = place + (bins[k] if scene.time_bins > 0 else 0)
        for a in range(of_spin, rows.shape[1]):
            profile[1, cell, TORQUE, a] += rows[k, a]
            budget[GAINED, a] += rows[k, a]


@part
def pass_cut(scene, course, axis, edge, forward, outside, weight, flight, carried, books):
    """Score a passage: out of one cell, into the next (none beyond a face that is not periodic), through a plane."""
    marks, profile, passages = course.marks, books.profile, books.passages
    rows, bins, at = carried.rows, carried.bins, flight.at
    ends_cell = axis > 0 or marks[edge, 2] == 1
    plane = marks[edge, 0] if axis == 0 else -1
    far = marks[marks.shape[0] - 1 - edge, 0] if axis == 0 and outside and scene.periodic[0] else -1
    if not ends_cell and plane < 0:
        return
    count = fill_rows(scene, flight.walker[AGE], at[ALIVE], carried.births, carried.spins, rows, bins)
    time_bins, sign = max(scene.time_bins, 1), 1.0 if forward else -1.0
    here = cell_number(scene, course.slabs, at)
    there = -1
    step = scene.cells[1] * scene.cells[2] if axis == 0 else scene.cells[2] if axis == 1 else 1
    n = scene.cells[axis]
    if not outside:
        there = here + (step if forward else -step)
    elif scene.periodic[axis]:
        there = here + (step * (n - 1) if not forward else -step * (n - 1))
    for k in range(count):
        bin_ = bins[k] if scene.time_bins > 0 else 0
        for a in range(rows.shape[1]):
            flow = weight * rows[k, a]
            if ends_cell:
                profile[0, here * time_bins + bin_, DIVERGENCE, a] += flow
                if there >= 0:
                    profile[0, there * time_bins + bin_, DIVERGENCE, a] -= flow
            if plane >= 0:
                passages[0, plane * time_bins + bin_, a] += sign * flow
            if far >= 0:
                passages[0, far * time_bins + bin_, a] += sign * flow
