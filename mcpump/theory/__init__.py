"""Closed forms and exact plane-wave solutions that the simulation must reproduce.

Everything here follows from one transport equation for the non-equilibrium spin g(x, v̂, t)
of electrons in a texture S(x, t) (exchange H = −J S·σ, isotropic impurities):

    ∂_t g + v_F v̂·∇g + (g − ⟨g⟩)/τ + g/τ_sf = (2J/ħ) g × S − ħνJ Ṡ                          (W)

A field is a list of plane waves (`Wave`), so that each formula of the paper, below, is one line and
`exact_solution` can be held against it: leading order in qℓ and Ωτ.  S is the texture as waves; so is
the result.  Where wave numbers are vectors a gradient or a current has the direction as first index.

The library's names are here, but for those of `slab` and `skew`, which load more; they live in

=============== ======================================================================================
medium          electrons: ℓ, τ, v_F, D, ν, τ_sf
directions      K(q, Ω), K_1 and other means over the flight's direction
waves           fields of plane waves
paper           the paper's formulas; paper_charge those for charge
exact           the exact solution of (W) in an infinite medium; exact_charge that for charge; spiral
special_cases   layers, free flight, Hanle, the plane pulse
skew            what skew scattering moves along layers
slab            the solution of (W) in any sample along x, without walkers
diffusion       diffusion theory of a sample, `diffusion_mesh` on a mesh; boundary_layer what happens within ℓ of a face
pumping         mixing conductance, damping, back flow
half_space      the same beyond diffusion: thick metals and ideal interfaces at any ℓ/λ_s
decay           how spin decays inside them
anisotropic     waves, and how spin decays, where impurities scatter by small or large angles
spin_orbit      how spins relax that turn about spin-orbit fields in every flight, and helices that do not
=============== ======================================================================================

Nothing here knows units: give SI numbers, or a `Medium.reduced`.
  "Eq. (n)" is Takeuchi, Hosono and Tatara, Phys. Rev. B 81, 144405 (2010).

Symbols: ell mean free path, tau elastic lifetime, v_F Fermi velocity, D diffusion coefficient,
nu density of states per spin, J exchange, Omega angular frequency, q wave number, S texture,
tau_sf spin relaxation time, gamma = 1 + iΩτ + τ/τ_sf.
"""

from mcpump.theory.anisotropic import (
    AnisotropicWave,
    anisotropic_decay,
    anisotropic_wave,
    wave_directions,
)
from mcpump.theory.decay import (
    half_space_current,
    slowest_decay,
    transverse_mode_end,
    valet_fert_excess,
)
from mcpump.theory.directions import (
    K_1,
    K,
    ladder_gap,
    local_share,
    mean_G1G,
    mean_mu_G1G,
    vector_pair_means,
)
from mcpump.theory.exact_charge import (
    ChargeSolution,
    charge_solution,
)
from mcpump.theory.half_space import (
    albedo,
    chandrasekhar_H,
    half_space_flux,
    ideal_step_conductance,
    magnet_between_metals,
    thick_metal_conductance,
    thick_metal_resistance,
)
from mcpump.theory.medium import (
    Array,
    ComplexArray,
    Medium,
    Values,
)
from mcpump.theory.paper import (
    S_cross_S_dot,
    diffusion_average,
    equilibrium_current,
    first_order_current,
    local_current,
    nonequilibrium_density,
    relaxation_torque,
    second_order_current,
    spin_density,
    spin_density_source,
    spin_potential,
    super_current,
    total_current,
)
from mcpump.theory.paper_charge import (
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
from mcpump.theory.plane_waves import (
    PARTS,
    Channel,
    Solution,
    exact_solution,
)
from mcpump.theory.pumping import (
    Stage,
    back_flow_resistance,
    extra_damping,
    sharvin_conductance,
    spin_resistance,
    with_back_flow,
    without_contact,
)
from mcpump.theory.special_cases import (
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
from mcpump.theory.spin_orbit import (
    dresselhaus_turn,
    helix_decay,
    rashba_decay,
    rashba_turn,
    spin_orbit_rates,
    spin_orbit_transient,
)
from mcpump.theory.spiral import (
    SpiralSolution,
    conical_spiral_exact,
)
from mcpump.theory.waves import (
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
    "AnisotropicWave",
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
    "albedo",
    "anisotropic_decay",
    "anisotropic_wave",
    "azurv1_unscattered",
    "back_flow_resistance",
    "cell_averages",
    "chandrasekhar_H",
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
    "dresselhaus_turn",
    "equilibrium_current",
    "exact_solution",
    "extra_damping",
    "first_order_current",
    "free_flight_current",
    "free_flight_current_switched_on",
    "gradient",
    "half_space_current",
    "half_space_flux",
    "hanle",
    "harmonics",
    "helix_decay",
    "ideal_step_conductance",
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
    "magnet_between_metals",
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
    "rashba_decay",
    "rashba_local_current",
    "rashba_turn",
    "relaxation_torque",
    "second_order_current",
    "sharvin_conductance",
    "size_of",
    "slowest_decay",
    "spin_density",
    "spin_density_source",
    "spin_hall_angle",
    "spin_hall_bar_current",
    "spin_hall_bar_density",
    "spin_hall_current",
    "spin_hall_drive",
    "spin_orbit_rates",
    "spin_orbit_transient",
    "spin_potential",
    "spin_resistance",
    "super_current",
    "texture_waves",
    "thick_metal_conductance",
    "thick_metal_resistance",
    "time_derivative",
    "total_current",
    "transverse_mode_end",
    "tserkovnyak_dc",
    "tserkovnyak_fit",
    "valet_fert_excess",
    "vector_pair_means",
    "wave_directions",
    "with_back_flow",
    "without_contact",
]
