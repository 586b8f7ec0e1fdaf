"""A stack in which each thickness stands once: starts, the sample's length, planes and cells follow from it.

`thickness` of [electrons] and of every [[layer]] put the layers one behind the other; `magnet.layer` names the layer that
pumps; places in `results.planes` and `run.stop.at` may begin with the word interface or a layer's name; `cells` may be
the length of one. All are turned into the keys of a deck that says everything, before it is checked.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from mcpump.deck.hints import nearest
from mcpump.deck.magnet import with_magnet_end
from mcpump.deck.quantities import quantity
from mcpump.errors import InputError, show

FIRST_PART = "electrons"
"""Name of the sample before the first [[layer]], beside its own."""
INTERFACE = "interface"
_SAME = 1e-9
_DIGITS = 12
_MOST_CELLS = 10**9
_PLACE = re.compile(r"\s*(?P<word>[^\d\s+-][^+]*?)\s*(?:(?P<sign>[+-])\s*(?P<more>\S.*?))?\s*", re.DOTALL)


def with_stack(deck: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in what follows from thicknesses, a magnet's layer, words for places and the length of cells.

    Parameters
    ----------
    deck : mapping
        Tables as written, not checked yet.

    Returns
    -------
    dict
        The deck; what cannot be used is left as it is, to be refused later.

    Raises
    ------
    InputError
        Where keys say different things, or a word or a name is not known.
    """
    stack = _Stack(deck)
    if not stack.readable:
        return with_magnet_end(dict(deck))
    stack.put_starts()
    stack.put_magnet()
    stack.deck = with_magnet_end(stack.deck)
    stack.put_starts()
    stack.put_length()
    stack.put_places()
    stack.put_cells()
    return stack.deck


