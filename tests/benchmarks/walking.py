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
from mcpump.walk.arithmetic import key
from mcpump.walk.blocks import ground_of, groundwork_of
from mcpump.walk.lane_block import walk_plan
from mcpump.walk.layout import GOES_ON, BlockSums
from mcpump.walk.plan import Plan, plan_of
from mcpump.walk.pulse_block import PULSE_TRACE, pulse_course, pulse_spins, pulse_tallies
from mcpump.walk.source import Source
from mcpump.walk.state import new_walkers
from mcpump.walk.walkers import walk_in_lanes

HERE = Path(__file__).resolve().parent
DECKS = HERE.parents[1] / "run"


def deck_problem(name: str, *overrides: str) -> Problem:
    """A deck of run/ made ready, with keys replaced."""
    return make_problem(read_deck(DECKS / f"{name}.toml", overrides))


def bare() -> Plan:
    """The C program's slab: births even over it, one number a walker, no planes, next to no scores."""
    problem = deck_problem("junction")
    scene = problem.scene._replace(
        slots=(0, -1, -1, -1), harmonics=0, planes=(), score_interval=64, jump=0.0, from_collisions=True
    )
    place = np.array([[0.0, scene.lengths[0], 0.0, 1.0, 0.0, 1.0]])
    return plan_of(problem._replace(scene=scene), Source(place, np.zeros(1), np.zeros(1), np.ones((1, 2, 1))))


def planned(problem: Problem, **changes: Any) -> Plan:
    """Plan of a problem's walk, with fields of its scene replaced."""
    changed = problem._replace(scene=problem.scene._replace(**changes))
    source = groundwork_of(changed).source
    assert source is not None
    return plan_of(changed, source)


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


def in_lanes(plan: Plan, blocks: int) -> Callable[[], list[tuple[float, int]]]:
    """A call that walks blocks in lanes: CPU seconds and flights of each."""

    def walk() -> list[tuple[float, int]]:
        found = []
        for block in range(blocks):
            began = time.thread_time()
            flights = walk_plan(plan, block)[1]
            found.append((time.thread_time() - began, flights))
        return found

    return walk


def pulse(scene: Scene, blocks: int) -> Callable[[], list[tuple[float, int]]]:
    """A call that walks blocks of a pulse, without first flights of the local part: CPU seconds and flights of each."""
    tallies = pulse_tallies(scene)
    start = *pulse_course(scene), new_walkers(), pulse_spins(scene), tallies, key(scene.seed), GOES_ON

    def walk() -> list[tuple[float, int]]:
        found = []
        for block in range(blocks):
            began = time.thread_time()
            flights = int(walk_in_lanes(*start, block, -1, PULSE_TRACE)[0])
            found.append((time.thread_time() - began, flights))
        return found

    return walk


def per_flight(plan: Plan, walkers: int) -> Callable[[], float]:
    """A call that measures nanoseconds per flight."""
    walk = in_lanes(plan, max(1, walkers // plan.scene.walkers_per_block))

    def measure() -> float:
        seconds, flights = map(sum, zip(*walk(), strict=True))
        return 1e9 * seconds / flights

    return measure


def sampler(problem: Problem, blocks: int, pick: Callable[[BlockSums], Any]) -> Callable[[], Sample]:
    """A call that walks more blocks, each time others, books them as a run does, and keeps what `pick` wants.

    What passes planes is told with what is known of it without walkers.
    """
    ground = ground_of(problem)
    books = Tally(problem.scene, ground.exponents)
    known = 0.0 if ground.known is None else ground.known.value.passages
    walked = [0]

    def walk() -> Sample:
        values, flights, began = [], 0, time.thread_time()
        for block in range(walked[0], walked[0] + blocks):
            sums = ground.walk(block)
            books.add(block, sums)
            flights += sums.flights
            values.append(pick(sums._replace(passages=sums.passages + known)))
        seconds = time.thread_time() - began
        walked[0] += blocks
        walkers = blocks * problem.scene.walkers_per_block
        return Sample(np.array(values, dtype=float).reshape(blocks, -1), seconds, flights, walkers)

    return walk
