"""The local part: first flights alone, every score an expected value.

No flight length is sampled. The flight, undisturbed up to a face that ends it, has the survival
e^{−(1+τ/τ_sf)t}; the density scores one point of it, drawn from that law cut at the face, and a plane
scores each passage with the survival there. Walkers come in ±v̂ pairs on one set of random numbers,
which leaves only the difference of the two: the local current needs it, being of order (qℓ)².
"""

from __future__ import annotations

import math

import numpy as np

from mcpump.compiled import kernel
from mcpump.emission import birth_place
from mcpump.geometry import cell_of, fold, path_end
from mcpump.model import ABSORBING, PERIODIC
from mcpump.philox import draw, uniform, uniform53
from mcpump.score import add_aged, cos_sin
from mcpump.spin import emit, source_of, turn

STREAM_FIRST = np.uint64(0x40000000)
"""Marks the random numbers of first flights in the draw's upper counter word."""
CERTAIN = 3.0
"""Passages of a plane score their expected value up to this age, sampled survival afterwards."""


@kernel
def direction(word, dimension):
    """Direction cosine of an isotropic direction on the d-sphere."""
    if dimension == 3:
        return 2.0 * uniform(word) - 1.0
    if dimension == 2:
        return math.cos(math.pi * uniform(word))
    return 1.0 if uniform(word) < 0.5 else -1.0


@kernel
def first_flights(model, quantiles, inverse_density, width, block, profile, passages):
    """Walk the first flights of one block and add their scores.

    profile: (cells · time_bins, 3 · size), density, flux and torque of a row's amplitudes;
    passages: (planes, size), net passages towards +x.
    """
    size = passages.shape[1]
    pairs = model.walkers_per_block // 2 * model.first_flights
    k0, k1 = np.uint64(model.seed & 0xFFFFFFFF), np.uint64(model.seed >> 32)
    row, spin = np.zeros(size), np.zeros(size)
    for i in range(pairs):
        pair = np.uint64(block * pairs + i)
        w0, w1, w2, w3 = draw(pair, np.uint64(0), STREAM_FIRST, k0, k1)
        v0, v1, _, _ = draw(pair, np.uint64(1), STREAM_FIRST, k0, k1)
        if model.pulse:
            x, weight = model.pulse_x, 0.5 / pairs
        else:
            x, weight = birth_place(quantiles, inverse_density, width, (i + uniform53(w0, w1)) / pairs)
            weight *= 0.5 / pairs
        mu = direction(w2, model.dimension)
        emit(model, x, weight, row)
        source = source_of(model, x)
        for _ in range(2):
            score_point(model, source, x, mu, weight, row, spin, uniform(w3), uniform(v0), profile)
            score_passages(model, source, x, mu, weight, row, spin, uniform(v0), uniform(v1), passages)
            mu = -mu


@kernel
def score_point(model, source, x, mu, weight, row, spin, u, part, profile):
    """Score density, flux and torque at one point of the flight, drawn from its survival law."""
    size = row.shape[0]
    rate = 1.0 + model.gamma_sf
    end = min(path_end(x, mu, model.length, model.left, model.right)[0], model.t_max)
    survived = -math.expm1(-rate * end)
    age = min(-math.log1p(-u * survived) / rate, end)
    stay = survived / rate
    periodic = model.left == PERIODIC
    place, sign = fold(x + mu * age, model.length, periodic)
    spin[:] = row
    if not model.pulse:
        middle, _ = fold(x + mu * age * part, model.length, periodic)
        turn(model, source, middle, age * part, weight * age, spin)
    cell = cell_of(place, model.cells / model.length, model.cells)
    if model.pulse:
        cell = cell * model.time_bins + min(int(age / model.t_max * model.time_bins), model.time_bins - 1)
    c, s = cos_sin(model.Omega * age)
    add_aged(profile, cell, 0, spin, c, s, stay)
    add_aged(profile, cell, size, spin, c, s, stay * sign * mu)
    if not model.pulse:
        spin[:] = 0.0
        turn(model, source, place, age, weight, spin)
        add_aged(profile, cell, 2 * size, spin, c, s, stay)


@kernel
def score_passages(model, source, x, mu, weight, row, spin, part, u, passages):
    """Score every passage of a plane, leg by leg, with the survival e^{−(1+τ/τ_sf)t} at the passage."""
    if model.planes.shape[0] == 0 or mu == 0.0:
        return
    L, periodic = model.length, model.left == PERIODIC
    rate, speed, forward = 1.0 + model.gamma_sf, abs(mu), mu > 0.0
    horizon = CERTAIN - math.log(u)
    end = min(path_end(x, mu, L, model.left, model.right)[0], horizon / rate)
    leg_start, here = 0.0, x
    while leg_start < end:
        for p in range(model.planes.shape[0]):
            ahead = distance_ahead(model, model.planes[p], here, forward)
            age = leg_start + ahead / speed
            if 0.0 < ahead and age <= end:
                survival = math.exp(-rate * age) / min(1.0, math.exp(CERTAIN - rate * age))
                spin[:] = row
                middle, _ = fold(x + mu * age * part, L, periodic)
                turn(model, source, middle, age * part, weight * age, spin)
                c, s = cos_sin(model.Omega * age)
                add_aged(passages, p, 0, spin, c, s, survival if forward else -survival)
        leg_start += (L - here if forward else here) / speed
        if not periodic:
            forward = not forward
        here = 0.0 if forward else L


@kernel
def distance_ahead(model, plane, here, forward):
    """Distance to a plane along a leg; 0 where it is not passed (behind, or on a face that lets nothing through)."""
    face = model.length if forward else 0.0
    if model.left == PERIODIC:
        if plane == model.length - face:
            plane = face
    elif plane == face and (model.right if forward else model.left) != ABSORBING:
        return 0.0
    return plane - here if forward else here - plane
