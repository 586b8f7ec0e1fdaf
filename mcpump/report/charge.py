"""The table's end for runs with spin-orbit coupling: charge currents, charge density, voltage, and the books of dipoles.

A column, a harmonic with a direction, is told where something in it stands out of its error.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.names import PARTS
from mcpump.problem.headline import Headline
from mcpump.report.currents import aligned
from mcpump.report.words import (
    NOTHING,
    Pair,
    clock_of,
    column_name,
    exchange_of,
    labels,
    mesh_axes,
    place,
    positions,
    power_of_ten,
    pretty,
    scaled,
    spans_of,
    tied,
    wrap,
)
from mcpump.tally.estimates import Estimate, Result

Bools = NDArray[np.bool_]
VAGUE, CERTAIN, WAVE = 4.0, 5.0, 7.0
"""Errors that a number of a few, or the largest of many cells or waves, must have to stand out."""
NAMES = {
    "rashba": "Rashba",
    "impurity_first": "impurities, first order",
    "impurity_second": "impurities, second order",
    "sum": "all together",
}
"""Sources of charge in words."""
_MOST = 3
"""Multiples of Ω whose largest numbers on the mesh are told."""


class _Item(NamedTuple):
    """Something whose largest number on the mesh is told."""

    title: str
    estimate: Estimate
    head: tuple[int, ...]
    """Source and part; what follows is [direction,] clock and mesh."""


def charge_lines(result: Result) -> list[str]:
    """Lines of the table on charge; none for a run without spin-orbit coupling to charge."""
    if "charge_current" not in result.estimates:
        return []
    lines = _mean_lines(result) if "charge_current_mean" in result.estimates else []
    lines += _largest_lines(result)
    for name in ("open_circuit_field", "open_circuit_voltage"):
        if name in result.estimates:
            lines += _circuit_line(result, result.estimates[name])
    return lines + _dipole_lines(result)


def _doubt(result: Result) -> str:
    """What to add to the title of a charge current or voltage: its spins are of first and second order in J."""
    orders = Headline("sum", exchange_of(result))
    return "" if orders.holds else f", from orders of J that {orders.doubt}"


def source_name(result: Result, row: int) -> str:
    """Words for a source of charge."""
    name = labels(result, "source")[row]
    return NAMES.get(name, name)


def _stands_out(estimate: Estimate, errors: float = VAGUE) -> Bools:
    """Where a number is more than so many errors, and than rounding."""
    size = np.nan_to_num(np.abs(estimate.mean))
    error = np.zeros_like(size) if estimate.stderr is None else np.nan_to_num(estimate.stderr)
    return np.asarray((size > errors * error) & (size > NOTHING * size.max(initial=0.0)))


def _multiple(harmonic: int) -> int:
    return (harmonic + 1) // 2


def _sorted_pairs(found: Bools) -> list[Pair]:
    """(harmonic, direction) of a boolean (direction, harmonic), DC first, cosine and sine together."""
    pairs = [(int(h), int(d)) for d, h in np.argwhere(found)]
    return sorted(pairs, key=lambda pair: (_multiple(pair[0]), pair[1], pair[0]))


def _pair_name(result: Result, pair: Pair) -> str:
    return column_name(labels(result, "harmonic")[pair[0]], labels(result, "charge_direction")[pair[1]])


def _short(result: Result, pair: Pair) -> str:
    return _pair_name(result, pair).removeprefix("DC ").removesuffix(f" {_multiple(pair[0])}")


# --- means over the sample -----------------------------------------------------------------------


def _mean_lines(result: Result) -> list[str]:
    """Charge current averaged over the sample, every source and part, and what is compatible with zero."""
    mean = result.estimates["charge_current_mean"]
    out = np.asarray(_stands_out(mean).any(axis=(0, 1)))
    noise = 0.0 if mean.stderr is None else np.nan_to_num(mean.stderr)
    size = np.maximum(np.nan_to_num(np.abs(mean.mean)), noise)
    there = np.asarray((size > NOTHING * size.max(initial=0.0)).any(axis=(0, 1)))
    pairs, small = _sorted_pairs(out), _sorted_pairs(np.asarray(there & ~out))
    lines = [f"Charge current, mean over the sample{_doubt(result)}"] if pairs else []
    for multiple in sorted({_multiple(h) for h, _ in pairs}):
        mine = [pair for pair in pairs if _multiple(pair[0]) == multiple]
        lines += aligned(_mean_rows(result, mean, mine), mine)
    if small:
        names = ", ".join(tied(_pair_name(result, pair)) for pair in small)
        lines += wrap(f"mean charge current compatible with zero (below {VAGUE:g} errors): {names}")
    return lines


def _mean_rows(result: Result, mean: Estimate, pairs: list[Pair]) -> list[tuple[str, list[str]]]:
    """Head, and each source's parts."""
    scale = power_of_ten(np.array([mean.mean[:, 2, d, h] for h, d in pairs]))
    rows = [(_unit(mean, scale), [_short(result, pair) for pair in pairs])]
    for row in range(len(labels(result, "source"))):
        title = source_name(result, row)
        for part, name in enumerate(PARTS):
            cells = [_cell(mean, scale, (row, part, d, h)) for h, d in pairs]
            rows.append((f"{title if part == 0 else '':<{len(title)}} {name}", cells))
    return rows


