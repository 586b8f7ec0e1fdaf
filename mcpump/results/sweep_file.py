"""One file for a sweep: the results of all points, with the swept values as axes in front of the others.

Layout: as a results file (`results.file`), HDF5 that is valid netCDF-4, type "mcpump sweep". Every estimate and its
standard error begin with one axis for each swept key, whose coordinates are its values. What is missing is NaN, and
`point_status` says so. Keys that change along with an axis, and grids that differ from point to point (`x_of_point`), are
coordinates too.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from mcpump import __version__
from mcpump.errors import InputError, ResultsFileError
from mcpump.results.conventions import describe_file, write_bounds
from mcpump.results.file import (
    SCHEMA,
    SWEEP_TYPE,
    TakenError,
    attributes_of,
    check_writable,
    contents,
    read_by,
    scale_of,
    shown,
    write_coordinate,
    write_estimate,
    write_image,
)
from mcpump.results.file import read as read_run
from mcpump.simulate.checkpoint import check_same_deck, line
from mcpump.simulate.sweep import Coordinate, Sweep
from mcpump.tally.estimates import Estimate, Result

MISSING = "missing"
"""`point_status` of a point that has no results file."""
SAME = 1e-9
"""Grids that differ by less than this, beside their largest place, are the same."""
SHARED = (
    "points share walkers: their errors are correlated, and a fit to several points must not take them as independent; "
    "--new-walkers gives each point its own"
)
"""What is said of a sweep whose points have the same walkers."""
Axes = dict[str, Estimate | tuple[str, ...]]


class Collected(NamedTuple):
    """A sweep in arrays."""

    axes: Axes
    """Coordinates of the axes, the swept ones first."""
    estimates: dict[str, Estimate]
    words: dict[str, tuple[tuple[str, ...], NDArray[Any]]]
    """Texts of the points: name → (axes, values)."""
    auxiliary: tuple[str, ...]
    """Estimates and words that are coordinates of the others."""
    warnings: tuple[str, ...]


def folder_of(name: str | os.PathLike[str]) -> Path:
    """Folder of a sweep's points; it may be named by the file that collects them."""
    return Path(os.fspath(name).removesuffix(".h5"))


def beside(folder: Path) -> Path:
    """File that collects the sweep whose points are in a folder."""
    return folder.with_name(f"{folder.name}.h5")


def results_of(sweep: Sweep, folder: Path) -> list[Result | None]:
    """Read what has been walked, point by point; files of another deck are refused.

    Parameters
    ----------
    sweep : Sweep
        What was asked for.
    folder : Path
        Where the files are.

    Raises
    ------
    InputError, ResultsFileError
        If one of them is of another deck, or cannot be read.
    """
    found: list[Result | None] = []
    for point in sweep.points:
        path = folder / f"{point.name}.h5"
        result = read_run(path) if path.exists() else None
        if result is not None:
            check_same_deck(sweep.deck(point).resolved, result, shown(path))
            # what runs go on with is not collected, and may be large
            result = replace(result, name=point.name, checkpoint={}, groundwork={})
        found.append(result)
    return found


def collect(sweep: Sweep, results: Sequence[Result | None]) -> Collected:
    """Put the points of a sweep into arrays.

    Parameters
    ----------
    sweep : Sweep
        What was asked for.
    results : sequence of Result or None
        Results of `sweep.points`, None where there is none.

    Returns
    -------
    Collected
        With NaN for what is not there: also behind the last cell or plane of points that have fewer than others, whose
        places are `…_of_point`. Names on an axis (channels, harmonics) are those of all points.

    Raises
    ------
    InputError
        If there is no point at all.
    """
    there = [(point, result) for point, result in zip(sweep.points, results, strict=True) if result]
    if not there:
        raise InputError("no point of the sweep has been walked: there is nothing to collect")
    books = _Books(sweep, [(point.place, result) for point, result in there])
    books.add_grids()
    books.add_estimates()
    books.add_points()
    warnings = list(books.warnings)
    if absent := [point for point, result in zip(sweep.points, results, strict=True) if result is None]:
        warnings.insert(0, f"{len(absent)} of {len(results)} points are missing: {_some(absent)}")
    if unfinished := [point for point, result in there if not result.complete]:
        warnings.insert(
            0, f"{len(unfinished)} of {len(results)} points are not complete: {_some(unfinished)}"
        )
    return Collected(books.axes, books.estimates, books.words, (*books.tied, *books.grids), tuple(warnings))


