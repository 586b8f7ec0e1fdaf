"""One block of a plane pulse of spin along x: what its walkers count, times its spin."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.names import LINES
from mcpump.problem.scene import ABSORBING, DIFFUSE, PERIODIC, SPECULAR, Scene
from mcpump.walk.lanes import NOT_FINITE
from mcpump.walk.layout import GOES_ON, BlockSums, Halt, refuse
from mcpump.walk.philox import key
from mcpump.walk.pulse import walk_pulse

Array = NDArray[np.float64]
PULSE_TRACE = np.zeros((0, 2))


class Slab(NamedTuple):
    """A pulse as its kernels see it, which call it `model`; fields as in `Scene`."""

    dimension: int
    length: float
    cells: int
    left: int
    """Code of the face at x = 0."""
    right: int
    gamma_sf: float
    pulse_x: float
    time_bins: int
    t_max: float
    """End of the last bin."""
    walkers_per_block: int
    max_flights: int


def slab_of(scene: Scene) -> Slab:
    """Slab of a pulse."""
    left, right = (_face(scene, face) for face in (0, 1))
    return Slab(
        dimension=scene.dimension, length=scene.lengths[0], cells=scene.cells[0], left=left, right=right,
        gamma_sf=scene.layers[0].gamma_sf, pulse_x=scene.initial_x, time_bins=scene.time_bins, t_max=scene.t_end,
        walkers_per_block=scene.walkers_per_block, max_flights=scene.max_flights,
    )  # fmt: skip


def _face(scene: Scene, face: int) -> int:
    """Code of a face along x."""
    if scene.periodic[0]:
        return PERIODIC
    if scene.absorption[face] == 1.0:
        return ABSORBING
    return SPECULAR if scene.specularity[face] == 1.0 else DIFFUSE


def pulse_exponents(scene: Scene) -> NDArray[np.intp]:
    """Powers of two of the amplitudes' natural sizes: those of the pulse's spin."""
    size = np.sqrt((np.array(scene.initial_spin) ** 2).sum())
    return np.full(3, np.frexp(size)[1], np.intp)


def pulse_tallies(scene: Scene) -> tuple[Array, Array]:
    """Empty tallies of a block of a pulse, see `mcpump.walk.pulse`."""
    return np.zeros((3, 3 * scene.time_bins * (scene.cells[0] + 1))), np.zeros(len(LINES))


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
    slab, (visits, budget) = slab_of(scene), pulse_tallies(scene)
    if not np.isfinite(scene.initial_spin).all():
        refuse(NOT_FINITE, block * scene.walkers_per_block, scene)
    flights, wrong, walker = walk_pulse(slab, *key(scene.seed), halt, block, visits, budget, -1, PULSE_TRACE)
    refuse(wrong, block * scene.walkers_per_block + walker, scene)
    spin = np.array(scene.initial_spin) / scene.walkers_per_block
    per_visit = spin / (slab.length / slab.cells * slab.t_max / slab.time_bins)
    profiles = np.zeros((2, 2, slab.cells, slab.time_bins, 3))
    for part, bins in zip(profiles, visits.T.reshape(3, slab.time_bins, slab.cells + 1, 3)[:2], strict=True):
        collisions = np.cumsum(bins[:, :-1, 0], axis=1) + bins[:, :-1, 2]
        np.multiply.outer(collisions.T, per_visit, out=part[0])
        np.multiply.outer(bins[:, :-1, 1].T, per_visit, out=part[1])
    flat = profiles.reshape(4, -1, 3)
    means = flat[[0, 2]].mean(axis=1)
    return BlockSums(flat, np.zeros((2, 0, 3)), np.outer(budget, spin), means, np.zeros(2), int(flights))
