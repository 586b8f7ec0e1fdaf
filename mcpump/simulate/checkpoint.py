"""Going on with a run: what a results file knows of the walk, parts of a run, and joining them.

The books of a run are exact integers, and blocks are independent. So a file that says which blocks its sums hold can be
gone on with, on any machine, and files of the same deck over different blocks can be added up in any order, to the last
bit like the run that was never interrupted. What was worked out before walkers began is the file's, too, and never worked
out again: its walkers belong to it.
"""

from __future__ import annotations

import math
import os
import time
import tomllib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

import mcpump
from mcpump.deck.read import Given
from mcpump.deck.textures import is_program
from mcpump.deck.toml import flat
from mcpump.errors import InputError, show
from mcpump.kernel_folder import SOURCES
from mcpump.tally.estimates import Result
from mcpump.tally.tally import GROUPS
from mcpump.textures.program import is_function

RANGES = "ranges"
"""Name, among the sums of a checkpoint, of the (n, 2) array of half-open ranges of blocks that they hold."""
FREE_KEYS = ("run.walkers", "run.stop", "run.max_flights", "run.device", "texture.file")
"""Keys of the deck that may differ between a file and the run that goes on with it: they do not change a walker
(texture.sha256 tells what is in the texture's file)."""
ROUNDING = 1e-9
"""What machines of different kinds work out for one deck agrees to this share of its largest number."""
FARTHEST = 2**53
"""No block has a larger number."""
_ANOTHER_GROUNDWORK = (
    "what {} holds of first flights, worked out without walkers, is not what {} holds: another build of mcpump has "
    "walked one of them"
)
Sums = dict[str, NDArray[np.int64]]
Ranges = tuple[tuple[int, int], ...]


class Start(NamedTuple):
    """Where a run goes on: sums, and the blocks they hold."""

    sums: Sums
    ranges: Ranges
    seconds: float
    """Wall time spent on them."""
    groundwork: dict[str, NDArray[Any]]
    """What was worked out before they were walked, `mcpump.walk.known.arrays_of`."""
    history: str = ""
    """Lines that tell when, and by which version."""


