"""The text table, the summary line and the CSV."""

from __future__ import annotations

import csv
import dataclasses
import io

import numpy as np
import pytest
from fake_result import junction, pulse
from fake_scene import REDUCED, SI, problem, scene, shaped
from fake_scene import result as scene_result

from mcpump import report
from mcpump.constants import E_CHARGE, HBAR
from mcpump.report.words import aligned, barred, number, power_of_ten, pretty


@pytest.mark.parametrize(
    ("mean", "stderr", "text"),
    [
        (34.6153, 0.1123, "34.62 ± 0.11"),
        (34.6153, 0.0996, "34.62 ± 0.10"),
        (0.0123, 0.0999, "0.01 ± 0.10"),
        (-0.001, 0.11, "0.00 ± 0.11"),
        (12345.0, 678.0, "12340 ± 680"),
        (1.5, 0.0, "1.5"),
        (0.0, 0.0, "0"),
        (34.6153, None, "34.6153"),
        (34.6153, float("nan"), "34.6 ± ?"),
        (float("nan"), 1.0, "–"),
        (1.5, float("inf"), "1.5 ± ?"),
        (1e-6, 1e-5, "(0.1 ± 1.0)e-5"),
        (5e-5, 1.2e-6, "(5.00 ± 0.12)e-5"),
        (2.5e-20, 1.0e-22, "(2.500 ± 0.010)e-20"),
        (0.0, 1.0e-22, "(0.0 ± 1.0)e-22"),
        (1.0, 1e-12, "1"),
        (7.07106781186, 8e-7, "7.07106781 ± 0.00000080"),
        (7.07106781186, 7e-7, "7.07107"),
        (7.07106781186, 4.5e-16, "7.07107"),
    ],
)
def test_digits_that_the_error_allows(mean, stderr, text):
    assert number(mean, stderr) == text


def test_symbols_and_powers():
    assert pretty("hbar nu J v_F") == "ħνJ v_F"
    assert pretty("J tau / hbar") == "Jτ/ħ"
    assert pretty("J s/m^3") == "J s/m³"
    assert pretty("ell") == "ℓ"
    assert [power_of_ten(np.array([v])) for v in (3.5e-8, 999.0, 1000.0, -1e-9, 0.0, np.nan)] == [
        -9,
        0,
        3,
        -9,
        0,
        0,
    ]


def test_head():
    lines = report.table(junction()).splitlines()
    assert lines[0].startswith(
        "junction   1 000 000 walkers, 64 blocks, seed 18446744073709551615   1.65e+09 flights"
    )
    assert lines[0].endswith("28.2 s   complete")
    assert lines[1].startswith("ℓ/λ 0.3333   Jτ/ħ 0.04825   D 0.0005248 m²/s")
    assert lines[2].startswith("warning: ")
    assert lines[3].startswith("note: ")


def test_width():
    for result in (junction(), junction(("second",)), pulse()):
        assert max(map(len, report.table(result).splitlines())) <= 120


def test_columns_are_aligned():
    lines = report.table(junction()).splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith("Spin current along +x"))
    block = lines[start + 1 : start + 10]
    assert "first + second" in lines[start]
    assert len({line.index("|") for line in block}) == 1
    assert {len(line) for line in block[1:] if "±" in line} == {len(block[1])}


def row(text, name, after):
    """First line that begins with a name, after a line that begins with another."""
    lines = text.splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(after))
    return next(line for line in lines[start:] if line.split("|")[0].strip().endswith(name))


def test_numbers_stand_with_their_error_in_both_units():
    result = junction(("second",))
    current = result.estimates["plane_current"]
    text = report.table(result)
    mean, stderr = current.mean[0, 2, 0, 0, 2, 1], current.stderr[0, 2, 0, 0, 2, 1]
    assert number(mean * 1e9, stderr * 1e9) in row(text, "total", "x = 20 nm")
    ampere = 2 * E_CHARGE / HBAR * 1e-6
    assert number(mean * ampere, stderr * ampere) in row(text, "total", "[1e6 A/m²]")


