"""Spin-orbit numbers of a deck: how strong they are, and where along x they act.

In reduced units of [electrons]: −2E_so/(ħv_F), a_imp = 2θ_SH, the matrix of Ω_so about which spins turn in flight, and
the spin current σ_SH E that an electric field drives, in ħνJ v_F.
"""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mcpump.constants import E_CHARGE, HBAR
from mcpump.deck.electrons import Electrons, matching
from mcpump.deck.hints import nearest
from mcpump.deck.kinds import MATERIAL
from mcpump.deck.layer import SAME_PLACE, Layer, Vector
from mcpump.deck.sections import (
    Confined,
    Dresselhaus,
    ElectricFieldSection,
    Impurity,
    Rashba,
    Skew,
    SpinOrbit,
)
from mcpump.deck.stack import FIRST_PART
from mcpump.errors import InputError, show
from mcpump.theory.paper_charge import impurity_coefficient, spin_hall_angle
from mcpump.theory.spin_orbit import dresselhaus_turn, rashba_turn

if TYPE_CHECKING:
    from mcpump.deck.deck import Deck

KEYS = (
    "spin_orbit.rashba",
    "spin_orbit.dresselhaus",
    "spin_orbit.impurity",
    "electric_field",
    "spin_orbit.skew",
)
"""Dotted keys of the sections that act somewhere."""
_ROUNDING = 1e-12
Spans = list[tuple[float, float]]
"""Pieces of the sample along x [ℓ]."""


class Sections(NamedTuple):
    """The sections that act somewhere; None: not given, or not acting here."""

    rashba: Rashba | None
    dresselhaus: Dresselhaus | None
    impurity: Impurity | None
    field: ElectricFieldSection | None
    skew: Skew | None


def sections_of(deck: Deck) -> Sections:
    """What the deck gives of them."""
    coupling, field = deck.spin_orbit or SpinOrbit.model_validate({}), deck.electric_field
    return Sections(coupling.rashba, coupling.dresselhaus, coupling.impurity, field, coupling.skew)


def rotates(deck: Deck) -> bool:
    """Whether spins turn about spin-orbit fields in every flight."""
    return deck.spin_orbit is not None and deck.spin_orbit.rotation


def fastest_turn(layer: Layer) -> float:
    """Largest |Ω_so| of a layer's flights [1/τ]."""
    return float(np.linalg.norm(np.reshape(layer.turn, (3, 3)), 2))


def splitting(gas: Electrons, layer: Layer) -> float:
    """Largest E_so k_F/ε_F of a layer's flights: Ω_so τ over k_F ℓ, for ε_F τ/ħ is half of it."""
    return fastest_turn(layer) / layer.collisions / _k_F_ell(gas, layer)


def with_spin_orbit(deck: Deck, notes: list[str]) -> tuple[Layer, ...]:
    """Give a deck's media their spin-orbit numbers, and cut them where these begin and end.

    Parameters
    ----------
    deck : Deck
        With its `media`.
    notes : list of str
        Gets sentences on what is said twice, or not used.

    Returns
    -------
    tuple of Layer
        A layer that a cut begins has the medium of the one before it, and lets all pass straight on.

    Raises
    ------
    InputError
        If an interval or a layer's name cannot be used, or keys of [spin_orbit.impurity] disagree.
    """
    sections, media = sections_of(deck), deck.media
    own = _own_angles(deck)
    if not any(sections):
        return tuple(layer._replace(angle=angle) for layer, angle in zip(media, own, strict=True))
    length = deck.sample.x.length / deck.gas.ell
    marks = [layer.start for layer in media] + [length]
    spans = [_spans(section, key, deck, marks) for section, key in zip(sections, KEYS, strict=True)]
    said: list[str] = []
    done = []
    for start, end in itertools.pairwise(sorted(marks)):
        middle = 0.5 * (start + end)
        outside = [
            key for key, pieces in zip(Sections._fields, spans, strict=True) if not _within(pieces, middle)
        ]
        inside = sections._replace(**dict.fromkeys(outside))
        number, medium = max(
            ((i, layer) for i, layer in enumerate(media) if layer.start <= start),
            key=lambda found: found[1].start,
        )
        if medium.start < start:
            medium = medium._replace(
                start=start,
                transmission=1.0,
                specularity=1.0,
                straight=True,
                flip=0.0,
                passed=1.0,
                kept=(1.0, 1.0),
            )
        # where impurities are said to act, the formula takes their angle, and nothing elsewhere
        angle = own[number] if sections.impurity is None and sections.skew is None else 0.0
        done.append(_coupled(medium._replace(angle=angle), number, inside, deck, said))
    notes += dict.fromkeys(said)
    return tuple(done)


