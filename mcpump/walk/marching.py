"""Lanes that score along their flights: walkers handed over at the ends of walked first flights.

In every cell that a piece of flight lies in, density, current and torque are scored at one random point, with the spin as
it is there; passages through edges of cells are counted one by one. Space and time are right jointly, so that spins of
several birth times on one path may lie in different time bins. A walker knows its cell by number, never by comparing
places.

Each function does nothing where there is no `Marched`, and is compiled to nothing.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.compiled import borrowed, called, part, pasted, row_of, twins
from mcpump.problem.scene import Scene
from mcpump.walk import arithmetic, flight
from mcpump.walk.carried import (
    ALONG_X,
    ALONG_Y,
    ALONG_Z,
    EXACT,
    HERE,
    LADDER,
    TIME,
    add_change,
    can_freeze,
    copy_carried,
    fill_rows,
    freeze,
    look,
    mirrored,
    rotate,
    spin_rows,
    torque_of_turn,
    torque_on_emitted,
    torque_on_exact,
    turn_of,
)
from mcpump.walk.charge import charge_slots, forget_spins, turn_dipoles
from mcpump.walk.course import lent_turns
from mcpump.walk.handed import HANDED_ALIVE, HANDED_X, Handed, lent_handed
from mcpump.walk.state import (
    AGE,
    BARE,
    FLAG,
    MU,
    NAME,
    NEXT,
    NEXT_Y,
    NEXT_Z,
    NUMBER,
    SLAB,
    UY,
    UZ,
    V,
    X,
    Y,
    Z,
)
from mcpump.walk.state import TIME as DURATION
from mcpump.walk.walked_scores import (
    CURRENT,
    DENSITY,
    DIVERGENCE,
    GAINED,
    LEFT,
    RELAXED,
    STORED,
    TORQUE,
    add_steady,
    share_steady,
)

_numbers = twins(arithmetic)
draw, uniform, fold = _numbers.draw, _numbers.uniform, twins(flight).fold
STREAM_MARCH = np.uint64(0x30000000)
"""Stream of the random points of pieces of flight."""
FROM_FIRST = np.int64(0)
"""All birth times; typed, as axes."""
GONE = 128
"""Flag of a lane whose last birth time has come to its end."""
NONE = np.int64(-1)
"""No cell or plane; typed, as axes."""
ALIVE, CELL = 0, 1
"""Columns of the counts: birth times in play; cell along x, y, z."""
STOPS, CROSSES, ENDS = range(3)
"""How a stretch of a piece ends: with the piece, at a cell's edge, by age."""
ENDS_AT, DIRECTIONS = (NEXT, NEXT_Y, NEXT_Z), (MU, UY, UZ)
"""Rows of the lanes along x, y, z."""
FIRST_CELL, LAST_CELL, LAYER = range(3)
"""Columns of `Marched.slabs`."""


class Marched(NamedTuple):
    """What lanes carry and score that begin with walkers handed over; see `mcpump.walk.carried` for the spins."""

    scene: Scene
    user: Any
    """The user's texture, compiled."""
    handed: Handed
    """What is left of walkers at their first collisions."""
    slabs: NDArray[np.int64]
    """(slabs, 3): first and last cell along x, layer."""
    counts: NDArray[np.int64]
    """(lanes, 4): birth times in play, cell along x, y, z."""
    bins: NDArray[np.int64]
    """(lanes, P): time bins; in a periodic drive first whether spins are frozen."""
    births: NDArray[np.float64]
    """(lanes, P, 5): birth times."""
    spins: NDArray[np.float64]
    """(lanes, slots, P, 3)."""
    kept: NDArray[np.float64]
    """(lanes, P, 3): what was emitted."""
    rows: NDArray[np.float64]
    """(lanes, rows, A): amplitudes; of frozen spins those as of birth second."""
    fields: NDArray[np.float64]
    """(2, P, 3): S along a piece."""
    change: NDArray[np.float64]
    """(slots, P, 3): torque."""
    profile: NDArray[np.float64]
    """(cells · time bins, 3 + axes, A)."""
    passages: NDArray[np.float64]
    """(planes · time bins, A)."""
    budget: NDArray[np.float64]
    """(lines, A)."""
    turns: Any = None
    """(layers, 9): `Layer.turn`; None where spins do not turn about spin-orbit fields."""


