"""Names, shapes, units, errors and numbers of what the general walk's books tell."""

from __future__ import annotations

import math

import numpy as np
import pytest
from fake_scene import CROSSED, ELL, OMEGA, REDUCED, SI, STACK, TAU, UNIFORM, WAVE, books, problem, scene
from shapes import domain_wall_parameters, harmonic_parameters

from mcpump.names import harmonic_names, lines_of
from mcpump.tally.equilibrium import mesh_terms
from mcpump.tally.estimates import Estimate
from mcpump.tally.observables import coordinates, observables, plane_estimates
from mcpump.tally.scales import channels_of, units_of
from mcpump.textures.moving import no_user, texture_field
from mcpump.textures.parameters import DOMAIN_WALL, DRIVE_RAMP, HARMONIC

ALL = ("first", "second", "second_ladder", "exact")
KINDS = {"spin_density": (0, "density"), "torque": (1, "torque"), "spin_current_divergence": (2, "torque")}


def found(model, scales=REDUCED, **options):
    ready = problem(model, scales)
    tally, means = books(ready, **options)
    return observables(ready, tally), means, coordinates(ready)


@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("time_bins", [0, 5])
def test_axes_fit_their_coordinates(axes, time_bins):
    estimates, _, coords = found(scene(axes, time_bins=time_bins))
    for name, estimate in estimates.items():
        for array in (estimate.mean, estimate.stderr):
            assert array is None or array.shape == tuple(
                coords[dim].mean.size if isinstance(coords[dim], Estimate) else len(coords[dim])
                for dim in estimate.dims
            ), name
    clock, mesh = "time" if time_bins else "harmonic", ("x", "y", "z")[:axes]
    assert estimates["spin_density"].dims == ("channel", "part", clock, "component", *mesh)
    assert estimates["spin_current"].dims == ("channel", "part", "direction", clock, "component", *mesh)
    normal = "direction" if axes == 1 else "normal"
    assert estimates["plane_current"].dims == ("channel", "part", normal, clock, "component", "plane")
    assert estimates["static_torque"].dims == (clock, "component", *mesh)
    assert coords["direction"] == mesh
    assert coords["line"] == lines_of(axes)
    assert coords["harmonic"] == harmonic_names(0 if time_bins else 1)
    assert coords[f"{mesh[-1]}_edge"].mean[-1] == (10.0, 6.0, 4.0)[axes - 1]
    assert ("spin_density_mean" in estimates) == (not time_bins)


def test_numbers_come_from_their_place_in_the_books():
    model = scene(2, ALL, harmonics=3)
    estimates, means, _ = found(model, noise=0.0)
    profiles = means[0].reshape(
        2, 5, *model.cells[:2], 5, 7, 3
    )  # part, kind, x, y, channel, harmonic, component
    x, y, channel, harmonic, component = 3, 2, ALL.index("exact"), harmonic_names(3).index("sin2"), 2
    for name, (kind, _) in KINDS.items():
        for part in range(2):
            expected = profiles[part, kind, x, y, channel, harmonic, component]
            assert estimates[name].mean[channel, part, harmonic, component, x, y] == pytest.approx(expected)
    for axis in range(2):
        expected = profiles[:, 3 + axis, x, y, channel, harmonic, component]
        mean = estimates["spin_current"].mean[channel, :, axis, harmonic, component, x, y]
        np.testing.assert_allclose(mean, [*expected, expected.sum()], rtol=1e-12)
    passages = means[1].reshape(2, 3, 5, 7, 3)
    np.testing.assert_allclose(
        estimates["plane_current"].mean[:, :2, 0], np.moveaxis(passages, (0, 1), (1, 4)), rtol=1e-12
    )
    np.testing.assert_allclose(estimates["budget"].mean, means[2].reshape(-1, 5, 7, 3), rtol=1e-12)
    for array in (estimates["spin_density"], estimates["plane_current"], estimates["budget"]):
        channel_axis = array.dims.index("channel")
        first, second, both = (array.mean.take(i, channel_axis) for i in (0, 1, 4))
        np.testing.assert_allclose(both, first + second, rtol=1e-12)


