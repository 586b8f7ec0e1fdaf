"""What is worked out before walkers begin: kept in the file, gone on with, merged, and the same on all ranks."""

import dataclasses

import fake_known
import h5py
import numpy as np
import pytest
from decks import SPIRAL, changed
from jobs import MPIRUN, NO_MPIRUN, ranks
from runs import AT_ONCE, assert_same, child, finish, furnish, good, refused

import mcpump
from mcpump import results
from mcpump.deck.read import deck_from_dict
from mcpump.problem.reduce import make_problem
from mcpump.simulate import crew
from mcpump.simulate.engine import SOLVED, run, watched_error
from mcpump.simulate.ranks import Alone
from mcpump.walk import blocks
from mcpump.walk.known import arrays_of, groundwork_from

QUIET = ("--quiet",)


@pytest.fixture
def known(monkeypatch):
    """Runs that know part of their numbers before walkers begin."""
    for module in (crew, blocks):
        monkeypatch.setattr(module, "groundwork_of", fake_known.groundwork_of)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(furnish(tmp_path / "here"))
    return tmp_path / "here"


def worked_out_again(problem, share):
    raise AssertionError("worked out again")


def spiral():
    """A run of the general walk, of which nothing is known beforehand."""
    deck = changed(SPIRAL, run__walk="general", run__walkers=1280, run__walkers_per_block=64)
    return make_problem(deck_from_dict(deck, "test"))


def test_estimates_are_what_is_known_and_what_is_walked(monkeypatch):
    problem = spiral()
    walked = run(problem, 2)
    assert not walked.groundwork.keys() - set(SOLVED)
    monkeypatch.setattr(crew, "groundwork_of", fake_known.groundwork_of)
    found = run(problem, 2)
    value = fake_known.made_up(problem.scene).known.value
    assert np.array_equal(found.groundwork["profiles"][0], value.profiles)
    assert all(np.array_equal(array, walked.checkpoint[name]) for name, array in found.checkpoint.items())
    alone = fake_known.nothing(problem.scene)
    monkeypatch.setattr(
        crew, "groundwork_of", lambda problem, share: fake_known.Groundwork(fake_known.Known(alone))
    )
    none = run(problem, 2)
    for name in ("spin_density", "plane_current", "budget", "spin_density_mean"):
        one, other = found.estimates[name], none.estimates[name]
        assert np.array_equal(other.mean, walked.estimates[name].mean, equal_nan=True), name
        assert not np.array_equal(one.mean, other.mean), name
        moved = np.nan_to_num(np.asarray(one.stderr) - np.asarray(other.stderr))
        assert moved.min() >= 0.0, name
        assert moved.max() > 0.0, name


def test_the_file_keeps_it(known, folder):
    good("run", "junction.toml", *QUIET)
    held = results.read("junction.h5")
    problem = make_problem(deck_from_dict(held.deck, held.name))
    expected = fake_known.groundwork_of(problem)
    assert held.groundwork.keys() - set(SOLVED) == arrays_of(expected, problem.scene).keys()
    found = groundwork_from(held.groundwork, problem.scene)
    again = found.known
    for one, other in zip(expected.source, found.source, strict=True):
        assert np.array_equal(one, other)
    for one, other in zip(expected.known.rows, again.rows, strict=True):
        for name in fake_known.NAMES:
            assert np.array_equal(getattr(one, name), getattr(other, name)), name
    assert good("show", "junction.h5")[0]
    assert mcpump.load("junction.h5").to_xarray()
    results.write(held, "copy.h5")
    assert again.method == "made-up numbers"
    assert_same("junction.h5", "copy.h5")


def test_a_file_without_has_no_group(folder):
    good("run", "transient.toml", *QUIET)
    with h5py.File("transient.h5") as file:
        assert "groundwork" not in file
    assert results.read("transient.h5").groundwork == {}


def test_a_flipped_bit_is_refused(known, folder):
    good("run", "junction.toml", *QUIET)
    with h5py.File("junction.h5", "r+") as file:
        file["groundwork/totals"][0, 0] += 1e-9
    assert "checksum of groundwork/totals" in refused("show", "junction.h5")


@pytest.mark.parametrize("name", ["junction", "planar", "turning"])
def test_a_run_goes_on_with_what_its_file_holds(known, folder, monkeypatch, name):
    good("run", f"{name}.toml", *QUIET, "-o", "whole.h5")
    good("run", f"{name}.toml", *QUIET, *AT_ONCE, "-o", "out.h5", status=75)
    monkeypatch.setattr(crew, "groundwork_of", worked_out_again)
    good("run", "--resume", "out.h5", *QUIET)
    assert_same("whole.h5", "out.h5")


def test_any_number_of_threads_gives_the_same_bits(known, folder):
    for threads in (1, 3):
        good("run", "junction.toml", *QUIET, "--threads", threads, "-o", f"{threads}.h5")
    assert_same("1.h5", "3.h5")


