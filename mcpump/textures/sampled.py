"""A texture known on a mesh at some times (OVF snapshots), as one smooth function S(x, y, z, t).

In space S is interpolated between the middles of cells, linearly along each axis. Cells of zero length are outside the
magnet: there S = 0, and they lend nothing to cells within it, whose neighbours share their weight. So S is
continuous within the magnet, ends at its cells' faces with the value of the outermost half cell, as the free surface's
∂m/∂n = 0 has it, and jumps to 0. Between vectors of different direction |S| is a little below 1, by O(step²).

In time S is a sum of harmonics of the drive fitted by least squares to all snapshots (evenly spaced or not, one
period or several), or, without a period, the cubic spline through the snapshots (not-a-knot, C²). Both are linear in the
snapshots: what is kept of each cell are coefficients, so that the kernels read one short row for each of eight cells.

The kernels meet the texture as a function S(x, y, z, t), like a user's (`mcpump.textures.user`). Where its arrays lie is
compiled into that function: threads share them, and ranks of a node share those of a file that is mapped
(`store_texture`, `open_texture`).
"""

from __future__ import annotations

import json
import math
import os
from pathlib import Path
from typing import Any, NamedTuple

import numba
import numpy as np
from numba import carray
from numba.extending import intrinsic
from numpy.typing import ArrayLike, NDArray

from mcpump.compiled import inlined, kernel
from mcpump.errors import InputError, show
from mcpump.textures.moving import USER_SIGNATURE
from mcpump.textures.ovf import TURNS, Mesh, Snapshot
from mcpump.textures.ovf_series import AS_IT_LIES, Placement, Series
from mcpump.textures.sampled_fit import harmonic_fit, spline_fit

Array = NDArray[np.float64]
Three = tuple[float, float, float]
Whole = tuple[int, int, int]

LEFT_OUT = 1e-4
"""Share of the largest harmonic's amplitude, in the cell where it is largest, that left-out harmonics may add up to."""
SCRATCH = 8e6
"""Bytes of the snapshots' vectors that are worked on at a time."""
EDGE = 1e-6
"""Share of a cell by which a place may be outside of the mesh through rounding."""
SAME_LENGTH = 1e-6
"""Relative difference between a mesh's length and a periodic sample's that are one."""


class Frame(NamedTuple):
    """Where the mesh lies in the sample and in time; reduced units."""

    cells: Whole
    """Cells along the sample's x, y, z."""
    strides: Whole
    """Steps from one cell to the next in the file's order."""
    corner: Three
    """Lower corner [ℓ]."""
    per_cell: Three
    """1/step [1/ℓ]."""
    wrap: tuple[bool, bool, bool]
    """Whether the mesh repeats; axes that the sample does not have do."""
    start: float
    """Time of the simulation at t = 0 [τ]."""
    Omega: float
    """Angular frequency of the harmonics [1/τ]; 0 for a spline."""


class SampledTexture(NamedTuple):
    """What the kernels look up; see the module."""

    rows: NDArray[np.int32]
    """Row of each cell in the table; −1 outside the magnet."""
    table: NDArray[np.float32]
    """(rows, coefficients, 3): constant, cosines and sines by harmonic; or a spline's, in the order of time."""
    breaks: Array
    """(intervals + 1,) ends of the spline's polynomials [τ]; empty for harmonics."""
    pieces: Array
    """(intervals, 4, 4): polynomials in 0 ≤ u ≤ 1 of the 4 coefficients from the interval's number on."""
    frame: Frame
    length: float
    """Shortest step along an axis of several cells [ℓ]; inf for one cell."""
    time: float
    """Time over which S changes [τ]: of the highest harmonic, or between snapshots; inf if S is static."""
    misfit: float
    """Largest difference between a component of a snapshot and the fit of harmonics."""
    tail: float
    """Amplitude of the highest harmonic that was fitted over that of the largest: well above rounding if the snapshots do
    not repeat with the period or are too few; 0 for a spline."""

    @property
    def harmonics(self) -> int:
        """Highest harmonic."""
        return (self.table.shape[1] - 1) // 2 if self.breaks.size == 0 else 0

    @property
    def size(self) -> int:
        """Bytes of all arrays."""
        return self.rows.nbytes + self.table.nbytes + self.breaks.nbytes + self.pieces.nbytes


