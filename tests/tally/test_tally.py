"""Books: means, errors and covariances of synthetic numbers; the same bits in any order; errors of a real run."""

import math

import numpy as np
import pytest
from decks import JUNCTION, PULSE, SPIRAL, changed

from mcpump.deck.read import deck_from_dict
from mcpump.errors import InputError
from mcpump.problem.reduce import make_problem
from mcpump.tally import tally
from mcpump.tally.tally import GROUPS, MIN_BLOCKS, Groups, Tally
from mcpump.textures.moving import no_user
from mcpump.walk.blocks import exponents_of, ground_of
from mcpump.walk.layout import BlockSums, shapes

REPETITIONS = 400
SCENE = make_problem(deck_from_dict(SPIRAL)).scene
DENSITY, SECOND_DC_Z = SCENE.profiles.index("diffusive density"), 3 * SCENE.time_functions + 2


def grouped(values):
    """Blocks' numbers, in block order, as the books group them."""
    counts = np.bincount(np.arange(len(values)) % GROUPS, minlength=min(GROUPS, len(values)))
    sums = np.zeros((len(counts), *values.shape[1:]))
    np.add.at(sums, np.arange(len(values)) % GROUPS, values)
    return Groups(sums, counts.astype(float))


def repeated(blocks, statistic, seed=1, size=2):
    """`statistic` of REPETITIONS independent sets of skewed, correlated numbers with mean (1, 3)."""
    generator = np.random.default_rng(seed)
    found = []
    for _ in range(REPETITIONS):
        a, b = generator.exponential(size=(2, blocks))
        found.append(statistic(grouped(np.stack([a, 2.0 * b + a], axis=1)[:, :size])))
    return np.array(found)


def assert_unit_variance(standardized, freedom):
    """Variance of Student's t with so many degrees of freedom, within 4 standard errors of a variance."""
    expected = freedom / (freedom - 2.0)
    fourth = 3.0 * expected**2 * (1.0 + 2.0 / (freedom - 4.0))
    error = math.sqrt((fourth - expected**2) / len(standardized))
    assert abs(standardized.mean()) < 4.0 * math.sqrt(expected / len(standardized))
    assert abs((standardized**2).mean() - expected) < 4.0 * error


def synthetic(blocks, scene=SCENE, seed=1):
    """Blocks of random sums whose magnitudes span twenty decades."""
    generator = np.random.default_rng(seed)
    shape = shapes(scene)

    def numbers(*shape):
        return generator.normal(size=shape) * 10.0 ** generator.uniform(-15, 5, shape)

    return [
        BlockSums(
            *(numbers(*shape[name]) for name in ("profiles", "passages", "budget", "means", "projections")),
            int(generator.integers(1, 10**9)), numbers(*shape["conserved"]),
        )
        for _ in range(blocks)
    ]  # fmt: skip


def books_of(numbered, scene=SCENE):
    books = Tally(scene, exponents_of(scene, no_user()))
    for block, sums in numbered:
        books.add(block, sums)
    return books


