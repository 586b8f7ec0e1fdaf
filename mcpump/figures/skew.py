"""Charge current of skew scattering in a stack, beside the inverse spin Hall formula with the same spin current."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mcpump.errors import InputError
from mcpump.figures.style import (
    DOUBLE,
    MM,
    SINGLE,
    axis_label,
    axis_power,
    draw_band,
    draw_layers,
    draw_zero,
    drawing,
    length_unit,
    new_figure,
)
from mcpump.report.words import column_name, headline_of, labels, positions
from mcpump.tally.estimates import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_PARTS = (("local", "#0072B2", "-"), ("diffusive", "#D55E00", (0, (4, 2))), ("total", "#000000", "-"))


def skew_figure(results: Sequence[Result], harmonic: str | None = None) -> Figure:
    """Charge that skew scattering makes of the local, the diffusive and the total spin current, one panel a run.

    Parameters
    ----------
    results : sequence of Result
        Runs with [spin_orbit.skew].
    harmonic : str, optional
        Harmonic to draw; by default DC where anything is there, else the largest.

    Returns
    -------
    matplotlib.figure.Figure
        Bands are ± one standard error. Dotted: the inverse spin Hall formula with the total spin current.

    Raises
    ------
    InputError
        If a run has no such harmonic.
    """
    with drawing():
        figure, panels = new_figure(
            SINGLE if len(results) == 1 else DOUBLE, 62 * MM, 1, len(results), squeeze=False
        )
        for number, (axes, result) in enumerate(zip(panels[0], results, strict=True), 1):
            _draw(axes, result, harmonic)
            axes.set_label(str(number))
        handles, names = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper left", ncols=2)
        return figure


def _draw(axes: Axes, result: Result, harmonic: str | None) -> None:
    """One run."""
    names = labels(result, "harmonic")
    if harmonic is not None and harmonic not in names:
        raise InputError(f'harmonic "{harmonic}" is not in {result.name}, which has {", ".join(names)}')
    channel = headline_of(result).channel
    skew, formula = (
        result.estimates[name].sel(channel=channel) for name in ("skew_current", "inverse_spin_hall_current")
    )
    total = skew.sel(part="total")
    dc = total.sel(harmonic="dc").largest()
    where = total.largest() if harmonic is None and not np.any(dc.mean) else dc
    if harmonic is not None:
        where = total.sel(harmonic=harmonic).largest()
    here = {"harmonic": harmonic or where.coords.get("harmonic", "dc")}
    here["charge_direction"] = where.coords["charge_direction"]
    metres, unit = length_unit(result)
    x, other = positions(result, "x").mean * metres, formula.sel(part="total", **here)
    scale = axis_power(np.concatenate([total.sel(**here).mean, other.mean]))
    for part, colour, style in _PARTS:
        one = skew.sel(part=part, **here)
        mean, error = one.mean * 10.0**-scale, np.nan_to_num(one.error) * 10.0**-scale
        draw_band(axes, x, mean, error, color=colour, linestyle=style, label=f"skew scattering, {part}")
    axes.plot(
        x, other.mean * 10.0**-scale, ":", color="#CC79A7", linewidth=1.4, label="formula, total spin current"
    )
    draw_zero(axes)
    axes.margins(x=0)
    draw_layers(axes, result)
    axes.set_xlabel(f"x [{unit}]")
    name = column_name(here["harmonic"], here["charge_direction"])
    axes.set_ylabel(axis_label(f"charge current, {channel}\n{name}", skew.units, scale))
