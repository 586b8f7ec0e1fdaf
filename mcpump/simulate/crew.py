"""Who walks which block: the threads of a process, and the ranks of a job.

Rank 0 deals blocks, about a second's worth at a time, to whoever asks, and walks its own share meanwhile; nobody
waits for a slower rank until the sums are added up. A rank asks for more while its last blocks are under way.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import StoppedError
from mcpump.problem.scene import Problem
from mcpump.simulate.checkpoint import Start
from mcpump.simulate.ranks import DONE, HEARING, PATIENCE, REDUCE, WALK, Alone, Order
from mcpump.tally.tally import Digits, Tally
from mcpump.walk.blocks import ground_of, groundwork_of
from mcpump.walk.known import Groundwork, arrays_of, groundwork_from
from mcpump.walk.layout import HaltedError

OUT_OF_MEMORY = "out of memory"
"""Reason to stop where a block was given up without another one."""
GRACE = 2.0
"""Seconds in which a block may end after a reason to stop; those that take longer are given up."""
GRACE_FOR_FIRST_FLIGHTS = 8.0
"""The same for first flights: nothing is kept of them, so that they end if they can."""
PORTION = 1.0
"""Seconds of work that a rank is dealt at a time."""


def never() -> str:
    """Return no reason to stop."""
    return ""


class Walkers:
    """Threads that walk blocks (the kernels hold no interpreter lock), and the books they fill."""

    def __init__(self, problem: Problem, threads: int, groundwork: Groundwork) -> None:
        self.problem, self.threads = problem, threads
        self.ground = ground_of(problem, groundwork)
        self.tally = self._tally(None)
        self.pool = ThreadPoolExecutor(threads)
        self.pending: dict[Future[Digits], int] = {}
        self.given_up: list[int] = []

    def _tally(self, sums: dict[str, NDArray[np.int64]] | None) -> Tally:
        """Books of the problem with these sums."""
        return Tally(self.problem.scene, self.ground.exponents, sums, self.ground.known)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.ground.halt[0] = 1  # after a failure some are still walked
        self.pool.shutdown(cancel_futures=True)

    def submit(self, blocks: Iterable[int]) -> None:
        """Queue blocks."""
        for block in blocks:
            self.pending[self.pool.submit(self._walk, block)] = block

    def _walk(self, block: int) -> Digits:
        """Walk a block in a thread of the pool."""
        return self.tally.digits(self.ground.walk(block))

    def collect(self, timeout: float | None = None, on_block: Callable[[], None] | None = None) -> None:
        """Wait for a block, or so many seconds, and book what is done."""
        finished, _ = wait(self.pending, timeout, FIRST_COMPLETED)
        for future in finished:
            block = self.pending.pop(future)
            try:
                self.tally.book(block, future.result())
            except (HaltedError, CancelledError, MemoryError):
                self.given_up.append(block)
            if on_block:
                on_block()

    def halt(self) -> None:
        """Give up the blocks that are being walked, and those that wait."""
        self.ground.halt[0] = 1
        for future in self.pending:
            future.cancel()


class Lead(Walkers):
    """Rank 0: deals blocks, walks its share, adds up."""

    def __init__(self, problem: Problem, threads: int, ranks: Alone, start: Start | None = None,
                 stop: Callable[[], str] = never) -> None:  # fmt: skip
        """Lay the ground of all ranks: from the file that the run goes on with, else worked out here and now.

        stop: a reason to stop early, or "", asked while blocks are walked: they are given up then.
        """
        scene = problem.scene
        try:
            held = (
                arrays_of(_laid_together(problem, threads, stop), scene)
                if start is None
                else start.groundwork
            )
        except StoppedError:
            ranks.broadcast(None)
            raise
        self.groundwork, laid = held, groundwork_from(held, scene)
        ranks.broadcast(laid.shared)
        super().__init__(problem, threads, laid)
        if start is not None:
            self.tally = self._tally({name: array.copy() for name, array in start.sums.items()})
        self.held = self.tally.blocks  # not walked here
        self.ranks, self.next, self.started = ranks, 0, time.monotonic()
        self.done_by = dict.fromkeys(range(1, ranks.size), 0)
        self.stop, self.reason, self.until, self.halted = stop, "", math.inf, False
        self.asking: set[int] = set()

    def __exit__(self, *failure: object) -> None:
        """Send everybody home (after a failure the whole job ends anyway)."""
        super().__exit__(*failure)
        if failure[0] is None:
            self._call_in(Order(DONE, int(self.halted)))

    @property
    def blocks(self) -> int:
        """Blocks done by all ranks, as far as they have told."""
        return self.tally.blocks + sum(self.done_by.values())

    def walk_to(
        self, target: int, pause: Callable[[], bool], on_block: Callable[[], None]
    ) -> tuple[Tally, list[int]]:
        """Deal all blocks below `target`, or until it is time to pause or stop: books of all ranks, blocks given up."""
        while self.next < target:
            self.submit(self._deal(2 * self.threads - len(self.pending), target))
            self._listen()
            for rank in sorted(self.asking):
                if portion := self._deal(self._portion(target), target):
                    self.ranks.order(rank, Order(WALK, portion.start, len(portion)))
                    self.asking.discard(rank)
            self.collect(self.ranks.patience, on_block)
            if self._hear() or pause():
                break
        while self.pending:
            self._hear()
            self._listen()
            self.collect(self.ranks.patience, on_block)
        self._call_in(Order(REDUCE))
        books = self._tally(self.ranks.reduce(self.tally.sums))
        given_up = sorted(block for blocks in self.ranks.gather(self.given_up) for block in blocks)
        if given_up and not self.reason:
            self.reason = OUT_OF_MEMORY  # of another rank
        if self.ranks.size > 1:  # what the others have done last is only known now
            on_block()
        return books, given_up

    def _hear(self) -> bool:
        """Whether there is a reason to stop; all ranks give up what they still walk a little later."""
        if not self.reason and (reason := self.stop() or (OUT_OF_MEMORY if self.given_up else "")):
            self.reason, self.until = reason, time.monotonic() + GRACE
        if not self.halted and time.monotonic() >= self.until:
            self.halted = True
            self.halt()
            self.ranks.halt()
        return bool(self.reason)

    def _deal(self, count: int, target: int) -> range:
        """Take up to `count` blocks from those not dealt yet."""
        blocks = range(self.next, min(self.next + max(count, 0), target))
        self.next = max(self.next, blocks.stop)
        return blocks

    def _portion(self, target: int) -> int:
        """Blocks in a rank's next portion: a second's worth, less where the end is near."""
        passed = time.monotonic() - self.started
        worth = int((self.tally.blocks - self.held) * PORTION / passed)
        near = (target - self.next) // (2 * self.ranks.size)
        return max(1, min(worth, near))

    def _listen(self) -> None:
        """Note who asks for work, and what they have done."""
        for rank, done in self.ranks.requests():
            self.asking.add(rank)
            self.done_by[rank] = done

    def _call_in(self, order: Order) -> None:
        """Wait until every rank asks, and give all the same order."""
        while len(self.asking) < len(self.done_by):
            if order.kind != DONE:
                self._hear()
            self._listen()
            time.sleep(PATIENCE)
        for rank in self.asking:
            self.ranks.order(rank, order)
        self.asking.clear()


def _laid_together(problem: Problem, threads: int, stop: Callable[[], str]) -> Groundwork:
    """Groundwork of a problem, from all threads of this process.

    Raises
    ------
    StoppedError
        Where there is a reason to stop before it is laid.
    """
    until = math.inf
    with ThreadPoolExecutor(threads) as pool:

        def share(work: Callable[[Any], Any], members: Iterable[Any]) -> Iterator[Any]:
            nonlocal until
            for one in pool.map(work, members):
                yield one
                if (reason := stop()) and until == math.inf:
                    until = time.monotonic() + GRACE_FOR_FIRST_FLIGHTS
                if time.monotonic() >= until:
                    raise StoppedError(f"stopped: {reason}, amid the first flights: there is nothing to save")

        return groundwork_of(problem, share)


def follow(problem: Problem, threads: int, ranks: Alone) -> None:
    """Walk what rank 0 deals, until it says that all is done."""
    groundwork: Groundwork | None = ranks.broadcast(Groundwork())
    if groundwork is None:
        return
    with Walkers(problem, threads, groundwork) as walkers:
        while (order := ranks.ask(walkers.tally.blocks)).kind != DONE:
            if order.kind == WALK:
                walkers.submit(range(order.first, order.first + order.blocks))
            while len(walkers.pending) > (threads if order.kind == WALK else 0):
                walkers.collect(HEARING)
                if ranks.is_halted():
                    walkers.halt()
            if order.kind == REDUCE:
                ranks.reduce(walkers.tally.sums)
                ranks.gather(walkers.given_up)
        while order.first and not ranks.is_halted():  # a message that was not waited for
            time.sleep(PATIENCE)
