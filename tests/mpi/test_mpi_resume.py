"""Going on under mpirun: any number of ranks, any kind of end."""

import contextlib
import os
import random
import shutil
import signal
import sys
import textwrap
import time
from pathlib import Path

import pytest
from runs import AT_ONCE, assert_same, blocks, child, finish, furnish, good, walked, whole

from mcpump import results

MPIRUN = shutil.which("mpirun", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
pytestmark = pytest.mark.skipif(MPIRUN is None, reason="no mpirun: install mcpump[mpich]")
QUIET = ("--quiet", "--threads", 1)
ENDLESS = ("--walkers", 10**9, *QUIET)


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


@pytest.mark.parametrize("name", ["junction", "planar"])
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


def test_a_stop_rule_and_parts_on_ranks(folder):
    run(3, folder, "run", "stop.toml", *QUIET, *AT_ONCE, "-o", "stop.h5", status=75)
    run(2, folder, "run", "--resume", "stop.h5", *QUIET, "--checkpoint-every", 0.01)
    good("run", "stop.toml", "--quiet", "-o", "whole.h5")
    assert_same("whole.h5", "stop.h5")
    for i in (1, 2, 3):
        run(i, folder, "run", "junction.toml", "--part", f"{i}/3", *QUIET, "-o", f"{i}.h5")
    good("merge", "2.h5", "3.h5", "1.h5", "-o", "merged.h5")
    good("run", "junction.toml", "--quiet")
    assert_same("junction.h5", "merged.h5")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR1])
@pytest.mark.parametrize("whom", ["mpirun", "group", "all"])
def test_signals(number, whom, folder):
    """To mpirun, as `kill` does; to its group, as a terminal does; to every process, as Slurm does."""
    file = folder / "out.h5"
    arguments = ("run", "junction.toml", *ENDLESS, "-o", file, "--checkpoint-every", 0.2)
    process = walked(file, ranks(2), *arguments, folder=folder)
    everybody = family(process.pid)
    if whom == "group":
        os.killpg(process.pid, number)
    else:
        for pid in everybody if whom == "all" else [process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
    status, out, err = finish(process, timeout=60)
    assert (status, out) == (75, ""), err
    assert err == f"mcpump: stopped: signal {number.name}\n"
    gone(everybody)
    assert whole(file).message == f"stopped: signal {number.name}"
    went_on(file, folder, 2)


DYING = """
import os, signal, sys, time
from mcpump import blocks, cli, parallel

def die(*_):
    if parallel.launcher_rank() == {rank} and os.path.exists("out.h5"):
        {action}
    return walk(*_)

walk, blocks.walk_one_block = blocks.walk_one_block, die
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("rank", [0, 1])
@pytest.mark.parametrize(
    "action",
    ["os.kill(os.getpid(), signal.SIGKILL)", "raise MemoryError", "raise ValueError('made to fail')"],
)
def test_a_dying_rank_costs_what_is_after_the_last_save(rank, action, folder):
    (folder / "dying.py").write_text(textwrap.dedent(DYING).format(rank=rank, action=action))
    arguments = ("run", "junction.toml", *ENDLESS, "-o", "out.h5", "--checkpoint-every", 0.2)
    process = child(*arguments, folder=folder, program=ranks(3, ("dying.py",)))
    status, _, err = finish(process, timeout=60)
    assert status != 0
    assert "SIGKILL" in action or f"rank {rank} of 3 failed" in err
    held = whole("out.h5")
    assert held.message == "running"
    went_on(Path("out.h5"), folder, 2)


def killed_at_random(kills, folder):
    """Kill mpirun, one rank or all of a job that saves every 0.2 s, and go on with its file, again and again."""
    chance, held, file = random.Random(2), 0, folder / "out.h5"
    for turn in range(kills):
        start = ("--resume", "out.h5") if held else ()
        arguments = ("run", "junction.toml", *start, *ENDLESS, "-o", "out.h5", "--overwrite")
        process = walked(
            file, ranks(2 + turn % 2), *arguments, "--checkpoint-every", 0.2, folder=folder, blocks=held + 1
        )
        time.sleep(chance.uniform(0.0, 0.5))
        everybody = family(process.pid)
        victims = {0: [process.pid], 1: [chance.choice(walkers_of(process.pid))], 2: everybody}[turn % 3]
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert finish(process, timeout=60)[0] != 0
        gone(everybody)
        result = whole(file)
        assert result.message == "running"
        assert result.blocks > held
        held = result.blocks
    went_on(file, folder, 3)


def test_killed_at_random_times(folder):
    killed_at_random(4, folder)


@pytest.mark.slow
def test_killed_at_fifty_random_times(folder):
    killed_at_random(50, folder)


def test_refusals_are_one_sentence(folder):
    run(2, folder, "run", "junction.toml", *QUIET, *AT_ONCE, "-o", "out.h5", status=75)
    before = (folder / "out.h5").read_bytes()
    for options, words in {
        ("--seed", 2): "run.seed = 1",
        ("--walkers", 64): "ask for as many walkers",
        ("--part", "1/9999"): "too few",
    }.items():
        err = run(3, folder, "run", "--resume", "out.h5", *options, status=2)
        assert [line for line in err.splitlines() if "mcpump" in line] == err.splitlines()
        assert words in err
        assert err.count("\n") == 1
    assert (folder / "out.h5").read_bytes() == before
    assert results.read("out.h5").blocks > 0
