"""`mcpump example`: example decks, those of the repository's `run` folder, which are installed as `mcpump.decks`."""

from __future__ import annotations

import argparse
import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from mcpump.cli.options import COMPLETE
from mcpump.deck.hints import nearest
from mcpump.errors import InputError, show


def add_example(commands: Any) -> None:
    """Describe the command."""
    example = commands.add_parser("example", help="write a shipped deck to NAME.toml here")
    example.add_argument(
        "name", nargs="?", metavar="NAME", help="which one; without it, list them, with a line each"
    )
    example.set_defaults(act=write_example)


def write_example(options: argparse.Namespace) -> int:
    """`mcpump example`: write a shipped deck, or list them."""
    options.answers = options.name is None
    if options.answers:
        print("\n".join(f"{name:<{max(map(len, names()))}}  {question(name)}" for name in names()))
        return COMPLETE
    texts = {options.name.removesuffix(".toml") + ".toml": text(options.name)}
    texts |= companions(options.name)
    for path in map(Path, texts):
        if path.exists():
            raise InputError(f"{path} exists already and is left as it is; remove or rename it first")
    for path, content in texts.items():
        try:
            Path(path).write_text(content, encoding="utf-8")
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror}") from None
        print(path)
    return COMPLETE


def names() -> list[str]:
    """Names of the example decks without ".toml", in alphabetical order."""
    return sorted(
        entry.name.removesuffix(".toml") for entry in _folder().iterdir() if entry.name.endswith(".toml")
    )


def text(name: str) -> str:
    """Text of an example deck, one of `names()`; a trailing ".toml" is allowed."""
    known, plain = names(), name.removesuffix(".toml")
    if plain not in known:
        near = nearest(plain, known)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(known)}"
        raise InputError(f"{show(name)} is no example deck: {hint}")
    return (_folder() / f"{plain}.toml").read_text(encoding="utf-8")


def question(name: str) -> str:
    """The question that an example deck answers, the first sentence of its head."""
    head = " ".join(line.lstrip("# ") for line in text(name).splitlines() if line.startswith("#"))
    return head[: head.index("?") + 1]


def companions(name: str) -> dict[str, str]:
    """Other files that an example deck needs, by name: a user's texture, a script that makes snapshots."""
    texture = tomllib.loads(text(name)).get("texture", {})
    file = "make_ovf.py" if texture.get("kind") == "ovf" else texture.get("file")
    return {file: (_folder() / file).read_text(encoding="utf-8")} if file else {}


def _folder() -> Traversable:
    """Where the decks are: the installed package, or `run` of a checkout that is on the path as it is."""
    try:
        return files("mcpump.decks")
    except ModuleNotFoundError:
        folder: Traversable = Path(__file__).resolve().parent.parent.parent / "run"
        if not folder.is_dir():
            raise InputError("the example decks are not installed with this mcpump") from None
        return folder
