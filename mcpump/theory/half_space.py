"""Half-spaces and interfaces beyond diffusion: what a thick metal gives back, exactly, for any ℓ/λ_s (d = 3).

A half-space is one number, c = 1/γ, γ = 1 + τ/τ_sf + iΩτ + i2Jτ/ħ: the chance that a flight ends in a collision, with the
phase that a spin across the field 2J/ħ gathers in it. Chandrasekhar's function

    H(μ) = exp(−(μ/π) ∫₀^∞ ln[1 − c arctan(t)/t] dt/(1 + μ²t²)),     α₁ = ∫₀¹ μ H dμ

gives the rest. S. Chandrasekhar, Radiative Transfer (Clarendon, 1950), chapter V; here with complex c.
"""

from __future__ import annotations

import cmath
import math

import numpy as np

from mcpump.theory.medium import Array, ComplexArray, Medium, Values
from mcpump.theory.pumping import sharvin_conductance

_STEPS = 400
"""Of the sums below: errors of 1e-13."""
_WIDTH = 3.6
"""Of the double exponential rule: its weights end at 1e-23."""
_NEWTON = 64
"""Steps from c = 1 to its value, and of each search for a root."""


def chandrasekhar_H(mu: Values, c: complex) -> ComplexArray:
    """Chandrasekhar's H(μ) of isotropic scattering with the complex albedo of one collision c.

    Parameters
    ----------
    mu : float or ndarray
        Cosine with the normal of the face, 0 to 1.
    c : complex
        Chance of a collision 1/γ, `|c| ≤ 1`; c = 1 scatters without loss (H(1) = 2.90780).

    Returns
    -------
    ndarray of complex
        H, in the shape of `mu`.

    Raises
    ------
    ValueError
        Where `|c| > 1` or a cosine is not within 0 to 1.
    """
    mu = np.asarray(mu, dtype=float)
    if not abs(c) <= 1.0:
        raise ValueError(f"c = {c} is not a chance of a collision: |c| ≤ 1 is wanted")
    if not np.all((mu >= 0.0) & (mu <= 1.0)):
        raise ValueError(f"mu = {mu} is not a cosine of a way out: 0 to 1 is wanted")
    # μt = tan ψ takes the weight μ dt/(1 + μ²t²) to dψ; ends, where c = 1 has a logarithm, by the double exponential rule
    psi, rest, weight = _double_exponential()
    with np.errstate(divide="ignore", over="ignore"):
        t = np.tan(psi) / mu[..., None]
        t = np.where(psi > 0.25 * math.pi, 1.0 / (np.tan(rest) * mu[..., None]), t)
    logarithm = np.log(_loss(t, c))
    return np.asarray(np.exp(-(logarithm @ weight) / math.pi))


def _double_exponential() -> tuple[Array, Array, Array]:
    """Points of 0 to π/2, what is left to π/2, and weights of the tanh–sinh rule."""
    s = np.linspace(-_WIDTH, _WIDTH, _STEPS)
    outer = 0.5 * math.pi * np.sinh(s)
    low, high = 1.0 / (1.0 + np.exp(-2.0 * outer)), 1.0 / (1.0 + np.exp(2.0 * outer))
    slope = math.pi * np.cosh(s) * low * high
    return 0.5 * math.pi * low, 0.5 * math.pi * high, 0.5 * math.pi * slope * (s[1] - s[0])


def _loss(t: Array, c: complex) -> ComplexArray:
    """1 − c arctan(t)/t = (1 − c) + c (1 − arctan(t)/t), without cancellation near t = 0 and c = 1."""
    small = t < 0.05
    u = np.where(small, t, 1.0) ** 2
    series = u * (1 / 3 - u * (1 / 5 - u * (1 / 7 - u * (1 / 9 - u * (1 / 11 - u / 13)))))
    t = np.where(small, 1.0, t)
    with np.errstate(invalid="ignore"):
        direct = np.where(np.isinf(t), 1.0, 1.0 - np.arctan(t) / t)
    return np.asarray((1.0 - c) + c * np.where(small, series, direct), dtype=complex)


