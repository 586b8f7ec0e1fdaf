"""A plane pulse of spin without a texture: the spin is carried unchanged, so that the walk counts collisions.

A spin that never changes need not be carried: every impurity collision adds to its cell of space and time, and the
pulse's spin multiplies the sums afterwards. Walkers are led in lanes (`lanes`), and what is rare, a face or the
end, is done walker by walker. One random draw of 128 bits serves two flights, 32 bits a length and 32 a direction.

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
    budget  (lines,)                        walkers by what became of them, lines as `mcpump.names.LINES`
"""

from __future__ import annotations

import math

import numpy as np

from mcpump.compiled import borrowed, inlined, kernel
from mcpump.problem.scene import ABSORBING, DIFFUSE, PERIODIC
from mcpump.walk.geometry import cell_of, cosine_law, whole_trips
from mcpump.walk.lanes import (
    HALTED,
    LANES,
    ONE,
    STREAM_DEATH,
    TOO_MANY_FLIGHTS,
    TWO_52_BITS,
    lane_directions,
    lane_lengths,
    lane_marks,
    lane_uniform,
)
from mcpump.walk.philox import HALF, MASK, TWO_M32, draw, philox, uniform, uniform53

EMITTED, RELAXED, LEFT_AT_LEFT, LEFT_AT_RIGHT, CUT = 0, 3, 4, 5, 6
"""Lines of the budget."""
LOCAL = np.uint64(1 << 62)
"""Marks the names of walkers whose first flights are the local part."""
STREAM_FACE = np.uint64(0x60000000)
"""Stream of the random numbers with which a walker leaves a diffuse face."""
X, AGE, T_END, FIRST_ROW, SHARE, MU, LENGTH = range(7)
"""Rows of the lanes: place, age; age of the end, −1 once ended; first row of `visits` of the part; share of a collision
that each cell gets; then direction and length of the two flights that one draw serves."""
FINE = 1.5 * 2.0**20
"""Added and taken away, it rounds to multiples of 2^-32: sums of such numbers below 2^20 are exact, so that a density
ends where it should."""
TWO_20 = 2.0**20
ENDED = -1.0


@kernel
def walk_pulse(model, k0, k1, halt, block, visits, budget, only, trace):
    """Walk one block of walkers from the pulse to their end, and count their collisions.

    Returns the number of flights, what went wrong or 0, and the walker's number in the block. only ≥ 0: walk this
    walker alone and record its flights in `trace`: age, x. `halt` is not 0 from the moment on when the block is to be
    given up.
    """
    lanes, exponent = np.zeros((9, LANES)), np.zeros(LANES)
    walker, number = np.zeros(LANES, np.uint64), np.zeros(LANES, np.uint64)
    # rows of 32 bits, for all vector units turn floats into them: more rows would take terabytes
    at, flag, marks = np.zeros((4, LANES), np.int32), np.zeros(LANES, np.int64), np.zeros(LANES, np.int64)
    unbooked = np.zeros_like(budget)
    b = borrowed
    if only < 0:
        first_flights(
            model, k0, k1, b(halt), block, b(visits), b(unbooked), b(lanes), b(exponent), b(walker), b(number), b(at),
            b(flag), b(marks),
        )  # fmt: skip
    flights, wrong, which = walk_lanes(
        model, k0, k1, b(halt), block, b(visits), b(budget), only, b(trace), b(lanes), b(exponent), b(walker), b(number),
        b(at), b(flag), b(marks),
    )  # fmt: skip
    # the arrays made here are lent out: they must live until now
    lent = (
        lanes.size
        + exponent.size
        + walker.size
        + number.size
        + at.size
        + flag.size
        + marks.size
        + unbooked.size
    )
    return flights, wrong, which if lent > 0 else 0


@inlined
def first_flights(
    model, k0, k1, halt, block, visits, budget, lanes, exponent, walker, number, at, flag, marks
):
    """Fly as many first flights as a block has walkers, two of each walker that is born for it."""
    born, last = block * model.walkers_per_block // 2, (block + 1) * model.walkers_per_block // 2
    near = near_probability(model)
    while born < last and halt[0] == 0:
        count = min(LANES, last - born)
        for j in range(count):
            walker[j], number[j] = LOCAL | np.uint64(born + j), np.uint64(0)
        born += count
        lane_flights(count, walker, number, k0, k1, model.dimension, lanes, exponent)
        for half in range(2):
            for j in range(count):
                place(model, walker[j], np.uint64(half), k0, k1, lanes, j)
                lanes[FIRST_ROW, j] = 0.0
            lane_collisions(count, lanes, half, model, at, flag)
            add_collisions(count, lanes, half, at, near, visits)
            for i in range(lane_marks(count, flag, marks)):
                j = marks[i]
                finish_flight(model, lanes, walker, np.uint64(half), k0, k1, j, half, near, visits, budget)


