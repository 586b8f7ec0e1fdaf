"""Shapes of the textures: walls and how they move, vortices, skyrmions and their charges, penetration, crossed waves."""

import math

import numpy as np
import pytest
from shapes import (
    crossed_waves_parameters,
    domain_wall_parameters,
    harmonic_parameters,
    skyrmion_parameters,
    vortex_parameters,
)
from test_moving_textures import OMEGA, S_of

from mcpump.textures.parameters import (
    CROSSED_WAVES,
    DOMAIN_WALL,
    DRIVE_PULSE,
    DRIVE_RAMP,
    ENVELOPE_PENETRATION,
    HARMONIC,
    SKYRMION,
    VORTEX,
)


def test_penetration():
    p = harmonic_parameters(
        (0, 0, 0.8), (0.6, 0, 0), (0, 0.6, 0), (0, 0, 0), 1.0, ENVELOPE_PENETRATION, (2.5,)
    )
    x = np.array([0.0, 2.5, 5.0])
    np.testing.assert_allclose(np.linalg.norm(S_of(HARMONIC, p, (x, 0, 0), 0.3), axis=0), np.exp(-x / 2.5))


@pytest.mark.parametrize(
    ("angle", "transverse"), [(0.0, 1), (0.5 * math.pi, 0)], ids=["Bloch along y", "Néel along x"]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_a_wall_at_rest(angle, transverse, sign):
    p = domain_wall_parameters(3.0, 0.5, angle, sign=sign)
    S = S_of(DOMAIN_WALL, p, ([-50.0, 3.0, 50.0], 0.0, 0.0))
    np.testing.assert_allclose(S[2], [sign, 0.0, -sign], atol=1e-15)
    assert S[transverse, 1] == pytest.approx(1.0)
    assert S[1 - transverse, 1] == pytest.approx(0.0, abs=1e-15)


def wall_at(p, t):
    """Where the wall's S_z changes sign."""
    x = np.linspace(-30.0, 30.0, 60001)
    S = S_of(DOMAIN_WALL, p, (x, 0.0, 0.0), t)[2]
    return float(np.interp(0.0, -S, x))


def test_how_a_wall_moves():
    steady = domain_wall_parameters(1.0, 0.7, 0.0, velocity=0.25, amplitude=2.0, Omega=0.5)
    assert wall_at(steady, 3.0) == pytest.approx(1.0 + 0.75 + 2.0 * math.sin(1.5), abs=1e-6)
    ramp = domain_wall_parameters(1.0, 0.7, 0.0, velocity=0.25, drive=(DRIVE_RAMP, 2.0, 4.0))
    assert wall_at(ramp, 2.0) == pytest.approx(1.0, abs=1e-6)
    assert wall_at(ramp, 10.0) == pytest.approx(1.0 + 0.25 * (2.0 + 4.0), abs=1e-6)
    pulse = domain_wall_parameters(1.0, 0.7, 0.0, velocity=0.25, drive=(DRIVE_PULSE, 20.0, 3.0))
    assert wall_at(pulse, 0.0) == pytest.approx(1.0, abs=1e-6)
    assert wall_at(pulse, 60.0) == pytest.approx(1.0 + 0.25 * 3.0 * math.sqrt(2.0 * math.pi), abs=1e-6)


def circle(centre, radius, n=720):
    phi = 2.0 * math.pi * np.arange(n) / n
    return centre[0] + radius * np.cos(phi), centre[1] + radius * np.sin(phi), 0.0


def winding(S):
    """Turns of the in-plane part along a closed line."""
    angle = np.arctan2(S[1], S[0])
    turns = np.diff(np.append(angle, angle[0]))
    return np.sum((turns + math.pi) % (2.0 * math.pi) - math.pi) / (2.0 * math.pi)


@pytest.mark.parametrize("circulation", [1, -1])
@pytest.mark.parametrize("polarity", [1, -1])
def test_a_vortex(circulation, polarity):
    p = vortex_parameters((1.0, 2.0), 0.8, 0.5, OMEGA, -1, circulation, polarity)
    t = 0.9
    centre = (1.0 + 0.5 * math.cos(OMEGA * t), 2.0 - 0.5 * math.sin(OMEGA * t))
    np.testing.assert_allclose(S_of(VORTEX, p, (*centre, 0.0), t)[:, 0], [0.0, 0.0, polarity], atol=1e-15)
    x, y, _ = ring = circle(centre, 5.0)
    S = S_of(VORTEX, p, ring, t)
    assert winding(S) == pytest.approx(1.0)
    along = (-(y - centre[1]) * S[0] + (x - centre[0]) * S[1]) / 5.0
    np.testing.assert_allclose(along, circulation, atol=1e-12)


def topological_charge(code, p, half=1.0, n=241, t=0.0):
    """Sum over a grid's triangles of the solid angle of S at their corners, over 4π (Berg and Lüscher)."""
    line = np.linspace(-half, half, n)
    x, y = (a.ravel() for a in np.meshgrid(line, line, indexing="ij"))
    S = S_of(code, p, (x, y, 0.0), t).reshape(3, n, n)
    a, b, c, d = S[:, :-1, :-1], S[:, 1:, :-1], S[:, 1:, 1:], S[:, :-1, 1:]
    return (solid_angle(a, b, c) + solid_angle(a, c, d)) / (4.0 * math.pi)


def solid_angle(a, b, c):
    volume = (a * np.cross(b, c, axis=0)).sum(axis=0)
    below = 1.0 + (a * b).sum(axis=0) + (b * c).sum(axis=0) + (c * a).sum(axis=0)
    return float(np.sum(2.0 * np.arctan2(volume, below)))


@pytest.mark.parametrize("helicity", [0.0, 0.5 * math.pi, 2.0])
@pytest.mark.parametrize("vorticity", [1, -1])
@pytest.mark.parametrize("polarity", [1, -1])
def test_topological_charge_of_a_skyrmion(polarity, vorticity, helicity):
    p = skyrmion_parameters((0.1, -0.2), 1.5, 0.6, helicity, polarity, vorticity, 0.3, OMEGA)
    charge = topological_charge(SKYRMION, p, half=9.0, t=1.1)
    assert charge == pytest.approx(polarity * vorticity, abs=1e-3)


def test_half_a_charge_in_a_vortex():
    p = vortex_parameters((0.0, 0.0), 0.5, polarity=-1)
    assert topological_charge(VORTEX, p, half=6.0) == pytest.approx(-0.5, abs=1e-3)


@pytest.mark.parametrize("polarity", [1, -1])
def test_profile_of_a_skyrmion(polarity):
    p = skyrmion_parameters((0.0, 0.0), 1.5, 0.6, helicity=0.4, polarity=polarity)
    r = np.array([0.0, 1e-9, 0.3, 1.5, 4.0, 1e5])
    with np.errstate(over="ignore"):
        theta = 2.0 * np.arctan2(math.sinh(1.5 / 0.6), np.sinh(r / 0.6))
    S = S_of(SKYRMION, p, (r * math.cos(1.1), r * math.sin(1.1), 0.0))
    across = np.sin(theta)
    expected = [across * math.cos(1.5), across * math.sin(1.5), -polarity * np.cos(theta)]
    np.testing.assert_allclose(S, expected, atol=1e-14)
    assert S[2, 3] == pytest.approx(0.0, abs=1e-15)


@pytest.mark.parametrize("code", [VORTEX, SKYRMION])
def test_smooth_at_the_centre(code):
    """Second differences across the centre do not see it."""
    p = vortex_parameters((0, 0), 0.7) if code == VORTEX else skyrmion_parameters((0, 0), 1.0, 0.7)
    for h in (1e-3, 1e-4):
        x = h * np.arange(-4, 5)
        S = S_of(code, p, (x, 0.37 * h, 0.0))
        third = np.abs(np.diff(S, n=3, axis=1)) / h**3
        assert third.max() < 50.0


def test_crossed_waves_are_periodic():
    p = crossed_waves_parameters(0.8, 3.0, 0.5, 0.25, OMEGA)
    r = np.random.default_rng(1).uniform(0.0, 20.0, (3, 50))
    shifted = (r[0] + 4.0 * math.pi, r[1] - 8.0 * math.pi, r[2] + 1.0)
    np.testing.assert_allclose(
        S_of(CROSSED_WAVES, p, shifted, 2.0), S_of(CROSSED_WAVES, p, r, 2.0), atol=1e-13
    )
    largest = np.linalg.norm(S_of(CROSSED_WAVES, p, (0.0, 0.0, 0.0), 2.0))
    assert largest == pytest.approx(1.0)
