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
    channels: tuple[str, ...] = ()
    """Whose largest amplitudes are told; empty: the last that is walked."""


FEWEST, REPEATS = 4, 2
"""Fewest blocks that are walked, and most repeats."""
ELL = {1e-3: "0.003 nm", 1e-2: "0.03 nm", 0.1: "0.3 nm", 1.0: "3 nm", 10.0: "30 nm", 100.0: "300 nm"}
"""Mean free paths of the junction by ℓ/λ."""
CASES = (
    Case("junction", "junction", 1e-4),
    Case("py_pt", "py_pt", 5e-4, channels=("exact",)),
    Case("exact", "exact", 5e-4, channels=("exact",)),
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
    """Walk for some CPU seconds, 16 blocks at least, or as many as take five times as long."""
    began = time.process_time()
    ground = ground_of(problem, groundwork_of(problem))
    fixed = time.process_time() - began
    assert ground.known is not None
    ground.walk(0)  # kernels
    began, found = time.process_time(), []

    def goes_on() -> bool:
        spent = time.process_time() - began
        return len(found) < FEWEST or spent < seconds or (len(found) < 16 and spent < 5.0 * seconds)

    while goes_on():
        found.append(ground.walk(1 + len(found)).passages)
    spent, walked = time.process_time() - began, np.array(found)
    error = walked.std(axis=0, ddof=1) * math.sqrt(spent / len(walked))
    known = np.sqrt(sum(one.passages**2 for one in ground.known.deviations))
    return Taken(ground.known.value.passages + walked.mean(axis=0), error, known, fixed)


def largest(
    problem: Problem, channels: Sequence[str], values: NDArray[np.float64], half: int
) -> list[tuple[int, ...]]:
    """Of every plane through which something flows, the largest amplitude of each channel at rest and in time.

    half: 0 local, 1 diffusive.
    """
    scene = problem.scene
    width, found = 3 * scene.time_functions, []
    for name in channels or scene.channels[-1:]:
        at = scene.channels.index(name)
        rows = np.abs(values[half, :, at * width : (at + 1) * width])
        parts = [slice(0, 3)] + ([slice(3, width)] if scene.harmonics else [])
        for plane, row in enumerate(rows):
            for part in parts:
                best = part.start + int(row[part].argmax())
                if row[best] > 1e-3 * rows[:, part].max() > 1e-6 * rows.max():
                    found.append((half, plane, at * width + best))
    return found


def measured(case: Case, sizes: Sizes) -> list[str]:
    """One row: the smallest ratio of all planes, the longest time to the error asked for, and the known errors."""
    problems = {one: deck_problem(case.deck, f'run.reference="{one}"', *case.keys) for one in ("auto", "off")}
    measures: dict[str, Callable[[], Taken]] = {
        name: partial(taken, one, sizes.seconds) for name, one in problems.items()
    }
    rows = in_turn(measures, min(sizes.repeats, REPEATS), warm=False)
    values = rows["auto"][0].value
    local, picked = (largest(problems["auto"], case.channels, values, half) for half in (0, 1))

    def middle(name: str, of: Callable[[Taken], float]) -> float:
        return statistics.median(of(one) for one in rows[name])

    def to(name: str, asked: float, at: tuple[int, ...]) -> float:
        size = abs(values[at])
        return middle(name, lambda one: one.fixed + (one.walked[at] / (asked * size)) ** 2)

    def known(of: list[tuple[int, ...]]) -> str:
        worst = max(middle("auto", lambda o, at=at: o.known[at] / abs(o.value[at])) for at in of)
        return number(100.0 * worst) + " %"

    walking = min(
        (
            middle("off", lambda o, at=at: o.walked[at])
            / max(middle("auto", lambda o, at=at: o.walked[at]), 1e-300)
        )
        ** 2
        for at in picked
    )
    auto, off = (max(to(name, case.asked, at) for at in picked) for name in ("auto", "off"))
    return [
        case.words, number(100.0 * case.asked) + " %", number(walking), number(off), number(auto), number(off / auto),
        known(picked), known(local),
    ]  # fmt: skip


HEAD = (
    "deck", "error asked for", "ratio of walking, the smallest", "off [s]", "auto [s]", "ratio",
    "numerical error, auto", "of the local part",
)  # fmt: skip


def reference(sizes: Sizes, cases: Sequence[Case] = CASES) -> Section:
    """Tables: decks, and the junction at all mean free paths."""
    wanted = [case for case in cases if not sizes.decks or case.deck in sizes.decks]
    paths = [
        Case(
            f"junction, ℓ/λ = {ratio:g}",
            "junction",
            1e-3,
            (f'electrons.mean_free_path="{ell}"',),
            ("first", "second"),
        )
        for ratio, ell in ELL.items()
        if not sizes.decks or ratio == 0.1
    ]
    rows = [measured(case, sizes) for case in (*wanted, *paths)]
    words = (
        "Currents through planes, largest amplitudes at rest and in time; CPU seconds on one core.\n"
        "Times: diffusive currents to the error asked for. Of the local part walkers find nothing.\n\n"
    )
    return Section([], "\n### A reference\n\n" + words + table(HEAD, rows) + "\n")
