"""The channels of the general walk, order by order in J: the complete second order, and all orders.

`second_ladder` is held against the exact plane-wave solution, `exact` against the conical spiral to all orders in
J, against first + second_ladder with a remainder in J³, and against Hanle precession.
"""

import numpy as np
import pytest
from general_walks import (
    assert_in,
    compare_with_exact,
    exact_profiles,
    general_deck,
    general_walk,
    medium_of,
    turning,
)
from walks import DC, DIFFUSIVE, LOCAL, Z, assert_near, changed, jackknife, problem_of

from mcpump import theory

CONE = 1.0
PARTS = ("local", "diffusive")


def spiral(q, Omega=0.1, cone_angle=CONE, **keys):
    return {"kind": "spiral", "cone_angle": cone_angle, "angular_frequency": Omega, "wavenumber": q, **keys}


MODULATED = {
    "kind": "modulated", "cone_angle": CONE, "angular_frequency": 0.3, "wavenumber": 0.7, "mean": 0.4, "depth": 0.6,
}  # fmt: skip
ORDERS = [
    # texture, dimension, τ_sf, blocks of 1024 walkers
    (spiral(1.0, ellipticity=0.5), 3, 3.0, 224),
    (MODULATED, 2, 3.0, 192),
    (spiral(1.5, 0.2), 1, 2.0, 320),
]  # fmt: skip


@pytest.mark.parametrize(("texture", "dimension", "tau_sf", "blocks"), ORDERS)
def test_every_profile_of_the_second_order_follows_the_exact_solution(texture, dimension, tau_sf, blocks):
    # second_ladder takes the rotations of the whole walk, so that its noise is several times that of second: 3 %
    deck = general_deck(
        texture, x=(2.0 * np.pi / texture["wavenumber"], 8), walkers=blocks * 1024, dimension=dimension,
        tau_sf=tau_sf, channels=("second", "second_ladder"), harmonics=2,
    )  # fmt: skip
    problem = problem_of(deck)
    walked = general_walk(problem)
    assert compare_with_exact(problem, deck, walked, small=0.03) >= 25
    # until the first scattering the two channels are one
    second, ladder = walked.at("second"), walked.at("second_ladder")
    for quantity in (walked.density, walked.torque, walked.flux.swapaxes(1, 2)[:, 0]):
        assert np.any(quantity[:, LOCAL, second])
        np.testing.assert_array_equal(quantity[:, LOCAL, second], quantity[:, LOCAL, ladder])
        assert not np.array_equal(quantity[:, DIFFUSIVE, second], quantity[:, DIFFUSIVE, ladder])


def test_ladder_between_the_vertices_multiplies_the_second_order():
    # theory: the number of the reference set, qℓ = 2π/20
    medium = theory.Medium.reduced(0.05)
    assert 1.0 / theory.ladder_gap(2.0 * np.pi / 20.0, 1.0, 3) == pytest.approx(32.177, abs=5e-4)
    waves = theory.texture_waves((0, 0, 1), (1, 0, 0), (0, 1, 0), 2.0 * np.pi / 20.0, 1e-9)
    torque = [
        theory.harmonics(
            theory.exact_solution(waves, medium, name).torque["total"], [0.0], 1e-9, 1
        )[DC, Z, 0]
        for name in ("second", "second_ladder")
    ]  # fmt: skip
    assert torque[1] / torque[0] == pytest.approx(32.177, abs=5e-4)
    # walked at qℓ = 1, 1/(1 − arctan 1) = 4.6598, uniform torque without a sink
    expected = 1.0 / (1.0 - np.arctan(1.0))
    deck = general_deck(
        spiral(1.0, 1e-6), x=(2.0 * np.pi, 4), walkers=128 * 256, block=256, first_flights=4,
        channels=("second", "second_ladder"),
    )  # fmt: skip
    walked = general_walk(problem_of(deck))
    both = walked.torque.sum(axis=1)[:, :, DC, Z].mean(axis=(-4, -3, -2, -1))
    assert_near(*jackknife(both, lambda m: m[1] / m[0]), expected, "torque, second_ladder/second", small=0.02)


PERMALLOY = 1.8
SPIRALS = [
    # J τ/ħ, dimension, qℓ, Ωτ, τ_sf, blocks of 512
    (0.3, 3, 1.0, 0.1, 5.0, 160),
    (PERMALLOY, 3, 1.0, 0.5, 3.0, 400),
    (PERMALLOY, 2, 3.0, 0.5, 3.0, 256),
]


