#!/usr/bin/env python3
"""Draw how spin turns into charge, and what is converted against ℓ/λ (`mcpump plot charge`)."""

import sys

from mcpump.cli import main

if __name__ == "__main__":
    sys.exit(main(["plot", "charge", *sys.argv[1:]]))