@pytest.mark.parametrize("blocks", [16, 40, 64, 256])
def test_mean_error_and_covariance_of_equal_groups_are_numpys(blocks):
    values = np.random.default_rng(blocks).normal(size=(blocks, 3, 2)) + 5.0
    groups = grouped(values)
    per_group = groups.sums / groups.counts[:, None, None]
    n = len(per_group)
    np.testing.assert_allclose(groups.mean, values.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(groups.stderr(), per_group.std(axis=0, ddof=1) / math.sqrt(n), rtol=1e-12)
    expected = [np.cov(per_group[:, i], rowvar=False) / n for i in range(3)]
    np.testing.assert_allclose(groups.covariance(), expected, rtol=1e-12)
    np.testing.assert_allclose(
        np.diagonal(groups.covariance(), axis1=-2, axis2=-1), groups.stderr() ** 2, rtol=1e-12
    )


@pytest.mark.parametrize("blocks", [65, 100, 200])
def test_unequal_groups_are_weighted(blocks):
    values = np.random.default_rng(blocks).normal(size=(blocks, 2))
    groups = grouped(values)
    assert len(set(groups.counts)) == 2
    np.testing.assert_allclose(groups.mean, values.mean(axis=0), rtol=1e-13, atol=1e-15)
    weights = groups.counts[:, None]
    spread = (weights * (groups.sums / weights - values.mean(axis=0)) ** 2).sum(axis=0) / (len(weights) - 1)
    np.testing.assert_allclose(groups.stderr(), np.sqrt(spread / blocks), rtol=1e-12)
    np.testing.assert_allclose(np.diag(groups.covariance()), groups.stderr() ** 2, rtol=1e-12)


@pytest.mark.parametrize("blocks", [64, 100, 150])
def test_errors_cover_the_truth_of_skewed_numbers(blocks):
    standardized = repeated(blocks, lambda g: (g.mean - [1.0, 3.0]) / g.stderr())
    for column in standardized.T:
        expected = (min(blocks, GROUPS) - 1) / (min(blocks, GROUPS) - 3.0)
        assert abs((column**2).mean() - expected) < 4.0 * expected * math.sqrt(3.0 / REPETITIONS)


@pytest.mark.parametrize("blocks", [20, 64, 100, 150])
def test_errors_cover_the_truth_of_normal_numbers(blocks):
    generator = np.random.default_rng(blocks)
    found = []
    for _ in range(REPETITIONS):
        groups = grouped(2.0 + 0.5 * generator.normal(size=(blocks, 1)))
        found.append(((groups.mean - 2.0) / groups.stderr())[0])
    assert_unit_variance(np.array(found), min(blocks, GROUPS) - 1)


@pytest.mark.parametrize("blocks", [20, 64, 100, 150])
def test_covariance_is_unbiased(blocks):
    found = repeated(blocks, lambda g: g.covariance() * blocks)
    expected = np.array([[1.0, 1.0], [1.0, 5.0]])
    error = found.std(axis=0, ddof=1) / math.sqrt(REPETITIONS)
    assert np.all(np.abs(found.mean(axis=0) - expected) < 4.0 * error)
    assert np.all(error < 0.05 * expected)


@pytest.mark.parametrize("blocks", [20, 64, 100, 128])
def test_jackknife_of_a_linear_function_is_the_standard_error(blocks):
    groups = grouped(np.random.default_rng(3).normal(size=(blocks, 2)))
    value, error = groups.estimate(lambda m: m[0] - 2.0 * m[1])
    linear = groups.map(lambda s: s[:, :1] - 2.0 * s[:, 1:])
    assert value == pytest.approx(linear.mean[0], rel=1e-13)
    assert error == pytest.approx(linear.stderr()[0], rel=1e-12)


@pytest.mark.parametrize("blocks", [64, 100, 1000])
def test_jackknife_of_a_ratio_agrees_with_the_delta_method(blocks):
    generator = np.random.default_rng(4)
    a = 1.0 + 0.1 * generator.normal(size=blocks)
    b = 3.0 + 0.2 * generator.normal(size=blocks) + 0.5 * (a - 1.0)
    groups = grouped(np.stack([a, b], axis=1))
    value, error = groups.estimate(lambda m: m[0] / m[1])
    slope = np.array([1.0 / b.mean(), -a.mean() / b.mean() ** 2])
    delta = math.sqrt(slope @ groups.covariance() @ slope)
    assert value == pytest.approx(a.mean() / b.mean(), rel=1e-13)
    assert error == pytest.approx(delta, rel=0.02)


@pytest.mark.parametrize("blocks", [20, 64, 100, 150])
def test_jackknife_covers_the_truth_with_unequal_groups(blocks):
    """Ratio of means 1/3; its error's spread allows for t and for skewness."""
    generator = np.random.default_rng(5)
    found = []
    for _ in range(REPETITIONS):
        a = 1.0 + 0.2 * generator.normal(size=blocks)
        b = 3.0 + 0.4 * generator.normal(size=blocks) + (a - 1.0)
        value, error = grouped(np.stack([a, b], axis=1)).estimate(lambda m: m[0] / m[1])
        found.append((value - 1.0 / 3.0) / error)
    assert_unit_variance(np.array(found), min(blocks, GROUPS) - 1)


def test_jackknife_of_arrays():
    groups = grouped(1.0 + 0.1 * np.random.default_rng(6).normal(size=(100, 3, 4)))
    value, error = groups.estimate(lambda m: m[0] / m[2])
    assert value.shape == error.shape == (4,)
    one, one_error = groups.estimate(lambda m: m[0, 1] / m[2, 1])
    assert value[1] == one
    assert error[1] == pytest.approx(one_error, rel=1e-13)


@pytest.mark.parametrize("blocks", [1, 2, 15])
def test_no_error_is_quoted_from_few_blocks(blocks):
    assert blocks < MIN_BLOCKS
    values = np.random.default_rng(1).normal(size=(blocks, 3))
    groups = grouped(values)
    np.testing.assert_allclose(groups.mean, values.mean(axis=0), rtol=1e-14)
    assert np.isnan(groups.stderr()).all()
    assert np.isnan(groups.covariance()).all()
    assert groups.covariance().shape == (3, 3)
    value, error = groups.estimate(lambda m: m[0] / m[1])
    assert np.isfinite(value)
    assert np.isnan(error)
    books = books_of(enumerate(synthetic(blocks)))
    mean, stderr = books.profiles()
    assert np.isfinite(mean).all()
    assert np.isnan(stderr).all()
    assert np.isfinite(books.groups("budget").mean).all()


def test_the_books_are_means_and_errors_over_blocks():
    blocks = synthetic(100)
    books = books_of(enumerate(blocks))
    profiles = np.array([sums.profiles for sums in blocks])
    mean, stderr = books.profiles()
    np.testing.assert_allclose(mean, profiles.mean(axis=0), rtol=1e-12, atol=1e-20)
    np.testing.assert_allclose(stderr, profiles.std(axis=0, ddof=1) / 10.0, rtol=1e-8)
    for name in ("passages", "budget", "means", "projections"):
        values = np.array([getattr(sums, name) for sums in blocks])
        groups, expected = books.groups(name), grouped(values)
        np.testing.assert_allclose(groups.sums, expected.sums, rtol=1e-10, atol=1e-20)
        assert np.array_equal(groups.counts, expected.counts)
    assert books.blocks == 100
    assert books.flights == sum(sums.flights for sums in blocks)
    with pytest.raises(KeyError):
        books.groups("profiles")


def test_error_of_a_small_spread_on_a_large_mean_is_right():
    """Spread 1e-6 of the mean; a block's square is rounded to 1e-16, so that 1e-8 of the mean is the end."""
    generator, blocks = np.random.default_rng(2), synthetic(64)
    shape = blocks[0].profiles.shape
    noise = generator.normal(size=(64, *shape))
    blocks = [sums._replace(profiles=1000.0 + 1e-3 * n) for sums, n in zip(blocks, noise, strict=True)]
    _, stderr = books_of(enumerate(blocks)).profiles()
    np.testing.assert_allclose(stderr, 1e-3 * noise.std(axis=0, ddof=1) / 8.0, rtol=1e-3)


def test_a_constant_has_no_error():
    blocks = [synthetic(1)[0]] * 50
    blocks = [sums._replace(profiles=np.sign(sums.profiles) * 3.7) for sums in blocks]
    mean, stderr = books_of(enumerate(blocks)).profiles()
    assert np.all(stderr <= 1e-8 * np.abs(mean))


@pytest.mark.parametrize("cone_angle", [1e-2, 1e-4, 1e-6, 1e-8, 1e-10, 1e-12])
def test_errors_scale_with_the_amplitude(cone_angle):
    """The second order is ∝ sin²θ, with its errors: no absolute resolution may show, or the deck is refused."""

    def density(angle):
        deck = changed(SPIRAL, texture__cone_angle=angle, run__walkers_per_block=64)
        problem = make_problem(deck_from_dict(deck))
        walk = ground_of(problem).walk
        books = books_of(((b, walk(b)) for b in range(16)), problem.scene)
        mean, stderr = books.profiles()
        return (
            np.array([mean[DENSITY, :, SECOND_DC_Z], stderr[DENSITY, :, SECOND_DC_Z]]) / math.sin(angle) ** 2
        )

    expected = density(0.01)
    try:
        found = density(cone_angle)
    except InputError:
        return
    assert np.all(expected[1] > 0.0)
    # cosθ differs from 1 by 5e-5 at the larger angle
    np.testing.assert_allclose(found, expected, rtol=2e-3)


def test_any_order_of_blocks_gives_the_same_bits():
    numbered = list(enumerate(synthetic(90)))
    one = books_of(numbered)
    for seed in (1, 2, 3):
        order = np.random.default_rng(seed).permutation(len(numbered))
        other = books_of(numbered[i] for i in order)
        assert all(np.array_equal(one.sums[name], other.sums[name]) for name in one.sums)
        assert all(np.array_equal(a, b) for a, b in zip(one.profiles(), other.profiles(), strict=True))


def test_two_parts_added_up_are_the_whole():
    numbered = list(enumerate(synthetic(90)))
    whole, left, right = books_of(numbered), books_of(numbered[:37]), books_of(numbered[37:])
    for name in whole.sums:
        left.sums[name] += right.sums[name]
        assert np.array_equal(left.sums[name], whole.sums[name]), name
    assert left.blocks == whole.blocks
    assert left.flights == whole.flights
    assert np.array_equal(left.groups("budget").stderr(), whole.groups("budget").stderr())


@pytest.mark.parametrize("field", ["profiles", "passages", "budget", "means", "projections", "conserved"])
@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e13])
def test_a_number_that_cannot_be_summed_is_refused(field, bad):
    sums = synthetic(1, make_problem(deck_from_dict(SPIRAL)).scene)[0]
    values = getattr(sums, field).copy()
    values.flat[-1] = bad
    with pytest.raises(FloatingPointError):
        books_of([]).add(0, sums._replace(**{field: values}))


