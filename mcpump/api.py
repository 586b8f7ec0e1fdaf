"""mcpump from Python: `run`, `solve`, `check`, `sweep` and `resume` a deck, `load` a results file."""

from __future__ import annotations

import contextlib
import os
import tomllib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, TypeVar, Unpack

import numpy as np

from mcpump import results
from mcpump.deck.read import Deck, Given, given_deck
from mcpump.deck.target import target
from mcpump.deck.toml import override, write_toml
from mcpump.errors import InputError, McpumpError
from mcpump.loaded import Check, Run, Series
from mcpump.results import sweep_file
from mcpump.results.saves import Saves
from mcpump.simulate import ranks as parallel
from mcpump.simulate.checkpoint import Start, check_same_deck, given_by, start_of
from mcpump.simulate.progress import Bar
from mcpump.simulate.signals import Stops
from mcpump.simulate.sweep import Point, Sweep
from mcpump.tally.estimates import Result, Status
from mcpump.textures.program import source_of, texture_of

if TYPE_CHECKING:
    from mcpump.problem.scene import Problem

Path_ = str | os.PathLike[str]
Value = TypeVar("Value")
SAVE_EVERY = 300.0
"""Seconds between two saves."""


class Changes(TypedDict, total=False):
    """What may be changed of a deck where it is run, checked, swept or gone on with."""

    set: Mapping[str, Any]
    """Dotted keys that replace the deck's: ``{"electrons.mean_free_path": "5 nm"}``."""
    texture: Callable[..., Any]
    """A function S(x, y, z, t, …) in place of the deck's texture, whose frequency stays. Further arguments are its
    parameters, whose values are in texture.parameters, or their defaults."""
    walkers: int
    """In place of run.walkers; with `rel_err` the most."""
    rel_err: float
    """Walk until the stop rule's number, or else the DC current of spin z through the middle plane, is known so well."""
    seed: int
    """In place of run.seed."""


def load(path: Path_) -> Run:
    """Read a results file.

    Parameters
    ----------
    path : path
        Written by `mcpump run`, `mcpump merge` or `mcpump.run`.

    Returns
    -------
    Run
        With `.local`, `.diffusive`, `.total`, `.equilibrium`, `.charge`, `.budget`, `.deck`, `.estimate()`, `.plot()`,
        `.to_xarray()`, `.to_dataframe()`; its text is the table.

    Raises
    ------
    ResultsFileError
        If the file does not exist, is none of mcpump's, or is damaged.
    """
    return Run(results.read(path))


def check(deck: Path_ | Mapping[str, Any], *, pilot: bool = False, **changes: Unpack[Changes]) -> Check:
    """Say what a deck means and costs; walk nothing but a pilot.

    Parameters
    ----------
    deck : path or mapping
        A deck's file, or its tables as nested dictionaries.
    pilot : bool
        Whether to walk a few thousand walkers, and forecast the accuracy of the run.
    **changes
        `set`, `texture`, `walkers`, `rel_err`, `seed`: as for `run`.

    Returns
    -------
    Check
        Its text is that of `mcpump check`; with `.regime`, `.warnings`, `.notes` and `.deck`, the resolved deck.

    Raises
    ------
    InputError
        One sentence on what of the deck cannot be used.
    """
    from mcpump.problem.reduce import make_problem

    problem = make_problem(_Request(_given(deck), changes).read())
    if not pilot:
        return Check(problem)
    from mcpump.report.forecast import pilot_lines
    from mcpump.simulate.pilot import pilot as walk_some

    return Check(problem, pilot_lines(walk_some(problem)))