def _within(spans: Spans, x: float) -> bool:
    """Tell whether a place lies in one of the pieces."""
    return any(start < x < end for start, end in spans)


def unit(direction: Vector) -> Vector:
    """Scale a vector to length 1."""
    scaled = [part / max(map(abs, direction)) for part in direction]
    # Adding 0.0 turns −0.0 into 0.0.
    x, y, z = (part / math.hypot(*scaled) + 0.0 for part in scaled)
    return x, y, z


def impurity_strength(angle: float, gas: Electrons, layer: Layer) -> float:
    """Strength λ_so k_F² of a spin Hall angle in a layer; NaN where k_F is not known."""
    return 0.5 * angle * _k_F_ell(gas, layer)


def _times(size: float, direction: Vector) -> Vector:
    """Vector of a size along a direction."""
    x, y, z = (size * part + 0.0 for part in unit(direction))
    return x, y, z


def _spans(section: Confined | None, key: str, deck: Deck, marks: list[float]) -> Spans:
    """Pieces of the sample where a section acts; adds to `marks` (starts of layers, end) what cuts a layer."""
    if section is None:
        return []
    if section.layer is not None and section.between is not None:
        raise InputError(f"{key} has both of layer and between: give one of them")
    if section.layer is not None:
        return _named(section.layer, key, deck, marks)
    length = max(marks)
    if section.between is None:
        return [(0.0, length)]
    span = []
    for place in section.between:
        x = place / deck.gas.ell
        near = min(marks, key=lambda mark: abs(mark - x))
        span.append(near if abs(near - x) <= SAME_PLACE * length else x)
    first, last = span
    shown = f"{key}.between = [{', '.join(deck.place_text(place) for place in section.between)}]"
    if not first < last:
        raise InputError(f"{shown} must be [from, to] with from before to")
    if last > length:
        raise InputError(
            f"{shown} lies outside the sample, which reaches from 0 to {deck.place_text(deck.sample.x.length)}"
        )
    marks += [x for x in span if x not in marks]
    return [(first, last)]


def _named(name: str, key: str, deck: Deck, marks: list[float]) -> Spans:
    """Pieces of all layers of a name."""
    names = [deck.electrons.name or FIRST_PART, *(layer.name for layer in deck.layer)]
    if name == FIRST_PART and name not in names:
        names[0] = FIRST_PART
    if name not in names:
        known = list(dict.fromkeys(filter(None, names)))
        near = nearest(name, known)
        hint = f" (did you mean {near}?)" if near else ""
        raise InputError(
            f"{key}.layer = {show(name)} must be one of {show(', '.join(known), 150)[1:-1]}{hint}"
        )
    if name == FIRST_PART and FIRST_PART in names[1:]:
        raise InputError(
            f'{key}.layer = "{FIRST_PART}" means the part before the first [[layer]], and layer'
            f"[{names[1:].index(FIRST_PART)}] has this name too: give it another"
        )
    # the first marks are the starts of the layers and the end of the sample; cuts come after them
    ends = list(itertools.pairwise(marks[: len(names) + 1]))
    return [span for span, own in zip(ends, names, strict=True) if own == name]


def _coupled(layer: Layer, number: int, inside: Sections, deck: Deck, notes: list[str]) -> Layer:
    """Layer, the medium `number`, with the numbers of the sections that act in it."""
    angle = 0.0
    if rotates(deck):
        layer = layer._replace(turn=_turn(inside, layer, deck))
    elif inside.rashba is not None:
        E_so = inside.rashba.field * (1.0 if deck.reduced else 1.0 / deck.gas.v_F / HBAR)
        layer = layer._replace(rashba=_times(-2.0 * E_so, inside.rashba.direction))
    if inside.impurity is not None:
        angle = _angle(inside.impurity, number, layer, deck, notes)
        layer = layer._replace(impurity=float(impurity_coefficient(angle, 1.0, 1.0)), angle=angle)
    if inside.skew is not None:
        said = inside.skew.spin_hall_angle
        skew = _own_angle(deck, number, "spin_orbit.skew") if isinstance(said, str) else said
        both = deck.spin_orbit is not None and deck.spin_orbit.impurity is not None
        layer = layer._replace(skew=skew, angle=layer.angle if both else skew)
    if inside.field is not None:
        layer = layer._replace(hall=_hall(inside.field, angle, layer, deck, notes))
    return layer


