"""Counter-based random numbers: Philox4x32-10.

Each call turns a counter (walker, draw) and a key (seed) into 128 random bits, with no state between
calls: a walker's history depends on its seed and its number alone, wherever and whenever it is walked.

Source: J. K. Salmon, M. A. Moraes, R. O. Dror, D. E. Shaw, "Parallel random numbers: as easy as
1, 2, 3", SC'11, doi:10.1145/2063384.2063405.
"""

from __future__ import annotations

import numpy as np

from mcpump.compiled import inlined

MULTIPLIER_0 = np.uint64(0xD2511F53)
MULTIPLIER_1 = np.uint64(0xCD9E8D57)
WEYL_0 = np.uint64(0x9E3779B9)
WEYL_1 = np.uint64(0xBB67AE85)
MASK = np.uint64(0xFFFFFFFF)
HALF = np.uint64(32)
TWO_M32 = 2.0**-32


@inlined
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


@inlined
def draw(walker, number, stream, k0, k1):
    """Random words number `number` of a walker's stream: four 32-bit words as uint64."""
    return philox(number & MASK, (number >> HALF) ^ stream, walker & MASK, walker >> HALF, k0, k1)


@inlined
def uniform(word):
    """Turn a 32-bit word into a number in the open interval (0, 1)."""
    return (np.float64(np.int64(word)) + 0.5) * TWO_M32


@inlined
def uniform53(high, low):
    """Turn two 32-bit words into a number in the open interval (0, 1), spaced 2^-52."""
    return (np.float64(np.int64(((high << HALF) | low) >> np.uint64(12))) + 0.5) * 2.0**-52
