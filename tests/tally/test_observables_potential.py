"""−∇μ_s is the diffusive current as ℓ/λ → 0, Eq. (14), and fails to be by a known factor as ℓ/λ grows."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from decks import SPIRAL, changed

from mcpump import figures
from mcpump.deck.read import deck_from_dict
from mcpump.problem.reduce import make_problem
from mcpump.simulate.engine import run
from mcpump.theory import local_share

CELLS = 40


def spiral(q_ell, walk="auto", walkers=2**15):
    """Run of one wavelength of a spiral, first order, without relaxation."""
    length = 2.0 * math.pi / q_ell
    deck = changed(
        SPIRAL, electrons__spin_relaxation_time="none", sample__x__length=length, sample__x__cells=CELLS,
        texture__wavelength=length, texture__frequency=1e-9, results__channels=["first"], results__planes=[0.0],
        run__walkers=walkers, run__walkers_per_block=walkers // 32, run__walk=walk,
    )  # fmt: skip
    return run(make_problem(deck_from_dict(deck, "spiral")), 2)


def ratio(result, q_ell):
    """Diffusive current over −∇μ_s, both projected on their one mode, averaged over its four copies."""
    x = result.coords["x"].mean
    cosine, sine = np.cos(q_ell * x), np.sin(q_ell * x)
    # of ∇Ṡ: −cos(qx + Ωt) along x, −sin(qx + Ωt) along y; (harmonic, component)
    waves = {(1, 0): -cosine, (2, 0): sine, (1, 1): -sine, (2, 1): -cosine}
    mu, j = result.estimates["spin_potential"].mean[0, 2], result.estimates["spin_current"].mean[0, 1, 0]
    # central differences over the periodic mesh
    slope = (np.roll(mu, -1, axis=-1) - np.roll(mu, 1, axis=-1)) / (2.0 * (x[1] - x[0]))
    currents, slopes = (
        sum(float(values[pair] @ wave) for pair, wave in waves.items()) for values in (j, -slope)
    )
    return currents / slopes


@pytest.mark.parametrize("q_ell", [0.2, 0.7, 3.0])
def test_current_over_gradient_of_the_potential(q_ell):
    result = spiral(q_ell)
    # ℓK₁ over −iqD, with K₁ = (1 − K)/(iqℓ): 1 for qℓ → 0, 3/(qℓ)² for large qℓ
    expected = 3.0 * local_share(q_ell) / q_ell**2
    turn = 2.0 * math.pi / CELLS
    assert ratio(result, q_ell) == pytest.approx(expected * turn / math.sin(turn), rel=0.04)
    if q_ell < 1.0:  # beyond, noise of neighbouring cells is as large as what differs between them
        copies = [
            figures.potential_gradient(result, component=component, harmonic=harmonic).factor
            for component, harmonic in itertools.product("xy", ("cos1", "sin1"))
        ]
        assert np.mean(copies) * expected * turn / math.sin(turn) == pytest.approx(1.0, abs=0.04)


def test_general_walk_agrees():
    q_ell = 1.5
    expected = 3.0 * local_share(q_ell) / q_ell**2
    turn = 2.0 * math.pi / CELLS
    assert ratio(spiral(q_ell, "general", 2**13), q_ell) == pytest.approx(
        expected * turn / math.sin(turn), rel=0.15
    )
