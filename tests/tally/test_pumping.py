"""Tserkovnyak's form, fitted to currents of known form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from decks import JUNCTION, SPIRAL, changed
from fake_scene import CROSSED, OMEGA, REDUCED, SI, TAU, problem, result, scene, shaped

from mcpump.constants import HBAR
from mcpump.deck.read import deck_from_dict
from mcpump.problem.reduce import make_problem
from mcpump.problem.scene import Magnet
from mcpump.tally.damping import damping_observables
from mcpump.tally.pumping import motion_at_planes, pumping_observables
from mcpump.tally.scales import channels_of
from mcpump.tally.tally import Groups
from mcpump.textures.parameters import CROSSED_WAVES

A, B = 2e-7, -5e-8


NOISE = 1.0 + 0.01 * np.random.default_rng(3).normal(size=(64, 2))
NOISE -= NOISE.mean(axis=0) - 1.0


def current_of(ready, motion, a=A, b=B):
    """Groups of a current a ṅ + b n×ṅ in every channel and part, a and b scattering by 1 %; per time unit of the deck."""
    rate = 1.0 / ready.scales.time
    j = [np.nan_to_num(one * part) * rate for one, part in zip((a, b), motion, strict=True)]
    noisy = np.einsum("gi,i...->g...", NOISE, np.array(j))
    shape = (64, 3, len(channels_of(ready)), *j[0].shape)
    return Groups(np.broadcast_to(noisy[:, None, None], shape).copy(), np.ones(64))


def no_budget(ready):
    """Groups of a budget without torque."""
    return Groups(np.zeros((64, 7, len(channels_of(ready)), 3, 3)), np.ones(64))


def pumped(ready, current):
    return pumping_observables(ready, current, no_budget(ready))


def test_motion_of_a_cone():
    motion = motion_at_planes(problem(scene()))
    # S = (0.6 cos φ, 0.6 sin φ, 0.8), φ = qx + Ωt, qx = 0, π, 2π at the planes
    for plane, sign in enumerate((1.0, -1.0, 1.0)):
        dc, cosine, sine = motion.rate[..., plane] / OMEGA
        np.testing.assert_allclose(dc, 0.0, atol=1e-9)
        np.testing.assert_allclose(cosine, [0.0, sign * 0.6, 0.0], atol=1e-9)
        np.testing.assert_allclose(sine, [-sign * 0.6, 0.0, 0.0], atol=1e-9)
        dc, cosine, sine = motion.twist[..., plane] / OMEGA
        np.testing.assert_allclose(dc, [0.0, 0.0, 0.36], atol=1e-9)
        np.testing.assert_allclose(cosine, [-sign * 0.48, 0.0, 0.0], atol=1e-9)
        np.testing.assert_allclose(sine, [0.0, -sign * 0.48, 0.0], atol=1e-9)


@pytest.mark.parametrize("deck", [SPIRAL, JUNCTION])
def test_both_walks_see_one_motion(deck):
    fast = make_problem(deck_from_dict(deck, "fast"))
    general = make_problem(deck_from_dict(changed(deck, run__walk="general"), "general"))
    for one, other in zip(motion_at_planes(fast), motion_at_planes(general), strict=True):
        np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-6 * np.nanmax(np.abs(one)))


def test_direction_does_not_fade_with_the_magnet():
    # at 20 nm |S| is half of the magnet's, at 40 nm 1e-6 of it
    motion = motion_at_planes(make_problem(deck_from_dict(JUNCTION, "junction")))
    np.testing.assert_allclose(motion.twist[0, 2, :2], motion.twist[0, 2, 0], rtol=1e-9)
    assert np.isnan(motion.rate[..., 2]).all()


@pytest.mark.parametrize("channels", [("first", "second"), ("second",), ("first", "second", "exact")])
def test_a_current_of_this_form_is_recovered(channels):
    ready = problem(scene(1, channels), SI)
    found = pumped(ready, current_of(ready, motion_at_planes(ready)))
    np.testing.assert_allclose(found["pumping_a"].mean, A, rtol=1e-6)
    np.testing.assert_allclose(found["pumping_b"].mean, B, rtol=1e-6)
    assert np.isnan(found["pumping_misfit"].mean).all()  # nothing is left beyond the noise
    for name in ("mixing_conductance", "mixing_conductance_dc"):
        np.testing.assert_allclose(found[name].mean, 4.0 * math.pi * B / HBAR, rtol=1e-6)
        assert found[name].units == "1/m^2"
    assert found["pumping_a"].units == "J s/m^2"


def test_errors_are_those_of_what_walkers_share():
    """Walkers give a and b as wholes: 1 % of scatter of a and of b, however many numbers of the current they make."""
    ready = problem(scene(), SI)
    found = pumped(ready, current_of(ready, motion_at_planes(ready)))
    a, b = NOISE.std(axis=0, ddof=1) / 8.0
    np.testing.assert_allclose(found["pumping_a"].stderr, a * abs(A), rtol=1e-6)
    np.testing.assert_allclose(found["pumping_b"].stderr, b * abs(B), rtol=1e-6)
    for name in ("mixing_conductance", "mixing_conductance_dc"):
        np.testing.assert_allclose(found[name].stderr, b * abs(found[name].mean), rtol=1e-6)


def test_effective_mixing_conductance_of_row_13():
    # g = 1e19 /m² at 10 GHz and 1°: 1.60604e-9 J/m² of DC
    ready = problem(scene(), SI)
    current = current_of(ready, motion_at_planes(ready), 0.0, HBAR * 1e19 / (4.0 * math.pi))
    found = pumped(ready, current)
    np.testing.assert_allclose(found["mixing_conductance_dc"].mean, 1e19, rtol=1e-6)
    dc = current.mean[2, 0, 0, 2, 0] / (OMEGA / TAU * 0.36)
    row = dc * 2.0 * math.pi * 1e10 * math.sin(math.radians(1.0)) ** 2
    assert row == pytest.approx(1.60604e-9, rel=1e-5)


def test_the_torque_on_all_electrons_gives_a_conductance():
    # S×Ṡ of a cone has the DC part Ω sin²θ z everywhere: T = b Ω sin²θ
    ready = problem(scene(), SI)
    budget = no_budget(ready)
    b = HBAR * 1e19 / (4.0 * math.pi)
    budget.sums[:, 1, :, 0, 2] = (b * OMEGA / TAU * 0.36 * NOISE[:, 0])[:, None]
    found = pumping_observables(ready, current_of(ready, motion_at_planes(ready)), budget)
    g = found["mixing_conductance_torque"]
    np.testing.assert_allclose(g.mean, 1e19, rtol=1e-6)
    np.testing.assert_allclose(g.stderr, 1e19 * NOISE[:, 0].std(ddof=1) / 8.0, rtol=1e-6)
    assert g.dims == ("channel",)
    for other in (problem(scene()), problem(scene(2, texture=CROSSED_WAVES, parameters=CROSSED), SI)):
        here = pumping_observables(other, current_of(other, motion_at_planes(other)), no_budget(other))
        assert "mixing_conductance_torque" not in here


def test_misfit_tells_another_form():
    ready = problem(scene())
    current = current_of(ready, motion_at_planes(ready))
    period = np.array([1.0, 0.5, 0.5])[:, None]
    size = math.sqrt((period * current.mean[2, -1, ..., 0] ** 2).sum())
    current.sums[..., 0, 0, :] += 0.1 * size  # a DC current along x, which the form forbids
    found = pumped(ready, current)
    np.testing.assert_allclose(found["pumping_misfit"].mean, 0.1 / math.sqrt(1.01), rtol=1e-6)
    assert (found["pumping_misfit"].stderr > 0.0).all()
    assert (found["pumping_misfit"].stderr < 0.002 * found["pumping_misfit"].mean).all()
    # the same size in noise is no misfit
    current = current_of(ready, motion_at_planes(ready))
    current.sums[..., 0, 0, :] += 0.1 * size * np.random.default_rng(4).normal(size=(64, 1, 1, 1))
    assert np.isnan(pumped(ready, current)["pumping_misfit"].mean).all()


def test_what_is_not_known_is_nan():
    ready = problem(scene())
    current = current_of(ready, motion_at_planes(ready))
    current.sums[..., 0] = 0.0  # a closed face
    found = pumped(ready, current)
    assert np.isnan(found["pumping_b"].mean[:, 0]).all()
    assert np.isfinite(found["pumping_b"].mean[:, 1:]).all()
    assert np.isnan(found["mixing_conductance"].mean).all()  # a reduced deck
    assert found["pumping_a"].units == "hbar nu J ell"
    few = Groups(current.sums[:8], current.counts[:8])
    found = pumping_observables(ready, few, no_budget(ready))
    np.testing.assert_allclose(found["pumping_b"].mean[:, 1:], B * NOISE[:8, 1].mean(), rtol=1e-6)
    assert np.isnan(found["pumping_b"].stderr).all()
    assert np.isnan(found["pumping_misfit"].mean).all()


def test_nothing_is_fitted_where_nothing_pumps():
    for nothing in (
        scene(time_bins=5), scene(1, (), slots=(-1,) * 4, hall_slot=0), scene(time_step=0.0, parameters=(0.0,) * 32),
    ):  # fmt: skip
        ready = problem(nothing)
        none = Groups(np.zeros((64, 3, 4, 3, 3, 3)), np.ones(64))
        assert pumping_observables(ready, none, Groups(np.zeros((64, 7, 4, 3, 3)), np.ones(64))) == {}


def test_means_over_a_plane():
    ready = problem(scene(2, texture=CROSSED_WAVES, parameters=CROSSED))
    motion = motion_at_planes(ready)
    assert motion.rate.shape == (3, 3, 3)
    assert np.isfinite(motion.rate).all()


@pytest.mark.parametrize("scales", [SI, REDUCED])
def test_every_run_with_planes_has_the_fit(scales):
    ready = problem(scene(), scales)
    estimates = result(ready, shaped(ready)).estimates
    for name in ("pumping_a", "pumping_b", "pumping_misfit", "mixing_conductance", "mixing_conductance_dc"):
        assert estimates[name].dims == ("channel", "plane")
        assert estimates[name].mean.shape == (len(channels_of(ready)), 3)


MAGNET = Magnet(800e3, 10e-9, 2.1, 1e-9)
"""Permalloy, 10 nm; what it pumps flows away from the second plane on."""


def test_damping_and_linewidth_of_a_conductance():
    """g = 1e19 /m² on 10 nm of permalloy: α′ = 1.937e-3; at 10 GHz μ₀ΔH = 1.318 mT and Δf = 38.7 MHz at half maximum."""
    ready = problem(scene(), SI)._replace(magnet=MAGNET)
    ready = ready._replace(extents=ready.extents._replace(planes=(0.0, 1e-9, 2e-9)))
    current = current_of(ready, motion_at_planes(ready), 0.0, HBAR * 1e19 / (4.0 * math.pi))
    found = pumped(ready, current)
    found |= damping_observables(ready, found)
    alpha = 2.1 * 9.2740100783e-24 * 1e19 / (4.0 * math.pi * 800e3 * 10e-9)
    assert alpha == pytest.approx(1.937e-3, rel=3e-4)
    damping = found["extra_damping"]
    assert np.isnan(damping.mean[:, 0]).all()
    np.testing.assert_allclose(damping.mean[:, 1:], alpha, rtol=1e-6)
    relative = found["mixing_conductance_dc"].stderr[:, 1:] / 1e19
    np.testing.assert_allclose((damping.stderr / damping.mean)[:, 1:], relative, rtol=1e-6)
    frequency = OMEGA / TAU / (2.0 * math.pi)
    np.testing.assert_allclose(found["linewidth_frequency"].mean[:, 1:], 2.0 * alpha * frequency, rtol=1e-6)
    gamma = 2.1 * 9.2740100783e-24 / HBAR
    np.testing.assert_allclose(
        found["linewidth_field"].mean[:, 1:], 4.0 * math.pi * frequency * alpha / gamma, rtol=1e-6
    )
    assert (found["linewidth_field"].units, found["linewidth_frequency"].units) == ("T", "Hz")
    assert damping_observables(ready._replace(magnet=None), found) == {}
