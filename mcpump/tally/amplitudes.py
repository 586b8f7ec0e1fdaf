"""From the last axis of the books, amplitudes, to axes with names: channel, time function, component."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import Scene

Array = NDArray[np.float64]


def spins_of(scene: Scene, sums: Array, worth: float = 1.0) -> Array:
    """Map the last axis to three leading ones (channel, harmonic, component), in reduced units times `worth`.

    A transient has one harmonic. Sources of charge are left out.
    """
    spins, added = len(scene.channels), slice(len(scene.walked), len(scene.walked) + int(scene.has_sum))
    split = _split(scene, sums * worth)
    split = np.concatenate([split[..., :spins, :, :], split[..., added, :, :]], axis=-3)
    return np.moveaxis(split, (-3, -2, -1), (0, 1, 2))


def charges_of(scene: Scene, sums: Array) -> Array:
    """Map the last axis to three leading ones (source of charge, time function, direction)."""
    first, walked = len(scene.channels), len(scene.walked)
    split = _split(scene, sums)
    parts = [split[..., first:walked, :, :]]
    if len(scene.sources) > 1:
        parts.append(split[..., -1:, :, :])
    return np.moveaxis(np.concatenate(parts, axis=-3), (-3, -2, -1), (0, 1, 2))


def _split(scene: Scene, sums: Array) -> Array:
    """(..., amplitude) → (..., channel or source, time function, component)."""
    width = 3 * scene.time_functions
    return sums.reshape(*sums.shape[:-1], sums.shape[-1] // width, scene.time_functions, 3)


def clocked(scene: Scene, values: Array) -> Array:
    """(channel, harmonic, component, ..., place · time bin) → (channel, clock, component, ..., place)."""
    if not scene.time_bins:
        return values
    places = values.shape[-1] // scene.time_bins
    split = values[:, 0].reshape(*values.shape[:1], *values.shape[2:-1], places, scene.time_bins)
    return np.moveaxis(split, -1, 1)
