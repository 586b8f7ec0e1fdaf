"""Axes of the results are the numbers that the deck has, whatever the mean free path and the lifetime are."""

import numpy as np
import pytest
import xarray

from mcpump.deck.read import deck_from_dict
from mcpump.problem.reduce import make_problem
from mcpump.tally.observables import coordinates
from mcpump.tally.scales import bins

UNITS = [("nm", "e-9"), ("angstrom", "e-10"), ("Å", "e-10"), ("µm", "e-6"), ("pm", "e-12")]
WALKS = ["auto", "general"]


def axes_of(length, cells, planes=(), walk="auto", ell="3.7 nm", **sections):
    """Coordinates of a run of a uniform texture."""
    deck = {
        "electrons": {"fermi_wavenumber": "13.6 /nm", "mean_free_path": ell, "exchange": "50 meV"},
        "sample": {"x": {"length": length, "cells": cells, "left": "specular", "right": "absorbing"}},
        "texture": {"kind": "uniform", "cone_angle": "10 deg", "frequency": "10 GHz"},
        "results": {"planes": list(planes)},
        "run": {"walk": walk},
    }
    return coordinates(make_problem(deck_from_dict({**deck, **sections})))


@pytest.mark.parametrize("walk", WALKS)
@pytest.mark.parametrize(("unit", "power"), UNITS)
def test_planes_are_found_by_the_numbers_of_the_deck(walk, unit, power):
    there = axes_of(f"101 {unit}", 101, [f"{n} {unit}" for n in range(102)], walk)["plane"].mean
    data = xarray.DataArray(np.arange(102), dims="plane", coords={"plane": there})
    for n in range(102):
        assert data.sel(plane=float(f"{n}{power}")) == n


@pytest.mark.parametrize("walk", WALKS)
def test_cells_are_found_by_their_edges_and_centres(walk):
    axes = axes_of("40 nm", 80, walk=walk)
    assert axes["x_edge"].mean.tolist() == [float(f"{5 * i}e-10") for i in range(81)]
    assert axes["x"].mean.tolist() == [float(f"{25 + 50 * i}e-11") for i in range(80)]
    axes = axes_of("36 nm", 12, walk=walk, ell="0.7 nm")
    assert axes["x_edge"].mean.tolist() == [float(f"{3 * i}e-9") for i in range(13)]


def test_time_bins_are_found_by_their_edges_and_centres():
    axes = axes_of("40 nm", 8, results={"end": "3 ps", "time_bins": 30})
    assert axes["time_edge"].mean.tolist() == [float(f"{i}e-13") for i in range(31)]
    assert axes["time"].mean.tolist() == [float(f"{5 + 10 * i}e-14") for i in range(30)]
    deck = {
        "electrons": {"fermi_wavenumber": "13.6 /nm", "mean_free_path": "3.7 nm"},
        "sample": {"x": {"length": "40 nm", "cells": 4, "left": "absorbing", "right": "absorbing"}},
        "pulse": {"position": "7 nm"},
        "results": {"end": "0.6 ps", "time_bins": 6},
    }
    axes = coordinates(make_problem(deck_from_dict(deck)))
    assert axes["time_edge"].mean.tolist() == [0.0, 1e-13, 2e-13, 3e-13, 4e-13, 5e-13, 6e-13]
    assert axes["x_edge"].mean.tolist() == [0.0, 1e-8, 2e-8, 3e-8, 4e-8]


@pytest.mark.parametrize(
    "end", [1.0, 7.0, 1e-9, 3.3e-8, 0.1, 1e15, 1e-30, 2.0 / 3.0, 1.2345678901234567e-8, np.pi]
)
@pytest.mark.parametrize("count", [1, 3, 7, 100, 12345])
def test_bins_are_equal_and_end_where_they_shall(end, count):
    centres, edges = bins(end, count)
    assert edges[0] == 0.0
    assert edges[-1] == end
    assert len(edges) == count + 1
    assert len(centres) == count
    np.testing.assert_allclose(edges, np.linspace(0.0, end, count + 1), rtol=1e-15, atol=0.0)
    np.testing.assert_allclose(centres, 0.5 * (edges[1:] + edges[:-1]), rtol=1e-15, atol=0.0)
