"""The group VTKHDF of a results file: what stands on the mesh, as ParaView and VTK read it from the same file.

    /VTKHDF            Version, Type = ImageData, WholeExtent, Origin, Spacing, Direction
    /VTKHDF/CellData   arrays (z, y, x) or (z, y, x, component), of a transient with the time bins before them
    /VTKHDF/Steps      of a transient: the times

VTK asks for the components behind the places, so that these are copies and not links. They are of the headline channel
alone, in single precision: for the eye.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from mcpump.names import AXES
from mcpump.tally.estimates import Estimate, Result

GROUP = "VTKHDF"
QUANTITIES = ("spin_density", "spin_current", "torque", "magnetization")
"""Arrays of vectors: three components of spin."""
NM = 1e9
"""Lengths of SI decks are in nm: ParaView takes what is 1e-9 long for a point."""


def write_mesh(file: h5py.File, result: Result) -> None:
    """Add the group to a file that holds a result's variables."""
    axes = [axis for axis in AXES if f"{axis}_edge" in result.coords]
    named = [name for name in QUANTITIES if name in result.estimates]
    if not axes or not named:
        return
    group = file.create_group(GROUP)
    group.attrs["Version"] = np.array([2, 3], dtype=np.int64)
    group.attrs.create("Type", b"ImageData", dtype=h5py.string_dtype("ascii", 9))
    for key, value in _grid(result, axes).items():
        group.attrs[key] = value
    cells = group.create_group("CellData")
    for name in named:
        for array, values in _arrays(result, name, axes):
            cells.create_dataset(array, data=values.astype(np.float32), track_times=False)
    times = result.coords.get("time")
    if isinstance(times, Estimate):
        _write_steps(group, times.mean)


def _grid(result: Result, axes: list[str]) -> dict[str, NDArray[Any]]:
    """Extent, corner and size of the cells; one cell as wide as along x where the mesh has no axis."""
    extent, origin, spacing = [0, 1] * 3, np.zeros(3), np.zeros(3)
    for i, axis in enumerate(axes):
        edges = result.coords[f"{axis}_edge"]
        assert isinstance(edges, Estimate)
        places = edges.mean * (NM if edges.units == "m" else 1.0)
        extent[2 * i + 1] = len(places) - 1
        origin[i], spacing[i] = places[0], (places[-1] - places[0]) / (len(places) - 1)
    spacing[len(axes) :] = spacing[0]
    return {
        "WholeExtent": np.array(extent, dtype=np.int64),
        "Origin": origin,
        "Spacing": spacing,
        "Direction": np.eye(3).ravel(),
    }


def _arrays(result: Result, name: str, axes: list[str]) -> Iterator[tuple[str, NDArray[Any]]]:
    """Arrays of a quantity by name: "spin_current sum diffusive x dc", and its standard error."""
    from mcpump.problem.headline import headline  # with it comes numba, which who reads a file does not need

    estimate, words = result.estimates[name], [name]
    if "channel" in estimate.dims:
        shown = headline(estimate.places("channel"), result.regime_number("J tau/hbar"))
        estimate = estimate.sel(channel=shown.channel)
        words.append(shown.channel)
    last = [axis for axis in ("time", *reversed(axes), "component") if axis in estimate.dims]
    names = [axis for axis in estimate.dims if axis not in last]
    order = [estimate.dims.index(axis) for axis in (*names, *last)]
    for ending, values in (("", estimate.mean), (" stderr", estimate.stderr)):
        if values is None or np.isnan(values).all():
            continue  # exact, or from too few blocks
        sorted_ = values.transpose(order)
        for at in np.ndindex(sorted_.shape[: len(names)]):
            labels = [estimate.places(axis)[number] for axis, number in zip(names, at, strict=True)]
            yield " ".join([*words, *labels]) + ending, _as_volume(sorted_[at], len(axes), "time" in last)


def _as_volume(values: NDArray[Any], axes: int, in_time: bool) -> NDArray[Any]:
    """Values ([time,] …, x, component) with all three directions."""
    head = values.shape[:1] if in_time else ()
    return values.reshape((*head, *(1,) * (3 - axes), *values.shape[len(head) :]))


def _write_steps(group: h5py.Group, times: NDArray[Any]) -> None:
    """Times, and where each begins in an array."""
    steps = group.create_group("Steps")
    steps.attrs["NSteps"] = np.int64(len(times))
    steps.create_dataset("Values", data=times, track_times=False)
    offsets = steps.create_group("CellDataOffsets")
    for name in group["CellData"]:
        offsets.create_dataset(name, data=np.arange(len(times)), track_times=False)
