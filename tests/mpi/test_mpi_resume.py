"""Going on under mpirun: any number of ranks, any kind of end."""

import contextlib
import os
import signal
import textwrap
import time
from functools import partial

import pytest
from jobs import MPIRUN, NO_MPIRUN, family, gone, nobody_in, ranks, ranks_of, said
from runs import AT_ONCE, assert_same, blocks, child, finish, furnish, good, wait_for, walked, whole

from mcpump.simulate.checkpoint import ranges_of

pytestmark = pytest.mark.skipif(MPIRUN is None, reason=NO_MPIRUN)
QUIET = ("--quiet", "--threads", 1)
ENDLESS = ("--walkers", 10**9, *QUIET)
SLOW = partial(pytest.param, marks=pytest.mark.slow)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(furnish(tmp_path / "here"))
    return tmp_path / "here"


def run(n, folder, *arguments, status=0):
    """Run on ranks, or in this process for 0; standard error."""
    if n == 0:
        return good(*arguments, status=status)[1]
    found, _, err = finish(child(*arguments, folder=folder, program=ranks(n)))
    assert found == status, err
    assert "Traceback" not in err
    return err


def went_on(file, folder, n):
    """Go on with a file on ranks, and compare with the run of one process that was not interrupted."""
    # blocks of other ranks behind one that was given up are there, too
    walkers = (ranges_of(whole(file))[-1][1] + 20) * 64
    run(n, folder, "run", "--resume", file, "--walkers", walkers, *QUIET)
    good("run", "junction.toml", "--walkers", walkers, "--quiet", "-o", "whole.h5")
    assert_same("whole.h5", file)


@pytest.mark.parametrize(
    ("name", "turns"),
    [
        ("junction", (3, 0)),
        SLOW("junction", (3, 0, 1, 2, 4, 3)),
        SLOW("planar", (3, 0, 1, 2)),
        SLOW("turning", (3, 0, 1, 2)),
    ],
)
def test_stopped_and_gone_on_with_on_any_number_of_ranks(name, turns, folder):
    run(2, folder, "run", f"{name}.toml", "--walkers", 6400, *QUIET, *AT_ONCE, "-o", "out.h5", status=75)
    *turns, last = turns
    for n in turns:
        before = whole("out.h5")
        assert not before.complete
        run(n, folder, "run", "--resume", "out.h5", *QUIET, *AT_ONCE, status=75)
        assert blocks("out.h5") > before.blocks
    run(last, folder, "run", f"{name}.toml", "--walkers", 6400, "--resume", "out.h5", *QUIET)
    good("run", f"{name}.toml", "--walkers", 6400, "--quiet", "-o", "whole.h5")
    assert_same("whole.h5", "out.h5")


@pytest.mark.parametrize(("first", "then"), [(0, 2), SLOW(3, 2), SLOW(2, 0)])
def test_a_stop_rule_on_ranks(first, then, folder):
    run(first, folder, "run", "stop.toml", *QUIET, *AT_ONCE, "-o", "stop.h5", status=75)
    run(then, folder, "run", "--resume", "stop.h5", *QUIET, "--checkpoint-every", 0.1)
    good("run", "stop.toml", "--quiet", "-o", "whole.h5")
    assert_same("whole.h5", "stop.h5")


@pytest.mark.parametrize("parts", [(2, 0), SLOW((1, 2, 3))])
def test_parts_on_ranks(parts, folder):
    files = [f"{i}.h5" for i in range(1, len(parts) + 1)]
    for i, n in enumerate(parts, 1):
        run(n, folder, "run", "junction.toml", "--part", f"{i}/{len(parts)}", *QUIET, "-o", f"{i}.h5")
    good("merge", *files[::-1], "-o", "merged.h5")
    good("run", "junction.toml", "--quiet")
    assert_same("junction.h5", "merged.h5")


@pytest.mark.parametrize(
    ("number", "whom"),
    [
        (signal.SIGTERM, "mpirun"),
        (signal.SIGINT, "group"),
        SLOW(signal.SIGUSR1, "all"),
        SLOW(signal.SIGTERM, "group"),
        SLOW(signal.SIGTERM, "all"),
        SLOW(signal.SIGINT, "mpirun"),
        SLOW(signal.SIGINT, "all"),
        SLOW(signal.SIGUSR1, "mpirun"),
        SLOW(signal.SIGUSR1, "group"),
    ],
)
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
    assert (status, said(out)) == (75, ""), err
    assert err == f"mcpump: stopped: signal {number.name}\n"
    gone(everybody)
    assert whole(file).message == f"stopped: signal {number.name}"
    went_on(file, folder, 0)


