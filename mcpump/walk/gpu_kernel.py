"""The kernel of a GPU; all that knows the machine: how it is compiled, the bits of floats, and the addition to a sum.

The rest is what lanes are made of, translated. Products and sums are not contracted, and functions of the mathematical
library not called, so that a walker has the same bits as on a CPU. With NUMBA_ENABLE_CUDASIM=1 plain Python walks it.
Loaded where a GPU is asked for alone: it needs numba-cuda.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import cuda

from mcpump.compiled import Translation, bits_of, borrowed, float_of, row_of
from mcpump.walk import scores
from mcpump.walk.fixed import FULL, SERIES, whole
from mcpump.walk.history import history
from mcpump.walk.state import ROWS, Spins, Walkers

SIMULATED = bool(numba.config.ENABLE_CUDASIM)  # type: ignore[attr-defined]
_LAUNCHING = threading.Lock()
whole_there: Any = getattr(whole, "py_func", whole)

if SIMULATED:

    def _as_it_is(function: Any) -> Any:
        """Simulated, a function is what it is."""
        return function

    def bits_there(number):  # type: ignore[no-untyped-def]
        """Bits of a float."""
        return np.float64(number).view(np.uint64)

    def float_there(bits):  # type: ignore[no-untyped-def]
        """Float of these bits."""
        return np.uint64(bits).view(np.float64)

    device: Any = _as_it_is
else:  # pragma: no cover
    from numba.cuda import types
    from numba.cuda.extending import intrinsic

    @intrinsic
    def bits_there(typingctx, number):  # type: ignore[no-untyped-def]
        """Bits of a float."""
        return types.uint64(types.float64), lambda c, b, s, a: b.bitcast(a[0], ir.IntType(64))

    @intrinsic
    def float_there(typingctx, bits):  # type: ignore[no-untyped-def]
        """Float of these bits."""
        return types.float64(types.uint64), lambda c, b, s, a: b.bitcast(a[0], ir.DoubleType())

    device = cuda.jit(device=True)
    whole_there = device(whole_there)


@device
def add_there(tally, place, at, value):
    """Add a number to a sum in fixed point, whoever else adds to it; the last column notes what is too large."""
    number, good = whole_there(value)
    total = cuda.atomic.add(tally, (place, at), number) + number
    if not good or abs(total) >= FULL:
        tally[0, tally.shape[1] - 1] = 1


@device
def same(array):
    """Array as it is: none has an owner there."""
    return array


@device
def row_there(array, number):
    """array[number]."""
    return array[number]


INSTEAD: dict[Any, Any] = {
    scores.add: add_there, bits_of: bits_there, float_of: float_there, borrowed: same, row_of: row_there, **SERIES
}  # fmt: skip
follow_there: Any = Translation(INSTEAD, "cuda", lambda _, plain: device(plain))(history)


@contextmanager
def strictly() -> Iterator[None]:
    """Compile without making one operation of a product and a sum, for which numba has no option, but NVVM has.

    One thread at a time launches: the first compiles, and the simulator takes one launch alone.
    """
    with _LAUNCHING:
        if SIMULATED:
            yield
            return
        from numba.cuda.cudadrv import nvvm

        usual = nvvm.compile_ir
        nvvm.compile_ir = functools.partial(usual, fma=0)
        try:
            yield
        finally:
            nvvm.compile_ir = usual


@functools.cache
def python_kernel(numbers: int) -> Any:
    """Kernel, not compiled, for walkers with so many numbers in a row: a thread walks one.

    jobs: (block, first, last), walkers first … last − 1 of a block.
    nothing: an array (1, 0), the row of walkers that have none.
    """
    width = max(numbers, 1)

    def walk_histories(scene, course, nothing, kinds, table, tallies, key, jobs, flights):  # type: ignore[no-untyped-def]
        lanes = cuda.local.array((ROWS, 1), np.float64)
        words = cuda.local.array((5, 1), np.uint64)
        notes = cuda.local.array((5, 1), np.int64)
        rows = cuda.local.array((1, width), np.float64) if numbers > 0 else nothing
        for i in range(ROWS):
            lanes[i, 0] = 0.0
        walker, spin = Walkers(lanes, words, notes), Spins(rows, kinds, table, None, None, None)
        block, first, last = jobs
        born = first + cuda.grid(1)
        if born < last:
            flights[born] = follow_there(scene, course, walker, spin, tallies, key, block, born)

    return walk_histories


@functools.cache
def kernel_of(numbers: int) -> Any:
    """`python_kernel`, compiled when it is first launched."""
    return cuda.jit(python_kernel(numbers))
