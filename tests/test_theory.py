"""The closed forms and exact solutions: published numbers, limits, and the transport equation itself."""

import math

import numpy as np
import pytest

from mcpump import theory
from mcpump.constants import E_CHARGE, HBAR, M_ELECTRON
from mcpump.theory import Medium, Wave, exact_solution

CHANNELS = ("first", "second", "second_ladder")
DIMENSIONS = (1, 2, 3)

# Reference set: free electrons, k_F = 13.6 /nm, ℓ = 1 nm, J = 50 meV; 20 nm wave, cone 10°, 10 GHz.
K_F = 1.36e10
V_F = HBAR * K_F / M_ELECTRON
P0 = Medium(V_F, 1e-9 / V_F, 0.05 * E_CHARGE, M_ELECTRON * K_F / (2 * math.pi**2 * HBAR**2))
Q_20NM = 2 * math.pi / 20e-9
OMEGA = 2 * math.pi * 10e9
THETA = math.radians(10.0)
AMPERES = 2 * E_CHARGE / HBAR  # A/m² per J/m²


def cone(theta, q, Omega):
    s, c = math.sin(theta), math.cos(theta)
    return theory.texture_waves([0, 0, c], [s, 0, 0], [0, s, 0], q, Omega)


def modulated(epsilon=1.0, q=0.7, Omega=0.3):
    """Spiral with a modulated size: every mode, component and part of the response is in use."""
    envelope = [(0.0, 1.0), (0.4 * epsilon, 0.3 * np.exp(0.5j)), (-0.4 * epsilon, 0.3 * np.exp(-0.5j))]
    return theory.texture_waves(
        [0.2, 0.1, 0.6], [0.5, 0, 0.1], [0, 0.4, 0], q * epsilon, Omega * epsilon**2, envelope
    )


def amplitude(waves, q, Omega):
    """Amplitude of the mode (q, Ω); zero where there is none."""
    found = [
        w.amplitude
        for w in waves
        if math.isclose(w.q, q, abs_tol=1e-9) and math.isclose(w.Omega, Omega, abs_tol=1e-9)
    ]
    assert len(found) <= 1
    return found[0] if found else np.zeros(3, dtype=complex)


def largest_difference(left, right):
    """Largest |left − right| over the largest |right|, over all modes."""
    scale = max(np.abs(w.amplitude).max() for w in right)
    return (
        max(
            np.abs(amplitude(left, w.q, w.Omega) - amplitude(right, w.q, w.Omega)).max()
            for w in [*left, *right]
        )
        / scale
    )


def size(waves):
    return max(np.abs(w.amplitude).max() for w in waves)


# --- published numbers -----------------------------------------------------------------------


def test_reference_medium():
    assert HBAR * P0.nu * P0.J / P0.J * E_CHARGE * 1e-27 / HBAR == pytest.approx(9.0418, rel=1e-5)
    assert pytest.approx(0.63515e-15, rel=1e-5) == P0.tau
    assert pytest.approx(5.2481e-4, rel=1e-5) == P0.D


@pytest.mark.parametrize(
    ("x", "share"),
    [(0.1, 0.0033135), (0.3, 0.028477), (1, 0.214602), (3, 0.583651), (10, 0.852887), (100, 0.984392)],
)
def test_local_share_in_three_dimensions(x, share):
    assert theory.local_share(x, 3) == pytest.approx(share, rel=2e-5)


def test_local_share_in_lower_dimensions():
    assert theory.local_share(1.0, 2) == pytest.approx(0.292893, rel=1e-6)
    assert theory.local_share(1.0, 1) == pytest.approx(0.5, rel=1e-14)


@pytest.mark.parametrize(("dimension", "x"), [(1, 1.0), (2, math.sqrt(3)), (3, 2.3311)])
def test_equal_split(dimension, x):
    assert theory.local_share(x, dimension) == pytest.approx(0.5, abs=8e-6)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_local_share_at_tiny_qell_keeps_all_digits(dimension):
    x = np.array([1e-3, 1e-6, 1e-12])
    next_order = {1: 1.0, 2: 0.75, 3: 0.6}[dimension]
    np.testing.assert_allclose(
        theory.local_share(x, dimension), x**2 / dimension * (1 - next_order * x**2), rtol=2e-12
    )
    assert theory.local_share(0.0, dimension) == 0.0


