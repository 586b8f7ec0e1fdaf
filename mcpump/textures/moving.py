"""Textures S(x, y, z, t): one function for all kinds, chosen by an integer code.

What the 32 parameters mean, and the drive h(t), stands in `mcpump.textures.parameters`. Ṡ is not coded but taken as a
difference quotient of fourth order (`texture_rate_at`), so that a new texture needs one formula only. Every formula is
smooth, free of overflow and of 0/0, and uses `math` alone: interpreted and compiled code agree bit for bit.
"""

from __future__ import annotations

import functools
import math
from typing import Any

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcpump.compiled import callback, inlined, kernel
from mcpump.textures.parameters import (
    CROSSED_WAVES,
    DOMAIN_WALL,
    DRIVE_PULSE,
    DRIVE_RAMP,
    ENVELOPE_PENETRATION,
    HARMONIC,
    SKYRMION,
    VORTEX,
    Parameters,
)
from mcpump.textures.shapes import envelope

Array = NDArray[np.float64]

USER_SIGNATURE = numba.types.UniTuple(numba.float64, 3)(*[numba.float64] * 4)
"""Signature of a user's texture as the kernels call it: S(x, y, z, t), reduced units."""

_OFFSETS = (-1.0, 1.0, -2.0, 2.0)
_WEIGHTS = (0.0, 8.0, 0.0, -1.0)
"""Fourth-order difference quotient: places in steps, and weights of each value less the one before it."""
_ROOT_HALF_PI = math.sqrt(0.5 * math.pi)
_ROOT_HALF = math.sqrt(0.5)


@inlined
def drive(p, t):
    """Drive h(t)."""
    kind, start, width = p[0:3]
    if kind == DRIVE_RAMP:
        if t <= start:
            return 0.0
        if t >= start + width:
            return 1.0
        u = (t - start) / width
        return u * u * u * (10.0 + u * (6.0 * u - 15.0))
    if kind == DRIVE_PULSE:
        u = (t - start) / width
        return math.exp(-0.5 * u * u)
    return 1.0


@inlined
def driven_time(p, t):
    """∫h dt: the time for which a constant velocity has acted, from t = 0 (constant) or from before the drive."""
    kind, start, width = p[0:3]
    if kind == DRIVE_RAMP:
        if t <= start:
            return 0.0
        if t >= start + width:
            return t - start - 0.5 * width
        u = (t - start) / width
        return width * u * u * u * u * (2.5 + u * (u - 3.0))
    if kind == DRIVE_PULSE:
        return width * _ROOT_HALF_PI * (1.0 + math.erf(_ROOT_HALF * ((t - start) / width)))
    return t


@inlined
def envelope_at(p, x):
    """Envelope f(x) of HARMONIC."""
    code, numbers = p[17], p[18:22]
    if code == ENVELOPE_PENETRATION:
        return math.exp(min(-x / numbers[0], 1.0))
    return envelope(int(code), numbers, x)


@inlined
def _harmonic(p, x, y, z, t):
    """f(x) {C + h(t) [P cos(q·r + Ωt) + Q sin(q·r + Ωt)]}."""
    C, P, Q, q, Omega = p[4:7], p[7:10], p[10:13], p[13:16], p[16]
    f = envelope_at(p, x)
    phase = q[0] * x + q[1] * y + q[2] * z + Omega * t
    h = drive(p, t)
    c, s = h * math.cos(phase), h * math.sin(phase)
    return (
        f * (C[0] + P[0] * c + Q[0] * s),
        f * (C[1] + P[1] * c + Q[1] * s),
        f * (C[2] + P[2] * c + Q[2] * s),
    )


@inlined
def _domain_wall(p, x, t):
    """(sech ξ sin ψ, sech ξ cos ψ, −sign tanh ξ), ξ = [x − X(t)]/Δ; exp(−|ξ|) cannot overflow, as cosh would."""
    position, width, velocity, amplitude, Omega, cosine, sine, sign = p[4:12]
    place = position + velocity * driven_time(p, t) + amplitude * drive(p, t) * math.sin(Omega * t)
    xi = (x - place) / width
    e = math.exp(-abs(xi))
    sech, tanh = 2.0 * e / (1.0 + e * e), (1.0 - e * e) / (1.0 + e * e)
    return sech * sine, sech * cosine, -sign * tanh if xi > 0.0 else sign * tanh


