"""How the cost grows with walkers, cells, ranks and threads; and what compiling and starting take."""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rows import Section, Sizes, in_turn, middle, ratios, spread, table
from walking import DECKS, deck_problem

from mcpump import results, simulate
from mcpump.machine import cores

MPIRUN = shutil.which("mpirun", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or ""
FIRST_BLOCK = """
import sys, time
began = time.perf_counter()
from mcpump.deck.read import read_deck
from mcpump.problem.reduce import make_problem
from mcpump.walk.blocks import ground_of
problem = make_problem(read_deck(sys.argv[1], ["run.walkers_per_block=256"]))
ready = time.perf_counter()
ground_of(problem).walk(0)
print(ready - began, time.perf_counter() - ready)
"""
WALKS = {
    "in lanes, along x": "junction",
    "in lanes, on a mesh": "crossed_waves",
    "general walk": "switch_on",
    "pulse": "azurv1",
}
"""Deck of each."""


def first_block(deck: str, cache: Path | None) -> tuple[float, float]:
    """Seconds to import mcpump and read a deck, and to walk the first block: a new process, `cache` its kernels."""
    command = [sys.executable, "-c", FIRST_BLOCK, str(DECKS / f"{deck}.toml")]
    chosen = os.environ if cache is None else os.environ | {"MCPUMP_CACHE_DIR": str(cache)}
    done = subprocess.run(command, env=chosen, capture_output=True, text=True, check=True)
    ready, walked = map(float, done.stdout.split())
    return ready, walked


def version() -> float:
    """Seconds that `mcpump --version` takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "mcpump", "--version"], capture_output=True, check=True)
    return time.perf_counter() - began


def starts(sizes: Sizes, caches: Path | None) -> Section:
    """Compilation, each walk's in an empty folder of its own below `caches`, and starts with a full one.

    Without `caches` kernels are fetched where they always are, and compiling takes no time if they are there.
    """
    lines: list[tuple[object, ...]] = []
    versions = [version() for _ in range(sizes.repeats)]
    lines.append(("`mcpump --version`", middle(versions), spread(versions)))
    for walk, deck in WALKS.items():
        cache = caches and caches / deck
        _, compiling = first_block(deck, cache)
        ready, walked = zip(*(first_block(deck, cache) for _ in range(sizes.repeats)), strict=True)
        lines += [
            (f"{walk}: compile the kernels, once", compiling - statistics.median(walked), ""),
            (f"{walk}: import, read the deck", middle(ready), spread(ready)),
            (f"{walk}: load the kernels, first flights, a block of 256", middle(walked), spread(walked)),
        ]
    return Section(
        [], "### Compilation and start\n\nNew processes, wall time.\n\n" + table(["", "s", "range"], lines)
    )


def whole_run(walkers: int, threads: int) -> Callable[[], float]:
    """A call that measures the wall seconds of a whole run."""
    problem = deck_problem("junction", f"run.walkers={walkers}")

    def measure() -> float:
        began = time.perf_counter()
        simulate.run(problem, threads)
        return time.perf_counter() - began

    return measure


def ranks_run(walkers: int, ranks: int, folder: Path) -> Callable[[], float]:
    """A call that measures the walk's wall seconds under mpirun, one thread a rank."""
    file = folder / "ranks.h5"
    program = [sys.executable, "-m", "mcpump", "run", str(DECKS / "junction.toml"), "--walkers", str(walkers)]
    command = [
        MPIRUN,
        "-n",
        str(ranks),
        *program,
        "--threads",
        "1",
        "-o",
        str(file),
        "--overwrite",
        "--quiet",
    ]

    def measure() -> float:
        subprocess.run(command, check=True, capture_output=True)
        return float(results.read(file).provenance["wall_time_s"])

    return measure


def together(sizes: Sizes, folder: Path) -> Section:
    """The main job on threads and ranks."""
    counts = [n for n in (1, 2, 4, 8, 16) if n <= max(2, cores())]
    measures = {f"{n} threads": whole_run(sizes.whole, n) for n in counts}
    if MPIRUN:
        measures |= {f"{n} ranks": ranks_run(sizes.whole, n, folder) for n in counts}
    found = in_turn(measures, min(sizes.repeats, 3) if len(counts) > 2 else sizes.repeats)
    lines = []
    for name, seconds in found.items():
        one = found[f"1 {name.split()[1]}"]
        gain = ratios(one, seconds)
        lines.append((name, sizes.whole / middle(seconds), middle(gain), spread(gain)))
    text = f"### Threads and ranks\n\nThe main job, {sizes.whole} walkers, wall time of the walk.\n\n"
    if not MPIRUN:
        text += "Ranks are left out: there is no mpirun here (mcpump[mpich]).\n\n"
    return Section([], text + table(["", "walkers/s", "over 1", "range"], lines))


def growth(sizes: Sizes) -> Section:
    """The main job with more walkers, and with more cells."""
    walkers = [sizes.walkers * 2**k for k in (0, 1, 3)][: 3 if sizes.repeats > 1 else 2]
    measures = {(80, n): cost(80, n) for n in walkers}
    measures |= {(cells, sizes.walkers): cost(cells, sizes.walkers) for cells in (20, 320, 1280, 5120)}
    found = in_turn(measures, min(sizes.repeats, 3))
    lines = [
        (f"{cells} cells, {n} walkers", middle(seconds), 1e6 * middle(seconds) / n)
        for (cells, n), seconds in found.items()
    ]
    text = "### Walkers and cells\n\nThe main job, one thread, CPU time of whole runs with their books.\n\n"
    return Section([], text + table(["", "s", "µs per walker"], lines))


def cost(cells: int, walkers: int) -> Callable[[], float]:
    """A call that measures the CPU seconds of a whole run."""
    problem = deck_problem("junction", f"run.walkers={walkers}", f"sample.x.cells={cells}")

    def measure() -> float:
        began = time.process_time()
        simulate.run(problem, 1)
        return time.process_time() - began

    return measure
