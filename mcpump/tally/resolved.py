"""Numbers that the walk does not resolve: NaN, value and error, in place of what rare flights have made up.

Four reasons, each found without the answer:

    far       too few of the walkers carry a number: first flights a local one, what diffuses another (`reach`)
    face      the parts of a current jump at a face or interface that scatters diffusely; their total does not
    rare      a few groups of blocks make up most of a plane's error: relative variance of the variance
    nothing   nobody came to a place that can be reached

A total is not resolved where a part of it is not, and that part may be as large as the total's error.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import EVERYWHERE, Layer, Problem, Scene
from mcpump.tally.estimates import NOTHING, Estimate
from mcpump.tally.reach import Reach, reach_of
from mcpump.tally.scales import channels_of, headline_of
from mcpump.tally.selfcheck import unlikely_tails
from mcpump.tally.tally import Groups, Tally
from mcpump.walk.blocks import user_of

Array = NDArray[np.float64]
Marks = NDArray[np.bool_]
CARRIERS = 30.0
"""A local number is resolved where so many of the first flights walked carry it."""
RARER = 0.1
"""A cell is far where it is met by less than this share of the flights that meet the best one."""
COUNTED = 4.0
"""A number of a pulse, where nothing cancels, is resolved where it is so many squares of its error."""
SAFETY, NEGLIGIBLE = 4.0, 1e-3
"""What is not resolved is at most so many times as large as its size has it; it is left out of a total of which it is
less than this share."""
LOCAL, DIFFUSIVE, TOTAL = range(3)
_WHY = {
    "far": f"fewer than {CARRIERS:g} of the flights walked carry the number there",
    "face": "local and diffusive part jump on a plane at a face or interface that scatters diffusely",
    "rare": "a few groups of blocks make up the error there",
    "nothing": "no walker came there",
}
_FITS = ("pumping_", "mixing_conductance")
_ON_MESH = (
    "spin_density", "spin_potential", "torque", "spin_current", "spin_current_divergence", "charge_current",
    "inverse_spin_hall_current",
)  # fmt: skip


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
    if problem.scene.is_pulse:
        return found | _pulse_marks(problem.scene, found)
    planes, cells = _places(problem, tally)
    marked = {name: _on_mesh(problem, found, name, cells) for name in _ON_MESH if name in found}
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
    mean, error = _parts_first(estimate)
    alive, reached = _alive(mean, error, axes), _reached(problem, estimate, cells)
    far = _spread(cells.few, mean.ndim) & reached & alive[:TOTAL]
    if "channel" in estimate.dims:
        far[:, _driven(problem)] = False
    if name == "torque":
        there = (found["magnetization"].mean != 0.0).any(axis=(0, 1))
        far &= there | (mean[:TOTAL] != 0.0)
    nobody = np.zeros_like(far)
    if name != "torque":
        gone = _nobody(*_parts_first(found[_arrivals(name, found)]), axes, mean.ndim)
        nobody[DIFFUSIVE] = gone & reached & alive[DIFFUSIVE]
    parts = far | nobody
    bound = _bound(mean[:TOTAL], parts, axes, _clock_axis(estimate)) * _spread(cells.size, mean.ndim)
    total = (far & _matters(mean[TOTAL], error[TOTAL], bound)).any(axis=0) | nobody.any(axis=0)
    reasons = [key for key, mask in (("far", far), ("nothing", nobody)) if mask.any()]
    return _marked(estimate, np.stack([*parts, total]), reasons)


def _spread(parts: NDArray[Any], ndim: int) -> NDArray[Any]:
    """(part, places) with axes of length 1 between, `ndim` in all."""
    return parts.reshape(parts.shape[0], *[1] * (ndim - parts.ndim), *parts.shape[1:])


def _arrivals(name: str, found: dict[str, Estimate]) -> str:
    """Estimate that tells whether anybody came: the density, or what stands for it."""
    return name if name in ("charge_current", "inverse_spin_hall_current") else "spin_density"


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
    mean, error = (values[:, :, 0] for values in _parts_first(current))
    flow, flow_error = (values[:, :, 0] for values in _parts_first(cell))
    mesh = flow.ndim - mean.ndim + 1
    alive = _alive(flow, flow_error, mesh).reshape(*mean.shape[:-1], 1) | _alive(mean, error, 1)
    reached = _reached(problem, current, planes, skip=1)
    closed, scattering = _kinds_of_planes(problem)
    far = _spread(planes.few, mean.ndim) & alive[:TOTAL] & reached & ~closed
    far[:, _driven(problem)] = False
    face = scattering & alive[:TOTAL]
    rare = unlikely_tails(passages) & ~closed
    gone = ((mean == 0.0) & (error == 0.0)).all(axis=(1, 3), keepdims=True)
    nobody = gone & alive & reached & ~closed & ~scattering
    marks = rare | nobody
    marks[:TOTAL] |= far | face
    bound = _bound(flow[:TOTAL], np.zeros(1, bool), mesh, 1 if "time" in current.dims else None)
    bound = bound.reshape(*bound.shape[:-mesh], 1) * _spread(planes.size, mean.ndim)
    marks[TOTAL] |= (far & _matters(mean[TOTAL], error[TOTAL], bound)).any(axis=0)
    masks = {"far": far, "face": face, "rare": rare, "nothing": nobody}
    reasons = [key for key, mask in masks.items() if mask.any()]
    marked = {"plane_current": _marked(current, marks[:, :, None], reasons)}
    return marked | _from_planes(problem, found, marks, reasons)


def _from_planes(
    problem: Problem, found: dict[str, Estimate], marks: Marks, reasons: list[str]
) -> dict[str, Estimate]:
    """Shares, ratios and covariances of currents through planes where these are not resolved."""
    pairs = np.concatenate([marks[LOCAL], marks[DIFFUSIVE]], axis=-1)
    masks = {
        "plane_current_covariance": pairs[..., :, None] | pairs[..., None, :],
        "local_share": marks[LOCAL] | marks[TOTAL],
        "ladder_ratio": marks[DIFFUSIVE].any(axis=0),
        "exact_ratio": marks[TOTAL].any(axis=0),
    }
    return {name: _nan_at(found[name], mask, reasons) for name, mask in masks.items() if name in found}


def without_fits(problem: Problem, found: dict[str, Estimate]) -> dict[str, Estimate]:
    """Put NaN where Tserkovnyak's form is fitted to a current that is not resolved."""
    current = found.get("plane_current")
    if current is None or not current.not_resolved:
        return found
    total = np.moveaxis(current.mean, 1, 0)[TOTAL, channels_of(problem).index(headline_of(problem).channel)]
    lost = np.isnan(total).any(axis=tuple(range(total.ndim - 1)))
    fits = {name: one for name, one in found.items() if name.startswith(_FITS) and one.dims == ("plane",)}
    why = current.not_resolved
    return found | {
        name: replace(_nan_at(one, lost, []), not_resolved=why) for name, one in fits.items() if lost.any()
    }


