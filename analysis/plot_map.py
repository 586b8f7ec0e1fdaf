#!/usr/bin/env python3
"""Draw maps of a run in two or three dimensions: local and diffusive density with the texture, and current."""

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
    parser.add_argument("file", type=Path, help="results file of mcpump run")
    parser.add_argument("-o", "--output", type=Path, help="figure to write (default: FILE with .png)")
    parser.add_argument("--channel", help="channel to draw (default: that of the table)")
    parser.add_argument(
        "--component", choices=("x", "y", "z"), help="component of the spin (default: largest)"
    )
    parser.add_argument("--harmonic", help="dc, cos1, sin1, ... (default: dc, if anything is driven at it)")
    parser.add_argument("--time", type=int, default=-1, help="time bin of a transient (default: the last)")
    options = parser.parse_args(arguments)
    output = options.output or options.file.with_suffix(".png")
    try:
        run = results.read(options.file)
        figure = figures.map_figure(run, options.channel, options.component, options.harmonic, options.time)
        figure.savefig(output)
    except (McpumpError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