class Part(NamedTuple):
    """Part i of n of a run, counted from 1."""

    number: int = 1
    parts: int = 1

    def blocks(self, total: int) -> range:
        """Blocks of this part, of `total` in the whole run."""
        return range((self.number - 1) * total // self.parts, self.number * total // self.parts)


def ranges_of(result: Result) -> Ranges:
    """Ranges of blocks that a result's sums hold, in order."""
    array = result.checkpoint.get(RANGES)
    if array is None:
        return ((0, result.blocks),) if result.blocks else ()
    return tuple((int(first), int(last)) for first, last in array)


def joined(ranges: Iterable[tuple[int, int]]) -> Ranges:
    """Sorted ranges, neighbours made one.

    Raises
    ------
    InputError
        If two ranges overlap.
    """
    found: list[tuple[int, int]] = []
    for first, last in sorted(part for part in ranges if part[0] < part[1]):
        if found and first < found[-1][1]:
            raise InputError(
                f"blocks {first} to {min(last, found[-1][1]) - 1} are in more than one file: the same walkers count once"
            )
        if found and first == found[-1][1]:
            found[-1] = (found[-1][0], last)
        else:
            found.append((first, last))
    return tuple(found)


def given_by(result: Result, program: str | os.PathLike[str] | None = None) -> Given:
    """Deck of a results file as it was given.

    A user's texture is a program: no results file makes it run, it is the file that is named now. Snapshots are looked
    for where they were.
    """
    data, folder = result.deck, result.provenance.get("texture_folder", "")
    if not is_program(data):
        if program:
            raise InputError(f"--texture-file: {result.name} has no texture file")
    elif program:
        data["texture"]["file"] = os.fspath(program)
    elif not is_function(str(data["texture"].get("file"))):
        texture = data["texture"]
        named = f"{show(texture.get('file'))} (sha256 {show(texture.get('sha256', 'not known'), 70)})"
        raise InputError(
            f"{result.name} was walked with the texture file {named}, a program that a results file alone does not make "
            'run: name it, --texture-file FILE (in Python set={"texture.file": FILE})'
        )
    return Given(data, result.name, str(folder))


def start_of(result: Result, path: str) -> Start:
    """Where to go on with a result.

    Parameters
    ----------
    result : Result
        Read from a results file.
    path : str
        The file's name, for messages.

    Raises
    ------
    InputError
        If the file was written by another version, is a solution without walkers, or holds no sums.
    """
    check_version(result, path)
    sums = {name: array for name, array in result.checkpoint.items() if name != RANGES}
    if not sums:
        raise InputError(f"{path} holds no sums to go on with")
    if not _counts(result):
        raise InputError(
            f"{path} cannot be gone on with: its sums are not those of the blocks that it names, another program has "
            "made or changed it"
        )
    seconds = _seconds(result)
    return Start(
        sums, ranges_of(result), seconds, result.groundwork, str(result.provenance.get("history", ""))
    )


def _counts(result: Result) -> bool:
    """Whether ranges are those of blocks, in order, and the sums hold as many blocks of each group as the ranges do."""
    if any(array.dtype != np.int64 for array in result.checkpoint.values()):
        return False
    ranges, blocks = (result.checkpoint.get(name, np.zeros(0)) for name in (RANGES, "blocks"))
    if ranges.shape[1:] != (2,) or blocks.shape != (GROUPS,):
        return False
    edges = ranges.ravel()
    if not len(edges) or edges.min() < 0 or edges.max() > FARTHEST or (np.diff(edges) <= 0).any():
        return False
    # blocks below n in group g, b = g modulo all groups
    below = (edges[:, None] - np.arange(GROUPS) + GROUPS - 1) // GROUPS
    held = np.diff(below, axis=0)[::2].sum(axis=0)
    return bool((held == blocks).all() and held.sum() == result.blocks)


def _seconds(result: Result) -> float:
    """Wall time that was spent on a result; what is none counts for nothing."""
    found = result.provenance.get("wall_time_s", 0.0)
    return float(found) if isinstance(found, (int, float)) and 0.0 <= found < math.inf else 0.0


def check_version(result: Result, path: str) -> None:
    """Refuse a file of another version, of other sources, whose walkers may walk differently, or without walkers."""
    if result.solved:
        raise InputError(
            f"{path} is a solution without walkers (mcpump solve): there is nothing to go on with, or to add up"
        )
    version, held = result.provenance.get("mcpump"), str(result.provenance.get("sources") or "unknown")
    if version != mcpump.__version__:
        raise InputError(
            f"{path} was walked by mcpump {version}, this is {mcpump.__version__}: walkers of two versions do not mix"
        )
    if held != SOURCES:
        raise InputError(
            f"{path} was walked by an mcpump {version} with other sources (sha256 {held[:8]}…, here {SOURCES[:8]}…): "
            "walkers of two versions do not mix; go on with the program that wrote it, or walk anew"
        )


def have_all(ranges: Ranges, others: Ranges) -> bool:
    """Whether some ranges of blocks hold all blocks of others."""
    return all(any(begin <= first and last <= end for begin, end in joined(ranges)) for first, last in others)


def overlap(ranges: Ranges, others: Ranges) -> bool:
    """Whether a block is in both."""
    return any(first < end and begin < last for first, last in others for begin, end in ranges)


def check_same_walkers(result: Result, held: Result, path: str) -> None:
    """Refuse a file whose walkers are not those of a run: of another deck, version, or groundwork."""
    check_version(held, path)
    check_same_deck(result.resolved, held, path)
    if not _same_groundwork(held.groundwork, result.groundwork):
        raise InputError(_ANOTHER_GROUNDWORK.format(path, "this run"))


def check_same_deck(resolved: str, result: Result, path: str) -> None:
    """Refuse a deck other than a file's.

    Parameters
    ----------
    resolved : str
        The resolved deck of the run that wants to go on.
    result, path
        The file.

    Raises
    ------
    InputError
        Naming the first key that differs, and both values. How many walkers there are, and when to stop, may differ.
    """
    wanted, held = (dict(flat(tomllib.loads(text))) for text in (resolved, result.resolved))
    for key in (*wanted, *held):
        if wanted.get(key) != held.get(key) and not any(
            f"{key}.".startswith(f"{free}.") for free in FREE_KEYS
        ):
            values = [repr(deck[key]) if key in deck else "nothing" for deck in (held, wanted)]
            raise InputError(
                f"{path} holds a run with {key} = {values[0]}, this deck has {values[1]}: they do not mix"
            )


def merged(results: Sequence[Result], paths: Sequence[str]) -> Start:
    """Add up the sums of files of one deck over different blocks.

    Parameters
    ----------
    results, paths
        Two or more files, in any order: the sums are the same to the last bit.

    Raises
    ------
    InputError
        If the decks or versions differ, or what was worked out for them before walkers began, or the same walkers are in
        two files.
    """
    starts = [start_of(result, path) for result, path in zip(results, paths, strict=True)]
    for result, path in zip(results[1:], paths[1:], strict=True):
        check_same_deck(results[0].resolved, result, path)
        if _layout(result) != _layout(results[0]):
            raise InputError(
                f"{path} holds sums of another layout than {paths[0]}: another build of mcpump has walked one of them"
            )
    # the same one, whatever the order of the files
    first = min(range(len(starts)), key=lambda i: starts[i].ranges)
    for start, path in zip(starts, paths, strict=True):
        if not _same_groundwork(start.groundwork, starts[first].groundwork):
            raise InputError(_ANOTHER_GROUNDWORK.format(path, paths[first]))
    ranges = joined(part for start in starts for part in start.ranges)
    sums = {name: np.sum([start.sums[name] for start in starts], axis=0) for name in starts[0].sums}
    seconds = sum(start.seconds for start in starts)
    told = sorted({said for start in starts for said in start.history.splitlines()})
    history = "\n".join([*told, line(f"merged {len(starts)} files")])
    return Start(sums, ranges, seconds, starts[first].groundwork, history)


def line(what: str) -> str:
    """Line of a file's history, as CF has it: when (UTC), by which program, what was done."""
    told = what if what.isprintable() else repr(what)  # names of files may hold line breaks
    return f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime())} mcpump {mcpump.__version__}: {told}"


def history_of(start: Start | None, name: str) -> str:
    """History of a run that begins now, or goes on."""
    if start is None:
        return line(f"walked {name}")
    return "\n".join(filter(None, [start.history, line(f"went on with {name}")]))


def _same_groundwork(one: dict[str, NDArray[Any]], other: dict[str, NDArray[Any]]) -> bool:
    """Whether arrays are the same but for rounding."""
    numbers = all(array.dtype.kind in "uif" for arrays in (one, other) for array in arrays.values())
    shapes = [{name: array.shape for name, array in arrays.items()} for arrays in (one, other)]
    return numbers and shapes[0] == shapes[1] and all(_agree(one[name], other[name]) for name in one)


def _layout(result: Result) -> dict[str, tuple[int, ...]]:
    """Shapes of a result's sums by name."""
    return {name: array.shape for name, array in result.checkpoint.items() if name != RANGES}


def _agree(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Whether numbers agree beside the largest of them."""
    allowed = ROUNDING * np.nan_to_num(np.abs(other)).max(initial=0.0)
    return bool(np.allclose(one, other, rtol=0.0, atol=allowed, equal_nan=True))
