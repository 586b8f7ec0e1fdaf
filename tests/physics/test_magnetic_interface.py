"""Walks with a magnet in an interface between metals: what it pumps into both, exact for any complex R and T×."""

import math
import tomllib
from pathlib import Path

import numpy as np
import pytest
from walks import COS, DC, Y, Z, assert_agrees, changed, problem_of, reduced_deck, walk

import mcpump
from mcpump.deck.read import deck_from_dict, read_deck
from mcpump.problem import make_problem
from mcpump.problem.slab import solution_of
from mcpump.tally.pumping import motion_at_planes
from mcpump.theory import Medium, magnet_between_metals
from mcpump.theory.pumping import sharvin_conductance

RUN = Path(__file__).resolve().parents[2] / "run"
SLOW = 1e-5
TORQUE = 1
MAGNET = {"kind": "magnetic_interface", "cone_angle": math.pi / 2.0, "angular_frequency": SLOW}


def between(lengths, mixing, losses, slower=1.0, specularity=0.0, **changes):
    """Two metals with a magnet between them, along x at t = 0; walkers that nothing corrects."""
    layer = {
        "start": lengths[0], "spin_relaxation_time": 1.0 / losses[1], "density_of_states": slower,
        "specularity": specularity, "passage": "diffuse", **mixing,
    }  # fmt: skip
    deck = reduced_deck(
        MAGNET, length=sum(lengths), cells=20, faces=("specular", "specular"), tau_sf=1.0 / losses[0], walkers=65536,
        block=1024, planes=[lengths[0] - 0.5, lengths[0] + 0.5],
    )  # fmt: skip
    del deck["electrons"]["exchange"]
    return changed(deck, results__channels=["exact"], layer=[layer], **changes)


def thick(loss):
    """A length of which nothing comes back."""
    return 14.0 / math.sqrt(3.0 * loss) + 3.0


@pytest.mark.parametrize(
    ("R", "T", "passing", "losses", "slower"),
    [
        (0.0j, 0.0j, 1.0, (0.5, 0.5), 1.0),
        (0.3 + 0.2j, 0.0j, 0.5, (0.3, 1.0), 1.0),
        (0.1 + 0.2j, 0.3 - 0.2j, 0.6, (0.5, 0.5), 1.0),
        (0.2 - 0.1j, -0.1 + 0.15j, 0.5, (0.3, 1.0), 0.6),
    ],
)
def test_thick_metals_on_both_sides(R, T, passing, losses, slower):
    """ψ₁ = g₁(1 − R₁ − T₁×) + R₁A₁ψ₁ + T₂×A₂ψ₂, and the other side; Re of n×ṅ and −Im of ṅ, of all the torque."""
    mixing = {
        "transmission": passing, "mixing_transmission": [T.real, T.imag], "reflection": [R.real, R.imag],
    }  # fmt: skip
    length = max(thick(loss) for loss in losses)
    problem = problem_of(between((length, length), mixing, losses, slower))
    blocks = walk(problem)
    left, right = (Medium.reduced(1.0, 1.0 / loss) for loss in losses)
    # the smaller νv is on the right, T× of that side
    mediums = left, right._replace(nu=slower * left.nu)
    expected = sum(magnet_between_metals((R, R), T * slower, mediums)) / sharvin_conductance(left)
    torque = 8.0 / SLOW * blocks.budget[:, TORQUE, 0]
    assert_agrees(torque[:, DC, Z], expected.real, "Re g", abs(expected))
    assert_agrees(-torque[:, COS, Y], expected.imag, "Im g", abs(expected))
    # and both metals take what is theirs: what relaxes in each
    density = 8.0 / SLOW * blocks.density.sum(axis=1)[:, 0]
    cell, half = problem.scene.lengths[0] / 20.0, slice(0, 10)
    both = magnet_between_metals((R, R), T * slower, mediums)
    for metal, loss, g in ((half, losses[0], both[0]), (slice(10, 20), losses[1], both[1])):
        lost = loss * cell * density[..., metal].sum(axis=-1)
        one = g / sharvin_conductance(left)
        assert_agrees(lost[:, DC, Z], one.real, "Re g of a metal", abs(expected))
        assert_agrees(-lost[:, COS, Y], one.imag, "Im g of a metal", abs(expected))
    motion = motion_at_planes(problem)
    assert motion.twist[DC, Z] == pytest.approx([SLOW, SLOW])


