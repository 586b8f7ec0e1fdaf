"""Impurities that scatter by angles of the mean cosine g, after Henyey and Greenstein (d = 3): waves and how spin decays.

The law Σ (2l + 1) g^l P_l scatters the l-th Legendre moment of the directions with g^l: in units of ℓ and τ, with
γ = 1 + iΩτ + τ/τ_sf, a plane wave of births a(μ) has the moments φ_l = ⟨P_l g⟩ of

    (γ − g^l) φ_l + iqℓ [(l + 1) φ_{l+1} + l φ_{l−1}]/(2l + 1) = τ⟨P_l a⟩

and φ_0 is the density, v_F φ_1 the current. Moments beyond the last are 0; they fall geometrically.

L. G. Henyey and J. L. Greenstein, Astrophys. J. 93, 70 (1941).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.linalg import solve_banded

from mcpump.theory.medium import Array, ComplexArray

_MOMENTS, _NODES = 400, 600


class AnisotropicWave(NamedTuple):
    """Density and current of a plane wave of births, of size 1 in density; of first flights, and of all."""

    local_density: complex
    """[τ]."""
    density: complex
    """[τ]."""
    local_current: complex
    """[ℓ]."""
    current: complex
    """[ℓ]."""


def anisotropic_wave(
    q_ell: float, gamma: complex, mean_cosine: float, source: ArrayLike | None = None
) -> AnisotropicWave:
    """Plane wave in an infinite medium whose impurities scatter after Henyey and Greenstein.

    Parameters
    ----------
    q_ell : float
        Wave number times ℓ, up to some 20.
    gamma : complex
        1 + iΩτ + τ/τ_sf.
    mean_cosine : float
        g, −1 < g < 1; 0 gives the closed forms of isotropic scattering.
    source : array, optional
        Births at the nodes of `wave_directions`, with the mean 1 of an isotropic source by default.

    Returns
    -------
    AnisotropicWave
        Density over τ and current over ℓ.
    """
    mu, weight = wave_directions()
    births = np.ones_like(mu) if source is None else np.asarray(source, complex)
    flown = births / (gamma + 1j * q_ell * mu)
    local, through = complex(weight @ flown), complex(weight @ (mu * flown))
    # only what scatters is expanded: its births are smooth where flights are not
    scattered = _scatters(mean_cosine) * _moments(flown)
    found = _solved(q_ell, gamma, mean_cosine, scattered)
    return AnisotropicWave(local, local + complex(found[0]), through, through + complex(found[1]))


@lru_cache(maxsize=1)
def wave_directions() -> tuple[Array, Array]:
    """Cosines to the wave vector, and weights of the mean over directions."""
    nodes, weights = np.polynomial.legendre.leggauss(_NODES)
    weights *= 0.5
    for numbers in (nodes, weights):
        numbers.flags.writeable = False
    return nodes, weights


@lru_cache(maxsize=64)
def anisotropic_decay(gamma: float, mean_cosine: float) -> float:
    """Decay κ = ℓ/λ_s of the slowest mode e^{−κx/ℓ}; κ = γ tanh κ for g = 0 (`slowest_decay`).

    √(3(γ − 1)(1 − g)) where spin relaxes slowly: λ_s = √(Dτ_sf) with D = v_F²τ/3(1 − g).

    Parameters
    ----------
    gamma : float
        1 + τ/τ_sf, above 1.
    mean_cosine : float
        g, −1 < g < 1.

    Returns
    -------
    float
        κ, at most γ, as which flights decay that do not scatter.
    """
    order = np.arange(_MOMENTS)
    loss = gamma - _scatters(mean_cosine)
    # (2l + 1) loss φ = κ (l + 1 …) φ, symmetric after φ → φ √((2l + 1) loss)
    scale = np.sqrt((2.0 * order + 1.0) * loss)
    beside = order[1:] / (scale[1:] * scale[:-1])
    largest = float(np.linalg.eigvalsh(np.diag(beside, 1) + np.diag(beside, -1))[-1])
    return min(1.0 / largest, gamma)


def _scatters(mean_cosine: float) -> Array:
    """Share g^l of each moment that scattering keeps."""
    return np.asarray(mean_cosine ** np.arange(_MOMENTS, dtype=float))


def _moments(values: ComplexArray) -> ComplexArray:
    """Legendre moments of values at the directions."""
    mu, weight = wave_directions()
    found = np.empty(_MOMENTS, complex)
    before, now = np.ones_like(mu), mu
    found[0], found[1] = weight @ values, weight @ (mu * values)
    for order in range(2, _MOMENTS):
        before, now = now, ((2 * order - 1) * mu * now - (order - 1) * before) / order
        found[order] = weight @ (now * values)
    return found


def _solved(q_ell: float, gamma: complex, mean_cosine: float, births: ComplexArray) -> ComplexArray:
    """Moments of what births with these moments fly and scatter to."""
    order = np.arange(_MOMENTS)
    banded = np.zeros((3, _MOMENTS), complex)
    banded[0, 1:] = 1j * q_ell * (order[:-1] + 1.0) / (2.0 * order[:-1] + 1.0)
    banded[1] = gamma - _scatters(mean_cosine)
    banded[2, :-1] = 1j * q_ell * order[1:] / (2.0 * order[1:] + 1.0)
    return np.asarray(solve_banded((1, 1), banded, births))
