"""The way of one walker, flight by flight: for a developer who wants to know what it met."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import InputError
from mcpump.names import LINES, lines_of
from mcpump.problem.scene import Model, Problem, Scene
from mcpump.walk.blocks import plain, pulse_tallies, user_of
from mcpump.walk.course import course_of
from mcpump.walk.emission import births
from mcpump.walk.philox import key
from mcpump.walk.pulse import walk_pulse
from mcpump.walk.spin import SIZES
from mcpump.walk.transport import walk_scene
from mcpump.walk.walk import walk_block
from mcpump.walk.walker import ENDINGS

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
    model, scales = problem.model, problem.scales
    block, only = divmod(walker, model.walkers_per_block)
    length, time = ("m", "s") if scales.si else ("ell", "tau")
    if isinstance(model, Scene):
        trace, steps = _scene_trace(problem, model, block, only, min(most, LONGEST))
        head = f"{'n':>6} {'end':>12} {f'age [{time}]':>12} " + "".join(
            f"{f'{a} [{length}]':>12} " for a in "xyz"
        )
        head += f"spin of `{model.channels[-1]}` (weight included)"
        lines = [_scene_line(row, scales.length, scales.time) for row in trace[:steps]]
    else:
        trace, steps = _trace(model, block, only, min(most, LONGEST))
        head = (
            f"{'flight':>6} {f'age [{time}]':>12} {f'x [{length}]':>12} amplitudes of harmonics, as of birth"
        )
        lines = [
            f"{i + 1:6d} {row[0] * scales.time:12.5g} {row[1] * scales.length:12.5g} "
            + " ".join(f"{a:11.4g}" for a in row[2 : 2 + SIZES[model.harmonics]])
            for i, row in enumerate(trace[:steps])
        ]
    title = f"walker {walker} (block {block}, number {only} of it), seed {model.seed}: {steps} steps"
    left_out = [f"… {steps - len(lines)} more"] if steps > len(lines) else []
    return "\n".join([title, head, *lines, *left_out]) + "\n"


def _scene_line(row: NDArray[np.float64], length: float, time: float) -> str:
    """One piece of flight of the general walk."""
    places = "".join(f"{place * length:12.5g} " for place in row[3:6])
    spin = " ".join(f"{s:11.4g}" for s in row[6:9])
    return f"{int(row[0]):6d} {ENDINGS[int(row[1])]:>12} {row[2] * time:12.5g} {places}{spin}"


def _scene_trace(
    problem: Problem, scene: Scene, block: int, only: int, most: int
) -> tuple[NDArray[np.float64], int]:
    """Pieces of flight of a walker of the general walk: (rows, number of steps)."""
    user = user_of(problem)
    size, bins = len(scene.walked) * scene.time_functions * 3, max(scene.time_bins, 1)
    trace = np.full((most, 9), -1.0)
    tallies = (
        np.zeros((2, math.prod(scene.cells) * bins, 3 + scene.axes, size)),
        np.zeros((2, len(scene.planes) * bins, size)),
        np.zeros((len(lines_of(scene.axes)), size)),
    )
    _, wrong, steps = walk_scene(
        plain(scene), user, *key(scene.seed), *course_of(scene, user), block, *tallies, only, trace
    )
    # a walker that stops the run does not tell its steps
    return trace, int((trace[:, 1] >= 0.0).sum()) if wrong else int(steps)


def _trace(model: Model, block: int, only: int, most: int) -> tuple[NDArray[np.float64], int]:
    """Flights of a walker of the fast walk: (rows, number of flights)."""
    if model.pulse:
        return _pulse_trace(model, block, only, most)
    size, planes = SIZES[model.harmonics], np.array(model.planes, dtype=np.float64)
    trace = np.zeros((most, 2 + SIZES[-1]))
    tallies = (
        np.zeros((model.cells, 2 * size)),
        np.zeros((model.cells + 1, 2 * size)),
        np.zeros((len(planes), size)),
        np.zeros((len(LINES), size)),
    )
    plain_model = model._replace(planes=(), seed=0)
    flights, _, _ = walk_block(
        plain_model, planes, *key(model.seed), *births(model), block, *tallies, only, trace
    )
    return trace, int(flights)


def _pulse_trace(model: Model, block: int, only: int, most: int) -> tuple[NDArray[np.float64], int]:
    """Flights of a walker of a pulse, whose spin stays what it is: (rows, number of flights)."""
    ways = np.zeros((most, 2))
    plain_model = model._replace(planes=(), seed=0)
    flights, _, _ = walk_pulse(plain_model, *key(model.seed), block, *pulse_tallies(model), only, ways)
    return np.hstack([ways, np.tile(np.array(model.C) / model.walkers_per_block, (most, 1))]), int(flights)
