"""Textures: each family against its formula, rates and gradients against finite differences, sharp steps."""

import math

import numpy as np
import pytest
from decks import JUNCTION, SPIRAL, changed
from shapes import texture_at, texture_rate

from mcpump.deck.read import deck_from_dict
from mcpump.problem.reduce import make_problem
from mcpump.textures.shapes import texture_gradient, texture_profile

THETA, OMEGA = 0.6, 0.37
AXES = [(0.0, 0.0, 1.0), (1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (1.0, 2.0, -0.5)]
TIMES = [0.0, 0.3, 1.7, 9.1, -4.0]


def model_of(kind, length=12.0, faces=("specular", "absorbing"), **texture):
    deck = {
        "units": "reduced",
        "electrons": {"exchange": 0.05},
        "sample": {"x": {"length": length, "cells": 12, "left": faces[0], "right": faces[1]}},
        "texture": {"kind": kind, "cone_angle": THETA, "angular_frequency": OMEGA, **texture},
    }
    return make_problem(deck_from_dict(deck)).scene.precession


def junction(**texture):
    return model_of("junction", **{"interface": 5.0, "width": 1.5, **texture})


def spiral(**texture):
    return model_of("spiral", **{"wavenumber": 0.8, **texture})


def modulated(**texture):
    return model_of("modulated", **{"mean": 0.4, "depth": 0.9, "wavenumber": 1.1, "phase": 0.5, **texture})


def uniform(**texture):
    return model_of("uniform", **texture)


FAMILIES = {"junction": junction, "spiral": spiral, "modulated": modulated, "uniform": uniform}
FAMILY = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES.keys())


def places(n=41, length=12.0):
    return np.linspace(0.0, length, n)