def test_parts_are_merged_in_any_order(known, folder, monkeypatch):
    good("run", "junction.toml", *QUIET, "-o", "whole.h5")
    for i in (1, 2, 3):
        good("run", "junction.toml", *QUIET, "--part", f"{i}/3", "-o", f"{i}.h5")
    monkeypatch.setattr(crew, "groundwork_of", worked_out_again)
    good("merge", "3.h5", "1.h5", "2.h5", "-o", "merged.h5")
    assert_same("whole.h5", "merged.h5")


def test_table_and_file_tell_how_it_was_found(known, folder):
    good("run", "junction.toml", *QUIET)
    held = results.read("junction.h5")
    problem = make_problem(deck_from_dict(held.deck, held.name))
    error = fake_known.made_up(problem.scene).known.relative_error(problem.scene)
    text = f"local part without walkers, by made-up numbers: numerical errors of its density of {error:.1g}"
    assert held.notes[-1].startswith(text)
    assert f"note: {text}" in " ".join(good("show", "junction.h5")[0].split())


def test_a_display_knows_that_numerical_errors_stay(monkeypatch):
    """A quarter of the blocks is this rank's: errors of walkers halve with those of all ranks, numerical ones do not."""
    problem = spiral()
    monkeypatch.setattr(crew, "groundwork_of", lambda problem, share: fake_known.Groundwork())
    with crew.Lead(problem, 1, Alone()) as lead:
        lead.submit(range(20))
        while lead.pending:
            lead.collect()
        tally = lead.tally
    walked = watched_error(problem, tally, 80)
    assert walked == pytest.approx(0.5 * watched_error(problem, tally, 20), rel=1e-12)
    unsure = fake_known.nothing(problem.scene)
    unsure.passages[1] = 3.0 * np.abs(tally.groups("passages").stderr()[1]).max()
    tally.known = fake_known.Known(fake_known.nothing(problem.scene), (unsure,))
    whole = watched_error(problem, tally, 20)
    assert watched_error(problem, tally, 80) == pytest.approx(np.sqrt(whole**2 - 3.0 * walked**2), rel=1e-9)
    assert watched_error(problem, tally, 80) > 0.9 * whole


def altered(path, output, change):
    held = results.read(path)
    arrays = {name: change(array) for name, array in held.groundwork.items()}
    results.write(dataclasses.replace(held, groundwork=arrays), output)


def test_parts_of_which_different_things_are_known_are_not_merged(known, folder):
    for i in (1, 2):
        good("run", "junction.toml", *QUIET, "--part", f"{i}/2", "-o", f"{i}.h5")
    altered("2.h5", "other.h5", lambda array: array * (1.0 + 1e-6))
    text = refused("merge", "other.h5", "1.h5", "-o", "out.h5")
    assert "other.h5" in text
    assert "first flights" in text
    assert "another build" in text
    results.write(dataclasses.replace(results.read("2.h5"), groundwork={}), "none.h5")
    assert "none.h5" in refused("merge", "1.h5", "none.h5", "-o", "out.h5")
    assert not (folder / "out.h5").exists()


def test_rounding_of_another_machine_does_not_matter(known, folder):
    """The merged file holds what the file of the first blocks does, whatever the order."""
    for i in (1, 2):
        good("run", "junction.toml", *QUIET, "--part", f"{i}/2", "-o", f"{i}.h5")
    altered("2.h5", "rounded.h5", lambda array: array * (1.0 + 1e-14))
    good("merge", "rounded.h5", "1.h5", "-o", "one.h5")
    good("merge", "1.h5", "rounded.h5", "-o", "two.h5")
    assert_same("one.h5", "two.h5")
    held = results.read("1.h5").groundwork
    assert all(np.array_equal(array, held[name]) for name, array in results.read("one.h5").groundwork.items())


def test_another_layout_is_refused(known, folder):
    good("run", "junction.toml", *QUIET, *AT_ONCE, "-o", "out.h5", status=75)
    altered("out.h5", "cut.h5", lambda array: array[..., :-1])
    assert "another layout" in refused("run", "--resume", "cut.h5", *QUIET)


def test_points_of_a_sweep(known, folder):
    good("sweep", "junction.toml", "--vary", "electrons.exchange=0.04,0.06", *QUIET, "-o", "sweep.h5")
    assert len(list((folder / "sweep").glob("*.h5"))) == 2
    assert all(results.read(path).groundwork for path in (folder / "sweep").glob("*.h5"))
    assert (folder / "sweep.h5").exists()


RANK_0_KNOWS = """
import sys
import fake_known
from mcpump import cli
from mcpump.simulate import crew

def groundwork_of(problem, share):
    import mpi4py.MPI
    assert mpi4py.MPI.COMM_WORLD.rank == 0
    return fake_known.groundwork_of(problem)

crew.groundwork_of = groundwork_of
sys.exit(cli.main())
"""


@pytest.mark.skipif(MPIRUN is None, reason=NO_MPIRUN)
def test_rank_0_works_it_out_for_all(known, folder):
    (folder / "program.py").write_text(RANK_0_KNOWS, encoding="utf-8")
    command = ("run", "junction.toml", *QUIET, "--threads", 1, "-o", "ranks.h5")
    status, _, err = finish(child(*command, folder=folder, program=ranks(2, ("program.py",))))
    assert status == 0, err
    good("run", "junction.toml", *QUIET)
    assert_same("junction.h5", "ranks.h5")
