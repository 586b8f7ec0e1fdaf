"""Materials: numbers from the literature with their sources, and what a deck needs of them.

`materials.toml` holds what was measured or calculated. The rest follows so that σ = 2e²νD, D = v_F ℓ/3, holds:

    ℓ = (ρℓ)/ρ
    ν = σ/(2e²D) where v_F is given; else ν = 3γ/(2π²k_B²V) of the specific heat γT per mole, and v_F = 3σ/(2e²νℓ)
    m = √(2π²ħ³ν/v_F), the mass of free electrons with this ν and v_F
"""

from __future__ import annotations

import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, NamedTuple

from mcpump.constants import E_CHARGE, HBAR, K_BOLTZMANN, M_ELECTRON
from mcpump.deck.hints import nearest
from mcpump.errors import InputError

_SI = {
    "": 1.0, "uohm cm": 1e-8, "fohm m^2": 1e-15, "nm": 1e-9, "1e6 m/s": 1e6, "mJ/(mol K^2)": 1e-3,
    "cm^3/mol": 1e-6, "eV": E_CHARGE, "1/(eV nm^3)": 1e27 / E_CHARGE, "m_e": M_ELECTRON, "1e6 S/m": 1e6,
    "cm^2/s": 1e-4,
}  # fmt: skip
"""What a unit of the file, or of a derived number, is worth in SI."""


class Entry(NamedTuple):
    """One number of a material."""

    value: float
    """In SI."""
    unit: str
    """Unit in which it is shown."""
    range: tuple[float, float] | None
    """Where the literature disagrees, in SI."""
    source: str
    """Article or handbook, or, of a derived number, what it follows from."""
    derived: bool

    @property
    def shown(self) -> float:
        """Value in its unit."""
        return self.value / _SI[self.unit]

    @property
    def shown_range(self) -> tuple[float, float] | None:
        """Range in its unit."""
        return (
            None if self.range is None else (self.range[0] / _SI[self.unit], self.range[1] / _SI[self.unit])
        )


@dataclass(frozen=True)
class Material:
    """A material by its name in decks."""

    name: str
    title: str
    temperature: float
    """Temperature [K] at which the numbers hold, where their sources say nothing else; NaN for an insulator."""
    entries: dict[str, Entry]
    """What is known of it, given numbers first; empty for an insulator."""

    @property
    def insulator(self) -> bool:
        """Whether it has no electrons to walk."""
        return not self.entries

    def __getitem__(self, key: str) -> float:
        """Value of an entry in SI."""
        return self.entries[key].value


@lru_cache(maxsize=1)
def materials() -> dict[str, Material]:
    """All materials by name.

    Returns
    -------
    dict of str to Material
        In the file's order.
    """
    text = files("mcpump.deck").joinpath("materials.toml").read_text(encoding="utf-8")
    return {name: _read(name, table) for name, table in tomllib.loads(text).items()}


def material(name: str) -> Material:
    """One material.

    Parameters
    ----------
    name : str
        As in `materials`.

    Raises
    ------
    InputError
        One sentence with all names.
    """
    try:
        return materials()[name]
    except KeyError:
        near = nearest(name, materials())
        hint = f"did you mean {near}?" if near else f"known are {', '.join(materials())}"
        raise InputError(f"there is no material {name!r}: {hint}") from None


CLOSED = ("resistivity", "mean_free_path", "fermi_velocity", "density_of_states")
"""Numbers of a metal that σ = 2e²νD, D = v_F ℓ/3, ties: three of them give the fourth."""
_TOLERANCE = 0.01
_OWN_UNITS = {"mean_free_path": "nm", "spin_diffusion_length": "nm", "exchange": "eV"}


