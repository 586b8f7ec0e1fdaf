"""What a block adds to the books: densities from raw tallies, the channel `sum`, sizes, and the ground of a problem."""

import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scenes import (
    FAMILY,
    LAYER,
    PLANE,
    SPECULAR,
    STILL,
    USER_SOURCE,
    L,
    blocks_of,
    budget_of,
    faces,
    few_rays,
    problem_of,
    profiles_of,
    scene,
    transient,
    user_for,
    walked,
)  # fmt: skip
from test_pulse_walk import DECKS
from test_pulse_walk import problem_of as pulse_problem

from mcpump.names import CHANNELS
from mcpump.tally.tally import Tally
from mcpump.textures.moving import no_user
from mcpump.textures.parameters import USER
from mcpump.walk import blocks
from mcpump.walk.blocks import exponents_of, ground_of, groundwork_of
from mcpump.walk.course import course_of, plain
from mcpump.walk.known import arrays_of, groundwork_from
from mcpump.walk.layout import HaltedError, amplitudes, shapes


@pytest.mark.parametrize("name", FAMILY)
def test_shapes_of_a_block(name, tmp_path):
    given = FAMILY[name]
    sums = walked(given, 0, user_for(given, tmp_path))
    size, bins = amplitudes(given), max(given.time_bins, 1)
    both, charges = {"first", "second"} <= set(given.channels), len(given.sources) > 1
    assert size == (len(given.walked) + both + charges) * given.time_functions * 3
    assert sums.profiles.shape == (2 * given.kinds, math.prod(given.cells) * bins, size)
    assert sums.passages.shape == (2, len(given.planes) * bins, size)
    assert sums.budget.shape == (len(given.lines), size)
    assert sums.means.shape == (2, size)
    assert given.sources or not sums.projections.any()  # of charge: its waves
    assert all(np.isfinite(part).all() for part in sums)


@pytest.mark.parametrize("name", ["ring", "everywhere", "waves"])
def test_the_channel_sum_is_first_and_second(name):
    given = FAMILY[name]
    sums = walked(given)
    width = given.time_functions * 3
    for part in (sums.profiles, sums.passages, sums.budget, sums.means):
        assert np.array_equal(part[..., -width:], part[..., :width] + part[..., width : 2 * width])


@pytest.mark.parametrize(
    ("channels", "both"), [(("first",), 0), (("second", "exact"), 0), (("first", "second"), 1)]
)
def test_the_channel_sum_needs_both(channels, both):
    assert amplitudes(scene(channels=channels)) == 9 * (len(channels) + both)


def test_channels_do_not_depend_on_each_other():
    """The same numbers in every company, to rounding: spins that nothing turns any more are carried as amplitudes."""
    whole = profiles_of(FAMILY["ring"], walked(FAMILY["ring"]))
    for i, name in enumerate(CHANNELS):
        alone = FAMILY["ring"]._replace(slots=tuple(0 if other == name else -1 for other in CHANNELS))
        profiles = profiles_of(alone, walked(alone))
        size = np.abs(profiles).max()
        np.testing.assert_allclose(profiles[..., 0, :, :], whole[..., i, :, :], rtol=0.0, atol=1e-13 * size)


def test_only_a_sample_with_an_end_has_a_sink():
    closed = scene(gamma_sf=0.0, t_max=9.0)
    assert not closed.has_sink
    assert scene(layers=(LAYER._replace(gamma_sf=0.0), LAYER._replace(start=1.0, gamma_sf=0.01))).has_sink
    assert scene(gamma_sf=0.0, **faces((SPECULAR, (1e-3, 1.0)))).has_sink
    assert transient(gamma_sf=0.0).has_sink


def test_without_a_sink_the_density_is_relative_to_its_mean():
    given = FAMILY["closed"]
    sums = walked(given)
    diffusive = profiles_of(given, sums)[1, 0]
    np.testing.assert_allclose(
        diffusive.mean(axis=(0, 1, 2)), 0.0, atol=1e-15 * np.abs(diffusive).max() + 1e-17
    )
    assert np.abs(sums.means[1]).max() > 0.0
    # with one it is not, and the means are those of the profiles
    given = FAMILY["junction"]
    sums = walked(given)
    np.testing.assert_allclose(sums.means, sums.profiles[[0, 4]].mean(axis=1), rtol=1e-13, atol=1e-18)


