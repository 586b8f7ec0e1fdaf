#!/usr/bin/env python3
"""Draw sweeps of a stack's DC spin current against their limits: tanh(d/2λ_s), linear in Ω, and sin²θ.

Files: results of one deck with different thickness (sample.x.length), frequency or cone angle, as `mcpump sweep` leaves
them in its folder, or the file that collects them (its folder is read), e.g. of run/stack_sweeps.sh.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mcpump import console, results
from mcpump.errors import McpumpError
from mcpump.figures.stack import cone_point, frequency_point, stack_figure, thickness_point

SWEEPS = {"thickness": thickness_point, "frequency": frequency_point, "cone": cone_point}


def main(arguments: list[str] | None = None) -> int:
    """Draw; 0 if the figure was written, 2 if a file cannot be used."""
    console.prepare()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name in SWEEPS:
        parser.add_argument(f"--{name}", nargs="+", type=Path, default=[], metavar="FILE")
    parser.add_argument("-o", "--output", type=Path, default=Path("stack_sweeps.png"), help="figure to write")
    options = parser.parse_args(arguments)
    try:
        points = {
            name: sorted(point(results.read(file)) for file in results.points_of(getattr(options, name)))
            for name, point in SWEEPS.items()
        }
        stack_figure(**points).savefig(options.output)
    except (McpumpError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    for name, found in points.items():
        for point in found:
            print(f"{name:<9} {point.x:<11.5g} {point.y:.5g} ± {point.error:.2g}")
    print(options.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
