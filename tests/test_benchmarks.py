"""The benchmark runs, writes every row, and what it compares with walks the same walk. No time is asserted."""

import importlib
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mcpump.deck.read import read_deck
from mcpump.problem import make_problem
from mcpump.simulate.engine import make_result
from mcpump.tally.estimates import Status
from mcpump.tally.tally import Tally
from mcpump.walk.blocks import empty_groundwork, ground_of

FOLDER = Path(__file__).parent / "benchmarks"
COMMAND = [sys.executable, str(FOLDER / "benchmark.py")]
TARGETS = [
    "`exact` DC z: CPU time to 1 % before over now, the smallest",
    "`exact` DC z: CPU time to 1 %, the largest",
    "`second` DC z along x: CPU time to 1 % before over now, the smallest",
    "`second` DC z along x: CPU time to 1 %, the largest",
    "rashba, ovf_film: CPU time to 1 % before over now, the smallest",
    "rashba, ovf_film: CPU time to 1 %, the largest",
    "meshes and walls, planes: CPU time to 1 % before over now, the smallest",
    "meshes and walls, planes: CPU time to 1 %, the largest",
    "meshes and walls, cells: CPU time to 1 % before over now, the smallest",
    "junction: CPU time to 1 % before over now, the smallest",
    "bare walk, azurv1: collisions/s over the scalar C program's",
    "azurv1: figure of merit over exact marching's",
    "azurv1: figure of merit over OpenMC's",
    "azurv1: figure of merit over MC/DC's",
    "junction, main job: walking to 1 % on DC and AC currents at the interface",
    "local current at the interface: numerical error, the largest of ℓ/λ = 1 … 1e-3",
    "local current at the interface: time, the slowest ℓ/λ",
    "diffusive current, periodic faces: cost to 1 % at ℓ/λ = 1e-3 over that at 1e-1",
    "diffusive current, specular + absorbing faces: cost to 1 % at ℓ/λ = 1e-3 over that at 1e-1",
    "`exact`: time per flight over that of `first` + `second`",
    "memory per walking rank, main job",
]
TABLES = {
    "Decks": 3,
    "The plane pulse": 6,
    "The main job": 2,
    "Local current at the interface": 4,
    "Diffusive current where walks are long": 6,
    "Channels of the general walk": 3,
    "Memory": 2,
    "Walkers and cells": 6,
    "Threads and ranks": 4,
    "Where the time goes": 5,
    "A reference": 2,
}
"""Tables and their rows; a row less where there is no C compiler, two less where there is no mpirun."""


@pytest.fixture(scope="module", autouse=True)
def on_path():
    sys.path.insert(0, str(FOLDER))
    yield
    sys.path.remove(str(FOLDER))


def module(name):
    """A module of the benchmark."""
    return importlib.import_module(name)


@pytest.fixture
def program(tmp_path):
    found = module("walking").compile_c(tmp_path)
    if found is None:
        pytest.skip("there is no C compiler here")
    return found


def rows_of(text):
    """Rows of the tables in a text, without their heads."""
    found = []
    for part in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        found += [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines()[2:]]
    return found


@pytest.mark.slow  # a minute: all benchmarks, smallest
def test_every_row_is_written(tmp_path):
    benchmark, walking, scaling = module("benchmark"), module("walking"), module("scaling")
    file = tmp_path / "BENCHMARKS.md"
    file.write_text(f"before\n{benchmark.BEGIN}\nold\n{benchmark.END}\nafter\n", encoding="utf-8")
    some = [name for name in benchmark.SECTIONS if name != "starts"]
    subprocess.run([*COMMAND, "--smallest", "-o", str(file), "--only", *some], check=True, timeout=600)
    text = file.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    first, *parts = text.split("### ")
    rows = rows_of(first)
    assert [row[0] for row in rows] == TARGETS
    for row in rows:
        assert row[3] in ("reached", "**missed**") if row[2] != "–" else row[3] == "not measured"
        assert row[2] == "–" or float(row[2].replace(" ", "")) > 0.0
    compiler, mpirun = walking.compile_c(tmp_path) is not None, bool(scaling.MPIRUN)
    wanted = dict(TABLES)
    for name in ("The plane pulse", "Where the time goes"):
        wanted[name] -= not compiler
    wanted["Threads and ranks"] -= 0 if mpirun else 2
    if mpirun or scaling.cores() > 2:
        wanted.pop("Threads and ranks")  # one pair for every count of cores
    found = {part.splitlines()[0]: len(rows_of(part)) for part in parts}
    assert {name: count for name, count in found.items() if name in wanted} == wanted
    assert list(found) == list(TABLES)


def test_starts_are_measured():
    rows = module("rows")
    text = module("scaling").starts(rows.SMALLEST, None).text
    assert len(rows_of(text)) == 13


def test_a_gpu_is_measured_in_its_simulator():
    """Every way of walking has a row of numbers; what a GPU does not take is told. Times mean nothing there."""
    command = [sys.executable, str(FOLDER / "gpu.py"), "--smallest", "--only", "azurv1", "stack"]
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=300)
    refused, *rows = rows_of(done.stdout)
    assert (
        refused[-1]
        == 'run.device = "cuda" does not take this deck: a [pulse] counts walkers by a way of its own'
    )
    assert [row[1] for row in rows] == ["GPU", "CPU, fixed point", "CPU"]
    for row in rows:
        assert row[2] == "32"
        assert all(float(cell) > 0.0 for cell in row[3:6])
    # error² is the same for the same walkers, flights too
    products = [float(row[3]) * float(row[4]) for row in rows]
    assert max(products) == pytest.approx(min(products), rel=0.02)


