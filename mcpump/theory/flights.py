"""Flights without scattering in a sample that varies along x: direction by direction, exact in every cell."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.compiled import inlined, kernel
from mcpump.theory.medium import Array

RIGHT, LEFT = 0, 1
"""Directions along x."""
THIN, TERMS = 0.02, 6
"""Mean free paths and turns in a cell that is thin, along the flight, and terms of the series there, to rounding."""
LOST = 1e-18
"""Share of a spin that is none."""


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


class Cells(NamedTuple):
    """What happens to a spin on its way through cells."""

    turn: Array
    """(directions, cells, 3, 3): what is left of a spin at the end of a cell."""
    times: Array
    """(directions, cells): in a cell."""
    inverse: Array
    """(cells, 3, 3): 1/M, M s = κ s − s × B."""
    loss: Array
    """(cells,): κ."""
    field: Array
    """(cells, 3): B."""
    fastest: Array
    """(cells,): κ + |B|."""
    speed: Array
    """(cells,): v."""


class Ways(NamedTuple):
    """Directions, and the segments that they fly through."""

    weight: Array
    mu: Array
    bounds: NDArray[np.int64]


class Births(NamedTuple):
    """What begins in cells: at the left and right end, and the mean."""

    source: Array
    """(cells, 3, 3): isotropic."""
    by_direction: Array
    """(2, directions, cells, 3, 3), or no rows: further ones."""


class Scores(NamedTuple):
    """What is kept of a flight; no rows: nothing is."""

    density: Array
    """(cells, 3): means over directions."""
    current: Array
    """(cells, 3, 3): at the left and right end of each cell, and its mean."""
    each: Array
    """(2, directions, cells, 3, 3): spins by direction."""


@kernel
def fly(cells, ways, births, inflow, outflow, scores):
    """Fly through every segment in every direction, from the spins that come in.

    Births are parabolas in every cell: their values at its left and right end, and their mean. Spins are carried as v s,
    which an interface leaves as it is where it lets pass straight on.
    """
    # births at the start and at the end of the way through a cell, and in the middle; the parabola that flies with them
    q, p = np.zeros((3, 3)), np.zeros((3, 3))
    s, t, g = np.zeros(3), np.zeros(3), np.zeros(3)
    bounds = ways.bounds
    for k in range(ways.mu.shape[0]):
        for way in range(2):
            for segment in range(bounds.shape[0] - 1):
                first, last = bounds[segment], bounds[segment + 1]
                for j in range(3):
                    s[j] = inflow[way, segment, k, j]
                for step in range(last - first):
                    i = first + step if way == RIGHT else last - 1 - step
                    births_in_cell(births.source, births.by_direction, way, k, i, cells.speed[i], q)
                    if cells.times[k, i] * cells.fastest[i] < THIN and not is_step(q):
                        in_thin_cell(cells.times[k, i], cells.loss, cells.field, i, q, s, t, g, p)
                    else:
                        in_thick_cell(cells, k, i, q, s, t, g, p)
                        if scores.density.shape[0] > 0:
                            mean_in_cell(cells.inverse, i, 1.0 / cells.times[k, i], q, s, t, g)
                    if scores.density.shape[0] > 0:
                        v, w = cells.speed[i], ways.weight[k]
                        score_cell(scores.density, scores.current, way, i, w / v, w * ways.mu[k], s, t, g)
                        keep_cell(scores.each, way, k, i, v, s, t, g)
                    for j in range(3):
                        s[j] = t[j]
                for j in range(3):
                    outflow[way, segment, k, j] = s[j]


class Turns(NamedTuple):
    """What happens to spins at the phases of a period on their way through cells."""

    cosine: Array
    """(directions, cells, phases): of half the angle."""
    sine: Array
    axis: Array
    """(cells, 3, phases): B/|B|."""
    decay: Array
    """(directions, cells)."""


@kernel
def fly_in_time(turns, ways, shift, wanted, steady, inflow, outflow, current, second):
    """Fly through every segment in every direction with spins at all phases of a period, (3, phases) each.

    In a cell s − p decays and turns half, its phases move on (`shift`; not where that has no rows), and it turns half
    again: p is steady there, (κ + ∂_t) p − p × B = q. Spins are carried as v s. `current` and `second`,
    (cells, 2, 3, phases), are means ⟨vμs⟩ and ⟨vμ²s⟩ at the left and right end of each cell; where they have no rows,
    nothing is scored. `wanted`: (2, segments), which to fly through.
    """
    cosine, sine, axis, decay = turns.cosine, turns.sine, turns.axis, turns.decay
    weight, mu, bounds = ways.weight, ways.mu, ways.bounds
    phases = axis.shape[2]
    s, g, twice = np.zeros((3, phases)), np.zeros((3, phases)), np.zeros((3, 2 * phases))
    for k in range(mu.shape[0]):
        for way in range(2):
            near, far = (0, 1) if way == RIGHT else (1, 0)
            f = (0.5 if way == RIGHT else -0.5) * weight[k] * mu[k]
            h = 0.5 * weight[k] * mu[k] * mu[k]
            for segment in range(bounds.shape[0] - 1):
                if not wanted[way, segment]:
                    continue
                first, last = bounds[segment], bounds[segment + 1]
                for j in range(3):
                    for p in range(phases):
                        s[j, p] = inflow[way, segment, k, j, p]
                for step in range(last - first):
                    i = first + step if way == RIGHT else last - 1 - step
                    if current.shape[0] > 0:
                        score_in_time(current, second, i, near, f, h, s)
                    if decay[k, i] > LOST:
                        for j in range(3):
                            for p in range(phases):
                                g[j, p] = decay[k, i] * (s[j, p] - steady[i, j, p])
                        turn_in_time(cosine, sine, axis, k, i, g)
                        if shift.shape[0] > 0:
                            move_on(shift, k, i, g, twice)
                        turn_in_time(cosine, sine, axis, k, i, g)
                        for j in range(3):
                            for p in range(phases):
                                s[j, p] = steady[i, j, p] + g[j, p]
                    else:
                        for j in range(3):
                            for p in range(phases):
                                s[j, p] = steady[i, j, p]
                    if current.shape[0] > 0:
                        score_in_time(current, second, i, far, f, h, s)
                for j in range(3):
                    for p in range(phases):
                        outflow[way, segment, k, j, p] = s[j, p]


@inlined
def score_in_time(current, second, i, end, f, h, s):
    """Add a direction to the means at one end of cell i."""
    for j in range(3):
        for p in range(s.shape[1]):
            current[i, end, j, p] += f * s[j, p]
            second[i, end, j, p] += h * s[j, p]


@inlined
def turn_in_time(cosine, sine, axis, k, i, g):
    """Turn spins about the axis of cell i at each phase, by half the angle of direction k."""
    for p in range(g.shape[1]):
        c, s = cosine[k, i, p], sine[k, i, p]
        a, b, d = axis[i, 0, p], axis[i, 1, p], axis[i, 2, p]
        x, y, z = g[0, p], g[1, p], g[2, p]
        along = (1.0 - c) * (a * x + b * y + d * z)
        g[0, p] = c * x + s * (y * d - z * b) + along * a
        g[1, p] = c * y + s * (z * a - x * d) + along * b
        g[2, p] = c * z + s * (x * b - y * a) + along * d


@inlined
def move_on(shift, k, i, g, twice):
    """Write what was there a flight's time ago: g(t − dt), by its Fourier series."""
    phases = g.shape[1]
    for j in range(3):
        for p in range(phases):
            twice[j, p] = g[j, p]
            twice[j, phases + p] = g[j, p]
            g[j, p] = 0.0
    for n in range(phases):
        c = shift[k, i, n]
        for j in range(3):
            for p in range(phases):
                g[j, p] += c * twice[j, phases + p - n]


