"""Series of OVF files that a deck names: which files, which times, whether they belong together.

Files are found, sorted by their times, and told apart by a hash; their vectors are read later (`sampled`).
"""

from __future__ import annotations

import glob
import hashlib
import itertools
import math
import os
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from mcpump.errors import InputError, opened, read_some, show
from mcpump.textures.ovf import TIMES, Mesh, Snapshot, read_ovf, tcl_list

SAME_MESH = 1e-6
"""Share of a cell by which meshes of one series may differ."""
EXTENSIONS = (".ovf", ".omf")
"""Files that are taken from a folder."""
HASHED = 1 << 28
"""Bytes of a series that go into its hash, roughly."""
_PIECE = 1 << 16
LARGEST_TABLE = 100_000_000
"""Bytes of the largest table of times."""
MOST_FOLDERS, MOST_FILES = 1000, 100_000
"""Folders that a pattern may look into, and files that it may name."""
_UNITS_OF_M = (
    "",
    "1",
    "none",
    "unknown",
    "?",
    "a/m",
    "ka/m",
    "ma/m",
    "emu/cc",
    "emu/cm3",
    "emu/cm^3",
    "emu/cm³",
)
_MAGNETIC = re.compile(r"^m(_|$)|magneti[sz]ation", re.IGNORECASE)
_SPIN = re.compile(r"^[sn](_|$)|spin|moment", re.IGNORECASE)
_FIELD = re.compile(
    r"^[behju](_|$)|^(ext|eff|demag|anis|zeeman|exch)|_(eff|demag|anis|ext|exch|therm)|torque|energy|edens|density|current|"
    r"force|stress|strain|displacement|velocity",
    re.IGNORECASE,
)
_OOMMF_FIELD = re.compile(r"oxs_.*field", re.IGNORECASE)


class Placement(NamedTuple):
    """How the mesh of snapshots lies in the sample; lengths in the files' unit."""

    offset: Sequence[float] = (0.0, 0.0, 0.0)
    """Place of the mesh's lower corner in the sample."""
    along_x: str = "x"
    """The mesh's axis that lies along the sample's x; the others follow in turn (xyz, yzx, zxy), and the vectors with
    them."""
    lengths: Sequence[float] = ()
    """Of the sample along x, y, z, to tell a mesh that fills it and so repeats, and one that misses it;
    none: not told."""
    periodic: Sequence[bool] = (False, False, False)
    """Directions in which the sample repeats."""
    axes: int = 3
    """Directions of the sample's mesh; along others the snapshots must have one cell."""
    ell: float = 1.0
    """ℓ in the files' unit of length; 1 in a reduced deck, whose files count in ℓ and τ."""
    tau: float = 1.0
    """τ in the files' unit of time."""


AS_IT_LIES = Placement()
"""Corner at the origin, axes along those of the sample, in its own units."""


class Snapshots(NamedTuple):
    """Snapshots of a texture in OVF files, and how they lie in the sample; SI, or reduced."""

    files: tuple[str, ...]
    """Names, patterns or folders, seen from `folder`."""
    folder: str
    """The deck's, from the root."""
    table: str | None
    """Table of their times; None: their headers tell them."""
    mesh_unit: str | None
    """Unit of the mesh, where the files tell none that is known."""
    sha256: str
    """Of their contents."""
    frequency: float | None
    """Frequency of the drive; None for a transient, or what is static."""
    harmonics: int | None
    """Highest harmonic; None: as many as matter."""
    start: float | None
    """Time of the simulation that is t = 0."""
    end: float | None
    """End of a transient, in the walk's time; None for a periodic drive."""
    placement: Placement
    """How they lie in the sample."""


class Series(NamedTuple):
    """Snapshots of one magnetization on one mesh, in the order of time."""

    mesh: Mesh
    times: tuple[float, ...]
    """Simulation times [s], increasing; (0,) for a single file whose header does not say."""
    snapshots: tuple[Snapshot, ...]


