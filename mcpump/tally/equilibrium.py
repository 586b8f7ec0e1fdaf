"""Terms that the fast walk's results take from the texture instead of from walkers.

Static polarization, Eqs. (12)–(17); super-current, Eq. (8); static torque, Eq. (A21); and the gradient term of
Eq. (17). They stand under names of their own and are never added to what is walked.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import Model, Problem
from mcpump.tally.estimates import Estimate
from mcpump.tally.scales import fast_model, units_of
from mcpump.textures.shapes import ENVELOPE_COSINE, ENVELOPE_TANH, Places, texture_gradient, texture_profile
from mcpump.theory.diffusion import cross_harmonics

Array = NDArray[np.float64]
TITLES = {
    "magnetization": "texture S at the cell centres",
    "static_polarization": "static polarization ħνJ S",
    "supercurrent": "equilibrium super-current −(ħ²νJ²/12mε_F) S×∂S/∂x, Eq. (8)",
    "polarization_current": "ħνJD ∇S of Eq. (17), undoes −D∇ of the static polarization: add it to no walkers' flux",
    "static_torque": "static torque −(ħ²νJ²/12mε_F) S×∇²S, Eq. (A21)",
}
"""Long names of the terms."""


def equilibrium(problem: Problem) -> dict[str, Estimate]:
    """Terms evaluated from the texture of the fast walk: S, ħνJS, Eq. (8), ħνJD∇S of Eq. (17), static part of Eq. (A21).

    Parameters
    ----------
    problem : Problem
        A deck made ready, with a texture.

    Returns
    -------
    dict of str to Estimate
        `magnetization`, `static_polarization`, `supercurrent`, `polarization_current`, `static_torque`, and with planes
        `plane_supercurrent`; exact. What needs k_F is NaN where it is not given.
    """
    model, units, scales = fast_model(problem), units_of(problem), problem.scales
    centres = (np.arange(model.cells) + 0.5) * (model.length / model.cells)
    count = 1 + 2 * model.harmonics
    S, slope = np.zeros((count, 3, model.cells)), np.zeros((count, 3, model.cells))
    S[:3] = texture_profile(model, centres)[:count]
    slope[:3] = texture_gradient(model, centres)[:count]
    super_cells = supercurrent(problem, centres)[None] * scales.current
    spread = slope[None] * (scales.current / model.dimension)
    names = ("harmonic", "component")

    def term(name: str, values: Array, dims: tuple[str, ...], unit: str) -> Estimate:
        return Estimate(values, None, dims, units.get(unit, "1"), TITLES[name.removeprefix("plane_")])

    found = {
        "magnetization": term("magnetization", S, (*names, "x"), "1"),
        "static_polarization": term("static_polarization", S * scales.density, (*names, "x"), "density"),
        "supercurrent": term("supercurrent", super_cells, ("direction", *names, "x"), "current"),
        "polarization_current": term("polarization_current", spread, ("direction", *names, "x"), "current"),
        "static_torque": term(
            "static_torque", static_torque(problem, centres) * scales.torque, (*names, "x"), "torque"
        ),
    }
    if model.planes:
        at_planes = supercurrent(problem, np.array(model.planes))[None] * scales.current
        found["plane_supercurrent"] = term(
            "plane_supercurrent", at_planes, ("direction", *names, "plane"), "current"
        )
    return found


def supercurrent(problem: Problem, x: Places) -> Array:
    """Harmonics of −c S×∂S/∂x, Eq. (8), in reduced units, (harmonics, 3, n); NaN where k_F is not given."""
    model = fast_model(problem)
    return _crossed(problem, texture_profile(model, x), texture_gradient(model, x))


def static_torque(problem: Problem, x: Places) -> Array:
    """Harmonics of −c S×∂²S/∂x², Eq. (A21), in reduced units, (harmonics, 3, n); NaN where k_F is not given."""
    model = fast_model(problem)
    return _crossed(problem, texture_profile(model, x), texture_curvature(model, x))


def _crossed(problem: Problem, S: Array, other: Array) -> Array:
    """−c S×(a derivative of S), without the rounding of parallel vectors."""
    harmonics = cross_harmonics(S, other)[: 1 + 2 * fast_model(problem).harmonics]
    # S ∥ ∂S/∂x leaves rounding of a product of two equal numbers: none of it is a current
    rounding = 1e-14 * np.abs(S).max(initial=0.0) * np.abs(other).max(initial=0.0)
    return -problem.supercurrent * np.where(np.abs(harmonics) > rounding, harmonics, 0.0) + 0.0


def texture_curvature(model: Model, x: Places) -> Array:
    """Exact ∂²/∂x² of the texture's harmonics.

    Parameters
    ----------
    model : Model
        Problem in reduced units.
    x : (n,) array
        Places [ℓ].

    Returns
    -------
    (3, 3, n) array
        Harmonic × component × place [1/ℓ²]; that of a step is 0 wherever it has one.
    """
    f, slope, bend = _envelope_derivatives(model, np.asarray(x, dtype=float))
    c, s = np.cos(model.q * x), np.sin(model.q * x)
    C, P, Q = (np.array(vector)[:, None] for vector in (model.C, model.P, model.Q))
    cosine, sine = P * c + Q * s, Q * c - P * s
    bent, turned = bend - model.q**2 * f, 2.0 * model.q * slope
    return np.array([C * bend, cosine * bent + sine * turned, sine * bent - cosine * turned])


def _envelope_derivatives(model: Model, x: Array) -> tuple[Array, Array, Array]:
    """f, f′, f″ of the envelope."""
    a, b, k, phase = model.envelope_parameters
    if model.envelope == ENVELOPE_TANH:
        if b == 0.0:
            return np.where(x < a, 1.0, 0.0), np.zeros_like(x), np.zeros_like(x)
        t = np.tanh((x - a) / b)
        fall = 1.0 - t * t
        return 0.5 * (1.0 - t), -0.5 * fall / b, t * fall / (b * b)
    if model.envelope == ENVELOPE_COSINE:
        wave = b * np.cos(k * x + phase)
        return a + wave, -b * k * np.sin(k * x + phase), -k * k * wave
    return np.ones_like(x), np.zeros_like(x), np.zeros_like(x)
