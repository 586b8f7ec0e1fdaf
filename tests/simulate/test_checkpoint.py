"""Parts of a run and joining them; what is refused; how the file is written on the way."""

import dataclasses
import itertools
import random
import shutil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from runs import AT_ONCE, assert_same, contents, furnish, good, refused, sentence

from mcpump import results
from mcpump.errors import InputError
from mcpump.simulate import checkpoint
from mcpump.simulate.checkpoint import Part, joined

QUIET = ("--quiet",)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(furnish(tmp_path / "here"))
    return tmp_path / "here"


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """A folder with the junction walked as a whole and in 7 parts, 1.h5 to 7.h5."""
    folder = furnish(tmp_path_factory.mktemp("parts"))
    good("run", folder / "junction.toml", *QUIET, "-o", folder / "whole.h5")
    for i in range(1, 8):
        good(
            "run", folder / "junction.toml", *QUIET, "--part", f"{i}/7", "-o", folder / f"{i}.h5",
            "--threads", 1 + i % 3,
        )  # fmt: skip
    return folder


def merge(*files, output, more=(), status=0):
    return good("merge", *files, "-o", output, *more, status=status)


# --- ranges ----------------------------------------------------------------------------------------------------


@given(st.integers(1, 10**7), st.integers(1, 10**6))
def test_parts_cut_a_run_into_pieces_that_fit(total, parts):
    some = sorted({1, parts, (parts + 1) // 2, max(1, parts // 3), min(parts, 17)})
    assert Part(1, parts).blocks(total).start == 0
    assert Part(parts, parts).blocks(total).stop == total
    for i in some:
        blocks = Part(i, parts).blocks(total)
        assert abs(len(blocks) - total / parts) <= 1
        if i < parts:
            assert blocks.stop == Part(i + 1, parts).blocks(total).start


RANGES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=6)


@given(RANGES)
def test_joined_ranges_hold_the_same_blocks(ranges):
    count = np.zeros(41, int)
    for first, last in ranges:
        count[first:last] += 1
    if count.max() > 1:
        with pytest.raises(InputError, match="more than one file"):
            joined(ranges)
        return
    found = joined(ranges)
    again = np.zeros(41, int)
    for first, last in found:
        assert first < last
        again[first:last] += 1
    assert (again == count).all()
    assert all(a[1] < b[0] for a, b in itertools.pairwise(found))


# --- parts and merging -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "n"),
    [
        *[("junction", n) for n in (1, 2, 3, 16)],
        ("pulse", 5),
        ("planar", 3),
        ("turning", 3),
        ("transient", 2),
        ("user", 2),
    ],
)
def test_any_number_of_parts(name, n, folder):
    good("run", f"{name}.toml", "--walkers", 1024, *QUIET, "-o", "whole.h5")
    for i in range(1, n + 1):
        _, err = good(
            "run", f"{name}.toml", "--walkers", 1024, "--part", f"{i}/{n}", *QUIET, "--threads", 1 + i % 3
        )
        assert err.splitlines()[-1:] == (
            [f"mcpump: part {i} of {n} is complete"] if n > 1 else err.splitlines()[-1:]
        )
    files = [f"{name}.part-{i}-of-{n}.h5" for i in range(1, n + 1)]
    random.Random(n).shuffle(files)
    assert not any(results.read(file).complete for file in files) or n == 1
    named = ("--texture-file", "wall.py") if name == "user" else ()
    merge(*files, *named, output="merged.h5")
    assert_same("whole.h5", "merged.h5")


@pytest.mark.parametrize("seed", range(4))
def test_any_order_and_nesting_of_merges(seed, parts, folder):
    chance = random.Random(seed)
    files = [parts / f"{i}.h5" for i in range(1, 8)]
    while len(files) > 1:
        chance.shuffle(files)
        count = chance.randint(2, min(4, len(files)))
        output = folder / f"{seed}-{len(files)}.h5"
        merge(*files[:count], output=output)
        files = [*files[count:], output]
    assert_same(parts / "whole.h5", files[0])
    assert results.read(files[0]).complete


