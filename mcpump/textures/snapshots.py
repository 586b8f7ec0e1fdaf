"""Snapshots that a deck names as its texture: read and checked once in a process, shared by the ranks of a node.

A problem carries the names only (`Snapshots`), which are small to send; the arrays and the function that
the kernels call stay here.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from mcpump.errors import InputError, show
from mcpump.machine import memory_of_machine
from mcpump.textures.ovf import TURNS, Mesh
from mcpump.textures.ovf_series import Series, Snapshots, not_magnetization, read_series
from mcpump.textures.sampled import (
    SampledTexture,
    open_texture,
    sample_series,
    store_texture,
    texture_function,
)
from mcpump.textures.sampled_fit import MOST_HARMONICS

TAIL, MISFIT = 1e-3, 1e-2
"""Largest harmonic left at the end, relative to the largest, and largest misfit, that pass without a warning."""
NO_MESH = Mesh((1, 1, 1), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
"""What ranks hold that write no results."""
SAME = 1e-6
"""Share of a length, or of a time between snapshots, by which places or times may differ and be the same."""


class _Held(NamedTuple):
    """What a process holds of one series."""

    texture: SampledTexture
    told: str
    """A sentence on the series."""
    doubt: str
    """A warning where its files seem to hold something else; empty if not."""
    mesh: Mesh
    """Of its files."""
    functions: list[Any]
    """The compiled function, once it was asked for."""


_held: dict[Snapshots, _Held] = {}
"""The series that was used last."""


def sampled(snapshots: Snapshots) -> SampledTexture:
    """Texture of snapshots; read when it is first asked for.

    Parameters
    ----------
    snapshots : Snapshots
        Of a deck.

    Raises
    ------
    InputError
        If the files cannot be used as a texture of the deck: one sentence.
    """
    return _hold(snapshots).texture


def function_of(snapshots: Snapshots) -> Any:
    """Compiled texture of snapshots, as the kernels call it; the same object as long as the series is held."""
    held = _hold(snapshots)
    if not held.functions:
        held.functions.append(texture_function(held.texture))
    return held.functions[0]


def remarks(snapshots: Snapshots) -> tuple[list[str], list[str]]:
    """Sentences on a series: warnings, and notes.

    Parameters
    ----------
    snapshots : Snapshots
        Of a deck.
    """
    texture, told, doubt = _hold(snapshots)[:3]
    warnings = [doubt] if doubt else []
    if texture.tail > TAIL:
        warnings.append(
            f"the highest harmonic of the snapshots is {texture.tail:.2g} of the largest: they do not repeat with "
            f"texture.frequency, or are too few"
        )
    elif texture.misfit > MISFIT:
        warnings.append(
            f"the snapshots differ from {texture.harmonics} harmonics of texture.frequency by up to "
            f"{texture.misfit:.2g}: they do not repeat with it, or texture.harmonics is too small"
        )
    return warnings, [told]


def frame_of(snapshots: Snapshots) -> dict[str, Any]:
    """Where the sample lies in the mesh of its snapshots, to write results into their frame.

    Parameters
    ----------
    snapshots : Snapshots
        Of a deck.

    Returns
    -------
    dict
        `along_x`; `origin`, place of the sample's corner in the simulation, and the mesh's `corner` and `step`, all along
        the simulation's axes [m]; `start`, the simulation's time at t = 0 [s]. Plain numbers.
    """
    texture, _, _, mesh, _ = _hold(snapshots)
    origin = list(mesh.corner)
    for axis, of in enumerate(TURNS[snapshots.placement.along_x]):
        origin[of] -= snapshots.placement.offset[axis]
    return {
        "along_x": snapshots.placement.along_x, "origin": origin, "corner": list(mesh.corner), "step": list(mesh.step),
        "start": texture.frame.start * snapshots.placement.tau,
    }  # fmt: skip


def store(snapshots: Snapshots, folder: str) -> None:
    """Write the texture of snapshots for the other processes of this machine.

    Raises
    ------
    InputError
        If there is no room.
    """
    try:
        store_texture(sampled(snapshots), folder)
    except OSError as error:
        raise InputError(
            f"the texture cannot be shared through {show(folder, 200)} ({error.strerror}): set TMPDIR to a folder with "
            f"{sampled(snapshots).size / 1e9:.2g} GB of room"
        ) from None


def take(snapshots: Snapshots, folder: str) -> None:
    """Map the texture that another process of this machine has written; this one's own is let go."""
    others = _held[snapshots][1:4] if snapshots in _held else ("", "", NO_MESH)
    _held.clear()
    _held[snapshots] = _Held(open_texture(folder), *others, [])


