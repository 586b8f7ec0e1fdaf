"""Terms that the general walk's results take from the texture instead of from walkers, on the mesh and through planes.

Time enters as a discrete Fourier transform over one period, or as the middle of each time bin. Layers change the
coefficients: D = v²/(d·rate), ν, and the super-current's νJ²/6k_F².
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import Layer, Problem, Scene
from mcpump.tally.equilibrium import TITLES
from mcpump.tally.estimates import Estimate
from mcpump.tally.scales import scale_of, scene_of, units_of
from mcpump.textures.moving import texture_field, texture_field_gradient, texture_field_laplacian
from mcpump.textures.parameters import USER, User, scales_of, shape_of
from mcpump.walk.blocks import user_of

Array = NDArray[np.float64]

FEWEST_TIMES = 64
"""Times of a period at least; harmonics of the texture above half of it would be mistaken for lower ones."""
_STEPS_PER_LENGTH = 64
_EPSILON = float(np.finfo(float).eps)


class Terms(NamedTuple):
    """Harmonics, or values in time bins, of what the texture tells at some places (clock axis first)."""

    S: Array
    """Texture (clock, 3, n)."""
    gradient: Array
    """∂_i S (axes, clock, 3, n) [1/ℓ]."""
    twist: Array
    """S × ∂_i S (axes, clock, 3, n) [1/ℓ]."""
    bend: Array
    """S × ∇²S (clock, 3, n) [1/ℓ²]."""


def scene_equilibrium(problem: Problem) -> dict[str, Estimate]:
    """Terms evaluated from the texture of a Scene: S, ħνJS, Eq. (8), ħνJD∇S of Eq. (17), static part of Eq. (A21).

    Parameters
    ----------
    problem : Problem
        A deck made ready; its model is a Scene.

    Returns
    -------
    dict of str to Estimate
        `magnetization`, `static_polarization`, `supercurrent`, `polarization_current`, `static_torque` on the mesh,
        `plane_supercurrent` through the planes (mean over their area); exact. Axes: [direction,] harmonic or time,
        component, x[, y[, z]] or plane. What needs k_F is NaN where it is not given.
    """
    scene, units = scene_of(problem), units_of(problem)
    terms, places = mesh_terms(problem), centres(scene)
    layers = layers_at(scene, places[0])
    nu, D = np.array([one.nu for one in layers]), diffusion_at(scene, places[0])
    c = _supercurrent_at(problem, places[0])
    clock, mesh = clock_of(scene), ("x", "y", "z")[: scene.axes]

    def term(name: str, values: Array, dims: tuple[str, ...], unit: str) -> Estimate:
        worth = scale_of(problem, unit) if unit in units else 1.0
        shaped = (worth * values).reshape(*values.shape[:-1], *scene.cells[: scene.axes])
        title = TITLES[name].replace("∂S/∂x", "∇S")
        return Estimate(shaped, None, (*dims, *mesh), units.get(unit, "1"), title)

    one, each = (clock, "component"), ("direction", clock, "component")
    found = {
        "magnetization": term("magnetization", terms.S, one, "1"),
        "static_polarization": term("static_polarization", nu * terms.S, one, "density"),
        "supercurrent": term("supercurrent", 0.0 - c * terms.twist, each, "current"),
        "polarization_current": term("polarization_current", nu * D * terms.gradient, each, "current"),
        "static_torque": term("static_torque", 0.0 - c * terms.bend, one, "torque"),
    }
    if scene.planes:
        found["plane_supercurrent"] = _plane_supercurrent(problem, found["supercurrent"].long_name)
    return found


def clock_of(scene: Scene) -> str:
    """Name of the axis that stands for time: "harmonic", or "time" for a transient."""
    return "time" if scene.time_bins else "harmonic"


def plane_axis(scene: Scene) -> str:
    """Name of the axis along which planes are passed, x alone; "direction" is that of the mesh's currents."""
    return "direction" if scene.axes == 1 else "normal"


def layers_at(scene: Scene, x: Array) -> list[Layer]:
    """Layer that holds each place x [ℓ]."""
    starts = [layer.start for layer in scene.layers]
    return [scene.layers[max(i, 0)] for i in np.searchsorted(starts, x, side="right") - 1]


