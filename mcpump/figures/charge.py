"""The two mechanisms that turn spin into charge, side by side, and how much of the spin current they convert."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mcpump.errors import InputError
from mcpump.figures.style import DOUBLE, MM, STYLE, Array, axis_label, axis_power, length_unit, new_figure
from mcpump.report.conversion import (
    LOCAL,
    TOTAL,
    Field,
    Ratio,
    charge_field,
    formula_ratios,
    impurity_sources,
    torque_current,
    torque_ratios,
)
from mcpump.report.words import column_name, labels, mesh_axes, positions
from mcpump.tally.estimates import Result
from mcpump.theory import local_share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_ROWS = ("local spin current", "diffusive spin current", "charge current", "charge density ρ$_c$")
_PARTS = (("local", "#0072B2", "-"), ("diffusive", "#D55E00", (0, (4, 2))), ("total", "#000000", "-"))
_SPIN = "#009E73"


class ConversionPoint(NamedTuple):
    """What a run converts."""

    ell_over_lambda: float
    """ℓ/λ."""
    mechanism: str
    """"rashba", "impurity_first" or "impurity_second"."""
    ratio: Ratio
    """Rashba: local charge current over a_R × T; impurities: charge current over the inverse spin Hall formula."""
    local: Ratio
    """What the local spin current alone would give, over the same."""


class _Cut(NamedTuple):
    """One harmonic and direction of a charge current along one line of cells, and the spin current that belongs to it."""

    source: str
    clock: int
    direction: int
    axis: int
    """Mesh axis of the line."""
    at: tuple[int, ...]
    """Cell that the line goes through."""


def conversion_points(results: Sequence[Result]) -> list[ConversionPoint]:
    """Conversion of every run and mechanism in which it stands out of its errors, in the order of ℓ/λ.

    Parameters
    ----------
    results : sequence of Result
        Runs with [spin_orbit].
    """
    points = []
    for result in results:
        x = result.regime.get("ell/lambda", (math.nan, "", ""))[0]
        rashba = torque_ratios(result)
        if rashba is not None and rashba.torque.known:
            points.append(ConversionPoint(x, "rashba", rashba.torque, rashba.spin_current))
        for source in impurity_sources(result):
            ratios = formula_ratios(result, source)
            if ratios.charge.known:
                points.append(ConversionPoint(x, source, ratios.charge, ratios.local))
    return sorted(points, key=lambda point: point.ell_over_lambda)


def charge_figure(results: Sequence[Result], harmonic: str | None = None) -> Figure:
    """Local and diffusive spin current, charge current and density of each mechanism, and the conversion against ℓ/λ.

    Parameters
    ----------
    results : sequence of Result
        Runs with [spin_orbit]. The first run of each mechanism is drawn in a column of its own, along a line of cells
        through the largest charge current; all are points of the last column.
    harmonic : str, optional
        Harmonic to draw ("dc", "cos1", …); by default that of the largest charge current, DC where it has a mean over
        the sample.

    Returns
    -------
    matplotlib.figure.Figure
        Bands are ± one standard error. Dotted: what the charge current is compared with, a_R × T for Rashba coupling,
        the inverse spin Hall formula with the total spin current for impurities.

    Raises
    ------
    InputError
        If no run has a charge current, or there is no such harmonic.
    """
    import matplotlib as mpl

    columns = _columns(results)
    if not columns:
        raise InputError(
            "no run has a charge current: give [spin_orbit.rashba] or [spin_orbit.impurity] in the deck"
        )
    with mpl.rc_context(STYLE):
        count = len(columns) + 1
        figure, axes = new_figure(DOUBLE, 150 * MM, len(_ROWS), count, squeeze=False)
        for column, (result, source) in enumerate(columns):
            _draw_column(axes[:, column], result, _cut(result, source, harmonic))
        grid = axes[0, -1].get_gridspec()
        for panel in axes[:, -1]:
            panel.remove()
        conversion = figure.add_subplot(grid[:2, -1])
        _draw_conversion(conversion, conversion_points(results))
        _draw_legend(figure.add_subplot(grid[2, -1]), "what is converted", [conversion])
        _draw_legend(figure.add_subplot(grid[3, -1]), "charge current", axes[2, :-1])
        figure.align_ylabels(axes[:, 0])
        return figure


def _columns(results: Sequence[Result]) -> list[tuple[Result, str]]:
    """First run and source of each mechanism."""
    found: dict[str, tuple[Result, str]] = {}
    for result in results:
        if "charge_current" not in result.estimates:
            continue
        for source in labels(result, "source"):
            mechanism = source.partition("_")[0]
            if mechanism != "sum" and np.any(result.estimates["charge_current"].mean):
                found.setdefault(mechanism, (result, source))
    return list(found.values())


def _cut(result: Result, source: str, harmonic: str | None) -> _Cut:
    """What to draw of a run: the harmonic asked for, else DC where its mean stands out, else the largest."""
    local = charge_field(result, "charge_current", source, LOCAL)
    size = np.abs(np.nan_to_num(local.mean))
    names = labels(result, "harmonic") if "time" not in result.coords else ()
    if harmonic is not None and harmonic not in names:
        raise InputError(f'harmonic "{harmonic}" is not in {result.name}, which has {", ".join(names)}')
    if harmonic is not None:
        clock = names.index(harmonic)
    elif names and _has_mean(local):
        clock = 0
    else:
        clock = int(np.argmax(size.max(axis=(1, 2))))
    direction, cell = (int(i) for i in np.unravel_index(np.argmax(size[clock]), size[clock].shape))
    shape = tuple(positions(result, axis).mean.size for axis in mesh_axes(result))
    at = tuple(int(i) for i in np.unravel_index(cell, shape))
    mesh = local.mean[clock, direction].reshape(shape)
    lines = [mesh[(*at[:axis], slice(None), *at[axis + 1 :])] for axis in range(len(shape))]
    return _Cut(source, clock, direction, int(np.argmax([np.ptp(line) for line in lines])), at)


def _has_mean(local: Field) -> bool:
    """Whether the DC part has a mean over the sample that stands out, errors added as if they agreed."""
    mean, error = np.abs(local.mean[0].mean(axis=-1)), np.nan_to_num(local.error[0]).mean(axis=-1)
    return bool(np.any((mean > 5.0 * error) & (mean > 0.0)))


def _along(result: Result, cut: _Cut, values: Array) -> Array:
    """Values (..., cells) on the line of a cut."""
    shape = tuple(positions(result, axis).mean.size for axis in mesh_axes(result))
    index: tuple[Any, ...] = (..., *cut.at[: cut.axis], slice(None), *cut.at[cut.axis + 1 :])
    return np.asarray(values.reshape(*values.shape[:-1], *shape)[index])


def _draw_column(panels: Any, result: Result, cut: _Cut) -> None:
    """One mechanism, from spin to charge."""
    axis = mesh_axes(result)[cut.axis]
    metres, unit = length_unit(result)
    x = positions(result, axis).mean * metres
    for row, part in ((0, 0), (1, 1)):
        _draw_spin(panels[row], result, cut, x, part)
    _draw_charge(panels[2], result, cut, x)
    _draw_density(panels[3], result, cut, x)
    mechanism = "Rashba" if cut.source == "rashba" else "impurities"
    ratio = result.regime.get("ell/lambda", (math.nan, "", ""))[0]
    panels[0].set_title(f"{mechanism}, ℓ/λ = {ratio:.3g}", loc="left")
    panels[3].set_xlabel(f"{axis} [{unit}]")


def _line(axes: Axes, x: Array, mean: Array, error: Array, scale: int, **look: Any) -> None:
    """One line with its band."""
    mean, error = mean * 10.0**-scale, np.nan_to_num(error) * 10.0**-scale
    axes.plot(x, mean, **look)
    axes.fill_between(x, mean - error, mean + error, color=look["color"], alpha=0.25, linewidth=0)
    axes.margins(x=0)


def _draw_spin(axes: Axes, result: Result, cut: _Cut, x: Array, part: int) -> None:
    """Spin current of the channel that makes the charge: the largest component and direction in this harmonic."""
    current = result.estimates["spin_current"]
    channel = labels(result, "channel").index("first" if cut.source == "impurity_first" else "second")
    both = np.abs(np.nan_to_num(current.mean[channel, 1, :, cut.clock]))
    direction, component = (int(i) for i in np.argwhere(both == both.max())[0][:2])
    index = (channel, part, direction, cut.clock, component)
    mean = _along(result, cut, current.mean[index].reshape(1, -1))[0]
    error = np.zeros_like(mean)
    if current.stderr is not None:
        error = _along(result, cut, current.stderr[index].reshape(1, -1))[0]
    scale = axis_power(np.maximum(np.abs(mean), error))
    _line(axes, x, mean, error, scale, color=_SPIN)
    _zero(axes)
    name = _name(result, cut, labels(result, "component")[component])
    along = labels(result, "direction")[direction]
    axes.set_ylabel(axis_label(f"{_ROWS[part]}\n{name}, along {along}", current.units, scale))


def _draw_charge(axes: Axes, result: Result, cut: _Cut, x: Array) -> None:
    """Parts of the charge current, and what it is compared with."""
    fields = [charge_field(result, "charge_current", cut.source, part) for part in range(3)]
    if cut.source == "rashba":
        other, words = torque_current(result), "a$_R$ × T"
    else:
        other = charge_field(result, "inverse_spin_hall_current", cut.source, TOTAL)
        words = "inverse spin Hall formula\nof the total spin current"
    chosen = (cut.clock, cut.direction)
    drawn = [_along(result, cut, field.mean[chosen][None])[0] for field in (*fields, other)]
    scale = axis_power(np.array(drawn))
    for field, mean, (part, colour, style) in zip(fields, drawn, _PARTS, strict=False):
        if np.isfinite(mean).all():
            error = _along(result, cut, field.error[chosen][None])[0]
            _line(axes, x, mean, error, scale, color=colour, linestyle=style, label=part)
    axes.plot(x, drawn[3] * 10.0**-scale, ":", color="#CC79A7", linewidth=1.4, label=words)
    _zero(axes)
    name = _name(result, cut, labels(result, "charge_direction")[cut.direction])
    units = result.estimates["charge_current"].units
    axes.set_ylabel(axis_label(f"{_ROWS[2]}\n{name}", units, scale))


def _draw_density(axes: Axes, result: Result, cut: _Cut, x: Array) -> None:
    """Charge density on the line, in the harmonic of Ω in which it is largest beside its error."""
    density = result.estimates.get("charge_density")
    row = labels(result, "source").index("sum" if "sum" in labels(result, "source") else cut.source)
    if density is None or density.stderr is None or not np.any(density.mean[row]):
        axes.text(0.5, 0.5, "no charge density", color="0.5", ha="center", transform=axes.transAxes)
        axes.set_yticks([])
        return
    size = np.sqrt((density.mean[row] ** 2).reshape(len(density.mean[row]), -1).sum(axis=1))
    noise = np.sqrt((np.nan_to_num(density.stderr[row]) ** 2).reshape(len(size), -1).sum(axis=1))
    clock = int(np.argmax(np.divide(size, noise, out=np.zeros_like(size), where=noise > 0.0)))
    mean, error = (
        _along(result, cut, values[row, clock].reshape(1, -1))[0] for values in (density.mean, density.stderr)
    )
    scale = axis_power(np.maximum(np.abs(mean), np.nan_to_num(error)))
    _line(axes, x, mean, error, scale, color="#E69F00")
    _zero(axes)
    name = _name(result, cut._replace(clock=clock), "").strip().removesuffix(",")
    axes.set_ylabel(axis_label(f"{_ROWS[3]}\n{name}", density.units, scale))


def _name(result: Result, cut: _Cut, what: str) -> str:
    """Name of a component in the cut's harmonic."""
    if "time" in result.coords:
        return f"{what}, time bin {cut.clock + 1}"
    return column_name(labels(result, "harmonic")[cut.clock], what)


