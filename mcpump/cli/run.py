"""`mcpump run` and `mcpump merge`: from a deck to a results file, on one process or on the ranks of a job."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcpump import console
from mcpump.cli.options import (
    BAD_INPUT,
    COMPLETE,
    STOPPED,
    TARGET_MISSED,
    add_deck,
    add_overwrite,
    add_plain,
    add_texture_file,
    add_walk_options,
    part,
)
from mcpump.errors import InputError, McpumpError, StoppedError

if TYPE_CHECKING:
    from mcpump.deck.read import Deck
    from mcpump.problem.scene import Problem
    from mcpump.simulate.checkpoint import Part, Start
    from mcpump.simulate.ranks import Alone
    from mcpump.simulate.signals import Stops
    from mcpump.tally.estimates import Result


def add_run(commands: Any) -> None:
    """Describe `mcpump run`."""
    run = commands.add_parser("run", help="walk a deck; write a results file, print the table")
    add_deck(run, optional=True)
    run.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="results file (default: the deck's name with .h5, here)"
    )  # fmt: skip
    run.add_argument(
        "--resume", type=Path, metavar="FILE",
        help="go on with a results file, in place unless -o says otherwise; the deck may be left out",
    )  # fmt: skip
    run.add_argument(
        "--part", type=part, metavar="I/N", help="walk part I of N only; `mcpump merge` joins the parts"
    )
    run.add_argument(
        "--continue", action="store_true", dest="go_on",
        help="go on with the results file if it is there, begin it otherwise; nothing is done if it is complete",
    )  # fmt: skip
    add_texture_file(run)
    add_walk_options(run)
    add_overwrite(run)
    run.set_defaults(act=run_deck, answers=False)


def add_merge(commands: Any) -> None:
    """Describe `mcpump merge`."""
    merge = commands.add_parser("merge", help="join results files of one deck over different walkers")
    merge.add_argument("files", type=Path, nargs="+", metavar="FILE")
    merge.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    add_texture_file(merge)
    add_plain(merge)
    add_overwrite(merge)
    merge.set_defaults(act=merge_files, answers=False)


def problem_of(
    options: argparse.Namespace, more: list[str] | None = None, held: Result | None = None
) -> Problem:
    """Read the deck, or that of a results file, with its overrides and make it ready."""
    deck = deck_of(options, [*options.overrides, *(more or [])], held)

    from mcpump.problem.reduce import make_problem  # loads numba: not before the deck is known to be good

    return make_problem(deck)


def deck_of(options: argparse.Namespace, overrides: list[str], held: Result | None) -> Deck:
    """Read the deck, or that of a results file."""
    from mcpump.deck.read import read_deck
    from mcpump.simulate.checkpoint import given_by

    if options.deck is not None or held is None:
        if getattr(options, "texture_file", None):
            raise InputError(
                "--texture-file is for a results file without its DECK, which names the texture's file"
            )
        return read_deck(options.deck, overrides)
    return given_by(held, getattr(options, "texture_file", None)).deck(overrides)


def _target(options: argparse.Namespace, overrides: list[str], held: Result | None) -> list[str]:
    """Overrides for `--rel-err`: the deck's stop rule, or one for the DC current along z at the middle plane."""
    import tomllib

    from mcpump.deck.target import target
    from mcpump.deck.toml import override, read_toml

    given = tomllib.loads(held.resolved) if options.deck is None and held else read_toml(options.deck)
    return target(
        override(given, options.overrides), options.rel_err, options.walkers,
        lambda: deck_of(options, [*options.overrides, *overrides], held), f"--rel-err {options.rel_err}",
    )  # fmt: skip


def run_deck(options: argparse.Namespace) -> int:
    """`mcpump run`: walk a deck, on one process or on the ranks of an MPI job."""
    return on_ranks(options, lambda ranks, stops: walk(options, ranks, stops, print_table))


