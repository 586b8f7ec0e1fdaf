"""Unfinished files: the names that files have until they are whole, and those that killed runs have left behind."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import re
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

OLD = 86400.0
"""Seconds after which nobody is still at work on an unfinished file, whatever machine it came from."""
_NAME = re.compile(r"\.(.+)\.(?:([0-9a-f]{6})-([0-9a-f]{1,8})-)?[0-9a-f]{6,8}\.tmp", re.DOTALL)


def unfinished_name(target: Path) -> Path:
    """A hidden name beside a file, new every time, which tells the machine and the process that writes there."""
    return target.with_name(f".{target.name}.{_machine()}-{os.getpid():x}-{secrets.token_hex(3)}.tmp")


def remove_left_over(target: Path) -> None:
    """Remove what killed runs have left of a file; what a live process may be writing stays."""
    for path, owner, machine, process in _unfinished(target.parent):
        with contextlib.suppress(OSError):
            dead = machine == _machine() and not _is_alive(int(process, 16))
            if owner == target.name and (dead or time.time() - os.lstat(path).st_mtime > OLD):
                os.unlink(path)


def told(folder: Path) -> str:
    """What unfinished files take of a folder's disk, for the end of a sentence about its room; or nothing."""
    sizes = []
    with contextlib.suppress(OSError):
        for path, *_ in _unfinished(folder):
            with contextlib.suppress(OSError):
                sizes.append(os.lstat(path).st_size)
    if not sizes:
        return ""
    names = f"{folder}/.*.tmp"
    names = names if names.isprintable() else repr(names)
    return f" ({len(sizes)} unfinished files there, {names}, take {sum(sizes) / 1e9:.2g} GB)"


def _unfinished(folder: Path) -> Iterator[tuple[str, str, str, str]]:
    """Unfinished files of a folder: path, name of the whole file, machine and process."""
    with os.scandir(folder) as entries:
        for entry in entries:
            match = _NAME.fullmatch(entry.name)
            if match and entry.is_file(follow_symlinks=False):
                yield entry.path, match[1], match[2] or "", match[3] or "0"


@functools.cache
def _machine() -> str:
    """Name of this machine, or of the container: numbers of processes mean something within it alone."""
    space = ""
    with contextlib.suppress(OSError):
        space = os.readlink("/proc/self/ns/pid")
    return hashlib.sha256(f"{os.uname().nodename} {space}".encode()).hexdigest()[:6]


def _is_alive(process: int) -> bool:
    """Whether a process of this machine is there."""
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True
