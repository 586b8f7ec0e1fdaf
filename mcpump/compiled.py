"""How kernels are compiled, and whether they have been compiled before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
from numba.core import cgutils, sigutils
from numba.core.ccallback import CFunc
from numba.extending import intrinsic

from mcpump.kernel_cache import KernelCache

_interpreting = bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]
_NO_ENTRIES: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def kernel(function: Callable[..., Any]) -> Any:
    """Compile strictly (no fast math, no bounds checks), without the interpreter lock, kept on disk."""
    return _kept(numba.njit(nogil=True, error_model="numpy")(function), function)


def inlined(function: Callable[..., Any]) -> Any:
    """Compile as `kernel`, swallowed whole by its callers.

    A call left in a lane loop keeps it from being vectorized, and arrays handed to a call cost atomic
    reference counts, which took half of the walk's time.
    """
    return _kept(numba.njit(nogil=True, error_model="numpy", forceinline=True)(function), function)


def _kept(compiled: Any, function: Callable[..., Any]) -> Any:
    """Give what numba made of a function a place on disk; interpreted, a function is what it is."""
    if compiled is not function:
        compiled._cache = KernelCache(function)
    return compiled


def callback(signature: Any, function: Callable[..., Any]) -> Any:
    """Compile at once to a C callback, kept on disk."""
    compiled = _kept(
        CFunc(function, sigutils.normalize_signature(signature), locals={}, options={}), function
    )
    compiled.compile()
    return compiled


def is_compiled(compiled: Any) -> bool:
    """Whether a kernel is there, in memory or on disk (interpreted, it always is)."""
    cache = getattr(compiled, "_cache", None)
    return cache is None or bool(compiled.signatures) or cache.is_kept()


def _scalar(function: Callable[..., Any]) -> Any:
    """Compile a scalar function, swallowed whole by its callers, without an entry for Python or C."""
    return numba.njit(nogil=True, error_model="numpy", forceinline=True, **_NO_ENTRIES)(function)


def part(function: Callable[..., Any]) -> Any:
    """Compile a part of a kernel, swallowed whole by its callers. Python cannot call it: an entry would take seconds."""
    return function if _interpreting else _scalar(function)


def called(function: Callable[..., Any]) -> Any:
    """Compile a part of a kernel that is called and not swallowed, for what is rare. Python cannot call it."""
    if _interpreting:
        return function
    return numba.njit(nogil=True, error_model="numpy", **_NO_ENTRIES)(function)


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


borrowed: Any = _interpreted if _interpreting else _borrowed
"""View of an array that has no owner, so that handing it on counts no references.

Atomic counts took a third of the general walk's time. Whoever borrows must use the owner once more afterwards, or its
memory may be freed early.
"""
