"""One block of the general walk: any mesh, stack, texture and order in J."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mcpump.names import lines_of
from mcpump.problem.scene import NO_STATE, Scene
from mcpump.problem.spin_hall import add_drive
from mcpump.walk.course import Course, birth_strength
from mcpump.walk.layout import GOES_ON, BlockSums, Halt, completed, refuse
from mcpump.walk.philox import key
from mcpump.walk.transport import walk_scene

Array = NDArray[np.float64]
SIZE_TIMES = 8
"""Times of the drive at which the size of the emission is looked at."""
NO_TRACE = np.zeros((0, 9))


def general_exponents(scene: Scene, user: object) -> NDArray[np.intp]:
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


def walk_general_block(
    scene: Scene, user: object, course: Course, block: int, halt: Halt = GOES_ON
) -> BlockSums:
    """Walk block number `block` of a scene.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units.
    user : compiled function
        The user's texture, or `no_user()`.
    course : Course
        From `course_of`.
    block : int
        Number of the block, from 0.
    halt : ndarray, optional
        One number; not 0 gives the block up.

    Raises
    ------
    WalkerError
        If a walker takes more than `max_flights` flights or meets a number that is not finite.
    HaltedError
        If the block was given up.
    """
    profile, passages, budget = scene_tallies(scene)
    flights, wrong, walker = walk_scene(
        plain(scene), user, *key(scene.seed), *course, halt, block, profile, passages, budget, -1, NO_TRACE
    )
    refuse(wrong, walker, scene)
    return _scene_sums(scene, profile, passages, budget, int(flights))


def plain(scene: Scene) -> Scene:
    """What the kernels see: has the same type whatever the number of planes and layers."""
    return scene._replace(planes=(), layers=(), seed=0)


def scene_tallies(scene: Scene) -> tuple[Array, Array, Array]:
    """Empty tallies of a block, see `mcpump.walk.transport`."""
    size, bins = len(scene.walked) * scene.time_functions * 3, max(scene.time_bins, 1)
    return (
        np.zeros((2, math.prod(scene.cells) * bins, 3 + scene.axes, size)),
        np.zeros((2, len(scene.planes) * bins, size)),
        np.zeros((len(lines_of(scene.axes)), size)),
    )


def _scene_sums(
    scene: Scene,
    profile: Array,
    passages: Array,
    budget: Array,
    flights: int,
) -> BlockSums:
    """Turn a block's raw tallies into densities."""
    area = scene.lengths[1] * scene.lengths[2]
    time = scene.t_end / scene.time_bins if scene.time_bins else 1.0
    cell = scene.lengths[0] * area / math.prod(scene.cells)
    profiles = np.moveaxis(profile / (cell * time), 2, 1).reshape(-1, profile.shape[1], profile.shape[3])
    passages, budget = passages / (area * time), budget / area
    if scene.hall_slot >= 0:
        add_drive(scene, profiles, passages)
    return completed(scene, profiles, passages, budget, flights)
