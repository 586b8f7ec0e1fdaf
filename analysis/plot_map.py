#!/usr/bin/env python3
"""Draw maps of a run in two or three dimensions: density with the texture, and current (`mcpump plot map`)."""

import sys

from mcpump.cli import main

if __name__ == "__main__":
    sys.exit(main(["plot", "map", *sys.argv[1:]]))
