"""`mcpump sweep`: walk a deck at every point of a sweep, or list the runs, and collect them in one file."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcpump.cli.options import (
    COMPLETE,
    SAVE_EVERY,
    STOPPED,
    TARGET_MISSED,
    add_deck,
    add_overwrite,
    add_walk_options,
)
from mcpump.cli.run import on_ranks, walk
from mcpump.cli.solve import solved
from mcpump.console import CONTROL
from mcpump.deck.toml import Unset
from mcpump.errors import InputError, McpumpError, show

if TYPE_CHECKING:
    from mcpump.simulate.ranks import Alone
    from mcpump.simulate.signals import Stops
    from mcpump.simulate.sweep import Point, Sweep


_DEFAULTS = {
    "walkers": None, "rel_err": None, "threads": None, "device": None, "max_time": None, "save_every": SAVE_EVERY,
    "log_level": "info", "progress": "auto",
}  # fmt: skip
"""Options of a sweep that its points' runs take over, and what they are if not given."""


_OF_WALKS = ("walkers", "rel_err", "seed", "max_time", "new_walkers", "threads", "device")


class _With(argparse.Action):
    """`--with` belongs to the axis of the `--vary` before it."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option: Any = None) -> None:
        """Add the key to the last axis."""
        if not namespace.vary:
            parser.error(f"argument --with: {values!r} needs a --vary before it, with which it changes")
        namespace.vary[-1].append(values)


class _Vary(argparse.Action):
    """Every `--vary` is an axis."""

    def __call__(self, parser: Any, namespace: argparse.Namespace, values: Any, option: Any = None) -> None:
        """Begin a new axis."""
        namespace.vary = [*(namespace.vary or []), [values]]


def add_sweep(commands: Any) -> None:
    """Describe the command."""
    sweep = commands.add_parser(
        "sweep",
        help="walk a deck at several values of its keys; one file collects the results",
        description="Walk a deck at every point of a sweep. Points that are complete are skipped, interrupted ones "
        "go on. The points are results files in FOLDER, FOLDER.h5 collects them.",
    )
    add_deck(sweep)
    sweep.add_argument(
        "--vary", action=_Vary, required=True, metavar="K=VALUES",
        help='an axis of the sweep: start:stop [unit]:count[:log|lin], "0.1:100 nm:13:log", or a list, "1 nm, 5 nm"; '
        "several make a product",
    )  # fmt: skip
    sweep.add_argument(
        "--with", action=_With, metavar="K=VALUES", help="another key that changes together with the --vary before it"
    )  # fmt: skip
    sweep.add_argument(
        "-o", "--output", type=Path, metavar="FOLDER",
        help="folder of the points' results files (default: the deck's name with -sweep, here)",
    )  # fmt: skip
    sweep.add_argument(
        "--new-walkers", action="store_true",
        help="a seed of its own for each point, for fits that take the errors of points as independent; else all points "
        "have the same walkers, so that they differ smoothly and their errors are correlated",
    )  # fmt: skip
    how = sweep.add_mutually_exclusive_group()
    how.add_argument(
        "--list", action="store_true",
        help="print the `mcpump run` of each point, one a line, and make the folder; walks nothing",
    )  # fmt: skip
    how.add_argument(
        "--point", type=_point, metavar="K[/N]", help="walk point K only (of N, as a check), counted from 1"
    )
    how.add_argument(
        "--collect", action="store_true", help="collect the points that are there; walks nothing"
    )
    sweep.add_argument(
        "--solve", action="store_true", help="solve the points without walkers (mcpump solve) instead of walking them"
    )  # fmt: skip
    add_walk_options(sweep)
    add_overwrite(sweep, "walk points anew that are there")
    sweep.set_defaults(act=run_sweep)


def _point(text: str) -> tuple[int, int | None]:
    """K or K/N."""
    words = text.split("/")
    if len(words) > 2 or not all(word.isascii() and word.isdigit() and len(word) < 9 for word in words):
        raise argparse.ArgumentTypeError(f"{text!r} is not K or K/N, e.g. 2 or 2/13")
    return int(words[0]), int(words[1]) if len(words) == 2 else None


def run_sweep(options: argparse.Namespace) -> int:
    """`mcpump sweep`: on one process or on the ranks of an MPI job, which walk each point together."""
    from mcpump.machine import launcher_rank

    options.answers = options.list
    if options.list or options.collect:
        if launcher_rank() > 0:
            return COMPLETE  # one process is enough for it
        sweep = _sweep(options)
        return _list(options, sweep) if options.list else _collect(options, sweep)

    def walk_all(ranks: Alone, stops: Stops) -> int | McpumpError:
        plan = ranks.broadcast(_plan(options) if ranks.rank == 0 else InputError(""))
        return plan if isinstance(plan, McpumpError) else _walk_points(options, ranks, stops, *plan)

    return on_ranks(options, walk_all)


def _sweep(options: argparse.Namespace) -> Sweep:
    """Points of the sweep; every deck is checked before anything is walked."""
    from mcpump.simulate.sweep import Sweep

    swept = {text.partition("=")[0].strip() for group in options.vary for text in group}
    fixed = {"run.walkers": "walkers", "run.seed": "seed", "run.device": "device"}
    for key, name in fixed.items():
        if key in swept and getattr(options, name) is not None:
            raise InputError(f"{key} is swept, so that --{name} cannot set it as well")
    walks = [
        f"--{name.replace('_', '-')}" for name in _OF_WALKS if getattr(options, name) not in (None, False)
    ]
    if options.solve and walks:
        raise InputError(f"{walks[0]} is for walks, and --solve has no walkers")
    # the sweep has to know the seed, from which --new-walkers takes those of the points
    seed = [] if options.seed is None else [f"run.seed={options.seed}"]
    sweep = Sweep(options.deck, [*options.overrides, *seed], options.vary, options.new_walkers)
    sweep.coordinates()  # refuses a value that comes twice
    return sweep


def _plan(options: argparse.Namespace) -> tuple[Sweep, list[Point]] | McpumpError:
    """Points to walk; an error is handed over to all ranks."""
    try:
        sweep = _sweep(options)
        points = [sweep.point(*options.point)] if options.point else list(sweep.points)
        for point in points:
            sweep.deck(point)
        _make_folder(_folder(options))
        if not options.point:
            _check_file(options, sweep)
    except McpumpError as error:
        return error
    return sweep, points


def _folder(options: argparse.Namespace) -> Path:
    """Folder of the points' files."""
    if options.output is None:
        return Path(f"{options.deck.stem}-sweep")
    from mcpump.results.sweep_file import folder_of

    return folder_of(options.output)


