"""What walkers along x are born from: first collisions in the cells of a fine mesh, and walls that send out diffusely."""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import FROZEN, Scene
from mcpump.walk.bins import Births, Grid
from mcpump.walk.columns import (
    Columns,
    columns_in_frame,
    columns_of_harmonics,
    dipole_sources,
    emitted_of,
)
from mcpump.walk.first_flights import FirstFlights
from mcpump.walk.plan import Frame
from mcpump.walk.rays import without_rounding
from mcpump.walk.reference import sloped
from mcpump.walk.source import Source

Array = NDArray[np.float64]
ACROSS = 1e-15
"""Part of S along its axis of precession, of a texture across it."""


def source_in_frame(scene: Scene, flown: FirstFlights, frame: Frame) -> Source:
    """What is born in the cells of a fine mesh and on walls, as numbers of a row and active spins.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units.
    flown : FirstFlights
        From `first_flights_along_x`.
    frame : Frame
        From `frame_of`.
    """
    columns, q = columns_in_frame(scene, frame.axes), frame.q
    edges, starts = flown.edges, np.array([layer.start for layer in scene.layers])
    middle = 0.5 * (edges[1:] + edges[:-1])
    rate = np.array([layer.rate for layer in scene.layers])[np.searchsorted(starts, middle, side="right") - 1]
    # what begins anew: layers, and where the texture jumps, are among the cuts of the run
    breaks = np.unique([0, len(middle), *(int(np.argmin(np.abs(edges - x))) for x in _breaks(scene))])
    frozen = [name for name in scene.channels if name in FROZEN]
    names = (
        frozen + (["exact"] if columns.exact else []) + (["first", "second_ladder"] if columns.ladder else [])
    )
    cells = {
        name: sloped(
            _allowed(name, frame, rate[:, None] * flown.collided[name] @ columns.frame.T), edges, breaks
        )
        for name in set(names)
    }
    dipoles = [
        sloped(flown.charge[name].reshape(len(middle), -1), edges, breaks) for name in dipole_sources(scene)
    ]
    ends = np.stack([edges[:-1], edges[1:]], axis=1)
    rows = _rows(
        columns, [cells[name] for name in frozen], dipoles, [cells[name] for name in names[len(frozen) :]]
    )
    _turn_frame(rows, columns.row, -q * ends)
    places, sense, wall_rows = _walls(scene, flown, columns, frame, frozen, names)
    along = np.concatenate([ends, places])
    across = np.tile([0.0, 1.0], (len(along), 2))
    ends_of_rows = np.concatenate([rows, wall_rows])
    low, high = ends_of_rows[:, 0], ends_of_rows[:, 1]
    return Source(
        np.hstack([along, across]), np.concatenate([np.zeros(len(middle)), sense]), np.zeros(len(along)),
        np.stack([0.5 * (low + high), 0.5 * (high - low)], axis=1),
    )  # fmt: skip


def _allowed(name: str, frame: Frame, spin: Array) -> Array:
    """Spin of a channel in the frame, (places, 3), without what symmetry forbids, and rounding makes.

    Ṡ has no part along the axis, and S × Ṡ none across it where S is across.
    """
    if name == "first":
        return spin * np.array([1.0, 1.0, 0.0])
    if name in ("second", "second_ladder") and abs(frame.nz) <= ACROSS:
        return spin * np.array([0.0, 0.0, 1.0])
    return spin


def _walls(
    scene: Scene, flown: FirstFlights, columns: Columns, frame: Frame, frozen: list[str], names: list[str]
) -> tuple[Array, Array, Array]:
    """Births on walls."""
    places, senses, _ = next(iter(flown.walls.values()))
    ends = np.stack([places, places], axis=1)
    sent = {
        name: np.repeat(_allowed(name, frame, flown.walls[name][2] @ columns.frame.T)[:, None], 2, axis=1)
        for name in set(names)
    }
    none = [np.zeros((len(places), 2, 3 * scene.time_functions)) for _ in dipole_sources(scene)]
    rows = _rows(
        columns, [sent[name] for name in frozen], none, [sent[name] for name in names[len(frozen) :]]
    )
    _turn_frame(rows, columns.row, -frame.q * ends)
    return ends, senses.astype(float), rows


def _rows(columns: Columns, frozen: list[Array], dipoles: list[Array], active: list[Array]) -> Array:
    """Numbers of rows (…, numbers) from spins in the frame (…, 3) and dipoles' amplitudes (…, time functions · 3)."""
    harmonics = columns.harmonics
    constant = [spin[..., 2:3] for spin in frozen] + [one[..., :3] for one in dipoles]
    cosine = [spin[..., 0:1] for spin in frozen] + [one[..., 3:6] for one in dipoles]
    sine = [-spin[..., 1:2] for spin in frozen] + [one[..., 6:9] for one in dipoles]
    return np.concatenate(
        [*constant, *(cosine if harmonics else []), *(sine if harmonics else []), *active], axis=-1
    )


def _turn_frame(rows: Array, first: int, angle: Array) -> None:
    """Turn active spins, threes from number `first` on, about the axis by an angle, in place."""
    c, s = np.cos(angle), np.sin(angle)
    for at in range(first, rows.shape[-1], 3):
        a, b = rows[..., at].copy(), rows[..., at + 1].copy()
        rows[..., at], rows[..., at + 1] = c * a - s * b, s * a + c * b


def _breaks(scene: Scene) -> list[float]:
    """Places where what is born need not go on smoothly."""
    return [layer.start for layer in scene.layers[1:]]


