"""Figures in time, one period or a transient: currents in x and t, and through the planes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mcpump.errors import InputError
from mcpump.figures.style import (
    DOUBLE,
    MM,
    PALE,
    Array,
    add_colour_bar,
    axis_label,
    axis_power,
    chosen_channel,
    chosen_column,
    draw_band,
    draw_layers,
    draw_zero,
    drawing,
    length_unit,
    line_colour,
    new_figure,
)
from mcpump.report.words import (
    Column,
    at_plane,
    labels,
    largest_in,
    mesh_axes,
    plane_current,
    positions,
    times_of,
)
from mcpump.tally.estimates import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_TIMES = 96
"""Times of a period that are drawn."""


class _Course(NamedTuple):
    """A current against time."""

    times: Array
    """Where the values are."""
    edges: Array
    """Edges of the intervals between which they stand."""
    unit: str


def time_figure(result: Result, channel: str | None = None, component: str | None = None) -> Figure:
    """Spin current in time: maps in x and t (meshes along x alone), and currents through planes against time.

    Parameters
    ----------
    result : Result
        A run in time bins, or one in harmonics, whose sum is drawn over one period.
    channel : str, optional
        Channel; by default that of the table.
    component : str, optional
        Component of the spin; by default that whose diffusive current is largest in the last time bin, or swings most.

    Returns
    -------
    matplotlib.figure.Figure
        Local part left, diffusive right; one row of maps, one of planes' currents with ± one standard error (harmonics
        taken as independent).

    Raises
    ------
    InputError
        If the run keeps neither time bins nor a harmonic, or has neither planes nor a mesh along x alone.
    """
    course = _course(result)
    drawers = [_draw_map] if len(mesh_axes(result)) == 1 else []
    if "plane_current" in result.estimates:
        drawers.append(_draw_planes)
    if not drawers:
        raise InputError(f"{result.name} has no planes: nothing to draw against time")
    about = chosen_channel(result, channel)
    spin = _component(result, about.channel, component)
    with drawing():
        figure, panels = new_figure(DOUBLE, (60 * len(drawers) + 8) * MM, len(drawers), 2, squeeze=False)
        for axes, draw in zip(panels, drawers, strict=True):
            for one, part in zip(axes, ("local", "diffusive"), strict=True):
                one.set_label(f"{part}-{'map' if draw is _draw_map else 'planes'}")
                draw(one, result, course, {"channel": about.channel, "part": part, "component": spin})
        figure.suptitle(f"{result.name}, {about.marked}, spin {spin}", x=0.01, ha="left", fontsize=7)
        return figure


def _course(result: Result) -> _Course:
    """Times to draw at."""
    if "time" in result.coords:
        edges, unit = times_of(result)
        return _Course((edges[1:] + edges[:-1]) / 2, edges, unit)
    if len(labels(result, "harmonic")) < 2:
        raise InputError(f"{result.name} keeps no harmonic (results.harmonics): nothing to draw against time")
    edges = np.linspace(0.0, 1.0, _TIMES + 1)
    return _Course((edges[1:] + edges[:-1]) / 2, edges, "2π/Ω")


def _component(result: Result, channel: str, component: str | None) -> str:
    """Component to draw."""
    current = result.estimates["spin_current"].sel(channel=channel)
    chosen = chosen_column(result, current, component, None)["component"]
    if component is not None or current.clock == "time":
        return str(chosen)
    diffusive = current.sel(part="diffusive")
    harmonics: list[Column] = [{"harmonic": name} for name in labels(result, "harmonic")[1:]]
    sizes = {
        name: abs(float(largest_in(diffusive.sel(component=name), harmonics).mean))
        for name in labels(result, "component")
    }
    swinging = max(sizes, key=sizes.__getitem__)
    return swinging if sizes[swinging] > 0.0 else str(chosen)


def _in_time(result: Result, course: _Course, values: Array, errors: bool = False) -> Array:
    """(clock, …) → (time, …): as it is for time bins; harmonics are added, errors as if they agreed."""
    if "time" in result.coords:
        return values
    phase = 2.0 * np.pi * course.times
    waves = [np.ones_like(phase)]
    for n in range(1, (len(values) + 1) // 2):
        waves += [np.cos(n * phase), np.sin(n * phase)]
    matrix = np.array(waves).T
    if errors:
        matrix = np.abs(matrix)
    return np.asarray(np.tensordot(matrix, values, 1))


def _draw_map(axes: Axes, result: Result, course: _Course, where: Column) -> None:
    current, (factor, length) = result.estimates["spin_current"], length_unit(result)
    values = _in_time(result, course, current.sel(direction="x", **where).mean)
    scale = axis_power(values)
    edges = positions(result, "x_edge").mean * factor
    largest = float(np.nan_to_num(np.abs(values)).max()) * 10.0**-scale or 1.0
    look: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest, "rasterized": True}
    add_colour_bar(axes, axes.pcolormesh(edges, course.edges, values * 10.0**-scale, **look))
    axes.set_title(axis_label(f"{where['part']} current along x", current.units, scale), loc="left")
    draw_layers(axes, result, over=PALE)
    axes.set_xlabel(f"x [{length}]")
    axes.set_ylabel(f"t [{course.unit}]")


def _draw_planes(axes: Axes, result: Result, course: _Course, where: Column) -> None:
    current = plane_current(result).sel(**where)
    values = _in_time(result, course, current.mean)
    errors = _in_time(result, course, current.error, errors=True)
    scale = axis_power(values)
    for plane, x in enumerate(current.places("plane")):
        mean, error = values[:, plane] * 10.0**-scale, np.nan_to_num(errors[:, plane]) * 10.0**-scale
        if not mean.any():
            continue  # a closed face
        shade, style = line_colour(plane), ("-", "--", ":", "-.")[plane % 4]
        label = at_plane(result, x)
        draw_band(axes, course.times, mean, error, color=shade, linestyle=style, label=label)
    draw_zero(axes)
    axes.set_xlim(course.edges[0], course.edges[-1])
    axes.set_xlabel(f"t [{course.unit}]")
    axes.set_ylabel(axis_label(f"{where['part']}, through planes", current.units, scale))
    if axes.lines[:-1]:
        axes.legend(loc="lower left", bbox_to_anchor=(-0.02, 0.98), ncols=4, borderpad=0.2, columnspacing=0.9)
