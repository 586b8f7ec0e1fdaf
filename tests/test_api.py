"""mcpump from Python: a function as texture, checks, sweeps, going on, and errors of one's own numbers."""

import functools
import inspect
import math
import tomllib

import h5py
import numpy as np
import pytest
from runs import JUNCTION, TRANSIENT, USER, assert_same, contents, furnish, good, refused

import mcpump
from mcpump import api, results
from mcpump.errors import InputError

CENTER = 4
WIDTHS = np.array([1.4, 0.3])
FEW = JUNCTION.replace("walkers = 4096", "walkers = 1024")


def angle(u):
    """Of a Bloch wall."""
    return 2 * math.atan(math.exp(u))


def S(x, y, z, t, *, width=WIDTHS[0], breath=WIDTHS[1]):
    """The wall of `runs.WALL`, with parameters."""
    a = angle((x - CENTER) / (width + breath * math.cos(0.1 * t)))
    return math.sin(a), 0.0, math.cos(a)


@pytest.fixture(scope="module")
def here(tmp_path_factory):
    """A folder with decks, and a run whose texture was a function."""
    folder = furnish(tmp_path_factory.mktemp("api"))
    (folder / "few.toml").write_text(FEW, encoding="utf-8")
    mcpump.run(folder / "user.toml", folder / "function.h5", texture=S, progress=False)
    return folder


def same_numbers(one, other):
    assert set(one) == set(other)
    for name in one:
        np.testing.assert_array_equal(one[name].mean, other[name].mean)


# --- arguments ---------------------------------------------------------------------------------------------------------


def test_calls_are_short_and_alike():
    for call in (mcpump.run, mcpump.resume, mcpump.sweep, mcpump.check):
        assert len(inspect.signature(call).parameters) <= 10
        assert {"comm"} <= {*inspect.signature(call).parameters} or call is mcpump.check
    for call in (mcpump.run, mcpump.sweep, mcpump.check):
        with pytest.raises(
            TypeError, match="unknown argument 'walker': of a deck set, texture, walkers, rel_err, seed"
        ):
            call(
                tomllib.loads(FEW), *[{"run.seed": [1, 2]}, "nowhere"][: 2 * (call is mcpump.sweep)], walker=5
            )


def test_relative_error(here, tmp_path):
    good(
        "run",
        here / "junction.toml",
        "--quiet",
        "-o",
        tmp_path / "command.h5",
        "--rel-err",
        0.05,
        "--walkers",
        8192,
    )
    found = mcpump.run(
        here / "junction.toml", tmp_path / "python.h5", rel_err=0.05, walkers=8192, progress=False
    )
    assert_same(tmp_path / "command.h5", tmp_path / "python.h5")
    assert found.deck["run"]["stop"]["relative_error"] == 0.05
    with pytest.raises(InputError, match=r"rel_err = 0\.1 needs a target: give the deck a"):
        mcpump.run(tomllib.loads(FEW), set={"results.planes": []}, rel_err=0.1)


# --- check -------------------------------------------------------------------------------------------------------------


def test_check_tells_what_the_command_tells(here):
    found = mcpump.check(here / "few.toml", walkers=2048, set={"electrons.exchange": 0.3})
    assert repr(found) + "\n" == good(
        "check", here / "few.toml", "--set", "run.walkers=2048", "--set", "electrons.exchange=0.3"
    )[0]  # fmt: skip
    assert found.regime["J tau/hbar"][0] == 0.3
    assert found.deck["run"]["walkers"] == 2048
    assert found.warnings
    assert "deck can be run" in found._repr_html_()
    with pytest.raises(InputError, match=r"electrons\.exchange = -1"):
        mcpump.check(tomllib.loads(FEW), set={"electrons.exchange": -1})


# --- a function as texture ---------------------------------------------------------------------------------------------


def test_a_function_has_the_bits_of_a_file(here, tmp_path):
    """Of a file with the same code, of the source that the results file keeps, and of a file without parameters."""
    found = mcpump.load(here / "function.h5")
    same_numbers(found, mcpump.run(here / "user.toml", progress=False))
    source = found.result.provenance["texture_source"]
    (here / "kept.py").write_text(source, encoding="utf-8")
    deck = (here / "user.toml").read_text().replace("wall.py", "kept.py")
    deck = deck.replace("[results]", "[texture.parameters]\nwidth = 1.4\nbreath = 0.3\n[results]")
    (here / "kept.toml").write_text(deck, encoding="utf-8")
    same_numbers(found, mcpump.run(here / "kept.toml", progress=False))
    assert "def angle(u):" in source
    assert "CENTER = 4" in source
    assert found.deck["texture"]["file"] == "<function S>"
    assert found.deck["texture"]["parameters"] == {"width": 1.4, "breath": 0.3}


