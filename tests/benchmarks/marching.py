"""Exact space-time marching, the reference for figures of merit: scalar numba, the same generator as mcpump.

The plane pulse AZURV1: walkers of one history after another fly from collision to collision; every flight is marched
from the edge of a cell or of a time bin to the next, and each piece scores its length. A written-out, plain
track-length estimator, as in OpenMC and MC/DC, without their geometry.
"""

from __future__ import annotations

import math

import numba
import numpy as np

from mcpump.compiled import twins
from mcpump.walk import arithmetic

_numbers = twins(arithmetic)
draw, uniform, uniform52 = _numbers.draw, _numbers.uniform, _numbers.uniform52

STREAM = np.uint64(0)


@numba.njit(nogil=True, error_model="numpy")
def march(first, walkers, k0, k1, length, t_end, tally):
    """March walkers number `first` and following; their track length per walker is added to tally[cell, bin].

    Returns the number of flights.
    """
    cells, bins = tally.shape
    width, step = length / cells, t_end / bins
    flights = 0
    for walker in range(first, first + walkers):
        x, t, number = 0.5 * length, 0.0, np.uint64(0)
        while t < t_end and 0.0 < x < length:
            c0, c1, c2, _ = draw(np.uint64(walker), number, STREAM, k0, k1)
            number += np.uint64(1)
            flights += 1
            left_over = min(-math.log(uniform52(c0, c1)), t_end - t)
            mu = 2.0 * uniform(c2) - 1.0
            cell, bin_ = int(x / width), int(t / step)
            to_edge = ((cell + 1) * width - x) / mu if mu > 0.0 else (cell * width - x) / mu
            to_bin = (bin_ + 1) * step - t
            per_cell = width / abs(mu)
            while 0 <= cell < cells and bin_ < bins:
                piece = min(left_over, to_edge, to_bin)
                tally[cell, bin_] += piece / walkers
                x, t = x + mu * piece, t + piece
                left_over, to_edge, to_bin = left_over - piece, to_edge - piece, to_bin - piece
                if left_over <= 0.0:
                    break
                if to_edge <= 0.0:
                    cell += 1 if mu > 0.0 else -1
                    to_edge = per_cell
                if to_bin <= 0.0:
                    bin_ += 1
                    to_bin = step
            if not (0 <= cell < cells) or bin_ >= bins:
                break
    return flights