@inlined
def births_in_cell(source, by_direction, way, k, i, v, q):
    """Write v times the births at the start and at the end of the way through cell i, and their mean."""
    near, far = (0, 1) if way == RIGHT else (1, 0)
    for j in range(3):
        q[0, j], q[1, j], q[2, j] = source[i, near, j], source[i, far, j], source[i, 2, j]
    if by_direction.shape[0] > 0:
        for j in range(3):
            q[0, j] += by_direction[way, k, i, near, j]
            q[1, j] += by_direction[way, k, i, far, j]
            q[2, j] += by_direction[way, k, i, 2, j]
    for j in range(3):
        q[0, j], q[1, j], q[2, j] = v * q[0, j], v * q[1, j], v * q[2, j]


@inlined
def mean_in_cell(inverse, i, r, q, s, t, g):
    """Write the mean g of a spin that is s and t at the ends of cell i: M · mean = q + (start − end)/time."""
    for j in range(3):
        q[2, j] += r * (s[j] - t[j])
    for j in range(3):
        g[j] = inverse[i, j, 0] * q[2, 0] + inverse[i, j, 1] * q[2, 1] + inverse[i, j, 2] * q[2, 2]


@inlined
def score_cell(density, current, way, i, per_speed, flux, s, t, g):
    """Add a direction to the means of cell i; per_speed, flux: its weight over v, and times its cosine."""
    near, far = (0, 1) if way == RIGHT else (1, 0)
    w, f = 0.5 * per_speed, (0.5 if way == RIGHT else -0.5) * flux
    for j in range(3):
        density[i, j] += w * g[j]
        current[i, near, j] += f * s[j]
        current[i, far, j] += f * t[j]
        current[i, 2, j] += f * g[j]