def test_local_share_is_smooth_where_series_and_closed_form_meet():
    below, above = theory.local_share(np.array([0.3 * (1 - 1e-9), 0.3 * (1 + 1e-9)]), 3)
    slope = (1 / (1 + 0.09) - (1 - below)) * -1 / 0.3  # d/dx (1 − arctan(x)/x)
    assert above - below == pytest.approx(slope * 0.3 * 2e-9, rel=1e-4)


def test_reference_local_share():
    x = Q_20NM * P0.ell
    assert x**2 / 3 == pytest.approx(P0.D * Q_20NM**2 * P0.tau, rel=1e-12)
    assert x**2 / 3 == pytest.approx(0.032899, rel=2e-5)
    assert theory.local_share(x, 3) == pytest.approx(0.031078, rel=2e-5)


@pytest.mark.parametrize("ell", [1e-9, 10e-9, 100e-9])
def test_first_order_amplitude_is_the_same_at_any_mean_free_path(ell):
    medium = P0._replace(tau=ell / V_F)
    flux = exact_solution(cone(THETA, Q_20NM, OMEGA), medium, "first").flux["total"]
    real = theory.harmonics(flux, [0.0], OMEGA, 1)[:, :, 0]
    size = math.hypot(real[1, 0], real[2, 0])
    assert size == pytest.approx(1.6558e-6, rel=2e-3 if ell > 2e-9 else 2e-4)
    if ell == 1e-9:
        assert pytest.approx(1.6558e-6, rel=3e-5) == P0.polarization * OMEGA * math.sin(THETA) / Q_20NM
        assert size * AMPERES == pytest.approx(5.031e9, rel=2e-4)


def test_torque_of_second_order():
    S = cone(THETA, Q_20NM, OMEGA)
    (leading,) = [w for w in theory.relaxation_torque(S, P0, K_F) if w.Omega == 0.0]
    assert leading.amplitude[2].real == pytest.approx(8.7163, rel=1e-5)
    assert leading.amplitude[2].real / Q_20NM == pytest.approx(2.7745e-8, rel=2e-5)
    assert leading.amplitude[2].real / Q_20NM * AMPERES == pytest.approx(8.430e7, rel=1e-4)
    for ratio, expected in [(0.0, 8.4454), (0.001, 8.4375), (0.01, 8.3668)]:
        medium = P0._replace(tau_sf=P0.tau / ratio if ratio else math.inf)
        torque = exact_solution(S, medium, "second").torque["total"]
        assert theory.harmonics(torque, [0.0], OMEGA, 1)[0, 2, 0] == pytest.approx(expected, rel=1e-5)


def test_uniform_source_of_second_order_drives_no_current():
    # S×Ṡ of a spiral is uniform; what is left of the DC flux is of relative size Ωτ
    flux = exact_solution(cone(THETA, Q_20NM, OMEGA), P0, "second").flux["total"]
    dc = theory.harmonics(flux, [0.0], OMEGA, 1)[0, 2, 0]
    assert abs(dc) < 1e-3 * 8.7163 * P0.ell


def test_ladder_factor_of_second_order():
    S = cone(THETA, Q_20NM, OMEGA)

    def dc_torque(channel):
        return theory.harmonics(exact_solution(S, P0, channel).torque["total"], [0.0], OMEGA, 1)[0, 2, 0]

    assert dc_torque("second_ladder") / dc_torque("second") == pytest.approx(32.177, rel=2e-5)
    assert 1 / theory.local_share(Q_20NM * P0.ell) == pytest.approx(32.177, rel=2e-5)


