"""The books: sums over blocks, exact, and the standard errors they give.

The statistical unit is the block, a fixed number of walkers. A block yields two vectors: the profiles (long;
their sums and sums of squares over blocks are kept) and the totals: currents through planes, budget,
mean densities (short; their sums are kept in 64 groups of blocks, block b in group b mod 64, which is
what covariances and the errors of derived numbers need). The size of the books follows from the mesh alone.

What is known without walkers (`mcpump.walk.known`) is a constant beside the sums. Its deviations add to errors in
quadrature, and each of them goes through whatever is derived from the books as a whole, so that what cancels does.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import InputError
from mcpump.problem.scene import Scene
from mcpump.tally.exact_sums import CAPACITY, join, split
from mcpump.walk.known import Known
from mcpump.walk.layout import BlockSums, amplitudes, projection_exponents, shapes

GROUPS = 64
MIN_BLOCKS = 16
"""No error is quoted from fewer blocks."""
VAGUE = 4.0
"""A number smaller than so many of its errors is no denominator."""


class Digits(NamedTuple):
    """A block's sums as exact integers."""

    profiles: NDArray[np.int64]
    squares: NDArray[np.int64]
    totals: NDArray[np.int64]
    flights: int


class Tally:
    """Exact sums over the blocks walked so far, and what is known without them."""

    TOP, LIMBS = 40, 3
    TOP_SQUARE, LIMBS_SQUARE = 80, 5

    def __init__(
        self,
        scene: Scene,
        exponents: NDArray[np.intp],
        sums: dict[str, NDArray[np.int64]] | None = None,
        known: Known | None = None,
    ) -> None:
        """Open the books of a scene: empty ones, or with sums that were taken from others.

        exponents: powers of two of the amplitudes' natural sizes, `mcpump.walk.blocks.exponents_of`.
        """
        self.known = known
        self.exponents = exponents
        self.projection_exponents = projection_exponents(scene, exponents)
        self.shapes = shapes(scene)
        self.shape = self.shapes.pop("profiles")
        totals = sum(math.prod(shape) for shape in self.shapes.values())
        empty = {
            "profiles": np.zeros((self.LIMBS, *self.shape), np.int64),
            "squares": np.zeros((self.LIMBS_SQUARE, *self.shape), np.int64),
            "totals": np.zeros((self.LIMBS, GROUPS, totals), np.int64),
            "blocks": np.zeros(GROUPS, np.int64),
            "flights": np.zeros(1, np.int64),
        }
        # always in this order, in which ranks add them up
        self.sums = {name: sums[name] for name in empty if name in sums} if sums else empty
        layouts = [
            {name: (one.shape, one.dtype) for name, one in books.items()} for books in (self.sums, empty)
        ]
        if layouts[0] != layouts[1]:
            raise InputError(
                "the sums to go on with have another layout: another build of mcpump has walked them"
            )

    def digits(self, sums: BlockSums) -> Digits:
        """Cut a block's sums into integers: most of the work of adding it, and free of the books."""
        profiles = np.ldexp(sums.profiles, -self.exponents)
        parts = [sums.passages, sums.budget, sums.means]
        scaled = [np.ldexp(part, -self.exponents) for part in parts]
        scaled.append(np.ldexp(sums.projections, -self.projection_exponents))
        extra = (sums.conserved, sums.converted)
        scaled += [np.ldexp(part, -self.exponents) if part.size else part for part in extra]
        totals = np.concatenate([part.ravel() for part in scaled])
        return Digits(
            split(profiles, self.TOP, self.LIMBS),
            split(profiles**2, self.TOP_SQUARE, self.LIMBS_SQUARE),
            split(totals, self.TOP, self.LIMBS),
            sums.flights,
        )

    def add(self, block: int, sums: BlockSums) -> None:
        """Add one block; the order of blocks does not matter."""
        self.book(block, self.digits(sums))

    def book(self, block: int, digits: Digits) -> None:
        """Add one block, of which `digits` is known."""
        if self.blocks >= CAPACITY:
            raise OverflowError(f"a run holds at most {CAPACITY} blocks; use a larger walkers_per_block")
        self.sums["profiles"] += digits.profiles
        self.sums["squares"] += digits.squares
        self.sums["totals"][:, block % GROUPS] += digits.totals
        self.sums["blocks"][block % GROUPS] += 1
        self.sums["flights"] += digits.flights

    @property
    def blocks(self) -> int:
        """Number of blocks added."""
        return int(self.sums["blocks"].sum())

    @property
    def flights(self) -> int:
        """Number of flights walked."""
        return int(self.sums["flights"][0])

    def profiles(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard error of the profiles, (kinds, cells · time bins, amplitudes) each."""
        mean, scatter, deviations = self.profile_parts()
        return mean, quadrature(scatter, deviations)

    def profile_parts(self) -> tuple[NDArray[np.float64], NDArray[np.float64], Sequence[NDArray[np.float64]]]:
        """Mean of the profiles, standard error that comes of walkers, and deviations of what is known."""
        n = self.blocks
        mean, error = np.empty(self.shape), np.full(self.shape, np.nan)
        for kind in range(self.shape[0]):  # one after the other: on the way numbers take ten times their room
            total = join(self.sums["profiles"][:, kind], self.TOP)
            mean[kind] = np.ldexp((total / max(n, 1)).astype(float), self.exponents)
            if n >= MIN_BLOCKS:
                spread = join(self.sums["squares"][:, kind], self.TOP_SQUARE) - total * total / n
                found = np.sqrt(np.maximum(spread, 0.0) / (n * (n - 1.0))).astype(float)
                error[kind] = np.ldexp(found, self.exponents)
        deviations: list[NDArray[np.float64]] = []
        if self.known is not None:
            mean += self.known.value.profiles
            deviations = [sums.profiles for sums in self.known.deviations]
        return mean, error, deviations

    def untouched(self) -> NDArray[np.bool_]:
        """Places of the profiles to which no walker has added anything, (kinds, cells · time bins, amplitudes)."""
        return np.asarray(~self.sums["squares"].any(axis=0))

    def groups(self, name: str) -> Groups:
        """Sums of one kind of totals (a name in `BlockSums`: "passages", "budget", …) by groups of blocks."""
        counts = self.sums["blocks"]
        used = counts > 0
        at = 0
        for kind, shape in self.shapes.items():
            length = int(np.prod(shape))
            if kind == name:
                values = join(self.sums["totals"][:, used, at : at + length], self.TOP).astype(float)
                sums = values.reshape(len(values), *shape)
                scale = self.projection_exponents if kind == "projections" else self.exponents
                known = self.known and np.array(
                    [getattr(row, name).reshape(shape) for row in self.known.rows]
                )
                return Groups(np.ldexp(sums, scale), counts[used].astype(float), known)
            at += length
        raise KeyError(name)


def books_bytes(scene: Scene) -> int:
    """Memory of a scene's books [bytes]."""
    books = Tally(scene, np.zeros(amplitudes(scene), np.intp))
    return sum(array.nbytes for array in books.sums.values())


def quadrature(error: NDArray[np.float64], deviations: Iterable[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Put an error and independent deviations together."""
    for deviation in deviations:
        error = np.hypot(error, deviation)
    return error


class Groups(NamedTuple):
    """Sums over groups of blocks, and what is known without walkers, from which errors of anything smooth follow."""

    sums: NDArray[np.float64]
    """Of walkers, (groups, ...)."""
    counts: NDArray[np.float64]
    """Blocks in each group."""
    known: NDArray[np.float64] | None = None
    """(1 + deviations, ...): what is known beside the walkers' mean, then its deviations; None: nothing."""

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean over all blocks, and what is known."""
        return self._whole(self.sums.sum(axis=0) / self.counts.sum())

    def _whole(self, mean: NDArray[np.float64]) -> NDArray[np.float64]:
        """Add what is known to a mean of walkers."""
        return mean if self.known is None else self.known[0] + mean

    @property
    def enough(self) -> bool:
        """Whether there are blocks enough to quote an error."""
        return bool(self.counts.sum() >= MIN_BLOCKS)

    @property
    def walked(self) -> Groups:
        """What walkers have found alone."""
        return Groups(self.sums, self.counts)

    @property
    def deviations(self) -> NDArray[np.float64]:
        """Deviations of what is known, (deviations, ...)."""
        return self.sums[:0] if self.known is None else self.known[1:]

    def scatter(self) -> NDArray[np.float64]:
        """Return the standard error of the mean that comes of walkers; NaN from fewer than 16 blocks."""
        return self._error(self.sums / self._column(self.sums.ndim), self.walked.mean)

    def stderr(self) -> NDArray[np.float64]:
        """Return the standard error of the mean; NaN from fewer than 16 blocks."""
        return quadrature(self.scatter(), self.deviations)

    def _column(self, axes: int) -> NDArray[np.float64]:
        """Blocks in each group, along the first of so many axes."""
        return self.counts.reshape(-1, *[1] * (axes - 1))

    def _error(self, values: NDArray[np.float64], centre: NDArray[np.float64]) -> NDArray[np.float64]:
        """Standard error of the mean of what each group gives, weighted with its blocks."""
        if not self.enough:
            return np.full(values.shape[1:], np.nan)
        spread = (self._column(values.ndim) * (values - centre) ** 2).sum(axis=0)
        return np.sqrt(spread / ((len(self.counts) - 1) * self.counts.sum()))

    def covariance(self) -> NDArray[np.float64]:
        """Covariance of the means over the last axis, (..., n, n); NaN from fewer than 16 blocks."""
        n = self.sums.shape[-1]
        if not self.enough:
            return np.full((*self.sums.shape[1:], n), np.nan)
        counts = self._column(self.sums.ndim)
        scatter = np.sqrt(counts) * (self.sums / counts - self.walked.mean)
        total = np.einsum("g...i,g...j->...ij", scatter, scatter)
        found: NDArray[np.float64] = total / ((len(counts) - 1) * self.counts.sum())
        if len(self.deviations):
            found += np.einsum("r...i,r...j->...ij", self.deviations, self.deviations)
        return found

    def map(self, function, *others: Groups) -> Groups:  # type: ignore[no-untyped-def]
        """Groups of a linear function of the sums, and of those of other groups of the same blocks.

        What is known has rows in the place of groups, so that the function takes it as it takes the sums.
        """
        every = (self, *others)
        known = None if self.known is None else function(*(one.known for one in every))
        return Groups(function(*(one.sums for one in every)), self.counts, known)

    def estimate(self, function) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # type: ignore[no-untyped-def]
        """Give a smooth function of the means and its standard error: the jackknife, leaving one group out at a time.

        Whatever is derived from the books gets its error here, through the whole chain from sums to the number, so that
        numbers of the same walkers are never taken as independent. Of a linear function this is `stderr`. Its bias, of
        the order of the square of a relative error, is left in: it is below a quarter of the error where the denominator
        of a ratio is four of its own errors or more. Of each deviation of what is known the central difference counts.
        """
        total, n = self.sums.sum(axis=0), self.counts.sum()
        mean = self.mean
        whole = np.asarray(function(mean))
        if not self.enough:
            return whole, np.full(whole.shape, np.nan)
        left_out = np.array(
            [
                function(self._whole((total - s) / (n - c)))
                for s, c in zip(self.sums, self.counts, strict=True)
            ]
        )
        share = n / self._column(left_out.ndim)
        pseudo = share * whole - (share - 1.0) * left_out
        error = self._error(pseudo, (pseudo / share).sum(axis=0))
        moved = [0.5 * (np.asarray(function(mean + d)) - function(mean - d)) for d in self.deviations]
        return whole, quadrature(error, moved)

    def ratio(self, above, below) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # type: ignore[no-untyped-def]
        """Ratio of two linear functions of the means and its error; NaN where the lower one may be zero."""
        with np.errstate(invalid="ignore", divide="ignore"):
            value, error = self.estimate(lambda m: above(m) / below(m))
        # m as a whole stands behind the groups' axis
        lower = self.map(lambda s: np.array([below(one) for one in s]))
        vague = np.abs(lower.mean) < VAGUE * lower.stderr()
        return np.where(vague, np.nan, value), np.where(vague, np.nan, error)