def test_time_bins_lie_last_in_the_books():
    model = scene(2, ("exact",), time_bins=5)
    estimates, means, coords = found(model, noise=0.0)
    profiles = means[0].reshape(2, 5, *model.cells[:2], 5, 3)
    np.testing.assert_allclose(
        estimates["spin_density"].mean[0, :2], np.moveaxis(profiles[:, 0], (-2, -1), (1, 2)), rtol=1e-12
    )
    passages = means[1].reshape(2, 3, 5, 3)
    np.testing.assert_allclose(
        estimates["plane_current"].mean[0, :2, 0], np.moveaxis(passages, 1, -1), rtol=1e-12
    )
    np.testing.assert_allclose(coords["time"].mean, [2, 6, 10, 14, 18])
    assert estimates["budget"].units == "hbar nu J ell"


def test_si_scales_and_units():
    model = scene(1, layers=STACK)
    reduced, _, plain = found(model, noise=0.0)
    si, _, coords = found(model, SI, noise=0.0)
    scales = {
        "spin_density": (SI.density, "J s/m^3"), "spin_current": (SI.current, "J/m^2"), "torque": (SI.torque, "J/m^3"),
        "spin_current_divergence": (SI.torque, "J/m^3"), "plane_current": (SI.current, "J/m^2"),
        "budget": (SI.current, "J/m^2"), "spin_density_mean": (SI.density, "J s/m^3"), "magnetization": (1.0, "1"),
        "static_polarization": (SI.density, "J s/m^3"), "supercurrent": (SI.current, "J/m^2"),
        "plane_supercurrent": (SI.current, "J/m^2"), "polarization_current": (SI.current, "J/m^2"),
        "static_torque": (SI.torque, "J/m^3"), "spin_potential": (SI.density * ELL**2 / TAU, "J/m"),
    }  # fmt: skip
    for name, (scale, units) in scales.items():
        np.testing.assert_allclose(si[name].mean, scale * reduced[name].mean, rtol=1e-12, atol=1e-300)
        assert si[name].units == units, name
    assert reduced["spin_potential"].units == "hbar nu J v_F ell"
    np.testing.assert_allclose(coords["x"].mean, ELL * plain["x"].mean)
    transient, _, coords = found(scene(1, time_bins=4), SI)
    assert transient["budget"].units == "J s/m^2"
    assert coords["time_edge"].mean[-1] == pytest.approx(20.0 * TAU)


def test_errors_of_totals():
    estimates, _, _ = found(scene(1))
    density, current = estimates["spin_density"], estimates["plane_current"]
    np.testing.assert_allclose(density.stderr[:, 2], np.hypot(density.stderr[:, 0], density.stderr[:, 1]))
    assert np.all((current.stderr > 0.0) & (current.stderr < 0.02 * np.abs(current.mean)))
    covariance = estimates["plane_current_covariance"].mean
    np.testing.assert_allclose(
        covariance[..., 1, 1], np.moveaxis(current.stderr, -1, 0)[1][:, 0, 0] ** 2, rtol=1e-9
    )
    share = estimates["local_share"]
    np.testing.assert_allclose(share.mean, current.mean[:, 0, 0] / current.mean[:, 2, 0])


def test_budget_closes_by_its_signs():
    model = scene(3, ("exact",))
    ready = problem(model)
    tally, means = books(ready, noise=0.0)
    lines = lines_of(3)
    means[2][lines.index("cut")] = means[2][:2].sum(axis=0) - means[2][2:-1].sum(axis=0)
    tally, _ = books(ready, means, noise=0.0)
    assert np.abs(observables(ready, tally)["budget_imbalance"].mean).max() < 1e-12


def test_potential_follows_the_layers():
    estimates, _, _ = found(scene(2, layers=STACK))
    density, potential = estimates["spin_density"], estimates["spin_potential"]
    D = np.where(np.arange(10) < 5, 1.0 / 3.0, 8.0 / 3.0)[:, None]
    np.testing.assert_allclose(potential.mean, D * density.mean)
    np.testing.assert_allclose(potential.stderr, D * density.stderr)
    assert potential.dims == density.dims


