"""`mcpump keys`: the reference of all keys of a deck, or its JSON schema for editors; `mcpump completion`: for shells."""

from __future__ import annotations

import argparse
import json
from functools import partial
from typing import Any

from mcpump.cli.options import COMPLETE

SHELLS = ("bash", "zsh", "fish")


def add_keys(commands: Any) -> None:
    """Describe the command."""
    keys = commands.add_parser(
        "keys",
        help="print the reference of all keys of a deck, or their JSON schema for editors",
        description="Print the reference of all keys of a deck (Markdown), or with --schema their JSON schema, by which "
        "editors complete keys, tell what they mean and mark mistakes.",
    )
    keys.add_argument("--schema", action="store_true", help="the JSON schema")
    keys.set_defaults(act=print_keys)


def print_keys(options: argparse.Namespace) -> int:
    """`mcpump keys`: every key of a deck."""
    if options.schema:
        from mcpump.deck.schema import schema

        print(json.dumps(schema(), indent=1, ensure_ascii=False))
    else:
        from mcpump.deck.reference import reference

        print(reference(), end="")
    return COMPLETE


def add_completion(commands: Any, top: argparse.ArgumentParser) -> None:
    """Describe the command, which completes those of the parser `top`."""
    completion = commands.add_parser(
        "completion", help="print a script by which a shell completes commands and options"
    )
    completion.add_argument("shell", choices=SHELLS)
    completion.set_defaults(act=partial(print_completion, top))


def print_completion(top: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    """`mcpump completion`: a script for a shell."""
    import shtab

    print(shtab.complete(with_files(top, shtab.FILE), shell=options.shell))
    return COMPLETE


def with_files(parser: argparse.ArgumentParser, files: Any) -> argparse.ArgumentParser:
    """The parser, which lets the shell complete names of files wherever it reads one."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for one in action.choices.values():
                with_files(one, files)
        elif getattr(action.type, "__name__", "") == "Path":
            action.complete = files  # type: ignore[attr-defined]
    return parser
