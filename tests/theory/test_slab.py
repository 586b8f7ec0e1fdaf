"""The solution without walkers along x: closed forms, exact numbers of half-spaces, conservation, its own error."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mcpump.theory import Medium, Wave, conical_spiral_exact, exact_solution
from mcpump.theory.flights import (
    THIN,
    Births,
    Cells,
    Scores,
    Turns,
    Ways,
    cell_matrices,
    directions_of_half,
    fly,
    fly_in_time,
)
from mcpump.theory.ordinates import Ordinates, Stack
from mcpump.theory.slab import Face, Interface, Layer, Sample, slab_response

CLOSED, OPEN, ROUGH = Face(0.0), Face(1.0), Face(0.0, 0.0)
Z = np.array([0.0, 0.0, 1.0])


def cone(theta, q=0.0):
    """S of a conical spiral; q = 0: uniform."""
    return lambda x: np.stack(
        [math.sin(theta) * np.cos(q * x), math.sin(theta) * np.sin(q * x), 0.0 * x + math.cos(theta)], axis=1
    )


def wave_means(edges, wave):
    """Means of e^{iqx} over cells."""
    return np.diff(np.exp(1j * wave.q * edges)) / (1j * wave.q * np.diff(edges)) if wave.q else 1.0 + 0j


# --- infinite media ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("q", [0.2, 1.5, 12.0])
def test_plane_waves(dimension, q):
    """A periodic sample is the infinite medium: density and current of the perturbative channels at any qℓ."""
    Omega, J, gamma, theta = 0.05, 0.2, 0.3, 0.7
    length = 2.0 * math.pi / q
    edges = np.linspace(0.0, length, 9)
    sample = Sample(length, (Layer(0.0, 1.0, 1.0, gamma, 1.0),), None, dimension)
    found = slab_response(
        sample, cone(theta, q), Omega * Z, J, edges, scale=1.0 / q, fineness=10.0, directions=40,
        channels=("first", "second", "second_ladder"),
    )  # fmt: skip
    circle = 0.5 * math.sin(theta)
    waves = [
        Wave(q, Omega, circle * np.array([1.0, -1j, 0.0])),
        Wave(-q, -Omega, circle * np.array([1.0, 1j, 0.0])),
        Wave(0.0, 0.0, math.cos(theta) * Z),
    ]
    medium = Medium.reduced(J, 1.0 / gamma, dimension)
    for channel, response in found.items():
        solution = exact_solution(waves, medium, channel)
        for part in ("local", "diffusive"):
            mine, error = getattr(response, part), getattr(response, f"{part}_error")
            density = sum(
                np.outer(wave_means(edges, w), w.amplitude).real * np.ones((8, 1))
                for w in solution.density[part]
            )
            flux = sum(np.outer(np.exp(1j * w.q * edges), w.amplitude).real for w in solution.flux[part])
            size = max(np.abs(density).max(), np.abs(flux).max())
            assert_allclose(mine.density, density, rtol=0.0, atol=1e-6 * size)
            assert_allclose(mine.current[:, 0], flux, rtol=0.0, atol=1e-6 * size)
            assert np.all(np.abs(mine.density - density) <= error.density + 1e-12)


@pytest.mark.parametrize(("q", "J", "gamma"), [(1.3, 0.4, 0.1), (0.3, 4.0, 0.0), (5.0, 0.05, 1.0)])
def test_spiral_to_all_orders(q, J, gamma):
    theta, Omega = 0.6, 0.05
    length = 2.0 * math.pi / q
    edges = np.array([0.0, length])
    sample = Sample(length, (Layer(0.0, 1.0, 1.0, gamma, 1.0),), None)
    found = slab_response(
        sample, cone(theta, q), Omega * Z, J, edges, channels=("exact",), scale=1.0 / q, fineness=6.0
    )["exact"]
    expected = conical_spiral_exact(theta, q, Omega, Medium.reduced(J, 1.0 / gamma if gamma else math.inf))
    for part in ("local", "diffusive"):
        mine = getattr(found, part)
        size = np.abs(expected.flux[part]).max() + np.abs(expected.density[part]).max()
        # at x = 0 the turning frame's axes are x, y, z; the mean over a period keeps z alone
        assert_allclose(mine.current[0, 1], expected.flux[part], rtol=0.0, atol=2e-6 * size)
        assert_allclose(mine.density[0], expected.density[part] * Z, rtol=0.0, atol=2e-6 * size)


# --- half-spaces ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("gamma", "out"), [(0.01, 5.113246), (0.1, 1.261305), (0.5, 0.383008)])
def test_flux_out_of_a_half_space(gamma, out):
    """A uniform source before an absorbing face: Chandrasekhar's H."""
    length = 16.0 / math.sqrt(3.0 * gamma)
    sample = Sample(length, (Layer(0.0, 1.0, 1.0, gamma, 1.0),), (OPEN, CLOSED))
    # a = −ν ω × S along z
    found = slab_response(
        sample, lambda x: np.tile([1.0, 0.0, 0.0], (len(x), 1)), [0.0, 1e-6, 0.0], 1.0, [0.0, length],
        channels=("first",), fineness=5.0, directions=24,
    )["first"]  # fmt: skip
    local, diffusive = (-part.current[0, 1, 2] / 1e-6 for part in (found.local, found.diffusive))
    assert local == pytest.approx(0.25 / (1.0 + gamma), rel=1e-9)
    error = (found.local_error.current + found.diffusive_error.current)[0, 1, 2] / 1e-6
    assert local + diffusive == pytest.approx(out, abs=4e-5)
    assert abs(local + diffusive - out) <= error + 5e-7  # the number has six digits


