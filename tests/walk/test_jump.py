"""Jumps over many flights: their law, where they are used, and how little they err."""

import math

import numpy as np
import pytest
from scipy import integrate
from test_walk import DECKS, deck, far, problem_of

from mcpump.problem.effort import longest_jump
from mcpump.problem.scene import FEWEST_JUMPED
from mcpump.walk.fast import slab_of
from mcpump.walk.jump import deep_range, jumped_flights

SPIRAL = {"kind": "spiral", "cone_angle": 1.0}


def jump_mean(x, n):
    """⟨e^{iqx}⟩ of a jump of n flights on average, d = 3, with the Gaussian of `mcpump.walk.jump`; x = qℓ."""
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


def test_samples_that_are_short_or_pulses_are_flown_flight_by_flight():
    for name, given in DECKS.items():
        model = slab_of(problem_of(given).scene)
        assert (model.jump > 0.0) == name.startswith("far")
        if model.jump == 0.0:
            assert deep_range(model) == (math.inf, -math.inf)


def test_jumps_can_be_switched_off():
    assert problem_of(far(SPIRAL, ("periodic", "periodic"))).scene.lanes.jump >= FEWEST_JUMPED
    assert problem_of(far(SPIRAL, ("periodic", "periodic"), jumps="off")).scene.lanes.jump == 0.0


def test_a_jump_is_short_against_the_texture_and_the_period():
    given = problem_of(far(SPIRAL, ("periodic", "periodic"))).scene
    assert given.lanes.jump <= 0.1 / given.Omega
    slow = given._replace(lanes=given.lanes._replace(Omega=0.0))
    assert math.sqrt(2.0 * longest_jump(slow) / 3.0) == pytest.approx(300.0 / (2.0 * math.pi) / 6.0)
    steep = deck({"kind": "junction", "interface": 2.0, "width": 0.7, "cone_angle": 0.5, "angular_frequency": 0.1},
                 ("specular", "absorbing"))  # fmt: skip
    assert problem_of(steep).scene.lanes.jump == 0.0


def test_jumps_shorten_towards_an_open_face():
    model = slab_of(problem_of(far(SPIRAL, ("specular", "absorbing"))).scene)._replace(Omega=0.0, jump=400.0)
    low, high = deep_range(model)
    assert low == -math.inf
    assert 0.0 < model.length - high < 30.0
    flights = np.array([jumped_flights(model, x) for x in np.linspace(0.0, high, 50)])
    assert np.all(np.diff(flights) <= 0.0)
    assert flights[-1] == pytest.approx(FEWEST_JUMPED)
    assert flights[0] == 400.0