@part
def lent_march(marched):
    """The same, its arrays borrowed."""
    if marched is None:
        return marched
    m, b = marched, borrowed
    return Marched(
        m.scene, m.user, lent_handed(m.handed), b(m.slabs), b(m.counts), b(m.bins), b(m.births), b(m.spins),
        b(m.kept), b(m.rows), b(m.fields), b(m.change), b(m.profile), b(m.passages), b(m.budget),
        lent_turns(m.turns),
    )  # fmt: skip


@part
def freeze_lane(m, j):
    """Write amplitudes as of birth where spins do not change any more."""
    if can_freeze(m.scene):
        alive, rows, bins = m.counts[j, ALIVE], row_of(m.rows, j), row_of(m.bins, j)
        freeze(m.scene, alive, row_of(m.births, j), row_of(m.spins, j), rows, bins)


@part
def receive(marched, i, j):
    """Give lane j what walker number i of those handed over carries."""
    if marched is None:
        return
    m, handed = marched, marched.handed
    m.counts[j, ALIVE] = handed.numbers[i, HANDED_ALIVE]
    for axis in range(3):
        m.counts[j, CELL + axis] = handed.numbers[i, HANDED_X + axis]
    copy_carried(handed, i, m, j, m.counts[j, ALIVE])
    m.bins[j, 0] = 0
    freeze_lane(m, j)


@called
def lane_marches(marched, count, lanes, words, notes, key):
    """Follow this turn's pieces of flight of all lanes, cell by cell."""
    if marched is None:
        return
    # said here, the compiler knows that nothing is counted
    own, rows, names, marks = lent_march(marched), borrowed(lanes), borrowed(words), borrowed(notes)
    for j in range(count):
        march(own, rows, names, marks, key, j)


@pasted
def march(m, lanes, words, notes, key, j):
    """Follow lane j along its piece of flight: turn its spins, score, and count passages."""
    scene, here = m.scene, row_of(m.counts, j)
    w0, w1, _, _ = draw(words[NAME, j], words[NUMBER, j], STREAM_MARCH, key[0], key[1])
    u, v = uniform(w0), uniform(w1)
    slab, spinning = notes[SLAB, j], notes[BARE, j] == 0
    whole, born, now = lanes[DURATION, j], lanes[AGE, j] - lanes[DURATION, j], 0.0
    limit = scene.t_max if spinning else scene.t_dipole
    top_y, top_z, what = scene.cells[1] - 1, scene.cells[2] - 1, CROSSES
    while what != STOPS:
        then, axis, what = whole, ALONG_X, STOPS
        low, high = m.slabs[slab, FIRST_CELL], m.slabs[slab, LAST_CELL]
        edge = time_to_edge(scene, lanes[X, j], lanes[MU, j] * lanes[V, j], here[CELL], low, high, ALONG_X)
        if edge < then:
            then, axis, what = edge, ALONG_X, CROSSES
        if scene.axes > 1:
            edge = time_to_edge(
                scene, lanes[Y, j], lanes[UY, j] * lanes[V, j], here[CELL + 1], HERE, top_y, ALONG_Y
            )
            if edge < then:
                then, axis, what = edge, ALONG_Y, CROSSES
        if scene.axes > 2:
            edge = time_to_edge(
                scene, lanes[Z, j], lanes[UZ, j] * lanes[V, j], here[CELL + 2], HERE, top_z, ALONG_Z
            )
            if edge < then:
                then, axis, what = edge, ALONG_Z, CROSSES
        if scene.time_bins > 0:
            limit = scene.t_end - m.births[j, here[ALIVE] - 1, TIME]
        if limit - born < then:
            then, what = limit - born, ENDS
        then = max(then, now)
        follow(m, lanes, m.slabs[slab, LAYER], spinning, now, then, u, v, born, j)
        now = then
        if what == CROSSES:
            forward = lanes[MU if axis == 0 else (UY if axis == 1 else UZ), j] > 0.0
            to = here[CELL + axis] + (1 if forward else -1)
            pass_on(m, axis, to, NONE, 1.0 if forward else -1.0, born + now, j)
        elif what == ENDS and end_by_age(m, born + now, j):
            notes[FLAG, j], lanes[AGE, j] = GONE, born + now
            what = STOPS


