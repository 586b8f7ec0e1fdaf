"""What one block of walkers adds to the books, the same layout for both walks.

A profile, a current through a plane or a line of the budget holds amplitudes: (channel, time function, component) in C
order. The channels are those that are walked, then the sources of charge, `sum` = `first` + `second` where both are
walked, and the sum of the sources of charge where there are several. Time functions are the harmonics of a periodic
drive; a transient has one, and its time bins stand beside the places. The general walk's amplitudes are in reduced units,
those of the fast walk in the units of `units_of_amplitudes`, so that they depend on the texture alone.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import WalkerError
from mcpump.names import lines_of
from mcpump.problem.scene import DENSITY, TORQUE, Scene
from mcpump.walk.charge_profiles import charge_waves, turn_into_charge, wave_amplitudes, wave_patterns
from mcpump.walk.lanes import NOT_FINITE
from mcpump.walk.transport import NOT_FINITE_LOCAL

Array = NDArray[np.float64]
Places = NDArray[np.intp]


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
    """(2,): local and diffusive first-order current, projected on ħνJτD ∇Ṡ; of the general walk cosine and sine of the
    charge density's waves (`charge_profiles.charge_waves`), (waves · 2 · sources · time functions,), or 0s."""
    flights: int
    """Flights walked."""
    conserved: Array = np.zeros((0, 0))
    """(planes, amplitudes): the diffusive current through planes on cells' edges, from conservation; NaN in channels that
    do not have it."""


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
        "budget": (len(lines_of(scene.axes)), size),
        "means": (2, size),
        "projections": (2 * len(waves) * len(wave_amplitudes(scene)) if waves else 2,),
        "conserved": (0 if scene.lanes is None or scene.is_pulse else planes, size),
    }


def projection_exponents(scene: Scene, exponents: Places) -> Places:
    """Powers of two of the natural sizes of a block's projections, from those of the amplitudes."""
    waves = charge_waves(scene)
    return np.tile(exponents[wave_amplitudes(scene)], 2 * len(waves)) if waves else np.zeros(2, np.intp)


@lru_cache(maxsize=4)
def units_of_amplitudes(scene: Scene) -> Array:
    """Reduced units in a block's amplitudes: 1, but in the fast walk Ωτ at first order, 2Jτ/ħ Ωτ at second."""
    if scene.lanes is None or scene.is_pulse:
        return np.ones(amplitudes(scene))
    first = scene.lanes.Omega
    second = first * 2.0 * scene.exchange
    orders = {"first": [first] * 5, "second": [second] * 5, "sum": [second, first, first, second, second]}
    names = (*scene.channels, "sum") if scene.has_sum else scene.channels
    return np.repeat([orders[name][: scene.time_functions] for name in names], 3)


def absent(scene: Scene) -> NDArray[np.bool_]:
    """Amplitudes that are exactly zero: in the fast walk `first` has the first harmonic only."""
    names = (*scene.walked, "sum") if scene.has_sum else scene.walked
    found = np.zeros((amplitudes(scene) // (3 * scene.time_functions), scene.time_functions, 3), bool)
    if scene.lanes is not None and not scene.is_pulse and "first" in names:
        found[names.index("first"), [n for n in range(scene.time_functions) if n not in (1, 2)]] = True
    return found.ravel()


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
    kinds = 3 + scene.axes
    if scene.sources:
        turn_into_charge(scene, profiles)
    means = np.zeros((2, profiles.shape[2]))
    if scene.time_bins == 0:
        means = profiles[[DENSITY, kinds + DENSITY]].mean(axis=1)
        if not scene.has_sink:
            spins = len(scene.channels) * scene.time_functions * 3
            profiles[kinds, :, :spins] -= means[1, :spins]
        _book_stored(scene, budget)
    add = [_with_channel_sum(scene, part) for part in (profiles, passages, budget, means)]
    waves = np.zeros(2)
    if charge_waves(scene):
        waves = (wave_patterns(scene) @ add[0][kinds + TORQUE][:, wave_amplitudes(scene)]).ravel()
    return BlockSums(add[0], add[1], add[2], add[3], waves, flights)


def _book_stored(scene: Scene, budget: Array) -> None:
    """Book as stored what oscillates in the sample: gains less losses of every harmonic but DC."""
    lines = lines_of(scene.axes)
    stored = lines.index("stored")
    rest = budget[:stored].sum(axis=0) - budget[stored + 1 :].sum(axis=0)
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
    """Stop the run where something went wrong with a walker."""
    if wrong == NOT_FINITE_LOCAL:
        raise WalkerError(int(walker), "met a number that is not finite", first_flight=True)
    if wrong:
        many = f"took more than run.max_flights = {scene.max_flights} flights"
        raise WalkerError(int(walker), "met a number that is not finite" if wrong == NOT_FINITE else many)
