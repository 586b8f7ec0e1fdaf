"""Means over the directions of flight: the chance K to reach the next scattering, its moments, and pairs.

Symbols as in `mcpump.theory`; G = 1/(γ + iℓ q·v̂) is a first flight in Fourier space.
"""

import math
from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from mcpump.theory.medium import Array, ComplexArray


def _deficit(z: ArrayLike, dimension: int) -> ComplexArray:
    """Return 1 − γK as a function of z = qℓ/γ, without cancellation at small z."""
    z = np.asarray(z, dtype=complex)
    z2 = z * z
    if dimension == 1:
        return np.asarray(z2 / (1.0 + z2))
    if dimension == 2:
        root = np.sqrt(1.0 + z2)
        return np.asarray(z2 / (root * (1.0 + root)))
    if dimension != 3:
        raise ValueError(f"dimension must be 1, 2 or 3, not {dimension}")
    small = np.abs(z) < 0.3
    series = np.zeros_like(z)
    for n in range(16, 0, -1):  # 1 − arctan(z)/z = z²/3 − z⁴/5 + …
        series = np.where(small, z2, 0.0) * (1.0 / (2 * n + 1) - series)
    z_large = np.where(small, 1.0, z)
    return np.where(small, series, 1.0 - np.arctan(z_large) / z_large)


def K(q_ell: ArrayLike, gamma: ArrayLike, dimension: int) -> ComplexArray:
    """Chance amplitude of a wave to reach its next scattering, K = ⟨1/(γ + iqℓμ)⟩.

    arctan(qℓ/γ)/(qℓ) for d = 3, 1/√(γ² + (qℓ)²) for d = 2, γ/(γ² + (qℓ)²) for d = 1.

    Parameters
    ----------
    q_ell : array_like
        qℓ, real, any sign, zero included.
    gamma : array_like
        γ = 1 + iΩτ + τ/τ_sf; Re γ > 0.  Broadcasts with `q_ell`.
    dimension : int
        1, 2 or 3.
    """
    gamma = np.asarray(gamma, dtype=complex)
    return np.asarray((1.0 - _deficit(np.asarray(q_ell) / gamma, dimension)) / gamma)


def K_1(q_ell: ArrayLike, gamma: ArrayLike, dimension: int) -> ComplexArray:
    """First angular moment K_1 = ⟨μ/(γ + iqℓμ)⟩ = (1 − γK)/(iqℓ), stable for qℓ → 0.

    Parameters are those of `K`.
    """
    x, gamma = np.broadcast_arrays(np.asarray(q_ell, dtype=float), np.asarray(gamma, dtype=complex))
    nonzero = np.where(x == 0.0, 1.0, x)
    return np.asarray(np.where(x == 0.0, 0.0, -1j * _deficit(x / gamma, dimension) / nonzero))


def ladder_gap(q_ell: ArrayLike, gamma: ArrayLike, dimension: int) -> ComplexArray:
    """Return 1 − K, the inverse of the diffusion ladder, without cancellation at small qℓ.

    Tends to (Dq² + iΩ + 1/τ_sf)τ for qℓ, Ωτ, τ/τ_sf → 0.  Parameters are those of `K`.
    """
    gamma = np.asarray(gamma, dtype=complex)
    return np.asarray((gamma - 1.0 + _deficit(np.asarray(q_ell) / gamma, dimension)) / gamma)


def local_share(q_ell: ArrayLike, dimension: int = 3) -> Array:
    """Local share 1 − K of the current of a static plane-wave source (Fig. 3 as one curve).

    (qℓ)²/d for qℓ ≪ 1, the paper's O(ℓ²/λ²), and → 1 for qℓ ≫ 1.
    """
    return np.asarray(_deficit(q_ell, dimension).real)


