"""The spin current J_i^α = σ_SH ε_ijα E_j that an electric field drives, Eq. (19), and where it bears walkers.

The drive itself is no walker's: it is added to the local part. Where it begins, ends or is sent back it bears spin, which
walks, so that spin is conserved.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import CURRENT, DIVERGENCE, Scene

Array = NDArray[np.float64]


def sheets_of(scene: Scene) -> Array:
    """Sheets on which the spin current J_i^α = ε_ijα hall_j of an electric field begins, ends or is sent back.

    A face with outward normal n sends back what it does not absorb of n·J. Where J changes inside the sample, −∇·J is
    born.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units.

    Returns
    -------
    ndarray
        See `Course.sheets`; without a field one row.
    """
    area, sheets = scene.lengths[1] * scene.lengths[2], []
    ends = [layer.start for layer in scene.layers[1:]] + [scene.lengths[0]]
    for axis in range(scene.axes):
        for face in (2 * axis, 2 * axis + 1):
            outward = -1.0 if face == 2 * axis else 1.0
            sent_back = outward * (1.0 - scene.absorption[face]) * (not scene.periodic[axis])
            for i, (layer, end) in enumerate(zip(scene.layers, ends, strict=True)):
                place, extent = (layer.start, end), area / scene.lengths[axis] * (end - layer.start)
                if axis == 0:
                    if i != (0 if face == 0 else len(ends) - 1):
                        continue
                    place, extent = (end if face else 0.0,) * 2, area
                spin = sent_back * extent * np.cross(np.eye(3)[axis], layer.hall)
                sheets.append([axis, -outward, *place, 1.0 - scene.specularity[face], *spin])
    pairs = list(zip(scene.layers, scene.layers[1:], strict=False))
    pairs += [(scene.layers[-1], scene.layers[0])] if scene.periodic[0] else []
    for left, right in pairs:
        step = np.subtract(left.hall, right.hall)
        sheets.append([0, 0.0, right.start, right.start, 0.0, *(area * np.cross(np.eye(3)[0], step))])
    table = np.array(sheets, dtype=float).reshape(-1, 8)
    strength = np.sqrt((table[:, 5:] ** 2).sum(axis=1))
    table, strength = table[strength > 0.0], strength[strength > 0.0]
    quantiles = np.concatenate(([0.0], np.cumsum(strength) / strength.sum())) if strength.size else np.ones(1)
    quantiles[-1] = 1.0
    return np.column_stack([quantiles, np.vstack([table, np.zeros((1, 8))])])


def mean_over_cells(scene: Scene, values: Array) -> Array:
    """Means over each cell along x of a number of the layers, (layers, ...) → (cells, ...)."""
    n, length = scene.cells[0], scene.lengths[0]
    faces = np.arange(n + 1) * (length / n)
    ends = np.append([layer.start for layer in scene.layers[1:]], length)
    shares = np.array(
        [
            np.clip(np.minimum(end, faces[1:]) - np.maximum(layer.start, faces[:-1]), 0.0, None)
            for layer, end in zip(scene.layers, ends, strict=True)
        ]
    ) * (n / length)
    return np.tensordot(shares.T, values, axes=1)


def add_drive(scene: Scene, profiles: Array, passages: Array) -> None:
    """Add the spin current J_i^α = ε_ijα hall_j of an electric field to the local part of `spin_hall`, in place.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units with an electric field.
    profiles, passages : ndarray
        A block's, per volume or area, and time.
    """
    width, kinds = scene.time_functions * 3, 3 + scene.axes
    at = scene.hall_slot * width  # what is steady comes first
    hall = np.array([layer.hall for layer in scene.layers])
    split = profiles.reshape(2, kinds, *scene.cells, -1)
    for axis in range(scene.axes):
        J = np.cross(np.eye(3)[axis], hall)
        split[0, CURRENT + axis, ..., at : at + 3] += mean_over_cells(scene, J)[:, None, None]
        split[0, DIVERGENCE, ..., at : at + 3] += _outflow(scene, axis, J)
    J = np.cross(np.eye(3)[0], hall)
    starts, near = [layer.start for layer in scene.layers], 1e-9 * scene.lengths[0]
    for plane, x in enumerate(scene.planes):
        # who is born at a jump begins to the right of it
        through = J[int(np.searchsorted(starts, x - near, side="right")) - 1]
        for face, place in ((0, 0.0), (1, scene.lengths[0])):
            if not scene.periodic[0] and math.isclose(x, place, abs_tol=near):
                through = scene.absorption[face] * J[0 if face == 0 else -1]
        passages[0, plane, at : at + 3] += through


def _outflow(scene: Scene, axis: int, J: Array) -> Array:
    """∂_iJ_i along one axis as mean over cells; a closed face lets nothing through. Broadcasts to (x, y, z, 3)."""
    n, length = scene.cells[axis], scene.lengths[axis]
    open_share = scene.absorption[2 * axis : 2 * axis + 2]
    if axis > 0:
        flow = np.zeros((n, scene.cells[0], 3))
        if not scene.periodic[axis]:
            across = mean_over_cells(scene, J) * (n / length)
            flow[0] += (1.0 - open_share[0]) * across
            flow[-1] -= (1.0 - open_share[1]) * across
        flow = np.moveaxis(flow, 0, 1)
        return flow[:, :, None, :] if axis == 1 else flow[:, None, :, :]
    starts = np.array([layer.start for layer in scene.layers])
    faces = np.arange(n + 1) * (length / n)
    flow = J[np.maximum(np.searchsorted(starts, faces - 1e-9 * length, side="right") - 1, 0)]
    if scene.periodic[0]:
        flow[0] = flow[-1]
    else:
        flow[0], flow[-1] = open_share[0] * J[0], open_share[1] * J[-1]
    return (np.diff(flow, axis=0) * (n / length))[:, None, None, :]
