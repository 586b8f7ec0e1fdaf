"""Figures and their scripts run without a screen, and say what they show."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from fake_result import junction, pulse, spiral
from fake_scene import SI, of_scene, problem, scene, shaped
from fake_scene import result as scene_result
from scripts import ANALYSIS, script

pytest.importorskip("matplotlib")

from mcpump import figures, results
from mcpump.errors import InputError
from mcpump.figures import profiles
from mcpump.report.crossover import Point, crossover_point
from mcpump.theory import local_share


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
    assert figure.axes[0].get_ylabel() == "local density g, z [1/ℓ]"
    assert figure.axes[2].get_xlabel() == "x [ℓ]"
    assert len(figure.axes[1].get_legend().get_texts()) == 3


def test_crossover_figure_has_curve_law_and_residuals():
    points = [Point(x, float(local_share(x)) * 1.01, 0.01 * float(local_share(x)), 3) for x in (0.05, 1, 30)]
    top, bottom = figures.crossover(points).axes
    assert (top.get_xscale(), top.get_yscale()) == ("log", "log")
    assert "local share" in top.get_ylabel()
    assert bottom.get_xlabel() == "qℓ"
    assert len(top.get_legend().get_texts()) == 3
    np.testing.assert_allclose(profiles._residuals(points), 1.0)


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


def test_profile_of_a_channel(tmp_path):
    ready = problem(scene(1, ("first", "second", "exact")), SI)
    result = scene_result(ready, shaped(ready))
    figure = figures.profile(result, False, "exact")
    density = result.estimates["spin_density"].mean[2, 2, 0, 2]
    drawn = (
        next(axes for axes in figure.axes if axes.get_ylabel().startswith("density g")).lines[0].get_ydata()
    )
    np.testing.assert_allclose(drawn / drawn[0], density / density[0])
    assert len(figures.profile(result, False, "first").axes) == 4  # it has no DC
    for run in (result, scene_result(*two_dimensional())):
        with pytest.raises(InputError, match='channel "third" is not in scene'):
            figures.profile(run, False, "third")
    assert (
        figures.profile(scene_result(*two_dimensional()), channel="first")
        ._suptitle.get_text()
        .startswith("scene, first")
    )
    transient = problem(scene(1, ("first", "second", "exact"), time_bins=3), SI)
    assert figures.profile(scene_result(transient, shaped(transient)), channel="exact").axes
    file = tmp_path / "run.h5"
    results.write(result, file)
    assert script("plot_profile.py", file, "--no-theory", "--channel", "exact").returncode == 0
    done = script("plot_profile.py", file, "--no-theory", "--channel", "third")
    assert done.returncode == 2
    assert "first, second, exact, sum" in done.stderr


def two_dimensional():
    ready = problem(scene(2), SI)
    return ready, shaped(ready)


def test_theory_lines_follow_the_channel():
    total, first, second = (
        figures.profile(junction(), channel=channel) for channel in ("sum", "first", "second")
    )
    lines = [
        [line.get_ydata() for axes in figure.axes for line in axes.lines if line.get_linestyle() == ":"]
        for figure in (total, first, second)
    ]
    assert all(lines)
    assert len(lines[0]) > len(lines[1])
    assert len(figures.profile(junction()).axes) == len(total.axes)


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


def test_profile_of_all_channels_has_their_panels():
    figure = figures.profile(of_scene(1, ("first", "second", "second_ladder", "exact")), theory=False)
    axes = np.array(figure.axes).reshape(4, 2)
    assert axes[1, 1].get_ylabel().startswith("density g")
    assert axes[0, 0].get_title(loc="left") == "DC"
    assert not any(line.get_linestyle() == ":" for one in figure.axes for line in one.lines)


def test_profile_keeps_to_columns_that_are_legible():
    result = of_scene(1, ("exact",), harmonics=6)
    result.estimates["spin_density"].mean[:] += 1e-9
    assert len(figures.profile(result, theory=False).axes) == 16


def test_profile_of_a_scenes_transient_and_of_a_plane():
    assert len(figures.profile(of_scene(1, time_bins=4), theory=False).axes) == 4
    titles = [axes.get_title(loc="left") for axes in figures.profile(of_scene(2)).axes]
    assert "local density g [pJ s/m³]" in titles


@pytest.mark.parametrize("axes", [2, 3])
def test_map(axes):
    result = of_scene(axes)
    figure = figures.map_figure(result)
    panels = figure.axes[:4]
    kinds = ["local density g", "diffusive density g", "local current |j|", "diffusive current |j|"]
    for one, kind in zip(panels, kinds, strict=True):
        assert one.get_title(loc="left").startswith(kind)
    assert [one.get_xlabel() for one in panels[2:]] == ["x [nm]"] * 2
    assert panels[0].get_ylabel() == "y [nm]"
    assert figure.get_suptitle() == "scene, first + second, DC z" + ", z = 5 nm" * (axes == 3)
    arrows = panels[0].collections[1]
    texture = result.estimates["magnetization"].mean[0, :2]
    texture = texture if axes == 2 else texture[..., 2]
    # the mean magnetization, on every cell of so small a mesh
    np.testing.assert_allclose([arrows.U, arrows.V], [part.T.ravel() for part in texture])
    assert arrows.U.size == 60
    assert all(kind_of(one, "LineCollection") and one.patches for one in panels[2:])


def kind_of(axes, name):
    """Collections of a kind in axes."""
    return [one for one in axes.collections if type(one).__name__ == name]


def test_map_draws_no_stream_lines_in_noise():
    result = of_scene(2)
    result.estimates["spin_current"].stderr[:] = np.abs(result.estimates["spin_current"].mean).max()
    assert not any(axes.patches for axes in figures.map_figure(result).axes[2:4])
    lines = of_scene(2)
    narrow = dataclasses.replace(lines.coords["y_edge"], mean=lines.coords["y_edge"].mean * 20)
    lines.coords["y_edge"] = narrow
    assert figures.map_figure(lines).axes[0].get_aspect() == "auto"
    assert figures.map_figure(result).axes[0].get_aspect() == 1.0


def test_map_of_what_is_asked_for():
    result = of_scene(2, ("first", "exact"))
    assert figures.map_figure(result, "first", "x", "cos1").get_suptitle() == "scene, first, x cos"
    moving = of_scene(2, time_bins=4)
    assert "z, t = 7.5 … 15 fs" in figures.map_figure(moving, time=1).get_suptitle()
    for wrong in ({"channel": "second"}, {"harmonic": "cos7"}):
        with pytest.raises(InputError, match="is not in scene, which has"):
            figures.map_figure(result, **wrong)
    with pytest.raises(InputError, match="time bin 4 is not among the 4"):
        figures.map_figure(moving, time=4)
    with pytest.raises(InputError, match="varies along x only"):
        figures.map_figure(of_scene(1))


def test_map_without_any_current():
    result = of_scene(2)
    for name in ("spin_density", "spin_current"):
        result.estimates[name].mean[:] = 0.0
    figures.map_figure(result).canvas.draw()


def test_time_figure():
    figure = figures.time_figure(of_scene(1, time_bins=6))
    maps, planes = figure.axes[:2], figure.axes[2:4]
    assert [axes.get_ylabel() for axes in maps] == ["t [fs]"] * 2
    assert planes[1].get_ylabel() == "diffusive, through planes [mJ/m²]"
    assert [text.get_text() for text in planes[0].get_legend().get_texts()] == ["x = 10 nm", "x = 20 nm"]
    assert len(figures.time_figure(of_scene(2, time_bins=6)).axes) == 2
    assert len(figures.time_figure(pulse()).axes) == 4
    with pytest.raises(InputError, match="keeps no harmonic"):
        figures.time_figure(of_scene(1, harmonics=0))
    with pytest.raises(InputError, match="no planes"):
        figures.time_figure(of_scene(2, time_bins=6, planes=()))


def test_time_figure_of_one_period():
    result = of_scene(1, harmonics=2)
    figure = figures.time_figure(result, component="x")
    maps, planes = figure.axes[:2], figure.axes[2:4]
    assert [axes.get_ylabel() for axes in maps] == ["t [2π/Ω]"] * 2
    line, current = planes[1].lines[0], result.estimates["plane_current"]
    dc, c1, s1, c2, s2 = current.mean[-1, 1, 0, :, 0, 1]  # the first plane is a closed face
    phase = 2 * np.pi * line.get_xdata()
    wanted = dc + c1 * np.cos(phase) + s1 * np.sin(phase) + c2 * np.cos(2 * phase) + s2 * np.sin(2 * phase)
    np.testing.assert_allclose(line.get_ydata() / line.get_ydata()[5], wanted / wanted[5], rtol=1e-9)
    # the component that swings most, not the largest in DC
    result.estimates["spin_current"].mean[..., 1:, 1, :] *= 1e3
    assert figures.time_figure(result).get_suptitle().endswith("spin y")


def potential_of(slope, ell_over_lambda):
    """A run in which −∇μ_s is the diffusive current times a slope."""
    result = of_scene(1, cells=(40, 1, 1))
    current, potential = result.estimates["spin_current"], result.estimates["spin_potential"]
    x = result.coords["x"].mean
    potential.mean[0, 2, 1, 0] = slope * 1e6 * x**2
    current.mean[0, 1, 0, 1, 0] = -2e6 * x
    return dataclasses.replace(result, regime={"ell/lambda": (ell_over_lambda, "", "")})


def test_gradient_of_the_spin_potential():
    found = figures.potential_gradient(potential_of(0.9, 0.3))
    np.testing.assert_allclose(found.gradient, 0.9 * found.current, rtol=1e-9)
    assert found.factor == pytest.approx(0.9)
    assert (found.name, found.units, found.x.size) == ("first, x cos", "J/m^2", 38)
    assert np.all(found.gradient_error >= 0.0)
    figure = figures.potential_figure([potential_of(0.5, 2.0), potential_of(1.0, 0.1)])
    assert [axes.get_title(loc="left").split()[2] for axes in figure.axes] == ["0.1:", "2:"]
    assert "= 0.5 j" in figure.axes[1].get_title(loc="left")
    assert len(figures.potential_figure([potential_of(1.0, 0.1)] * 4).axes) == 6
    for wrong, words in ((junction(), "no spin potential"), (of_scene(2), "along x alone")):
        with pytest.raises(InputError, match=words):
            figures.potential_gradient(wrong)
    with pytest.raises(InputError, match='channel "exact" is not in'):
        figures.potential_gradient(of_scene(1), "exact")


def test_figures_are_legible_at_final_size(tmp_path):
    for figure in (
        figures.map_figure(of_scene(2)),
        figures.time_figure(of_scene(1, time_bins=6)),
        figures.potential_figure([potential_of(0.5, 2.0)]),
    ):
        figure.savefig(tmp_path / "figure.pdf")
        assert figure.get_figwidth() * 25.4 in (pytest.approx(85), pytest.approx(170))
        for axes in figure.axes:
            assert axes.yaxis.label.get_fontsize() >= 7


@pytest.mark.parametrize(
    ("name", "axes", "bins"),
    [("plot_map.py", 2, 0), ("plot_time.py", 1, 5), ("plot_spin_potential.py", 1, 0)],
)
def test_scripts_of_the_general_walk(tmp_path, name, axes, bins):
    file, other = tmp_path / "run.h5", tmp_path / "other.h5"
    results.write(of_scene(axes, time_bins=bins), file)
    done = script(name, file, "-o", tmp_path / "figure.png")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert str(tmp_path / "figure.png") in done.stdout
    results.write(of_scene(1, harmonics=0) if name == "plot_time.py" else junction(), other)
    done = script(name, other)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert "results file" in script(name, "--help").stdout


def test_convergence(tmp_path):
    """Errors that fall as N^−1/2 have a level figure of merit."""
    runs = []
    for walkers in (1000, 4000, 16000):
        run = junction()
        current = run.estimates["plane_current"]
        few = dataclasses.replace(current, stderr=current.stderr * np.sqrt(1000 / walkers))
        provenance = {"wall_time_s": walkers / 1000, "threads": 2}
        runs.append(
            dataclasses.replace(
                run, walkers=walkers, provenance=provenance, estimates={**run.estimates, "plane_current": few}
            )
        )
    found = figures.convergence_points(runs[::-1])
    assert list(found.parts) == ["local", "diffusive", "total"]
    points = found.parts["total"]
    assert [point.walkers for point in points] == [1000, 4000, 16000]
    errors = [point.relative_error for point in points]
    assert errors[0] / errors[1] == pytest.approx(2)
    assert [point.merit for point in points] == [pytest.approx(1 / (2 * errors[0] ** 2))] * 3
    assert "DC z" in found.what
    known = [dataclasses.replace(run, groundwork={"profiles": np.zeros(1)}) for run in runs]
    assert list(figures.convergence_points(known).parts) == ["diffusive", "total"]
    figure = figures.convergence_figure(found)
    assert figure.axes[0].get_ylabel() == "relative standard error"
    assert figure.axes[1].get_xlabel() == "walkers N"
    for i, run in enumerate(runs):
        results.write(run, tmp_path / f"{i}.h5")
    files = [tmp_path / f"{i}.h5" for i in range(3)]
    done = script("plot_convergence.py", *files, "-o", tmp_path / "figure.png")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("relative error") == 9
    assert (tmp_path / "figure.png").stat().st_size > 10_000
    assert script("plot_convergence.py", "--help").returncode == 0
    results.write(pulse(), tmp_path / "pulse.h5")
    done = script("plot_convergence.py", tmp_path / "pulse.h5")
    assert done.returncode == 2
    assert "has no plane" in done.stderr
