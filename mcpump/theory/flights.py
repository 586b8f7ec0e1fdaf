"""Flights without scattering in a sample that varies along x: direction by direction, exact in every cell."""

from __future__ import annotations

import math

import numpy as np

from mcpump.compiled import kernel
from mcpump.theory.medium import Array

RIGHT, LEFT = 0, 1
"""Directions along x."""


def cross_with(vectors: Array) -> Array:
    """Matrices that take s to s × n, (..., 3, 3)."""
    matrices = np.zeros((*vectors.shape, 3))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        matrices[..., i, j], matrices[..., j, i] = vectors[..., k], -vectors[..., k]
    return matrices


def cell_matrices(loss: Array, field: Array, times: Array) -> tuple[Array, Array]:
    """What a cell does to spins that fly through it, ds/dt = −κ s + s × B + q.

    Parameters
    ----------
    loss : (cells,) array
        κ.
    field : (cells, 3) array
        B.
    times : (directions, cells) array
        Time of flight through each cell.

    Returns
    -------
    turn : (directions, cells, 3, 3) array
        s at the end = turn · (s at the start) + (1 − turn) · inverse · q.
    inverse : (cells, 3, 3) array
        M⁻¹ of M s = κ s − s × B, M⁻¹y = [κ²y + κ y×B + (y·B)B] / [κ(κ² + B²)].
    """
    B = np.sqrt((field**2).sum(axis=1))
    n = field / np.where(B > 0.0, B, 1.0)[:, None]
    along = n[:, :, None] * n[:, None, :]
    cross = cross_with(n)
    one, kappa, b = np.eye(3), loss[:, None, None], B[:, None, None]
    inverse = (kappa * kappa * one + kappa * b * cross + b * b * along) / (kappa * (kappa * kappa + b * b))
    angle = (B * times)[..., None, None]
    turn = np.cos(angle) * one + np.sin(angle) * cross + 2.0 * np.sin(0.5 * angle) ** 2 * along
    return np.exp(-loss * times)[..., None, None] * turn, inverse


@kernel
def fly(
    turn,
    times,
    inverse,
    speed,
    weight,
    mu,
    bounds,
    source,
    by_direction,
    inflow,
    outflow,
    density,
    current,
    each,
):
    """Fly through every segment in every direction, from the spins that come in; score density and current.

    Spins are carried as v s, which an interface leaves as it is where it lets pass straight on. `density` and `current`
    (at the left and right end of each cell, and its mean) are means over directions; where they have no rows, nothing is
    scored.
    """
    for k in range(mu.shape[0]):
        for way in range(2):
            for segment in range(bounds.shape[0] - 1):
                first, last = bounds[segment], bounds[segment + 1]
                s0, s1, s2 = (
                    inflow[way, segment, k, 0],
                    inflow[way, segment, k, 1],
                    inflow[way, segment, k, 2],
                )
                for step in range(last - first):
                    i = first + step if way == RIGHT else last - 1 - step
                    q0, q1, q2 = source[i, 0], source[i, 1], source[i, 2]
                    if by_direction.shape[0] > 0:
                        q0 += by_direction[way, k, i, 0]
                        q1 += by_direction[way, k, i, 1]
                        q2 += by_direction[way, k, i, 2]
                    q0, q1, q2 = speed[i] * q0, speed[i] * q1, speed[i] * q2
                    m = inverse[i]
                    a0 = m[0, 0] * q0 + m[0, 1] * q1 + m[0, 2] * q2
                    a1 = m[1, 0] * q0 + m[1, 1] * q1 + m[1, 2] * q2
                    a2 = m[2, 0] * q0 + m[2, 1] * q1 + m[2, 2] * q2
                    e = turn[k, i]
                    d0, d1, d2 = s0 - a0, s1 - a1, s2 - a2
                    t0 = a0 + e[0, 0] * d0 + e[0, 1] * d1 + e[0, 2] * d2
                    t1 = a1 + e[1, 0] * d0 + e[1, 1] * d1 + e[1, 2] * d2
                    t2 = a2 + e[2, 0] * d0 + e[2, 1] * d1 + e[2, 2] * d2
                    if density.shape[0] > 0:
                        # M · mean = q + (start − end)/time
                        r = 1.0 / times[k, i]
                        p0, p1, p2 = q0 + r * (s0 - t0), q1 + r * (s1 - t1), q2 + r * (s2 - t2)
                        w = 0.5 * weight[k] / speed[i]
                        g0 = m[0, 0] * p0 + m[0, 1] * p1 + m[0, 2] * p2
                        g1 = m[1, 0] * p0 + m[1, 1] * p1 + m[1, 2] * p2
                        g2 = m[2, 0] * p0 + m[2, 1] * p1 + m[2, 2] * p2
                        density[i, 0] += w * g0
                        density[i, 1] += w * g1
                        density[i, 2] += w * g2
                        j = (0.5 if way == RIGHT else -0.5) * weight[k] * mu[k]
                        near, far = (0, 1) if way == RIGHT else (1, 0)
                        current[i, near, 0] += j * s0
                        current[i, near, 1] += j * s1
                        current[i, near, 2] += j * s2
                        current[i, far, 0] += j * t0
                        current[i, far, 1] += j * t1
                        current[i, far, 2] += j * t2
                        current[i, 2, 0] += j * g0
                        current[i, 2, 1] += j * g1
                        current[i, 2, 2] += j * g2
                        if each.shape[0] > 0:
                            each[way, k, i, 0] = g0 / speed[i]
                            each[way, k, i, 1] = g1 / speed[i]
                            each[way, k, i, 2] = g2 / speed[i]
                    s0, s1, s2 = t0, t1, t2
                outflow[way, segment, k, 0], outflow[way, segment, k, 1], outflow[way, segment, k, 2] = (
                    s0,
                    s1,
                    s2,
                )


def directions_of_half(count: int, dimension: int) -> tuple[Array, Array]:
    """Cosines μ > 0 and their weights, which sum to 1: Gauss, crowded where flights graze.

    What flies at x from a source has e^{−x/ℓμ}: the points lie as μ = u² (d = 3), or as the square of the angle to the
    plane (d = 2), so that sources as near as 1e−6 ℓ are seen.
    """
    if dimension == 1:
        return np.ones(1), np.ones(1)
    node, weight = np.polynomial.legendre.leggauss(count)
    u, w = 0.5 * (1.0 + node), 0.5 * weight
    return (u * u, 2.0 * u * w) if dimension == 3 else (np.sin(0.5 * math.pi * u * u), 2.0 * u * w)
