"""What happens to a walker at the end of a piece of flight: birth, gates, collisions, the end.

All of it is rare beside the pieces, and is done walker by walker.
"""

from __future__ import annotations

import math

import numpy as np

from mcpump.compiled import called, part, pasted, twins
from mcpump.walk import arithmetic, flight
from mcpump.walk.carried import ALONG_X
from mcpump.walk.course import SAME_PLACE
from mcpump.walk.flight import FACE, INTERFACE, MIRROR, RING
from mcpump.walk.handed import HANDED_SLAB
from mcpump.walk.lane_loops import AT_GATE, AT_Y, AT_Z, LOWEST, RELAXES, SCORES, STREAM_WALK, TOO_OLD, TWELVE
from mcpump.walk.marching import GONE, NONE, cross_gate, end_marched, mirror_marched, receive, step_over
from mcpump.walk.scores import (
    add,
    add_all,
    add_entry,
    add_event,
    add_row,
    add_shared,
    add_three,
    phase_of,
    place_of,
    visit,
)
from mcpump.walk.state import (
    AGE,
    AREA_NEXT,
    BACK_LEFT,
    BACK_RIGHT,
    BARE,
    BIRTH_SLAB,
    DEPTH,
    END,
    EXACT,
    EXACT_BORN,
    FIRST,
    FLAG,
    FRESH,
    FROM,
    FROM_Y,
    FROM_Z,
    HIGH,
    LADDER,
    LADDER_BORN,
    LOW,
    MEAN_TIME,
    MIRRORED,
    MU,
    NAME,
    NEXT,
    NEXT_Y,
    NEXT_Z,
    NORMAL,
    NUMBER,
    OVER,
    PASSED,
    PLANE,
    QUANTILE,
    RELAX,
    RELAXING,
    SENSE,
    SLAB,
    SPARE,
    SPECULARITY,
    SPEED,
    SPIN,
    START,
    START_OF_ROW,
    STRAIGHT,
    TO,
    TO_LEFT,
    TO_RIGHT,
    TO_Y,
    TO_Z,
    UY,
    UZ,
    WALL_KIND,
    WITH_SPIN,
    V,
    Y,
    Z,
)
from mcpump.walk.turning import begin, born_at, refresh, visit_turned

_numbers = twins(arithmetic)
draw = _numbers.draw
uniform = _numbers.uniform
uniform52 = _numbers.uniform52
minus_log = _numbers.minus_log
sin_cos = _numbers.sin_cos
tabled = _numbers.tabled
_flight = twins(flight)
direction = _flight.direction
cosine_law = _flight.cosine_law
meet_face = _flight.meet_face
meet_interface = _flight.meet_interface
STREAM_BIRTH = np.uint64(0x80000000)
ONE = np.uint64(1)
ON = -1
"""A walker goes on."""
EMITTED, TORQUE, STORED, RELAXED, LEFT = np.arange(5)
"""Lines of the budget; after the faces comes what is cut. Typed, as `START_OF_ROW`."""
CUT = 100
"""Stands for the last line."""


@part
def birth_of(births, quantile):
    """Number of the place of birth at a quantile, and the share of it below."""
    low, high = 0, births.shape[0] - 1
    while high - low > 1:
        middle = (low + high) // 2
        if births[middle, QUANTILE] <= quantile:
            low = middle
        else:
            high = middle
    below, share = births[low, QUANTILE], births[low + 1, QUANTILE] - births[low, QUANTILE]
    return low, (quantile - below) / share


