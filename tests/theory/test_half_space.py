"""Half-spaces and ideal interfaces: Chandrasekhar's H with complex c, its relations, numbers, and limits."""

import cmath
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mcpump import theory
from mcpump.theory.boundary_layer import face_resistance
from mcpump.theory.medium import Medium

CHANCES = [1.0, 0.99, 0.5, 0.05, 1 / (1 + 0.3j), 1 / (1.2 - 2j)]


def metal(ratio=0.0, turn=0.0, **more):
    """Reduced metal of a given τ/τ_sf and 2Jτ/ħ."""
    return Medium.reduced(0.5 * turn or 0.1, 1.0 / ratio if ratio else math.inf, **more)


def unit_interval(points=48, power=4):
    """Gauss points of 0 to 1, close to 0."""
    s, weight = np.polynomial.legendre.leggauss(points)
    s, weight = 0.5 * (s + 1.0), 0.5 * weight
    return s**power, power * s ** (power - 1) * weight


def test_H_at_grazing_and_normal_exit():
    assert_allclose(theory.chandrasekhar_H([0.0, 1.0], 1.0), [1.0, 2.90780], rtol=5e-6)
    assert_allclose(theory.chandrasekhar_H([0.1, 0.5, 1.0], 0.0), 1.0, rtol=1e-14)


@pytest.mark.parametrize("c", CHANCES)
def test_moment_of_H(c):
    mu, weight = unit_interval()
    found = weight @ theory.chandrasekhar_H(mu, c)
    assert found == pytest.approx(2.0 * (1.0 - cmath.sqrt(1.0 - c)) / c, rel=1e-12)


@pytest.mark.parametrize("c", CHANCES)
def test_H_solves_its_integral_equation(c):
    """1/H(μ) = 1 − (c/2) μ ∫ H(μ′)/(μ + μ′) dμ′."""
    mu, weight = unit_interval()
    H = theory.chandrasekhar_H(mu, c)
    for cosine in (0.2, 0.7, 1.0):
        own = complex(theory.chandrasekhar_H(cosine, c))
        assert 1.0 / own == pytest.approx(1.0 - 0.5 * c * cosine * (weight @ (H / (mu + cosine))), abs=1e-11)


@pytest.mark.parametrize(
    ("ratio", "back", "diffusion"),
    [(0.01, 3.8893, 4.3301), (0.1, 0.98207, 1.36931), (0.33, 0.42221, 0.75378), (1.0, 0.17171, 0.43301)],
)
def test_thick_metal(ratio, back, diffusion):
    """R of spin that comes back, in 1/g_Sh, and what diffusion says of it."""
    medium = metal(ratio)
    g = theory.sharvin_conductance(medium)
    assert theory.thick_metal_resistance(medium) * g == pytest.approx(back, rel=2e-5)
    assert theory.spin_resistance(medium) * g == pytest.approx(diffusion, rel=1e-5)
    # an interface in front of it: resistances in series, whatever its complex R
    for R in (0.0, 0.4, 0.3 - 0.5j, 1.0):
        g_eff = theory.thick_metal_conductance(R, medium)
        assert g_eff == pytest.approx(g * (1 - R) / (1 + (1 - R) * back), rel=2e-5, abs=1e-14)


def test_half_space_that_loses_nothing():
    medium = metal()
    assert theory.albedo(medium) == 1.0
    assert theory.thick_metal_resistance(medium) == math.inf
    assert theory.thick_metal_conductance(1.0, medium) == 0.0
    assert theory.thick_metal_conductance(0.5, medium) == 0.0
    assert theory.slowest_decay(medium) == 0.0


def test_weak_relaxation_is_diffusion_behind_milne_s_layer():
    """1/(g_Sh (1 − A)) = (λ_s + z₀)/(hνD), z₀ = 0.7104 ℓ: corrections are of the order τ/τ_sf."""
    ratio = 1e-8
    medium = metal(ratio)
    whole = 1.0 / (theory.sharvin_conductance(medium) * (1.0 - theory.albedo(medium).real))
    layer = (whole - theory.spin_resistance(medium)) * 2.0 * math.pi * medium.hbar
    assert layer == pytest.approx(face_resistance(medium), rel=2e-4)
    assert theory.slowest_decay(medium).real * math.sqrt(medium.D * medium.tau_sf) == pytest.approx(
        1.0, rel=1e-7
    )


@pytest.mark.parametrize(("ratio", "out"), [(0.01, 5.113246), (0.1, 1.261305), (0.5, 0.383008)])
def test_flux_out_of_a_half_space(ratio, out):
    medium = metal(ratio)
    assert_allclose(theory.half_space_flux(medium, [1.0, -2.0]), [out, -2.0 * out], rtol=2e-6)
    # reciprocity: what an even source sends out is what enters by the cosine law and stays, over 4 and the loss
    assert out == pytest.approx((1.0 - theory.albedo(medium).real) / (4.0 * ratio), rel=2e-6)


@pytest.mark.parametrize(
    ("turn", "share"), [(0.01, 0.161900), (0.1, 0.477306), (1.0, 0.932748), (8.0, 0.998621)]
)
def test_ideal_step(turn, share):
    medium = metal(turn=turn)
    g = theory.ideal_step_conductance(medium) / theory.sharvin_conductance(medium)
    assert g.real == pytest.approx(share, abs=1e-6)
    assert g.imag > 0.0


@pytest.mark.parametrize(("ratio", "length"), [(0.1, 1.807551), (0.5, 0.776494), (2.0, 0.335042)])
def test_spin_diffusion_length(ratio, length):
    assert 1.0 / theory.slowest_decay(metal(ratio)).real == pytest.approx(length, abs=1e-6)


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.3])
@pytest.mark.parametrize("turn", [1e-4, 0.1, 1.0, 1.3, 1.309, 1.3093])
def test_mode_across_the_magnetization(ratio, turn):
    """K(ik, γ) = 1: the mode is a pole of the answer to plane waves."""
    medium = metal(ratio, turn)
    k = theory.slowest_decay(medium, across=True)
    gamma = medium.gamma(0.0) + 1j * turn
    assert k.real > 0.0
    assert cmath.atanh(k / gamma) / k == pytest.approx(1.0, abs=1e-12)


def test_the_mode_across_the_magnetization_ends():
    end = 1.3093476
    assert cmath.isfinite(theory.slowest_decay(metal(turn=end - 1e-6), across=True))
    assert cmath.isnan(theory.slowest_decay(metal(turn=end + 1e-6), across=True))
    assert cmath.isnan(theory.slowest_decay(metal(turn=8.0), across=True))


def test_refusals():
    with pytest.raises(ValueError, match="dimension = 2: half-spaces are solved for 3"):
        theory.albedo(metal(0.1, dimension=2))
    with pytest.raises(ValueError, match="the flux has no limit"):
        theory.half_space_flux(metal(), 1.0)
    with pytest.raises(ValueError, match="≤ 1 is wanted"):
        theory.chandrasekhar_H(0.5, 1.1)
    with pytest.raises(ValueError, match="0 to 1 is wanted"):
        theory.chandrasekhar_H([0.5, 1.5], 0.9)
    with pytest.raises(ValueError, match="r↑r↓"):
        theory.thick_metal_conductance(1.1, metal(0.1))
