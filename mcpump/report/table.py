"""A run in words: the text table, one summary line, and a tidy CSV.

Every number stands with one standard error, cut to the two digits that the error allows. What is zero
gets a line or two instead of rows of zeros (`mcpump.report.zeros`).
"""

from __future__ import annotations

import csv as csv_module
import io
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from mcpump.console import printed
from mcpump.report.against import against_lines
from mcpump.report.channels import channel_lines
from mcpump.report.charge import charge_lines
from mcpump.report.checks import check_lines
from mcpump.report.currents import budget_lines, plane_lines
from mcpump.report.damping import damping_lines
from mcpump.report.mesh import mesh_lines
from mcpump.report.overtaking import overtaking_lines
from mcpump.report.pumping import conclusion_lines, hall_lines, pumping_lines
from mcpump.report.times import is_pulse, last_current, transient_lines
from mcpump.report.words import (
    at_plane,
    column_of,
    doubt,
    headline_of,
    largest_in,
    plane_current,
    positions,
    power_of_ten,
    pretty,
    thousands,
    tied,
    told_channel,
    wrap,
    written,
)
from mcpump.report.zeros import no_current
from mcpump.tally.estimates import Result


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
        far the channels differ, how far the run is from the solution without walkers, and the self-checks;
        Tserkovnyak's form, and with spin-orbit coupling what becomes of charge; for a transient the currents of the last
        time bin and at their largest, or, without planes, the spin in each time bin; for another run without planes the
        largest density and current on the mesh. Lines are at most as wide as the terminal, 120 columns without one, where
        that is possible, and in ASCII under `--plain`.
    """
    lines = _head(result)
    if not result.estimates:
        return "\n".join([*lines, f"No estimates: {result.message}"]) + "\n"
    if "time" in result.coords:
        told = transient_lines(result)
        lines += told or mesh_lines(result)
        lines += [] if is_pulse(result) else budget_lines(result)
    elif "plane_current" in result.estimates:
        lines += plane_lines(result)
    else:
        lines += mesh_lines(result) + budget_lines(result)
    lines += overtaking_lines(result) + pumping_lines(result) + damping_lines(result)
    lines += hall_lines(result) + charge_lines(result) + conclusion_lines(result)
    lines += channel_lines(result) + against_lines(result) + check_lines(result)
    return printed("\n".join(lines)) + "\n"


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
    parts = [result.name, "solved" if result.solved else f"{thousands(result.walkers)} walkers"]
    if "plane_current" in result.estimates:
        parts += last_current(result) if "time" in result.coords else _leading_current(result)
    parts.append("complete" if result.complete else result.message)
    return "   ".join(parts)


_IN_CSV = (
    "plane_current", "plane_supercurrent", "budget", "local_share", "mixing_conductance", "mixing_conductance_dc",
    "mixing_conductance_torque", "extra_damping", "extra_damping_torque", "linewidth_field", "linewidth_field_torque",
    "linewidth_frequency", "linewidth_frequency_torque", "inverse_spin_hall_field", "inverse_spin_hall_voltage",
    "skew_field", "skew_voltage", "open_circuit_field", "open_circuit_voltage",
)  # fmt: skip
"""Variables of the CSV, in order."""


def csv(result: Result) -> str:
    """Tidy CSV of the plane currents, conductances, damping, voltages (every channel) and of the spin budget.

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
    current = result.estimates.get("plane_current")
    numeric = ("plane",) if current is None or current.clock == "harmonic" else ("plane", "time")
    heads = {"plane": ("position", "position_units"), "time": ("time", "time_units")}
    writer.writerow(
        ["quantity", *axes, *(h for axis in numeric for h in heads[axis]), "mean", "stderr", "units"]
    )
    for name in _IN_CSV:
        if name in result.estimates:
            writer.writerows(_csv_rows(result, name, axes, numeric))
    return stream.getvalue()


def _head(result: Result) -> list[str]:
    seconds = result.provenance.get("wall_time_s")
    clock = f"   {seconds:.3g} s" if isinstance(seconds, (int, float)) else ""
    status = "complete" if result.complete else f"NOT COMPLETE: {result.message}"
    statistics = f"{thousands(result.walkers)} walkers, {result.blocks} blocks, seed {result.seed}"
    walked = (statistics, f"{result.flights:.3g} flights{clock}")
    counts = (f"solved without walkers{clock}",) if result.solved else walked
    # what is wrong comes first
    parts = [tied(part) for part in (result.name, *counts)]
    parts.insert(len(parts) if result.complete else 1, status)
    lines = wrap("   ".join(parts))
    known = {key: item for key, item in result.regime.items() if not math.isnan(item[0])}
    regime = [f"{pretty(key)} {value:.4g} {pretty(unit)}" for key, (value, unit, _) in known.items()]
    if regime:
        lines += wrap("   ".join(tied(item.rstrip()) for item in regime))
    for kind, sentences in (("warning", result.warnings), ("note", result.notes)):
        for sentence in sentences:
            lines += wrap(f"{kind}: {sentence}")
    return lines


def _leading_current(result: Result) -> list[str]:
    current = plane_current(result)
    columns = current.stands_out()
    if not columns:
        return [no_current(result, current)]
    total = current.sel(channel=headline_of(result).channel, part="total")
    one = largest_in(total, [column for column in columns if column["harmonic"] == "dc"] or columns)
    power, where = power_of_ten(one.mean), at_plane(result, one.coords["plane"])
    size = f"({written(one, 10.0**-power)})e{power} {pretty(one.units)}"
    parts = [f"spin current {column_of(result, one.coords)} at {where}: {size}{doubt(result)}"]
    if "local_share" in result.estimates:
        share = told_channel(result, "local_share")
        share = share.sel(**{axis: one.coords[axis] for axis in share.dims})
        parts += [f"local share {written(share, 100.0)} %"] if np.isfinite(share.mean) else []
    return parts


def _csv_rows(
    result: Result, name: str, axes: tuple[str, ...], numeric: tuple[str, ...]
) -> Iterator[list[Any]]:
    estimate = result.estimates[name]
    places = [estimate.places(axis) for axis in estimate.dims]
    for index in np.ndindex(estimate.mean.shape):
        here = {axis: on[i] for axis, on, i in zip(estimate.dims, places, index, strict=True)}
        here["direction"] = here.get("direction", here.get("normal", here.get("charge_direction", "")))
        where = [
            one
            for axis in numeric
            for one in ((float(here[axis]), positions(result, axis).units) if axis in here else ("", ""))
        ]
        error = "" if estimate.stderr is None else repr(float(estimate.stderr[index]))
        names = [here.get(axis, "") for axis in axes]
        yield [name, *names, *where, repr(float(estimate.mean[index])), error, estimate.units]
