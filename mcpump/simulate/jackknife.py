"""Errors of whatever is made of a run's numbers: the jackknife over groups of blocks, with what is known beside them.

The function is asked once for the whole, once without each group, and on both sides of each deviation of what is known:
`mcpump.tally.tally.Groups.estimate`. So numbers of the same walkers are never taken as independent. Groups hold currents
through planes, the budget and means; profiles on the mesh are kept without groups, and are not there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import Problem
from mcpump.simulate.checkpoint import start_of
from mcpump.tally.estimates import Estimate, Result
from mcpump.tally.observables import grouped_observables
from mcpump.tally.tally import Groups, Tally
from mcpump.walk.blocks import ground_of
from mcpump.walk.known import groundwork_from

Array = NDArray[np.float64]


class Moved(Tally):
    """Books whose totals have other means; profiles are unknown, and so is whatever is made of them."""

    means: Mapping[str, Array]

    def groups(self, name: str) -> Groups:
        """The mean as one group, of which no error is told."""
        known = self.known and getattr(self.known.value, name).reshape(self.shapes[name])[np.newaxis]
        mean = self.means[name]
        return Groups((mean if known is None else mean - known[0])[np.newaxis], np.ones(1), known)

    def profile_parts(self) -> tuple[Array, Array, list[Array]]:
        """Nothing."""
        return np.full(self.shape, np.nan), np.full(self.shape, np.nan), []


def estimate(
    problem: Problem, result: Result, function: Callable[[dict[str, Estimate]], Any]
) -> tuple[Array, Array]:
    """Give a function of a run's numbers and its standard error.

    Parameters
    ----------
    problem : Problem
        The run's deck made ready.
    result : Result
        The run, with its exact sums.
    function : callable
        Of quantities by name, without errors: those that groups of blocks hold; numbers that the run does not tell are
        NaN.

    Returns
    -------
    (ndarray, ndarray)
        NaN for the error from fewer than 16 blocks.

    Raises
    ------
    InputError
        If the result holds no sums, or another version has walked it.
    """
    scene, start = problem.scene, start_of(result, result.name)
    ground = ground_of(problem, groundwork_from(start.groundwork, scene))
    tally = Tally(scene, ground.exponents, start.sums, ground.known)
    parts = {name: tally.groups(name) for name in tally.shapes}
    ends = np.cumsum([math.prod(shape) for shape in tally.shapes.values()])[:-1]
    exact = tally.known._replace(deviations=()) if tally.known else None

    def of(means: Array) -> Array:
        books = Moved(scene, tally.exponents, tally.sums, exact)
        shapes = tally.shapes.items()
        books.means = {
            name: mean.reshape(shape)
            for (name, shape), mean in zip(shapes, np.split(means, ends), strict=True)
        }
        with np.errstate(all="ignore"):
            found = grouped_observables(problem, books)
            return np.asarray(function(_told(found, result)), dtype=float)

    return _side_by_side(list(parts.values())).estimate(of)


def _told(found: Mapping[str, Estimate], result: Result) -> dict[str, Estimate]:
    """Numbers that the run tells, and that do not hang on profiles."""
    told = {}
    for name, one in found.items():
        whole = result.estimates.get(name)
        if whole is None or whole.mean.shape != one.mean.shape:
            continue
        mean = np.where(np.isnan(whole.mean), np.nan, one.mean)
        if not np.isnan(mean).all() or np.isnan(whole.mean).all():
            told[name] = Estimate(mean, None, one.dims, whole.units, whole.long_name)
    return told


def _side_by_side(groups: list[Groups]) -> Groups:
    """Several kinds of totals of the same blocks in one row."""

    def rows(arrays: list[Array]) -> Array:
        return np.concatenate([array.reshape(len(array), -1) for array in arrays], axis=1)

    known = [one.known for one in groups if one.known is not None]
    return Groups(rows([one.sums for one in groups]), groups[0].counts, rows(known) if known else None)
