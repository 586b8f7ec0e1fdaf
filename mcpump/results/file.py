"""Results files: HDF5 that is valid netCDF-4, written whole or not at all.

Layout (an interface: `SCHEMA` counts its versions)::

    /                    attributes: type, schema_version, mcpump_version, name, resolved, seed, walkers,
                         blocks, flights, complete, message, warnings, notes (one a line), regime (JSON:
                         key → [value, unit, meaning]); si-only attribute of variables in J/m²:
                         ampere_per_square_metre_per_unit = 2e/ħ; those of CF (`results.conventions`)
    /<axis>              coordinate variables, numbers or strings; each is its axis's dimension scale
    /<axis>_bounds       both edges of each cell or time bin
    /<name>              estimates, with units and long_name
    /<name>_stderr       their standard errors; absent where the estimate is exact
    /checkpoint/<name>   exact integer sums, each with its sha256
    /groundwork/<name>   what was worked out before walkers began, each with its sha256; absent: nothing
    /VTKHDF              what stands on the mesh, for ParaView (`results.paraview`)
    /provenance          attributes: dates, wall time, machine, all that may differ between equal runs

Everything outside `/provenance` and the root attribute `history` depends on the result alone: no time stamps are kept.
Behind the HDF5 data, where every HDF5 reader stops, stands a seal: the sha256 of all bytes before it.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import logging
import os
import shutil
import stat
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import h5py
import numpy as np
from numpy.typing import NDArray

from mcpump import __version__
from mcpump.console import plain
from mcpump.constants import E_CHARGE, HBAR
from mcpump.deck.toml import parse
from mcpump.errors import InputError, ResultsFileError
from mcpump.results.conventions import (
    BOUNDS,
    describe_file,
    is_variable,
    scale_of,
    units_of,
    write_bounds,
    write_units,
)
from mcpump.results.paraview import write_mesh
from mcpump.results.safe import SIGNATURE, UnsafeError, bytes_of, check_contents, keep_rights, survives
from mcpump.results.unfinished import remove_left_over, told, unfinished_name
from mcpump.tally.estimates import Estimate, Result, Status

log = logging.getLogger("mcpump")
Read = TypeVar("Read")

TYPE = "mcpump results"
"""Root attribute `type` of every results file."""
SWEEP_TYPE = "mcpump sweep"
"""That of a file that collects a sweep."""
SCHEMA = 2
"""Version of the layout; a file with a newer one is refused."""
OLDEST = 1
"""That of the oldest files that are read."""
STDERR = "_stderr"
"""Ending of a standard error's variable name."""
HISTORY = "history"
"""What of a result's provenance is a root attribute, where CF wants it: a line for each walk."""

_SEAL = b"\nsha256 of all bytes before this line: "
_JSON = "json:"
LONGEST_NAME = 400
"""Characters of a file's name that a sentence tells."""
_NO_MEMORY = "there is too little memory for it"
_LARGEST_CHUNK = 2**30
"""Bytes; HDF5 takes no chunk of 4 GB or more."""


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
        keep_rights(temporary, target)
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
    return _short(name if name.isprintable() else repr(name))


def _short(name: str) -> str:
    """Beginning and end of a name that would fill a screen."""
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME // 2]}…{name[-LONGEST_NAME // 2 :]}"


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

    def parse(file: h5py.File) -> Result:
        _check_type(file, path)
        return _result(file, path)

    return read_by(path, parse, sealed)


def read_by(path: str | os.PathLike[str], parse: Callable[[h5py.File], Read], sealed: bool = False) -> Read:
    """Read a file by a function, after what it holds is known to be safe; `sealed`, raised errors: as `read`."""
    data, has_seal = _image_of(path, sealed)

    def parsed() -> Read:
        # from memory: no lock is taken, and a file replaced meanwhile does no harm
        with h5py.File(io.BytesIO(data), "r") as file:
            check_contents(file, len(data))
            return parse(file)

    if not has_seal:
        log.warning(
            f"warning: {shown(path)} has no checksum at its end: another program has edited it, or it is damaged, and "
            "its numbers may be others than those that were walked"
        )
        if not survives(parsed):
            raise ResultsFileError(
                f"{_unreadable(data, path)[:-1]}: HDF5 itself breaks down when it reads it."
            )
    try:
        return parsed()
    except UnsafeError as error:
        raise ResultsFileError(f"{shown(path)} {error}: no results file of mcpump's does.") from None
    except InputError as error:
        raise ResultsFileError(f"{shown(path)} cannot be used: {error}.") from None
    except ResultsFileError:
        raise
    except MemoryError:
        raise ResultsFileError(f"{shown(path)} cannot be read: {_NO_MEMORY}.") from None
    except Exception as error:  # damage, and what somebody has made, may end in any of them
        log.debug(f"{shown(path)}: {type(error).__name__}, {error}")
        raise ResultsFileError(_unreadable(data, path)) from error


