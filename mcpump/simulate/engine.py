"""The engine: from a problem to a result, with the stop rule and saves on the way."""

from __future__ import annotations

import logging
import math
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import mcpump
from mcpump.compiled import is_compiled
from mcpump.errors import InputError, StoppedError
from mcpump.kernel_folder import SOURCES, can_keep
from mcpump.machine import cores
from mcpump.names import COMPONENTS, PARTS, harmonic_names
from mcpump.problem.scene import NO_STATE, Problem, StopRule
from mcpump.simulate.checkpoint import RANGES, Part, Ranges, Start, history_of, joined
from mcpump.simulate.crew import OUT_OF_MEMORY, Lead, follow, never
from mcpump.simulate.ranks import Alone, default_threads
from mcpump.tally.against import SOLVED, check_solved, held_against, to_hold_against
from mcpump.tally.estimates import Result, Status
from mcpump.tally.observables import coordinates, observables, plane_estimates
from mcpump.tally.scales import channels_of, headline_of
from mcpump.tally.tally import MIN_BLOCKS, Tally
from mcpump.textures.program import Program
from mcpump.textures.snapshots import frame_of, store, take
from mcpump.walk.blocks import checked_source, compile_rays, empty_groundwork, ground_of, kernels_of
from mcpump.walk.known import groundwork_from, sentence
from mcpump.walk.layout import amplitudes

WHOLE = Part()
WITHOUT_ESTIMATES = (
    f"stopped: {OUT_OF_MEMORY} for the estimates; all that was walked is in the file, and --resume makes them of it "
    "where there is more"
)
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


def block_count(problem: Problem, walkers: int) -> int:
    """Blocks needed for a number of walkers: whole ones, at least 16."""
    return max(MIN_BLOCKS, math.ceil(walkers / problem.scene.walkers_per_block))


def run(
    problem: Problem,
    threads: int | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    ranks: Alone | None = None,
    save: Callable[[Result], None] | None = None,
    save_every: float = 300.0,
    start: Start | None = None,
    part: Part = WHOLE,
    stop: Callable[[], str] = never,
) -> Result | None:
    """Walk the blocks of a problem and return what they tell.

    Parameters
    ----------
    problem : Problem
        A deck made ready by `mcpump.problem.make_problem`.
    threads : int, optional
        Threads to walk on; all cores by default. The result does not depend on it.
    on_progress : callable, optional
        Called with a `Progress` now and then.
    ranks : Alone, optional
        Processes that share the run, from `mcpump.simulate.ranks.connect`; this one alone by default. The result does
        not depend on their number.
    save : callable, optional
        Called with the result so far every `save_every` seconds.
    save_every : float
        Seconds.
    start : Start, optional
        Blocks that were walked before, from `mcpump.simulate.checkpoint.start_of`; they are not walked again.
    part : Part
        Share of the blocks to walk.
    stop : callable
        Asked some times a second: a reason to stop early, or "". Blocks that have not ended two seconds later are given
        up.

    Returns
    -------
    Result or None
        Not complete, with a message, where a target was missed, a run stopped, or blocks are missing. None above rank 0.

    Raises
    ------
    InputError
        If a part is asked for of a run with a stop rule, which needs all blocks.
    StoppedError
        If it stops before a block is complete.
    """
    ranks, threads = ranks or Alone(), threads or default_threads(cores())
    if ranks.rank > 0:
        follow(problem, threads, ranks)
        return None
    started, began = time.time(), time.monotonic()
    todo = to_walk(problem, start, part)
    solved = _solved(problem, start)
    with Lead(problem, threads, ranks, start, stop) as lead:
        lead.groundwork |= solved
        history = history_of(start, problem.name)
        walk = _Walk(problem, lead, _Saver(save, save_every), start.ranges if start else (), history)
        tally, status, message = walk.to_the_end(todo, on_progress)
    if status is Status.STOPPED and tally.blocks == 0:
        raise StoppedError(
            f"{message}, before a block of {problem.scene.walkers_per_block} walkers was complete: there is nothing to "
            "save; blocks of fewer run.walkers_per_block end sooner"
        )
    if status is Status.COMPLETE and not _is_whole(problem, walk.ranges):
        status, message = Status.PART, f"part {part.number} of {part.parts} is complete"
    if start and walk.ranges == start.ranges:
        history = start.history  # nothing was left to walk
    result = make_result(problem, tally, lead.groundwork, walk.ranges, status, message, history)
    seconds = time.monotonic() - began + (start.seconds if start else 0.0)
    result.provenance.update(_circumstances(started, seconds, ranks), threads=threads)
    return result


