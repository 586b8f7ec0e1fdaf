"""One block of the fast walk: along x, one layer, `first` and `second`, and a pulse of spin.

Its kernels see a slab, and pack the amplitudes of both channels into rows (`mcpump.walk.spin`). A block that has ended is
put into the layout of all blocks: the channels that are asked for, and `sum` = `first` + (2Jτ/ħ) `second` at the first
harmonic, the only one both share; what a channel cannot have is exactly zero.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.names import LINES
from mcpump.problem.scene import ABSORBING, DIFFUSE, PERIODIC, SPECULAR, Scene, Vector
from mcpump.textures.shapes import texture_gradient, texture_profile
from mcpump.walk.course import edge_at
from mcpump.walk.emission import Births
from mcpump.walk.first_flight import first_flights
from mcpump.walk.lanes import NOT_FINITE
from mcpump.walk.layout import BlockSums, refuse
from mcpump.walk.philox import key
from mcpump.walk.pulse import walk_pulse
from mcpump.walk.spin import SIZES
from mcpump.walk.walk import walk_block

Array = NDArray[np.float64]
Places = NDArray[np.intp]
PULSE_TRACE, NO_FLIGHTS = np.zeros((0, 2)), np.zeros((0, 2 + SIZES[-1]))


class Slab(NamedTuple):
    """A scene as the fast walk's kernels see it, which call it `model`; fields as in `Scene` and `Lanes`."""

    dimension: int
    length: float
    cells: int
    left: int
    """Code of the face at x = 0."""
    right: int
    gamma_sf: float
    Omega: float
    harmonics: int
    envelope: int
    envelope_parameters: tuple[float, float, float, float]
    q: float
    C: Vector
    P: Vector
    Q: Vector
    pulse_x: float
    time_bins: int
    """1 for a periodic drive."""
    t_max: float
    """Age at which a walker ends: also the end of a pulse's last bin."""
    first_flights: int
    score_interval: int
    walkers_per_block: int
    max_flights: int
    jump: float


def slab_of(scene: Scene) -> Slab:
    """Slab of a scene that the fast walk takes."""
    lanes = scene.lanes
    assert lanes is not None
    left, right = (_face(scene, face) for face in (0, 1))
    return Slab(
        dimension=scene.dimension, length=scene.lengths[0], cells=scene.cells[0], left=left, right=right,
        gamma_sf=scene.layers[0].gamma_sf, Omega=lanes.Omega, harmonics=scene.harmonics,
        envelope=lanes.envelope, envelope_parameters=lanes.envelope_parameters, q=lanes.q,
        C=lanes.C, P=lanes.P, Q=lanes.Q, pulse_x=scene.initial_x, time_bins=max(scene.time_bins, 1),
        t_max=min(scene.t_max, scene.t_end), first_flights=scene.first_flights,
        score_interval=lanes.score_interval, walkers_per_block=scene.walkers_per_block,
        max_flights=scene.max_flights, jump=lanes.jump,
    )  # fmt: skip


def _face(scene: Scene, face: int) -> int:
    """Code of a face along x."""
    if scene.periodic[0]:
        return PERIODIC
    if scene.absorption[face] == 1.0:
        return ABSORBING
    return SPECULAR if scene.specularity[face] == 1.0 else DIFFUSE


@lru_cache(maxsize=4)
def _places_in_rows(scene: Scene) -> Places:
    """Place of each amplitude of the layout in a packed row with `sum` behind it; −1: exactly zero."""
    size = SIZES[scene.harmonics]
    rows = {"first": [-1, 3, 9, -1, -1], "second": [0, 6, 12, 15, 18], "sum": [0, size, size + 3, 15, 18]}
    names = (*scene.channels, "sum") if scene.has_sum else scene.channels
    starts = np.array([rows[name][: scene.time_functions] for name in names], dtype=np.intp)[:, :, None]
    return np.where(starts < 0, -1, starts + np.arange(3)).ravel()


def laid_out(scene: Scene, rows: Array) -> Array:
    """Put packed rows, the last axis, into the layout of all blocks.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units, of the fast walk, no pulse.
    rows : (..., size) ndarray
        Amplitudes as `mcpump.walk.spin` packs them.
    """
    both = [
        rows[..., at : at + 3] + 2.0 * scene.exchange * rows[..., at + 3 : at + 6]
        for at in ((3, 9) if scene.harmonics > 0 else ())
    ]
    padded = np.concatenate([rows, *both, np.zeros((*rows.shape[:-1], 1))], axis=-1)
    return np.ascontiguousarray(padded[..., _places_in_rows(scene)])


def fast_exponents(scene: Scene) -> Places:
    """Powers of two of the amplitudes' natural sizes, so that the exact sums need no absolute scale.

    The oscillating part of S, its largest value A over the sample, sets the size of `first`; `second` goes as A²
    (DC, 2Ω) and as A times the constant part; a pulse's is its spin.
    """
    if scene.is_pulse:
        size = np.sqrt((np.array(scene.initial_spin) ** 2).sum())
        return np.full(3, np.frexp(size)[1], np.intp)
    places = (np.arange(1024) + 0.5) * (scene.lengths[0] / 1024)
    profile = texture_profile(scene.lanes, places)
    constant, *oscillating = np.sqrt((profile**2).sum(axis=1)).max(axis=1)
    A = max(oscillating)
    first, mixed, square = A, A * constant, A * A
    sizes = [square] * 3 + ([first] * 3 + [mixed] * 3) * 2 + [square] * 6
    sizes = sizes[: SIZES[scene.harmonics]] + ([first + mixed] * 6 if scene.harmonics > 0 else [])
    return np.append(np.frexp(np.array(sizes))[1], 0).astype(np.intp)[_places_in_rows(scene)]


