"""The diffusive part: walkers from birth to death, a few hundred side by side.

Spins of `first` and `second` are frozen after the first flight, so the walk is pure arithmetic. It is done
in lanes: arrays of a few hundred walkers, in loops without branches or calls into the mathematics
library, which the compiler turns into vector code. What is rare (a face, a death, a plane, a score) is
flagged there and done walker by walker afterwards; an ended lane is refilled with the next walker.

Far from what a single flight could meet, a walker jumps over many flights at once (`mcpump.walk.jump`).

Relaxation is sampled: a walker dies at an age drawn from e^{−t/τ_sf}. Then a spin neither grows nor
shrinks along its path and the budget closes event by event.

The tallies of one block, `size` amplitudes wide (see `mcpump.walk.spin`):

    visits    (cells, 2 size)              impurity collisions ending flights n ≥ 1: density; then the same times
                                           the share of the cell to the right of the place
    events    (cells + 1, 2 size)          spin that begins (+) or ends (−) to diffuse, with that share;
                                           last row: net passage through a periodic face
    passages  (planes, size)               net passages of planes towards +x, n ≥ 1
    budget    (lines, size)                spin budget, lines as `mcpump.names.LINES`
"""

from __future__ import annotations

import math

import numpy as np

from mcpump.compiled import borrowed, inlined, kernel
from mcpump.problem.scene import ABSORBING, DIFFUSE, PERIODIC, SPECULAR
from mcpump.walk.emission import birth_place
from mcpump.walk.first_flight import direction
from mcpump.walk.geometry import LEFT, cosine_law, fold, path_end, whole_trips
from mcpump.walk.jump import deep_range, is_deep, jump
from mcpump.walk.lanes import (
    AGE,
    LANES,
    LENGTH,
    MU,
    NEXT,
    NOT_FINITE,
    ONE,
    RELAXES,
    STREAM_DEATH,
    STREAM_WALK,
    T_END,
    TOO_MANY_FLIGHTS,
    TWO_52_BITS,
    X,
    lane_directions,
    lane_lengths,
    lane_marks,
    lane_uniform,
)
from mcpump.walk.philox import HALF, MASK, TWO_M32, draw, philox, uniform, uniform53
from mcpump.walk.score import (
    CUT,
    EMITTED,
    LEFT_AT_LEFT,
    LEFT_AT_RIGHT,
    RELAXED,
    STORED,
    TORQUE,
    add_aged,
    add_oscillating,
    cos_sin,
    end_spin,
    event,
    visit,
)
from mcpump.walk.spin import emit, source_of, turn

STREAM_BIRTH = np.uint64(0x80000000)
"""Stream of the random numbers of births."""


@inlined
def lane_numbers(walker, number, count, k0, k1, length, mu, spare):
    """Draw one 128-bit number a lane: 52 bits to `length` (uniform on (0, 2^52)), 32 to `mu`, 32 to `spare`."""
    length_bits, mu_bits = length.view(np.uint64), mu.view(np.uint64)
    for j in range(count):
        c0, c1, c2, c3 = philox(
            number[j] & MASK, number[j] >> HALF, walker[j] & MASK, walker[j] >> HALF, k0, k1
        )
        length_bits[j] = (((c0 << HALF) | c1) >> np.uint64(12)) | TWO_52_BITS
        mu_bits[j] = c2 | TWO_52_BITS
        spare[j] = np.int64(c3)
        number[j] += ONE
    lane_uniform(count, length, 1.0)
    lane_uniform(count, mu, TWO_M32)


@inlined
def lane_moves(count, lanes, spare, mask, L, planes, low, high, flag):
    """Move every lane by its flight; flag those that meet a face, their end, a plane or their turn to score.

    Flagged as well are those that come to where they may jump, between `low` and `high`.
    """
    x, age, t_end, mu, length, ahead = (
        lanes[X],
        lanes[AGE],
        lanes[T_END],
        lanes[MU],
        lanes[LENGTH],
        lanes[NEXT],
    )
    for j in range(count):
        end = x[j] + mu[j] * length[j]
        ahead[j] = end
        rare = (end <= 0.0) | (end >= L) | (age[j] + length[j] >= t_end[j])
        deep = (end > low) & (end < high)
        flag[j] = (
            (np.int64(2) if rare else np.int64(0))
            | (np.int64(1) if (spare[j] & mask) == 0 else np.int64(0))
            | (np.int64(4) if deep else np.int64(0))
        )
    for p in range(planes.shape[0]):
        plane = planes[p]
        for j in range(count):
            flag[j] |= np.int64(2) if (x[j] < plane) != (ahead[j] < plane) else np.int64(0)
    for j in range(count):
        x[j] = x[j] if flag[j] != 0 else ahead[j]
        age[j] = age[j] if flag[j] != 0 else age[j] + length[j]


