"""The exact solution for plane waves satisfies the transport equation, order by order."""

import numpy as np
import pytest
from texture_modes import CHANNELS, DIMENSIONS, amplitude, cone, largest_difference, modulated, size

from mcpump import theory
from mcpump.theory import Medium, exact_solution


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


# --- several directions ------------------------------------------------------------------------


def crossed(epsilon=1.0):
    """Crossed waves with a spiral on top: no component of the current vanishes."""
    waves = theory.crossed_waves(0.7, 1.5, 0.9 * epsilon, 0.6 * epsilon, 0.3 * epsilon**2, 0.4, 0.5)
    q = epsilon * np.array([0.4, -0.5, 0.0])
    more = theory.texture_waves([0.1, 0, 0.2], [0.3, 0, 0.1], [0, 0.2, 0], q, 0.3 * epsilon**2)
    return theory.combined((1.0, waves), (1.0, more))


def by_mode(waves):
    """Amplitudes by (q, Ω), for comparison mode by mode."""
    return {(*np.round(np.atleast_1d(w.q), 9) + 0.0, round(w.Omega, 9) + 0.0): w.amplitude for w in waves}


def worst(left, right):
    """Largest |left − right| over the largest |right|, over all modes of waves with wave vectors."""
    left, right = by_mode(left), by_mode(right)
    scale = max(np.abs(A).max() for A in right.values())
    return max(np.abs(left.get(key, 0) - right.get(key, 0)).max() for key in left | right) / scale


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("channel", CHANNELS)
def test_collinear_waves_in_any_direction_are_waves_along_x(channel, dimension):
    medium = Medium.reduced(0.3, tau_sf=20.0, dimension=dimension)
    n = {1: [1.0, 0, 0], 2: [0.6, 0.8, 0], 3: [0.48, -0.6, 0.64]}[dimension]
    S = modulated(q=1.7)
    line = exact_solution(S, medium, channel)
    space = exact_solution([w._replace(q=w.q * np.array(n)) for w in S], medium, channel)
    for quantity, (plain, vector) in enumerate(zip(line, space, strict=True)):
        for part in theory.PARTS:
            outer = [
                w._replace(
                    q=w.q * np.array(n), amplitude=np.outer(n, w.amplitude) if quantity == 1 else w.amplitude
                )
                for w in plain[part]
            ]
            if max(np.abs(w.amplitude).max() for w in outer) > 0.0:
                assert worst(vector[part], outer) < 1e-10
            else:
                assert all(np.all(w.amplitude == 0.0) for w in vector[part])


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("channel", CHANNELS)
def test_continuity_in_several_directions(channel, dimension):
    medium, S = Medium.reduced(0.3, tau_sf=20.0, dimension=dimension), crossed()
    g, j, T = exact_solution(S, medium, channel)
    source = by_mode(theory.combined((-1.0, theory.time_derivative(S)))) if channel == "first" else {}
    outflow = {part: by_mode(theory.divergence(j[part])) for part in theory.PARTS}
    torque = {part: by_mode(T[part]) for part in theory.PARTS}
    arrivals = {"local": 0.0, "diffusive": 1.0, "total": 0.0}
    scattering = {"local": 1.0, "diffusive": 0.0, "total": 0.0}
    for part in theory.PARTS:
        for (*mode, Omega), amplitudes in by_mode(g[part]).items():
            key = (*mode, Omega)
            stored = (1j * Omega + 1 / 20.0 + scattering[part]) * amplitudes
            gained = torque[part][key] + arrivals[part] * by_mode(g["local"])[key]
            if part != "diffusive":
                gained = gained + source.get(key, 0)
            np.testing.assert_allclose(stored + outflow[part][key], gained, atol=1e-12)


