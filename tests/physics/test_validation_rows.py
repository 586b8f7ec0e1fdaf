"""Numbers that the walk must reproduce, in reduced units and through SI decks, end to end.

The SI reference set: free electrons with k_F = 13.6 /nm, ℓ = 1 nm, J = 50 meV and a spiral of wavelength 20 nm and cone
angle 10° that precesses at 10 GHz, in a periodic sample. Expected values come from closed forms, written out
here as numbers.
"""

import math

import numpy as np
import pytest
from walks import (
    COS,
    DC,
    FIRST,
    LOCAL,
    SECOND,
    SIN,
    X,
    Y,
    Z,
    assert_agrees,
    assert_near,
    changed,
    jackknife,
    medium_of,
    problem_of,
    reduced_deck,
    walk,
    waves_of,
)

from mcpump import theory
from mcpump.simulate.engine import run
from mcpump.tally.observables import equilibrium

THETA = np.radians(10.0)
P0 = {
    "electrons": {
        "fermi_wavenumber": "13.6 /nm", "mean_free_path": "1 nm", "exchange": "50 meV",
        "spin_relaxation_time": "none",
    },
    "sample": {"x": {"length": "20 nm", "cells": 16, "left": "periodic", "right": "periodic"}},
    "texture": {"kind": "spiral", "wavelength": "20 nm", "cone_angle": "10 deg", "frequency": "10 GHz"},
    "results": {"channels": ["first", "second"], "harmonics": 1, "planes": ["0 nm", "5 nm", "7 nm"]},
    "run": {"walkers": 262144, "walkers_per_block": 4096, "seed": 1, "first_flights": 4, "reference": "off"},
}  # fmt: skip


def static_spiral(qell, dimension, walkers=262144, first_flights=2, planes=()):
    """A spiral that turns so slowly that Ωτ plays no part."""
    texture = {"kind": "spiral", "cone_angle": 1.0, "angular_frequency": 1e-7, "wavenumber": qell}
    return problem_of(
        reduced_deck(
            texture, length=2.0 * np.pi / qell, faces=("periodic", "periodic"), dimension=dimension, cells=16,
            walkers=walkers, block=4096, first_flights=first_flights, planes=planes,
        )
    )  # fmt: skip


def first_order_flux(problem, blocks):
    """Amplitude of the first-order current, (blocks, part): its projection on the exact shape."""
    edges = np.linspace(0.0, problem.scene.lengths[0], problem.scene.cells[0] + 1)
    exact = theory.exact_solution(waves_of(problem), medium_of(problem), "first").flux["total"]
    shape = theory.cell_averages(exact, edges, problem.scene.Omega, 1)
    # of a wave A cos the cells hold A sinc(qh/2)
    h = problem.scene.lengths[0] / problem.scene.cells[0]
    per_cell = np.sqrt((shape[:, X] ** 2).sum(axis=0)).max() / np.sinc(
        problem.scene.precession.q * h / (2.0 * np.pi)
    )
    return np.einsum("bphcx,hcx->bp", blocks.flux[:, :, FIRST], shape) / (shape**2).sum() * per_cell


@pytest.mark.parametrize(
    ("qell", "dimension", "share", "first_flights", "walkers"),
    [
        (0.3, 3, 0.028477, 3, 262144), (1.0, 3, 0.214602, 2, 262144), (3.0, 3, 0.583651, 2, 262144),
        (10.0, 3, 0.852887, 16, 131072), (1.0, 2, 0.292893, 2, 262144), (1.0, 1, 0.5, 2, 262144),
        (2.3311, 3, 0.5, 2, 262144), (np.sqrt(3.0), 2, 0.5, 2, 262144), (0.31415927, 3, 0.031078, 3, 262144),
    ],
)  # fmt: skip
def test_local_share_of_a_static_wave(qell, dimension, share, first_flights, walkers):
    problem = static_spiral(qell, dimension, walkers, first_flights)
    flux = first_order_flux(problem, walk(problem))
    assert_near(
        *jackknife(flux, lambda m: m[LOCAL] / m.sum()), share, f"local share at {qell}, d = {dimension}"
    )


def test_local_share_through_planes():
    # At x = 0 and a third of a wave further each of x cos, y sin, … is large at one of the planes.
    result = run(static_spiral(1.0, 3, 1048576, planes=[0.0, 2.0 * np.pi / 3.0]))
    share = result.estimates["local_share"]
    place = share.dims.index("plane")
    mean, error = np.moveaxis(share.mean, place, -1), np.moveaxis(share.stderr, place, -1)
    for harmonic, component in ((COS, X), (SIN, Y)):
        assert_near(
            mean[FIRST, harmonic, component, 0],
            error[FIRST, harmonic, component, 0],
            0.214602,
            "share",
            small=0.02,
        )


def test_first_order_amplitude_in_SI():
    problem = problem_of(P0)
    flux = first_order_flux(problem, walk(problem, scales=True)).sum(axis=1)
    assert_agrees(flux, 1.6558e-6, "first-order amplitude [J/m²]")
    assert_agrees(flux * problem.scales.charge_per_spin, 5.031e9, "first-order amplitude [A/m²]")


