"""What one block of walkers adds to the books: profiles and totals, in raw units.

Profiles and totals hold amplitudes. In the fast walk their raw units are ħνJ Ωτ for `first` and `sum`,
(2Jτ/ħ)ħνJ Ωτ for `second`, packed as in `mcpump.walk.spin`, with six more for `sum` = `first` + (2Jτ/ħ) `second` at the
first harmonic, the only one both share. In the general walk they are in reduced units, (channel, time function,
component) in C order, with `sum` = `first` + `second` as one more channel where both are walked.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import WalkerError
from mcpump.names import LINES, lines_of
from mcpump.problem.scene import ABSORBING, Model, Problem, Scene
from mcpump.problem.snapshots import function_of
from mcpump.problem.spin_hall import add_drive
from mcpump.textures.moving import no_user
from mcpump.textures.parameters import USER
from mcpump.textures.shapes import texture_gradient, texture_profile
from mcpump.textures.user import load_user_texture
from mcpump.walk.charge_profiles import (
    TORQUE,
    charge_waves,
    turn_into_charge,
    wave_amplitudes,
    wave_patterns,
)
from mcpump.walk.course import SAME_PLACE, Course, birth_strength, course_of
from mcpump.walk.emission import Births, births
from mcpump.walk.first_flight import first_flights
from mcpump.walk.philox import key
from mcpump.walk.pulse import walk_pulse
from mcpump.walk.spin import SIZES
from mcpump.walk.transport import NOT_FINITE, NOT_FINITE_LOCAL, walk_scene
from mcpump.walk.walk import walk_block

PULSE_TRACE = np.zeros((0, 2))
NO_TRACE, NO_FLIGHTS = np.zeros((0, 9)), np.zeros((0, 2 + SIZES[-1]))


class BlockSums(NamedTuple):
    """What one block of walkers adds to the books, in raw units."""

    profiles: NDArray[np.float64]
    """(kinds, cells · time_bins, amplitudes). Fast walk: local density, current, torque, diffusive density, current.
    General walk: density, torque, divergence of the current, current along x[, y[, z]], of the local, then of the
    diffusive part."""
    passages: NDArray[np.float64]
    """(2, planes [· time bins], amplitudes): net passages, local and diffusive."""
    budget: NDArray[np.float64]
    """(lines, amplitudes)."""
    means: NDArray[np.float64]
    """(2, amplitudes): local and diffusive density, mean over the sample."""
    projections: NDArray[np.float64]
    """(2,): local and diffusive first-order current, projected on ħνJτD ∇Ṡ. General walk: cosine and sine of
    the charge density's waves (`charge_profiles.charge_waves`), (waves · 2 · sources · time functions,), or 0s."""
    flights: int
    """Flights walked."""
    conserved: NDArray[np.float64] = np.zeros((0, 0))
    """(planes, amplitudes): the diffusive current through planes on cells' edges, from conservation; fast walk."""


def has_sink(model: Model | Scene) -> bool:
    """Whether spin can end: an absorbing face or a finite τ_sf (in a transient: the end)."""
    if isinstance(model, Scene):
        relaxes = any(layer.gamma_sf > 0.0 for layer in model.layers)
        return relaxes or any(share > 0.0 for share in model.absorption) or model.time_bins > 0
    return model.gamma_sf > 0.0 or ABSORBING in (model.left, model.right)


def amplitudes(model: Model | Scene) -> int:
    """Number of packed amplitudes, those of `sum` included."""
    if isinstance(model, Scene):
        added = int(has_sum(model)) + int(len(model.sources) > 1)
        return (len(model.walked) + added) * model.time_functions * 3
    return SIZES[model.harmonics] + (6 if model.harmonics > 0 else 0)


def has_sum(scene: Scene) -> bool:
    """Whether a scene has the channel `sum`."""
    return scene.slots[0] >= 0 and scene.slots[1] >= 0


def projection_exponents(model: Model | Scene, exponents: NDArray[np.intp]) -> NDArray[np.intp]:
    """Powers of two of the natural sizes of a block's projections, from those of the amplitudes."""
    waves = charge_waves(model) if isinstance(model, Scene) else ()
    if not isinstance(model, Scene) or not waves:
        return np.zeros(2, np.intp)
    return np.tile(exponents[wave_amplitudes(model)], 2 * len(waves))