def _image_of(path: str | os.PathLike[str], sealed: bool) -> tuple[bytes, bool]:
    """Bytes of a file, and whether it has a seal, which then holds."""
    try:
        data = bytes_of(path)
    except FileNotFoundError:
        raise ResultsFileError(f"{shown(path)} does not exist.") from None
    except (IsADirectoryError, ValueError, OSError) as error:
        raise ResultsFileError(
            f"{shown(path)} cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from None
    except MemoryError:
        raise ResultsFileError(f"{shown(path)} cannot be read: {_NO_MEMORY}.") from None
    if not data.startswith(SIGNATURE):
        raise ResultsFileError(_unreadable(data, path))
    end = data[-len(_seal(b"")) :]
    if end == _seal(data[: -len(end)]):
        return data, True
    # HDF5 cuts off what stands behind its data when it writes: traces of a seal are those of damage
    if any(word in data[-2 * len(end) :] for word in (_SEAL[:20], _SEAL[20:])):
        raise ResultsFileError(f"{shown(path)} is damaged: its checksum is wrong.")
    if sealed:
        raise ResultsFileError(
            f"{shown(path)} is truncated, or another program has edited it: it has no checksum at its end."
        )
    return data, False


def attributes_of(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Attributes of a file that `write_image` wrote and nobody has changed since; of others none."""
    try:
        data, _ = _image_of(path, sealed=True)
        with h5py.File(io.BytesIO(data), "r") as file:
            check_contents(file, len(data))
            return dict(file.attrs)
    except Exception:  # whatever it is, it is none of ours
        return {}


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


def lacks_seal(path: str | os.PathLike[str]) -> bool:
    """Whether something is an HDF5 file that `write` has not left so."""
    try:
        return not _image_of(path, sealed=False)[1]
    except ResultsFileError:
        return False


def _refuse_target(target: Path, path: str | os.PathLike[str], overwrite: bool) -> None:
    name = _short(repr(os.fspath(path)))  # a name may hold a line break
    try:
        if not target.parent.is_dir():
            raise ResultsFileError(
                f"{name} cannot be written: the folder {_short(repr(str(target.parent)))} does not exist."
            )
        if target.is_dir():
            raise ResultsFileError(f"{name} is a folder, not a results file.")
        if target.exists() and not target.is_file():
            raise ResultsFileError(f"{name} is a device or a pipe, not a results file: choose another name.")
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
        write_bounds(file)
        write_mesh(file, result)
        _write_arrays(file.create_group("checkpoint"), result.checkpoint)
        if result.groundwork:
            _write_arrays(file.create_group("groundwork"), result.groundwork)
        provenance = file.create_group("provenance")
        for key, value in result.provenance.items():
            if key != HISTORY:
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
    title = f"{result.name}: spin densities and spin currents, local and diffusive"
    describe_file(file, title, str(result.provenance.get(HISTORY, "")))


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
        elif len(twins) > 1:
            dataset.attrs["ancillary_variables"] = name + STDERR


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
    write_units(dataset, estimate.units)
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
            f"{shown(path)} holds a sweep, not one run: mcpump show --csv and xarray.open_dataset open it; each of its "
            "points has a results file of its own."
        )
    if _text(file.attrs.get("type", "")) != TYPE:
        raise ResultsFileError(f"{shown(path)} is an HDF5 file but not one of mcpump's results files.")
    schema = int(file.attrs["schema_version"])
    if not OLDEST <= schema <= SCHEMA:
        age = "a newer" if schema > SCHEMA else "an older"
        raise ResultsFileError(
            f"{shown(path)} was written by {age} mcpump (schema {schema}; this one, {__version__}, "
            f"reads {OLDEST} to {SCHEMA})."
        )


def _result(file: h5py.File, path: str | os.PathLike[str]) -> Result:
    attributes = file.attrs
    coords, estimates, _ = contents(file)
    regime = json.loads(attributes["regime"])
    return Result(
        name=plain(_text(attributes["name"])),
        resolved=_resolved(attributes),
        coords=coords,
        estimates=estimates,
        regime={
            plain(key): (float(value), plain(unit), plain(what))
            for key, (value, unit, what) in regime.items()
        },
        warnings=tuple(_text(attributes["warnings"]).split("\n")) if attributes["warnings"] else (),
        notes=tuple(_text(attributes["notes"]).split("\n")) if attributes["notes"] else (),
        walkers=int(attributes["walkers"]),
        blocks=int(attributes["blocks"]),
        seed=int(attributes["seed"]),
        flights=int(attributes["flights"]),
        status=_status(attributes),
        message=plain(_text(attributes["message"])),
        checkpoint=_arrays(path, file["checkpoint"]),
        groundwork=_arrays(path, file["groundwork"]) if "groundwork" in file else {},
        provenance={key: _unpack(value) for key, value in file["provenance"].attrs.items()}
        | ({HISTORY: _text(attributes[HISTORY])} if HISTORY in attributes else {}),
    )


def _resolved(attributes: h5py.AttributeManager) -> str:
    """Text of the deck, which can be read."""
    text = _text(attributes["resolved"])
    parse(text, "the deck in it")
    return text


def contents(
    file: h5py.File,
) -> tuple[dict[str, Estimate | tuple[str, ...]], dict[str, Estimate], dict[str, Any]]:
    """Coordinates, estimates and texts of a file, by name."""
    coords: dict[str, Estimate | tuple[str, ...]] = {}
    estimates: dict[str, Estimate] = {}
    words: dict[str, Any] = {}
    for name, dataset in _variables(file):
        if dataset.is_scale:
            coords[name] = _coordinate(name, dataset)
        elif h5py.check_string_dtype(dataset.dtype) is not None:
            words[name] = dims_of(file, dataset), dataset.asstr()[()]
        elif not name.endswith((STDERR, BOUNDS)):
            estimates[name] = _estimate(file, name, dataset)
    return coords, estimates, words


def dims_of(file: h5py.File, dataset: h5py.Dataset) -> tuple[str, ...]:
    """Names of a dataset's axes."""
    # dataset.dims would crash on a scale that another program has taken away
    axes = dataset.attrs["DIMENSION_LIST"] if dataset.ndim else ()
    return tuple(str(file[references[0]].name).rpartition("/")[2] for references in axes)


def _status(attributes: h5py.AttributeManager) -> Status:
    """How a run ended; files of older versions say it in the first words of their message alone."""
    if "status" in attributes:
        return Status(_text(attributes["status"]))
    how = _text(attributes["message"]).partition(":")[0]
    return Status(how) if how in set(Status) else Status.PART


def _variables(group: h5py.Group) -> Iterator[tuple[str, h5py.Dataset]]:
    """Datasets of a group, but for the scales of axes that have no coordinates."""
    for name, item in group.items():
        if is_variable(item):
            yield name, item


def _coordinate(name: str, dataset: h5py.Dataset) -> Estimate | tuple[str, ...]:
    if h5py.check_string_dtype(dataset.dtype) is not None:
        return tuple(plain(str(label)) for label in dataset.asstr()[()])
    return Estimate(dataset[()], None, (name,), units_of(dataset), _text(dataset.attrs["long_name"]))


def _estimate(file: h5py.File, name: str, dataset: h5py.Dataset) -> Estimate:
    dims = dims_of(file, dataset)
    stderr = np.asarray(file[name + STDERR][()]) if name + STDERR in file else None
    long_name, why = (_text(dataset.attrs.get(key, "")) for key in ("long_name", "not_resolved"))
    return Estimate(np.asarray(dataset[()]), stderr, dims, units_of(dataset), long_name, why)


def _arrays(path: str | os.PathLike[str], group: h5py.Group) -> dict[str, NDArray[Any]]:
    """Arrays of a group whose checksums hold."""
    found = {name: np.asarray(dataset[()]) for name, dataset in _variables(group)}
    for name, values in found.items():
        if _text(group[name].attrs["sha256"]) != _sha256(name, values):
            where = f"{str(group.name).lstrip('/')}/{name}"
            raise ResultsFileError(f"{shown(path)} is damaged: the checksum of {where} is wrong.")
    return found


def _unreadable(data: bytes, path: str | os.PathLike[str]) -> str:
    if not data.startswith(SIGNATURE):
        return f"{shown(path)} is not an HDF5 file, so not one of mcpump's results files."
    return f"{shown(path)} is a truncated or damaged HDF5 file."


def _text(value: Any) -> str:
    """Text that does nothing to a terminal."""
    return plain(value.decode() if isinstance(value, bytes) else str(value), "\n\t")


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