def _some(points: Sequence[Any]) -> str:
    """Numbers and names of points, the first few of many."""
    names = [f"{point.number} ({point.name})" for point in points[:8]]
    return ", ".join(names) + (", …" if len(points) > 8 else "")


class _Books:
    """Arrays that are being filled."""

    def __init__(self, sweep: Sweep, there: list[tuple[tuple[int, ...], Result]]) -> None:
        self.sweep, self.there, self.shape = sweep, there, sweep.shape
        self.taken = {name for _, result in there for name in (*result.coords, *result.estimates)}
        self.axes: Axes = {}
        self.estimates: dict[str, Estimate] = {}
        self.words: dict[str, tuple[tuple[str, ...], NDArray[Any]]] = {}
        self.warnings: list[str] = []
        self.tied: list[str] = []
        self.grids: list[str] = []
        self.sizes: dict[str, int] = {}
        """Places along axes of which points have different numbers: those of the longest, NaN behind the others'."""
        swept = [self._add_axis(axis, *coordinates) for axis, coordinates in enumerate(sweep.coordinates())]
        self.swept = tuple(swept)

    def _add_axis(self, axis: int, first: Coordinate, *others: Coordinate) -> str:
        """Swept values as coordinates of a new axis; keys that change with them lie along it."""
        name = self._free(first)
        values = _as_axis(first)
        self.axes[name] = replace(values, dims=(name,)) if isinstance(values, Estimate) else values
        for other in others:
            values = _as_axis(other)
            if isinstance(values, Estimate):
                self.estimates[self._free(other)] = replace(values, dims=(name,))
            else:
                self.words[self._free(other)] = (name,), np.array(values, dtype=object)
            self.tied.append(self._free(other))
        return name

    def _free(self, coordinate: Coordinate) -> str:
        """A name that nothing else has."""
        return re.sub(r"\W+", "_", coordinate.key) if coordinate.name in self.taken else coordinate.name

    def add_grids(self) -> None:
        """Axes of the results: one for all points where they agree."""
        for name in _in_order(name for _, result in self.there for name in result.coords):
            found = [(index, result.coords[name]) for index, result in self.there if name in result.coords]
            numbers = [(index, values) for index, values in found if isinstance(values, Estimate)]
            names = [values for _, values in found if isinstance(values, tuple)]
            if names:
                self.axes[name] = tuple(_in_order(label for labels in names for label in labels))
            else:
                self._add_grid(name, numbers)

    def _add_grid(self, name: str, numbers: list[tuple[tuple[int, ...], Estimate]]) -> None:
        first = numbers[0][1]
        sizes = {values.mean.size for _, values in numbers}
        if len(sizes) > 1:
            self.sizes[name] = max(sizes)
        largest = max(float(np.abs(values.mean).max(initial=0.0)) for _, values in numbers)
        if len(sizes) == 1 and all(
            np.allclose(values.mean, first.mean, rtol=0.0, atol=SAME * largest) for _, values in numbers
        ):
            self.axes[name] = first
            return
        places = np.full((*self.shape, max(sizes)), np.nan)
        for index, values in numbers:
            places[index][: values.mean.size] = values.mean
        self.estimates[f"{name}_of_point"] = Estimate(
            places,
            None,
            (*self.swept, name),
            first.units,
            f"{first.long_name}, which differs from point to point",
        )
        self.grids.append(f"{name}_of_point")

    def add_estimates(self) -> None:
        """Every estimate of every point that has a place in one array."""
        left_out: dict[str, list[str]] = {}
        for name in _in_order(name for _, result in self.there for name in result.estimates):
            found = [
                (index, result, result.estimates[name])
                for index, result in self.there
                if name in result.estimates
            ]
            if reason := self._reason(found):
                left_out.setdefault(reason, []).append(name)
            else:
                self.estimates[name] = self._joined(found)
        for reason, names in left_out.items():
            self.warnings.append(f"{reason}, so that these are left out: {', '.join(names)}")

    def _reason(self, found: list[tuple[tuple[int, ...], Result, Estimate]]) -> str:
        """Why an estimate of several points does not make one array, or ""."""
        first = found[0][2]
        if any(estimate.dims != first.dims or estimate.units != first.units for _, _, estimate in found):
            return "the axes or units of some quantities differ from point to point"
        for axis, name in enumerate(first.dims):
            sizes = sorted({estimate.mean.shape[axis] for _, _, estimate in found})
            if len(sizes) > 1 and name not in self.axes and name not in self.sizes:
                return f"the points have {sizes[0]} to {sizes[-1]} places along {name}"
        return ""

    def _joined(self, found: list[tuple[tuple[int, ...], Result, Estimate]]) -> Estimate:
        first = found[0][2]
        sizes = [
            len(axis) if isinstance(axis := self.axes.get(name), tuple) else self.sizes.get(name, size)
            for name, size in zip(first.dims, first.mean.shape, strict=True)
        ]
        mean = np.full((*self.shape, *sizes), np.nan)
        walked = any(estimate.stderr is not None for _, _, estimate in found)
        stderr = np.full_like(mean, np.nan) if walked else None
        for index, result, estimate in found:
            own = zip(first.dims, estimate.mean.shape, strict=True)
            places = [self._places(result, name, n) for name, n in own]
            here: Any = (*index, ...)
            mean[here][np.ix_(*places)] = estimate.mean
            if stderr is not None:
                stderr[here][np.ix_(*places)] = 0.0 if estimate.stderr is None else estimate.stderr
        return Estimate(mean, stderr, (*self.swept, *first.dims), first.units, first.long_name)

    def _places(self, result: Result, name: str, size: int) -> list[int]:
        """Where the names of one point stand on the axis of all."""
        axis, own = self.axes.get(name), result.coords.get(name)
        if isinstance(axis, tuple) and isinstance(own, tuple):
            return [axis.index(label) for label in own]
        return list(range(size))

    def add_points(self) -> None:
        """What is known of each point as a whole: how it ended, its walkers, its regime numbers."""
        status = np.full(self.shape, MISSING, dtype=object)
        for index, result in self.there:
            status[index] = "complete" if result.complete else result.message
        self.words["point_status"] = self.swept, status
        for name in ("walkers", "blocks", "flights"):
            self._add_number(
                f"point_{name}", "1", f"{name} of the point", [getattr(r, name) for _, r in self.there]
            )
        for key in _in_order(key for _, result in self.there for key in result.regime):
            values = [result.regime.get(key, (np.nan, "", "")) for _, result in self.there]
            _, units, what = next(value for value in values if value[2])
            name = "regime_" + re.sub(r"\W+", "_", key.replace("/", " over ")).strip("_")
            self._add_number(name, units or "1", f"{key}, {what}", [value[0] for value in values])

    def _add_number(self, name: str, units: str, long_name: str, values: Sequence[float]) -> None:
        array = np.full(self.shape, np.nan)
        for (index, _), value in zip(self.there, values, strict=True):
            array[index] = value
        self.estimates[name] = Estimate(array, None, self.swept, units, long_name)


