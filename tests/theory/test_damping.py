"""Extra damping and back flow: closed forms of Tserkovnyak, Brataas and Bauer, and the lines of the table."""

import math
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from mcpump import theory
from mcpump.constants import E_CHARGE, HBAR, MU_BOHR
from mcpump.deck.read import deck_from_dict, read_deck
from mcpump.errors import InputError
from mcpump.problem.reduce import make_problem
from mcpump.problem.regime import regime_numbers
from mcpump.problem.slab import solution_of
from mcpump.report.damping import back_flow_lines, between_conductances, damping_lines, ideal_conductances
from mcpump.tally.damping import damping_observables
from mcpump.tally.estimates import Estimate, Result
from mcpump.theory.boundary_layer import face_resistance
from mcpump.theory.diffusion_stack import diffusion_stack
from mcpump.theory.half_space import albedo, thick_metal_conductance
from mcpump.theory.medium import Medium
from mcpump.theory.pumping import Stage, back_flow_resistance, sharvin_conductance, spin_resistance

PT = Medium(2.7e5, 7.6e-15, 1.0, 6e47, tau_sf=6.1e-14)
CU = Medium(1.1e6, 9e-15, 1.0, 7.9e46, tau_sf=1e-11)
H = 2 * math.pi * HBAR


def lam(medium):
    return math.sqrt(medium.D * medium.tau_sf)


def test_damping_of_a_permalloy_film():
    # g_L μ_B g/(4πM_s t) with numbers of Phys. Rev. B 66, 224403: 2.1 · 9.274e-24 · 1e19/(4π · 8e5 · 5e-9)
    assert theory.extra_damping(1e19, 8e5, 5e-9, 2.1) == pytest.approx(3.8745e-3, rel=1e-4)
    assert theory.extra_damping(1e19, 8e5, 5e-9) == pytest.approx(
        2 * MU_BOHR * 1e19 / (4 * math.pi * 8e5 * 5e-9)
    )


def test_sharvin_conductance_is_that_of_the_fermi_circle():
    m, k_F = 9.1093837e-31, 1.36e10
    medium = Medium(HBAR * k_F / m, 1e-15, 1.0, m * k_F / (2 * math.pi**2 * HBAR**2))
    assert theory.sharvin_conductance(medium) == pytest.approx(k_F**2 / (4 * math.pi), rel=1e-12)


def test_spin_resistance_is_that_of_rho_lambda():
    rho = 1.0 / theory.conductivity(PT)
    assert spin_resistance(PT) == pytest.approx(2 * E_CHARGE**2 / H * rho * lam(PT), rel=1e-12)
    assert math.isinf(spin_resistance(PT._replace(tau_sf=math.inf)))


def test_back_flow_of_one_closed_layer():
    for d in (0.2, 1.0, 5.0):
        found = back_flow_resistance([Stage(PT, d * lam(PT))])
        assert found == pytest.approx(spin_resistance(PT) / math.tanh(d), rel=1e-12)
    assert math.isinf(back_flow_resistance([Stage(PT._replace(tau_sf=math.inf), 1e-9)]))
    with pytest.raises(ValueError, match="no layer"):
        back_flow_resistance([])


def test_back_flow_of_a_reservoir():
    end = 3e-3 / (CU.nu * CU.v_F)
    still = CU._replace(tau_sf=math.inf)
    assert back_flow_resistance([Stage(still, 4e-9)], end) == pytest.approx((end + 4e-9 / (CU.nu * CU.D)) / H)
    # a layer of no thickness is not there; one that is long hides what is behind it
    assert back_flow_resistance([Stage(CU, 0.0)], end) == pytest.approx(end / H)
    assert back_flow_resistance([Stage(PT, 40 * lam(PT))], end) == pytest.approx(spin_resistance(PT))


