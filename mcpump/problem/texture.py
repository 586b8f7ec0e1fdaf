"""The texture of a deck in reduced units: a code and 32 numbers for the kernels, and its natural scales."""

from __future__ import annotations

import math
import os
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.deck.deck import Deck
from mcpump.deck.textures import (
    OUTSIDE,
    CrossedWaves,
    DomainWall,
    Junction,
    Modulated,
    Ovf,
    Penetration,
    Precession,
    Skyrmion,
    User,
    Vortex,
)
from mcpump.errors import InputError, show
from mcpump.textures import parameters as shapes
from mcpump.textures.ovf_series import Placement, Snapshots, hash_of_series
from mcpump.textures.parameters import (
    CROSSED_WAVES,
    DOMAIN_WALL,
    DRIVE_PULSE,
    DRIVE_RAMP,
    ENVELOPE_PENETRATION,
    HARMONIC,
    PARAMETERS,
    SKYRMION,
    STEADY,
    STILL,
    USER,
    VORTEX,
    Drive,
    Parameters,
    largest_scale,
    packed,
    scales_of,
)
from mcpump.textures.program import Program, is_function
from mcpump.textures.shapes import ENVELOPE_CONSTANT, ENVELOPE_COSINE, ENVELOPE_TANH
from mcpump.textures.snapshots import sampled

Array = NDArray[np.float64]
Three = tuple[float, float, float]
NOTHING = (0.0,) * PARAMETERS
"""Parameters of a HARMONIC texture that is zero, and of USER."""


class MovingTexture(NamedTuple):
    """A texture as the kernels take it, in reduced units."""

    code: int
    """Code of `mcpump.textures.parameters`."""
    parameters: Parameters
    """Its 32 numbers."""
    length: float
    """Natural length [ℓ]; inf for a uniform texture, or none."""
    time: float
    """Natural time [τ]; inf for a static texture, which emits nothing."""
    period: float
    """Period of the drive [τ]; 1 where there is none."""


def moving_texture(deck: Deck) -> MovingTexture:
    """Reduce the texture of a deck.

    Parameters
    ----------
    deck : Deck
        A checked deck.

    Returns
    -------
    MovingTexture
        A deck without texture has one that is zero.

    Raises
    ------
    InputError
        If |S| would exceed 1.
    """
    texture = deck.texture
    if texture is None:
        return MovingTexture(HARMONIC, NOTHING, math.inf, math.inf, 1.0)
    Omega = (deck.angular_frequency or 0.0) * deck.gas.tau
    period = 2.0 * math.pi / Omega if Omega else 1.0
    if isinstance(texture, Ovf):
        return _sampled(deck, texture, period)
    if isinstance(texture, User):
        return MovingTexture(USER, NOTHING, *_user_scales(deck, texture, Omega), period)
    code, parameters = _reduced(deck, Omega)
    length, time = scales_of(code, parameters)
    return MovingTexture(code, parameters, length, time, period)


def _sampled(deck: Deck, texture: Ovf, period: float) -> MovingTexture:
    """Snapshots: scales that the deck states, or else those of the mesh (the sample's, if one cell) and in time."""
    gas, snapshots = deck.gas, snapshots_of(deck)
    assert snapshots is not None
    found = sampled(snapshots)
    length = found.length
    if math.isinf(length):
        length = min(axis.length / axis.cells for axis in deck.axes.values()) / gas.ell
    if texture.length_scale is not None:
        length = texture.length_scale / gas.ell
    time = found.time
    if texture.time_scale is not None and math.isfinite(time):
        time = texture.time_scale / gas.tau
    x, y, z = (1.0 / number for number in found.frame.per_cell)
    return MovingTexture(USER, packed(shapes.User((x, y, z))), length, time, period)


