#!/usr/bin/env python3
"""Draw the profiles of one run: texture, spin density, local and diffusive spin current."""

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
    parser.add_argument(
        "--no-theory", action="store_true", help="leave out the lines of the theory for ℓ ≪ λ"
    )
    parser.add_argument("--channel", help="channel to draw (default: that of the table)")
    options = parser.parse_args(arguments)
    output = options.output or options.file.with_suffix(".png")
    try:
        figure = figures.profile(results.read(options.file), not options.no_theory, options.channel)
        figure.savefig(output)
    except (McpumpError, OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