@part
def time_to_edge(scene, place, u, cell, low, high, axis):
    """Time after which an edge is met between two of the cells low … high; place, velocity and cell along an axis."""
    if scene.folded[axis] or u == 0.0 or cell == (high if u > 0.0 else low):
        return math.inf
    edge = (cell + (1 if u > 0.0 else 0)) * (scene.lengths[axis] / scene.cells[axis])
    return (edge - place) / u


@part
def cell_number(m, j):
    """Flat number of the mesh cell that lane j is in (C order)."""
    here, cells = row_of(m.counts, j), m.scene.cells
    return (here[CELL] * cells[1] + here[CELL + 1]) * cells[2] + here[CELL + 2]


@part
def follow(m, lanes, layer, spinning, start, end, u, v, born, j):
    """Follow lane j from time `start` to `end` of its piece, in one cell; `born`: its age where the piece begins."""
    scene, user, births, spins = m.scene, m.user, row_of(m.births, j), row_of(m.spins, j)
    kept, alive, stay = row_of(m.kept, j), m.counts[j, ALIVE], end - start
    x, y, z, speed = lanes[X, j], lanes[Y, j], lanes[Z, j], lanes[V, j]
    vx, vy, vz = speed * lanes[MU, j], speed * lanes[UY, j], speed * lanes[UZ, j]
    turn = turn_of(m.turns, layer, lanes[MU, j], lanes[UY, j], lanes[UZ, j])
    # the stretch is looked at at the time `then`; the ladder turns at the time `when`
    then, when = start + u * stay, start + v * stay
    place = cell_number(m, j) * max(scene.time_bins, 1)
    kicked = spinning and scene.slots[LADDER] >= 0
    exact = spinning and scene.slots[EXACT] >= 0
    if kicked:
        at = when
        look(scene, user, x + vx * at, y + vy * at, z + vz * at, born + at, alive, births, m.fields, HERE)
        torque_on_emitted(scene, True, stay, alive, kept, m.fields, m.change)
        add_torque(m, born + at, place, 1.0, NONE, j)
        if when <= then:
            add_change(scene, alive, m.change, spins)
    if exact:
        add_steady(scene, m.turns, alive, spins, m.budget, -1.0)
    for half in range(2):  # a loop, so that the rotation is compiled once
        if exact:
            span = (start, then) if half == 0 else (then, end)
            path = (x, y, z), (vx, vy, vz), turn, m.turns
            rotate(scene, user, path, born, span, alive, births, m.fields, spins)
        if half == 0:
            score(m, lanes, then, stay, born, j)
            if kicked and when > then:
                add_change(scene, alive, m.change, spins)  # before `change` serves for the torque on `exact`
        if half == 0 and exact:
            at = then
            look(scene, user, x + vx * at, y + vy * at, z + vz * at, born + at, alive, births, m.fields, HERE)
            torque_on_exact(scene, alive, spins, m.fields, m.change)
            add_torque(m, born + at, place, stay, scene.slots[EXACT], j)
            add_turn(m.turns, m, born + at, place, stay, turn, j)
    if exact:
        add_steady(scene, m.turns, alive, spins, m.budget, 1.0)


@part
def score(m, lanes, then, stay, born, j):
    """Score density and currents of lane j at the time `then` of its piece, for the time `stay`."""
    scene, rows, bins = m.scene, row_of(m.rows, j), row_of(m.bins, j)
    place = cell_number(m, j) * max(scene.time_bins, 1)
    x, y, z, speed = lanes[X, j], lanes[Y, j], lanes[Z, j], lanes[V, j]
    vx, vy, vz = speed * lanes[MU, j], speed * lanes[UY, j], speed * lanes[UZ, j]
    count = amplitudes_at(m, born + then, j)
    wx = vx * mirrored(scene, ALONG_X, x + vx * then)[1]
    wy, wz = vy * mirrored(scene, ALONG_Y, y + vy * then)[1], vz * mirrored(scene, ALONG_Z, z + vz * then)[1]
    for k in range(count):
        cell = place + (bins[k] if scene.time_bins > 0 else 0)
        for a in range(rows.shape[1]):
            row = stay * rows[k, a]
            m.profile[cell, DENSITY, a] += row
            m.profile[cell, CURRENT, a] += wx * row
            if scene.axes > 1:
                m.profile[cell, CURRENT + 1, a] += wy * row
            if scene.axes > 2:
                m.profile[cell, CURRENT + 2, a] += wz * row


