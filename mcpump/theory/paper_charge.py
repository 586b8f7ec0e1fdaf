"""Closed forms of the second half of the paper: what spin-orbit coupling makes of spin, for qℓ → 0.

Two numbers stand for the two mechanisms, and all that knows of the electron's charge:

    Rashba    a_R = −2eτE_so/ħ²   [C m/(J s)], a vector      `rashba_coefficient`
    impurity  a_imp = 2eθ_SH/ħ    [C/(J s)]                  `impurity_coefficient`

With SI numbers charge currents come out in A/m², charge densities in C/m³.  With `Medium.reduced` and e = 1, E_so is a
number in ħv_F and a_imp = 2θ_SH; currents come out in eνJ v_F, densities in eνJ, dipole densities in eνJℓ.

Charge currents have one index, the direction; every wave number is a vector, also where the texture's was a number
along x.  In all of charge ⟨·⟩ is without τ_sf, for charge does not relax.  Symbols as in `mcpump.theory`.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from mcpump.constants import E_CHARGE, HBAR
from mcpump.theory.medium import Array, Medium, Values
from mcpump.theory.waves import (
    Wave,
    Waves,
    combined,
    cross,
    divergence,
    gradient,
    merged,
    size_of,
    time_derivative,
)

LEVI_CIVITA = np.array([np.cross(np.eye(3)[i], np.eye(3)) @ np.eye(3) for i in range(3)])
"""ε_ijk, shape (3, 3, 3)."""


# --- coefficients --------------------------------------------------------------------------------


def rashba_coefficient(E_so: ArrayLike, medium: Medium, e: float = E_CHARGE) -> Array:
    """a_R = −2eτE_so/ħ², Eq. (25).

    Parameters
    ----------
    E_so : array_like
        Rashba field of H = −E_so·(k×σ) [J m], shape (3,); in ħv_F for a reduced medium.
    medium : Medium
    e : float
        Elementary charge in the caller's units; 1 for a reduced medium.
    """
    return np.asarray(-2.0 * e * medium.tau / medium.hbar**2 * _vector(E_so))


def spin_hall_angle(lambda_so_k_F_squared: Values, k_F_ell: Values) -> Values:
    """Spin Hall angle θ_SH = ħλ_so k_F²/(ε_F τ) = 2λ_so k_F²/(k_F ℓ) of free electrons."""
    return 2.0 * lambda_so_k_F_squared / k_F_ell


def impurity_coefficient(theta_SH: Values, e: float = E_CHARGE, hbar: float = HBAR) -> Values:
    """a_imp = 2eθ_SH/ħ (= 2eλ_so k_F²/(ε_F τ), Eq. (30)) from `spin_hall_angle`; e = ħ = 1 for a reduced medium."""
    return 2.0 * e / hbar * theta_SH


def _vector(values: ArrayLike) -> Array:
    """Spin-orbit field as a vector."""
    vector = np.asarray(values, dtype=float)
    if vector.shape != (3,):
        raise ValueError(f"a spin-orbit field is a vector of 3, not of shape {vector.shape}")
    return vector


# --- the paper's formulas ------------------------------------------------------------------------


def along_vectors(waves: Waves) -> list[Wave]:
    """Waves whose wave numbers along x are written as vectors."""
    return [w if np.ndim(w.q) else w._replace(q=np.array([float(w.q), 0.0, 0.0])) for w in waves]


def with_directions(flux: Waves) -> list[Wave]:
    """Spin flux with wave vectors and amplitudes (3 directions, 3 components), also from a flux along x."""

    def three(w: Wave) -> Wave:
        if np.ndim(w.q):
            return w
        return w._replace(amplitude=np.stack([w.amplitude, 0.0 * w.amplitude, 0.0 * w.amplitude]))

    return along_vectors([three(w) for w in flux])


def spin_hall_current(flux: Waves, a: float) -> list[Wave]:
    """Charge current a ε_ijα j_j^α of a spin current.

    With a = a_imp and the LOCAL spin current it is the local charge current of impurities, Eq. (30), at every qℓ.
    With a = `impurity_coefficient` (θ_SH) and the TOTAL spin current it is the naive inverse spin Hall
    formula, θ_SH (2e/ħ) j_s × σ, to compare with.

    Parameters
    ----------
    flux : sequence of Wave
        Spin current, amplitudes (3,) along x or (3 directions, 3 components).
    a : float
        Charge per spin.
    """
    return [
        w._replace(amplitude=a * np.einsum("ijk,jk->i", LEVI_CIVITA, w.amplitude))
        for w in with_directions(flux)
    ]


def rashba_local_current(S: Waves, medium: Medium, a_R: ArrayLike) -> list[Wave]:
    """Local charge current a_R × T^(dy) with T^(dy) = 2νJ²τ S×Ṡ, Eqs. (24)–(26)."""
    torque = combined((medium.dynamic_coefficient, cross(S, time_derivative(S))))
    vector = _vector(a_R)
    return [w._replace(amplitude=np.cross(vector, w.amplitude)) for w in along_vectors(torque)]


def rashba_charge_density(S: Waves, medium: Medium, a_R: ArrayLike) -> list[Wave]:
    """Charge density ρ_c = 2νJ²τ² a_R·⟨∇×[S×Ṡ]⟩, Eq. (26)."""
    vector = 1j * medium.dynamic_coefficient * medium.tau * _vector(a_R)
    curl = [
        w._replace(amplitude=np.asarray(np.cross(w.q, w.amplitude) @ vector))
        for w in along_vectors(cross(S, time_derivative(S)))
    ]
    return _without_relaxation(curl, medium)


def rashba_charge_density_from_current(flux: Waves, medium: Medium, a_R: ArrayLike) -> list[Wave]:
    """Charge density −(1/D) ε_ijα a_R,i j_j^α, Eq. (27), of the second-order spin current (7); τ_sf = ∞, qℓ → 0."""
    matrix = np.einsum("ijk,i->jk", LEVI_CIVITA, _vector(a_R)) / -medium.D
    return [w._replace(amplitude=np.asarray((matrix * w.amplitude).sum())) for w in with_directions(flux)]


def rashba_charge_current(S: Waves, medium: Medium, a_R: ArrayLike) -> list[Wave]:
    """Charge current a_R × T^(dy) − D∇ρ_c, Eqs. (24), (25)."""
    return charge_current(rashba_local_current(S, medium, a_R), rashba_charge_density(S, medium, a_R), medium)


def impurity_charge_density(S: Waves, medium: Medium, a_imp: float) -> list[Wave]:
    """Charge density ρ_c = 2νJ²τ³D a_imp ε_ijα⟨[∇_iS × ∇_jṠ]^α⟩, Eq. (31): two gradients in two directions, and time."""
    scale = -medium.dynamic_coefficient * medium.tau**2 * medium.D * a_imp
    S = along_vectors(S)
    twist = merged(
        Wave(
            first.q + second.q,
            first.Omega + second.Omega,
            np.asarray(scale * (np.cross(first.q, second.q) @ np.cross(first.amplitude, second.amplitude))),
        )
        for first in S
        for second in time_derivative(S)
    )
    return _without_relaxation(twist, medium)


def impurity_charge_current(S: Waves, local_spin_current: Waves, medium: Medium, a_imp: float) -> list[Wave]:
    """Charge current a_imp ε_ijα j^(local)α_j − D∇_iρ_c, Eq. (30), with `local_current` of S, Eq. (31)."""
    return charge_current(
        spin_hall_current(local_spin_current, a_imp), impurity_charge_density(S, medium, a_imp), medium
    )


def charge_current(local: Waves, density: Waves, medium: Medium) -> list[Wave]:
    """Charge current W − D∇ρ_c without an electric field, Eq. (18)."""
    return combined((1.0, local), (-medium.D, gradient(density)))


def charge_continuity(density: Waves, current: Waves) -> list[Wave]:
    """What is left of charge conservation, ρ̇_c + ∇·j_c."""
    return combined((1.0, time_derivative(density)), (1.0, divergence(current)))


def _without_relaxation(waves: Waves, medium: Medium) -> list[Wave]:
    """Return A/(Dq²τ + iΩτ), Eq. (6) without τ_sf, of what is a divergence: nothing at q = 0."""

    def averaged(w: Wave) -> Wave:
        size = size_of(w.q, medium.dimension)
        if size == 0.0:
            return w._replace(amplitude=0.0 * w.amplitude)
        return w._replace(amplitude=w.amplitude / ((medium.D * size**2 + 1j * w.Omega) * medium.tau))

    return [averaged(w) for w in waves]


# --- spin Hall drive and open circuit ------------------------------------------------------------


def spin_hall_drive(E: ArrayLike, sigma_SH: float) -> Array:
    """Local spin current J_i^α = σ_SH ε_ijα E_j of an electric field, Eq. (19); shape (3 directions, 3 components)."""
    return np.asarray(sigma_SH * np.einsum("ijk,j->ik", LEVI_CIVITA, np.asarray(E, dtype=float)))


def spin_hall_bar_current(y: Values, width: Values, lam_s: Values, drive: Values = 1.0) -> Array:
    """Spin current J_0[1 − cosh(y/λ_s)/cosh(L/2λ_s)] across a bar |y| < L/2 with closed faces, ℓ ≪ λ_s.

    Parameters
    ----------
    y : float or ndarray
        Places, 0 in the middle.
    width : float or ndarray
        L.
    lam_s : float or ndarray
        Spin diffusion length λ_s; inf allowed.
    drive : float or ndarray
        J_0, `spin_hall_drive` across the bar.
    """
    u, half = np.abs(y) / lam_s, 0.5 * width / lam_s
    # 1 − cosh u/cosh h = 2 sinh((h + u)/2) sinh((h − u)/2)/cosh h, without overflow or cancellation
    return np.asarray(drive * np.expm1(-(half + u)) * np.expm1(-(half - u)) / (1.0 + np.exp(-2.0 * half)))


def spin_hall_bar_density(y: Values, width: Values, lam_s: Values, D: Values, drive: Values = 1.0) -> Array:
    """Spin density (λ_s J_0/D) sinh(y/λ_s)/cosh(L/2λ_s) in a bar; ±(λ_s J_0/D) tanh(L/2λ_s) at its faces.

    Tends to J_0 y/D for λ_s → ∞.  `D` is the diffusion coefficient; the rest as in `spin_hall_bar_current`.
    """
    u, half = np.abs(y) / lam_s, 0.5 * width / lam_s
    safe = np.where(u == 0.0, 1.0, u)
    sinh_by_u = np.where(u == 0.0, 1.0, -np.expm1(-2.0 * safe) / (2.0 * safe))  # times e^u
    return np.asarray(drive * y / D * 2.0 * np.exp(u - half) * sinh_by_u / (1.0 + np.exp(-2.0 * half)))


def conductivity(medium: Medium, e: float = E_CHARGE) -> float:
    """Conductivity σ = 2e²νD [S/m]."""
    return 2.0 * e**2 * medium.nu * medium.D


def open_circuit_field(mean_current: ArrayLike, sigma: Values) -> Array:
    """Field E_i = −j_c,i/σ [V/m] that lets no charge flow, from the charge current averaged over the thickness."""
    return np.asarray(-np.asarray(mean_current) / sigma)


def open_circuit_voltage(mean_current: ArrayLike, sigma: Values, length: Values) -> Array:
    """Voltage −j_c,i L/σ [V]: `open_circuit_field` times the length between the contacts."""
    return np.asarray(open_circuit_field(mean_current, sigma) * length)


# --- Tserkovnyak's form --------------------------------------------------------------------------


def tserkovnyak_fit(
    current: ArrayLike, S_dot: ArrayLike, S_cross_S_dot: ArrayLike, weights: ArrayLike = 1.0
) -> tuple[Array, Array]:
    """Fit Tserkovnyak's form j_s = aṠ + bS×Ṡ to spin currents by least squares.

    The fit is linear in the current.  It gives no errors: those of the current's components belong together where they
    come from the same walkers, and errors follow from fits to parts of a run.

    Parameters
    ----------
    current : array_like
        Spin currents, (…, shape of `S_dot`): components, harmonics, …
    S_dot, S_cross_S_dot : array_like
        Ṡ and S×Ṡ, of one shape.
    weights : array_like
        Weights of the squares; with 1 for DC and ½ for the other harmonics the fit is that of the mean over a period.

    Returns
    -------
    a, b : ndarray
        Coefficients [J s/m²] of each current; NaN where the numbers do not tell them.  `mixing_conductance` of b is the
        effective mixing conductance.

    Raises
    ------
    ValueError
        Where shapes differ.
    """
    rate, twist, data = (np.asarray(part, float) for part in (S_dot, S_cross_S_dot, current))
    if rate.shape != twist.shape or data.shape[data.ndim - rate.ndim :] != rate.shape:
        raise ValueError("current, S_dot and S_cross_S_dot must have one shape")
    root = np.sqrt(np.broadcast_to(weights, rate.shape)).ravel()
    basis = np.stack([rate.ravel(), twist.ravel()], axis=1) * root[:, np.newaxis]
    sizes = np.sqrt((basis**2).sum(axis=0))
    used: Sequence[int] = np.flatnonzero(sizes).tolist()
    found = np.full((*data.shape[: data.ndim - rate.ndim], 2), np.nan)
    columns = basis[:, used] / sizes[used]  # Ṡ and S×Ṡ may differ by many orders
    gram = columns.T @ columns
    if np.linalg.det(gram) >= 1e-12:  # else too few numbers to tell a from b
        flat = data.reshape(*found.shape[:-1], -1) * root
        found[..., used] = flat @ columns @ np.linalg.inv(gram) / sizes[used]
    return found[..., 0], found[..., 1]


def mixing_conductance(b: Values, hbar: float = HBAR) -> Values:
    """Mixing conductance per area, g = 4πb/ħ [1/m²], whose DC current is `tserkovnyak_dc`: b S×Ṡ = ħgΩ sin²θ/4π."""
    return 4.0 * math.pi / hbar * b
