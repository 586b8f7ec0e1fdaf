"""Words and numbers of the table: symbols, powers of ten, "mean ± error", and the names of axes."""

from __future__ import annotations

import itertools
import math
import re
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcpump.console import printed, width
from mcpump.problem.headline import Headline, headline
from mcpump.tally.estimates import Estimate, Result

SIX_DIGITS = 1e-7
"""Errors smaller than this, beside their numbers, do not reach the six digits that are told of an exact one."""

_WORDS = {
    "hbar": "ħ", "nu": "ν", "ell": "ℓ", "l": "ℓ", "tau": "τ", "tau_sf": "τ_sf", "lambda": "λ", "lam": "λ",
    "lambda_s": "λ_s", "lam_s": "λ_s", "Omega": "Ω", "sigma": "σ", "pi": "π",
}  # fmt: skip
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

NOT_RESOLVED = "not resolved"
"""What the table says of numbers that are NaN because the walk does not resolve them."""
_TIE = "\0"  # wrapping does not cut here; printed as a space

Column = dict[str, Any]
"""What `Estimate.sel` takes for one column: a harmonic or time, and a component of the spin or a direction."""


def pretty(text: str) -> str:
    """Write symbols and powers as print has them: "hbar nu J v_F" → "ħνJ v_F", "J/m^2" → "J/m²"."""
    text = re.sub(r"[A-Za-z_]+", lambda word: _WORDS.get(word.group(), word.group()), text)
    text = re.sub(r"(?<=[ħνJΩ]) (?=[νJτ])", "", text)
    text = re.sub(r"\s*/\s*", "/", text)
    return re.sub(r"\^(-?\d+)", lambda power: power.group(1).translate(_RAISED), text)


def power_of_ten(values: ArrayLike) -> int:
    """Exponent, a multiple of three, that brings the largest of `values` into 1 … 1000; 0 if all vanish."""
    sizes = np.abs(values)
    largest = float(np.max(sizes, where=np.isfinite(sizes), initial=0.0))
    return 3 * math.floor(math.log10(largest) / 3) if largest > 0 else 0


def in_units(units: str, power: int = 0) -> str:
    """Write a unit with the power of ten taken out: "1e-9 J/m²"."""
    return f"1e{power} {pretty(units)}" if power else pretty(units)


def number(mean: float, stderr: float | None) -> str:
    """Write "mean ± stderr" with the two digits that the error allows.

    Parameters
    ----------
    mean, stderr
        The number and its standard error; None for an exact number, NaN for an unknown error.

    Returns
    -------
    str
        "34.62 ± 0.11"; "0" for an exact zero, "34.6153" for another number that is exact, or known to
        more digits than these, "34.6 ± ?" where the error is unknown.
    """
    if math.isnan(mean):
        return "–"
    if stderr is None or stderr <= SIX_DIGITS * abs(mean) or math.isinf(mean):
        return f"{mean + 0.0:.6g}"
    if not math.isfinite(stderr):
        return f"{mean:.3g} ± ?"
    # Rounded first, so that 0.0996 counts as 0.10 and keeps two digits, not three.
    digits = 1 - math.floor(math.log10(float(f"{stderr:.1e}")))
    exponent = math.floor(math.log10(max(abs(mean), stderr)))
    if -5 < exponent < 7:
        return _fixed(mean, stderr, digits)
    return f"({_fixed(mean / 10.0**exponent, stderr / 10.0**exponent, digits + exponent)})e{exponent}"


def _fixed(mean: float, stderr: float, digits: int) -> str:
    """Mean and error rounded to `digits` after the point (before it, if negative)."""
    decimals = max(digits, 0)
    # Adding zero takes the sign off a rounded −0.
    texts = [f"{round(value, digits) + 0.0:.{decimals}f}" for value in (mean, stderr)]
    return " ± ".join(texts)


def place(value: float, units: str) -> str:
    """Position with its unit: SI lengths in nm, reduced ones in ℓ."""
    return f"{value * 1e9:.6g} nm" if units == "m" else f"{value:.6g} {pretty(units)}"


