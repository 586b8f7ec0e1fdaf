"""The conical spiral to all orders in J."""

import math
from typing import NamedTuple

import numpy as np

from mcpump.theory.directions import directions
from mcpump.theory.medium import Array, Medium


class SpiralSolution(NamedTuple):
    """Response to a conical spiral; "local", "diffusive", "total" → components (e_r, e_φ, z)."""

    density: dict[str, Array]
    flux: dict[str, Array]
    torque: dict[str, Array]


def conical_spiral_exact(theta: float, q: float, Omega: float, medium: Medium) -> SpiralSolution:
    """Exact solution of (W), to all orders in J and for any ℓ, in a conical spiral.

    S = (sinθ cosφ, sinθ sinφ, cosθ), φ = qx + Ωt.  In the frame that turns with S an electron
    sees the constant field B(μ) = (2J/ħ)S + (Ω + qv_Fμ) ẑ, so that each direction is a 3×3 system.
    For q ≠ 0 and no relaxation the total density is (ħ²νΩ/2) ẑ and no current flows (spin battery).
    For q = 0 spin along B has no sink but τ_sf; g is then the limit τ_sf → ∞, which is the average
    over all births: the part of (ħ²νΩ/2) ẑ normal to B.
    Needs J ≠ 0 or a finite τ_sf; the quadrature is good to 1e-10 for (2J/ħ + |Ω|)τ ≲ 10.

    Parameters
    ----------
    theta : float
        Cone angle [rad].
    q, Omega : float
        Wave number (0: uniform precession) and angular frequency.
    medium : Medium

    Returns
    -------
    SpiralSolution
        Arrays of shape (3,) along (e_r, e_φ, z), constant in space and time.
    """
    S = np.array([math.sin(theta), 0.0, math.cos(theta)])
    mu, weight = directions(q * medium.ell, medium.dimension)
    rate = 1.0 / medium.tau + 1.0 / medium.tau_sf
    B = medium.precession * S + (Omega + q * medium.v_F * mu)[:, np.newaxis] * np.array([0.0, 0.0, 1.0])
    # Rows y = e_j of the inverse: [Γ²y + Γ y×B + (y·B)B]/[Γ(Γ² + B²)]; last axis is the component.
    numerator = (
        rate**2 * np.eye(3) + rate * np.cross(np.eye(3), B[:, np.newaxis]) + B[:, :, None] * B[:, None, :]
    )
    inverse = (numerator / (rate * (rate**2 + (B * B).sum(axis=1)))[:, None, None]).transpose(0, 2, 1)
    mean = np.einsum("n,nij->ij", weight, inverse)
    mean_v = medium.v_F * np.einsum("n,nij->ij", weight * mu, inverse)

    a = np.array([0.0, -medium.polarization * Omega * S[0], 0.0])
    local = mean @ a
    if q == 0.0:  # all directions see one B ⊥ a: g/τ_sf = a + g×B
        total = (a / medium.tau_sf + np.cross(a, B[0])) / (1.0 / medium.tau_sf**2 + B[0] @ B[0])
    else:
        total = np.linalg.solve(np.eye(3) - mean / medium.tau, local)
    density = {"local": local, "diffusive": total - local}
    flux = {"local": mean_v @ a, "diffusive": mean_v @ total / medium.tau}
    torque = {part: medium.precession * np.cross(g, S) for part, g in density.items()}
    for quantity in (density, flux, torque):
        quantity["total"] = quantity["local"] + quantity["diffusive"]
    return SpiralSolution(density, flux, torque)
