"""Half-spaces and interfaces beyond diffusion: what a thick metal gives back, exactly, for any ℓ/λ_s (d = 3).

A half-space is one number, γ = 1 + δ, δ = τ/τ_sf + iΩτ + i2Jτ/ħ. c = 1/γ is the chance that a flight ends in a collision,
with the phase that a spin across the field 2J/ħ gathers in it. Chandrasekhar's function

    H(μ) = exp(−(μ/π) ∫₀^∞ ln[1 − c arctan(t)/t] dt/(1 + μ²t²)),     α₁ = ∫₀¹ μ H dμ

gives the rest. S. Chandrasekhar, Radiative Transfer (Clarendon, 1950), chapter V; here with complex c. Numbers keep their
digits where δ or c is small.
"""

from __future__ import annotations

import cmath
import math

import numpy as np
from numpy.typing import ArrayLike

from mcpump.theory.medium import Array, ComplexArray, Medium, Values
from mcpump.theory.pumping import sharvin_conductance

_STEPS = 400
"""Of the sums below: errors of 1e-13."""
_WIDTH = 3.6
"""Of the double exponential rule: its weights end at 1e-23."""


def chandrasekhar_H(mu: Values, c: complex) -> ComplexArray:
    """Chandrasekhar's H(μ) of isotropic scattering with the complex albedo of one collision c.

    ln H = −(μ/π) ∫₀^∞ ln[1 − c arctan(t)/t] dt/(1 + μ²t²). S. Chandrasekhar, Radiative Transfer (Clarendon, 1950),
    chapter V.

    Parameters
    ----------
    mu : float or ndarray
        Cosine with the normal of the face, 0 to 1.
    c : complex
        Chance of a collision 1/γ, `|c| ≤ 1`; c = 1 scatters without loss (H(1) = 2.90781).

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
    return np.exp(log_H(mu, (1.0 - c) / c)) if c else np.ones(mu.shape, dtype=complex)


def log_H(mu: Array | ComplexArray, delta: complex) -> ComplexArray:
    """Logarithm of H(μ), Re μ ≥ 0, of c = 1/(1 + δ)."""
    # |μ|t = tan ψ takes the weight to dψ; ends, where c = 1 has a logarithm, by the double exponential rule
    psi, rest, weight = _double_exponential()
    size = np.abs(mu)
    with np.errstate(divide="ignore", over="ignore"):
        t = np.tan(psi) / size[..., None]
        t = np.where(psi > 0.25 * math.pi, 1.0 / (np.tan(rest) * size[..., None]), t)
    turn = np.where(size > 0.0, mu / np.where(size > 0.0, size, 1.0), 1.0)[..., None]
    # μ dt/(1 + μ²t²) with μ = |μ| e^{iφ}; the factor is 1 for real μ
    factor = turn / (np.cos(psi) ** 2 + turn**2 * np.cos(rest) ** 2)
    return np.asarray(-((_log_loss(t, delta) * factor) @ weight) / math.pi)


def _double_exponential() -> tuple[Array, Array, Array]:
    """Points of 0 to π/2, what is left to π/2, and weights of the tanh–sinh rule."""
    s = np.linspace(-_WIDTH, _WIDTH, _STEPS)
    outer = 0.5 * math.pi * np.sinh(s)
    low, high = 1.0 / (1.0 + np.exp(-2.0 * outer)), 1.0 / (1.0 + np.exp(2.0 * outer))
    slope = math.pi * np.cosh(s) * low * high
    return 0.5 * math.pi * low, 0.5 * math.pi * high, 0.5 * math.pi * slope * (s[1] - s[0])


def _log_loss(t: Array, delta: complex) -> ComplexArray:
    """Logarithm of 1 − c arctan(t)/t, without cancellation where c is near 0, and where t is near 0 and c near 1."""
    small = t < 0.05
    u = np.where(small, t, 1.0) ** 2
    series = u * (1 / 3 - u * (1 / 5 - u * (1 / 7 - u * (1 / 9 - u * (1 / 11 - u / 13)))))
    t = np.where(small, 1.0, t)
    with np.errstate(invalid="ignore"):
        rest = np.where(small, 1.0 - series, np.where(np.isinf(t), 0.0, np.arctan(t) / t))
    c = 1.0 / (1.0 + delta)
    less, far = -c * rest, abs(c) * rest < 0.5
    # 1 − c arctan(t)/t = c (δ + (1 − arctan(t)/t))
    near = np.log(np.where(far, 1.0, c * (delta + np.where(small, series, 1.0 - rest))))
    return np.where(far, _log1p(np.where(far, less, 0.0)), near)


def _log1p(z: ComplexArray) -> ComplexArray:
    """Logarithm of 1 + z, small z too; numpy's own loses the real part of complex ones."""
    size = 0.5 * np.log1p(z.real * (2.0 + z.real) + z.imag**2)
    return np.asarray(size + 1j * np.arctan2(z.imag, 1.0 + z.real))


