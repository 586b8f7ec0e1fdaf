"""Folds against reflections done one by one, in exact fractions, and whole trips between faces."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import callable_from_python

from mcpump.compiled import twins
from mcpump.walk import flight
from mcpump.walk.flight import FACE, MIRROR, RING

LENGTH = st.floats(0.1, 100.0)
SHARE = st.floats(0.0, 1.0)
FLIGHTS = twins(flight)
fold, whole_trips = map(callable_from_python, (FLIGHTS.fold, FLIGHTS.whole_trips))
COSINE = st.floats(-1.0, 1.0).filter(lambda mu: mu == 0.0 or abs(mu) > 1e-6)


def reflected(y, L, periodic):
    """Place and direction after one reflection, or one passage, after the other; exact."""
    y, L, sign = Fraction(y), Fraction(L), 1
    while not 0 <= y <= L:
        if periodic:
            y += L if y < 0 else -L
        else:
            y, sign = (-y if y < 0 else 2 * L - y), -sign
    return y, sign


@settings(max_examples=400, deadline=None, derandomize=True)
@given(st.floats(-12.0, 12.0), LENGTH, st.booleans())
def test_fold_against_reflections(turns, L, periodic):
    y = turns * L
    expected, direction = reflected(y, L, periodic)
    place, sign = fold(y, L, periodic)
    assert 0.0 <= place <= L
    assert sign in (1.0, -1.0)
    near_face = min(expected, Fraction(L) - expected) < Fraction(1e-13) * Fraction(L) * 12
    if not near_face:
        assert float(abs(Fraction(place) - expected)) <= 1e-14 * 12 * L
        assert sign == direction
    else:
        # within rounding of a face: in a slab it lies there, in a ring at this end or the other
        assert min(place, L - place) <= 1e-11 * L


@settings(max_examples=200, deadline=None, derandomize=True)
@given(SHARE, LENGTH, st.booleans())
def test_fold_leaves_what_is_inside(share, L, periodic):
    y = min(share * L, L)
    assert fold(y, L, periodic) == (y, 1.0)


@pytest.mark.parametrize(
    ("y", "periodic", "expected"),
    [
        (-1.0, False, (1.0, -1.0)), (11.0, False, (9.0, -1.0)), (21.0, False, (1.0, 1.0)), (-11.0, False, (9.0, 1.0)),
        (-1.0, True, (9.0, 1.0)), (11.0, True, (1.0, 1.0)), (-11.0, True, (9.0, 1.0)), (35.0, True, (5.0, 1.0)),
        (0.0, True, (0.0, 1.0)), (10.0, True, (10.0, 1.0)), (10.0, False, (10.0, 1.0)),
    ],
)  # fmt: skip
def test_fold_by_hand(y, periodic, expected):
    assert fold(y, 10.0, periodic) == expected


@pytest.mark.parametrize("periodic", [False, True])
@pytest.mark.parametrize(
    "y", [-5e-324, -1e-300, -1e-17, 1.0 + 2.0**-52, 2.0 - 2.0**-53, -1.0, 1e15, -1e15, 0.1 * 3e9]
)
def test_fold_never_leaves_the_slab(y, periodic):
    for L in (1.0, 0.1, 1.0 / 3.0, 40.2):
        place, sign = fold(y, L, periodic)
        assert 0.0 <= place <= L
        assert sign == 1.0 or not periodic


@settings(max_examples=200, deadline=None, derandomize=True)
@given(SHARE, LENGTH, COSINE, st.floats(0.0, 1e7), st.sampled_from((MIRROR, RING)))
def test_whole_trips_lead_back(share, L, mu, time, face):
    """Who goes on for the rest of the time ends where he would have, and meets few faces."""
    x, periodic = min(share * L, L), face == RING
    trips = whole_trips(time, mu, L, face, face)
    assert 0.0 <= trips <= time
    assert (time - trips) * abs(mu) <= 18.0 * L * (1.0 + 1e-9)
    place, sign = fold(x + mu * (time - trips), L, periodic)
    exact, exact_sign = fold(x + mu * time, L, periodic)
    off = abs(place - exact)
    assert min(off, L - off if periodic else off) <= 1e-9 * L + 1e-14 * time
    assert sign == exact_sign or min(exact, L - exact) <= 1e-9 * L + 1e-14 * time


def test_there_are_no_trips_between_other_faces():
    for left, right in ((MIRROR, FACE), (FACE, FACE), (FACE, MIRROR)):
        assert whole_trips(1e6, 1.0, 1.0, left, right) == 0.0
    assert whole_trips(7.0, 1.0, 1.0, RING, RING) == 0.0  # a few are flown
    assert whole_trips(1e6, 0.0, 1.0, MIRROR, MIRROR) == 0.0