def run(
    deck: Path_ | Mapping[str, Any],
    output: Path_ | None = None,
    *,
    threads: int | None = None,
    max_time: float | None = None,
    save_every: float = SAVE_EVERY,
    overwrite: bool = False,
    progress: bool = True,
    comm: Any = parallel.WORLD,
    **changes: Unpack[Changes],
) -> Run:
    """Walk a deck.

    Under mpirun every rank calls it with the same arguments, they share the walk, and every rank gets the result.

    Parameters
    ----------
    deck : path or mapping
        A deck's file, or its tables as nested dictionaries.
    output : path, optional
        Results file to write, also every `save_every` seconds on the way; none by default.
    threads : int, optional
        Threads; by default all cores, in a rank of a job one or what Slurm gives it. The result does not depend on it.
    max_time, save_every : float
        Seconds after which the run stops, with `complete` False, and between two saves.
    overwrite, progress : bool
        Whether `output` may be replaced, and whether to show a bar, in a terminal, a log or a notebook.
    comm : "world", None or an mpi4py communicator
        Who shares the walk: all ranks of the job, none (a run and an output of its own in each rank), or the ranks of the
        communicator.
    **changes
        What of the deck is changed:

        - ``set``: dotted keys that replace the deck's, ``{"electrons.mean_free_path": "5 nm"}``;
        - ``texture``: a function S(x, y, z, t, …) that gives Sx, Sy, Sz, in place of the deck's texture, whose frequency
          stays. Further arguments are parameters, with values in ``texture.parameters``, or their defaults;
        - ``walkers``, ``seed``: in place of `run.walkers` and `run.seed`;
        - ``rel_err``: walk until the number of the deck's stop rule, or else the DC current of spin z through the middle
          plane, is known so well; ``walkers`` are the most then.

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
    way = _Way(threads, max_time, save_every, overwrite, progress)
    with contextlib.closing(parallel.connect(comm)) as ranks:
        return _act(ranks, lambda: _Request(_given(deck), changes, output, way=way))


def resume(
    file: Path_,
    output: Path_ | None = None,
    *,
    threads: int | None = None,
    max_time: float | None = None,
    save_every: float = SAVE_EVERY,
    overwrite: bool = False,
    progress: bool = True,
    comm: Any = parallel.WORLD,
    **changes: Unpack[Changes],
) -> Run:
    """Go on with a results file, to the very bits of a run that was never stopped.

    Parameters
    ----------
    file : path
        The file.
    output : path, optional
        Results file to write; the same file by default.
    threads, max_time, save_every, overwrite, progress, comm, **changes
        As for `run`. More `walkers` or a smaller `rel_err` may be asked for, nothing else of the deck changed. A texture
        that was a function is given again, a texture file is named, ``set={"texture.file": FILE}``: it must be the same.

    Returns
    -------
    Run
        As from `load`.

    Raises
    ------
    InputError
        If the deck, the version or the texture is another than the file's.
    ResultsFileError
        If the file cannot be read, or `output` exists or cannot be written.
    """
    in_place = output is None or os.path.abspath(output) == os.path.abspath(file)
    way = _Way(threads, max_time, save_every, overwrite or in_place, progress)

    def request() -> _Request:
        held = results.read(file, sealed=True)
        given = given_by(held, (changes.get("set") or {}).get("texture.file"))
        return _Request(given, changes, file if output is None else output, held, os.fspath(file), way)

    with contextlib.closing(parallel.connect(comm)) as ranks:
        return _act(ranks, request)


def sweep(
    deck: Path_ | Mapping[str, Any],
    vary: Mapping[Any, Any],
    folder: Path_,
    *,
    new_walkers: bool = False,
    threads: int | None = None,
    max_time: float | None = None,
    overwrite: bool = False,
    progress: bool = True,
    comm: Any = parallel.WORLD,
    **changes: Unpack[Changes],
) -> Series:
    """Walk a deck at every point of a sweep; what is there already is not walked again.

    Parameters
    ----------
    deck : path or mapping
        A deck's file, or its tables as nested dictionaries.
    vary : mapping
        Key → values: a text as for `mcpump sweep --vary`, ``"0.1:100 nm:13:log"`` or ``"1 nm, 5 nm"``, or a list. Several
        keys make a product. A tuple of keys with a tuple of values lets keys change together.
    folder : path
        For the results files of the points; FOLDER.h5 collects them. The same as those of `mcpump sweep -o FOLDER`.
    new_walkers : bool
        Whether each point has a seed of its own, for fits that take the errors of points as independent.
    threads, max_time, overwrite, progress, comm, **changes
        As for `run`; `max_time` of all points together, `overwrite` walks points anew that are there.

    Returns
    -------
    Series
        Runs of all points, with `.to_xarray()` and `.to_dataframe()`.

    Raises
    ------
    InputError
        One sentence on what of the deck or the values cannot be used.
    """
    way, where = _Way(threads, max_time, SAVE_EVERY, overwrite, progress), sweep_file.folder_of(folder)
    stops = Stops(max_time)
    with contextlib.closing(parallel.connect(comm)) as ranks:
        asked, plan = _together(
            ranks, lambda: _sweep_of(_Request(_given(deck), changes, way=way), vary, new_walkers, where)
        )
        for point in plan.points:
            Bar(progress and ranks.rank == 0).say(f"point {point.number} of {len(plan.points)}: {point.name}")
            found = _act(ranks, partial(_at_point, asked, plan, point, where), stops)
            if found.result.status is Status.STOPPED:
                break
        there = _together(ranks, lambda: _collected(plan, where, ranks.rank == 0, overwrite))
    return Series(plan, there, sweep_file.beside(where))


class _Way(NamedTuple):
    """How a rank walks."""

    threads: int | None = None
    max_time: float | None = None
    save_every: float = SAVE_EVERY
    overwrite: bool = False
    progress: bool = False


def solve(
    deck: Path_ | Mapping[str, Any],
    output: Path_ | None = None,
    *,
    overwrite: bool = False,
    **changes: Unpack[Changes],
) -> Run:
    """Solve a deck along x without walkers: no noise, errors are the solution's own.

    Parameters
    ----------
    deck : path or mapping
        A deck's file, or its tables as nested dictionaries.
    output : path, optional
        Results file to write; none by default.
    overwrite : bool
        Whether `output` may be replaced.
    **changes
        As for `run`.

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
    checked = _Request(_given(deck), changes).read()

    from mcpump.problem.reduce import make_problem
    from mcpump.simulate.solve import solve as solved

    problem = make_problem(checked)
    if output is not None:
        results.check_writable(output, overwrite)
    result = solved(problem)
    if output is not None:
        results.write(result, output, overwrite)
    return Run(result, problem)


