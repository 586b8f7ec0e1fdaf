"""The engine: from a problem to a result, with the stop rule and saves on the way."""

from __future__ import annotations

import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple

import numpy as np

import mcpump
from mcpump.blocks import ground_of
from mcpump.compiled import cache_folder
from mcpump.crew import Lead, follow
from mcpump.estimates import COMPONENTS, PARTS, Result, harmonic_names
from mcpump.model import Problem, Scene, StopRule
from mcpump.observables import coordinates, observables, plane_estimates
from mcpump.parallel import Alone, default_threads
from mcpump.tally import MIN_BLOCKS, Tally

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


def is_compiled(problem: Problem) -> bool:
    """Whether the kernels of a problem's walk have been compiled on this machine before."""
    kernel = "transport.walk_scene" if isinstance(problem.model, Scene) else "walk.walk_block"
    return any(cache_folder().rglob(f"{kernel}*.nbi"))


def run(
    problem: Problem,
    threads: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    ranks: Alone | None = None,
    save: Callable[[Result], None] | None = None,
    save_every: float = 300.0,
) -> Result | None:
    """Walk all blocks of a problem and return what they tell.

    Parameters
    ----------
    problem : Problem
        A deck made ready by `mcpump.problem.make_problem`.
    threads : int, optional
        Threads to walk on; all cores by default. The result does not depend on it.
    on_progress : callable, optional
        Called with a `Progress` now and then.
    ranks : Alone, optional
        Processes that share the run, from `mcpump.parallel.connect`; this one alone by default. The result does
        not depend on their number.
    save : callable, optional
        Called with the result so far every `save_every` seconds.
    save_every : float
        Seconds.

    Returns
    -------
    Result or None
        With `complete` False and a message when a stop rule's target was missed. None on ranks above 0.
    """
    ranks = ranks or Alone()
    threads = threads or default_threads(ranks, cores())
    if ranks.rank > 0:
        follow(problem, threads, ranks)
        return None
    started = time.time()
    saver = _Saver(problem, save, save_every)
    with Lead(problem, threads, ranks) as lead:
        tally, complete, message = _walk_to_the_end(problem, lead, saver, on_progress)
    result = make_result(problem, tally, complete, message)
    result.provenance.update(
        wall_time_s=time.time() - started,
        started=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        ranks=ranks.size,
        threads=threads,
        reductions=ranks.reductions,
        bytes_reduced=ranks.bytes_reduced,
        python=platform.python_version(),
        numpy=np.__version__,
        machine=platform.machine(),
    )
    return result


def _walk_to_the_end(
    problem: Problem, lead: Lead, saver: _Saver, on_progress: Callable[[Progress], None] | None
) -> tuple[Tally, bool, str]:
    """Walk until the stop rule is content or all blocks are done: (books, complete, message)."""
    rule, block = problem.stop, problem.model.walkers_per_block
    most = block_count(problem, rule.max_walkers if rule else problem.walkers)

    def tell() -> None:
        if on_progress:
            error = partial(watched_error, problem, lead.tally, lead.blocks)
            on_progress(Progress(lead.blocks, most, lead.blocks * block, error))

    error = math.inf
    for target in _looks(most) if rule else [most]:
        tally = lead.walk_to(target, saver.is_due, tell)
        while lead.next < target:
            saver(tally)
            tally = lead.walk_to(target, saver.is_due, tell)
        if rule is None:
            return tally, True, "complete"
        error = relative_error(problem, tally, rule)
        if error <= rule.relative_error:
            return tally, True, "complete"
    assert rule is not None
    if math.isinf(error):
        return tally, False, f"target missed: {rule.quantity} is exactly zero, it has no relative error"
    message = f"target missed: {rule.quantity} has relative error {error:.3g} after {most} blocks"
    return tally, False, f"{message}, wanted {rule.relative_error:g}"


def _looks(most: int) -> Iterator[int]:
    """Numbers of blocks after which the stop rule looks: 32, 64, 128, …, and the last."""
    look = FIRST_LOOK
    while look < most:
        yield look
        look *= 2
    yield most


class _Saver:
    """Knows when it is time to save, and saves."""

    def __init__(self, problem: Problem, save: Callable[[Result], None] | None, every: float) -> None:
        self.problem, self.save, self.every, self.last = problem, save, every, time.monotonic()

    def is_due(self) -> bool:
        """Whether there is somebody to save for and the time has passed."""
        return self.save is not None and time.monotonic() - self.last >= self.every

    def __call__(self, tally: Tally) -> None:
        """Hand over the result so far."""
        if self.save is not None and tally.blocks > 0:
            self.save(make_result(self.problem, tally, False, "running"))
        self.last = time.monotonic()


def compile_kernels(problem: Problem) -> None:
    """Compile the kernels, or fetch them from the cache, by walking two walkers for a moment."""
    model = problem.model._replace(walkers_per_block=2, first_flights=1, t_max=1.0)
    if isinstance(model, Scene):
        model = model._replace(initial_walkers=2 if model.initial else 0)
    ground_of(problem._replace(model=model)).walk(0)


def watched_error(problem: Problem, tally: Tally, blocks: int) -> float:
    """Relative error of `blocks` blocks for a progress display (see `Progress`), from this rank's share of them."""
    share = math.sqrt(tally.blocks / blocks)
    if problem.stop is not None:
        return share * relative_error(problem, tally, problem.stop)
    transient = problem.model.time_bins > 0 if isinstance(problem.model, Scene) else problem.model.pulse
    if transient or not problem.model.planes or tally.blocks < MIN_BLOCKS:
        return math.nan
    current = plane_estimates(problem, tally)["plane_current"]
    assert current.stderr is not None
    totals, errors = np.abs(current.mean[-1, 2]).ravel(), current.stderr[-1, 2].ravel()
    largest = int(np.argmax(totals))
    return share * float(errors[largest] / totals[largest]) if totals[largest] > 0.0 else math.nan


def relative_error(problem: Problem, tally: Tally, rule: StopRule) -> float:
    """Relative standard error of a stop rule's quantity, inf while it is zero."""
    found = observables(problem, tally)
    kind, part, component, harmonic = rule.quantity.split(".")
    model = problem.model
    at = {"part": PARTS.index(part), "component": COMPONENTS.index(component), "direction": 0, "normal": 0}
    at["harmonic"] = harmonic_names(model.harmonics).index(harmonic)
    at["channel"] = -1  # the sum, where there are two channels
    if kind == "spin_current":
        estimate = found["plane_current"]
        at["plane"] = int(np.argmin(np.abs(np.array(model.planes) - rule.at)))
    else:
        estimate = found["spin_density"]
        length, cells = (
            (model.lengths[0], model.cells) if isinstance(model, Scene) else (model.length, (model.cells,))
        )
        at["x"] = min(int(rule.at / length * cells[0]), cells[0] - 1)
        at |= {axis: count // 2 for axis, count in zip("yz", cells[1:], strict=False)}  # in the middle
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
