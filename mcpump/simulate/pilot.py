"""A short walk before a run: how much walkers scatter, how fast they go, and with them what an accuracy takes."""

from __future__ import annotations

import time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import InputError
from mcpump.problem.scene import Problem
from mcpump.simulate.checkpoint import start_of
from mcpump.simulate.engine import block_count, result_of, run
from mcpump.tally.observables import plane_groups
from mcpump.tally.tally import Tally, quadrature
from mcpump.walk.blocks import ground_of
from mcpump.walk.known import groundwork_from

Array = NDArray[np.float64]
BLOCKS, WALKERS = 32, 512
"""Blocks of a pilot, and walkers of one at most: its errors are known to 1/√62 of them."""


class Pilot(NamedTuple):
    """What a pilot tells of the run that it stands for."""

    problem: Problem
    """Of the run."""
    walkers: int
    """Of the pilot."""
    mean: Array
    """Currents through planes, (part, channel, clock, component, plane), as the next two."""
    scatter: Array
    """Their standard errors that come of walkers; they fall as N^(−1/2)."""
    floor: Array
    """Numerical errors, which stay."""
    seconds: float
    """A walker's, on the threads that there are."""
    preparation: float
    """Seconds before walkers begin, and after."""


def pilot(problem: Problem, threads: int | None = None) -> Pilot:
    """Walk some blocks of a deck, and time them.

    Parameters
    ----------
    problem : Problem
        The deck made ready, with planes and a periodic drive; blocks may be smaller than the run's.
    threads : int, optional
        As for a run.

    Raises
    ------
    InputError
        If it has no DC current through planes, which is what is forecast.
    """
    scene = problem.scene
    if scene.time_bins or scene.pulse or not scene.planes:
        raise InputError(
            f"--pilot forecasts the DC current through planes: {problem.name} has no "
            f"{'results.planes' if not scene.planes else 'steady state'}"
        )
    each = min(scene.walkers_per_block, WALKERS)
    short = problem._replace(stop=None, scene=scene._replace(walkers_per_block=each))
    # the first blocks compile, and find what is known without walkers; the clock counts from then on
    began = time.monotonic()
    first = run(short._replace(walkers=each * BLOCKS // 2), threads)
    middle = time.monotonic()
    assert first is not None
    whole = run(short._replace(walkers=each * BLOCKS), threads, start=start_of(first, problem.name))
    end = time.monotonic()
    assert whole is not None
    start = start_of(whole, problem.name)
    result_of(short, start)  # what a run makes of its sums when walkers have gone
    after = time.monotonic() - end
    seconds = max(end - middle - after, 1e-3) / (whole.walkers - first.walkers)
    ground = ground_of(short, groundwork_from(start.groundwork, short.scene))
    groups = plane_groups(short, Tally(short.scene, ground.exponents, start.sums, ground.known))
    return Pilot(
        problem, whole.walkers, groups.mean, groups.scatter(),
        quadrature(np.zeros_like(groups.mean), groups.deviations), seconds,
        max(middle - began - seconds * first.walkers, 0.0),
    )  # fmt: skip


def walkers_of(problem: Problem) -> int:
    """Walkers of a run: whole blocks; of one with a stop rule the most."""
    most = problem.stop.max_walkers if problem.stop else problem.walkers
    return block_count(problem, most) * problem.scene.walkers_per_block
