"""The exact charge response to plane waves: conservation, the walk solved by direction, symmetries."""

import math

import numpy as np
import pytest
from charge_modes import IMPURITY, MECHANISMS, RASHBA, by_mode, crossed, largest, quantities, rigid, worst
from texture_modes import cone, modulated

from mcpump import theory
from mcpump.theory import Medium, charge_solution


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("epsilon", [0.1, 1.0, 8.0])
def test_charge_is_conserved_mode_by_mode(epsilon, mechanism, dimension):
    medium = Medium.reduced(0.3, tau_sf=3.0, dimension=dimension)
    solution = charge_solution(crossed(epsilon), medium, "second", **mechanism)
    stored = theory.time_derivative(solution.density)
    left = theory.charge_continuity(solution.density, solution.current["total"])
    assert largest(left) < 1e-12 * largest(stored)
    # dipoles: Ṗ_j + ∂_iQ_ij = W_j, but in the uniform mode of DC, which grows
    grown = by_mode(theory.combined((1.0, theory.time_derivative(solution.dipole))))
    flown = by_mode(theory.divergence(solution.dipole_flux))
    for mode, W in by_mode(solution.current["local"]).items():
        if any(mode):
            np.testing.assert_allclose(grown[mode] + flown[mode], W, atol=1e-12 * np.abs(W).max())


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_density_and_diffusive_current_are_divergences_of_the_dipoles(mechanism):
    solution = charge_solution(crossed(), Medium.reduced(0.3, tau_sf=3.0), "second", **mechanism)
    for wave, dipole, flux, current in zip(
        solution.density, solution.dipole, solution.dipole_flux, solution.current["diffusive"], strict=True
    ):
        if np.any(wave.q):
            assert wave.amplitude == pytest.approx(-1j * wave.q @ dipole.amplitude, abs=1e-14)
        np.testing.assert_allclose(current.amplitude, -1j * flux.amplitude @ wave.q, atol=1e-14)
    total = theory.combined((1.0, solution.current["local"]), (1.0, solution.current["diffusive"]))
    assert worst(solution.current["total"], total) < 1e-15


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_walk_solved_direction_by_direction(mechanism, dimension):
    medium = Medium(1.3, 0.7, 0.2, 2.1, tau_sf=4.0, dimension=dimension, hbar=0.8)
    angle = (np.arange(24) + 0.5) * 2 * np.pi / 24
    if dimension == 2:
        v, weight = np.stack([np.cos(angle), np.sin(angle), 0 * angle]), np.full(24, 1 / 24)
    else:
        mu, w = np.polynomial.legendre.leggauss(12)
        across = np.sqrt(1 - mu**2)[:, None]
        v = np.stack(np.broadcast_arrays(mu[:, None], across * np.cos(angle), across * np.sin(angle)))
        v, weight = v.reshape(3, -1), np.repeat(0.5 * w / 24, 24)

    def first_flight(source, q, Omega):
        return medium.tau * source / (medium.gamma(Omega) + 1j * medium.ell * (q @ v))

    S, spins = crossed(), {}
    for a in (wave for wave in S if wave.Omega != 0.0):
        emitted = -1j * medium.polarization * a.Omega * a.amplitude[:, None]
        for b in S:
            turn = medium.precession * np.cross(first_flight(emitted, a.q, a.Omega).T, b.amplitude).T
            q, Omega = a.q + b.q, a.Omega + b.Omega
            key = (*np.round(q, 9) + 0.0, round(Omega, 9) + 0.0)
            spins[key] = q, Omega, spins.get(key, (0, 0, 0))[2] + first_flight(turn, q, Omega)
    solution = charge_solution(S, medium, "second", **mechanism)
    found = [by_mode(waves) for waves in quantities(solution)]
    assert len(found[0]) == len(spins)
    for key, (q, Omega, spin) in spins.items():
        if "a_R" in mechanism:
            velocity = np.cross(mechanism["a_R"] / medium.tau, spin.T)
        else:
            velocity = mechanism["a_imp"] * medium.v_F * np.cross(v.T, spin.T)
        W = weight @ velocity
        if not any(key):
            np.testing.assert_allclose(found[3][key], W, atol=1e-13)
            assert found[0][key] == 0.0
            continue
        # dipoles τw are born at collisions, rate 1/τ, in a new direction; then walkers without τ_sf:
        # (1 + iΩτ + iℓQ·v̂) p − ⟨p⟩ = τW
        matrix = np.diag(1 + 1j * Omega * medium.tau + 1j * medium.ell * (q @ v)) - weight
        p = np.linalg.solve(matrix, np.outer(np.ones(weight.size), medium.tau * W))
        P, Q = weight @ p, medium.v_F * (v * weight) @ p
        diffusive = -1j * Q @ q
        expected = [-1j * q @ P, W, diffusive, W + diffusive, P, Q]
        for member, value in zip(found, expected, strict=True):
            np.testing.assert_allclose(member[key], value, atol=1e-11)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_local_current_is_that_of_local_spins(mechanism):
    medium, S = Medium.reduced(0.3, tau_sf=5.0), crossed()
    spins = theory.exact_solution(S, medium, "second")
    W = charge_solution(S, medium, "second", **mechanism).current["local"]
    if "a_imp" in mechanism:
        assert worst(W, theory.spin_hall_current(spins.flux["local"], 0.2)) < 1e-15
    else:
        density = [w._replace(amplitude=np.cross(RASHBA["a_R"], w.amplitude)) for w in spins.density["local"]]
        assert worst(W, density) < 1e-15


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize("channel", ["first", "second"])
def test_wave_numbers_along_x_are_vectors_along_x(channel, mechanism):
    medium, S = Medium.reduced(0.3, tau_sf=20.0), modulated(q=1.7)
    vectors = [w._replace(q=np.array([w.q, 0.0, 0.0])) for w in S]
    line, space = (charge_solution(waves, medium, channel, **mechanism) for waves in (S, vectors))
    for plain, vector in zip(quantities(line), quantities(space), strict=True):
        assert all(np.shape(w.q) == (3,) for w in plain)
        scale = largest(plain) if np.isfinite(largest(plain)) else 1.0
        for mode, amplitude in by_mode(plain).items():
            np.testing.assert_allclose(by_mode(vector)[mode], amplitude, atol=1e-10 * scale)


