"""Collisions that turn spins over with probability p: what scatters is c = 1 − 2p of what collides, at any qℓ.

∂_t g + v·∇g + (g − c⟨g⟩)/τ = …, so that first flights end at 1/τ and the ladder is Σ (cK)^n. Nothing here knows how
the walk has it.
"""

import math

import numpy as np
import pytest
from scipy.optimize import brentq
from solved import slab_of

import mcpump
from mcpump import theory
from mcpump.deck.read import deck_from_dict
from mcpump.deck.toml import override
from mcpump.problem import make_problem

Q, OMEGA, CONE, CELLS = 1.0, 0.1, 1.0, 16
WAVE = {
    "units": "reduced",
    "electrons": {"exchange": 0.05, "spin_flip_probability": 0.15},
    "sample": {"x": {"length": 2.0 * math.pi / Q, "cells": CELLS, "left": "periodic", "right": "periodic"}},
    "texture": {"kind": "spiral", "wavenumber": Q, "cone_angle": CONE, "angular_frequency": OMEGA},
    "results": {"channels": ["first", "second"], "planes": [1.0]},
    "run": {"walkers": 65536, "walkers_per_block": 1024, "reference": "off"},
}


def wave(p, dimension=3):
    """Density and current of `first`, s_x + i s_y over −ħνJ Ṡ, local and total; γ = 1 + iΩτ."""
    gamma, c = 1.0 + 1j * OMEGA, 1.0 - 2.0 * p
    K = {
        1: gamma / (gamma**2 + Q**2),
        2: 1.0 / np.sqrt(gamma**2 + Q**2),
        3: np.arctan(Q / gamma) / Q,
    }[dimension]
    K_1 = (1.0 - gamma * K) / (1j * Q)
    return {"density": (K, K / (1.0 - c * K)), "current": (K_1, K_1 / (1.0 - c * K))}


def profile(amplitude):
    """Means over the cells of the x component of what has this amplitude of a = −iΩ sin θ e^{i(qx + Ωt)}, cos and sin."""
    edges = np.linspace(0.0, 2.0 * math.pi / Q, CELLS + 1)
    size = -1j * OMEGA * math.sin(CONE) * amplitude
    mean = size * np.diff(np.exp(1j * Q * edges)) / (1j * Q * np.diff(edges))
    return np.array([mean.real, -mean.imag])


@pytest.mark.parametrize(("p", "dimension"), [(0.02, 3), (0.15, 2), (0.49, 3), (0.3, 1)])
def test_a_wave_without_walkers(p, dimension):
    deck = override(WAVE, [f"electrons.spin_flip_probability={p}", f"electrons.dimension={dimension}"])
    found = slab_of(make_problem(deck_from_dict(deck)))["first"]
    local, total = wave(p, dimension)["density"]
    size = np.abs(profile(total)).max()
    assert found.density[0, 1:3, 0] == pytest.approx(profile(local), abs=1e-5 * size)
    assert found.density[:, 1:3, 0].sum(axis=0) == pytest.approx(profile(total), abs=1e-5 * size)


@pytest.mark.parametrize("walk", ["auto", "general"])
def test_a_wave_by_walkers(walk):
    run = mcpump.run(override(WAVE, [f'run.walk="{walk}"']))
    for name, where in (("spin_density", {}), ("spin_current", {"direction": "x"})):
        local, total = wave(0.15)[name.removeprefix("spin_")]
        for part, amplitude in (("local", local), ("diffusive", total - local)):
            told = run[name].sel(channel="first", part=part, component="x", **where)
            mean, error = (np.array([one[1], one[2]]) for one in (told.mean, told.error))
            wanted = profile(amplitude)
            weight = wanted / (wanted**2).sum()
            # as if the errors of cells agreed
            found, noise = float((weight * mean).sum()), float((np.abs(weight) * error).sum())
            assert noise < 0.1
            assert found == pytest.approx(1.0, abs=4.0 * noise + 1e-5)


STACK = {
    "units": "reduced",
    "electrons": {"exchange": 0.4, "spin_flip_probability": 0.1},
    "layer": [{"start": 2.0, "spin_flip_probability": 0.25, "mean_free_path": 0.5, "transmission": 0.7}],
    "sample": {"x": {"length": 4.0, "cells": 8, "left": "specular", "right": "absorbing"}},
    "texture": {
        "kind": "junction", "interface": 2.0, "width": 0.3, "cone_angle": "40 deg", "angular_frequency": 0.2,
    },
    "results": {"channels": ["first", "second", "second_ladder", "exact"], "planes": [2.0]},
    "run": {"walkers": 4096, "walkers_per_block": 64},
}  # fmt: skip


