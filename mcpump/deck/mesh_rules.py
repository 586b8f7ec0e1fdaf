"""Rules on the sample, its layers, its source of spin and its texture, in any number of directions.

Each yields the sentences that refuse a deck, see `mcpump.deck.rules`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

from mcpump.deck.deck import Deck
from mcpump.deck.layer import SAME_PLACE
from mcpump.deck.sections import face_word
from mcpump.deck.textures import (
    OUTSIDE,
    CrossedWaves,
    DomainWall,
    Gyrating,
    Junction,
    Modulated,
    Ovf,
    Precession,
    Spiral,
    User,
)
from mcpump.errors import show

AXES = ("x", "y", "z")
_DRIVE_KEYS: dict[str, tuple[str, ...]] = {"steady": (), "ramp": ("rise",), "pulse": ("time", "duration")}


def source(deck: Deck) -> Iterator[str]:
    """A deck needs a texture with J, a pulse, an initial state or a field, and what has a place stands in the sample."""
    if deck.pulse is not None:
        yield from _pulse(deck)
    elif deck.texture is None and deck.initial is None and deck.electric_field is None:
        yield "the deck has neither of [texture] and [pulse], nor [initial] or [electric_field]: give one of them"
    needed = (deck.texture is not None and not isinstance(deck.texture, OUTSIDE)) or (
        deck.initial is not None and not deck.reduced
    )
    if needed and deck.electrons.exchange is None:
        example = " as Jτ/ħ" if deck.reduced else ', e.g. "50 meV"'
        yield f"electrons.exchange is missing: give J of −J S·σ{example}"
    length = deck.sample.x.length
    for name, section in (("pulse", deck.pulse), ("initial", deck.initial)):
        place = None if section is None else section.position
        if place is not None and deck.on_face(place) > length:
            yield (
                f"{name}.position = {deck.place_text(place)} lies outside the sample, "
                f"which ends at {deck.place_text(length)}"
            )


def _pulse(deck: Deck) -> Iterator[str]:
    """A pulse goes in one layer along x, between faces that are words, and beside no texture."""
    for name in ("texture", "initial"):
        if getattr(deck, name) is not None:
            yield f"the deck has both of [{name}] and [pulse]: give one of them"
    for name in ("spin_orbit", "electric_field"):
        if getattr(deck, name) is not None:
            yield f"[{name}] cannot be used with a [pulse], whose spin makes no charge: leave out one of them"
    other = {
        "run.walk": deck.run.walk == "general",
        "electrons.mean_cosine": deck.gas.mean_cosine != 0.0,
        "electrons.spin_flip_probability": bool(deck.electrons.spin_flip_probability),
        "layer": bool(deck.layer),
        "sample.y": len(deck.axes) > 1,
        "sample.x.left": not face_word(deck.sample.x.left),
        "sample.x.right": not face_word(deck.sample.x.right),
    }
    for key in (key for key, given in other.items() if given):
        yield f"{key} cannot be used with a [pulse]: give [initial] with a position and results.end instead"


def sample(deck: Deck) -> Iterator[str]:
    """The mesh has its directions in order, and periodic faces in pairs."""
    axes = deck.axes
    if "z" in axes and "y" not in axes:
        yield "sample.z cannot be used without sample.y: give [sample.y], or call it y"
    if deck.electrons.dimension < len(axes):
        yield (
            f"electrons.dimension = {deck.electrons.dimension} must be at least {len(axes)} for a mesh along "
            f"{' and '.join(axes)}: electrons have to move along each"
        )
    for name, axis in axes.items():
        if (axis.left == "periodic") != (axis.right == "periodic"):
            left, right = (show(getattr(face, "__dict__", face)) for face in (axis.left, axis.right))
            yield (
                f"sample.{name}.left = {left} and sample.{name}.right = {right} cannot be: "
                f"either both faces are periodic or none"
            )


def drive(deck: Deck) -> Iterator[str]:
    """The drive has the keys of its kind, and something to drive."""
    drive, texture = deck.drive, deck.texture
    if drive is None:
        return
    for key in ("rise", "time", "duration"):
        wanted, given = key in _DRIVE_KEYS[drive.kind], getattr(drive, key) is not None
        if wanted and not given:
            yield f'drive.{key} is missing: drive.kind = "{drive.kind}" needs it'
        if given and not wanted:
            yield f'drive.{key} does not belong to drive.kind = "{drive.kind}": leave it out'
    if drive.kind == "steady":
        return
    nothing = f'drive.kind = "{drive.kind}" has nothing to drive: '
    if texture is None:
        yield nothing + "the deck has no texture"
    elif isinstance(texture, Ovf):
        yield nothing + "snapshots have their own times"
    elif isinstance(texture, User):
        yield nothing + "a user's texture has its own time"


def transient(deck: Deck) -> Iterator[str]:
    """What is not periodic needs an end, and an end excludes what is."""
    results = deck.results
    if deck.pulse is not None:
        return
    if results.end is None:
        if results.time_bins is not None:
            yield f"results.end is missing: results.time_bins = {results.time_bins} cut the time up to it"
        if "exact" in results.channels and not deck.has_sink:
            yield (
                'results.channels holds "exact", whose uniform spin has no end here: give a spin_relaxation_time (a long '
                "one will do), an absorbing face, or results.end"
            )
        for wish in _wishes_for_an_end(deck):
            yield f"{wish} is not periodic: give results.end, the time at which the run ends"
        return
    if results.harmonics:
        yield f"results.harmonics = {results.harmonics} must be 0 with results.end: a transient has time bins"
    if results.mean_density:
        yield "results.mean_density = true belongs to a periodic drive: leave out it or results.end"


def _wishes_for_an_end(deck: Deck) -> Iterator[str]:
    """Keys of the deck that make no sense without an end."""
    if deck.initial is not None:
        yield "a state given by [initial]"
    if deck.drive is not None and deck.drive.kind != "steady":
        yield f'drive.kind = "{deck.drive.kind}"'
    if isinstance(deck.texture, DomainWall) and deck.texture.velocity:
        yield "a wall that moves with texture.velocity"


def texture(deck: Deck) -> Iterator[str]:
    """Angles, places and directions of the texture."""
    texture, axes = deck.texture, deck.axes
    if isinstance(texture, Precession) and not 0.0 <= texture.cone_angle <= math.pi * (1.0 + 1e-12):
        yield f"texture.cone_angle = {math.degrees(texture.cone_angle):g} deg must lie between 0 and 180 deg"
    if isinstance(texture, Junction) and not texture.interface < deck.sample.x.length:
        yield (
            f"texture.interface = {deck.place_text(texture.interface)} lies outside the sample, "
            f"which ends at {deck.place_text(deck.sample.x.length)}"
        )
    if isinstance(texture, Gyrating | CrossedWaves) and "y" not in axes:
        yield f'texture.kind = "{texture.kind}" varies along x and y: the deck needs [sample.y]'
    if isinstance(texture, Spiral):
        for name, part in zip(AXES, texture.direction, strict=True):
            if part != 0.0 and name not in axes:
                yield (
                    f"texture.direction = {list(texture.direction)} has a part along {name}, where the sample "
                    f"has no mesh: give [sample.{name}], or 0 for this part"
                )
    yield from _motion(deck)
    yield from _fit(deck)


def _motion(deck: Deck) -> Iterator[str]:
    """A wall and a user's texture say how they move."""
    texture = deck.texture
    if isinstance(texture, DomainWall):
        if texture.amplitude is not None and not texture.has_frequency:
            yield "texture.frequency is missing: a wall that swings by texture.amplitude needs it"
        if texture.amplitude is None and texture.has_frequency:
            yield "texture.amplitude is missing: a wall with a frequency swings by it"
    if isinstance(texture, User) and not deck.is_transient:
        if not texture.has_frequency:
            yield (
                "texture.frequency is missing: a user's texture is periodic with it, or give results.end "
                "for a transient"
            )
        if not (texture.frequency or texture.angular_frequency):
            yield "texture.frequency = 0 must be positive for a user's texture, which is periodic"


