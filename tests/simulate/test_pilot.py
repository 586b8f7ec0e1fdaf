"""A pilot's forecast against the errors and the time of the run that it stands for; what it refuses."""

import re

import pytest
from runs import JUNCTION, good, refused

import mcpump
from mcpump.deck.read import deck_from_dict
from mcpump.deck.toml import override, read_toml
from mcpump.problem import make_problem
from mcpump.report.forecast import pilot_lines
from mcpump.simulate.pilot import pilot

PLANE = {
    "units": "reduced",
    "electrons": {"exchange": 0.1, "spin_relaxation_time": 3},
    "sample": {
        "x": {"length": 6, "cells": 6, "left": "specular", "right": "absorbing"},
        "y": {"length": 6, "cells": 4, "left": "specular", "right": "specular"},
    },
    "texture": {"kind": "spiral", "wavelength": 6, "cone_angle": "50 deg", "angular_frequency": 0.3},
    "results": {"planes": [3, 6], "channels": ["second_ladder"]},
}


def junction(tmp_path, *overrides):
    (tmp_path / "junction.toml").write_text(JUNCTION)
    return override(read_toml(tmp_path / "junction.toml"), list(overrides))


@pytest.mark.parametrize(
    ("overrides", "walkers"),
    [
        (["run.walkers_per_block=512"], 65536),
        (['run.walk="general"'], 16384),
        (['results.channels=["exact"]', "electrons.exchange=1"], 32768),
        pytest.param(None, 16384, marks=pytest.mark.slow),  # rays that turn spins are compiled for minutes
    ],
)
def test_the_forecast_comes_true(tmp_path, overrides, walkers):
    """Relative error of the DC current at every plane, within a factor of two; and so what 1 % takes."""
    deck = PLANE if overrides is None else junction(tmp_path, *overrides)
    deck = override(deck, [f"run.walkers={walkers}"])
    told = " ".join(pilot_lines(pilot(make_problem(deck_from_dict(deck)))))
    run = mcpump.run(deck, seed=7)
    channel = re.search(r"channel (\w+)", told)[1]
    current = run["plane_current"].sel(channel=channel, part="total", harmonic="dc", component="z")
    known = dict(re.findall(r"x = (\S+) ℓ (\S+) %", told.split("for 1 %")[0]))
    costs = dict(re.findall(r"x = (\S+) ℓ (\S+) walkers", told.split("for 1 %")[1]))
    assert known
    for x, percent in known.items():
        here = current.sel(plane=float(x))
        error = float(here.error[0]) / abs(float(here.mean[0]))
        assert 0.5 < 0.01 * float(percent) / error < 2.0
        # not by rays: their numerical error is in it, and does not fall with walkers
        if "or fewer" not in told and overrides is not None:
            assert 0.25 < float(costs[x]) / (walkers * (error / 0.01) ** 2) < 4.0


def test_what_a_pilot_is_not_asked_for(tmp_path):
    path = tmp_path / "junction.toml"
    path.write_text(JUNCTION)
    told = refused("check", "--pilot", path, "--set", "results.planes=[]")
    assert told == "--pilot forecasts the DC current through planes: junction.toml has no results.planes"
    told = refused("check", "--pilot", path, "--set", "results.end=10", "--set", "results.time_bins=2")
    assert told == "--pilot forecasts the DC current through planes: junction.toml has no steady state"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["junction.toml"]


def test_check_walks_nothing_without_it(tmp_path):
    path = tmp_path / "junction.toml"
    path.write_text(JUNCTION)
    assert "pilot" not in good("check", path)[0]
    out = good("check", "--pilot", path)[0]
    assert "pilot of 2 048 walkers: the current DC z, channel sum, will be known by 4 096 walkers" in out
    said = mcpump.check(path, pilot=True)
    assert len(said.forecast) >= 2
    assert repr(said).endswith("\n".join(said.forecast))
    assert mcpump.check(path).forecast == ()
