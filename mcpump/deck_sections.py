"""Sections and keys of a deck: what a user may ask for, each key by itself.

Quantities are SI floats after reading, or plain numbers in reduced units.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, PrivateAttr, Tag

from mcpump import deck_fields as fields
from mcpump.deck_fields import Section
from mcpump.deck_textures import Texture
from mcpump.electrons import Electrons

WORD, TABLE = "\x01word", "\x01table"
"""Tags of the two ways to write a face; the control character tells pydantic's tags from keys."""
FaceWord = Annotated[str, fields.one_of("specular", "diffuse", "absorbing", "periodic")]
UnitSystem = Annotated[str, fields.one_of("SI", "reduced")]


class ElectronsSection(Section):
    """[electrons]: any sufficient set of keys; see `mcpump.electrons`."""

    dimension: Annotated[int, fields.count(1, 3)] = 3
    fermi_wavenumber: fields.PositiveWavenumber | None = None
    fermi_velocity: fields.Velocity | None = None
    fermi_energy: fields.Energy | None = None
    effective_mass: fields.PositiveNumber | None = None
    density_of_states: fields.StatesDensity | None = None
    mean_free_path: fields.Length | None = None
    lifetime: fields.Time | None = None
    diffusion_coefficient: fields.Diffusion | None = None
    conductivity: fields.Conductivity | None = None
    resistivity: fields.Resistivity | None = None
    spin_diffusion_length: fields.SpinLength | None = None
    spin_relaxation_time: fields.SpinTime | None = None
    exchange: fields.Energy | None = None


class FaceTable(Section):
    """A face that is neither of the words: Fuchs' specularity of what it reflects, and a share that it absorbs."""

    specularity: fields.Share = 1.0
    absorption: fields.Share = 0.0


def _form(value: Any) -> str:
    """Tell a table from a word."""
    return TABLE if isinstance(value, dict | FaceTable) else WORD


Face = Annotated[
    Annotated[FaceWord, Tag(WORD)] | Annotated[FaceTable, Tag(TABLE)],
    Discriminator(_form),
]


class Axis(Section):
    """[sample.x], [sample.y], [sample.z]: the sample along one direction, from its `left` face to its `right`."""

    length: fields.Length
    cells: Annotated[int, fields.count(1)]
    left: Face
    right: Face


class Sample(Section):
    """[sample]."""

    x: Axis
    y: Axis | None = None
    z: Axis | None = None


class LayerSection(Section):
    """[[layer]]: from `start` on the electrons differ from [electrons] in what is given here."""

    name: fields.Text | None = None
    start: fields.Length
    mean_free_path: fields.Length | None = None
    lifetime: fields.Time | None = None
    fermi_velocity: fields.Velocity | None = None
    density_of_states: fields.StatesDensity | None = None
    spin_diffusion_length: fields.SpinLength | None = None
    spin_relaxation_time: fields.SpinTime | None = None
    transmission: fields.ShareAboveZero = 1.0
    specularity: fields.Share = 1.0
    passage: Annotated[str, fields.one_of("straight", "diffuse")] = "straight"


class Drive(Section):
    """[drive]: how the texture's motion is switched: on for ever, smoothly from 0, or for a while."""

    kind: Annotated[str, fields.one_of("steady", "ramp", "pulse")] = "steady"
    rise: fields.Time | None = None
    time: fields.Time | None = None
    duration: fields.Time | None = None


class Initial(Section):
    """[initial]: non-equilibrium spin at t = 0, everywhere or on one plane."""

    spin: fields.Vector
    position: fields.LengthOrZero | None = None


class Pulse(Section):
    """[pulse]: spin born at one plane at t = 0, instead of a texture."""

    position: fields.LengthOrZero
    spin: fields.Vector = (0.0, 0.0, 1.0)


class Results(Section):
    """[results]: what to keep."""

    channels: fields.Channels = ("first", "second")
    harmonics: Annotated[int, fields.count(0, 16)] = 1
    planes: fields.ListOfPlaces = ()
    mean_density: fields.Switch = False
    end: fields.Time | None = None
    time_bins: Annotated[int, fields.count(1)] | None = None


class Stop(Section):
    """[run.stop]: when a result is known well enough."""

    quantity: fields.Text
    at: fields.LengthOrZero
    relative_error: fields.PositiveNumber
    max_walkers: Annotated[int, fields.count(1)]


class Run(Section):
    """[run]: how much to walk."""

    walkers: Annotated[int, fields.count(1)] = 1_000_000
    seed: Annotated[int, fields.count(0, 2**64 - 1)] = 1
    walkers_per_block: fields.BlockSize = 4096
    first_flights: fields.FirstFlights = "auto"
    score_interval: fields.ScoreInterval = "auto"
    walk: Annotated[str, fields.one_of("auto", "general")] = "auto"
    phases: fields.Phases = "auto"
    max_flights: Annotated[int, fields.count(1)] = 1_000_000_000
    stop: Stop | None = None


class Deck(Section):
    """A deck that was read and checked; quantities in SI, or in reduced units."""

    units: UnitSystem = "SI"
    electrons: ElectronsSection
    sample: Sample
    layer: Annotated[tuple[LayerSection, ...], fields.Tables] = ()
    texture: Texture | None = None
    drive: Drive | None = None
    initial: Initial | None = None
    pulse: Pulse | None = None
    results: Results = Field(default_factory=lambda: Results.model_validate({}))
    run: Run = Field(default_factory=lambda: Run.model_validate({}))

    _name: str = PrivateAttr("")
    _folder: str = PrivateAttr("")
    _resolved: str = PrivateAttr("")
    _gas: Any = PrivateAttr(None)

    def __eq__(self, other: object) -> bool:
        """Equal if every value is; the name and the way the values were written do not matter."""
        return isinstance(other, Deck) and self.__dict__ == other.__dict__

    __hash__ = None  # type: ignore[assignment]

    @property
    def reduced(self) -> bool:
        """True for a deck in reduced units."""
        return self.units == "reduced"

    @property
    def name(self) -> str:
        """Name of the deck (file name without folder)."""
        return self._name

    @property
    def folder(self) -> str:
        """Folder of the deck's file, from which the file of a user's texture is named."""
        return self._folder

    @property
    def resolved(self) -> str:
        """The deck as TOML text with every default written out."""
        return self._resolved

    @property
    def gas(self) -> Electrons:
        """The electron gas that the deck's keys amount to."""
        gas: Electrons = self._gas
        return gas
