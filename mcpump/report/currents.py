"""The table's middle: spin currents through the planes, shares, symmetry zeros, spin budget."""

from __future__ import annotations

import numpy as np

from mcpump.constants import E_CHARGE, HBAR
from mcpump.names import PARTS
from mcpump.report.words import (
    NOTHING,
    WIDTH,
    Pair,
    at,
    channel_of,
    column_name,
    columns_of,
    headline_of,
    labels,
    mesh_axes,
    plane_places,
    positions,
    power_of_ten,
    pretty,
    scaled,
    tied,
    times_of,
    wrap,
)
from mcpump.report.zeros import is_rounding, supercurrent_zero, zero_lines
from mcpump.tally.estimates import Estimate, Result

_AMPERE = 2 * E_CHARGE / HBAR
Row = tuple[str, list[str]]
_NAMES = {
    f"left_at_{face}": f"left at the {face} face"
    for face in ("left", "right", "front", "back", "bottom", "top")
}


def plane_lines(result: Result) -> list[str]:
    """Lines of the table for a run with planes."""
    current = result.estimates["plane_current"]
    channel = channel_of(result)
    pairs = columns_of(current)
    lines: list[str] = []
    if pairs:
        lines += _current_block(result, current, channel, pairs)
        lines += _channel_block(result, current, pairs)
        lines += _share_lines(result, channel, pairs)
        lines += _compatible_lines(result, current, channel, pairs)
    lines += _supercurrent_lines(result)
    lines += zero_lines(result, pairs, _open_planes(current, channel))
    return lines + budget_lines(result)


def _current_block(result: Result, current: Estimate, channel: int, pairs: list[Pair]) -> list[str]:
    lines = [f"Spin current along +x, {headline_of(result).title}{_mesh_words(result)}"]
    whole = _laid_out(result, current, channel, pairs)
    if max(map(len, whole)) <= WIDTH:
        return lines + whole
    # Too wide: one block for each multiple of Ω, with a power of ten of its own, cut further if it must be.
    for multiple in sorted({_multiple(pair) for pair in pairs}):
        mine = [pair for pair in pairs if _multiple(pair) == multiple]
        lines += _cut(result, current, channel, mine)
    return lines


def _cut(result: Result, current: Estimate, channel: int, pairs: list[Pair]) -> list[str]:
    block = _laid_out(result, current, channel, pairs)
    if max(map(len, block)) <= WIDTH or len(pairs) == 1:
        return block
    half = (len(pairs) + 1) // 2
    return _cut(result, current, channel, pairs[:half]) + _cut(result, current, channel, pairs[half:])


def _laid_out(result: Result, current: Estimate, channel: int, pairs: list[Pair]) -> list[str]:
    return aligned(_rows(result, current, channel, pairs), pairs)


def _channel_block(result: Result, current: Estimate, pairs: list[Pair]) -> list[str]:
    """Totals of every channel, where more were walked than the block above tells: the largest columns, as many as fit."""
    names = [name for name in labels(result, "channel") if name != "sum"]
    if len(names) == len(headline_of(result).words.split(" + ")):
        return []
    size = np.nan_to_num(np.abs(current.mean[:, 2, 0])).max(axis=-1)  # channel, harmonic, component
    multiples = sorted({_multiple(pair) for pair in pairs})
    kept: list[Pair] = []
    for multiple in multiples:
        mine = [pair for pair in pairs if _multiple(pair) == multiple]
        # components of one multiple mirror each other: the largest one, cosine and sine
        component = max(mine, key=lambda pair: float(size[(slice(None), *pair)].max()))[1]
        more = [pair for pair in mine if pair[1] == component]
        block = aligned(_channel_rows(result, current, names, kept + more), kept + more)
        if kept and max(map(len, block)) > WIDTH:
            break
        kept += more
    block = aligned(_channel_rows(result, current, names, kept), kept)
    return ["Total spin current along +x by channel", *block]


def _channel_rows(result: Result, current: Estimate, names: list[str], pairs: list[Pair]) -> list[Row]:
    """Head, and at every plane a row for each channel."""
    rows_of = [labels(result, "channel").index(name) for name in names]
    scale = power_of_ten(np.array([current.mean[(rows_of, 2, 0, *pair)] for pair in pairs]))
    unit = f"[1e{scale} {pretty(current.units)}]" if scale else f"[{pretty(current.units)}]"
    rows: list[Row] = [(unit, [_short_name(result, pair) for pair in pairs])]
    passing = sorted({plane for channel in rows_of for plane in _open_planes(current, channel)})
    for plane in passing:
        where = f"x = {plane_places(result)[plane]}"
        for i, (name, channel) in enumerate(zip(names, rows_of, strict=True)):
            cells = [_cell(current, 10.0**-scale, channel, pair, plane) for pair in pairs]
            rows.append((f"{where if i == 0 else '':<{len(where)}} {name}", cells))
    return rows


