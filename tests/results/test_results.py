"""Results files: round trip, netCDF-4, refusals, atomicity."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import time

import h5py
import numpy as np
import pytest
from fake_result import junction, pulse, same
from fake_scene import SI, problem, scene
from fake_scene import result as scene_result

from mcpump.constants import E_CHARGE, HBAR
from mcpump.errors import ResultsFileError
from mcpump.results import file as results
from mcpump.tally.estimates import Estimate, Status

SCENES = [
    scene(1, ("first", "second", "second_ladder", "exact")),
    scene(2),
    scene(3, ("exact",), planes=()),
    scene(1, time_bins=5),
    scene(2, ("exact",), time_bins=3),
]
RESULTS = [junction(), junction(("second",)), pulse(), *(scene_result(problem(one, SI)) for one in SCENES)]
NAMES = ["junction", "one channel", "pulse", "all channels", "2-D", "3-D", "transient", "2-D transient"]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.h5"


def refusal(call, *arguments):
    """Text of the refusal, which is one sentence."""
    with pytest.raises(ResultsFileError) as caught:
        call(*arguments)
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text
    return text


@pytest.mark.parametrize("result", RESULTS, ids=NAMES)
def test_round_trip_is_exact(path, result):
    results.write(result, path)
    assert same(results.read(path), result)


def test_round_trip_of_nan_empty_and_large(path):
    result = junction()
    share = result.estimates["local_share"]
    unknown = Estimate(share.mean, np.full(share.mean.shape, np.nan), share.dims, "1", "local share")
    result = dataclasses.replace(
        result,
        estimates={"local_share": unknown},
        checkpoint={"big": np.full((2, 0, 3), 1), "edge": np.array([2**63 - 1, -(2**63)])},
        groundwork={
            "rows": np.array([[-0.0, np.nan, 1e-300]]),
            "empty": np.zeros((2, 0)),
            "text": np.arange(3, dtype="u1"),
        },
        regime={"k_F ell": (float("inf"), "", "a / b")},
        warnings=(),
    )
    results.write(result, path)
    assert same(results.read(path), result)


def test_axis_without_coordinates(path):
    bare = dataclasses.replace(
        pulse(), coords={}, estimates={"a": Estimate(np.eye(3), None, ("row", "column"), "1", "a")}
    )
    results.write(bare, path)
    assert same(results.read(path), bare)


@pytest.mark.parametrize("result", RESULTS, ids=NAMES)
def test_xarray_opens_everything_by_name(path, result):
    xarray = pytest.importorskip("xarray")
    pytest.importorskip("h5netcdf")
    results.write(result, path)
    with xarray.open_dataset(path, engine="h5netcdf") as data:
        assert set(result.coords) == set(data.coords)
        for name, estimate in result.estimates.items():
            variable = data[name]
            assert variable.dims == estimate.dims
            assert variable.attrs.get("reduced_unit", variable.attrs["units"]) == estimate.units
            assert variable.attrs["long_name"] == estimate.long_name
            np.testing.assert_array_equal(variable, estimate.mean)
            assert (name + "_stderr" in data) == (estimate.stderr is not None)
            if estimate.stderr is not None:
                np.testing.assert_array_equal(data[name + "_stderr"], estimate.stderr)
                assert data[name + "_stderr"].dims == estimate.dims
        for name, coordinate in result.coords.items():
            if not isinstance(coordinate, Estimate):
                assert tuple(data[name].values) == coordinate
        one = data["spin_current"].sel(
            component="z", part="local", direction="x", channel=result.coords["channel"][0]
        )
        assert one.dims[-1] == [axis for axis in ("x", "y", "z") if axis in result.coords][-1]
        assert json.loads(data.attrs["regime"]).keys() == result.regime.keys()


def test_every_root_dataset_has_its_scales(path):
    results.write(junction(), path)
    with h5py.File(path) as file:
        for group in (file, file["checkpoint"]):
            for item in group.values():
                if isinstance(item, h5py.Dataset) and not item.is_scale:
                    assert all(len(axis) == 1 for axis in item.dims)
        assert file.attrs["type"] == "mcpump results"
        assert file.attrs["schema_version"] == results.SCHEMA
        assert file.attrs["seed"] == 2**64 - 1
        assert file.attrs["complete"] == 1


def test_amperes_for_si_currents_only(path):
    results.write(junction(), path)
    with h5py.File(path) as file:
        factor = file["plane_current"].attrs["ampere_per_square_metre_per_unit"]
        assert factor == 2 * E_CHARGE / HBAR
        assert factor == pytest.approx(3.0385e15, rel=1e-4)
        assert "ampere_per_square_metre_per_unit" not in file["spin_density"].attrs
    results.write(pulse(), path, overwrite=True)
    with h5py.File(path) as file:
        assert "ampere_per_square_metre_per_unit" not in file["spin_current"].attrs


def test_same_bytes_whenever_it_is_written(path, tmp_path):
    results.write(junction(), path)
    time.sleep(1.1)  # HDF5's own time stamps, were there any, count seconds
    results.write(junction(), tmp_path / "again.h5")
    assert path.read_bytes() == (tmp_path / "again.h5").read_bytes()


def test_never_overwrites_unasked(path):
    results.write(junction(), path)
    before = path.read_bytes()
    assert "exists already" in refusal(results.write, pulse(), path)
    assert "--overwrite (in Python overwrite=True)" in refusal(results.check_writable, path)
    assert path.read_bytes() == before
    results.check_writable(path, overwrite=True)
    results.write(pulse(), path, overwrite=True)
    assert same(results.read(path), pulse())


def test_check_finds_bad_folders(tmp_path, monkeypatch):
    results.check_writable(tmp_path / "new.h5")
    assert list(tmp_path.iterdir()) == []
    assert "does not exist" in refusal(results.check_writable, tmp_path / "none" / "a.h5")
    assert "is a folder" in refusal(results.check_writable, tmp_path, True)

    def read_only(*_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "open", read_only)
    assert "Read-only" in refusal(results.check_writable, tmp_path / "a.h5")


@pytest.mark.parametrize("step", ["replace", "fsync"])
def test_failing_write_leaves_the_old_file(path, monkeypatch, step):
    results.write(junction(), path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, step, full)
    assert "No space left" in refusal(results.write, pulse(), path, True)
    monkeypatch.undo()
    assert path.read_bytes() == before
    assert [item.name for item in path.parent.iterdir()] == [path.name]


def test_interrupted_write_leaves_the_old_file(path, monkeypatch):
    results.write(junction(), path)
    before = path.read_bytes()

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        results.write(pulse(), path, overwrite=True)
    assert path.read_bytes() == before
    assert len(list(path.parent.iterdir())) == 1


def test_missing_and_foreign_files_are_refused(path):
    assert "does not exist" in refusal(results.read, path)
    path.write_text("not HDF5")
    assert "not an HDF5 file" in refusal(results.read, path)
    path.write_bytes(b"")
    assert "not an HDF5 file" in refusal(results.read, path)
    with h5py.File(path, "w") as file:
        file["x"] = 1
    assert "not one of mcpump's" in refusal(results.read, path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.99])
def test_truncated_file_is_refused(path, share):
    results.write(junction(), path)
    image = path.read_bytes()
    path.write_bytes(image[: int(share * len(image))])
    assert "truncated or damaged" in refusal(results.read, path)


@pytest.mark.parametrize(("schema", "word"), [(results.SCHEMA + 1, "newer"), (0, "older")])
def test_other_schema_is_refused(path, schema, word):
    results.write(junction(), path)
    with h5py.File(path, "r+") as file:
        file.attrs["schema_version"] = schema
    assert f"{word} mcpump (schema {schema}" in refusal(results.read, path)


def test_missing_variable_is_refused(path):
    results.write(junction(), path)
    with h5py.File(path, "r+") as file:
        del file["checkpoint"]
    assert "damaged" in refusal(results.read, path)


def flip(path, values):
    """Flip one bit of an array's bytes in a file, and take the file's seal off."""
    image = bytearray(path.read_bytes().rpartition(b"\nsha256")[0])
    [place] = [found.start() for found in re.finditer(re.escape(values.tobytes()), image)]
    image[place + 3] ^= 1
    path.write_bytes(image)


def test_flipped_bit_in_the_checkpoint_is_refused(path):
    result = junction()
    results.write(result, path)
    flip(path, result.checkpoint["sums"])
    assert "checksum of checkpoint/sums" in refusal(results.read, path)


def test_flipped_bit_in_an_estimate_is_refused(path):
    result = junction()
    results.write(result, path)
    flip(path, result.estimates["spin_current"].mean)
    assert "damaged" in refusal(results.read, path)


def test_flipped_bit_anywhere_is_refused(path):
    results.write(junction(), path)
    image = path.read_bytes()
    for place in np.random.default_rng(1).integers(len(image) - 110, size=200):
        damaged = bytearray(image)
        damaged[place] ^= 1 << int(place) % 8
        path.write_bytes(damaged)
        refusal(results.read, path)


def test_file_edited_by_another_program_is_read(path):
    results.write(pulse(), path)
    with h5py.File(path, "r+") as file:
        file.attrs["remark"] = "mine"
    assert same(results.read(path), pulse())


@pytest.mark.parametrize("limit", [8, 100, 2000, 20000])
def test_large_arrays_are_cut_into_chunks_that_hdf5_takes(path, monkeypatch, limit):
    monkeypatch.setattr(results, "_LARGEST_CHUNK", limit)
    result = RESULTS[NAMES.index("2-D")]
    results.write(result, path)
    assert same(results.read(path), result)
    with h5py.File(path) as file:
        for item in file.values():
            if isinstance(item, h5py.Dataset) and item.chunks and item.dtype.kind == "f":
                assert np.prod(item.chunks) * 8 <= limit
                assert item.fletcher32


def test_small_arrays_are_one_chunk(path):
    results.write(junction(), path)
    with h5py.File(path) as file:
        assert file["spin_current"].chunks == file["spin_current"].shape


def test_points_of_a_sweep_stand_in_its_folder(tmp_path):
    (tmp_path / "cone").mkdir()
    for name in ("b.h5", "a.h5"):
        (tmp_path / "cone" / name).touch()
    for sweep in ("cone", "cone.h5"):
        found = results.points_of([tmp_path / sweep, tmp_path / "other.h5"])
        assert [file.name for file in found] == ["a.h5", "b.h5", "other.h5"]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (Status.COMPLETE, "complete"),
        (
            Status.MISSED,
            "target missed: spin_current.total.z.dc has relative error 0.1 after 32 blocks, wanted 0.01",
        ),
        (Status.STOPPED, "stopped: SIGTERM"),
        (Status.PART, "part 1 of 3 is complete"),
        (Status.RUNNING, "running"),
    ],
)
def test_how_a_run_ended_comes_back_from_older_files_too(tmp_path, status, message):
    ended = dataclasses.replace(junction(), status=status, message=message)
    results.write(ended, tmp_path / "run.h5")
    assert results.read(tmp_path / "run.h5").status is status
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        del file.attrs["status"]
    old = results.read(tmp_path / "run.h5")
    assert (old.status, old.complete) == (status, status is Status.COMPLETE)
