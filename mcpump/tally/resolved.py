"""Numbers that a run does not resolve: NaN, value and error.

Where first flights are known without walkers there are two reasons, both found in the sums:

    rare      a few groups of blocks make up most of a plane's error: relative variance of the variance
    nothing   nobody came to a place that can be reached

Walks that sample first flights have more (`rare_flights`).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mcpump.problem.scene import Problem, Scene
from mcpump.tally.estimates import Estimate
from mcpump.tally.marks import (
    DIFFUSIVE,
    NOBODY,
    ON_MESH,
    RARE,
    TOTAL,
    Marks,
    clock_axis,
    marked_parts,
    marked_ratios,
    more_than_rounding,
    nan_at,
    parts_first,
)
from mcpump.tally.rare_flights import with_rare_flights_marked
from mcpump.tally.selfcheck import unlikely_tails
from mcpump.tally.tally import Groups, Tally
from mcpump.walk.known import Known

COUNTED = 4.0
"""A number of a pulse, where nothing cancels, is resolved where it is so many squares of its error."""
_FITS = ("pumping_", "mixing_conductance")


def with_marks(
    problem: Problem, tally: Tally, found: dict[str, Estimate], passages: Groups
) -> dict[str, Estimate]:
    """Put NaN where a run's numbers are not resolved.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    tally : Tally
        The books.
    found : dict of str to Estimate
        What they tell.
    passages : Groups
        Currents through planes by groups: (groups, part, channel, clock, component, plane), local, diffusive, total.
    """
    if problem.scene.pulse:
        return found | _pulse_marks(problem.scene, found)
    if tally.known is None:
        return with_rare_flights_marked(problem, tally, found, passages)
    scene = problem.scene
    gone = _nobody_came(scene, tally, tally.known)
    marked = {name: _on_mesh(found[name], gone) for name in ON_MESH if name in found and name != "torque"}
    if scene.planes:
        marked |= _at_planes(scene, tally.known, found["plane_current"], found, passages)
    return found | marked


def _nobody_came(scene: Scene, tally: Tally, known: Known) -> Marks:
    """Cells that can be reached and to which no walker came while others were met, (time bins or 1, mesh)."""
    untouched = tally.untouched()[scene.profiles.index("diffusive density")].all(axis=-1)
    gone = np.moveaxis(untouched.reshape(*scene.cells[: scene.axes], -1), -1, 0)
    # without a sink the sample mean is taken out of every cell
    if gone.all() or not scene.has_sink:
        return np.zeros_like(gone)
    return gone & _reached(scene, known)


def _reached(scene: Scene, known: Known) -> Marks:
    """Cells that electrons can have reached, (time bins or 1, mesh): all, or where first flights have come so far."""
    local = known.value.profiles[scene.profiles.index("local density")].any(axis=-1)
    met = np.moveaxis(local.reshape(*scene.cells[: scene.axes], -1), -1, 0)
    return np.logical_or.accumulate(met, axis=0) if scene.time_bins else np.ones_like(met)


def _on_mesh(estimate: Estimate, gone: Marks) -> Estimate:
    """One estimate on the mesh with its marks."""
    mean, error = parts_first(estimate)
    shape, axes = [1] * (mean.ndim - 1), gone.ndim - 1
    shape[-axes:] = gone.shape[1:]
    if (clock := clock_axis(estimate)) is not None:
        shape[clock] = gone.shape[0]
    marks = np.zeros(mean.shape, bool)
    marks[DIFFUSIVE:] = gone.reshape(shape) & more_than_rounding(mean, error, axes)[DIFFUSIVE]
    return marked_parts(estimate, marks, [NOBODY])


def _at_planes(
    scene: Scene, known: Known, current: Estimate, found: dict[str, Estimate], passages: Groups
) -> dict[str, Estimate]:
    """Currents through planes, and what follows from them, with their marks."""
    # part, channel, clock, component, plane
    mean, error = (values[:, :, 0] for values in parts_first(current))
    over = (0, 2) if scene.time_bins else (0, 1, 2)
    counts = np.abs(passages.sums[:, DIFFUSIVE]).max(axis=0).max(axis=over, keepdims=True)[0]
    gone = (counts == 0.0) & counts.any()
    last = scene.cells[0] - 1
    at = np.minimum((np.array(scene.planes) / scene.lengths[0] * scene.cells[0]).astype(int), last)
    there = _reached(scene, known)
    reached = there.reshape(*there.shape[:2], -1).max(axis=-1)
    near = [reached[:, np.clip(at + step, 0, last)] for step in (-1, 0, 1)]
    nobody = gone & np.logical_and.reduce(near)[:, None] & ~_closed(scene)
    rare = unlikely_tails(passages) & ~_closed(scene)
    marks = rare.copy()
    marks[DIFFUSIVE:] |= nobody & more_than_rounding(mean, error, 1)[DIFFUSIVE]
    reasons = [why for why, mask in ((RARE, rare), (NOBODY, nobody)) if mask.any()]
    marked = {"plane_current": marked_parts(current, marks[:, :, None], reasons)}
    return marked | marked_ratios(found, marks, reasons)


def _closed(scene: Scene) -> Marks:
    """Planes on closed faces."""
    near, ends = 1e-9 * scene.lengths[0], (0.0, scene.lengths[0])
    closed = [
        end
        for end, share in zip(ends, scene.absorption, strict=False)
        if share == 0.0 and not scene.periodic[0]
    ]
    return np.array([any(abs(x - end) <= near for end in closed) for x in scene.planes], bool)


def without_fits(problem: Problem, found: dict[str, Estimate]) -> dict[str, Estimate]:
    """Put NaN where Tserkovnyak's form is fitted to a current that is not resolved."""
    current = found.get("plane_current")
    if current is None or not current.not_resolved:
        return found
    total = np.moveaxis(current.mean, 1, 0)[TOTAL]
    lost = np.isnan(total).any(axis=tuple(range(1, total.ndim - 1)))
    fits = {
        name: one
        for name, one in found.items()
        if name.startswith(_FITS) and one.dims == ("channel", "plane")
    }
    why = current.not_resolved
    return found | {
        name: replace(nan_at(one, lost, []), not_resolved=why) for name, one in fits.items() if lost.any()
    }


def _pulse_marks(scene: Scene, found: dict[str, Estimate]) -> dict[str, Estimate]:
    """Densities and currents of a pulse in cells and time bins where hardly anybody came.

    Nothing cancels in a density, so that its square over its variance counts who came.
    """
    mean, error = parts_first(found["spin_density"])  # part, channel, time, component, x
    ends = np.arange(1, scene.time_bins + 1) * (scene.t_end / scene.time_bins)
    length, born = scene.lengths[0], scene.initial_x
    edges = np.linspace(0.0, length, scene.cells[0] + 1)
    away = np.maximum(np.maximum(edges[:-1] - born, born - edges[1:]), 0.0)
    if scene.periodic[0]:
        farther = np.maximum(np.abs(edges[:-1] - born), np.abs(edges[1:] - born))
        away = np.minimum(away, np.maximum(length - farther, 0.0))
    reached = (away < ends[:, None])[:, None, :]
    marks = reached & more_than_rounding(mean, error, 1) & (mean**2 <= COUNTED * error**2)
    return {
        name: marked_parts(found[name], marks if name != "spin_current" else marks[:, :, None], [NOBODY])
        for name in ("spin_density", "spin_current")
    }
