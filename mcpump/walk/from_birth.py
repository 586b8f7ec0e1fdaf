"""One block of walkers from birth: first flights are walked one by one, all that follows in lanes.

The general walk: any mesh, stack, texture and order in J, periodic drives and transients.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import Scene
from mcpump.walk.arithmetic import key
from mcpump.walk.course import Course, course_of, plain, turns_of
from mcpump.walk.handed import HANDED_SLAB, HANDED_X, Handed
from mcpump.walk.layout import GOES_ON, BlockSums, Halt, refuse, scene_sums, scene_tallies
from mcpump.walk.marching import Marched
from mcpump.walk.plan import counted_planes, plain_numbers, sides_of, slabs_of
from mcpump.walk.state import (
    END,
    LANES,
    NOTHING,
    START,
    Numbers,
    Spins,
    Tallies,
    new_walkers,
)
from mcpump.walk.state import Course as LaneCourse
from mcpump.walk.walked_flights import (
    Jobs,
    walk_first_flights,
)
from mcpump.walk.walked_scores import (
    Books,
)
from mcpump.walk.walkers import walk_in_lanes

Array = NDArray[np.float64]
PORTION = 16_384
"""Walkers that are handed over at a time, so that memory does not grow with the block."""
NO_FIRST_TRACE = np.zeros((0, 9))
NO_LANE_TRACE = np.zeros((0, 9))


class Ways(NamedTuple):
    """What a block's walkers meet: in their first flights, and in lanes."""

    course: Course
    lanes: LaneCourse
    numbers: Numbers
    slabs: NDArray[np.int64]
    """(slabs of the lanes, 3): first and last cell along x, layer."""
    slab_of: NDArray[np.int64]
    """(slabs of first flights,): slab of the lanes in which each lies."""


def ways_of(scene: Scene, user: object) -> Ways:
    """Lay out what walkers meet.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units.
    user : compiled function
        The user's texture, or `mcpump.textures.moving.no_user()`.
    """
    course = course_of(scene, user)
    slabs, gates = slabs_of(scene)
    count = len(slabs) // 2
    middle = 0.5 * (course.edges[1:] + course.edges[:-1])
    which = np.clip(np.searchsorted(slabs[:count, START], middle, side="right") - 1, 0, count - 1)
    cells = np.zeros((count, 3), np.int64)
    for slab in range(count):
        inside = course.slabs[which == slab]
        cells[slab] = inside[0, 0], inside[-1, 0], inside[0, 1]
    if scene.folded[0]:
        slabs[:, START], slabs[:, END] = -math.inf, math.inf
    planes = np.array(scene.planes, dtype=float)
    lanes = LaneCourse(slabs, gates, np.zeros((2, 10)), np.zeros((1, 2, 0)), planes, sides_of(scene))
    numbers = plain_numbers(scene)
    return Ways(course, lanes, numbers, cells, which.astype(np.int64))


def walk_from_birth(scene: Scene, user: object, ways: Ways, block: int, halt: Halt = GOES_ON) -> BlockSums:
    """Walk block number `block` of a scene.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units.
    user : compiled function
        The user's texture, or `no_user()`.
    ways : Ways
        From `ways_of`.
    block : int
        Number of the block, from 0.
    halt : ndarray, optional
        One number; not 0 gives the block up.

    Raises
    ------
    WalkerError
        If a walker takes more than `max_flights` flights or meets a number that is not finite.
    HaltedError
        If the block was given up.
    """
    tallies = scene_tallies(scene)
    flights, wrong, walker = follow_block(scene, user, ways, block, tallies, halt)
    refuse(wrong, walker, scene)
    size = len(scene.planes), max(scene.time_bins, 1), tallies[1].shape[2]
    passages = tallies[1][1].reshape(size)
    passages[:] = passages[counted_planes(scene)]  # those at both ends of a periodic sample are one
    return scene_sums(scene, *tallies, flights)


