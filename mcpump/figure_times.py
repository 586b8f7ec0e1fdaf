"""A transient against time: currents in x and t, and through the planes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from mcpump.errors import InputError
from mcpump.estimates import Result
from mcpump.figure_style import (
    DOUBLE,
    MM,
    SEQUENCE,
    STYLE,
    axis_label,
    axis_power,
    chosen_channel,
    chosen_pair,
    length_unit,
    new_figure,
)
from mcpump.report_text import labels, mesh_axes, plane_places, times_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PARTS = ("local", "diffusive")


def time_figure(result: Result, channel: str | None = None, component: str | None = None) -> Figure:
    """Spin current of a transient: maps in x and t (meshes along x alone), and currents through planes against time.

    Parameters
    ----------
    result : Result
        A run in time bins.
    channel : str, optional
        Channel; by default `sum` if there is one, else the last.
    component : str, optional
        Component of the spin; by default that whose diffusive current is largest in the last time bin.

    Returns
    -------
    matplotlib.figure.Figure
        Local part left, diffusive right; one row of maps, one of planes' currents with ± one standard error.

    Raises
    ------
    InputError
        If the run is not in time bins, or has neither planes nor a mesh along x alone.
    """
    import matplotlib as mpl

    if "time" not in result.coords:
        raise InputError(f"{result.name} is periodic: it has no time bins to draw against")
    drawers = [_draw_map] if len(mesh_axes(result)) == 1 else []
    if "plane_current" in result.estimates:
        drawers.append(_draw_planes)
    if not drawers:
        raise InputError(f"{result.name} has no planes: nothing to draw against time")
    row, words = chosen_channel(result, channel)
    _, spin = chosen_pair(result, result.estimates["spin_current"], row, component, None)
    with mpl.rc_context(STYLE):
        figure, panels = new_figure(DOUBLE, (60 * len(drawers) + 8) * MM, len(drawers), 2, squeeze=False)
        for axes, draw in zip(panels, drawers, strict=True):
            for part in range(2):
                draw(axes[part], result, row, part, spin)
        name = labels(result, "component")[spin]
        figure.suptitle(f"{result.name}, {words}, spin {name}", x=0.01, ha="left", fontsize=7)
        return figure


def _draw_map(axes: Axes, result: Result, channel: int, part: int, component: int) -> None:
    current, (times, unit), (factor, length) = (
        result.estimates["spin_current"],
        times_of(result),
        length_unit(result),
    )
    values = current.mean[channel, part, 0, :, component]
    scale = axis_power(values)
    edges = result.coords["x_edge"]
    largest = float(np.nan_to_num(np.abs(values)).max()) * 10.0**-scale or 1.0
    look: dict[str, Any] = {"cmap": "RdBu_r", "vmin": -largest, "vmax": largest, "rasterized": True}
    mesh = axes.pcolormesh(edges.mean * factor, times, values * 10.0**-scale, **look)  # type: ignore[union-attr]
    bar = axes.figure.colorbar(mesh, ax=axes, pad=0.02, aspect=25)
    bar.outline.set_linewidth(0.6)  # type: ignore[operator]
    axes.set_title(axis_label(f"{_PARTS[part]} current along x", current.units, scale), loc="left")
    axes.set_xlabel(f"x [{length}]")
    axes.set_ylabel(f"t [{unit}]")


def _draw_planes(axes: Axes, result: Result, channel: int, part: int, component: int) -> None:
    current, (times, unit) = result.estimates["plane_current"], times_of(result)
    values = current.mean[channel, part, 0, :, component]
    errors = (
        np.zeros_like(values) if current.stderr is None else current.stderr[channel, part, 0, :, component]
    )
    scale = axis_power(values)
    middles = (times[1:] + times[:-1]) / 2
    for plane, where in enumerate(plane_places(result)):
        mean, error = values[:, plane] * 10.0**-scale, np.nan_to_num(errors[:, plane]) * 10.0**-scale
        if not mean.any():
            continue  # a closed face
        colour, style = SEQUENCE[plane % len(SEQUENCE)], ("-", "--", ":", "-.")[plane % 4]
        axes.plot(middles, mean, color=colour, linestyle=style, label=f"x = {where}")
        axes.fill_between(middles, mean - error, mean + error, color=colour, alpha=0.25, linewidth=0)
    axes.axhline(0, color="0.8", linewidth=0.5, zorder=0)
    axes.set_xlim(times[0], times[-1])
    axes.set_xlabel(f"t [{unit}]")
    axes.set_ylabel(axis_label(f"{_PARTS[part]} current through plane", current.units, scale))
    if axes.lines[:-1]:
        axes.legend()
