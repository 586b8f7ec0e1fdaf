"""The kernels of a pulse: flight lengths, directions, collisions, and the same bits interpreted as compiled.

Run as a script, this file writes the sums of every small model to the file that it is given; with
NUMBA_DISABLE_JIT=1 it does so in plain Python.
"""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mcpump.deck.read import deck_from_dict
from mcpump.names import LINES
from mcpump.problem.reduce import make_problem
from mcpump.walk.layout import BlockSums
from mcpump.walk.pulse import walk_pulse
from mcpump.walk.pulse_block import slab_of, walk_pulse_block

PULSE = {"position": 1.5, "spin": [0.3, -0.2, 1.0]}


def deck(source, faces, dimension=3, tau_sf="none", walkers=320):
    """A small deck, 3 ℓ long."""
    return {
        "units": "reduced",
        "electrons": {"dimension": dimension, "spin_relaxation_time": tau_sf},
        "sample": {"x": {"length": 3.0, "cells": 6, "left": faces[0], "right": faces[1]}},
        "pulse": source,
        "results": {"end": 2.5, "time_bins": 5},
        "run": {"walkers": 16 * walkers, "walkers_per_block": walkers, "seed": 2**40 + 3},
    }


DECKS = {
    "open": deck(PULSE, ("absorbing", "absorbing")),
    "rough": deck(PULSE, ("specular", "diffuse"), dimension=1),
    "ring": deck({**PULSE, "position": 0.0}, ("periodic", "periodic"), dimension=2, tau_sf=2),
}


def problem_of(given):
    return make_problem(deck_from_dict(given, "test"))