class _Stack:
    """A deck whose keys are being filled in."""

    def __init__(self, deck: Mapping[str, Any]) -> None:
        self.deck = dict(deck)
        self.reduced = deck.get("units") == "reduced"
        layers = deck.get("layer", [])
        tables = [
            deck.get("electrons"),
            deck.get("sample"),
            *(layers if isinstance(layers, list | tuple) else [None]),
        ]
        self.readable = all(isinstance(table, Mapping) for table in tables)

    # --- reading and writing ----------------------------------------------------------------------

    @property
    def parts(self) -> list[Mapping[str, Any]]:
        """[electrons] and every [[layer]]."""
        return [self.deck["electrons"], *self.deck.get("layer", ())]

    @property
    def names(self) -> list[str | None]:
        """Their names."""
        given = [part.get("name") for part in self.parts]
        first, *others = [name if isinstance(name, str) else None for name in given]
        return [first or FIRST_PART, *others]

    def read(self, value: Any, key: str) -> float | None:
        """Length in the deck's units; None where there is none."""
        return None if value is None else quantity(value, key, "length", self.reduced)

    def told(self, value: float) -> Any:
        """The same as a deck has it: the sum of short numbers is one."""
        return float(f"{value:.{_DIGITS}g}") if self.reduced else f"{value * 1e9:.{_DIGITS}g} nm"

    def put(self, section: str, key: str, value: Any) -> None:
        """Set a key, copying the tables on the way."""
        head, dot, tail = section.partition(".")
        table = dict(self.deck[head])
        if dot:
            table[tail] = {**table[tail], key: value}
        else:
            table[key] = value
        self.deck[head] = table

    def key(self, i: int) -> str:
        """Dotted key of a part."""
        return f"layer[{i - 1}]" if i else "electrons"

    def span(self, i: int) -> tuple[float | None, float | None]:
        """Where a part begins and ends, as far as it is known."""
        parts, starts = self.parts, self.starts()
        start, thickness = starts[i], self.read(parts[i].get("thickness"), f"{self.key(i)}.thickness")
        if start is not None and thickness is not None:
            return start, start + thickness
        sample_x = self.deck["sample"].get("x")
        length = sample_x.get("length") if isinstance(sample_x, Mapping) else None
        end = starts[i + 1] if i + 1 < len(parts) else self.read(length, "sample.x.length")
        return start, end

    def starts(self) -> list[float | None]:
        """Where the parts begin, as far as it is given."""
        return [0.0] + [
            self.read(part.get("start"), f"layer[{i}].start") for i, part in enumerate(self.parts[1:])
        ]

    # --- what follows -----------------------------------------------------------------------------

    def put_starts(self) -> None:
        """A layer begins where the one before it ends."""
        if not any(part.get("thickness") is not None for part in self.parts):
            return
        layers, starts = list(self.parts[1:]), self.starts()
        for i, layer in enumerate(layers):
            thickness = self.read(self.parts[i].get("thickness"), f"{self.key(i)}.thickness")
            before, here = starts[i], starts[i + 1]
            if thickness is None or before is None:
                continue
            end = before + thickness
            if here is None:
                starts[i + 1] = end
                layers[i] = {**layer, "start": self.told(end)}
            else:
                self.agree(here, end, f"layer[{i}].start", layer["start"], f"where {self.key(i)} ends")
        if layers:
            self.deck["layer"] = layers

    def agree(self, one: float, other: float, key: str, given: Any, what: str) -> None:
        """Refuse two places that should be one."""
        if not math.isclose(one, other, rel_tol=_SAME):
            raise InputError(
                f"{key} = {show(given)} is not {what} by its thickness, {self.told(other)}: leave out one of them"
            )

    def put_magnet(self) -> None:
        """The magnet has the thickness of its layer; a junction's is the first, and ends at the interface."""
        magnet, texture = self.deck.get("magnet"), self.deck.get("texture")
        if not isinstance(magnet, Mapping) or not isinstance(name := magnet.get("layer"), str):
            return
        junction = isinstance(texture, Mapping) and texture.get("kind") == "junction"
        i = self.number(name, "magnet.layer")
        if junction and i > 0:
            raise InputError(
                f"magnet.layer = {show(name)} must be the first part of the stack, {show(self.names[0])}, which is the "
                "magnet of a junction"
            )
        start, end = self.span(i)
        if start is None or end is None:
            return
        if magnet.get("thickness") is None:
            self.put("magnet", "thickness", self.told(end - start))
        else:
            given = self.read(magnet["thickness"], "magnet.thickness")
            assert given is not None
            self.agree(given, end - start, "magnet.thickness", magnet["thickness"], f"that of {name}")

    def number(self, name: str, key: str) -> int:
        """Number of the part of a name, the first of several."""
        names = self.names
        if name in names:
            return names.index(name)
        if name == FIRST_PART:
            return 0
        known = [one for one in names if one]
        near = nearest(name, known)
        hint = f" (did you mean {near}?)" if near else ""
        raise InputError(f"{key} = {show(name)} must be one of {show(', '.join(known), 150)[1:-1]}{hint}")

    def put_length(self) -> None:
        """The sample ends where the last layer does."""
        x = self.deck["sample"].get("x")
        last = len(self.parts) - 1
        if not isinstance(x, Mapping) or self.parts[last].get("thickness") is None:
            return
        _, end = self.span(last)
        if end is None:
            return
        if x.get("length") is None:
            self.put("sample.x", "length", self.told(end))
        else:
            given = self.read(x["length"], "sample.x.length")
            assert given is not None
            self.agree(given, end, "sample.x.length", x["length"], "where the stack ends")

    def put_places(self) -> None:
        """Planes and the stop rule's place by words."""
        results, run = self.deck.get("results"), self.deck.get("run")
        planes = results.get("planes") if isinstance(results, Mapping) else None
        if isinstance(planes, list | tuple):
            placed = [self.place(plane, f"results.planes[{i}]") for i, plane in enumerate(planes)]
            if placed != list(planes):
                self.put("results", "planes", placed)
        stop = run.get("stop") if isinstance(run, Mapping) else None
        if isinstance(stop, Mapping) and (at := self.place(stop.get("at"), "run.stop.at")) != stop.get("at"):
            self.put("run.stop", "at", at)

    def place(self, value: Any, key: str) -> Any:
        """A place as a length; what does not begin with a word is left as it is."""
        found = _PLACE.fullmatch(value) if isinstance(value, str) else None
        if found is None:
            return value
        word, more = found["word"], found["more"]
        x = (
            self.interface(key, value)
            if word == INTERFACE
            else self.starts()[self.number_of_word(word, key, value)]
        )
        if x is None:
            raise InputError(f"{key} = {show(value)}: it is not known where {show(word)[1:-1]} begins")
        if more is None:
            return self.told(x)
        step = quantity(
            float(more) if self.reduced and _is_number(more) else more, key, "length", self.reduced
        )
        return self.told(x + (step if found["sign"] == "+" else -step))

    def number_of_word(self, word: str, key: str, value: str) -> int:
        """Number of the part that a word names."""
        if word in self.names:
            return self.names.index(word)
        known = [INTERFACE, *(name for name in self.names[1:] if name)]
        raise InputError(
            f"{key} = {show(value)} must be a length, or begin with {show(' or '.join(known), 150)[1:-1]}, e.g. "
            f'"interface + {"0.5" if self.reduced else "0.5 nm"}"'
        )

    def interface(self, key: str, value: str) -> float | None:
        """Where a junction's magnet ends, else where the first [[layer]] begins."""
        texture = self.deck.get("texture")
        if isinstance(texture, Mapping) and texture.get("interface") is not None:
            return self.read(texture["interface"], "texture.interface")
        starts = self.starts()
        if len(starts) == 1:
            raise InputError(
                f"{key} = {show(value)}: there is no interface without a texture.interface or a [[layer]]"
            )
        return starts[1]

    def put_cells(self) -> None:
        """As many cells as make the length asked for, the nearest whole number."""
        for name, axis in self.deck["sample"].items():
            cells = axis.get("cells") if isinstance(axis, Mapping) else None
            sized = (
                isinstance(cells, float) if self.reduced else isinstance(cells, str) and not _is_number(cells)
            )
            if not sized or axis.get("length") is None:
                continue
            size = self.read(cells, f"sample.{name}.cells")
            length = self.read(axis["length"], f"sample.{name}.length")
            assert size is not None
            assert length is not None
            if not 0.0 < size <= length * (1.0 + _SAME) or length > _MOST_CELLS * size:
                raise InputError(
                    f"sample.{name}.cells = {show(cells)} must be a whole number of cells, or the length of one, at most "
                    f"that of the sample"
                )
            self.put(f"sample.{name}", "cells", max(1, round(length / size)))


def _is_number(text: str) -> bool:
    """Whether a text is a plain number."""
    try:
        float(text)
    except ValueError:
        return False
    return True