def _as_axis(coordinate: Coordinate) -> Estimate | tuple[str, ...]:
    values = np.array(coordinate.values)
    if values.dtype.kind != "f":
        return tuple(str(value) for value in coordinate.values)
    return Estimate(values, None, (coordinate.name,), coordinate.units, coordinate.label)


def _in_order(names: Any) -> list[str]:
    """Names in the order in which they first come."""
    return list(dict.fromkeys(names))


def notes_on(results: Sequence[Result | None]) -> tuple[str, ...]:
    """What a reader of all points of a sweep must know."""
    seeds = [result.seed for result in results if result]
    return (SHARED,) if len(set(seeds)) < len(seeds) else ()


def put(
    path: Path, sweep: Sweep, collected: Collected, results: Sequence[Result | None], overwrite: bool = False
) -> None:
    """Write the file of a sweep in the place of an older one, while other processes may do the same."""
    while True:
        there = path.exists()
        check_writable(path, overwrite or may_be_replaced(path, sweep))
        with contextlib.suppress(TakenError):  # another process has collected it in this moment
            write(path, sweep, collected, results, overwrite=there)
            return


def write(
    path: str | os.PathLike[str],
    sweep: Sweep,
    collected: Collected,
    results: Sequence[Result | None],
    overwrite: bool,
) -> None:
    """Write the file of a sweep: whole or not at all, in the place of an older one.

    Parameters
    ----------
    path : path
        Where to.
    sweep, collected, results
        What was asked for, the arrays, and the results they were taken from.
    overwrite : bool
        Whether there is a file to be replaced.

    Raises
    ------
    ResultsFileError
        If it cannot be written.
    """
    first = next(result for result in results if result)
    with h5py.File("image", "w", driver="core", backing_store=False) as file:
        attributes = {
            "type": SWEEP_TYPE,
            "schema_version": np.int64(SCHEMA),
            "mcpump_version": __version__,
            "name": sweep.name,
            "resolved": first.resolved,
            "swept": _swept(sweep),
            "points": np.int64(len(results)),
            "complete": np.int64(all(result is not None and result.complete for result in results)),
            "warnings": "\n".join(collected.warnings),
            "notes": "\n".join(notes_on(results)),
        }
        for key, value in attributes.items():
            file.attrs[key] = value
        for name, axis in collected.axes.items():
            write_coordinate(file, name, axis)
        for name, estimate in collected.estimates.items():
            write_estimate(file, name, estimate)
        write_bounds(file)
        title = f"{sweep.name}: sweep over {', '.join(v.key for axis in sweep.axes for v in axis)}"
        describe_file(file, title, line(f"collected {len(results)} points"))
        for name, (dims, values) in collected.words.items():
            dataset = file.create_dataset(name, data=values, dtype=h5py.string_dtype(), track_times=False)
            for i, dimension in enumerate(dims):
                dataset.dims[i].attach_scale(scale_of(file, dimension, values.shape[i]))
        for name, estimate in collected.estimates.items():
            if own := [other for other in collected.auxiliary if _lies_on(collected, other, estimate.dims)]:
                for key in (name, f"{name}_stderr"):
                    if key in file and name not in own:
                        file[key].attrs["coordinates"] = " ".join(own)
        file.create_group("provenance").attrs["wall_time_s"] = [
            float(result.provenance.get("wall_time_s", np.nan)) if result else np.nan for result in results
        ]
        file.flush()
        image = bytes(file.id.get_file_image())
    write_image(image, path, overwrite)


