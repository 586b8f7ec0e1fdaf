"""The deck: what a user may ask for, checked key by key, and read from TOML.

Every refusal is an `InputError` of one sentence with the dotted key, its value and what is accepted.
Quantities are SI floats after reading, or plain numbers in reduced units.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, PrivateAttr, ValidationError

from mcpump import deck_fields as fields
from mcpump.deck_fields import KEY, Section
from mcpump.electrons import SPIN_KEYS, Electrons
from mcpump.errors import InputError
from mcpump.units import show

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


def read_deck(path: str | os.PathLike[str], overrides: Iterable[str] = ()) -> Deck:
    """Read a deck from a TOML file.

    Parameters
    ----------
    path : path
        The file.
    overrides : iterable of str
        "dotted.key=value" strings that replace keys of the file, e.g. ``electrons.mean_free_path=5 nm``.

    Returns
    -------
    Deck
        Checked.

    Raises
    ------
    InputError
        One sentence on what cannot be used, and what is accepted.
    """
    from mcpump.deck_text import override, read_toml

    return deck_from_dict(override(read_toml(path), overrides), Path(path).name)


def deck_from_dict(data: Mapping[str, Any], name: str = "deck") -> Deck:
    """Check a deck given as nested dictionaries.

    Parameters
    ----------
    data : mapping
        Tables and keys as in TOML.
    name : str
        Name for tables and files.

    Returns
    -------
    Deck
        Checked.

    Raises
    ------
    InputError
        One sentence on what cannot be used, and what is accepted.
    """
    from mcpump.deck_checks import check
    from mcpump.deck_text import write_toml

    given = _with_defaults(data)
    reduced = isinstance(given, dict) and given.get("units") == "reduced"
    try:
        deck = Deck.model_validate(given, context={"reduced": reduced})
    except ValidationError as error:
        raise InputError(_sentence(error, given)) from None
    except RecursionError:
        raise InputError("the deck is nested too deeply") from None
    deck._name = name
    deck._gas = check(deck)
    deck._resolved = write_toml(_resolved(deck, given))
    return deck


def _with_defaults(data: Any) -> Any:
    """Fill in the defaults that depend on other keys."""
    if not isinstance(data, Mapping):
        return data
    given = dict(data)
    electrons, results = given.get("electrons"), given.get("results", {})
    if isinstance(electrons, Mapping):
        mass = {} if given.get("units") == "reduced" else {"effective_mass": 1.0}
        spin = {} if any(key in electrons for key in SPIN_KEYS) else {"spin_relaxation_time": "none"}
        given["electrons"] = {**mass, **spin, **electrons}
    if "pulse" in given and isinstance(results, Mapping):
        given["results"] = {"channels": ["first"], "harmonics": 0, "time_bins": 1, **results}
    return given


def _sentence(error: ValidationError, data: Any) -> str:
    """Turn the first of pydantic's findings into a sentence with the dotted key."""
    findings = error.errors(include_url=False, include_input=False)
    # An unknown key is likelier to be the cause than the missing one it was meant for.
    finding = min(findings, key=lambda f: "has an unknown key" not in str(f.get("msg", "")))
    place = list(finding["loc"])
    if place[:1] == ["texture"] and place[1:2] and place[1] in KINDS:
        del place[1]  # pydantic's tag of the kind, not a key
    key = _dotted(place)
    kind = finding["type"]
    if kind == "missing":
        return f"{key} is missing"
    if kind in ("union_tag_not_found", "union_tag_invalid", "model_attributes_type"):
        return _kind_sentence(data)
    if kind == "value_error":
        text = str(finding["ctx"]["error"])
        if text.startswith(KEY + " has") and not key:
            return "the deck" + text[1:]
        return text.replace(KEY, key or "the deck")
    return f"{key or 'the deck'} cannot be used: {finding['msg'][:1].lower()}{finding['msg'][1:]}"


def _dotted(place: list[Any]) -> str:
    """('results', 'planes', 1) → results.planes[1]."""
    text = ""
    for part in place:
        text += f"[{part}]" if isinstance(part, int) else ("." if text else "") + str(part)
    return text


def _kind_sentence(data: Any) -> str:
    """Say what is wrong with texture.kind."""
    texture = data.get("texture")
    choice = ", ".join(KINDS)
    if not isinstance(texture, Mapping):
        return f"texture = {show(texture)} must be a table"
    if "kind" not in texture:
        return f"texture.kind is missing: it must be one of {choice}"
    try:
        fields.one_of(*KINDS).func(texture["kind"])  # type: ignore[call-arg]
    except ValueError as error:
        return str(error).replace(KEY, "texture.kind")
    return f"texture.kind must be one of {choice}"


def _resolved(section: BaseModel, given: Any) -> dict[str, Any]:
    """Every key with the value as it was written, or its default."""
    result: dict[str, Any] = {}
    for key, field in type(section).model_fields.items():
        value = getattr(section, key)
        if isinstance(value, BaseModel):
            result[key] = _resolved(value, given.get(key, {}))
        elif given.get(key) is not None:
            result[key] = given[key]
        elif value is not None:
            result[key] = field.default
    return result