@pytest.mark.parametrize("t", TIMES)
def test_junction_is_the_formula(t):
    x = places()
    f = 0.5 * (1.0 - np.tanh((x - 5.0) / 1.5))
    S = np.array([
        f * math.sin(THETA) * math.cos(OMEGA * t),
        f * math.sin(THETA) * math.sin(OMEGA * t),
        f * math.cos(THETA),
    ])  # fmt: skip
    np.testing.assert_allclose(texture_at(junction(), x, t), S, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize("q", [0.8, -0.8])
def test_spiral_is_the_formula(t, q):
    x = places()
    S = np.array([
        math.sin(THETA) * np.cos(q * x + OMEGA * t),
        math.sin(THETA) * np.sin(q * x + OMEGA * t),
        np.full_like(x, math.cos(THETA)),
    ])  # fmt: skip
    np.testing.assert_allclose(texture_at(spiral(wavenumber=q), x, t), S, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("t", TIMES)
def test_modulated_is_the_formula(t):
    x = places()
    f = 0.4 + 0.9 * np.cos(1.1 * x + 0.5)
    S = np.array([
        f * math.sin(THETA) * math.cos(OMEGA * t),
        f * math.sin(THETA) * math.sin(OMEGA * t),
        f * math.cos(THETA),
    ])  # fmt: skip
    np.testing.assert_allclose(texture_at(modulated(), x, t), S, rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("t", TIMES)
def test_uniform_is_the_formula(t):
    S = [math.sin(THETA) * math.cos(OMEGA * t), math.sin(THETA) * math.sin(OMEGA * t), math.cos(THETA)]
    found = texture_at(uniform(), places(), t)
    np.testing.assert_allclose(found, np.repeat(np.array(S)[:, None], 41, axis=1), rtol=1e-13)


def test_wavelength_is_two_pi_over_the_wave_number():
    np.testing.assert_allclose(
        texture_profile(spiral(wavenumber=0.8), places()),
        texture_profile(model_of("spiral", wavelength=2.0 * math.pi / 0.8), places()),
        rtol=1e-12, atol=1e-14,
    )  # fmt: skip


def test_si_decks_have_the_same_texture():
    """The main job's deck, with lengths in nm and the frequency Ω/2π in GHz."""
    problem = make_problem(deck_from_dict(JUNCTION))
    nm, t = np.linspace(0.0, 40.0, 21), 3e-11
    f = 0.5 * (1.0 - np.tanh((nm - 20.0) / 3.0))
    theta, phase = math.radians(10.0), 2.0 * math.pi * 10e9 * t
    S = f * np.array(
        [[math.sin(theta) * math.cos(phase)], [math.sin(theta) * math.sin(phase)], [math.cos(theta)]]
    )
    found = texture_at(problem.scene.precession, nm * 1e-9 / problem.scales.length, t / problem.scales.time)
    np.testing.assert_allclose(found, S, rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("t", TIMES)
@FAMILY
def test_rate_against_finite_differences(family, t):
    model, x, h = family(), places(), 1e-4
    slope = (texture_at(model, x, t + h) - texture_at(model, x, t - h)) / (2.0 * h)
    np.testing.assert_allclose(texture_rate(model, x, t), slope, atol=1e-9)


@pytest.mark.parametrize("t", TIMES)
@pytest.mark.parametrize("axis", AXES)
@FAMILY
def test_rate_is_the_precession_about_the_axis(family, axis, t):
    """Ṡ = Ω e₃ × S for a circular precession, counterclockwise as seen from the tip of the axis."""
    model, x = family(axis=list(axis)), places()
    e3 = np.array(axis) / np.linalg.norm(axis)
    expected = OMEGA * np.cross(e3, texture_at(model, x, t), axis=0)
    np.testing.assert_allclose(texture_rate(model, x, t), expected, rtol=1e-12, atol=1e-14)


@FAMILY
def test_gradient_against_finite_differences(family):
    model, x, h = family(ellipticity=0.6), places(29, 11.9) + 0.03, 1e-4
    slope = (texture_profile(model, x + h) - texture_profile(model, x - h)) / (2.0 * h)
    np.testing.assert_allclose(texture_gradient(model, x), slope, atol=2e-8)


def test_gradient_of_the_junction_is_exact():
    x = places()
    slope = -0.5 / (1.5 * np.cosh((x - 5.0) / 1.5) ** 2)
    gradient = texture_gradient(junction(), x)
    np.testing.assert_allclose(gradient[0, 2], math.cos(THETA) * slope, rtol=1e-9, atol=1e-17)
    np.testing.assert_allclose(gradient[1, 0], math.sin(THETA) * slope, rtol=1e-9, atol=1e-17)


@FAMILY
def test_gradient_has_the_shape_of_the_profile(family):
    for n in (0, 1, 7):
        x = np.linspace(1.0, 11.0, n)
        assert texture_profile(family(), x).shape == (3, 3, n)
        assert texture_gradient(family(), x).shape == (3, 3, n)


@pytest.mark.parametrize("width", [1e-3, 1e-6, 1e-9])
def test_a_sharp_step_is_the_limit_of_a_narrow_wall(width):
    x = np.array([0.0, 1.0, 4.0, 4.9, 5.1, 6.0, 12.0])
    sharp, narrow = junction(width=0.0), junction(width=width)
    np.testing.assert_allclose(texture_profile(narrow, x), texture_profile(sharp, x), rtol=0.0, atol=1e-15)
    assert np.array_equal(texture_gradient(sharp, x), np.zeros((3, 3, len(x))))


def test_a_sharp_step_ends_at_the_interface():
    sharp = junction(width=0.0)
    edge = sharp.envelope_parameters[0]
    S = texture_profile(sharp, np.array([0.0, math.nextafter(edge, 0.0), edge, 12.0]))[0, 2]
    assert list(S) == [math.cos(THETA), math.cos(THETA), 0.0, 0.0]


def test_a_wall_holds_as_much_magnetization_as_the_step():
    x = (np.arange(20000) + 0.5) * (12.0 / 20000)
    for width in (0.0, 0.1, 0.5):
        total = texture_profile(junction(width=width), x)[0, 2].mean() * 12.0
        assert total == pytest.approx(5.0 * math.cos(THETA), rel=1e-4)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("t", TIMES)
def test_magnitude_is_the_envelope(axis, t):
    """|S| = f(x): 1 in the magnet of a junction, 0 in the metal; 1 for a spiral and a uniform precession."""
    x = places()
    magnitudes = {
        junction: 0.5 * (1.0 - np.tanh((x - 5.0) / 1.5)),
        spiral: np.ones_like(x),
        uniform: np.ones_like(x),
        modulated: np.abs(0.4 + 0.9 * np.cos(1.1 * x + 0.5)),
    }
    for family, expected in magnitudes.items():
        S = texture_at(family(axis=list(axis)), x, t)
        np.testing.assert_allclose(np.sqrt((S**2).sum(axis=0)), expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("ellipticity", [1.0, 0.3, 0.0, -1.0, -0.5])
def test_elliptical_precession_about_any_axis(axis, ellipticity):
    """S·e₃ = cosθ stays; across it the tip runs on an ellipse of half axes sinθ and |ε| sinθ."""
    model = uniform(axis=list(axis), ellipticity=ellipticity)
    e3 = np.array(axis) / np.linalg.norm(axis)
    e1 = texture_at(model, np.array([1.0]), 0.0)[:, 0] - math.cos(THETA) * e3
    e1 /= np.linalg.norm(e1)
    e2 = np.cross(e3, e1)
    assert abs(e1 @ e3) < 1e-14
    for t in TIMES:
        S = texture_at(model, np.array([1.0]), t)[:, 0]
        assert S @ e3 == pytest.approx(math.cos(THETA), rel=1e-13)
        assert S @ e1 == pytest.approx(math.sin(THETA) * math.cos(OMEGA * t), rel=1e-12, abs=1e-14)
        assert S @ e2 == pytest.approx(
            ellipticity * math.sin(THETA) * math.sin(OMEGA * t), rel=1e-12, abs=1e-14
        )


def test_axis_need_not_be_a_unit_vector():
    one, other = uniform(axis=[1.0, 2.0, -0.5]), uniform(axis=[1e30, 2e30, -0.5e30])
    np.testing.assert_allclose(
        texture_profile(one, places()), texture_profile(other, places()), rtol=1e-14, atol=1e-16
    )


def test_axis_z_has_no_rounding():
    assert np.array_equal(
        texture_profile(uniform(), np.array([2.0]))[:, :, 0],
        [[0.0, 0.0, math.cos(THETA)], [math.sin(THETA), 0.0, 0.0], [0.0, math.sin(THETA), 0.0]],
    )


@pytest.mark.parametrize("ellipticity", [1.0, 0.4])
@FAMILY
def test_harmonics_are_those_of_a_fourier_transform(family, ellipticity):
    """S_0, S_c, S_s of a period's samples; no harmonic beyond the first."""
    model, x, n = family(ellipticity=ellipticity, axis=[1.0, 2.0, -0.5]), places(9), 16
    t = 2.0 * math.pi / OMEGA * np.arange(n) / n
    spectrum = np.fft.rfft([texture_at(model, x, float(moment)) for moment in t], axis=0) / n
    expected = [spectrum[0].real, 2.0 * spectrum[1].real, -2.0 * spectrum[1].imag]
    np.testing.assert_allclose(texture_profile(model, x), expected, atol=1e-14)
    np.testing.assert_allclose(spectrum[2:], 0.0, atol=1e-14)


def test_a_periodic_sample_repeats():
    model = make_problem(deck_from_dict(changed(SPIRAL, texture__ellipticity=0.5))).scene.precession
    ends = texture_profile(model, np.array([0.0, 5.0, 10.0]))
    np.testing.assert_allclose(ends[:, :, 0], ends[:, :, 2], atol=1e-14)
    np.testing.assert_allclose(ends[:, :, 0], ends[:, :, 1], atol=1e-14)
