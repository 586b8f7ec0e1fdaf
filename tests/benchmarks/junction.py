"""The junction: the main job, the local current at every ℓ/λ, `exact` against `first` + `second`, and memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rows import (
    Sample,
    Section,
    Sizes,
    Target,
    at_most,
    cpu,
    in_turn,
    joined,
    middle,
    ratios,
    spread,
    table,
)
from walking import DECKS, bare, compile_c, deck_problem, per_flight, planned, run_c, sampler

from mcpump.walk.blocks import ground_of, groundwork_of
from mcpump.walk.layout import BlockSums

INTERFACE = 1
"""Number of the interface among the deck's planes."""
DC_Z, FIRST_AC, SUM_AC = 9 + 2, slice(3, 9), slice(18 + 3, 27)
"""Places of amplitudes: second DC z, first at the drive's frequency, and the sum of both there."""
FREE_PATHS = {1.0: "3 nm", 0.1: "0.3 nm", 0.01: "0.03 nm", 0.001: "0.003 nm"}
"""ℓ/λ and the free path that makes it, λ = 3 nm."""
SMALL_PARENT = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""
"""Runs a command and prints its largest resident memory."""


def interface_currents(sums: BlockSums) -> NDArray[np.float64]:
    """DC current along z and AC currents at the interface, (local, total) × (DC z, six of the sum's)."""
    local, diffusive = sums.passages[:, INTERFACE]
    return np.array([[at[DC_Z], *at[SUM_AC]] for at in (local, local + diffusive)])


def of_largest(sample: Sample, which: slice) -> tuple[float, float]:
    """Error and cost to 1 % of the largest of some values."""
    largest = int(np.argmax(np.abs(sample.values[:, which].mean(axis=0))))
    return float(sample.error[which][largest]), float(sample.cost()[which][largest])


def main_job(sizes: Sizes) -> Section:
    """Time to 1 % on the currents at the interface, all tallies on."""
    problem = deck_problem("junction")
    walk = sampler(problem, sizes.blocks, interface_currents)
    walk()
    ground = cpu(lambda: groundwork_of(problem))
    samples = [walk() for _ in range(sizes.repeats)]
    whole = joined(samples)
    costs = {name: [of_largest(one, at)[1] for one in samples] for name, at in PARTS.items()}
    lines = [
        (
            name,
            of_largest(whole, at)[1],
            spread(costs[name]),
            of_largest(whole, at)[0] * np.sqrt(whole.walkers),
        )
        for name, at in PARTS.items()
    ]
    worst = [ground + max(pair) for pair in zip(costs["DC z, total"], costs["AC, total"], strict=True)]
    target = at_most(
        "junction, main job: walking to 1 % on DC and AC currents at the interface", 5.0, worst, " s"
    )
    head = ["current at the interface", "s to 1 %, one core", "range", "relative error × √walkers"]
    rate = f"{whole.walkers / whole.seconds:,.0f} walkers/s, {1e9 * whole.seconds / whole.flights:.1f} ns a flight"
    text = f"### The main job\n\nrun/junction.toml as shipped, {rate} with all tallies; "
    text += f"first flights without walkers take {ground:.2g} s once.\n\n"
    return Section([target], text + table(head, lines))


PARTS = {
    "DC z, total": slice(7, 8),
    "AC, total": slice(8, 14),
}


def local_current(sizes: Sizes) -> Section:
    """Time and numerical error of the local current at the interface, as ℓ/λ gets small."""
    lines, errors, times = [], [], []
    for ratio, path in FREE_PATHS.items():
        problem = deck_problem("junction", f'electrons.mean_free_path="{path}"')
        seconds = [cpu(partial(groundwork_of, problem)) for _ in range(sizes.repeats)]
        known = groundwork_of(problem).known
        assert known is not None
        value, *others = (sums.passages[0, INTERFACE] for sums in known.rows)
        error = np.sqrt(sum(other**2 for other in others))
        relative = [error[at].max() / np.abs(value[at]).max() for at in (slice(DC_Z, DC_Z + 1), FIRST_AC)]
        lines.append((f"{ratio:g}", middle(seconds), spread(seconds), *relative))
        errors.append(max(relative))
        times.append(middle(seconds))
    targets = [
        at_most(
            "local current at the interface: numerical error, the largest of ℓ/λ = 1 … 1e-3",
            1e-3,
            [max(errors)],
        ),
        at_most("local current at the interface: time, the slowest ℓ/λ", 5.0, [max(times)], " s"),
    ]
    head = ["ℓ/λ", "s, one core", "range", "relative error, DC z", "AC"]
    text = (
        "### Local current at the interface\n\nrun/junction.toml with the free path made shorter: first flights without "
        "walkers, and what walkers are born from. `second` DC z, and the largest of `first` at the drive's frequency.\n\n"
    )
    return Section(targets, text + table(head, lines))


