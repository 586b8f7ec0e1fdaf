"""Where the spin goes: the budget of the whole sample to rounding, and continuity cell by cell within errors.

On every cell, for every harmonic, with planes at all cell faces,

    j(right) − j(left) = h (a + T − g/τ_sf − ∂_t g)

where j are net passages of planes, T and g are profiles, and a is the exact mean of the source −ħνJ Ṡ over the cell.
For the local part alone 1/τ is one more sink. Residuals of the cells share walkers: they are tested together by
Hotelling's T² with the blocks' covariance, at a false-alarm probability of 1e-5 each (about 60 of them).
"""

import numpy as np
import pytest
from scipy.stats import f as f_distribution
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
    mean_and_error,
    problem_of,
    reduced_deck,
    walk,
)

from mcpump.simulate.engine import run
from mcpump.textures.shapes import texture_profile

CELLS, BLOCKS = 8, 192
KNOWN = 1e-8
"""Relative numerical error to which the budget of what is known without walkers closes."""
OMEGA, GAMMA = 0.05, 0.1
LENGTH = 6.0
JUNCTION = {"kind": "junction", "interface": 3.0, "width": 0.8, "cone_angle": 1.0, "angular_frequency": OMEGA}
MODULATED = {
    "kind": "modulated", "wavenumber": 2.0 * np.pi / LENGTH, "mean": 0.3, "depth": 1.0, "phase": 0.4, "cone_angle": 1.0,
    "angular_frequency": OMEGA,
}  # fmt: skip
SAMPLES = {
    "specular-absorbing": (JUNCTION, ("specular", "absorbing"), 3),
    "diffuse-specular": (JUNCTION, ("diffuse", "specular"), 3),
    "diffuse-absorbing-2d": (MODULATED, ("diffuse", "absorbing"), 2),
    "periodic": (MODULATED, ("periodic", "periodic"), 3),
}
SEEN = {
    FIRST: [(harmonic, component) for harmonic in (COS, SIN) for component in (X, Y)],
    SECOND: [(DC, Z), *((harmonic, component) for harmonic in (COS, SIN) for component in (X, Y))],
}


def sample(name, tau_sf=1.0 / GAMMA, **changes):
    texture, faces, dimension = SAMPLES[name]
    settings = {"length": LENGTH, "faces": faces, "cells": CELLS, "dimension": dimension, "tau_sf": tau_sf}
    settings |= {"walkers": BLOCKS * 4096, "block": 4096, "first_flights": 2, **changes}
    return problem_of(reduced_deck(texture, **settings))


def source_cells(problem):
    """Exact mean of a = −ħνJ Ṡ over each cell, (harmonic, component, cell)."""
    texture, cells = problem.scene.precession, problem.scene.cells[0]
    nodes, weights = np.polynomial.legendre.leggauss(20)
    x = (np.arange(cells)[:, np.newaxis] + 0.5 * (1.0 + nodes)) * (problem.scene.lengths[0] / cells)
    _, cosine, sine = texture_profile(texture, x.ravel()).reshape(3, 3, *x.shape) @ (0.5 * weights)
    return np.array([np.zeros_like(cosine), -texture.Omega * sine, texture.Omega * cosine])


def rate_of_change(density, Omega):
    """∂_t of a density; harmonics on the third axis from the end."""
    change = np.zeros_like(density)
    change[..., COS, :, :] = Omega * density[..., SIN, :, :]
    change[..., SIN, :, :] = -Omega * density[..., COS, :, :]
    return change


def assert_residuals_vanish(samples, scale, what):
    """T² of residuals (blocks, cells), whose errors must be at most 1 % of the scale."""
    (blocks, cells), (mean, error) = samples.shape, mean_and_error(samples)
    t_squared = mean @ np.linalg.solve(np.cov(samples.T) / blocks, mean)
    threshold = f_distribution.isf(1e-5, cells, blocks - cells) * cells * (blocks - 1) / (blocks - cells)
    assert t_squared <= threshold, f"{what}: T² = {t_squared}, residuals in σ {mean / error}"
    assert np.all(error <= 0.01 * scale), f"{what}: errors {error / scale} of the scale"


@pytest.mark.parametrize("name", SAMPLES)
def test_continuity_in_every_cell(name):
    h = LENGTH / CELLS
    problem = sample(name, planes=np.arange(CELLS + 1) * h)
    gamma, source = problem.scene.layers[0].gamma_sf, source_cells(problem)
    assert gamma == pytest.approx(GAMMA)
    blocks = walk(problem)
    local_is_whole = "diffuse" not in SAMPLES[name][1]  # a diffuse face ends first flights too
    for channel in (FIRST, SECOND):
        born = blocks.torque[:, channel] + (source if channel == FIRST else 0.0)
        parts = {"total": (blocks.passages.sum(axis=1), blocks.density.sum(axis=1), gamma)}
        if local_is_whole:
            parts["local"] = (blocks.passages[:, LOCAL], blocks.density[:, LOCAL], 1.0 + gamma)
        for part, (passages, density, sink) in parts.items():
            density = density[:, channel]
            left = np.diff(passages[:, channel], axis=-1)
            gained = h * (born - sink * density - rate_of_change(density, OMEGA))
            scale = h * np.abs(born.mean(axis=0)).max(axis=(1, 2))  # by harmonic
            for harmonic, component in SEEN[channel]:
                what = f"{name} channel {channel} {part} harmonic {harmonic} component {component}"
                residual = (left - gained)[:, harmonic, component]
                size = max(scale[harmonic], scale[1:].max() if harmonic else 0.0)
                if part == "local":  # numerical errors, which do not span the cells
                    assert_agrees(residual, 0.0, what, size, small=1e-4)
                else:
                    assert_residuals_vanish(residual, size, what)


