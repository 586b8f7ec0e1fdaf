"""Walkers that correct a solution: the same answer whatever is taken out, and the smaller errors the better it is."""

import math

import numpy as np
import pytest
from decks import JUNCTION, changed
from lanes import WALKERS, along, held_against, sums, totals, wanted
from scenes import ABSORBING, DIFFUSE, SPECULAR, faces, scene
from scipy import stats
from shapes import harmonic_parameters

from mcpump.deck.read import deck_from_dict
from mcpump.errors import InputError
from mcpump.problem.reduce import make_problem
from mcpump.problem.scene import DENSITY, TORQUE
from mcpump.textures.shapes import ENVELOPE_TANH
from mcpump.theory import Medium, conical_spiral_exact, exact_solution, harmonics, texture_waves
from mcpump.walk import first_flights
from mcpump.walk.first_flights import first_flights_along_x
from mcpump.walk.known import CORRECTED, ORDINATES
from mcpump.walk.reference import Taken, halves, on_three_meshes, pairs

CONE = ((0.0, 0.0, 0.5), (0.8, 0.0, 0.0), (0.0, 0.8, 0.0))
WITH_SINK = ("ring", "ring-1", "junction", "rough-1", "rough-2", "stack", "stack-1", "charge", "charge-rough")
SEEDS = 60


def deviations(problem, part, **more):
    """Error of what is known of local and diffusive part together."""
    known = first_flights_along_x(problem, **more).known
    values = np.array([getattr(one, part) for one in known.deviations])
    half = values.shape[1] // 2
    return np.sqrt(((values[:, :half] + values[:, half:]) ** 2).sum(axis=0))


def of_another_sample(slab, exact, born, turn, channels, pumped=None):
    """Solutions for a magnet that stands at the other end, and turns spins the other way."""
    return SOLUTIONS(slab, exact, born[::-1].copy(), lambda each: -turn(each), channels, pumped)


SOLUTIONS = first_flights.solutions


@pytest.mark.parametrize("name", WITH_SINK)
def test_little_is_left_to_walk(name):
    problem = along(name)
    bare, left = (first_flights_along_x(problem, reference=reference) for reference in (0.0, 1.0))
    assert (bare.known.method, left.known.method) == (ORDINATES, CORRECTED)
    for channel in problem.scene.channels:
        size = np.abs(bare.collided[channel]).max()
        assert np.abs(left.collided[channel]).max() < 0.02 * size
        assert np.abs(left.walls[channel][2]).max(initial=0.0) <= 2e-3 * size


@pytest.mark.parametrize("reference", [0.9, "another"])
@pytest.mark.parametrize("name", WITH_SINK)
def test_any_reference_gives_the_same_answer(name, reference, monkeypatch):
    """A reference that is 10 % too small, and that of another sample: walkers find what is missing."""
    if reference == "another":
        monkeypatch.setattr(first_flights, "solutions", of_another_sample)
        reference = 1.0
    problem = along(name, walkers_per_block=WALKERS)
    given = problem.scene
    known, walked = sums(problem, reference=reference)
    value, error = totals(known, walked, "profiles")
    shape = (given.cells[0], len(given.channels), given.time_functions, 3)
    for kind, name_of_kind in ((DENSITY, "density"), (TORQUE, "torque")):
        expected = wanted(problem, name_of_kind)
        part = (values[kind][:, : math.prod(shape[1:])].reshape(shape) for values in (value, error))
        held_against(*part, expected, np.abs(expected).max())


@pytest.mark.parametrize("name", WITH_SINK)
def test_the_better_the_reference_the_smaller_the_errors(name):
    """Errors by the spread of blocks and of deviations together; the value is that of the solution."""
    problem = along(name, walkers_per_block=WALKERS)
    given = problem.scene
    shape = (given.cells[0], len(given.channels), given.time_functions, 3)
    expected, found = wanted(problem, "density"), {}
    for reference in (0.0, 0.9, 1.0):
        value, error = totals(*sums(problem, reference=reference), "profiles")
        error = np.hypot(error, deviations(problem, "profiles", reference=reference))
        value, error = (
            values[DENSITY][:, : math.prod(shape[1:])].reshape(shape) for values in (value, error)
        )
        size = np.abs(expected).max(axis=(0, 2, 3))
        found[reference] = (error.max(axis=(0, 2, 3)) / size).max()
        # the solution is good to 2e-4
        assert (np.abs(value - expected) <= 4.0 * error + 2e-4 * size[:, None, None]).all()
    assert found[1.0] < 0.1 * found[0.9] < 0.03 * found[0.0]


