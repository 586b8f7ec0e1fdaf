"""Sampled textures: exact where they must be, order of convergence, rates, surfaces, places, shared memory, same bits."""

import itertools
import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mcpump.errors import InputError
from mcpump.textures.moving import texture_field, texture_field_rate
from mcpump.textures.ovf import Mesh, write_ovf
from mcpump.textures.ovf_series import Placement, read_series
from mcpump.textures.parameters import USER
from mcpump.textures.sampled import (
    open_texture,
    sample_series,
    sampled_field,
    store_texture,
    texture_function,
    unit_vectors,
)

NOTHING = (0.0,) * 32
DATA = Path(__file__).parents[1] / "data" / "ovf"
T = 2.0


def series_of(
    folder, function, cells, times, length=(1.0, 1.0, 1.0), corner=(0.0, 0.0, 0.0), kind="binary 8"
):
    """Write S(x, y, z, t) → (3, …) on a mesh at some times, and read the series."""
    step = tuple(size / n for size, n in zip(length, cells, strict=True))
    axes = [low + (np.arange(n) + 0.5) * h for n, h, low in zip(cells, step, corner, strict=True)]
    z, y, x = np.meshgrid(*axes[::-1], indexing="ij")
    folder.mkdir(exist_ok=True)
    for old in folder.glob("*.ovf"):
        old.unlink()
    for k, t in enumerate(times):
        values = np.stack(np.broadcast_arrays(*function(x, y, z, t)), axis=-1)
        write_ovf(folder / f"m{k}.ovf", values, Mesh(cells, step, corner), float(t), representation=kind)
    return read_series(".", folder)


def periodic(x, y, z, t):
    """Precession whose cone angle and phase vary in space, with harmonics of all orders."""
    phase = 2.0 * math.pi * t / T + 0.8 * x + 0.5 * y
    theta = 0.7 + 0.3 * np.sin(x + 2.0 * y - z) + 0.2 * np.cos(phase + z)
    return np.sin(theta) * np.cos(phase), np.sin(theta) * np.sin(phase), np.cos(theta)


def transient(x, y, z, t):
    angle, theta = 1.3 * t + 0.4 * t * t + x, 0.5 + 0.3 * t - 0.1 * y + 0.2 * z
    return np.sin(theta) * np.cos(angle), np.sin(theta) * np.sin(angle), np.cos(theta)


def points(count=200, low=0.0, high=1.0, seed=1):
    return np.random.default_rng(seed).uniform(low, high, (4, count))


def test_linear_between_cells(tmp_path):
    """Between two vectors of a chain S is their straight connection: exact, to single precision."""
    a, b = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.6, 0.8])
    series = series_of(
        tmp_path / "s",
        lambda x, y, z, t: [np.where(x < 0.5, p, q) for p, q in zip(a, b, strict=True)],
        (2, 1, 1),
        [0],
    )
    texture = sample_series(series)
    x = np.linspace(0.0, 1.0, 41)
    S, rate = sampled_field(texture, x, 0.3, 0.7, 5.0)
    share = np.clip((x - 0.25) / 0.5, 0.0, 1.0)
    np.testing.assert_allclose(S, np.outer(a, 1.0 - share) + np.outer(b, share), atol=1e-7)
    assert not rate.any()
    assert texture.time == math.inf


@settings(max_examples=30, deadline=None)
@given(st.tuples(*[st.integers(1, 5)] * 3), st.integers(0, 10**6))
def test_trilinear_by_hand(tmp_path_factory, cells, seed):
    """Against the same in numpy, for meshes of 1, 2 and 3 axes."""
    rng = np.random.default_rng(seed)
    folder = tmp_path_factory.getbasetemp() / "trilinear"
    values = rng.normal(size=(*cells[::-1], 3))
    texture = sample_series(series_of(folder, lambda x, y, z, t: np.moveaxis(values, -1, 0), cells, [0]))
    unit = values / np.linalg.norm(values, axis=-1, keepdims=True)
    x, y, z, t = points(50, seed=seed)
    want = np.zeros((3, 50))
    for i in range(50):
        field = unit
        for u, n, axis in ((z[i], cells[2], 0), (y[i], cells[1], 0), (x[i], cells[0], 0)):
            at = np.clip(u * n - 0.5, 0, n - 1)
            low = min(int(at), max(n - 2, 0))
            field = field[low] * (1 - at + low) + field[min(low + 1, n - 1)] * (at - low)
            assert axis == 0
        want[:, i] = field
    np.testing.assert_allclose(sampled_field(texture, x, y, z, t)[0], want, atol=3e-7)


