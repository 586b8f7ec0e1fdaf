"""What all figures share: sizes, colours, labels, and the choice of what is drawn.

Sized for print: 85 or 170 mm wide, text of 7 points, colours that colour-blind readers tell apart (Okabe and Ito),
and no dependence on a screen. matplotlib is imported when a figure is asked for, not before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcpump.errors import InputError
from mcpump.problem.headline import Headline
from mcpump.report.words import Column, exchange_of, headline_of, labels, positions, power_of_ten, pretty
from mcpump.tally.estimates import NOTHING, Estimate, Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MM = 1 / 25.4
"""One millimetre [inch]."""
SINGLE, DOUBLE = 85 * MM, 170 * MM
"""Widths of one and of two columns of a journal [inch]."""
COLOURS = {"x": "#0072B2", "y": "#D55E00", "z": "#009E73"}
"""Components of the spin: blue, vermilion, green."""
SEQUENCE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours of lines that are no components."""

STYLE: Any = {
    "font.size": 7,
    "axes.labelsize": 7,
    "axes.titlesize": 7,
    "legend.fontsize": 7,
    "xtick.labelsize": 7,
    "ytick.labelsize": 7,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.0,
    "legend.frameon": False,
    "figure.dpi": 200,
}
"""matplotlib's settings for every figure."""
Array = NDArray[np.float64]


def new_figure(width: float, height: float, rows: int, columns: int, **options: Any) -> tuple[Figure, Any]:
    """Figure [inch] with rows × columns of axes."""
    # A Figure made without pyplot belongs to no window system: nothing to choose, nothing to close.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


def few_ticks(axis: Any) -> None:
    """Label 1, 2, 5, 10 … on a logarithmic axis of a decade or two, not everything between."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    def text(value: float, _: int | None = None) -> str:
        if 1e-3 <= value < 1e5:
            return f"{value:g}"
        power = math.floor(math.log10(value) + 1e-9)
        return pretty(f"{value / 10.0**power:.3g}·10^{power}".removeprefix("1·"))

    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(FuncFormatter(text))
    axis.set_minor_formatter(NullFormatter())


def axis_power(values: Array) -> int:
    """Power of ten to take out of an axis: none where the numbers read well as they are."""
    largest = float(np.nan_to_num(np.abs(values)).max(initial=0.0))
    return 0 if 0.1 <= largest < 1000 else power_of_ten(values)


def axis_label(title: str, units: str, scale: int) -> str:
    """Title with its unit and the power of ten taken out."""
    power = pretty(f"10^{scale} ") if scale else ""
    unit = (power + pretty(units) * (units != "1")).strip()
    return f"{title} [{unit}]" if unit else title


def length_unit(result: Result) -> tuple[float, str]:
    """Factor and unit in which lengths are drawn."""
    units = positions(result, "x").units
    return (1e9, "nm") if units == "m" else (1.0, pretty(units))


def chosen_channel(result: Result, channel: str | None) -> Headline:
    """Channel to draw, and what to say of it; that of the reports where none is named."""
    if channel is None:
        return headline_of(result)
    return Headline(_checked(result, "channel", channel), exchange_of(result))


def chosen_column(
    result: Result, estimate: Estimate, component: str | None, harmonic: str | None, time: int = -1
) -> Column:
    """Harmonic or time bin, and component, to draw of one channel of an estimate.

    Where none is named: DC if anything is driven at it, else the largest harmonic, and the largest component of the
    diffusive part there; of a transient the bin `time`.
    """
    diffusive, clock = estimate.sel(part="diffusive"), estimate.clock
    here: Column
    if clock == "time":
        times = estimate.places("time")
        if not -len(times) <= time < len(times):
            raise InputError(f"time bin {time} is not among the {len(times)} of {result.name}")
        here = {clock: float(times[time])}
    elif harmonic is not None:
        here = {clock: _checked(result, "harmonic", harmonic)}
    else:
        largest, dc = diffusive.largest(), diffusive.sel(harmonic="dc").largest()
        there = abs(dc.mean) > NOTHING * abs(largest.mean)
        here = {clock: (dc if there else largest).coords["harmonic"]}
    if component is None:
        component = diffusive.sel(**here).largest().coords["component"]
    return here | {"component": _checked(result, "component", component)}


def _checked(result: Result, axis: str, name: str) -> str:
    names = labels(result, axis)
    if name not in names:
        raise InputError(f'{axis} "{name}" is not in {result.name}, which has {", ".join(names)}')
    return name


def draw_band(axes: Axes, x: Array, mean: Array, error: Array, **look: Any) -> None:
    """Line with a band of ± one standard error."""
    axes.plot(x, mean, **look)
    axes.fill_between(x, mean - error, mean + error, color=look["color"], alpha=0.25, linewidth=0)


def draw_zero(axes: Axes) -> None:
    """Thin line at 0."""
    axes.axhline(0, color="0.8", linewidth=0.5, zorder=0)


def draw_points(
    axes: Axes, x: ArrayLike, y: ArrayLike, error: ArrayLike | None, marker: str, **look: Any
) -> None:
    """Points against a parameter, with error bars where there are errors."""
    if error is None:
        axes.plot(x, y, marker, markersize=3.5, **look)
    else:
        axes.errorbar(x, y, yerr=error, fmt=marker, markersize=3.5, capsize=2, elinewidth=0.8, **look)


def scale_parameter(axes: Axes, x: Sequence[float], logarithmic: bool) -> None:
    """Scale of the axis of a parameter, with ticks that can be read."""
    if logarithmic:
        axes.set_xscale("log")
        if max(x) < 100.0 * min(x):
            few_ticks(axes.xaxis)


def add_colour_bar(axes: Axes, mesh: Any) -> None:
    """Colour bar beside a map."""
    bar = axes.figure.colorbar(mesh, ax=axes, pad=0.02, aspect=25)
    bar.outline.set_linewidth(0.6)  # type: ignore[operator]
