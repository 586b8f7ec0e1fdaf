"""What all figures share: sizes, colours, labels, and the choice of what is drawn.

Sized for print: 85 or 170 mm wide, text of 7 points, colours that colour-blind readers tell apart (Okabe and Ito),
and no dependence on a screen. matplotlib is imported when a figure is asked for, not before.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import InputError
from mcpump.problem.headline import Headline
from mcpump.report.words import (
    NOTHING,
    channel_of,
    clock_of,
    column_name,
    exchange_of,
    headline_of,
    labels,
    positions,
    power_of_ten,
    pretty,
    spans_of,
)
from mcpump.tally.estimates import Estimate, Result

if TYPE_CHECKING:
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


def chosen_channel(result: Result, channel: str | None) -> tuple[int, Headline]:
    """Place of a channel, and what to say of it; that of the reports where none is named."""
    if channel is None:
        return channel_of(result), headline_of(result)
    return _index(result, "channel", channel), Headline(channel, exchange_of(result))


def chosen_pair(
    result: Result,
    estimate: Estimate,
    channel: int,
    component: str | None,
    harmonic: str | None,
    time: int = -1,
) -> tuple[int, int]:
    """Place on the clock (a harmonic or a time bin) and component to draw.

    Where none is named: DC if anything is driven at it, else the largest harmonic, and the largest component of the
    diffusive part there; of a transient the bin `time`.
    """
    diffusive = np.abs(np.nan_to_num(estimate.mean[channel, 1]))
    others = tuple(
        i - 2
        for i, name in enumerate(estimate.dims)
        if i > 1 and name not in (clock_of(estimate), "component")
    )
    size = diffusive.max(axis=others, initial=0.0)
    if clock_of(estimate) == "time":
        clock = range(len(size))[time] if -len(size) <= time < len(size) else -1
        if clock < 0:
            raise InputError(f"time bin {time} is not among the {len(size)} of {result.name}")
    elif harmonic is not None:
        clock = _index(result, "harmonic", harmonic)
    else:
        clock = 0 if size[0].max() > NOTHING * size.max() else int(np.argmax(size.max(axis=1)))
    return clock, int(np.argmax(size[clock])) if component is None else _index(result, "component", component)


def pair_name(result: Result, estimate: Estimate, clock: int, component: int) -> str:
    """Name of what is drawn: "DC z", or "z, t = 0 … 5 fs"."""
    name = labels(result, "component")[component]
    if clock_of(estimate) == "time":
        return f"{name}, {spans_of(result)[clock]}"
    return column_name(labels(result, "harmonic")[clock], name)


def _index(result: Result, axis: str, name: str) -> int:
    names = labels(result, axis)
    if name not in names:
        raise InputError(f'{axis} "{name}" is not in {result.name}, which has {", ".join(names)}')
    return names.index(name)
