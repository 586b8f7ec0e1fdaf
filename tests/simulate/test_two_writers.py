"""Two processes that were given one name: none replaces what the other has saved, and no walk is lost."""

import dataclasses
import errno
import os
import sys
import textwrap
import time
from pathlib import Path

import pytest
from jobs import MPIRUN, NO_MPIRUN, ranks
from runs import AT_ONCE, assert_same, blocks, child, finish, furnish, good, wait_for, whole

from mcpump import results, simulate
from mcpump.deck.read import read_deck
from mcpump.errors import ResultsFileError
from mcpump.problem.reduce import make_problem
from mcpump.results import file, saves, unfinished
from mcpump.simulate.checkpoint import ranges_of

WAITING = """
import os, sys, time
from mcpump import cli
from mcpump.machine import launcher_rank
from mcpump.simulate import engine

def wait(*given, **more):
    if launcher_rank() == 0:
        open(f"ready-{os.getpid()}", "w").close()
        while not os.path.exists("go"):
            time.sleep(0.01)
    return run(*given, **more)

run, engine.run = engine.run, wait
sys.exit(cli.main())
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(furnish(tmp_path / "here"))
    (tmp_path / "here" / "waiting.py").write_text(textwrap.dedent(WAITING))
    return tmp_path / "here"


def at_once(folder, *commands, n=0):
    """Programs that wait until all of them have looked at their files, and walk: (status, errors) of each."""
    program = ranks(n, ("waiting.py",)) if n else [sys.executable, "waiting.py"]
    processes = [child(*command, folder=folder, program=program) for command in commands]
    wait_for(lambda: len(list(folder.glob("ready-*"))) == len(commands), processes[0])
    (folder / "go").touch()
    found = [finish(process) for process in processes]
    return [(status, err) for status, _, err in found]


def fresh(seed, *more):
    return ("run", "junction.toml", "--quiet", "--seed", seed, "-o", "out.h5", *more)


def check_both(ends):
    """Both runs ended well, and both results are there, each as if it had been alone."""
    assert [status for status, _ in ends] == [0, 0], ends
    [said] = [err for _, err in ends if err]
    assert "out.h5 holds something else by now: this run is saved as out-2.h5." in said
    found = {whole(name).seed: name for name in ("out.h5", "out-2.h5")}
    assert set(found) == {1, 2}
    for seed, name in found.items():
        assert whole(name).complete
        good("run", "junction.toml", "--quiet", "--seed", seed, "-o", f"alone-{seed}.h5")
        assert_same(f"alone-{seed}.h5", name)


def test_two_runs_of_one_name(folder):
    check_both(at_once(folder, fresh(1), fresh(2)))


@pytest.mark.slow
@pytest.mark.skipif(MPIRUN is None, reason=NO_MPIRUN)
def test_two_jobs_of_one_name(folder):
    check_both(at_once(folder, fresh(1, "--threads", 1), fresh(2, "--threads", 1), n=2))


def test_two_equal_runs_leave_one_file(folder):
    ends = at_once(folder, fresh(1), fresh(1))
    assert [status for status, _ in ends] == [0, 0], ends
    [said] = [err for _, err in ends if err]
    assert "out.h5 holds all of this already, saved by another process: it stays as it is." in said
    assert whole("out.h5").complete
    assert [path.name for path in folder.glob("out*")] == ["out.h5"]


def test_a_run_that_goes_on_twice_keeps_the_more_complete_file(folder):
    good(*fresh(1), *AT_ONCE, "--threads", 1, status=75)
    process = child(
        "run", "--resume", "out.h5", "--quiet", "--threads", 1, *AT_ONCE, folder=folder,
        program=[sys.executable, "waiting.py"],
    )  # fmt: skip
    wait_for(lambda: list(folder.glob("ready-*")), process)
    good("run", "--resume", "out.h5", "--quiet")
    before = (folder / "out.h5").read_bytes()
    (folder / "go").touch()
    status, _, err = finish(process)
    assert status == 75
    assert "out.h5 holds all of this already" in err
    assert (folder / "out.h5").read_bytes() == before
    assert whole("out.h5").complete


@pytest.mark.parametrize("command", [("--resume", "out.h5"), ("junction.toml", "--continue", "-o", "out.h5")])
def test_a_job_that_is_requeued_and_runs_twice_leaves_one_whole_file(command, folder):
    good(*fresh(1), *AT_ONCE, "--threads", 1, status=75)
    ends = at_once(folder, *[("run", *command, "--quiet", "--checkpoint-every", 0.01)] * 2)
    assert [status for status, _ in ends] == [0, 0], ends
    assert [path.name for path in folder.glob("out*")] == ["out.h5"]
    assert all(err == "" or "holds all of this already" in err for _, err in ends)
    good("run", "junction.toml", "--quiet", "-o", "alone.h5")
    assert_same("alone.h5", "out.h5")


def test_two_parts_of_one_name_join(folder):
    ends = at_once(folder, fresh(1, "--part", "1/2"), fresh(1, "--part", "2/2"))
    assert [status for status, _ in ends] == [0, 0], ends
    assert "holds another part, which `mcpump merge` joins with this one, of this deck" in "".join(
        err for _, err in ends
    )
    good("merge", "out.h5", "out-2.h5", "-o", "joined.h5")
    good("run", "junction.toml", "--quiet", "-o", "alone.h5")
    assert_same("alone.h5", "joined.h5")


def test_two_sweeps_in_one_folder(folder):
    sweep = ("sweep", "junction.toml", "--vary", "electrons.exchange=0.02, 0.05", "--quiet")
    processes = [child(*sweep, folder=folder) for _ in range(2)]
    ends = [finish(process) for process in processes]
    assert [status for status, *_ in ends] == [0, 0], ends
    assert sorted(path.name for path in (folder / "junction-sweep").iterdir()) == [
        "exchange=0.02.h5",
        "exchange=0.05.h5",
    ]
    for path in (folder / "junction-sweep").iterdir():
        assert whole(path).complete
    assert (folder / "junction-sweep.h5").exists()


@pytest.mark.slow
def test_two_runs_that_save_all_the_time_lose_nothing(folder):
    """Ten rounds of two runs of one name, other seeds, killed while they save: what was saved last of each is there."""
    for turn in range(10):
        names = [f"out{turn}.h5", f"out{turn}-2.h5"]
        commands = [
            ("run", "junction.toml", "--quiet", "--threads", 1, "--walkers", 10**9, "--seed", seed,
             "--checkpoint-every", 0.01, "--log-level", "debug", "-o", names[0])
            for seed in (1, 2)
        ]  # fmt: skip
        processes = [child(*command, folder=folder) for command in commands]
        wait_for(lambda names=names: all(map(os.path.exists, names)), processes[0])
        time.sleep(0.1 + 0.02 * turn)
        for process in processes:
            process.kill()
            finish(process)
        held = [whole(name) for name in names]
        assert {result.seed for result in held} == {1, 2}


# --- what may be replaced --------------------------------------------------------------------------------------


@pytest.fixture
def states(folder):
    """A run, as it was saved on the way, and what it ended with."""
    problem, found = make_problem(read_deck("junction.toml")), []
    found.append(simulate.run(problem, 1, save=found.append, save_every=1e-9))
    assert len(found) > 3
    return found


def saver(told, overwrite=False, start=None):
    return saves.Saves("out.h5", overwrite, told.append, start)


def test_the_first_save_replaces_nothing(states, folder):
    (folder / "out.h5").write_text("mine")
    told = []
    run = saver(told)
    run.on_the_way(states[0])
    assert (folder / "out.h5").read_text() == "mine"
    assert told == ["out.h5 holds something else by now: this run is saved as out-2.h5."]
    for state in states[1:]:
        run.on_the_way(state)
    run.at_the_end(states[-1])
    assert len(told) == 1
    assert blocks("out-2.h5") == states[-1].blocks


def test_a_file_that_comes_later_is_not_replaced(states, folder):
    for overwrite in (False, True):
        (folder / "out.h5").unlink(missing_ok=True)
        (folder / "out-2.h5").unlink(missing_ok=True)
        if overwrite:
            (folder / "out.h5").write_text("old")
        told = []
        run = saver(told, overwrite)
        run.on_the_way(states[0])
        assert blocks("out.h5") == states[0].blocks
        (folder / "out.h5").write_text("mine")
        run.on_the_way(states[1])
        assert (folder / "out.h5").read_text() == "mine"
        assert blocks("out-2.h5") == states[1].blocks
        assert "saved as out-2.h5" in told[0]


def test_what_was_to_be_replaced_has_been_replaced_by_another(states, folder):
    """--overwrite is said of the file that is there then."""
    (folder / "out.h5").write_text("old")
    run = saver([], overwrite=True)
    (folder / "out.h5").write_text("another")
    run.on_the_way(states[0])
    assert (folder / "out.h5").read_text() == "another"


def test_a_run_that_is_ahead_stays_until_all_its_blocks_are_here(states, folder):
    told = []
    results.write(states[2], "out.h5")
    run = saver(told)
    run.on_the_way(states[0])
    assert blocks("out.h5") == states[2].blocks
    run.on_the_way(states[3])
    assert blocks("out.h5") == states[3].blocks
    assert told == []


def test_more_walkers_asked_for_is_another_run(states, folder):
    """A complete file is not replaced by a longer run that has its blocks, but for the run that goes on with it."""
    other = states[-1].resolved.replace("walkers = 4096", "walkers = 2048")
    assert other != states[-1].resolved
    results.write(dataclasses.replace(states[1], resolved=other), "out.h5")
    before, told = (folder / "out.h5").read_bytes(), []
    saver(told).on_the_way(states[-1])
    assert (folder / "out.h5").read_bytes() == before
    assert "saved as out-2.h5" in told[0]
    from mcpump.simulate.checkpoint import start_of

    held = results.read("out.h5")
    saver(told, start=start_of(held, "out.h5")).on_the_way(states[-1])
    assert blocks("out.h5") == states[-1].blocks
    assert len(told) == 1


def test_blocks_that_overlap_are_kept_apart(states, folder):
    ranges = ranges_of(states[1])
    shifted = dict(states[1].checkpoint, ranges=states[1].checkpoint["ranges"] + 2)
    results.write(dataclasses.replace(states[1], checkpoint=shifted), "out.h5")
    told = []
    saver(told).on_the_way(states[1])
    assert "holds other walkers of this deck by now" in told[0]
    assert ranges_of(results.read("out.h5")) == tuple((a + 2, b + 2) for a, b in ranges)
    assert ranges_of(results.read("out-2.h5")) == ranges


# --- links, locks ----------------------------------------------------------------------------------------------


def test_without_links_a_name_is_taken_in_one_step_too(states, folder, monkeypatch):
    def none(*_):
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", none)
    results.write(states[0], "out.h5")
    assert blocks("out.h5") == states[0].blocks
    monkeypatch.setattr(file, "_refuse_target", lambda *_: None)  # the other one comes after this look
    with pytest.raises(ResultsFileError, match="exists already"):
        results.write(states[1], "out.h5")
    assert blocks("out.h5") == states[0].blocks
    assert not list(folder.glob(".*"))
    (folder / "out.h5").unlink()
    monkeypatch.setattr(os, "replace", none)
    with pytest.raises(ResultsFileError, match="not permitted"):
        results.write(states[1], "out.h5")
    assert not (folder / "out.h5").exists()


def test_a_file_that_comes_in_the_last_moment_is_not_replaced(states, folder, monkeypatch):
    results.write(states[0], "out.h5")
    monkeypatch.setattr(file, "_refuse_target", lambda *_: None)
    with pytest.raises(file.TakenError, match="exists already"):
        results.write(states[1], "out.h5")
    assert blocks("out.h5") == states[0].blocks


def test_a_folder_that_another_process_has_locked_does_not_hold_a_save_for_ever(states, folder, monkeypatch):
    monkeypatch.setattr(saves, "PATIENCE", 0.1)
    with saves._alone_in(folder):
        saver([]).at_the_end(states[0])
    assert blocks("out.h5") == states[0].blocks


# --- saves that fail -------------------------------------------------------------------------------------------


def test_a_failed_save_does_not_end_the_walk_and_the_last_one_is_tried_again(states, folder, monkeypatch):
    told, failures = [], [MemoryError(), OSError(errno.EIO, "Input/output error"), ValueError("no image")]
    image = file.image_of

    def failing(result):
        if failures:
            raise failures.pop(0)
        return image(result)

    monkeypatch.setattr(saves, "image_of", failing)
    monkeypatch.setattr(saves, "PAUSES", (0.0, 0.0, 0.0))
    run = saver(told)
    for state in states[:3]:
        run.on_the_way(state)
    assert [" The walk goes on; the file is as it was." in text for text in told] == [True] * 3
    assert "out of memory" in told[0]
    assert "Input/output error" in told[1]
    failures += [MemoryError(), ResultsFileError("out.h5 cannot be written: no room.")]
    run.at_the_end(states[-1])
    assert blocks("out.h5") == states[-1].blocks
    assert told[3:] == [
        "out.h5 cannot be written: out of memory. It is tried again in 0 s.",
        "out.h5 cannot be written: no room. It is tried again in 0 s.",
    ]
    failures += [MemoryError()] * 4
    with pytest.raises(ResultsFileError, match="out of memory"):
        run.at_the_end(states[-1])


def test_no_memory_for_the_numbers_of_a_save_does_not_end_the_walk(folder, monkeypatch, caplog):
    from mcpump.simulate import engine

    make, saved = engine.make_result, []

    def failing(*given):
        if "running" in given:
            raise MemoryError
        return make(*given)

    monkeypatch.setattr(engine, "make_result", failing)
    problem = make_problem(read_deck("junction.toml"))
    assert simulate.run(problem, 1, save=saved.append, save_every=1e-9).complete
    assert saved == []


def test_a_clock_that_is_set_back_makes_no_time_negative(folder, monkeypatch):
    clock = [1e9]

    def back():
        clock[0] -= 3600.0
        return clock[0]

    monkeypatch.setattr(time, "time", back)
    result = simulate.run(make_problem(read_deck("junction.toml")), 1)
    assert 0.0 < result.provenance["wall_time_s"] < 600.0


# --- what killed saves leave -----------------------------------------------------------------------------------


def test_what_killed_saves_have_left_goes_and_what_may_be_alive_stays(folder, monkeypatch):
    target, mine = folder / "out.h5", unfinished._machine()
    process = child(folder=folder, program=[sys.executable, "-c", ""])
    finish(process)
    names = {
        "dead": f".out.h5.{mine}-{process.pid:x}-abcdef.tmp",
        "alive": f".out.h5.{mine}-{os.getpid():x}-abcdef.tmp",
        "elsewhere": f".out.h5.{'0' * 6}-{process.pid:x}-abcdef.tmp",
        "elsewhere, old": f".out.h5.{'0' * 6}-{process.pid:x}-123456.tmp",
        "of an older version": ".out.h5.0123abcd.tmp",
        "of another run": f".other.h5.{mine}-{process.pid:x}-abcdef.tmp",
        "no save": ".out.h5.backup.tmp",
    }
    for name in names.values():
        (folder / name).write_bytes(bytes(10**6))
    for kind in ("elsewhere, old", "of an older version"):
        os.utime(folder / names[kind], (1e9, 1e9))
    assert unfinished.told(folder) == f" (6 unfinished files there, {folder}/.*.tmp, take 0.006 GB)"
    results.check_writable(target)
    left = {kind for kind, name in names.items() if (folder / name).exists()}
    assert left == {"alive", "elsewhere", "of another run", "no save"}
    with pytest.raises(ResultsFileError, match=r"3 unfinished files there, .*: make room"):
        results.check_writable(target, size=10**18)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResultsFileError, match=r"No space left on device \(3 unfinished files there"):
        file.write_image(b"image", target)


def test_the_next_run_of_a_name_removes_what_a_killed_one_has_left(folder):
    program = folder / "dying.py"
    program.write_text(
        "import os, signal, sys\nfrom mcpump import cli\n"
        "os.link = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\nsys.exit(cli.main())\n"
    )
    for _ in range(2):
        status, _, _ = finish(child(*fresh(1), folder=folder, program=[sys.executable, str(program)]))
        assert status == -9
        assert len(list(folder.glob(".out.h5.*.tmp"))) == 1
        assert not Path("out.h5").exists()
    good(*fresh(1))
    assert not list(folder.glob(".*"))