def test_second_order_in_space(tmp_path):
    x, y, z, _t = points(low=0.2, high=0.8)
    errors = []
    for n in (6, 12, 24):
        texture = sample_series(series_of(tmp_path / "s", periodic, (n, n, n), [0.3]))
        errors.append(np.abs(sampled_field(texture, x, y, z, 0)[0] - periodic(x, y, z, 0.3)).max())
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.25)
    assert errors[1] / errors[2] == pytest.approx(4.0, rel=0.25)


def at_middle(texture, function, t):
    """Error of S and of its rate in the middle of the one cell, against time."""
    h = 1e-4
    S, rate = sampled_field(texture, 0.5, 0.5, 0.5, t)
    want = np.array([np.broadcast_arrays(*function(0.5, 0.5, 0.5, one)) for one in t]).T
    before, after = (
        np.array([np.broadcast_arrays(*function(0.5, 0.5, 0.5, one + d)) for one in t]).T for d in (-h, h)
    )
    return np.abs(S - want).max(), np.abs(rate - (after - before) / (2 * h)).max()


def test_spectral_in_time(tmp_path):
    t = np.linspace(-1.0, 5.0, 50)
    errors = []
    for count in (5, 9, 17, 33):
        series = series_of(tmp_path / "s", periodic, (1, 1, 1), np.arange(count) * T / count)
        texture = sample_series(series, 1.0 / T, harmonics=(count - 1) // 2)
        errors.append(at_middle(texture, periodic, t)[0])
    # the exponent of the error grows with the number of snapshots: no power of it
    assert errors[0] < 0.1
    assert errors[1] < 0.1 * errors[0]
    assert errors[2] < 1e-2 * errors[1]
    assert errors[3] < 3e-7
    assert texture.tail < 1e-6


def test_uneven_times_over_two_periods(tmp_path):
    rng = np.random.default_rng(3)
    times = np.sort((np.arange(60) + rng.uniform(0, 0.6, 60)) * 2 * T / 60) + 100 * T
    texture = sample_series(series_of(tmp_path / "s", periodic, (1, 1, 1), times), 1.0 / T)
    error, rate = at_middle(texture, periodic, np.linspace(0, T, 31))
    assert 3 <= texture.harmonics <= 12
    assert error < 1e-4
    assert rate < 1e-3
    assert texture.time == pytest.approx(T / (2 * math.pi * texture.harmonics))


@pytest.mark.parametrize("uneven", [0.0, 0.3])
def test_fourth_order_in_time(tmp_path, uneven):
    errors = []
    t = np.linspace(0.0, 2.0, 200)
    for count in (16, 32, 64):
        s = np.linspace(0.0, 1.0, count)
        series = series_of(tmp_path / "s", transient, (1, 1, 1), 2.0 * (s + uneven * s * (1.0 - s)))
        errors.append(at_middle(sample_series(series), transient, t))
    for (error, rate), (finer, finer_rate) in itertools.pairwise(errors):
        assert error / finer > 9.0 or finer < 1e-6
        assert rate / finer_rate > 5.0 or finer_rate < 1e-5


def test_spline_goes_through_snapshots_and_keeps_cubics(tmp_path):
    times = np.array([0.0, 0.5, 0.6, 1.4, 2.0, 2.9, 3.0])
    values = np.random.default_rng(5).normal(size=(7, 3))
    values /= np.linalg.norm(values, axis=1, keepdims=True)

    def jumps(x, y, z, t):
        return (values[int(np.argmin(abs(times - t)))] + 0.0 * x[..., None]).T

    texture = sample_series(series_of(tmp_path / "s", jumps, (1, 1, 1), times))
    np.testing.assert_allclose(sampled_field(texture, 0.5, 0.5, 0.5, times)[0], values.T, atol=1e-6)
    scipy = pytest.importorskip("scipy.interpolate")
    t = np.linspace(0.0, 3.0, 101)
    spline = scipy.CubicSpline(times, values)
    S, rate = sampled_field(texture, 0.5, 0.5, 0.5, t)
    np.testing.assert_allclose(S, spline(t).T, atol=3e-6)
    np.testing.assert_allclose(rate, spline(t, 1).T, atol=3e-5)


@pytest.mark.parametrize("function", [periodic, transient])
def test_rate_is_that_of_the_walk(tmp_path, function):
    """∂S/∂t, the walk's difference quotient, and S of the compiled callback."""
    series = series_of(tmp_path / "s", function, (4, 3, 2), np.arange(24) * T / 24)
    texture = sample_series(series, 1.0 / T if function is periodic else None)
    call = texture_function(texture)
    x, y, z, t = points()
    S, rate = sampled_field(texture, x, y, z, t)
    np.testing.assert_array_equal(texture_field(USER, NOTHING, call, x, y, z, t), S)
    quotient = texture_field_rate(USER, NOTHING, call, x, y, z, t, 1e-3 * texture.time)
    np.testing.assert_allclose(quotient, rate, atol=1e-8 * np.abs(rate).max())
    assert np.linalg.norm(S, axis=0).max() < 1.001


def disc(x, y, z, t):
    """A disc of unlike directions, nothing outside."""
    there = (x - 0.5) ** 2 + (y - 0.5) ** 2 < 0.16
    phase = 2 * math.pi * t / T
    return there * np.cos(phase + x), there * np.sin(phase + x), 0.1 * there


@pytest.mark.parametrize("count", [1, 16])
def test_surface_does_not_bleed(tmp_path, count):
    series = series_of(tmp_path / "s", disc, (10, 10, 1), np.arange(count) * T / count)
    texture = sample_series(series, 1.0 / T if count > 1 else None)
    x, y, z, t = points(4000)
    S, rate = sampled_field(texture, x, y, z, t)
    middle = (np.floor(10 * x) + 0.5) / 10, (np.floor(10 * y) + 0.5) / 10
    inside = (middle[0] - 0.5) ** 2 + (middle[1] - 0.5) ** 2 < 0.16
    assert 100 < inside.sum() < 3900
    assert not S[:, ~inside].any()
    assert not rate[:, ~inside].any()
    # neighbours differ by an angle of 0.1, so that anything shorter has had zeros mixed in
    assert np.linalg.norm(S[:, inside], axis=0).min() > math.cos(0.06) - 1e-6
    assert texture.table.shape[0] == (texture.rows >= 0).sum() < 100


def test_surface_of_the_mesh(tmp_path):
    """Constant in the outer half cells, nothing beyond; a place on the face is inside."""
    texture = sample_series(
        series_of(tmp_path / "s", periodic, (5, 1, 1), [0.0]), placement=Placement((2.0, -1.0, 0.0))
    )
    S = sampled_field(texture, [1.999, 2.0, 2.05, 2.1, 3.0, 2.9, 3.001], -0.5, 0.5, 0.0)[0].T
    assert not S[0].any()
    assert not S[6].any()
    for a, b in ((1, 2), (2, 3), (4, 5)):
        np.testing.assert_allclose(S[a], S[b], atol=1e-7)
    assert not sampled_field(texture, 2.5, -1.01, 0.5, 0.0)[0].any()
    # a sample without y and z
    one = sample_series(series_of(tmp_path / "s", periodic, (5, 1, 1), [0.0]), placement=Placement(axes=1))
    np.testing.assert_array_equal(*(sampled_field(one, 0.4, y, 7.0, 0.0)[0] for y in (-3.3, 0.5)))


def test_periodic_sample(tmp_path):
    def wave(x, y, z, t):
        return np.cos(2 * math.pi * x), np.sin(2 * math.pi * x), 0 * x

    series = series_of(tmp_path / "s", wave, (40, 1, 1), [0.0])
    texture = sample_series(
        series,
        placement=Placement((0.3, 0, 0), lengths=(1.0, 1.0, 1.0), periodic=(True, False, False)),
    )
    x = np.linspace(0, 1, 101)
    S = sampled_field(texture, x, 0.5, 0.5, 0.0)[0]
    np.testing.assert_allclose(S[0], np.cos(2 * math.pi * (x - 0.3)), atol=4e-3)
    shorter = sample_series(
        series, placement=Placement(lengths=(2.0, 1.0, 1.0), periodic=(True, False, False))
    )
    assert not sampled_field(shorter, 1.5, 0.5, 0.5, 0.0)[0].any()


@pytest.mark.parametrize(("along", "order"), [("x", (0, 1, 2)), ("y", (1, 2, 0)), ("z", (2, 0, 1))])
def test_turned_mesh(tmp_path, along, order):
    """The mesh's axis that lies along the sample's x; places and vectors turn together."""
    length = (3.0, 2.0, 1.0)
    series = series_of(tmp_path / "s", periodic, (6, 4, 3), [0.0], length)
    straight, turned = sample_series(series), sample_series(series, placement=Placement(along_x=along))
    r = points()[:3] * np.array(length)[:, None]
    S = sampled_field(straight, *r, 0.0)[0]
    np.testing.assert_allclose(sampled_field(turned, *r[list(order)], 0.0)[0], S[list(order)], atol=1e-12)


def test_units(tmp_path):
    """Metres and seconds of the files, ℓ and τ of the walk."""
    ell, tau = 3e-9, 2e-14
    series = series_of(
        tmp_path / "s", lambda x, y, z, t: periodic(x * 1e8, y, z, t * 1e10), (8, 1, 1),
        np.arange(16) * T * 1e-10 / 16, (1e-8, 1e-8, 1e-8),
    )  # fmt: skip
    si = sample_series(series, 1e10 / T, placement=Placement((5e-9, 0, 0)))
    reduced = sample_series(series, 1e10 / T, placement=Placement((5e-9, 0, 0), ell=ell, tau=tau))
    x, t = points()[0] * 1e-8 + 5e-9, points()[3] * 1e-10
    for a, b in zip(
        sampled_field(si, x, 0, 0, t), sampled_field(reduced, x / ell, 0, 0, t / tau), strict=True
    ):
        np.testing.assert_allclose(a * (tau if np.abs(a).max() > 2 else 1.0), b, atol=1e-10)
    assert si.length == pytest.approx(ell * reduced.length)
    assert si.time == pytest.approx(tau * reduced.time)


def test_start(tmp_path):
    times = 7.0 + np.arange(12) * 0.1
    series = series_of(tmp_path / "s", transient, (1, 1, 1), times)
    by_default, by_hand = sample_series(series), sample_series(series, start=6.5)
    np.testing.assert_allclose(
        sampled_field(by_default, 0.5, 0.5, 0.5, 0.3)[0],
        sampled_field(by_hand, 0.5, 0.5, 0.5, 0.8)[0],
        atol=1e-12,
    )
    # periodic: the simulation's own clock
    series = series_of(tmp_path / "s", periodic, (1, 1, 1), 50.3 * T + np.arange(16) * T / 16)
    S = sampled_field(sample_series(series, 1.0 / T), 0.5, 0.5, 0.5, 0.2)[0][:, 0]
    np.testing.assert_allclose(S, periodic(0.5, 0.5, 0.5, 0.2), atol=1e-3)


def test_harmonics_that_matter_are_kept(tmp_path):
    def cone(x, y, z, t):
        phase = 2 * math.pi * t / T
        return 1e-3 * np.cos(phase + 0 * x), 1e-3 * np.sin(phase + 0 * x), 1.0 + 0 * x

    series = series_of(tmp_path / "s", cone, (2, 1, 1), np.arange(20) * T / 20, kind="binary 8")
    texture = sample_series(series, 1.0 / T)
    assert texture.harmonics == 1
    assert texture.table.shape == (2, 3, 3)
    assert sample_series(series, 1.0 / T, harmonics=5).harmonics == 5
    assert texture.misfit < 1e-7
    off = sample_series(series, 0.97 / T)
    assert off.tail > 1e-3 > 1e-6 > texture.tail


def test_static_series_has_no_rate(tmp_path):
    series = series_of(
        tmp_path / "s", lambda x, y, z, t: periodic(x, y, z, 0.0), (3, 1, 1), np.arange(8) * T / 8
    )
    for texture in (sample_series(series, 1.0 / T), sample_series(series)):
        assert texture.time == math.inf


def test_text_and_binary_agree(tmp_path):
    times = np.arange(16) * T / 16
    tables = [
        sample_series(series_of(tmp_path / "s", periodic, (3, 2, 2), times, kind=kind), 1.0 / T).table
        for kind in ("binary 8", "binary 4", "text")
    ]
    np.testing.assert_allclose(tables[1], tables[0], atol=2e-7)
    np.testing.assert_allclose(tables[2], tables[0], atol=2e-7)


def test_pieces_of_the_mesh(tmp_path, monkeypatch):
    """The same bits in however many pieces the mesh is worked on, but for the order of sums in products of matrices."""
    series = series_of(tmp_path / "s", disc, (10, 10, 2), np.arange(16) * T / 16)
    whole = sample_series(series, 1.0 / T)
    monkeypatch.setattr("mcpump.textures.sampled.SCRATCH", 24 * 16 * 7)
    pieces = sample_series(series, 1.0 / T)
    np.testing.assert_array_equal(whole.rows, pieces.rows)
    np.testing.assert_allclose(whole.table, pieces.table, atol=1e-7)


def test_sentences(tmp_path):
    def series(count, span=T, function=periodic, cells=(2, 1, 1)):
        return series_of(tmp_path / "s", function, cells, np.arange(count) * span / count)

    def flicker(x, y, z, t):
        return [np.where((x < 0.5) | (t < 1.0), value, 0.0) for value in periodic(x, y, z, t)]

    for arguments, more, words in [
        ((2,), {"frequency": 1 / T}, "cover one whole period"),
        ((20, 0.5 * T), {"frequency": 1 / T}, "cover one whole period"),
        ((8,), {"frequency": 1 / T, "harmonics": 4}, "texture.harmonics = 4"),
        ((3,), {}, "too few for a transient"),
        ((8, T, flicker), {}, r"m4.ovf.*cell \(1, 0, 0\)"),
        ((8, T, lambda x, y, z, t: (0 * x, 0 * x, 0 * x)), {}, "hold no magnet"),
        ((8, T, periodic, (2, 3, 1)), {"placement": Placement(axes=1)}, r"3 cells along y.*sample.y"),
        ((8,), {"placement": Placement((1.0, 0.0, 0.0), lengths=(1.0, 1.0, 1.0))}, "outside of the sample"),
        ((8,), {"placement": Placement((-1.0, 0.0, 0.0), lengths=(1.0, 1.0, 1.0))}, "outside of the sample"),
    ]:
        with pytest.raises(InputError, match=words) as caught:
            sample_series(series(*arguments), **more)
        assert "\n" not in str(caught.value)
    uneven = series_of(tmp_path / "s", transient, (1, 1, 1), [0, 1e-9, 2e-9, 3e-9, 1.0, 1.0 + 1e-9, 2.0])
    with pytest.raises(InputError, match="too near for a spline"):
        sample_series(uneven)


def hole(first, last, count=40):
    """Times of a series, one after the other, of which some are missing."""
    return [0.025 * k for k in range(2 * count) if not first <= k < last]


@pytest.mark.parametrize(
    ("times", "frequency", "neighbours", "words"),
    [
        (hole(30, 69), None, (29, 30), "are 40 times as far apart as those beside them"),
        (hole(30, 32), None, (29, 30), "are 3 times as far apart"),
        (hole(1, 40), None, (0, 1), "are 40 times as far apart"),
        (hole(40, 79), None, (39, 40), "are 40 times as far apart"),
        (sorted([*hole(80, 80), 0.5001]), None, (20, 21), "are 0.004 times as far apart as those beside them, too near"),
        (hole(30, 69), 1 / T, (29, 30), "leave 0.50 of the period between them empty"),
        (hole(0, 40), 1 / T, (39, 0), "leave 0.51 of the period between them empty"),
    ],
)  # fmt: skip
def test_holes_and_crowds_are_named(tmp_path, times, frequency, neighbours, words):
    """A series that is not regular names the two snapshots between which it fails."""
    series = series_of(tmp_path / "s", periodic, (1, 1, 1), times)
    with pytest.raises(InputError) as caught:
        sample_series(series, frequency)
    names = [str(series.snapshots[k].path) for k in neighbours]
    sentence = str(caught.value)
    assert words in sentence
    assert sentence.startswith(
        f'texture.files: "{names[0]}" (at {series.times[neighbours[0]]:.6g}) and "{names[1]}" (at'
    )


@pytest.mark.parametrize(
    "times",
    [
        hole(30, 31),  # one file is missing
        [*np.arange(20) * 0.01, *(0.2 + 0.1 * np.arange(6))],  # saved more often at the beginning
        [0.01 * 1.8**k for k in range(9)],
        np.cumsum(np.random.default_rng(4).uniform(0.5, 1.5, 40)) * 0.02,
    ],
)
def test_uneven_times_that_pass(tmp_path, times):
    assert sample_series(series_of(tmp_path / "s", periodic, (1, 1, 1), times)).harmonics == 0


def test_unit_vectors_of_any_size():
    v = np.array(
        [[3e-200, 4e-200, 0], [0, 0, 0], [3e200, 0, 4e200], [0, -2e-300, 0], [1, 2, 2], [5e-324, 0, 0]]
    )
    there = unit_vectors(v)
    assert there.tolist() == [True, False, True, True, True, True]
    np.testing.assert_allclose(np.linalg.norm(v, axis=1), there, rtol=1e-15)


def test_series_of_mumax3():
    """A damped precession, snapshots uneven in time: the spline goes through the averages of the table."""
    texture = sample_series(read_series("mumax3-m*.ovf", DATA))
    x, y, z = (np.random.default_rng(1).uniform(0, 1, (3, 50)).T * [1e-7, 5e-8, 2e-8]).T
    S, _ = sampled_field(texture, x, y, z, 0.0)
    row = np.loadtxt(DATA / "mumax3-table.txt")[0, 1:4]
    there = np.linalg.norm(S, axis=0) > 0
    assert there.any()
    np.testing.assert_allclose(
        S[:, there], np.repeat(row[:, None] / np.linalg.norm(row), there.sum(), 1), atol=2e-2
    )


def test_mapped_texture_is_the_same(tmp_path):
    texture = sample_series(series_of(tmp_path / "s", disc, (6, 6, 1), np.arange(16) * T / 16), 1.0 / T)
    folder = tmp_path / "stored"
    folder.mkdir()
    store_texture(texture, folder)
    mapped = open_texture(folder)
    assert mapped.frame == texture.frame
    assert mapped[5:] == texture[5:]
    assert not mapped.table.flags.writeable
    call = texture_function(mapped)
    for file in folder.iterdir():
        file.unlink()  # the mapping outlives the files
    p = points()
    np.testing.assert_array_equal(
        texture_field(USER, NOTHING, call, *p), texture_field(USER, NOTHING, texture_function(texture), *p)
    )
    np.testing.assert_array_equal(sampled_field(mapped, *p)[1], sampled_field(texture, *p)[1])


def bits():
    """S and rates of three textures at some places, as text."""
    texts = []
    for folder, frequency in (("a", 1.0 / T), ("b", None), ("c", None)):
        texture = sample_series(read_series(folder, os.environ["SERIES"]), frequency)
        p = points(40, -0.1, 1.1)
        call = texture_function(texture)
        texts += [value.hex() for value in np.concatenate(sampled_field(texture, *p)).ravel().tolist()]
        texts += [value.hex() for value in texture_field(USER, NOTHING, call, *p).ravel().tolist()]
    return texts


def test_same_bits_interpreted(tmp_path, monkeypatch):
    series_of(tmp_path / "a", disc, (6, 6, 2), np.arange(16) * T / 16)
    series_of(tmp_path / "b", transient, (3, 4, 2), np.arange(9) * 0.1)
    series_of(tmp_path / "c", periodic, (3, 1, 1), [0.0])
    monkeypatch.setenv("SERIES", str(tmp_path))
    program = "import json, test_sampled_texture as t; print(json.dumps(t.bits()))"
    paths = os.pathsep.join((str(Path(__file__).parent), os.environ["PYTHONPATH"]))
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "PYTHONPATH": paths}
    run = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    assert json.loads(run.stdout) == bits()