def test_back_flow_of_a_stack_is_that_of_diffusion_theory():
    jump = 0.7 / (CU.nu * CU.v_F)
    thickness, n = (5e-9, 8e-9), 2600
    edges = np.linspace(0.0, sum(thickness), n + 1)
    h = edges[1]
    source = np.zeros(n, complex)
    source[0] = 1.0 / h  # j = 1 through the left face
    # the same with a mesh that is finer at the face would move μ(0) by less than the tolerance
    profile = diffusion_stack(source, edges, [CU, PT], [0.0, thickness[0]], [jump])
    potential = profile.density.real[0] / CU.nu
    stages = [Stage(CU, thickness[0]), Stage(PT, thickness[1], jump)]
    assert back_flow_resistance(stages) == pytest.approx(potential / H, rel=2e-3)


def test_effective_conductance_has_its_limits():
    assert theory.with_back_flow(2e19, 0.0) == 2e19
    assert theory.with_back_flow(2e19, 1e-10) == pytest.approx(1e10, rel=1e-8)
    assert theory.with_back_flow(2e19, 0.5e-19) == pytest.approx(1e19)


def test_contact_resistance_comes_off_in_diffusive_layers():
    sharvin = theory.sharvin_conductance(PT)
    assert theory.without_contact(sharvin, PT) == pytest.approx(2.0 * sharvin)
    # the exact layer beside a face that takes all that arrives
    exact = face_resistance(PT) / H
    assert 1.0 / theory.without_contact(sharvin, PT) == pytest.approx(exact, rel=0.07)
    assert theory.without_contact(1e-6 * sharvin, PT) == pytest.approx(1e-6 * sharvin, rel=1e-5)


# --- lines of the table --------------------------------------------------------------------------

YIG = {
    "electrons": {"material": "Pt", "exchange": "15 meV"},
    "sample": {"x": {"length": "7 nm", "cells": 7, "left": "specular", "right": "specular"}},
    "texture": {"kind": "penetration", "depth": "0.4 nm", "cone_angle": "90 deg", "frequency": "10 GHz"},
    "magnet": {"saturation_magnetization": "140 kA/m", "thickness": "20 nm"},
    "results": {"channels": ["second", "exact"], "planes": ["1 nm"]},
}


def fake(deck, g=1e18, torque=2e18):
    """Result of a deck with these mixing conductances, at its plane and of the torque."""
    checked = deck_from_dict(deck)
    coords = {
        "channel": ("second", "exact"), "harmonic": ("dc", "cos1", "sin1"), "component": ("x", "y", "z"),
        "plane": Estimate(np.array([1e-9]), None, ("plane",), "m", "x"),
    }  # fmt: skip
    dims, both = (
        ("channel", "plane"),
        np.array([[9.0], [1.0]]),
    )  # `second` pumps nine times as much as `exact`
    estimates = {
        "mixing_conductance_dc": Estimate(g * both, 0.1 * abs(g) * both, dims, "1/m^2", ""),
        "pumping_b": Estimate(both, None, dims, "J s/m^2", "b"),
        "mixing_conductance_torque": Estimate(
            torque * both[:, 0], 0.05 * torque * both[:, 0], dims[:1], "1/m^2", ""
        ),
    }
    estimates |= damping_observables(make_problem(checked), estimates)
    blank = {name: None for name in Result.__dataclass_fields__}
    known = {"resolved": checked.resolved, "regime": regime_numbers(checked)}
    return Result(**{**blank, **known, "name": "fake", "estimates": estimates, "coords": coords})


def test_lines_of_an_insulating_magnet():
    text = " ".join(" ".join(damping_lines(fake(YIG))).split())
    assert "M_s = 140 kA/m, t = 20 nm" in text
    assert "torque on all electrons: g = (2.00 ± 0.10)e18 /m²" in text
    assert "through x = 1 nm: g = (1.00 ± 0.10)e18 /m²" in text
    alpha = float(theory.extra_damping(2e18, 1.4e5, 20e-9))
    assert f"α' = ({alpha * 1e3:.3f} ± {alpha * 50:.3f})e-3" in text
    gas = deck_from_dict(YIG).gas
    medium = Medium(gas.v_F, gas.tau, 1.0, gas.nu, gas.tau_sf)
    exact = theory.sharvin_conductance(medium) * (1.0 - albedo(medium).real)
    alpha = float(theory.extra_damping(exact, 1.4e5, 20e-9))
    assert f"exact for a thick metal, not of 2.1 λ_s, {exact:.3g} /m² (α' = {alpha:.3g})" in text
    assert "Schep" not in text
    for d in (7e-9, 6e-9):
        g = float(
            theory.with_back_flow(
                theory.sharvin_conductance(medium), back_flow_resistance([Stage(medium, d)])
            )
        )
        assert f"g_eff = {g:.3g} /m²" in text


