"""Modes of spins that turn about Ω_so(k̂) in every flight: closed forms, limits, symmetries, and steps in time."""

import math

import numpy as np
import pytest

from mcpump import theory

UP, HELIX = (0.0, 0.0, 1.0), (1.0, -1.0, 0.0)


def test_matrices_turn_as_their_formulas_say():
    k, n, a = np.array([0.6, 0.48, 0.64]), np.array([2.0, -1.0, 2.0]) / 3.0, np.array([1.0, 2.0, 0.0])
    np.testing.assert_allclose(theory.rashba_turn(0.7, 3.0 * n) @ k, 0.7 * np.cross(n, k), rtol=1e-14)
    turn = theory.dresselhaus_turn(0.7, a, 2.0 * n)
    a = a / np.linalg.norm(a)
    b = np.cross(n, a)
    np.testing.assert_allclose(turn @ k, -0.7 * (k @ a * a - k @ b * b), rtol=1e-13)
    both = theory.rashba_turn(0.5, UP) + theory.dresselhaus_turn(0.5, HELIX)
    np.testing.assert_allclose(both @ k, [0.0, k[0], 0.0], atol=1e-15)


@pytest.mark.parametrize("angle", [0.05, 0.3, 0.45, 0.8, 2.0])
def test_rates_of_the_plane_are_those_of_the_modes(angle):
    """Rashba and Dresselhaus alike; a pair rings where 2W > 1."""
    along, across = theory.rashba_decay(angle), theory.rashba_decay(angle, across=True)
    assert bool(along.imag) == (angle > 0.5)
    for turn in (theory.rashba_turn(angle, UP), theory.dresselhaus_turn(angle, (1.0, 0.3, 0.0))):
        found = theory.spin_orbit_rates(turn, dimension=2)
        np.testing.assert_allclose(found[:2], across, atol=1e-9)
        assert abs(found[2].imag) == pytest.approx(abs(along.imag), abs=1e-9)
        assert found[2].real == pytest.approx(along.real, abs=1e-9)


def test_motional_narrowing():
    """W ≪ 1: ⟨Ω²⟩ − ⟨Ω_i²⟩ along axis i, in any dimension, for any fields."""
    for dimension in (2, 3):
        for turn in (theory.rashba_turn(1e-2, UP), np.diag([1e-2, -3e-3, 2e-3])):
            square = turn @ turn.T / dimension
            if dimension == 2:
                square = turn[:, :2] @ turn[:, :2].T / 2.0
            wanted = np.sort(np.linalg.eigvalsh(np.trace(square) * np.eye(3) - square))
            np.testing.assert_allclose(
                theory.spin_orbit_rates(turn, dimension=dimension).real, wanted, rtol=2e-4
            )


@pytest.mark.parametrize("angle", [0.1, 0.3, 0.5])
def test_three_dimensional_rates_solve_their_equation(angle):
    across, _, along = 1.0 - theory.spin_orbit_rates(theory.rashba_turn(angle, (0.0, 1.0, 1.0))).real
    root = math.hypot(along, angle)
    assert along * math.atanh(angle / root) / (angle * root) == pytest.approx(1.0, abs=1e-12)
    root = math.hypot(across, angle)
    one = across * math.atanh(angle / root) / (angle * root)
    assert 0.5 * (one + 1.0 / across) == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("q", [0.0, 0.5, 0.7, 1.0])
def test_helices_are_modes(dimension, q):
    """The slowest of the three, or, at −q of the other sense, among them; at qℓ = W nothing decays."""
    turn = theory.rashba_turn(0.35, UP) + theory.dresselhaus_turn(0.35, HELIX)
    decay = theory.helix_decay(0.7, q, dimension)
    found = theory.spin_orbit_rates(turn, (q, 0.0, 0.0), dimension=dimension)
    assert np.nanmin(np.abs(found - decay)) < 1e-9
    assert abs(decay) < 1e-15 if q == 0.7 else decay.real > 0.01
    t = np.array([0.0, 2.0, 5.0])
    wave = theory.spin_orbit_transient(t, [0.5j, 0.0, 0.5], turn, q_ell=(q, 0.0, 0.0), dimension=dimension)
    # the other sense would turn with −q
    np.testing.assert_allclose(wave[:, 0], 1j * wave[:, 2], atol=1e-9)
    spread = theory.spin_orbit_transient(
        t, [0.0, 0.0, 0.5], np.zeros((3, 3)), q_ell=(q - 0.7, 0.0, 0.0), dimension=dimension
    )
    np.testing.assert_allclose(wave[:, 2], spread[:, 2], atol=1e-8)


def test_steps_in_time_end_in_the_slowest_mode():
    """Of a well with both couplings, a field across it, and τ_sf: rates by steps in time and by roots."""
    turn = theory.rashba_turn(0.4, UP) + theory.dresselhaus_turn(0.1, (1.0, 0.0, 0.0))
    more = {"dimension": 2, "loss": 0.05, "field": (0.0, 0.0, 0.6)}
    slowest = theory.spin_orbit_rates(turn, **more)[0]
    g = theory.spin_orbit_transient([30.0, 31.0], [0.0, 0.0, 1.0], turn, **more)[:, 2].real
    rates = theory.spin_orbit_rates(turn, **more).real
    assert slowest.imag == pytest.approx(0.0, abs=1e-9) or rates[0] == pytest.approx(rates[1])
    along = min(theory.spin_orbit_rates(turn, **more), key=lambda rate: abs(rate.imag))
    assert math.log(g[0] / g[1]) == pytest.approx(along.real, rel=1e-4)


def test_loss_and_field_alone():
    """Without Ω_so: Hanle precession and τ_sf."""
    found = theory.spin_orbit_transient(
        [0.7], [1.0, 0.0, 0.2], np.zeros((3, 3)), loss=0.3, field=(0.0, 0.0, 2.0)
    )
    wanted = math.exp(-0.21) * np.array([math.cos(1.4), -math.sin(1.4), 0.2])
    np.testing.assert_allclose(found[0], wanted, atol=1e-9)
    rates = theory.spin_orbit_rates(np.zeros((3, 3)), loss=0.3, field=(0.0, 0.0, 2.0))
    np.testing.assert_allclose(rates.real, 0.3, atol=1e-9)
    np.testing.assert_allclose(np.sort(rates.imag), [-2.0, 0.0, 2.0], atol=1e-9)
