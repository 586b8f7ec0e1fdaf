"""What is printed never changes what is saved or returned: readers that go, full disks, closed streams and terminals."""

import os
import pty
import select
import signal
import subprocess
import sys
import time

import pytest
from runs import AT_ONCE, CHILD, RULE, finish, furnish, good, hear, whole

from mcpump import results

pytestmark = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(furnish(tmp_path / "here"))
    return tmp_path / "here"


def gone():
    """A pipe whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


def with_streams(how, *arguments, streams=(1, 2)):
    """Status of the command line with broken standard streams, and what the others have told."""
    given = {1: subprocess.PIPE, 2: subprocess.PIPE}
    for stream in streams:
        given[stream] = {"gone": gone, "full": lambda: os.open("/dev/full", os.O_WRONLY)}.get(
            how, lambda: subprocess.DEVNULL
        )()

    def close():
        for stream in streams:
            os.close(stream)

    done = subprocess.run(
        [*CHILD, *map(str, arguments)], stdin=subprocess.DEVNULL, stdout=given[1], stderr=given[2],
        preexec_fn=close if how == "closed" else None, timeout=120, encoding="utf-8",
    )  # fmt: skip
    for stream in given.values():
        if stream >= 0:
            os.close(stream)
    return done.returncode, done.stdout, done.stderr


MISSED = ("--set", "run.stop.max_walkers=2048", "--set", "run.stop.relative_error=1e-6")
ENDS = {
    0: (("junction.toml",), "complete"),
    3: (("stop.toml", *MISSED), "target missed"),
    75: (("junction.toml", *AT_ONCE), "stopped"),
}


@pytest.mark.parametrize("progress", ["bar", "lines"])
@pytest.mark.parametrize("how", ["gone", "full", "closed"])
@pytest.mark.parametrize(
    "status",
    [75, *(pytest.param(status, marks=pytest.mark.slow) for status in (0, 3))],
)
def test_a_run_saves_and_ends_as_it_would_with_sound_streams(status, how, progress, folder):
    assert "max_walkers" in RULE
    arguments, message = ENDS[status]
    command = ("run", *arguments, "-o", "out.h5", "--progress", progress, "--log-level", "debug")
    assert with_streams(how, *command)[0] == status
    assert whole("out.h5").message.startswith(message)


def test_a_table_that_is_lost_is_told(folder):
    status, _, err = with_streams("full", "run", "junction.toml", *AT_ONCE, "--progress", "bar", streams=(1,))
    assert status == 75
    assert err.splitlines()[-1] == "mcpump: standard output cannot be written: No space left on device"
    status, _, err = with_streams("gone", "run", "--resume", "junction.h5", streams=(1,))
    assert status == 0
    assert "cannot be written" not in err


ANSWERS = {
    "check": ("check", "junction.toml"),
    "show": ("show", "junction.h5"),
    "sweep --list": ("sweep", "junction.toml", "--vary", "electrons.exchange=0.02, 0.05", "--list"),
    "materials": ("materials",),
    "example": ("example",),
    "--help": ("--help",),
}


@pytest.mark.parametrize(
    "command",
    [
        name if name in ("check", "sweep --list", "--help") else pytest.param(name, marks=pytest.mark.slow)
        for name in ANSWERS
    ],
)
def test_what_was_asked_for_and_cannot_be_printed_is_a_failure(command, folder):
    if command == "show":
        good("run", "junction.toml", "--quiet")
    for how, why in {"full": "No space left on device", "closed": "it is closed"}.items():
        status, _, err = with_streams(how, *ANSWERS[command], streams=(1,))
        assert (status, err) == (2, f"mcpump: standard output cannot be written: {why}\n")
    assert with_streams("gone", *ANSWERS[command], streams=(1,)) == (0, None, "")  # head has seen enough


def test_the_program_of_a_refusal_that_nobody_hears_ends_with_its_status(folder):
    for how in ("gone", "full", "closed"):
        assert with_streams(how, "run", "nothing.toml")[0] == 2


@pytest.mark.parametrize("progress", ["bar", "lines"])
def test_a_terminal_that_is_closed_stops_a_run_which_saves(progress, folder):
    file = folder / "out.h5"
    command = [
        *CHILD,
        "run",
        "junction.toml",
        "--walkers",
        str(10**9),
        "--checkpoint-every",
        "0.1",
        "-o",
        str(file),
    ]
    process, terminal = pty.fork()
    if process == 0:
        hear()
        os.execv(sys.executable, [*command, "--progress", progress])
    until = time.monotonic() + 120
    while not file.exists():
        assert time.monotonic() < until
        if select.select([terminal], [], [], 0.05)[0]:
            os.read(terminal, 10000)
    os.close(terminal)
    found, status = 0, 0
    while not found and time.monotonic() < until:
        found, status = os.waitpid(process, os.WNOHANG)
        time.sleep(0.02)
    if not found:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
    assert found
    assert os.waitstatus_to_exitcode(status) == 75
    assert whole("out.h5").message == "stopped: signal SIGHUP"


def test_nohup_goes_on_when_the_terminal_is_closed(folder):
    """Who ignores SIGHUP for the program means it."""
    process = subprocess.Popen(
        [*CHILD, "run", "junction.toml", "--walkers", str(10**9), "--checkpoint-every", "0.1", "-o", "out.h5"],
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, encoding="utf-8", start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
    )  # fmt: skip
    until = time.monotonic() + 120
    while not (folder / "out.h5").exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    process.send_signal(signal.SIGHUP)
    held = results.read("out.h5").blocks
    while results.read("out.h5").blocks == held:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    status, _, err = finish(process)
    assert status == 75, err
    assert whole("out.h5").message == "stopped: signal SIGTERM"


EARLY = """
import importlib.abc, os, signal, sys

class Finder(importlib.abc.MetaPathFinder):
    def find_spec(self, name, *_):
        if name == "mcpump.cli.materials":
            os.kill(os.getpid(), signal.{name})

sys.meta_path.insert(0, Finder())
from mcpump import cli
sys.exit(cli.main())
"""


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGXCPU", "SIGINT"])
def test_a_signal_before_a_run_can_save_is_told(name, folder):
    (folder / "early.py").write_text(EARLY.format(name=name))
    command = [sys.executable, "early.py", "run", "junction.toml"]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120, preexec_fn=hear)
    wanted = (75, f"mcpump: stopped: signal {name}, before anything was walked\n")
    if name == "SIGINT":
        wanted = (130, "mcpump: interrupted; a results file, if there is one, is as it was last saved\n")
    assert (done.returncode, done.stderr) == wanted
    assert not (folder / "junction.h5").exists()
