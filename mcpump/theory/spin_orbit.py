"""Spins that turn about Ω_so(k̂) in every flight: how fast they relax, after Dyakonov and Perel, and which waves do not.

In units of ℓ and τ, for any Ω_so τ, a spin density with no other source obeys, d = 1, 2 (in the plane x, y) or 3,

    ∂_t g + k̂·∇g + (g − ⟨g⟩) + g τ/τ_sf = g × (Ω_so(k̂) + B),     Ω_so(k̂) = M k̂

M is the `turn` of all functions here: of H = −E_so·(k×σ) it is 2E_so k_F τ/ħ times k̂ ↦ n × k̂, and of a Dresselhaus
coupling H = β (k·a σ·a − k·b σ·b) it is −2β k_F τ/ħ (a aᵀ − b bᵀ). A mode e^{iq·x − λt} has, F the mean over flights,

    F(λ)⟨g⟩ = ⟨g⟩,     F y = ⟨[Γ²y + Γ y×C + (y·C)C]/[Γ(Γ² + C²)]⟩,     Γ = 1 + τ/τ_sf − λ + iq·k̂,  C = Ω_so + B

M. I. D'yakonov and V. I. Perel', Sov. Phys. Solid State 13, 3023 (1972); of the helix B. A. Bernevig, J. Orenstein and
S.-C. Zhang, Phys. Rev. Lett. 97, 236601 (2006).
"""

from __future__ import annotations

import cmath
import math

import numpy as np
from numpy.typing import ArrayLike
from threadpoolctl import threadpool_limits

from mcpump.theory.medium import Array, ComplexArray

_COARSE, _FINE, _IN_TIME = 8, 64, 16
"""Gauss points of directions: where rates are looked for, where they are found, and in steps of time."""
_STEPS, _CONVERGED, _FAR = 60, 1e-13, 0.5
"""Steps of a search for a root, how close two are at its end, and how far from its beginning none is its own."""


def rashba_turn(angle: float, direction: ArrayLike) -> Array:
    """Matrix M of Ω_so = angle · n × k̂, n along E_so.

    Parameters
    ----------
    angle : float
        2E_so k_F τ/ħ, the turn in one lifetime of a flight across E_so.
    direction : array_like
        Of E_so, of any length.

    Returns
    -------
    ndarray
        (3, 3).
    """
    x, y, z = _unit(direction)
    return angle * np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])


def dresselhaus_turn(angle: float, direction: ArrayLike, normal: ArrayLike = (0.0, 0.0, 1.0)) -> Array:
    """Matrix M of Ω_so = −angle (a aᵀ − b bᵀ) k̂, of a well with the normal n whose [100] is a, b = n × a.

    Parameters
    ----------
    angle : float
        2β k_F τ/ħ of H = β (k·a σ·a − k·b σ·b).
    direction, normal : array_like
        a and n, across each other, of any length.

    Returns
    -------
    ndarray
        (3, 3).
    """
    a = _unit(direction)
    b = np.cross(_unit(normal), a)
    return np.asarray(angle * (np.outer(b, b) - np.outer(a, a)))


def rashba_decay(angle: float, across: bool = False) -> complex:
    """Decay rate of a uniform spin by Rashba coupling in two dimensions, along E_so or in the plane (`across`).

    Along E_so λ = (1 − √(1 − 4W²))/2, W = 2E_so k_F τ/ħ, complex for W > ½: the spin rings. In the plane λ = 1 − p with
    p³ − p² + W²p − W²/2 = 0. For W ≪ 1 both are Dyakonov and Perel's, W² and W²/2. A Dresselhaus coupling of
    2β k_F τ/ħ = W has the same.

    Parameters
    ----------
    angle : float
        W.
    across : bool, optional
        True for a spin in the plane.

    Returns
    -------
    complex
        [1/τ], the slowest.
    """
    square = angle * angle
    if not across:
        return complex(0.5 * (1.0 - cmath.sqrt(1.0 - 4.0 * square)))
    roots = np.roots([1.0, -1.0, square, -0.5 * square])
    return complex(1.0 - max(roots, key=lambda root: (root.real, root.imag)))