def test_first_order_is_a_local_impurity_current_and_no_charge():
    medium, S = Medium.reduced(0.3, tau_sf=20.0), crossed()
    first = charge_solution(S, medium, "first", **IMPURITY)
    assert largest(first.current["local"]) > 1e-3
    assert largest(first.density) == largest(first.current["diffusive"]) == 0.0
    naive = theory.spin_hall_current(theory.exact_solution(S, medium, "first").flux["local"], 0.2)
    assert worst(first.current["total"], naive) < 1e-15
    assert all(largest(member) == 0.0 for member in quantities(charge_solution(S, medium, "first", **RASHBA)))


def test_mechanisms_add():
    medium, S = Medium.reduced(0.3), crossed()
    both = charge_solution(S, medium, "second", **RASHBA, **IMPURITY)
    one, other = (charge_solution(S, medium, "second", **m) for m in MECHANISMS)
    for sum_, a, b in zip(*(quantities(s)[:4] for s in (both, one, other)), strict=True):
        assert worst(sum_, theory.combined((1.0, a), (1.0, b))) < 1e-14


def test_reversals():
    medium, S = Medium.reduced(0.3, tau_sf=9.0), crossed()
    reverse = theory.combined((-1.0, S))
    for mechanism in MECHANISMS:
        opposite = {key: -np.asarray(value) for key, value in mechanism.items()}
        plain, turned, flipped = (
            charge_solution(waves, medium, "second", **coefficients).current["total"]
            for waves, coefficients in ((S, mechanism), (reverse, mechanism), (S, opposite))
        )
        assert worst(turned, plain) < 1e-15
        assert worst(flipped, theory.combined((-1.0, plain))) < 1e-15
    plain, turned = (charge_solution(w, medium, "first", **IMPURITY).current["total"] for w in (S, reverse))
    assert worst(turned, theory.combined((-1.0, plain))) < 1e-15


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_what_drives_no_charge(mechanism):
    medium = Medium.reduced(0.3)
    static = theory.texture_waves([0, 0, 1], [1, 0, 0], [0, 1, 0], [0.7, 0.2, 0], 0.0)
    linear = theory.texture_waves([0, 0, 1], [0, 0, 0.5], [0, 0, 0.2], [0.7, 0.2, 0], 0.3)
    for S, channels in ((static, ("first", "second")), (linear, ("second",))):
        for channel in channels:
            solution = charge_solution(S, medium, channel, **mechanism)
            assert all(largest(member) == 0.0 for member in quantities(solution))


