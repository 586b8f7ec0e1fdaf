"""How slowly the slowest mode of a sample decays that is not uniform: until when walkers without a sink have to walk."""

from __future__ import annotations

import itertools
import math

import numpy as np

from mcpump.deck.layer import Layer, Vector

INFLOW = {1: 0.5, 2: 1.0 / math.pi, 3: 0.25}
"""Share of the density times v that flies through a plane towards one side, ⟨|v̂·n|⟩/2, by dimension."""
_CELLS, _FEWEST_CELLS = 400, 4
_ROUNDING = 1e-13


def slowest_rate(
    layers: tuple[Layer, ...],
    lengths: Vector,
    periodic: tuple[bool, bool, bool],
    dimension: int,
    axes: int,
) -> float:
    """Decay rate of the slowest mode of a sample without a sink, in diffusion [1/τ].

    Parameters
    ----------
    layers : tuple of Layer
        Layers along x.
    lengths : 3 numbers
        Lengths of the sample [ℓ].
    periodic : 3 bools
        Whether it is periodic along x, y, z.
    dimension : int
        Dimension of the velocity sphere.
    axes : int
        Directions of the mesh; the sample is uniform along the others.

    Returns
    -------
    float
        D q² with q = π/L (2π/L if periodic) of the slowest direction; along x, with layers, the lowest eigenvalue of
        diffusion with a jump at every interface; but no faster than walkers scatter (d = 1: half as fast).
    """
    slowest_D = min(layer.v**2 / (dimension * layer.transport) for layer in layers)
    rates = [
        slowest_D * ((2.0 if ring else 1.0) * math.pi / length) ** 2
        for ring, length in list(zip(periodic, lengths, strict=True))[:axes]
    ]
    if len(layers) > 1:
        rates[0] = _slowest_through(layers, lengths[0], periodic[0], dimension)
    ceiling = (0.5 if dimension == 1 else 1.0) * min(layer.transport for layer in layers)
    return min(ceiling, *rates)


def _slowest_through(layers: tuple[Layer, ...], length: float, ring: bool, dimension: int) -> float:
    """Lowest eigenvalue but 0 of −∂(νD ∂μ) = rate ν μ with jumps R j of μ at the interfaces; finite volumes."""
    ends = [layer.start for layer in layers[1:]] + [length]
    count = max(_FEWEST_CELLS, _CELLS // len(layers))
    width = np.repeat([(end - one.start) / count for one, end in zip(layers, ends, strict=True)], count)
    nu, D = np.repeat([(one.nu, one.v**2 / (dimension * one.transport)) for one in layers], count, axis=0).T
    half = 0.5 * width / (nu * D)
    resistance = half[1:] + half[:-1]
    for i, pair in enumerate(itertools.pairwise(layers)):
        resistance[(i + 1) * count - 1] += _interface_resistance(*pair, dimension)
    hop = 1.0 / resistance
    matrix = np.diag(np.concatenate([hop, [0.0]]) + np.concatenate([[0.0], hop]))
    matrix -= np.diag(hop, 1) + np.diag(hop, -1)
    if ring:
        across = 1.0 / (half[0] + half[-1])
        matrix[[0, -1], [0, -1]] += across
        matrix[[0, -1], [-1, 0]] -= across
    root = np.sqrt(nu * width)
    modes = np.linalg.eigvalsh(matrix / np.outer(root, root))
    return float(max(modes[1], _ROUNDING * modes[-1]))


def _interface_resistance(left: Layer, right: Layer, dimension: int) -> float:
    """Jump of density/ν over current: (1 − (T₁₂ + T₂₁)/2)/(c ν₁v₁T₁₂), c = ⟨|v̂·n|⟩/2; 0 for a perfect passage."""
    a, b = left.nu * left.v, right.nu * right.v
    through = right.transmission * min(a, b)
    return max(0.0, 1.0 - 0.5 * through * (1.0 / a + 1.0 / b)) / (INFLOW[dimension] * through)