def _zero(axes: Axes) -> None:
    axes.axhline(0, color="0.8", linewidth=0.5, zorder=0)


def _draw_conversion(axes: Axes, points: Sequence[ConversionPoint]) -> None:
    """Points of all runs on the local share of a plane wave's first-order current and its beginning."""
    looks = {
        "rashba": ("s", "#D55E00", "Rashba: W over a$_R$ × T"),
        "impurity_first": (
            "o",
            "#0072B2",
            "impurities, first order:\ncharge current over\ninverse spin Hall formula",
        ),
        "impurity_second": ("^", "#56B4E9", "impurities, second order"),
    }
    known = [p for p in points if math.isfinite(p.ell_over_lambda) and p.ratio.value > 0.0]
    x = [p.ell_over_lambda for p in known] or [1.0]
    fine = np.geomspace(min(x) / 3.0, max(x) * 3.0, 200)
    axes.plot(fine, local_share(fine), color="0.2", label="1 − arctan(qℓ)/qℓ")
    low = fine[fine < 1.5]
    axes.plot(low, low**2 / 3.0, "--", color="0.5", label="(qℓ)²/3")
    for mechanism, (marker, colour, words) in looks.items():
        mine = [p for p in known if p.mechanism == mechanism and p.ratio.value > 3.0 * p.ratio.error]
        if mine:
            axes.errorbar(
                [p.ell_over_lambda for p in mine], [p.ratio.value for p in mine],
                yerr=[p.ratio.error for p in mine], fmt=marker, color=colour, markersize=4, capsize=2, elinewidth=0.8,
                label=words,
            )  # fmt: skip
    axes.set(xscale="log", yscale="log", xlabel="ℓ/λ")
    axes.set_title("what is converted", loc="left")
    axes.set_ylim(0.3 * min([p.ratio.value for p in known] or [0.1]), 3.0)


def _draw_legend(axes: Axes, title: str, panels: Sequence[Axes]) -> None:
    """Names of the lines of some panels, in an empty place."""
    handles: dict[str, Any] = {}
    for panel in panels:
        for handle, name in zip(*panel.get_legend_handles_labels(), strict=True):
            handles.setdefault(name, handle)
    axes.set_axis_off()
    axes.legend(
        list(handles.values()),
        list(handles),
        loc="upper left",
        title=title,
        alignment="left",
        borderaxespad=0.0,
    )
