"""The formulas of the paper, Eqs. (5) to (17), to leading order in qℓ and Ωτ, on fields of plane waves."""

import numpy as np

from mcpump.theory.medium import Medium
from mcpump.theory.waves import (
    Wave,
    Waves,
    combined,
    cross,
    gradient,
    laplacian,
    size_of,
    time_derivative,
)


def diffusion_average(waves: Waves, medium: Medium) -> list[Wave]:
    """Diffusion average ⟨A⟩ = A/(Dq²τ + iΩτ + τ/τ_sf), Eq. (6); NaN for uniform DC without a sink."""

    def averaged(w: Wave) -> Wave:
        sink = (
            medium.D * size_of(w.q, medium.dimension) ** 2 + 1j * w.Omega + 1.0 / medium.tau_sf
        ) * medium.tau
        if sink == 0.0:
            return w._replace(amplitude=np.where(w.amplitude == 0.0, 0.0, np.nan + 0j))
        return w._replace(amplitude=w.amplitude / sink)

    return [averaged(w) for w in waves]


def S_cross_S_dot(S: Waves) -> list[Wave]:
    """Return S×Ṡ, the source of everything of second order."""
    return cross(S, time_derivative(S))


def first_order_current(S: Waves, medium: Medium) -> list[Wave]:
    """First-order spin current ħνJτD ∇⟨Ṡ⟩, Eq. (5)."""
    mean = diffusion_average(gradient(time_derivative(S)), medium)
    return combined((medium.polarization * medium.tau * medium.D, mean))


def second_order_current(S: Waves, medium: Medium) -> list[Wave]:
    """Second-order spin current −2νJ²τ²D ∇⟨S×Ṡ⟩, Eq. (7)."""
    mean = diffusion_average(gradient(S_cross_S_dot(S)), medium)
    return combined((-medium.dynamic_coefficient * medium.tau * medium.D, mean))


def super_current(S: Waves, medium: Medium, k_F: float) -> list[Wave]:
    """Equilibrium super-current −(ħ²νJ²/12mε_F) S×∇S, Eq. (8); times (d − 2)."""
    return combined((-medium.super_coefficient(k_F), cross(S, gradient(S))))


def nonequilibrium_density(S: Waves, medium: Medium) -> list[Wave]:
    """Density of the walkers, g = −ħνJτ⟨Ṡ⟩ + 2νJ²τ²⟨S×Ṡ⟩ = ρ_s − ħνJS, Eqs. (11), (14)."""
    return combined(
        (-medium.polarization * medium.tau, diffusion_average(time_derivative(S), medium)),
        (medium.dynamic_coefficient * medium.tau, diffusion_average(S_cross_S_dot(S), medium)),
    )


def spin_potential(S: Waves, medium: Medium) -> list[Wave]:
    """Effective spin potential μ_s = D(ρ_s − ħνJS), with j = −∇μ_s, Eqs. (9), (10), (14)."""
    return combined((medium.D, nonequilibrium_density(S, medium)))


def spin_density(S: Waves, medium: Medium) -> list[Wave]:
    """Spin density ρ_s = ħνJτ(−D∇² + 1/τ_sf)⟨S⟩ + 2νJ²τ²⟨S×Ṡ⟩ = ħνJS + g, Eq. (11)."""
    return combined((medium.polarization, S), (1.0, nonequilibrium_density(S, medium)))


def spin_density_source(S: Waves, medium: Medium) -> list[Wave]:
    """Right side of ρ̇_s − D∇²ρ_s + ρ_s/τ_sf = ħνJ(−D∇² + 1/τ_sf)S + 2νJ²τ S×Ṡ, Eqs. (12), (13)."""
    return combined(
        (-medium.polarization * medium.D, laplacian(S)),
        (medium.polarization / medium.tau_sf, S),
        (medium.dynamic_coefficient, S_cross_S_dot(S)),
    )


def total_current(S: Waves, medium: Medium, k_F: float) -> list[Wave]:
    """Physical spin current, Eq. (15): super-current (8) plus the pumped currents (5) and (7)."""
    return combined(
        (1.0, super_current(S, medium, k_F)),
        (1.0, first_order_current(S, medium)),
        (1.0, second_order_current(S, medium)),
    )


def equilibrium_current(S: Waves, medium: Medium, k_F: float) -> list[Wave]:
    """Return ħνJD∇S − (ħ²νJ²/12mε_F) S×∇S, Eq. (17): what total_current + D∇ρ_s leaves.

    A matter of bookkeeping: its first term only undoes the gradient of the static polarization
    inside −D∇ρ_s, Eq. (16).  Never add it to the walkers' flux.
    """
    return combined((medium.polarization * medium.D, gradient(S)), (1.0, super_current(S, medium, k_F)))


def relaxation_torque(S: Waves, medium: Medium, k_F: float) -> list[Wave]:
    """Torque −(ħ²νJ²/12mε_F) S×∇²S + 2νJ²τ S×Ṡ, Eq. (A21); the walkers feel the second term."""
    return combined(
        (-medium.super_coefficient(k_F), cross(S, laplacian(S))),
        (medium.dynamic_coefficient, S_cross_S_dot(S)),
    )


def local_current(S: Waves, medium: Medium) -> list[Wave]:
    """Local spin current ħνJτD(∇Ṡ − (2Jτ/ħ){∇[S×Ṡ] + [S×∇Ṡ]}), Eq. (31)."""
    scale = medium.polarization * medium.tau * medium.D
    gradient_S_dot = gradient(time_derivative(S))
    turn = medium.precession * medium.tau
    return combined(
        (scale, gradient_S_dot),
        (-scale * turn, gradient(S_cross_S_dot(S))),
        (-scale * turn, cross(S, gradient_S_dot)),
    )