class _Request(NamedTuple):
    """What a rank is asked to walk."""

    given: Given
    changes: Mapping[str, Any]
    output: Path_ | None = None
    held: Result | None = None
    """What it goes on with, and the name of its file."""
    held_name: str = ""
    way: _Way = _Way()
    overrides: Sequence[str] = ()
    """Further ones, "key=value"."""

    def all_overrides(self) -> list[str]:
        """What is changed of the deck, "key=value", but for what `rel_err` stands for."""
        named = {key: self.changes.get(key) for key in ("walkers", "seed")}
        changed = dict(self.changes.get("set") or {})
        changed |= {f"run.{key}": value for key, value in named.items() if value is not None}
        return [*(f"{key}={_literal(key, value)}" for key, value in changed.items()), *self.overrides]

    def with_texture(self) -> Given:
        """The deck with the function that is its texture, if there is one."""
        function = self.changes.get("texture")
        return self.given if function is None else _with_texture(self.given, function)

    def check_arguments(self) -> None:
        """Refuse arguments that are none."""
        if unknown := [name for name in self.changes if name not in Changes.__annotations__]:
            raise TypeError(
                f"unknown argument {unknown[0]!r}: of a deck {', '.join(Changes.__annotations__)} can be changed"
            )
        threads = self.way.threads
        if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
            raise InputError(f"threads = {threads!r} must be a whole number of at least 1")

    def read(self) -> Deck:
        """The deck, checked."""
        self.check_arguments()
        given, overrides = self.with_texture(), self.all_overrides()
        if (error := self.changes.get("rel_err")) is not None:
            data, most = override(given.data, overrides), self.changes.get("walkers")
            overrides += target(data, error, most, lambda: given.deck(overrides), f"rel_err = {error}")
        return given.deck(overrides)

    def other_arguments(self) -> dict[str, Any]:
        """Arguments beside the deck in which ranks that walk together may not differ."""
        output = None if self.output is None else os.path.abspath(self.output)
        way = self.way
        return {
            "output": output,
            "max_time": way.max_time,
            "save_every": way.save_every,
            "overwrite": way.overwrite,
        }


class _Plan(NamedTuple):
    """What rank 0 has found that all shall walk."""

    problem: Problem
    start: Start | None
    is_walked: bool
    """Whether what the run would go on with holds all of it."""


