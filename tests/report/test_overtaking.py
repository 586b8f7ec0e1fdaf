"""The table tells where the diffusive current overtakes the local one, beside a magnet that is a face or an interface."""

import re
import tomllib
from pathlib import Path

import numpy as np
import pytest

import mcpump
from mcpump.report.overtaking import overtaking_lines

RUN = Path(__file__).parents[2] / "run"
BETWEEN = re.compile(r"overtakes the local one between x = (\S+) nm and (\S+) nm$")


def told(name, mirrored=False, planes=None):
    """Solution of a shipped deck, and the line."""
    deck = tomllib.loads((RUN / f"{name}.toml").read_text(encoding="utf-8"))
    if mirrored:
        faces = deck["sample"]["x"]
        faces["left"], faces["right"] = faces["right"], faces["left"]
    if planes:
        deck["results"]["planes"] = [f"{x:.6g} m" for x in planes]
    found = mcpump.solve(deck)
    return found, " ".join(line.strip() for line in overtaking_lines(found.result))


def larger(found, x):
    """The larger part of the DC current at a place that is a plane."""
    current = found["plane_current"].sel(
        channel="exact", direction="x", harmonic="dc", component="z", plane=x
    )
    sizes = [abs(current.sel(part=part).mean) for part in ("local", "diffusive")]
    return ("local", "diffusive")[int(np.argmax(sizes))]


@pytest.mark.parametrize("side", ["left", "right"])
def test_planes_around_the_place(side):
    _, words = told("yig_pt", side == "right")
    assert "the diffusive part of DC z, channel exact," in words
    near, far = (float(x) * 1e-9 for x in BETWEEN.search(words).groups())
    found, _ = told("yig_pt", side == "right", [near, far])
    assert [larger(found, x) for x in (near, far)] == (
        ["local", "diffusive"] if side == "left" else ["diffusive", "local"]
    )


def test_both_sides_of_an_interface():
    """In copper, where spins live long, the diffusive part stays a little smaller; in platinum it overtakes."""
    _, words = told("magnetic_interface")
    near, far = map(float, BETWEEN.search(words).groups())
    assert 22.0 < near < far < 23.0


def test_without_such_a_magnet_nothing_is_told():
    _, words = told("junction")
    assert not words
