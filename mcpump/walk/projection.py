"""First-order current projected on ħνJτD ∇Ṡ, to which the local one tends for ℓ ≪ λ: the paper's Fig. 3 in one number."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import Scene
from mcpump.textures.shapes import texture_gradient

Array = NDArray[np.float64]


def projects(scene: Scene) -> bool:
    """Whether the current of `first` is projected: along x, in one layer, where ∇S is known in closed form."""
    closed = scene.from_collisions and scene.precession is not None and len(scene.layers) == 1
    return closed and scene.slots[0] >= 0 and scene.harmonics > 0 and not scene.sources


def projected(scene: Scene, current: Array) -> Array:
    """Projection of a current along x, (..., cells, amplitudes), in reduced units."""
    width = 3 * scene.time_functions
    first = current[..., width * scene.slots[0] : width * (scene.slots[0] + 1)]
    return np.asarray((first * gradient_pattern(scene)).sum(axis=(-2, -1)))


@lru_cache(maxsize=4)
def gradient_pattern(scene: Scene) -> Array:
    """Weights (cells, time functions · 3) that project a current on ħνJτD ∇Ṡ; 0 where there is no such gradient."""
    texture, cells = scene.precession, scene.cells[0]
    assert texture is not None
    pattern = np.zeros((cells, scene.time_functions, 3))
    centres = (np.arange(cells) + 0.5) * (scene.lengths[0] / cells)
    _, cosine, sine = texture_gradient(texture, centres)
    # Ṡ = Ω (S_s cos Ωt − S_c sin Ωt), D = 1/d
    pattern[:, 1], pattern[:, 2] = texture.Omega * sine.T, -texture.Omega * cosine.T
    norm = (pattern**2).sum() / scene.dimension
    return (pattern / norm if norm > 0.0 else pattern).reshape(cells, -1)
