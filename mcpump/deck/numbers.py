"""Numbers that follow from several keys of a deck, and which of the two walks it goes to."""

from __future__ import annotations

import math
from collections.abc import Mapping

from mcpump.constants import E_CHARGE
from mcpump.deck.electrons import (
    SCATTERING_KEYS,
    SPIN_KEYS,
    UNITS,
    Electrons,
    lifetime_of,
    match_scattering,
    matching,
)
from mcpump.deck.layer import Layer
from mcpump.deck.sections import Axis, Deck, FaceTable, LayerSection
from mcpump.deck.spin_orbit import with_spin_orbit
from mcpump.deck.textures import CrossedWaves, Driven
from mcpump.errors import InputError

SAME_PLACE = 1e-9
"""Places closer than this share of the sample's length are one place."""
FAST_TEXTURES = ("junction", "uniform", "spiral", "modulated")
"""Kinds that the fast walk knows."""
FAST_CHANNELS = ("first", "second")
FAST_HARMONICS = 2
_ROUNDING = 1e-12
_WORDS = {"specular": (0.0, 1.0), "diffuse": (0.0, 0.0), "absorbing": (1.0, 1.0), "periodic": (0.0, 1.0)}


def mesh_axes(deck: Deck) -> dict[str, Axis]:
    """Directions of the mesh: "x" and, where the deck has them, "y" and "z"."""
    named = {"x": deck.sample.x, "y": deck.sample.y, "z": deck.sample.z}
    return {name: axis for name, axis in named.items() if axis is not None}


def face_numbers(face: str | FaceTable) -> tuple[float, float]:
    """Absorption and specularity of a face."""
    return (face.absorption, face.specularity) if isinstance(face, FaceTable) else _WORDS[face]


def face_word(face: str | FaceTable) -> str:
    """Return the word that a face amounts to; empty if it is between the words."""
    if isinstance(face, str):
        return face
    if face.absorption == 1.0:
        return "absorbing"
    sharp = face.absorption == 0.0
    return {1.0: "specular", 0.0: "diffuse"}.get(face.specularity, "") if sharp else ""


def is_transient(deck: Deck) -> bool:
    """Tell whether time is kept in plain bins from an initial state, instead of harmonics (and not as a [pulse])."""
    return deck.pulse is None and deck.results.end is not None


def has_sink(deck: Deck, gas: Electrons) -> bool:
    """Tell whether spin can leave the sample: through an absorbing face, or by relaxation."""
    faces = [face for axis in mesh_axes(deck).values() for face in (axis.left, axis.right)]
    if any(face_numbers(face)[0] > 0.0 for face in faces):
        return True
    return any(layer.gamma_sf > 0.0 for layer in media(deck, gas))


def general_reasons(deck: Deck) -> list[str]:
    """Keys that ask for the general walk; none: the fast walk can do it."""
    axes = mesh_axes(deck)
    reasons = {
        "run.walk": deck.run.walk == "general",
        "results.channels": not set(deck.results.channels) <= set(FAST_CHANNELS),
        "results.harmonics": deck.results.harmonics > FAST_HARMONICS,
        "results.end": is_transient(deck),
        "texture.kind": deck.texture is not None and deck.texture.kind not in FAST_TEXTURES,
        "initial": deck.initial is not None,
        "spin_orbit": deck.spin_orbit is not None,
        "electric_field": deck.electric_field is not None,
        "layer": bool(deck.layer),
        "sample.y": len(axes) > 1,
    }
    for side in ("left", "right"):
        reasons[f"sample.x.{side}"] = not face_word(getattr(axes["x"], side))
    return [key for key, wanted in reasons.items() if wanted]


def needs_general(deck: Deck) -> bool:
    """Tell whether a deck goes to the general walk, because it needs it or because run.walk says so."""
    return bool(general_reasons(deck))


def angular_frequency(texture: Driven, reduced: bool, notes: list[str]) -> float:
    """Ω of a texture [rad/s, or 1/τ], from `frequency` or `angular_frequency`."""
    if texture.frequency is None:
        if texture.angular_frequency is None:
            raise InputError("texture: the frequency is missing: give frequency or angular_frequency")
        return texture.angular_frequency
    Omega = 2.0 * math.pi * texture.frequency
    units = {} if reduced else {"angular_frequency": "rad/s"}
    derived = {"frequency": texture.frequency, "angular_frequency": Omega}
    matching(texture.model_dump(include=set(derived)), derived, "texture", notes, units)
    return Omega


def has_frequency(texture: Driven) -> bool:
    """Tell whether a texture's deck says how fast it turns."""
    return texture.frequency is not None or texture.angular_frequency is not None


def wave_number(texture: Driven, reduced: bool, notes: list[str], axis: str = "") -> float:
    """Wave number of a spiral, modulated or crossed texture, 0 for the others [1/m, or 1/ℓ].

    `axis` "_y" asks for the one along y of crossed waves.
    """
    names = "wavenumber" + axis, "wavelength" + axis
    if names[0] not in type(texture).model_fields:
        return 0.0
    wavenumber: float | None = getattr(texture, names[0])
    wavelength: float | None = getattr(texture, names[1])
    if wavenumber is None:
        if wavelength is None:
            raise InputError(f"texture: the period is missing: give {names[0]} or {names[1]}")
        return 2.0 * math.pi / wavelength
    derived = dict(zip(names, (wavenumber, 2.0 * math.pi / abs(wavenumber)), strict=True))
    units = {} if reduced else {names[1]: "m"}
    matching(dict(zip(names, (wavenumber, wavelength), strict=True)), derived, "texture", notes, units)
    return wavenumber


