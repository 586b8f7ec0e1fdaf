"""Scenes: reduced numbers, the same in any units; which walk takes them, and why; steps, phases, plan, notes."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from decks import (
    AXIS,
    BOX,
    CLOSED,
    GONE,
    HUMP,
    INITIAL,
    JUNCTION,
    MOVES,
    RAMP,
    RING,
    SLAB,
    SPIRAL,
    STACK,
    STOP,
    TRANSIENT,
    WALL,
    changed,
)
from scipy.optimize import brentq
from shapes import texture_at

from mcpump.deck.layer import Layer
from mcpump.deck.read import deck_from_dict, read_deck
from mcpump.errors import InputError
from mcpump.problem.effort import mean_flights, memory_bytes
from mcpump.problem.reduce import check_report, make_problem
from mcpump.problem.scene import Scene
from mcpump.problem.slowest_mode import slowest_rate
from mcpump.textures.moving import no_user, texture_field
from mcpump.textures.parameters import CROSSED_WAVES, DOMAIN_WALL, HARMONIC, SKYRMION, USER, VORTEX

FILM = {"length": 0.1, "cells": 1, "left": "specular", "right": "specular"}
EVERYTHING = ["first", "second", "second_ladder", "exact"]


def problem(deck, **changes):
    return make_problem(deck_from_dict(changed(deck, **changes), "a.toml"))


def scene(deck, **changes):
    return problem(deck, **changes).scene


def plain(value):
    if isinstance(value, tuple):
        return all(plain(part) for part in value)
    return type(value) in (int, float, bool)


@pytest.mark.parametrize("deck", [STACK, RING, BOX, SLAB, TRANSIENT, INITIAL, *MOVES.values()])
def test_a_scene_holds_plain_numbers_only(deck):
    s = scene(deck)
    assert plain(tuple(s)[:-1])
    assert len(s.parameters) == 32


def test_nanometres_and_reduced_units_give_the_same_scene():
    nano = problem(STACK, electrons__spin_diffusion_length="10 nm", sample__y=AXIS | {"length": "8 nm"},
                   results__channels=["exact", "first"])  # fmt: skip
    tau, v_F = nano.scales.time, nano.scales.length / nano.scales.time
    nu = deck_from_dict(STACK).gas.nu
    e = 1.602176634e-19
    reduced = {
        "units": "reduced",
        "electrons": {"fermi_wavenumber": 13.6, "exchange": nano.scene.exchange, "spin_diffusion_length": 10},
        "sample": {
            "x": {"length": 40, "cells": 80, "left": "specular", "right": "absorbing"}, "y": AXIS | {"length": 8},
        },
        "layer": [
            {"start": 10, "transmission": 0.5, "specularity": 0.2, "passage": "diffuse"},
            {"start": 20, "lifetime": 2e-15 / tau, "density_of_states": 20e27 / e / nu},
            {"start": 30, "fermi_velocity": 1e6 / v_F, "spin_relaxation_time": "none"},
        ],
        "texture": {
            "kind": "junction", "interface": 20, "width": 3, "cone_angle": "10 deg", "frequency": 1e10 * tau,
        },
        "results": {"planes": [0, 20, 40], "channels": ["exact", "first"]},
        "run": {"walkers": 1000},
    }  # fmt: skip
    other = problem(reduced)
    for name, a, b in zip(Scene._fields[:-1], nano.scene[:-1], other.scene[:-1], strict=True):
        if name == "layers":
            a, b = ([np.hstack(layer) for layer in layers] for layers in (a, b))
        np.testing.assert_allclose(np.array(a, float), np.array(b, float), rtol=1e-12, err_msg=name)
    assert nano.scene.channels == other.scene.channels == ("first", "exact")
    assert nano.scene.slots == (0, -1, -1, 1)
    assert {key: entry[0] for key, entry in nano.regime.items() if key.startswith("ell/lambda")} == {
        "ell/lambda": pytest.approx(1 / 3), "ell/lambda 2": pytest.approx(1 / 3),
        "ell/lambda 3": pytest.approx(2e-15 / tau / 3), "ell/lambda 4": pytest.approx(1 / 3),
    }  # fmt: skip


def test_layers():
    layers = scene(
        RING,
        sample__x=CLOSED,
        electrons__spin_relaxation_time=100,
        layer=[
            {"start": 2.0, "fermi_velocity": 0.5},
            {"start": 4.0, "lifetime": 4.0, "fermi_velocity": 0.5, "spin_diffusion_length": 2.0},
            {"start": 6.0, "mean_free_path": 0.25, "density_of_states": 3, "spin_relaxation_time": "none"},
        ],
    ).layers
    assert layers[0] == Layer(0.0, 1.0, 1.0, 0.01, 1.0, 1.0, 1.0, True)
    assert layers[1] == Layer(2.0, 0.5, 0.5, 0.01, 1.0, 1.0, 1.0, True)  # ℓ stays, τ doubles, τ_sf stays
    assert layers[2][:5] == pytest.approx(
        (4.0, 0.5, 0.25, (1 / 3) / 4, 1.0)
    )  # D = v²τ/3 = 1/3, τ_sf = λ_s²/D
    assert layers[3][:5] == (6.0, 1.0, 4.0, 0.0, 3.0)


def test_mesh_and_faces():
    s = scene(BOX)
    assert (s.axes, s.cells, s.periodic) == (3, (10, 4, 4), (True, True, False))
    assert s.lengths == (10.0, 10.0, 10.0)
    assert s.absorption == (0.0, 0.0, 0.0, 0.0, 0.0, 0.5)
    assert s.specularity == (1.0,) * 6
    s = scene(
        SPIRAL, run__walk="general", sample__x={**AXIS, "left": "diffuse", "right": {"specularity": 0.3}}
    )
    assert (s.axes, s.cells, s.periodic, s.lengths) == (1, (4, 1, 1), (False, True, True), (10.0, 1.0, 1.0))
    assert s.specularity == (0.0, 0.3, 1.0, 1.0, 1.0, 1.0)


@pytest.mark.parametrize("harmonics", [0, 1, 2])
def test_every_walk_sees_the_same_texture(harmonics):
    """The kernels' texture and its harmonics in closed form, in lanes and in the general walk."""
    modulated = {
        "kind": "modulated", "mean": 0.5, "depth": 0.2, "wavelength": 5.0, "cone_angle": 0.2,
        "frequency": 0.01, "phase": "90 deg", "ellipticity": 0.5, "axis": [1, 2, 0],
    }  # fmt: skip
    x, t = np.array([0.3, 2.0, 7.1]), 3.0
    for deck in (SPIRAL, JUNCTION, changed(SPIRAL, texture=modulated)):
        led = problem(deck, results__harmonics=harmonics).scene
        s = scene(deck, run__walk="general", results__harmonics=harmonics)
        S = texture_field(s.texture, s.parameters, no_user(), x, 0.0, 0.0, t)
        np.testing.assert_allclose(S, texture_at(led.precession, x, t), rtol=1e-12, atol=1e-15)
        assert s.period == pytest.approx(2 * math.pi / led.Omega)
        assert s.precession == led.precession
        assert (s.from_collisions, led.from_collisions) == (False, True)
        for name in ("dimension", "harmonics", "planes", "walkers_per_block", "seed", "t_max"):
            assert getattr(s, name) == pytest.approx(getattr(led, name)), name
        assert (s.time_bins, s.t_end, s.initial) == (0, math.inf, 0)
        assert s.layers[0].gamma_sf == led.layers[0].gamma_sf


