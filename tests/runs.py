"""Small runs for the tests of checkpoints and faults: decks, the command in this process and in others, equality."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np

from mcpump import cli, results

JUNCTION = """
units = "reduced"
[electrons]
exchange = 0.05
spin_relaxation_time = 30
[sample.x]
length = 10
cells = 10
left = "specular"
right = "absorbing"
[texture]
kind = "junction"
interface = 5
width = 1
cone_angle = "30 deg"
angular_frequency = 0.01
[results]
planes = [5, 10]
[run]
walkers = 4096
walkers_per_block = 64
reference = "off"
"""
PULSE = """
units = "reduced"
[electrons]
[sample.x]
length = 10
cells = 10
left = "specular"
right = "absorbing"
[pulse]
position = 5
[results]
end = 4
time_bins = 4
[run]
walkers = 2048
walkers_per_block = 64
"""
PLANAR = """
units = "reduced"
[electrons]
exchange = 0.05
spin_relaxation_time = 20
[sample.x]
length = 6
cells = 4
left = "absorbing"
right = "specular"
[sample.y]
length = 6
cells = 3
left = "periodic"
right = "periodic"
[[layer]]
name = "above"
start = 3
mean_free_path = 0.5
[texture]
kind = "spiral"
wavelength = 6
direction = [0, 1, 0]
cone_angle = "60 deg"
angular_frequency = 0.1
[results]
channels = ["first", "second"]
planes = [3]
[run]
walkers = 1280
walkers_per_block = 64
"""
TURNING = """
units = "reduced"
[electrons]
exchange = 0.4
spin_relaxation_time = 8
[sample.x]
length = 5
cells = 5
left = "specular"
right = "absorbing"
[texture]
kind = "junction"
interface = 3
width = 0.5
cone_angle = "40 deg"
ellipticity = 0.5
angular_frequency = 0.2
[results]
channels = ["first", "second_ladder", "exact"]
planes = [3]
[run]
walkers = 1280
walkers_per_block = 64
"""
TRANSIENT = """
units = "reduced"
[electrons]
exchange = 0.05
spin_relaxation_time = 20
[sample.x]
length = 6
cells = 6
left = "periodic"
right = "periodic"
[texture]
kind = "spiral"
wavelength = 6
cone_angle = "60 deg"
angular_frequency = 0.25
[drive]
kind = "ramp"
rise = 2
[results]
channels = ["first"]
harmonics = 0
end = 10
time_bins = 5
planes = [0]
[run]
walkers = 1280
walkers_per_block = 64
"""
USER = """
units = "reduced"
[electrons]
exchange = 0.05
spin_relaxation_time = 20
[sample.x]
length = 8
cells = 8
left = "absorbing"
right = "absorbing"
[texture]
kind = "user"
file = "wall.py"
angular_frequency = 0.1
length_scale = 1.4
[results]
channels = ["first"]
planes = [4]
[run]
walkers = 1280
walkers_per_block = 64
"""
WALL = """
import math

def S(x, y, z, t):
    angle = 2 * math.atan(math.exp((x - 4) / (1.4 + 0.3 * math.cos(0.1 * t))))
    return math.sin(angle), 0.0, math.cos(angle)
"""
DECKS = {
    "junction": JUNCTION,
    "pulse": PULSE,
    "planar": PLANAR,
    "turning": TURNING,
    "transient": TRANSIENT,
    "user": USER,
}
RULE = """
stop = { quantity = "spin_current.total.z.dc", at = 5, relative_error = 0.02, max_walkers = 100_000 }
"""
CHILD = [sys.executable, "-m", "mcpump"]
AT_ONCE = ("--max-time", "1e-9")
"""Stops a run after the first blocks, some two for each thread."""


def furnish(folder):
    """Write the decks into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in DECKS.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    (folder / "stop.toml").write_text(JUNCTION + RULE, encoding="utf-8")
    (folder / "wall.py").write_text(WALL, encoding="utf-8")
    return folder


