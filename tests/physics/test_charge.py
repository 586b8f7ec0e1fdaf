"""Charge from walking spins: against the exact plane-wave solution, closed forms, conservation, symmetries, SI numbers.

Charge densities are small differences, so that their errors are a few per cent where those of currents are below one.
"""

import math
from pathlib import Path

import numpy as np
import pytest
from charge_walks import (
    DIVERGENCE,
    booked_charge,
    compare_charge,
    cut_at,
    exact_charge,
)
from general_walks import (
    CLOSED,
    assert_in,
    assert_no_chi2_alarm,
    general_deck,
    general_walk,
    medium_of,
    waves_of,
)
from walks import COS, DC, DIFFUSIVE, LOCAL, SIN, X, assert_near, changed, problem_of

import mcpump
from mcpump import theory
from mcpump.constants import E_CHARGE, HBAR, M_ELECTRON
from mcpump.problem.scene import paths_are_parallel
from mcpump.walk.blocks import groundwork_of
from mcpump.walk.lane_block import walk_plan
from mcpump.walk.plan import plan_of

RASHBA = {"rashba": {"field": 0.5, "direction": [0.4, -0.3, 0.9]}}
IMPURITY = {"impurity": {"spin_hall_angle": 0.15}}
BOTH = RASHBA | IMPURITY
BLOCKS = 128
RUN = Path(__file__).parents[2] / "run"


def spiral(wavenumber, walkers, spin_orbit=BOTH, Omega=0.3, tau_sf=3.0, cells=8, **options):
    """One turn of a spiral with a cone, periodic."""
    texture = {"kind": "spiral", "cone_angle": 1.0, "angular_frequency": Omega, "wavenumber": wavenumber}
    return general_deck(
        texture, x=(2.0 * np.pi / wavenumber, cells), walkers=BLOCKS * walkers, block=walkers, tau_sf=tau_sf,
        exchange=0.3, spin_orbit=spin_orbit, **options,
    )  # fmt: skip


def crossed(wavenumber, b, walkers, spin_orbit, cells=8, **options):
    """Crossed waves in a periodic sample; with a large b the charge of impurities stands out."""
    texture = {
        "kind": "crossed_waves", "c": 0.8, "b": b, "wavenumber": wavenumber, "wavenumber_y": wavenumber,
        "angular_frequency": 0.5, "scale": 1.0 / math.hypot(0.8, 1.0 + b),
    }  # fmt: skip
    length = 2.0 * np.pi / wavenumber
    return general_deck(
        texture, x=(length, cells), y=(length, cells), walkers=BLOCKS * walkers, block=walkers, tau_sf=3.0, exchange=0.3,
        spin_orbit=spin_orbit, **options,
    )  # fmt: skip


# --- against the exact solution ------------------------------------------------------------------

ALONG_X = {
    *(f"rashba local current[{i}] {n}Ω" for i, n in ((0, 0), (1, 0), (0, 1), (1, 1), (2, 1))),
    "rashba density 1Ω", "rashba diffusive current[0] 1Ω", "impurity_first local current[2] 1Ω",
    "impurity_second local current[1] 0Ω", "impurity_second local current[2] 1Ω",
}  # fmt: skip


@pytest.mark.parametrize(("qell", "Omega", "walkers"), [(0.3, 0.05, 512), (2.0, 0.3, 1024)])
def test_spiral_with_a_cone(qell, Omega, walkers):
    """All modes of both mechanisms, and zero where there is none: no charge density of impurities along x alone."""
    deck = spiral(qell, walkers, Omega=Omega)
    problem = cut_at(problem_of(deck), 1e-3)
    assert problem.scene.dipoles == (True, False, False)
    assert set(compare_charge(problem, deck, general_walk(problem), (0.015, 0.045, 0.045))) == ALONG_X


def test_crossed_waves_with_rashba_coupling():
    deck = crossed(1.0, 6.0, 1024, RASHBA, channels=("second",), cells=6)
    problem = cut_at(problem_of(deck), 1e-3)
    found = compare_charge(problem, deck, general_walk(problem), (0.01, 0.04, 0.045))
    assert {f"rashba density {n}Ω" for n in (0, 1)} < set(found)
    assert {f"rashba diffusive current[{i}] 1Ω" for i in (0, 1)} < set(found)
    assert not any("diffusive current[2]" in what for what in found)


