#!/usr/bin/env python3
"""Hold sweeps of three decks against the experiments that they are made after (`mcpump compare --papers`)."""

import sys

from mcpump.cli import main

if __name__ == "__main__":
    sys.exit(main(["compare", "--papers", *sys.argv[1:]]))