@pytest.mark.parametrize(("gamma", "torque"), [(0.0, 8.4454), (0.001, 8.4375), (0.01, 8.3668)])
def test_second_order_torque_in_SI(gamma, torque):
    deck = P0
    if gamma:
        tau = problem_of(P0).scales.time
        deck = changed(P0, electrons__spin_relaxation_time=f"{tau / gamma * 1e15:.12g} fs")
    problem = problem_of(
        changed(deck, run__first_flights=16, run__walkers=65536, run__walkers_per_block=1024)
    )
    solution = theory.exact_solution(waves_of(problem), medium_of(problem), "second")
    uniform = theory.harmonics(solution.torque["total"], [0.0], problem.scene.Omega, 1)[DC, Z, 0]
    exact = uniform * problem.scales.torque
    assert exact == pytest.approx(torque, abs=1e-4)
    blocks = walk(problem, scales=True)
    assert_agrees(blocks.torque[:, SECOND, DC, Z].mean(axis=-1), exact, "torque [J/m³]", small=0.001)
    assert_agrees(blocks.budget[:, 1, SECOND, DC, Z] / 20e-9, exact, "torque of the budget [J/m³]")


def test_supercurrent_of_a_spiral_in_SI():
    problem = problem_of(P0)
    # Ratio of the coefficients of S×∇S and ∇S in Eq. (17): c against D, here ℓ v_F/3.
    assert 3.0 * problem.supercurrent == pytest.approx(1.304e-4, rel=4e-4)
    found, scene = equilibrium(problem), problem.scene
    q = scene.precession.q
    size = problem.supercurrent * problem.scales.current * q
    places = {
        "x": (np.arange(scene.cells[0]) + 0.5) * scene.lengths[0] / scene.cells[0],
        "plane": np.array(problem.scene.planes),
    }
    for name, axis in (("supercurrent", "x"), ("plane_supercurrent", "plane")):
        phase = q * places[axis]
        expected = np.zeros((3, 3, len(phase)))
        expected[DC, Z] = -size * np.sin(THETA) ** 2
        turning = size * np.sin(THETA) * np.cos(THETA)
        expected[COS, X], expected[SIN, X] = turning * np.cos(phase), -turning * np.sin(phase)
        expected[COS, Y], expected[SIN, Y] = turning * np.sin(phase), turning * np.cos(phase)
        np.testing.assert_allclose(found[name].mean[0], expected, rtol=1e-9, atol=1e-12 * size)
        assert found[name].units == "J/m^2"


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_mean_square_displacement_of_a_pulse(dimension):
    # The second moment is taken over cells of 0.05 ℓ, whose error h²/12 is 1e-3 of it, and corrected for
    # (Sheppard); over time the bins hold means, and so does the expected value.
    bins, end, length, cells = 20, 2.0, 4.2, 84
    problem = problem_of(
        {
            "units": "reduced",
            "electrons": {"dimension": dimension},
            "sample": {"x": {"length": length, "cells": cells, "left": "absorbing", "right": "absorbing"}},
            "pulse": {"position": length / 2},
            "results": {"end": end, "time_bins": bins},
            "run": {"walkers": 1048576, "walkers_per_block": 16384, "seed": 1, "reference": "off"},
        }
    )
    h, width = length / cells, end / bins
    density = walk(problem).density[:, :, 0, 0, Z].reshape(-1, 2, cells, bins)
    x = (np.arange(cells) + 0.5) * h - length / 2
    moment = np.einsum("bpxt,x->bt", density, x**2 - h**2 / 12.0) * h
    edges = np.linspace(0.0, end, bins + 1)
    integral = 2.0 / dimension * (edges**2 / 2.0 - edges - np.expm1(-edges))
    both = slice(9, 11)  # the bins on both sides of t = τ
    assert_agrees(moment[:, both].mean(axis=1), (integral[11] - integral[9]) / (2.0 * width), "at t = τ")
    assert (integral[11] - integral[9]) / (2.0 * width) == pytest.approx(
        0.245253 * 3.0 / dimension, rel=4.0e-3
    )
    # every bin from the fifth on
    assert_agrees(moment[:, 5:], (np.diff(integral) / width)[5:], "in every bin", small=0.02)


def test_ac_to_dc_ratio_of_the_source_is_cot_theta():
    # The torque's AC and DC parts both are K(q, Ω) S×Ṡ.
    texture = {"kind": "spiral", "cone_angle": "1 deg", "angular_frequency": 1e-4, "wavenumber": 1.0}
    problem = problem_of(
        reduced_deck(
            texture,
            length=2.0 * np.pi,
            faces=("periodic", "periodic"),
            walkers=65536,
            first_flights=8,
            cells=16,
        )
    )
    torque = walk(problem).torque[:, SECOND]
    x = (np.arange(16) + 0.5) * (2.0 * np.pi / 16)
    sinc = np.sinc(1.0 / 16)

    def ratio(mean):
        along = mean[COS, X] + 1j * mean[SIN, X]
        amplitude = np.abs((along * np.exp(1j * x)).mean()) / sinc
        return amplitude / mean[DC, Z].mean()

    assert_near(*jackknife(torque, ratio), 1.0 / math.tan(math.radians(1.0)), "AC/DC ratio of S×Ṡ")
    assert np.mean(torque[:, DC, Z]) > 0.0