@lru_cache(maxsize=1)
def _legendre() -> tuple[Array, Array]:
    """Gauss–Legendre nodes and weights on [−1, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(400)
    return nodes, weights


def directions(q_ell: ArrayLike, dimension: int) -> tuple[Array, Array]:
    """Direction cosines μ and weights (sum 1), last axis; nodes crowd where |qℓμ| ≲ 1.

    The integrands have poles at μ = iγ/(qℓ); the map μ ∝ sinh(st), s = arsinh(qℓ), moves them
    to a distance ~π/2s from the real axis, so that one rule serves every qℓ.  For d = 2 the
    mapped variable is the angle, μ = sin u.
    """
    if dimension == 1:
        return np.array([-1.0, 1.0]), np.array([0.5, 0.5])
    if dimension not in (2, 3):
        raise ValueError(f"dimension must be 1, 2 or 3, not {dimension}")
    half_width = 1.0 if dimension == 3 else 0.5 * math.pi
    nodes, weights = _legendre()
    stretch = np.arcsinh(half_width * np.maximum(np.abs(q_ell), 1.0))[..., np.newaxis]
    u = half_width * np.sinh(stretch * nodes) / np.sinh(stretch)
    weight = 0.5 * weights * stretch * np.cosh(stretch * nodes) / np.sinh(stretch)
    return (u if dimension == 3 else np.sin(u)), weight


def _pair(
    q1: ArrayLike, gamma1: ArrayLike, Q: ArrayLike, gammaW: ArrayLike, ell: float, dimension: int
) -> tuple[Array, Array, Callable[[Array], ComplexArray]]:
    """Directions, weights and the function μ → G_1(μ)G(μ)."""
    x1 = np.asarray(q1)[..., np.newaxis] * ell
    x = np.asarray(Q)[..., np.newaxis] * ell
    y1, y = np.asarray(gamma1)[..., np.newaxis], np.asarray(gammaW)[..., np.newaxis]
    mu, weight = directions(np.maximum(np.abs(x1), np.abs(x))[..., 0], dimension)
    return mu, weight, lambda mu: 1.0 / ((y1 + 1j * x1 * mu) * (y + 1j * x * mu))


def mean_G1G(
    q1: ArrayLike, gamma1: ArrayLike, Q: ArrayLike, gammaW: ArrayLike, ell: float, dimension: int
) -> ComplexArray:
    """Pair mean ⟨G_1G⟩ with G_1 = 1/(γ_1 + iq_1ℓμ), G = 1/(γ_W + iQℓμ), by quadrature.

    The first-flight weight of a spin emitted by wave 1 and turned by wave 2 (Q = q_1 + q_2).
    Good to 1e-12 for |Im γ| ≲ 3 and any qℓ; where q_1γ_W ≠ Qγ_1 it equals
    (q_1K(q_1) − QK(Q))/(q_1γ_W − Qγ_1).  Array arguments broadcast.
    """
    mu, weight, product = _pair(q1, gamma1, Q, gammaW, ell, dimension)
    return np.asarray((weight * product(mu)).sum(axis=-1))


def mean_mu_G1G(
    q1: ArrayLike, gamma1: ArrayLike, Q: ArrayLike, gammaW: ArrayLike, ell: float, dimension: int
) -> ComplexArray:
    """First angular moment ⟨μG_1G⟩; see `mean_G1G`.  Exactly odd under reversal of both q."""
    mu, weight, product = _pair(q1, gamma1, Q, gammaW, ell, dimension)
    return np.asarray((0.5 * weight * mu * (product(mu) - product(-mu))).sum(axis=-1))


def vector_pair_means(
    q1: ArrayLike, gamma1: complex, Q: ArrayLike, gammaW: complex, ell: float, dimension: int
) -> tuple[complex, ComplexArray]:
    """Pair means ⟨G_1G⟩ and ⟨v̂_iG_1G⟩ of waves in any two directions.

    G_1 = 1/(γ_1 + iℓ q_1·v̂), G = 1/(γ_W + iℓ Q·v̂).  By G_1G = ∫_0^1 dt [tγ_1 + (1 − t)γ_W + iℓ q_t·v̂]^−2,
    q_t = tq_1 + (1 − t)Q, each is one integral over derivatives of the closed forms of K and K_1: for d = 3
    ⟨G_1G⟩ = ∫dt/(γ_t² + q_t²ℓ²).  Good to 1e-11 for |Im γ| ≲ 3, |q|ℓ ≲ 100.

    Parameters
    ----------
    q1, Q : array_like
        Wave vectors, shape (3,).
    gamma1, gammaW : complex
        γ of the two waves; Re γ > 0.
    ell : float
        Mean free path.
    dimension : int
        1, 2 or 3: velocities along x; in the plane (x, y); in space.

    Returns
    -------
    complex, ndarray of complex
        ⟨G_1G⟩ and ⟨v̂_iG_1G⟩, shape (3,), zero along axes that velocities lack.
    """
    k1, k = np.zeros(3), np.zeros(3)
    k1[:dimension] = ell * np.asarray(q1, dtype=float)[:dimension]
    k[:dimension] = ell * np.asarray(Q, dtype=float)[:dimension]
    if dimension == 1:
        ahead = 1.0 / ((gamma1 + 1j * k1[0]) * (gammaW + 1j * k[0]))
        back = 1.0 / ((gamma1 - 1j * k1[0]) * (gammaW - 1j * k[0]))
        return 0.5 * (ahead + back), np.array([0.5 * (ahead - back), 0.0, 0.0])
    t, weight = _between(gamma1 - gammaW, k1 - k, gammaW, k)
    gamma = gammaW + t * (gamma1 - gammaW)
    k_t = k + t[:, np.newaxis] * (k1 - k)
    z2 = (k_t * k_t).sum(axis=1) / gamma**2
    if dimension == 2:
        cube = (gamma * np.sqrt(1.0 + z2)) ** 3
        mean, moment = gamma / cube, 1.0 / cube
    else:
        mean, moment = 1.0 / (gamma**2 * (1.0 + z2)), _moment_of_square(z2) / gamma**3
    return complex(weight @ mean), np.asarray(-1j * ((weight * moment) @ k_t))


def _moment_of_square(z2: ComplexArray) -> ComplexArray:
    """Return h(z) = [arctan(z)/z − 1/(1 + z²)]/z², with ⟨v̂/(γ + ik·v̂)²⟩ = −ik h(k/γ)/γ³ for d = 3."""
    small = np.abs(z2) < 0.09
    series = np.zeros_like(z2)
    for n in range(16, -1, -1):  # 2/3 − 4z²/5 + 6z⁴/7 − …
        series = (2 * n + 2) / (2 * n + 3) - np.where(small, z2, 0.0) * series
    z = np.sqrt(np.where(small, 1.0, z2))
    return np.where(small, series, (np.arctan(z) / z - 1.0 / (1.0 + z * z)) / (z * z))


def _between(delta: complex, dk: Array, gamma: complex, k: Array) -> tuple[Array, Array]:
    """Nodes and weights on [0, 1] for functions of (γ + tδ)² + (k + tΔk)².

    Nodes crowd, by t − t0 ∝ sinh, where a zero of that comes close to the real axis: nearly opposite waves.
    """
    A, half_B, C = delta**2 + dk @ dk, gamma * delta + k @ dk, gamma**2 + k @ k
    zero = 10.0j  # far away
    if abs(A) > 1e-6 * abs(C):
        root = np.sqrt(complex(half_B**2 - A * C))
        zeros = complex((-half_B + root) / A), complex((-half_B - root) / A)
        zero = min(zeros, key=lambda t: abs(t - min(max(t.real, 0.0), 1.0)))
    centre = min(max(zero.real, 0.0), 1.0)
    width = min(abs(zero - centre), 10.0)
    nodes, weights = _legendre()
    start, end = math.asinh(-centre / width), math.asinh((1.0 - centre) / width)
    s = 0.5 * (start + end) + 0.5 * (end - start) * nodes
    return centre + width * np.sinh(s), 0.5 * (end - start) * weights * width * np.cosh(s)