@part
def take(marched, scene, course, walker, key, i, j):
    """Take over walker number i of those handed over into lane j: it sets out from a collision."""
    if marched is None:
        return
    handed, lanes, words = marched.handed, walker.lanes, walker.words
    c0, c1, _, c3 = draw(handed.names[i], ONE, STREAM_WALK, key[0], key[1])
    words[NAME, j], words[NUMBER, j], words[SPARE, j] = (
        handed.names[i],
        ONE + ONE,
        (c3 << TWELVE) | (c1 & LOWEST),
    )
    walker.notes[FRESH, j], walker.notes[BARE, j] = 0, 0
    lanes[DEPTH, j] = minus_log(uniform52(c0, c1))
    lanes[NEXT, j], lanes[NEXT_Y, j], lanes[NEXT_Z, j] = (
        handed.places[i, 0],
        handed.places[i, 1],
        handed.places[i, 2],
    )
    lanes[Y, j], lanes[Z, j] = handed.places[i, 1], handed.places[i, 2]
    lanes[MU, j], lanes[UY, j], lanes[UZ, j] = handed.places[i, 3], handed.places[i, 4], handed.places[i, 5]
    if scene.axes < 2 and not scene.spin_orbit:
        lanes[UY, j] = 0.0
    if scene.axes < 3 and not scene.spin_orbit:
        lanes[UZ, j] = 0.0
    lanes[AGE, j] = handed.places[i, 6]
    enter(course, walker, handed.numbers[i, HANDED_SLAB], j)
    receive(marched, i, j)


