"""VTK's reader of HDF5 files, which is ParaView's, finds in a results file what stands on the mesh."""

import h5py
import numpy as np
import pytest
from fake_result import junction, pulse
from fake_scene import SI, problem, result, scene

from mcpump import results
from mcpump.tally.estimates import Estimate

vtk = pytest.importorskip("vtkmodules.vtkIOHDF", reason="vtk is not installed")
from vtkmodules.util.numpy_support import vtk_to_numpy  # noqa: E402

RESULTS = {
    "junction": junction(),
    "one channel": junction(("second",)),
    "pulse": pulse(),
    "2-D": result(problem(scene(2), SI)),
    "3-D": result(problem(scene(3, ("exact",), planes=()), SI)),
    "transient": result(problem(scene(1, time_bins=5), SI)),
    "2-D transient": result(problem(scene(2, ("exact",), time_bins=3), SI)),
}
SINGLE = {"rtol": 1e-6, "atol": 0.0}


def read(path):
    """Grid, and arrays of each step, (z, y, x[, component]), as VTK has them."""
    reader = vtk.vtkHDFReader()
    assert reader.CanReadFile(str(path))
    reader.SetFileName(str(path))
    reader.UpdateInformation()
    steps = []
    for step in range(reader.GetNumberOfSteps()):
        reader.SetStep(step)
        reader.Modified()
        reader.Update()
        grid = reader.GetOutputDataObject(0)
        cells = [n - 1 for n in grid.GetDimensions()]
        data = grid.GetCellData()
        arrays = [data.GetArray(i) for i in range(data.GetNumberOfArrays())]
        steps.append({
            one.GetName(): vtk_to_numpy(one).reshape((*reversed(cells), one.GetNumberOfComponents()))
            for one in arrays
        })  # fmt: skip
    return grid, steps


def volume(estimate, **where):
    """Numbers of an estimate as VTK has them, (z, y, x, component)."""
    one = estimate.sel(**where)
    mesh = [axis for axis in "zyx" if axis in one.dims]
    values = one.mean.transpose([one.dims.index(axis) for axis in (*mesh, "component")])
    return values.reshape((1,) * (4 - values.ndim) + values.shape)


@pytest.mark.parametrize("name", RESULTS)
def test_vtk_reads_the_grid_and_every_array(name, tmp_path):
    made = RESULTS[name]
    results.write(made, tmp_path / "file.h5")
    grid, steps = read(tmp_path / "file.h5")
    nm = 1e9 if made.coords["x"].units == "m" else 1.0
    for i, axis in enumerate(axis for axis in "xyz" if axis in made.coords):
        edges = made.coords[f"{axis}_edge"].mean * nm
        np.testing.assert_allclose(grid.GetBounds()[2 * i : 2 * i + 2], edges[[0, -1]], rtol=1e-12)
        assert grid.GetDimensions()[i] == len(edges)
    channel = next(c for c in ("sum", "exact", "second", "first") if c in made.coords["channel"])
    times = made.coords.get("time")
    assert len(steps) == (len(times.mean) if times else 1)
    for step, arrays in enumerate(steps):
        clocks = (
            [("time", times.mean[step], "")]
            if times
            else [("harmonic", h, f" {h}") for h in made.coords["harmonic"]]
        )
        for clock, value, word in clocks:
            for part in made.coords["part"]:
                at = {"channel": channel, "part": part, clock: value}
                found = arrays[f"spin_density {channel} {part}{word}"]
                np.testing.assert_allclose(found, volume(made.estimates["spin_density"], **at), **SINGLE)
                for direction in made.coords["direction"]:
                    found = arrays[f"spin_current {channel} {part} {direction}{word}"]
                    wanted = volume(made.estimates["spin_current"], direction=direction, **at)
                    np.testing.assert_allclose(found, wanted, **SINGLE)
            if "magnetization" in made.estimates:
                wanted = volume(made.estimates["magnetization"], **{clock: value})
                np.testing.assert_allclose(arrays[f"magnetization{word}"], wanted, **SINGLE)


def test_errors_are_there_where_they_are_known(tmp_path):
    made = junction()
    results.write(made, tmp_path / "file.h5")
    _, [arrays] = read(tmp_path / "file.h5")
    at = {"channel": "sum", "part": "total", "direction": "x", "harmonic": "dc"}
    current = made.estimates["spin_current"].sel(**at)
    np.testing.assert_allclose(arrays["spin_current sum total x dc stderr"][0, 0], current.stderr.T, **SINGLE)
    assert not [name for name in arrays if name.startswith("magnetization") and name.endswith("stderr")]


def test_times_are_those_of_the_bins(tmp_path):
    results.write(pulse(), tmp_path / "file.h5")
    reader = vtk.vtkHDFReader()
    reader.SetFileName(str(tmp_path / "file.h5"))
    reader.UpdateInformation()
    key = vtk_key("TIME_STEPS")
    told = reader.GetOutputInformation(0)
    assert [told.Get(key, i) for i in range(told.Length(key))] == pulse().coords["time"].mean.tolist()


def vtk_key(name):
    from vtkmodules.vtkCommonExecutionModel import vtkStreamingDemandDrivenPipeline

    return getattr(vtkStreamingDemandDrivenPipeline, name)()


def test_the_channel_is_the_headline_of_the_run(tmp_path):
    made = result(problem(scene(1, ("first", "second", "exact")), SI))
    made.regime["J tau/hbar"] = (1.0, "", "large")
    results.write(made, tmp_path / "file.h5")
    _, [arrays] = read(tmp_path / "file.h5")
    channels = {name.split()[1] for name in arrays if name.startswith("spin_")}
    assert channels == {"exact"}


def test_the_group_is_small_and_all_its_data_is_its_own(tmp_path):
    results.write(junction(), tmp_path / "file.h5")
    with h5py.File(tmp_path / "file.h5") as file:
        arrays = file["VTKHDF/CellData"]
        kinds = {arrays.get(name, getlink=True).__class__ for name in arrays}
        assert kinds == {h5py.HardLink}
        assert {item.dtype for item in arrays.values()} == {np.dtype("f4")}
        profiles = sum(
            item.nbytes
            for name, item in file.items()
            if isinstance(item, h5py.Dataset) and name.startswith("spin_")
        )
        assert sum(item.nbytes for item in arrays.values()) < profiles


def test_what_has_no_mesh_has_no_group(tmp_path):
    bare = Estimate(np.eye(3), None, ("row", "column"), "1", "a")
    made = junction()
    made.coords.clear()
    made.estimates.clear()
    made.estimates["a"] = bare
    results.write(made, tmp_path / "file.h5")
    with h5py.File(tmp_path / "file.h5") as file:
        assert "VTKHDF" not in file
