"""Skew scattering of a problem along x: what becomes, along the layers, of 2θ_SH ε_ijα j_j^α in the cells.

The charge flies on for one free path, and is lost where a wall scatters diffusely (`mcpump.theory.skew`). Nothing of it
depends on walkers: it is a matrix between cells, and what is left in the mean over the sample a weight of each cell.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import Scene
from mcpump.problem.slab import sample_of
from mcpump.theory.medium import Array, ComplexArray
from mcpump.theory.sample import Sample
from mcpump.theory.skew import sheet_weights, skew_current

_NEAR = 1e-9
"""Places closer than this share of the sample's length are one."""
_AT_ONCE = 256
"""Cells whose charge is followed at once."""


def skews(scene: Scene) -> bool:
    """Whether impurities scatter skewly somewhere."""
    return any(layer.skew for layer in scene.layers)


def flows_along(scene: Scene) -> Array:
    """(3,): 1 along the layers where velocities point there, else 0; across them nothing flows."""
    return np.array([0.0, float(scene.dimension > 1), float(scene.dimension > 2)])


@lru_cache(maxsize=4)
def skew_weights(scene: Scene) -> ComplexArray:
    """(harmonics + 1, cells): what ε_ijα j_j^α of a cell adds to the current's mean over the sample."""
    pieces = _Pieces(scene)
    every = [sheet_weights(pieces.sample, pieces.edges, pieces.sigma, Omega) for Omega in _frequencies(scene)]
    weights: ComplexArray = np.array([pieces.into_cells.T @ (pieces.width * r) for r in every], complex)
    return weights / scene.lengths[0]


@lru_cache(maxsize=4)
def flown_conductivity(scene: Scene) -> ComplexArray:
    """(harmonics + 1,): conductivity along the layers, mean over the sample, over that of [electrons]; walls lower it."""
    pieces = _Pieces(scene)
    every = [sheet_weights(pieces.sample, pieces.edges, pieces.sigma, Omega) for Omega in _frequencies(scene)]
    sheet: ComplexArray = np.array([pieces.width * pieces.sigma @ r for r in every], complex)
    return sheet / scene.lengths[0]


def skewed(scene: Scene, mean: Array, error: Array) -> tuple[Array, Array]:
    """Current along the layers in each cell, of ε_ijα j_j^α there, and its error.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units.
    mean, error : ndarray
        (time functions, cells, k): dc, cos1, sin1, …. Cells share walkers, so that errors are added as if they agreed:
        the error is at most so large.
    """
    pieces = _Pieces(scene)
    found, scatter = np.zeros(mean.shape), np.zeros(mean.shape)
    for n, Omega in enumerate(_frequencies(scene)):
        rows = [0] if n == 0 else [2 * n - 1, 2 * n]
        for first in range(0, scene.cells[0], _AT_ONCE):
            some = slice(first, first + _AT_ONCE)
            flown = skew_current(
                pieces.sample, pieces.edges, pieces.into_cells[:, some].astype(complex), Omega
            )
            kernel = pieces.onto_cells @ flown
            real, turned = kernel.real, kernel.imag
            for row, other, sign in zip(rows, rows[::-1], (1.0, -1.0), strict=False):
                found[row] += real @ mean[row, some]
                scatter[row] += np.abs(real) @ error[row, some]
                if n:  # the amplitudes c, s of cos and sin are c − is of e^{iΩt}
                    found[row] += sign * turned @ mean[other, some]
                    scatter[row] += np.abs(turned) @ error[other, some]
    return found, scatter


def _frequencies(scene: Scene) -> list[float]:
    """Those of the harmonics, 0 first."""
    return [n * scene.Omega for n in range(scene.harmonics + 1)]


class _Pieces:
    """Cells cut at the layers' starts."""

    def __init__(self, scene: Scene) -> None:
        length, cells = scene.lengths[0], scene.cells[0]
        of_cells = np.linspace(0.0, length, cells + 1)
        starts = np.array([layer.start for layer in scene.layers])
        edges = np.sort(np.concatenate([of_cells, starts[1:]]))
        kept = np.concatenate([[True], np.diff(edges) > _NEAR * length])
        edges = edges[kept]
        edges[-1] = length
        # a start that misses an edge of a cell by rounding stands on it
        near = edges[np.abs(edges[:, None] - starts).argmin(axis=0)]
        sample = sample_of(scene)
        self.sample: Sample = sample._replace(
            layers=tuple(
                one._replace(start=float(place), rate=layer.collisions, loss=0.0)
                for one, layer, place in zip(sample.layers, scene.layers, near, strict=True)
            )
        )
        self.edges, self.width = edges, np.diff(edges)
        middle = 0.5 * (edges[1:] + edges[:-1])
        cell = np.clip(np.searchsorted(of_cells, middle, side="right") - 1, 0, cells - 1)
        which = np.searchsorted(near, middle, side="right") - 1
        self.sigma = np.array([one.nu * one.v**2 / one.collisions for one in scene.layers])[which]
        angle = np.array([2.0 * one.skew for one in scene.layers])[which]
        self.into_cells: Array = np.zeros((len(middle), cells))
        self.into_cells[np.arange(len(middle)), cell] = angle
        self.onto_cells: NDArray[np.float64] = np.zeros((cells, len(middle)))
        self.onto_cells[cell, np.arange(len(middle))] = self.width * (cells / length)