def _given(deck: Path_ | Mapping[str, Any]) -> Given:
    """A deck as a file or as tables."""
    return Given(deck) if isinstance(deck, Mapping) else given_deck(deck)


def _with_texture(given: Given, function: Callable[..., Any]) -> Given:
    """A deck whose texture is a function: the frequency stays, of a user's texture everything but the file."""
    texture = given.data.get("texture", {})
    if not isinstance(texture, Mapping):
        return given  # refused where the deck is checked
    own = texture_of(function)
    is_user = texture.get("kind") == "user"
    kept = {key: texture[key] for key in texture if is_user or key in ("frequency", "angular_frequency")}
    given_values = kept.get("parameters", {})
    if "parameters" in own and isinstance(given_values, Mapping):
        kept["parameters"] = own.pop("parameters") | dict(given_values)
    elif "parameters" in kept:
        own.pop("parameters", None)  # refused where the deck is checked
    return given._replace(data={**given.data, "texture": {**kept, **own}}, texture_source=source_of(function))


def _act(ranks: parallel.Alone, request: Callable[[], _Request], stops: Stops | None = None) -> Run:
    """Walk on all ranks; what is refused is raised on each of them, in one sentence."""
    with ranks.guard():
        asked, plan = _plan(ranks, request)
    if isinstance(asked, McpumpError):
        raise asked
    if isinstance(plan, McpumpError):
        raise plan
    assert plan is not None  # rank 0's
    with ranks.guard():
        return Run(_walk(ranks, asked, plan, stops), plan.problem)


def _plan(
    ranks: parallel.Alone, request: Callable[[], _Request]
) -> tuple[_Request | McpumpError, _Plan | McpumpError | None]:
    """Make the deck ready, or say, the same on all ranks, what is wrong with it or between them."""
    asked: _Request | McpumpError
    deck: Deck | McpumpError
    try:
        asked = request()
        deck = asked.read()
    except McpumpError as error:
        asked = deck = error
    text = deck if isinstance(deck, McpumpError) else deck.resolved
    others = {} if isinstance(asked, McpumpError) else asked.other_arguments()
    told = ranks.gather(_complaint(text, others, *ranks.broadcast((text, others))))
    plan: _Plan | McpumpError | None = None
    if ranks.rank == 0:
        try:
            plan = _ready(ranks, asked, deck, told)
        except McpumpError as error:
            plan = error
    plan = ranks.broadcast(plan)
    return (plan if isinstance(plan, McpumpError) else asked), plan


def _ready(
    ranks: parallel.Alone, asked: _Request | McpumpError, deck: Deck | McpumpError, told: Sequence[str]
) -> _Plan:
    """What all shall walk; rank 0 finds it."""
    from mcpump.problem.effort import check_memory
    from mcpump.problem.reduce import make_problem, snapshot_bytes  # loads numba, which takes a second
    from mcpump.simulate.engine import WHOLE, check_device, check_start, to_walk

    for wrong in (asked, deck):
        if isinstance(wrong, McpumpError):
            raise wrong
    assert isinstance(asked, _Request)
    assert isinstance(deck, Deck)
    for rank, complaint in enumerate(told):
        if complaint:
            raise InputError(f"rank {rank} of the {ranks.size} {complaint}")
    held, start = asked.held, None
    if held is not None:
        check_same_deck(deck.resolved, held, results.shown(asked.held_name))
        start = start_of(held, results.shown(asked.held_name))
    problem = make_problem(deck)
    check_device(problem)
    if asked.way.threads:
        check_memory(problem.scene, asked.way.threads, snapshot_bytes(problem))
    if start is not None:
        check_start(problem, start, results.shown(asked.held_name))
    is_walked = held is not None and held.complete and not to_walk(problem, start, WHOLE)
    if asked.output is not None and not is_walked:
        results.check_writable(asked.output, asked.way.overwrite)
    return _Plan(problem, start, is_walked)


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


