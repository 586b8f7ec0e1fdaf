"""Which walk takes a scene, and what is worked out once before its blocks are walked."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import Problem, Scene
from mcpump.textures.moving import no_user
from mcpump.textures.parameters import USER
from mcpump.textures.snapshots import function_of
from mcpump.textures.user import load_user_texture
from mcpump.walk.course import course_of
from mcpump.walk.emission import births
from mcpump.walk.fast import fast_exponents, walk_fast_block
from mcpump.walk.general import general_exponents, walk_general_block
from mcpump.walk.known import Groundwork, Known
from mcpump.walk.layout import BlockSums
from mcpump.walk.pulse import walk_pulse
from mcpump.walk.transport import walk_scene
from mcpump.walk.walk import walk_block as walk_lanes_block


class Ground(NamedTuple):
    """What is worked out once before blocks are walked."""

    walk: Callable[[int], BlockSums]
    """Walks the block of a number."""
    exponents: NDArray[np.intp]
    """Powers of two of the amplitudes' natural sizes."""
    groundwork: Groundwork
    """What it is laid with, the same on all ranks."""

    @property
    def known(self) -> Known | None:
        """The part of every number that is found without walkers; None where walkers find all of it."""
        return self.groundwork.known


def groundwork_of(problem: Problem) -> Groundwork:
    """Work out what blocks need and the results file keeps; both walks find every part with walkers."""
    return Groundwork()


def ground_of(problem: Problem, groundwork: Groundwork | None = None) -> Ground:
    """Lay the ground for a problem: birth density, course, natural sizes, and the walk that fits.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    groundwork : Groundwork, optional
        From rank 0 or a results file; worked out here by default.
    """
    scene, user = problem.scene, user_of(problem)
    course = course_of(scene, user) if scene.lanes is None else births(scene)
    walk = partial(walk_block, scene, user, course)
    return Ground(
        walk, exponents_of(scene, user), groundwork_of(problem) if groundwork is None else groundwork
    )


def walk_block(scene: Scene, user: Any, course: Any, block: int) -> BlockSums:
    """Walk one block of a scene.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units.
    user : compiled function
        The user's texture, or `no_user()`.
    course : Course or Births
        Where walkers are born and what they meet: of the general walk from `course_of`, of the fast one from `births`.
    block : int
        Number of the block, from 0.

    Raises
    ------
    WalkerError
        If a walker takes more than `max_flights` flights or meets a number that is not finite.
    """
    if scene.lanes is None:
        return walk_general_block(scene, user, course, block)
    return walk_fast_block(scene, course, block)


def exponents_of(scene: Scene, user: Any) -> NDArray[np.intp]:
    """Powers of two of the amplitudes' natural sizes, so that the exact sums need no absolute scale."""
    return general_exponents(scene, user) if scene.lanes is None else fast_exponents(scene)


def kernel_of(scene: Scene) -> Callable[..., object]:
    """Compiled function that walks a scene's blocks."""
    if scene.lanes is None:
        return walk_scene
    return walk_pulse if scene.is_pulse else walk_lanes_block


def user_of(problem: Problem) -> Any:
    """The user's texture, or that of snapshots, compiled, or a function that is never called."""
    if problem.scene.texture != USER:
        return no_user()
    if problem.snapshots is not None:
        return function_of(problem.snapshots)
    return load_user_texture(problem.texture_file, problem.scales.length, problem.scales.time)
