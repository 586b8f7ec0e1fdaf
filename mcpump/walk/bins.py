"""Bins in which rays arrive, sides of walls and planes, and what begins to diffuse there."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import Scene

Array = NDArray[np.float64]
Integers = NDArray[np.int64]


class Grid(NamedTuple):
    """Bins of the sample: boxes, cut at cells, layers and planes, are cut into equal bins."""

    pieces: Array
    """Edges of the boxes along x [ℓ]."""
    layers: Integers
    """Layer of every box along x."""
    across: tuple[int, int]
    """Boxes along y and z: the cells."""
    cuts: tuple[int, int, int]
    """Bins of a box along x, y, z: powers of two."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Bins along x, y, z."""
        x, y, z = self.cuts
        return len(self.layers) * x, self.across[0] * y, self.across[1] * z

    @property
    def edges(self) -> Array:
        """Edges of the bins along x [ℓ]."""
        steps = np.arange(self.cuts[0]) / self.cuts[0]
        inner = self.pieces[:-1, None] + np.diff(self.pieces)[:, None] * steps
        return np.append(inner.ravel(), self.pieces[-1])

    @property
    def layers_of_bins(self) -> Integers:
        """Layer of every bin, in C order."""
        along = np.repeat(self.layers, self.cuts[0])
        return np.broadcast_to(along[:, None, None], self.shape).ravel()

    def widths(self, scene: Scene, axis: int) -> Array:
        """Widths of the bins along an axis [ℓ]."""
        if axis == 0:
            return np.diff(self.edges)
        return np.full(self.shape[axis], scene.lengths[axis] / self.shape[axis])


class Side(NamedTuple):
    """One side of a face, an interface or a plane: where first flights arrive along the normal with a sense."""

    axis: int
    sense: int
    place: float
    layer: int
    """Layer from which they arrive; of a wall along x −1, that of the bin."""


class Wall(NamedTuple):
    """What a face or one side of an interface sends out diffusely of the first flights that arrive there."""

    axis: int
    """Axis of its normal."""
    sense: int
    """±1, where along the normal it sends."""
    place: float
    """Along the normal [ℓ]."""
    layer: int
    """Layer into which it sends; −1: that of the bin along x."""
    spin: dict[str, Array]
    """Of every channel, per area and time: (bins of the grid on the two other axes, time functions, 3)."""


class Births(NamedTuple):
    """What begins to diffuse where first flights end."""

    collided: dict[str, Array]
    """Of every channel the spin density that collides, at the layer's rate: (bins, time functions, 3), means over bins.
    Beside the channels walked there is `first` where a second order is."""
    walls: tuple[Wall, ...]
    """What walls send out diffusely."""
    charge: dict[str, Array]
    """Of every source whose dipoles are walked the charge velocity: (bins, time functions, 3), means over bins; without
    the directions that the mesh does not have."""


def taken_of(name: str) -> str:
    """Name of the slot of what is taken out of a channel."""
    return f"taken out of {name}"


def starts_of(scene: Scene) -> list[float]:
    """Where layers start along x."""
    return [0.0, *(layer.start for layer in scene.layers[1:])]


def volumes_of(scene: Scene, grid: Grid) -> Array:
    """Volume of every bin, in C order."""
    x, y, z = (grid.widths(scene, axis) for axis in range(3))
    return (x[:, None, None] * y[:, None] * z).ravel()


def areas_of(scene: Scene, grid: Grid, axis: int) -> Array:
    """Areas of the bins of a wall."""
    first, second = (grid.widths(scene, other) for other in range(3) if other != axis)
    return first[:, None] * second


def bin_at(scene: Scene, grid: Grid, side: Side) -> int:
    """Number, along its normal, of the bin into which a wall sends."""
    edges = grid.edges
    if side.axis > 0:
        edges = np.linspace(0.0, scene.lengths[side.axis], grid.shape[side.axis] + 1)
    return int(np.argmin(np.abs(edges - side.place))) - (1 if side.sense < 0 else 0)