def find_files(files: str | Sequence[str], folder: str | os.PathLike[str] = ".") -> list[Path]:
    """Files that a deck names: a pattern, a folder (all .ovf and .omf in it), a file, or a list of these.

    Parameters
    ----------
    files : text or list of texts
        What the deck says, seen from `folder`.
    folder : path
        The deck's.

    Returns
    -------
    list of Path
        In the order of the list, and of the names where one entry is several files, numbers in names by value. A name
        with brackets that is there is taken before what the pattern means.

    Raises
    ------
    InputError
        If an entry names no file.
    """
    found: list[Path] = []
    for entry in [files] if isinstance(files, str) else files:
        path = Path(folder, entry)
        try:
            if path.is_dir():
                paths = [one for one in path.iterdir() if one.suffix.lower() in EXTENSIONS]
            else:
                paths = [one for one in _matches(Path(folder), entry) if one.is_file()]
        except (OSError, ValueError):
            paths = []
        if not paths:
            hint = (
                "; in a pattern [ ] hold the characters of which one must stand there, unless a file or folder is "
                "called so"
                if "[" in entry
                else ""
            )
            raise InputError(
                f"texture.files: {show(entry, 200)} names no file in {show(str(folder), 200)}{hint}"
            )
        found += sorted(paths, key=_natural)
    return list(dict.fromkeys(found))


def _matches(folder: Path, entry: str) -> list[Path]:
    """What an entry names, part by part: brackets are taken literally where that names something, else as a pattern."""
    found = [folder]
    for part in Path(entry).parts:
        literal = part.replace("[", "[[]")
        above, found = found, []
        if len(above) > MOST_FOLDERS:
            raise InputError(f"texture.files: {show(entry, 200)} looks into more than {MOST_FOLDERS} folders")
        for base in above:
            within = glob.escape(str(base))
            names = glob.glob(os.path.join(within, literal)) or glob.glob(os.path.join(within, part))
            found += map(Path, names)
            if len(found) > MOST_FILES:
                raise InputError(f"texture.files: {show(entry, 200)} names more than {MOST_FILES} files")
    return found


def hash_of_series(files: Any, folder: str | os.PathLike[str] = ".", table: Any = None) -> str:
    """sha256 of the contents of a series, by which a run that goes on knows it again.

    Parameters
    ----------
    files : text or list of texts
        As for `find_files`, but not checked.
    folder : path
        The deck's, from which files and table are named.
    table : text
        Table of their times.

    Returns
    -------
    str
        Of all bytes of all files, in their order, and their sizes; of a series beyond HASHED bytes only of pieces of
        64 KiB that are spread evenly over every file. Empty where a file cannot be read, which is told when it is used.
    """
    try:
        paths = [*find_files(files, folder), *([Path(folder, table)] if table is not None else [])]
        stamps = [
            (str(path), status.st_size, status.st_mtime_ns) for path in paths for status in [path.stat()]
        ]
        return _hash_of_files(tuple(stamps))
    except (InputError, OSError, TypeError, ValueError):
        return ""


@lru_cache(maxsize=8)
def _hash_of_files(stamps: tuple[tuple[str, int, int], ...]) -> str:
    """sha256 of files with sizes and times of change."""
    digest, stride = hashlib.sha256(), 1 + sum(size for _, size, _ in stamps) // HASHED
    for path, size, _ in stamps:
        digest.update(str(size).encode() + b"\n")
        with opened(path) as stream:
            for start in range(0, size, _PIECE * stride):
                stream.seek(start)
                digest.update(stream.read(_PIECE))
    return digest.hexdigest()


def _natural(path: Path) -> list[tuple[int, str]]:
    """Name with its numbers by value, to sort by."""
    return [(int(digits[:18] or 0), rest) for rest, digits in re.findall(r"([^0-9]*)([0-9]*)", path.name)]


def read_times(path: str | os.PathLike[str]) -> list[float]:
    """Read the times [s] of the rows of a table: mumax3's table.txt or OOMMF's .odt.

    Parameters
    ----------
    path : path
        The table.

    Returns
    -------
    list of float

    Raises
    ------
    InputError
        If it cannot be read, has no column of times, or a row has none.
    """
    name = f"table {show(str(path), 200)}"
    try:
        text = read_some(path, largest=LARGEST_TABLE).decode("utf-8", "replace")
    except (OSError, ValueError) as error:
        raise InputError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    column, scale, times = -1, 1.0, []
    for line in text.replace("\\\n", " ").splitlines():
        if line.startswith("#"):
            heads = line[1:].strip()
            if heads.lower().startswith("columns:"):
                titles = [title.rpartition(":")[2].strip().lower() for title in tcl_list(heads[8:])]
                column = next((titles.index(one) for one in ("simulation time", "time") if one in titles), -1)
            elif column < 0:
                titles = [title.strip() for title in heads.split("\t")]
                matches = [re.fullmatch(r"t \((\w+)\)", title) for title in titles]
                column = next((i for i, match in enumerate(matches) if match), -1)
                scale = TIMES.get(matches[column][1], 1.0) if column >= 0 else 1.0  # type: ignore[index]
            continue
        words = line.split()
        if not words:
            continue
        if column < 0:
            raise InputError(f'{name} has no column of times, "t (s)" (mumax3) or "Simulation time" (OOMMF)')
        try:
            times.append(float(words[column]) * scale)
        except (IndexError, ValueError):
            raise InputError(f"{name} has a row without a time: {show(line)}") from None
    if not times or not all(map(math.isfinite, times)):
        raise InputError(f"{name} has no rows, or a time that is not finite")
    return times


