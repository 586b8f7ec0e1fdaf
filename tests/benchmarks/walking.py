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
from mcpump.problem.reduce import make_problem
from mcpump.problem.scene import Problem, Scene
from mcpump.tally.tally import Tally
from mcpump.textures.shapes import ENVELOPE_CONSTANT
from mcpump.walk.blocks import ground_of
from mcpump.walk.emission import births
from mcpump.walk.fast import NO_FLIGHTS, PULSE_TRACE, pulse_tallies, row_tallies, slab_of
from mcpump.walk.first_flight import first_flights
from mcpump.walk.layout import BlockSums
from mcpump.walk.philox import key
from mcpump.walk.pulse import walk_pulse
from mcpump.walk.spin import SIZES
from mcpump.walk.walk import walk_block

HERE = Path(__file__).resolve().parent
DECKS = HERE.parents[1] / "run"


def deck_problem(name: str, *overrides: str) -> Problem:
    """A deck of run/ made ready, with keys replaced."""
    return make_problem(read_deck(DECKS / f"{name}.toml", overrides))


def bare() -> Scene:
    """The C program's slab: births even over it, no planes, next to no scores."""
    scene = deck_problem("junction").scene
    assert scene.lanes is not None
    lanes = scene.lanes._replace(envelope=ENVELOPE_CONSTANT, score_interval=64)
    return scene._replace(lanes=lanes, harmonics=0, planes=())


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


def _start(scene: Scene) -> tuple[Any, ...]:
    """What both kernels of the fast walk begin with."""
    return slab_of(scene), np.array(scene.planes, dtype=np.float64), *key(scene.seed), *births(scene)


def diffusive(scene: Scene, blocks: int) -> Callable[[], list[tuple[float, int]]]:
    """A call that walks blocks of the diffusive part: CPU seconds and flights of each."""
    start, tallies = _start(scene), row_tallies(scene)

    def walk() -> list[tuple[float, int]]:
        found = []
        for block in range(blocks):
            began = time.thread_time()
            flights = int(walk_block(*start, block, *tallies, -1, NO_FLIGHTS)[0])
            found.append((time.thread_time() - began, flights))
        return found

    return walk


def pulse(scene: Scene, blocks: int) -> Callable[[], list[tuple[float, int]]]:
    """A call that walks blocks of a pulse: CPU seconds and flights of each."""
    slab, tallies = slab_of(scene), pulse_tallies(scene)

    def walk() -> list[tuple[float, int]]:
        found = []
        for block in range(blocks):
            began = time.thread_time()
            flights = int(walk_pulse(slab, *key(scene.seed), block, *tallies, -1, PULSE_TRACE)[0])
            found.append((time.thread_time() - began, flights))
        return found

    return walk


def per_flight(scene: Scene, walkers: int) -> Callable[[], float]:
    """A call that measures nanoseconds per flight of the diffusive part."""
    walk = diffusive(scene, max(1, walkers // scene.walkers_per_block))

    def measure() -> float:
        seconds, flights = map(sum, zip(*walk(), strict=True))
        return 1e9 * seconds / flights

    return measure


def per_pair(scene: Scene, walkers: int) -> Callable[[], float]:
    """A call that measures nanoseconds per pair of first flights, all scores included."""
    size, start = SIZES[scene.harmonics], _start(scene)
    tallies = np.zeros((scene.cells[0], 3 * size)), np.zeros((len(scene.planes), size))
    blocks = max(1, walkers // scene.walkers_per_block)

    def measure() -> float:
        began = time.thread_time()
        for block in range(blocks):
            first_flights(*start, block, *tallies)
        pairs = blocks * (scene.walkers_per_block // 2) * scene.first_flights
        return 1e9 * (time.thread_time() - began) / pairs

    return measure


def sampler(problem: Problem, blocks: int, pick: Callable[[BlockSums], Any]) -> Callable[[], Sample]:
    """A call that walks more blocks, each time others, books them as a run does, and keeps what `pick` wants."""
    ground, books = ground_of(problem), Tally(problem.scene, ground_of(problem).exponents)
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
        walkers = blocks * problem.scene.walkers_per_block
        return Sample(np.array(values, dtype=float).reshape(blocks, -1), seconds, flights, walkers)

    return walk
