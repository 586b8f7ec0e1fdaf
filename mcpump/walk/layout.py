"""What one block of walkers adds to the books, the same layout for all walks.

A profile, a current through a plane or a line of the budget holds amplitudes: (channel, time function, component) in C
order. The channels are those that are walked, then the sources of charge, `sum` = `first` + `second` where both are
walked, and the sum of the sources of charge where there are several. Time functions are the harmonics of a periodic
drive; a transient has one, and its time bins stand beside the places. Amplitudes are in
reduced units.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import WalkerError
from mcpump.names import lines_of
from mcpump.problem.scene import CURRENT, DENSITY, TORQUE, Scene
from mcpump.problem.spin_hall import add_drive
from mcpump.walk.charge_profiles import (
    charge_waves,
    conversions,
    converted,
    turn_into_charge,
    wave_amplitudes,
    wave_patterns,
)
from mcpump.walk.projection import projected, projects
from mcpump.walk.state import HALTED, NOT_FINITE, NOT_FINITE_LOCAL

Array = NDArray[np.float64]
Places = NDArray[np.intp]


Halt = NDArray[np.int64]
"""One number that kernels read between walkers: not 0 from the moment on when a block is to be given up."""
GOES_ON = np.zeros(1, np.int64)
"""A block that is not given up."""


class HaltedError(Exception):
    """A block was given up, and its sums are lost: it is walked again when the run goes on."""


class BlockSums(NamedTuple):
    """What one block of walkers adds to the books, in raw units."""

    profiles: Array
    """(kinds, cells · time bins, amplitudes), kinds as `Scene.profiles`."""
    passages: Array
    """(2, planes [· time bins], amplitudes): net passages, local and diffusive."""
    budget: Array
    """(lines, amplitudes)."""
    means: Array
    """(2, amplitudes): local and diffusive density, mean over the sample."""
    projections: Array
    """(2,): local and diffusive first-order current, projected on ħνJτD ∇Ṡ; with charge, cosine and sine of the charge
    density's waves (`charge_profiles.charge_waves`), (waves · 2 · sources · time functions,), or 0s."""
    flights: int
    """Flights walked."""
    conserved: Array = np.zeros((0, 0))
    """(planes, amplitudes): the diffusive current through planes on cells' edges, from conservation; NaN in channels that
    do not have it."""
    converted: Array = np.zeros((0, 0))
    """(rows, amplitudes): charge that spin channels make, means over the sample (`charge_profiles.converted`)."""


def amplitudes(scene: Scene) -> int:
    """Number of amplitudes, those of sums of channels and of sources included."""
    added = int(scene.has_sum) + int(len(scene.sources) > 1)
    return (len(scene.walked) + added) * scene.time_functions * 3


def shapes(scene: Scene) -> dict[str, tuple[int, ...]]:
    """Shapes of what a block adds, by its name in `BlockSums`."""
    size, bins = amplitudes(scene), max(scene.time_bins, 1)
    planes = len(scene.planes)
    waves = charge_waves(scene)
    return {
        "profiles": (len(scene.profiles), math.prod(scene.cells) * bins, size),
        "passages": (2, planes * bins, size),
        "budget": (len(scene.lines), size),
        "means": (2, size),
        "projections": (2 * len(waves) * len(wave_amplitudes(scene)) if waves else 2,),
        "conserved": (planes if scene.from_collisions and scene.axes == 1 else 0, size),
        "converted": (conversions(scene), size),
    }


def projection_exponents(scene: Scene, exponents: Places) -> Places:
    """Powers of two of the natural sizes of a block's projections, from those of the amplitudes."""
    waves = charge_waves(scene)
    return np.tile(exponents[wave_amplitudes(scene)], 2 * len(waves)) if waves else np.zeros(2, np.intp)


def completed(scene: Scene, profiles: Array, passages: Array, budget: Array, flights: int) -> BlockSums:
    """Make charge of dipoles, take out the mean where there is no sink, book what is stored, and add sums of channels.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units.
    profiles, passages, budget : ndarray
        Of what is walked, without sums, as densities: per volume, per area and (transients) per time; changed in place.
    flights : int
        Flights walked.
    """
    kinds = scene.kinds
    if scene.sources:
        turn_into_charge(scene, profiles)
    means = np.zeros((2, profiles.shape[2]))
    if scene.time_bins == 0:
        means = profiles[[DENSITY, kinds + DENSITY]].mean(axis=1)
        if not scene.has_sink:
            spins = len(scene.channels) * scene.time_functions * 3
            profiles[kinds, :, :spins] -= means[1, :spins]
        _book_stored(scene, budget)
    formula = converted(scene, profiles)
    add = [_with_channel_sum(scene, part) for part in (profiles, passages, budget, means)]
    waves = np.zeros(2)
    if projects(scene):
        waves = projected(scene, profiles[[CURRENT, kinds + CURRENT]])
    if charge_waves(scene):
        waves = (wave_patterns(scene) @ add[0][kinds + TORQUE][:, wave_amplitudes(scene)]).ravel()
    return BlockSums(
        add[0], add[1], add[2], add[3], waves, flights, converted=_with_channel_sum(scene, formula)
    )


def scene_tallies(scene: Scene) -> tuple[Array, Array, Array]:
    """Empty tallies of a block, see `mcpump.walk.walked_flights`."""
    size, bins = len(scene.walked) * scene.time_functions * 3, max(scene.time_bins, 1)
    return (
        np.zeros((2, math.prod(scene.cells) * bins, scene.kinds, size)),
        np.zeros((2, len(scene.planes) * bins, size)),
        np.zeros((len(scene.lines), size)),
    )


def scene_sums(
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


def _book_stored(scene: Scene, budget: Array) -> None:
    """Book as stored what oscillates in the sample: gains less losses of every harmonic but DC."""
    lines = lines_of(scene.axes)
    stored, turned = lines.index("stored"), budget[len(lines) :].sum(axis=0)
    rest = budget[:stored].sum(axis=0) - budget[stored + 1 : len(lines)].sum(axis=0) + turned
    steady = np.arange(budget.shape[1]) % (scene.time_functions * 3) < 3
    budget[stored] = np.where(steady, 0.0, rest)


def _with_channel_sum(scene: Scene, values: Array) -> Array:
    """Append `sum` = `first` + `second` to the last axis where both are walked, and the sum of the sources of charge."""
    width, parts = scene.time_functions * 3, [values]
    if scene.has_sum:
        parts.append(values[..., :width] + values[..., width : 2 * width])
    if len(scene.sources) > 1:
        charge = values[..., len(scene.channels) * width :]
        parts.append(charge.reshape(*charge.shape[:-1], len(scene.sources), width).sum(axis=-2))
    return np.concatenate(parts, axis=-1) if len(parts) > 1 else values


def refuse(wrong: int, walker: int, scene: Scene) -> None:
    """Stop the run where something went wrong with a walker; tell that a block was given up."""
    if wrong == HALTED:
        raise HaltedError
    if wrong == NOT_FINITE_LOCAL:
        raise WalkerError(int(walker), "met a number that is not finite", first_flight=True)
    if wrong:
        many = f"took more than run.max_flights = {scene.max_flights} flights"
        raise WalkerError(int(walker), "met a number that is not finite" if wrong == NOT_FINITE else many)
