"""Tserkovnyak's form, fitted to currents of known form."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fake_scene import CROSSED, OMEGA, REDUCED, SI, TAU, problem, result, scene, shaped
from test_deck import JUNCTION, SPIRAL, changed

from mcpump.constants import HBAR
from mcpump.deck import deck_from_dict
from mcpump.estimates import Estimate
from mcpump.problem import make_problem
from mcpump.pumping import motion_at_planes, pumping_observables
from mcpump.quantities import channels_of
from mcpump.texture_parameters import CROSSED_WAVES

A, B = 2e-7, -5e-8


def current_of(ready, motion, a=A, b=B, error=1e-3):
    """A current a ṅ + b n×ṅ in every channel and part, with errors; per time unit of the deck."""
    rate = 1.0 / ready.scales.time
    j = np.nan_to_num(a * motion.rate + b * motion.twist) * rate
    shape = (len(channels_of(ready)), 3, 1, *j.shape)
    sizes = np.broadcast_to(error * np.abs(j).max() * (j != 0.0), shape)
    dims = ("channel", "part", "direction", "harmonic", "component", "plane")
    return Estimate(np.broadcast_to(j, shape).copy(), sizes.copy(), dims, "J/m^2", "")


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
    found = pumping_observables(ready, current_of(ready, motion_at_planes(ready)))
    np.testing.assert_allclose(found["pumping_a"].mean, A, rtol=1e-6)
    np.testing.assert_allclose(found["pumping_b"].mean, B, rtol=1e-6)
    np.testing.assert_allclose(found["pumping_chi2"].mean, 0.0, atol=1e-9)
    assert (found["pumping_a"].stderr > 0.0).all()
    for name in ("mixing_conductance", "mixing_conductance_dc"):
        np.testing.assert_allclose(found[name].mean, 4.0 * math.pi * B / HBAR, rtol=1e-6)
        assert (found[name].stderr > 0.0).all()
        assert found[name].units == "1/m^2"
    assert found["pumping_a"].units == "J s/m^2"


def test_effective_mixing_conductance_of_row_13():
    # g = 1e19 /m² at 10 GHz and 1°: 1.60604e-9 J/m² of DC
    ready = problem(scene(), SI)
    current = current_of(ready, motion_at_planes(ready), 0.0, HBAR * 1e19 / (4.0 * math.pi))
    found = pumping_observables(ready, current)
    np.testing.assert_allclose(found["mixing_conductance_dc"].mean, 1e19, rtol=1e-6)
    dc = current.mean[0, 2, 0, 0, 2, 0] / (OMEGA / TAU * 0.36)
    row = dc * 2.0 * math.pi * 1e10 * math.sin(math.radians(1.0)) ** 2
    assert row == pytest.approx(1.60604e-9, rel=1e-5)


def test_goodness_tells_another_form():
    ready = problem(scene())
    current = current_of(ready, motion_at_planes(ready))
    current.mean[..., 0, 0, :] += 10.0 * current.stderr.max()
    current.stderr[..., 0, 0, :] = current.stderr.max()
    found = pumping_observables(ready, current)
    # one number of six lies 10 errors off; two were fitted
    np.testing.assert_allclose(found["pumping_chi2"].mean, 100.0 / 4.0, rtol=1e-6)


def test_what_is_not_known_is_nan():
    ready = problem(scene())
    current = current_of(ready, motion_at_planes(ready))
    current.mean[..., 0] = current.stderr[..., 0] = 0.0  # a closed face
    found = pumping_observables(ready, current)
    assert np.isnan(found["pumping_b"].mean[0])
    assert np.isfinite(found["pumping_b"].mean[1:]).all()
    assert np.isnan(found["mixing_conductance"].mean).all()  # a reduced deck
    assert found["pumping_a"].units == "hbar nu J ell"
    current.stderr[:] = np.nan  # fewer than 16 blocks
    found = pumping_observables(ready, current)
    np.testing.assert_allclose(found["pumping_b"].mean[1:], B, rtol=1e-6)
    assert np.isnan(found["pumping_b"].stderr).all()
    assert np.isnan(found["pumping_chi2"].mean).all()


def test_nothing_is_fitted_where_nothing_pumps():
    transient = problem(scene(time_bins=5))
    assert pumping_observables(transient, None) == {}
    field_alone = problem(scene(1, (), slots=(-1,) * 4, hall_slot=0))
    assert pumping_observables(field_alone, None) == {}
    still = problem(scene(time_step=0.0))
    assert pumping_observables(still, None) == {}


def test_means_over_a_plane():
    ready = problem(scene(2, texture=CROSSED_WAVES, parameters=CROSSED))
    motion = motion_at_planes(ready)
    assert motion.rate.shape == (3, 3, 3)
    assert np.isfinite(motion.rate).all()


@pytest.mark.parametrize("scales", [SI, REDUCED])
def test_every_run_with_planes_has_the_fit(scales):
    ready = problem(scene(), scales)
    estimates = result(ready, shaped(ready)).estimates
    for name in ("pumping_a", "pumping_b", "pumping_chi2", "mixing_conductance", "mixing_conductance_dc"):
        assert estimates[name].dims == ("plane",)
        assert estimates[name].mean.shape == (3,)
