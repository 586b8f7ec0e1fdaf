"""The engine: blocks of walkers on all cores, the stop rule, and the result."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np

import mcpump
from mcpump.compiled import cache_folder
from mcpump.emission import births
from mcpump.estimates import COMPONENTS, PARTS, Result, harmonic_names
from mcpump.model import Problem, StopRule
from mcpump.observables import coordinates, observables, plane_estimates
from mcpump.tally import MIN_BLOCKS, BlockSums, Tally, walk_one_block

FIRST_LOOK = 32
"""The stop rule looks after 32·2^k blocks, counted in block order, whatever the number of threads."""


class Progress(NamedTuple):
    """What a progress display is told."""

    blocks: int
    total: int
    """Blocks to be walked at most."""
    walkers: int
    relative_error: Callable[[], float]
    """Computes the relative error of the stop rule's quantity or, without one, of the largest current through a
    plane; NaN while it is not known."""


def cores() -> int:
    """Number of cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def block_count(problem: Problem, walkers: int) -> int:
    """Blocks needed for a number of walkers: whole ones, at least 16."""
    return max(MIN_BLOCKS, math.ceil(walkers / problem.model.walkers_per_block))


def is_compiled() -> bool:
    """Whether this version's kernels have been compiled on this machine before."""
    return any(cache_folder().rglob("walk.walk_block*.nbi"))


def run(
    problem: Problem,
    threads: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> Result:
    """Walk all blocks of a problem and return what they tell.

    Parameters
    ----------
    problem : Problem
        A deck made ready by `mcpump.problem.make_problem`.
    threads : int, optional
        Threads to walk on; all cores by default. The result does not depend on it.
    on_progress : callable, optional
        Called with a `Progress` after every block.

    Returns
    -------
    Result
        With `complete` False and a message when a stop rule's target was missed.
    """
    started = time.time()
    tally, message, complete = Tally(problem.model), "complete", True
    threads = threads or cores()
    look = problem.stop
    most = block_count(problem, look.max_walkers if look else problem.walkers)
    error = math.nan
    done = 0
    for target in _looks(most) if look else [most]:
        for block, sums in _walk(problem, range(done, target), threads):
            tally.add(block, sums)
            if on_progress:
                walkers = tally.blocks * problem.model.walkers_per_block
                on_progress(Progress(tally.blocks, most, walkers, partial(watched_error, problem, tally)))
        done = target
        if look:
            error = relative_error(problem, tally, look)
            if error <= look.relative_error:
                break
    else:
        if look:
            complete = False
            message = (
                f"target missed: {look.quantity} has relative error {error:.3g} after {most} blocks, "
                f"wanted {look.relative_error:g}"
            )
            if math.isinf(error):
                message = f"target missed: {look.quantity} is exactly zero, it has no relative error"
    result = make_result(problem, tally, complete, message)
    result.provenance.update(
        wall_time_s=time.time() - started,
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        threads=threads,
        python=platform.python_version(),
        numpy=np.__version__,
        machine=platform.machine(),
    )
    return result


def _looks(most: int) -> Iterator[int]:
    """Numbers of blocks after which the stop rule looks: 32, 64, 128, …, and the last."""
    look = FIRST_LOOK
    while look < most:
        yield look
        look *= 2
    yield most


def _walk(problem: Problem, blocks: Iterable[int], threads: int) -> Iterator[tuple[int, BlockSums]]:
    """Walk blocks on threads (the kernels hold no interpreter lock), yielding each as it is done."""
    born = births(problem.model)
    queue = iter(blocks)
    with ThreadPoolExecutor(threads) as pool:

        def submit(n: int) -> dict[Future[BlockSums], int]:
            return {
                pool.submit(walk_one_block, problem.model, born, problem.exchange, block): block
                for block in islice(queue, n)
            }

        pending = submit(2 * threads)
        try:
            while pending:
                finished, _ = wait(pending, return_when=FIRST_COMPLETED)
                for future in finished:
                    block = pending.pop(future)
                    pending |= submit(1)
                    yield block, future.result()
        finally:
            for future in pending:
                future.cancel()


def compile_kernels(problem: Problem) -> None:
    """Compile the kernels, or fetch them from the cache, by walking two walkers for a moment."""
    model = problem.model._replace(walkers_per_block=2, first_flights=1, t_max=1.0)
    walk_one_block(model, births(model), problem.exchange, 0)


def watched_error(problem: Problem, tally: Tally) -> float:
    """Relative error that a progress display shows; see `Progress`."""
    if problem.stop is not None:
        return relative_error(problem, tally, problem.stop)
    if problem.model.pulse or not problem.model.planes or tally.blocks < MIN_BLOCKS:
        return math.nan
    current = plane_estimates(problem, tally)["plane_current"]
    assert current.stderr is not None
    totals, errors = np.abs(current.mean[-1, 2]).ravel(), current.stderr[-1, 2].ravel()
    largest = int(np.argmax(totals))
    return float(errors[largest] / totals[largest]) if totals[largest] > 0.0 else math.nan


def relative_error(problem: Problem, tally: Tally, rule: StopRule) -> float:
    """Relative standard error of a stop rule's quantity, inf while it is zero."""
    found = observables(problem, tally)
    kind, part, component, harmonic = rule.quantity.split(".")
    model = problem.model
    at = {"part": PARTS.index(part), "component": COMPONENTS.index(component), "direction": 0}
    at["harmonic"] = harmonic_names(model.harmonics).index(harmonic)
    at["channel"] = -1  # the sum, where there are two channels
    if kind == "spin_current":
        estimate = found["plane_current"]
        at["plane"] = int(np.argmin(np.abs(np.array(model.planes) - rule.at)))
    else:
        estimate = found["spin_density"]
        at["x"] = min(int(rule.at / model.length * model.cells), model.cells - 1)
    index = tuple(at[name] for name in estimate.dims)
    assert estimate.stderr is not None
    mean, stderr = abs(float(estimate.mean[index])), float(estimate.stderr[index])
    return stderr / mean if mean > 0.0 else math.inf


def make_result(problem: Problem, tally: Tally, complete: bool, message: str) -> Result:
    """Turn the books into a Result."""
    return Result(
        name=problem.name,
        resolved=problem.resolved,
        coords=coordinates(problem),
        estimates=observables(problem, tally),
        regime=problem.regime,
        warnings=problem.warnings,
        notes=problem.notes,
        walkers=tally.blocks * problem.model.walkers_per_block,
        blocks=tally.blocks,
        seed=problem.model.seed,
        flights=tally.flights,
        complete=complete,
        message=message,
        checkpoint={name: array.copy() for name, array in tally.sums.items()},
        provenance={"mcpump": mcpump.__version__},
    )
