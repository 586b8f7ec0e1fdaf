"""Decks with a magnet in an interface: what its keys make of spin, and one sentence for each that cannot be."""

import math

import pytest
from decks import GONE, JUNCTION, changed, reread, sentence

from mcpump.deck.read import deck_from_dict
from mcpump.errors import InputError
from mcpump.problem.reduce import check_report, make_problem
from mcpump.theory import Medium
from mcpump.theory.pumping import sharvin_conductance

MIXING = {"reflection": [0.2, 0.1], "mixing_transmission": [0.1, -0.2], "transmission": 0.5}
LAYER = {"material": "Pt", "thickness": "10 nm", **MIXING}
DECK = {
    "electrons": {"material": "Cu", "thickness": "20 nm"},
    "layer": [LAYER],
    "sample": {"x": {"cells": 30, "left": "specular", "right": "specular"}},
    "texture": {"kind": "magnetic_interface", "cone_angle": "5 deg", "frequency": "10 GHz"},
    "results": {"channels": ["exact"], "planes": ["25 nm"]},
}
REDUCED = {
    "units": "reduced",
    "electrons": {"spin_relaxation_time": 10},
    "layer": [{"start": 2.0, "density_of_states": 0.5, **MIXING}],
    "sample": {"x": {"length": 5.0, "cells": 30, "left": "specular", "right": "specular"}},
    "texture": {"kind": "magnetic_interface", "cone_angle": "5 deg", "frequency": 0.001},
    "results": {"channels": ["exact"], "planes": [1.0]},
}


def with_layer(deck=DECK, **keys):
    layer = {**deck["layer"][0], **keys}
    return changed(deck, layer=[{key: one for key, one in layer.items() if one is not GONE}])


def test_factors_of_who_passes_and_comes_back(tmp_path):
    deck = deck_from_dict(REDUCED)
    _, layer = deck.media
    # the smaller νv is on the right: half as many of those on the left pass
    assert layer.passed == pytest.approx((0.1 - 0.2j) / 0.5)
    assert layer.kept == pytest.approx(((0.2 + 0.1j) / 0.75, (0.2 + 0.1j) / 0.5))
    assert layer.magnetic
    assert make_problem(deck).scene.magnet_outside
    for one in (deck, deck_from_dict(DECK)):
        assert reread(one, tmp_path) == one


def test_conductances_are_of_both_sides():
    deck = deck_from_dict(with_layer(mixing_conductance=["1.6e19 1/m^2", "1e18 1/m^2"], reflection=GONE))
    smaller = min(one.nu * one.v for one in deck.media)
    for kept, one in zip(deck.media[1].kept, deck.media, strict=True):
        sharvin = sharvin_conductance(
            Medium(one.v * deck.gas.v_F, 1e-14, 1e-20, one.nu * deck.gas.nu, math.inf)
        )
        T = 0.5 * smaller / (one.nu * one.v)
        assert kept * (1.0 - T) == pytest.approx(1.0 - (1.6e19 + 1e18j) / sharvin)


def test_what_is_not_given_is_taken():
    for given in ("reflection", "mixing_transmission"):
        deck = deck_from_dict(with_layer(**{"reflection": GONE, "mixing_transmission": GONE, given: 0.0}))
        assert (deck.media[1].passed, deck.media[1].kept) == (0.0, (0.0, 0.0))


def test_an_interface_that_does_the_same_to_all_spin_is_plain():
    layer = deck_from_dict(changed(DECK, layer=[{**LAYER, "transmission": 0.5}, {
        "material": "Pt", "thickness": "5 nm", "transmission": 0.3, "mixing_transmission": 0.3, "reflection": 0.7,
    }])).media[2]  # fmt: skip
    assert not layer.magnetic


def test_places_where_spin_orbit_coupling_begins_are_no_magnets():
    inside = changed(DECK, spin_orbit={"impurity": {"spin_hall_angle": 0.1, "between": ["22 nm", "25 nm"]}})
    scene = make_problem(deck_from_dict(inside)).scene
    assert [layer.magnetic for layer in scene.layers] == [False, True, False, False]


