"""From the books to named observables: channels, parts, harmonics, units and standard errors.

Here those of the fast walk; what the general walk has measured goes to `mcpump.tally.scene_observables`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcpump.names import COMPONENTS, LINES, PARTS, harmonic_names
from mcpump.problem.scene import Model, Problem, Scene
from mcpump.tally import scene_observables as general
from mcpump.tally.charge import charge_coordinates, charge_observables
from mcpump.tally.equilibrium import equilibrium
from mcpump.tally.estimates import Estimate
from mcpump.tally.pumping import pumping_observables
from mcpump.tally.resolved import with_marks, without_fits
from mcpump.tally.scales import bins, channels_of, fast_model, spin_potential, units_of
from mcpump.tally.selfcheck import check_coordinates, check_estimates
from mcpump.tally.tally import Groups, Tally
from mcpump.walk.blocks import has_sink
from mcpump.walk.spin import SIZES

Array = NDArray[np.float64]
VAGUE = 4.0
"""A total smaller than so many of its errors has no local share."""


def unpacking(problem: Problem) -> tuple[NDArray[np.intp], Array]:
    """Where each (channel, harmonic, component) lies among the packed amplitudes (−1: exactly zero), and its unit.

    Returns
    -------
    index, factor : (channels, harmonics, 3) arrays
        The factor turns raw units into reduced ones: Ωτ, times 2Jτ/ħ for `second`; 1 for a pulse.
    """
    model = fast_model(problem)
    size = SIZES[model.harmonics]
    drive = 1.0 if model.pulse else model.Omega
    first, second = [-1, 3, 9, -1, -1], [0, 6, 12, 15, 18]
    both = [0, size, size + 3, 15, 18]
    if model.pulse:
        first = [0]
    weak = drive * 2.0 * problem.exchange
    table = {
        "first": (first, [drive] * 5),
        "second": (second, [weak] * 5),
        "sum": (both, [weak, drive, drive, weak, weak]),
    }
    count = 1 + 2 * model.harmonics
    index = np.array([table[name][0][:count] for name in channels_of(problem)])[:, :, None]
    factor = np.array([table[name][1][:count] for name in channels_of(problem)])[:, :, None]
    index = np.where(index < 0, -1, index + np.arange(3))
    return index, np.broadcast_to(factor, index.shape)


class Unpacker:
    """Turns arrays of packed amplitudes into (channel, ..., harmonic, component, ...) in the deck's units."""

    def __init__(self, problem: Problem) -> None:
        self.index, self.factor = unpacking(problem)
        self.scales = problem.scales

    def __call__(self, packed: Array, kind: str) -> Array:
        """Map the last axis (amplitudes) to three leading ones (channel, harmonic, component)."""
        scale = 1.0 if kind == "" else getattr(self.scales, kind)
        padded = np.concatenate([packed, np.zeros((*packed.shape[:-1], 1))], axis=-1)
        unpacked = padded[..., self.index] * (self.factor * scale)
        return np.moveaxis(unpacked, (-3, -2, -1), (0, 1, 2))