@lru_cache(maxsize=4)
def model_exponents(model: Model) -> NDArray[np.intp]:
    """Powers of two of the amplitudes' natural sizes, so that the exact sums need no absolute scale.

    The oscillating part of S, its largest value A over the sample, sets the size of `first`; `second` goes as A²
    (DC, 2Ω) and as A times the constant part.
    """
    places = (np.arange(1024) + 0.5) * (model.length / 1024)
    constant, *oscillating = np.sqrt((texture_profile(model, places) ** 2).sum(axis=1)).max(axis=1)
    A = max(oscillating)
    first, mixed, square = A, A * constant, A * A
    sizes = [square] * 3 + ([first] * 3 + [mixed] * 3) * 2 + [square] * 6
    if model.pulse:
        sizes = [constant] * 3
    sizes = sizes[: SIZES[model.harmonics]] + ([first + mixed] * 6 if model.harmonics > 0 else [])
    return np.frexp(np.array(sizes))[1].astype(np.intp)


def walk_one_block(model: Model, births: Births, exchange: float, block: int) -> BlockSums:
    """Walk block number `block`: first flights (local part) and walkers (diffusive part, budget), or a pulse.

    Parameters
    ----------
    model : Model
        Problem in reduced units.
    births : Births
        Its birth density, `mcpump.walk.emission.births(model)`.
    exchange : float
        Jτ/ħ, for the channel `sum`.
    block : int
        Number of the block, from 0.
    """
    if model.pulse:
        return walk_pulse_block(model, block)
    size, rows = SIZES[model.harmonics], model.cells
    # one type of model for the compiled code, however many planes there are
    plain, planes = model._replace(planes=(), seed=0), np.array(model.planes, dtype=np.float64)
    start = plain, planes, *key(model.seed), *births, block
    profile, local = np.zeros((rows, 3 * size)), np.zeros((len(planes), size))
    first_flights(*start, profile, local)
    visits, events = np.zeros((rows, 2 * size)), np.zeros((model.cells + 1, 2 * size))
    diffusive, budget = np.zeros((len(planes), size)), np.zeros((len(LINES), size))
    flights, wrong, walker = walk_block(*start, visits, events, diffusive, budget, -1, NO_FLIGHTS)
    _refuse(wrong, block * model.walkers_per_block + walker, model)

    width = model.length / model.cells
    density, current, torque = np.moveaxis(profile.reshape(rows, 3, size), 1, 0) / width
    edges, current_in_cells = currents_from_events(model, visits, events)
    walked = visits[:, :size] / width, current_in_cells
    means = np.array([density.mean(axis=0), walked[0].mean(axis=0)])
    if not has_sink(model):
        walked = walked[0] - means[1], walked[1]
    profiles = np.array([density, current, torque, *walked])
    conserved = edges[[edge_at(x, model.length, model.cells) or 0 for x in model.planes]]
    add = [
        _with_sum(part, model, exchange)
        for part in (profiles, np.array([local, diffusive]), budget, means, conserved)
    ]
    projections = np.einsum("pxa,xa->p", profiles[[1, 4]], gradient_pattern(model))
    return BlockSums(add[0], add[1], add[2], add[3], projections, int(flights), add[4])


