"""A run in words: the text table, one summary line, and a tidy CSV.

Every number stands with one standard error, cut to the two digits that the error allows. What is zero
gets a line or two instead of rows of zeros (`mcpump.report.zeros`).
"""

from __future__ import annotations

import csv as csv_module
import io
import math
from typing import Any

import numpy as np

from mcpump.report.channels import channel_lines
from mcpump.report.charge import charge_lines
from mcpump.report.checks import check_lines
from mcpump.report.currents import budget_lines, plane_lines
from mcpump.report.damping import damping_lines
from mcpump.report.mesh import mesh_lines
from mcpump.report.pumping import conclusion_lines, hall_lines, pumping_lines
from mcpump.report.times import is_pulse, last_current, transient_lines
from mcpump.report.words import (
    at,
    channel_of,
    column_name,
    columns_of,
    doubt,
    labels,
    plane_places,
    positions,
    power_of_ten,
    pretty,
    scaled,
    thousands,
    tied,
    wrap,
)
from mcpump.report.zeros import no_current
from mcpump.tally.estimates import Estimate, Result


def table(result: Result) -> str:
    """Text table of a run.

    Parameters
    ----------
    result
        The run.

    Returns
    -------
    str
        Head (statistics, regime, warnings, notes), spin currents along +x through the planes with one
        standard error each, local shares, super-current, what is zero by symmetry, the spin budget, and how
        far the channels differ, and the self-checks; Tserkovnyak's form, and with spin-orbit coupling what becomes of
        charge; for a transient the currents of the last time bin and at their
        largest, or, without planes, the spin in each time bin; for another run without planes the largest density
        and current on the mesh. Lines are at most 120 columns wide where that is possible.
    """
    lines = _head(result)
    if "time" in result.coords:
        told = transient_lines(result)
        lines += told or mesh_lines(result)
        lines += [] if is_pulse(result) else budget_lines(result)
    elif "plane_current" in result.estimates:
        lines += plane_lines(result)
    else:
        lines += mesh_lines(result) + budget_lines(result)
    lines += pumping_lines(result) + damping_lines(result)
    lines += hall_lines(result) + charge_lines(result) + conclusion_lines(result)
    lines += channel_lines(result) + check_lines(result)
    return "\n".join(lines) + "\n"


def summary_line(result: Result) -> str:
    """One line: name, walkers, leading spin current with its error and local share, how the run ended.

    Parameters
    ----------
    result
        The run.

    Returns
    -------
    str
        The total DC current where the run has one, else the largest harmonic, at the plane where it is
        largest; of a transient the largest of the last time bin; no current for a run without planes.
    """
    parts = [result.name, f"{thousands(result.walkers)} walkers"]
    estimate = result.estimates.get("plane_current")
    if estimate is not None:
        leading = last_current if "time" in estimate.dims else _leading_current
        parts += leading(result, estimate)
    parts.append("complete" if result.complete else result.message)
    return "   ".join(parts)


def csv(result: Result) -> str:
    """Tidy CSV of the plane currents (every channel) and of the spin budget.

    Parameters
    ----------
    result
        The run.

    Returns
    -------
    str
        One row a number: quantity, channel, part, direction, harmonic, component, line, position,
        position_units, mean, stderr, units; for a transient time and time_units (middle of the bin) before
        the mean. Numbers round-trip; an exact number has an empty stderr.
    """
    stream = io.StringIO()
    writer = csv_module.writer(stream, lineterminator="\n")
    axes = ("channel", "part", "direction", "harmonic", "component", "line")
    times = ["time", "time_units"] if _has_times(result) else []
    writer.writerow(["quantity", *axes, "position", "position_units", *times, "mean", "stderr", "units"])
    for name in ("plane_current", "plane_supercurrent", "budget"):
        if name in result.estimates:
            for row in _csv_rows(result, name, axes):
                writer.writerow(row)
    return stream.getvalue()


def _has_times(result: Result) -> bool:
    """Whether the CSV needs columns for the time."""
    current = result.estimates.get("plane_current")
    return current is not None and "time" in current.dims


def _head(result: Result) -> list[str]:
    seconds = result.provenance.get("wall_time_s")
    clock = f"   {seconds:.3g} s" if isinstance(seconds, (int, float)) else ""
    status = "complete" if result.complete else f"NOT COMPLETE: {result.message}"
    statistics = f"{thousands(result.walkers)} walkers, {result.blocks} blocks, seed {result.seed}"
    lines = [f"{result.name}   {statistics}   {result.flights:.3g} flights{clock}   {status}"]
    known = {key: item for key, item in result.regime.items() if not math.isnan(item[0])}
    regime = [f"{pretty(key)} {value:.4g} {pretty(unit)}" for key, (value, unit, _) in known.items()]
    if regime:
        lines += wrap("   ".join(tied(item.rstrip()) for item in regime))
    for kind, sentences in (("warning", result.warnings), ("note", result.notes)):
        for sentence in sentences:
            lines += wrap(f"{kind}: {sentence}")
    return lines


def _leading_current(result: Result, estimate: Estimate) -> list[str]:
    channel = channel_of(result)
    pairs = columns_of(estimate)
    if not pairs:
        return [no_current(result, estimate)]
    totals = np.abs(estimate.mean[channel, 2, 0])
    chosen = [pair for pair in pairs if pair[0] == 0] or pairs
    harmonic, component = max(chosen, key=lambda pair: float(totals[pair].max()))
    plane = int(np.argmax(totals[harmonic, component]))
    here = (channel, 2, 0, harmonic, component, plane)
    power = power_of_ten(totals[harmonic, component])
    text = scaled(estimate, 10.0**-power, *here)
    name = column_name(labels(result, "harmonic")[harmonic], labels(result, "component")[component])
    where = plane_places(result)[plane]
    parts = [f"spin current {name} at x = {where}: ({text})e{power} {pretty(estimate.units)}{doubt(result)}"]
    share = result.estimates.get("local_share")
    if share is not None and np.isfinite(share.mean[channel, harmonic, component, plane]):
        parts.append(f"local share {scaled(share, 100.0, channel, harmonic, component, plane)} %")
    return parts


def _csv_rows(result: Result, name: str, axes: tuple[str, ...]) -> list[list[Any]]:
    estimate = result.estimates[name]
    rows = []
    for index in np.ndindex(estimate.mean.shape):
        here = dict(zip(estimate.dims, index, strict=True))
        if "normal" in here:
            here["direction"] = here["normal"]
        names = [labels(result, axis)[here[axis]] if axis in here else "" for axis in axes]
        position = _csv_place(result, "plane", here)
        if _has_times(result):
            position += _csv_place(result, "time", here)
        mean, stderr = at(estimate, *index)
        rows.append(
            [name, *names, *position, repr(mean), "" if stderr is None else repr(stderr), estimate.units]
        )
    return rows


def _csv_place(result: Result, axis: str, here: dict[str, int]) -> list[Any]:
    """Coordinate and unit of a row on a numeric axis; empty where the quantity has no such axis."""
    if axis not in here:
        return ["", ""]
    coordinate = positions(result, axis)
    return [float(coordinate.mean[here[axis]]), coordinate.units]
