"""Rules on magnets that no electron flies in: a mixing conductance, the texture that it belongs to, what goes with it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mcpump.deck.deck import Deck
from mcpump.deck.insulator import face_tables, sharvin_at
from mcpump.deck.layer import SAME_PLACE
from mcpump.deck.mixing import MOST, keys_given
from mcpump.deck.sections import FaceTable
from mcpump.deck.textures import OUTSIDE, Insulator, MagneticInterface
from mcpump.errors import show

_EXAMPLE = 'left = { mixing_conductance = "5e18 1/m^2" }'


def insulator(deck: Deck) -> Iterator[str]:
    """A mixing conductance and the insulator that it belongs to: one is nothing without the other."""
    yield from _face_rules(deck)
    yield from _interface_rules(deck)
    if not isinstance(deck.texture, OUTSIDE):
        return
    kind = f'texture.kind = "{deck.texture.kind}"'
    if isinstance(deck.texture, MagneticInterface):
        if not any(layer.magnetic for layer in deck.media):
            yield (
                f"{kind} is in no interface: give a [[layer]] a mixing_conductance, a reflection or a "
                "mixing_transmission other than 1 − transmission and transmission, e.g. reflection = 0.2"
            )
    elif deck.reflection == (1.0, 1.0):
        yield (
            f"{kind} is beyond no face: give sample.x.left or right a mixing_conductance or a "
            f"reflection other than 1, e.g. {_EXAMPLE}"
        )
    what = f"cannot be used with {kind}"
    if deck.results.channels != ("exact",):
        yield (
            f"results.channels = {show(list(deck.results.channels))} {what}: a mixing conductance has no orders in "
            'J, give ["exact"]'
        )
    if deck.electrons.exchange is not None and deck.electrons.material is None:
        yield f"electrons.exchange {what}: no electron flies in the magnetization, leave it out"
    if deck.texture.ellipticity != 1.0:
        yield f"texture.ellipticity = {deck.texture.ellipticity:g} {what}: 1 is accepted"
    yield from _planes(deck)
    others = {
        "sample.y": len(deck.axes) > 1,
        "results.end": deck.results.end is not None,
        "[initial]": deck.initial is not None,
        "[electric_field]": deck.electric_field is not None,
        'run.walk = "general"': deck.run.walk == "general",
    }
    for key in (key for key, given in others.items() if given):
        yield f"{key} {what}: it pumps periodically, along x, walkers in lanes"


def _planes(deck: Deck) -> Iterator[str]:
    """No plane is where the magnet is: what it gives does not pass there."""
    starts = [layer.start * deck.gas.ell for layer in deck.media if layer.magnetic]
    for plane in deck.results.planes:
        side = {0.0: "left", deck.sample.x.length: "right"}.get(deck.on_face(plane), "")
        if side and deck.reflection[side == "right"] != 1.0:
            yield (
                f"results.planes holds {deck.place_text(plane)}, the {side} face, beyond which the magnet is: what it "
                "gives is the torque, name planes in the metal"
            )
        if any(abs(plane - start) <= SAME_PLACE * deck.sample.x.length for start in starts):
            yield (
                f"results.planes holds {deck.place_text(plane)}, an interface in which the magnet is: what it gives is "
                "the torque, name planes in the metals"
            )


def _interface_rules(deck: Deck) -> Iterator[str]:
    """Interfaces with a magnet, and the texture that says how it moves."""
    for i, section in enumerate(deck.layer):
        given = keys_given(section)
        if given and not isinstance(deck.texture, MagneticInterface):
            yield f'layer[{i}].{given[0]} needs texture.kind = "magnetic_interface", the magnet in that interface'


def _face_rules(deck: Deck) -> Iterator[str]:
    """Faces with a mixing conductance: what their keys say to each other."""
    for name, axis in deck.axes.items():
        for side, face in zip(("left", "right"), face_tables(axis), strict=True):
            given = [
                key for key in ("mixing_conductance", "reflection") if getattr(face, key, None) is not None
            ]
            if face is None or not given:
                continue
            key = f"sample.{name}.{side}"
            if name != "x":
                yield f"{key}.{given[0]} cannot be used: magnets are beyond the faces along x alone"
            if len(given) > 1:
                yield f"{key} has both of mixing_conductance and reflection: give one of them"
            if face.absorption > 0.0:
                yield f"{key}.absorption = {face.absorption:g} cannot be used with {given[0]}: leave it out"
            if not isinstance(deck.texture, Insulator):
                yield f'{key}.{given[0]} needs texture.kind = "insulator", the magnet beyond that face'
            yield from _size(deck, key, side == "right", face)


def _size(deck: Deck, key: str, right: bool, face: FaceTable) -> Iterator[str]:
    """No more spin comes back than arrives."""
    if face.mixing_conductance is not None and deck.reduced:
        yield f'{key}.mixing_conductance has no unit in a deck with units = "reduced": give reflection, R = 1 − g/g_Sh'
    R = deck.reflection[right]
    if not abs(R) <= MOST:
        if face.reflection is not None:
            yield f"{key}.reflection = {show(list(face.reflection))} must be at most 1 in magnitude"
        g = face.mixing_conductance or (math.nan, math.nan)
        sharvin = sharvin_at(deck.gas, deck.media)[right]
        yield (
            f"{key}.mixing_conductance = [{g[0]:.4g}, {g[1]:.4g}] 1/m^2 is none of this metal: |1 − g/g_Sh| = "
            f"{abs(R):.4g} must be at most 1, with g_Sh = hνv_F/4 = {sharvin:.4g} 1/m^2 of its electrons"
        )
