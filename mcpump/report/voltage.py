"""Lines of the table on what an open circuit shows of spins that turn into charge, by the inverse spin Hall formula."""

from __future__ import annotations

import numpy as np

from mcpump.report.words import (
    Column,
    column_of,
    headline_of,
    in_units,
    power_of_ten,
    tied,
    told_channel,
    wrap,
    written,
)
from mcpump.tally.estimates import NOTHING, Estimate, Result

VAGUE = 4.0
"""Errors that a number must have to be told."""
_PLACE = ("harmonic", "charge_direction")
_EXACT = {"rashba": "Rashba", "impurity": "impurities", "sum": "all together"}
"""Sources of the charge of `exact` in words."""


def formula_lines(result: Result) -> list[str]:
    """Voltage, or field, of the headline channel's total spin current, and of its local part; none without a θ_SH."""
    brackets = "if only its local part converts, as the paper finds of impurities"
    return _voltage_lines(result, "inverse_spin_hall", "Inverse spin Hall", brackets)


def skew_lines(result: Result) -> list[str]:
    """The same of skew scattering; none without it."""
    return _voltage_lines(result, "skew", "Skew scattering", "what its local part makes")


def _voltage_lines(result: Result, prefix: str, words: str, brackets: str) -> list[str]:
    """Voltage, else field, else mean current of one law; none where it converts nothing."""
    found = next(
        (name for name in ("voltage", "field", "current_mean") if f"{prefix}_{name}" in result.estimates),
        None,
    )
    if found is None:
        return []
    name, channel = f"{prefix}_{found}", headline_of(result)
    if not channel.holds:
        return wrap(
            f"{words} {found.replace('current_mean', 'current')} is not told: {channel.title}; "
            f'"exact" in results.channels holds for any Jτ/ħ, and the file has every channel'
        )
    told = told_channel(result, name)
    total = told.sel(part="total")
    columns = total.stands_out(*_PLACE, errors=VAGUE)
    if not columns:
        return wrap(f"{told.long_name}, {channel.title}: compatible with zero (below {VAGUE:g} errors)")
    power = power_of_ten([total.sel(**column).mean for column in columns])
    texts = [tied(_text(told, result, column, power)) for column in columns]
    return wrap(
        f"{told.long_name}, {channel.title} [{in_units(told.units, power)}], of the total spin current "
        f"(in brackets: {brackets}): {', '.join(texts)}"
    )


def exact_charge_lines(result: Result) -> list[str]:
    """Charge that first flights of `exact` make, where that is the headline channel; none without spin-orbit coupling."""
    if "exact_charge_current_mean" not in result.estimates or headline_of(result).channel != "exact":
        return []
    mean = result.estimates["exact_charge_current_mean"]
    columns = mean.stands_out(*_PLACE, errors=VAGUE)
    if not columns:
        return wrap(f"{mean.long_name}: compatible with zero (below {VAGUE:g} errors)")
    power = power_of_ten([np.nan_to_num(np.abs(mean.sel(**column).mean)).max() for column in columns])
    rows = []
    for source in mean.places("exact_source"):
        mine = mean.sel(exact_source=source)
        there = [column for column in columns if np.isfinite(mine.sel(**column).mean)]
        texts = [f"{column_of(result, c)} {written(mine.sel(**c), 10.0**-power)}" for c in there]
        if texts:
            rows.append(f"{_EXACT[source]} {', '.join(tied(text) for text in texts)}")
    title = mean.long_name[0].upper() + mean.long_name[1:]
    mesh = [axis for axis in ("x", "y", "z") if axis in result.estimates["exact_charge_current"].dims]
    whole = f"all of the current along other directions than {', '.join(mesh)}; " if len(mesh) < 3 else ""
    lines = wrap(
        f"{title} ({whole}dipoles along {', '.join(mesh)} are walked of first and second alone) "
        f"[{in_units(mean.units, power)}]: {'; '.join(rows)}"
    )
    for name in ("voltage", "field"):
        if one := result.estimates.get(f"exact_open_circuit_{name}"):
            return lines + _circuit(result, one)
    return lines


def _circuit(result: Result, told: Estimate) -> list[str]:
    """Line of a voltage or field of an open circuit, where it stands out."""
    columns = told.stands_out(*_PLACE, errors=VAGUE)
    if not columns:
        return []
    power = power_of_ten([told.sel(**column).mean for column in columns])
    texts = [tied(f"{column_of(result, c)} {written(told.sel(**c), 10.0**-power)}") for c in columns]
    return wrap(f"{told.long_name} [{in_units(told.units, power)}]: {', '.join(texts)}")


def _text(told: Estimate, result: Result, column: Column, power: int) -> str:
    """One direction and harmonic: what the total spin current gives, and what its local part does."""
    total, local = (told.sel(part=part, **column) for part in ("total", "local"))
    small = abs(float(local.mean)) <= NOTHING * abs(float(total.mean))
    share = "0" if small else written(local, 10.0**-power)
    return f"{column_of(result, total.coords)} {written(total, 10.0**-power)} ({share})"