def wave_vector(texture: Driven, reduced: bool, notes: list[str]) -> tuple[float, float, float]:
    """Wave vector q of a texture [1/m, or 1/ℓ]; of crossed waves the two wave numbers."""
    q = wave_number(texture, reduced, notes)
    if isinstance(texture, CrossedWaves):
        return q, wave_number(texture, reduced, notes, "_y"), 0.0
    direction = getattr(texture, "direction", (1.0, 0.0, 0.0))
    scaled = [part / max(map(abs, direction)) for part in direction]
    norm = math.sqrt(sum(part * part for part in scaled))
    # Adding 0.0 turns −0.0 into 0.0.
    x, y, z = (q * (part / norm) + 0.0 for part in scaled)
    return x, y, z


def snapped(place: float, length: float) -> float:
    """Put a place onto a face that it misses by rounding only."""
    for face in (0.0, length):
        if abs(place - face) <= SAME_PLACE * length:
            return face
    return place


def place_text(deck: Deck, value: float) -> str:
    """Write a place for a sentence."""
    return f"{value:.6g}" + ("" if deck.reduced else " m")


def layers(deck: Deck, gas: Electrons, notes: list[str] | None = None) -> tuple[Layer, ...]:
    """Layers along x with their spin-orbit numbers, cut also where one of these begins or ends inside a [[layer]].

    Parameters
    ----------
    deck : Deck
    gas : Electrons
        The electron gas of [electrons].
    notes : list of str, optional
        Gets sentences on what is worth knowing.

    Returns
    -------
    tuple of Layer
        As `media` where the deck has neither [spin_orbit] nor [electric_field]; a cut is an interface that lets all
        pass straight on.

    Raises
    ------
    InputError
        If two keys disagree, or a place cannot be found.
    """
    return with_spin_orbit(deck, gas, media(deck, gas, notes), SAME_PLACE, [] if notes is None else notes)


def media(deck: Deck, gas: Electrons, notes: list[str] | None = None) -> tuple[Layer, ...]:
    """[electrons] and every [[layer]], in units of the reference electrons, without spin-orbit numbers.

    [electrons] fills the sample up to the first layer's start.

    Parameters
    ----------
    deck : Deck
    gas : Electrons
        The electron gas of [electrons].
    notes : list of str, optional
        Gets a sentence where a layer says the same thing twice.

    Returns
    -------
    tuple of Layer
        The first starts at 0.

    Raises
    ------
    InputError
        If two keys of a layer disagree.
    """
    reference = Layer(0.0, 1.0, 1.0, gas.tau / gas.tau_sf, 1.0, 1.0, 1.0, True)
    spoken: list[str] = []
    others = [_layer(section, i, deck, gas, spoken) for i, section in enumerate(deck.layer)]
    if notes is not None:
        notes += spoken
    return reference, *others


def _layer(section: LayerSection, number: int, deck: Deck, gas: Electrons, notes: list[str]) -> Layer:
    """One layer: what is not given is that of [electrons]; the mean free path stays where v_F changes."""
    key = f"layer[{number}]"
    v, nu = section.fermi_velocity or gas.v_F, section.density_of_states or _states(gas)
    values = section.model_dump(include={"density_of_states", *SCATTERING_KEYS})
    _refuse_conductivity(values, key, deck)
    ell = section.mean_free_path or v * (lifetime_of(values, v, nu, gas.dimension) or 0.0) or gas.ell
    D = v * ell / gas.dimension
    sigma = 2.0 * E_CHARGE**2 * nu * D
    if not (0.0 < ell < math.inf and 0.0 < sigma < math.inf):
        raise InputError(f"{key}: the numbers given are too large or too small: check their units")
    units = {} if deck.reduced else UNITS
    match_scattering(values, (ell, ell / v, D, sigma), key, notes, units)
    length, tau_sf = section.spin_diffusion_length, section.spin_relaxation_time or gas.tau_sf
    if length is not None:
        tau_sf = length * length / D
    relaxation = dict(zip(SPIN_KEYS, (length, section.spin_relaxation_time), strict=True))
    matching(
        relaxation, dict(zip(SPIN_KEYS, (math.sqrt(D * tau_sf), tau_sf), strict=True)), key, notes, units
    )
    return Layer(
        start=section.start / gas.ell,
        v=_exact(v / gas.v_F),
        rate=_exact((v / gas.v_F) * (gas.ell / ell)),
        gamma_sf=gas.tau / tau_sf,
        nu=_exact(nu / _states(gas)),
        transmission=section.transmission,
        specularity=section.specularity,
        straight=section.passage == "straight",
    )


def _refuse_conductivity(values: Mapping[str, float | None], key: str, deck: Deck) -> None:
    """A reduced deck has no unit of conductivity."""
    for name in ("conductivity", "resistivity"):
        if deck.reduced and values[name] is not None:
            raise InputError(
                f'{key}.{name} = {values[name]:g} has no place in a deck with units = "reduced": leave it out'
            )


def _exact(ratio: float) -> float:
    """Take a ratio that misses 1 by rounding only for 1: the media are the same."""
    return 1.0 if math.isclose(ratio, 1.0, rel_tol=_ROUNDING) else ratio


def _states(gas: Electrons) -> float:
    """Density of states that a layer's is compared with: 1 in a reduced deck."""
    return 1.0 if math.isnan(gas.nu) else gas.nu
