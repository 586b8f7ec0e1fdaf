"""Walks beside an insulating magnet: what it pumps into a thick metal, exact for any complex R, and the shipped deck."""

import cmath
import math
from pathlib import Path

import numpy as np
import pytest
from walks import COS, DC, LOCAL, Y, Z, assert_agrees, changed, problem_of, reduced_deck, walk

from mcpump.deck.read import read_deck
from mcpump.problem import make_problem
from mcpump.problem.slab import solution_of
from mcpump.tally.pumping import motion_at_planes
from mcpump.theory import Medium, thick_metal_conductance
from mcpump.theory.pumping import sharvin_conductance

SLOW = 1e-5
TORQUE = 1
INSULATOR = {"kind": "insulator", "cone_angle": math.pi / 2.0, "angular_frequency": SLOW}


def beside(R, ratio, length, specularity=0.0, **changes):
    """A metal beside a magnet along x at t = 0; walkers that nothing corrects."""
    face = {"reflection": [R.real, R.imag], "specularity": specularity}
    deck = reduced_deck(
        INSULATOR, length=length, cells=10, faces=(face, "specular"), tau_sf=1.0 / ratio, walkers=65536, block=1024,
        planes=[0.5],
    )  # fmt: skip
    del deck["electrons"]["exchange"]
    return changed(deck, results__channels=["exact"], **changes)


@pytest.mark.parametrize(
    ("R", "ratio"), [(0.0j, 0.5), (0.3 + 0.0j, 0.1), (0.5 + 0.2j, 1.0), (-0.4 + 0.3j, 0.5), (0.9j, 0.3)]
)
def test_thick_metals(R, ratio):
    """g_eff/g_Sh = (1 − R)(1 − A)/(1 − RA), Re of n×ṅ and −Im of ṅ, of all the torque, and in Tserkovnyak's form."""
    problem = problem_of(beside(R, ratio, 14.0 / math.sqrt(3.0 * ratio) + 3.0))
    blocks = walk(problem)
    medium = Medium.reduced(1.0, 1.0 / ratio)
    expected = complex(thick_metal_conductance(R, medium)) / sharvin_conductance(medium)
    torque = 8.0 / SLOW * blocks.budget[:, TORQUE, 0]
    assert_agrees(torque[:, DC, Z], expected.real, "Re g", abs(expected))
    assert_agrees(-torque[:, COS, Y], expected.imag, "Im g", abs(expected))
    # the current has the form at each plane, and the same phase but for what the metal turns: nothing
    motion = motion_at_planes(problem)
    assert motion.twist[DC, Z, 0] == pytest.approx(SLOW)
    current = 8.0 / SLOW * blocks.passages.sum(axis=1)[:, 0, :, :, 0]
    phase = cmath.phase(expected)
    across = current[:, DC, Z] * math.sin(phase) + current[:, COS, Y] * math.cos(phase)
    assert_agrees(across, 0.0, "across the phase of g", abs(expected))


def test_first_flights_of_the_face():
    """The local current at a plane is what the face emits, 2(1 − R)E₃, whatever the metal gives back."""
    R, ratio, place = -0.4 + 0.3j, 0.5, 0.5
    blocks = walk(problem_of(beside(R, ratio, 12.0)))
    mu, weight = np.polynomial.legendre.leggauss(64)
    mu, weight = 0.5 * (mu + 1.0), 0.5 * weight
    left = 2.0 * (weight * mu * np.exp(-(1.0 + ratio) * place / mu)).sum()
    current = 8.0 / SLOW * blocks.passages[:, LOCAL, 0, :, :, 0]
    for harmonic, component, expected in ((DC, Z, (1.0 - R).real), (COS, Y, R.imag)):
        found = current[:, harmonic, component].mean()
        # what the far side has sent back is e^{−2·1.5·12} of it
        assert found == pytest.approx(left * expected, rel=2e-5)


def test_the_shipped_deck_is_solved_and_reads_its_conductance():
    deck = read_deck(Path(__file__).parents[2] / "run" / "yig_pt.toml")
    problem = make_problem(deck)
    assert problem.magnet.insulates
    medium = Medium(deck.gas.v_F, deck.gas.tau, deck.gas.exchange_unit, deck.gas.nu, deck.gas.tau_sf)
    g = sharvin_conductance(medium) * (1.0 - deck.reflection[0])
    assert g == pytest.approx(5e18 + 5e17j)
    _, found = solution_of(problem, ("exact",))
    local, far = found["exact"].local, found["exact"].diffusive
    assert local.through[2, 0, 2] / (local.through[2, 0, 2] + far.through[2, 0, 2]) == pytest.approx(
        0.91, abs=0.005
    )