def _walk(ranks: parallel.Alone, asked: _Request, plan: _Plan, stops: Stops | None) -> Result:
    """Walk on all ranks, and save on the way; the result is everybody's."""
    from mcpump.simulate import engine as simulate

    way, problem = asked.way, plan.problem
    if plan.is_walked:
        assert asked.held is not None
        return asked.held
    # not entered: signals stay the caller's, Ctrl-C interrupts as everywhere in Python
    clock = stops or Stops(way.max_time)
    shown = way.progress and ranks.rank == 0
    simulate.make_ready(ranks, problem, Bar(shown).say)
    with Bar(shown) as bar:
        saves = None if asked.output is None else Saves(asked.output, way.overwrite, bar.say)
        save = None if saves is None else saves.on_the_way
        found = simulate.run(
            problem, way.threads, bar, ranks, save, way.save_every, plan.start, stop=clock.reason
        )
    if found is not None and saves is not None:
        saves.at_the_end(found)
    result = ranks.broadcast(found)
    assert result is not None  # rank 0's
    return result


def _together(ranks: parallel.Alone, act: Callable[[], Value]) -> Value:
    """Do something on each rank; what one of them refuses is raised on all."""
    value, wrong = None, None
    try:
        value = act()
    except McpumpError as error:
        wrong = error
    if refusals := [one for one in ranks.gather(wrong) if one is not None]:
        raise refusals[0]
    assert value is not None
    return value


def _collected(plan: Sweep, folder: Path, write: bool, overwrite: bool) -> list[Result | None]:
    """What is there of a sweep; rank 0 writes the file that collects it."""
    there = sweep_file.results_of(plan, folder)
    if write:
        collected = sweep_file.collect(plan, there)
        sweep_file.put(sweep_file.beside(folder), plan, collected, there, overwrite)
    return there


def _sweep_of(
    asked: _Request, vary: Mapping[Any, Any], new_walkers: bool, folder: Path
) -> tuple[_Request, Sweep]:
    """Points of a sweep; every deck is checked before anything is walked."""
    asked.check_arguments()
    found = Sweep(asked.with_texture(), asked.all_overrides(), _groups(vary), new_walkers)
    found.coordinates()  # refuses a value that comes twice
    for point in found.points:
        found.deck(point)
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {str(folder)!r} cannot be made: {error.strerror}") from None
    file = sweep_file.beside(folder)
    results.check_writable(file, asked.way.overwrite or sweep_file.may_be_replaced(file, found))
    return asked, found


def _groups(vary: Mapping[Any, Any]) -> list[list[str]]:
    """Axes of a sweep, "KEY=VALUES"; a tuple of keys is one axis."""
    groups = []
    for keys, values in vary.items():
        several = isinstance(keys, tuple)
        if several and not (isinstance(values, tuple) and len(values) == len(keys)):
            raise InputError(
                f"vary: {', '.join(map(str, keys))} change together: as many values are needed, in a tuple, each a "
                "text or a list"
            )
        pairs = zip(keys, values, strict=True) if several else [(keys, values)]
        groups.append([f"{key}={_values(key, one)}" for key, one in pairs])
    return groups


def _values(key: str, values: Any) -> str:
    """Values of a key as `--vary` takes them."""
    if isinstance(values, str):
        return values
    if not isinstance(values, list | tuple | np.ndarray):
        raise InputError(f"vary: {key} = {values!r} must be a text or a list of values")
    plain = [one.item() if isinstance(one, np.generic) else one for one in values]
    return ", ".join(
        one if isinstance(one, str) and not set(one) & set(',:"[]{}') else _literal(key, one) for one in plain
    )


def _at_point(asked: _Request, plan: Sweep, point: Point, folder: Path) -> _Request:
    """What to walk at a point: what is missing of it."""
    file = folder / f"{point.name}.h5"
    held = results.read(file, sealed=True) if file.exists() and not asked.way.overwrite else None
    way = asked.way._replace(overwrite=True)
    given = plan.given  # with all that is set
    changes = {"rel_err": asked.changes.get("rel_err"), "walkers": asked.changes.get("walkers")}
    return _Request(given, changes, file, held, str(file), way, point.overrides)


def _literal(key: str, value: Any) -> str:
    """One value as TOML."""
    if not isinstance(value, str | int | float | np.number | list | tuple):
        raise InputError(f"{key} = {value!r} must be text, a number or a list")
    try:
        return write_toml({key: value}).partition(" = ")[2].strip()
    except (TypeError, ValueError):
        raise InputError(f"{key} = {value!r} must be text, a number or a list of these") from None
