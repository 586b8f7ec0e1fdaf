"""Killed at any moment, out of disk, interrupted twice: the file is the old or the new one, and whole."""

import contextlib
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import textwrap
import time

import pytest
from jobs import MPIRUN, NO_MPIRUN, family, gone, ranks, ranks_of
from runs import (
    CHILD,
    JUNCTION,
    PULSE,
    assert_same,
    blocks,
    child,
    contents,
    finish,
    furnish,
    good,
    sentence,
    wait_for,
    walked,
    whole,
)

from mcpump import results

ENDLESS = ("--walkers", 10**9, "--quiet", "--threads", 1)
PATCHED = """
import os, signal, sys
from mcpump import cli, results
from mcpump.results import file

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

{patch}
sys.exit(cli.main(sys.argv[1:]))
"""
MOMENTS = {
    "before the bytes": "file._write_synced = die",
    "amid the bytes": "file._write_synced = lambda path, image: (path.write_bytes(image[:5000]), die())",
    "before they are synced": "os.fsync = die",
    "before the new name": "os.replace = die",
    "after the new name": "replace = os.replace; os.replace = lambda *names: (replace(*names), die())",
    "before the folder is synced": "file._sync_folder = die",
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(furnish(tmp_path / "here"))
    return tmp_path / "here"


def program(folder, patch):
    path = folder / "patched.py"
    path.write_text(textwrap.dedent(PATCHED).format(patch=patch))
    return [sys.executable, str(path)]


def went_on(file, name="junction"):
    """Go on with a file, and compare with the run that was not interrupted."""
    walkers = blocks(file) * 64 + 1280
    good("run", "--resume", file, "--walkers", walkers, "--quiet")
    good("run", f"{name}.toml", "--walkers", walkers, "--quiet", "-o", "whole.h5", "--overwrite")
    assert_same("whole.h5", file)


# --- killed ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_while_writing(moment, folder):
    good("run", "junction.toml", "--quiet", "-o", "out.h5", "--max-time", "1e-9", status=75)
    before = (folder / "out.h5").read_bytes()
    command = ("run", "--resume", "out.h5", "--quiet")
    status, out, err = finish(child(*command, folder=folder, program=program(folder, MOMENTS[moment])))
    assert (status, out, err) == (-signal.SIGKILL, "", "")
    if moment.startswith(("after the new name", "before the folder")):
        assert whole("out.h5").complete
    else:
        assert (folder / "out.h5").read_bytes() == before
    went_on("out.h5")


def killed_at_random(kills, folder, name="junction", n=0):
    """Kill a run that saves all the time, and go on with it, again and again.

    Every other run is killed about when it has saved, the others at any time from their start on. On ranks it is
    mpirun, one of the ranks, or every process that is killed. The file is the old one, or a new one that is whole.
    """
    chance, file = random.Random(1), folder / "out.h5"
    every = 0.2 if n else 0.01
    before, held, kept, start_up = b"", 0, 0, 0.0
    for turn in range(kills):
        start = ("--resume", "out.h5") if held else ()
        arguments = ("run", f"{name}.toml", *start, "-o", "out.h5", "--overwrite", *ENDLESS)
        command, begun = (*arguments, "--checkpoint-every", every), time.monotonic()
        if turn % 2 == 0:
            process = walked(file, ranks(n), *command, folder=folder, blocks=held + 1)
            start_up = time.monotonic() - begun
            time.sleep(chance.uniform(0.0, 0.3))
        else:
            process = child(*command, folder=folder, program=ranks(n))
            time.sleep(chance.uniform(0.0, 1.5 * start_up))
        everybody, walking = family(process.pid), ranks_of(process.pid)
        victims = {0: [process.pid], 1: [chance.choice(walking or everybody)], 2: everybody}[turn // 2 % 3]
        for pid in victims:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        status, _, err = finish(process)
        assert status == -signal.SIGKILL or (n > 0 and status != 0), err
        gone(everybody)
        if file.read_bytes() == before:
            assert turn % 2
            kept += 1
            continue
        result = whole(file)
        assert not result.complete
        assert result.message == "running"
        assert result.blocks > held
        before, held = file.read_bytes(), result.blocks
    return kept


def test_killed_at_random_times(folder):
    killed_at_random(4, folder)
    went_on("out.h5")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["junction", "planar", "turning"])
def test_killed_at_thirty_random_times(name, folder):
    assert killed_at_random(30, folder, name) > 0
    went_on("out.h5", name)


@pytest.mark.slow
@pytest.mark.skipif(MPIRUN is None, reason=NO_MPIRUN)
@pytest.mark.parametrize("n", [2, 3])
def test_ranks_killed_at_fifteen_random_times(n, folder):
    killed_at_random(15, folder, n=n)
    went_on("out.h5")


# --- interrupted twice -----------------------------------------------------------------------------------------


def test_a_second_interrupt_ends_at_once(folder):
    """Blocks that take long: the first Ctrl-C waits for them, the second does not save."""
    good("run", "junction.toml", "--quiet", "-o", "out.h5", "--max-time", "1e-9", status=75)
    before = (folder / "out.h5").read_bytes()
    slow = "from mcpump.walk import blocks; import time; walk = blocks.walk_block\n"
    slow += "blocks.walk_block = lambda *a: (print('block', file=sys.stderr, flush=True), time.sleep(2), walk(*a))[2]"
    command = ("run", "--resume", "out.h5", *ENDLESS)
    process = child(*command, folder=folder, program=program(folder, slow))
    assert process.stderr.readline() == "block\n"
    process.send_signal(signal.SIGINT)
    time.sleep(0.7)
    process.send_signal(signal.SIGINT)
    status, _, err = finish(process, timeout=20)
    assert status == 130
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("mcpump: interrupted")
    assert (folder / "out.h5").read_bytes() == before


FILM = '[sample.y]\nlength = 1e-6\ncells = 1\nleft = "specular"\nright = "specular"\n[texture]'
THIN = {
    "film": JUNCTION.replace("[texture]", FILM),
    "pulse": PULSE.replace("length = 10\ncells = 10", "length = 1e-6\ncells = 1")
    .replace("absorbing", "specular")
    .replace("position = 5", "position = 5e-7"),
}


@pytest.mark.parametrize("deck", THIN)
def test_a_signal_is_heard_in_a_sample_that_is_a_millionth_of_a_flight_thick(deck, folder):
    """Mirrors are met a million times in a flight, but a block takes no longer for it."""
    (folder / "thin.toml").write_text(THIN[deck])
    command = ("run", "thin.toml", *ENDLESS, "--set", "run.walkers_per_block=4096", "-o", "out.h5")
    process = walked(folder / "out.h5", CHILD, *command, "--checkpoint-every", 0.5, folder=folder)
    process.send_signal(signal.SIGTERM)
    status, _, err = finish(process, timeout=30)
    assert status == 75, err
    assert results.read(folder / "out.h5").message == "stopped: signal SIGTERM"


LONG = [
    "run.walkers_per_block=1000000", "run.walkers=16000000", "run.jumps=off", "electrons.spin_relaxation_time=1e5",
    "sample.x.right=specular",
]  # fmt: skip


@pytest.mark.parametrize(
    "n", [1, pytest.param(2, marks=pytest.mark.skipif(MPIRUN is None, reason=NO_MPIRUN))]
)
def test_a_signal_is_heard_in_blocks_that_take_long(n, folder):
    """Of blocks of minutes none is complete: there is nothing to save, and one sentence says so."""
    ready = "from mcpump.walk import blocks; walk = blocks.walk_block\n"
    ready += "blocks.walk_block = lambda *a: (print('block', file=sys.stderr, flush=True), walk(*a))[1]"
    given = [word for change in LONG for word in ("--set", change)]
    program_ = program(folder, ready) if n == 1 else ranks(n, tuple(program(folder, ready)[1:]))
    command = ("run", "junction.toml", "--quiet", "--threads", 1, *given, "-o", "out.h5")
    process = child(*command, folder=folder, program=program_)
    for _ in range(n + 1):
        assert process.stderr.readline() == "block\n"
    process.send_signal(signal.SIGTERM)
    status, _, err = finish(process, timeout=60)
    assert status == 75, err
    assert "signal SIGTERM, before a block of 1000000 walkers was complete" in err
    assert not (folder / "out.h5").exists()


SLOW_TO_STOP = {
    "long walks": ["electrons.spin_relaxation_time=30000", "sample.x.right=specular", "run.walkers_per_block=4096"],
    "the largest blocks": ["run.walkers_per_block=16777216"],
    "a thousand planes": [f"results.planes={[round(0.01 * i, 2) for i in range(1, 1001)]}"],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("deck", SLOW_TO_STOP)
def test_the_time_limit_is_kept_within_seconds(deck, folder):
    """Ten seconds of work in all, of which one is asked for: walkers that go 100 ℓ, blocks of hours, 1000 planes."""
    given = [word for change in SLOW_TO_STOP[deck] for word in ("--set", change)]
    command = ("run", "junction.toml", "--quiet", "--threads", 1, "--walkers", 10**9, *given, "-o", "out.h5")
    finish(child(*command, "--max-time", "1e-9", "--overwrite", folder=folder), timeout=600)  # kernels
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    status, _, err = finish(child(*command, "--max-time", 1, "--overwrite", folder=folder), timeout=300)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert status == 75, err
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 10.0
    said, _ = good("check", "junction.toml", "--set", "run.walkers=1000000000", *given)
    assert re.search(r"a block takes about \S+ s on a core", said)


@pytest.mark.parametrize(
    ("first", "then"),
    [
        (signal.SIGINT, signal.SIGINT),
        (signal.SIGTERM, signal.SIGTERM),
        (signal.SIGUSR1, signal.SIGTERM),
        (signal.SIGTERM, signal.SIGUSR1),
    ],
)
def test_one_signal_that_comes_twice_is_one(first, then, folder):
    """A launcher hands on what the system has sent as well; Slurm sends SIGUSR1 and then SIGTERM."""
    process = walked(
        folder / "out.h5", CHILD, "run", "junction.toml", *ENDLESS, "-o", "out.h5", "--checkpoint-every", 0.05,
        folder=folder,
    )  # fmt: skip
    process.send_signal(first)
    time.sleep(0.03)
    process.send_signal(then)
    status, _, err = finish(process, timeout=30)
    assert status == 75, err
    assert "stopped: signal SIG" in sentence(err)
    assert whole("out.h5").message.startswith("stopped")


@pytest.mark.parametrize("number", [signal.SIGUSR1, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    "command", [("run",), ("sweep", "--vary", "electrons.exchange=0.05", "--point", "1")]
)
def test_a_signal_after_the_file_is_written_changes_nothing(command, number, folder):
    """While Python closes down: a job that is warned in that moment has ended well."""
    file = folder / ("junction.h5" if command == ("run",) else "junction-sweep/exchange=0.05.h5")
    process = child(*command, "junction.toml", "--quiet", folder=folder)
    wait_for(file.exists, process)
    while process.poll() is None:
        process.send_signal(number)
        time.sleep(0.0005)
    assert finish(process) == (0, "", "")
    assert whole(file).complete


# --- no room, no reader ----------------------------------------------------------------------------------------


def limited(size):
    """Limit the size of files that a child can write."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def test_no_room_on_the_way_does_not_end_the_walk(folder):
    good("run", "junction.toml", "--quiet", "-o", "out.h5", "--max-time", "1e-9", status=75)
    before = (folder / "out.h5").read_bytes()
    command = ("run", "--resume", "out.h5", "--checkpoint-every", "0.05", *ENDLESS)
    process = child(*command, folder=folder, preexec_fn=limited(20_000))
    lines = [process.stderr.readline() for _ in range(3)]  # it walks on, and tries again
    process.send_signal(signal.SIGTERM)
    status, _, err = finish(process, timeout=30)
    assert status == 2
    for line in lines:
        assert "out.h5 cannot be written: File too large. The walk goes on; the file is as it was." in line
    assert err.splitlines()[-1] == "mcpump: out.h5 cannot be written: File too large."
    assert "Traceback" not in err
    assert (folder / "out.h5").read_bytes() == before
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    went_on("out.h5")


def test_no_room_at_the_end(folder):
    """The table is printed all the same."""
    process = child("run", "junction.toml", folder=folder, preexec_fn=limited(20_000))
    status, out, err = finish(process)
    assert status == 2
    assert "Spin current" in out
    assert "Traceback" not in err
    assert err.splitlines()[-1] == "mcpump: junction.h5 cannot be written: File too large."
    assert not list(folder.glob("*.h5"))
    assert not list(folder.glob(".*"))


@pytest.fixture
def small_disk(tmp_path):
    """A disk of two megabytes, where this user may mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("cannot mount a small disk")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_keeps_the_old_file(small_disk, folder):
    few = ("--set", "sample.x.cells=4", "--set", "results.planes=[]", "--quiet")
    file = small_disk / "out.h5"
    good("run", "junction.toml", *few, "--max-time", "1e-9", "-o", file, status=75)
    before = file.read_bytes()
    filler = small_disk / "filler"
    with filler.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(bytes(4096))
    status, out, err = finish(child("run", "--resume", file, "--quiet", folder=folder))
    assert (status, out) == (2, "")
    assert "make room" in sentence(err)  # found before the walk
    process = child(
        "run", "--resume", file, *ENDLESS, "--checkpoint-every", 0.05, folder=folder, program=late(folder)
    )
    wait_for(lambda: "The walk goes on" in process.stderr.readline(), process)
    assert file.read_bytes() == before
    filler.unlink()
    wait_for(lambda: file.read_bytes() != before, process)  # saves again
    process.send_signal(signal.SIGTERM)
    assert finish(process)[0] == 75
    assert sorted(path.name for path in small_disk.iterdir()) == ["out.h5"]
    assert whole(file).blocks > 0


def late(folder):
    """The program, blind to what the disk says before the walk."""
    return program(folder, "results.check_writable = lambda *_: None")


def test_a_mesh_that_is_too_large_for_the_disk_is_found_before_the_walk(small_disk, folder):
    before = contents(folder)
    status, out, err = finish(
        child(
            "run",
            "junction.toml",
            "--set",
            "sample.x.cells=50000",
            "-o",
            small_disk / "out.h5",
            folder=folder,
        )
    )
    assert (status, out) == (2, "")
    assert "GB left: make room" in sentence(err)
    assert contents(folder) == before
    assert not list(small_disk.iterdir())


@pytest.mark.skipif(os.geteuid() != 0 and not hasattr(os, "chmod"), reason="needs permissions")
def test_a_folder_that_cannot_be_written_to(folder):
    if os.geteuid() == 0:
        file = "/proc/out.h5"
    else:
        (folder / "locked").mkdir(mode=0o555)
        file = "locked/out.h5"
    status, out, err = finish(child("run", "junction.toml", "-o", file, folder=folder))
    assert (status, out) == (2, "")
    assert f"{file} cannot be written" in sentence(err)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_table_that_nobody_can_take_does_not_cost_the_file(folder):
    with open("/dev/full", "w") as full:
        command = [*CHILD, "run", "junction.toml"]
        done = subprocess.run(command, cwd=folder, stdout=full, stderr=subprocess.PIPE, encoding="utf-8")
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith("mcpump: standard output cannot be written: No space")
    assert results.read("junction.h5").complete
    assert done.returncode == 0


def test_a_reader_that_leaves_does_not_cost_the_file(folder):
    process = child("run", "junction.toml", "--max-time", "1e-9", folder=folder)
    process.stdout.close()
    err = process.stderr.read()
    assert process.wait(timeout=60) == 75, err
    assert "Traceback" not in err
    assert whole("junction.h5").blocks > 0


def test_a_deck_whose_name_is_no_text(folder):
    name = b"\xff.toml"
    shutil.copy("junction.toml", name)
    status, _, err = finish(child("run", os.fsdecode(name), "-o", "out.h5", "--quiet", folder=folder))
    assert status == 0, err
    assert whole("out.h5").name == "\\udcff.toml"
