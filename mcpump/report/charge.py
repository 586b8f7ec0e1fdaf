"""The table's end for runs with spin-orbit coupling: charge currents, charge density, voltage, and the books of dipoles.

A column, a harmonic with a direction, is told where something in it stands out of its error.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np

from mcpump.names import PARTS
from mcpump.problem.headline import Headline
from mcpump.report.conversion import formula_of, impurity_sources
from mcpump.report.mesh import largest_on_mesh
from mcpump.report.voltage import exact_charge_lines, formula_lines, skew_lines
from mcpump.report.words import (
    Column,
    barred,
    by_multiple,
    column_of,
    exchange_of,
    in_units,
    labels,
    largest_in,
    listed,
    multiple_of,
    power_of_ten,
    short_name,
    tied,
    wrap,
    written,
)
from mcpump.tally.estimates import NOTHING, Estimate, Result

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
_PLACE = ("harmonic", "charge_direction")


def charge_lines(result: Result) -> list[str]:
    """Lines of the table on charge; none for a run without spin-orbit coupling to charge, nor a θ_SH."""
    lines = formula_lines(result) + skew_lines(result) + exact_charge_lines(result)
    if "charge_current" not in result.estimates:
        return lines
    orders = Headline("sum", exchange_of(result))
    if not orders.holds:
        # its spins are of first and second order in J
        return lines + wrap(
            f"Charge currents, density and voltage that follow from orders of J, which {orders.doubt}, are not told; the "
            f"file has them"
        )
    lines += _mean_lines(result) if "charge_current_mean" in result.estimates else []
    lines += _largest_lines(result)
    for name in ("open_circuit_field", "open_circuit_voltage"):
        if name in result.estimates:
            lines += _circuit_line(result, result.estimates[name])
    return lines + _dipole_lines(result)


def _sources(result: Result) -> dict[str, str]:
    """Sources of charge with their names in words, without their sum."""
    return {source: NAMES.get(source, source) for source in labels(result, "source") if source != "sum"}


# --- means over the sample -----------------------------------------------------------------------


def _mean_lines(result: Result) -> list[str]:
    """Charge current averaged over the sample, every source and part, and what is compatible with zero."""
    mean = result.estimates["charge_current_mean"]
    columns = mean.stands_out(*_PLACE, errors=VAGUE)
    small = [column for column in mean.stands_out(*_PLACE) if column not in columns]
    lines = ["Charge current, mean over the sample"] if columns else []
    for mine in by_multiple(columns):
        lines += barred(_mean_rows(result, mean, mine), mine)
    if small:
        names = ", ".join(tied(column_of(result, column)) for column in small)
        lines += wrap(f"mean charge current compatible with zero (below {VAGUE:g} errors): {names}")
    return lines


def _mean_rows(result: Result, mean: Estimate, columns: list[Column]) -> list[tuple[str, list[str]]]:
    """Head, and each source's parts."""
    power = power_of_ten([mean.sel(part="total", **column).mean for column in columns])
    rows = [(f"[{in_units(mean.units, power)}]", [short_name(column) for column in columns])]
    for source in labels(result, "source"):
        title = NAMES.get(source, source)
        for part in PARTS:
            here = mean.sel(source=source, part=part)
            cells = [_cell(mean, here.sel(**column), 10.0**-power) for column in columns]
            rows.append((f"{title if part == PARTS[0] else '':<{len(title)}} {part}", cells))
    return rows


def _cell(whole: Estimate, one: Estimate, factor: float) -> str:
    """Write a number; 0 for what is rounding beside the largest of its kind."""
    size = max(abs(float(one.mean)), float(np.nan_to_num(one.error)))
    return "0" if size <= NOTHING * abs(float(whole.largest().mean)) else written(one, factor)


# --- the largest on the mesh ---------------------------------------------------------------------


def _largest_lines(result: Result) -> list[str]:
    """Largest charge current and density on the mesh, and what the inverse spin Hall formula would give."""
    items: dict[str, tuple[Estimate, Column]] = {}
    for source, title in _sources(result).items():
        for part in ("local", "diffusive"):
            current = result.estimates["charge_current"]
            items[f"{title}: {part} current"] = current, {"source": source, "part": part}
        if density := result.estimates.get("charge_density"):
            items[f"{title}: density ρ_c"] = density, {"source": source}
    lines = _block(result, "Charge, largest on the mesh", items) + _wave_lines(result)
    items = {
        NAMES[source]: (formula_of(result, source), {"part": "total"}) for source in impurity_sources(result)
    }
    title = "For comparison, the inverse spin Hall formula with the TOTAL spin current, largest on the mesh"
    return lines + _block(result, title, items)


