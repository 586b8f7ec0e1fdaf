"""How fast mcpump is: `python tests/benchmarks/benchmark.py` measures, and writes the tables of BENCHMARKS.md.

It takes a quarter of an hour on an idle machine with two cores, most of it with one process. Rows that are compared are
measured in turn, every other time backwards, and a ratio is the median of the ratios within a repeat: drift of a shared
machine falls out of ratios. What runs on one core is timed in CPU time.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from machine import ROOT, described, load
from rows import FULL, SMALLEST, Section, Sizes, targets_table

BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
SECTIONS = (
    "starts", "decks", "azurv1", "main_job", "local_current", "long_walks", "exact_channel", "memory", "growth",
    "together", "flights", "reference",
)  # fmt: skip
"""Sections in the order in which they are measured."""


def sections(sizes: Sizes, folder: Path, pythons: dict[str, str]) -> dict[str, Callable[[], Section]]:
    """Every section's measurement. mcpump is imported here: `--help` does without."""
    from azurv1 import azurv1
    from junction import exact_channel, flights, local_current, main_job, memory
    from long_walks import long_walks
    from reference import reference
    from scaling import growth, starts, together
    from shipped_decks import decks

    return {
        "starts": lambda: starts(sizes, folder / "caches"),
        "decks": lambda: decks(sizes, folder, pythons["before"]),
        "azurv1": lambda: azurv1(sizes, folder, pythons),
        "main_job": lambda: main_job(sizes),
        "local_current": lambda: local_current(sizes),
        "long_walks": lambda: long_walks(sizes),
        "exact_channel": lambda: exact_channel(sizes),
        "memory": lambda: memory(sizes, folder),
        "growth": lambda: growth(sizes),
        "together": lambda: together(sizes, folder),
        "flights": lambda: flights(sizes, folder),
        "reference": lambda: reference(sizes),
    }


def measured(sizes: Sizes, only: list[str], pythons: dict[str, str]) -> str:
    """Measure and write the tables."""
    before, began = load(), time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        found = {}
        for name, measure in sections(sizes, Path(folder), pythons).items():
            if name in only:
                since = time.perf_counter()
                found[name] = measure()
                print(f"{name}: {time.perf_counter() - since:.0f} s", file=sys.stderr, flush=True)
    targets = [row for section in found.values() for row in section.targets]
    minutes = (time.perf_counter() - began) / 60.0
    text = f"{described(before)}Medians of {sizes.repeats}, in {minutes:.1f} minutes.\n\n{targets_table(targets)}\n"
    return text + "\n".join(section.text for section in found.values())


def put(text: str, file: Path) -> None:
    """Replace what stands between the two marks of a file."""
    before, begin, rest = file.read_text(encoding="utf-8").partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{file} has no lines {BEGIN} and {END}")
    file.write_text(f"{before}{begin}\n\n{text}\n{end}{after}", encoding="utf-8")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description="Measure the speed of mcpump and write the tables of BENCHMARKS.md."
    )
    parser.add_argument("--smallest", action="store_true", help="next to nothing is walked, and printed")
    parser.add_argument("--repeats", type=int, metavar="N", help="repeats of what is measured in turn")
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="these, and print them"
    )
    parser.add_argument(
        "--before", default="", metavar="PYTHON", help="Python of an environment that has an earlier mcpump"
    )
    parser.add_argument(
        "--openmc", default="", metavar="PYTHON", help="Python of an environment that has OpenMC"
    )
    parser.add_argument(
        "--mcdc", default="", metavar="PYTHON", help="Python of an environment that has MC/DC"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="file to write to (BENCHMARKS.md)")
    options = parser.parse_args()
    sizes = SMALLEST if options.smallest else FULL
    if options.repeats:
        sizes = sizes._replace(repeats=options.repeats)
    pythons = {"OpenMC": options.openmc, "MC/DC": options.mcdc, "before": options.before}
    text = measured(sizes, options.only, pythons)
    if options.output is None and not options.smallest and set(options.only) == set(SECTIONS):
        options.output = ROOT / "BENCHMARKS.md"
    if options.output:
        put(text, options.output)
    else:
        print(text)


if __name__ == "__main__":
    main()
