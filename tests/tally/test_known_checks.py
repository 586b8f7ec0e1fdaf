"""Self-checks and marks where part of every number is known without walkers: what does not scatter is no false alarm."""

from __future__ import annotations

import numpy as np
import pytest
from fake_known import nothing
from fake_scene import books, problem, scene, shaped, with_sum
from test_selfcheck import books as groups_of

from mcpump.tally import resolved, selfcheck
from mcpump.tally.observables import observables, plane_groups
from mcpump.tally.tally import Groups, Tally
from mcpump.walk.known import Known

LINE = scene(1, ("first", "second"))
READY = problem(LINE)
DARK = (7, 8, 9)
"""Cells to which no walker comes."""


def knowing(made, rows):
    """The same groups where part of every number is known."""
    return {
        name: groups._replace(known=np.array([row * np.ones(groups.sums.shape[1:]) for row in rows]))
        for name, groups in made.items()
    }


# --- self-checks --------------------------------------------------------------------------------------------------


def test_a_large_part_that_is_known_hides_nothing_and_is_no_alarm():
    made = groups_of(mean=1.0)
    whole = knowing(made, [30.0])
    assert selfcheck.errors(whole) == selfcheck.errors(made)
    assert selfcheck.tails(whole) == selfcheck.tails(made)
    made["passages"].sums[17, 1, 0, 2, 0, 1] += 1.5
    assert not selfcheck.tails(knowing(made, [30.0])).passed
    late = made["budget"].sums[:, 0, 1, 2, 3]
    late[48:] = 1.0 + 5.0 * (late[48:] - 1.0)
    assert not selfcheck.errors(knowing(made, [30.0])).passed


def test_what_does_not_scatter_is_not_looked_at():
    made = groups_of(scatter=0.0)
    for check in (selfcheck.errors, selfcheck.tails):
        assert check(knowing(made, [3.0, 0.1])).comparisons == 0


def test_tails_of_an_error_that_numerics_make_do_not_matter():
    """Walkers add a hundredth to the error: their tails are nobody's business."""
    made = groups_of(scatter=0.01)
    made["passages"].sums[17, 1, 0, 2, 0, 1] += 1.5
    assert not selfcheck.tails(knowing(made, [1.0])).passed
    assert selfcheck.tails(knowing(made, [1.0, 10.0])).comparisons == 0


def test_a_budget_closes_as_well_as_what_is_known():
    lines = np.zeros((2, 3, 3, 7))
    lines[..., :2], lines[..., selfcheck.RELAXED] = 0.5, 1.0
    unsure = np.zeros_like(lines)
    unsure[..., selfcheck.RELAXED] = 1e-6
    natural = np.zeros(lines.shape[:3])

    def check(rest):
        walked = Groups(np.zeros((64, *lines.shape)), np.ones(64), np.array([lines, unsure]))
        walked.known[0, 1, 0, 2, selfcheck.RELAXED] += rest
        return selfcheck.budget(READY, walked, natural)

    assert check(0.0).passed
    assert check(1.4e-5).passed
    assert not check(2e-5).passed
    assert check(2e-5).worst == (1, 0, 2)


def test_currents_are_held_against_conservation_where_it_is_given():
    """Channels without a current from conservation are left out; a plane that counts too much fails."""
    ready = problem(LINE._replace(planes=(2.0, 5.0)))
    made = groups_of(planes=2)
    flow = made["passages"].sums[..., 1, :]
    noise = 0.02 * np.random.default_rng(5).normal(size=flow.shape)
    made["conserved"] = Groups(flow + noise, np.ones(64))
    whole = knowing(made, [0.3])
    check = selfcheck.currents(ready, {}, whole)
    assert check.passed
    assert check.comparisons == 2 * 9 * 2
    whole["conserved"].sums[:, 0] = 0.0
    check = selfcheck.currents(ready, {}, whole)
    assert check.passed
    assert check.comparisons == 9 * 2
    whole["passages"].known[0, 1, 0, 2, 1, 0] += 0.05
    check = selfcheck.currents(ready, {}, whole)
    assert not check.passed
    assert check.worst == (1, 0, 2)
    # as far as the numerical error goes, they may differ
    rows = [np.concatenate([one.known, 0.05 * np.ones_like(one.known)]) for one in whole.values()]
    unsure = {name: one._replace(known=row) for (name, one), row in zip(whole.items(), rows, strict=True)}
    unsure["conserved"].known[1] = 0.0
    assert selfcheck.currents(ready, {}, unsure).passed


def test_a_run_without_currents_from_conservation_does_not_check_them():
    tally, _ = books(READY, shaped(READY))
    tally.known = Known(nothing(LINE))
    found = observables(READY, tally)
    assert found["self_check_comparisons"].mean[selfcheck.NAMES.index("currents")] == 0


# --- marks --------------------------------------------------------------------------------------------------------


def dark_books(model, known=None, noise=0.02):
    """Books of walkers that find the diffusive part alone, and do not come to some cells and the last plane."""
    ready = problem(model)
    profiles, passages, budget, means = shaped(ready)
    kinds, bins = len(profiles) // 2, max(model.time_bins, 1)
    profiles[:kinds] = passages[0] = means[0] = 0.0
    cells = np.zeros(model.cells[: model.axes], bool)
    cells[list(DARK)] = True
    profiles[kinds:, np.repeat(cells.ravel(), bins)] = 0.0
    passages[1, -bins:] = 0.0
    tally, _ = books(ready, [profiles, passages, budget, means], noise=noise, blocks=64)
    tally.known = known or flights_everywhere(model)
    return ready, tally


