"""JSON schema of a deck, made from the deck's model: editors complete keys by it, tell what they mean, and mark mistakes.

It knows each key by itself. What keys say to each other, and whether a unit fits, `mcpump check` tells.
"""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from mcpump import __version__
from mcpump.deck.kinds import Follows, Section
from mcpump.deck.reference import descriptions
from mcpump.deck.sections import Tables


def schema() -> dict[str, Any]:
    """Schema of a deck as JSON has it."""
    made = Tables.model_json_schema(mode="validation")
    classes: dict[str, type[Section]] = {one.__name__: one for one in _below(Section)}
    for name, table in {**made["$defs"], "Tables": made}.items():
        _describe(table, classes[name])
    _take_words(made["$defs"])
    head = {"$schema": GenerateJsonSchema.schema_dialect, "title": f"Deck of mcpump {__version__}"}
    return {**_plain(made), **head}


def _take_words(tables: dict[str, Any]) -> None:
    """Words that `deck.stack` replaces before keys are checked: a cell's length, places by a layer's name."""
    cells = tables["Axis"]["properties"]["cells"]
    count = {key: cells.pop(key) for key in ("type", "minimum", "maximum")}
    cells["anyOf"] = [
        count,
        {"type": "number", "exclusiveMinimum": 0},
        {"type": "string", "pattern": "[0-9]"},
    ]
    place = {"anyOf": [{"type": "number"}, {"type": "string", "minLength": 1}]}
    tables["Results"]["properties"]["planes"]["items"] = place
    tables["Stop"]["properties"]["at"] |= place


def _below(cls: type[Section]) -> list[type[Section]]:
    """All sections that are made of one."""
    found = cls.__subclasses__()
    return [*found, *(one for sub in found for one in _below(sub))]


def _describe(table: dict[str, Any], cls: type[Section]) -> None:
    """Tell what each key of a table means; keys that follow from others may be left out."""
    about = {
        key: text
        for one in reversed(cls.__mro__)
        if issubclass(one, Section)
        for key, text in _told(one).items()
    }
    for name, key in table["properties"].items():
        key.pop("title", None)
        if name in about:
            key["description"] = about[name]
    follows = {
        name
        for name, field in cls.model_fields.items()
        if any(isinstance(one, Follows) for one in field.metadata)
    }
    table["required"] = [name for name in table.get("required", []) if name not in follows]


def _told(cls: type[Section]) -> dict[str, str]:
    return descriptions(cls) if cls is not Section else {}


def _plain(value: Any) -> Any:
    """Without null, which TOML does not have."""
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _plain(one) for key, one in value.items() if not (key == "default" and one is None)}
    choices = kept.get("anyOf", [])
    if {"type": "null"} in choices:
        choices = [one for one in choices if one != {"type": "null"}]
        kept = {**kept, "anyOf": choices} if len(choices) > 1 else {**choices[0], **_without(kept, "anyOf")}
    return kept


def _without(table: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in table.items() if name != key}
