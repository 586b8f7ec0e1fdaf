#!/usr/bin/env python3
"""Draw errors against the number of walkers, of several runs (`mcpump plot convergence`)."""

import sys

from mcpump.cli import main

if __name__ == "__main__":
    sys.exit(main(["plot", "convergence", *sys.argv[1:]]))
