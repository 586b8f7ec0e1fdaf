"""`mcpump export`: spin density and currents of a results file as OVF 2.0, for OOMMF's, mumax3's and Ubermag's tools."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from mcpump.cli.options import COMPLETE, add_file, add_overwrite
from mcpump.errors import InputError, show

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mcpump.tally.estimates import Estimate, Result
    from mcpump.textures.ovf import Mesh

    Array = NDArray[np.float64]

QUANTITIES = ("spin_density", "spin_current")
"""What is exported, with standard errors."""
FRAMES = ("snapshots", "sample")
"""Whose axes and places are written."""


def add_export(commands: Any) -> None:
    """Describe the command."""
    export = commands.add_parser(
        "export",
        help="write spin density and currents of a results file as OVF 2.0",
        description="Write the spin density and the spin currents on the mesh as OVF 2.0: one file for each part, "
        "direction and harmonic (or time bin), with the three components of spin, and one with their standard errors. "
        "Results of a texture from OVF files are written into the frame of those files: their axes, places and times. "
        "The results file itself, with all that a run knows, opens in xarray, in ParaView (VTKHDF Reader) and in "
        "whatever reads HDF5.",
    )
    add_file(export)
    export.add_argument("--ovf", type=Path, required=True, metavar="FOLDER", help="where to write")
    export.add_argument("--channel", metavar="NAME", help="which channel (that of the table)")
    export.add_argument(
        "--frame", choices=FRAMES, help="whose axes, places and times (by default the snapshots', if there are any)"
    )  # fmt: skip
    add_overwrite(export, "write into a folder that is there")
    export.set_defaults(answers=False, act=export_file)


def export_file(options: argparse.Namespace) -> int:
    """`mcpump export`: a results file as OVF."""
    from mcpump import results
    from mcpump.figures.style import chosen_channel
    from mcpump.textures.ovf import write_ovf

    result = results.read(options.file)
    about = chosen_channel(result, options.channel)
    folder: Path = options.ovf
    if folder.exists() and not options.overwrite:
        raise InputError(f"{folder} exists already; name another folder, or give --overwrite")
    frame = _frame(result, options.file, options.frame)
    mesh, remarks = frame.mesh(result), [frame.told]
    lines = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in QUANTITIES:
            if name not in result.estimates:
                continue
            estimate = result.estimates[name]
            for stem, title, time, values, error in fields(result, name, about.channel, frame):
                text = f"{title}, {about.marked} [{estimate.units}], of {result.name}"
                said = [f"{name}_{c}" for c in "xyz"]
                parts = [(stem, values, said, text)]
                if error is not None:
                    spread = [f"{label}_stderr" for label in said]
                    parts.append((f"{stem}-stderr", error, spread, f"standard error of {text}"))
                for file, numbers, heads, heading in parts:
                    path = folder / f"{file}.ovf"
                    write_ovf(
                        path, numbers, mesh, time, heads, [estimate.units], heading, "binary 8", remarks
                    )
                    lines.append(str(path))
    except OSError as error:
        raise InputError(f"cannot write {error.filename or folder}: {error.strerror}") from None
    print("\n".join(lines))
    return COMPLETE


class Frame(NamedTuple):
    """Whose axes and places are written: the sample's, or those of the snapshots that it lies in."""

    order: tuple[int, int, int]
    """Axes of the frame along the sample's x, y, z."""
    origin: tuple[float, ...]
    """Place of the sample's corner in the frame [m]."""
    corner: tuple[float, ...]
    """Of the one cell in directions without a mesh [m]."""
    step: tuple[float, ...] | None
    """Of that cell [m]; None: as along the sample's x."""
    start: float
    """Time of the frame at t = 0 [s]."""
    told: str
    """What the files say of it."""

    def mesh(self, result: Result) -> Mesh:
        """Mesh of a result in the frame [m]; in reduced units 1 m stands for ℓ."""
        from mcpump.report.words import mesh_axes, positions
        from mcpump.textures.ovf import Mesh

        edges = {axis: positions(result, f"{axis}_edge").mean for axis in mesh_axes(result)}
        width = float(edges["x"][-1] - edges["x"][0]) / (len(edges["x"]) - 1)
        cells, steps, corners = [1, 1, 1], list(self.step or (width,) * 3), list(self.corner)
        for place, of in zip(edges.values(), self.order, strict=False):
            cells[of] = len(place) - 1
            steps[of] = float(place[-1] - place[0]) / cells[of]
            corners[of] = self.origin[of] + float(place[0])
        return Mesh(
            (cells[0], cells[1], cells[2]),
            (steps[0], steps[1], steps[2]),
            (corners[0], corners[1], corners[2]),
        )

    def turned(self, values: Array) -> Array:
        """Values (z, y, x, component) of the sample along the axes of the frame."""
        x, y, z = (self.order.index(axis) for axis in range(3))
        return values.transpose(2 - z, 2 - y, 2 - x, 3)[..., (x, y, z)]