@pytest.mark.parametrize(("turn", "g"), [(0.1, 0.477306), (1.0, 0.932748), (8.0, 0.998621)])
def test_ideal_step_at_any_exchange(turn, g):
    """Re g/g_Sh = 1 − A(c = 1/(1 + i2Jτ/ħ)): g is 4πb/ħ, and g_Sh emits ħ²νv/8 (n × ṅ)."""
    theta, Omega, length = 0.5, 1e-7, 60.0
    sample = Sample(length, (Layer(0.0, 1.0, 1.0, 0.0, 1.0),), (CLOSED, OPEN))
    found = slab_response(sample, cone(theta), Omega * Z, 0.5 * turn, [0.0, length], channels=("exact",))[
        "exact"
    ]
    n = np.array([math.sin(theta), 0.0, math.cos(theta)])
    twist = np.cross(n, np.cross(Omega * Z, n))
    current = found.local.current[-1, 0] + found.diffusive.current[-1, 0]
    assert current @ twist / (twist @ twist) * 0.5 * turn * 8.0 == pytest.approx(g, abs=2e-5)


@pytest.mark.parametrize(("gamma", "decay"), [(0.1, 1.807551), (0.5, 0.776494)])
def test_spin_diffusion_length(gamma, decay):
    """Far from its source spin falls as 1 = c artanh(κ)/κ has it, not as diffusion does."""
    edges = np.array([0.0, 1.0, *(1.0 + decay * np.array([20.0, 21.0])), 1.0 + 44.0 * decay])
    sample = Sample(edges[-1], (Layer(0.0, 1.0, 1.0, gamma, 1.0),), (CLOSED, CLOSED))
    found = slab_response(
        sample, lambda x: np.where(x < 1.0, 1.0, 0.0)[:, None] * np.array([1.0, 0.0, 0.0]),
        [0.0, 1e-6, 0.0], 1.0, edges, channels=("first",),
    )["first"]  # fmt: skip
    near, far = (found.local.current + found.diffusive.current)[2:4, 0, 2]
    assert math.log(near / far) == pytest.approx(1.0, abs=2e-4)


# --- walls ------------------------------------------------------------------------------------------------------


def interface(left, right, transmission, **more):
    """Interface in detailed balance: ν₁v₁T₁₂ = ν₂v₂T₂₁."""
    a, b = left[0] * left[1], right[0] * right[1]
    return Interface(transmission * min(a, b) / a, transmission * min(a, b) / b, **more)