def test_sixty_seeds_against_a_closed_form():
    """`first`, `second` and `exact` of a conical spiral: the mean of 60 runs, and their spread."""
    q, J, Omega = 1.1, 0.4, 0.3
    length = 2.0 * math.pi / q
    given = scene(
        ("first", "second", "exact"), exchange=J, lengths=(length, 1.0, 1.0), cells=(3, 1, 1), planes=(0.3 * length,),
        parameters=harmonic_parameters(*CONE, (q, 0.0, 0.0), Omega), walkers_per_block=WALKERS,
    )  # fmt: skip
    runs = []
    for seed in range(SEEDS):
        problem = along(given, seed=seed)
        runs.append(totals(*sums(problem, blocks=16, reference=1.0), "passages"))
    values, errors = (np.array([run[i] for run in runs])[:, 0, 0] for i in range(2))
    known = deviations(problem, "passages", reference=1.0)[0, 0]
    medium = Medium.reduced(J, 1.0 / given.layers[0].gamma_sf)
    waves = [
        exact_solution(texture_waves(*CONE, q, Omega), medium, name).flux["total"]
        for name in given.channels[:2]
    ]
    expected = [harmonics(one, given.planes, Omega, 1).transpose(2, 0, 1)[0] for one in waves]
    expected.append(spiral(q, Omega, medium, given.planes[0]))
    expected = np.array(expected)
    values, errors, known = (
        part[..., : expected.size].reshape(*part.shape[:-1], *expected.shape)
        for part in (values, errors, known)
    )
    noisy = errors.mean(axis=0) > 1e-12 * np.abs(expected).max()
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1)
    off = np.abs(mean - expected) - 4.0 * np.hypot(spread / math.sqrt(SEEDS), known)
    assert (off <= 1e-9 * np.abs(expected).max()).all()
    # the spread over seeds is what each run tells
    ratio = spread[noisy] ** 2 / (errors[:, noisy] ** 2).mean(axis=0)
    low, high = stats.chi2.ppf([5e-6, 1.0 - 5e-6], SEEDS - 1) / (SEEDS - 1)
    assert ((low < ratio) & (ratio < high)).all()
    # and every answer is known to four digits
    assert (np.hypot(spread, known).max(axis=(1, 2)) < 2e-4 * np.abs(expected).max(axis=(1, 2))).all()


def spiral(q, Omega, medium, x):
    """Current (time function, 3) of `exact` at x: (e_r, e_φ, z) turns with φ = qx + Ωt."""
    theta = math.atan2(0.8, 0.5)
    size = math.hypot(0.8, 0.5)
    flux = conical_spiral_exact(theta, q, Omega, medium._replace(J=medium.J * size, nu=medium.nu))
    a, b, c = flux.flux["total"]
    cos, sin = math.cos(q * x), math.sin(q * x)
    rows = np.zeros((3, 3))
    rows[0, 2] = c
    rows[1, :2] = a * cos - b * sin, a * sin + b * cos
    rows[2, :2] = -a * sin - b * cos, a * cos - b * sin
    return rows


def test_meshes():
    """Means over pairs and halves of cells conserve what is in them; what is linear is met."""
    edges = np.concatenate([[0.0], np.cumsum(np.repeat(np.random.default_rng(3).uniform(0.5, 1.5, 6), 2))])
    middle = 0.5 * (edges[1:] + edges[:-1])
    means = np.stack([2.0 + 3.0 * middle, 1.0 - middle], axis=1)
    breaks = np.array([0, 4, 12])
    small = halves(means, edges, breaks)
    fine = np.sort(np.concatenate([edges, middle]))
    np.testing.assert_allclose(small[:, 0], 2.0 + 1.5 * (fine[1:] + fine[:-1]), rtol=1e-12)
    np.testing.assert_allclose(pairs(small, fine), means, rtol=1e-12)
    wide = {"first": Taken(pairs(means, edges), np.ones((2, 1, 3)))}
    three = on_three_meshes(wide, {"first": Taken(means, np.ones((2, 1, 3)))}, edges, breaks)
    np.testing.assert_allclose(three[1]["first"].density, means, rtol=1e-12)
    np.testing.assert_allclose(three[0]["first"].walls, 1.0)


@pytest.mark.parametrize("reference", [0.0, 0.9, 1.0])
def test_without_a_sink_currents_are_the_same(reference):
    """A solution without a sink leaves out the spin that would grow for ever: walkers are born with it."""
    given = scene(
        ("first", "second"),
        gamma_sf=0.0,
        t_max=30.0,
        walkers_per_block=WALKERS,
        **faces((SPECULAR, SPECULAR)),
    )
    known, walked = sums(along(given), reference=reference)
    value, error = totals(known, walked, "passages")
    bare, noise = totals(*sums(along(given), reference=0.0), "passages")
    assert (np.abs(value - bare) <= 5.0 * np.hypot(error, noise) + 1e-3 * np.abs(bare).max()).all()


