"""Tserkovnyak's a and b and the effective mixing conductance of several runs, against ℓ/λ or what else was swept."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mcpump.deck.toml import flat, label_of
from mcpump.errors import InputError
from mcpump.figures.style import (
    MM,
    SINGLE,
    axis_label,
    axis_power,
    draw_points,
    draw_zero,
    drawing,
    line_colour,
    new_figure,
    scale_parameter,
)
from mcpump.problem.headline import Headline
from mcpump.report.words import (
    aligned,
    headline_of,
    is_fitted,
    number,
    place,
    positions,
    pretty,
    told_channel,
)
from mcpump.tally.estimates import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

QUANTITIES = ("pumping_a", "pumping_b", "mixing_conductance", "mixing_conductance_dc")
_UNSWEPT = ("run", "results")
"""Sections of a deck whose keys change nothing that is measured here."""
_SAME = 1e-9
WRONG = 0.1
"""Share of the current left by a fit from which it is no fit."""
_LOGARITHMIC = 4.0
"""Ratio of the largest to the smallest value from which an axis is logarithmic."""


class Fit(NamedTuple):
    """What one run gives."""

    x: float
    """Swept value."""
    plane: float
    """Where the current was fitted, in the units of the file."""
    values: tuple[tuple[float, float], ...]
    """Value and standard error of each of QUANTITIES."""
    misfit: float
    """Share of the current that does not have Tserkovnyak's form; NaN where it may be noise."""
    channel: Headline
    """Whose current was fitted."""

    @property
    def counts(self) -> bool:
        """Whether the current has the form, and its channel holds."""
        return self.channel.holds and not self.misfit > WRONG


class Fits(NamedTuple):
    """Fits of several runs."""

    axis: str
    """What was swept, with its unit."""
    points: list[Fit]
    units: tuple[str, ...]
    """Units of QUANTITIES."""
    place_units: str


def mixing_points(runs: Sequence[Result], against: str | None = None, plane: float | None = None) -> Fits:
    """Fits of Tserkovnyak's form a ṅ + b n×ṅ in several runs, in the order of the swept value.

    Parameters
    ----------
    runs : sequence of Result
        Runs with planes at which the texture moves.
    against : str, optional
        Key of the deck that was swept, e.g. "texture.frequency"; by default ℓ/λ where the runs differ in it, else the
        key in which they differ.
    plane : float, optional
        Place of the plane to take the nearest of [nm; reduced: ℓ]; by default the first at which all runs have a fit.

    Returns
    -------
    Fits

    Raises
    ------
    InputError
        If a run has no fit, or it is not clear what was swept.
    """
    axis, x = _swept(runs, against)
    for run in runs:
        if not is_fitted(run) or not np.isfinite(told_channel(run, "pumping_b").mean).any():
            raise InputError(
                f"{run.name} has no fit of a ṅ + b n×ṅ: it needs a periodic drive, a channel that pumps, and a plane "
                "(results.planes) at which the texture moves, and this version of mcpump"
            )
    points = []
    for run, value, x_plane in zip(runs, x, _planes(runs, plane), strict=True):
        found = [told_channel(run, name).sel(plane=x_plane) for name in QUANTITIES]
        numbers = tuple(
            (float(one.mean), math.nan if one.stderr is None else float(one.stderr)) for one in found
        )
        misfit = float(told_channel(run, "pumping_misfit").sel(plane=x_plane).mean)
        points.append(Fit(value, x_plane, numbers, misfit, headline_of(run)))
    units = tuple(runs[0].estimates[name].units for name in QUANTITIES)
    return Fits(axis, sorted(points), units, positions(runs[0], "plane").units)


def _planes(runs: Sequence[Result], plane: float | None) -> list[float]:
    """Place of the plane to take in each run: the nearest, or the first that serves."""
    fits = [told_channel(run, "pumping_b") for run in runs]
    if plane is not None:
        metres = [1e9 if positions(run, "plane").units == "m" else 1.0 for run in runs]
        wanted = [plane / factor for factor in metres]
        return [
            fit.sel(plane=x, method="nearest").coords["plane"] for fit, x in zip(fits, wanted, strict=True)
        ]
    there = [np.isfinite(fit.mean) for fit in fits]
    if len({one.size for one in there}) == 1 and (common := np.logical_and.reduce(there)).any():
        there = [common] * len(runs)
    return [float(fit.places("plane")[np.argmax(one)]) for fit, one in zip(fits, there, strict=True)]


