"""Going on: a run that was interrupted, however often, equals the one that was not, to the last bit."""

import dataclasses
import itertools
import re
import shutil

import h5py
import numpy as np
import pytest
from runs import (
    AT_ONCE,
    CHILD,
    DECKS,
    WALL,
    assert_same,
    blocks,
    contents,
    finish,
    furnish,
    good,
    refused,
    sentence,
    walked,
    whole,
)

import mcpump
from mcpump import kernel_folder, simulate
from mcpump.deck.read import read_deck
from mcpump.problem.reduce import make_problem
from mcpump.results import file as results
from mcpump.simulate import checkpoint
from mcpump.simulate.signals import SIGNALS

QUIET = ("--quiet",)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(furnish(tmp_path / "here"))
    return tmp_path / "here"


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Uninterrupted runs of all decks, and a junction that was stopped."""
    folder = furnish(tmp_path_factory.mktemp("reference"))
    for name in (*DECKS, "stop"):
        good("run", folder / f"{name}.toml", *QUIET, "-o", folder / f"{name}.h5")
    good(
        "run", folder / "junction.toml", *QUIET, *AT_ONCE, "-o", folder / "part.h5", "--threads", 2, status=75
    )
    return folder


def named(name):
    """What a run without its deck needs: a user's texture is a program."""
    return ("--texture-file", "wall.py") if name == "user" else ()


def go_on_to_the_end(*arguments, file, turns=5):
    """Stop a run again and again, on varying numbers of threads, with and without the deck."""
    good("run", *arguments, *QUIET, *AT_ONCE, "-o", file, "--threads", 1, status=75)
    for turn in itertools.count():
        before = whole(file)
        assert not before.complete
        assert before.message.startswith("stopped: --max-time")
        deck = arguments if turn % 2 else named(arguments[0].removesuffix(".toml"))
        options = (*deck, "--resume", file, *QUIET, "--threads", 1 + turn % 3)
        if turn == turns:
            good("run", *options)
            return
        _, err = good("run", *options, *AT_ONCE, status=75)
        assert err.splitlines()[-1].startswith("mcpump: stopped: --max-time")
        assert blocks(file) > before.blocks


@pytest.mark.parametrize("name", DECKS)
def test_interrupted_again_and_again_is_the_same_run(name, folder, reference):
    # a user's texture is compiled anew every time
    go_on_to_the_end(f"{name}.toml", "--walkers", 4096, file="out.h5", turns=2 if name == "user" else 5)
    good("run", f"{name}.toml", "--walkers", 4096, *QUIET, "-o", "whole.h5", "--threads", 3)
    assert_same("whole.h5", "out.h5")
    assert results.read("out.h5").complete


