"""The command `mcpump`: argv → deck → walk → results file and table; exit statuses.

0 complete, 1 crash, 2 bad input, 3 target not reached, 75 stopped early with a good checkpoint, 130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mcpump import __version__
from mcpump.errors import InputError, McpumpError, ResultsFileError

if TYPE_CHECKING:
    from mcpump.checkpoint import Part, Start
    from mcpump.deck import Deck
    from mcpump.estimates import Result
    from mcpump.model import Problem
    from mcpump.parallel import Alone
    from mcpump.signals import Stops

COMPLETE, CRASH, BAD_INPUT, TARGET_MISSED, STOPPED, INTERRUPTED = 0, 1, 2, 3, 75, 130


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence (status 2)."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Raise instead of printing the usage."""
        plain = "".join(c if c.isprintable() else repr(c)[1:-1] for c in message)
        raise InputError(f"{plain if len(plain) < 400 else plain[:399] + '…'}; see {self.prog} --help")


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
        for stream in (sys.stdout, sys.stderr):
            if isinstance(stream, io.TextIOWrapper):
                stream.reconfigure(errors="replace")  # an ASCII log shows ? for ℓ instead of failing
        options = parser().parse_args(arguments)
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
    from mcpump.parallel import launcher_rank

    return launcher_rank() == 0


def parser() -> Parser:
    """Describe the commands."""
    top = Parser(prog="mcpump", description="Monte Carlo spin pumping: local and diffusive spin currents.")
    top.add_argument("--version", action="version", version=f"mcpump {__version__}")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=Parser)

    run = commands.add_parser("run", help="walk a deck; write a results file, print the table")
    _add_deck(run, optional=True)
    run.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="results file (default: the deck's name with .h5, here)",
    )
    run.add_argument(
        "--resume",
        type=Path,
        metavar="FILE",
        help="go on with a results file, in place unless -o says otherwise; the deck may be left out",
    )
    run.add_argument(
        "--part", type=_part, metavar="I/N", help="walk part I of N only; `mcpump merge` joins the parts"
    )
    run.add_argument(
        "--max-time",
        type=_duration,
        metavar="T",
        help='save and stop after a time: "90", "30 min", "2:00:00"',
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
    run.add_argument(
        "--checkpoint-every",
        "--save-every",
        type=_duration,
        default=300.0,
        metavar="T",
        dest="save_every",
        help="save the results so far every T (5 min)",
    )
    run.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="how much to log (info)",
    )
    run.add_argument(
        "--progress",
        choices=("auto", "bar", "lines"),
        default="auto",
        help="a bar on a terminal, else lines (auto)",
    )
    run.add_argument("--quiet", action="store_true", help="no progress and no table")
    run.add_argument("--overwrite", action="store_true", help="replace an existing results file")
    run.set_defaults(act=run_deck)

    merge = commands.add_parser("merge", help="join results files of one deck over different walkers")
    merge.add_argument("files", type=Path, nargs="+", metavar="FILE")
    merge.add_argument("-o", "--output", type=Path, required=True, metavar="FILE")
    merge.add_argument("--overwrite", action="store_true", help="replace an existing results file")
    merge.set_defaults(act=merge_files)

    check = commands.add_parser("check", help="say what a deck means and costs; runs nothing")
    _add_deck(check)
    check.set_defaults(act=check_deck)

    show = commands.add_parser("show", help="print the table of a results file")
    show.add_argument("file", type=Path, metavar="FILE")
    show.add_argument("--csv", action="store_true", help="planes' currents and budget as CSV instead")
    show.set_defaults(act=show_file)

    again = commands.add_parser("replay", help="walk one walker again and print its way")
    _add_deck(again)
    again.add_argument("--walker", type=int, required=True, metavar="K", help="its number, from 0")
    again.add_argument("--lines", type=_positive, default=1000, metavar="N", help="most lines (1000)")
    again.set_defaults(act=replay_walker)

    example = commands.add_parser("example", help="write a shipped deck to NAME.toml here")
    example.add_argument("name", nargs="?", metavar="NAME", help="which one; without it, list them")
    example.set_defaults(act=write_example)
    return top


def _add_deck(command: argparse.ArgumentParser, optional: bool = False) -> None:
    """Arguments of every command that reads a deck."""
    command.add_argument("deck", type=Path, metavar="DECK", nargs="?" if optional else None)
    command.add_argument(
        "--set", action="append", default=[], metavar="K=V", dest="overrides",
        help='override a value of the deck, e.g. --set electrons.mean_free_path="5 nm"',
    )  # fmt: skip


def _positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 4096:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 4096")
    return int(text)


