"""How other programs know what a file holds: scales of netCDF, CF Conventions, units that UDUNITS reads."""

from __future__ import annotations

import re

import h5py
import numpy as np

from mcpump import __version__
from mcpump.console import plain

CONVENTIONS = "CF-1.11"
REFERENCES = (
    "A. Takeuchi, K. Hosono, G. Tatara, Diffusive versus local spin currents in dynamic spin pumping systems, "
    "Phys. Rev. B 81, 144405 (2010), doi:10.1103/PhysRevB.81.144405"
)
NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable."
"""What netCDF writes beside the scale of an axis without coordinates."""
BOUNDS = "_bounds"
"""Ending of the name of what holds the two edges of each cell."""
REDUCED = "reduced_unit"
"""Attribute that names the unit where it is none of SI: UDUNITS takes such a quantity for a number."""
_EDGE = "_edge"
_SIDES = "bnds"
_OF_WALKS = re.compile(r"\b(ell|tau|hbar|nu)\b")


def describe_file(file: h5py.File, title: str, history: str) -> None:
    """Say what a file is and where it comes from. Who made it (`institution`) is not known to the program."""
    about = {
        "Conventions": CONVENTIONS,
        "title": title,
        "source": f"mcpump {__version__}, Monte Carlo random walk of electrons",
        "references": REFERENCES,
        "history": history,
    }
    for key, value in about.items():
        if value:
            file.attrs[key] = value


def write_units(dataset: h5py.Dataset, units: str) -> None:
    """Write a unit: of SI as UDUNITS reads it, else 1, and beside it the unit of walks by name."""
    reduced = _OF_WALKS.search(units)
    dataset.attrs["units"] = "1" if reduced else units
    if reduced:
        dataset.attrs[REDUCED] = units


def units_of(dataset: h5py.Dataset) -> str:
    """Unit that `write_units` wrote."""
    value = dataset.attrs.get(REDUCED, dataset.attrs.get("units", ""))
    return plain(value.decode() if isinstance(value, bytes) else str(value))


def write_bounds(file: h5py.File) -> None:
    """Give each axis of cells, and of time bins, the variable of their edges that CF asks for, two for each cell."""
    for name in [name for name in file if name.endswith(_EDGE) and is_variable(file[name])]:
        axis, edges = name.removesuffix(_EDGE), file[name][()]
        if axis not in file or not is_variable(file[axis]):
            continue
        values = np.stack([edges[:-1], edges[1:]], axis=-1)
        bounds = file.create_dataset(axis + BOUNDS, data=values, track_times=False)
        bounds.dims[0].attach_scale(file[axis])
        bounds.dims[1].attach_scale(scale_of(file, _SIDES, 2))
        file[axis].attrs["bounds"] = axis + BOUNDS


def is_variable(item: h5py.Dataset | h5py.Group) -> bool:
    """Whether something is a variable: a dataset, but no scale of an axis without coordinates."""
    name = item.attrs.get("NAME", b"")
    name = name.encode() if isinstance(name, str) else name  # somebody else's file may have anything there
    nameless = isinstance(name, bytes) and name.startswith(NO_VARIABLE.encode())
    return isinstance(item, h5py.Dataset) and not nameless


def scale_of(file: h5py.Group, dimension: str, size: int) -> h5py.Dataset:
    """Scale of an axis; one without coordinates gets netCDF's own kind of nameless scale."""
    if dimension not in file:
        dataset = file.create_dataset(dimension, shape=(size,), dtype=">f4", track_times=False)
        dataset.make_scale(f"{NO_VARIABLE}{size:10d}")
    return file[dimension]
