"""Runs beside theory, and fits of Tserkovnyak's form against what was swept."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from decks import JUNCTION, changed
from fake_result import pulse
from fake_scene import of_scene
from scripts import script

import mcpump
from mcpump import figures, results, theory
from mcpump.deck.read import deck_from_dict
from mcpump.errors import InputError
from mcpump.problem.reduce import make_problem
from mcpump.problem.slab import user_of
from mcpump.report.comparison import comparison, comparison_table, waves_of
from mcpump.tally.estimates import Estimate
from mcpump.textures.moving import texture_field

REDUCED = {
    "units": "reduced",
    "electrons": {"exchange": 0.05, "spin_relaxation_time": 20.0},
    "sample": {"x": {"length": 2 * math.pi, "cells": 8, "left": "periodic", "right": "periodic"}},
    "texture": {"kind": "spiral", "wavenumber": 1.0, "cone_angle": 1.0, "angular_frequency": 0.1},
    "results": {"channels": ["first", "second"], "harmonics": 1, "planes": [1.0]},
    "run": {"walkers": 16 * 1024, "walkers_per_block": 1024, "seed": 3, "reference": "off"},
}
NM = {
    "electrons": {
        "fermi_wavenumber": "13.6 /nm", "mean_free_path": "2 nm", "spin_diffusion_length": "none", "exchange": "50 meV",
    },
    "sample": {"x": {"length": "12 nm", "cells": 8, "left": "periodic", "right": "periodic"}},
    "texture": {"kind": "spiral", "wavelength": "12 nm", "cone_angle": "60 deg", "frequency": "1 THz"},
    "spin_orbit": {
        "rashba": {"field": "0.1 eV angstrom", "direction": [0, 1, 1]}, "impurity": {"spin_hall_angle": 0.01},
    },
    "results": {"channels": ["first", "second"], "harmonics": 1},
    "run": {"walkers": 16 * 64, "walkers_per_block": 64, "seed": 3, "reference": "off"},
}  # fmt: skip
MODULATED = {
    "kind": "modulated", "wavenumber": 1.0, "cone_angle": 1.0, "angular_frequency": 0.1, "mean": 0.5, "depth": 0.5,
}  # fmt: skip


def walked(deck, **changes):
    return mcpump.run(changed(deck, **changes), progress=False).result


def close(rows):
    """All within their errors; 16 blocks know those of walkers to a fifth, numerical ones are bounds."""
    assert max(abs(row.deviation) for row in rows) < 5.0
    walked = [row for row in rows if row.error > 1e-4 * abs(row.run)]
    assert 0.5 < math.sqrt(np.mean([row.spread**2 for row in walked])) < 1.6
    assert all(row.spread < 1.6 for row in rows if row not in walked)


@pytest.fixture(scope="module")
def spiral():
    return walked(REDUCED)


def test_spiral_in_lanes(spiral):
    rows = comparison(spiral)
    close(rows)
    found = {(row.quantity, row.channel, row.part, row.harmonic) for row in rows}
    for part in ("local", "diffusive", "total"):
        assert ("spin_current", "first", part, 1) in found
        assert ("spin_density", "second", part, 0) in found
    assert ("torque", "second", "total", 0) in found
    assert not any(row.channel == "sum" or (row.channel == "first" and row.harmonic == 0) for row in rows)


def test_values_are_those_of_the_theory(spiral):
    [row] = [
        row for row in comparison(spiral) if (row.quantity, row.part, row.harmonic) == ("torque", "total", 0)
    ]
    medium = theory.Medium.reduced(0.05, 20.0)
    S = theory.texture_waves((0, 0, math.cos(1)), (math.sin(1), 0, 0), (0, math.sin(1), 0), q=1.0, Omega=0.1)
    exact = theory.harmonics(theory.exact_solution(S, medium, "second").torque["total"], [0.0], 0.1, 1)
    assert row.exact == pytest.approx(exact[0, 2, 0])
    # T = 2νJ²τ S×Ṡ, in ħνJ/τ
    assert row.paper == pytest.approx(2 * 0.05 * 0.1 * math.sin(1) ** 2)
    assert row.deviation == pytest.approx((row.run - row.exact) / row.error)


def test_modulated_texture_without_a_sink():
    """Its mean density is not known, and left out on both sides."""
    rows = comparison(walked(REDUCED, texture=MODULATED, electrons__spin_relaxation_time="none"))
    close(rows)
    assert all(math.isfinite(row.exact) for row in rows)
    assert ("spin_density", "second", "diffusive", 0) in {row[:4] for row in rows}


def test_orders_of_the_general_walk():
    channels = ["first", "second", "second_ladder", "exact"]
    result = walked(REDUCED, results__channels=channels, run__walkers_per_block=128, run__walkers=16 * 128)
    rows = comparison(result)
    close(rows)
    assert {row.channel for row in rows} == set(channels)
    exact = [row for row in rows if row.channel == "exact"]
    assert all(math.isnan(row.paper) for row in exact)
    assert {row.quantity for row in exact} == {"spin_density", "spin_current", "torque"}


@pytest.mark.parametrize(
    "changes",
    [
        {"sample__x__left": "specular", "sample__x__right": "absorbing"},
        {"sample__x__left": "diffuse", "layer": [{"start": 2.0, "mean_free_path": 0.5, "transmission": 0.6}]},
        {
            "texture": {
                "kind": "junction",
                "interface": 2.5,
                "width": 0.0,
                "cone_angle": 0.5,
                "angular_frequency": 0.1,
            }
        },
    ],
)
def test_samples_with_faces_are_held_against_the_solution_without_walkers(changes):
    """Faces, a layer behind an interface that reflects, a sharp step; all channels, also through planes."""
    ends = {"sample__x__left": "specular", "sample__x__right": "absorbing", **changes}
    channels = ["first", "second", "second_ladder", "exact"]
    deck = changed(
        REDUCED, **ends, results__channels=channels, run__walkers_per_block=256, run__walkers=24 * 256
    )
    run = walked(deck)
    rows = comparison(run)
    close(rows)
    assert {row.channel for row in rows} == set(channels)
    assert {row.quantity for row in rows} == {"spin_density", "torque", "plane_current", "spin_current"}
    assert all(math.isnan(row.paper) for row in rows)
    profile, deviations = figures.comparison_figure(run, "exact").axes
    assert [line.get_label() for line in profile.lines if not line.get_label().startswith("_")] == [
        "local", "diffusive", "total",
    ]  # fmt: skip
    assert [label.get_text() for label in deviations.get_yticklabels()] == [
        name.replace("_", " ") for name in channels
    ]
    assert all("rms" in text.get_text() for text in deviations.texts)
    assert len(deviations.texts) == len(channels)


def test_what_has_no_solution_has_no_figure():
    with pytest.raises(InputError, match="has no solution without walkers"):
        figures.comparison_figure(pulse())


def test_charge():
    """Two sources in a spiral, in SI."""
    rows = [row for row in comparison(walked(NM)) if row.quantity.startswith("charge")]
    close(rows)
    assert {row.channel for row in rows} == {"rashba", "impurity_first", "impurity_second"}
    assert {row.units for row in rows} <= {"A/m^2", "C/m^3"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sample__x__left": "specular", "sample__x__right": "absorbing"}, "its sample has faces"),
        ({"layer": [{"start": 2.0, "mean_free_path": 0.5}, {"start": 4.0}]}, "its sample has layers"),
        ({"results__end": 5.0, "results__time_bins": 2, "results__harmonics": 0}, "it is a transient"),
        ({"texture__angular_frequency": 0.0}, "its texture is no moving plane wave"),
    ],
)
def test_what_has_no_exact_solution(changes, why):
    ready = make_problem(deck_from_dict(changed(REDUCED, **changes), "run"))
    with pytest.raises(InputError, match=f"run has no exact solution to compare with: {why}"):
        waves_of(ready)


def test_crossed_waves_are_those_of_the_texture():
    texture = {
        "kind": "crossed_waves",
        "c": 1.0,
        "b": 0.5,
        "wavenumber": 1.0,
        "wavenumber_y": 2.0,
        "angular_frequency": 0.1,
    }
    deck = changed(REDUCED, texture=texture, sample__y=REDUCED["sample"]["x"])
    ready = make_problem(deck_from_dict(deck, "run"))
    x, y, z, t = 0.3, 0.7, 0.0, 4.0
    S = sum((w.amplitude * np.exp(1j * (w.q @ [x, y, z] + w.Omega * t))).real for w in waves_of(ready))
    scene = ready.scene
    wanted = texture_field(
        scene.texture, scene.parameters, user_of(ready), np.array([x]), np.array([y]), np.array([z]), t
    )
    np.testing.assert_allclose(S, wanted[:, 0], atol=1e-12)


def test_script(tmp_path, spiral):
    files = [tmp_path / "spiral.h5", tmp_path / "open.h5"]
    results.write(spiral, files[0])
    transient = {"results__end": 5.0, "results__time_bins": 2, "results__harmonics": 0}
    results.write(walked(REDUCED, **transient), files[1])
    done = script("compare_theory.py", *files, "-o", tmp_path / "table.txt")
    assert done.returncode == 0, done.stderr
    assert "has no exact solution to compare with: it is a transient" in done.stdout
    assert comparison_table(spiral) in done.stdout
    assert (tmp_path / "table.txt").read_text(encoding="utf-8") == done.stdout
    assert max(map(len, done.stdout.splitlines())) <= 130
    files[1].write_bytes(b"no")
    done = script("compare_theory.py", files[1])
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "-o" in script("compare_theory.py", "--help").stdout


def with_mixing(ratio, frequency="10 GHz", b=1e-17, misfit=0.01, exchange=0.05):
    """A made-up run of the junction."""
    result = of_scene(1)
    shares = np.ones((len(result.coords["channel"]), 1)) * np.array([math.nan, 1.0, 1.0])
    result.estimates.update(
        (name, Estimate(shares * value, 0.1 * shares * value, ("channel", "plane"), units, name))
        for name, value, units in (
            ("pumping_a", 2 * b, "J s/m^2"), ("pumping_b", b, "J s/m^2"), ("pumping_misfit", misfit, "1"),
            ("mixing_conductance", 1e35 * b, "1/m^2"), ("mixing_conductance_dc", 0.9e35 * b, "1/m^2"),
        )
    )  # fmt: skip
    resolved = f'[texture]\nfrequency = "{frequency}"\n[run]\nseed = {int(1e3 * ratio)}\n'
    regime = {"ell/lambda": (ratio, "", ""), "J tau/hbar": (exchange, "", "")}
    return dataclasses.replace(result, regime=regime, resolved=resolved)


def test_mixing_points():
    fits = figures.mixing_points([with_mixing(3.0, misfit=0.5), with_mixing(0.3)])
    assert (fits.axis, [point.x for point in fits.points]) == ("ℓ/λ", [0.3, 3.0])
    assert fits.points[0].values[1] == (1e-17, pytest.approx(1e-18))
    assert fits.points[0].plane == pytest.approx(10e-9)  # the first one has no fit
    figure = figures.mixing_figure(fits)
    assert [axes.get_ylabel() for axes in figure.axes] == [
        "a [10⁻¹⁸ J s/m²]", "b [10⁻¹⁸ J s/m²]", "4πb/ħ [10¹⁸ 1/m²]",
    ]  # fmt: skip
    assert figure.axes[-1].get_xscale() == "log"
    assert "hollow" in figure.axes[1].get_title(loc="right")
    assert len(figures.mixing_table(fits).splitlines()) == 3
    other = figures.mixing_points([with_mixing(1.0, "5 GHz"), with_mixing(1.0, "10 GHz")])
    assert (other.axis, [point.x for point in other.points]) == ("texture.frequency [GHz]", [5.0, 10.0])
    asked = figures.mixing_points([with_mixing(1.0, "5 GHz")], "texture.frequency", plane=19.0)
    assert asked.points[0].x == 5.0
    with pytest.raises(InputError, match="nothing was swept"):
        figures.mixing_points([with_mixing(1.0)] * 2)
    with pytest.raises(InputError, match="not a number of one unit"):
        figures.mixing_points([with_mixing(1.0)] * 2, "texture.kind")
    with pytest.raises(InputError, match="has no fit"):
        figures.mixing_points([pulse()])


def test_mixing_of_channels_that_do_not_hold_is_marked():
    held, lost = with_mixing(0.3), with_mixing(3.0, exchange=1.8)
    fits = figures.mixing_points([held, lost])
    assert [point.counts for point in fits.points] == [True, False]
    assert "hollow" in figures.mixing_figure(fits).axes[1].get_title(loc="right")
    rows = figures.mixing_table(fits).splitlines()[1:]
    assert rows[0].endswith("   first + second")
    assert rows[1].endswith("   first + second, which do not hold at Jτ/ħ = 1.8")


def test_mixing_of_an_older_file_is_refused():
    result = with_mixing(0.3)
    old = result.estimates["pumping_b"]
    b = dataclasses.replace(old, mean=old.mean[0], stderr=old.stderr[0], dims=("plane",))
    with pytest.raises(InputError, match="this version of mcpump"):
        figures.mixing_points([dataclasses.replace(result, estimates={**result.estimates, "pumping_b": b})])


def test_mixing_script(tmp_path):
    folder = tmp_path / "sweep"
    folder.mkdir()
    for i, ratio in enumerate((0.3, 3.0)):
        results.write(with_mixing(ratio), folder / f"{i}.h5")
    done = script("mixing_conductance.py", tmp_path / "sweep.h5", "-o", tmp_path / "figure.png")
    assert done.returncode == 0, done.stderr
    assert "4πb/ħ of DC" in done.stdout
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    results.write(pulse(), tmp_path / "pulse.h5")
    done = script("mixing_conductance.py", tmp_path / "pulse.h5")
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "--against" in script("mixing_conductance.py", "--help").stdout


def test_mixing_conductance_of_a_walk():
    fits = figures.mixing_points([walked(JUNCTION, run__walkers=16 * 512, run__walkers_per_block=512)])
    assert math.isfinite(fits.points[0].values[3][0])
