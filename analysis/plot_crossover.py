#!/usr/bin/env python3
"""Draw the local share of the spin current against qℓ, of several runs (`mcpump plot crossover`)."""

import sys

from mcpump.cli import main

if __name__ == "__main__":
    sys.exit(main(["plot", "crossover", *sys.argv[1:]]))
