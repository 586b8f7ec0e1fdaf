"""Walkers led side by side: one row a number, one column a walker, and the loops over lanes that the walks share.

The loops have no branches and call nothing of the mathematics library, so that the compiler makes vector code of them.
"""

from __future__ import annotations

import math

import numpy as np

from mcpump.compiled import inlined

LANES = 256
X, AGE, T_END, RELAXES, MU, LENGTH, NEXT = range(7)
"""Place, age; age of its end and whether that is relaxation; direction and length of the flight, where it would end."""
STREAM_WALK, STREAM_DEATH = np.uint64(0), np.uint64(0xC0000000)
"""Streams of random numbers: of the walk, and of ages at which walkers die."""
ONE = np.uint64(1)
TOO_MANY_FLIGHTS, NOT_FINITE, NOT_FINITE_LOCAL, HALTED = 1, 2, 3, 4
"""What may go wrong with a walker; or the block was given up."""

TWO_52, TWO_52_BITS = 2.0**52, np.uint64(0x4330000000000000)
"""An integer n < 2^52 among these bits makes the float 2^52 + n: 64-bit integers become floats without a conversion,
which vector units before AVX-512 do not have."""

# logarithm of a float by its bits: exponent, then 2 artanh of the mantissa's (m − 1)/(m + 1)
MANTISSA = np.uint64(0x000FFFFFFFFFFFFF)
ONE_BITS = np.uint64(0x3FF0000000000000)
EXPONENT = np.uint64(52)
LN2 = math.log(2.0)


@inlined
def lane_uniform(count, numbers, scale):
    """Turn integers among the bits of 2^52 into the middles of their unit intervals, times a scale."""
    for j in range(count):
        numbers[j] = ((numbers[j] - TWO_52) + 0.5) * scale


@inlined
def lane_lengths(count, length, exponent):
    """Turn uniform numbers on (0, 2^52) into −ln(u/2^52)."""
    bits, exponent_bits = length.view(np.uint64), exponent.view(np.uint64)
    for j in range(count):
        exponent_bits[j] = (bits[j] >> EXPONENT) | TWO_52_BITS
        bits[j] = (bits[j] & MANTISSA) | ONE_BITS
    for j in range(count):
        m, e = length[j], exponent[j] - (TWO_52 + 1023.0 + 52.0)
        large = m > 1.4142135623730951
        m = 0.5 * m if large else m
        e = e + 1.0 if large else e
        z = (m - 1.0) / (m + 1.0)
        w = z * z
        # |z| < 0.172: the first term left out is 4e-14 of the whole
        series = 1.0 + w * (
            1 / 3 + w * (1 / 5 + w * (1 / 7 + w * (1 / 9 + w * (1 / 11 + w * (1 / 13 + w * (1 / 15))))))
        )
        length[j] = -(e * LN2 + 2.0 * z * series)


@inlined
def lane_directions(count, mu, dimension):
    """Turn uniform numbers into direction cosines of the d-sphere."""
    if dimension == 3:
        for j in range(count):
            mu[j] = 2.0 * mu[j] - 1.0
    elif dimension == 1:
        for j in range(count):
            mu[j] = 1.0 if mu[j] < 0.5 else -1.0
    else:
        for j in range(count):
            # cos πu = −sin π(u − ½), an odd series that converges to rounding within ±π/2
            y = math.pi * (mu[j] - 0.5)
            w = y * y
            mu[j] = -y * (1.0 - w / 6.0 * (1.0 - w / 20.0 * (1.0 - w / 42.0 * (1.0 - w / 72.0 * (
                1.0 - w / 110.0 * (1.0 - w / 156.0 * (1.0 - w / 210.0 * (1.0 - w / 272.0 * (
                    1.0 - w / 342.0)))))))))  # fmt: skip


@inlined
def lane_marks(count, flag, marks):
    """List the flagged lanes, without a branch that would be guessed wrongly; returns how many."""
    marked = 0
    for j in range(count):
        marks[marked] = j
        marked += np.int64(flag[j] != 0)
    return marked
