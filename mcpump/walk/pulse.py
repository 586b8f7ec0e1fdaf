"""A plane pulse in lanes: its walkers carry no spin, so that the walk counts collisions.

A spin that never changes need not be carried: every impurity collision adds to its cell of space and time, and the
pulse's spin multiplies the sums afterwards. One random draw of 128 bits serves two flights, 32 bits a length and 32 a
direction, so that lanes draw every other turn: who is born in between rests for one.

Density is scored as an expected value over directions. In three dimensions a flight of length s that begins at x ends
at a place even over x − s … x + s, whatever its direction: 1 is spread evenly over the cells between. Only its two ends
are noted, and a sum over cells fills in the rest; they are rounded to whole cells at random, both by the same number,
that of the direction, so that every cell gets what it should on the average. Where the spread would reach beyond the
sample, or in fewer dimensions, the cell of the collision takes it all. The flux is the direction cosine in the cell of
the collision.

A collision within the first h of a flight, h the width of a cell, could hardly be spread. It is scored in every flight
instead, with its probability 1 − e^{−h}, and flights shorter than h add no other density: an exponential length s
modulo h is exponential within h, whatever s/h, so that it is the place of the near collision. Of a flight that meets a
face or its end at a distance d, the near collision counts before d, and what follows counts as it happens.

The local part is where first flights end, those of walkers of its own, so that the two parts are independent. From the
second flight on, or from a diffuse face, a walker counts as diffusive.

The tallies of one block:

    visits  (3, 3 · time_bins (cells + 1))  differences of the density from cell to cell, direction cosines, and near
                                            collisions; bin after bin: local, diffusive, and what is of no part or meets
                                            no collision
    budget  (lines,)                        walkers by what became of them

Each function that the walk calls does nothing where there is no `Pulse`, and is compiled to nothing.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.compiled import borrowed, called, kernel, part, twins
from mcpump.walk import arithmetic, flight
from mcpump.walk.events import CUT, EMITTED, LEFT, ON, ONE, RELAXED
from mcpump.walk.flight import MIRROR, RING
from mcpump.walk.lane_loops import STREAM_WALK, lane_marks
from mcpump.walk.state import (
    AGE,
    EXACT,
    FLAG,
    LANES,
    MARKS,
    NAME,
    NUMBER,
    SPECULARITY,
    TO_RIGHT,
    WALL_KIND,
    Tallies,
    Walkers,
    X,
)

_numbers, _flight = twins(arithmetic), twins(flight)
draw, uniform, uniform52, minus_log = _numbers.draw, _numbers.uniform, _numbers.uniform52, _numbers.minus_log
direction, meet_face, whole_trips = _flight.direction, _flight.meet_face, _flight.whole_trips
STREAM_DEATH, STREAM_FACE = np.uint64(0xC0000000), np.uint64(0x60000000)
"""Streams of the ages at which walkers relax, and of what happens at faces."""
LOCAL = np.uint64(1 << 62)
"""Marks the names of walkers whose first flights are the local part."""
FACE_DRAWS = np.uint64(40)
"""Bits of a random number's number at a face that tell the flight; above stand the faces met in it."""
T_END, FIRST_ROW, SHARE, COSINE, LENGTH = range(EXACT, EXACT + 5)
"""Rows of the lanes where others have spins: age of the end; first row of `visits` of the part; share of a collision that
each cell gets; then direction and length of the first and of the second of the flights that one draw serves."""
REST = 1e300
"""Length of the flight of who has not drawn any."""
FINE = 1.5 * 2.0**20
"""Added and taken away, it rounds to multiples of 2^-32: sums of such numbers below 2^20 are exact, so that a density
ends where it should."""


class Pulse(NamedTuple):
    """What lanes have of a pulse."""

    x: float
    """Where it is."""
    gamma_sf: float
    """Rate of relaxation."""
    time_bins: int
    near: float
    """Probability that a flight ends within the width of a cell, a multiple of 2^-32."""
    at: NDArray[np.int32]
    """(4, lanes): rows of `visits` that this turn's collision adds to. Of 32 bits, for all vector units turn floats into
    them: more rows would take terabytes."""


