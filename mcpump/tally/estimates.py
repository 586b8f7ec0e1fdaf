"""What a run knows: estimates with their standard errors, and everything a results file holds."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from mcpump import markup
from mcpump.errors import InputError

if TYPE_CHECKING:
    import pandas

Array = NDArray[np.float64]
NOTHING = 1e-11
"""What is smaller than this, beside the largest of its kind, is rounding: a tilted axis leaves 1e-17 for zero, the
difference quotients of the general walk 1e-13."""
_SAME_PLACE = 1e-9
"""Numbers of an axis are found to this share of its largest."""
_MOST_TOLD = 12
_MOST_ROWS, _MOST_COLUMNS = 60, 24
"""Largest table in a notebook."""


@dataclass(frozen=True, eq=False, repr=False)
class Estimate:
    """A mean and its standard error, with the names and coordinates of its axes.

    Attributes
    ----------
    mean, stderr : ndarray
        Numbers and their standard errors: None where the quantity is exact (computed from the texture, not walked), NaN
        where fewer than 16 blocks stand behind it. Numbers that are not resolved are NaN, as are their errors.
    dims : tuple of str
        Names of the axes.
    units, long_name : str
    not_resolved : str
        Why some of the numbers are not resolved; empty where all are.
    coords : dict
        Axis → its numbers (ndarray) or names (tuple of str); the place alone where one was taken. A `Result`
        fills it in; axes that have no coordinates are absent and count 0, 1, 2, ….
    """

    mean: Array
    stderr: Array | None
    dims: tuple[str, ...]
    units: str
    long_name: str
    not_resolved: str = ""
    coords: Mapping[str, Any] = field(default_factory=dict)

    @property
    def error(self) -> Array:
        """Standard errors; 0 where the quantity is exact."""
        return np.zeros_like(self.mean) if self.stderr is None else self.stderr

    @property
    def clock(self) -> str:
        """Name of the axis that stands for time: "time" in a transient, else "harmonic"."""
        return "time" if "time" in self.dims else "harmonic"

    def places(self, axis: str) -> Any:
        """Coordinates of an axis: numbers or names."""
        return self.coords.get(axis, np.arange(self.mean.shape[self.dims.index(axis)]))

    def sel(self, *, method: str | None = None, **where: Any) -> Self:
        """Take a place on some axes, which are gone then.

        Parameters
        ----------
        method : "nearest", optional
            Takes the nearest number that is there, as in xarray.
        **where
            Axis = name, e.g. ``component="z"``, or on an axis of numbers the number, in the file's units.

        Raises
        ------
        InputError
            If there is no such axis, name or number.
        """
        if method not in (None, "nearest"):
            raise InputError(f'method = {method!r} must be None or "nearest"')
        index = {}
        for axis, label in where.items():
            if axis not in self.dims:
                raise InputError(f"{axis} = {label!r}: the axes are {', '.join(self.dims) or 'none'}")
            index[axis] = _index(axis, self.places(axis), label, method is not None)
        return self._at(index)

    def _at(self, index: Mapping[str, int]) -> Self:
        """Take places by number."""
        place = tuple(index.get(axis, slice(None)) for axis in self.dims)
        return replace(
            self,
            mean=np.asarray(self.mean[place]),
            stderr=None if self.stderr is None else np.asarray(self.stderr[place]),
            dims=tuple(axis for axis in self.dims if axis not in index),
            coords={**self.coords, **{axis: _label(self.places(axis), i) for axis, i in index.items()}},
        )

    def largest(self) -> Self:
        """Take the number of largest magnitude, the first of equal ones; `coords` tells where. NaN is left out."""
        size = np.nan_to_num(np.abs(self.mean))
        index = np.unravel_index(int(np.argmax(size)), size.shape)
        return self._at({axis: int(i) for axis, i in zip(self.dims, index, strict=True)})

    def stands_out(self, *axes: str, errors: float | None = None) -> list[dict[str, Any]]:
        """Tell at which places something is more than rounding.

        Parameters
        ----------
        *axes : str
            Whose places; by default those of the columns of a table, the clock (`harmonic` or `time`) and `component`.
        errors : float, optional
            How many of its standard errors a number must be, too. By default an error counts as a number does.

        Returns
        -------
        list of dict
            Axis → name or number, as `sel` takes them; DC first, cosine and sine of one multiple of Ω together. Rounding
            is what is small beside the largest of its channel: channels differ by powers of Jτ/ħ and of Ωτ.
        """
        axes = axes or (self.clock, "component")
        size, noise = np.nan_to_num(np.abs(self.mean)), np.nan_to_num(self.error)
        whole = np.maximum(size, noise) if errors is None else size
        apart = tuple(i for i, axis in enumerate(self.dims) if axis != "channel")
        alive = whole > NOTHING * whole.max(axis=apart, keepdims=True, initial=0.0)
        if errors is not None:
            alive &= size > errors * noise
        alive = alive.any(axis=tuple(i for i, axis in enumerate(self.dims) if axis not in axes))
        kept = [axis for axis in self.dims if axis in axes]
        found = [dict(zip(kept, map(int, index), strict=True)) for index in np.argwhere(alive)]
        return [
            {axis: _label(self.places(axis), index[axis]) for axis in axes}
            for index in sorted(found, key=lambda index: _order(axes, index))
        ]

    def to_dataframe(self) -> pandas.DataFrame:
        """Tidy table: one row a number, a column for each axis, then mean and stderr (NaN where it is exact).

        Places that `sel` took are columns, too, the first ones, so that selections can be put together; `attrs` has the
        unit and the long name.

        Raises
        ------
        InputError
            If pandas is not installed.
        """
        pandas = pandas_or_sentence()
        places = np.indices(self.mean.shape).reshape(self.mean.ndim, self.mean.size)
        columns: dict[str, Any] = {
            axis: np.asarray(self.places(axis))[index] for axis, index in zip(self.dims, places, strict=True)
        }
        stderr = np.full(self.mean.size, np.nan) if self.stderr is None else self.stderr.ravel()
        taken = {
            axis: place
            for axis, place in self.coords.items()
            if axis not in self.dims and np.ndim(place) == 0
        }
        table = pandas.DataFrame({**columns, "mean": self.mean.ravel(), "stderr": stderr})
        for number, (axis, place) in enumerate(taken.items()):
            table.insert(number, axis, place)
        table.attrs = {"units": self.units, "long_name": self.long_name}
        return table

    def _repr_html_(self) -> str:
        """Table for a notebook, where the numbers are few: the last axis across."""
        rows, across = math.prod(self.mean.shape[:-1]), self.mean.shape[-1] if self.mean.ndim else 1
        caption = f"{self.long_name} [{self.units}]"
        if rows > _MOST_ROWS or across > _MOST_COLUMNS:
            return markup.text(repr(self))
        last = [_text(place) for place in self.places(self.dims[-1])] if self.dims else [""]
        numbers = zip(
            self.mean.reshape(rows, across), np.broadcast_to(self.error, self.mean.shape).reshape(rows, across),
            strict=True,
        )  # fmt: skip
        names = [", ".join(_text(self.places(axis)[i]) for axis, i in zip(self.dims[:-1], index, strict=True))
                 for index in np.ndindex(self.mean.shape[:-1])]  # fmt: skip
        cells = (
            [name, *(_written(m, e, self.stderr is None) for m, e in zip(*row, strict=True))]
            for name, row in zip(names, numbers, strict=True)
        )
        head = [" × ".join(self.dims), *last] if self.dims else []
        return markup.table(caption, head, cells) + (
            markup.text(self.not_resolved) if self.not_resolved and np.isnan(self.mean).any() else ""
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Numbers without their errors, for numpy."""
        return np.array(self.mean, dtype=dtype, copy=copy) if copy else np.asarray(self.mean, dtype)

    def __float__(self) -> float:
        """Give a single number."""
        return float(self.mean)

    def __repr__(self) -> str:
        """Name, axes, units, and the numbers where they are few."""
        axes = ", ".join(f"{axis}: {n}" for axis, n in zip(self.dims, self.mean.shape, strict=True))
        text = f"{self.long_name} ({axes}) [{self.units}]"
        if self.not_resolved and np.isnan(self.mean).any():
            text += f"\n{self.not_resolved}"
        if self.mean.size <= 12:
            text += f"\n{self.mean}" + ("" if self.stderr is None else f"\n± {self.stderr}")
        return text


