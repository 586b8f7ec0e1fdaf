"""Finite rotation of a spin by exchange, ds/dt = s × B(t), B = (2J/ħ) S along the flight.

A step turns s by the rotation vector of the fourth-order Magnus expansion, so that the norm is kept to rounding and a
field that does not change is exact for any angle.

Source: S. Blanes, F. Casas, J. A. Oteo, J. Ros, Physics Reports 470, 151 (2009), doi:10.1016/j.physrep.2008.11.001.
"""

from __future__ import annotations

import math

from mcpump.compiled import inlined

NODE_1, NODE_2 = 0.5 - math.sqrt(3.0) / 6.0, 0.5 + math.sqrt(3.0) / 6.0
"""Gauss points of a step."""
COMMUTATOR = math.sqrt(3.0) / 12.0
S_1, S_2, S_3, S_4, S_5, S_6 = ((-1) ** n / math.factorial(2 * n + 1) for n in range(1, 7))
D_1, D_2, D_3, D_4, D_5, D_6 = ((-1) ** n / math.factorial(2 * n + 2) for n in range(1, 7))
TOLERANCE = 0.05
"""A step is halved while h |B₂ − B₁| (1 + θ²) exceeds this: what is left out then is of order 1e-5 of the spin."""


@inlined
def turned(sx, sy, sz, wx, wy, wz):
    """Rotate s by the vector w = B t of ds/dt = s × B: s cosθ + (s × n) sinθ + n (n·s)(1 − cosθ), θ = |w|, n = w/θ."""
    square = wx * wx + wy * wy + wz * wz
    if square < 0.1:
        # sin θ/θ and (1 − cos θ)/θ² by their series in θ², multiplied out since a division costs as much as ten products
        s = 1.0 + square * (
            S_1 + square * (S_2 + square * (S_3 + square * (S_4 + square * (S_5 + square * S_6))))
        )
        d = 0.5 + square * (
            D_1 + square * (D_2 + square * (D_3 + square * (D_4 + square * (D_5 + square * D_6))))
        )
    else:
        angle = math.sqrt(square)
        half = math.sin(0.5 * angle)
        s, d = math.sin(angle) / angle, 2.0 * half * half / square
    c = 1.0 - d * square
    d = d * (wx * sx + wy * sy + wz * sz)
    return (
        c * sx + s * (sy * wz - sz * wy) + d * wx,
        c * sy + s * (sz * wx - sx * wz) + d * wy,
        c * sz + s * (sx * wy - sy * wx) + d * wz,
    )


@inlined
def magnus(h, ax, ay, az, bx, by, bz):
    """Rotation vector of a step h from the fields a and b at its Gauss points: h (a + b)/2 + √3/12 h² a × b."""
    g = COMMUTATOR * h * h
    return (
        0.5 * h * (ax + bx) + g * (ay * bz - az * by),
        0.5 * h * (ay + by) + g * (az * bx - ax * bz),
        0.5 * h * (az + bz) + g * (ax * by - ay * bx),
    )


@inlined
def too_coarse(h, ax, ay, az, bx, by, bz):
    """Whether a step has to be halved: the field varies too much along it."""
    dx, dy, dz = bx - ax, by - ay, bz - az
    mx, my, mz = 0.5 * h * (ax + bx), 0.5 * h * (ay + by), 0.5 * h * (az + bz)
    angle2 = mx * mx + my * my + mz * mz
    change2 = h * h * (dx * dx + dy * dy + dz * dz)
    return change2 * (1.0 + angle2) * (1.0 + angle2) > TOLERANCE * TOLERANCE
