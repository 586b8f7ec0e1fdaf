"""A block of walkers on a GPU: a thread for each walker, from birth to death (`mcpump.walk.history`).

What is compiled for it is `mcpump.walk.gpu_kernel`, which is loaded where a GPU is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import InputError
from mcpump.machine import local_rank
from mcpump.walk.arithmetic import key
from mcpump.walk.fixed import FixedPlan, fixed_tallies
from mcpump.walk.lane_block import kinds_of
from mcpump.walk.layout import GOES_ON, BlockSums, Halt, HaltedError, refuse
from mcpump.walk.state import Course, Tallies

THREADS = 128
"""Threads of a block of the grid."""
PORTION = 2**18
"""Walkers of a launch: more than a GPU has threads, few enough that a run that is to stop need not wait."""
OUT_OF_MACHINE = 'run.device = "cuda" (--device cuda) needs {}: {}; "cpu" walks the same walkers'


def cuda() -> Any:
    """CUDA target of numba.

    Raises
    ------
    InputError
        Where it is not installed, or finds no driver or no GPU.
    """
    try:
        found = importlib.import_module("numba.cuda")
        importlib.import_module("numba_cuda")
    except ImportError:
        raise InputError(
            OUT_OF_MACHINE.format("numba-cuda", "pip install 'mcpump[cuda]' brings it")
        ) from None
    if not found.is_available():
        reason = " ".join(str(found.cuda_error() or "no GPU is seen").split()).rstrip(".")
        raise InputError(OUT_OF_MACHINE.format("an NVIDIA GPU and its driver", reason))
    return found


def device_number() -> int:
    """Number of the GPU of this process: each process of a node has its own.

    Raises
    ------
    InputError
        Where there is none for it.
    """
    count, rank = len(cuda().gpus), local_rank()
    if rank >= count:
        raise InputError(
            OUT_OF_MACHINE.format(
                "a GPU for each process of a node", f"this one has {count}, and process {rank + 1} none"
            )
        )
    return rank


def simulated() -> bool:
    """Whether numba simulates a GPU (NUMBA_ENABLE_CUDASIM=1)."""
    return bool(importlib.import_module("numba").config.ENABLE_CUDASIM)


class GpuPlan(NamedTuple):
    """A plan on a GPU."""

    fixed: FixedPlan
    number: int
    """Of the GPU."""
    course: Course
    nothing: Any
    kinds: Any
    table: Any

    def walk(self, block: int, halt: Halt = GOES_ON) -> BlockSums:
        """Walk block number `block`, with the bits of `FixedPlan.walk`."""
        tallies, flights = self.tallied(block, halt=halt)
        if flights.min() < 0:
            walker, plan = int(np.argmin(flights >= 0)), self.fixed.plan
            refuse(-int(flights[walker]), block * plan.numbers.walkers + walker, plan.scene)
        return self.fixed.sums(tallies, int(flights.sum()))

    def tallied(
        self,
        block: int,
        first: int = 0,
        last: int | None = None,
        threads: int = THREADS,
        halt: Halt = GOES_ON,
    ) -> tuple[Tallies, NDArray[np.int64]]:
        """Walk walkers first … last − 1 of a block: tallies, and the flights of each, or −what went wrong.

        threads: of a block of the grid.
        """
        kernels, plan, numba_cuda = importlib.import_module("mcpump.walk.gpu_kernel"), self.fixed.plan, cuda()
        last = plan.numbers.walkers if last is None else last
        numba_cuda.select_device(self.number)
        stream = numba_cuda.stream()  # blocks of other threads go beside
        there = partial(_there(numba_cuda), stream=stream)
        tallies: Any = Tallies(*map(there, fixed_tallies(plan)))
        flights: Any = there(np.zeros(plan.numbers.walkers, np.int64))
        kernel, words = kernels.kernel_of(plan.columns.row), key(plan.scene.seed)
        for start in range(first, last, PORTION):
            if halt[0] != 0:
                raise HaltedError
            end = min(start + PORTION, last)
            with kernels.strictly():
                kernel[-(-(end - start) // threads), threads, stream](
                    plan.numbers,
                    self.course,
                    self.nothing,
                    self.kinds,
                    self.table,
                    tallies,
                    words,
                    (block, start, end),
                    flights,
                )
            stream.synchronize()
        if not simulated():
            tallies, flights = Tallies(*(one.copy_to_host() for one in tallies)), flights.copy_to_host()
        return tallies, flights


class WalkOnGpu:
    """A walk on the GPU of this process, which is looked for when the first block is walked: sums need none."""

    def __init__(self, fixed: FixedPlan) -> None:
        self.fixed, self.lock = fixed, Lock()
        self.plan: GpuPlan | None = None

    def walk(self, block: int, halt: Halt = GOES_ON) -> BlockSums:
        """Walk block number `block`."""
        with self.lock:
            self.plan = self.plan or on_gpu(self.fixed)
        return self.plan.walk(block, halt)


def on_gpu(fixed: FixedPlan) -> GpuPlan:
    """Bring a plan to the GPU of this process."""
    numba_cuda, number = cuda(), device_number()
    numba_cuda.select_device(number)
    there, plan = _there(numba_cuda), fixed.plan
    return GpuPlan(
        fixed,
        number,
        Course(*map(there, plan.course)),
        there(np.zeros((1, 0))),
        there(kinds_of(plan.columns)),
        there(plan.table),
    )


def _there(numba_cuda: Any) -> Callable[..., Any]:
    """What brings an array to the GPU; the simulator takes it as it is."""
    return (lambda array, stream=0: array.copy()) if simulated() else numba_cuda.to_device