@pytest.mark.slow  # half a minute
def test_the_kernel_compiles_for_a_gpu(tmp_path):
    """Without a GPU, where NVVM is installed (`mcpump[cuda]`); no product and sum are made one."""
    command = [sys.executable, str(FOLDER / "gpu.py"), "--ptx", str(tmp_path / "kernel.ptx")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode and (
        "libnvvm" in done.stderr or "libnvrtc" in done.stderr or "nvvm" in done.stderr.lower()
    ):
        pytest.skip("the compiler of CUDA is not installed")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("fused: 0, ")
    assert ".entry" in (tmp_path / "kernel.ptx").read_text(encoding="utf-8")


def test_decks_are_measured_beside_an_earlier_mcpump(tmp_path):
    """Here the same one, which finds the same numbers with other walkers."""
    decks, rows = module("shipped_decks"), module("rows")
    found = rows_of(decks.decks(rows.SMALLEST, tmp_path, sys.executable).text)
    assert [row[0] for row in found] == ["hanle", "junction", "junction"]
    for row in found:
        before, now, ratio, fixed = (float(cell.replace(" ", "")) for cell in row[2:6])
        assert min(before, now, ratio) > 0.0
        assert 0.0 <= fixed <= now  # rounded
        assert 0.0 < abs(float(row[7])) < 5.0


def test_every_deck_has_a_number_of_its_results(tmp_path):
    decks = module("shipped_decks")
    there = decks.prepared(tmp_path)
    shipped = {file.stem for file in there.glob("*.toml")} - set(decks.LEFT_OUT)
    assert {one.deck for one in decks.QUANTITIES} == shipped
    for deck in shipped:
        problem = make_problem(read_deck(there / f"{deck}.toml", ["run.walkers_per_block=2"]))
        ground = ground_of(problem, empty_groundwork(problem))
        books = Tally(problem.scene, ground.exponents)
        books.add(0, ground.walk(0))
        result = make_result(problem, books, {}, ((0, 1),), Status.PART, "")
        for one in decks.QUANTITIES:
            if one.deck == deck:
                assert decks.number_of(result, one.name, one.at)[2]


def test_seconds_to_one_percent_fall_with_the_square_of_the_error():
    decks = module("shipped_decks")

    def taken(error, walking, fixed):
        return decks.Taken([2.0], [error], ["1"], walking, fixed, "")

    found = {"now": [taken(0.02, 3.0, 0.5)], "before": [taken(0.2, 2.0, 0.0)]}
    row = decks.row_of(found, 0)
    assert row.now == [pytest.approx(3.5)]
    assert row.before == [pytest.approx(200.0)]
    assert row.gain == pytest.approx(200.0 / 3.5)
    measured = [(one, row) for one in decks.QUANTITIES if one.goal == decks.SECOND]
    targets = {one.target: one.reached for one in decks.targets_of(measured, True) if one.value is not None}
    assert targets == {"≥ 20.0": True, "≤ 1.00 s": False}


def test_the_file_has_the_marks():
    benchmark = module("benchmark")
    text = (FOLDER.parents[1] / "BENCHMARKS.md").read_text(encoding="utf-8")
    assert text.count(benchmark.BEGIN) == text.count(benchmark.END) == 1


def test_the_c_program_walks_the_same_slab(program):
    walking = module("walking")
    plan = walking.bare()
    scene = plan.scene
    assert (scene.lengths[0], scene.layers[0].gamma_sf) == pytest.approx((40.0, 1.0 / 300.0))
    flights = np.array([n for _, n in walking.in_lanes(plan, 32)()]) / scene.walkers_per_block
    error = flights.std(ddof=1) / math.sqrt(len(flights))
    other = walking.run_c(program, "slab", 32 * scene.walkers_per_block, seed=7)
    assert other["flights_per_walker"] == pytest.approx(
        flights.mean(), abs=4.0 * math.hypot(error, other["standard_error"])
    )


def test_the_c_program_walks_the_same_pulse(program):
    walkers = 20_000
    found = module("walking").run_c(program, "azurv1", walkers, seed=7)
    assert found["flights_per_walker"] == pytest.approx(21.0, abs=4.0 * math.sqrt(20.0 / walkers))
    assert (
        found["scores"] == found["flights"] - walkers
    )  # every collision, but not the flight broken off at the end


def test_marching_finds_the_same_density_as_the_walk():
    """Cells and bins in which both are known within 3 %; every walker leaves a track of 20."""
    azurv1 = module("azurv1")
    blocks, block = 32, 4096
    walkers = [blocks * module("walking").deck_problem("azurv1").scene.walkers_per_block, blocks * block]
    lanes, marching = azurv1.lanes_merit(blocks)(), azurv1.marching_merit(blocks, block)()
    assert marching.mean.sum() == pytest.approx(20.0)
    assert np.all(np.diff(marching.mean.sum(axis=0)) < 1e-9)
    deviations = [
        one.badness * one.mean**2 / (walked / one.per_second)
        for one, walked in zip((lanes, marching), walkers, strict=True)
    ]
    error = np.sqrt(sum(deviations))
    known = error < 0.03 * marching.mean
    assert known.sum() > 500
    assert np.abs((lanes.mean - marching.mean)[known] / error[known]).max() < 5.5


def test_a_rounded_number_has_three_digits():
    number = module("rows").number
    told = {
        0.0: "0",
        1.0: "1.00",
        12.345: "12.3",
        1234.5: "1 230",
        0.01234: "0.0123",
        3e8: "3.00e+08",
        9.996: "10.0",
    }
    assert {value: number(value) for value in told} == told