def test_crossed_waves_with_impurities():
    """The texture of PHYSICS 4 for which impurities leave a charge density, modes (±q, ±q; Ω)."""
    deck = crossed(2.0, 30.0, 2048, IMPURITY)
    problem = cut_at(problem_of(deck), 1e-2)
    assert problem.scene.dipoles == (False, False, True)  # of first order there is W and nothing else
    found = compare_charge(problem, deck, general_walk(problem), (0.02, 0.1, 0.075))
    assert {what for what in found if "density" in what} == {"impurity_second density 1Ω"}
    assert {what for what in found if "diffusive" in what} == {
        f"impurity_second diffusive current[{i}] 1Ω" for i in (0, 1)
    }
    assert "impurity_first local current[0] 1Ω" in found


# --- closed forms, for long waves ----------------------------------------------------------------


def test_long_waves_have_the_closed_forms_of_rashba_coupling():
    """Eqs. (24)–(26) at qℓ = 0.2, up to order (qℓ)² and Ωτ; the exact solution's distance from them says how far."""
    field = {"rashba": {"field": 0.5, "direction": [0.0, 0.0, 1.0]}}
    deck = spiral(0.2, 128, field, Omega=0.02, tau_sf="none", channels=("second",), cells=6)
    problem = cut_at(problem_of(deck), 1e-2)
    scene, S = problem.scene, waves_of(problem, deck)
    blocks, a_R = general_walk(problem), scene.layers[0].rashba
    medium = medium_of(problem)
    edges = [np.linspace(0.0, scene.lengths[0], 7)]
    closed = [
        theory.rashba_charge_density(S, medium, a_R), theory.rashba_local_current(S, medium, a_R),
        theory.combined(
            (-medium.D, theory.gradient(theory.rashba_charge_density(S, medium, a_R)))
        ),
    ]  # fmt: skip
    names, small = ("density", "local current", "diffusive current"), (0.08, 0.02, 0.08)
    for k, (name, samples) in enumerate(zip(names, booked_charge(blocks, "rashba"), strict=True)):
        wanted = np.squeeze(theory.mesh_averages(closed[k], edges, 0.02, 1))
        exact = np.squeeze(exact_charge(problem, deck, "rashba")[k])
        assert np.abs(wanted - exact).max() <= 0.1 * np.abs(wanted).max(), name
        got = np.squeeze(samples, axis=(-2, -1))
        ratio = (got * wanted).reshape(len(got), -1).sum(axis=1) / (wanted**2).sum()
        mean, error = ratio.mean(), ratio.std(ddof=1) / math.sqrt(len(ratio))
        assert abs(mean - 1.0) <= 4.0 * error + 0.1, f"{name}: {mean} ± {error}"
        assert error <= small[k], f"{name}: {mean} ± {error}"


def share_of_closed_form(problem, deck, current):
    """Shares of Eq. (30) with (31) in charge currents (…, harmonic, component, x, y, z) of both orders."""
    scene, S, medium = problem.scene, waves_of(problem, deck), medium_of(problem)
    wanted = theory.mesh_averages(
        theory.spin_hall_current(theory.local_current(S, medium), scene.layers[0].impurity),
        [np.linspace(0.0, scene.lengths[0], 7)],
        deck["texture"]["angular_frequency"],
        1,
    )
    profile = np.squeeze(wanted)[COS : SIN + 1, 2]
    got = np.asarray(current)[..., COS : SIN + 1, 2, :, 0, 0]
    return (got * profile).reshape(*got.shape[:-2], -1).sum(axis=-1) / (profile**2).sum()


def test_long_waves_have_the_closed_form_of_the_local_current_of_impurities():
    """The sum of both orders, whose DC is of higher order in Ωτ: the exact solution at qℓ = 0.1, and its limit."""
    shares = []
    for q, Omega, tau_sf in ((0.1, 0.01, 100.0), (0.02, 1e-5, 1e6)):
        deck = spiral(q, 16, IMPURITY, Omega=Omega, tau_sf=tau_sf, cells=6)
        problem = problem_of(deck)
        exact = sum(exact_charge(problem, deck, source)[1] for source in problem.scene.sources)
        shares.append(share_of_closed_form(problem, deck, exact))
        if q == 0.1:
            blocks = general_walk(problem)
            got = blocks.density[:, LOCAL, blocks.at("sum of charges"), ..., 0]
            assert_in(share_of_closed_form(problem, deck, got), shares[0], "share", small=1e-4)
    assert abs(shares[0] - 1.0) < 0.05
    assert abs(shares[1] - 1.0) < 1e-3


