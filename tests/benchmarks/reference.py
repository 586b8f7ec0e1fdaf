"""What a reference is worth: variance × time with `run.reference = "auto"` beside "off", and seconds to a small error.

An error σ after a time t costs, to the error asked for, the fixed time and t·(σ_walk/asked)²; what is known without
walkers has an error of its own, told beside it.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from rows import Section, Sizes, in_turn, number, table
from walking import deck_problem

from mcpump.problem.scene import Problem
from mcpump.walk.blocks import ground_of, groundwork_of


class Case(NamedTuple):
    """A deck, and the relative error that is asked for."""

    words: str
    deck: str
    asked: float
    keys: tuple[str, ...] = ()
    channel: str = ""
    """Whose largest amplitudes are told; the last that is walked."""


ELL = {1e-3: "0.003 nm", 1e-2: "0.03 nm", 0.1: "0.3 nm", 1.0: "3 nm", 10.0: "30 nm", 100.0: "300 nm"}
"""Mean free paths of the junction by ℓ/λ."""
CASES = (
    Case("junction", "junction", 1e-4),
    Case("py_pt", "py_pt", 5e-4, channel="exact"),
    Case("exact", "exact", 5e-4, channel="exact"),
    Case("stack", "stack", 5e-4),
    Case("domain_wall", "domain_wall", 1e-3),
    Case("vortex", "vortex", 1e-3),
    Case("skyrmion", "skyrmion", 1e-3),
)


class Taken(NamedTuple):
    """What a walk has found of currents through planes."""

    value: NDArray[np.float64]
    walked: NDArray[np.float64]
    """Standard error times the root of the CPU seconds of walking."""
    known: NDArray[np.float64]
    """Error of what is known without walkers."""
    fixed: float
    """CPU seconds before walkers begin."""


def taken(problem: Problem, seconds: float) -> Taken:
    """Walk for some CPU seconds, 16 blocks at least."""
    began = time.process_time()
    ground = ground_of(problem, groundwork_of(problem))
    fixed = time.process_time() - began
    assert ground.known is not None
    ground.walk(0)  # kernels
    began, found = time.process_time(), []
    while len(found) < 16 or time.process_time() - began < seconds:
        found.append(ground.walk(1 + len(found)).passages)
    spent, walked = time.process_time() - began, np.array(found)
    error = walked.std(axis=0, ddof=1) * math.sqrt(spent / len(walked))
    known = np.sqrt(sum(one.passages**2 for one in ground.known.deviations))
    return Taken(ground.known.value.passages + walked.mean(axis=0), error, known, fixed)


def largest(problem: Problem, channel: str, values: NDArray[np.float64]) -> list[tuple[int, ...]]:
    """Of every plane through which something flows, the largest diffusive amplitude at rest and in time."""
    scene = problem.scene
    width, at = 3 * scene.time_functions, scene.channels.index(channel or scene.channels[-1])
    rows = np.abs(values[1, :, at * width : (at + 1) * width])
    parts = [slice(0, 3)] + ([slice(3, width)] if scene.harmonics else [])
    found = []
    for plane, row in enumerate(rows):
        for part in parts:
            best = part.start + int(row[part].argmax())
            if row[best] > 1e-3 * rows[:, part].max() > 1e-6 * rows.max():
                found.append((1, plane, at * width + best))
    return found


def measured(case: Case, sizes: Sizes) -> list[str]:
    """One row: the smallest ratio of all planes, the longest time to the error asked for, and the known error."""
    problems = {one: deck_problem(case.deck, f'run.reference="{one}"', *case.keys) for one in ("auto", "off")}
    measures: dict[str, Callable[[], Taken]] = {
        name: partial(taken, one, sizes.seconds) for name, one in problems.items()
    }
    rows = in_turn(measures, sizes.repeats, warm=False)
    picked = largest(problems["auto"], case.channel, rows["auto"][0].value)

    def middle(name: str, of: Callable[[Taken], float]) -> float:
        return statistics.median(of(one) for one in rows[name])

    def to(name: str, asked: float, at: tuple[int, ...]) -> float:
        size = abs(rows["auto"][0].value[at])
        return middle(name, lambda one: one.fixed + (one.walked[at] / (asked * size)) ** 2)

    walking = min(
        (
            middle("off", lambda o, at=at: o.walked[at])
            / max(middle("auto", lambda o, at=at: o.walked[at]), 1e-300)
        )
        ** 2
        for at in picked
    )
    auto, off = (max(to(name, case.asked, at) for at in picked) for name in ("auto", "off"))
    known = max(middle("auto", lambda o, at=at: o.known[at] / abs(o.value[at])) for at in picked)
    return [
        case.words, number(100.0 * case.asked) + " %", number(walking), number(off), number(auto), number(off / auto),
        number(100.0 * known) + " %",
    ]  # fmt: skip


HEAD = (
    "deck", "error asked for", "ratio of walking, the smallest", "off [s]", "auto [s]", "ratio", "numerical error, auto",
)  # fmt: skip


def reference(sizes: Sizes, cases: Sequence[Case] = CASES) -> Section:
    """Tables: decks, and the junction at all mean free paths."""
    wanted = [case for case in cases if not sizes.decks or case.deck in sizes.decks]
    paths = [
        Case(f"junction, ℓ/λ = {ratio:g}", "junction", 1e-3, (f'electrons.mean_free_path="{ell}"',))
        for ratio, ell in ELL.items()
        if not sizes.decks or ratio == 0.1
    ]
    rows = [measured(case, sizes) for case in (*wanted, *paths)]
    words = "Diffusive currents through planes, largest amplitudes at rest and in time; CPU seconds on one core.\n\n"
    return Section([], "\n### A reference\n\n" + words + table(HEAD, rows) + "\n")
