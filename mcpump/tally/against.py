"""A run along x held against the solution without walkers: both numbers, and how far they are apart.

The solution is told by the same books as a run: `mcpump.walk.solution` beside walkers that carry nothing. A run keeps
what it is held against in its file, so that whoever goes on with it holds it against the same numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import InputError
from mcpump.problem.scene import Problem
from mcpump.problem.slab import channels_held, not_held, user_of
from mcpump.tally.estimates import NOTHING, Estimate
from mcpump.tally.observables import mean_estimates, observables, plane_estimates
from mcpump.tally.scales import channels_of
from mcpump.tally.tally import MIN_BLOCKS, Tally
from mcpump.walk.blocks import exponents_of
from mcpump.walk.known import Known
from mcpump.walk.layout import BlockSums, shapes
from mcpump.walk.solution import solution

QUANTITIES = ("plane_current", "spin_density_mean")
"""What a run is held against, the first that it has."""
SOLVED = ("solution_mean", "solution_error")
"""Of what a file holds beside the walk, what `held_against` takes."""
TOLD = 1e-9
"""Errors smaller than this, beside the largest number of their channel, are rounding."""


def books_of(problem: Problem, known: Known) -> Tally:
    """Books of a solution: it is known, and walkers carry nothing."""
    scene = problem.scene
    tally = Tally(scene, exponents_of(scene, user_of(problem)), known=known)
    nothing = BlockSums(flights=0, **{name: np.zeros(shape) for name, shape in shapes(scene).items()})
    for block in range(MIN_BLOCKS):
        tally.add(block, nothing)
    return tally


def solved_observables(problem: Problem) -> dict[str, Estimate]:
    """Every estimate of a problem from the solution without walkers; errors are its own.

    Raises
    ------
    InputError
        If it has none; the sentence says why.
    """
    known = solution(problem, problem.scene.channels)
    found = observables(problem, books_of(problem, known))
    # what walkers alone can fail, or meet
    return {
        name: one for name, one in found.items() if not name.startswith(("self_check", "walkers_at_bound"))
    }


def to_hold_against(problem: Problem) -> dict[str, NDArray[Any]]:
    """Arrays for the file of a run: numbers of the solution and their errors; none where it is not held against one."""
    if not_held(problem):
        return {}
    try:
        books = books_of(problem, solution(problem, channels_held(problem)))
    except (InputError, MemoryError):  # a run is none the worse for it
        return {}
    name = QUANTITIES[0] if problem.scene.planes else QUANTITIES[1]
    one = (plane_estimates if problem.scene.planes else mean_estimates)(problem, books)[name]
    assert one.stderr is not None
    return {"solution_mean": one.mean, "solution_error": one.stderr}


def held_against(
    problem: Problem, found: dict[str, Estimate], solved: dict[str, NDArray[Any]]
) -> dict[str, Estimate]:
    """Hold the estimates of a run against a solution.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    found : dict of str to Estimate
        Those of the run.
    solved : dict of str to ndarray
        From `to_hold_against`.

    Returns
    -------
    dict of str to Estimate
        `solution_NAME`, the solution's numbers beside those of NAME and their errors; `solution_deviation`, run less
        solution in standard errors of both, of the total, NaN where it is not looked at; `solution_rms`, root mean square
        of these, and `solution_numbers`, of how many.
    """
    if "solution_mean" not in solved:
        return {}
    name = next(name for name in QUANTITIES if name in found)
    run, mean, error = found[name], solved["solution_mean"], solved["solution_error"]
    apart = _deviations(problem, run, mean, error)
    looked_at = np.isfinite(apart)
    rms = np.sqrt(np.mean(apart[looked_at] ** 2)) if looked_at.any() else np.nan
    title = "solution without walkers: "
    dims = tuple(axis for axis in run.dims if axis != "part")
    return {
        f"solution_{name}": Estimate(mean, error, run.dims, run.units, title + run.long_name),
        "solution_deviation": Estimate(
            apart, None, dims, "1", f"total {name} less the solution without walkers, in standard errors"
        ),
        "solution_rms": Estimate(
            np.array(rms), None, (), "1", "root mean square of solution_deviation: 1 is expected"
        ),
        "solution_numbers": Estimate(
            np.array(float(looked_at.sum())), None, (), "1", "numbers that are held against the solution"
        ),
    }


def check_solved(problem: Problem, tally: Tally, solved: dict[str, NDArray[Any]]) -> None:
    """Refuse what a file holds of a solution where it has not the layout of what the books tell.

    Raises
    ------
    InputError
        If it has another one.
    """
    held = [solved[name] for name in SOLVED if name in solved]
    if not held:
        return
    with np.errstate(all="ignore"):
        one = (plane_estimates if problem.scene.planes else mean_estimates)(problem, tally)
    run = one[QUANTITIES[0] if problem.scene.planes else QUANTITIES[1]].mean
    if [(array.shape, array.dtype) for array in held] != [(run.shape, run.dtype)] * len(SOLVED):
        raise InputError(
            "what the file holds of its solution has another layout: another build of mcpump has walked it"
        )


def _deviations(problem: Problem, run: Estimate, mean: NDArray[Any], error: NDArray[Any]) -> NDArray[Any]:
    """Totals of a run less the solution's, in standard errors; NaN where neither is more than rounding.

    `sum` has the numbers of `first` and `second` once more.
    """
    # the total is the last part, behind the channel
    (value, noise), exact, own = (part[:, -1] for part in (run.mean, run.error)), mean[:, -1], error[:, -1]
    size = np.nan_to_num(np.abs(exact)).max(axis=tuple(range(1, exact.ndim)), keepdims=True)
    both = np.hypot(noise, own)
    apart = np.divide(value - exact, both, out=np.full_like(both, np.nan), where=both > TOLD * size)
    apart[(np.abs(exact) <= NOTHING * size) & ~(noise > TOLD * size)] = np.nan
    return np.where(_counted(problem, exact.ndim), apart, np.nan)


def _counted(problem: Problem, axes: int) -> NDArray[np.bool_]:
    """Channels that are counted, along the first of so many axes."""
    counted = np.array([name != "sum" for name in channels_of(problem)])
    return counted.reshape(-1, *[1] * (axes - 1))
