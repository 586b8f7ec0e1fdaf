"""Problems: the same physics in any units, scales, regime numbers, plans."""

import math
from pathlib import Path

import numpy as np
import pytest
from decks import GONE, JUNCTION, PULSE, SPIRAL, STOP, changed
from shapes import texture_at

from mcpump.constants import HBAR
from mcpump.deck.read import deck_from_dict, read_deck
from mcpump.machine import cores
from mcpump.problem import scene
from mcpump.problem.effort import mean_flights, memory_bytes
from mcpump.problem.reduce import check_report, make_problem
from mcpump.problem.scene import Scene
from mcpump.problem.texture import triad
from mcpump.textures.shapes import ENVELOPE_COSINE, ENVELOPE_TANH, Precession

MODULATED = {
    "kind": "modulated", "mean": 0.0, "depth": 1.0, "wavelength": 5.0, "cone_angle": 0.2, "frequency": 0.01,
}  # fmt: skip


def problem(deck, **changes):
    return make_problem(deck_from_dict(changed(deck, **changes), "a.toml"))


def assert_same(a: Scene, b: Scene, tolerance=1e-13):
    assert a.precession is not None
    assert b.precession is not None
    assert_close(Precession._fields, a.precession, b.precession, tolerance)
    assert_close(Scene._fields, a, b, tolerance)


def assert_close(names, a, b, tolerance):
    for name, x, y in zip(names, a, b, strict=True):
        x, y = (np.hstack([np.hstack(layer) for layer in z]) if name == "layers" else z for z in (x, y))
        np.testing.assert_allclose(x, y, rtol=tolerance, atol=0.0, err_msg=name)


def test_metres_nanometres_and_reduced_units_give_the_same_model():
    nano = changed(JUNCTION, electrons__spin_diffusion_length="10 nm")
    plain = {
        "electrons": {
            "fermi_wavenumber": "1.36e10 1/m", "mean_free_path": "1e-9 m", "exchange": "0.05 eV",
            "spin_diffusion_length": "1e-8 m",
        },
        "sample": {"x": {"length": "4e-8 m", "cells": 80, "left": "specular", "right": "absorbing"}},
        "texture": {
            "kind": "junction", "interface": "2e-8 m", "width": "3e-9 m",
            "cone_angle": "0.17453292519943295 rad",
            "angular_frequency": "62831853071.79586 1/s",
        },
        "results": {"planes": ["4e-8 m", "0 m", "2e-8 m"]},
        "run": {"walkers": 1000},
    }  # fmt: skip
    first = problem(nano)
    assert_same(first.scene, problem(plain).scene)
    femto = changed(nano, texture__frequency=GONE, texture__angular_frequency=f"{2e-5 * math.pi:.17g} /fs")
    assert_same(first.scene, problem(femto).scene)
    reduced = {
        "units": "reduced",
        "electrons": {"fermi_wavenumber": 13.6, "exchange": first.scene.exchange, "spin_diffusion_length": 10},
        "sample": {"x": {"length": 40, "cells": 80, "left": "specular", "right": "absorbing"}},
        "texture": {
            "kind": "junction", "interface": 20, "width": 3, "cone_angle": "10 deg",
            "frequency": 1e10 * first.scales.time,
        },
        "results": {"planes": [0, 20, 40]},
        "run": {"walkers": 1000},
    }  # fmt: skip
    other = problem(reduced)
    assert_same(first.scene, other.scene)
    assert other.supercurrent == pytest.approx(first.supercurrent, rel=1e-13)
    assert other.scene.exchange == pytest.approx(first.scene.exchange, rel=1e-13)
    for key in set(first.regime) - {"D", "sigma"}:
        assert other.regime[key][0] == pytest.approx(first.regime[key][0], rel=1e-12, nan_ok=True), key