def test_lines_of_a_stack_leave_out_planes_in_the_magnet():
    deck = {
        **YIG,
        "electrons": {"material": "Py"},
        "layer": [
            {"start": "2 nm", "material": "Cu"},
            {"start": "5 nm", "material": "Pt", "transmission": 0.5},
        ],
        "texture": {**YIG["texture"], "kind": "junction", "interface": "2 nm", "width": "0.3 nm"},
    }
    del deck["texture"]["depth"]
    assert damping_lines(fake(deck)) == []
    deck["texture"] = {**deck["texture"], "interface": "1 nm"}
    text = " ".join(damping_lines(fake(deck)))
    assert "torque" not in text
    assert "through" in text
    py, cu, pt = deck_from_dict(deck).media
    assert py.nu * py.v != cu.nu * cu.v != pt.nu * pt.v
    assert "g_eff" in text


def test_an_ideal_interface_is_told_without_a_magnet():
    """1/g_eff = 1/g_Sh + A/((1 − A) g_Sh), beside TBB, which has 1.7 times as much back flow at τ/τ_sf = 0.27."""
    deck = {key: section for key, section in YIG.items() if key != "magnet"}
    gas = deck_from_dict(deck).gas
    medium = Medium(gas.v_F, gas.tau, 1.0, gas.nu, gas.tau_sf)
    A, sharvin = albedo(medium).real, theory.sharvin_conductance(medium)
    exact = 1.0 / (1.0 / sharvin + A / ((1.0 - A) * sharvin))
    text = " ".join(" ".join(back_flow_lines(fake(deck))).split())
    assert f"x = 1 nm g_Sh = {sharvin:.3g} /m², TBB g_eff = " in text
    assert f"{exact:.3g} /m²" in text
    assert "α'" not in text
    assert back_flow_lines(fake(YIG)) == []


def test_schep_s_correction_is_not_told_where_it_leaves_nothing():
    """λ_s near ℓ: it takes more than the back flow off, and the interface would pump more than all that arrives."""
    deck = {**YIG, "layer": [{"start": "5 nm", "material": "Cu"}]}
    deck["electrons"] = {**YIG["electrons"], "spin_diffusion_length": "1.2 nm"}
    ideal = ideal_conductances(deck_from_dict(deck), 1e-9)
    assert ideal.exact is None
    assert ideal.corrected is None
    deck["electrons"] = YIG["electrons"]
    ideal = ideal_conductances(deck_from_dict(deck), 1e-9)
    assert ideal.diffusive < ideal.corrected < ideal.g


def test_face_of_an_insulating_magnet_is_told_with_its_back_flow():
    """1/g_eff = 1/g + R, complex g, by the theory's own function; planes in the metal have no interface of theirs."""
    deck = read_deck(Path(__file__).parents[2] / "run" / "yig_pt.toml")
    gas, share = deck.gas, 1.0 - deck.reflection[0]
    medium = Medium(gas.v_F, gas.tau, 1.0, gas.nu, gas.tau_sf)
    ideal = ideal_conductances(deck, 0.0, share)
    assert ideal.g == pytest.approx(5e18, rel=1e-9)
    assert ideal.exact == pytest.approx(
        complex(thick_metal_conductance(deck.reflection[0], medium)).real, rel=1e-9
    )
    assert ideal.diffusive < ideal.exact < ideal.g
    # as `mcpump solve` finds it in 2.1 λ_s: 4.29695e18
    assert ideal.exact == pytest.approx(4.297e18, rel=0.01)


