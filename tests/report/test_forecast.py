"""What 1 % would take, by a run's own errors; tables in ASCII and of other widths."""

import dataclasses
import os

import numpy as np
import pytest
from runs import JUNCTION

import mcpump
from mcpump import cli, console, report, results
from mcpump.report.forecast import count_text, forecast_lines, time_text


def told(result):
    return " ".join(" ".join(forecast_lines(result)).split())


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    (folder / "junction.toml").write_text(JUNCTION)
    assert cli.main(["run", str(folder / "junction.toml"), "--quiet", "-o", str(folder / "out.h5")]) == 0
    return folder


def walkers_for(result, plane):
    """Forecast for a plane, of the line `told`."""
    return float(told(result).split(f"x = {plane} ℓ ")[1].split(" walkers")[0])


def test_the_forecast_comes_true(run):
    """So many walkers tell the current to 1 %: within 25 %, for errors of 64 groups are known to 9 %."""
    result = results.read(run / "out.h5")
    wanted = walkers_for(result, 5)
    assert 1.5 * result.walkers < wanted < 1e6
    more = mcpump.run(run / "junction.toml", walkers=int(wanted), set={"run.walkers_per_block": 512})
    total = more["plane_current"].sel(
        channel="sum", part="total", direction="x", harmonic="dc", component="z", plane=5
    )
    assert float(total.stderr / total.mean) == pytest.approx(0.01, rel=0.25)


def test_what_is_known_so_well_is_not_told(run):
    result = results.read(run / "out.h5")
    current = result.estimates["plane_current"]
    for factor, has in ((1e-6, False), (1.0, True), (1e6, False)):
        one = dataclasses.replace(current, stderr=current.stderr * factor)
        made = dataclasses.replace(result, estimates={**result.estimates, "plane_current": one})
        assert bool(told(made)) == has


def test_a_numerical_error_is_not_walked_away(run):
    """Local parts that were found without walkers keep their error."""
    result = results.read(run / "out.h5")
    current, local = result.estimates["plane_current"], result.coords["part"].index("local")
    stderr = current.stderr.copy()
    stderr[:, local] = 0.02 * np.abs(current.mean[:, 2])
    stderr[:, 2] = np.maximum(stderr[:, 2], stderr[:, local])
    one = dataclasses.replace(current, stderr=stderr)
    made = dataclasses.replace(result, estimates={**result.estimates, "plane_current": one})
    assert "x = 5 ℓ cannot be had by more walkers (numerical error 2 %)" in told(made)
    assert "cannot be had" not in told(dataclasses.replace(made, groundwork={}))


def test_rough_numbers():
    assert [count_text(n) for n in (41_234.0, 4.06e6)] == ["4.1e4", "4.1e6"]
    assert [time_text(s) for s in (0.2, 59.0, 180.0, 5400.0, 86400.0 * 400)] == [
        "1 s",
        "59 s",
        "3 min",
        "1.5 h",
        "400 d",
    ]


# --- the terminal --------------------------------------------------------------------------------


def test_plain_tables_are_ascii_and_aligned(run, capsys):
    capsys.readouterr()
    assert cli.main(["show", str(run / "out.h5"), "--plain"]) == 0
    text = capsys.readouterr().out
    assert text.isascii()
    assert "+-" in text
    assert "?" not in text
    bars = [line.index("|") for line in text.splitlines() if line.startswith(("x = ", "[")) and "|" in line]
    assert len(bars) > 3
    assert len(set(bars)) == 1
    assert cli.main(["show", str(run / "out.h5")]) == 0
    assert "±" in capsys.readouterr().out
    assert cli.main(["check", str(run / "junction.toml"), "--plain"]) == 0
    assert capsys.readouterr().out.isascii()


def test_letters_are_spelled():
    assert console.spelled("j = (1.0 ± 0.2)e18 /m², 10⁻⁹ J/m², ħνJ v_F ℓ") == (
        "j = (1.0 +- 0.2)e18 /m^2, 10^-9 J/m^2, hbarnuJ v_F l"
    )


@pytest.mark.parametrize("columns", [70, 120, 200])
def test_tables_are_as_wide_as_the_terminal(run, columns, monkeypatch):
    result = results.read(run / "out.h5")
    monkeypatch.setattr(os, "get_terminal_size", lambda _: os.terminal_size((columns, 24)))
    monkeypatch.setattr("sys.stdout", type("Terminal", (), {"fileno": lambda self: 1})())
    lines = report.table(result).splitlines()
    assert max(map(len, lines)) <= columns
    prose = [line for line in lines if line.startswith(("note: ", "self-checks"))]
    assert max(map(len, prose)) > columns - 40


def test_unset_on_the_command_line(run, capsys):
    capsys.readouterr()
    deck = str(run / "junction.toml")
    assert cli.main(["check", deck, "--unset", "electrons.spin_relaxation_time"]) == 0
    assert "walkers" in capsys.readouterr().out
    assert cli.main(["check", deck, "--unset", "electrons.exchanges"]) == 2
    error = capsys.readouterr().err
    assert error == (
        'mcpump: --unset "electrons.exchanges": the deck has no such key (did you mean exchange?)\n'
    )
    sweep = ["sweep", deck, "--vary", "texture.width=1, 2", "--unset", "run.walkers_per_block", "--list"]
    assert cli.main([*sweep, "-o", str(run / "widths")]) == 0
    assert capsys.readouterr().out.count("--unset run.walkers_per_block") == 2
