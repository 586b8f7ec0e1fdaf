"""`mcpump plot` and `mcpump compare`: what the scripts in analysis/ do, panels, styles, layers, and refusals."""

import dataclasses
import os

import numpy as np
import pytest
from fake_result import junction
from fake_scene import of_scene
from runs import good, refused
from scripts import script

pytest.importorskip("matplotlib")

import matplotlib as mpl

from mcpump import figures, results
from mcpump.cli.plot import KINDS
from mcpump.deck.read import deck_from_dict
from mcpump.figures.style import axis_label, drawing, layers_of


@pytest.fixture
def file(tmp_path):
    results.write(junction(), tmp_path / "run.h5")
    return tmp_path / "run.h5"


def test_a_script_draws_what_the_command_draws(file, tmp_path):
    out, _ = good("plot", "profile", file, "-o", tmp_path / "command.png")
    done = script("plot_profile.py", file, "-o", tmp_path / "script.png")
    assert done.returncode == 0, done.stderr
    assert out == f"{tmp_path / 'command.png'}\n"
    assert (tmp_path / "command.png").read_bytes() == (tmp_path / "script.png").read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_panels_and_styles(kind):
    text, _ = good("plot", kind, "--help")
    assert "--panel NAME" in text
    assert "--style NAME" in text
    assert "results file" in text


def test_panels():
    figure = figures.only(figures.profile(junction()), ["diffusive"])
    assert [axes.get_label() for axes in figure.axes] == ["diffusive", "diffusive"]
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["DC", "AC at Ω"]
    assert all(axes.get_xlabel() == "x [nm]" and axes.get_legend() for axes in figure.axes)
    assert figure.get_figheight() < 0.5 * figures.profile(junction()).get_figheight()
    one = figures.only(figures.map_figure(of_scene(2)), ["diffusive-density"])
    assert [axes.get_label() for axes in one.axes] == ["diffusive-density", "<colorbar>"]
    assert one.axes[0].get_ylabel() == "y [nm]"


def test_panels_that_are_not_there(file, tmp_path):
    told = refused("plot", "profile", file, "--panel", "curent")
    assert told == 'panel "curent" is not in the figure, which has texture, density, local, diffusive'
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.h5"]


def test_rows_without_anything_are_not_drawn():
    result = junction()
    current = result.estimates["spin_current"]
    still = dataclasses.replace(
        current, mean=np.where(np.arange(3)[None, :, None, None, None, None] == 0, 0.0, current.mean)
    )
    found = figures.profile(
        dataclasses.replace(result, estimates={**result.estimates, "spin_current": still})
    )
    assert [axes.get_label() for axes in found.axes] == 2 * ["texture"] + 2 * ["density"] + 2 * ["diffusive"]


def test_styles(file, tmp_path):
    (tmp_path / "mine.mplstyle").write_text("font.size: 13\naxes.labelsize: 13\n")
    good("plot", "profile", file, "--style", tmp_path / "mine.mplstyle")
    assert refused("plot", "profile", file, "--style", "nope").startswith(
        'style "nope" is no file and none of '
    )
    with figures.styled(str(tmp_path / "mine.mplstyle")):
        figure = figures.profile(junction())
    assert figure.axes[0].yaxis.label.get_fontsize() == 13
    assert figures.profile(junction()).axes[0].yaxis.label.get_fontsize() == 7
    with mpl.rc_context({"lines.linewidth": 3.0}), drawing():
        assert mpl.rcParams["lines.linewidth"] == 3.0
        assert mpl.rcParams["font.size"] == 7


def test_a_style_s_colours(tmp_path):
    """The cycle of a style, or of rcParams, draws lines; without one they have ours."""

    def drawn():
        axes = next(one for one in figures.profile(junction()).axes if one.get_label() == "diffusive")
        return [mpl.colors.to_hex(line.get_color()) for line in axes.lines if line.get_label()[0] != "_"]

    ours = drawn()
    assert set(ours) <= {"#0072b2", "#d55e00", "#009e73"}
    (tmp_path / "mine.mplstyle").write_text("axes.prop_cycle: cycler('color', ['111111', '222222'])\n")
    with figures.styled(str(tmp_path / "mine.mplstyle")):
        mine = drawn()
    # of two colours the third component has the first
    place = {"#0072b2": "#111111", "#d55e00": "#222222", "#009e73": "#111111"}
    assert mine == [place[one] for one in ours]
    with mpl.rc_context({"axes.prop_cycle": mpl.cycler(linestyle=["-", "--"])}):
        assert drawn() == ours
    assert drawn() == ours


def test_units_have_prefixes():
    assert axis_label("j", "J/m^2", -9) == "j [nJ/m²]"
    assert axis_label("j", "A/m^2", 3) == "j [kA/m²]"
    assert axis_label("g", "hbar nu J", -3) == "g [10⁻³ ħνJ]"
    assert axis_label("S", "1", 0) == "S"
    assert axis_label("g", "1/(J m^3)", 3) == "g [10³ 1/(J m³)]"


def stacked():
    deck = junction().deck
    deck["layer"] = [
        {"start": "20 nm", "material": "Cu"},
        {"start": "30 nm", "name": "absorber", "mean_free_path": "2 nm"},
    ]
    deck["electrons"] |= {"fermi_wavenumber": "13.6 /nm", "density_of_states": "9 1/(eV nm^3)"}
    return deck


def test_layers_are_named():
    spans = layers_of(junction())
    assert [span.name for span in spans] == ["magnet", "metal"]
    assert (spans[0].end, spans[1].end) == (spans[1].start, pytest.approx(40e-9))
    figure = figures.profile(junction())
    for axes in figure.axes:
        names = [text.get_text() for text in axes.texts if text.get_visible()]
        assert names == (["magnet", "metal"] if axes.get_label() == "texture" else [])
        [lines] = [
            one for one in axes.collections if hasattr(one, "get_segments") and len(one.get_segments()) == 1
        ]
        assert lines.get_segments()[0][:, 0] == pytest.approx([20.0, 20.0])
    deck = deck_from_dict(stacked()).resolved
    spans = layers_of(dataclasses.replace(junction(), resolved=deck))
    assert [(span.name, round(1e9 * span.start)) for span in spans] == [
        ("magnet", 0),
        ("Cu", 20),
        ("absorber", 30),
    ]


def test_compare(file, tmp_path):
    out, _ = good("compare", file, "-o", tmp_path / "table.txt")
    assert out == (tmp_path / "table.txt").read_text(encoding="utf-8")
    assert script("compare_theory.py", file).stdout == out
    assert "cannot be written" in refused("compare", file, "-o", tmp_path / "no" / "table.txt")
    assert "does not exist" in refused("compare", tmp_path / "no.h5")
    assert "cannot be drawn" in refused("plot", "profile", file, "-o", tmp_path / "no" / "figure.png")


def test_figures_replace_figures_alone(file, tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder").mkdir()
    (tmp_path / "device.png").symlink_to(os.devnull)
    for name, word in (("pipe.png", "a pipe"), ("folder", "a folder"), ("device.png", "a device")):
        place = tmp_path / name
        for arguments in (("plot", "profile", file, "-o", place), ("compare", file, "--figure", place)):
            assert word in refused(*arguments)
    left = sorted(one.name for one in tmp_path.iterdir() if one.suffix != ".h5")
    assert left == ["device.png", "folder", "pipe.png"]
    out, _ = good("plot", "profile", file, "-o", tmp_path / "plain")
    assert out.splitlines()[-1] == str(tmp_path / "plain.png")
    assert (tmp_path / "plain.png").stat().st_size > 10_000
