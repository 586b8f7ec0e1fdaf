"""Impurities that scatter by the angles of Henyey and Greenstein, of the mean cosine g: walkers against moments.

The l-th Legendre moment of the directions is scattered by g^l. `theory.anisotropic_wave` solves for the moments; for
g = 0 it is the closed form, and by hand it is held against directions on which the law is laid out as a matrix.
"""

import math

import numpy as np
import pytest
from general_walks import general_walk
from walks import COS, DIFFUSIVE, FIRST, LOCAL, SECOND, SIN, X, Z, assert_agrees, problem_of

from mcpump import theory

OMEGA, CONE, CELLS, LOSS = 0.2, 1.0, 12, 0.25
GAMMA = 1.0 + LOSS + 1j * OMEGA


def wave_deck(g, q, walkers=32768):
    return {
        "units": "reduced",
        "electrons": {"exchange": 0.05, "spin_relaxation_time": 1.0 / LOSS, "mean_cosine": g},
        "sample": {
            "x": {"length": 2.0 * math.pi / q, "cells": CELLS, "left": "periodic", "right": "periodic"}
        },
        "texture": {"kind": "spiral", "wavenumber": q, "cone_angle": CONE, "angular_frequency": OMEGA},
        "results": {"channels": ["first", "second"]},
        "run": {"walkers": walkers, "walkers_per_block": 512},
    }


def projected(samples, q, amplitude):
    """Blocks' (harmonic, cells) of the x component, over what has this amplitude of a = −iΩ sin θ e^{i(qx + Ωt)}."""
    edges = np.linspace(0.0, 2.0 * math.pi / q, CELLS + 1)
    mean = (
        -1j * OMEGA * math.sin(CONE) * amplitude * np.diff(np.exp(1j * q * edges)) / (1j * q * np.diff(edges))
    )
    wanted = np.array([mean.real, -mean.imag])
    return np.einsum("bhx,hx->b", samples[:, [COS, SIN]], wanted) / (wanted**2).sum()


@pytest.mark.parametrize(("g", "q"), [(0.6, 0.5), (0.9, 2.0), (-0.5, 1.0)])
def test_a_wave_of_walkers(g, q):
    """Density and current of both orders; spins that S_z has turned in their first flight are born with G_1."""
    blocks = general_walk(problem_of(wave_deck(g, q)))
    mu, _ = theory.wave_directions()
    found = theory.anisotropic_wave(q, GAMMA, g)
    turned = theory.anisotropic_wave(q, GAMMA, g, 1.0 / (GAMMA + 1j * q * mu))
    turn = -2j * 0.05 * math.cos(CONE)  # (2J/ħ) a × S_z ẑ of a_+
    # at (0.9, 2) what is scattered of second order is nearly nothing
    orders = ((FIRST, found, 1.0), (SECOND, turned, turn))[: 1 if q > 1.0 else 2]
    for channel, one, size in orders:
        parts = (
            ("density", LOCAL, one.local_density), ("flux", LOCAL, one.local_current),
            ("density", DIFFUSIVE, one.density - one.local_density),
            ("flux", DIFFUSIVE, one.current - one.local_current),
        )  # fmt: skip
        for kind, part, amplitude in parts:
            of_kind = blocks.density if kind == "density" else blocks.flux[:, :, 0]
            samples = of_kind[:, part, channel, :, X, :, 0, 0, 0]
            assert_agrees(
                projected(samples, q, size * amplitude), 1.0, f"{channel} {kind} {part}", small=0.06
            )


def test_the_wave_of_isotropic_scattering_is_another():
    for g, q in ((0.6, 0.5), (0.9, 2.0), (-0.5, 1.0)):
        one, other = (theory.anisotropic_wave(q, GAMMA, cosine) for cosine in (g, 0.0))
        scattered = one.density - one.local_density
        assert abs(one.density - other.density) > 0.15 * abs(scattered)
        assert one.local_density == other.local_density


def test_a_wave_across_the_mesh():
    """Along y of a mesh in two directions it is the same wave."""
    q, g = 1.0, 0.7
    deck = wave_deck(g, q)
    along = deck["sample"]["x"]
    deck["sample"] = {"x": {**along, "length": 2.0, "cells": 2}, "y": along}
    deck["texture"]["direction"] = [0.0, 1.0, 0.0]
    blocks = general_walk(problem_of(deck))
    found = theory.anisotropic_wave(q, GAMMA, g)
    for samples, amplitude in (
        (blocks.density[:, DIFFUSIVE, FIRST, :, X, :, :, 0, 0], found.density - found.local_density),
        (blocks.flux[:, DIFFUSIVE, 1, FIRST, :, X, :, :, 0, 0], found.current - found.local_current),
    ):
        assert_agrees(projected(samples.mean(axis=2), q, amplitude), 1.0, "along y", small=0.06)