def _lies_on(collected: Collected, name: str, dims: tuple[str, ...]) -> bool:
    """Whether a coordinate's axes are all among some."""
    own = collected.words[name][0] if name in collected.words else collected.estimates[name].dims
    return set(own) <= set(dims)


def read(path: str | os.PathLike[str]) -> Collected:
    """Read the file of a sweep back, as far as tables need it.

    Parameters
    ----------
    path : path
        A file that `write` made.

    Returns
    -------
    Collected
        Its `axes` begin with the swept ones, which are those of `words["point_status"]`.

    Raises
    ------
    ResultsFileError
        If it is no file of a sweep, or damaged.
    """

    def made(file: h5py.File) -> Collected:
        if file.attrs.get("type") != SWEEP_TYPE:
            raise ResultsFileError(f"{shown(path)} holds no sweep.")
        coords, estimates, words = contents(file)
        swept = words["point_status"][0]
        axes = {name: coords[name] for name in (*swept, *coords)}
        placed = {
            name: replace(one, coords={axis: _places(axes[axis]) for axis in one.dims if axis in axes})
            for name, one in estimates.items()
        }
        warnings = str(file.attrs["warnings"])
        return Collected(axes, placed, words, (), tuple(warnings.split("\n")) if warnings else ())

    return read_by(path, made)


def _places(axis: Estimate | tuple[str, ...]) -> Any:
    """Numbers or names of an axis."""
    return axis.mean if isinstance(axis, Estimate) else axis


def is_sweep(path: str | os.PathLike[str]) -> bool:
    """Whether a file is that of a sweep, as it was written."""
    return bool(attributes_of(path).get("type") == SWEEP_TYPE)


def may_be_replaced(path: str | os.PathLike[str], sweep: Sweep) -> bool:
    """Whether a file collects an older state of a sweep: of the same keys of a deck of the same name."""
    attributes = attributes_of(path)
    held = [attributes.get(key) for key in ("type", "swept", "name")]
    return held == [SWEEP_TYPE, _swept(sweep), sweep.name]


def _swept(sweep: Sweep) -> str:
    """Swept keys, axis by axis, as JSON."""
    return json.dumps([[variable.key for variable in axis] for axis in sweep.axes])
