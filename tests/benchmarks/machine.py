"""What was measured where: machine, versions, commit, date."""

from __future__ import annotations

import datetime
import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def processor() -> str:
    """Name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def vectors() -> str:
    """Widest vector instructions, and the kind of core as LLVM names it."""
    from llvmlite import binding

    features = binding.get_host_cpu_features()
    widest = next((name for name in ("avx512f", "avx2", "neon", "sse2") if features.get(name)), "no vectors")
    return f"{binding.get_host_cpu_name()}, {widest}"


def commit(folder: Path = ROOT) -> str:
    """Commit that a folder has checked out, and whether mcpump was changed there."""
    git = ["git", "-C", str(folder)]
    try:
        name = subprocess.run(
            [*git, "rev-parse", "--short=10", "HEAD"], capture_output=True, text=True, check=True
        )
        changes = subprocess.run(
            [*git, "status", "--porcelain", "--", "mcpump"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return "commit not known"
    return f"commit {name.stdout.strip()}{' with changes to mcpump/' if changes.stdout.strip() else ''}"


def load() -> float:
    """Processes that were running, on average over the last minute."""
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")


def described(load_before: float) -> str:
    """Say it all in some lines."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    versions = ", ".join(
        f"{name} {metadata.version(name)}" for name in ("mcpump", "numba", "llvmlite", "numpy")
    )
    busy = f"load before it began {load_before:.1f}"
    return (
        f"{datetime.date.today().isoformat()}, {commit()}. {cores} cores of {processor()} ({vectors()}), {busy}. "
        f"Python {platform.python_version()}, {versions}.\n"
    )