@kernel
def walk_block(
    model,
    planes,
    k0,
    k1,
    quantiles,
    inverse_density,
    width,
    block,
    visits,
    events,
    passages,
    budget,
    only,
    trace,
):
    """Walk one block of walkers from birth to death and add their scores.

    Returns the number of flights, what went wrong or 0, and the walker's number in the block. only ≥ 0: walk this
    walker alone and record its flights in `trace`: age, x, and the row of amplitudes.
    """
    size = budget.shape[1]
    lanes, exponent = np.zeros((7, LANES)), np.zeros(LANES)
    rows = np.zeros((LANES + 1, size))  # the last one is for passing use
    walker, number = np.zeros(LANES, np.uint64), np.zeros(LANES, np.uint64)
    spare, flag, marks = np.zeros(LANES, np.int64), np.zeros(LANES, np.int64), np.zeros(LANES, np.int64)
    inner = planes[(planes > 0.0) & (planes < model.length)]  # those on faces are seen to at the faces
    b = borrowed
    flights, wrong, which = walk_lanes(
        model, b(planes), k0, k1, b(quantiles), b(inverse_density), width, block, b(visits), b(events), b(passages),
        b(budget), only, b(trace), b(lanes), b(exponent), b(rows), b(walker), b(number), b(spare), b(flag), b(marks),
        b(inner),
    )  # fmt: skip
    # the arrays made here are lent out: they must live until now
    lent = (
        lanes.size
        + exponent.size
        + rows.size
        + walker.size
        + number.size
        + spare.size
        + flag.size
        + marks.size
    )
    return flights, wrong, which if lent + inner.size > 0 else 0


@inlined
def walk_lanes(
    model, planes, k0, k1, quantiles, inverse_density, width, block, visits, events, passages, budget, only, trace,
    lanes, exponent, rows, walker, number, spare, flag, marks, inner,
):  # fmt: skip
    """Walk the block in lanes; returns as `walk_block`."""
    mask = np.int64(model.score_interval - 1)
    length, mu = lanes[LENGTH], lanes[MU]
    most = np.uint64(model.max_flights)
    count, born, flights = 0, 0, 0
    low, high = deep_range(model)
    last = model.walkers_per_block
    if only >= 0:
        born, last = only, only + 1
    while True:
        while count < LANES and born < last:
            flights += 1
            lives = birth(
                model, planes, quantiles, inverse_density, width, block, born, k0, k1, lanes, rows, walker, number,
                count, visits, events, passages, budget,
            )  # fmt: skip
            if not row_is_finite(rows, count):
                return flights, NOT_FINITE, born
            if lives and is_deep(model, lanes[X, count]):
                before = number[count]
                lives = jump(
                    model, planes, lanes, rows, walker, number, k0, k1, count, visits, events, passages, budget
                )  # fmt: skip
                flights += np.int64(number[count] - before)
            count += 1 if lives else 0
            born += 1
        if flights <= trace.shape[0]:
            record(lanes, rows, trace, flights - 1)
        if count == 0:
            return flights, 0, 0
        flights += count
        lane_numbers(walker, number, count, k0, k1, length, mu, spare)
        lane_lengths(count, length, exponent)
        lane_directions(count, mu, model.dimension)
        lane_moves(count, lanes, spare, mask, model.length, inner, low, high, flag)
        for i in range(
            lane_marks(count, flag, marks) - 1, -1, -1
        ):  # downwards: lanes are filled from the end
            j = marks[i]
            if number[j] > most:
                return flights, TOO_MANY_FLIGHTS, np.int64(walker[j]) % model.walkers_per_block
            lives = True
            if flag[j] & 2 != 0:
                lives = finish_flight(
                    model,
                    planes,
                    lanes,
                    rows,
                    walker,
                    number,
                    k0,
                    k1,
                    j,
                    spare[j],
                    visits,
                    events,
                    passages,
                    budget,
                )
            else:
                lanes[X, j] = lanes[NEXT, j]
                lanes[AGE, j] += length[j]
                if flag[j] & 1 != 0:
                    weight = np.float64(model.score_interval)
                    visit(model, lanes[X, j], lanes[AGE, j], weight, rows, j, visits)
            if lives and is_deep(model, lanes[X, j]):
                before = number[j]
                lives = jump(
                    model, planes, lanes, rows, walker, number, k0, k1, j, visits, events, passages, budget
                )
                flights += np.int64(number[j] - before)
            if not lives:
                count -= 1
                move_lane(lanes, rows, walker, number, count, j)


