"""What walkers are born from, as numbers."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import InputError
from mcpump.problem.scene import Scene

Array = NDArray[np.float64]
LARGEST = 1e100
"""Most that may be born in a place: squares of sums over places are numbers, too."""
BESIDE = 1e-9
"""Share of a length by which rounding may put a place outside of the sample."""


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


def check_source(source: Source, scene: Scene, numbers: int) -> None:
    """Refuse births that no walk of a scene has: kernels take places and layouts as they are, and look at them no more.

    Parameters
    ----------
    source : Source
        From a results file, which anybody may have made.
    scene : Scene
        Problem in reduced units.
    numbers : int
        Numbers that a walker carries at its birth.

    Raises
    ------
    InputError
        If a shape is another one, a place is outside of the sample, or something is no number.
    """
    count = len(source.places) if source.places.ndim else 0
    shapes = {
        "places": (count, 6),
        "sense": (count,),
        "normal": (count,),
        "rows": (count, 1 + scene.axes, numbers),
    }
    fits = count > 0 and all(
        array.dtype == np.float64 and array.shape == shapes[name] and np.isfinite(array).all()
        for name, array in source._asdict().items()
    )
    if not (fits and _is_inside(source, scene)):
        raise InputError(
            "what the file holds of births does not fit its deck: another program has made or changed it"
        )


def _is_inside(source: Source, scene: Scene) -> bool:
    """Whether births are numbers of walkers in the sample."""
    low, high = source.places[:, ::2], source.places[:, 1::2]
    lengths = np.array(scene.lengths)[: scene.axes]
    beside = BESIDE * lengths
    inside = (low[:, : scene.axes] >= -beside) & (high[:, : scene.axes] <= lengths + beside)
    known = np.isin(source.sense, (-1.0, 0.0, 1.0)) & np.isin(source.normal, (0.0, 1.0, 2.0))
    small = np.abs(source.rows) <= LARGEST
    return bool(
        inside.all() and known.all() and small.all() and (low <= high).all() and (source.extents > 0.0).all()
    )