def _cell(current: Estimate, factor: float, channel: int, pair: Pair, plane: int) -> str:
    """Total of one channel; 0 where a channel has no such column, but for rounding."""
    mine = np.nan_to_num(np.abs(current.mean[channel, 2, 0]))
    if mine[pair].max() <= NOTHING * mine.max() and mine.max() > 0.0:
        return "0"
    return scaled(current, factor, channel, 2, 0, *pair, plane)


def aligned(rows: list[Row], pairs: list[Pair]) -> list[str]:
    """Rows of one block of columns: a bar, and a title, wherever the multiple of Ω changes."""
    first = max(len(name) for name, _ in rows) + 1
    widths = [max(map(len, column)) for column in zip(*(cells for _, cells in rows), strict=True)]
    multiples = [_multiple(pair) for pair in pairs]
    fresh = [c == 0 or multiples[c] != multiples[c - 1] for c in range(len(pairs))]
    title, start = "", first
    for column, width in enumerate(widths):
        if fresh[column]:
            title = f"{title:<{start}} | {_group_name(multiples[column])}"
        start += width + 3
    lines = [title]
    for name, cells in rows:
        texts = [(" | " if fresh[c] else "   ") + f"{cell:>{widths[c]}}" for c, cell in enumerate(cells)]
        lines.append((f"{name:<{first}}" + "".join(texts)).rstrip())
    return lines


def _mesh_words(result: Result) -> str:
    """Say, where the mesh has more directions than x, which mesh, and that planes are averaged over."""
    axes = mesh_axes(result)
    if len(axes) == 1:
        return ""
    cells = " × ".join(str(positions(result, axis).mean.size) for axis in axes)
    return f", mean over each plane (mesh of {cells} cells)"


def _rows(result: Result, current: Estimate, channel: int, pairs: list[Pair]) -> list[Row]:
    """Head, every part at every open plane, and for SI the totals in A/m²."""
    places = [f"x = {where}" for where in plane_places(result)]
    totals = np.array([current.mean[(channel, 2, 0, *pair)] for pair in pairs])
    scale = power_of_ten(totals)
    unit = f"[1e{scale} {pretty(current.units)}]" if scale else f"[{pretty(current.units)}]"
    rows: list[Row] = [(unit, [_short_name(result, pair) for pair in pairs])]
    for plane in _open_planes(current, channel):
        where = places[plane]
        for part, name in enumerate(PARTS):
            cells = [scaled(current, 10.0**-scale, channel, part, 0, *pair, plane) for pair in pairs]
            rows.append((f"{where if part == 0 else '':<{len(where)}} {name}", cells))
    if current.units != "J/m^2":
        return rows
    scale = power_of_ten(totals * _AMPERE)
    rows.append((f"[1e{scale} A/m²]" if scale else "[A/m²]", [""] * len(pairs)))
    for plane in _open_planes(current, channel):
        cells = [scaled(current, _AMPERE * 10.0**-scale, channel, 2, 0, *pair, plane) for pair in pairs]
        rows.append((f"{places[plane]} total", cells))
    return rows


def _multiple(pair: Pair) -> int:
    return (pair[0] + 1) // 2


def _group_name(multiple: int) -> str:
    times = "" if multiple == 1 else multiple
    return f"cos {times}Ωt, sin {times}Ωt" if multiple else "DC"


def _short_name(result: Result, pair: Pair) -> str:
    name = _name(result, pair)
    return name.removeprefix("DC ").removesuffix(f" {_multiple(pair)}")


def _name(result: Result, pair: Pair) -> str:
    return column_name(labels(result, "harmonic")[pair[0]], labels(result, "component")[pair[1]])


def _open_planes(current: Estimate, channel: int) -> list[int]:
    """Planes through which more than rounding passes, or of which that is not resolved."""
    size = np.nan_to_num(np.abs(current.mean[channel]))
    if current.stderr is not None:
        size = np.maximum(size, np.nan_to_num(current.stderr[channel]))
    untold = np.isnan(current.mean[channel]).any(axis=(0, 1, 2, 3))
    alive = untold | (size.max(axis=(0, 1, 2, 3)) > NOTHING * size.max(initial=0.0))
    return [int(plane) for plane in np.flatnonzero(alive)]