@pytest.mark.parametrize(("exchange", "dimension", "q", "Omega", "tau_sf", "blocks"), SPIRALS)
def test_exact_channel_follows_the_conical_spiral(exchange, dimension, q, Omega, tau_sf, blocks):
    # Errors are held against the size of the vector: density, flux or torque, local and diffusive together.
    deck = general_deck(
        spiral(q, Omega), x=(2.0 * np.pi / q, 8), walkers=blocks * 512, block=512, dimension=dimension,
        tau_sf=tau_sf, exchange=exchange, channels=("exact",),
    )  # fmt: skip
    problem = problem_of(deck)
    walked = general_walk(problem)
    wanted = theory.conical_spiral_exact(CONE, q, Omega, medium_of(problem))
    for name in ("density", "flux", "torque"):
        samples = walked.flux[:, :, 0] if name == "flux" else getattr(walked, name)
        found = turning(samples[:, :, 0, ..., 0, 0, 0], 8)
        for part, at in zip(PARTS, (LOCAL, DIFFUSIVE), strict=True):
            size = sum(np.linalg.norm(getattr(wanted, name)[each]) for each in PARTS)
            assert_in(found[:, at], getattr(wanted, name)[part], f"{name} {part}", size, small=0.03)


def theoretical_remainder(deck, exchange):
    """exact − first − second_ladder of the density, (part, component along e_r, e_φ, z), from theory alone."""
    problem = problem_of(changed(deck, electrons__exchange=exchange))
    medium, texture = medium_of(problem), deck["texture"]
    q, Omega = texture["wavenumber"], texture["angular_frequency"]
    orders = [exact_profiles(problem, deck, name)["density"] for name in ("first", "second_ladder")]
    exact = theory.conical_spiral_exact(CONE, q, Omega, medium).density
    return np.array([exact[part] - sum(turning(o[part][..., 0, 0], 4) for o in orders) for part in PARTS])


def test_exact_less_first_less_second_ladder_is_of_third_order():
    # In units of ħνJ, which halve with J, the remainder falls to a quarter where it is J³.
    J, small = 0.2, 1e-3
    deck = general_deck(
        spiral(1.0, 0.3), x=(2.0 * np.pi, 4), walkers=128 * 1024, block=1024, tau_sf=4.0, exchange=J,
        channels=("first", "second", "second_ladder", "exact"),
    )  # fmt: skip
    sizes = [np.linalg.norm(theoretical_remainder(deck, factor * small), axis=1) for factor in (1.0, 0.5)]
    assert 2.0 * sizes[0] / sizes[1] == pytest.approx(8.0, rel=0.01)
    # Walked: both runs and all channels share their paths, so that only what differs between orders makes noise.
    samples, wanted = [], []
    for exchange in (J, 0.5 * J):
        walked = general_walk(problem_of(changed(deck, electrons__exchange=exchange)))
        first, ladder, exact = (
            turning(walked.density[:, :, walked.at(name), ..., 0, 0, 0], 4)
            for name in ("first", "second_ladder", "exact")
        )
        samples.append(exact - first - ladder)
        wanted.append(theoretical_remainder(deck, exchange))
        size = np.linalg.norm(wanted[-1], axis=1, keepdims=True)
        assert_in(samples[-1], wanted[-1], f"remainder at {exchange}", size, small=0.03)
    sizes = np.linalg.norm(wanted, axis=2)
    along = np.stack([(s * w).sum(axis=2) for s, w in zip(samples, wanted, strict=True)], axis=1) / sizes
    ratio = jackknife(along, lambda m: 2.0 * m[0] / m[1])
    # third order; at these J the next orders show: 7.8 locally, 6.8 diffusively
    assert 2.0 * sizes[0] / sizes[1] == pytest.approx([7.82, 6.83], abs=0.01)
    assert_near(*ratio, 2.0 * sizes[0] / sizes[1], "ratio of the remainders along theirs", small=0.03)


@pytest.mark.parametrize("dimension", [1, 3])
def test_hanle_precession(dimension):
    bins, end, S = 12, 3.0, {"axis": [1.0, 2.0, 2.0]}
    spin = [0.3, -0.2, 1.0]
    deck = general_deck(
        {"kind": "uniform", "cone_angle": 0.0, "angular_frequency": 0.0, **S}, x=(4.0, 2), walkers=256 * 256,
        block=256, dimension=dimension, exchange=PERMALLOY, tau_sf=2.0, channels=("exact",), time=(end, bins),
        initial={"spin": spin}, first_flights=2,
    )  # fmt: skip
    problem = problem_of(deck)
    walked = general_walk(problem)
    density = walked.density[:, :, 0, 0, :, :, 0, 0].sum(axis=1).mean(axis=2)  # (blocks, component, time)
    fine = 64
    t = (np.arange(bins * fine) + 0.5) * (end / (bins * fine))
    expected = theory.hanle(spin, np.array(S["axis"]) / 3.0, t, medium_of(problem))
    expected = expected.reshape(bins, fine, 3).mean(axis=1).T
    size = np.linalg.norm(expected, axis=0)
    assert_in(density, expected, "Mx, My, Mz in time", np.broadcast_to(size, (3, bins)), small=0.02)
