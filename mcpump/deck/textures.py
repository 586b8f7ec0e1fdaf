"""The deck's [texture]: the kinds of magnetization, each key by itself.

Quantities are SI floats after reading, or plain numbers in reduced units.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from mcpump.deck import kinds as fields
from mcpump.deck.kinds import Section
from mcpump.textures.ovf import METRES

PRECESSING = ("junction", "uniform", "spiral", "modulated", "penetration", "insulator", "magnetic_interface")
"""Kinds that are a shape times an elliptical precession."""
KINDS = (*PRECESSING, "domain_wall", "vortex", "skyrmion", "crossed_waves", "user", "ovf")


def is_program(deck: Mapping[str, Any]) -> bool:
    """Whether the texture of a deck, given as nested tables, is a user's file, which is executed."""
    texture = deck.get("texture")
    return isinstance(texture, Mapping) and texture.get("kind") == "user"


class Driven(Section):
    """What all textures share: the frequency of the drive."""

    frequency: fields.Frequency | None = None
    """Ω/2π."""
    angular_frequency: fields.AngularFrequency | None = None
    """Ω; one of the two."""

    @property
    def has_frequency(self) -> bool:
        """Whether the deck says how fast it turns."""
        return self.frequency is not None or self.angular_frequency is not None


class Precession(Driven):
    """An elliptical precession about an axis."""

    cone_angle: fields.Angle
    """Angle θ between S and the axis."""
    axis: fields.Vector = (0.0, 0.0, 1.0)
    """Axis of the precession, of any length."""
    ellipticity: Annotated[float, fields.plain("any", 1.0)] = 1.0
    """Ratio of the two amplitudes of the precession; negative: the other sense."""


class Junction(Precession):
    """A magnet at x < interface, a normal metal beyond: ½[1 − tanh((x − interface)/width)]."""

    kind: Literal["junction"]
    interface: Annotated[fields.Length, fields.Follows("the first `layer.start`, or `magnet.thickness`")]
    """Where the magnet ends."""
    width: fields.LengthOrZero
    """λ, over which it ends."""


class Uniform(Precession):
    """The same precession everywhere."""

    kind: Literal["uniform"]


class Spiral(Precession):
    """Precession with a phase q·r, q = wavenumber × direction: plane wave, helix, cone, spin wave."""

    kind: Literal["spiral"]
    wavenumber: fields.Wavenumber | None = None
    """q; negative: the wave runs the other way."""
    wavelength: fields.Length | None = None
    """2π/q; one of the two."""
    direction: fields.Vector = (1.0, 0.0, 0.0)
    """Of the wave vector."""


class Modulated(Precession):
    """Uniform precession times mean + depth cos(kx + phase)."""

    kind: Literal["modulated"]
    mean: fields.Number
    """Mean of the envelope."""
    depth: fields.Number
    """Amplitude of the envelope."""
    wavenumber: fields.PositiveWavenumber | None = None
    """k of the envelope."""
    wavelength: fields.Length | None = None
    """2π/k; one of the two."""
    phase: fields.Angle = "0 rad"  # type: ignore[assignment]  # validated like an input
    """Of the envelope at x = 0."""


class Penetration(Precession):
    """Precession that dies away from the face at x = 0: e^{−x/depth}."""

    kind: Literal["penetration"]
    depth: fields.Length
    """Over which it falls to 1/e."""


class Insulator(Precession):
    """Precession of a magnet without electrons beyond a face with a mixing conductance; S = 0 in the sample."""

    kind: Literal["insulator"]


class MagneticInterface(Precession):
    """Precession of a magnet in an interface between metals, where a [[layer]] says how it mixes; S = 0 in the sample."""

    kind: Literal["magnetic_interface"]


class DomainWall(Driven):
    """A wall across x, from +z on its left to −z: at `center` + `velocity`·t, or swinging about it by `amplitude`."""

    kind: Literal["domain_wall"]
    center: fields.Place
    """Place at t = 0, or of the middle of the swing."""
    width: fields.Length
    """Δ of tanh((x − X)/Δ)."""
    wall_angle: fields.Angle = "0 deg"  # type: ignore[assignment]  # validated like an input
    """0: Bloch, 90 deg: Néel."""
    velocity: fields.AnyVelocity | None = None
    """Of a moving wall (a transient)."""
    amplitude: fields.Length | None = None
    """Of a swinging wall."""


