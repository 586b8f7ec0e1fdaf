"""How spin decays inside a thick metal or magnet, exactly, for any ℓ/λ_s and Jτ/ħ (d = 3).

Spin that enters a half-space by the cosine law leaves, with z = γx/ℓ and 1 = c artanh(κ)/κ, at the depth x the current

    j/j_in = 4 (1 − c) {N e^{−κz}/κ + ½√(1 − c) ∫₀¹ ν e^{−z/ν}/(H(ν) g(ν)) dν}
    N = √(1 − c) (1 − κ²)/{c H(1/κ) (c − 1 + κ²)},     g(ν) = (1 − cν artanh ν)² + (πcν/2)²

a mode, and flights that lose step with each other: the Laplace transform of the density is (1 − √(1 − c) H(1/s))/(cs),
with a pole at −κ and a cut from −1 on. K. M. Case and P. F. Zweifel, Linear Transport Theory (Addison-Wesley, 1967),
chapters 4 and 6; here with complex c. c, γ and H are those of `half_space`.
"""

from __future__ import annotations

import cmath
import math

import numpy as np
from numpy.typing import ArrayLike

from mcpump.theory.half_space import log_H, loss_of
from mcpump.theory.medium import Array, ComplexArray, Medium

_PATH, _NEWTON = 64, 64
"""Steps from no loss to its value, and of each search for a root."""
_FAST = 4.0
"""Re γ beyond which tanh kℓ is so near 1 that kℓ = γ tanh kℓ finds itself."""
_LOGARITHMS = np.arange(-37.0, 19.0, 0.1)
"""ln(u/|γ|) on the path below: errors of 1e-13."""


def slowest_decay(medium: Medium, Omega: float = 0.0, across: bool = False) -> complex:
    """Rate k of the mode e^{−kx} in which spin decays far from where it is born [1/m]; its real part is 1/λ_s.

    kℓ = γ tanh(kℓ), that is 1 = c artanh(κ)/κ with κ = kℓ/γ. At τ/τ_sf = 0.1, 0.5, 2: 1/kℓ = 1.807551, 0.776494,
    0.335042, where diffusion says √(τ_sf/3τ). k tends to 1/√(Dτ_sf) where τ_sf ≫ τ, and to γ/ℓ, the decay of flights
    straight on, where τ_sf ≪ τ. The discrete eigenvalue of K. M. Case and P. F. Zweifel, Linear Transport Theory
    (Addison-Wesley, 1967), chapter 4, with complex c.

    Parameters
    ----------
    medium : Medium
        The metal or, with `across`, the magnet.
    Omega : float
        Angular frequency.
    across : bool
        Whether the spin turns about a magnetization at rest. Beyond `transverse_mode_end` there is no such mode: flights
        of all directions lose step with each other. Where Re kℓ > Re γ, beyond 2Jτ/ħ = 0.794344 (τ_sf = ∞), flights
        straight on come farther than the mode.

    Returns
    -------
    complex
        k; nan where there is no mode.

    Raises
    ------
    ValueError
        For `dimension` other than 3.
    """
    delta = loss_of(medium, Omega, across)
    if abs(delta.imag) >= _last_turn(1.0 + delta.real):
        return complex(math.nan, math.nan)
    return _mode(delta) / medium.ell


def transverse_mode_end(medium: Medium) -> float:
    """Turn 2Jτ/ħ in one free flight up to which spin across the magnetization of a thick magnet decays in a mode.

    (π/2) tanh a, where a tanh a = 1 + τ/τ_sf: there κ = kℓ/γ reaches the decays of flights, real κ ≥ 1, and Im kℓ is π/2.
    1.3093476 for τ_sf = ∞; π/2 where τ_sf ≪ τ. From the equation of `slowest_decay`.

    Parameters
    ----------
    medium : Medium
        The magnet: τ, τ_sf.

    Returns
    -------
    float
        The turn; with a frequency Ω it is 2Jτ/ħ + Ωτ that counts.

    Raises
    ------
    ValueError
        For `dimension` other than 3.
    """
    return _last_turn(1.0 + loss_of(medium, 0.0, across=False).real)


