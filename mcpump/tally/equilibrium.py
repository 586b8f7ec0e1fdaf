"""Terms that the results take from the texture instead of from walkers, on the mesh and through planes.

Static polarization, Eqs. (12)–(17); super-current, Eq. (8); static torque, Eq. (A21); and the gradient term of
Eq. (17). They stand under names of their own and are never added to what is walked. Harmonics of textures in closed form
along x (`Scene.precession`) are exact; of others time enters as a discrete Fourier transform over one period, or as the
middle of each time bin. Layers change the coefficients: D = v²/(d·transport), ν, and the super-current's νJ²/6k_F².
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.names import AXES
from mcpump.problem.scene import Layer, Problem, Scene
from mcpump.problem.slab import user_of
from mcpump.tally.estimates import Estimate
from mcpump.tally.scales import scale_of, units_of
from mcpump.textures.moving import texture_field, texture_field_gradient, texture_field_laplacian
from mcpump.textures.parameters import USER, User, scales_of, shape_of
from mcpump.textures.shapes import (
    ENVELOPE_COSINE,
    ENVELOPE_TANH,
    Places,
    Precession,
    texture_gradient,
    texture_profile,
)
from mcpump.theory.diffusion import cross_harmonics

Array = NDArray[np.float64]

TITLES = {
    "magnetization": "texture S at the cell centres",
    "static_polarization": "static polarization ħνJ S",
    "supercurrent": "equilibrium super-current −(ħ²νJ²/12mε_F) S×∇S, Eq. (8)",
    "polarization_current": "ħνJD ∇S of Eq. (17), undoes −D∇ of the static polarization: add it to no walkers' flux",
    "static_torque": "static torque −(ħ²νJ²/12mε_F) S×∇²S, Eq. (A21)",
}
"""Long names of the terms."""
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


def equilibrium(problem: Problem) -> dict[str, Estimate]:
    """Terms evaluated from the texture: S, ħνJS, Eq. (8), ħνJD∇S of Eq. (17), static part of Eq. (A21).

    Parameters
    ----------
    problem : Problem
        A deck made ready.

    Returns
    -------
    dict of str to Estimate
        `magnetization`, `static_polarization`, `supercurrent`, `polarization_current`, `static_torque` on the mesh,
        `plane_supercurrent` through the planes (mean over their area); exact. Axes: [direction,] harmonic or time,
        component, x[, y[, z]] or plane. What needs k_F is NaN where it is not given.
    """
    scene, units = problem.scene, units_of(problem)
    terms, x = mesh_terms(problem), centres(scene)[0]
    nu = np.array([one.nu for one in layers_at(scene, x)])
    clock, mesh = scene.clock, AXES[: scene.axes]

    def term(name: str, values: Array, dims: tuple[str, ...], unit: str = "1") -> Estimate:
        shaped = values.reshape(*values.shape[:-1], *scene.cells[: scene.axes])
        return Estimate(shaped, None, (*dims, *mesh), units.get(unit, unit), TITLES[name])

    one, each = (clock, "component"), ("direction", clock, "component")
    density, current, torque = (scale_of(problem, kind) for kind in ("density", "current", "torque"))
    supercurrent, static_torque = (_super(problem, part, x) for part in (terms.twist, terms.bend))
    found = {
        "magnetization": term("magnetization", terms.S, one),
        "static_polarization": term("static_polarization", density * (nu * terms.S), one, "density"),
        "supercurrent": term("supercurrent", current * supercurrent, each, "current"),
        "polarization_current": term(
            "polarization_current", _diffused(problem, terms.gradient, x), each, "current"
        ),
        "static_torque": term("static_torque", torque * static_torque, one, "torque"),
    }
    if scene.planes:
        found["plane_supercurrent"] = _plane_supercurrent(problem)
    return found


def plane_axis(scene: Scene) -> str:
    """Name of the axis along which planes are passed, x alone; "direction" is that of the mesh's currents."""
    return "direction" if scene.axes == 1 else "normal"


def layers_at(scene: Scene, x: Array) -> list[Layer]:
    """Layer that holds each place x [ℓ]."""
    starts = [layer.start for layer in scene.layers]
    return [scene.layers[max(i, 0)] for i in np.searchsorted(starts, x, side="right") - 1]


def diffusion_at(scene: Scene, x: Array) -> Array:
    """Diffusion coefficient D = v²/(d·transport) at each place x [ℓ²/τ]."""
    return np.array([one.v**2 / (scene.dimension * one.transport) for one in layers_at(scene, x)])