def diffusion_at(scene: Scene, x: Array) -> Array:
    """Diffusion coefficient D = v²/(d·rate) at each place x [ℓ²/τ]."""
    return np.array([one.v**2 / (scene.dimension * one.rate) for one in layers_at(scene, x)])


def _supercurrent_at(problem: Problem, x: Array) -> Array:
    """Coefficient νJ²(d−2)/6k_F² of Eq. (8) at each place.

    Free electrons: k_F² ∝ νv for d = 3. For d = 1 ν and v are not independent; the mass is taken as uniform, k_F ∝ v.
    """
    scene = scene_of(problem)
    power = 1 if scene.dimension == 3 else 2
    relative = [1.0 / one.v if power == 1 else one.nu / one.v**2 for one in layers_at(scene, x)]
    return problem.supercurrent * np.array(relative)


def _plane_supercurrent(problem: Problem, title: str) -> Estimate:
    """Super-current through the planes, mean over their area."""
    scene = scene_of(problem)
    terms = _terms(kept_for_texture(scene), user_of(problem), True)
    values = 0.0 - _supercurrent_at(problem, np.array(scene.planes)) * terms.twist[:1]
    dims = (plane_axis(scene), clock_of(scene), "component", "plane")
    worth = scale_of(problem, "current")
    return Estimate(worth * values, None, dims, units_of(problem)["current"], title)


def mesh_terms(problem: Problem) -> Terms:
    """Terms of the texture at the cell centres, cells in C order."""
    return _terms(kept_for_texture(scene_of(problem)), user_of(problem), False)


def kept_for_texture(scene: Scene) -> Scene:
    """Take out of a scene what its texture does not depend on, so that the terms are worked out once."""
    return scene._replace(seed=0, walkers_per_block=2, slots=(0, -1, -1, -1), layers=scene.layers[:1])


def centres(scene: Scene) -> Array:
    """Centres of the cells in C order, (3, n) [ℓ]."""
    axes = [
        (np.arange(cells) + 0.5) * (length / cells)
        for cells, length in zip(scene.cells, scene.lengths, strict=True)
    ]
    return np.array([grid.ravel() for grid in np.meshgrid(*axes, indexing="ij")])


# One scene's terms at the cells and one's at the planes: the stop rule asks for them at every look.
@lru_cache(maxsize=2)
def _terms(scene: Scene, user: Any, at_planes: bool) -> Terms:
    places = plane_places(scene) if at_planes else centres(scene)
    axes, n, clocks = scene.axes, places.shape[1], scene.time_bins or 1 + 2 * scene.harmonics
    sums = Terms(
        np.zeros((clocks, 3, n)),
        np.zeros((axes, clocks, 3, n)),
        np.zeros((axes, clocks, 3, n)),
        np.zeros((clocks, 3, n)),
    )
    step, size = _step(scene), 0.0
    x, y, z = places
    texture = scene.texture, scene.parameters, user, x, y, z
    derivatives = _on_a_mesh if is_sampled(scene) else _derivatives
    for t, weights in clock_weights(scene):
        S = texture_field(*texture, t)
        size = max(size, float(np.abs(S).max(initial=0.0)))
        slopes, laplacian = derivatives(scene, user, places, t, S, step)
        for axis, slope in enumerate(slopes):
            _add(sums.gradient[axis], weights, slope)
            _add(sums.twist[axis], weights, np.cross(S, slope, axis=0))
        _add(sums.bend, weights, np.cross(S, laplacian, axis=0))
        _add(sums.S, weights, S)
    # what a difference quotient leaves of rounding, where S is parallel to its derivative or a harmonic is empty
    sizes = size, size / step, size**2 / step, size**2 / step**2
    terms = Terms(*(_without_rounding(term, limit) for term, limit in zip(sums, sizes, strict=True)))
    return _plane_means(terms, len(scene.planes)) if at_planes else terms


def is_sampled(scene: Scene) -> bool:
    """Whether the texture is interpolated between the cells of a mesh."""
    return scene.texture == USER and _steps(scene)[0] > 0.0


def _steps(scene: Scene) -> tuple[float, ...]:
    """Steps of a mesh of snapshots along its directions [ℓ]."""
    shape = shape_of(scene.texture, scene.parameters)
    return shape.steps if isinstance(shape, User) else ()


