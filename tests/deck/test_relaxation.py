"""Spin relaxation that follows the scattering: Elliott and Yafet, Dyakonov and Perel, flips at collisions."""

import math

import pytest
from decks import changed, sentence

from mcpump import theory
from mcpump.deck.electrons import resolve
from mcpump.deck.read import deck_from_dict
from mcpump.deck.toml import override
from mcpump.problem import make_problem

METAL = {
    "electrons": {"fermi_wavenumber": "13.6 /nm", "mean_free_path": "4 nm", "exchange": "1 meV"},
    "sample": {"x": {"length": "40 nm", "cells": 8, "left": "specular", "right": "specular"}},
    "texture": {
        "kind": "junction", "interface": "20 nm", "width": "1 nm", "cone_angle": "10 deg", "frequency": "10 GHz",
    },
    "results": {"planes": ["20 nm"]},
    "run": {"walkers": 1024, "walkers_per_block": 64},
}  # fmt: skip
PATHS = ("1 nm", "2 nm", "8 nm")


def swept(key, value, sweep="electrons.mean_free_path", values=PATHS):
    deck = override(METAL, [f"electrons.{key}={value}"])
    if sweep != "electrons.mean_free_path":
        del deck["electrons"]["mean_free_path"]
    return [deck_from_dict(override(deck, [f"{sweep}={one}"])).gas for one in values]


@pytest.mark.parametrize(
    ("sweep", "values"),
    [("electrons.mean_free_path", PATHS), ("electrons.resistivity", ("10 uohm cm", "40 uohm cm"))],
)
def test_elliott_and_yafet_keep_lambda_over_ell(sweep, values):
    """λ_s = ℓ/√(3α): in a sweep over resistivity λ_s goes with ℓ."""
    for gas in swept("elliott_yafet", 0.05, sweep, values):
        assert gas.tau_sf == pytest.approx(gas.tau / 0.05, rel=1e-14)
        assert gas.lambda_s / gas.ell == pytest.approx(1.0 / math.sqrt(3.0 * 0.05), rel=1e-13)


@pytest.mark.parametrize(
    ("sweep", "values"),
    [("electrons.mean_free_path", PATHS), ("electrons.resistivity", ("10 uohm cm", "40 uohm cm"))],
)
def test_dyakonov_and_perel_keep_tau_times_tau_sf(sweep, values):
    """1/τ_sf = Ω²τ: λ_s = v_F/√3Ω whatever the resistivity."""
    Omega = 2e13
    for gas in swept("dyakonov_perel", "2e13 rad/s", sweep, values):
        assert gas.tau * gas.tau_sf == pytest.approx(1.0 / Omega**2, rel=1e-14)
        assert gas.lambda_s == pytest.approx(gas.v_F / math.sqrt(3.0) / Omega, rel=1e-13)


def test_flips_follow_tau_and_leave_what_carries_charge():
    for gas, plain in zip(swept("spin_flip_probability", 0.02), swept("elliott_yafet", 0.0), strict=True):
        assert gas.tau_sf == pytest.approx(gas.tau / 0.04, rel=1e-14)
        assert (gas.ell, gas.tau, gas.D, gas.sigma) == (plain.ell, plain.tau, plain.D, plain.sigma)
        assert math.isinf(plain.tau_sf)


def test_spin_resistance_tells_the_mechanisms_apart():
    """What a thick metal sends back goes with ρλ_s: the same at any ℓ by Elliott and Yafet, ∝ 1/ℓ by the other."""

    def back_flow(gas):
        return theory.thick_metal_resistance(
            theory.Medium(gas.v_F, gas.tau, gas.exchange, gas.nu, gas.tau_sf)
        )

    elliott = [back_flow(gas) for gas in swept("elliott_yafet", 0.05)]
    assert elliott == pytest.approx([elliott[0]] * 3, rel=1e-12)
    short, _, long = (back_flow(gas) for gas in swept("dyakonov_perel", "2e12 rad/s"))
    assert short / long == pytest.approx(8.0, rel=0.02)


def test_rates_add_up():
    both = {"elliott_yafet": 0.05, "dyakonov_perel": 0.1, "spin_flip_probability": 0.02, "exchange": 0.1}
    gas = resolve(both, True)
    assert 1.0 / gas.tau_sf == pytest.approx(0.05 + 0.01 + 0.04, rel=1e-14)
    assert gas.mechanisms.flipped == 0.04


