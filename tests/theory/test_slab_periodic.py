"""The solution without walkers of any periodic motion, of spin Hall drives and of dipoles: closed forms and budgets."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mcpump.theory import Medium, charge_solution, exact_solution, texture_waves
from mcpump.theory.slab import (
    Cycle,
    Face,
    Interface,
    Layer,
    Precession,
    Rule,
    Sample,
    drive_response,
    periodic_response,
    slab_response,
)

CLOSED, OPEN, ROUGH = Face(0.0), Face(1.0), Face(0.0, 0.0)
Z = np.array([0.0, 0.0, 1.0])
OMEGA, J = 0.3, 0.4


def spiral(x, t):
    phase = 0.8 * x + OMEGA * t
    return np.stack([0.5 * np.cos(phase), 0.5 * np.sin(phase), 0.8 + 0.0 * x], axis=1)


def test_a_rigid_precession_is_the_same_in_its_frame_and_harmonic_by_harmonic():
    """Two layers, an interface that scatters, a rough face: all parts of all channels, and dipoles, to rounding."""
    wall = Interface(0.7, 0.7 / 1.5, 0.3)
    sample = Sample(
        3.0,
        (Layer(0.0, 1.0, 1.0, 0.1, 1.0), Layer(1.5, 0.6, 1.7, 0.1, 2.5, wall, (0.0, 0.3, 0.2))),
        (ROUGH, Face(0.4)),
    )
    motions = Precession(lambda x: spiral(x, 0.0), OMEGA * Z), Cycle(spiral, OMEGA, 1)
    rule = Rule(1.0, directions=8, fineness=1.0)
    frame, clock = (
        periodic_response(sample, motion, J, [0.0, 1.0, 1.5, 3.0], 2, rashba=True, rule=rule)
        for motion in motions
    )
    for name, response in frame.items():
        for part in ("local", "diffusive"):
            for one, other in zip(getattr(response, part), getattr(clock[name], part), strict=True):
                size = max(np.abs(one).max(), 1e-3)
                assert_allclose(one, other, rtol=0.0, atol=1e-11 * size)
    assert np.abs(frame["rashba"].diffusive.density).max() > 0.01


def amplitudes(waves, edges, means):
    """Time functions of waves at edges, or their means over cells: (places, 1 + 2n, 3) for n up to 2."""
    found = np.zeros((len(edges) - means, 5, 3))
    for wave in waves:
        q, n = float(np.ravel(wave.q)[0]), round(wave.Omega / OMEGA)
        space = np.exp(1j * q * edges)
        if means:
            space = np.diff(space) / (1j * q * np.diff(edges)) if q else np.ones(len(edges) - 1)
        value = np.multiply.outer(space, np.ravel(wave.amplitude))
        if n == 0:
            found[:, 0] += value.real
        else:
            found[:, 2 * abs(n) - 1] += value.real
            found[:, 2 * abs(n)] += -np.sign(n) * value.imag
    return found


@pytest.mark.parametrize("gamma", [0.2, 0.0])
@pytest.mark.parametrize("q", [1.0, 3.0])
def test_an_elliptical_wave(q, gamma):
    """In a periodic sample, with and without a sink, against the closed form at any qℓ; DC, Ω and 2Ω.

    Without a sink the error of the mesh is the larger: at qℓ = 1 it is 1.2e-6 on the mesh that serves with one.
    """
    C, P, Q = np.array([0.1, 0.0, 0.8]), np.array([0.5, 0.0, 0.1]), np.array([0.0, 0.2, 0.0])

    def texture(x, t):
        phase = (q * x + OMEGA * t)[:, None]
        return C + P * np.cos(phase) + Q * np.sin(phase)

    length = 2.0 * math.pi / q
    edges = np.linspace(0.0, length, 9)
    sample = Sample(length, (Layer(0.0, 1.0, 1.0, gamma, 1.0),), None)
    rule = Rule(1.0 / q, directions=32, fineness=9.0 if gamma else 13.0)
    found = periodic_response(sample, Cycle(texture, OMEGA, 1), J, edges, 2, rule=rule)
    waves = texture_waves(C, P, Q, np.array([q, 0.0, 0.0]), OMEGA)
    medium = Medium.reduced(J, 1.0 / gamma if gamma else math.inf)
    for channel, response in found.items():
        solution = exact_solution(waves, medium, channel)
        for part in ("local", "diffusive"):
            mine = getattr(response, part)
            # the flux along x is the first row of each wave's
            flux = [
                w._replace(amplitude=np.asarray(w.amplitude).reshape(-1, 3)[0]) for w in solution.flux[part]
            ]
            finite = [w._replace(amplitude=np.nan_to_num(w.amplitude)) for w in solution.density[part]]
            density, current = amplitudes(finite, edges, 1), amplitudes(flux, edges, 0)
            size = max(np.abs(density).max(), np.abs(current).max())
            got = mine.density.copy()
            if gamma == 0.0:
                got[:, 0] -= got[:, 0].mean(axis=0)
                density[:, 0] -= density[:, 0].mean(axis=0)
            assert_allclose(got, density, rtol=0.0, atol=1e-6 * size)
            assert_allclose(mine.through, current, rtol=0.0, atol=1e-6 * size)


def test_rashba_dipoles_of_a_spiral():
    """W, and density and flux of dipoles along x, against the closed form."""
    q, field = 0.8, (0.0, 0.3, 0.2)
    length = 2.0 * math.pi / q
    edges = np.linspace(0.0, length, 9)
    sample = Sample(length, (Layer(0.0, 1.0, 1.0, 0.2, 1.0, None, field),), None)
    rule = Rule(1.0 / q, directions=32, fineness=6.0)
    found = periodic_response(
        sample, Precession(lambda x: spiral(x, 0.0), OMEGA * Z), J, edges, 1, rashba=True, rule=rule
    )["rashba"]
    waves = texture_waves(
        np.array([0.0, 0.0, 0.8]), 0.5 * np.eye(3)[0], 0.5 * np.eye(3)[1], np.array([q, 0.0, 0.0]), OMEGA
    )
    solution = charge_solution(waves, Medium.reduced(J, 5.0), "second", field, 0.0)
    W = amplitudes(solution.current["local"], edges, 1)[:, :3]
    assert_allclose(found.local.density, W, rtol=0.0, atol=2e-6 * np.abs(W).max())
    dipoles = [
        w._replace(amplitude=np.where(np.arange(3) == 0, np.nan_to_num(w.amplitude), 0.0))
        for w in solution.dipole
    ]
    P = amplitudes(dipoles, edges, 1)[:, :3]
    # uniform dipoles are no charge
    assert_allclose(found.diffusive.density[:, 1:], P[:, 1:], rtol=0.0, atol=1e-5 * np.abs(P).max())


@pytest.mark.parametrize(("gamma", "back"), [(0.1, 0.98207), (1.0, 0.17171)])
def test_back_flow_of_a_thick_metal(gamma, back):
    """1/g_eff = 1/g + A/((1 − A) g_Sh) behind an interface that scatters by the cosine law."""
    T, length = 0.6, 1.0 + 20.0 * math.sqrt(1.0 / gamma)
    gate = Interface(T, T, specularity=0.0, straight=False)
    sample = Sample(
        length, (Layer(0.0, 1.0, 1e-9, 0.0, 1.0), Layer(1.0, 1.0, 1.0, gamma, 1.0, gate)), (OPEN, CLOSED)
    )
    found = slab_response(
        sample, lambda x: np.where(x < 1.0, 1.0, 0.0)[:, None] * np.eye(3)[0], [0.0, 1e-6, 0.0], 1.0,
        [0.0, 1.0, length], channels=("first",),
    )["first"]  # fmt: skip
    # half of what is born flies to the interface
    entered = (found.local.through + found.diffusive.through)[1, 2] / 0.5e-6
    assert entered == pytest.approx(1.0 / (1.0 / T + back), rel=2e-5)


def test_a_drive_is_sent_back_and_diffuses():
    """A bar of many mean free paths between closed faces: 1 − cosh(y/λ)/cosh(L/2λ) of the drive, and its budget."""
    gamma, length = 0.001, 200.0
    sample = Sample(length, (Layer(0.0, 1.0, 1.0, gamma, 1.0),), (CLOSED, CLOSED))
    drive = np.array([0.0, 0.0, 1.0])
    edges = np.linspace(0.0, length, 5)
    found = drive_response(sample, [drive], edges)
    current = (found.local.through + found.diffusive.through)[:, 0, 2]
    decay = math.sqrt(1.0 / (3.0 * gamma * (1.0 + gamma)))
    y = edges - 0.5 * length
    wanted = -np.cosh(y / decay) / math.cosh(0.5 * length / decay)
    wanted[[0, -1]] = 0.0  # nothing passes a closed face
    assert_allclose(current, wanted, rtol=0.0, atol=3e-3)
    density = (found.local.density + found.diffusive.density)[:, 0, 2]
    born = (found.local.born[:, 0, 2] * np.diff(edges)).sum()
    assert abs(born - gamma * (density * np.diff(edges)).sum()) < 1e-10
    assert_allclose(density, -density[::-1], rtol=0.0, atol=3e-6 * np.abs(density).max())


def test_a_drive_that_changes_inside_is_born_there():
    """Two layers, J in the right one alone: what is born at the jump, and sent back at the face, adds up to nothing."""
    layers = Layer(0.0, 1.0, 1.0, 0.05, 1.0), Layer(2.0, 1.0, 1.0, 0.05, 1.0)
    sample = Sample(6.0, layers, (CLOSED, ROUGH))
    found = drive_response(sample, [np.zeros(3), Z], [0.0, 2.0, 6.0])
    born = (found.local.born[:, 0, 2] * np.array([2.0, 4.0])).sum()
    density = (found.local.density + found.diffusive.density)[:, 0, 2]
    assert abs(born) < 1e-12
    assert density[0] < 0.0 < density[1]
    assert abs((density * np.array([2.0, 4.0])).sum()) < 1e-10
    through = (found.local.through + found.diffusive.through)[:, 0, 2]
    # ∂_x j = −γ g + births: in the left layer none are born
    assert through[1] == pytest.approx(-0.05 * 2.0 * density[0], abs=1e-10)