def flights_everywhere(model):
    """First flights that come to all places, and are known."""
    profiles, passages, _, means = (with_sum(model, part) for part in shaped(problem(model)))
    value = nothing(model)
    kinds = len(profiles) // 2
    value.profiles[:kinds] = profiles[:kinds]
    value.passages[0] = passages[0]
    value.means[0] = means[0]
    return Known(value)


@pytest.mark.parametrize("model", [LINE, scene(2, ("first", "second"))], ids=["line", "plane"])
def test_places_to_which_nobody_came_are_not_told(model):
    """The local part is known there, the diffusive part and the total are not."""
    ready, tally = dark_books(model._replace(planes=(2.0, 9.5)))
    found = observables(ready, tally)
    for name in ("spin_density", "spin_current", "spin_potential", "spin_current_divergence"):
        mean = np.moveaxis(found[name].mean, 1, 0)
        axis = mean.ndim - model.axes
        dark, bright = np.take(mean, DARK, axis), np.delete(mean, DARK, axis)
        assert np.isfinite(bright).all(), name
        assert np.isfinite(dark[0]).all(), name
        alive = (bright[1] != 0.0).any(axis=tuple(range(bright.ndim - 1 - model.axes, bright.ndim - 1)))
        for part in dark[1:]:
            assert np.isnan(part[alive]).all(), name
            assert (part[~alive] == 0.0).all(), name
        assert found[name].not_resolved == "NaN: not resolved, for no walker came there"
    assert np.isfinite(found["torque"].mean).all()
    current = found["plane_current"]
    assert np.isfinite(current.mean[..., 0]).all()
    assert np.isnan(current.mean[1, 1:, 0, 0, 2, 1]).all()
    assert np.isfinite(current.mean[1, 0, 0, 0, 2, 1])
    assert np.isnan(found["local_share"].mean[1, 0, 2, 1])


def test_closed_faces_are_told():
    ready, tally = dark_books(LINE._replace(planes=(2.0, 10.0), absorption=(0.0,) * 6))
    assert np.isfinite(observables(ready, tally)["plane_current"].mean).all()


def test_places_that_nobody_can_have_reached_are_zero():
    """In a transient first flights have not come to the dark cells before the third bin."""
    model = scene(1, ("first",), time_bins=5, planes=(2.0, 8.5))
    known = flights_everywhere(model)
    local = known.value.profiles[: len(known.value.profiles) // 2].reshape(-1, 10, 5, 3)
    local[:, list(DARK), :2] = 0.0
    ready, tally = dark_books(model, known)
    density = observables(ready, tally)["spin_density"].mean[0, 1]  # time, component, x
    dark = density[:, 2][:, list(DARK)]
    assert (dark[:2] == 0.0).all()
    assert np.isnan(dark[2:]).all()
    current = observables(ready, tally)["plane_current"].mean[0, 1, 0, :, 2]
    assert (current[:2, 1] == 0.0).all()
    assert np.isnan(current[2:, 1]).all()
    assert np.isfinite(current[:, 0]).all()


def test_rare_walkers_make_a_plane_not_told():
    """One group of 64 makes up the error of a plane; the local part there is known."""
    model = LINE._replace(planes=(2.0, 5.0))
    ready, tally = dark_books(model)
    means = shaped(ready)
    sums = nothing(model)
    sums.passages[1, 1] = 3.0 * with_sum(model, means[1])[1, 1]
    for _ in range(3):
        tally.add(7, sums)
    current = observables(ready, tally)["plane_current"]
    assert np.isnan(current.mean[1, 1:, 0, 0, 2, 1]).all()
    assert np.isfinite(current.mean[1, 0, 0, 0, 2]).all()
    assert "groups of blocks" in current.not_resolved
    assert "flights walked" not in current.not_resolved


def test_where_all_is_known_nothing_is_marked():
    """No walker adds anything anywhere: there is nothing to miss."""
    tally = Tally(LINE, np.zeros(nothing(LINE).means.shape[1], np.intp), known=flights_everywhere(LINE))
    for block in range(64):
        tally.add(block, nothing(LINE))
    found = observables(READY, tally)
    assert not any(one.not_resolved for one in found.values())
    marked = resolved.with_marks(READY, tally, found, plane_groups(READY, tally))
    assert all(np.array_equal(marked[name].mean, one.mean, equal_nan=True) for name, one in found.items())
    assert found["self_check_comparisons"].mean[selfcheck.NAMES.index("errors")] == 0


def test_a_block_of_walkers_is_not_changed_by_what_is_known():
    _, tally = dark_books(LINE)
    alone = Tally(LINE, tally.exponents, tally.sums)
    assert all(np.array_equal(alone.sums[name], tally.sums[name]) for name in alone.sums)
    np.testing.assert_allclose(
        tally.profiles()[0], alone.profiles()[0] + tally.known.value.profiles, rtol=1e-15
    )
