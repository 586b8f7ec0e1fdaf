"""The walk along x from first collisions: exact answers, the same bits interpreted, alone and together."""

import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lanes import BLOCKS, SAMPLES, WALKERS, along, held_against, plan, sums, totals, wanted
from numpy.testing import assert_allclose, assert_array_equal
from scenes import ABSORBING, FAMILY, SPECULAR, faces, few_rays, problem_of, scene
from shapes import harmonic_parameters

from mcpump.errors import WalkerError
from mcpump.problem.scene import CURRENT, DENSITY, DIVERGENCE, TORQUE
from mcpump.textures.shapes import ENVELOPE_TANH
from mcpump.walk.blocks import ground_of, groundwork_of
from mcpump.walk.lane_block import walk_lane_block, walk_plan
from mcpump.walk.plan import plan_of, table_of
from mcpump.walk.source import Source

CONE = ((0.0, 0.0, 0.5), (0.8, 0.0, 0.0), (0.0, 0.8, 0.0))


@pytest.mark.parametrize("name", SAMPLES)
def test_the_total_is_that_of_the_solution_without_walkers(name):
    """Rings, closed, absorbing and diffuse faces, stacks with passage of every kind, in 1, 2 and 3 dimensions."""
    problem = along(name, walkers_per_block=WALKERS)
    given = problem.scene
    known, walked = sums(problem)
    shape = (len(given.channels), given.time_functions, 3)
    spins = math.prod(shape)
    if given.planes:
        value, error = totals(known, walked, "passages")
        # on a plane where an interface scatters the solution tells the middle of both sides
        smooth = [
            i
            for i, x in enumerate(given.planes)
            if all(abs(x - one.start) > 1e-9 for one in given.layers[1:])
        ]
        inner = [i for i in smooth if given.periodic[0] or 0.0 < given.planes[i] < given.lengths[0]]
        expected = wanted(problem, "current")[inner]
        part = (values[0][inner, :spins].reshape(-1, *shape) for values in (value, error))
        held_against(*part, expected, np.abs(expected).max(initial=1e-300))
    kinds = 3 + given.axes
    value, error = totals(known, walked, "profiles")
    for kind, name_of_kind in ((DENSITY, "density"), (TORQUE, "torque")):
        expected = wanted(problem, name_of_kind)
        part = (values[kind % kinds][:, :spins].reshape(-1, *shape) for values in (value, error))
        held_against(*part, expected, np.abs(expected).max())


@pytest.mark.parametrize("name", ["ring", "junction", "stack"])
def test_currents_in_cells_by_events_and_by_collisions(name):
    """The current averaged over a cell is that of the solution: means of what passes places within the cell."""
    problem = along(name, walkers_per_block=WALKERS)
    given = problem.scene
    known, walked = sums(problem)
    value, error = totals(known, walked, "profiles")
    shape = (given.cells[0], len(given.channels), given.time_functions, 3)
    spins = math.prod(shape[1:])
    fine = problem._replace(
        scene=given._replace(planes=tuple(np.linspace(0.0, given.lengths[0], 4 * given.cells[0] + 1)))
    )
    through = wanted(fine, "current")
    weights = np.array([7.0, 32.0, 12.0, 32.0, 7.0]) / 90.0  # Boole's rule in each cell
    expected = np.array([np.tensordot(weights, through[4 * i : 4 * i + 5], 1) for i in range(given.cells[0])])
    cells = [i for i in range(given.cells[0]) if not _holds_start(given, i)]
    part = (values[CURRENT][:, :spins].reshape(shape)[cells] for values in (value, error))
    held_against(*part, expected[cells], np.abs(expected).max())


def _holds_start(given, cell):
    """Whether an interface or a corner of the texture lies in a cell."""
    width = given.lengths[0] / given.cells[0]
    return any(cell * width - 1e-9 < layer.start < (cell + 1) * width + 1e-9 for layer in given.layers[1:])


@pytest.mark.parametrize("J", [0.15, 1.5])
def test_the_shift_changes_no_number_of_exact(J):
    """Three values of G and none: the same totals, with smaller errors where exchange is strong."""
    given = scene(
        ("exact",), exchange=J, walkers_per_block=WALKERS, planes=(1.2,),
        parameters=harmonic_parameters(*CONE, (0.0, 0.0, 0.0), 0.3, ENVELOPE_TANH, (1.0, 0.4)),
        **faces((SPECULAR, ABSORBING)),
    )  # fmt: skip
    problem = along(given)
    expected = wanted(problem, "current")[0, 0]
    errors = {}
    for shift in ("off", 0.05, 0.3, 2.0):
        value, error = totals(*sums(problem, shift=shift), "passages")
        held_against(
            value[0, 0, :9].reshape(3, 3), error[0, 0, :9].reshape(3, 3), expected, np.abs(expected).max()
        )
        errors[shift] = np.nanmax(error[0, 0, :9])
    if J > 1.0:
        assert errors[0.3] < 0.3 * errors["off"]


