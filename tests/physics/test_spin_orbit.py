"""Spins that turn about Ω_so(k̂) in every flight: walkers against modes, transients, helices and a steady drive.

`theory.spin_orbit_transient` lays out directions and goes in steps of time; rates are roots of closed forms. Both know
nothing of walkers.
"""

import math
from pathlib import Path

import numpy as np
import pytest
from general_walks import general_deck, general_walk
from scipy.integrate import solve_ivp
from walks import DC, assert_agrees, assert_near, jackknife, problem_of

from mcpump import theory
from mcpump.deck import deck_from_dict, read_deck
from mcpump.problem import make_problem

K_F = 200.0
X, Y, Z = range(3)
ALONG_Z, HELIX = (0.0, 0.0, 1.0), (1.0, -1.0, 0.0)


def rashba(angle, direction=ALONG_Z):
    return {"rashba": {"field": 0.5 * angle / K_F, "direction": list(direction)}}


def dresselhaus(angle, direction=HELIX, normal=ALONG_Z):
    given = {"field": 0.5 * angle / K_F, "direction": list(direction), "normal": list(normal)}
    return {"dresselhaus": given}


def spin_orbit_deck(
    coupling, *, dimension=2, spin=(0.6, 0.0, 1.0), end=6.0, bins=6, walkers=16384, x=(2.0, 2), **more
):
    deck = general_deck(
        more.pop("texture", None), x=x, walkers=walkers, block=256, dimension=dimension, channels=("exact",),
        time=(end, bins), initial={"spin": list(spin), **more.pop("place", {})},
        spin_orbit={"rotation": True, **coupling}, **more,
    )  # fmt: skip
    deck["electrons"]["fermi_wavenumber"] = K_F
    del deck["run"]["reference"]
    return deck


def in_bins(end, bins, function):
    """Means over time bins of a function of times, by Gauss points: (bins, ...)."""
    nodes, weights = np.polynomial.legendre.leggauss(6)
    width = end / bins
    t = (np.arange(bins)[:, None] + 0.5 * (1.0 + nodes)) * width
    return np.einsum("n,bn...->b...", 0.5 * weights, function(t.ravel()).reshape(bins, len(nodes), -1))


def uniform(blocks):
    """Density of blocks, mean over the sample, (blocks, component, time)."""
    return blocks.density[:, :, 0, DC].sum(axis=1).mean(axis=(2, 3, 4))


def held(deck, turn, what, field=(0.0, 0.0, 0.0), small=0.05):
    """Hold the density of a uniform state, in every time bin, against the transient."""
    results, scene = deck["results"], problem_of(deck).scene
    spin, loss = deck["initial"]["spin"], scene.layers[0].gamma_sf
    np.testing.assert_allclose(np.reshape(scene.layers[0].turn, (3, 3)), turn, atol=1e-12)
    blocks = general_walk(problem_of(deck))
    expected = in_bins(
        results["end"], results["time_bins"],
        lambda t: theory.spin_orbit_transient(
            t, spin, turn, dimension=scene.dimension, loss=loss, field=field
        ).real,
    ).T  # fmt: skip
    assert_agrees(uniform(blocks), expected, what, np.linalg.norm(spin), small)
    return blocks