def test_the_frequency_of_another_texture_stays():
    found = mcpump.check(tomllib.loads(FEW), texture=uniform)
    assert found.deck["texture"] == {
        "kind": "user", "angular_frequency": 0.01, "file": "<function uniform>",
        "sha256": found.deck["texture"]["sha256"],
    }  # fmt: skip


def uniform(x, y, z, t):
    return 0.5 * math.cos(0.01 * t), 0.5 * math.sin(0.01 * t), 0.5


def test_parameters_of_a_deck(here):
    deck = tomllib.loads(USER)
    found = mcpump.check(
        deck, texture=S, set={"texture.parameters.width": 2, "texture.parameters.breath": 0.1}
    )
    assert found.problem.program.parameters == (("width", 2.0), ("breath", 0.1))
    assert found.deck["texture"]["parameters"] == {"width": 2, "breath": 0.1}
    other = mcpump.run(deck, texture=S, set={"texture.parameters.width": 2}, progress=False)
    whole = mcpump.load(here / "function.h5")
    assert not np.array_equal(whole["plane_current"].mean, other["plane_current"].mean)


def without_default(x, y, z, t, depth, phase=0.0):
    return 0.5 * math.exp(-x / depth) * math.cos(0.1 * t + phase), 0.0, 0.5


def compiled_by_its_user():
    import numba

    shift = 0.25

    @numba.njit
    def inner(x, y, z, t):
        return 0.5 * math.cos(0.1 * t) * shift, 0.0, np.sqrt(0.25)

    return inner


def holds_a_list(x, y, z, t):
    return LIST[0], 0.0, 0.0


LIST = [object()]


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (lambda x, y, z, t: (0.0, 0.0, 1.0), "by def, not by lambda|is not to be found"),
        (holds_a_list, "the texture function holds_a_list uses LIST, a list: modules, numbers, small arrays"),
        (3, "texture = 3 must be a function S"),
        (math.sin, "must be a function S"),
        (
            without_default,
            "texture.parameters.depth is missing: S of texture function without_default has no default",
        ),
        (functools.partial(S, width=2), "must be a function S"),
    ],
)
def test_functions_that_cannot_be_used(function, words):
    with pytest.raises(InputError, match=words):
        mcpump.check(tomllib.loads(USER), texture=function)


def test_a_function_that_numba_has_compiled_and_names_from_around_it():
    source = mcpump.check(tomllib.loads(USER), texture=compiled_by_its_user()).problem.program.source
    assert "shift = 0.25" in source
    assert "import numpy as np" in source
    assert source.endswith("S = inner\n")


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"speed": 1}, r'unknown key "speed": S of texture function S takes width, breath'),
        ({"width": "wide"}, 'texture.parameters.width = "wide" is not a plain number'),
        ({"width": "2 nm"}, "is not a plain number"),
        ({"width": float("inf")}, "is not a finite number"),
        ({"x": 1}, 'texture.parameters has the name "x"'),
        ({"a b": 1}, 'texture.parameters has the name "a b"'),
        (3, "texture.parameters = 3 must be a table of names and numbers"),
    ],
)
def test_parameters_that_cannot_be_used(value, words):
    deck = tomllib.loads(USER)
    deck["texture"]["parameters"] = value
    with pytest.raises(InputError, match=words):
        mcpump.check(deck, texture=S)


SI_DECK = {
    "electrons": {"fermi_wavenumber": "13.6 /nm", "mean_free_path": "1 nm", "exchange": "50 meV",
                  "spin_diffusion_length": "10 nm"},
    "sample": {"x": {"length": "8 nm", "cells": 8, "left": "absorbing", "right": "absorbing"}},
    "texture": {"kind": "user", "frequency": "10 GHz", "length_scale": "1 nm"},
    "results": {"channels": ["first"], "planes": ["4 nm"]},
    "run": {"walkers": 1280, "walkers_per_block": 64},
}  # fmt: skip


