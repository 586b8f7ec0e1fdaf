"""Which channel the headlines tell, and that all of them tell the same."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
from decks import SPIRAL, changed
from fake_scene import SI, books, problem, scene, shaped
from fake_scene import result as scene_result

from mcpump import figures, report
from mcpump.cli.commands import main
from mcpump.deck.read import deck_from_dict
from mcpump.problem.headline import headline
from mcpump.problem.reduce import make_problem
from mcpump.problem.scene import StopRule
from mcpump.results.file import write
from mcpump.simulate import engine as simulate
from mcpump.tally.observables import budget_groups, plane_groups
from mcpump.tally.pumping import pumping_observables

LARGE, TINY = 1.8, 0.05
ALL = ("first", "second", "second_ladder", "exact")


def walked(channels, exchange, **changes):
    """A made-up run of the general walk at some Jτ/ħ; the current of each channel has a size of its own."""
    ready = problem(scene(1, channels, exchange=exchange, **changes), SI)
    return ready, scene_result(ready, shaped(ready))


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_order_of_the_channels_does_not_matter(count):
    for names in itertools.permutations(ALL, count):
        both = names if not {"first", "second"} <= set(names) else (*names, "sum")
        large, tiny = headline(both, LARGE), headline(both, TINY)
        assert (large.channel == "exact") == large.holds == ("exact" in names)
        assert tiny.holds
        assert tiny == headline(sorted(both), TINY)
        assert tiny.channel == ("sum" if "sum" in both else "exact" if "exact" in names else tiny.channel)


def test_what_an_electric_field_drives_is_told_where_nothing_is_pumped():
    assert headline(("first", "spin_hall"), math.nan).channel == "first"
    assert headline(("spin_hall",), LARGE).holds


def test_words():
    assert (
        headline(("first", "second", "sum"), LARGE).title
        == "channels first + second, which do not hold at Jτ/ħ = 1.8"
    )
    assert headline(("second",), LARGE).title == "channel second, which does not hold at Jτ/ħ = 1.8"
    assert headline(("first", "second", "sum"), TINY).title == "channels first + second"
    # no texture: nothing is turned
    assert headline(("first",), math.nan).title == "channel first"


@pytest.mark.parametrize(
    "channels", [ALL, ("exact", "second", "first"), ("second", "exact"), ("exact", "first")]
)
def test_exact_is_the_headline_wherever_numbers_are_told(channels, tmp_path):
    ready, result = walked(channels, LARGE)
    current, names = result.estimates["plane_current"], result.coords["channel"]
    exact = names.index("exact")
    total = current.mean[:, 2, 0, 0, 2]
    assert (np.delete(total[:, 1], exact) < 0.6 * total[exact, 1]).all()
    text = report.table(result)
    assert "Spin current along +x, channel exact\n" in text
    assert f"({total[exact].max() * 1e3:.3f} ± " in report.summary_line(result)
    # Tserkovnyak's form is that of exact: the other channels' currents do not matter
    tally, _ = books(ready, shaped(ready))
    planes, budget = plane_groups(ready, tally), budget_groups(ready, tally)
    other = np.arange(len(names)) != exact
    planes.sums[:, :, other], budget.sums[:, :, other] = 9.0, 9.0
    fits = pumping_observables(ready, planes, budget)
    assert "mixing_conductance_dc" in fits
    for name, fit in fits.items():
        assert fit.dims[0] == "channel"
        np.testing.assert_array_equal(fit.mean[exact], result.estimates[name].mean[exact])
    assert "n = S/|S|, channel exact" in text
    rule = StopRule("spin_current.total.z.dc", 5.0, 0.1, 1)
    wanted = current.stderr[exact, 2, 0, 0, 2, 1] / total[exact, 1]
    assert simulate.relative_error(ready, tally, rule) == pytest.approx(wanted, rel=1e-12)
    write(result, tmp_path / "a.h5")
    assert main(["export", str(tmp_path / "a.h5"), "--ovf", str(tmp_path / "ovf")]) == 0
    [file] = (tmp_path / "ovf").glob("spin_density-total-dc.ovf")
    assert b", exact [" in file.read_bytes()


def test_channels_that_do_not_hold_are_marked_wherever_they_are_told(tmp_path):
    doubt = "channels first + second, which do not hold at Jτ/ħ = 1.8"
    _, result = walked(("first", "second"), LARGE)
    text = " ".join(report.table(result).split())
    assert f"Spin current along +x, {doubt}" in text
    assert f"n = S/|S|, {doubt}" in text
    assert f"J/m² ({doubt})" in report.summary_line(result)
    _, holds = walked(("first", "second"), TINY)
    assert "hold" not in report.table(holds) + report.summary_line(holds)
    for changes in ({"time_bins": 4}, {"time_bins": 4, "planes": ()}, {"planes": ()}):
        _, other = walked(("first", "second"), LARGE, **changes)
        assert doubt in " ".join(report.table(other).split())
    _, course = walked(("first", "second"), LARGE, time_bins=4)
    assert doubt in report.summary_line(course)
    write(result, tmp_path / "a.h5")
    assert main(["export", str(tmp_path / "a.h5"), "--ovf", str(tmp_path / "ovf")]) == 0
    [file] = (tmp_path / "ovf").glob("spin_density-total-dc.ovf")
    assert "first + second, which do not hold at Jτ/ħ = 1.8 [" in file.read_text("utf-8", "replace")


@pytest.mark.parametrize("channel", [None, "second"])
def test_figures_are_marked(channel):
    words = "second, which does not" if channel else "first + second, which do not"
    ready = problem(scene(2, ("first", "second"), exchange=LARGE), SI)
    map_ = scene_result(ready, shaped(ready))
    for figure in (figures.map_figure(map_, channel), figures.time_figure(map_, channel)):
        assert words in figure.get_suptitle()
    deck = deck_from_dict(changed(SPIRAL, electrons__exchange=LARGE, run__walk="general"))
    ready = problem(scene(1, ("first", "second"), exchange=LARGE), SI)
    result = dataclasses.replace(scene_result(ready, shaped(ready)), resolved=deck.resolved)
    assert words in figures.profile(result, True, channel).get_suptitle()
    held = dataclasses.replace(result, regime={**result.regime, "J tau/hbar": (TINY, "", "")})
    assert figures.profile(held, True, channel).get_suptitle() == ""


def test_number_of_the_headline_is_that_of_the_warning():
    """The headline doubts a channel where, and only where, the run warns of Jτ/ħ."""
    for exchange in (0.19, 0.21):
        ready = make_problem(deck_from_dict(changed(SPIRAL, electrons__exchange=exchange)))
        warned = any(sentence.startswith("Jτ/ħ") for sentence in ready.warnings)
        assert warned != headline(ready.scene.channels, ready.scene.exchange).holds
        assert ready.regime["J tau/hbar"][0] == ready.scene.exchange == pytest.approx(exchange)