@inlined
def walk_lanes(
    model, k0, k1, halt, block, visits, budget, only, trace, lanes, exponent, walker, number, at, flag, marks
):
    """Walk the block in lanes; returns as `walk_pulse`."""
    born, last = (0, model.walkers_per_block) if only < 0 else (only, only + 1)
    count, flights, most, near = 0, 0, np.uint64(model.max_flights), near_probability(model)
    while count < LANES and born < last:
        bear(model, block, born, k0, k1, lanes, walker, number, count, budget)
        count, born = count + 1, born + 1
    while count > 0:
        if halt[0] != 0:
            return flights, HALTED, 0
        lane_flights(count, walker, number, k0, k1, model.dimension, lanes, exponent)
        for half in range(2):
            flights += count
            lane_collisions(count, lanes, half, model, at, flag)
            add_collisions(count, lanes, half, at, near, visits)
            # downwards: lanes are filled from the end
            for i in range(lane_marks(count, flag, marks) - 1, -1, -1):
                j = marks[i]
                lives = False
                if lanes[T_END, j] != ENDED:
                    flight = np.uint64(2) * (number[j] - ONE) + np.uint64(half)
                    if flight >= most:
                        return flights, TOO_MANY_FLIGHTS, np.int64(walker[j]) % model.walkers_per_block
                    lives = finish_flight(model, lanes, walker, flight, k0, k1, j, half, near, visits, budget)
                else:
                    flights -= 1
                if not lives and half == 0:
                    lanes[T_END, j] = ENDED  # its second flight is not flown
                elif not lives and born < last:
                    bear(model, block, born, k0, k1, lanes, walker, number, j, budget)
                    born += 1
                elif not lives:
                    count -= 1
                    move_lane(lanes, walker, number, count, j)
            if flights <= trace.shape[0]:
                trace[flights - 1, 0], trace[flights - 1, 1] = lanes[AGE, 0], lanes[X, 0]
    return flights, 0, 0


@inlined
def lane_flights(count, walker, number, k0, k1, dimension, lanes, exponent):
    """Draw two flights a lane."""
    lane_words(count, walker, number, k0, k1, lanes)
    for half in range(2):
        lane_lengths(count, lanes[LENGTH + 2 * half], exponent)
        lane_directions(count, lanes[MU + 2 * half], dimension)


@inlined
def lane_words(count, walker, number, k0, k1, lanes):
    """Draw one 128-bit number a lane for two flights: uniform on (0, 2^52) for lengths, on (0, 1) for directions."""
    bits = lanes.view(np.uint64)
    for j in range(count):
        c0, c1, c2, c3 = philox(
            number[j] & MASK, number[j] >> HALF, walker[j] & MASK, walker[j] >> HALF, k0, k1
        )
        bits[LENGTH, j], bits[MU, j] = c0 | TWO_52_BITS, c1 | TWO_52_BITS
        bits[LENGTH + 2, j], bits[MU + 2, j] = c2 | TWO_52_BITS, c3 | TWO_52_BITS
        number[j] += ONE
    for half in range(2):
        lane_uniform(count, lanes[LENGTH + 2 * half], TWO_20)
        lane_uniform(count, lanes[MU + 2 * half], TWO_M32)


@inlined
def lane_collisions(count, lanes, half, model, at, flag):
    """Move every lane by its flight to its collision and tell what to add to which rows of `visits`.

    Those that meet a face or their end are flagged, stay, and add to what is of no part.
    """
    x, age, t_end, first_row = lanes[X], lanes[AGE], lanes[T_END], lanes[FIRST_ROW]
    mu, length, share = lanes[MU + 2 * half], lanes[LENGTH + 2 * half], lanes[SHARE]
    low_row, high_row, row, near_row = at[0], at[1], at[2], at[3]
    L, cells, bins = model.length, np.float64(model.cells), np.float64(model.time_bins)
    per_length, per_time, h = cells / L, bins / model.t_max, L / cells
    spread, nowhere, line, rows = model.dimension == 3, no_part(model), cells + 1.0, diffusive_row(model)
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


@inlined
def below(value, count):
    """Keep what may have been rounded up to the number of cells or bins within the last one."""
    return value if value < count - 1.0 else count - 1.0


@inlined
def near_probability(model):
    """Probability that a flight ends within the width of a cell."""
    return ((1.0 - math.exp(-model.length / model.cells)) + FINE) - FINE


