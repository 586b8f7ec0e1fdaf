"""Transients: free flight switched on, the way into the periodic state, a pulse, causality, the budget."""

import numpy as np
import pytest
from general_walks import (
    CLOSED,
    assert_in,
    compare_with_exact,
    general_deck,
    general_walk,
    medium_of,
    turning,
)
from walks import DIFFUSIVE, LOCAL, Y, Z, problem_of

from mcpump import theory

ALL = ("first", "second", "second_ladder", "exact")


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_free_flight_switched_on(dimension):
    # A uniform source between reservoirs, from t = 0 on; ℓ = 1000 L, of which up to t/τ = 0.2 % scatter.
    L, bins, slow = 1e-3, 8, 1e-6
    end = 2.0 * L
    x = np.array([0.0, 0.3, 0.8, 1.0]) * L
    deck = general_deck(
        {"kind": "uniform", "cone_angle": np.pi / 2.0, "angular_frequency": slow}, x=(L, 2), time=(end, bins),
        faces=("absorbing", "absorbing"), walkers=128 * 2048, block=2048, dimension=dimension, channels=("first",),
        planes=list(x),
    )  # fmt: skip
    blocks = general_walk(problem_of(deck))
    current = blocks.passages.sum(axis=1)[:, 0, 0, Y] / -slow
    fine = 200
    t = (np.arange(bins * fine) + 0.5) * (end / (bins * fine))
    expected = theory.free_flight_current_switched_on(x[:, np.newaxis], t, L, 1.0, dimension)
    expected = expected.reshape(len(x), bins, fine).mean(axis=2)
    mean, error = current.mean(axis=0), current.std(axis=0) / np.sqrt(len(current))
    assert np.all(np.abs(mean - expected) <= 4.0 * error + 2e-3 * L), (mean - expected) / error
    assert np.all(error <= 0.02 * L)


def folded(blocks, bins, harmonics):
    """Harmonics of the last `bins` time bins, one period: the amplitudes of what has these means over the bins."""
    angle = 2.0 * np.pi * (np.arange(bins) + 0.5) / bins
    rows = [np.full(bins, 1.0 / bins)]
    for n in range(1, harmonics + 1):
        rows += [2.0 / bins * f(n * angle) / np.sinc(n / bins) for f in (np.cos, np.sin)]

    def fold(samples):
        last = samples[..., 0, :, :, :, :, -bins:]  # there is one time function
        return np.stack([last @ row for row in rows], axis=-5)[..., np.newaxis]

    return blocks._replace(
        density=fold(blocks.density), flux=fold(blocks.flux), torque=fold(blocks.torque),
        divergence=fold(blocks.divergence),
    )  # fmt: skip


@pytest.mark.parametrize("drive", [None, {"kind": "ramp", "rise": 4.0}], ids=["at once", "ramp"])
def test_a_transient_that_runs_long_enough_meets_the_periodic_answer(drive):
    # Two periods of 2π to forget the beginning: what does not spread is down to e^{−4π/1.5} = 2e-4. The third is folded.
    Omega, q, bins, tau_sf, J = 1.0, 1.0, 8, 1.5, 0.5
    texture = {"kind": "spiral", "cone_angle": 1.0, "angular_frequency": Omega, "wavenumber": q}
    shared = {
        "x": (2.0 * np.pi / q, 8),
        "walkers": 128 * 1024,
        "tau_sf": tau_sf,
        "exchange": J,
        "channels": ALL,
    }
    periodic = general_deck(texture, **shared)
    deck = general_deck(texture, time=(3.0 * 2.0 * np.pi / Omega, 3 * bins), drive=drive, phases=8, **shared)
    blocks = folded(general_walk(problem_of(deck)), bins, 1)
    problem = problem_of(periodic)
    compare_with_exact(problem, periodic, blocks, small=0.06)
    wanted = theory.conical_spiral_exact(1.0, q, Omega, medium_of(problem))
    for name in ("density", "flux", "torque"):
        samples = blocks.flux[:, :, 0] if name == "flux" else getattr(blocks, name)
        found = turning(samples[:, :, blocks.at("exact"), ..., 0, 0, 0], 8)
        size = sum(np.linalg.norm(getattr(wanted, name)[part]) for part in ("local", "diffusive"))
        for part, at in (("local", LOCAL), ("diffusive", DIFFUSIVE)):
            assert_in(found[:, at], getattr(wanted, name)[part], f"exact {name} {part}", size, small=0.05)


