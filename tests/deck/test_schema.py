"""The JSON schema of a deck accepts what the program accepts, and marks mistakes that are of one key."""

import copy
import tomllib
from pathlib import Path

import jsonschema
import pytest
import runs
from runs import call

from mcpump.deck import sections, textures
from mcpump.deck.kinds import Section
from mcpump.deck.reference import descriptions
from mcpump.deck.schema import schema

DECKS = sorted((Path(__file__).resolve().parents[2] / "run").glob("*.toml"))
SCHEMA = schema()
CHECK = jsonschema.Draft202012Validator(SCHEMA)
JUNCTION = tomllib.loads((DECKS[0].parent / "junction.toml").read_text(encoding="utf-8"))


def wrong(deck):
    """Dotted keys of what the schema marks."""
    return [".".join(map(str, error.absolute_path)) for error in CHECK.iter_errors(deck)]


def test_it_is_a_schema():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("deck", DECKS, ids=lambda path: path.stem)
def test_every_shipped_deck_keeps_to_it(deck):
    assert wrong(tomllib.loads(deck.read_text(encoding="utf-8"))) == []


def test_the_words_of_a_stack_are_accepted():
    """A cell's length and places by names; what can be neither a number nor a place is marked."""
    stack = tomllib.loads((DECKS[0].parent / "co_pt.toml").read_text(encoding="utf-8"))
    assert (stack["sample"]["x"]["cells"], stack["results"]["planes"][1]) == ("0.25 nm", "Pt")
    stack["run"]["stop"] = {
        "quantity": "spin_current.total.z.dc", "at": "interface + 0.25 nm", "relative_error": 0.01, "max_walkers": 1e6,
    }  # fmt: skip
    assert wrong(stack) == []
    stack["sample"]["x"]["cells"], stack["results"]["planes"] = 0, [True]
    assert sorted(wrong(stack)) == ["results.planes.0", "sample.x.cells"]


@pytest.mark.parametrize("name", ["JUNCTION", "PULSE", "PLANAR", "TRANSIENT"])
def test_reduced_decks_keep_to_it(name):
    assert wrong(tomllib.loads(getattr(runs, name))) == []


@pytest.mark.parametrize(
    ("key", "value", "marked"),
    [
        ("electrons.mean_fre_path", "1 nm", "electrons"),
        ("electrons.mean_free_path", "one nm", "electrons.mean_free_path"),
        ("electrons.dimension", 4, "electrons.dimension"),
        ("sample.x.cells", 0, "sample.x.cells"),
        ("sample.x.cells", "forty", "sample.x.cells"),
        ("sample.x.left", "mirror", "sample.x.left"),
        ("texture.kind", "junktion", "texture"),
        ("texture.cone_angle", True, "texture"),
        ("results.channels", ["third"], "results.channels.0"),
        ("results.harmonics", 17, "results.harmonics"),
        ("run.walkers_per_block", 3, "run.walkers_per_block"),
        ("units", "cgs", "units"),
    ],
)
def test_mistakes_are_marked_where_they_are(key, value, marked):
    deck = copy.deepcopy(JUNCTION)
    *tables, last = key.split(".")
    table = deck
    for name in tables:
        table = table.setdefault(name, {})
    table[last] = value
    assert wrong(deck) == [marked]


def test_every_key_of_it_is_described():
    for name, table in SCHEMA["$defs"].items():
        cls = getattr(sections, name, None) or getattr(textures, name)
        assert issubclass(cls, Section)
        for key, told in table["properties"].items():
            assert told.get("description") or key == "kind", (name, key)
    assert SCHEMA["$defs"]["Run"]["properties"]["seed"]["description"] == descriptions(sections.Run)["seed"]
    assert "null" not in str(SCHEMA)


def test_the_command_prints_it(tmp_path, monkeypatch):
    import json

    from mcpump.deck.reference import reference

    status, out, err = call("keys", "--schema")
    assert (status, err, json.loads(out)) == (0, "", SCHEMA)
    assert call("keys") == (0, reference(), "")