def arrays():
    """Every array of one block of every small model."""
    found = {}
    for block, (name, given) in enumerate(DECKS.items()):
        sums = walk_pulse_block(problem_of(given).scene, 7 * block)
        found |= {f"{name} {field}": value for field, value in sums._asdict().items()}
    return found


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory):
    path = tmp_path_factory.mktemp("walk") / "interpreted.npz"
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    done = subprocess.run(
        [sys.executable, __file__, path],
        env=environment,
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    with np.load(path) as file:
        return dict(file)


@pytest.fixture(scope="module")
def compiled():
    return arrays()


@pytest.mark.parametrize("name", DECKS)
def test_interpreted_equals_compiled_bit_for_bit(name, interpreted, compiled):
    assert set(interpreted) == set(compiled)
    fields = [field for field in compiled if field.split()[0] == name]
    assert len(fields) == len(BlockSums._fields)
    for field in fields:
        here, there = np.asarray(compiled[field]), interpreted[field]
        assert here.dtype.kind == there.dtype.kind, field
        assert np.array_equal(here, there), f"{field}: {np.abs(here - there).max()} of {np.abs(here).max()}"
    assert np.all(np.isfinite(compiled[f"{name} profiles"]))
    assert compiled[f"{name} flights"] > 0
    assert np.abs(compiled[f"{name} profiles"]).max() > 0.0


def test_the_small_models_reach_every_end_of_a_walk(compiled):
    """Else equal bits would say little: each line of the budget is used but those of a texture."""
    used = sum(np.abs(compiled[f"{name} budget"]).sum(axis=1) for name in DECKS)
    assert {line for line, size in zip(LINES, used, strict=True) if not size} == {"torque", "stored"}


def test_lengths_are_minus_the_logarithm():
    from mcpump.walk.lanes import lane_lengths

    generator = np.random.default_rng(1)
    u = np.concatenate([
        generator.random(4000) * 2.0**52, 2.0 ** generator.uniform(-1, 52, 4000),
        2.0**52 - np.arange(1, 2000) + 0.5, np.arange(2000) + 0.5,
        2.0 ** np.arange(0, 52), math.sqrt(2.0) * 2.0 ** np.arange(0, 51), [0.5, 2.0**52 - 0.5],
    ])  # fmt: skip
    length = u.copy()
    lane_lengths(len(u), length, np.zeros(len(u)))
    # near 2^52 the quotient keeps fewer digits than its distance from 1
    half = 2.0**51
    expected = np.array(
        [-math.log(v / 2**52) if v < half else -math.log1p((v - 2.0**52) / 2.0**52) for v in u]
    )
    assert np.all(length > 0.0)
    np.testing.assert_allclose(length, expected, rtol=1e-13)


def test_near_collisions_of_lengths_that_are_multiples_of_a_cell():
    """Rounding makes some of them end before they begin: at age 0 and beside a face that would be outside of the mesh."""
    from mcpump.walk import pulse

    L, cells, bins = 40.2, 201, 4
    model = slab_of(problem_of(deck(PULSE, ("absorbing", "absorbing"))).scene)
    model = model._replace(length=L, cells=cells, t_max=1000.0, time_bins=bins)
    h, n = L / cells, 100
    for begin, cosine in ((L / 2, 1.0), (L / 2, -1.0), (1e-300, 1.0), (L - h / 2, 0.0)):
        for lengths in (h * np.arange(1, n + 1), np.nextafter(h * np.arange(1, n + 1), 0.0)):
            lanes, at = np.zeros((9, pulse.LANES)), np.full((4, pulse.LANES), -1, np.int32)
            lanes[pulse.X], lanes[pulse.T_END], lanes[pulse.MU], lanes[pulse.LENGTH, :n] = (
                begin,
                1e6,
                cosine,
                lengths,
            )
            pulse.lane_collisions(n, lanes, 0, model, at, np.zeros(pulse.LANES, np.int64))
            assert np.all((at[:, :n] >= 0) & (at[:, :n] < (cells + 1) * bins))
            assert np.all(np.abs(at[3, :n] - begin / h) <= 1.5)
    early = np.nextafter(h * np.arange(1, n + 1), 0.0)
    assert np.any(early - np.floor(early * (cells / L)) * h < 0.0)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_directions_have_the_moments_of_the_sphere(dimension):
    """⟨μ⟩ = 0, ⟨μ²⟩ = 1/d, ⟨μ⁴⟩ = 3/(d(d + 2)), on an even mesh of uniform numbers."""
    from mcpump.walk.lanes import lane_directions

    n = 20000
    mu = (np.arange(n) + 0.5) / n
    lane_directions(n, mu, dimension)
    assert np.all(np.abs(mu) <= 1.0)
    assert abs(mu.mean()) < 1e-12
    assert (mu**2).mean() == pytest.approx(1.0 / dimension, rel=1e-7)
    assert (mu**4).mean() == pytest.approx(3.0 / (dimension * (dimension + 2)), rel=1e-7)


def test_walkers_do_not_know_their_block():
    """A walker's history depends on its number alone: 16 blocks of 64 are one of 1024, of a pulse, exactly.

    Births of a pulse are not stratified, and its weights are powers of two, so every sum is exact.
    """
    small, large = (
        problem_of(deck({**PULSE, "spin": [0.0, 0.0, 1.0]}, ("absorbing", "diffuse"), tau_sf=3, walkers=n))
        for n in (64, 1024)
    )
    parts = [walk_pulse_block(small.scene, block) for block in range(16, 32)]
    whole = walk_pulse_block(large.scene, 1)
    assert sum(part.flights for part in parts) == whole.flights
    assert np.array_equal(np.mean([part.budget for part in parts], axis=0), whole.budget)
    # numbers that divide by a bin's width, which is no power of two, may differ in the last bit
    mean = np.mean([part.profiles for part in parts], axis=0)
    np.testing.assert_allclose(mean, whole.profiles, rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("name", DECKS)
def test_the_budget_closes_in_every_block(name, compiled):
    budget = compiled[f"{name} budget"]
    rest = budget[:2].sum(axis=0) - budget[2:].sum(axis=0)
    assert np.all(np.abs(rest) <= 1e-13 * np.abs(budget).sum())


@pytest.mark.parametrize("name", DECKS)
def test_numbers_depend_on_seed_and_block(name):
    given = problem_of(DECKS[name]).scene
    one, again = walk_pulse_block(given, 3), walk_pulse_block(given, 3)
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    for seed in (given.seed + 1, given.seed + 2**32):
        other = walk_pulse_block(given._replace(seed=seed), 3)
        assert not np.array_equal(one.profiles, other.profiles)
    assert not np.array_equal(one.profiles, walk_pulse_block(given, 4).profiles)


if __name__ == "__main__":
    assert not hasattr(walk_pulse, "py_func"), "compiled, not interpreted"
    np.savez(sys.argv[1], **arrays())
