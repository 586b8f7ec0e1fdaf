"""Textures of the general walk: bounds, rates, periods, winding numbers, drives, and the same bits interpreted."""

import json
import math
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapes import (
    crossed_waves_parameters,
    domain_wall_parameters,
    harmonic_parameters,
    skyrmion_parameters,
    texture_at,
    vortex_parameters,
)
from test_textures import junction, modulated, spiral, uniform

from mcpump.textures.moving import (
    no_user,
    texture_field,
    texture_field_gradient,
    texture_field_laplacian,
    texture_field_rate,
)
from mcpump.textures.parameters import (
    CROSSED_WAVES,
    DOMAIN_WALL,
    DRIVE_PULSE,
    DRIVE_RAMP,
    ENVELOPE_PENETRATION,
    HARMONIC,
    PARAMETERS,
    SKYRMION,
    STEADY,
    USER,
    VORTEX,
    scales_of,
)
from mcpump.textures.shapes import ENVELOPE_TANH

OMEGA = 0.7
PROPERTY = settings(max_examples=60, deadline=None)
CODES = pytest.mark.parametrize("code", [HARMONIC, DOMAIN_WALL, VORTEX, SKYRMION, CROSSED_WAVES])


def numbers(low, high):
    return st.floats(low, high, allow_subnormal=False)


signs = st.sampled_from([-1, 1])
drives = st.one_of(
    st.just(STEADY),
    st.tuples(st.sampled_from([DRIVE_RAMP, DRIVE_PULSE]), numbers(-5.0, 5.0), numbers(0.05, 5.0)),
)
centres = st.tuples(numbers(-5.0, 5.0), numbers(-5.0, 5.0))
places = st.tuples(*[numbers(-1e3, 1e3)] * 3)
near = st.tuples(*[numbers(-8.0, 8.0)] * 3)


@st.composite
def harmonic(draw, drive=drives):
    """A cone about z (turned by nothing: the direction does not matter here) with any wave vector."""
    theta = draw(numbers(0.0, math.pi))
    q = draw(st.tuples(*[numbers(-3.0, 3.0)] * 3))
    code, four = draw(
        st.sampled_from([(0, ()), (1, (2.0, 1.5)), (1, (2.0, 0.0)), (2, (0.3, 0.6, 1.1, 0.4)), (3, (0.8,))])
    )
    C, P, Q = (0.0, 0.0, math.cos(theta)), (math.sin(theta), 0.0, 0.0), (0.0, math.sin(theta), 0.0)
    return harmonic_parameters(C, P, Q, q, OMEGA, code, four, draw(drive))


def walls(drive=drives):
    return st.builds(
        domain_wall_parameters, numbers(-5.0, 5.0), numbers(0.05, 3.0), numbers(-4.0, 4.0), numbers(-1.0, 1.0),
        numbers(-3.0, 3.0), st.just(OMEGA), signs, drive,
    )  # fmt: skip


def vortices(drive=drives):
    return st.builds(
        vortex_parameters, centres, numbers(0.05, 3.0), numbers(0.0, 3.0), st.just(OMEGA), signs, signs, signs,
        drive,
    )  # fmt: skip


def skyrmions(drive=drives):
    return st.builds(
        skyrmion_parameters, centres, numbers(0.1, 5.0), numbers(0.05, 3.0), numbers(-4.0, 4.0), signs, signs,
        numbers(0.0, 3.0), st.just(OMEGA), signs, drive,
    )  # fmt: skip


def waves(drive=drives):
    return st.builds(
        crossed_waves_parameters, numbers(-2.0, 2.0), numbers(-9.0, 9.0), numbers(-3.0, 3.0), numbers(-3.0, 3.0),
        st.just(OMEGA), numbers(-4.0, 4.0), st.none(), drive,
    )  # fmt: skip


FAMILIES = {
    HARMONIC: harmonic,
    DOMAIN_WALL: walls,
    VORTEX: vortices,
    SKYRMION: skyrmions,
    CROSSED_WAVES: waves,
}
UNIT = (DOMAIN_WALL, VORTEX, SKYRMION)


def S_of(code, p, r, t=0.0):
    return texture_field(code, p, no_user(), *r, t)


def rate_of(code, p, r, t, step=1e-3):
    return texture_field_rate(code, p, no_user(), *r, t, step)


