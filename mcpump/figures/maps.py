"""Maps of a run in two or three dimensions: densities in colour with the texture, currents as stream lines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
    draw_layers,
    drawing,
    length_unit,
    new_figure,
)
from mcpump.report.words import Column, column_of, mesh_axes, place, positions
from mcpump.tally.estimates import Estimate, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

ARROWS = 14
"""Arrows of the texture along the longer side at most."""
LONG = 4.0
"""Longer samples are not drawn to scale."""
VAGUE = 2.0
"""Stream lines end where the current is smaller than so many of its errors."""
_HEAD_AND_FOOT = 24 * MM


def map_figure(
    result: Result,
    channel: str | None = None,
    component: str | None = None,
    harmonic: str | None = None,
    time: int = -1,
) -> Figure:
    """Maps of the density and the current of one spin component, local and diffusive side by side.

    Parameters
    ----------
    result : Result
        A run on a mesh in x and y, or in x, y and z, of which the middle layer of cells along z is drawn.
    channel : str, optional
        Channel; by default that of the table.
    component, harmonic : str, optional
        Component of the spin ("x", "y", "z") and harmonic ("dc", "cos1", …); by default DC, if anything is driven
        at it, and the component whose diffusive current is largest.
    time : int
        Number of the time bin of a transient; the last by default.

    Returns
    -------
    matplotlib.figure.Figure
        Above, density in colours from blue (negative) to red, with the mean texture's x and y components as arrows (the
        spot of an arrow without length: along z); below, the current: stream lines, wide where it is large, and its
        magnitude in blues. Every panel has a scale of its own. No stream lines where the current is lost in its errors.

    Raises
    ------
    InputError
        If the run has one direction only, or has no such channel, component or harmonic.
    """
    axes = mesh_axes(result)
    if len(axes) == 1:
        raise InputError(f"{result.name} varies along x only: a map needs a mesh in x and y")
    about = chosen_channel(result, channel)
    density, current = (
        result.estimates[f"spin_{name}"].sel(channel=about.channel) for name in ("density", "current")
    )
    column = chosen_column(result, current, component, harmonic, time)
    edges = [positions(result, f"{axis}_edge").mean * length_unit(result)[0] for axis in axes]
    ratio = float(edges[1][-1] / edges[0][-1])
    height = 2.0 * min(max(ratio, 0.2), 1.4) * 62 * MM + _HEAD_AND_FOOT
    with drawing():
        figure, panels = new_figure(DOUBLE, height, 2, 2, sharex=True, sharey=True)
        for (top, bottom), part in zip(panels.T, ("local", "diffusive"), strict=True):
            g = density.sel(part=part, **column)
            j = [current.sel(part=part, direction=axis, **column) for axis in axes[:2]]
            top.set_label(f"{part}-density")
            bottom.set_label(f"{part}-current")
            _draw_density(top, edges, _layer(g.mean), f"{part} density g", g.units)
            _draw_texture(top, edges, _texture(result, column))
            _draw_current(bottom, edges, j, f"{part} current |j|")
        for panel in panels.flat:
            draw_layers(panel, result, named=panel in panels[0], over=PALE)
        _name_axes(panels, length_unit(result)[1])
        title = f"{result.name}, {about.marked}, {column_of(result, column)}{_height(result)}"
        figure.suptitle(title, x=0.01, ha="left", fontsize=7)
        return figure


def _layer(values: Array) -> Array:
    """(x, y) of a map; the middle layer of (x, y, z)."""
    return values if values.ndim == 2 else values[:, :, values.shape[2] // 2]


def _height(result: Result) -> str:
    if "z" not in result.coords:
        return ""
    z = positions(result, "z")
    return f", z = {place(float(z.mean[z.mean.size // 2]), z.units)}"


def _draw_density(axes: Axes, edges: list[Array], g: Array, title: str, units: str) -> None:
    scale = axis_power(g)
    largest = float(np.nan_to_num(np.abs(g)).max()) * 10.0**-scale or 1.0
    mesh = axes.pcolormesh(
        edges[0], edges[1], g.T * 10.0**-scale, cmap="RdBu_r", vmin=-largest, vmax=largest, rasterized=True
    )
    _colour_bar(axes, mesh, axis_label(title, units, scale))


def _texture(result: Result, column: Column) -> Array:
    """(x and y component, x, y) of the texture: its mean over a period, or that in a time bin."""
    own = result.estimates["magnetization"]
    mean = own.sel(time=column["time"]) if own.clock == "time" else own.sel(harmonic="dc")
    return np.array([_layer(mean.sel(component=one).mean) for one in ("x", "y")])


def _draw_texture(axes: Axes, edges: list[Array], S: Array) -> None:
    step = -(-max(S.shape[1:]) // ARROWS)
    x, y = ((edge[1:] + edge[:-1])[step // 2 :: step] / 2 for edge in edges[:2])
    shown = S[:, step // 2 :: step, step // 2 :: step]
    spacing = step * min(float(edge[1] - edge[0]) for edge in edges[:2])
    axes.quiver(
        x, y, shown[0].T, shown[1].T, angles="xy", scale_units="xy", scale=1.0 / (0.9 * spacing), pivot="mid",
        color="0.25", width=0.0035, headwidth=4, headlength=4.5, headaxislength=4, minlength=0.4,
    )  # fmt: skip


def _draw_current(axes: Axes, edges: list[Array], along: list[Estimate], title: str) -> None:
    j, error = (
        np.array([_layer(part) for part in parts])
        for parts in zip(*((e.mean, e.error) for e in along), strict=True)
    )
    size = np.hypot(*j)
    scale = axis_power(size)
    largest = float(np.nan_to_num(size).max()) * 10.0**-scale or 1.0
    mesh = axes.pcolormesh(
        edges[0], edges[1], size.T * 10.0**-scale, cmap=_pale_blues(), vmin=0.0, vmax=largest, rasterized=True
    )
    _colour_bar(axes, mesh, axis_label(title, along[0].units, scale))
    clear = size > VAGUE * np.nan_to_num(np.hypot(*error))
    if np.any(clear):
        _draw_stream(axes, edges, np.where(clear, j, np.nan), size / np.nanmax(size))
    axes.set(xlim=(edges[0][0], edges[0][-1]), ylim=(edges[1][0], edges[1][-1]))


def _draw_stream(axes: Axes, edges: list[Array], j: Array, share: Array) -> None:
    # evenly spaced to rounding, as streamplot asks for
    x, y = (np.linspace((e[0] + e[1]) / 2, (e[-2] + e[-1]) / 2, e.size - 1) for e in edges[:2])
    if min(x.size, y.size) < 2:
        return
    widths = 0.3 + 1.2 * np.sqrt(np.nan_to_num(share)).T
    axes.streamplot(x, y, j[0].T, j[1].T, density=1.1, color="0.1", linewidth=widths, arrowsize=0.7)


def _colour_bar(axes: Axes, mesh: Any, title: str) -> None:
    add_colour_bar(axes, mesh)
    axes.set_title(title, loc="left")
    ends = axes.dataLim.size
    axes.set_aspect("equal" if max(ends) <= LONG * min(ends) else "auto")


def _pale_blues() -> Colormap:
    """Blues that dark arrows stand out on."""
    import matplotlib as mpl
    from matplotlib.colors import ListedColormap

    return ListedColormap(mpl.colormaps["Blues"](np.linspace(0.0, 0.62, 256)))


def _name_axes(panels: Any, unit: str) -> None:
    for axes in panels[-1]:
        axes.set_xlabel(f"x [{unit}]")
    for axes in panels[:, 0]:
        axes.set_ylabel(f"y [{unit}]")