def walk_fast_block(scene: Scene, births: Births, block: int) -> BlockSums:
    """Walk block number `block`: first flights (local part) and walkers (diffusive part, budget), or a pulse.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units.
    births : Births
        Its birth density, `mcpump.walk.emission.births`.
    block : int
        Number of the block, from 0.
    """
    if scene.is_pulse:
        return walk_pulse_block(scene, block)
    slab, size, rows = slab_of(scene), SIZES[scene.harmonics], scene.cells[0]
    planes = np.array(scene.planes, dtype=np.float64)
    start = slab, planes, *key(scene.seed), *births, block
    profile, local = np.zeros((rows, 3 * size)), np.zeros((len(planes), size))
    first_flights(*start, profile, local)
    visits, events, diffusive, budget = row_tallies(scene)
    flights, wrong, walker = walk_block(*start, visits, events, diffusive, budget, -1, NO_FLIGHTS)
    refuse(wrong, block * scene.walkers_per_block + walker, scene)

    width = slab.length / slab.cells
    density, current, torque = np.moveaxis(profile.reshape(rows, 3, size), 1, 0) / width
    edges, current_in_cells = currents_from_events(slab, visits, events)
    walked = visits[:, :size] / width, current_in_cells
    means = np.array([density.mean(axis=0), walked[0].mean(axis=0)])
    if not scene.has_sink:
        walked = walked[0] - means[1], walked[1]
    profiles = np.array([density, current, torque, *walked])
    conserved = edges[[edge_at(x, slab.length, slab.cells) or 0 for x in scene.planes]]
    projections = np.einsum("pxa,xa->p", profiles[[1, 4]], gradient_pattern(scene))
    parts = (profiles, np.array([local, diffusive]), budget, means)
    profiles, passages, budget, means = (laid_out(scene, part) for part in parts)
    return BlockSums(profiles, passages, budget, means, projections, int(flights), laid_out(scene, conserved))


def row_tallies(scene: Scene) -> tuple[Array, Array, Array, Array]:
    """Empty tallies of a block, see `mcpump.walk.walk`."""
    size, cells = SIZES[scene.harmonics], scene.cells[0]
    return (
        np.zeros((cells, 2 * size)),
        np.zeros((cells + 1, 2 * size)),
        np.zeros((len(scene.planes), size)),
        np.zeros((len(LINES), size)),
    )


def pulse_tallies(scene: Scene) -> tuple[Array, Array]:
    """Empty tallies of a block of a pulse, see `mcpump.walk.pulse`."""
    return np.zeros((3, 3 * scene.time_bins * (scene.cells[0] + 1))), np.zeros(len(LINES))


def walk_pulse_block(scene: Scene, block: int) -> BlockSums:
    """Walk block number `block` of a pulse: what its walkers count, times its spin.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units, a pulse.
    block : int
        Number of the block, from 0.
    """
    slab, (visits, budget) = slab_of(scene), pulse_tallies(scene)
    if not np.isfinite(scene.initial_spin).all():
        refuse(NOT_FINITE, block * scene.walkers_per_block, scene)
    flights, wrong, walker = walk_pulse(slab, *key(scene.seed), block, visits, budget, -1, PULSE_TRACE)
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


@lru_cache(maxsize=4)
def gradient_pattern(scene: Scene) -> Array:
    """Weights that project a profile of the first-order current on ħνJτD ∇Ṡ; (cells, packed amplitudes).

    The local current is ħνJτD ∇Ṡ to leading order in qℓ, Eq. (31), so that its projection tends to 1. All
    zero where there is no such gradient.
    """
    cells = scene.cells[0]
    pattern = np.zeros((cells, SIZES[scene.harmonics]))
    if scene.harmonics == 0:
        return pattern
    centres = (np.arange(cells) + 0.5) * (scene.lengths[0] / cells)
    _, cosine, sine = texture_gradient(scene.lanes, centres)
    pattern[:, 3:6], pattern[:, 9:12] = sine.T, -cosine.T
    norm = (pattern**2).sum() / scene.dimension
    return pattern / norm if norm > 0.0 else pattern


def currents_from_events(slab: Slab, visits: Array, events: Array) -> tuple[Array, Array]:
    """Diffusive current at the cells' edges and averaged over each cell, from where spin begins and ends to diffuse.

    The net spin that has passed x is what began to diffuse left of x, less what ended or is stored
    there: j(x) = j(0) + ∫₀ˣ [events − ∂_t g]. For the DC part this needs no score along the walk, and
    walkers that begin and end on the same side add no noise. `visits` and `events` carry, beside each
    score, the share of its cell to the right of its place, which makes the average over a cell exact.
    """
    size = events.shape[1] // 2
    begun, begun_share = events[:-1, :size].copy(), events[:-1, size:].copy()
    for source, target, rate in _stored(size, slab.Omega):
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