@inlined
def add_collisions(count, lanes, half, at, near, visits):
    """Add the lanes' collisions: where the even density begins and ends, the direction, and the near collision."""
    share, mu, rows = lanes[SHARE], lanes[MU + 2 * half], at.view(np.uint32)
    low, high, row, near_row = rows[0], rows[1], rows[2], rows[3]
    density, cosines, nears = visits[0], visits[1], visits[2]
    for j in range(count):
        density[low[j]] += share[j]
        density[high[j]] -= share[j]
        cosines[row[j]] += mu[j]
        nears[near_row[j]] += near


@inlined
def bear(model, block, born, k0, k1, lanes, walker, number, j, budget):
    """Bear a walker of the pulse in lane j."""
    walker[j], number[j] = np.uint64(block * model.walkers_per_block + born), np.uint64(0)
    place(model, walker[j], np.uint64(0), k0, k1, lanes, j)
    lanes[FIRST_ROW, j] = no_part(model)
    budget[EMITTED] += 1.0


@inlined
def diffusive_row(model):
    """First row of the diffusive part."""
    return np.float64(model.time_bins) * (np.float64(model.cells) + 1.0)


@inlined
def no_part(model):
    """First row of what is of no part."""
    return 2.0 * diffusive_row(model)


@inlined
def place(model, name, number, k0, k1, lanes, j):
    """Put a walker into the pulse, and draw the age of its end."""
    lanes[X, j], lanes[AGE, j], lanes[T_END, j] = model.pulse_x, 0.0, model.t_max
    if model.gamma_sf > 0.0:
        d0, d1, _, _ = draw(name, number, STREAM_DEATH, k0, k1)
        lanes[T_END, j] = min(model.t_max, -math.log(uniform53(d0, d1)) / model.gamma_sf)


@inlined
def move_lane(lanes, walker, number, source, target):
    """Move a lane into the place of an ended one."""
    for i in range(lanes.shape[0]):
        lanes[i, target] = lanes[i, source]
    walker[target], number[target] = walker[source], number[source]


@inlined
def finish_flight(model, lanes, walker, flight, k0, k1, j, half, near, visits, budget):
    """Follow lane j's flight through faces to its collision or its end; returns whether it lives."""
    L, t_end = model.length, lanes[T_END, j]
    x, age, mu, left_over = lanes[X, j], lanes[AGE, j], lanes[MU + 2 * half, j], lanes[LENGTH + 2 * half, j]
    r = max(left_over - np.floor(left_over * (model.cells / L)) * (L / model.cells), 0.0)
    if 0.0 < x + mu * r < L and age + r < t_end:
        visits[2, row_of(model, lanes, j, x + mu * r, age + r)] += near
    trips = whole_trips(min(left_over, t_end - age), mu, L, model.left, model.right)
    age, left_over, bounce = age + trips, left_over - trips, 0
    while True:
        step = min(left_over, t_end - age)
        face = L if mu > 0.0 else 0.0
        to_face = (face - x) / mu if mu != 0.0 else math.inf
        if to_face > step:
            break
        kind = model.right if mu > 0.0 else model.left
        x, age, left_over = face, age + to_face, left_over - to_face
        if kind == ABSORBING:
            lanes[X, j], lanes[AGE, j] = x, age  # for the trace
            budget[LEFT_AT_RIGHT if mu > 0.0 else LEFT_AT_LEFT] += 1.0
            return False
        if kind == PERIODIC:
            x = L - face
        elif kind == DIFFUSE:
            c0, c1, c2, _ = draw(walker[j], flight | np.uint64(bounce << 40), STREAM_FACE, k0, k1)
            mu = cosine_law(uniform(c2), model.dimension) * (-1.0 if mu > 0.0 else 1.0)
            left_over = -math.log(uniform53(c0, c1))
            lanes[FIRST_ROW, j] = diffusive_row(model) if lanes[FIRST_ROW, j] > 0.0 else no_part(model)
            bounce += 1
        else:
            mu = -mu
    lanes[X, j], lanes[AGE, j] = min(max(x + mu * step, 0.0), L), age + step
    if left_over >= t_end - age:
        lanes[AGE, j] = t_end
        budget[RELAXED if t_end < model.t_max else CUT] += 1.0
        return False
    row = row_of(model, lanes, j, lanes[X, j], lanes[AGE, j])
    visits[0, row] += 1.0
    visits[0, row + 1] -= 1.0
    visits[1, row] += mu
    lanes[FIRST_ROW, j] = diffusive_row(model)
    return True


@inlined
def row_of(model, lanes, j, x, age):
    """Row of `visits` for a place and an age of lane j's walker."""
    cell = cell_of(x, model.cells / model.length, model.cells)
    bin_ = cell_of(age, model.time_bins / model.t_max, model.time_bins)
    return int(lanes[FIRST_ROW, j]) + bin_ * (model.cells + 1) + cell