def _alpha_1(c: complex) -> complex:
    """α₁ = ∫₀¹ μ H dμ; μ = s⁴ for the sake of μ ln μ at the face."""
    s, weight = np.polynomial.legendre.leggauss(48)
    s, weight = 0.5 * (s + 1.0), 0.5 * weight
    return complex(np.sum(4.0 * weight * s**7 * chandrasekhar_H(s**4, c)))


def _chance(medium: Medium, Omega: float, across: bool) -> complex:
    """C = 1/γ of spin along or across the magnetization."""
    if medium.dimension != 3:
        raise ValueError(f"dimension = {medium.dimension}: half-spaces are solved for 3")
    return 1.0 / (medium.gamma(Omega) + (1j * medium.precession * medium.tau if across else 0.0))


def albedo(medium: Medium, Omega: float = 0.0, across: bool = False) -> complex:
    """Share A of the spin that a half-space sends back when it enters by the cosine law.

    A = 1 − 2√(1 − c) α₁. Real for spin that does not turn.

    Parameters
    ----------
    medium : Medium
        The metal; of it τ, τ_sf, J count.
    Omega : float
        Angular frequency of the spin that enters.
    across : bool
        Whether it turns about a magnetization at rest at 2J/ħ (then A multiplies s_1 + i s_2 across it).

    Returns
    -------
    complex
        A; 1 where nothing takes the spin.

    Raises
    ------
    ValueError
        For `dimension` other than 3.
    """
    c = _chance(medium, Omega, across)
    return 1.0 - 2.0 * cmath.sqrt(1.0 - c) * _alpha_1(c)


def half_space_flux(medium: Medium, source: Values, Omega: float = 0.0) -> ComplexArray:
    """Flux of spin out of a half-space with a uniform source, through a face that absorbs.

    j = (ℓa/2) c α₁/√(1 − c); first flights alone give ℓa/(4γ). 5.113246, 1.261305, 0.383008 ℓa at
    τ/τ_sf = 0.01, 0.1, 0.5.

    Parameters
    ----------
    medium : Medium
        The metal; τ_sf or `Omega` must be finite.
    source : float or ndarray
        Spin a born per volume and time.
    Omega : float
        Angular frequency of the source.

    Returns
    -------
    ndarray of complex
        j, in the units of v_F τ a.

    Raises
    ------
    ValueError
        Where nothing limits what is born far inside (no τ_sf, Ω = 0), or for `dimension` other than 3.
    """
    c = _chance(medium, Omega, across=False)
    if c == 1.0:
        raise ValueError("tau_sf is infinite and Omega 0: the flux has no limit")
    return np.asarray(0.5 * medium.ell * np.asarray(source) * c * _alpha_1(c) / cmath.sqrt(1.0 - c))


def ideal_step_conductance(medium: Medium) -> complex:
    """Mixing conductance of a step of S at which electrons are neither reflected nor mixed, for any Jτ/ħ [1/m²].

    g = g_Sh (1 − A), A the albedo of the magnet for spin across S. Re g drives n×ṅ, Im g the part along ṅ.
    Re g → g_Sh where 2Jτ/ħ ≫ 1; 0.161900, 0.477306, 0.932748, 0.998621 g_Sh at 2Jτ/ħ = 0.01, 0.1, 1, 8.

    Parameters
    ----------
    medium : Medium
        The magnet: ν, v_F, τ, J, τ_sf.
    """
    return sharvin_conductance(medium) * (1.0 - albedo(medium, across=True))