def helix_decay(angle: float, q_ell: float, dimension: int = 2) -> complex:
    """Decay rate of a wave of spins across y that turn about Ω_so = angle · (k̂·x̂) ŷ, as with Rashba = Dresselhaus.

    Spin that turns about one axis in proportion to its way along x does not in a frame that turns with x: the
    wave (−sin qx, 0, cos qx) decays as a spin density of wave number q − angle/ℓ spreads, and not at all at qℓ = angle
    (the persistent helix), at any angle. With Q = qℓ − angle it is 1 − √(1 − Q²) for d = 2, 1 − Q/tan Q for d = 3 and
    (1 − √(1 − 4Q²))/2 for d = 1.

    Parameters
    ----------
    angle : float
        Ω_so τ of a flight along x.
    q_ell : float
        Wave number along x times ℓ, positive for a helix that turns from z to −x along x.
    dimension : int, optional
        Of the velocities.

    Returns
    -------
    complex
        [1/τ].
    """
    rest = q_ell - angle
    if dimension == 3:
        return complex(1.0 - rest / math.tan(rest)) if rest else 0j
    if dimension == 2:
        return complex(1.0 - cmath.sqrt(1.0 - rest * rest))
    return complex(0.5 * (1.0 - cmath.sqrt(1.0 - 4.0 * rest * rest)))


def spin_orbit_rates(
    turn: ArrayLike, q_ell: ArrayLike = (0.0, 0.0, 0.0), *, dimension: int = 3, loss: float = 0.0,
    field: ArrayLike = (0.0, 0.0, 0.0),
) -> ComplexArray:  # fmt: skip
    """Rates λ of the three slowest modes e^{iq·x − λt} of spins that turn in every flight.

    Parameters
    ----------
    turn : array_like
        M, (3, 3), see the module.
    q_ell : array_like, optional
        Wave vector times ℓ.
    dimension : int, optional
        Of the velocities.
    loss : float, optional
        τ/τ_sf.
    field : array_like, optional
        B τ of a static field, (2Jτ/ħ)S.

    Returns
    -------
    ndarray
        Three rates [1/τ], those with the smallest real part first; NaN where a mode has gone under in the flights that
        lose step with each other, for turns of much more than one.
    """
    matrix, q, more = (np.asarray(value, float) for value in (turn, q_ell, field))
    k, weight = _directions(dimension, _COARSE)
    fields = k @ matrix.T + more
    size = len(k)
    operator = np.zeros((size, 3, size, 3), complex)
    here = np.arange(size)
    for i in range(3):
        operator[here, i, here, i] += 1.0 + loss + 1j * (k @ q)
        operator[:, i, :, i] -= weight
        for j in range(3):
            operator[here, i, here, j] -= np.cross(np.eye(3)[j], fields)[:, i]
    with threadpool_limits(1, "blas"):  # the same bits everywhere; and small matrices are no work for many
        found = np.linalg.eigvals(operator.reshape(3 * size, 3 * size))
        found = found[np.argsort(found.real)][:3]
        flights = _directions(dimension, _FINE)
        return np.array([_polished(rate, flights, matrix, q, loss, more) for rate in found])


