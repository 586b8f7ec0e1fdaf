#!/usr/bin/env python3
"""Draw the profiles of one run: texture, spin density, local and diffusive spin current (`mcpump plot profile`)."""

import sys

from mcpump.cli import main

if __name__ == "__main__":
    sys.exit(main(["plot", "profile", *sys.argv[1:]]))
