"""Processes that share a run: the only chapter that knows of MPI.

`connect` gives a `World` of ranks under mpirun or srun and its serial twin `Alone` otherwise; the engine is
written once, for both. Blocks are dealt by rank 0, a second's worth at a time, to whoever asks; sums are
exact integers, so that it does not matter who walked what.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from mcpump import console
from mcpump.errors import InputError, McpumpError, show
from mcpump.machine import first_number, launcher_size

Value = TypeVar("Value")
Sums = dict[str, NDArray[np.int64]]
PATIENCE = 0.002
"""Seconds between two looks for a message: short beside a block, long enough to leave the core to the walk."""
HEARING = 0.1
"""Seconds between two looks for a reason to stop, where there is no message to look for."""
FAREWELL = 0.2
"""Seconds between the last words of a rank that has failed and the end of the job."""
WALK, REDUCE, DONE = 0, 1, 2
_REQUEST, _ORDER, _HALT = 1, 2, 3
WORLD = "world"
_WRONG = 'comm = {} must be "world", None or a communicator of mpi4py that this process belongs to'


class Order(NamedTuple):
    """What rank 0 tells a rank to do: walk so many blocks from `first` on, add up the sums, or go home."""

    kind: int
    first: int = 0
    blocks: int = 0


class Alone:
    """One process, the serial twin of `World`."""

    rank, size, bytes_reduced, reductions = 0, 1, 0, 0
    patience = HEARING

    def broadcast(self, value: Value) -> Value:
        """Give rank 0's value to all."""
        return value

    def gather(self, value: Value) -> list[Value]:
        """Give every rank's value to all."""
        return [value]

    def requests(self) -> Iterator[tuple[int, int]]:
        """Ranks that ask for work, with the number of blocks they have done."""
        return iter(())

    def order(self, rank: int, order: Order) -> None:
        """Answer a rank's request."""

    def ask(self, done: int) -> Order:
        """Ask rank 0 for work."""
        return Order(DONE)

    def halt(self) -> None:
        """Tell all other ranks to give up what they walk."""

    def is_halted(self) -> bool:
        """Whether rank 0 has told to give up what is walked."""
        return False

    def reduce(self, sums: Sums) -> Sums:
        """Add up every rank's sums; the total is rank 0's."""
        return sums

    def compile_once(self, compile_kernels: Callable[[], None], at_once: Callable[[], bool]) -> None:
        """Compile on one rank of each node before the others fetch it; on all where there is nothing to wait for."""
        compile_kernels()

    def share_files(self, write: Callable[[str], None], read: Callable[[str], None]) -> None:
        """Let one rank of each node write something large into a folder, and all of them map it."""

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """Let no rank fail alone."""
        yield

    def close(self) -> None:
        """Let go of the other ranks; all of them do."""


class World(Alone):
    """The ranks of an MPI job, or of a communicator of it."""

    patience = PATIENCE

    def __init__(self, MPI: Any, comm: Any) -> None:
        self._MPI, self._given = MPI, comm
        self._comm = comm.Dup()  # messages of its own
        self.rank, self.size = self._comm.rank, self._comm.size
        self.bytes_reduced = self.reductions = 0
        self._halted = False

    def broadcast(self, value: Value) -> Value:
        """Give rank 0's value to all, who sleep until it is there."""
        self._wait(self._comm.Ibarrier())
        return self._comm.bcast(value)  # type: ignore[no-any-return]

    def gather(self, value: Value) -> list[Value]:
        """Give every rank's value to all."""
        return self._comm.allgather(value)  # type: ignore[no-any-return]

    def requests(self) -> Iterator[tuple[int, int]]:
        """Ranks that ask for work, with the number of blocks they have done."""
        status, done = self._MPI.Status(), np.empty(1, np.int64)
        while self._comm.Iprobe(self._MPI.ANY_SOURCE, _REQUEST, status):
            self._comm.Recv(done, status.source, _REQUEST)
            yield status.source, int(done[0])

    def order(self, rank: int, order: Order) -> None:
        """Answer a rank's request."""
        self._comm.Send(np.array(order, np.int64), rank, _ORDER)

    def ask(self, done: int) -> Order:
        """Ask rank 0 for work; sleeps while waiting, for a core that polls is lost to the walk."""
        self._comm.Send(np.array([done], np.int64), 0, _REQUEST)
        answer = np.empty(3, np.int64)
        self._wait(self._comm.Irecv(answer, 0, _ORDER))
        return Order(*map(int, answer))

    def halt(self) -> None:
        """Tell all other ranks to give up what they walk."""
        for rank in range(1, self.size):
            self._comm.Send(np.ones(1, np.int64), rank, _HALT)

    def is_halted(self) -> bool:
        """Whether rank 0 has told to give up what is walked."""
        if not self._halted and self._comm.Iprobe(0, _HALT):
            self._comm.Recv(np.empty(1, np.int64), 0, _HALT)
            self._halted = True
        return self._halted

    def reduce(self, sums: Sums) -> Sums:
        """Add up every rank's sums in one reduction; the total is rank 0's."""
        mine = np.concatenate([array.ravel() for array in sums.values()])
        total = np.empty_like(mine) if self.rank == 0 else None
        self._comm.Reduce(mine, total)
        self.bytes_reduced += mine.nbytes
        self.reductions += 1
        if total is None:
            return sums
        parts = np.split(total, np.cumsum([array.size for array in sums.values()])[:-1])
        return {
            name: part.reshape(array.shape) for (name, array), part in zip(sums.items(), parts, strict=True)
        }

    def compile_once(self, compile_kernels: Callable[[], None], at_once: Callable[[], bool]) -> None:
        """Compile on one rank of each node before the others fetch it; on all where there is nothing to wait for."""
        node = self._comm.Split_type(self._MPI.COMM_TYPE_SHARED)
        together = node.bcast(at_once() if node.rank == 0 else None)
        if together or node.rank == 0:
            compile_kernels()
        self._wait(node.Ibarrier())
        if not together and node.rank > 0:
            compile_kernels()
        node.Free()

    def share_files(self, write: Callable[[str], None], read: Callable[[str], None]) -> None:
        """Let one rank of each node write something large into a folder, and all of them map it."""
        node = self._comm.Split_type(self._MPI.COMM_TYPE_SHARED)
        if node.size > 1:
            folder = tempfile.mkdtemp(prefix="mcpump-") if node.rank == 0 else ""
            try:
                if node.rank == 0:
                    write(folder)
                self._wait(node.Ibarrier())
                read(node.bcast(folder))
                self._wait(node.Ibarrier())
            finally:  # what is mapped stays until it is no longer used
                if node.rank == 0:
                    shutil.rmtree(folder, ignore_errors=True)
        node.Free()

    @contextlib.contextmanager
    def guard(self) -> Iterator[None]:
        """End the whole job when this rank fails: the others would wait for it for ever."""
        try:
            yield
        except BaseException as error:
            status, trace = 1, ""
            if isinstance(error, KeyboardInterrupt):
                text = "interrupted"
            elif isinstance(error, MemoryError):
                text = "out of memory"
            elif isinstance(error, McpumpError):
                text, status = str(error), error.status
            else:
                trace, text = traceback.format_exc(), f"{type(error).__name__}: {error}"
            console.tell(f"{trace}mcpump: rank {self.rank} of {self.size} failed: {text}")
            # with a moment to pass it on: mpirun may drop what comes just before Abort
            time.sleep(FAREWELL)
            self._given.Abort(status)
            os._exit(status)  # Abort may return before this process is ended

    def close(self) -> None:
        """Let go of the other ranks; all of them do: an MPI library has some thousand communicators only."""
        self._comm.Free()

    def _wait(self, request: Any) -> None:
        while not request.Test():
            time.sleep(PATIENCE)


