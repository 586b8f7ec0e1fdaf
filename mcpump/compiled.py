"""Where numba keeps compiled kernels: one folder per version of the sources and kind of CPU.

numba's cache does not notice a changed function in another file, and code compiled for one CPU must
not run on another; a folder named by a hash of every source file, of the versions and of the CPU cures
both. This module has to be imported before anything is compiled.
"""

from __future__ import annotations

import hashlib
import os
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy
from llvmlite import binding
from numba.core import cgutils
from numba.extending import intrinsic


def cache_folder() -> Path:
    """Return the folder of this version's compiled kernels (not created)."""
    root = os.environ.get("MCPUMP_CACHE_DIR") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache"), "mcpump"
    )
    return Path(root) / _fingerprint()


def _fingerprint() -> str:
    """Hash of all sources, the versions and the CPU's name and features."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.name.encode() + source.read_bytes())
    features = binding.get_host_cpu_features().flatten()
    versions = f"{numba.__version__} {llvmlite.__version__} {numpy.__version__} {platform.python_version()}"
    digest.update(f"{versions} {binding.get_host_cpu_name()} {features}".encode())
    return digest.hexdigest()[:16]


if "NUMBA_CACHE_DIR" not in os.environ:
    numba.config.CACHE_DIR = str(cache_folder())  # type: ignore[attr-defined]


def kernel(function: Callable[..., Any]) -> Any:
    """Compile strictly (no fast math, no bounds checks), without the interpreter lock, cached on disk."""
    return numba.njit(nogil=True, cache=True, error_model="numpy")(function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile as `kernel`, swallowed whole by its callers.

    A call left in a lane loop keeps it from being vectorized, and arrays handed to a call cost atomic
    reference counts, which took half of the walk's time.
    """
    return numba.njit(nogil=True, cache=True, error_model="numpy", forceinline=True)(function)


@intrinsic
def _borrowed(typingctx, array):  # type: ignore[no-untyped-def]
    """View of an array without an owner."""

    def view(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        copy = context.make_array(signature.args[0])(context, builder, arguments[0])
        copy.meminfo = cgutils.get_null_value(copy.meminfo.type)
        return copy._getvalue()

    return array(array), view


def _interpreted(array: Any) -> Any:
    """Interpreted, an array is what it is."""
    return array


borrowed: Any = _interpreted if numba.config.DISABLE_JIT else _borrowed  # type: ignore[attr-defined]
"""View of an array that has no owner, so that handing it on counts no references.

Atomic counts took a third of the general walk's time. Whoever borrows must use the owner once more afterwards, or its
memory may be freed early.
"""
