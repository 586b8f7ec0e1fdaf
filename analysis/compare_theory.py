#!/usr/bin/env python3
"""Compare runs with the paper's closed forms and the exact solution (`mcpump compare`)."""

import sys

from mcpump.cli import main

if __name__ == "__main__":
    sys.exit(main(["compare", *sys.argv[1:]]))
