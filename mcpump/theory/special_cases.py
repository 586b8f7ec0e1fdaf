"""Other cases with a closed form: a relaxing layer, free flight, a pulse, Hanle precession."""

import math

import numpy as np
from numpy.typing import ArrayLike

from mcpump.constants import HBAR
from mcpump.theory.medium import Array, Medium, Values


def tserkovnyak_dc(g_mix: Values, Omega: Values, theta: Values, hbar: float = HBAR) -> Array:
    """DC spin current ħ g Ω sin²θ/4π of the Tserkovnyak form j_s = aṠ + bS×Ṡ [J/m²].

    Parameters
    ----------
    g_mix : float or ndarray
        Mixing conductance per area [1/m²].
    Omega, theta : float or ndarray
        Angular frequency and cone angle.
    hbar : float
        ħ in the caller's units.
    """
    return np.asarray(hbar * g_mix * Omega * np.sin(theta) ** 2 / (4.0 * math.pi))


def layer_density(x: Values, thickness: Values, lam_s: Values) -> Array:
    """Valet–Fert density cosh((d − x)/λ_s)/cosh(d/λ_s), one at x = 0; closed face at x = d, ℓ ≪ λ_s."""
    return np.asarray(np.cosh((thickness - x) / lam_s) / np.cosh(thickness / lam_s))


def layer_current(x: Values, thickness: Values, lam_s: Values) -> Array:
    """Valet–Fert current sinh((d − x)/λ_s)/sinh(d/λ_s), one at x = 0; closed face at x = d, ℓ ≪ λ_s."""
    return np.asarray(np.sinh((thickness - x) / lam_s) / np.sinh(thickness / lam_s))


def layer_mean_current(thickness: Values, lam_s: Values) -> Array:
    """Mean (λ_s/d) tanh(d/2λ_s) of `layer_current` over the layer."""
    ratio = thickness / lam_s
    return np.asarray(np.tanh(0.5 * ratio) / ratio)


def mean_square_displacement(t: Values, medium: Medium) -> Array:
    """Mean ⟨(x(t) − x(0))²⟩ = (2/d) ℓ²(t/τ − 1 + e^{−t/τ}) along one axis; 2Dt for t ≫ τ."""
    age = t / medium.tau
    return np.asarray(2.0 / medium.dimension * medium.ell**2 * (age + np.expm1(-age)))


def azurv1_unscattered(x: Values, t: Values) -> Array:
    """Unscattered density e^{−t}/2t, |x| < t, of a plane pulse at x = t = 0 (d = 3; units ℓ, τ).

    The discontinuous part of the AZURV1 benchmark (B. D. Ganapol); t > 0.
    """
    return np.where(np.abs(x) < t, np.exp(-t) / (2.0 * t), 0.0)


def free_flight_current(x: Values, length: float, source: Values) -> Array:
    """Return the current a(x − L/2) of a uniform source a between absorbing walls at 0 and L for ℓ → ∞."""
    return np.asarray(source * (x - 0.5 * length))


def free_flight_current_switched_on(
    x: Values, t: Values, length: float, source: Values, dimension: int
) -> Array:
    """Current between absorbing walls at 0 and L, ℓ → ∞, of a uniform source switched on at t = 0.

    j(x, t) = a[r(x) − r(L − x)], where r(s) = ½⟨min(s, v_F|μ|t)⟩ counts what has arrived from as far as
    s: for s < v_Ft it is ½(s − s²/2v_Ft) for d = 3, (s arccos u + v_Ft(1 − √(1 − u²)))/π with u = s/v_Ft
    for d = 2; ½min(s, v_Ft) for d = 1.  Tends to `free_flight_current`.

    Parameters
    ----------
    x : float or ndarray
        Places, from 0 to `length`.
    t : float or ndarray
        Times as lengths of flight v_Ft, 0 or more.
    length : float
        L.
    source : float or ndarray
        a, per volume and unit of t.
    dimension : int
        1, 2 or 3.
    """
    return np.asarray(source * (_arrived(x, t, dimension) - _arrived(length - x, t, dimension)))


def _arrived(reach: Values, t: Values, dimension: int) -> Array:
    """Mean of min(reach, μt) over the directions μ > 0, times their share ½."""
    if dimension not in (1, 2, 3):
        raise ValueError(f"dimension must be 1, 2 or 3, not {dimension}")
    time = np.asarray(t, dtype=float)
    u = np.minimum(np.asarray(reach) / np.where(time > 0.0, time, 1.0), 1.0)  # t = 0: times zero
    if dimension == 1:
        return np.asarray(0.5 * time * u)
    if dimension == 2:
        return np.asarray(time * (u * np.arccos(u) + 1.0 - np.sqrt(1.0 - u * u)) / math.pi)
    return np.asarray(0.5 * time * (u - 0.5 * u * u))


def hanle(s: ArrayLike, S: ArrayLike, t: Values, medium: Medium) -> Array:
    """Uniform spin density at time t in a static uniform texture S (Hanle precession).

    Solves ds/dt = (2J/ħ) s×S − s/τ_sf: rotation about S by −(2J|S|/ħ)t times e^{−t/τ_sf}.

    Parameters
    ----------
    s, S : array_like
        Initial spin and texture, shape (3,); S ≠ 0.
    t : float or ndarray
        Times, shape (...).

    Returns
    -------
    ndarray
        Shape (..., 3).
    """
    s, S = np.asarray(s, dtype=float), np.asarray(S, dtype=float)
    time = np.asarray(t, dtype=float)[..., np.newaxis]
    size = float(np.linalg.norm(S))
    axis = S / size
    along = (s @ axis) * axis
    angle = medium.precession * size * time
    turned = along + np.cos(angle) * (s - along) + np.sin(angle) * np.cross(s, axis)
    return np.asarray(np.exp(-time / medium.tau_sf) * turned)
