"""The conical spiral to all orders in J: limits, continuity, the spin battery."""

import math

import numpy as np
import pytest
from texture_modes import DIMENSIONS, cone

from mcpump import theory
from mcpump.theory import Medium, exact_solution


def on_axes(waves, Omega):
    """Components along (e_r, e_φ, z) of a response that has the symmetry of the spiral: x, y, z at φ = 0."""
    A = theory.harmonics(waves, [0.0], Omega, 1)[:, :, 0]
    return A[0] + A[1]


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_spiral_agrees_with_both_orders_up_to_the_cube_of_exchange(dimension):
    theta, q, Omega = 0.6, 0.8, 0.2
    S = cone(theta, q, Omega)
    exchanges = np.array([0.02, 0.01, 0.005])
    remainders = []
    for J in exchanges:
        medium = Medium(1.0, 1.0, J, 1.0, 5.0, dimension, 1.0)  # ν fixed: orders are powers of J
        exact = theory.conical_spiral_exact(theta, q, Omega, medium)
        orders = [exact_solution(S, medium, c) for c in ("first", "second_ladder")]
        remainders.append(
            [
                np.abs(quantity[part] - sum(on_axes(order[i][part], Omega) for order in orders)).max()
                for i, quantity in enumerate(exact)
                for part in theory.PARTS
            ]
        )
    slopes = np.diff(np.log(remainders), axis=0) / np.diff(np.log(exchanges))[:, None]
    np.testing.assert_allclose(slopes, 3.0, atol=0.1)


def test_spiral_continuity_to_all_orders():
    theta, q, Omega = 0.9, 1.3, 0.4
    medium = Medium(1.2, 0.8, 0.9, 0.7, tau_sf=6.0, hbar=0.5)
    S, z = np.array([math.sin(theta), 0, math.cos(theta)]), np.array([0, 0, 1.0])
    a = -medium.polarization * Omega * math.sin(theta) * np.array([0, 1.0, 0])
    density, flux, torque = theory.conical_spiral_exact(theta, q, Omega, medium)
    for part, sink in (("local", 1 / 0.8 + 1 / 6.0), ("total", 1 / 6.0)):
        left = np.cross(z, Omega * density[part] + q * flux[part]) + sink * density[part]
        np.testing.assert_allclose(left, a + torque[part], atol=1e-13)
        np.testing.assert_allclose(torque[part], 2 * 0.9 / 0.5 * np.cross(density[part], S), atol=1e-13)


@pytest.mark.parametrize("q", [0.05, 0.3, 20.0])
@pytest.mark.parametrize("exchange", [0.01, 5.0])
@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_rigid_rotation_is_a_spin_battery(q, exchange, dimension):
    medium = Medium(1.0, 1.0, exchange, 1.4, dimension=dimension, hbar=1.0)
    density, flux, _ = theory.conical_spiral_exact(0.7, q, 0.1, medium)
    np.testing.assert_allclose(density["total"], [0, 0, 0.5 * 1.4 * 0.1], atol=2e-10)
    np.testing.assert_allclose(flux["total"], 0.0, atol=1e-12)
    assert np.abs(density["local"]).max() > 1e-6


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_uniform_precession_keeps_no_spin_along_the_field(dimension):
    theta, Omega, exchange = 0.7, 0.1, 0.2
    B = np.array([2 * exchange * math.sin(theta), 0, 2 * exchange * math.cos(theta) + Omega])
    battery = np.array([0, 0, 0.5 * 1.4 * Omega])
    lossless = Medium(1.0, 1.0, exchange, 1.4, dimension=dimension, hbar=1.0)
    density, flux, _ = theory.conical_spiral_exact(theta, 0.0, Omega, lossless)
    np.testing.assert_allclose(density["total"], battery - (battery @ B) / (B @ B) * B, atol=1e-15)
    np.testing.assert_allclose(flux["total"], 0.0, atol=1e-14)
    relaxing = lossless._replace(tau_sf=8.0)
    uniform, nearly = (theory.conical_spiral_exact(theta, q, Omega, relaxing) for q in (0.0, 1e-6))
    for part in theory.PARTS:
        np.testing.assert_allclose(uniform.density[part], nearly.density[part], atol=1e-10)


def test_relaxation_discharges_the_spin_battery():
    medium = Medium(1.0, 1.0, 0.3, 1.0, tau_sf=2.0, hbar=1.0)
    density, flux, _ = theory.conical_spiral_exact(0.7, 0.3, 0.1, medium)
    assert 0 < density["total"][2] < 0.025
    assert np.abs(flux["total"]).max() > 1e-5