def test_a_spiral_along_any_direction():
    s = scene(BOX, texture__direction=[1, -2, 0], texture__wavelength=GONE,
              texture__wavenumber=0.2 * math.pi * math.sqrt(5))  # fmt: skip
    np.testing.assert_allclose(s.parameters[13:16], [0.2 * math.pi, -0.4 * math.pi, 0.0], rtol=1e-12)
    back = problem(SPIRAL, texture__direction=[-3, 0, 0]).scene
    assert back.precession.q == -problem(SPIRAL).scene.precession.q


def test_moving_textures():
    codes = {name: scene(deck).texture for name, deck in MOVES.items()}
    assert codes == {
        "penetration": HARMONIC, "domain_wall": DOMAIN_WALL, "vortex": VORTEX, "skyrmion": SKYRMION,
        "crossed_waves": CROSSED_WAVES,
    }  # fmt: skip

    def S(name, x, y=0.0, t=0.0, **changes):
        s = scene(MOVES[name], **changes)
        return texture_field(s.texture, s.parameters, no_user(), x, y, 0.0, t)[:, 0]

    np.testing.assert_allclose(S("penetration", 4.0), S("penetration", 2.0) / math.e, rtol=1e-12)
    np.testing.assert_allclose(S("domain_wall", 5.0), [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(
        S("domain_wall", 5.5, t=25.0), [1, 0, 0], atol=1e-12
    )  # a quarter of the period
    np.testing.assert_allclose(S("vortex", 5.5, -1.0), [0, 0, -1], atol=1e-12)
    np.testing.assert_allclose(S("skyrmion", 5.0, 5.0), [0, 0, -1], atol=1e-12)
    np.testing.assert_allclose(S("crossed_waves", 1.25), np.array([0, 3, 0]) / math.hypot(0.5, 3), atol=1e-12)
    np.testing.assert_allclose(S("crossed_waves", 1.25, texture__scale=0.1), [0, 0.3, 0], atol=1e-12)


def test_drives():
    assert scene(TRANSIENT).parameters[:4] == (0.0, 0.0, 0.0, 0.0)
    assert scene(TRANSIENT, drive=RAMP).parameters[:4] == (1.0, 0.0, 2.0, 0.0)
    assert scene(TRANSIENT, drive=HUMP).parameters[:4] == (2.0, 2.0, 0.3, 0.0)


def test_transients():
    s = scene(TRANSIENT)
    assert (s.time_bins, s.t_end, s.t_max, s.harmonics, s.time_functions, s.phases) == (
        8,
        4.0,
        math.inf,
        0,
        1,
        8,
    )
    assert s.initial_walkers == 0
    s = scene(INITIAL)
    assert (s.initial, s.initial_spin, s.texture, s.time_step) == (1, (0.0, 0.0, 1.0), HARMONIC, 0.0)
    assert s.initial_walkers == s.walkers_per_block
    assert set(s.parameters) == {0.0}
    s = scene(INITIAL, initial__position=10.0 - 1e-12)
    assert (s.initial, s.initial_x) == (2, 10.0)
    both = changed(TRANSIENT, initial={"spin": [0, 2, 1]})
    assert scene(both).initial_walkers == 2048
    assert scene(both, run__walkers_per_block=6).initial_walkers == 2
    with pytest.raises(InputError, match="walkers_per_block = 2 must be at least 4"):
        problem(both, run__walkers_per_block=2)
    still = changed(both, texture__frequency=0.0)
    assert scene(still).initial_walkers == 4096
    assert scene(still, drive=RAMP).initial_walkers == 2048  # switched on, a static spiral does emit


@pytest.mark.parametrize(
    ("changes", "phases"),
    [
        ({}, 4), ({"results__harmonics": 0}, 4), ({"results__harmonics": 5}, 12),
        ({"results__channels": EVERYTHING, "electrons__spin_relaxation_time": 9}, 3), ({"run__phases": 3}, 3),
        ({"results__harmonics": 16}, 34),
    ],
)  # fmt: skip
def test_phases(changes, phases):
    assert scene(SPIRAL, run__walk="general", **changes).phases == phases


def test_phases_of_other_textures():
    assert scene(MOVES["crossed_waves"]).phases == 4
    assert scene(MOVES["vortex"]).phases == 6


def test_steps_follow_the_texture():
    s = scene(MOVES["crossed_waves"])  # 1/q = 0.796, 1/Ω = 1.59
    assert s.rotation_step == pytest.approx(0.5 / (0.4 * math.pi))
    assert s.time_step == pytest.approx(1e-3 / (0.2 * math.pi))
    assert scene(MOVES["skyrmion"]).time_step == 0.0
    fast = scene(RING, layer=[{"start": 2.0, "fermi_velocity": 4.0}, {"start": 5.0}])
    assert fast.rotation_step == pytest.approx(0.5 * 5 / (2 * math.pi) / 4)
    assert scene(JUNCTION, run__walk="general", texture__width="0 nm").rotation_step == 0.05
    wall = scene(TRANSIENT, texture=WALL, sample__x=CLOSED)
    assert wall.time_step == pytest.approx(1e-3 * 1.0 / 0.01)
    assert scene(SPIRAL, run__walk="general", texture={"kind": "uniform", "cone_angle": 1, "frequency": 0}
                 ).rotation_step == 1.0  # fmt: skip


def test_age_limit_over_axes_and_layers():
    s = scene(BOX, sample__z=AXIS | {"left": "diffuse", "right": "diffuse", "length": 20})
    assert math.exp(-((math.pi / 20) ** 2) / 3 * s.t_max) == pytest.approx(1e-6)
    p = problem(RING)
    assert any(f"t_max = {p.scene.t_max:.4g}" in note for note in p.notes)
    assert scene(BOX).t_max == math.inf
    assert scene(RING, electrons__spin_relaxation_time=9).t_max == math.inf
    sink = [{"start": 2.0, "spin_relaxation_time": 5}, {"start": 5.0}]
    assert scene(RING, layer=sink).t_max == math.inf
    assert scene(TRANSIENT).t_max == math.inf


def rate(layers, length=10.0, periodic=False, dimension=3):
    return slowest_rate(tuple(layers), (length, 1.0, 1.0), (periodic, True, True), dimension, 1)


def layer(start, **changes):
    return Layer(start, 1.0, 1.0, 0.0, 1.0, 1.0, 1.0, True)._replace(**changes)


@pytest.mark.parametrize("periodic", [False, True])
def test_slowest_mode_of_equal_layers_is_that_of_one(periodic):
    one = rate([layer(0.0)], periodic=periodic)
    assert one == pytest.approx(((2 if periodic else 1) * math.pi / 10) ** 2 / 3)
    assert rate([layer(0.0), layer(3.0), layer(4.0)], periodic=periodic) == pytest.approx(one, rel=1e-3)


def test_slowest_mode_behind_a_barrier():
    """Two halves that hardly exchange: rate = c v T (1/L₁ + 1/L₂), c = 1/4."""
    T = 1e-3
    assert rate([layer(0.0), layer(4.0, transmission=T)]) == pytest.approx(
        0.25 * T * (1 / 4 + 1 / 6), rel=0.01
    )
    dense = rate([layer(0.0), layer(4.0, transmission=T, nu=2.0)])
    assert dense == pytest.approx(0.25 * T * (1 / 4 + 1 / 12), rel=0.01)


def test_slowest_mode_of_two_metals():
    """μ = A cos k₁x | B cos k₂(L − x), k² = rate/D: 1/(ν₁D₁k₁ tan k₁a) + 1/(ν₂D₂k₂ tan k₂b) = R."""
    pair = [layer(0.0), layer(4.0, rate=2.0, nu=3.0, transmission=1.0)]
    # 1/3 of what comes from the right passes, which leaves a resistance (1 − 2/3)/(c ν₁v₁)
    R = (1 - 0.5 * (1 + 1 / 3)) / 0.25

    def mismatch(rate):
        k1, k2 = math.sqrt(3 * rate), math.sqrt(6 * rate)
        return 3 / (k1 * math.tan(4 * k1)) + 2 / (k2 * math.tan(36 * k2)) - R

    exact = brentq(mismatch, 0.4 * (math.pi / 36) ** 2 / 6, 0.999 * (math.pi / 36) ** 2 / 6)
    assert rate(pair, length=40.0) == pytest.approx(exact, rel=1e-3)


def test_no_faster_than_scattering():
    assert rate([layer(0.0)], length=0.1) == 1.0
    assert rate([layer(0.0)], length=0.1, dimension=1) == 0.5


USER_FILE = (
    "import math\ndef S(x, y, z, t):\n    a = {q} * x + {w} * t\n    return math.cos(a), math.sin(a), 0.0\n"
)


def user_deck(tmp_path, text=USER_FILE, **changes):
    (tmp_path / "spiral.py").write_text(text.format(q=0.4 * math.pi, w=0.02 * math.pi), encoding="utf-8")
    deck = changed(SPIRAL, texture={"kind": "user", "file": "spiral.py", "frequency": 0.01})
    return deck_from_dict(changed(deck, **changes), "a.toml", tmp_path)


def test_user_texture(tmp_path):
    p = make_problem(user_deck(tmp_path))
    assert p.scene.texture == USER
    assert Path(p.program.path) == tmp_path / "spiral.py"
    assert p.scene.period == pytest.approx(100)
    assert p.scene.time_step == pytest.approx(1e-3 * 100 / 8)
    assert p.scene.rotation_step == 0.5
    assert p.regime["ell/lambda"][0] == pytest.approx(0.4 * math.pi)
    p = make_problem(user_deck(tmp_path, texture__length_scale=0.5, texture__time_scale=2.0))
    assert (p.scene.rotation_step, p.scene.time_step) == (0.25, 0.002)
    p = make_problem(user_deck(tmp_path, texture__frequency=GONE, results={"end": 5.0}))
    assert p.scene.time_step == pytest.approx(5e-5)
    assert p.scene.time_bins == 1


def test_user_texture_is_found_beside_the_deck(tmp_path, monkeypatch):
    deck = user_deck(tmp_path)
    path = tmp_path / "deck.toml"
    path.write_text(deck.resolved, encoding="utf-8")
    monkeypatch.chdir("/")
    assert make_problem(read_deck(path)).scene == make_problem(deck).scene


@pytest.mark.parametrize(
    ("text", "changes", "part"),
    [
        ("def S(x, y, z, t):\n    return 2.0, 0.0, 0.0\n", {}, "may not be longer than 1"),
        ("def T(x, y, z, t):\n    return 0.0, 0.0, 0.0\n", {}, "must define S(x, y, z, t)"),
        (USER_FILE, {"texture__frequency": 0.02}, "does not repeat after the period"),
        (USER_FILE, {"sample__x__length": 12.0}, "does not repeat after the sample's length along x"),
        (USER_FILE, {"texture__file": "no.py"}, "cannot be read"),
        (USER_FILE, {"drive": RAMP, "results": {"end": 1.0}}, "its own time"),
    ],
)
def test_user_textures_that_cannot_be_used(tmp_path, text, changes, part):
    with pytest.raises(InputError) as caught:
        make_problem(user_deck(tmp_path, text, **changes))
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_notes_on_channels():
    lasting = changed(SPIRAL, electrons__spin_relaxation_time=1e9)
    p = problem(lasting, results__channels=EVERYTHING, texture__frequency=1e-9)
    x = 2 * math.pi / 5
    factor = 1 / (1 - math.atan(x) / x)
    assert any(f"`second_ladder` is about {factor:.4g} times `second`" in note for note in p.notes)
    strong = problem(lasting, results__channels=["exact"], electrons__exchange=1.8)
    assert not strong.warnings
    assert problem(lasting, results__channels=["exact", "first"], electrons__exchange=1.8).warnings
    general = problem(BOX, run__walk="general", run__score_interval=4)
    assert any("score_interval" in note for note in general.notes)
    assert not any("not used" in note for note in problem(BOX, run__score_interval=4).notes)
    for deck, used in ((SPIRAL, False), (BOX, True)):  # ordinates, rays
        notes = problem(deck, run__phases=4).notes
        assert any("run.phases is not used" in note for note in notes) != used
        assert not any("run.first_flights" in note for note in problem(deck, run__first_flights=4).notes)
    assert any("static" in note for note in problem(BOX, texture__frequency=0).notes)


@pytest.mark.parametrize("name", ["vortex", "skyrmion", "domain_wall", "penetration", "crossed_waves"])
def test_regime_of_moving_textures(name):
    regime = problem(MOVES[name]).regime
    lengths = {
        "vortex": 1.0,
        "skyrmion": 0.5,
        "domain_wall": 1.0,
        "penetration": 2.0,
        "crossed_waves": 2.5 / math.pi,
    }
    assert regime["ell/lambda"][0] == pytest.approx(1 / lengths[name])
    assert math.isnan(regime["one-ladder number"][0])
    assert math.isfinite(regime["Omega tau"][0])


def test_moving_wall_has_no_frequency():
    p = problem(TRANSIENT, texture=WALL, sample__x=CLOSED)
    assert math.isnan(p.regime["Omega tau"][0])
    assert math.isnan(p.regime["one-ladder number"][0])


def test_report_and_memory():
    p = problem(BOX, run__stop={**STOP, "quantity": "spin_density.total.z.cos1"})
    text = check_report(p)
    for part in (
        "walk: in lanes, after first flights by rays, with a solution by diffusion that walkers correct; mesh 10 ×",
        "memory about",
        "time at most",
    ):
        assert part in text
    general = check_report(problem(BOX, run__walk="general"))
    assert "walk: the general one; mesh 10 × 4 × 4, 1 layer, 4 phases" in general
    assert "8 time bins" in check_report(problem(TRANSIENT))
    assert "3 layers" in check_report(problem(RING))
    big = p.scene._replace(cells=(100, 100, 100))
    # 8 limbs of 8 bytes for each of 2 (3 + 3) profiles × 10⁶ cells × 3 channels (with the sum) × 3 × 3 amplitudes
    assert memory_bytes(big) > 64 * 12 * 1e6 * 27
    assert p.stop == (STOP["quantity"].replace("current", "density").replace("dc", "cos1"), 5.0, 0.01, 10**6)


STATIC = {"kind": "uniform", "cone_angle": 1, "frequency": 0}
TURNING = {"results__channels": ["exact"], "electrons__spin_relaxation_time": 9}
ELLIPTIC = {"texture__ellipticity": 0.5}


@pytest.mark.parametrize(
    ("deck", "changes", "reason"),
    [
        (SPIRAL, {}, ""),
        (SPIRAL, {"results__harmonics": 3}, ""),
        (SPIRAL, {"layer": [{"start": 5.0}]}, ""),
        (SPIRAL, {"sample__y": AXIS}, ""),
        (SPIRAL, {"sample__x": {**AXIS, "left": {"specularity": 0.5}, "right": "specular"}}, ""),
        (SPIRAL, ELLIPTIC, ""),
        (SPIRAL, TURNING, ""),
        (SPIRAL, TURNING | {"layer": [{"start": 5.0}]}, ""),
        (MOVES["penetration"], {}, ""),
        (MOVES["vortex"], {}, ""),
        (BOX, {"spin_orbit": {"impurity": {"spin_hall_angle": 0.1}}}, ""),
        (SPIRAL, {"run__walk": "general"}, "run.walk"),
        (TRANSIENT, {}, "results.end"),
        (SPIRAL, {"texture": STATIC}, "a texture at rest"),
        (SPIRAL, TURNING | ELLIPTIC, ""),
        (SPIRAL, TURNING | {"sample__y": AXIS}, ""),
        (SPIRAL, {"sample__y": FILM}, "faces that are crossed some times in a flight"),
        (INITIAL, {}, "results.end and [initial]"),
    ],
)
def test_what_asks_for_the_general_walk(deck, changes, reason):
    found = problem(deck, **changes)
    assert found.scene.from_collisions == (not reason)
    notes = [note for note in found.notes if "the general walk, because of" in note]
    assert notes == ([f"this is the general walk, because of {reason}"] if reason else [])


def test_plan():
    s = scene(SLAB)
    assert mean_flights(s) == pytest.approx(0.5 * 100 * 3 + 10)
    assert s.first_flights == 1
    assert scene(SLAB, run__walk="general").first_flights == 4
    assert scene(SLAB, run__first_flights=7).first_flights == 7
    assert mean_flights(scene(TRANSIENT)) == 2.0
    assert mean_flights(scene(STACK, electrons__spin_diffusion_length="10 nm")) > 100


def test_supercurrent_and_scales_are_those_of_the_reference_electrons():
    assert problem(STACK).scales == problem(JUNCTION).scales
    assert problem(STACK).supercurrent == problem(JUNCTION).supercurrent


@pytest.mark.parametrize(
    ("changes", "folded"),
    [
        ({"sample__y": FILM}, (False, True, False)),
        ({"sample__y": FILM | {"left": "periodic", "right": "periodic"}}, (False, True, False)),
        ({"sample__y": AXIS, "sample__z": FILM}, (False, False, True)),
        ({"sample__x": FILM, "sample__y": AXIS, "results__planes": []}, (True, False, False)),
        (
            {"sample__y": FILM, "results__channels": EVERYTHING, "electrons__spin_relaxation_time": 9},
            (False, True, False),
        ),
        ({"sample__y": FILM | {"cells": 2}}, (False, False, False)),
        ({"sample__y": FILM | {"length": 2.0}}, (False, False, False)),
        ({"sample__y": FILM | {"right": "absorbing"}}, (False, False, False)),
        ({"sample__y": FILM | {"right": {"specularity": 0.9}}}, (False, False, False)),
        ({"sample__x": FILM, "sample__y": AXIS, "results__planes": [0.05]}, (False, False, False)),
        ({"sample__y": FILM, "spin_orbit": {"impurity": {"spin_hall_angle": 0.1}}}, (False, False, False)),
    ],
)
def test_axes_whose_bounces_change_nothing(changes, folded):
    assert scene(SPIRAL, **changes).folded == folded


def seconds_told(report):
    """Time of the walk that `mcpump check` forecasts, without the compilation."""
    whole, compilation = re.search(r"time about (\S+) s on .*, (\S+) s of it", report).groups()
    return float(whole) - float(compilation)


def test_the_forecast_counts_bounces():
    """Those of a rough film, one in so many flights; none between mirrors."""
    rough = {"left": {"specularity": 0.9}, "right": "specular"}
    reports = [
        check_report(problem(SPIRAL, sample__y=FILM | faces | {"length": length}, run__walkers=10**9))
        for faces, length in (({}, 1e-1), ({}, 1e-6), (rough, 1e-4), (rough, 1e-6))
    ]
    mirrors, thin_mirrors, film, thin_film = map(seconds_told, reports)
    assert thin_mirrors == mirrors
    assert thin_film == pytest.approx(100.0 * film, rel=0.05)
    assert film > 100.0 * mirrors
    assert ["a smaller run.walkers_per_block" in report for report in reports] == [False, False, True, True]