def snapshots_of(deck: Deck) -> Snapshots | None:
    """Snapshots that a deck has as its texture; None if its texture is another.

    Parameters
    ----------
    deck : Deck
        A checked deck.

    Raises
    ------
    InputError
        If the files are not those whose sha256 the deck holds.
    """
    texture, gas = deck.texture, deck.gas
    if not isinstance(texture, Ovf):
        return None
    folder = os.path.abspath(deck.folder)
    found = hash_of_series(texture.files, folder, texture.table)
    if texture.sha256 is not None and found not in ("", texture.sha256):
        raise InputError(
            f"texture.sha256 = {show(texture.sha256)} is not that of texture.files, which have changed: theirs is {found}"
        )
    axes = list(deck.axes.values())
    x, y, z = (*(texture.offset or ()), 0.0, 0.0, 0.0)[:3]
    nothing = 3 - len(axes)
    placement = Placement(
        offset=(x, y, z), along_x=texture.along_x,
        lengths=(*(axis.length for axis in axes), *(gas.ell,) * nothing),
        periodic=(*(axis.left == "periodic" for axis in axes), *(True,) * nothing), axes=len(axes),
        ell=1.0 if deck.reduced else gas.ell, tau=1.0 if deck.reduced else gas.tau,
    )  # fmt: skip
    return Snapshots(
        files=texture.files, folder=folder, table=texture.table, mesh_unit=texture.mesh_unit, sha256=found,
        frequency=(deck.angular_frequency or 0.0) / (2.0 * math.pi) or None, harmonics=texture.harmonics,
        start=texture.start,
        end=deck.results.end if deck.is_transient else None, placement=placement,
    )  # fmt: skip


def program_of(deck: Deck) -> Program | None:
    """User's texture of a deck, a file or a function; None if its texture is another.

    Parameters
    ----------
    deck : Deck
        A checked deck.

    Raises
    ------
    InputError
        If the file is not that whose sha256 the deck holds, or a function is not there.
    """
    texture = deck.texture
    if not isinstance(texture, User):
        return None
    if is_function(texture.file) and not deck.texture_source:
        raise InputError(
            f"texture.file = {show(texture.file)} was a function in Python: give it again, texture=… of mcpump.run, "
            "mcpump.check, mcpump.sweep or mcpump.resume"
        )
    path = texture.file if deck.texture_source else os.path.join(deck.folder, texture.file)
    program = Program(path, deck.texture_source, tuple(texture.parameters.items()))
    if texture.sha256 is not None and program.sha256 not in ("", texture.sha256):
        raise InputError(
            f"texture.sha256 = {show(texture.sha256)} is not that of {show(path, 200)}, which has changed: its sha256 is "
            f"{program.sha256}"
        )
    return program


def _user_scales(deck: Deck, texture: User, Omega: float) -> tuple[float, float]:
    """Scales that the deck states, or else the smallest cell and an eighth of the period (1 % of a transient)."""
    gas = deck.gas
    length = texture.length_scale or min(axis.length / axis.cells for axis in deck.axes.values())
    if texture.time_scale is not None:
        return length / gas.ell, texture.time_scale / gas.tau
    if deck.is_transient and not Omega:
        assert deck.results.end is not None
        return length / gas.ell, 0.01 * deck.results.end / gas.tau
    return length / gas.ell, 0.25 * math.pi / Omega


def _drive(deck: Deck) -> Drive:
    """Drive h(t): kind, start and width [τ]."""
    drive, tau = deck.drive, deck.gas.tau
    if drive is None or drive.kind == "steady":
        return STEADY
    if drive.kind == "ramp":
        return Drive(DRIVE_RAMP, 0.0, (drive.rise or 0.0) / tau)
    return Drive(DRIVE_PULSE, (drive.time or 0.0) / tau, (drive.duration or 0.0) / tau)


def _reduced(deck: Deck, Omega: float) -> tuple[int, Parameters]:
    """Code and parameters of a texture that is not the user's."""
    texture, ell, drive = deck.texture, deck.gas.ell, _drive(deck)
    assert texture is not None
    if isinstance(texture, DomainWall):
        velocity, amplitude = (texture.velocity or 0.0) / deck.gas.v_F, (texture.amplitude or 0.0) / ell
        wall = shapes.DomainWall(
            texture.center / ell, texture.width / ell, velocity, amplitude, Omega,
            math.cos(texture.wall_angle), math.sin(texture.wall_angle), 1.0,
        )  # fmt: skip
        return DOMAIN_WALL, packed(wall, drive)
    if isinstance(texture, CrossedWaves):
        q1, q2, _ = deck.wave_vector
        scale = _scale(texture)
        return CROSSED_WAVES, packed(
            shapes.CrossedWaves(scale, texture.c, texture.b, q1 * ell, q2 * ell, 0.0, Omega), drive
        )
    if isinstance(texture, Vortex | Skyrmion):
        x, y = (place / ell for place in texture.center)
        gyration = texture.gyration_radius / ell
        if isinstance(texture, Vortex):
            vortex = shapes.Vortex(
                x, y, gyration, Omega, texture.sense, texture.core_radius / ell, texture.circulation,
                texture.polarity,
            )  # fmt: skip
            return VORTEX, packed(vortex, drive)
        skyrmion = shapes.Skyrmion(
            x, y, gyration, Omega, texture.sense, texture.radius / ell, texture.width / ell,
            math.cos(texture.helicity), math.sin(texture.helicity), texture.polarity, texture.vorticity,
        )  # fmt: skip
        return SKYRMION, packed(skyrmion, drive)
    code, envelope, q = envelope_of(deck)
    return HARMONIC, packed(shapes.Harmonic(*precession(deck), q, Omega, code, envelope), drive)


