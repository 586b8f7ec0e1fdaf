"""What the sample, its layers and its texture ask of each other, in any number of directions."""

from __future__ import annotations

import math

from mcpump.deck.deck import Deck
from mcpump.deck.layer import SAME_PLACE
from mcpump.deck.textures import (
    CrossedWaves,
    DomainWall,
    Gyrating,
    Modulated,
    Ovf,
    Precession,
    Spiral,
    User,
)
from mcpump.errors import InputError, show

AXES = ("x", "y", "z")
_DRIVE_KEYS: dict[str, tuple[str, ...]] = {"steady": (), "ramp": ("rise",), "pulse": ("time", "duration")}


def check_sample(deck: Deck) -> None:
    """Ask the mesh for its directions in order, and for periodic faces in pairs.

    Raises
    ------
    InputError
        One sentence, as from all checks of this module.
    """
    axes = deck.axes
    if "z" in axes and "y" not in axes:
        raise InputError("sample.z cannot be used without sample.y: give [sample.y], or call it y")
    if deck.electrons.dimension < len(axes):
        raise InputError(
            f"electrons.dimension = {deck.electrons.dimension} must be at least {len(axes)} for a mesh along "
            f"{' and '.join(axes)}: electrons have to move along each"
        )
    for name, axis in axes.items():
        if (axis.left == "periodic") != (axis.right == "periodic"):
            left, right = (show(getattr(face, "__dict__", face)) for face in (axis.left, axis.right))
            raise InputError(
                f"sample.{name}.left = {left} and sample.{name}.right = {right} cannot be: "
                f"either both faces are periodic or none"
            )


def check_texture(deck: Deck) -> None:
    """Angles, places and directions of the texture."""
    texture = deck.texture
    assert texture is not None
    if isinstance(texture, Precession) and not 0.0 <= texture.cone_angle <= math.pi * (1.0 + 1e-12):
        raise InputError(
            f"texture.cone_angle = {math.degrees(texture.cone_angle):g} deg must lie between 0 and 180 deg"
        )
    if texture.kind == "junction" and not texture.interface < deck.sample.x.length:
        raise InputError(
            f"texture.interface = {deck.place_text(texture.interface)} lies outside the sample, "
            f"which ends at {deck.place_text(deck.sample.x.length)}"
        )
    axes = deck.axes
    if isinstance(texture, Gyrating | CrossedWaves) and "y" not in axes:
        raise InputError(f'texture.kind = "{texture.kind}" varies along x and y: the deck needs [sample.y]')
    if isinstance(texture, Spiral):
        for name, part in zip(AXES, texture.direction, strict=True):
            if part != 0.0 and name not in axes:
                raise InputError(
                    f"texture.direction = {list(texture.direction)} has a part along {name}, where the sample "
                    f"has no mesh: give [sample.{name}], or 0 for this part"
                )
    _check_motion(deck)
    _check_fit(deck)


def _check_motion(deck: Deck) -> None:
    """Ask a wall and a user's texture for what says how they move."""
    texture = deck.texture
    if isinstance(texture, DomainWall):
        if texture.amplitude is not None and not texture.has_frequency:
            raise InputError("texture.frequency is missing: a wall that swings by texture.amplitude needs it")
        if texture.amplitude is None and texture.has_frequency:
            raise InputError("texture.amplitude is missing: a wall with a frequency swings by it")
    if isinstance(texture, User) and not deck.is_transient:
        if not texture.has_frequency:
            raise InputError(
                "texture.frequency is missing: a user's texture is periodic with it, or give results.end "
                "for a transient"
            )
        if not (texture.frequency or texture.angular_frequency):
            raise InputError("texture.frequency = 0 must be positive for a user's texture, which is periodic")


def _check_fit(deck: Deck) -> None:
    """Ask a texture for whole periods along every periodic direction."""
    texture = deck.texture
    if texture is None or texture.kind in ("uniform", "user", "ovf"):
        return
    periodic = [name for name, axis in deck.axes.items() if axis.left == "periodic"]
    if isinstance(texture, Spiral | Modulated | CrossedWaves):
        for name, q in zip(AXES, deck.wave_vector, strict=True):
            if name in periodic and q != 0.0:
                _check_periods(deck, name, abs(q))
        return
    varies = ("x", "y") if isinstance(texture, Gyrating) else ("x",)
    for name in varies:
        if name in periodic:
            along = "" if name == "x" else f" (sample.{name})"
            raise InputError(
                f'texture.kind = "{texture.kind}" does not fit a periodic sample{along}: accepted are uniform, '
                f"spiral, modulated, crossed_waves, user, ovf"
            )


def _check_periods(deck: Deck, name: str, q: float) -> None:
    """Ask for a whole number of periods along one direction."""
    length = deck.axes[name].length
    periods = q * length / (2.0 * math.pi)
    if not math.isfinite(periods) or round(periods) < 1 or abs(periods - round(periods)) > 1e-9 * periods:
        raise InputError(
            f"sample.{name}.length = {deck.place_text(length)} holds {periods:.10g} periods of the texture: "
            f"a periodic sample needs a whole number of them, at least 1"
        )


