"""The books: sums over blocks, exact, and the standard errors they give.

The statistical unit is the block, a fixed number of walkers. A block yields two vectors: the profiles (long;
their sums and sums of squares over blocks are kept) and the totals: currents through planes, budget,
mean densities (short; their sums are kept in 64 groups of blocks, block b in group b mod 64, which is
what covariances and jackknife errors of ratios need). The size of the books follows from the mesh alone.

Profiles and totals hold amplitudes in the raw units of the walk: ħνJ Ωτ for `first` and `sum`,
(2Jτ/ħ)ħνJ Ωτ for `second`, packed as in `mcpump.spin`, with six more for `sum` = `first` + (2Jτ/ħ) `second`
at the first harmonic, the only one both share.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.emission import Births
from mcpump.estimates import LINES
from mcpump.exact import CAPACITY, join, split
from mcpump.first_flight import first_flights
from mcpump.model import ABSORBING, Model
from mcpump.philox import key
from mcpump.spin import SIZES
from mcpump.textures import texture_gradient, texture_profile
from mcpump.walk import walk_block

GROUPS = 64
MIN_BLOCKS = 16
"""No error is quoted from fewer blocks."""
FIRST, SECOND = slice(3, 6), slice(6, 9)
"""Cosine amplitudes of `first` and `second`; their sine amplitudes lie six places further."""
PROFILES = ("local_density", "local_current", "local_torque", "diffusive_density", "diffusive_current")


class BlockSums(NamedTuple):
    """What one block of walkers adds to the books, in raw units."""

    profiles: NDArray[np.float64]
    """(5, cells · time_bins, amplitudes): see PROFILES."""
    passages: NDArray[np.float64]
    """(2, planes, amplitudes): net passages, local and diffusive."""
    budget: NDArray[np.float64]
    """(lines, amplitudes)."""
    means: NDArray[np.float64]
    """(2, amplitudes): local and diffusive density, mean over the sample."""
    projections: NDArray[np.float64]
    """(2,): local and diffusive first-order current, projected on ħνJτD ∇Ṡ."""
    flights: int
    """Flights walked."""


def has_sink(model: Model) -> bool:
    """Whether spin can end: an absorbing face or a finite τ_sf."""
    return model.gamma_sf > 0.0 or ABSORBING in (model.left, model.right)


def amplitudes(model: Model) -> int:
    """Number of packed amplitudes, those of `sum` included."""
    return SIZES[model.harmonics] + (6 if model.harmonics > 0 else 0)


@lru_cache(maxsize=4)
def exponents(model: Model) -> NDArray[np.intp]:
    """Powers of two of the amplitudes' natural sizes, so that the exact sums need no absolute scale.

    The oscillating part of S, its largest value A over the sample, sets the size of `first`; `second` goes as A²
    (DC, 2Ω) and as A times the constant part.
    """
    places = (np.arange(1024) + 0.5) * (model.length / 1024)
    constant, *oscillating = np.sqrt((texture_profile(model, places) ** 2).sum(axis=1)).max(axis=1)
    A = max(oscillating)
    first, mixed, square = A, A * constant, A * A
    sizes = [square] * 3 + ([first] * 3 + [mixed] * 3) * 2 + [square] * 6
    if model.pulse:
        sizes = [constant] * 3
    sizes = sizes[: SIZES[model.harmonics]] + ([first + mixed] * 6 if model.harmonics > 0 else [])
    return np.frexp(np.array(sizes))[1].astype(np.intp)


def walk_one_block(model: Model, births: Births, exchange: float, block: int) -> BlockSums:
    """Walk block number `block`: first flights (local part) and walkers (diffusive part, budget).

    Parameters
    ----------
    model : Model
        Problem in reduced units.
    births : Births
        Its birth density, `mcpump.emission.births(model)`.
    exchange : float
        Jτ/ħ, for the channel `sum`.
    block : int
        Number of the block, from 0.
    """
    size, rows = SIZES[model.harmonics], model.cells * model.time_bins
    # one type of model for the compiled code, however many planes there are
    plain, planes = model._replace(planes=(), seed=0), np.array(model.planes, dtype=np.float64)
    start = plain, planes, *key(model.seed), *births, block
    profile, local = np.zeros((rows, 3 * size)), np.zeros((len(planes), size))
    first_flights(*start, profile, local)
    visits, events = np.zeros((rows, 2 * size)), np.zeros((model.cells + 1, 2 * size))
    diffusive, budget = np.zeros((len(planes), size)), np.zeros((len(LINES), size))
    flights = walk_block(*start, visits, events, diffusive, budget)

    width = model.length / model.cells
    density, current, torque = np.moveaxis(profile.reshape(rows, 3, size), 1, 0) / width
    if model.pulse:
        bin_width = width * model.t_max / model.time_bins
        density, current = density * (width / bin_width), current * (width / bin_width)
        walked = visits[:, :size] / bin_width, visits[:, size:] / bin_width
    else:
        walked = visits[:, :size] / width, current_from_events(model, visits, events)
    means = np.array([density.mean(axis=0), walked[0].mean(axis=0)])
    if not has_sink(model) and not model.pulse:
        walked = walked[0] - means[1], walked[1]
    profiles = np.array([density, current, torque, *walked])
    add = [
        _with_sum(part, model, exchange) for part in (profiles, np.array([local, diffusive]), budget, means)
    ]
    projections = np.einsum("pxa,xa->p", profiles[[1, 4]], gradient_pattern(model))
    return BlockSums(add[0], add[1], add[2], add[3], projections, int(flights))


@lru_cache(maxsize=4)
def gradient_pattern(model: Model) -> NDArray[np.float64]:
    """Weights that project a profile of the first-order current on ħνJτD ∇Ṡ; (cells · time_bins, amplitudes).

    The local current is ħνJτD ∇Ṡ to leading order in qℓ, Eq. (31), so that its projection tends to 1. All
    zero where there is no such gradient.
    """
    pattern = np.zeros((model.cells * model.time_bins, SIZES[model.harmonics]))
    if model.pulse or model.harmonics == 0:
        return pattern
    centres = (np.arange(model.cells) + 0.5) * (model.length / model.cells)
    _, cosine, sine = texture_gradient(model, centres)
    pattern[:, 3:6], pattern[:, 9:12] = sine.T, -cosine.T
    norm = (pattern**2).sum() / model.dimension
    return pattern / norm if norm > 0.0 else pattern


def current_from_events(
    model: Model, visits: NDArray[np.float64], events: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Diffusive current averaged over each cell, from where spin begins and ends to diffuse.

    The net spin that has passed x is what began to diffuse left of x, less what ended or is stored
    there: j(x) = j(0) + ∫₀ˣ [events − ∂_t g]. For the DC part this needs no score along the walk, and
    walkers that begin and end on the same side add no noise. `visits` and `events` carry, beside each
    score, the share of its cell to the right of its place, which makes the average over a cell exact.
    """
    size = events.shape[1] // 2
    begun, begun_share = events[:-1, :size].copy(), events[:-1, size:].copy()
    for source, target, rate in _stored(size, model.Omega):
        begun[:, target] -= rate * visits[:, source]
        begun_share[:, target] -= rate * visits[:, size:][:, source]
    return events[-1, :size] + np.cumsum(begun, axis=0) - begun + begun_share


