"""Walks of parts of a problem, timed: the C program, the kernels alone, and blocks with what they tell."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from rows import Sample

from mcpump.deck.read import read_deck
from mcpump.names import LINES
from mcpump.problem.reduce import make_problem
from mcpump.problem.scene import Model, Problem
from mcpump.tally.tally import Tally
from mcpump.textures.shapes import ENVELOPE_CONSTANT
from mcpump.walk.blocks import NO_FLIGHTS, PULSE_TRACE, BlockSums, ground_of, pulse_tallies
from mcpump.walk.emission import births
from mcpump.walk.first_flight import first_flights
from mcpump.walk.philox import key
from mcpump.walk.pulse import walk_pulse
from mcpump.walk.spin import SIZES
from mcpump.walk.walk import walk_block

HERE = Path(__file__).resolve().parent
DECKS = HERE.parents[1] / "run"


def deck_problem(name: str, *overrides: str) -> Problem:
    """A deck of run/ made ready, with keys replaced."""
    return make_problem(read_deck(DECKS / f"{name}.toml", overrides))


def bare() -> Model:
    """Model of the C program's slab: births even over it, no planes, next to no scores."""
    model = deck_problem("junction").model
    assert isinstance(model, Model)
    return model._replace(envelope=ENVELOPE_CONSTANT, harmonics=0, planes=(), score_interval=64)


def compile_c(folder: Path) -> Path | None:
    """Compile the C program; None where there is no C compiler."""
    compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
    if compiler is None:
        return None
    program = folder / "bare_walk"
    options = ["-O3", "-march=native", "-ffast-math"]
    subprocess.run([compiler, *options, "-o", program, HERE / "bare_walk.c", "-lm"], check=True)
    return program


def run_c(program: Path, walk: str, walkers: int, seed: int = 1) -> dict[str, float]:
    """Run the C program; what it prints, by name."""
    arguments = [str(program), walk, str(walkers), str(seed)]
    words = subprocess.run(arguments, capture_output=True, text=True, check=True).stdout.split()
    return {name: float(value) for name, value in zip(words[::2], words[1::2], strict=True)}


def _start(model: Model) -> tuple[Any, ...]:
    """What both kernels of the fast walk begin with."""
    planes = np.array(model.planes, dtype=np.float64)
    return model._replace(planes=(), seed=0), planes, *key(model.seed), *births(model)


def diffusive(model: Model, blocks: int) -> Callable[[], list[tuple[float, int]]]:
    """A call that walks blocks of the diffusive part: CPU seconds and flights of each."""
    size, start = SIZES[model.harmonics], _start(model)
    planes = len(model.planes)
    shapes = (model.cells, 2 * size), (model.cells + 1, 2 * size), (planes, size), (len(LINES), size)
    tallies = [np.zeros(shape) for shape in shapes]

    def walk() -> list[tuple[float, int]]:
        found = []
        for block in range(blocks):
            began = time.thread_time()
            flights = int(walk_block(*start, block, *tallies, -1, NO_FLIGHTS)[0])
            found.append((time.thread_time() - began, flights))
        return found

    return walk


def pulse(model: Model, blocks: int) -> Callable[[], list[tuple[float, int]]]:
    """A call that walks blocks of a pulse: CPU seconds and flights of each."""
    plain, tallies = model._replace(planes=(), seed=0), pulse_tallies(model)

    def walk() -> list[tuple[float, int]]:
        found = []
        for block in range(blocks):
            began = time.thread_time()
            flights = int(walk_pulse(plain, *key(model.seed), block, *tallies, -1, PULSE_TRACE)[0])
            found.append((time.thread_time() - began, flights))
        return found

    return walk


def per_flight(model: Model, walkers: int) -> Callable[[], float]:
    """A call that measures nanoseconds per flight of the diffusive part."""
    walk = diffusive(model, max(1, walkers // model.walkers_per_block))

    def measure() -> float:
        seconds, flights = map(sum, zip(*walk(), strict=True))
        return 1e9 * seconds / flights

    return measure


def per_pair(model: Model, walkers: int) -> Callable[[], float]:
    """A call that measures nanoseconds per pair of first flights, all scores included."""
    size, start = SIZES[model.harmonics], _start(model)
    tallies = np.zeros((model.cells, 3 * size)), np.zeros((len(model.planes), size))
    blocks = max(1, walkers // model.walkers_per_block)

    def measure() -> float:
        began = time.thread_time()
        for block in range(blocks):
            first_flights(*start, block, *tallies)
        pairs = blocks * (model.walkers_per_block // 2) * model.first_flights
        return 1e9 * (time.thread_time() - began) / pairs

    return measure


def sampler(problem: Problem, blocks: int, pick: Callable[[BlockSums], Any]) -> Callable[[], Sample]:
    """A call that walks more blocks, each time others, books them as a run does, and keeps what `pick` wants."""
    ground, books = ground_of(problem), Tally(problem.model, ground_of(problem).exponents)
    walked = [0]

    def walk() -> Sample:
        values, flights, began = [], 0, time.thread_time()
        for block in range(walked[0], walked[0] + blocks):
            sums = ground.walk(block)
            books.add(block, sums)
            flights += sums.flights
            values.append(pick(sums))
        seconds = time.thread_time() - began
        walked[0] += blocks
        walkers = blocks * problem.model.walkers_per_block
        return Sample(np.array(values, dtype=float).reshape(blocks, -1), seconds, flights, walkers)

    return walk
