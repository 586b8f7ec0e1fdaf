"""Profiles of one run, and the crossover from diffusive to local over several runs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mcpump.deck.read import deck_from_dict
from mcpump.figures.maps import map_figure
from mcpump.figures.style import (
    DOUBLE,
    MM,
    SINGLE,
    Array,
    axis_label,
    axis_power,
    chosen_channel,
    draw_band,
    draw_layers,
    draw_points,
    draw_zero,
    drawing,
    length_unit,
    line_colour,
    new_figure,
)
from mcpump.problem.headline import Headline
from mcpump.problem.scene import NO_STATE, Problem, Scene
from mcpump.report.crossover import Point, problem_of
from mcpump.report.words import Column, column_name, labels, mesh_axes, multiple_of, positions, times_of
from mcpump.tally.estimates import Estimate, Result
from mcpump.textures.shapes import texture_gradient, texture_profile
from mcpump.theory import Medium, local_share
from mcpump.theory.diffusion import Face, diffusion_theory, local_theory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_ROWS = (
    ("magnetization", None, "S", "texture"),
    ("spin_density", "total", "density g", "density"),
    ("spin_current", "local", "local j", "local"),
    ("spin_current", "diffusive", "diffusive j", "diffusive"),
)
"""Variable, part, title and name of each row of panels."""
_MOST_COLUMNS, _LEGEND_ROW = 4, 4
"""Columns of panels that stay legible, and entries of a legend that fit above one of them."""
_MOST_HARMONICS = 2
"""Highest harmonic of J², to which the theory for ℓ ≪ λ goes."""
CLOSED_FORMS = ("junction", "uniform", "spiral", "modulated")
"""Textures whose harmonics are known in closed form."""
Lines = dict[tuple[str, str | None], tuple[Array, Array]]
"""(variable, part) → places and values of a theory line."""


def profile(result: Result, theory: bool = True, channel: str | None = None) -> Figure:
    """Profiles along x: texture, spin density, local and diffusive spin current, with ± one standard error.

    Parameters
    ----------
    result : Result
        A run.
    theory : bool
        Whether to lay the lines of the theory for ℓ ≪ λ over the walk: diffusion for the density, Eq. (31)
        for the local current, and the total current of diffusion less that for the diffusive one. The general
        walk's runs have none.
    channel : str, optional
        Channel to draw; by default that of the table (`mcpump.problem.headline`).

    Returns
    -------
    matplotlib.figure.Figure
        One column of panels for DC and one for each multiple of Ω, four columns at most; cosine components
        solid, sine components dashed; points are the currents through the planes; dotted lines stand where layers begin.
        For a transient, density and current in up to six time bins; on a mesh in two or three directions, `map_figure`.
        Components that vanish by symmetry are not drawn, nor rows of panels in which all do. Without a sink nothing holds
        the mean of the density: it is drawn about its mean over the sample.

    Raises
    ------
    InputError
        If the run has no such channel.
    """
    if len(mesh_axes(result)) > 1:
        return map_figure(result, channel)
    chosen = chosen_channel(result, channel)
    with drawing():
        if "time" in result.coords:
            return _pulse_figure(result, chosen.channel)
        return _periodic_figure(result, theory, chosen)


def crossover(points: Sequence[Point]) -> Figure:
    """Local share against qℓ on the exact curve, and the residuals in standard errors.

    Parameters
    ----------
    points : sequence of Point
        One for each run, of `mcpump.report.crossover.crossover_point`.

    Returns
    -------
    matplotlib.figure.Figure
        Above: shares on 1 − K(qℓ), which is 1 − arctan(qℓ)/(qℓ) for d = 3, and the small-x law (qℓ)²/d.
        Below: (share − exact)/standard error.
    """
    with drawing():
        figure, (top, bottom) = new_figure(
            SINGLE, 95 * MM, 2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1]}
        )
        top.set_label("share")
        bottom.set_label("residual")
        for dimension in sorted({point.dimension for point in points}, reverse=True):
            _draw_shares(top, bottom, [point for point in points if point.dimension == dimension], dimension)
        top.set(xscale="log", yscale="log", ylabel="local share of the spin current")
        top.set_ylim(0.5 * min(point.share for point in points), 1.6)
        top.legend(loc="best")
        bottom.axhspan(-2, 2, color="0.9", zorder=0)
        bottom.axhline(0, color="0.5", linewidth=0.6)
        bottom.set(xlabel="qℓ", ylabel="residual [σ]")
        largest = max((abs(value) for value in _residuals(points)), default=0.0)
        bottom.yaxis.get_major_locator().set_params(integer=True)
        bottom.set_ylim(-max(4, 1.2 * largest), max(4, 1.2 * largest))
        figure.align_ylabels()
        return figure


def _draw_shares(top: Axes, bottom: Axes, points: Sequence[Point], dimension: int) -> None:
    marker, colour = {3: ("o", "#0072B2"), 2: ("s", "#D55E00"), 1: ("^", "#009E73")}[dimension]
    x = np.array([point.q_ell for point in points])
    fine = np.geomspace(x.min() / 2, x.max() * 2, 300)
    exact = "1 − arctan(qℓ)/qℓ" if dimension == 3 else f"1 − K(qℓ), d = {dimension}"
    top.plot(fine, local_share(fine, dimension), color="0.2", label=exact)
    power = "(qℓ)²" if dimension == 1 else f"(qℓ)²/{dimension}"
    law = fine[fine**2 / dimension < 1.5]
    top.plot(law, law**2 / dimension, "--", color="0.5", label=f"{power}, small qℓ")
    share, stderr = [point.share for point in points], [point.stderr for point in points]
    draw_points(top, x, share, stderr, marker, color=colour, label=f"Monte Carlo, d = {dimension}")
    draw_points(bottom, x, _residuals(points), np.ones(len(points)), marker, color=colour)


def _residuals(points: Sequence[Point]) -> list[float]:
    exact = [float(local_share(point.q_ell, point.dimension)) for point in points]
    return [
        (point.share - value) / point.stderr if point.stderr > 0 else math.nan
        for point, value in zip(points, exact, strict=True)
    ]


def _periodic_figure(result: Result, with_theory: bool, about: Headline) -> Figure:
    problem = _drawn_with_theory(result, about.channel) if with_theory else None
    driven = _driven(result, about.channel)
    multiples = sorted({multiple_of(column) for column in driven})[:_MOST_COLUMNS] or [0]
    width = SINGLE if len(multiples) == 1 else DOUBLE
    every = [_Row(name, part, title, label, about.channel) for name, part, title, label in _ROWS]
    rows = [row for row in every if any(_drawn(result, row, multiple) for multiple in multiples)] or every[:1]
    height = (9 + 39 * len(rows)) * MM
    figure, axes = new_figure(width, height, len(rows), len(multiples), sharex=True, squeeze=False)
    lines = _theory_lines(result, problem, about.channel) if problem is not None else None
    for column, multiple in enumerate(multiples):
        for axis, row in zip(axes[:, column], rows, strict=True):
            _draw_panel(axis, result, row, multiple, lines)
        there = [axis for axis in axes[:, column] if axis.axison] or [axes[-1, column]]
        for axis in there:
            draw_layers(axis, result, named=axis is there[0])
        there[-1].set_xlabel(f"x [{length_unit(result)[1]}]")
        there[-1].tick_params(labelbottom=True)
    # One mention of the theory's line is enough, and all that a narrow column has room for.
    legends = [_legend_entries(axes[:, column], column == 0) for column in range(len(multiples))]
    deep = -(-max(map(len, legends)) // _LEGEND_ROW)
    for axis, multiple, handles in zip(axes[0], multiples, legends, strict=True):
        title = "DC" if multiple == 0 else ("AC at Ω" if multiple == 1 else f"AC at {multiple}Ω")
        if handles:
            _draw_legend(axis, title, handles, deep)
        else:
            axis.set_title(title, loc="left")
    if not about.holds:
        figure.suptitle(about.title, x=0.01, ha="left", fontsize=7)
    figure.align_ylabels()
    return figure


class _Row(NamedTuple):
    """What a panel shows."""

    name: str
    part: str | None
    title: str
    label: str
    channel: str

    def of(self, result: Result, name: str = "") -> Estimate:
        """Estimate of the row, or of another name for the same channel and part."""
        found = result.estimates[name or self.name]
        wanted = {"channel": self.channel, "part": self.part, "direction": "x", "normal": "x"}
        return found.sel(**{axis: place for axis, place in wanted.items() if axis in found.dims})


def _driven(result: Result, channel: str) -> list[Column]:
    """Columns of density and current in which something is driven in a channel."""
    names = ("spin_density", "spin_current")
    return [column for name in names for column in result.estimates[name].sel(channel=channel).stands_out()]


def _is_free(result: Result, name: str) -> bool:
    """Whether a variable is drawn about its sample mean: the density where no sink holds it (its DC mean is NaN)."""
    mean = result.estimates.get("spin_density_mean")
    return name == "spin_density" and mean is not None and bool(np.isnan(mean.mean).any())


def _about_mean(values: Array) -> Array:
    return values - values.mean(axis=-1, keepdims=True)


def _drawn(result: Result, row: _Row, multiple: int) -> list[Estimate]:
    """What there is to draw in a panel."""
    shown, whole = row.of(result), result.estimates[row.name]
    if _is_free(result, row.name):
        shown = replace(shown, mean=_about_mean(shown.mean))
    whole = whole.sel(channel=row.channel) if "channel" in whole.dims else whole
    found = [shown.sel(**column) for column in whole.stands_out() if multiple_of(column) == multiple]
    return [one for one in found if np.nan_to_num(one.mean).any()]


def _draw_panel(axes: Axes, result: Result, row: _Row, multiple: int, lines: Lines | None) -> None:
    shown, drawn = row.of(result), _drawn(result, row, multiple)
    axes.set_label(row.label)
    scale = axis_power(np.array([one.mean for one in drawn]))
    factor, (metres, _) = 10.0**-scale, length_unit(result)
    x = positions(result, "x").mean * metres
    for one in drawn:
        look = _look(one)
        axes.plot(x, one.mean * factor, **look)
        if one.stderr is not None:
            low, high = (one.mean - one.stderr) * factor, (one.mean + one.stderr) * factor
            axes.fill_between(x, low, high, color=look["color"], alpha=0.25, linewidth=0)
        column = {axis: one.coords[axis] for axis in ("harmonic", "component")}
        if row.name == "spin_current" and "plane_current" in result.estimates:
            _draw_planes(axes, row.of(result, "plane_current").sel(**column), metres, factor)
        if lines is not None and (row.name, row.part) in lines:
            places, values = lines[row.name, row.part]
            h, k = (labels(result, axis).index(place) for axis, place in column.items())
            axes.plot(places * metres, values[h, k] * factor, ":", color="black", linewidth=0.9, zorder=3)
    if not drawn:
        axes.set_axis_off()
        return
    draw_zero(axes)
    title = row.title + " − mean" * _is_free(result, row.name)
    axes.set_ylabel(axis_label(title, shown.units, scale))
    axes.margins(x=0)


def _look(one: Estimate) -> dict[str, Any]:
    harmonic, component = one.coords["harmonic"], one.coords["component"]
    # Circular precession lays x cos upon y sin: a dashed line on top of a solid one shows both.
    style = (0, (4, 2.5)) if harmonic.startswith("sin") else "-"
    name = column_name(harmonic, component)
    zorder = 2.5 if harmonic.startswith("sin") else 2.0
    return {"color": line_colour("xyz".index(component)), "linestyle": style, "label": name, "zorder": zorder}


def _draw_planes(axes: Axes, current: Estimate, metres: float, factor: float) -> None:
    error = None if current.stderr is None else np.nan_to_num(current.stderr) * factor
    look: dict[str, Any] = {
        "color": line_colour("xyz".index(current.coords["component"])),
        "markersize": 3,
        "elinewidth": 0.8,
    }
    x, mean = current.places("plane") * metres, current.mean * factor
    points = axes.errorbar(x, mean, yerr=error, fmt="o", capsize=1.5, zorder=4, **look)
    # Planes at the faces lie on the frame: draw them whole.
    for artist in (points[0], *points[1], *points[2]):
        artist.set_clip_on(False)


def _legend_entries(column: Any, with_theory: bool) -> dict[str, Any]:
    """Name → line, of everything drawn in a column of panels."""
    handles: dict[str, Any] = {}
    for axes in column:
        for handle, name in zip(*axes.get_legend_handles_labels(), strict=True):
            handles.setdefault(name.removeprefix("DC "), handle)
    handles = dict(sorted(handles.items()))
    dotted = [line for axes in column for line in axes.lines if line.get_linestyle() == ":"]
    if with_theory and dotted:
        handles["theory for ℓ ≪ λ"] = dotted[0]
    return handles


def _draw_legend(axes: Axes, title: str, handles: dict[str, Any], rows: int) -> None:
    """One legend above a column, in as many rows as the fullest column needs, below the column's title."""
    axes.set_title(title, loc="left", pad=5 + 11 * rows)
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (-0.02, 0.98), "borderpad": 0.2}
    place |= {"ncols": -(-len(handles) // rows), "columnspacing": 0.9, "handlelength": 1.8}
    axes.legend(list(handles.values()), list(handles), **place)


def _drawn_with_theory(result: Result, channel: str) -> Problem | None:
    """The run's problem where it has lines for ℓ ≪ λ: `first`, `second`, one layer, faces of one kind."""
    kind = getattr(deck_from_dict(result.deck).texture, "kind", "")
    if kind not in CLOSED_FORMS or channel not in ("first", "second", "sum"):
        return None  # other textures may need files that are elsewhere now
    problem = problem_of(result)
    scene = problem.scene
    isotropic = scene.mean_cosine == 0.0
    alone = (
        isotropic
        and scene.initial == NO_STATE
        and len(scene.layers) == 1
        and scene.harmonics <= _MOST_HARMONICS
    )
    return problem if scene.precession and alone and set(scene.absorption[:2]) <= {0.0, 1.0} else None


def _theory_lines(result: Result, problem: Problem, channel: str) -> Lines:
    """Lines of the theory for ℓ ≪ λ: density, local current, Eq. (31), and diffusive current: the total less that."""
    scene, texture, scales = problem.scene, problem.scene.precession, problem.scales
    assert texture is not None
    gamma, length = scene.layers[0].gamma_sf, scene.lengths[0]
    medium = Medium.reduced(scene.exchange, 1 / gamma if gamma > 0 else math.inf, scene.dimension)
    edges = np.linspace(0.0, length, scene.cells[0] + 1)
    mean, cosine, sine = texture_profile(texture, (edges[1:] + edges[:-1]) / 2)
    faces, h = (_face(scene, 0), _face(scene, 1)), length / scene.cells[0]
    total = diffusion_theory(mean.T, cosine.T, sine.T, h, medium, texture.Omega, *faces)
    local = local_theory(
        texture_profile(texture, edges), texture_gradient(texture, edges), medium, texture.Omega
    )
    chosen = ["first", "second"] if channel == "sum" else [channel]
    density = np.sum([total[name].density for name in chosen], axis=0) * scales.density
    flux = np.sum([total[name].flux for name in chosen], axis=0) * scales.current
    near = np.sum([local[name] for name in chosen], axis=0) * scales.current
    centres, edges = positions(result, "x").mean, positions(result, "x_edge").mean
    return {
        ("spin_density", "total"): (
            centres,
            _about_mean(density) if _is_free(result, "spin_density") else density,
        ),
        ("spin_current", "local"): (edges, near),
        ("spin_current", "diffusive"): (edges, flux - near),
    }


def _face(scene: Scene, face: int) -> Face:
    if scene.periodic[0]:
        return "periodic"
    return "absorbing" if scene.absorption[face] == 1.0 else "closed"


def _pulse_figure(result: Result, channel: str) -> Figure:
    figure, axes = new_figure(DOUBLE, 100 * MM, 2, 2, sharex=True)
    rows = (("spin_density", "density g"), ("spin_current", "current j"))
    for panels, (name, title) in zip(axes, rows, strict=True):
        for panel, part in zip(panels, ("local", "diffusive"), strict=True):
            label = f"{part}-{title.split()[0]}"
            _draw_times(panel, result, _Row(name, part, f"{part} {title}", label, channel))
            draw_layers(panel, result, named=name == "spin_density")
    for column in (0, 1):
        axes[1, column].set_xlabel(f"x [{length_unit(result)[1]}]")
    axes[0, 1].legend(title=f"t [{times_of(result)[1]}]", title_fontsize=7)
    figure.align_ylabels()
    return figure


def _draw_times(axes: Axes, result: Result, row: _Row) -> None:
    import matplotlib as mpl

    density = result.estimates["spin_density"].sel(channel=row.channel)
    components = density.places("component")
    sizes = [np.abs(density.sel(component=component).mean).max() for component in components]
    component = components[int(np.argmax(sizes))]
    shown = row.of(result).sel(component=component)
    mean = _about_mean(shown.mean) if _is_free(result, row.name) else shown.mean
    scale = axis_power(mean)
    x, (times, _) = positions(result, "x").mean * length_unit(result)[0], times_of(result)
    # Six bins tell the story, early ones more of it than late ones.
    bins = np.unique(np.rint(np.geomspace(1, mean.shape[0], 6)).astype(int) - 1)
    for index, colour in zip(bins, mpl.colormaps["viridis"](np.linspace(0, 0.9, bins.size)), strict=True):
        look = {"color": colour, "label": f"{times[index]:.3g} … {times[index + 1]:.3g}"}
        draw_band(axes, x, mean[index] * 10.0**-scale, shown.error[index] * 10.0**-scale, **look)
    axes.set_label(row.label)
    axes.set_ylabel(axis_label(f"{row.title}, {component}", shown.units, scale))
    axes.margins(x=0)
