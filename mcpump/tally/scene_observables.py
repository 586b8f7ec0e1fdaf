"""From the books of the general walk to named observables: any mesh, any channels, harmonics or time bins.

All numbers of the books are in reduced units already. "Clock" is the axis that stands for time: `harmonic` for a
periodic drive, `time` for a transient.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcpump.names import COMPONENTS, PARTS, harmonic_names, lines_of
from mcpump.problem.scene import Problem, Scene
from mcpump.tally.estimates import Estimate
from mcpump.tally.scales import bins, channels_of, scale_of, scene_of, spin_potential, units_of
from mcpump.tally.scene_equilibrium import centres, clock_of, diffusion_at, plane_axis, scene_equilibrium
from mcpump.tally.tally import Groups, Tally
from mcpump.walk.blocks import has_sink, has_sum

Array = NDArray[np.float64]
AXES = ("x", "y", "z")
VAGUE = 4.0
"""A number smaller than so many of its errors is no denominator."""


def scene_observables(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Every estimate of a run of the general walk, by name; docs/RESULTS.md lists them.

    Parameters
    ----------
    problem : Problem
        The deck made ready; its model is a Scene.
    tally : Tally
        The books.
    """
    scene = scene_of(problem)
    found = profile_estimates(problem, tally)
    if scene.planes:
        found |= plane_estimates(problem, tally)
    if not scene.time_bins:
        found |= mean_estimates(problem, tally)
    return found | budget_estimates(problem, tally) | scene_equilibrium(problem)