def on_ranks(options: argparse.Namespace, act: Callable[[Alone, Stops], int | McpumpError]) -> int:
    """Do something on one process or on the ranks of an MPI job; rank 0 raises what it refuses."""
    # the walk has its own threads; those of the linear algebra library would only stand in their way
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    from mcpump.simulate import ranks as parallel
    from mcpump.simulate.signals import Stops

    ranks = parallel.connect()
    with ranks.guard(), Stops(options.max_time, options.own_process) as stops:
        end = act(ranks, stops)
        if not isinstance(end, McpumpError):
            return end
    if ranks.rank == 0:
        raise end
    return BAD_INPUT


def walk(
    options: argparse.Namespace, ranks: Alone, stops: Stops, tell: Callable[[Result], None]
) -> int | McpumpError:
    """Walk one deck on all ranks and save it; a refusal before anything is walked is the same on all ranks.

    Parameters
    ----------
    options : Namespace
        Those of `mcpump run`.
    ranks, stops
        The processes, and the reasons to stop.
    tell : callable
        Prints the result, on rank 0, unless `--quiet`.

    Returns
    -------
    int or McpumpError
        The exit status, or the refusal.
    """
    from mcpump.simulate.progress import start_log

    start_log("warning" if options.quiet else options.log_level, ranks.rank, ranks.size)
    plan = ranks.broadcast(_plan(options) if ranks.rank == 0 else None)
    if plan is None or isinstance(plan, McpumpError):
        return COMPLETE if plan is None else plan
    return ranks.broadcast(_walk(options, ranks, stops, tell, *plan))


def _plan(options: argparse.Namespace) -> tuple[Problem, Start | None] | McpumpError | None:
    """Make the deck ready and see that the results can be written; an error is handed over to all ranks.

    None where there is nothing to do.
    """
    from mcpump import results
    from mcpump.problem.effort import check_memory
    from mcpump.problem.reduce import snapshot_bytes
    from mcpump.simulate import checkpoint
    from mcpump.simulate import engine as simulate
    from mcpump.simulate.progress import log
    from mcpump.tally.tally import books_bytes

    named = {"walkers": options.walkers, "seed": options.seed, "device": options.device}
    overrides = [f"run.{key}={value}" for key, value in named.items() if value is not None]
    try:
        resume = _to_resume(options)
        held = results.read(resume, sealed=True) if resume else None
        if options.deck is None and held is None:
            raise InputError("mcpump run needs a DECK, or --resume FILE")
        if options.rel_err is not None:
            overrides += _target(options, overrides, held)
        if held is not None and options.go_on and _is_finished(options, overrides, held):
            log.info(f"{results.shown(output_of(options))} is complete")
            return None
        problem = problem_of(options, overrides, held)
        simulate.check_device(problem)
        if options.threads:
            check_memory(problem.scene, options.threads, snapshot_bytes(problem))
        start = None
        if held is not None and resume is not None:
            checkpoint.check_same_deck(problem.resolved, held, results.shown(resume))
            start = checkpoint.start_of(held, results.shown(resume))
        simulate.to_walk(problem, start, _share(options))  # to see that they fit
        if start is not None:
            simulate.check_start(problem, start, results.shown(resume or output_of(options)))
        # estimates and what is around them take about as much as the books
        size = 2 * books_bytes(problem.scene)
        results.check_writable(output_of(options), _may_replace(options), size)
    except McpumpError as error:
        return error
    return problem, start


def _to_resume(options: argparse.Namespace) -> Path | None:
    """File to go on with."""
    if not options.go_on:
        return Path(options.resume) if options.resume else None
    if options.deck is None or options.resume or options.overwrite:
        raise InputError("--continue needs a DECK, and neither --resume nor --overwrite")
    return output_of(options) if output_of(options).exists() else None


def _is_finished(options: argparse.Namespace, overrides: list[str], held: Result) -> bool:
    """Whether a file holds all that is asked for; a file of another deck or version is refused."""
    import tomllib

    from mcpump import results
    from mcpump.simulate import checkpoint

    name = results.shown(output_of(options))
    resolved = deck_of(options, [*options.overrides, *overrides], held).resolved
    checkpoint.check_same_deck(resolved, held, name)
    checkpoint.check_version(held, name)
    wanted, there = (tomllib.loads(text)["run"] for text in (resolved, held.resolved))
    enough = wanted["walkers"] <= there["walkers"] and wanted.get("stop") == there.get("stop")
    return held.complete and enough


