"""The table's middle: spin currents through the planes, shares, symmetry zeros, spin budget."""

from __future__ import annotations

import numpy as np

from mcpump.console import width
from mcpump.constants import E_CHARGE, HBAR
from mcpump.names import GAINS, PARTS
from mcpump.report.forecast import forecast_lines
from mcpump.report.words import (
    Column,
    at_plane,
    barred,
    by_multiple,
    column_of,
    headline_of,
    in_units,
    labels,
    largest_in,
    mesh_axes,
    plane_current,
    positions,
    power_of_ten,
    short_name,
    tied,
    times_of,
    told_channel,
    wrap,
    written,
)
from mcpump.report.zeros import is_rounding, supercurrent_zero, zero_lines
from mcpump.tally.estimates import NOTHING, Estimate, Result

_AMPERE = 2 * E_CHARGE / HBAR
Row = tuple[str, list[str]]
_NAMES = {
    f"left_at_{face}": f"left at the {face} face"
    for face in ("left", "right", "front", "back", "bottom", "top")
}


def plane_lines(result: Result) -> list[str]:
    """Lines of the table for a run with planes."""
    current = plane_current(result)
    told = current.sel(channel=headline_of(result).channel)
    columns = current.stands_out()
    lines: list[str] = []
    if columns:
        lines += [f"Spin current along +x, {headline_of(result).title}{_mesh_words(result)}"]
        lines += _current_block(result, told, columns)
        lines += _channel_block(result, current, columns)
        lines += _share_lines(result, told, columns) + forecast_lines(result)
        lines += _compatible_lines(result, told, columns)
    lines += _supercurrent_lines(result)
    lines += zero_lines(result, columns, open_planes(told))
    return lines + budget_lines(result)


def open_planes(current: Estimate) -> list[float]:
    """Planes through which more than rounding passes, or of which that is not resolved."""
    passing = [column["plane"] for column in current.stands_out("plane")]
    return [x for x in current.places("plane") if x in passing or np.isnan(current.sel(plane=x).mean).any()]


def _current_block(result: Result, current: Estimate, columns: list[Column]) -> list[str]:
    block = barred(_rows(result, current, columns), columns)
    if max(map(len, block)) <= width() or len(columns) == 1:
        return block
    # Too wide: one block for each multiple of Ω, with a power of ten of its own, cut further if it must be.
    groups, half = by_multiple(columns), (len(columns) + 1) // 2
    groups = groups if len(groups) > 1 else [columns[:half], columns[half:]]
    return [line for mine in groups for line in _current_block(result, current, mine)]


def _rows(result: Result, current: Estimate, columns: list[Column]) -> list[Row]:
    """Head, every part at every open plane, and for SI the totals in A/m²."""
    total = current.sel(part="total")
    totals = np.array([total.sel(**column).mean for column in columns])
    power, planes = power_of_ten(totals), open_planes(current)
    rows: list[Row] = [(f"[{in_units(current.units, power)}]", [short_name(column) for column in columns])]
    for x in planes:
        where = at_plane(result, x)
        for part in PARTS:
            here = current.sel(part=part, plane=x)
            cells = [written(here.sel(**column), 10.0**-power) for column in columns]
            rows.append((f"{where if part == PARTS[0] else '':<{len(where)}} {part}", cells))
    if current.units != "J/m^2":
        return rows
    power = power_of_ten(totals * _AMPERE)
    rows.append((f"[{in_units('A/m^2', power)}]", [""] * len(columns)))
    for x in planes:
        cells = [written(total.sel(plane=x, **column), _AMPERE * 10.0**-power) for column in columns]
        rows.append((f"{at_plane(result, x)} total", cells))
    return rows


def _channel_block(result: Result, current: Estimate, columns: list[Column]) -> list[str]:
    """Totals of every channel, where more were walked than the block above tells: the largest columns, as many as fit."""
    names = [name for name in labels(result, "channel") if name != "sum"]
    if len(names) == len(headline_of(result).words.split(" + ")):
        return []
    total, kept, block = current.sel(part="total"), list[Column](), list[str]()
    for mine in by_multiple(columns):
        # components of one multiple mirror each other: the largest one, cosine and sine
        component = largest_in(total, mine).coords["component"]
        more = kept + [column for column in mine if column["component"] == component]
        wider = barred(_channel_rows(result, current, names, more), more)
        if kept and max(map(len, wider)) > width():
            break
        kept, block = more, wider
    return ["Total spin current along +x by channel", *block]


def _channel_rows(result: Result, current: Estimate, names: list[str], columns: list[Column]) -> list[Row]:
    """Head, and at every plane a row for each channel."""
    totals = {name: current.sel(channel=name, part="total") for name in names}
    power = power_of_ten([one.sel(**column).mean for one in totals.values() for column in columns])
    rows: list[Row] = [(f"[{in_units(current.units, power)}]", [short_name(column) for column in columns])]
    for x in sorted({x for name in names for x in open_planes(current.sel(channel=name))}):
        where = at_plane(result, x)
        for name, total in totals.items():
            cells = [_cell(total, column, x, 10.0**-power) for column in columns]
            rows.append((f"{where if name == names[0] else '':<{len(where)}} {name}", cells))
    return rows


