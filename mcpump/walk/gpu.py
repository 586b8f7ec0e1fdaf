"""A block of walkers on a GPU: a thread for each walker, from birth to death (`mcpump.walk.history`).

What is compiled for it is `mcpump.walk.gpu_kernel`, which is loaded where a GPU is asked for.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import InputError
from mcpump.machine import local_rank
from mcpump.walk.arithmetic import key
from mcpump.walk.fixed import fixed_tallies, unscaled
from mcpump.walk.lane_block import kinds_of, refuse, sums_of_block
from mcpump.walk.layout import BlockSums, Halt
from mcpump.walk.plan import Plan
from mcpump.walk.state import HALTED, Course, Tallies

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
        reason = " ".join(str(found.cuda_error() or "no GPU is seen").split())
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

    plan: Plan
    exponents: NDArray[np.intp]
    course: Course
    kinds: Any
    table: Any


def on_gpu(plan: Plan, exponents: NDArray[np.intp]) -> GpuPlan:
    """Bring a plan that is `scaled` (`mcpump.walk.fixed`) to the GPU of this process."""
    numba_cuda = cuda()
    numba_cuda.select_device(device_number())
    there = _there(numba_cuda)
    return GpuPlan(
        plan, exponents, Course(*map(there, plan.course)), there(kinds_of(plan.columns)), there(plan.table)
    )


def _there(numba_cuda: Any) -> Callable[[Any], Any]:
    """What brings an array to the GPU; the simulator takes it as it is."""
    return np.array if simulated() else numba_cuda.to_device


def tallied(
    gpu: GpuPlan, block: int, halt: Halt, first: int = 0, last: int | None = None
) -> tuple[Tallies, Any]:
    """Walk walkers first … last − 1 of a block: tallies in fixed point, and the flights of each, or −what went wrong."""
    numba_cuda, plan = cuda(), gpu.plan
    last = plan.numbers.walkers if last is None else last
    numba_cuda.select_device(device_number())
    there = _there(numba_cuda)
    tallies: Any = Tallies(*map(there, fixed_tallies(plan)))
    flights = there(np.zeros(plan.numbers.walkers, np.int64))
    kernels = importlib.import_module("mcpump.walk.gpu_kernel")
    kernel = kernels.kernel_of(plan.columns.row)
    for start in range(first, last, PORTION):
        if halt[0] != 0:
            refuse(HALTED, 0, plan.scene)
        end = min(start + PORTION, last)
        with kernels.strictly():
            kernel[-(-(end - start) // THREADS), THREADS](
                plan.numbers, gpu.course, gpu.kinds, gpu.table, tallies, key(plan.scene.seed), block, start, end,
                flights,
            )  # fmt: skip
        numba_cuda.synchronize()
    if simulated():
        return tallies, flights
    return Tallies(*(one.copy_to_host() for one in tallies)), flights.copy_to_host()


def walk_gpu_block(gpu: GpuPlan, halt: Halt, block: int) -> BlockSums:
    """Walk block number `block`, as `mcpump.walk.fixed.walk_fixed_block`, with the same bits."""
    tallies, flights = tallied(gpu, block, halt)
    if flights.min() < 0:
        walker = int(np.argmin(flights >= 0))
        refuse(-int(flights[walker]), block * gpu.plan.numbers.walkers + walker, gpu.plan.scene)
    return sums_of_block(gpu.plan, unscaled(gpu.plan, gpu.exponents, tallies), int(flights.sum()))
