"""The engine: any number of threads gives the same bits; whole blocks; the stop rule; errors come through."""

import math
import threading
import time

import numpy as np
import pytest
from decks import JUNCTION, PULSE, SPIRAL, changed

from mcpump import report
from mcpump.deck.read import deck_from_dict
from mcpump.errors import InputError, StoppedError
from mcpump.problem.reduce import make_problem
from mcpump.problem.scene import StopRule
from mcpump.simulate import crew
from mcpump.simulate import engine as simulate
from mcpump.simulate.checkpoint import Part, Start, ranges_of, start_of
from mcpump.simulate.engine import block_count, run
from mcpump.simulate.ranks import Alone
from mcpump.tally.estimates import Estimate, Status
from mcpump.tally.tally import Tally
from mcpump.walk import blocks
from mcpump.walk.blocks import ground_of

SOURCES = {
    "junction": changed(
        JUNCTION,
        electrons__spin_diffusion_length="2 nm",
        run__walkers=2560,
        run__walkers_per_block=64,
        run__reference="off",
    ),
    "spiral": changed(SPIRAL, run__walkers=1280, run__walkers_per_block=64, results__harmonics=2),
    "pulse": changed(PULSE, run__walkers=4096, run__walkers_per_block=256),
    "turning": changed(
        SPIRAL, run__walkers=1280, run__walkers_per_block=64, results__channels=["exact"],
        electrons__fermi_wavenumber=50.0, electrons__spin_relaxation_time=5.0,
        spin_orbit={"rotation": True, "rashba": {"field": 0.01, "direction": [0, 1, 1]}},
    ),
}  # fmt: skip


def problem_of(deck):
    return make_problem(deck_from_dict(deck, "test"))


def stopping(relative_error, max_walkers, quantity="spin_current.total.x.cos1", deck=SPIRAL, block=64):
    rule = {"quantity": quantity, "at": 5.0, "relative_error": relative_error, "max_walkers": max_walkers}
    return problem_of(changed(deck, run__stop=rule, run__walkers_per_block=block))


def same(a, b):
    """Whether two results agree in every bit, but for what `provenance` tells."""
    assert set(a.estimates) == set(b.estimates)
    for name, estimate in a.estimates.items():
        other = b.estimates[name]
        assert estimate.dims == other.dims
        assert np.array_equal(estimate.mean, other.mean, equal_nan=True), name
        assert (estimate.stderr is None) == (other.stderr is None)
        if estimate.stderr is not None:
            assert np.array_equal(estimate.stderr, other.stderr, equal_nan=True), name
    assert set(a.checkpoint) == set(b.checkpoint)
    for name, array in a.checkpoint.items():
        assert array.dtype == b.checkpoint[name].dtype == np.int64
        assert np.array_equal(array, b.checkpoint[name]), name
    for name in (
        "walkers",
        "blocks",
        "seed",
        "flights",
        "status",
        "message",
        "resolved",
        "regime",
        "notes",
    ):
        assert repr(getattr(a, name)) == repr(getattr(b, name)), name  # regime numbers may be NaN
    return True


@pytest.mark.parametrize("name", SOURCES)
def test_any_number_of_threads_gives_the_same_bits(name):
    problem = problem_of(SOURCES[name])
    one = run(problem, 1)
    assert one.complete
    assert one.flights > 0
    for threads in (2, 3, None):
        assert same(one, run(problem, threads))


def test_the_seed_matters():
    deck = SOURCES["spiral"]
    one, other = (run(problem_of(changed(deck, run__seed=seed)), 2) for seed in (1, 2))
    assert not np.array_equal(one.estimates["plane_current"].mean, other.estimates["plane_current"].mean)
    assert (one.seed, other.seed) == (1, 2)


@pytest.mark.parametrize(
    ("walkers", "block", "blocks"),
    [(1, 64, 16), (1024, 64, 16), (1025, 64, 17), (1087, 64, 17), (1089, 64, 18), (10, 2, 16)],
)
def test_walkers_are_rounded_up_to_whole_blocks_at_least_sixteen(walkers, block, blocks):
    problem = problem_of(changed(SPIRAL, run__walkers=walkers, run__walkers_per_block=block))
    assert block_count(problem, walkers) == blocks
    assert problem.walkers == blocks * block
    result = run(problem, 2)
    assert (result.blocks, result.walkers) == (blocks, blocks * block)
    assert int(result.checkpoint["blocks"].sum()) == blocks
    assert np.isfinite(result.estimates["plane_current"].stderr).all()