def test_super_current_ratio():
    ratio = P0.super_coefficient(K_F) / (P0.polarization * P0.D)
    assert ratio == pytest.approx(1.304e-4, rel=4e-4)
    assert P0._replace(dimension=2).super_coefficient(K_F) == 0.0
    assert P0._replace(dimension=1).super_coefficient(K_F) == -P0.super_coefficient(K_F)


def test_mean_square_displacement():
    medium = Medium.reduced(1.0)
    assert theory.mean_square_displacement(1.0, medium) == pytest.approx(0.245253, rel=2e-6)
    assert theory.mean_square_displacement(1e-4, medium) == pytest.approx(1e-8 / 3, rel=1e-4)  # v²t²/d
    assert theory.mean_square_displacement(1e8, medium) == pytest.approx(2 * medium.D * 1e8, rel=1e-7)


def test_valet_fert_layer():
    assert theory.layer_current(1.0, 2.0, 1.0) == pytest.approx(0.324027, rel=2e-6)
    assert theory.layer_density(0.0, 2.0, 1.0) == 1.0
    thickness = np.array([1, 2, 10 / 3, 20 / 3])
    expected = [0.462117, 0.380797, 0.279333, 0.149619]
    np.testing.assert_allclose(theory.layer_mean_current(thickness, 1.0), expected, rtol=3e-6)
    x = (np.arange(1000) + 0.5) * 2e-3
    assert theory.layer_current(x, 2.0, 1.0).mean() == pytest.approx(
        theory.layer_mean_current(2.0, 1.0), rel=1e-6
    )


def test_tserkovnyak_form():
    current = theory.tserkovnyak_dc(1e19, OMEGA, math.radians(1.0))
    assert current == pytest.approx(1.60604e-9, rel=1e-5)
    assert current * AMPERES == pytest.approx(4.8800e6, rel=1e-5)


def test_ratio_of_ac_to_dc_is_cot_theta():
    S = cone(math.radians(1.0), 0.0, 1.0)
    real = theory.harmonics(theory.S_cross_S_dot(S), [0.0], 1.0, 1)[:, :, 0]
    assert math.hypot(real[1, 0], real[2, 0]) / real[0, 2] == pytest.approx(57.290, rel=1e-5)
    assert real[0, 2] > 0


# --- other exact cases -----------------------------------------------------------------------


def test_unscattered_pulse_keeps_its_survivors():
    t = 1.7
    x = np.linspace(-3, 3, 60001)
    assert theory.azurv1_unscattered(x, t).sum() * 1e-4 == pytest.approx(math.exp(-t), rel=1e-4)
    assert theory.azurv1_unscattered(1.71, t) == 0.0


def test_free_flight_current():
    x = np.array([0.0, 0.5, 2.0])
    np.testing.assert_allclose(theory.free_flight_current(x, 2.0, 3.0), [-3.0, -1.5, 3.0])


def test_hanle_precession_solves_its_equation():
    medium = Medium.reduced(0.4, tau_sf=5.0)
    s, S = np.array([0.3, -0.2, 0.9]), np.array([0.5, 0.7, -0.1])
    h = 1e-4
    before, now, after = theory.hanle(s, S, np.array([1.0 - h, 1.0, 1.0 + h]), medium)
    expected = 2 * medium.J * np.cross(now, S) - now / 5.0
    np.testing.assert_allclose((after - before) / (2 * h), expected, atol=1e-8)
    np.testing.assert_allclose(theory.hanle(s, S, 0.0, medium), s, rtol=1e-15)
    assert np.linalg.norm(now) == pytest.approx(np.linalg.norm(s) * math.exp(-0.2), rel=1e-14)


# --- means over directions -------------------------------------------------------------------


