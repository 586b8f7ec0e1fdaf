"""Powers of two of the natural sizes of what walkers carry, so that the exact sums need no absolute scale."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import NO_STATE, Scene
from mcpump.walk.course import birth_strength

SIZE_TIMES = 8
"""Times of the drive at which the size of the emission is looked at."""


def natural_exponents(scene: Scene, user: object) -> NDArray[np.intp]:
    """Powers of two of the natural sizes of a scene's amplitudes: its sources' strength, times 2Jτ/ħ at second order."""
    # where walkers begin at collisions the size alone is asked for
    times = SIZE_TIMES if scene.from_collisions else 0
    strength = float(birth_strength(scene, user, times).max(initial=0.0))
    if scene.time_step > 0.0:
        # a source that is hardly ever met is at most |S| ν over the natural time, 1000 time steps
        strength = max(strength, 1e-9 * max(layer.nu for layer in scene.layers) / scene.time_step)
    strength *= scene.t_end if scene.time_bins else 1.0
    if scene.initial != NO_STATE:
        strength += math.sqrt(sum(s * s for s in scene.initial_spin))
    weak = 2.0 * scene.exchange * strength
    size = {"first": strength, "second": weak, "second_ladder": weak, "exact": strength}
    rashba = max(math.hypot(*layer.rashba) for layer in scene.layers)
    impurity = max(abs(layer.impurity) for layer in scene.layers)
    size |= {
        "rashba": rashba * weak,
        "impurity_first": impurity * strength,
        "impurity_second": impurity * weak,
    }
    size["spin_hall"] = max(math.hypot(*layer.hall) for layer in scene.layers)
    names = [size[name] for name in scene.walked] + ([strength] if scene.has_sum else [])
    names += [sum(size[name] for name in scene.sources)] if len(scene.sources) > 1 else []
    return np.repeat(np.frexp(np.array(names))[1], scene.time_functions * 3).astype(np.intp)
