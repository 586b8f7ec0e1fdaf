"""Vector fields on rectangular meshes in the OOMMF Vector Field format (OVF): what OOMMF, mumax3 and Ubermag write.

Read: OVF 1.0 and 2.0; text, Spirit's csv, binary 4 and binary 8; either byte order, told by the check value that begins
the data; keys in any case. Written: OVF 2.0. Irregular meshes and several segments are refused. Reading a file looks at
its header and size and, of binary data, at the check value only; vectors are read when they are asked for, a range of
cells at a time, so that a series costs no memory before it is used. After OOMMF's user's guide, "Vector Field File
Format".
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import InputError, opened, show

Array = NDArray[np.float64]
Three = tuple[float, float, float]
Cells = tuple[int, int, int]

CHECKS = {4: 1234567.0, 8: 123456789012345.0}
"""Check values that begin binary data, by bytes of a number."""
REPRESENTATIONS = ("binary 4", "binary 8", "text", "csv")
METRES = {
    "m": 1.0, "cm": 1e-2, "mm": 1e-3, "um": 1e-6, "µm": 1e-6, "μm": 1e-6, "nm": 1e-9,
    "angstrom": 1e-10, "Å": 1e-10, "pm": 1e-12,
}  # fmt: skip
"""Units of length a mesh may have, in any case."""
TURNS = {"x": (0, 1, 2), "y": (1, 2, 0), "z": (2, 0, 1)}
"""Axes of a mesh that lie along x, y, z of a sample, by the one that lies along x."""
_LOWER = {unit.lower(): size for unit, size in METRES.items()}
TIMES = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12, "fs": 1e-15}
_HEADER = 1 << 20
_LINE = 1 << 16
_MOST = 1 << 50
# numpy's repr of a number, np.float64(1e-9), is what Python scripts leave in a header
_TIME = re.compile(
    r"(?:total simulation time|time \(s\))\s*:\s*(?:np\.float\d+\()?([^\s()]+)\)?\s*(\S*)", re.IGNORECASE
)


class Mesh(NamedTuple):
    """A rectangular mesh."""

    cells: Cells
    """Numbers of cells along x, y, z."""
    step: Three
    """Lengths of a cell [m]."""
    corner: Three
    """Lower corner of the first cell [m]."""

    @property
    def told(self) -> str:
        """Numbers of cells, for a sentence."""
        return " × ".join(map(str, self.cells))


class Snapshot(NamedTuple):
    """One file: what its header says, and where its vectors are."""

    path: Path
    mesh: Mesh
    time: float | None
    """Simulation time [s]; None if the header does not say, or says something negative."""
    components: int
    """Numbers in each cell."""
    title: str
    labels: tuple[str, ...]
    units: tuple[str, ...]
    multiplier: float
    """What the file's numbers are multiplied with (OVF 1.0)."""
    dtype: str
    """numpy's name of a number, byte order included; empty for text."""
    commas: bool
    """Whether commas stand between the numbers of a text."""
    start: int
    """Byte at which the numbers begin, behind the check value."""

    @property
    def size(self) -> int:
        """Number of cells."""
        return math.prod(self.mesh.cells)

    def vectors(self, first: int = 0, count: int | None = None) -> Array:
        """Read the vectors of cells, in the order of the file: x fastest, then y, then z.

        Parameters
        ----------
        first, count : int
            A range of cells; by default all.

        Returns
        -------
        (count, components) array
            Multiplied with the file's multiplier.

        Raises
        ------
        InputError
            If the file has changed since its header was read, or holds something that is no finite number.
        """
        count = self.size - first if count is None else count
        name = f"OVF file {show(str(self.path), 200)}"
        if self.dtype:
            width, numbers = np.dtype(self.dtype).itemsize, count * self.components
            with _opened(self.path) as stream:
                stream.seek(self.start + first * self.components * width)
                values = np.fromfile(stream, self.dtype, numbers)
            if len(values) != numbers:
                raise InputError(f"{name} ends before its data do")
        else:
            values = _text_values(self, name)[first * self.components : (first + count) * self.components]
        with np.errstate(invalid="ignore"):  # what is not finite is told below
            vectors = values.astype(np.float64).reshape(count, self.components)
        if not np.isfinite(vectors).all():
            bad = first + int(np.argmin(np.isfinite(vectors).all(axis=1)))
            raise InputError(f"{name} holds a number that is not finite, in cell {_where(self.mesh, bad)}")
        return vectors if self.multiplier == 1.0 else vectors * self.multiplier

    def field(self) -> Array:
        """Read all vectors as an array (z, y, x, components)."""
        nx, ny, nz = self.mesh.cells
        return self.vectors().reshape(nz, ny, nx, self.components)


