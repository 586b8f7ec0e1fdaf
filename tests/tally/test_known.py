"""What is known without walkers, in the books: means, errors, what cancels, marks and checks."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fake_known import NAMES, nothing, numbers
from fake_scene import books, problem, scene, shaped

from mcpump.errors import InputError
from mcpump.tally.observables import observables
from mcpump.tally.tally import Groups, Tally
from mcpump.walk.known import Groundwork, Known, arrays_of, groundwork_from, sentence
from mcpump.walk.layout import shapes

MODEL = scene(1, ("first", "second"))


def tally_of(known, blocks=24, model=MODEL):
    """Books in which no walker has counted anything."""
    amplitudes = shapes(model)["means"][1]
    tally = Tally(model, np.zeros(amplitudes, np.intp), known=known)
    for block in range(blocks):
        tally.add(block, nothing(model))
    return tally


def noisy(groups=64, seed=3, known=None):
    """Groups of two numbers, 1 and 3, that scatter by a tenth."""
    values = np.array([1.0, 3.0]) * (1.0 + 0.1 * np.random.default_rng(seed).normal(size=(groups, 2)))
    return Groups(values, np.ones(groups), known)


@pytest.mark.parametrize("blocks", [16, 23, 64, 100])
def test_what_is_known_comes_back_to_the_last_bit(blocks):
    known = Known(numbers(MODEL), (numbers(MODEL, 2, 1e-3),))
    tally = tally_of(known, blocks)
    mean, error = tally.profiles()
    assert np.array_equal(mean, known.value.profiles)
    assert np.array_equal(error, np.abs(known.deviations[0].profiles))
    for name in NAMES[1:]:
        groups = tally.groups(name)
        assert np.array_equal(groups.mean, getattr(known.value, name)), name
        assert np.array_equal(groups.stderr(), np.abs(getattr(known.deviations[0], name))), name
        assert not groups.walked.mean.any()


def test_errors_of_walkers_and_deviations_add_up_in_quadrature():
    alone = noisy()
    rows = np.array([[5.0, -2.0], [0.03, 0.0], [0.04, -0.01]])
    both = alone._replace(known=rows)
    np.testing.assert_allclose(both.mean, alone.mean + rows[0], rtol=1e-15)
    np.testing.assert_allclose(both.scatter(), alone.stderr(), rtol=1e-15)
    np.testing.assert_allclose(both.stderr(), np.sqrt(alone.stderr() ** 2 + [0.05**2, 0.01**2]), rtol=1e-14)
    expected = alone.covariance() + np.outer(rows[1], rows[1]) + np.outer(rows[2], rows[2])
    np.testing.assert_allclose(both.covariance(), expected, rtol=1e-14)


def test_a_linear_function_keeps_what_belongs_together():
    both = noisy(known=np.array([[5.0, -2.0], [0.03, 0.02]]))
    difference = both.map(lambda s: s[:, :1] - 1.5 * s[:, 1:])
    assert difference.mean == pytest.approx([both.mean[0] - 1.5 * both.mean[1]], rel=1e-13)
    np.testing.assert_allclose(difference.deviations, [[0.0]], atol=1e-17)
    value, error = both.estimate(lambda m: m[0] - 1.5 * m[1])
    assert value == pytest.approx(difference.mean[0], rel=1e-13)
    assert error == pytest.approx(difference.stderr()[0], rel=1e-12)
    two = both.map(lambda a, b: a + b[:, ::-1], both)
    np.testing.assert_allclose(two.known, [[3.0, 3.0], [0.05, 0.05]], rtol=1e-14)
    np.testing.assert_allclose(two.mean, both.mean.sum(), rtol=1e-14)


def test_a_deviation_that_cancels_in_a_ratio_does():
    """Both numbers move by the same share: the ratio stays."""
    rows = np.array([[2.0, 6.0], [0.0, 0.0]])
    still = noisy(known=rows)
    moved = still._replace(known=np.stack([rows[0], 0.05 * still.mean]))
    value, error = moved.ratio(lambda m: m[0], lambda m: m[1])
    expected, walked = still.ratio(lambda m: m[0], lambda m: m[1])
    assert value == expected
    assert error == pytest.approx(walked, rel=1e-12)
    assert moved.stderr()[0] > 2.0 * still.stderr()[0]


def test_a_deviation_goes_through_a_function_that_is_not_linear():
    groups = noisy(known=np.array([[2.0, 6.0], [0.02, -0.01], [0.0, 0.05]]))
    value, error = groups.estimate(lambda m: m[0] / m[1])
    a, b = groups.mean
    slopes = np.array([1.0 / b, -a / b**2])
    _, walked = groups._replace(known=groups.known[:1]).estimate(lambda m: m[0] / m[1])
    by_hand = math.sqrt(walked**2 + float(((groups.deviations @ slopes) ** 2).sum()))
    assert value == a / b
    assert error == pytest.approx(by_hand, rel=1e-4)
    assert error > 1.01 * walked


def test_a_ratio_is_not_told_where_a_deviation_may_make_the_denominator_zero():
    value, error = noisy(known=np.array([[0.0, 0.0], [0.0, 1.0]])).ratio(lambda m: m[0], lambda m: m[1])
    assert np.isnan(value)
    assert np.isnan(error)


def test_few_blocks_have_no_errors():
    tally = tally_of(Known(numbers(MODEL), (numbers(MODEL, 2),)), blocks=3)
    assert np.isnan(tally.profiles()[1]).all()
    groups = tally.groups("budget")
    assert np.isnan(groups.stderr()).all()
    assert np.isnan(groups.covariance()).all()
    assert np.isfinite(groups.mean).all()


@pytest.mark.parametrize("model", [MODEL, scene(2, ("first", "second", "exact"))], ids=["line", "plane"])
def test_estimates_of_a_run_have_what_is_known_in_them(model):
    """Walkers find one part and the other is known, or walkers find both: the same numbers."""
    ready = problem(model)
    means = shaped(ready)
    whole, _ = books(ready, means, noise=0.0)
    value = nothing(model)
    for part, mean in zip(value, means, strict=False):
        part[:] = 0.25 * mean
    rest, _ = books(ready, [0.75 * mean for mean in means], noise=0.0)
    rest.known = Known(value)
    expected, found = observables(ready, whole), observables(ready, rest)
    assert found.keys() == expected.keys()
    for name, estimate in found.items():
        if not name.startswith("self_check"):
            np.testing.assert_allclose(
                estimate.mean, expected[name].mean, rtol=1e-9, atol=1e-13, err_msg=name
            )


def test_the_total_has_the_deviation_of_the_sum_of_its_parts():
    """A deviation that is opposite in the two parts is none of the total."""
    ready = problem(MODEL)
    tally, means = books(ready, shaped(ready), noise=0.0)
    moved = nothing(MODEL)
    kinds = means[0].shape[0] // 2
    moved.profiles[:kinds], moved.profiles[kinds:] = 0.02 * means[0][kinds:], -0.02 * means[0][kinds:]
    moved.passages[:] = np.array([1.0, -1.0])[:, None, None]
    tally.known = Known(nothing(MODEL), (moved,))
    found = observables(ready, tally)
    density, current = found["spin_density"], found["plane_current"]
    size = np.abs(density.mean[:, 1])
    for part in (0, 1):
        np.testing.assert_allclose(density.stderr[:, part], 0.02 * size, atol=1e-9)
        np.testing.assert_allclose(current.stderr[:, part], 1.0, rtol=1e-9)
    assert density.stderr[:, 2].max() < 1e-8
    assert current.stderr[:, 2].max() < 1e-8


def test_the_error_of_the_local_part_is_that_of_its_density_beside_the_largest_of_its_channel():
    value, one, two = (nothing(MODEL) for _ in range(3))
    kinds = len(MODEL.profiles) // 2
    second = slice(9, 18)
    value.profiles[0, 4, second], one.profiles[0, 2, second], two.profiles[0, 2, second] = 2.0, 0.03, -0.04
    value.profiles[0, 4, :9] = 1e6  # another channel
    one.profiles[kinds] = one.profiles[1] = 1.0  # the diffusive part, another kind
    known = Known(value, (one, two), "hand")
    assert known.relative_error(MODEL) == pytest.approx(0.025, rel=1e-12)
    assert sentence(known, MODEL) == (
        "local part without walkers, by hand: numerical errors of its density of 0.03 of the largest at most"
    )
    assert Known(value).relative_error(MODEL) == 0.0


# --- in a file ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("deviations", "method"), [(0, ""), (1, "rays, σ ≪ 1"), (3, "discrete ordinates")])
def test_named_arrays_give_it_back(deviations, method):
    known = Known(numbers(MODEL), tuple(numbers(MODEL, seed) for seed in range(2, 2 + deviations)), method)
    again = groundwork_from(arrays_of(Groundwork(known), MODEL), MODEL).known
    assert len(again.deviations) == deviations
    assert again.method == method
    for one, other in zip(known.rows, again.rows, strict=True):
        for name in NAMES:
            assert np.array_equal(getattr(one, name), getattr(other, name)), name
        assert other.flights == 0
    assert arrays_of(Groundwork(), MODEL) == {}
    assert groundwork_from({}, MODEL) == Groundwork()


def test_another_layout_is_refused():
    arrays = arrays_of(Groundwork(Known(numbers(MODEL))), MODEL)
    with pytest.raises(InputError, match="another layout"):
        groundwork_from(arrays, scene(1, ("first", "second"), cells=(11, 1, 1)))
    with pytest.raises(ValueError, match="means"):
        arrays_of(Groundwork(Known(numbers(MODEL)._replace(means=np.zeros(2)))), MODEL)
