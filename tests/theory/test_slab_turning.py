"""The solution without walkers of `exact` in any periodic texture: rigid ones, closed forms, small J, budgets, errors."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import solve_ivp

from mcpump.theory import slab as theory
from mcpump.theory.slab import (
    Cycle,
    Face,
    Interface,
    Layer,
    Precession,
    Rule,
    Sample,
    harmonics_kept,
    periodic_response,
)

OMEGA = 0.02
Z = np.array([0.0, 0.0, 1.0])
WALL = Interface(0.7, 0.7 / 1.5, 0.3)
LAYERS = (Layer(0.0, 1.0, 1.0, 0.1, 1.0), Layer(0.75, 0.6, 1.7, 0.1, 2.5, WALL))
EDGES = np.array([0.0, 0.5, 0.75, 1.5])
SAMPLES = {
    "closed": Sample(1.5, LAYERS, (Face(0.0, 0.0), Face(0.4))),
    "open": Sample(1.5, LAYERS[:1], (Face(1.0), Face(1.0))),
    "periodic": Sample(1.5, LAYERS[:1], None),
}
RULE = Rule(0.5, directions=5, fineness=1.5)


def spiral(x, t):
    """Conical spiral of a wavelength 1.5 that precesses rigidly."""
    phase = 2.0 * math.pi / 1.5 * x + OMEGA * t
    return np.stack([0.5 * np.cos(phase), 0.5 * np.sin(phase), 0.8 + 0.0 * x], axis=1)


def bulging(x, t, Omega=OMEGA):
    """Ellipse with two frequencies, whose phase varies along x, of unit length."""
    phase = 2.0 * math.pi / 1.5 * x + Omega * t
    S = np.stack(
        [0.4 * np.cos(phase), 0.2 * np.sin(phase) + 0.1 * np.sin(2.0 * Omega * t), 0.8 + 0.0 * x], axis=1
    )
    return S / np.sqrt((S**2).sum(axis=1, keepdims=True))


def parts_of(response):
    return [(getattr(response, half), half) for half in ("local", "diffusive")]


@pytest.mark.parametrize("J", [0.4, 2.0])
@pytest.mark.parametrize("name", SAMPLES)
def test_a_rigid_precession_is_the_same_at_phases_and_in_its_frame(name, J):
    """Mirrors, an interface that scatters, rough faces, none: all parts to 1e-6 of the largest of either part."""
    rule = RULE._replace(fineness=2.5)
    frame, clock = (
        periodic_response(SAMPLES[name], motion, J, EDGES, 1, channels=("exact",), rule=rule)["exact"]
        for motion in (Precession(lambda x: spiral(x, 0.0), OMEGA * Z), Cycle(spiral, OMEGA, 1))
    )
    for field in theory.Part._fields:
        size = max(np.abs(getattr(part, field)).max() for part, _ in parts_of(frame))
        for half in ("local", "diffusive"):
            one, other = (getattr(getattr(found, half), field) for found in (frame, clock))
            assert_allclose(other, one, rtol=0.0, atol=1e-6 * size)
    assert np.abs(frame.diffusive.density).max() > 1e-3 * OMEGA


@pytest.mark.parametrize("Omega", [0.02, 1.0])
def test_a_uniform_ellipse_is_an_ordinary_differential_equation(Omega):
    """No current; ∂_t s = −s/τ_sf + 2J s × S − Ṡ of all spin, and with 1/τ besides of what has not scattered."""
    J, gamma = 1.5, 0.3

    def texture(x, t):
        S = np.array([0.6 * math.cos(Omega * t), 0.3 * math.sin(Omega * t), 0.8])
        return np.tile(S / math.sqrt(S @ S), (len(x), 1))

    sample = Sample(2.0, (Layer(0.0, 1.0, 1.0, gamma, 1.0),), None)
    found = periodic_response(
        sample, Cycle(texture, Omega, 12), J, [0.0, 2.0], 3, channels=("exact",), rule=Rule(1.0, 3, 1.0)
    )["exact"]
    wanted = {"local": amplitudes_of(texture, Omega, J, 1.0 + gamma)}
    wanted["total"] = amplitudes_of(texture, Omega, J, gamma)
    got = {"local": found.local.density[0], "total": found.local.density[0] + found.diffusive.density[0]}
    for name, expected in wanted.items():
        assert_allclose(got[name], expected, rtol=0.0, atol=2e-6 * np.abs(expected).max())
    assert np.abs(found.diffusive.through).max() < 1e-9 * Omega
    assert np.abs(wanted["total"][5:]).max() > 1e-5 * np.abs(wanted["total"]).max()  # 3Ω is there


def amplitudes_of(texture, Omega, J, loss):
    """Time functions (7, 3) of the periodic solution of ∂_t s = −loss s + 2J s × S − Ṡ."""
    here, period = np.zeros(1), 2.0 * math.pi / Omega

    def change(t, s):
        step = 1e-4 / Omega
        moved = (texture(here, t + step) - texture(here, t - step))[0] / (2.0 * step)
        return -loss * s + 2.0 * J * np.cross(s, texture(here, t)[0]) - moved

    cycles, points = math.ceil(35.0 / (loss * period)), 64
    times = (cycles + np.arange(points) / points) * period
    s = solve_ivp(change, (0.0, times[-1]), np.zeros(3), "DOP853", times, rtol=1e-9, atol=1e-12 * Omega).y.T
    phases = 2.0 * math.pi * np.arange(points) / points
    rows = [s.mean(axis=0)]
    for n in (1, 2, 3):
        rows += [2.0 * (np.cos(n * phases) @ s) / points, 2.0 * (np.sin(n * phases) @ s) / points]
    return np.array(rows)


@pytest.mark.parametrize("name", ["open", "periodic"])
def test_small_exchange_gives_the_second_order(name):
    """The part odd in J is `second`, and its ladder once scattered, but for J³; the even part `first`, but for J²."""
    J, motion = 1e-3, Cycle(bulging, OMEGA, 6)
    names = ("first", "second", "second_ladder")
    orders = periodic_response(SAMPLES[name], motion, J, EDGES, 2, channels=names, rule=RULE)
    plus, minus = (
        periodic_response(SAMPLES[name], motion, sign * J, EDGES, 2, channels=("exact",), rule=RULE)["exact"]
        for sign in (1.0, -1.0)
    )
    for half, order in (("local", "second"), ("diffusive", "second_ladder")):
        for field in ("density", "through", "torque"):
            a, b, second, first = (
                getattr(getattr(one, half), field) for one in (plus, minus, orders[order], orders["first"])
            )
            odd, even = 0.5 * (a - b), 0.5 * (a + b)
            assert_allclose(odd, second, rtol=0.0, atol=2e-3 * np.abs(second).max())
            if field != "torque":
                assert_allclose(even, first, rtol=0.0, atol=2e-3 * np.abs(first).max())
            assert np.abs(second).max() > 0.0
        # torques of the first order are second's births
        torque = getattr(orders["second_ladder"], half).torque
        assert np.abs(torque).max() > 0.0


@pytest.mark.parametrize("name", SAMPLES)
def test_the_budget_closes(name):
    """∂_t s + ∂_x j = a + torque − s/τ_sf in every time function of every cell, to 1e-10 of the largest of them."""
    sample = SAMPLES[name]
    found = periodic_response(
        sample, Cycle(bulging, OMEGA, 6), 1.0, EDGES, 2, channels=("exact",), rule=RULE
    )["exact"]
    whole = {
        field: getattr(found.local, field) + getattr(found.diffusive, field)
        for field in ("density", "torque", "born", "through")
    }
    changes = np.zeros_like(whole["density"])
    for n in (1, 2):
        cosine, sine = whole["density"][:, 2 * n - 1], whole["density"][:, 2 * n]
        changes[:, 2 * n - 1], changes[:, 2 * n] = n * OMEGA * sine, -n * OMEGA * cosine
    flows = np.diff(whole["through"], axis=0) / np.diff(EDGES)[:, None, None]
    rest = changes + flows - whole["born"] - whole["torque"] + 0.1 * whole["density"]
    assert np.abs(rest).max() < 1e-10 * max(np.abs(flows).max(), np.abs(whole["torque"]).max())


def test_the_error_covers_a_finer_rule():
    """Against half the cells and twice the directions."""
    motion = Cycle(bulging, OMEGA, 6)
    rough, fine = (
        periodic_response(SAMPLES["open"], motion, 1.0, EDGES, 1, channels=("exact",), rule=rule)["exact"]
        for rule in (RULE, Rule(0.5, directions=10, fineness=3.0))
    )
    for half in ("local", "diffusive"):
        for field in ("density", "through", "torque"):
            one, other = (getattr(getattr(found, half), field) for found in (rough, fine))
            bound = getattr(getattr(rough, f"{half}_error"), field)
            apart = np.abs(one - other)
            # single numbers are met by chance
            assert np.all(apart <= 2.0 * bound + 0.05 * bound.max())
            assert 0.0 < bound.max() < 2e-2 * np.abs(other).max()


def test_harmonics_are_kept_until_those_asked_for_stay():
    """More for a strong ellipse than for a circle; twice as many change the answer by less than is told."""
    kept = harmonics_kept(SAMPLES["open"], Cycle(bulging, OMEGA, 6), 1.0, EDGES, 1, RULE)
    assert harmonics_kept(SAMPLES["open"], Cycle(spiral, OMEGA, 1), 1.0, EDGES, 1, RULE) < kept < 20


def test_too_many_harmonics_are_refused(monkeypatch):
    monkeypatch.setattr(theory, "MOST_KEPT", 3)
    with pytest.raises(ArithmeticError, match="more than 3 harmonics"):
        harmonics_kept(SAMPLES["open"], Cycle(bulging, OMEGA, 6), 1.0, EDGES, 1, RULE)
