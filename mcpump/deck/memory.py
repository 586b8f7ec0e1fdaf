"""How much memory a deck's mesh takes, and whether this machine has it."""

from __future__ import annotations

import math
from collections.abc import Iterator

from mcpump.deck.deck import Deck
from mcpump.machine import cores, memory_of_machine
from mcpump.names import lines_of

_PROGRAM_BYTES = 450_000_000
_LIMBS, _SQUARE_LIMBS, _GROUPS = 3, 5, 64
_WORKING_COPIES = 22
"""Arrays as long as the profiles that are alive, beside the books, when a result is made and written (measured)."""
_KNOWN_COPIES = 3
"""The same of what is known without walkers, for its value and for each of its deviations (measured)."""
BY_ORDINATES, BY_RAYS, BY_TURNING_RAYS = 3, 9, 30
"""Value and deviations of what is known without walkers, by discrete ordinates and by sets of rays; those to more
harmonics, where walkers begin with spins that turn, count for as many."""


def memory_needed(
    kinds: int,
    known: int,
    axes: int,
    cells: int,
    time_bins: int,
    channels: tuple[str, ...],
    time_functions: int,
    planes: int,
) -> int:
    """Bytes that a run needs.

    Parameters
    ----------
    kinds : int
        Profiles that are kept of every amplitude.
    known : int
        Value and deviations of what is known without walkers: `BY_ORDINATES`, `BY_RAYS`, `BY_TURNING_RAYS`, or 0.
    axes : int
        Directions of the mesh.
    cells : int
        Cells of the whole mesh.
    time_bins : int
        Time bins of a transient; 0 for a periodic drive.
    channels : tuple of str
        Channels that are walked.
    time_functions : int
        Numbers kept per channel and component: 1 + 2 harmonics, 1 for a transient.
    planes : int
        Planes through which currents are counted.

    Returns
    -------
    int
        Program, exact sums (3 limbs, and 5 of the squares, of 8 bytes) of the profiles, those of the totals, the arrays
        of every thread, and what is at work while a result is written.
    """
    both = {"first", "second"} <= set(channels)
    amplitudes = 3 * time_functions * (len(channels) + both)
    bins = max(time_bins, 1)
    profiles = kinds * cells * bins * amplitudes
    totals = amplitudes * (2 * planes * bins + len(lines_of(axes)) + 2)
    # of every thread one block is being walked (raw and reduced), and two wait to be booked
    copies = _LIMBS + _SQUARE_LIMBS + _WORKING_COPIES + _KNOWN_COPIES * known + 4 * cores()
    return _PROGRAM_BYTES + 8 * (profiles * copies + totals * 2 * _LIMBS * _GROUPS)


def memory_of_deck(deck: Deck) -> int:
    """Bytes that a run of a deck needs, roughly."""
    results, planes = deck.results, len(deck.planes)
    cells = math.prod(axis.cells for axis in deck.axes.values())
    functions = 1 if results.end is not None else 1 + 2 * results.harmonics
    bins = results.time_bins or 0
    axes, plain = len(deck.axes), deck.pulse is not None
    kinds = 4 if plain else 2 * (3 + axes)
    walked = plain or results.end is not None or deck.run.walk == "general"
    turns = bool({"second_ladder", "exact"} & set(results.channels))
    by_rays = BY_TURNING_RAYS if turns else BY_RAYS
    known = 0 if walked else (by_rays if axes > 1 else BY_ORDINATES)
    return memory_needed(kinds, known, axes, cells, bins, results.channels, functions, planes)


def memory(deck: Deck) -> Iterator[str]:
    """Rule: the mesh fits into the machine."""
    needed, available = memory_of_deck(deck), memory_of_machine()
    if needed <= available:
        return
    bins, harmonics = deck.results.time_bins or 1, deck.results.harmonics
    mesh = " × ".join(f"sample.{name}.cells = {axis.cells}" for name, axis in deck.axes.items())
    mesh += f" with results.time_bins = {bins}" if bins > 1 else ""
    mesh += f" with results.harmonics = {harmonics}" if harmonics > 1 else ""
    yield (
        f"{mesh} needs about {needed / 1e9:.3g} GB of memory, and this machine has "
        f"{available / 1e9:.3g} GB: choose fewer"
    )
