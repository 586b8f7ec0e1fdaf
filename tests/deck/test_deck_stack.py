"""A stack in which each thickness stands once: what follows from it, what is refused, and decks that say everything."""

import tomllib
from pathlib import Path

import pytest

from mcpump.deck.read import deck_from_dict
from mcpump.deck.toml import Unset, label_of, override
from mcpump.errors import InputError

STACK = {
    "electrons": {"name": "Py", "material": "Py", "thickness": "10 nm"},
    "layer": [
        {"name": "Cu", "material": "Cu", "thickness": "3 nm"},
        {"name": "Pt", "material": "Pt", "thickness": "6 nm"},
    ],
    "sample": {"x": {"cells": "0.5 nm", "left": "specular", "right": "specular"}},
    "texture": {"kind": "junction", "width": "0.3 nm", "cone_angle": "5 deg", "frequency": "9.4 GHz"},
    "magnet": {"layer": "Py", "saturation_magnetization": "800 kA/m"},
    "results": {"channels": ["exact"], "planes": ["interface", "interface + 0.5 nm", "Pt", "Pt - 1 nm"]},
}


def test_everything_follows_from_thicknesses():
    deck = deck_from_dict(STACK)
    assert [layer.start for layer in deck.layer] == [10e-9, 13e-9]
    assert (deck.sample.x.length, deck.sample.x.cells) == (19e-9, 38)
    assert deck.texture.interface == deck.magnet.thickness == 10e-9
    assert deck.planes == (10e-9, 10.5e-9, 12e-9, 13e-9)
    assert deck.notes == ()
    # a resolved deck says everything, and says it again
    again = deck_from_dict(tomllib.loads(deck.resolved))
    assert again == deck
    assert again.resolved == deck.resolved


def test_one_thickness_moves_all_behind_it():
    deck = deck_from_dict(override(STACK, ["electrons.thickness=4 nm", "layer[0].thickness=2.5 nm"]))
    assert [layer.start for layer in deck.layer] == [4e-9, 6.5e-9]
    assert (deck.sample.x.length, deck.sample.x.cells) == (12.5e-9, 25)
    assert deck.texture.interface == deck.magnet.thickness == 4e-9
    assert deck.planes == (4e-9, 4.5e-9, 5.5e-9, 6.5e-9)


def test_it_is_the_deck_that_says_everything():
    """The same media and mesh as with starts and a length."""
    said = {
        **STACK,
        "electrons": {"material": "Py"},
        "layer": [{"start": "10 nm", "material": "Cu"}, {"start": "13 nm", "material": "Pt"}],
        "sample": {"x": {**STACK["sample"]["x"], "length": "19 nm", "cells": 38}},
        "texture": {**STACK["texture"], "interface": "10 nm"},
        "magnet": {"saturation_magnetization": "800 kA/m", "thickness": "10 nm"},
        "results": {"channels": ["exact"], "planes": ["10 nm", "10.5 nm", "12 nm", "13 nm"]},
    }
    one, other = deck_from_dict(STACK), deck_from_dict(said)
    assert (one.layers, one.planes, one.sample) == (other.layers, other.planes, other.sample)


def test_the_first_layer_may_follow_the_magnet():
    """Thickness of the magnet alone, and of the last layer: the old way to say where the magnet ends still holds."""
    deck = override(STACK, ["magnet.thickness=10 nm", "results.planes=['interface']"])
    deck["electrons"], deck["magnet"] = {"material": "Py"}, {**deck["magnet"], "layer": "electrons"}
    found = deck_from_dict(deck)
    assert [layer.start for layer in found.layer] == [10e-9, 13e-9]
    assert found.texture.interface == 10e-9


