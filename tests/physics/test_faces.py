"""Samples with faces, where closed forms exist: free flight, closed samples, Valet–Fert layers, the Milne problem."""

import numpy as np
import pytest
from walks import (
    COS,
    DC,
    DIFFUSIVE,
    FIRST,
    LIMIT,
    LOCAL,
    SECOND,
    SIN,
    X,
    Y,
    Z,
    assert_agrees,
    assert_near,
    jackknife,
    mean_and_error,
    medium_of,
    problem_of,
    reduced_deck,
    walk,
)

from mcpump import theory
from mcpump.theory.diffusion import END_POINT, diffusion_slab

STEP = {"kind": "junction", "width": 0.0, "cone_angle": 1.0, "angular_frequency": 1e-3}


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_free_flight_between_absorbing_walls(dimension):
    # j = a(x − L/2), any d, up to terms of order L/ℓ = 1e-4.
    L, Omega = 1e-4, 0.1
    places = np.array([0.0, 0.25, 0.5, 0.7, 1.0]) * L
    problem = problem_of(
        reduced_deck(
            {"kind": "uniform", "cone_angle": 1.0, "angular_frequency": Omega}, length=L, planes=places, cells=10,
            faces=("absorbing", "absorbing"), dimension=dimension, walkers=524288, block=4096, first_flights=1,
        )
    )  # fmt: skip
    blocks = walk(problem)
    a = Omega * np.sin(1.0)
    total = blocks.passages.sum(axis=1)[:, FIRST]
    for source, harmonic, component in ((a, SIN, X), (-a, COS, Y)):
        expected = theory.free_flight_current(places, L, source)
        # the formula's own terms of order L/ℓ are larger than the errors
        assert_close(total[:, harmonic, component], expected, "planes", 0.5 * a * L, L)
        cells = (np.arange(10) + 0.5) * (L / 10)
        flux = blocks.flux.sum(axis=1)[:, FIRST, harmonic, component]
        assert_close(flux, theory.free_flight_current(cells, L, source), "cells", 0.5 * a * L, L)
    out = blocks.budget[:, 4:6, FIRST, SIN, X]
    assert_close(out, 0.5 * a * L, "left at each face", 0.5 * a * L, L)


def assert_close(samples, expected, what, scale, order):
    """Demand agreement within 4 standard errors and terms of an order, and standard errors below that order."""
    mean, error = mean_and_error(samples)
    text = f"{what}: {mean} ± {error}, expected {expected}"
    assert np.all(np.abs(mean - expected) <= LIMIT * error + order * scale), text
    assert np.all(error <= order * scale), text


@pytest.mark.parametrize(
    ("faces", "dimension"),
    [
        (("specular", "specular"), 3),
        (("diffuse", "diffuse"), 3),
        (("diffuse", "specular"), 2),
        (("diffuse", "diffuse"), 1),
    ],
)
def test_uniform_source_in_a_closed_sample(faces, dimension):
    # Nothing tells one place from another: g = a/(iΩ + 1/τ_sf) everywhere, whatever the faces do to directions.
    # A diffuse face that emitted by another law than the cosine law would pile up or deplete the cells beside it.
    Omega, gamma, L = 0.2, 0.25, 2.0
    problem = problem_of(
        reduced_deck(
            {"kind": "uniform", "cone_angle": 1.0, "angular_frequency": Omega}, length=L, cells=10, faces=faces,
            dimension=dimension, tau_sf=1.0 / gamma, walkers=1048576, block=8192, planes=[1.0],
        )
    )  # fmt: skip
    blocks = walk(problem)
    response = -1j * Omega * np.sin(1.0) / (1j * Omega + gamma)  # of S_x ∝ e^{iΩt}
    total = blocks.density.sum(axis=1)[:, FIRST]
    assert_agrees(total[:, COS, X], response.real, "x cos", abs(response))
    assert_agrees(total[:, SIN, X], -response.imag, "x sin", abs(response))
    assert_agrees(total[:, COS, Y], response.imag, "y cos", abs(response))
    if "diffuse" not in faces:
        local = -1j * Omega * np.sin(1.0) / (1j * Omega + gamma + 1.0)
        assert_agrees(blocks.density[:, LOCAL, FIRST, COS, X], local.real, "local x cos", abs(local))
        assert_agrees(
            blocks.density[:, DIFFUSIVE, FIRST, SIN, X], (local - response).imag, "x sin", abs(response)
        )


@pytest.fixture(scope="module")
def layer():
    """A magnet of 2ℓ and a metal of 2λ_s with a closed far face, λ_s = 20ℓ."""
    lam, magnet = 20.0, 2.0
    thickness = 2.0 * lam
    deck = reduced_deck(
        {**STEP, "interface": magnet}, length=magnet + thickness, cells=84, faces=("specular", "specular"),
        tau_sf=3.0 * lam**2, walkers=262144, block=2048,
        planes=[magnet, magnet + 0.25 * thickness, magnet + 0.5 * thickness, magnet + thickness],
    )  # fmt: skip
    problem = problem_of(deck)
    return problem, walk(problem), lam, magnet, thickness