def test_interface_with_a_magnet_is_told_between_thick_metals():
    """All its torque, between metals of 9 λ_s, is that of the closed form; words tell where metals are thinner."""
    read = partial(read_deck, Path(__file__).parents[2] / "run" / "magnetic_interface.toml")
    thick = read(["electrons.material=Pt", "electrons.thickness=30 nm", "layer[0].thickness=30 nm",
                  "sample.x.left=specular", "results.planes=[]"])  # fmt: skip
    both = between_conductances(thick)
    assert both.depths == pytest.approx((8.8, 8.8), abs=0.1)
    edges, found = solution_of(make_problem(thick), ("exact",))
    torque = np.diff(edges) @ (found["exact"].local.torque + found["exact"].diffusive.torque)[:, 0, 2]
    gas = thick.gas
    sharvin = sharvin_conductance(Medium(gas.v_F, gas.tau, 1.0, gas.nu, gas.tau_sf))
    twist = thick.angular_frequency * gas.tau * math.sin(math.radians(5.0)) ** 2
    assert 8.0 * sharvin * torque / twist == pytest.approx(both.exact, rel=1e-4)
    assert both.g == pytest.approx(2.0 * 0.9 * sharvin, rel=1e-9)
    thin = between_conductances(read([]))
    assert thin.depths == pytest.approx((0.057, 2.9), abs=0.05)
    assert between_conductances(read(["electrons.spin_diffusion_length=none"])) is None


def test_no_lines_without_a_magnet_or_a_current():
    without = {key: section for key, section in YIG.items() if key != "magnet"}
    assert damping_lines(fake(without)) == []
    result = fake(YIG)
    estimates = {name: one for name, one in result.estimates.items() if name == "other"}
    assert damping_lines(replace(result, estimates=estimates)) == []
    assert damping_lines(replace(result, resolved="[magnet]\n")) == []


def test_channels_that_do_not_hold_make_no_damping():
    """Where Jτ/ħ = 2.3 the second order in J would give some hundred times too much: not told, and why."""
    result = fake({**YIG, "electrons": {"material": "Pt", "exchange": "0.2 eV"}})
    assert "channel exact" in " ".join(damping_lines(result))
    coords = {**result.coords, "channel": ("second", "second_ladder")}
    told = " ".join(" ".join(damping_lines(replace(result, coords=coords))).split())
    wanted = 'Extra damping α\' is not told: channel second_ladder, which does not hold at Jτ/ħ = 2.32; "exact" in '
    assert told == wanted + "results.channels holds for any Jτ/ħ"


def test_mixing_conductance_of_an_older_file_is_no_damping():
    """It is that of one channel, and not known of which."""
    result = fake(YIG)
    old = replace(result.estimates["pumping_b"], mean=np.ones(1), dims=("plane",))
    text = " ".join(damping_lines(replace(result, estimates={**result.estimates, "pumping_b": old})))
    assert "torque on all electrons" in text
    assert "through" not in text


def test_negative_and_periodic():
    deck = {**YIG, "sample": {"x": {**YIG["sample"]["x"], "right": "absorbing"}}}
    assert "g_eff" in " ".join(damping_lines(fake(deck, -1e18)))
    uniform = {
        **YIG,
        "sample": {"x": {**YIG["sample"]["x"], "left": "periodic", "right": "periodic"}},
        "texture": {"kind": "uniform", "cone_angle": "90 deg", "frequency": "10 GHz"},
    }
    text = " ".join(damping_lines(fake(uniform)))
    assert "α'" in text
    assert "g_eff" not in text


def test_magnet_has_no_place_in_a_reduced_deck():
    deck = {
        "units": "reduced", "electrons": {"exchange": 0.1},
        "sample": {"x": {"length": 10, "cells": 10, "left": "specular", "right": "absorbing"}},
        "texture": {"kind": "uniform", "cone_angle": "90 deg", "angular_frequency": 1e-3},
        "magnet": {"saturation_magnetization": 1.0, "thickness": 1.0},
    }  # fmt: skip
    with pytest.raises(InputError, match="magnet has no place"):
        deck_from_dict(deck)
