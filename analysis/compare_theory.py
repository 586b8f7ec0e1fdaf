#!/usr/bin/env python3
"""Compare runs with theory: the paper's closed forms, and the exact solution.

Plane waves in a periodic sample have one in closed form; junctions, stacks, real magnets and other samples along x in a
periodic drive one without walkers (mcpump.theory.slab), beside which --figure draws the run.

For each quantity, channel, part and multiple of Ω: the run, the paper (leading order in qℓ and Ωτ) and the exact solution
(any qℓ) where the latter is largest, how far the run is from it in standard errors, and the root mean square of this over
all cells, where 1 is expected. A run without an exact solution gets a sentence that says why.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from mcpump import console, figures, results
from mcpump.errors import InputError, McpumpError
from mcpump.report.comparison import comparison_table


def main(arguments: list[str] | None = None) -> int:
    """Print the table; 0 if it was made, 2 if a file cannot be used."""
    console.prepare()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, help="results files of mcpump run")
    parser.add_argument("-o", "--output", type=Path, help="text file to write the table to as well")
    parser.add_argument(
        "--figure", type=Path, help="figure of the first file beside the solution without walkers"
    )
    parser.add_argument("--channel", help="channel whose current is drawn (default: that of the table)")
    options = parser.parse_args(arguments)
    try:
        text = "\n".join(table_of(file) for file in options.files)
        if options.output:
            options.output.write_text(text, encoding="utf-8")
        if options.figure:
            figures.comparison_figure(results.read(options.files[0]), options.channel).savefig(options.figure)
    except (McpumpError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(text, end="")
    return 0


def table_of(file: Path) -> str:
    """Table of a run, or the sentence that says why it has none."""
    result = results.read(file)
    try:
        return comparison_table(result)
    except InputError as error:
        return f"{error}\n"


if __name__ == "__main__":
    sys.exit(main())