# --- numbers in SI -------------------------------------------------------------------------------


def test_the_rashba_deck_has_the_reference_current():
    """VALIDATION row 9: E_so along y (and z) and a torque along z drive 2.4762e5 A/m² against x, all local."""
    run = mcpump.run(
        RUN / "rashba.toml",
        walkers=64 * 128,
        progress=False,
        set={"run.walkers_per_block": 128, "sample.x.cells": 4},
    )
    mean = run["charge_current_mean"].sel(source="rashba", harmonic="dc")
    for part in ("local", "total"):
        found = mean.sel(part=part)
        values, errors = np.asarray(found.mean), np.asarray(found.stderr)
        assert_near(values[0], errors[0], -2.4762e5, part, small=0.01)
        assert np.all(np.abs(values[1:]) <= 1e-6 * 2.4762e5)
    assert run["charge_current_mean"].units == "A/m^2"
    # what an experiment reads: −j_c/σ between contacts 1 mm apart, σ of row P0
    voltage = run["open_circuit_voltage"].sel(harmonic="dc")
    current = np.asarray(mean.sel(part="total").mean)
    np.testing.assert_allclose(np.asarray(voltage.mean), -current / 1.5206e6 * 1e-3, rtol=5e-5, atol=1e-12)


def test_the_impurity_deck_has_the_charge_of_the_exact_solution():
    """`run/impurity.toml` in A/m² and C/m³: first and second order, with the numbers of the deck put in by hand."""
    walkers, lam = 64 * 64, 12.566370614359172e-9
    run = mcpump.run(
        RUN / "impurity.toml", walkers=walkers, progress=False,
        set={"run.walkers_per_block": 64, "run.first_flights": 8},
    )  # fmt: skip
    k_F, ell = 13.6e9, 1e-9
    v_F = HBAR * k_F / M_ELECTRON
    medium = theory.Medium(v_F, ell / v_F, 0.05 * E_CHARGE, M_ELECTRON * k_F / (2.0 * math.pi**2 * HBAR**2))
    a_imp = theory.impurity_coefficient(theory.spin_hall_angle(0.0005e-18 * k_F**2, k_F * ell))
    Omega, q = 2.0 * math.pi * 1e10, 2.0 * math.pi / lam
    S = theory.crossed_waves(10.0, 10.0, q, q, Omega, scale=0.067)
    edges = [np.linspace(0.0, lam, 9)] * 2
    for channel, source in (("first", "impurity_first"), ("second", "impurity_second")):
        exact = theory.charge_solution(S, medium, channel, a_imp=a_imp)
        wanted = theory.mesh_averages(exact.current["local"], edges, Omega, 1)
        found = run["charge_current"].sel(source=source, part="local")
        assert found.units == "A/m^2"
        # harmonic, direction, x, y, whatever the order in the file
        found = np.moveaxis(np.asarray(found.mean), found.dims.index("charge_direction"), 1)
        for n in (slice(0, 1), slice(1, 3)):
            for i in range(3):
                size = (wanted[n, i] ** 2).sum()
                if size > 0.01 * (wanted**2).sum():
                    ratio = (found[n, i] * wanted[n, i]).sum() / size
                    assert ratio == pytest.approx(1.0, abs=0.1), f"{source} {n} {i}"
    wanted = theory.mesh_averages(exact.density, edges, Omega, 1)[1:]
    density = run["charge_density"].sel(source="impurity_second")
    assert density.units == "C/m^3"
    profile = wanted / (wanted**2).sum()
    found, error = (profile * density.mean[1:]).sum(), np.sqrt((profile**2 * density.stderr[1:] ** 2).sum())
    assert abs(found - 1.0) <= 4.0 * error


# --- conservation --------------------------------------------------------------------------------


