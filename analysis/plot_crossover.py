#!/usr/bin/env python3
"""Draw the local share of the spin current against qℓ, one point for each run of a plane wave."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mcpump import console, figures, results
from mcpump.errors import McpumpError
from mcpump.report.crossover import crossover_point
from mcpump.theory import local_share


def main(arguments: list[str] | None = None) -> int:
    """Draw; 0 if the figure was written, 2 if a file cannot be used."""
    console.prepare()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, help="results files, each with another wave number")
    parser.add_argument("-o", "--output", type=Path, default=Path("crossover.png"), help="figure to write")
    options = parser.parse_args(arguments)
    try:
        points = sorted(crossover_point(results.read(file)) for file in options.files)
        figures.crossover(points).savefig(options.output)
    except (McpumpError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    for point in points:
        exact = float(local_share(point.q_ell, point.dimension))
        print(f"qℓ {point.q_ell:<10.5g} share {point.share:.6f} ± {point.stderr:.6f}   exact {exact:.6f}")
    print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
