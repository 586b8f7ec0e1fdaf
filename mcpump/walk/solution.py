"""The solution along x without walkers, in the layout of a block's sums: all that walkers would find, and its error."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcpump.names import CHARGES, lines_of
from mcpump.problem.scene import CURRENT, DENSITY, DIVERGENCE, TORQUE, Problem, Scene
from mcpump.problem.slab import solution_of
from mcpump.problem.spin_hall import add_drive
from mcpump.theory.slab import Part
from mcpump.walk.known import Known
from mcpump.walk.layout import BlockSums, completed, shapes

Array = NDArray[np.float64]
Parts = dict[str, tuple[Part, Part]]


def solution(problem: Problem, channels: tuple[str, ...]) -> Known:
    """Solve a problem along x without walkers.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    channels : tuple of str
        Spin channels wanted, of those that are walked, and what goes with them; the others are NaN.

    Returns
    -------
    Known
        The whole of every number, and two deviations: what a finer mesh changes, and fewer directions.

    Raises
    ------
    InputError
        If it has no solution; the sentence says why.
    """
    edges, found = solution_of(problem, channels)
    value = {name: (one.local, one.diffusive) for name, one in found.items()}
    several = ({name: one.deviations[i] for name, one in found.items()} for i in range(2))
    scene = problem.scene
    return Known(
        _laid_out(scene, edges, value, drive=True),
        tuple(_laid_out(scene, edges, parts, drive=False) for parts in several),
        "discrete ordinates",
    )


def _laid_out(scene: Scene, edges: Array, parts: Parts, drive: bool) -> BlockSums:
    """Lay what flies over the run's cells, planes and time functions.

    drive: whether the current that an electric field drives is a part of it.
    """
    n, functions = scene.cells[0], scene.time_functions
    cells = [_nearest(edges, i * scene.lengths[0] / n) for i in range(n + 1)]
    planes = [_nearest(edges, x) for x in scene.planes]
    width, step = np.diff(edges)[:, None, None], np.diff(edges[cells])[:, None, None]
    profiles = np.zeros((2, 3 + scene.axes, n, len(scene.walked), functions, 3))
    passages = np.zeros((2, len(planes), len(scene.walked), functions, 3))
    budget = np.zeros((len(lines_of(scene.axes)), len(scene.walked), functions, 3))
    for slot, name in enumerate(scene.channels):
        if name not in parts:
            for whole in (profiles[:, :, :, slot], passages[:, :, slot], budget[:, slot]):
                whole[...] = np.nan
            continue
        for half, part in enumerate(parts[name]):
            for row, values in ((DENSITY, part.density), (TORQUE, part.torque), (CURRENT, part.flow)):
                profiles[half, row, :, slot] = np.add.reduceat(values * width, cells[:-1]) / step
            profiles[half, DIVERGENCE, :, slot] = np.diff(part.through[cells], axis=0) / step
            passages[half, :, slot] = part.through[planes]
        budget[:, slot] = _budget(scene, edges, parts[name])
    for slot, name in enumerate(scene.sources, start=len(scene.channels)):
        charge, lines = _charge(scene, edges, cells, name, parts)
        profiles[:, :, :, slot], budget[:, slot] = charge, lines
    size = len(scene.walked) * functions * 3
    flat = profiles.reshape(-1, n, size), passages.reshape(2, -1, size), budget.reshape(len(budget), size)
    if drive and scene.hall_slot >= 0:
        add_drive(scene, *flat[:2])
    sums = completed(scene, *flat, 0)
    return sums._replace(conserved=sums.passages[1].copy()) if shapes(scene)["conserved"][0] else sums


def _nearest(edges: Array, x: float) -> int:
    return int(np.argmin(np.abs(edges - x)))


def _budget(scene: Scene, edges: Array, parts: tuple[Part, Part]) -> Array:
    """Lines of the budget, (lines, time functions, 3); what nothing takes away is cut."""
    width, names = np.diff(edges)[:, None, None], lines_of(scene.axes)
    starts = [layer.start for layer in scene.layers]
    which = np.searchsorted(starts, 0.5 * (edges[1:] + edges[:-1]), side="right") - 1
    loss = np.array([layer.gamma_sf for layer in scene.layers])[which][:, None, None]
    line = {name: np.zeros((scene.time_functions, 3)) for name in names}
    for part in parts:
        line["emitted"] += (part.born * width).sum(axis=0)
        line["torque"] += (part.torque * width).sum(axis=0)
        line["relaxed"] += (part.density * width * loss).sum(axis=0) + (part.lost * width).sum(axis=0)
        line["left_at_left"] += part.left[0]
        line["left_at_right"] += part.left[1]
    if not scene.has_sink:
        line["cut"][0] = line["emitted"][0] + line["torque"][0]
    return np.array([line[name] for name in names])


def _charge(scene: Scene, edges: Array, cells: list[int], name: str, parts: Parts) -> tuple[Array, Array]:
    """Charge velocity of first flights, and the dipoles that they leave: profiles and budget of a source.

    Profiles (2, kinds, cells, time functions, 3), as `charge_profiles.turn_into_charge` takes them.
    """
    width, n, functions = np.diff(edges)[:, None, None], scene.cells[0], scene.time_functions
    step = np.diff(edges[cells])[:, None, None]
    profiles = np.zeros((2, 3 + scene.axes, n, functions, 3))
    budget = np.zeros((len(lines_of(scene.axes)), functions, 3))
    order = "first" if name == "impurity_first" else "second"
    if order not in parts:
        return np.full_like(profiles, np.nan), np.full_like(budget, np.nan)

    def on_cells(values: Array) -> Array:
        return np.asarray(np.add.reduceat(values * width, cells[:-1]) / step)

    local, starts = parts[order][0], [layer.start for layer in scene.layers]
    which = np.searchsorted(starts, 0.5 * (edges[1:] + edges[:-1]), side="right") - 1
    if name == "rashba":
        field = np.array([layer.rashba for layer in scene.layers])[which][:, None]
        profiles[0, DENSITY] = on_cells(np.cross(field, local.density))
    else:
        strength = np.array([layer.impurity for layer in scene.layers])[which][:, None, None]
        profiles[0, DENSITY] = on_cells(strength * np.cross([1.0, 0.0, 0.0], local.flow))
    if scene.dipoles[CHARGES.index(name)] and "rashba" in parts:
        dipoles = parts["rashba"][1]
        for row, values in ((DENSITY, dipoles.density), (TORQUE, dipoles.torque), (CURRENT, dipoles.flow)):
            profiles[1, row] = on_cells(values)
        profiles[1, DIVERGENCE] = np.diff(dipoles.through[cells], axis=0) / step
        line = {name: i for i, name in enumerate(lines_of(scene.axes))}
        budget[line["torque"]] = (dipoles.torque * width).sum(axis=0)
        budget[line["left_at_left"]], budget[line["left_at_right"]] = dipoles.left
        if scene.periodic[0]:  # nothing takes a uniform dipole away, which is no charge
            budget[line["cut"], 0] = budget[line["torque"], 0]
    return profiles, budget