def test_the_stop_rule_looks_after_doubling_numbers_of_blocks(monkeypatch):
    looked = []

    def look(problem, tally, rule):
        looked.append(tally.blocks)
        return 1.0

    monkeypatch.setattr(simulate, "relative_error", look)
    result = run(stopping(0.01, 64 * 150), 2)
    assert looked == [32, 64, 128, 150]
    assert not result.complete
    assert result.blocks == 150


@pytest.mark.parametrize("most", [1, 16, 31, 32, 33, 64])
def test_the_last_look_is_at_the_last_block(monkeypatch, most):
    looked = []
    monkeypatch.setattr(
        simulate, "relative_error", lambda problem, tally, rule: looked.append(tally.blocks) or 1.0
    )
    run(stopping(0.01, 64 * most), 2)
    last = max(most, 16)
    assert looked == [n for n in (32,) if n < last] + [last]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_the_stop_rule_sees_the_same_blocks_whatever_the_threads(monkeypatch, threads):
    """At a look exactly the first blocks are in the books, in whichever order they came."""
    true, seen = simulate.relative_error, {}

    def look(problem, tally, rule):
        seen[tally.blocks] = (tally.sums["blocks"].copy(), true(problem, tally, rule))
        return seen[tally.blocks][1]

    monkeypatch.setattr(simulate, "relative_error", look)
    problem = stopping(1e-9, 64 * 70)
    run(problem, threads)
    assert list(seen) == [32, 64, 70]
    for n, (counts, error) in seen.items():
        assert np.array_equal(counts, np.bincount(np.arange(n) % 64, minlength=64))
        # and the error is that of a run of so many blocks
        alone = run(problem_of(changed(SPIRAL, run__walkers=64 * n, run__walkers_per_block=64)), 1)
        current = alone.estimates["plane_current"]
        at = (-1, 2, 0, 1, 0, 0)
        assert error == current.stderr[at] / abs(current.mean[at])


def test_stops_as_soon_as_the_target_is_met():
    problem = stopping(0.1, 64 * 10000)
    result = run(problem, 2)
    assert result.complete
    assert result.message == "complete"
    assert result.blocks in {32 * 2**k for k in range(9)}
    current = result.estimates["plane_current"]
    at = (-1, 2, 0, 1, 0, 0)
    assert current.stderr[at] <= 0.1 * abs(current.mean[at])
    assert same(result, run(problem, 1))
    assert same(result, run(problem, 3))
    # half as many would not have done
    if result.blocks > 32:
        shorter = run(
            problem_of(changed(SPIRAL, run__walkers=32 * result.blocks, run__walkers_per_block=64)), 2
        )
        current = shorter.estimates["plane_current"]
        assert current.stderr[at] > 0.1 * abs(current.mean[at])


def test_a_missed_target_says_so():
    result = run(stopping(1e-7, 64 * 40), 2)
    assert not result.complete
    assert result.blocks == 40
    assert result.message.startswith("target missed: spin_current.total.x.cos1 has relative error ")
    assert result.message.endswith(" after 40 blocks, wanted 1e-07")
    assert same(result, run(stopping(1e-7, 64 * 40), 1))


def test_a_quantity_that_is_exactly_zero_has_no_relative_error():
    result = run(stopping(0.5, 64 * 40, "spin_current.total.z.cos1"), 2)
    assert not result.complete
    assert "exactly zero" in result.message


def test_the_stop_rule_may_look_at_a_density():
    deck = changed(SPIRAL, electrons__spin_relaxation_time=5.0)
    problem = stopping(0.1, 64 * 4096, "spin_density.local.x.cos1", deck)
    result = run(problem, 2)
    assert result.complete
    density = result.estimates["spin_density"]
    at = (-1, 0, 1, 0, 5)  # x = 5 ℓ of 10 ℓ begins the sixth of ten cells
    assert density.stderr[at] <= 0.1 * abs(density.mean[at])


@pytest.mark.parametrize("part", ["local", "diffusive", "total"])
def test_relative_error_is_that_of_the_sum_of_channels(part):
    problem = problem_of(SOURCES["spiral"])
    ground = ground_of(problem)
    tally = Tally(problem.scene, ground.exponents, known=ground.known)
    for block in range(32):
        tally.add(block, ground.walk(block))
    current = simulate.observables(problem, tally)["plane_current"]
    at = (2, ("local", "diffusive", "total").index(part), 0, 2, 1, 0)
    found = simulate.relative_error(problem, tally, StopRule(f"spin_current.{part}.y.sin1", 5.0, 0.1, 1))
    assert found == current.stderr[at] / abs(current.mean[at])


def test_a_run_without_planes_claims_no_symmetry():
    result = run(
        problem_of(changed(SPIRAL, results__planes=[], run__walkers=64 * 16, run__walkers_per_block=64))
    )
    assert not any("plane" in name for name in (*result.estimates, *result.coords))
    text = report.table(result)
    assert "zero by symmetry" not in text + report.summary_line(result)
    assert "Largest on the mesh" in text
    assert "spin budget" in text


