"""`mcpump sweep`: its points, what it skips and goes on with, the commands it lists, the file that collects it."""

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
from runs import AT_ONCE, CHILD, JUNCTION, assert_same, blocks, call, contents, furnish, good, refused

from mcpump.errors import InputError
from mcpump.results import file as results
from mcpump.simulate.sweep import Sweep

xarray = pytest.importorskip("xarray")

AXIS, OTHER = ("--vary", "texture.width=1, 2"), ("--vary", "run.seed=3:5:3")
QUIET = ("--quiet",)
SI = """
units = "SI"
[electrons]
fermi_wavenumber = "13.6 /nm"
mean_free_path = "1 nm"
spin_diffusion_length = "2 nm"
exchange = "50 meV"
[sample.x]
length = "20 nm"
cells = 10
left = "specular"
right = "absorbing"
[texture]
kind = "junction"
interface = "10 nm"
width = "3 nm"
cone_angle = "10 deg"
frequency = "10 GHz"
[results]
planes = ["10 nm"]
[run]
walkers = 1024
walkers_per_block = 64
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    furnish(tmp_path)
    (tmp_path / "si.toml").write_text(SI, encoding="utf-8")
    few = JUNCTION.replace("walkers = 4096", "walkers = 1024")
    (tmp_path / "junction.toml").write_text(few, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def dataset(path):
    """The collected file as a user opens it, whole in memory."""
    with xarray.open_dataset(path, engine="h5netcdf") as opened:
        return opened.load()


def swept(*texts, deck="si.toml", **more):
    """Points of a sweep, one axis for each text."""
    return Sweep(deck, (), [[text] for text in texts], **more)


def values_of(text, **more):
    return [point.overrides[0].partition("=")[2] for point in swept(text, **more).points]


# --- points ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("electrons.mean_free_path=0.1:10 nm:3:log", ["0.1 nm", "1 nm", "10 nm"]),
        ("electrons.mean_free_path=0.1 nm:0.3 nm:3", ["0.1 nm", "0.2 nm", "0.3 nm"]),
        ("electrons.mean_free_path = 3:1 nm : 3 : lin", ["3 nm", "2 nm", "1 nm"]),
        ("electrons.mean_free_path=1:2 nm:3:log", ["1 nm", "1.4142136 nm", "2 nm"]),
        ("electrons.mean_free_path=1 nm, 20 angstrom,5 nm", ["1 nm", "20 angstrom", "5 nm"]),
        ("electrons.mean_free_path=1 nm", ["1 nm"]),
        ("run.seed=1:4:4", ["1", "2", "3", "4"]),
        ("run.seed=12345678:12345680:3", ["12345678", "12345679", "12345680"]),
        ("run.walkers=1e3:1e5:4:log", ["1000", "4642", "21544", "100000"]),
        ("texture.cone_angle=0:90 deg:3", ["0 deg", "45 deg", "90 deg"]),
        ("sample.x.right=specular, { specularity = 0.5, absorption = 0.1 }",
         ["specular", "{ specularity = 0.5, absorption = 0.1 }"]),
        ("texture.axis=[0, 0, 1], [1, 0, 0]", ["[0, 0, 1]", "[1, 0, 0]"]),
    ],
)  # fmt: skip
def test_values(folder, text, values):
    assert values_of(text) == values


def test_points_are_a_product_in_order_with_names_of_their_own(folder):
    sweep = swept("electrons.mean_free_path=1:2 nm:2", "texture.frequency=1 GHz, 2 GHz, 4 GHz")
    assert sweep.shape == (2, 3)
    assert [point.number for point in sweep.points] == list(range(1, 7))
    assert sweep.points[3].place == (1, 0)
    assert sweep.points[3].name == "mean_free_path=2nm,frequency=1GHz"
    assert sweep.points[3].overrides == ("electrons.mean_free_path=2 nm", "texture.frequency=1 GHz")
    names = [point.name for point in swept("electrons.fermi_wavenumber=1 /nm, 2 1/nm").points]
    assert names == ["fermi_wavenumber=1_nm", "fermi_wavenumber=21_nm"]
    assert all("/" not in name for name in names)


def test_coordinates_are_in_the_units_of_the_file(folder):
    def first(text, **more):
        [[coordinate]] = swept(text, **more).coordinates()
        return coordinate.values, coordinate.units

    assert first("electrons.mean_free_path=0.1 nm, 20 angstrom") == ((1e-10, 2e-9), "m")
    assert first("texture.frequency=1:2 GHz:2") == ((1e9, 2e9), "Hz")
    assert first("texture.cone_angle=0:90 deg:2") == ((0.0, pytest.approx(np.pi / 2)), "rad")
    assert first("electrons.spin_diffusion_length=1 nm, none") == ((1e-9, np.inf), "m")
    assert first("run.seed=1:2:2") == ((1.0, 2.0), "1")
    assert first("sample.x.right=absorbing, specular") == (("absorbing", "specular"), "1")
    assert first("sample.x.length=10, 12", deck="junction.toml") == ((10.0, 12.0), "ell")
    assert first("electrons.exchange=0.01:0.1:2:log", deck="junction.toml") == ((0.01, 0.1), "hbar/tau")


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        (["electrons.mean_free_path"], "KEY=VALUES"),
        (["=1 nm"], "KEY=VALUES"),
        (["electrons.mean_free_path="], "KEY=VALUES"),
        (["electrons.mean_free_path=1 nm,,2 nm"], "empty value"),
        (["electrons.mean_free_path=1:2 nm"], "is no range"),
        (["electrons.mean_free_path=a:2 nm:3"], "no number"),
        (["electrons.mean_free_path=1:2 nm:1"], 'count "1"'),
        (["electrons.mean_free_path=1:2 nm:x"], 'count "x"'),
        (["electrons.mean_free_path=1:2 nm:3:cubic"], "must be log or lin"),
        (["electrons.mean_free_path=0:2 nm:3:log"], "both ends must be positive"),
        (["electrons.mean_free_path=2:2 nm:3"], "begins where it ends"),
        (["electrons.mean_free_path=2 um:3 nm:3"], 'two units, "um" and "nm"'),
        (["electrons.mean_free_path=1 nm, 1 nm"], "twice"),
        (["electrons.mean_free_path=1 nm, 10 angstrom"], '"1 nm" and "10 angstrom" are the same value'),
        (["electrons.mean_free_path=1 nm", "electrons.mean_free_path=2 nm"], "swept twice"),
        (["electrons.mean_free_pth=1 nm"], "did you mean mean_free_path?"),
        (["electrons.mean_free_path=1, 2"], "has no unit"),
        (["run.seed=1:3:9"], "fewer than 9 whole numbers"),
        (["sample.x.right=1:3:3"], "absorbing"),
        (["run.seed=0:9999:10000", "texture.width=1 nm, 2 nm"], "20000 points"),
    ],
)
def test_refusals_name_the_key_and_what_is_accepted(folder, texts, words):
    before = contents(folder)
    text = refused("sweep", "si.toml", *[word for one in texts for word in ("--vary", one)])
    assert words in text
    key = texts[0].partition("=")[0].rpartition(".")[2].rstrip(":")
    assert key[:12] in text or "points" in text
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "--vary"),
        ((*AXIS, "--with", "sample.x.length=10"), "has 1 values, --vary texture.width has 2"),
        (("--with", "sample.x.length=10", *AXIS), "needs a --vary before it"),
        ((*AXIS, "--set", "texture.width=3"), "texture.width is swept"),
        ((*OTHER, "--seed", "4"), "run.seed is swept"),
        ((*OTHER, "--new-walkers"), "nothing to choose"),
        ((*AXIS, "--point", "3"), "points 1 to 2"),
        ((*AXIS, "--point", "0"), "points 1 to 2"),
        ((*AXIS, "--point", "1/3"), "the sweep has 2 points"),
        ((*AXIS, "--point", "x"), "not K or K/N"),
        ((*AXIS, "--collect"), "no point of the sweep has been walked"),
        ((*AXIS, "--list", "--collect"), "not allowed with"),
        (("--vary", "texture.width=1, -2"), "point 2 (width=-2): texture.width"),
        ((*AXIS, "-o", "missing/folder"), "missing/folder"),
    ],
)
def test_refusals_of_the_command(folder, arguments, words):
    before = contents(folder)
    assert words in refused("sweep", "junction.toml", *arguments)
    assert contents(folder) == before


# --- walking -----------------------------------------------------------------------------------------------------


def test_two_axes_one_file(folder):
    out, _ = good(
        "sweep", "si.toml", "--vary", "electrons.mean_free_path=0.5:2 nm:2:log", "--vary", "run.seed=3:5:3"
    )
    lines = out.splitlines()
    assert len(lines) == 8
    assert lines[0].startswith("mean_free_path=0.5nm,seed=3   1 024 walkers   spin current DC z at x = 10 nm")
    assert lines[-1] == "si-sweep.h5: 6 of 6 points"
    assert len(list((folder / "si-sweep").iterdir())) == 6
    good("run", "si.toml", "--set", "electrons.mean_free_path=2 nm", "--seed", 4, *QUIET, "-o", "one.h5")
    assert_same("one.h5", "si-sweep/mean_free_path=2nm,seed=4.h5")

    one, all_of_it = results.read("one.h5"), dataset("si-sweep.h5")
    assert all_of_it.mean_free_path.values.tolist() == [0.5e-9, 2e-9]
    assert all_of_it.mean_free_path.attrs == {"units": "m", "long_name": "electrons.mean_free_path"}
    assert all_of_it.seed.values.tolist() == [3, 4, 5]
    here = all_of_it.sel(mean_free_path=2e-9, seed=4)
    for name, estimate in one.estimates.items():
        assert here[name].dims == estimate.dims
        assert here[name].attrs["units"] == estimate.units
        np.testing.assert_array_equal(here[name], estimate.mean)
        if estimate.stderr is not None:
            np.testing.assert_array_equal(here[f"{name}_stderr"], estimate.stderr)
    np.testing.assert_array_equal(all_of_it.x, one.coords["x"].mean)
    assert all_of_it.channel.values.tolist() == list(one.coords["channel"])
    assert (all_of_it.point_status == "complete").all()
    assert all_of_it.regime_ell_over_lambda.values[:, 0] == pytest.approx([1 / 6, 2 / 3])
    assert all_of_it.attrs["complete"] == 1
    assert json.loads(all_of_it.attrs["swept"]) == [["electrons.mean_free_path"], ["run.seed"]]
    assert all_of_it.spin_current.attrs["ampere_per_square_metre_per_unit"] > 0


def test_the_same_walkers_unless_asked(folder):
    good("sweep", "junction.toml", *AXIS, *QUIET, "--seed", 9)
    assert "correlated" in dataset("junction-sweep.h5").attrs["notes"]
    out, _ = good("sweep", "junction.toml", *AXIS, "--seed", 9, "--collect")
    assert out.splitlines()[-2].startswith("points share walkers: their errors are correlated")
    assert [results.read(path).seed for path in sorted((folder / "junction-sweep").iterdir())] == [9, 9]
    good("sweep", "junction.toml", *AXIS, *QUIET, "--new-walkers", "-o", "new")
    seeds = [results.read(path).seed for path in sorted((folder / "new").iterdir())]
    assert len(set(seeds)) == 2
    assert dataset("new.h5").attrs["notes"] == ""
    out, _ = good("sweep", "junction.toml", *AXIS, "--collect", "--new-walkers", "-o", "new")
    assert "correlated" not in out
    # a finer sweep finds the points of the coarser one
    before = contents(folder / "new")
    good("sweep", "junction.toml", "--vary", "texture.width=0.5, 1, 2", *QUIET, "--new-walkers", "-o", "new")
    after = contents(folder / "new")
    assert len(after) == 3
    assert before.items() <= after.items()
    assert dataset("new.h5").width.values.tolist() == [0.5, 1.0, 2.0]


def test_finished_points_are_skipped_and_more_walkers_are_walked(folder):
    good("sweep", "junction.toml", *AXIS, *QUIET)
    before = {path: path.stat().st_mtime_ns for path in (folder / "junction-sweep").iterdir()}
    _, err = good("sweep", "junction.toml", *AXIS)
    assert err.count("is complete") == 2
    assert {path: path.stat().st_mtime_ns for path in before} == before
    good("sweep", "junction.toml", *AXIS, *QUIET, "--walkers", 2048)
    good("run", "junction.toml", "--set", "texture.width=2", "--walkers", 2048, *QUIET, "-o", "one.h5")
    result = results.read(folder / "junction-sweep" / "width=2.h5")
    assert (result.walkers, result.complete) == (2048, True)
    np.testing.assert_array_equal(
        result.estimates["spin_current"].mean, results.read("one.h5").estimates["spin_current"].mean
    )


def test_a_stopped_sweep_goes_on_to_the_same_bits(folder):
    status, out, err = call("sweep", "junction.toml", *AXIS, *QUIET, *AT_ONCE)
    assert (status, out) == (75, "")
    assert "stopped: --max-time" in err
    first = folder / "junction-sweep" / "width=1.h5"
    assert [path.name for path in (folder / "junction-sweep").iterdir()] == ["width=1.h5"]
    assert 0 < blocks(first) < 16
    assert not (folder / "junction-sweep.h5").exists()
    good("sweep", "junction.toml", *AXIS, *QUIET)
    good("sweep", "junction.toml", *AXIS, *QUIET, "-o", "whole")
    for path in (folder / "whole").iterdir():
        assert_same(path, folder / "junction-sweep" / path.name)
    assert_same("whole.h5", "junction-sweep.h5")


def test_one_point_and_collecting_what_is_there(folder):
    axes = (*AXIS, *OTHER)
    out, _ = good("sweep", "junction.toml", *axes, "--point", "2/6")
    assert out.startswith("width=1,seed=4   1 024 walkers")
    assert len(out.splitlines()) == 1
    assert not (folder / "junction-sweep.h5").exists()
    call("sweep", "junction.toml", *axes, "--point", "6", *QUIET, *AT_ONCE)
    out, err = good("sweep", "junction.toml", *axes, "--collect")
    assert out.splitlines()[-1] == "junction-sweep.h5: 2 of 6 points"
    assert "4 of 6 points are missing: 1 (width=1,seed=3), 3 (width=1,seed=5), 4 (width=2,seed=3), 5" in err
    assert "1 of 6 points are not complete: 6 (width=2,seed=5)" in err
    found = dataset("junction-sweep.h5")
    assert (found.point_status == "missing").sum() == 4
    assert found.point_status.sel(width=2, seed=5).item().startswith("stopped")
    assert found.attrs["complete"] == 0
    assert "missing" in found.attrs["warnings"]
    budget = found.budget.sum(
        [name for name in found.budget.dims if name not in ("width", "seed")], skipna=False
    )
    assert np.isnan(budget).values.tolist() == [[True, False, True], [True, True, False]]
    assert np.isnan(found.point_walkers).sum() == 4
    good("sweep", "junction.toml", *axes, *QUIET)
    assert dataset("junction-sweep.h5").attrs["complete"] == 1


def test_the_list_runs(folder):
    arguments = (
        "si.toml",
        "--vary",
        "electrons.mean_free_path=0.5:2 nm:2:log",
        "--set",
        "texture.width=2 nm",
    )
    out, err = good("sweep", *arguments, "--list", "--walkers", 2048, "--quiet", "--seed", 2, "-o", "a sweep")
    lines = out.splitlines()
    assert err == ""
    assert len(lines) == 2
    assert all(line.startswith("mcpump run si.toml --set ") for line in lines)
    assert not (folder / "a sweep.h5").exists()
    for _ in range(2):  # the second time there is nothing to do
        for line in lines:
            done = subprocess.run(
                ["bash", "-c", line.replace("mcpump", shlex.join(CHILD), 1)], capture_output=True, text=True,
                env={**os.environ, "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}"},
            )  # fmt: skip
            assert done.returncode == 0, done.stderr
    same = (*arguments, "--walkers", 2048, "--seed", 2, *QUIET)
    good("sweep", *same, "-o", "a sweep", "--collect")
    good("sweep", *same, "-o", "other")
    assert_same("a sweep.h5", "other.h5")


def test_continue_begins_goes_on_and_finds_a_run_complete(folder):
    assert call("run", "junction.toml", "--continue", *QUIET, *AT_ONCE)[0] == 75
    assert blocks("junction.h5") < 16
    good("run", "junction.toml", "--continue", *QUIET)
    good("run", "junction.toml", *QUIET, "-o", "whole.h5")
    assert_same("whole.h5", "junction.h5")
    before = contents(folder)
    out, err = good("run", "junction.toml", "--continue")
    assert (out, contents(folder)) == ("", before)
    assert "junction.h5 is complete" in err
    assert "run.seed" in refused("run", "junction.toml", "--continue", "--seed", 2)
    assert "--continue" in refused("run", "junction.toml", "--continue", "--overwrite")
    assert "--continue" in refused("run", "--continue", "--resume", "junction.h5")
    assert contents(folder) == before


def test_points_of_another_deck_are_refused(folder):
    good("sweep", "junction.toml", *AXIS, *QUIET)
    before = contents(folder)
    text = refused("sweep", "junction.toml", *AXIS, *QUIET, "--set", "electrons.exchange=0.1")
    assert "electrons.exchange = 0.05, this deck has 0.1" in text
    assert "exchange" in refused(
        "sweep", "junction.toml", *AXIS, *QUIET, "--set", "electrons.exchange=0.1", "--collect"
    )
    assert contents(folder) == before
    good("sweep", "junction.toml", *AXIS, *QUIET, "--set", "electrons.exchange=0.1", "--overwrite")


def test_a_results_file_in_the_place_of_the_collection_is_left_alone(folder):
    good("run", "junction.toml", *QUIET, "-o", "junction-sweep.h5")
    before = (folder / "junction-sweep.h5").read_bytes()
    assert "exists already" in refused("sweep", "junction.toml", *AXIS, *QUIET)
    assert (folder / "junction-sweep.h5").read_bytes() == before


def test_the_collection_of_another_sweep_is_left_alone(folder):
    good("sweep", "junction.toml", *AXIS, *QUIET)
    before = contents(folder)
    assert "exists already" in refused("sweep", "junction.toml", *OTHER, *QUIET)
    assert contents(folder) == before
    good("sweep", "junction.toml", *OTHER, *QUIET, "--overwrite")


def test_a_sweep_is_no_results_file(folder):
    good("sweep", "junction.toml", "--vary", "texture.width=1", *QUIET)
    assert "xarray.open_dataset" in refused("show", "junction-sweep.h5")


# --- the file ----------------------------------------------------------------------------------------------------


def test_keys_that_change_together(folder):
    lengths = "8, 10"
    good("sweep", "junction.toml", "--vary", "sample.x.length=" + lengths, "--with", "texture.interface=4, 5",
         "--with", "sample.x.right=specular, absorbing", "--set", "results.planes=[0]", *QUIET)  # fmt: skip
    found = dataset("junction-sweep.h5")
    assert found.sizes["length"] == 2
    assert found.interface.dims == ("length",)
    assert found.interface.values.tolist() == [4.0, 5.0]
    assert found.right.values.tolist() == ["specular", "absorbing"]
    assert {"interface", "right", "x_of_point"} <= set(found.coords)
    # the grid differs from point to point: an index, and places that depend on the point
    assert "x" not in found.coords
    assert found.x_of_point.dims == ("length", "x")
    assert found.x_of_point.attrs["units"] == "1"
    assert found.x_of_point.attrs["reduced_unit"] == "ell"
    assert "x_of_point_bounds" not in found  # CF has bounds of two dimensions for polygons alone
    assert found.x_of_point.values[:, 0].tolist() == [0.4, 0.5]
    assert "x_of_point" in found.spin_current.coords


def test_meshes_of_other_sizes_keep_the_profiles(folder):
    """Thicknesses swept with cells of one length: x is a coordinate of two dimensions, NaN behind the shorter sample."""
    sizes = (
        "--with",
        "sample.x.length=10, 20",
        "--with",
        "texture.interface=5, 5",
        "--set",
        "results.planes=[5]",
    )
    _, err = good("sweep", "junction.toml", "--vary", "sample.x.cells=10, 20", *sizes)
    assert "left out" not in err
    found = dataset("junction-sweep.h5")
    assert found.spin_density.sizes["x"] == 20
    assert np.isfinite(found.spin_density[1]).all()
    assert np.isfinite(found.spin_density[0, ..., :10]).all()
    assert np.isnan(found.spin_density[0, ..., 10:]).all()
    assert np.isnan(found.spin_density_stderr[0, ..., 10:]).all()
    assert found.x_of_point.dims == ("cells", "x")
    np.testing.assert_allclose(found.x_of_point[1], np.arange(20) + 0.5)
    np.testing.assert_allclose(found.x_of_point[0, :10], np.arange(10) + 0.5)
    assert np.isnan(found.x_of_point[0, 10:]).all()
    points = [results.read(path) for path in sorted(Path("junction-sweep").glob("*.h5"))]
    for point in points:
        one = point.estimates["spin_density"]
        here = found.spin_density.sel(cells=one.mean.shape[-1])[..., : one.mean.shape[-1]]
        np.testing.assert_array_equal(here, one.mean)
    assert found.plane_current.sizes["cells"] == 2
    assert np.isfinite(found.plane_current.sel(component="z", harmonic="dc", part="total")).all()


def test_names_of_channels_and_harmonics_are_joined(folder):
    good("sweep", "junction.toml", "--vary", "results.harmonics=0, 1", *QUIET)
    found = dataset("junction-sweep.h5")
    assert found.harmonic.values.tolist() == ["dc", "cos1", "sin1"]
    assert np.isnan(found.budget.sel(harmonics=0, harmonic="cos1")).all()
    assert np.isfinite(found.budget.sel(harmonics=1)).all()


def test_a_transient_and_a_key_called_like_an_axis(folder):
    good("sweep", "pulse.toml", "--vary", "pulse.position=4, 5", *QUIET)
    assert dataset("pulse-sweep.h5").spin_density.dims[:2] == ("position", "channel")
    text = SI.replace("[texture]", '[drive]\nkind = "pulse"\ntime = "50 fs"\nduration = "10 fs"\n[texture]')
    (folder / "drive.toml").write_text(
        text.replace(
            'planes = ["10 nm"]', 'end = "0.1 ps"\ntime_bins = 3\nharmonics = 0\nchannels = ["first"]'
        )
    )
    [[coordinate]] = swept("drive.time=40 fs, 60 fs", deck="drive.toml").coordinates()
    assert (coordinate.name, coordinate.units) == ("drive_time", "s")


def test_equal_sweeps_are_equal_files(folder):
    for name in ("one", "two"):
        good("sweep", "junction.toml", *AXIS, *QUIET, "-o", name)
    assert_same("one.h5", "two.h5")
    with h5py.File("one.h5") as file:
        assert file.attrs["type"] == results.SWEEP_TYPE
        assert len(file["provenance"].attrs["wall_time_s"]) == 2


def test_a_key_in_a_list_of_tables(folder):
    deck = ("sweep", "planar.toml", "--vary", "layer[0].start=2, 3", *QUIET)
    good(*deck, "--walkers", 1024)
    assert dataset("planar-sweep.h5").start.values.tolist() == [2.0, 3.0]
    with pytest.raises(InputError, match="is a list of 1"):
        swept("layer[3].start=2, 3", deck="planar.toml")
