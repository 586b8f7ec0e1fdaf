"""Spins that any texture turns in flight: several birth times on one path, turned piece by piece.

`exact` turns by the steps of `carried.rotate`; `second_ladder` gets one kick (2J/ħ) a × S Δt at a random time of every
piece, right on average. At every event a row of harmonics is made of the spins, as of birth: all that scores and books
takes it as it takes rows of spins that do not turn.

Each function does nothing where there is no `Turning`, and is compiled to nothing.
"""

from __future__ import annotations

import math

import numpy as np

from mcpump.compiled import borrowed, called, kernel, part, row_of, twins
from mcpump.walk import arithmetic
from mcpump.walk.carried import (
    COS,
    EXACT,
    HERE,
    LADDER,
    SIN,
    add_change,
    clear,
    copy_carried,
    look,
    rotate,
    set_birth,
    torque,
    torque_on_emitted,
    torque_on_exact,
)
from mcpump.walk.scores import add_row, phase_of, place_of
from mcpump.walk.state import AGE, MU, NEXT, NEXT_Y, NEXT_Z, TIME, UY, UZ, Turning, V, X, Y, Z

_numbers = twins(arithmetic)
draw, uniform = _numbers.draw, _numbers.uniform
STREAM_KICKS = np.uint64(0x20000000)
"""Stream of the random times at which the ladder is kicked."""


@part
def lent(turning):
    """The same, its arrays borrowed."""
    if turning is None:
        return turning
    t, b = turning, borrowed
    return Turning(
        t.scene, t.user, t.harmonics, t.exact, t.ladder, b(t.births), b(t.spins), b(t.kept), b(t.fields), b(t.change),
        b(t.row),
    )  # fmt: skip


@called
def begin(turning, source, place, offset, share, clock, rows, j):
    """Begin with what is born at an offset in a place, at birth times spread evenly over a period from a random one on.

    clock: part of the spacing at which they begin; share: of what is born in a unit of time for each walker.
    """
    if turning is None:
        return
    scene, births = turning.scene, row_of(turning.births, j)
    width, at = 3 * (1 + 2 * turning.harmonics), rows.shape[1]
    for k in range(scene.phases):
        set_birth(scene, births, k, (k + clock) / scene.phases * scene.period)
    if turning.exact >= 0:
        emerge(
            turning, source, place, offset, share, at, row_of(row_of(turning.spins, j), scene.slots[EXACT]), j
        )
        at += width
    if turning.ladder >= 0:
        emerge(turning, source, place, offset, share, at, row_of(turning.kept, j), j)
        emerge(
            turning,
            source,
            place,
            offset,
            share,
            at + width,
            row_of(row_of(turning.spins, j), scene.slots[LADDER]),
            j,
        )
    refresh(turning, rows, j)


@part
def born_at(source, place, offset, i):
    """Number i of what is born at an offset in a place, −1 to 1 along each direction of the mesh."""
    own = borrowed(source)  # said here, the compiler knows that nothing is counted
    value = own[place, 0, i] + offset[0] * own[place, 1, i]
    if own.shape[1] > 2:
        value += offset[1] * own[place, 2, i]
    if own.shape[1] > 3:
        value += offset[2] * own[place, 3, i]
    return value


@part
def emerge(turning, source, place, offset, share, at, spins, j):
    """Set the spins of all birth times from amplitudes source[place, :, at:]."""
    births, each = turning.births, share / turning.scene.phases
    for k in range(turning.scene.phases):
        c1, s1 = births[j, k, COS], births[j, k, SIN]
        for i in range(3):
            spin, c, s = born_at(source, place, offset, at + i), c1, s1
            for n in range(turning.harmonics):
                spin += c * born_at(source, place, offset, at + 3 + 6 * n + i)
                spin += s * born_at(source, place, offset, at + 6 + 6 * n + i)
                c, s = c * c1 - s * s1, s * c1 + c * s1
            spins[k, i] = each * spin


@called
def refresh(turning, rows, j):
    """Make the numbers of row j that stand for spins that turn: their harmonics, as of birth."""
    if turning is None:
        return
    scene = turning.scene
    if turning.exact >= 0:
        project(turning, row_of(row_of(turning.spins, j), scene.slots[EXACT]), turning.exact, rows, j, j)
    if turning.ladder >= 0:
        project(turning, row_of(row_of(turning.spins, j), scene.slots[LADDER]), turning.ladder, rows, j, j)