@pytest.mark.parametrize("specularity", [0.0, 1.0])
def test_nearly_open_emits_nothing(specularity):
    """T↑ = T↓ = T× = 1, R = 0 but for 1e-9: no torque beside that of an ideal absorber."""
    mixing = {"transmission": 1.0, "mixing_transmission": 1.0 - 1e-9}
    blocks = walk(problem_of(between((3.0, 3.0), mixing, (0.5, 0.5), specularity=specularity)))
    torque = 8.0 / SLOW * blocks.budget[:, TORQUE, 0]
    assert np.abs(torque).max() < 1e-7
    absorber = walk(problem_of(between((3.0, 3.0), {"transmission": 1.0, "reflection": 0.0}, (0.5, 0.5))))
    assert (8.0 / SLOW * absorber.budget[:, TORQUE, 0])[:, DC, Z].mean() > 0.5


def solved_deck(**changes):
    """The shipped deck without walkers: all its torque, and currents through edges of cells."""
    deck = tomllib.loads((RUN / "magnetic_interface.toml").read_text(encoding="utf-8"))
    problem = make_problem(deck_from_dict(changed(deck, **changes), "magnetic_interface.toml"))
    edges, found = solution_of(problem, ("exact",))
    local, far = found["exact"].local, found["exact"].diffusive
    return problem, np.tensordot(np.diff(edges), local.torque + far.torque, 1), local.through + far.through


def test_the_shipped_deck():
    problem, torque, current = solved_deck()
    deck = read_deck(RUN / "magnetic_interface.toml")
    mediums = [
        Medium(layer.v * deck.gas.v_F, 1e-14, 1e-20, layer.nu * deck.gas.nu, 1e-12) for layer in deck.media
    ]
    sharvin = [sharvin_conductance(medium) for medium in mediums]
    across = [(0.1 + 0.1j) * min(sharvin) / one for one in sharvin]
    g = sum(one * (1.0 - T) for one, T in zip(sharvin, across, strict=True))
    assert g.real == pytest.approx(3.84e19, rel=0.002)
    # the torque per sin²θ Ω and ħ/4π is that share of g which does not come back
    twist = motion_at_planes(problem).twist[DC, Z, 0]
    worth = 8.0 * sharvin[0] * torque[DC, Z] / twist
    assert worth == pytest.approx(1.46e19, rel=0.005)
    cells = round(problem.scene.lengths[0] * deck.gas.ell / 0.5e-9)
    copper, platinum = current[cells // 3, DC, Z], current[2 * cells // 3 + 1, DC, Z]
    assert -copper / platinum == pytest.approx(0.0046, abs=0.0002)
    layer = tomllib.loads((RUN / "magnetic_interface.toml").read_text(encoding="utf-8"))["layer"][0]
    _, without, _ = solved_deck(layer=[{**layer, "mixing_transmission": 0.0}])
    assert without[DC, Z] == pytest.approx(torque[DC, Z], rel=1e-3)
    other, with_platinum, _ = solved_deck(electrons__material="Pt")
    # in units of other electrons
    ratio = with_platinum[DC, Z] / motion_at_planes(other).twist[DC, Z, 0] * sharvin[1]
    assert ratio / (torque[DC, Z] / twist * sharvin[0]) == pytest.approx(1.88, abs=0.01)


def test_about_any_axis():
    """The same magnet about another axis: all spin is turned with it."""
    _, torque, current = solved_deck()
    _, other, passed = solved_deck(texture__axis=[1.0, 1.0, 0.5])
    axis = np.array([1.0, 1.0, 0.5]) / 1.5
    for one, two in ((torque, other), (current, passed)):
        assert one[..., DC, Z] == pytest.approx(
            two[..., DC, :] @ axis, rel=1e-9, abs=1e-12 * np.abs(one).max()
        )
        for harmonic in (COS, COS + 1):
            size = np.linalg.norm(one[..., harmonic, :], axis=-1)
            assert size == pytest.approx(np.linalg.norm(two[..., harmonic, :], axis=-1), rel=1e-9, abs=1e-15)


def test_bits_are_those_of_any_number_of_threads():
    mixing = {"transmission": 0.5, "reflection": [0.2, 0.1], "mixing_transmission": [0.1, -0.2]}
    deck = changed(between((2.0, 2.0), mixing, (0.5, 0.5)), run__walkers=4096, run__walkers_per_block=256)
    one, two = (mcpump.run(deck, threads=threads, progress=False) for threads in (1, 2))
    assert (one.budget.stderr > 0.0).any()
    for part in ("budget", "plane_current", "spin_density", "torque"):
        found, other = (
            run.budget if part == "budget" else getattr(run.diffusive, part) for run in (one, two)
        )
        assert np.array_equal(found.mean, other.mean)
        assert np.array_equal(found.stderr, other.stderr)
