"""The electron gas: reference set P0, every way to give it, and contradictions."""

import math

import pytest

from mcpump.constants import E_CHARGE, HBAR, M_ELECTRON
from mcpump.deck.electrons import resolve
from mcpump.errors import InputError

P0 = {"fermi_wavenumber": 1.36e10, "mean_free_path": 1e-9, "exchange": 0.05 * E_CHARGE}


def test_reference_set():
    gas = resolve(P0, reduced=False)
    assert gas.energy / E_CHARGE == pytest.approx(7.0469, rel=1e-5)
    assert gas.v_F == pytest.approx(1.57444e6, rel=1e-5)
    assert gas.nu * E_CHARGE * 1e-27 == pytest.approx(9.0418, rel=1e-5)
    assert gas.tau == pytest.approx(0.63515e-15, rel=1e-5)
    assert pytest.approx(5.2481e-4, rel=1e-5) == gas.D
    assert gas.sigma == pytest.approx(1.5206e6, rel=5e-5)  # four or five printed digits
    assert HBAR / gas.tau / E_CHARGE == pytest.approx(1.0363, rel=5e-5)
    assert gas.exchange_number == pytest.approx(0.04825, rel=1e-3)
    assert pytest.approx(2.0 * gas.energy * gas.tau / (3.0 * gas.mass), rel=1e-14) == gas.D


def test_ratio_of_the_coefficients_of_equation_17():
    gas = resolve(P0, reduced=False)
    super_current = HBAR**2 * gas.nu * gas.exchange**2 / (12.0 * gas.mass * gas.energy)
    assert super_current / (HBAR * gas.nu * gas.exchange * gas.D) == pytest.approx(1.304e-4, rel=5e-4)


@pytest.mark.parametrize("fermi", ["fermi_wavenumber", "fermi_velocity", "fermi_energy"])
@pytest.mark.parametrize(
    "scattering", ["mean_free_path", "lifetime", "diffusion_coefficient", "conductivity", "resistivity"]
)
def test_every_sufficient_set_gives_the_same_gas(fermi, scattering):
    gas = resolve({**P0, "spin_relaxation_time": 1e-12, "effective_mass": 0.7}, reduced=False)
    numbers = {
        "fermi_wavenumber": gas.k_F, "fermi_velocity": gas.v_F, "fermi_energy": gas.energy,
        "mean_free_path": gas.ell, "lifetime": gas.tau, "diffusion_coefficient": gas.D,
        "conductivity": gas.sigma, "resistivity": 1.0 / gas.sigma,
    }  # fmt: skip
    values = {
        fermi: numbers[fermi],
        scattering: numbers[scattering],
        "effective_mass": 0.7,
        "spin_diffusion_length": gas.lambda_s,
        "exchange": gas.exchange,
    }
    again = resolve(values, reduced=False)
    assert again[:-1] == pytest.approx(gas[:-1], rel=1e-13)
    assert again.mass == pytest.approx(0.7 * M_ELECTRON)


def test_override_of_the_density_of_states():
    free, other = resolve(P0, False), resolve({**P0, "density_of_states": 1e46}, False)
    assert other.nu == 1e46
    assert other.sigma / free.sigma == pytest.approx(1e46 / free.nu)


@pytest.mark.parametrize("path", ["mean_free_path", "lifetime"])
@pytest.mark.parametrize("transport", ["diffusion_coefficient", "conductivity", "resistivity"])
@pytest.mark.parametrize("mass", [None, 1.3])
def test_the_density_of_states_may_stand_for_the_fermi_surface(path, transport, mass):
    # σ = 2e²νD, D = v_F ℓ/3, of copper in round numbers; the mass is that of free electrons with this ν and v_F
    nu, v, ell = 9e27 / E_CHARGE, 1.1e6, 39e-9
    D = v * ell / 3.0
    sigma = 2.0 * E_CHARGE**2 * nu * D
    said = {
        "mean_free_path": ell, "lifetime": ell / v, "diffusion_coefficient": D, "conductivity": sigma,
        "resistivity": 1.0 / sigma,
    }  # fmt: skip
    gas = resolve(
        {"density_of_states": nu, path: said[path], transport: said[transport], "effective_mass": mass}, False
    )
    assert (gas.v_F, gas.ell, gas.sigma, gas.nu) == pytest.approx((v, ell, sigma, nu), rel=1e-12)
    free = mass is None
    assert gas.mass == pytest.approx(
        math.sqrt(2 * math.pi**2 * HBAR**3 * nu / v) if free else mass * M_ELECTRON
    )
    assert gas.k_F == pytest.approx(gas.mass * v / HBAR)


