"""Too little memory never ends a walk without its file: the sums are saved, and a run goes on with them elsewhere."""

import dataclasses
import subprocess
import sys
import threading

import pytest
from fake_result import junction
from runs import assert_same, call, furnish, good, refused

from mcpump import report, results
from mcpump.deck import memory as of_deck
from mcpump.machine import _limits_of_groups, memory_of_machine
from mcpump.results import saves
from mcpump.simulate import crew, engine
from mcpump.simulate.progress import Display

QUIET = ("--quiet", "--threads", 2)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Results file of a run that had memory enough."""
    folder = furnish(tmp_path_factory.mktemp("whole"))
    good("run", folder / "junction.toml", *QUIET, "-o", folder / "whole.h5")
    return folder / "whole.h5"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(furnish(tmp_path / "here"))
    return tmp_path / "here"


def failing(*_):
    raise MemoryError


def test_no_memory_for_the_estimates(whole, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(engine, "observables", failing)
        status, out, err = call(
            "run", "junction.toml", "-o", "out.h5", "--save-every", "1e-9", "--threads", 2
        )
    assert status == 75, err
    assert "stopped: out of memory for the estimates" in out
    assert "Traceback" not in err
    held = results.read("out.h5", sealed=True)
    assert held.blocks == 64
    assert not held.estimates
    good("show", "out.h5")
    good("run", "--resume", "out.h5", *QUIET)
    assert_same(whole, "out.h5")


def test_no_memory_to_write_the_estimates(whole, monkeypatch):
    image_of = saves.image_of
    with monkeypatch.context() as patch:
        patch.setattr(saves, "image_of", lambda result: failing() if result.estimates else image_of(result))
        patch.setattr(saves, "PAUSES", (0.0, 0.0))
        _, err = good("run", "junction.toml", "-o", "out.h5", *QUIET, status=75)
    assert "stopped: out of memory for the estimates" in err
    good("run", "--resume", "out.h5", *QUIET)
    assert_same(whole, "out.h5")


def test_no_memory_in_a_thread(whole, monkeypatch):
    digits, turn, lock = crew.Tally.digits, iter(range(10**6)), threading.Lock()

    def at_times(tally, sums):
        with lock:
            if threading.current_thread() is not threading.main_thread() and next(turn) == 5:
                raise MemoryError
        return digits(tally, sums)

    with monkeypatch.context() as patch:
        patch.setattr(crew.Tally, "digits", at_times)
        _, err = good("run", "junction.toml", "-o", "out.h5", *QUIET, status=75)
    assert "stopped: out of memory" in err
    assert 0 < results.read("out.h5", sealed=True).blocks < 64
    good("run", "--resume", "out.h5", *QUIET)
    assert_same(whole, "out.h5")


def test_no_memory_where_the_stop_rule_or_the_display_looks(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(engine, "relative_error", failing)
        patch.setattr(Display, "__call__", lambda self, progress: progress.relative_error())
        _, err = good("run", "stop.toml", "-o", "out.h5", *QUIET, status=75)
    assert "stopped: out of memory" in err
    assert results.read("out.h5", sealed=True).blocks >= 32


def test_a_result_without_estimates_is_told():
    bare = dataclasses.replace(junction(), estimates={}, coords={}, message="stopped: out of memory")
    assert "No estimates: stopped: out of memory" in report.table(bare)
    assert "stopped: out of memory" in report.summary_line(dataclasses.replace(bare, status="stopped"))


# --- what the machine has ---------------------------------------------------------------------------------------


def test_a_deck_that_does_not_fit_is_refused(monkeypatch):
    monkeypatch.setattr(of_deck, "memory_of_machine", lambda: 600_000_000)
    good("check", "junction.toml", "--threads", 1)
    text = refused("check", "junction.toml", "--set", "sample.x.cells=300000")
    assert text.startswith("sample.x.cells = 300000 needs about")
    many = "results.planes=[" + ", ".join(str(i / 1000) for i in range(1, 9000)) + "]"
    assert "8999 results.planes needs about" in refused("check", "junction.toml", "--set", many)
    text = refused("run", "junction.toml", "--set", "sample.x.cells=1000", "--threads", 64)
    assert text.startswith("the deck on 64 threads needs about")


def test_limits_of_control_groups(tmp_path):
    root, groups = tmp_path / "fs", tmp_path / "cgroup"
    (root / "user/job").mkdir(parents=True)
    (root / "memory/slurm/uid").mkdir(parents=True)
    (root / "user/memory.max").write_text("5000000000\n")
    (root / "user/job/memory.max").write_text("max\n")
    (root / "memory/slurm/uid/memory.limit_in_bytes").write_text("3000000000\n")
    groups.write_text("0::/user/job\n4:memory,hugetlb:/slurm/uid/step\n2:cpu:/\n")
    assert sorted(_limits_of_groups(str(groups), str(root))) == [3_000_000_000, 5_000_000_000]
    assert list(_limits_of_groups(str(tmp_path / "none"), str(root))) == []


@pytest.mark.parametrize("limit", ["ulimit -v 4000000", "ulimit -d 4000000"])
def test_ulimit_counts_as_the_machine_s_memory(limit):

    code = "from mcpump.machine import memory_of_machine; print(memory_of_machine())"
    done = subprocess.run(
        ["bash", "-c", f'{limit}; exec "{sys.executable}" -c "{code}"'],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert int(done.stdout) == min(4000000 * 1024, memory_of_machine())