@inlined
def row_is_finite(rows, j):
    """Whether a row of amplitudes holds finite numbers only."""
    total = 0.0
    for i in range(rows.shape[1]):
        total += abs(rows[j, i])
    return total < math.inf


@inlined
def record(lanes, rows, trace, step):
    """Write a lone walker's state after a flight into the trace."""
    trace[step, 0], trace[step, 1] = lanes[AGE, 0], lanes[X, 0]
    for i in range(rows.shape[1]):
        trace[step, 2 + i] = rows[0, i]


@inlined
def move_lane(lanes, rows, walker, number, source, target):
    """Move a lane into the place of an ended one."""
    for i in range(lanes.shape[0]):
        lanes[i, target] = lanes[i, source]
    for i in range(rows.shape[1]):
        rows[target, i] = rows[source, i]
    walker[target], number[target] = walker[source], number[source]


@inlined
def birth(model, planes, quantiles, inverse_density, width, block, born, k0, k1, lanes, rows, walker, number, j,
          visits, events, passages, budget):  # fmt: skip
    """Bear a walker in lane j and fly its first flight; returns whether it goes on to diffuse."""
    name = np.uint64(block * model.walkers_per_block + born)
    w0, w1, w2, w3 = draw(name >> ONE, np.uint64(0), STREAM_BIRTH, k0, k1)
    v0, v1, _, _ = draw(name >> ONE, np.uint64(1), STREAM_BIRTH, k0, k1)
    pairs = model.walkers_per_block // 2
    x, inverse = birth_place(quantiles, inverse_density, width, (born // 2 + uniform53(v0, v1)) / pairs)
    weight = inverse / model.walkers_per_block
    mu = direction(w2, model.dimension) * (1.0 - 2.0 * (born & 1))
    t_end, relaxes = model.t_max, 0.0
    if model.gamma_sf > 0.0:
        d0, d1, _, _ = draw(name, np.uint64(0), STREAM_DEATH, k0, k1)
        death = -math.log(uniform53(d0, d1)) / model.gamma_sf
        if death < t_end:
            t_end, relaxes = death, 1.0
    flight = -math.log(uniform53(w0, w1))
    wall_time, wall = path_end(x, mu, model.length, model.left, model.right)
    age = min(flight, wall_time, t_end)

    source = source_of(model, x)
    emit(model, source, weight, rows, j)
    add_aged(budget, EMITTED, 0, rows, j, 1.0, 0.0, 1.0)
    add_oscillating(budget, STORED, rows, j, 1.0, 0.0, 1.0)
    gain(model, source, x, mu, age, uniform(w3), weight, rows, j, budget)
    c, s = cos_sin(model.Omega * age)
    at_wall = age == wall_time
    if at_wall:
        place = 0.0 if wall == LEFT else model.length
    else:
        place, _ = fold(x + mu * age, model.length, model.left == PERIODIC)
    lanes[X, j], lanes[AGE, j], lanes[T_END, j], lanes[RELAXES, j] = place, age, t_end, relaxes
    if age == t_end:
        end_spin(rows, j, c, s, RELAXED if relaxes > 0.0 else CUT, budget)
        return False
    if at_wall and (model.left if wall == LEFT else model.right) == ABSORBING:
        end_spin(rows, j, c, s, LEFT_AT_LEFT if wall == LEFT else LEFT_AT_RIGHT, budget)
        return False
    event(model, place, c, s, rows, j, 1.0, events)
    walker[j], number[j] = name, ONE
    if at_wall:
        spare = leave_face(model, lanes, walker, number, k0, k1, j, wall == LEFT)
        return finish_flight(
            model, planes, lanes, rows, walker, number, k0, k1, j, spare, visits, events, passages, budget
        )
    return True


@inlined
def gain(model, source, x, mu, age, u, weight, rows, j, budget):
    """Turn the emitted spin over the first flight, sampled at one point of it, and book the torque."""
    part, size, spare = age * u, rows.shape[1], rows.shape[0] - 1
    middle, _ = fold(x + mu * part, model.length, model.left == PERIODIC)
    for i in range(size):
        rows[spare, i] = 0.0
    turn(model, source, middle, part, weight * age, rows, spare)
    c, s = cos_sin(model.Omega * part)
    add_aged(budget, TORQUE, 0, rows, spare, c, s, 1.0)
    add_oscillating(budget, STORED, rows, spare, c, s, 1.0)
    for i in range(size):
        rows[j, i] += rows[spare, i]


@inlined
def leave_face(model, lanes, walker, number, k0, k1, j, inward_right):
    """Begin a flight from a diffuse face by the cosine law; returns the spare random word."""
    c0, c1, c2, c3 = draw(walker[j], number[j], STREAM_WALK, k0, k1)
    number[j] += ONE
    mu = cosine_law(uniform(c2), model.dimension)
    lanes[MU, j] = mu if inward_right else -mu
    lanes[LENGTH, j] = -math.log(uniform53(c0, c1))
    return np.int64(c3)


@inlined
def any_inside(model, planes):
    """Whether there is a plane between the faces."""
    found = False
    for p in range(planes.shape[0]):
        found |= 0.0 < planes[p] < model.length
    return found


@inlined
def pass_planes(model, planes, x, to, age, mu, rows, j, passages):
    """Score the planes inside the slab between x and `to`."""
    for p in range(planes.shape[0]):
        plane = planes[p]
        if 0.0 < plane < model.length and (x < plane) != (to < plane):
            c, s = cos_sin(model.Omega * (age + (plane - x) / mu))
            add_aged(passages, p, 0, rows, j, c, s, 1.0 if mu > 0.0 else -1.0)


@inlined
def pass_face(model, planes, face, c, s, rows, j, sign, passages):
    """Score the planes that lie on a face through which a walker passes."""
    for p in range(planes.shape[0]):
        plane = planes[p]
        if plane == face or (model.left == PERIODIC and plane == model.length - face):
            add_aged(passages, p, 0, rows, j, c, s, sign)


@inlined
def finish_flight(
    model, planes, lanes, rows, walker, number, k0, k1, j, spare, visits, events, passages, budget
):
    """Follow lane j's flight through faces and planes to its collision or its end; returns whether it lives."""
    L, t_end = model.length, lanes[T_END, j]
    x, age, mu, left_over = lanes[X, j], lanes[AGE, j], lanes[MU, j], lanes[LENGTH, j]
    if model.left == SPECULAR and not any_inside(model, planes):
        trips = whole_trips(min(left_over, t_end - age), mu, L, model.left, model.right)
        age, left_over = age + trips, left_over - trips
    while True:
        step = min(left_over, t_end - age)
        face = L if mu > 0.0 else 0.0
        to_face = (face - x) / mu if mu != 0.0 else math.inf
        if to_face > step:
            break
        pass_planes(model, planes, x, face, age, mu, rows, j, passages)
        kind = model.right if mu > 0.0 else model.left
        sign = 1.0 if mu > 0.0 else -1.0
        x, age, left_over = face, age + to_face, left_over - to_face
        if kind == ABSORBING:
            lanes[X, j], lanes[AGE, j] = x, age  # for the trace
            c, s = cos_sin(model.Omega * age)
            pass_face(model, planes, face, c, s, rows, j, sign, passages)
            event(model, x, c, s, rows, j, -1.0, events)
            end_spin(rows, j, c, s, LEFT_AT_RIGHT if mu > 0.0 else LEFT_AT_LEFT, budget)
            return False
        if kind == PERIODIC:
            c, s = cos_sin(model.Omega * age)
            pass_face(model, planes, face, c, s, rows, j, sign, passages)
            add_aged(events, model.cells, 0, rows, j, c, s, sign)
            x = L - face
        elif kind == DIFFUSE:
            lanes[X, j], lanes[AGE, j] = x, age
            spare = leave_face(model, lanes, walker, number, k0, k1, j, mu < 0.0)
            mu, left_over = lanes[MU, j], lanes[LENGTH, j]
        else:
            mu = -mu
    to = min(max(x + mu * step, 0.0), L)
    pass_planes(model, planes, x, to, age, mu, rows, j, passages)
    if left_over >= t_end - age:
        lanes[X, j], lanes[AGE, j] = to, t_end
        c, s = cos_sin(model.Omega * t_end)
        event(model, to, c, s, rows, j, -1.0, events)
        end_spin(rows, j, c, s, RELAXED if lanes[RELAXES, j] > 0.0 else CUT, budget)
        return False
    lanes[X, j], lanes[AGE, j] = to, age + step
    if spare & np.int64(model.score_interval - 1) == 0:
        visit(model, to, age + step, np.float64(model.score_interval), rows, j, visits)
    return True