def plain_mean(f, dimension):
    """Mean over directions by a rule that shares nothing with the module's."""
    if dimension == 1:
        return 0.5 * (f(1.0) + f(-1.0))
    if dimension == 2:
        angle = (np.arange(8192) + 0.5) * 2 * np.pi / 8192
        return f(np.cos(angle)).mean()
    nodes, weights = np.polynomial.legendre.leggauss(48)
    edges = np.linspace(-1, 1, 401)
    middle, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
    mu = middle[:, None] + half[:, None] * nodes
    return 0.5 * (f(mu) * half[:, None] * weights).sum()


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("x", [-3.0, 1e-3, 0.2, 0.31, 1.0, 20.0, 100.0])
@pytest.mark.parametrize("gamma", [1.0, 1.1 + 0.3j, 1 - 2j])
def test_closed_forms_of_K(x, gamma, dimension):
    K = plain_mean(lambda mu: 1 / (gamma + 1j * x * mu), dimension)
    K_1 = plain_mean(lambda mu: mu / (gamma + 1j * x * mu), dimension)
    assert theory.K(x, gamma, dimension) == pytest.approx(K, rel=1e-11)
    assert theory.K_1(x, gamma, dimension) == pytest.approx(K_1, rel=1e-9)
    assert theory.ladder_gap(x, gamma, dimension) == pytest.approx(1 - K, rel=1e-8)


def test_K_of_arrays_and_of_zero():
    x, gamma = np.array([0.0, 0.5])[:, None], np.array([1.0, 1.1 + 0.2j, 2.0])
    assert theory.K(x, gamma, 3).shape == theory.K_1(x, gamma, 3).shape == (2, 3)
    np.testing.assert_allclose(theory.K(0.0, gamma, 3), 1 / gamma, rtol=1e-15)
    assert np.all(theory.K_1(0.0, gamma, 2) == 0.0)
    with pytest.raises(ValueError, match="dimension"):
        theory.K(1.0, 1.0, 4)


PAIRS = [
    (1.0, 2.5, 0.1, 0.3),
    (100.0, -30.0, 0.01, 0.0),
    (1e-3, 2e-3, 0.0, 1e-3),
    (50.0, 49.0, 0.5, 1.0),
    (2.0, 0.0, 0.3, 0.0),
]


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize(("q1", "Q", "Omega1", "W"), PAIRS)
def test_pair_means_against_closed_forms(q1, Q, Omega1, W, dimension):
    y1, y = 1.05 + 1j * Omega1, 1.05 + 1j * W
    denominator = q1 * y - Q * y1
    G = (q1 * theory.K(q1, y1, dimension) - Q * theory.K(Q, y, dimension)) / denominator
    mu_G = (q1 * theory.K_1(q1, y1, dimension) - Q * theory.K_1(Q, y, dimension)) / denominator
    assert theory.mean_G1G(q1, y1, Q, y, 1.0, dimension) == pytest.approx(G, rel=1e-10)
    assert theory.mean_mu_G1G(q1, y1, Q, y, 1.0, dimension) == pytest.approx(mu_G, rel=1e-10)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_pair_means_where_the_closed_form_is_0_over_0(dimension):
    q, y, h = np.array([0.0, 0.3, 100.0]), 1.1, 1e-4
    derivative = -(theory.K(q, y + h, dimension) - theory.K(q, y - h, dimension)) / (2 * h)  # ⟨G²⟩ = −∂K/∂γ
    derivative_1 = -(theory.K_1(q, y + h, dimension) - theory.K_1(q, y - h, dimension)) / (2 * h)
    np.testing.assert_allclose(theory.mean_G1G(q, y, q, y, 1.0, dimension), derivative, rtol=1e-6, atol=1e-11)
    np.testing.assert_allclose(
        theory.mean_mu_G1G(q, y, q, y, 1.0, dimension), derivative_1, rtol=1e-6, atol=1e-11
    )


# --- waves -----------------------------------------------------------------------------------