def test_junction_numbers():
    p = problem(JUNCTION, electrons__spin_diffusion_length="10 nm")
    m = p.scene
    assert (m.absorption[:2], m.specularity[0], m.cells, m.harmonics) == ((0.0, 1.0), 1.0, (80, 1, 1), 1)
    assert m.precession.envelope == ENVELOPE_TANH
    np.testing.assert_allclose(m.precession.envelope_parameters, [20, 3, 0, 0], rtol=1e-14)
    assert m.lengths[0] == pytest.approx(40, rel=1e-14)
    assert m.planes[-1] == m.lengths[0]  # exactly: the face is found by ==
    assert m.layers[0].gamma_sf == pytest.approx(1 / 300, rel=1e-14)
    assert m.t_max == math.inf
    assert list(p.regime) == [
        "ell/lambda", "J tau/hbar", "Omega tau", "tau/tau_sf", "k_F ell", "D", "sigma",
        "one-ladder number", "turn angle",
    ]  # fmt: skip
    assert math.isnan(p.regime["one-ladder number"][0])  # that of a plane wave is not a junction's
    values = {key: entry[0] for key, entry in p.regime.items()}
    assert values["ell/lambda"] == pytest.approx(1 / 3)
    assert values["J tau/hbar"] == pytest.approx(0.0482, rel=1e-3)
    assert values["Omega tau"] == pytest.approx(3.99e-5, rel=1e-3)
    assert values["turn angle"] == pytest.approx(28.95, rel=1e-3)
    assert not p.warnings
    assert any('"exact" in results.channels keeps all orders' in note for note in p.notes)
    assert p.walkers == 16 * 4096
    assert (m.first_flights, m.score_interval) == (1, 0)
    assert m.channels == ("first", "second")


def test_scales_lead_back_to_si():
    p = problem(JUNCTION)
    s, e = p.scales, 1.602176634e-19
    assert s.density == pytest.approx(HBAR * 9.0418e27 / e * 0.05 * e, rel=1e-5)
    assert s.current == pytest.approx(s.density * 1.57444e6, rel=1e-5)
    assert s.torque == pytest.approx(s.density / 0.63515e-15, rel=1e-5)
    assert s.charge_per_spin == pytest.approx(2 * e / HBAR)
    # Row 8 of the reference numbers: coefficients of Eq. (17) are in the ratio 1.304e-4.
    D = 1.0 / 3.0
    assert p.supercurrent / D == pytest.approx(1.304e-4, rel=1e-3)
    # Row 5: first-order amplitude ħνJΩ sinθ/q at a wavelength of 20 nm.
    amplitude = s.density * 2 * math.pi * 1e10 * math.sin(math.radians(10)) * 20e-9 / (2 * math.pi)
    assert amplitude == pytest.approx(1.6558e-6, rel=1e-4)


@pytest.mark.parametrize(("dimension", "sign"), [(1, -1), (2, 0), (3, 1)])
def test_supercurrent_by_dimension(dimension, sign):
    p = problem(SPIRAL, electrons__dimension=dimension, electrons__fermi_wavenumber=10)
    assert p.supercurrent == pytest.approx(sign * 0.05 / 600)
    assert math.isnan(problem(SPIRAL, electrons__dimension=dimension).supercurrent)


def test_one_ladder_number_of_the_reference_spiral():
    x = 2 * math.pi / 20
    p = problem(
        SPIRAL,
        texture__wavelength=20,
        sample__x__length=20,
        electrons__exchange=0.04825,
        texture__frequency=1e-9,
    )
    assert p.regime["one-ladder number"][0] == pytest.approx(2 * 0.04825 / (1 - math.atan(x) / x), rel=1e-4)
    assert p.regime["one-ladder number"][0] == pytest.approx(3.1, rel=0.01)
    assert p.scales.charge_per_spin == 0.0