def test_reduced_decks_and_cells_in_other_directions():
    deck = deck_from_dict({
        "units": "reduced",
        "electrons": {"thickness": 4, "exchange": 0.1, "spin_relaxation_time": 5},
        "layer": [{"thickness": 2, "mean_free_path": 1}],
        "sample": {
            "x": {"cells": 0.25, "left": "specular", "right": "specular"},
            "y": {"length": 3, "cells": 0.7, "left": "periodic", "right": "periodic"},
        },
        "texture": {"kind": "junction", "width": 1, "cone_angle": 0.1, "angular_frequency": 0.1},
        "results": {"planes": ["interface", "interface + 0.5"]},
        "run": {"stop": {
            "quantity": "spin_current.total.z.dc", "at": "interface + 0.5", "relative_error": 0.1, "max_walkers": 9,
        }},
    })  # fmt: skip
    assert (deck.sample.x.length, deck.sample.x.cells, deck.sample.y.cells) == (6.0, 24, 4)
    assert deck.planes == (4.0, 4.5)
    assert deck.run.stop.at == 4.5


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (["layer[0].start=11 nm"], "layer[0].start = \"11 nm\" is not where electrons ends by its thickness, 10 nm"),
        (["sample.x.length=17 nm"], "sample.x.length = \"17 nm\" is not where the stack ends by its thickness, 19 nm"),
        (["magnet.thickness=9 nm"], "magnet.thickness = \"9 nm\" is not that of Py by its thickness, 10 nm"),
        (["magnet.layer=Pt"], "magnet.layer = \"Pt\" must be the first part of the stack, \"Py\""),
        (["magnet.layer=py"], "magnet.layer = \"py\" must be one of Py, Cu, Pt (did you mean Py?)"),
        (["results.planes=['Co + 1 nm']"], "results.planes[0] = \"Co + 1 nm\" must be a length, or begin with"),
        (["results.planes=['interface + 1']"], "results.planes[0]"),
        (["results.planes=['interface + 20 nm']"], "results.planes"),
        (["sample.x.cells=20 nm"], "sample.x.cells = \"20 nm\" must be a whole number of cells, or the length of one"),
        (["sample.x.cells=0 nm"], "sample.x.cells = \"0 nm\" must be a whole number of cells"),
        (["layer[1].thickness=-6 nm"], "layer[1].thickness"),
        (["layer[0].thickness=3"], "layer[0].thickness"),
    ],
)  # fmt: skip
def test_what_is_refused(changes, words):
    with pytest.raises(InputError) as error:
        deck_from_dict(override(STACK, changes))
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("key", ["electrons.name", "layer[0].name", "layer[1].name"])
def test_a_name_is_text(key):
    for layer in ("Py", "Cu", "pt"):
        with pytest.raises(InputError) as error:
            deck_from_dict(override(STACK, [f"{key}=1", f"magnet.layer={layer}"]))
        assert "\n" not in str(error.value)


def test_there_is_no_interface_without_one():
    deck = {
        **STACK,
        "texture": {"kind": "uniform", "cone_angle": "5 deg", "frequency": "9 GHz"},
        "magnet": None,
    }
    deck = {key: value for key, value in deck.items() if key not in ("layer", "magnet")}
    with pytest.raises(InputError, match=r"there is no interface without a texture\.interface or a"):
        deck_from_dict(deck)


def test_the_first_part_has_its_own_name():
    deck = {**STACK, "spin_orbit": {"impurity": {"spin_hall_angle": "material", "layer": "Py"}}}
    deck["results"] = {**STACK["results"], "channels": ["first", "exact"]}
    assert [bool(layer.impurity) for layer in deck_from_dict(deck).layers] == [True, False, False]
    deck = override(deck, ["spin_orbit.impurity.layer=electrons"])
    assert [bool(layer.impurity) for layer in deck_from_dict(deck).layers] == [True, False, False]


def test_resolved_decks_of_the_shipped_ones_say_no_new_keys():
    """What older files hold is what these decks resolve to."""
    for path in (Path(__file__).parents[2] / "run").glob("*.toml"):
        # files beside the deck; stacks by thickness, which are younger
        if path.stem in (
            "ovf_film",
            "user_texture",
            "co_pt",
            "copper_spacer",
            "magnet_thickness",
            "memory_loss",
            "magnetic_interface",
        ):
            continue
        resolved = tomllib.loads(deck_from_dict(tomllib.loads(path.read_text())).resolved)
        assert "thickness" not in resolved["electrons"]
        assert all("thickness" not in layer for layer in resolved.get("layer", ()))


def test_the_manual_s_stack_is_a_deck():
    manual = (Path(__file__).parents[2] / "docs" / "MANUAL.md").read_text()
    [block] = [text.partition("```")[0] for text in manual.split("```toml\n")[1:]]
    deck = deck_from_dict(tomllib.loads(block))
    assert deck.sample.x.length == 16e-9
    assert deck.planes == (10e-9, 10.6e-9)
    assert deck.magnet.thickness == 10e-9


# --- overrides -----------------------------------------------------------------------------------


def test_unset_takes_keys_out():
    deck = override(
        STACK, [Unset("magnet"), Unset("layer[0]"), "layer[0].thickness=2 nm", Unset("sample.x.left")]
    )
    assert "magnet" not in deck
    assert deck["layer"] == [{**STACK["layer"][1], "thickness": "2 nm"}]
    assert "left" not in deck["sample"]["x"]
    assert "left" in STACK["sample"]["x"]


@pytest.mark.parametrize(
    "key", ["magnets", "magnet.laier", "layer[7]", "layer[7].name", "spin_orbit.rashba", "", "."]
)
def test_unset_of_what_is_not_there_is_refused(key):
    with pytest.raises(InputError) as error:
        override(STACK, [Unset(key)])
    assert "\n" not in str(error.value)


def test_labels_have_the_layer_s_name():
    assert label_of(STACK, "layer[1].thickness") == "thickness of Pt"
    assert label_of(STACK, "electrons.mean_free_path") == "mean free path of Py"
    for key in ("layer[7].thickness", "texture.frequency", "layer[x].thickness", "magnet.thickness"):
        assert label_of(STACK, key) == key
    assert label_of({"electrons": {}}, "electrons.mean_free_path") == "electrons.mean_free_path"