def pandas_or_sentence() -> Any:
    """pandas, which comes with xarray."""
    try:
        import pandas
    except ImportError:
        raise InputError("pandas is not installed: pip install 'mcpump[plot]'") from None
    return pandas


def _text(place: Any) -> str:
    """Name or number of a place, for a table."""
    return place if isinstance(place, str) else f"{place:.6g}"


def _written(mean: float, error: float, exact: bool) -> str:
    """Number and error, for a table."""
    return f"{mean + 0.0:.4g}" if exact else f"{mean + 0.0:.4g} ± {error:.2g}"


def _label(places: Any, index: int) -> Any:
    """Name or number of a place on an axis."""
    return places[index] if isinstance(places, tuple) else places[index].item()


def _order(axes: tuple[str, ...], index: dict[str, int]) -> tuple[int, ...]:
    """Order of a column: within one multiple of Ω the components stand together, x cos, x sin, y cos, …."""
    numbers = [index[axis] for axis in axes]
    return ((numbers[0] + 1) // 2, *numbers[1:], numbers[0]) if axes[0] == "harmonic" else tuple(numbers)


def _index(axis: str, places: Any, label: Any, nearest: bool) -> int:
    """Number of a place on an axis."""
    if isinstance(places, tuple):
        if label not in places:
            raise InputError(f"{axis} = {label!r} is not among {', '.join(places)}")
        return places.index(label)
    if isinstance(label, bool) or not isinstance(label, int | float | np.number) or not np.isfinite(label):
        raise InputError(f"{axis} = {label!r} must be a number, from {places[0]:g} to {places[-1]:g}")
    found = int(np.argmin(np.abs(places - label)))
    if not nearest and abs(places[found] - label) > _SAME_PLACE * np.max(np.abs(places)):
        raise InputError(f"{axis} = {label!r} is not there: {_told(places, found)}")
    return found


def _told(places: Array, nearest: int) -> str:
    """Numbers of an axis, for a sentence: all of few, the nearest of many."""
    if len(places) <= _MOST_TOLD:
        return f"there are {', '.join(f'{place:.10g}' for place in places)}"
    return (
        f"the nearest of {len(places)} from {places[0]:.10g} to {places[-1]:.10g} is {places[nearest]:.10g}, which "
        f'method="nearest" takes'
    )


Axis = Estimate | tuple[str, ...]
"""Coordinates of an axis: numbers (an exact one-dimensional Estimate) or names."""


class Status(StrEnum):
    """How a run ended."""

    COMPLETE = "complete"
    MISSED = "target missed"
    """All is walked, and the stop rule asks for more."""
    STOPPED = "stopped"
    PART = "part"
    """Blocks of the whole run are in other files, or missing."""
    RUNNING = "running"


@dataclass(frozen=True)
class Result:
    """One run: estimates in the deck's units (SI, or reduced), and how they were got."""

    name: str
    """Name of the deck."""
    resolved: str
    """Resolved deck, TOML."""
    coords: dict[str, Axis]
    """Axis → numbers or names."""
    estimates: dict[str, Estimate]
    """Variable name → estimate, which gets the coordinates of its axes here."""
    regime: dict[str, tuple[float, str, str]]
    """Regime number → (value, unit, what it is)."""
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    walkers: int
    blocks: int
    seed: int
    flights: int
    status: Status
    message: str
    """How it ended, in words: "complete", "target missed: …", "running"."""
    checkpoint: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    """Exact sums, enough to go on or to merge (`/checkpoint` of the file)."""
    groundwork: dict[str, NDArray[Any]] = field(default_factory=dict)
    """What was worked out before walkers began (`/groundwork` of the file); empty: nothing."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Dates, wall time, versions, machine (`/provenance`): all that may differ between equal runs."""

    @property
    def complete(self) -> bool:
        """Whether all was walked that was asked for."""
        return self.status is Status.COMPLETE

    @property
    def solved(self) -> bool:
        """Whether it is the solution without walkers, `mcpump solve`."""
        return self.walkers == 0

    @property
    def deck(self) -> dict[str, Any]:
        """Resolved deck as nested tables."""
        return tomllib.loads(self.resolved)

    def regime_number(self, name: str) -> float:
        """Give a regime number by its key; NaN where the run does not know it."""
        return self.regime[name][0] if name in self.regime else math.nan

    def __post_init__(self) -> None:
        values = {
            name: axis.mean if isinstance(axis, Estimate) else axis for name, axis in self.coords.items()
        }
        placed = {
            name: replace(one, coords={axis: values[axis] for axis in one.dims if axis in values})
            for name, one in self.estimates.items()
        }
        object.__setattr__(self, "estimates", placed)
