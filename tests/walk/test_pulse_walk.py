"""The walk of a pulse: flight lengths, directions, collisions, and the same bits interpreted as compiled.

Run as a script, this file writes the sums of every small model to the file that it is given; with
NUMBA_DISABLE_JIT=1 it does so in plain Python.
"""

import math
import sys

import numpy as np
import pytest
from kernels import arrays_of_sums, assert_same_bits, interpreted_arrays

from mcpump.deck.read import deck_from_dict
from mcpump.names import LINES
from mcpump.problem.reduce import make_problem
from mcpump.walk import pulse
from mcpump.walk.arithmetic import key
from mcpump.walk.pulse_block import pulse_course, walk_pulse_block
from mcpump.walk.state import LANES, X, new_walkers
from mcpump.walk.walkers import walk_in_lanes

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
        found |= arrays_of_sums(name, sums)
    return found


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory):
    return interpreted_arrays(__file__, tmp_path_factory.mktemp("walk") / "interpreted.npz")


@pytest.fixture(scope="module")
def compiled():
    return arrays()


@pytest.mark.parametrize("name", DECKS)
def test_interpreted_equals_compiled_bit_for_bit(name, interpreted, compiled):
    assert_same_bits(name, interpreted, compiled)


def test_the_small_models_reach_every_end_of_a_walk(compiled):
    """Else equal bits would say little: each line of the budget is used but those of a texture."""
    used = sum(np.abs(compiled[f"{name} budget"]).sum(axis=1) for name in DECKS)
    assert {line for line, size in zip(LINES, used, strict=True) if not size} == {"torque", "stored"}


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_two_flights_of_a_draw_have_the_moments_of_lengths_and_directions(dimension):
    """⟨s⟩ = 1, ⟨s²⟩ = 2; ⟨μ⟩ = 0, ⟨μ²⟩ = 1/d, ⟨μ⁴⟩ = 3/(d(d + 2)); the four numbers are not correlated."""
    lanes, names, numbers = (
        new_walkers().lanes,
        np.arange(LANES).astype(np.uint64),
        np.zeros(LANES, np.uint64),
    )
    found = []
    for _ in range(100):
        pulse.lane_pairs(LANES, dimension, lanes, names, numbers, *key(5))
        found.append(lanes[pulse.COSINE : pulse.COSINE + 4].copy())
    assert np.all(numbers == 100)
    mu, s, second_mu, second_s = np.concatenate(found, axis=1)
    n = len(s)
    for lengths in (s, second_s):
        assert np.all(lengths > 0.0)
        assert abs(lengths.mean() - 1.0) < 4.0 / math.sqrt(n)
        assert abs((lengths**2).mean() - 2.0) < 4.0 * math.sqrt(20.0 / n)
    for cosines in (mu, second_mu):
        assert np.all(np.abs(cosines) <= 1.0)
        for power, moment in ((1, 0.0), (2, 1.0 / dimension), (4, 3.0 / (dimension * (dimension + 2)))):
            error = (cosines**power).std() / math.sqrt(n)
            assert abs((cosines**power).mean() - moment) <= 4.0 * error + 1e-12
    correlation = np.corrcoef([mu, s, second_mu, second_s])[np.triu_indices(4, 1)]
    assert np.all(np.abs(correlation) < 4.0 / math.sqrt(n))


def test_near_collisions_of_lengths_that_are_multiples_of_a_cell():
    """Rounding makes some of them end before they begin: at age 0 and beside a face that would be outside of the mesh."""
    L, cells, bins, n = 40.2, 201, 4, 100
    numbers, _ = pulse_course(problem_of(deck(PULSE, ("absorbing", "absorbing"))).scene)
    numbers = numbers._replace(lengths=(L, 1.0, 1.0), cells=(cells, 1, 1), t_end=1000.0)
    h = L / cells
    for begin, cosine in ((L / 2, 1.0), (L / 2, -1.0), (1e-300, 1.0), (L - h / 2, 0.0)):
        for lengths in (h * np.arange(1, n + 1), np.nextafter(h * np.arange(1, n + 1), 0.0)):
            lanes, at = new_walkers().lanes, np.full((4, LANES), -1, np.int32)
            lanes[X], lanes[pulse.T_END], lanes[pulse.COSINE], lanes[pulse.LENGTH, :n] = (
                begin,
                1e6,
                cosine,
                lengths,
            )
            pulse.lane_collisions(n, 0, numbers, bins, lanes, at, np.zeros(LANES, np.int64))
            assert np.all((at[:, :n] >= 0) & (at[:, :n] < (cells + 1) * bins))
            assert np.all(np.abs(at[3, :n] - begin / h) <= 1.5)
    early = np.nextafter(h * np.arange(1, n + 1), 0.0)
    assert np.any(early - np.floor(early * (cells / L)) * h < 0.0)


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
    assert not hasattr(walk_in_lanes, "py_func"), "compiled, not interpreted"
    np.savez(sys.argv[1], **arrays())
