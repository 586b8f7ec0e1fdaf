"""`material = "Pt"` in [electrons] or [[layer]]: fills in what it does not say; a resolved deck says it all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcpump.errors import InputError
from mcpump.materials import Material, materials

_SAID_BY = {
    "fermi_velocity": ("fermi_wavenumber", "fermi_velocity", "fermi_energy"),
    "mean_free_path": ("mean_free_path", "lifetime", "diffusion_coefficient", "conductivity", "resistivity"),
    "spin_diffusion_length": ("spin_diffusion_length", "spin_relaxation_time"),
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
    electrons, layers = given.get("electrons"), given.get("layer")
    if isinstance(electrons, Mapping):
        given["electrons"] = _filled(electrons, "electrons", tuple(_UNITS), given)
    if isinstance(layers, list | tuple):
        given["layer"] = [
            _filled(one, f"layer[{i}]", _IN_LAYERS, given) if isinstance(one, Mapping) else one
            for i, one in enumerate(layers)
        ]
    return given


def _filled(
    section: Mapping[str, Any], key: str, known: tuple[str, ...], deck: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Section with what its material gives."""
    name = section.get("material")
    if not isinstance(name, str) or name not in materials():
        return section
    if deck.get("units") == "reduced":
        raise InputError(
            f'{key}.material = "{name}" has no place in a deck with units = "reduced": leave it out, or write '
            f"quantities with units"
        )
    found = materials()[name]
    if found.insulator:
        raise InputError(
            f'{key}.material = "{name}" has no electrons to walk, it is an insulator: let them walk in the metal '
            f'beside it, with texture.kind = "penetration"'
        )
    return {**section, **_said_by_material(found, section, known, key == "electrons" and "texture" in deck)}


def _said_by_material(
    found: Material, section: Mapping[str, Any], known: tuple[str, ...], magnet: bool
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
        number = float(f"{value:.{_DIGITS}g}")
        filled[key] = f"{number:.{_DIGITS}g} {unit}" if unit else number
    return filled
