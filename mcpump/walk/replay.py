"""The way of one walker, flight by flight: for a developer who wants to know what it met."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import InputError
from mcpump.problem.scene import Problem, Scales, Scene
from mcpump.problem.slab import user_of
from mcpump.walk.blocks import groundwork_of
from mcpump.walk.from_birth import follow_block, ways_of
from mcpump.walk.lane_block import walk_plan
from mcpump.walk.lane_loops import AT_GATE, AT_Y, AT_Z, RELAXES, TOO_OLD
from mcpump.walk.layout import scene_tallies
from mcpump.walk.marching import GONE
from mcpump.walk.plan import plan_of
from mcpump.walk.pulse_block import pulse_tallies, walk_pulse
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
        A table: age and place in the deck's units, and what ended each piece of flight; the spin of a pulse, and of
        a first flight that is walked.

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
    wanted = min(most, LONGEST)
    if scene.pulse:
        trace, steps = _pulse_trace(scene, block, only, wanted)
        head = f"{'flight':>6} {f'age [{time}]':>12} {f'x [{length}]':>12} spin (weight included)"
        lines = [
            f"{i + 1:6d} {row[0] * scales.time:12.5g} {row[1] * scales.length:12.5g} "
            + " ".join(f"{a:11.4g}" for a in row[2:])
            for i, row in enumerate(trace[:steps])
        ]
    elif scene.from_collisions:
        trace, steps = _lane_trace(problem, block, only, wanted)
        head = f"{'end':>12} {f'age [{time}]':>12} {f'x [{length}]':>12} {'direction':>10}"
        lines = [
            f"{_ending(int(row[0])):>12} {row[1] * scales.time:12.5g} {row[2] * scales.length:12.5g} {row[3]:10.4g}"
            for row in trace[:steps]
        ]
    else:
        trace, further, steps = _birth_traces(problem, block, only, wanted)
        places = "".join(f"{f'{a} [{length}]':>12} " for a in "xyz")
        head = f"{'n':>6} {'end':>12} {f'age [{time}]':>12} {places}spin of `{scene.channels[-1]}` (weight included)"
        flights = 1 + np.cumsum([0, *(_ending(int(row[0])) == "collision" for row in further)])
        lines = [_line(0, ENDINGS[int(row[1])], row[2:], scales) for row in trace]
        lines += [
            _line(n, _ending(int(row[0])), row[[1, 2, 4, 5, 6, 7, 8]], scales)
            for n, row in zip(flights, further, strict=False)
        ]
    title = f"walker {walker} (block {block}, number {only} of it), seed {scene.seed}: {steps} steps"
    left_out = [f"… {steps - len(lines)} more"] if steps > len(lines) else []
    return "\n".join([title, head, *lines, *left_out]) + "\n"


def _line(n: int, end: str, row: Array, scales: Scales) -> str:
    """One piece of flight of a walker from birth; row: age, place, spin."""
    places = "".join(f"{place * scales.length:12.5g} " for place in row[1:4])
    spin = " ".join(f"{s:11.4g}" for s in row[4:7])
    return f"{n:6d} {end:>12} {row[0] * scales.time:12.5g} {places}{spin}"


def _birth_traces(problem: Problem, block: int, only: int, most: int) -> tuple[Array, Array, int]:
    """Pieces of flight of a walker from birth: rows of its first flight, of later ones, and how many there are."""
    scene, user = problem.scene, user_of(problem)
    traces = np.full((most, 9), -1.0), np.zeros((most, 9))
    _, wrong, steps = follow_block(
        scene, user, ways_of(scene, user), block, scene_tallies(scene), only=only, traces=traces
    )
    # a walker that stops the run does not tell its steps
    first = int((traces[0][:, 1] >= 0.0).sum()) if wrong else steps[0]
    further = int((traces[1][:, 1] > 0.0).sum()) if wrong else steps[1]
    shown = traces[0][:first]
    return shown, traces[1][: max(min(further, most - len(shown)), 0)], first + further


def _lane_trace(problem: Problem, block: int, only: int, most: int) -> tuple[Array, int]:
    """Pieces of flight of a walker in lanes: (rows, number of pieces)."""
    source = groundwork_of(problem).source
    assert source is not None
    trace = np.zeros((most, 4))
    _, _, wrong, steps = walk_plan(plan_of(problem, source), block, only, trace)
    return trace, int((trace[:, 1] > 0.0).sum()) if wrong else steps


def _ending(flag: int) -> str:
    """What ended a piece of flight in lanes."""
    if flag & (TOO_OLD | GONE):
        return "end of time"
    if flag & (AT_GATE | AT_Y | AT_Z):
        return "gate"
    return "relaxed" if flag & RELAXES else "collision"


def _pulse_trace(scene: Scene, block: int, only: int, most: int) -> tuple[Array, int]:
    """Flights of a walker of a pulse, whose spin stays what it is: (rows, number of flights)."""
    ways = np.zeros((most, 2))
    flights, _, _ = walk_pulse(scene, block, pulse_tallies(scene), only=only, trace=ways)
    spin = np.array(scene.initial_spin) / scene.walkers_per_block
    return np.hstack([ways, np.tile(spin, (most, 1))]), flights