def follow_block(
    scene: Scene, user: object, ways: Ways, block: int, tallies: tuple[Array, Array, Array], halt: Halt = GOES_ON,
    only: int = -1, traces: tuple[Array, Array] = (NO_FIRST_TRACE, NO_LANE_TRACE),
) -> tuple[int, int, Any]:  # fmt: skip
    """Fill the tallies of a block: flights, what went wrong or 0, and the walker, or steps of both traces.

    only ≥ 0: walk this walker of the diffusive part alone.
    """
    walkers, flights = scene.walkers_per_block, 0
    jobs = walkers + walkers // 2 * 2 * scene.first_flights
    handed = new_handed(scene, min(walkers, PORTION) if only < 0 else 1)
    # walkers first: where a number is not finite it is most likely one of them that meets it, and can be replayed
    starts = [*range(0, walkers, PORTION), walkers, jobs] if only < 0 else [only, only + 1]
    steps = [0, 0]
    for first, last in itertools.pairwise(starts):
        flown, wrong, walker, given = walk_first_flights(
            plain(scene), user, key(scene.seed), ways.course, halt, Jobs(block, first, last, only), Books(*tallies),
            handed, traces[0],
        )  # fmt: skip
        flights += int(flown)
        if wrong:
            return flights, int(wrong), walker
        steps[0] = int(walker)
        if given or (
            only < 0 and first < walkers
        ):  # though none be handed over: all kernels are then compiled
            flown, wrong, walker = _walk_on(
                scene, user, ways, block, tallies, halt, handed, int(given), traces[1]
            )
            flights += int(flown)
            if wrong:
                return flights, int(wrong), walker
            steps[1] = int(walker)
    return flights, 0, steps


def _walk_on(
    scene: Scene, user: object, ways: Ways, block: int, tallies: tuple[Array, Array, Array], halt: Halt,
    handed: Handed, given: int, trace: Array,
) -> tuple[int, int, int]:  # fmt: skip
    """Lead walkers that were handed over in lanes, until they end."""
    slabs = handed.numbers[:given, HANDED_SLAB]
    handed.numbers[:given, HANDED_X] = ways.course.slabs[slabs, 0]
    handed.numbers[:given, HANDED_SLAB] = ways.slab_of[slabs]
    spin, rows = lane_state(scene, user, ways, handed, tallies)
    # one walker alone is followed as number 0 of those handed over
    only = 0 if len(trace) else -1
    numbers = ways.numbers._replace(walkers=given)
    return walk_in_lanes(
        numbers, ways.lanes, new_walkers(), spin, rows, key(scene.seed), halt, block, only, trace
    )  # type: ignore[no-any-return]


def lane_state(
    scene: Scene, user: object, ways: Ways, handed: Handed, tallies: tuple[Array, Array, Array]
) -> tuple[Spins, Tallies]:
    """What lanes carry, empty, in place of rows, and no tallies of rows."""
    slots, phases = len(scene.walked), scene.phases
    profile, passages, budget = tallies
    rows = phases if scene.time_bins else 2
    marched = Marched(
        plain(scene), user, handed, ways.slabs, counts=np.zeros((LANES, 4), np.int64),
        bins=np.zeros((LANES, phases), np.int64), births=np.zeros((LANES, phases, 5)),
        spins=np.zeros((LANES, slots, phases, 3)), kept=np.zeros((LANES, phases, 3)),
        rows=np.zeros((LANES, rows, budget.shape[1])), fields=np.zeros((2, phases, 3)),
        change=np.zeros((slots, phases, 3)), profile=profile[1], passages=passages[1], budget=budget,
        turns=turns_of(scene),
    )  # fmt: skip
    return Spins(NOTHING, NOTHING, NOTHING, None, marched), Tallies(*[NOTHING] * 5)


def new_handed(scene: Scene, walkers: int) -> Handed:
    """Empty places for walkers that are handed over."""
    slots, phases = len(scene.walked), scene.phases
    return Handed(
        np.zeros(walkers, np.uint64), np.zeros((walkers, 5), np.int64), np.zeros((walkers, 7)),
        np.zeros((walkers, phases, 5)), np.zeros((walkers, slots, phases, 3)), np.zeros((walkers, phases, 3)),
    )  # fmt: skip