def own_material(name: str, given: Mapping[str, float]) -> Material:
    """Complete a metal of a deck's own, [materials.NAME].

    Parameters
    ----------
    name : str
        Its name.
    given : mapping
        Key → value in SI: three of `CLOSED`, and what else is known.

    Returns
    -------
    Material
        With the fourth by Einstein's relation, and the mass of free electrons with its ν and v_F.

    Raises
    ------
    InputError
        If fewer than three are given, or four that disagree by more than 1 %.
    """
    there = [key for key in CLOSED if key in given]
    if len(there) < 3:
        raise InputError(
            f"materials.{name} gives {' and '.join(there) or 'none'} of {', '.join(CLOSED)}: give three, the fourth "
            f"follows from σ = 2e²νD"
        )
    numbers = dict(given)
    rho, ell, v, nu = (numbers.get(key, 1.0) for key in CLOSED)
    ratio = 2.0 * E_CHARGE**2 * nu * rho * v * ell / 3.0
    if len(there) == 4 and not abs(ratio - 1.0) <= _TOLERANCE:
        raise InputError(
            f"materials.{name}: its numbers give 2e²νD/σ = {ratio:.4g} and must give 1: leave out one of "
            f"{', '.join(CLOSED)}, or give values that agree to 1 %"
        )
    for key in CLOSED:
        numbers.setdefault(key, 1.0 / ratio)
    entries = {
        key: Entry(value, _OWN_UNITS.get(key, ""), None, "[materials] of the deck", key not in given)
        for key, value in numbers.items()
    }
    mass = math.sqrt(2.0 * math.pi**2 * HBAR**3 * numbers["density_of_states"] / numbers["fermi_velocity"])
    entries["effective_mass"] = Entry(mass, "m_e", None, "free electrons with this ν and v_F", True)
    return Material(name, name, math.nan, entries)


def einstein_ratio(found: Material) -> float:
    """Return σ/(2e²νD) of a material's numbers, which is 1 as one of them is derived."""
    D = found["fermi_velocity"] * found["mean_free_path"] / 3.0
    return 1.0 / found["resistivity"] / (2.0 * E_CHARGE**2 * found["density_of_states"] * D)


def thermal_density_of_states(found: Material) -> float:
    """ν of the electronic specific heat per spin and volume, 3γ/(2π²k_B²V) [1/(J m³)]; phonons enhance it.

    Independent of σ where v_F is given, which tests the Einstein relation.
    """
    return _of_specific_heat(found.entries)


def _read(name: str, table: dict[str, Any]) -> Material:
    """Material of a table of the file."""
    if table.get("insulator"):
        return Material(name, table["title"], math.nan, {})
    entries = {key: _entry(given) for key, given in table.items() if isinstance(given, dict)}
    return Material(name, table["title"], float(table["temperature"]), _completed(entries))


def _entry(given: dict[str, Any]) -> Entry:
    """One number of the file in SI."""
    worth = _SI[given["unit"]]
    low_high = given.get("range")
    ends = None if low_high is None else (low_high[0] * worth, low_high[1] * worth)
    return Entry(given["value"] * worth, given["unit"], ends, given["source"], False)


def _completed(entries: dict[str, Entry]) -> dict[str, Entry]:
    """Add what follows."""

    def derive(key: str, value: float, unit: str, why: str) -> None:
        entries[key] = Entry(value, unit, None, why, True)

    sigma = 1.0 / entries["resistivity"].value
    derive("conductivity", sigma, "1e6 S/m", "1/resistivity")
    if "mean_free_path" not in entries:
        product = entries["resistivity_times_mean_free_path"].value
        derive("mean_free_path", product * sigma, "nm", "resistivity_times_mean_free_path over resistivity")
    ell = entries["mean_free_path"].value
    double = 2.0 * E_CHARGE**2
    if "fermi_velocity" in entries:
        D = entries["fermi_velocity"].value * ell / 3.0
        derive("density_of_states", sigma / double / D, "1/(eV nm^3)", "σ/(2e²D), Einstein")
    else:
        nu = _of_specific_heat(entries)
        derive("density_of_states", nu, "1/(eV nm^3)", "the electronic specific heat, 3γ/(2π²k_B²V)")
        derive("fermi_velocity", 3.0 * sigma / (double * nu * ell), "1e6 m/s", "3σ/(2e²νℓ), Einstein")
    v, nu = entries["fermi_velocity"].value, entries["density_of_states"].value
    derive("diffusion_coefficient", v * ell / 3.0, "cm^2/s", "v_F ℓ/3")
    mass = math.sqrt(2.0 * math.pi**2 * HBAR**3 * nu / v)
    derive("effective_mass", mass, "m_e", "√(2π²ħ³ν/v_F), free electrons with this ν and v_F")
    return entries


def _of_specific_heat(entries: dict[str, Entry]) -> float:
    """ν that the specific heat amounts to."""
    gamma = entries["specific_heat"].value / entries["molar_volume"].value
    return 3.0 * gamma / (2.0 * math.pi**2 * K_BOLTZMANN**2)
