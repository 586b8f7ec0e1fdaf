"""How much memory a deck's mesh takes, and whether this machine has it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from mcpump.deck.deck import Deck
from mcpump.deck.spin_orbit import rotates
from mcpump.machine import memory_of_machine
from mcpump.names import lines_of

_PROGRAM_BYTES, _COMPILING_BYTES = 270_000_000, 320_000_000
"""Of a program whose kernels are in the cache, and at least, since the first run compiles them (0.41 GB)."""
_LIMBS, _SQUARE_LIMBS, _GROUPS = 3, 5, 64
MOST_USUAL_PLANES = 64
BY_ORDINATES, BY_RAYS, BY_TURNING_RAYS = 3, 9, 30
"""Value and deviations of what is known without walkers, by discrete ordinates and by sets of rays; those to more
harmonics, where walkers begin with spins that turn, count for as many."""
# Arrays as long as the profiles, or as the totals in all groups, that are alive at once: measured.
_OF_THREAD = 15
"""A block that is walked, and the digits of one that waits to be booked."""
_OF_RESULT, _OF_RESULT_KNOWN, _OF_RESULT_TOTALS = 34.0, 3.3, 8.0
"""Estimates, the copy of the books in the result, and the image of the file, twice."""


class Sizes(NamedTuple):
    """How much a run keeps."""

    profiles: int
    """Numbers on the mesh: kinds, places, time bins, amplitudes."""
    totals: int
    """Numbers of planes, budget and means."""
    known: int
    """Value and deviations of what is known without walkers: `BY_ORDINATES`, `BY_RAYS`, or 0."""


def memory_needed(sizes: Sizes, threads: int, first: bool = True) -> int:
    """Bytes that a process of a run needs, at its peak.

    Parameters
    ----------
    sizes : Sizes
        What it keeps.
    threads : int
        Threads that walk.
    first : bool
        Whether it is rank 0, which makes the result and writes it.

    Returns
    -------
    int
        Program, exact sums of the profiles (3 limbs, and 5 of the squares, of 8 bytes) and of the totals in their
        groups, the arrays of every thread, and what is at work while a result is made and written.
    """
    books = _LIMBS + _SQUARE_LIMBS + sizes.known
    walking = _of(sizes, books + _OF_THREAD * threads, _LIMBS)
    writing = _of(sizes, books + _OF_RESULT + _OF_RESULT_KNOWN * sizes.known, _LIMBS + _OF_RESULT_TOTALS)
    # nobody walks while the result is made
    return max(_COMPILING_BYTES, _PROGRAM_BYTES + (max(walking, writing) if first else walking))


def _of(sizes: Sizes, profiles: float, totals: float) -> int:
    """Bytes of so many arrays as long as the profiles, and as the totals in their groups."""
    return round(8 * (sizes.profiles * profiles + _GROUPS * sizes.totals * totals))


def sizes_of(deck: Deck) -> Sizes:
    """How much a run of a deck keeps, roughly: without what charge adds."""
    results, planes = deck.results, len(deck.planes)
    bins, axes, plain = results.time_bins or 1, len(deck.axes), deck.pulse is not None
    channels = len(results.channels) + ({"first", "second"} <= set(results.channels))
    amplitudes = 3 * channels * (1 if results.end is not None else 1 + 2 * results.harmonics)
    walked = plain or results.end is not None or deck.run.walk == "general" or rotates(deck)
    by_rays = BY_TURNING_RAYS if {"second_ladder", "exact"} & set(results.channels) else BY_RAYS
    known = 0 if walked else (by_rays if axes > 1 else BY_ORDINATES)
    kinds = 4 if plain else 2 * (3 + axes + rotates(deck))
    cells = math.prod(axis.cells for axis in deck.axes.values())
    totals = amplitudes * (
        planes * bins * (3 if known and axes == 1 else 2) + len(lines_of(axes)) + rotates(deck) + 2
    )
    return Sizes(kinds * cells * bins * amplitudes, totals, known)


def too_large(needed: int, choose: str) -> str:
    """Sentence on what does not fit into the machine, or ""."""
    available = memory_of_machine()
    if needed <= available:
        return ""
    return f"needs about {needed / 1e9:.3g} GB of memory, and this machine has {available / 1e9:.3g} GB: choose {choose}"


def memory(deck: Deck) -> Iterator[str]:
    """Rule: the mesh fits into the machine, for one thread at least."""
    told = too_large(memory_needed(sizes_of(deck), 1), "fewer")
    if not told:
        return
    bins, harmonics = deck.results.time_bins or 1, deck.results.harmonics
    mesh = " × ".join(f"sample.{name}.cells = {axis.cells}" for name, axis in deck.axes.items())
    mesh += f" with results.time_bins = {bins}" if bins > 1 else ""
    mesh += f" with results.harmonics = {harmonics}" if harmonics > 1 else ""
    mesh += f" and {len(deck.planes)} results.planes" if len(deck.planes) > MOST_USUAL_PLANES else ""
    yield f"{mesh} {told}"