@pytest.mark.parametrize("angle", [0.1, 0.3, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("dimension", [2, 3])
def test_dyakonov_perel_for_any_turn(angle, dimension):
    """Every time bin, of spin along E_so and in the plane: motional narrowing, and ringing where it turns fast."""
    deck = spin_orbit_deck(rashba(angle), dimension=dimension)
    held(deck, theory.rashba_turn(angle, ALONG_Z), f"W = {angle}, d = {dimension}")


@pytest.mark.parametrize(("angle", "across"), [(0.3, False), (0.3, True), (0.5, True)])
def test_rates_of_the_plane(angle, across):
    """From two late times, against the closed forms: (1 − √(1 − 4W²))/2 along E_so and 1 − p in the plane."""
    end, bins = 8.0, 8
    deck = spin_orbit_deck(
        rashba(angle), spin=(1.0, 0.0, 0.0) if across else (0.0, 0.0, 1.0), end=end, bins=bins, walkers=65536
    )
    density = uniform(general_walk(problem_of(deck)))[:, X if across else Z]
    early, late = density[:, 4:6].mean(axis=1), density[:, 6:].mean(axis=1)
    rate = theory.rashba_decay(angle, across).real
    found = jackknife(np.stack([early, late], axis=1), lambda m: np.log(m[0] / m[1]) / 2.0)
    # the second mode is e^{−(1 − 2λ)t} of it by then
    exact = in_bins(
        end, bins,
        lambda t: theory.spin_orbit_transient(
            t, deck["initial"]["spin"], theory.rashba_turn(angle, ALONG_Z), dimension=2
        ).real,
    )[:, X if across else Z]  # fmt: skip
    left = math.log(exact[4:6].mean() / exact[6:].mean()) / 2.0
    assert left == pytest.approx(rate, rel=0.03)
    assert_near(*found, left, f"rate at W = {angle}", small=0.2)


def test_dresselhaus_relaxes_as_rashba_does():
    """|Ω_so| is the same, and its direction averages alike."""
    turn = theory.dresselhaus_turn(0.5, (1.0, 0.0, 0.0))
    held(spin_orbit_deck(dresselhaus(0.5, (1.0, 0.0, 0.0))), turn, "Dresselhaus")


def test_both_relax_the_axes_differently():
    """α ≠ β: along the axes of a well (1, ±1, 0) spin relaxes as Ω_so across it does."""
    turn = theory.rashba_turn(0.6, ALONG_Z) + theory.dresselhaus_turn(0.3, HELIX)
    both = {**rashba(0.6), **dresselhaus(0.3)}
    held(spin_orbit_deck(both, spin=(1.0, 1.0, 0.5), walkers=32768), turn, "both")


def test_hanle_on_top():
    """A static field along z turns spins as well: exchange and Ω_so by their sum."""
    texture = {"kind": "uniform", "cone_angle": 0.0, "angular_frequency": 0.0, "axis": [1.0, 2.0, 2.0]}
    deck = spin_orbit_deck(rashba(0.5), texture=texture, exchange=0.4, tau_sf=8.0, spin=(1.0, 0.0, 0.3))
    field = 0.8 * np.array([1.0, 2.0, 2.0]) / 3.0
    blocks = held(deck, theory.rashba_turn(0.5, ALONG_Z), "Hanle", field)
    # what exchange has turned: (2J/ħ) ∫ g dt × S, of the sampled torque and in the budget
    gained = blocks.budget["torque"][:, 0, DC]
    whole = np.cross(uniform(blocks).sum(axis=2) * (6.0 / 6), field) * 2.0
    assert_agrees(gained - whole, 0.0, "torque of exchange", 2.0, small=0.05)


def test_turned_with_the_sample():
    """Ω_so, spin and sample turned together are the same: E_so along x, and spin, of three-dimensional flights."""
    for direction, spin in (((1.0, 0.0, 0.0), (1.0, 0.6, 0.0)), ((1.0, 2.0, 2.0), (0.5, -1.0, 0.3))):
        deck = spin_orbit_deck(rashba(0.8, direction), dimension=3, spin=spin)
        blocks = held(deck, theory.rashba_turn(0.8, direction), f"E_so along {direction}")
    # the components along and across E_so are those of E_so along z
    n = np.array([1.0, 2.0, 2.0]) / 3.0
    along = uniform(blocks).transpose(0, 2, 1) @ n
    expected = in_bins(
        6.0, 6, lambda t: theory.spin_orbit_transient(t, [0.0, 0.0, 1.0], theory.rashba_turn(0.8, ALONG_Z)).real
    )[:, Z] * float(n @ [0.5, -1.0, 0.3])  # fmt: skip
    assert_agrees(along, expected, "along E_so", 1.0, small=0.05)


@pytest.mark.parametrize("faces", [("specular", "specular"), ("diffuse", "diffuse")])
def test_faces_in_three_dimensions(faces):
    """At closed faces directions are drawn anew or mirrored; a mirrored Ω_so is another, and is turned about on its way.

    Between specular faces, with E_so along x, Ω_so does not hang on k_x: nothing is seen of the faces. Of diffuse ones
    directions stay isotropic: the number of spins, without Ω_so, is kept.
    """
    if faces[0] == "specular":
        deck = spin_orbit_deck(rashba(0.7, (1.0, 0.0, 0.0)), dimension=3, faces=faces, x=(1.0, 2))
        held(deck, theory.rashba_turn(0.7, (1.0, 0.0, 0.0)), "specular faces")
        return
    along = dresselhaus(0.7, (0.0, 1.0, 0.0), (1.0, 0.0, 0.0))
    deck = spin_orbit_deck(along, dimension=3, faces=faces, x=(1e3, 1), spin=(1.0, 0.4, 0.0))
    held(deck, theory.dresselhaus_turn(0.7, (0.0, 1.0, 0.0), (1.0, 0.0, 0.0)), "diffuse faces, far away")


@pytest.mark.parametrize(("dimension", "angle"), [(2, 1.0), (3, 1.0), (1, 2.0)])
def test_persistent_spin_helix(dimension, angle):
    """Spin of a plane spreads into a helix of qℓ = W that does not decay, in every walker; other waves decay as told."""
    end, bins, cells, L = 8.0, 4, 48, 4.0 * math.pi
    both = {**rashba(0.5 * angle), **dresselhaus(0.5 * angle)}
    deck = spin_orbit_deck(
        both, dimension=dimension, spin=ALONG_Z, place={"position": 0.5 * L}, x=(L, cells), end=end, bins=bins
    )
    density = general_walk(problem_of(deck)).density[:, :, 0, DC].sum(axis=1)[..., 0, 0, :]
    edges, width = np.linspace(-0.5 * L, 0.5 * L, cells + 1), L / cells
    turn = theory.rashba_turn(0.5 * angle, ALONG_Z) + theory.dresselhaus_turn(0.5 * angle, HELIX)
    np.testing.assert_allclose(turn, angle * np.array([[0, 0, 0], [1, 0, 0], [0, 0, 0]]), atol=1e-12)
    for q in (0.5, angle, 1.5 * angle):
        wave = np.diff(np.exp(-1j * q * edges)) / (-1j * q)
        found = np.einsum("bxt,x->bt", density[:, Z] - 1j * density[:, X], wave).real
        mixed = np.sinc(0.5 * q * width / math.pi) ** 2  # spin varies within cells, and so does the wave

        def exact(t, q=q):
            g = theory.spin_orbit_transient(
                t, [0.5j, 0.0, 0.5], turn, q_ell=[q, 0.0, 0.0], dimension=dimension
            )
            return (g[:, Z] - 1j * g[:, X]).real

        wanted = mixed * in_bins(end, bins, exact)[:, 0]
        assert_agrees(found, wanted, f"wave {q}, d = {dimension}", 1.0, small=0.02)
        if q == angle:
            np.testing.assert_allclose(wanted, mixed, rtol=1e-9)
    assert np.abs(density[:, Y].mean(axis=0)).max() < 1e-15


def test_without_a_turn_nothing_changes():
    """W → 0: the values without `rotation`, and the same walkers in two dimensions, bit by bit."""
    deck = spin_orbit_deck(rashba(1e-50), spin=(0.6, -0.3, 1.0), end=3.0, bins=3, walkers=4096)
    plain = {**deck, "spin_orbit": None}
    del plain["spin_orbit"]
    one, other = (general_walk(problem_of(d)) for d in (deck, plain))
    assert np.array_equal(one.density, other.density)
    assert np.array_equal(one.budget["stored"], other.budget["stored"])
    assert not np.abs(one.spin_orbit_torque).max() > 1e-45


def test_torque_and_budget_of_a_transient():
    """What Ω_so has turned stands in cells and in the budget, which closes; exchange has turned nothing."""
    deck = spin_orbit_deck(rashba(0.6), tau_sf=5.0, end=4.0, bins=4, walkers=16384)
    blocks = general_walk(problem_of(deck))
    lines = {name: sums[:, 0, DC] for name, sums in blocks.budget.items()}
    gained = lines["emitted"] + lines["torque"] + lines["spin_orbit_torque"]
    lost = lines["stored"] + lines["relaxed"] + lines["left_at_left"] + lines["left_at_right"] + lines["cut"]
    np.testing.assert_allclose(gained, lost, atol=1e-12)
    assert not lines["torque"].any()
    of_cells = (
        blocks.spin_orbit_torque[:, :, 0, DC].sum(axis=1).mean(axis=(2, 3)).sum(axis=(2, 3)) * 1.0 * 2.0
    )
    assert_agrees(of_cells - lines["spin_orbit_torque"], 0.0, "cells and budget", 2.0, small=0.05)
    assert np.abs(lines["spin_orbit_torque"].mean(axis=0)[[X, Z]]).min() > 0.3


def test_a_steady_drive():
    """Uniform precession with Ω_so: density, both torques and the budget of every harmonic, against steps in time."""
    J, W, Omega, cone, loss = 0.4, 0.7, 0.5, 1.0, 0.4
    deck = general_deck(
        {"kind": "uniform", "cone_angle": cone, "angular_frequency": Omega}, x=(2.0, 2), walkers=65536, block=512,
        dimension=2, exchange=J, tau_sf=1.0 / loss, channels=("exact",), phases=8,
        spin_orbit={"rotation": True, **rashba(W)},
    )  # fmt: skip
    deck["electrons"]["fermi_wavenumber"] = K_F
    del deck["run"]["reference"]
    blocks = general_walk(problem_of(deck))
    angle = 2.0 * math.pi * np.arange(64) / 64
    k = np.stack([np.cos(angle), np.sin(angle), 0.0 * angle], axis=1)
    turn = k @ theory.rashba_turn(W, ALONG_Z).T

    def S(t):
        return np.array(
            [math.sin(cone) * math.cos(Omega * t), math.sin(cone) * math.sin(Omega * t), math.cos(cone)]
        )

    def change(t, flat):
        g = flat.reshape(-1, 3)
        rate = math.sin(cone) * Omega * np.array([-math.sin(Omega * t), math.cos(Omega * t), 0.0])
        return (g.mean(axis=0) - (1.0 + loss) * g + np.cross(g, turn + 2.0 * J * S(t)) - rate).ravel()

    period = 2.0 * math.pi / Omega
    times = 3.0 * period + np.arange(64) * period / 64
    g = solve_ivp(change, (0.0, 4.0 * period), np.zeros(192), "DOP853", times, rtol=1e-10, atol=1e-12).y
    g = g.reshape(64, 3, 64)
    density = g.mean(axis=0)
    torques = {
        "density": density,
        "torque": np.stack([np.cross(density[:, i], 2.0 * J * S(t)) for i, t in enumerate(times)], axis=1),
        "spin_orbit_torque": np.cross(g, turn[:, :, None], axis=1).mean(axis=0),
    }
    phase = Omega * times
    for name, values in torques.items():
        waves = (
            values.mean(axis=1),
            2.0 * (values * np.cos(phase)).mean(axis=1),
            2.0 * (values * np.sin(phase)).mean(axis=1),
        )
        samples = getattr(blocks, name)[:, :, 0].sum(axis=1).mean(axis=(3, 4, 5, 6))
        assert_agrees(samples, np.array(waves), name, np.abs(values).max(), small=0.05)
    lines = {name: sums[:, 0] for name, sums in blocks.budget.items()}
    gained = lines["emitted"] + lines["torque"] + lines["spin_orbit_torque"]
    lost = sum(sums for name, sums in lines.items() if name not in ("emitted", "torque", "spin_orbit_torque"))
    np.testing.assert_allclose(gained, lost, atol=1e-12)
    for name in ("torque", "spin_orbit_torque"):
        of_cells = getattr(blocks, name)[:, :, 0].sum(axis=1).mean(axis=(3, 4, 5, 6)) * 2.0
        assert_agrees(of_cells - lines[name], 0.0, name, 2.0 * np.abs(torques[name]).max(), small=0.05)


def test_layers_turn_by_their_own():
    """Rashba coupling in one layer alone; and k_F of a layer of other velocity."""
    deck = spin_orbit_deck({"rashba": {**rashba(0.5)["rashba"], "between": [0.0, 1.0]}}, x=(2.0, 4))
    layers = deck_from_dict(deck).layers
    assert [np.abs(layer.turn).max() for layer in layers] == [pytest.approx(0.5), 0.0]
    blocks = general_walk(problem_of(deck))
    torque = np.abs(blocks.spin_orbit_torque[:, :, 0, DC].sum(axis=1).mean(axis=0))
    assert torque[:, 2:].max() == 0.0
    assert torque[Z, :2].min() > 0.0


def test_the_shipped_helix():
    """`run/spin_helix.toml`: amplitude 1 in every time bin; and with Rashba coupling alone it is gone."""
    folder = Path(__file__).parents[2] / "run"
    for more, lasts in (((), True), (("spin_orbit.dresselhaus.field=1e-9",), False)):
        deck = read_deck(
            folder / "spin_helix.toml", ["run.walkers=16384", "run.walkers_per_block=256", *more]
        )
        problem = make_problem(deck)
        density = general_walk(problem).density[:, :, 0, DC].sum(axis=1)[..., 0, 0, :]
        width = problem.scene.lengths[0] / problem.scene.cells[0]
        x = (np.arange(problem.scene.cells[0]) + 0.5) * width - 0.5 * problem.scene.lengths[0]
        wave = density[:, Z] * np.cos(2.0 * x)[:, None] - density[:, X] * np.sin(2.0 * x)[:, None]
        amplitude = wave.sum(axis=1) * width / np.sinc(width / math.pi)
        if lasts:
            assert_agrees(amplitude, 1.0, "helix", small=0.01)
        else:
            assert np.all(np.abs(amplitude.mean(axis=0)[2:]) < 0.3)