@part
def lent_pulse(pulse):
    """The same, its array borrowed."""
    if pulse is None:
        return pulse
    return Pulse(pulse.x, pulse.gamma_sf, pulse.time_bins, pulse.near, borrowed(pulse.at))


@kernel
def first_flights_of_pulse(scene, course, walker, pulse, tallies, key, halt, block):
    """Fly as many first flights as a block has walkers, two of each walker that is born for it."""
    b = borrowed
    lent_walker = Walkers(b(walker.lanes), b(walker.words), b(walker.notes))
    lent_tallies = Tallies(b(tallies.visits), None, None, None, b(tallies.budget))
    fly_first(scene, course, lent_walker, lent_pulse(pulse), lent_tallies, key, b(halt), block)


@part
def fly_first(scene, course, walker, pulse, tallies, key, halt, block):
    """Fly first flights, as `first_flights_of_pulse`."""
    born, last = block * scene.walkers // 2, (block + 1) * scene.walkers // 2
    names, numbers = walker.words[NAME], walker.words[NUMBER]
    while born < last and halt[0] == 0:
        count = min(LANES, last - born)
        for j in range(count):
            names[j], numbers[j] = LOCAL | np.uint64(born + j), np.uint64(0)
        born += count
        for half in range(2):
            for j in range(count):
                set_out(scene, pulse, walker, np.uint64(half), key, j)
                walker.lanes[FIRST_ROW, j] = 0.0
            turn_pulse(pulse, scene, walker, tallies, count, key, half)
            for i in range(lane_marks(count, walker.notes[FLAG], walker.notes[MARKS])):
                finish_flight(pulse, scene, course, walker, tallies, key, half, walker.notes[MARKS, i])


@part
def turn_pulse(pulse, scene, walker, tallies, count, key, half):
    """Let all lanes fly on by one flight, and score their collisions."""
    if pulse is None:
        return
    lanes = walker.lanes
    if half == 0:
        lane_pairs(count, scene.dimension, lanes, walker.words[NAME], walker.words[NUMBER], key[0], key[1])
    lane_collisions(count, half, scene, pulse.time_bins, lanes, pulse.at, walker.notes[FLAG])
    add_collisions(count, half, lanes, pulse.at, pulse.near, tallies.visits)


@kernel
def lane_pairs(count, dimension, lanes, name, number, k0, k1):
    """Draw two flights a lane."""
    mu, length, second_mu, second_length = lanes[COSINE], lanes[LENGTH], lanes[COSINE + 2], lanes[LENGTH + 2]
    for j in range(count):
        c0, c1, c2, c3 = draw(name[j], number[j], STREAM_WALK, k0, k1)
        length[j], mu[j] = uniform(c0), uniform(c1)
        second_length[j], second_mu[j] = uniform(c2), uniform(c3)
        number[j] += ONE
    for half in range(2):
        length, mu = lanes[LENGTH + 2 * half], lanes[COSINE + 2 * half]
        for j in range(count):
            length[j] = minus_log(length[j])
        if dimension == 3:
            for j in range(count):
                mu[j] = 2.0 * mu[j] - 1.0
        else:
            for j in range(count):
                mu[j] = direction(mu[j], dimension)