@part
def add_torque(m, age, place, weight, slot, j):
    """Score the torque in `change`: of all channels, or of `exact` in its slot, whose steady part is told as it turns."""
    scene, rows, bins = m.scene, row_of(m.rows, j), row_of(m.bins, j)
    count = fill_rows(scene, age, m.counts[j, ALIVE], row_of(m.births, j), m.change, rows, bins)
    width = 3 if scene.time_bins > 0 else 3 * (1 + 2 * scene.harmonics)
    first, last = (0, rows.shape[1]) if slot < 0 else (width * slot, width * (slot + 1))
    for k in range(count):
        cell = place + (bins[k] if scene.time_bins > 0 else 0)
        for a in range(first, last):
            m.profile[cell, TORQUE, a] += weight * rows[k, a]
            if slot < 0 or a >= first + 3:
                m.budget[GAINED, a] += weight * rows[k, a]
            else:
                share_steady(m.turns, m.budget, a, weight * rows[k, a])


@part
def add_turn(turns, m, age, place, weight, turn, j):
    """Score the torque of Ω_so on `exact`; the budget has its steady part from `add_steady`."""
    if turns is None:
        return
    scene, rows, bins, alive = m.scene, row_of(m.rows, j), row_of(m.bins, j), m.counts[j, ALIVE]
    torque_of_turn(scene, alive, row_of(m.spins, j), turn, m.change)
    count = fill_rows(scene, age, alive, row_of(m.births, j), m.change, rows, bins)
    width = 3 if scene.time_bins > 0 else 3 * (1 + 2 * scene.harmonics)
    first = width * scene.slots[EXACT]
    for k in range(count):
        cell = place + (bins[k] if scene.time_bins > 0 else 0)
        for a in range(first, first + width):
            m.profile[cell, CURRENT + scene.axes, a] += weight * rows[k, a]
            if a >= first + 3:
                m.budget[m.budget.shape[0] - 1, a] += weight * rows[k, a]


@part
def amplitudes_at(m, age, j):
    """Write the rows of lane j's spins at an age; returns how many there are."""
    return spin_rows(
        m.scene, age, m.counts[j, ALIVE], row_of(m.births, j), row_of(m.spins, j), row_of(m.rows, j), row_of(m.bins, j)
    )  # fmt: skip


@called
def step_over(marched, axis, to, plane, sign, age, j):
    """Pass as `pass_on`, where that is rare."""
    if marched is None:
        return
    pass_on(marched, axis, to, plane, sign, age, j)


@part
def pass_on(m, axis, to, plane, sign, age, j):
    """Pass from the cell of lane j into cell `to` along an axis (−1: none), and through a plane (−1: none)."""
    scene = m.scene
    bins, here = max(scene.time_bins, 1), cell_number(m, j)
    leaves = to != m.counts[j, CELL + axis]
    if not leaves and plane < 0:
        return
    if to >= 0:
        m.counts[j, CELL + axis] = to
    there = cell_number(m, j)
    for k in range(amplitudes_at(m, age, j)):
        bin_ = m.bins[j, k] if scene.time_bins > 0 else 0
        for a in range(m.rows.shape[2]):
            flow = m.rows[j, k, a]
            if leaves:
                m.profile[here * bins + bin_, DIVERGENCE, a] += flow
                if to >= 0:
                    m.profile[there * bins + bin_, DIVERGENCE, a] -= flow
            if plane >= 0:
                m.passages[plane * bins + bin_, a] += sign * flow


@part
def cross_gate(marched, to, plane, sign, age, j):
    """Pass into slab `to` along x (−1: out of the sample), and through a plane (−1: none)."""
    if marched is None:
        return
    cell = NONE if to < 0 else marched.slabs[to, FIRST_CELL if sign > 0.0 else LAST_CELL]
    step_over(marched, ALONG_X, cell, plane, sign, age, j)


@called
def book(m, line, first, columns, age, j):
    """Add the first columns of the rows of birth times from number `first` on to a line of the budget."""
    count = amplitudes_at(m, age, j)
    for k in range(first if m.scene.time_bins > 0 else 0, count):
        for a in range(columns):
            m.budget[line, a] += m.rows[j, k, a]


