"""Decks with [spin_orbit] and [electric_field]: units, numbers, places, and one sentence for each that is bad."""

import copy
import math
import tomllib

import numpy as np
import pytest
from decks import (
    AXIS,
    GONE,
    IMPURITY,
    INITIAL,
    JUNK,
    PULSE,
    SI,
    SI_BAR,
    SPIRAL,
    TRANSIENT,
    changed,
    one_line,
    paths,
    reread,
    sentence,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mcpump import theory
from mcpump.constants import E_CHARGE, HBAR
from mcpump.deck.charge_rules import dipole_obstacles, walks_charge
from mcpump.deck.quantities import quantity
from mcpump.deck.read import deck_from_dict
from mcpump.errors import InputError
from mcpump.problem.reduce import check_report, make_problem
from mcpump.problem.regime import regime_numbers
from mcpump.theory.paper_charge import (
    conductivity,
    impurity_coefficient,
    rashba_coefficient,
    spin_hall_angle,
    spin_hall_drive,
)

ANGSTROM_EV = 1e-10 * E_CHARGE
LAYERED = changed(
    SI,
    layer=[
        {"name": "Pt", "start": "20 nm", "mean_free_path": "0.5 nm", "density_of_states": "20 1/(eV nm^3)"},
        {"name": "Cu", "start": "30 nm"},
    ],
)
REDUCED = changed(
    SPIRAL,
    spin_orbit={"rashba": {"field": 0.01, "direction": [0, 1, 1]}, "impurity": {"spin_hall_angle": -0.02}},
)
WIDE = changed(REDUCED, sample__y=AXIS)
ALONG_X = {"length": 10.0, "cells": 4, "left": "specular", "right": "absorbing"}
BAR = {
    "units": "reduced",
    "electrons": {"spin_relaxation_time": 9.0},
    "sample": {"x": AXIS, "y": ALONG_X},
    "electric_field": {"field": 2.0, "direction": [3, 0, 0], "spin_hall_conductivity": 0.05},
}
GOOD = {
    "si": SI, "layered": LAYERED, "reduced": REDUCED, "wide": WIDE, "bar": BAR, "si bar": SI_BAR,
    "layer": changed(LAYERED, spin_orbit__rashba__layer="Pt", spin_orbit__impurity__layer="electrons"),
    "between": changed(LAYERED, spin_orbit__rashba__between=["0 nm", "2 nm"],
                       spin_orbit__impurity__between=["5 nm", "30.0000000001 nm"]),
    "transient": changed(TRANSIENT, spin_orbit=REDUCED["spin_orbit"]),
    "initial": changed(INITIAL, spin_orbit={"impurity": {"spin_hall_angle": 0.1}}),
    "strength": changed(SPIRAL, electrons__fermi_wavenumber=50.0,
                        spin_orbit={"impurity": {"strength": 0.05, "spin_hall_angle": 0.002}}),
    "pumped bar": changed(SI, electric_field={**SI_BAR["electric_field"], "between": ["1 nm", "20 nm"]}),
}  # fmt: skip
PARTS = ("spin_orbit", "electric_field")


def medium_of(deck):
    gas = deck.gas
    return theory.Medium(gas.v_F, gas.tau, gas.exchange_unit, gas.nu, gas.tau_sf)


@pytest.mark.parametrize("name", GOOD)
def test_good_decks_resolve_to_themselves_and_a_field_asks_for_the_general_walk(name, tmp_path):
    deck = deck_from_dict(GOOD[name])
    again = reread(deck, tmp_path)
    assert again == deck
    assert again.resolved == deck.resolved
    problem = make_problem(deck)
    asks = any("this is the general walk, because of [electric_field]" in note for note in problem.notes)
    assert asks == ("electric_field" in GOOD[name])
    assert make_problem(again).scene == problem.scene
    check_report(make_problem(deck)).encode()


@pytest.mark.parametrize(
    ("text", "dimension", "expected"),
    [
        ("0.1 eV angstrom", "spin_orbit_field", 0.1 * ANGSTROM_EV),
        ("-0.01 eV nm", "spin_orbit_field", -0.1 * ANGSTROM_EV),
        ("100 meV·Å", "spin_orbit_field", 0.1 * ANGSTROM_EV),
        ("1e-30 J m", "spin_orbit_field", 1e-30),
        ("0.0005 nm^2", "spin_orbit_coupling", 5e-22),
        ("-5 pm²", "spin_orbit_coupling", -5e-24),
        ("1 kV/m", "electric_field", 1e3),
        ("-2 V/cm", "electric_field", -200.0),
    ],
)
def test_units(text, dimension, expected):
    assert quantity(text, "a.key", dimension) == pytest.approx(expected, rel=1e-14)


def test_numbers_of_an_si_deck_are_those_of_the_theory():
    deck = deck_from_dict(SI)
    gas, medium = deck.gas, medium_of(deck)
    (layer,) = deck.layers
    # worth of the reduced unit of a_R = −2eτE_so/ħ²: charge current eνJv_F over torque νJ/τ
    unit = E_CHARGE * gas.v_F * gas.tau / HBAR
    a_R = rashba_coefficient([0.0, 0.1 * ANGSTROM_EV, 0.0], medium)
    np.testing.assert_allclose(np.array(layer.rashba) * unit, a_R, rtol=1e-12)
    angle = spin_hall_angle(5e-22 * gas.k_F**2, gas.k_F * gas.ell)
    assert layer.impurity == pytest.approx(2.0 * angle, rel=1e-12)
    assert layer.impurity * E_CHARGE / HBAR == pytest.approx(impurity_coefficient(angle), rel=1e-12)
    assert layer.hall == (0.0, 0.0, 0.0)
    assert deck.spin_orbit.contact_distance == pytest.approx(1e-3)
    regime = regime_numbers(deck)
    assert regime["E_so k_F tau/hbar"][0] == pytest.approx(0.1 * ANGSTROM_EV * gas.k_F * gas.tau / HBAR)
    assert regime["lambda_so k_F^2"][0] == pytest.approx(5e-22 * gas.k_F**2)
    assert regime["theta_SH"][0] == pytest.approx(angle)


def test_drive_of_an_si_deck_is_that_of_the_theory():
    deck = deck_from_dict(SI_BAR)
    medium, scales = medium_of(deck), make_problem(deck).scales
    assert pytest.approx(HBAR / deck.gas.tau) == medium.J
    assert scales.density == pytest.approx(medium.polarization)
    assert "hbar^2 nu/tau v_F" in check_report(make_problem(deck))
    (layer,) = deck.layers
    sigma_SH = 0.02 * conductivity(medium) * HBAR / (2.0 * E_CHARGE)
    wanted = spin_hall_drive([0.0, 1e3, 0.0], sigma_SH)
    found = spin_hall_drive(layer.hall, 1.0) * scales.current
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    # in amperes it is θ_SH σ E
    assert found[2, 0] * scales.charge_per_spin == pytest.approx(-0.02 * deck.gas.sigma * 1e3)
    given = changed(SI_BAR, electric_field__spin_hall_conductivity="-1e5 S/m", spin_orbit=GONE)
    (layer,) = deck_from_dict(given).layers
    assert layer.hall[1] * scales.current * scales.charge_per_spin == pytest.approx(-1e8)


def test_drive_of_a_deck_with_an_exchange_is_counted_in_it():
    deck = deck_from_dict(changed(SI, electric_field=SI_BAR["electric_field"]))
    (layer,) = deck.layers
    scales, angle = make_problem(deck).scales, 0.5 * layer.impurity
    assert layer.hall[1] * scales.current * scales.charge_per_spin == pytest.approx(
        angle * deck.gas.sigma * 1e3
    )


def test_numbers_of_reduced_decks():
    deck = deck_from_dict(REDUCED)
    (layer,) = deck.layers
    side = -0.02 / math.sqrt(2.0)
    assert layer.rashba == pytest.approx((0.0, side, side))
    assert layer.rashba == pytest.approx(
        tuple(
            rashba_coefficient(np.array([0.0, 0.01, 0.01]) / math.sqrt(2.0), theory.Medium.reduced(0.05), 1.0)
        )
    )
    assert layer.impurity == -0.04
    assert math.isnan(regime_numbers(deck)["E_so k_F tau/hbar"][0])
    deck = deck_from_dict(BAR)
    assert deck.layers[0].hall == pytest.approx((0.1, 0.0, 0.0))
    deck = deck_from_dict(
        changed(BAR, spin_orbit={"impurity": {"spin_hall_angle": 0.1}},
                electric_field__spin_hall_conductivity=GONE,
                layer=[{"start": 1.0, "mean_free_path": 2.0}, {"start": 3.0}])
    )  # fmt: skip
    assert [layer.hall[0] for layer in deck.layers] == pytest.approx([0.2, 0.4, 0.2])
    deck = deck_from_dict(GOOD["strength"])
    assert deck.layers[0].impurity == pytest.approx(0.004)
    assert "spin_hall_angle agrees" in " ".join(make_problem(deck).notes)


@pytest.mark.parametrize("impurity", [IMPURITY, {"strength": 5e-22 * 13.6e9**2}])
def test_strength_is_the_same_in_layers_of_another_mean_free_path(impurity):
    deck = deck_from_dict(changed(LAYERED, spin_orbit__impurity=impurity))
    gas = deck.gas
    first, pt, cu = deck.layers
    k_F = gas.k_F * math.sqrt(pt.nu)
    assert pt.impurity == pytest.approx(2.0 * spin_hall_angle(5e-22 * gas.k_F**2, k_F * 0.5e-9), rel=1e-12)
    assert first.impurity == cu.impurity == pytest.approx(pt.impurity * 0.5 * math.sqrt(pt.nu))
    deck = deck_from_dict(changed(LAYERED, spin_orbit__impurity={"spin_hall_angle": 0.03}))
    assert [layer.impurity for layer in deck.layers] == [0.06] * 3
    assert regime_numbers(deck)["theta_SH"][0] == 0.03


def test_sections_are_confined_to_layers_of_a_name():
    deck = deck_from_dict(GOOD["layer"])
    stack = deck.layers
    assert [any(layer.rashba) for layer in stack] == [False, True, False]
    assert [bool(layer.impurity) for layer in stack] == [True, False, False]
    twice = changed(
        GOOD["layer"],
        layer=[{"name": "Pt", "start": "1 nm"}, {"start": "2 nm"}, {"name": "Pt", "start": "3 nm"}],
    )
    assert [any(layer.rashba) for layer in deck_from_dict(twice).layers] == [
        False,
        True,
        False,
        True,
    ]


def test_intervals_cut_layers_and_snap_onto_their_starts():
    deck = deck_from_dict(GOOD["between"])
    stack = deck.layers
    assert [layer.start for layer in stack] == pytest.approx([0.0, 2.0, 5.0, 20.0, 30.0])
    assert [any(layer.rashba) for layer in stack] == [True, False, False, False, False]
    assert [bool(layer.impurity) for layer in stack] == [False, False, True, True, False]
    for i in (1, 2):
        assert stack[i][1:8] == (*stack[0][1:5], 1.0, 1.0, True)
    assert stack[3].rate == pytest.approx(2.0)
    whole = deck_from_dict(changed(SI, spin_orbit__rashba__between=["0 nm", "40.00000000001 nm"]))
    assert len(whole.layers) == 1
    inside = deck_from_dict(changed(LAYERED, layer=[{"start": "20 nm", "transmission": 0.5, "passage": "diffuse",
                            "specularity": 0.2}], spin_orbit__rashba__between=["22 nm", "23 nm"]))  # fmt: skip
    stack = inside.layers
    assert [layer.start for layer in stack] == pytest.approx([0.0, 20.0, 22.0, 23.0])
    assert [layer.transmission for layer in stack] == [1.0, 0.5, 1.0, 1.0]
    assert [layer.specularity for layer in stack] == [1.0, 0.2, 1.0, 1.0]
    assert [layer.straight for layer in stack] == [True, False, True, True]


@pytest.mark.parametrize(
    ("changes", "obstacles"),
    [
        ({}, []),
        ({"sample__x": ALONG_X}, []),
        ({"sample__x": {**ALONG_X, "right": {"absorption": 0.5}}}, []),
        ({"sample__x": {**ALONG_X, "right": {"absorption": 1.0, "specularity": 0.0}}}, []),
        ({"sample__x": {**ALONG_X, "left": "diffuse"}}, ['sample.x.left = "diffuse"']),
        ({"sample__x": {**ALONG_X, "right": {"specularity": 0.5}}}, ["sample.x.right.specularity = 0.5"]),
        ({"layer": [{"start": 3.0, "spin_relaxation_time": 3.0}, {"start": 4.0}]}, []),
        ({"layer": [{"start": 3.0, "mean_free_path": 1.0, "density_of_states": 1.0}]}, []),
        ({"layer": [{"start": 3.0, "transmission": 0.5}]}, ["layer[0].transmission = 0.5"]),
        ({"layer": [{"start": 3.0, "passage": "diffuse"}]}, ['layer[0].passage = "diffuse"']),
        ({"layer": [{"start": 3.0, "lifetime": 2}, {"start": 4.0}]}, ["layer[0].lifetime = 2"]),
        ({"layer": [{"start": 3.0, "fermi_velocity": 2}, {"start": 4.0}]}, ["layer[0].fermi_velocity = 2"]),
        (
            {"layer": [{"start": 3.0, "density_of_states": 2}, {"start": 4.0}]},
            ["layer[0].density_of_states = 2"],
        ),
    ],
)
def test_where_dipoles_can_walk(changes, obstacles):
    narrow = deck_from_dict(changed(REDUCED, **changes))
    assert dipole_obstacles(narrow) == obstacles
    # the scene has its own eyes
    assert make_problem(narrow).scene.dipoles[0] == (not obstacles)
    note = "only the charge currents along y and z"
    assert (note in " ".join(make_problem(narrow).notes)) == bool(obstacles)
    wide = changed(WIDE, **changes)
    if obstacles:
        text = sentence(wide)
        assert text.startswith(obstacles[0] + " cannot be used with [spin_orbit] on a mesh along more than x")
    else:
        deck_from_dict(wide)


def test_a_spin_hall_bar_without_charge_may_have_diffuse_faces():
    deck = deck_from_dict(
        changed(
            BAR, sample__y={**ALONG_X, "left": "diffuse"}, spin_orbit={"impurity": {"spin_hall_angle": 0.1}}
        )
    )
    assert not walks_charge(deck)
    assert deck.results.channels == ("first",)


def test_notes_and_warnings():
    def words(*changes):
        deck = SI
        for change in changes:
            deck = changed(deck, **change)
        problem = make_problem(deck_from_dict(deck))
        return " ".join(problem.notes), " ".join(problem.warnings)

    notes, warnings = words()
    assert "impurities make no charge density" in notes
    assert "confined" not in notes
    assert "E_so k_F" not in warnings
    assert "only the charge currents" not in notes
    confined, _ = words({"spin_orbit__rashba__between": ["0 nm", "2 nm"]})
    assert "∇E_so" in confined
    along, _ = words({"spin_orbit__rashba__direction": [1, 0, 0], "sample__x__left": "diffuse"})
    assert "only the charge currents" not in along
    _, strong = words(
        {"spin_orbit__rashba__field": "-2 eV nm", "spin_orbit__impurity": {"spin_hall_angle": -0.3}}
    )
    for name in ("E_so k_F τ/ħ = ", "λ_so k_F² = -", "θ_SH = -0.3 is not small"):
        assert name in strong
    twice, _ = words({"electric_field": {**SI_BAR["electric_field"], "spin_hall_conductivity": "1e5 S/m"}})
    assert "spin_hall_conductivity is used" in twice
    across = make_problem(deck_from_dict(WIDE)).notes
    assert "impurities make no" not in " ".join(across)


COUPLED = ["spin_orbit", "[spin_orbit.rashba]", "[spin_orbit.impurity]"]
NO_RASHBA = changed(REDUCED, spin_orbit__rashba=GONE)
NO_IMPURITY = changed(REDUCED, spin_orbit__impurity=GONE)
BAD = [
    (SI, {"spin_orbit": {}}, COUPLED),
    (SI, {"spin_orbit": {"contact_distance": "1 mm"}}, COUPLED),
    (SI, {"spin_orbit": 3}, ["spin_orbit = 3", "table", "rashba"]),
    (SI, {"spin_orbit__rashbo": {}}, ["spin_orbit has", "did you mean rashba?"]),
    (SI, {"spin_orbit__contact_distance": "0 mm"}, ["spin_orbit.contact_distance", "positive"]),
    (SI, {"spin_orbit__rashba__field": GONE}, ["spin_orbit.rashba.field is missing"]),
    (SI, {"spin_orbit__rashba__field": 0.1}, ["spin_orbit.rashba.field = 0.1", '"0.1 eV angstrom"']),
    (SI, {"spin_orbit__rashba__field": "0 eV nm"}, ["spin_orbit.rashba.field", "must be not 0"]),
    (SI, {"spin_orbit__rashba__field": "1 eV"}, ["spin_orbit.rashba.field", "spin orbit field", "eV angstrom"]),
    (SI, {"spin_orbit__rashba__direction": GONE}, ["spin_orbit.rashba.direction is missing"]),
    (SI, {"spin_orbit__rashba__direction": [0, 0, 0]}, ["spin_orbit.rashba.direction", "length"]),
    (SI, {"spin_orbit__rashba__direction": "y"}, ["spin_orbit.rashba.direction", "three plain numbers"]),
    (SI, {"spin_orbit__rashba__layer": "Pt"}, ['spin_orbit.rashba.layer = "Pt"', "must be one of electrons"]),
    (LAYERED, {"spin_orbit__rashba__layer": "Ptt"}, ["one of electrons, Pt, Cu", "did you mean Pt?"]),
    (LAYERED, {"spin_orbit__impurity__layer": "Au"}, ['spin_orbit.impurity.layer = "Au"', "electrons, Pt, Cu"]),
    (SI, {"spin_orbit__rashba__layer": 2}, ["spin_orbit.rashba.layer = 2", "text"]),
    (
        SI, {"spin_orbit__rashba__layer": "electrons", "layer": [{"start": "2 nm", "name": "electrons"}]},
        ['spin_orbit.rashba.layer = "electrons"', "layer[0] has this name"],
    ),
    (
        LAYERED, {"spin_orbit__rashba__layer": "Pt", "spin_orbit__rashba__between": ["1 nm", "2 nm"]},
        ["spin_orbit.rashba has both of layer and between"],
    ),
    (SI, {"spin_orbit__rashba__between": ["2 nm", "1 nm"]}, ["spin_orbit.rashba.between = [2e-09 m, 1e-09 m]", "before"]),
    (SI, {"spin_orbit__rashba__between": ["1 nm", "1 nm"]}, ["spin_orbit.rashba.between", "from before to"]),
    (SI, {"spin_orbit__rashba__between": ["1 nm", "41 nm"]}, ["between = [1e-09 m, 4.1e-08 m]", "outside", "4e-08 m"]),
    (SI, {"spin_orbit__rashba__between": ["-1 nm", "1 nm"]}, ["spin_orbit.rashba.between[0]", "at least 0"]),
    (SI, {"spin_orbit__rashba__between": "1 nm"}, ["spin_orbit.rashba.between", "two places along x"]),
    (SI, {"spin_orbit__rashba__between": ["1 nm", 2]}, ["spin_orbit.rashba.between[1] = 2", "no unit"]),
    (SI, {"results__channels": ["first"]}, ['must hold "second" or "exact"', "[spin_orbit.rashba]"]),
    (NO_RASHBA, {"results__channels": ["second_ladder"]}, ['"first", "second" or "exact"', "[spin_orbit.impurity]"]),
    (SI, {"spin_orbit__impurity": {}}, ["spin_orbit.impurity", "missing", "coupling, strength, spin_hall_angle"]),
    (SI, {"spin_orbit__impurity__coupling": "0 nm^2"}, ["spin_orbit.impurity.coupling", "not 0"]),
    (SI, {"spin_orbit__impurity__coupling": "1 nm"}, ["spin_orbit.impurity.coupling", '"0.0005 nm^2"']),
    (SI, {"spin_orbit__impurity__strength": 0.05}, ["spin_orbit.impurity.strength = 0.05", "disagrees", "1 %"]),
    (SI, {"spin_orbit__impurity__strength": "5 %"}, ["spin_orbit.impurity.strength", "plain number"]),
    (SI, {"spin_orbit__impurity__strength": 0}, ["spin_orbit.impurity.strength = 0", "not 0"]),
    (SI, {"spin_orbit__impurity__spin_hall_angle": 0.5}, ["spin_orbit.impurity.spin_hall_angle = 0.5", "disagrees"]),
    (REDUCED, {"spin_orbit__impurity": {"strength": 0.1}}, ["impurity.strength = 0.1", "k_F", "spin_hall_angle"]),
    (REDUCED, {"spin_orbit__impurity": {"coupling": 0.1}}, ["spin_orbit.impurity.coupling = 0.1", "fermi_wavenumber"]),
    (REDUCED, {"spin_orbit__impurity": {"coupling": "1 nm^2"}}, ["spin_orbit.impurity.coupling", "plain numbers"]),
    (REDUCED, {"spin_orbit__rashba__field": 1e30}, ["2E_so / ħv_F", "check the units"]),
    (REDUCED, {"spin_orbit__impurity__spin_hall_angle": -1e30}, ["θ_SH", "check the units"]),
    (PULSE, {"spin_orbit": NO_RASHBA["spin_orbit"]}, ["[spin_orbit] cannot be used with a [pulse]"]),
    (PULSE, {"electric_field": BAR["electric_field"]}, ["[electric_field] cannot be used with a [pulse]"]),
    (INITIAL, {"spin_orbit": NO_IMPURITY["spin_orbit"]}, ["spin_orbit.rashba", "without a [texture]"]),
    (BAR, {"spin_orbit": NO_IMPURITY["spin_orbit"]}, ["spin_orbit.rashba", "without a [texture]"]),
    (BAR, {"electric_field": GONE}, ["neither of [texture] and [pulse], nor [initial] or [electric_field]"]),
    (BAR, {"electric_field__field": 0}, ["electric_field.field = 0", "not 0"]),
    (BAR, {"electric_field__field": 1e20}, ["σ_SH E", "check the units"]),
    (BAR, {"electric_field__direction": GONE}, ["electric_field.direction is missing"]),
    (BAR, {"electric_field__spin_hall_conductivity": 0}, ["electric_field.spin_hall_conductivity = 0", "not 0"]),
    (BAR, {"electric_field__spin_hall_conductivity": GONE}, ["electric_field.spin_hall_conductivity is missing"]),
    (
        SI_BAR, {"electric_field__between": ["1 nm", "2 nm"], "spin_orbit__impurity__between": ["2 nm", "3 nm"]},
        ["electric_field.spin_hall_conductivity is missing", "where the field acts"],
    ),
    (BAR, {"results": {"end": 3.0}}, ["results.end cannot be used with [electric_field]"]),
    (INITIAL, {"electric_field": BAR["electric_field"]}, ["both of [initial] and [electric_field]"]),
    (SI_BAR, {"electric_field__field": "1 V"}, ["electric_field.field", "an electric field", '"1 kV/m"']),
    (SI_BAR, {"electric_field__spin_hall_conductivity": "1 S"}, ["electric_field.spin_hall_conductivity", "S/m"]),
    (SI_BAR, {"electric_field__layer": "Pt"}, ['electric_field.layer = "Pt"', "electrons"]),
]  # fmt: skip


@pytest.mark.parametrize(("deck", "changes", "parts"), BAD, ids=lambda value: str(value)[:50])
def test_bad_decks(deck, changes, parts):
    text = sentence(changed(deck, **changes))
    for part in parts:
        assert part in text


SPOILT = sorted(
    {path for deck in GOOD.values() for path in paths(deck) if path[0] in (*PARTS, "layer", "sample")}
)


@settings(max_examples=150, deadline=5000, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_nothing_but_sentences_escapes(data):
    deck = copy.deepcopy(data.draw(st.sampled_from(list(GOOD.values()))))
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from(SPOILT))
        table = deck
        for part in path:
            inner = table.setdefault(part, {})
            table = inner if isinstance(inner, dict) else {}
        numbers = st.floats(-1e61, 1e61) | st.lists(st.floats(0.0, 11.0), min_size=2, max_size=3)
        table[last] = data.draw(
            JUNK | numbers | st.sampled_from(["1e60 V/m", "1e-60 J m", "-1e60 J m", "1e-60 m^2"])
        )
    try:
        good = deck_from_dict(deck)
        problem = make_problem(good)
    except InputError as error:
        one_line(error)
        return
    assert deck_from_dict(tomllib.loads(good.resolved)) == good
    check_report(problem).encode()
    for layer in problem.scene.layers:
        assert np.all(np.isfinite(np.hstack(layer)))
