"""Sweeps beside experiments: what is made of points, the numbers of the decks, refusals."""

import math
import tomllib
from pathlib import Path

import numpy as np
import pytest
from runs import good, refused

import mcpump
from mcpump.deck.read import deck_from_dict
from mcpump.report.papers import Points, power_law, saturation

RUN = Path(__file__).resolve().parents[2] / "run"


def solve(deck, key, values, folder, *plain):
    """Solve a deck at some thicknesses."""
    name = deck.removesuffix(".toml")
    good("sweep", RUN / deck, "--vary", f"{key}={values}", "--solve", "--quiet", "-o", folder / name, *plain)
    return folder / f"{name}.h5"


def test_what_is_made_of_points():
    """An exponential saturates at λ ln 10; a power law has its exponent and factor; errors follow by derivatives."""
    x = np.array([0.5, 1.0, 2.0, 3.0, 4.0, 40.0])
    found, error = saturation(Points(x, 7.0 * (1.0 - np.exp(-x / 1.3)), np.full(6, 7e-4)))
    assert found == pytest.approx(1.3 * math.log(10.0), rel=1e-9)
    # δx = λ δy/(1 − y), of two points with 1e-4 each, at y = 1 − exp(−2/1.3)
    assert error == pytest.approx(1.3 * math.sqrt(2.0) * 1e-4 / math.exp(-2.0 / 1.3), rel=1e-6)
    t = np.array([2.0, 4.0, 8.0])
    n, K = power_law(Points(t, 224.0 * t**-1.04, 0.01 * 224.0 * t**-1.04))
    assert n[0] == pytest.approx(-1.04)
    assert K[0] == pytest.approx(224.0)
    # slope of three points at ln 2 apart, 1 % each
    assert n[1] == pytest.approx(0.01 / (math.sqrt(2.0) * math.log(2.0)))


def test_the_layer_at_the_interface_is_what_was_measured():
    """δ = t/λ_s = 0.9 and AR* = ρt = 0.74 fΩ m²; of the platinum λ_s = 3.4 nm, θ_SH = 0.056, ρ = 17.3 µΩ cm."""
    written = tomllib.loads((RUN / "co_pt.toml").read_text(encoding="utf-8"))
    assert written["materials"]["CoPt"]["resistivity"] == "74 uohm cm"
    deck = deck_from_dict(written, "co_pt.toml")
    interface, platinum = deck.layer
    assert (platinum.start - interface.start) / interface.spin_diffusion_length == pytest.approx(
        0.9, abs=0.002
    )
    assert (platinum.spin_diffusion_length, platinum.spin_hall_angle) == (3.4e-9, 0.056)
    assert interface.spin_hall_angle is None


@pytest.mark.slow  # half a minute of solutions
def test_experiments(tmp_path):
    """Numbers that the gallery tells, which come near those that were published."""
    files = [
        solve("co_pt.toml", "layer[1].thickness", "1 nm, 1.5 nm, 2 nm, 5 nm, 10 nm, 30 nm", tmp_path),
        solve("magnet_thickness.toml", "electrons.thickness", "2.5 nm, 5 nm, 20 nm", tmp_path),
        solve("copper_spacer.toml", "layer[0].thickness", "10 nm, 30 nm, 250 nm", tmp_path),
    ]
    figure = tmp_path / "papers.png"
    out, _ = good("compare", "--papers", *files, "--figure", figure)
    assert figure.stat().st_size > 20_000
    told = [line for line in out.splitlines() if line.startswith("  ") and "published" not in line]
    ours = [float(line.split(" ± ")[-2].split()[-1]) for line in told]
    assert len(ours) == 6
    assert ours[0] == pytest.approx(1.83, abs=0.02)
    assert ours[1] == pytest.approx(9.94, abs=0.02)
    assert ours[2] == pytest.approx(-1.001, abs=0.003)
    assert ours[3] == pytest.approx(167.0, abs=1.0)
    assert ours[4] == pytest.approx(1.571, abs=0.002)
    assert ours[5] == pytest.approx(1.077, abs=0.002)
    told = refused("compare", "--papers", files[1].with_suffix("") / "thickness=5nm.h5")
    assert told == '"electrons.thickness" has 1 values in these files: three or more are needed'


def test_other_decks_are_of_no_paper(tmp_path):
    run = mcpump.solve(RUN / "junction.toml", tmp_path / "junction.h5")
    assert run.result.name == "junction.toml"
    told = refused("compare", "--papers", tmp_path / "junction.h5")
    assert told.startswith(
        "junction.toml is the deck of no paper: sweep one of co_pt, magnet_thickness, copper_"
    )
