"""What this process was given: cores, memory, and a place in a job."""

from __future__ import annotations

import contextlib
import os
import resource
from collections.abc import Iterator
from pathlib import Path

_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS")
_RANKS = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "SLURM_PROCID")


def memory_of_machine() -> int:
    """Bytes of memory that this process may have: the machine's, or less by its control groups or `ulimit -v`."""
    physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min(physical, *_limits_of_groups(), *_limits_of_process())


def _limits_of_process() -> Iterator[int]:
    """Limits of address space and data, as ulimit sets them."""
    for kind in (resource.RLIMIT_AS, resource.RLIMIT_DATA):
        limit = resource.getrlimit(kind)[0]
        if limit != resource.RLIM_INFINITY:
            yield limit


def _limits_of_groups(groups: str = "/proc/self/cgroup", root: str = "/sys/fs/cgroup") -> Iterator[int]:
    """Limits of the control groups of this process, and of those above them, as containers and Slurm set them."""
    try:
        lines = [line.split(":", 2) for line in Path(groups).read_text().splitlines()]
    except OSError:
        return  # no Linux
    for _, kinds, path in lines:
        if kinds not in ("", "memory") and "memory" not in kinds.split(","):
            continue
        base, name = (
            (Path(root), "memory.max") if not kinds else (Path(root, "memory"), "memory.limit_in_bytes")
        )
        inside = Path(path.lstrip("/"))
        for place in (inside, *inside.parents):
            with contextlib.suppress(OSError, ValueError):  # not there, or "max"
                yield int((base / place / name).read_text())


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def launcher_rank() -> int:
    """Rank that the launcher gave this process, 0 without one."""
    return first_number(_RANKS, 0)


def launcher_size() -> int:
    """Processes that the launcher started together, 1 without one."""
    return first_number(_SIZES, 1)


def first_number(names: tuple[str, ...], default: int) -> int:
    """First of some environment variables that is a number."""
    texts = (os.environ.get(name, "") for name in names)
    return next((int(text) for text in texts if text.isdigit()), default)


_LOCAL_RANKS = ("OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "PMIX_LOCAL_RANK", "SLURM_LOCALID")


def local_rank() -> int:
    """Rank among the processes that the launcher gave to this machine, 0 without one."""
    return first_number(_LOCAL_RANKS, 0)
