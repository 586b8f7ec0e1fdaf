"""`mcpump export`: spin density and currents of a results file as OVF 2.0, for OOMMF's, mumax3's and Ubermag's tools."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcpump.cli_options import COMPLETE
from mcpump.errors import InputError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mcpump.estimates import Estimate, Result
    from mcpump.ovf import Mesh

    Array = NDArray[np.float64]

QUANTITIES = ("spin_density", "spin_current")
"""What is exported, with standard errors."""


def add_export(commands: Any) -> None:
    """Describe the command."""
    export = commands.add_parser(
        "export",
        help="write spin density and currents of a results file as OVF 2.0",
        description="Write the spin density and the spin currents on the mesh as OVF 2.0: one file for each part, "
        "direction and harmonic (or time bin), with the three components of spin, and one with their standard errors. "
        "The results file itself, with all that a run knows, opens in xarray and in whatever reads HDF5.",
    )
    export.add_argument("file", type=Path, metavar="FILE")
    export.add_argument("--ovf", type=Path, required=True, metavar="FOLDER", help="where to write")
    export.add_argument("--channel", metavar="NAME", help="which channel (that of the table)")
    export.add_argument("--overwrite", action="store_true", help="write into a folder that is there")
    export.set_defaults(act=export_file)


def export_file(options: argparse.Namespace) -> int:
    """`mcpump export`: a results file as OVF."""
    from mcpump import results
    from mcpump.cli_run import print_lines
    from mcpump.figure_style import chosen_channel
    from mcpump.ovf import write_ovf

    result = results.read(options.file)
    channel, about = chosen_channel(result, options.channel)
    folder: Path = options.ovf
    if folder.exists() and not options.overwrite:
        raise InputError(f"{folder} exists already; name another folder, or give --overwrite")
    mesh = mesh_of(result)
    lines = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in QUANTITIES:
            if name not in result.estimates:
                continue
            estimate = result.estimates[name]
            for stem, title, time, values, error in fields(result, name, channel):
                text = f"{title}, {about.marked} [{estimate.units}], of {result.name}"
                said = [f"{name}_{c}" for c in "xyz"]
                parts = [(stem, values, said, text)]
                if error is not None:
                    spread = [f"{label}_stderr" for label in said]
                    parts.append((f"{stem}-stderr", error, spread, f"standard error of {text}"))
                for file, numbers, heads, heading in parts:
                    path = folder / f"{file}.ovf"
                    write_ovf(path, numbers, mesh, time, heads, [estimate.units], heading, "binary 8")
                    lines.append(str(path))
    except OSError as error:
        raise InputError(f"cannot write {error.filename or folder}: {error.strerror}") from None
    print_lines(lines)
    return COMPLETE


def mesh_of(result: Result) -> Mesh:
    """Mesh of a result [m]; in reduced units 1 m stands for ℓ.

    Directions without a mesh have one cell, as long as along x.

    Parameters
    ----------
    result : Result
        From a results file.
    """
    from mcpump.ovf import Mesh
    from mcpump.report_text import mesh_axes, positions

    cells, steps, corners = [1, 1, 1], [0.0, 0.0, 0.0], [0.0, 0.0, 0.0]
    for i, axis in enumerate(mesh_axes(result)):
        edges = positions(result, f"{axis}_edge").mean
        cells[i], corners[i] = len(edges) - 1, float(edges[0])
        steps[i] = float(edges[-1] - edges[0]) / cells[i]
    x, y, z = (step or steps[0] for step in steps)
    return Mesh((cells[0], cells[1], cells[2]), (x, y, z), (corners[0], corners[1], corners[2]))


def fields(
    result: Result, name: str, channel: int
) -> Iterator[tuple[str, str, float | None, Array, Array | None]]:
    """Cut an estimate into fields: (name of the file, title, time, values (z, y, x, component), standard errors).

    Parameters
    ----------
    result : Result
        From a results file.
    name : str
        Of the estimate.
    channel : int
        Which channel.
    """
    import numpy as np

    from mcpump.report_text import labels, mesh_axes, positions

    estimate: Estimate = result.estimates[name]
    mesh = mesh_axes(result)
    kept = [d for d in estimate.dims if d not in ("channel", "component", *mesh)]
    order = ["channel", *kept, *reversed(mesh), "component"]
    axes = [estimate.dims.index(d) for d in order]
    shape = tuple(estimate.mean.shape[estimate.dims.index(d)] for d in kept)

    def cut(values: Array, at: tuple[int, ...]) -> Array:
        one = values.transpose(axes)[channel][at]
        return np.asarray(one.reshape((1,) * (4 - one.ndim) + one.shape))

    for at in np.ndindex(*shape):
        words, time = [], None
        for axis, number in zip(kept, at, strict=True):
            if axis == "time":
                time = float(positions(result, "time").mean[number])
                words.append(f"t{number:06d}")
            else:
                words.append(labels(result, axis)[number])
        title = f"{name.replace('_', ' ')}, {', '.join(words)}"
        error = None if estimate.stderr is None else cut(estimate.stderr, at)
        error = None if error is None or np.isnan(error).all() else error  # too few blocks
        yield "-".join([name, *words]), title, time, cut(estimate.mean, at), error
