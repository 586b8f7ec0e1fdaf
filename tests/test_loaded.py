"""mcpump from Python: `mcpump.run`, `mcpump.load` and what they give."""

import dataclasses
import subprocess
import sys
import tomllib

import numpy as np
import pytest
from fake_result import junction as made_up
from runs import JUNCTION, TRANSIENT, assert_same, furnish, good

import mcpump
from mcpump import report, results
from mcpump.errors import InputError, ResultsFileError
from mcpump.loaded import Run
from mcpump.tally.estimates import Estimate

FEW = JUNCTION.replace("walkers = 4096", "walkers = 1024")


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with decks and one run."""
    folder = furnish(tmp_path_factory.mktemp("loaded"))
    (folder / "few.toml").write_text(FEW, encoding="utf-8")
    mcpump.run(folder / "few.toml", folder / "few.h5", progress=False)
    return folder


@pytest.fixture
def run(here):
    return mcpump.load(here / "few.h5")


def test_the_import_is_light():
    heavy = "{'numba', 'numpy', 'h5py', 'matplotlib', 'xarray', 'pint'}"
    code = f"import sys, mcpump; dir(mcpump); print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert {"load", "run", "__version__"} <= set(dir(mcpump))
    with pytest.raises(AttributeError, match="no attribute 'wlk'"):
        mcpump.wlk  # noqa: B018


def test_run_writes_the_file_of_the_command(here, tmp_path):
    good("run", here / "few.toml", "--quiet", "-o", tmp_path / "command.h5", "--seed", 5)
    found = mcpump.run(here / "few.toml", tmp_path / "python.h5", seed=5, threads=2, progress=False)
    assert_same(tmp_path / "command.h5", tmp_path / "python.h5")
    assert found.complete
    with pytest.raises(ResultsFileError, match="exists already"):
        mcpump.run(here / "few.toml", tmp_path / "python.h5", progress=False)


def test_a_deck_as_a_dictionary_with_other_values(run):
    deck = tomllib.loads(FEW)
    found = mcpump.run(deck, set={"texture.width": 2, "results.planes": [5]}, walkers=1280, progress=False)
    assert found.result.walkers == 1280
    assert found.deck["texture"]["width"] == 2
    assert found.coords["plane"].tolist() == [5.0]
    assert deck == tomllib.loads(FEW)
    again = mcpump.run(run.deck, progress=False)
    for name in run:
        np.testing.assert_array_equal(again[name].mean, run[name].mean)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"set": {"texture.wdth": 1}}, "did you mean width?"),
        ({"set": {"texture.width": {"a": 1}}}, "texture.width = "),
        ({"set": {"texture.width": "1 nm"}}, "takes plain numbers"),
        ({"set": {"texture.width": [object()]}}, "texture.width = "),
        ({"walkers": 0}, "run.walkers = 0"),
        ({"seed": -1}, "run.seed = -1"),
        ({"threads": 0}, "threads = 0"),
    ],
)
def test_refusals(options, words):
    with pytest.raises(InputError) as error:
        mcpump.run(tomllib.loads(FEW), progress=False, **options)
    assert words in str(error.value)


def test_progress_and_a_stop(capsys, monkeypatch):
    monkeypatch.delitem(sys.modules, "ipykernel", raising=False)  # no notebook
    found = mcpump.run(tomllib.loads(FEW), walkers=10**9, max_time=0.5)
    assert not found.complete
    assert found.result.message.startswith("stopped")
    assert "NOT COMPLETE" in repr(found)
    mcpump.run(tomllib.loads(FEW))
    captured = capsys.readouterr()
    assert "1024 walkers, 100 %" in captured.err
    assert captured.out == ""
    mcpump.run(tomllib.loads(FEW), progress=False)
    assert capsys.readouterr().err == ""


def test_a_notebook_gets_a_bar(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ipykernel", sys)
    mcpump.run(tomllib.loads(FEW))
    assert "walkers/s]" in capsys.readouterr().err


def test_the_text_is_the_table(here, run):
    assert repr(run) == report.table(run.result).rstrip("\n")
    assert repr(run) + "\n" == good("show", here / "few.h5")[0]


def test_parts(run):
    whole = run["plane_current"]
    for i, part in enumerate(("local", "diffusive", "total")):
        group = getattr(run, part)
        assert "part" not in group.plane_current.dims
        np.testing.assert_array_equal(group.plane_current.mean, whole.mean[:, i])
        np.testing.assert_array_equal(group["plane_current"].stderr, whole.stderr[:, i])
        assert {"spin_density", "spin_current", "torque", "spin_potential"} <= set(group)
        assert "spin_density (channel, harmonic, component, x)" in repr(group)
        assert "spin_current" in dir(group)
    assert set(run.equilibrium) >= {"magnetization", "supercurrent"}
    assert run.budget.dims == ("line", "channel", "harmonic", "component")
    assert run.deck["texture"]["kind"] == "junction"
    with pytest.raises(AttributeError, match=r"local part of few\.toml has no spn_current: it has "):
        run.local.spn_current  # noqa: B018
    with pytest.raises(KeyError, match="spn"):
        run["spn"]


def test_selection(run):
    current = run.total.plane_current.sel(channel="second", direction="x", harmonic="dc", component="z")
    assert current.dims == ("plane",)
    assert current.coords["plane"].tolist() == [5.0, 10.0]
    assert float(current.sel(plane=9, method="nearest")) == current.mean[1]
    assert float(current.sel(plane=10.000000001)) == current.mean[1]
    with pytest.raises(InputError, match=r"plane = 9 is not there: there are 5, 10$"):
        current.sel(plane=9)
    many = Estimate(np.arange(30.0), None, ("x",), "1", "number", coords={"x": np.arange(30.0)})
    with pytest.raises(
        InputError, match=r"x = 8\.6 is not there: the nearest of 30 from 0 to 29 is 9, which method="
    ):
        many.sel(x=8.6)
    with pytest.raises(InputError, match="method = 'pad' must be None or"):
        current.sel(plane=9, method="pad")
    assert current.sel(plane=5).stderr == current.stderr[0]
    assert np.asarray(current).tolist() == current.mean.tolist()
    assert "±" in repr(current)
    assert run.equilibrium.magnetization.sel(x=0.5, harmonic="dc").stderr is None
    with pytest.raises(InputError, match="channel = 'third' is not among first, second, sum"):
        run.total.plane_current.sel(channel="third")
    with pytest.raises(InputError, match="the axes are channel, direction"):
        run.total.plane_current.sel(part="local")
    with pytest.raises(InputError, match="plane = 'x' must be a number"):
        run.total.plane_current.sel(plane="x")


def test_charge_is_there_or_says_that_it_is_not(run):
    assert not hasattr(run, "charge")
    with pytest.raises(InputError, match=r"few\.toml holds no charge"):
        run.charge  # noqa: B018
    result = made_up()
    charge = Estimate(np.ones(3), np.zeros(3), ("plane",), "A/m^2", "charge current")
    other = dataclasses.replace(result, estimates={**result.estimates, "charge_current": charge})
    found = Run(other).charge
    assert list(found) == ["charge_current"]
    assert found.current.mean.tolist() == found.charge_current.mean.tolist() == [1, 1, 1]
    assert found.current.units == "A/m^2"


def test_a_transient(here):
    found = mcpump.run(tomllib.loads(TRANSIENT), progress=False)
    assert "time" in found.total.spin_density.dims
    assert found.to_xarray().spin_density.sizes["time"] == 5
    assert found.plot().axes


def test_a_user_texture_is_named_again(here, tmp_path, monkeypatch):
    found = mcpump.run(here / "user.toml", progress=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"texture\.file is missing"):
        mcpump.run(found.deck, progress=False)
    assert mcpump.run(found.deck, progress=False, set={"texture.file": str(here / "wall.py")}).complete


def test_xarray_is_as_the_file_is_opened(here, run):
    xarray = pytest.importorskip("xarray")
    made = run.to_xarray()
    with xarray.open_dataset(here / "few.h5", engine="h5netcdf") as opened:
        xarray.testing.assert_equal(made, opened)
        assert set(made.attrs) == set(opened.attrs)
        assert made.attrs["regime"] == opened.attrs["regime"]
        assert made.attrs["history"] == opened.attrs["history"]
        for name in opened.variables:
            assert made[name].attrs == opened[name].attrs, name


@pytest.mark.parametrize(("package", "method"), [("xarray", "to_xarray"), ("matplotlib", "plot")])
def test_without_the_extras(run, monkeypatch, package, method):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(InputError, match=rf"{package} is not installed: pip install 'mcpump\[plot\]'"):
        getattr(run, method)()


def test_plot_and_save(run, tmp_path):
    figure = run.plot(theory=False)
    figure.savefig(tmp_path / "figure.png")
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    run.save(tmp_path / "copy.h5")
    assert results.read(tmp_path / "copy.h5").walkers == 1024
    with pytest.raises(InputError, match="which has first"):
        run.plot(channel="third")


def test_load_refuses_what_is_no_run(tmp_path):
    with pytest.raises(ResultsFileError, match="does not exist"):
        mcpump.load(tmp_path / "missing.h5")
