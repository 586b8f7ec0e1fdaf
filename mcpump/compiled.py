"""How kernels are compiled, and whether they have been compiled before."""

from __future__ import annotations

import dis
import functools
import sys
import types
from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba.core import cgutils, sigutils
from numba.core.ccallback import CFunc
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.extending import intrinsic
from numba.np.arrayobj import populate_array

from mcpump.kernel_cache import KernelCache

_interpreting = bool(numba.config.DISABLE_JIT)  # type: ignore[attr-defined]


class _LibraryOfPart(JITCodeLibrary):  # type: ignore[misc]
    """Code that callers take over whole: only there it is optimized and made into machine code, once instead of twice."""

    def _optimize_final_module(self) -> None:
        """Leave it to callers."""

    def _finalize_final_module(self) -> None:
        """As numba does, but for machine code."""
        self._finalize_dynamic_globals()
        self._verify_declare_only_symbols()
        self._finalized = True

    @property
    def codegen(self) -> _LibraryOfPart:
        """What numba asks next to note an environment at an address, which is not known."""
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """Do nothing: kernels raise nothing that needs an environment."""


class _CompilerOfPart(Compiler):  # type: ignore[misc]
    """Compiles into such a library."""

    def __init__(self, typingctx: Any, targetctx: Any, library: Any, *more: Any) -> None:
        super().__init__(typingctx, targetctx, _LibraryOfPart(targetctx.codegen(), "part"), *more)


_NO_ENTRIES: dict[str, Any] = {
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "pipeline_class": _CompilerOfPart,
}


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


def twins(module: types.ModuleType) -> types.SimpleNamespace:
    """Compile the plain functions of a module of scalar physics where they are used; interpreted, they are what they are.

    Plain functions are written once for every compiler. They have no entry for Python, which they do not need.
    """
    if _interpreting:
        return types.SimpleNamespace(**vars(module))
    return types.SimpleNamespace(**_twins_of(module.__name__))


@functools.cache
def _twins_of(name: str) -> dict[str, Any]:
    """Names of a module, its plain functions and those that it takes from such modules replaced by compiled ones."""
    module = sys.modules[name]
    names = dict(vars(module))
    for key, value in vars(module).items():
        if not isinstance(value, types.FunctionType):
            continue
        if value.__module__ == name:
            again = types.FunctionType(value.__code__, names, key, value.__defaults__)
            again.__module__ = name
            names[key] = _scalar(again)
        elif value.__module__.startswith("mcpump.walk."):
            names[key] = _twins_of(value.__module__)[key]
    return names


def _scalar(function: Callable[..., Any]) -> Any:
    """Compile a scalar function, swallowed whole by its callers, without an entry for Python or C."""
    return numba.njit(nogil=True, error_model="numpy", forceinline=True, **_NO_ENTRIES)(function)


def part(function: Callable[..., Any]) -> Any:
    """Compile a part of a kernel, swallowed whole by its callers. Python cannot call it: an entry would take seconds."""
    return function if _interpreting else _scalar(function)


def pasted(function: Callable[..., Any]) -> Any:
    """Paste a part into its caller before it is compiled: a large part is then made into machine code once, not twice."""
    if _interpreting:
        return function
    return numba.njit(nogil=True, error_model="numpy", inline="always", **_NO_ENTRIES)(function)


def called(function: Callable[..., Any]) -> Any:
    """Compile a part of a kernel that is called and not swallowed, for what is rare. Python cannot call it."""
    if _interpreting:
        return function
    return numba.njit(nogil=True, error_model="numpy", **_NO_ENTRIES)(function)