def observables(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Every estimate of a run, by name; docs/RESULTS.md lists them.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    tally : Tally
        The books.
    """
    if isinstance(problem.model, Scene):
        scene = problem.model
        raw = general.scene_observables(problem, tally) | charge_observables(problem, tally)
        passages = general.plane_groups(problem, tally)
        found = with_marks(problem, tally, raw, passages)
        found |= pumping_observables(problem, passages, general.budget_groups(problem, tally))
        found = without_fits(problem, found)
        return found | check_estimates(problem, tally, found, raw, lambda s: general.unpacked(scene, s))
    found = profile_estimates(problem, tally)
    if not problem.model.pulse:
        found["spin_potential"] = spin_potential(
            problem, found["spin_density"], 1.0 / problem.model.dimension
        )
        found |= mean_estimates(problem, tally) | equilibrium(problem) | projection_estimates(problem, tally)
        found |= plane_estimates(problem, tally) if problem.model.planes else {}
    planes = None if problem.model.pulse else plane_groups(problem, tally)
    raw, found = found, with_marks(problem, tally, found, planes)
    if planes is not None:
        found |= pumping_observables(problem, planes, budget_groups(problem, tally))
        found = without_fits(problem, found)
    found |= budget_estimates(problem, tally)
    unpack = Unpacker(problem)
    return found | check_estimates(problem, tally, found, raw, lambda s: unpack(s, ""))


def profile_estimates(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Densities, currents and torques on the mesh (and in time bins for a pulse).

    The local and the diffusive part are walked with different random numbers, so the variance of the
    total is the sum of theirs.
    """
    model, unpack, units = fast_model(problem), Unpacker(problem), units_of(problem)
    mean, stderr = tally.profiles()
    none = np.zeros_like(mean[0])
    kinds = {
        "spin_density": ((0, 3), "density", "non-equilibrium spin density g (rho_s = hbar nu J S + g)"),
        "spin_current": ((1, 4), "current", "spin current of the walkers along x"),
        "torque": ((2, None), "torque", "relaxation torque T"),
    }
    found = {}
    for name, ((local, diffusive), unit, title) in kinds.items():
        if name == "torque" and model.pulse:
            continue
        m = [mean[local], none if diffusive is None else mean[diffusive]]
        e = [stderr[local], none if diffusive is None else stderr[diffusive]]
        means = np.stack([unpack(part, unit) for part in (*m, m[0] + m[1])], axis=1)
        errors = np.abs(np.stack([unpack(part, unit) for part in (*e, np.hypot(*e))], axis=1))
        dims: tuple[str, ...] = ("channel", "part", "harmonic", "component", "x")
        if model.pulse:
            means, errors = (_time_axis(model, array) for array in (means, errors))
            dims = ("channel", "part", "time", "component", "x")
        if name == "spin_current":
            means, errors = np.expand_dims(means, 2), np.expand_dims(errors, 2)
            dims = ("channel", "part", "direction", *dims[2:])
        found[name] = Estimate(means, errors, dims, units[unit], title)
    return found


def _time_axis(model: Model, values: Array) -> Array:
    """(channel, part, 1, component, x · time) → (channel, part, time, component, x)."""
    split = values[:, :, 0].reshape(*values.shape[:2], 3, model.cells, model.time_bins)
    return np.moveaxis(split, -1, 2)


def plane_groups(problem: Problem, tally: Tally) -> Groups:
    """Net spin passing each plane, (groups, part, channel, harmonic, component, plane)."""
    unpack = Unpacker(problem)
    parts = tally.groups("passages").map(lambda s: np.concatenate([s, s.sum(axis=1, keepdims=True)], axis=1))
    return parts.map(lambda s: np.moveaxis(unpack(s, "current"), (3, 4), (0, 1)))


def plane_estimates(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Net spin passing each plane, its covariance, and the local share."""
    if isinstance(problem.model, Scene):
        return general.plane_estimates(problem, tally)
    units, parts = units_of(problem), plane_groups(problem, tally)
    mean = np.moveaxis(parts.mean, 0, 1)[:, :, None]
    error = np.moveaxis(parts.stderr(), 0, 1)[:, :, None]
    dims = ("channel", "part", "direction", "harmonic", "component", "plane")
    both = parts.map(lambda s: np.concatenate([s[:, 0], s[:, 1]], axis=-1))
    with np.errstate(invalid="ignore", divide="ignore"):
        share, share_error = parts.estimate(lambda m: m[0] / m[2])
    # a ratio of two numbers means nothing where the lower one may be zero
    vague = np.abs(parts.mean[2]) < VAGUE * parts.stderr()[2]
    share, share_error = np.where(vague, np.nan, share), np.where(vague, np.nan, share_error)
    return {
        "plane_current": Estimate(mean, error, dims, units["current"], "spin current through planes along x"),
        "plane_current_covariance": Estimate(
            both.covariance(), None, ("channel", "harmonic", "component", "plane_part", "plane_part_2"),
            f"({units['current']})^2", "covariance of the planes' local and diffusive currents",
        ),
        "local_share": Estimate(
            share, share_error, ("channel", "harmonic", "component", "plane"), "1",
            "local share of the spin current through planes",
        ),
    }  # fmt: skip


def projection_estimates(problem: Problem, tally: Tally) -> dict[str, Estimate]:
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
    """Sample mean of the density; without a sink the DC mean is undefined, the AC mean follows from the budget."""
    model, unpack = fast_model(problem), Unpacker(problem)
    means = tally.groups("means")
    if not has_sink(model):
        stored = tally.groups("budget").map(lambda s: _mean_from_stored(model, s))
        means = Groups(np.stack([means.sums[:, 0], stored.sums - means.sums[:, 0]], axis=1), means.counts)
    means = means.map(lambda s: np.concatenate([s, s.sum(axis=1, keepdims=True)], axis=1))
    means = means.map(lambda s: np.moveaxis(unpack(s, "density"), (3, 4), (0, 1)))
    mean, error = np.moveaxis(means.mean, 0, 1), np.moveaxis(means.stderr(), 0, 1)
    title = "spin density g, mean over the sample"
    if not has_sink(model):
        title += " (DC undefined: the sample has no sink)"
    return {
        "spin_density_mean": Estimate(
            mean, error, ("channel", "part", "harmonic", "component"), units_of(problem)["density"], title
        )
    }


def _mean_from_stored(model: Model, budget: Array) -> Array:
    """Sample mean of the AC density from what is stored, ∂_t of it: budget (groups, lines, amplitudes); DC NaN."""
    stored = budget[:, LINES.index("stored")] + budget[:, LINES.index("cut")]
    mean = np.full_like(stored, np.nan)
    size = SIZES[model.harmonics]
    pairs = [(slice(3, 9), slice(9, 15), 1), (slice(15, 18), slice(18, 21), 2)][: model.harmonics]
    if model.harmonics > 0:
        pairs.append((slice(size, size + 3), slice(size + 3, size + 6), 1))
    for cosine, sine, n in pairs:
        rate = n * model.Omega * model.length
        mean[:, sine] = stored[:, cosine] / rate if rate > 0.0 else 0.0
        mean[:, cosine] = -stored[:, sine] / rate if rate > 0.0 else 0.0
    return mean


def budget_groups(problem: Problem, tally: Tally) -> Groups:
    """Lines of the spin budget per area, (groups, line, channel, harmonic, component)."""
    unpack = Unpacker(problem)
    return tally.groups("budget").map(lambda s: np.moveaxis(unpack(s, "current"), (3, 4), (0, 1)))


def budget_estimates(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Lines of the spin budget per area, and by how much they fail to close."""
    units, lines = units_of(problem), budget_groups(problem, tally)
    signs = np.array([1.0, 1.0] + [-1.0] * (len(LINES) - 2))
    rest = np.einsum("l,l...->...", signs, lines.mean)
    gained = np.abs(lines.mean[:2]).sum(axis=0)
    imbalance = np.divide(rest, gained, out=np.zeros_like(rest), where=gained > 0.0)
    unit = units["current"] if not fast_model(problem).pulse else "1"
    return {
        "budget": Estimate(
            lines.mean, lines.stderr(), ("line", "channel", "harmonic", "component"), unit,
            "spin budget per area: emitted + torque = stored + relaxed + left + cut",
        ),
        "budget_imbalance": Estimate(
            imbalance, None, ("channel", "harmonic", "component"), "1",
            "emitted + torque − stored − relaxed − left − cut, over emitted + torque",
        ),
    }  # fmt: skip


def coordinates(problem: Problem) -> dict[str, Estimate | tuple[str, ...]]:
    """Axes of the results: numbers with units, or labels."""
    found: dict[str, Estimate | tuple[str, ...]]
    if isinstance(problem.model, Scene):
        found = general.scene_coordinates(problem)
        return {**found, **charge_coordinates(problem.model), **check_coordinates()}
    model, extents, units = problem.model, problem.extents, units_of(problem)
    centres, edges = bins(extents.lengths[0], model.cells)

    def axis(name: str, values: Array, unit: str, title: str) -> Estimate:
        return Estimate(values, None, (name,), unit, title)

    found = {
        "x": axis("x", centres, units["length"], "cell centre"),
        "x_edge": axis("x_edge", edges, units["length"], "cell edge"),
        "channel": channels_of(problem),
        "part": PARTS,
        "direction": ("x",),
        "component": COMPONENTS,
        "line": LINES,
        "harmonic": harmonic_names(model.harmonics),
    }
    if model.pulse:
        middles, times = bins(extents.end, model.time_bins)
        found["time"] = axis("time", middles, units["time"], "centre of time bin")
        found["time_edge"] = axis("time_edge", times, units["time"], "edge of time bin")
    elif extents.planes:
        planes = extents.planes
        found["plane"] = axis("plane", np.array(planes), units["length"], "position of plane")
        labels = tuple(f"{part}@{i}" for part in PARTS[:2] for i in range(len(planes)))
        found["plane_part"] = found["plane_part_2"] = labels
    return found | check_coordinates()
