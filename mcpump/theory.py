"""Closed forms and exact plane-wave solutions that the simulation must reproduce.

Everything here follows from one transport equation for the non-equilibrium spin g(x, v̂, t)
of electrons in a texture S(x, t) (exchange H = −J S·σ, isotropic impurities):

    ∂_t g + v_F v̂·∇g + (g − ⟨g⟩)/τ + g/τ_sf = (2J/ħ) g × S − ħνJ Ṡ                          (W)

A field is a list of plane waves (`Wave`), so that each formula of the paper, below, is one line and
`exact_solution` can be held against it: leading order in qℓ and Ωτ.  S is the texture as waves; so is
the result.  Where wave numbers are vectors a gradient or a current has the direction as first index.

All of the library's names are here; they live in `medium`, `angular_means`, `waves`, `plane_waves`, `spiral`,
`closed_forms`, `damping` and, for charge, `charge_forms` and `charge_waves`.  Nothing here knows units: give SI numbers,
or a `Medium.reduced`.  "Eq. (n)" is Takeuchi, Hosono and Tatara, Phys. Rev. B 81, 144405 (2010).

Symbols: ell mean free path, tau elastic lifetime, v_F Fermi velocity, D diffusion coefficient,
nu density of states per spin, J exchange, Omega angular frequency, q wave number, S texture,
tau_sf spin relaxation time, gamma = 1 + iΩτ + τ/τ_sf.
"""

import numpy as np

from mcpump.angular_means import (
    K_1,
    K,
    ladder_gap,
    local_share,
    mean_G1G,
    mean_mu_G1G,
    vector_pair_means,
)
from mcpump.charge_forms import (
    charge_continuity,
    charge_current,
    conductivity,
    impurity_charge_current,
    impurity_charge_density,
    impurity_coefficient,
    mixing_conductance,
    open_circuit_field,
    open_circuit_voltage,
    rashba_charge_current,
    rashba_charge_density,
    rashba_charge_density_from_current,
    rashba_coefficient,
    rashba_local_current,
    spin_hall_angle,
    spin_hall_bar_current,
    spin_hall_bar_density,
    spin_hall_current,
    spin_hall_drive,
    tserkovnyak_fit,
)
from mcpump.charge_waves import ChargeSolution, charge_solution
from mcpump.closed_forms import (
    azurv1_unscattered,
    free_flight_current,
    free_flight_current_switched_on,
    hanle,
    layer_current,
    layer_density,
    layer_mean_current,
    mean_square_displacement,
    tserkovnyak_dc,
)
from mcpump.damping import (
    Stage,
    back_flow_resistance,
    extra_damping,
    sharvin_conductance,
    spin_resistance,
    with_back_flow,
    without_contact,
)
from mcpump.medium import Array, ComplexArray, Medium, Values
from mcpump.plane_waves import PARTS, Channel, Solution, exact_solution
from mcpump.spiral import SpiralSolution, conical_spiral_exact
from mcpump.waves import (
    Wave,
    Waves,
    cell_averages,
    combined,
    cross,
    crossed_waves,
    divergence,
    gradient,
    harmonics,
    laplacian,
    merged,
    mesh_averages,
    mesh_harmonics,
    size_of,
    texture_waves,
    time_derivative,
)

__all__ = [
    "K_1",
    "PARTS",
    "Array",
    "Channel",
    "ChargeSolution",
    "ComplexArray",
    "K",
    "Medium",
    "S_cross_S_dot",
    "Solution",
    "SpiralSolution",
    "Stage",
    "Values",
    "Wave",
    "Waves",
    "azurv1_unscattered",
    "back_flow_resistance",
    "cell_averages",
    "charge_continuity",
    "charge_current",
    "charge_solution",
    "combined",
    "conductivity",
    "conical_spiral_exact",
    "cross",
    "crossed_waves",
    "diffusion_average",
    "divergence",
    "equilibrium_current",
    "exact_solution",
    "extra_damping",
    "first_order_current",
    "free_flight_current",
    "free_flight_current_switched_on",
    "gradient",
    "hanle",
    "harmonics",
    "impurity_charge_current",
    "impurity_charge_density",
    "impurity_coefficient",
    "ladder_gap",
    "laplacian",
    "layer_current",
    "layer_density",
    "layer_mean_current",
    "local_current",
    "local_share",
    "mean_G1G",
    "mean_mu_G1G",
    "mean_square_displacement",
    "merged",
    "mesh_averages",
    "mesh_harmonics",
    "mixing_conductance",
    "nonequilibrium_density",
    "open_circuit_field",
    "open_circuit_voltage",
    "rashba_charge_current",
    "rashba_charge_density",
    "rashba_charge_density_from_current",
    "rashba_coefficient",
    "rashba_local_current",
    "relaxation_torque",
    "second_order_current",
    "sharvin_conductance",
    "size_of",
    "spin_density",
    "spin_density_source",
    "spin_hall_angle",
    "spin_hall_bar_current",
    "spin_hall_bar_density",
    "spin_hall_current",
    "spin_hall_drive",
    "spin_potential",
    "spin_resistance",
    "super_current",
    "texture_waves",
    "time_derivative",
    "total_current",
    "tserkovnyak_dc",
    "tserkovnyak_fit",
    "vector_pair_means",
    "with_back_flow",
    "without_contact",
]


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