def heard_of(problem, threads=2):
    """Result of a run and what its display was told, the error asked for at once."""
    heard = []
    result = run(problem, threads, lambda progress: heard.append((progress, progress.relative_error())))
    return result, [progress for progress, _ in heard], [error for _, error in heard]


def test_progress_is_told_after_every_block():
    result, heard, errors = heard_of(problem_of(SOURCES["spiral"]))
    assert [progress.blocks for progress in heard] == list(range(1, 21))
    assert {progress.total for progress in heard} == {20}
    assert [progress.walkers for progress in heard] == [64 * n for n in range(1, 21)]
    assert result.blocks == 20
    # the error of the largest current through a plane, once there are blocks enough for one
    assert all(math.isnan(error) for error in errors[:15])
    current = result.estimates["plane_current"]
    at = np.unravel_index(np.argmax(np.abs(current.mean[-1, 2])), current.mean[-1, 2].shape)
    assert errors[-1] == pytest.approx(current.stderr[-1, 2][at] / np.abs(current.mean[-1, 2][at]), rel=1e-12)


def test_progress_tells_the_error_that_the_stop_rule_looks_at():
    result, heard, errors = heard_of(stopping(1e-9, 64 * 70))
    assert [progress.blocks for progress in heard] == list(range(1, 71))
    assert {progress.total for progress in heard} == {70}
    assert all(math.isnan(error) for error in errors[:15])
    current = result.estimates["plane_current"]
    at = (-1, 2, 0, 1, 0, 0)
    assert errors[-1] == current.stderr[at] / abs(current.mean[at])


def test_progress_of_a_pulse_has_no_error():
    _, heard, errors = heard_of(problem_of(SOURCES["pulse"]))
    assert len(heard) == 16
    assert all(math.isnan(error) for error in errors)


def test_a_display_does_not_change_the_result():
    problem = stopping(1e-9, 64 * 40)
    assert same(heard_of(problem)[0], run(problem, 1))


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_an_error_in_a_worker_comes_through(monkeypatch, threads):
    true, walked = blocks.walk_block, []

    def failing(*given):
        block = given[-1]
        walked.append(block)
        if block == 7:
            raise FloatingPointError("block 7 went wrong")
        return true(*given)

    monkeypatch.setattr(blocks, "walk_block", failing)
    before = threading.active_count()
    with pytest.raises(FloatingPointError, match="block 7 went wrong"):
        run(problem_of(changed(SPIRAL, run__walkers=64 * 500, run__walkers_per_block=64)), threads)
    assert len(walked) < 100  # the rest is not walked for nothing
    assert threading.active_count() == before


@pytest.mark.parametrize("kind", [KeyboardInterrupt, ValueError])
def test_an_error_in_the_progress_display_comes_through(kind):
    def shout(progress):
        raise kind("enough")

    with pytest.raises(kind):
        run(problem_of(SOURCES["spiral"]), 2, shout)


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_few_blocks_are_in_flight(threads):
    """A long run keeps a few blocks per thread, not all of its blocks, in memory."""
    problem = problem_of(changed(SPIRAL, run__walkers_per_block=2))
    seen = []
    with crew.Lead(problem, threads, Alone()) as lead:
        tally, given_up = lead.walk_to(
            400, lambda: False, lambda: seen.append((len(lead.pending), lead.next, lead.blocks))
        )
    assert tally.blocks == len(seen) == 400
    assert given_up == []
    for pending, dealt, done in seen:
        assert pending <= 2 * threads
        assert dealt - done <= 2 * threads


def test_saves_on_the_way_hold_what_is_known_and_change_nothing():
    saved = []
    for problem in (stopping(1e-9, 64 * 70), problem_of(SOURCES["spiral"])):
        saved.clear()
        result = run(problem, 2, save=saved.append, save_every=1e-9)
        assert same(result, run(problem, 3))
        assert len(saved) > 1
        blocks = [part.blocks for part in saved]
        assert blocks == sorted(set(blocks))
        assert blocks[-1] <= result.blocks
        for part in saved:
            assert (part.complete, part.message) == (False, "running")
            # the blocks that are in the books are the first ones
            counts = np.bincount(np.arange(part.blocks) % 64, minlength=64)
            assert np.array_equal(part.checkpoint["blocks"], counts)


def test_nothing_is_saved_before_its_time():
    run(problem_of(SOURCES["spiral"]), 2, save=lambda result: pytest.fail("too early"), save_every=1e6)


