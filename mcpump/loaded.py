"""A run for scripts and notebooks: its parts by name, as xarray, as a figure, and the table as its text."""

from __future__ import annotations

import io
import os
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mcpump import markup, report
from mcpump.deck.textures import is_program
from mcpump.errors import InputError
from mcpump.names import AXES, PARTS
from mcpump.results import file as results
from mcpump.simulate.checkpoint import given_by
from mcpump.tally.estimates import Estimate, Result, pandas_or_sentence
from mcpump.textures.program import is_function

if TYPE_CHECKING:
    import pandas
    import xarray
    from matplotlib.figure import Figure

    from mcpump.problem.scene import Problem
    from mcpump.simulate.sweep import Point, Sweep

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

    def _repr_html_(self) -> str:
        """Table for a notebook."""
        rows = [
            (name, ", ".join(one.dims), one.units, one.long_name) for name, one in self._quantities.items()
        ]
        return markup.table(self._what, ("", "axes", "units", "what"), rows)

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

    _part_name = "{part} part of {name}"

    def __init__(self, result: Result, problem: Problem | None = None) -> None:
        self.result, self._problem = result, problem

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
        if is_program(deck) and not is_function(deck["texture"]["file"]):
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
            self._part_name.format(part=part, name=self.result.name),
            {
                name: self[name].sel(part=part)
                for name in names
                if part in self[name].coords.get("part", PARTS)
            },
        )

    def estimate(
        self, function: Callable[[Numbers], Any], units: str = "1", long_name: str | None = None
    ) -> Estimate:
        """Give a function of one's own of the run's numbers, with its standard error.

        Parameters
        ----------
        function : callable
            Of a run whose quantities have the same names, axes and units, and no errors; it returns a number or an array:
            ``lambda run: np.hypot(*run.total.plane_current.sel(…, component="x").mean)``. It should be smooth.
        units, long_name : str, optional
            Of what it gives; by default "1" and the function's name.

        Returns
        -------
        Estimate
            The error is the jackknife's, over groups of blocks, and what is worked out without walkers adds its own:
            numbers of the same walkers are never taken as independent.

        Raises
        ------
        InputError
            If it asks for profiles on the mesh, which are kept without groups, if the file holds no sums, or if the
            texture was a function in Python, which only the `Run` of `mcpump.run` or `mcpump.resume` knows.
        """
        from mcpump.problem.reduce import make_problem
        from mcpump.simulate.jackknife import estimate

        problem = self._problem or make_problem(given_by(self.result).deck())
        mean, error = estimate(
            problem,
            self.result,
            lambda found: function(Numbers(replace(self.result, estimates=found), problem)),
        )
        dims = tuple(f"axis_{i}" for i in range(mean.ndim))
        return Estimate(mean, error, dims, units, long_name or str(getattr(function, "__name__", "estimate")))

    def to_dataframe(self, *names: str) -> pandas.DataFrame:
        """Tidy table of quantities: one row a number.

        Parameters
        ----------
        *names : str
            Quantities; by default all that are not on the mesh: currents through planes (without their covariance),
            budget, means, conductances.

        Returns
        -------
        pandas.DataFrame
            Columns: quantity, one for each axis, mean, stderr, units.

        Raises
        ------
        InputError
            If pandas is not installed.
        KeyError
            If there is no such quantity.
        """
        pandas = pandas_or_sentence()
        apart = {*AXES, "self_check", "plane_part"}
        chosen = names or [name for name in self if not set(self[name].dims) & apart]
        tables = []
        for name in chosen:
            one = self[name]
            tables.append(one.to_dataframe().assign(quantity=name, units=one.units))
        axes = list(dict.fromkeys(axis for name in chosen for axis in self[name].dims))
        return pandas.concat(tables, ignore_index=True)[["quantity", *axes, "mean", "stderr", "units"]]

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
            import matplotlib.pyplot

            # a notebook only then knows how to show a figure
            matplotlib.pyplot.switch_backend(matplotlib.get_backend())

        from mcpump import figures

        return figures.profile(self.result, theory, channel)

    def save(self, path: str | os.PathLike[str], overwrite: bool = False) -> None:
        """Write the results file."""
        results.write(self.result, path, overwrite)

    def __repr__(self) -> str:
        """Table of `mcpump show`."""
        return report.table(self.result).rstrip("\n")

    def _repr_html_(self) -> str:
        """Table for a notebook: what counts, then the table of `mcpump show` to be opened."""
        result = self.result
        status = "complete" if result.complete else f"NOT COMPLETE: {result.message}"
        rows = [(key, f"{markup.number(value)} {unit}".rstrip(), what)
                for key, (value, unit, what) in result.regime.items() if not np.isnan(value)]  # fmt: skip
        said = "".join(markup.text(f"warning: {sentence}") for sentence in result.warnings)
        return (
            markup.text(
                f"{report.summary_line(result)}\n{result.walkers} walkers, {result.blocks} blocks: {status}"
            )
            + said
            + markup.text(repr(self))
            + markup.folded("regime", markup.table(result.name, (), rows))
        )