@inlined
def neighbours(u, cells, wrap):
    """Cell of a place u [cells] along an axis (−1: outside), the two cells around it, and the share of the second."""
    if wrap:
        u -= cells * math.floor(u / cells)
    if not (u >= -EDGE and u <= cells + EDGE):
        return -1, 0, 0, 0.0
    home = min(max(math.floor(u), 0), cells - 1)
    low = math.floor(u - 0.5)
    share = u - 0.5 - low
    high = low + 1
    if wrap:
        if low < 0:
            low += cells
        if high >= cells:
            high -= cells
    else:
        low, high = max(low, 0), min(high, cells - 1)
    if low == high:
        share = 0.0
    return home, low, high, share


@inlined
def _interval(breaks, t):
    """Number of the polynomial for a time; the first and last also serve beyond the snapshots."""
    low, high = 0, breaks.shape[0] - 1
    while high - low > 1:
        middle = (low + high) // 2
        if breaks[middle] <= t:
            low = middle
        else:
            high = middle
    return low


@inlined
def _polynomial(pieces, piece, k, u):
    """Weight of a spline's coefficient."""
    return pieces[piece, k, 0] + u * (
        pieces[piece, k, 1] + u * (pieces[piece, k, 2] + u * pieces[piece, k, 3])
    )


@inlined
def _slope(pieces, piece, k, u):
    """Derivative of the weight by u."""
    return pieces[piece, k, 1] + u * (2.0 * pieces[piece, k, 2] + u * (3.0 * pieces[piece, k, 3]))


