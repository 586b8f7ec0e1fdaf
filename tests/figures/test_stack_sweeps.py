"""Sweeps of a stack: figure, script, and the limits in thickness, frequency and cone angle that the walk meets."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from runs import good, refused

import mcpump
from mcpump import results
from mcpump.deck.read import deck_from_dict
from mcpump.errors import InputError
from mcpump.figures.stack import Point, cone_point, frequency_point, stack_figure, thickness_point
from mcpump.tally.estimates import Estimate, Result

ROOT = Path(__file__).parents[2]
DECK = {
    "electrons": {"material": "Pt", "mean_free_path": "0.5 nm", "exchange": "15 meV"},
    "sample": {"x": {"length": "8 nm", "cells": 32, "left": "specular", "right": "specular"}},
    "texture": {"kind": "penetration", "depth": "0.4 nm", "cone_angle": "30 deg", "frequency": "10 GHz"},
    "results": {"channels": ["second", "exact"], "planes": ["2 nm"]},
}


def valet_fert(deck=DECK):
    """Result of a deck with Valet and Fert's current behind its plane."""
    deck = deck_from_dict(deck)
    length, cells = deck.sample.x.length, deck.sample.x.cells
    edges = np.linspace(0.0, length, cells + 1)
    lam_s = deck.gas.lambda_s
    ends = np.cosh((length - edges) / lam_s)
    mean = -lam_s * np.diff(ends) / np.diff(edges)
    j, plane = np.zeros((2, 3, 1, 3, 3, cells)), np.zeros((2, 3, 1, 3, 3, 1))
    j[:, :, 0, 0, 2] = mean
    plane[:, :, 0, 0, 2, 0] = math.sinh((length - 2e-9) / lam_s)
    dims = ("channel", "part", "direction", "harmonic", "component")
    estimates = {
        "spin_current": Estimate(j, 0.01 * np.abs(j), (*dims, "x"), "J/m^2", ""),
        "plane_current": Estimate(plane, 0.02 * np.abs(plane), (*dims, "plane"), "J/m^2", ""),
    }
    coords = {
        "channel": ("second", "exact"), "part": ("local", "diffusive", "total"), "direction": ("x",),
        "harmonic": ("dc", "cos1", "sin1"), "component": ("x", "y", "z"),
        "plane": Estimate(np.array([2e-9]), None, ("plane",), "m", ""),
        "x_edge": Estimate(edges, None, ("x_edge",), "m", ""),
    }  # fmt: skip
    blank = dict.fromkeys(Result.__dataclass_fields__)
    return Result(
        **{
            **blank,
            "name": "made up",
            "regime": {},
            "resolved": deck.resolved,
            "estimates": estimates,
            "coords": coords,
        }
    )


def test_thickness_of_valet_and_fert_is_tanh():
    point = thickness_point(valet_fert())
    assert point.x == pytest.approx(6.0 / 3.4)
    assert point.y == pytest.approx(math.tanh(0.5 * point.x), rel=1e-9)
    assert point.error == pytest.approx(math.hypot(0.01, 0.02) * point.y)


def test_thickness_from_a_plane_inside_a_cell_takes_its_share():
    deck = {**DECK, "sample": {"x": {**DECK["sample"]["x"], "cells": 30}}}
    point = thickness_point(valet_fert(deck))
    assert point.y == pytest.approx(math.tanh(0.5 * point.x), rel=2e-3)


def test_frequency_and_cone_angle_of_a_run():
    result = valet_fert()
    assert cone_point(result).x == pytest.approx(math.radians(30.0))
    assert frequency_point(result).x == pytest.approx(2 * math.pi * 1e10 * deck_from_dict(DECK).gas.tau_sf)
    assert frequency_point(result).y == cone_point(result).y > 0.0


def test_what_cannot_be_a_point():
    result = valet_fert()
    with pytest.raises(InputError, match="no spin relaxes"):
        thickness_point(without_relaxation(result))
    result.estimates.pop("plane_current")
    with pytest.raises(InputError, match="has no plane_current"):
        cone_point(result)
    with pytest.raises(InputError, match="no run"):
        stack_figure()


def without_relaxation(result):
    deck = {
        **DECK,
        "electrons": {**DECK["electrons"], "spin_relaxation_time": "none"},
        "sample": {"x": {**DECK["sample"]["x"], "right": "absorbing"}},
    }
    return replace(result, resolved=deck_from_dict(deck).resolved)


def test_figure_has_a_panel_for_each_sweep():
    points = [Point(x, math.tanh(0.5 * x), 0.01) for x in (0.5, 1.0, 4.0)]
    assert len(stack_figure(thickness=points).axes) == 1
    figure = stack_figure(points, points, points)
    assert len(figure.axes) == 3
    assert figure.axes[1].get_xscale() == "log"
    assert "tanh" in figure.axes[0].get_legend_handles_labels()[1][0]


def test_command(tmp_path, monkeypatch):
    monkeypatch.setattr(results, "read", lambda _: valet_fert())
    picture = tmp_path / "stack.png"
    out, _ = good("plot", "stack", "--thickness", "a.h5", "b.h5", "--cone", "a.h5", "-o", picture)
    assert picture.stat().st_size > 10_000
    assert out.count("thickness") == 2
    assert "no run of a sweep" in refused("plot", "stack", "-o", picture)


# --- limits of the walk --------------------------------------------------------------------------


def walked(point, walkers=16384, **keys):
    deck = {**DECK, "run": {"walkers_per_block": 512, "seed": 3}}
    changes = {key.replace("__", "."): value for key, value in keys.items()}
    return point(mcpump.run(deck, set=changes, walkers=walkers, progress=False).result)


def test_metal_takes_tanh_of_its_thickness():
    for length, cells in (("4 nm", 16), ("10 nm", 40)):
        point = walked(thickness_point, sample__x__length=length, sample__x__cells=cells)
        # a plane 4 ℓ behind the face, where the texture is e⁻⁵; ℓ/λ_s = 0.15 is left of transport theory
        assert abs(point.y - math.tanh(0.5 * point.x)) < 4 * point.error + 0.02 * point.y


def test_current_is_linear_in_the_frequency_and_as_sine_squared_of_the_cone_angle():
    # the walkers are the same, so that much of the noise is too
    low, high = (walked(frequency_point, texture__frequency=f) for f in ("1 GHz", "10 GHz"))
    assert high.x == pytest.approx(10 * low.x)
    assert high.x < 0.02
    assert high.y == pytest.approx(10 * low.y, rel=0.02)
    narrow, wide = (walked(cone_point, texture__cone_angle=a) for a in ("5 deg", "80 deg"))
    ratio = math.sin(wide.x) ** 2 / math.sin(narrow.x) ** 2
    # `exact` bends it by 2Jτ/ħ; errors are far below that
    assert wide.y == pytest.approx(ratio * narrow.y, rel=0.02)
