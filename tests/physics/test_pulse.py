"""The pulse's walk against the general walk, which scores differently: lengths of tracks, cell by cell.

The slab is thin, so that some collisions are spread over directions and others, near faces, are not.
"""

import numpy as np
import pytest
from general_walks import general_deck, general_walk
from scipy import stats
from walks import Z, mean_and_error, problem_of, walk

LENGTH, END, BINS, POSITION = 3.0, 4.0, 4, 1.1
SAMPLES = {
    "closed": (("specular", "diffuse"), 3, "none", 12),
    "open": (("absorbing", "specular"), 3, 4.0, 12),
    "ring": (("periodic", "periodic"), 3, 2.0, 12),
    "plane": (("diffuse", "absorbing"), 2, "none", 12),
    "line": (("specular", "absorbing"), 1, 3.0, 12),
    "coarse": (("diffuse", "absorbing"), 3, 4.0, 3),
    "fine": (("absorbing", "diffuse"), 3, "none", 60),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_pulse_is_that_of_the_general_walk(name):
    faces, dimension, tau_sf, cells = SAMPLES[name]
    spin = [0.0, 0.0, 1.0]
    problem = problem_of({
        "units": "reduced",
        "electrons": {"dimension": dimension, "spin_relaxation_time": tau_sf},
        "sample": {"x": {"length": LENGTH, "cells": cells, "left": faces[0], "right": faces[1]}},
        "pulse": {"position": POSITION, "spin": spin},
        "results": {"end": END, "time_bins": BINS},
        "run": {"walkers": 2**20, "walkers_per_block": 2**14, "seed": 3},
    })  # fmt: skip
    blocks = walk(problem)
    general = problem_of(
        general_deck(
            None, x=(LENGTH, cells), faces=faces, dimension=dimension, tau_sf=tau_sf, channels=("first",),
            walkers=2**17, block=2**11, time=(END, BINS), initial={"spin": spin, "position": POSITION},
        )
    )  # fmt: skip
    other = general_walk(general)
    here = blocks.density[:, :, 0, 0, Z], blocks.flux[:, :, 0, 0, Z]
    there = (
        other.density[:, :, 0, 0, Z].reshape(-1, 2, cells * BINS),
        other.flux[:, :, 0, 0, 0, Z].reshape(-1, 2, cells * BINS),
    )
    for what, one, two in zip(("density", "flux"), here, there, strict=True):
        (mean, error), (expected, uncertain) = mean_and_error(one), mean_and_error(two)
        known = (error > 0.0) & (uncertain > 0.0)
        assert known.sum() > cells * BINS, what
        z = ((mean - expected)[known]) / np.hypot(error, uncertain)[known]
        # two thousand comparisons in all samples: false alarm 1e-3 altogether
        assert np.abs(z).max() < stats.norm.isf(0.5e-3 / 2000), f"{what}: {z}"
        assert np.abs(z.mean()) < 0.5, f"{what}: {z}"
        # where one walk never comes, the other hardly does
        assert np.abs(mean - expected)[~known].max(initial=0.0) < 1e-3, what
    whole = mean_and_error(blocks.density[:, :, 0, 0, Z].sum(axis=(1, 2)) * LENGTH / cells / BINS)
    assert whole[1] < 0.002 * whole[0], "well known"


def test_local_and_diffusive_part_are_independent():
    """Their errors are added in quadrature: in the first bin, where most first flights end, that must be the total's."""
    problem = problem_of({
        "units": "reduced",
        "electrons": {},
        "sample": {"x": {"length": 4.2, "cells": 21, "left": "absorbing", "right": "absorbing"}},
        "pulse": {"position": 2.1, "spin": [0.0, 0.0, 1.0]},
        "results": {"end": 2.0, "time_bins": 2},
        "run": {"walkers": 2**20, "walkers_per_block": 256, "seed": 1},
    })  # fmt: skip
    density = walk(problem).density[:, :, 0, 0, Z].reshape(-1, 2, 21, 2)[:, :, 8:13, 0]
    apart = density.var(axis=0).sum(axis=0)
    together = density.sum(axis=1).var(axis=0)
    # a correlation of 4096 pairs is known to 0.016
    assert np.all(np.abs(together / apart - 1.0) < 4.0 * 0.016)


@pytest.mark.parametrize("face", ["specular", "periodic"])
def test_a_pulse_in_a_sample_that_is_a_millionth_of_a_flight_thick(face):
    """As many flights as in a thick one; the spin is spread evenly at once, and relaxes."""
    gamma, rate = 0.5, 1.5
    problem = problem_of({
        "units": "reduced",
        "electrons": {"dimension": 3, "spin_relaxation_time": 1.0 / gamma},
        "sample": {"x": {"length": 1e-6, "cells": 2, "left": face, "right": face}},
        "pulse": {"position": 3e-7, "spin": [0.0, 0.0, 1.0]},
        "results": {"end": END, "time_bins": BINS},
        "run": {"walkers": 2**16, "walkers_per_block": 2**11, "seed": 3},
    })  # fmt: skip
    blocks = walk(problem)
    assert blocks.flights < 6 * 2**16
    found = blocks.density[:, :, 0, 0, Z].reshape(-1, 2, 2, BINS) * 1e-6  # a mean over the sample
    edges = np.linspace(0.0, END, BINS + 1)
    local = -np.diff(np.exp(-rate * edges)) / rate / np.diff(edges)
    total = -np.diff(np.exp(-gamma * edges)) / gamma / np.diff(edges)
    for cell in range(2):
        for part, expected in ((0, local), (1, total - local)):
            mean, error = mean_and_error(found[:, part, cell])
            assert np.all(np.abs(mean - expected) < 5.0 * error), (cell, part)
            assert np.all(error[:2] < 0.03 * expected[:2])


def test_a_film_between_mirrors_is_that_of_a_ring():
    """A uniform texture knows no thickness: the same walkers, whose many bounces change nothing."""
    density, flights = [], []
    for length, face in ((1e-5, "specular"), (0.2, "periodic")):
        texture = {"kind": "uniform", "cone_angle": 1.0, "angular_frequency": 0.1}
        deck = general_deck(
            texture, x=(length, 1), faces=(face, face), walkers=16 * 512, tau_sf=20.0, block=512
        )
        problem = problem_of(deck)
        assert problem.scene.folded[0]
        blocks = general_walk(problem)
        density.append(blocks.density)
        flights.append(blocks.flights)
    assert flights[0] == flights[1]
    np.testing.assert_allclose(density[0], density[1], rtol=1e-9, atol=1e-12 * np.abs(density[1]).max())