def test_zero_by_symmetry_is_one_line():
    text = report.table(junction())
    [line] = [line for line in text.splitlines() if line.startswith("zero by symmetry")]
    for item in ("DC x, y", "AC z", "super-current (S ∥ ∂S/∂x)", "x = 0 nm (closed face)"):
        assert item in line
    assert not any(cell.strip() in ("0", "0 ± 0") for line in text.splitlines() for cell in line.split("  "))
    assert "x = 0 nm local" not in text


FORBIDDEN = "zero by symmetry: "
NOT_FOUND = "nothing was found at these planes, but no symmetry is shown: "


def silence(result, *columns):
    """Take (harmonic, component) out of all that was walked on the mesh."""
    for name in ("spin_density", "spin_current"):
        for array in (result.estimates[name].mean, result.estimates[name].stderr):
            for h, c in columns:
                array[..., h, c, :] = 0.0


def test_a_column_that_only_the_planes_miss_is_not_forbidden():
    """Spin z at DC is there on the mesh: that none has passed the planes is chance, or their place."""
    result = junction()
    current = result.estimates["plane_current"]
    for array in (current.mean, current.stderr):
        array[..., 0, 2, :] = 0.0
    text = report.table(result)
    assert f"{FORBIDDEN}DC x, y; AC z; super-current" in text
    assert f"{NOT_FOUND}DC z\n" in text


def test_few_blocks_prove_no_symmetry():
    result = junction()
    for estimate in result.estimates.values():
        if estimate.stderr is not None:
            estimate.stderr[...] = np.nan
    text = report.table(result)
    assert f"{FORBIDDEN}super-current (S ∥ ∂S/∂x)" in text
    assert f"{NOT_FOUND}DC x, y; AC z\n" in text


def test_what_is_not_known_is_not_forbidden():
    result = junction()
    result.estimates["spin_current"].mean[0, 0, 0, 0, 1, 3] = np.nan
    text = report.table(result)
    assert f"{FORBIDDEN}DC x; AC z" in text
    assert f"{NOT_FOUND}DC y\n" in text


def test_places_that_are_not_resolved_prove_nothing_and_hide_nothing():
    """Far from the texture the columns that are there hold NaN; those that symmetry forbids are 0 everywhere."""
    result = junction()
    for name in ("spin_density", "spin_current"):
        estimate = result.estimates[name]
        there = (estimate.mean != 0.0).any(axis=-1)
        for array in (estimate.mean, estimate.stderr):
            array[..., -1] = np.where(there, np.nan, array[..., -1])
    text = report.table(result)
    assert f"{FORBIDDEN}DC x, y; AC z; super-current" in text
    assert NOT_FOUND not in text


def test_a_small_half_is_not_forbidden():
    """At low frequencies the sine is as small as Ω, and yet there; rounding of a tilted axis is not."""
    result = junction(("first",))
    for name in ("plane_current", "spin_density", "spin_current"):
        estimate = result.estimates[name]
        for array in (estimate.mean, estimate.stderr):
            array[..., 2, 0, :] = 1e-14 * array[..., 1, 0, :]
    text = report.table(result)
    assert f"{NOT_FOUND}x sin\n" in text


@pytest.mark.parametrize(("plane", "words"), [(1, "x = 20 nm"), (2, "x = 40 nm")])
def test_a_plane_that_nothing_has_reached_is_not_forbidden(plane, words):
    """The right face absorbs: were there a plane that by chance no walker has met, this is no symmetry."""
    result = junction()
    current = result.estimates["plane_current"]
    for array in (current.mean, current.stderr):
        array[..., plane] = 0.0
    text = report.table(result)
    assert f"{NOT_FOUND}{words}\n" in text
    [line] = [line for line in text.splitlines() if line.startswith(FORBIDDEN)]
    assert "; x = 0 nm (closed face); currents along y and z" in line


