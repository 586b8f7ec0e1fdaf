"""Means over directions and fields as waves, along one direction and along several."""

import math
from itertools import pairwise

import numpy as np
import pytest
from texture_modes import DIMENSIONS, modulated

from mcpump import theory
from mcpump.theory import Wave

# --- means over directions -------------------------------------------------------------------


def plain_mean(f, dimension):
    """Mean over directions by a rule that shares nothing with the module's."""
    if dimension == 1:
        return 0.5 * (f(1.0) + f(-1.0))
    if dimension == 2:
        angle = (np.arange(8192) + 0.5) * 2 * np.pi / 8192
        return f(np.cos(angle)).mean()
    nodes, weights = np.polynomial.legendre.leggauss(48)
    edges = np.linspace(-1, 1, 401)
    middle, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
    mu = middle[:, None] + half[:, None] * nodes
    return 0.5 * (f(mu) * half[:, None] * weights).sum()


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize("x", [-3.0, 1e-3, 0.2, 0.31, 1.0, 20.0, 100.0])
@pytest.mark.parametrize("gamma", [1.0, 1.1 + 0.3j, 1 - 2j])
def test_closed_forms_of_K(x, gamma, dimension):
    K = plain_mean(lambda mu: 1 / (gamma + 1j * x * mu), dimension)
    K_1 = plain_mean(lambda mu: mu / (gamma + 1j * x * mu), dimension)
    assert theory.K(x, gamma, dimension) == pytest.approx(K, rel=1e-11)
    assert theory.K_1(x, gamma, dimension) == pytest.approx(K_1, rel=1e-9)
    assert theory.ladder_gap(x, gamma, dimension) == pytest.approx(1 - K, rel=1e-8)


def test_K_of_arrays_and_of_zero():
    x, gamma = np.array([0.0, 0.5])[:, None], np.array([1.0, 1.1 + 0.2j, 2.0])
    assert theory.K(x, gamma, 3).shape == theory.K_1(x, gamma, 3).shape == (2, 3)
    np.testing.assert_allclose(theory.K(0.0, gamma, 3), 1 / gamma, rtol=1e-15)
    assert np.all(theory.K_1(0.0, gamma, 2) == 0.0)
    with pytest.raises(ValueError, match="dimension"):
        theory.K(1.0, 1.0, 4)


PAIRS = [
    (1.0, 2.5, 0.1, 0.3),
    (100.0, -30.0, 0.01, 0.0),
    (1e-3, 2e-3, 0.0, 1e-3),
    (50.0, 49.0, 0.5, 1.0),
    (2.0, 0.0, 0.3, 0.0),
]


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize(("q1", "Q", "Omega1", "W"), PAIRS)
def test_pair_means_against_closed_forms(q1, Q, Omega1, W, dimension):
    y1, y = 1.05 + 1j * Omega1, 1.05 + 1j * W
    denominator = q1 * y - Q * y1
    G = (q1 * theory.K(q1, y1, dimension) - Q * theory.K(Q, y, dimension)) / denominator
    mu_G = (q1 * theory.K_1(q1, y1, dimension) - Q * theory.K_1(Q, y, dimension)) / denominator
    assert theory.mean_G1G(q1, y1, Q, y, 1.0, dimension) == pytest.approx(G, rel=1e-10)
    assert theory.mean_mu_G1G(q1, y1, Q, y, 1.0, dimension) == pytest.approx(mu_G, rel=1e-10)


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_pair_means_where_the_closed_form_is_0_over_0(dimension):
    q, y, h = np.array([0.0, 0.3, 100.0]), 1.1, 1e-4
    derivative = -(theory.K(q, y + h, dimension) - theory.K(q, y - h, dimension)) / (2 * h)  # ⟨G²⟩ = −∂K/∂γ
    derivative_1 = -(theory.K_1(q, y + h, dimension) - theory.K_1(q, y - h, dimension)) / (2 * h)
    np.testing.assert_allclose(theory.mean_G1G(q, y, q, y, 1.0, dimension), derivative, rtol=1e-6, atol=1e-11)
    np.testing.assert_allclose(
        theory.mean_mu_G1G(q, y, q, y, 1.0, dimension), derivative_1, rtol=1e-6, atol=1e-11
    )


# --- waves -----------------------------------------------------------------------------------


