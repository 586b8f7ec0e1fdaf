"""Results files: HDF5 that is valid netCDF-4, written whole or not at all.

Layout (an interface: `SCHEMA` counts its versions)::

    /                    attributes: type, schema_version, mcpump_version, name, resolved, seed, walkers,
                         blocks, flights, complete, message, warnings, notes (one a line), regime (JSON:
                         key → [value, unit, meaning]); si-only attribute of variables in J/m²:
                         ampere_per_square_metre_per_unit = 2e/ħ
    /<axis>              coordinate variables, numbers or strings; each is its axis's dimension scale
    /<name>              estimates, with units and long_name
    /<name>_stderr       their standard errors; absent where the estimate is exact
    /checkpoint/<name>   exact integer sums, each with its sha256
    /groundwork/<name>   what was worked out before walkers began, each with its sha256; absent: nothing
    /provenance          attributes: dates, wall time, machine, all that may differ between equal runs

Everything outside `/provenance` depends on the result alone: no time stamps are kept. Behind the HDF5 data,
where every HDF5 reader stops, stands a seal: the sha256 of all bytes before it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from mcpump import __version__
from mcpump.constants import E_CHARGE, HBAR
from mcpump.errors import ResultsFileError
from mcpump.results.unfinished import remove_left_over, told, unfinished_name
from mcpump.tally.estimates import Estimate, Result, Status

TYPE = "mcpump results"
"""Root attribute `type` of every results file."""
SWEEP_TYPE = "mcpump sweep"
"""That of a file that collects a sweep."""
SCHEMA = 1
"""Version of the layout; a file with another one is refused."""
STDERR = "_stderr"
"""Ending of a standard error's variable name."""

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_SEAL = b"\nsha256 of all bytes before this line: "
_NO_VARIABLE = "This is a netCDF dimension but not a netCDF variable."
_JSON = "json:"
_LARGEST_CHUNK = 2**30
"""Bytes; HDF5 takes no chunk of 4 GB or more."""
_DAMAGE = (OSError, KeyError, ValueError, TypeError, RuntimeError, AttributeError, IndexError, MemoryError)


