"""Kernels: flight lengths, directions, births, and the same bits interpreted as compiled.

Run as a program (`python test_walk.py FILE`) this file walks the small models and saves every array: with
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
from mcpump.tally.amplitudes import spins_of
from mcpump.textures.shapes import texture_profile
from mcpump.walk.emission import births
from mcpump.walk.fast import NO_FLIGHTS, laid_out, row_tallies, slab_of, walk_fast_block
from mcpump.walk.layout import absent, amplitudes
from mcpump.walk.philox import key
from mcpump.walk.spin import SIZES
from mcpump.walk.walk import walk_block

JUNCTION = {"kind": "junction", "interface": 2.0, "width": 0.7, "cone_angle": 0.5, "angular_frequency": 0.1}
SHARP = {**JUNCTION, "width": 0.0}
SPIRAL = {
    "kind": "spiral",
    "wavelength": 3.0,
    "cone_angle": 1.0,
    "angular_frequency": 0.2,
    "ellipticity": 0.4,
}
MODULATED = {
    "kind": "modulated", "mean": 0.3, "depth": 0.8, "phase": 0.4, "wavelength": 1.5, "cone_angle": 1.0,
    "angular_frequency": 0.3, "axis": [1.0, 2.0, -0.5],
}  # fmt: skip
UNIFORM = {"kind": "uniform", "cone_angle": 0.7, "angular_frequency": 0.5}
PULSE = {"position": 1.5, "spin": [0.3, -0.2, 1.0]}


def deck(source, faces, dimension=3, harmonics=1, planes=(0.0, 1.5, 3.0), tau_sf="none", walkers=320, **run):
    """A small deck, 3 ℓ long."""
    kind = {"pulse": source} if "position" in source else {"texture": source}
    results = (
        {"end": 2.5, "time_bins": 5}
        if "position" in source
        else {"harmonics": harmonics, "planes": list(planes)}
    )
    return {
        "units": "reduced",
        "electrons": {"dimension": dimension, "exchange": 0.2, "spin_relaxation_time": tau_sf},
        "sample": {"x": {"length": 3.0, "cells": 6, "left": faces[0], "right": faces[1]}},
        **kind,
        "results": results,
        "run": {"walkers": 16 * walkers, "walkers_per_block": walkers, "seed": 2**40 + 3, **run},
    }


def far(source, faces, **given):
    """A sample a hundred times longer, whose walkers jump."""
    found = deck(
        {**source, "wavelength": 300.0, "angular_frequency": 0.001},
        faces,
        planes=(0.0, 120.0, 300.0),
        **given,
    )
    found["sample"]["x"]["length"] = 300.0
    return found


DECKS = {
    "junction": deck(JUNCTION, ("specular", "absorbing"), tau_sf=10),
    "sharp": deck(SHARP, ("specular", "absorbing"), harmonics=2, planes=(2.0,), tau_sf=4),
    "mirrored": deck(JUNCTION, ("absorbing", "specular"), dimension=2),
    "closed": deck(UNIFORM, ("specular", "specular"), harmonics=2, tau_sf=5),
    "ring": deck(SPIRAL, ("periodic", "periodic"), harmonics=2, score_interval=4),
    "ring-1": deck(SPIRAL, ("periodic", "periodic"), dimension=1, tau_sf=20),
    "ring-2": deck(MODULATED, ("periodic", "periodic"), dimension=2, tau_sf=3),
    "rough": deck(JUNCTION, ("diffuse", "absorbing"), harmonics=2),
    "rough-1": deck(MODULATED, ("diffuse", "diffuse"), dimension=1, harmonics=0, tau_sf=5),
    "rough-2": deck(SPIRAL, ("absorbing", "diffuse"), dimension=2, harmonics=0, first_flights=3),
    "open": deck(MODULATED, ("absorbing", "absorbing"), planes=(), walkers=600, score_interval=2),
    "far-ring": far(MODULATED, ("periodic", "periodic"), harmonics=2, tau_sf=3000),
    "far-open": far(SPIRAL, ("specular", "absorbing"), tau_sf=20000, walkers=64),
    "far-rough": far(SPIRAL, ("diffuse", "specular"), dimension=2, tau_sf=1000, walkers=64),
    "pulse": deck(PULSE, ("absorbing", "absorbing")),
    "pulse-1": deck(PULSE, ("specular", "diffuse"), dimension=1),
    "pulse-2": deck({**PULSE, "position": 0.0}, ("periodic", "periodic"), dimension=2, tau_sf=2),
}


def problem_of(given):
    return make_problem(deck_from_dict(given, "test"))


def arrays():
    """Every array of one block of every small model."""
    found = {}
    for block, (name, given) in enumerate(DECKS.items()):
        problem = problem_of(given)
        born = births(problem.scene)
        found |= {f"{name} births {field}": value for field, value in born._asdict().items()}
        sums = walk_fast_block(problem.scene, born, 7 * block)
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
    assert len(fields) == 10
    for field in fields:
        here, there = np.asarray(compiled[field]), interpreted[field]
        assert here.dtype.kind == there.dtype.kind, field
        assert np.array_equal(here, there), f"{field}: {np.abs(here - there).max()} of {np.abs(here).max()}"
    assert np.all(np.isfinite(compiled[f"{name} profiles"]))
    assert compiled[f"{name} flights"] > 0
    assert np.abs(compiled[f"{name} profiles"]).max() > 0.0


def test_the_small_models_reach_every_part_of_the_walk(compiled):
    """Else equal bits would say little: each line of the budget is used, and every kind of plane."""
    used = sum((np.abs(compiled[f"{name} budget"]).sum(axis=1) for name in DECKS), np.zeros(len(LINES)))
    assert np.all(used > 0.0)
    for name in ("junction", "ring", "rough"):
        local, diffusive = np.abs(compiled[f"{name} passages"]).max(axis=2)
        assert local[1] > 0.0
        assert diffusive[1] > 0.0


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


def test_lengths_are_exponential():
    from mcpump.walk.lanes import lane_lengths
    from mcpump.walk.philox import key
    from mcpump.walk.walk import lane_numbers

    n = 40000
    length, mu, spare = np.zeros(n), np.zeros(n), np.zeros(n, np.int64)
    lane_numbers(np.arange(n, dtype=np.uint64), np.ones(n, np.uint64), n, *key(3), length, mu, spare)
    assert np.all((length > 0.0) & (length < 2.0**52) & (mu > 0.0) & (mu < 1.0))
    assert np.all((spare >= 0) & (spare < 2**32))
    lane_lengths(n, length, np.zeros(n))
    for power, moment in ((1, 1.0), (2, 2.0), (3, 6.0)):
        error = math.sqrt((math.factorial(2 * power) - moment**2) / n)
        assert abs((length**power).mean() - moment) < 4.0 * error
    assert abs(np.corrcoef(length, mu)[0, 1]) < 4.0 / math.sqrt(n)
    assert abs(np.corrcoef(length, spare)[0, 1]) < 4.0 / math.sqrt(n)


def test_lanes_draw_the_numbers_of_the_walk_stream():
    from mcpump.walk.lanes import STREAM_WALK
    from mcpump.walk.philox import draw, key, uniform
    from mcpump.walk.walk import lane_numbers

    walker = np.array([0, 1, 2**32 - 1, 2**32, 2**50 + 17], np.uint64)
    number = np.array([1, 2, 2**32 - 1, 2**32, 5], np.uint64)
    length, mu, spare = np.zeros(5), np.zeros(5), np.zeros(5, np.int64)
    expected = [draw(w, n, STREAM_WALK, *key(2**40 + 3)) for w, n in zip(walker, number, strict=True)]
    before = number.copy()
    lane_numbers(walker, number, 5, *key(2**40 + 3), length, mu, spare)
    assert np.array_equal(number, before + np.uint64(1))
    for j, (c0, c1, c2, c3) in enumerate(expected):
        assert length[j] == ((int(c0) << 32 | int(c1)) >> 12) + 0.5
        assert mu[j] == uniform(c2)
        assert spare[j] == int(c3)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_directions_have_the_moments_of_the_sphere(dimension):
    """⟨μ⟩ = 0, ⟨μ²⟩ = 1/d, ⟨μ⁴⟩ = 3/(d(d + 2)), on an even mesh of uniform numbers."""
    from mcpump.walk.walk import lane_directions

    n = 20000
    mu = (np.arange(n) + 0.5) / n
    lane_directions(n, mu, dimension)
    assert np.all(np.abs(mu) <= 1.0)
    assert abs(mu.mean()) < 1e-12
    assert (mu**2).mean() == pytest.approx(1.0 / dimension, rel=1e-7)
    assert (mu**4).mean() == pytest.approx(3.0 / (dimension * (dimension + 2)), rel=1e-7)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_directions_of_the_first_and_of_later_flights_agree(dimension):
    """Both are functions of one 32-bit word."""
    from mcpump.walk.first_flight import direction
    from mcpump.walk.philox import uniform
    from mcpump.walk.walk import lane_directions

    words = [
        np.uint64(w)
        for w in (0, 1, 2**31 - 1, 2**31, 2**32 - 1, *np.random.default_rng(1).integers(0, 2**32, 500))
    ]
    mu = np.array([uniform(word) for word in words])
    lane_directions(len(mu), mu, dimension)
    np.testing.assert_allclose(mu, [direction(word, dimension) for word in words], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(
    "source", [JUNCTION, SHARP, SPIRAL, MODULATED, UNIFORM], ids=lambda source: source["kind"]
)
def test_birth_density_integrates_to_one(source):
    faces = ("periodic", "periodic") if source is SPIRAL else ("specular", "absorbing")
    given = problem_of(deck(source, faces)).scene
    born, length = births(given), given.lengths[0]
    assert born.quantiles[0] == 0.0
    assert born.quantiles[-1] == 1.0
    assert np.all(np.diff(born.quantiles) > 0.0)
    assert born.width * len(born.inverse_density) == pytest.approx(length, rel=1e-15)
    assert (born.width / born.inverse_density).sum() == pytest.approx(1.0, rel=1e-13)
    # nowhere less than 5 % of an even density
    assert born.inverse_density.max() <= length / 0.05 * (1.0 + 1e-9)


@pytest.mark.parametrize("source", [JUNCTION, SHARP, MODULATED], ids=lambda source: source["kind"])
def test_stratified_births_integrate_functions(source):
    """The mean of a(x)/p(x) over birth places is ∫ a dx; 1/p alone gives the length."""
    from mcpump.walk.emission import birth_place

    given = problem_of(deck(source, ("specular", "absorbing"))).scene
    born, n, length = births(given), 20000, given.lengths[0]
    found = [birth_place(*born, (i + 0.5) / n) for i in range(n)]
    x, inverse = np.array(found).T
    assert np.all(np.diff(x) > 0.0)
    assert x[0] > 0.0
    assert x[-1] < length
    assert inverse.mean() == pytest.approx(length, rel=1e-3)
    assert (x * inverse).mean() == pytest.approx(0.5 * length**2, rel=1e-3)
    assert (np.exp(-x) * inverse).mean() == pytest.approx(-math.expm1(-length), rel=1e-3)


@pytest.mark.parametrize("name", ["junction", "sharp", "ring-2", "rough"])
def test_emission_weights_are_unbiased(name):
    """`emitted` of the budget is ∫ a dx, a = −Ṡ in units of ħνJΩ; births are stratified, but not to this accuracy."""
    given = problem_of(DECKS[name]).scene
    born, n = births(given), 64
    lines = np.array([walk_fast_block(given, born, block).budget for block in range(n)])
    # channel, harmonic, component, block
    emitted = spins_of(given, lines[:, LINES.index("emitted")]) / given.Omega
    length = given.lengths[0]
    x = (np.arange(30000) + 0.5) * (length / 30000)
    _, cosine, sine = texture_profile(given.lanes, x).mean(axis=2) * length
    error = emitted.std(axis=-1, ddof=1) / math.sqrt(n)
    for harmonic, expected in ((1, -sine), (2, cosine)):
        difference = np.abs(emitted[0, harmonic].mean(axis=-1) - expected)
        assert np.all(difference <= 4.0 * error[0, harmonic] + 1e-5 * np.abs(expected).max())
        assert np.all(error[0, harmonic] <= 0.01 * max(np.abs(cosine).max(), np.abs(sine).max()))
    # nothing of second order is emitted: it comes from the torque
    assert not emitted[1].any()


def test_walkers_do_not_know_their_block():
    """A walker's history depends on its number alone: 16 blocks of 64 are one of 1024, of a pulse, exactly.

    Births of a pulse are not stratified, and its weights are powers of two, so every sum is exact.
    """
    small, large = (
        problem_of(deck({**PULSE, "spin": [0.0, 0.0, 1.0]}, ("absorbing", "diffuse"), tau_sf=3, walkers=n))
        for n in (64, 1024)
    )
    parts = [walk_fast_block(small.scene, births(small.scene), block) for block in range(16, 32)]
    whole = walk_fast_block(large.scene, births(large.scene), 1)
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
    born = births(given)
    one, again = walk_fast_block(given, born, 3), walk_fast_block(given, born, 3)
    assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    for seed in (given.seed + 1, given.seed + 2**32):
        other = walk_fast_block(given._replace(seed=seed), born, 3)
        assert not np.array_equal(one.profiles, other.profiles)
    assert not np.array_equal(one.profiles, walk_fast_block(given, born, 4).profiles)


@pytest.mark.parametrize("channels", [("first", "second"), ("second", "first"), ("first",), ("second",)])
@pytest.mark.parametrize("harmonics", [0, 1, 2])
def test_packed_rows_are_laid_out_by_channel_harmonic_and_component(channels, harmonics):
    """Every amplitude of a packed row (see `mcpump.walk.spin`) stands where all blocks have it, and no other does."""
    given = deck(SPIRAL, ("periodic", "periodic"), harmonics=harmonics)
    given["results"]["channels"] = list(channels)
    scene = problem_of(given).scene
    rows = np.random.default_rng(1).normal(size=(2, 7, SIZES[harmonics]))
    found = laid_out(scene, rows)
    assert found.shape == (2, 7, amplitudes(scene))
    names = [*channels, "sum"] if len(channels) == 2 else list(channels)
    split = found.reshape(2, 7, len(names), 1 + 2 * harmonics, 3)
    nothing = np.zeros((2, 7, 3))
    first = [nothing, rows[..., 3:6], rows[..., 9:12], nothing, nothing]
    second = [rows[..., 0:3], rows[..., 6:9], rows[..., 12:15], rows[..., 15:18], rows[..., 18:21]]
    J = scene.exchange
    both = [second[0], *(a + 2.0 * J * b for a, b in zip(first[1:3], second[1:3], strict=True)), *second[3:]]
    expected = {"first": first, "second": second, "sum": both}
    for channel, name in enumerate(names):
        for harmonic in range(1 + 2 * harmonics):
            assert np.array_equal(split[:, :, channel, harmonic], expected[name][harmonic]), (name, harmonic)
    assert not found[..., absent(scene)].any()
    assert found[..., ~absent(scene)].all()


def test_a_block_is_what_the_kernels_counted_laid_out():
    """Sums of a block equal, bit by bit, the packed tallies of its kernels after reordering."""
    scene = problem_of(DECKS["sharp"]).scene
    sums = walk_fast_block(scene, births(scene), 5)
    visits, events, passages, budget = row_tallies(scene)
    start = slab_of(scene), np.array(scene.planes), *key(scene.seed), *births(scene), 5
    walk_block(*start, visits, events, passages, budget, -1, NO_FLIGHTS)
    width = scene.lengths[0] / scene.cells[0]
    density = visits[:, : SIZES[scene.harmonics]] / width
    assert np.array_equal(sums.budget, laid_out(scene, budget))
    assert np.array_equal(sums.passages[1], laid_out(scene, passages))
    assert np.array_equal(sums.profiles[scene.profiles.index("diffusive density")], laid_out(scene, density))
    assert sums.budget.any()


if __name__ == "__main__":
    assert not hasattr(walk_block, "py_func"), "compiled, not interpreted"
    np.savez(sys.argv[1], **arrays())
