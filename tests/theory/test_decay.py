"""How spin decays in half-spaces: the mode and where it ends, the current at any depth, Valet and Fert's beside it."""

import cmath
import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad_vec
from scipy.optimize import brentq
from scipy.special import exp1

from mcpump import theory
from mcpump.theory.half_space import log_H
from mcpump.theory.medium import Medium
from mcpump.theory.slab import Face, Interface, Layer, Sample, slab_response

LOSSES = [(0.01, 0.0), (0.5, 0.0), (2.0, 0.0), (0.0, 0.3), (0.0, 1.3), (0.0, 1.32), (0.0, 2.37), (0.3, 8.0)]
"""τ/τ_sf and 2Jτ/ħ: with a mode, on both sides of its end, and far beyond."""


def metal(ratio=0.0, turn=0.0, **more):
    """Reduced metal of a given τ/τ_sf and 2Jτ/ħ."""
    return Medium.reduced(0.5 * turn or 0.1, 1.0 / ratio if ratio else math.inf, **more)


def E_3(z):
    """Exponential integral of complex z, by its recursion."""
    return 0.5 * (np.exp(-z) - z * (np.exp(-z) - z * exp1(z)))


# --- the mode ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ratio", "length"), [(0.1, 1.807551), (0.5, 0.776494), (2.0, 0.335042)])
def test_spin_diffusion_length(ratio, length):
    found = theory.slowest_decay(metal(ratio))
    assert found.imag == 0.0
    assert 1.0 / found.real == pytest.approx(length, abs=1e-6)
    # by a search for the root between 0 and γ
    root = brentq(lambda y: y - (1.0 + ratio) * math.tanh(y), 1e-3, 1.0 + ratio, xtol=1e-14)
    assert found.real == pytest.approx(root, rel=1e-12)


@pytest.mark.parametrize("ratio", [5.0, 20.0, 1e3, 1e12])
def test_relaxation_much_faster_than_scattering(ratio):
    """Spin comes no farther than flights straight on: k = γ/ℓ but for 2γe^{−2γ}."""
    gamma = 1.0 + ratio
    assert theory.slowest_decay(metal(ratio)).real == pytest.approx(
        gamma * (1.0 - 2.0 * math.exp(-2.0 * gamma)), rel=2e-8
    )


@pytest.mark.parametrize("ratio", [0.0, 0.1, 0.3, 5.0])
@pytest.mark.parametrize("turn", [1e-12, 1e-4, 0.1, 1.0, 1.3, 1.309, 1.3093])
def test_mode_across_the_magnetization(ratio, turn):
    """K(ik, γ) = 1: the mode is a pole of the answer to plane waves."""
    medium = metal(ratio, turn)
    k = theory.slowest_decay(medium, across=True)
    gamma = medium.gamma(0.0) + 1j * turn
    assert k.real > 0.0
    assert cmath.atanh(k / gamma) / k == pytest.approx(1.0, abs=1e-10)
    # spin that turns the other way
    mirrored = theory.slowest_decay(metal(ratio), Omega=-turn)
    assert mirrored == pytest.approx(k.conjugate(), rel=1e-12)


@pytest.mark.parametrize(("ratio", "end"), [(0.0, 1.3093476), (0.1, None), (2.0, None), (4.0, None)])
def test_where_the_mode_across_the_magnetization_ends(ratio, end):
    found = theory.transverse_mode_end(metal(ratio))
    if end is not None:
        assert found == pytest.approx(end, abs=1e-7)
    assert 1.3 < found < 0.5 * math.pi + 1e-12

    def at_the_cut(excess):
        """Real part of c (artanh(1/κ) + iπ/2) = κ = 1 + e^excess, on the upper side of the cut."""
        kappa = 1.0 + math.exp(excess)
        return math.atanh(1.0 / kappa) - kappa * (1.0 + ratio)

    kappa = 1.0 + math.exp(brentq(at_the_cut, -20.0, 1.0, xtol=1e-13))
    assert 0.5 * math.pi / kappa == pytest.approx(found, rel=1e-9)  # imaginary part
    before, beyond = (theory.slowest_decay(metal(ratio, found + d), across=True) for d in (-1e-6, 1e-6))
    assert before.imag == pytest.approx(0.5 * math.pi, abs=1e-5)
    assert cmath.isnan(beyond)
    assert cmath.isnan(theory.slowest_decay(metal(ratio, 8.0), across=True))


@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0])
def test_as_many_modes_as_the_argument_principle_counts(ratio):
    """arg of Λ⁺/Λ⁻ along the cut, Λ± = 1 − cν artanh ν ± iπcν/2, turns by 2π for each pair ±k, or not at all."""
    end = theory.transverse_mode_end(metal(ratio))
    away = np.exp(-np.linspace(0.0, 60.0, 20_001))
    nu, artanh = 1.0 - away, 0.5 * np.log((2.0 - away) / away)
    for turn, modes in ((0.5, 1), (end - 0.01, 1), (end + 0.01, 0), (4.0, 0)):
        c = 1.0 / (1.0 + ratio + 1j * turn)
        real, side = 1.0 - c * nu * artanh, 0.5j * math.pi * c * nu
        turned = np.unwrap(np.angle((real + side) / (real - side)))
        # the last of it, as π/ln, beyond the points
        assert round((turned[-1] - turned[0]) / (2.0 * math.pi)) == modes


