"""Solve a deck without walkers: a result with the numbers of a run, whose errors are the solution's own."""

from __future__ import annotations

import platform
import time

import numpy as np

from mcpump.problem.scene import Problem
from mcpump.simulate.checkpoint import line
from mcpump.simulate.engine import provenance_of
from mcpump.tally.against import solved_observables
from mcpump.tally.estimates import Result, Status
from mcpump.tally.observables import coordinates

SENTENCE = (
    "solution without walkers, by discrete ordinates: ± is its own estimate of its error, "
    "from meshes with cells half as wide and from fewer directions"
)


def solve(problem: Problem) -> Result:
    """Solve a problem along x without walkers.

    Parameters
    ----------
    problem : Problem
        A deck made ready by `mcpump.problem.make_problem`.

    Returns
    -------
    Result
        As from `mcpump.simulate.run`, complete, of 0 walkers.

    Raises
    ------
    InputError
        If it has no solution without walkers; the sentence says why.
    """
    started = time.time()
    found = solved_observables(problem)
    return Result(
        name=problem.name,
        resolved=problem.resolved,
        coords=coordinates(problem),
        estimates=found,
        regime=problem.regime,
        warnings=problem.warnings,
        notes=(*problem.notes, SENTENCE),
        walkers=0,
        blocks=0,
        seed=problem.scene.seed,
        flights=0,
        status=Status.COMPLETE,
        message="complete",
        provenance=provenance_of(problem)
        | {
            "history": line(f"solved {problem.name} without walkers"),
            "wall_time_s": time.time() - started,
            "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(started)),
            "python": platform.python_version(),
            "numpy": np.__version__,
            "machine": platform.machine(),
        },
    )
