"""Faces of the general walk: specularity between 0 and 1, partial absorption, free flight between reservoirs."""

import itertools

import numpy as np
import pytest
from general_walks import assert_in, assert_no_chi2_alarm, exact_profiles, general_deck, general_walk
from ordinates import coarse, solve
from walks import COS, LOCAL, Y, Z, problem_of

from mcpump import theory

SLOW = 1e-6
STATIC = {"kind": "uniform", "cone_angle": np.pi / 2.0, "angular_frequency": SLOW}
"""So slow that its first order follows the source −Ṡ_y = −Ω cos Ωt at once."""
ALONG = {
    "kind": "spiral", "cone_angle": 1.0, "angular_frequency": 0.1, "wavenumber": 1.0, "direction": [0.0, 1.0, 0.0],
}  # fmt: skip
OUTWARD = {1: 0.5, 2: 1.0 / np.pi, 3: 0.25}
"""Isotropic flux onto a face, ⟨|v_x|⟩/2."""


def static(samples):
    """In-phase amplitude per Ω of blocks' (…, channel, harmonic, component, …), its harmonic axis last but two."""
    return samples[:, :, 0, COS, Y] / -SLOW


@pytest.mark.parametrize("dimension", [2, 3])
def test_uniform_equilibrium_stays_uniform_at_faces_of_any_specularity(dimension):
    deck = general_deck(
        None, x=(1.5, 4), y=(1.0, 4), faces=({"specularity": 0.5}, "diffuse"),
        y_faces=("specular", {"specularity": 0.2}), walkers=128 * 512, block=512, dimension=dimension,
        channels=("first",), time=(3.0, 2), initial={"spin": [0.0, 0.0, 1.0]}, planes=[0.375, 0.75],
    )  # fmt: skip
    blocks = general_walk(problem_of(deck))
    density = blocks.density.sum(axis=1)[:, 0, 0, Z, :, :, 0]
    flux = blocks.flux.sum(axis=1)[:, :, 0, 0, Z, :, :, 0]
    assert_in(density.mean(axis=(1, 2)), 1.0, "mean density")
    for bin_ in range(2):
        for axis in (1, 2):
            what = f"bin {bin_}, averaged along {axis}"
            assert_no_chi2_alarm(density[..., bin_].mean(axis=axis) - 1.0, "density, " + what)
            for i in range(2):
                assert_no_chi2_alarm(flux[:, i, ..., bin_].mean(axis=1 + (axis == 2)), f"flux {i}, " + what)