def test_a_layer_without_a_word_on_it_relaxes_by_the_same_mechanisms():
    """At its own τ; what it says itself stands alone, and τ_sf that is given stays for layers, as ever."""
    electrons = {"exchange": 0.1, "elliott_yafet": 0.1, "dyakonov_perel": 0.3, "spin_flip_probability": 0.05}
    layers = [
        {"start": 1.0, "mean_free_path": 0.5},
        {"start": 2.0, "mean_free_path": 0.5, "elliott_yafet": 0.2},
        {"start": 3.0, "spin_relaxation_time": 7.0},
        {"start": 4.0, "dyakonov_perel": 0},
        {"start": 5.0, "mean_free_path": 0.25, "spin_flip_probability": 0.1},
    ]
    deck = {
        "units": "reduced", "electrons": electrons, "layer": layers,
        "sample": {"x": {"length": 6.0, "cells": 6, "left": "specular", "right": "specular"}},
        "texture": {"kind": "uniform", "cone_angle": 0.3, "angular_frequency": 0.1},
    }  # fmt: skip
    media = deck_from_dict(deck).media
    assert [layer.gamma_sf for layer in media] == pytest.approx(
        [0.2 + 0.09, 2.0 * 0.2 + 0.5 * 0.09, 2.0 * 0.2, 1.0 / 7.0, 0.0, 4.0 * 0.2], rel=1e-14
    )
    assert [layer.flip_rate for layer in media] == pytest.approx([0.1, 0.2, 0.0, 0.0, 0.0, 0.8])
    assert [layer.rate for layer in media] == pytest.approx([0.9, 1.8, 2.0, 1.0, 1.0, 3.2])
    assert [layer.collisions for layer in media] == pytest.approx([1.0, 2.0, 2.0, 1.0, 1.0, 4.0])
    given = {**deck, "electrons": {"exchange": 0.1, "spin_relaxation_time": 5.0}, "layer": layers[:1]}
    assert [layer.gamma_sf for layer in deck_from_dict(given).media] == [0.2, 0.2]


def test_a_mechanism_stands_in_place_of_a_materials_length():
    base = {
        "electrons": {"material": "Pt"},
        "layer": [{"start": "20 nm", "material": "Pt", "elliott_yafet": 0.3}],
    }
    deck = {
        **METAL,
        **base,
        "electrons": {"material": "Pt", "spin_flip_probability": 0.1, "exchange": "1 meV"},
    }
    found = deck_from_dict(deck)
    assert found.electrons.spin_diffusion_length is None
    assert found.layer[0].spin_diffusion_length is None
    assert found.gas.tau / found.gas.tau_sf == pytest.approx(0.2)
    assert found.media[1].gamma_sf == pytest.approx(0.3 * found.media[1].collisions)
    assert "elliott_yafet = 0.3" in found.resolved
    assert "spin_relaxation_time" not in found.resolved


def test_what_is_refused():
    ways = [
        ({"electrons__elliott_yafet": 0.05, "electrons__spin_diffusion_length": "5 nm"},
         ["electrons.elliott_yafet = 0.05", "electrons.spin_diffusion_length = 5e-09 m", "leave out one"]),
        ({"electrons__dyakonov_perel": "1e12 rad/s", "electrons__spin_relaxation_time": "none"},
         ["electrons.dyakonov_perel = 1e+12 rad/s", 'electrons.spin_relaxation_time = "none"']),
        ({"layer": [{"start": "20 nm", "spin_flip_probability": 0.1, "spin_relaxation_time": "1 ps"}]},
         ["layer[0].spin_flip_probability = 0.1", "layer[0].spin_relaxation_time = 1e-12 s"]),
        ({"electrons__spin_flip_probability": 0.5}, ["electrons.spin_flip_probability = 0.5", "from 0 to 0.49"]),
        ({"electrons__elliott_yafet": -0.1}, ["electrons.elliott_yafet = -0.1", "at least 0"]),
        ({"electrons__dyakonov_perel": "10 GHz"}, ["electrons.dyakonov_perel", "rad/s"]),
    ]  # fmt: skip
    for changes, parts in ways:
        told = sentence(changed(METAL, **changes))
        for part in parts:
            assert part in told


def test_a_pulse_is_not_turned_over():
    pulse = {
        "units": "reduced", "electrons": {"spin_flip_probability": 0.1},
        "sample": {"x": {"length": 10, "cells": 10, "left": "specular", "right": "absorbing"}},
        "pulse": {"position": 5}, "results": {"end": 4, "time_bins": 4},
    }  # fmt: skip
    assert "electrons.spin_flip_probability cannot be used with a [pulse]" in sentence(pulse)
    initial = {**pulse, "initial": {"position": 5, "spin": [0, 0, 1]}}
    del initial["pulse"]
    deck_from_dict(initial)


def test_dipoles_are_not_walked_where_collisions_turn_spins_over():
    rashba = {"rashba": {"field": "0.01 eV nm", "direction": [0, 0, 1]}}
    deck = changed(METAL, electrons__spin_flip_probability=0.1, spin_orbit=rashba)
    problem = make_problem(deck_from_dict(deck))
    assert not any(problem.scene.dipoles)
    assert any("electrons.spin_flip_probability = 0.1" in note for note in problem.notes)
    wide = changed(deck, sample__y={"length": "8 nm", "cells": 4, "left": "periodic", "right": "periodic"})
    assert "electrons.spin_flip_probability = 0.1 cannot be used with [spin_orbit]" in sentence(wide)


def test_a_turn_between_collisions_that_is_not_small_is_warned_of():
    slow, fast = (
        make_problem(deck_from_dict(changed(METAL, electrons__dyakonov_perel=f"{Omega} rad/s")))
        for Omega in ("1e13", "1e14")
    )
    assert slow.regime["Omega_DP tau"][0] == pytest.approx(1e13 * slow.scales.time)
    assert not any("dyakonov_perel" in text for text in slow.warnings)
    assert any(text.startswith("dyakonov_perel: Ωτ = 0.254 is not small") for text in fast.warnings)