def _share_lines(result: Result, channel: int, pairs: list[Pair]) -> list[str]:
    share = result.estimates.get("local_share")
    if share is None or labels(result, "channel")[channel] == "spin_hall":
        return []  # an electric field's drive is no walker's, and stands among the local currents
    places = plane_places(result)
    lines = []
    for plane in _open_planes(result.estimates["plane_current"], channel):
        known = [pair for pair in pairs if np.isfinite(share.mean[(channel, *pair, plane)])]
        if known:
            texts = [
                tied(f"{_name(result, pair)} {scaled(share, 100.0, channel, *pair, plane)} %")
                for pair in known
            ]
            lines += wrap(f"local share at x = {places[plane]}: " + ", ".join(texts))
    return lines


def _compatible_lines(result: Result, current: Estimate, channel: int, pairs: list[Pair]) -> list[str]:
    if current.stderr is None:
        return []
    places = plane_places(result)
    found = []
    for plane in _open_planes(current, channel):
        for part, name in enumerate(PARTS):
            index = [(channel, part, 0, *pair, plane) for pair in pairs]
            small = [
                p for p, i in zip(pairs, index, strict=True) if 0 < current.stderr[i] >= abs(current.mean[i])
            ]
            if small:
                names = ", ".join(tied(_name(result, pair)) for pair in small)
                found.append(f"{tied(f'{name} at x = {places[plane]}')} ({names})")
    return wrap("compatible with zero (smaller than its error): " + "; ".join(found)) if found else []


def _supercurrent_lines(result: Result) -> list[str]:
    estimate = result.estimates.get("plane_supercurrent")
    if estimate is None or not np.isfinite(estimate.mean).any():
        return ["super-current: not evaluated (it needs k_F)"]
    if is_rounding(result, "plane_supercurrent"):
        return [] if supercurrent_zero(result) else ["equilibrium super-current, exact: 0 at these planes"]
    pairs = columns_of(estimate)
    scale = power_of_ten(estimate.mean)
    head = f"equilibrium super-current, exact [1e{scale} {pretty(estimate.units)}]: "
    texts = []
    for plane, where in enumerate(plane_places(result)):
        values = [tied(f"{_name(result, p)} {scaled(estimate, 10.0**-scale, 0, *p, plane)}") for p in pairs]
        texts.append(f"{tied(f'x = {where}')} {', '.join(values)}")
    return wrap(head + "; ".join(texts))


def budget_lines(result: Result) -> list[str]:
    """Lines of the table that tell the spin budget; a transient's is over all its time."""
    budget = result.estimates.get("budget")
    if budget is None:
        return []
    pairs = columns_of(budget)
    if not pairs:
        return []
    channel = channel_of(result)
    transient = "time" in result.coords
    scale = power_of_ten(budget.mean[:, channel])
    unit = f"1e{scale} {pretty(budget.units)}" if scale else pretty(budget.units)
    until = f" up to t = {times_of(result)[0][-1]:.4g} {times_of(result)[1]}" if transient else ""
    lines = [f"spin budget{until} [{unit}]"]
    names = labels(result, "line")
    for pair in pairs:
        gains, losses = (_side(budget, side, names, channel, pair, scale) for side in (names[:2], names[2:]))
        closes = _closes(result, channel, pair) if gains else ""
        name = labels(result, "component")[pair[1]] if transient else _name(result, pair)
        lines += wrap(f"  {name}: {gains or '0'} = {losses or '0'}{closes}")
    return lines


def _side(
    budget: Estimate, side: tuple[str, ...], names: tuple[str, ...], channel: int, pair: Pair, scale: int
) -> str:
    terms = []
    for name in side:
        line = names.index(name)
        mean, stderr = at(budget, line, channel, *pair)
        if max(abs(mean), stderr or 0.0) > NOTHING * np.abs(budget.mean[line, channel]).max():
            text = scaled(budget, 10.0**-scale, line, channel, *pair)
            terms.append(tied(f"{_NAMES.get(name, name)} {text}"))
    return " + ".join(terms)


def _closes(result: Result, channel: int, pair: Pair) -> str:
    imbalance = result.estimates.get("budget_imbalance")
    value = np.nan if imbalance is None else float(imbalance.mean[(channel, *pair)])
    return tied(f"   closes to {abs(value):.1g}") if np.isfinite(value) else ""
