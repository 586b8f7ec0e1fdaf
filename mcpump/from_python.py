"""mcpump from Python: `mcpump.load` a results file, `mcpump.run` a deck."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from mcpump import parallel, results
from mcpump.cli_run import share
from mcpump.deck import deck_from_dict, read_deck
from mcpump.deck_text import override, write_toml
from mcpump.errors import InputError, McpumpError, ResultsFileError
from mcpump.estimates import Result
from mcpump.loaded import Run
from mcpump.progress import Bar
from mcpump.signals import Stops

if TYPE_CHECKING:
    from mcpump.model import Problem


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
) -> Run:
    """Walk a deck.

    Under mpirun every rank calls it, and every rank gets the result.

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
        Threads; all cores by default. The result does not depend on it.
    max_time : float, optional
        Seconds after which the run stops, with `complete` False.
    save_every : float
        Seconds.
    overwrite : bool
        Whether `output` may be replaced.
    progress : bool
        Whether to show a bar, in a terminal, a log or a notebook.

    Returns
    -------
    Run
        See `load`.

    Raises
    ------
    InputError
        One sentence on what of the deck cannot be used.
    ResultsFileError
        If `output` exists or cannot be written.
    """
    # loads numba, which takes a second
    from mcpump import simulate

    changed = dict(set or {}) | {
        f"run.{key}": value for key, value in (("walkers", walkers), ("seed", seed)) if value is not None
    }
    if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
        raise InputError(f"threads = {threads!r} must be a whole number of at least 1")
    texts = [f"{key}={_literal(key, value)}" for key, value in changed.items()]
    ranks = parallel.connect()
    # what rank 0 reads need not be read by the others
    problem = ranks.broadcast(_problem(deck, texts) if ranks.rank == 0 else None)
    if isinstance(problem, McpumpError):
        raise problem
    assert problem is not None
    if output is not None and ranks.rank == 0:
        results.check_writable(output, overwrite)
    saved: list[bool] = []

    def save(result: Result) -> None:
        """Save on the way; a full disk does not end the walk, the file is as it was."""
        if output is not None:
            try:
                results.write(result, output, overwrite or bool(saved))
                saved.append(True)
            except ResultsFileError as error:
                bar.say(f"{error} The walk goes on; the file is as it was.")

    clock = Stops(
        max_time
    )  # not entered: signals stay the caller's, Ctrl-C interrupts as everywhere in Python
    shown = progress and ranks.rank == 0
    with ranks.guard():
        if shown and not simulate.is_compiled(problem):
            print(
                "compiling the kernels, once for this version on this machine (up to a minute)",
                file=sys.stderr,
            )
        if problem.snapshots is not None:
            share(ranks, problem.snapshots)
        ranks.compile_once(lambda: simulate.compile_kernels(problem), lambda: simulate.is_compiled(problem))
        with Bar(shown) as bar:
            found = simulate.run(problem, threads, bar, ranks, save, save_every, stop=clock.reason)
        if found is not None and output is not None:
            results.write(found, output, overwrite or bool(saved))
        result = ranks.broadcast(found)
    assert result is not None  # rank 0's
    return Run(result)


def _problem(deck: str | os.PathLike[str] | Mapping[str, Any], overrides: list[str]) -> Problem | McpumpError:
    """Make a deck ready, or say what is wrong with it."""
    from mcpump.problem import make_problem

    try:
        if isinstance(deck, Mapping):
            return make_problem(deck_from_dict(override(deck, overrides)))
        return make_problem(read_deck(deck, overrides))
    except McpumpError as error:
        return error


def _literal(key: str, value: Any) -> str:
    """One value as TOML."""
    if not isinstance(value, str | int | float | np.number | list | tuple):
        raise InputError(f"{key} = {value!r} must be text, a number or a list")
    try:
        return write_toml({key: value}).partition(" = ")[2].strip()
    except (TypeError, ValueError):
        raise InputError(f"{key} = {value!r} must be text, a number or a list of these") from None