def exact_channel(sizes: Sizes) -> Section:
    """Time per flight of `exact` against `first` + `second`, both in the general walk."""
    both = {"first + second": '["first", "second"]', "exact": '["exact"]', "all four": None}
    measures = {}
    for name, channels in both.items():
        asked = [f"results.channels={channels}"] if channels else []
        measures[name] = scene_per_flight("exact", asked, sizes)
    found = in_turn(measures, sizes.repeats)
    times = ratios(found["exact"], found["first + second"])
    lines = [
        (name, 1e9 * middle(values), spread([1e9 * value for value in values]))
        for name, values in found.items()
    ]
    text = "### Channels of the general walk\n\nrun/exact.toml, one core, whole blocks.\n\n"
    target = at_most("`exact`: time per flight over that of `first` + `second`", 3.0, times)
    return Section([target], text + table(["channels", "ns per flight", "range"], lines))


def scene_per_flight(deck: str, overrides: list[str], sizes: Sizes) -> Callable[[], float]:
    """A call that measures seconds per flight of the general walk."""
    wanted = ['run.walk="general"', "run.walkers_per_block=512", *overrides]
    ground = ground_of(deck_problem(deck, *wanted))
    blocks = max(1, sizes.walkers // 8192)
    walked = [0]

    def measure() -> float:
        flights = [0]

        def walk() -> None:
            flights[0] = sum(ground.walk(walked[0] + block).flights for block in range(blocks))

        seconds = cpu(walk)
        walked[0] += blocks
        return seconds / flights[0]

    return measure


def memory(sizes: Sizes, folder: Path) -> Section:
    """Largest memory of a process that walks the main job, by walkers and cells."""
    lines: list[tuple[object, ...]] = []
    kept = []
    peak_megabytes(folder, 80, sizes.walkers)  # the kernels are in the cache afterwards
    for cells, walkers in (
        (80, sizes.whole // 4),
        (80, sizes.whole),
        (800, sizes.whole // 4),
        (8000, sizes.walkers),
    ):
        if sizes.repeats == 1 and cells > 80:
            continue
        kept.append(peak_megabytes(folder, cells, walkers))
        lines.append((f"{cells} cells, {walkers} walkers", kept[-1]))
    target = at_most("memory per walking rank, main job", 300.0, [max(kept[:2])], " MB")
    text = "### Memory\n\nLargest resident memory of `mcpump run junction.toml`, one thread, kernels from the cache.\n\n"
    return Section([target], text + table(["main job", "MB"], lines))


def peak_megabytes(folder: Path, cells: int, walkers: int) -> float:
    """Largest resident memory of a process that runs the main job."""
    asked = ["--set", f"sample.x.cells={cells}", "--walkers", str(walkers), "--threads", "1"]
    out = ["-o", str(folder / "memory.h5"), "--overwrite", "--quiet"]
    command = [sys.executable, "-m", "mcpump", "run", str(DECKS / "junction.toml"), *asked, *out]
    # started by a small process: what a child uses counts as at least what its parent did
    small = [sys.executable, "-c", SMALL_PARENT, *command]
    peak = int(subprocess.run(small, capture_output=True, text=True, check=True).stdout)
    return peak * (1e-6 if sys.platform == "darwin" else 1024e-6)


def flights(sizes: Sizes, folder: Path) -> Section:
    """Where a flight's time goes, by elimination, and the slab of the C program."""
    problem = deck_problem("junction")
    whole = planned(problem)
    measures = {
        "bare walk of a slab": per_flight(bare(), sizes.walkers),
        "+ births of two channels": per_flight(planned(problem, planes=(), score_interval=64), sizes.walkers),
        "+ three planes": per_flight(planned(problem, score_interval=64), sizes.walkers),
        f"+ one flight in {whole.numbers.score_interval} scored: the junction deck": per_flight(
            whole, sizes.walkers
        ),
    }
    program = compile_c(folder)
    if program:
        measures["the slab in scalar C"] = lambda: run_c(program, "slab", sizes.walkers)["ns_per_flight"]
    found = in_turn(measures, sizes.repeats)
    lines = [(name, middle(values), spread(values)) for name, values in found.items()]
    text = "### Where the time goes\n\nBy elimination, walkers of run/junction.toml, one core.\n\n"
    text += table(["", "ns per flight", "range"], lines)
    targets: list[Target] = []
    return Section(targets, text)