def tanh_profile(x, y, z, t, middle, width, rate, tilt=1.0):
    f = 0.5 - 0.5 * math.tanh((x - middle) / width)
    return 0.1 * f * math.cos(rate * t), 0.1 * f * math.sin(rate * t), 0.9 * f * tilt


def test_parameters_with_units():
    values = {"middle": "4 nm", "width": "15 angstrom", "rate": f"{2e10 * math.pi!r} rad/s", "tilt": 1}
    found = mcpump.check(
        SI_DECK, texture=tanh_profile, set={f"texture.parameters.{k}": v for k, v in values.items()}
    )
    assert dict(found.problem.program.parameters) == pytest.approx(
        {"tilt": 1.0, "middle": 4e-9, "width": 1.5e-9, "rate": 2e10 * math.pi}, rel=1e-15
    )
    with pytest.raises(InputError, match='middle = "4 sheep" cannot be used: its unit is not known'):
        mcpump.check(SI_DECK, texture=tanh_profile, set={"texture.parameters.middle": "4 sheep"})


# --- going on ----------------------------------------------------------------------------------------------------------


def test_going_on_needs_the_function(here, tmp_path):
    early = mcpump.run(here / "user.toml", tmp_path / "early.h5", texture=S, max_time=1e-9, progress=False)
    assert 0 < early.result.blocks < 20
    before = contents(tmp_path)
    told = refused("run", "--resume", tmp_path / "early.h5")
    assert 'texture.file = "<function S>" was a function in Python: give it again' in told
    with pytest.raises(InputError, match="was a function in Python: give it again"):
        mcpump.resume(tmp_path / "early.h5")
    with pytest.raises(
        InputError,
        match=r"holds a run with texture.sha256 = '\w{64}', this deck has '\w{64}': they do not mix",
    ):
        mcpump.resume(tmp_path / "early.h5", texture=uniform)
    assert contents(tmp_path) == before
    found = mcpump.resume(tmp_path / "early.h5", texture=S, progress=False)
    assert found.complete
    assert_same(tmp_path / "early.h5", here / "function.h5")


def test_going_on(here, tmp_path):
    mcpump.run(here / "few.toml", tmp_path / "whole.h5", progress=False)
    mcpump.run(here / "few.toml", tmp_path / "early.h5", max_time=1e-9, progress=False)
    untouched = contents(tmp_path)["early.h5"]
    there = mcpump.resume(tmp_path / "early.h5", tmp_path / "late.h5", progress=False)
    assert there.complete
    assert contents(tmp_path)["early.h5"] == untouched
    assert_same(tmp_path / "late.h5", tmp_path / "whole.h5")
    with pytest.raises(results.file.ResultsFileError, match="exists already"):
        mcpump.resume(tmp_path / "early.h5", tmp_path / "whole.h5")
    more = mcpump.resume(tmp_path / "late.h5", walkers=2048, progress=False)
    assert more.result.walkers == 2048
    with pytest.raises(InputError, match="they do not mix"):
        mcpump.resume(tmp_path / "late.h5", set={"texture.width": 2})
    kept = contents(tmp_path)["late.h5"]
    assert mcpump.resume(tmp_path / "late.h5", walkers=2048).complete
    assert contents(tmp_path)["late.h5"] == kept


# --- sweeps ------------------------------------------------------------------------------------------------------------


def test_a_sweep_is_that_of_the_command(here, tmp_path):
    vary = [
        "--vary",
        "texture.width=1:2:2",
        "--vary",
        "run.seed=1, 5",
        "--with",
        "electrons.exchange=0.05, 0.06",
    ]
    good("sweep", here / "few.toml", "--quiet", "-o", tmp_path / "command", *vary)
    said = {"texture.width": "1:2:2", ("run.seed", "electrons.exchange"): ([1, 5], "0.05, 0.06")}
    series = mcpump.sweep(here / "few.toml", said, tmp_path / "python", progress=False)
    assert_same(tmp_path / "command.h5", tmp_path / "python.h5")
    assert series.complete
    assert len(series) == 4
    assert series.points[3] == {"texture.width": 2.0, "run.seed": 5.0, "electrons.exchange": 0.06}
    assert [run.result.seed for run in series] == [1, 5, 1, 5]
    assert series.to_xarray().sizes["width"] == 2
    table = series.to_dataframe("plane_current")
    assert list(table.columns[:4]) == ["texture.width", "run.seed", "electrons.exchange", "quantity"]
    assert len(table) == 4 * series[0]["plane_current"].mean.size
    assert "4 of 4 points" in series._repr_html_()
    before = contents(tmp_path / "python")
    mcpump.sweep(here / "few.toml", said, tmp_path / "python.h5", progress=False)
    assert contents(tmp_path / "python") == before


