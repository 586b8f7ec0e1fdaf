"""Charge that first flights of `exact` make: against the solution without walkers, J → 0, layers, meshes, the table."""

import numpy as np
import pytest

import mcpump
from mcpump import report
from mcpump.deck.read import deck_from_dict
from mcpump.deck.toml import override
from mcpump.problem import make_problem
from mcpump.problem.slab import solution_of

STACK = {
    "units": "reduced",
    "electrons": {"exchange": 0.8, "spin_relaxation_time": 5},
    "layer": [{"start": 3, "mean_free_path": 0.5, "spin_relaxation_time": 2, "transmission": 0.7}],
    "sample": {"x": {"length": 5, "cells": 10, "left": "specular", "right": "specular"}},
    "texture": {
        "kind": "junction", "interface": 3, "width": 0.4, "cone_angle": "40 deg", "angular_frequency": 0.2,
    },
    "spin_orbit": {
        "rashba": {"field": 0.02, "direction": [1, 0.3, 0], "between": [2, 3]},
        "impurity": {"spin_hall_angle": 0.1},
    },
    "results": {"channels": ["exact"], "planes": [3]},
    "run": {"walkers": 2048, "walkers_per_block": 64},
}  # fmt: skip
"""A magnet and a metal of other mean free path; Rashba coupling near the interface, impurities in both."""


def by_hand(deck):
    """W of both sources and their sum, (source, harmonic, direction, cells), by `theory.slab`; ħ = e = 1."""
    problem = make_problem(deck_from_dict(deck))
    edges, found = solution_of(problem, ("exact", "first"))
    exact, first = (found[name].local for name in ("exact", "first"))
    place = 0.5 * (edges[1:] + edges[:-1])
    section = deck["spin_orbit"]
    angle = 2.0 * section["impurity"]["spin_hall_angle"]
    direction = np.array(section["rashba"]["direction"], float)
    E_so = section["rashba"]["field"] * direction / np.linalg.norm(direction)
    there = ((place > 2.0) & (place < 3.0))[:, None, None]
    spin = exact.density - first.density
    spin[:, 0] = exact.density[:, 0]
    W = [np.where(there, np.cross(-2.0 * E_so, spin), 0.0), angle * np.cross([1.0, 0.0, 0.0], exact.flow)]
    cells = np.linspace(0.0, 5.0, 11)
    starts = [int(np.argmin(np.abs(edges - x))) for x in cells[:-1]]
    means = [np.add.reduceat(one * np.diff(edges)[:, None, None], starts) / 0.5 for one in [*W, W[0] + W[1]]]
    return np.moveaxis(np.array(means), 1, 3)


@pytest.mark.parametrize("walk", ["auto", "general"])
def test_charge_of_a_stack(walk):
    """Both walks against flights without walkers; the mean over the sample is that of the cells."""
    many = 2048 if walk == "auto" else 16384
    deck = override(STACK, [f'run.walk="{walk}"', f"run.walkers={many}", "run.walkers_per_block=512"])
    deck["results"] = {"channels": ["first", "exact"], "planes": [3]}
    run = mcpump.run(deck)
    told, mean = run["exact_charge_current"], run["exact_charge_current_mean"]
    assert told.dims == ("exact_source", "charge_direction", "harmonic", "x")
    assert run.result.coords["exact_source"] == ("rashba", "impurity", "sum")
    wanted = np.moveaxis(by_hand(deck), 2, 1)
    scale = np.abs(wanted[:2]).max(axis=(1, 2, 3)).min()
    assert np.abs(wanted[:, :, 0]).max() > 0.05 * scale
    known = np.isfinite(told.mean)
    assert known.mean() > (0.9 if walk == "general" else 0.999)
    apart = np.abs(told.mean - wanted)[known]
    assert np.all(apart <= 4.5 * told.error[known] + 1e-5 * scale)
    np.testing.assert_allclose(np.nan_to_num(told.error).max() < 0.2 * scale, True)
    apart = np.abs(mean.mean - wanted.mean(axis=-1))
    assert np.all(apart <= 4.5 * mean.error + 1e-5 * scale)


def test_orders_of_exchange():
    """J → 0: `second`'s charge by both sources, with a correction that falls with J, and no DC charge of first order."""
    deck = {**STACK, "layer": [], "results": {"channels": ["second", "exact"], "planes": [3]}}
    deck["sample"] = {"x": {"length": 5, "cells": 10, "left": "absorbing", "right": "absorbing"}}
    apart = []
    for J in (0.02, 0.01):
        run = mcpump.solve(override(deck, [f"electrons.exchange={J}"]))
        second = run["charge_current_mean"].sel(part="local", harmonic="dc")
        exact = run["exact_charge_current_mean"].sel(harmonic="dc")
        for source, mine in (("rashba", "rashba"), ("impurity_second", "impurity")):
            whole, ours = (
                np.asarray(one.mean) for one in (second.sel(source=source), exact.sel(exact_source=mine))
            )
            largest = int(np.argmax(np.abs(whole)))
            assert abs(whole[largest]) > 0.0
            apart.append(abs(ours[largest] / whole[largest] - 1.0))
    assert max(apart[:2]) < 0.02
    # the next order is J⁴, for J³ has the other symmetry
    assert apart[2] < 0.6 * apart[0]
    assert apart[3] < 0.6 * apart[1]


