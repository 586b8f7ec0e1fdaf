"""What the benchmark's sections share: interleaved repeats, medians, errors, and tables in Markdown."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T")


class Sizes(NamedTuple):
    """How much is walked."""

    repeats: int
    """Repeats of what is measured in turn; a ratio is the median of theirs."""
    walkers: int
    """Walkers a time of short measurements."""
    whole: int
    """Walkers of whole runs."""
    blocks: int
    """Blocks behind an error bar."""
    most_flights: float
    """Samples that take more flights than this are not walked flight by flight."""
    seconds: float
    """CPU seconds for which each deck is walked."""
    decks: tuple[str, ...] = ()
    """Decks that are walked; empty: all."""


FULL = Sizes(repeats=5, walkers=65536, whole=3 << 17, blocks=128, most_flights=1.4e9, seconds=0.6)
SMALLEST = Sizes(
    repeats=1,
    walkers=4096,
    whole=1 << 16,
    blocks=16,
    most_flights=1e6,
    seconds=0.02,
    decks=("junction", "hanle"),
)


class Target(NamedTuple):
    """One row of the issue's table."""

    name: str
    target: str
    value: float | None
    """What was measured; None where nothing could be."""
    reached: bool
    spread: str = ""
    """Range over the repeats, or what else there is to say."""


class Section(NamedTuple):
    """Rows for the table of targets, and tables of their own."""

    targets: list[Target]
    text: str


def cpu(call: Callable[[], object]) -> float:
    """CPU seconds of a call on this thread."""
    began = time.thread_time()
    call()
    return time.thread_time() - began


def in_turn(measures: dict[str, Callable[[], T]], repeats: int, warm: bool = True) -> dict[str, list[T]]:
    """Take all measurements in turn, every other time backwards; `warm`: after one round that does not count."""
    for measure in measures.values() if warm else ():
        measure()
    found: dict[str, list[T]] = {name: [] for name in measures}
    for repeat in range(repeats):
        for name in list(measures)[:: 1 if repeat % 2 else -1]:
            found[name].append(measures[name]())
    return found


def ratios(over: Sequence[float], under: Sequence[float]) -> list[float]:
    """Ratios within each repeat, out of which the drift of a shared machine falls."""
    return [a / b for a, b in zip(over, under, strict=True)]


def middle(values: Sequence[float]) -> float:
    """Median."""
    return statistics.median(values)


def spread(values: Sequence[float]) -> str:
    """Range of the repeats."""
    return f"{number(min(values))} to {number(max(values))}" if len(values) > 1 else ""


def at_least(name: str, target: float, values: Sequence[float]) -> Target:
    """A target that the median has to exceed."""
    found = middle(values)
    return Target(name, f"≥ {number(target)}", found, found >= target, spread(values))


def at_most(name: str, target: float, values: Sequence[float], unit: str = "") -> Target:
    """A target that the median must not exceed."""
    found = middle(values)
    return Target(name, f"≤ {number(target)}{unit}", found, found <= target, spread(values))


def not_here(name: str, target: str, why: str) -> Target:
    """A target that cannot be measured here."""
    return Target(name, target, None, False, why)


def number(value: float) -> str:
    """Three digits, thousands apart."""
    if value == 0.0 or not math.isfinite(value):
        return f"{value:g}"
    rounded = float(f"{value:.2e}")
    digits = 2 - math.floor(math.log10(abs(rounded)))
    if abs(rounded) >= 1e7 or abs(rounded) < 1e-3:
        return f"{value:.2e}"
    return f"{rounded:,.{max(digits, 0)}f}".replace(",", " ")


def table(head: Sequence[str], lines: Sequence[Sequence[object]]) -> str:
    """Write a table in Markdown, numbers to the right."""
    cells = [[number(cell) if isinstance(cell, float) else str(cell) for cell in line] for line in lines]
    wide = [max(len(row[i]) for row in [list(head), *cells]) for i in range(len(head))]
    rule = ["-" * wide[0], *("-" * (width - 1) + ":" for width in wide[1:])]

    def line(words: Sequence[str]) -> str:
        first, *rest = (
            word.ljust(width) if i == 0 else word.rjust(width)
            for i, (word, width) in enumerate(zip(words, wide, strict=True))
        )
        return "| " + " | ".join([first, *rest]) + " |"

    return "\n".join([line(head), line(rule), *map(line, cells)]) + "\n"


def targets_table(targets: Sequence[Target]) -> str:
    """Write the table of targets."""
    lines = [
        (
            row.name,
            row.target,
            "–" if row.value is None else number(row.value),
            "not measured" if row.value is None else "reached" if row.reached else "**missed**",
            row.spread,
        )
        for row in targets
    ]
    return table(["", "target", "measured", "", "range, remarks"], lines)


class Sample(NamedTuple):
    """What some blocks gave: one row of values a block, and the seconds and flights they took."""

    values: NDArray[np.float64]
    seconds: float
    flights: int
    walkers: int

    @property
    def error(self) -> NDArray[np.float64]:
        """Standard error of the mean over the mean, of every value."""
        mean = np.abs(self.values.mean(axis=0))
        with np.errstate(divide="ignore", invalid="ignore"):  # zero by symmetry
            return self.values.std(axis=0, ddof=1) / math.sqrt(len(self.values)) / mean

    def cost(self, wanted: float = 0.01) -> NDArray[np.float64]:
        """Seconds to a relative error of every value."""
        return self.seconds * (self.error / wanted) ** 2


def joined(samples: Sequence[Sample]) -> Sample:
    """Several samples of different blocks in one."""
    seconds, flights, walkers = (sum(column) for column in zip(*(one[1:] for one in samples), strict=True))
    return Sample(np.concatenate([one.values for one in samples]), seconds, flights, walkers)
