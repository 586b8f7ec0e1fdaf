"""A run for scripts and notebooks: its parts by name, as xarray, as a figure, and the table as its text."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from mcpump import __version__, report
from mcpump.errors import InputError
from mcpump.names import PARTS
from mcpump.results import file as results
from mcpump.results.file import STDERR
from mcpump.tally.estimates import Estimate, Result

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

EQUILIBRIUM = (
    "magnetization", "static_polarization", "supercurrent", "plane_supercurrent", "polarization_current",
    "static_torque",
)  # fmt: skip
"""Variables that are not walked: they follow from the texture, and hold without a drive."""
SAME_PLACE = 1e-9
"""Numbers of an axis are found to this share of its largest."""
MOST_TOLD = 12
CHARGE = "charge_"
"""What the names of charge's variables begin with."""
Axis = Estimate | tuple[str, ...]


class AbsentError(InputError, AttributeError):
    """What a run does not have; also an AttributeError, so that `hasattr` and completion work."""


@dataclass(frozen=True, eq=False, repr=False)
class Quantity(Estimate):
    """An estimate that knows its axes.

    Attributes
    ----------
    mean, stderr : ndarray
        Numbers and their standard errors, None where the quantity is exact.
    dims : tuple of str
        Names of the axes.
    units, long_name : str
    not_resolved : str
        Why some numbers are not resolved (NaN); empty where all are.
    coords : dict
        Axis → its numbers (ndarray) or names (tuple of str); axes without either are absent.
    """

    coords: dict[str, Any] = field(default_factory=dict)

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
        index: list[Any] = [slice(None)] * len(self.dims)
        for axis, label in where.items():
            if axis not in self.dims:
                raise InputError(f"{axis} = {label!r}: the axes are {', '.join(self.dims) or 'none'}")
            index[self.dims.index(axis)] = self._place(axis, label, method is not None)
        kept = tuple(axis for axis in self.dims if axis not in where)
        place = tuple(index)
        return type(self)(
            np.asarray(self.mean[place]),
            None if self.stderr is None else np.asarray(self.stderr[place]),
            kept,
            self.units,
            self.long_name,
            self.not_resolved,
            {axis: values for axis, values in self.coords.items() if axis in kept},
        )

    def _place(self, axis: str, label: Any, nearest: bool) -> int:
        values = self.coords.get(axis, np.arange(self.mean.shape[self.dims.index(axis)]))
        if isinstance(values, tuple):
            if label not in values:
                raise InputError(f"{axis} = {label!r} is not among {', '.join(values)}")
            return values.index(label)
        if (
            isinstance(label, bool)
            or not isinstance(label, int | float | np.number)
            or not np.isfinite(label)
        ):
            raise InputError(f"{axis} = {label!r} must be a number, from {values[0]:g} to {values[-1]:g}")
        place = int(np.argmin(np.abs(values - label)))
        if not nearest and abs(values[place] - label) > SAME_PLACE * np.max(np.abs(values)):
            raise InputError(f"{axis} = {label!r} is not there: {_told(values, place)}")
        return place

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


class Group(Mapping[str, Quantity]):
    """Quantities by name, as keys and as attributes."""

    def __init__(self, what: str, quantities: Mapping[str, Quantity], prefix: str = "") -> None:
        self._what, self._quantities, self._prefix = what, dict(quantities), prefix

    def __getitem__(self, name: str) -> Quantity:
        return self._quantities[name if name in self._quantities else self._prefix + name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._quantities)

    def __len__(self) -> int:
        return len(self._quantities)

    def __getattr__(self, name: str) -> Quantity:
        try:
            return self[name]
        except KeyError:
            raise AbsentError(
                f"{self._what} has no {name}: it has {', '.join(self._quantities) or 'nothing'}"
            ) from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._quantities]

    def __repr__(self) -> str:
        lines = [f"{self._what}:"]
        for name, quantity in self._quantities.items():
            lines.append(f"  {name} ({', '.join(quantity.dims)}) [{quantity.units}]: {quantity.long_name}")
        return "\n".join(lines)


