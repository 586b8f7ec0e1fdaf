"""Rotation of a spin: norm, inverse, composition, series, agreement with scipy, order of the Magnus step."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp
from scipy.spatial.transform import Rotation

from mcpump.walk.rotation import COMMUTATOR, NODE_1, NODE_2, TOLERANCE, magnus, too_coarse, turned

EPSILON = np.finfo(float).eps
COMPONENT = st.floats(-3.0, 3.0, allow_subnormal=False)
VECTOR = st.tuples(COMPONENT, COMPONENT, COMPONENT)
ANGLE = st.floats(0.0, 60.0)
UNIT = VECTOR.filter(lambda v: math.hypot(*v) > 1e-3).map(lambda v: tuple(np.array(v) / math.hypot(*v)))


def rotated(s, w):
    return np.array(turned(*map(float, s), *map(float, w)))


def tolerance(s, angle=0.0):
    """Rounding of a rotation: some units of the spin, and the rounding of the angle."""
    return 8.0 * EPSILON * math.hypot(*s) * (1.0 + angle) + 1e-300


@settings(deadline=None)
@given(VECTOR, UNIT, ANGLE)
def test_the_norm_is_kept_to_rounding(s, n, angle):
    turned_spin = rotated(s, angle * np.array(n))
    assert abs(math.hypot(*turned_spin) - math.hypot(*s)) <= tolerance(s)


@settings(deadline=None)
@given(VECTOR, UNIT, ANGLE)
def test_what_lies_along_the_field_stays(s, n, angle):
    turned_spin = rotated(s, angle * np.array(n))
    assert abs(np.dot(n, turned_spin) - np.dot(n, s)) <= tolerance(s)


@settings(deadline=None)
@given(VECTOR, UNIT, ANGLE)
def test_the_opposite_rotation_leads_back(s, n, angle):
    w = angle * np.array(n)
    np.testing.assert_allclose(rotated(rotated(s, w), -w), s, rtol=0.0, atol=2.0 * tolerance(s))


@settings(deadline=None)
@given(VECTOR, UNIT, ANGLE, ANGLE)
def test_rotations_about_one_axis_add_up(s, n, one, other):
    n = np.array(n)
    twice = rotated(rotated(s, one * n), other * n)
    np.testing.assert_allclose(
        twice, rotated(s, (one + other) * n), rtol=0.0, atol=3.0 * tolerance(s, one + other)
    )


@settings(deadline=None)
@given(VECTOR, UNIT, ANGLE)
def test_agrees_with_scipy(s, n, angle):
    """ds/dt = s × B turns s by −|B| t about B."""
    w = angle * np.array(n)
    expected = Rotation.from_rotvec(-w).apply(s)
    np.testing.assert_allclose(rotated(s, w), expected, rtol=0.0, atol=3.0 * tolerance(s, angle))


def test_sense_of_the_turn():
    """x̂ × ẑ = −ŷ: about a field along z a spin along x goes to −y."""
    np.testing.assert_allclose(
        rotated((1.0, 0.0, 0.0), (0.0, 0.0, 0.5 * math.pi)), (0.0, -1.0, 0.0), atol=1e-15
    )
    small = rotated((1.0, 2.0, 3.0), (1e-9, -2e-9, 1.5e-9))
    change = np.cross((1.0, 2.0, 3.0), (1e-9, -2e-9, 1.5e-9))
    np.testing.assert_allclose(small - (1.0, 2.0, 3.0), change, rtol=1e-6)


def test_no_rotation_changes_no_bit():
    assert turned(0.1, -0.7, 1e-200, 0.0, 0.0, 0.0) == (0.1, -0.7, 1e-200)


def test_the_series_joins_the_formula_at_its_switch():
    """|w|² = 0.1: either side against the formula with 30 digits' worth of series."""
    n = np.array([0.36, -0.48, 0.8])
    s = np.array([0.3, -0.9, 0.4])
    for square in (0.1 * (1.0 - 1e-15), 0.1 * (1.0 + 1e-15), 0.0999, 0.1001, 0.05, 1e-3, 1e-8):
        angle = math.sqrt(square)
        sine = math.fsum((-1) ** k * angle ** (2 * k + 1) / math.factorial(2 * k + 1) for k in range(12))
        versine = math.fsum(-((-1) ** k) * angle ** (2 * k) / math.factorial(2 * k) for k in range(1, 12))
        expected = s + sine * np.cross(s, n) + versine * (n * np.dot(n, s) - s)
        np.testing.assert_allclose(rotated(s, angle * n), expected, rtol=0.0, atol=3.0 * EPSILON)


def test_many_turns_keep_the_norm():
    """Rounding walks at random: 10⁵ turns, of every size, change the norm by some 10⁻¹⁴."""
    generator = np.random.default_rng(1)
    s = np.array([0.0, 0.6, 0.8])
    for w in generator.normal(size=(100_000, 3)) * 10.0 ** generator.uniform(-6, 1, (100_000, 1)):
        s = np.array(turned(*s, *w))
    assert abs(math.hypot(*s) - 1.0) < 2e-13


