"""Self-checks: what a run can find out about its own numbers, and would say if it were wrong.

    currents  currents through planes, counted as passages, against what began, ended or is stored on their sides
    ends      spin that ends, event by event, against the planes at absorbing faces and the density that relaxes
    budget    what was emitted and turned is what was stored, relaxed, left or was cut
    errors    errors from a quarter and a half of the blocks are √4 and √2 times those from all
    tails     no few blocks make up an error: relative variance of the variance
    cut       spin of walkers that met their bound in age

Each has one number, the largest of its kind, and a limit that a sound run passes once in 10⁴ times at most. Numbers in σ
are turned to those of a normal distribution. Only numbers of some size are looked at, and none where they have no errors.

What is known without walkers does not scatter: `ends`, `errors` and `tails` look at what walkers find.

Beside them stands how many walkers met a bound, in flights or in age, and what share of the signal ended with them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.names import GAINS
from mcpump.problem.scene import Problem, Scene
from mcpump.tally.amplitudes import spins_of
from mcpump.tally.estimates import NOTHING, Estimate
from mcpump.tally.tally import MIN_BLOCKS, Groups, Tally
from mcpump.walk.course import edge_at

Array = NDArray[np.float64]
NAMES = ("currents", "ends", "budget", "errors", "tails", "cut")
PLACES = ("channel", "clock", "component")
BOUNDS = ("flights", "age")
"""What may end a walker before its time: `run.max_flights` and t_max."""
FALSE_ALARM = 1e-4
"""Probability that a check of a sound run fails, whatever the number of comparisons."""
SIZE, LARGE = 0.01, 0.1
"""A number is looked at where it is so much of the largest of its kind (LARGE: its error)."""
RELAXED, LEFT, RIGHT = 3, 4, 5
"""Lines of the budget."""
IMBALANCE, CUT, TAIL = 1e-9, 1e-3, 0.1
"""Limits of the budget, of the spin that is cut, and the least one of the variance of the variance."""
_TAIL_GROUPS, _TAIL_MOST = 32, 0.8
"""Fewer groups are not looked at; one group that makes up so much of an error is never right."""
UNSURE = 15.0
"""The budget may fail to close by so many numerical errors of what is known, where eight sets of rays tell them."""
_MANY = 20.0
"""A number of so many errors has been made by enough walkers for its error to be normal."""
ROUNDING = 1e-10
"""Sums that are equal but for rounding agree to this share of the largest of their channel."""


class Check(NamedTuple):
    """One self-check: what was found, what it must not pass, from how many comparisons, and where it is worst."""

    deviation: float = math.nan
    limit: float = math.nan
    comparisons: int = 0
    worst: tuple[int, ...] = (-1, -1, -1)
    """Channel, harmonic or time bin, component."""

    @property
    def passed(self) -> bool:
        """Whether it holds; so it does where nothing could be compared."""
        return not self.deviation > self.limit


def check_estimates(
    problem: Problem,
    tally: Tally,
    found: dict[str, Estimate],
    raw: dict[str, Estimate],
) -> dict[str, Estimate]:
    """Self-checks of a run as estimates of the results file.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    tally : Tally
        The books.
    found : dict of str to Estimate
        What they tell, in the deck's units.
    raw : dict of str to Estimate
        The same before numbers that are not resolved were taken out.

    Returns
    -------
    dict of str to Estimate
        `self_check_deviation`, `self_check_limit`, `self_check_comparisons`, `self_check_worst` (where), and those of
        `bounds`.
    """
    scene = problem.scene

    def unpacked(sums: Array) -> Array:
        """(groups, ..., amplitude) → (groups, channel, harmonic, component, ...)."""
        if sums.size == 0:  # no planes
            return np.zeros((len(sums), 1, 1, 1, *sums.shape[1:-1]))
        return np.moveaxis(spins_of(scene, sums), (0, 1, 2), (1, 2, 3))

    books = {name: tally.groups(name).map(unpacked) for name in ("passages", "budget", "means", "conserved")}
    checks = (
        currents(problem, raw, books),
        ends(problem, {name: groups.walked for name, groups in books.items()}),
        budget(problem, books["budget"], spins_of(scene, np.ldexp(1.0, tally.exponents))),
        errors(books),
        tails(books, _told(problem, found)),
        cut(problem, books["budget"]),
    )
    dims, title = ("self_check",), "self-checks: "

    def column(values: list[float], what: str) -> Estimate:
        return Estimate(np.array(values, dtype=float), None, dims, "1", title + what)

    return {
        "self_check_deviation": column([check.deviation for check in checks], "what was found"),
        "self_check_limit": column([check.limit for check in checks], "what must not be passed"),
        "self_check_comparisons": column([check.comparisons for check in checks], "numbers compared"),
        "self_check_worst": Estimate(
            np.array([check.worst for check in checks], dtype=float), None, (*dims, "self_check_place"), "1",
            title + "channel, harmonic or time bin, and component where it is worst (-1: none)",
        ),
    } | bounds(problem, tally.blocks * scene.walkers_per_block, books["budget"])  # fmt: skip


def _told(problem: Problem, found: dict[str, Estimate]) -> NDArray[np.bool_] | None:
    """Which currents through planes are told: (channel, harmonic, component, part, plane · time bin)."""
    current = found.get("plane_current")
    if current is None:
        return None
    there = ~np.isnan(np.moveaxis(current.mean[:, :2, 0], 1, -2))  # channel, clock, component, part, plane
    if "time" not in current.dims:
        return there
    there = np.moveaxis(there, 1, -1)
    return there.reshape(there.shape[0], 1, *there.shape[1:-2], -1)


def check_coordinates() -> dict[str, tuple[str, ...]]:
    """Axes of the self-checks."""
    return {"self_check": NAMES, "self_check_place": PLACES, "bound": BOUNDS}


# The largest of many numbers ------------------------------------------------------------------------------------------


def _largest(deviation: Array, comparisons: int, limit: float | None = None) -> Check:
    """Check of the largest deviation (channel, clock, component, ...); NaN where nothing is compared.

    Without a limit of its own it is in σ, and the limit follows from the number of comparisons (Bonferroni).
    """
    if comparisons == 0 or not np.isfinite(deviation).any():
        return Check()
    at = np.unravel_index(np.nanargmax(deviation), deviation.shape)
    limit = _sigmas(comparisons) if limit is None else limit
    return Check(float(deviation[at]), limit, comparisons, tuple(int(i) for i in at[:3]))


def _sigmas(comparisons: int) -> float:
    """How far the largest of so many normal numbers may be from 0, at the probability of a false alarm."""
    return NormalDist().inv_cdf(1.0 - FALSE_ALARM / (2.0 * comparisons))


def _of_size(size: Array, axis: int, timed: bool, share: float = SIZE) -> NDArray[np.bool_]:
    """Where numbers (channel, ..., clock at `axis`, component, ...) are a fair share of the largest of their kind.

    A kind is a channel and a multiple of Ω, for channels differ by powers of Jτ/ħ and multiples by powers of Ωτ; all
    time bins are one.
    """
    size = np.moveaxis(np.nan_to_num(size), axis, 1)
    kind = np.zeros(size.shape[1], int) if timed else (np.arange(size.shape[1]) + 1) // 2
    found = np.zeros(size.shape, bool)
    for mine, whole in zip(found, size, strict=True):
        for k in range(int(kind.max(initial=0)) + 1):
            largest = whole[kind == k].max(initial=0.0)
            if largest > NOTHING * whole.max(initial=0.0):
                mine[kind == k] = whole[kind == k] >= share * largest
    return np.moveaxis(found, 1, axis)


# Two estimators -------------------------------------------------------------------------------------------------------


def currents(problem: Problem, found: dict[str, Estimate], books: dict[str, Groups]) -> Check:
    """Currents through planes by passages against conservation, at planes on edges of the mesh.

    What passes a plane is what has passed x = 0, and what began, ended or is stored between. Where blocks have the
    current from conservation this is the diffusive part, with its error from the groups' differences; else, where walkers
    find all, either part, cell by cell from the divergence of the current. Both count the same walkers, so that what is
    steady agrees to rounding. Where no face is closed the current at x = 0 is not known, and planes are held against the
    first of them. Those on faces are left to `ends`.
    """
    scene = problem.scene
    length, cells, periodic = scene.lengths[0], scene.cells[0], scene.periodic[0]
    edges = [edge_at(x, length, cells) for x in scene.planes]
    kept = [p for p, edge in enumerate(edges) if edge is not None and (periodic or 0 < edge < cells)]
    if not kept:
        return Check()
    if books["conserved"].sums.size:
        apart, error, size = _by_groups(books, kept)
    elif books["passages"].known is None:
        apart, size = _by_divergence(problem, found, kept, [edges[p] or 0 for p in kept])
        error = np.zeros_like(apart)
    else:
        return Check()
    allowed = np.hypot(error, ROUNDING * size)
    known = np.divide(np.abs(apart), allowed, out=np.full_like(apart, np.nan), where=size > 0.0)[
        : len(scene.channels)
    ]
    return _largest(known, int(np.isfinite(known).sum()))


def _by_groups(books: dict[str, Groups], kept: list[int]) -> tuple[Array, Array, Array]:
    """Difference of diffusive passages and conservation, its error, and how large they are; planes come last.

    NaN where a channel has none from conservation: its sums are 0.
    """
    passed, conserved = books["passages"].map(lambda s: s[..., 1, kept]), books["conserved"]
    given = np.abs(conserved.sums).max(axis=(0, 2, 3, 4))
    without = np.where(given > 0.0, 0.0, np.nan)[:, None, None, None]
    difference = passed.map(lambda one, other: one - other[..., kept] + without, conserved)
    error = difference.stderr()
    if not difference.enough:
        return np.full_like(error, np.nan), error, error
    size = _size(np.abs(passed.mean))
    exact = error <= ROUNDING * size
    t = np.divide(difference.mean, error, out=np.zeros_like(error), where=~exact)
    normal = np.sign(t) * _normal_of_t(np.abs(t), len(difference.counts) - 1) * error
    return np.where(exact, difference.mean, normal), error, size


def _by_divergence(
    problem: Problem, found: dict[str, Estimate], kept: list[int], edges: list[int]
) -> tuple[Array, Array]:
    """Where walkers find all: difference of passages and the divergence left of them, and its size; planes come last."""
    scene = problem.scene
    divergence, plane = (
        found["spin_current_divergence"].mean,
        found["plane_current"].mean[:, :2, 0][..., kept],
    )
    flow = divergence.mean(axis=tuple(range(5, divergence.ndim)))[:, :2]
    flow = np.cumsum(flow, axis=-1) * (scene.lengths[0] / scene.cells[0] * problem.scales.length)
    flow = np.concatenate([np.zeros_like(flow[..., :1]), flow], axis=-1)
    apart = plane - flow[..., edges]
    if not scene.periodic[0] and scene.absorption[0] == 0.0:
        start = np.zeros_like(apart[..., :1])
    elif not scene.periodic[0] and scene.absorption[1] == 0.0:
        start = -flow[..., -1:]
    else:
        start = apart[..., :1]
    size = _size(np.abs(np.concatenate([plane, flow], axis=-1)))[..., : plane.shape[-1]]
    open_aside = any(
        scene.absorption[i] > 0.0 and not scene.periodic[i // 2] for i in range(2, 2 * scene.axes)
    )
    if open_aside:  # spin leaves between the planes
        size = np.zeros_like(size)
    # channel, clock, component, part, plane
    return np.moveaxis(apart - start, 1, -2), np.moveaxis(size, 1, -2)


def _size(values: Array) -> Array:
    """Largest of each channel, in the place of all of them."""
    largest = values.max(axis=tuple(range(1, values.ndim)), keepdims=True)
    return np.asarray(largest * np.ones_like(values))


def ends(problem: Problem, books: dict[str, Groups]) -> Check:
    """Spin that ended, event by event, against what estimators of another kind say of it.

    Passages of a plane on an absorbing face against what left there; and where spin relaxes alike everywhere, the mean
    density over τ_sf against deaths. Their local parts are walked with random numbers of their own. Differences are
    taken group by group, so that their errors are right. Where little is local at a face, both count the same walkers;
    what is known to less than 5 % is made by too few of them.
    """
    scene = problem.scene
    if not books["budget"].enough or scene.pulse:
        return Check()
    sums, counts, _ = books["budget"]
    length, bins = scene.lengths[0], max(scene.time_bins, 1)
    passed = books["passages"].sums
    passed = passed.reshape(*passed.shape[:-1], -1, bins).sum(axis=-1)  # by part and plane
    if scene.time_bins:
        passed = passed * (scene.t_end / bins)
    pairs = [
        (sign * passed[..., scene.planes.index(face)], sums[..., line], LARGE)
        for face, line, sign in ((0.0, LEFT, -1.0), (length, RIGHT, 1.0))
        if not scene.periodic[0] and face in scene.planes
    ]
    gamma = _relaxation(scene)
    if gamma > 0.0:
        pairs.append((gamma * length * books["means"].sums, sums[..., RELAXED], 0.0))
    if not pairs:
        return Check()
    size = np.abs(books["budget"].mean).max(axis=-1)  # what was emitted, turned, ... at most
    found = []
    for parts, other, least in pairs:
        difference = Groups(parts.sum(axis=-1) - other, counts)
        mean, error = difference.mean, difference.stderr()
        local, ended = np.abs(Groups(parts[..., 0], counts).mean), Groups(other, counts)
        whole = np.abs(ended.mean)
        known = (local >= least * whole) & (whole >= _MANY * ended.stderr())
        t = np.divide(np.abs(mean), error, out=np.full_like(mean, np.nan), where=error > NOTHING * whole)
        here = _of_size(size, 1, False) & (whole >= SIZE * size) & known
        found.append(np.where(here, _normal_of_t(t, len(counts) - 1), np.nan))
    every = np.stack(found, axis=-1)[: len(scene.channels)]
    return _largest(every, int(np.isfinite(every).sum()))


def _relaxation(scene: Scene) -> float:
    """Rate of spin relaxation where it is the same everywhere and means are kept; else 0."""
    rates = {layer.gamma_sf for layer in scene.layers} if not any(one.flip for one in scene.layers) else {0.0}
    return rates.pop() if len(rates) == 1 and not scene.time_bins else 0.0


# The budget -----------------------------------------------------------------------------------------------------------


def budget(problem: Problem, books: Groups, natural: Array) -> Check:
    """Largest rest of the budget beside its largest line.

    Of harmonics what is stored is what is left over, so that only the DC part can tell. Where all
    lines cancel over the sample, rounding is as large as they: beside 1e-5 of what walkers carry (`natural` is its
    size) it is nothing. What is known closes as well as its numerical error has it.
    """
    scene = problem.scene
    mean = np.moveaxis(books.mean, -1, 0)[:, : len(scene.channels)]
    signs = np.array([1.0 if name in GAINS else -1.0 for name in scene.lines])
    rest, size = np.abs(np.einsum("l,l...->...", signs, mean)), np.abs(mean).max(axis=0)
    if len(books.deviations):
        unsure = np.sqrt(((books.deviations @ signs) ** 2).sum(axis=0))[: len(scene.channels)]
        rest = np.maximum(rest - UNSURE * unsure, 0.0)
    here = _of_size(size, 1, False)
    here[:, 1:] = False
    carried = 1e-5 * np.abs(natural[: len(scene.channels)]) * scene.lengths[0]
    deviation = np.divide(rest, np.maximum(size, carried), out=np.full_like(rest, np.nan), where=here)
    return _largest(deviation, int(here.sum()), IMBALANCE)


def cut(problem: Problem, books: Groups) -> Check:
    """DC spin of walkers that met their bound in age, beside the largest line of the budget.

    A sample without a sink, and a pulse, have that bound by design: there it harms only spins that go on turning.
    """
    scene = problem.scene
    if scene.pulse:
        return Check()
    turning = np.array([name in ("second_ladder", "exact") or scene.has_sink for name in scene.channels])
    share = np.where(turning[:, None, None], _cut_share(problem, books), np.nan)
    return _largest(share, int(np.isfinite(share).sum()), CUT)


def bounds(problem: Problem, walkers: int, books: Groups) -> dict[str, Estimate]:
    """How many of the walkers met a bound, and the largest share of the DC spin in the budget that ended with them.

    Nothing is counted in the walk, for nothing has to be. A walker that takes more than `run.max_flights` flights stops
    the run, so that there is none in any file. A bound in age, t_max, is set where nothing else can end a walker, and all
    meet it; elsewhere none is set, and the budget's line `cut` has to be 0 to the last bit. Were it not, the number would
    be unknown, NaN. The end of a pulse or a transient is what was asked for, no bound.
    """
    met, share, scene = 0.0, 0.0, problem.scene
    if not scene.pulse:
        if math.isfinite(scene.t_max):
            met = math.nan if scene.has_sink else float(walkers)
        elif books.sums[..., problem.scene.lines.index("cut")].any():
            met = math.nan
    if met != 0.0:
        shares = _cut_share(problem, books)
        share = float(np.nanmax(shares)) if np.isfinite(shares).any() else math.nan
    title = "walkers that met a bound in flights (run.max_flights) or in age (t_max)"
    what = ": largest share of the DC spin that ended with them"
    return {
        "walkers_at_bound": Estimate(np.array([0.0, met]), None, ("bound",), "1", title),
        "walkers_at_bound_share": Estimate(np.array([0.0, share]), None, ("bound",), "1", title + what),
    }


def _cut_share(problem: Problem, books: Groups) -> Array:
    """DC spin on the line `cut` beside the largest line, (channel, clock, component); NaN where there is hardly any."""
    mean = np.abs(np.moveaxis(books.mean, -1, 0)[:, : len(problem.scene.channels)])
    size = mean.max(axis=0)
    here = _of_size(size, 1, False)
    here[:, 1:] = False
    return np.divide(mean[problem.scene.lines.index("cut")], size, out=np.full_like(size, np.nan), where=here)


# Errors ---------------------------------------------------------------------------------------------------------------


def _numbers(books: dict[str, Groups]) -> Iterator[tuple[Array, NDArray[np.bool_]]]:
    """Currents through planes, part by part, and lines of the budget: sums by groups, and where they are of some size."""
    passages, lines = books["passages"], books["budget"]
    parts = [passages.map(lambda s, i=i: s[..., i, :]) for i in range(2)]  # type: ignore[misc]
    for groups in (*parts, lines):
        if groups.mean.size:
            size = np.maximum(np.abs(groups.mean), groups.stderr())
            yield groups.sums, _of_size(size, 1, False, LARGE) & _scatters(groups)


def _scatters(groups: Groups) -> NDArray[np.bool_]:
    """Where walkers make the error: it is more than rounding, and a fair share of what is quoted."""
    error, size = groups.scatter(), np.maximum(np.abs(groups.mean), np.abs(groups.walked.mean))
    return np.asarray((error > NOTHING * size) & (error >= LARGE * groups.stderr()))


def errors(books: dict[str, Groups]) -> Check:
    """Whether errors fall as N^−1/2: variances of quarters and halves of the groups against those of the rest.

    The figure of merit 1/(relative variance × walkers) is then steady.
    """
    counts = books["budget"].counts
    n = len(counts)
    if n < MIN_BLOCKS:
        return Check()
    quarters = [np.arange(n) * 4 // n == q for q in range(4)]
    found = []
    for sums, here in _numbers(books):
        for mine in (*quarters, quarters[0] | quarters[1]):
            part, rest = _variance(sums[mine], counts[mine]), _variance(sums[~mine], counts[~mine])
            ratio = np.divide(part, rest, out=np.full_like(rest, 1e30), where=rest > 0.0)
            z = _normal_of_F(ratio, int(mine.sum()) - 1, n - int(mine.sum()) - 1)
            found.append(np.where(here, np.abs(z), np.nan).reshape(*here.shape[:3], -1))
    known = np.concatenate(found, axis=-1)
    return _largest(known, int(np.isfinite(known).sum()))


def _variance(sums: Array, counts: Array) -> Array:
    """Variance of one block from sums over groups of blocks."""
    return _squares(sums, counts).sum(axis=0) / (len(counts) - 1)


def _squares(sums: Array, counts: Array) -> Array:
    """Squares of the groups' deviations from the mean, each as large as one block's."""
    weight = counts.reshape(-1, *[1] * (sums.ndim - 1))
    return weight * (sums / weight - sums.sum(axis=0) / counts.sum()) ** 2


def tails(books: dict[str, Groups], told: NDArray[np.bool_] | None = None) -> Check:
    """Largest relative variance of a variance, Σ(x − m)⁴/(Σ(x − m)²)² − 1/n, as MCNP has it.

    It has to stay below 0.1 or, for few groups, below what normal numbers reach by chance. Currents through planes are
    looked at whatever their size, but for those that are not told (`told`, as the books' sums without their groups).
    """
    counts = books["budget"].counts
    if len(counts) < _TAIL_GROUPS:
        return Check()
    passages, lines = books["passages"], books["budget"]
    found = [_excess(lines, _of_size(np.abs(lines.mean), 1, False, LARGE))]
    if passages.mean.size:
        found.append(_excess(passages, np.ones(passages.mean.shape, bool) if told is None else told))
    known = np.concatenate([one.reshape(*one.shape[:3], -1) for one in found], axis=-1)
    comparisons = int(np.isfinite(known).sum())
    return _largest(known, comparisons, _heavy(len(counts), comparisons))


def unlikely_tails(groups: Groups) -> NDArray[np.bool_]:
    """Where the relative variance of a variance is larger than a sound run has it, by its own probability."""
    if len(groups.counts) < _TAIL_GROUPS or not groups.mean.size:
        return np.zeros(groups.mean.shape, bool)
    known = _excess(groups, np.ones(groups.mean.shape, bool))
    return np.nan_to_num(known) > _heavy(len(groups.counts), int(np.isfinite(known).sum()))


def _heavy(groups: int, comparisons: int) -> float:
    """Largest relative variance of a variance, of so many, in a sound run."""
    return max(TAIL, _tail_limit(groups, _sigmas(max(comparisons, 1))))


def _excess(groups: Groups, here: NDArray[np.bool_]) -> Array:
    """Relative variance of the variance; NaN where it is not asked for, and where nothing or rounding scatters."""
    mean, error = np.abs(groups.mean), groups.scatter()
    here = here & _scatters(groups) & (error > NOTHING * np.maximum(mean, error).max())
    square = _squares(groups.sums, groups.counts)
    whole = np.where(here, square.sum(axis=0), np.nan)
    return np.asarray((square**2).sum(axis=0) / whole**2 - 1.0 / len(groups.counts))


# Distributions, without scipy -----------------------------------------------------------------------------------------


def _normal_of_t(t: Array, nu: int) -> Array:
    """Normal number as improbable as Student's t (D. L. Wallace, Ann. Math. Stat. 30, 1124 (1959))."""
    return np.sqrt(nu * np.log1p(t * t / nu)) * ((8 * nu + 1) / (8 * nu + 3))


def _normal_of_F(F: Array, one: int, other: int) -> Array:
    """Normal number as improbable as a ratio of variances (E. Paulson, Ann. Math. Stat. 13, 233 (1942))."""
    a, b, root = 2.0 / (9.0 * one), 2.0 / (9.0 * other), np.cbrt(F)
    return ((1.0 - b) * root - (1.0 - a)) / np.sqrt(b * root**2 + a)


def _tail_limit(n: int, z: float) -> float:
    """Variance of the variance that n normal numbers pass with the probability of z.

    From the kurtosis' distribution of F. J. Anscombe and W. J. Glynn, Biometrika 70, 227 (1983).
    """
    mean = 3.0 * (n - 1) / (n + 1)
    spread = math.sqrt(24.0 * n * (n - 2) * (n - 3) / ((n + 3) * (n + 5))) / (n + 1)
    skew = 6.0 * (n * n - 5 * n + 2) / ((n + 7) * (n + 9))
    skew *= math.sqrt(6.0 * (n + 3) * (n + 5) / (n * (n - 2) * (n - 3)))
    A = 6.0 + 8.0 / skew * (2.0 / skew + math.sqrt(1.0 + 4.0 / skew**2))
    root = 1.0 - 2.0 / (9.0 * A) - z * math.sqrt(2.0 / (9.0 * A))
    if root <= 0.0:
        return _TAIL_MOST
    kurtosis = mean + spread * ((1.0 - 2.0 / A) / root**3 - 1.0) / math.sqrt(2.0 / (A - 4.0))
    return min((kurtosis - 1.0) / n, _TAIL_MOST)
