"""What is known of a problem before walkers begin, in the layout of a block's sums.

First flights can be worked out without walkers, and with them the local part of every number. The books add this to what
the walkers find, as a constant. Its numerical error is told by deviations: what another rule, or other points of the same
rule, give less the value. The numbers of one deviation belong together; different deviations are independent.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import InputError
from mcpump.problem.scene import Scene
from mcpump.walk.layout import BlockSums, shapes
from mcpump.walk.source import Source

Array = NDArray[np.float64]


ORDINATES = "discrete ordinates"
CORRECTED = "discrete ordinates, whose solution of the diffusive part walkers correct"
"""With a reference (`mcpump.walk.reference`)."""
RAYS_ALONE = "rays followed backward"
CORRECTED_RAYS = (
    "rays followed backward, and of the diffusive part a solution by diffusion, which walkers correct"
)
"""With a reference (`mcpump.walk.mesh_reference`)."""


class Known(NamedTuple):
    """The part of every number that is found without walkers."""

    value: BlockSums
    """In the layout of a block's sums; no flights."""
    deviations: tuple[BlockSums, ...] = ()
    """Error² = Σ deviation², element by element."""
    method: str = ""
    """How it was found, in words: `ORDINATES`, `CORRECTED`, or rays."""

    @property
    def rows(self) -> tuple[BlockSums, ...]:
        """The value, then the deviations."""
        return (self.value, *self.deviations)

    def relative_error(self, scene: Scene) -> float:
        """Largest error of the local density in a cell, beside the largest density of its channel."""
        width = 3 * scene.time_functions
        rows = np.array([sums.profiles[0, :, : width * len(scene.channels)] for sums in self.rows])
        split = rows.reshape(*rows.shape[:2], -1, width)
        error = np.sqrt((split[1:] ** 2).sum(axis=0)).max(axis=(0, 2))
        size = np.abs(split[0]).max(axis=(0, 2))
        return float(np.divide(error, size, out=np.zeros_like(error), where=size > 0.0).max(initial=0.0))


def sentence(known: Known, scene: Scene) -> str:
    """How the local part was found, and how well it is known: for the table, the file and `mcpump check`."""
    return (
        f"local part without walkers, by {known.method}: "
        f"numerical errors of its density of {known.relative_error(scene):.1g} of the largest at most"
    )


class Groundwork(NamedTuple):
    """What is worked out once for a run, by rank 0; the results file keeps it."""

    known: Known | None = None
    """None where walkers find every part."""
    source: Source | None = None
    """What walkers are born from; None where they are born from the texture."""

    @property
    def shared(self) -> Groundwork:
        """What ranks need that only walk."""
        return self._replace(known=None)


def arrays_of(groundwork: Groundwork, scene: Scene) -> dict[str, NDArray[Any]]:
    """Named arrays for the results file; none: nothing known.

    "profiles" (rows, …) and "totals" (rows, all that is short), value first and then deviations; "method", UTF-8; births
    of walkers.
    """
    if groundwork.known is None:
        return {}
    profiles, totals = [], []
    for sums in groundwork.known.rows:
        parts = {}
        for name, shape in shapes(scene).items():
            part = np.asarray(getattr(sums, name), dtype=np.float64)
            if part.shape != shape and part.size + math.prod(shape) > 0:
                raise ValueError(f"{name} of what is known have the shape {part.shape}, not {shape}")
            parts[name] = part
        profiles.append(parts.pop("profiles"))
        totals.append(np.concatenate([part.ravel() for part in parts.values()]))
    words = np.frombuffer(groundwork.known.method.encode(), np.uint8)
    arrays = {"profiles": np.array(profiles), "totals": np.array(totals), "method": words}
    if groundwork.source is not None:
        arrays |= {f"births_{name}": array for name, array in groundwork.source._asdict().items()}
    return arrays


def groundwork_from(arrays: dict[str, NDArray[Any]], scene: Scene) -> Groundwork:
    """Turn the named arrays of a results file back into what they were made of.

    Raises
    ------
    InputError
        If their layout is not that of the scene.
    """
    if not {"profiles", "totals", "method"} & arrays.keys():
        return Groundwork()
    short = dict(shapes(scene))
    whole = short.pop("profiles")
    ends = np.cumsum([math.prod(shape) for shape in short.values()])
    try:
        profiles, totals, method = (arrays[name] for name in ("profiles", "totals", "method"))
        count = len(profiles) if profiles.ndim else 0
        if count == 0 or (profiles.shape, totals.shape) != ((count, *whole), (count, ends[-1])):
            raise ValueError("shape")
        if not profiles.dtype == totals.dtype == np.float64:
            raise ValueError("type")
        words = method.tobytes().decode()
    except (KeyError, ValueError):
        raise InputError(
            "what the file holds of first flights has another layout: another build of mcpump has walked it"
        ) from None
    rows = []
    for profile, total in zip(profiles, totals, strict=True):
        parts = zip(short.items(), np.split(total, ends[:-1]), strict=True)
        rows.append(
            BlockSums(profile, flights=0, **{name: part.reshape(shape) for (name, shape), part in parts})
        )
    births = {name: arrays.get(f"births_{name}") for name in Source._fields}
    source = None if any(array is None for array in births.values()) else Source(**births)  # type: ignore[arg-type]
    known = Known(rows[0], tuple(rows[1:]), words)
    return Groundwork(known, source)
