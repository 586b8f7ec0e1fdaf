"""The course of first flights that are walked: slabs, planes and interfaces along x, and where they are born.

Along x the sample is cut at every mesh cell's edge, layer's start and plane, into slabs that each lie in one cell and
one layer. A walker knows its slab by number, never by comparing places, so that faces and corners are met once each.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.compiled import borrowed, inlined, part
from mcpump.problem.scene import Layer, Scene
from mcpump.problem.spin_hall import sheets_of
from mcpump.textures.moving import texture_field_rate

FLOOR = 0.05
"""Share of walkers born evenly over the whole sample, so that the density of births is nowhere 0."""
SAME_PLACE = 1e-9
"""Places closer than this share of the sample's length are one."""
BIRTH_BINS = ((1024, 1, 1), (96, 96, 1), (32, 32, 32))
"""Grid of the birth density for 1, 2 and 3 mesh directions."""
TIMES = (256, 64, 32)
"""Times at which the strength of the emission is looked at, for 1, 2 and 3 mesh directions."""
GOLDEN = (0.6180339887498949, 0.7548776662466927, 0.8191725133961645)
"""Irrational steps of the places that are looked at, along x, y and z."""


class Course(NamedTuple):
    """Arrays for the kernel; see `course_of`."""

    edges: NDArray[np.float64]
    """(slabs + 1,) places of the cuts along x [ℓ]."""
    slabs: NDArray[np.int64]
    """(slabs, 2): cell along x, layer."""
    marks: NDArray[np.int64]
    """(slabs + 1, 3): at each cut the plane, the interface (−1: none), and 1 where a cell ends."""
    media: NDArray[np.float64]
    """(layers, 8): v, rate, gamma_sf, nu, −2E_so (three), a_imp."""
    gates: NDArray[np.float64]
    """(interfaces, 4): probability to pass towards +x, towards −x; specularity; 1 where passage is straight."""
    quantiles: NDArray[np.float64]
    """(bins + 1,) of the birth density, bins in C order of the grid."""
    inverse_density: NDArray[np.float64]
    """(bins,): 1/p [ℓ^axes]."""
    grid: tuple[int, int, int]
    """Bins along x, y, z."""
    birth_times: NDArray[np.float64]
    """(times + 1,): quantiles of the density of birth times over [0, t_end] (transient), or over the period (even)."""
    sheets: NDArray[np.float64]
    """(sheets + 1, 9), where an electric field bears spin: quantile of the share of walkers at which a sheet begins
    (the last row: 1), axis of its normal, inward normal (0: inside the sample), from and to where along x, share that
    leaves diffusely, spin per time (three)."""
    turns: Any = None
    """(layers, 9): `Layer.turn`; None where spins do not turn about spin-orbit fields."""


def course_of(scene: Scene, user: Any) -> Course:
    """Lay out the course of a scene.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units.
    user : compiled function
        The user's texture, or `mcpump.textures.moving.no_user()`.

    Returns
    -------
    Course
        Arrays for `mcpump.walk.walked_flights.walk_first_flights`.
    """
    L, n = scene.lengths[0], scene.cells[0]
    faces = np.linspace(0.0, L, n + 1)
    starts = np.array([layer.start for layer in scene.layers])
    edges = merged(np.concatenate([faces, starts[1:], np.array(scene.planes)]), L)
    middle = 0.5 * (edges[1:] + edges[:-1])
    cell = np.minimum((middle * (n / L)).astype(np.int64), n - 1)
    layer = np.searchsorted(starts, middle, side="right") - 1
    marks = np.full((len(edges), 3), -1, np.int64)
    for i, plane in enumerate(scene.planes):
        marks[_nearest(edges, plane), 0] = i
    for i, start in enumerate(starts[1:]):
        marks[_nearest(edges, start), 1] = i
    marks[:, 2] = [int(np.min(np.abs(faces - edge)) <= SAME_PLACE * L) for edge in edges]
    cells = np.stack([cell, layer], axis=1)
    births = _births(scene, user)
    return Course(
        edges, cells, marks, media_of(scene), gates_of(scene), *births, sheets_of(scene), turns_of(scene)
    )


def plain(scene: Scene) -> Scene:
    """What the kernels see: has the same type whatever the number of planes and layers."""
    return scene._replace(planes=(), layers=(), seed=0)


def media_of(scene: Scene) -> NDArray[np.float64]:
    """Layers as rows of `Course.media`."""
    return np.array([[m.v, m.rate, m.gamma_sf, m.nu, *m.rashba, m.impurity] for m in scene.layers])


def turns_of(scene: Scene) -> NDArray[np.float64] | None:
    """Layers as rows of `Course.turns`."""
    return np.array([layer.turn for layer in scene.layers]) if scene.spin_orbit else None