def test_a_transient_has_no_means():
    assert not walked(FAMILY["plane"]).means.any()


def test_densities_are_per_cell_bin_and_area():
    """All spin of a plane at t = 0 is in the sample: density × volume × time of the first bin, per area."""
    given = transient(
        **STILL,
        **{**PLANE, "initial_walkers": 64},
        walkers_per_block=64,
        axes=3,
        gamma_sf=0.0,
        channels=("first",),
    )
    profiles = profiles_of(given, walked(given))
    width = L / given.cells[0]
    per_area = profiles[:, 0, ..., 0, 0, :].sum(axis=(0, 1)).mean(axis=(0, 1)) * width  # time, component
    np.testing.assert_allclose(per_area, np.broadcast_to(given.initial_spin, per_area.shape), rtol=0.35)
    emitted = budget_of(given, walked(given))["emitted"][0, 0]
    np.testing.assert_allclose(emitted, given.initial_spin, rtol=1e-13)


def test_the_spin_that_is_there_at_the_beginning():
    """Per area of the faces along x, whatever the mesh: a plane's spin, or ∫ν dx of a uniform state."""
    for axes in (1, 2, 3):
        given = transient(
            **STILL, initial=1, initial_spin=(0.0, 0.0, 2.0), initial_walkers=256, walkers_per_block=256, axes=axes,
            layers=(LAYER, LAYER._replace(start=2.0, nu=3.0)),
        )  # fmt: skip
        emitted = np.array([budget_of(given, sums)["emitted"][0, 0] for sums in blocks_of(given, 8)])
        np.testing.assert_allclose(emitted.mean(axis=0), (0.0, 0.0, 2.0 * (2.0 + 3.0)), rtol=0.01)


def test_emission_is_unbiased_on_any_mesh():
    """Emitted harmonics per area are −∫Ṡ dx; in the plane of crossed waves too."""
    given = FAMILY["waves"]._replace(walkers_per_block=256)
    emitted = np.array([budget_of(given, sums)["emitted"][0] for sums in blocks_of(given, 24)])
    mean, error = emitted.mean(axis=0), emitted.std(axis=0, ddof=1) / math.sqrt(24)
    s, b, q2, Omega = given.parameters[4], given.parameters[6], given.parameters[8], given.parameters[10]
    # S_y = s (1 + b cos q₂y) cos Ωt, S_z the same with sin; over whole periods of y
    assert q2 * given.lengths[1] == pytest.approx(2.0 * math.pi)
    assert b > 0.0
    expected = np.zeros((5, 3))
    expected[2, 1], expected[1, 2] = s * Omega * L, -s * Omega * L
    assert np.all(np.abs(mean - expected) <= 4.5 * error + 1e-12)
    assert error.max() < 0.02 * s * Omega * L


@pytest.mark.parametrize("name", FAMILY)
def test_exponents_are_of_the_size_of_the_books(name, tmp_path):
    """Within some 20 binary digits of what is booked: neither overflow nor loss of digits."""
    given = FAMILY[name]
    user = user_for(given, tmp_path)
    exponents = exponents_of(given, user)
    assert exponents.shape == (amplitudes(given),)
    # what two faces bear may cancel in one block
    budget = np.abs([walked(given, block, user).budget for block in range(3)]).max(axis=(0, 1))
    channels = budget.reshape(-1, given.time_functions * 3).max(axis=1)
    sizes = 2.0 ** exponents.reshape(-1, given.time_functions * 3)[:, 0]
    assert np.all(channels < 2.0**20 * sizes)
    booked = np.ones(len(channels), bool)  # in a budget, all but what leaves no dipoles
    charges = [walks for walks, slot in zip(given.dipoles, given.charges, strict=True) if slot >= 0]
    booked[len(given.channels) : len(given.walked)] = charges
    if len(charges) > 1:
        booked[-1] = any(charges)
    assert np.all(channels[booked] > 2.0**-20 * sizes[booked])
    assert not channels[~booked].any()


def test_the_ground_of_a_scene_walks_it(tmp_path):
    given = FAMILY["stack"]
    ground = ground_of(problem_of(given))
    expected = walked(given, 4)
    assert all(np.array_equal(a, b) for a, b in zip(ground.walk(4), expected, strict=True))
    books = Tally(given, ground.exponents)
    books.add(4, expected)
    assert books.groups("budget").mean.shape == expected.budget.shape


