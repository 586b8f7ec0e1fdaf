"""Words and numbers of the table: symbols, powers of ten, "mean ± error", and the names of axes."""

from __future__ import annotations

import itertools
import math
import re
import textwrap
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.headline import Headline, headline
from mcpump.tally.estimates import Estimate, Result

WIDTH = 120
"""Columns that the table keeps to where it can."""
ROUNDING = 1e-14
"""Errors smaller than this, beside their numbers, are rounding."""
NOTHING = 1e-11
"""What is smaller than this, beside the largest of its kind, is rounding: a tilted axis leaves 1e-17 for zero, the
difference quotients of the general walk 1e-13."""

_WORDS = {
    "hbar": "ħ", "nu": "ν", "ell": "ℓ", "l": "ℓ", "tau": "τ", "tau_sf": "τ_sf", "lambda": "λ", "lam": "λ",
    "lambda_s": "λ_s", "lam_s": "λ_s", "Omega": "Ω", "sigma": "σ", "pi": "π",
}  # fmt: skip
_RAISED = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")

NOT_RESOLVED = "not resolved"
"""What the table says of numbers that are NaN because the walk does not resolve them."""
_TIE = "\0"  # wrapping does not cut here; printed as a space

Pair = tuple[int, int]
"""Indices of a harmonic and of a component of the spin."""


def pretty(text: str) -> str:
    """Write symbols and powers as print has them: "hbar nu J v_F" → "ħνJ v_F", "J/m^2" → "J/m²"."""
    text = re.sub(r"[A-Za-z_]+", lambda word: _WORDS.get(word.group(), word.group()), text)
    text = re.sub(r"(?<=[ħνJΩ]) (?=[νJτ])", "", text)
    text = re.sub(r"\s*/\s*", "/", text)
    return re.sub(r"\^(-?\d+)", lambda power: power.group(1).translate(_RAISED), text)


def power_of_ten(values: NDArray[np.float64]) -> int:
    """Exponent, a multiple of three, that brings the largest of `values` into 1 … 1000; 0 if all vanish."""
    finite = np.abs(values[np.isfinite(values)])
    largest = float(finite.max()) if finite.size else 0.0
    return 3 * math.floor(math.log10(largest) / 3) if largest > 0 else 0


def number(mean: float, stderr: float | None) -> str:
    """Write "mean ± stderr" with the two digits that the error allows.

    Parameters
    ----------
    mean, stderr
        The number and its standard error; None for an exact number, NaN for an unknown error.

    Returns
    -------
    str
        "34.62 ± 0.11"; "0" for an exact zero, "34.6153" for another number that is exact but for
        rounding, "34.6 ± ?" where the error is unknown.
    """
    if math.isnan(mean):
        return "–"
    if stderr is None or stderr <= ROUNDING * abs(mean) or math.isinf(mean):
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
    return result.regime.get("J tau/hbar", (math.nan, "", ""))[0]


def is_fitted(result: Result) -> bool:
    """Whether the file has Tserkovnyak's form of the channel that a report shows; an older one may have another's."""
    fit = result.estimates.get("pumping_b")
    return fit is not None and fit.long_name.endswith(headline_of(result).tag)


def doubt(result: Result) -> str:
    """What to add to a number of the channel that a report shows, in brackets; empty where the channel holds."""
    channel = headline_of(result)
    return "" if channel.holds else f" ({channel.title})"


def channel_of(result: Result) -> int:
    """Place of the channel that a report shows."""
    return labels(result, "channel").index(headline_of(result).channel)


def clock_of(estimate: Estimate) -> str:
    """Name of the axis that stands for time: "time" in a transient, else "harmonic"."""
    return "time" if "time" in estimate.dims else "harmonic"


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


def columns_of(estimate: Estimate) -> list[Pair]:
    """(harmonic, component) pairs of an estimate that are more than rounding in some channel, DC first.

    For a transient (time bin, component), in order.
    """
    size = np.nan_to_num(np.abs(estimate.mean))
    if estimate.stderr is not None:
        size = np.maximum(size, np.nan_to_num(estimate.stderr))
    kept = ("channel", clock_of(estimate), "component")
    others = tuple(axis for axis, name in enumerate(estimate.dims) if name not in kept)
    size = size.max(axis=others, initial=0.0)
    size = size.reshape(-1, *size.shape[-2:])
    # Channels differ by powers of Jτ/ħ and of Ωτ: each has a largest column of its own.
    alive = (size > NOTHING * size.max(axis=(1, 2), keepdims=True)).any(axis=0)
    pairs = [(int(h), int(c)) for h, c in np.argwhere(alive)]
    if clock_of(estimate) == "time":
        return pairs
    # Within one multiple of Ω the components stand together: x cos, x sin, y cos, …
    return sorted(pairs, key=lambda pair: ((pair[0] + 1) // 2, pair[1], pair[0]))


def thousands(count: int) -> str:
    """Count with thin groups of three digits: 1 000 000."""
    return f"{count:,}".replace(",", " ")


def wrap(text: str) -> list[str]:
    """Cut a long line at the table's width, never inside "mean ± error"; what follows is indented."""
    for joint in (" ± ", " %"):
        text = text.replace(joint, tied(joint))
    lines = textwrap.wrap(
        text, WIDTH, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    ) or [""]
    return [line.replace(_TIE, " ") for line in lines]


def tied(text: str) -> str:
    """Text that `wrap` keeps on one line."""
    return text.replace(" ", _TIE)


def at(estimate: Estimate, *index: Any) -> tuple[float, float | None]:
    """Mean and standard error of one element."""
    return float(estimate.mean[index]), None if estimate.stderr is None else float(estimate.stderr[index])


def scaled(estimate: Estimate, factor: float, *index: Any) -> str:
    """Write one element times a factor: "mean ± stderr", or that it is not resolved."""
    mean, stderr = at(estimate, *index)
    if estimate.not_resolved and math.isnan(mean):
        return NOT_RESOLVED
    return number(mean * factor, None if stderr is None else stderr * factor)


def plane_places(result: Result) -> list[str]:
    """Where each plane lies: "20 nm"."""
    planes = positions(result, "plane")
    return [place(float(x), planes.units) for x in planes.mean]


def times_of(result: Result) -> tuple[NDArray[np.float64], str]:
    """Edges of the time bins and their unit: fs, ps or ns for SI, τ for reduced decks."""
    edges = positions(result, "time_edge")
    if edges.units != "s":
        return edges.mean, pretty(edges.units)
    end = float(edges.mean[-1])
    factor, unit = (1e15, "fs") if end < 1e-11 else ((1e12, "ps") if end < 1e-8 else (1e9, "ns"))
    return edges.mean * factor, unit


def spans_of(result: Result) -> list[str]:
    """Time bins in words: "t = 12.35 … 24.69 fs"."""
    times, unit = times_of(result)
    return [f"t = {start:.4g} … {end:.4g} {unit}" for start, end in itertools.pairwise(times)]
