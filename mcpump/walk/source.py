"""What walkers are born from, as numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


class Source(NamedTuple):
    """What is born where: boxes and, of walls, boxes that are flat along one axis."""

    places: Array
    """(births, 6): from and to along x, y, z [ℓ]."""
    sense: Array
    """(births,): 0, or ±1 for a wall that sends out towards ± its normal."""
    normal: Array
    """(births,): axis of the wall's normal."""
    rows: Array
    """(births, 1 + directions of the mesh, numbers): what is born per volume and time in the middle, then half of its
    change across the box along each direction, in which it is linear; of a wall per area."""

    @property
    def sizes(self) -> Array:
        """Sizes of the numbers: root mean squares over the boxes, (births, numbers)."""
        return np.asarray(np.sqrt(self.rows[:, 0] ** 2 + (self.rows[:, 1:] ** 2).sum(axis=1) / 3.0))

    @property
    def extents(self) -> Array:
        """Volumes, and areas of walls."""
        widths = self.places[:, 1::2] - self.places[:, ::2]
        walls = np.flatnonzero(self.sense)
        widths[walls, self.normal[walls].astype(int)] = 1.0
        return np.asarray(widths.prod(axis=1))
