"""TOML text of a deck: reading it, overriding keys of it, writing it out again."""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any

from mcpump.deck import hints
from mcpump.errors import InputError, read_some, show

_HEAD = 8
"""Bytes that tell what kind of file it is."""
DEEPEST = 100
"""Most dots of a dotted key."""
_PIECES = re.compile(r"[=,{}\[\]\n]")
_TEXTS = re.compile(
    r'''"""(?:[^"\\]+|\\.|"(?!""))*+(?:"{3,5})?|"(?:[^"\\\n]+|\\.)*+"?|#[^\n]*+'''
    r"""|'''(?:[^']+|'(?!''))*+(?:'{3,5})?|'[^'\n]*+'?""",
    re.DOTALL,
)
"""Texts and comments, in which dots mean nothing; also those without an end."""
_INDEXED = re.compile(r"([^\[\]]+)\[([0-9]{1,6})\]", re.ASCII)


def read_toml(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a TOML file into a dictionary.

    Parameters
    ----------
    path : path
        The deck.

    Returns
    -------
    dict
        Its tables.

    Raises
    ------
    InputError
        If it cannot be read or is no TOML; the sentence holds the line.
    """
    name = f"deck {show(str(path), 200)}"
    try:
        data = read_some(path, pipes=True)
    except (OSError, ValueError) as error:
        if isinstance(error, ValueError) and os.path.isfile(path):
            with open(path, "rb") as stream:
                _refuse_other_kinds(stream.read(_HEAD), name)
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(f"{name} cannot be read: {reason}") from None
    _refuse_other_kinds(data[:_HEAD], name)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"{name} is not UTF-8 text (line {line})") from None
    return parse(text, name)


def _refuse_other_kinds(head: bytes, name: str) -> None:
    """Refuse files that are no decks but known: results, snapshots."""
    if head.startswith(b"\x89HDF"):
        raise InputError(
            f"{name} is an HDF5 file, as results files are: `mcpump show FILE` prints its table, "
            f"`mcpump run --resume FILE` goes on with it"
        )
    if head.startswith(b"# OOMMF"):
        raise InputError(
            f'{name} is an OVF file: a deck names it in texture.files, with texture.kind = "ovf"'
        )


def parse(text: str, name: str) -> dict[str, Any]:
    """TOML text → dictionary, or a sentence; `name` stands for the text in it."""
    if _too_deep(text):
        raise InputError(f"{name} is not a deck: it is nested too deeply")
    try:
        return tomllib.loads(text)
    except RecursionError:
        raise InputError(f"{name} is not a deck: it is nested too deeply") from None
    except tomllib.TOMLDecodeError as error:
        reason = " ".join(str(error).split()) + hints.of_toml(text, str(error))
    except ValueError:  # an integer of thousands of digits
        reason = "a number in it is too long"
    reason = reason.encode("utf-8", "backslashreplace").decode()
    raise InputError(f"{name} is not valid TOML: {reason}") from None


def _too_deep(text: str) -> bool:
    """Whether a key has so many dots that tomllib, whose time and memory grow as their square, must not see it."""
    bare = _TEXTS.sub("", text)
    return any(piece.count(".") > DEEPEST for piece in _PIECES.split(bare))


class Unset(str):
    """A key to be taken out of a deck, among overrides."""

    __slots__ = ()


def label_of(deck: Mapping[str, Any], key: str) -> str:
    """What a dotted key is in words: "thickness of Pt" where it is that of a part of the stack with a name, else the key.

    Parameters
    ----------
    deck : mapping
        The deck's tables.
    key : str
        E.g. "layer[0].thickness".
    """
    holder, _, last = key.rpartition(".")
    match = _INDEXED.fullmatch(holder)
    try:
        table = deck["layer"][int(match[2])] if match and match[1] == "layer" else deck["electrons"]
        name = table.get("name") if match or holder == "electrons" else None
    except (KeyError, IndexError, TypeError, AttributeError):
        name = None
    return f"{last.replace('_', ' ')} of {name}" if isinstance(name, str) else key


def override(deck: Mapping[str, Any], overrides: Iterable[str]) -> dict[str, Any]:
    """Put "dotted.key=value" over a deck's keys.

    Parameters
    ----------
    deck : mapping
        The deck's tables; not changed.
    overrides : iterable of str
        For example ``electrons.mean_free_path=5 nm`` or ``layer[0].start=5 nm``; a value that is TOML is taken
        as such, anything else as text. An `Unset` is a key that is taken out.

    Returns
    -------
    dict
        The deck with the overrides.

    Raises
    ------
    InputError
        If one is not KEY=VALUE, or goes through a key that holds no table.
    """
    result = dict(deck)
    for text in overrides:
        if isinstance(text, Unset):
            _take(result, text)
            continue
        key, equals, value = text.partition("=")
        path = [part.strip() for part in key.split(".")]
        if not equals or not all(path):
            raise InputError(f"override {show(text)} must be KEY=VALUE, e.g. electrons.mean_free_path=5 nm")
        if len(path) > DEEPEST:
            raise InputError(f"override {show(text)} cannot be used: its key has {len(path) - 1} dots")
        _put(result, path, _value(value.strip()), text)
    return result


def _take(deck: dict[str, Any], key: str) -> None:
    """Take one key out, copying the tables on the way."""
    *path, last = (part.strip() for part in key.split("."))
    table = deck
    for part in path:
        match = _INDEXED.fullmatch(part)
        if (match[1] if match else part) not in table:
            raise InputError(f"--unset {show(str(key))}: the deck has no such key")
        table = _into(table, part, f"--unset {key}")
    match = _INDEXED.fullmatch(last)
    inner = table.get(match[1]) if match else None
    if match and isinstance(inner, list) and int(match[2]) < len(inner):
        table[match[1]] = [one for i, one in enumerate(inner) if i != int(match[2])]
        return
    if last not in table:
        near = hints.nearest(last, table)
        raise InputError(
            f"--unset {show(str(key))}: the deck has no such key"
            + (f" (did you mean {near}?)" if near else "")
        )
    del table[last]


def _put(deck: dict[str, Any], path: list[str], value: Any, text: str) -> None:
    """Set one key, copying the tables on the way."""
    table = deck
    for part in path[:-1]:
        table = _into(table, part, text)
    table[path[-1]] = value


def _into(table: dict[str, Any], part: str, text: str) -> dict[str, Any]:
    """Copy the inner table that `key` or `key[number]` names, put it in its place and return it."""
    match = _INDEXED.fullmatch(part)
    key = match[1] if match else part
    inner = table.get(key, {})
    if match and isinstance(inner, list):
        number = int(match[2])
        if number >= len(inner):
            raise InputError(
                f"override {show(text)} cannot be used: {key} is a list of {len(inner)}, counted from 0"
            )
        table[key] = within = list(inner)
        inner = within[number]
        if isinstance(inner, Mapping):
            within[number] = dict(inner)
            return within[number]  # type: ignore[no-any-return]
    if not match and isinstance(inner, list):
        raise InputError(
            f"override {show(text)} cannot be used: {key} is a list of {len(inner)}, counted from 0: write e.g. {key}[0]"
        )
    if match or not isinstance(inner, Mapping):
        raise InputError(f"override {show(text)} cannot be used: {part} is no table")
    table[key] = dict(inner)
    return table[key]  # type: ignore[no-any-return]


def _value(text: str) -> Any:
    """Read a TOML value if it is one, else take the text itself."""
    if _too_deep(text):
        return text
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return parsed["value"] if list(parsed) == ["value"] else text


def flat(table: Any, key: str = "") -> Iterable[tuple[str, Any]]:
    """Dotted keys and values of nested tables and lists of tables."""
    if isinstance(table, dict):
        for name, value in table.items():
            yield from flat(value, f"{key}.{name}" if key else name)
    elif isinstance(table, list) and any(isinstance(value, dict) for value in table):
        for i, value in enumerate(table):
            yield from flat(value, f"{key}[{i}]")
    else:
        yield key, table


def write_toml(deck: Mapping[str, Any]) -> str:
    """Write a deck of numbers, texts, lists and tables as TOML text.

    Parameters
    ----------
    deck : mapping
        Plain values first, tables after them, as in a deck.

    Returns
    -------
    str
        Text that reads back to an equal deck.
    """
    return "\n".join(_table(deck, "")) + "\n"


def _table(table: Mapping[str, Any], path: str, heading: str = "[{}]") -> list[str]:
    """Lines of one table: its values, then the tables and lists of tables in it."""
    inner = {key: value for key, value in table.items() if _is_table(value) or _is_list_of_tables(value)}
    values = {key: value for key, value in table.items() if key not in inner}
    always = heading != "[{}]" or not table
    lines = ["", heading.format(path)] if path and (values or always) else []
    lines += [f"{key} = {_literal(value)}" for key, value in values.items()]
    for key, value in inner.items():
        place = f"{path}.{key}" if path else key
        if _is_table(value):
            lines += _table(value, place)
        else:
            lines += [line for part in value for line in _table(part, place, "[[{}]]")]
    return lines


def _is_table(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_list_of_tables(value: Any) -> bool:
    return isinstance(value, list | tuple) and len(value) > 0 and all(_is_table(part) for part in value)


def _literal(value: Any) -> str:
    """One TOML value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + "".join(_character(c) for c in value) + '"'
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_literal(part) for part in value) + "]"
    if isinstance(value, float) and not math.isfinite(value):
        return "inf" if value > 0 else "-inf"
    return repr(float(value) if isinstance(value, float) else int(value))


def _character(character: str) -> str:
    """One character of a basic TOML string."""
    if character in '"\\':
        return "\\" + character
    return character if character >= " " and character != "\x7f" else f"\\u{ord(character):04x}"