@part
def lent_turns(turns):
    """The same, borrowed."""
    return turns if turns is None else borrowed(turns)


def gates_of(scene: Scene) -> NDArray[np.float64]:
    """Interfaces as rows of `Course.gates`."""
    pairs = zip(scene.layers, scene.layers[1:], strict=False)
    return np.array([_gate(*pair) for pair in pairs]).reshape(-1, 4)


def merged(places: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    """Sorted places, those that differ by rounding only once; the faces exactly."""
    merged = [0.0]
    for place in np.sort(places):
        if place - merged[-1] > SAME_PLACE * length:
            merged.append(float(place))
    merged[-1] = length
    return np.array(merged)


def _nearest(edges: NDArray[np.float64], place: float) -> int:
    return int(np.argmin(np.abs(edges - place)))


def _gate(left: Layer, right: Layer) -> list[float]:
    """Interface between two layers: T towards +x and −x with ν₁v₁T₁₂ = ν₂v₂T₂₁."""
    a, b = left.nu * left.v, right.nu * right.v
    smaller, T = min(a, b), right.transmission
    return [T * smaller / a, T * smaller / b, right.specularity, float(right.straight)]


def birth_strength(scene: Scene, user: Any, times: int = 0) -> NDArray[np.float64]:
    """Strength ν|Ṡ| of the emission over the drive's time; (times, bins of the birth grid, flat in C order) [1/τ].

    times: how many; 0 for as many as densities of births take. Each time looks at other places of the bins, so that a
    wall thinner than a bin is met now and then.
    """
    shape, times = BIRTH_BINS[scene.axes - 1], times or TIMES[scene.axes - 1]
    starts = np.array([layer.start for layer in scene.layers])
    nu = np.array([layer.nu for layer in scene.layers])
    span = scene.t_end if scene.time_bins else scene.period
    strength = np.empty((times, math.prod(shape)))
    for i in range(times):
        axes = [
            (np.arange(n) + (0.5 + GOLDEN[axis] * i) % 1.0) * (L / n)
            for axis, (n, L) in enumerate(zip(shape, scene.lengths, strict=True))
        ]
        x, y, z = (axis.ravel() for axis in np.meshgrid(*axes, indexing="ij"))
        t = (i + 0.5) / times * span
        rate = texture_field_rate(scene.texture, scene.parameters, user, x, y, z, t, scene.time_step)
        strength[i] = np.sqrt((rate**2).sum(axis=0)) * nu[np.searchsorted(starts, x, side="right") - 1]
    return strength


def _births(
    scene: Scene, user: Any
) -> tuple[NDArray[np.float64], NDArray[np.float64], tuple[int, int, int], NDArray[np.float64]]:
    """Birth densities close to the root mean square of ν|Ṡ|, in space and (transients) in time."""
    strength = birth_strength(scene, user)
    quantiles = quantiles_of(np.sqrt((strength**2).mean(axis=0)))
    volume = math.prod(scene.lengths[: scene.axes]) / strength.shape[1]
    times = quantiles_of(np.sqrt((strength**2).mean(axis=1)) if scene.time_bins else np.ones(1))
    return quantiles, volume / np.diff(quantiles), BIRTH_BINS[scene.axes - 1], times


def quantiles_of(strength: NDArray[np.float64]) -> NDArray[np.float64]:
    """Quantiles at the edges of equal bins of a density proportional to a strength, with an even share of `FLOOR`."""
    bins, total = len(strength), strength.sum()
    even = np.full(bins, 1.0 / bins)
    share = FLOOR * even + (1.0 - FLOOR) * (strength / total if 0.0 < total < math.inf else even)
    quantiles = np.concatenate(([0.0], np.cumsum(share)))
    return np.asarray(quantiles / quantiles[-1])


def edge_at(x: float, length: float, cells: int) -> int | None:
    """Number of the mesh edge along x at a place; None between edges."""
    edge = round(x / length * cells)
    return edge if abs(x - edge * (length / cells)) <= SAME_PLACE * length else None


@inlined
def slab_at(edges, x):
    """Number of the slab that holds x."""
    low, high = 0, edges.shape[0] - 1
    while high - low > 1:
        middle = (low + high) // 2
        if edges[middle] <= x:
            low = middle
        else:
            high = middle
    return low


@inlined
def quantile_bin(quantiles, quantile):
    """Bin that holds a quantile, and the place within it (0 to 1)."""
    bin_ = slab_at(quantiles, quantile)
    return bin_, (quantile - quantiles[bin_]) / (quantiles[bin_ + 1] - quantiles[bin_])
