"""The way of one walker, flight by flight: for a developer who wants to know what it met."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import InputError
from mcpump.problem.scene import Problem, Scene
from mcpump.walk.blocks import user_of
from mcpump.walk.course import course_of
from mcpump.walk.emission import births
from mcpump.walk.fast import pulse_tallies, row_tallies, slab_of
from mcpump.walk.general import plain, scene_tallies
from mcpump.walk.philox import key
from mcpump.walk.pulse import walk_pulse
from mcpump.walk.spin import SIZES
from mcpump.walk.transport import walk_scene
from mcpump.walk.walk import walk_block
from mcpump.walk.walker import ENDINGS

Array = NDArray[np.float64]
LONGEST = 100_000
"""Most lines of a replay."""


def replay(problem: Problem, walker: int, most: int = 1000) -> str:
    """Walk one walker of the diffusive part again and tell its way.

    A walker's history depends on the seed and its number alone, so that this is its way in any run of the deck.

    Parameters
    ----------
    problem : Problem
        A deck made ready.
    walker : int
        Its number, from 0.
    most : int
        Most lines, the rest is left out.

    Returns
    -------
    str
        A table: age, place and spin in the deck's units; in the general walk also what ended each piece of flight.

    Raises
    ------
    InputError
        If the number is not that of a walker.
    """
    if not 0 <= walker < 2**48:
        raise InputError(f"--walker {walker} must lie between 0 and 2^48")
    scene, scales = problem.scene, problem.scales
    block, only = divmod(walker, scene.walkers_per_block)
    length, time = ("m", "s") if scales.si else ("ell", "tau")
    if scene.lanes is None:
        trace, steps = _general_trace(problem, block, only, min(most, LONGEST))
        head = f"{'n':>6} {'end':>12} {f'age [{time}]':>12} " + "".join(
            f"{f'{a} [{length}]':>12} " for a in "xyz"
        )
        head += f"spin of `{scene.channels[-1]}` (weight included)"
        lines = [_general_line(row, scales.length, scales.time) for row in trace[:steps]]
    else:
        trace, steps = _fast_trace(scene, block, only, min(most, LONGEST))
        head = (
            f"{'flight':>6} {f'age [{time}]':>12} {f'x [{length}]':>12} amplitudes of harmonics, as of birth"
        )
        lines = [
            f"{i + 1:6d} {row[0] * scales.time:12.5g} {row[1] * scales.length:12.5g} "
            + " ".join(f"{a:11.4g}" for a in row[2 : 2 + SIZES[scene.harmonics]])
            for i, row in enumerate(trace[:steps])
        ]
    title = f"walker {walker} (block {block}, number {only} of it), seed {scene.seed}: {steps} steps"
    left_out = [f"… {steps - len(lines)} more"] if steps > len(lines) else []
    return "\n".join([title, head, *lines, *left_out]) + "\n"


def _general_line(row: Array, length: float, time: float) -> str:
    """One piece of flight of the general walk."""
    places = "".join(f"{place * length:12.5g} " for place in row[3:6])
    spin = " ".join(f"{s:11.4g}" for s in row[6:9])
    return f"{int(row[0]):6d} {ENDINGS[int(row[1])]:>12} {row[2] * time:12.5g} {places}{spin}"


def _general_trace(problem: Problem, block: int, only: int, most: int) -> tuple[Array, int]:
    """Pieces of flight of a walker of the general walk: (rows, number of steps)."""
    scene, user = problem.scene, user_of(problem)
    trace = np.full((most, 9), -1.0)
    start = plain(scene), user, *key(scene.seed), *course_of(scene, user)
    _, wrong, steps = walk_scene(*start, block, *scene_tallies(scene), only, trace)
    # a walker that stops the run does not tell its steps
    return trace, int((trace[:, 1] >= 0.0).sum()) if wrong else int(steps)


def _fast_trace(scene: Scene, block: int, only: int, most: int) -> tuple[Array, int]:
    """Flights of a walker of the fast walk: (rows, number of flights)."""
    if scene.is_pulse:
        return _pulse_trace(scene, block, only, most)
    trace, planes = np.zeros((most, 2 + SIZES[-1])), np.array(scene.planes, dtype=np.float64)
    start = slab_of(scene), planes, *key(scene.seed), *births(scene)
    flights, _, _ = walk_block(*start, block, *row_tallies(scene), only, trace)
    return trace, int(flights)


def _pulse_trace(scene: Scene, block: int, only: int, most: int) -> tuple[Array, int]:
    """Flights of a walker of a pulse, whose spin stays what it is: (rows, number of flights)."""
    ways = np.zeros((most, 2))
    tallies = pulse_tallies(scene)
    flights, _, _ = walk_pulse(slab_of(scene), *key(scene.seed), block, *tallies, only, ways)
    spin = np.array(scene.initial_spin) / scene.walkers_per_block
    return np.hstack([ways, np.tile(spin, (most, 1))]), int(flights)