def _derivatives(
    scene: Scene, user: Any, places: Array, t: float, S: Array, step: float
) -> tuple[list[Array], Array]:
    """∂_i S along the mesh's directions, and ∇²S, of a smooth texture."""
    x, y, z = places
    texture = scene.texture, scene.parameters, user, x, y, z, t
    slopes = [texture_field_gradient(*texture, axis, step) for axis in range(scene.axes)]
    return slopes, texture_field_laplacian(*texture, step, scene.axes)


def _on_a_mesh(
    scene: Scene, user: Any, places: Array, t: float, S: Array, step: float
) -> tuple[list[Array], Array]:
    """∂_i S and ∇²S of a texture that is linear between cells: quotients over one cell, within the magnet.

    At its surface they are one-sided, with the free surface's ∂m/∂n = 0 in ∇²S; the jump there is left out.
    """
    there = (S**2).sum(axis=0) > 0.0
    slopes, laplacian = [], np.zeros_like(S)
    for axis in range(scene.axes):
        width, sides, known = _steps(scene)[axis], [], []
        for sign in (1.0, -1.0):
            x, y, z = places + sign * width * np.eye(3)[axis][:, None]
            beside = texture_field(scene.texture, scene.parameters, user, x, y, z, t)
            known.append(there & ((beside**2).sum(axis=0) > 0.0))
            sides.append(np.where(known[-1], beside, S))
        apart = width * np.maximum(known[0].astype(np.int64) + known[1], 1)
        slopes.append((sides[0] - sides[1]) / apart)
        laplacian += (sides[0] - S + sides[1] - S) / width**2
    return slopes, laplacian


def _step(scene: Scene) -> float:
    """Step of the difference quotients in space [ℓ]: a small part of the texture's length, or of a cell's width."""
    if is_sampled(scene):
        return min(_steps(scene)[: scene.axes])
    length, _ = scales_of(scene.texture, scene.parameters)
    if not np.isfinite(length):
        length = min(scene.lengths[axis] / scene.cells[axis] for axis in range(scene.axes))
    return length / _STEPS_PER_LENGTH


def clock_weights(scene: Scene) -> Iterator[tuple[float, Array]]:
    """Times [τ], and the weight of each in every harmonic or time bin."""
    if scene.time_bins:
        for time_bin in range(scene.time_bins):
            yield (time_bin + 0.5) * scene.t_end / scene.time_bins, np.eye(scene.time_bins)[time_bin]
        return
    count = max(FEWEST_TIMES, 8 * (scene.harmonics + 1))
    n = np.arange(1, scene.harmonics + 1)
    for k in range(count):
        angle = 2.0 * np.pi * ((n * k) % count) / count
        weights = np.ones(1 + 2 * scene.harmonics)
        weights[1::2], weights[2::2] = 2.0 * np.cos(angle), 2.0 * np.sin(angle)
        yield k * scene.period / count, weights / count


def _add(sums: Array, weights: Array, values: Array) -> None:
    """Add values (3, n), weighted, to each clock place of sums (clock, 3, n)."""
    for place in np.flatnonzero(weights):
        sums[place] += weights[place] * values


def _without_rounding(values: Array, size: float) -> Array:
    """Values, but 0 where they are no more than the rounding of numbers of a size."""
    return np.where(np.abs(values) > 256.0 * _EPSILON * size, values, 0.0)


def plane_places(scene: Scene) -> Array:
    """Points on the planes, those of one plane together, (3, planes · points) [ℓ]."""
    x = np.array(scene.planes)
    if scene.texture == USER and not is_sampled(scene):
        # a user's texture may have no meaning outside of the sample, where the difference quotient reaches
        margin = 2.0 * _step(scene)
        x = np.clip(x, margin, scene.lengths[0] - margin)
    across = centres(scene._replace(cells=(1, *scene.cells[1:])))[1:]
    points = across.shape[1]
    return np.concatenate([np.repeat(x, points)[None], np.tile(across, (1, len(x)))])


def _plane_means(terms: Terms, planes: int) -> Terms:
    """Means over each plane; 0 where they cancel to less than the difference quotients are good for."""
    means = [term.reshape(*term.shape[:-1], planes, -1).mean(axis=-1) for term in terms]
    return Terms(
        *(
            np.where(np.abs(m) > 1e-8 * np.abs(t).max(initial=0.0), m, 0.0)
            for m, t in zip(means, terms, strict=True)
        )
    )
