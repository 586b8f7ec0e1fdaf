"""Where a junction's magnet ends: keys that are left out follow from the others, those that differ are told."""

import tomllib

import pytest
from decks import JUNCTION

from mcpump.deck.read import deck_from_dict
from mcpump.errors import InputError
from mcpump.problem.reduce import make_problem

MAGNET = {"saturation_magnetization": "800 kA/m"}


def junction(interface=None, starts=None, thickness=None, **changes):
    """JUNCTION with what is given of the end; an empty text stands for a section without the key."""
    deck = {**JUNCTION, "texture": {**JUNCTION["texture"], "interface": interface}, **changes}
    if starts is not None:
        deck["layer"] = [{"start": start or None, "mean_free_path": "2 nm"} for start in starts]
    if thickness is not None:
        deck["magnet"] = {**MAGNET, "thickness": thickness or None}
    return {
        name: [without_none(one) for one in section] if name == "layer" else without_none(section)
        for name, section in deck.items()
    }


def without_none(table):
    return {key: value for key, value in table.items() if value is not None}


@pytest.mark.parametrize(
    "given",
    [
        {"interface": "20 nm", "starts": ["", "30 nm"], "thickness": ""},
        {"starts": ["20 nm", "30 nm"], "thickness": ""},
        {"starts": ["", "30 nm"], "thickness": "20 nm"},
        {"interface": "200 angstrom", "starts": ["20 nm", "30 nm"], "thickness": ""},
    ],
)
def test_what_is_left_out_follows(given):
    deck = deck_from_dict(junction(**given))
    assert deck.texture.interface == deck.layer[0].start == deck.magnet.thickness == 20e-9
    assert deck.layer[1].start == 30e-9
    again = deck_from_dict(tomllib.loads(deck.resolved))
    assert again.resolved == deck.resolved
    notes = make_problem(deck).notes
    assert notes == make_problem(again).notes
    assert not any("the magnet ends at" in note for note in notes)


def test_two_sections_are_enough():
    assert deck_from_dict(junction(thickness="20 nm")).texture.interface == 20e-9
    assert deck_from_dict(junction(starts=["20 nm"])).texture.interface == 20e-9
    assert deck_from_dict(junction("20 nm", starts=[""])).layer[0].start == 20e-9
    assert deck_from_dict(junction("20 nm", thickness="")).magnet.thickness == 20e-9


def test_reduced_decks_too():
    deck = {
        "units": "reduced",
        "electrons": {"exchange": 0.05},
        "layer": [{"start": 6, "mean_free_path": 2}],
        "sample": {"x": {"length": 10, "cells": 10, "left": "specular", "right": "absorbing"}},
        "texture": {"kind": "junction", "width": 1, "cone_angle": 0.2, "frequency": 0.01},
    }
    assert deck_from_dict(deck).texture.interface == 6.0


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "texture.interface is missing"),
        ({"starts": [""]}, "layer[0].start is missing: give it, or texture.interface, from which it follows"),
        (
            {"starts": ["20 nm"], "thickness": "21 nm"},
            "texture.interface is missing: it does not follow from layer[0].start and magnet.thickness, which differ",
        ),
        ({"interface": "20 nm", "starts": ["20 nm", ""]}, "layer[1].start is missing"),
        ({"starts": ["20 parsnips"]}, 'layer[0].start = "20 parsnips" cannot be used'),
        ({"interface": "50 nm", "thickness": ""}, "texture.interface = 5e-08 m lies outside the sample"),
    ],
)
def test_sentences(given, sentence):
    with pytest.raises(InputError) as caught:
        deck_from_dict(junction(**given))
    text = str(caught.value)
    assert text == sentence or text.startswith((sentence + ",", sentence + ":")), text


def test_other_textures_have_no_end():
    deck = junction("20 nm", thickness="")
    deck["texture"] = {"kind": "uniform", "cone_angle": "10 deg", "frequency": "10 GHz"}
    with pytest.raises(InputError, match=r"^magnet\.thickness is missing$"):
        deck_from_dict(deck)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"starts": ["20 nm", "30 nm"], "thickness": "20 nm"}, None),
        ({"starts": ["10 nm", "20 nm"]}, None),
        ({"thickness": "15 nm"}, "magnet.thickness = 1.5e-08 m"),
        ({"starts": ["19 nm", "30 nm"]}, "layer[0].start = 1.9e-08 m"),
        (
            {"starts": ["19 nm"], "thickness": "15 nm"},
            "magnet.thickness = 1.5e-08 m, nor layer[0].start = 1.9e-08 m",
        ),
    ],
)
def test_a_note_where_they_differ(given, told):
    notes = [
        note for note in make_problem(deck_from_dict(junction("20 nm", **given))).notes if "magnet" in note
    ]
    wanted = [f"the magnet ends at texture.interface = 2e-08 m, which is not {told}"] if told else []
    assert notes == wanted
