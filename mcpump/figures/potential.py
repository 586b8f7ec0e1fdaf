"""Spin potential against diffusive current: j = −∇μ_s as ℓ/λ → 0, Eq. (14), and no longer as ℓ/λ grows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mcpump.errors import InputError
from mcpump.figures.style import (
    DOUBLE,
    MM,
    SINGLE,
    Array,
    axis_label,
    axis_power,
    chosen_column,
    draw_band,
    draw_zero,
    drawing,
    length_unit,
    new_figure,
)
from mcpump.report.words import column_of, labels, mesh_axes, positions
from mcpump.tally.estimates import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLUMNS = 3


class Gradient(NamedTuple):
    """−∇μ_s beside the diffusive current, in the cells that have two neighbours."""

    ell_over_lambda: float
    """ℓ/λ; NaN where the run does not know it."""
    name: str
    """What is compared: "x cos"."""
    x: Array
    """Cell centres, in the file's unit."""
    gradient: Array
    """−∂μ_s/∂x by central differences of the total density's potential."""
    gradient_error: Array
    current: Array
    """Diffusive current along x."""
    current_error: Array
    units: str

    @property
    def factor(self) -> float:
        """Factor F of −∇μ_s = F j that fits best; NaN without a current.

        It has no error: cells share walkers, and how much they share is not in the file.
        """
        below = float(self.current @ self.current)
        return float(self.gradient @ self.current) / below if below > 0.0 else math.nan


def potential_gradient(
    result: Result, channel: str = "first", component: str | None = None, harmonic: str | None = None
) -> Gradient:
    """Discrete −∇μ_s of a run and its diffusive current.

    Parameters
    ----------
    result : Result
        A run whose mesh has one direction, of three cells or more.
    channel : str
        Channel; the run's only one stands in for one that is not there.
    component, harmonic : str, optional
        By default DC if anything is driven at it, else the largest harmonic; the largest component. Of a transient
        the last time bin.

    Returns
    -------
    Gradient
        Errors as if neighbouring cells were independent.

    Raises
    ------
    InputError
        If the run has no spin potential, more directions than x, fewer than three cells, or no such channel.
    """
    if "spin_potential" not in result.estimates:
        raise InputError(
            f"{result.name} has no spin potential: it was written by an older mcpump, or is a pulse"
        )
    if len(mesh_axes(result)) > 1 or positions(result, "x").mean.size < 3:
        raise InputError(
            f"{result.name} cannot be drawn: −∇μ_s is taken along x alone, from three cells or more"
        )
    names = labels(result, "channel")
    if channel not in names and len(names) > 1:
        raise InputError(f'channel "{channel}" is not in {result.name}, which has {", ".join(names)}')
    channel = channel if channel in names else names[0]
    potential, current = (
        result.estimates[f"spin_{name}"].sel(channel=channel) for name in ("potential", "current")
    )
    column = chosen_column(result, current, component, harmonic)
    mu = potential.sel(part="total", **column)
    j = current.sel(part="diffusive", direction="x", **column)
    x = positions(result, "x").mean
    span = x[2:] - x[:-2]
    return Gradient(
        ell_over_lambda=result.regime_number("ell/lambda"),
        name=f"{channel}, {column_of(result, column)}",
        x=x[1:-1], gradient=-(mu.mean[2:] - mu.mean[:-2]) / span,
        gradient_error=np.hypot(mu.error[2:], mu.error[:-2]) / span,
        current=j.mean[1:-1], current_error=j.error[1:-1], units=current.units,
    )  # fmt: skip


def potential_figure(
    results: Sequence[Result],
    channel: str = "first",
    component: str | None = None,
    harmonic: str | None = None,
) -> Figure:
    """−∇μ_s and the diffusive current along x, one panel a run, in the order of ℓ/λ.

    Parameters
    ----------
    results : sequence of Result
        Runs along x, each as for `potential_gradient`.
    channel, component, harmonic
        As for `potential_gradient`.

    Returns
    -------
    matplotlib.figure.Figure
        Diffusive current as a line, −∇μ_s dashed, each with a band of ± one standard error; in each panel's title
        ℓ/λ and the factor between them, 1 where Eq. (14) holds.
    """
    pairs = [(potential_gradient(one, channel, component, harmonic), length_unit(one)) for one in results]
    pairs.sort(key=lambda pair: (math.isnan(pair[0].ell_over_lambda), pair[0].ell_over_lambda))
    columns = min(len(pairs), _COLUMNS)
    rows = -(-len(pairs) // columns)
    with drawing():
        width = SINGLE if columns == 1 else DOUBLE
        figure, panels = new_figure(width, (58 * rows + 4) * MM, rows, columns, squeeze=False)
        for number, (axes, (found, (factor, unit))) in enumerate(zip(panels.flat, pairs, strict=False), 1):
            _draw(axes, found, factor)
            axes.set_label(str(number))
            axes.set_xlabel(f"x [{unit}]")
        for axes in list(panels.flat)[len(pairs) :]:
            axes.set_axis_off()
        handles, names = panels[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper left", ncols=2)
        return figure


def _draw(axes: Axes, found: Gradient, factor: float) -> None:
    scale = axis_power(np.concatenate([found.gradient, found.current]))
    for values, errors, colour, style, name in (
        (found.current, found.current_error, "#0072B2", "-", "diffusive current"),
        (found.gradient, found.gradient_error, "#D55E00", (0, (4, 2)), "−∇μ$_s$"),
    ):
        mean, error = values * 10.0**-scale, np.nan_to_num(errors) * 10.0**-scale
        draw_band(axes, found.x * factor, mean, error, color=colour, linestyle=style, label=name)
    draw_zero(axes)
    axes.set_title(f"ℓ/λ = {found.ell_over_lambda:.3g}:  −∇μ$_s$ = {found.factor:.3g} j", loc="left")
    axes.set_ylabel(axis_label(f"j, {found.name}", found.units, scale))
    axes.margins(x=0)