@inlined
def keep_cell(each, way, k, i, v, s, t, g):
    """Keep the spin of a direction in cell i, where it is wanted."""
    near, far = (0, 1) if way == RIGHT else (1, 0)
    if each.shape[0] > 0:
        for j in range(3):
            each[way, k, i, near, j] = s[j] / v
            each[way, k, i, far, j] = t[j] / v
            each[way, k, i, 2, j] = g[j] / v


@inlined
def steady(inverse, i, r, q, p):
    """Write the parabola p₀ + p₁x + p₂x², x from 0 to 1, that solves r p′ = −M p + q in cell i, r = 1/time."""
    for j in range(3):
        p[1, j] = 6.0 * q[2, j] - 3.0 * (q[0, j] + q[1, j])  # 6 (mean − half the ends)
    for j in range(3):
        p[2, j] = -(inverse[i, j, 0] * p[1, 0] + inverse[i, j, 1] * p[1, 1] + inverse[i, j, 2] * p[1, 2])
    x = q[1, 0] - q[0, 0] + p[1, 0] - 2.0 * r * p[2, 0]
    y = q[1, 1] - q[0, 1] + p[1, 1] - 2.0 * r * p[2, 1]
    z = q[1, 2] - q[0, 2] + p[1, 2] - 2.0 * r * p[2, 2]
    for j in range(3):
        p[1, j] = inverse[i, j, 0] * x + inverse[i, j, 1] * y + inverse[i, j, 2] * z
    x, y, z = q[0, 0] - r * p[1, 0], q[0, 1] - r * p[1, 1], q[0, 2] - r * p[1, 2]
    for j in range(3):
        p[0, j] = inverse[i, j, 0] * x + inverse[i, j, 1] * y + inverse[i, j, 2] * z


@inlined
def in_thick_cell(cells, k, i, q, s, t, g, p):
    """Spin at the end of cell i, t: the parabola p of births, and what begins beside it, g, which decays and turns."""
    steady(cells.inverse, i, 1.0 / cells.times[k, i], q, p)
    for j in range(3):
        g[j] = s[j] - p[0, j]
    for j in range(3):
        back = cells.turn[k, i, j, 0] * g[0] + cells.turn[k, i, j, 1] * g[1] + cells.turn[k, i, j, 2] * g[2]
        t[j] = p[0, j] + p[1, j] + p[2, j] + back


@inlined
def is_step(q):
    """Whether births are the same everywhere in a cell: then no large numbers cancel."""
    same = True
    for j in range(3):
        same = same and q[0, j] == q[2, j] and q[1, j] == q[2, j]
    return same


@inlined
def in_thin_cell(time, loss, field, i, q, s, t, g, p):
    """Spin at the end of cell i, t, and its mean, g, from s at its start: the series of s′ = time (q − M s), 0 to 1.

    The parabola that flies with births is a difference of large numbers in a cell that is thin against a mean free path.
    """
    for j in range(3):
        p[0, j], p[2, j] = q[0, j], 3.0 * (q[0, j] + q[1, j]) - 6.0 * q[2, j]
        p[1, j] = q[1, j] - q[0, j] - p[2, j]
        q[0, j], t[j], g[j] = s[j], s[j], s[j]
    for n in range(TERMS):
        x, y, z = q[0, 0], q[0, 1], q[0, 2]
        # M s = κ s − s × B
        q[0, 0] = y * field[i, 2] - z * field[i, 1] - loss[i] * x
        q[0, 1] = z * field[i, 0] - x * field[i, 2] - loss[i] * y
        q[0, 2] = x * field[i, 1] - y * field[i, 0] - loss[i] * z
        for j in range(3):
            if n < 3:
                q[0, j] += p[n, j]
            q[0, j] *= time / (n + 1.0)
            t[j] += q[0, j]
            g[j] += q[0, j] / (n + 2.0)


def cross(a: Array, b: Array) -> Array:
    """Product a × b of parabolas in cells, given by both ends and the mean, (..., 3, 3); the mean by Simpson's rule."""
    product = np.cross(a, b)
    middle = np.cross(
        1.5 * a[..., 2, :] - 0.25 * (a[..., 0, :] + a[..., 1, :]),
        1.5 * b[..., 2, :] - 0.25 * (b[..., 0, :] + b[..., 1, :]),
    )
    product[..., 2, :] = (product[..., 0, :] + product[..., 1, :] + 4.0 * middle) / 6.0
    return product


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