def _wave_lines(result: Result) -> list[str]:
    """Largest wave of each source's charge density beside its error, which stands out before any cell does."""
    waves = result.estimates.get("charge_density_wave")
    if waves is None or waves.stderr is None:
        return []
    lines = []
    for source, title in _sources(result).items():
        mine = waves.sel(source=source)
        sigmas = np.nan_to_num(mine.mean) / np.where(mine.error > 0.0, mine.error, np.inf)
        clearest = replace(mine, mean=sigmas, stderr=None).largest()
        if clearest.mean < WAVE:
            continue
        wave = clearest.coords["wave"]
        one = mine.sel(harmonic=clearest.coords["harmonic"], wave=wave)
        power, periods = power_of_ten(one.mean), f"({wave}) periods" if "," in wave else f"{wave} period(s)"
        head = f"largest wave of ρ_c, {title}, {column_of(result, one.coords)}, {periods} in the sample"
        lines += wrap(f"{head}: amplitude {written(one, 10.0**-power)} [{in_units(waves.units, power)}]")
    return lines


def _block(result: Result, title: str, items: dict[str, tuple[Estimate, Column]]) -> list[str]:
    """A row for each item and multiple of Ω in which it stands out, and a line with those that never do."""
    rows, quiet = list[tuple[str, str]](), []
    for name, (estimate, where) in items.items():
        found = _largest_rows(result, name, estimate, where)
        rows += found
        if not found and np.nan_to_num(estimate.sel(**where).error).any():
            quiet.append(name)
    lines = [title, *listed(rows)] if rows else []
    if quiet:
        lines += wrap(f"compatible with zero in every cell (below {CERTAIN:g} errors): {'; '.join(quiet)}")
    return lines


def _largest_rows(result: Result, title: str, estimate: Estimate, where: Column) -> list[tuple[str, str]]:
    """One row for each multiple of Ω (one for all bins of a transient) in which something stands out."""
    size, noise = np.nan_to_num(np.abs(estimate.mean)), np.nan_to_num(estimate.error)
    out = (size > CERTAIN * noise) & (size > NOTHING * size.max(initial=0.0))
    clear = replace(estimate, mean=np.where(out, estimate.mean, 0.0)).sel(**where)
    axes = [axis for axis in ("charge_direction", estimate.clock) if axis in estimate.dims]
    columns = [
        dict(zip(axes, place, strict=True)) for place in itertools.product(*map(estimate.places, axes))
    ]
    groups = by_multiple(sorted(columns, key=multiple_of))[:_MOST]
    power = power_of_ten(estimate.sel(**where).mean)
    return [
        (f"{title}, {column_of(result, one.coords)}", largest_on_mesh(result, one, power))
        for one in (largest_in(clear, mine) for mine in groups)
        if one.mean
    ]


# --- open circuit, books -------------------------------------------------------------------------


def _circuit_line(result: Result, estimate: Estimate) -> list[str]:
    """Columns of the open-circuit field or voltage that stand out."""
    found = [estimate.sel(**column) for column in estimate.stands_out(*_PLACE, errors=VAGUE)]
    if not found:
        return []
    power = power_of_ten([one.mean for one in found])
    texts = [tied(f"{column_of(result, one.coords)} {_cell(estimate, one, 10.0**-power)}") for one in found]
    unit = in_units(estimate.units, power)
    return wrap(f"{estimate.long_name} [{unit}]: {', '.join(texts)}")


def _dipole_lines(result: Result) -> list[str]:
    """How the books of dipoles close, by their largest column of every source; charge is their divergence."""
    budget, imbalance = (result.estimates.get(f"dipole_budget{end}") for end in ("", "_imbalance"))
    if budget is None or imbalance is None:
        return []
    lines = list[str]()
    for source, title in _sources(result).items():
        mine, born = budget.sel(source=source), budget.sel(source=source, line="torque")
        largest = born.largest()
        if not abs(largest.mean) > 0.0:
            continue
        column = {axis: largest.coords[axis] for axis in born.dims}
        rest = np.abs(imbalance.sel(source=source).mean)
        worst = float(np.nanmax(np.where(np.abs(born.mean) > 0.0, rest, 0.0)))
        text = f"charge (dipole) budget, {title} {column_of(result, column)} {_budget(mine.sel(**column))}"
        lines += wrap(text + tied(f"   closes to {worst:.1g} in all columns"))
    return lines


def _budget(column: Estimate) -> str:
    """One column of the books: born = stored + left + cut."""
    power, largest = power_of_ten(column.mean), float(np.abs(column.mean).max())
    born, terms = "", []
    for name in column.places("line"):
        one = column.sel(line=name)
        text = written(one, 10.0**-power)
        if name == "torque":
            born = text
        elif name != "emitted" and abs(one.mean) > NOTHING * largest:
            terms.append(tied(f"{name.replace('_at_', ' at ')} {text}"))
    return f"[{in_units(column.units, power)}]: born at first collisions {born} = {' + '.join(terms) or '0'}"
