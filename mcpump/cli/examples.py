"""Example decks: those of the repository's `run` folder, which are installed as `mcpump.decks`."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from mcpump.deck.hints import nearest
from mcpump.errors import InputError


def names() -> list[str]:
    """Names of the example decks, in alphabetical order.

    Returns
    -------
    list of str
        Without ".toml".
    """
    return sorted(
        entry.name.removesuffix(".toml") for entry in _folder().iterdir() if entry.name.endswith(".toml")
    )


def text(name: str) -> str:
    """Text of an example deck.

    Parameters
    ----------
    name : str
        One of `names()`; a trailing ".toml" is allowed.

    Returns
    -------
    str
        TOML with its header.

    Raises
    ------
    InputError
        If there is no such example.
    """
    known, plain = names(), name.removesuffix(".toml")
    if plain not in known:
        near = nearest(plain, known)
        hint = f"did you mean {near}?" if near else f"there are {', '.join(known)}"
        raise InputError(f"{name!r} is no example deck: {hint}")
    return (_folder() / f"{plain}.toml").read_text(encoding="utf-8")


def companions(name: str) -> dict[str, str]:
    """Other files that an example deck needs: a user's texture, a script that makes snapshots.

    Parameters
    ----------
    name : str
        One of `names()`.

    Returns
    -------
    dict
        File name → text.
    """
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
