"""Geometry: straight paths and folds against reflections done one by one, in exact fractions."""

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpump.problem.scene import ABSORBING, DIFFUSE, PERIODIC, SPECULAR
from mcpump.walk.geometry import LEFT, NOWHERE, RIGHT, cell_of, fold, path_end, whole_trips

LENGTH = st.floats(0.1, 100.0)
SHARE = st.floats(0.0, 1.0)
CLOSED = (SPECULAR, DIFFUSE, ABSORBING)
FACE = st.sampled_from(CLOSED)
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


def walked(x, mu, L, left, right):
    """Time and face of a path's end, leg by leg; exact."""
    if left == PERIODIC or mu == 0.0:
        return math.inf, NOWHERE
    x, speed, L, time, forward = Fraction(x), abs(Fraction(mu)), Fraction(L), Fraction(0), mu > 0.0
    for _ in range(3):
        time += (L - x if forward else x) / speed
        face, kind = (RIGHT, right) if forward else (LEFT, left)
        if kind != SPECULAR:
            return float(time), face
        x, forward = (L if forward else Fraction(0)), not forward
    return math.inf, NOWHERE


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


@settings(max_examples=400, deadline=None, derandomize=True)
@given(SHARE, COSINE, LENGTH, FACE, FACE)
def test_path_end_against_legs(share, mu, L, left, right):
    x = min(share * L, L)
    time, face = path_end(x, mu, L, left, right)
    expected_time, expected_face = walked(x, mu, L, left, right)
    assert face == expected_face
    assert time == pytest.approx(expected_time, rel=1e-13, abs=1e-300)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(SHARE, COSINE, LENGTH)
def test_paths_in_a_ring_and_between_mirrors_do_not_end(share, mu, L):
    x = min(share * L, L)
    assert path_end(x, mu, L, PERIODIC, PERIODIC) == (math.inf, NOWHERE)
    assert path_end(x, mu, L, SPECULAR, SPECULAR) == (math.inf, NOWHERE)


@pytest.mark.parametrize("left", CLOSED)
@pytest.mark.parametrize("right", CLOSED)
def test_a_path_along_the_faces_meets_none(left, right):
    assert path_end(3.0, 0.0, 10.0, left, right) == (math.inf, NOWHERE)
    assert path_end(0.0, -0.0, 10.0, left, right) == (math.inf, NOWHERE)


@pytest.mark.parametrize(
    ("x", "mu", "left", "right", "expected"),
    [
        (4.0, 0.5, SPECULAR, ABSORBING, (12.0, RIGHT)),
        (4.0, -0.5, SPECULAR, ABSORBING, (28.0, RIGHT)),
        (4.0, 0.5, ABSORBING, SPECULAR, (32.0, LEFT)),
        (4.0, -0.5, DIFFUSE, SPECULAR, (8.0, LEFT)),
        (4.0, 1.0, DIFFUSE, DIFFUSE, (6.0, RIGHT)),
        (10.0, 1.0, SPECULAR, ABSORBING, (0.0, RIGHT)),
        (0.0, -1.0, ABSORBING, SPECULAR, (0.0, LEFT)),
    ],
)
def test_path_end_by_hand(x, mu, left, right, expected):
    assert path_end(x, mu, 10.0, left, right) == expected


@settings(max_examples=200, deadline=None, derandomize=True)
@given(SHARE, LENGTH, COSINE, st.floats(0.0, 1e7), st.sampled_from((SPECULAR, PERIODIC)))
def test_whole_trips_lead_back(share, L, mu, time, face):
    """Who goes on for the rest of the time ends where he would have, and meets few faces."""
    x, periodic = min(share * L, L), face == PERIODIC
    trips = whole_trips(time, mu, L, face, face)
    assert 0.0 <= trips <= time
    assert (time - trips) * abs(mu) <= 18.0 * L * (1.0 + 1e-9)
    place, sign = fold(x + mu * (time - trips), L, periodic)
    exact, exact_sign = fold(x + mu * time, L, periodic)
    off = abs(place - exact)
    assert min(off, L - off if periodic else off) <= 1e-9 * L + 1e-14 * time
    assert sign == exact_sign or min(exact, L - exact) <= 1e-9 * L + 1e-14 * time


def test_there_are_no_trips_between_other_faces():
    for left, right in [
        (SPECULAR, DIFFUSE),
        (DIFFUSE, DIFFUSE),
        (ABSORBING, ABSORBING),
        (ABSORBING, SPECULAR),
    ]:
        assert whole_trips(1e6, 1.0, 1.0, left, right) == 0.0
    assert whole_trips(7.0, 1.0, 1.0, PERIODIC, PERIODIC) == 0.0  # a few are flown
    assert whole_trips(1e6, 0.0, 1.0, SPECULAR, SPECULAR) == 0.0


@settings(max_examples=200, deadline=None, derandomize=True)
@given(SHARE, LENGTH, st.integers(1, 500))
def test_cells_hold_their_places(share, L, cells):
    x = min(share * L, L)
    cell = cell_of(x, cells / L, cells)
    assert 0 <= cell < cells
    width = L / cells
    assert (cell - 1e-9) * width <= x <= (cell + 1 + 1e-9) * width


def test_the_last_cell_holds_the_face():
    assert cell_of(10.0, 0.7, 7) == 6
    assert cell_of(0.0, 0.7, 7) == 0