def _swept(runs: Sequence[Result], against: str | None) -> tuple[str, list[float]]:
    """Name of what was swept, with its unit, and its values."""
    decks = [dict(flat(run.deck)) for run in runs]
    if against is None:
        ratios = [run.regime_number("ell/lambda") for run in runs]
        if len(runs) == 1 or max(ratios) - min(ratios) > _SAME * max(ratios):
            return "ℓ/λ", ratios
        keys = [key for key in decks[0] if key.split(".")[0] not in _UNSWEPT]
        differing = [key for key in keys if len({str(deck.get(key)) for deck in decks}) > 1]
        numeric = [key for key in differing if all(_number(deck.get(key)) for deck in decks)]
        if not numeric:
            raise InputError(
                "the runs differ neither in ℓ/λ nor in a number of their decks: nothing was swept"
            )
        against = numeric[0]
    found = [_number(deck.get(against)) for deck in decks]
    known = [one for one in found if one is not None]
    if len(known) < len(found) or len({unit for _, unit in known}) > 1:
        raise InputError(f"{against} is not a number of one unit in the deck of every run")
    unit = known[0][1]
    return label_of(runs[0].deck, against) + (f" [{unit}]" if unit else ""), [value for value, _ in known]


def _number(value: Any) -> tuple[float, str] | None:
    """Number and unit of a value of a deck; None if it is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value), ""
    match = (
        re.fullmatch(r"\s*([-+]?[\d._]+(?:[eE][-+]?\d+)?)\s*(.*?)\s*", value)
        if isinstance(value, str)
        else None
    )
    try:
        return (float(match[1]), match[2]) if match else None
    except ValueError:
        return None


def mixing_figure(fits: Fits) -> Figure:
    """a, b and the effective mixing conductance against what was swept, with standard errors.

    Parameters
    ----------
    fits : Fits
        From `mixing_points`.

    Returns
    -------
    matplotlib.figure.Figure
        A panel for a, one for b, and in SI one for 4πb/ħ: fitted to all harmonics, and to the DC current alone. Hollow
        markers: the current does not have Tserkovnyak's form (the fit leaves a tenth of it or more), or its channel
        does not hold, for Jτ/ħ is not small.
    """
    panels: list[tuple[tuple[str, ...], str]] = [(("pumping_a",), "a"), (("pumping_b",), "b")]
    if np.isfinite([point.values[2][0] for point in fits.points]).any():
        panels.append((QUANTITIES[2:], "4πb/ħ"))
    with drawing():
        figure, axes = new_figure(SINGLE, 42 * len(panels) * MM, len(panels), 1, sharex=True)
        for one, (names, title) in zip(axes, panels, strict=True):
            one.set_label(title if len(title) == 1 else "conductance")
            _draw(one, fits, names, title)
        x = [point.x for point in fits.points]
        scale_parameter(axes[-1], x, min(x) > 0.0 and max(x) > _LOGARITHMIC * min(x))
        axes[-1].set_xlabel(fits.axis)
        figure.align_ylabels()
        return figure


def _draw(axes: Axes, fits: Fits, names: Sequence[str], title: str) -> None:
    columns = [QUANTITIES.index(name) for name in names]
    values = np.array([[point.values[i] for i in columns] for point in fits.points])
    scale = axis_power(values[..., 0])
    x = np.array([point.x for point in fits.points])
    wrong = np.array([not point.counts for point in fits.points])
    for column, (name, marker) in enumerate(zip(names, "os", strict=False)):
        mean, error = (values[:, column] * 10.0**-scale).T
        shade = line_colour(column)
        label = "of DC alone" if name.endswith("_dc") else "all harmonics"
        axes.plot(x, mean, color=shade, linewidth=0.6, alpha=0.6)
        draw_points(axes, x, mean, np.nan_to_num(error), marker, color=shade, label=label, mfc="none")
        if not name.endswith("_dc"):
            axes.plot(x[~wrong], mean[~wrong], marker, color=shade, markersize=3.5)
    draw_zero(axes)
    axes.set_ylabel(axis_label(title, fits.units[columns[0]], scale))
    if len(names) > 1:
        axes.legend(loc="best")
    elif title == "b" and wrong.any():
        axes.set_title("hollow: not of this form, or Jτ/ħ is not small", loc="right")


def mixing_table(fits: Fits) -> str:
    """Table of `mixing_points`: a line for each run."""
    heads = [
        f"{name} [{pretty(unit)}]"
        for name, unit in zip(("a", "b", "4πb/ħ", "4πb/ħ of DC"), fits.units, strict=True)
    ]
    shown = [i for i in range(4) if any(math.isfinite(point.values[i][0]) for point in fits.points)]
    rows = [(fits.axis, "plane", *(heads[i] for i in shown), "misfit", "channel")]
    for point in fits.points:
        misfit = f"{point.misfit:.3g}" if math.isfinite(point.misfit) else "–"
        where = f"{point.x:.6g}", place(point.plane, fits.place_units)
        rows.append((*where, *(number(*point.values[i]) for i in shown), misfit, point.channel.marked))
    return "\n".join(aligned(rows, ["<28", "<10", *[">26"] * len(shown), ">10", "   <"])) + "\n"
