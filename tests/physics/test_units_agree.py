"""One junction, told in nanometres, in metres and seconds, in femtoseconds, and in reduced units: the same numbers."""

import numpy as np
import pytest

from mcpump.deck.read import deck_from_dict
from mcpump.problem.reduce import make_problem
from mcpump.simulate.engine import run

FACES = {"left": "specular", "right": "absorbing"}
RUN = {"walkers": 16 * 256, "walkers_per_block": 256, "reference": "off"}


def nanometres():
    return {
        "electrons": {
            "fermi_wavenumber": "13.6 /nm", "mean_free_path": "1 nm", "spin_diffusion_length": "3 nm",
            "exchange": "50 meV",
        },
        "sample": {"x": {"length": "12 nm", "cells": 12, **FACES}},
        "texture": {
            "kind": "junction", "interface": "6 nm", "width": "1.5 nm", "cone_angle": "30 deg",
            "frequency": "2000 GHz",
        },
        "results": {"planes": ["6 nm", "12 nm"]},
        "run": RUN,
    }  # fmt: skip


def metres():
    return {
        "electrons": {
            "fermi_wavenumber": "1.36e10 1/m", "mean_free_path": "1e-9 m", "spin_diffusion_length": "3e-9 m",
            "exchange": "8.01088317e-21 J",
        },
        "sample": {"x": {"length": "1.2e-8 m", "cells": 12, **FACES}},
        "texture": {
            "kind": "junction", "interface": "6e-9 m", "width": "1.5e-9 m", "cone_angle": "0.5235987755982988 rad",
            "angular_frequency": "1.2566370614359172e13 1/s",
        },
        "results": {"planes": ["6e-9 m", "1.2e-8 m"]},
        "run": RUN,
    }  # fmt: skip


def femtoseconds():
    deck = nanometres()
    del deck["texture"]["frequency"]
    deck["texture"]["angular_frequency"] = "0.012566370614359173 /fs"
    return deck


def reduced(si):
    """The same junction in units of ℓ and τ, which only the SI deck knows."""
    return {
        "units": "reduced",
        "electrons": {"fermi_wavenumber": 13.6, "spin_diffusion_length": 3, "exchange": si.scene.exchange},
        "sample": {"x": {"length": 12, "cells": 12, **FACES}},
        "texture": {
            "kind": "junction", "interface": 6, "width": 1.5, "cone_angle": "30 deg",
            "frequency": 2e12 * si.scales.time,
        },
        "results": {"planes": [6, 12]},
        "run": RUN,
    }  # fmt: skip


@pytest.fixture(scope="module")
def reference():
    problem = make_problem(deck_from_dict(nanometres(), "nm"))
    return problem, run(problem)


@pytest.mark.parametrize("unit", ["metres", "femtoseconds", "reduced"])
def test_the_unit_does_not_matter(reference, unit):
    problem, result = reference
    deck = {"metres": metres, "femtoseconds": femtoseconds, "reduced": lambda: reduced(problem)}[unit]()
    other = make_problem(deck_from_dict(deck, unit))
    found = run(other)
    scales = {
        "spin_density": "density",
        "spin_current": "current",
        "torque": "torque",
        "plane_current": "current",
    }
    assert found.flights == result.flights
    for name, kind in scales.items():
        factor = 1.0 if unit != "reduced" else getattr(problem.scales, kind)
        largest = np.nanmax(np.abs(result.estimates[name].mean))
        for which in ("mean", "stderr"):
            expected = getattr(result.estimates[name], which)
            values = factor * getattr(found.estimates[name], which)
            # rounding of the conversions, not of the walk: every walker takes the same flights; and a numerical error is
            # what two rules differ by, which is known to the rounding of their values
            least = 1e-11 * np.nanmax(np.abs(expected)) + 1e-14 * largest
            np.testing.assert_allclose(values, expected, rtol=1e-8, atol=least, err_msg=name)