def test_texture_waves_are_the_texture():
    C, P, Q = np.array([0.1, 0.2, 0.7]), np.array([0.5, 0.0, 0.1]), np.array([0.0, -0.4, 0.2])
    envelope = [(0.0, 0.8), (0.4, 0.15 * np.exp(0.5j)), (-0.4, 0.15 * np.exp(-0.5j))]
    waves = theory.texture_waves(C, P, Q, 0.9, 0.3, envelope)
    x, t = 1.7, 2.3
    field = sum(w.amplitude * np.exp(1j * (w.q * x + w.Omega * t)) for w in waves)
    phase = 0.9 * x + 0.3 * t
    expected = (0.8 + 0.3 * math.cos(0.4 * x + 0.5)) * (C + P * math.cos(phase) + Q * math.sin(phase))
    np.testing.assert_allclose(field, expected, atol=1e-14)
    A = theory.harmonics(waves, [x], 0.3, 2)[:, :, 0]
    from_harmonics = A[0] + A[1] * math.cos(0.3 * t) + A[2] * math.sin(0.3 * t)
    np.testing.assert_allclose(from_harmonics, expected, atol=1e-14)
    assert np.all(A[3:] == 0.0)


def test_cell_averages():
    waves, edges = modulated(), np.array([0.0, 0.5, 3.0])
    averages = theory.cell_averages(waves, edges, 0.3, 1)
    for i in range(2):
        x = edges[i] + (np.arange(4000) + 0.5) / 4000 * (edges[i + 1] - edges[i])
        np.testing.assert_allclose(
            averages[:, :, i], theory.harmonics(waves, x, 0.3, 1).mean(axis=-1), atol=1e-7
        )


def test_a_foreign_frequency_is_refused():
    with pytest.raises(ValueError, match="harmonic"):
        theory.harmonics([Wave(1.0, 0.31, np.ones(3, dtype=complex))], [0.0], 0.3, 1)


def test_merging_makes_exact_zeros():
    k = 0.1 + 0.2
    one = np.ones(3, dtype=complex)
    (wave,) = theory.merged(
        [Wave(k - 0.3, 0.0, one), Wave(0.0, 0.0, -one * (1 + 1e-16)), Wave(0.0, 0.0, 0 * one)][1:]
    )
    assert np.all(wave.amplitude == -1.0)
    waves = theory.merged([Wave(k, 1.0, one), Wave(0.3, 1.0, -0.5 * one), Wave(k - 0.3, 0.0, one)])
    assert [w.q for w in waves] == [k, 0.0]
    np.testing.assert_allclose(waves[0].amplitude, 0.5)


# --- several directions ------------------------------------------------------------------------


def mean_over_the_sphere(f, dimension):
    """Mean of f(v̂) by a rule that knows nothing of the integrand: trapezoid around, Gauss–Legendre along x."""
    if dimension == 1:
        return 0.5 * (f(np.eye(3)[:1]) + f(-np.eye(3)[:1])).sum(axis=-1)
    angle = (np.arange(800) + 0.5) * 2 * np.pi / 800
    if dimension == 2:
        return f(np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=1)).mean(axis=-1)
    mu, weight = np.polynomial.legendre.leggauss(400)
    across = np.sqrt(1 - mu**2)[:, None]
    v = np.stack(np.broadcast_arrays(mu[:, None], across * np.cos(angle), across * np.sin(angle)), axis=-1)
    return (f(v.reshape(-1, 3)) * np.repeat(0.5 * weight / angle.size, angle.size)).sum(axis=-1)


WAVE_VECTORS = [
    ([1.0, 0.0, 0.0], [0.3, 0.8, 0.0]),
    ([20.0, -15.0, 0.0], [0.0, 30.0, 0.0]),
    ([30.0, 0.0, 0.0], [-29.9, 0.3, 0.0]),
    ([0.01, 0.02, 0.0], [0.0, 0.0, 0.0]),
    ([2.0, 1.0, 0.0], [2.0, 1.0, 0.0]),
    ([0.3, -1.0, 4.0], [0.7, 2.0, -0.1]),
]


@pytest.mark.parametrize("dimension", DIMENSIONS)
@pytest.mark.parametrize(("q1", "Q"), WAVE_VECTORS)
@pytest.mark.parametrize(("gamma1", "gamma"), [(1.1, 1.1), (1.0 + 0.3j, 1.0 - 2j)])
def test_pair_means_in_several_directions(q1, Q, gamma1, gamma, dimension):
    def pair(v):
        seen = np.array(q1)[:dimension], np.array(Q)[:dimension]
        return 1 / ((gamma1 + 1j * v[:, :dimension] @ seen[0]) * (gamma + 1j * v[:, :dimension] @ seen[1]))

    mean, moments = theory.vector_pair_means(q1, gamma1, Q, gamma, 1.0, dimension)
    expected = mean_over_the_sphere(lambda v: np.vstack([v.T, np.ones(len(v))]) * pair(v), dimension)
    assert mean == pytest.approx(expected[3], rel=1e-11)
    np.testing.assert_allclose(moments, expected[:3], atol=1e-11 * np.abs(expected[:3]).max())