class Translation:
    """Functions made anew with others in the place of some that they call, for other sums or another machine."""

    def __init__(
        self, instead: dict[Any, Any], tag: str, compile_: Callable[[Any, Any], Any] | None = None
    ) -> None:
        """Name what stands in the place of what.

        instead: functions by those in whose place they stand; tag: ends the names under which kernels are kept.
        compile_: compiles all functions anew, given the old one and plain Python; without it those that are not changed
        stay, and others are compiled as the old ones were.
        """
        self.instead, self.tag, self.compile_ = instead, tag, compile_
        self._made: dict[Any, Any] = {}

    def __call__(self, function: Any) -> Any:
        """Translate a function and all that it calls."""
        if function in self.instead:
            function = self.instead[function]
        if function not in self._made:
            self._made[function] = self._translated(function)
        return self._made[function]

    def _translated(self, function: Any) -> Any:
        plain = getattr(function, "py_func", function)
        if not isinstance(plain, types.FunctionType) or not plain.__module__.startswith("mcpump."):
            return function
        names = plain.__globals__
        used = {step.argval for step in dis.get_instructions(plain) if step.opname == "LOAD_GLOBAL"}
        found = {name: names[name] for name in sorted(used) if callable(names.get(name))}
        changed = {name: new for name, old in found.items() if (new := self(old)) is not old}
        if not changed and (self.compile_ is None or plain is function):
            return function
        again = types.FunctionType(
            plain.__code__, names | changed, plain.__name__, plain.__defaults__, plain.__closure__
        )
        again.__module__, again.__qualname__ = plain.__module__, f"{plain.__qualname__}.{self.tag}"
        return self.compile_(function, again) if self.compile_ else _compiled_as(function, again)


def _compiled_as(function: Any, again: Callable[..., Any]) -> Any:
    """Compile plain Python as another function was."""
    if not hasattr(function, "targetoptions"):
        return again  # interpreted
    way = function._compiler.pipeline_class
    compiled = numba.jit(**function.targetoptions, pipeline_class=way)(again)
    return _kept(compiled, again) if isinstance(getattr(function, "_cache", None), KernelCache) else compiled


@intrinsic
def _bits_of(typingctx, number):  # type: ignore[no-untyped-def]
    """Bits of a float."""
    return numba.types.uint64(
        numba.types.float64
    ), lambda context, builder, signature, arguments: builder.bitcast(arguments[0], ir.IntType(64))


@intrinsic
def _float_of(typingctx, bits):  # type: ignore[no-untyped-def]
    """Float of these bits."""
    return numba.types.float64(
        numba.types.uint64
    ), lambda context, builder, signature, arguments: builder.bitcast(arguments[0], ir.DoubleType())


def _interpreted_bits_of(number: float) -> np.uint64:
    return np.float64(number).view(np.uint64)


def _interpreted_float_of(bits: np.uint64) -> float:
    return np.uint64(bits).view(np.float64)


bits_of: Any = _interpreted_bits_of if _interpreting else _bits_of
"""Bits of a float, as uint64."""
float_of: Any = _interpreted_float_of if _interpreting else _float_of
"""Float of these bits."""


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


@intrinsic
def _row_of(typingctx, array, number):  # type: ignore[no-untyped-def]
    """View of array[number] without an owner."""

    def view(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        whole = context.make_array(signature.args[0])(context, builder, arguments[0])
        row = context.make_array(signature.return_type)(context, builder)
        step, *strides = cgutils.unpack_tuple(builder, whole.strides)
        start = cgutils.pointer_add(builder, whole.data, builder.mul(step, arguments[1]))
        shape = cgutils.unpack_tuple(builder, whole.shape)[1:]
        populate_array(row, start, shape, strides, whole.itemsize, None)
        return row._getvalue()

    return numba.types.Array(array.dtype, array.ndim - 1, "C")(array, numba.types.intp), view


def _interpreted_row_of(array: Any, number: int) -> Any:
    """Interpreted, it is what it is."""
    return array[number]


row_of: Any = _interpreted_row_of if _interpreting else _row_of
"""array[number] as a view that has no owner, of an array in C order: a slice would count references of a borrowed one."""
