"""Exact charge response to a texture of plane waves, at any qℓ: the rule of the walk solved by hand.

A walker in its first flight carries the extra charge velocity

    Rashba    w = −(2e/ħ²) E_so × s = a_R × s/τ          s: of second order in J
    impurity  w_i = a_imp ε_ijα v_j s^α                  s: of first and second order

whose sum is the local charge current W.  Its first collision leaves a dipole τw that walks on from there, without
τ_sf.  With P_j the dipole density and Q_ij = Σ v_i p_j, n ≥ 1,

    Ṗ_j + ∂_iQ_ij = W_j    ρ_c = −∂_jP_j    j_c,i = W_i − ∂_jQ_ij    ⇒  ρ̇_c + ∇·j_c = 0, Eq. (B6)

The paper fixes only qℓ → 0, where this is Eqs. (24)–(27), (30), (31); what comes out at finite qℓ is our model.
Units and coefficients as in `charge_forms`, symbols as in `mcpump.theory`.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mcpump.theory.directions import K_1, K, ladder_gap
from mcpump.theory.medium import Array, ComplexArray, Medium
from mcpump.theory.paper_charge import LEVI_CIVITA, along_vectors, with_directions
from mcpump.theory.plane_waves import PARTS, exact_solution
from mcpump.theory.waves import Wave, Waves, size_of

_CANCELLED = 1e-13  # a divergence of W this much smaller than its terms is zero


class ChargeSolution(NamedTuple):
    """Charge response to a texture; wave numbers are vectors."""

    density: list[Wave]
    """Charge density ρ_c, amplitudes of shape ()."""
    current: dict[str, list[Wave]]
    """Charge current; "local" (W, n = 0), "diffusive" (−∂_jQ_ij), "total" (j_c) → waves, amplitudes (3 directions,)."""
    dipole: list[Wave]
    """Dipole density P_j of n ≥ 1, amplitudes (3,); at q = Ω = 0, where it grows for ever, NaN if it has a source."""
    dipole_flux: list[Wave]
    """Dipole flux Q_ij = Σ v_i p_j of n ≥ 1, amplitudes (3, 3): direction of flight, dipole."""


def charge_solution(
    waves: Waves,
    medium: Medium,
    channel: Literal["first", "second"],
    a_R: ArrayLike = (0.0, 0.0, 0.0),
    a_imp: float = 0.0,
) -> ChargeSolution:
    """Exact charge response of an infinite medium to a texture of plane waves, at any qℓ and Ωτ.

    With W of a mode (Q, Ω), G = 1/(1 + iΩτ + iℓQ·v̂) and K = ⟨G⟩ — no τ_sf —

        P_j = τW_j K/(1 − K)                  Q_ij = ℓ⟨v̂_iG⟩W_j/(1 − K)
        ρ_c = −i(Q·W)τK/(1 − K)               j_c,i = W_i − iℓ⟨v̂_iG⟩(Q·W)/(1 − K)

    and ρ_c = 0, j_c = W at Q = 0.  Linear in (a_R, a_imp): give one of them for one mechanism.

    Parameters
    ----------
    waves : sequence of Wave
        Texture S, conjugate waves included; wave numbers along x or wave vectors.
    medium : Medium
    channel : {"first", "second"}
        Order in J.  Of first order there is W of impurities and nothing else: it has no divergence, and the Rashba
        contributions cancel.
    a_R : array_like
        Rashba coefficient, shape (3,); see `rashba_coefficient`.
    a_imp : float
        Impurity coefficient; see `impurity_coefficient`.

    Returns
    -------
    ChargeSolution
    """
    if channel not in ("first", "second"):
        raise ValueError(f"channel must be first or second, not {channel!r}")
    rashba = np.asarray(a_R, dtype=float)
    if rashba.shape != (3,):
        raise ValueError(f"a_R is a vector of 3, not of shape {rashba.shape}")
    spins = exact_solution(waves, medium, channel)
    solution = ChargeSolution([], {part: [] for part in PARTS}, [], [])
    for spin, flux in zip(
        along_vectors(spins.density["local"]), with_directions(spins.flux["local"]), strict=True
    ):
        source = a_imp * flux.amplitude  # W_i = ε_ijα source_jα
        if channel == "second":
            source = source + np.outer(rashba, spin.amplitude) / medium.tau
        _append(solution, np.asarray(flux.q), flux.Omega, source, medium)
    if not solution.density:  # a static texture: nothing, in its proper shapes
        _append(solution, np.zeros(3), 0.0, np.zeros((3, 3), dtype=complex), medium)
    return solution


def _append(solution: ChargeSolution, q: Array, Omega: float, source: ComplexArray, medium: Medium) -> None:
    """Add one mode."""
    W = np.einsum("ijk,jk->i", LEVI_CIVITA, source)
    size = size_of(q, medium.dimension)
    arguments = size * medium.ell, 1.0 + 1j * Omega * medium.tau, medium.dimension
    gap = ladder_gap(*arguments)
    v_G = K_1(*arguments) * q / (size or 1.0)  # ⟨v̂_iG⟩
    q_W = q @ W
    if abs(q_W) <= _CANCELLED * np.einsum("ijk,i,jk", np.abs(LEVI_CIVITA), np.abs(q), np.abs(source)):
        q_W = 0.0 * q_W
    if gap == 0.0:  # uniform DC: a dipole density that grows for ever, and is no charge
        P, Q, diffusive = np.where(W == 0.0, 0.0, np.nan + 0j), np.zeros((3, 3), dtype=complex), 0.0 * W
        density = 0.0 * q_W
    else:
        P, Q = medium.tau * K(*arguments) / gap * W, medium.ell / gap * np.outer(v_G, W)
        density = -1j * q_W * medium.tau * K(*arguments) / gap
        diffusive = -1j * medium.ell * v_G * q_W / gap
    solution.density.append(Wave(q, Omega, np.asarray(density)))
    solution.dipole.append(Wave(q, Omega, P))
    solution.dipole_flux.append(Wave(q, Omega, Q))
    for part, amplitude in zip(PARTS, (W, diffusive, W + diffusive), strict=True):
        solution.current[part].append(Wave(q, Omega, amplitude))