# --- the current inside -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("ratio", "turn"), LOSSES)
def test_current_at_the_face_is_what_is_not_sent_back(ratio, turn):
    medium = metal(ratio, turn)
    found = complex(theory.half_space_current(0.0, medium, across=turn > 0.0))
    assert found == pytest.approx(1.0 - theory.albedo(medium, across=turn > 0.0), abs=1e-13)


@pytest.mark.parametrize(("ratio", "turn"), LOSSES)
@pytest.mark.parametrize("x", [0.02, 0.7, 3.0])
def test_current_solves_the_integral_equation(x, ratio, turn):
    """γj(x) = 2δE₃(γx) + ½E₂(γx) j(0) + ½γ∫₀^∞ E₁(γ|x − x′|) j(x′) dx′: flights, and j′ = −δ times the density."""
    medium, delta = metal(ratio, turn), complex(ratio, turn)
    gamma = 1.0 + delta
    s, weight = np.polynomial.legendre.leggauss(200)
    s, weight = (0.5 * (s + 1.0)) ** 4, 2.0 * (0.5 * (s + 1.0)) ** 3 * weight
    far = 40.0 / (1.0 + math.sqrt(3.0 * ratio)) if turn else 40.0 / math.sqrt(3.0 * ratio)
    # from the face to half-way, from there to x, and beyond: places, and how far they are from x
    places = np.concatenate([0.5 * x * s, x - 0.5 * x * s, x + far * s])
    away = np.concatenate([x - 0.5 * x * s, 0.5 * x * s, far * s])
    weights = np.concatenate([0.5 * x * weight, 0.5 * x * weight, far * weight])
    face, here = theory.half_space_current([0.0, x], medium, across=turn > 0.0)
    there = theory.half_space_current(places, medium, across=turn > 0.0)
    z = gamma * x
    arrived = 0.5 * gamma * (weights @ (exp1(gamma * away) * there))
    E_2 = np.exp(-z) - z * exp1(z)
    assert gamma * here == pytest.approx(2.0 * delta * E_3(z) + 0.5 * E_2 * face + arrived, abs=1e-9)


@pytest.mark.parametrize(("ratio", "turn"), LOSSES)
def test_closed_form_as_it_is_printed(ratio, turn):
    """Mode, where there is one, and an integral over the cosines of flights, on the cut itself, by quadrature."""
    x, medium = np.array([0.0, 0.3, 2.0]), metal(ratio, turn)
    gamma = 1.0 + complex(ratio, turn)
    c, root, z = 1.0 / gamma, cmath.sqrt(1.0 - 1.0 / gamma), gamma * x

    def flights(nu):
        artanh = math.atanh(nu)
        g = (1.0 - c * nu * artanh) ** 2 + (0.5 * math.pi * c * nu) ** 2
        return nu * np.exp(-z / nu) / (theory.chandrasekhar_H(nu, c) * g)

    inside = 0.5 * root * quad_vec(flights, 0.0, 1.0, epsabs=1e-9)[0]
    k = theory.slowest_decay(medium, across=turn > 0.0)
    if cmath.isfinite(k):
        kappa = k * c
        H = cmath.exp(complex(log_H(np.asarray(1.0 / kappa), gamma - 1.0)))
        N = root * (1.0 - kappa**2) / (c * H * (c - 1.0 + kappa**2))
        inside = inside + N * np.exp(-kappa * z) / kappa
    found = theory.half_space_current(x, medium, across=turn > 0.0)
    assert_allclose(found, 4.0 * (1.0 - c) * inside, rtol=0.0, atol=1e-8)


@pytest.mark.parametrize(("ratio", "turn"), LOSSES)
def test_first_flights(ratio, turn):
    x = np.array([[0.1, 1.0], [3.0, 10.0]])
    found = theory.half_space_current(x, metal(ratio, turn), across=turn > 0.0, local=True)
    assert_allclose(found, 2.0 * E_3((1.0 + complex(ratio, turn)) * x), rtol=2e-11)


@pytest.mark.parametrize(("ratio", "turn"), [(0.01, 0.0), (0.5, 0.0), (0.0, 0.3)])
def test_far_from_the_face_the_mode_is_left(ratio, turn):
    medium = metal(ratio, turn)
    k = theory.slowest_decay(medium, across=turn > 0.0)
    near, far = theory.half_space_current([50.0, 51.0], medium, across=turn > 0.0)
    assert far / near == pytest.approx(cmath.exp(-k), rel=3e-6)


