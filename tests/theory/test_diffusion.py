"""The finite sample: against cosh and sinh, against the infinite medium, and its own budget."""

import math

import numpy as np
import pytest

from mcpump import theory
from mcpump.theory import Medium
from mcpump.theory.diffusion import END_POINT, diffusion_slab, diffusion_theory


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_end_points_solve_the_milne_problem(dimension):
    # z0/ℓ = −(1/π) ∫_0^∞ ln[d(1 − K(k))/k²] dk/k², with k = tan u
    nodes, weights = np.polynomial.legendre.leggauss(2000)
    u = 0.25 * math.pi * (1 + nodes)
    k = np.tan(u)
    integrand = np.log(dimension * theory.local_share(k, dimension) / k**2) / np.sin(u) ** 2
    z0 = -0.25 * (weights * integrand).sum()
    assert END_POINT[dimension] == pytest.approx(z0, rel=2e-5)


def test_published_end_points():
    assert pytest.approx(0.7104, abs=5e-5) == END_POINT[3]
    assert pytest.approx(0.8183, abs=5e-5) == END_POINT[2]


@pytest.mark.parametrize("frequency", [0.0, 0.02])
@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_uniform_source_between_a_closed_and_an_absorbing_face(dimension, frequency):
    medium, length = Medium.reduced(0.1, tau_sf=50.0, dimension=dimension), 12.0
    kappa = np.sqrt((1 / 50.0 + 1j * frequency) / medium.D)
    end = END_POINT[dimension] * medium.ell
    # g = A − B cosh(κx) with g + z0 g' = 0 at x = L
    A = 1 / (1 / 50.0 + 1j * frequency)
    B = A / (np.cosh(kappa * length) + end * kappa * np.sinh(kappa * length))
    errors = []
    for cells in (100, 200):
        h = length / cells
        x, faces = (np.arange(cells) + 0.5) * h, np.arange(cells + 1) * h
        g, flux = diffusion_slab(np.ones(cells), h, medium, frequency, "closed", "absorbing")
        errors.append(np.abs(g - (A - B * np.cosh(kappa * x))).max() / abs(A))
        exact_flux = medium.D * B * kappa * np.sinh(kappa * faces)
        np.testing.assert_allclose(flux, exact_flux, atol=1e-3 * np.abs(exact_flux).max())
        mirrored, mirrored_flux = diffusion_slab(np.ones(cells), h, medium, frequency, "absorbing", "closed")
        np.testing.assert_allclose(mirrored[::-1], g, rtol=1e-12)
        np.testing.assert_allclose(-mirrored_flux[::-1], flux, rtol=1e-11, atol=1e-14)
    assert errors[1] < 1e-4
    assert errors[0] / errors[1] == pytest.approx(4.0, rel=0.05)


def test_source_at_a_closed_end_decays_like_valet_and_fert():
    medium, cells, h = Medium.reduced(0.1, tau_sf=12.0), 80, 0.05
    source = np.zeros(cells)
    source[0] = 1 / h  # unit current through the face at x = h/2, up to relaxation in the cell
    g, flux = diffusion_slab(source, h, medium)
    kappa = math.acosh(1 + h**2 / (2 * medium.D * 12.0)) / h  # of the mesh; 1/λ_s as h → 0
    assert kappa == pytest.approx(1 / math.sqrt(medium.D * 12.0), rel=1e-4)
    x = (np.arange(cells) + 0.5) * h
    np.testing.assert_allclose(
        g / g[0], np.cosh(kappa * (4.0 - x)) / np.cosh(kappa * (4.0 - x[0])), rtol=1e-11
    )
    layer = theory.layer_current(np.arange(1, cells + 1) * h - h, 4.0 - h, math.sqrt(medium.D * 12.0))
    np.testing.assert_allclose(flux[1:] / flux[1], layer, atol=1e-4)


def random_source(cells=17):
    rng = np.random.default_rng(5)
    return rng.normal(size=(3, cells)) + 1j * rng.normal(size=(3, cells))


FACES = [("closed", "closed"), ("absorbing", "closed"), ("absorbing", "absorbing"), ("periodic", "periodic")]


@pytest.mark.parametrize("faces", FACES)
@pytest.mark.parametrize("frequency", [0.0, 0.3])
@pytest.mark.parametrize("tau_sf", [4.0, math.inf])
def test_budget_of_every_cell(faces, frequency, tau_sf):
    medium, source, h = Medium.reduced(0.1, tau_sf=tau_sf), random_source(), 0.3
    g, flux = diffusion_slab(source, h, medium, frequency, *faces)
    if frequency == 0.0 and tau_sf == math.inf and "absorbing" not in faces:
        source = source - source.mean(axis=-1, keepdims=True)
        np.testing.assert_allclose(g.mean(axis=-1), 0.0, atol=1e-13)
    residual = (1 / tau_sf + 1j * frequency) * g + np.diff(flux, axis=-1) / h - source
    np.testing.assert_allclose(residual, 0.0, atol=1e-11)
    np.testing.assert_allclose(flux[:, 1:-1], -medium.D * np.diff(g, axis=-1) / h, rtol=1e-12)
    for index, face in zip((0, -1), faces, strict=True):
        if face == "closed":
            assert np.all(flux[:, index] == 0.0)
        elif face == "absorbing":
            outward = flux[:, index] * (1 if index else -1)
            np.testing.assert_allclose(outward, medium.D * g[:, index] / (0.5 * h + END_POINT[3]), rtol=1e-12)
        else:
            np.testing.assert_allclose(flux[:, index], -medium.D * (g[:, 0] - g[:, -1]) / h, rtol=1e-12)