def test_no_exchange_is_needed_and_none_is_told():
    report = check_report(make_problem(deck_from_dict(DECK)))
    assert "walk: in lanes, after first flights by discrete ordinates" in report
    assert "held against the solution without walkers" in report


WRONG = [
    (with_layer(reflection=GONE, mixing_transmission=GONE), ["is in no interface", "mixing_conductance"]),
    (with_layer(material="Cu", transmission=0.3, mixing_transmission=0.3, reflection=0.7), ["is in no interface"]),
    (with_layer(mixing_conductance="1e19 1/m^2"), ["layer[0] has both of mixing_conductance and reflection"]),
    (with_layer(mixing_transmission=0.6), ["layer[0].mixing_transmission = [0.6, 0.0]", "at most transmission = 0.5"]),
    (with_layer(reflection=[0.9, 0.0]), ["layer[0].reflection = [0.9, 0.0]", "at most 1 − T = 0.5"]),
    (with_layer(REDUCED, transmission=1.0), ["layer[0].reflection = [0.2, 0.1]", "at most 1 − T = 0 "]),
    (with_layer(mixing_conductance="1 1/m^2", reflection=GONE),
     ["layer[0].mixing_conductance = [1, 0] 1/m^2 is none of this interface", "|R| = 1", "with g_Sh"]),
    (with_layer(mixing_conductance="5 nm", reflection=GONE), ["layer[0].mixing_conductance", "1/m^2"]),
    (with_layer(mixing_transmission="all"), ["layer[0].mixing_transmission"]),
    (with_layer(mixing_transmission=[0.1] * 3), ["must be one number, or two"]),
    (with_layer(transmission=GONE, memory_loss=0.5, area_resistance="1 fohm m^2"),
     ["layer[0].reflection cannot be used with memory_loss"]),
    (with_layer(REDUCED, mixing_conductance=0.5, reflection=GONE), ["layer[0].mixing_conductance has no unit"]),
    (changed(JUNCTION, layer=[{"start": "20 nm", "reflection": 0.0}]),
     ["layer[0].reflection needs texture.kind", '"magnetic_interface"']),
    (changed(DECK, texture__kind="insulator"), ["layer[0].reflection needs texture.kind"]),
    (changed(DECK, sample__x__left={"reflection": 0.0}), ["sample.x.left.reflection needs texture.kind", "insulator"]),
    (changed(DECK, results__planes=["20 nm"]), ["results.planes holds 2e-08 m, an interface in which the magnet is"]),
    (changed(DECK, results__channels=["first", "exact"]), ["results.channels", 'give ["exact"]']),
    (changed(DECK, electrons={"material": "Cu", "thickness": "20 nm", "spin_relaxation_time": "none"},
             layer=[{**LAYER, "spin_relaxation_time": "none"}]), ['results.channels holds "exact"', "no end here"]),
    (changed(DECK, texture__ellipticity=0.5), ["texture.ellipticity = 0.5", '"magnetic_interface"']),
    (changed(DECK, results__end="1 ps"), ["results.end cannot be used"]),
    (changed(DECK, run={"walk": "general"}), ['run.walk = "general" cannot be used']),
    (changed(DECK, sample__y={"length": "5 nm", "cells": 5, "left": "periodic", "right": "periodic"}),
     ["sample.y cannot be used"]),
]  # fmt: skip


@pytest.mark.parametrize("case", range(len(WRONG)))
def test_what_cannot_be_is_one_sentence(case):
    deck, said = WRONG[case]
    told = sentence(deck)
    for part in said:
        assert part in told, told


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"electrons__mean_cosine": 0.3}, "electrons.mean_cosine asks for the general walk"),
        ({"texture__cone_angle": "0 deg"}, "a texture at rest asks for the general walk"),
    ],
)
def test_walks_that_do_not_know_it(changes, why):
    with pytest.raises(
        InputError, match=r'texture\.kind = "magnetic_interface" needs a sample along'
    ) as caught:
        make_problem(deck_from_dict(changed(DECK, **changes)))
    assert why in str(caught.value)