@pytest.mark.parametrize("dimension", DIMENSIONS)
def test_pair_means_of_collinear_waves_are_those_along_x(dimension):
    n = np.array([0.6, -0.8, 0.0]) if dimension > 1 else np.eye(3)[0]
    for q1, Q in [(0.5, 1.7), (3.0, -2.9), (80.0, 50.0), (1e-3, 0.0)]:
        mean, moments = theory.vector_pair_means(q1 * n, 1.1 + 0.2j, Q * n, 1.1 - 0.3j, 0.7, dimension)
        pair = q1, 1.1 + 0.2j, Q, 1.1 - 0.3j, 0.7, dimension
        assert mean == pytest.approx(theory.mean_G1G(*pair), rel=1e-11)
        np.testing.assert_allclose(moments, n * theory.mean_mu_G1G(*pair), rtol=1e-10, atol=1e-16)


def field_at(waves, r, t):
    """Value of a field at one place and time."""
    return sum(w.amplitude * np.exp(1j * (np.dot(w.q, r) + w.Omega * t)) for w in waves)


def test_crossed_waves_are_the_texture():
    r, t = np.array([1.3, -0.7, 5.0]), 2.9
    waves = theory.crossed_waves(0.4, 3.0, 0.9, 0.5, 0.3, phase=0.8, scale=0.2)
    across = 1 + 3.0 * math.cos(0.5 * r[1])
    expected = [0.4 * math.cos(0.9 * r[0] + 0.8), across * math.cos(0.3 * t), across * math.sin(0.3 * t)]
    np.testing.assert_allclose(field_at(waves, r, t), 0.2 * np.array(expected), atol=1e-15)
    assert len(waves) == 8


def test_spiral_in_any_direction():
    C, P, Q, q = (
        np.array([0.1, 0.2, 0.7]),
        np.array([0.5, 0, 0.1]),
        np.array([0, -0.4, 0.2]),
        [0.3, -0.9, 0.5],
    )
    r, t = np.array([1.3, -0.7, 0.4]), 2.9
    envelope = [(0.0, 0.8), ([0, 0.4, 0], 0.15j), ([0, -0.4, 0], -0.15j)]
    waves = theory.texture_waves(C, P, Q, q, 0.3, envelope)
    phase = np.dot(q, r) + 0.3 * t
    expected = (0.8 - 0.3 * math.sin(0.4 * r[1])) * (C + P * math.cos(phase) + Q * math.sin(phase))
    np.testing.assert_allclose(field_at(waves, r, t), expected, atol=1e-14)


def test_derivatives_in_several_directions():
    S = theory.crossed_waves(0.4, 3.0, 0.9, 0.5, 0.3)
    r, t, h = np.array([1.3, -0.7, 0.2]), 0.7, 1e-4
    steps = h * np.eye(3)
    slopes = np.array([field_at(S, r + step, t) - field_at(S, r - step, t) for step in steps]) / (2 * h)
    np.testing.assert_allclose(field_at(theory.gradient(S), r, t), slopes, atol=1e-8)
    curvature = sum(
        field_at(S, r + step, t) - 2 * field_at(S, r, t) + field_at(S, r - step, t) for step in steps
    )
    np.testing.assert_allclose(field_at(theory.laplacian(S), r, t), curvature / h**2, atol=1e-6)
    twist = field_at(theory.cross(S, theory.gradient(S)), r, t)
    np.testing.assert_allclose(twist, np.cross(field_at(S, r, t), slopes), atol=1e-8)


def test_averages_over_the_cells_of_a_mesh():
    S = theory.crossed_waves(0.4, 3.0, 0.9, 0.5, 0.3, phase=0.8)
    edges = [np.array([0.0, 0.5, 3.0]), np.array([-1.0, 0.2, 1.0, 2.5]), np.array([0.0, 1.0])]
    averages = theory.mesh_averages(S, edges, 0.3, 1)
    assert averages.shape == (3, 3, 2, 3, 1)
    fine = [
        np.concatenate([a + (np.arange(200) + 0.5) / 200 * (b - a) for a, b in pairwise(e)])
        for e in edges[:2]
    ]
    points = theory.mesh_harmonics(S, fine, 0.3, 1).reshape(3, 3, 2, 200, 3, 200)
    np.testing.assert_allclose(averages[..., 0], points.mean(axis=(3, 5)), atol=2e-5)
    flux = theory.gradient(S)
    assert theory.mesh_averages(flux, edges, 0.3, 1).shape == (3, 3, 3, 2, 3, 1)
    np.testing.assert_allclose(
        theory.mesh_harmonics(S, [[1.3], [-0.7]], 0.3, 1)[0, :, 0, 0],
        [0.4 * math.cos(0.9 * 1.3 + 0.8), 0, 0],
        atol=1e-15,
    )


