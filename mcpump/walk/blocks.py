"""Which walk takes a scene, and what is worked out once before its blocks are walked."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.compiled import is_compiled
from mcpump.errors import InputError
from mcpump.problem.effort import mean_flights
from mcpump.problem.scene import Problem, Scene
from mcpump.problem.slab import not_rigid, user_of
from mcpump.walk.backward import follow_rays
from mcpump.walk.births import source_in_frame, source_of_rays
from mcpump.walk.first_flights import (
    DIRECTIONS,
    FINENESS,
    first_flights_along_x,
)
from mcpump.walk.fixed import FixedPlan, fixed_kernel, scaled
from mcpump.walk.flown_channels import (
    shift_rates,
)
from mcpump.walk.from_birth import walk_from_birth, ways_of
from mcpump.walk.known import Groundwork, Known
from mcpump.walk.lane_block import walk_lane_block
from mcpump.walk.layout import BlockSums, Halt
from mcpump.walk.natural_sizes import natural_exponents
from mcpump.walk.plan import Plan, columns_of, frame_of, plan_of
from mcpump.walk.pulse import first_flights_of_pulse
from mcpump.walk.pulse_block import pulse_exponents, walk_pulse_block
from mcpump.walk.rays import RayFlights, Share, ray_flights
from mcpump.walk.reference_rays import follow_reference
from mcpump.walk.source import Source, check_source
from mcpump.walk.walked_flights import walk_first_flights
from mcpump.walk.walkers import walk_in_lanes

if TYPE_CHECKING:
    from mcpump.walk.gpu import WalkOnGpu

JUMPED = 1e3
"""Flights that a long walk with jumps costs at most, roughly."""
SUMS = tuple(name for name in BlockSums._fields if name != "flights")


class Ground(NamedTuple):
    """What is worked out once before blocks are walked."""

    walk: Callable[[int], BlockSums]
    """Walks the block of a number."""
    exponents: NDArray[np.intp]
    """Powers of two of the amplitudes' natural sizes."""
    groundwork: Groundwork
    """What it is laid with, the same on all ranks."""
    halt: Halt
    """Set to 1, it gives up the blocks that are being walked; they raise `HaltedError`."""

    @property
    def known(self) -> Known | None:
        """The part of every number that is found without walkers; None where walkers find all of it."""
        return self.groundwork.known


def groundwork_of(problem: Problem, share: Share = map) -> Groundwork:
    """Work out what blocks need and the results file keeps; nothing where walkers find every part.

    share: who follows rays, as in `ray_flights`.
    """
    if not problem.scene.from_collisions:
        return Groundwork()
    scene = problem.scene
    if not_rigid(scene):
        return _from_rays(problem, _rays_of(problem, share), share)
    finer = math.sqrt(scene.first_flights)
    along_x = partial(
        first_flights_along_x,
        problem,
        "auto" if scene.shifted else "off",
        fineness=finer * FINENESS,
        directions=round(finer * DIRECTIONS),
    )
    try:
        flown = along_x(reference=float(scene.reference))
    except ArithmeticError:  # nothing takes enough of the spin: walkers find it
        flown = along_x()
    return Groundwork(flown.known, source_in_frame(scene, flown, frame_of(problem)))


def empty_groundwork(problem: Problem) -> Groundwork:
    """Groundwork on which walkers carry nothing: kernels are compiled, or fetched, on it."""
    scene = problem.scene
    if not scene.from_collisions:
        return Groundwork()
    box = [0.0, scene.lengths[0], 0.0, scene.lengths[1], 0.0, scene.lengths[2]]
    rows = np.zeros((1, 1 + scene.axes, columns_of(problem).numbers))
    return Groundwork(source=Source(np.array([box]), np.zeros(1), np.zeros(1), rows))


def _rays_of(problem: Problem, share: Share) -> RayFlights:
    """First flights by rays."""
    scene = problem.scene
    rates = np.array([layer.rate for layer in scene.layers])
    shift = tuple(shift_rates(scene.exchange, rates)) if scene.shifted else ()
    born = columns_of(problem).born
    return ray_flights(scene, user_of(problem), shift, share, born, float(scene.reference))


def compile_rays(problem: Problem) -> None:
    """Compile what follows rays, where a scene has any and it is not there yet, by following a few."""
    scene = problem.scene
    if not all(map(is_compiled, kernels_of(scene)[1:])):
        _rays_of(problem._replace(scene=scene._replace(first_flights=0)), map)


