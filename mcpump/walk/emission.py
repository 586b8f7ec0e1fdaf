"""Where walkers are born: a stepwise density close to |Ṡ|, sampled in strata.

Any positive density p gives unbiased results when a walker carries a(x)/p(x); one close to |Ṡ| wastes no
walkers on a metal without magnetization. Birth places of a block are stratified: pair i of n is born
at the quantile (i + u)/n, u random.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.compiled import inlined
from mcpump.problem.scene import Scene
from mcpump.textures.shapes import texture_profile

BINS = 1024
SAMPLES = 4
"""Places per bin at which |Ṡ| is looked at."""
FLOOR = 0.05
"""Share of walkers born evenly over the whole sample, so that p is nowhere 0."""


def quantiles_of(strength: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles at the edges of equal bins of a density proportional to a strength, with an even share of `FLOOR`."""
    bins, total = len(strength), strength.sum()
    even = np.full(bins, 1.0 / bins)
    share = FLOOR * even + (1.0 - FLOOR) * (strength / total if 0.0 < total < math.inf else even)
    quantiles = np.concatenate(([0.0], np.cumsum(share)))
    return np.asarray(quantiles / quantiles[-1])


class Births(NamedTuple):
    """Stepwise birth density: quantiles at the bin edges, and 1/p within each bin."""

    quantiles: NDArray[np.float64]
    """(BINS + 1,), from 0 to 1."""
    inverse_density: NDArray[np.float64]
    """1/p [ℓ]; (BINS,)."""
    width: float
    """Width of a bin [ℓ]."""


def births(scene: Scene) -> Births:
    """Birth density of the fast walk: ∝ rms |Ṡ| over a period."""
    width = scene.lengths[0] / BINS
    places = (np.arange(BINS * SAMPLES) + 0.5) * (width / SAMPLES)
    _, cosine, sine = texture_profile(scene.lanes, places)
    strength = np.sqrt((cosine**2 + sine**2).sum(axis=0)).reshape(BINS, SAMPLES).mean(axis=1)
    quantiles = quantiles_of(strength)
    return Births(quantiles, width / np.diff(quantiles), width)


@inlined
def birth_place(quantiles, inverse_density, width, quantile):
    """Place of the given quantile and 1/p there."""
    low, high = 0, inverse_density.shape[0]
    while high - low > 1:
        middle = (low + high) // 2
        if quantiles[middle] <= quantile:
            low = middle
        else:
            high = middle
    step = quantiles[low + 1] - quantiles[low]
    return (low + (quantile - quantiles[low]) / step) * width, inverse_density[low]
