#!/usr/bin/env python3
"""Draw −∇μ_s, the gradient of the spin potential, against the diffusive current, for one or several runs.

The two agree as ℓ/λ → 0, Eq. (14) of the paper, and differ as ℓ/λ grows.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mcpump import console, figures, results
from mcpump.errors import McpumpError


def main(arguments: list[str] | None = None) -> int:
    """Draw; 0 if the figure was written, 2 if the file cannot be used."""
    console.prepare()
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path, help="results files of mcpump run, along x")
    parser.add_argument(
        "-o", "--output", type=Path, default=Path("spin_potential.png"), help="figure to write"
    )
    parser.add_argument("--channel", default="first", help="channel to draw (default: first)")
    parser.add_argument(
        "--component", choices=("x", "y", "z"), help="component of the spin (default: largest)"
    )
    parser.add_argument("--harmonic", help="dc, cos1, sin1, ... (default: dc, if anything is driven at it)")
    options = parser.parse_args(arguments)
    chosen = options.channel, options.component, options.harmonic
    try:
        runs = [results.read(file) for file in options.files]
        found = [figures.potential_gradient(run, *chosen) for run in runs]
        figures.potential_figure(runs, *chosen).savefig(options.output)
    except (McpumpError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    for file, one in zip(options.files, found, strict=True):
        print(f"{file}: ℓ/λ {one.ell_over_lambda:<8.4g} −∇μ_s over j: {one.factor:.3f}   ({one.name})")
    print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
