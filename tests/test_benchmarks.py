"""The benchmark runs, prints every row, and its C program walks the same walk as mcpump. No time is asserted."""

import importlib.util
import math
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

SPEED = Path(__file__).parent / "benchmarks" / "speed.py"
ROWS = {
    "compile the kernels (once)": "s",
    "start: mcpump --version": "s",
    "start: import, read the deck": "s",
    "start: load the kernels, walk a block": "s",
    "bare walk, scalar C": "ns/flight",
    "bare walk, lanes": "ns/flight",
    "junction deck, all tallies": "ns/flight",
    "junction deck, first flights": "ns/pair",
    "junction deck, whole run, 1 thread": "walkers/s",
    "junction deck, whole run, 2 threads": "walkers/s",
    "RATIO lanes / C, time per flight": "",
    "RATIO tallies / bare, time per flight": "",
    "RATIO 2 threads / 1, walkers/s": "",
    "RATIO 2 ranks / 1, walkers/s": "",
}


@pytest.fixture(scope="module")
def speed():
    spec = importlib.util.spec_from_file_location("speed", SPEED)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def program(speed, tmp_path):
    found = speed.compile_c(tmp_path)
    if found is None:
        pytest.skip("there is no C compiler here")
    return found


def test_speed_prints_every_row(speed, tmp_path):
    command = [sys.executable, str(SPEED), "--repeats", "1", "--walkers", "4096"]
    _, *lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = dict(ROWS)
    missing = {"C": speed.compile_c(tmp_path) is None, "ranks": not speed.MPIRUN}
    assert sum("skipped" in line for line in lines) == sum(missing.values())
    lines = [line for line in lines if "skipped" not in line]
    for word in (word for word, is_missing in missing.items() if is_missing):
        rows = {name: unit for name, unit in rows.items() if word not in name.split()}
    assert [line[:46].strip() for line in lines] == list(rows)
    assert [line[46:58].strip() for line in lines] == list(rows.values())
    for line in lines:
        middle, low, high = map(float, line[58:].split())
        assert 0.0 < low <= middle <= high < math.inf, line


def test_the_c_program_walks_the_same_walk(speed, program):
    model = speed.bare()
    assert (model.length, model.gamma_sf) == pytest.approx((40.0, 1.0 / 300.0))
    flights = np.array([n for _, n in speed.diffusive(model, 32)()]) / model.walkers_per_block
    error = flights.std(ddof=1) / math.sqrt(len(flights))
    other = speed.run_c(program, 32 * model.walkers_per_block, seed=7)
    assert other["flights_per_walker"] == pytest.approx(
        flights.mean(), abs=4.0 * math.hypot(error, other["standard_error"])
    )
