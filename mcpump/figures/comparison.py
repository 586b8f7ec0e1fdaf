"""A run beside the solution without walkers: a profile along x, and all deviations in standard errors."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mcpump.errors import InputError
from mcpump.figures.style import (
    DOUBLE,
    MM,
    axis_label,
    axis_power,
    chosen_channel,
    chosen_column,
    draw_zero,
    drawing,
    length_unit,
    line_colour,
    new_figure,
)
from mcpump.names import PARTS
from mcpump.report.comparison import solved_beside
from mcpump.report.words import column_of, labels, mesh_axes, positions
from mcpump.tally.estimates import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LARGEST = 5.0
"""Deviations are drawn to so many standard errors at least."""


def comparison_figure(result: Result, channel: str | None = None) -> Figure:
    """Spin current along x of a run, on the lines of the solution without walkers, and the deviations of every profile.

    Parameters
    ----------
    result : Result
        A run along x.
    channel : str, optional
        Whose current is drawn; by default that of the table.

    Returns
    -------
    Figure

    Raises
    ------
    InputError
        If the run has no solution without walkers.
    """
    if "time" in result.coords or len(mesh_axes(result)) > 1:
        raise InputError(f"{result.name} has no solution without walkers")
    solved = solved_beside(result)
    with drawing():
        figure, (left, right) = new_figure(DOUBLE, 62 * MM, 1, 2, width_ratios=(3, 2))
        _draw_profile(left, result, solved, channel)
        _draw_deviations(right, result, solved)
        return figure


def _draw_profile(axes: Axes, result: Result, solved: Result, channel: str | None) -> None:
    """Points of the run with ± one standard error, lines of the solution; local, diffusive, total."""
    about = chosen_channel(result, channel)
    whole = result.estimates["spin_current"].sel(direction="x", channel=about.channel)
    column = chosen_column(result, whole, None, None)
    factor, unit = length_unit(result)
    x = positions(result, "x").mean * factor
    exact = solved.estimates["spin_current"].sel(direction="x", channel=about.channel, **column)
    power = axis_power(exact.mean)
    scale = 10.0**-power
    draw_zero(axes)
    for part, color in zip(PARTS, map(line_colour, range(3)), strict=True):
        run, line = (one.sel(part=part, **({} if one is exact else column)) for one in (whole, exact))
        axes.plot(x, line.mean * scale, color=color, label=part)
        axes.errorbar(
            x, run.mean * scale, yerr=run.error * scale, fmt=".", markersize=2.5, elinewidth=0.6, color=color,
        )  # fmt: skip
    axes.set_xlabel(f"x [{unit}]")
    axes.set_ylabel(axis_label(f"spin current, {column_of(result, column)}", whole.units, power))
    axes.set_title(f"{result.name}, {about.marked}: run (points), without walkers (lines)")
    axes.legend()


def _draw_deviations(axes: Axes, result: Result, solved: Result) -> None:
    """Deviations of the total density, torque and current in every cell and at every plane, by channel."""
    largest = _LARGEST
    channels = [name for name in labels(result, "channel") if name != "sum"]
    for row, name in enumerate(channels):
        found = []
        for key in ("spin_density", "torque", "plane_current"):
            if key not in result.estimates:
                continue
            run, exact = (one.estimates[key].sel(channel=name, part="total") for one in (result, solved))
            error = np.hypot(run.error, exact.error)
            size = np.nan_to_num(np.abs(exact.mean)).max(initial=0.0)
            known = (error > 1e-9 * size) & np.isfinite(run.mean - exact.mean)
            found.append(((run.mean - exact.mean)[known] / error[known]).ravel())
        all_of_it = np.concatenate(found)
        if not all_of_it.size:
            continue
        spread = np.linspace(-0.3, 0.3, all_of_it.size)
        axes.plot(all_of_it, row + spread, ".", markersize=1.5, color=line_colour(row))
        rms = float(np.sqrt(np.mean(all_of_it**2)))
        axes.annotate(
            f"rms {rms:.2f} of {all_of_it.size}", (0.98, row + 0.34), xycoords=("axes fraction", "data"), ha="right",
            va="bottom",
        )  # fmt: skip
        largest = max(largest, float(np.abs(all_of_it).max()))
    axes.axvspan(-1.0, 1.0, color="0.92", zorder=0)
    axes.axvspan(-2.0, 2.0, color="0.96", zorder=-1)
    axes.set(
        xlim=(-1.05 * largest, 1.05 * largest), ylim=(-0.5, len(channels) - 0.3), yticks=range(len(channels))
    )
    axes.set_yticklabels([name.replace("_", " ") for name in channels])
    axes.set_xlabel("(run − without walkers) / standard error")
    axes.set_title("density, torque, currents through planes")
