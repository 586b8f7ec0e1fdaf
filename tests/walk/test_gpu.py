"""Walkers on a GPU, simulated: walker by walker the bits of lanes whose sums are in fixed point; and these sums.

As a program (`python test_gpu.py BORN WRITTEN`) it walks on the GPU that numba simulates, from births that it is given,
and writes tallies: which GPU there is must be said before numba is loaded.
"""

import ast
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from lanes import along
from numpy.testing import assert_allclose, assert_array_equal
from scenes import FAMILY, IN_LANES_ALONE, few_rays

from mcpump.compiled import kernel
from mcpump.errors import InputError, RangeError, WalkerError
from mcpump.walk import events, fixed, jumps, lane_loops, scores, walkers
from mcpump.walk.blocks import ground_of, groundwork_of
from mcpump.walk.lane_block import walk_lane_block
from mcpump.walk.plan import plan_of
from mcpump.walk.source import Source

NAMES = (
    "ring",
    "jumps",
    "junction",
    "stack",
    "rough-2",
    "charge",
    "insulators",
    "magnets",
    "losses",
    "charge-2",
)
"""All channels and kinds of gates, dipoles, walkers without a row, those that jump, and a mesh."""
WALKERS, BLOCK, ALONE = 14, 5, (0, 3, 13)
JUMPS = {"jump": 100.0, "score_interval": 4, "lengths": (60.0, 1.0, 1.0), "planes": (0.0, 30.0)}


def small(name, walkers=WALKERS, **more):
    if name == "jumps":
        return along(FAMILY["ring"], walkers_per_block=walkers, **JUMPS, **more)
    return along({**FAMILY, **IN_LANES_ALONE}[name], walkers_per_block=walkers, **more)


def plan(name, walkers=WALKERS, source=None, **more):
    problem = small(name, walkers, **more)
    return plan_of(problem, source or groundwork_of(problem).source)


def flat(tallies):
    assert all(one.dtype == np.int64 for one in tallies)
    return np.concatenate([one.ravel() for one in tallies])


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    """What the simulated GPU adds up, and the births of its walkers."""
    with pytest.MonkeyPatch.context() as patch:
        few_rays(patch)
        sources = {name: groundwork_of(small(name)).source for name in NAMES}
    folder = tmp_path_factory.mktemp("gpu")
    born, written = folder / "born.npz", folder / "written.npz"
    np.savez(
        born,
        **{f"{name} {part}": array for name, one in sources.items() for part, array in one._asdict().items()},
    )
    environment = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(
        [sys.executable, __file__, str(born), str(written)], env=environment, check=True, timeout=300
    )
    with np.load(written) as file:
        return sources, dict(file)


@pytest.mark.parametrize("name", NAMES)
def test_walkers_have_the_bits_of_lanes(simulated, name):
    """All that a walker scores, one at a time, and its flights; all of a block together."""
    sources, written = simulated
    given = fixed.scaled(plan(name, source=sources[name]))
    flights = [given.tallied(BLOCK, only)[1] for only in range(WALKERS)]
    assert_array_equal(written[f"{name} flights"], flights)
    for only in ALONE:
        alone = flat(given.tallied(BLOCK, only)[0])
        assert alone.any()
        assert_array_equal(written[f"{name} {only}"], alone)
    assert_array_equal(written[f"{name} block"], flat(given.tallied(BLOCK)[0]))


@pytest.mark.parametrize("name", NAMES)
def test_order_and_threads_do_not_matter(simulated, name):
    """Halves of a block, the later first, on another grid; walkers one by one on a CPU."""
    sources, written = simulated
    assert_array_equal(written[f"{name} halves"], written[f"{name} block"])
    given = fixed.scaled(plan(name, source=sources[name]))
    parts = [flat(given.tallied(BLOCK, only)[0]) for only in range(WALKERS)]
    assert_array_equal(np.sum(parts[::-1], axis=0), written[f"{name} block"])


def test_what_goes_wrong_on_a_gpu_is_told(simulated):
    """The walker is named, as on a CPU; a number too large is refused; a process without a GPU is told."""
    words = simulated[1]["wrong"]
    first = int(np.argmax(simulated[1]["junction flights"] > 3))
    assert f"walker {BLOCK * WALKERS + first} took more than run.max_flights = 3 flights" in words[0]
    assert words[1] == "a block's sum in fixed point is not finite or out of range"
    assert words[2].startswith(
        'run.device = "cuda" (--device cuda) needs a GPU for each process of a node: this one'
    )
    assert "process 65 none" in words[2]


@pytest.mark.parametrize("name", NAMES)
def test_sums_are_those_in_floating_point(name, monkeypatch):
    """The same walkers: what is rounded is 1e-9 of the largest number of a kind."""
    few_rays(monkeypatch)
    given = plan(name, 600)
    usual = walk_lane_block(given, BLOCK)
    rounded = fixed.scaled(given).walk(BLOCK)
    assert rounded.flights == usual.flights
    for part in ("profiles", "passages", "budget", "means", "projections", "conserved", "converted"):
        value, expected = getattr(rounded, part), getattr(usual, part)
        scale = np.abs(expected).max(initial=0.0)
        assert_allclose(value, expected, rtol=0.0, atol=1e-9 * scale, err_msg=part)
    assert np.abs(usual.profiles).max() > 0.0


