"""Sections and keys of a deck: what a user may ask for, each key by itself.

Quantities are SI floats after reading, or plain numbers in reduced units.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PrivateAttr

from mcpump import deck_fields as fields
from mcpump.deck_fields import Section
from mcpump.electrons import Electrons

Kind = Literal["junction", "uniform", "spiral", "modulated"]
KINDS = ("junction", "uniform", "spiral", "modulated")
Face = Annotated[str, fields.one_of("specular", "diffuse", "absorbing", "periodic")]
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


class Axis(Section):
    """[sample.x]: the sample along x."""

    length: fields.Length
    cells: Annotated[int, fields.count(1)]
    left: Face
    right: Face


class Sample(Section):
    """[sample]."""

    x: Axis


class Precession(Section):
    """What all textures share: an elliptical precession about an axis."""

    cone_angle: fields.Angle
    frequency: fields.Frequency | None = None
    angular_frequency: fields.AngularFrequency | None = None
    axis: fields.Vector = (0.0, 0.0, 1.0)
    ellipticity: Annotated[float, fields.plain("any", 1.0)] = 1.0


class Junction(Precession):
    """A magnet at x < interface, a normal metal beyond: ½[1 − tanh((x − interface)/width)]."""

    kind: Literal["junction"]
    interface: fields.Length
    width: fields.LengthOrZero


class Uniform(Precession):
    """The same precession everywhere."""

    kind: Literal["uniform"]


class Spiral(Precession):
    """Precession with a phase q x: plane wave, helix, cone, spin wave."""

    kind: Literal["spiral"]
    wavenumber: fields.Wavenumber | None = None
    wavelength: fields.Length | None = None


class Modulated(Precession):
    """Uniform precession times mean + depth cos(kx + phase)."""

    kind: Literal["modulated"]
    mean: fields.Number
    depth: fields.Number
    wavenumber: fields.PositiveWavenumber | None = None
    wavelength: fields.Length | None = None
    phase: fields.Angle = "0 rad"  # type: ignore[assignment]  # validated like an input


Texture = Annotated[Junction | Uniform | Spiral | Modulated, Field(discriminator="kind")]


class Pulse(Section):
    """[pulse]: spin born at one plane at t = 0, instead of a texture."""

    position: fields.LengthOrZero
    spin: fields.Vector = (0.0, 0.0, 1.0)


class Results(Section):
    """[results]: what to keep."""

    channels: fields.Channels = ("first", "second")
    harmonics: Annotated[int, fields.count(0, 2)] = 1
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
    stop: Stop | None = None


class Deck(Section):
    """A deck that was read and checked; quantities in SI, or in reduced units."""

    units: UnitSystem = "SI"
    electrons: ElectronsSection
    sample: Sample
    texture: Texture | None = None
    pulse: Pulse | None = None
    results: Results = Field(default_factory=lambda: Results.model_validate({}))
    run: Run = Field(default_factory=lambda: Run.model_validate({}))

    _name: str = PrivateAttr("")
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
    def resolved(self) -> str:
        """The deck as TOML text with every default written out."""
        return self._resolved

    @property
    def gas(self) -> Electrons:
        """The electron gas that the deck's keys amount to."""
        gas: Electrons = self._gas
        return gas
