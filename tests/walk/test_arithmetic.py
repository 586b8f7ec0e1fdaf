"""Numbers of the walk in lanes: random words, logarithm, sine and cosine, rotation, directions, jumps."""

import math

import numpy as np
import pytest
from parts import callable_from_python
from scipy import integrate

from mcpump.compiled import twins
from mcpump.walk import arithmetic, flight

NUMBERS, FLIGHTS = twins(arithmetic), twins(flight)
FULL = 2**32 - 1


draw, uniform, uniform52 = map(callable_from_python, (NUMBERS.draw, NUMBERS.uniform, NUMBERS.uniform52))
minus_log, sin_cos, turned = map(callable_from_python, (NUMBERS.minus_log, NUMBERS.sin_cos, NUMBERS.turned))
direction, cosine_law = map(callable_from_python, (FLIGHTS.direction, FLIGHTS.cosine_law))
kicked, jump_way = map(callable_from_python, (FLIGHTS.kicked, FLIGHTS.jump_way))


def words(*numbers):
    return [np.uint64(number) for number in numbers]


# --- random numbers -------------------------------------------------------------------------------------------------


def test_ends_of_uniform_numbers():
    least, most = words(0, FULL)
    assert uniform52(least, least) == 2.0**-53
    assert uniform52(most, most) == 1.0 - 2.0**-53
    assert math.isfinite(minus_log(uniform52(least, least)))
    assert minus_log(uniform52(most, most)) > 0.0


def test_lengths_are_minus_the_logarithm():
    generator = np.random.default_rng(1)
    small = 2.0 ** np.concatenate([generator.uniform(-53, 0, 4000), -np.arange(1.0, 54.0)])
    near_one = 1.0 - 2.0 ** -generator.uniform(1, 53, 4000)
    for u in np.concatenate([small, near_one, math.sqrt(0.5) * np.array([1.0 - 1e-15, 1.0, 1.0 + 1e-15])]):
        assert minus_log(u) == pytest.approx(-math.log(u), rel=2e-13)


def test_sine_and_cosine():
    generator = np.random.default_rng(1)
    quarters = 0.5 * math.pi * np.arange(-9.0, 10.0)
    angles = np.concatenate([generator.uniform(-9e4, 9e4, 3000), generator.uniform(-4, 4, 3000), quarters])
    found = np.array([sin_cos(angle) for angle in angles])
    np.testing.assert_allclose(found[:, 0], np.sin(angles), atol=3e-12)
    np.testing.assert_allclose(found[:, 1], np.cos(angles), atol=3e-12)
    tame = np.abs(angles) < 5.0
    np.testing.assert_allclose(found[tame, 0], np.sin(angles[tame]), atol=2e-15)
    np.testing.assert_allclose(found[tame, 1], np.cos(angles[tame]), atol=2e-15)


# --- spins ----------------------------------------------------------------------------------------------------------


def solved(spin, field, ladder=(0.0, 0.0, 0.0), kick=None):
    """ds/dt = s × B and, with a kick, dl/dt = l × B + s × kick over a unit of time, by quadrature of high order."""
    kick = np.zeros(3) if kick is None else kick

    def rate(_, y):
        return np.concatenate([np.cross(y[:3], field), np.cross(y[3:], field) + np.cross(y[:3], kick)])

    return integrate.solve_ivp(rate, (0.0, 1.0), [*spin, *ladder], method="DOP853", rtol=1e-12, atol=1e-13).y[
        :, -1
    ]


@pytest.mark.parametrize("size", [0.0, 1e-9, 1e-3, 0.7, 5.0, 40.0])
def test_a_spin_turns_as_the_equation_of_motion_has_it(size):
    spin, field = np.array([0.3, -0.8, 0.5]), size * np.array([0.6, -0.48, 0.64])
    found = np.array(turned(*spin, *field))
    np.testing.assert_allclose(found, solved(spin, field)[:3], atol=1e-10)
    assert np.linalg.norm(found) == pytest.approx(np.linalg.norm(spin), rel=1e-13)