@inlined
def _from_centre(p, x, y, t):
    """Place seen from a centre that gyrates: (x, y) − (X, Y) − R h(t) (cos Ωt, sense sin Ωt)."""
    X, Y, gyration, Omega, sense = p[4:9]
    radius = gyration * drive(p, t)
    return x - (X + radius * math.cos(Omega * t)), y - (Y + sense * radius * math.sin(Omega * t))


@inlined
def _vortex(p, x, y, t):
    """S_z = polarity exp(−r²/b²), the rest along ± φ̂; √(1 − S_z²)/r is taken as one smooth function of r²."""
    core, circulation, polarity = p[9:12]
    dx, dy = _from_centre(p, x, y, t)
    dx, dy = dx / core, dy / core
    u = dx * dx + dy * dy
    slope = circulation * math.sqrt(-math.expm1(-2.0 * u) / u if u > 1e-20 else 2.0)
    return -slope * dy, slope * dx, polarity * math.exp(-u)


@inlined
def _skyrmion(p, x, y, t):
    """θ = 2 atan[sinh(R/w)/sinh(r/w)] from polarity at the centre to −polarity; both sinh over the larger exponential."""
    radius, width, cosine, sine, polarity, vorticity = p[9:15]
    dx, dy = _from_centre(p, x, y, t)
    r = math.sqrt(dx * dx + dy * dy)
    edge, here = radius / width, r / width
    largest = max(edge, here)
    a = -math.expm1(-2.0 * edge) * math.exp(edge - largest)
    b = -math.expm1(-2.0 * here) * math.exp(here - largest)
    over = 1.0 / (a * a + b * b)
    # b vanishes with r, and with it the direction
    across = 2.0 * a * b * over / r if r > 0.0 else 0.0
    dy *= vorticity
    return (
        across * (dx * cosine - dy * sine),
        across * (dx * sine + dy * cosine),
        polarity * ((a - b) * (a + b) * over),
    )


@inlined
def _crossed_waves(p, x, y, t):
    """Waves s (c cos(q₁x + φ₁), h (1 + b cos q₂y) cos Ωt, h (1 + b cos q₂y) sin Ωt)."""
    scale, c, b, q1, q2, phase_1, Omega = p[4:11]
    across = scale * drive(p, t) * (1.0 + b * math.cos(q2 * y))
    phase = Omega * t
    return scale * c * math.cos(q1 * x + phase_1), across * math.cos(phase), across * math.sin(phase)


@kernel
def spin_texture(code, p, user, x, y, z, t):
    """Texture S at one place and time: three numbers; `user` is called for the code USER only."""
    if code == HARMONIC:
        return _harmonic(p, x, y, z, t)
    if code == DOMAIN_WALL:
        return _domain_wall(p, x, t)
    if code == VORTEX:
        return _vortex(p, x, y, t)
    if code == SKYRMION:
        return _skyrmion(p, x, y, t)
    if code == CROSSED_WAVES:
        return _crossed_waves(p, x, y, t)
    return user(x, y, z, t)


@kernel
def texture_rate_at(code, p, user, x, y, z, t, step):
    """Ṡ at one place and time: central difference quotient of fourth order; 0 for `step` 0 (static textures)."""
    a, b, c = 0.0, 0.0, 0.0
    if step > 0.0:
        sx, sy, sz = 0.0, 0.0, 0.0
        # a loop, so that the formulas are compiled once and not four times; differences first, so that what rests emits 0
        for k in range(4):
            before_x, before_y, before_z = sx, sy, sz
            sx, sy, sz = spin_texture(code, p, user, x, y, z, t + _OFFSETS[k] * step)
            a += _WEIGHTS[k] * (sx - before_x)
            b += _WEIGHTS[k] * (sy - before_y)
            c += _WEIGHTS[k] * (sz - before_z)
        over = 1.0 / (12.0 * step)
        a, b, c = a * over, b * over, c * over
    return a, b, c


@kernel
def _fill(code, p, user, places, times, step, out):
    """S (step < 0) or Ṡ at many places (3, n) and times (n,) into out (3, n)."""
    for i in range(times.shape[0]):
        x, y, z, t = places[0, i], places[1, i], places[2, i], times[i]
        if step < 0.0:
            out[0, i], out[1, i], out[2, i] = spin_texture(code, p, user, x, y, z, t)
        else:
            out[0, i], out[1, i], out[2, i] = texture_rate_at(code, p, user, x, y, z, t, step)


@functools.lru_cache(maxsize=1)
def no_user() -> Any:
    """Return the texture that is handed to the kernels where there is no user's: S = 0, compiled once and cached.

    Returns
    -------
    numba CFunc
        Of signature USER_SIGNATURE; it can be called from Python too.
    """
    return callback(USER_SIGNATURE, _nothing)


