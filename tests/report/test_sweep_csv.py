"""`mcpump show --csv` of runs and of sweeps, for a spreadsheet."""

import csv
import io

import numpy as np
import pytest

from mcpump import cli, results
from mcpump.results import sweep_file

DECK = """
[electrons]
material = "Py"
[[layer]]
start    = "3 nm"
material = "Pt"
[sample.x]
length = "6 nm"
cells  = 6
left   = "specular"
right  = "specular"
[texture]
kind       = "junction"
width      = "0.3 nm"
cone_angle = "5 deg"
frequency  = "9.4 GHz"
[spin_orbit]
contact_distance = "1 mm"
[magnet]
saturation_magnetization = "800 kA/m"
[results]
channels = ["second", "exact"]
planes   = ["3 nm", "4 nm"]
[run]
walkers           = 2048
walkers_per_block = 64
"""


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("swept")
    (folder / "lab.toml").write_text(DECK)
    arguments = ["sweep", str(folder / "lab.toml"), "--vary", "texture.frequency=5 GHz, 10 GHz", "--quiet"]
    assert cli.main([*arguments, "--with", "run.seed=3, 4", "-o", str(folder / "sweep.h5")]) == 0
    return folder


def rows(path, capsys):
    capsys.readouterr()
    assert cli.main(["show", str(path), "--csv"]) == 0
    return list(csv.DictReader(io.StringIO(capsys.readouterr().out)))


def test_one_row_a_point(swept, capsys):
    points = sorted((swept / "sweep").glob("*.h5"), key=lambda path: results.read(path).seed)
    told = rows(swept / "sweep.h5", capsys)
    assert [row["frequency [Hz]"] for row in told] == ["5000000000.0", "10000000000.0"]
    assert {(row["status"], row["channel"], row["walkers"]) for row in told} == {
        ("complete", "exact", "2048.0")
    }
    for path, row in zip(points, told, strict=True):
        run = results.read(path)
        assert float(row["seed"]) == run.seed
        for name, head, where in (
            ("extra_damping", "extra_damping{} at 4 nm", {"plane": 4e-9}),
            ("linewidth_field", "linewidth_field{} at 3 nm [T]", {"plane": 3e-9}),
            ("mixing_conductance_dc", "mixing_conductance_dc{} at 3 nm [1/m^2]", {"plane": 3e-9}),
            (
                "inverse_spin_hall_voltage", "inverse_spin_hall_voltage{} [V]",
                {"part": "total", "charge_direction": "y", "harmonic": "dc"},
            ),
        ):  # fmt: skip
            one = run.estimates[name].sel(channel="exact", **where)
            assert float(row[head.format("")]) == one.mean
            assert float(row[head.format("_stderr")]) == one.stderr
    assert "open_circuit_voltage [V]" not in told[0]


def test_rows_of_one_run(swept, capsys):
    path = next((swept / "sweep").glob("*.h5"))
    run = results.read(path)
    told = [row for row in rows(path, capsys) if row["quantity"] == "inverse_spin_hall_voltage"]
    voltage = run.estimates["inverse_spin_hall_voltage"]
    assert [float(row["mean"]) for row in told] == voltage.mean.ravel().tolist()
    assert {row["direction"] for row in told} == {"x", "y", "z"}
    damping = [row for row in rows(path, capsys) if row["quantity"] == "extra_damping"]
    assert {(row["channel"], row["position"]) for row in damping} == {
        (channel, x) for channel in ("second", "exact") for x in ("3e-09", "4e-09")
    }


def test_missing_points_have_empty_cells(swept, capsys):
    path = swept / "sweep.h5"
    held = sweep_file.read(path)
    for one in held.estimates.values():
        if one.dims and one.dims[0] == "frequency" and one.mean.ndim > 1:
            one.mean[1] = np.nan
    from mcpump.report.sweep import sweep_csv

    first, second = csv.DictReader(io.StringIO(sweep_csv(held)))
    assert first["channel"] == "exact"
    assert second["channel"] == second["extra_damping at 4 nm"] == ""
    assert second["frequency [Hz]"] == "10000000000.0"


def test_a_damaged_sweep_is_one_sentence(swept, tmp_path, capsys):
    data = bytearray((swept / "sweep.h5").read_bytes())
    (tmp_path / "cut.h5").write_bytes(data[: len(data) // 2])
    assert cli.main(["show", str(tmp_path / "cut.h5"), "--csv"]) == 2
    error = capsys.readouterr().err
    assert len(error.splitlines()) == 1
    assert "cut.h5" in error