@pytest.mark.parametrize("number", [signal.SIGUSR1, SLOW(signal.SIGTERM)])
def test_a_signal_after_the_file_is_written_changes_nothing(number, folder):
    """To every rank, while Python and MPI close down."""
    file = folder / "out.h5"
    process = child("run", "junction.toml", *QUIET, "-o", file, folder=folder, program=ranks(2))
    wait_for(file.exists, process)
    walking = ranks_of(process.pid)
    while process.poll() is None:
        for pid in walking:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)
        time.sleep(0.0005)
    status, out, err = finish(process)
    assert (status, said(out), err) == (0, "", "")
    assert whole(file).complete


DYING = """
import os, signal, sys, time
from mcpump import cli
from mcpump.machine import launcher_rank
from mcpump.walk import blocks
from mcpump.machine import launcher_rank

def die(*_):
    if launcher_rank() == {rank} and os.path.exists("out.h5"):
        {action}
    return walk(*_)

walk, blocks.walk_block = blocks.walk_block, die
sys.exit(cli.main(sys.argv[1:]))
"""
KILLED, NO_MEMORY = "os.kill(os.getpid(), signal.SIGKILL)", "raise MemoryError"
BUG = "raise ValueError('made to fail')"


@pytest.mark.parametrize(
    ("rank", "action", "then"),
    [
        (1, KILLED, 2),
        SLOW(0, KILLED, 3),
        SLOW(0, NO_MEMORY, 2),
        SLOW(1, NO_MEMORY, 2),
        SLOW(0, BUG, 2),
        (1, BUG, 0),
    ],
)
def test_a_dying_rank_ends_the_job_and_the_last_checkpoint_resumes(rank, action, then, folder):
    (folder / "dying.py").write_text(textwrap.dedent(DYING).format(rank=rank, action=action))
    arguments = ("run", "junction.toml", *ENDLESS, "-o", "out.h5", "--checkpoint-every", 0.2)
    process = child(*arguments, folder=folder, program=ranks(3, ("dying.py",)))
    status, _, err = finish(process, timeout=60)
    nobody_in(folder)
    assert status != 0
    stopped = "stopped: out of memory" in err  # ends the walk, and what was walked is saved
    assert action == KILLED or f"rank {rank} of 3 failed" in err or (action == NO_MEMORY and stopped)
    held = whole("out.h5")
    assert held.message == "running" or stopped
    assert not held.complete
    went_on(folder / "out.h5", folder, then)


WAITING = """
import os, signal, sys, time
from mcpump import cli
from mcpump.machine import launcher_rank
from mcpump.walk import blocks

beyond = []

def wait(*given):
    if launcher_rank() == 1 and given[-1] > 0:
        open("waiting", "w").close()
        while not given[-2][0]:
            time.sleep(0.001)
    elif launcher_rank() == 0 and os.path.exists("waiting"):
        beyond.append(given[-1])
        if len(beyond) == 100:
            os.kill(os.getpid(), signal.SIGTERM)
    return walk(*given)

walk, blocks.walk_block = blocks.walk_block, wait
sys.exit(cli.main(sys.argv[1:]))
"""


def test_what_a_rank_gives_up_is_walked_again(folder):
    """Rank 1 is amid a block when the run has to stop; what rank 0 has walked beyond it is kept."""
    (folder / "waiting.py").write_text(WAITING)
    arguments = ("run", "junction.toml", *ENDLESS, "-o", "out.h5")
    status, _, err = finish(child(*arguments, folder=folder, program=ranks(2, ("waiting.py",))), timeout=60)
    nobody_in(folder)
    assert status == 75, err
    held = whole("out.h5")
    assert len(ranges_of(held)) > 1
    assert held.blocks == sum(last - first for first, last in ranges_of(held)) >= 100
    went_on("out.h5", folder, 0)


def test_refusals_are_one_sentence(folder):
    good("run", "junction.toml", "--quiet", "-o", "out.h5")
    before = (folder / "out.h5").read_bytes()
    for options, words in {
        ("--seed", 2): "run.seed = 1",
        ("--walkers", 2048): "ask for as many walkers",
        ("--part", "1/9999"): "too few",
    }.items():
        err = run(3, folder, "run", "--resume", "out.h5", *options, status=2)
        assert err.startswith("mcpump: ")
        assert words in err
        assert err.count("\n") == 1
    assert (folder / "out.h5").read_bytes() == before
