"""Skew scattering in runs: the exact bulk formula, its reciprocity with the spin Hall drive, symmetries, and voltages."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

import mcpump
from mcpump import report, theory
from mcpump.deck.read import deck_from_dict
from mcpump.deck.toml import override
from mcpump.errors import InputError
from mcpump.problem import make_problem
from mcpump.theory.skew import flown_share

THETA = 0.08


def load(name):
    """A shipped deck."""
    return tomllib.loads((Path(__file__).parents[2] / "run" / name).read_text(encoding="utf-8"))


def deck(**more):
    """A spiral along x whose spins relax, reduced."""
    made = {
        "units": "reduced",
        "electrons": {"exchange": 0.1, "spin_relaxation_time": 3},
        "sample": {"x": {"length": 6, "cells": 48, "left": "periodic", "right": "periodic"}},
        "texture": {"kind": "spiral", "wavelength": 6, "cone_angle": "50 deg", "angular_frequency": 0.3},
        "results": {"channels": ["first", "second", "exact"]},
        "run": {"walkers": 4096, "walkers_per_block": 64},
        "spin_orbit": {"skew": {"spin_hall_angle": THETA}},
    }
    return override(made, [f"{key}={value}" for key, value in more.items()])


def closed(**more):
    return deck(**{"sample.x.left": "'specular'", "sample.x.right": "'specular'"} | more)


@pytest.fixture(scope="module")
def wave():
    return mcpump.run(deck())


@pytest.fixture(scope="module")
def film():
    """Between mirrors."""
    return mcpump.run(closed())


def test_wave_of_first_order(wave):
    """j_c = 2θ_SH ε_ijα j_j^α of the exact spin current, and what one flight more leaves of a wave with qℓ = 1.05."""
    q, Omega = 2.0 * np.pi / 6.0, 0.3
    gamma = 1.0 + 1j * Omega + 1.0 / 3.0
    a = -1j * Omega * np.sin(np.radians(50.0)) * np.array([1.0, -1j])  # components x, y of −Ṡ
    spin = a * theory.K_1(q, gamma, 3) / theory.ladder_gap(q, gamma, 3)
    share = flown_share(q, Omega)
    x, h = (np.arange(48) + 0.5) / 8.0, 1.0 / 8.0
    carried = np.exp(1j * q * x) * np.sinc(q * h / 2.0 / np.pi) * share * 2.0 * THETA
    for direction, amplitude in (("z", spin[1]), ("y", 0.0)):
        expected = amplitude * carried
        for harmonic, values in (("cos1", expected.real), ("sin1", -expected.imag)):
            told = wave["skew_current"].sel(
                channel="first", part="total", charge_direction=direction, harmonic=harmonic
            )
            # even in each cell, a wave is 1 % smaller at (qh)² = 0.017
            off = 0.3 * (q * h) ** 2 * np.abs(expected)
            assert np.all(np.abs(told.mean - values) <= 4.0 * told.error + off + 1e-15)
            assert told.error.max() <= 0.01 * max(np.abs(expected).max(), 1e-9)
    assert abs(share) == pytest.approx(0.8307, abs=1e-4)  # what is tested is not the formula alone


def test_uniform_medium_is_the_formula(film):
    """In one metal between mirrors the mean over the sample is θ_SH (2e/ħ) ∫ε_ijα j_j^α dx at any ℓ, of every channel."""
    skew, formula = (
        film[f"{name}_current_mean"].sel(harmonic="dc") for name in ("skew", "inverse_spin_hall")
    )
    scale = np.abs(formula.mean).max()
    assert scale > 0.0
    np.testing.assert_allclose(skew.mean, formula.mean, rtol=1e-10, atol=1e-12 * scale)
    np.testing.assert_allclose(skew.error, formula.error, rtol=1e-6, atol=1e-10 * scale)
    profile = film["skew_current"]
    np.testing.assert_allclose(
        profile.mean.mean(axis=-1), film["skew_current_mean"].mean, atol=1e-12 * np.abs(profile.mean).max()
    )
    # alternating currents lag, as Drude's
    ac = film["inverse_spin_hall_current_mean"].sel(channel="sum", part="total", charge_direction="z")
    z = (ac.sel(harmonic="cos1").mean - 1j * ac.sel(harmonic="sin1").mean) / (1.0 + 0.3j)
    told = film["skew_current_mean"].sel(channel="sum", part="total", charge_direction="z")
    assert told.sel(harmonic="cos1").mean == pytest.approx(z.real, rel=1e-9)
    assert told.sel(harmonic="sin1").mean == pytest.approx(-z.imag, rel=1e-9)


def test_charge_turns_with_the_angle(film):
    """θ → −θ turns it round, to the last bit, and a tenth of θ is a tenth of it."""
    turned = mcpump.run(closed(**{"spin_orbit.skew.spin_hall_angle": -THETA}))
    for name in ("skew_current", "skew_current_mean"):
        np.testing.assert_array_equal(turned[name].mean, -film[name].mean)
        np.testing.assert_array_equal(turned[name].error, film[name].error)
    less = mcpump.run(closed(**{"spin_orbit.skew.spin_hall_angle": THETA / 8.0}))
    np.testing.assert_array_equal(less["skew_current"].mean, film["skew_current"].mean / 8.0)
    plain = closed()
    del plain["spin_orbit"]
    run = mcpump.run(plain)
    assert "skew_current" not in run
    np.testing.assert_array_equal(run["spin_current"].mean, film["spin_current"].mean)


def test_same_bits_for_any_threads(film):
    one = mcpump.run(closed(), threads=1)
    for name in ("skew_current", "skew_current_mean"):
        np.testing.assert_array_equal(one[name].mean, film[name].mean)


def test_without_walkers(film):
    solved = mcpump.solve(closed())
    for name in ("skew_current", "skew_current_mean"):
        told, other = film[name].sel(channel="first"), solved[name].sel(channel="first")
        bound = 4.0 * np.hypot(told.error, other.error) + 1e-12
        assert np.all(np.abs(told.mean - other.mean) <= bound)


def test_reciprocal_to_the_spin_hall_drive():
    """What spins born at x move as charge is what a field, by the same θ_SH, piles up there as spin.

    A source a(x) makes the spin current j_x, and the drive J = σ_SH E, σ_SH = (ħ/2e)θ_SH σ/(1 + τ/τ_sf), the density g:
    θ_SH ∫j_x dx = D ∫a g dx/E in units of the drive, each walked by itself. The source is
    slow, 1e-4/τ, as good as steady.
    """
    length, cells, tau_sf, Omega, q = 4.0, 32, 3.0, 1e-4, 2.0 * np.pi / 7.0
    sample = {"x": {"length": length, "cells": cells, "left": "specular", "right": "specular"}}
    electrons = {"exchange": 0.1, "spin_relaxation_time": tau_sf}
    run = {"walkers": 65_536, "walkers_per_block": 512}
    texture = {"kind": "spiral", "wavelength": 7.0, "cone_angle": "90 deg", "angular_frequency": Omega}
    pumped = mcpump.run(
        {
            "units": "reduced", "electrons": electrons, "sample": sample, "texture": texture,
            "results": {"channels": ["first"]}, "run": run,
            "spin_orbit": {"skew": {"spin_hall_angle": THETA}},
        }
    )  # fmt: skip
    driven = mcpump.run(
        {
            "units": "reduced", "electrons": electrons, "sample": sample, "run": run,
            "electric_field": {
                "field": 1.0, "direction": [0, 0, 1], "spin_hall_conductivity": THETA / (1.0 + 1.0 / tau_sf),
            },
        }
    )  # fmt: skip
    density = driven["spin_density"].sel(channel="spin_hall", part="total", component="y", harmonic="dc")
    x = (np.arange(cells) + 0.5) * length / cells
    source = -Omega * np.cos(q * x)  # cos1 of −Ṡ_y
    expected = (2.0 / 3.0) * (source * density.mean).mean()
    error = (2.0 / 3.0) * (np.abs(source) * density.error).mean()
    told = pumped["skew_current_mean"].sel(
        channel="first", part="total", charge_direction="z", harmonic="cos1"
    )
    assert told.error < 0.01 * abs(told.mean)
    assert error < 0.03 * abs(expected)
    assert abs(told.mean - expected) <= 4.0 * np.hypot(told.error, error) + 2e-3 * abs(expected)


def test_which_directions_flow():
    """In two dimensions no velocity points along z: spins along z alone are scattered aside."""
    run = mcpump.solve(closed(**{"electrons.dimension": 2}))
    assert not run["skew_current"].sel(charge_direction="z").mean.any()
    assert not run["skew_current"].sel(charge_direction="x").mean.any()
    assert run["skew_current"].sel(charge_direction="y", channel="second").mean.any()


REFUSED = [
    ({"sample.x.cells": 2001}, "sample.x.cells = 2001 must be at most 2000 with [spin_orbit.skew]"),
    ({"electrons.dimension": 1}, "electrons.dimension = 1 cannot be used with [spin_orbit.skew]"),
    ({"spin_orbit.skew.spin_hall_angle": -0.4}, "spin_orbit.skew.spin_hall_angle = -0.4 must be at most 0.333 in size"),
    ({"electrons.mean_cosine": 0.3}, "electrons.mean_cosine = 0.3 cannot be used with [spin_orbit.skew]"),
    ({"sample.y": "{length = 3, cells = 2, left = 'periodic', right = 'periodic'}"}, "sample.y cannot be used"),
    ({"results.end": 3, "results.time_bins": 3, "results.harmonics": 0}, "results.end cannot be used"),
    ({"spin_orbit.skew.spin_hall_angle": 0}, "spin_orbit.skew.spin_hall_angle = 0"),
    ({"spin_orbit.skew.spin_hall_angle": "'material'"}, "electrons.spin_hall_angle is missing, which spin_orbit.skew"),
    ({"spin_orbit.skew.layer": "'Pt'"}, 'spin_orbit.skew.layer = "Pt" must be one of'),
    ({"spin_orbit.skew": "{}"}, "spin_orbit.skew.spin_hall_angle"),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "words"), REFUSED)
def test_refusals(changes, words):
    with pytest.raises(InputError) as caught:
        deck_from_dict(deck(**changes), "")
    assert words in str(caught.value)


def test_where_it_acts():
    """The formula beside it takes the same angle, unless [spin_orbit.impurity] says another."""
    made = deck(layer="[{start = 3, name = 'B', spin_hall_angle = 0.02}]")
    made["electrons"]["spin_hall_angle"] = 0.01
    made["spin_orbit"]["skew"] = {"spin_hall_angle": "material", "layer": "B"}
    layers = deck_from_dict(made, "").layers
    assert [(one.skew, one.angle, one.impurity) for one in layers] == [(0.0, 0.0, 0.0), (0.02, 0.02, 0.0)]
    made["spin_orbit"]["impurity"] = {"spin_hall_angle": 0.1}
    layers = deck_from_dict(made, "").layers
    assert [(one.skew, one.angle) for one in layers] == [(0.0, 0.1), (0.02, 0.1)]
    made["spin_orbit"]["skew"]["spin_hall_angle"] = 0.25
    warnings = " ".join(make_problem(deck_from_dict(made, "")).warnings)
    assert "θ_SH of skew scattering = 0.25 is not small" in warnings


def test_wide_cells_are_told():
    told = " ".join(make_problem(deck_from_dict(deck(**{"sample.x.cells": 3}), "")).notes)
    assert "sample.x.cells = 3: a cell is 2 mean free paths wide" in told
    assert "mean free paths wide" not in " ".join(make_problem(deck_from_dict(deck(), "")).notes)


@pytest.fixture(scope="module")
def shipped():
    return mcpump.run(override(load("skew.toml"), ["run.walkers=8192", "run.walkers_per_block=128"]))


def test_shipped_deck_tells_three_voltages(shipped):
    """The numbers of its paragraph; the sheet's conductance and the voltage from the profile, by hand."""
    dc = {"channel": "exact", "charge_direction": "y", "harmonic": "dc"}
    skew, formula = (shipped[f"{name}_voltage"].sel(**dc) for name in ("skew", "inverse_spin_hall"))
    assert skew.sel(part="total").mean == pytest.approx(3.07e-6, rel=2e-3)
    assert formula.sel(part="total").mean == pytest.approx(2.83e-6, rel=2e-3)
    assert formula.sel(part="local").mean == pytest.approx(3.16e-6, rel=2e-3)
    assert 0.0 < skew.sel(part="total").error < 1e-3 * skew.sel(part="total").mean
    profile = shipped["skew_current"].sel(part="total", **dc)
    sheet = 0.04335
    assert skew.sel(part="total").mean == pytest.approx(
        -profile.mean.sum() * 0.25e-9 / sheet * 1e-3, rel=2e-4
    )
    assert "0.04335 S along straight flights" in shipped["skew_voltage"].long_name
    assert profile.error.max() < 0.01 * np.abs(profile.mean).max()
    # the formula jumps at the interface by the angles' ratio; at the closed face it ends, and the charge current does not
    told = shipped["inverse_spin_hall_current"].sel(part="total", **dc)
    assert abs(profile.mean[-1]) > 2.0 * abs(told.mean[-1])
    assert abs(profile.mean[19]) > 3.0 * abs(told.mean[19])