def drive_and_slope(p, t):
    """h and dh/dt by the formulas of the module's table."""
    kind, t0, width = p[:3]
    u = (t - t0) / width if width else 0.0
    if kind == DRIVE_RAMP:
        u = min(max(u, 0.0), 1.0)
        return u**3 * (10.0 - 15.0 * u + 6.0 * u**2), 30.0 * u**2 * (1.0 - u) ** 2 / width
    if kind == DRIVE_PULSE:
        h = math.exp(-0.5 * u * u)
        return h, -u / width * h
    return 1.0, 0.0


@CODES
def test_never_longer_than_one(code):
    @PROPERTY
    @given(FAMILIES[code](), places, numbers(-1e3, 1e3))
    def holds(p, r, t):
        assert len(p) == PARAMETERS
        x = abs(r[0]) if code == HARMONIC else r[0]
        length = np.linalg.norm(S_of(code, p, (x, *r[1:]), t), axis=0)[0]
        assert length <= 1.0 + 1e-12
        if code in UNIT:
            assert length == pytest.approx(1.0, abs=1e-12)

    holds()


@CODES
def test_finite_everywhere(code):
    @PROPERTY
    @given(
        FAMILIES[code](), st.sampled_from([-1e9, -1.0, -1e-200, 0.0, 1e-300, 1e-9, 1e9]), numbers(-1e6, 1e6)
    )
    def holds(p, far, t):
        for r in ((far, 0.0, 0.0), (0.0, far, 0.0), (p[4], p[5], far)):
            assert np.isfinite(S_of(code, p, r, t)).all()
            assert np.isfinite(rate_of(code, p, r, t)).all()

    holds()


@CODES
def test_repeats_after_a_period(code):
    still = st.just(STEADY)

    @PROPERTY
    @given(FAMILIES[code](still), near, numbers(-9.0, 9.0))
    def holds(p, r, t):
        if code == DOMAIN_WALL:
            p = (*p[:6], 0.0, *p[7:])  # at rest but for the oscillation
        again = S_of(code, p, r, t + 2.0 * math.pi / OMEGA)
        np.testing.assert_allclose(again, S_of(code, p, r, t), atol=1e-11)

    holds()


@PROPERTY
@given(harmonic(), near, numbers(-9.0, 9.0))
def test_rate_of_the_harmonic_family(p, r, t):
    h, slope = drive_and_slope(p, t)
    f = 1.0
    if p[17] == 1:
        f = 0.5 * (1.0 - math.tanh((r[0] - p[18]) / p[19])) if p[19] else float(r[0] < p[18])
    elif p[17] == 2:
        f = p[18] + p[19] * math.cos(p[20] * r[0] + p[21])
    elif p[17] == ENVELOPE_PENETRATION:
        f = math.exp(min(-r[0] / p[18], 1.0))
    phase = np.dot(p[13:16], r) + OMEGA * t
    P, Q = np.array(p[7:10]), np.array(p[10:13])
    precession = P * math.cos(phase) + Q * math.sin(phase)
    turned = Q * math.cos(phase) - P * math.sin(phase)
    expected = f * (slope * precession + h * OMEGA * turned)
    np.testing.assert_allclose(
        S_of(HARMONIC, p, r, t)[:, 0], f * (np.array(p[4:7]) + h * precession), atol=1e-13
    )
    check_rate(HARMONIC, p, r, t, expected)


def check_rate(code, p, r, t, expected):
    """The difference quotient of a short enough step; a ramp's third derivative jumps at its ends: second order there."""
    step = 2e-3 * min(1.0, scales_of(code, p)[1])
    kink = 30.0 / p[2] ** 3 * step**2 if p[0] == DRIVE_RAMP else 0.0
    amplitude = 1.0 + abs(p[7]) / p[5] if code == DOMAIN_WALL else 3.0
    tolerance = 1e-9 * max(1.0, 1.0 / scales_of(code, p)[1]) + kink * amplitude
    np.testing.assert_allclose(rate_of(code, p, r, t, step)[:, 0], expected, atol=tolerance)


