"""What a texture is made of: a code and a shape's numbers, packed into 32 for the kernels.

All numbers are in reduced units (lengths in ℓ, times in τ). A shape is a NamedTuple; packed, its drive comes first, then
its fields in order, from p[4] on; what is left is 0. The drive in time h(t) is

| kind | h(t) |
|---|---|
| DRIVE_CONSTANT | 1 |
| DRIVE_RAMP | 0 before t₀, 1 after t₀ + width, u³(10 − 15u + 6u²) with u = (t − t₀)/width between (C²) |
| DRIVE_PULSE | exp[−(t − t₀)²/2 width²] |

h multiplies what moves, not what stands: the precession of HARMONIC, the displacement of an oscillating wall and the
velocity of a moving one, the radius of a gyration, the precessing part of CROSSED_WAVES. A user's texture has its own
time.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from mcpump.textures.shapes import ENVELOPE_COSINE, ENVELOPE_TANH

Parameters = tuple[float, ...]
Three = tuple[float, float, float]
HARMONIC, DOMAIN_WALL, VORTEX, SKYRMION, CROSSED_WAVES, USER = range(6)
"""Codes of the textures."""
DRIVE_CONSTANT, DRIVE_RAMP, DRIVE_PULSE = range(3)
"""Kinds of drive in time."""
ENVELOPE_PENETRATION = 3
"""Envelope f(x) = exp(−x/λ) of HARMONIC, parameter (λ): the texture reaches into a metal through its face x = 0. The
smaller codes are those of `mcpump.textures.shapes`."""
STILL = 1e-14
"""A texture that moves by less, in its own length, is static: what is left of sin 180° is rounding."""
PARAMETERS = 32
"""Length of every parameter tuple."""
_FIRST = 4
"""Place of a shape's first number; before it is the drive."""


class Drive(NamedTuple):
    """How the motion is switched."""

    kind: int
    start: float
    """t₀ [τ]."""
    width: float
    """Of a ramp, or the standard deviation of a pulse [τ]."""


STEADY = Drive(DRIVE_CONSTANT, 0.0, 0.0)
"""No drive: h = 1."""


class Harmonic(NamedTuple):
    """S = f(x) {C + h [P cos(q·r + Ωt) + Q sin(q·r + Ωt)]}."""

    C: Three
    P: Three
    Q: Three
    q: Three
    Omega: float
    envelope: int
    """Code of f."""
    envelope_parameters: tuple[float, float, float, float]


class DomainWall(NamedTuple):
    """A rigid wall, S = (sech ξ sin ψ, sech ξ cos ψ, −sign tanh ξ), ξ = [x − X(t)]/Δ.

    X(t) = X₀ + V ∫h dt + A h sin Ωt, where the integral is t without a drive and begins with it otherwise.
    """

    position: float
    """X₀."""
    width: float
    """Δ."""
    velocity: float
    """V."""
    amplitude: float
    """A."""
    Omega: float
    cosine: float
    """cos ψ: 1 for a Bloch wall, 0 for a Néel wall."""
    sine: float
    """sin ψ."""
    sign: float
    """1: up on the left, down on the right; −1: the other way round."""


class Vortex(NamedTuple):
    """S_z = polarity e^{−r²/b²}, the rest along circulation · φ̂, about (X, Y) + R h (cos Ωt, sense sin Ωt)."""

    x: float
    """X."""
    y: float
    """Y."""
    gyration: float
    """R."""
    Omega: float
    sense: float
    """1: counterclockwise seen from +z; −1."""
    core: float
    """b."""
    circulation: float
    """±1."""
    polarity: float
    """±1."""


class Skyrmion(NamedTuple):
    """A circular 360° wall about a centre that gyrates as a vortex's: S = (sin θ cos Φ, sin θ sin Φ, −polarity cos θ).

    θ = 2 atan[sinh(R/w)/sinh(r/w)] falls from π at the centre to 0, Φ = m φ + χ.
    """

    x: float
    y: float
    gyration: float
    Omega: float
    sense: float
    radius: float
    """R, where S_z = 0."""
    width: float
    """w."""
    cosine: float
    """cos χ: ±1 Néel, 0 Bloch."""
    sine: float
    """sin χ."""
    polarity: float
    """S_z = ±1 at the centre."""
    vorticity: float
    """m = ±1; the topological charge is polarity · m."""


class CrossedWaves(NamedTuple):
    """S = s (c cos(q₁x + φ₁), h (1 + b cos q₂y) cos Ωt, h (1 + b cos q₂y) sin Ωt)."""

    scale: float
    """s."""
    c: float
    b: float
    q1: float
    q2: float
    phase: float
    """φ₁."""
    Omega: float