def pulse_tallies(model: Model) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Empty tallies of a block of a pulse, see `mcpump.walk.pulse`."""
    return np.zeros((3, 3 * model.time_bins * (model.cells + 1))), np.zeros(len(LINES))


def walk_pulse_block(model: Model, block: int) -> BlockSums:
    """Walk block number `block` of a pulse: what its walkers count, times its spin.

    Parameters
    ----------
    model : Model
        Problem in reduced units, a pulse.
    block : int
        Number of the block, from 0.
    """
    visits, budget = pulse_tallies(model)
    plain = model._replace(planes=(), seed=0)
    if not np.isfinite(model.C).all():
        _refuse(NOT_FINITE, block * model.walkers_per_block, model)
    flights, wrong, walker = walk_pulse(plain, *key(model.seed), block, visits, budget, -1, PULSE_TRACE)
    _refuse(wrong, block * model.walkers_per_block + walker, model)
    spin = np.array(model.C) / model.walkers_per_block
    per_visit = spin / (model.length / model.cells * model.t_max / model.time_bins)
    profiles = np.zeros((5, model.cells, model.time_bins, 3))
    for part, bins in enumerate(visits.T.reshape(3, model.time_bins, model.cells + 1, 3)[:2]):
        collisions = np.cumsum(bins[:, :-1, 0], axis=1) + bins[:, :-1, 2]
        np.multiply.outer(collisions.T, per_visit, out=profiles[3 * part])
        np.multiply.outer(bins[:, :-1, 1].T, per_visit, out=profiles[3 * part + 1])
    flat = profiles.reshape(5, -1, 3)
    means = flat[[0, 3]].mean(axis=1)
    return BlockSums(flat, np.zeros((2, 0, 3)), np.outer(budget, spin), means, np.zeros(2), int(flights))


@lru_cache(maxsize=4)
def gradient_pattern(model: Model) -> NDArray[np.float64]:
    """Weights that project a profile of the first-order current on ħνJτD ∇Ṡ; (cells, amplitudes).

    The local current is ħνJτD ∇Ṡ to leading order in qℓ, Eq. (31), so that its projection tends to 1. All
    zero where there is no such gradient.
    """
    pattern = np.zeros((model.cells, SIZES[model.harmonics]))
    if model.harmonics == 0:
        return pattern
    centres = (np.arange(model.cells) + 0.5) * (model.length / model.cells)
    _, cosine, sine = texture_gradient(model, centres)
    pattern[:, 3:6], pattern[:, 9:12] = sine.T, -cosine.T
    norm = (pattern**2).sum() / model.dimension
    return pattern / norm if norm > 0.0 else pattern


def edge_at(x: float, length: float, cells: int) -> int | None:
    """Number of the mesh edge along x at a place; None between edges."""
    edge = round(x / length * cells)
    return edge if abs(x - edge * (length / cells)) <= SAME_PLACE * length else None


def currents_from_events(
    model: Model, visits: NDArray[np.float64], events: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Diffusive current at the cells' edges and averaged over each cell, from where spin begins and ends to diffuse.

    The net spin that has passed x is what began to diffuse left of x, less what ended or is stored
    there: j(x) = j(0) + ∫₀ˣ [events − ∂_t g]. For the DC part this needs no score along the walk, and
    walkers that begin and end on the same side add no noise. `visits` and `events` carry, beside each
    score, the share of its cell to the right of its place, which makes the average over a cell exact.
    """
    size = events.shape[1] // 2
    begun, begun_share = events[:-1, :size].copy(), events[:-1, size:].copy()
    for source, target, rate in _stored(size, model.Omega):
        begun[:, target] -= rate * visits[:, source]
        begun_share[:, target] -= rate * visits[:, size:][:, source]
    passed = np.cumsum(begun, axis=0)
    edges = events[-1, :size] + np.concatenate([np.zeros((1, size)), passed])
    return edges, events[-1, :size] + passed - begun + begun_share


def _stored(size: int, Omega: float) -> list[tuple[slice, slice, float]]:
    """∂_t of harmonics: (amplitude, amplitude it adds to, rate): ∂_t(A^c cos + A^s sin) = nΩ(A^s cos − A^c sin)."""
    pairs = [(slice(3, 9), slice(9, 15), 1)] if size > 3 else []
    pairs += [(slice(15, 18), slice(18, 21), 2)] if size > 15 else []
    return [
        term for cosine, sine, n in pairs for term in ((sine, cosine, n * Omega), (cosine, sine, -n * Omega))
    ]


def _with_sum(values: NDArray[np.float64], model: Model, exchange: float) -> NDArray[np.float64]:
    """Append the amplitudes of `sum` to the last axis."""
    if model.harmonics == 0:
        return values
    both = [
        values[..., at] + 2.0 * exchange * values[..., at.start + 3 : at.stop + 3]
        for at in (slice(3, 6), slice(9, 12))
    ]
    return np.concatenate([values, *both], axis=-1)


def scene_exponents(scene: Scene, user: object) -> NDArray[np.intp]:
    """Powers of two of the natural sizes of a scene's amplitudes: its sources' strength, times 2Jτ/ħ at second order."""
    strength = float(birth_strength(scene, user).max(initial=0.0))
    if scene.time_step > 0.0:
        # a source that is hardly ever met is at most |S| ν over the natural time, 1000 time steps
        strength = max(strength, 1e-9 * max(layer.nu for layer in scene.layers) / scene.time_step)
    strength *= scene.t_end if scene.time_bins else 1.0
    if scene.initial:
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
    names = [size[name] for name in scene.walked] + ([strength] if has_sum(scene) else [])
    names += [sum(size[name] for name in scene.sources)] if len(scene.sources) > 1 else []
    return np.repeat(np.frexp(np.array(names))[1], scene.time_functions * 3).astype(np.intp)


def user_of(problem: Problem) -> object:
    """The user's texture, or that of snapshots, compiled, or a function that is never called."""
    scene = problem.model
    assert isinstance(scene, Scene)
    if scene.texture != USER:
        return no_user()
    if problem.snapshots is not None:
        return function_of(problem.snapshots)
    return load_user_texture(problem.texture_file, problem.scales.length, problem.scales.time)


