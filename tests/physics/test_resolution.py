"""What rare flights dominate is told as not resolved, and what is told lies within its error.

Where first flights are known without walkers the local current is told everywhere.

The local current of a junction is known exactly: with f the texture's profile, rate = 1 + τ/τ_sf and Ωτ ≪ 1,

    j(x) ∝ ½ ∫ f(y) sign(x − y) E_2(rate |x − y|) dy

where the magnet is continued by its mirror image at the closed face.
"""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expn

from mcpump import report, results
from mcpump.deck.read import deck_from_dict
from mcpump.problem.reduce import make_problem
from mcpump.simulate.engine import run
from mcpump.tally import reach
from mcpump.textures.moving import no_user

LENGTH, MAGNET, GAMMA, OMEGA = 44.0, 10.0, 0.1, 1e-4
AWAY = (0.5, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0, 15.0, 20.0, 30.0)
"""Distances of the planes from the texture's edge."""
SEEDS = 8
COS, SIN, X, Y = 1, 2, 0, 1


def deck(width, walk="auto", seed=1, **sample):
    return {
        "units": "reduced",
        "electrons": {"exchange": 0.01, "spin_relaxation_time": 1.0 / GAMMA},
        "sample": {"x": {"length": LENGTH, "cells": 44, "left": "specular", "right": "absorbing", **sample}},
        "texture": {
            "kind": "junction", "interface": MAGNET, "width": width, "cone_angle": 1.0, "angular_frequency": OMEGA,
        },
        "results": {"channels": ["first", "second"], "planes": [0.0, *(MAGNET + d for d in AWAY)]},
        "run": {"walkers": 16 * 512, "walkers_per_block": 512, "seed": seed, "walk": walk, "reference": "off"},
    }  # fmt: skip


def walked(*arguments, **keywords):
    return run(make_problem(deck_from_dict(deck(*arguments, **keywords), "test")), threads=1)


def local_current(width):
    """Local current at the planes, in units of the source in the magnet."""
    y = np.linspace(-LENGTH, LENGTH, 88_001)
    f = (
        0.5 * (1.0 - np.tanh((np.abs(y) - MAGNET) / width))
        if width > 0.0
        else 0.5 * (1.0 + np.sign(MAGNET - np.abs(y)))
    )
    rate = 1.0 + GAMMA
    away = np.array(AWAY)[:, None] + MAGNET - y
    return 0.5 * np.trapezoid(f * np.sign(away) * expn(2, rate * np.abs(away)), y, axis=1)


@pytest.mark.parametrize("width", [0.0, 0.5, 2.0])
def test_local_currents_that_are_known_are_told_everywhere(width):
    """Those 30 ℓ away too, 1e-15 of the largest. The quadrature of the exact ones is good to 1e-5."""
    exact = OMEGA * np.sin(1.0) * local_current(width)
    current = walked(width).estimates["plane_current"]
    mean, error = current.mean[0, 0, 0, SIN, X, 1:], current.stderr[0, 0, 0, SIN, X, 1:]
    assert np.all(np.abs(mean - exact) <= 4.0 * error + 1e-5 * np.abs(exact)), (
        mean / exact - 1.0,
        error / exact,
    )
    assert np.all(error <= 0.01 * np.abs(exact))


@pytest.mark.parametrize("width", [0.0, 0.5, 2.0])
def test_local_currents_that_are_told_lie_within_their_errors(width):
    """Far planes are not told, near ones are; 16 blocks each: Student's t, turned to normal numbers.

    Three numbers of `first` share walkers: one of them is looked at. About 300 comparisons at 4.5 σ: 2e-3 by chance, and
    a few times that for what is skewed (30 flights).
    """
    exact, strength = local_current(width), OMEGA * np.sin(1.0)
    told, pulls = [], []
    for seed in range(1, SEEDS + 1):
        current = walked(width, "general", seed).estimates["plane_current"]
        mean, error = current.mean[0, 0, 0, SIN, X, 1:], current.stderr[0, 0, 0, SIN, X, 1:]
        there = np.isfinite(mean)
        assert (np.isfinite(error) == there).all()
        told.append(there)
        t = (mean[there] - strength * exact[there]) / error[there]
        pulls += list(np.sign(t) * np.sqrt(15.0 * np.log1p(t * t / 15.0)) * 121.0 / 123.0)
    near, far = np.array(AWAY) <= 2.0, np.array(AWAY) >= 10.0
    assert np.array(told)[:, near].all()
    if width < 2.0:
        assert not np.array(told)[:, far].any()
    assert np.max(np.abs(pulls)) < 4.5
    assert 0.6 < np.mean(np.square(pulls)) < 1.6


