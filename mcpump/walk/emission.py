"""Where walkers are born: a stepwise density close to |Ṡ|, sampled in strata.

Any positive density p gives unbiased results when a walker carries a(x)/p(x); one close to |Ṡ| wastes no
walkers on a metal without magnetization. Birth places of a block are stratified: pair i of n is born
at the quantile (i + u)/n, u random.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.compiled import inlined
from mcpump.problem.scene import Model
from mcpump.textures.shapes import texture_profile

BINS = 1024
SAMPLES = 4
"""Places per bin at which |Ṡ| is looked at."""
FLOOR = 0.05
"""Share of walkers born evenly over the whole sample, so that p is nowhere 0."""


class Births(NamedTuple):
    """Stepwise birth density: quantiles at the bin edges, and 1/p within each bin."""

    quantiles: NDArray[np.float64]
    """(BINS + 1,), from 0 to 1."""
    inverse_density: NDArray[np.float64]
    """1/p [ℓ]; (BINS,)."""
    width: float
    """Width of a bin [ℓ]."""


def births(model: Model) -> Births:
    """Birth density of a model: ∝ rms |Ṡ| over a period, with an even share of `FLOOR`."""
    width = model.length / BINS
    places = (np.arange(BINS * SAMPLES) + 0.5) * (width / SAMPLES)
    _, cosine, sine = texture_profile(model, places)
    strength = np.sqrt((cosine**2 + sine**2).sum(axis=0)).reshape(BINS, SAMPLES).mean(axis=1)
    total = strength.sum()
    share = FLOOR / BINS + (1.0 - FLOOR) * (strength / total if total > 0.0 else np.full(BINS, 1.0 / BINS))
    quantiles = np.concatenate(([0.0], np.cumsum(share)))
    quantiles /= quantiles[-1]
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