def test_a_full_book_takes_no_more():
    books, sums = books_of([]), synthetic(1)[0]
    books.sums["blocks"][3] = tally.CAPACITY
    with pytest.raises(OverflowError, match="walkers_per_block"):
        books.add(0, sums)


def test_the_size_of_the_books_does_not_grow_with_blocks():
    before = {name: array.nbytes for name, array in books_of([]).sums.items()}
    after = books_of(enumerate(synthetic(70))).sums
    assert before == {name: array.nbytes for name, array in after.items()}


def test_has_sink():
    for deck, expected in (
        (SPIRAL, False), (changed(SPIRAL, electrons__spin_relaxation_time=5.0), True), (JUNCTION, True),
        (changed(JUNCTION, sample__x__right="diffuse"), False), (PULSE, True),
    ):  # fmt: skip
        assert make_problem(deck_from_dict(deck)).scene.has_sink == expected


@pytest.mark.parametrize("source", [SPIRAL, PULSE], ids=["spiral", "pulse"])
def test_errors_of_a_walk_fall_as_the_root_of_its_length(source):
    problem = make_problem(deck_from_dict(changed(source, run__walkers_per_block=128)))
    walk = ground_of(problem).walk
    blocks = [walk(block) for block in range(256)]
    short = books_of(enumerate(blocks[:64]), problem.scene)
    long = books_of(enumerate(blocks), problem.scene)
    (_, few), (_, many) = short.profiles(), long.profiles()
    used = (few > 0.0) & (many > 0.0)
    assert used.any()
    assert np.median(few[used] / many[used]) == pytest.approx(2.0, rel=0.1)
    if source is PULSE:
        return  # whose walkers are all cut at its end: the budget has no error
    few, many = short.groups("budget").stderr(), long.groups("budget").stderr()
    used = (few > 1e-12 * few.max()) & (many > 0.0)
    assert np.exp(np.mean(np.log(few[used] / many[used]))) == pytest.approx(2.0, rel=0.2)


def test_quoted_errors_of_a_walk_are_the_spread_of_repeated_walks():
    """24 independent walks of 32 blocks each: their spread against the errors they quote."""
    problem = make_problem(deck_from_dict(changed(SPIRAL, run__walkers_per_block=128)))
    walk = ground_of(problem).walk
    walks = [books_of(((b, walk(b)) for b in range(32 * w, 32 * w + 32)), problem.scene) for w in range(24)]
    means, errors = (np.array(part) for part in zip(*(walk.profiles() for walk in walks), strict=True))
    quoted = np.sqrt((errors**2).mean(axis=0))
    used = quoted > 0.0
    ratio = means.std(axis=0, ddof=1)[used] / quoted[used]
    assert np.sqrt((ratio**2).mean()) == pytest.approx(1.0, rel=0.1)
