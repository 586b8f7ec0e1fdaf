"""Self-checks: sound runs pass them, and each fails where it must."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from fake_scene import problem, scene, shaped
from fake_scene import result as scene_result
from scipy import stats

from mcpump import report, results
from mcpump.deck.read import deck_from_dict
from mcpump.errors import WalkerError
from mcpump.problem.reduce import make_problem
from mcpump.problem.slab import user_of
from mcpump.simulate.engine import run
from mcpump.tally import selfcheck
from mcpump.tally.amplitudes import spins_of
from mcpump.tally.selfcheck import Check
from mcpump.tally.tally import Groups, Tally
from mcpump.walk.blocks import exponents_of
from mcpump.walk.course import edge_at

DECK = {
    "units": "reduced",
    "electrons": {"exchange": 0.05, "spin_relaxation_time": 10.0},
    "sample": {"x": {"length": 4.0, "cells": 16, "left": "specular", "right": "absorbing"}},
    "texture": {
        "kind": "junction", "interface": 2.0, "width": 0.6, "cone_angle": 1.0, "angular_frequency": 0.05,
    },
    "results": {"channels": ["first", "second"], "planes": [1.1, 2.0, 3.0, 4.0]},
    "run": {"walkers": 64 * 512, "walkers_per_block": 512, "seed": 3, "reference": "off"},
}  # fmt: skip
WALKS = ("lanes", "general")
NO_PLACE = (-1, -1, -1)


@pytest.fixture(scope="module", params=WALKS)
def sound(request):
    """A problem and its result: nothing is wrong with it."""
    deck = {**DECK, "run": {**DECK["run"], **({"walk": "general"} if request.param == "general" else {})}}
    ready = make_problem(deck_from_dict(deck, "test"))
    return ready, run(ready, threads=1)


def checks_of(result):
    """Checks of a result, by name."""
    values = [
        result.estimates[f"self_check_{kind}"].mean for kind in ("deviation", "limit", "comparisons", "worst")
    ]
    rows = zip(*values, strict=True)
    return {
        name: Check(float(d), float(limit), int(n), tuple(int(i) for i in where))
        for name, (d, limit, n, where) in zip(result.coords["self_check"], rows, strict=True)
    }


def books(mean=1.0, scatter=0.1, groups=64, seed=1, planes=2, lines=7):
    """Groups of normal numbers, as the checks get them: (groups, channel, harmonic, component, ...)."""
    generator = np.random.default_rng(seed)

    def made(*shape):
        values = mean + scatter * generator.normal(size=(groups, 2, 3, 3, *shape))
        return Groups(values, np.ones(groups))

    return {"passages": made(2, planes), "budget": made(lines), "means": made(2)}


def test_a_sound_run_passes_every_check(sound):
    found = checks_of(sound[1])
    assert tuple(found) == selfcheck.NAMES
    for name, check in found.items():
        assert check.passed, (name, check)
        assert check.comparisons > 0, name
        assert check.worst != NO_PLACE
    assert found["ends"].comparisons >= 6
    text = " ".join(report.table(sound[1]).split())
    assert "self-checks, all passed: currents by passages and by conservation (" in text
    assert "errors ∝ N^−1/2 (" in text
    assert "cut" not in text.split("self-checks")[1]


def test_the_file_keeps_them(sound, tmp_path):
    results.write(sound[1], tmp_path / "run.h5")
    again = results.read(tmp_path / "run.h5")
    assert checks_of(again) == checks_of(sound[1])
    assert report.table(again) == report.table(sound[1])


def raw_of(ready, result):
    """What the check "currents" needs of a result: its estimates, and its books by groups."""
    tally = Tally(ready.scene, exponents_of(ready.scene, user_of(ready)), result.checkpoint)
    books = {
        name: tally.groups(name).map(lambda s: unpacked_sums(ready, s)) for name in ("passages", "conserved")
    }
    return dict(result.estimates), books


def unpacked_sums(ready, sums):
    if sums.size == 0:
        return np.zeros((len(sums), 1, 1, 1, *sums.shape[1:-1]))
    return np.moveaxis(spins_of(ready.scene, sums), (0, 1, 2), (1, 2, 3))


@pytest.mark.parametrize("plane", [1, 2])
def test_a_plane_that_counts_too_much_fails(sound, plane):
    """A twentieth more than has passed, in one plane: the check sees it, whatever the errors."""
    ready, result = sound
    found, books = raw_of(ready, result)
    check = selfcheck.currents(ready, found, books)
    assert check.passed
    assert check.comparisons >= 2 * 9  # two planes on inner edges of the mesh
    if not ready.scene.from_collisions:
        assert check.deviation < 1e-3  # of 1e-10: the same walkers
        mean = found["plane_current"].mean.copy()
        mean[..., plane] *= 1.05
        found["plane_current"] = dataclasses.replace(found["plane_current"], mean=mean)
    else:
        books["passages"].sums[..., 1, plane] *= 1.05
    check = selfcheck.currents(ready, found, books)
    assert not check.passed


def test_currents_are_not_checked_off_the_edges_of_the_mesh(sound):
    ready, result = sound
    found, books = raw_of(ready, result)
    off = ready._replace(scene=ready.scene._replace(planes=(1.1, 2.01, 3.1, 4.0)))
    assert selfcheck.currents(off, found, books) == Check() or np.isnan(
        selfcheck.currents(off, found, books).deviation
    )
    assert edge_at(1.1, 4.0, 16) is None
    assert edge_at(2.0, 4.0, 16) == 8
    assert edge_at(4.0, 4.0, 16) == 16


@pytest.mark.parametrize("line", [selfcheck.RELAXED, selfcheck.RIGHT])
def test_ends_that_differ_fail(sound, line):
    """Books whose local and diffusive parts make up what ended, then one line of the budget changed."""
    ready, _ = sound
    length = ready.scene.lengths[0]
    made = books(scatter=0.01)
    generator = np.random.default_rng(2)
    ended = made["budget"].sums
    noise = [0.01 * generator.normal(size=ended.shape[:-1]) for _ in range(2)]
    half = np.array([0.5, 0.5])
    gamma = selfcheck._relaxation(ready.scene)
    assert gamma == pytest.approx(0.1)
    made["means"] = made["means"].map(
        lambda _: (ended[..., selfcheck.RELAXED] + noise[0])[..., None] * half / (gamma * length)
    )
    passages = np.zeros((*ended.shape[:-1], 2, 4))
    passages[..., 3] = (ended[..., selfcheck.RIGHT] + noise[1])[..., None] * half
    made["passages"] = Groups(passages, made["passages"].counts)
    assert selfcheck.ends(ready, made).passed
    assert selfcheck.ends(ready, made).comparisons == 2 * 2 * 9
    ended[:, 1, 2, 0, line] *= 1.02
    check = selfcheck.ends(ready, made)
    assert not check.passed
    assert check.worst == (1, 2, 0)
    few = {name: Groups(groups.sums[:8], groups.counts[:8]) for name, groups in made.items()}
    assert np.isnan(selfcheck.ends(ready, few).deviation)


def test_a_budget_that_does_not_close_fails(sound):
    ready, result = sound
    lines = np.moveaxis(result.estimates["budget"].mean, 0, -1)
    natural = np.zeros(lines.shape[:3])
    closed = Groups(np.repeat(lines[None], 64, axis=0), np.ones(64))
    assert selfcheck.budget(ready, closed, natural).passed
    closed.sums[:, 1, 0, 2, selfcheck.RELAXED] *= 1.0 + 1e-7
    check = selfcheck.budget(ready, closed, natural)
    assert not check.passed
    assert check.worst == (1, 0, 2)
    # lines that cancel over the sample have rounding of their own size
    assert selfcheck.budget(ready, closed, natural + 1e9 * np.abs(lines).max()).passed


def test_cut_spin_fails_where_there_is_a_sink_or_it_goes_on_turning(sound):
    ready, _ = sound
    made = books(scatter=0.0)["budget"]
    made.sums[..., -1] = 0.0
    assert selfcheck.cut(ready, made).deviation == 0.0
    made.sums[:, 1, 0, 2, -1] = 2e-3
    assert not selfcheck.cut(ready, made).passed
    assert selfcheck.cut(ready, made).worst == (1, 0, 2)
    no_sink = {"absorption": (0.0,) * 6, "layers": (scene().layers[0]._replace(gamma_sf=0.0),), "t_max": 9.0}
    assert np.isnan(selfcheck.cut(problem(scene(**no_sink)), made).deviation)
    turning = problem(scene(channels=("first", "second_ladder"), **no_sink))
    assert not selfcheck.cut(turning, made).passed


def bounds_of(result):
    """Walkers that met a bound, and the share of the signal that ended with them, by bound."""
    names = ("walkers_at_bound", "walkers_at_bound_share")
    values = zip(*(result.estimates[name].mean.tolist() for name in names), strict=True)
    return dict(zip(result.coords["bound"], values, strict=True))


def told_of_bounds(result):
    """What the table says of them."""
    text = " ".join(report.table(result).split())
    return (
        text.partition("walkers that met a bound: ")[2].partition(" self-checks")[0].partition(" warning")[0]
    )


NO_SINK = {
    **DECK,
    "electrons": {"exchange": 0.05},
    "sample": {"x": {"length": 2.0, "cells": 8, "left": "specular", "right": "specular"}},
    "texture": {**DECK["texture"], "interface": 1.0},
    "results": {"channels": ["first", "second"], "planes": [1.0]},
    "run": {"walkers": 64 * 16, "walkers_per_block": 64},
}
TRANSIENT = {
    **NO_SINK,
    "drive": {"kind": "ramp", "rise": 1.0},
    "results": {"channels": ["first"], "harmonics": 0, "end": 4.0, "time_bins": 2, "planes": [1.0]},
}
PULSE = {
    "units": "reduced",
    "electrons": {},
    "sample": NO_SINK["sample"],
    "pulse": {"position": 1.0},
    "results": {"end": 4.0, "time_bins": 2},
    "run": NO_SINK["run"],
}


def test_no_walker_meets_a_bound_where_spin_can_end(sound):
    assert bounds_of(sound[1]) == {"flights": (0.0, 0.0), "age": (0.0, 0.0)}
    assert told_of_bounds(sound[1]) == "0 of 32 768; share of the signal: 0"
    assert not sound[1].estimates["budget"].mean[-1].any()  # not one walker, in any component


@pytest.mark.parametrize("walk", WALKS)
def test_all_walkers_meet_the_bound_in_age_without_a_sink(walk):
    deck = {**NO_SINK, "run": {**NO_SINK["run"], **({"walk": "general"} if walk == "general" else {})}}
    ready = make_problem(deck_from_dict(deck, "test"))
    result = run(ready, threads=1)
    assert np.isfinite(ready.scene.t_max)
    found = bounds_of(result)
    assert found["flights"] == (0.0, 0.0)
    assert found["age"] == (1024.0, pytest.approx(1.0, abs=1e-6))  # what was emitted and turned ends there
    told = "1 024 of 1 024, at the age t_max, for nothing else ends them; share of the signal (DC spin): 1"
    assert told_of_bounds(result) == told


@pytest.mark.parametrize("deck", [TRANSIENT, PULSE], ids=["transient", "pulse"])
def test_the_end_of_the_time_that_was_asked_for_is_no_bound(deck):
    result = run(make_problem(deck_from_dict(deck, "test")), threads=1)
    assert bounds_of(result) == {"flights": (0.0, 0.0), "age": (0.0, 0.0)}
    assert told_of_bounds(result) == "0 of 1 024; share of the signal: 0"


def test_the_budget_of_a_pulse_is_its_spin_in_any_units():
    """It counts walkers: a fraction of them times the spin, whatever a metre is."""
    si = {
        **PULSE,
        "units": "SI",
        "electrons": {"fermi_wavenumber": "13.6 /nm", "mean_free_path": "2 nm"},
        "sample": {"x": {**NO_SINK["sample"]["x"], "length": "4 nm"}},
        "pulse": {"position": "2 nm", "spin": [0.0, 0.5, 2.0]},
        "results": {"end": "10 fs", "time_bins": 2},
    }
    budget = run(make_problem(deck_from_dict(si, "test")), threads=1).estimates["budget"]
    assert budget.units == "1"
    np.testing.assert_allclose(budget.mean[0, 0, 0], [0.0, 0.5, 2.0], rtol=1e-12)


def test_a_walker_that_meets_the_bound_in_flights_stops_the_run():
    """So that no file has one."""
    deck = {**NO_SINK, "run": {**NO_SINK["run"], "max_flights": 5}}
    for walk in ("auto", "general"):
        ready = make_problem(deck_from_dict({**deck, "run": {**deck["run"], "walk": walk}}, "test"))
        with pytest.raises(WalkerError, match="max_flights = 5"):
            run(ready, threads=1)


def test_spin_that_is_cut_where_there_is_no_bound_is_not_passed_over(sound):
    ready, result = sound
    assert not np.isfinite(ready.scene.t_max)
    made = books(scatter=0.0)["budget"]
    made.sums[..., -1] = 0.0
    made.sums[:, 1, 0, 2, -1] = 0.01
    wrong = dataclasses.replace(result, estimates=result.estimates | selfcheck.bounds(ready, 100, made))
    assert bounds_of(wrong)["flights"] == (0.0, 0.0)
    assert bounds_of(wrong)["age"] == (pytest.approx(np.nan, nan_ok=True), pytest.approx(0.01))
    told = "unknown, for spin ended on the budget's line cut where no bound is set; share of the signal"
    assert told_of_bounds(wrong) == told + " (DC spin): 0.01"
    del wrong.estimates["walkers_at_bound"]  # a file from before
    assert told_of_bounds(wrong) == ""


def test_errors_that_do_not_fall_fail():
    made = books()
    check = selfcheck.errors(made)
    assert check.passed
    assert check.comparisons == 5 * 18 * (2 * 2 + 7)
    late = made["budget"].sums[:, 0, 1, 2, 3]
    late[48:] = 1.0 + 5.0 * (late[48:] - 1.0)
    check = selfcheck.errors(made)
    assert not check.passed
    assert check.worst == (0, 1, 2)


def test_heavy_tails_fail():
    made = books()
    assert selfcheck.tails(made).passed
    made["passages"].sums[17, 1, 0, 2, 0, 1] += 1.5
    check = selfcheck.tails(made)
    assert not check.passed
    assert check.worst == (1, 0, 2)
    # a Cauchy law has no variance at all
    made = books()
    made["budget"].sums[:] = 1.0 + np.random.default_rng(3).standard_cauchy(made["budget"].sums.shape)
    assert not selfcheck.tails(made).passed
    assert not selfcheck.errors(made).passed


def test_few_groups_are_not_judged():
    for groups in (1, 8, 15):
        assert np.isnan(selfcheck.errors(books(groups=groups)).deviation)
    for groups in (15, 31):
        assert np.isnan(selfcheck.tails(books(groups=groups)).deviation)
    assert selfcheck.errors(books(groups=16)).comparisons > 0
    assert selfcheck.tails(books(groups=32)).comparisons > 0


def test_groups_of_unequal_size_are_weighed():
    """Group g holds g % 3 + 1 blocks: its sum scatters by the root of that."""
    made = {}
    counts = np.arange(64) % 3 + 1.0
    for name, groups in books(mean=0.0).items():
        weight = counts.reshape(-1, *[1] * (groups.sums.ndim - 1))
        made[name] = Groups(groups.sums * np.sqrt(weight) + weight, counts)
    assert selfcheck.errors(made).passed
    assert selfcheck.tails(made).passed
    np.testing.assert_allclose(selfcheck._variance(made["budget"].sums, counts).mean(), 0.01, rtol=0.05)


@pytest.mark.parametrize("groups", [16, 32, 49, 64])
def test_false_alarms_are_rare(groups):
    # 200 sound runs of each size at 10⁻⁴ each
    for seed in range(200):
        made = books(groups=groups, seed=seed)
        assert selfcheck.errors(made).passed
        assert selfcheck.tails(made).passed


def test_numbers_of_no_size_are_not_judged():
    made = books()
    for groups in made.values():
        groups.sums[:, :, 1:] *= 1e-13  # rounding beside DC
        groups.sums[:, :, 0, 1] *= 1e-3
    tail = made["budget"].sums
    tail[5, 0, 2, 0, 0] += 1e-11
    tail[5, 0, 0, 1, 0] += 1e-2
    assert selfcheck.tails(made).passed
    assert selfcheck.errors(made).comparisons == 5 * 2 * 2 * 11


def test_distributions_are_those_of_scipy():
    for p in (1e-2, 1e-4, 1e-7):
        z = stats.norm.isf(p)
        for nu in (15, 63):
            assert selfcheck._normal_of_t(np.array(stats.t.isf(p, nu)), nu) == pytest.approx(z, rel=0.01)
        for one, other in ((15, 47), (31, 31)):
            assert selfcheck._normal_of_F(np.array(stats.f.isf(p, one, other)), one, other) == pytest.approx(
                z, rel=0.02
            )
    # two-sided normal, as Bonferroni has it
    assert selfcheck._sigmas(50) == pytest.approx(stats.norm.isf(1e-6))


def test_tail_limit_is_passed_with_its_probability():
    numbers = np.random.default_rng(5).normal(size=(200_000, 64))
    square = (numbers - numbers.mean(axis=1, keepdims=True)) ** 2
    vov = (square**2).sum(axis=1) / square.sum(axis=1) ** 2 - 1 / 64
    for p in (1e-2, 1e-3, 1e-4):
        assert np.mean(vov > selfcheck._tail_limit(64, stats.norm.isf(p))) == pytest.approx(p, rel=0.4)
    assert selfcheck._tail_limit(32, 9.0) == selfcheck._TAIL_MOST


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("bins", [0, 3])
@pytest.mark.parametrize("planes", [(), (0.0, 5.0, 10.0)])
def test_every_mesh_has_them(axes, bins, planes):
    ready = problem(scene(axes, time_bins=bins, planes=planes))
    found = checks_of(scene_result(ready, shaped(ready)))
    assert (found["currents"].comparisons > 0) == bool(planes)
    assert found["errors"].comparisons > 0
    # made-up books do not close, and know it
    assert not found["budget"].passed


def test_table_warns_of_what_failed():
    ready = problem(scene(1))
    result = scene_result(ready, shaped(ready))
    assert "all passed" not in report.table(result)
    text = " ".join(report.table(result).split())
    assert "warning: self-check: the spin budget does not close: " in text
    deviation = result.estimates["self_check_deviation"].mean
    deviation[:] = 1e3
    result.estimates["self_check_limit"].mean[:] = 1.0
    result.estimates["self_check_worst"].mean[:] = (1, 0, 2)
    text = " ".join(report.table(result).split())
    assert text.count("warning: self-check: ") == len(selfcheck.NAMES)
    assert text.count("at second DC z, limit 1") == len(selfcheck.NAMES)
    assert max(map(len, report.table(result).splitlines())) <= 120
    deviation[:] = np.nan
    text = " ".join(report.table(result).split())
    assert "self-check" not in text
    assert "not checked here: currents by passages and by conservation, " in text
    for name in list(result.estimates):
        if name.startswith("self_check"):
            del result.estimates[name]
    assert "self-check" not in report.table(result)


def test_table_tells_of_cut_spin():
    ready = problem(scene(1))
    result = scene_result(ready, shaped(ready))
    for kind, value in (("deviation", 1e-5), ("limit", 1e-3)):
        result.estimates[f"self_check_{kind}"].mean[-1] = value
    assert "cut (1e-05)" in report.table(result)
