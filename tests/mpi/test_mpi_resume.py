"""Going on under mpirun: any number of ranks, any kind of end."""

import contextlib
import os
import shutil
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from runs import AT_ONCE, assert_same, blocks, child, finish, furnish, good, whole

MPIRUN = shutil.which("mpirun", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
pytestmark = pytest.mark.skipif(MPIRUN is None, reason="no mpirun: install mcpump[mpich]")
QUIET = ("--quiet", "--threads", 1)
ENDLESS = ("--walkers", 10**9, *QUIET)
SLOW = partial(pytest.param, marks=pytest.mark.slow)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(furnish(tmp_path / "here"))
    return tmp_path / "here"


def ranks(n, program=("-m", "mcpump")):
    """The command line on a number of ranks, or in this process's kind alone for 0."""
    return [*([MPIRUN, "-n", str(n)] if n else []), sys.executable, *program]


def run(n, folder, *arguments, status=0):
    found, _, err = finish(child(*arguments, folder=folder, program=ranks(n)))
    assert found == status, err
    assert "Traceback" not in err
    return err


def went_on(file, folder, n, name="junction"):
    """Go on with a file on ranks, and compare with the serial run that was not interrupted."""
    walkers = blocks(file) * 64 + 6400
    run(n, folder, "run", "--resume", file, "--walkers", walkers, *QUIET)
    good("run", f"{name}.toml", "--walkers", walkers, "--quiet", "-o", "whole.h5", "--overwrite")
    assert_same("whole.h5", file)


def family(pid):
    """Processes below one, itself first."""
    found, parents = [pid], {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(stat.parent.name)] = int(stat.read_text().rpartition(")")[2].split()[1])
    for one in found:
        found += [pid for pid, parent in parents.items() if parent == one]
    return found


def walkers_of(pid):
    """The ranks below mpirun, by their command."""
    found = []
    for one in family(pid):
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{one}/cmdline").read_bytes().split(b"\0")
            if command[0] == sys.executable.encode():
                found.append(one)
    return sorted(found)


def gone(pids, seconds=20.0):
    """Wait until none of some processes is alive."""
    until = time.monotonic() + seconds
    while any(_alive(pid) for pid in pids):
        assert time.monotonic() < until, "processes are left over"
        time.sleep(0.02)


def _alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("name", ["junction", SLOW("planar")])
def test_stopped_and_gone_on_with_on_any_number_of_ranks(name, folder):
    run(2, folder, "run", f"{name}.toml", "--walkers", 6400, *QUIET, *AT_ONCE, "-o", "out.h5", status=75)
    for n in (3, 0, 1, 2):
        before = whole("out.h5")
        assert not before.complete
        run(n, folder, "run", "--resume", "out.h5", *QUIET, *AT_ONCE, status=75)
        assert blocks("out.h5") > before.blocks
    run(3, folder, "run", f"{name}.toml", "--walkers", 6400, "--resume", "out.h5", *QUIET)
    good("run", f"{name}.toml", "--walkers", 6400, "--quiet", "-o", "whole.h5")
    assert_same("whole.h5", "out.h5")