def _turn(inside: Sections, layer: Layer, deck: Deck) -> tuple[float, ...]:
    """Rows of the matrix of Ω_so in a layer: 2E_so k_F/ħ and 2β k_F/ħ with the layer's k_F [1/τ]."""
    turn, gas = np.zeros((3, 3)), deck.gas
    for section, key in zip(inside[:2], KEYS[:2], strict=True):
        if section is None:
            continue
        if math.isnan(gas.k_F):
            raise InputError(
                f"{key}.field needs k_F with spin_orbit.rotation: give electrons.fermi_wavenumber"
                + (", in 1/ℓ" if deck.reduced else "")
            )
        strength = section.field * (1.0 if deck.reduced else 1.0 / gas.v_F / HBAR)
        angle = 2.0 * strength * _k_F_ell(gas, layer) * (layer.collisions / layer.v)
        if isinstance(section, Rashba):
            turn += rashba_turn(angle, section.direction)
        else:
            turn += dresselhaus_turn(angle, section.direction, section.normal)
    # what cancels cancels, where Rashba is as strong as Dresselhaus
    turn[np.abs(turn) < _ROUNDING * np.abs(turn).max()] = 0.0
    return tuple(float(number) for number in turn.ravel())


def _own_angles(deck: Deck) -> tuple[float, ...]:
    """Spin Hall angle that [electrons] and every [[layer]] give, or their materials; 0 where there is none."""
    given = (deck.electrons.spin_hall_angle, *(section.spin_hall_angle for section in deck.layer))
    return tuple(angle or 0.0 for angle in given)


def converts(deck: Deck) -> bool:
    """Whether the inverse spin Hall formula has a θ_SH somewhere."""
    return any(layer.angle for layer in deck.layers)


def _own_angle(deck: Deck, number: int, asking: str) -> float:
    """Spin Hall angle that [electrons] or a [[layer]] gives, or its material."""
    section = deck.layer[number - 1] if number else deck.electrons
    if section.spin_hall_angle is None:
        key = f"layer[{number - 1}]" if number else "electrons"
        raise InputError(
            f'{key}.spin_hall_angle is missing, which {asking}.spin_hall_angle = "{MATERIAL}" asks for: give '
            f"it, or a material that has one, or say with layer or between where impurities act"
        )
    return section.spin_hall_angle


def _angle(section: Impurity, number: int, layer: Layer, deck: Deck, notes: list[str]) -> float:
    """θ_SH in a layer, the medium `number`: as given, its own, or 2λ_so k_F²/(k_F ℓ) of the strength and its k_F ℓ."""
    said, gas = section.spin_hall_angle, deck.gas
    given = {
        "coupling": section.coupling,
        "strength": section.strength,
        "spin_hall_angle": _own_angle(deck, number, "spin_orbit.impurity") if isinstance(said, str) else said,
    }
    key, value = next((item for item in given.items() if item[1] is not None), ("", 0.0))
    assert value is not None
    if not key:
        raise InputError(f"spin_orbit.impurity: its strength is missing: give one of {', '.join(given)}")
    if key == "spin_hall_angle":
        return value
    if math.isnan(gas.k_F):
        raise InputError(
            f"spin_orbit.impurity.{key} = {value:g} needs k_F: give electrons.fermi_wavenumber, "
            f"or spin_orbit.impurity.spin_hall_angle in its place"
        )
    strength = value * gas.k_F * gas.k_F if key == "coupling" else value
    angle = float(spin_hall_angle(strength, _k_F_ell(gas, layer)))
    derived = {"coupling": strength / gas.k_F / gas.k_F, "strength": strength, "spin_hall_angle": angle}
    matching(given, derived, "spin_orbit.impurity", notes, {} if deck.reduced else {"coupling": "m^2"})
    return angle


def _k_F_ell(gas: Electrons, layer: Layer) -> float:
    """k_F ℓ of a layer: its ℓ, and the k_F that its ν and v have with free electrons (for d = 1 and the same mass)."""
    relative = {1: layer.v, 2: layer.nu * layer.v, 3: math.sqrt(layer.nu * layer.v)}[gas.dimension]
    return gas.k_F * gas.ell * relative * (layer.v / layer.collisions)


def _hall(section: ElectricFieldSection, angle: float, layer: Layer, deck: Deck, notes: list[str]) -> Vector:
    """Spin current σ_SH E in a layer [ħνJ v_F]; σ_SH is the one given, or θ_SH σ_c of the layer."""
    gas, own = deck.gas, layer.nu * layer.v * layer.v / layer.transport
    sigma = section.spin_hall_conductivity
    if sigma is not None and angle:
        notes.append(
            "electric_field.spin_hall_conductivity is used, not the one that spin_orbit.impurity amounts to"
        )
    if deck.reduced:
        # the field is counted in ħνJ v_F, and σ_SH in σ_c, of [electrons]
        return _times(section.field * (angle * own if sigma is None else sigma), section.direction)
    charge = section.field * (angle * own * gas.sigma if sigma is None else sigma)
    spin = charge / (2.0 * E_CHARGE) / gas.nu / gas.exchange_unit / gas.v_F  # ħ/2e of it, in ħνJ v_F
    return _times(spin, section.direction)