@pytest.mark.parametrize("dimension", [2, 3])
def test_crossed_waves_solve_the_transport_equation_direction_by_direction(dimension):
    medium = Medium(1.3, 0.7, 0.2, 2.1, tau_sf=9.0, dimension=dimension, hbar=0.8)
    angle = (np.arange(24) + 0.5) * 2 * np.pi / 24
    if dimension == 2:
        v, weight = np.stack([np.cos(angle), np.sin(angle), 0 * angle]), np.full(24, 1 / 24)
    else:
        mu, w = np.polynomial.legendre.leggauss(12)
        across = np.sqrt(1 - mu**2)[:, None]
        v = np.stack(np.broadcast_arrays(mu[:, None], across * np.cos(angle), across * np.sin(angle)))
        v, weight = v.reshape(3, -1), np.repeat(0.5 * w / 24, 24)

    def solve(source, q, Omega):  # (γ + iℓq·v̂) g − ⟨g⟩ = τ source, source (3, directions)
        matrix = np.diag(medium.gamma(Omega) + 1j * medium.ell * (q @ v)) - weight
        return medium.tau * np.linalg.solve(matrix, source.T).T

    S = theory.merged(crossed())
    responses, turned = {"first": {}, "second_ladder": {}}, {}
    for a in S:
        emitted = -1j * medium.polarization * a.Omega * a.amplitude
        g = solve(np.outer(emitted, np.ones(weight.size)), a.q, a.Omega)
        responses["first"][(*np.round(a.q, 9) + 0.0, round(a.Omega, 9))] = g
        if a.Omega == 0.0:
            continue
        for b in S:
            turn = medium.precession * np.cross(g.T, b.amplitude).T
            Q, W = a.q + b.q, a.Omega + b.Omega
            key = (*np.round(Q, 9) + 0.0, round(W, 9) + 0.0)
            turned[key] = Q, W, turned[key][2] + turn if key in turned else turn
    for key, (Q, W, turn) in turned.items():
        responses["second_ladder"][key] = solve(turn, Q, W)
    for channel, modes in responses.items():
        density, flux, _ = exact_solution(S, medium, channel)
        density, flux = by_mode(density["total"]), by_mode(flux["total"])
        assert set(density) == set(modes)
        for key, g in modes.items():
            np.testing.assert_allclose(density[key], g @ weight, atol=1e-11)
            np.testing.assert_allclose(flux[key], medium.v_F * (v * weight) @ g.T, atol=1e-11)


def test_ladder_multiplies_each_pair_of_crossed_waves():
    medium, S = Medium.reduced(0.3, tau_sf=20.0), theory.crossed_waves(0.7, 0.0, 0.9, 0.6, 0.3)
    second, ladder = (exact_solution(S, medium, channel) for channel in ("second", "second_ladder"))
    # b = 0: only the uniform waves (0; ±Ω) emit, and F = 1/(1 − K(0, ±Ω))
    F = {sign * 0.3: 1 / theory.ladder_gap(0.0, medium.gamma(sign * 0.3), 3) for sign in (1, -1)}
    for plain, full in zip(second, ladder, strict=True):
        assert worst(full["local"], plain["local"]) < 1e-15
        total = by_mode(full["total"])
        for key, amplitudes in by_mode(plain["total"]).items():
            if key[-1] in F:
                np.testing.assert_allclose(total[key], F[key[-1]] * amplitudes, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("case", ["Eq. (5)", "Eq. (7)", "Eq. (11)", "Eq. (31)"])
def test_leading_order_in_several_directions(case, dimension):
    def error(e):
        medium = Medium.reduced(0.3, tau_sf=10.0 / e**2, dimension=dimension)
        S = crossed(e)
        first, second = (exact_solution(S, medium, channel) for channel in ("first", "second"))
        exact, leading = {
            "Eq. (5)": (first.flux["total"], theory.first_order_current),
            "Eq. (7)": (
                [w for w in second.flux["total"] if abs(w.Omega) < 0.5 * e**2],  # S×Ṡ has no 2Ω
                theory.second_order_current,
            ),
            "Eq. (11)": (
                theory.combined((1.0, first.density["total"]), (1.0, second.density["total"]), (1.0, S)),
                theory.spin_density,
            ),
            "Eq. (31)": (
                theory.combined((1.0, first.flux["local"]), (1.0, second.flux["local"])),
                theory.local_current,
            ),
        }[case]
        return worst(exact, leading(S, medium))

    epsilons = np.array([0.08, 0.04, 0.02, 0.01])
    errors = [error(e) for e in epsilons]
    assert 1.9 < np.polyfit(np.log(epsilons), np.log(errors), 1)[0] < 2.1
    assert errors[-1] < 1e-3