def stack(gamma=0.0, faces=(CLOSED, CLOSED), **more):
    """Two layers of unlike electrons: (v, ν) = (1, 1) and (0.6, 2.5)."""
    wall = interface((1.0, 1.0), (0.6, 2.5), 0.7, **more)
    return Sample(5.0, (Layer(0.0, 1.0, 1.0, gamma, 1.0), Layer(2.0, 0.6, 1.7, gamma, 2.5, wall)), faces)


@pytest.mark.parametrize("faces", [(CLOSED, CLOSED), (ROUGH, CLOSED), (ROUGH, Face(0.0, 0.5))])
@pytest.mark.parametrize("wall", [{}, {"specularity": 0.3}, {"straight": False}])
def test_spin_battery_holds_across_walls(faces, wall):
    """Without a sink exchange alone fixes the spin: g = (ħ²νΩ/2) ẑ in every layer, and no current flows."""
    Omega, J = 0.05, 0.8
    edges = np.linspace(0.0, 5.0, 11)
    found = slab_response(
        stack(faces=faces, **wall), cone(0.6, 1.1), Omega * Z, J, edges, channels=("exact",), scale=1.0
    )["exact"]
    nu = np.where(edges[:-1] < 2.0, 1.0, 2.5)[:, None]
    size = Omega / (2.0 * J)
    assert_allclose(found.local.density + found.diffusive.density, nu * Z * size, rtol=0.0, atol=1e-8 * size)
    assert_allclose(found.local.current + found.diffusive.current, 0.0, atol=1e-8 * size)


@pytest.mark.parametrize("faces", [(OPEN, CLOSED), (Face(0.4, 0.5), ROUGH), (ROUGH, Face(1.0))])
def test_budget_of_every_cell(faces):
    """∂_x j = −ν Ṡ [first, exact] + torque − g/τ_sf − ω × g in every cell, to rounding."""
    omega, J, gamma = np.array([0.0, 0.03, 0.05]), 0.6, 0.2
    edges = np.linspace(0.0, 5.0, 11)
    sample = stack(gamma, faces, specularity=0.4)
    texture = cone(0.6, 0.8)
    found = slab_response(sample, texture, omega, J, edges)
    node, weight = np.polynomial.legendre.leggauss(12)
    middle, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
    S = sum(0.5 * w * texture(middle + u * half) for u, w in zip(node, weight, strict=True))
    nu = np.where(edges[:-1] < 2.0, 1.0, 2.5)[:, None]
    for channel, response in found.items():
        flow, density, torque = (
            getattr(response.local, name) + getattr(response.diffusive, name)
            for name in ("current", "density", "torque")
        )
        born = -nu * np.cross(omega, S) if channel in ("first", "exact") else 0.0
        gained = (flow[1:, 0] - flow[:-1, 1]) / np.diff(edges)[:, None]
        left = born + torque - gamma * density - np.cross(omega, density)
        assert_allclose(gained, left, rtol=0.0, atol=1e-9)


def test_where_an_interface_scatters_local_and_diffusive_currents_jump():
    """The total goes through, each side's local part is converted by the wall."""
    sample = stack(0.1, (OPEN, OPEN), specularity=0.0)
    found = slab_response(sample, cone(0.6), 0.05 * Z, 0.3, [0.0, 2.0, 5.0])
    for response in found.values():
        local, diffusive = response.local.current[1], response.diffusive.current[1]
        assert_allclose((local + diffusive)[0], (local + diffusive)[1], rtol=0.0, atol=1e-10)
    assert abs(found["first"].local.current[1, 0, 1] - found["first"].local.current[1, 1, 1]) > 1e-4


# --- its own error ----------------------------------------------------------------------------------------------


def test_errors_bound_what_finer_meshes_change():
    sample = stack(0.1, (OPEN, CLOSED), specularity=0.5)
    edges = np.linspace(0.0, 5.0, 6)
    rough, fine = (
        slab_response(sample, cone(0.6, 0.8), 0.05 * Z, 0.4, edges, scale=1.0, fineness=f, directions=d)
        for f, d in ((3.0, 16), (8.0, 48))
    )
    for channel, response in rough.items():
        for part in ("local", "diffusive"):
            mine, bound, better = (
                getattr(response, part),
                getattr(response, f"{part}_error"),
                getattr(fine[channel], part),
            )
            for a, b, c in zip(mine, bound, better, strict=True):
                assert np.all(np.abs(a - c) <= 2.0 * b + 1e-9)
                assert b.max() < 0.05 * np.abs(c).max() + 1e-12