def test_diffuse_walls_of_a_film_slow_diffusion_along_it():
    # Fuchs: with specular walls a film is as good as the bulk (exact); rough walls add scatterings, so that the wave
    # along the film spreads less, and half rough ones lie between.
    amplitudes = []
    for specularity in (1.0, 0.5, 0.0):
        deck = general_deck(
            ALONG, x=(0.5, 1), y=(2.0 * np.pi, 8), faces=({"specularity": specularity},) * 2, walkers=128 * 512,
            block=512, tau_sf=5.0, channels=("first",),
        )  # fmt: skip
        problem = problem_of(deck)
        blocks = general_walk(problem)
        exact = sum(exact_profiles(problem, deck, "first")["density"].values())
        density = blocks.density.sum(axis=1)[:, 0, ..., 0]
        amplitudes.append((density * exact).reshape(len(density), -1).sum(axis=1) / (exact**2).sum())
    assert_in(amplitudes[0], 1.0, "specular film")
    for smoother, rougher in itertools.pairwise(amplitudes):
        difference = rougher - smoother
        assert difference.mean() > 6.0 * difference.std() / np.sqrt(len(difference))


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize(
    "faces",
    [
        ({"absorption": 0.3, "specularity": 0.5}, {"absorption": 0.6, "specularity": 0.0}),
        ({"absorption": 0.2, "specularity": 1.0}, "absorbing"),
        ({"specularity": 0.5}, {"absorption": 0.5, "specularity": 0.0}),
    ],
)
def test_partly_absorbing_faces_follow_transport_theory(faces, dimension):
    # Density and current of both parts, and what leaves through the faces.
    deck = general_deck(
        STATIC, x=(3.0, 6), faces=faces, walkers=96 * 512, block=512, dimension=dimension, channels=("first",),
        planes=[0.0, 1.0, 2.0, 3.0],
    )  # fmt: skip
    problem = problem_of(deck)
    blocks = general_walk(problem)
    edges = np.linspace(0.0, 3.0, 121)
    whole, local = (solve(problem.scene, np.ones(120), edges, local=only) for only in (False, True))
    wanted = np.array([coarse(x.real, 6) for x in (local.density, whole.density - local.density)])
    assert_in(static(blocks.density)[..., 0, 0, 0], wanted, "density", wanted.sum(axis=0))
    at = [0, 40, 80, 120]
    passages = static(blocks.passages)[..., 0]
    assert_in(passages.sum(axis=1), whole.flux.real[at], "current", 1.0)
    # As at an interface, what is reflected diffusely leaves the local part where it strikes: inside planes only.
    assert_in(passages[:, LOCAL, 1:3], local.flux.real[at[1:3]], "local current", 1.0)
    left = [blocks.budget[f"left_at_{side}"][:, 0, COS, Y] / -SLOW for side in ("left", "right")]
    assert_in(left[0], -whole.flux.real[0], "left at the left", 1.0)
    assert_in(left[1], whole.flux.real[-1], "left at the right", 1.0)


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_free_flight_between_reservoirs(dimension):
    # ℓ ≫ L: j = a (x − L/2), up to L/ℓ = 1e-3 (d = 2, 3: times a logarithm). A face that absorbs with probability p and
    # reflects the rest towards the reservoir opposite takes p times what strikes it, a L/2.
    L, p = 1e-3, 0.3
    for right, share in (("absorbing", 1.0), ({"absorption": p, "specularity": 0.5}, p)):
        deck = general_deck(
            STATIC, x=(L, 4), faces=("absorbing", right), walkers=64 * 1024, dimension=dimension,
            channels=("first",), planes=[0.0, 0.25 * L, 0.6 * L, L],
        )  # fmt: skip
        blocks = general_walk(problem_of(deck))
        current = static(blocks.passages).sum(axis=1)[..., 0]
        right = current[:, 3]
        error = right.std() / np.sqrt(len(right))
        assert abs(right.mean() - share * 0.5 * L) <= 4.0 * error + 2e-3 * share * L  # as above
        assert error <= 0.01 * share * L
        if share == 1.0:
            x = np.array([0.0, 0.25, 0.6, 1.0]) * L
            expected = theory.free_flight_current(x, L, 1.0)
            # allow for the few who scatter
            mean, error = current.mean(axis=0), current.std(axis=0) / np.sqrt(len(current))
            assert np.all(np.abs(mean - expected) <= 4.0 * error + 2e-3 * L)
            assert np.all(error <= 0.01 * L)


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("absorption", [0.25, 1.0])
def test_a_face_takes_its_share_of_an_isotropic_gas(absorption, dimension):
    # Density 1 at t = 0: the face is struck by ⟨|v_x|⟩/2 until those come back who were reflected, but for those who
    # scatter, less than t = 0.02 of them.
    end = 0.02
    deck = general_deck(
        None, x=(0.05, 1), faces=({"absorption": absorption, "specularity": 0.3}, "specular"), walkers=64 * 2048,
        block=2048, dimension=dimension, channels=("first",), time=(end, 2), initial={"spin": [0.0, 0.0, 1.0]},
        planes=[0.0],
    )  # fmt: skip
    blocks = general_walk(problem_of(deck))
    expected = absorption * OUTWARD[dimension]
    left = blocks.budget["left_at_left"][:, 0, 0, Z] / end
    error = left.std() / np.sqrt(len(left))
    assert abs(left.mean() - expected) <= 4.0 * error + end * expected
    assert error <= 0.02 * expected
    passed = -blocks.passages.sum(axis=1)[:, 0, 0, Z, 0]
    assert np.all(np.abs(passed.mean(axis=0) - expected) <= 4.0 * passed.std(axis=0) / 8.0 + end * expected)
