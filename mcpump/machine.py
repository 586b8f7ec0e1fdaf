"""What this process was given: cores, memory, and a place in a job."""

from __future__ import annotations

import os

_SIZES = ("OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS")
_RANKS = ("OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", "SLURM_PROCID")


def memory_of_machine() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


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