def half_space_current(
    x: ArrayLike, medium: Medium, Omega: float = 0.0, across: bool = False, *, local: bool = False
) -> ComplexArray:
    """Share of the spin current that enters a half-space by the cosine law and gets to the depth x.

    1 − A at the face (`albedo`); far from it e^{−kx} (`slowest_decay`), where the mode comes farther than flights do.
    First flights alone are 2E₃(γx/ℓ), to which the whole tends where 2Jτ/ħ or τ/τ_sf ≫ 1: spin across a magnetization
    then only loses step, 2E₃(i2Jx/ħv_F) within ℓ. It is smooth where the mode ends (`transverse_mode_end`).
    Exact for isotropic scattering: the albedo problem of K. M. Case and P. F. Zweifel, Linear Transport Theory
    (Addison-Wesley, 1967), chapter 6, with complex c.

    Parameters
    ----------
    x : float or ndarray
        Depths, 0 or more [m].
    medium : Medium
        The metal or, with `across`, the magnet.
    Omega : float
        Angular frequency of the spin that enters.
    across : bool
        Whether it turns about a magnetization at rest (then the number multiplies s_1 + i s_2 across it; 1, 2 and
        the magnetization are right-handed).
    local : bool
        Whether of first flights alone, else of all.

    Returns
    -------
    ndarray of complex
        j(x)/j_in, in the shape of `x`.

    Raises
    ------
    ValueError
        For negative depths, or for `dimension` other than 3.
    """
    depth = np.asarray(x, dtype=float) / medium.ell
    if not np.all(depth >= 0.0):
        raise ValueError(f"x = {x!r} is not within the half-space: 0 or more is wanted")
    delta = loss_of(medium, Omega, across)
    if delta.imag < 0.0:
        return np.conj(_current(depth, delta.conjugate(), local))
    return _current(depth, delta, local)


def valet_fert_excess(x: ArrayLike, medium: Medium) -> Array:
    """How many times too large Valet and Fert's e^{−x/λ_s}, λ_s = √(Dτ_sf), is at the depth x of a thick metal.

    Both currents are the same at the face, where spin enters by the cosine law. At τ/τ_sf = 2 it is 1.93, 3.03, 6.41 at
    0.5, 1, 2 ℓ (2.11, 3.31, 7.01 where back flow is left out, too, and all that enters is thought to diffuse).

    T. Valet and A. Fert, Phys. Rev. B 48, 7099 (1993), ask for λ_s ≫ ℓ.

    Parameters
    ----------
    x : float or ndarray
        Depths, 0 or more [m].
    medium : Medium
        The metal; its τ_sf is finite.

    Returns
    -------
    ndarray
        e^{−x/λ_s} (1 − A)/`half_space_current`; 1 at the face.

    Raises
    ------
    ValueError
        Where τ_sf is infinite, for negative depths, or for `dimension` other than 3.
    """
    if math.isinf(medium.tau_sf):
        raise ValueError("tau_sf is infinite: no current flows into a thick metal")
    current = half_space_current(x, medium).real
    entered = half_space_current(0.0, medium).real
    lam_s = math.sqrt(medium.D * medium.tau_sf)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray(np.exp(-np.asarray(x, dtype=float) / lam_s) * entered / current)


def _last_turn(decay: float) -> float:
    """(π/2) tanh a, a tanh a = Re γ."""
    a = max(decay, 1.2)
    for _ in range(_NEWTON):
        tanh = math.tanh(a)
        step = (a * tanh - decay) / (tanh + a * (1.0 - tanh * tanh))
        a -= step
        if abs(step) <= 1e-16 * a:
            break
    return 0.5 * math.pi * math.tanh(a)


