"""The command line, as a user meets it: child processes, their status, what they print and what they leave."""

import csv
import functools
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

import mcpump
from mcpump import results
from mcpump.cli import examples

ROOT = Path(__file__).parents[2]
RUN = ROOT / "run"
QUICK = (
    "--walkers",
    "1024",
    "--set",
    "run.walkers_per_block=64",
    "--set",
    "electrons.spin_diffusion_length=2 nm",
)
"""A second's worth of the main job."""
DATED = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S")
REDUCED = """\
units = "reduced"
[electrons]
exchange = 0.05
[sample.x]
length = 10.0
cells  = 10
left   = "specular"
right  = "absorbing"
"""
MODULATED = (
    REDUCED + '[texture]\nkind = "modulated"\nmean = 0.5\ndepth = 0.5\nwavelength = 5.0\n'
    'cone_angle = 0.5\nangular_frequency = 0.01\n[run]\nwalkers = 1024\nwalkers_per_block = 64\n'
)  # fmt: skip
PULSE = (
    REDUCED.replace("exchange = 0.05", "") + "[pulse]\nposition = 5.0\n[results]\nend = 4.0\ntime_bins = 4\n"
    "[run]\nwalkers = 1024\nwalkers_per_block = 64\n"
)


ENVIRONMENT = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}


