"""`material = "Pt"` in [electrons] or [[layer]]: fills in what it does not say; a resolved deck says it all.

[materials.NAME] in the deck is a metal of its own.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from mcpump.deck.electrons import MECHANISM_KEYS, SPIN_KEYS, matching
from mcpump.deck.kinds import is_bare
from mcpump.deck.materials import Material, materials, own_material
from mcpump.deck.quantities import number, quantity
from mcpump.errors import InputError

_SAID_BY = {
    "fermi_velocity": ("fermi_wavenumber", "fermi_velocity", "fermi_energy"),
    "mean_free_path": ("mean_free_path", "lifetime", "diffusion_coefficient", "conductivity", "resistivity"),
    "spin_diffusion_length": (*SPIN_KEYS, *MECHANISM_KEYS),
}
"""Key that a material gives → keys any of which says the same."""
_UNITS = {
    "fermi_velocity": "m/s", "effective_mass": "", "density_of_states": "/J/m^3", "mean_free_path": "nm",
    "spin_diffusion_length": "nm", "exchange": "eV", "spin_hall_angle": "",
}  # fmt: skip
"""Keys that a material gives, and the unit that they are written in; a plain number without one."""
_IN_LAYERS = (
    "fermi_velocity",
    "density_of_states",
    "mean_free_path",
    "spin_diffusion_length",
    "spin_hall_angle",
)
_OWN = {
    "resistivity": "resistivity", "conductivity": "conductivity", "mean_free_path": "length",
    "fermi_velocity": "velocity", "density_of_states": "density_of_states", "spin_diffusion_length": "length",
    "exchange": "energy", "spin_hall_angle": "",
}  # fmt: skip
"""Keys of [materials.NAME], and their dimensions."""
_DIGITS = 12


def with_materials(deck: Mapping[str, Any]) -> dict[str, Any]:
    """Fill in the keys of the materials that a deck names.

    Parameters
    ----------
    deck : mapping
        Tables as written, not checked yet.

    Returns
    -------
    dict
        With what the sections do not say themselves. What cannot be used is left as it is, to be refused later.

    Raises
    ------
    InputError
        If a material has no electrons, or stands in a reduced deck.
    """
    given = dict(deck)
    known = {**materials(), **_own(given)}
    electrons, layers = given.get("electrons"), given.get("layer")
    if isinstance(electrons, Mapping):
        given["electrons"] = _filled(electrons, "electrons", tuple(_UNITS), given, known)
    if isinstance(layers, list | tuple):
        given["layer"] = [
            _filled(one, f"layer[{i}]", _IN_LAYERS, given, known) if isinstance(one, Mapping) else one
            for i, one in enumerate(layers)
        ]
    return given


def _own(deck: Mapping[str, Any]) -> dict[str, Material]:
    """Metals of the deck's own; those that cannot be read are left out, to be refused later."""
    tables = deck.get("materials")
    if not isinstance(tables, Mapping):
        return {}
    if deck.get("units") == "reduced":
        raise InputError('materials has no place in a deck with units = "reduced": leave it out')
    found = {}
    for name, table in tables.items():
        if name in materials():
            raise InputError(f"materials.{name} is a name that `mcpump materials` has: choose another")
        if is_bare(name) and isinstance(table, Mapping) and (numbers := _numbers(table)) is not None:
            _match_conductivity(numbers, f"materials.{name}")
            found[name] = own_material(name, numbers)
    return found


def _numbers(table: Mapping[str, Any]) -> dict[str, float] | None:
    """Values in SI of a [materials.NAME]; None where one cannot be used."""
    numbers = {}
    for key, value in table.items():
        dimension = _OWN.get(key)
        if dimension is None:
            return None
        try:
            numbers[key] = _number(key, value, dimension)
        except InputError:
            return None
        if not numbers[key] > 0.0 and key != "spin_hall_angle":
            return None
    return numbers


def _match_conductivity(numbers: dict[str, float], section: str) -> None:
    """Turn the conductivity into a resistivity, with which it must agree where both are given."""
    if "conductivity" in numbers:
        rho = numbers.setdefault("resistivity", 1.0 / numbers["conductivity"])
        matching(numbers, {"resistivity": rho, "conductivity": 1.0 / rho}, section, [])
        del numbers["conductivity"]


def _number(key: str, value: Any, dimension: str) -> float:
    """One value in SI; "none" is an infinite spin diffusion length."""
    if key == "spin_diffusion_length" and value == "none":
        return math.inf
    return quantity(value, "", dimension) if dimension else number(value, "")


def _filled(
    section: Mapping[str, Any],
    key: str,
    known: tuple[str, ...],
    deck: Mapping[str, Any],
    metals: Mapping[str, Material],
) -> Mapping[str, Any]:
    """Section with what its material gives."""
    name = section.get("material")
    if not isinstance(name, str) or name not in metals:
        return section
    if deck.get("units") == "reduced":
        raise InputError(
            f'{key}.material = "{name}" has no place in a deck with units = "reduced": leave it out, or write '
            f"quantities with units"
        )
    found = metals[name]
    if found.insulator:
        raise InputError(
            f'{key}.material = "{name}" has no electrons to walk, it is an insulator: let them walk in the metal '
            f'beside it, with texture.kind = "insulator"'
        )
    magnet = key == "electrons" and "texture" in deck
    return {**section, **_said_by_material(found, section, known, magnet, _mean_cosine(deck))}


def _mean_cosine(deck: Mapping[str, Any]) -> float:
    """Mean cosine of the angles of scattering; 0 where it is not given, or cannot be used, to be refused later."""
    electrons = deck.get("electrons")
    try:
        g = number(electrons.get("mean_cosine", 0.0), "") if isinstance(electrons, Mapping) else 0.0
    except InputError:
        return 0.0
    return g if abs(g) < 1.0 else 0.0


def _said_by_material(
    found: Material, section: Mapping[str, Any], known: tuple[str, ...], magnet: bool, mean_cosine: float
) -> dict[str, Any]:
    """Keys that the material gives and the section does not."""
    filled: dict[str, Any] = {}
    for key in known:
        said = any(section.get(other) is not None for other in _SAID_BY.get(key, (key,)))
        if said or key not in found.entries or (key == "exchange" and not magnet):
            continue
        unit, entry = _UNITS[key], found.entries[key]
        # the unit in which the material's table shows it keeps round numbers round
        value = entry.shown if unit == entry.unit or not unit else entry.value
        if key == "mean_free_path":
            value *= 1.0 - mean_cosine  # a material's is that of its conductivity, of transport
        rounded = float(f"{value:.{_DIGITS}g}")
        filled[key] = f"{rounded:.{_DIGITS}g} {unit}" if unit else rounded
        if math.isinf(value):
            filled[key] = "none"
    return filled
