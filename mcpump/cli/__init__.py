"""The command `mcpump` (the only argparse): `commands.main` reads argv and returns the exit status."""

from mcpump.cli.commands import main

__all__ = ["main"]