def test_textures():
    x = np.array([0.3, 2.0])
    p = problem(
        SPIRAL, texture__wavelength=GONE, texture__wavenumber=-2 * math.pi / 5, texture__cone_angle=0.7
    )
    q, Omega, t = -2 * math.pi / 5, 2 * math.pi * 0.01, 3.0
    phase = q * x + Omega * t
    expected = [math.sin(0.7) * np.cos(phase), math.sin(0.7) * np.sin(phase), math.cos(0.7) + 0 * x]
    np.testing.assert_allclose(texture_at(p.scene.precession, x, t), expected, rtol=1e-12)
    modulated = {
        "kind": "modulated", "mean": 0.5, "depth": 0.2, "wavelength": 5.0, "cone_angle": 0.2,
        "frequency": 0.01, "phase": "90 deg", "ellipticity": 0.0, "axis": [1, 0, 0],
    }  # fmt: skip
    m = problem(SPIRAL, texture=modulated).scene.precession
    assert m.envelope == ENVELOPE_COSINE
    np.testing.assert_allclose(m.envelope_parameters, [0.5, 0.2, 2 * math.pi / 5, math.pi / 2])
    np.testing.assert_allclose(m.C, [math.cos(0.2), 0, 0])
    assert m.Q == (0.0, 0.0, 0.0)
    assert problem(JUNCTION, texture__width="0 nm").regime["ell/lambda"][0] == math.inf


@pytest.mark.parametrize(
    "axis", [[0, 0, 1], [1, 0, 0], [0, 1, 0], [1, 2, -3], [1e-30, 0, -1e-30], [0, 0, -2]]
)
def test_triads_are_right_handed(axis):
    e1, e2, e3 = triad(np.array(axis, dtype=float))
    np.testing.assert_allclose([e1 @ e1, e2 @ e2, e3 @ e3], 1, rtol=1e-14)
    np.testing.assert_allclose([e1 @ e2, e2 @ e3, e3 @ e1], 0, atol=1e-15)
    np.testing.assert_allclose(np.cross(e1, e2), e3, atol=1e-15)
    assert e3 @ np.array(axis) > 0


def test_triad_of_z_is_exact():
    np.testing.assert_array_equal(triad(np.array([0.0, 0.0, 5.0])), np.eye(3))


def test_age_limit_without_a_sink():
    p = problem(SPIRAL)
    q = 2 * math.pi / 10
    assert math.exp(-q * q / 3 * p.scene.t_max) == pytest.approx(1e-6)
    assert any(f"t_max = {p.scene.t_max:.4g}" in note for note in p.notes)
    closed = problem(SPIRAL, sample__x__left="specular", sample__x__right="diffuse")
    assert closed.scene.t_max == pytest.approx(4 * p.scene.t_max)
    assert problem(SPIRAL, electrons__spin_relaxation_time=50).scene.t_max == math.inf
    assert problem(SPIRAL, sample__x__left="specular", sample__x__right="absorbing").scene.t_max == math.inf
    assert problem(
        SPIRAL, sample__x__length=1.0, texture__wavelength=1.0, results__planes=[]
    ).scene.t_max == pytest.approx(6 * math.log(10))
    assert p.scene.periodic[0]


def test_pulse():
    p = problem(PULSE, pulse__spin=[0, 1, 2])
    m = p.scene
    assert m.pulse
    assert not m.from_collisions
    assert (m.initial, m.initial_x, m.initial_spin) == (scene.PLANE, 5.0, (0, 1, 2))
    assert (m.t_end, m.time_bins, m.harmonics) == (4.0, 4, 0)
    assert m.channels == ("first",)


def test_plan():
    assert mean_flights(problem(SPIRAL, electrons__spin_relaxation_time=5000).scene) == pytest.approx(5000)
    m = problem(SPIRAL, electrons__spin_relaxation_time=5000).scene
    assert (m.first_flights, m.score_interval) == (1, 0)
    m = problem(
        SPIRAL, electrons__spin_relaxation_time=5000, run__first_flights=2, run__score_interval=64
    ).scene
    assert (m.first_flights, m.score_interval) == (2, 64)
    assert problem(SPIRAL, run__max_flights=1e4).scene.max_flights == 10**4
    assert problem(SPIRAL, run__walkers=70000, run__walkers_per_block=1000).walkers == 70000


