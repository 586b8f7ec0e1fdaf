"""The convergence figure: standard errors against the number of walkers, and what an error costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mcpump.errors import InputError
from mcpump.figures.style import (
    MM,
    SINGLE,
    chosen_channel,
    chosen_column,
    draw_points,
    drawing,
    few_ticks,
    new_figure,
    scale_parameter,
)
from mcpump.names import PARTS
from mcpump.report.words import at_plane, column_of, plane_current, pretty
from mcpump.tally.estimates import Estimate, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_LOOKS = {"local": ("o", "#0072B2"), "diffusive": ("s", "#D55E00"), "total": ("^", "#009E73")}


class ErrorPoint(NamedTuple):
    """Error of one number in one run."""

    walkers: int
    relative_error: float
    merit: float
    """Figure of merit, 1/(relative error² × core seconds) [1/s]; NaN where the time is not known."""


class Convergence(NamedTuple):
    """Errors of the spin current through one plane, over several runs."""

    what: str
    """Which current."""
    parts: dict[str, list[ErrorPoint]]
    """Part → points by the number of walkers; parts that vanish, or are known without walkers, are absent."""


def convergence_points(
    results: Sequence[Result],
    channel: str | None = None,
    component: str | None = None,
    harmonic: str | None = None,
) -> Convergence:
    """Relative standard errors of the current through the plane where it is largest.

    Parameters
    ----------
    results : sequence of Result
        Runs of one deck with different numbers of walkers.
    channel, component, harmonic : str, optional
        Which current; by default the channel of the table, and what is largest, DC first.

    Returns
    -------
    Convergence

    Raises
    ------
    InputError
        If a run has no planes, no walkers or no errors, or the runs differ in more than their walkers.
    """
    ordered = sorted(results, key=lambda result: result.walkers)
    for result in ordered:
        if result.solved:
            raise InputError(f"{result.name} is solved without walkers: its errors do not depend on them")
        if "plane_current" not in result.estimates:
            raise InputError(f"{result.name} has no plane through which a current flows: give results.planes")
        if result.estimates["plane_current"].mean.shape != ordered[0].estimates["plane_current"].mean.shape:
            raise InputError(f"{result.name} has other channels or planes than {ordered[0].name}")
    most = ordered[-1]
    about = chosen_channel(most, channel)
    current = plane_current(most).sel(channel=about.channel)
    column = chosen_column(most, current, component, harmonic)
    x = current.sel(part="total", **column).largest().coords["plane"]
    parts: dict[str, list[ErrorPoint]] = {}
    # where first flights are worked out, the local part's error does not depend on walkers
    for part in PARTS[1:] if "profiles" in most.groundwork else PARTS:
        here = {"channel": about.channel, "part": part, "plane": x, **column}
        points = [_point(result, plane_current(result).sel(**here)) for result in ordered]
        if known := [point for point in points if point is not None]:
            parts[part] = known
    if not parts:
        raise InputError(
            f"{most.name} has no errors to show: they need 16 blocks, and a current that is not 0"
        )
    what = f"{about.marked}, {column_of(most, column)}, {at_plane(most, x)}"
    return Convergence(what, parts)


def _point(result: Result, one: Estimate) -> ErrorPoint | None:
    """Error of one number, if it has one."""
    if not abs(one.mean) > 0.0 or not one.error > 0.0:
        return None
    known = result.provenance
    seconds = float(known.get("wall_time_s", math.nan)) * known.get("threads", 1) * known.get("ranks", 1)
    error = float(one.error) / abs(float(one.mean))
    return ErrorPoint(result.walkers, error, 1.0 / (error * error * seconds) if seconds > 0.0 else math.nan)


def convergence_figure(convergence: Convergence) -> Figure:
    """Errors against walkers on the N^−1/2 law, and the figure of merit, which is level where the law holds.

    Parameters
    ----------
    convergence : Convergence
        From `convergence_points`.

    Returns
    -------
    matplotlib.figure.Figure
        Above: relative errors of the local, diffusive and total current; lines: the law through the last points. Below:
        1/(relative error² × core seconds), where the files know their time.
    """
    with drawing():
        figure, (top, bottom) = new_figure(
            SINGLE, 95 * MM, 2, 1, sharex=True, gridspec_kw={"height_ratios": [3, 2]}
        )
        top.set_label("errors")
        bottom.set_label("merit")
        for part, points in convergence.parts.items():
            _draw(top, bottom, part, points)
        top.plot([], [], "--", color="0.5", linewidth=0.8, label=r"N$^{-1/2}$")
        top.set(xscale="log", yscale="log", ylabel="relative standard error")
        top.set_title(pretty(convergence.what), loc="left")
        top.legend()
        merit = "figure of merit\n1/(error² × core time) [1/s]"
        bottom.set(yscale="log", xlabel="walkers N", ylabel=merit)
        walkers = [point.walkers for points in convergence.parts.values() for point in points]
        scale_parameter(bottom, walkers, logarithmic=True)
        few_ticks(top.yaxis)
        few_ticks(bottom.yaxis)
        low, high = bottom.get_ylim()
        bottom.set_ylim(low / 2.0, high * 2.0)  # what is level looks level
        figure.align_ylabels()
        return figure


def _draw(top: Axes, bottom: Axes, part: str, points: Sequence[ErrorPoint]) -> None:
    marker, colour = _LOOKS[part]
    n = np.array([point.walkers for point in points], dtype=float)
    errors = np.array([point.relative_error for point in points])
    draw_points(top, n, errors, None, marker, color=colour, label=part)
    top.plot(n, errors[-1] * np.sqrt(n[-1] / n), "--", color=colour, linewidth=0.8, zorder=1)
    draw_points(bottom, n, [point.merit for point in points], None, marker, color=colour)
