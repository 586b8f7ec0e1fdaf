"""Profiles of one run, and the crossover from diffusive to local over several runs."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mcpump.deck.read import deck_from_dict
from mcpump.figures.maps import map_figure
from mcpump.figures.style import (
    COLOURS,
    DOUBLE,
    MM,
    SINGLE,
    STYLE,
    Array,
    axis_label,
    axis_power,
    chosen_channel,
    length_unit,
    new_figure,
)
from mcpump.problem.headline import Headline
from mcpump.problem.scene import ABSORBING, PERIODIC, Model, Problem
from mcpump.report.crossover import Point, problem_of
from mcpump.report.words import column_name, columns_of, labels, mesh_axes, positions, times_of
from mcpump.tally.estimates import Estimate, Result
from mcpump.textures.shapes import texture_gradient, texture_profile
from mcpump.theory import Medium, local_share
from mcpump.theory.diffusion import Face, diffusion_theory, local_theory

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


_ROWS = (
    ("magnetization", None, "S"),
    ("spin_density", 2, "density g"),
    ("spin_current", 0, "local j"),
    ("spin_current", 1, "diffusive j"),
)
_MOST_COLUMNS, _LEGEND_ROW = 4, 4
"""Columns of panels that stay legible, and entries of a legend that fit above one of them."""
Lines = dict[tuple[str, int | None], tuple[Array, Array]]
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
        solid, sine components dashed; points are the currents through the planes. For a transient, density and
        current in up to six time bins; on a mesh in two or three directions, `map_figure`. Components that vanish
        by symmetry are not drawn. Without a sink nothing holds the mean of the density: it is drawn about its mean
        over the sample.

    Raises
    ------
    InputError
        If the run has no such channel.
    """
    import matplotlib as mpl

    if len(mesh_axes(result)) > 1:
        return map_figure(result, channel)
    chosen = chosen_channel(result, channel)
    with mpl.rc_context(STYLE):
        if "time" in result.coords:
            return _pulse_figure(result, chosen[0])
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
    import matplotlib as mpl

    with mpl.rc_context(STYLE):
        figure, (top, bottom) = new_figure(
            SINGLE, 95 * MM, 2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 1]}
        )
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
    look: dict[str, Any] = {
        "fmt": marker,
        "color": colour,
        "markersize": 3.5,
        "capsize": 2,
        "elinewidth": 0.8,
    }
    top.errorbar(x, share, yerr=stderr, label=f"Monte Carlo, d = {dimension}", **look)
    bottom.errorbar(x, _residuals(points), yerr=np.ones(len(points)), **look)


def _residuals(points: Sequence[Point]) -> list[float]:
    exact = [float(local_share(point.q_ell, point.dimension)) for point in points]
    return [
        (point.share - value) / point.stderr if point.stderr > 0 else math.nan
        for point, value in zip(points, exact, strict=True)
    ]