def source_of_rays(scene: Scene, grid: Grid, births: Births) -> Source:
    """What is born in the bins of rays and on walls, as amplitudes of all harmonics.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units, whose texture does not precess rigidly along x.
    grid, births : Grid, Births
        From `ray_flights`: what it has found, or one of its deviations.
    """
    rate = np.array([layer.rate for layer in scene.layers])[grid.layers_of_bins]
    columns, dipoles = columns_of_harmonics(scene), dipole_sources(scene)
    begun = {
        name: without_rounding(rate[:, None, None] * spin)
        for name, spin in births.collided.items()
        if name in scene.channels or name in emitted_of(columns.turned)
    }
    rows = [
        _with_slopes(
            scene, grid, _harmonic_rows(scene, columns, begun, [births.charge[name] for name in dipoles])
        )
    ]
    lines = [grid.edges, *(np.linspace(0.0, scene.lengths[axis], grid.shape[axis] + 1) for axis in (1, 2))]
    places, sense, normal = [_boxes(lines)], [np.zeros(len(rate))], [np.zeros(len(rate))]
    for wall in births.walls:
        flat = list(lines)
        flat[wall.axis] = np.array([wall.place, wall.place])
        boxes = _boxes(flat)
        sent = {name: wall.spin[name].reshape(len(boxes), -1, 3) for name in begun}
        none = np.zeros((len(boxes), scene.time_functions, 3))
        rows.append(
            _with_slopes(scene, grid, _harmonic_rows(scene, columns, sent, [none] * len(dipoles)), wall.axis)
        )
        places.append(boxes)
        sense.append(np.full(len(boxes), float(wall.sense)))
        normal.append(np.full(len(boxes), float(wall.axis)))
    return Source(np.concatenate(places), np.concatenate(sense), np.concatenate(normal), np.concatenate(rows))


def _with_slopes(scene: Scene, grid: Grid, means: Array, flat: int = -1) -> Array:
    """Means of bins, (bins, numbers), and half of their change across the bin along each direction of the mesh.

    What is even in bins as wide as a flight makes densities of cells wrong by some tenths of a percent, for what varies
    in a bin goes on in the next. flat: axis of a wall's normal.
    """
    shape = [1 if axis == flat else n for axis, n in enumerate(grid.shape)]
    values = means.reshape(*shape, -1)
    found = [values]
    for axis in range(scene.axes):
        if axis == flat:
            found.append(np.zeros_like(values))
            continue
        breaks = [0, shape[axis]]
        if axis == 0:
            breaks = np.unique([*breaks, *(np.flatnonzero(np.diff(grid.layers)) + 1) * grid.cuts[0]]).tolist()
        around = scene.periodic[axis] and len(breaks) == 2
        width = grid.widths(scene, axis)
        found.append(_half_changes(np.moveaxis(values, axis, 0), width, breaks, around, axis))
    return np.stack([one.reshape(means.shape) for one in found], axis=1)


def _half_changes(values: Array, width: Array, breaks: list[int], around: bool, axis: int) -> Array:
    """Half of the change across bins of what has these means, along the first axis; back on axis number `axis`.

    around: the last bin lies beside the first, too.
    """
    changes = np.zeros_like(values)
    if around and len(values) > 1:
        some = np.arange(-2, len(values) + 2) % len(values)
        changes = _sloped_run(values[some], width[some])[2:-2]
    elif not around:
        for a, b in itertools.pairwise(breaks):
            if b - a > 1:
                changes[a:b] = _sloped_run(values[a:b], width[a:b])
    return np.moveaxis(changes, 0, axis)


def _sloped_run(values: Array, width: Array) -> Array:
    """Half of the change across bins that lie in a run, whose first moments are right to third order.

    Differences of means exceed the slope that has the first moment of a cubic by 11/60 of their second difference.
    """
    flat = values.reshape(len(values), -1)
    changes: Array = (
        np.asarray(np.gradient(flat, np.cumsum(width) - 0.5 * width, axis=0)) * (0.5 * width)[:, None]
    )
    even = np.isclose(width[1:-1], width[:-2]) & np.isclose(width[1:-1], width[2:])
    even[:1] = even[-1:] = False  # those at the ends are one-sided
    bent = changes[2:] - 2.0 * changes[1:-1] + changes[:-2]
    changes[1:-1] -= np.where(even[:, None], 11.0 / 60.0, 0.0) * bent
    return changes.reshape(values.shape)


def _boxes(lines: list[Array]) -> Array:
    """Boxes between lines along x, y, z, in C order: (boxes, 6)."""
    low = np.meshgrid(*(line[:-1] for line in lines), indexing="ij")
    high = np.meshgrid(*(line[1:] for line in lines), indexing="ij")
    return np.stack([part.ravel() for pair in zip(low, high, strict=True) for part in pair], axis=1)


def _harmonic_rows(scene: Scene, columns: Columns, spins: dict[str, Array], dipoles: list[Array]) -> Array:
    """Numbers of births from amplitudes (places, time functions, 3) of every channel and of dipoles.

    First those of a row, function by function, where spins that turn in flight have 0; then all amplitudes of what begins
    to turn.
    """
    functions, count = scene.time_functions, len(next(iter(spins.values())))
    row = [spins[name][:, :functions] for name in scene.channels if name in FROZEN]
    row += [np.zeros((count, functions, 3)) for _ in columns.turned]
    row += [dipole[:, :functions] for dipole in dipoles]
    turning = [spins[name].reshape(count, -1) for name in emitted_of(columns.turned)]
    return np.hstack([np.concatenate(row, axis=2).reshape(count, -1), *turning])