def test_the_deck_of_a_merge_does_not_depend_on_the_order(folder):
    """Parts of decks that differ in what may differ: name, limits."""
    shutil.copy("junction.toml", "other.toml")
    good("run", "junction.toml", *QUIET, "--part", "1/2", "-o", "a.h5")
    good("run", "other.toml", *QUIET, "--part", "2/2", "--set", "run.max_flights=1_000_000", "-o", "b.h5")
    merge("a.h5", "b.h5", output="ab.h5")
    merge("b.h5", "a.h5", output="ba.h5")
    assert_same("ab.h5", "ba.h5")


def test_parts_are_interrupted_and_gone_on_with(parts, folder):
    for i in (1, 2):
        good("run", "junction.toml", *QUIET, "--part", f"{i}/2", *AT_ONCE, "-o", f"{i}.h5", status=75)
        good("run", "--resume", f"{i}.h5", "--part", f"{i}/2", *QUIET, *AT_ONCE, status=75)
    merge("2.h5", "1.h5", output="early.h5")  # with gaps
    assert not results.read("early.h5").complete
    good("run", "--resume", "early.h5", *QUIET)
    assert_same(parts / "whole.h5", "early.h5")
    for i in (1, 2):
        good("run", "junction.toml", "--resume", f"{i}.h5", "--part", f"{i}/2", *QUIET)
    merge("2.h5", "1.h5", output="merged.h5")
    assert_same(parts / "whole.h5", "merged.h5")


def test_a_missing_part_is_told_and_filled(parts, folder):
    files = [parts / f"{i}.h5" for i in (1, 2, 4, 7)]
    out, err = merge(*files, output="gaps.h5")
    held = results.read("gaps.h5")
    assert not held.complete
    gaps = [Part(3, 7).blocks(64), range(Part(5, 7).blocks(64).start, Part(6, 7).blocks(64).stop)]
    text = f"blocks {', '.join(f'{gap.start} to {gap.stop - 1}' for gap in gaps)} are missing"
    assert sentence(err) == text
    assert held.message == text
    assert "NOT COMPLETE" in out.splitlines()[0]
    good("run", "--resume", "gaps.h5", "--part", "3/7", *QUIET)
    assert not results.read("gaps.h5").complete
    good("run", "--resume", "gaps.h5", *QUIET, "--threads", 3, *AT_ONCE, status=75)
    good("run", "--resume", "gaps.h5", *QUIET)
    assert results.read("gaps.h5").complete
    assert_same(parts / "whole.h5", "gaps.h5")


def test_more_walkers_for_a_merged_run(parts, folder):
    merge(*[parts / f"{i}.h5" for i in range(7, 0, -1)], output="merged.h5")
    good("run", "--resume", "merged.h5", "--walkers", 6000, *QUIET)
    good("run", "junction.toml", "--walkers", 6000, *QUIET, "-o", "whole.h5")
    assert_same("whole.h5", "merged.h5")


@pytest.mark.parametrize(
    "pair", [("1.h5", "1.h5"), ("whole.h5", "5.h5"), ("3.h5", "whole.h5"), ("third.h5", "2.h5")]
)
def test_the_same_walkers_twice_are_refused(pair, parts, folder):
    good("run", "junction.toml", *QUIET, "--part", "1/3", "-o", "third.h5")
    for file in parts.glob("*.h5"):
        shutil.copy(file, folder)
    before = contents(folder)
    text = refused("merge", *pair, "-o", "out.h5")
    assert "more than one file" in text
    refused("merge", *pair[::-1], "-o", "1.h5", "--overwrite")
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--seed", 2), ("run.seed = 2", "has 1")),
        (("--set", "electrons.exchange=0.06"), ("electrons.exchange = 0.06", "has 0.05")),
        (("--set", "sample.x.cells=11"), ("sample.x.cells = 11", "has 10")),
        (("--set", "run.walkers_per_block=128"), ("run.walkers_per_block = 128", "has 64")),
    ],
)
def test_different_decks_are_not_merged(options, words, parts, folder):
    good("run", "junction.toml", *QUIET, "--part", "2/7", *options, "-o", "other.h5")
    before = contents(folder)
    text = refused("merge", parts / "1.h5", "other.h5", "-o", "out.h5")
    assert "other.h5" in text
    for word in words:
        assert word in text
    assert contents(folder) == before