@pytest.mark.parametrize("end", [2.0, 6.0], ids=["cut at its height", "over"])
def test_a_pulse_of_the_drive_emits_what_the_magnetization_has_lost(end):
    # −∫Ṡ dt = S(0) − S(end): of a pulse that is over, nothing but its beginning at 2e-9 of its height, e^{−20}.
    t0, width, L, Omega = 2.0, 2.0 / np.sqrt(40.0), 3.0, 0.7
    deck = general_deck(
        {"kind": "uniform", "cone_angle": 1.0, "angular_frequency": Omega}, x=(L, 3), time=(end, 4),
        faces=(CLOSED[0], {"absorption": 0.4, "specularity": 0.3}), walkers=128 * 512, block=512, tau_sf=3.0,
        exchange=0.8, channels=ALL, drive={"kind": "pulse", "time": t0, "duration": width},
    )  # fmt: skip
    blocks = general_walk(problem_of(deck))

    def S(t):
        h = np.exp(-0.5 * ((t - t0) / width) ** 2)
        return np.array([h * np.sin(1.0) * np.cos(Omega * t), h * np.sin(1.0) * np.sin(Omega * t), 0.0])

    for channel in ("first", "exact"):
        emitted = blocks.budget["emitted"][:, blocks.at(channel), 0]
        assert_in(emitted, (S(0.0) - S(end)) * L, f"emitted, {channel}", np.sin(1.0) * L, small=0.02)
    budget = {name: line.copy() for name, line in blocks.budget.items()}
    gained = budget.pop("emitted") + budget.pop("torque")
    np.testing.assert_allclose(gained, sum(budget.values()), rtol=0.0, atol=1e-12)
    for channel in ALL:  # something happened
        assert np.any(np.abs(blocks.budget["relaxed"][:, blocks.at(channel)]) > 1e-4)


def test_the_budget_of_a_periodic_drive_closes_in_every_block():
    deck = general_deck(
        {"kind": "junction", "cone_angle": 1.0, "angular_frequency": 0.3, "interface": 2.0, "width": 0.5},
        x=(4.0, 4), faces=("diffuse", {"absorption": 0.5, "specularity": 0.5}), walkers=16 * 256, block=256,
        tau_sf=3.0, exchange=0.8, channels=ALL,
        layers=[{"start": 2.0, "density_of_states": 2.0, "transmission": 0.5}],
    )  # fmt: skip
    budget = general_walk(problem_of(deck)).walked
    rest = sum(budget[name] for name in ("emitted", "torque")) - sum(
        line for name, line in budget.items() if name not in ("emitted", "torque")
    )
    np.testing.assert_allclose(rest, 0.0, atol=1e-12)


def test_nobody_outruns_the_fermi_velocity_from_a_plane():
    # At x = 2 at t = 0; from x = 3 on v = 2: exact zeros beyond reach, and something within it.
    end, bins, cells = 2.0, 8, 24
    deck = general_deck(
        None, x=(6.0, cells), faces=CLOSED, walkers=64 * 512, block=512, channels=("first",), time=(end, bins),
        initial={"spin": [0.0, 0.0, 1.0], "position": 2.0}, layers=[{"start": 3.0, "fermi_velocity": 2.0}],
        planes=[3.5, 5.0, 5.5],
    )  # fmt: skip
    blocks = general_walk(problem_of(deck))
    edges = np.linspace(0.0, 6.0, cells + 1)
    for bin_ in range(bins):
        t = (bin_ + 1) * end / bins
        right, left = 2.0 + t if t < 1.0 else 3.0 + 2.0 * (t - 1.0), 2.0 - t
        beyond = (edges[:-1] >= right - 1e-12) | (edges[1:] <= left + 1e-12)
        for kind in (blocks.density, blocks.torque, blocks.divergence, blocks.flux[:, :, 0]):
            assert not np.any(kind[..., beyond, 0, 0, bin_])
        density = blocks.density.sum(axis=(0, 1))[0, 0, Z, :, 0, 0, bin_]
        assert np.all(density[~beyond][1:-1] > 0.0)
        for i, plane in enumerate((3.5, 5.0, 5.5)):
            if plane >= right:
                assert not np.any(blocks.passages[..., i, bin_])
    total = blocks.density.sum(axis=1)[:, 0, 0, Z, :, 0, 0].sum(axis=1) * (6.0 / cells)
    assert_in(total, 1.0, "all of the spin is there")


def test_nobody_outruns_the_fermi_velocity_from_a_magnet():
    end, bins, cells = 3.0, 6, 12
    deck = general_deck(
        {"kind": "junction", "cone_angle": 1.0, "angular_frequency": 1.0, "interface": 2.0, "width": 0.0},
        x=(6.0, cells), faces=CLOSED, walkers=16 * 512, block=512, exchange=0.8, channels=ALL, time=(end, bins),
        planes=[2.0, 3.0, 5.0],
    )  # fmt: skip
    blocks = general_walk(problem_of(deck))
    edges = np.linspace(0.0, 6.0, cells + 1)
    for bin_ in range(bins):
        reach = 2.0 + (bin_ + 1) * end / bins
        beyond = edges[:-1] >= reach - 1e-12
        for kind in (blocks.density, blocks.torque, blocks.divergence, blocks.flux[:, :, 0]):
            assert not np.any(kind[..., beyond, 0, 0, bin_])
        assert np.all(np.any(blocks.density[..., ~beyond, 0, 0, bin_], axis=(0, 1, 2, 3, 4)))
    assert not np.any(blocks.torque[..., edges[:-1] >= 2.0, 0, 0, :])  # no texture, no torque
