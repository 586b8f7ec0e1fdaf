"""Solved without walkers: files, tables and sweeps of `mcpump solve`, and runs that are held against the solution."""

import math
from pathlib import Path

import numpy as np
import pytest
from runs import assert_same, furnish, good, refused
from schema import assert_as_told

import mcpump
from mcpump import report, results
from mcpump.deck import memory
from mcpump.deck.read import read_deck
from mcpump.errors import InputError
from mcpump.problem.reduce import make_problem
from mcpump.problem.slab import channels_held, memory_of, not_held, solution_of
from mcpump.simulate import engine
from mcpump.tally.against import solved_observables

RUN = Path(__file__).parents[2] / "run"
SEEDS = (1, 2, 3)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(furnish(tmp_path / "here"))
    return tmp_path / "here"


def problem_of(name, *changes):
    return make_problem(read_deck(RUN / f"{name}.toml", changes))


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("domain_wall", ()),
        ("domain_wall", ('results.channels=["first", "exact"]', "electrons.exchange=0.5")),
        ("stack", ()),
        ("py_pt", ()),
        ("rashba", ()),
        ("spin_hall_bar", ()),
    ],
)
def test_the_budget_of_the_solution_closes(name, changes):
    """Emitted + torque = stored + relaxed + left + cut, and ∂_x j = a + T − g/τ_sf in DC in every cell, to 1e-10."""
    problem = problem_of(name, *changes)
    found = solved_observables(problem)
    lines = found["budget"].mean
    rest = lines[:2].sum(axis=0) - lines[2:].sum(axis=0)
    current = np.abs(found["plane_current"].mean).max(axis=(1, 2, 3, 4, 5))
    size = np.maximum(np.abs(lines).max(axis=(0, 2, 3)), current)[:, None, None]
    assert np.all(np.abs(rest) <= 1e-10 * size)
    assert size.max() > 0.0
    if len(problem.scene.layers) > 1 or not problem.scene.has_sink:
        return
    # in the deck's units: what flows out of a cell is what is turned there less what relaxes; nothing is emitted in DC
    density, torque, flow = (
        found[key].mean[:, 2, 0] for key in ("spin_density", "torque", "spin_current_divergence")
    )
    gamma = problem.scene.layers[0].gamma_sf / problem.scales.time
    born = flow - torque + gamma * density
    if name == "spin_hall_bar":  # but for what the faces send back
        born = born[..., 1:-1]
    assert_close = 1e-10 * max(np.abs(flow).max(), np.abs(torque).max())
    assert np.abs(born).max() <= assert_close


def test_its_file_is_that_of_a_run(folder):
    out, _ = good("solve", folder / "junction.toml")
    assert "junction.toml   solved without walkers" in out.splitlines()[0]
    assert out.splitlines()[0].endswith("complete")
    path = folder / "junction-solved.h5"
    result = results.read(path)
    assert (result.walkers, result.blocks, result.complete, result.solved) == (0, 0, True, True)
    assert any(note.startswith("solution without walkers, by discrete ordinates") for note in result.notes)
    current = result.estimates["plane_current"]
    assert 0.0 < current.error.max() < 1e-3 * np.abs(current.mean).max()
    assert good("show", path)[0] == out
    assert report.summary_line(result).split("   ")[1] == "solved"
    assert_as_told(path, "–")
    with pytest.raises(Exception, match="exists"):
        results.write(result, path)
    assert "junction-solved.h5" in refused("solve", folder / "junction.toml")
    good("solve", folder / "junction.toml", "--overwrite", "--quiet")
    again = results.read(path)
    for name, one in result.estimates.items():
        assert np.array_equal(one.mean, again.estimates[name].mean, equal_nan=True)


def test_nobody_goes_on_with_it(folder):
    good("solve", folder / "junction.toml", "--quiet")
    good("run", folder / "junction.toml", "--quiet")
    told = "junction-solved.h5 is a solution without walkers (mcpump solve)"
    assert refused("run", "--resume", "junction-solved.h5").startswith(told)
    assert refused("run", "junction.toml", "--continue", "-o", "junction-solved.h5").startswith(told)
    assert refused("merge", "junction.h5", "junction-solved.h5", "-o", "all.h5").startswith(told)


