"""The figure of charge draws both mechanisms, what they are compared with, and the conversion of every run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_charge import charged, impurities, rashba
from fake_result import junction

pytest.importorskip("matplotlib")

from mcpump import figures, results
from mcpump.errors import InputError

SCRIPT = Path(__file__).parents[2] / "analysis" / "plot_charge.py"


def test_two_mechanisms_and_their_conversion():
    figure = figures.charge_figure([rashba(), impurities(0.03), impurities(0.3, 1.2)])
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert [title for title in titles if title] == [
        "Rashba, ℓ/λ = 0.3",
        "impurities, ℓ/λ = 0.3",
        "what is converted",
    ]
    labels = [axes.get_ylabel() for axes in figure.axes]
    for words in (
        "local spin current\nDC z, along x",
        "charge current\nDC x [",
        "charge current\nx cos [",
        "ρ$_c$\nsin",
    ):
        assert any(words in label for label in labels), words
    charge = next(axes for axes in figure.axes if axes.get_ylabel().startswith("charge current\nDC x"))
    dotted = next(line for line in charge.lines if line.get_linestyle() == ":")
    local = next(line for line in charge.lines if line.get_label() == "local")
    np.testing.assert_allclose(dotted.get_ydata(), local.get_ydata(), rtol=0.03)
    conversion = next(axes for axes in figure.axes if axes.get_title(loc="left") == "what is converted")
    assert (conversion.get_xscale(), conversion.get_xlabel()) == ("log", "ℓ/λ")
    assert len(conversion.containers) == 2
    assert figure.get_figwidth() == pytest.approx(170 / 25.4)


def test_points_in_the_order_of_ell():
    points = figures.conversion_points([impurities(0.3, 1.2), rashba(), impurities(0.03, 0.2)])
    assert [point.mechanism for point in points] == ["impurity_first", "rashba", "impurity_first"]
    assert [point.ell_over_lambda for point in points] == [0.2, 0.3, 1.2]
    assert points[2].ratio.value == pytest.approx(0.3, rel=0.05)


def test_one_direction_and_one_run():
    figure = figures.charge_figure([impurities(axes=1)])
    assert len([axes for axes in figure.axes if axes.get_title(loc="left")]) == 2
    figure = figures.charge_figure([rashba()], "sin1")
    assert any("charge current\nx sin" in axes.get_ylabel() for axes in figure.axes)


def test_what_cannot_be_drawn_is_said():
    with pytest.raises(InputError, match="no run has a charge current"):
        figures.charge_figure([junction(), charged(("rashba",))])
    with pytest.raises(InputError, match='harmonic "dc7" is not in'):
        figures.charge_figure([rashba()], "dc7")


def test_script(tmp_path):
    files = []
    for name, run in (("rashba", rashba()), ("impurity", impurities())):
        files.append(tmp_path / f"{name}.h5")
        results.write(run, files[-1])
    command = [sys.executable, str(SCRIPT), *map(str, files), "-o", str(tmp_path / "charge.png")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "charge.png").stat().st_size > 10_000
    assert "conversion 1.00" in done.stdout
    files[0].write_bytes(b"no")
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