_OF_SAMPLE = "frame of the sample: x runs along its layers, from 0 at its left face"
SAMPLE = Frame((0, 1, 2), (0.0,) * 3, (0.0,) * 3, None, 0.0, _OF_SAMPLE)


def _frame(result: Result, file: Path, wanted: str | None) -> Frame:
    """Frame in which a result is written: that of the snapshots where there are any, unless another is wanted."""
    from mcpump.textures.ovf import TURNS

    said = result.provenance.get("texture_frame")
    if wanted == "sample" or (said is None and wanted is None):
        return SAMPLE
    if said is None:
        raise InputError(
            f"--frame snapshots does not fit {file}, which does not know a frame of snapshots: give --frame sample"
        )
    told = "frame of the snapshots: axes, components, places and times are those of the texture's OVF files"
    if "harmonic" in result.estimates["spin_density"].dims:
        told += f"; cos and sin are of the time since {said['start']:.10g} s"
    origin, corner, step = (tuple(map(float, said[key])) for key in ("origin", "corner", "step"))
    return Frame(TURNS[said["along_x"]], origin, corner, step, float(said["start"]), told)


def fields(
    result: Result, name: str, channel: str, frame: Frame = SAMPLE
) -> Iterator[tuple[str, str, float | None, Array, Array | None]]:
    """Cut an estimate into fields: (name of the file, title, time, values (z, y, x, component), standard errors).

    Parameters
    ----------
    result : Result
        From a results file.
    name : str
        Of the estimate.
    channel : str
        Which channel.
    frame : Frame
        Whose axes, components, directions and times they have.
    """
    import numpy as np

    from mcpump.report.words import mesh_axes

    estimate: Estimate = result.estimates[name].sel(channel=channel)
    mesh = mesh_axes(result)
    kept = [d for d in estimate.dims if d not in ("component", *mesh)]
    axes = [estimate.dims.index(d) for d in (*kept, *reversed(mesh), "component")]

    def cut(values: Array, at: tuple[int, ...]) -> Array:
        one = values.transpose(axes)[at]
        return frame.turned(np.asarray(one.reshape((1,) * (4 - one.ndim) + one.shape)))

    for at in np.ndindex(*(len(estimate.places(d)) for d in kept)):
        words, time = [], None
        for axis, number in zip(kept, at, strict=True):
            if axis == "time":
                time = frame.start + float(estimate.places("time")[number])
                words.append(f"t{number:06d}")
            elif axis == "direction":
                words.append("xyz"[frame.order[number]])
            else:
                words.append(estimate.places(axis)[number])
        if odd := [word for word in words if not re.fullmatch(r"\w+", word)]:
            raise InputError(f"{show(odd[0])} in the file is no name of a part, harmonic or direction")
        title = f"{name.replace('_', ' ')}, {', '.join(words)}"
        error = None if estimate.stderr is None else cut(estimate.stderr, at)
        error = None if error is None or np.isnan(error).all() else error  # too few blocks
        yield "-".join([name, *words]), title, time, cut(estimate.mean, at), error
