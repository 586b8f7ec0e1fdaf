"""Half-spaces and ideal interfaces: Chandrasekhar's H with complex c, its relations, numbers, and limits."""

import cmath
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad

from mcpump import theory
from mcpump.theory.boundary_layer import face_resistance
from mcpump.theory.medium import Medium
from mcpump.theory.slab import Face, Layer, Sample, slab_response

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


@pytest.mark.parametrize(("turn", "ratio"), [(1.0, 0.5), (0.3, 0.2)])
def test_ideal_step_of_a_magnet_in_which_spin_relaxes(turn, ratio):
    """τ_sf takes its share: discrete ordinates, Re and Im of first flights and of all."""
    theta, Omega, length = 0.5, 1e-7, 24.0
    sample = Sample(length, (Layer(0.0, 1.0, 1.0, ratio, 1.0),), (Face(0.0), Face(1.0)))
    n, z = np.array([math.sin(theta), 0.0, math.cos(theta)]), np.array([0.0, 0.0, 1.0])
    found = slab_response(
        sample, lambda x: np.tile(n, (len(x), 1)), Omega * z, 0.5 * turn, [0.0, length], channels=("exact",)
    )["exact"]
    rate = np.cross(Omega * z, n)
    medium = metal(ratio, turn)
    for local, current in (
        (True, found.local.current[-1, 0]),
        (False, found.local.current[-1, 0] + found.diffusive.current[-1, 0]),
    ):
        # j = (ħ/4π)(Re g n×ṅ − Im g ṅ), and g_Sh emits ħ²νv/8
        share = 4.0 * turn / (rate @ rate) * np.array([current @ np.cross(n, rate), -current @ rate])
        g = theory.ideal_step_conductance(medium, local=local) / theory.sharvin_conductance(medium)
        assert_allclose(share, [g.real, g.imag], atol=3e-6)
    # less than what the face takes of spin that comes from outside
    assert g.real < 1.0 - theory.albedo(medium, across=True).real


@pytest.mark.parametrize("turn", [1e-2, 1.0, 8.0])
def test_first_flights_of_an_ideal_step(turn):
    """iT/(1 + iT): Re g = T²/(1 + T²) tends to 1 as well."""
    medium = metal(turn=turn)
    g = theory.ideal_step_conductance(medium, local=True) / theory.sharvin_conductance(medium)
    assert g == pytest.approx(1j * turn / (1.0 + 1j * turn), rel=1e-14)
    assert theory.half_space_flux(medium, 2.0, Omega=turn, local=True) == pytest.approx(
        0.5 / (1.0 + 1j * turn)
    )


def test_H_by_direct_quadrature():
    for mu, c in ((0.3, 0.9), (1.0, 0.5), (0.8, 1 / (1 + 1.4j))):

        def integrand(t, part, mu=mu, c=c):
            value = cmath.log(1.0 - c * math.atan(t) / t) * mu / (1.0 + (mu * t) ** 2)
            return getattr(value, part)

        real, imag = (
            quad(integrand, 1e-12, math.inf, args=(part,), epsabs=1e-12, limit=200)[0]
            for part in ("real", "imag")
        )
        assert complex(theory.chandrasekhar_H(mu, c)) == pytest.approx(
            cmath.exp(-(real + 1j * imag) / math.pi), rel=1e-9
        )


def test_numbers_keep_their_digits():
    """1 − A → (4/√3)√δ and A → (2/3)(1 − ln 2)/δ, at any size."""
    for ratio in (1e-20, 1e-300):
        medium = metal(ratio)
        assert theory.half_space_flux(medium, 1.0) == pytest.approx(1.0 / math.sqrt(3.0 * ratio), rel=1e-9)
        resistance = theory.thick_metal_resistance(medium) / theory.spin_resistance(medium)
        assert resistance == pytest.approx(1.0, rel=1e-9)
        step = metal(turn=ratio)
        g = theory.ideal_step_conductance(step) / theory.sharvin_conductance(step)
        assert g / cmath.sqrt(1j * ratio) == pytest.approx(4.0 / math.sqrt(3.0), rel=1e-9)
    for ratio in (1e9, 1e16, 1e100):
        assert theory.albedo(metal(ratio)) * ratio == pytest.approx(2 / 3 * (1.0 - math.log(2.0)), rel=2e-9)
        step = metal(turn=ratio)
        g = theory.ideal_step_conductance(step) / theory.sharvin_conductance(step)
        assert g.imag * ratio == pytest.approx(2 / 3 * (1.0 - math.log(2.0)), rel=2e-9)
        assert g.real == pytest.approx(1.0, abs=1e-15)


def test_reflections_at_once():
    medium, R = metal(0.1), np.array([[0.0, 0.4], [0.3 - 0.5j, 1.0]])
    found = theory.thick_metal_conductance(R, medium)
    assert found.shape == R.shape
    for index in np.ndindex(R.shape):
        assert found[index] == theory.thick_metal_conductance(R[index], medium)


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