def test_texture_waves_are_the_texture():
    C, P, Q = np.array([0.1, 0.2, 0.7]), np.array([0.5, 0.0, 0.1]), np.array([0.0, -0.4, 0.2])
    envelope = [(0.0, 0.8), (0.4, 0.15 * np.exp(0.5j)), (-0.4, 0.15 * np.exp(-0.5j))]
    waves = theory.texture_waves(C, P, Q, 0.9, 0.3, envelope)
    x, t = 1.7, 2.3
    field = sum(w.amplitude * np.exp(1j * (w.q * x + w.Omega * t)) for w in waves)
    phase = 0.9 * x + 0.3 * t
    expected = (0.8 + 0.3 * math.cos(0.4 * x + 0.5)) * (C + P * math.cos(phase) + Q * math.sin(phase))
    np.testing.assert_allclose(field, expected, atol=1e-14)
    A = theory.harmonics(waves, [x], 0.3, 2)[:, :, 0]
    from_harmonics = A[0] + A[1] * math.cos(0.3 * t) + A[2] * math.sin(0.3 * t)
    np.testing.assert_allclose(from_harmonics, expected, atol=1e-14)
    assert np.all(A[3:] == 0.0)


def test_cell_averages():
    waves, edges = modulated(), np.array([0.0, 0.5, 3.0])
    averages = theory.cell_averages(waves, edges, 0.3, 1)
    for i in range(2):
        x = edges[i] + (np.arange(4000) + 0.5) / 4000 * (edges[i + 1] - edges[i])
        np.testing.assert_allclose(
            averages[:, :, i], theory.harmonics(waves, x, 0.3, 1).mean(axis=-1), atol=1e-7
        )


def test_a_foreign_frequency_is_refused():
    with pytest.raises(ValueError, match="harmonic"):
        theory.harmonics([Wave(1.0, 0.31, np.ones(3, dtype=complex))], [0.0], 0.3, 1)


def test_merging_makes_exact_zeros():
    k = 0.1 + 0.2
    one = np.ones(3, dtype=complex)
    (wave,) = theory.merged(
        [Wave(k - 0.3, 0.0, one), Wave(0.0, 0.0, -one * (1 + 1e-16)), Wave(0.0, 0.0, 0 * one)][1:]
    )
    assert np.all(wave.amplitude == -1.0)
    waves = theory.merged([Wave(k, 1.0, one), Wave(0.3, 1.0, -0.5 * one), Wave(k - 0.3, 0.0, one)])
    assert [w.q for w in waves] == [k, 0.0]
    np.testing.assert_allclose(waves[0].amplitude, 0.5)


# --- the exact solution satisfies the transport equation ---------------------------------------


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("channel", CHANNELS)
def test_continuity_of_every_mode(channel, dimension):
    medium = Medium.reduced(0.3, tau_sf=20.0, dimension=dimension)
    S = modulated(q=1.7)
    g, j, T = exact_solution(S, medium, channel)
    source = theory.combined((-1.0, theory.time_derivative(S))) if channel == "first" else []
    arrivals = {"local": 0.0, "diffusive": 1.0, "total": 0.0}  # of walkers that leave their first flight
    scattering = {"local": 1.0, "diffusive": 0.0, "total": 0.0}
    assert len(g["total"]) >= 7
    for part in theory.PARTS:
        for wave in g[part]:
            mode = wave.q, wave.Omega
            stored = (1j * wave.Omega + 1 / 20.0 + scattering[part]) * wave.amplitude
            gained = amplitude(T[part], *mode) + arrivals[part] * amplitude(g["local"], *mode)
            if part != "diffusive":
                gained = gained + amplitude(source, *mode)
            residual = stored + 1j * wave.q * amplitude(j[part], *mode) - gained
            assert np.abs(residual).max() < 1e-13, (part, mode)


def by_direction(waves, medium, mu):
    """Solve (W) order by order on a set of directions, local part too: {(q, Ω): (3, directions)}."""
    nodes, weight = mu

    def solve(source, q, Omega):  # (γ + iqℓμ) g − ⟨g⟩ = τ source
        matrix = np.diag(medium.gamma(Omega) + 1j * q * medium.ell * nodes) - weight
        return medium.tau * np.linalg.solve(matrix, source.T).T

    first, second = {}, {}
    for w in waves:
        emitted = -1j * medium.polarization * w.Omega * w.amplitude
        first[w.q, w.Omega] = solve(np.outer(emitted, np.ones(nodes.size)), w.q, w.Omega)
    for (q, Omega), g in first.items():
        for w in waves:
            turn = 2 * medium.J / medium.hbar * np.cross(g.T, w.amplitude).T
            key = round(q + w.q, 9), round(Omega + w.Omega, 9)
            second[key] = second.get(key, 0) + solve(turn, *key)
    return {"first": first, "second_ladder": second}