def test_the_ground_of_a_users_texture(tmp_path):
    path = tmp_path / "texture.py"
    path.write_text(USER_SOURCE)
    given = FAMILY["user"]
    assert given.texture == USER
    ground = ground_of(problem_of(given, str(path)))
    expected = walked(given, 2, user_for(given, tmp_path))
    assert all(np.array_equal(a, b) for a, b in zip(ground.walk(2), expected, strict=True))


@pytest.mark.parametrize("name", ["junction", "stack", "user", "pulse"])
def test_a_block_is_given_up_between_walkers(name, tmp_path):
    """In lanes, in the general walk, with a user's texture, of a pulse: a block that would take hours."""
    if name == "pulse":
        problem = pulse_problem(DECKS["open"])
    else:
        path = tmp_path / "texture.py"
        path.write_text(USER_SOURCE)
        problem = problem_of(FAMILY[name]._replace(from_collisions=name == "junction"), str(path))
    ground_of(problem).walk(0)  # compiled before the clock begins
    long = problem._replace(scene=problem.scene._replace(walkers_per_block=10**10))
    ground = ground_of(long, groundwork_of(problem))
    with ThreadPoolExecutor(1) as pool:
        walking = pool.submit(ground.walk, 0)
        with pytest.raises(TimeoutError):
            walking.result(timeout=0.5)
        ground.halt[0] = 1
        with pytest.raises(HaltedError):
            walking.result(timeout=60)


@pytest.mark.parametrize("name", ["junction", "waves"])
def test_the_ground_of_a_walk_in_lanes(name, monkeypatch):
    """What is known has the blocks' layout; on the ground of a file's groundwork the same walkers are born."""
    few_rays(monkeypatch)
    problem = problem_of(FAMILY[name]._replace(from_collisions=True))
    ground = ground_of(problem)
    assert ground.known is not None
    arrays = arrays_of(ground.groundwork, problem.scene)
    sums = ground.walk(3)
    again = ground_of(problem, groundwork_from(arrays, problem.scene)).walk(3)
    assert all(np.array_equal(a, b) for a, b in zip(again, sums, strict=True))
    for part, shape in shapes(problem.scene).items():
        assert getattr(sums, part).shape == shape or math.prod(shape) == getattr(sums, part).size == 0, part
        assert all(np.shape(getattr(row, part)) == shape for row in ground.known.rows), part
    names = problem.scene.profiles
    for kind, values in zip(names, sums.profiles, strict=True):
        assert values.any() != kind.startswith("local"), kind


def test_kernels_see_one_type_of_scene():
    """Planes, layers and the seed do not reach them, so that nothing is compiled again."""
    one, other = plain(FAMILY["ring"]), plain(FAMILY["box"])
    assert one.planes == other.planes == one.layers == other.layers == ()
    assert [type(value) for value in one] == [type(value) for value in other]
    for tuples in zip(one, other, strict=True):
        if isinstance(tuples[0], tuple):
            assert [type(value) for value in tuples[0]] == [type(value) for value in tuples[1]]


def test_the_course_is_laid_out_once():
    """A block walked on a course at hand is the block."""
    given = FAMILY["partial"]
    ground = course_of(given, no_user())
    again = course_of(given, no_user())
    assert all(np.array_equal(a, b) for a, b in zip(ground, again, strict=True))


def test_noise_is_taken_out_of_walked_deviations():
    """Half of nothing but noise, and of much more than noise, 8 sets as in the walk: what is left is what was there."""
    generator = np.random.default_rng(1)
    signal = generator.normal(size=(8, 1, 1, 4000, 2)) * [0.3, 30.0]
    halves = signal + generator.normal(size=(8, 2, 1, 4000, 2))
    told = np.sqrt((blocks._without_noise(halves) ** 2).mean(axis=(0, 1, 2)))
    plain = np.sqrt((halves.mean(axis=1) ** 2).mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(told, [0.3, 30.0], rtol=0.1)
    assert plain[0] > 0.7
    nothing = generator.normal(size=(8, 2, 1, 4000, 1))
    assert np.sqrt((blocks._without_noise(nothing) ** 2).mean()) < 0.2