def test_every_channel_is_that_of_scattering_and_relaxation():
    """Rates c/τ and (1 − c)/τ in (W): a deck in units of the longer ℓ/c, τ/c gives the same spin."""
    c, behind = 0.8, 0.5
    same = {
        **STACK,
        "electrons": {"exchange": 0.4 / c, "spin_relaxation_time": c / (1.0 - c)},
        "layer": [{
            "start": 2.0 * c, "mean_free_path": 0.5 * c / behind, "spin_relaxation_time": 0.5 * c / (1.0 - behind),
            "transmission": 0.7,
        }],
        "sample": {"x": {**STACK["sample"]["x"], "length": 4.0 * c}},
        "texture": {**STACK["texture"], "interface": 2.0 * c, "width": 0.3 * c, "angular_frequency": 0.2 / c},
        "results": {**STACK["results"], "planes": [2.0 * c]},
    }  # fmt: skip
    flips, relaxes = (slab_of(make_problem(deck_from_dict(deck))) for deck in (STACK, same))
    for channel, found in flips.items():
        wanted = relaxes[channel]
        for name, unit in (("density", 1.0), ("current", 1.0), ("torque", c)):
            size = np.abs(getattr(wanted, name)).max()
            assert getattr(found, name) == pytest.approx(unit * getattr(wanted, name), abs=1e-9 * size)


def test_spin_diffusion_length():
    """1 = c artanh(κ)/κ with κ = ℓ/λ, of the ℓ that carries charge; √(Dτ_sf) only where p is small."""
    for p in (0.02, 0.1, 0.3):
        c = 1.0 - 2.0 * p
        kappa = brentq(lambda k, c=c: c * math.atanh(k) / k - 1.0, 1e-6, 1.0 - 1e-15)
        medium = theory.Medium(1.0, 1.0 / c, 0.05, 20.0, 1.0 / (1.0 - c), 3, 1.0)
        assert theory.slowest_decay(medium).real == pytest.approx(kappa, rel=1e-10)
        far = 12.0 / (1.0 - kappa) if kappa < 0.8 else 0.0
        if far == 0.0:
            continue
        planes = [far, far + 1.0]
        deck = override(STACK, ["electrons.exchange=0.05", "results.channels=['first']"])
        deck["electrons"]["spin_flip_probability"] = p
        deck["sample"]["x"] |= {"length": far + 25.0, "cells": 20, "left": "specular"}
        deck["texture"] |= {"interface": 1.0, "width": 0.0, "angular_frequency": 1e-6}
        del deck["layer"]
        deck["results"]["planes"] = planes
        found = slab_of(make_problem(deck_from_dict(deck)))["first"]
        through = found.current.sum(axis=0)[1, 1]
        assert math.log(through[0] / through[1]) == pytest.approx(kappa, rel=3e-4)


def test_what_carries_charge_is_left_alone():
    """ℓ, τ, D, σ and a_R are those of collisions; W is a_R times the torque, with τ as it is."""
    rashba = {"rashba": {"field": 0.02, "direction": [0.0, 0.0, 1.0]}}
    waves = {**WAVE, "spin_orbit": rashba, "results": {"channels": ["second"], "planes": [1.0]}}
    slow = override(
        waves, ["texture.wavenumber=0.01", "sample.x.length=628.3185307", "texture.angular_frequency=1e-4"]
    )
    problem = make_problem(deck_from_dict(slow))
    assert not any(problem.scene.dipoles)
    run = mcpump.run(override(slow, ["run.walkers=1024", "run.walkers_per_block=64", "run.reference=auto"]))
    a_R = run["rashba_coefficient"].mean
    assert np.abs(a_R).max() == pytest.approx(0.04)
    torque = run["torque"].sel(channel="second", part="local", harmonic="dc").mean
    W = run["charge_current"].sel(source="rashba", part="local", harmonic="dc").mean
    wanted = np.cross(np.broadcast_to(a_R.reshape(3, -1).T, (torque.shape[-1], 3)), torque.T).T
    assert W[1] == pytest.approx(wanted[1], abs=1e-3 * np.abs(wanted).max())


def test_flips_by_hand_on_transients():
    """Spin at rest everywhere decays at the rate 2p/τ: ρ(t) = e^{−2pt/τ}."""
    p = 0.2
    deck = {
        "units": "reduced",
        "electrons": {"spin_flip_probability": p},
        "sample": {"x": {"length": 3.0, "cells": 1, "left": "specular", "right": "specular"}},
        "initial": {"spin": [0.0, 0.0, 1.0]},
        "results": {"end": 6.0, "time_bins": 3},
        "run": {"walkers": 16384, "walkers_per_block": 256},
    }
    told = mcpump.run(deck)["spin_density"].sel(channel="first", part="total", component="z")
    times = np.linspace(0.0, 6.0, 4)
    wanted = -np.diff(np.exp(-2.0 * p * times)) / (2.0 * p) / 2.0
    assert np.abs(told.mean.ravel() - wanted) == pytest.approx(0.0, abs=4.0 * float(told.error.max()))
    assert float(told.error.max()) < 0.01


@pytest.mark.parametrize("channel", ["second_ladder", "exact"])
def test_walkers_find_the_solution(channel):
    """A stack whose layers turn spins over, by walkers that nothing corrects."""
    deck = override(
        STACK, [f"results.channels=['{channel}']", "run.walkers=65536", "run.walkers_per_block=1024"]
    )
    deck["run"]["reference"] = "off"
    told = mcpump.run(deck)["plane_current"].sel(channel=channel, direction="x", part="total")
    wanted = slab_of(make_problem(deck_from_dict(deck)))[channel].current.sum(axis=0)[..., 0]
    mean, error = told.mean.reshape(3, 3), told.error.reshape(3, 3)
    assert error.max() < 0.02 * np.abs(wanted).max()
    assert np.all(np.abs(mean - wanted) <= 4.0 * error + 1e-6 * np.abs(wanted).max())