@PROPERTY
@given(walls(), near, numbers(-9.0, 9.0))
def test_rate_of_a_wall(p, r, t):
    X0, width, V, A = p[4:8]
    h, slope = drive_and_slope(p, t)
    moved = t
    if p[0] == DRIVE_RAMP:
        u = min(max((t - p[1]) / p[2], 0.0), 1.0)
        moved = p[2] * (u**6 - 3.0 * u**5 + 2.5 * u**4) + max(t - p[1] - p[2], 0.0)
    elif p[0] == DRIVE_PULSE:
        moved = p[2] * math.sqrt(0.5 * math.pi) * math.erfc(-(t - p[1]) / p[2] / math.sqrt(2.0))
    velocity = V * h + A * (slope * math.sin(OMEGA * t) + h * OMEGA * math.cos(OMEGA * t))
    xi = (r[0] - X0 - V * moved - A * h * math.sin(OMEGA * t)) / width
    sech, tanh = 1.0 / math.cosh(xi), math.tanh(xi)
    transverse = np.array([p[10], p[9], 0.0])
    up = np.array([0.0, 0.0, -p[11]])
    np.testing.assert_allclose(S_of(DOMAIN_WALL, p, r, t)[:, 0], sech * transverse + tanh * up, atol=1e-12)
    expected = (-sech * tanh * transverse + sech**2 * up) * (-velocity / width)
    check_rate(DOMAIN_WALL, p, r, t, expected)


@PROPERTY
@given(waves(), near, numbers(-9.0, 9.0))
def test_rate_of_crossed_waves(p, r, t):
    s, c, b, q1, q2, phi = p[4:10]
    h, slope = drive_and_slope(p, t)
    across = s * (1.0 + b * math.cos(q2 * r[1]))
    cosine, sine = math.cos(OMEGA * t), math.sin(OMEGA * t)
    expected = [s * c * math.cos(q1 * r[0] + phi), across * h * cosine, across * h * sine]
    np.testing.assert_allclose(S_of(CROSSED_WAVES, p, r, t)[:, 0], expected, atol=1e-14)
    rate = [0.0, across * (slope * cosine - h * OMEGA * sine), across * (slope * sine + h * OMEGA * cosine)]
    check_rate(CROSSED_WAVES, p, r, t, rate)


@pytest.mark.parametrize("code", [VORTEX, SKYRMION])
def test_rate_follows_the_centre(code):
    """What gyrates rigidly changes by −(velocity of the centre)·∇S."""

    @PROPERTY
    @given(FAMILIES[code](st.just(STEADY)), near, numbers(-9.0, 9.0))
    def holds(p, r, t):
        length, time = scales_of(code, p)
        R, sense = p[6], p[8]
        velocity = R * OMEGA * np.array([-math.sin(OMEGA * t), sense * math.cos(OMEGA * t)])
        gradient = [
            texture_field_gradient(code, p, no_user(), *r, t, axis, 2e-3 * length)[:, 0] for axis in (0, 1)
        ]
        expected = -velocity[0] * gradient[0] - velocity[1] * gradient[1]
        found = rate_of(code, p, r, t, 2e-3 * min(time, 1.0))[:, 0]
        np.testing.assert_allclose(found, expected, atol=2e-8 * (1.0 + R * OMEGA / length))

    holds()


@pytest.mark.parametrize("code", FAMILIES)
def test_a_halved_step_changes_nothing(code):
    """Fourth order at a step of 1/100 of the shortest time."""

    @PROPERTY
    @given(FAMILIES[code](st.just(STEADY)), near, numbers(-9.0, 9.0))
    def holds(p, r, t):
        time = min(scales_of(code, p)[1], 1.0)
        coarse, fine = (rate_of(code, p, r, t, time / n) for n in (100.0, 200.0))
        np.testing.assert_allclose(coarse, fine, atol=2e-6 / time)

    holds()


@pytest.mark.parametrize("family", [junction, spiral, modulated, uniform])
@pytest.mark.parametrize("t", [0.0, 1.7, -4.0])
def test_textures_in_closed_form_are_harmonic(family, t):
    model = family(axis=[1.0, 2.0, -0.5], ellipticity=0.6)
    p = harmonic_parameters(
        model.C, model.P, model.Q, (model.q, 0.0, 0.0), model.Omega, model.envelope, model.envelope_parameters
    )
    x = np.linspace(0.0, 12.0, 41)
    found = S_of(HARMONIC, p, (x, 0.3, -0.4), t)
    np.testing.assert_allclose(found, texture_at(model, x, t), rtol=0.0, atol=5e-16)


