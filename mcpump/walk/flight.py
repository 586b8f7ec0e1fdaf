"""What a walker does along x, as plain functions of numbers: directions, pieces of flight, turns, walls, jumps.

A piece of flight ends at a collision or at the end of the walker's slab, whichever comes first. Slabs are cut at
interfaces, faces and planes, where there is a gate.
"""

from __future__ import annotations

import math
from math import expm1

from mcpump.walk.arithmetic import minus_log, sin_cos, uniform

PASS, MIRROR, RING, FACE, INTERFACE = range(5)
"""Kinds of gates: a plane alone, a closed specular face, a periodic face, another face, an interface that sends back."""
FEW_TRIPS = 8.0
"""So many trips between mirrors are flown as quickly as they are reckoned."""
SHORT = 1e-9
"""Pieces that lead less far along x see one place of the texture."""


def direction(u, dimension):
    """Direction cosine of an isotropic direction on the d-sphere, from a uniform number."""
    if dimension == 3:
        return 2.0 * u - 1.0
    if dimension == 2:
        return sin_cos(math.pi * (0.5 - u))[0]  # cos πu
    return 1.0 if u < 0.5 else -1.0


def deflection(u, g):
    """Cosine of the angle of scattering after Henyey and Greenstein, of the mean g, from a uniform number.

    (1 + g² − ((1 − g²)/(1 + gs))²)/2g with s = 2u − 1, divided out, so that g may be small.
    """
    s = 2.0 * u - 1.0
    above = s + g * (1.5 + 0.5 * s * s) + g * g * s - 0.5 * g * g * g * (1.0 - s * s)
    return above / ((1.0 + g * s) * (1.0 + g * s))


def deflected(x, y, z, cosine, turn):
    """Direction (x, y, z) turned by an angle of this cosine, and by `turn` (0 to 1) about itself."""
    across = math.sqrt(max(1.0 - cosine * cosine, 0.0))
    s, c = sin_cos(2.0 * math.pi * (turn - 0.5))
    sign = 1.0 if z >= 0.0 else -1.0
    a = -1.0 / (sign + z)
    b = x * y * a
    # two directions across the old one (Duff et al., J. Comput. Graph. Tech. 6, 1 (2017))
    p = cosine * x + across * (c * (1.0 + sign * x * x * a) + s * b)
    q = cosine * y + across * (c * sign * b + s * (sign + y * y * a))
    r = cosine * z - across * (c * sign * x + s * y)
    size = 1.0 / math.sqrt(p * p + q * q + r * r)
    return p * size, q * size, r * size


def cosine_law(u, dimension):
    """Cosine to the normal of who leaves a diffuse wall, from a uniform number."""
    if dimension == 3:
        return math.sqrt(u)
    if dimension == 2:
        return math.sqrt(u * (2.0 - u))  # the sine of the angle to the normal is uniform
    return 1.0


def piece(x, mu, depth, v, over, low, high):
    """Fly to the collision or to the slab's end: duration, place of the end, whether it is the slab's.

    depth: ∫(1/τ + 1/τ_sf) dt left to the collision; over: 1/(1/τ + 1/τ_sf).
    """
    u = mu * v
    wall = high if mu > 0.0 else low
    to_wall = (wall - x) / u
    flight = depth * over
    hit = to_wall <= flight
    return (to_wall if hit else flight), (wall if hit else x + u * flight), hit


def fold(y, L, periodic):
    """Bring an unfolded place y back into the sample 0 … L: (place, ±1), the sign that of the velocity."""
    if 0.0 <= y <= L:
        return y, 1.0
    if periodic:
        y -= L * math.floor(y / L)
        return min(max(y, 0.0), L), 1.0
    y -= 2.0 * L * math.floor(y / (2.0 * L))
    if y > L:
        return max(2.0 * L - y, 0.0), -1.0
    return max(y, 0.0), 1.0


