"""One block of a plane pulse of spin along x: what its walkers count, times its spin."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcpump.names import LINES
from mcpump.problem.scene import Scene
from mcpump.walk.arithmetic import key
from mcpump.walk.layout import GOES_ON, BlockSums, Halt, refuse
from mcpump.walk.plan import plain_numbers, slabs_of
from mcpump.walk.pulse import Pulse, first_flights_of_pulse, near_probability
from mcpump.walk.state import LANES, NOT_FINITE, NOTHING, Course, Numbers, Spins, Tallies, new_walkers
from mcpump.walk.walkers import walk_in_lanes

Array = NDArray[np.float64]
PULSE_TRACE = np.zeros((0, 2))


def pulse_course(scene: Scene) -> tuple[Numbers, Course]:
    """Plain numbers of a pulse, and what its walkers meet: faces alone."""
    faces = slabs_of(scene)[1]
    return plain_numbers(scene)._replace(t_end=scene.t_end), Course(NOTHING, faces, *[NOTHING] * 4)


def pulse_spins(scene: Scene) -> Spins:
    """What lanes of a pulse have in place of spins."""
    near = near_probability(scene.lengths[0] / scene.cells[0])
    at = np.zeros((4, LANES), np.int32)
    pulse = Pulse(scene.initial_x, scene.layers[0].gamma_sf, scene.time_bins, near, at)
    return Spins(NOTHING, NOTHING, NOTHING, pulse=pulse)


def pulse_exponents(scene: Scene) -> NDArray[np.intp]:
    """Powers of two of the amplitudes' natural sizes: those of the pulse's spin."""
    size = np.sqrt((np.array(scene.initial_spin) ** 2).sum())
    return np.full(3, np.frexp(size)[1], np.intp)


def pulse_tallies(scene: Scene) -> Tallies:
    """Empty tallies of a block of a pulse, see `mcpump.walk.pulse`."""
    visits = np.zeros((3, 3 * scene.time_bins * (scene.cells[0] + 1)))
    return Tallies(visits, NOTHING, NOTHING, NOTHING, np.zeros(len(LINES)))


def walk_pulse(
    scene: Scene,
    block: int,
    tallies: Tallies,
    halt: Halt = GOES_ON,
    only: int = -1,
    trace: Array = PULSE_TRACE,
) -> tuple[int, int, int]:
    """Fill the tallies of a block: flights, what went wrong or 0, and the walker or number of steps.

    only ≥ 0: walk this walker alone, without first flights of the local part, and record its flights: age, x.
    """
    (numbers, course), spin, walker, seed = (
        pulse_course(scene),
        pulse_spins(scene),
        new_walkers(),
        key(scene.seed),
    )
    if only < 0:
        unbooked = tallies._replace(budget=np.zeros_like(tallies.budget))
        first_flights_of_pulse(numbers, course, walker, spin.pulse, unbooked, seed, halt, block)
    flights, wrong, which = walk_in_lanes(
        numbers, course, walker, spin, tallies, seed, halt, block, only, trace
    )
    return int(flights), int(wrong), int(which)


def walk_pulse_block(scene: Scene, block: int, halt: Halt = GOES_ON) -> BlockSums:
    """Walk block number `block` of a pulse: what its walkers count, times its spin.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units, a pulse.
    block : int
        Number of the block, from 0.
    halt : ndarray, optional
        One number; not 0 gives the block up.

    Raises
    ------
    HaltedError
        If the block was given up.
    """
    tallies, bins = pulse_tallies(scene), scene.time_bins
    if not np.isfinite(scene.initial_spin).all():
        refuse(NOT_FINITE, block * scene.walkers_per_block, scene)
    flights, wrong, walker = walk_pulse(scene, block, tallies, halt)
    refuse(wrong, walker, scene)
    spin = np.array(scene.initial_spin) / scene.walkers_per_block
    per_visit = spin / (scene.lengths[0] / scene.cells[0] * scene.t_end / bins)
    profiles = np.zeros((2, 2, scene.cells[0], bins, 3))
    visits = tallies.visits.T.reshape(3, bins, scene.cells[0] + 1, 3)
    for part, visited in zip(profiles, visits[:2], strict=True):
        collisions = np.cumsum(visited[:, :-1, 0], axis=1) + visited[:, :-1, 2]
        np.multiply.outer(collisions.T, per_visit, out=part[0])
        np.multiply.outer(visited[:, :-1, 1].T, per_visit, out=part[1])
    flat = profiles.reshape(4, -1, 3)
    means = flat[[0, 2]].mean(axis=1)
    return BlockSums(flat, np.zeros((2, 0, 3)), np.outer(tallies.budget, spin), means, np.zeros(2), flights)