def test_what_a_deck_gets():
    """A reference where there is a solution and a sink; one that is asked for where there is none is refused."""
    deck = {
        "units": "reduced", "electrons": {"exchange": 0.05},
        "sample": {"x": {"length": 8.0, "cells": 4, "left": "specular", "right": "specular"}},
        "texture": {"kind": "junction", "interface": 4.0, "width": 1.0, "cone_angle": 0.5, "angular_frequency": 0.01},
        "results": {"channels": ["first"]}, "run": {"walkers": 1024, "walkers_per_block": 64},
    }  # fmt: skip
    open_one = changed(deck, sample__x__right="absorbing")
    assert not make_problem(deck_from_dict(deck)).scene.reference
    assert make_problem(deck_from_dict(open_one)).scene.reference
    assert not make_problem(deck_from_dict(changed(open_one, run__reference="off"))).scene.reference
    with pytest.raises(InputError, match=r'run.reference = "slab": .* nothing takes the spin'):
        make_problem(deck_from_dict(changed(deck, run__reference="slab")))


@pytest.mark.parametrize("walls", [(SPECULAR, ABSORBING), (DIFFUSE, ABSORBING)])
@pytest.mark.parametrize("length", [0.05, 400.0])
def test_thin_and_thick_samples(walls, length):
    """A twentieth of a mean free path, and 400: the total current is that of the solution."""
    given = scene(
        ("first", "second"), lengths=(length, 1.0, 1.0), cells=(4, 1, 1), planes=(0.5 * length,), gamma_sf=0.01,
        parameters=harmonic_parameters(*CONE, (0.0, 0.0, 0.0), 0.01, ENVELOPE_TANH, (0.5 * length, 0.1 * length)),
        walkers_per_block=64, **faces(walls),
    )  # fmt: skip
    problem = along(given)
    value, error = totals(*sums(problem, blocks=16, reference=1.0), "passages")
    error = np.hypot(error, deviations(problem, "passages", reference=1.0))
    expected = wanted(problem, "current")[0]
    size = np.abs(expected).max(axis=(1, 2), keepdims=True)
    value, error = (part[0, 0, : expected.size].reshape(expected.shape) for part in (value, error))
    assert (np.abs(value - expected) <= 4.0 * error + 2e-4 * size).all()
    assert (error <= 2e-3 * size).all()


def junction(ell):
    """Problem of a junction λ = 3 nm wide, 40 nm long."""
    deck = changed(
        JUNCTION, electrons__mean_free_path=ell, electrons__spin_diffusion_length="10 nm",
        run__walkers_per_block=WALKERS,
    )  # fmt: skip
    return make_problem(deck_from_dict(deck))


@pytest.mark.parametrize("ell", ["0.003 nm", "0.03 nm", "0.3 nm", "3 nm", "30 nm", "300 nm"])
def test_currents_at_any_mean_free_path(ell):
    """ℓ/λ from 1e-3 to 1e2: local and diffusive currents to 0.1 %, beside those on finer meshes in more directions."""
    problem = junction(ell)
    given = problem.scene
    rough, fine = (
        first_flights_along_x(problem, reference=1.0, **more).known
        for more in ({}, {"fineness": 6.0, "directions": 30})
    )
    shape = (2, len(given.planes), -1, given.time_functions, 3)
    told = np.sqrt(sum(one.passages**2 for one in rough.deviations))
    told, value, better = (
        part[:, :, : 3 * given.time_functions * len(given.channels)].reshape(shape)
        for part in (told, rough.value.passages, fine.value.passages)
    )
    size = np.abs(better).max(axis=(3, 4), keepdims=True)
    flows = size > 1e-3 * size.max(axis=1, keepdims=True)
    # walkers' part is 4e-5
    assert (np.abs(value - better) <= 2.0 * told + 1e-4 * size)[flows[..., 0, 0]].all()
    assert (told <= 1e-3 * size)[flows[..., 0, 0]].all()
    assert flows.sum() >= 4


@pytest.mark.parametrize("ell", ["0.003 nm", "0.03 nm"])
def test_in_a_long_sample_what_is_missed_is_solved_for(ell, monkeypatch):
    once, again = [], []
    for corrections, found in ((0, once), (first_flights.CORRECTIONS, again)):
        monkeypatch.setattr(first_flights, "CORRECTIONS", corrections)
        flown = first_flights_along_x(junction(ell), reference=1.0)
        width = np.diff(flown.edges)[:, None]
        found.extend(math.sqrt((width * q**2).sum()) for q in flown.collided.values())
    assert (np.array(again) < 0.03 * np.array(once)).all()


def test_any_reference_gives_the_same_answer_in_a_long_sample():
    """200 ℓ, where cells are wide."""
    problem = junction("0.2 nm")
    value, error = totals(*sums(problem, reference=0.9), "passages")
    right, noise = totals(*sums(problem, reference=1.0), "passages")
    size = np.abs(right).max(axis=0)
    assert (np.abs(value - right) <= 5.0 * np.hypot(error, noise) + 1e-4 * size).all()
    assert (error.max(axis=0) > 1e-4 * size).any()