def _parts_first(estimate: Estimate) -> tuple[Array, Array]:
    """Mean and error with the part as first axis."""
    assert estimate.stderr is not None
    axis = estimate.dims.index("part")
    return np.moveaxis(estimate.mean, axis, 0), np.moveaxis(estimate.stderr, axis, 0)


def _marked(estimate: Estimate, marks: Marks, reasons: list[str]) -> Estimate:
    """Estimate with NaN where marks, part first, are set."""
    axis = estimate.dims.index("part")
    whole = np.broadcast_to(marks, np.moveaxis(estimate.mean, axis, 0).shape)
    return _nan_at(estimate, np.moveaxis(whole, 0, axis), reasons)


def _nan_at(estimate: Estimate, mask: Marks, reasons: list[str]) -> Estimate:
    if not mask.any():
        return estimate
    stderr = None if estimate.stderr is None else np.where(mask, np.nan, estimate.stderr)
    why = "NaN: not resolved, for " + "; ".join(_WHY[key] for key in reasons)
    return replace(estimate, mean=np.where(mask, np.nan, estimate.mean), stderr=stderr, not_resolved=why)


def _alive(mean: Array, error: Array, axes: int) -> Marks:
    """Amplitudes that are more than rounding somewhere, part by part: last axes 1."""
    size = np.maximum(np.nan_to_num(np.abs(mean)), np.nan_to_num(error))
    size = size.max(axis=tuple(range(size.ndim - axes, size.ndim)), keepdims=True)
    largest = size.max(axis=tuple(range(2, size.ndim)), keepdims=True)
    return (size > NOTHING * largest) & np.ones_like(mean[..., :1] if axes == 1 else size, bool)


def _clock_axis(estimate: Estimate) -> int | None:
    """Axis of the time bins once the part is taken out; None for harmonics."""
    if "time" not in estimate.dims:
        return None
    return [name for name in estimate.dims if name != "part"].index("time")


def _reached(problem: Problem, estimate: Estimate, places: _Places, skip: int = 0) -> Marks:
    """Where the fastest electron has come at the end of a time bin; everywhere it can in a periodic drive."""
    scene, n = problem.scene, places.delay.ndim
    known = np.isfinite(places.delay)
    if "time" not in estimate.dims:
        return known
    ends = np.arange(1, scene.time_bins + 1) * (scene.t_end / scene.time_bins)
    shape = [1] * (estimate.mean.ndim - 1 - skip - n) + list(places.delay.shape)
    clock = _clock_axis(estimate)
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


def _pulse_marks(scene: Scene, found: dict[str, Estimate]) -> dict[str, Estimate]:
    """Densities and currents of a pulse in cells and time bins where hardly anybody came.

    Nothing cancels in a density, so that its square over its variance counts who came.
    """
    mean, error = _parts_first(found["spin_density"])  # part, channel, time, component, x
    ends = np.arange(1, scene.time_bins + 1) * (scene.t_end / scene.time_bins)
    length, born = scene.lengths[0], scene.initial_x
    edges = np.linspace(0.0, length, scene.cells[0] + 1)
    away = np.maximum(np.maximum(edges[:-1] - born, born - edges[1:]), 0.0)
    if scene.periodic[0]:
        farther = np.maximum(np.abs(edges[:-1] - born), np.abs(edges[1:] - born))
        away = np.minimum(away, np.maximum(length - farther, 0.0))
    reached = (away < ends[:, None])[:, None, :]
    marks = reached & _alive(mean, error, 1) & (mean**2 <= COUNTED * error**2)
    return {
        name: _marked(found[name], marks if name != "spin_current" else marks[:, :, None], ["nothing"])
        for name in ("spin_density", "spin_current")
    }
