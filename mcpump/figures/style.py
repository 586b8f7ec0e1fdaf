"""What all figures share: sizes, colours, labels, and the choice of what is drawn.

Sized for print: 85 or 170 mm wide, text of 7 points, colours that colour-blind readers tell apart (Okabe and Ito),
and no dependence on a screen. matplotlib is imported when a figure is asked for, not before.
"""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcpump.deck.read import deck_from_dict
from mcpump.deck.textures import Junction
from mcpump.errors import InputError, show
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
SEQUENCE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Colours of lines, of components x, y, z the first three: blue, vermilion, green."""

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
"""matplotlib's settings for every figure, but for those that the user has set otherwise."""
PREFIXES = {
    -15: "f",
    -12: "p",
    -9: "n",
    -6: "µ",
    -3: "m",
    3: "k",
    6: "M",
    9: "G",
    12: "T",
}
_TAKES_PREFIX = re.compile(r"(J|A|C|V|W|Hz|S)\b")
Array = NDArray[np.float64]
_LETTER, _LAYER, _HEADROOM = 0.028, "layer", 0.14
"""Width of a letter, of one column; the mark of a layer's name; the share of a panel's height that names take."""
PALE = {"facecolor": "white", "alpha": 0.6, "edgecolor": "none", "pad": 1.0}
"""Box of a name on a map."""


@contextlib.contextmanager
def drawing() -> Iterator[None]:
    """Settings of figures; what a style, matplotlibrc or rcParams set otherwise than matplotlib does stays."""
    import matplotlib as mpl

    own = {key: value for key, value in STYLE.items() if mpl.rcParams[key] == mpl.rcParamsDefault[key]}
    with mpl.rc_context(own):
        yield


def line_colour(number: int) -> str:
    """Colour of a line: of the cycle that a style, matplotlibrc or rcParams set, or of ours."""
    import matplotlib as mpl

    cycle = mpl.rcParams["axes.prop_cycle"]
    own = cycle == mpl.rcParamsDefault["axes.prop_cycle"]
    colours = SEQUENCE if own else tuple(cycle.by_key().get("color", SEQUENCE))
    return str(colours[number % len(colours)])


@contextlib.contextmanager
def styled(style: str | None) -> Iterator[None]:
    """Draw in one of matplotlib's styles, by name, or by the path of a file.

    Raises
    ------
    InputError
        If there is no such style.
    """
    import matplotlib.style

    if style is None:
        yield
        return
    try:
        context = matplotlib.style.context(style)
        with context:
            yield
    except OSError:
        raise InputError(
            f"style {show(style)} is no file and none of matplotlib's: {', '.join(matplotlib.style.available)}"
        ) from None


def new_figure(width: float, height: float, rows: int, columns: int, **options: Any) -> tuple[Figure, Any]:
    """Figure [inch] with rows × columns of axes."""
    # A Figure made without pyplot belongs to no window system: nothing to choose, nothing to close.
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.subplots(rows, columns, **options)


class Span(NamedTuple):
    """A layer of a sample, as it is drawn."""

    start: float
    end: float
    name: str


def layers_of(result: Result) -> list[Span]:
    """Layers of a run's sample along x, in the file's units; of a junction without any its magnet and metal."""
    try:
        deck = deck_from_dict(result.deck, result.name)
    except InputError:
        return []  # a deck of another version is no reason not to draw its run
    starts, names = [0.0], [deck.electrons.material or ""]
    if isinstance(deck.texture, Junction):
        names[0] = names[0] or "magnet"
        if not deck.layer:
            starts, names = [0.0, deck.texture.interface], [names[0], "metal"]
    for layer in deck.layer:
        starts.append(layer.start)
        names.append(layer.name or layer.material or "")
    ends = [*starts[1:], deck.sample.x.length]
    return [Span(*one) for one in zip(starts, ends, names, strict=True)]


def draw_layers(axes: Axes, result: Result, named: bool = True, over: dict[str, Any] | None = None) -> None:
    """Lines where layers begin, and their names at the top, where there is room for them; on maps in a box, `over`."""
    from matplotlib.collections import LineCollection

    factor, spans = length_unit(result)[0], layers_of(result)
    across = axes.get_xaxis_transform()
    inner = [[(span.start * factor, 0.0), (span.start * factor, 1.0)] for span in spans[1:]]
    lines = LineCollection(
        inner, colors="0.55", linewidths=0.6, linestyles=(0, (1, 1.5)), transform=across, zorder=0.5
    )
    axes.add_collection(lines, autolim=False)
    if named and over is None:
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + _HEADROOM * (high - low))
    for span in spans if len(spans) > 1 else ():
        width = (span.end - span.start) / spans[-1].end
        if span.name and width > _LETTER * len(span.name) * SINGLE / axes.figure.get_figwidth():  # type: ignore[union-attr]
            middle = 0.5 * (span.start + span.end) * factor
            text = axes.text(middle, 0.97, span.name, ha="center", va="top", transform=across, clip_on=True)
            text.set(color="0.35", gid=_LAYER, visible=named, bbox=over)


