"""The command `mcpump`: argv → deck → walk → results file and table; exit statuses.

0 complete, 1 crash, 2 bad input, 3 target not reached, 75 stopped early with a good checkpoint, 130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import sys
from typing import Any

from mcpump import __version__, console
from mcpump.cli.examples import add_example
from mcpump.cli.export import add_export
from mcpump.cli.materials import add_materials
from mcpump.cli.options import COMPLETE, INTERRUPTED, Parser, add_deck, add_file, positive
from mcpump.cli.run import add_merge, add_run, problem_of
from mcpump.cli.solve import add_solve
from mcpump.cli.sweep import add_sweep
from mcpump.errors import McpumpError, ResultsFileError


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
    try:
        console.prepare()
        options = parser().parse_args(arguments)
        options.own_process = arguments is None
        status = int(options.act(options))
        sys.stdout.flush()
        return status
    except McpumpError as error:
        if _speaks():
            print(f"mcpump: {error}", file=sys.stderr)
        return error.status
    except BrokenPipeError:
        # the reader of our output (head, less) has gone: what is left of it goes nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return COMPLETE
    except KeyboardInterrupt:
        print(
            "mcpump: interrupted; a results file, if there is one, is as it was last saved", file=sys.stderr
        )
        return INTERRUPTED


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
        add_run, add_solve, add_sweep, add_merge, _add_check, add_export, _add_show, _add_replay,
        add_example, add_materials,
    ):  # fmt: skip
        add(commands)
    return top


def _add_check(commands: Any) -> None:
    check = commands.add_parser("check", help="say what a deck means and costs; runs nothing")
    add_deck(check)
    check.set_defaults(act=check_deck)


def _add_show(commands: Any) -> None:
    show = commands.add_parser("show", help="print the table of a results file")
    add_file(show)
    show.add_argument("--csv", action="store_true", help="planes' currents and budget as CSV instead")
    show.set_defaults(act=show_file)


def _add_replay(commands: Any) -> None:
    again = commands.add_parser("replay", help="walk one walker again and print its way")
    add_deck(again)
    again.add_argument("--walker", type=int, required=True, metavar="K", help="its number, from 0")
    again.add_argument("--lines", type=positive, default=1000, metavar="N", help="most lines (1000)")
    again.set_defaults(act=replay_walker)


def check_deck(options: argparse.Namespace) -> int:
    """`mcpump check`: derived and regime numbers, memory and time; runs nothing."""
    problem = problem_of(options)

    from mcpump.problem.reduce import check_report

    print(check_report(problem), end="")
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

    result = results.read(options.file)
    try:
        text = report.csv(result) if options.csv else report.table(result)
    except (LookupError, ValueError, TypeError, AttributeError) as error:
        if results.is_sealed(options.file):
            raise
        raise ResultsFileError(
            f"{results.shown(options.file)} was edited by another program and cannot be shown: {error}."
        ) from None
    print(text.rstrip("\n"))
    return COMPLETE