def _stored(size: int, Omega: float) -> list[tuple[slice, slice, float]]:
    """∂_t of harmonics: (amplitude, amplitude it adds to, rate): ∂_t(A^c cos + A^s sin) = nΩ(A^s cos − A^c sin)."""
    pairs = [(slice(3, 9), slice(9, 15), 1)] if size > 3 else []
    pairs += [(slice(15, 18), slice(18, 21), 2)] if size > 15 else []
    return [
        term for cosine, sine, n in pairs for term in ((sine, cosine, n * Omega), (cosine, sine, -n * Omega))
    ]


def _with_sum(values: NDArray[np.float64], model: Model, exchange: float) -> NDArray[np.float64]:
    """Append the amplitudes of `sum` to the last axis."""
    if model.harmonics == 0:
        return values
    both = [
        values[..., at] + 2.0 * exchange * values[..., at.start + 3 : at.stop + 3]
        for at in (slice(3, 6), slice(9, 12))
    ]
    return np.concatenate([values, *both], axis=-1)


class Tally:
    """Exact sums over the blocks walked so far."""

    TOP, LIMBS = 40, 3
    TOP_SQUARE, LIMBS_SQUARE = 80, 5

    def __init__(self, model: Model, sums: dict[str, NDArray[np.int64]] | None = None) -> None:
        """Open the books of a model: empty ones, or with sums that were taken from others."""
        size, planes = amplitudes(model), len(model.planes)
        self.exponents = exponents(model)
        self.shape = (len(PROFILES), model.cells * model.time_bins, size)
        self.shapes = {
            "passages": (2, planes, size),
            "budget": (len(LINES), size),
            "means": (2, size),
            "projections": (2,),
        }
        totals = sum(int(np.prod(shape)) for shape in self.shapes.values())
        self.sums = sums or {
            "profiles": np.zeros((self.LIMBS, *self.shape), np.int64),
            "squares": np.zeros((self.LIMBS_SQUARE, *self.shape), np.int64),
            "totals": np.zeros((self.LIMBS, GROUPS, totals), np.int64),
            "blocks": np.zeros(GROUPS, np.int64),
            "flights": np.zeros(1, np.int64),
        }

    def add(self, block: int, sums: BlockSums) -> None:
        """Add one block; the order of blocks does not matter."""
        if self.blocks >= CAPACITY:
            raise OverflowError(f"a run holds at most {CAPACITY} blocks; use a larger walkers_per_block")
        profiles = np.ldexp(sums.profiles, -self.exponents)
        scaled = [np.ldexp(part, -self.exponents) for part in (sums.passages, sums.budget, sums.means)]
        totals = np.concatenate([part.ravel() for part in (*scaled, sums.projections)])
        self.sums["profiles"] += split(profiles, self.TOP, self.LIMBS)
        self.sums["squares"] += split(profiles**2, self.TOP_SQUARE, self.LIMBS_SQUARE)
        self.sums["totals"][:, block % GROUPS] += split(totals, self.TOP, self.LIMBS)
        self.sums["blocks"][block % GROUPS] += 1
        self.sums["flights"] += sums.flights

    @property
    def blocks(self) -> int:
        """Number of blocks added."""
        return int(self.sums["blocks"].sum())

    @property
    def flights(self) -> int:
        """Number of flights walked."""
        return int(self.sums["flights"][0])

    def profiles(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard error of the profiles, (5, cells · time_bins, amplitudes) each."""
        n = self.blocks
        total = join(self.sums["profiles"], self.TOP)
        mean = np.ldexp((total / max(n, 1)).astype(float), self.exponents)
        if n < MIN_BLOCKS:
            return mean, np.full(self.shape, np.nan)
        spread = join(self.sums["squares"], self.TOP_SQUARE) - total * total / n
        error = np.sqrt(np.maximum(spread, 0.0) / (n * (n - 1.0))).astype(float)
        return mean, np.ldexp(error, self.exponents)

    def groups(self, name: str) -> Groups:
        """Sums of one kind of totals ("passages", "budget", "means") by groups of blocks."""
        counts = self.sums["blocks"]
        used = counts > 0
        values = join(self.sums["totals"], self.TOP).astype(float)[used]
        at = 0
        for kind, shape in self.shapes.items():
            length = int(np.prod(shape))
            if kind == name:
                sums = values[:, at : at + length].reshape(len(values), *shape)
                if kind != "projections":
                    sums = np.ldexp(sums, self.exponents)
                return Groups(sums, counts[used].astype(float))
            at += length
        raise KeyError(name)


class Groups(NamedTuple):
    """Sums over groups of blocks, from which errors of anything smooth follow."""

    sums: NDArray[np.float64]
    """(groups, ...)."""
    counts: NDArray[np.float64]
    """Blocks in each group."""

    @property
    def mean(self) -> NDArray[np.float64]:
        """Mean over all blocks."""
        return self.sums.sum(axis=0) / self.counts.sum()

    @property
    def enough(self) -> bool:
        """Whether there are blocks enough to quote an error."""
        return bool(self.counts.sum() >= MIN_BLOCKS)

    def stderr(self) -> NDArray[np.float64]:
        """Return the standard error of the mean; NaN from fewer than 16 blocks."""
        if not self.enough:
            return np.full(self.sums.shape[1:], np.nan)
        counts = self.counts.reshape(-1, *[1] * (self.sums.ndim - 1))
        spread = (counts * (self.sums / counts - self.mean) ** 2).sum(axis=0)
        return np.sqrt(spread / ((len(counts) - 1) * self.counts.sum()))

    def covariance(self) -> NDArray[np.float64]:
        """Covariance of the means over the last axis, (..., n, n); NaN from fewer than 16 blocks."""
        n = self.sums.shape[-1]
        if not self.enough:
            return np.full((*self.sums.shape[1:], n), np.nan)
        counts = self.counts.reshape(-1, *[1] * (self.sums.ndim - 1))
        deviation = np.sqrt(counts) * (self.sums / counts - self.mean)
        total = np.einsum("g...i,g...j->...ij", deviation, deviation)
        return total / ((len(counts) - 1) * self.counts.sum())

    def map(self, function) -> Groups:  # type: ignore[no-untyped-def]
        """Groups of a linear function of the sums."""
        return Groups(function(self.sums), self.counts)

    def jackknife(self, function) -> tuple[NDArray[np.float64], NDArray[np.float64]]:  # type: ignore[no-untyped-def]
        """Estimate of a smooth function of the means and its standard error, leaving one group out at a time.

        Groups of unequal size are weighted as by F. M. T. A. Busing, E. Meijer, R. van der Leeden,
        Statistics and Computing 9, 3 (1999).
        """
        total, n = self.sums.sum(axis=0), self.counts.sum()
        whole = function(total / n)
        if not self.enough:
            return whole, np.full(np.shape(whole), np.nan)
        h = n / self.counts.reshape(-1, *[1] * np.ndim(whole))
        left_out = np.array(
            [function((total - s) / (n - c)) for s, c in zip(self.sums, self.counts, strict=True)]
        )
        pseudo = h * whole - (h - 1.0) * left_out
        centre = len(h) * whole - ((1.0 - 1.0 / h) * left_out).sum(axis=0)
        return whole, np.sqrt(((pseudo - centre) ** 2 / (h - 1.0)).mean(axis=0))
