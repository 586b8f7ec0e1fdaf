#!/usr/bin/env python3
"""Draw −∇μ_s against the diffusive current, for one or several runs (`mcpump plot potential`)."""

import sys

from mcpump.cli import main

if __name__ == "__main__":
    sys.exit(main(["plot", "potential", *sys.argv[1:]]))