def check_writable(path: str | os.PathLike[str], overwrite: bool = False, size: int = 0) -> None:
    """Find out, before any walking, whether a results file can be written.

    Parameters
    ----------
    path
        Where the file shall go.
    overwrite
        Whether an existing file may be replaced.
    size
        Bytes that it will take, roughly.

    Raises
    ------
    ResultsFileError
        If the folder does not exist or cannot be written to, if its disk is too full, if `path` is a folder, or if
        the file exists and `overwrite` is False.
    """
    target = Path(path).resolve()
    _refuse_target(target, path, overwrite)
    # Trying beats asking: permission bits say nothing of read-only file systems, or of root.
    probe = unfinished_name(target)
    try:
        remove_left_over(target)
        os.close(os.open(probe, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        os.unlink(probe)
        free = shutil.disk_usage(target.parent).free
    except OSError as error:
        raise ResultsFileError(f"{shown(path)} cannot be written: {error.strerror}.") from error
    if free < size:
        raise ResultsFileError(
            f"{shown(path)} needs about {size / 1e9:.2g} GB, and its disk has {free / 1e9:.2g} GB left"
            f"{told(target.parent)}: make room, or choose another folder or fewer cells."
        )


def write(result: Result, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Write a results file: whole or not at all, and never over another one unasked.

    The image is built in memory, written to a temporary name in the same folder, synced, and linked to its own (renamed,
    where it replaces a file), so a reader, a crash or a full disk meets either the old file or the new one.

    Parameters
    ----------
    result
        What to write.
    path
        Where to.
    overwrite
        Whether an existing file may be replaced.

    Raises
    ------
    ResultsFileError
        As `check_writable`, or if the disk refuses the bytes.
    """
    _refuse_target(Path(path).resolve(), path, overwrite)
    write_image(image_of(result), path, overwrite)


def write_image(image: bytes, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Write the bytes of a file, with a seal behind them, as `write` does: whole or not at all."""
    target = Path(path).resolve()
    _refuse_target(target, path, overwrite)
    temporary = unfinished_name(target)
    try:
        _write_synced(temporary, image)
        _give_name(temporary, target, overwrite)
        _sync_folder(target.parent)
    except FileExistsError:
        raise TakenError(_taken(path)) from None
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        left_over = told(target.parent) if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
        raise ResultsFileError(
            f"{shown(path)} cannot be written: {error.strerror or error}{left_over}."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            os.unlink(temporary)


class TakenError(ResultsFileError):
    """A name that another process has given to a file in the last moment."""


def _taken(path: str | os.PathLike[str]) -> str:
    """Sentence that refuses a name under which there is a file."""
    name = repr(os.fspath(path))  # it may hold a line break
    return f"{name} exists already: choose another name, or give --overwrite (in Python overwrite=True)."


def _give_name(temporary: Path, target: Path, overwrite: bool) -> None:
    """Give a whole file its name: in the place of another one if asked, else FileExistsError where there is one."""
    if overwrite:
        os.replace(temporary, target)
        return
    try:
        os.link(temporary, target)  # unlike a new name, a link never takes the place of a file
    except FileExistsError:
        if not os.path.samefile(temporary, target):  # a network may have passed the order on twice
            raise
    except OSError:  # a file system without links
        os.close(os.open(target, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666))
        try:
            os.replace(temporary, target)
        except BaseException:
            os.unlink(target)
            raise


def shown(path: str | os.PathLike[str]) -> str:
    """A file's name for a sentence: as it is, or quoted where it holds line breaks or what is no text."""
    name = os.fspath(path)
    return name if name.isprintable() else repr(name)


def read(path: str | os.PathLike[str], sealed: bool = False) -> Result:
    """Read a results file back: the very `Result` that was written.

    Parameters
    ----------
    path
        A file that `write` made.
    sealed
        Whether to refuse a file that another program has edited since.

    Returns
    -------
    Result
        Equal, bit by bit, to the written one.

    Raises
    ------
    ResultsFileError
        If the file does not exist, is not a results file, has another schema version, is truncated, or
        fails a checksum.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise ResultsFileError(f"{shown(path)} is not a file.")
        data = Path(path).read_bytes()
    except FileNotFoundError:
        raise ResultsFileError(f"{shown(path)} does not exist.") from None
    except (OSError, ValueError) as error:
        raise ResultsFileError(
            f"{shown(path)} cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from None
    try:
        # Read whole, then parsed from memory: no lock is taken, and a file replaced meanwhile does no harm.
        with h5py.File(io.BytesIO(_unsealed(data, path, sealed)), "r") as file:
            _check_type(file, path)
            return _result(file, path)
    except ResultsFileError:
        raise
    except _DAMAGE as error:
        raise ResultsFileError(_unreadable(data, path)) from error


def points_of(files: Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Find the files of the points of sweeps.

    Parameters
    ----------
    files
        Results files, which stay as they are, folders of sweeps, and files that collect one, FOLDER.h5.

    Returns
    -------
    list of Path
        The results files in a folder in place of it, or of the file that collects it.
    """
    found: list[Path] = []
    for file in map(Path, files):
        folder = file if file.is_dir() else file.with_suffix("")
        found += sorted(folder.glob("*.h5")) if folder.is_dir() else [file]
    return found


def mark_of(path: str | os.PathLike[str]) -> bytes | None:
    """What tells a file from others without reading it: its seal; size and time of one that has none; None: no file."""
    length = len(_seal(b""))
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            return b"no file"
        with open(path, "rb") as file:
            status = os.fstat(file.fileno())
            file.seek(max(status.st_size - length, 0))
            end = file.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        return (error.strerror or "unknown").encode()
    return end if end.startswith(_SEAL) else f"{status.st_size} {status.st_mtime_ns}".encode()


def is_sealed(path: str | os.PathLike[str]) -> bool:
    """Whether a file is as `write` left it."""
    data = Path(path).read_bytes()
    length = len(_seal(b""))
    return data[-length:] == _seal(data[:-length])


def _refuse_target(target: Path, path: str | os.PathLike[str], overwrite: bool) -> None:
    name = repr(os.fspath(path))  # a name may hold a line break
    try:
        if not target.parent.is_dir():
            raise ResultsFileError(
                f"{name} cannot be written: the folder {str(target.parent)!r} does not exist."
            )
        if target.is_dir():
            raise ResultsFileError(f"{name} is a folder, not a results file.")
        if target.exists() and not overwrite:
            raise TakenError(_taken(path))
    except OSError as error:
        raise ResultsFileError(f"{name} cannot be written: {error.strerror}.") from None


def _write_synced(path: Path, image: bytes) -> None:
    with open(path, "xb") as stream:
        stream.write(image)
        stream.write(_seal(image))
        stream.flush()
        os.fsync(stream.fileno())


def _seal(image: bytes) -> bytes:
    return _SEAL + hashlib.sha256(image).hexdigest().encode() + b"\n"


def _unsealed(data: bytes, path: str | os.PathLike[str], sealed: bool) -> bytes:
    """Bytes of a file whose seal holds, or that has none, as after an edit by another program.

    HDF5's own reader may crash on damaged structures, so it must not see them.
    """
    length = len(_seal(b""))
    if not data[-length:].startswith(_SEAL):
        if sealed and data.startswith(_SIGNATURE):
            raise ResultsFileError(
                f"{shown(path)} is truncated, or another program has edited it: it has no checksum at its end."
            )
    elif data[-length:] != _seal(data[:-length]):
        raise ResultsFileError(f"{shown(path)} is damaged: its checksum is wrong.")
    return data


def _sync_folder(folder: Path) -> None:
    # The rename itself is durable only once the folder is; some network file systems refuse to sync one.
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def image_of(result: Result) -> bytes:
    """Bytes of a results file, without its seal."""
    with h5py.File("image", "w", driver="core", backing_store=False) as file:
        _write_attributes(file, result)
        for name, coordinate in result.coords.items():
            write_coordinate(file, name, coordinate)
        for name, estimate in result.estimates.items():
            write_estimate(file, name, estimate)
        _write_arrays(file.create_group("checkpoint"), result.checkpoint)
        if result.groundwork:
            _write_arrays(file.create_group("groundwork"), result.groundwork)
        provenance = file.create_group("provenance")
        for key, value in result.provenance.items():
            provenance.attrs[key] = _pack(value)
        file.flush()
        return bytes(file.id.get_file_image())


def _write_attributes(file: h5py.File, result: Result) -> None:
    attributes = file.attrs
    attributes["type"] = TYPE
    attributes["schema_version"] = np.int64(SCHEMA)
    attributes["mcpump_version"] = __version__
    for key in ("name", "resolved", "message"):
        attributes[key] = getattr(result, key)
    for key in ("walkers", "blocks", "flights"):
        attributes[key] = np.int64(getattr(result, key))
    attributes["seed"] = np.uint64(result.seed)
    attributes["status"] = result.status.value
    attributes["complete"] = np.int64(result.complete)
    attributes["warnings"] = "\n".join(result.warnings)
    attributes["notes"] = "\n".join(result.notes)
    attributes["regime"] = json.dumps(result.regime, ensure_ascii=False)


def write_coordinate(file: h5py.File, name: str, coordinate: Estimate | tuple[str, ...]) -> None:
    """Write an axis: its numbers or names, which are the scale of its dimension."""
    if isinstance(coordinate, Estimate):
        dataset = _dataset(file, name, coordinate.mean)
        _describe(dataset, coordinate)
    else:
        labels = np.array(coordinate, dtype=object)
        dataset = file.create_dataset(name, data=labels, dtype=h5py.string_dtype(), track_times=False)
    dataset.make_scale(name)


def write_estimate(file: h5py.File, name: str, estimate: Estimate) -> None:
    """Write an estimate and its twin, the standard error, with their axes, which are there or get no coordinates."""
    twins = {name: estimate.mean}
    if estimate.stderr is not None:
        twins[name + STDERR] = estimate.stderr
    for key, values in twins.items():
        dataset = _dataset(file, key, values)
        for axis, dimension in enumerate(estimate.dims):
            dataset.dims[axis].attach_scale(scale_of(file, dimension, values.shape[axis]))
        _describe(dataset, estimate)
        if key != name:
            dataset.attrs["long_name"] = f"standard error of {estimate.long_name}"


def scale_of(file: h5py.File, dimension: str, size: int) -> h5py.Dataset:
    """Scale of an axis; one without coordinates gets netCDF's own kind of nameless scale."""
    if dimension not in file:
        dataset = file.create_dataset(dimension, shape=(size,), dtype=">f4", track_times=False)
        dataset.make_scale(f"{_NO_VARIABLE}{size:10d}")
    return file[dimension]


def _dataset(group: h5py.Group, name: str, values: NDArray[Any]) -> h5py.Dataset:
    # Chunks carry the checksum (fletcher32), so that a flipped bit is an error and not a number.
    chunked = values.ndim > 0 and values.size > 0
    options: dict[str, Any] = {"chunks": _chunk(values), "fletcher32": True} if chunked else {}
    return group.create_dataset(name, data=values, track_times=False, **options)


def _chunk(values: NDArray[Any]) -> tuple[int, ...]:
    """Shape of a chunk: all of an array, or of a large one as many whole slices as HDF5 takes in a chunk."""
    shape, size = list(values.shape), values.nbytes
    for axis, length in enumerate(values.shape):
        if size <= _LARGEST_CHUNK:
            break
        size //= length
        shape[axis] = max(1, min(length, _LARGEST_CHUNK // max(size, 1)))
        size *= shape[axis]
    return tuple(shape)


def _describe(dataset: h5py.Dataset, estimate: Estimate) -> None:
    dataset.attrs["units"] = estimate.units
    dataset.attrs["long_name"] = estimate.long_name
    if estimate.not_resolved:
        dataset.attrs["not_resolved"] = estimate.not_resolved
    if estimate.units == "J/m^2":
        dataset.attrs["ampere_per_square_metre_per_unit"] = 2 * E_CHARGE / HBAR


def _write_arrays(group: h5py.Group, arrays: Mapping[str, NDArray[Any]]) -> None:
    for name, array in arrays.items():
        dataset = group.create_dataset(name, data=array, track_times=False)
        dataset.attrs["sha256"] = _sha256(name, array)
        for axis, size in enumerate(array.shape):
            dataset.dims[axis].attach_scale(scale_of(group, f"n{size}", size))


def _sha256(name: str, values: NDArray[Any]) -> str:
    digest = hashlib.sha256(f"{name} {values.shape}".encode())
    digest.update(np.ascontiguousarray(values, dtype=values.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()


def _check_type(file: h5py.File, path: str | os.PathLike[str]) -> None:
    if _text(file.attrs.get("type", "")) == SWEEP_TYPE:
        raise ResultsFileError(
            f"{shown(path)} holds a sweep, not one run: xarray.open_dataset opens it; each of its points has a results "
            "file of its own."
        )
    if _text(file.attrs.get("type", "")) != TYPE:
        raise ResultsFileError(f"{shown(path)} is an HDF5 file but not one of mcpump's results files.")
    schema = int(file.attrs["schema_version"])
    if schema != SCHEMA:
        age = "a newer" if schema > SCHEMA else "an older"
        raise ResultsFileError(
            f"{shown(path)} was written by {age} mcpump (schema {schema}; this one, {__version__}, reads {SCHEMA})."
        )


def _result(file: h5py.File, path: str | os.PathLike[str]) -> Result:
    attributes = file.attrs
    coords: dict[str, Estimate | tuple[str, ...]] = {}
    estimates: dict[str, Estimate] = {}
    for name, dataset in _variables(file):
        if dataset.is_scale:
            coords[name] = _coordinate(name, dataset)
        elif not name.endswith(STDERR):
            estimates[name] = _estimate(file, name, dataset)
    regime = json.loads(attributes["regime"])
    return Result(
        name=_text(attributes["name"]),
        resolved=_text(attributes["resolved"]),
        coords=coords,
        estimates=estimates,
        regime={key: (float(value), unit, what) for key, (value, unit, what) in regime.items()},
        warnings=tuple(_text(attributes["warnings"]).split("\n")) if attributes["warnings"] else (),
        notes=tuple(_text(attributes["notes"]).split("\n")) if attributes["notes"] else (),
        walkers=int(attributes["walkers"]),
        blocks=int(attributes["blocks"]),
        seed=int(attributes["seed"]),
        flights=int(attributes["flights"]),
        status=_status(attributes),
        message=_text(attributes["message"]),
        checkpoint=_arrays(path, file["checkpoint"]),
        groundwork=_arrays(path, file["groundwork"]) if "groundwork" in file else {},
        provenance={key: _unpack(value) for key, value in file["provenance"].attrs.items()},
    )


def _status(attributes: h5py.AttributeManager) -> Status:
    """How a run ended; files of older versions say it in the first words of their message alone."""
    if "status" in attributes:
        return Status(_text(attributes["status"]))
    how = _text(attributes["message"]).partition(":")[0]
    return Status(how) if how in set(Status) else Status.PART


def _variables(group: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    """Datasets of a group, but for the scales of axes that have no coordinates."""
    for name, item in group.items():
        if isinstance(item, h5py.Dataset) and not _text(item.attrs.get("NAME", "")).startswith(_NO_VARIABLE):
            yield name, item


def _coordinate(name: str, dataset: h5py.Dataset) -> Estimate | tuple[str, ...]:
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return tuple(str(label) for label in dataset.asstr()[()])
    units, long_name = _text(dataset.attrs["units"]), _text(dataset.attrs["long_name"])
    return Estimate(dataset[()], None, (name,), units, long_name)


def _estimate(file: h5py.File, name: str, dataset: h5py.Dataset) -> Estimate:
    # dataset.dims would crash on a scale that another program has taken away
    axes = dataset.attrs["DIMENSION_LIST"] if dataset.ndim else ()
    dims = tuple(str(file[references[0]].name).rpartition("/")[2] for references in axes)
    stderr = np.asarray(file[name + STDERR][()]) if name + STDERR in file else None
    units, long_name, why = (
        _text(dataset.attrs.get(key, "")) for key in ("units", "long_name", "not_resolved")
    )
    return Estimate(np.asarray(dataset[()]), stderr, dims, units, long_name, why)


def _arrays(path: str | os.PathLike[str], group: h5py.Group) -> dict[str, NDArray[Any]]:
    """Arrays of a group whose checksums hold."""
    found = {name: np.asarray(dataset[()]) for name, dataset in _variables(group)}
    for name, values in found.items():
        if _text(group[name].attrs["sha256"]) != _sha256(name, values):
            where = f"{str(group.name).lstrip('/')}/{name}"
            raise ResultsFileError(f"{shown(path)} is damaged: the checksum of {where} is wrong.")
    return found


def _unreadable(data: bytes, path: str | os.PathLike[str]) -> str:
    if not data.startswith(_SIGNATURE):
        return f"{shown(path)} is not an HDF5 file, so not one of mcpump's results files."
    return f"{shown(path)} is a truncated or damaged HDF5 file."


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _pack(value: Any) -> Any:
    """Attribute that HDF5 and netCDF both take: text and numbers as they are, the rest as JSON."""
    if isinstance(value, (int, float, str)) and not isinstance(value, bool) and _is_text(value):
        return value
    return _JSON + json.dumps(value)


def _is_text(value: Any) -> bool:
    """Whether HDF5 takes it: names of files may hold bytes that are no text."""
    return not isinstance(value, str) or value == value.encode("utf-8", "replace").decode()


def _unpack(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_JSON):
        return json.loads(value[len(_JSON) :])
    return value.item() if isinstance(value, np.generic) else value
