"""`mcpump solve`: from a deck to a results file without walkers."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcpump.cli.options import COMPLETE, add_deck, add_overwrite
from mcpump.cli.run import print_table, problem_of

if TYPE_CHECKING:
    from mcpump.tally.estimates import Result


def add_solve(commands: Any) -> None:
    """Describe the command."""
    command = commands.add_parser(
        "solve",
        help="solve a deck along x without walkers; write a results file, print the table",
        description="Solve the walk's equation for a deck that varies along x, in a periodic drive, by discrete "
        "ordinates. The results file is that of a run; errors are the solution's own.",
    )
    add_deck(command)
    command.add_argument(
        "-o", "--output", type=Path, metavar="FILE",
        help="results file (default: the deck's name with -solved.h5, here)",
    )  # fmt: skip
    command.add_argument("--quiet", action="store_true", help="no table")
    add_overwrite(command)
    command.set_defaults(act=solve_deck)


def solve_deck(options: argparse.Namespace) -> int:
    """`mcpump solve`: one process does it, also in a job of many."""
    from mcpump.machine import launcher_rank

    if launcher_rank() > 0:
        return COMPLETE
    result = solved(options, options.output or Path(f"{options.deck.stem}-solved.h5"))
    if not options.quiet:
        print_table(result)
    return COMPLETE


def solved(options: argparse.Namespace, output: Path) -> Result:
    """Solve a deck and write its results file."""
    import os

    # as for walks: bits that do not depend on the number of cores
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    from mcpump import results
    from mcpump.simulate.solve import solve

    problem = problem_of(options)
    results.check_writable(output, options.overwrite)
    result = solve(problem)
    results.write(result, output, options.overwrite)
    return result
