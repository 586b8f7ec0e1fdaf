"""What rare flights have made up, in walks that sample first flights: found without the answer.

    far   too few of the walkers carry a number: first flights a local one, what diffuses another (`reach`)
    face  the parts of a current jump at a face or interface that scatters diffusely; their total does not

A total is not resolved where a part of it is not, and that part may be as large as the total's error.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import EVERYWHERE, Layer, Problem
from mcpump.problem.slab import user_of
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
    parts_first,
    spread,
)
from mcpump.tally.reach import Reach, reach_of
from mcpump.tally.selfcheck import unlikely_tails
from mcpump.tally.tally import Groups, Tally

Array = NDArray[np.float64]
CARRIERS = 30.0
"""A local number is resolved where so many of the first flights walked carry it."""
RARER = 0.1
"""A cell is far where it is met by less than this share of the flights that meet the best one."""
SAFETY, NEGLIGIBLE = 4.0, 1e-3
"""What is not resolved is at most so many times as large as its size has it; it is left out of a total of which it is
less than this share."""
FAR = f"fewer than {CARRIERS:g} of the flights walked carry the number there"
FACE = "local and diffusive part jump on a plane at a face or interface that scatters diffusely"


class _Places(NamedTuple):
    """Planes or cells."""

    axes: int
    """Number of their axes."""
    few: Marks
    """Where too few walkers come; local and diffusive part."""
    size: Array
    """Size of both parts, of the largest in the cells."""
    delay: Array
    """Time that the fastest electron takes [τ]."""


def with_rare_flights_marked(
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
    planes, cells = _places(problem, tally)
    marked = {name: _on_mesh(problem, found, name, cells) for name in ON_MESH if name in found}
    if problem.scene.planes:
        marked |= _at_planes(problem, found, planes, passages)
    return found | marked


def _places(problem: Problem, tally: Tally) -> tuple[_Places, _Places]:
    """Planes and cells of a problem."""
    scene = problem.scene
    born = scene.walkers_per_block - (scene.initial_walkers if scene.initial != EVERYWHERE else 0)
    walkers = float(tally.blocks * born)
    flights = walkers * scene.first_flights

    def places(reach: Reach) -> _Places:
        few = np.array([reach.carriers * flights, reach.walkers * walkers]) < CARRIERS
        return _Places(reach.size.ndim, few, np.array([reach.size, reach.spread]), reach.delay)

    planes, cells = reach_of(scene, user_of(problem))
    # where all cells are met by few flights, they are as rare as they are near the texture: noise, which errors tell
    rarer = np.array([part < RARER * part.max(initial=0.0) for part in (cells.carriers, cells.walkers)])
    met = places(cells)
    return places(planes), met._replace(few=met.few & rarer)


def _on_mesh(problem: Problem, found: dict[str, Estimate], name: str, cells: _Places) -> Estimate:
    """One estimate on the mesh with its marks."""
    estimate, axes = found[name], cells.axes
    mean, error = parts_first(estimate)
    alive, reached = more_than_rounding(mean, error, axes), _reached(problem, estimate, cells)
    far = spread(cells.few, mean.ndim) & reached & alive[:TOTAL]
    if "channel" in estimate.dims:
        far[:, _driven(problem)] = False
    if name == "torque":
        there = (found["magnetization"].mean != 0.0).any(axis=(0, 1))
        far &= there | (mean[:TOTAL] != 0.0)
    nobody = np.zeros_like(far)
    if name != "torque":
        gone = _nobody(*parts_first(found[_arrivals(name, found)]), axes, mean.ndim)
        nobody[DIFFUSIVE] = gone & reached & alive[DIFFUSIVE]
    parts = far | nobody
    bound = _bound(mean[:TOTAL], parts, axes, clock_axis(estimate)) * spread(cells.size, mean.ndim)
    total = (far & _matters(mean[TOTAL], error[TOTAL], bound)).any(axis=0) | nobody.any(axis=0)
    reasons = [key for key, mask in ((FAR, far), (NOBODY, nobody)) if mask.any()]
    return marked_parts(estimate, np.stack([*parts, total]), reasons)


def _arrivals(name: str, found: dict[str, Estimate]) -> str:
    """Estimate that tells whether anybody came: the density, or what stands for it."""
    return name if name == "charge_current" else "spin_density"


def _nobody(mean: Array, error: Array, axes: int, ndim: int) -> Marks:
    """Where the diffusive part is 0 ± 0 in all that comes with a walker, at places where others are not."""
    gone = (mean[DIFFUSIVE] == 0.0) & (error[DIFFUSIVE] == 0.0)
    clock = mean.ndim - 1 - axes - 2
    over = tuple(i for i in range(gone.ndim - axes) if i != clock)
    gone = gone.all(axis=over, keepdims=True)
    # the current has one axis more, its direction, before the clock
    return np.expand_dims(gone, 0) if ndim > mean.ndim else gone


def _at_planes(
    problem: Problem, found: dict[str, Estimate], planes: _Places, passages: Groups
) -> dict[str, Estimate]:
    """Currents through planes, and what follows from them, with their marks."""
    current, cell = found["plane_current"], found["spin_current"]
    mean, error = (values[:, :, 0] for values in parts_first(current))
    flow, flow_error = (values[:, :, 0] for values in parts_first(cell))
    mesh = flow.ndim - mean.ndim + 1
    alive = more_than_rounding(flow, flow_error, mesh).reshape(*mean.shape[:-1], 1)
    alive = alive | more_than_rounding(mean, error, 1)
    reached = _reached(problem, current, planes, skip=1)
    closed, scattering = _kinds_of_planes(problem)
    far = spread(planes.few, mean.ndim) & alive[:TOTAL] & reached & ~closed
    far[:, _driven(problem)] = False
    face = scattering & alive[:TOTAL]
    rare = unlikely_tails(passages) & ~closed
    gone = ((mean == 0.0) & (error == 0.0)).all(axis=(1, 3), keepdims=True)
    nobody = gone & alive & reached & ~closed & ~scattering
    marks = rare | nobody
    marks[:TOTAL] |= far | face
    bound = _bound(flow[:TOTAL], np.zeros(1, bool), mesh, 1 if "time" in current.dims else None)
    bound = bound.reshape(*bound.shape[:-mesh], 1) * spread(planes.size, mean.ndim)
    marks[TOTAL] |= (far & _matters(mean[TOTAL], error[TOTAL], bound)).any(axis=0)
    masks = {FAR: far, FACE: face, RARE: rare, NOBODY: nobody}
    reasons = [key for key, mask in masks.items() if mask.any()]
    marked = {"plane_current": marked_parts(current, marks[:, :, None], reasons)}
    return marked | marked_ratios(found, marks, reasons)


def _reached(problem: Problem, estimate: Estimate, places: _Places, skip: int = 0) -> Marks:
    """Where the fastest electron has come at the end of a time bin; everywhere it can in a periodic drive."""
    scene, n = problem.scene, places.delay.ndim
    known = np.isfinite(places.delay)
    if "time" not in estimate.dims:
        return known
    ends = np.arange(1, scene.time_bins + 1) * (scene.t_end / scene.time_bins)
    shape = [1] * (estimate.mean.ndim - 1 - skip - n) + list(places.delay.shape)
    clock = clock_axis(estimate)
    assert clock is not None
    shape[clock - skip] = 1
    late = ends.reshape([-1 if i == clock - skip else 1 for i in range(len(shape))])
    return np.asarray((places.delay.reshape(shape) < late) & known)


def _bound(parts: Array, marks: Marks, axes: int, clock: int | None) -> Array:
    """Largest that a number of each part, first axis, could be where its size is 1; last axes those of the mesh."""
    over = tuple(range(parts.ndim - axes, parts.ndim)) + (() if clock is None else (1 + clock,))
    known = np.where(marks, 0.0, np.nan_to_num(np.abs(parts)))
    return np.asarray(SAFETY * known.max(axis=over, keepdims=True))


def _matters(total: Array, error: Array, bound: Array) -> Marks:
    """Whether what is not resolved may be as large as a total's error, or a thousandth of it."""
    return np.asarray(bound > np.fmax(np.nan_to_num(error), NEGLIGIBLE * np.nan_to_num(np.abs(total))))