def only(figure: Figure, names: Sequence[str]) -> Figure:
    """Keep some panels of a figure, with the axes, titles and legends that they need.

    Parameters
    ----------
    figure : Figure
        Of this package.
    names : sequence of str
        Names of panels.

    Raises
    ------
    InputError
        If the figure has no such panel.
    """
    panels = [axes for axes in figure.axes if axes.get_label() and axes.get_subplotspec() is not None]
    known = list(dict.fromkeys(str(axes.get_label()) for axes in panels))
    if unknown := [name for name in names if name not in known]:
        raise InputError(
            f"panel {show(unknown[0])} is not in the figure, which has {', '.join(known) or 'one'}"
        )
    places = {axes: _place(axes) for axes in panels}
    kept = [axes for axes in panels if axes.get_label() in names]
    rows, columns = (sorted({places[axes][i] for axes in kept}) for i in (0, 1))
    height, width = (len({place[i] for place in places.values()}) for i in (0, 1))
    for axes in kept:
        row, column = places[axes]
        above = min((one for one in panels if places[one][1] == column), key=lambda one: places[one][0])
        below = max((one for one in panels if places[one][1] == column), key=lambda one: places[one][0])
        if row == rows[0] and above is not axes:
            with drawing():
                axes.set_title(axes.get_title(loc="left") or above.get_title(loc="left"), loc="left", pad=16)
        if row == rows[-1]:
            axes.set_xlabel(axes.get_xlabel() or below.get_xlabel())
            axes.tick_params(labelbottom=True)
        if column == columns[0]:
            left = min((one for one in panels if places[one][0] == row), key=lambda one: places[one][1])
            if axes.get_shared_y_axes().joined(axes, left):
                axes.set_ylabel(axes.get_ylabel() or left.get_ylabel())
            axes.tick_params(labelleft=True)
        for text in axes.texts:
            text.set_visible(text.get_visible() or (text.get_gid() == _LAYER and row == rows[0]))
    for axes in [one for one in figure.axes if one not in kept and one not in _bars(kept)]:
        # matplotlib goes on aligning labels with those of axes that are gone
        for group in getattr(figure, "_align_label_groups", {}).values():
            group.remove(axes)
        axes.remove()
    grid = figure.add_gridspec(len(rows), len(columns))
    for axes in kept:
        row, column = places[axes]
        axes.set_subplotspec(grid[rows.index(row), columns.index(column)])
        if axes.get_legend() is None and axes.get_legend_handles_labels()[1] and row == rows[0]:
            _add_legend(axes)
    figure.set_size_inches(
        max(figure.get_figwidth() * len(columns) / width, SINGLE),
        figure.get_figheight() * len(rows) / height + 10 * MM,
    )
    return figure


def _add_legend(axes: Axes) -> None:
    """Legend above a panel, in a row, where it fits there."""
    letters = sum(4 + len(name) for name in axes.get_legend_handles_labels()[1])
    above: Any = {
        "loc": "lower left",
        "bbox_to_anchor": (-0.02, 0.98),
        "ncols": 4,
        "borderpad": 0.2,
        "columnspacing": 0.9,
    }
    with drawing():
        axes.legend(**(above if letters * _LETTER < 1.0 else {"loc": "best"}))


def _place(axes: Axes) -> tuple[int, int]:
    """Row and column of a panel."""
    spec = axes.get_subplotspec()
    assert spec is not None
    return spec.rowspan.start, spec.colspan.start


def _bars(panels: Sequence[Axes]) -> list[Axes]:
    """Axes of the panels' colour bars."""
    drawn = [artist for axes in panels for artist in axes.collections]
    return [artist.colorbar.ax for artist in drawn if artist.colorbar is not None]


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
    """Title with its unit and the power of ten taken out: "nJ/m²", or "10⁻⁹ ħνJ" where the unit takes no prefix."""
    if scale in PREFIXES and _TAKES_PREFIX.match(units):
        return f"{title} [{PREFIXES[scale]}{pretty(units)}]"
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