def test_numbers_that_are_too_large_are_refused():
    """A walker's number beyond 2^61, a sum beyond 2^62, and what is no number."""
    given = fixed.scaled(plan("junction", 64))
    for factor in (2.0**30, math.nan):
        course = given.plan.course
        spoilt = given.plan._replace(course=course._replace(source=course.source * factor))
        with pytest.raises(RangeError, match="fixed point is not finite or out of range"):
            given._replace(plan=spoilt).walk(0)


@kernel
def added(tally, value, times):
    """Add a number to a sum so many times."""
    for _ in range(times):
        fixed.add_fixed(tally, 0, 0, value)


def test_a_sum_near_its_end():
    """Sums are right up to 2^62, and what passes it is noted, however it comes back."""
    for value in (2.0**60, -(2.0**60)):
        for times, noted in ((3, 0), (4, 1)):
            tally = np.zeros((1, 2), np.int64)
            added(tally, value, times)
            assert tally[0, 1] == noted
            assert tally[0, 0] == times * int(value)
    tally = np.zeros((1, 2), np.int64)
    added(tally, 2.0**61, 1)
    assert tally.tolist() == [[0, 1]]


def test_sums_do_not_depend_on_what_a_spin_is_measured_in():
    """Numbers born 2^100 times as large have the same integers."""
    problem = small("junction")
    source = groundwork_of(problem).source
    large = source._replace(rows=source.rows * 2.0**100)
    one, other = (fixed.scaled(plan_of(problem, some)).tallied(BLOCK)[0] for some in (source, large))
    assert_array_equal(flat(one), flat(other))


@kernel
def series(x, found):
    """Cosine, sine, and e^−x − 1 of numbers."""
    for i in range(len(x)):
        found[0, i], found[1, i] = fixed.cosine(x[i]), fixed.sine(x[i])
        found[2, i] = fixed.exponential_less_one(-x[i])


def test_series_in_the_place_of_the_mathematical_library():
    x = np.concatenate([np.linspace(0.0, 2.0, 2001), np.geomspace(1e-12, 800.0, 4001)])
    found = np.zeros((3, len(x)))
    series(x, found)
    for row, exact in zip(found[:2], (np.cos(x), np.sin(x)), strict=True):
        assert_allclose(row, exact, rtol=0.0, atol=1e-12)
    assert_allclose(found[2], np.expm1(-x), rtol=2e-15, atol=0.0)


def test_a_block_on_the_cpu_names_who_went_wrong():
    problem = small("ring", 32, max_flights=1, fixed_sums=True)
    with pytest.raises(WalkerError, match=r"took more than run\.max_flights = 1 flights"):
        ground_of(problem).walk(2)


def _wrong(source):
    """Sentences of what goes wrong."""
    from mcpump.walk.gpu import device_number, on_gpu

    few = fixed.scaled(plan("junction", source=source, max_flights=3))
    course = few.plan.course
    spoilt = few.plan._replace(course=course._replace(source=course.source * 2.0**30))
    usual = few.plan._replace(numbers=few.plan.numbers._replace(max_flights=10**9))
    told = []
    for given in (few, few._replace(plan=spoilt._replace(numbers=usual.numbers))):
        with pytest.raises((WalkerError, RangeError)) as caught:
            on_gpu(given).walk(BLOCK)
        told.append(str(caught.value))
    os.environ["SLURM_LOCALID"] = "64"
    with pytest.raises(InputError) as caught:
        device_number()
    return [*told, str(caught.value)]


def _on_simulated_gpu(born, written):
    """Walk on the simulated GPU."""
    from mcpump.walk.gpu import on_gpu

    found = {}
    with np.load(born) as file:
        sources = {name: Source(*(file[f"{name} {part}"] for part in Source._fields)) for name in NAMES}
    for name in NAMES:
        gpu = on_gpu(fixed.scaled(plan(name, source=sources[name])))
        tallies, flights = gpu.tallied(BLOCK, threads=5)
        found |= {f"{name} block": flat(tallies), f"{name} flights": flights}
        halves = [
            gpu.tallied(BLOCK, *half, threads=3)[0] for half in ((WALKERS // 2, WALKERS), (0, WALKERS // 2))
        ]
        found[f"{name} halves"] = flat(halves[0]) + flat(halves[1])
        for only in ALONE:
            found[f"{name} {only}"] = flat(gpu.tallied(BLOCK, only, only + 1)[0])
    np.savez(written, **found, wrong=np.array(_wrong(sources["junction"])))


@pytest.mark.parametrize("module", [events, jumps, lane_loops, scores, walkers])
def test_all_that_adds_to_tallies_can_be_translated(module):
    """A bare += would round a number to an integer unseen where sums are in fixed point: kernels add by `scores.add`."""
    tree = ast.parse(Path(module.__file__).read_text(encoding="utf-8"))
    own = {"lanes", "walker", "number", "age", "depth", "flag", "rows"}
    bare = [
        f"{function.name}: {ast.unparse(node)}"
        for function in ast.walk(tree)
        if isinstance(function, ast.FunctionDef) and function.name != "add"
        for node in ast.walk(function)
        if isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Subscript)
        if ast.unparse(node.target.value).partition(".")[0] not in own
    ]
    assert not bare


if __name__ == "__main__":
    _on_simulated_gpu(*sys.argv[1:])