def test_a_mesh_along_x_sees_what_a_line_sees():
    S, edges = modulated(), np.linspace(0, 3, 7)
    line = theory.cell_averages(S, edges, 0.3, 1)
    for more in ([], [[0.0, 1.0]], [[0.0, 1.0], [0.0, 0.5, 1.0]]):
        mesh = theory.mesh_averages(S, [edges, *more], 0.3, 1)
        np.testing.assert_array_equal(
            mesh, np.broadcast_to(line.reshape(3, 3, 6, *[1] * len(more)), mesh.shape)
        )


def test_what_the_mesh_or_the_electrons_lack_is_refused():
    S = theory.crossed_waves(0.4, 3.0, 0.9, 0.5, 0.3)
    with pytest.raises(ValueError, match="axes that the mesh lacks"):
        theory.mesh_averages(S, [[0.0, 1.0]], 0.3, 1)
    with pytest.raises(ValueError, match="do not move along"):
        theory.exact_solution(S, theory.Medium.reduced(0.1, dimension=1), "second")
    with pytest.raises(ValueError, match="vector of 3"):
        theory.texture_waves([0, 0, 1], [1, 0, 0], [0, 1, 0], [0.3, 0.4], 1.0)


def test_numbers_and_vectors_mix():
    one = np.ones(3, dtype=complex)
    (wave,) = theory.merged([Wave(0.3, 0.0, one), Wave(np.array([0.3, 0.0, 0.0]), 0.0, one)])
    np.testing.assert_array_equal(wave.q, [0.3, 0.0, 0.0])
    np.testing.assert_array_equal(wave.amplitude, 2.0)
    along_y = [Wave(np.array([0.0, 0.4, 0.0]), 0.0, one)]
    (product,) = theory.cross([Wave(0.3, 0.0, np.array([1.0, 0, 0]))], along_y)
    np.testing.assert_array_equal(product.q, [0.3, 0.4, 0.0])


# --- many scales at once, and tables for notebooks ---------------------------------------------------------------------


@pytest.mark.parametrize("channel", ["first", "second", "second_ladder"])
@pytest.mark.parametrize("q", [1.0, [0.6, 0.8, 0.0]])
def test_many_scales_at_once(channel, q):
    medium = theory.Medium.reduced(0.05, tau_sf=30.0)
    scale = np.array([0.01, 1.0, 30.0])

    def texture(factor):
        return theory.texture_waves((0, 0, 0.6), (0.8, 0, 0), (0, 0.8, 0), factor * np.array(q), 0.01)

    many = theory.exact_solution(texture(1.0), medium, channel, scale=scale)
    for i, factor in enumerate(scale):
        for stacked, alone in zip(many, theory.exact_solution(texture(factor), medium, channel), strict=True):
            for part in theory.PARTS:
                for wave, one in zip(stacked[part], alone[part], strict=True):
                    assert wave.Omega == one.Omega
                    np.testing.assert_allclose(wave.q[i], one.q, rtol=1e-14)
                    np.testing.assert_allclose(wave.amplitude[i], one.amplitude, rtol=1e-10, atol=1e-18)


def test_scales_that_are_none():
    waves = theory.texture_waves((0, 0, 0.6), (0.8, 0, 0), (0, 0.8, 0), 1.0, 0.01)
    for scale in (1.0, [], [0.0], [1.0, -1.0], [np.inf]):
        with pytest.raises(ValueError, match="must be a list of positive numbers"):
            theory.exact_solution(waves, theory.Medium.reduced(0.05), "first", scale=scale)


def test_tables_for_notebooks():
    medium = theory.Medium.reduced(0.05)
    assert "<th>ell</th><td>1</td>" in medium._repr_html_()
    waves = theory.texture_waves((0, 0, 0.6), (0.8, 0, 0), (0, 0.8, 0), 1.0, 0.01)
    table = theory.exact_solution(waves, medium, "first")._repr_html_()
    assert table.count("<tr>") == 1 + 9 * 3
    assert "3 × 3 numbers" not in table
    assert (
        "20 × 3 numbers"
        in theory.exact_solution(waves, medium, "first", scale=np.arange(1, 21))._repr_html_()
    )
