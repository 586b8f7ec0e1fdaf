"""Estimates by the names of their axes: a place, the largest number, and what is more than rounding."""

import dataclasses

import numpy as np
import pytest
from fake_result import junction

from mcpump.errors import InputError
from mcpump.tally.estimates import Estimate

HARMONICS = ("dc", "cos1", "sin1", "cos2", "sin2")


def current(mean, stderr=None):
    coords = {"channel": ("first", "second"), "harmonic": HARMONICS, "component": ("x", "y", "z")}
    dims = ("channel", "harmonic", "component", "plane")
    return Estimate(mean, stderr, dims, "J/m^2", "", coords={**coords, "plane": np.array([1e-9, 5e-9])})


def test_a_place_keeps_what_was_taken():
    mean = np.arange(60.0).reshape(2, 5, 3, 2)
    one = current(mean, 0.1 * mean).sel(channel="second", harmonic="sin2", plane=5e-9)
    assert one.dims == ("component",)
    assert one.mean.tolist() == mean[1, 4, :, 1].tolist()
    assert one.error.tolist() == one.stderr.tolist() == (0.1 * mean[1, 4, :, 1]).tolist()
    taken = {"channel": "second", "harmonic": "sin2", "plane": 5e-9, "component": ("x", "y", "z")}
    assert one.coords == taken
    with pytest.raises(InputError, match="channel = 'first': the axes are component"):
        one.sel(channel="first")


def test_an_axis_without_coordinates_counts():
    one = Estimate(np.arange(4.0), None, ("block",), "1", "")
    assert float(one.sel(block=2)) == 2.0
    assert one.largest().coords == {"block": 3}
    assert one.error.tolist() == [0.0] * 4


def test_the_largest_says_where_it_is():
    mean = np.zeros((2, 5, 3, 2))
    mean[0, 0, 0, 0], mean[1, 2, 1, 1], mean[1, 3, 2, 0] = np.nan, -7.0, 7.0
    one = current(mean, np.full_like(mean, 0.5)).largest()
    assert (float(one), float(one.error), one.dims) == (-7.0, 0.5, ())  # the first of equal ones
    assert one.coords == {"channel": "second", "harmonic": "sin1", "component": "y", "plane": 5e-9}


def test_columns_stand_out_of_the_largest_of_their_channel():
    mean = np.zeros((2, 5, 3, 2))
    mean[0, 1, 1], mean[0, 2, 0], mean[0, 1, 0] = 1.0, 2.0, 3.0
    mean[1, 0, 2], mean[1, 4, 2] = 1e-20, 1e-35  # a channel has a largest column of its own
    columns = current(mean).stands_out()
    wanted = [("dc", "z"), ("cos1", "x"), ("sin1", "x"), ("cos1", "y")]  # DC first, cosine and sine together
    assert [(column["harmonic"], column["component"]) for column in columns] == wanted
    assert current(mean).stands_out("channel") == [{"channel": "first"}, {"channel": "second"}]


def test_an_error_stands_out_as_a_number_does_unless_it_must_be_passed():
    mean, stderr = np.zeros((2, 5, 3, 2)), np.zeros((2, 5, 3, 2))
    mean[0, 0, 0], stderr[0, 0, 0] = 5.0, 1.0
    mean[0, 0, 1], stderr[0, 0, 1] = 3.0, 1.0
    stderr[0, 0, 2], mean[1, 1, 1] = 1.0, np.nan
    found = current(mean, stderr)
    assert [column["component"] for column in found.stands_out()] == ["x", "y", "z"]
    assert found.stands_out(errors=4.0) == [{"harmonic": "dc", "component": "x"}]
    assert found.stands_out("plane", errors=4.0) == [{"plane": 1e-9}, {"plane": 5e-9}]
    assert current(0.0 * mean).stands_out() == []


def test_columns_of_a_transient_are_in_order_of_time():
    mean = np.zeros((3, 2))
    mean[2, 0], mean[0, 1] = 1.0, 1.0
    coords = {"time": np.array([1.0, 2.0, 3.0]), "component": ("x", "y")}
    found = Estimate(mean, None, ("time", "component"), "1", "", coords=coords)
    assert found.stands_out() == [{"time": 1.0, "component": "y"}, {"time": 3.0, "component": "x"}]


def test_a_result_gives_its_estimates_their_axes():
    run = junction()
    one = run.estimates["plane_current"]
    assert one.coords["plane"] is run.coords["plane"].mean
    assert one.coords["channel"] == run.coords["channel"]
    assert set(one.coords) == set(one.dims)
    moved = dataclasses.replace(run.coords["plane"], mean=np.array([1.0, 2.0, 3.0]))
    other = dataclasses.replace(run, coords={**run.coords, "plane": moved})
    assert other.estimates["plane_current"].coords["plane"].tolist() == [1.0, 2.0, 3.0]
