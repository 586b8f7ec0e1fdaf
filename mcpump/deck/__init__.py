"""What a user may write: a TOML deck, checked, with every default written out.

`read_deck` reads a file and `deck_from_dict` nested dictionaries; both return a `Deck` in SI (or reduced) numbers or
raise an `InputError` of one sentence.

============= ========================================================================================
read          from TOML to a `Deck`
toml          the text: reading, overriding keys, writing
quantities    NUMBER UNIT (the only pint)
kinds         types of keys (with `sections` and `textures` the only pydantic)
sections      the tables of a deck; `textures` those of [texture]
electrons     one electron gas from any two of its numbers
materials     measured metals; `material_keys` writes them into a deck
stack         thicknesses, places by words and lengths of cells become the keys of a deck that says everything
deck          the checked deck: what follows from several keys, each worked out once
layer         layers of a stack, in reduced units; `spin_orbit` their numbers for charge
rules         what does not fit together: one sentence each; `mesh_rules` for meshes, `charge_rules` for charge
memory        room that the results take
reference     DECK.md, generated
============= ========================================================================================
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mcpump.deck.read import Deck, deck_from_dict, read_deck

__all__ = ["Deck", "deck_from_dict", "read_deck"]


def __getattr__(name: str) -> Any:
    # pydantic takes a tenth of a second: materials and hints do without it
    if name in __all__:
        return getattr(import_module("mcpump.deck.read"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