def field(t):
    """A field that turns and swells."""
    return np.array([math.cos(1.3 * t), math.sin(1.3 * t), 0.6 + 0.3 * math.cos(0.7 * t)]) * 1.7


def stepped(s, end, steps):
    h = end / steps
    for k in range(steps):
        a, b = field((k + NODE_1) * h), field((k + NODE_2) * h)
        s = turned(*s, *magnus(h, *a, *b))
    return np.array(s)


def test_a_magnus_step_is_of_fourth_order():
    start, end = (0.2, -0.5, 0.8), 4.0
    exact = solve_ivp(
        lambda t, s: np.cross(s, field(t)), (0.0, end), start, rtol=1e-13, atol=1e-14, method="DOP853"
    )
    errors = np.array([np.linalg.norm(stepped(start, end, n) - exact.y[:, -1]) for n in (16, 32, 64, 128)])
    np.testing.assert_allclose(errors[:-1] / errors[1:], 16.0, rtol=0.1)
    assert errors[-1] < 1e-7


def test_a_rotating_field_in_its_own_frame():
    """About a field turning at rate ω a spin turns, seen from the field's frame, about B + ω ẑ: exact for all times."""
    omega, B, end = 0.9, np.array([0.7, 0.0, 0.4]), 3.0

    def at(t):
        return Rotation.from_rotvec((0.0, 0.0, omega * t)).apply(B)

    start = np.array([0.1, 0.3, -0.9])
    # d/dt in the frame adds −ω ẑ × s = s × ω ẑ
    exact = Rotation.from_rotvec((0.0, 0.0, omega * end)).apply(
        Rotation.from_rotvec(-(B + np.array([0.0, 0.0, omega])) * end).apply(start)
    )
    s = start
    for k in range(100):
        h = end / 100
        s = np.array(turned(*s, *magnus(h, *at((k + NODE_1) * h), *at((k + NODE_2) * h))))
    np.testing.assert_allclose(s, exact, atol=1e-8)


@settings(deadline=None)
@given(UNIT, ANGLE, st.floats(1e-3, 20.0))
def test_a_constant_field_is_exact(n, strength, h):
    B = strength * np.array(n)
    assert np.array_equal(magnus(h, *B, *B), 0.5 * h * (B + B))
    assert not too_coarse(h, *B, *B)


@settings(deadline=None)
@given(VECTOR, VECTOR, st.floats(1e-3, 3.0))
def test_a_step_backwards_undoes_a_step(a, b, h):
    """From the end the nodes come in the other order, and time runs back."""
    np.testing.assert_allclose(
        np.array(magnus(-h, *b, *a)), -np.array(magnus(h, *a, *b)), rtol=1e-12, atol=1e-14
    )


def test_the_step_control_halves_what_changes():
    """h |B₂ − B₁| (1 + θ²) against its bound."""
    assert pytest.approx(math.sqrt(3.0) / 12.0) == COMMUTATOR
    weak = 0.99 * TOLERANCE
    assert not too_coarse(1.0, 0.0, 0.0, 0.0, weak, 0.0, 0.0)
    assert too_coarse(1.0, 0.0, 0.0, 0.0, 1.02 * TOLERANCE, 0.0, 0.0)
    # the same change on top of a turn by 2 is too much
    assert too_coarse(1.0, 0.0, 0.0, 2.0, weak, 0.0, 2.0)
    assert not too_coarse(0.01, 0.0, 0.0, 2.0, weak, 0.0, 2.0)


@pytest.mark.parametrize("h", [1e-3, 1e-2, 0.1, 0.3])
def test_the_bound_of_the_step_control_keeps_its_promise(h):
    """Where a step passes, its error is of order 1e-5 of the spin."""
    generator = np.random.default_rng(3)
    for _ in range(20):
        B, change = generator.normal(size=(2, 3)) * (1.0, 1.0, 1.0)
        B, change = B * 2.0 / h * generator.random(), change / h

        def at(t, B=B, change=change):
            return B + change * t / h

        a, b = at(NODE_1 * h), at(NODE_2 * h)
        size = 1.0
        while too_coarse(h * size, *at(NODE_1 * h * size), *at(NODE_2 * h * size)):
            size *= 0.5
        H = h * size
        a, b = at(NODE_1 * H), at(NODE_2 * H)
        start = np.array([0.6, 0.0, 0.8])
        exact = solve_ivp(lambda t, s, at=at: np.cross(s, at(t)), (0.0, H), start, rtol=1e-12, atol=1e-13)
        error = np.linalg.norm(np.array(turned(*start, *magnus(H, *a, *b))) - exact.y[:, -1])
        assert error < 1e-4
