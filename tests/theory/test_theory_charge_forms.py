"""Charge in closed form: the paper's formulas, numbers in SI, the spin Hall bar, Tserkovnyak's form."""

import math

import numpy as np
import pytest
from charge_modes import IMPURITY, MECHANISMS, RASHBA, crossed, largest, quantities, worst
from texture_modes import cone, modulated

from mcpump import theory
from mcpump.constants import E_CHARGE, HBAR, M_ELECTRON
from mcpump.theory import Medium, charge_solution

# Reference set: free electrons, k_F = 13.6 /nm, ℓ = 1 nm, J = 50 meV; 20 nm wave, cone 10°, 10 GHz.
K_F = 1.36e10
V_F = HBAR * K_F / M_ELECTRON
P0 = Medium(V_F, 1e-9 / V_F, 0.05 * E_CHARGE, M_ELECTRON * K_F / (2 * math.pi**2 * HBAR**2))
Q_20NM = 2 * math.pi / 20e-9
OMEGA = 2 * math.pi * 10e9
E_01 = 0.1 * E_CHARGE * 1e-10  # 0.1 eV Å


# --- the paper's formulas ------------------------------------------------------------------------


CLOSED_FORMS = {
    "Eq. (24)": (RASHBA, "current", lambda S, m: theory.rashba_charge_current(S, m, RASHBA["a_R"])),
    "Eq. (26)": (RASHBA, "density", lambda S, m: theory.rashba_charge_density(S, m, RASHBA["a_R"])),
    "Eq. (27)": (
        RASHBA,
        "density",
        lambda S, m: theory.rashba_charge_density_from_current(
            theory.second_order_current(S, m._replace(tau_sf=math.inf)), m, RASHBA["a_R"]
        ),
    ),
    "Eq. (30)": (
        IMPURITY,
        "current",
        lambda S, m: theory.impurity_charge_current(S, theory.local_current(S, m), m, 0.2),
    ),
    "Eq. (31)": (IMPURITY, "density", lambda S, m: theory.impurity_charge_density(S, m, 0.2)),
}


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("case", CLOSED_FORMS)
def test_leading_order_with_corrections_of_order_qell_squared(case, dimension):
    mechanism, quantity, formula = CLOSED_FORMS[case]

    def error(e):
        medium = Medium.reduced(0.3, tau_sf=10.0 / e**2, dimension=dimension)
        exact = charge_solution(crossed(e), medium, "second", **mechanism)
        result = exact.density
        if quantity == "current":
            first = charge_solution(crossed(e), medium, "first", **mechanism)
            result = theory.combined((1.0, exact.current["total"]), (1.0, first.current["total"]))
        return worst(result, formula(crossed(e), medium))

    epsilons = np.array([0.08, 0.04, 0.02, 0.01])
    errors = [error(e) for e in epsilons]
    assert 1.9 < np.polyfit(np.log(epsilons), np.log(errors), 1)[0] < 2.1
    assert errors[-1] < 1e-3


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_diffusive_current_tends_to_minus_D_grad_rho(mechanism):
    def error(e):
        medium = Medium.reduced(0.3)
        exact = charge_solution(crossed(e), medium, "second", **mechanism)
        return worst(exact.current["diffusive"], theory.combined((-medium.D, theory.gradient(exact.density))))

    epsilons = np.array([0.08, 0.04, 0.02])
    assert 1.9 < np.polyfit(np.log(epsilons), np.log([error(e) for e in epsilons]), 1)[0] < 2.1


def test_closed_forms_conserve_charge():
    medium, S, a_R = Medium.reduced(0.3), crossed(), RASHBA["a_R"]
    for density, current in (
        (theory.rashba_charge_density(S, medium, a_R), theory.rashba_charge_current(S, medium, a_R)),
        (
            theory.impurity_charge_density(S, medium, 0.2),
            theory.impurity_charge_current(S, theory.local_current(S, medium), medium, 0.2),
        ),
    ):
        left = theory.charge_continuity(density, current)
        assert largest(left) < 1e-13 * largest(theory.time_derivative(density))


def test_the_two_forms_of_the_rashba_charge_density():
    medium, S, a_R = Medium.reduced(0.3), crossed(), RASHBA["a_R"]
    from_current = theory.rashba_charge_density_from_current(
        theory.second_order_current(S, medium), medium, a_R
    )
    assert worst(from_current, theory.rashba_charge_density(S, medium, a_R)) < 1e-13


def test_rashba_charge_along_x_comes_from_the_normal_components():
    S, medium = modulated(), Medium.reduced(0.3)
    assert largest(charge_solution(S, medium, "second", a_R=[1.0, 0, 0]).density) == 0.0
    assert largest(theory.rashba_charge_density(S, medium, [1.0, 0, 0])) == 0.0
    assert largest(charge_solution(S, medium, "second", a_R=[0, 1.0, 0]).density) > 1e-3


