#!/usr/bin/env python3
"""Draw how spin turns into charge: Rashba coupling and impurities side by side, and what they convert against ℓ/λ.

Files: runs with [spin_orbit]. The first of each mechanism gets a column (local and diffusive spin current, charge
current and density along a line of cells); all are points of the last panel, e.g. those of
mcpump sweep run/impurity.toml --vary electrons.mean_free_path="0.5 nm,1 nm,3 nm,10 nm" -o impurity
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mcpump import console, figures, results
from mcpump.errors import McpumpError
from mcpump.report.words import number


def main(arguments: list[str] | None = None) -> int:
    """Draw; 0 if the figure was written, 2 if a file cannot be used."""
    console.prepare()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, help="results files of runs with [spin_orbit]")
    parser.add_argument("-o", "--output", type=Path, default=Path("charge.png"), help="figure to write")
    parser.add_argument(
        "--harmonic", help="dc, cos1, sin1, … (default: dc if it has a mean, else the largest)"
    )
    options = parser.parse_args(arguments)
    try:
        runs = [results.read(file) for file in options.files]
        points = figures.conversion_points(runs)
        figures.charge_figure(runs, options.harmonic).savefig(options.output)
    except (McpumpError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    for point in points:
        print(
            f"{point.mechanism:<16} ℓ/λ {point.ell_over_lambda:<8.4g} conversion {number(*point.ratio)}   "
            f"of the local spin current alone {number(*point.local)}"
        )
    print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
