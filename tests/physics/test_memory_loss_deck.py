"""The shipped deck of spin memory loss: its numbers, those of the thin layer in its place, and the same without loss."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from walks import DC, Z, changed

from mcpump.deck.read import deck_from_dict
from mcpump.problem import make_problem
from mcpump.problem.slab import solution_of

RUN = Path(__file__).resolve().parents[2] / "run"
NEAR = 0.25


def solved(name, **changes):
    """DC spin z through the end of the cobalt and 0.25 nm into the platinum, and what is lost on the way there."""
    deck = deck_from_dict(changed(tomllib.loads((RUN / name).read_text(encoding="utf-8")), **changes))
    edges, found = solution_of(make_problem(deck), ("exact",))
    metal, part = deck.media[-1].start, found["exact"]

    def whole(name):
        return (getattr(part.local, name) + getattr(part.diffusive, name))[..., DC, Z]

    places = deck.media[1].start, metal + NEAR * 1e-9 / deck.gas.ell
    out, into = (whole("through")[np.argmin(abs(edges - place))] for place in places)
    lost = (whole("lost") * np.diff(edges))[edges[:-1] >= metal].sum()
    return deck, out, into, lost


def test_what_the_deck_says():
    deck, out, into, lost = solved("memory_loss.toml")
    assert (deck.media[1].transmission, deck.media[1].flip) == pytest.approx((0.712, 0.485), abs=0.001)
    _, without, into_without, none = solved(
        "memory_loss.toml",
        layer=[{"material": "Pt", "thickness": "10 nm", "memory_loss": 1e-6, "area_resistance": "0.74 fohm m^2",
                "passage": "diffuse", "specularity": 0.0}],
    )  # fmt: skip
    assert_allclose([out / without, into / into_without], [1.485, 0.652], atol=0.001)
    assert abs(none) < 1e-5 * without
    # of what passes into the platinum the interface takes its part, and a quarter of a nanometre of platinum a little
    assert 0.0 < out - lost - into < 0.06 * out
    sharp = {"texture__width": "0 nm", "results__planes": ["interface", "Pt + 0.25 nm"]}
    _, thin_out, thin_into, _ = solved("co_pt.toml", **sharp)
    assert_allclose([out / thin_out, into / thin_into], [1.064, 1.047], atol=0.002)