def _cell(estimate: Estimate, scale: int, index: tuple[int, ...]) -> str:
    """Write a number; 0 for what is rounding beside the largest of its kind."""
    error = 0.0 if estimate.stderr is None else float(np.nan_to_num(estimate.stderr[index]))
    largest = np.nanmax(np.abs(estimate.mean), initial=0.0)
    small = max(abs(float(estimate.mean[index])), error) <= NOTHING * largest
    return "0" if small else scaled(estimate, 10.0**-scale, *index)


def _unit(estimate: Estimate, scale: int) -> str:
    """Write the unit in brackets, the power of ten taken out."""
    return f"[1e{scale} {pretty(estimate.units)}]" if scale else f"[{pretty(estimate.units)}]"


# --- the largest on the mesh ---------------------------------------------------------------------


def _largest_lines(result: Result) -> list[str]:
    """Largest charge current and density on the mesh, and what the inverse spin Hall formula would give."""
    lines = _block(result, f"Charge, largest on the mesh{_doubt(result)}", _items(result)) + _wave_lines(
        result
    )
    if "inverse_spin_hall_current" not in result.estimates:
        return lines
    title = "For comparison, the inverse spin Hall formula with the TOTAL spin current, largest on the mesh"
    return lines + _block(result, title, _formula_items(result))


def _wave_lines(result: Result) -> list[str]:
    """Largest wave of each source's charge density beside its error, which stands out before any cell does."""
    waves = result.estimates.get("charge_density_wave")
    if waves is None or waves.stderr is None:
        return []
    lines = []
    for row, name in enumerate(labels(result, "source")):
        above = np.nan_to_num(waves.mean[row]) / np.where(waves.stderr[row] > 0.0, waves.stderr[row], np.inf)
        clock, wave = (int(i) for i in np.unravel_index(np.argmax(above), above.shape))
        if name == "sum" or above[clock, wave] < WAVE:
            continue
        scale = power_of_ten(waves.mean[row, clock, wave, None])
        numbers = labels(result, "wave")[wave]
        periods = f"({numbers}) periods" if "," in numbers else f"{numbers} period(s)"
        when = column_name(labels(result, "harmonic")[clock], "").strip()
        title = f"largest wave of ρ_c, {source_name(result, row)}, {when}, {periods} in the sample"
        size = scaled(waves, 10.0**-scale, row, clock, wave)
        lines += wrap(f"{title}: amplitude {size} {_unit(waves, scale)}")
    return lines


def _block(result: Result, title: str, items: list[_Item]) -> list[str]:
    """A row for each item and multiple of Ω in which it stands out, and a line with those that never do."""
    rows, quiet = [], []
    for item in items:
        found = _largest_rows(result, item)
        rows += found
        stderr = item.estimate.stderr
        if not found and stderr is not None and np.nan_to_num(stderr[item.head]).any():
            quiet.append(item.title)
    width = max((len(name) for name, _ in rows), default=0)
    lines = [title] if rows else []
    for name, text in rows:
        lines += wrap(f"  {name:<{width}}  {text}".replace("  ", "\0\0"))
    if quiet:
        lines += wrap(f"compatible with zero in every cell (below {CERTAIN:g} errors): {'; '.join(quiet)}")
    return [line.rstrip() for line in lines]


def _items(result: Result) -> list[_Item]:
    """Currents and densities of every source, in order."""
    estimates, items = result.estimates, list[_Item]()
    for row, name in enumerate(labels(result, "source")):
        if name == "sum":
            continue
        title = source_name(result, row)
        for part in (0, 1):
            items.append(_Item(f"{title}: {PARTS[part]} current", estimates["charge_current"], (row, part)))
        if "charge_density" in estimates:
            items.append(_Item(f"{title}: density ρ_c", estimates["charge_density"], (row,)))
    return items


def _formula_items(result: Result) -> list[_Item]:
    """What the inverse spin Hall formula makes of the total spin current, for impurities."""
    formula = result.estimates["inverse_spin_hall_current"]
    return [
        _Item(source_name(result, row), formula, (row, 2))
        for row, name in enumerate(labels(result, "source"))
        if name.startswith("impurity")
    ]