@pytest.mark.parametrize(
    ("deck", "why"),
    [
        ("planar", "its mesh has other directions than x"),
        ("transient", "it is a transient, and the solution is that of a periodic drive"),
        ("pulse", "it is a transient, and the solution is that of a periodic drive"),
    ],
)
def test_what_has_no_solution_is_refused(folder, deck, why):
    assert refused("solve", folder / f"{deck}.toml") == f"{deck}.toml has no solution without walkers: {why}"
    assert not list(folder.glob("*.h5"))
    assert "held against the solution without walkers: " in good("check", folder / f"{deck}.toml")[0]


def test_exact_of_any_texture_is_held_where_it_does_not_take_long():
    """A wall that swings, and an ellipse in a weak magnet; not in a strong one, whose other channels are held."""
    wall = problem_of("domain_wall", 'results.channels=["first", "exact"]')
    assert channels_held(wall) == ("first", "exact")
    assert not not_held(wall)
    weak = problem_of("exact", "texture.ellipticity=0.5")
    assert channels_held(weak) == ("first", "second", "second_ladder", "exact")
    strong = problem_of("py_pt", "texture.ellipticity=0.5", 'electrons.exchange="3 eV"')
    assert channels_held(strong) == ("second",)
    alone = problem_of("py_pt", "texture.ellipticity=0.5", 'results.channels=["exact"]')
    assert not_held(alone) == "it would take more than some seconds (mcpump solve)"


def test_a_solution_that_needs_too_much_memory_is_refused_before_it_is_begun(monkeypatch):
    """Matrices between the phases of a period, in each cell, are told beforehand."""
    wall = problem_of("domain_wall", 'results.channels=["exact"]', "electrons.exchange=0.5")
    assert 1e6 < memory_of(wall, ("exact",)) < 1e9
    assert memory_of(wall, ("first",)) == 0
    monkeypatch.setattr(memory, "memory_of_machine", lambda: 1e6)
    with pytest.raises(InputError, match=r"needs about .* GB .* choose a shorter sample"):
        solution_of(wall, ("exact",))


@pytest.mark.slow
def test_walkers_of_exact_find_the_solution_of_a_strong_ellipse(tmp_path):
    """2Jτ/ħ = 1, DC to 2Ω at 8 planes: every number within 4 standard errors."""
    changes = [
        "texture.ellipticity=0.4",
        'electrons.exchange="0.14 eV"',
        'texture.cone_angle="40 deg"',
        'results.channels=["exact"]',
        "results.harmonics=2",
        'sample.x.length="12 nm"',
        "sample.x.cells=12",
        'texture.interface="6 nm"',
        'results.planes=["1 nm","3 nm","5 nm","6 nm","7 nm","9 nm","11 nm","12 nm"]',
        "run.walkers=65536",
        "run.seed=12",
    ]
    made = engine.run(problem_of("exact", *changes), threads=1)
    apart = made.estimates["solution_deviation"].mean
    looked_at = apart[np.isfinite(apart)]
    assert looked_at.size >= 100
    assert np.abs(looked_at).max() < 4.0
    assert 0.3 < float(made.estimates["solution_rms"].mean) < 1.5


def test_from_python(tmp_path):
    deck = RUN / "junction.toml"
    run = mcpump.solve(deck, tmp_path / "one.h5", set={"texture.width": "2 nm"})
    assert run.result.solved
    assert np.array_equal(
        mcpump.load(tmp_path / "one.h5").total.plane_current.mean, run.total.plane_current.mean
    )
    with pytest.raises(InputError, match="other directions"):
        mcpump.solve(RUN / "vortex.toml")


def test_four_digits_of_real_magnets():
    """Against a rule three times as fine: four digits, and within the quoted errors."""
    from mcpump.problem import slab

    problem = problem_of("py_pt")
    rule = slab.rule_of
    rough = solved_observables(problem)["plane_current"]
    try:
        slab.rule_of = lambda one: rule(one)._replace(fineness=6.0, directions=40)
        fine = solved_observables(problem)["plane_current"]
    finally:
        slab.rule_of = rule
    size = np.abs(fine.mean).max(axis=(2, 3, 4, 5), keepdims=True)
    assert np.all(np.abs(rough.mean - fine.mean) <= 5e-5 * size)
    assert np.all(np.abs(rough.mean - fine.mean) <= 3.0 * rough.error + 1e-7 * size)


# --- sweeps ---------------------------------------------------------------------------------------------------------


