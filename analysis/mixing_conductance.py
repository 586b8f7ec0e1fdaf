#!/usr/bin/env python3
"""Tabulate and draw a, b of Tserkovnyak's form a ṅ + b n×ṅ and the effective mixing conductance 4πb/ħ of several runs.

Files: runs with planes at which the texture moves, e.g. those of
mcpump sweep DECK --vary electrons.mean_free_path="0.5:8 nm:5:log" -o lengths
or the file that collects a sweep (its folder is read). They are put against ℓ/λ, or against what else was swept.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mcpump import console, figures, results
from mcpump.errors import McpumpError


def main(arguments: list[str] | None = None) -> int:
    """Print the table and draw; 0 if the figure was written, 2 if a file cannot be used."""
    console.prepare()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, help="results files of mcpump run, or of a sweep")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("mixing_conductance.png"), help="figure to write"
    )
    parser.add_argument("--against", metavar="KEY", help="key of the deck to draw against (default: ℓ/λ)")
    parser.add_argument(
        "--plane",
        type=float,
        metavar="X",
        help="place of the plane [nm; reduced: ℓ] (default: the first that serves)",
    )
    options = parser.parse_args(arguments)
    try:
        runs = [results.read(file) for file in results.points_of(options.files)]
        fits = figures.mixing_points(runs, options.against, options.plane)
        figures.mixing_figure(fits).savefig(options.output)
    except (McpumpError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(figures.mixing_table(fits), end="")
    print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
