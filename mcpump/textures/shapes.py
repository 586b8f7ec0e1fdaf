"""Magnetization textures S(x, t): an envelope times an elliptical precession about any axis.

    S(x,t) = f(x) {C + P cos[φ(x) + Ωt] + Q sin[φ(x) + Ωt]},        φ(x) = q x

Junction, uniform precession, spiral (helix, cone, spin wave) and amplitude-modulated precession are
this one family, with f chosen by an integer code. S has the harmonics 0 and ±1 only, which the walk
carries as the three vectors of

    S(x,t) = S_0(x) + S_c(x) cos Ωt + S_s(x) sin Ωt,    Ṡ(x,t) = Ω {S_s(x) cos Ωt − S_c(x) sin Ωt} .
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.compiled import inlined

Places = NDArray[np.floating[Any]]
Vector = tuple[float, float, float]


class Precession(NamedTuple):
    """A texture along x whose harmonics are known in closed form."""

    Omega: float
    """Ωτ, its angular frequency [1/τ]."""
    envelope: int
    """Code of the envelope f(x)."""
    envelope_parameters: tuple[float, float, float, float]
    """Parameters of f(x), lengths in ℓ."""
    q: float
    """Wave number of the phase φ = q x [1/ℓ]."""
    C: Vector
    P: Vector
    Q: Vector


ENVELOPE_CONSTANT, ENVELOPE_TANH, ENVELOPE_COSINE = 0, 1, 2
"""Codes of f(x): 1;  ½[1 − tanh((x − x₀)/λ)], parameters (x₀, λ), a step where λ = 0;
mean + depth cos(kx + phase), parameters (mean, depth, k, phase)."""


@inlined
def envelope(code, parameters, x):
    """Envelope f(x)."""
    if code == ENVELOPE_TANH:
        if parameters[1] == 0.0:
            return 1.0 if x < parameters[0] else 0.0
        return 0.5 * (1.0 - math.tanh((x - parameters[0]) / parameters[1]))
    if code == ENVELOPE_COSINE:
        return parameters[0] + parameters[1] * math.cos(parameters[2] * x + parameters[3])
    return 1.0


@inlined
def envelope_slope(code, parameters, x):
    """Slope df/dx of the envelope (a step has slope 0 wherever it has one)."""
    if code == ENVELOPE_TANH and parameters[1] != 0.0:
        t = math.tanh((x - parameters[0]) / parameters[1])
        return -0.5 * (1.0 - t * t) / parameters[1]
    if code == ENVELOPE_COSINE:
        return -parameters[1] * parameters[2] * math.sin(parameters[2] * x + parameters[3])
    return 0.0


@inlined
def texture(model, x):
    """Harmonics of the texture at x: S_0 (3 numbers), S_c (3), S_s (3)."""
    f = envelope(model.envelope, model.envelope_parameters, x)
    c, s = f, 0.0
    if model.q != 0.0:
        c, s = f * math.cos(model.q * x), f * math.sin(model.q * x)
    C, P, Q = model.C, model.P, model.Q
    return (
        f * C[0], f * C[1], f * C[2],
        P[0] * c + Q[0] * s, P[1] * c + Q[1] * s, P[2] * c + Q[2] * s,
        Q[0] * c - P[0] * s, Q[1] * c - P[1] * s, Q[2] * c - P[2] * s,
    )  # fmt: skip


def texture_profile(model: Any, x: Places) -> NDArray[np.float64]:
    """Harmonics of the texture at many places.

    Parameters
    ----------
    model : Lanes
        Texture in reduced units (`mcpump.problem.scene.Lanes`), or what else has its fields.
    x : (n,) array
        Places [ℓ].

    Returns
    -------
    (3, 3, n) array
        Harmonic (S_0, S_c, S_s) × component × place, pure numbers.
    """
    return np.array([texture(model, float(place)) for place in x]).T.reshape(3, 3, len(x))


def texture_gradient(model: Any, x: Places) -> NDArray[np.float64]:
    """Exact ∂/∂x of the texture's harmonics; arguments and shape as `texture_profile` [1/ℓ]."""
    f = np.array([envelope(model.envelope, model.envelope_parameters, float(place)) for place in x])
    slope = np.array([envelope_slope(model.envelope, model.envelope_parameters, float(p)) for p in x])
    c, s = np.cos(model.q * x), np.sin(model.q * x)
    C, P, Q = (np.array(vector)[:, None] for vector in (model.C, model.P, model.Q))
    cosine, sine = P * c + Q * s, Q * c - P * s
    return np.array([C * slope, cosine * slope + model.q * f * sine, sine * slope - model.q * f * cosine])
