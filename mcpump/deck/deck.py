"""The checked deck: its tables, and what follows from several keys, each worked out once.

What is worked out when a deck is checked is kept on it, and all that reads a deck reads it there.
"""

from __future__ import annotations

import math
from functools import cached_property

from pydantic import PrivateAttr

from mcpump.deck.electrons import Electrons, matching, resolve
from mcpump.deck.insulator import reflections_of
from mcpump.deck.layer import SAME_PLACE, Layer, media_of
from mcpump.deck.magnet import magnet_notes
from mcpump.deck.sections import Axis, Tables, face_numbers
from mcpump.deck.spin_orbit import with_spin_orbit
from mcpump.deck.textures import MAY_REST, CrossedWaves
from mcpump.errors import InputError


class Deck(Tables):
    """A deck that was read and checked; quantities in SI, or in reduced units.

    What follows from its keys may be refused when it is first worked out, by an `InputError`; `rules.check` asks for all
    of it.
    """

    _name: str = PrivateAttr("")
    _folder: str = PrivateAttr("")
    _texture_source: str = PrivateAttr("")
    _resolved: str = PrivateAttr("")
    _said_twice: list[str] = PrivateAttr(default_factory=list)

    def __eq__(self, other: object) -> bool:
        """Equal if every value is; the name and the way the values were written do not matter."""
        return isinstance(other, Deck) and self.model_dump() == other.model_dump()

    __hash__ = None  # type: ignore[assignment]

    @property
    def name(self) -> str:
        """Name of the deck (file name without folder)."""
        return self._name

    @property
    def folder(self) -> str:
        """Folder of the deck's file, from which the file of a user's texture is named."""
        return self._folder

    @property
    def texture_source(self) -> str:
        """Source of a texture that was given as a Python function; empty for a file."""
        return self._texture_source

    @property
    def resolved(self) -> str:
        """The deck as TOML text with every default written out."""
        return self._resolved

    @property
    def reduced(self) -> bool:
        """True for a deck in reduced units."""
        return self.units == "reduced"

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences on keys that say one thing twice, or are not used."""
        return (*self.gas.notes, *magnet_notes(self), *self._said_twice)

    @cached_property
    def gas(self) -> Electrons:
        """The electron gas of [electrons]."""
        given = self.electrons.model_dump(
            exclude={"dimension", "material", "spin_hall_angle", "name", "thickness"}
        )
        return resolve(given, self.reduced, self.electrons.dimension)

    # --- sample ---------------------------------------------------------------------------------

    @cached_property
    def axes(self) -> dict[str, Axis]:
        """Directions of the mesh: "x" and, where the deck has them, "y" and "z"."""
        named = {"x": self.sample.x, "y": self.sample.y, "z": self.sample.z}
        return {name: axis for name, axis in named.items() if axis is not None}

    @cached_property
    def planes(self) -> tuple[float, ...]:
        """Planes through which currents are counted, in order."""
        return tuple(sorted(self.on_face(plane) for plane in self.results.planes))

    @cached_property
    def media(self) -> tuple[Layer, ...]:
        """[electrons] and every [[layer]], in reduced units, without spin-orbit numbers."""
        return media_of(self.gas, self.layer, self.reduced, self._said_twice)

    @cached_property
    def layers(self) -> tuple[Layer, ...]:
        """The media with their spin-orbit numbers, cut also where one of these begins or ends inside a [[layer]]."""
        return with_spin_orbit(self, self._said_twice)

    @cached_property
    def has_sink(self) -> bool:
        """Whether spin can leave the sample: through an absorbing face, or by relaxation."""
        faces = [face for axis in self.axes.values() for face in (axis.left, axis.right)]
        absorbs = any(face_numbers(face)[0] > 0.0 for face in faces)
        return absorbs or any(layer.gamma_sf > 0.0 or layer.flip > 0.0 for layer in self.media)

    @cached_property
    def reflection(self) -> tuple[complex, complex]:
        """R of the faces x−, x+: what becomes of spin across the magnetization of an insulator beyond; 1 without one."""
        return reflections_of(self.sample.x, self.gas, self.media)

    @property
    def magnet_outside(self) -> bool:
        """Whether a magnet that no electron flies in stands beyond a face, or in an interface."""
        return self.reflection != (1.0, 1.0) or any(layer.magnetic for layer in self.media)

    def on_face(self, place: float) -> float:
        """Put a place along x onto a face that it misses by rounding only."""
        length = self.sample.x.length
        return next((face for face in (0.0, length) if abs(place - face) <= SAME_PLACE * length), place)

    def place_text(self, value: float) -> str:
        """Write a place for a sentence."""
        return f"{value:.6g}" + ("" if self.reduced else " m")

    # --- texture --------------------------------------------------------------------------------

    @cached_property
    def angular_frequency(self) -> float | None:
        """Ω of the texture [rad/s, or 1/τ]; None without one, or where it may rest and does."""
        texture = self.texture
        if texture is None or (isinstance(texture, MAY_REST) and not texture.has_frequency):
            return None
        if texture.frequency is None:
            if texture.angular_frequency is None:
                raise InputError("texture: the frequency is missing: give frequency or angular_frequency")
            return texture.angular_frequency
        Omega = 2.0 * math.pi * texture.frequency
        given = {"frequency": texture.frequency, "angular_frequency": texture.angular_frequency}
        derived = {"frequency": texture.frequency, "angular_frequency": Omega}
        units = {} if self.reduced else {"angular_frequency": "rad/s"}
        matching(given, derived, "texture", self._said_twice, units)
        return Omega

    @cached_property
    def wave_number(self) -> float:
        """Wave number of a spiral, modulated or crossed texture along x or its direction, 0 for others [1/m, or 1/ℓ]."""
        return self._wave_number("")

    def _wave_number(self, axis: str) -> float:
        """Wave number from the keys with this ending: "_y" for the one along y of crossed waves."""
        names = "wavenumber" + axis, "wavelength" + axis
        if not hasattr(self.texture, names[0]):
            return 0.0
        given: dict[str, float | None] = {name: getattr(self.texture, name) for name in names}
        wavenumber, wavelength = given.values()
        if wavenumber is None:
            if wavelength is None:
                raise InputError(f"texture: the period is missing: give {names[0]} or {names[1]}")
            return 2.0 * math.pi / wavelength
        derived = dict(zip(names, (wavenumber, 2.0 * math.pi / abs(wavenumber)), strict=True))
        matching(given, derived, "texture", self._said_twice, {} if self.reduced else {names[1]: "m"})
        return wavenumber

    @cached_property
    def wave_vector(self) -> tuple[float, float, float]:
        """Wave vector q of the texture [1/m, or 1/ℓ]; of crossed waves the two wave numbers."""
        if isinstance(self.texture, CrossedWaves):
            return self.wave_number, self._wave_number("_y"), 0.0
        direction = getattr(self.texture, "direction", (1.0, 0.0, 0.0))
        scaled = [part / max(map(abs, direction)) for part in direction]
        norm = math.sqrt(sum(part * part for part in scaled))
        # Adding 0.0 turns −0.0 into 0.0.
        x, y, z = (self.wave_number * (part / norm) + 0.0 for part in scaled)
        return x, y, z

    # --- time -----------------------------------------------------------------------------------

    @property
    def is_transient(self) -> bool:
        """Whether time is kept in plain bins from an initial state, instead of harmonics (and not as a [pulse])."""
        return self.pulse is None and self.results.end is not None
