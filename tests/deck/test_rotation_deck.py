"""[spin_orbit] rotation: what it becomes, what it is refused with, and which walk it takes."""

import math

import numpy as np
import pytest
from decks import changed

from mcpump import theory
from mcpump.deck import deck_from_dict
from mcpump.errors import InputError
from mcpump.problem import make_problem
from mcpump.problem.slab import never_solved

DECK = {
    "units": "reduced",
    "electrons": {"dimension": 2, "fermi_wavenumber": 50.0},
    "sample": {"x": {"length": 4.0, "cells": 4, "left": "periodic", "right": "periodic"}},
    "spin_orbit": {"rotation": True, "rashba": {"field": 0.01, "direction": [0, 0, 2]}},
    "initial": {"spin": [0, 0, 1]},
    "results": {"channels": ["exact"], "harmonics": 0, "end": 4.0, "time_bins": 2},
    "run": {"walkers": 64, "walkers_per_block": 4},
}
OWN = {"field": 0.004, "direction": [1, 0, 0]}
METAL = {
    "electrons": {
        "fermi_wavenumber": "2e8 1/m", "mean_free_path": "100 nm", "effective_mass": 0.067,
        "exchange": "1 meV",
    },
    "sample": {"x": {"length": "1 um", "cells": 4, "left": "specular", "right": "specular"}},
    "layer": [{"start": "500 nm", "fermi_velocity": "1e5 m/s"}],
    "spin_orbit": {"rotation": True, "rashba": {"field": "0.02 eV angstrom", "direction": [0, 0, 1]}},
    "initial": {"spin": [0, 0, 1]},
    "results": {"channels": ["exact"], "harmonics": 0, "end": "1 ps", "time_bins": 2},
}  # fmt: skip


def sentence(deck):
    with pytest.raises(InputError) as caught:
        make_problem(deck_from_dict(deck))
    return str(caught.value)


def turns(deck):
    return [np.reshape(layer.turn, (3, 3)) for layer in deck_from_dict(deck).layers]


def test_fields_become_a_matrix():
    (turn,) = turns(DECK)
    np.testing.assert_allclose(turn, theory.rashba_turn(1.0, (0.0, 0.0, 1.0)), rtol=1e-14)
    (turn,) = turns(changed(DECK, spin_orbit__dresselhaus=OWN))
    both = theory.rashba_turn(1.0, (0.0, 0.0, 1.0)) + theory.dresselhaus_turn(0.4, (1.0, 0.0, 0.0))
    np.testing.assert_allclose(turn, both, rtol=1e-14)
    one, other = turns(changed(DECK, spin_orbit__rashba__between=[1.0, 2.0]))[:2]
    assert not one.any()
    assert other.any()
    # charge of first order is another matter
    layer = deck_from_dict(DECK).layers[0]
    assert layer.rashba == (0.0, 0.0, 0.0)
    assert not any(deck_from_dict(changed(DECK, spin_orbit=None)).layers[0].turn)


def test_fields_as_large_as_each_other_leave_one_axis():
    (turn,) = turns(changed(DECK, spin_orbit__dresselhaus={"field": 0.01, "direction": [1, -1, 0]}))
    assert np.count_nonzero(turn) == 1
    assert turn[1, 0] == pytest.approx(2.0)


def test_si_and_layers():
    """2E_so k_F τ/ħ of [electrons]; a layer has the k_F that its ν and v have, √(νv)."""
    one, other = turns(METAL)
    gas = deck_from_dict(METAL).gas
    angle = 2.0 * 0.02 * 1.602176634e-29 * 2e8 * gas.tau / 1.054571817e-34
    np.testing.assert_allclose(one, theory.rashba_turn(angle, (0.0, 0.0, 1.0)), rtol=1e-9)
    np.testing.assert_allclose(other, one * math.sqrt(1e5 / gas.v_F), rtol=1e-9)
    regime = make_problem(deck_from_dict(METAL)).regime
    # ℓ is the same: it turns longer; 2E_so/ħv_F of either
    assert regime["Omega_so tau"][0] == pytest.approx(angle * math.sqrt(gas.v_F / 1e5))
    assert regime["E_so k_F/eps_F"][0] == pytest.approx(2.0 * 0.02 * 1.602176634e-29 / 1.054571817e-34 / 1e5)


def test_takes_the_general_walk():
    problem = make_problem(deck_from_dict(DECK))
    assert problem.scene.spin_orbit
    assert not any(problem.scene.folded)
    assert any("spin_orbit.rotation" in note and "general walk" in note for note in problem.notes)
    assert any("charge" in note for note in problem.notes)
    steady = changed(
        DECK, initial=None, electrons__exchange=0.1, electrons__spin_relaxation_time=5.0,
        texture={"kind": "uniform", "cone_angle": 0.5, "angular_frequency": 0.1},
        results={"channels": ["exact"]},
    )  # fmt: skip
    problem = make_problem(deck_from_dict(steady))
    assert "spin_orbit.rotation" in never_solved(problem.scene)
    assert not problem.scene.from_collisions
    # a step of S does not see spins turn far
    assert problem.scene.rotation_step <= 1.0
    fast = make_problem(deck_from_dict(changed(steady, spin_orbit__rashba__field=0.1)))
    assert fast.scene.rotation_step == pytest.approx(0.1)
    assert any("ε_F" in warning for warning in make_problem(
        deck_from_dict(changed(DECK, spin_orbit__rashba__field=0.2))
    ).warnings)  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"electrons__fermi_wavenumber": None}, "spin_orbit.rashba.field needs k_F"),
        ({"spin_orbit__rashba": None}, "nothing to turn spins about"),
        ({"spin_orbit__rotation": False, "spin_orbit__dresselhaus": OWN}, "needs spin_orbit.rotation = true"),
        ({"spin_orbit__impurity": {"spin_hall_angle": 0.1}}, "cannot be used with [spin_orbit.impurity]"),
        ({"spin_orbit__skew": {"spin_hall_angle": 0.1}}, "cannot be used with [spin_orbit.skew]"),
        ({"spin_orbit__contact_distance": 3.0}, "no voltage to tell"),
        ({"results__channels": ["first", "exact"]}, 'must be ["exact"]'),
        ({"electrons__dimension": 3, "electrons__mean_cosine": 0.3}, "mean_cosine = 0.3 cannot be used"),
        ({"spin_orbit__rashba__direction": [0, 0, 0]}, "must have a length"),
        ({"spin_orbit__dresselhaus": {**OWN, "direction": [0, 0, 1]}}, "must lie across its normal"),
        (
            {"spin_orbit__dresselhaus": {"field": 0.1, "direction": [0, 0, 1], "normal": [1, 0, 0]}},
            "must be along z with electrons.dimension = 2",
        ),
        ({"spin_orbit__rashba__layer": "Pt"}, "spin_orbit.rashba.layer"),
    ],
)
def test_refusals(changes, told):
    assert told in sentence(changed(DECK, **changes))


def test_a_field_and_a_pulse_are_refused():
    driven = changed(
        DECK, initial=None, results={"channels": ["exact"]}, electrons__spin_relaxation_time=5.0,
        electric_field={"field": 1.0, "direction": [0, 1, 0], "spin_hall_conductivity": 0.1},
    )  # fmt: skip
    assert "cannot be used with [electric_field]" in sentence(driven)
    pulse = changed(DECK, initial=None, pulse={"position": 1.0}, results__channels=["first"])
    assert "[spin_orbit] cannot be used with a [pulse]" in sentence(pulse)