@part
def end_by_age(m, age, j):
    """End the latest birth time of lane j, or in a periodic drive all of them; returns whether none is left."""
    scene = m.scene
    alive, size = m.counts[j, ALIVE], m.rows.shape[2]
    if scene.time_bins > 0:
        book(m, STORED, alive - 1, size, age, j)
        m.counts[j, ALIVE] = alive - 1
        return alive == 1
    book(m, LEFT + 2 * scene.axes, FROM_FIRST, size, age, j)
    return True


@part
def end_marched(marched, line, age, j):
    """End lane j in a line of the budget; of one that goes on with its dipoles the spins alone."""
    if marched is None:
        return
    m, scene = marched, marched.scene
    size, slots = m.rows.shape[2], m.spins.shape[1]
    goes_on = line == RELAXED and (scene.dipoles[0] or scene.dipoles[1] or scene.dipoles[2])
    spins = slots - charge_slots(scene) if goes_on else slots
    book(m, line, FROM_FIRST, size // slots * spins, age, j)
    if goes_on:
        forget_spins(m.counts[j, ALIVE], spins, row_of(m.spins, j))
        for k in range(m.kept.shape[1]):
            for i in range(3):
                m.kept[j, k, i] = 0.0
        freeze_lane(m, j)


@called
def mirror_marched(marched, line, age, j):
    """Mirror dipoles at a specular face; what they change by has left the cell, and the sample there."""
    if marched is None:
        return
    m, scene, axis = marched, marched.scene, (line - LEFT) // 2
    size, slots = m.rows.shape[2], m.spins.shape[1]
    of_spin = size // slots * (slots - charge_slots(scene))
    place = cell_number(m, j) * max(scene.time_bins, 1)
    for k in range(amplitudes_at(m, age, j)):
        cell = place + (m.bins[j, k] if scene.time_bins > 0 else 0)
        for a in range(of_spin + axis, size, 3):
            m.profile[cell, DIVERGENCE, a] += 2.0 * m.rows[j, k, a]
            m.budget[line, a] += 2.0 * m.rows[j, k, a]
    turn_dipoles(scene, axis, m.counts[j, ALIVE], row_of(m.spins, j))
    freeze_lane(m, j)


@part
def move_marched(marched, source, target):
    """Move what a lane carries into the place of an ended one."""
    if marched is None:
        return
    m = marched
    for i in range(m.counts.shape[1]):
        m.counts[target, i] = m.counts[source, i]
    m.bins[target, 0] = m.bins[source, 0]
    copy_carried(m, source, m, target, m.counts[source, ALIVE])
    if can_freeze(m.scene):
        for a in range(m.rows.shape[2]):
            m.rows[target, 1, a] = m.rows[source, 1, a]


@part
def finite_march(marched, j):
    """Whether what lane j carries is finite: a user's texture may meet what is not."""
    if marched is None:
        return True
    total = 0.0
    for slot in range(marched.spins.shape[1]):
        for k in range(marched.counts[j, ALIVE]):
            for i in range(3):
                total += abs(marched.spins[j, slot, k, i])
    return total < math.inf


@called
def record_march(marched, lanes, trace, step):
    """Write y, z and the last channel's spin at t₀ of the first lane into the trace, behind the rest."""
    if marched is None:
        return
    if step < trace.shape[0]:
        trace[step, 4], trace[step, 5] = lanes[NEXT_Y, HERE], lanes[NEXT_Z, HERE]
        last, well = marched.spins.shape[1] - 1 - charge_slots(marched.scene), finite_march(marched, HERE)
        for i in range(3):
            # a number that is not finite shows, whichever channel or birth time it is in
            trace[step, 6 + i] = marched.spins[0, last, 0, i] if well else math.nan


@called
def lane_folds(marched, count, lanes):
    """Bring the ends of the pieces along folded axes back into the sample."""
    if marched is None:
        return
    scene, own = marched.scene, borrowed(lanes)
    for axis in range(3):
        if scene.folded[axis]:
            end, u = row_of(own, ENDS_AT[axis]), row_of(own, DIRECTIONS[axis])
            for j in range(count):
                place, turn = fold(end[j], scene.lengths[axis], scene.periodic[axis])
                end[j], u[j] = place, u[j] * turn
