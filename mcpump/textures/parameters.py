"""What a texture of the general walk is made of: a code and 32 numbers, from physical parameters.

All numbers are in reduced units (lengths in ℓ, times in τ). p[0:4] = (kind, t₀, width, 0) is the drive in time h(t):

| kind | h(t) |
|---|---|
| DRIVE_CONSTANT | 1 |
| DRIVE_RAMP | 0 before t₀, 1 after t₀ + width, u³(10 − 15u + 6u²) with u = (t − t₀)/width between (C²) |
| DRIVE_PULSE | exp[−(t − t₀)²/2 width²] |

h multiplies what moves, not what stands: the precession of HARMONIC, the displacement of an oscillating wall and the
velocity of a moving one, the radius of a gyration, the precessing part of CROSSED_WAVES. A user's texture has its own
time and takes no parameters. The functions below say what the other numbers are; unused ones are 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from mcpump.errors import InputError
from mcpump.textures.shapes import ENVELOPE_CONSTANT, ENVELOPE_COSINE, ENVELOPE_TANH

Parameters = tuple[float, ...]
Drive = tuple[int, float, float]

HARMONIC, DOMAIN_WALL, VORTEX, SKYRMION, CROSSED_WAVES, USER = range(6)
"""Codes of the textures."""
DRIVE_CONSTANT, DRIVE_RAMP, DRIVE_PULSE = range(3)
"""Kinds of drive in time."""
STEADY: Drive = (DRIVE_CONSTANT, 0.0, 0.0)
"""No drive: h = 1."""
ENVELOPE_PENETRATION = 3
"""Envelope f(x) = exp(−x/λ) of HARMONIC, parameter (λ): the texture reaches into a metal through its face x = 0. The
smaller codes are those of `mcpump.textures.shapes`."""
STILL = 1e-14
"""A texture that moves by less, in its own length, is static: what is left of sin 180° is rounding."""
PARAMETERS = 32
"""Length of every parameter tuple."""


def harmonic_parameters(
    C: Sequence[float], P: Sequence[float], Q: Sequence[float], q: Sequence[float], Omega: float,
    envelope_code: int = ENVELOPE_CONSTANT, envelope_parameters: Sequence[float] = (), drive: Drive = STEADY,
) -> Parameters:  # fmt: skip
    """Parameters of S = f(x) {C + h [P cos(q·r + Ωt) + Q sin(q·r + Ωt)]}.

    Layout: p[4:7] C, p[7:10] P, p[10:13] Q, p[13:16] q, p[16] Ω, p[17] code of f, p[18:22] parameters of f.

    Parameters
    ----------
    C, P, Q : 3 numbers
        Constant, cosine and sine part.
    q : 3 numbers
        Wave vector [1/ℓ].
    Omega : float
        Angular frequency [1/τ].
    envelope_code : int
        Code of f(x): of `mcpump.textures.shapes`, or ENVELOPE_PENETRATION.
    envelope_parameters : up to 4 numbers
        Parameters of f, lengths in ℓ.
    drive : (kind, t0, width)
        Drive h(t), times in τ.

    Returns
    -------
    tuple of 32 floats

    Raises
    ------
    InputError
        If a number is not finite, or a length is not positive.
    """
    if envelope_code == ENVELOPE_PENETRATION:
        _positive("penetration depth", envelope_parameters[0])
    four = (*envelope_parameters, 0.0, 0.0, 0.0, 0.0)[:4]
    return _pack(drive, *C, *P, *Q, *q, Omega, envelope_code, *four)


def domain_wall_parameters(
    position: float, width: float, angle: float, velocity: float = 0.0, amplitude: float = 0.0,
    Omega: float = 0.0, sign: int = 1, drive: Drive = STEADY,
) -> Parameters:  # fmt: skip
    """Parameters of a rigid wall, S = (sech ξ sin ψ, sech ξ cos ψ, −sign tanh ξ), ξ = [x − X(t)]/Δ.

    X(t) = X₀ + V ∫h dt + A h sin Ωt, where the integral is t without a drive and begins with it otherwise. Layout:
    p[4] X₀, p[5] Δ, p[6] V, p[7] A, p[8] Ω, p[9] cos ψ, p[10] sin ψ, p[11] sign.

    Parameters
    ----------
    position, width : float
        X₀ and Δ [ℓ].
    angle : float
        ψ [rad]: 0 for a Bloch wall, π/2 for a Néel wall.
    velocity : float
        V [v_F].
    amplitude, Omega : float
        A [ℓ] and Ω [1/τ] of the oscillation.
    sign : int
        1: up on the left, down on the right; −1: the other way round.
    drive : (kind, t0, width)
        Drive h(t).

    Returns
    -------
    tuple of 32 floats

    Raises
    ------
    InputError
        If a number is not finite, or the width is not positive.
    """
    _positive("wall width", width)
    turn = math.cos(angle), math.sin(angle)
    return _pack(drive, position, width, velocity, amplitude, Omega, *turn, math.copysign(1.0, sign))


def vortex_parameters(
    centre: Sequence[float], core: float, gyration: float = 0.0, Omega: float = 0.0, sense: int = 1,
    circulation: int = 1, polarity: int = 1, drive: Drive = STEADY,
) -> Parameters:  # fmt: skip
    """Parameters of a vortex: S_z = polarity e^{−r²/b²}, the rest along circulation · φ̂, about a gyrating centre.

    Its centre is at (X, Y) + R h (cos Ωt, sense sin Ωt). Layout: p[4] X, p[5] Y, p[6] R, p[7] Ω, p[8] sense, p[9] b,
    p[10] circulation, p[11] polarity.

    Parameters
    ----------
    centre : 2 numbers
        X, Y [ℓ].
    core : float
        Core radius b [ℓ].
    gyration, Omega, sense : float, float, int
        Radius R [ℓ], angular frequency Ω [1/τ] and sense ±1 (1: counterclockwise seen from +z) of the gyration.
    circulation, polarity : int
        ±1.
    drive : (kind, t0, width)
        Drive h(t).

    Returns
    -------
    tuple of 32 floats

    Raises
    ------
    InputError
        If a number is not finite, or the core radius is not positive.
    """
    _positive("core radius", core)
    signs = (math.copysign(1.0, circulation), math.copysign(1.0, polarity))
    return _pack(drive, *centre, gyration, Omega, math.copysign(1.0, sense), core, *signs)


def skyrmion_parameters(
    centre: Sequence[float], radius: float, width: float, helicity: float = 0.0, polarity: int = 1,
    vorticity: int = 1, gyration: float = 0.0, Omega: float = 0.0, sense: int = 1, drive: Drive = STEADY,
) -> Parameters:  # fmt: skip
    """Parameters of a skyrmion: S = (sin θ cos Φ, sin θ sin Φ, −polarity cos θ), a circular 360° wall.

    θ = 2 atan[sinh(R/w)/sinh(r/w)] falls from π at the centre to 0, Φ = m φ + χ. The centre gyrates as a vortex's.
    Layout: p[4] X, p[5] Y, p[6] radius of gyration, p[7] Ω, p[8] sense, p[9] R, p[10] w, p[11] cos χ, p[12] sin χ,
    p[13] polarity, p[14] m.

    Parameters
    ----------
    centre : 2 numbers
        X, Y [ℓ].
    radius, width : float
        R (where S_z = 0) and w [ℓ].
    helicity : float
        χ [rad]: 0 or π Néel, ±π/2 Bloch.
    polarity, vorticity : int
        S_z = ±1 at the centre; m = ±1. The topological charge is polarity · m.
    gyration, Omega, sense, drive
        As for a vortex.

    Returns
    -------
    tuple of 32 floats

    Raises
    ------
    InputError
        If a number is not finite, or a length is not positive.
    """
    _positive("skyrmion radius", radius)
    _positive("skyrmion wall width", width)
    motion = (*centre, gyration, Omega, math.copysign(1.0, sense))
    signs = (math.copysign(1.0, polarity), math.copysign(1.0, vorticity))
    return _pack(drive, *motion, radius, width, math.cos(helicity), math.sin(helicity), *signs)


def crossed_waves_parameters(
    c: float, b: float, q1: float, q2: float, Omega: float, phase: float = 0.0,
    scale: float | None = None, drive: Drive = STEADY,
) -> Parameters:  # fmt: skip
    """Parameters of S = s (c cos(q₁x + φ₁), h (1 + b cos q₂y) cos Ωt, h (1 + b cos q₂y) sin Ωt).

    Layout: p[4] s, p[5] c, p[6] b, p[7] q₁, p[8] q₂, p[9] φ₁, p[10] Ω.

    Parameters
    ----------
    c, b : float
        Amplitudes.
    q1, q2 : float
        Wave numbers along x and y [1/ℓ].
    Omega : float
        Angular frequency [1/τ].
    phase : float
        φ₁ [rad].
    scale : float, optional
        s; the largest that keeps |S| ≤ 1, 1/√[c² + (1 + |b|)²], if not given.
    drive : (kind, t0, width)
        Drive h(t).

    Returns
    -------
    tuple of 32 floats

    Raises
    ------
    InputError
        If a number is not finite, or |S| would exceed 1.
    """
    largest = 1.0 / math.hypot(c, 1.0 + abs(b))
    if scale is not None and abs(scale) > largest * (1.0 + 1e-12):
        raise InputError(f"texture: scale = {scale:.6g} makes |S| exceed 1: accepted is up to {largest:.6g}")
    return _pack(drive, largest if scale is None else scale, c, b, q1, q2, phase, Omega)


def scales_of(code: int, p: Parameters) -> tuple[float, float]:
    """Shortest natural length and time of a texture, for the choice of steps.

    Parameters
    ----------
    code : int
        Kind of texture.
    p : tuple of 32 floats
        Its parameters.

    Returns
    -------
    (float, float)
        Length [ℓ] (1/|q|, Δ, b, w, λ …) and time [τ] (1/|Ω|, width of the drive, Δ/|V| …) without factors 2π; inf where
        there is none, as always for USER.
    """
    length, times = math.inf, [math.inf]
    if code == HARMONIC:
        of_envelope = {ENVELOPE_TANH: p[19], ENVELOPE_COSINE: _over(p[20]), ENVELOPE_PENETRATION: p[18]}
        # a step (λ = 0) has no scale that a step length could follow
        length = min(_over(math.hypot(*p[13:16])), of_envelope.get(int(p[17]), 0.0) or math.inf)
        times = [_over(p[16])]
    elif code == DOMAIN_WALL:
        length = p[5]
        times = [length * _over(p[6]), length * _over(p[7] * p[8]), _over(p[8]) if p[7] else math.inf]
    elif code in (VORTEX, SKYRMION):
        length = p[9] if code == VORTEX else min(p[9], p[10])
        times = [length * _over(p[6] * p[7]), _over(p[7]) if p[6] else math.inf]
    elif code == CROSSED_WAVES:
        length, times = min(_over(p[7]), _over(p[8])), [_over(p[10])]
    if swing(code, p) <= STILL:
        return length, math.inf
    if code != USER and p[0] != DRIVE_CONSTANT:
        times.append(p[2] / math.pi if p[0] == DRIVE_RAMP else p[2])
    return length, min(times)


def swing(code: int, p: Parameters) -> float:
    """Bound on how far S moves, in its own length; infinite for what travels for ever, NaN for USER, which is not known.

    Parameters
    ----------
    code : int
        Kind of texture.
    p : tuple of 32 floats
        Its parameters.

    Returns
    -------
    float
        Below `STILL` it is rounding: the texture is static.
    """
    if code == USER:
        return math.nan
    omega = {HARMONIC: 16, DOMAIN_WALL: 8, VORTEX: 7, SKYRMION: 7, CROSSED_WAVES: 10}[code]
    turns = p[omega] != 0.0 or (p[0] != DRIVE_CONSTANT and code != DOMAIN_WALL)
    if code == DOMAIN_WALL:
        return math.inf if p[6] else abs(p[7]) / p[5] * turns
    if code == HARMONIC:
        envelope = abs(p[18]) + abs(p[19]) if p[17] == ENVELOPE_COSINE else 1.0
        return envelope * max(math.hypot(*p[7:10]), math.hypot(*p[10:13])) * turns
    if code == CROSSED_WAVES:
        return float(p[4] != 0.0 and turns)
    return p[6] / (p[9] if code == VORTEX else min(p[9], p[10])) * turns


def _over(value: float) -> float:
    """1/|value|; inf for 0."""
    return 1.0 / abs(value) if value else math.inf


def _positive(name: str, value: float) -> None:
    """Refuse a length that is not positive."""
    if not value > 0.0:
        raise InputError(f"texture: the {name} {value:.6g} must be greater than 0")


def _pack(drive: Drive, *numbers: float) -> Parameters:
    """Put drive and numbers into a tuple of 32 floats."""
    kind, start, width = drive
    if kind != DRIVE_CONSTANT:
        _positive("width of the drive", width)
    p = (float(kind), float(start), float(width), 0.0, *(float(value) for value in numbers))
    if not all(math.isfinite(value) for value in p):
        raise InputError("texture: a number is not finite")
    return p + (0.0,) * (PARAMETERS - len(p))
