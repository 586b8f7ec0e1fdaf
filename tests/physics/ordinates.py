"""Deterministic transport in a stack of layers by discrete directions: an oracle without noise for `first`.

Solves iωψ + vμ∂_xψ + rate (ψ − ⟨ψ⟩) + γψ = source(x) for every direction μ, with the faces and interfaces of a
`Scene`. Each cell is crossed exactly with the scattering of its mean density (step characteristics, second order in
the cell's width). Shares no code with the walk.
"""

from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.linalg import spsolve

DIRECTIONS = 32


class Response(NamedTuple):
    """Complex amplitudes."""

    density: np.ndarray
    """Cell averages."""
    flux: np.ndarray
    """On the edges of the cells."""


def half_directions(dimension):
    """Directions μ > 0 and weights of sum 1."""
    nodes, weights = np.polynomial.legendre.leggauss(DIRECTIONS)
    u, w = 0.5 * (1.0 + nodes), 0.5 * weights
    return {1: (np.ones(1), np.ones(1)), 2: (np.sin(0.5 * np.pi * u), w), 3: (u, w)}[dimension]


def solve(scene, source, edges, omega=0.0, local=False, sent=(0.0, 0.0)):
    """Response of a scene's stack along x to a source e^{iωt}, births per volume and time in each cell.

    local: only what has not been scattered yet, by an impurity or by a diffuse reflection or passage.
    sent: births per area and time on the left and on the right face, inward: flux ∝ (v·n)² for the specular share of the
    face, the cosine law for the rest.
    """
    mu, w = half_directions(scene.dimension)
    n, m = len(edges) - 1, len(mu)
    middle, h = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)
    layer_of = np.searchsorted([layer.start for layer in scene.layers], middle, side="right") - 1
    per = 2 * m + 1  # unknowns of a cell: ψ leaving to the right, to the left; density
    cosine = w * mu / (w @ mu)
    rows, columns, values, rhs = [], [], [], np.zeros(n * per, complex)

    def put(row, column, value):
        rows.append(row)
        columns.append(column)
        values.append(value)

    def leaving(cell, sign, i):
        return cell * per + (i if sign > 0 else m + i)

    def returned(cell, sign, i, share, specularity):
        """Terms of ψ that enters a cell again from what left it with `sign`."""
        terms = [(leaving(cell, sign, i), share * specularity)]
        if not local:
            terms += [(leaving(cell, sign, k), share * (1.0 - specularity) * cosine[k]) for k in range(m)]
        return terms

    def entering(cell, sign, i):
        """Terms of ψ that enters a cell in direction (sign, i): [(unknown, factor)]."""
        before = cell - sign
        if not 0 <= before < n:
            if scene.periodic[0]:
                return [(leaving(before % n, sign, i), 1.0)]
            face = 0 if before < 0 else 1
            return returned(cell, -sign, i, 1.0 - scene.absorption[face], scene.specularity[face])
        here, there = scene.layers[layer_of[cell]], scene.layers[layer_of[before]]
        if layer_of[cell] == layer_of[before]:
            return [(leaving(before, sign, i), 1.0)]
        gate = scene.layers[max(layer_of[cell], layer_of[before])]
        smaller = min(here.nu * here.v, there.nu * there.v)
        into, back = (
            gate.transmission * smaller / (there.nu * there.v),
            gate.transmission * smaller / (here.nu * here.v),
        )
        terms = returned(cell, -sign, i, 1.0 - back, gate.specularity)
        ratio = into * there.v / here.v
        if gate.straight:
            return [*terms, (leaving(before, sign, i), ratio)]
        return terms if local else terms + [(leaving(before, sign, k), ratio * cosine[k]) for k in range(m)]

    def injected(cell, sign):
        """ψ that a face sends into a cell."""
        face = 0 if sign > 0 else 1
        if not 0 <= cell - sign < n:
            specular, v = scene.specularity[face], scene.layers[layer_of[cell]].v
            return 2.0 * sent[face] / v * (specular * mu / (w @ mu**2) + (1.0 - specular) / (w @ mu))
        return np.zeros(m)

    inflow = {}
    for cell in range(n):
        layer = scene.layers[layer_of[cell]]
        total = layer.rate + layer.gamma_sf + 1j * omega
        scattered = 0.0 if local else layer.rate / total
        density = cell * per + 2 * m
        put(density, density, 1.0 - scattered)
        rhs[density] += source[cell] / total
        for sign in (1, -1):
            for i in range(m):
                path = total * h[cell] / (layer.v * mu[i])
                through, stays = np.exp(-path), -np.expm1(-path)
                out = leaving(cell, sign, i)
                inflow[cell, sign, i] = entering(cell, sign, i)
                put(out, out, 1.0)
                put(out, density, -stays * scattered)
                rhs[out] += stays * source[cell] / total
                # mean of ψ over the cell: S/Σ − (ψ_out − ψ_in)/path
                put(density, out, 0.5 * w[i] / path)
                rhs[out] += through * injected(cell, sign)[i]
                rhs[density] += 0.5 * w[i] / path * injected(cell, sign)[i]
                for unknown, factor in inflow[cell, sign, i]:
                    put(out, unknown, -through * factor)
                    put(density, unknown, -0.5 * w[i] / path * factor)
    matrix = coo_matrix((values, (rows, columns)), shape=(n * per, n * per)).tocsc()
    psi = spsolve(matrix, rhs)

    def entered(cell, sign):
        return injected(cell, sign) + [sum(f * psi[u] for u, f in inflow[cell, sign, i]) for i in range(m)]

    cells = psi.reshape(n, per)
    speed = np.array([scene.layers[k].v for k in layer_of])
    flux = np.zeros(n + 1, complex)
    weight = 0.5 * w * mu
    for cell in range(n):
        flux[cell] = speed[cell] * weight @ (entered(cell, 1) - cells[cell, m : 2 * m])
    flux[n] = speed[-1] * weight @ (cells[-1, :m] - entered(n - 1, -1))
    return Response(cells[:, 2 * m], flux)


def coarse(fine, cells):
    """Averages over equal groups of cells."""
    return np.asarray(fine).reshape(cells, -1).mean(axis=1)