class Run:
    """A finished or interrupted run.

    Attributes
    ----------
    result : Result
        All that the results file holds.
    local, diffusive, total : Group
        That part of every quantity that has parts: ``run.local.spin_current``.
    equilibrium : Group
        What the texture carries without a drive.
    charge : Group
        What charge does, without ``charge_`` in the names; an `AbsentError` where the run has none.
    budget : Quantity
        The spin budget.
    deck : dict
        The resolved deck as nested tables: ``mcpump.run(run.deck)`` walks it again.
    """

    def __init__(self, result: Result) -> None:
        self.result = result

    @property
    def local(self) -> Group:
        """Spin of electrons that have not scattered since it was pumped."""
        return self._part("local")

    @property
    def diffusive(self) -> Group:
        """Spin of electrons that have."""
        return self._part("diffusive")

    @property
    def total(self) -> Group:
        """Both parts."""
        return self._part("total")

    @property
    def equilibrium(self) -> Group:
        """What the texture carries without a drive."""
        found = [name for name in EQUILIBRIUM if name in self.result.estimates]
        return Group(f"equilibrium part of {self.result.name}", {name: self[name] for name in found})

    @property
    def charge(self) -> Group:
        """What charge does."""
        found = {name: self[name] for name in self if name.startswith(CHARGE)}
        if not found:
            raise AbsentError(f"{self.result.name} holds no charge: its deck has nothing that drives it")
        return Group(f"charge part of {self.result.name}", found, CHARGE)

    @property
    def budget(self) -> Quantity:
        """Spin budget of the sample."""
        return self["budget"]

    @property
    def deck(self) -> dict[str, Any]:
        """Resolved deck."""
        deck = tomllib.loads(self.result.resolved)
        if file := self.result.provenance.get("texture_file"):
            deck["texture"]["file"] = file  # found again from any folder
        if folder := self.result.provenance.get("texture_folder"):
            texture = deck["texture"]
            files = texture["files"]
            texture["files"] = [
                os.path.join(folder, one) for one in ([files] if isinstance(files, str) else files)
            ]
            if "table" in texture:
                texture["table"] = os.path.join(folder, texture["table"])
        return deck

    @property
    def complete(self) -> bool:
        """Whether all was walked that was asked for."""
        return self.result.complete

    @property
    def coords(self) -> dict[str, Any]:
        """Axes: numbers, in the file's units, or names."""
        return {name: _values(axis) for name, axis in self.result.coords.items()}

    def __getitem__(self, name: str) -> Quantity:
        """Quantity of the results file by its name."""
        if name not in self.result.estimates:
            raise KeyError(f"{name!r} is not in {self.result.name}, which has {', '.join(self)}")
        own = self.result.estimates[name]
        coords = {dim: _values(self.result.coords[dim]) for dim in own.dims if dim in self.result.coords}
        return Quantity(own.mean, own.stderr, own.dims, own.units, own.long_name, own.not_resolved, coords)

    def __iter__(self) -> Iterator[str]:
        """Names of all quantities."""
        return iter(self.result.estimates)

    def __contains__(self, name: object) -> bool:
        return name in self.result.estimates

    def __len__(self) -> int:
        return len(self.result.estimates)

    def _part(self, part: str) -> Group:
        names = [name for name in self if "part" in self.result.estimates[name].dims]
        return Group(
            f"{part} part of {self.result.name}",
            {
                name: self[name].sel(part=part)
                for name in names
                if part in self[name].coords.get("part", PARTS)
            },
        )

    def to_xarray(self) -> xarray.Dataset:
        """All quantities with their standard errors, as `xarray.open_dataset` gives them for the file.

        Returns
        -------
        xarray.Dataset
            Standard errors are the variables ``…_stderr``.

        Raises
        ------
        InputError
            If xarray is not installed.
        """
        try:
            import xarray
        except ImportError:
            raise InputError("xarray is not installed: pip install 'mcpump[plot]'") from None
        result = self.result
        variables: dict[str, Any] = {}
        for name, estimate in result.estimates.items():
            about = {"units": estimate.units, "long_name": estimate.long_name}
            if estimate.not_resolved:
                about["not_resolved"] = estimate.not_resolved
            variables[name] = (estimate.dims, estimate.mean, about)
            if estimate.stderr is not None:
                title = f"standard error of {estimate.long_name}"
                variables[name + STDERR] = (estimate.dims, estimate.stderr, {**about, "long_name": title})
        coords: dict[str, Any] = {}
        for name, axis in result.coords.items():
            about = {"units": axis.units, "long_name": axis.long_name} if isinstance(axis, Estimate) else {}
            values = axis.mean if isinstance(axis, Estimate) else np.array(axis, dtype=object)
            coords[name] = ((name,), values, about)
        names = ("name", "resolved", "message", "walkers", "blocks", "flights", "seed")
        attributes = {name: getattr(result, name) for name in names}
        attributes |= {"type": results.TYPE, "schema_version": results.SCHEMA, "mcpump_version": __version__}
        attributes |= {
            "complete": int(result.complete),
            "regime": json.dumps(result.regime, ensure_ascii=False),
        }
        attributes |= {"warnings": "\n".join(result.warnings), "notes": "\n".join(result.notes)}
        return xarray.Dataset(variables, coords, attributes)

    def plot(self, theory: bool = True, channel: str | None = None) -> Figure:
        """Draw the profiles, or the maps of a mesh in two or three directions.

        Parameters
        ----------
        theory : bool
            Whether to lay the theory for ℓ ≪ λ over the profiles.
        channel : str, optional
            Channel to draw; by default that of the table.

        Returns
        -------
        matplotlib.figure.Figure

        Raises
        ------
        InputError
            If matplotlib is not installed, or there is no such channel.
        """
        try:
            import matplotlib
        except ImportError:
            raise InputError("matplotlib is not installed: pip install 'mcpump[plot]'") from None
        if "IPython" in sys.modules:
            import matplotlib.pyplot  # noqa: F401  # a notebook only then knows how to show a figure

        from mcpump import figures

        return figures.profile(self.result, theory, channel)

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write the results file."""
        results.write(self.result, path, overwrite)

    def __repr__(self) -> str:
        """Table of `mcpump show`."""
        return report.table(self.result).rstrip("\n")


def _told(values: NDArray[np.float64], nearest: int) -> str:
    """Numbers of an axis, for a sentence: all of few, the nearest of many."""
    if len(values) <= MOST_TOLD:
        return f"there are {', '.join(f'{value:.10g}' for value in values)}"
    return (
        f"the nearest of {len(values)} from {values[0]:.10g} to {values[-1]:.10g} is {values[nearest]:.10g}, which "
        f'method="nearest" takes'
    )


def _values(axis: Axis) -> Any:
    return axis.mean if isinstance(axis, Estimate) else axis
