"""The spins a walker carries: births, harmonics of a row, torques and the exact rotation along a flight."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts import callable_from_python
from scenes import CONE, PENETRATION, WAVES, L, scene, transient
from scipy.integrate import solve_ivp
from scipy.spatial.transform import Rotation
from shapes import harmonic_parameters

from mcpump.textures.moving import no_user, texture_field, texture_field_rate
from mcpump.textures.parameters import CROSSED_WAVES, DRIVE_RAMP, HARMONIC
from mcpump.textures.shapes import ENVELOPE_TANH
from mcpump.walk import carried
from mcpump.walk.carried import COS, COS_TEXTURE, SIN, SIN_TEXTURE, TIME

(
    can_freeze,
    emit_from_texture,
    fill_rows,
    freeze,
    load,
    look,
    rotate,
    set_birth,
    spin_rows,
    torque_on_emitted,
    torque_on_exact,
) = map(
    callable_from_python,
    (
        carried.can_freeze,
        carried.emit_from_texture,
        carried.fill_rows,
        carried.freeze,
        carried.load,
        carried.look,
        carried.rotate,
        carried.set_birth,
        carried.spin_rows,
        carried.torque_on_emitted,
        carried.torque_on_exact,
    ),
)
SPIRAL_2D = harmonic_parameters(*CONE, (2.0 * math.pi / L, 1.0, 0.0), 0.3)
RAMPED = harmonic_parameters(*CONE, (2.0 * math.pi / L, 1.0, 0.0), 0.3, drive=(DRIVE_RAMP, 0.0, 5.0))


def plain(given):
    return given._replace(planes=(), layers=(), seed=0)


def born(given, offset=0.3, place=(0.7, 0.2, 0.4), weight=1.7, hours=(0.0, 1.0)):
    births, emitted = np.zeros((given.phases, 5)), np.zeros((given.phases, 3))
    count = emit_from_texture(
        plain(given), no_user(), np.array(hours), *place, offset, weight, births, emitted
    )
    assert count == given.phases
    return births, emitted


def field(given, x, y, z, t):
    return texture_field(given.texture, given.parameters, no_user(), x, y, z, t)


def test_birth_times_are_spread_over_the_period():
    given = scene(phases=7)
    births, _ = born(given, 0.3)
    np.testing.assert_allclose(births[:, TIME], (np.arange(7) + 0.3) / 7 * given.period, rtol=1e-14)
    phase = 2.0 * math.pi * births[:, TIME] / given.period
    for column, values in ((COS, np.cos(phase)), (SIN, np.sin(phase))):
        np.testing.assert_allclose(births[:, column], values, atol=1e-14)
    for column, values in ((COS_TEXTURE, np.cos(phase)), (SIN_TEXTURE, np.sin(phase))):  # Ω is 2π/period
        np.testing.assert_allclose(births[:, column], values, atol=1e-14)


def test_birth_times_are_spread_over_a_transient():
    given = transient(phases=5, parameters=RAMPED)
    births, emitted = born(given, 0.9)
    np.testing.assert_allclose(births[:, TIME], (np.arange(5) + 0.9) / 5 * given.t_end, rtol=1e-14)
    rate = texture_field_rate(HARMONIC, RAMPED, no_user(), 0.7, 0.2, 0.4, births[:, TIME], given.time_step)
    np.testing.assert_allclose(emitted, -1.7 * given.t_end / 5 * rate.T, rtol=1e-12, atol=1e-15)


def test_birth_times_of_a_transient_follow_its_hours():
    """Half of them in the last fifth of the time, with weights that make up for it."""
    given = transient(phases=4, parameters=RAMPED)
    births, emitted = born(given, 0.5, hours=(0.0, 0.125, 0.25, 0.375, 0.5, 1.0))
    np.testing.assert_allclose(births[:, TIME] / given.t_end, [0.2, 0.6, 0.85, 0.95], rtol=1e-12)
    rate = texture_field_rate(HARMONIC, RAMPED, no_user(), 0.7, 0.2, 0.4, births[:, TIME], given.time_step)
    share = 1.7 * given.t_end / 4 * np.array([1.6, 1.6, 0.4, 0.4])
    np.testing.assert_allclose(emitted, -(share * rate).T, rtol=1e-12, atol=1e-15)


def test_emission_is_minus_the_rate_of_the_texture():
    given = scene(phases=6, texture=CROSSED_WAVES, parameters=WAVES)
    births, emitted = born(given)
    rate = texture_field_rate(
        CROSSED_WAVES, WAVES, no_user(), 0.7, 0.2, 0.4, births[:, TIME], given.time_step
    )
    np.testing.assert_allclose(emitted, -1.7 / 6 * rate.T, rtol=1e-12, atol=1e-15)


def test_what_rests_emits_nothing():
    _, emitted = born(scene(time_step=0.0))
    assert not emitted.any()


@pytest.mark.parametrize("texture", ["turned", "looked up", "ramp"])
def test_fields_at_an_age(texture):
    """The quick way of a harmonic texture, by turning phases, is the texture at the birth time plus the age."""
    code, parameters = {
        "turned": (HARMONIC, SPIRAL_2D), "looked up": (CROSSED_WAVES, WAVES), "ramp": (HARMONIC, RAMPED)
    }[texture]  # fmt: skip
    given = scene(phases=5, texture=code, parameters=parameters)
    births, _ = born(given)
    fields = np.zeros((2, 5, 3))
    look(plain(given), no_user(), 1.1, 0.4, 0.2, 2.6, 5, births, fields, 1)
    assert not fields[0].any()
    expected = field(given, 1.1, 0.4, 0.2, births[:, TIME] + 2.6)
    np.testing.assert_allclose(fields[1], expected.T, rtol=1e-13, atol=1e-14)


def test_an_envelope_scales_the_turned_field():
    given = scene(phases=3, parameters=PENETRATION)
    births, _ = born(given)
    fields = np.zeros((2, 3, 3))
    look(plain(given), no_user(), 0.8, 0.0, 0.0, 1.0, 3, births, fields, 0)
    np.testing.assert_allclose(fields[0], field(given, 0.8, 0.0, 0.0, births[:, TIME] + 1.0).T, rtol=1e-13)


@pytest.mark.parametrize("harmonics", [0, 1, 2, 3, 5])
def test_a_row_holds_the_harmonics_of_the_sum_over_birth_times(harmonics):
    """Amplitudes of A(t) = Σ_k s_k δ(t − t_k − age): DC (1/T)∫A, cos_n (2/T)∫A cos nΩt, times T."""
    given = scene(harmonics=harmonics, phases=4, channels=("first", "exact"))
    births, _ = born(given)
    spins = np.random.default_rng(harmonics).normal(size=(2, 4, 3))
    functions = 1 + 2 * harmonics
    rows, bins = np.full((1, 2 * functions * 3), np.nan), np.zeros(4, np.int64)
    assert fill_rows(plain(given), 3.7, 4, births, spins, rows, bins) == 1
    phase = 2.0 * math.pi / given.period * (births[:, TIME] + 3.7)
    expected = [spins.sum(axis=1)]
    for n in range(1, harmonics + 1):
        expected += [2.0 * np.einsum("k,cki->ci", wave(n * phase), spins) for wave in (np.cos, np.sin)]
    expected = np.stack(expected, axis=1)  # channel, time function, component
    np.testing.assert_allclose(rows[0].reshape(2, functions, 3), expected, rtol=0.0, atol=2e-14)


@given(st.floats(0.0, 3.0))
@settings(max_examples=30, deadline=None)
def test_rows_of_a_transient_lie_in_their_time_bins(age):
    given = transient(phases=4, channels=("first", "exact"))
    births, _ = born(given, 0.5)
    spins = np.random.default_rng(1).normal(size=(2, 4, 3))
    rows, bins = np.zeros((4, 6)), np.zeros(4, np.int64)
    assert fill_rows(plain(given), age, 3, births, spins, rows, bins) == 3
    time = births[:3, TIME] + age
    assert np.array_equal(bins[:3], np.minimum(np.floor(time / 2.5 * 5), 4))
    assert np.array_equal(rows[:3], spins.transpose(1, 0, 2).reshape(4, 6)[:3])
    assert not rows[3].any()


def test_what_is_emitted_begins_in_first_and_exact():
    given = scene()
    _, emitted = born(given)
    spins = np.full((4, 4, 3), np.nan)
    load(plain(given), 4, False, emitted, spins)
    assert np.array_equal(spins[0], emitted)
    assert np.array_equal(spins[3], emitted)
    assert not spins[1].any()
    assert not spins[2].any()


def test_what_a_field_drives_begins_in_spin_hall_alone():
    """So exchange has nothing to turn."""
    given = scene(hall_slot=4)
    _, emitted = born(given)
    before, spins = emitted.copy(), np.full((5, 4, 3), np.nan)
    load(plain(given), 4, True, emitted, spins)
    assert np.array_equal(spins[4], before)
    assert not spins[:4].any()
    assert not emitted.any()


@pytest.mark.parametrize("harmonics", [0, 1, 2])
def test_frozen_rows_are_those_of_the_spins_at_any_age(harmonics):
    given = scene(channels=("first", "second"), harmonics=harmonics)
    births, _ = born(given)
    spins = np.random.default_rng(5).normal(size=(2, 4, 3))
    rows, bins = np.zeros((2, 6 * (1 + 2 * harmonics))), np.zeros(4, np.int64)
    assert can_freeze(plain(given))
    freeze(plain(given), 4, births, spins, rows, bins)
    for age in (0.0, 0.7, 31.0):
        spin_rows(plain(given), age, 4, births, spins, rows, bins)
        turned = rows[0].copy()
        fill_rows(plain(given), age, 4, births, spins, rows, bins)
        np.testing.assert_allclose(turned, rows[0], rtol=0.0, atol=1e-13)


@pytest.mark.parametrize("frozen", [False, True])
def test_torque_of_second_order(frozen):
    """(2J/ħ) a × S dt in `second` on the first flight, in `second_ladder` always, nowhere else."""
    given = scene()
    births, emitted = born(given)
    fields, change = np.zeros((2, 4, 3)), np.full((4, 4, 3), np.nan)
    look(plain(given), no_user(), 1.0, 0.0, 0.0, 0.5, 4, births, fields, 0)
    torque_on_emitted(plain(given), frozen, 0.25, 4, emitted, fields, change)
    expected = 2.0 * given.exchange * 0.25 * np.cross(emitted, fields[0])
    np.testing.assert_allclose(change[2], expected, rtol=1e-13, atol=1e-16)
    np.testing.assert_allclose(change[1], 0.0 if frozen else expected, rtol=1e-13, atol=1e-16)
    assert not change[[0, 3]].any()


def test_torque_on_the_rotated_spin():
    given = scene(channels=("first", "exact"))
    births, _ = born(given)
    fields, change = np.zeros((2, 4, 3)), np.full((2, 4, 3), np.nan)
    spins = np.random.default_rng(1).normal(size=(2, 4, 3))
    look(plain(given), no_user(), 1.0, 0.0, 0.0, 0.5, 4, births, fields, 0)
    torque_on_exact(plain(given), 4, spins, fields, change)
    np.testing.assert_allclose(change[1], 2.0 * given.exchange * np.cross(spins[1], fields[0]), rtol=1e-13)
    assert not change[0].any()


def turned(given, start, velocity, end, births, spins, begin=0.0, age=0.4, turn=None):
    fields = np.zeros((2, given.phases, 3))
    place, speed = tuple(map(float, start)), tuple(map(float, velocity))
    path = place, speed, (0.0, 0.0, 0.0) if turn is None else turn, None if turn is None else np.zeros((1, 9))
    rotate(plain(given), no_user(), path, age, (begin, end), given.phases, births, fields, spins)
    return spins


@pytest.mark.parametrize("exchange", [0.05, 1.8, 12.0])
def test_rotation_along_a_flight_solves_its_equation(exchange):
    """ds/dt = 2J s × S(x + vt, t₀ + age + t), against an integrator; weak, as in permalloy, and many turns."""
    given = scene(
        exchange=exchange, parameters=SPIRAL_2D, phases=3, channels=("first", "exact"), rotation_step=0.1
    )
    births, _ = born(given)
    start, velocity, end, age = np.array([0.2, 0.3, 0.0]), np.array([0.6, -0.5, 0.0]), 2.3, 0.4
    before = np.random.default_rng(2).normal(size=(2, 3, 3))
    after = turned(given, start, velocity, end, births, before.copy())
    assert np.array_equal(after[0], before[0])
    for k in range(3):

        def right(t, s, k=k):
            S = field(given, *(start + velocity * t), births[k, TIME] + age + t)[:, 0]
            return 2.0 * exchange * np.cross(s, S)

        exact = solve_ivp(right, (0.0, end), before[1, k], rtol=1e-10, atol=1e-12, method="DOP853").y[:, -1]
        np.testing.assert_allclose(after[1, k], exact, rtol=0.0, atol=5e-5 * np.linalg.norm(exact))
        assert np.linalg.norm(after[1, k]) == pytest.approx(np.linalg.norm(before[1, k]), rel=1e-13)


@pytest.mark.parametrize("end", [0.015, 2.3])
def test_rotation_by_exchange_and_a_spin_orbit_field(end):
    """ds/dt = s × (2J S(x + vt, t) + Ω_so), in a short step and in many, against an integrator."""
    given = scene(exchange=0.6, parameters=SPIRAL_2D, phases=2, channels=("exact",), rotation_step=0.1)
    births, _ = born(given)
    start, velocity, turn = np.array([0.2, 0.3, 0.0]), np.array([0.6, -0.5, 0.0]), (1.5, -0.7, 2.0)
    before = np.random.default_rng(3).normal(size=(1, 2, 3))
    after = turned(given, start, velocity, end, births, before.copy(), turn=turn)
    for k in range(2):

        def right(t, s, k=k):
            S = field(given, *(start + velocity * t), births[k, TIME] + 0.4 + t)[:, 0]
            return np.cross(s, 2.0 * 0.6 * S + turn)

        exact = solve_ivp(right, (0.0, end), before[0, k], rtol=1e-10, atol=1e-12, method="DOP853").y[:, -1]
        np.testing.assert_allclose(after[0, k], exact, rtol=0.0, atol=5e-5 * np.linalg.norm(exact))


def test_rotation_in_a_static_uniform_field_is_exact():
    """Hanle: any angle, in however many steps; two parts are the whole."""
    S = np.array([0.2, 0.3, 0.9])
    parameters = harmonic_parameters(S, (0.0,) * 3, (0.0,) * 3, (0.0,) * 3, 0.0)
    given = scene(exchange=7.0, parameters=parameters, time_step=0.0, phases=2, channels=("exact",))
    births, _ = born(given)
    before = np.random.default_rng(4).normal(size=(1, 2, 3))
    whole = turned(given, (0, 0, 0), (1, 0, 0), 3.1, births, before.copy())
    expected = Rotation.from_rotvec(-2.0 * 7.0 * 3.1 * S).apply(before[0])
    np.testing.assert_allclose(whole[0], expected, rtol=0.0, atol=1e-13)
    parts = turned(given, (0, 0, 0), (1, 0, 0), 1.3, births, before.copy())
    parts = turned(given, (0, 0, 0), (1, 0, 0), 3.1, births, parts, begin=1.3)
    np.testing.assert_allclose(parts, whole, rtol=0.0, atol=1e-13)


def test_no_time_turns_nothing():
    given = scene(channels=("exact",), phases=2)
    births, _ = born(given)
    before = np.random.default_rng(4).normal(size=(1, 2, 3))
    assert np.array_equal(turned(given, (1, 0, 0), (1, 0, 0), 0.0, births, before.copy()), before)


def test_a_thin_wall_is_met_by_short_steps():
    """Steps of a quarter of its width, as a deck's: the turn on its strong side is right."""
    parameters = harmonic_parameters(
        (0.0, 0.0, 1.0), (0.0,) * 3, (0.0,) * 3, (0.0,) * 3, 0.0, ENVELOPE_TANH, (1.0, 1e-3)
    )
    given = scene(exchange=1.5, parameters=parameters, time_step=0.0, phases=1, channels=("exact",))
    given = given._replace(rotation_step=2.5e-4)
    births, _ = born(given)
    spin = turned(given, (0.2, 0, 0), (1.0, 0, 0), 2.0, births, np.array([[[1.0, 0.0, 0.0]]]))
    inside = texture_field(HARMONIC, parameters, no_user(), np.linspace(0.2, 2.2, 200_001), 0.0, 0.0, 0.0)[
        2
    ].mean()
    angle = 2.0 * 1.5 * 2.0 * inside
    np.testing.assert_allclose(spin[0, 0], (math.cos(angle), -math.sin(angle), 0.0), atol=1e-4)


def test_times_of_set_birth():
    births = np.zeros((2, 5))
    set_birth(scene(), births, 1, 0.0)
    assert np.array_equal(births, [[0.0] * 5, [0.0, 1.0, 0.0, 1.0, 0.0]])