def test_a_sweep_is_solved_point_by_point(folder):
    sweep = "sweep", "junction.toml", "--vary", "texture.width=0.5, 1, 2", "--solve"
    out, _ = good(*sweep)
    assert out.splitlines()[-1] == "junction-sweep.h5: 3 of 3 points"
    assert all("   solved   " in line for line in out.splitlines()[:3])
    before = {path: path.read_bytes() for path in (folder / "junction-sweep").iterdir()}
    good(*sweep)  # all are there
    assert {path: path.read_bytes() for path in (folder / "junction-sweep").iterdir()} == before
    lines = good(*sweep, "--list")[0].splitlines()
    assert lines[0].startswith("mcpump solve junction.toml --set texture.width=")
    assert refused(*sweep, "--walkers", "1024") == "--walkers is for walks, and --solve has no walkers"


def test_a_point_that_was_walked_is_left_alone(folder):
    sweep = "sweep", "junction.toml", "--vary", "texture.width=1, 2"
    good(*sweep, "--point", "1", "--quiet")
    assert "was walked" in refused(*sweep, "--solve", "--quiet")


# --- runs held against it -------------------------------------------------------------------------------------------


def test_a_run_tells_how_far_it_is(folder):
    out, _ = good("run", folder / "junction.toml")
    [line] = [
        line for line in out.splitlines() if line.startswith("against the solution without walkers: rms ")
    ]
    result = results.read(folder / "junction.h5")
    rms, count = (float(result.estimates[f"solution_{name}"]) for name in ("rms", "numbers"))
    assert f"rms {rms:.2f} standard errors over {count:.0f} numbers" in line
    found, solved, apart = (
        result.estimates[name] for name in ("plane_current", "solution_plane_current", "solution_deviation")
    )
    one = {"channel": "first", "direction": "x", "harmonic": "cos1", "component": "x"}
    plane = found.places("plane")[-1]
    here, there = (each.sel(**one, part="total", plane=plane) for each in (found, solved))
    expected = (here.mean - there.mean) / math.hypot(here.error, there.error)
    assert float(apart.sel(**one, plane=plane)) == pytest.approx(expected, rel=1e-12)
    assert 0.3 < rms < 2.0
    assert_as_told(folder / "junction.h5", "–")


def test_it_changes_no_sum_and_is_worked_out_once(folder, monkeypatch):
    """The same books without it; a run that goes on, and parts that are joined, keep its numbers."""
    good("run", "junction.toml", "--quiet")
    good("run", "junction.toml", "--quiet", "--walkers", "2048", "-o", "half.h5")
    for part in ("1/2", "2/2"):
        good("run", "junction.toml", "--quiet", "--part", part)
    monkeypatch.setattr(engine, "to_hold_against", lambda _: {})
    good("run", "junction.toml", "--quiet", "-o", "without.h5")
    whole, without = (results.read(folder / name) for name in ("junction.h5", "without.h5"))
    assert "solution_rms" not in without.estimates
    for name, array in whole.checkpoint.items():
        assert np.array_equal(array, without.checkpoint[name])
    # nothing is worked out any more
    good("run", "junction.toml", "--quiet", "--resume", "half.h5")
    assert_same(folder / "half.h5", folder / "junction.h5")
    parts = [f"junction.part-{i}-of-2.h5" for i in (2, 1)]
    good("merge", *parts, "-o", "joined.h5")
    assert_same(folder / "joined.h5", folder / "junction.h5")


def test_walks_agree_with_it():
    """Over 200 currents through planes of six decks and three seeds, in lanes: rms 1, none beyond 4.5."""
    decks = "junction", "stack", "rashba", "penetration", "spiral", "domain_wall"
    apart = []
    for name in decks:
        for seed in SEEDS:
            run = mcpump.run(
                RUN / f"{name}.toml", walkers=16 * 256, seed=seed, progress=False,
                set={"run.walkers_per_block": 256},
            )  # fmt: skip
            found = run.result.estimates["solution_deviation"].mean
            apart += list(found[np.isfinite(found)])
    assert len(apart) > 200
    # with 16 blocks a deviation is Student's t of 15 degrees of freedom: variance 15/13
    assert 0.8 < math.sqrt(np.mean(np.square(apart))) < 1.3
    assert np.abs(apart).max() < 6.0