def _scale(texture: CrossedWaves) -> float:
    """Factor of crossed waves that keeps |S| ≤ 1."""
    largest = largest_scale(texture.c, texture.b)
    if texture.scale is not None and texture.scale > largest * (1.0 + 1e-12):
        raise InputError(
            f"texture: scale = {texture.scale:.6g} makes |S| exceed 1: accepted is up to {largest:.6g}"
        )
    return largest if texture.scale is None else texture.scale


def envelope_of(deck: Deck) -> tuple[int, tuple[float, float, float, float], Three]:
    """Envelope's code and parameters, and the phase's wave vector [1/ℓ], of a precessing texture.

    Parameters
    ----------
    deck : Deck
        A checked deck; without a texture the envelope is constant.

    Returns
    -------
    (int, 4 numbers, 3 numbers)
        As `Lanes` and `Harmonic` want them.
    """
    texture, ell, still = deck.texture, deck.gas.ell, (0.0, 0.0, 0.0)
    if isinstance(texture, Junction):
        return ENVELOPE_TANH, (texture.interface / ell, texture.width / ell, 0.0, 0.0), still
    if isinstance(texture, OUTSIDE):
        return ENVELOPE_TANH, (-1.0, 0.0, 0.0, 0.0), still  # a step beyond the face
    if isinstance(texture, Penetration):
        return ENVELOPE_PENETRATION, (texture.depth / ell, 0.0, 0.0, 0.0), still
    if texture is None or texture.kind == "uniform":
        return ENVELOPE_CONSTANT, (0.0, 0.0, 0.0, 0.0), still
    x, y, z = deck.wave_vector
    if isinstance(texture, Modulated):
        return ENVELOPE_COSINE, (texture.mean, texture.depth, x * ell, texture.phase), still
    return ENVELOPE_CONSTANT, (0.0, 0.0, 0.0, 0.0), (x * ell, y * ell, z * ell)


def precession(deck: Deck) -> tuple[Three, Three, Three]:
    """C = cosθ e₃, P = sinθ e₁, Q = ellipticity·sinθ e₂."""
    texture = deck.texture
    assert isinstance(texture, Precession)
    e1, e2, e3 = triad(np.array(texture.axis))
    cosine, sine = (
        0.0 if abs(part) <= STILL else part
        for part in (math.cos(texture.cone_angle), math.sin(texture.cone_angle))
    )
    # Adding 0.0 turns −0.0 into 0.0, which prints and compares like what it is.
    return (
        _vector(cosine * e3 + 0.0),
        _vector(sine * e1 + 0.0),
        _vector(texture.ellipticity * sine * e2 + 0.0),
    )


def _vector(array: Array) -> Three:
    """Three plain numbers."""
    return float(array[0]), float(array[1]), float(array[2])


def triad(axis: Array) -> tuple[Array, Array, Array]:
    """Right-handed unit vectors (e₁, e₂, e₃) with e₃ along an axis; x, y, z for the axis z.

    Parameters
    ----------
    axis : (3,) array
        Not zero.

    Returns
    -------
    three (3,) arrays
        e₁ is x without its part along e₃ (y where the axis is nearer to x than to anything else).
    """
    scaled = axis / np.max(np.abs(axis))
    e3 = scaled / math.sqrt(float(scaled @ scaled))
    start = np.array([0.0, 1.0, 0.0] if abs(e3[0]) > 0.9 else [1.0, 0.0, 0.0])
    e1 = start - float(start @ e3) * e3
    e1 = e1 / math.sqrt(float(e1 @ e1))
    e2 = np.array(
        [e3[1] * e1[2] - e3[2] * e1[1], e3[2] * e1[0] - e3[0] * e1[2], e3[0] * e1[1] - e3[1] * e1[0]]
    )
    return e1, e2, e3