def _nothing(x: float, y: float, z: float, t: float) -> tuple[float, float, float]:
    """S = 0."""
    return 0.0, 0.0, 0.0


def _evaluate(
    code: int, p: Parameters, user: Any, r: tuple[ArrayLike, ...], t: ArrayLike, step: float
) -> Array:
    """Broadcast the places and times, and let the kernel fill a (3, n) array."""
    *places, times = (np.atleast_1d(a) for a in np.broadcast_arrays(*r, t))
    where = np.ascontiguousarray(places, dtype=np.float64)
    out = np.empty((3, times.size))
    numbers = tuple(float(value) for value in p)
    _fill(code, numbers, user, where, np.ascontiguousarray(times, dtype=np.float64), float(step), out)
    return out


def texture_field(
    code: int, p: Parameters, user: Any, x: ArrayLike, y: ArrayLike, z: ArrayLike, t: ArrayLike
) -> Array:
    """Texture S(x, y, z, t) at many places and times.

    Parameters
    ----------
    code : int
        Kind of texture.
    p : tuple of 32 floats
        Its parameters.
    user : numba CFunc
        The user's texture, or `no_user()`.
    x, y, z : number or (n,) array
        Places [ℓ].
    t : number or (n,) array
        Times [τ].

    Returns
    -------
    (3, n) array
        S, pure numbers.
    """
    return _evaluate(code, p, user, (x, y, z), t, -1.0)


def texture_field_rate(
    code: int, p: Parameters, user: Any, x: ArrayLike, y: ArrayLike, z: ArrayLike, t: ArrayLike, step: float
) -> Array:
    """Ṡ at many places and times, as the walk takes it: [8(S₊ − S₋) − (S₊₊ − S₋₋)]/12 step.

    Parameters
    ----------
    code, p, user, x, y, z, t
        As for `texture_field`.
    step : float
        Step in time [τ]; 0 gives 0.

    Returns
    -------
    (3, n) array
        Ṡ [1/τ].
    """
    return _evaluate(code, p, user, (x, y, z), t, max(step, 0.0))


def texture_field_gradient(
    code: int, p: Parameters, user: Any, x: ArrayLike, y: ArrayLike, z: ArrayLike, t: ArrayLike,
    axis: int, step: float,
) -> Array:  # fmt: skip
    """∂S/∂r_axis at many places and times, central difference quotient of fourth order.

    A texture with a jump has no gradient there: places within 2 `step` of it come out large.

    Parameters
    ----------
    code, p, user, x, y, z, t
        As for `texture_field`.
    axis : int
        0, 1, 2 for x, y, z.
    step : float
        Step in space [ℓ].

    Returns
    -------
    (3, n) array
        Gradient [1/ℓ].
    """
    shifted = _shifted(code, p, user, (x, y, z), t, axis, step)
    return (8.0 * (shifted[1] - shifted[0]) - (shifted[3] - shifted[2])) / (12.0 * step)


def texture_field_laplacian(
    code: int, p: Parameters, user: Any, x: ArrayLike, y: ArrayLike, z: ArrayLike, t: ArrayLike,
    step: float, axes: int = 3,
) -> Array:  # fmt: skip
    """∇²S over the first `axes` axes at many places and times, central difference quotients of fourth order.

    Parameters
    ----------
    code, p, user, x, y, z, t
        As for `texture_field`.
    step : float
        Step in space [ℓ]; rounding grows as 1/step², so it wants to be larger than that of the gradient.
    axes : int
        1, 2 or 3.

    Returns
    -------
    (3, n) array
        Laplacian [1/ℓ²].
    """
    centre = texture_field(code, p, user, x, y, z, t)
    total = np.zeros_like(centre)
    for axis in range(axes):
        shifted = _shifted(code, p, user, (x, y, z), t, axis, step)
        near = (shifted[0] - centre) + (shifted[1] - centre)
        far = (shifted[2] - centre) + (shifted[3] - centre)
        total += (16.0 * near - far) / (12.0 * step * step)
    return total


def _shifted(
    code: int, p: Parameters, user: Any, r: tuple[ArrayLike, ...], t: ArrayLike, axis: int, step: float
) -> list[Array]:
    """S at −1, 1, −2, 2 steps along an axis."""
    fields = []
    for offset in _OFFSETS:
        places = [np.asarray(place, dtype=np.float64) for place in r]
        places[axis] = places[axis] + offset * step
        fields.append(texture_field(code, p, user, places[0], places[1], places[2], t))
    return fields
