"""mcpump from Python: `mcpump.load` a results file, `mcpump.run` or `mcpump.solve` a deck."""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mcpump import results
from mcpump.deck.read import Deck, deck_from_dict, read_deck
from mcpump.deck.toml import override, write_toml
from mcpump.errors import InputError, McpumpError
from mcpump.loaded import Run
from mcpump.results.saves import Saves
from mcpump.simulate import ranks as parallel
from mcpump.simulate.progress import Bar
from mcpump.simulate.signals import Stops
from mcpump.tally.estimates import Result

if TYPE_CHECKING:
    from mcpump.problem.scene import Problem


def load(path: str | os.PathLike[str]) -> Run:
    """Read a results file.

    Parameters
    ----------
    path : path
        Written by `mcpump run`, `mcpump merge` or `mcpump.run`.

    Returns
    -------
    Run
        With `.local`, `.diffusive`, `.total`, `.equilibrium`, `.charge`, `.budget`, `.deck`, `.to_xarray()`, `.plot()`;
        its text is the table.

    Raises
    ------
    ResultsFileError
        If the file does not exist, is none of mcpump's, or is damaged.
    """
    return Run(results.read(path))


def run(
    deck: str | os.PathLike[str] | Mapping[str, Any],
    output: str | os.PathLike[str] | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    walkers: int | None = None,
    seed: int | None = None,
    threads: int | None = None,
    max_time: float | None = None,
    save_every: float = 300.0,
    overwrite: bool = False,
    progress: bool = True,
    comm: Any = parallel.WORLD,
) -> Run:
    """Walk a deck.

    Under mpirun every rank calls it with the same arguments, they share the walk, and every rank gets the result.

    Parameters
    ----------
    deck : path or mapping
        A deck's file, or its tables as nested dictionaries.
    output : path, optional
        Results file to write, also every `save_every` seconds on the way; none by default.
    set : mapping, optional
        Dotted keys that replace the deck's: ``{"electrons.mean_free_path": "5 nm"}``.
    walkers, seed : int, optional
        In place of `run.walkers` and `run.seed`.
    threads : int, optional
        Threads; by default all cores, in a rank of a job one or what Slurm gives it. The result does not depend on it.
    max_time, save_every : float
        Seconds after which the run stops, with `complete` False, and between two saves.
    overwrite, progress : bool
        Whether `output` may be replaced, and whether to show a bar, in a terminal, a log or a notebook.
    comm : "world", None or an mpi4py communicator
        Who shares the walk: all ranks of the job, none (a run and an output of its own in each rank), or the ranks of the
        communicator.

    Returns
    -------
    Run
        As from `load`.

    Raises
    ------
    InputError
        One sentence on what of the deck cannot be used, or, on every rank, that their arguments differ.
    ResultsFileError
        If `output` exists or cannot be written.
    """
    said = {"walkers": walkers, "seed": seed}
    changed = dict(set or {}) | {f"run.{key}": value for key, value in said.items() if value is not None}
    request = _Request(deck, changed, output, threads, max_time, save_every, overwrite)
    with contextlib.closing(parallel.connect(comm)) as ranks:
        with ranks.guard():
            problem = _plan(ranks, request)
        if isinstance(problem, McpumpError):
            raise problem
        with ranks.guard():
            return Run(_walk(ranks, request, problem, progress and ranks.rank == 0))


def solve(
    deck: str | os.PathLike[str] | Mapping[str, Any],
    output: str | os.PathLike[str] | None = None,
    *,
    set: Mapping[str, Any] | None = None,
    overwrite: bool = False,
) -> Run:
    """Solve a deck along x without walkers: no noise, errors are the solution's own.

    Parameters
    ----------
    deck : path or mapping
        A deck's file, or its tables as nested dictionaries.
    output : path, optional
        Results file to write; none by default.
    set : mapping, optional
        Dotted keys that replace the deck's: ``{"electrons.mean_free_path": "5 nm"}``.
    overwrite : bool
        Whether `output` may be replaced.

    Returns
    -------
    Run
        As from `run`, complete, of 0 walkers.

    Raises
    ------
    InputError
        One sentence on what of the deck cannot be used, or why it has no solution without walkers.
    ResultsFileError
        If `output` exists or cannot be written.
    """
    read = _Request(deck, dict(set or {}), output, None, None, 0.0, overwrite).read()
    if isinstance(read, McpumpError):
        raise read

    from mcpump.problem.reduce import make_problem
    from mcpump.simulate.solve import solve as solved

    problem = make_problem(read)
    if output is not None:
        results.check_writable(output, overwrite)
    result = solved(problem)
    if output is not None:
        results.write(result, output, overwrite)
    return Run(result)