@contextlib.contextmanager
def time_limit(seconds):
    """Raise where Python code takes longer."""

    def late(*_):
        raise TimeoutError(f"took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


def call(*arguments, seconds=120.0):
    """Run the command line in this process: (status, standard output, standard error)."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), time_limit(seconds):
        try:
            status = cli.main([str(argument) for argument in arguments])
        except SystemExit as end:  # --help, --version
            status = end.code
    texts = [stream.buffer.getvalue().decode("utf-8", "surrogateescape") for stream in (out, err)]
    return status, *texts


def good(*arguments, status=0):
    """Run quietly; (standard output, standard error)."""
    found, out, err = call(*arguments)
    assert found == status, err
    return out, err


def refused(*arguments, status=2, seconds=60.0):
    """Sentence of a refusal."""
    found, out, err = call(*arguments, seconds=seconds)
    assert found == status, (found, out, err)
    assert out == ""
    return sentence(err)


def sentence(text):
    """The one line of standard error."""
    assert text.endswith("\n")
    [line] = text.splitlines()
    assert line.startswith("mcpump: ")
    assert "Traceback" not in line
    return line.removeprefix("mcpump: ")


def hear():
    """Hear signals that whoever runs the tests may have ignored: `nohup`, or a shell that put them behind."""
    for number in (signal.SIGHUP, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)


def child(*arguments, folder, program=CHILD, **more):
    """Start the command line, or another program, as a process of its own group."""
    more.setdefault("preexec_fn", hear)
    return subprocess.Popen(
        [*program, *map(str, arguments)], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, encoding="utf-8", start_new_session=True, **more,
    )  # fmt: skip


def finish(process, timeout=120):
    """Wait for a process: (status, standard output, standard error); its whole group ends with it."""
    try:
        out, err = process.communicate(timeout=timeout)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return process.returncode, out, err


def wait_for(happened, process, timeout=120.0):
    """Wait until something has happened; end the process and fail where it does not, or the process ends before."""
    until = time.monotonic() + timeout
    while not happened():
        if process.poll() is not None or time.monotonic() > until:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise AssertionError(f"ended with {process.poll()}, or took too long: {process.communicate()}")
        time.sleep(0.005)


def walked(path, program, *arguments, folder, blocks=1):
    """Start a run and wait until a file holds some blocks."""

    def begun():
        return path.exists() and results.read(path).blocks >= blocks

    process = child(*arguments, folder=folder, program=program)
    wait_for(begun, process)
    return process


def contents(folder):
    """Every file below a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def everything(path):
    """Every dataset and attribute of a file outside /provenance but its history, as bytes with type and shape."""
    found = {}

    def take(name, item):
        if name.startswith("provenance"):
            return
        found[name] = item[()] if isinstance(item, h5py.Dataset) else "group"
        for key, value in item.attrs.items():
            if key not in ("DIMENSION_LIST", "REFERENCE_LIST"):  # references have no value of their own
                found[f"{name}@{key}"] = value
        if isinstance(item, h5py.Dataset):
            found[f"{name} axes"] = str([scale.name for axis in item.dims for scale in axis.values()])

    with h5py.File(path) as file:
        file.visititems(take)
        for key, value in file.attrs.items():
            if key != "history":  # when, and how often
                found[f"@{key}"] = value
        return {key: _frozen(value) for key, value in found.items()}


def _frozen(value):
    """Something that == compares to the last bit."""
    array = np.asarray(value)
    return str(array.dtype), array.shape, array.tolist() if array.dtype.kind == "O" else array.tobytes()


def assert_same(path, other):
    """Ask for equal bits in every dataset outside /provenance and every attribute."""
    a, b = everything(path), everything(other)
    assert a.keys() == b.keys()
    assert [key for key in a if a[key] != b[key]] == []


def blocks(path):
    return results.read(path).blocks


def whole(path):
    """A file that is read, whose checkpoint holds as many blocks as it says."""
    result = results.read(Path(path), sealed=True)
    assert result.checkpoint["blocks"].sum() == result.blocks > 0
    first, last = result.checkpoint["ranges"].T
    assert (last - first).sum() == result.blocks
    return result