def _opened(path: Path) -> Any:
    """Open a file to read, or a sentence."""
    try:
        return opened(path)
    except (OSError, ValueError) as error:
        raise InputError(
            f"OVF file {show(str(path), 200)} cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from None


def _where(mesh: Mesh, cell: int) -> str:
    """Numbers of a cell along x, y, z."""
    nx, ny, _ = mesh.cells
    return f"({cell % nx}, {cell // nx % ny}, {cell // (nx * ny)})"


def read_ovf(path: str | os.PathLike[str], mesh_unit: str | None = None) -> Snapshot:
    """Read the header of an OVF file and check that its data are there.

    Parameters
    ----------
    path : path
        The file.
    mesh_unit : text
        Unit of the mesh, one of METRES, for a file that does not tell a known one.

    Returns
    -------
    Snapshot

    Raises
    ------
    InputError
        If it is not an OVF file, has an irregular mesh or several segments, lacks a key, tells another unit than
        `mesh_unit`, or is cut off: one sentence.
    """
    path = Path(path)
    name = f"OVF file {show(str(path), 200)}"
    with _opened(path) as stream:
        try:
            size = os.fstat(stream.fileno()).st_size
            version = _version(stream.readline(_LINE), name)
            header, times, representation = _header(stream, name)
            mesh = _mesh(header, name, _unit(header, name, mesh_unit))
            return _snapshot(path, name, version, mesh, header, times, representation, stream, size)
        except OSError as error:
            raise InputError(f"{name} cannot be read: {error.strerror}") from None


def _version(line: bytes, name: str) -> int:
    """1 or 2, from the first line."""
    text = " ".join(line.decode("utf-8", "replace").lower().replace(":", " ").replace("#", " ").split())
    if text.startswith("oommf irregular mesh"):
        raise InputError(f"{name} has an irregular mesh; it must be rectangular")
    if re.fullmatch(r"oommf rectangular mesh v(1\.0+|0\.99|0\.0a0)", text):
        return 1
    if re.fullmatch(r"oommf ovf 2(\.0+)?", text):
        return 2
    raise InputError(
        f'{name} is not an OVF file: its first line is neither "# OOMMF OVF 2.0" nor that of OVF 1.0'
    )


def _header(stream: Any, name: str) -> tuple[dict[str, str], list[str], str]:
    """Keys and values up to the data, the lines that may tell a time, and the data's representation."""
    header: dict[str, str] = {}
    descriptions, segments = [], 0
    while stream.tell() < _HEADER:
        line = stream.readline(_LINE)
        if not line:
            raise InputError(f"{name} ends in its header")
        text = _decoded(line).strip()
        if not text.startswith("#"):
            if text:
                raise InputError(f"{name} has a line in its header that does not begin with #: {show(text)}")
            continue
        if text.startswith("##"):
            continue
        label, _, value = text[1:].partition(":")
        label = "".join(label.split()).lower()
        if label == "desc":
            descriptions.append(value.strip())
            continue
        value = value.partition("##")[0].strip()
        what = " ".join(value.lower().split())
        if label == "begin" and what.startswith("data"):
            representation = what.removeprefix("data").strip()
            if representation not in REPRESENTATIONS:
                raise InputError(
                    f"{name} has data {show(representation)}; known are {', '.join(REPRESENTATIONS)}"
                )
            return header, descriptions, representation
        segments += label == "begin" and what == "segment"
        if label == "segmentcount" and not re.fullmatch("0*1", what):  # Spirit pads it: 000001
            raise InputError(f"{name} has {show(value)} segments; it must have one")
        if segments > 1:
            raise InputError(f"{name} has several segments; it must have one")
        if label and label not in ("begin", "end"):
            header[label] = value
    raise InputError(f"{name} has no data within its first {_HEADER >> 20} MiB")


def _decoded(line: bytes) -> str:
    """Text of a header's line: UTF-8, or else Latin-1, in which Windows writes µm and Å."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _snapshot(
    path: Path, name: str, version: int, mesh: Mesh, header: dict[str, str], descriptions: list[str],
    representation: str, stream: Any, size: int,
) -> Snapshot:  # fmt: skip
    """Check the header, and the data's size."""
    if header.get("meshtype", "rectangular").lower() != "rectangular":
        raise InputError(f"{name} has a mesh of type {show(header['meshtype'])}; it must be rectangular")
    components = 3 if version == 1 else _whole(header, "valuedim", name)
    multiplier = (
        _number(header, "valuemultiplier", name) if version == 1 and "valuemultiplier" in header else 1.0
    )
    numbers = math.prod(mesh.cells) * components
    if numbers > _MOST:
        raise InputError(f"{name} claims {numbers:.3g} numbers, more than a file can hold")
    dtype, start = "", stream.tell()
    if representation not in ("text", "csv"):
        width = int(representation[-1])
        dtype = _byte_order(stream.read(width), width, name)
        start += width
        missing = start + numbers * width - size
        if missing > 0:
            raise InputError(
                f"{name} is cut off: its mesh {mesh.told} needs {missing} more bytes of data than it has"
            )
        stream.seek(start + numbers * width)
        rest = stream.read(64).strip()
        if rest and not rest.startswith(b"#"):
            raise InputError(f"{name} has more data than its mesh {mesh.told} holds")
    labels = tuple(tcl_list(header.get("valuelabels", "")))
    units = tuple(tcl_list(header.get("valueunits" if version == 2 else "valueunit", "")))
    return Snapshot(
        path, mesh, _time(descriptions, name), components, header.get("title", ""), labels, units, multiplier,
        dtype, representation == "csv", start,
    )  # fmt: skip


def _value(header: dict[str, str], key: str, name: str) -> str:
    if key not in header:
        raise InputError(f"{name} lacks {key} in its header")
    return header[key]


def _number(header: dict[str, str], key: str, name: str) -> float:
    """A finite number of the header."""
    text = _value(header, key, name)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise InputError(f"{name}: {key} = {show(text)} is not a finite number")
    return value


def _whole(header: dict[str, str], key: str, name: str) -> int:
    """A positive whole number of the header."""
    text = _value(header, key, name)
    if not re.fullmatch(r"\+?[0-9]{1,15}", text) or int(text) < 1:
        raise InputError(f"{name}: {key} = {show(text)} is not a positive whole number of at most 15 digits")
    return int(text)


def _unit(header: dict[str, str], name: str, mesh_unit: str | None) -> float:
    """Unit of the mesh [m]: what the file says, or else what the deck says, or else m."""
    said = header.get("meshunit", "")
    size = _LOWER.get(said.lower())
    if size is None and said and mesh_unit is None:
        raise InputError(
            f"{name}: meshunit = {show(said)} is not known; known are {', '.join(METRES)}; texture.mesh_unit says "
            "which it is"
        )
    if size is not None and mesh_unit is not None and METRES[mesh_unit] != size:
        raise InputError(
            f"{name}: meshunit = {show(said)}, but texture.mesh_unit = {show(mesh_unit)}: leave out the key"
        )
    return METRES[mesh_unit or "m"] if size is None else size


def _mesh(header: dict[str, str], name: str, unit: float) -> Mesh:
    """Mesh in metres: `base` is the middle of the first cell; where it is missing, `min` its lower corner."""
    cells, steps, corners = [], [], []
    for axis in "xyz":
        cells.append(_whole(header, f"{axis}nodes", name))
        step = _number(header, f"{axis}stepsize", name)
        if step <= 0.0:
            raise InputError(f"{name}: {axis}stepsize = {show(header[f'{axis}stepsize'])} is not positive")
        if f"{axis}base" not in header and f"{axis}min" in header:
            corner = _number(header, f"{axis}min", name)
        else:
            corner = _number(header, f"{axis}base", name) - 0.5 * step
        steps.append(step * unit)
        corners.append(corner * unit)
        if not (steps[-1] > 0.0 and math.isfinite(steps[-1] * cells[-1] + abs(corners[-1]))):
            raise InputError(f"{name}: the mesh along {axis} is too small or too large for a number")
    return Mesh(
        (cells[0], cells[1], cells[2]), (steps[0], steps[1], steps[2]), (corners[0], corners[1], corners[2])
    )


def _byte_order(check: bytes, width: int, name: str) -> str:
    """Find numpy's name of the numbers, from the check value."""
    if len(check) == width:
        for order in "<>":
            if np.frombuffer(check, f"{order}f{width}")[0] == CHECKS[width]:
                return f"{order}f{width}"
    raise InputError(
        f"{name} does not begin its binary data with the check value {CHECKS[width]:.0f}: it is damaged"
    )


def _time(descriptions: list[str], name: str) -> float | None:
    """Simulation time [s] in the descriptions; OOMMF writes −2 where there is none."""
    for line in descriptions:
        match = _TIME.search(line)
        if match:
            try:
                time = float(match[1]) * TIMES.get(match[2].lower() or "s", math.nan)
            except ValueError:
                time = math.nan
            if not math.isfinite(time):
                raise InputError(f"{name}: the time {show(line)} in its header is not a time in seconds")
            return time if time >= 0.0 else None
    return None


def _text_values(snapshot: Snapshot, name: str) -> Array:
    """All numbers of a file with text data."""
    with _opened(snapshot.path) as stream:
        stream.seek(snapshot.start)
        text = stream.read()
    end = re.search(rb"^[ \t]*#[ \t]*end[ \t]*:", text, re.IGNORECASE | re.MULTILINE)
    if end is None:
        raise InputError(f"{name} is cut off: its data have no end")
    text = text[: end.start()]
    if b"#" in text:
        text = re.sub(rb"#[^\n]*", b"", text)
    if snapshot.commas:
        text = text.replace(b",", b" ")
    words, numbers = text.split(), snapshot.size * snapshot.components
    if len(words) != numbers:
        raise InputError(
            f"{name} holds {len(words)} numbers, but its mesh {snapshot.mesh.told} with {snapshot.components} "
            f"in a cell needs {numbers}"
        )
    try:
        return np.array(words).astype(np.float64)
    except ValueError:
        bad = next(word for word in words if not _is_number(word))
        raise InputError(
            f"{name} holds {show(bad.decode('utf-8', 'replace'))}, which is not a number"
        ) from None


def _is_number(word: bytes) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def tcl_list(text: str) -> list[str]:
    """Words of a Tcl list: separated by blanks, or within braces or quotes."""
    return [a or b or c for a, b, c in re.findall(r'\{([^{}]*)\}|"([^"]*)"|([^\s{}"]+)', text)]


def write_ovf(
    path: str | os.PathLike[str], values: NDArray[Any], mesh: Mesh, time: float | None = None,
    labels: Sequence[str] = ("m_x", "m_y", "m_z"), units: Sequence[str] = ("1",), title: str = "m",
    representation: str = "binary 4", remarks: Sequence[str] = (),
) -> None:  # fmt: skip
    """Write a field as OVF 2.0 (little-endian), for OOMMF, mumax3, Ubermag.

    Parameters
    ----------
    path : path
        The file; it is replaced.
    values : (z, y, x, components) array
        Numbers of the cells.
    mesh : Mesh
        Cells, step and corner, in metres.
    time : float
        Simulation time [s], if there is one.
    labels, units : texts
        One for each component, or one unit for all.
    title : str
        Of the file.
    representation : str
        "binary 4", "binary 8" or "text" (with all digits).
    remarks : texts
        Further lines of description.
    """
    nx, ny, nz = mesh.cells
    components = len(labels)
    if values.shape != (nz, ny, nx, components):
        raise ValueError(f"values have the shape {values.shape}, not {(nz, ny, nx, components)}")
    units = units if len(units) == components else list(units) * components
    lines = [
        "OOMMF OVF 2.0", "Segment count: 1", "Begin: Segment", "Begin: Header", f"Title: {_one_line(title)}",
        "meshtype: rectangular", "meshunit: m", *_mesh_lines(mesh), f"valuedim: {components}",
        f"valuelabels: {_words(labels)}", f"valueunits: {_words(units)}",
    ]  # fmt: skip
    if time is not None:
        lines.append(f"Desc: Total simulation time: {float(time)!r} s")
    lines += [f"Desc: {_one_line(remark)}" for remark in remarks]
    name = f"Data {representation.capitalize()}"
    lines += ["End: Header", f"Begin: {name}"]
    with open(path, "wb") as stream:
        stream.write("".join(f"# {line}\n" for line in lines).encode())
        if representation == "text":
            for row in np.asarray(values, np.float64).reshape(-1, components):
                stream.write((" ".join(map(repr, row.tolist())) + "\n").encode())
        else:
            width = {"binary 4": 4, "binary 8": 8}[representation]
            stream.write(np.array([CHECKS[width]], f"<f{width}").tobytes())
            stream.write(np.ascontiguousarray(values, f"<f{width}").tobytes())
            stream.write(b"\n")
        stream.write(f"# End: {name}\n# End: Segment\n".encode())


def _mesh_lines(mesh: Mesh) -> Iterator[str]:
    """Lines of the header on the mesh."""
    for axis, n, step, low in zip("xyz", *mesh, strict=True):
        yield f"{axis}min: {low!r}"
        yield f"{axis}max: {low + n * step!r}"
        yield f"{axis}base: {low + 0.5 * step!r}"
        yield f"{axis}nodes: {n}"
        yield f"{axis}stepsize: {step!r}"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _words(words: Sequence[str]) -> str:
    """Tcl list."""
    return " ".join(f"{{{word}}}" if not word or re.search(r"[\s{}\"]", word) else word for word in words)
