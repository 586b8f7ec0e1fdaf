"""From the books to named observables: channels, parts, harmonics or time bins, units and standard errors.

"Clock" is the axis that stands for time: `harmonic` for a periodic drive, `time` for a transient.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcpump.names import AXES, COMPONENTS, GAINS, PARTS, SPIN_ORBIT_TORQUE, harmonic_names, lines_of
from mcpump.problem.scene import Problem, Scene
from mcpump.tally.amplitudes import clocked, spins_of
from mcpump.tally.charge import charge_coordinates, charge_observables
from mcpump.tally.damping import damping_observables
from mcpump.tally.equilibrium import centres, diffusion_at, equilibrium, plane_axis
from mcpump.tally.estimates import Estimate
from mcpump.tally.exact_charge import exact_charge_coordinates, exact_charge_observables
from mcpump.tally.inverse_spin_hall import inverse_spin_hall_observables
from mcpump.tally.pumping import pumping_observables
from mcpump.tally.resolved import with_marks, without_fits
from mcpump.tally.scales import bins, channels_of, scale_of, spin_potential, units_of
from mcpump.tally.selfcheck import check_coordinates, check_estimates
from mcpump.tally.skew import skew_observables
from mcpump.tally.tally import Groups, Tally, quadrature
from mcpump.walk.projection import projects

Array = NDArray[np.float64]
MOST_CORRELATED = 64
"""Planes beyond which their covariance, whose size is the square of their number, is not made."""


def observables(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Every estimate of a run, by name; docs/RESULTS.md lists them.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    tally : Tally
        The books.
    """
    raw = walked_observables(problem, tally)
    passages = plane_groups(problem, tally)
    found = with_marks(problem, tally, raw, passages)
    found |= inverse_spin_hall_observables(problem, tally, found)
    found |= skew_observables(problem, tally, found, raw)
    found |= exact_charge_observables(problem, tally, found)
    found |= pumping_observables(problem, passages, budget_groups(problem, tally))
    found = without_fits(problem, found)
    found |= damping_observables(problem, found)
    return found | check_estimates(problem, tally, found, raw)