def headline_of(result: Result) -> Headline:
    """Channel that a report shows, and whether it holds."""
    return headline(labels(result, "channel"), exchange_of(result))


def exchange_of(result: Result) -> float:
    """Jτ/ħ of a run; NaN where nothing is turned."""
    return result.regime_number("J tau/hbar")


def is_fitted(result: Result) -> bool:
    """Whether the file has Tserkovnyak's form of every channel; an older one has that of one of them."""
    return "pumping_b" in result.estimates and "channel" in result.estimates["pumping_b"].dims


def doubt(result: Result) -> str:
    """What to add to a number of the channel that a report shows, in brackets; empty where the channel holds."""
    channel = headline_of(result)
    return "" if channel.holds else f" ({channel.title})"


def told_channel(result: Result, name: str) -> Estimate:
    """Estimate of the channel that a report shows."""
    return result.estimates[name].sel(channel=headline_of(result).channel)


def plane_current(result: Result) -> Estimate:
    """Spin current through the planes, (channel, part, clock, component, plane)."""
    estimate = result.estimates["plane_current"]
    return estimate.sel(**{axis: "x" for axis in ("direction", "normal") if axis in estimate.dims})


def mesh_axes(result: Result) -> tuple[str, ...]:
    """Directions of the mesh: ("x",), ("x", "y") or all three."""
    return tuple(axis for axis in ("x", "y", "z") if axis in result.coords)


def labels(result: Result, axis: str) -> tuple[str, ...]:
    """Labels of an axis whose coordinates are names."""
    coordinate = result.coords[axis]
    assert not isinstance(coordinate, Estimate)
    return coordinate


def positions(result: Result, axis: str) -> Estimate:
    """Coordinates of an axis whose coordinates are numbers."""
    coordinate = result.coords[axis]
    assert isinstance(coordinate, Estimate)
    return coordinate


def column_name(harmonic: str, component: str) -> str:
    """Name of a (harmonic, component): "DC z", "x cos", "x sin 2" for the second harmonic."""
    if harmonic == "dc":
        return f"DC {component}"
    return f"{component} {harmonic[:3]}" + (f" {harmonic[3:]}" if harmonic[3:] != "1" else "")


def column_of(result: Result, column: Mapping[str, Any]) -> str:
    """Name of a column, or of where a number stands: "DC z", "x cos 2", or "z, t = 0 … 5 fs"."""
    if "time" in column:
        return ", ".join(filter(None, (_letter(column), span_of(result, column["time"]))))
    return column_name(column["harmonic"], _letter(column)).strip()


def short_name(column: Mapping[str, Any]) -> str:
    """Name of a column below a title that tells its multiple of Ω."""
    name = column_name(column["harmonic"], _letter(column))
    return name.removeprefix("DC ").removesuffix(f" {multiple_of(column)}")


def _letter(column: Mapping[str, Any]) -> str:
    return column.get("component") or column.get("charge_direction", "")


def multiple_of(column: Mapping[str, Any]) -> int:
    """Multiple of Ω of a column; all time bins are one."""
    return int(column["harmonic"][3:] or 0) if "harmonic" in column else 0


def by_multiple(columns: Iterable[Column]) -> list[list[Column]]:
    """Columns of each multiple of Ω, in order."""
    return [list(group) for _, group in itertools.groupby(columns, multiple_of)]


def largest_in(estimate: Estimate, columns: Iterable[Column]) -> Estimate:
    """Largest number in some columns, the first of equal ones."""
    found = [estimate.sel(**column).largest() for column in columns]
    return max(found, key=lambda one: float(np.nan_to_num(np.abs(one.mean))))


def thousands(count: int) -> str:
    """Count with thin groups of three digits: 1 000 000."""
    return f"{count:,}".replace(",", " ")


def wrap(text: str) -> list[str]:
    """Cut a long line at the table's width, never inside "mean ± error"; what follows is indented."""
    for joint in (" ± ", " %"):
        text = text.replace(joint, tied(joint))
    lines = textwrap.wrap(
        printed(text), width(), subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    ) or [""]
    return [line.replace(_TIE, " ") for line in lines]