def test_beyond_the_end_of_the_mode_the_current_is_that_of_first_flights():
    """As exchange grows, 2E₃(i2Jx/ħv_F) e^{…}: what is scattered falls as ħ/2Jτ."""
    x = np.array([0.0, 0.3, 1.0])
    missed = []
    for turn in (1e2, 1e3, 1e8):
        medium = metal(0.0, turn)
        at = x * (100.0 / turn)
        whole = theory.half_space_current(at, medium, across=True)
        missed.append(np.abs(whole - theory.half_space_current(at, medium, across=True, local=True)).max())
    assert missed[0] < 0.03
    assert missed[1] == pytest.approx(0.1 * missed[0], rel=0.2)
    assert missed[2] < 1e-7
    # without scattering, e^{−x/ℓ} aside
    dephased = 2.0 * E_3(1j * 1e2 * x[1:])
    assert_allclose(whole[1:], dephased, rtol=1e-5)


@pytest.mark.parametrize("ratio", [0.0, 2.0])
def test_the_current_is_smooth_where_the_mode_ends_and_beyond(ratio):
    """The fourth difference over 2Jτ/ħ is that of a smooth function: what the mode loses the flights take over."""
    turns = np.arange(1.1, 2.7, 0.05)
    currents = np.array([theory.half_space_current([0.3, 2.0], metal(ratio, t), across=True) for t in turns])
    assert np.abs(np.diff(currents, n=4, axis=0)).max() < 5e-5


@pytest.mark.parametrize(
    ("ratio", "turn", "channel"),
    [(0.5, 0.0, "first"), (2.0, 0.0, "first"), (0.0, 0.5, "exact"), (0.0, 1.4, "exact")],
)
def test_current_by_discrete_ordinates(ratio, turn, channel):
    """A metal behind an interface that passes by the cosine law, with S along z where spin turns about it."""
    depths = np.array([0.25, 0.5, 1.0, 2.0])
    edges = np.array([0.0, 1.0, *(1.0 + depths), 3.0 + 8.0 / (1.0 + 0.7 * ratio)])
    gate = Interface(0.6, 0.6, specularity=0.0, straight=False)
    layers = Layer(0.0, 1.0, 1.0, 0.0, 1.0), Layer(1.0, 1.0, 1.0, ratio, 1.0, gate)
    x, z = np.eye(3)[0], np.eye(3)[2]
    found = slab_response(
        Sample(edges[-1], layers, (Face(1.0), Face(0.0))), lambda at: np.where((at < 1.0)[:, None], x, z),
        1e-6 * z, 0.5 * turn, edges, channels=(channel,), directions=24, fineness=4.0,
    )[channel]  # fmt: skip
    current = (found.local.through + found.diffusive.through)[1:-1] @ np.array([1.0, 1.0j, 0.0])
    wanted = theory.half_space_current([0.0, *depths], metal(ratio, turn), across=turn > 0.0)
    if turn == 0.0:
        current = current.imag
    assert_allclose(current[1:] / current[0], wanted[1:] / wanted[0], rtol=0.0, atol=2e-6)
    if turn == 0.0:
        law = np.exp(-depths * math.sqrt(3.0 * ratio)) * current[0].real / current[1:].real
        assert_allclose(theory.valet_fert_excess(depths, metal(ratio)), law, rtol=1e-5)


def test_small_losses():
    """Diffusion behind Milne's layer: j(x) = (4/√3)√δ e^{−x/λ_s} as δ → 0, and Valet and Fert are right."""
    for ratio in (1e-8, 1e-20):
        lam_s = math.sqrt(1.0 / (3.0 * ratio))
        found = theory.half_space_current(np.array([1.0, 3.0]) * lam_s, metal(ratio)).real
        assert_allclose(found, 4.0 * math.sqrt(ratio / 3.0) * np.exp([-1.0, -3.0]), rtol=3e-4)
        assert_allclose(theory.valet_fert_excess([0.0, lam_s], metal(ratio)), 1.0, rtol=3e-4)
    assert not theory.half_space_current([0.0, 2.0], metal()).any()


def test_large_losses():
    """First flights alone, at any number."""
    for ratio in (1e6, 1e16):
        x = np.array([0.0, 0.5, 2.0]) / ratio
        found = theory.half_space_current(x, metal(ratio))
        assert_allclose(
            found, theory.half_space_current(x, metal(ratio), local=True), rtol=3.0 / ratio + 1e-12
        )


def test_valet_and_fert_where_spin_relaxes_faster_than_it_scatters():
    depths = np.array([0.5, 1.0, 2.0])
    medium = metal(2.0)
    assert_allclose(theory.valet_fert_excess(depths, medium), [1.930998, 3.029924, 6.411783], rtol=1e-6)
    # what enters, not what stays
    entering = np.exp(-depths * math.sqrt(6.0)) / theory.half_space_current(depths, medium).real
    assert_allclose(entering, [2.109976, 3.310757, 7.006070], rtol=1e-6)


def test_refusals():
    with pytest.raises(ValueError, match="0 or more is wanted"):
        theory.half_space_current([-0.1, 1.0], metal(0.1))
    with pytest.raises(ValueError, match="no current flows"):
        theory.valet_fert_excess(1.0, metal())
    for function in (theory.slowest_decay, theory.transverse_mode_end):
        with pytest.raises(ValueError, match="dimension = 2: half-spaces are solved for 3"):
            function(metal(0.1, dimension=2))