def test_mean_density_without_a_sink_comes_from_what_is_stored():
    closed = scene(
        1, ("first",), absorption=(0.0,) * 6, layers=(UNIFORM[0]._replace(gamma_sf=0.0),), harmonics=2
    )
    ready = problem(closed)
    _, means = books(ready, noise=0.0)
    tally, _ = books(ready, means, noise=0.0)
    mean = observables(ready, tally)["spin_density_mean"]
    assert np.isnan(mean.mean[:, 1:, 0]).all()
    assert "DC undefined" in mean.long_name
    lines = lines_of(1)
    stored = (means[2][lines.index("stored")] + means[2][lines.index("cut")]).reshape(5, 3)
    # ∂_t (A cos 2Ωt) = −2ΩA sin 2Ωt
    np.testing.assert_allclose(mean.mean[0, 2, 3], -stored[4] / (2.0 * OMEGA * 10.0))
    np.testing.assert_allclose(mean.mean[0, 2, 4], stored[3] / (2.0 * OMEGA * 10.0))
    np.testing.assert_allclose(mean.mean[0, 2, 1:], mean.mean[0, :2, 1:].sum(axis=0))


def test_ratios_of_channels():
    model = scene(1, ALL)
    estimates, _, _ = found(model)
    current = estimates["plane_current"].mean[:, :, 0]
    np.testing.assert_allclose(estimates["ladder_ratio"].mean, current[2, 1] / current[1, 1])
    np.testing.assert_allclose(estimates["exact_ratio"].mean, current[3, 2] / (current[0, 2] + current[2, 2]))
    assert np.all(estimates["ladder_ratio"].stderr > 0.0)
    assert not {"ladder_ratio", "exact_ratio"} & set(found(scene(1))[0])
    assert channels_of(problem(model)) == (*ALL, "sum")
    assert channels_of(problem(scene(1, ("second", "exact")))) == ("second", "exact")


def test_no_number_for_a_ratio_of_noise():
    estimates, _, _ = found(scene(1, ("second", "second_ladder")), noise=30.0)
    assert np.isnan(estimates["ladder_ratio"].mean).any()


def test_without_planes():
    estimates, _, coords = found(scene(2, planes=()))
    assert not {"plane_current", "local_share", "plane_supercurrent"} & set(estimates)
    assert "plane" not in coords


def test_stop_rule_finds_the_planes():
    ready = problem(scene(1))
    tally, _ = books(ready)
    assert plane_estimates(ready, tally)["plane_current"].mean.shape == (3, 3, 1, 3, 3, 3)


def spiral_terms(x):
    """Harmonics (dc, cos, sin) of S, ∂S, S×∂S, S×∂²S of the spiral 0.8 ẑ + 0.6 (cos φ, sin φ), φ = qx + Ωt."""
    q, s, c = 2.0 * math.pi / 10.0, 0.6, 0.8
    cosine, sine, none = np.cos(q * x), np.sin(q * x), 0.0 * x
    # cos(qx + Ωt) → (cos, −sin), sin(qx + Ωt) → (sin, cos)
    e_r = [np.array([none] * 3), np.array([cosine, sine, none]), np.array([-sine, cosine, none])]
    e_phi = [np.array([none] * 3), np.array([-sine, cosine, none]), np.array([-cosine, -sine, none])]
    z = [np.array([none, none, none + 1.0]), np.zeros((3, x.size)), np.zeros((3, x.size))]
    S = np.array([c * a + s * b for a, b in zip(z, e_r, strict=True)])
    slope = np.array([q * s * a for a in e_phi])
    twist = np.array([q * s * (s * a - c * b) for a, b in zip(z, e_r, strict=True)])
    bend = np.array([-q * q * s * c * a for a in e_phi])
    return S, slope, twist, bend


def test_equilibrium_of_a_spiral():
    model = scene(1, layers=STACK)
    estimates, _, coords = found(model)
    S, slope, twist, bend = spiral_terms(coords["x"].mean)
    nu = np.where(np.arange(10) < 5, 1.0, 3.0)
    D = np.where(np.arange(10) < 5, 1.0 / 3.0, 8.0 / 3.0)
    c = 1e-3 * np.where(np.arange(10) < 5, 1.0, 0.5)  # ν/k_F² ∝ 1/v
    for name, expected in {
        "magnetization": S, "static_polarization": nu * S, "polarization_current": (nu * D * slope)[None],
        "supercurrent": (-c * twist)[None], "static_torque": -c * bend,
    }.items():  # fmt: skip
        scale = np.abs(expected).max()
        np.testing.assert_allclose(estimates[name].mean, expected, atol=2e-8 * scale, err_msg=name)
        assert estimates[name].stderr is None
        assert np.all(estimates[name].mean[..., np.abs(expected).max(axis=-1) < 1e-15 * scale, :] == 0.0), (
            name
        )
    _, _, at_planes, _ = spiral_terms(np.array(model.planes))
    planes = -1e-3 * np.array([1.0, 0.5, 0.5]) * at_planes
    np.testing.assert_allclose(estimates["plane_supercurrent"].mean[0], planes, atol=1e-10)