class Ground(NamedTuple):
    """What is worked out once before blocks are walked."""

    walk: Callable[[int], BlockSums]
    """Walks the block of a number."""
    exponents: NDArray[np.intp]
    """Powers of two of the amplitudes' natural sizes."""


def ground_of(problem: Problem) -> Ground:
    """Lay the ground for a problem: birth density, course, natural sizes, and the walk that fits."""
    model = problem.model
    if isinstance(model, Model):
        return Ground(partial(walk_one_block, model, births(model), problem.exchange), model_exponents(model))
    user = user_of(problem)
    return Ground(
        partial(walk_scene_block, model, user, course_of(model, user)), scene_exponents(model, user)
    )


def walk_scene_block(scene: Scene, user: object, course: Course, block: int) -> BlockSums:
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

    Raises
    ------
    WalkerError
        If a walker takes more than `max_flights` flights or meets a number that is not finite.
    """
    width = scene.time_functions * 3
    size, bins = len(scene.walked) * width, max(scene.time_bins, 1)
    profile = np.zeros((2, math.prod(scene.cells) * bins, 3 + scene.axes, size))
    passages = np.zeros((2, len(scene.planes) * bins, size))
    budget = np.zeros((len(lines_of(scene.axes)), size))
    flights, wrong, walker = walk_scene(
        plain(scene), user, *key(scene.seed), *course, block, profile, passages, budget, -1, NO_TRACE
    )
    _refuse(wrong, walker, scene)
    return _scene_sums(scene, profile, passages, budget, int(flights))


def _refuse(wrong: int, walker: int, model: Model | Scene) -> None:
    """Stop the run where something went wrong with a walker."""
    if wrong == NOT_FINITE_LOCAL:
        raise WalkerError(int(walker), "met a number that is not finite", first_flight=True)
    if wrong:
        many = f"took more than run.max_flights = {model.max_flights} flights"
        raise WalkerError(int(walker), "met a number that is not finite" if wrong == NOT_FINITE else many)


def plain(scene: Scene) -> Scene:
    """What the kernels see: has the same type whatever the number of planes and layers."""
    return scene._replace(planes=(), layers=(), seed=0)


def _scene_sums(
    scene: Scene,
    profile: NDArray[np.float64],
    passages: NDArray[np.float64],
    budget: NDArray[np.float64],
    flights: int,
) -> BlockSums:
    """Turn a block's raw tallies into densities."""
    area = scene.lengths[1] * scene.lengths[2]
    time = scene.t_end / scene.time_bins if scene.time_bins else 1.0
    cell = scene.lengths[0] * area / math.prod(scene.cells)
    profiles = np.moveaxis(profile / (cell * time), 2, 1).reshape(-1, profile.shape[1], profile.shape[3])
    passages, budget = passages / (area * time), budget / area
    kinds = 3 + scene.axes
    if scene.hall_slot >= 0:
        add_drive(scene, profiles, passages)
    if scene.sources:
        turn_into_charge(scene, profiles)
    means = np.zeros((2, profile.shape[3]))
    if scene.time_bins == 0:
        means = profiles[[0, kinds]].mean(axis=1)
        if not has_sink(scene):
            spins = len(scene.channels) * scene.time_functions * 3
            profiles[kinds, :, :spins] -= means[1, :spins]
        _book_stored(scene, budget)
    add = [_with_channel_sum(scene, part) for part in (profiles, passages, budget, means)]
    waves = np.zeros(2)
    if charge_waves(scene):
        waves = (wave_patterns(scene) @ add[0][kinds + TORQUE][:, wave_amplitudes(scene)]).ravel()
    return BlockSums(add[0], add[1], add[2], add[3], waves, flights)


def _book_stored(scene: Scene, budget: NDArray[np.float64]) -> None:
    """Book as stored what oscillates in the sample: gains less losses of every harmonic but DC."""
    lines = lines_of(scene.axes)
    stored = lines.index("stored")
    rest = budget[:stored].sum(axis=0) - budget[stored + 1 :].sum(axis=0)
    steady = np.arange(budget.shape[1]) % (scene.time_functions * 3) < 3
    budget[stored] = np.where(steady, 0.0, rest)


def _with_channel_sum(scene: Scene, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Append `sum` = `first` + `second` to the last axis where both are walked, and the sum of the sources of charge."""
    width, parts = scene.time_functions * 3, [values]
    if has_sum(scene):
        parts.append(values[..., :width] + values[..., width : 2 * width])
    if len(scene.sources) > 1:
        charge = values[..., len(scene.channels) * width :]
        parts.append(charge.reshape(*charge.shape[:-1], len(scene.sources), width).sum(axis=-2))
    return np.concatenate(parts, axis=-1) if len(parts) > 1 else values