def connect(comm: Any = WORLD) -> Alone:
    """Connect to the other ranks of a job.

    Parameters
    ----------
    comm : "world", None or an mpi4py communicator
        Who walks together: all processes that the launcher started, this one alone, or those of the communicator.

    Returns
    -------
    Alone or World
        Alone without a launcher, or where one process is all there is.

    Raises
    ------
    InputError
        Where a launcher started several processes that cannot see each other: each would walk the whole run
        and write the same file.
    """
    if comm is None:
        return Alone()
    if not isinstance(comm, str):
        return _connect_within(comm)
    if comm != WORLD:
        raise InputError(_WRONG.format(show(comm)))
    expected = launcher_size()
    if expected <= 1:
        return Alone()
    try:
        MPI = _library()
    except (ImportError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise InputError(
            f"this is one of {expected} processes, but MPI cannot be used ({reason}): install mcpump[mpi] and an MPI "
            "library, or start one process"
        ) from None
    if MPI.COMM_WORLD.size != expected:
        library = MPI.Get_library_version().split("\n")[0].strip()
        raise InputError(
            f"the launcher started {expected} processes, but MPI ({library}) sees {MPI.COMM_WORLD.size}: start the job "
            "with the mpirun of that library (under Slurm also srun --mpi=pmi2 for MPICH, --mpi=pmix for Open MPI)"
        )
    return World(MPI, MPI.COMM_WORLD)


def _connect_within(comm: Any) -> Alone:
    """Connect to the ranks of a communicator of mpi4py."""
    if not type(comm).__module__.startswith("mpi4py"):
        raise InputError(_WRONG.format(show(comm)))
    MPI = _library()
    if not isinstance(comm, MPI.Intracomm) or comm == MPI.COMM_NULL:
        raise InputError(_WRONG.format(comm.name or "a null communicator"))
    return World(MPI, comm) if comm.size > 1 else Alone()


def _library() -> Any:
    """MPI, initialized.

    `srun` leaves PMIX_NAMESPACE in the environment of what it starts; MPICH 5 below an mpirun in there finds the signs of
    two launchers and gives up, unless it is told that the inner one speaks PMI 1.
    """
    if "PMI_SIZE" in os.environ and "PMIX_NAMESPACE" in os.environ:
        os.environ.setdefault("MPIR_CVAR_PMI_VERSION", "1")
    import mpi4py

    mpi4py.rc.thread_level = "funneled"  # type: ignore[attr-defined]
    with warnings.catch_warnings(action="ignore"):  # what mpi4py suspects is refused in `connect`
        from mpi4py import MPI
    return MPI


def default_threads(cores: int) -> int:
    """Threads of a process: all cores when it is the only one of its job, else one or what Slurm gives each task."""
    return cores if launcher_size() <= 1 else first_number(("SLURM_CPUS_PER_TASK",), 1)