def _cell(total: Estimate, column: Column, x: float, factor: float) -> str:
    """Total of one channel; 0 where a channel has no such column, but for rounding."""
    mine = total.sel(**column)
    size, whole = (np.nan_to_num(np.abs(one.largest().mean)) for one in (mine, total))
    return "0" if size <= NOTHING * whole and whole > 0.0 else written(mine.sel(plane=x), factor)


def _mesh_words(result: Result) -> str:
    """Say, where the mesh has more directions than x, which mesh, and that planes are averaged over."""
    axes = mesh_axes(result)
    if len(axes) == 1:
        return ""
    cells = " × ".join(str(positions(result, axis).mean.size) for axis in axes)
    return f", mean over each plane (mesh of {cells} cells)"


def _share_lines(result: Result, told: Estimate, columns: list[Column]) -> list[str]:
    if "local_share" not in result.estimates or headline_of(result).channel == "spin_hall":
        return []  # an electric field's drive is no walker's, and stands among the local currents
    share, lines = told_channel(result, "local_share"), list[str]()
    for x in open_planes(told):
        found = {column_of(result, column): share.sel(plane=x, **column) for column in columns}
        texts = [
            tied(f"{name} {written(one, 100.0)} %") for name, one in found.items() if np.isfinite(one.mean)
        ]
        if texts:
            lines += wrap(f"local share at {at_plane(result, x)}: " + ", ".join(texts))
    return lines


def _compatible_lines(result: Result, told: Estimate, columns: list[Column]) -> list[str]:
    found = []
    for x in open_planes(told):
        for part in PARTS:
            here = {column_of(result, c): told.sel(part=part, plane=x, **c) for c in columns}
            small = [tied(name) for name, one in here.items() if 0.0 < one.error >= abs(one.mean)]
            if small:
                found.append(f"{tied(f'{part} at {at_plane(result, x)}')} ({', '.join(small)})")
    return wrap("compatible with zero (smaller than its error): " + "; ".join(found)) if found else []


def _supercurrent_lines(result: Result) -> list[str]:
    estimate = result.estimates.get("plane_supercurrent")
    if estimate is None or not np.isfinite(estimate.mean).any():
        return ["super-current: not evaluated (it needs k_F)"]
    if is_rounding(result, "plane_supercurrent"):
        return [] if supercurrent_zero(result) else ["equilibrium super-current, exact: 0 at these planes"]
    power = power_of_ten(estimate.mean)
    texts = []
    for x in estimate.places("plane"):
        here = estimate.sel(plane=x, **{estimate.dims[0]: "x"})
        values = [
            tied(f"{column_of(result, column)} {written(here.sel(**column), 10.0**-power)}")
            for column in estimate.stands_out()
        ]
        texts.append(f"{tied(at_plane(result, x))} {', '.join(values)}")
    head = f"equilibrium super-current, exact [1e{power} {in_units(estimate.units)}]: "
    return wrap(head + "; ".join(texts))


def budget_lines(result: Result) -> list[str]:
    """Lines of the table that tell the spin budget; a transient's is over all its time."""
    if "budget" not in result.estimates:
        return []
    budget, columns = told_channel(result, "budget"), result.estimates["budget"].stands_out()
    if not columns:
        return []
    transient = "time" in result.coords
    power = power_of_ten(budget.mean)
    until = f" up to t = {times_of(result)[0][-1]:.4g} {times_of(result)[1]}" if transient else ""
    lines = [f"spin budget{until} [{in_units(budget.units, power)}]"]
    names = labels(result, "line")
    for column in columns:
        sides = [tuple(name for name in names if (name in GAINS) == gain) for gain in (True, False)]
        gains, losses = (_side(budget, side, column, 10.0**-power) for side in sides)
        closes = _closes(result, column) if gains else ""
        name = column["component"] if transient else column_of(result, column)
        lines += wrap(f"  {name}: {gains or '0'} = {losses or '0'}{closes}")
    return lines


_COUNTS = 1e-6
"""Share of a column's largest term of the budget that its other terms are told from."""


def _side(budget: Estimate, side: tuple[str, ...], column: Column, factor: float) -> str:
    terms, largest = [], np.abs(budget.sel(**column).mean).max()
    for name in side:
        line = budget.sel(line=name)
        one = line.sel(**column)
        # not what is rounding of larger columns, unless it counts beside the other terms of its own
        if max(abs(one.mean), one.error) > min(NOTHING * np.abs(line.mean).max(), _COUNTS * largest):
            terms.append(tied(f"{_NAMES.get(name, name)} {written(one, factor)}"))
    return " + ".join(terms)


def _closes(result: Result, column: Column) -> str:
    if "budget_imbalance" not in result.estimates:
        return ""
    value = float(told_channel(result, "budget_imbalance").sel(**column).mean)
    return tied(f"   closes to {abs(value):.1g}") if np.isfinite(value) else ""
