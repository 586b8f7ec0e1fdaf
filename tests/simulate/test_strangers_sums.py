"""A results file that somebody else has made, seal and all, whose sums and births do not fit its deck: one sentence."""

import io
from pathlib import Path

import h5py
import numpy as np
import pytest
from runs import AT_ONCE, assert_same, contents, furnish, good, refused

import mcpump
from mcpump.errors import InputError
from mcpump.results import file as results
from mcpump.results.saves import Saves

QUIET = ("--quiet", "--threads", 1)
NOT_ITS_BLOCKS = "its sums are not those of the blocks that it names"
LAYOUT = "has another layout"
BIRTHS = "what the file holds of births does not fit its deck"


@pytest.fixture(scope="module")
def walked(tmp_path_factory):
    """Folder with a run that was stopped, and both parts of it."""
    folder = furnish(tmp_path_factory.mktemp("walked"))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        good("run", "junction.toml", *QUIET, *AT_ONCE, "-o", "early.h5", status=75)
        for i in (1, 2):
            good("run", "junction.toml", *QUIET, "--part", f"{i}/2", "-o", f"{i}.h5")
    return folder


@pytest.fixture
def folder(walked, tmp_path, monkeypatch):
    """A copy of these files."""
    for path in walked.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(name, make):
    """Change of an array of the file, `group/name`; None takes it away."""

    def change(file):
        group, _, key = name.rpartition("/")
        array = make(file[name][()])
        del file[name]
        if array is not None:
            file[group].create_dataset(key, data=array).attrs["sha256"] = results._sha256(key, array)

    return change


def crafted(source, change, target="bad.h5"):
    """Write what a program makes of a file that knows how a seal is made."""
    stream = io.BytesIO(Path(source).read_bytes())
    with h5py.File(stream, "r+") as file:
        change(file)
    data = stream.getvalue()
    Path(target).write_bytes(data + results._seal(data))


def none(_):
    return None


CHECKPOINT = {
    "fewer than none": ("blocks", lambda a: a * 0 - 1, NOT_ITS_BLOCKS),
    "more blocks": ("blocks", lambda a: a + 1, NOT_ITS_BLOCKS),
    "other groups": ("blocks", lambda a: np.roll(a, 1), NOT_ITS_BLOCKS),
    "too many blocks": ("blocks", lambda a: a * 0 + 2**62, NOT_ITS_BLOCKS),
    "groups": ("blocks", lambda a: a[:-1], NOT_ITS_BLOCKS),
    "parts of blocks": ("blocks", lambda a: a * 1.0, NOT_ITS_BLOCKS),
    "no blocks": ("blocks", none, NOT_ITS_BLOCKS),
    "negative ranges": ("ranges", lambda a: a - 64, NOT_ITS_BLOCKS),
    "ranges backwards": ("ranges", lambda a: a[:, ::-1].copy(), NOT_ITS_BLOCKS),
    "ranges twice": ("ranges", lambda a: np.concatenate([a, a]), NOT_ITS_BLOCKS),
    "far ranges": ("ranges", lambda a: a + 2**62, NOT_ITS_BLOCKS),
    "ranges of no numbers": ("ranges", lambda a: a * np.nan, NOT_ITS_BLOCKS),
    "ranges in a row": ("ranges", lambda a: a.ravel(), NOT_ITS_BLOCKS),
    "no ranges": ("ranges", none, NOT_ITS_BLOCKS),
    "a mesh": ("profiles", lambda a: a[:, :, :1], "another layout"),
    "fractions": ("profiles", lambda a: a * 0.5, NOT_ITS_BLOCKS),
    "no totals": ("totals", none, "another layout"),
    "texts": ("squares", lambda a: np.full(a.shape, b"text"), NOT_ITS_BLOCKS),
}  # fmt: skip
GROUNDWORK = {
    "no profiles": ("profiles", none, LAYOUT),
    "no totals": ("totals", none, LAYOUT),
    "no method": ("method", none, LAYOUT),
    "a method of no letters": ("method", lambda a: a * 0 + 255, LAYOUT),
    "nothing known": ("profiles", lambda a: a[:0], LAYOUT),
    "a number": ("totals", lambda _: np.array(3.0), LAYOUT),
    "integers": ("profiles", lambda a: a.astype(int), LAYOUT),
    "texts": ("profiles", lambda a: np.full(a.shape, b"text"), LAYOUT),
    "no births": ("births_rows", none, "does not hold what its walkers are born from"),
    "no places": ("births_places", lambda a: a * np.nan, BIRTHS),
    "places outside": ("births_places", lambda a: a + 1e6, BIRTHS),
    "places backwards": ("births_places", lambda a: a[:, ::-1].copy(), BIRTHS),
    "places without room": ("births_places", lambda a: a * 0, BIRTHS),
    "walls of a fourth axis": ("births_normal", lambda a: a + 3, BIRTHS),
    "walls": ("births_sense", lambda a: a + 0.5, BIRTHS),
    "fewer rows": ("births_rows", lambda a: a[:1], BIRTHS),
    "fewer numbers": ("births_rows", lambda a: a[:, :, :1], BIRTHS),
    "no numbers": ("births_rows", lambda a: a * 0.0 + np.inf, BIRTHS),
    "large numbers": ("births_rows", lambda a: a * 1e300, BIRTHS),
    "a solution without errors": ("solution_error", none, "its solution " + LAYOUT),
    "a solution of another mesh": ("solution_mean", lambda a: a[:1], "its solution " + LAYOUT),
    "a solution in words": ("solution_mean", lambda a: np.full(a.shape, b"text"), "its solution " + LAYOUT),
}


