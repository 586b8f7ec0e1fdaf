"""What is left of walkers at the ends of walked first flights, where the lanes take them over."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.compiled import borrowed, part
from mcpump.walk.walker import AGE, ALIVE, NAME, ROW_Y, ROW_Z, SLAB, X

HANDED_SLAB, HANDED_ALIVE, HANDED_X, HANDED_Y, HANDED_Z = range(5)
"""Columns of `Handed.numbers`: slab, birth times in play, cell along x, y, z."""


class Handed(NamedTuple):
    """What is left of walkers at their first collisions."""

    names: NDArray[np.uint64]
    """(walkers,): their numbers in the run."""
    numbers: NDArray[np.int64]
    """(walkers, 5)."""
    places: NDArray[np.float64]
    """(walkers, 7): place, direction, age."""
    births: NDArray[np.float64]
    """(walkers, P, 5): birth times, as `mcpump.walk.carried.set_birth`."""
    spins: NDArray[np.float64]
    """(walkers, slots, P, 3)."""
    kept: NDArray[np.float64]
    """(walkers, P, 3): what was emitted."""


@part
def lent_handed(handed):
    """The same, its arrays borrowed."""
    b, h = borrowed, handed
    return Handed(b(h.names), b(h.numbers), b(h.places), b(h.births), b(h.spins), b(h.kept))


@part
def hand_over(handed, i, flight, carried):
    """Write what is left of a walker at its first collision, as number i of those handed over."""
    walker, at = flight.walker, flight.at
    births, spins, emitted = carried.births, carried.spins, carried.emitted
    handed.names[i] = flight.words[NAME]
    numbers = handed.numbers
    numbers[i, HANDED_SLAB], numbers[i, HANDED_ALIVE] = at[SLAB], at[ALIVE]
    numbers[i, HANDED_Y], numbers[i, HANDED_Z] = at[ROW_Y], at[ROW_Z]
    for k in range(AGE + 1):  # place, direction, age
        handed.places[i, k] = walker[X + k]
    for k in range(at[ALIVE]):
        for c in range(births.shape[1]):
            handed.births[i, k, c] = births[k, c]
        for c in range(3):
            handed.kept[i, k, c] = emitted[k, c]
            for slot in range(spins.shape[0]):
                handed.spins[i, slot, k, c] = spins[slot, k, c]