@pytest.mark.parametrize(
    ("face", "closed"),
    [
        ('"specular"', True),
        ('"diffuse"', True),
        ("{ specularity = 0.5 }", True),
        ("{ absorption = 0.5 }", False),
        ('"absorbing"', False),
        ('"periodic"', False),
    ],
)
def test_closed_faces_are_those_of_the_deck(face, closed):
    result = junction()
    resolved = result.resolved.replace('left = "specular"', f"left = {face}")
    text = report.table(dataclasses.replace(result, resolved=resolved))
    assert ("x = 0 nm (closed face)" in text) == closed
    assert (f"{NOT_FOUND}x = 0 nm" in text) != closed


def test_supercurrent_that_vanishes_has_its_reason():
    result = junction()
    assert "super-current (S ∥ ∂S/∂x)" in report.table(result)
    flat = result.resolved.replace("[electrons]", "[electrons]\ndimension = 2")
    text = report.table(dataclasses.replace(result, resolved=flat))
    assert "super-current (Eq. (8) is 0 in two dimensions)" in text
    assert "S ∥" not in text
    result.estimates["supercurrent"].mean[0, 0, 2, 5] = 1e-12
    text = report.table(result)
    assert "equilibrium super-current, exact: 0 at these planes" in text
    assert "super-current" not in next(line for line in text.splitlines() if line.startswith(FORBIDDEN))


def test_a_field_drives_spin_along_directions_without_a_mesh():
    result = junction(("first", "second", "sum"))
    assert "currents along y and z" in report.table(result)
    coords = {**result.coords, "channel": ("first", "second", "spin_hall")}
    assert "currents along y and z" not in report.table(dataclasses.replace(result, coords=coords))


def test_half_of_a_component_may_vanish():
    result = junction(("first",))
    current = result.estimates["plane_current"]
    for array in (current.mean, current.stderr):
        array[0, :, 0, 2, 0] = array[0, :, 0, 1, 1] = 0.0
    text = report.table(result)
    assert f"{FORBIDDEN}DC x, y, z; AC z; super-current" in text
    assert f"{NOT_FOUND}x sin, y cos\n" in text
    silence(result, (2, 0), (1, 1))
    assert f"{FORBIDDEN}DC x, y, z; AC z; x sin, y cos; super-current" in report.table(result)


def test_everything_zero():
    result = junction(("first",))
    estimate = result.estimates["plane_current"]
    none = dataclasses.replace(estimate, mean=0 * estimate.mean, stderr=0 * estimate.mean)
    result.estimates["plane_current"] = none
    text = report.table(result)
    assert f"{FORBIDDEN}DC x, y, z; AC z; super-current" in text
    assert f"{NOT_FOUND}AC x, y\n" in text
    assert "no spin current at its planes" in report.summary_line(result)


def test_smaller_than_its_error_says_so():
    result = junction(("second",))
    current = result.estimates["plane_current"]
    current.mean[0, 0, 0, 0, 2, 1] = 0.5 * current.stderr[0, 0, 0, 0, 2, 1]
    text = report.table(result)
    assert "compatible with zero (smaller than its error): local at x = 20 nm (DC z)" in text
    assert "compatible with zero" not in report.table(junction(("second",)))


def test_supercurrent_is_exact():
    result = junction()
    estimate = result.estimates["plane_supercurrent"]
    estimate.mean[0, 0, 2, 1] = 1.25e-12
    text = report.table(result)
    assert "equilibrium super-current, exact [1e-12 J/m²]: x = 0 nm DC z 0; x = 20 nm DC z 1.25" in text
    estimate.mean[:] = np.nan
    assert "needs k_F" in report.table(result)


def test_local_share_and_budget():
    text = report.table(junction())
    assert "local share at x = 20 nm: DC z 1.8" in text
    assert "DC z: torque 36.20 ± 0.10 = relaxed 2.90 ± 0.10 + left at the right face 33.30 ± 0.10" in text
    assert "closes to 2e-16" in text