def spin_orbit_transient(
    times: ArrayLike, spin: ArrayLike, turn: ArrayLike, *, q_ell: ArrayLike = (0.0, 0.0, 0.0), dimension: int = 3,
    loss: float = 0.0, field: ArrayLike = (0.0, 0.0, 0.0),
) -> ComplexArray:  # fmt: skip
    """Spin density of a wave e^{iq·x} at times, isotropic at t = 0, of spins that turn in every flight.

    Parameters
    ----------
    times : array_like
        Increasing, the first not below 0 [τ].
    spin : array_like
        At t = 0, (3,), real or complex.
    turn, q_ell, dimension, loss, field
        As for `spin_orbit_rates`.

    Returns
    -------
    ndarray
        (times, 3), complex; to 1e-8, if a spin turns by some 10 rad in a few lifetimes at most.
    """
    from scipy.integrate import solve_ivp  # a program that walks does not need it

    t, start = np.atleast_1d(np.asarray(times, float)), np.asarray(spin, complex)
    k, weight = _directions(dimension, _IN_TIME)
    fields = k @ np.asarray(turn, float).T + np.asarray(field, float)
    ends = 1.0 + loss + 1j * (k @ np.asarray(q_ell, float))[:, None]

    def change(_: float, flat: ComplexArray) -> ComplexArray:
        g = flat.reshape(-1, 3)
        return np.asarray((weight @ g - ends * g + np.cross(g, fields)).ravel())

    found = solve_ivp(
        change, (0.0, float(t[-1]) or 1e-9), np.tile(start, (len(k), 1)).ravel(), "DOP853", t, rtol=1e-10, atol=1e-12
    ).y  # fmt: skip
    return np.asarray(np.einsum("n,nit->ti", weight, found.reshape(len(k), 3, len(t))))


def _unit(direction: ArrayLike) -> Array:
    """Direction of length 1."""
    vector = np.asarray(direction, float)
    return np.asarray(vector / np.linalg.norm(vector))


def _directions(dimension: int, count: int) -> tuple[Array, Array]:
    """Directions k̂ and weights of their mean: Gauss points by evenly spread azimuths, 4 `count` of them on a circle."""
    if dimension == 1:
        return np.array([[1.0, 0.0, 0.0], [-1.0, 0.0, 0.0]]), np.array([0.5, 0.5])
    angle = (np.arange(2 * count * (4 - dimension)) + 0.5) * (math.pi / count / (4 - dimension))
    around = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    mu, weight = np.polynomial.legendre.leggauss(count) if dimension == 3 else (np.zeros(1), np.full(1, 2.0))
    flat = np.sqrt(1.0 - mu * mu)[:, None, None] * around
    k = np.concatenate([flat, np.broadcast_to(mu[:, None, None], (*flat.shape[:2], 1))], axis=-1)
    return k.reshape(-1, 3), np.repeat(0.5 * weight / len(angle), len(angle))


def _polished(
    rate: complex, flights: tuple[Array, Array], matrix: Array, q: Array, loss: float, field: Array
) -> complex:
    """Root of F's eigenvalue less 1 by secants, from a rate that directions laid out coarsely have."""

    def off(at: complex) -> complex:
        values = np.linalg.eigvals(_flown(flights, matrix, q, 1.0 + loss - at, field))
        return complex(values[np.abs(values - 1.0).argmin()] - 1.0)

    before, now = rate + 1e-5, complex(rate)
    last, here = off(before), off(now)
    for _ in range(_STEPS):
        if abs(now - before) <= _CONVERGED or here == last:
            break
        before, now, last = now, now - here * (now - before) / (here - last), here
        if not (now.real < 1.0 + loss and abs(now - rate) < _FAR):
            return complex(math.nan, math.nan)
        here = off(now)
    return now if abs(here) < 1e-9 else complex(math.nan, math.nan)


def _flown(
    flights: tuple[Array, Array], matrix: Array, q: Array, gamma: complex, field: Array
) -> ComplexArray:
    """Matrix of F: the density that one flight makes of births y, over τ."""
    k, weight = flights
    rate, fields = gamma + 1j * (k @ q), k @ matrix.T + field
    share = weight / (rate * (rate * rate + (fields * fields).sum(axis=1)))
    found = np.einsum("n,ni,nj->ij", share, fields, fields) + (share @ (rate * rate)) * np.eye(3)
    mean = (share * rate) @ fields
    return np.asarray(found + np.array([np.cross(e, mean) for e in np.eye(3)]).T)