def test_result_tells_how_it_was_got():
    problem = problem_of(SOURCES["junction"])
    result = run(problem, 2)
    assert result.name == "test"
    assert result.resolved == problem.resolved
    assert result.regime == problem.regime
    assert result.provenance["threads"] == 2
    assert result.provenance["wall_time_s"] > 0.0
    assert {"mcpump", "python", "numpy", "machine", "started"} <= set(result.provenance)
    for estimate in result.estimates.values():
        assert isinstance(estimate, Estimate)
        for axis, size in zip(estimate.dims, estimate.mean.shape, strict=True):
            coordinate = result.coords[axis]
            length = len(coordinate) if isinstance(coordinate, tuple) else len(coordinate.mean)
            assert length == size


def test_errors_of_a_run_fall_as_the_root_of_its_length():
    short, long = (
        run(problem_of(changed(SOURCES["junction"], run__walkers=64 * n)), 2).estimates for n in (200, 800)
    )
    for name in ("plane_current", "spin_density", "budget"):
        few, many = short[name].stderr, long[name].stderr
        known = np.isfinite(few) & np.isfinite(many)  # resolved in both
        assert known.mean() > 0.5
        assert np.sqrt((few[known] ** 2).sum() / (many[known] ** 2).sum()) == pytest.approx(2.0, rel=0.15), (
            name
        )


def giving_up(monkeypatch, number, then):
    """Let a block wait until blocks are given up; returns a reason to stop, from the beginning of block `then` on."""
    true, begun = blocks.walk_block, threading.Event()

    def walk(*given):
        if given[-1] == then:
            begun.set()
        if given[-1] == number:
            while not given[-2][0]:
                time.sleep(0.001)
        return true(*given)

    monkeypatch.setattr(blocks, "walk_block", walk)
    monkeypatch.setattr(crew, "GRACE", 0.3)
    return lambda: "enough" if begun.is_set() else ""


@pytest.mark.parametrize(
    ("deck", "rule"), [("spiral", False), ("pulse", False), ("transient", False), ("spiral", True)]
)
def test_a_block_that_takes_long_is_given_up_and_walked_again(monkeypatch, deck, rule):
    """What others have walked beyond it is kept; the run goes on to the same bits."""
    if deck == "transient":
        source = changed(
            SPIRAL, results__end=4.0, results__time_bins=2, results__harmonics=0, run__walkers=64 * 40
        )
        problem = problem_of(changed(source, run__walkers_per_block=64))
    else:
        problem = stopping(1e-9, 64 * 50) if rule else problem_of(SOURCES[deck])
    whole = run(problem, 2)
    with monkeypatch.context() as patch:
        stopped = run(problem, 2, stop=giving_up(patch, 3, 6))
    assert (stopped.status, stopped.message) == (Status.STOPPED, "stopped: enough")
    ranges = ranges_of(stopped)
    assert ranges[0] == (0, 3)
    assert len(ranges) == 2
    assert ranges[1][0] == 4
    assert stopped.blocks == sum(last - first for first, last in ranges)
    assert same(run(problem, 1, start=start_of(stopped, "here")), whole)


def test_a_run_that_stops_before_its_first_block_has_nothing_to_save(monkeypatch):
    with pytest.raises(StoppedError, match="enough, before a block of 64 walkers was complete") as stopped:
        run(problem_of(SOURCES["spiral"]), 1, stop=giving_up(monkeypatch, 0, 0))
    assert stopped.value.status == 75


def test_a_run_that_stops_amid_its_first_flights_has_nothing_to_save(monkeypatch):
    monkeypatch.setattr(crew, "GRACE_FOR_FIRST_FLIGHTS", 0.0)
    mesh = {"length": 4.0, "cells": 4, "left": "periodic", "right": "periodic"}
    problem = problem_of(changed(SPIRAL, sample__y=mesh))
    with pytest.raises(StoppedError, match="stopped: enough, amid the first flights"):
        run(problem, 2, stop=lambda: "enough")


@pytest.mark.parametrize("held", [((0, 20), (30, 60)), ((0, 40), (50, 70)), ((10, 40),)])
def test_a_stop_rule_does_not_go_on_beyond_its_next_look(held):
    """It looks after 32, 64, … blocks from the first on: blocks beyond would be in what it sees."""
    problem = stopping(1e-9, 64 * 100)
    with pytest.raises(InputError, match="needs all blocks in order"):
        simulate.to_walk(problem, Start({}, held, 0.0, {}), Part())


def test_a_stop_rule_goes_on_where_blocks_before_its_next_look_are_missing():
    problem = stopping(1e-9, 64 * 100)
    todo = simulate.to_walk(problem, Start({}, ((0, 20), (25, 32)), 0.0, {}), Part())
    assert todo == [range(20, 25), range(32, 100)]