def check_layers(deck: Deck) -> None:
    """Ask the layers for increasing starts inside the sample, and a periodic stack for equal ends."""
    length, previous = deck.sample.x.length, 0.0
    for i, section in enumerate(deck.layer):
        start = deck.place_text(section.start)
        if deck.on_face(section.start) >= length:
            raise InputError(
                f"layer[{i}].start = {start} lies outside the sample, which ends at {deck.place_text(length)}"
            )
        if section.start - previous <= SAME_PLACE * length:
            raise InputError(
                f"layer[{i}].start = {start} must be larger than {deck.place_text(previous)}, "
                + ("where the layer before it starts" if i else "where the sample begins with [electrons]")
            )
        previous = section.start
    first, *others = deck.media
    if deck.sample.x.left != "periodic" or not others:
        return
    for here, there in zip(first[1:5], others[-1][1:5], strict=True):
        if not math.isclose(here, there, rel_tol=1e-12):
            raise InputError(
                f"layer[{len(others) - 1}] differs from [electrons], which it meets across the periodic face: "
                f"end the stack with a layer that only has a start"
            )


def check_transient(deck: Deck) -> None:
    """What needs an end, what an end excludes, and the keys of the drive."""
    _check_drive(deck)
    results = deck.results
    if deck.pulse is not None:
        return
    if results.end is None:
        if results.time_bins is not None:
            raise InputError(
                f"results.end is missing: results.time_bins = {results.time_bins} cut the time up to it"
            )
        if "exact" in results.channels and not deck.has_sink:
            raise InputError(
                'results.channels holds "exact", whose uniform spin has no end here: give a spin_relaxation_time (a long '
                "one will do), an absorbing face, or results.end"
            )
        for wanted in _transient_wishes(deck):
            raise InputError(f"{wanted} is not periodic: give results.end, the time at which the run ends")
        return
    if results.harmonics:
        raise InputError(
            f"results.harmonics = {results.harmonics} must be 0 with results.end: a transient has time bins"
        )
    if results.mean_density:
        raise InputError(
            "results.mean_density = true belongs to a periodic drive: leave out it or results.end"
        )


def _transient_wishes(deck: Deck) -> list[str]:
    """Keys of the deck that make no sense without an end."""
    wishes = []
    if deck.initial is not None:
        wishes.append("a state given by [initial]")
    if deck.drive is not None and deck.drive.kind != "steady":
        wishes.append(f'drive.kind = "{deck.drive.kind}"')
    if isinstance(deck.texture, DomainWall) and deck.texture.velocity:
        wishes.append("a wall that moves with texture.velocity")
    return wishes


def _check_drive(deck: Deck) -> None:
    """Ask the drive for the keys of its kind, and for something to drive."""
    drive = deck.drive
    if drive is None:
        return
    for key in ("rise", "time", "duration"):
        wanted, given = key in _DRIVE_KEYS[drive.kind], getattr(drive, key) is not None
        if wanted and not given:
            raise InputError(f'drive.{key} is missing: drive.kind = "{drive.kind}" needs it')
        if given and not wanted:
            raise InputError(f'drive.{key} does not belong to drive.kind = "{drive.kind}": leave it out')
    if drive.kind != "steady" and (deck.texture is None or deck.texture.kind in ("user", "ovf")):
        has = "the deck has no texture" if deck.texture is None else "a user's texture has its own time"
        has = "snapshots have their own times" if isinstance(deck.texture, Ovf) else has
        raise InputError(f'drive.kind = "{drive.kind}" has nothing to drive: {has}')


def check_source(deck: Deck) -> None:
    """Ask for a texture with what it needs, a pulse, or an initial state."""
    if deck.pulse is not None:
        _check_pulse(deck)
    elif deck.texture is None and deck.initial is None and deck.electric_field is None:
        raise InputError(
            "the deck has neither of [texture] and [pulse], nor [initial] or [electric_field]: give one of them"
        )
    needed = deck.texture is not None or (deck.initial is not None and not deck.reduced)
    if needed and deck.electrons.exchange is None:
        raise InputError(
            "electrons.exchange is missing: give J of −J S·σ"
            + (" as Jτ/ħ" if deck.reduced else ', e.g. "50 meV"')
        )
    places = {
        "pulse": deck.pulse.position if deck.pulse is not None else None,
        "initial": deck.initial.position if deck.initial is not None else None,
    }
    for name, place in places.items():
        if place is not None and deck.on_face(place) > deck.sample.x.length:
            raise InputError(
                f"{name}.position = {deck.place_text(place)} lies outside the sample, "
                f"which ends at {deck.place_text(deck.sample.x.length)}"
            )


def _check_pulse(deck: Deck) -> None:
    """Refuse beside a pulse what only the general walk knows."""
    for name in ("texture", "initial"):
        if getattr(deck, name) is not None:
            raise InputError(f"the deck has both of [{name}] and [pulse]: give one of them")
    for name in ("spin_orbit", "electric_field"):
        if getattr(deck, name) is not None:
            raise InputError(
                f"[{name}] cannot be used with a [pulse], whose spin makes no charge: leave out one of them"
            )
    # its channels and harmonics have sentences of their own
    for key in set(deck.general_reasons) - {"results.channels", "results.harmonics"}:
        raise InputError(
            f"{key} cannot be used with a [pulse]: give [initial] with a position and results.end instead"
        )