def _check_file(options: argparse.Namespace, sweep: Sweep) -> None:
    """See that the file that collects the sweep can be written; another sweep's is left alone unless asked."""
    from mcpump import results
    from mcpump.results.sweep_file import beside, may_be_replaced

    file = beside(_folder(options))
    results.check_writable(file, options.overwrite or may_be_replaced(file, sweep))


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder {show(str(folder), 400)} cannot be made: {error.strerror}") from None


def _point_file(options: argparse.Namespace, point: Point) -> Path:
    return _folder(options) / f"{point.name}.h5"


def _list(options: argparse.Namespace, sweep: Sweep) -> int:
    """Print a command for every point, which begins it, goes on with it, or finds it complete."""
    for point in sweep.points:
        sweep.deck(point)
    _make_folder(_folder(options))
    more = []
    for name, default in ({} if options.solve else _DEFAULTS).items():
        if (value := getattr(options, name)) != default:
            flag = f"--{name.replace('_', '-')}"
            more += [flag, f"{value:.15g}" if isinstance(value, float) else str(value)]
    go_on = [] if options.solve else ["--continue"]
    more += ["--quiet"] * options.quiet + (["--overwrite"] if options.overwrite else go_on)
    command, lines = ["mcpump", "solve" if options.solve else "run", _no_option(str(options.deck))], []
    for point in sweep.points:
        sets = [
            word
            for text in (*sweep.overrides, *point.overrides)
            for word in ("--unset" if isinstance(text, Unset) else "--set", text)
        ]
        output = str(_point_file(options, point))
        lines.append(shlex.join([*command, *sets, "--output", _no_option(output), *more]))
    if odd := next((line for line in lines if CONTROL.search(line)), ""):
        raise InputError(f"a name in {show(odd, 200)} holds a line break or a control character: rename it")
    print("\n".join(lines))
    return COMPLETE


