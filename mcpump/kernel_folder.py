"""The folder of the compiled kernels: one per version of the sources and kind of CPU, safe to be read.

What is kept there is pickled, and so runs as the user who reads it: a folder that somebody else can change, or can put
another one in the place of, is not used.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import logging
import os
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import llvmlite
import numba
import numpy
from llvmlite import binding

from mcpump.machine import launcher_rank

SETTINGS = ("OPT", "LOOP_VECTORIZE", "SLP_VECTORIZE", "ENABLE_AVX", "BOUNDSCHECK", "DEBUGINFO_DEFAULT")
"""Settings of numba that change the code it makes."""
DIGEST = 32
"""Bytes of the checksum before what is kept."""
LINKS = 1000
"""Steps of a path after which it is taken for one that runs in a circle."""
ABOVE = {"__main__.py", "api.py", "cli", "figures", "loaded.py", "report", "results", "simulate"}
"""What stands above the kernels: imports go down only, so that no kernel can depend on it."""


def _sources() -> list[Path]:
    """All sources that a kernel can depend on, those in folders below too."""
    package = Path(__file__).parent
    return sorted(
        source for source in package.rglob("*.py") if source.relative_to(package).parts[0] not in ABOVE
    )


def _ages() -> list[tuple[int, int]]:
    """When each source was changed, and its size: looked at often, where the hash would take too long."""
    return [(status.st_mtime_ns, status.st_size) for status in map(os.stat, _sources())]


def fingerprint_of_sources() -> str:
    """Hash of the sources, which decide the numbers of a run."""
    digest = hashlib.sha256()
    for source in _sources():
        text = source.read_bytes()
        name = source.relative_to(Path(__file__).parent).as_posix()
        digest.update(f"{name} {len(text)} ".encode() + text)
    return digest.hexdigest()


def fingerprint() -> str:
    """Hash of the sources, the versions, numba's settings and the CPU's name and features."""
    versions = f"{numba.__version__} {llvmlite.__version__} {numpy.__version__} {sys.version}"
    settings = [getattr(numba.config, name, None) for name in SETTINGS]
    cpu = f"{binding.get_host_cpu_name()} {binding.get_host_cpu_features().flatten()}"
    everything = f"{fingerprint_of_sources()} {versions} {settings} {cpu}"
    return hashlib.sha256(everything.encode()).hexdigest()[:16]


AGES, SOURCES, IMPORTED = _ages(), fingerprint_of_sources(), fingerprint()
"""Of the sources that this process runs: the files may change under a notebook."""


def kernel_folder() -> Path | None:
    """Return the folder of this version's kernels, made if need be; None, and a warning, where none can be used."""
    variables = os.environ.get
    root = variables("MCPUMP_CACHE_DIR") or variables("NUMBA_CACHE_DIR")
    if not root:
        user = variables("XDG_CACHE_HOME", "")
        root = os.path.join(user if os.path.isabs(user) else "~/.cache", "mcpump")
    return _usable(os.path.expanduser(root))


def can_keep() -> bool:
    """Whether what is compiled now will be there at the next start."""
    folder = kernel_folder()
    return folder is not None and os.access(folder, os.W_OK)


@functools.cache
def _usable(root: str) -> Path | None:
    """Make the folder of this version in a folder, and see that nobody else can change it."""
    folder = Path(root, IMPORTED)
    try:
        folder = folder.absolute()
        trouble = _refusal(root) or _danger(folder)
        if not trouble:
            missing = [place for place in (folder, *folder.parents) if not os.path.isdir(place)]
            for place in reversed(missing):
                place.mkdir(mode=0o700, exist_ok=True)
            trouble = _danger(folder)  # somebody else may have been faster
    except OSError as error:
        trouble = f"{folder} cannot be used ({error.strerror})"
    if trouble:
        _tell_in_memory(trouble)
    return None if trouble else folder


def _refusal(root: str) -> str:
    """Why no folder at all can hold the kernels, or nothing."""
    if root.startswith("~"):
        return "no home folder is known"
    if not Path(__file__).with_suffix(".py").is_file():
        return "mcpump's sources, by which the folder of the kernels is named, are not there"
    return "" if _ages() == AGES else "mcpump's sources have changed since it was imported"


