"""Exact sums: any order, any grouping, wide magnitudes; what cannot be summed is refused."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpump.tally import tally
from mcpump.tally.exact_sums import BITS, CAPACITY, join, split

TOP, LIMBS = 40, 3
LOWEST = TOP - BITS * LIMBS
"""Numbers are kept in multiples of 2^LOWEST."""
NUMBER = st.floats(-(2.0**39), 2.0**39, allow_nan=False, allow_infinity=False)
WIDE = st.builds(lambda m, e: m * 2.0**e, st.floats(-1, 1), st.integers(-70, 38))


def limbs_of(values, top=TOP, limbs=LIMBS):
    return split(np.asarray(values, dtype=np.float64), top, limbs)


def exactly(value):
    """A long double as a fraction."""
    high = float(value)
    return Fraction(high) + Fraction(float(value - np.longdouble(high)))


def fraction_of(digits, top=TOP):
    return sum(Fraction(int(digit)) * Fraction(2) ** (top - BITS * (i + 1)) for i, digit in enumerate(digits))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.data(), st.lists(NUMBER | WIDE, min_size=1, max_size=30))
def test_any_order_and_any_grouping_gives_the_same_bits(data, numbers):
    shuffled = data.draw(st.permutations(numbers))
    cut = data.draw(st.integers(0, len(numbers)))
    in_order, other_order = np.zeros(LIMBS, np.int64), np.zeros(LIMBS, np.int64)
    for a, b in zip(numbers, shuffled, strict=True):
        in_order += limbs_of(a)
        other_order += limbs_of(b)
    parts = [
        sum((limbs_of(n) for n in part), np.zeros(LIMBS, np.int64)) for part in (numbers[cut:], numbers[:cut])
    ]
    assert np.array_equal(in_order, other_order)
    assert np.array_equal(in_order, parts[0] + parts[1])
    assert np.array_equal(in_order, limbs_of(numbers).sum(axis=1))
    assert join(in_order, TOP) == join(other_order, TOP)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(st.lists(NUMBER | WIDE, min_size=1, max_size=30))
def test_agrees_with_fractions(numbers):
    digits = limbs_of(numbers).sum(axis=1)
    true = sum(map(Fraction, numbers))
    rounded_away = len(numbers) * Fraction(2) ** (LOWEST - 1)
    assert abs(fraction_of(digits) - true) <= rounded_away
    joined = exactly(join(digits, TOP))
    assert abs(joined - true) <= rounded_away + abs(true) * Fraction(2) ** -52


@settings(max_examples=200, deadline=None, derandomize=True)
@given(
    st.lists(
        st.builds(lambda m, e: m * 2.0**e, st.integers(-(2**20), 2**20), st.integers(-80, 19)), max_size=30
    )
)
def test_what_lies_above_the_lowest_limb_is_summed_without_error(numbers):
    digits = limbs_of(numbers).sum(axis=1)
    assert fraction_of(digits) == sum(map(Fraction, numbers))
    assert float(join(digits, TOP)) == pytest.approx(math.fsum(numbers), rel=2.0**-52, abs=0.0)


def test_agrees_with_fsum_over_forty_decades():
    generator = np.random.default_rng(1)
    numbers = generator.normal(size=(4000, 3)) * 10.0 ** generator.uniform(-30, 10, (4000, 3))
    found = join(limbs_of(numbers).sum(axis=1), TOP).astype(float)
    np.testing.assert_allclose(found, [math.fsum(column) for column in numbers.T], rtol=1e-15)


def test_cancellation_loses_nothing():
    numbers = [2.0**39, 1.0, 2.0**-70, -(2.0**39), -1.0]
    naive = 0.0
    for number in numbers:
        naive += number
    assert naive != 2.0**-70
    assert float(join(limbs_of(numbers).sum(axis=1), TOP)) == 2.0**-70


def test_rounds_below_the_lowest_limb_to_nearest():
    least = 2.0**LOWEST
    for value, expected in (
        (0.5001 * least, least),
        (0.4999 * least, 0.0),
        (-0.75 * least, -least),
        (5e-324, 0.0),
    ):
        assert float(join(limbs_of(value), TOP)) == expected


@pytest.mark.parametrize("shape", [(), (4,), (2, 0, 3), (2, 3, 5)])
def test_keeps_the_shape(shape):
    values = np.random.default_rng(2).normal(size=shape)
    digits = limbs_of(values)
    assert digits.shape == (LIMBS, *shape)
    assert digits.dtype == np.int64
    assert join(digits, TOP).shape == shape
    assert np.array_equal(join(digits, TOP).astype(float), values)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 2.0**TOP, -(2.0**TOP), 1e300])
def test_refuses_what_is_not_finite_or_too_large(bad):
    with pytest.raises(FloatingPointError, match="not finite or out of range"):
        limbs_of([0.0, 1.0, bad])
    limbs_of(math.nextafter(2.0**TOP, 0.0))


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_holds_as_many_of_the_largest_numbers_as_it_says(sign):
    number = sign * math.nextafter(2.0**TOP, 0.0)
    digits = limbs_of(number)
    sums = [int(digit) * CAPACITY for digit in digits]
    assert all(-(2**63) <= total < 2**63 for total in sums)
    true = Fraction(number) * CAPACITY  # 76 bits, of which a long double keeps 64
    assert abs(exactly(join(np.array(sums, np.int64), TOP)) - true) <= abs(true) * Fraction(2) ** -63


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.integers(-(2**62), 2**62), min_size=LIMBS, max_size=LIMBS))
def test_carries_are_exact(digits):
    """Sums of limbs overlap their neighbours by 23 bits; joining them must not round before they are carried."""
    true = fraction_of(digits)
    found = exactly(join(np.array(digits, np.int64), TOP))
    assert abs(found - true) <= abs(true) * Fraction(2) ** -52


def test_carries_cancel_exactly():
    # −1 in a limb is 2^40 of the next: an uncarried sum from below would round twice
    assert join(np.array([1, -(2**40), 1], np.int64), TOP) == np.longdouble(2.0**LOWEST)
    assert join(np.array([-1, 2**40 - 1, 2**40 + 1], np.int64), TOP) == np.longdouble(2.0**LOWEST)


def test_join_leaves_its_argument_alone():
    digits = np.array([1, 2**50, 3], np.int64)
    join(digits, TOP)
    assert list(digits) == [1, 2**50, 3]


def test_books_cover_the_range_that_squares_need():
    books = tally.Tally
    assert books.TOP_SQUARE == 2 * books.TOP
    assert BITS * books.LIMBS_SQUARE - books.TOP_SQUARE >= BITS * books.LIMBS - books.TOP