def _fit(deck: Deck) -> Iterator[str]:
    """A texture has whole periods along every periodic direction."""
    texture = deck.texture
    periodic = {name: axis.length for name, axis in deck.axes.items() if axis.left == "periodic"}
    if texture is None or texture.kind in ("uniform", "user", "ovf"):
        return
    if isinstance(texture, Spiral | Modulated | CrossedWaves):
        for name, q in zip(AXES, deck.wave_vector, strict=True):
            if name in periodic and q != 0.0:
                yield from _whole_periods(deck, name, abs(q), periodic[name])
        return
    for name in ("x", "y") if isinstance(texture, Gyrating) else ("x",):
        if name in periodic:
            along = "" if name == "x" else f" (sample.{name})"
            yield (
                f'texture.kind = "{texture.kind}" does not fit a periodic sample{along}: accepted are uniform, '
                f"spiral, modulated, crossed_waves, user, ovf"
            )


def _whole_periods(deck: Deck, name: str, q: float, length: float) -> Iterator[str]:
    """One direction holds a whole number of periods."""
    periods = q * length / (2.0 * math.pi)
    if not math.isfinite(periods) or round(periods) < 1 or abs(periods - round(periods)) > 1e-9 * periods:
        yield (
            f"sample.{name}.length = {deck.place_text(length)} holds {periods:.10g} periods of the texture: "
            f"a periodic sample needs a whole number of them, at least 1"
        )


def layers(deck: Deck) -> Iterator[str]:
    """Layers start one after the other inside the sample, and a periodic stack has equal ends."""
    length, previous = deck.sample.x.length, 0.0
    for i, section in enumerate(deck.layer):
        start = f"layer[{i}].start = {deck.place_text(section.start)}"
        if deck.on_face(section.start) >= length:
            yield f"{start} lies outside the sample, which ends at {deck.place_text(length)}"
        if section.start - previous <= SAME_PLACE * length:
            before = "the layer before it starts" if i else "the sample begins with [electrons]"
            yield f"{start} must be larger than {deck.place_text(previous)}, where {before}"
        previous = section.start
    first, *others = deck.media
    if deck.sample.x.left != "periodic" or not others:
        return
    for here, there in zip(first[1:5], others[-1][1:5], strict=True):
        if not math.isclose(here, there, rel_tol=1e-12):
            yield (
                f"layer[{len(others) - 1}] differs from [electrons], which it meets across the periodic face: "
                f"end the stack with a layer that only has a start"
            )