def _no_option(path: str) -> str:
    """Name of a file that is not taken for an option: -x.toml is ./-x.toml."""
    return os.path.join(".", path) if path.startswith("-") else path


def _walk_points(
    options: argparse.Namespace, ranks: Alone, stops: Stops, sweep: Sweep, points: Sequence[Point]
) -> int | McpumpError:
    """Walk the points one after another; the status of the worst, or the refusal that ended the sweep."""
    from mcpump.simulate.progress import log, start_log

    start_log("warning" if options.quiet else options.log_level, ranks.rank, ranks.size)
    worst = COMPLETE
    # a reason to stop is looked at within a run alone, after its first blocks: every call of a sweep gets on
    for point in points:
        log.info(f"point {point.number} of {len(sweep.points)}: {point.name}")
        own = argparse.Namespace(**vars(options))
        own.overrides = [*sweep.overrides, *point.overrides]
        own.seed, own.part, own.resume, own.go_on = None, None, None, not options.overwrite
        own.output = _point_file(options, point)
        end = _solve(own, ranks) if options.solve else walk(own, ranks, stops, lambda _: None)
        if isinstance(end, McpumpError) or end == STOPPED:
            return end
        worst = end if end == TARGET_MISSED else worst
    if ranks.rank == 0:
        _summary(options, sweep) if options.point else _collect(options, sweep)
    return worst


def _solve(options: argparse.Namespace, ranks: Alone) -> int | McpumpError:
    """Solve a point that is not there yet, on rank 0; a file of a run is refused."""
    from mcpump import results

    end: int | McpumpError = COMPLETE
    if ranks.rank == 0:
        try:
            there = options.output.exists() and not options.overwrite
            if not there:
                solved(options, options.output)
            elif not results.read(options.output).solved:
                raise InputError(
                    f"{results.shown(options.output)} was walked: --overwrite solves it anew, "
                    "another -o leaves it as it is"
                )
        except McpumpError as error:
            end = error
    return ranks.broadcast(end)


def _summary(options: argparse.Namespace, sweep: Sweep) -> None:
    """Print a line for the point that was walked."""
    from mcpump import report, results

    if not options.quiet:
        point = sweep.point(*options.point)
        result = results.read(_point_file(options, point))
        print(report.summary_line(replace(result, name=point.name)))


def _collect(options: argparse.Namespace, sweep: Sweep) -> int:
    """Write the file of the sweep, and print a line for every point."""
    from mcpump import report
    from mcpump.results import sweep_file
    from mcpump.simulate.progress import log, start_log

    if options.collect:
        start_log("warning" if options.quiet else options.log_level)
    file = sweep_file.beside(_folder(options))
    _check_file(options, sweep)
    found = sweep_file.results_of(sweep, _folder(options))
    collected = sweep_file.collect(sweep, found)
    for sentence in collected.warnings:
        log.warning(f"warning: {sentence}")
    sweep_file.put(file, sweep, collected, found, options.overwrite)
    if not options.quiet:
        lines = [report.summary_line(result) for result in found if result]
        lines += [*sweep_file.notes_on(found), f"{file}: {len(lines)} of {len(found)} points"]
        print("\n".join(lines))
    return COMPLETE