# --- numbers in SI -------------------------------------------------------------------------------


def test_rashba_local_current_of_the_reference_set():
    """VALIDATION row 9: E_so along y and a torque along z drive a current along x, against E_so × z for a_R < 0."""
    S = cone(math.radians(10), Q_20NM, OMEGA)
    a_R = theory.rashba_coefficient([0, E_01, 0], P0)
    leading = theory.harmonics(theory.rashba_local_current(S, P0, a_R), [0.0], OMEGA, 1)[0, :, 0]
    by_hand = 4 * E_CHARGE * P0.nu * P0.J**2 * P0.tau**2 * E_01 * OMEGA * math.sin(math.radians(10)) ** 2
    assert -by_hand / HBAR**2 == pytest.approx(leading[0], rel=1e-12)
    assert leading[0] == pytest.approx(-2.5557e5, rel=2e-5)
    solution = charge_solution(S, P0, "second", a_R=a_R)
    for part, expected in (("local", -2.4762e5), ("total", -2.4762e5)):
        exact = theory.harmonics(solution.current[part], [0.0], OMEGA, 1)[0, :, 0]
        np.testing.assert_allclose(exact, [expected, 0, 0], rtol=2e-5, atol=1e-3)


def test_reduced_units():
    """E_so in ħv_F, a_imp = 2θ_SH: currents in eνJ v_F, densities in eνJ, dipoles in eνJℓ."""
    q_ell, W_tau, theta = 0.9, 0.02, 0.05
    reduced = Medium.reduced(P0.J * P0.tau / HBAR, tau_sf=40.0)
    metal = P0._replace(tau_sf=40.0 * P0.tau)
    small = theory.crossed_waves(0.5, 1.2, q_ell, 0.7, W_tau, 0.3)
    large = [w._replace(q=w.q / P0.ell, Omega=w.Omega / P0.tau) for w in small]
    E = np.array([0.01, 0.02, -0.03])
    unit = E_CHARGE * P0.nu * P0.J
    scales = [unit, *[unit * P0.v_F] * 3, unit * P0.ell, unit * P0.ell * P0.v_F]
    for here, there in (
        (
            {"a_R": theory.rashba_coefficient(E, reduced, e=1.0)},
            {"a_R": theory.rashba_coefficient(E * HBAR * P0.v_F, metal)},
        ),
        (
            {"a_imp": theory.impurity_coefficient(theta, e=1.0, hbar=1.0)},
            {"a_imp": theory.impurity_coefficient(theta)},
        ),
    ):
        numbers, metres = (
            charge_solution(small, reduced, "second", **here),
            charge_solution(large, metal, "second", **there),
        )
        for plain, si, scale in zip(quantities(numbers), quantities(metres), scales, strict=True):
            for small_wave, si_wave in zip(plain, si, strict=True):
                np.testing.assert_allclose(
                    si_wave.amplitude / scale, small_wave.amplitude, rtol=1e-8, atol=1e-14
                )


def test_spin_hall_angle_and_impurity_coefficient():
    theta = theory.spin_hall_angle(0.01, K_F * P0.ell)
    assert theta == pytest.approx(2 * 0.01 / 13.6, rel=1e-12)
    energy = (HBAR * K_F) ** 2 / (2 * M_ELECTRON)
    assert theory.impurity_coefficient(theta) == pytest.approx(
        2 * E_CHARGE * 0.01 / (energy * P0.tau), rel=1e-12
    )
    assert theory.impurity_coefficient(theta) * HBAR / (2 * E_CHARGE) == pytest.approx(theta, rel=1e-14)


def test_sign_of_the_naive_inverse_spin_hall_current():
    """j_c = θ_SH (2e/ħ) j_s × σ: spins along y that flow along x drive a charge current along z."""
    flux = [theory.Wave(0.0, 0.0, np.array([0, 1.0, 0], dtype=complex))]
    (current,) = theory.spin_hall_current(flux, theory.impurity_coefficient(0.1))
    np.testing.assert_allclose(current.amplitude, [0, 0, 0.2 * E_CHARGE / HBAR])


def test_inverse_spin_hall_voltage():
    """VALIDATION row 14, with the current of row 13."""
    j_0 = theory.tserkovnyak_dc(1e19, OMEGA, math.radians(1.0))
    assert j_0 == pytest.approx(1.60604e-9, rel=1e-5)
    mean = theory.layer_mean_current(5e-9, 1.5e-9) * theory.impurity_coefficient(0.1) * j_0
    assert theory.open_circuit_voltage(mean, 5e6, 1e-3) == pytest.approx(-27.263e-6, rel=2e-5)
    np.testing.assert_allclose(theory.open_circuit_field([mean, 0.0], 5e6), [-27.263e-3, 0.0], rtol=2e-5)


def test_conductivity():
    assert theory.conductivity(P0) == pytest.approx(1.5206e6, rel=5e-5)


