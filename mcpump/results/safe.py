"""Whether a file that somebody else may have made is safe to open: looked at before any of its contents are read.

mcpump writes numbers as they are, without compression, so that what a file holds is never more than its bytes. Whatever
HDF5 can do beyond that, other files as storage, links, virtual datasets, filters, one text for many places, is refused.
"""

from __future__ import annotations

import contextlib
import faulthandler
import math
import os
import resource
import signal
import stat
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
from h5py import h5a, h5d, h5o, h5t

from mcpump.errors import opened
from mcpump.machine import memory_of_machine
from mcpump.results.conventions import is_variable

SIGNATURE = b"\x89HDF\r\n\x1a\n"
"""First bytes of an HDF5 file."""
GROUPS = ("checkpoint", "groundwork", "provenance")
"""Groups that are read, beside the root."""
FILTERS = (h5py.h5z.FILTER_FLETCHER32, h5py.h5z.FILTER_SHUFFLE)
"""Filters that make nothing larger."""
OF_SCALES = (b"DIMENSION_LIST", b"REFERENCE_LIST")
"""Attributes that hold references between axes and variables."""
PLAIN = (h5t.INTEGER, h5t.FLOAT, h5t.STRING)
LONGEST = 60
"""Seconds that a file without a seal may take to be read."""
LEAST_OF_TEXT = 16
"""Bytes that a text takes in a file at least: its place on the heap."""
_MOST_AXES = 32


class UnsafeError(ValueError):
    """What a file holds that no file of mcpump's does, in words that follow its name."""


def bytes_of(path: str | os.PathLike[str]) -> bytes:
    """Read a file whole, if it is a file, begins as HDF5 does, and fits into memory.

    Raises
    ------
    OSError, ValueError
        If it is a pipe, a device, or too large.
    """
    with opened(path) as stream:
        head: bytes = stream.read(len(SIGNATURE))
        if head != SIGNATURE:
            return head
        size, most = os.fstat(stream.fileno()).st_size, memory_of_machine() // 3
        if size > most:
            raise ValueError(f"it has {size / 1e9:.3g} GB, more than a third of this machine's memory")
        rest: bytes = stream.read()
        return head + rest


def check_contents(file: h5py.File, size: int) -> None:
    """Refuse a file that holds more than its own bytes, before any dataset is read.

    Parameters
    ----------
    file : h5py.File
        Opened, from memory.
    size : int
        Bytes of the file.

    Raises
    ------
    UnsafeError
        Saying what it holds.
    """
    held = 0
    for group in _groups(file):
        for more in _bytes_in(group):
            held += more
            if held > size:
                raise UnsafeError(f"claims more data than its {size} bytes can hold")


def _bytes_in(group: h5py.Group) -> Iterator[int]:
    """Bytes in memory of a group's attributes, datasets, and attributes of these, piece by piece."""
    yield from _attributes(group)
    for name in group:
        yield from _bytes_of_item(group, name)


def _groups(file: h5py.File) -> Iterator[h5py.Group]:
    """Groups that are read."""
    yield file
    for name in GROUPS:
        if name in file and _is_held(file, name) and _kind(file, name) == h5o.TYPE_GROUP:
            yield file[name]


def _is_held(group: h5py.Group, name: str) -> bool:
    """Whether a name means something in the file itself; other links are refused."""
    if group.id.links.get_info(name.encode()).type != h5py.h5l.TYPE_HARD:
        raise UnsafeError(f"holds a link to elsewhere, {name!r}")
    return True


def _kind(group: h5py.Group, name: str) -> int:
    """Dataset, group or type."""
    kind: int = h5o.get_info(group.id, name.encode()).type
    return kind


def _bytes_of_item(group: h5py.Group, name: str) -> Iterator[int]:
    """Bytes that a dataset and its attributes take in memory, piece by piece; nothing of what is not read."""
    _is_held(group, name)
    if _kind(group, name) != h5o.TYPE_DATASET:
        return
    dataset = h5d.open(group.id, name.encode())
    plan = dataset.get_create_plist()
    if plan.get_external_count():
        raise UnsafeError(f"keeps the data of {name!r} in other files")
    if plan.get_layout() == h5d.VIRTUAL:
        raise UnsafeError(f"takes {name!r} from other datasets")
    if any(plan.get_filter(i)[0] not in FILTERS for i in range(plan.get_nfilters())):
        raise UnsafeError(f"holds {name!r} compressed, which mcpump never does (h5repack -f NONE undoes it)")
    kind = dataset.get_type()
    if kind.get_class() not in PLAIN:
        raise UnsafeError(f"holds {name!r} of a type that mcpump does not write")
    yield from _attributes(h5py.Dataset(dataset))
    if not is_variable(group[name]):
        return  # scale of an axis without coordinates: a length, whose data are never read
    count = math.prod(dataset.shape)
    if plan.get_layout() == h5d.CHUNKED:
        count = max(count, math.prod(plan.get_chunk()))
    # a text of one letter is an object, too
    yield count * max(kind.get_size(), LEAST_OF_TEXT if kind.get_class() == h5t.STRING else 1)
    if isinstance(kind, h5t.TypeStringID) and kind.is_variable_str():
        for place in np.ndindex(dataset.shape):  # one by one: many may be one text in the file
            yield len(h5py.Dataset(dataset)[place])


def _attributes(item: h5py.Group | h5py.Dataset) -> Iterator[int]:
    """Bytes of each attribute."""
    for i in range(h5a.get_num_attrs(item.id)):
        attribute = h5a.open(item.id, index=i)
        kind, count = attribute.get_type(), math.prod(attribute.shape)
        if attribute.name in OF_SCALES:
            if attribute.name == b"DIMENSION_LIST" and count > _MOST_AXES:
                raise UnsafeError(f"has {count} axes of {item.name!r}")
        elif kind.get_class() not in PLAIN:
            raise UnsafeError(f"has an attribute of {item.name!r} of a type that mcpump does not write")
        elif isinstance(kind, h5t.TypeStringID) and kind.is_variable_str():
            if count > 1:
                raise UnsafeError(f"has an attribute of {item.name!r} with {count} texts")
            yield len(item.attrs[attribute.name.decode("utf-8", "surrogateescape")]) if count else 0
        else:
            yield count * kind.get_size()


def survives(act: Callable[[], object]) -> bool:
    """Try something in a child process: whether it comes to an end, well or with an error, instead of crashing.

    HDF5's own reader may crash on damaged structures, or run in a circle.
    """
    with warnings.catch_warnings(action="ignore"):  # of Python, that other threads are not there in the child
        try:
            child = os.fork()
        except (OSError, AttributeError):
            return True
    if child == 0:
        with contextlib.suppress(BaseException):
            faulthandler.disable()
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, LONGEST)
            resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
            act()
        os._exit(0)
    try:
        return os.WIFEXITED(os.waitpid(child, 0)[1])
    except BaseException:  # a signal that ends the command
        os.kill(child, signal.SIGKILL)
        raise


def keep_rights(file: Path, place: Path) -> None:
    """Give a new file the mode, and where that is permitted the owner, of the one whose place it takes."""
    with contextlib.suppress(OSError):
        old = os.stat(place)
        if not stat.S_ISREG(old.st_mode):
            return
        os.chmod(file, stat.S_IMODE(old.st_mode) & 0o777)
        with contextlib.suppress(OSError):
            os.chown(file, -1, old.st_gid)
        os.chown(file, old.st_uid, -1)
