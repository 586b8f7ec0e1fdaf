"""Sums in fixed point: integers, which have the same bits in whatever order they are added, on any machine.

A tally is made of int64 numbers, and each number that a walker adds is rounded to one of them. Scores are linear in what
walkers carry, so that walkers are born with their numbers times 2^E, E a number for each kind of spin: kernels know of
no scale. What all walkers of a block score in a tally is expected to be 2^50 or less in these units, so that the
rounding of a number is 2^-50 of that. A number beyond 2^61, or a sum that passes 2^62, is noted in the tally, and the
block is refused: no sum can pass 2^63 unseen.

The kernels are those of sums in floating point, with `add` in the place of its twin, and with series in the place of the
mathematical library's functions, which differ from machine to machine in their last bit.
"""

from __future__ import annotations

import functools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.compiled import Translation, float_of, part, twins
from mcpump.errors import RangeError
from mcpump.problem.effort import mean_flights
from mcpump.walk import arithmetic, scores, walkers
from mcpump.walk.columns import Columns
from mcpump.walk.lane_block import sums_of_block, tallies_of, walk_plan
from mcpump.walk.layout import GOES_ON, BlockSums, Halt, refuse
from mcpump.walk.plan import Plan
from mcpump.walk.state import Tallies

Array = NDArray[np.float64]
LARGEST, FULL = 2.0**61, np.int64(2**62)
"""Most that a walker may add at once, and that a sum may hold."""
EXPECTED = 50
"""Power of two that sums are expected to stay below."""
TURN = 2.0 * math.pi
LOG_2 = 0.6931471805599453
LOG_2_HIGH, LOG_2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10
"""ln 2 in two parts, the first of so few bits that its multiples are exact."""
NEAREST, BIAS, MANTISSA_BITS = 1.5 * 2.0**52, 1023, np.uint64(52)
sin_cos = twins(arithmetic).sin_cos


@part
def cosine(angle):
    """Cosine of any angle."""
    return sin_cos(angle - TURN * math.floor(angle / TURN))[1]


@part
def sine(angle):
    """Sine of any angle."""
    return sin_cos(angle - TURN * math.floor(angle / TURN))[0]


@part
def exponential_less_one(x):
    """e^x − 1 of x ≤ 0: e^x = 2^k e^r by its series, |r| < 0.35, and without k where it is small."""
    if x < -40.0:
        return -1.0
    k = (x / LOG_2 + NEAREST) - NEAREST if x < -0.3 else 0.0
    r = (x - k * LOG_2_HIGH) - k * LOG_2_LOW
    series = 1.0
    for i in range(14):
        series = 1.0 + series * (r / (15.0 - i))
    if k == 0.0:
        return r * series
    power = float_of(np.uint64(BIAS + np.int64(k)) << MANTISSA_BITS)
    return power * (1.0 + r * series) - 1.0


@part
def whole(value):
    """Nearest integer to a number that a walker adds, and whether it is small enough: NaN is not."""
    good = abs(value) < LARGEST
    return np.int64(math.floor((value if good else 0.0) + 0.5)), good


@part
def add_fixed(tally, place, at, value):
    """Add a number to a sum in fixed point; the last column notes what is too large."""
    number, good = whole(value)
    total = tally[place, at] + number
    tally[place, at] = total
    if not good or abs(total) >= FULL:
        tally[0, tally.shape[1] - 1] = 1


SERIES: dict[Any, Any] = {math.cos: cosine, math.sin: sine, math.expm1: exponential_less_one}
"""What stands in the place of the mathematical library's functions."""


@functools.cache
def fixed_kernel() -> Any:
    """`mcpump.walk.walkers.walk_in_lanes` with sums in fixed point."""
    return Translation({scores.add: add_fixed, **SERIES}, "fixed")(walkers.walk_in_lanes)