def test_exact_solution_solves_the_transport_equation_direction_by_direction():
    medium = Medium(1.3, 0.7, 0.2, 2.1, tau_sf=9.0, hbar=0.8)
    S = modulated(q=1.1)
    nodes, weights = np.polynomial.legendre.leggauss(48)
    for channel, modes in by_direction(S, medium, (nodes, weights / 2)).items():
        solution = exact_solution(S, medium, channel)
        assert len(modes) == len(solution.density["total"])
        for (q, Omega), g in modes.items():
            np.testing.assert_allclose(
                amplitude(solution.density["total"], q, Omega), g @ weights / 2, atol=1e-12
            )
            flux = medium.v_F * g @ (weights / 2 * nodes)
            np.testing.assert_allclose(amplitude(solution.flux["total"], q, Omega), flux, atol=1e-12)


def test_second_and_its_ladder_have_one_local_part():
    medium = Medium.reduced(0.3, tau_sf=20.0)
    second, ladder = (exact_solution(modulated(), medium, c) for c in ("second", "second_ladder"))
    for plain, full in zip(second, ladder, strict=True):
        assert largest_difference(full["local"], plain["local"]) < 1e-15
    assert size(ladder.flux["total"]) > 1.5 * size(second.flux["total"])
    assert all(np.all(w.amplitude == 0.0) for w in second.torque["diffusive"])


def test_static_texture_pumps_nothing():
    static = theory.texture_waves([0, 0, 1], [1, 0, 0], [0, 1, 0], 0.7, 0.0)
    for channel in CHANNELS:
        for quantity in exact_solution(static, Medium.reduced(0.3), channel):
            assert all(np.all(w.amplitude == 0.0) for part in theory.PARTS for w in quantity[part])


def test_linear_polarization_turns_no_spin():
    linear = theory.texture_waves([0, 0, 1], [0, 0, 0.5], [0, 0, 0.2], 0.7, 0.3)
    for quantity in exact_solution(linear, Medium.reduced(0.3), "second"):
        assert all(np.all(w.amplitude == 0.0) for w in quantity["total"])


def test_reversal_of_the_texture():
    medium, S = Medium.reduced(0.3, tau_sf=9.0), modulated()
    reverse = theory.combined((-1.0, S))
    for channel, sign in (("first", -1.0), ("second", 1.0)):
        flux, flipped = (exact_solution(waves, medium, channel).flux["total"] for waves in (S, reverse))
        assert largest_difference(flipped, theory.combined((sign, flux))) < 1e-15


def test_uniform_dc_without_a_sink_is_undefined():
    density, flux, torque = exact_solution(cone(0.5, 0.7, 0.3), Medium.reduced(0.3), "second")
    assert np.isnan(amplitude(density["total"], 0.0, 0.0)[2])
    assert np.all(amplitude(density["total"], 0.0, 0.0)[:2] == 0.0)
    assert np.isfinite(amplitude(density["local"], 0.0, 0.0)).all()
    assert np.all(amplitude(flux["diffusive"], 0.0, 0.0) == 0.0)
    assert amplitude(torque["total"], 0.0, 0.0)[2].real > 0
    with_sink = exact_solution(cone(0.5, 0.7, 0.3), Medium.reduced(0.3, tau_sf=1e6), "second").density[
        "total"
    ]
    assert np.isfinite(amplitude(with_sink, 0.0, 0.0)).all()


def test_unknown_channel_is_refused():
    with pytest.raises(ValueError, match="channel"):
        exact_solution(modulated(), Medium.reduced(0.3), "third")


