"""The deck's [texture]: the kinds of magnetization, each key by itself.

Quantities are SI floats after reading, or plain numbers in reduced units.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from mcpump import deck_fields as fields
from mcpump.deck_fields import Section

PRECESSING = ("junction", "uniform", "spiral", "modulated", "penetration")
"""Kinds that are a shape times an elliptical precession."""
KINDS = (*PRECESSING, "domain_wall", "vortex", "skyrmion", "crossed_waves", "user")


class Driven(Section):
    """What all textures share: the frequency of the drive."""

    frequency: fields.Frequency | None = None
    angular_frequency: fields.AngularFrequency | None = None


class Precession(Driven):
    """An elliptical precession about an axis."""

    cone_angle: fields.Angle
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
    """Precession with a phase q·r, q = wavenumber × direction: plane wave, helix, cone, spin wave."""

    kind: Literal["spiral"]
    wavenumber: fields.Wavenumber | None = None
    wavelength: fields.Length | None = None
    direction: fields.Vector = (1.0, 0.0, 0.0)


class Modulated(Precession):
    """Uniform precession times mean + depth cos(kx + phase)."""

    kind: Literal["modulated"]
    mean: fields.Number
    depth: fields.Number
    wavenumber: fields.PositiveWavenumber | None = None
    wavelength: fields.Length | None = None
    phase: fields.Angle = "0 rad"  # type: ignore[assignment]  # validated like an input


class Penetration(Precession):
    """Precession that dies away from the face at x = 0: e^{−x/depth}."""

    kind: Literal["penetration"]
    depth: fields.Length


class DomainWall(Driven):
    """A wall across x between ±z: at `center` + `velocity`·t, or swinging about it by `amplitude`."""

    kind: Literal["domain_wall"]
    center: fields.Place
    width: fields.Length
    wall_angle: fields.Angle = "0 deg"  # type: ignore[assignment]  # validated like an input
    velocity: fields.AnyVelocity | None = None
    amplitude: fields.Length | None = None


class Gyrating(Driven):
    """What goes round a point of the plane."""

    center: fields.PlaceInPlane
    gyration_radius: fields.LengthOrZero
    polarity: fields.Sign = 1
    sense: fields.Sign = 1


class Vortex(Gyrating):
    """A magnetic vortex whose core gyrates."""

    kind: Literal["vortex"]
    core_radius: fields.Length
    circulation: fields.Sign = 1


class Skyrmion(Gyrating):
    """A skyrmion of a given radius and wall width, gyrating."""

    kind: Literal["skyrmion"]
    radius: fields.Length
    width: fields.Length
    helicity: fields.Angle = "0 deg"  # type: ignore[assignment]  # validated like an input
    vorticity: fields.Sign = 1


class CrossedWaves(Driven):
    """scale·(c cos qx, (1 + b cos q_y y) cos Ωt, (1 + b cos q_y y) sin Ωt), by default as large as |S| ≤ 1 allows."""

    kind: Literal["crossed_waves"]
    c: fields.Number
    b: fields.Number
    wavenumber: fields.PositiveWavenumber | None = None
    wavelength: fields.Length | None = None
    wavenumber_y: fields.PositiveWavenumber | None = None
    wavelength_y: fields.Length | None = None
    scale: fields.PositiveNumber | None = None


class User(Driven):
    """The user's own S(x, y, z, t), a Python function in a file."""

    kind: Literal["user"]
    file: fields.Text
    sha256: fields.Text | None = None
    length_scale: fields.Length | None = None
    time_scale: fields.Time | None = None


Texture = Annotated[
    Junction
    | Uniform
    | Spiral
    | Modulated
    | Penetration
    | DomainWall
    | Vortex
    | Skyrmion
    | CrossedWaves
    | User,
    Field(discriminator="kind"),
]
