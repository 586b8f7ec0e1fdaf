"""The spin a walker carries: emission by the texture, second-order rotation, harmonics along one path.

A walker's path does not depend on when it began. So one path carries the amplitudes of every harmonic of
the drive: with A(t₀) = A^c cos nΩt₀ + A^s sin nΩt₀ at the time t₀ of emission, the amplitudes seen
at t = t₀ + age are (A^c, A^s) turned by the angle nΩ·age.

Amplitudes are packed into one row per walker:

    [0:3]    second, DC            x y z
    [3:9]    first, second, cos Ωt  x y z x y z
    [9:15]   first, second, sin Ωt  x y z x y z
    [15:18]  second, cos 2Ωt       x y z
    [18:21]  second, sin 2Ωt       x y z

cut after 3, 15 or 21 by the highest harmonic kept. `first` is in units of Ωτ, `second` of (2Jτ/ħ)Ωτ: what
depends on J and on the amplitude's smallness is multiplied in afterwards.
"""

from __future__ import annotations

import math

from mcpump.compiled import inlined
from mcpump.textures.shapes import texture

SIZES = (3, 15, 21)
"""Length of a packed row for harmonics = 0, 1, 2."""


@inlined
def emit(model, source, weight, rows, j):
    """Write the emitted spin, times a weight, into row j; the rest of the row becomes 0."""
    for i in range(rows.shape[1]):
        rows[j, i] = 0.0
    if model.harmonics > 0:
        rows[j, 3], rows[j, 4], rows[j, 5] = weight * source[0], weight * source[1], weight * source[2]
        rows[j, 9], rows[j, 10], rows[j, 11] = weight * source[3], weight * source[4], weight * source[5]


@inlined
def source_of(model, x):
    """Cosine and sine amplitudes of a = −ħνJ Ṡ at x in units of ħνJ Ω: six numbers."""
    _, _, _, cx, cy, cz, sx, sy, sz = texture(model, x)
    return -sx, -sy, -sz, cx, cy, cz


@inlined
def cross_add(rows, j, at, ax, ay, az, bx, by, bz, weight):
    """Add weight · a × b to three numbers of row j."""
    rows[j, at] += weight * (ay * bz - az * by)
    rows[j, at + 1] += weight * (az * bx - ax * bz)
    rows[j, at + 2] += weight * (ax * by - ay * bx)


@inlined
def turn(model, source, x, age, weight, rows, j):
    """Add weight · a × S(x, t₀ + age), the turn of the emitted spin (as of t₀), to the `second` part of row j.

    source: six numbers of `source_of` at the birth place; harmonics: products of a's and S's.
    """
    acx, acy, acz, asx, asy, asz = source
    x0, y0, z0, xc, yc, zc, xs, ys, zs = texture(model, x)
    c, s = math.cos(model.Omega * age), math.sin(model.Omega * age)
    # S at the later time, in terms of cos Ωt₀ and sin Ωt₀
    px, py, pz = c * xc + s * xs, c * yc + s * ys, c * zc + s * zs
    qx, qy, qz = c * xs - s * xc, c * ys - s * yc, c * zs - s * zc
    half = 0.5 * weight
    cross_add(rows, j, 0, acx, acy, acz, px, py, pz, half)
    cross_add(rows, j, 0, asx, asy, asz, qx, qy, qz, half)
    if model.harmonics > 0:
        cross_add(rows, j, 6, acx, acy, acz, x0, y0, z0, weight)
        cross_add(rows, j, 12, asx, asy, asz, x0, y0, z0, weight)
    if model.harmonics > 1:
        cross_add(rows, j, 15, acx, acy, acz, px, py, pz, half)
        cross_add(rows, j, 15, asx, asy, asz, qx, qy, qz, -half)
        cross_add(rows, j, 18, acx, acy, acz, qx, qy, qz, half)
        cross_add(rows, j, 18, asx, asy, asz, px, py, pz, half)