@kernel
def lane_collisions(count, half, scene, time_bins, lanes, at, flag):
    """Move every lane by its flight to its collision and tell what to add to which rows of `visits`.

    Those that meet a face or their end are flagged, stay, and add to what is of no part.
    """
    x, age, t_end, first_row = lanes[X], lanes[AGE], lanes[T_END], lanes[FIRST_ROW]
    mu, length, share = lanes[COSINE + 2 * half], lanes[LENGTH + 2 * half], lanes[SHARE]
    low_row, high_row, row, near_row = at[0], at[1], at[2], at[3]
    L, cells, bins = scene.lengths[0], np.float64(scene.cells[0]), np.float64(time_bins)
    per_length, per_time, h = cells / L, bins / scene.t_end, L / cells
    spread, line, rows = scene.dimension == 3, cells + 1.0, diffusive_row(scene, time_bins)
    nowhere = 2.0 * rows
    for j in range(count):
        # whatever a choice is between is loaded before it, or there would be a branch
        began, so_far, s, part, cosine = x[j], age[j], length[j], first_row[j], mu[j]
        end, then = began + cosine * s, so_far + s
        rare = (end <= 0.0) | (end >= L) | (then >= t_end[j])
        counted = nowhere if rare else part
        place, bin_ = below(end * per_length, cells), below(then * per_time, bins)
        cell, first = np.floor(0.0 if rare else place), counted + np.floor(0.0 if rare else bin_) * line
        times = np.floor(s * per_length)
        r, far = s - times * h, times > 0.0
        r = r if r > 0.0 else 0.0  # a multiple of h may be rounded down
        place, bin_ = below((began + cosine * r) * per_length, cells), below((so_far + r) * per_time, bins)
        near_row[j] = np.int32(
            counted + np.floor(0.0 if rare else bin_) * line + np.floor(0.0 if rare else place)
        )
        low, high = (began - s) * per_length, (began + s) * per_length
        even = spread & (low > 0.0) & (high < cells)
        low = low if even else cell
        high = high if even else cell + 1.0
        width = high - low if far else 1.0
        share[j] = (1.0 / width + FINE) - FINE if far else 0.0
        u = 0.5 + 0.5 * cosine if even else 0.0
        low_row[j], high_row[j] = np.int32(first + np.floor(low + u)), np.int32(first + np.floor(high + u))
        row[j] = np.int32(first + cell)
        flag[j] = np.int64(1) if rare else np.int64(0)
        x[j] = began if rare else end
        age[j] = so_far if rare else then
        first_row[j] = part if rare else rows


@part
def below(value, count):
    """Keep what may have been rounded up to the number of cells or bins within the last one."""
    return value if value < count - 1.0 else count - 1.0


def near_probability(width: float) -> float:
    """Probability that a flight ends within the width of a cell, to a multiple of 2^-32."""
    return ((1.0 - math.exp(-width)) + FINE) - FINE


@kernel
def add_collisions(count, half, lanes, at, near, visits):
    """Add the lanes' collisions: where the even density begins and ends, the direction, and the near collision."""
    share, mu, rows = lanes[SHARE], lanes[COSINE + 2 * half], at.view(np.uint32)
    low, high, row, near_row = rows[0], rows[1], rows[2], rows[3]
    density, cosines, nears = visits[0], visits[1], visits[2]
    for j in range(count):
        density[low[j]] += share[j]
        density[high[j]] -= share[j]
        cosines[row[j]] += mu[j]
        nears[near_row[j]] += near


@part
def bear_pulse(pulse, scene, walker, tallies, block, born, key, half, j):
    """Bear walker `born` of a block in lane j; who is born in between two draws rests for a turn."""
    if pulse is None:
        return
    walker.words[NAME, j], walker.words[NUMBER, j] = np.uint64(block * scene.walkers + born), np.uint64(0)
    set_out(scene, pulse, walker, np.uint64(0), key, j)
    walker.lanes[FIRST_ROW, j] = 2.0 * diffusive_row(scene, pulse.time_bins)
    if half == 1:
        walker.lanes[LENGTH + 2, j] = REST
    tallies.budget[EMITTED] += 1.0


@part
def diffusive_row(scene, time_bins):
    """First row of the diffusive part; twice of it, of what is of no part."""
    return np.float64(time_bins) * (np.float64(scene.cells[0]) + 1.0)


@part
def set_out(scene, pulse, walker, number, key, j):
    """Put a walker into the pulse, and draw the age of its end."""
    lanes = walker.lanes
    lanes[X, j], lanes[AGE, j], lanes[T_END, j] = pulse.x, 0.0, scene.t_end
    if pulse.gamma_sf > 0.0:
        d0, d1, _, _ = draw(walker.words[NAME, j], number, STREAM_DEATH, key[0], key[1])
        lanes[T_END, j] = min(scene.t_end, minus_log(uniform52(d0, d1)) / pulse.gamma_sf)


@part
def flown(pulse, number, half):
    """Flights of a walker that has drawn so many random numbers, the one at whose end it is included."""
    if pulse is None:
        return number
    return np.uint64(2) * number - np.uint64(1 - half)


