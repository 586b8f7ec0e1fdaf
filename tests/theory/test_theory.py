"""The paper's formulas and other closed forms: published numbers, limits, equations they solve."""

import math

import numpy as np
import pytest
from texture_modes import DIMENSIONS, cone, largest_difference, modulated, size

from mcpump import theory
from mcpump.constants import E_CHARGE, HBAR, M_ELECTRON
from mcpump.theory import Medium, exact_solution

# Reference set: free electrons, k_F = 13.6 /nm, ℓ = 1 nm, J = 50 meV; 20 nm wave, cone 10°, 10 GHz.
K_F = 1.36e10
V_F = HBAR * K_F / M_ELECTRON
P0 = Medium(V_F, 1e-9 / V_F, 0.05 * E_CHARGE, M_ELECTRON * K_F / (2 * math.pi**2 * HBAR**2))
Q_20NM = 2 * math.pi / 20e-9
OMEGA = 2 * math.pi * 10e9
THETA = math.radians(10.0)
AMPERES = 2 * E_CHARGE / HBAR  # A/m² per J/m²


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


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("t", [0.1, 0.6, 1.5, 7.0])
def test_free_flight_current_of_a_source_that_is_switched_on(t, dimension):
    u = (np.arange(40000) + 0.5) / 40000
    mu = {1: np.ones(1), 2: np.sin(0.5 * math.pi * u), 3: u}[dimension]
    x = np.array([0.0, 0.3, 0.5, 1.1, 2.0])
    arrived = [[0.5 * np.minimum(s, mu * t).mean() for s in places] for places in (x, 2.0 - x)]
    current = theory.free_flight_current_switched_on(x, t, 2.0, 3.0, dimension)
    np.testing.assert_allclose(current, 3.0 * (np.array(arrived[0]) - arrived[1]), atol=1e-8)
    np.testing.assert_allclose(
        current[1], -theory.free_flight_current_switched_on(1.7, t, 2.0, 3.0, dimension)
    )


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_switched_on_source_starts_from_nothing_and_meets_the_steady_current(dimension):
    x = np.array([0.0, 0.5, 2.0])
    np.testing.assert_array_equal(theory.free_flight_current_switched_on(x, 0.0, 2.0, 3.0, dimension), 0.0)
    late = theory.free_flight_current_switched_on(x, 1e7, 2.0, 3.0, dimension)
    np.testing.assert_allclose(late, theory.free_flight_current(x, 2.0, 3.0), atol=1e-6)
    # the middle sees no face before L/2v, the walls' news has not come
    assert theory.free_flight_current_switched_on(0.7, 0.6, 2.0, 3.0, dimension) == pytest.approx(
        0.0, abs=1e-15
    )
    with pytest.raises(ValueError, match="dimension"):
        theory.free_flight_current_switched_on(x, 1.0, 2.0, 3.0, 4)


def test_hanle_precession_solves_its_equation():
    medium = Medium.reduced(0.4, tau_sf=5.0)
    s, S = np.array([0.3, -0.2, 0.9]), np.array([0.5, 0.7, -0.1])
    h = 1e-4
    before, now, after = theory.hanle(s, S, np.array([1.0 - h, 1.0, 1.0 + h]), medium)
    expected = 2 * medium.J * np.cross(now, S) - now / 5.0
    np.testing.assert_allclose((after - before) / (2 * h), expected, atol=1e-8)
    np.testing.assert_allclose(theory.hanle(s, S, 0.0, medium), s, rtol=1e-15)
    assert np.linalg.norm(now) == pytest.approx(np.linalg.norm(s) * math.exp(-0.2), rel=1e-14)


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
