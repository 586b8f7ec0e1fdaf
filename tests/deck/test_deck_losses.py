"""Interfaces that lose spin: keys of a deck, and one sentence for each that cannot be."""

import pytest
from decks import GONE, JUNCTION, changed, reread, sentence

from mcpump.deck.read import deck_from_dict
from mcpump.errors import InputError
from mcpump.problem.reduce import make_problem
from mcpump.theory.boundary_layer import memory_loss

LAYER = {"start": "20 nm", "spin_diffusion_length": "5 nm", "flip": 0.4}
LOSS = {
    "start": "20 nm",
    "spin_diffusion_length": "5 nm",
    "memory_loss": 0.9,
    "area_resistance": "2 fohm m^2",
}
FLIPS, MEASURED = changed(JUNCTION, layer=[LAYER]), changed(JUNCTION, layer=[LOSS])


def test_flip_is_the_layers(tmp_path):
    deck = deck_from_dict(FLIPS)
    assert [layer.flip for layer in make_problem(deck).scene.layers] == [0.0, 0.4]
    assert reread(deck, tmp_path) == deck
    # a place where spin-orbit coupling begins inside the layer is no interface
    inside = changed(FLIPS, spin_orbit={"rashba": {"field": "0.1 eV angstrom", "direction": [0, 0, 1],
                                                   "between": ["25 nm", "30 nm"]}})  # fmt: skip
    scene = make_problem(deck_from_dict(inside)).scene
    assert [layer.flip for layer in scene.layers] == [0.0, 0.4, 0.0, 0.0]
    assert not any(scene.dipoles)
    assert deck_from_dict(changed(FLIPS, sample__x__right="specular")).has_sink


def test_measured_loss_becomes_transmission_and_flip(tmp_path):
    deck = deck_from_dict(MEASURED)
    kappa = 0.5 * 1.602176634e-19**2 * deck.gas.nu * deck.gas.v_F
    layer = deck.media[1]
    assert (layer.transmission, layer.flip) == pytest.approx(memory_loss(0.9, 2e-15 * kappa))
    assert 0.0 < layer.flip < 1.0
    assert reread(deck, tmp_path) == deck
    # of other electrons the smaller νv_F counts
    slow = deck_from_dict(changed(MEASURED, layer=[{**LOSS, "density_of_states": "5 1/(eV nm^3)"}])).media[1]
    assert slow.transmission > layer.transmission


WRONG = [
    (FLIPS, {**LAYER, "flip": 1.2}, ["layer[0].flip = 1.2", "from 0 to 1"]),
    (MEASURED, {**LOSS, "flip": 0.1}, ["both of memory_loss and transmission or flip"]),
    (MEASURED, {**LOSS, "transmission": 0.5}, ["both of memory_loss and transmission or flip"]),
    (MEASURED, {**LOSS, "memory_loss": None}, ["layer[0].area_resistance needs layer[0].memory_loss"]),
    (MEASURED, {**LOSS, "area_resistance": None}, ["layer[0].memory_loss needs layer[0].area_resistance"]),
    (MEASURED, {**LOSS, "memory_loss": 0}, ["layer[0].memory_loss = 0", "positive"]),
    (
        MEASURED,
        {**LOSS, "area_resistance": "0.1 fohm m^2"},
        ["1e-16 ohm m^2 must be at least", "give a flip instead"],
    ),
    (MEASURED, {**LOSS, "area_resistance": "1 nm"}, ["layer[0].area_resistance", "ohm m^2"]),
]


@pytest.mark.parametrize("case", range(len(WRONG)))
def test_what_cannot_be_is_one_sentence(case):
    deck, layer, said = WRONG[case]
    told = sentence(changed(deck, layer=[{key: one for key, one in layer.items() if one is not None}]))
    for part in said:
        assert part in told, told


def test_reduced_decks_have_no_resistance():
    deck = {
        "units": "reduced", "electrons": {"exchange": 0.1},
        "sample": {"x": {"length": 4.0, "cells": 4, "left": "specular", "right": "absorbing"}},
        "layer": [{"start": 2.0, "memory_loss": 0.5, "area_resistance": 2.0}],
        "texture": {"kind": "junction", "width": 0.5, "cone_angle": 0.3, "frequency": 0.01},
    }  # fmt: skip
    assert "layer[0].area_resistance has no place" in sentence(deck)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"run__walk": "general"}, "run.walk asks for the general walk"),
        ({"results__end": "1 ps", "results__planes": GONE}, "results.end asks for the general walk"),
        ({"texture__ellipticity": 0.5}, "moves on no circle"),
        (
            {"sample__y": {"length": "5 nm", "cells": 5, "left": "specular", "right": "specular"}},
            "other directions",
        ),
    ],
)
def test_walks_that_do_not_know_it(changes, why):
    with pytest.raises(InputError, match=r"layer\.flip = 0\.4 needs a sample along x") as caught:
        make_problem(deck_from_dict(changed(FLIPS, **changes)))
    assert why in str(caught.value)