def test_a_density_of_states_alone_is_that_of_free_electrons():
    free = resolve(P0, False)
    again = resolve({"density_of_states": free.nu, "mean_free_path": 1e-9, "exchange": P0["exchange"]}, False)
    assert again[:-1] == pytest.approx(free[:-1], rel=1e-13)


def test_agreement_within_one_per_cent_and_the_first_key_wins():
    gas = resolve({**P0, "lifetime": 0.632e-15, "fermi_energy": 7.05 * E_CHARGE}, False)
    assert gas.ell == pytest.approx(1e-9, rel=1e-14)
    assert gas.notes == (
        "electrons.fermi_energy agrees with electrons.fermi_wavenumber to 1 %; fermi_wavenumber is used",
        "electrons.lifetime agrees with electrons.mean_free_path to 1 %; mean_free_path is used",
    )


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        (
            {**P0, "lifetime": 1e-15},
            ("electrons.lifetime = 1e-15 s", "electrons.mean_free_path", "6.35147e-16 s", "1 %"),
        ),
        ({**P0, "fermi_velocity": 1e6}, ("electrons.fermi_velocity = 1e+06 m/s", "1.57444e+06 m/s")),
        (
            {**P0, "spin_diffusion_length": math.inf, "spin_relaxation_time": 1e-12},
            ("electrons.spin_relaxation_time = 1e-12 s", '"none"'),
        ),
        (
            {**P0, "spin_diffusion_length": 1e-8, "spin_relaxation_time": math.inf},
            ('electrons.spin_relaxation_time = "none"', "spin_diffusion_length"),
        ),
        (
            {"mean_free_path": 1e-9},
            ("Fermi surface is missing", "fermi_wavenumber, fermi_velocity, fermi_energy, density_of_states"),
        ),
        (
            {"fermi_velocity": 1e6, "mean_free_path": 1e-9, "resistivity": 2e-7},
            (
                "electrons.resistivity = 2e-07",
                "density_of_states, or write a metal of your own as [materials.NAME]",
            ),
        ),
        ({"fermi_velocity": 1e6}, ("strength of the scattering is missing", "mean_free_path, lifetime")),
        (
            {"effective_mass": 1e-60, "fermi_wavenumber": 1e60, "lifetime": 1e60, "density_of_states": 1e60},
            ("too large or",),
        ),
    ],
)
def test_contradictions_and_gaps(values, parts):
    with pytest.raises(InputError) as caught:
        resolve(values, reduced=False)
    for part in parts:
        assert part in str(caught.value)


def test_si_decks_have_three_dimensions():
    with pytest.raises(InputError, match=r"electrons\.dimension = 2"):
        resolve(P0, reduced=False, dimension=2)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_reduced_electrons(dimension):
    gas = resolve({"exchange": 0.1, "spin_diffusion_length": 4.0, "mean_free_path": 1.0}, True, dimension)
    assert 1.0 / dimension == gas.D
    assert gas.tau_sf == pytest.approx(16.0 * dimension)
    assert gas.exchange_number == 0.1
    assert math.isnan(gas.k_F)
    assert math.isinf(resolve({"exchange": 0.1}, True, dimension).tau_sf)


@pytest.mark.parametrize(
    ("key", "part"),
    [("mean_free_path", "must be 1"), ("lifetime", "must be 1"), ("fermi_energy", "has no place")],
)
def test_reduced_electrons_refuse_what_they_are_measured_in(key, part):
    with pytest.raises(InputError, match=part) as caught:
        resolve({"exchange": 0.1, key: 2.0}, True)
    assert f"electrons.{key} = 2" in str(caught.value)