def _duration(text: str) -> float:
    """A positive time: seconds, a number with s, min or h, or H:MM:SS."""
    words = text.split()
    try:
        if ":" in text:
            hours, minutes, seconds = ("0:" * (2 - text.count(":")) + text).split(":")
            value = 3600.0 * int(hours) + 60.0 * int(minutes) + int(seconds)
        else:
            value = (
                float(words[0]) * {"s": 1.0, "min": 60.0, "h": 3600.0}[words[1] if len(words) == 2 else "s"]
            )
    except (ValueError, KeyError, IndexError, OverflowError):
        value = 0.0
    if not 0.0 < value < 1e9 or len(words) > 2:
        raise argparse.ArgumentTypeError(f'{text!r} is not a time such as "90", "30 min" or "2:00:00"')
    return value


def _part(text: str) -> tuple[int, int]:
    """Part I of N."""
    words = text.split("/")
    if len(words) != 2 or not all(word.isascii() and word.isdigit() for word in words):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N, e.g. 2/8")
    number, parts = map(int, words)
    if not 1 <= number <= parts <= 10**6:
        raise argparse.ArgumentTypeError(f"{text!r} must have 1 ≤ I ≤ N")
    return number, parts


def _problem(
    options: argparse.Namespace, more: list[str] | None = None, held: Result | None = None
) -> Problem:
    """Read the deck, or that of a results file, with its overrides and make it ready."""
    deck = _deck(options, [*options.overrides, *(more or [])], held)

    from mcpump.problem import make_problem  # loads numba: not before the deck is known to be good

    return make_problem(deck)


def _deck(options: argparse.Namespace, overrides: list[str], held: Result | None) -> Deck:
    """Read the deck, or that of a results file."""
    import tomllib

    from mcpump.deck import deck_from_dict, read_deck
    from mcpump.deck_text import override

    if options.deck is not None or held is None:
        return read_deck(options.deck, overrides)
    data, folder = tomllib.loads(held.resolved), Path()
    if file := held.provenance.get("texture_file"):
        # a user's texture is looked for where it was
        said = Path(data["texture"]["file"])
        folder = Path(file).parents[len(said.parts) - 1] if not said.is_absolute() else folder
    return deck_from_dict(override(data, overrides), held.name, folder)


def _target(options: argparse.Namespace, overrides: list[str], held: Result | None) -> list[str]:
    """Overrides for `--rel-err`: the deck's stop rule, or one for the DC current along z at the middle plane."""
    import tomllib

    from mcpump.deck_text import override, read_toml

    target = [f"run.stop.relative_error={options.rel_err}"]
    given = tomllib.loads(held.resolved) if options.deck is None and held else read_toml(options.deck)
    run = override(given, options.overrides).get("run")
    if isinstance(run, dict) and "stop" in run:
        return target + ([f"run.stop.max_walkers={options.walkers}"] if options.walkers is not None else [])
    deck = _deck(options, [*options.overrides, *overrides], held)
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
    """`mcpump run`: walk a deck, on one process or on the ranks of an MPI job."""
    # the walk has its own threads; those of the linear algebra library would only stand in their way
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

    from mcpump import parallel
    from mcpump.signals import Stops

    ranks = parallel.connect()
    with ranks.guard(), Stops(options.max_time) as stops:
        plan = ranks.broadcast(_plan(options) if ranks.rank == 0 else InputError(""))
        if not isinstance(plan, McpumpError):
            return ranks.broadcast(_walk(options, ranks, stops, *plan))
    if ranks.rank == 0:
        raise plan
    return BAD_INPUT


def _plan(options: argparse.Namespace) -> tuple[Problem, Start | None] | McpumpError:
    """Make the deck ready and see that the results can be written; an error is handed over to all ranks."""
    from mcpump import checkpoint, results, simulate
    from mcpump.tally import books_bytes

    named = {"walkers": options.walkers, "seed": options.seed}
    overrides = [f"run.{key}={value}" for key, value in named.items() if value is not None]
    try:
        held = results.read(options.resume, sealed=True) if options.resume else None
        if options.deck is None and held is None:
            raise InputError("mcpump run needs a DECK, or --resume FILE")
        if options.rel_err is not None:
            overrides += _target(options, overrides, held)
        problem = _problem(options, overrides, held)
        start = None
        if held is not None:
            checkpoint.check_same_deck(problem.resolved, held, results.shown(options.resume))
            start = checkpoint.start_of(held, results.shown(options.resume))
        simulate.to_walk(problem, start, _share(options))  # to see that they fit
        # estimates and what is around them take about as much as the books
        size = 2 * books_bytes(problem.model)
        results.check_writable(_output(options), _may_replace(options), size)
    except McpumpError as error:
        return error
    return problem, start


def _share(options: argparse.Namespace) -> Part:
    """Part of the run to walk."""
    from mcpump.checkpoint import Part

    return Part(*options.part) if options.part else Part()