def test_warnings():
    p = problem(SPIRAL, electrons__exchange=0.3, electrons__fermi_wavenumber=2.0, texture__frequency=0.1)
    for part in ("Jτ/ħ = 0.3", "Ωτ = 0.628", "1/(k_F ℓ) = 0.5"):
        assert any(part in text for text in p.warnings)
    assert any("(2Jτ/ħ)/(1 − K)" in text for text in p.notes)
    small = problem(SPIRAL, electrons__exchange=0.05, electrons__spin_relaxation_time=5)
    assert any("(2Jτ/ħ)/(1 − K)" in text for text in small.warnings)
    assert not problem(SPIRAL, results__channels=["first"]).warnings


@pytest.mark.parametrize(
    ("changes", "known"),
    [
        ({}, True),
        ({"electrons__dimension": 2}, True),
        ({"texture": {**MODULATED, "mean": 0.0}}, True),
        ({"texture": {**MODULATED, "mean": 0.2}}, False),
        ({"sample__x__left": "specular", "sample__x__right": "specular"}, False),
        ({"sample__x__left": "specular", "sample__x__right": "absorbing"}, False),
        ({"layer": [{"start": 2.5, "spin_relaxation_time": 5}, {"start": 7.5}]}, False),
    ],
)
def test_what_a_ladder_adds_is_told_where_it_is_known(changes, known):
    """1/|1 − K| is a plane wave's: between faces spins come back, in closed films 3 to 5 times as often."""
    given = {"electrons__spin_relaxation_time": 50, "results__channels": ["second", "second_ladder"]}
    p = problem(SPIRAL, **given, **changes)
    [note] = [note for note in p.notes if "ladder between the two exchange vertices" in note]
    assert ("is about" in note) == known
    assert math.isfinite(p.regime["one-ladder number"][0]) == known
    assert any("(1 − K)" in text for text in (*p.notes, *p.warnings)) == known
    told = (
        f"spins turn {p.regime['turn angle'][0]:.3g} rad during their stay, up to 5 rad where they come back"
    )
    assert any(told in note for note in p.notes) != known
    if not known:
        lasting = problem(SPIRAL, **{**given, "electrons__spin_relaxation_time": "none"}, **changes)
        assert any("during their stay, or more where they come back" in note for note in lasting.notes)


def test_spins_that_relax_where_they_are_turn_no_further():
    closed = {"sample__x__left": "specular", "sample__x__right": "specular"}
    p = problem(SPIRAL, electrons__spin_relaxation_time=1, electrons__exchange=0.15, **closed)
    assert any("spins turn 0.3 rad during their stay: `second` keeps one" in note for note in p.notes)


def test_ladder_of_the_film_has_no_forecast():
    deck = read_deck(Path(__file__).parents[2] / "run" / "yig_penetration.toml")
    p = make_problem(deck)
    assert not any("times `second`" in text or "(1 − K)" in text for text in (*p.notes, *p.warnings))
    # 3.5 to 5.6 times `second`, the run says: spins of the film turn by more than the 0.04 rad within λ²/D
    assert p.regime["turn angle"][0] < 0.05
    assert any("rad during their stay, up to 2.79 rad where they come back" in note for note in p.notes)


def test_stop_rule_is_on_its_plane():
    stop = {**STOP, "at": 5.0000000001}
    rule = problem(SPIRAL, run__stop=stop).stop
    assert rule == (STOP["quantity"], 5.0, 0.01, 10**6)


def test_same_thing_said_twice_is_noted():
    p = problem(JUNCTION, texture__angular_frequency="63e9 rad/s")
    assert p.scene.Omega == pytest.approx(2e10 * math.pi * p.scales.time)
    assert "texture.angular_frequency agrees with texture.frequency to 1 %; frequency is used" in p.notes