def test_pulse():
    text = report.table(pulse())
    assert "NOT COMPLETE: stopped by a signal" in text
    assert text.count("t = ") == 3
    assert "stopped by a signal" in report.summary_line(pulse())


def test_rounding_is_zero_by_symmetry():
    """A tilted axis leaves 1e-17 of the largest column where there is nothing: no rows for that, nor terms."""
    clean, result = report.table(junction()), junction()
    for name, far in (("plane_current", (0, 0, 0, 0, 0, 1)), ("budget", (0, 0, 0, 0))):
        estimate = result.estimates[name]
        largest = np.abs(estimate.mean).max()
        assert estimate.mean[far] == 0.0
        estimate.mean[far], estimate.stderr[far] = 1e-17 * largest, 1e-18 * largest
    assert report.table(result) == clean
    result.estimates["plane_current"].mean[0, 0, 0, 0, 0, 1] = 1e-9 * largest
    assert "zero by symmetry: DC y" in report.table(result)


def test_times_of_a_pulse_stand_in_femtoseconds_in_aligned_rows():
    result = pulse()
    edges = np.array([0.0, 1.2345e-14, 2.469e-14, 3.7035e-14])
    result.coords["time_edge"] = dataclasses.replace(result.coords["time_edge"], mean=edges, units="s")
    rows = [line for line in report.table(result).splitlines() if line.startswith("t = ")]
    assert rows[1].startswith("t = 12.35 … 24.69 fs")
    assert len({len(line) for line in rows}) == 1


def test_csv_of_a_run_without_planes():
    result = junction()
    for name in [name for name, one in result.estimates.items() if "plane" in one.dims]:
        del result.estimates[name]
    del result.coords["plane"]
    rows = list(csv.DictReader(io.StringIO(report.csv(result))))
    assert {row["quantity"] for row in rows if not row["position"]} == {"budget"}


def test_summary_line():
    line = report.summary_line(junction())
    assert "spin current DC z at x = 20 nm: (35." in line
    assert "local share 1.8" in line
    assert line.endswith("complete")
    assert "\n" not in line


def test_csv_holds_every_plane_current_and_the_budget():
    result = junction()
    rows = list(csv.DictReader(io.StringIO(report.csv(result))))
    current, budget = result.estimates["plane_current"], result.estimates["budget"]
    mine = [row for row in rows if row["quantity"] == "plane_current"]
    assert [float(row["mean"]) for row in mine] == current.mean.ravel().tolist()
    assert [float(row["stderr"]) for row in mine] == current.stderr.ravel().tolist()
    assert {row["channel"] for row in mine} == {"first", "second", "sum"}
    assert {(row["position"], row["position_units"]) for row in mine} == {
        ("0.0", "m"),
        ("2e-08", "m"),
        ("4e-08", "m"),
    }
    lines = [row for row in rows if row["quantity"] == "budget"]
    assert len(lines) == budget.mean.size
    assert lines[0]["line"] == "emitted"
    assert {row["units"] for row in rows} == {"J/m^2", "1"}
    share = result.estimates["local_share"]
    mine = [row for row in rows if row["quantity"] == "local_share"]
    np.testing.assert_array_equal([float(row["mean"]) for row in mine], share.mean.ravel())


ALL = ("first", "second", "second_ladder", "exact")


def of_scene(axes=1, channels=("first", "second"), scales=SI, **changes):
    """A made-up run of the general walk."""
    ready = problem(scene(axes, channels, **changes), scales)
    return scene_result(ready, shaped(ready))


def test_channel_is_the_sum_or_the_last():
    assert "channels first + second\n" in report.table(of_scene(1, ALL))
    assert "channel exact\n" in report.table(of_scene(1, ("first", "exact")))


def test_tables_of_scenes_fit():
    for axes in (1, 2, 3):
        for bins in (0, 4):
            for planes in ((), (0.0, 5.0, 10.0)):
                result = of_scene(axes, ALL, time_bins=bins, planes=planes)
                text = report.table(result)
                assert max(map(len, text.splitlines())) <= 120
                assert "spin budget" in text
                assert "\n" not in report.summary_line(result)
                assert list(csv.DictReader(io.StringIO(report.csv(result))))