def exponents_of_numbers(plan: Plan) -> NDArray[np.intp]:
    """E of the numbers that walkers are born with, (numbers,): the same for what flights turn into each other."""
    scene, columns = plan.scene, plan.columns
    size = np.abs(plan.course.source).sum(axis=1)  # over the density of births
    total = np.asarray((size * np.diff(plan.course.births[:, 0])[:, None]).sum(axis=0))
    for kept in _groups(columns):
        total[kept] = total[kept].max()
    # a walker that is born with 1 scores at most its age, and its torque at most its age times the exchange
    longest = mean_flights(scene) * (1.0 + abs(plan.numbers.exchange)) / min(one.rate for one in scene.layers)
    shares = np.where(total > 0.0, total, total.max(initial=0.0) or 1.0) * max(longest, 1.0)
    return np.asarray(EXPECTED - np.frexp(shares)[1], dtype=np.intp)


def _groups(columns: Columns) -> list[NDArray[np.intp]]:
    """Numbers that age or flights turn into each other: cosine and sine of a harmonic, components of spins."""
    found = []
    for n in range(columns.harmonics):
        first = columns.constants + 2 * columns.pairs * n
        found += [np.array([i, i + columns.pairs]) for i in range(first, first + columns.pairs)]
    at = columns.row
    for width in [3] * columns.exact + [6] * columns.ladder:  # the ladder's two feed each other
        found.append(np.arange(at, at + width))
        at += width
    return found


class FixedPlan(NamedTuple):
    """A plan whose walkers are born with their numbers times 2^E."""

    plan: Plan
    exponents: NDArray[np.intp]
    """E, (numbers,)."""

    def walk(self, block: int, halt: Halt = GOES_ON) -> BlockSums:
        """Walk block number `block`, as `mcpump.walk.lane_block.walk_lane_block`."""
        tallies, flights, wrong, walker = self.tallied(block, halt=halt)
        refuse(wrong, walker, self.plan.scene)
        return self.sums(tallies, flights)

    def tallied(self, block: int, only: int = -1, halt: Halt = GOES_ON) -> tuple[Tallies, int, int, int]:
        """Walk a block, or one walker of it: as `mcpump.walk.lane_block.walk_plan`, in fixed point."""
        return walk_plan(
            self.plan, block, only, halt=halt, tallies=fixed_tallies(self.plan), kernel=fixed_kernel()
        )

    def sums(self, tallies: Tallies, flights: int) -> BlockSums:
        """Turn tallies in fixed point into the layout of all blocks.

        Raises
        ------
        RangeError
            Where a number or a sum was too large.
        """
        return sums_of_block(self.plan, _unscaled(self, tallies), flights)


def scaled(plan: Plan) -> FixedPlan:
    """Plan for sums in fixed point."""
    exponents = exponents_of_numbers(plan)
    source = np.ldexp(plan.course.source, exponents)
    return FixedPlan(plan._replace(course=plan.course._replace(source=source)), exponents)


def fixed_tallies(plan: Plan) -> Tallies:
    """Empty tallies in fixed point: of each one column more, in which what is too large is noted."""
    return Tallies(*(np.zeros((len(one), one.shape[1] + 1), np.int64) for one in tallies_of(plan)))


def _unscaled(fixed: FixedPlan, tallies: Tallies) -> Tallies:
    """Tallies in fixed point as numbers."""
    if any(one[:1, -1].any() for one in tallies):
        raise RangeError("a block's sum in fixed point is not finite or out of range")
    columns, exponents = fixed.plan.columns, fixed.exponents
    row = exponents[: columns.row]
    # of `first` and `second_ladder`, which stand side by side at birth, the latter alone is scored
    spins = exponents[columns.row :][: 3 * (columns.exact + columns.ladder)]
    each = np.repeat(spins.reshape(-1, 1, 3), 3, axis=1).ravel()
    scored = (tallies.visits.shape[1] - 1 - len(each)) // max(columns.row, 1)
    twice, once = np.concatenate([row, row, spins]), np.concatenate([row, spins])
    powers = (np.concatenate([np.tile(row, scored), each]), twice, twice, once, once)
    return Tallies(
        *(np.ldexp(one[:, :-1].astype(float), -power) for one, power in zip(tallies, powers, strict=True))
    )
