"""What the table says of charge, of Tserkovnyak's form and of the spin Hall effect; and what it does not say."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from decks import SI as SI_DECK
from decks import SI_BAR, changed
from fake_charge import bar, charged, impurities, rashba
from fake_scene import SI, problem, scene, shaped
from fake_scene import result as scene_result

from mcpump import report, theory
from mcpump.constants import E_CHARGE, HBAR
from mcpump.deck.read import deck_from_dict
from mcpump.problem.reduce import make_problem
from mcpump.report.charge import charge_lines
from mcpump.report.conversion import Field, Ratio, formula_ratios, projection, torque_ratios
from mcpump.report.pumping import formula_sentence, torque_sentence
from mcpump.tally import charge as charge_observables


def line(text, start):
    """The paragraph of a table that begins with some words, on one line."""
    lines = text.splitlines()
    at = next(i for i, one in enumerate(lines) if one.startswith(start))
    end = next((i for i in range(at + 1, len(lines)) if not lines[i].startswith("    ")), len(lines))
    return " ".join(one.strip() for one in lines[at:end])


def test_exact_coefficients_are_those_of_theory():
    deck = deck_from_dict(changed(SI_DECK, sample__x__cells=8), "deck")
    ready, gas = make_problem(deck), deck.gas
    medium = theory.Medium(gas.v_F, gas.tau, gas.exchange_unit, gas.nu, gas.tau_sf)
    [found] = charge_observables._rashba_coefficient(ready).values()
    a_R = theory.rashba_coefficient([0.0, 1e-11 * E_CHARGE, 0.0], medium)
    np.testing.assert_allclose(found.mean, np.broadcast_to(a_R[:, None], (3, 8)), rtol=1e-9)
    assert (found.units, found.dims) == ("A m/J", ("charge_direction", "x"))
    ready = make_problem(deck_from_dict(changed(SI_BAR, sample__x__cells=8), "bar"))
    [found] = charge_observables._drive(ready).values()
    J = theory.spin_hall_drive([0.0, 1e3, 0.0], 0.02 * ready.conductivity) * HBAR / (2.0 * E_CHARGE)
    np.testing.assert_allclose(found.mean, np.broadcast_to(J[0][None, :, None], (1, 3, 8)), rtol=1e-9)
    assert (found.units, found.dims) == ("J/m^2", ("direction", "component", "x"))


def test_projection_and_its_error():
    below = Field(np.array([[[1.0, 2.0, 2.0]]]), np.full((1, 1, 3), 0.01))
    above = Field(0.5 * below.mean, 0.02 * np.ones((1, 1, 3)))
    ratio = projection(above, below)
    assert ratio.value == pytest.approx(0.5)
    # errors added as if they agreed: Σ|b|(σ_a + r σ_b)/Σb²
    assert ratio.error == pytest.approx(5.0 * (0.02 + 0.5 * 0.01) / 9.0)
    vague = Field(below.mean, np.ones((1, 1, 3)))
    assert not projection(above, vague).known
    # what is rounding has no noise: it is no denominator where what is large is vague
    mixed = Field(np.array([[[1.0, 2.0], [1e-15, 2e-15]]]), np.array([[[9.0, 9.0], [0.0, 0.0]]]))
    assert not projection(mixed, mixed).known
    assert projection(mixed, Field(mixed.mean, 1e-3 * mixed.error)).value == 1.0
    unknown = Field(np.full((1, 1, 3), np.nan), below.error)
    assert not projection(unknown, below).known


def test_columns_in_the_noise_do_not_enter():
    mean, error = np.zeros((2, 1, 4)), np.full((2, 1, 4), 0.01)
    mean[0], mean[1] = 1.0, 0.02
    ratio = projection(Field(np.ones((2, 1, 4)), error), Field(mean, error))
    assert ratio.value == pytest.approx(1.0)


def test_ratios_of_the_two_mechanisms():
    found = torque_ratios(rashba())
    assert found.torque.value == pytest.approx(1.0, abs=0.01)
    assert found.spin_current.value == pytest.approx(0.02, rel=1e-6)
    ratios = formula_ratios(impurities(0.03), "impurity_first")
    assert ratios.charge.value == pytest.approx(0.03, rel=0.03)
    assert ratios.local.value == pytest.approx(0.03, rel=0.03)
    assert torque_ratios(impurities()) is None


def test_rashba_table():
    text = report.table(rashba())
    start = "Rashba: the local charge current W follows the torque, not the local spin current: W is "
    assert "times a_R × T, and a_R × ∇·j of the local spin current would give 0.020" in line(text, start)
    [row] = [one for one in text.splitlines() if one.startswith("Rashba local")]
    assert row.split("|")[1].split()[0].startswith(("-100", "-99"))
    assert "mean charge current compatible with zero (below 4 errors): z cos" in text
    assert "Rashba: local current, DC x" in text
    assert "Rashba: density ρ_c, sin" in text
    assert "compatible with zero in every cell (below 5 errors): Rashba: diffusive current" in text
    assert "largest wave of ρ_c, Rashba, sin, 1 period(s) in the sample: amplitude" in text
    assert "open-circuit electric field [1e-3 V/m]: DC x " in text
    budget = line(text, "charge (dipole) budget, Rashba DC x")
    assert "born at first collisions -4.900 ± 0.030 = cut -4.900 ± 0.030   closes to 0" in budget
    assert "inverse spin Hall" not in text


@pytest.mark.parametrize("run", [rashba(), impurities()])
def test_charge_of_orders_that_do_not_hold_is_no_headline(run):
    """Charge follows from first and second order in J: where Jτ/ħ is not small, it is in the file, not in the table."""
    doubt = "follow from orders of J, which do not hold at Jτ/ħ = 1.8"
    assert doubt not in " ".join(report.table(run).split())
    lost = dataclasses.replace(run, regime={**run.regime, "J tau/hbar": (1.8, "", "")})
    assert doubt in " ".join(" ".join(charge_lines(lost)).split())
    assert not [
        one for one in charge_lines(lost) if one.startswith(("Charge current, ", "Charge, ", "open-"))
    ]
    # nor are the paper's conclusions, of lowest order in J, the run's
    text = report.table(lost)
    assert "only the local spin current converts" not in text
    assert "follows the torque" not in text


def test_impurity_table():
    text = report.table(impurities())
    start = "impurities, first order: only the local spin current converts, a share of order (ℓ/λ)²: "
    assert line(text, start).endswith("(ℓ/λ)²/d = 0.03")
    assert "For comparison, the inverse spin Hall formula with the TOTAL spin current, largest" in text
    assert "impurities, first order, x cos" in text
    assert "every cell (below 5 errors): impurities, second order: density ρ_c" in text
    assert "Rashba" not in text


@pytest.mark.parametrize("run", [rashba(), impurities(), bar(), charged(("rashba", "impurity_second"))])
def test_tables_keep_to_their_width(run):
    assert max(map(len, report.table(run).splitlines())) <= 120


def test_a_conclusion_is_said_only_where_the_numbers_support_it():
    assert "follows" not in report.table(rashba(follows=False))
    assert "Rashba, local charge current W: W is 0.10" in report.table(rashba(follows=False))
    sure = Ratio(1.0, 0.01)
    assert "follows" in torque_sentence(sure, Ratio(0.1, 0.02))
    for vague in (Ratio(0.1, 0.2), Ratio(0.6, 0.01), Ratio(np.nan, np.nan)):
        assert "follows" not in torque_sentence(sure, vague)
    assert "follows" not in torque_sentence(Ratio(1.0, 0.3), Ratio(0.0, 0.01))
    run = impurities()
    same = formula_ratios(run, "impurity_first")
    assert "only the local" in formula_sentence(run, "impurity_first", same)
    for charge in (Ratio(0.5, 0.01), Ratio(0.03, 0.02)):
        assert "only the local" not in formula_sentence(run, "impurity_first", same._replace(charge=charge))
    far = impurities(ell_over_lambda=3.0)
    text = formula_sentence(far, "impurity_first", same)
    assert "only the local" in text
    assert "a share of order" not in text


def test_nothing_on_charge_without_it():
    ready = problem(scene(), SI)
    text = report.table(scene_result(ready, shaped(ready)))
    for word in ("Charge", "Rashba", "impurit", "Spin Hall", "open-circuit"):
        assert word not in text


def test_runs_without_errors_or_current():
    run = charged(("rashba", "impurity_first"))
    text = report.table(run)
    assert "Charge current, mean" not in text
    assert "largest wave" not in text
    unsure = rashba()
    for name in ("charge_current", "charge_current_mean", "charge_density"):
        unsure.estimates[name].stderr[:] = np.nan
    assert "±" in report.table(unsure)


def test_a_transient_tells_its_largest():
    run = rashba()
    estimate = run.estimates["charge_current"]
    dims = tuple("time" if name == "harmonic" else name for name in estimate.dims)
    edges = dataclasses.replace(run.coords["x_edge"], mean=np.array([0.0, 1.0, 2.0, 3.0]) * 1e-12, units="s")
    times = dataclasses.replace(edges, mean=(edges.mean[1:] + edges.mean[:-1]) / 2)
    coords = {**run.coords, "time": times, "time_edge": edges}
    estimates = {"charge_current": dataclasses.replace(estimate, dims=dims)}
    lines = charge_lines(dataclasses.replace(run, coords=coords, estimates=estimates))
    assert any("Rashba: local current, x, t = 0 … 1000 fs" in one for one in lines)


def test_tserkovnyak_line():
    ready = problem(scene(), SI)
    run = scene_result(ready, shaped(ready))
    text = line(report.table(run), "Tserkovnyak's form a ṅ + b n×ṅ")
    for words in ("for comparison", "x = 20 nm", "b = (", "4πb/ħ = (", "of DC alone", "1/m²"):
        assert words in text
    for name in ("pumping_a", "pumping_b"):
        run.estimates[name].mean[:] = np.nan
    assert "Tserkovnyak" not in report.table(run)


def test_spin_hall_lines():
    text = report.table(bar())
    assert "Spin Hall effect: the field drives [1e-9 J/m²] spin z along x 500" in text
    # J(1 − 1/cosh 2) = 367.1e-9 in the middle of four diffusion lengths
    assert "x = 10 nm z 370.0 ± 1.0 (diffusion 367.1)" in text
    faces = line(text, "  accumulation in the cells at the faces")
    assert "x = 1 nm z -3.6" in faces
    assert "x = 19 nm z 3.6" in faces
    assert faces.count("(diffusion") == 2
    assert "local share" not in text