@part
def project(turning, spins, first, rows, row, j):
    """Write harmonics of the spins of lane j's birth times into rows[row], from number `first` on."""
    births, harmonics = turning.births, turning.scene.harmonics
    stride = rows.shape[1] // (1 + 2 * harmonics)
    for i in range(3):
        for n in range(1 + 2 * harmonics):
            rows[row, first + n * stride + i] = 0.0
    for k in range(turning.scene.phases):
        c1, s1 = births[j, k, COS], births[j, k, SIN]
        c, s, at = 2.0 * c1, 2.0 * s1, first
        for i in range(3):
            rows[row, at + i] += spins[k, i]
        for _ in range(harmonics):
            at += stride
            for i in range(3):
                rows[row, at + i] += c * spins[k, i]
                rows[row, at + stride + i] += s * spins[k, i]
            at += stride
            c, s = c * c1 - s * s1, s * c1 + c * s1


@kernel
def lane_spins(turning, count, lanes, name, number, bare, key):
    """Turn the spins of all lanes along this turn's pieces of flight."""
    if turning is None:
        return
    own = lent(turning)  # said here, the compiler knows that nothing is counted
    for j in range(count):
        if bare[j] == 0:
            turn_lane(own, lanes, name[j], number[j], key, j)


@part
def turn_lane(turning, lanes, name, number, key, j):
    """Turn the spins of lane j along its piece of flight."""
    scene, user, births, spins = (
        turning.scene,
        turning.user,
        row_of(turning.births, j),
        row_of(turning.spins, j),
    )
    time, v = lanes[TIME, j], lanes[V, j]
    x, y, z, age = lanes[X, j], lanes[Y, j], lanes[Z, j], lanes[AGE, j] - time
    vx, vy, vz = v * lanes[MU, j], v * lanes[UY, j], v * lanes[UZ, j]
    if turning.ladder >= 0:
        w, _, _, _ = draw(name, number, STREAM_KICKS, key[0], key[1])
        at = uniform(w) * time
        look(
            scene, user, x + vx * at, y + vy * at, z + vz * at, age + at, scene.phases, births, turning.fields, HERE
        )  # fmt: skip
        torque_on_emitted(
            scene, True, time, scene.phases, row_of(turning.kept, j), turning.fields, turning.change
        )
        add_change(scene, scene.phases, turning.change, spins)
    if turning.exact >= 0:
        rotate(
            scene,
            user,
            ((x, y, z), (vx, vy, vz), (0.0, 0.0, 0.0), None),
            age,
            (0.0, time),
            scene.phases,
            births,
            turning.fields,
            spins,
        )


@called
def visit_turned(turning, scene, lanes, rows, visits, weight, j):
    """Score what the rows of spins that turn need beyond their density: the torque, and along x alone the current."""
    if turning is None:
        return
    seen, births, change = turning.scene, row_of(turning.births, j), turning.change
    c, s = phase_of(scene, lanes[AGE, j])
    cell, size = place_of(scene, lanes, j), rows.shape[1]
    at = (1 + scene.axes) * size
    if scene.axes == 1:
        add_row(scene, visits, cell, 2 * size, rows, j, c, s, weight * lanes[V, j] * lanes[MU, j])
        at += size
    look(
        seen, turning.user, lanes[NEXT, j], lanes[NEXT_Y, j], lanes[NEXT_Z, j], lanes[AGE, j], seen.phases, births,
        turning.fields, HERE,
    )  # fmt: skip
    if turning.exact >= 0:
        torque_on_exact(seen, seen.phases, row_of(turning.spins, j), turning.fields, change)
        project(turning, row_of(change, seen.slots[EXACT]), turning.exact, turning.row, 0, j)
    if turning.ladder >= 0:
        clear(seen.phases, change)
        for k in range(seen.phases):
            torque(
                2.0 * seen.exchange, row_of(turning.kept, j), turning.fields, k, change, seen.slots[LADDER]
            )
        project(turning, row_of(change, seen.slots[LADDER]), turning.ladder, turning.row, 0, j)
    add_row(scene, visits, cell, at, turning.row, 0, c, s, weight)


@called
def move_spins(turning, source, target):
    """Move the spins of a lane into the place of an ended one."""
    if turning is None:
        return
    copy_carried(turning, source, turning, target, turning.births.shape[1])


@called
def finite_row(turning, rows, j):
    """Whether what lane j carries is finite: a user's texture may meet what is not."""
    if turning is None:
        return True
    total = 0.0
    for i in range(rows.shape[1]):
        total += abs(rows[j, i])
    return total < math.inf