class Gyrating(Driven):
    """What goes round a point of the plane."""

    center: fields.PlaceInPlane
    """About which it gyrates."""
    gyration_radius: fields.LengthOrZero
    """Of the orbit."""
    polarity: fields.Sign = 1
    """Sign of S_z at its centre."""
    sense: fields.Sign = 1
    """1: counterclockwise seen from +z."""


class Vortex(Gyrating):
    """A magnetic vortex whose core gyrates."""

    kind: Literal["vortex"]
    core_radius: fields.Length
    """b of S_z = polarity e^(−r²/b²)."""
    circulation: fields.Sign = 1
    """1: S runs counterclockwise."""


class Skyrmion(Gyrating):
    """A skyrmion of a given radius and wall width, gyrating."""

    kind: Literal["skyrmion"]
    radius: fields.Length
    """Where S_z changes sign."""
    width: fields.Length
    """Of its wall."""
    helicity: fields.Angle = "0 deg"  # type: ignore[assignment]  # validated like an input
    """0: Néel, 90 deg: Bloch."""
    vorticity: fields.Sign = 1
    """−1: an antiskyrmion."""


class CrossedWaves(Driven):
    """scale·(c cos qx, (1 + b cos q_y y) cos Ωt, (1 + b cos q_y y) sin Ωt), by default as large as |S| ≤ 1 allows."""

    kind: Literal["crossed_waves"]
    c: fields.Number
    """Amplitude of the static wave along x."""
    b: fields.Number
    """Depth of the modulation along y."""
    wavenumber: fields.PositiveWavenumber | None = None
    """q."""
    wavelength: fields.Length | None = None
    """2π/q; one of the two."""
    wavenumber_y: fields.PositiveWavenumber | None = None
    """q_y."""
    wavelength_y: fields.Length | None = None
    """2π/q_y; one of the two."""
    scale: fields.PositiveNumber | None = None
    """Factor of S; the largest with |S| ≤ 1 if not given."""


class User(Driven):
    """The user's own S(x, y, z, t), a Python function in a file."""

    kind: Literal["user"]
    file: fields.Text
    """Python file beside the deck, with one function `S(x, y, z, t)`; it is executed."""
    sha256: fields.Text | None = None
    """Of the file; another file is refused. The resolved deck has it."""
    parameters: fields.Parameters = {}  # noqa: RUF012  # pydantic copies it
    """Further arguments of the function, `S(x, y, z, t, NAME, …)`, in SI units; those with a default may be left out."""
    length_scale: fields.Length | None = None
    """Over which S changes; found if not given."""
    time_scale: fields.Time | None = None
    """In which S changes; found if not given."""


class Ovf(Driven):
    """Snapshots of OOMMF, mumax3 or Ubermag; without a frequency a transient (or static, if there is one)."""

    kind: Literal["ovf"]
    files: fields.Files
    """Files, patterns or folders, beside the deck."""
    table: fields.Text | None = None
    """Table of times; by default those in the files."""
    mesh_unit: Annotated[str, fields.one_of(*METRES)] | None = None
    """Unit of the mesh, where the files tell none that is known."""
    sha256: fields.Text | None = None
    """Of all files; others are refused. The resolved deck has it."""
    harmonics: Annotated[int, fields.count(1, 1000)] | None = None
    """Harmonics to take the snapshots as; by default as many as matter."""
    start: fields.AnyTime | None = None
    """Time of the snapshots at which the run begins."""
    offset: fields.Offset | None = None
    """Place of the mesh's lower corner in the sample; 0 if not given."""
    along_x: Annotated[str, fields.one_of("x", "y", "z")] = "x"
    """Axis of the snapshots that becomes x."""
    length_scale: fields.Length | None = None
    """Over which S changes; found if not given."""
    time_scale: fields.Time | None = None
    """In which S changes; found if not given."""


OUTSIDE = (Insulator, MagneticInterface)
"""Kinds of a magnet that no electron flies in: it is a face or an interface, without an exchange."""
MAY_REST = (DomainWall, User, Ovf)
"""Kinds that need no frequency."""
Texture = Annotated[
    Junction
    | Uniform
    | Spiral
    | Modulated
    | Penetration
    | Insulator
    | MagneticInterface
    | DomainWall
    | Vortex
    | Skyrmion
    | CrossedWaves
    | User
    | Ovf,
    Field(discriminator="kind"),
]