def test_uniform_precession_has_a_rashba_current_and_no_charge():
    solution = charge_solution(cone(0.5, 0.0, 0.3), Medium.reduced(0.3), "second", **RASHBA)
    current = by_mode(solution.current["total"])[0.0, 0.0, 0.0, 0.0]
    assert np.all(np.abs(current[:2]) > 1e-3)
    assert largest(solution.density) == largest(solution.current["diffusive"]) == 0.0
    assert np.isnan(by_mode(solution.dipole)[0.0, 0.0, 0.0, 0.0][:2]).all()


def test_impurity_charge_needs_two_directions_and_time():
    medium = Medium.reduced(0.3)
    for q in (np.array([0.9, 0, 0]), np.array([0.5, -0.4, 0.3])):  # along one direction only
        along = [w._replace(q=w.q * q) for w in modulated(q=1.7)]
        one = charge_solution(along, medium, "second", **IMPURITY)
        assert largest(one.density) == 0.0
        assert largest(one.current["local"]) > 1e-4
        assert largest(theory.impurity_charge_density(along, medium, 0.2)) < 1e-17
    # the test texture: modes (±q, ±q; Ω), AC only
    S = theory.crossed_waves(0.5, 2.0, 0.6, 0.6, 0.01)
    density = by_mode(charge_solution(S, medium, "second", **IMPURITY).density)
    leading = by_mode(theory.impurity_charge_density(S, medium, 0.2))
    signals = {(x, y, 0.0, t) for x in (-0.6, 0.6) for y in (-0.6, 0.6) for t in (-0.01, 0.01)}
    for found in (density, leading):
        top = max(abs(A) for A in found.values())
        assert {key for key, A in found.items() if abs(A) > 1e-9 * top} == signals


def test_rigid_rotation_about_z_has_no_impurity_charge_to_leading_order():
    medium = Medium.reduced(0.3)
    assert largest(theory.impurity_charge_density(rigid(), medium, 0.2)) < 1e-16
    epsilons = np.array([0.1, 0.05, 0.025])
    exact = [largest(charge_solution(rigid(e), medium, "second", **IMPURITY).density) for e in epsilons]
    usual = [largest(charge_solution(crossed(e), medium, "second", **IMPURITY).density) for e in epsilons]
    ratio = np.array(exact) / np.array(usual)
    assert 1.9 < np.polyfit(np.log(epsilons), np.log(ratio), 1)[0] < 2.1


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_relaxation_weakens_the_source_alone(mechanism):
    """P/W of a mode knows nothing of τ_sf."""
    weak, strong = (
        charge_solution(crossed(), Medium.reduced(0.3, tau_sf=t), "second", **mechanism)
        for t in (math.inf, 2.0)
    )
    assert largest(strong.current["local"]) < 0.8 * largest(weak.current["local"])
    for solution in (weak, strong):
        for W, P in zip(solution.current["local"], solution.dipole, strict=True):
            if np.any(P.q):
                gap = theory.ladder_gap(np.linalg.norm(P.q), 1 + 1j * P.Omega, 3)
                np.testing.assert_allclose(P.amplitude * gap, W.amplitude * (1 - gap), atol=1e-13)


def test_wrong_arguments_are_refused():
    S, medium = crossed(), Medium.reduced(0.3)
    with pytest.raises(ValueError, match="channel"):
        charge_solution(S, medium, "second_ladder", a_imp=0.1)
    with pytest.raises(ValueError, match="vector of 3"):
        charge_solution(S, medium, "second", a_R=0.1)
    with pytest.raises(ValueError, match="vector of 3"):
        theory.rashba_coefficient(0.1, medium)


@pytest.mark.parametrize("S", [crossed(), theory.crossed_waves(0.7, 1.5, 0.9, 0.6, 0.0)])
def test_shapes_on_a_mesh(S):
    """A density has no index, a current its direction, dipole fluxes two; also of a static texture."""
    solution = charge_solution(S, Medium.reduced(0.3), "second", **IMPURITY)
    edges = [np.linspace(0, 1, 5), np.linspace(0, 2, 4)]
    for waves, shape in (
        (solution.density, ()),
        (solution.current["total"], (3,)),
        (solution.dipole_flux, (3, 3)),
    ):
        assert theory.mesh_averages(waves, edges, 0.3, 2).shape == (5, *shape, 4, 3)