def _output(options: argparse.Namespace) -> Path:
    """The results file of a run."""
    if options.output:
        return Path(options.output)
    if options.resume:
        return Path(options.resume)
    part = ".part-{}-of-{}".format(*options.part) if options.part else ""
    return Path(f"{options.deck.stem}{part}.h5")


def _may_replace(options: argparse.Namespace) -> bool:
    """Whether the results file may be replaced: when asked, or when the run goes on with it."""
    return bool(options.overwrite or (options.resume and _output(options) == options.resume))


def _walk(
    options: argparse.Namespace, ranks: Alone, stops: Stops, problem: Problem, start: Start | None
) -> int:
    """Walk, save, and print the table; the exit status, which rank 0 knows."""
    from mcpump import parallel, results, simulate
    from mcpump.progress import Display, log, start_log

    start_log("warning" if options.quiet else options.log_level, ranks.rank, ranks.size)
    threads = options.threads or parallel.default_threads(ranks, simulate.cores())
    output = _output(options)
    log.info(f"{problem.name}: {problem.walkers} walkers on {ranks.size} × {threads} cores, to {output}")
    for sentence in problem.warnings:
        log.warning(f"warning: {sentence}")
    if not simulate.is_compiled(problem):
        log.info("compiling the kernels, once for this version on this machine (about 20 s)")
    ranks.compile_once(lambda: simulate.compile_kernels(problem), lambda: simulate.is_compiled(problem))
    saved: list[int] = []

    def save(result: Result) -> None:
        """Save on the way; a full disk does not end the walk, the file is as it was."""
        try:
            results.write(result, output, _may_replace(options) or bool(saved))
            saved.append(result.blocks)
            log.debug(f"saved {result.blocks} blocks")
        except ResultsFileError as error:
            log.error(f"{error} The walk goes on; the file is as it was.")

    bar = None if options.progress == "auto" else options.progress == "bar"
    with Display(bar) as display:
        result = simulate.run(
            problem, threads, display, ranks, save, options.save_every, start, _share(options), stops.reason
        )
    if result is None:
        return COMPLETE
    try:
        results.write(result, output, _may_replace(options) or bool(saved))
    finally:  # where it cannot be written, the table is all there will be
        if not options.quiet:
            _print_table(result)
    return _status(result)


def _status(result: Result) -> int:
    """Exit status of a run, and a word on standard error where it is not complete."""
    if result.complete:
        return COMPLETE
    print(f"mcpump: {result.message}", file=sys.stderr)
    how = result.message.partition(":")[0]
    return {"target missed": TARGET_MISSED, "stopped": STOPPED}.get(how, COMPLETE)


def merge_files(options: argparse.Namespace) -> int:
    """`mcpump merge`: join parts of a run."""
    from mcpump import checkpoint, results, simulate

    results.check_writable(options.output, options.overwrite)
    files = [results.read(path, sealed=True) for path in options.files]
    names = [results.shown(path) for path in options.files]
    start = checkpoint.merged(files, names)
    # the same one, whatever the order of the files
    most = max(files, key=lambda file: (_walkers_of(file), file.resolved, file.name))
    options.overrides, options.deck = [], None
    result = simulate.result_of(_problem(options, [], most), start)
    results.write(result, options.output, options.overwrite)
    _print_table(result)
    return _status(result)


def _print_table(result: Result) -> None:
    """Print the table; the results are safe in their file, so that a reader that has gone is no failure."""
    from mcpump import report

    try:
        print(report.table(result).rstrip("\n"), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        print(f"mcpump: the table cannot be printed: {error.strerror}", file=sys.stderr)


def _walkers_of(result: Result) -> int:
    """Walkers that a file's deck asks for."""
    import tomllib

    return int(tomllib.loads(result.resolved)["run"]["walkers"])


def check_deck(options: argparse.Namespace) -> int:
    """`mcpump check`: derived and regime numbers, memory and time; runs nothing."""
    problem = _problem(options)

    from mcpump.problem import check_report

    print(check_report(problem), end="")
    return COMPLETE


def replay_walker(options: argparse.Namespace) -> int:
    """`mcpump replay`: the way of one walker, flight by flight."""
    problem = _problem(options)

    from mcpump.replay import replay

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


def write_example(options: argparse.Namespace) -> int:
    """`mcpump example`: write a shipped deck, or list them."""
    from mcpump import examples

    if options.name is None:
        print("\n".join(examples.names()))
        return COMPLETE
    texts = {options.name.removesuffix(".toml") + ".toml": examples.text(options.name)}
    texts |= examples.companions(options.name)
    for path in map(Path, texts):
        if path.exists():
            raise InputError(f"{path} exists already and is left as it is; remove or rename it first")
    for path, text in texts.items():
        try:
            Path(path).write_text(text, encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror}") from None
        print(path)
    return COMPLETE