def _periodic_figure(result: Result, with_theory: bool, chosen: tuple[int, Headline]) -> Figure:
    # the general walk has no such lines, and may need files that are elsewhere now
    fast = with_theory and not deck_from_dict(tomllib.loads(result.resolved)).needs_general
    problem = problem_of(result) if fast else None
    channel, about = chosen
    multiples = _multiples(result, channel)
    width = SINGLE if len(multiples) == 1 else DOUBLE
    figure, axes = new_figure(width, 165 * MM, len(_ROWS), len(multiples), sharex=True, squeeze=False)
    lines = _theory_lines(result, problem, about.channel) if problem is not None else None
    for column, multiple in enumerate(multiples):
        for row, (name, part, title) in enumerate(_ROWS):
            _draw_panel(axes[row, column], result, channel, name, part, title, multiple, lines)
        axes[-1, column].set_xlabel(f"x [{length_unit(result)[1]}]")
    # One mention of the theory's line is enough, and all that a narrow column has room for.
    legends = [_legend_entries(axes[:, column], column == 0) for column in range(len(multiples))]
    rows = -(-max(map(len, legends)) // _LEGEND_ROW)
    for axis, multiple, handles in zip(axes[0], multiples, legends, strict=True):
        title = "DC" if multiple == 0 else ("AC at Ω" if multiple == 1 else f"AC at {multiple}Ω")
        if handles:
            _draw_legend(axis, title, handles, rows)
        else:
            axis.set_title(title, loc="left")
    if not about.holds:
        figure.suptitle(about.title, x=0.01, ha="left", fontsize=7)
    figure.align_ylabels()
    return figure


def _multiples(result: Result, channel: int) -> list[int]:
    """Multiples of Ω in which something is driven in a channel; DC alone if nothing is."""
    driven = [_of_channel(result.estimates[name], channel) for name in ("spin_density", "spin_current")]
    multiples = sorted({(h + 1) // 2 for estimate in driven for h, _ in columns_of(estimate)})
    return multiples[:_MOST_COLUMNS] or [0]


def _of_channel(estimate: Estimate, channel: int) -> Estimate:
    """One channel of an estimate that has channels."""
    if "channel" not in estimate.dims:
        return estimate
    stderr = None if estimate.stderr is None else estimate.stderr[channel : channel + 1]
    return replace(estimate, mean=estimate.mean[channel : channel + 1], stderr=stderr)


def _select(result: Result, channel: int, name: str, part: int | None) -> tuple[Array, Array | None, str]:
    """(harmonic, component, place) of one variable in the drawn channel, its error, its units."""
    estimate = result.estimates[name]
    index: list[Any] = [] if part is None else [channel, part]
    if "direction" in estimate.dims:
        index.append(0)
    stderr = None if estimate.stderr is None else estimate.stderr[tuple(index)]
    mean = estimate.mean[tuple(index)]
    return _about_mean(mean) if name in _free(result) else mean, stderr, estimate.units


def _free(result: Result) -> tuple[str, ...]:
    """Variables drawn about their sample mean: the density where no sink holds it (its DC mean is NaN)."""
    mean = result.estimates.get("spin_density_mean")
    return ("spin_density",) if mean is not None and np.isnan(mean.mean).any() else ()


def _about_mean(values: Array) -> Array:
    return values - values.mean(axis=-1, keepdims=True)


def _draw_panel(
    axes: Axes,
    result: Result,
    channel: int,
    name: str,
    part: int | None,
    title: str,
    multiple: int,
    lines: Lines | None,
) -> None:
    mean, stderr, units = _select(result, channel, name, part)
    driven = [
        pair
        for pair in columns_of(_of_channel(result.estimates[name], channel))
        if (pair[0] + 1) // 2 == multiple
    ]
    pairs = [pair for pair in driven if np.nan_to_num(mean[pair]).any()]
    scale = axis_power(np.array([mean[pair] for pair in pairs]))
    factor, (metres, _) = 10.0**-scale, length_unit(result)
    x = positions(result, "x").mean * metres
    for pair in pairs:
        look = _look(result, pair)
        axes.plot(x, mean[pair] * factor, **look)
        if stderr is not None:
            low, high = (mean[pair] - stderr[pair]) * factor, (mean[pair] + stderr[pair]) * factor
            axes.fill_between(x, low, high, color=look["color"], alpha=0.25, linewidth=0)
        if name == "spin_current" and part is not None:
            _draw_planes(axes, result, channel, part, pair, factor)
        if lines is not None and (name, part) in lines:
            places, values = lines[name, part]
            axes.plot(places * metres, values[pair] * factor, ":", color="black", linewidth=0.9, zorder=3)
    if not pairs:
        axes.text(0.5, 0.5, "zero", color="0.5", ha="center", va="center", transform=axes.transAxes)
        axes.set_yticks([])
    axes.axhline(0, color="0.8", linewidth=0.5, zorder=0)
    axes.set_ylabel(axis_label(title + " − mean" * (name in _free(result)), units, scale))
    axes.margins(x=0)


def _look(result: Result, pair: tuple[int, int]) -> dict[str, Any]:
    harmonic, component = labels(result, "harmonic")[pair[0]], labels(result, "component")[pair[1]]
    # Circular precession lays x cos upon y sin: a dashed line on top of a solid one shows both.
    style = (0, (4, 2.5)) if harmonic.startswith("sin") else "-"
    name = column_name(harmonic, component)
    zorder = 2.5 if harmonic.startswith("sin") else 2.0
    return {"color": COLOURS[component], "linestyle": style, "label": name, "zorder": zorder}


def _draw_planes(
    axes: Axes, result: Result, channel: int, part: int, pair: tuple[int, int], factor: float
) -> None:
    if "plane_current" not in result.estimates:
        return
    mean, stderr, _ = _select(result, channel, "plane_current", part)
    x = positions(result, "plane").mean * length_unit(result)[0]
    error = None if stderr is None else np.nan_to_num(stderr[pair]) * factor
    look: dict[str, Any] = {
        "color": COLOURS[labels(result, "component")[pair[1]]],
        "markersize": 3,
        "elinewidth": 0.8,
    }
    points = axes.errorbar(x, mean[pair] * factor, yerr=error, fmt="o", capsize=1.5, zorder=4, **look)
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


def _theory_lines(result: Result, problem: Problem, channel: str) -> Lines:
    """Lines of the theory for ℓ ≪ λ: density, local current, Eq. (31), and diffusive current: the total less that."""
    model, scales = problem.model, problem.scales
    assert isinstance(model, Model)
    relaxation = 1 / model.gamma_sf if model.gamma_sf > 0 else math.inf
    medium = Medium.reduced(problem.exchange, relaxation, model.dimension)
    edges = np.linspace(0.0, model.length, model.cells + 1)
    mean, cosine, sine = texture_profile(model, (edges[1:] + edges[:-1]) / 2)
    faces = _face(model, model.left), _face(model, model.right)
    h = model.length / model.cells
    total = diffusion_theory(mean.T, cosine.T, sine.T, h, medium, model.Omega, *faces)
    local = local_theory(texture_profile(model, edges), texture_gradient(model, edges), medium, model.Omega)
    chosen = ["first", "second"] if channel == "sum" else [channel]
    density = np.sum([total[name].density for name in chosen], axis=0) * scales.density
    flux = np.sum([total[name].flux for name in chosen], axis=0) * scales.current
    near = np.sum([local[name] for name in chosen], axis=0) * scales.current
    centres, edges = positions(result, "x").mean, positions(result, "x_edge").mean
    return {
        ("spin_density", 2): (centres, _about_mean(density) if _free(result) else density),
        ("spin_current", 0): (edges, near),
        ("spin_current", 1): (edges, flux - near),
    }


def _face(model: Model, code: int) -> Face:
    return "absorbing" if code == ABSORBING else ("periodic" if code == PERIODIC else "closed")


def _pulse_figure(result: Result, channel: int) -> Figure:
    figure, axes = new_figure(DOUBLE, 100 * MM, 2, 2, sharex=True)
    rows = (("spin_density", "density g"), ("spin_current", "current j"))
    for row, (name, title) in enumerate(rows):
        for part, kind in enumerate(("local", "diffusive")):
            _draw_times(axes[row, part], result, channel, name, part, f"{kind} {title}")
    for column in (0, 1):
        axes[1, column].set_xlabel(f"x [{length_unit(result)[1]}]")
    axes[0, 1].legend(title=f"t [{times_of(result)[1]}]", title_fontsize=7)
    figure.align_ylabels()
    return figure


def _draw_times(axes: Axes, result: Result, channel: int, name: str, part: int, title: str) -> None:
    import matplotlib as mpl

    mean, stderr, units = _select(result, channel, name, part)
    density = np.abs(result.estimates["spin_density"].mean[channel])
    component = int(np.argmax(density.max(axis=(0, 1, 3))))
    scale = axis_power(mean[:, component])
    x, (times, _) = positions(result, "x").mean * length_unit(result)[0], times_of(result)
    # Six bins tell the story, early ones more of it than late ones.
    bins = np.unique(np.rint(np.geomspace(1, mean.shape[0], 6)).astype(int) - 1)
    for index, colour in zip(bins, mpl.colormaps["viridis"](np.linspace(0, 0.9, bins.size)), strict=True):
        values = mean[index, component] * 10.0**-scale
        axes.plot(x, values, color=colour, label=f"{times[index]:.3g} … {times[index + 1]:.3g}")
        if stderr is not None:
            error = stderr[index, component] * 10.0**-scale
            axes.fill_between(x, values - error, values + error, color=colour, alpha=0.25, linewidth=0)
    axes.set_ylabel(axis_label(f"{title}, {labels(result, 'component')[component]}", units, scale))
    axes.margins(x=0)
