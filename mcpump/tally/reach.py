"""How many walkers carry a number: what the walk can see of a place, from its birth density and survival alone.

A number is a sum of scores w, and its error is known as well as (Σw²)²/Σw⁴ equal scores would tell it. Far from the
texture only flights score that survive as e^(−depth): where hardly any of those walked gets there, neither the number nor
its error is known, whatever the sums look like. Here Σw² and Σw⁴ are replaced by their expectations, integrals over where
flights are born. They are taken along each direction of the mesh by itself, over all of the sample in the others, so that
the number of flights is at most overstated. Walkers that diffuse come as far as e^(−distance/λ_s) has it.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import EVERYWHERE, PLANE, Layer, Scene
from mcpump.textures.moving import texture_field_rate
from mcpump.theory.anisotropic import anisotropic_decay
from mcpump.walk.course import BIRTH_BINS, birth_strength, course_of
from mcpump.walk.walker import CERTAIN

Array = NDArray[np.float64]
DEEP, STEP, NODES = 45.0, 0.25, 24
"""Depths [flights] that are looked at, their step, and directions of the angular means."""
MOST_POINTS, TIMES = 100_000, 16
"""Places at which the emission is looked at, and times."""
SUPPORT = 1e-12
"""Emission below this share of the largest is none."""
OPAQUE = 60.0
"""Depth of what lets no first flight pass."""


class Reach(NamedTuple):
    """What first flights reach, at some places."""

    carriers: Array
    """First flights that carry a local number there, of one flight walked."""
    walkers: Array
    """Walkers that carry a diffusive number there, of one walker."""
    size: Array
    """Size of the local density there, of the largest in the cells."""
    spread: Array
    """The same of the diffusive one, roughly."""
    delay: Array
    """Time that the fastest electron takes from the texture [τ]."""


class _Line(NamedTuple):
    """The sample along one direction."""

    x: Array
    """Places [ℓ], ends included."""
    depth: Array
    """Flights between 0 and each of them; what reflects adds to it as if it weakened."""
    spread: Array
    """Spin diffusion lengths between 0 and each of them."""
    time: Array
    """Time between 0 and each of them [τ]."""
    mirrors: tuple[float, float]
    """Share of first flights that either face reflects specularly."""
    periodic: bool


class _Sources(NamedTuple):
    """Sums, up to each place of a line, of p (a/p)^k: a is born per length, p the density of births."""

    second: Array
    fourth: Array
    first: Array
    there: NDArray[np.bool_]
    """Where something is born."""


def reach_of(scene: Scene, user: Any) -> tuple[Reach, Reach]:
    """Reach at the planes and in the cells (mesh axes).

    Parameters
    ----------
    scene : Scene
        Problem in reduced units, not a pulse.
    user : compiled function
        The user's texture, or `mcpump.textures.moving.no_user()`.
    """
    kept = scene._replace(seed=0, walkers_per_block=2, first_flights=1, initial_walkers=0)
    return _general_reach(kept, user)


def _relative(reach: Reach, cells: Reach) -> Reach:
    """Reach with sizes in those of the largest in the cells."""
    size, spread = (float(part.max()) or 1.0 for part in (cells.size, cells.spread))
    return reach._replace(size=reach.size / size, spread=reach.spread / spread)


@lru_cache(maxsize=4)
def _general_reach(scene: Scene, user: Any) -> tuple[Reach, Reach]:
    """Reach of the general walk."""
    mu, weight = _directions(scene.dimension)
    t = _middles()[:, None] / mu
    survive = np.exp(-np.maximum(t - CERTAIN, 0.0))
    kernels = [0.5 * (weight * survive * np.exp(-k * np.minimum(t, CERTAIN))).sum(axis=1) for k in (2, 4)]
    planes, found = None, []
    for axis in range(scene.axes):
        line = _line(scene, axis)
        sources = _general_sources(scene, user, line, axis)
        edges = np.linspace(0.0, scene.lengths[axis], scene.cells[axis] + 1)
        cells = _reached_cells(line, sources, edges, kernels, scene.dimension)
        if axis == 0:
            planes = _reached(line, sources, np.array(scene.planes), kernels, scene.dimension)
            planes = _relative(planes, cells)
        found.append(_relative(cells, cells))
    assert planes is not None
    return planes, _on_mesh(scene, found)


def _on_mesh(scene: Scene, found: list[Reach]) -> Reach:
    """Put together what was found along each direction: (cells along x[, y[, z]])."""
    mesh = [
        [part.reshape([-1 if i == axis else 1 for i in range(scene.axes)]) for part in one]
        for axis, one in enumerate(found)
    ]
    shape = scene.cells[: scene.axes]
    # a cell gets its share of those that reach its layer of cells
    shares = [shape[axis] / math.prod(shape) for axis in range(scene.axes)]
    carriers, walkers = (
        [np.broadcast_to(one[i] * share, shape) for one, share in zip(mesh, shares, strict=True)]
        for i in (0, 1)
    )
    sizes, spreads, delays = (np.array([np.broadcast_to(one[i], shape) for one in mesh]) for i in (2, 3, 4))
    counts = np.min(carriers, axis=0), np.min(walkers, axis=0)
    return Reach(*counts, sizes.min(axis=0), spreads.min(axis=0), delays.max(axis=0))


def _points(depth: float) -> int:
    """Number of intervals at which the emission is looked at."""
    return int(min(max(4096.0, 20.0 * depth), MOST_POINTS))


def _directions(dimension: int) -> tuple[Array, Array]:
    """Cosines in (0, 1) and weights of the mean over the directions of a half sphere."""
    nodes, weights = np.polynomial.legendre.leggauss(NODES)
    u = 0.5 * (nodes + 1.0)
    if dimension == 1:
        return np.ones(1), np.ones(1)
    mu = u if dimension == 3 else np.sin(0.5 * math.pi * u)
    return np.asarray(mu, dtype=np.float64), np.asarray(0.5 * weights, dtype=np.float64)


def _middles() -> Array:
    return np.asarray((np.arange(int(DEEP / STEP)) + 0.5) * STEP, dtype=np.float64)


def _spreading(relaxation: float, dimension: int) -> float:
    """Depth of one flight in decay lengths: κ of 1 = c⟨1/(1 − κ²μ²)⟩ with c = 1/(1 + τ/τ_sf)."""
    if relaxation == 0.0:
        return 0.0
    mu, weight = _directions(dimension)
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = 0.5 * (low + high)
        more = float((weight / (1.0 - (middle * mu) ** 2)).sum()) > 1.0 + relaxation
        low, high = (low, middle) if more else (middle, high)
    return low


def _density_kernel(s: Array, mu: Array, weight: Array) -> Array:
    """Density at a depth s of what is born isotropically."""
    return np.asarray(0.5 * (weight / mu * np.exp(-s[:, None] / mu)).sum(axis=1))


def _line(scene: Scene, axis: int) -> _Line:
    """Line of a scene; y and z, which are the same in every layer but for its ℓ, take the longest ℓ."""
    length = scene.lengths[axis]
    left, right = ((1.0 - scene.absorption[i]) * scene.specularity[i] for i in (2 * axis, 2 * axis + 1))
    mirrors = left, right
    if axis > 0:
        per_length = min((one.rate + one.gamma_sf) / one.v for one in scene.layers)
        x = np.linspace(0.0, length, _points(length * per_length) + 1)
        widest = min(_layer_spreading(one, scene.dimension) for one in scene.layers)
        return _Line(
            x,
            x * per_length,
            x * widest,
            x / max(one.v for one in scene.layers),
            mirrors,
            scene.periodic[axis],
        )
    ends = [one.start for one in scene.layers[1:]] + [length]
    total = sum(
        (end - m.start) * (m.rate + m.gamma_sf) / m.v for m, end in zip(scene.layers, ends, strict=True)
    )
    x = np.linspace(0.0, length, _points(total) + 1)
    middle = 0.5 * (x[1:] + x[:-1])
    layer = np.searchsorted([one.start for one in scene.layers], middle, side="right") - 1
    both = np.array([(one.rate + one.gamma_sf) / one.v for one in scene.layers])[layer]
    slow = np.array([1.0 / one.v for one in scene.layers])[layer]
    spreading = np.array([_layer_spreading(one, scene.dimension) for one in scene.layers])[layer]
    weakened = np.array(
        [0.0, *(_gate_depth(*two) for two in zip(scene.layers, scene.layers[1:], strict=False))]
    )
    steps = np.diff(x)
    gates = np.concatenate([[0.0], np.where(np.diff(layer) > 0, weakened[layer[1:]], 0.0)])
    depth, spread, time = (
        np.concatenate([[0.0], np.cumsum(part)])
        for part in (both * steps + gates, spreading * steps, slow * steps)
    )
    return _Line(x, depth, spread, time, mirrors, scene.periodic[0])


def _layer_spreading(layer: Layer, dimension: int) -> float:
    """Decay lengths in one length of a layer."""
    if layer.mean_cosine and layer.gamma_sf:
        kept = layer.rate / layer.v
        return anisotropic_decay(1.0 + layer.gamma_sf / layer.rate, layer.mean_cosine) * kept
    return _spreading(layer.gamma_sf / layer.rate, dimension) * (layer.rate + layer.gamma_sf) / layer.v


def _gate_depth(left: Layer, right: Layer) -> float:
    """Depth that weakens first flights as an interface does, on its more open side."""
    if not right.straight or right.transmission <= 0.0:
        return OPAQUE
    return min(-math.log(right.transmission), OPAQUE)


def _general_sources(scene: Scene, user: Any, line: _Line, axis: int) -> _Sources:
    """Sources of a scene along one direction, summed over the others."""
    bins = BIRTH_BINS[scene.axes - 1][: scene.axes]
    middle = 0.5 * (line.x[1:] + line.x[:-1])
    at = np.minimum((middle / scene.lengths[axis] * bins[axis]).astype(int), bins[axis] - 1)
    if scene.initial == EVERYWHERE:
        return _sources(line, np.ones_like(middle), np.ones_like(middle))
    if scene.initial == PLANE:
        here = np.abs(middle - scene.initial_x) <= 0.5 * scene.lengths[0] / len(middle) * (1.0 + 1e-9)
        return _sources(line, here / here.sum() if axis == 0 else np.ones_like(middle), np.ones_like(middle))
    p = 1.0 / course_of(scene, user).inverse_density
    if scene.axes == 1:
        nu = np.array([one.nu for one in scene.layers])
        layer = np.searchsorted([one.start for one in scene.layers], middle, side="right") - 1
        span = scene.t_end if scene.time_bins else scene.period
        zero = np.zeros_like(middle)
        squares = [
            (
                texture_field_rate(
                    scene.texture, scene.parameters, user, middle, zero, zero, t, scene.time_step
                )
                ** 2
            ).sum(axis=0)
            for t in (np.arange(TIMES) + 0.5) / TIMES * span
        ]
        return _sources(line, nu[layer] * np.sqrt(np.mean(squares, axis=0)), p[at])
    strength = np.sqrt((birth_strength(scene, user) ** 2).mean(axis=0)).reshape(bins)
    others = tuple(i for i in range(scene.axes) if i != axis)
    p = p.reshape(bins)
    sums = [(p * (strength / p) ** k).sum(axis=others)[at] for k in (2, 4, 1)]
    return _summed(line, *sums)


def _sources(line: _Line, a: Array, p: Array) -> _Sources:
    return _summed(line, a * a / p, a**4 / p**3, a)


def _summed(line: _Line, second: Array, fourth: Array, first: Array) -> _Sources:
    size = float(first.max(initial=0.0)) or 1.0
    steps = np.diff(line.x)
    sums = [
        np.concatenate([[0.0], np.cumsum(part / size**k * steps)])
        for part, k in ((second, 2), (fourth, 4), (first, 1))
    ]
    return _Sources(sums[0], sums[1], sums[2], first > SUPPORT * size)


def _reached_cells(
    line: _Line, sources: _Sources, edges: Array, kernels: list[Array], dimension: int
) -> Reach:
    """Reach averaged over cells, each looked at in places half a flight apart or closer."""
    depth = np.interp(edges, line.x, line.depth)
    count = int(min(max(math.ceil(float(np.diff(depth).max()) / 0.5), 1), 64))
    part = (np.arange(count) + 0.5) / count
    x = (edges[:-1, None] + np.diff(edges)[:, None] * part).ravel()
    moments = [m.reshape(-1, count).mean(axis=1) for m in _moments(line, sources, x, kernels, dimension)]
    delay = np.min([_delay(line, sources, side) for side in (edges[:-1], edges[1:])], axis=0)
    inside = np.interp(edges, 0.5 * (line.x[1:] + line.x[:-1]), np.cumsum(sources.there))
    walkers, spread = (part.reshape(-1, count).max(axis=1) for part in _diffused(line, sources, x))
    return Reach(
        _effective(*moments[:2]), walkers, moments[2], spread, np.where(np.diff(inside) > 0.0, 0.0, delay)
    )


def _reached(line: _Line, sources: _Sources, x: Array, kernels: list[Array], dimension: int) -> Reach:
    """Reach at places."""
    second, fourth, first = _moments(line, sources, x, kernels, dimension)
    walkers, spread = _diffused(line, sources, x)
    return Reach(_effective(second, fourth), walkers, first, spread, _delay(line, sources, x))


def _diffused(line: _Line, sources: _Sources, x: Array) -> tuple[Array, Array]:
    """Walkers that come to places while they diffuse, of one walker, as their scores count; and what they carry."""
    total, at = float(line.spread[-1]), np.interp(x, line.x, line.spread)
    steps = np.arange(int(DEEP / STEP) + 1) * STEP
    kernel, sums = np.exp(-_middles()), [np.zeros(len(x)) for _ in range(3)]
    if line.periodic:
        # half way round at most, and no farther than that
        steps = np.minimum(steps, 0.5 * total)
    for sign in (-1.0, 1.0):
        y = at[:, None] + sign * steps
        for i, born in enumerate(sources[:3]):
            upto = _around(line, born, y) if line.periodic else np.interp(y, line.spread, born)
            sums[i] += (np.abs(np.diff(upto, axis=1)) * kernel).sum(axis=1)
    if total == 0.0:
        sums = [np.full(len(x), born[-1]) for born in sources[:3]]
    return _effective(sums[0], sums[1]), sums[2]


def _around(line: _Line, born: Array, y: Array) -> Array:
    """Sum of sources up to a place of a ring that may be passed."""
    total = float(line.spread[-1]) or 1.0
    m = np.floor(y / total)
    return np.asarray(m * born[-1] + np.interp(y - m * total, line.spread, born))


def _effective(second: Array, fourth: Array) -> Array:
    return np.divide(second**2, fourth, out=np.zeros_like(second), where=fourth > 0.0)


def _moments(line: _Line, sources: _Sources, x: Array, kernels: list[Array], dimension: int) -> list[Array]:
    """Σ over births of p (a/p)^k kernel_k for k = 2, 4, and the size of the density."""
    at = np.interp(x, line.x, line.depth)
    density = _density_kernel(_middles(), *_directions(dimension))
    steps = np.arange(int(DEEP / STEP) + 1) * STEP
    found = [np.zeros(len(x)) for _ in range(3)]
    for sign in (-1.0, 1.0):
        y = at[:, None] + sign * steps
        passed = _reflected(line, 0.5 * (y[:, 1:] + y[:, :-1]))
        for i, (sums, kernel) in enumerate(zip(sources[:3], (*kernels, density), strict=True)):
            between = np.abs(np.diff(_unfolded(line, sums, y), axis=1))
            found[i] += (between * passed * kernel).sum(axis=1)
    return found


def _reflected(line: _Line, y: Array) -> Array:
    """Share of flights that is left after the faces between an unfolded depth and the sample."""
    if line.periodic:
        return np.ones_like(y)
    m = np.floor(y / line.depth[-1]).astype(int)
    n = np.where(m < 0, -m, m)
    near, far = (n + 1) // 2, n // 2
    left, right = line.mirrors
    return np.asarray(np.where(m < 0, left**near * right**far, right**near * left**far), dtype=np.float64)


def _unfolded(line: _Line, sums: Array, y: Array) -> Array:
    """Sum of sources up to an unfolded depth, where the sample is continued by its images."""
    total = line.depth[-1]
    m = np.floor(y / total)
    rest = y - m * total
    if line.periodic:
        return m * sums[-1] + np.interp(rest, line.depth, sums)
    mirrored = sums[-1] - np.interp(total - rest, line.depth, sums)
    return m * sums[-1] + np.where(m % 2.0 == 0.0, np.interp(rest, line.depth, sums), mirrored)


def _delay(line: _Line, sources: _Sources, x: Array) -> Array:
    """Time to each place from the nearest one where something is born."""
    there = np.flatnonzero(sources.there)
    if there.size == 0:
        return np.full(len(x), np.inf)
    at, born = np.interp(x, line.x, line.time), line.time
    starts, ends = born[there], born[there + 1]
    if line.periodic:
        starts, ends = (np.concatenate([s - born[-1], s, s + born[-1]]) for s in (starts, ends))
    right = np.searchsorted(starts, at, side="left")
    ahead = np.where(right < len(starts), starts[np.minimum(right, len(starts) - 1)] - at, np.inf)
    behind = np.where(right > 0, at - ends[np.maximum(right - 1, 0)], np.inf)
    return np.maximum(np.minimum(ahead, behind), 0.0)