def whole_trips(time, mu, L, left, right):
    """Time of the whole trips to and fro between two mirrors, or around a ring, in a straight flight; 0 for a few.

    left, right: kinds of the gates at 0 and L; v = 1.
    """
    if left != right or (left != MIRROR and left != RING):
        return 0.0
    way = 2.0 * L if left == MIRROR else L
    trips = math.floor(time * abs(mu) / way)
    return min(trips * (way / abs(mu)), time) if trips > FEW_TRIPS else 0.0


def turn_between(x, end, area, area_end, time, exchange, nx, nz, Omega, q):
    """Rotation vector (wx, 0, wz) of a spin in the turning frame, along a straight flight from x to `end`.

    The texture is f(x) (nx, 0, nz) there; `area` is ∫f dx from 0. The frame turns by Ωt + qx, and so do spins, backward.
    """
    way = end - x
    far = abs(way) > SHORT
    mean = (area_end - area) / (way if far else 1.0)
    angle = exchange * (mean if far else 0.0) * time
    return angle * nx, angle * nz + Omega * time + q * way


def kicked(fx, fy, fz, lx, ly, lz, angle, nx, nz, turn):
    """Turn two spins by `turn` about z, and add to the second (2J/ħ) ∫ s × S dt of the first: `second_ladder`.

    The first is (fx, fy, fz); angle is (2J/ħ)∫f dt of the texture f (nx, 0, nz). The frame turns evenly along the flight.
    """
    s, c = sin_cos(turn)
    # as ds/dt = s × ẑ turns them
    fx, fy = c * fx + s * fy, c * fy - s * fx
    lx, ly = c * lx + s * ly, c * ly - s * lx
    # mean of the texture's direction, turned along as the first spin is: ∫₀¹ R(turn · u) n du
    half, _ = sin_cos(0.5 * turn)
    small = abs(turn) < 1e-6
    whole = 1.0 if small else turn
    along = 1.0 if small else s / whole
    across = -0.5 * turn if small else -2.0 * half * half / whole
    bx, by, bz = angle * nx * along, angle * nx * across, angle * nz
    lx, ly, lz = lx + fy * bz - fz * by, ly + fz * bx - fx * bz, lz + fx * by - fy * bx
    return fx, fy, fz, lx, ly, lz


def meet_face(absorption, specularity, mu, dimension, c0, c1, c2):
    """Meet a face, with three random words: (absorbed, whether the reflection is specular, direction cosine)."""
    if uniform(c0) < absorption:
        return True, False, mu
    if uniform(c1) < specularity:
        return False, True, -mu
    back = cosine_law(uniform(c2), dimension)
    return False, False, (-back if mu > 0.0 else back)


def meet_interface(passing, specularity, straight, mu, dimension, c0, c1, c2):
    """Meet an interface, with three random words: (whether it is passed, whether reflected specularly, cosine)."""
    through = uniform(c0) < passing
    if through and straight > 0.0:
        return True, False, mu
    if not through and uniform(c1) < specularity:
        return False, True, -mu
    away = cosine_law(uniform(c2), dimension)
    return through, False, (away if (mu > 0.0) == through else -away)


def jump_time(u, rate):
    """Time to the next event of a rate, from a uniform number."""
    return minus_log(u) / rate


def jump_way(time, flights, v, rate, dimension, c2, c3):
    """Displacement along x over a time in which collisions come at the rate (1 − 1/flights) · rate.

    ⟨x²⟩ = (2/d) ℓ'² (t/τ' − 1 + e^{−t/τ'}) exactly, ℓ' = v τ'; taken as Gaussian.
    """
    often = rate * (1.0 - 1.0 / flights)
    t = time * often
    spread = v / often * math.sqrt(2.0 / dimension * (t + expm1(-t)))
    sine, _ = sin_cos(2.0 * math.pi * (uniform(c3) - 0.5))
    return spread * math.sqrt(2.0 * minus_log(uniform(c2))) * sine