def _solved(problem: Problem, start: Start | None) -> dict[str, NDArray[Any]]:
    """What the run is held against: the file's that it goes on with, else worked out."""
    held = {name: array for name, array in (start.groundwork if start else {}).items() if name in SOLVED}
    return held or to_hold_against(problem)


def _circumstances(started: float, seconds: float, ranks: Alone) -> dict[str, Any]:
    """When, for how long and on what a run was walked."""
    return {
        "wall_time_s": seconds,
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
        "ranks": ranks.size,
        "reductions": ranks.reductions,
        "bytes_reduced": ranks.bytes_reduced,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": platform.machine(),
    }


def result_of(problem: Problem, start: Start) -> Result:
    """Result of blocks that were walked before, e.g. in parts: complete if it has all of them."""
    check_start(problem, start, problem.name)
    ground = ground_of(problem, groundwork_from(start.groundwork, problem.scene))
    tally = Tally(problem.scene, ground.exponents, start.sums, ground.known)
    whole = any(first == 0 and last >= _most(problem) for first, last in start.ranges)
    missing = [f"{blocks.start} to {blocks.stop - 1}" for blocks in to_walk(problem, start, WHOLE)]
    status = Status.COMPLETE if whole else Status.PART
    message = "complete" if whole else f"blocks {', '.join(missing)} are missing"
    result = make_result(problem, tally, start.groundwork, start.ranges, status, message, start.history)
    result.provenance["wall_time_s"] = start.seconds
    return result


def _most(problem: Problem) -> int:
    """Most blocks of the whole run."""
    return block_count(problem, problem.stop.max_walkers if problem.stop else problem.walkers)


def _is_whole(problem: Problem, ranges: Ranges) -> bool:
    """Whether all blocks that were asked for are there."""
    return problem.stop is not None or any(first == 0 and last >= _most(problem) for first, last in ranges)


def to_walk(problem: Problem, start: Start | None, part: Part) -> list[range]:
    """Ranges of blocks still to be walked, in order.

    Raises
    ------
    InputError
        If the stop rule, the blocks that are there and the part do not fit each other.
    """
    held = start.ranges if start else ()
    most = _most(problem)
    if problem.stop is not None and (part.parts > 1 or not _in_order(held, most)):
        raise InputError(
            "run.stop needs all blocks in order: a part of a run, or one with gaps, cannot have it"
        )
    if held and held[-1][1] > most:
        block, key = (
            problem.scene.walkers_per_block,
            "run.stop.max_walkers" if problem.stop else "run.walkers",
        )
        raise InputError(
            f"the file holds walkers up to number {held[-1][1] * block - 1}, more than the {most * block} asked for: ask "
            f"for as many walkers at least, {key} = {held[-1][1] * block}"
        )
    if part.parts > most:
        raise InputError(
            f"part {part.number} of {part.parts}: the run has {most} blocks, too few for so many parts"
        )
    blocks = part.blocks(most)
    todo, at = [], blocks.start
    for first, last in held:
        if at < min(first, blocks.stop):
            todo.append(range(at, min(first, blocks.stop)))
        at = max(at, last)
    if at < blocks.stop:
        todo.append(range(at, blocks.stop))
    return todo


def check_device(problem: Problem) -> None:
    """Refuse a GPU that is not there, before anything is walked.

    Raises
    ------
    InputError
        Saying what is missing.
    """
    if problem.device == "cuda":
        from mcpump.walk.gpu import device_number

        device_number()


