#!/usr/bin/env python3
"""Draw sweeps of a stack's DC spin current against their limits (`mcpump plot stack`)."""

import sys

from mcpump.cli import main

if __name__ == "__main__":
    sys.exit(main(["plot", "stack", *sys.argv[1:]]))