def read_series(
    files: str | Sequence[str], folder: str | os.PathLike[str] = ".", table: str | None = None,
    mesh_unit: str | None = None,
) -> Series:  # fmt: skip
    """Read the headers of a series of magnetizations, and put them in the order of time.

    Parameters
    ----------
    files : text or list of texts
        As for `find_files`.
    folder : path
        The deck's, from which files and table are named.
    table : text
        A table with one row for each file, in the order of the files' names; its times stand for those of the headers.
    mesh_unit : text
        As for `mcpump.textures.ovf.read_ovf`.

    Returns
    -------
    Series

    Raises
    ------
    InputError
        If a file cannot be used, meshes differ, a time is missing or is that of two files, or the table has another
        number of rows than there are files.
    """
    snapshots = [read_ovf(path, mesh_unit) for path in find_files(files, folder)]
    times = _times(snapshots, folder, table)
    mesh, pairs = snapshots[0].mesh, []
    for snapshot, time in zip(snapshots, times, strict=True):
        name = f"OVF file {show(str(snapshot.path), 200)}"
        if snapshot.components != 3:
            raise InputError(f"{name} has {snapshot.components} numbers in a cell; a magnetization has 3")
        if not _same(mesh, snapshot.mesh):
            raise InputError(
                f"{name} has another mesh than {show(str(snapshots[0].path), 200)}: {snapshot.mesh.told} cells "
                f"against {mesh.told}, or another step or place"
            )
        if time is None:
            raise InputError(
                f"{name} does not tell its simulation time; name a table with it as texture.table"
            )
        pairs.append((time, snapshot))
    pairs.sort(key=lambda pair: pair[0])
    for (before, one), (after, other) in itertools.pairwise(pairs):
        if after <= before:
            raise InputError(
                f"OVF files {show(str(one.path), 200)} and {show(str(other.path), 200)} have the same time {after:.6g} s"
            )
    return Series(mesh, tuple(time for time, _ in pairs), tuple(snapshot for _, snapshot in pairs))


def _times(
    snapshots: Sequence[Snapshot], folder: str | os.PathLike[str], table: str | None
) -> Sequence[float | None]:
    """Times of the snapshots, from a table or their headers; one alone needs none."""
    if table is not None:
        rows = read_times(Path(folder, table))
        if len(rows) != len(snapshots):
            raise InputError(
                f"texture.table: {show(table, 200)} has {len(rows)} rows for {len(snapshots)} files; it must have one "
                "for each, or be left out where the files' headers tell the time"
            )
        return rows
    times = [snapshot.time for snapshot in snapshots]
    return [0.0] if times == [None] else times


def not_magnetization(snapshot: Snapshot) -> str:
    """Say what a file holds where its header tells something that is no magnetization; else return an empty text.

    Parameters
    ----------
    snapshot : Snapshot
        From `mcpump.textures.ovf.read_ovf`.

    Returns
    -------
    str
        Labels or title, and unit. A magnetization is told by labels such as m_x, Magnetization_x, s_x in any unit, and
        labels that say nothing (x, field_x) are one in A/m, emu/cm³ or without a unit.
    """
    said = snapshot.labels or ((snapshot.title,) if snapshot.title else ())
    stems = [re.sub(r"_?[xyz]$", "", word.rpartition(":")[2], flags=re.IGNORECASE) for word in said]
    unit = snapshot.units[0] if snapshot.units else ""
    if any(map(_MAGNETIC.search, stems)):
        return ""
    fields = [
        _FIELD.search(stem) or _OOMMF_FIELD.search(word) for stem, word in zip(stems, said, strict=True)
    ]
    if not any(fields) and (unit.lower() in _UNITS_OF_M or any(map(_SPIN.search, stems))):
        return ""
    return " ".join([*said, *(["in", unit] if unit.strip() else [])])


def _same(a: Mesh, b: Mesh) -> bool:
    """Whether two meshes are one."""
    close = all(
        abs(p - q) <= SAME_MESH * step and abs(step - other) * n <= SAME_MESH * step
        for p, q, step, other, n in zip(a.corner, b.corner, a.step, b.step, a.cells, strict=True)
    )
    return a.cells == b.cells and close