def open_box(walkers, **options):
    """Crossed waves in a box with specular and absorbing faces, both mechanisms; the waves do not fit into it."""
    deck = crossed(
        1.1, 2.0, walkers, BOTH, faces=("specular", "absorbing"), y_faces=("absorbing", "specular"), **options
    )
    deck["sample"]["x"]["length"], deck["sample"]["y"]["length"] = 2.0, 3.0
    return deck


def test_charge_is_conserved_in_every_cell_of_an_open_sample():
    deck = open_box(64, cells=6)
    problem = problem_of(deck)
    assert problem.scene.dipoles == (True, True, True)
    blocks = general_walk(problem)
    Omega = deck["texture"]["angular_frequency"]
    for source in problem.scene.sources:
        rho, local, diffusive = booked_charge(blocks, source)
        divergence = blocks.torque[:, DIFFUSIVE, blocks.at(source), :, DIVERGENCE, ..., 0]
        size = np.abs(divergence).max()
        assert size > 0.0
        # DC, ∇·j_c = 0, in every cell of every block to rounding
        assert np.abs(divergence[:, DC]).max() <= 1e-12 * size
        # AC, ρ̇_c + ∇·j_c = 0: density and flow are told by different events
        left = np.stack(
            [Omega * rho[:, SIN] + divergence[:, COS], -Omega * rho[:, COS] + divergence[:, SIN]], axis=1
        )
        for h, axis in np.ndindex(2, 2):
            rows = left[:, h].mean(axis=(2 + axis - 1 if axis else 2, 3))
            assert_no_chi2_alarm(rows, f"{source}: continuity, {h}, {axis}")
        lines = {name: line[:, blocks.at(source)] for name, line in blocks.walked.items()}
        assert not np.any(lines["emitted"])
        assert not np.any(lines["relaxed"])
        assert not np.any(lines["cut"])
        gone = sum(line for name, line in lines.items() if name.startswith("left")) + lines["stored"]
        assert np.abs(lines["torque"] - gone).max() <= 1e-12 * np.abs(lines["torque"]).max()
        assert np.abs(local).max() > 0.0
        assert np.abs(diffusive).max() > 0.0


@pytest.mark.parametrize("faces", ["periodic", "closed"])
def test_there_is_no_charge_in_all_where_none_can_leave(faces):
    ends = CLOSED if faces == "closed" else ("periodic", "periodic")
    deck = crossed(1.0, 2.0, 32, BOTH, faces=ends, y_faces=ends, cells=6)
    problem = cut_at(problem_of(deck), 1e-2)
    blocks = general_walk(problem)
    sources = ("rashba", "impurity_second") if faces == "periodic" else problem.scene.sources
    for source in sources:
        rho = booked_charge(blocks, source)[0]
        assert np.abs(rho).max() > 0.0
        assert np.abs(rho.sum(axis=(-3, -2, -1))).max() <= 1e-12 * np.abs(rho).max()


PENETRATION = {"kind": "penetration", "cone_angle": 1.0, "angular_frequency": 0.3, "depth": 1.0}


def layer_of(faces, walkers, **options):
    """A texture that dies away from the face at x = 0, over 3 ℓ."""
    return general_deck(
        PENETRATION, x=(3.0, 6), faces=faces, walkers=BLOCKS * walkers, block=walkers, exchange=0.3, spin_orbit=RASHBA,
        **options,
    )  # fmt: skip


@pytest.mark.parametrize("faces", [CLOSED, ("specular", "absorbing"), ("absorbing", "absorbing")])
def test_no_steady_charge_current_flows_along_x(faces):
    """∇·j_c = 0 along x, and j_c = 0 at a closed face. At an absorbing one too: it ends dipoles, not charge."""
    tau_sf = 5.0 if faces == CLOSED else "none"
    problem = problem_of(layer_of(faces, 512, tau_sf=tau_sf, channels=("second",)))
    blocks = general_walk(cut_at(problem, 1e-4) if faces == CLOSED else problem)
    _, local, diffusive = booked_charge(blocks, "rashba")
    W = local[:, DC, X, :, 0, 0].mean(axis=0)
    current = (local + diffusive)[:, DC, X, :, 0, 0]
    assert np.abs(W[0]) > 3.0 * np.abs(W[-1])
    assert_no_chi2_alarm(current, "total current along x")
    assert_in(current, 0.0, "total current along x", np.abs(W).max(), small=0.03)