def test_equilibrium_of_crossed_waves_has_all_directions():
    model = scene(2, harmonics=2)
    estimates, _, coords = found(model)
    x, y = np.meshgrid(coords["x"].mean, coords["y"].mean, indexing="ij")
    q1, q2, s = 2.0 * math.pi / 10.0, 2.0 * math.pi / 6.0, CROSSED[4]
    a, b = s * 0.5 * np.cos(q1 * x), s * (1.0 + 0.4 * np.cos(q2 * y))
    da, db = -q1 * s * 0.5 * np.sin(q1 * x), -q2 * s * 0.4 * np.sin(q2 * y)
    S = estimates["magnetization"].mean
    np.testing.assert_allclose(S[0], [a, 0 * a, 0 * a], atol=1e-14)
    np.testing.assert_allclose(S[1:3], [[0 * a, b, 0 * a], [0 * a, 0 * a, b]], atol=1e-14)
    assert not S[3:].any()
    # S = (a, b cos, b sin): S×∂_xS = (0, b a' sin, −b a' cos), S×∂_yS = (0, −a b' sin, a b' cos)
    super_ = estimates["supercurrent"].mean / -1e-3
    np.testing.assert_allclose(super_[0, 2, 1], b * da, atol=1e-8)
    np.testing.assert_allclose(super_[1, 1, 2], a * db, atol=1e-8)
    assert not super_[:, [0, 3, 4]].any()
    plane = estimates["plane_supercurrent"]
    np.testing.assert_allclose(
        plane.mean[0, 1, 2, 1], 1e-3 * (b * -q1 * s * 0.5 * np.sin(q1 * 5.0)).mean(), atol=1e-10
    )


def test_equilibrium_of_a_transient_is_that_of_the_middle_of_each_bin():
    ramp = harmonic_parameters(
        (0, 0, 0.8), (0.6, 0, 0), (0, 0.6, 0), (0.3, 0, 0), OMEGA, drive=(DRIVE_RAMP, 0.0, 10.0)
    )
    model = scene(1, time_bins=4, parameters=ramp)
    estimates, _, coords = found(model)
    for time_bin, t in enumerate(coords["time"].mean):
        S = texture_field(HARMONIC, ramp, no_user(), coords["x"].mean, 0.5, 0.5, t)
        np.testing.assert_allclose(estimates["magnetization"].mean[time_bin], S, atol=1e-14)


def test_harmonics_of_a_wall_that_oscillates():
    wall = domain_wall_parameters(5.0, 1.0, 0.3, amplitude=0.5, Omega=OMEGA)
    model = scene(1, texture=DOMAIN_WALL, parameters=wall, harmonics=3)
    terms = mesh_terms(problem(model))
    t = np.linspace(0.0, model.period, 400, endpoint=False)
    x = (np.arange(10) + 0.5)[:, None]
    S_z = -np.tanh(x - 5.0 - 0.5 * np.sin(OMEGA * t))
    for n in (1, 2, 3):
        np.testing.assert_allclose(
            terms.S[2 * n, 2], 2.0 * (S_z * np.sin(n * OMEGA * t)).mean(axis=1), atol=1e-12
        )


def test_dimension_and_missing_k_F():
    ready = problem(scene(1))
    flat = ready._replace(supercurrent=math.nan)
    tally, _ = books(flat)
    estimates = observables(flat, tally)
    assert np.isnan(estimates["supercurrent"].mean).all()
    assert np.isnan(estimates["static_torque"].mean).all()
    assert np.isfinite(estimates["polarization_current"].mean).all()
    assert units_of(ready)["potential"] == "hbar nu J v_F ell"
    assert WAVE[0] == 0.0