def test_mesh_stands_in_the_heading():
    assert "mesh" not in report.table(of_scene(1))
    two, three = (" ".join(report.table(of_scene(axes)).split()) for axes in (2, 3))
    assert "first + second, mean over each plane (mesh of 10 × 6 cells)" in two
    assert "currents along z (along which the sample is uniform)" in two
    assert "(mesh of 10 × 6 × 4 cells)" in three
    assert "along which the sample is uniform" not in three


def test_faces_of_a_mesh_have_names():
    result = of_scene(3)
    line = result.coords["line"].index("left_at_bottom")
    result.estimates["budget"].mean[line, :, 0, 2] = 1e-3
    assert "left at the bottom face" in report.table(result)


def test_more_harmonics_have_columns_of_their_own():
    result = of_scene(1, ("exact",), harmonics=3)
    assert "AC 2Ω x, y, z; AC 3Ω x, y, z" in report.table(result)
    result.estimates["plane_current"].mean[0, :, 0, 5, 1] = 1e-3
    assert "| cos 3Ωt, sin 3Ωt" in report.table(result)


def test_how_far_the_ladder_and_exact_are():
    text = " ".join(report.table(of_scene(1, ALL)).split())
    assert "second_ladder is 2.38" in text
    assert (
        "times second (diffusive current DC z at x = 20 nm): the ladder between the two exchange vertices: a"
        in text
    )
    assert "exact is 1.9" in text
    assert "times first + second_ladder (total current DC z at x = 20 nm): orders above J²" in text
    text = " ".join(report.table(of_scene(1, ("first", "second", "exact"))).split())
    assert "times first + second (" in text
    assert "orders above J², and the ladder" in text
    for channels in (("first", "second"), ("second", "exact"), ("exact",)):
        text = report.table(of_scene(1, channels))
        assert "times" not in text


def test_channels_are_compared_by_the_mean_density_where_there_are_no_planes():
    result = of_scene(2, ("second", "second_ladder"), planes=())
    ratio = result.estimates["ladder_ratio"]
    assert ratio.dims == ("harmonic", "component")
    text = " ".join(report.table(result).split())
    told = number(float(ratio.mean[0, 2]), float(ratio.stderr[0, 2]))
    assert f"is {told} times second (diffusive density DC z, mean over the sample): the ladder" in text
    text = " ".join(report.table(of_scene(1, ("second", "second_ladder"), planes=(), time_bins=4)).split())
    assert "second_ladder and second: they are compared at planes, and there are none" in text


def test_channels_that_are_noise_are_not_compared():
    result = of_scene(1, ("second", "second_ladder"))
    result.estimates["ladder_ratio"].mean[:] = np.nan
    assert "cannot be compared" in report.table(result)


def test_transient():
    result = of_scene(1, time_bins=6)
    current = result.estimates["plane_current"]
    current.mean[-1, :, 0, 2, 2, 1] *= 10.0
    text = report.table(result)
    assert "Spin current along +x through planes, channels first + second" in text
    mean, stderr = current.mean[-1, 2, 0, -1, 2, 1] * 1e3, current.stderr[-1, 2, 0, -1, 2, 1] * 1e3
    [line] = [line for line in text.splitlines() if line.endswith("t = 10 … 15 fs")]
    assert number(mean, stderr) in line
    assert f"{FORBIDDEN}x, y; " in text
    # the made-up deck says nothing of its faces
    assert f"{NOT_FOUND}x = 0 nm\n" in text
    result.estimates["spin_density"].mean[0, 0, 3, 1, 4] = 1e-3
    text = report.table(result)
    assert f"{FORBIDDEN}x; " in text
    assert f"{NOT_FOUND}y; x = 0 nm\n" in text
    assert "spin budget up to t = 30 fs [1e-18 J s/m²]" in text
    assert "  z: emitted" in text
    assert "spin current z at x = 20 nm, t = 25 … 30 fs" in report.summary_line(result)
    result.estimates["plane_current"].mean[:] = 0.0
    assert "no spin current in the last time bin" in report.summary_line(result)