def test_spin_relaxes_and_charge_does_not():
    """A spin that lives for τ/2 leaves dipoles that stay until they reach a face: what is born leaves, whatever τ_sf."""
    for tau_sf in (0.5, 5.0):
        problem = problem_of(layer_of(("specular", "absorbing"), 64, tau_sf=tau_sf))
        assert paths_are_parallel(problem.scene)
        blocks = general_walk(problem)
        at, spin = blocks.at("rashba"), blocks.at("second")
        lines = {name: line[:, at, DC, X] for name, line in blocks.budget.items()}
        assert np.any(blocks.budget["relaxed"][:, spin])
        assert not np.any(blocks.budget["relaxed"][:, at])
        gone = lines["left_at_left"] + lines["left_at_right"]
        assert np.abs(lines["torque"] - gone).max() <= 1e-13 * np.abs(lines["torque"]).max()


def test_who_carries_charge_ends_at_the_age_of_dipoles():
    """In a periodic sample nothing else ends dipoles; a spin that relaxes before leaves them."""
    problem = problem_of(spiral(1.0, 8, RASHBA, tau_sf=1.0))
    end, laid = problem.scene.t_dipole, plan_of(problem, groundwork_of(problem).source)
    assert math.isinf(problem.scene.t_max)
    trace = np.zeros((4096, 4))
    for walker in range(8):
        _, flights, wrong, steps = walk_plan(laid, 0, walker, trace)
        assert (wrong, flights < 10.0 * end) == (0, True)
        assert end <= trace[steps - 1, 1] < end + 20.0


# --- symmetries ----------------------------------------------------------------------------------


def walked(problem, **changes):
    """Walk a problem whose scene is changed."""
    return general_walk(problem._replace(scene=problem.scene._replace(**changes)))


def all_of(blocks, name):
    """Everything booked of a source or a channel."""
    at = blocks.at(name)
    return [
        blocks.density[:, :, at],
        blocks.torque[:, :, at],
        *(line[:, at] for line in blocks.budget.values()),
    ]


def assert_times(factor, one, other, names):
    """Demand that what is booked is another walk's times ±1, exactly."""
    for name in names:
        assert any(np.any(a) for a in all_of(one, name))
        for a, b in zip(all_of(one, name), all_of(other, name), strict=True):
            assert np.array_equal(a, factor * b), name


SMALL_BOX = open_box(2, cells=4)


def test_charge_turns_with_the_sign_of_the_rashba_field():
    problem = problem_of(SMALL_BOX)
    (layer,) = problem.scene.layers
    turned = layer._replace(rashba=tuple(-r for r in layer.rashba))
    one, other = general_walk(problem), walked(problem, layers=(turned,))
    assert_times(-1.0, one, other, ["rashba"])
    assert_times(1.0, one, other, ["impurity_first", "impurity_second", "first", "second"])


def test_charge_turns_with_the_sign_of_the_spin_hall_angle():
    problem = problem_of(SMALL_BOX)
    (layer,) = problem.scene.layers
    one, other = general_walk(problem), walked(problem, layers=(layer._replace(impurity=-layer.impurity),))
    assert_times(-1.0, one, other, ["impurity_first", "impurity_second"])
    assert_times(1.0, one, other, ["rashba"])


def test_a_reversed_magnetization_turns_odd_orders_and_keeps_even_ones():
    """VALIDATION row 17, for charge."""
    problem = problem_of(SMALL_BOX)
    parameters = list(problem.scene.parameters)
    parameters[4] = -parameters[4]
    one, other = general_walk(problem), walked(problem, parameters=tuple(parameters))
    assert_times(-1.0, one, other, ["impurity_first", "first"])
    assert_times(1.0, one, other, ["rashba", "impurity_second", "second"])


def test_a_static_texture_drives_no_charge():
    problem = problem_of(changed(SMALL_BOX, texture__angular_frequency=0.0))
    blocks = general_walk(problem)
    for source in problem.scene.sources:
        assert not any(np.any(booked) for booked in all_of(blocks, source))
