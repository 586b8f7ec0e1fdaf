"""Jumps over many flights against walks flight by flight, at open and closed faces: the same within errors."""

import numpy as np
import pytest
from walks import LIMIT, changed, problem_of, reduced_deck, walk

LENGTH = 160.0
SPIRAL = {"kind": "spiral", "wavelength": 160.0, "cone_angle": 0.6, "angular_frequency": 3e-4}
JUNCTION = {
    "kind": "junction",
    "interface": 60.0,
    "width": 20.0,
    "cone_angle": 0.6,
    "angular_frequency": 3e-4,
}
SAMPLES = [
    pytest.param(SPIRAL, ("specular", "absorbing"), "none", marks=pytest.mark.slow),
    (JUNCTION, ("diffuse", "absorbing"), 2000.0),
    (SPIRAL, ("diffuse", "specular"), 1000.0),
]


def both(texture, faces, tau_sf, **more):
    """Walk with jumps, and without."""
    given = reduced_deck(
        texture, length=LENGTH, faces=faces, walkers=64 * 1024, block=1024, tau_sf=tau_sf, cells=8,
        planes=(50.0, 80.0, 150.0), first_flights=1, **more,
    )  # fmt: skip
    jumping = problem_of(given)
    assert jumping.scene.jump >= 16.0
    return walk(jumping), walk(problem_of(changed(given, run__jumps="off", run__seed=2)))


@pytest.mark.parametrize(("texture", "faces", "tau_sf"), SAMPLES)
def test_jumps_and_flights_agree(texture, faces, tau_sf):
    """Diffusive density and current in every cell and through every plane, and where the spin ends."""
    with_jumps, flown = both(texture, faces, tau_sf)
    assert with_jumps.flights < 0.7 * flown.flights
    for name in ("density", "flux", "passages"):
        a, b = getattr(with_jumps, name)[:, 1], getattr(flown, name)[:, 1]
        difference, error = _differences(a, b)
        assert np.abs(difference / error).max() < LIMIT, name
        assert np.median(error) < 0.03 * np.abs(a.mean(axis=0)).max(), name
    difference, error = _differences(with_jumps.budget[:, 3:], flown.budget[:, 3:])
    assert np.abs(difference / error).max() < LIMIT


def _differences(a, b):
    """Differences of the means over blocks and their errors, of numbers that are not zero by symmetry."""
    error = np.hypot(a.std(axis=0, ddof=1), b.std(axis=0, ddof=1)) / np.sqrt(len(a))
    there = error > 1e-12 * np.abs(a).max()
    return (a.mean(axis=0) - b.mean(axis=0))[there], error[there]