def test_a_deck_may_need_what_is_swept(tmp_path):
    deck = tomllib.loads(FEW)
    del deck["texture"]["angular_frequency"]
    series = mcpump.sweep(
        deck, {"texture.angular_frequency": [0.01, 0.02]}, tmp_path / "Omega", progress=False
    )
    assert [run.complete for run in series] == [True, True]


def test_a_sweep_of_a_parameter(tmp_path):
    values = {"middle": "4 nm", "rate": f"{2e10 * math.pi!r} rad/s"}
    series = mcpump.sweep(
        SI_DECK, {"texture.parameters.width": "1:2 nm:2"}, tmp_path / "widths", texture=tanh_profile,
        set={f"texture.parameters.{key}": value for key, value in values.items()}, progress=False,
    )  # fmt: skip
    assert [point["texture.parameters.width"] for point in series.points] == [1e-9, 2e-9]
    with h5py.File(series.file) as file:
        assert file["width"].attrs["units"] == "m"
        assert file["plane_current"].shape[0] == 2
    assert sorted(path.name for path in (tmp_path / "widths").iterdir()) == ["width=1nm.h5", "width=2nm.h5"]


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        ({"texture.width": 3}, "vary: texture.width = 3 must be a text or a list of values"),
        ({("texture.width", "run.seed"): ["1", "2"]}, "texture.width, run.seed change together"),
        ({"texture.width": [1, 1]}, "twice|the same value"),
        ({"texture.wdth": [1, 2]}, "did you mean width"),
    ],
)
def test_sweeps_that_cannot_be_walked(tmp_path, vary, words):
    with pytest.raises(InputError, match=words):
        mcpump.sweep(tomllib.loads(FEW), vary, tmp_path / "none")
    assert not list(tmp_path.glob("none*/*"))


def test_values_are_written_as_the_command_takes_them():
    assert api._groups({"a.b": ["5 nm", "6 nm"]}) == [["a.b=5 nm, 6 nm"]]
    assert api._groups({"a": np.array([1.5, 2.0])}) == [["a=1.5, 2.0"]]
    assert api._groups({"a": [[0, 0, 1], "x:y"]}) == [['a=[0, 0, 1], "x:y"']]


# --- errors of one's own numbers ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def run(here):
    return mcpump.run(here / "few.toml", progress=False)


def dc(run, part="total"):
    current = getattr(run, part).plane_current
    return current.sel(channel="second", direction="x", harmonic="dc", component="z").mean


def test_errors_of_the_file_come_out_again(run):
    """Through the whole chain: linear ones, ratios, fits, what charge there is."""
    # what has axes of the mesh has no groups; a misfit is told by its error alone
    names = [
        name
        for name in run
        if not set(run[name].dims) & {"x", "self_check"}
        and run[name].stderr is not None
        and name != "pumping_misfit"
        and not name.startswith("solution_")
    ]
    assert len(names) >= 6
    again = run.estimate(lambda view: np.concatenate([view[name].mean.ravel() for name in names]))
    at = 0
    for name in names:
        one, here = run[name], slice(at, at + run[name].mean.size)
        at = here.stop
        np.testing.assert_array_equal(again.mean[here], one.mean.ravel())
        size = np.nanmax(np.abs(one.stderr), initial=0.0)
        np.testing.assert_allclose(
            again.stderr[here], one.stderr.ravel(), rtol=1e-9, atol=1e-12 * size, err_msg=name
        )


