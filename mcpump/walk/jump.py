"""Jumps over many flights, for walkers of the fast walk that are far from what a single flight could meet.

Mark each collision with probability 1/n. Marks come at the rate 1/(nτ), whatever the path, which until then is that of
collisions at the rate (1 − 1/n)/τ = 1/τ'. So the time T to the next mark is drawn from e^{−T/nτ}; the displacement has

    ⟨x²⟩ = (2/d) ℓ'² (T/τ' − 1 + e^{−T/τ'})        ℓ' = v_F τ'

exactly, and is taken as Gaussian. The density is scored at the mark, for n collisions. In the density of wave number q
this errs by 0.07 (qℓ)²: below 2e-4 where jumps are used, for they are kept shorter than the texture's length. Specular
faces mirror the path, periodic ones repeat it; from absorbing and diffuse faces a walker keeps off by seven jumps'
length, and flies as ever where that is not far enough.
"""

from __future__ import annotations

import math

import numpy as np

from mcpump.compiled import inlined
from mcpump.problem.scene import ABSORBING, DIFFUSE, FEWEST_JUMPED, PERIODIC
from mcpump.walk.geometry import fold
from mcpump.walk.lanes import AGE, RELAXES, STREAM_WALK, T_END, X
from mcpump.walk.philox import draw, uniform, uniform53
from mcpump.walk.score import CUT, RELAXED, add_aged, cos_sin, end_spin, event, visit

KEEP_OFF = 7.0
"""Root mean square jumps to an absorbing or diffuse face at least: one in 20 000 would reach it, and is mirrored."""
ONE = np.uint64(1)


@inlined
def deep_range(model):
    """Return the range of places from which a walker may jump: (low, high), empty where none may."""
    if model.jump < FEWEST_JUMPED:
        return math.inf, -math.inf
    near = KEEP_OFF * math.sqrt(2.0 * FEWEST_JUMPED / model.dimension)
    low = near if model.left in (ABSORBING, DIFFUSE) else -math.inf
    high = model.length - near if model.right in (ABSORBING, DIFFUSE) else math.inf
    return low, high


@inlined
def is_deep(model, x):
    """Whether a walker at x may jump."""
    low, high = deep_range(model)
    return low < x < high


@inlined
def jumped_flights(model, x):
    """Mean number of flights of a jump from x."""
    distance = math.inf
    if model.left in (ABSORBING, DIFFUSE):
        distance = x
    if model.right in (ABSORBING, DIFFUSE):
        distance = min(distance, model.length - x)
    return min(model.jump, 0.5 * model.dimension * (distance / KEEP_OFF) ** 2)


@inlined
def jump(model, planes, lanes, rows, walker, number, k0, k1, j, visits, events, passages, budget):
    """Lead lane j on by jumps until it comes near a face, or to its end; returns whether it lives.

    A plane is passed half-way through a jump's time, which is short against the drive's period.
    """
    x, age, t_end, L = lanes[X, j], lanes[AGE, j], lanes[T_END, j], model.length
    lives = True
    while lives and is_deep(model, x) and number[j] <= np.uint64(model.max_flights):
        n = jumped_flights(model, x)
        c0, c1, c2, c3 = draw(walker[j], number[j], STREAM_WALK, k0, k1)
        number[j] += ONE
        T = -math.log(uniform53(c0, c1)) * n
        lives = t_end - age > T
        T = min(T, t_end - age)
        rate = 1.0 - 1.0 / n
        spread = math.sqrt(2.0 / model.dimension * (T * rate + math.expm1(-T * rate))) / rate
        to = x + spread * math.sqrt(-2.0 * math.log(uniform(c2))) * math.cos(2.0 * math.pi * uniform(c3))
        c, s = cos_sin(model.Omega * (age + 0.5 * T))
        if model.left == PERIODIC:
            for p in range(planes.shape[0]):
                passed = math.floor((to - planes[p]) / L) - math.floor((x - planes[p]) / L)
                if passed != 0.0:
                    add_aged(passages, p, 0, rows, j, c, s, passed)
            if to < 0.0 or to >= L:
                add_aged(events, model.cells, 0, rows, j, c, s, math.floor(to / L))
        place, _ = fold(to, L, model.left == PERIODIC)
        if model.left != PERIODIC:
            for p in range(planes.shape[0]):
                if 0.0 < planes[p] < L and (x < planes[p]) != (place < planes[p]):
                    add_aged(passages, p, 0, rows, j, c, s, 1.0 if place > x else -1.0)
        x, age = place, age + T
        if lives:
            visit(model, x, age, n, rows, j, visits)
    lanes[X, j], lanes[AGE, j] = x, age
    if not lives:
        c, s = cos_sin(model.Omega * t_end)
        event(model, x, c, s, rows, j, -1.0, events)
        end_spin(rows, j, c, s, RELAXED if lanes[RELAXES, j] > 0.0 else CUT, budget)
    return lives