class _Request(NamedTuple):
    """What a rank is asked to walk."""

    deck: str | os.PathLike[str] | Mapping[str, Any]
    changed: Mapping[str, Any]
    output: str | os.PathLike[str] | None
    threads: int | None
    max_time: float | None
    save_every: float
    overwrite: bool

    def read(self) -> Deck | McpumpError:
        """The deck, or what of it or of the other arguments cannot be used."""
        threads = self.threads
        try:
            if threads is not None and (
                isinstance(threads, bool) or not isinstance(threads, int) or threads < 1
            ):
                raise InputError(f"threads = {threads!r} must be a whole number of at least 1")
            overrides = [f"{key}={_literal(key, value)}" for key, value in self.changed.items()]
            if isinstance(self.deck, Mapping):
                return deck_from_dict(override(self.deck, overrides))
            return read_deck(self.deck, overrides)
        except McpumpError as error:
            return error

    def other_arguments(self) -> dict[str, Any]:
        """Arguments beside the deck in which ranks that walk together may not differ."""
        output = None if self.output is None else os.path.abspath(self.output)
        return {
            "output": output,
            "max_time": self.max_time,
            "save_every": self.save_every,
            "overwrite": self.overwrite,
        }


def _plan(ranks: parallel.Alone, request: _Request) -> Problem | McpumpError:
    """Make the deck ready, or say, the same on all ranks, what is wrong with it or between them."""
    from mcpump.problem.reduce import make_problem  # loads numba, which takes a second

    deck = request.read()
    asked = deck if isinstance(deck, McpumpError) else deck.resolved
    others = request.other_arguments()
    told = ranks.gather(_complaint(asked, others, *ranks.broadcast((asked, others))))
    problem: Problem | McpumpError | None = None
    if ranks.rank == 0:
        try:
            if isinstance(deck, McpumpError):
                raise deck
            for rank, complaint in enumerate(told):
                if complaint:
                    raise InputError(f"rank {rank} of the {ranks.size} {complaint}")
            problem = make_problem(deck)
            if request.output is not None:
                results.check_writable(request.output, request.overwrite)
        except McpumpError as error:
            problem = error
    found = ranks.broadcast(problem)
    assert found is not None  # rank 0's
    return found


def _complaint(
    asked: str | McpumpError, others: Mapping[str, Any], first: str | McpumpError, others_of_first: Mapping[str, Any]
) -> str:  # fmt: skip
    """What keeps a rank from walking together with rank 0, or "": resolved decks, and the arguments beside them."""
    if isinstance(first, McpumpError):
        return ""
    if isinstance(asked, McpumpError):
        return f"cannot walk with the others: {asked}"
    mine, its = _keys(tomllib.loads(asked)), _keys(tomllib.loads(first))
    keys = [key for key in dict.fromkeys([*its, *mine]) if mine.get(key) != its.get(key)]
    keys += [name for name, value in others.items() if value != others_of_first[name]]
    if not keys:
        return ""
    named = ", ".join(keys[:3]) + (" …" if len(keys) > 3 else "")
    return (
        f"asks for another run than rank 0 ({named}): give all ranks the same "
        "deck and arguments, or comm=None for a run of its own in each, or comm= the communicator of those that share one"
    )


def _keys(table: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Dotted keys of a deck, with their values."""
    found: dict[str, Any] = {}
    for key, value in table.items():
        found |= _keys(value, f"{above}{key}.") if isinstance(value, Mapping) else {above + key: value}
    return found


def _walk(ranks: parallel.Alone, request: _Request, problem: Problem, shown: bool) -> Result:
    """Walk on all ranks, and save on the way; the result is everybody's."""
    from mcpump.simulate import engine as simulate

    # not entered: signals stay the caller's, Ctrl-C interrupts as everywhere in Python
    clock = Stops(request.max_time)
    simulate.make_ready(ranks, problem, Bar(shown).say)
    with Bar(shown) as bar:
        saves = None if request.output is None else Saves(request.output, request.overwrite, bar.say)
        save = None if saves is None else saves.on_the_way
        found = simulate.run(
            problem, request.threads, bar, ranks, save, request.save_every, stop=clock.reason
        )
    if found is not None and saves is not None:
        saves.write(found)
    result = ranks.broadcast(found)
    assert result is not None  # rank 0's
    return result


def _literal(key: str, value: Any) -> str:
    """One value as TOML."""
    if not isinstance(value, str | int | float | np.number | list | tuple):
        raise InputError(f"{key} = {value!r} must be text, a number or a list")
    try:
        return write_toml({key: value}).partition(" = ")[2].strip()
    except (TypeError, ValueError):
        raise InputError(f"{key} = {value!r} must be text, a number or a list of these") from None