@called
def bear(rows, scene, course, walker, spin, tallies, key, block, born, j):
    """Bear walker `born` of a block in lane j: two of a pair at one place, in opposite directions."""
    if rows is None:
        return
    name = np.uint64(block * scene.walkers + born)
    k0, k1 = key
    a0, a1, a2, a3 = draw(name >> ONE, np.uint64(0), STREAM_BIRTH, k0, k1)
    b0, b1, b2, b3 = draw(name >> ONE, np.uint64(1), STREAM_BIRTH, k0, k1)
    place, part = birth_of(course.births, (born // 2 + uniform52(b0, b1)) / (scene.walkers // 2))
    births, lanes = course.births, walker.lanes
    x = births[place, FROM] + part * (births[place, TO] - births[place, FROM])
    sense = births[place, SENSE]
    if sense == 0.0:
        mu = direction(uniform(a2), scene.dimension) * (1.0 - 2.0 * (born & 1))
    else:
        mu = sense * cosine_law(uniform(a3 if (born & 1) == 1 else a2), scene.dimension)
    lanes[MU, j] = mu
    walker.words[NAME, j], walker.words[NUMBER, j], walker.notes[FRESH, j], walker.notes[BARE, j] = (
        name,
        np.uint64(0),
        0,
        0,
    )
    _, c1, _, c3 = draw(name, np.uint64(0), STREAM_WALK, k0, k1)
    walker.words[NUMBER, j], walker.words[SPARE, j] = ONE, (c3 << TWELVE) | (c1 & LOWEST)
    y = z = 0.0
    if scene.axes > 1:
        y, z = spread(scene, births, lanes, place, name, born, key, j)
        mu = lanes[MU, j]
    offset = (2.0 * part - 1.0, y, z)
    enter(course, walker, int(births[place, BIRTH_SLAB]), j)
    lanes[NEXT, j], lanes[MU, j], lanes[AGE, j] = x, mu, 0.0
    lanes[DEPTH, j] = minus_log(uniform52(b2, b3) if (born & 1) == 1 and sense != 0.0 else uniform52(a0, a1))
    load(scene, course, walker, spin, place, offset, j)
    look_up(scene, lanes, spin.table, x, j)
    if scene.turning:
        e0, _, _, _ = draw(name >> ONE, np.uint64(4), STREAM_BIRTH, k0, k1)
        begin(spin.turning, course.source, place, offset, 1.0 / scene.walkers, uniform(e0), spin.rows, j)
    add_all(scene, tallies.budget, EMITTED, walker, spin, j, 1.0)
    # who leaves a wall on a cell's edge begins in the cell that it flies into
    lanes[NEXT, j] = x + sense * (SAME_PLACE * scene.lengths[0]) if births[place, NORMAL] == 0.0 else x
    add_event(scene, tallies.born, walker, spin, j, 1.0)
    lanes[NEXT, j] = x


@pasted
def spread(scene, births, lanes, place, name, born, key, j):
    """Place and direction across x of a walker at its birth; where it is in its box along y and z, −1 to 1."""
    c0, c1, c2, _ = draw(name >> ONE, np.uint64(2), STREAM_BIRTH, key[0], key[1])
    low_y, low_z, y, z = births[place, FROM_Y], births[place, FROM_Z], uniform(c0), uniform(c1)
    lanes[NEXT_Y, j] = low_y + y * (births[place, TO_Y] - low_y)
    lanes[NEXT_Z, j] = low_z + z * (births[place, TO_Z] - low_z)
    odd, axis = (born & 1) == 1, int(births[place, NORMAL])
    sense = births[place, SENSE]
    turn = uniform(c2)
    if odd and sense == 0.0:
        turn = turn + 0.5 if turn < 0.5 else turn - 0.5  # the opposite direction of its twin
    elif odd:
        d0, _, _, _ = draw(name >> ONE, np.uint64(3), STREAM_BIRTH, key[0], key[1])
        turn = uniform(d0)
    set_across(scene, lanes, axis, lanes[MU, j], turn, j)
    return 2.0 * y - 1.0, 2.0 * z - 1.0


@part
def set_across(scene, lanes, axis, cosine, turn, j):
    """Set a direction: its cosine along an axis, and the turn (0 to 1) about it."""
    size = math.sqrt(max(1.0 - cosine * cosine, 0.0))
    if scene.dimension == 3:
        s, c = sin_cos(2.0 * math.pi * (turn - 0.5))
    else:
        s, c = 0.0, (1.0 if turn < 0.5 else -1.0)
    p, q = c * size, s * size
    if axis == 0:
        lanes[MU, j], lanes[UY, j], lanes[UZ, j] = cosine, p, q
    elif axis == 1:
        lanes[UY, j] = cosine
        lanes[UZ, j], lanes[MU, j] = (q, p) if scene.dimension == 2 else (p, q)
    else:
        lanes[UZ, j], lanes[MU, j], lanes[UY, j] = cosine, p, q


@part
def load(scene, course, walker, spin, place, offset, j):
    """Give lane j what is born at a place, at an offset from its middle."""
    lanes, source, rows = walker.lanes, course.source, spin.rows
    at, share = rows.shape[1], 1.0 / scene.walkers
    for i in range(at):
        rows[j, i] = share * born_at(source, place, offset, i)
    for active in range(3):
        row = EXACT if active == 0 else (FIRST if active == 1 else LADDER)
        if not (scene.exact if active == 0 else scene.ladder):
            continue
        for i in range(3):
            lanes[row + i, j] = share * born_at(source, place, offset, at + i)
        at += 3
    lanes[EXACT_BORN, j], lanes[LADDER_BORN, j] = lanes[EXACT + 2, j], lanes[LADDER + 2, j]


@part
def happens(scene, course, walker, spin, tallies, key, j):
    """Do what happens to lane j at the end of its piece; returns the line of the budget in which it ends, or ON."""
    what = walker.notes[FLAG, j]
    if what == GONE:
        return CUT
    if walker.notes[BARE, j] == 0:
        refresh(spin.turning, spin.rows, j)
    if what & (AT_Y | AT_Z) != 0:
        walker.notes[FRESH, j] = 0
        return meet_side(scene, course, walker, spin, tallies, key, 1 if what & AT_Y != 0 else 2, j)
    if what & AT_GATE != 0:
        walker.notes[FRESH, j] = 0
        return meet_gate(scene, course, walker, spin, tallies, key, j)
    if what & SCORES != 0:
        weight = scene.score_interval * walker.lanes[OVER, j]
        visit(scene, walker, spin, tallies.visits, j, weight)
        if walker.notes[BARE, j] == 0:
            visit_turned(spin.turning, scene, walker.lanes, spin.rows, tallies.visits, weight, j)
    if what & RELAXES != 0:
        return RELAXED
    # who is too old ends at a collision alone, and has scored it: gates prefer directions
    return CUT if what & TOO_OLD != 0 and walker.lanes[AGE, j] >= last_age(scene, walker, j) else ON


@part
def last_age(scene, walker, j):
    """Age at which lane j ends."""
    return scene.t_spin if walker.notes[BARE, j] == 0 else scene.t_dipole


@part
def meet_gate(scene, course, walker, spin, tallies, key, j):
    """Meet what is at the end of the slab; returns the line in which lane j ends, or ON."""
    lanes, gates, slab = walker.lanes, course.gates, walker.notes[SLAB, j]
    right = lanes[MU, j] > 0.0
    gate, sign = (slab + 1, 1.0) if right else (slab, -1.0)
    kind, line, loses = int(gates[gate, WALL_KIND]), ON, False
    crosses, mirrored = kind != MIRROR, kind == MIRROR
    if mirrored:
        lanes[MU, j] = -lanes[MU, j]
    elif kind in (FACE, INTERFACE):
        c0, c1, c2, c3 = draw(walker.words[NAME, j], walker.words[NUMBER, j], STREAM_WALK, key[0], key[1])
        walker.words[NUMBER, j] += ONE
        straight_on = lanes[MU, j]
        if kind == FACE:
            crosses, mirrored, mu = meet_face(
                gates[gate, TO_RIGHT], gates[gate, SPECULARITY], lanes[MU, j], scene.dimension, c0, c1, c2
            )
            if crosses:
                line = LEFT + 1 if right else LEFT
        else:
            crosses, mirrored, mu = meet_interface(
                gates[gate, TO_RIGHT if right else TO_LEFT], gates[gate, SPECULARITY], gates[gate, STRAIGHT],
                lanes[MU, j], scene.dimension, c0, c1, c2,
            )  # fmt: skip
            loses = crosses and uniform(c3) >= gates[gate, WITH_SPIN]
        lanes[MU, j] = mu
        if (scene.axes > 1 or scene.spin_orbit) and abs(mu) != abs(straight_on):
            set_across(scene, lanes, ALONG_X, mu, uniform(c3), j)
    if mirrored and scene.dipoles:
        mirror_dipoles(spin.rows, scene, walker, spin, tallies, LEFT + 1 if right else LEFT, j)
        mirror_marched(spin.marched, LEFT + 1 if right else LEFT, lanes[AGE, j], j)
    if crosses:
        plane, to = int(course.gates[gate, PLANE]), slab + 1 if right else slab - 1
        if kind == RING:
            to = 0 if right else gates.shape[0] - 2
        cross_gate(spin.marched, to if line == ON else NONE, plane, sign, lanes[AGE, j], j)
        if plane >= 0:
            add_all(scene, tallies.passages, plane, walker, spin, j, sign)
        if kind == RING or (line != ON and not right):
            add_entry(scene, tallies.ended, walker, spin, j, sign)
    if kind == RING:
        come_round(scene, course, walker, spin, 0 if right else gates.shape[0] - 2, j)
    elif crosses and line == ON:
        enter(course, walker, slab + 1 if right else slab - 1, j)
        if loses:
            # in the cell behind the interface
            lanes[NEXT, j] += sign * (SAME_PLACE * scene.lengths[0])
            return RELAXED
    if line == ON and kind in (FACE, INTERFACE):
        column = PASSED if crosses else (BACK_LEFT if right else BACK_RIGHT)
        turn_at_magnet(spin.table, scene, walker, spin, tallies, gates, gate, column, j)
    return line


@part
def turn_at_magnet(table, scene, walker, spin, tallies, gates, gate, column, j):
    """Spin of `exact` that a magnet sends back or lets pass: s∥ + Re f s⊥ + Im f n × s⊥; the change is its torque."""
    if table is None:
        return
    kept, turned = gates[gate, column], gates[gate, column + 1]
    if not scene.exact or (kept == 1.0 and turned == 0.0):
        return
    lanes, nx, nz = walker.lanes, scene.nx, scene.nz
    sx, sy, sz = lanes[EXACT, j], lanes[EXACT + 1, j], lanes[EXACT + 2, j]
    along = nx * sx + nz * sz
    x, z = sx - along * nx, sz - along * nz
    dx = (kept - 1.0) * x - turned * nz * sy
    dy = (kept - 1.0) * sy + turned * (nz * x - nx * z)
    dz = (kept - 1.0) * z + turned * nx * sy
    lanes[EXACT, j], lanes[EXACT + 1, j], lanes[EXACT + 2, j] = sx + dx, sy + dy, sz + dz
    here = lanes[NEXT, j]
    # in the cell that it flies into
    lanes[NEXT, j] = here + math.copysign(SAME_PLACE * scene.lengths[0], lanes[MU, j])
    add_three(tallies.visits, place_of(scene, lanes, j), 2 * spin.rows.shape[1] + 6, dx, dy, dz, 1.0)
    lanes[NEXT, j] = here


@pasted
def meet_side(scene, course, walker, spin, tallies, key, axis, j):
    """Meet a face along y or z; returns the line in which lane j ends, or ON."""
    lanes, row = walker.lanes, UY if axis == 1 else UZ
    up = lanes[row, j] > 0.0
    side = 2 * (axis - 1) + (1 if up else 0)
    kind = int(course.sides[side, 0])
    if kind == RING:
        lanes[NEXT_Y if axis == 1 else NEXT_Z, j] = 0.0 if up else scene.lengths[axis]
        step_over(spin.marched, axis, ALONG_X if up else scene.cells[axis] - 1, NONE, 1.0, lanes[AGE, j], j)
        return ON
    line = LEFT + 2 * axis + (1 if up else 0)
    mirrored = kind == MIRROR
    if mirrored:
        lanes[row, j] = -lanes[row, j]
    else:
        c0, c1, c2, c3 = draw(walker.words[NAME, j], walker.words[NUMBER, j], STREAM_WALK, key[0], key[1])
        walker.words[NUMBER, j] += ONE
        absorbed, mirrored, cosine = meet_face(
            course.sides[side, 1], course.sides[side, 2], lanes[row, j], scene.dimension, c0, c1, c2
        )
        if absorbed:
            step_over(spin.marched, axis, NONE, NONE, 1.0, lanes[AGE, j], j)
            return line
        if mirrored:
            lanes[row, j] = cosine
        else:
            set_across(scene, lanes, axis, cosine, uniform(c3), j)
    if mirrored and scene.dipoles:
        mirror_dipoles(spin.rows, scene, walker, spin, tallies, line, j)
        mirror_marched(spin.marched, line, lanes[AGE, j], j)
    return ON


@pasted
def come_round(scene, course, walker, spin, slab, j):
    """Come in at the other periodic face, where the texture is the same."""
    lanes = walker.lanes
    lanes[NEXT, j] = 0.0 if lanes[MU, j] > 0.0 else scene.lengths[0]
    enter(course, walker, slab, j)
    look_up(scene, lanes, spin.table, lanes[NEXT, j], j)


@part
def look_up(scene, lanes, table, x, j):
    """Look up ∫f dx at the place of lane j, for spins that turn rigidly."""
    if table is None:
        return
    if scene.exact or scene.ladder:
        lanes[AREA_NEXT, j] = tabled(table, x, scene.table_scale)


@called
def mirror_dipoles(rows, scene, walker, spin, tallies, line, j):
    """Mirror dipoles at a specular face; what they change by has left the sample there."""
    if rows is None:
        return
    last = tallies.ended.shape[0] - 1
    c, s = phase_of(scene, walker.lanes[AGE, j])
    axis = (line - LEFT) // 2
    for sign in (1.0, -1.0):
        add_row(scene, tallies.budget, line, START_OF_ROW, rows, j, c, s, sign)
        if line == LEFT:
            add_row(scene, tallies.ended, last, START_OF_ROW, rows, j, c, s, -sign)
        if sign > 0.0:
            for i in range(rows.shape[1]):
                rows[j, i] *= spin.kinds[MIRRORED + axis, i]


@part
def enter(course, walker, slab, j):
    """Put lane j into a slab."""
    lanes, slabs = walker.lanes, course.slabs
    row = slab + walker.notes[BARE, j] * (slabs.shape[0] // 2)
    walker.notes[SLAB, j] = slab
    lanes[V, j], lanes[OVER, j] = slabs[row, SPEED], slabs[row, MEAN_TIME]
    lanes[LOW, j], lanes[HIGH, j] = slabs[row, START], slabs[row, END]
    walker.words[RELAX, j] = np.uint64(slabs[row, RELAXING])


@called
def end_walker(scene, course, walker, spin, tallies, key, line, j):
    """End lane j in a line of the budget; returns whether it lives on, for dipoles that do not relax."""
    if line != CUT:
        end_marched(spin.marched, line, walker.lanes[AGE, j], j)
    end_row(spin.rows, scene, walker, spin, tallies, line, j)
    if scene.dipoles and line == RELAXED:
        carry_on(scene, course, walker, spin, tallies, key, j)
        return True
    return False


@part
def end_row(rows, scene, walker, spin, tallies, line, j):
    """End what lane j carries in a line of the budget."""
    if rows is None:
        return
    lanes, at, budget = walker.lanes, rows.shape[1] + 2, tallies.budget
    if line in (RELAXED, CUT):
        add_event(scene, tallies.ended, walker, spin, j, 1.0)
    add_all(scene, budget, budget.shape[0] - 1 if line == CUT else line, walker, spin, j, 1.0)
    # the torque along the axis that the spin has taken up
    if scene.exact:
        add(budget, TORQUE, at, lanes[EXACT + 2, j] - lanes[EXACT_BORN, j])
        at += 3
    if scene.ladder:
        add(budget, TORQUE, at, lanes[LADDER + 2, j] - lanes[LADDER_BORN, j])


@part
def drop_spin(rows, scene, walker, spin, tallies, j):
    """Drop the spin of lane j and keep its dipoles: what goes on is taken back from what has ended."""
    if rows is None:
        return
    lanes = walker.lanes
    for i in range(rows.shape[1]):
        rows[j, i] *= 1.0 - spin.kinds[SPIN, i]
    c, s = phase_of(scene, lanes[AGE, j])
    add_row(scene, tallies.budget, RELAXED, START_OF_ROW, rows, j, c, s, -1.0)
    add_shared(scene, tallies.ended, lanes, spin, j, -1.0)
    for i in range(3):
        lanes[EXACT + i, j], lanes[FIRST + i, j], lanes[LADDER + i, j] = 0.0, 0.0, 0.0
    lanes[EXACT_BORN, j], lanes[LADDER_BORN, j] = 0.0, 0.0


@called
def carry_on(scene, course, walker, spin, tallies, key, j):
    """Let lane j fly on as it flew, without its spin."""
    lanes = walker.lanes
    drop_spin(spin.rows, scene, walker, spin, tallies, j)
    walker.notes[BARE, j], walker.notes[FRESH, j] = 1, 0
    enter(course, walker, walker.notes[SLAB, j], j)
    c0, c1, _, c3 = draw(walker.words[NAME, j], walker.words[NUMBER, j], STREAM_WALK, key[0], key[1])
    walker.words[NUMBER, j] += ONE
    lanes[DEPTH, j], walker.words[SPARE, j] = minus_log(uniform52(c0, c1)), (c3 << TWELVE) | (c1 & LOWEST)
