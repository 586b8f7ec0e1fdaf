"""Exact sums of floating-point numbers, the same in any order.

A number is cut into digits of 40 bits ("limbs"), and limbs are added as integers. Adding is then
associative and commutative to the last bit: blocks may come in any order, from any thread, and parts of
a run may be joined in any order. Fewer than 2^23 numbers cannot overflow.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import RangeError

BITS = 40
CAPACITY = 2**23 - 1
"""Most numbers that may be added up."""


def split(values: NDArray[np.float64], top: int, limbs: int) -> NDArray[np.int64]:
    """Cut numbers into limbs of 40 bits, from 2^top downwards.

    Parameters
    ----------
    values : array
        Finite numbers below 2^top in magnitude.
    top : int
        Exponent of the largest magnitude.
    limbs : int
        How many limbs; what lies below 2^(top − 40·limbs) is rounded away.

    Returns
    -------
    (limbs, ...) array of int64

    Raises
    ------
    RangeError
        Where a number is not finite or too large.
    """
    rest = np.ldexp(values, -top)
    if not np.all(np.abs(rest) < 1.0):
        raise RangeError("a block's sum is not finite or out of range")
    digits = np.empty((limbs, *values.shape), np.int64)
    for i in range(limbs):
        rest = np.ldexp(rest, BITS)
        whole = np.rint(rest)
        digits[i] = whole.astype(np.int64)
        rest = rest - whole
    return digits


def join(digits: NDArray[np.int64], top: int) -> NDArray[np.longdouble]:
    """Turn summed limbs back into numbers: carries first, exactly, then from the smallest limb up."""
    digits = digits.copy()
    half = np.int64(1) << np.int64(BITS - 1)
    for i in range(len(digits) - 1, 0, -1):
        carry = (digits[i] + half) >> np.int64(BITS)
        digits[i] -= carry << np.int64(BITS)
        digits[i - 1] += carry
    total = np.zeros(digits.shape[1:], np.longdouble)
    for i in range(len(digits) - 1, -1, -1):
        total += np.ldexp(digits[i].astype(np.longdouble), top - BITS * (i + 1))
    return total
