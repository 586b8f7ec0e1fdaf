"""What the sub-commands share: exit statuses, the parser whose errors are one sentence, arguments and their types."""

from __future__ import annotations

import argparse
from pathlib import Path

from mcpump.deck.toml import Unset
from mcpump.errors import InputError

COMPLETE, CRASH, BAD_INPUT, TARGET_MISSED, STOPPED = 0, 1, 2, 3, 75
SAVE_EVERY = 300.0
"""Seconds between two saves of a run."""


class Parser(argparse.ArgumentParser):
    """An argument parser whose errors are one sentence (status 2)."""

    def error(self, message: str) -> None:  # type: ignore[override]
        """Raise instead of printing the usage."""
        plain = "".join(c if c.isprintable() else repr(c)[1:-1] for c in message)
        raise InputError(f"{plain if len(plain) < 400 else plain[:399] + '…'}; see {self.prog} --help")


def add_deck(command: argparse.ArgumentParser, optional: bool = False) -> None:
    """Arguments of every command that reads a deck."""
    command.add_argument("deck", type=Path, metavar="DECK", nargs="?" if optional else None)
    command.add_argument(
        "--set", action="append", default=[], metavar="K=V", dest="overrides",
        help='override a value of the deck, e.g. --set electrons.mean_free_path="5 nm"',
    )  # fmt: skip
    command.add_argument(
        "--unset", action="append", type=Unset, metavar="KEY", dest="overrides",
        help="take a key or a section out of the deck, e.g. --unset spin_orbit",
    )  # fmt: skip


def add_plain(command: argparse.ArgumentParser) -> None:
    """Switch of every command that prints a table."""
    command.add_argument("--plain", action="store_true", help="print ASCII alone")


def add_file(command: argparse.ArgumentParser, name: str = "file") -> None:
    """Argument of every command that reads a results file."""
    command.add_argument(name, type=Path, metavar="FILE")


def add_overwrite(command: argparse.ArgumentParser, what: str = "replace an existing results file") -> None:
    """Switch of every command that writes files."""
    command.add_argument("--overwrite", action="store_true", help=what)


def add_texture_file(command: argparse.ArgumentParser) -> None:
    """Option of every command that may walk, or make, a deck which is in a results file alone."""
    command.add_argument(
        "--texture-file", type=Path, metavar="FILE",
        help="the program of the user's texture that a results file was walked with (the same: its sha256 is compared)",
    )  # fmt: skip


def add_threads(command: argparse.ArgumentParser) -> None:
    """Option of every command that walks, or tells what that takes."""
    command.add_argument(
        "--threads", type=positive, metavar="N", help="threads (default: all cores); the result is the same"
    )


def add_walk_options(command: argparse.ArgumentParser) -> None:
    """Add the arguments of every command that walks."""
    command.add_argument(
        "--max-time", type=duration, metavar="T", help='save and stop after a time: "90", "30 min", "2:00:00"'
    )
    command.add_argument("--walkers", metavar="N", help="number of walkers (run.walkers)")
    command.add_argument(
        "--rel-err", metavar="E",
        help="stop at this relative error (of run.stop; else of the DC current along z, middle plane)",
    )  # fmt: skip
    command.add_argument("--seed", metavar="N", help="seed of the random numbers (run.seed)")
    command.add_argument(
        "--device", metavar="D", help="cpu or cuda: what walkers are followed on (run.device)"
    )
    add_threads(command)
    command.add_argument(
        "--checkpoint-every", "--save-every", type=duration, default=SAVE_EVERY, metavar="T", dest="save_every",
        help="save the results so far every T (5 min)",
    )  # fmt: skip
    levels, ways = ("debug", "info", "warning", "error"), ("auto", "bar", "lines")
    command.add_argument("--log-level", choices=levels, default="info", help="how much to log (info)")
    command.add_argument(
        "--progress", choices=ways, default="auto", help="a bar on a terminal, else lines (auto)"
    )
    command.add_argument("--quiet", action="store_true", help="no progress and no table")
    add_plain(command)


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 4096:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 4096")
    return int(text)


def duration(text: str) -> float:
    """A positive time: seconds, a number with s, min or h, or H:MM:SS."""
    words = text.split()
    try:
        if ":" in text:
            hours, minutes, seconds = ("0:" * (2 - text.count(":")) + text).split(":")
            value = 3600.0 * int(hours) + 60.0 * int(minutes) + int(seconds)
        else:
            unit = words[1] if len(words) == 2 else "s"
            value = float(words[0]) * {"s": 1.0, "min": 60.0, "h": 3600.0}[unit]
    except (ValueError, KeyError, IndexError, OverflowError):
        value = 0.0
    if not 0.0 < value < 1e9 or len(words) > 2:
        raise argparse.ArgumentTypeError(f'{text!r} is not a time such as "90", "30 min" or "2:00:00"')
    return value


def part(text: str) -> tuple[int, int]:
    """Part I of N."""
    words = text.split("/")
    if len(words) != 2 or not all(word.isascii() and word.isdigit() for word in words):
        raise argparse.ArgumentTypeError(f"{text!r} is not I/N, e.g. 2/8")
    number, parts = map(int, words)
    if not 1 <= number <= parts <= 10**6:
        raise argparse.ArgumentTypeError(f"{text!r} must have 1 ≤ I ≤ N")
    return number, parts