# --- spin Hall bar -------------------------------------------------------------------------------


def test_spin_hall_drive():
    np.testing.assert_array_equal(
        theory.spin_hall_drive([2.0, 0, 0], 3.0), [[0, 0, 0], [0, 0, -6.0], [0, 6.0, 0]]
    )


def test_spin_hall_bar():
    y, width, lam, D, J0 = np.linspace(-1.5, 1.5, 301), 3.0, 0.8, 0.4, 2.5
    current = theory.spin_hall_bar_current(y, width, lam, J0)
    density = theory.spin_hall_bar_density(y, width, lam, D, J0)
    by_hand = lam * J0 / D * np.sinh(y / lam) / np.cosh(width / (2 * lam))
    np.testing.assert_allclose(density, by_hand, rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(current, J0 * (1 - np.cosh(y / lam) / np.cosh(width / (2 * lam))), atol=1e-14)
    assert current[0] == current[-1] == 0.0
    assert density[-1] == pytest.approx(lam * J0 / D * math.tanh(width / (2 * lam)), rel=1e-14)
    # j = J_0 − D∂_yg, and ∂_yj = −g/τ_sf with τ_sf = λ²/D
    np.testing.assert_allclose(current[1:-1], J0 - D * np.gradient(density, y)[1:-1], atol=2e-4)
    np.testing.assert_allclose(np.gradient(current, y)[1:-1], -density[1:-1] * D / lam**2, atol=2e-4)


def test_spin_hall_bar_without_relaxation_and_of_great_width():
    y = np.array([-1.0, 0.0, 0.5])
    np.testing.assert_allclose(theory.spin_hall_bar_density(y, 2.0, math.inf, 0.5, 3.0), 6.0 * y)
    np.testing.assert_allclose(theory.spin_hall_bar_current(y, 2.0, math.inf, 3.0), 0.0)
    wide = 5000.0 * y
    np.testing.assert_allclose(theory.spin_hall_bar_density(wide, 10000.0, 1.0, 0.5), [-2.0, 0.0, 0.0])
    np.testing.assert_allclose(theory.spin_hall_bar_current(wide, 10000.0, 1.0), [0.0, 1.0, 1.0])


# --- Tserkovnyak's form --------------------------------------------------------------------------


def precession(theta=0.4, Omega=OMEGA):
    S = cone(theta, 0.0, Omega)
    return (
        theory.harmonics(waves, [0.0], Omega, 1)[:, :, 0]
        for waves in (theory.time_derivative(S), theory.S_cross_S_dot(S))
    )


def test_fit_finds_the_coefficients_and_the_mixing_conductance():
    S_dot, twist = precession()
    b = HBAR * 1e19 / (4 * math.pi)
    found_a, found_b = theory.tserkovnyak_fit(-0.3 * b * S_dot + b * twist, S_dot, twist)
    assert found_a == pytest.approx(-0.3 * b, rel=1e-12)
    assert theory.mixing_conductance(found_b) == pytest.approx(1e19, rel=1e-12)
    dc = theory.tserkovnyak_dc(theory.mixing_conductance(found_b), OMEGA, 0.4)
    assert dc == pytest.approx((b * twist)[0, 2], rel=1e-12)


def test_fit_is_least_squares_of_every_current():
    rng, (S_dot, twist) = np.random.default_rng(7), precession(1.0, 1.0)
    currents = rng.standard_normal((4, 2, *S_dot.shape))
    weights = np.where(np.arange(len(S_dot)) == 0, 1.0, 0.5)[:, None]
    a, b = theory.tserkovnyak_fit(currents, S_dot, twist, weights)
    assert a.shape == b.shape == (4, 2)
    left = currents - np.multiply.outer(a, S_dot) - np.multiply.outer(b, twist)
    for part in (S_dot, twist):  # normal equations
        np.testing.assert_allclose((weights * left * part).sum(axis=(-2, -1)), 0.0, atol=1e-12)


def test_what_the_texture_does_not_tell_is_nan():
    S_dot, _ = precession(1.0, 1.0)
    a, b = theory.tserkovnyak_fit(0.5 * S_dot, S_dot, 0.0 * S_dot)
    assert a == pytest.approx(0.5)
    assert np.isnan(b)


def test_too_few_numbers_do_not_tell_a_from_b():
    assert np.isnan(theory.tserkovnyak_fit([1.0], [2.0], [3.0])).all()
    assert np.isnan(theory.tserkovnyak_fit([0.0], [0.0], [0.0])).all()


def test_fits_of_unlike_arrays_are_refused():
    S_dot, twist = precession(1.0, 1.0)
    with pytest.raises(ValueError, match="one shape"):
        theory.tserkovnyak_fit(S_dot[0], S_dot, twist)
    with pytest.raises(ValueError, match="one shape"):
        theory.tserkovnyak_fit(S_dot, S_dot, twist[0])