def test_other_versions_and_damaged_files_are_not_merged(parts, folder):
    held = results.read(parts / "2.h5")
    results.write(dataclasses.replace(held, provenance=held.provenance | {"mcpump": "0.0.1"}), "old.h5")
    assert "mcpump 0.0.1" in refused("merge", parts / "1.h5", "old.h5", "-o", "out.h5")
    data = bytearray((parts / "2.h5").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "bad.h5").write_bytes(data)
    assert "bad.h5 is damaged" in refused("merge", "bad.h5", parts / "1.h5", "-o", "out.h5")
    assert "does not exist" in refused("merge", parts / "1.h5", "none.h5", "-o", "out.h5")
    assert "exists already" in refused("merge", parts / "1.h5", parts / "2.h5", "-o", "old.h5")
    assert "does not exist" in refused("merge", parts / "1.h5", parts / "2.h5", "-o", "no/out.h5")
    assert not (folder / "out.h5").exists()


def test_onto_one_of_its_parts(parts, folder):
    shutil.copy(parts / "1.h5", "1.h5")
    merge("1.h5", *[parts / f"{i}.h5" for i in range(2, 8)], output="1.h5", more=["--overwrite"])
    assert_same(parts / "whole.h5", "1.h5")


# --- parts that make no sense ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["0/3", "4/3", "1", "1/0", "-1/3", "a/b", "1/2/3", "", "1.0/2", "1/1e3", "²/3"]
)
def test_odd_parts_are_refused(text, folder):
    assert "--part" in refused("run", "junction.toml", f"--part={text}")
    assert not list(folder.glob("*.h5"))


def test_more_parts_than_blocks_are_refused(folder):
    assert "64 blocks" in refused("run", "junction.toml", "--part", "3/65", *QUIET)
    assert not list(folder.glob("*.h5"))


def test_a_part_beyond_the_first_look_cannot_have_a_stop_rule(folder, parts):
    assert "run.stop" in refused("run", "stop.toml", "--part", "1/2", *QUIET)
    rule = ("--rel-err", 0.1, *QUIET, "-o", "out.h5")
    assert "run.stop" in refused("run", "--resume", parts / "6.h5", *rule)
    assert not list(folder.glob("*.h5"))
    # blocks before its first look are those of any run
    good("run", "--resume", parts / "2.h5", *rule)
    good("run", "junction.toml", "--rel-err", 0.1, *QUIET, "-o", "whole.h5")
    assert_same("whole.h5", "out.h5")


def test_files_without_sums_cannot_be_gone_on_with(parts, folder):
    held = results.read(parts / "2.h5")
    results.write(dataclasses.replace(held, checkpoint={}), "bare.h5")
    assert "no sums" in refused("run", "--resume", "bare.h5")


def test_ranges_of_old_files():
    class Held:
        checkpoint, blocks = {}, 5

    assert checkpoint.ranges_of(Held) == ((0, 5),)
    Held.blocks = 0
    assert checkpoint.ranges_of(Held) == ()


@pytest.mark.parametrize(
    "text", ["0", "-1", "nan", "inf", "1 day", "", "1:2:3:4", "9" * 400 + ":00:00", "1e9", ":"]
)
def test_odd_times_are_refused(text, folder):
    for option in ("--max-time", "--checkpoint-every"):
        assert option in refused("run", "junction.toml", f"{option}={text}")
    assert not list(folder.glob("*.h5"))
