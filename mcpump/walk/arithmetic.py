"""Numbers of the walk: random numbers by counter, logarithm, sine and cosine, rotation, look-up in a table.

Each call of `philox` turns a counter (walker, draw) and a key (seed) into 128 random bits, with no state between calls: a
walker's history depends on its seed and its number alone, wherever and whenever it is walked.

Plain functions of numbers, which every compiler takes as they stand (`mcpump.compiled.twins`). Those that lanes call have
no branches and call no library, so that loops over them become vector code.

Sources: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC'11,
doi:10.1145/2063384.2063405 (Philox4x32-10).
"""

from __future__ import annotations

import math

import numpy as np

from mcpump.compiled import bits_of, float_of

MULTIPLIER_0, MULTIPLIER_1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
WEYL_0, WEYL_1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
MASK, HALF, TWELVE = np.uint64(0xFFFFFFFF), np.uint64(32), np.uint64(12)
TWO_52, TWO_52_BITS = 2.0**52, np.uint64(0x4330000000000000)
"""An integer n < 2^52 among these bits makes the float 2^52 + n: 64-bit integers become floats without a conversion,
which vector units before AVX-512 do not have."""
MANTISSA, ONE_BITS, EXPONENT = np.uint64(0x000FFFFFFFFFFFFF), np.uint64(0x3FF0000000000000), np.uint64(52)
LN2 = math.log(2.0)
NEAREST = 1.5 * 2.0**52
"""Added and taken away, it rounds to a whole number."""
QUARTER, QUARTER_REST = 1.5707963267341256, 6.077100506506192e-11
"""π/2 in two parts, the first of so few bits that its multiples are exact."""


def philox(c0, c1, c2, c3, k0, k1):
    """Return four random 32-bit words (as uint64) for a counter of four and a key of two such words.

    Words are kept in 64 bits with rubbish above bit 32, which only the multiplications have to mask: then
    the compiler can use the vector units' 32 × 32 → 64 bit product.
    """
    for _ in range(10):
        p0 = MULTIPLIER_0 * (c0 & MASK)
        p1 = MULTIPLIER_1 * (c2 & MASK)
        c0, c1, c2, c3 = (p1 >> HALF) ^ c1 ^ k0, p1, (p0 >> HALF) ^ c3 ^ k1, p0
        k0 = k0 + WEYL_0
        k1 = k1 + WEYL_1
    return c0 & MASK, c1 & MASK, c2 & MASK, c3 & MASK


def key(seed: int) -> tuple[np.uint64, np.uint64]:
    """Key of a seed: its low and its high 32 bits."""
    return np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32)


def draw(name, number, stream, k0, k1):
    """Random words number `number` of a walker's stream: four 32-bit words as uint64."""
    return philox(number & MASK, (number >> HALF) ^ stream, name & MASK, name >> HALF, k0, k1)


def uniform(word):
    """Turn a 32-bit word into a number in the open interval (0, 1)."""
    return ((float_of(word | TWO_52_BITS) - TWO_52) + 0.5) * 2.0**-32


def uniform52(high, low):
    """Turn two 32-bit words into a number in the open interval (0, 1), spaced 2^-52; the last 12 bits are not used."""
    return ((float_of((((high << HALF) | low) >> TWELVE) | TWO_52_BITS) - TWO_52) + 0.5) * 2.0**-52


def minus_log(u):
    """−ln u of 0 < u < 1, from its bits: exponent, then 2 artanh of the mantissa's (m − 1)/(m + 1)."""
    bits = bits_of(u)
    e = float_of((bits >> EXPONENT) | TWO_52_BITS) - (TWO_52 + 1023.0)
    m = float_of((bits & MANTISSA) | ONE_BITS)
    large = m > 1.4142135623730951
    m = 0.5 * m if large else m
    e = e + 1.0 if large else e
    z = (m - 1.0) / (m + 1.0)
    w = z * z
    # |z| < 0.172: the first term left out is 4e-14 of the whole
    series = 1.0 + w * (
        1 / 3 + w * (1 / 5 + w * (1 / 7 + w * (1 / 9 + w * (1 / 11 + w * (1 / 13 + w * (1 / 15))))))
    )
    return -(e * LN2 + 2.0 * z * series)


def sin_cos(angle):
    """Sine and cosine of |angle| < 1e5, by their series within a quarter turn."""
    k = (angle * (2.0 / math.pi) + NEAREST) - NEAREST
    r = (angle - k * QUARTER) - k * QUARTER_REST
    w = r * r
    s = r * (1.0 + w * (-1 / 6 + w * (1 / 120 + w * (-1 / 5040 + w * (1 / 362880 + w * (
        -1 / 39916800 + w * (1 / 6227020800 + w * (-1 / 1307674368000))))))))  # fmt: skip
    c = 1.0 + w * (-0.5 + w * (1 / 24 + w * (-1 / 720 + w * (1 / 40320 + w * (
        -1 / 3628800 + w * (1 / 479001600 + w * (-1 / 87178291200)))))))  # fmt: skip
    quadrant = k - 4.0 * ((k * 0.25 - 0.375 + NEAREST) - NEAREST)  # k mod 4
    odd = (quadrant == 1.0) | (quadrant == 3.0)
    sine, cosine = (c if odd else s), (s if odd else c)
    sine = -sine if quadrant > 1.5 else sine
    cosine = -cosine if (quadrant == 1.0) | (quadrant == 2.0) else cosine
    return sine, cosine


def turned(sx, sy, sz, wx, wy, wz):
    """Rotate s by the vector w = B t of ds/dt = s × B: s cosθ + (s × n) sinθ + n (n·s)(1 − cosθ), θ = |w|, n = w/θ."""
    square = wx * wx + wy * wy + wz * wz
    square = square if square > 1e-300 else 1e-300
    angle = math.sqrt(square)
    half, _ = sin_cos(0.5 * angle)
    sine, cosine = sin_cos(angle)
    s, d = sine / angle, 2.0 * half * half / square
    d = d * (wx * sx + wy * sy + wz * sz)
    return (
        cosine * sx + s * (sy * wz - sz * wy) + d * wx,
        cosine * sy + s * (sz * wx - sx * wz) + d * wy,
        cosine * sz + s * (sx * wy - sy * wx) + d * wz,
    )


def tabled(table, x, scale):
    """Value at x of a table of cubics, (intervals, 4), in intervals of width 1/scale from 0."""
    t = x * scale
    i = min(int(t), table.shape[0] - 1)
    t = t - i
    return table[i, 0] + t * (table[i, 1] + t * (table[i, 2] + t * table[i, 3]))
