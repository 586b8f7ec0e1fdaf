"""Spins that any texture turns, in lanes: exact answers, the shift, and what happens to a texture that is not finite."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scenes import ABSORBING, FAMILY, SPECULAR, STACK, USER_SOURCE, faces, few_rays, problem_of, scene
from scipy import stats
from shapes import harmonic_parameters
from solved import slab_of

from mcpump.errors import WalkerError
from mcpump.problem.scene import DENSITY, TORQUE
from mcpump.textures.parameters import DOMAIN_WALL, USER
from mcpump.textures.shapes import ENVELOPE_TANH
from mcpump.walk import blocks
from mcpump.walk.blocks import groundwork_of
from mcpump.walk.columns import MORE_HARMONICS
from mcpump.walk.lane_block import walk_lane_block
from mcpump.walk.plan import columns_of, plan_of

FALSE_ALARM = 1e-4
BLOCKS, WALKERS = 48, 256
TANH = ENVELOPE_TANH, (1.5, 0.4)
ROUND = ((0.0, 0.0, 0.5), (0.8, 0.0, 0.0), (0.0, 0.8, 0.0))
FLAT = ((0.0, 0.0, 0.5), (0.8, 0.0, 0.0), (0.0, 0.3, 0.0))
TURNED = ("partial", "stack-2", "waves", "box", "user")


@pytest.fixture(name="few")
def _few(monkeypatch):
    few_rays(monkeypatch)


def led(given, **changes):
    return problem_of(given._replace(from_collisions=True, **changes))


def totals(problem, groundwork):
    """Local and diffusive part together: means and standard errors of passages and profiles."""
    laid = plan_of(problem, groundwork.source)
    walked = [walk_lane_block(laid, block) for block in range(BLOCKS)]
    found = {}
    for part in ("passages", "profiles"):
        values = np.array([getattr(one, part) for one in walked])
        fixed, *off = (np.asarray(getattr(row, part)) for row in groundwork.known.rows)
        half = values.shape[1] // 2
        mean = values.mean(axis=0) + fixed
        of_rays = sum((one[:half] + one[half:]) ** 2 for one in off)
        both = values[:, :half] + values[:, half:]
        error = np.sqrt(both.var(axis=0, ddof=1) / BLOCKS + of_rays)
        found[part] = mean[:half] + mean[half:], error
    return found


def assert_same(difference, error, size, freedom=7):
    """Nothing stands out of its error; that of rays is known from eight sets alone."""
    sure = error <= 1e-9 * size
    assert np.abs(difference[sure]).max(initial=0.0) <= 1e-6 * size
    z = difference[~sure] / error[~sure]
    assert z.size > 0
    assert np.abs(z).max() < stats.t(freedom).isf(FALSE_ALARM / 2 / z.size)


@pytest.mark.parametrize("name", ["junction", "stack"])
def test_a_rigid_precession_in_two_dimensions_is_that_along_x(name):
    """A ring along y makes spins turn as in any texture: means over it are those of the solution without walkers."""
    given = scene(
        parameters=harmonic_parameters(*ROUND, (0.0,) * 3, 0.3, *TANH), phases=5, planes=(1.3,),
        layers=STACK if name == "stack" else FAMILY["junction"].layers, walkers_per_block=WALKERS,
        **faces((SPECULAR, ABSORBING if name == "junction" else (0.4, 0.2))),
    )  # fmt: skip
    wanted = slab_of(problem_of(given))
    flat = led(given, axes=2, lengths=(3.0, 2.0, 1.0), cells=(6, 2, 1))
    assert columns_of(flat).turned == ("exact", "second_ladder")
    found = totals(flat, groundwork_of(flat))
    channels, functions = len(given.channels), given.time_functions
    width = channels * functions * 3
    for part, kind, of in (
        ("passages", 0, "current"),
        ("profiles", DENSITY, "density"),
        ("profiles", TORQUE, "torque"),
    ):
        expected = np.stack(
            [np.moveaxis(getattr(wanted[each], of).sum(axis=0), -1, 0) for each in given.channels], 1
        )
        mean, error = (values[kind][:, :width].reshape(-1, channels, functions, 3) for values in found[part])
        if part == "profiles":
            mean = mean.reshape(6, 2, *mean.shape[1:]).mean(axis=1)
            error = np.sqrt(
                (error.reshape(6, 2, *error.shape[1:]) ** 2).mean(axis=1)
            )  # not less than that of the mean
        for i, channel in enumerate(given.channels):
            size = np.abs(expected[:, i]).max()
            if size > 0.0:
                assert_same(mean[:, i] - expected[:, i], error[:, i], size)
                if channel in ("second_ladder", "exact"):
                    assert np.median(error[:, i]) < 0.1 * size


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("J", [0.15, 1.5])
def test_the_shift_changes_no_number_of_exact(J, monkeypatch):
    """Three values of G and none, of a precession that is not round: the same totals."""
    given = scene(
        ("exact",), exchange=J, walkers_per_block=WALKERS, planes=(1.2,), phases=5,
        parameters=harmonic_parameters(*FLAT, (0.0,) * 3, 0.3, *TANH), **faces((SPECULAR, ABSORBING)),
    )  # fmt: skip
    problem = led(given)
    found = []
    for G in (None, 0.05, 0.3, 2.0):
        monkeypatch.setattr(blocks, "shift_rates", lambda exchange, rate, G=G: G * rate)
        # other seeds, so that no two share rays or walkers
        one = led(problem.scene, shifted=G is not None, seed=len(found))
        found.append(totals(one, groundwork_of(one))["passages"])
    for mean, error in found[1:]:
        apart, sigma = mean[0, 0] - found[0][0][0, 0], np.hypot(error[0, 0], found[0][1][0, 0])
        assert_same(apart, sigma, np.abs(mean).max())


@pytest.mark.usefixtures("few")
def test_more_harmonics_are_born_than_are_asked_for():
    problem = led(FAMILY["partial"])
    columns = columns_of(problem)
    assert columns.born == problem.scene.harmonics + MORE_HARMONICS
    assert columns.numbers - columns.row == 3 * 3 * (1 + 2 * columns.born)
    assert groundwork_of(problem).source.rows.shape[2] == columns.numbers
    frozen = led(scene(("first", "second"), texture=DOMAIN_WALL, parameters=FAMILY["partial"].parameters))
    assert columns_of(frozen).numbers == columns_of(frozen).row


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize("name", TURNED)
def test_the_budget_closes_walker_by_walker(name, tmp_path):
    """Emitted and torque = stored, relaxed, left and cut, without the known part."""
    path = tmp_path / "texture.py"
    path.write_text(USER_SOURCE)
    given = FAMILY[name]
    problem = problem_of(given._replace(from_collisions=True, walkers_per_block=64), str(path))
    budget = walk_lane_block(plan_of(problem, groundwork_of(problem).source), 1).budget
    spins = len(given.channels) * given.time_functions * 3
    rest = budget[:2].sum(axis=0) - budget[2:].sum(axis=0)
    assert_allclose(rest[:spins], 0.0, rtol=0.0, atol=1e-12 * np.abs(budget).max())


@pytest.mark.usefixtures("few")
def test_steady_torque_is_scored_as_spins_take_it_up():
    """Two ways to the same number: torque at collisions, and what spins are at their end less at birth."""
    problem = led(FAMILY["partial"], walkers_per_block=1024)
    given = problem.scene
    laid = plan_of(problem, groundwork_of(problem).source)
    walked = [walk_lane_block(laid, block) for block in range(BLOCKS)]
    torque = np.array(
        [one.profiles[3 + given.axes + TORQUE].mean(axis=0) * given.lengths[0] for one in walked]
    )
    taken = np.array([one.budget[1] for one in walked])
    apart = (taken - torque).reshape(BLOCKS, len(given.channels), given.time_functions, 3)[:, :, 0]
    z = apart.mean(axis=0) / (apart.std(axis=0, ddof=1) / math.sqrt(BLOCKS))
    assert np.abs(z).max() < stats.t(BLOCKS - 1).isf(FALSE_ALARM / z.size)
    sizes = np.abs(taken.mean(axis=0)).max()
    assert apart.std(axis=0, ddof=1).max() / math.sqrt(BLOCKS) < 0.1 * sizes


NOT_FINITE = """
import math

def S(x, y, z, t):
    if x > 2.4 and math.cos(0.3 * t) > 0.999:
        return math.inf * 0.0, 0.0, 0.0
    return 0.6 * math.cos(0.3 * t), 0.3 * math.sin(0.3 * t), 0.5
"""


@pytest.mark.usefixtures("few")
def test_a_walker_that_meets_what_is_not_finite_is_named(tmp_path):
    path = tmp_path / "texture.py"
    path.write_text(NOT_FINITE)
    given = FAMILY["user"]._replace(from_collisions=True, walkers_per_block=256)
    assert given.texture == USER
    good = tmp_path / "good.py"
    good.write_text(NOT_FINITE.replace("0.999", "1.999"))
    source = groundwork_of(problem_of(given, str(good))).source
    with pytest.raises(WalkerError, match="met a number that is not finite"):
        walk_lane_block(plan_of(problem_of(given, str(path)), source), 0)
