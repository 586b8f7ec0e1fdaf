"""Walks in lanes along x without a deck: what is known and what walkers find, against the solution without walkers."""

import math

import numpy as np
from numpy.testing import assert_allclose
from scenes import FAMILY, IN_LANES_ALONE, problem_of
from scipy import stats
from solved import slab_of

from mcpump.walk.births import source_in_frame
from mcpump.walk.first_flights import first_flights_along_x
from mcpump.walk.lane_block import walk_lane_block
from mcpump.walk.plan import frame_of, plan_of

FALSE_ALARM = 1e-4
BLOCKS, WALKERS = 64, 512
SAMPLES = (
    "ring",
    "ring-1",
    "junction",
    "rough-1",
    "rough-2",
    "stack",
    "stack-1",
    "charge",
    "charge-rough",
    "insulators",
    "magnets",
)


def along(name_or_scene, **changes):
    given = {**FAMILY, **IN_LANES_ALONE}[name_or_scene] if isinstance(name_or_scene, str) else name_or_scene
    return problem_of(given._replace(from_collisions=True, **changes))


def plan(problem, **more):
    flown = first_flights_along_x(problem, **more)
    return flown, plan_of(problem, source_in_frame(problem.scene, flown, frame_of(problem)))


def sums(problem, blocks=BLOCKS, **more):
    """Known value and the walkers' blocks."""
    flown, laid = plan(problem, **more)
    return flown.known.value, [walk_lane_block(laid, block) for block in range(blocks)]


def totals(known, walked, part):
    """Mean of local and diffusive part together, and its standard error, of passages or profiles."""
    values = np.array([getattr(one, part) for one in walked])
    fixed = getattr(known, part)
    half = values.shape[1] // 2
    both = values[:, :half] + values[:, half:]
    return both.mean(axis=0) + fixed[:half] + fixed[half:], both.std(axis=0, ddof=1) / math.sqrt(len(values))


def wanted(problem, name):
    """Currents (plane, channel, time function, 3) or profiles (cell, …) of the solution without walkers."""
    found = slab_of(problem)
    return np.stack(
        [np.moveaxis(getattr(found[channel], name).sum(axis=0), -1, 0) for channel in found], axis=1
    )


def held_against(value, error, expected, size):
    """χ² of what scatters, on the largest of its amplitudes, with a false-alarm rate; the others agree to rounding."""
    sure = error <= 1e-9 * size
    assert_allclose(value[sure], expected[sure], rtol=0.0, atol=2e-4 * size)
    z = (value - expected)[~sure] / error[~sure]
    limit = stats.t(BLOCKS - 1).isf(FALSE_ALARM / 2 / max(z.size, 1))
    assert np.abs(z).max(initial=0.0) < limit