def _share(options: argparse.Namespace) -> Part:
    """Part of the run to walk."""
    from mcpump.simulate.checkpoint import Part

    return Part(*options.part) if options.part else Part()


def output_of(options: argparse.Namespace) -> Path:
    """The results file of a run."""
    if options.output:
        return Path(options.output)
    if options.resume:
        return Path(options.resume)
    part = ".part-{}-of-{}".format(*options.part) if options.part else ""
    return Path(f"{options.deck.stem}{part}.h5")


def _may_replace(options: argparse.Namespace) -> bool:
    """Whether the results file may be replaced: when asked, or when the run goes on with it."""
    going_on = options.go_on or (options.resume and output_of(options) == options.resume)
    return bool(options.overwrite or going_on)


def _walk(
    options: argparse.Namespace,
    ranks: Alone,
    stops: Stops,
    tell: Callable[[Result], None],
    problem: Problem,
    start: Start | None,
) -> int | McpumpError:
    """Walk, save, and tell; the exit status, which rank 0 knows, or why there is nothing to save."""
    from mcpump.machine import cores
    from mcpump.results.saves import Saves
    from mcpump.simulate import engine as simulate
    from mcpump.simulate import ranks as parallel
    from mcpump.simulate.progress import Display, log

    threads = options.threads or parallel.default_threads(cores())
    output = output_of(options)
    log.info(f"{problem.name}: {problem.walkers} walkers on {ranks.size} × {threads} cores, to {output}")
    if problem.program:
        from mcpump.textures.program import name_of

        log.info(f"{name_of(problem.program.path)}, sha256 {problem.program.sha256}")
    for sentence in problem.warnings:
        log.warning(f"warning: {sentence}")
    simulate.make_ready(ranks, problem, log.info)
    saves = Saves(output, options.overwrite, log.error, start)
    bar = None if options.progress == "auto" else options.progress == "bar"
    with Display(bar) as display:
        try:
            result = simulate.run(
                problem, threads, display, ranks, saves.on_the_way, options.save_every, start, _share(options),
                stops.reason,
            )  # fmt: skip
        except StoppedError as error:
            return error
    if result is None:
        return COMPLETE
    saved = result
    try:
        saved = saves.at_the_end(result)
    finally:  # where it cannot be written, the table is all there will be
        if not options.quiet:
            tell(result)
    return _status(saved)


def _status(result: Result) -> int:
    """Exit status of a run, and a word on standard error where it is not complete."""
    from mcpump.tally.estimates import Status

    if result.complete:
        return COMPLETE
    console.tell(f"mcpump: {result.message}")
    return {Status.MISSED: TARGET_MISSED, Status.STOPPED: STOPPED}.get(result.status, COMPLETE)


def merge_files(options: argparse.Namespace) -> int:
    """`mcpump merge`: join parts of a run."""
    from mcpump import results
    from mcpump.simulate import checkpoint
    from mcpump.simulate import engine as simulate

    results.check_writable(options.output, options.overwrite)
    files = [results.read(path, sealed=True) for path in options.files]
    names = [results.shown(path) for path in options.files]
    start = checkpoint.merged(files, names)
    # the same one, whatever the order of the files
    most = max(files, key=lambda file: (_walkers_of(file), file.resolved, file.name))
    options.overrides, options.deck = [], None
    result = simulate.result_of(problem_of(options, [], most), start)
    results.write(result, options.output, options.overwrite)
    print_table(result)
    return _status(result)


def print_table(result: Result) -> None:
    """Print the table of a result that is safe in its file."""
    from mcpump import report

    print(report.table(result).rstrip("\n"))


def _walkers_of(result: Result) -> int:
    """Walkers that a file's deck asks for."""
    import tomllib

    return int(tomllib.loads(result.resolved)["run"]["walkers"])
