"""The general walk against the walk in lanes, its continuity cell by cell, Eq. (20), and the spin potential.

The two walks share the generator of random numbers but no kernel, and estimate the diffusive density and current in
different ways.
"""

import numpy as np
import pytest
from general_walks import (
    ROUNDING,
    assert_in,
    assert_no_chi2_alarm,
    compare_with_exact,
    exact_profiles,
    general_deck,
    general_walk,
    waves_of,
)
from walks import DC, assert_near, changed, jackknife, problem_of, walk

from mcpump import theory

MODULATED = {
    "kind": "modulated", "cone_angle": 1.0, "angular_frequency": 0.2, "wavenumber": 0.8, "mean": 0.4, "depth": 0.6,
    "ellipticity": 0.7,
}  # fmt: skip
JUNCTION = {"kind": "junction", "cone_angle": 1.0, "angular_frequency": 0.2, "interface": 3.0, "width": 0.5}
BLOCKS = 256


def both_walks(deck):
    """The same deck with the general walk and in lanes, (kind, part, channel, harmonic, component, x) per block."""
    general, fast = problem_of(changed(deck, run__walk="general")), problem_of(deck)
    assert not general.scene.from_collisions
    assert fast.scene.from_collisions
    slow, quick = general_walk(general), walk(fast)

    def packed(density, flux, torque, passages):
        return {"density": density, "flux": flux, "torque": torque, "passages": passages}

    slow_torque = slow.torque.sum(axis=1, keepdims=True)[..., 0, 0, 0]
    return (
        packed(
            slow.density[..., 0, 0, 0], slow.flux[:, :, 0, ..., 0, 0, 0], slow_torque, slow.passages[..., 0]
        ),
        packed(quick.density, quick.flux, quick.torque[:, np.newaxis], quick.passages),
        slow.budget,
        quick.budget,
    )


def assert_same(slow, quick, what, harmonics):
    """Two walks' profiles (blocks, part, channel, harmonic, component, places): chi² of the differences, small errors."""
    slow, quick = slow[:, :, :2, :harmonics], quick[:, :, :2, :harmonics]
    compared = 0
    for part, channel, harmonic, component in np.ndindex(slow.shape[1:5]):
        a, b = slow[:, part, channel, harmonic, component], quick[:, part, channel, harmonic, component]
        compared += assert_no_chi2_alarm(
            a - b, f"{what}, part {part}, channel {channel}, {harmonic}, {component}"
        )
    for part, channel in np.ndindex(slow.shape[1:3]):
        size = np.sqrt((quick[:, :, channel].mean(axis=0) ** 2).sum())
        for samples in (slow[:, part, channel], quick[:, part, channel]):
            error = np.sqrt((samples.std(axis=0, ddof=1) ** 2).sum() / len(samples))
            assert error <= 0.1 * size, f"{what}, part {part}, channel {channel}: error {error} of {size}"
    return compared


@pytest.mark.parametrize("texture", [MODULATED, JUNCTION], ids=["modulated", "junction"])
def test_general_walk_agrees_with_the_walk_in_lanes(texture):
    periodic = texture is MODULATED
    length = 2.0 * np.pi / 0.8 if periodic else 8.0
    deck = general_deck(
        texture, x=(length, 8), faces=("periodic", "periodic") if periodic else ("diffuse", "absorbing"),
        walkers=BLOCKS * 1024, tau_sf=5.0, dimension=2 if periodic else 3, harmonics=2, seed=1,
        planes=[0.0, 2.0, 3.0] if periodic else [0.0, 2.0, 3.0, 8.0],
    )  # fmt: skip
    slow, quick, slow_budget, quick_budget = both_walks(deck)
    for name in ("density", "flux", "torque", "passages"):
        assert assert_same(slow[name], quick[name], name, 5) >= 30
    if not periodic:
        names = ("emitted", "torque", "relaxed", "left_at_right")
        for name, line in zip(names, (0, 1, 3, 5), strict=True):
            a, b = slow_budget[name][:, :2, DC], quick_budget[:, line, :2, DC]
            assert_no_chi2_alarm(a - b, f"budget {name}")
    else:
        for walk_ in ("general", "auto"):
            problem = problem_of(changed(deck, run__walk=walk_))
            compare_with_exact(problem, deck, general_walk(problem), small=0.02)


CROSSED = {
    "kind": "crossed_waves", "c": 0.8, "b": 1.5, "wavenumber": 1.0, "wavenumber_y": 1.4, "angular_frequency": 0.5,
    "scale": 0.3,
}  # fmt: skip
ALL = ("first", "second", "second_ladder", "exact")


def source_of(problem, deck, harmonics):
    """Cell averages of −Ṡ, (harmonic, component, x, y, z)."""
    scene = problem.scene
    edges = [np.linspace(0.0, L, n + 1) for L, n in zip(scene.lengths, scene.cells, strict=True)]
    S_dot = theory.time_derivative(waves_of(problem, deck))
    return -theory.mesh_averages(S_dot, edges, deck["texture"]["angular_frequency"], harmonics)