def tied(text: str) -> str:
    """Text that `wrap` keeps on one line."""
    return text.replace(" ", _TIE)


def written(one: Estimate, factor: float = 1.0) -> str:
    """Write a number times a factor: "mean ± stderr", or that it is not resolved."""
    if one.not_resolved and math.isnan(one.mean):
        return NOT_RESOLVED
    return number(float(one.mean) * factor, None if one.stderr is None else float(one.stderr) * factor)


def in_tens(one: Estimate) -> str:
    """Write a number with its power of ten behind it."""
    power = power_of_ten(max(abs(float(one.mean)), float(np.nan_to_num(one.error))))
    return f"({written(one, 10.0**-power)})e{power}" if power else written(one)


def at_plane(result: Result, x: float) -> str:
    """Where a plane lies: "x = 20 nm"."""
    return f"x = {place(x, positions(result, 'plane').units)}"


def on_mesh(result: Result, one: Estimate) -> str:
    """Where a number stands on the mesh: "x = 2 nm, y = 3 nm"."""
    axes = mesh_axes(result)
    return ", ".join(f"{axis} = {place(one.coords[axis], positions(result, axis).units)}" for axis in axes)


def aligned(rows: Sequence[Sequence[str]], columns: Sequence[str]) -> list[str]:
    """Write rows of cells, aligned.

    Parameters
    ----------
    rows : sequence of sequence of str
    columns : sequence of str
        For each column what stands before it, < or > for left or right, and its least width: " | >", "   <", ">22".
    """
    rows = [[printed(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    formats = [re.fullmatch(r"([^<>]*)([<>])(\d*)", column) for column in columns]
    shape = "".join(
        f"{one[1]}{{:{one[2]}{max(width, int(one[3] or 0))}}}"
        for one, width in zip(formats, widths, strict=True)
        if one
    )
    return [shape.format(*row).rstrip() for row in rows]


def barred(rows: Sequence[tuple[str, Sequence[str]]], columns: Sequence[Column]) -> list[str]:
    """Aligned rows of a name and a cell for each column, with a bar and a title wherever the multiple of Ω changes."""
    multiples = [multiple_of(column) for column in columns]
    fresh = [i == 0 or multiples[i] != multiples[i - 1] for i in range(len(columns))]
    formats = ["<", *(" | >" if new else "   >" for new in fresh)]
    lines = aligned([(f"{name} ", *cells) for name, cells in rows], formats)
    title, bars = "", (i for i, sign in enumerate(lines[0]) if sign == "|")
    for multiple, bar in zip(dict.fromkeys(multiples), bars, strict=True):
        times = "" if multiple == 1 else multiple
        title = f"{title:<{bar - 1}} | " + (f"cos {times}Ωt, sin {times}Ωt" if multiple else "DC")
    return [title, *lines]


def listed(rows: Sequence[tuple[str, str]]) -> list[str]:
    """Indented lines of a title and a text, aligned and wrapped."""
    lines = aligned(rows, ["  <", "  <"])
    return [line.rstrip() for text in lines for line in wrap(text.replace("  ", _TIE * 2))]


def times_of(result: Result) -> tuple[NDArray[np.float64], str]:
    """Edges of the time bins and their unit: fs, ps or ns for SI, τ for reduced decks."""
    edges = positions(result, "time_edge")
    if edges.units != "s":
        return edges.mean, pretty(edges.units)
    end = float(edges.mean[-1])
    factor, unit = (1e15, "fs") if end < 1e-11 else ((1e12, "ps") if end < 1e-8 else (1e9, "ns"))
    return edges.mean * factor, unit


def span_of(result: Result, time: float) -> str:
    """Time bin in words: "t = 12.35 … 24.69 fs"."""
    edges, unit = times_of(result)
    bin_ = int(np.searchsorted(positions(result, "time").mean, time))
    return f"t = {edges[bin_]:.4g} … {edges[bin_ + 1]:.4g} {unit}"
