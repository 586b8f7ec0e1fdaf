"""Charge on the mesh, from a block's tallies of charge velocities and dipoles.

With W the charge velocity of first flights, P_j and Q_ij = Σ v_i p_j density and flux of the dipoles p they leave behind,

    ρ_c = −∂_jP_j        j_c,i = W_i − ∂_jQ_ij (local, diffusive)        Ṗ_j + ∂_iQ_ij = W_j,  Eq. (B6)

so that ρ̇_c + ∇·j_c = 0. The flow Σ_i of dipoles out of a cell is counted at its faces; other derivatives are differences
of cell means, by one operator for charge and current, so that charge is conserved in every cell to rounding.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import CURRENT, DENSITY, DIVERGENCE, TORQUE, Scene
from mcpump.problem.skew import flows_along, skew_weights, skews
from mcpump.problem.spin_hall import mean_over_cells

Array = NDArray[np.float64]
MOST_PERIODS = 2
"""Waves of the charge density have so many periods in the sample at most, of four cells or more each."""


def charge_waves(scene: Scene) -> tuple[tuple[int, ...], ...]:
    """Waves of the charge density that are booked by groups, as periods in the sample along each mesh direction.

    None for a transient, and where there is no charge density on the mesh.
    """
    if scene.time_bins or not any(scene.dipoles):
        return ()
    most = [min(MOST_PERIODS, n // 4) for n in scene.cells[: scene.axes]]
    every = product(*(range(-m, m + 1) for m in most))
    # of a wave and its opposite the one whose first number is positive
    return tuple(k for k in every if next((i for i in k if i), 0) > 0)


def wave_amplitudes(scene: Scene) -> NDArray[np.intp]:
    """Places, on the axis of amplitudes, of the charge density of every source (their sum last) and time function."""
    rows = np.arange(len(scene.channels), len(scene.walked))
    if len(rows) > 1:
        rows = np.append(rows, len(scene.walked) + int(scene.has_sum))
    width = scene.time_functions * 3
    return (rows[:, None] * width + 3 * np.arange(scene.time_functions)).ravel()


@lru_cache(maxsize=4)
def wave_patterns(scene: Scene) -> Array:
    """Weights of the cells in the cosine and sine amplitudes of every wave, (waves · 2, cells)."""
    cells = scene.cells[: scene.axes]
    places = [(np.arange(n) + 0.5) / n for n in cells]
    grid = np.array(np.meshgrid(*places, indexing="ij")).reshape(len(cells), -1)
    phase = 2.0 * np.pi * np.array(charge_waves(scene), dtype=float).reshape(-1, len(cells)) @ grid
    return np.stack([np.cos(phase), np.sin(phase)], axis=1).reshape(-1, grid.shape[1]) * (2.0 / grid.shape[1])


def turn_into_charge(scene: Scene, profiles: Array) -> None:
    """Replace the tallies of dipoles in a block's profiles by charge and its currents, in place.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units; it has sources of charge.
    profiles : ndarray
        (2 · kinds, places, amplitudes) per volume and time. Afterwards the amplitudes of every source hold, as components
        x, y, z, in the local and in the diffusive part: as density, the charge current; as torque of the diffusive part,
        (ρ_c, ∇·j_c, 0), the latter from the books of dipoles; 0 elsewhere.
    """
    places = (*scene.cells, max(scene.time_bins, 1))
    split = profiles.reshape(2, 3 + scene.axes, *places, -1, scene.time_functions, 3)
    dipoles = split[1, ..., len(scene.channels) :, :, :].copy()
    split[..., len(scene.channels) :, :, :][:, TORQUE:] = 0.0
    split[1, DENSITY, ..., len(scene.channels) :, :, :] = 0.0
    if any(scene.dipoles):
        charge = split[1, ..., len(scene.channels) :, :, :]
        charge[DENSITY] = diffusive_current(scene, dipoles)
        rest = dipoles[TORQUE] - dipoles[DIVERGENCE]
        for axis in range(scene.axes):
            charge[TORQUE, ..., 0] -= derivative(scene, dipoles[DENSITY, ..., axis], axis, axis)
            charge[TORQUE, ..., 1] += derivative(scene, rest[..., axis], axis, axis)


def diffusive_current(scene: Scene, dipoles: Array) -> Array:
    """−∂_jQ_ij; (kinds, x, y, z, time bins, sources, time functions, 3) → without kinds, the last axis i.

    With one mesh direction the only derivative, ∂_xQ_xx, is counted at the cells' faces. Nothing varies along directions
    the mesh does not have, and no current flows along them.
    """
    current = np.zeros(dipoles.shape[1:])
    if scene.axes == 1:
        current[..., 0] = -dipoles[DIVERGENCE, ..., 0]
        return current
    for i in range(scene.axes):
        for j in range(scene.axes):
            current[..., i] -= derivative(scene, dipoles[CURRENT + i, ..., j], j, j if i != j else -1)
    return current


def derivative(scene: Scene, values: Array, axis: int, odd: int) -> Array:
    """Cell means of the derivative along a mesh axis, from cell means: differences of interpolated face values.

    Sums over the sample telescope to the values at its faces. Order 4 where two cells lie on either side of a face of the
    mesh. At a face of the sample extrapolated linearly; 0 at a closed face where the quantity is odd under reflection
    (`odd` = axis: dipoles across it).
    """
    moved = np.moveaxis(values, axis, 0)
    n, step = len(moved), scene.lengths[axis] / scene.cells[axis]
    if scene.periodic[axis]:
        right, far, left = np.roll(moved, -1, axis=0), np.roll(moved, -2, axis=0), np.roll(moved, 1, axis=0)
        outer = (7.0 * (moved + right) - (left + far)) / 12.0 if n >= 4 else 0.5 * (moved + right)
        difference = outer - np.roll(outer, 1, axis=0)
    else:
        inner = np.zeros((n + 1, *moved.shape[1:]))
        inner[1:-1] = 0.5 * (moved[1:] + moved[:-1])
        if n >= 4:
            inner[2:-2] = (7.0 * (moved[1:-2] + moved[2:-1]) - (moved[:-3] + moved[3:])) / 12.0
        for end, near, next_ in ((0, 0, 1), (-1, -1, -2)):
            closed = scene.absorption[2 * axis + (0 if end == 0 else 1)] == 0.0
            if odd != axis or not closed:
                inner[end] = 1.5 * moved[near] - 0.5 * moved[next_] if n > 1 else moved[near]
        difference = np.diff(inner, axis=0)
    return np.moveaxis(difference / step, 0, axis)


def converts(scene: Scene) -> bool:
    """Whether the inverse spin Hall formula is booked: a steady run in which a layer has a θ_SH."""
    return not scene.time_bins and not scene.pulse and any(layer.angle for layer in scene.layers)


def converts_exact(scene: Scene) -> bool:
    """Whether the charge that Rashba coupling makes of first flights of `exact` is booked: a steady run that has both."""
    there = "exact" in scene.channels and any(any(layer.rashba) for layer in scene.layers)
    return there and not scene.time_bins and not scene.pulse


def conversions(scene: Scene) -> int:
    """Rows of `converted`."""
    return 2 * converts(scene) + 2 * skews(scene) + converts_exact(scene)


def converted(scene: Scene, profiles: Array) -> Array:
    """Charge that spin channels make, means over the sample, (rows, amplitudes); components are directions i.

    Where a layer has a θ_SH, 2θ_SH ε_ijα j_j^α of the local and of the diffusive part; where one scatters skewly, what
    flies on of it, of both; where `exact` meets Rashba coupling, −2E_so × g of the local part.
    profiles: (2 · kinds, cells, amplitudes), without sums of channels.
    """
    size = profiles.shape[-1]
    rows = [np.zeros((0, size))]
    split = profiles.reshape(2, scene.kinds, scene.cells[0], -1, size)
    if converts(scene):
        angles = mean_over_cells(scene, np.array([2.0 * layer.angle for layer in scene.layers]))
        along = np.tensordot(
            split[:, CURRENT : CURRENT + scene.axes].mean(axis=3), angles / scene.cells[0], axes=(2, 0)
        )
        mean = along.reshape(2, scene.axes, -1, 3)
        # ε_ijα j^α with j fixed is e_j × j
        rows.append(
            np.sum([np.cross(np.eye(3)[j], mean[:, j]) for j in range(scene.axes)], axis=0).reshape(2, size)
        )
    if skews(scene):
        rows.append(_skewed(scene, split[:, CURRENT]))
    if converts_exact(scene):
        field = mean_over_cells(scene, np.array([layer.rashba for layer in scene.layers]))[:, None, :]
        density = split[0, DENSITY].mean(axis=1).reshape(scene.cells[0], -1, 3)
        rows.append(np.cross(field, density).mean(axis=0).reshape(1, size))
    total = np.concatenate(rows)
    total[:, len(scene.channels) * scene.time_functions * 3 :] = 0.0
    return total


def _skewed(scene: Scene, current: Array) -> Array:
    """Charge current of skew scattering, mean over the sample, (2, amplitudes), of currents (2, cells, 1, amplitudes)."""
    split = current.reshape(2, scene.cells[0], -1, scene.time_functions, 3)
    weights, mean = skew_weights(scene), np.zeros((2, *split.shape[2:]))
    mean[..., 0, :] = np.tensordot(split[..., 0, :], weights[0].real, axes=(1, 0))
    for n in range(1, scene.harmonics + 1):
        # the amplitudes c, s of cos and sin are c − is of e^{iΩt}
        wave = np.tensordot(split[..., 2 * n - 1, :] - 1j * split[..., 2 * n, :], weights[n], axes=(1, 0))
        mean[..., 2 * n - 1, :], mean[..., 2 * n, :] = wave.real, -wave.imag
    # e_x × j along the layers, and along what the velocities have
    return (np.cross(np.eye(3)[0], mean) * flows_along(scene)).reshape(2, -1)