@pytest.mark.parametrize("cells", [2, 3, 40])
def test_periodic_mode(cells):
    medium, h = Medium.reduced(0.1, tau_sf=6.0), 0.2
    q = 2 * math.pi / (cells * h)
    wave = np.exp(1j * q * (np.arange(cells) + 0.5) * h)
    g, _ = diffusion_slab(wave, h, medium, 0.4, "periodic", "periodic")
    on_mesh = 2 / h * math.sin(0.5 * q * h)
    np.testing.assert_allclose(g, wave / (medium.D * on_mesh**2 + 1 / 6.0 + 0.4j), rtol=1e-12)


def test_faces_that_cannot_be():
    medium = Medium.reduced(0.1)
    with pytest.raises(ValueError, match="pairs"):
        diffusion_slab(np.ones(4), 1.0, medium, 0.0, "periodic", "closed")
    with pytest.raises(ValueError, match="not 'open'"):
        diffusion_slab(np.ones(4), 1.0, medium, 0.0, "open", "closed")
    with pytest.raises(ValueError, match="two cells"):
        diffusion_slab(np.ones(1), 1.0, medium)


@pytest.mark.parametrize("tau_sf", [30.0, math.inf])
def test_periodic_sample_is_the_infinite_medium(tau_sf):
    medium, Omega = Medium.reduced(0.2, tau_sf=tau_sf), 0.01
    length, k = 40.0, 2 * math.pi / 40.0
    envelope = [(0.0, 0.6), (k, 0.2 * np.exp(0.4j)), (-k, 0.2 * np.exp(-0.4j))]
    S = theory.texture_waves([0.1, 0, 0.8], [0.5, 0, 0], [0, 0.4, 0.1], 2 * k, Omega, envelope)
    errors = []
    for cells in (100, 200):
        edges = np.linspace(0, length, cells + 1)
        samples = theory.cell_averages(S, edges, Omega, 1).transpose(0, 2, 1)
        profiles = diffusion_theory(*samples, length / cells, medium, Omega, "periodic", "periodic")
        expected = {"first": theory.first_order_current, "second": theory.second_order_current}
        error = []
        for channel, current in expected.items():
            exact = theory.harmonics(current(S, medium), edges, Omega, 2)
            assert profiles[channel].flux.shape == exact.shape == (5, 3, cells + 1)
            assert profiles[channel].density.shape == (5, 3, cells)
            error.append(np.abs(profiles[channel].flux - exact).max() / np.abs(exact).max())
        errors.append(error)
        density = sum(profiles[channel].density for channel in profiles)
        exact = theory.cell_averages(theory.nonequilibrium_density(S, medium), edges, Omega, 2)
        if tau_sf == math.inf:  # the mean of the DC density is undefined
            assert np.isnan(exact[0, 2]).all()
            np.testing.assert_allclose(density[0].mean(axis=-1), 0.0, atol=1e-12)
            density, exact = density[1:], exact[1:]
        np.testing.assert_allclose(density, exact, atol=0.02 * np.abs(exact).max())
    assert max(errors[1]) < 0.01
    np.testing.assert_allclose(np.divide(*errors), 4.0, rtol=0.1)


def test_junction_pumps_spin_along_z_into_the_reservoir():
    cells, h = 80, 0.5
    x = (np.arange(cells) + 0.5) * h
    f = 0.5 * (1 - np.tanh((x - 20) / 3))
    unit, s, c = np.eye(3), math.sin(0.17), math.cos(0.17)
    medium, Omega = Medium.reduced(0.05, tau_sf=300.0), 4e-5
    S = [np.outer(f, c * unit[2]), np.outer(f, s * unit[0]), np.outer(f, s * unit[1])]
    second = diffusion_theory(*S, h, medium, Omega, "closed", "absorbing", n_max=1)["second"]
    dc = second.flux[0]
    np.testing.assert_allclose(dc[:2], 0.0, atol=1e-20)
    assert np.all(np.diff(dc[2, :30]) > 0)
    torque = 2 * medium.nu * medium.J**2 * Omega * s**2 * (f**2).sum() * h
    relaxed = second.density[0, 2].sum() * h / 300.0
    assert dc[2, -1] == pytest.approx(torque - relaxed, rel=1e-10)
    assert 0 < dc[2, -1] < torque
