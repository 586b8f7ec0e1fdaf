"""How fast mcpump is: `python tests/benchmarks/speed.py [--repeats N] [--walkers N]` prints a table.

Every repeat takes all measurements in turn, every other one backwards, and a ratio is the median over repeats of
the ratio within one: drift of a shared machine falls out of ratios. Walks on one core are timed in CPU time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
MPIRUN = shutil.which("mpirun", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}") or ""
WHOLE = 16
"""Whole runs take so many times the walkers of the other rows."""
DECK = HERE.parents[1] / "run" / "junction.toml"
FIRST_BLOCK = """
import sys, time
began = time.perf_counter()
from mcpump import simulate
from mcpump.deck import read_deck
from mcpump.emission import births
from mcpump.problem import make_problem
from mcpump.blocks import walk_one_block
problem = make_problem(read_deck(sys.argv[1]))
born = births(problem.model)
ready = time.perf_counter()
walk_one_block(problem.model, born, problem.exchange, 0)
print(ready - began, time.perf_counter() - ready)
"""


def compile_c(folder: Path) -> Path | None:
    """Compile the C program; None where there is no C compiler."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        return None
    program = folder / "bare_walk"
    options = ["-O3", "-march=native", "-ffast-math"]
    subprocess.run([compiler, *options, "-o", program, HERE / "bare_walk.c", "-lm"], check=True)
    return program


def run_c(program: Path, walkers: int, seed: int = 1) -> dict[str, float]:
    """Run the C program; what it prints, by name."""
    arguments = [str(program), str(walkers), str(seed)]
    words = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.split()
    return {name: float(value) for name, value in zip(words[::2], words[1::2], strict=True)}


def first_block() -> tuple[float, float]:
    """Seconds to import mcpump and read a deck, and to walk the first block, in a new process."""
    command = [sys.executable, "-c", FIRST_BLOCK, str(DECK)]
    ready, walked = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return float(ready), float(walked)


def version() -> float:
    """Seconds that `mcpump --version` takes."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", "mcpump", "--version"], capture_output=True, check=True)
    return time.perf_counter() - began


def junction():  # type: ignore[no-untyped-def]
    """The junction deck as shipped, made ready to run."""
    from mcpump.deck import read_deck
    from mcpump.problem import make_problem

    return make_problem(read_deck(DECK))


def bare():  # type: ignore[no-untyped-def]
    """Model of the C program's walk: births even over the slab, no planes, next to no scores."""
    from mcpump.textures import ENVELOPE_CONSTANT

    return junction().model._replace(envelope=ENVELOPE_CONSTANT, harmonics=0, planes=(), score_interval=64)


def diffusive(model, blocks: int) -> Callable[[], list[tuple[float, int]]]:  # type: ignore[no-untyped-def]
    """A call that walks blocks of the diffusive part: CPU seconds and flights of each."""
    import numpy as np

    from mcpump.blocks import NO_FLIGHTS
    from mcpump.emission import births
    from mcpump.estimates import LINES
    from mcpump.philox import key
    from mcpump.spin import SIZES
    from mcpump.walk import walk_block

    size, planes = SIZES[model.harmonics], np.array(model.planes, dtype=np.float64)
    start = model._replace(planes=(), seed=0), planes, *key(model.seed), *births(model)
    shapes = (model.cells, 2 * size), (model.cells + 1, 2 * size), (len(planes), size), (len(LINES), size)
    tallies = [np.zeros(shape) for shape in shapes]

    def walk() -> list[tuple[float, int]]:
        found = []
        for block in range(blocks):
            began = time.thread_time()
            flights = int(walk_block(*start, block, *tallies, -1, NO_FLIGHTS)[0])
            found.append((time.thread_time() - began, flights))
        return found

    return walk


def per_flight(model, blocks: int) -> Callable[[], float]:  # type: ignore[no-untyped-def]
    """A call that measures nanoseconds per flight of the diffusive part."""
    walk = diffusive(model, blocks)

    def measure() -> float:
        seconds, flights = map(sum, zip(*walk(), strict=True))
        return 1e9 * seconds / flights

    return measure


