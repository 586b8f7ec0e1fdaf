"""The two mechanisms that turn spin into charge, side by side, and how much of the spin current they convert."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mcpump.errors import InputError
from mcpump.figures.skew import skew_figure
from mcpump.figures.style import (
    DOUBLE,
    MM,
    Array,
    axis_label,
    axis_power,
    draw_band,
    draw_layers,
    draw_points,
    draw_zero,
    drawing,
    length_unit,
    new_figure,
)
from mcpump.report.conversion import (
    Ratio,
    formula_of,
    formula_ratios,
    impurity_sources,
    torque_current,
    torque_ratios,
)
from mcpump.report.words import Column, column_name, labels, mesh_axes, positions
from mcpump.tally.estimates import Estimate, Result
from mcpump.theory import local_share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
    clock: Column
    """Harmonic or time bin."""
    direction: str
    axis: str
    """Mesh axis of the line."""
    beside: Column
    """Where the line lies on the other axes."""


def conversion_points(results: Sequence[Result]) -> list[ConversionPoint]:
    """Conversion of every run and mechanism in which it stands out of its errors, in the order of ℓ/λ.

    Parameters
    ----------
    results : sequence of Result
        Runs with [spin_orbit].
    """
    points = []
    for result in results:
        x = result.regime_number("ell/lambda")
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
        through the largest charge current; all are points of the last column. Where none walks charge, but impurities
        scatter skewly: `mcpump.figures.skew`.
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
    columns = _columns(results)
    skew = [result for result in results if "skew_current" in result.estimates]
    if skew and not columns:
        return skew_figure(skew, harmonic)
    if not columns:
        raise InputError(
            "no run has a charge current: give [spin_orbit.rashba], [spin_orbit.impurity] or "
            "[spin_orbit.skew] in the deck"
        )
    with drawing():
        count = len(columns) + 1
        # who has no density anywhere needs no row for it
        rows = 4 if any(_density(result, source) is not None for result, source in columns) else 3
        figure, axes = new_figure(DOUBLE, 37.5 * rows * MM, rows, count, squeeze=False)
        for column, (result, source) in enumerate(columns):
            _draw_column(axes[:, column], result, _cut(result, source, harmonic))
        grid = axes[0, -1].get_gridspec()
        for panel in axes[:, -1]:
            panel.remove()
        conversion = figure.add_subplot(grid[: rows - 2, -1], label="conversion")
        _draw_conversion(conversion, conversion_points(results))
        _draw_legend(figure.add_subplot(grid[rows - 2, -1]), "what is converted", [conversion])
        _draw_legend(figure.add_subplot(grid[rows - 1, -1]), "charge current", axes[2, :-1])
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
    local = result.estimates["charge_current"].sel(source=source, part="local")
    names = labels(result, "harmonic") if local.clock == "harmonic" else ()
    if harmonic is not None and harmonic not in names:
        raise InputError(f'harmonic "{harmonic}" is not in {result.name}, which has {", ".join(names)}')
    if harmonic is None and names and _has_mean(local.sel(harmonic="dc")):
        harmonic = "dc"
    clock = {local.clock: local.largest().coords[local.clock] if harmonic is None else harmonic}
    largest = local.sel(**clock).largest()
    direction = largest.coords["charge_direction"]
    cell = {axis: largest.coords[axis] for axis in mesh_axes(result)}
    sides = {axis: {other: x for other, x in cell.items() if other != axis} for axis in cell}
    here = local.sel(charge_direction=direction, **clock)
    lengths = {axis: float(np.ptp(here.sel(**beside).mean)) for axis, beside in sides.items()}
    axis = max(lengths, key=lengths.__getitem__)
    return _Cut(source, clock, direction, axis, sides[axis])


def _has_mean(local: Estimate) -> bool:
    """Whether it has a mean over the sample that stands out, errors added as if they agreed."""
    cells = tuple(range(1, local.mean.ndim))
    mean, error = np.abs(local.mean.mean(axis=cells)), np.nan_to_num(local.error).mean(axis=cells)
    return bool(np.any((mean > 5.0 * error) & (mean > 0.0)))


def _draw_column(panels: Any, result: Result, cut: _Cut) -> None:
    """One mechanism, from spin to charge."""
    metres, unit = length_unit(result)
    x = positions(result, cut.axis).mean * metres
    for panel, part in zip(panels, ("local", "diffusive"), strict=False):
        _draw_spin(panel, result, cut, x, part)
    _draw_charge(panels[2], result, cut, x)
    if len(panels) > 3:
        _draw_density(panels[3], result, cut, x)
    for panel, label in zip(panels, ("local", "diffusive", "charge", "density"), strict=False):
        panel.set_label(label)
        if cut.axis == "x":
            draw_layers(panel, result, named=panel is panels[0])
    mechanism = "Rashba" if cut.source == "rashba" else "impurities"
    ratio = result.regime_number("ell/lambda")
    panels[0].set_title(f"{mechanism}, ℓ/λ = {ratio:.3g}", loc="left")
    [panel for panel in panels if panel.axison][-1].set_xlabel(f"{cut.axis} [{unit}]")


def _line(axes: Axes, x: Array, one: Estimate, scale: int, **look: Any) -> None:
    """One line with its band."""
    draw_band(axes, x, one.mean * 10.0**-scale, np.nan_to_num(one.error) * 10.0**-scale, **look)
    axes.margins(x=0)


def _draw_spin(axes: Axes, result: Result, cut: _Cut, x: Array, part: str) -> None:
    """Spin current of the channel that makes the charge: the largest component and direction in this harmonic."""
    channel = "first" if cut.source == "impurity_first" else "second"
    current = result.estimates["spin_current"].sel(channel=channel, **cut.clock)
    largest = current.sel(part="diffusive").largest()
    here = {axis: largest.coords[axis] for axis in ("direction", "component")}
    one = current.sel(part=part, **here, **cut.beside)
    scale = axis_power(np.maximum(np.abs(one.mean), one.error))
    _line(axes, x, one, scale, color=_SPIN)
    draw_zero(axes)
    name = f"{_name(result, cut.clock, here['component'])}, along {here['direction']}"
    axes.set_ylabel(axis_label(f"{part} spin current\n{name}", current.units, scale))


def _draw_charge(axes: Axes, result: Result, cut: _Cut, x: Array) -> None:
    """Parts of the charge current, and what it is compared with."""
    here = {"source": cut.source, "charge_direction": cut.direction, **cut.clock, **cut.beside}
    current = result.estimates["charge_current"].sel(**here)
    if cut.source == "rashba":
        other, words = _turned_torque(result, cut), "a$_R$ × T"
    else:
        there = {axis: where for axis, where in here.items() if axis != "source"}
        other = formula_of(result, cut.source).sel(part="total", **there).mean
        words = "inverse spin Hall formula\nof the total spin current"
    scale = axis_power(np.array([*current.mean, other]))
    for part, colour, style in _PARTS:
        one = current.sel(part=part)
        if np.isfinite(one.mean).all():
            _line(axes, x, one, scale, color=colour, linestyle=style, label=part)
    axes.plot(x, other * 10.0**-scale, ":", color="#CC79A7", linewidth=1.4, label=words)
    draw_zero(axes)
    name = _name(result, cut.clock, cut.direction)
    axes.set_ylabel(axis_label(f"charge current\n{name}", current.units, scale))


def _turned_torque(result: Result, cut: _Cut) -> Array:
    """a_R × T on the line of a cut."""
    whole = result.estimates["charge_current"].sel(source=cut.source, part="total")
    turned = np.swapaxes(torque_current(result).mean, 0, 1).reshape(whole.mean.shape)
    return replace(whole, mean=turned).sel(charge_direction=cut.direction, **cut.clock, **cut.beside).mean


def _density(result: Result, source: str) -> Estimate | None:
    """Charge density, of all sources where there are several; None where there is none."""
    density = result.estimates.get("charge_density")
    if density is not None:
        density = density.sel(source="sum" if "sum" in labels(result, "source") else source)
    return None if density is None or density.stderr is None or not np.any(density.mean) else density


def _draw_density(axes: Axes, result: Result, cut: _Cut, x: Array) -> None:
    """Charge density on the line, in the harmonic of Ω in which it is largest beside its error."""
    density = _density(result, cut.source)
    if density is None:
        axes.set_axis_off()
        return
    size, noise = (
        np.sqrt((np.nan_to_num(part) ** 2).reshape(len(part), -1).sum(axis=1))
        for part in (density.mean, density.error)
    )
    clearest = int(np.argmax(np.divide(size, noise, out=np.zeros_like(size), where=noise > 0.0)))
    clock = {density.clock: density.places(density.clock)[clearest]}
    one = density.sel(**clock, **cut.beside)
    scale = axis_power(np.maximum(np.abs(one.mean), np.nan_to_num(one.error)))
    _line(axes, x, one, scale, color="#E69F00")
    draw_zero(axes)
    name = _name(result, clock, "").strip().removesuffix(",")
    axes.set_ylabel(axis_label(f"charge density ρ$_c$\n{name}", density.units, scale))


def _name(result: Result, clock: Column, what: str) -> str:
    """Name of a component in a harmonic or time bin."""
    if "time" in clock:
        number = int(np.searchsorted(positions(result, "time").mean, clock["time"])) + 1
        return f"{what}, time bin {number}"
    return column_name(clock["harmonic"], what)


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
            q, ratio, error = zip(*((p.ell_over_lambda, *p.ratio) for p in mine), strict=True)
            draw_points(axes, q, ratio, error, marker, color=colour, label=words)
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
