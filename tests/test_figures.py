"""Figures and their scripts run without a screen, and say what they show."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from fake_result import junction, pulse, spiral

pytest.importorskip("matplotlib")

from mcpump import figures, results
from mcpump.crossover import Point, crossover_point
from mcpump.errors import InputError
from mcpump.theory import local_share

ANALYSIS = Path(__file__).parent.parent / "analysis"


def script(name, *arguments):
    environment = {key: value for key, value in os.environ.items() if key != "DISPLAY"}
    root = str(ANALYSIS.parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, environment.get("PYTHONPATH")]))
    command = [sys.executable, str(ANALYSIS / name), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


def test_profile_has_labelled_axes():
    figure = figures.profile(junction())
    axes = np.array(figure.axes).reshape(4, 2)
    labels = [[one.get_ylabel() for one in row] for row in axes]
    assert labels[0] == ["S", "S"]
    for row, word in zip(labels[1:], ("density g", "local j", "diffusive j"), strict=True):
        assert all(label.startswith(word) and label.endswith(("J s/m³]", "J/m²]")) for label in row)
    assert [one.get_xlabel() for one in axes[-1]] == ["x [nm]", "x [nm]"]
    assert axes[0, 1].get_title(loc="left") == "AC at Ω"
    names = [text.get_text() for text in axes[0, 1].get_legend().get_texts()]
    assert names == ["x cos", "x sin", "y cos", "y sin"]
    assert [text.get_text() for text in axes[0, 0].get_legend().get_texts()] == [
        "z",
        "theory for ℓ ≪ λ",
    ]
    assert figure.get_figwidth() == pytest.approx(170 / 25.4)


def test_profile_text_is_legible_at_final_size(tmp_path):
    figure = figures.profile(junction())
    figure.savefig(tmp_path / "figure.pdf")
    sizes = [
        label.get_fontsize() for axes in figure.axes for label in (*axes.get_xticklabels(), axes.yaxis.label)
    ]
    assert min(sizes) >= 7


def test_profile_of_dc_alone_is_one_column_wide():
    figure = figures.profile(junction(("second",)), theory=False)
    assert len(figure.axes) == 4
    assert figure.get_figwidth() == pytest.approx(85 / 25.4)


def test_theory_line_is_drawn_in_the_files_units():
    [line] = [
        line for line in figures.profile(junction(("second",))).axes[3].lines if line.get_linestyle() == ":"
    ]
    # P0 with an absorbing end: tens of nJ/m² at the interface, as in the deck's own units
    assert 1 < np.abs(line.get_ydata()).max() < 1000
    assert line.get_xdata()[[0, -1]] == pytest.approx([0, 40])


def test_legends_of_a_tilted_axis_fit(tmp_path):
    result = junction()
    for name in ("spin_density", "spin_current"):
        estimate = result.estimates[name]
        estimate.mean[:] = estimate.mean[..., 1:2, 0:1, :] + estimate.mean
    figure = figures.profile(result)
    figure.savefig(tmp_path / "figure.png")
    left, right = (axes.get_legend().get_window_extent() for axes in figure.axes[:2])
    assert len(figure.axes[1].get_legend().get_texts()) == 6
    assert left.x1 < right.x0
    assert right.x1 <= figure.bbox.x1
    assert right.y1 <= figure.bbox.y1


def test_density_without_a_sink_is_drawn_about_its_mean():
    result = junction(("second",))
    density = result.estimates["spin_density"]
    mean = dataclasses.replace(density, mean=np.full(density.mean.shape[:-1], np.nan))
    result.estimates["spin_density_mean"] = mean
    density.mean[:, :, 0, 2] += 7 * np.abs(density.mean).max()
    axes = figures.profile(result, theory=False).axes[1]
    assert axes.get_ylabel().startswith("density g − mean")
    assert np.mean(axes.lines[0].get_ydata()) == pytest.approx(0.0, abs=1e-9)


def test_profile_of_a_pulse():
    figure = figures.profile(pulse())
    assert len(figure.axes) == 4
    assert figure.axes[0].get_ylabel() == "local density g, z [ħνJ]"
    assert figure.axes[2].get_xlabel() == "x [ℓ]"
    assert len(figure.axes[1].get_legend().get_texts()) == 3


def test_crossover_figure_has_curve_law_and_residuals():
    points = [Point(x, float(local_share(x)) * 1.01, 0.01 * float(local_share(x)), 3) for x in (0.05, 1, 30)]
    top, bottom = figures.crossover(points).axes
    assert (top.get_xscale(), top.get_yscale()) == ("log", "log")
    assert "local share" in top.get_ylabel()
    assert bottom.get_xlabel() == "qℓ"
    assert len(top.get_legend().get_texts()) == 3
    np.testing.assert_allclose(figures._residuals(points), 1.0)


@pytest.mark.parametrize("q_ell", [0.05, 1.0, 30.0])
def test_crossover_point_recovers_the_share(q_ell):
    share = float(local_share(q_ell))
    point = crossover_point(spiral(q_ell, share))
    assert point.q_ell == pytest.approx(q_ell)
    assert (point.share, point.dimension) == (share, 3)
    assert point.stderr == pytest.approx(0.01 * share)


def test_crossover_refuses_other_runs():
    with pytest.raises(InputError, match="one wave number"):
        crossover_point(junction())


def test_profile_script(tmp_path):
    file = tmp_path / "run.h5"
    results.write(junction(), file)
    done = script("plot_profile.py", file)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "run.png").stat().st_size > 10_000
    file.write_bytes(b"no")
    done = script("plot_profile.py", file)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_crossover_script(tmp_path):
    files = []
    for q_ell in (0.3, 3.0):
        files.append(tmp_path / f"{q_ell}.h5")
        results.write(dataclasses.replace(spiral(q_ell, float(local_share(q_ell)))), files[-1])
    done = script("plot_crossover.py", *files, "-o", tmp_path / "figure.pdf")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "figure.pdf").exists()
    assert "0.583651" in done.stdout
    assert script("plot_crossover.py", "--help").returncode == 0


def test_matplotlib_is_not_imported_until_asked():
    code = "import sys, mcpump.figures, mcpump.results, mcpump.report; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ANALYSIS.parent).returncode == 0