@inlined
def sampled_at(index, table, breaks, pieces, frame, x, y, z, t):
    """S and ∂S/∂t at a place and time, six numbers; whoever needs three pays for three."""
    cells, strides, wrap = frame.cells, frame.strides, frame.wrap
    hx, x0, x1, fx = neighbours((x - frame.corner[0]) * frame.per_cell[0], cells[0], wrap[0])
    hy, y0, y1, fy = neighbours((y - frame.corner[1]) * frame.per_cell[1], cells[1], wrap[1])
    hz, z0, z1, fz = neighbours((z - frame.corner[2]) * frame.per_cell[2], cells[2], wrap[2])
    a, b, c, da, db, dc, total = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if hx < 0 or hy < 0 or hz < 0 or index[hx * strides[0] + hy * strides[1] + hz * strides[2]] < 0:
        return a, b, c, da, db, dc
    time, spline = t + frame.start, breaks.shape[0] > 0
    piece, u, rate, cos, sin = 0, 0.0, 0.0, 1.0, 0.0
    if spline:
        piece = _interval(breaks, time)
        rate = 1.0 / (breaks[piece + 1] - breaks[piece])
        u = (time - breaks[piece]) * rate
    else:
        cos, sin = math.cos(frame.Omega * time), math.sin(frame.Omega * time)
    for corner in range(8):
        weight = fx if corner & 1 else 1.0 - fx
        weight *= fy if corner & 2 else 1.0 - fy
        weight *= fz if corner & 4 else 1.0 - fz
        if weight == 0.0:
            continue
        at = (x1 if corner & 1 else x0) * strides[0] + (y1 if corner & 2 else y0) * strides[1]
        row = index[at + (z1 if corner & 4 else z0) * strides[2]]
        if row < 0:
            continue
        total += weight
        if spline:
            for k in range(4):
                share = weight * _polynomial(pieces, piece, k, u)
                change = weight * rate * _slope(pieces, piece, k, u)
                p, q = float(table[row, piece + k, 0]), float(table[row, piece + k, 1])
                r = float(table[row, piece + k, 2])
                a, b, c = a + share * p, b + share * q, c + share * r
                da, db, dc = da + change * p, db + change * q, dc + change * r
            continue
        a += weight * float(table[row, 0, 0])
        b += weight * float(table[row, 0, 1])
        c += weight * float(table[row, 0, 2])
        cn, sn = 1.0, 0.0
        for n in range(1, (table.shape[1] + 1) // 2):
            cn, sn = cn * cos - sn * sin, sn * cos + cn * sin
            k, change = 2 * n - 1, weight * n * frame.Omega
            p, q, r = float(table[row, k, 0]), float(table[row, k, 1]), float(table[row, k, 2])
            a, b, c = a + weight * cn * p, b + weight * cn * q, c + weight * cn * r
            da, db, dc = da - change * sn * p, db - change * sn * q, dc - change * sn * r
            p, q, r = float(table[row, k + 1, 0]), float(table[row, k + 1, 1]), float(table[row, k + 1, 2])
            a, b, c = a + weight * sn * p, b + weight * sn * q, c + weight * sn * r
            da, db, dc = da + change * cn * p, db + change * cn * q, dc + change * cn * r
    over = 1.0 / total
    return a * over, b * over, c * over, da * over, db * over, dc * over


@kernel
def _fill(index, table, breaks, pieces, frame, places, times, out):
    """S and ∂S/∂t at many places (3, n) and times (n,) into out (6, n)."""
    for i in range(times.shape[0]):
        all_six = sampled_at(
            index, table, breaks, pieces, frame, places[0, i], places[1, i], places[2, i], times[i]
        )
        for k in range(6):
            out[k, i] = all_six[k]


def sampled_field(
    texture: SampledTexture, x: ArrayLike, y: ArrayLike, z: ArrayLike, t: ArrayLike
) -> tuple[Array, Array]:
    """S and ∂S/∂t at many places and times.

    Parameters
    ----------
    texture : SampledTexture
        From `sample_series`.
    x, y, z, t : numbers or (n,) arrays
        Places [ℓ] and times [τ].

    Returns
    -------
    two (3, n) arrays
        S, and ∂S/∂t [1/τ].
    """
    *places, times = (np.atleast_1d(one) for one in np.broadcast_arrays(x, y, z, t))
    out = np.empty((6, times.size))
    where = np.ascontiguousarray(places, dtype=np.float64)
    _fill(*texture[:5], where, np.ascontiguousarray(times, dtype=np.float64), out)
    return out[:3], out[3:]


@intrinsic
def _pointer(typingctx, address):  # type: ignore[no-untyped-def]
    """Pointer to an address."""

    def cast(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.inttoptr(arguments[0], context.get_value_type(numba.types.voidptr))

    return numba.types.voidptr(numba.types.int64), cast


def texture_function(texture: SampledTexture) -> Any:
    """Compile S of a sampled texture as the kernels call a user's.

    Parameters
    ----------
    texture : SampledTexture
        From `sample_series` or `open_texture`.

    Returns
    -------
    numba CFunc
        Of signature USER_SIGNATURE. It holds on to the arrays, whose addresses are compiled into it. Under
        NUMBA_DISABLE_JIT=1 the same as a plain function.
    """
    index, table, breaks, pieces, frame = texture[:5]

    def plainly(x, y, z, t):  # type: ignore[no-untyped-def]
        a, b, c, _, _, _ = sampled_at(index, table, breaks, pieces, frame, x, y, z, t)
        return a, b, c

    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        return plainly
    at_index, at_table, at_breaks, at_pieces = (array.ctypes.data for array in (index, table, breaks, pieces))
    index_shape, table_shape, breaks_shape, pieces_shape = (array.shape for array in texture[:4])

    def looked_up(x, y, z, t):  # type: ignore[no-untyped-def]
        a, b, c, _, _, _ = sampled_at(
            carray(_pointer(at_index), index_shape, np.int32),
            carray(_pointer(at_table), table_shape, np.float32),
            carray(_pointer(at_breaks), breaks_shape, np.float64),
            carray(_pointer(at_pieces), pieces_shape, np.float64),
            frame, x, y, z, t,
        )  # fmt: skip
        return a, b, c

    call: Any = numba.cfunc(USER_SIGNATURE, error_model="numpy")(looked_up)
    call.arrays = texture
    return call


def sample_series(
    series: Series, frequency: float | None = None, harmonics: int | None = None, start: float | None = None,
    placement: Placement = AS_IT_LIES,
) -> SampledTexture:  # fmt: skip
    """Turn a series of snapshots into a texture.

    Parameters
    ----------
    series : Series
        Its vectors are made unit vectors; those of zero length are outside the magnet.
    frequency : float
        Frequency with which the magnetization is periodic; None for a transient. A single snapshot is static.
    harmonics : int
        Highest harmonic of it; None: as many as there are, up to MOST_HARMONICS, but for those that matter less than
        LEFT_OUT.
    start : float
        Time of the simulation that is the walk's t = 0; by default 0, for a transient that of the first snapshot.
    placement : Placement
        Where the mesh lies in the sample.

    Returns
    -------
    SampledTexture

    Raises
    ------
    InputError
        If the snapshots do not cover the period, are too few or too uneven in time, differ in which cells are magnetic,
        or the magnet misses the sample: one sentence.
    """
    order, tau = TURNS[placement.along_x], placement.tau
    frame, length = _frame(series.mesh, order, placement)
    times = np.array(series.times) / tau
    breaks, pieces, Omega = np.empty(0), np.empty((0, 4, 4)), 0.0
    if len(times) == 1:
        fit = design = np.ones((1, 1))
    elif frequency:
        Omega = 2.0 * math.pi * frequency * tau
        design, fit = harmonic_fit(series, times, Omega, harmonics)
        start = start or 0.0
    else:
        breaks, pieces, fit = spline_fit(series, times)
        design = np.empty((0, 0))
        start = series.times[0] if start is None else start
    index, table, sizes, misfit = _coefficients(series, fit, design, order)
    _check_place(index, series.mesh, frame, order, placement)
    moving = float(sizes.max(initial=0.0)) > 1e-7
    if Omega and harmonics is None:
        table = _shortened(table, _needed(sizes) if moving else 0)
    time = math.inf
    if moving:
        time = 1.0 / (Omega * ((table.shape[1] - 1) // 2)) if Omega else float(np.diff(times).min())
    frame = frame._replace(start=(start or 0.0) / tau, Omega=Omega)
    tail = float(sizes[-1] / sizes.max()) if Omega and moving else 0.0
    return SampledTexture(index, table, breaks, pieces, frame, length, time, misfit, tail)


def _frame(mesh: Mesh, order: Whole, placement: Placement) -> tuple[Frame, float]:
    """Frame in space, and the shortest step along an axis of several cells."""
    offset, _, lengths, periodic, axes, ell, _ = placement
    strides = (1, mesh.cells[0], mesh.cells[0] * mesh.cells[1])
    wrap, steps = [], []
    for axis, of in enumerate(order):
        n, step = mesh.cells[of], mesh.step[of]
        if axis >= axes and n > 1:
            raise InputError(
                f"texture.files have {n} cells along {'xyz'[of]}, which lies along {'xyz'[axis]} of the sample, but "
                f"[sample.{'xyz'[axis]}] is not given"
            )
        fills = lengths and abs(n * step - lengths[axis]) <= SAME_LENGTH * lengths[axis]
        wrap.append(axis >= axes or bool(periodic[axis] and fills))
        if n > 1:
            steps.append(step / ell)
    a, b, c = order
    frame = Frame(
        (mesh.cells[a], mesh.cells[b], mesh.cells[c]), (strides[a], strides[b], strides[c]),
        (offset[0] / ell, offset[1] / ell, offset[2] / ell),
        (ell / mesh.step[a], ell / mesh.step[b], ell / mesh.step[c]),
        (wrap[0], wrap[1], wrap[2]), 0.0, 0.0,
    )  # fmt: skip
    return frame, min(steps, default=math.inf)


def _check_place(
    index: NDArray[np.int32], mesh: Mesh, frame: Frame, order: Whole, placement: Placement
) -> None:
    """Refuse a magnet that lies outside of the sample."""
    if not (index >= 0).any():
        raise InputError("texture.files hold no magnet: every vector has zero length")
    lengths, ell = placement.lengths, placement.ell
    if not lengths:
        return
    nx, ny, nz = mesh.cells
    magnet = (index >= 0).reshape(nz, ny, nx)
    for axis, of in enumerate(order):
        where = np.flatnonzero(magnet.any(axis=tuple(k for k in range(3) if k != 2 - of)))
        low, high = (frame.corner[axis] + n / frame.per_cell[axis] for n in (where[0], where[-1] + 1))
        if not frame.wrap[axis] and (high <= 0.0 or low * ell >= lengths[axis]):
            raise InputError(
                f"texture.offset puts the magnet outside of the sample: along {'xyz'[axis]} it reaches from "
                f"{low * ell:.6g} to {high * ell:.6g}, the sample from 0 to {lengths[axis]:.6g}"
            )


def unit_vectors(vectors: Array) -> NDArray[np.bool_]:
    """Divide vectors (…, 3) by their lengths in place; those of zero length stay.

    Parameters
    ----------
    vectors : (…, 3) array
        Finite.

    Returns
    -------
    (…) array of bools
        Which are not zero.
    """
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    with np.errstate(over="ignore"):
        squares = x * x + y * y + z * z
    # squares that underflow or overflow: rare, so that the others need not be scaled first
    if not (squares.min(initial=1.0) > 1e-200 and squares.max(initial=1.0) < 1e200):
        odd = ~((squares > 1e-200) & (squares < 1e200))
        largest = np.abs(vectors[odd]).max(axis=-1, keepdims=True)
        vectors[odd] /= np.where(largest > 0.0, largest, 1.0)
        squares[odd] = np.einsum("...i,...i->...", vectors[odd], vectors[odd])
    there = squares > 0.0
    vectors *= (1.0 / np.sqrt(np.where(there, squares, 1.0)))[..., None]
    return there


def _coefficients(
    series: Series, fit: Array, design: Array, order: Whole
) -> tuple[NDArray[np.int32], NDArray[np.float32], Array, float]:
    """Index, table, largest amplitude of each harmonic (of a spline: largest change), largest misfit."""
    count, cells = len(series.snapshots), math.prod(series.mesh.cells)
    sources = [_in_memory(snapshot) for snapshot in series.snapshots]
    index, rows = np.full(cells, -1, np.int32), 0
    table = np.empty((cells, len(fit), 3), np.float32)
    sizes, misfit, chunk = np.zeros(max(len(fit) // 2, 1)), 0.0, max(int(SCRATCH / (24 * count)), 1)
    for first in range(0, cells, chunk):
        size = min(chunk, cells - first)
        vectors: Array = np.empty((count, size, 3))
        for k, (snapshot, held) in enumerate(zip(series.snapshots, sources, strict=True)):
            vectors[k] = snapshot.vectors(first, size) if held is None else held[first : first + size]
        there = unit_vectors(vectors)
        inside = there.all(axis=0)
        if (there.any(axis=0) != inside).any():
            _refuse_change(series, there, first)
        more = int(inside.sum())
        flat = (vectors if more == size else vectors[:, inside]).reshape(count, -1)
        found = fit @ flat
        if design.size:
            flat -= design @ found
            misfit = max(misfit, float(flat.max(initial=0.0)), -float(flat.min(initial=0.0)))
            squares = (found[1:] ** 2).reshape(len(fit) // 2, 2, found.shape[1]).sum(axis=1)
            sizes[: len(fit) // 2] = np.maximum(
                sizes[: len(fit) // 2], np.sqrt(squares.max(axis=1, initial=0.0))
            )
        else:
            sizes = np.maximum(sizes, float(np.ptp(flat, axis=0).max(initial=0.0)))
        index[first : first + size][inside] = np.arange(rows, rows + more)
        table[rows : rows + more] = found.reshape(len(fit), more, 3)[:, :, order].transpose(1, 0, 2)
        rows += more
    table.resize((rows, len(fit), 3), refcheck=False)
    return index, table, sizes, misfit


def _in_memory(snapshot: Snapshot) -> NDArray[np.float32] | None:
    """Unit vectors of a file with text data, which cannot be read in parts."""
    if snapshot.dtype:
        return None
    vectors = snapshot.vectors()
    unit_vectors(vectors)
    return vectors.astype(np.float32)


def _refuse_change(series: Series, there: NDArray[np.bool_], first: int) -> None:
    """Say which file has a cell that is not always magnetic."""
    cell = int(np.argmax(there.any(axis=0) & ~there.all(axis=0)))
    file = series.snapshots[int(np.argmin(there[:, cell]))].path
    nx, ny, _ = series.mesh.cells
    number = first + cell
    where = f"({number % nx}, {number // nx % ny}, {number // (nx * ny)})"
    raise InputError(
        f"OVF file {show(str(file), 200)} has no magnetization in cell {where}, where other files of the series have one"
    )


def _needed(sizes: Array) -> int:
    """Highest harmonic such that those above add up to little."""
    above = np.append(np.cumsum(sizes[::-1])[::-1], 0.0)
    return int(np.argmax(above <= LEFT_OUT * sizes.max()))


def _shortened(table: NDArray[np.float32], harmonics: int) -> NDArray[np.float32]:
    """Drop higher harmonics from a table, within its own memory."""
    rows, old, _ = table.shape
    new = 2 * harmonics + 1
    if new == old:
        return table
    flat, step = table.reshape(-1), max(int(SCRATCH / (12 * old)), 1)
    for first in range(0, rows, step):
        last = min(first + step, rows)
        flat[first * new * 3 : last * new * 3] = table[first:last, :new].reshape(-1)
    del flat
    table.resize((rows, new, 3), refcheck=False)
    return table


def store_texture(texture: SampledTexture, folder: str | os.PathLike[str]) -> None:
    """Write a texture into a folder that exists, for other processes of this machine.

    Parameters
    ----------
    texture : SampledTexture
        From `sample_series`.
    folder : path
        May be removed as soon as all have opened it.
    """
    arrays: Any = texture[:4]
    for name, array in zip(("index", "table", "breaks", "pieces"), arrays, strict=True):
        np.save(Path(folder, f"{name}.npy"), np.asarray(array))
    Path(folder, "numbers.json").write_text(json.dumps([texture.frame, *texture[5:]]), encoding="ascii")


def open_texture(folder: str | os.PathLike[str]) -> SampledTexture:
    """Map a texture that `store_texture` wrote; all processes that do share its memory.

    Parameters
    ----------
    folder : path
        Where it is.

    Returns
    -------
    SampledTexture
        Its arrays can only be read.
    """
    arrays = [np.load(Path(folder, f"{name}.npy"), mmap_mode="r") for name in ("index", "table")]
    arrays += [np.load(Path(folder, f"{name}.npy")) for name in ("breaks", "pieces")]
    frame, *numbers = json.loads(Path(folder, "numbers.json").read_text(encoding="ascii"))
    tuples: Any = [tuple(value) if isinstance(value, list) else value for value in frame]
    return SampledTexture(arrays[0], arrays[1], arrays[2], arrays[3], Frame(*tuples), *numbers)
