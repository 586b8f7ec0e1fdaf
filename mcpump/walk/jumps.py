"""Jumps over many flights, for walkers far from everything.

Mark each collision with probability 1/n. Marks come at the rate 1/(nτ), whatever the path, which until then is that of
collisions at the rate (1 − 1/n)/τ = 1/τ'. In a time t the displacement has exactly

    ⟨x²⟩ = (2/d) ℓ'² (t/τ' − 1 + e^{−t/τ'})        ℓ' = v τ'

and is taken as Gaussian. In the density of wave number q this errs by 0.07 (qℓ)²: below 2e-4 where jumps are used, for
they are kept shorter than the texture's length, or off it. Closed specular faces mirror the path, periodic ones repeat
it; off others, and off interfaces, a walker keeps seven jumps' length.
"""

from __future__ import annotations

import math
from math import cos, sin

import numpy as np

from mcpump.compiled import part, twins
from mcpump.problem.scene import FEWEST_JUMPED
from mcpump.walk import arithmetic, flight
from mcpump.walk.events import CUT, ON, ONE, RELAXED, enter, last_age, look_up
from mcpump.walk.lane_loops import STREAM_WALK
from mcpump.walk.scores import add_all, add_entry, visit
from mcpump.walk.state import (
    AGE,
    BARRIER,
    END,
    EXACT,
    FIRST,
    JUMP_HIGH,
    JUMP_LOW,
    KIND_HIGH,
    KIND_LOW,
    LADDER,
    MEAN_TIME,
    NAME,
    NEXT,
    NUMBER,
    OVER,
    RELAX,
    RETURNS,
    SLAB,
    SPEED,
    START,
    V,
)

_numbers = twins(arithmetic)
draw = _numbers.draw
uniform52 = _numbers.uniform52
_flight = twins(flight)
jump_time = _flight.jump_time
jump_way = _flight.jump_way
KEEP_OFF = 7.0
"""Root mean square jumps to a barrier at least: one in 20 000 would reach it, and is mirrored."""


@part
def jumped_flights(scene, course, walker, j):
    """Mean number of flights of a jump from where lane j is: few near a barrier."""
    row, x = walker.notes[SLAB, j], walker.lanes[NEXT, j]
    slabs, distance = course.slabs, math.inf
    if slabs[row, KIND_LOW] == BARRIER:
        distance = x - slabs[row, JUMP_LOW]
    if slabs[row, KIND_HIGH] == BARRIER:
        distance = min(distance, slabs[row, JUMP_HIGH] - x)
    distance = max(distance, 0.0) / (KEEP_OFF * slabs[row, SPEED] * slabs[row, MEAN_TIME])
    return min(scene.jump, 0.5 * scene.dimension * distance * distance)


@part
def jump(rows, scene, course, walker, spin, tallies, key, j):
    """Lead lane j on by jumps over many flights while it is far from barriers; returns the line in which it ends, or ON.

    Marks come at the rate 1/(nτ) whatever the path, and the spin relaxes at its own rate; until then collisions come at
    (1 − 1/n)/τ. Planes are passed half-way through a jump's time. Density is scored at each event, for its mean time.
    """
    if rows is None:
        return ON
    lanes, line = walker.lanes, ON
    while line == ON and walker.words[NUMBER, j] <= np.uint64(scene.max_flights):
        n = jumped_flights(scene, course, walker, j)
        if n < FEWEST_JUMPED:
            break
        over, share = lanes[OVER, j], np.float64(walker.words[RELAX, j]) * 2.0**-38
        gamma, rate = share / over, (1.0 - share) / over
        c0, c1, c2, c3 = draw(walker.words[NAME, j], walker.words[NUMBER, j], STREAM_WALK, key[0], key[1])
        d0, d1, _, _ = draw(walker.words[NAME, j], walker.words[NUMBER, j] + ONE, STREAM_WALK, key[0], key[1])
        walker.words[NUMBER, j] += ONE + ONE
        events, left = rate / n + gamma, last_age(scene, walker, j) - lanes[AGE, j]
        time = jump_time(uniform52(c0, c1), events)
        if time >= left:
            line = CUT
        elif uniform52(d0, d1) * events < gamma:
            line = RELAXED
        time = min(time, left)
        way = jump_way(time, n, lanes[V, j], rate, scene.dimension, c2, c3)
        fly_over(scene, course, walker, spin, tallies, way, time, j)
        if line != CUT:
            visit(scene, walker, spin, tallies.visits, j, 1.0 / events)
    return line


@part
def fly_over(scene, course, walker, spin, tallies, way, time, j):
    """Move lane j by a jump, and count the planes and the periodic face it passes half-way in time."""
    lanes, slabs, planes = walker.lanes, course.slabs, course.planes
    x, row = lanes[NEXT, j], walker.notes[SLAB, j]
    low, high = slabs[row, JUMP_LOW], slabs[row, JUMP_HIGH]
    length, ring = high - low, slabs[row, KIND_LOW] == RETURNS
    to, place = x + way, x + way - low
    if ring:
        place -= length * math.floor(place / length)
    else:
        place -= 2.0 * length * math.floor(place / (2.0 * length))
        place = 2.0 * length - place if place > length else place
    place = low + min(max(place, 0.0), length)
    turn_over(scene, lanes, 0.5 * time, 0.5 * way, j)
    lanes[AGE, j] += 0.5 * time
    for p in range(planes.shape[0]):
        if ring:
            passed = math.floor((to - planes[p]) / length) - math.floor((x - planes[p]) / length)
        else:
            passed = np.float64((x < planes[p]) != (place < planes[p])) * (1.0 if place > x else -1.0)
        if passed != 0.0:
            add_all(scene, tallies.passages, p, walker, spin, j, passed)
    if ring and (to < 0.0 or to >= length):
        add_entry(scene, tallies.ended, walker, spin, j, float(math.floor(to / length)))
    lanes[NEXT, j], lanes[AGE, j] = place, lanes[AGE, j] + 0.5 * time
    turn_over(scene, lanes, 0.5 * time, place - x - 0.5 * way, j)
    slab = row
    while place > slabs[slab, END]:
        slab += 1
    while place < slabs[slab, START]:
        slab -= 1
    enter(course, walker, slab, j)
    look_up(scene, lanes, spin.table, place, j)


@part
def turn_over(scene, lanes, time, way, j):
    """Turn spins with the frame alone: where they jump there is no texture."""
    if not (scene.exact or scene.ladder):
        return
    s, c = sin(scene.Omega * time + scene.q * way), cos(scene.Omega * time + scene.q * way)
    for active in range(3):
        row = EXACT if active == 0 else (FIRST if active == 1 else LADDER)
        a, b = lanes[row, j], lanes[row + 1, j]
        lanes[row, j], lanes[row + 1, j] = c * a + s * b, c * b - s * a
