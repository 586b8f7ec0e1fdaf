"""The reference of all keys is that of the program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mcpump.deck import sections as deck_sections
from mcpump.deck import textures as deck_textures
from mcpump.deck.kinds import Section
from mcpump.deck.reference import descriptions, reference

ROOT = Path(__file__).resolve().parents[2]
SECTIONS = [
    one
    for module in (deck_sections, deck_textures)
    for one in vars(module).values()
    if isinstance(one, type) and issubclass(one, Section) and one.__module__ == module.__name__
]


def test_reference_is_up_to_date():
    text = (ROOT / "docs" / "DECK.md").read_text(encoding="utf-8")
    assert text == reference(), "run: python -m mcpump.deck.reference > docs/DECK.md"


@pytest.mark.parametrize("section", SECTIONS, ids=lambda one: one.__name__)
def test_every_key_is_described(section):
    about = descriptions(section)
    for name in section.__annotations__:
        if name in section.model_fields and not (name == "kind" and section.__name__ != "Drive"):
            assert about.get(name, "").endswith("."), name
            assert f"| `{name}` |" in reference() or section is deck_sections.Sample


def test_every_key_says_what_it_accepts():
    rows = [line.split(" | ") for line in reference().splitlines() if line.startswith("| `")]
    assert len(rows) > 100
    tables = {row[0] for row in rows if row[1] == "table"}
    assert tables <= {
        f"| `{name}`"
        for name in (*deck_sections.Tables.model_fields, "rashba", "dresselhaus", "impurity", "skew", "stop")
    }


def test_command():
    done = subprocess.run(
        [sys.executable, "-m", "mcpump.deck.reference"], cwd=ROOT, capture_output=True, encoding="utf-8",
        env={"PYTHONIOENCODING": "utf-8", "PATH": ""},
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stdout == reference()
