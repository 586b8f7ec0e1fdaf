#!/usr/bin/env python3
"""Draw a transient, or one period: currents in x and t and through the planes (`mcpump plot time`)."""

import sys

from mcpump.cli import main

if __name__ == "__main__":
    sys.exit(main(["plot", "time", *sys.argv[1:]]))