def test_run_shift_off_is_a_key(tmp_path):
    problem = along(FAMILY["rough-1"])
    kept, left_out = (groundwork_of(along(FAMILY["rough-1"], shifted=one)) for one in (True, False))
    assert problem.scene.shifted
    assert not np.array_equal(kept.source.rows, left_out.source.rows)
    assert np.abs(left_out.known.value.profiles[4]).max() == 0.0
    assert np.abs(kept.known.value.profiles[4]).max() > 0.0


# --- bits -------------------------------------------------------------------------------------------------------

SMALL = (
    "ring",
    "junction",
    "rough-1",
    "stack",
    "charge",
    "insulators",
    "magnets",
    "losses",
    "partial",
    "waves",
    "box",
)
"""The last three turn in other textures than a rigid precession."""


def small(name):
    return along(name, walkers_per_block=16)


def tallied(name, source):
    """All tallies of a small block, born from a source."""
    tallies, flights, wrong, _ = walk_plan(plan_of(small(name), source), 5)
    assert wrong == 0
    return np.concatenate([tally.ravel() for tally in tallies] + [[float(flights)]])


def test_interpreted_equals_compiled(tmp_path, monkeypatch):
    """Bit for bit, in a process that does not compile; first flights have a test of their own."""
    few_rays(monkeypatch)
    sources = {name: groundwork_of(small(name)).source for name in SMALL}
    born, written = tmp_path / "born.npz", tmp_path / "interpreted.npz"
    np.savez(
        born,
        **{f"{name} {part}": array for name, one in sources.items() for part, array in one._asdict().items()},
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(
        [sys.executable, __file__, str(born), str(written)], env=environment, check=True, timeout=900
    )
    interpreted = np.load(written)
    for name in SMALL:
        assert_array_equal(tallied(name, sources[name]), interpreted[name])


@pytest.mark.parametrize("name", ["stack", "charge", "partial", "charge-box"])
def test_walkers_alone_are_those_of_the_block(name, monkeypatch):
    """A walker's path does not depend on who flies beside it: one at a time they add up to the block."""
    few_rays(monkeypatch)
    count = 600  # more than there are lanes
    problem = along(name, walkers_per_block=count)
    laid = plan_of(problem, groundwork_of(problem).source)
    together, flights, _, _ = walk_plan(laid, 3)
    alone = [walk_plan(laid, 3, only) for only in range(count)]
    assert sum(one[1] for one in alone) == flights
    for whole, *parts in zip(together, *(one[0] for one in alone), strict=True):
        assert_allclose(np.sum(parts, axis=0), whole, rtol=0.0, atol=1e-12 * np.abs(whole).max())


def test_blocks_do_not_depend_on_each_other():
    problem = along("junction", walkers_per_block=32)
    ground = ground_of(problem)
    first = ground.walk(7)
    ground.walk(3)
    again = ground_of(problem).walk(7)
    for one, other in zip(first, again, strict=True):
        assert_array_equal(one, other)


def test_a_walker_with_too_many_flights_is_named():
    problem = along("ring", walkers_per_block=32, max_flights=1)
    with pytest.raises(WalkerError, match=r"took more than run\.max_flights = 1 flights"):
        walk_lane_block(plan(problem)[1], 2)


# --- budget and jumps -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLES)
def test_the_budget_closes_walker_by_walker(name):
    """Emitted and torque = stored, relaxed, left and cut: along the axis to rounding, without the known part."""
    problem = along(name, walkers_per_block=64)
    _, laid = plan(problem)
    budget = walk_lane_block(laid, 1).budget
    spins = len(problem.scene.channels) * problem.scene.time_functions * 3
    rest = budget[:2].sum(axis=0) - budget[2:].sum(axis=0)
    assert_allclose(rest[:spins], 0.0, rtol=0.0, atol=1e-12 * np.abs(budget).max())


def test_jumps_agree_with_flights():
    """Far from texture and faces walkers jump: density and currents are those of the solution without walkers."""
    given = scene(
        ("first", "second"), lengths=(400.0, 1.0, 1.0), cells=(20, 1, 1), planes=(200.0, 300.0), gamma_sf=3e-4,
        walkers_per_block=256, parameters=harmonic_parameters(*CONE, (0.0,) * 3, 1e-5, ENVELOPE_TANH, (100.0, 20.0)),
        period=2e5 * math.pi, **faces((SPECULAR, ABSORBING)),
    )  # fmt: skip
    problem = along(given, jump=100.0, score_interval=4)
    _, laid = plan(problem)
    assert laid.numbers.jump >= 16.0
    known, walked = sums(problem)
    flights = sum(one.flights for one in walked) / (BLOCKS * 256)
    assert flights < 1000.0  # of more than 2000
    shape = (2, 3, 3)
    value, error = totals(known, walked, "passages")
    expected = wanted(problem, "current")
    held_against(
        value[0][:, :18].reshape(-1, *shape),
        error[0][:, :18].reshape(-1, *shape),
        expected,
        np.abs(expected).max(),
    )
    value, error = totals(known, walked, "profiles")
    expected = wanted(problem, "density")
    held_against(
        value[DENSITY][:, :18].reshape(-1, *shape),
        error[DENSITY][:, :18].reshape(-1, *shape),
        expected,
        np.abs(expected).max(),
    )


def test_the_table_of_areas_integrates():
    """∫f dx of a smooth envelope and of a step, from cubics."""
    table = table_of(lambda x: 0.5 * (1.0 - np.tanh((x - 1.0) / 0.05)), 3.0)
    width = 3.0 / len(table)
    x = 1.37
    t = x / width - int(x / width)
    found = np.polynomial.polynomial.polyval(t, table[int(x / width)])
    assert found == pytest.approx(
        1.0 + 0.025 * (math.log(math.cosh(20.0)) - math.log(math.cosh(7.4)) - 12.6) + 0.0, abs=2e-6
    )
    step = table_of(lambda x: np.where(x < 1.5, 1.0, 0.0), 3.0)
    assert step[-1].sum() == pytest.approx(1.5, abs=1e-12)


def test_two_of_a_pair_set_out_in_opposite_directions():
    _, laid = plan(along("ring", walkers_per_block=2))
    ways = []
    for only in range(2):
        trace = np.zeros((1, 4))
        walk_plan(laid, 0, only, trace)
        ways.append(trace[0, 3])
    assert ways[0] == -ways[1] != 0.0


def interpret(born, written):
    """Walk the small blocks from what another process has worked out."""
    arrays = np.load(born)
    sources = {name: Source(*(arrays[f"{name} {part}"] for part in Source._fields)) for name in SMALL}
    np.savez(written, **{name: tallied(name, source) for name, source in sources.items()})


if __name__ == "__main__":
    interpret(*map(Path, sys.argv[1:]))


@pytest.mark.parametrize("axes", [1, 2])
def test_spin_is_conserved_in_the_cells_beside_a_rough_interface(axes, monkeypatch):
    """∇·j = torque − n/τ_sf in every cell, also where walkers are born at an interface on their edge."""
    few_rays(monkeypatch)
    layers = (FAMILY["ring"].layers[0], FAMILY["stack"].layers[2]._replace(start=1.5))
    given = scene(
        ("second", "exact"), layers=layers, axes=axes, cells=(6, axes, 1), walkers_per_block=WALKERS,
        parameters=harmonic_parameters(*CONE, (0.0,) * 3, 0.3, ENVELOPE_TANH, (1.5, 0.4)), from_collisions=True,
        phases=5, **faces((SPECULAR, (0.4, 0.2))),
    )  # fmt: skip
    ground = ground_of(problem_of(given))
    known = ground.known.value.profiles
    walked = np.array([ground.walk(block).profiles for block in range(BLOCKS)]) + known
    local, diffusive = np.split(walked, 2, axis=1)
    both = (local + diffusive).reshape(BLOCKS, 3 + axes, 6, axes, 2, given.time_functions, 3)[..., 0, 2]
    both = both.mean(axis=3)  # over y
    gamma = np.repeat([layer.gamma_sf for layer in layers], 3)[:, None]
    rest = both[:, DIVERGENCE] + gamma * both[:, DENSITY] - both[:, TORQUE]
    error = np.sqrt(rest.var(axis=0, ddof=1) / BLOCKS)
    size = np.abs(both[:, DIVERGENCE].mean(axis=0)).max()
    rays = 5e-3 * size if axes > 1 else 1e-9 * size  # few
    assert np.abs(rest.mean(axis=0) / np.sqrt(error**2 + rays**2)).max() < 4.0
    assert error.max() < 0.1 * size
