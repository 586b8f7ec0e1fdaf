"""CSV of a sweep: one row a point, with the numbers of the channel that the point's headlines tell."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from mcpump.problem.headline import headline
from mcpump.report.words import place
from mcpump.results.sweep_file import Collected
from mcpump.tally.estimates import Estimate

_DC_Y = {"charge_direction": "y", "harmonic": "dc"}
_TOLD: dict[str, dict[str, str]] = {
    "plane_current": {"part": "total", "harmonic": "dc", "component": "z"},
    "local_share": {"harmonic": "dc", "component": "z"},
    "mixing_conductance": {}, "mixing_conductance_dc": {}, "mixing_conductance_torque": {},
    "extra_damping": {}, "linewidth_field": {}, "linewidth_frequency": {},
    "extra_damping_torque": {}, "linewidth_field_torque": {}, "linewidth_frequency_torque": {},
    "inverse_spin_hall_field": {"part": "total", **_DC_Y}, "inverse_spin_hall_voltage": {"part": "total", **_DC_Y},
    "skew_field": {"part": "total", **_DC_Y}, "skew_voltage": {"part": "total", **_DC_Y},
    "open_circuit_field": _DC_Y, "open_circuit_voltage": _DC_Y,
    "exact_open_circuit_field": _DC_Y, "exact_open_circuit_voltage": _DC_Y,
}  # fmt: skip
"""Variables that are told, and the places on their axes but `channel` and `plane`."""


def sweep_csv(file: Collected) -> str:
    """CSV of a sweep.

    Parameters
    ----------
    file : Collected
        What its file holds, as `mcpump.results.sweep_file.read` gives it.

    Returns
    -------
    str
        A column for each swept key, how the point ended, its walkers and its headline channel; then the DC spin current
        with spin z through each plane and what follows from it, and voltages along y, each beside its `…_stderr`. Heads
        have the unit in brackets. What no point has is left out.
    """
    swept, status = file.words["point_status"]
    rows = [dict(_cells(file, dict(zip(swept, index, strict=True)))) for index in np.ndindex(status.shape)]
    heads = [
        head for head in dict.fromkeys(h for row in rows for h in row) if any(row.get(head) for row in rows)
    ]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, heads, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return stream.getvalue()


def _cells(file: Collected, point: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    """Heads and cells of one point, which is told by its numbers on the swept axes."""
    for name, number in point.items():
        axis = file.axes[name]
        if isinstance(axis, Estimate):
            yield _head(name, axis.units), _text(axis.mean[number])
        else:
            yield name, axis[number]
    for name, (dims, values) in file.words.items():
        if set(dims) <= set(point):
            yield name.removeprefix("point_"), str(values[tuple(point[axis] for axis in dims)])
    for name, one in file.estimates.items():
        # keys that change along with an axis are exact; what else has a place for each point alone is not told
        exact = one.stderr is None and not name.startswith(("regime_", "point_"))
        if name == "point_walkers" or (exact and set(one.dims) <= set(point)):
            yield _head(name.removeprefix("point_"), one.units), _text(_at(one, point).mean)
    channel = _channel(file, point)
    if channel:
        yield "channel", channel
        for name in _TOLD:
            if name in file.estimates:
                yield from _number(file, point, name, {"channel": channel, **_TOLD[name]})


def _at(estimate: Estimate, point: Mapping[str, int]) -> Estimate:
    """One point's numbers."""
    return estimate._at({axis: point[axis] for axis in estimate.dims if axis in point})


def _channel(file: Collected, point: Mapping[str, int]) -> str:
    """Headline channel of a point; empty where it has no spin current through planes."""
    current = file.estimates.get("plane_current")
    if current is None:
        return ""
    here = _at(current, point)
    there = [name for name in here.places("channel") if np.isfinite(here.sel(channel=name).mean).any()]
    exchange = file.estimates.get("regime_J_tau_over_hbar")
    number = math.nan if exchange is None else float(_at(exchange, point).mean)
    return headline(there, number).channel if there else ""


def _number(
    file: Collected, point: Mapping[str, int], name: str, where: Mapping[str, str]
) -> Iterator[tuple[str, str]]:
    """Cells of one variable: its number and error, at each plane where it has some."""
    one = _at(file.estimates[name], point)
    where = {axis: label for axis, label in where.items() if axis in one.dims}
    if any(label not in one.places(axis) for axis, label in where.items()):
        return
    one = one.sel(**where, **{axis: "x" for axis in ("direction", "normal") if axis in one.dims})
    for number in range(one.mean.shape[0]) if "plane" in one.dims else [None]:
        told, end = (one, "") if number is None else (one._at({"plane": number}), _plane(file, number))
        yield _head(name + end, one.units), _text(told.mean)
        if told.stderr is not None:
            yield _head(f"{name}_stderr{end}", one.units), _text(told.stderr)


def _plane(file: Collected, number: int) -> str:
    """Name of a plane: its place where all points have it there, else its number."""
    axis = file.axes.get("plane")
    if isinstance(axis, Estimate):
        return f" at {place(float(axis.mean[number]), axis.units)}"
    return f" at plane {number + 1}"


def _head(name: str, units: str) -> str:
    return name if units in ("1", "") else f"{name} [{units}]"


def _text(value: Any) -> str:
    """Number that round-trips; empty where it is not known."""
    return "" if math.isnan(value) else repr(float(value))