def residual(problem, deck, blocks, channel):
    """∂_t g + ∇·j + g/τ_sf − source − torque in every cell, per block."""
    scene, at = problem.scene, blocks.at(channel)
    g, torque, divergence = (
        kind.sum(axis=1)[:, at, ..., 0] for kind in (blocks.density, blocks.torque, blocks.divergence)
    )
    Omega = deck["texture"]["angular_frequency"]
    change = np.zeros_like(g)
    for n in range(1, scene.harmonics + 1):
        cosine, sine = 2 * n - 1, 2 * n
        change[:, cosine], change[:, sine] = n * Omega * g[:, sine], -n * Omega * g[:, cosine]
    source = source_of(problem, deck, scene.harmonics) if channel in ("first", "exact") else 0.0
    return change + divergence + scene.layers[0].gamma_sf * g - source - torque, (g, torque, divergence)


@pytest.mark.parametrize(
    ("texture", "y", "exchange", "harmonics"),
    [(MODULATED, None, 0.3, 2), (CROSSED, (2.0 * np.pi / 1.4, 4), 0.5, 2)],
    ids=["modulated", "crossed"],
)
def test_continuity_holds_in_every_cell_for_every_channel(texture, y, exchange, harmonics):
    # Eq. (20). In 2-D the chi² is over coarse groups: rows and columns of cells.
    deck = general_deck(
        texture, x=(2.0 * np.pi / texture["wavenumber"], 4), y=y, walkers=BLOCKS * 512, block=512, tau_sf=3.0,
        exchange=exchange, channels=ALL, harmonics=harmonics,
    )  # fmt: skip
    problem = problem_of(deck)
    blocks = general_walk(problem)
    for channel in ALL:
        rest, terms = residual(problem, deck, blocks, channel)
        whole = np.sqrt(sum((term.mean(axis=0) ** 2).mean() for term in terms))
        chosen = np.where(np.abs(rest).max(axis=0) > ROUNDING, rest, 0.0)
        assert_in(chosen, 0.0, f"{channel}: residual in every cell", whole, small=0.05)
        for harmonic, component in np.ndindex(rest.shape[1:3]):
            numbers = rest[:, harmonic, component, ..., 0]
            what = f"{channel}, harmonic {harmonic}, component {component}"
            if y is None:
                assert_no_chi2_alarm(numbers, what, blocks.freedom)
            else:
                assert_no_chi2_alarm(numbers.sum(axis=1), what + ", along y", blocks.freedom)
                assert_no_chi2_alarm(numbers.sum(axis=2), what + ", along x", blocks.freedom)


@pytest.mark.parametrize(("qell", "tau_sf"), [(0.3, 30.0), (1.0, "none"), (3.0, "none")])
def test_gradient_of_the_spin_potential_meets_the_diffusive_current_only_for_long_waves(qell, tau_sf):
    # First order, μ_s = D g: diffusive current over −∇μ_s is 3 (1 − K)/(qℓ)² where γ = 1, → 1 as qℓ → 0.
    # With relaxation the ratio is 3 (1 − γK)/(qℓ)².
    assert 3.0 * theory.ladder_gap(0.01, 1.0, 3) / 1e-4 == pytest.approx(1.0, abs=1e-4)
    texture = {"kind": "spiral", "cone_angle": 1.0, "angular_frequency": 1e-6, "wavenumber": qell}
    deck = general_deck(
        texture, x=(2.0 * np.pi / qell, 8), walkers=128 * 1024, tau_sf=tau_sf, channels=("first",)
    )
    problem = problem_of(deck)
    blocks = general_walk(problem)
    gamma = 1.0 + problem.scene.layers[0].gamma_sf
    K = float(np.real(theory.K(qell, gamma, 3)))
    expected = 3.0 * (1.0 - gamma * K) / qell**2
    assert expected == pytest.approx({0.3: 0.8918, 1.0: 0.6438, 3.0: 0.1946}[qell], abs=1e-3)

    exact = exact_profiles(problem, deck, "first")
    g, j = (sum(exact["density"].values()), exact["flux"]["diffusive"][:, 0])
    density = (blocks.density.sum(axis=1)[:, 0, ..., 0] * g).sum(axis=(1, 2, 3, 4, 5)) / (g * g).sum()
    current = (blocks.flux[:, 1, 0, 0, ..., 0] * j).sum(axis=(1, 2, 3, 4, 5)) / (j * j).sum()
    assert_in(density, 1.0, "density", small=0.02)
    assert_in(current, 1.0, "current", small=0.02)
    gradient = qell / 3.0 * np.sqrt((g * g).sum())  # of μ_s: the profile turned by a quarter of a wave
    assert np.sqrt((j * j).sum()) / gradient == pytest.approx(expected, rel=1e-6)
    ratio, error = jackknife(np.stack([current, density], axis=1), lambda m: m[0] / m[1])
    assert_near(expected * ratio, expected * error, expected, "diffusive current over −∇μ_s", small=0.02)
