"""`mcpump materials`: the table of materials, or one of them with its sources."""

from __future__ import annotations

import argparse
import textwrap
from typing import Any

from mcpump.cli.options import COMPLETE
from mcpump.deck.materials import Material, einstein_ratio, material, materials, thermal_density_of_states

_COLUMNS = {
    "resistivity": ("ρ", "µΩ cm"),
    "mean_free_path": ("ℓ", "nm"),
    "fermi_velocity": ("v_F", "1e6 m/s"),
    "density_of_states": ("ν", "1/(eV nm³)"),
    "diffusion_coefficient": ("D", "cm²/s"),
    "spin_diffusion_length": ("λ_s", "nm"),
    "exchange": ("J", "eV"),
    "spin_hall_angle": ("θ_SH", ""),
}
"""Key → symbol and unit of the list's columns."""
_WIDTH = 120
_NOT_KEYS = ("resistivity_times_mean_free_path", "specific_heat", "molar_volume")
"""Entries that are no keys of a deck."""


def add_materials(commands: Any) -> None:
    """Describe the command."""
    command = commands.add_parser(
        "materials", help='list the materials for material = "Pt" in decks, with values and sources'
    )
    command.add_argument(
        "name", nargs="?", metavar="NAME", help="which one, with sources; without it, list all"
    )
    command.set_defaults(act=show_materials)


def show_materials(options: argparse.Namespace) -> int:
    """Print the list, or one material."""
    print("\n".join(_list() if options.name is None else _details(material(options.name))))
    return COMPLETE


def _list() -> list[str]:
    """Values of all, ranges, and the Einstein check."""
    metals = [found for found in materials().values() if not found.insulator]
    heads = [["", *(head for head, _ in _COLUMNS.values()), "σ/(2e²νD)", "ν/ν_γ"]]
    heads.append(["", *(unit for _, unit in _COLUMNS.values()), "", ""])
    rows = [[found.name, *(_cell(found, key) for key in _COLUMNS), *_checks(found)] for found in metals]
    widths = [max(map(len, column)) for column in zip(*heads, *rows, strict=True)]
    lines = ["Materials at 300 K: value, {range where the literature disagrees}, * derived"]
    lines += [
        "  ".join(cell.ljust(n) for cell, n in zip(row, widths, strict=True)).rstrip() for row in heads + rows
    ]
    lines += [f"{found.name}  {found.title}" for found in materials().values() if found.insulator]
    lines += textwrap.wrap(
        "ν is per spin. The last columns test the Einstein relation: σ/(2e²νD) is 1 as ν or v_F is derived from it; "
        "ν/ν_γ compares ν with that of the specific heat, which phonons enhance, where ν follows from the conductivity. "
        "`mcpump materials NAME` tells the sources.",
        _WIDTH,
    )
    return lines


def _cell(found: Material, key: str) -> str:
    """One number of the list."""
    entry = found.entries.get(key)
    if entry is None:
        return "–"
    ends = entry.shown_range
    text = f"{entry.shown:.3g}" + ("*" if entry.derived else "")
    return text if ends is None else f"{text} {{{ends[0]:g}…{ends[1]:g}}}"


def _checks(found: Material) -> list[str]:
    """Einstein ratio, and ν of the conductivity over that of the specific heat where these are two things."""
    independent = not found.entries["fermi_velocity"].derived
    ratio = found["density_of_states"] / thermal_density_of_states(found)
    return [f"{einstein_ratio(found):.3f}", f"{ratio:.2f}" if independent else "–"]


def _details(found: Material) -> list[str]:
    """All of one material with its sources."""
    lines = [f"{found.name}: {found.title}"]
    if found.insulator:
        return lines
    lines[0] += f", {found.temperature:g} K"
    for key, entry in found.entries.items():
        ends = entry.shown_range
        value = f"{entry.shown:.4g} {entry.unit}".rstrip()
        spread = "" if ends is None else f", from {ends[0]:g} to {ends[1]:g} in the literature"
        why = f"derived: {entry.source}" if entry.derived else entry.source
        what = key if key not in _NOT_KEYS else f"({key})"
        lines += textwrap.wrap(f"  {what} = {value}{spread}: {why}", _WIDTH, subsequent_indent="      ")
    einstein, thermal = _checks(found)
    lines.append(f"  Einstein check: σ/(2e²νD) = {einstein}")
    if thermal != "–":
        lines.append(
            f"  ν over that of the specific heat, which phonons enhance: {thermal} (independent of the conductivity)"
        )
    return lines