def test_transient_of_which_some_numbers_are_not_resolved():
    """The others are told; where no total is, the columns are those of the largest diffusive current."""
    result = of_scene(1, time_bins=6)
    current = result.estimates["plane_current"]
    current.mean[:, 0, :, :, 2, 1] = current.mean[:, 2, :, :, 2, 1] = np.nan
    current.mean[-1, 1, 0, 2, 2, 1] *= 10.0
    result.estimates["plane_current"] = dataclasses.replace(current, not_resolved="few flights")
    rows = [
        line for line in report.table(result).splitlines() if "diffusive |" in line or "total     |" in line
    ]
    mean, stderr = current.mean[-1, 1, 0, 2, 2, 1] * 1e3, current.stderr[-1, 1, 0, 2, 2, 1] * 1e3
    [line] = [i for i, row in enumerate(rows) if number(mean, stderr) in row]
    assert rows[line + 1].count("not resolved") == 2
    assert rows[line + 1].endswith("t = 10 … 15 fs")


def test_transient_without_planes_tells_the_spin_in_the_sample():
    text = report.table(of_scene(1, ("exact",), REDUCED, time_bins=4, planes=()))
    assert "Spin in the sample by time bin, channel exact  [ħνJ ℓ]" in text
    assert text.count("t = ") == 5
    assert "pulse.spin" in report.table(pulse())


def test_times_have_units_of_their_size():
    result = of_scene(1, time_bins=4)
    for end, unit in ((1e-12, "fs"), (5e-11, "ps"), (2e-8, "ns")):
        edges = np.linspace(0.0, end, 5)
        result.coords["time_edge"] = dataclasses.replace(result.coords["time_edge"], mean=edges)
        assert f" {unit} " in report.table(result)


def test_csv_of_a_transient_has_times():
    result = of_scene(2, time_bins=3)
    rows = list(csv.DictReader(io.StringIO(report.csv(result))))
    mine = [row for row in rows if row["quantity"] == "plane_current"]
    current = result.estimates["plane_current"]
    assert [float(row["mean"]) for row in mine] == current.mean.ravel().tolist()
    assert {row["time"] for row in mine} == {repr(float(t)) for t in result.coords["time"].mean}
    assert {row["direction"] for row in mine} == {"x"}
    assert {(row["time"], row["harmonic"]) for row in rows if row["quantity"] == "budget"} == {("", "dc")}
    assert "time" not in report.csv(of_scene(2)).splitlines()[0]


def test_rounding_of_difference_quotients_is_zero_by_symmetry():
    clean, result = report.table(of_scene(1)), of_scene(1)
    current = result.estimates["plane_current"]
    current.mean[:, :, 0, 0, 0], current.stderr[:, :, 0, 0, 0] = 1e-16, 1e-17
    assert report.table(result) == clean


def block_of(text, head):
    """Lines of a block, from its head to the next line that is not indented or a row of it."""
    lines = text.splitlines()
    start = lines.index(head)
    end = next(i for i in range(start + 2, len(lines)) if "|" not in lines[i])
    return lines[start:end]


def test_every_channel_has_its_totals():
    result = of_scene(1, ALL)
    current = result.estimates["plane_current"]
    block = block_of(report.table(result), "Total spin current along +x by channel")
    names = result.coords["channel"]
    for plane, where in ((1, "x = 10 nm"), (2, "x = 20 nm")):
        start = next(i for i, line in enumerate(block) if line.startswith(where))
        for row_, name in zip(block[start : start + 4], ALL, strict=True):
            assert row_.split("|")[0].split()[-1] == name
            channel = names.index(name)
            mean, stderr = (array[channel, 2, 0, 0, 2, plane] for array in (current.mean, current.stderr))
            shown = row_.split("|")[1].strip()
            assert shown == (number(mean * 1e3, stderr * 1e3) if name != "first" else "0")
    assert len({len(line) for line in block[1:] if "±" in line}) == 1