@PROPERTY
@given(harmonic(), near, near, numbers(-9.0, 9.0))
def test_a_spiral_is_constant_across_its_wave_vector(p, r, along, t):
    p = (*p[:17], *[0.0] * 15)  # no envelope
    q = np.array(p[13:16])
    across = np.cross(q, along)
    np.testing.assert_allclose(S_of(HARMONIC, p, np.add(r, across), t), S_of(HARMONIC, p, r, t), atol=1e-12)
    if np.linalg.norm(q) > 1e-3:
        wavelength = 2.0 * math.pi * q / (q @ q)
        np.testing.assert_allclose(S_of(HARMONIC, p, r + wavelength, t), S_of(HARMONIC, p, r, t), atol=1e-9)


@pytest.mark.parametrize(("kind", "width"), [(DRIVE_RAMP, 2.0), (DRIVE_PULSE, 0.6)])
def test_a_drive_is_smooth(kind, width):
    """Two continuous derivatives: second differences over 1/1000 of its width never jump; 0 → 1, or 0 → 1 → 0."""
    p = harmonic_parameters((0,) * 3, (1, 0, 0), (0,) * 3, (0,) * 3, 0.0, drive=(kind, 1.0, width))
    h = 1e-3 * width
    t = 1.0 + width * np.arange(-6000, 6001) / 1000.0
    drive = S_of(HARMONIC, p, (0.0, 0.0, 0.0), t)[0]
    assert drive[0] == pytest.approx(0.0, abs=1e-7)
    assert drive[-1] == pytest.approx(float(kind == DRIVE_RAMP), abs=1e-7)
    assert drive.max() == 1.0
    assert drive.min() >= 0.0
    curvature = np.diff(drive, n=2) / h**2
    assert np.abs(np.diff(curvature)).max() < 61.0 / width**3 * h
    if kind == DRIVE_RAMP:
        assert (drive[t <= 1.0] == 0.0).all()
        assert (drive[t >= 3.0] == 1.0).all()
        assert (np.diff(drive) >= 0.0).all()


@CODES
def test_before_a_ramp_nothing_moves(code):
    late = st.tuples(st.just(DRIVE_RAMP), numbers(1.0, 2.0), numbers(0.5, 2.0))

    @PROPERTY
    @given(FAMILIES[code](late), near, numbers(-5.0, 0.9))
    def holds(p, r, t):
        assert not rate_of(code, p, r, t).any()

    holds()


def test_gradient_and_laplacian_of_a_spiral():
    q = np.array([0.3, -0.5, 0.7])
    p = harmonic_parameters((0,) * 3, (1, 0, 0), (0, 1, 0), q, OMEGA)
    r, t = np.random.default_rng(2).uniform(0.0, 9.0, (3, 40)), 0.6
    phase = q @ r + OMEGA * t
    S = np.array([np.cos(phase), np.sin(phase), np.zeros(40)])
    turned = np.array([-np.sin(phase), np.cos(phase), np.zeros(40)])
    for axis in range(3):
        found = texture_field_gradient(HARMONIC, p, no_user(), *r, t, axis, 1e-2)
        np.testing.assert_allclose(found, q[axis] * turned, atol=1e-9)
    for axes in (1, 2, 3):
        found = texture_field_laplacian(HARMONIC, p, no_user(), *r, t, 1e-2, axes)
        np.testing.assert_allclose(found, -(q[:axes] @ q[:axes]) * S, atol=1e-8)


def test_shapes():
    p = domain_wall_parameters(0.0, 1.0, 0.0)
    assert S_of(DOMAIN_WALL, p, (0.0, 0.0, 0.0)).shape == (3, 1)
    assert S_of(DOMAIN_WALL, p, (np.zeros(7), 0.0, np.zeros(7)), np.zeros(7)).shape == (3, 7)
    assert S_of(DOMAIN_WALL, p, (np.zeros(0), 0.0, 0.0)).shape == (3, 0)
    assert not rate_of(DOMAIN_WALL, p, (0.0, 0.0, 0.0), 0.0, 0.0).any()