CASES = [
    pytest.param(f"{group}/{name}", make, words, id=case)
    for group, cases in (("checkpoint", CHECKPOINT), ("groundwork", GROUNDWORK))
    for case, (name, make, words) in cases.items()
]


@pytest.mark.parametrize(("name", "make", "words"), CASES)
def test_what_does_not_fit_is_not_gone_on_with(name, make, words, folder):
    """Where a walk began with such births, numbers were written outside of their arrays."""
    crafted("early.h5", put(name, make))
    before = contents(folder)
    text = refused("run", "--resume", "bad.h5", *QUIET)
    assert text.startswith("bad.h5 cannot be gone on with: ")
    assert words in text
    with pytest.raises(InputError, match=r"bad\.h5 cannot be gone on with"):
        mcpump.resume("bad.h5", threads=1)
    assert contents(folder) == before


@pytest.mark.parametrize(("name", "make", "words"), CASES)
def test_what_does_not_fit_is_not_joined(name, make, words, folder):
    crafted("2.h5", put(name, make))
    crafted("1.h5", put(name, make), "bad1.h5")  # fits the other one
    for files in (("1.h5", "bad.h5"), ("bad1.h5", "bad.h5")):
        refused("merge", *files, "-o", "new.h5")
    assert not Path("new.h5").exists()


@pytest.mark.parametrize("seconds", [-1.0, np.nan, "x", np.inf])
def test_a_wall_time_that_is_none_counts_for_nothing(seconds, folder):
    crafted("early.h5", lambda file: file["provenance"].attrs.__setitem__("wall_time_s", seconds))
    good("run", "--resume", "bad.h5", *QUIET)
    assert 0.0 < results.read("bad.h5").provenance["wall_time_s"] < 600.0


@pytest.mark.parametrize("case", ["no ranges", "ranges in a row", "far ranges", "fewer than none", "texts"])
def test_a_name_that_such_a_file_has_taken_ends_no_walk(case, folder):
    name, make, _ = CHECKPOINT[case]
    crafted("early.h5", put(f"checkpoint/{name}", make))
    told = []
    run = Saves("bad.h5", False, told.append)
    run.at_the_end(results.read("1.h5"))
    assert_same(run.path, "1.h5")
    assert run.path.name == "bad.h5" or "saved as bad-2.h5" in told[0]