class User(NamedTuple):
    """S(x, y, z, t) of a user, or of snapshots on a mesh."""

    steps: Three
    """Steps of the mesh of snapshots [ℓ], for derivatives in space; 0: no snapshots."""


Shape = Harmonic | DomainWall | Vortex | Skyrmion | CrossedWaves | User
_SHAPES: dict[int, Any] = {
    DOMAIN_WALL: DomainWall, VORTEX: Vortex, SKYRMION: Skyrmion, CROSSED_WAVES: CrossedWaves,
}  # fmt: skip


def packed(shape: Shape, drive: Drive = STEADY) -> Parameters:
    """Put a drive and a shape's numbers into a tuple of 32 floats."""
    numbers = [part for value in shape for part in (value if isinstance(value, tuple) else (value,))]
    p = tuple(map(float, (*drive, 0.0, *numbers)))
    return p + (0.0,) * (PARAMETERS - len(p))


def shape_of(code: int, p: Parameters) -> Shape:
    """Shape that was packed, by its texture's code."""
    if code == HARMONIC:
        C, P, Q, q = (p[place : place + 3] for place in range(_FIRST, _FIRST + 12, 3))
        return Harmonic(C, P, Q, q, p[16], int(p[17]), p[18:22])  # type: ignore[arg-type]
    if code == USER:
        return User(p[_FIRST : _FIRST + 3])  # type: ignore[arg-type]
    shape = _SHAPES[code]
    found: Shape = shape(*p[_FIRST : _FIRST + len(shape._fields)])
    return found


def drive_of(p: Parameters) -> Drive:
    """Drive that was packed."""
    return Drive(int(p[0]), p[1], p[2])


def largest_scale(c: float, b: float) -> float:
    """Largest s of crossed waves that keeps |S| ≤ 1, 1/√[c² + (1 + |b|)²]."""
    return 1.0 / math.hypot(c, 1.0 + abs(b))


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
    shape, drive, length, times = shape_of(code, p), drive_of(p), math.inf, [math.inf]
    if isinstance(shape, Harmonic):
        length = min(_over(math.hypot(*shape.q)), _envelope_length(shape))
        times = [_over(shape.Omega)]
    elif isinstance(shape, DomainWall):
        length, swings = shape.width, shape.amplitude
        times = [length * _over(shape.velocity), length * _over(swings * shape.Omega)]
        times.append(_over(shape.Omega) if swings else math.inf)
    elif isinstance(shape, Vortex | Skyrmion):
        length = _core(shape)
        times = [length * _over(shape.gyration * shape.Omega)]
        times.append(_over(shape.Omega) if shape.gyration else math.inf)
    elif isinstance(shape, CrossedWaves):
        length, times = min(_over(shape.q1), _over(shape.q2)), [_over(shape.Omega)]
    if swing(code, p) <= STILL:
        return length, math.inf
    if drive.kind != DRIVE_CONSTANT:
        times.append(drive.width / math.pi if drive.kind == DRIVE_RAMP else drive.width)
    return length, min(times)


def _envelope_length(shape: Harmonic) -> float:
    """Natural length of an envelope; a step (λ = 0) has none that a step length could follow."""
    first, second, third, _ = shape.envelope_parameters
    lengths = {ENVELOPE_TANH: second, ENVELOPE_COSINE: _over(third), ENVELOPE_PENETRATION: first}
    return lengths.get(shape.envelope, 0.0) or math.inf


def _core(shape: Vortex | Skyrmion) -> float:
    """Shortest length of what gyrates."""
    return shape.core if isinstance(shape, Vortex) else min(shape.radius, shape.width)


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
    shape = shape_of(code, p)
    if isinstance(shape, User):
        return math.nan
    driven = drive_of(p).kind != DRIVE_CONSTANT
    if isinstance(shape, DomainWall):
        return math.inf if shape.velocity else abs(shape.amplitude) / shape.width * (shape.Omega != 0.0)
    if shape.Omega == 0.0 and not driven:
        return 0.0
    if isinstance(shape, Harmonic):
        mean, depth, *_ = shape.envelope_parameters
        largest = abs(mean) + abs(depth) if shape.envelope == ENVELOPE_COSINE else 1.0
        return largest * max(math.hypot(*shape.P), math.hypot(*shape.Q))
    if isinstance(shape, CrossedWaves):
        return float(shape.scale != 0.0)
    return shape.gyration / _core(shape)


def _over(value: float) -> float:
    """1/|value|; inf for 0."""
    return 1.0 / abs(value) if value else math.inf