def test_totals_stay_where_their_diffusive_part_is_known():
    current = walked(0.5, "general").estimates["plane_current"]
    local, diffusive, total = current.mean[0, :, 0, SIN, X, 1:]
    at = AWAY.index(5.0)
    assert np.isnan(local[at + 1 :]).all()
    assert np.isfinite(diffusive[: at + 1]).all()
    assert np.isfinite(total[at])
    # nobody comes 30 ℓ = 17 λ_s far
    assert np.isnan([diffusive[-1], total[-1]]).all()
    assert "fewer than 30 of the flights" in current.not_resolved


def test_parts_on_a_diffuse_face_are_not_resolved(tmp_path):
    """The local current tends to −j₀ at a face that sends everybody back at random, and what is sent back to +j₀."""
    result = walked(0.5, "general", left={"specularity": 0.5})
    current = result.estimates["plane_current"]
    for channel, harmonic, component in ((0, SIN, X), (1, 0, 2)):
        face = current.mean[channel, :, 0, harmonic, component, 0]
        assert np.isnan(face[:2]).all()
        assert face[2] == 0.0
        assert np.isfinite(current.mean[channel, :, 0, harmonic, component, 1]).all()
    assert np.isnan(result.estimates["local_share"].mean[0, SIN, X, 0])
    assert "scatters diffusely" in current.not_resolved
    table = report.table(result)
    assert "x = 0 ℓ local" in table
    assert "not resolved" in table
    results.write(result, tmp_path / "run.h5")
    again = results.read(tmp_path / "run.h5")
    assert again.estimates["plane_current"].not_resolved == current.not_resolved
    assert report.table(again) == table


def test_parts_on_an_interface_that_scatters_are_not_resolved():
    wanted = deck(0.5, "general")
    wanted["layer"] = [{"start": MAGNET + 1.0, "transmission": 0.5, "specularity": 0.0}]
    problem = make_problem(deck_from_dict(wanted, "test"))
    current = run(problem, threads=1).estimates["plane_current"]
    parts = current.mean[0, :, 0, SIN, X]
    at = 1 + AWAY.index(1.0)
    assert np.isnan(parts[:2, at]).all()
    assert np.isfinite(parts[2, at])
    assert np.isfinite(parts[:, at - 1]).all()
    straight = problem.scene.layers[1]._replace(specularity=1.0)
    mirror = problem.scene._replace(layers=(problem.scene.layers[0], straight))
    assert np.isfinite(
        run(problem._replace(scene=mirror), threads=1).estimates["plane_current"].mean[0, 0, 0, SIN, X, at]
    )


def test_a_cell_is_reached_by_fewer_the_farther_it_is():
    """Behind the magnet the carriers of a cell fall, and the fastest electron takes the time of the way."""
    model = make_problem(deck_from_dict(deck(0.0, "general"), "test")).scene
    _, cells = reach.reach_of(model, no_user())
    assert (np.diff(cells.carriers[11:]) < 0.0).all()
    assert cells.delay[0] == 0.0
    assert cells.delay[12] == pytest.approx(2.0, abs=0.02)


def test_a_stop_rule_on_a_number_that_is_not_resolved_says_so():
    wanted = deck(0.5, "general")
    wanted["run"]["stop"] = {
        "quantity": "spin_current.local.x.sin1", "at": MAGNET + 20.0, "relative_error": 0.1, "max_walkers": 32 * 512,
    }  # fmt: skip
    wanted["results"]["channels"] = ["first"]
    result = run(make_problem(deck_from_dict(wanted, "test")), threads=1)
    assert not result.complete
    assert "is not resolved after 32 blocks" in result.message


def test_a_uniform_texture_marks_nothing():
    """Everywhere is as near as can be, however few walkers there are."""
    wanted = deck(0.0, walk="general")
    wanted["texture"] = {"kind": "uniform", "cone_angle": 1.0, "angular_frequency": OMEGA}
    wanted["run"] = {"walkers": 16 * 8, "walkers_per_block": 8, "walk": "general"}
    found = run(make_problem(deck_from_dict(wanted, "test")), threads=1).estimates
    for name, estimate in found.items():
        if {"x", "part"} <= set(estimate.dims):
            assert not estimate.not_resolved, name
            assert np.isfinite(estimate.mean).all(), name