def test_compiled_flights_have_the_bits_of_interpreted_ones():
    generator = np.random.default_rng(3)
    cells, count = 7, 3
    mu, weight = directions_of_half(count, 3)
    speed, times = generator.random(cells) + 0.5, generator.random((count, cells))
    times[:, 2] *= 0.001  # thin
    loss, field = generator.random(cells) + 0.5, generator.normal(size=(cells, 3))
    turn, inverse = cell_matrices(loss, field, times)
    births = generator.normal(size=(cells, 3, 3))
    fastest = loss + np.sqrt((field**2).sum(axis=1))
    through = Cells(turn, times, inverse, loss, field, fastest, speed)
    born = Births(births, generator.normal(size=(2, count, cells, 3, 3)))
    given = through, Ways(weight, mu, np.array([0, 3, 7])), born, generator.normal(size=(2, 2, count, 3))
    results = []
    for function in (fly, fly.py_func):
        filled = (
            np.zeros((2, 2, count, 3)),
            np.zeros((cells, 3)),
            np.zeros((cells, 3, 3)),
            np.zeros((2, count, cells, 3, 3)),
        )
        function(*given, filled[0], Scores(*filled[1:]))
        results.append(filled)
    for compiled, interpreted in zip(*results, strict=True):
        assert np.array_equal(compiled, interpreted)
        assert compiled.any()


def test_compiled_flights_in_time_have_the_bits_of_interpreted_ones():
    generator = np.random.default_rng(4)
    cells, count, phases = 7, 3, 6
    mu, weight = directions_of_half(count, 3)
    angle, decay = generator.normal(size=(count, cells, phases)), generator.random((count, cells))
    decay[:, 2] = 0.0  # nothing is left
    turns = Turns(np.cos(angle), np.sin(angle), generator.normal(size=(cells, 3, phases)), decay)
    shift = generator.normal(size=(count, cells, phases))
    given = turns, Ways(weight, mu, np.array([0, 3, 7])), shift, np.array([[True, True], [False, True]])
    births, inflow = (
        generator.normal(size=(cells, 3, phases)),
        generator.normal(size=(2, 2, count, 3, phases)),
    )
    results = []
    for function in (fly_in_time, fly_in_time.py_func):
        filled = np.zeros_like(inflow), np.zeros((cells, 2, 3, phases)), np.zeros((cells, 2, 3, phases))
        function(*given, births, inflow, *filled)
        results.append(filled)
    for compiled, interpreted in zip(*results, strict=True):
        assert np.array_equal(compiled, interpreted)
        assert compiled.any()


def test_a_cell_flown_in_two_thin_halves():
    """Births that are a parabola, in a cell that is 1.5 times as thick as a thin one, and in its halves."""
    generator = np.random.default_rng(5)
    a, b, m = generator.normal(size=(3, 3))
    curve = 3.0 * (a + b) - 6.0 * m

    def births(x):
        return a + (b - a - curve) * x + curve * x * x

    half = births(0.5)
    means = [a + (b - a - curve) * x + curve * y for x, y in ((0.25, 1 / 12), (0.75, 7 / 12))]
    found = []
    for edges, source in (
        ([0.0, 1.0], [[a, b, m]]),
        ([0.0, 0.5, 1.0], [[a, half, means[0]], [half, b, means[1]]]),
    ):
        cells = np.ones(len(source))
        width = 1.5 * THIN / 1.8 * np.array(edges)
        stack = Stack(width, cells, 0.8 * cells, 0.2 * cells, {}, (OPEN, OPEN), 1)
        flown = Ordinates(stack, 0.8 * cells[:, None] * np.eye(3)[2]).flights(np.array(source))
        found.append([flown.arrives[:, 0], *(np.diff(width) @ one for one in (flown.density, flown.flow))])
    for one, other in zip(*found, strict=True):
        assert_allclose(one, other, rtol=0.0, atol=1e-11)  # of 0.006; the parabola in the whole cell rounds