def test_a_number_of_ones_own(run):
    """A ratio of currents through one plane: its error knows that both have the same walkers, as the local share's."""
    share = run["local_share"].sel(channel="second", harmonic="dc", component="z").mean
    told = run["local_share"].sel(channel="second", harmonic="dc", component="z").stderr
    ratio = run.estimate(lambda view: dc(view, "local") / dc(view), long_name="ratio")
    np.testing.assert_array_equal(ratio.mean, share)
    np.testing.assert_allclose(ratio.stderr, told, rtol=1e-9)
    place = {"channel": "second", "direction": "x", "harmonic": "dc", "component": "z"}
    assert "ratio" in repr(ratio)
    both = run.estimate(lambda view: np.array([dc(view, "local")[0], dc(view, "diffusive")[0]]), "J/m^2")
    assert both.dims == ("axis_0",)
    told = [run["plane_current"].sel(**{**place, "part": part}).stderr[0] for part in ("local", "diffusive")]
    np.testing.assert_allclose(both.stderr, told, rtol=1e-9)


def test_profiles_have_no_groups(run):
    with pytest.raises(InputError, match=r"spin_density is not among what groups of blocks hold of few.toml"):
        run.estimate(lambda view: view["spin_density"].mean)
    with pytest.raises(InputError, match=r"profiles have no groups\) has no spin_density"):
        run.estimate(lambda view: view.total.spin_density.mean)


def test_of_a_file_of_a_transient_and_of_a_function(here, tmp_path):
    found = mcpump.run(tomllib.loads(TRANSIENT), tmp_path / "transient.h5", progress=False)
    loaded = mcpump.load(tmp_path / "transient.h5")
    one, other = (one.estimate(lambda view: view["plane_current"].mean) for one in (found, loaded))
    np.testing.assert_array_equal(one.stderr, other.stderr)
    np.testing.assert_allclose(one.stderr, found["plane_current"].stderr, rtol=1e-9, atol=1e-25)
    with pytest.raises(InputError, match="was a function in Python"):
        mcpump.load(here / "function.h5").estimate(lambda view: view["budget"].mean)


# --- tables ------------------------------------------------------------------------------------------------------------


def test_tables_of_pandas(run):
    table = run.to_dataframe()
    assert {"plane_current", "budget", "local_share"} <= set(table.quantity)
    assert "spin_density" not in set(table.quantity)
    row = table.query(
        "quantity == 'plane_current' and channel == 'second' and part == 'total' and direction == 'x' and "
        "harmonic == 'dc' and component == 'z' and plane == 5"
    )
    assert row["mean"].tolist() == [dc(run)[0]]
    assert row["units"].tolist() == [run["plane_current"].units]
    assert (
        len(run.to_dataframe("spin_density", "torque"))
        == run["spin_density"].mean.size + run["torque"].mean.size
    )
    one = run["plane_current"].to_dataframe()
    assert (
        one["stderr"].to_numpy().reshape(run["plane_current"].mean.shape)[0, 0, 0, 0, 2, 0]
        == (run["plane_current"].stderr[0, 0, 0, 0, 2, 0])
    )
    assert np.isnan(run["magnetization"].to_dataframe()["stderr"]).all()
    assert not {"plane_part", "plane_part_2"} & {*table.columns}
    # profiles: cells in metres or ℓ as they are, and what was chosen stays told
    dc_z = {"channel": "second", "part": "total", "harmonic": "dc", "component": "z"}
    profile = run["spin_density"].sel(**dc_z).to_dataframe()
    assert [*profile.columns] == [*dc_z, "x", "mean", "stderr"]
    assert profile.iloc[0, :4].tolist() == [*dc_z.values()]
    assert profile["x"].tolist() == run["spin_density"].coords["x"].tolist()
    assert profile.attrs["units"] == run["spin_density"].units


def test_without_pandas(run, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    with pytest.raises(InputError, match=r"pandas is not installed: pip install 'mcpump\[plot\]'"):
        run.to_dataframe()


def test_notebooks_get_tables(run):
    html = run._repr_html_()
    assert repr(run).splitlines()[0][:20] in html
    assert html.count("<pre") >= 2
    quantity = run.total.plane_current.sel(channel="second", direction="x", harmonic="dc")._repr_html_()
    assert quantity.count("<td>") == 6
    assert "±" in quantity
    assert "<pre" in run["spin_density"]._repr_html_()  # too many numbers
    assert "<th>plane_current</th>" in run.total._repr_html_()
    assert "<script>" not in mcpump.check(tomllib.loads(FEW), set={"layer": []})._repr_html_()
