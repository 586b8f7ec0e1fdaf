"""Walkers on a GPU against the cores of the same machine: flights/s, and seconds to 1 %.

`python tests/benchmarks/gpu.py` needs mcpump[cuda] and an NVIDIA GPU, takes some minutes and prints a table; after 8 it
begins no deck. `--smallest` walks next to nothing, also in numba's simulator (NUMBA_ENABLE_CUDASIM=1), whose times mean
nothing. `--ptx FILE` needs no GPU: it writes the kernel as NVVM compiles it for an H100, and tells what is in it.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from machine import commit, processor
from rows import table
from walking import deck_problem, planned

from mcpump.errors import InputError
from mcpump.machine import cores
from mcpump.problem.scene import Problem
from mcpump.simulate.checkpoint import start_of
from mcpump.simulate.engine import check_device, run, watched_error
from mcpump.tally.estimates import Result
from mcpump.tally.tally import Tally
from mcpump.walk.blocks import ground_of
from mcpump.walk.fixed import fixed_tallies, scaled
from mcpump.walk.known import groundwork_from
from mcpump.walk.lane_block import kinds_of

DECKS = ("azurv1", "stack", "py_pt", "vortex")
ROOFLINE = 7e10 / 3.0
"""Flights/s of `exact` that an H100 might reach: a third of what its arithmetic would allow, an estimate."""
SECONDS = 480.0
"""No deck is begun later."""
ON_GPU, ON_CPU, IN_LANES = "GPU", "CPU, fixed point", "CPU"
WAYS = {
    ON_GPU: ("run.device=cuda", f"run.walkers_per_block={2**18}"),
    ON_CPU: ("run.sums=fixed", f"run.walkers_per_block={2**12}"),
    IN_LANES: (f"run.walkers_per_block={2**12}",),
}
FIRST, ALL = 16, 48
"""Blocks before the clock starts, and in the end."""


class Measured(NamedTuple):
    """What a run took."""

    flights: int
    walkers: int
    seconds: float
    error: float
    """Relative error that comes of walkers, of all of them."""

    @property
    def to_one_percent(self) -> float:
        """Seconds of walking to 1 %."""
        return self.seconds * (self.error / 0.01) ** 2


def measured(name: str, overrides: tuple[str, ...], blocks: tuple[int, int]) -> Measured:
    """Walk some blocks of a deck, which compile and find what is known, then more against the clock."""
    problem = deck_problem(name, *overrides)
    problem = problem._replace(stop=None)
    check_device(problem)
    each, found = problem.scene.walkers_per_block, []
    start = None
    for count in blocks:
        began = time.perf_counter()
        result = run(problem._replace(walkers=each * count), start=start)
        assert result is not None
        found.append((result, time.perf_counter() - began))
        start = start_of(result, name)
    (first, _), (whole, seconds) = found
    # the books of all blocks tell the error, and scale to those that were timed
    share = (whole.blocks - first.blocks) / whole.blocks
    error = scatter(problem, whole) / share**0.5
    return Measured(whole.flights - first.flights, whole.walkers - first.walkers, seconds, error)


def scatter(problem: Problem, result: Result) -> float:
    """Relative error of the largest current through a plane that comes of walkers alone."""
    start = start_of(result, problem.name)
    ground = ground_of(problem, groundwork_from(start.groundwork, problem.scene))
    known = None if ground.known is None else ground.known._replace(deviations=())
    return watched_error(problem, Tally(problem.scene, ground.exponents, start.sums, known), result.blocks)


def rows_of(name: str, smallest: bool) -> list[list[str]]:
    """Rows of a deck, or the sentence that refuses it."""
    small = ("run.walkers_per_block=2", "run.first_flights=1") if smallest else ()
    found = {}
    try:
        for way, overrides in WAYS.items():
            found[way] = measured(
                name, (*overrides, *small), (FIRST, FIRST + 16) if smallest else (FIRST, ALL)
            )
    except InputError as error:
        return [[name, ON_GPU, "–", "–", "–", "–", str(error).partition(";")[0]]]
    base = found[IN_LANES]
    rate = base.flights / base.seconds
    rows = []
    for way, one in found.items():
        ratio = one.flights / one.seconds / rate
        roof = f"{one.flights / one.seconds / ROOFLINE:.2g} of the roofline" if way == ON_GPU else ""
        rows.append([
            name, way, f"{one.walkers}", f"{one.flights / one.seconds:.3g}", f"{one.to_one_percent:.3g}", f"{ratio:.3g}",
            roof,
        ])  # fmt: skip
    return rows


def head() -> str:
    """What is measured where."""
    from numba import cuda

    gpus = ", ".join(str(getattr(gpu, "name", gpu)) for gpu in cuda.gpus) or "a simulated GPU"
    return f"{gpus}; {cores()} cores of {processor()}; {commit()}"


def ptx(path: Path) -> str:
    """Write the kernel for an H100, compiled without one; tells what is in it."""
    from numba import cuda
    from numba.cuda import dispatcher
    from numba.cuda.typing.typeof import typeof

    from mcpump.walk import gpu_kernel
    from mcpump.walk.arithmetic import key

    class H100:
        compute_capability = (9, 0)

    dispatcher.get_current_device = H100
    plan = scaled(planned(deck_problem("junction"))).plan
    given: list[Any] = [plan.numbers, plan.course, np.zeros((1, 0)), kinds_of(plan.columns), plan.table]
    given += [fixed_tallies(plan), key(1), (0, 0, 2), np.zeros(2, np.int64)]
    signature = cuda.types.void(*map(typeof, given))
    with gpu_kernel.strictly():
        text, _ = cuda.compile(
            gpu_kernel.python_kernel(plan.columns.row),
            signature,
            cc=(9, 0),
            output="ptx",
            device=False,
            abi="numba",
        )
    path.write_text(text, encoding="utf-8")
    names = {
        "fused": "fma.rn.f64",
        "atomic additions": "atom.",
        "loads of local memory": "ld.local",
        "calls": "call",
    }
    return ", ".join(f"{what}: {text.count(word)}" for what, word in names.items())


def main(arguments: list[str]) -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true")
    parser.add_argument("--ptx", type=Path)
    parser.add_argument("--only", nargs="+", choices=DECKS, default=DECKS)
    options = parser.parse_args(arguments)
    if options.ptx:
        print(ptx(options.ptx))
        return 0
    began, rows = time.monotonic(), []
    for name in options.only:
        if time.monotonic() - began < SECONDS:
            rows += rows_of(name, options.smallest)
    print(head() + "\n")
    print(
        table(
            ["deck", "walked on", "walkers", "flights/s", "s to 1 %", "flights/s over CPU", "remarks"], rows
        )
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
