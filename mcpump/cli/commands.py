"""The command `mcpump`: argv → deck → walk → results file and table; exit statuses.

0 complete, 1 crash, 2 bad input, 3 target not reached, 75 stopped early with a good checkpoint, 130 interrupted.
"""

from __future__ import annotations

import argparse
import errno
from pathlib import Path
from typing import Any

from mcpump import __version__, console
from mcpump.cli.examples import add_example
from mcpump.cli.export import add_export
from mcpump.cli.keys import add_completion, add_keys
from mcpump.cli.materials import add_materials
from mcpump.cli.options import (
    BAD_INPUT,
    COMPLETE,
    CRASH,
    Parser,
    add_deck,
    add_file,
    add_plain,
    add_threads,
    positive,
)
from mcpump.cli.plot import add_compare, add_plot
from mcpump.cli.run import add_merge, add_run, problem_of
from mcpump.cli.solve import add_solve
from mcpump.cli.sweep import add_sweep
from mcpump.errors import McpumpError, show


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        `sys.argv[1:]` by default: the process is then taken to end with the command (`mcpump.simulate.signals.Stops`).

    Returns
    -------
    int
        Exit status.
    """
    console.prepare(own_process=arguments is None)
    options = argparse.Namespace(answers=True, own_process=arguments is None)
    status = _obey(arguments, options)
    if (why := console.lost()) and _speaks():
        console.tell(f"mcpump: standard output cannot be written: {why}")
        # what was printed beside a file is no loss
        return status or (BAD_INPUT if options.answers else COMPLETE)
    return status


def _obey(arguments: list[str] | None, options: argparse.Namespace) -> int:
    """Do what is asked for; the exit status. options: is filled."""
    try:
        parser().parse_args(arguments, options)
        console.in_ascii(getattr(options, "plain", False))
        return int(options.act(options))
    except SystemExit as end:  # --help, --version
        return int(end.code or COMPLETE)
    except McpumpError as error:
        if _speaks():
            console.tell(f"mcpump: {error}")
        return error.status
    except MemoryError:
        console.tell("mcpump: out of memory")
        return CRASH
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG:
            console.tell(f"mcpump: {show(str(error.filename))} cannot be used: {error.strerror}")
            return BAD_INPUT
        if (file := _edited(options)) is None:
            raise  # a defect of the program
        what = f"{type(error).__name__}, {error}".partition("\n")[0]
        console.tell(
            f"mcpump: {file} was edited by another program, or is damaged, and cannot be used: {what}"
        )
        return BAD_INPUT


def _edited(options: argparse.Namespace) -> str | None:
    """A results file that a command was given and that has no seal."""
    given = [value if isinstance(value, list) else [value] for value in vars(options).values()]
    files = [value for values in given for value in values if isinstance(value, Path) and value.is_file()]
    if not files:
        return None

    from mcpump import results

    return next((results.shown(file) for file in files if results.lacks_seal(file)), None)


def _speaks() -> bool:
    """Whether this is the one process of a job that tells the user of a mistake."""
    from mcpump.machine import launcher_rank

    return launcher_rank() == 0


def parser() -> Parser:
    """Describe the commands."""
    top = Parser(prog="mcpump", description="Monte Carlo spin pumping: local and diffusive spin currents.")
    top.add_argument("--version", action="version", version=f"mcpump {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)
    for add in (
        add_run, add_solve, add_sweep, add_merge, _add_check, add_export, _add_show, add_plot, add_compare, _add_replay,
        add_example, add_materials, add_keys,
    ):  # fmt: skip
        add(commands)
    add_completion(commands, top)
    return top


def _add_check(commands: Any) -> None:
    check = commands.add_parser("check", help="say what a deck means and costs; runs nothing")
    add_deck(check)
    check.add_argument(
        "--pilot", action="store_true",
        help="walk a few thousand walkers, too, and forecast the accuracy of the run, and what 1 %% would take",
    )  # fmt: skip
    add_threads(check)
    add_plain(check)
    check.set_defaults(act=check_deck)


def _add_show(commands: Any) -> None:
    show = commands.add_parser("show", help="print the table of a results file")
    add_file(show)
    show.add_argument(
        "--csv", action="store_true", help="its numbers as CSV instead; of a sweep a row a point"
    )
    add_plain(show)
    show.set_defaults(act=show_file)


def _add_replay(commands: Any) -> None:
    again = commands.add_parser("replay", help="walk one walker again and print its way")
    add_deck(again)
    again.add_argument("--walker", type=int, required=True, metavar="K", help="its number, from 0")
    again.add_argument("--lines", type=positive, default=1000, metavar="N", help="most lines (1000)")
    again.set_defaults(act=replay_walker)


def check_deck(options: argparse.Namespace) -> int:
    """`mcpump check`: derived and regime numbers, memory and time; runs nothing but a pilot."""
    problem = problem_of(options)

    from mcpump.problem.reduce import check_report

    if options.pilot:
        from mcpump.report.forecast import pilot_lines
        from mcpump.simulate.pilot import pilot

        short = pilot(problem, options.threads)
        print(check_report(problem, options.threads), end="")
        print("\n".join(pilot_lines(short)))
        return COMPLETE
    print(check_report(problem, options.threads), end="")
    return COMPLETE


def replay_walker(options: argparse.Namespace) -> int:
    """`mcpump replay`: the way of one walker, flight by flight."""
    problem = problem_of(options)

    from mcpump.walk.replay import replay

    print(replay(problem, options.walker, options.lines), end="")
    return COMPLETE


def show_file(options: argparse.Namespace) -> int:
    """`mcpump show`: the table, or CSV, of a results file."""
    from mcpump import report, results
    from mcpump.report.sweep import sweep_csv
    from mcpump.results import sweep_file

    if options.csv and sweep_file.is_sweep(options.file):
        print(sweep_csv(sweep_file.read(options.file)), end="")
        return COMPLETE
    result = results.read(options.file)
    text = report.csv(result) if options.csv else report.table(result)
    print(text.rstrip("\n"))
    return COMPLETE