@called
def finish_flight(pulse, scene, course, walker, tallies, key, half, j):
    """Follow lane j's flight through faces to its collision or its end; returns the line in which it ends, or ON."""
    if pulse is None:
        return ON
    lanes, t_end, part = walker.lanes, walker.lanes[T_END, j], diffusive_row(scene, pulse.time_bins)
    x, age, mu, left_over = (
        lanes[X, j],
        lanes[AGE, j],
        lanes[COSINE + 2 * half, j],
        lanes[LENGTH + 2 * half, j],
    )
    if left_over == REST:
        return ON
    L, h = scene.lengths[0], scene.lengths[0] / scene.cells[0]
    r = max(left_over - np.floor(left_over * (scene.cells[0] / L)) * h, 0.0)
    if 0.0 < x + mu * r < L and age + r < t_end:
        row = row_of_visits(scene, pulse, lanes[FIRST_ROW, j], x + mu * r, age + r)
        tallies.visits[2, row] += pulse.near
    last = course.gates.shape[0] - 1
    kinds = int(course.gates[0, WALL_KIND]), int(course.gates[last, WALL_KIND])
    trips = whole_trips(min(left_over, t_end - age), mu, L, kinds[0], kinds[1])
    age, left_over, faces = age + trips, left_over - trips, np.uint64(0)
    while True:
        step = min(left_over, t_end - age)
        face = L if mu > 0.0 else 0.0
        to_face = (face - x) / mu if mu != 0.0 else math.inf
        if to_face > step:
            break
        gate, kind = (last, kinds[1]) if mu > 0.0 else (0, kinds[0])
        x, age, left_over = face, age + to_face, left_over - to_face
        if kind == RING:
            x = L - face
        elif kind == MIRROR:
            mu = -mu
        else:
            number = flown(pulse, walker.words[NUMBER, j], half) - ONE
            c0, c1, c2, _ = draw(
                walker.words[NAME, j], number | faces << FACE_DRAWS, STREAM_FACE, key[0], key[1]
            )
            faces += ONE
            line = LEFT + 1 if mu > 0.0 else LEFT
            absorbed, mirrored, mu = meet_face(
                course.gates[gate, TO_RIGHT], course.gates[gate, SPECULARITY], mu, scene.dimension, c0, c1, c2
            )
            if absorbed:
                lanes[X, j], lanes[AGE, j] = x, age  # for the trace
                tallies.budget[line] += 1.0
                return line
            if not mirrored:
                lanes[FIRST_ROW, j] = part if lanes[FIRST_ROW, j] > 0.0 else 2.0 * part
    lanes[X, j], lanes[AGE, j] = min(max(x + mu * step, 0.0), L), age + step
    if left_over >= t_end - age:
        return end_by_age(scene, lanes, tallies.budget, j)
    score_alone(scene, pulse, lanes, tallies.visits, mu, j)
    lanes[FIRST_ROW, j] = part
    return ON


@part
def end_by_age(scene, lanes, budget, j):
    """End lane j at its age; returns the line of the budget."""
    lanes[AGE, j] = lanes[T_END, j]
    relaxed = lanes[T_END, j] < scene.t_end
    budget[RELAXED if relaxed else budget.shape[0] - 1] += 1.0
    return RELAXED if relaxed else CUT


@part
def score_alone(scene, pulse, lanes, visits, mu, j):
    """Score the collision of lane j where it happens."""
    row = row_of_visits(scene, pulse, lanes[FIRST_ROW, j], lanes[X, j], lanes[AGE, j])
    visits[0, row] += 1.0
    visits[0, row + 1] -= 1.0
    visits[1, row] += mu


@part
def row_of_visits(scene, pulse, first_row, x, age):
    """Row of `visits` for a place and an age."""
    cell = min(int(x * (scene.cells[0] / scene.lengths[0])), scene.cells[0] - 1)
    bin_ = min(int(age * (pulse.time_bins / scene.t_end)), pulse.time_bins - 1)
    return int(first_row) + bin_ * (scene.cells[0] + 1) + cell


@called
def record_pulse(pulse, walker, trace, step):
    """Write the end of the first lane's flight into the trace, age and place, once it is finished."""
    if pulse is None:
        return step
    if step < trace.shape[0]:
        trace[step, 0], trace[step, 1] = walker.lanes[AGE, 0], walker.lanes[X, 0]
    return step + 1
