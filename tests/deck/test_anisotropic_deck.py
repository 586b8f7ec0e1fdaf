"""electrons.mean_cosine: ℓ between collisions, D and σ of ℓ/(1 − g); what it is refused with, and which walk it takes."""

import pytest
from decks import changed, sentence

from mcpump.deck.electrons import resolve
from mcpump.deck.read import deck_from_dict
from mcpump.errors import InputError
from mcpump.problem import check_report, make_problem

P0 = {"fermi_wavenumber": 1.36e10, "exchange": 1e-21, "mean_cosine": 0.6}
DECK = {
    "units": "reduced",
    "electrons": {"exchange": 0.1, "spin_relaxation_time": 5.0, "mean_cosine": 0.6},
    "layer": [{"start": 3.0, "mean_free_path": 0.5}],
    "sample": {"x": {"length": 6.0, "cells": 6, "left": "specular", "right": "absorbing"}},
    "texture": {"kind": "uniform", "cone_angle": 0.3, "angular_frequency": 0.1},
    "run": {"walkers": 1024, "walkers_per_block": 64},
}


@pytest.mark.parametrize(
    "key", ["mean_free_path", "lifetime", "diffusion_coefficient", "conductivity", "resistivity"]
)
def test_every_key_of_scattering_gives_the_same_gas(key):
    gas = resolve({**P0, "mean_free_path": 2e-9}, False)
    plain = resolve({**P0, "mean_free_path": 2e-9, "mean_cosine": 0.0}, False)
    assert (gas.ell, gas.tau) == (plain.ell, plain.tau)
    assert pytest.approx(plain.D / 0.4, rel=1e-14) == gas.D
    assert gas.sigma == pytest.approx(plain.sigma / 0.4, rel=1e-14)
    numbers = {
        "mean_free_path": gas.ell, "lifetime": gas.tau, "diffusion_coefficient": gas.D, "conductivity": gas.sigma,
        "resistivity": 1.0 / gas.sigma,
    }  # fmt: skip
    again = resolve({**P0, key: numbers[key]}, False)
    assert again[:-1] == pytest.approx(gas[:-1], rel=1e-13, nan_ok=True)
    by_states = resolve(
        {
            "density_of_states": gas.nu,
            "mean_free_path": gas.ell,
            "resistivity": 1.0 / gas.sigma,
            "mean_cosine": 0.6,
        },
        False,
    )
    assert by_states.v_F == pytest.approx(gas.v_F, rel=1e-12)


def test_layers_have_the_same_law():
    layers = deck_from_dict(DECK).media
    assert [layer.mean_cosine for layer in layers] == [0.6, 0.6]
    assert [layer.transport for layer in layers] == pytest.approx([0.4, 0.8])
    assert deck_from_dict(DECK).gas.lambda_s == pytest.approx((5.0 / 1.2) ** 0.5)


def test_a_material_keeps_its_conductivity():
    metal = {
        "electrons": {"material": "Pt", "mean_cosine": 0.5, "exchange": "1 meV"},
        "layer": [{"start": "3 nm", "material": "Cu"}],
        "sample": {"x": {"length": "6 nm", "cells": 6, "left": "specular", "right": "absorbing"}},
        "texture": {"kind": "uniform", "cone_angle": "20 deg", "frequency": "10 GHz"},
    }
    found, plain = (deck_from_dict(one) for one in (metal, changed(metal, electrons__mean_cosine=0.0)))
    assert found.gas.sigma == pytest.approx(plain.gas.sigma, rel=1e-9)
    assert found.gas.ell == pytest.approx(0.5 * plain.gas.ell, rel=1e-9)
    ratio = found.gas.ell / plain.gas.ell
    assert found.media[1].transport / ratio == pytest.approx(plain.media[1].transport, rel=1e-9)


def test_walkers_go_from_birth_and_nothing_is_solved():
    problem = make_problem(deck_from_dict(DECK))
    assert not problem.scene.from_collisions
    assert not problem.scene.reference
    assert any("general walk, because of electrons.mean_cosine" in note for note in problem.notes)
    assert problem.regime["ell_tr"][0] == pytest.approx(2.5)
    assert "not held against the solution without walkers: impurities do not" in check_report(problem)
    assert "ell_tr" not in make_problem(deck_from_dict(changed(DECK, electrons__mean_cosine=0.0))).regime


def test_what_is_refused():
    assert "from -0.95 to 0.95" in sentence(changed(DECK, electrons__mean_cosine=1.0))
    told = sentence(changed(DECK, electrons__dimension=2))
    assert "electrons.mean_cosine = 0.6 needs electrons.dimension = 3, not 2" in told
    with pytest.raises(InputError, match="mean_cosine"):
        resolve({"mean_cosine": 0.3, "exchange": 0.1}, True, 1)
    for name, section in (
        ("rashba", {"field": 0.02, "direction": [0, 0, 1]}), ("impurity", {"spin_hall_angle": 0.1}),
    ):  # fmt: skip
        told = sentence(changed(DECK, spin_orbit={name: section}))
        assert f"electrons.mean_cosine = 0.6 cannot be used with [spin_orbit.{name}]" in told
    pulse = {
        "units": "reduced", "electrons": {"mean_cosine": 0.3},
        "sample": {"x": {"length": 10, "cells": 10, "left": "specular", "right": "absorbing"}},
        "pulse": {"position": 5}, "results": {"end": 4, "time_bins": 4},
    }  # fmt: skip
    assert "electrons.mean_cosine cannot be used with a [pulse]" in sentence(pulse)