def _largest_rows(result: Result, item: _Item) -> list[tuple[str, str]]:
    """One row for each multiple of Ω (one for all bins of a transient) in which something stands out."""
    estimate = item.estimate
    mean, out = estimate.mean[item.head], _stands_out(estimate, CERTAIN)[item.head]
    if "charge_direction" not in estimate.dims:
        mean, out = mean[None], out[None]
    size = np.where(out, np.abs(np.nan_to_num(mean)), 0.0)  # direction, clock, mesh
    timed = clock_of(estimate) == "time"
    groups = [range(size.shape[1])] if timed else _multiples(size.shape[1])
    rows = []
    for clocks in groups:
        part = size[:, list(clocks)]
        if not part.max(initial=0.0) > 0.0:
            continue
        d, clock, *cell = (int(i) for i in np.unravel_index(np.argmax(part), part.shape))
        clock = list(clocks)[clock]
        rows.append((_row_name(result, item, d, clock), _row_text(result, item, d, clock, tuple(cell))))
    return rows


def _multiples(count: int) -> list[range]:
    """Harmonics of each multiple of Ω."""
    return [range(0, 1), *(range(h, min(h + 2, count)) for h in range(1, count, 2))][:_MOST]


def _row_name(result: Result, item: _Item, direction: int, clock: int) -> str:
    """Title, direction and harmonic, or time bin."""
    axis = labels(result, "charge_direction")[direction] if "charge_direction" in item.estimate.dims else ""
    if clock_of(item.estimate) == "time":
        return ", ".join(filter(None, (item.title, axis, spans_of(result)[clock])))
    name = column_name(labels(result, "harmonic")[clock], axis or "_")
    return f"{item.title}, {name}".replace(" _", "").replace("_ ", "")


def _row_text(result: Result, item: _Item, direction: int, clock: int, cell: tuple[int, ...]) -> str:
    """Number, unit and place."""
    estimate = item.estimate
    along = (direction,) if "charge_direction" in estimate.dims else ()
    index = (*item.head, *along, clock, *cell)
    scale = power_of_ten(estimate.mean[index[: len(item.head)]])
    axes = [(axis, positions(result, axis)) for axis in mesh_axes(result)]
    where = [f"{axis} = {place(float(p.mean[i]), p.units)}" for (axis, p), i in zip(axes, cell, strict=True)]
    return f"{scaled(estimate, 10.0**-scale, *index)} {_unit(estimate, scale)} at {', '.join(where)}"


# --- open circuit, books -------------------------------------------------------------------------


def _circuit_line(result: Result, estimate: Estimate) -> list[str]:
    """Columns of the open-circuit field or voltage that stand out."""
    pairs = _sorted_pairs(_stands_out(estimate))
    if not pairs:
        return []
    scale = power_of_ten(np.array([estimate.mean[d, h] for h, d in pairs]))
    texts = [tied(f"{_pair_name(result, (h, d))} {_cell(estimate, scale, (d, h))}") for h, d in pairs]
    return wrap(f"{estimate.long_name} {_unit(estimate, scale)}{_doubt(result)}: {', '.join(texts)}")


def _dipole_lines(result: Result) -> list[str]:
    """How the books of dipoles close, by their largest column of every source; charge is their divergence."""
    budget, imbalance = (result.estimates.get(f"dipole_budget{end}") for end in ("", "_imbalance"))
    if budget is None or imbalance is None:
        return []
    names, lines = labels(result, "line"), list[str]()
    born = np.abs(budget.mean[names.index("torque")])  # source, direction, harmonic
    for row in range(len(labels(result, "source"))):
        if labels(result, "source")[row] == "sum" or not born[row].max(initial=0.0) > 0.0:
            continue
        d, h = (int(i) for i in np.unravel_index(np.argmax(born[row]), born[row].shape))
        worst = float(np.nanmax(np.where(born[row] > 0.0, np.abs(imbalance.mean[row]), 0.0)))
        lines += wrap(
            _budget_line(result, budget, (row, d, h)) + tied(f"   closes to {worst:.1g} in all columns")
        )
    return lines


def _budget_line(result: Result, budget: Estimate, index: tuple[int, int, int]) -> str:
    """One column of the books: born = stored + left + cut."""
    row, d, h = index
    names = labels(result, "line")
    scale = power_of_ten(budget.mean[(slice(None), *index)])
    largest = float(np.abs(budget.mean[(slice(None), *index)]).max())
    terms = [
        tied(f"{name.replace('_at_', ' at ')} {scaled(budget, 10.0**-scale, line, *index)}")
        for line, name in enumerate(names)
        if line >= 2 and abs(float(budget.mean[(line, *index)])) > NOTHING * largest
    ]
    gained = scaled(budget, 10.0**-scale, names.index("torque"), *index)
    title = f"charge (dipole) budget, {source_name(result, row)} {_pair_name(result, (h, d))}"
    return f"{title} {_unit(budget, scale)}: born at first collisions {gained} = {' + '.join(terms) or '0'}"