def test_alternating_rashba_charge_needs_the_first_order():
    run = mcpump.solve(STACK)
    mean = run["exact_charge_current_mean"].sel(exact_source="rashba")
    assert np.isfinite(mean.sel(harmonic="dc").mean).all()
    assert np.isnan(mean.sel(harmonic="cos1").mean).all()
    assert np.isfinite(run["exact_charge_current_mean"].sel(exact_source="impurity").mean).all()
    assert not run.result.estimates.keys() & {"charge_current", "dipole_budget"}


@pytest.mark.parametrize("walk", [pytest.param("auto", marks=pytest.mark.slow), "general"])
def test_mean_is_that_of_the_mesh(walk):
    """In two dimensions and layers: both estimates come of the same sums."""
    deck = {
        "units": "reduced",
        "electrons": {"exchange": 0.5, "spin_relaxation_time": 3},
        "sample": {
            "x": {"length": 6, "cells": 6, "left": "specular", "right": "specular"},
            "y": {"length": 6, "cells": 4, "left": "periodic", "right": "periodic"},
        },
        "texture": {
            "kind": "spiral", "wavelength": 6 / np.sqrt(2.0), "direction": [1, 1, 0], "cone_angle": "50 deg",
            "angular_frequency": 0.3,
        },
        "spin_orbit": {
            "rashba": {"field": 0.1, "direction": [0.2, 0, 1], "between": [0, 3]},
            "impurity": {"spin_hall_angle": 0.1},
        },
        "results": {"planes": [3], "channels": ["exact"]},
        "run": {"walk": walk, "walkers": 2048, "walkers_per_block": 64},
    }  # fmt: skip
    run = mcpump.run(deck)
    profile, mean = run["exact_charge_current"], run["exact_charge_current_mean"]
    assert profile.dims == ("exact_source", "charge_direction", "harmonic", "x", "y")
    dc = profile.sel(harmonic="dc")
    assert np.isfinite(dc.mean).all()
    there = np.asarray(mean.sel(harmonic="dc").mean)
    assert (np.abs(there).max(axis=1) > 0.0).all()
    np.testing.assert_allclose(dc.mean.mean(axis=(2, 3)), there, atol=1e-9 * np.abs(there).max())


def test_voltage_and_table():
    """In permalloy and platinum the table tells the charge of `exact`, and what it is of."""
    deck = {
        "electrons": {"material": "Py"},
        "layer": [{"name": "Pt", "start": "5 nm", "material": "Pt"}],
        "sample": {"x": {"length": "11 nm", "cells": 22, "left": "specular", "right": "specular"}},
        "texture": {"kind": "junction", "width": "0.3 nm", "cone_angle": "5 deg", "frequency": "10 GHz"},
        "spin_orbit": {
            "contact_distance": "1 mm",
            "rashba": {"field": "0.003 eV angstrom", "direction": [1, 0, 0], "between": ["4.5 nm", "5.5 nm"]},
            "impurity": {"spin_hall_angle": "material"},
        },
        "results": {"channels": ["second", "exact"], "planes": ["5.6 nm"]},
    }
    run = mcpump.solve(deck)
    voltage = run["exact_open_circuit_voltage"].sel(charge_direction="y", harmonic="dc")
    mean = run["exact_charge_current_mean"].sel(charge_direction="y", harmonic="dc")
    assert mean.mean[2] == pytest.approx(mean.mean[0] + mean.mean[1], rel=1e-12)
    sheet = 5e-9 / 20e-8 + 6e-9 / 17.3e-8
    assert voltage.mean == pytest.approx(-mean.mean[2] * 11e-9 / sheet * 1e-3, rel=1e-9)
    formula = run["inverse_spin_hall_current_mean"].sel(
        channel="exact", part="local", charge_direction="y", harmonic="dc"
    )
    assert mean.mean[1] == pytest.approx(formula.mean, rel=1e-12)
    text = " ".join(report.table(run.result).split())
    assert "Charge current of first flights, channel exact, mean over the sample" in text
    assert (
        "open-circuit voltage between contacts 0.001 m apart, of the charge current of first flights" in text
    )
    assert "dipoles along x are walked of first and second alone" in text