def call(*arguments, folder, timeout=300, **environment):
    """Run `python -m mcpump …` in a folder."""
    return subprocess.run(
        [sys.executable, "-m", "mcpump", *map(str, arguments)],
        cwd=folder, env={**ENVIRONMENT, **environment}, capture_output=True, encoding="utf-8", timeout=timeout,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def good(*arguments, folder, **environment):
    done = call(*arguments, folder=folder, **environment)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done


def sentence(done, status=2):
    """The one line of a refusal."""
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert done.stderr.endswith("\n")
    (line,) = done.stderr.splitlines()
    assert line.startswith("mcpump: ")
    return line.removeprefix("mcpump: ")


def contents(folder):
    """Every file below a folder, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@functools.cache
def film():
    """Snapshots for ovf_film.toml: name and contents."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(examples.__file__).parents[2] / "run" / "make_ovf.py"
        subprocess.run([sys.executable, script, folder, "--periods", "2"], check=True, capture_output=True)
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def furnish(folder):
    """Decks for the tests, good and bad."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in examples.names():
        (folder / f"{name}.toml").write_text(examples.text(name), encoding="utf-8")
        for file, text in examples.companions(name).items():
            (folder / file).write_text(text, encoding="utf-8")
    for file, data in film().items():
        (folder / "film").mkdir(exist_ok=True)
        (folder / "film" / file).write_bytes(data)
    (folder / "modulated.toml").write_text(MODULATED, encoding="utf-8")
    (folder / "pulse.toml").write_text(PULSE, encoding="utf-8")
    (folder / "broken.toml").write_text('units = "SI"\n[electrons\nexchange = 1\n', encoding="utf-8")
    (folder / "empty.toml").write_text("", encoding="utf-8")
    (folder / "latin.toml").write_bytes('units = "SI"\n# Länge\n'.encode("latin-1"))
    (folder / "binary.toml").write_bytes(bytes(range(256)))
    (folder / "deep.toml").write_text("a = " + "[" * 5000 + "]" * 5000, encoding="utf-8")
    (folder / "foreign.h5").write_bytes(b"no HDF5 at all")
    (folder / "a_folder").mkdir(exist_ok=True)
    return folder


@pytest.fixture
def folder(tmp_path):
    return furnish(tmp_path / "here")


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """One quick run of the main job: (its process, its folder)."""
    where = furnish(tmp_path_factory.mktemp("finished"))
    return good("run", "junction.toml", *QUICK, "-o", "out.h5", folder=where), where


def same_numbers(a, b):
    return all(
        np.array_equal(estimate.mean, b.estimates[name].mean, equal_nan=True)
        for name, estimate in a.estimates.items()
    ) and all(np.array_equal(array, b.checkpoint[name]) for name, array in a.checkpoint.items())


# --- run -------------------------------------------------------------------------------------------------------


def test_run_writes_a_file_and_prints_the_table(finished):
    done, where = finished
    result = results.read(where / "out.h5")
    assert (result.walkers, result.blocks, result.seed, result.name) == (1024, 16, 1, "junction.toml")
    assert result.complete
    head = done.stdout.splitlines()[0]
    assert head.startswith("junction.toml   1 024 walkers, 16 blocks, seed 1")
    assert head.endswith("complete")
    assert "Spin current" in done.stdout
    assert "mean_free_path" in result.resolved
    assert not list(where.glob(".*"))  # no temporary file stays


def test_progress_lines_are_dated_where_there_is_no_terminal(finished):
    lines = finished[0].stderr.splitlines()
    assert len(lines) >= 2
    assert all(DATED.match(line) for line in lines), lines
    assert "\r" not in finished[0].stderr
    assert "1024 walkers" in lines[0]
    assert "100 %" in lines[-1]


def test_the_output_is_named_after_the_deck(folder):
    good("run", "junction.toml", *QUICK, "--quiet", folder=folder)
    assert results.read(folder / "junction.h5").walkers == 1024
    (folder / "sub").mkdir()
    good("run", folder / "junction.toml", *QUICK, "--quiet", folder=folder / "sub")
    assert (folder / "sub" / "junction.h5").is_file()


def test_quiet_prints_nothing(folder):
    done = good("run", "junction.toml", *QUICK, "--quiet", folder=folder)
    assert done.stdout == ""
    assert done.stderr == ""


def test_an_existing_file_is_left_alone_unless_asked(finished, tmp_path):
    folder = furnish(tmp_path)
    original = (finished[1] / "out.h5").read_bytes()
    (folder / "out.h5").write_bytes(original)
    before = contents(folder)
    text = sentence(call("run", "junction.toml", *QUICK, "-o", "out.h5", "--seed", "2", folder=folder))
    assert "out.h5" in text
    assert "exists" in text
    assert "overwrit" in text
    assert contents(folder) == before
    good(
        "run", "junction.toml", *QUICK, "-o", "out.h5", "--seed", "2", "--overwrite", "--quiet", folder=folder
    )
    assert (folder / "out.h5").read_bytes() != original
    assert results.read(folder / "out.h5").seed == 2


def test_seed_and_threads(finished, folder):
    base = results.read(finished[1] / "out.h5")
    for threads in (1, 2, 3):
        good(
            "run",
            "junction.toml",
            *QUICK,
            "--quiet",
            "--threads",
            threads,
            "-o",
            f"{threads}.h5",
            folder=folder,
        )
        assert same_numbers(base, results.read(folder / f"{threads}.h5"))
    for seed in (2, 2**64 - 1):
        good("run", "junction.toml", *QUICK, "--quiet", "--seed", seed, "-o", f"seed{seed}.h5", folder=folder)
        other = results.read(folder / f"seed{seed}.h5")
        assert other.seed == seed
        assert not same_numbers(base, other)


def test_set_replaces_keys_with_units(folder):
    more = (
        "--set",
        "electrons.mean_free_path=0.5 nm",
        "--set",
        "sample.x.cells=20",
        "--set",
        "texture.cone_angle=0.1 rad",
    )
    good("run", "junction.toml", *QUICK, *more, "--quiet", folder=folder)
    result = results.read(folder / "junction.h5")
    assert result.regime["ell/lambda"][0] == pytest.approx(0.5 / 3.0)
    assert len(result.coords["x"].mean) == 20
    assert 'mean_free_path = "0.5 nm"' in result.resolved
    assert 'cone_angle = "0.1 rad"' in result.resolved


def test_a_later_set_wins_and_lists_are_toml(folder):
    more = ("--set", "texture.width=1 nm", "--set", "texture.width=2 nm", "--set", 'results.planes=["10 nm"]')
    good("run", "junction.toml", *QUICK, *more, "--quiet", folder=folder)
    result = results.read(folder / "junction.h5")
    assert 'width = "2 nm"' in result.resolved
    np.testing.assert_allclose(result.coords["plane"].mean, [1e-8], rtol=1e-12)


@pytest.mark.slow  # test_scripts runs the same decks, with more walkers
@pytest.mark.parametrize("name", examples.names())
def test_every_example_runs(name, folder):
    good(
        "run", f"{name}.toml", "--walkers", 1024, "--set", "run.walkers_per_block=64", "--set", "run.score_interval=1",
        "--quiet", folder=folder,
    )  # fmt: skip
    assert results.read(folder / f"{name}.h5").complete


# --- targets: status 3 -----------------------------------------------------------------------------------------


def test_rel_err_has_a_target_of_its_own(folder):
    """Without a [run.stop]: the DC current along z at the middle plane."""
    done = good("run", "junction.toml", "--rel-err", "0.05", folder=folder)
    result = results.read(folder / "junction.h5")
    assert result.complete
    current = result.estimates["plane_current"]
    at = (2, 2, 0, 0, 2, 1)  # sum, total, x, dc, z, the middle one of three planes
    assert current.dims == ("channel", "part", "direction", "harmonic", "component", "plane")
    assert 0.0 < current.stderr[at] <= 0.05 * abs(current.mean[at])
    assert result.blocks in {32 * 2**k for k in range(12)}
    assert "complete" in done.stdout.splitlines()[0]
    assert "spin_current.total.z.dc" in result.resolved


def test_a_missed_target_is_loud(folder):
    done = call("run", "junction.toml", "--rel-err", "1e-9", "--walkers", "65536", folder=folder)
    assert done.returncode == 3
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith("mcpump: target missed: spin_current.total.z.dc has relative error ")
    assert "1e-09" in last
    result = results.read(folder / "junction.h5")
    assert not result.complete
    assert result.walkers == 65536
    assert result.message.startswith("target missed")
    assert "NOT COMPLETE: target missed" in done.stdout.splitlines()[0]
    shown = good("show", "junction.h5", folder=folder)
    assert "NOT COMPLETE" in shown.stdout.splitlines()[0]


def test_rel_err_replaces_that_of_the_deck(folder):
    text = (folder / "junction.toml").read_text(encoding="utf-8")
    rule = 'stop = { quantity = "spin_current.total.x.cos1", at = "20 nm", relative_error = 1e-9, max_walkers = 4096 }\n'
    (folder / "stop.toml").write_text(text + rule, encoding="utf-8")
    quick = QUICK[2:]
    assert call("run", "stop.toml", *quick, "--quiet", folder=folder).returncode == 3
    good("run", "stop.toml", *quick, "--rel-err", "10", "-o", "other.h5", "--quiet", folder=folder)
    assert "spin_current.total.x.cos1" in results.read(folder / "other.h5").resolved
    assert results.read(folder / "other.h5").blocks == 32


def test_a_missed_target_is_loud_even_if_quiet(folder):
    done = call("run", "junction.toml", *QUICK, "--rel-err", "1e-9", "--quiet", folder=folder)
    assert "target missed" in sentence(done, status=3)
    assert not results.read(folder / "junction.h5").complete


# --- check -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", examples.names())
def test_check_runs_nothing_and_writes_nothing(name, folder, tmp_path):
    before = contents(folder)
    kernels = tmp_path / "kernels"
    done = good("check", f"{name}.toml", folder=folder, MCPUMP_CACHE_DIR=str(kernels))
    assert contents(folder) == before
    assert not contents(kernels)  # nothing was compiled
    assert done.stderr == ""
    assert done.stdout.startswith(f"{name}.toml: the deck can be run\n")
    for word in ("walkers", "blocks", "memory about", "time about"):
        assert word in done.stdout


def test_check_takes_overrides(folder):
    done = good("check", "junction.toml", "--set", "electrons.mean_free_path=3 nm", folder=folder)
    assert re.search(r"ell/lambda +1\b", done.stdout)
    text = sentence(call("check", "junction.toml", "--set", "electrons.mean_free_path=3 K", folder=folder))
    assert 'electrons.mean_free_path = "3 K"' in text


# --- show ------------------------------------------------------------------------------------------------------


def test_show_prints_the_table_of_the_run(finished):
    done, where = finished
    before = contents(where)
    shown = good("show", "out.h5", folder=where)
    assert shown.stdout.rstrip("\n") == done.stdout.rstrip("\n")
    assert shown.stderr == ""
    assert contents(where) == before


def test_show_csv_parses_and_holds_the_numbers(finished):
    _, where = finished
    rows = list(csv.DictReader(io.StringIO(good("show", "out.h5", "--csv", folder=where).stdout)))
    assert list(rows[0]) == [
        "quantity", "channel", "part", "direction", "harmonic", "component", "line", "position", "position_units",
        "mean", "stderr", "units",
    ]  # fmt: skip
    result = results.read(where / "out.h5")
    current = result.estimates["plane_current"]
    picked = [
        row for row in rows
        if (row["quantity"], row["channel"], row["part"], row["harmonic"], row["component"])
        == ("plane_current", "second", "total", "dc", "z")
    ]  # fmt: skip
    for column, numbers in (("mean", current.mean), ("stderr", current.stderr)):
        np.testing.assert_array_equal([float(row[column]) for row in picked], numbers[1, 2, 0, 0, 2])
    np.testing.assert_allclose([float(row["position"]) for row in picked], [0.0, 2e-8, 4e-8], rtol=1e-12)
    assert {row["units"] for row in picked} == {"J/m^2"}
    counted = {name: sum(row["quantity"] == name for row in rows) for name in ("plane_current", "budget")}
    assert counted == {name: result.estimates[name].mean.size for name in counted}


# --- example ---------------------------------------------------------------------------------------------------


def test_example_lists_and_writes_decks(tmp_path):
    lines = good("example", folder=tmp_path).stdout.splitlines()
    assert [line.split()[0] for line in lines] == examples.names()
    assert all(line.endswith("?") and 30 < len(line) < 200 for line in lines)
    told = dict(line.split(maxsplit=1) for line in lines)
    assert told["py_pt"].startswith("What does a precessing permalloy film pump into platinum, and what")
    assert contents(tmp_path) == {}
    done = good("example", "junction", folder=tmp_path)
    assert done.stdout == "junction.toml\n"
    assert (tmp_path / "junction.toml").read_text(encoding="utf-8") == examples.text("junction")
    good("example", "spiral.toml", folder=tmp_path)
    assert set(contents(tmp_path)) == {"junction.toml", "spiral.toml"}
    good("check", "junction.toml", folder=tmp_path)


def test_example_overwrites_nothing(tmp_path):
    (tmp_path / "junction.toml").write_text("mine", encoding="utf-8")
    text = sentence(call("example", "junction", folder=tmp_path))
    assert "junction.toml exists already" in text
    assert contents(tmp_path) == {"junction.toml": b"mine"}


# --- what is not loaded ----------------------------------------------------------------------------------------

HEAVY = {"numba", "llvmlite", "numpy", "scipy", "pydantic", "pint", "h5py", "matplotlib", "tqdm", "mpi4py"}


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("run", "--help"), ("check", "--help")])
def test_help_loads_nothing_heavy(arguments, tmp_path):
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "mcpump", *arguments],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    loaded = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert "argparse" in loaded
    assert not HEAVY & loaded
    assert contents(tmp_path) == {}


def test_importing_the_package_loads_nothing_heavy(tmp_path):
    code = "import sys, mcpump; print(*sorted({name.partition('.')[0] for name in sys.modules}))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    loaded = set(done.stdout.split())
    assert "mcpump" in loaded
    assert not HEAVY & loaded


def test_version_and_help(tmp_path):
    assert good("--version", folder=tmp_path).stdout == f"mcpump {mcpump.__version__}\n"
    text = good("--help", folder=tmp_path).stdout
    for command in ("run", "check", "show", "example"):
        assert command in text
    text = good("run", "--help", folder=tmp_path).stdout
    for option in (
        "--output",
        "--walkers",
        "--rel-err",
        "--seed",
        "--threads",
        "--quiet",
        "--overwrite",
        "--set",
    ):
        assert option in text


# --- bad input -------------------------------------------------------------------------------------------------


def put(*overrides, deck="junction.toml"):
    return ("run", deck, *(part for override in overrides for part in ("--set", override)))


JUNCTION = ("run", "junction.toml")
BAD = {
    # deck's keys: (arguments, what the sentence must name)
    "unknown key": (put("electrons.mean_free_pth=1 nm"), ('"mean_free_pth"', "did you mean mean_free_path?")),
    "unknown table": (put("electron.exchange=1 meV"), ('"electron"', "did you mean electrons?")),
    "unknown key of a texture": (put("texture.widht=1 nm"), ("texture", '"widht"', "did you mean width?")),
    "unknown kind": (put("texture.kind=junktion"), ("texture.kind", '"junktion"', "did you mean junction?")),
    "unknown face": (put("sample.x.left=mirror"), ("sample.x.left", '"mirror"', "specular")),
    "NaN": (put("electrons.mean_free_path=nan"), ("electrons.mean_free_path", "nan", "finite")),
    "NaN with a unit": (put("electrons.mean_free_path=nan nm"), ("electrons.mean_free_path", '"nan nm"', "finite")),
    "infinity": (put("sample.x.length=inf"), ("sample.x.length", "inf", "finite")),
    "infinity with a unit": (put("sample.x.length=inf nm"), ("sample.x.length", '"inf nm"', "finite")),
    "overflow": (put("sample.x.length=1e999 nm"), ("sample.x.length", '"1e999 nm"', "finite")),
    "wrong unit": (put("texture.width=3 meV"), ("texture.width", '"3 meV"', "length")),
    "no unit": (put("texture.width=3"), ("texture.width = 3 ", "no unit")),
    "no such unit": (put("texture.width=3 nmm"), ("texture.width", '"3 nmm"')),
    "radians per second as a frequency": (put("texture.frequency=1 rad/s"), ("texture.frequency", '"1 rad/s"', "Hz")),
    "arithmetic as a unit": (put("texture.width=9**9**9 nm"), ("texture.width", '"9**9**9 nm"')),
    "negative length": (put("sample.x.length=-40 nm"), ("sample.x.length", '"-40 nm"', "positive")),
    "negative mean free path": (put("electrons.mean_free_path=-1 nm"), ("electrons.mean_free_path", '"-1 nm"')),
    "zero length": (put("sample.x.length=0 nm"), ("sample.x.length", '"0 nm"', "positive")),
    "zero cells": (put("sample.x.cells=0"), ("sample.x.cells = 0",)),
    "fractional cells": (put("sample.x.cells=2.5"), ("sample.x.cells = 2.5", "whole")),
    "plane outside": (put('results.planes=["0 nm", "41 nm"]'), ("results.planes", "4.1e-08", "outside")),
    "negative plane": (put('results.planes=["-1 nm"]'), ("results.planes[0]", '"-1 nm"')),
    "plane twice": (put('results.planes=["1 nm", "10 angstrom"]'), ("results.planes", "1e-09", "twice")),
    "interface outside": (put("texture.interface=50 nm"), ("texture.interface", "5e-08", "outside")),
    "inconsistent electrons": (
        put("electrons.lifetime=1 ps"), ("electrons.lifetime", "1e-12", "electrons.mean_free_path", "1 %"),
    ),
    "inconsistent Fermi surface": (
        put("electrons.fermi_velocity=1e6 m/s"), ("electrons.fermi_velocity", "1e+06", "electrons.fermi_wavenumber"),
    ),
    "mean density without a sink": (
        put("electrons.spin_diffusion_length=none", "sample.x.right=specular", "results.mean_density=true"),
        ("results.mean_density = true", "sink"),
    ),
    "more memory than there is": (put("sample.x.cells=1_000_000_000"), ("sample.x.cells", "1000000000", "memory")),
    "no walkers in a deck": (put("run.walkers=0"), ("run.walkers = 0",)),
    "odd block": (put("run.walkers_per_block=63"), ("run.walkers_per_block = 63", "even")),
    "one periodic face": (put("sample.x.left=periodic"), ("sample.x.left", '"periodic"', '"absorbing"')),
    "table as a number": (put("electrons=3"), ("electrons = 3", "table")),
    "through a number": (put("run.walkers.x=3"), ('"run.walkers.x=3"',)),
    "override without a value": (put("electrons.exchange"), ('"electrons.exchange"', "KEY=VALUE")),
    "value of two lines": (put("texture.kind=a\nb"), ("texture.kind",)),
    "missing key": (put(deck="empty.toml"), ("missing",)),
    # numbers that would only overflow the books later
    # files
    "no such deck": (("run", "nothing.toml"), ('"nothing.toml"', "No such file")),
    "folder as a deck": (("run", "a_folder"), ('"a_folder"', "directory")),
    "broken TOML": (("run", "broken.toml"), ('"broken.toml"', "not valid TOML", "line 2")),
    "not UTF-8": (("run", "latin.toml"), ('"latin.toml"', "UTF-8", "line 2")),
    "binary deck": (("run", "binary.toml"), ('"binary.toml"',)),
    "deep deck": (("run", "deep.toml"), ('"deep.toml"', "deep")),
    "deck's name of two lines": (("run", "no\nthing.toml"), ("thing.toml", "No such file")),
    "no folder for the output": ((*JUNCTION, "-o", "missing/out.h5"), ("missing/out.h5", "folder", "does not exist")),
    "folder as output": ((*JUNCTION, "-o", "a_folder"), ("a_folder", "is a folder")),
    "file as a folder": ((*JUNCTION, "-o", "foreign.h5/out.h5"), ("foreign.h5/out.h5",)),
    "existing output": ((*JUNCTION, "-o", "foreign.h5"), ("foreign.h5", "exists")),
    "output's name of two lines": ((*JUNCTION, "-o", "no\nthing/out.h5"), ("thing/out.h5",)),
    "output's name too long": ((*JUNCTION, "-o", "x" * 300 + ".h5"), ("xxx", "cannot be written")),
    "show nothing": (("show", "nothing.h5"), ("nothing.h5", "does not exist")),
    "show a deck": (("show", "junction.toml"), ("junction.toml", "not an HDF5 file")),
    "show a foreign file": (("show", "foreign.h5", "--csv"), ("foreign.h5", "not an HDF5 file")),
    "no such example": (("example", "juncton"), ('"juncton"', "did you mean junction?")),
    "example elsewhere": (("example", "../junction"), ('"../junction"',)),
    # options
    "rel-err of letters": ((*JUNCTION, "--rel-err", "small"), ("relative_error|--rel-err", "small")),
    "rel-err zero": ((*JUNCTION, "--rel-err", "0"), ("relative_error|--rel-err", "0", "positive")),
    "rel-err negative": ((*JUNCTION, "--rel-err", "-0.1"), ("relative_error|--rel-err", "-0.1", "positive")),
    "rel-err NaN": ((*JUNCTION, "--rel-err", "nan"), ("relative_error|--rel-err", "nan", "finite")),
    "rel-err of a pulse": (("run", "pulse.toml", "--rel-err", "0.1"), ("rel-err|run.stop",)),
    "rel-err without planes": (("run", "modulated.toml", "--rel-err", "0.1"), ("--rel-err 0.1", "results.planes")),
    "no walkers": ((*JUNCTION, "--walkers", "0"), ("run.walkers = 0|--walkers 0",)),
    "negative walkers": ((*JUNCTION, "--walkers", "-5"), ("run.walkers = -5|--walkers -5",)),
    "walkers of letters": ((*JUNCTION, "--walkers", "many"), ("walkers", "many", "whole number")),
    "part of a walker": ((*JUNCTION, "--walkers", "1.5"), ("walkers", "1.5", "whole number")),
    "walkers without end": ((*JUNCTION, "--walkers", "inf"), ("walkers", "inf", "whole number")),
    "negative seed": ((*JUNCTION, "--seed", "-1"), ("seed", "-1")),
    "seed too large": ((*JUNCTION, "--seed", str(2**64)), ("seed", str(2**64))),
    "no threads": ((*JUNCTION, "--threads", "0"), ("--threads", "'0'")),
    "threads of letters": ((*JUNCTION, "--threads", "all"), ("--threads", "'all'")),
    "no time between saves": ((*JUNCTION, "--save-every", "0"), ("--save-every", "'0'")),
    "unknown log level": ((*JUNCTION, "--log-level", "loud"), ("--log-level", "'loud'", "warning")),
    "unknown option": ((*JUNCTION, "--wolkers", "5"), ("--wolkers",)),
    "unknown command": (("walk", "junction.toml"), ("'walk'", "run")),
    "no command": ((), ("COMMAND",)),
    "no deck": (("run",), ("DECK",)),
    "no file": (("show",), ("FILE",)),
    "option without its value": ((*JUNCTION, "--seed"), ("--seed",)),
}  # fmt: skip
PLAIN = re.compile(r"[|\\]")


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """Run all bad inputs, two at a time, each in a folder of its own: (process, files before, files after)."""
    top = tmp_path_factory.mktemp("bad")

    def refuse(number):
        where = furnish(top / str(number))
        before = contents(where)
        done = call(*list(BAD.values())[number][0], folder=where)
        return done, before, contents(where)

    with ThreadPoolExecutor(2) as pool:
        return dict(zip(BAD, pool.map(refuse, range(len(BAD))), strict=True))


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_sentence(name, refusals):
    done, before, after = refusals[name]
    text = sentence(done)
    for part in BAD[name][1]:
        assert re.search(part if PLAIN.search(part) else re.escape(part), text), text
    assert len(text) < 500
    assert after == before


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="needs a folder that nobody can write to")
def test_a_folder_that_cannot_be_written_to_is_found_before_walking(folder):
    before = contents(folder)
    text = sentence(call("run", "junction.toml", "-o", "/proc/out.h5", folder=folder))
    assert "/proc/out.h5 cannot be written" in text
    assert contents(folder) == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_found_before_walking(folder):
    (folder / "a_folder").chmod(0o555)
    text = sentence(call("run", "junction.toml", "-o", "a_folder/out.h5", folder=folder))
    assert "a_folder/out.h5 cannot be written" in text


# --- circumstances ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("finished")  # so that the kernels have been compiled
@pytest.mark.parametrize("seconds", ["0.01", "1e-9"])
def test_frequent_saves_do_not_stop_the_walk(seconds, folder):
    call("run", "junction.toml", *QUICK, "--save-every", seconds, "--quiet", folder=folder, timeout=60)
    result = results.read(folder / "junction.h5")
    assert result.complete
    assert result.walkers == 1024


@pytest.mark.usefixtures("finished")  # so that the kernels have been compiled
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1])
def test_an_interrupted_run_saves_and_says_so(number, folder):
    command = [
        sys.executable,
        "-m",
        "mcpump",
        "run",
        "junction.toml",
        "--walkers",
        "1000000000",
        "--save-every",
        "0.1",
    ]
    with subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        until = time.monotonic() + 60.0
        while not (folder / "junction.h5").exists() and time.monotonic() < until:
            time.sleep(0.05)
        child.send_signal(number)
        stdout, stderr = child.communicate(timeout=60)
    assert child.returncode == 75
    assert stderr.splitlines()[-1] == f"mcpump: stopped: signal {number.name}"
    assert "Traceback" not in stderr
    result = results.read(folder / "junction.h5")
    assert not result.complete
    assert result.blocks > 0
    assert "NOT COMPLETE" in stdout


@pytest.mark.parametrize(
    "arguments", [("show", "out.h5"), ("show", "out.h5", "--csv"), ("example",), ("check", "junction.toml")]
)
def test_a_reader_that_leaves_is_no_error(arguments, finished):
    """`mcpump show out.h5 | head -0`."""
    command = [sys.executable, "-m", "mcpump", *arguments]
    with subprocess.Popen(
        command, cwd=finished[1], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        child.stdout.close()
        stderr = child.stderr.read()
    assert child.returncode == 0
    assert stderr == ""


def test_output_that_knows_only_ascii_is_no_error(finished, tmp_path):
    """A job's log under an old locale: letters may be lost, the results may not."""
    folder = furnish(tmp_path)
    done = good("run", "junction.toml", *QUICK, folder=folder, PYTHONIOENCODING="ascii")
    assert "Spin current" in done.stdout
    assert results.read(folder / "junction.h5").complete
    assert "Spin current" in good("show", "out.h5", folder=finished[1], PYTHONIOENCODING="ascii").stdout
    good("check", "junction.toml", folder=folder, PYTHONIOENCODING="ascii")


OLD_LOCALE = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
SCRIPTS = sorted([*ROOT.glob("analysis/*.py"), ROOT / "run" / "make_ovf.py"])


def script(path, *arguments, folder, **environment):
    """Run one of the scripts: its standard output, which must be all that it says."""
    done = subprocess.run(
        [sys.executable, path, *arguments], cwd=folder, env={**ENVIRONMENT, **environment}, capture_output=True,
        timeout=300,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.name)
def test_scripts_explain_themselves_under_an_old_locale(path, tmp_path):
    assert script(path, "--help", folder=tmp_path, **OLD_LOCALE).isascii()


@pytest.mark.parametrize(
    "environment", [OLD_LOCALE, {"PYTHONIOENCODING": "latin-1"}], ids=["ASCII", "Latin-1"]
)
def test_scripts_print_under_an_old_locale(environment, folder):
    """As the command line does; their files know all letters."""
    good("run", "spiral.toml", *QUICK[:4], "-o", "out.h5", folder=folder)
    path = ROOT / "analysis" / "compare_theory.py"
    printed = script(path, "out.h5", "-o", "out.txt", folder=folder, **environment)
    text = (folder / "out.txt").read_text(encoding="utf-8")
    assert "ℓ" in text
    encoding = environment.get("PYTHONIOENCODING", "ascii")
    assert printed == text.encode(encoding, errors="replace")
