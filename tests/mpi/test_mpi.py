"""Real mpirun jobs: the same bits, one message, no rank left waiting."""

import os
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from mcpump import results

MPIRUN = shutil.which("mpirun", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
pytestmark = pytest.mark.skipif(MPIRUN is None, reason="no mpirun: install mcpump[mpich]")
DECK = """
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
reference = "off"
walkers = 20000
walkers_per_block = 256
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("mpi")
    (folder / "deck.toml").write_text(DECK)
    return folder


def mpirun(ranks, folder, *arguments, program=("-m", "mcpump"), environment=None, timeout=120):
    """Run a Python program on a number of ranks."""
    command = [MPIRUN, "-n", str(ranks), sys.executable, *program, *map(str, arguments)]
    return subprocess.run(
        command, cwd=folder, env={**os.environ, **(environment or {})}, capture_output=True, text=True, timeout=timeout
    )  # fmt: skip


def datasets(path):
    """Every dataset outside /provenance, and attributes without the history."""
    found = {}
    with h5py.File(path) as file:
        file.visititems(
            lambda name, item: found.update({name: item[()]}) if isinstance(item, h5py.Dataset) else None
        )
        attributes = {
            name: value for name, value in file.attrs.items() if name[0] != "_" and name != "history"
        }
    return {name: value for name, value in found.items() if not name.startswith("provenance")}, attributes


def same(a, b):
    """Equality in every bit, NaN equal to NaN."""
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and (a.tobytes() == b.tobytes() or np.all(a == b))


@pytest.fixture(scope="module")
def reference(folder):
    done = mpirun(1, folder, "run", "deck.toml", "-o", "reference.h5", "--threads", 1)
    assert done.returncode == 0, done.stderr
    return datasets(folder / "reference.h5")


@pytest.mark.parametrize(("ranks", "threads"), [(1, 2), (2, 1), (2, 2), (3, 1), (3, 2), (4, 1), (4, 2)])
def test_same_bits(folder, reference, ranks, threads):
    file = folder / f"{ranks}x{threads}.h5"
    done = mpirun(ranks, folder, "run", "deck.toml", "-o", file, "--threads", threads)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("Spin current along +x") == 1
    found, attributes = datasets(file)
    assert found.keys() == reference[0].keys()
    assert [name for name in found if not same(found[name], reference[0][name])] == []
    assert attributes.keys() == reference[1].keys()
    assert all(same(attributes[name], reference[1][name]) for name in attributes)


def test_same_bits_with_a_stop_rule_and_saves(folder):
    rule = ["--set", 'run.stop.quantity="spin_current.total.z.dc"', "--set", "run.stop.at=5"]
    rule += ["--rel-err", "0.03", "--set", "run.stop.max_walkers=200000"]
    blocks = []
    for ranks in (1, 3):
        file = folder / f"stop{ranks}.h5"
        done = mpirun(ranks, folder, "run", "deck.toml", "-o", file, *rule, "--save-every", "0.05")
        assert done.returncode == 0, done.stderr
        blocks.append(datasets(file))
    assert [name for name in blocks[0][0] if not same(blocks[0][0][name], blocks[1][0][name])] == []
    assert blocks[0][1]["blocks"] == blocks[1][1]["blocks"]
    assert 32 <= blocks[0][1]["blocks"] < 200000 // 256


def test_one_reduction_whose_size_is_the_meshs(folder):
    sizes = []
    for walkers in (5000, 50000):
        file = folder / f"walkers{walkers}.h5"
        assert mpirun(2, folder, "run", "deck.toml", "-o", file, "--walkers", walkers).returncode == 0
        provenance = results.read(file).provenance
        assert provenance["reductions"] == 1
        sizes.append(provenance["bytes_reduced"])
    assert sizes[0] == sizes[1]
    assert 0 < sizes[0] < 1_000_000


def test_bad_input_is_one_message(folder):
    done = mpirun(3, folder, "run", "deck.toml", "--set", "electrons.exchagne=1")
    assert done.returncode == 2
    lines = [line for line in done.stderr.splitlines() if line.startswith("mcpump: ")]
    assert len(lines) == 1
    assert "did you mean" in lines[0]
    assert "Traceback" not in done.stderr
    assert not (folder / "deck.h5").exists()


FAILING = """
import os, signal, sys
from mcpump import cli
from mcpump.errors import InputError
from mcpump.machine import launcher_rank
from mcpump.walk import blocks
from mcpump.machine import launcher_rank

def fail(*_):
    if launcher_rank() == 1:
        {action}
    return walk(*_)

walk, blocks.walk_block = blocks.walk_block, fail
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize(
    ("action", "message"),
    [
        ("raise ValueError('made to fail')", "rank 1 of 3 failed: ValueError: made to fail"),
        ("raise MemoryError", "rank 1 of 3 failed: out of memory"),
        ("raise InputError('one sentence')", "rank 1 of 3 failed: one sentence"),
        ("os.kill(os.getpid(), signal.SIGKILL)", ""),
    ],
)
def test_a_failing_rank_ends_the_job(folder, action, message):
    program = folder / "failing.py"
    program.write_text(textwrap.dedent(FAILING).format(action=action))
    begun = time.monotonic()
    arguments = ["run", "deck.toml", "-o", "failed.h5", "--walkers", 10_000_000]
    done = mpirun(3, folder, *arguments, program=(program,))
    assert done.returncode != 0
    assert time.monotonic() - begun < 60
    assert done.stderr.count("mcpump: ") == (1 if message else 0)
    assert message in done.stderr
    assert not (folder / "failed.h5").exists()


CRASHING = """
import sys
from mcpump import cli
from mcpump.simulate import engine as simulate

def fail(*_):
    raise EOFError("Ran out of input")

simulate.compile_kernels, simulate.is_compiled = fail, lambda _: False
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.parametrize("command", [["run"], ["sweep", "--vary", "electrons.exchange=0.05, 0.1"]])
def test_a_rank_that_has_failed_says_nothing_more(folder, command):
    """Abort returns before the process is ended, more often than not where rank 0 fails."""
    (folder / "crashing.py").write_text(CRASHING)
    for _ in range(3):
        done = mpirun(
            2, folder, command[0], "deck.toml", *command[1:], "-o", "crashed", program=("crashing.py",)
        )
        assert done.returncode == 1
        assert done.stderr.count("Traceback") == 1
        assert "mcpump: rank 0 of 2 failed: EOFError: Ran out of input" in done.stderr
        assert "UnboundLocalError" not in done.stderr


def test_separate_processes_are_refused(folder):
    command = [sys.executable, "-m", "mcpump", "run", "deck.toml", "-o", "separate.h5"]
    texts = []
    for rank in (0, 1):
        launcher = {"OMPI_COMM_WORLD_SIZE": "2", "OMPI_COMM_WORLD_RANK": str(rank)}
        done = subprocess.run(
            command, cwd=folder, env={**os.environ, **launcher}, capture_output=True, text=True
        )
        assert done.returncode == 2
        texts.append(done.stderr)
    assert "started 2 processes" in texts[0]
    assert texts[0].count("\n") == 1
    assert texts[1] == ""
    assert not (folder / "separate.h5").exists()


@pytest.mark.parametrize("launched", [False, True])
def test_without_mpi4py(folder, launched):
    code = (
        "import sys; sys.modules['mpi4py'] = None; from mcpump import cli; sys.exit(cli.main(sys.argv[1:]))"
    )
    environment = {**os.environ, **({"PMI_SIZE": "2", "PMI_RANK": "0"} if launched else {})}
    done = subprocess.run(
        [sys.executable, "-c", code, "run", "deck.toml", "-o", f"alone{launched}.h5"],
        cwd=folder, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    if launched:
        assert done.returncode == 2
        assert "install mcpump[mpi]" in done.stderr
    else:
        assert done.returncode == 0, done.stderr


def test_show_works_on_a_run_that_is_going_on(folder):
    file = folder / "going.h5"
    arguments = [
        "run",
        "deck.toml",
        "-o",
        str(file),
        "--walkers",
        "100000000",
        "--save-every",
        "1",
        "--quiet",
    ]
    command = [MPIRUN, "-n", "2", sys.executable, "-m", "mcpump", *arguments]
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL) as job:
        try:
            for _ in range(600):
                if file.exists() or job.poll() is not None:
                    break
                time.sleep(0.1)
            show = subprocess.run(
                [sys.executable, "-m", "mcpump", "show", file], capture_output=True, text=True, check=True
            )
        finally:
            job.send_signal(signal.SIGINT)
            job.wait(timeout=60)
    assert "running" in show.stdout
    assert not results.read(file).complete


def test_rank_0_speaks_and_debug_names_the_ranks(folder):
    done = mpirun(2, folder, "run", "deck.toml", "-o", "loud.h5", "--overwrite", "--log-level", "debug")
    assert done.returncode == 0
    assert "[rank 0] " in done.stderr
    done = mpirun(2, folder, "run", "deck.toml", "-o", "loud.h5", "--overwrite", "--log-level", "error")
    assert done.stderr == ""