def test_totals_by_channel_only_where_the_table_lacks_them():
    head = "Total spin current along +x by channel"
    for channels in (("first",), ("second",), ("exact",), ("first", "second")):
        assert head not in report.table(of_scene(1, channels))
    for channels in (("first", "exact"), ("second", "second_ladder"), ("first", "second", "exact")):
        assert head in report.table(of_scene(1, channels))
    assert head not in report.table(junction())


def test_totals_by_channel_fit_with_many_harmonics():
    result = of_scene(1, ALL, harmonics=16)
    current = result.estimates["plane_current"]
    current.mean[:, :, 0, :, 0] = 0.123456
    current.stderr[:, :, 0, :, 0] = 1e-7
    text = report.table(result)
    assert "| cos Ωt, sin Ωt" in text
    assert max(map(len, block_of(text, "Total spin current along +x by channel"))) <= 120


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_run_without_planes_tells_its_largest_numbers(axes):
    result = of_scene(axes, planes=())
    density, current = (result.estimates[name] for name in ("spin_density", "spin_current"))
    density.mean[-1, 2, 0, 2].flat[7] = 9.0
    density.stderr[-1, 2, 0, 2].flat[7] = 0.02
    current.mean[-1, 2, axes - 1, 1, 0].flat[3] = -7.0
    current.stderr[-1, 2, axes - 1, 1, 0].flat[3] = 0.02
    text = report.table(result)
    assert (
        f"Largest on the mesh of {' × '.join(('10', '6', '4')[:axes])} cells, channels first + second" in text
    )
    [line] = [line for line in text.splitlines() if line.startswith("  density, DC z")]
    place = np.unravel_index(7, density.mean.shape[5 - 1 :])
    lengths = [result.coords[axis].mean[i] * 1e9 for axis, i in zip("xyz", place, strict=False)]
    assert "9.000 ± 0.020 [J s/m³] at x = " in line
    assert line.endswith(
        ", ".join(f"{axis} = {value:.6g} nm" for axis, value in zip("xyz", lengths, strict=False))
    )
    [line] = [
        line for line in text.splitlines() if line.startswith(f"  current along {'xyz'[axes - 1]}, x cos")
    ]
    assert "-7.000 ± 0.020" in line
    assert "Largest on the mesh" not in report.table(of_scene(axes))


def test_a_transient_map_tells_its_largest_numbers_and_when():
    result = of_scene(2, time_bins=4, planes=())
    density = result.estimates["spin_density"]
    density.mean[-1, 2, 2, 2, 1, 3] = 5.0
    [line] = [line for line in report.table(result).splitlines() if line.startswith("  density, z, t = ")]
    assert "t = 15 … 22.5 fs" in line
    assert "Largest" not in report.table(of_scene(1, time_bins=4, planes=()))


def test_aligned_rows():
    rows = [("unit", "x", "y"), ("a", "1.25", "-3"), ("longer", "2", "")]
    assert aligned(rows, ["<", " | >", "   >6"]) == [
        "unit   |    x        y",
        "a      | 1.25       -3",
        "longer |    2",
    ]


def test_bars_and_titles_stand_where_the_multiple_of_the_frequency_changes():
    harmonics = ("dc", "cos1", "sin1", "cos2")
    columns = [{"harmonic": name, "component": "x"} for name in harmonics]
    text = barred([("[J/m²]", ["x", "x cos", "x sin", "x cos"]), ("20 nm", ["12", "3", "4", "5"])], columns)
    assert text == [
        "        | DC | cos Ωt, sin Ωt | cos 2Ωt, sin 2Ωt",
        "[J/m²]  |  x | x cos   x sin | x cos",
        "20 nm   | 12 |     3       4 |     5",
    ]