def test_scales():
    def cone(**keys):
        return harmonic_parameters((0, 0, 1), (1, 0, 0), (0, 1, 0), **keys)

    infinite = (math.inf, math.inf)
    assert scales_of(HARMONIC, cone(q=(0, 0, 0), Omega=0)) == infinite
    assert scales_of(HARMONIC, cone(q=(0, 3, 4), Omega=-0.5)) == (0.2, 2.0)
    sharp = cone(q=(0, 0, 0), Omega=2.0, envelope_code=ENVELOPE_TANH, envelope_parameters=(5.0, 0.0))
    assert scales_of(HARMONIC, sharp) == (math.inf, 0.5)
    deep = cone(
        q=(0.1, 0, 0), Omega=2.0, envelope_code=ENVELOPE_PENETRATION, envelope_parameters=(0.3,),
        drive=(DRIVE_PULSE, 5.0, 0.25),
    )  # fmt: skip
    assert scales_of(HARMONIC, deep) == (0.3, 0.25)
    assert scales_of(DOMAIN_WALL, domain_wall_parameters(0, 2.0, 0)) == (2.0, math.inf)
    assert scales_of(DOMAIN_WALL, domain_wall_parameters(0, 2.0, 0, velocity=-0.5)) == (2.0, 4.0)
    assert scales_of(DOMAIN_WALL, domain_wall_parameters(0, 2.0, 0, 0, 8.0, 0.5)) == (2.0, 0.5)
    assert scales_of(VORTEX, vortex_parameters((0, 0), 1.0, 4.0, 0.5)) == (1.0, 0.5)
    assert scales_of(SKYRMION, skyrmion_parameters((0, 0), 3.0, 1.0, gyration=0.5, Omega=0.5)) == (1.0, 2.0)
    assert scales_of(CROSSED_WAVES, crossed_waves_parameters(1, 1, 2.0, 0.0, 0.25)) == (0.5, 4.0)
    assert scales_of(USER, (0.0,) * 32) == infinite


SAMPLE = """
import json, sys
from mcpump.textures.moving import no_user, texture_field, texture_field_rate
for code, p, x, y, z, t in json.load(sys.stdin):
    for field in (texture_field(code, tuple(p), no_user(), x, y, z, t),
                  texture_field_rate(code, tuple(p), no_user(), x, y, z, t, 1e-3)):
        print([value.hex() for value in field.ravel().tolist()])
"""


def test_interpreted_bits_are_compiled_bits():
    rng = np.random.default_rng(5)
    cases = []
    for drive in (STEADY, (DRIVE_RAMP, -1.0, 6.0), (DRIVE_PULSE, 1.0, 2.0)):
        cone = ((0.1, 0.2, 0.7), (0.5, 0.1, 0.0), (0.0, 0.4, 0.1), (0.3, -1.1, 0.4), OMEGA)
        envelopes = [(0, ()), (1, (1.0, 0.7)), (1, (1.0, 0.0)), (2, (0.3, 0.5, 1.2, 0.1)), (3, (1.3,))]
        cases += [(HARMONIC, harmonic_parameters(*cone, *envelope, drive)) for envelope in envelopes]
        cases.append((DOMAIN_WALL, domain_wall_parameters(0.3, 0.8, 0.6, 0.2, 1.4, OMEGA, -1, drive)))
        cases.append((VORTEX, vortex_parameters((0.2, 0.1), 0.9, 1.1, OMEGA, -1, -1, 1, drive)))
        cases.append((SKYRMION, skyrmion_parameters((0.2, 0.1), 1.7, 0.4, 0.8, 1, -1, 1.1, OMEGA, 1, drive)))
        cases.append((CROSSED_WAVES, crossed_waves_parameters(0.7, 2.0, 0.9, 1.3, OMEGA, 0.2, None, drive)))
    cases.append((USER, (0.0,) * 32))
    spread = [0.0, *np.exp(rng.uniform(-8.0, 4.0, 30))]
    sample = []
    for code, p in cases:
        r = [(rng.choice([-1.0, 1.0], 31) * rng.permutation(spread)).tolist() for _ in range(4)]
        sample.append((code, p, *r))
    printed = []
    for disable in ("0", "1"):
        environment = {**os.environ, "NUMBA_DISABLE_JIT": disable}
        command = [sys.executable, "-c", SAMPLE]
        done = subprocess.run(
            command, env=environment, input=json.dumps(sample), capture_output=True, text=True, check=True
        )
        printed.append(done.stdout.splitlines())
    assert len(printed[0]) == 2 * len(cases)
    assert printed[0] == printed[1]
