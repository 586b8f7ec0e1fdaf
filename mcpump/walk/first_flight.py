"""The local part: first flights alone, every score an expected value.

No flight length is sampled. The flight, undisturbed up to a face that ends it, has the survival
e^{−(1+τ/τ_sf)t}; the density scores one point of it, drawn from that law cut at the face. Walkers come in ±v̂
pairs on one set of random numbers, which leaves only the difference of the two: the local current needs it,
being of order (qℓ)².

Through a plane the local current is followed backward: with a(x) born per time and rate = 1 + τ/τ_sf

    j(x) = ⟨μ ∫ e^{−rate t} a(x − μt) dt⟩

over directions μ, so that every pair reaches the plane, and its error relative to the current does not grow as ℓ
falls. (Of flights born anywhere a share ℓ/L would.)
"""

from __future__ import annotations

import math

import numpy as np

from mcpump.compiled import inlined, kernel
from mcpump.problem.scene import ABSORBING, PERIODIC
from mcpump.walk.emission import birth_place
from mcpump.walk.geometry import cell_of, fold, path_end
from mcpump.walk.philox import draw, uniform, uniform53
from mcpump.walk.score import add_aged, cos_sin
from mcpump.walk.spin import emit, source_of, turn

STREAM_FIRST, STREAM_BACKWARD = np.uint64(0x40000000), np.uint64(0x50000000)
"""Mark the random numbers of first flights, and of those followed backward, in the draw's upper counter word."""


@inlined
def direction(word, dimension):
    """Direction cosine of an isotropic direction on the d-sphere."""
    if dimension == 3:
        return 2.0 * uniform(word) - 1.0
    if dimension == 2:
        return math.cos(math.pi * uniform(word))
    return 1.0 if uniform(word) < 0.5 else -1.0


@kernel
def first_flights(model, planes, k0, k1, quantiles, inverse_density, width, block, profile, passages):
    """Walk the first flights of one block and add their scores.

    profile: (cells, 3 · size), density, flux and torque of a row's amplitudes;
    passages: (planes, size), net passages towards +x.
    """
    pairs = model.walkers_per_block // 2 * model.first_flights
    rows = np.zeros((2, passages.shape[1]))  # the emitted spin; the spin at a point
    for i in range(pairs):
        pair = np.uint64(block * pairs + i)
        w0, w1, w2, w3 = draw(pair, np.uint64(0), STREAM_FIRST, k0, k1)
        v0, _, _, _ = draw(pair, np.uint64(1), STREAM_FIRST, k0, k1)
        x, inverse = birth_place(quantiles, inverse_density, width, (i + uniform53(w0, w1)) / pairs)
        weight = 0.5 / pairs * inverse
        mu = direction(w2, model.dimension)
        source = source_of(model, x)
        emit(model, source, weight, rows, 0)
        for _ in range(2):
            score_point(model, source, x, mu, weight, rows, uniform(w3), uniform(v0), profile)
            mu = -mu
    for p in range(planes.shape[0]):
        if is_open(model, planes[p]):
            # the two faces of a ring are one place, and tell the same to the bit
            on_face = planes[p] == 0.0 or planes[p] == model.length
            place = 0.0 if on_face and model.left == PERIODIC else planes[p]
            number = np.uint64(0 if on_face and model.left == PERIODIC else p + 1)
            follow_backward(model, place, p, number, k0, k1, block, rows, passages)


@inlined
def is_open(model, plane):
    """Whether anything passes a plane: not one on a face that lets nothing through."""
    if plane <= 0.0:
        return model.left in (ABSORBING, PERIODIC)
    if plane >= model.length:
        return model.right in (ABSORBING, PERIODIC)
    return True


@inlined
def follow_backward(model, plane, p, number, k0, k1, block, rows, passages):
    """Follow pairs of first flights back from plane number p to where they were born, and score their passage."""
    pairs, rate = model.walkers_per_block // 2 * model.first_flights, 1.0 + model.gamma_sf
    for i in range(pairs):
        w0, w1, w2, w3 = draw(np.uint64(block * pairs + i), number, STREAM_BACKWARD, k0, k1)
        u = (i + uniform53(w0, w1)) / pairs
        mu = direction(w2, model.dimension)
        for _ in range(2):
            end = path_end(plane, -mu, model.length, model.left, model.right)[0]
            survived = -math.expm1(-rate * end)
            age = min(-math.log1p(-u * survived) / rate, end)
            weight = 0.5 * mu * survived / (rate * pairs)
            x, _ = fold(plane - mu * age, model.length, model.left == PERIODIC)
            source = source_of(model, x)
            emit(model, source, weight, rows, 1)
            back = age * uniform(w3)
            middle, _ = fold(plane - mu * back, model.length, model.left == PERIODIC)
            turn(model, source, middle, age - back, weight * age, rows, 1)
            c, s = cos_sin(model.Omega * age)
            add_aged(passages, p, 0, rows, 1, c, s, 1.0)
            mu = -mu


@inlined
def spin_at(model, source, x, mu, age, part, weight, rows):
    """Write the spin at an age of the first flight into row 1: emitted, and turned as seen at one point of it."""
    for i in range(rows.shape[1]):
        rows[1, i] = rows[0, i]
    middle, _ = fold(x + mu * age * part, model.length, model.left == PERIODIC)
    turn(model, source, middle, age * part, weight * age, rows, 1)


@inlined
def score_point(model, source, x, mu, weight, rows, u, part, profile):
    """Score density, flux and torque at one point of the flight, drawn from its survival law."""
    size = rows.shape[1]
    rate = 1.0 + model.gamma_sf
    end = min(path_end(x, mu, model.length, model.left, model.right)[0], model.t_max)
    survived = -math.expm1(-rate * end)
    age = min(-math.log1p(-u * survived) / rate, end)
    stay = survived / rate
    place, sign = fold(x + mu * age, model.length, model.left == PERIODIC)
    cell = cell_of(place, model.cells / model.length, model.cells)
    spin_at(model, source, x, mu, age, part, weight, rows)
    c, s = cos_sin(model.Omega * age)
    add_aged(profile, cell, 0, rows, 1, c, s, stay)
    add_aged(profile, cell, size, rows, 1, c, s, stay * sign * mu)
    for i in range(size):
        rows[1, i] = 0.0
    turn(model, source, place, age, weight, rows, 1)
    add_aged(profile, cell, 2 * size, rows, 1, c, s, stay)