def thick_metal_conductance(reflection: complex, medium: Medium, Omega: float = 0.0) -> complex:
    """Effective mixing conductance of an interface in front of a thick metal, back flow in it, for any τ/τ_sf [1/m²].

    g_eff = g_Sh (1 − R)(1 − A)/(1 − RA), that is 1/g_eff = 1/g + A/((1 − A) g_Sh) with g = g_Sh (1 − R).
    The textbook's second term, λ_s/(hνD), is 1.4 to 3.3 times too large at τ/τ_sf = 0.1 to 2.

    Parameters
    ----------
    reflection : complex
        R = r↑r↓* of spin across the magnetization, `|R| ≤ 1`.
    medium : Medium
        The metal.
    Omega : float
        Angular frequency.

    Raises
    ------
    ValueError
        Where `|R| > 1`, or for `dimension` other than 3.
    """
    if not abs(reflection) <= 1.0:
        raise ValueError(f"reflection = {reflection} is not r↑r↓*: |R| ≤ 1 is wanted")
    A = albedo(medium, Omega)
    if reflection * A == 1.0:
        return 0j
    return sharvin_conductance(medium) * (1.0 - reflection) * (1.0 - A) / (1.0 - reflection * A)


def thick_metal_resistance(medium: Medium) -> float:
    """Resistance A/((1 − A) g_Sh) of a thick metal to spin, exact for any τ/τ_sf [m²]; infinite without relaxation.

    A/(1 − A) at τ/τ_sf = 0.01, 0.1, 0.33, 1: 3.8893, 0.98207, 0.42221, 0.17171 (`spin_resistance`, diffusion:
    4.3301, 1.36931, 0.75378, 0.43301).

    Parameters
    ----------
    medium : Medium
        The metal: ν, v_F, τ, τ_sf.
    """
    A = albedo(medium).real
    return math.inf if A >= 1.0 else A / ((1.0 - A) * sharvin_conductance(medium))


def slowest_decay(medium: Medium, Omega: float = 0.0, across: bool = False) -> complex:
    """Rate k of the mode e^{−kx} in which spin decays far from where it is born [1/m]; its real part is 1/λ_s.

    1 = c artanh(κ)/κ, κ = kℓ/γ. At τ/τ_sf = 0.1, 0.5, 2: 1/kℓ = 1.807551, 0.776494, 0.335042, where
    diffusion says √(τ_sf/3τ).

    Parameters
    ----------
    medium : Medium
        The metal or, with `across`, the magnet.
    Omega : float
        Angular frequency.
    across : bool
        Whether the spin turns about a magnetization at rest. Beyond 2Jτ/ħ = 1.3093476 (τ_sf = ∞, Ω = 0) there is
        no such mode: flights of all directions lose step with each other.

    Returns
    -------
    complex
        k; nan where there is no mode.

    Raises
    ------
    ValueError
        For `dimension` other than 3.
    """
    c = _chance(medium, Omega, across)
    gamma = 1.0 / c
    return _root(c) * gamma / medium.ell if _has_mode(gamma) else complex(math.nan, math.nan)


def _has_mode(gamma: complex) -> bool:
    """Whether κ is off the flights' own decays, real κ above 1: it meets them where κ Re γ = arcoth κ, κ|Im γ| = π/2."""
    if gamma.imag == 0.0:
        return True
    kappa = 0.5 * math.pi / abs(gamma.imag)
    return kappa > 1.0 and math.atanh(1.0 / kappa) < kappa * gamma.real


def _root(c: complex) -> complex:
    """κ of c artanh(κ)/κ = 1 with Re κ ≥ 0, followed by Newton's steps from κ² = 3(1 − c) near c = 1."""
    kappa, side = 0j, 0.5j * math.copysign(math.pi, -c.imag)
    for share in np.linspace(0.0, 1.0, _NEWTON + 1)[1:] ** 2:
        here = 1.0 + (c - 1.0) * share
        kappa = kappa or cmath.sqrt(3.0 * (1.0 - here))
        for _ in range(_NEWTON if kappa else 0):
            # artanh without the cut that κ nears where the mode ends
            artanh = cmath.atanh(kappa) if abs(kappa) < 1.0 else cmath.atanh(1.0 / kappa) + side
            ratio = artanh / kappa
            change = (ratio - 1.0 / here) * kappa / (1.0 / (1.0 - kappa * kappa) - ratio)
            kappa -= change
            if abs(change) < 1e-15 * abs(kappa):
                break
    return kappa
