"""The plane pulse of run/azurv1.toml in 201 × 20 cells: mcpump, the C program, exact marching, and the peers.

Collisions/s are those of the walk, flights over CPU seconds, with every collision scored. Figures of merit are
1/(relative variance × CPU time) with everything that mcpump does for the density, first flights included; a ratio of two
is the median over the cells that at least 400 walkers reach on average, of variances from the spread of blocks.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from marching import march
from numpy.typing import NDArray
from peers import PEERS, peer
from rows import Section, Sizes, Target, at_least, in_turn, middle, not_here, number, ratios, table
from walking import compile_c, deck_problem, pulse, run_c

from mcpump.walk.arithmetic import key
from mcpump.walk.blocks import ground_of
from mcpump.walk.layout import BlockSums

CELLS, BINS, END, LENGTH = 201, 20, 20.0, 40.2
FREQUENT = 400.0
Z = 2


class Merit(NamedTuple):
    """What a walk of some walkers gave: the density's mean and relative variance × CPU seconds, cell by cell."""

    mean: NDArray[np.float64]
    """Track length per walker in every cell and bin, (cells, bins)."""
    badness: NDArray[np.float64]
    per_second: float
    """Histories per CPU second."""


def merit(tables: list[NDArray[np.float64]], seconds: float, walkers: int) -> Merit:
    """Judge the tables of some blocks, walked in some seconds."""
    values = np.array(tables)
    mean = values.mean(axis=0)
    variance = values.var(axis=0, ddof=1) / len(values)
    with np.errstate(divide="ignore", invalid="ignore"):
        return Merit(mean, variance / mean**2 * seconds, walkers / seconds)


def lanes_merit(blocks: int) -> Callable[[], Merit]:
    """A call that walks mcpump's pulse, local and diffusive part."""
    problem = deck_problem("azurv1")
    ground, block = ground_of(problem), problem.scene.walkers_per_block
    scale = LENGTH / CELLS * END / BINS

    def tell(sums: BlockSums) -> NDArray[np.float64]:
        return (sums.profiles[0, :, Z] + sums.profiles[2, :, Z]).reshape(CELLS, BINS) * scale

    def measure() -> Merit:
        began = time.thread_time()
        tables = [tell(ground.walk(i)) for i in range(blocks)]
        return merit(tables, time.thread_time() - began, blocks * block)

    return measure


def marching_merit(blocks: int, block: int) -> Callable[[], Merit]:
    """A call that marches as many walkers."""

    def measure() -> Merit:
        tables = [np.zeros((CELLS, BINS)) for _ in range(blocks)]
        began = time.thread_time()
        for i, tally in enumerate(tables):
            march(i * block, block, *key(1), LENGTH, END, tally)
        return merit(tables, time.thread_time() - began, blocks * block)

    return measure


def better(one: Merit, other: Merit, walkers: float) -> float:
    """Ratio of the figures of merit, median over the cells that enough walkers reach on average."""
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = other.badness / one.badness
    frequent = (one.mean * walkers >= FREQUENT) & np.isfinite(ratio) & (ratio > 0.0)
    return float(np.median(ratio[frequent]))


def azurv1(sizes: Sizes, folder: Path, pythons: dict[str, str]) -> Section:
    """Measure the pulse."""
    scene = deck_problem("azurv1").scene
    block, blocks = scene.walkers_per_block, max(sizes.blocks // 2, 16)
    walkers = blocks * block
    walk, program = pulse(scene, blocks), compile_c(folder)
    measures: dict[str, Callable[[], float]] = {"lanes": lambda: per_second(walk())}
    if program:
        measures["C"] = lambda: 1e9 / run_c(program, "azurv1", walkers)["ns_per_flight"]
    speeds = in_turn(measures, sizes.repeats)
    merits = in_turn({"lanes": lanes_merit(blocks), "march": marching_merit(blocks, block)}, sizes.repeats)
    gains = [better(a, b, walkers) for a, b in zip(merits["lanes"], merits["march"], strict=True)]
    rates = {name: middle([one.per_second for one in found]) for name, found in merits.items()}
    lines: list[tuple[object, ...]] = [
        ("mcpump, the walk in lanes", middle(speeds["lanes"]), "–", "–"),
        ("mcpump, whole blocks", "–", rates["lanes"], 1.0),
        ("exact marching, scalar numba", rates["march"] * 21.0, rates["march"], 1.0 / middle(gains)),
    ]
    targets = []
    name = "bare walk, azurv1: collisions/s over the scalar C program's"
    if program:
        lines.insert(0, ("scalar C program", middle(speeds["C"]), middle(speeds["C"]) / 21.0, "–"))
        targets.append(at_least(name, 5.0, ratios(speeds["lanes"], speeds["C"])))
    else:
        targets.append(not_here(name, "≥ 5", "no C compiler here (cc, gcc or clang)"))
    targets.append(at_least("azurv1: figure of merit over exact marching's", 5.0, gains))
    for which in PEERS:
        target, line = beside_peer(which, sizes, folder, pythons, merits["lanes"][-1], walkers)
        targets.append(target)
        lines.append(line)
    head = ["azurv1, one core", "flights/s", "histories/s", "figure of merit, mcpump = 1"]
    return Section(targets, "### The plane pulse\n\n" + table(head, lines))


def per_second(walked: list[tuple[float, int]]) -> float:
    """Flights per CPU second."""
    seconds, flights = map(sum, zip(*walked, strict=True))
    return flights / seconds


def beside_peer(
    which: str, sizes: Sizes, folder: Path, pythons: dict[str, str], lanes: Merit, walkers: int
) -> tuple[Target, tuple[object, ...]]:
    """A peer's row among the targets, and in the table."""
    wanted, elsewhere = PEERS[which].target, PEERS[which].elsewhere
    name = f"azurv1: figure of merit over {which}'s"
    found = peer(which, sizes, folder, pythons.get(which, ""))
    if isinstance(found, str):
        told = f"{found}; elsewhere {number(elsewhere)} histories per CPU second"
        return not_here(name, f"≥ {number(wanted)}", told), (
            f"{which}, measured elsewhere",
            elsewhere * 21.0,
            elsewhere,
            "–",
        )
    theirs = Merit(found.mean, found.relative_variance * found.seconds, found.histories / found.seconds)
    gain = better(theirs, lanes, min(walkers, found.histories))
    row = (f"{which} {found.version}", theirs.per_second * 21.0, theirs.per_second, gain)
    return at_least(name, wanted, [1.0 / gain]), row
