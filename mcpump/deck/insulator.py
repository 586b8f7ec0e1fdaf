"""Insulating magnets beyond the faces of a metal: what their mixing conductance makes of spin that is sent back."""

from __future__ import annotations

from mcpump.deck.electrons import Electrons
from mcpump.deck.layer import Layer
from mcpump.deck.mixing import sharvin_of
from mcpump.deck.sections import Axis, FaceTable


def reflections_of(axis: Axis, gas: Electrons, media: tuple[Layer, ...]) -> tuple[complex, complex]:
    """R of the faces of the sample along x: given, or 1 − g/g_Sh; 1 without a magnet beyond."""
    found = [1.0 + 0.0j, 1.0 + 0.0j]
    for side, (face, sharvin) in enumerate(zip(face_tables(axis), sharvin_at(gas, media), strict=True)):
        if face is not None and face.reflection is not None:
            found[side] = complex(*face.reflection)
        elif face is not None and face.mixing_conductance is not None:
            found[side] = 1.0 - complex(*face.mixing_conductance) / sharvin
    return found[0], found[1]


def face_tables(axis: Axis) -> tuple[FaceTable | None, FaceTable | None]:
    """The two faces of a direction, where they are tables."""
    left, right = (face if isinstance(face, FaceTable) else None for face in (axis.left, axis.right))
    return left, right


def sharvin_at(gas: Electrons, media: tuple[Layer, ...]) -> tuple[float, float]:
    """g_Sh = hνv_F/4 of the electrons at both faces [1/m²]; NaN in a reduced deck."""
    first, last = (sharvin_of(gas.nu * layer.nu, gas.v_F * layer.v) for layer in (media[0], media[-1]))
    return first, last