def test_table_tells_both(shipped):
    text = " ".join(report.table(shipped.result).split())
    assert "inverse spin Hall voltage between contacts 0.001 m apart" in text
    assert (
        "skew scattering voltage between contacts 0.001 m apart, of a sheet conductance of 0.04335 S" in text
    )
    assert "(in brackets: what its local part makes): DC y 3.0" in text
    low = override(load("skew.toml"), ["results.channels=['second']", "run.walkers=1024"])
    text = " ".join(report.table(mcpump.run(low).result).split())
    assert "Skew scattering voltage is not told: channel second, which does not hold" in text


def test_figure(shipped):
    pytest.importorskip("matplotlib")
    from mcpump import figures

    figure = figures.charge_figure([shipped.result])
    [axes] = figure.axes
    names = [line.get_label() for line in axes.lines]
    assert "formula, total spin current" in names
    assert [f"skew scattering, {part}" in names for part in ("local", "diffusive", "total")] == [True] * 3
    profile = shipped["skew_current"].sel(channel="exact", part="total", charge_direction="y", harmonic="dc")
    total = next(line for line in axes.lines if line.get_label() == "skew scattering, total")
    np.testing.assert_allclose(total.get_ydata(), profile.mean * 1e-3)
    with pytest.raises(InputError, match="cos9"):
        figures.charge_figure([shipped.result], "cos9")
