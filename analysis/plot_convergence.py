#!/usr/bin/env python3
"""Draw the standard error of a spin current against the number of walkers, and the figure of merit.

Files: runs of one deck with different numbers of walkers, e.g. of
mcpump sweep DECK --vary run.walkers="65536:4194304:4:log" -o walkers
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mcpump import console, figures, results
from mcpump.errors import McpumpError


def main(arguments: list[str] | None = None) -> int:
    """Draw; 0 if the figure was written, 2 if a file cannot be used."""
    console.prepare()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, help="results files, each with other walkers")
    parser.add_argument("-o", "--output", type=Path, default=Path("convergence.png"), help="figure to write")
    parser.add_argument("--channel", help="channel to draw (default: that of the table)")
    parser.add_argument("--component", help="component of the spin: x, y or z (default: the largest)")
    parser.add_argument("--harmonic", help="dc, cos1, sin1, … (default: dc, or the largest)")
    options = parser.parse_args(arguments)
    try:
        runs = [results.read(file) for file in options.files]
        found = figures.convergence_points(runs, options.channel, options.component, options.harmonic)
        figures.convergence_figure(found).savefig(options.output)
    except (McpumpError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    for part, points in found.parts.items():
        for point in points:
            print(
                f"{part:<10} {point.walkers:>12} walkers   relative error {point.relative_error:.4f}   "
                f"figure of merit {point.merit:.4g} /s"
            )
    print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