def check_start(problem: Problem, start: Start, path: str) -> None:
    """Refuse what a file holds where it does not fit the problem, before anything is walked.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    start : Start
        From the file.
    path : str
        The file's name, for messages.

    Raises
    ------
    InputError
        Saying what does not fit.
    """
    try:
        groundwork = groundwork_from(start.groundwork, problem.scene)
        if problem.scene.from_collisions:
            checked_source(problem, groundwork)
        layout = np.zeros(amplitudes(problem.scene), np.intp)
        check_solved(problem, Tally(problem.scene, layout, start.sums, groundwork.known), start.groundwork)
    except InputError as error:
        raise InputError(f"{path} cannot be gone on with: {error}") from None


def _in_order(held: Ranges, most: int) -> bool:
    """Whether a stop rule can go on: only blocks before its next look are missing among those held."""
    without_gap = held[0][1] if held and held[0][0] == 0 else 0
    return not held or held[-1][1] <= min(
        (look for look in _looks(most) if look > without_gap), default=held[-1][1]
    )


class _Walk:
    """A walk under way: which blocks it holds, when it saves and stops."""

    def __init__(self, problem: Problem, lead: Lead, saver: _Saver, ranges: Ranges, history: str) -> None:
        self.problem, self.lead, self.saver, self.ranges = problem, lead, saver, ranges
        self.history = history

    def to_the_end(
        self, todo: list[range], on_progress: Callable[[Progress], None] | None
    ) -> tuple[Tally, Status, str]:
        """Walk until the stop rule is content, all blocks are done or there is a reason to stop; message in words."""
        most = self.lead.blocks + sum(map(len, todo))
        block = self.problem.scene.walkers_per_block

        def tell() -> None:
            if on_progress:
                error = partial(watched_error, self.problem, self.lead.tally, self.lead.blocks)
                on_progress(Progress(self.lead.blocks, most, self.lead.blocks * block, error))

        rule = self.problem.stop
        tally = self.lead.tally  # all there is: the other ranks have not begun
        error = self._error(tally)
        for blocks in todo:
            self.lead.next = blocks.start
            looks = [look for look in _looks(blocks.stop) if look > blocks.start] if rule else [blocks.stop]
            for target in looks:
                if rule is not None and error <= rule.relative_error:
                    return tally, Status.COMPLETE, "complete"
                tally, reason = self._walk_to(target, tell)
                if reason:
                    return tally, Status.STOPPED, f"stopped: {reason}"
                error = self._error(tally)
                if self.lead.reason == OUT_OF_MEMORY:
                    return tally, Status.STOPPED, f"stopped: {OUT_OF_MEMORY}"
        if rule is None or error <= rule.relative_error:
            return tally, Status.COMPLETE, "complete"
        return tally, Status.MISSED, _missed(rule, error, self.lead.blocks)

    def _error(self, tally: Tally) -> float:
        """Error that the stop rule judges, where it looks: after so many blocks from the first on; elsewhere infinite."""
        rule, looks = self.problem.stop, _looks(_most(self.problem))
        if rule is None or len(self.ranges) != 1 or self.ranges[0] not in ((0, look) for look in looks):
            return math.inf
        try:
            return relative_error(self.problem, tally, rule)
        except MemoryError:
            self.lead.reason = OUT_OF_MEMORY
            return math.inf

    def _walk_to(self, target: int, tell: Callable[[], None]) -> tuple[Tally, str]:
        """Walk all blocks below `target`, saving on the way: books, and the reason where it had to stop."""
        while True:
            begun = self.lead.next
            tally, given_up = self.lead.walk_to(target, self.saver.is_due, tell)
            self.ranges = joined([*self.ranges, *_done(begun, self.lead.next, given_up)])
            if self.lead.next >= target and not given_up:
                return tally, ""
            if self.lead.reason:
                return tally, self.lead.reason
            held = (self.lead.groundwork, self.ranges, Status.RUNNING, "running", self.history)
            self.saver(partial(make_result, self.problem, tally, *held))


def _done(first: int, last: int, given_up: list[int]) -> list[tuple[int, int]]:
    """Ranges of blocks from first to last without those that were given up."""
    ends = [first - 1, *given_up, last]
    return [(a + 1, b) for a, b in pairwise(ends) if a + 1 < b]