def _from_rays(problem: Problem, rays: RayFlights, share: Share) -> Groundwork:
    """Groundwork from rays; what walkers make of the errors of their births belongs to the deviations.

    With a reference they have it; else it is walked.
    """
    scene = problem.scene
    if scene.reference:
        return Groundwork(rays.known, source_of_rays(scene, rays.grid, rays.births))
    # a jump takes many flights at once, and fewer walkers would tell little but their own noise
    flights = min(mean_flights(scene), JUMPED if scene.jump > 0.0 else math.inf)
    few = problem._replace(scene=scene._replace(walkers_per_block=2 * int(min(2048.0, 5e5 / flights) + 4.0)))
    plans = [plan_of(few, source_of_rays(scene, rays.grid, births)) for births in rays.deviations]
    walks = list(share(lambda plan: (walk_lane_block(plan, 0), walk_lane_block(plan, 1)), plans))
    made = {
        name: _without_noise(np.array([[getattr(half, name) for half in halves] for halves in walks]))
        for name in SUMS
    }
    deviations = []
    for i, known in enumerate(rays.known.deviations):
        sums = {name: getattr(known, name) + made[name][i] for name in SUMS}
        deviations.append(BlockSums(**sums, flights=0))
    value = rays.known._replace(deviations=tuple(deviations))
    return Groundwork(value, source_of_rays(scene, rays.grid, rays.births))


def _without_noise(halves: NDArray[np.float64]) -> NDArray[np.float64]:
    """Deviations from two independent walks of each, (sets, 2, …, places, amplitudes), without the noise of the walks.

    d² + noise²/2 is the square of their mean, d² on average their product: sums of both over places and sets tell by
    how much the mean is too large.
    """
    first, second = halves[:, 0], halves[:, 1]
    mean = 0.5 * (first + second)
    pooled = (0, -2) if mean.ndim > 3 else 0
    product = (first * second).sum(axis=pooled, keepdims=True)
    square = (mean * mean).sum(axis=pooled, keepdims=True)
    share = np.clip(product, 0.0, None) / np.where(square > 0.0, square, 1.0)
    return np.asarray(np.sqrt(np.minimum(share, 1.0)) * mean)


def ground_of(problem: Problem, groundwork: Groundwork | None = None) -> Ground:
    """Lay the ground for a problem: birth density, course, natural sizes, and the walk that fits.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    groundwork : Groundwork, optional
        From rank 0 or a results file; worked out here by default.

    Raises
    ------
    InputError
        If it is not that of the problem.
    """
    scene, user = problem.scene, user_of(problem)
    laid = groundwork_of(problem) if groundwork is None else groundwork
    course: Any
    if scene.from_collisions:
        course = plan_of(problem, checked_source(problem, laid))
        if scene.fixed_sums:
            course = _fixed(course, problem.device)
    else:
        course = None if scene.pulse else ways_of(scene, user)
    halt = np.zeros(1, np.int64)
    return Ground(partial(walk_block, scene, user, course, halt), exponents_of(scene, user), laid, halt)


def _fixed(plan: Plan, device: str) -> FixedPlan | WalkOnGpu:
    """Plan with sums in fixed point, on the CPU or on the GPU of this process."""
    found = scaled(plan)
    if device == "cpu":
        return found
    from mcpump.walk.gpu import WalkOnGpu

    return WalkOnGpu(found)


def checked_source(problem: Problem, groundwork: Groundwork) -> Source:
    """What walkers are born from, which a results file may have brought.

    Raises
    ------
    InputError
        If it is not that of the problem.
    """
    if groundwork.source is None:
        raise InputError("the file does not hold what its walkers are born from: another program has made it")
    check_source(groundwork.source, problem.scene, columns_of(problem).numbers)
    return groundwork.source


def walk_block(scene: Scene, user: Any, course: Any, halt: Halt, block: int) -> BlockSums:
    """Walk one block of a scene.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units.
    user : compiled function
        The user's texture, or `no_user()`.
    course : Plan, FixedPlan, WalkOnGpu, Ways or None
        Where walkers are born and what they meet: of walks from first collisions from `plan_of`, or made of it for sums
        in fixed point, from birth from `ways_of`, of a pulse none.
    halt : ndarray
        One number; not 0 gives the block up.
    block : int
        Number of the block, from 0.

    Raises
    ------
    WalkerError
        If a walker takes more than `max_flights` flights or meets a number that is not finite.
    HaltedError
        If the block was given up.
    """
    if scene.fixed_sums:
        return course.walk(block, halt)
    if scene.from_collisions:
        return walk_lane_block(course, block, halt)
    if scene.pulse:
        return walk_pulse_block(scene, block, halt)
    return walk_from_birth(scene, user, course, block, halt)


def exponents_of(scene: Scene, user: Any) -> NDArray[np.intp]:
    """Powers of two of the amplitudes' natural sizes, so that the exact sums need no absolute scale."""
    return pulse_exponents(scene) if scene.pulse else natural_exponents(scene, user)


def kernels_of(scene: Scene) -> tuple[Callable[..., object], ...]:
    """Compiled functions of a scene: the first walks its blocks, others follow rays."""
    if not scene.from_collisions:
        return (first_flights_of_pulse if scene.pulse else walk_first_flights,)
    walk = fixed_kernel() if scene.fixed_sums else walk_in_lanes
    if not not_rigid(scene):
        return (walk,)
    return (walk, follow_rays, follow_reference)[: 3 if scene.reference else 2]