@pytest.mark.parametrize("g", [0.0, 0.75, -0.6])
@pytest.mark.parametrize("axes", [1, 3])
def test_spin_spreads_by_the_transport_length(g, axes):
    """⟨x²⟩ = 2Dτ_tr (s − 1 + e^{−s}), s = t/τ_tr, D = v_F²τ_tr/3, τ_tr = τ/(1 − g): velocities forget at 1/τ_tr."""
    end, bins, L, cells = 12.0, 3, 40.0, 160
    axis = {"length": L, "cells": cells, "left": "absorbing", "right": "absorbing"}
    across = {"length": 5.0, "cells": 1, "left": "specular", "right": "specular"}
    deck = {
        "units": "reduced",
        "electrons": {"mean_cosine": g},
        "sample": {"x": axis, "y": across, "z": across} if axes == 3 else {"x": axis},
        "initial": {"spin": [0.0, 0.0, 1.0], "position": L / 2.0},
        "results": {"end": end, "time_bins": bins},
        "run": {"walkers": 32768, "walkers_per_block": 512, "walk": "general"},
    }
    density = general_walk(problem_of(deck)).density.sum(axis=1)[:, FIRST, 0, Z, :, 0, 0]
    width = L / cells
    x = (np.arange(cells) + 0.5) * width - 0.5 * L
    square = np.einsum("bxt,x->bt", density, (x * x + width * width / 12.0) * width)
    tau = 1.0 / (1.0 - g)

    def grown(t):
        """∫₀^t ⟨x²⟩ dt."""
        s = t / tau
        return 2.0 / 3.0 * tau**3 * (0.5 * s * s - s + 1.0 - math.exp(-s))

    edges = np.linspace(0.0, end, bins + 1)
    wanted = np.diff([grown(t) for t in edges]) / np.diff(edges)
    assert_agrees(square, wanted, f"g = {g}", small=0.02)


def test_diffusion_coefficient_of_a_long_wave():
    """1/(τ/τ_sf + Dq²τ) and λ_s = √(Dτ_sf) with D = v_F²τ/3(1 − g), where spin relaxes slowly."""
    q, g, loss = 0.01, 0.8, 1e-4
    slow = theory.anisotropic_wave(q, 1.0 + loss, g)
    D = 1.0 / (3.0 * (1.0 - g))
    assert slow.density == pytest.approx(1.0 / (loss + D * q * q), rel=5e-3)
    assert slow.current == pytest.approx(-1j * q * D * slow.density, rel=5e-3)
    assert theory.anisotropic_decay(1.0 + 1e-5, g) == pytest.approx(math.sqrt(1e-5 / D), rel=1e-4)


def test_moments_against_directions():
    """The law as a matrix on Gauss points, by quadrature over the azimuth, with nothing of Legendre in it."""
    q, g, gamma = 0.8, 0.5, 1.1 + 0.3j
    mu, weight = np.polynomial.legendre.leggauss(64)
    azimuth = (np.arange(256) + 0.5) * (2.0 * math.pi / 256)
    sine = np.sqrt(1.0 - mu * mu)
    cosine = mu[:, None, None] * mu[:, None] + (sine[:, None] * sine)[..., None] * np.cos(azimuth)
    law = ((1.0 - g * g) / (1.0 + g * g - 2.0 * g * cosine) ** 1.5).mean(axis=-1)
    matrix = np.diag(gamma + 1j * q * mu) - 0.5 * law * weight
    solved = np.linalg.solve(matrix, np.ones(64))
    found = theory.anisotropic_wave(q, gamma, g)
    assert found.density == pytest.approx(0.5 * weight @ solved, rel=1e-9)
    assert found.current == pytest.approx(0.5 * (weight * mu) @ solved, rel=1e-9)
    # a source that depends on direction
    source = 1.0 / (gamma - 1j * 0.4 * theory.wave_directions()[0])
    solved = np.linalg.solve(matrix, 1.0 / (gamma - 1j * 0.4 * mu))
    assert theory.anisotropic_wave(q, gamma, g, source).density == pytest.approx(
        0.5 * weight @ solved, rel=1e-9
    )
    decay = theory.slowest_decay(theory.Medium.reduced(0.1, 2.0)).real
    assert theory.anisotropic_decay(1.5, 0.0) == pytest.approx(decay, rel=1e-5)
