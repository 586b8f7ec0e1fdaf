"""The table of a run on a mesh without planes: the largest density and current, and where they are."""

from __future__ import annotations

from mcpump.report.words import (
    Column,
    by_multiple,
    column_of,
    headline_of,
    in_units,
    labels,
    largest_in,
    listed,
    mesh_axes,
    on_mesh,
    positions,
    power_of_ten,
    told_channel,
    written,
)
from mcpump.tally.estimates import Estimate, Result

_MOST = 4
"""Multiples of Ω that get lines."""


def mesh_lines(result: Result) -> list[str]:
    """Lines with the largest density and current over the mesh, for DC and each multiple of Ω, or over all time bins."""
    cells = " × ".join(str(positions(result, axis).mean.size) for axis in mesh_axes(result))
    head = f"Largest on the mesh of {cells} cells, {headline_of(result).title}, local and diffusive together"
    density, current = (
        told_channel(result, f"spin_{name}").sel(part="total") for name in ("density", "current")
    )
    rows = _rows(result, density, result.estimates["spin_density"].stands_out(), "density")
    columns = result.estimates["spin_current"].stands_out()
    for axis in labels(result, "direction"):
        rows += _rows(result, current.sel(direction=axis), columns, f"current along {axis}")
    return [head, *listed(rows)] if rows else []


def _rows(result: Result, total: Estimate, columns: list[Column], title: str) -> list[tuple[str, str]]:
    found = [largest_in(total, mine) for mine in by_multiple(columns)[:_MOST]]
    return [
        (f"{title}, {column_of(result, one.coords)}", largest_on_mesh(result, one, power_of_ten(one.mean)))
        for one in found
        if abs(one.mean) > 0.0
    ]


def largest_on_mesh(result: Result, one: Estimate, power: int) -> str:
    """Write a number, with a power of ten taken out, and where it stands on the mesh."""
    return f"{written(one, 10.0**-power)} [{in_units(one.units, power)}] at {on_mesh(result, one)}"
