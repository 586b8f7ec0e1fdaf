"""What is known of a problem before walkers begin, in the layout of a block's sums.

First flights can be worked out without walkers, and with them the local part of every number. The books add this to what
the walkers find, as a constant. Its numerical error is told by deviations: what another rule, or other points of the same
rule, give less the value. The numbers of one deviation belong together; different deviations are independent.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import InputError
from mcpump.problem.scene import Scene
from mcpump.walk.layout import BlockSums, shapes

Array = NDArray[np.float64]


class Known(NamedTuple):
    """The part of every number that is found without walkers."""

    value: BlockSums
    """In the layout of a block's sums; no flights. `conserved` is NaN where a channel does not have it."""
    deviations: tuple[BlockSums, ...] = ()
    """Error² = Σ deviation², element by element."""

    @property
    def rows(self) -> tuple[BlockSums, ...]:
        """The value, then the deviations."""
        return (self.value, *self.deviations)


class Groundwork(NamedTuple):
    """What is worked out once for a run: rank 0 gives it to all ranks, and the results file keeps it."""

    known: Known | None = None
    """None where walkers find every part."""


def arrays_of(groundwork: Groundwork, scene: Scene) -> dict[str, Array]:
    """Named arrays for the results file: "profiles" (rows, …), "totals" (rows, what is short); none: nothing known."""
    if groundwork.known is None:
        return {}
    profiles, totals = [], []
    for sums in groundwork.known.rows:
        parts = {name: np.asarray(getattr(sums, name), dtype=np.float64) for name in shapes(scene)}
        for name, shape in shapes(scene).items():
            if parts[name].shape != shape:
                raise ValueError(f"{name} of what is known have the shape {parts[name].shape}, not {shape}")
        profiles.append(parts.pop("profiles"))
        totals.append(np.concatenate([part.ravel() for part in parts.values()]))
    return {"profiles": np.array(profiles), "totals": np.array(totals)}


def groundwork_from(arrays: dict[str, Array], scene: Scene) -> Groundwork:
    """Turn the named arrays of a results file back into what they were made of.

    Raises
    ------
    InputError
        If their layout is not that of the scene.
    """
    if not arrays:
        return Groundwork()
    profiles, totals = arrays["profiles"], arrays["totals"]
    short = dict(shapes(scene))
    whole = short.pop("profiles")
    ends = np.cumsum([math.prod(shape) for shape in short.values()])
    if profiles.shape[1:] != whole or totals.shape != (len(profiles), ends[-1]):
        raise InputError(
            "what the file holds of first flights has another layout: another build of mcpump has walked it"
        )
    rows = []
    for profile, total in zip(profiles, totals, strict=True):
        parts = zip(short.items(), np.split(total, ends[:-1]), strict=True)
        rows.append(
            BlockSums(profile, flights=0, **{name: part.reshape(shape) for (name, shape), part in parts})
        )
    return Groundwork(Known(rows[0], tuple(rows[1:])))
