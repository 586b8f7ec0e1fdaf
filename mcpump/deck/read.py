"""The deck: read from TOML, checked in one place.

Every refusal is an `InputError` of one sentence with the dotted key, its value and what is accepted.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from pydantic import BaseModel, ValidationError

from mcpump.console import CONTROL, plain
from mcpump.deck import kinds as fields
from mcpump.deck.deck import Deck
from mcpump.deck.electrons import FERMI_KEYS, MECHANISM_KEYS, SPIN_KEYS
from mcpump.deck.kinds import KEY
from mcpump.deck.magnet import why_missing
from mcpump.deck.material_keys import with_materials
from mcpump.deck.rules import check
from mcpump.deck.stack import with_stack
from mcpump.deck.textures import KINDS
from mcpump.deck.toml import flat, override, read_toml, write_toml
from mcpump.errors import InputError, hash_of_file, show
from mcpump.textures.ovf_series import hash_of_series

__all__ = ["Deck", "Given", "deck_from_dict", "given_deck", "read_deck"]


def read_deck(path: str | os.PathLike[str], overrides: Iterable[str] = ()) -> Deck:
    """Read a deck from a TOML file.

    Parameters
    ----------
    path : path
        The file.
    overrides : iterable of str
        "dotted.key=value" strings that replace keys of the file, e.g. ``electrons.mean_free_path=5 nm``.

    Returns
    -------
    Deck
        Checked.

    Raises
    ------
    InputError
        One sentence on what cannot be used, and what is accepted.
    """
    return given_deck(path).deck(overrides)


class Given(NamedTuple):
    """A deck as it was given, before it is checked."""

    data: Mapping[str, Any]
    """Tables and keys as in TOML."""
    name: str = "deck"
    folder: str = ""
    """Where texture.file or texture.files are looked for."""
    texture_source: str = ""
    """Of a texture that was given as a Python function."""

    def deck(self, overrides: Iterable[str] = ()) -> Deck:
        """Checked deck, with "dotted.key=value" over its keys."""
        return deck_from_dict(override(self.data, overrides), self.name, self.folder, self.texture_source)


def given_deck(path: str | os.PathLike[str]) -> Given:
    """Read a deck's file, without checking more than that it is TOML."""
    name = plain(Path(path).name.encode("utf-8", "backslashreplace").decode())
    return Given(read_toml(path), name, str(Path(path).parent))


def deck_from_dict(
    data: Mapping[str, Any], name: str = "deck", folder: str | os.PathLike[str] = "", texture_source: str = ""
) -> Deck:
    """Check a deck given as nested dictionaries.

    Parameters
    ----------
    data : mapping
        Tables and keys as in TOML.
    name : str
        Name for tables and files.
    folder : path
        Where texture.file or texture.files are looked for; the current folder by default.
    texture_source : str
        Source of a texture that was given as a Python function, `mcpump.textures.program.with_function`.

    Returns
    -------
    Deck
        Checked.

    Raises
    ------
    InputError
        One sentence on what cannot be used, and what is accepted.
    """
    _refuse_instructions(data)
    given = _with_defaults(data, folder)
    reduced = isinstance(given, dict) and given.get("units") == "reduced"
    own = given.get("materials") if isinstance(given, dict) else None
    names = tuple(map(str, own)) if isinstance(own, Mapping) else ()
    try:
        deck = Deck.model_validate(given, context={"reduced": reduced, "materials": names})
    except ValidationError as error:
        raise InputError(_sentence(error, given)) from None
    except RecursionError:
        raise InputError("the deck is nested too deeply") from None
    deck._name, deck._folder, deck._texture_source = name, str(folder), texture_source
    check(deck)
    deck._resolved = write_toml(_resolved(deck, given))
    return deck


def _refuse_instructions(data: Any) -> None:
    """Refuse texts that would do something to a terminal, and names of more than one line."""
    try:
        found = next((pair for pair in flat(data) if any(map(CONTROL.search, _texts(pair)))), None)
    except RecursionError:
        raise InputError("the deck is nested too deeply") from None
    if found is not None:
        key = plain(str(found[0])).encode("utf-8", "backslashreplace").decode()
        raise InputError(f"{key} = {show(found[1])} holds a control character or a line break")


