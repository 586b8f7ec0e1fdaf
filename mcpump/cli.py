"""The command `mcpump`: argv → deck → walk → results file and table; exit statuses.

0 complete, 1 crash, 2 bad input, 3 target not reached, 130 interrupted.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mcpump import __version__
from mcpump.errors import InputError, McpumpError

if TYPE_CHECKING:
    from mcpump.deck import Deck
    from mcpump.model import Problem

COMPLETE, CRASH, BAD_INPUT, TARGET_MISSED, INTERRUPTED = 0, 1, 2, 3, 130


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence (status 2)."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Raise instead of printing the usage."""
        raise InputError(f"{message}; see {self.prog} --help")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    arguments : list of str, optional
        `sys.argv[1:]` by default.

    Returns
    -------
    int
        Exit status.
    """
    try:
        options = parser().parse_args(arguments)
        return int(options.act(options))
    except McpumpError as error:
        print(f"mcpump: {error}", file=sys.stderr)
        return BAD_INPUT
    except BrokenPipeError:
        # the reader of our output (head, less) has gone; let the interpreter not complain at exit
        sys.stdout = None  # type: ignore[assignment]
        return COMPLETE
    except KeyboardInterrupt:
        print("mcpump: interrupted; nothing was written", file=sys.stderr)
        return INTERRUPTED


def parser() -> Parser:
    """Describe the commands."""
    top = Parser(prog="mcpump", description="Monte Carlo spin pumping: local and diffusive spin currents.")
    top.add_argument("--version", action="version", version=f"mcpump {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)

    run = commands.add_parser("run", help="walk a deck; write a results file, print the table")
    _add_deck(run)
    run.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="results file (default: the deck's name with .h5, here)",
    )
    run.add_argument("--walkers", metavar="N", help="number of walkers (run.walkers)")
    run.add_argument(
        "--rel-err",
        metavar="E",
        help="stop at this relative error (of run.stop; else of the DC current along z, middle plane)",
    )
    run.add_argument("--seed", metavar="N", help="seed of the random numbers (run.seed)")
    run.add_argument(
        "--threads", type=_positive, metavar="N", help="threads (default: all cores); the result is the same"
    )
    run.add_argument("--quiet", action="store_true", help="no progress and no table")
    run.add_argument("--overwrite", action="store_true", help="replace an existing results file")
    run.set_defaults(act=run_deck)

    check = commands.add_parser("check", help="say what a deck means and costs; runs nothing")
    _add_deck(check)
    check.set_defaults(act=check_deck)

    show = commands.add_parser("show", help="print the table of a results file")
    show.add_argument("file", type=Path, metavar="FILE")
    show.add_argument("--csv", action="store_true", help="planes' currents and budget as CSV instead")
    show.set_defaults(act=show_file)

    example = commands.add_parser("example", help="write a shipped deck to NAME.toml here")
    example.add_argument("name", nargs="?", metavar="NAME", help="which one; without it, list them")
    example.set_defaults(act=write_example)
    return top


def _add_deck(command: argparse.ArgumentParser) -> None:
    """Arguments of every command that reads a deck."""
    command.add_argument("deck", type=Path, metavar="DECK")
    command.add_argument(
        "--set", action="append", default=[], metavar="K=V", dest="overrides",
        help='override a value of the deck, e.g. --set electrons.mean_free_path="5 nm"',
    )  # fmt: skip


def _positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 4096:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 4096")
    return int(text)


def _problem(options: argparse.Namespace, more: list[str] | None = None) -> Problem:
    """Read the deck with its overrides and make it ready."""
    from mcpump.deck import read_deck
    from mcpump.problem import make_problem

    deck: Deck = read_deck(options.deck, [*options.overrides, *(more or [])])
    return make_problem(deck)


def _target(options: argparse.Namespace, overrides: list[str]) -> list[str]:
    """Overrides for `--rel-err`: the deck's stop rule, or one for the DC current along z at the middle plane."""
    import tomllib

    from mcpump.deck import read_deck
    from mcpump.deck_text import override, read_toml

    target = [f"run.stop.relative_error={options.rel_err}"]
    run = override(read_toml(options.deck), options.overrides).get("run")
    if isinstance(run, dict) and "stop" in run:
        return target + ([f"run.stop.max_walkers={options.walkers}"] if options.walkers is not None else [])
    deck = read_deck(options.deck, [*options.overrides, *overrides])
    if not deck.results.planes:
        raise InputError(
            f"--rel-err {options.rel_err} needs a target: give the deck a [run.stop], or a plane in results.planes"
        )
    texts = tomllib.loads(deck.resolved)["results"]["planes"]
    by_place = sorted(range(len(texts)), key=lambda i: deck.results.planes[i])
    most = deck.run.walkers if options.walkers is not None else 100 * deck.run.walkers
    return [
        *target,
        "run.stop.quantity=spin_current.total.z.dc",
        f"run.stop.at={texts[by_place[len(texts) // 2]]}",
        f"run.stop.max_walkers={most}",
    ]


def run_deck(options: argparse.Namespace) -> int:
    """`mcpump run`: walk a deck."""
    named = {"walkers": options.walkers, "seed": options.seed}
    overrides = [f"run.{key}={value}" for key, value in named.items() if value is not None]
    if options.rel_err is not None:
        overrides += _target(options, overrides)
    problem = _problem(options, overrides)

    from mcpump import report, results, simulate
    from mcpump.progress import Display, say

    output = options.output or Path(options.deck.stem + ".h5")
    results.check_writable(output, options.overwrite)
    if not options.quiet:
        say(
            f"{problem.name}: {problem.walkers} walkers on {options.threads or simulate.cores()} threads, to {output}"
        )
        for sentence in problem.warnings:
            say(f"warning: {sentence}")
        if not simulate.is_compiled():
            say("compiling the kernels, once for this version on this machine (about 20 s)")
    simulate.compile_kernels(problem)
    with Display(options.quiet) as display:
        result = simulate.run(problem, options.threads, display)
    results.write(result, output, options.overwrite)
    if not options.quiet:
        print(report.table(result))
    if not result.complete:
        print(f"mcpump: {result.message}", file=sys.stderr)
        return TARGET_MISSED
    return COMPLETE


def check_deck(options: argparse.Namespace) -> int:
    """`mcpump check`: derived and regime numbers, memory and time; runs nothing."""
    problem = _problem(options)

    from mcpump.problem import check_report

    print(check_report(problem))
    return COMPLETE


def show_file(options: argparse.Namespace) -> int:
    """`mcpump show`: the table, or CSV, of a results file."""
    from mcpump import report, results

    result = results.read(options.file)
    print((report.csv(result) if options.csv else report.table(result)).rstrip("\n"))
    return COMPLETE


def write_example(options: argparse.Namespace) -> int:
    """`mcpump example`: write a shipped deck, or list them."""
    from mcpump import examples

    if options.name is None:
        print("\n".join(examples.names()))
        return COMPLETE
    text = examples.text(options.name)
    path = Path(options.name.removesuffix(".toml") + ".toml")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise InputError(f"{path} exists already and is left as it is; remove or rename it first") from None
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}") from None
    print(path)
    return COMPLETE
