"""Reference of every key of a deck, made from the deck's model: ``python -m mcpump.deck.reference > docs/DECK.md``.

A key's description is the docstring below its field in `mcpump.deck.sections` or `mcpump.deck.textures`; what it accepts
comes from its check.
"""

from __future__ import annotations

import ast
import inspect
import itertools
import sys
import typing
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from mcpump.deck import sections as deck_sections
from mcpump.deck import textures as deck_textures
from mcpump.deck.kinds import ACCEPTED, Follows, Section

_PLACES = {
    "ElectronsSection": "[electrons]",
    "MaterialSection": "[materials.NAME]",
    "FaceTable": "left, right as tables",
    "Axis": "[sample.x], [sample.y], [sample.z]",
    "LayerSection": "[[layer]]",
    "Drive": "[drive]",
    "Initial": "[initial]",
    "Pulse": "[pulse]",
    "SpinOrbit": "[spin_orbit]",
    "Rashba": "[spin_orbit.rashba]",
    "Dresselhaus": "[spin_orbit.dresselhaus]",
    "Impurity": "[spin_orbit.impurity]",
    "Skew": "[spin_orbit.skew]",
    "ElectricFieldSection": "[electric_field]",
    "Confined": "[spin_orbit.rashba], [spin_orbit.dresselhaus], [spin_orbit.impurity], [spin_orbit.skew], "
    "[electric_field]",
    "Magnet": "[magnet]",
    "Results": "[results]",
    "Run": "[run]",
    "Stop": "[run.stop]",
    "Tables": "The deck",
    "Driven": "[texture] of every kind",
    "Precession": "[texture] of junction, uniform, spiral, modulated, penetration, insulator, magnetic_interface",
    "Gyrating": "[texture] of vortex, skyrmion",
}
"""Class → where its keys stand; textures are named by their kind."""
_HEAD = """# Every key of a deck

Made from the program's own model of a deck (`python -m mcpump.deck.reference > docs/DECK.md`), and kept true by a test.
[The manual](MANUAL.md#decks) tells how the keys go together; `mcpump check DECK` says what is wrong with a deck,
`mcpump example` lists decks to start from.

A quantity (length, time, energy, …) is a text NUMBER UNIT, `"1 nm"`, `"50 meV"`, in an SI deck, and a plain number in a
reduced one; it is positive unless told otherwise. Lengths are below 1 m.
"""


def reference() -> str:
    """Reference of all keys, as Markdown."""
    parts = [_HEAD]
    for cls in _classes():
        parts.append(f"\n## {_title(cls)}\n\n{_without_place(inspect.getdoc(cls) or '')}\n")
        own = [name for name in cls.__annotations__ if name in cls.model_fields and name != "kind"]
        if cls.__name__ == "Drive":
            own.insert(0, "kind")
        if not own:
            continue
        about = descriptions(cls)
        parts.append("\n| key | accepts | default | what |\n|---|---|---|---|\n")
        for name in own:
            field = cls.model_fields[name]
            cells = f"`{name}`", _accepts(field), _default(field), about.get(name, "")
            parts.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
    return "".join(parts)


def descriptions(cls: type[BaseModel]) -> dict[str, str]:
    """Docstrings below the fields of a class."""
    tree = ast.parse(inspect.getsource(sys.modules[cls.__module__]))
    [body] = [one.body for one in tree.body if isinstance(one, ast.ClassDef) and one.name == cls.__name__]
    found = {}
    for one, after in itertools.pairwise(body):
        if not isinstance(one, ast.AnnAssign) or not isinstance(one.target, ast.Name):
            continue
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            found[one.target.id] = " ".join(str(after.value.value).split())
    return found


def _classes() -> list[type[BaseModel]]:
    """Sections in the order in which a deck is thought of: whole, electrons, sample, textures, the rest."""
    sections = _own(deck_sections)
    first = ["Tables", "ElectronsSection", "MaterialSection", "Axis", "FaceTable", "LayerSection"]
    named = {cls.__name__: cls for cls in sections}
    rest = [cls for cls in sections if cls.__name__ not in (*first, "Sample")]
    return [*(named[name] for name in first), *_own(deck_textures), *rest]


def _own(module: Any) -> list[type[BaseModel]]:
    """Sections that a module defines."""
    found = vars(module).values()
    return [
        one
        for one in found
        if isinstance(one, type) and issubclass(one, Section) and one.__module__ == module.__name__
    ]


def _title(cls: type[BaseModel]) -> str:
    if "kind" in cls.model_fields and cls.__module__ == deck_textures.__name__:
        return f'[texture] kind = "{_literals(cls.model_fields["kind"].annotation)[0]}"'
    return _PLACES[cls.__name__]


def _without_place(doc: str) -> str:
    """Docstring without the name of the section that the heading has."""
    first = doc.split("\n\n")[0].replace("\n", " ")
    start = first.find("]: ")
    text = first[start + 3 :] if first.startswith("[") and start > 0 else first
    return text[:1].upper() + text[1:] if text.split(" ")[0].isascii() and text[:2].isalpha() else text


def _accepts(field: FieldInfo) -> str:
    """What a field accepts, in words."""
    found = _told(field.metadata) or _words(field.annotation)
    return found or "table"


def _told(metadata: typing.Iterable[Any]) -> str:
    for one in metadata:
        check = getattr(one, "func", None)
        if check in ACCEPTED:
            return ACCEPTED[check]
    return ""


def _words(annotation: Any) -> str:
    if typing.get_origin(annotation) is Literal:
        return ", ".join(f'`"{word}"`' for word in _literals(annotation))
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return "table"
    if hasattr(annotation, "__metadata__"):
        return _told(annotation.__metadata__) or _words(annotation.__origin__)
    several = [_words(one) for one in typing.get_args(annotation) if one is not type(None)]
    several = list(dict.fromkeys(one for one in several if one))
    return "; or ".join(several)


def _literals(annotation: Any) -> tuple[str, ...]:
    return typing.get_args(annotation)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        follows = [one.keys for one in field.metadata if isinstance(one, Follows)]
        return f"required, unless it follows from {follows[0]}" if follows else "required"
    if field.default is None or field.default is PydanticUndefined:
        return ""
    value = field.default
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, tuple):
        texts = [f'"{one}"' if isinstance(one, str) else f"{one:g}" for one in value]
        return f"`[{', '.join(texts)}]`" if texts or field.annotation is not None else ""
    return (
        f'`"{value}"`'
        if isinstance(value, str)
        else f"`{value:g}`"
        if isinstance(value, float)
        else f"`{value}`"
    )


if __name__ == "__main__":
    sys.stdout.write(reference())