def _texts(value: Any) -> Iterator[str]:
    """Texts of a value, and of the lists in it."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part)


def _with_defaults(data: Any, folder: str | os.PathLike[str]) -> Any:
    """Fill in the defaults that depend on other keys."""
    if not isinstance(data, Mapping):
        return data
    given = with_stack(with_materials(data))
    electrons, results, texture = given.get("electrons"), given.get("results", {}), given.get("texture")
    if isinstance(texture, Mapping) and texture.get("kind") == "user" and "sha256" not in texture:
        # a run can only go on with the very same texture: the resolved deck knows its file's contents
        given["texture"] = {**texture, **_hash_of(folder, texture.get("file"))}
    if isinstance(texture, Mapping) and texture.get("kind") == "ovf" and "sha256" not in texture:
        found = hash_of_series(texture.get("files"), folder, texture.get("table"))
        given["texture"] = {**texture, **({"sha256": found} if found else {})}
    walk = given.get("run")
    if isinstance(walk, Mapping) and walk.get("device") == "cuda":
        given["run"] = {"sums": "fixed", **walk}
    if isinstance(electrons, Mapping):
        # the mass follows from a density of states that stands in place of the Fermi surface
        free = "density_of_states" not in electrons or any(key in electrons for key in FERMI_KEYS)
        mass = {"effective_mass": 1.0} if free and given.get("units") != "reduced" else {}
        said = any(key in electrons for key in (*SPIN_KEYS, *MECHANISM_KEYS))
        spin = {} if said else {"spin_relaxation_time": "none"}
        given["electrons"] = {**mass, **spin, **electrons}
    if isinstance(results, Mapping):
        results = {key: value for key, value in results.items() if value is not None}
        if "pulse" in given or results.get("end") is not None:
            results = {"harmonics": 0, "time_bins": 1, **results}
        if "texture" not in given and {"pulse", "initial", "electric_field"} & given.keys():
            results = {"channels": ["first"], **results}
        if results:
            given["results"] = results
    return given


def _hash_of(folder: str | os.PathLike[str], file: Any) -> dict[str, str]:
    """Key texture.sha256 of a file; empty where it cannot be read, which is told later."""
    found = hash_of_file(Path(folder) / file) if isinstance(file, str) else ""
    return {"sha256": found} if found else {}


def _sentence(error: ValidationError, data: Any) -> str:
    """Turn the first of pydantic's findings into a sentence with the dotted key."""
    findings = error.errors(include_url=False, include_input=False)
    # An unknown key is likelier to be the cause than the missing one it was meant for.
    finding = min(findings, key=lambda f: "has an unknown key" not in str(f.get("msg", "")))
    # a control character marks a tag for one of several forms, not a key
    place = [part for part in finding["loc"] if not str(part).startswith("\x01")]
    if place[:1] == ["texture"] and place[1:2] and place[1] in KINDS:
        del place[1]  # pydantic's tag of the kind, not a key
    key = _dotted(place)
    kind = finding["type"]
    if kind == "missing":
        return f"{key} is missing{why_missing(key, data)}"
    if kind in ("union_tag_not_found", "union_tag_invalid", "model_attributes_type"):
        return _kind_sentence(data)
    if kind == "value_error":
        text = str(finding["ctx"]["error"])
        if text.startswith(KEY + " has") and not key:
            return "the deck" + text[1:]
        return text.replace(KEY, key or "the deck")
    return f"{key or 'the deck'} cannot be used: {finding['msg'][:1].lower()}{finding['msg'][1:]}"


def _dotted(place: list[Any]) -> str:
    """('results', 'planes', 1) → results.planes[1]."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else ("." if text else "") + str(part)
    return text


def _kind_sentence(data: Any) -> str:
    """Say what is wrong with texture.kind."""
    texture = data.get("texture")
    choice = ", ".join(KINDS)
    if not isinstance(texture, Mapping):
        return f"texture = {show(texture)} must be a table"
    if "kind" not in texture:
        return f"texture.kind is missing: it must be one of {choice}"
    try:
        fields.one_of(*KINDS).func(texture["kind"])  # type: ignore[call-arg]
    except ValueError as error:
        return str(error).replace(KEY, "texture.kind")
    return f"texture.kind must be one of {choice}"


def _resolved(section: BaseModel, given: Any) -> dict[str, Any]:
    """Every key with the value as it was written, or its default."""
    result: dict[str, Any] = {}
    for key, field in type(section).model_fields.items():
        value = getattr(section, key)
        if isinstance(value, BaseModel):
            result[key] = _resolved(value, given.get(key, {}))
        elif isinstance(value, dict) and all(isinstance(one, BaseModel) for one in value.values()):
            result |= (
                {key: {name: _resolved(one, given[key][name]) for name, one in value.items()}}
                if value
                else {}
            )
        elif isinstance(value, tuple) and value and isinstance(value[0], BaseModel):
            result[key] = [_resolved(part, said) for part, said in zip(value, given[key], strict=True)]
        elif given.get(key) is not None:
            result[key] = given[key]
        elif value is not None and key != "layer":
            result[key] = field.default
    return result