@pytest.mark.parametrize("turn", [0.0, 1e-8, 2e-6, 0.3, -2.5, 9.0])
def test_second_order_of_a_flight_in_the_turning_frame(turn):
    """Both spins turn about z by `turn`; exchange kicks the second one by the first along the way."""
    first, second, angle, nx, nz = np.array([0.4, 0.7, -0.2]), np.array([0.1, -0.3, 0.6]), 0.25, 0.6, 0.8
    expected = solved(first, np.array([0.0, 0.0, turn]), second, angle * np.array([nx, 0.0, nz]))
    np.testing.assert_allclose(kicked(*first, *second, angle, nx, nz, turn), expected, atol=1e-9)


# --- directions and jumps -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_directions_have_the_moments_of_the_sphere(dimension):
    """⟨μ⟩ = 0, ⟨μ²⟩ = 1/d, ⟨μ⁴⟩ = 3/(d(d + 2)), on an even mesh of uniform numbers."""
    n = 20000
    mu = np.array([direction((i + 0.5) / n, dimension) for i in range(n)])
    assert np.all(np.abs(mu) <= 1.0)
    assert abs(mu.mean()) < 1e-12
    assert (mu**2).mean() == pytest.approx(1.0 / dimension, rel=1e-7)
    assert (mu**4).mean() == pytest.approx(3.0 / (dimension * (dimension + 2)), rel=1e-7)


@pytest.mark.parametrize(("dimension", "mean"), [(1, 1.0), (2, math.pi / 4.0), (3, 2.0 / 3.0)])
def test_the_cosine_law(dimension, mean):
    """⟨μ⟩ = ∫μ² dΩ/∫μ dΩ over the half-sphere; ⟨μ²⟩ = d/(d + 1) ⟨1⟩ … = 1, 2/3, 1/2."""
    n = 20000
    mu = np.array([cosine_law((i + 0.5) / n, dimension) for i in range(n)])
    assert mu.mean() == pytest.approx(mean, rel=1e-4)
    assert (mu**2).mean() == pytest.approx({1: 1.0, 2: 2.0 / 3.0, 3: 0.5}[dimension], rel=1e-4)


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("time", [0.05, 3.0, 400.0])
def test_the_way_of_a_jump_has_the_mean_square_of_flights(time, dimension):
    """⟨x²⟩ = (2/d) ℓ'² (t/τ' − 1 + e^{−t/τ'}), with collisions at the rate (1 − 1/n)/τ; a Gaussian."""
    n, v, rate = 24.0, 1.5, 0.8
    often = rate * (1.0 - 1.0 / n)
    expected = 2.0 / dimension * (v / often) ** 2 * (time * often + math.expm1(-time * often))
    generator, count = np.random.default_rng(1), 20000
    drawn = generator.integers(0, 2**32, (count, 2)).astype(np.uint64)
    ways = np.array([jump_way(time, n, v, rate, dimension, *pair) for pair in drawn])
    assert abs(ways.mean()) < 4.0 * math.sqrt(expected / count)
    assert abs((ways**2).mean() / expected - 1.0) < 4.0 * math.sqrt(2.0 / count)
    assert abs((ways**4).mean() / expected**2 - 3.0) < 4.0 * math.sqrt(96.0 / count)


def jump_mean(x, n):
    """⟨e^{iqx}⟩ of a jump of n flights on average, d = 3, with the Gaussian of `flight.jump_way`; x = qℓ."""
    rate = 1.0 - 1.0 / n

    def integrand(T):
        variance = 2.0 / 3.0 * (T * rate + math.expm1(-T * rate)) / rate**2
        return math.exp(-T / n - 0.5 * x * x * variance) / n

    return integrate.quad(integrand, 0.0, 60.0 * n, limit=400, epsabs=1e-14, epsrel=1e-12)[0]


@pytest.mark.parametrize("x", [0.002, 0.01, 0.05])
@pytest.mark.parametrize("n", [16.0, 64.0, 400.0])
def test_the_density_of_collisions_errs_by_seven_hundredths_of_ql_squared(x, n):
    """Collisions after the first, n per mark, against K/(1 − K) of flights one by one."""
    K, J = math.atan(x) / x, jump_mean(x, n)
    ratio = n * J / (1.0 - J) / (K / (1.0 - K))
    assert 0.0 < ratio - 1.0 < 0.08 * x * x + 1e-9