@pytest.mark.parametrize("name", DECKS)
def test_every_save_on_the_way_is_a_place_to_go_on_from(name, folder, reference):
    problem, saved = make_problem(read_deck(f"{name}.toml")), []
    simulate.run(problem, 2, save=saved.append, save_every=1e-9)
    assert len(saved) > 1
    for turn, state in enumerate(saved[:: max(1, len(saved) // (1 if name == "user" else 3))]):
        assert state.message == "running"
        assert not state.complete
        results.write(state, f"{turn}.h5")
        good("run", "--resume", f"{turn}.h5", *named(name), *QUIET)
        assert_same(reference / f"{name}.h5", f"{turn}.h5")


@pytest.mark.parametrize("number", SIGNALS)
def test_stopped_by_a_signal(number, folder, reference):
    file = folder / "out.h5"
    arguments = ("run", "junction.toml", "--walkers", 10**9, *QUIET, "-o", file, "--checkpoint-every", 0.05)
    process = walked(file, CHILD, *arguments, folder=folder)
    process.send_signal(number)
    status, out, err = finish(process, timeout=30)
    assert (status, out) == (75, "")
    assert sentence(err) == f"stopped: signal {number.name}"
    held = whole(file)
    assert held.message == f"stopped: signal {number.name}"
    more = 64 * (held.blocks + 100)
    good("run", "--resume", file, "--walkers", more, *QUIET)
    good("run", "junction.toml", "--walkers", more, *QUIET, "-o", "whole.h5")
    assert_same("whole.h5", file)


def test_more_walkers_are_added_to_a_finished_run(folder, reference):
    for walkers in (8192, 8193, 20000):
        good(
            "run", "--resume", reference / "junction.h5", "-o", f"{walkers}.h5", "--walkers", walkers, *QUIET
        )
        good("run", "junction.toml", "--walkers", walkers, *QUIET, "-o", f"whole{walkers}.h5")
        assert_same(f"whole{walkers}.h5", f"{walkers}.h5")


def test_fewer_walkers_than_there_are_is_refused(folder, reference):
    text = refused("run", "--resume", reference / "junction.h5", "-o", "out.h5", "--walkers", 2048)
    assert "4096" in text
    assert not (folder / "out.h5").exists()


def test_resuming_a_complete_run_changes_nothing(folder, reference):
    shutil.copy(reference / "junction.h5", "out.h5")
    out, _ = good("run", "--resume", "out.h5")
    assert "complete" in out.splitlines()[0]
    assert_same(reference / "junction.h5", "out.h5")


def test_in_place_unless_told_otherwise(folder, reference):
    shutil.copy(reference / "part.h5", "part.h5")
    before = (folder / "part.h5").read_bytes()
    good("run", "--resume", "part.h5", "-o", "out.h5", *QUIET)
    assert (folder / "part.h5").read_bytes() == before
    assert_same(reference / "junction.h5", "out.h5")
    text = refused("run", "--resume", "part.h5", "-o", "out.h5", *QUIET)
    assert "exists already" in text
    assert "--overwrite" in text
    good("run", "--resume", "part.h5", "-o", "out.h5", "--overwrite", *QUIET)
    good("run", "junction.toml", "--resume", "./part.h5", *QUIET)
    assert_same("out.h5", "part.h5")
    assert sorted(path.name for path in folder.glob("*.h5")) == ["out.h5", "part.h5"]


def test_time_adds_up(folder):
    good("run", "junction.toml", *QUIET, *AT_ONCE, status=75)
    first = results.read("junction.h5").provenance["wall_time_s"]
    good("run", "--resume", "junction.h5", *QUIET)
    assert results.read("junction.h5").provenance["wall_time_s"] > first > 0.0


# --- stop rule -------------------------------------------------------------------------------------------------


def test_stop_rule_interrupted_again_and_again(folder, reference):
    go_on_to_the_end("stop.toml", file="out.h5")
    assert_same(reference / "stop.h5", "out.h5")
    assert 32 < blocks("out.h5") < 100_000 // 64
    before = (folder / "out.h5").read_bytes()
    good("run", "--resume", "out.h5", *QUIET)
    assert_same(reference / "stop.h5", "out.h5")
    assert len((folder / "out.h5").read_bytes()) == len(before)


@pytest.mark.parametrize("threads", [1, 3])
def test_a_missed_target_goes_on_with_more_walkers(threads, folder):
    fewer = ("--set", "run.stop.max_walkers=3000", "--set", "run.stop.relative_error=0.02")
    more = ("--set", "run.stop.max_walkers=40000", "--set", "run.stop.relative_error=0.02")
    good("run", "stop.toml", *fewer, *QUIET, "-o", "out.h5", status=3)
    again, _ = good("run", "--resume", "out.h5", status=3)  # nothing left to walk, and it still says so
    assert "NOT COMPLETE: target missed" in again
    status = 0
    good("run", "stop.toml", *more, "--resume", "out.h5", *QUIET, "--threads", threads, status=status)
    good("run", "stop.toml", *more, *QUIET, "-o", "whole.h5", status=status)
    assert_same("whole.h5", "out.h5")


def test_a_sharper_target_goes_on(folder):
    good("run", "junction.toml", "--rel-err", 0.2, *QUIET, "-o", "out.h5")
    good("run", "--resume", "out.h5", "--rel-err", 0.05, *QUIET)
    good("run", "junction.toml", "--rel-err", 0.05, *QUIET, "-o", "whole.h5")
    assert blocks("out.h5") > 32
    assert_same("whole.h5", "out.h5")


def test_a_target_for_a_run_that_had_none(folder, reference):
    good("run", "--resume", reference / "part.h5", "-o", "out.h5", "--rel-err", 0.05, *QUIET)
    good("run", "junction.toml", "--rel-err", 0.05, *QUIET, "-o", "whole.h5")
    assert_same("whole.h5", "out.h5")


# --- refusals --------------------------------------------------------------------------------------------------

CHANGES = {
    "electrons.exchange": ("0.06", "0.05", "0.06"),
    "electrons.spin_relaxation_time": ("31", "30", "31"),
    "sample.x.cells": ("20", "10", "20"),
    "sample.x.left": ("diffuse", "'specular'", "'diffuse'"),
    "texture.cone_angle": ("31 deg", "'30 deg'", "'31 deg'"),
    "results.harmonics": ("2", "1", "2"),
    "results.planes": ("[5]", "[5, 10]", "[5]"),
    "run.seed": ("2", "1", "2"),
    "run.walkers_per_block": ("128", "64", "128"),
    "run.first_flights": ("3", "'auto'", "3"),
    "run.walk": ("general", "'auto'", "'general'"),
}


@pytest.mark.parametrize("key", CHANGES)
@pytest.mark.parametrize("with_deck", [True, False])
def test_another_deck_is_refused_with_the_key(key, with_deck, folder, reference):
    value, held, wanted = CHANGES[key]
    before = contents(folder)
    deck = ("junction.toml",) if with_deck else ()
    file = reference / "part.h5"
    text = refused("run", *deck, "--resume", file, "--set", f"{key}={value}", "-o", "out.h5")
    assert f"{key} = {held}" in text
    assert wanted in text
    assert str(file) in text
    assert contents(folder) == before


def test_another_seed_table_or_layer_is_refused(folder, reference):
    file = reference / "part.h5"
    assert "run.seed = 1, this deck has 7" in refused("run", "--resume", file, "--seed", 7, "-o", "out.h5")
    text = refused("run", "pulse.toml", "--resume", file, "-o", "out.h5")
    assert re.search(r"holds a run with [a-z_.]+ = .*, this deck has ", text)
    good("run", "planar.toml", *QUIET, *AT_ONCE, "-o", "layers.h5", status=75)
    text = refused("run", "--resume", "layers.h5", "--set", "layer[0].start=2.5")
    assert "layer[0].start = 3, this deck has 2.5" in text
    deck = (folder / "planar.toml").read_text().replace("[texture]", "[[layer]]\nstart = 5\n[texture]")
    (folder / "two.toml").write_text(deck)
    assert "layer[1]" in refused("run", "two.toml", "--resume", "layers.h5")
    assert not (folder / "out.h5").exists()


def test_another_version_is_refused(folder, reference):
    held = results.read(reference / "part.h5")
    for version in ("0.0.9", "99.0", ""):
        other = dataclasses.replace(held, provenance=held.provenance | {"mcpump": version})
        results.write(other, "other.h5", overwrite=True)
        text = refused("run", "--resume", "other.h5")
        assert f"mcpump {version}" in text
        assert checkpoint.mcpump.__version__ in text
        assert results.read("other.h5").blocks == held.blocks


@pytest.mark.parametrize("sources", ["0" * 64, None])
def test_other_sources_of_one_version_are_refused(sources, folder, reference):
    """A number that nobody has raised does not tell whether walkers walk alike; files without it are older."""
    held = results.read(reference / "part.h5")
    assert held.provenance["sources"] == kernel_folder.fingerprint_of_sources()
    others = {key: value for key, value in held.provenance.items() if key != "sources"}
    others |= {"sources": sources} if sources else {}
    results.write(dataclasses.replace(held, provenance=others), "other.h5")
    good("run", "junction.toml", *QUIET, "--part", "2/2", "-o", "second.h5")
    for command in (("run", "--resume", "other.h5"), ("merge", "other.h5", "second.h5", "-o", "joined.h5")):
        text = refused(*command)
        assert f"other.h5 was walked by an mcpump {mcpump.__version__} with other sources (sha256 " in text
        assert (sources or "unknown")[:8] in text
        assert kernel_folder.SOURCES[:8] in text
    assert not (folder / "joined.h5").exists()


def _edit(path, change):
    with h5py.File(path, "r+") as file:
        change(file)


def _flip(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)


DAMAGE = {
    "empty": (lambda path: path.write_bytes(b""), "not an HDF5 file"),
    "text": (lambda path: path.write_text("no HDF5"), "not an HDF5 file"),
    "truncated": (lambda path: path.write_bytes(path.read_bytes()[:20000]), "truncated"),
    "last byte gone": (lambda path: path.write_bytes(path.read_bytes()[:-1]), "damaged"),
    "seal gone": (lambda path: path.write_bytes(path.read_bytes().rpartition(b"\nsha256")[0]), "checksum"),
    "bit in the sums": (lambda path: _flip(path, -4000), "checksum is wrong"),
    "bit in the seal": (lambda path: _flip(path, -5), "checksum is wrong"),
    "edited": (lambda path: _edit(path, lambda f: f.attrs.modify("seed", np.uint64(2))), "edited"),
    "gone": (lambda path: path.unlink(), "does not exist"),
    "folder": (lambda path: (path.unlink(), path.mkdir()), "a directory"),
}


@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("in_place", [True, False])
def test_a_damaged_file_is_refused(kind, in_place, folder, reference):
    file = folder / "part.h5"
    shutil.copy(reference / "part.h5", file)
    damage, words = DAMAGE[kind]
    damage(file)
    before = contents(folder)
    text = refused("run", "--resume", "part.h5", *(() if in_place else ("-o", "out.h5")))
    assert "part.h5" in text
    assert re.search(words, text), text
    assert contents(folder) == before


def test_a_newer_schema_is_refused(folder, reference, monkeypatch):
    held = results.read(reference / "part.h5")
    with monkeypatch.context() as patch:
        patch.setattr(results, "SCHEMA", results.SCHEMA + 1)
        results.write(held, "newer.h5")
    text = refused("run", "--resume", "newer.h5")
    assert f"newer mcpump (schema {results.SCHEMA + 1}" in text


def test_odd_names_of_files(folder):
    assert "does not exist" in refused("run", "--resume", "no\nthing.h5")
    assert "name too long" in refused("run", "--resume", "x" * 300).lower()
    assert "name too long" in refused("show", "x" * 300).lower()
    assert "DECK" in refused("run", "--walkers", 5)


# --- a user's texture ------------------------------------------------------------------------------------------


def test_the_texture_is_found_where_it_is_named(folder, reference, tmp_path, monkeypatch):
    good("run", "user.toml", *QUIET, *AT_ONCE, status=75)
    (tmp_path / "elsewhere").mkdir()
    (folder / "wall.py").rename(tmp_path / "elsewhere" / "mine.py")
    monkeypatch.chdir(tmp_path)
    good("run", "--resume", folder / "user.h5", "--texture-file", "elsewhere/mine.py", *QUIET)
    sums, wanted = (results.read(place / "user.h5").checkpoint for place in (folder, reference))
    assert all(np.array_equal(sums[key], wanted[key]) for key in wanted)


@pytest.mark.parametrize("with_deck", [True, False])
@pytest.mark.parametrize("change", ["1.5", "comment", "gone"])
def test_a_changed_texture_is_refused(change, with_deck, folder):
    good("run", "user.toml", *QUIET, *AT_ONCE, status=75)
    if change == "gone":
        (folder / "wall.py").unlink()
    else:
        text = WALL.replace("1.4", change) if change == "1.5" else WALL + "# a remark\n"
        (folder / "wall.py").write_text(text)
    before = contents(folder)
    text = refused("run", *(("user.toml",) if with_deck else named("user")), "--resume", "user.h5")
    assert "wall.py" in text or "texture" in text
    assert ("cannot be read" in text) == (change == "gone")
    after = contents(folder)
    assert {name: data for name, data in after.items() if "__pycache__" not in name} == before