def unpacked(scene: Scene, packed: Array) -> Array:
    """Map the last axis (amplitudes) to three leading ones (channel, harmonic, component); a transient has 1 harmonic.

    Sources of charge are left out; those are for `mcpump.tally.charge`.
    """
    spins, sums = len(scene.channels), slice(len(scene.walked), len(scene.walked) + int(has_sum(scene)))
    width = scene.time_functions * 3
    split = packed.reshape(*packed.shape[:-1], packed.shape[-1] // width, scene.time_functions, 3)
    split = np.concatenate([split[..., :spins, :, :], split[..., sums, :, :]], axis=-3)
    return np.moveaxis(split, (-3, -2, -1), (0, 1, 2))


def clocked(scene: Scene, values: Array) -> Array:
    """(channel, harmonic, component, ..., place · time bin) → (channel, clock, component, ..., place)."""
    if not scene.time_bins:
        return values
    places = values.shape[-1] // scene.time_bins
    split = values[:, 0].reshape(*values.shape[:1], *values.shape[2:-1], places, scene.time_bins)
    return np.moveaxis(split, -1, 1)


def profile_estimates(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Densities, torques, currents, their divergence and the spin potential on the mesh.

    The local and the diffusive part are walked with different random numbers, so the variance of the total is the
    sum of theirs.

    Parameters
    ----------
    problem : Problem
        The deck made ready; its model is a Scene.
    tally : Tally
        The books.

    Returns
    -------
    dict of str to Estimate
        (channel, part, clock, component, x[, y[, z]]), the current with `direction` after `part`.
    """
    scene, units = scene_of(problem), units_of(problem)
    mean, stderr = tally.profiles()
    kinds = 3 + scene.axes

    def on_mesh(kind: int, unit: str) -> tuple[Array, Array]:
        m, e = (books[[kind, kinds + kind]] for books in (mean, stderr))
        both = np.concatenate([m, m.sum(axis=0, keepdims=True)])
        errors = np.concatenate([e, np.hypot(e[:1], e[1:])])
        return _meshed(scene, both) * scale_of(problem, unit), _meshed(scene, errors) * scale_of(
            problem, unit
        )

    dims = ("channel", "part", clock_of(scene), "component", *AXES[: scene.axes])
    named = {
        "spin_density": (0, "density", "non-equilibrium spin density g (rho_s = hbar nu J S + g)"),
        "torque": (1, "torque", "relaxation torque T"),
        "spin_current_divergence": (2, "torque", "divergence of the walkers' spin current"),
    }
    found = {
        name: Estimate(*on_mesh(kind, unit), dims, units[unit], title)
        for name, (kind, unit, title) in named.items()
    }
    currents = [on_mesh(3 + axis, "current") for axis in range(scene.axes)]
    found["spin_current"] = Estimate(
        np.stack([one[0] for one in currents], axis=2), np.stack([one[1] for one in currents], axis=2),
        ("channel", "part", "direction", *dims[2:]), units["current"], "spin current of the walkers",
    )  # fmt: skip
    D = diffusion_at(scene, centres(scene)[0]).reshape(scene.cells[: scene.axes])
    return found | {"spin_potential": spin_potential(problem, found["spin_density"], D)}


def _meshed(scene: Scene, values: Array) -> Array:
    """(part, place · time bin, amplitude) → (channel, part, clock, component, x[, y[, z]])."""
    split = np.moveaxis(clocked(scene, unpacked(scene, values)), 3, 1)
    return split.reshape(*split.shape[:-1], *scene.cells[: scene.axes])


def plane_groups(problem: Problem, tally: Tally) -> Groups:
    """Spin current through each plane, mean over its area, (groups, part, channel, clock, component, plane)."""
    scene, worth = scene_of(problem), scale_of(problem, "current")

    def arranged(sums: Array) -> Array:
        """Arrange (groups, part, plane · time bin, amplitude)."""
        both = np.concatenate([sums, sums.sum(axis=1, keepdims=True)], axis=1)
        return worth * np.moveaxis(clocked(scene, unpacked(scene, both)), (3, 4), (0, 1))

    return tally.groups("passages").map(arranged)


def plane_estimates(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Spin current through each plane (mean over its area), its covariance, the local share, and ratios of channels.

    Parameters
    ----------
    problem : Problem
        The deck made ready; its model is a Scene with planes.
    tally : Tally
        The books.

    Returns
    -------
    dict of str to Estimate
        `plane_current` (channel, part, direction or normal, clock, component, plane), `plane_current_covariance`,
        `local_share`, and where the channels are there `ladder_ratio`, `exact_ratio`.
    """
    scene, units, parts = scene_of(problem), units_of(problem), plane_groups(problem, tally)
    mean, error = (np.moveaxis(values, 0, 1)[:, :, None] for values in (parts.mean, parts.stderr()))
    both = parts.map(lambda s: np.concatenate([s[:, 0], s[:, 1]], axis=-1))
    share, share_error = ratio(parts, lambda m: m[0], lambda m: m[2])
    clock = (clock_of(scene), "component")
    found = {
        "plane_current": Estimate(
            mean, error, ("channel", "part", plane_axis(scene), *clock, "plane"), units["current"],
            "spin current through planes along x, mean over the plane",
        ),
        "plane_current_covariance": Estimate(
            both.covariance(), None, ("channel", *clock, "plane_part", "plane_part_2"),
            f"({units['current']})^2", "covariance of the planes' local and diffusive currents",
        ),
        "local_share": Estimate(
            share, share_error, ("channel", *clock, "plane"), "1",
            "local share of the spin current through planes",
        ),
    }  # fmt: skip
    return found | channel_ratios(problem, parts, "current", (*clock, "plane"))


def ratio(groups: Groups, above, below) -> tuple[Array, Array]:  # type: ignore[no-untyped-def]
    """Ratio of two linear functions of the means and its error; NaN where the lower one may be zero."""
    with np.errstate(invalid="ignore", divide="ignore"):
        value, error = groups.estimate(lambda m: above(m) / below(m))
    # m as a whole stands behind the groups' axis
    lower = groups.map(lambda s: np.array([below(one) for one in s]))
    vague = np.abs(lower.mean) < VAGUE * lower.stderr()
    return np.where(vague, np.nan, value), np.where(vague, np.nan, error)


def channel_ratios(problem: Problem, parts: Groups, what: str, dims: tuple[str, ...]) -> dict[str, Estimate]:
    """How far channels differ: second_ladder over second (diffusive), exact over what it tends to for J → 0 (total).

    Parameters
    ----------
    problem : Problem
        The deck made ready; its model is a Scene.
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
        value, error = ratio(parts, lambda m: m[1, ladder], lambda m: m[1, second])
        title = f"diffusive {what} of second_ladder over that of second"
        found["ladder_ratio"] = Estimate(value, error, dims, "1", title)
    names = lowest_orders(channels)
    if names:
        exact, lowest = channels.index("exact"), [channels.index(name) for name in names]
        value, error = ratio(parts, lambda m: m[2, exact], lambda m: m[2, lowest].sum(axis=0))
        title = f"total {what} of exact over that of {' + '.join(names)}"
        found["exact_ratio"] = Estimate(value, error, dims, "1", title)
    return found


def lowest_orders(channels: tuple[str, ...]) -> list[str]:
    """Channels whose sum `exact` tends to as J → 0, where they are walked beside it; else none."""
    second = [name for name in ("second_ladder", "second") if name in channels][:1]
    complete = "exact" in channels and "first" in channels and second
    return ["first", *second] if complete else []


def mean_estimates(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Sample mean of the density, and without planes ratios of channels in it.

    Without a sink the DC mean is undefined, and the AC mean follows from the budget.
    """
    scene = scene_of(problem)
    means = tally.groups("means")
    title = "spin density g, mean over the sample"
    if not has_sink(scene):
        stored = tally.groups("budget").map(lambda s: _mean_from_stored(scene, s))
        means = Groups(np.stack([means.sums[:, 0], stored.sums - means.sums[:, 0]], axis=1), means.counts)
        title += " (DC undefined: the sample has no sink)"
    worth = scale_of(problem, "density")
    means = means.map(lambda s: np.concatenate([s, s.sum(axis=1, keepdims=True)], axis=1))
    means = means.map(lambda s: worth * np.moveaxis(unpacked(scene, s), (3, 4), (0, 1)))
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
    n = np.arange(1, scene.harmonics + 1)[:, None]
    rate = n * (2.0 * np.pi / scene.period * scene.lengths[0])
    mean[:, :, 1::2], mean[:, :, 2::2] = -rates[:, :, 2::2] / rate, rates[:, :, 1::2] / rate
    return mean.reshape(stored.shape)


def _budget_kind(problem: Problem) -> str:
    """Kind of quantity of a budget: currents, or what passes in all of a transient."""
    return "content" if scene_of(problem).time_bins else "current"


def budget_groups(problem: Problem, tally: Tally) -> Groups:
    """Lines of the spin budget per area of the faces along x, (groups, line, channel, harmonic, component)."""
    scene, worth = scene_of(problem), scale_of(problem, _budget_kind(problem))
    return tally.groups("budget").map(lambda s: worth * np.moveaxis(unpacked(scene, s), (3, 4), (0, 1)))


def budget_estimates(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Lines of the spin budget per area of the faces along x, and by how much they fail to close.

    A transient's budget is over all its time, up to the end of the last bin; it stands at the one harmonic "dc".
    """
    names, kind = lines_of(scene_of(problem).axes), _budget_kind(problem)
    lines = budget_groups(problem, tally)
    signs = np.array([1.0, 1.0] + [-1.0] * (len(names) - 2))
    rest = np.einsum("l,l...->...", signs, lines.mean)
    gained = np.abs(lines.mean[:2]).sum(axis=0)
    imbalance = np.divide(rest, gained, out=np.zeros_like(rest), where=gained > 0.0)
    dims = ("channel", "harmonic", "component")
    return {
        "budget": Estimate(
            lines.mean, lines.stderr(), ("line", *dims), units_of(problem)[kind],
            "spin budget per area: emitted + torque = stored + relaxed + left + cut",
        ),
        "budget_imbalance": Estimate(
            imbalance, None, dims, "1",
            "emitted + torque − stored − relaxed − left − cut, over emitted + torque",
        ),
    }  # fmt: skip


def scene_coordinates(problem: Problem) -> dict[str, Estimate | tuple[str, ...]]:
    """Axes of the results of the general walk: numbers with units, or labels.

    Parameters
    ----------
    problem : Problem
        The deck made ready; its model is a Scene.

    Returns
    -------
    dict
        `x`, `x_edge` (and y, z), `channel`, `part`, `direction` (of the mesh's currents), `component`, `line`,
        `harmonic`; `time`, `time_edge` of a transient; `plane`, `plane_part`, and `normal` (of the planes) where the
        mesh has more directions than x.
    """
    scene, units = scene_of(problem), units_of(problem)
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
    found |= labels | {"component": COMPONENTS, "line": lines_of(scene.axes)}
    found["harmonic"] = harmonic_names(scene.harmonics)
    if scene.time_bins:
        mesh("time", problem.extents.end, scene.time_bins, "time", "time bin")
    if scene.planes:
        axis("plane", np.array(problem.extents.planes), "length", "position of plane")
        pairs = tuple(f"{part}@{i}" for part in PARTS[:2] for i in range(len(scene.planes)))
        found["plane_part"] = found["plane_part_2"] = pairs
        if plane_axis(scene) == "normal":
            found["normal"] = ("x",)
    return found