class Numbers(Run):
    """Numbers of a run without errors, for a function of one's own."""

    _part_name = "{part} part of what groups of blocks hold of {name} (profiles have no groups)"

    def __getitem__(self, name: str) -> Estimate:
        """Quantity by its name."""
        if name not in self.result.estimates:
            raise AbsentError(
                f"{name} is not among what groups of blocks hold of {self.result.name} (profiles have no groups): these "
                f"are {', '.join(self)}"
            )
        return self.result.estimates[name]


class Check:
    """What a deck means and costs.

    Attributes
    ----------
    deck : dict
        The resolved deck as nested tables.
    regime : dict
        Regime number → (value, unit, what it is).
    warnings, notes : tuple of str
        One sentence each.
    forecast : tuple of str
        Lines of a pilot's forecast; none without a pilot.
    """

    def __init__(self, problem: Problem, forecast: Sequence[str] = ()) -> None:
        self.problem, self.forecast = problem, tuple(forecast)
        self.deck: dict[str, Any] = tomllib.loads(problem.resolved)
        self.regime, self.warnings, self.notes = problem.regime, problem.warnings, problem.notes

    def __repr__(self) -> str:
        """Text of `mcpump check`."""
        from mcpump.problem.reduce import check_report

        return "\n".join([check_report(self.problem).rstrip("\n"), *self.forecast])

    def _repr_html_(self) -> str:
        return markup.text(repr(self))


class Series:
    """Runs of a sweep.

    Attributes
    ----------
    points : list of dict
        Swept key → value as the deck has it, of each point.
    file : Path
        File that collects the sweep.
    """

    def __init__(self, sweep: Sweep, results: Sequence[Result | None], file: Path) -> None:
        self._sweep, self._results, self.file = sweep, list(results), file
        self.points = [_values(sweep, point) for point in sweep.points]

    @property
    def complete(self) -> bool:
        """Whether all points have been walked to their end."""
        return all(result is not None and result.complete for result in self._results)

    def __len__(self) -> int:
        return len(self._results)

    def __getitem__(self, number: int) -> Run:
        """Run of a point, counted from 0, from its file."""
        point = self._sweep.points[number]
        return Run(results.read(self.file.with_suffix("") / f"{point.name}.h5"))

    def __iter__(self) -> Iterator[Run]:
        return (self[number] for number in range(len(self)))

    def to_xarray(self) -> xarray.Dataset:
        """All quantities, with the swept values as axes in front, as the file has them.

        Raises
        ------
        InputError
            If xarray is not installed.
        """
        with _xarray().open_dataset(self.file, engine="h5netcdf") as opened:
            return opened.load()  # type: ignore[no-any-return]

    def to_dataframe(self, *names: str) -> pandas.DataFrame:
        """Table as `Run.to_dataframe`, with the swept keys as first columns."""
        pandas = pandas_or_sentence()
        tables = []
        for result, point in zip(self._results, self.points, strict=True):
            if result is not None:
                table = Run(result).to_dataframe(*names)
                for place, (key, value) in enumerate(point.items()):
                    table.insert(place, key, value)
                tables.append(table)
        return pandas.concat(tables, ignore_index=True)

    def __repr__(self) -> str:
        """Line of each point."""
        lines = [report.summary_line(result) for result in self._results if result]
        return "\n".join([*lines, f"{self.file}: {len(lines)} of {len(self)} points"])

    def _repr_html_(self) -> str:
        return markup.text(repr(self))


def _values(sweep: Sweep, point: Point) -> dict[str, Any]:
    """Values of a point: numbers in SI or reduced units where they are some."""
    found: dict[str, Any] = {}
    for axis, place in zip(sweep.coordinates(), point.place, strict=True):
        found |= {one.key: one.values[place] for one in axis}
    return found


def _xarray() -> Any:
    """xarray, or the sentence."""
    try:
        import xarray
    except ImportError:
        raise InputError("xarray is not installed: pip install 'mcpump[plot]'") from None
    return xarray