def _hold(snapshots: Snapshots) -> _Held:
    """Read a series unless it is held."""
    if snapshots not in _held:
        _held.clear()
        _held[snapshots] = _read(snapshots)
    return _held[snapshots]


def _read(snapshots: Snapshots) -> _Held:
    """Read a series, see that it fits the deck, and make the texture."""
    series = read_series(snapshots.files, snapshots.folder, snapshots.table, snapshots.mesh_unit)
    _check_times(snapshots, series)
    _check_room(snapshots, series)
    told = _check_place(snapshots, series)
    texture = sample_series(
        series, snapshots.frequency, snapshots.harmonics, snapshots.start, snapshots.placement
    )
    return _Held(texture, _sentence(texture, series) + told, _doubt(series), series.mesh, [])


def _doubt(series: Series) -> str:
    """Name the first file whose header says that it holds no magnetization."""
    for snapshot in series.snapshots:
        what = not_magnetization(snapshot)
        if what:
            return (
                f"OVF file {show(str(snapshot.path), 200)} says that it holds {show(what, 100)}, which is no "
                "magnetization; the direction of its vectors is taken as that of S"
            )
    return ""


def _sentence(texture: SampledTexture, series: Series) -> str:
    """Say what there is."""
    count = len(series.snapshots)
    cells = " × ".join(map(str, series.mesh.cells))
    text = f"the texture is {count} snapshot{'s' * (count > 1)} of {cells} cells, {texture.size / 1e6:.3g} MB"
    if texture.harmonics:
        many = f"{texture.harmonics} harmonic{'s' * (texture.harmonics > 1)}"
        return f"{text}, taken as {many}, from which they differ by up to {texture.misfit:.2g}"
    return f"{text}, from {series.times[0]:.6g} to {series.times[-1]:.6g} in time" if count > 1 else text


def _check_times(snapshots: Snapshots, series: Series) -> None:
    """Ask several snapshots for a frequency or an end that they reach."""
    count, times = len(series.snapshots), series.times
    if snapshots.frequency or count == 1:
        return
    if snapshots.end is None:
        raise InputError(
            f"texture.frequency is missing: {count} snapshots repeat with it; or give results.end for a transient"
        )
    start = times[0] if snapshots.start is None else snapshots.start
    slack = SAME * (times[1] - times[0])
    if start < times[0] - slack or start + snapshots.end > times[-1] + slack:
        raise InputError(
            f"results.end = {snapshots.end:.6g} is not within the snapshots: the run goes from {start:.6g} to "
            f"{start + snapshots.end:.6g} of their time, they from {times[0]:.6g} to {times[-1]:.6g}"
        )


def _check_room(snapshots: Snapshots, series: Series) -> None:
    """Refuse a series that does not fit into the machine."""
    count, cells = len(series.snapshots), math.prod(series.mesh.cells)
    kept = count
    if snapshots.frequency:
        kept = min(count, 2 * min(snapshots.harmonics or MOST_HARMONICS, count) + 1)
    text = sum(not snapshot.dtype for snapshot in series.snapshots)
    needed, available = cells * (4 + 12 * (kept + text)), memory_of_machine()
    if needed > available:
        raise InputError(
            f"texture.files: {count} snapshots of {cells} cells need about {needed / 1e9:.3g} GB of memory, and this "
            f"machine has {available / 1e9:.3g} GB"
        )


def _check_place(snapshots: Snapshots, series: Series) -> str:
    """Refuse a mesh that reaches over a periodic face; say where it leaves the sample otherwise."""
    told = ""
    placement = snapshots.placement
    for axis in range(placement.axes):
        of = ("xyz".index(placement.along_x) + axis) % 3
        width, length = series.mesh.cells[of] * series.mesh.step[of], placement.lengths[axis]
        low = placement.offset[axis]
        name, high = "xyz"[axis], low + width
        if abs(width - length) <= SAME * length and placement.periodic[axis]:
            continue
        if low >= -SAME * length and high <= (1.0 + SAME) * length:
            continue
        reach = f"from {low:.6g} to {high:.6g} along {name}, the sample from 0 to {length:.6g}"
        if placement.periodic[axis]:
            raise InputError(
                f"texture.files do not fit a periodic sample: their mesh reaches {reach}; it must be as long, or lie "
                "within"
            )
        told += f"; their mesh reaches {reach}"
    return told