def _missed(rule: StopRule, error: float, blocks: int) -> str:
    """How a stop rule's target was missed."""
    if math.isinf(error):
        return f"target missed: {rule.quantity} is exactly zero, it has no relative error"
    if math.isnan(error):
        return (
            f"target missed: {rule.quantity} is not resolved after {blocks} blocks: too few flights carry it"
        )
    message = f"target missed: {rule.quantity} has relative error {error:.3g} after {blocks} blocks"
    return f"{message}, wanted {rule.relative_error:g}"


def _looks(most: int) -> Iterator[int]:
    """Numbers of blocks after which the stop rule looks: 32, 64, 128, …, and the last."""
    look = FIRST_LOOK
    while look < most:
        yield look
        look *= 2
    yield most


class _Saver:
    """Knows when it is time to save, and saves."""

    def __init__(self, save: Callable[[Result], None] | None, every: float) -> None:
        self.save, self.every, self.last = save, every, time.monotonic()

    def is_due(self) -> bool:
        """Whether there is somebody to save for and the time has passed."""
        return self.save is not None and time.monotonic() - self.last >= self.every

    def __call__(self, make: Callable[[], Result]) -> None:
        """Hand over the result so far, unless it takes too much memory: the walk goes on."""
        try:
            if self.save is not None and (result := make()).blocks > 0:
                self.save(result)
        except MemoryError:
            logging.getLogger("mcpump").error(
                "out of memory while saving: the walk goes on, the file is as it was"
            )
        self.last = time.monotonic()


def make_ready(ranks: Alone, problem: Problem, tell: Callable[[str], None]) -> None:
    """Share snapshots between the ranks of a node, and compile the kernels; tell it where that takes long."""
    if problem.snapshots is not None:
        ranks.share_files(partial(store, problem.snapshots), partial(take, problem.snapshots))
    on_gpu = problem.device == "cuda"
    kernels = kernels_of(problem.scene)[int(on_gpu) :]
    if on_gpu:
        tell("compiling the kernel of the GPU (up to a minute)")
    if not all(map(is_compiled, kernels)):
        once = ", once for this version on this machine" if can_keep() else ""
        tell(f"compiling the kernels{once} (up to a minute)")
    ranks.compile_once(
        partial(compile_kernels, problem), lambda: all(map(is_compiled, kernels)) or not can_keep()
    )


def compile_kernels(problem: Problem) -> None:
    """Compile the kernels, or fetch them from the cache, by walking two walkers for a moment."""
    compile_rays(problem)
    scene = problem.scene._replace(walkers_per_block=2, first_flights=1, t_max=1.0)
    scene = scene._replace(initial_walkers=2 if scene.initial != NO_STATE else 0)
    small = problem._replace(scene=scene)
    ground_of(small, empty_groundwork(small)).walk(0)


def watched_error(problem: Problem, tally: Tally, blocks: int) -> float:
    """Relative error of `blocks` blocks for a progress display (see `Progress`), from this rank's share of them."""
    try:
        share, whole = math.sqrt(tally.blocks / blocks), _watched_error(problem, tally)
    except MemoryError:
        return math.nan
    if tally.known is None or share == 1.0 or math.isinf(whole):
        return share * whole
    # numerical errors do not become smaller with walkers
    exact = tally.known._replace(deviations=())
    walked = _watched_error(problem, Tally(problem.scene, tally.exponents, tally.sums, exact))
    return math.sqrt(max(whole * whole - walked * walked, 0.0) + (share * walked) ** 2)


def _watched_error(problem: Problem, tally: Tally) -> float:
    """Relative error of the stop rule's quantity or, without one, of the largest current through a plane."""
    if problem.stop is not None:
        return relative_error(problem, tally, problem.stop)
    scene = problem.scene
    if scene.time_bins or not scene.planes or tally.blocks < MIN_BLOCKS:
        return math.nan
    current = plane_estimates(problem, tally)["plane_current"]
    assert current.stderr is not None
    row = channels_of(problem).index(headline_of(problem).channel)
    totals, errors = np.abs(current.mean[row, 2]).ravel(), current.stderr[row, 2].ravel()
    largest = int(np.argmax(totals))
    return float(errors[largest] / totals[largest]) if totals[largest] > 0.0 else math.nan