def _danger(folder: Path) -> str:
    """Who but the user and root can change what lies in a folder, or put another in its place; or nothing."""
    if os.name != "posix":
        return ""
    real = Path(os.path.realpath(folder))
    for place in _way(folder):
        status = os.lstat(place)
        if not _own(status) and (place == real or status.st_uid != _uid_of_root()):
            return f"{place} belongs to another user (number {status.st_uid})"
        # who may write into a sticky folder may not move what others have there
        sticky = stat.S_ISDIR(status.st_mode) and status.st_mode & stat.S_ISVTX and place != real
        if not stat.S_ISLNK(status.st_mode) and _others_write(status) and not sticky:
            return f"other users can write into {place} (mode {stat.S_IMODE(status.st_mode):o})"
    return ""


def _way(folder: Path) -> Iterator[Path]:
    """Folders and links that are passed on the way to a folder, as far as they are there."""
    at, names = Path(folder.anchor), [*reversed(folder.parts[1:])]
    yield at
    for _ in range(LINKS):
        name = names.pop() if names else ""
        place = at.parent if name == ".." else at / name
        if not name or not os.path.lexists(place):
            return
        yield place
        if place.is_symlink():
            target = Path(os.readlink(place))
            at = Path(target.anchor) if target.is_absolute() else at
            names += reversed(target.parts[1:] if target.is_absolute() else target.parts)
        else:
            at = place


@functools.cache
def _uid_of_root() -> int:
    """Owner that root's folders seem to have: nobody, in a container that knows no root."""
    with contextlib.suppress(OSError):  # Linux alone has such containers
        ranges = [line.split() for line in Path("/proc/self/uid_map").read_text().splitlines()]
        if all(int(first) > 0 for first, *_ in ranges):
            return int(Path("/proc/sys/kernel/overflowuid").read_text())
    return 0


def _own(status: os.stat_result) -> bool:
    """Whether something belongs to the user or to root, who can change everything anyhow."""
    return status.st_uid in (0, os.geteuid())


def _foreign(status: os.stat_result) -> bool:
    """Whether somebody else can change a file."""
    return os.name == "posix" and not (_own(status) and not _others_write(status))


def _others_write(status: os.stat_result) -> bool:
    """Whether others than the owner and root may write; a group that has the user alone is no other."""
    if status.st_mode & stat.S_IWOTH or not status.st_mode & stat.S_IWGRP:
        return bool(status.st_mode & stat.S_IWOTH)
    import grp
    import pwd

    try:
        user, group = pwd.getpwuid(os.geteuid()), grp.getgrgid(status.st_gid)
    except KeyError:
        return True
    own = group.gr_gid == user.pw_gid and group.gr_name == user.pw_name
    return not own or not set(group.gr_mem) <= {user.pw_name}


def read_kept(file: Path) -> bytes | None:
    """Content of a file of the folder; None where it is not there and, with a warning, where it cannot be trusted."""
    try:
        with open(file, "rb") as opened:
            status, text = os.fstat(opened.fileno()), opened.read()
    except FileNotFoundError:
        return None
    except OSError as error:
        trouble = f"cannot be read ({error.strerror})"
    else:
        if hashlib.sha256(text[DIGEST:]).digest() == text[:DIGEST] and not _foreign(status):
            return text[DIGEST:]
        trouble = "can be changed by other users" if _foreign(status) else "is damaged"
    _tell(f"a compiled kernel in {file.parent} {trouble}: it is compiled anew")
    return None


def write_kept(file: Path, content: bytes) -> None:
    """Put a file into the folder, whole or not at all; a warning where it cannot be written."""
    try:
        if _ages() != AGES:
            return
        number, unfinished = tempfile.mkstemp(dir=file.parent)
        try:
            with open(number, "wb") as opened:
                opened.write(hashlib.sha256(content).digest() + content)
            os.replace(unfinished, file)
        except BaseException:
            os.unlink(unfinished)
            raise
    except OSError as error:
        _tell_in_memory(f"{file.parent} cannot be written ({error.strerror})")


def _tell_in_memory(trouble: str) -> None:
    """Warn that the next start will compile again."""
    _tell(
        f"{trouble}: the kernels are compiled in memory, which takes up to a minute at every start; MCPUMP_CACHE_DIR "
        "names a folder that you alone can write"
    )


@functools.cache
def _tell(sentence: str) -> None:
    """Warn once, in one process of a job."""
    if launcher_rank() == 0:
        logging.getLogger("mcpump").warning(f"warning: {sentence}")