def _driven(problem: Problem) -> list[int]:
    """Channels whose local part is an electric field's drive, which is exact."""
    return [i for i, name in enumerate(problem.scene.channels) if name == "spin_hall"]


def _kinds_of_planes(problem: Problem) -> tuple[Marks, Marks]:
    """Planes that are specular closed faces, and planes on what scatters diffusely."""
    scene = problem.scene
    near = 1e-9 * scene.lengths[0]
    closed, scattering = [], []
    for x in scene.planes:
        faces = [
            i
            for i, end in enumerate((0.0, scene.lengths[0]))
            if abs(x - end) <= near and not scene.periodic[0]
        ]
        rough = [(1.0 - scene.absorption[i]) * (1.0 - scene.specularity[i]) > 0.0 for i in faces]
        gates = [
            not right.straight or (_is_gate(left, right) and right.specularity < 1.0)
            for left, right in zip(scene.layers, scene.layers[1:], strict=False)
            if abs(x - right.start) <= near
        ]
        scattering.append(any(rough) or any(gates))
        closed.append(any(scene.absorption[i] == 0.0 for i in faces) and not scattering[-1])
    return np.array(closed, bool), np.array(scattering, bool)


def _is_gate(left: Layer, right: Layer) -> bool:
    """Whether an interface sends anybody back."""
    return bool(right.transmission < 1.0 or left.nu * left.v != right.nu * right.v)
