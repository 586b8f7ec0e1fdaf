"""Files keep to the CF Conventions, and tell their history."""

import re

import h5py
import numpy as np
import pytest
from conventions import assert_conventional, complaints
from fake_result import junction, pulse
from fake_scene import SI, problem, result, scene
from runs import AT_ONCE, furnish, good

from mcpump import results

RESULTS = {
    "junction": junction(),
    "pulse": pulse(),
    "all channels": result(problem(scene(1, ("first", "second", "second_ladder", "exact")), SI)),
    "2-D": result(problem(scene(2), SI)),
    "2-D transient": result(problem(scene(2, ("exact",), time_bins=3), SI)),
}
STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ mcpump \S+: "


@pytest.fixture
def folder(tmp_path, monkeypatch):
    furnish(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def lines(path):
    with h5py.File(path) as file:
        return file.attrs["history"].splitlines()


@pytest.mark.parametrize("name", RESULTS)
def test_the_checker_and_udunits_have_nothing_against_a_file(name, tmp_path):
    made = RESULTS[name]
    made.provenance["history"] = "2026-01-01T00:00:00Z mcpump 0: walked it"
    results.write(made, tmp_path / "file.h5")
    assert_conventional(tmp_path / "file.h5")


def test_the_checker_would_see_it(tmp_path):
    results.write(pulse(), tmp_path / "file.h5")
    with h5py.File(tmp_path / "file.h5", "r+") as file:
        file["x"].attrs["units"] = "ell"
        file["spin_current"].attrs["ancillary_variables"] = "nowhere"
        del file.attrs["Conventions"]
    text = "\n".join(complaints(tmp_path / "file.h5"))
    assert '"ell" are not recognized by UDUNITS' in text
    assert "Conventions" in text
    assert "nowhere is not a variable" in text
    assert "history" in text  # this one was never walked


def test_reduced_units_are_named_beside_the_number(tmp_path):
    results.write(pulse(), tmp_path / "file.h5")
    with h5py.File(tmp_path / "file.h5") as file:
        for name, unit in (
            ("x", "ell"),
            ("time", "tau"),
            ("spin_density", "1/ell"),
            ("spin_density_stderr", "1/ell"),
        ):
            assert (file[name].attrs["units"], file[name].attrs["reduced_unit"]) == ("1", unit)
    assert results.read(tmp_path / "file.h5").estimates["spin_density"].units == "1/ell"


def test_files_before_the_conventions_are_read(tmp_path):
    results.write(pulse(), tmp_path / "file.h5")
    with h5py.File(tmp_path / "file.h5", "r+") as file:
        file.attrs["schema_version"] = 1
        for name in [name for name in file if name.endswith("_bounds")]:
            del file[name]
        for key in ("Conventions", "title", "source", "references"):
            del file.attrs[key]
        for item in file.values():
            if "reduced_unit" in item.attrs:
                item.attrs["units"] = item.attrs["reduced_unit"]
                del item.attrs["reduced_unit"]
    old = results.read(tmp_path / "file.h5")
    assert old.estimates["spin_current"].units == "1/tau"
    assert old.coords["x"].units == "ell"
    np.testing.assert_array_equal(old.estimates["spin_density"].mean, pulse().estimates["spin_density"].mean)


def test_a_walked_file_and_a_sweep(folder):
    good("run", "transient.toml", "--quiet")
    assert_conventional("transient.h5")
    good("sweep", "junction.toml", "--vary", "sample.x.length=8, 10", "--with", "texture.interface=4, 5", "--quiet",
         "--walkers", "1024", "--set", "results.planes=[0]")  # fmt: skip
    assert_conventional("junction-sweep.h5")
    [line] = lines("junction-sweep.h5")
    assert re.fullmatch(STAMP + "collected 2 points", line)


def test_history_has_a_line_for_each_walk(folder):
    good("run", "junction.toml", "--quiet", *AT_ONCE, status=75)
    assert [re.sub(STAMP, "", line) for line in lines("junction.h5")] == ["walked junction.toml"]
    good("run", "--resume", "junction.h5", "--quiet")
    told = lines("junction.h5")
    assert [re.sub(STAMP, "", line) for line in told] == [
        "walked junction.toml",
        "went on with junction.toml",
    ]
    good("run", "--resume", "junction.h5", "--quiet")  # nothing is left
    assert lines("junction.h5") == told
    for part in ("1/2", "2/2"):
        good("run", "junction.toml", "--part", part, "-o", f"{part[0]}.h5", "--quiet")
    good("merge", "2.h5", "1.h5", "-o", "both.h5")
    *told, last = lines("both.h5")
    assert set(told) == {*lines("1.h5"), *lines("2.h5")}
    assert re.fullmatch(STAMP + "merged 2 files", last)
