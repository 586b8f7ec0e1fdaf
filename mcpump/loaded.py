"""A run for scripts and notebooks: its parts by name, as xarray, as a figure, and the table as its text."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mcpump import report
from mcpump.deck.textures import is_program
from mcpump.errors import InputError
from mcpump.names import PARTS
from mcpump.results import file as results
from mcpump.tally.estimates import Estimate, Result

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure

EQUILIBRIUM = (
    "magnetization", "static_polarization", "supercurrent", "plane_supercurrent", "polarization_current",
    "static_torque",
)  # fmt: skip
"""Variables that are not walked: they follow from the texture, and hold without a drive."""
CHARGE = "charge_"
"""What the names of charge's variables begin with."""


class AbsentError(InputError, AttributeError):
    """What a run does not have; also an AttributeError, so that `hasattr` and completion work."""


class Group(Mapping[str, Estimate]):
    """Estimates by name, as keys and as attributes."""

    def __init__(self, what: str, quantities: Mapping[str, Estimate], prefix: str = "") -> None:
        self._what, self._quantities, self._prefix = what, dict(quantities), prefix

    def __getitem__(self, name: str) -> Estimate:
        return self._quantities[name if name in self._quantities else self._prefix + name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._quantities)

    def __len__(self) -> int:
        return len(self._quantities)

    def __getattr__(self, name: str) -> Estimate:
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
    budget : Estimate
        The spin budget.
    deck : dict
        The resolved deck as nested tables: ``mcpump.run(run.deck)`` walks it again. A user's texture is a program, which
        no results file makes run: ``mcpump.run(run.deck, set={"texture.file": "wall.py"})`` names it.
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
    def budget(self) -> Estimate:
        """Spin budget of the sample."""
        return self["budget"]

    @property
    def deck(self) -> dict[str, Any]:
        """Resolved deck."""
        deck = self.result.deck
        if is_program(deck):
            del deck["texture"]["file"]
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
        return {
            name: axis.mean if isinstance(axis, Estimate) else axis
            for name, axis in self.result.coords.items()
        }

    def __getitem__(self, name: str) -> Estimate:
        """Quantity of the results file by its name."""
        if name not in self.result.estimates:
            raise KeyError(f"{name!r} is not in {self.result.name}, which has {', '.join(self)}")
        return self.result.estimates[name]

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
            If xarray or h5netcdf is not installed.
        """
        try:
            import h5netcdf  # noqa: F401  # xarray reads the file by it
            import xarray
        except ImportError as error:
            raise InputError(f"{error.name} is not installed: pip install 'mcpump[plot]'") from None
        # what goes on with a run, not with its reader, stays behind
        image = results.image_of(replace(self.result, checkpoint={}, groundwork={}))
        with xarray.open_dataset(io.BytesIO(image), engine="h5netcdf") as opened:
            return opened.load()

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