def test_valet_fert_current_and_density(layer):
    # Behind the source, ℓ/λ_s = 1/20, diffusion theory holds up to (ℓ/λ_s)²/3 ~ 1e-3: λ_s itself has such a correction.
    _, blocks, lam, magnet, thickness = layer
    current = blocks.passages.sum(axis=1)[:, SECOND, DC, Z]
    ratio, error = jackknife(current, lambda m: m[1:3] / m[0])
    assert_near(ratio[1], error[1], 0.324027, "half-way")
    assert_near(
        ratio[0], error[0], theory.layer_current(0.25 * thickness, thickness, lam), "a quarter of the way"
    )
    assert not np.any(current[:, 3])
    # density: cosh((d − x)/λ_s), relative to its mean beyond 3ℓ from the magnet
    density = blocks.density.sum(axis=1)[:, SECOND, DC, Z]
    x = (np.arange(84) + 0.5) * 0.5 - magnet
    metal = x > 3.0
    groups = np.array_split(np.flatnonzero(metal), 6)
    shape = np.array([theory.layer_density(x[group], thickness, lam).mean() for group in groups])
    measured, error = jackknife(density, lambda m: np.array([m[g].mean() for g in groups]) / m[metal].mean())
    assert_near(measured, error, shape / theory.layer_density(x[metal], thickness, lam).mean(), "density")


def test_valet_fert_mean_current(layer):
    problem, blocks, lam, magnet, thickness = layer
    h = problem.scene.lengths[0] / problem.scene.cells[0]
    metal = slice(round(magnet / h), None)
    mean = blocks.flux.sum(axis=1)[:, SECOND, DC, Z, metal].mean(axis=-1)
    at_interface = blocks.passages.sum(axis=1)[:, SECOND, DC, Z, 0]
    ratio = jackknife(np.stack([mean, at_interface], axis=1), lambda m: m[0] / m[1])
    assert_near(*ratio, 0.380797, "mean current over the layer")
    assert theory.layer_mean_current(thickness, lam) == pytest.approx(0.380797, abs=1e-6)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_milne_problem_at_an_absorbing_face(dimension):
    # Without relaxation the current is the same everywhere behind the source, and more than 2ℓ from source and face the
    # density is j/D times the distance to a point z0 behind the face: z0/ℓ = 1, 0.8183, 0.7104.
    magnet, metal, cells = 1.0, 9.0, 40
    problem = problem_of(
        reduced_deck(
            {**STEP, "interface": magnet}, length=magnet + metal, cells=cells, faces=("specular", "absorbing"),
            dimension=dimension, planes=[magnet, 5.0, magnet + metal], walkers=524288, block=4096,
        )
    )  # fmt: skip
    blocks = walk(problem)
    current = blocks.passages.sum(axis=1)[:, SECOND, DC, Z]
    size = current.mean()
    assert_agrees(current[:, 1:] - current[:, :1], 0.0, "the current is constant", size)
    assert_agrees(current[:, 2] - blocks.budget[:, 5, SECOND, DC, Z], 0.0, "the budget's", size)
    density = blocks.density.sum(axis=1)[:, SECOND, DC, Z]
    x = (np.arange(cells) + 0.5) * ((magnet + metal) / cells)
    zone = (x > magnet + 3.0) & (x < magnet + metal - 2.0)
    distance = (magnet + metal - x[zone]).mean()
    samples = np.concatenate([density[:, zone].mean(axis=1, keepdims=True), current[:, 2:]], axis=1)
    extrapolated, error = jackknife(samples, lambda m: m[0] / m[1] / dimension - distance)
    assert_near(extrapolated, error, END_POINT[dimension], "z0/ℓ", small=0.03)


def test_thick_sample_between_absorbing_faces_follows_diffusion_theory():
    # The source of diffusion is what the torque's profile says; ℓ/λ_s = 0.1 and ℓ/L = 1/40 leave errors of diffusion
    # theory of about 1 % near the faces, which are allowed on top of four standard errors.
    lam, L, cells = 10.0, 40.0, 40
    planes = np.array([0.0, 5.0, 10.0, 30.0, 35.0, 40.0])
    problem = problem_of(
        reduced_deck(
            {"kind": "uniform", "cone_angle": 1.0, "angular_frequency": 1e-4}, length=L, cells=cells,
            faces=("absorbing", "absorbing"), tau_sf=3.0 * lam**2, walkers=524288, block=4096, planes=planes,
        )
    )  # fmt: skip
    blocks = walk(problem)
    torque = blocks.torque[:, SECOND, DC, Z].mean(axis=0)
    g, flux = diffusion_slab(torque, L / cells, medium_of(problem), 0.0, "absorbing", "absorbing")
    mean, error = mean_and_error(blocks.passages.sum(axis=1)[:, SECOND, DC, Z])
    expected = flux.real[np.rint(planes * cells / L).astype(int)]
    assert np.all(error <= 0.01 * np.abs(flux.real).max())
    assert np.all(np.abs(mean - expected) <= 4.0 * error + 0.01 * np.abs(flux.real).max())
    density, error = mean_and_error(blocks.density.sum(axis=1)[:, SECOND, DC, Z])
    deep = slice(3, -3)
    assert np.all(error[deep] <= 0.012 * g.real.max())
    assert np.all(np.abs(density - g.real)[deep] <= 4.0 * error[deep] + 0.01 * g.real.max())