@pytest.mark.parametrize("tau_sf", [1.0 / GAMMA, "none"])
@pytest.mark.parametrize("name", SAMPLES)
def test_budget_of_the_sample_closes_to_rounding(name, tau_sf):
    problem = sample(name, tau_sf, harmonics=2, walkers=65536, planes=[LENGTH])
    result = run(problem)
    imbalance = result.estimates["budget_imbalance"]
    assert imbalance.mean.shape[1:] == (5, 3)
    assert np.all(np.abs(imbalance.mean) <= KNOWN)
    # Blocks scatter by the numerical errors of what is known alone: the walkers' own budget closes to rounding.
    blocks = walk(problem)
    rest = blocks.budget[:, :2].sum(axis=1) - blocks.budget[:, 2:].sum(axis=1)
    mean, error = mean_and_error(rest)
    size = np.abs(blocks.budget[:, 0].mean(axis=0)).max()
    assert np.all(np.abs(mean) <= LIMIT * error + 1e-12 * size)
    assert np.all(error <= 10.0 * KNOWN * size)
    # What was emitted and turned is what the exact source and the torque's profile say.
    lines = dict(zip(result.coords["line"], np.moveaxis(blocks.budget, 1, 0), strict=True))
    emitted = lines["emitted"][:, FIRST]
    exact = source_cells(problem).mean(axis=-1) * LENGTH
    scale = np.abs(exact).max()
    assert_agrees(emitted[:, SIN, X], exact[SIN, X], "emitted x", scale)
    assert_agrees(emitted[:, COS, Y], exact[COS, Y], "emitted y", scale)
    left = lines["left_at_left"] + lines["left_at_right"]
    assert np.any(left) == ("absorbing" in SAMPLES[name][1])
    assert np.any(lines["relaxed"]) == (tau_sf != "none")
    if tau_sf != "none":
        assert not np.any(lines["cut"])


def test_a_deck_without_planes_has_a_budget_too():
    result = run(sample("specular-absorbing", walkers=65536))
    assert np.all(np.abs(result.estimates["budget_imbalance"].mean) <= KNOWN)


@pytest.mark.parametrize("name", ["specular-absorbing", "periodic"])
def test_the_budget_and_the_profiles_tell_the_same_torque_and_relaxation(name):
    problem = sample(name)
    blocks = walk(problem)
    torque = blocks.torque.mean(axis=-1)[:, SECOND, DC, Z] * LENGTH
    assert_agrees(blocks.budget[:, 1, SECOND, DC, Z] - torque, 0.0, "torque", torque.mean())
    relaxed = (
        problem.scene.layers[0].gamma_sf * blocks.density.sum(axis=1).mean(axis=-1)[:, SECOND, DC, Z] * LENGTH
    )
    assert_agrees(blocks.budget[:, 3, SECOND, DC, Z] - relaxed, 0.0, "relaxed", relaxed.mean())


def test_profiles_and_planes_tell_the_same_current():
    # Of a wave of period 2π/q the mean of both face values is the cell's mean times (qh/2)/tan(qh/2).
    spiral = {
        "kind": "spiral",
        "wavenumber": 2.0 * np.pi / LENGTH,
        "cone_angle": 1.0,
        "angular_frequency": OMEGA,
    }
    h = LENGTH / CELLS
    problem = problem_of(
        reduced_deck(
            spiral, length=LENGTH, faces=("periodic", "periodic"), cells=CELLS, tau_sf=1.0 / GAMMA, first_flights=2,
            planes=np.arange(CELLS + 1) * h, walkers=BLOCKS * 8192, block=8192,
        )
    )  # fmt: skip
    blocks, half = walk(problem), np.pi / CELLS
    np.testing.assert_allclose(
        blocks.passages[..., 0],
        blocks.passages[..., -1],
        rtol=0.0,
        atol=1e-13 * np.abs(blocks.passages).max(),
    )
    faces = 0.5 * (blocks.passages[..., :-1] + blocks.passages[..., 1:]) * np.tan(half) / half
    phase = 2.0 * np.pi / LENGTH * (np.arange(CELLS) + 0.5) * h
    waves = np.array([np.cos(phase), np.sin(phase)])
    for channel in (FIRST, SECOND):
        size = np.hypot(*(blocks.flux[:, :, channel, COS, X] @ waves.T).mean(axis=0).sum(axis=0))
        for part in (LOCAL, DIFFUSIVE):
            difference = (faces - blocks.flux)[:, part, channel, COS, X] @ waves.T
            assert_agrees(difference, 0.0, f"channel {channel} part {part}", size)