def _super(problem: Problem, crossed: Array, x: Array) -> Array:
    """−νJ²(d−2)/6k_F² S × (a derivative of S) at each place, Eqs. (8) and (A21), in reduced units.

    Free electrons: k_F² ∝ νv for d = 3. For d = 1 ν and v are not independent; the mass is taken as uniform, k_F ∝ v.
    """
    scene = problem.scene
    power = 1 if scene.dimension == 3 else 2
    relative = [1.0 / one.v if power == 1 else one.nu / one.v**2 for one in layers_at(scene, x)]
    return 0.0 - problem.supercurrent * np.array(relative) * crossed


def _diffused(problem: Problem, gradient: Array, x: Array) -> Array:
    """ħνJD ∇S at each place, in the deck's units."""
    scene, worth = problem.scene, scale_of(problem, "current")
    nu = np.array([one.nu for one in layers_at(scene, x)])
    return worth * (nu * diffusion_at(scene, x) * gradient)


def _plane_supercurrent(problem: Problem) -> Estimate:
    """Super-current through the planes, mean over their area."""
    scene, worth = problem.scene, scale_of(problem, "current")
    values = _super(problem, _terms_of(problem, True).twist[:1], np.array(scene.planes))
    dims = (plane_axis(scene), scene.clock, "component", "plane")
    return Estimate(worth * values, None, dims, units_of(problem)["current"], TITLES["supercurrent"])


def mesh_terms(problem: Problem) -> Terms:
    """Terms of the texture at the cell centres, cells in C order."""
    return _terms_of(problem, False)


def _terms_of(problem: Problem, at_planes: bool) -> Terms:
    """Terms at the planes, or at the cell centres."""
    scene = problem.scene
    precession = scene.precession
    if precession is None:
        return _transformed(kept_for_texture(scene), user_of(problem), at_planes)
    x = np.array(scene.planes) if at_planes else centres(scene)[0]
    return _exact(precession, 1 + 2 * scene.harmonics, x)


# --- harmonics of a texture that are known in closed form -----------------------------------------------------------


def _exact(precession: Precession, count: int, x: Array) -> Terms:
    """Terms at places, their first `count` harmonics."""
    S, slope = texture_profile(precession, x), texture_gradient(precession, x)
    twist, bend = (_crossed(S, other)[:count] for other in (slope, texture_curvature(precession, x)))
    all_S, all_slopes = np.zeros((count, 3, len(x))), np.zeros((count, 3, len(x)))
    all_S[:3], all_slopes[:3] = S[:count], slope[:count]
    return Terms(all_S, all_slopes[None], twist[None], bend)


def _crossed(S: Array, other: Array) -> Array:
    """S × (a derivative of S), without the rounding of parallel vectors."""
    harmonics = cross_harmonics(S, other)
    # S ∥ ∂S/∂x leaves rounding of a product of two equal numbers: none of it is a current
    rounding = 1e-14 * np.abs(S).max(initial=0.0) * np.abs(other).max(initial=0.0)
    return np.where(np.abs(harmonics) > rounding, harmonics, 0.0)


def texture_curvature(precession: Precession, x: Places) -> Array:
    """Exact ∂²/∂x² of the texture's harmonics.

    Parameters
    ----------
    precession : Precession
        The texture.
    x : (n,) array
        Places [ℓ].

    Returns
    -------
    (3, 3, n) array
        Harmonic × component × place [1/ℓ²]; that of a step is 0 wherever it has one.
    """
    f, slope, bend = _envelope_derivatives(precession, np.asarray(x, dtype=float))
    c, s = np.cos(precession.q * x), np.sin(precession.q * x)
    C, P, Q = (np.array(vector)[:, None] for vector in (precession.C, precession.P, precession.Q))
    cosine, sine = P * c + Q * s, Q * c - P * s
    bent, turned = bend - precession.q**2 * f, 2.0 * precession.q * slope
    return np.array([C * bend, cosine * bent + sine * turned, sine * bent - cosine * turned])


def _envelope_derivatives(precession: Precession, x: Array) -> tuple[Array, Array, Array]:
    """f, f′, f″ of the envelope."""
    a, b, k, phase = precession.envelope_parameters
    if precession.envelope == ENVELOPE_TANH:
        if b == 0.0:
            return np.where(x < a, 1.0, 0.0), np.zeros_like(x), np.zeros_like(x)
        t = np.tanh((x - a) / b)
        fall = 1.0 - t * t
        return 0.5 * (1.0 - t), -0.5 * fall / b, t * fall / (b * b)
    if precession.envelope == ENVELOPE_COSINE:
        wave = b * np.cos(k * x + phase)
        return a + wave, -b * k * np.sin(k * x + phase), -k * k * wave
    return np.ones_like(x), np.zeros_like(x), np.zeros_like(x)


# --- any texture ---------------------------------------------------------------------------------------------------


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
def _transformed(scene: Scene, user: Any, at_planes: bool) -> Terms:
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