def _shares(delta: complex) -> tuple[complex, complex]:
    """Albedo A = 1 − 2√(1 − c) α₁, and 1 − A."""
    # μ = s⁴ for the sake of μ ln μ at the face
    s, weight = np.polynomial.legendre.leggauss(48)
    s, weight = 0.5 * (s + 1.0), 0.5 * weight
    # 2α₁ = 1 + 2∫μ(H − 1)dμ
    more = 2.0 * complex(np.sum(4.0 * weight * s**7 * np.expm1(log_H(s**4, delta))))
    root = cmath.sqrt(delta / (1.0 + delta))
    kept = root * (1.0 + more)
    back = 1.0 / ((1.0 + delta) * (1.0 + root)) - root * more
    return (back, kept) if abs(back) < abs(kept) else (1.0 - kept, kept)


def loss_of(medium: Medium, Omega: float, across: bool) -> complex:
    """δ = γ − 1 of spin along or across the magnetization."""
    if medium.dimension != 3:
        raise ValueError(f"dimension = {medium.dimension}: half-spaces are solved for 3")
    turn = Omega + (medium.precession if across else 0.0)
    return complex(medium.tau / medium.tau_sf, turn * medium.tau)


def albedo(medium: Medium, Omega: float = 0.0, across: bool = False) -> complex:
    """Share A of the spin that a half-space sends back when it enters by the cosine law.

    A = 1 − 2√(1 − c) α₁, c = 1/γ, α₁ = ∫₀¹ μH dμ. Real for spin that does not turn. Exact for isotropic scattering
    and a metal that is thick beside its λ_s. From the law of diffuse reflection, S. Chandrasekhar, Radiative Transfer
    (Clarendon, 1950), chapter V.

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
    return _shares(loss_of(medium, Omega, across))[0]


def half_space_flux(
    medium: Medium, source: Values, Omega: float = 0.0, *, local: bool = False
) -> ComplexArray:
    """Flux of spin out of a half-space with a uniform source, through a face that absorbs.

    j = (ℓa/2) c α₁/√(1 − c) = (ℓa/4)(1 − A)/δ; first flights ℓa/(4γ). 5.113246, 1.261305, 0.383008 ℓa at
    τ/τ_sf = 0.01, 0.1, 0.5. Between the limits v_Fτ_sf a/4 (τ_sf ≪ τ) and λ_s a (τ_sf ≫ τ, diffusion).
    From the albedo by reciprocity.

    Parameters
    ----------
    medium : Medium
        The metal; τ_sf or `Omega` must be finite.
    source : float or ndarray
        Spin a born per volume and time.
    Omega : float
        Angular frequency of the source.
    local : bool
        Whether of first flights alone, else of all.

    Returns
    -------
    ndarray of complex
        j, in the shape of `source` and the units of v_F τ a.

    Raises
    ------
    ValueError
        Where nothing limits what is born far inside (no τ_sf, Ω = 0), or for `dimension` other than 3.
    """
    delta, source = loss_of(medium, Omega, across=False), np.asarray(source)
    if local:
        return np.asarray(0.25 * medium.ell * source / (1.0 + delta))
    if delta == 0.0:
        raise ValueError("tau_sf is infinite and Omega 0: the flux has no limit")
    return np.asarray(0.25 * medium.ell * source * _shares(delta)[1] / delta)


def ideal_step_conductance(medium: Medium, *, local: bool = False) -> complex:
    """Mixing conductance of a step of S at which electrons are neither reflected nor mixed, for any Jτ/ħ [1/m²].

    A thick magnet pumps j = (ħ/4π)(Re g n×ṅ − Im g ṅ) into what absorbs. g = g_Sh (1 − A), A the albedo of the magnet for
    spin across S. Re g tends to g_Sh (Sharvin) where 2Jτ/ħ ≫ 1, to g_Sh √(8·2Jτ/3ħ) where it is ≪ 1; 0.161900, 0.477306,
    0.932748, 0.998621 g_Sh at 2Jτ/ħ = 0.01, 0.1, 1, 8. Where spin relaxes in the magnet as well, τ_sf takes its share,
    g = g_Sh (1 − A) i2Jτ/ħ/(γ − 1): what the face absorbs of spin that arrives, 1 − A, is then more than what it pumps.
    g as defined by Y. Tserkovnyak, A. Brataas and G. E. W. Bauer, Phys. Rev. Lett. 88, 117601 (2002); the number is the
    albedo's, c = 1/γ complex.

    Parameters
    ----------
    medium : Medium
        The magnet: ν, v_F, τ, J, τ_sf.
    local : bool
        Whether of first flights alone, g_Sh i(2Jτ/ħ)/γ, else of all.

    Returns
    -------
    complex
        g; 0 without exchange.

    Raises
    ------
    ValueError
        For `dimension` other than 3.
    """
    delta = loss_of(medium, 0.0, across=True)
    if delta == 0.0:
        return 0j
    turns = 1.0 / complex(1.0, -delta.real / delta.imag) if delta.imag else 0.0
    share = delta / (1.0 + delta) if local else _shares(delta)[1]
    return sharvin_conductance(medium) * share * turns


def thick_metal_conductance(
    reflection: complex | ArrayLike, medium: Medium, Omega: float = 0.0
) -> ComplexArray:
    """Effective mixing conductance of an interface in front of a thick metal, back flow in it, for any τ/τ_sf [1/m²].

    g_eff = g_Sh (1 − R)(1 − A)/(1 − RA), that is 1/g_eff = 1/g + A/((1 − A) g_Sh) with g = g_Sh (1 − R).
    The textbook's second term, λ_s/(hνD), is 1.4 to 3.3 times too large at τ/τ_sf = 0.1 to 2: Y. Tserkovnyak, A. Brataas
    and G. E. W. Bauer, Phys. Rev. B 66, 224403 (2002), whose resistances in series hold with the exact one. The interface
    reflects with r↑r↓* whatever the direction.

    Parameters
    ----------
    reflection : complex or ndarray
        R = r↑r↓* of spin across the magnetization, `|R| ≤ 1`.
    medium : Medium
        The metal.
    Omega : float
        Angular frequency.

    Returns
    -------
    ndarray of complex
        g_eff, in the shape of `reflection`; 0 where the metal takes nothing.

    Raises
    ------
    ValueError
        Where `|R| > 1`, or for `dimension` other than 3.
    """
    R = np.asarray(reflection, dtype=complex)
    if not np.all(np.abs(R) <= 1.0):
        raise ValueError(f"reflection = {reflection!r} is not r↑r↓*: |R| ≤ 1 is wanted")
    kept = _shares(loss_of(medium, Omega, across=False))[1]
    # 1 − RA = (1 − R) + R (1 − A)
    stays = (1.0 - R) + R * kept
    g = (1.0 - R) * kept / np.where(stays == 0.0, 1.0, stays)
    return np.asarray(sharvin_conductance(medium) * g)


def thick_metal_resistance(medium: Medium) -> float:
    """Resistance A/((1 − A) g_Sh) of a thick metal to spin, exact for any τ/τ_sf [m²]; infinite without relaxation.

    A/(1 − A) at τ/τ_sf = 0.01, 0.1, 0.33, 1: 3.8893, 0.98207, 0.42221, 0.17171 (`spin_resistance`, diffusion:
    4.3301, 1.36931, 0.75378, 0.43301). From the `albedo`.

    Parameters
    ----------
    medium : Medium
        The metal: ν, v_F, τ, τ_sf.

    Returns
    -------
    float
        R of 1/g_eff = 1/g + R.

    Raises
    ------
    ValueError
        For `dimension` other than 3.
    """
    back, kept = _shares(loss_of(medium, 0.0, across=False))
    return back.real / (kept.real * sharvin_conductance(medium)) if kept else math.inf


def magnet_between_metals(
    reflections: tuple[complex, complex],
    transmission: complex,
    mediums: tuple[Medium, Medium],
    Omega: float = 0.0,
) -> tuple[complex, complex]:
    """Effective mixing conductances of a magnet between two thick metals, for any τ/τ_sf [1/m²].

    Of spin across the magnetization the interface sends R₁, R₂ back and lets T× pass, g₁T₁× = g₂T₂× in detailed balance
    (g: Sharvin's); it emits g_i(1 − R_i − T_i×) to both sides, and the metals send back A_i of what leaves:
    ψ₁ = g₁(1 − R₁ − T₁×) + R₁A₁ψ₁ + T₂×A₂ψ₂, and the same of the other side. Alike metals on both sides:
    g_eff = g (1 − R − T×)(1 − A)/(1 − (R + T×)A).

    Parameters
    ----------
    reflections : (complex, complex)
        R = r↑r↓* on both sides.
    transmission : complex
        T× = t↑t↓*, from the first to the second.
    mediums : (Medium, Medium)
        The metals.
    Omega : float
        Angular frequency.

    Returns
    -------
    complex, complex
        What the magnet pumps into each, (1 − A_i)ψ_i; their sum damps it.

    Raises
    ------
    ValueError
        Where more comes from an interface than arrives, `|R| + |T×| > 1`, or for `dimension` other than 3.
    """
    g = np.array([sharvin_conductance(medium) for medium in mediums])
    R, T = np.array(reflections, complex), transmission * g[0] / g
    if not np.all(np.abs(R) + np.abs(T) <= 1.0 + 1e-12):
        raise ValueError(
            f"reflections = {reflections!r} with transmission = {transmission!r} are those of no interface: "
            "|R| + |T×| ≤ 1 is wanted on both sides"
        )
    kept = np.array([_shares(loss_of(medium, Omega, across=False))[1] for medium in mediums])
    across = np.array([[R[0], T[1]], [T[0], R[1]]])
    leaves = np.linalg.solve(np.eye(2) - across * (1.0 - kept), g - across @ g)
    first, second = kept * leaves
    return complex(first), complex(second)