def _mode(delta: complex) -> complex:
    """kℓ of kℓ = γ tanh kℓ, 0 ≤ Im γ < π; beyond the mode's end what it becomes behind the cut."""
    gamma = 1.0 + delta
    y = gamma
    if gamma.real > _FAST:
        for _ in range(_NEWTON):
            y = gamma * cmath.tanh(y)
        return y
    y = 0j
    for share in np.linspace(0.0, 1.0, _PATH + 1)[1:] ** 2:
        part = share * delta / (1.0 + share * delta)
        y = y or cmath.sqrt(3.0 * part)
        for _ in range(_NEWTON if y else 0):
            gap = _tanh_gap(y)
            step = (gap - part) * y / ((y * (1.0 - gap)) ** 2 - gap)
            y -= step
            if abs(step) <= 1e-15 * abs(y):
                break
    return y if y.real >= 0.0 else -y


def _tanh_gap(y: complex) -> complex:
    """1 − tanh(y)/y, small y too."""
    if abs(y) > 0.1:
        return 1.0 - cmath.tanh(y) / y
    w = y * y
    more = 62 / 2835 - w * (1382 / 155925 - w * 21844 / 6081075)
    return w * (1 / 3 - w * (2 / 15 - w * (17 / 315 - w * more)))


def _current(depth: Array, delta: complex, local: bool) -> ComplexArray:
    """Current at depths in ℓ: mode and flights, Im γ ≥ 0.

    The cut, the decays p = 1/ν of flights, is turned so that γp = γ + u with u of one phase: e^{−ux} does not oscillate.
    The pole κ counts if it lies before this path; where it would lie on it the path is turned further, past it.
    """
    gamma = 1.0 + delta
    if local:
        return 2.0 * _flights(depth, gamma, 0.0, None)
    if delta == 0.0:
        return np.zeros(depth.shape, dtype=complex)
    y = _mode(delta) if delta.imag < math.pi else gamma
    apart = cmath.phase(y - gamma) if delta.imag > 0.0 else math.pi
    phase = math.pi / 3.0 if abs(apart) < math.pi / 6.0 else 0.0
    lost = delta / gamma
    current = 2.0 * lost**1.5 * _flights(depth, gamma, phase, delta)
    if delta.imag < math.pi and apart > phase:
        current = current + _mode_current(depth, y, delta)
    return np.asarray(current)


def _mode_current(depth: Array, y: complex, delta: complex) -> ComplexArray:
    """4 (1 − c) N e^{−κz}/κ of the mode kℓ = y."""
    gamma, kappa = 1.0 + delta, y / (1.0 + delta)
    lost, falls = delta / gamma, cmath.exp(-2.0 * y)
    square = 4.0 * falls / (1.0 + falls) ** 2  # 1 − κ² = 1/cosh² kℓ
    slope = kappa**2 - lost if abs(lost) < 0.5 else 1.0 / gamma - square
    size = 4.0 * gamma * square * (lost / slope) * (cmath.sqrt(lost) / kappa)
    return np.asarray(size * np.exp(-y * depth - log_H(np.asarray(1.0 / kappa), delta)))


def _flights(depth: Array, gamma: complex, phase: float, delta: complex | None) -> ComplexArray:
    """∫ e^{−pz}/(p³ H(1/p) g(1/p)) dp from 1 on; without scattering (None) H = g = 1, and it is E₃(z)."""
    u = abs(gamma) * np.exp(_LOGARITHMS) * cmath.exp(1j * phase)
    p = 1.0 + u / gamma
    each = (_LOGARITHMS[1] - _LOGARITHMS[0]) * u / (gamma * p**3)
    if delta is not None:
        artanh = 0.5 * np.log((2.0 * gamma + u) / u)
        g = (1.0 - artanh / (gamma * p)) ** 2 + (0.5 * math.pi / (gamma * p)) ** 2
        each = each * np.exp(-log_H(1.0 / p, delta)) / g
    return np.asarray(np.exp(-gamma * depth) * (np.exp(-depth[..., None] * u) @ each))