def per_pair(model, blocks: int) -> Callable[[], float]:  # type: ignore[no-untyped-def]
    """A call that measures nanoseconds per pair of first flights, all scores included."""
    import numpy as np

    from mcpump.emission import births
    from mcpump.first_flight import first_flights
    from mcpump.philox import key
    from mcpump.spin import SIZES

    size, planes = SIZES[model.harmonics], np.array(model.planes, dtype=np.float64)
    start = model._replace(planes=(), seed=0), planes, *key(model.seed), *births(model)
    tallies = np.zeros((model.cells, 3 * size)), np.zeros((len(planes), size))

    def measure() -> float:
        began = time.thread_time()
        for block in range(blocks):
            first_flights(*start, block, *tallies)
        pairs = blocks * (model.walkers_per_block // 2) * model.first_flights
        return 1e9 * (time.thread_time() - began) / pairs

    return measure


def whole_run(walkers: int, threads: int) -> Callable[[], float]:
    """A call that measures walkers per second (of wall time) of a whole run."""
    from mcpump import simulate

    problem = junction()._replace(walkers=walkers)

    def measure() -> float:
        began = time.perf_counter()
        result = simulate.run(problem, threads)
        return result.walkers / (time.perf_counter() - began)

    return measure


def ranks_run(walkers: int, ranks: int, folder: Path) -> Callable[[], float]:
    """A call that measures walkers per second (of the walk's wall time) under mpirun, one thread a rank."""
    from mcpump import results

    file = folder / "ranks.h5"
    program = [sys.executable, "-m", "mcpump", "run", str(DECK), "--walkers", str(walkers), "--threads", "1"]
    command = [MPIRUN, "-n", str(ranks), *program, "-o", str(file), "--overwrite", "--quiet"]

    def measure() -> float:
        subprocess.run(command, check=True)
        result = results.read(file)
        return float(result.walkers / result.provenance["wall_time_s"])

    return measure


def row(name: str, unit: str, values: Sequence[float]) -> None:
    """Print the median and the range of some values."""
    numbers = statistics.median(values), min(values), max(values)
    print(f"{name:<46}{unit:<12}" + "".join(f"{number:>11.4g}" for number in numbers), flush=True)


def starts(repeats: int) -> None:
    """Measure compilation, in an empty cache folder, and starts with a full one."""
    _, compiling = first_block()
    cached = [first_block() for _ in range(repeats)]
    ready, walked = zip(*cached, strict=True)
    row("compile the kernels (once)", "s", [compiling - statistics.median(walked)])
    row("start: mcpump --version", "s", [version() for _ in range(repeats)])
    row("start: import, read the deck", "s", ready)
    row("start: load the kernels, walk a block", "s", walked)


def walks(repeats: int, walkers: int, folder: Path) -> None:
    """Measure the walks in turn."""
    model = junction().model
    blocks = max(1, walkers // model.walkers_per_block)
    program = compile_c(folder)
    measures = {
        "bare": per_flight(bare(), blocks),
        "tallies": per_flight(model, blocks),
        "pairs": per_pair(model, blocks),
        "one": whole_run(WHOLE * walkers, 1),
        "two": whole_run(WHOLE * walkers, 2),
    }
    if MPIRUN:
        measures |= {f"rank{n}": ranks_run(WHOLE * walkers, n, folder) for n in (1, 2)}
    if program:
        measures["C"] = lambda: run_c(program, walkers)["ns_per_flight"]
    for measure in measures.values():
        measure()
    found: dict[str, list[float]] = {name: [] for name in measures}
    for repeat in range(repeats):
        for name in list(measures)[:: 1 if repeat % 2 else -1]:
            found[name].append(measures[name]())

    def ratio(over: str, under: str) -> list[float]:
        return [a / b for a, b in zip(found[over], found[under], strict=True)]

    if program:
        row("bare walk, scalar C", "ns/flight", found["C"])
    else:
        print("bare walk, scalar C: skipped, there is no C compiler here (cc, gcc or clang)")
    row("bare walk, lanes", "ns/flight", found["bare"])
    row("junction deck, all tallies", "ns/flight", found["tallies"])
    row("junction deck, first flights", "ns/pair", found["pairs"])
    row("junction deck, whole run, 1 thread", "walkers/s", found["one"])
    row("junction deck, whole run, 2 threads", "walkers/s", found["two"])
    if program:
        row("RATIO lanes / C, time per flight", "", ratio("bare", "C"))
    row("RATIO tallies / bare, time per flight", "", ratio("tallies", "bare"))
    row("RATIO 2 threads / 1, walkers/s", "", ratio("two", "one"))
    if MPIRUN:
        row("RATIO 2 ranks / 1, walkers/s", "", ratio("rank2", "rank1"))
    else:
        print("RATIO 2 ranks / 1: skipped, there is no mpirun here (mcpump[mpich])")


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description="Measure the speed of mcpump.")
    parser.add_argument("--repeats", type=int, default=15, metavar="N", help="repeats (default: 15)")
    parser.add_argument(
        "--walkers", type=int, default=65536, metavar="N", help="walkers a time (default: 65536)"
    )
    options = parser.parse_args()
    # an empty cache of this run's own, for the processes started here and, as it is set before mcpump is
    # imported, for this one
    with tempfile.TemporaryDirectory() as folder:
        os.environ.pop("NUMBA_CACHE_DIR", None)
        os.environ["MCPUMP_CACHE_DIR"] = folder
        print(f"{'':<58}{'median':>11}{'min':>11}{'max':>11}")
        starts(options.repeats)
        walks(options.repeats, options.walkers, Path(folder))


if __name__ == "__main__":
    main()