def test_report_and_memory():
    p = problem(JUNCTION)
    text = check_report(p)
    for part in ("a.toml", "sigma", "S/m", "note:", "memory", "time about", "65536 in 16 blocks"):
        assert part in text
    assert memory_bytes(p.scene._replace(cells=(10**6, 1, 1))) > 1e8 + memory_bytes(p.scene)


def test_time_estimate():
    """20 ns a flight, 800 ns a birth, shared by the cores, after 15 s of compilation; 10 ns in a pulse."""
    p = problem(SPIRAL, electrons__spin_relaxation_time=5000, run__walkers=10**9)
    seconds = 20.4 + p.walkers * (5000 * 20e-9 + 800e-9) / cores()
    assert f"time about {seconds:.2g} s on" in check_report(p)
    p = problem(PULSE, run__walkers=10**9)
    seconds = 10 + p.walkers * (mean_flights(p.scene) + 1) * 10e-9 / cores()
    assert f"time about {seconds:.2g} s on" in check_report(p)
    p = problem(SPIRAL, run__stop={**STOP, "max_walkers": 10**12})
    assert "time at most about" in check_report(p)


def test_pulse_has_no_numbers_of_a_texture():
    text = check_report(problem(PULSE))
    for absent in ("J tau/hbar", "Omega tau", "turn angle", "nu J"):
        assert absent not in text


STATIC = "the texture is static: it pumps nothing"
PLANE = {"length": "40 nm", "cells": 4, "left": "specular", "right": "specular"}
VORTEX = {"kind": "vortex", "center": ["20 nm", "20 nm"], "core_radius": "5 nm", "frequency": "1 GHz"}
WALL = {"kind": "domain_wall", "center": "20 nm", "width": "5 nm"}
WAVE = {"kind": "modulated", "wavelength": "10 nm", "cone_angle": "10 deg", "frequency": "1 GHz"}


@pytest.mark.parametrize("walk", ["auto", "general"])
@pytest.mark.parametrize(
    ("texture", "static"),
    [
        ({"cone_angle": "0 deg"}, True),
        ({"cone_angle": "180 deg"}, True),
        ({"cone_angle": "3.141592653589793 rad"}, True),
        ({"cone_angle": "90 deg"}, False),
        ({"cone_angle": "1e-9 deg"}, False),
        ({"frequency": "0 Hz"}, True),
        ({"ellipticity": 0}, False),
        ({**WAVE, "mean": 0, "depth": 0}, True),
        ({**WAVE, "mean": 0, "depth": 0.1}, False),
        (WALL, True),
        ({**WALL, "amplitude": "1 nm", "frequency": "0 Hz"}, True),
        ({**WALL, "amplitude": "1e-15 nm", "frequency": "1 GHz"}, True),
        ({**WALL, "amplitude": "1 nm", "frequency": "1 GHz"}, False),
        ({**VORTEX, "gyration_radius": "0 nm"}, True),
        ({**VORTEX, "gyration_radius": "1 nm"}, False),
    ],
)
def test_static_textures_are_told_by_what_they_are(walk, texture, static):
    whole = texture if "kind" in texture else {**JUNCTION["texture"], **texture}
    sample = {**JUNCTION["sample"], **({"y": PLANE} if texture.get("kind") == "vortex" else {})}
    ready = problem({**JUNCTION, "texture": whole, "sample": sample, "run": {"walk": walk}})
    assert (STATIC in ready.notes) == static
    assert (ready.scene.time_step == 0.0) == static
    assert not (static and ready.scene.from_collisions)


def test_what_is_left_of_a_right_angle_is_rounding():
    for angle, C, P in (("90 deg", (0, 0, 0), (1, 0, 0)), ("180 deg", (0, 0, -1), (0, 0, 0))):
        texture = problem(JUNCTION, texture__cone_angle=angle).scene.precession
        assert (C, P) == (texture.C, texture.P)