def walked_observables(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """What the books and the texture tell, before numbers that are not resolved are taken out."""
    found = profile_estimates(problem, tally) | total_estimates(problem, tally)
    if not problem.scene.pulse:
        found |= equilibrium(problem)
    return found | charge_observables(problem, tally)


def total_estimates(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """What totals tell: budget, planes, means, projections."""
    scene = problem.scene
    found = budget_estimates(problem, tally)
    if scene.planes:
        found |= plane_estimates(problem, tally)
    if not scene.time_bins:
        found |= mean_estimates(problem, tally)
    if projects(scene):
        found |= projection_estimates(tally)
    return found


def grouped_observables(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """What can be made of totals, of which groups of blocks are kept; what needs profiles is NaN without them."""
    found = total_estimates(problem, tally) | charge_observables(problem, tally)
    return found | pumping_observables(problem, plane_groups(problem, tally), budget_groups(problem, tally))


def profile_estimates(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Densities, torques, currents, their divergence and the spin potential on the mesh, as far as they are there.

    Walkers find the local and the diffusive part with different random numbers, so that variances add up to that of the
    total; deviations of what is known belong together and are added before they are squared.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    tally : Tally
        The books.

    Returns
    -------
    dict of str to Estimate
        (channel, part, clock, component, x[, y[, z]]), the current with `direction` after `part`.
    """
    scene, units = problem.scene, units_of(problem)
    mean, scatter, deviations = tally.profile_parts()

    def parts(books: Array, kind: str) -> Array:
        """Local and diffusive profile, (part, place · time bin, amplitude); a part that is not there is zero."""
        names = [f"{part} {kind}" for part in PARTS[:2]]
        return np.array([
            books[scene.profiles.index(name)] if name in scene.profiles else np.zeros_like(books[0])
            for name in names
        ])  # fmt: skip

    def on_mesh(kind: str, unit: str) -> tuple[Array, Array]:
        both, e, *moved = (parts(books, kind) for books in (mean, scatter, *deviations))
        errors = quadrature(np.concatenate([e, np.hypot(e[:1], e[1:])]), [_with_total(d) for d in moved])
        worth = scale_of(problem, unit)
        return _meshed(scene, _with_total(both), worth), np.abs(_meshed(scene, errors, worth))

    dims = ("channel", "part", scene.clock, "component", *AXES[: scene.axes])
    named = {
        "spin_density": ("density", "density", "non-equilibrium spin density g (rho_s = hbar nu J S + g)"),
        "torque": ("torque", "torque", "relaxation torque T"),
        "spin_current_divergence": ("divergence", "torque", "divergence of the walkers' spin current"),
        SPIN_ORBIT_TORQUE: (SPIN_ORBIT_TORQUE, "torque", "torque of spin-orbit coupling in flight"),
    }
    found = {
        name: Estimate(*on_mesh(kind, unit), dims, units[unit], title)
        for name, (kind, unit, title) in named.items()
        if f"local {kind}" in scene.profiles
    }
    currents = [on_mesh(f"current {axis}", "current") for axis in AXES[: scene.axes]]
    found["spin_current"] = Estimate(
        np.stack([one[0] for one in currents], axis=2), np.stack([one[1] for one in currents], axis=2),
        ("channel", "part", "direction", *dims[2:]), units["current"], "spin current of the walkers",
    )  # fmt: skip
    if scene.pulse:
        return found
    D = diffusion_at(scene, centres(scene)[0]).reshape(scene.cells[: scene.axes])
    return found | {"spin_potential": spin_potential(problem, found["spin_density"], D)}


def _with_total(parts: Array) -> Array:
    """Append the sum of the parts, first axis."""
    return np.concatenate([parts, parts.sum(axis=0, keepdims=True)])


def _meshed(scene: Scene, values: Array, worth: float) -> Array:
    """(part, place · time bin, amplitude) → (channel, part, clock, component, x[, y[, z]]), times `worth`."""
    split = np.moveaxis(clocked(scene, spins_of(scene, values, worth)), 3, 1)
    return split.reshape(*split.shape[:-1], *scene.cells[: scene.axes])


def plane_groups(problem: Problem, tally: Tally) -> Groups:
    """Spin current through each plane, mean over its area, (groups, part, channel, clock, component, plane)."""
    scene, worth = problem.scene, scale_of(problem, "current")

    def arranged(sums: Array) -> Array:
        """Arrange (groups, part, plane · time bin, amplitude)."""
        both = np.concatenate([sums, sums.sum(axis=1, keepdims=True)], axis=1)
        return np.moveaxis(clocked(scene, spins_of(scene, both, worth)), (3, 4), (0, 1))

    return tally.groups("passages").map(arranged)


def plane_estimates(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Spin current through each plane (mean over its area), its covariance, the local share, and ratios of channels.

    Parameters
    ----------
    problem : Problem
        The deck made ready, with planes.
    tally : Tally
        The books.

    Returns
    -------
    dict of str to Estimate
        `plane_current` (channel, part, direction or normal, clock, component, plane), `local_share`,
        `plane_current_covariance` of `MOST_CORRELATED` planes or fewer, and where the channels are there `ladder_ratio`,
        `exact_ratio`.
    """
    scene, units, parts = problem.scene, units_of(problem), plane_groups(problem, tally)
    mean, error = (np.moveaxis(values, 0, 1)[:, :, None] for values in (parts.mean, parts.stderr()))
    share, share_error = parts.ratio(lambda m: m[0], lambda m: m[2])
    clock = (scene.clock, "component")
    found = {
        "plane_current": Estimate(
            mean, error, ("channel", "part", plane_axis(scene), *clock, "plane"), units["current"],
            "spin current through planes along x, mean over the plane",
        ),
    }  # fmt: skip
    if len(scene.planes) <= MOST_CORRELATED:
        both = parts.map(lambda s: np.concatenate([s[:, 0], s[:, 1]], axis=-1))
        found["plane_current_covariance"] = Estimate(
            both.covariance(), None, ("channel", *clock, "plane_part", "plane_part_2"),
            f"({units['current']})^2", "covariance of the planes' local and diffusive currents",
        )  # fmt: skip
    found["local_share"] = Estimate(
        share, share_error, ("channel", *clock, "plane"), "1",
        "local share of the spin current through planes",
    )  # fmt: skip
    return found | channel_ratios(problem, parts, "current", (*clock, "plane"))


def channel_ratios(problem: Problem, parts: Groups, what: str, dims: tuple[str, ...]) -> dict[str, Estimate]:
    """How far channels differ: second_ladder over second (diffusive), exact over what it tends to for J → 0 (total).

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    parts : Groups
        (groups, part, channel, ...).
    what : str
        What they are, in words.
    dims : tuple of str
        Names of the axes behind `channel`.
    """
    channels = channels_of(problem)
    found = {}
    if {"second", "second_ladder"} <= set(channels):
        ladder, second = channels.index("second_ladder"), channels.index("second")
        value, error = parts.ratio(lambda m: m[1, ladder], lambda m: m[1, second])
        title = f"diffusive {what} of second_ladder over that of second"
        found["ladder_ratio"] = Estimate(value, error, dims, "1", title)
    names = lowest_orders(channels)
    if names:
        exact, lowest = channels.index("exact"), [channels.index(name) for name in names]
        value, error = parts.ratio(lambda m: m[2, exact], lambda m: m[2, lowest].sum(axis=0))
        title = f"total {what} of exact over that of {' + '.join(names)}"
        found["exact_ratio"] = Estimate(value, error, dims, "1", title)
    return found


def lowest_orders(channels: tuple[str, ...]) -> list[str]:
    """Channels whose sum `exact` tends to as J → 0, where they are walked beside it; else none."""
    second = [name for name in ("second_ladder", "second") if name in channels][:1]
    complete = "exact" in channels and "first" in channels and second
    return ["first", *second] if complete else []


def projection_estimates(tally: Tally) -> dict[str, Estimate]:
    """First-order current projected on ħνJτD ∇Ṡ, and its local share: Fig. 3 of the paper in one number a run."""
    parts = tally.groups("projections")
    parts = parts.map(lambda s: np.concatenate([s, s.sum(axis=1, keepdims=True)], axis=1))
    share, error = parts.estimate(lambda m: np.divide(m[0], m[2], out=np.full((), np.nan), where=m[2] != 0.0))
    return {
        "first_order_projection": Estimate(
            parts.mean,
            parts.stderr(),
            ("part",),
            "1",
            "first-order current projected on hbar nu J tau D grad dS/dt",
        ),
        "first_order_local_share": Estimate(
            share, error, (), "1", "local share of the first-order current, projected on grad dS/dt"
        ),
    }


def mean_estimates(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Sample mean of the density, and without planes ratios of channels in it.

    Without a sink the DC mean is undefined, and the AC mean follows from the budget.
    """
    scene = problem.scene
    means = tally.groups("means")
    title = "spin density g, mean over the sample"
    if not scene.has_sink:
        stored = tally.groups("budget").map(lambda s: _mean_from_stored(scene, s))
        means = means.map(lambda s, both: np.stack([s[:, 0], both - s[:, 0]], axis=1), stored)
        title += " (DC undefined: the sample has no sink)"
    worth = scale_of(problem, "density")
    means = means.map(lambda s: np.concatenate([s, s.sum(axis=1, keepdims=True)], axis=1))
    means = means.map(lambda s: np.moveaxis(spins_of(scene, s, worth), (3, 4), (0, 1)))
    mean, error = np.moveaxis(means.mean, 0, 1), np.moveaxis(means.stderr(), 0, 1)
    dims = ("channel", "part", "harmonic", "component")
    found = {"spin_density_mean": Estimate(mean, error, dims, units_of(problem)["density"], title)}
    if not scene.planes:
        found |= channel_ratios(problem, means, "density, mean over the sample,", dims[2:])
    return found


def _mean_from_stored(scene: Scene, budget: Array) -> Array:
    """Sample mean of the AC density from what is stored, ∂_t of it: budget (groups, lines, amplitudes); DC NaN."""
    lines = lines_of(scene.axes)
    stored = budget[:, lines.index("stored")] + budget[:, lines.index("cut")]
    rates = stored.reshape(len(stored), -1, scene.time_functions, 3)
    mean = np.full_like(rates, np.nan)
    rate = np.arange(1, scene.harmonics + 1)[:, None] * (scene.Omega * scene.lengths[0])
    moving = np.broadcast_to(rate > 0.0, rates[:, :, 1::2].shape)
    for at, values in ((1, -rates[:, :, 2::2]), (2, rates[:, :, 1::2])):
        mean[:, :, at::2] = np.divide(values, rate, out=np.zeros_like(values), where=moving)
    return mean.reshape(stored.shape)


def _budget_kind(problem: Problem) -> str:
    """Kind of quantity of a budget: currents, or what passes in all of a transient."""
    return "content" if problem.scene.time_bins else "current"


def budget_groups(problem: Problem, tally: Tally) -> Groups:
    """Lines of the spin budget per area of the faces along x, (groups, line, channel, harmonic, component)."""
    scene, worth = problem.scene, scale_of(problem, _budget_kind(problem))
    return tally.groups("budget").map(lambda s: np.moveaxis(spins_of(scene, s, worth), (3, 4), (0, 1)))


def budget_estimates(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Lines of the spin budget per area of the faces along x, and by how much they fail to close.

    A transient's budget is over all its time, up to the end of the last bin; it stands at the one harmonic "dc".
    """
    names, kind = problem.scene.lines, _budget_kind(problem)
    lines = budget_groups(problem, tally)
    gains = np.array([name in GAINS for name in names])
    rest = np.einsum("l,l...->...", np.where(gains, 1.0, -1.0), lines.mean)
    gained = np.abs(lines.mean[gains]).sum(axis=0)
    imbalance = np.divide(rest, gained, out=np.zeros_like(rest), where=gained > 0.0)
    dims, gained_by = (
        ("channel", "harmonic", "component"),
        " + ".join(name for name in names if name in GAINS),
    )
    return {
        "budget": Estimate(
            lines.mean, lines.stderr(), ("line", *dims), units_of(problem)[kind],
            f"spin budget per area: {gained_by} = stored + relaxed + left + cut",
        ),
        "budget_imbalance": Estimate(
            imbalance, None, dims, "1",
            f"{gained_by} − stored − relaxed − left − cut, over {gained_by}",
        ),
    }  # fmt: skip


def coordinates(problem: Problem) -> dict[str, Estimate | tuple[str, ...]]:
    """Axes of the results: numbers with units, or labels.

    Parameters
    ----------
    problem : Problem
        The deck made ready.

    Returns
    -------
    dict
        `x`, `x_edge` (and y, z), `channel`, `part`, `direction` (of the mesh's currents), `component`, `line`,
        `harmonic`; `time`, `time_edge` of a transient; `plane`, `plane_part` (as `plane_current_covariance`), and
        `normal` (of the planes) where the mesh has more directions than x.
    """
    scene, units = problem.scene, units_of(problem)
    found: dict[str, Estimate | tuple[str, ...]] = {}

    def axis(name: str, values: Array, kind: str, title: str) -> None:
        found[name] = Estimate(values, None, (name,), units[kind], title)

    def mesh(name: str, end: float, count: int, kind: str, what: str) -> None:
        middles, edges = bins(end, count)
        axis(name, middles, kind, f"centre of {what}")
        axis(f"{name}_edge", edges, kind, f"edge of {what}")

    for name, length, cells in zip(AXES[: scene.axes], problem.extents.lengths, scene.cells, strict=False):
        mesh(name, length, cells, "length", "cell")
    labels = {"channel": channels_of(problem), "part": PARTS, "direction": AXES[: scene.axes]}
    found |= labels | {"component": COMPONENTS, "line": scene.lines}
    found["harmonic"] = harmonic_names(scene.harmonics)
    if scene.time_bins:
        mesh("time", problem.extents.end, scene.time_bins, "time", "time bin")
    if scene.planes:
        axis("plane", np.array(problem.extents.planes), "length", "position of plane")
        if len(scene.planes) <= MOST_CORRELATED:
            pairs = tuple(f"{part}@{i}" for part in PARTS[:2] for i in range(len(scene.planes)))
            found["plane_part"] = found["plane_part_2"] = pairs
        if plane_axis(scene) == "normal":
            found["normal"] = ("x",)
    charge = {**charge_coordinates(scene), **exact_charge_coordinates(scene)}
    return {**found, **charge, **check_coordinates()}