# --- the paper's formulas ----------------------------------------------------------------------


def slope_of_the_error(exact, leading, epsilons):
    """Exponent with which the relative error of the leading order falls."""
    errors = [largest_difference(exact(e), leading(e)) for e in epsilons]
    return np.polyfit(np.log(epsilons), np.log(errors), 1)[0], errors[-1]


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("case", ["Eq. (5)", "Eq. (7)", "Eq. (11)", "Eq. (31)", "torque"])
def test_leading_order_with_corrections_of_order_qell_squared(case, dimension):
    def medium(e):  # every rate that competes with Dq² falls with it
        return Medium.reduced(0.3, tau_sf=10.0 / e**2, dimension=dimension)

    def exact(e):
        first, second = (exact_solution(modulated(e), medium(e), c) for c in ("first", "second"))
        return {
            "Eq. (5)": lambda: first.flux["total"],
            "Eq. (7)": lambda: [w for w in second.flux["total"] if abs(w.Omega) < 0.5 * e**2],
            "Eq. (11)": lambda: theory.combined(
                (1.0, first.density["total"]), (1.0, second.density["total"]), (1.0, modulated(e))
            ),
            "Eq. (31)": lambda: theory.combined((1.0, first.flux["local"]), (1.0, second.flux["local"])),
            "torque": lambda: second.torque["total"],
        }[case]()

    def leading(e):
        formula = {
            "Eq. (5)": theory.first_order_current,
            "Eq. (7)": theory.second_order_current,
            "Eq. (11)": theory.spin_density,
            "Eq. (31)": theory.local_current,
            "torque": lambda S, m: theory.relaxation_torque(S, m._replace(dimension=2), 1.0),
        }[case]
        return formula(modulated(e), medium(e))

    slope, smallest = slope_of_the_error(exact, leading, np.array([0.08, 0.04, 0.02, 0.01]))
    assert 1.9 < slope < 2.1
    assert smallest < 1e-3


def test_continuity_of_the_spin_density_equations_12_and_13():
    S, medium = modulated(), Medium.reduced(0.3, tau_sf=7.0)
    rho_s = theory.spin_density(S, medium)
    left = theory.combined(
        (1.0, theory.time_derivative(rho_s)),
        (-medium.D, theory.gradient(theory.gradient(rho_s))),
        (1 / 7.0, rho_s),
    )
    assert largest_difference(left, theory.spin_density_source(S, medium)) < 1e-14


def test_currents_follow_from_the_potential_equations_9_and_14_to_17():
    S, medium, k_F = modulated(), Medium.reduced(0.3, tau_sf=7.0), 2.0
    from_potential = theory.combined((-1.0, theory.gradient(theory.spin_potential(S, medium))))
    walked = theory.combined(
        (1.0, theory.first_order_current(S, medium)), (1.0, theory.second_order_current(S, medium))
    )
    assert largest_difference(from_potential, walked) < 1e-14
    diffusion = theory.gradient(theory.spin_density(S, medium))
    bookkeeping = theory.combined((1.0, theory.equilibrium_current(S, medium, k_F)), (-medium.D, diffusion))
    assert largest_difference(bookkeeping, theory.total_current(S, medium, k_F)) < 1e-14
    without = theory.combined((1.0, theory.total_current(S, medium, k_F)), (-1.0, walked))
    assert largest_difference(without, theory.super_current(S, medium, k_F)) < 1e-13


def test_super_current_is_the_exchange_stiffness_of_the_static_torque():
    S, medium = modulated(), Medium.reduced(0.3)
    divergence = theory.gradient(theory.super_current(S, medium, 2.0))
    static = theory.combined(
        (1.0, theory.relaxation_torque(S, medium, 2.0)),
        (-1.0, theory.relaxation_torque(S, medium._replace(dimension=2), 2.0)),
    )
    assert largest_difference(divergence, static) < 1e-14
    assert size(static) == pytest.approx(size(divergence), rel=1e-12)


# --- conical spiral to all orders ---------------------------------------------------------------


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
