#!/usr/bin/env python3
"""Tabulate and draw the effective mixing conductance of several runs (`mcpump plot mixing`)."""

import sys

from mcpump.cli import main

if __name__ == "__main__":
    sys.exit(main(["plot", "mixing", *sys.argv[1:]]))