def relative_error(problem: Problem, tally: Tally, rule: StopRule) -> float:
    """Relative standard error of a stop rule's quantity, inf while it is zero, NaN where it is not resolved."""
    found = observables(problem, tally)
    kind, part, component, harmonic = rule.quantity.split(".")
    scene = problem.scene
    at = {"part": PARTS.index(part), "component": COMPONENTS.index(component), "direction": 0, "normal": 0}
    at["harmonic"] = harmonic_names(scene.harmonics).index(harmonic)
    at["channel"] = channels_of(problem).index(headline_of(problem).channel)
    if kind == "spin_current":
        estimate = found["plane_current"]
        at["plane"] = int(np.argmin(np.abs(np.array(scene.planes) - rule.at)))
    else:
        estimate = found["spin_density"]
        cells = scene.cells[: scene.axes]
        at["x"] = min(int(rule.at / scene.lengths[0] * cells[0]), cells[0] - 1)
        at |= {axis: count // 2 for axis, count in zip("yz", cells[1:], strict=False)}  # in the middle
    index = tuple(at[name] for name in estimate.dims)
    assert estimate.stderr is not None
    mean, stderr = abs(float(estimate.mean[index])), float(estimate.stderr[index])
    return math.inf if mean == 0.0 else stderr / mean


def without_estimates(result: Result) -> Result:
    """Result that has the sums alone, to go on with where there is more memory."""
    return replace(result, coords={}, estimates={}, status=Status.STOPPED, message=WITHOUT_ESTIMATES)


def _where_from(program: Program | None) -> dict[str, Any]:
    """Where a user's texture came from: its file, or the source of a function."""
    if program is None:
        return {}
    if program.source:
        return {"texture_source": program.source}
    # not made shorter: the deck's text of it is its end, by which it is found again
    return {"texture_file": os.path.join(os.getcwd(), program.path)}


def make_result(
    problem: Problem,
    tally: Tally,
    groundwork: dict[str, NDArray[Any]],
    ranges: Ranges,
    status: Status,
    message: str,
    history: str = "",
) -> Result:
    """Turn the books into a Result.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    tally : Tally
        The books.
    groundwork : dict of str to ndarray
        What was worked out before walkers began, `mcpump.walk.known.arrays_of`.
    ranges : Ranges
        Blocks that they hold.
    status : Status
        How the run ended.
    message : str
        The same in words.
    history : str
        When it was walked, a line for each time.

    Returns
    -------
    Result
        Where memory is too small for estimates, one that has the sums alone, to go on with elsewhere.
    """
    try:
        found = observables(problem, tally)
        coords, estimates = coordinates(problem), found | held_against(problem, found, groundwork)
    except MemoryError:
        coords, estimates = {}, {}
        status, message = (
            (status, message) if status is Status.RUNNING else (Status.STOPPED, WITHOUT_ESTIMATES)
        )
    return Result(
        name=problem.name,
        resolved=problem.resolved,
        coords=coords,
        estimates=estimates,
        regime=problem.regime,
        warnings=problem.warnings,
        notes=problem.notes + ((sentence(tally.known, problem.scene),) if tally.known else ()),
        walkers=tally.blocks * problem.scene.walkers_per_block,
        blocks=tally.blocks,
        seed=problem.scene.seed,
        flights=tally.flights,
        status=status,
        message=message,
        checkpoint={name: array.copy() for name, array in tally.sums.items()}
        | {RANGES: np.array(ranges, np.int64).reshape(-1, 2)},
        groundwork=groundwork,
        provenance=provenance_of(problem) | ({"history": history} if history else {}),
    )


def provenance_of(problem: Problem) -> dict[str, Any]:
    """Version, sources, and where the texture was read, to find it again."""
    found = {"mcpump": mcpump.__version__, "sources": SOURCES} | _where_from(problem.program)
    if problem.snapshots:
        found |= {"texture_folder": problem.snapshots.folder, "texture_frame": frame_of(problem.snapshots)}
    return found
