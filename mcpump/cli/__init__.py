"""The command `mcpump` (the only argparse): `commands.main` reads argv and returns the exit status."""

from __future__ import annotations

__all__ = ["main"]
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> int:
    """Run the command line, see `mcpump.cli.commands.main`; from its first moment on a signal is told."""
    from mcpump import console
    from mcpump.errors import StoppedError
    from mcpump.simulate import signals

    try:
        if arguments is None:
            signals.heed()
        from mcpump.cli import commands

        return commands.main(arguments)
    except StoppedError as error:  # amid an import, or on the way out
        console.tell(f"mcpump: {error}")
        return error.status
    except KeyboardInterrupt:
        console.tell("mcpump: interrupted; a results file, if there is one, is as it was last saved")
        return INTERRUPTED
