"""Where the magnet of a junction ends: three keys say it, and those that are left out follow from the others."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mcpump.deck.quantities import quantity
from mcpump.deck.textures import Junction
from mcpump.errors import InputError

if TYPE_CHECKING:
    from mcpump.deck.deck import Deck

KEYS = {"texture": "interface", "layer[0]": "start", "magnet": "thickness"}
"""Section → its key for the magnet's end; the first [[layer]] begins there."""
_SAME = 1e-9


def with_magnet_end(deck: dict[str, Any]) -> dict[str, Any]:
    """Fill in the keys for the end of a junction's magnet that are left out, where those given agree.

    Parameters
    ----------
    deck : dict
        Tables as written, not checked yet.

    Returns
    -------
    dict
        The deck; what cannot be used is left as it is, to be refused later.
    """
    sections = _sections(deck)
    given = _given(sections)
    if not given or not _agree(given, deck.get("units") == "reduced"):
        return deck
    end = next(iter(given.values()))
    filled: dict[str, Any] = {
        name: section if section.get(KEYS[name]) is not None else {**section, KEYS[name]: end}
        for name, section in sections.items()
    }
    if "layer[0]" in filled:
        filled["layer"] = [filled.pop("layer[0]"), *deck["layer"][1:]]
    return {**deck, **filled}


def why_missing(key: str, deck: Mapping[str, Any]) -> str:
    """End of the sentence that a key is missing: from which others it would follow; empty for other keys."""
    sections = _sections(deck)
    named = {f"{name}.{KEYS[name]}" for name in sections}
    if key not in named or len(named) == 1:
        return ""
    given = [f"{name}.{KEYS[name]}" for name in _given(sections)]
    if len(given) > 1:
        return f": it does not follow from {' and '.join(given)}, which differ"
    return f": give it, or {' or '.join(sorted(named - {key}))}, from which it follows"


def magnet_notes(deck: Deck) -> list[str]:
    """Sentence on keys that let the magnet of a junction end at different places."""
    if not isinstance(deck.texture, Junction):
        return []
    end, near = deck.texture.interface, _SAME * deck.sample.x.length
    others = {} if deck.magnet is None else {"magnet.thickness": deck.magnet.thickness}
    starts = [layer.start for layer in deck.layer]
    if starts and all(abs(start - end) > near for start in starts):
        others["layer[0].start"] = starts[0]
    differ = [f"{key} = {deck.place_text(x)}" for key, x in others.items() if abs(x - end) > near]
    if not differ:
        return []
    return [
        f"the magnet ends at texture.interface = {deck.place_text(end)}, which is not {', nor '.join(differ)}"
    ]


def _sections(deck: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Sections of a junction's deck that say where the magnet ends."""
    texture, layers = deck.get("texture"), deck.get("layer")
    if not isinstance(texture, Mapping) or texture.get("kind") != "junction":
        return {}
    first = layers[0] if isinstance(layers, list | tuple) and layers else None
    found = {"texture": texture, "layer[0]": first, "magnet": deck.get("magnet")}
    return {name: section for name, section in found.items() if isinstance(section, Mapping)}


def _given(sections: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Section → what it says of the end."""
    return {name: one[KEYS[name]] for name, one in sections.items() if one.get(KEYS[name]) is not None}


def _agree(given: Mapping[str, Any], reduced: bool) -> bool:
    """Whether all that is given is the same place."""
    try:
        first, *others = (quantity(value, "", "length", reduced) for value in given.values())
    except InputError:
        return False
    return all(math.isclose(first, other, rel_tol=_SAME) for other in others)
