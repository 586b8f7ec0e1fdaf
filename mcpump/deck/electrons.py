"""The electron gas: every number of it from any sufficient set of the deck's keys.

Free electrons with elastic, isotropic scattering (d = 3 in SI decks):

    v_F = ħk_F/m    ε_F = ħ²k_F²/2m    ν = m k_F/(2π²ħ²) per spin and volume
    τ = ℓ/v_F       D = v_F²τ/d        σ = 2e²νD         λ_s = √(D τ_sf)

Where impurities scatter by angles of the mean cosine g, D = v_F²τ/d(1 − g): ℓ and τ are those between collisions.
Spin relaxes in a given time or on a given length, or as the scattering has it, `Mechanisms`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

from mcpump.constants import E_CHARGE, HBAR, M_ELECTRON
from mcpump.errors import InputError

TOLERANCE = 0.01
"""Keys that say the same thing twice must agree to this."""

Values = Mapping[str, float | None]
"""Key of [electrons] → value in SI (or reduced units); None or absent: not given; inf: "none"."""

FERMI_KEYS = ("fermi_wavenumber", "fermi_velocity", "fermi_energy")
SCATTERING_KEYS = ("mean_free_path", "lifetime", "diffusion_coefficient", "conductivity", "resistivity")
SPIN_KEYS = ("spin_diffusion_length", "spin_relaxation_time")
MECHANISM_KEYS = ("elliott_yafet", "dyakonov_perel", "spin_flip_probability")
"""What τ_sf follows from τ by, as the fields of `Mechanisms`."""
UNITS = {
    "fermi_wavenumber": "/m", "fermi_velocity": "m/s", "fermi_energy": "J", "mean_free_path": "m",
    "lifetime": "s", "diffusion_coefficient": "m^2/s", "conductivity": "S/m", "resistivity": "ohm m",
    "spin_diffusion_length": "m", "spin_relaxation_time": "s", "dyakonov_perel": "rad/s",
}  # fmt: skip


class Mechanisms(NamedTuple):
    """What relaxes spin as impurities scatter: 1/τ_sf = α/τ + Ω²τ + 2p/τ."""

    elliott_yafet: float = 0.0
    """α = τ/τ_sf."""
    dyakonov_perel: float = 0.0
    """Ω of 1/τ_sf = Ω²τ [1/s]."""
    spin_flip_probability: float = 0.0
    """p that a collision turns the spin over; α and Ω act in flight."""

    @property
    def flipped(self) -> float:
        """Share of the spin that a collision takes, 2p."""
        return 2.0 * self.spin_flip_probability

    def relaxation_time(self, tau: float) -> float:
        """τ_sf at a lifetime; inf where nothing relaxes."""
        rate = (self.elliott_yafet + self.flipped) / tau + self.dyakonov_perel * self.dyakonov_perel * tau
        return 1.0 / rate if rate > 0.0 else math.inf


class Electrons(NamedTuple):
    """One electron gas, in SI (or in reduced units: ℓ = τ = v_F = ħ = 1, what is unknown is NaN)."""

    dimension: int
    """Dimension d of the velocity sphere."""
    k_F: float
    """Fermi wave number [1/m]; k_F ℓ in a reduced deck."""
    v_F: float
    """Fermi velocity [m/s]."""
    energy: float
    """Fermi energy ε_F [J]."""
    mass: float
    """Effective mass m [kg]."""
    nu: float
    """Density of states per spin and volume ν [1/(J m³)]."""
    ell: float
    """Mean free path ℓ [m]."""
    tau: float
    """Elastic lifetime τ [s]."""
    D: float
    """Diffusion coefficient [m²/s]."""
    sigma: float
    """Conductivity σ = 2e²νD [S/m]."""
    tau_sf: float
    """Spin relaxation time [s]; inf for none."""
    lambda_s: float
    """Spin diffusion length √(D τ_sf) [m]; inf for none."""
    exchange: float
    """Exchange constant J [J]; Jτ/ħ in a reduced deck."""
    mean_cosine: float
    """Mean cosine of the angle by which impurities scatter; 0: isotropically."""
    elliott_yafet: float
    dyakonov_perel: float
    spin_flip_probability: float
    """Its `mechanisms`; 0 where τ_sf is given."""
    notes: tuple[str, ...]
    """Where the deck says the same thing twice: which key was used."""

    @property
    def mechanisms(self) -> Mechanisms:
        """What relaxes its spin as impurities scatter; nothing where τ_sf is given."""
        return Mechanisms(self.elliott_yafet, self.dyakonov_perel, self.spin_flip_probability)

    @property
    def exchange_number(self) -> float:
        """Jτ/ħ."""
        return self.exchange if math.isnan(self.mass) else self.exchange * self.tau / HBAR

    @property
    def exchange_unit(self) -> float:
        """J of the unit ħνJ in which spin is counted [J; Jτ/ħ in a reduced deck]: that of the deck, or else ħ/τ."""
        return self.exchange or (1.0 if math.isnan(self.mass) else HBAR / self.tau)


def resolve(values: Values, reduced: bool, dimension: int = 3) -> Electrons:
    """Work out the electron gas from the keys that a deck gives.

    Parameters
    ----------
    values : mapping
        Key of [electrons] → value in SI, or in reduced units; every given value is positive.
    reduced : bool
        True for a deck in reduced units.
    dimension : int
        Dimension d of the velocity sphere; SI decks have 3.

    Returns
    -------
    Electrons
        All of its numbers.

    Raises
    ------
    InputError
        If a number is missing, or if two keys disagree by more than 1 %.

    Notes
    -----
    Of keys that say the same thing the first, in the order of the deck's documentation, wins.
    """
    try:
        electrons = _reduced(values, dimension) if reduced else _si(values, dimension)
    except (OverflowError, ZeroDivisionError):
        raise InputError(
            "electrons: the numbers given are too large or too small: check their units"
        ) from None
    known = [electrons.tau, electrons.ell, electrons.D, electrons.v_F]
    if not reduced:
        known += [electrons.energy, electrons.nu, electrons.sigma]
    if not all(math.isfinite(number) and number > 0.0 for number in known):
        raise InputError("electrons: the numbers given are too large or too small: check their units")
    return electrons


def matching(
    given: Values,
    derived: Mapping[str, float],
    section: str,
    notes: list[str],
    units: Mapping[str, str] = UNITS,
    hint: str = "",
) -> None:
    """Check that keys which say the same thing agree to 1 %.

    Parameters
    ----------
    given : mapping
        Keys in order of rank, with the values given (None: not given).
    derived : mapping
        The same keys with what the first given one implies.
    section : str
        Prefix of the dotted keys.
    notes : list of str
        Gets a sentence for every key that was given twice and agrees.
    units : mapping
        Unit of each key, for the sentence.
    hint : str
        End of the sentence: what else helps.

    Raises
    ------
    InputError
        Naming both keys, both values and the tolerance.
    """
    names = [key for key in derived if given.get(key) is not None]
    for key in names[1:]:
        value, implied, unit = given[key], derived[key], units.get(key, "")
        assert value is not None
        both_finite = math.isfinite(value) and math.isfinite(implied)
        if value != implied and not (both_finite and abs(value - implied) <= TOLERANCE * abs(implied)):
            raise InputError(
                f"{section}.{key} = {_pretty(value, unit)} disagrees with {section}.{names[0]}, which gives "
                f"{_pretty(implied, unit)}: give one of them, or values that agree to 1 %{hint}"
            )
        notes.append(f"{section}.{key} agrees with {section}.{names[0]} to 1 %; {names[0]} is used")


def _pretty(value: float, unit: str) -> str:
    """Value and unit for a sentence."""
    return '"none"' if math.isinf(value) else f"{value:.6g} {unit}".rstrip()


def _first(values: Values, ways: Mapping[str, Callable[[float], float]], what: str) -> float:
    """Work out the wanted number from the first key that is given."""
    for key, way in ways.items():
        value = values.get(key)
        if value is not None:
            return way(value)
    raise InputError(f"electrons: the {what} is missing: give one of {', '.join(ways)}")


def _si(values: Values, dimension: int) -> Electrons:
    """Electrons of an SI deck."""
    if dimension != 3:
        raise InputError(
            f"electrons.dimension = {dimension} is not accepted in an SI deck, which has 3: "
            f'dimensions 1 and 2 need units = "reduced"'
        )
    notes: list[str] = []
    mass, k_F = _fermi_surface(values)
    v_F = HBAR * k_F / mass
    energy = 0.5 * mass * v_F * v_F
    matching(values, dict(zip(FERMI_KEYS, (k_F, v_F, energy), strict=True)), "electrons", notes)
    nu = values.get("density_of_states") or mass / HBAR * k_F / (2.0 * math.pi**2 * HBAR)
    tau = lifetime_of(values, v_F, nu)
    if tau is None:
        raise InputError(
            f"electrons: the strength of the scattering is missing: give one of {', '.join(SCATTERING_KEYS)}"
        )
    g = mean_cosine_of(values, dimension)
    D = v_F * v_F * tau / (3.0 * (1.0 - g))
    sigma = 2.0 * E_CHARGE**2 * nu * D
    match_scattering(values, (v_F * tau, tau, D, sigma), "electrons", notes)
    mechanisms = mechanisms_of(values, "electrons") or Mechanisms()
    tau_sf = relaxation_time(values, mechanisms, tau, D, "electrons", notes)
    return Electrons(
        3, k_F, v_F, energy, mass, nu, v_F * tau, tau, D, sigma, tau_sf, math.sqrt(D * tau_sf),
        values.get("exchange") or 0.0, g, *mechanisms, tuple(notes),
    )  # fmt: skip


def mean_cosine_of(values: Values, dimension: int) -> float:
    """Mean cosine of the angles of scattering.

    Raises
    ------
    InputError
        If it is not 0 where directions are not those of a sphere.
    """
    g = values.get("mean_cosine") or 0.0
    if g and dimension != 3:
        raise InputError(
            f"electrons.mean_cosine = {g:g} needs electrons.dimension = 3, not {dimension}: Henyey and Greenstein's law "
            f"is one of directions in space"
        )
    return g


def _fermi_surface(values: Values) -> tuple[float, float]:
    """Mass [kg] and k_F [1/m] of an SI deck.

    Where ν is given in place of v_F, what is said twice of the scattering closes σ = 2e²νD; without that electrons are
    free. The mass that is not given is then that of free electrons with this ν and v_F.
    """
    nu = values.get("density_of_states")
    mass = (values.get("effective_mass") or 1.0) * M_ELECTRON
    closed = None
    if nu is not None and all(values.get(key) is None for key in FERMI_KEYS):
        closed = _closing_velocity(values, nu)
        if closed is not None and values.get("effective_mass") is None:
            mass = math.sqrt(2.0 * math.pi**2 * HBAR**3 * nu / closed)
    if closed is not None:
        return mass, mass * closed / HBAR
    k_F = _first(
        values,
        {
            "fermi_wavenumber": lambda k: k,
            "fermi_velocity": lambda v: mass * v / HBAR,
            "fermi_energy": lambda energy: math.sqrt(2.0 * mass) * math.sqrt(energy) / HBAR,
            "density_of_states": lambda nu: nu * HBAR / mass * 2.0 * math.pi**2 * HBAR,
        },
        "Fermi surface",
    )
    return mass, k_F


def _closing_velocity(values: Values, nu: float) -> float | None:
    """v_F by which both ℓ or τ and σ, ρ or D hold; None where they are not given."""
    ell, tau, D, sigma, rho = (values.get(key) for key in SCATTERING_KEYS)
    if D is None and (sigma is not None or rho is not None):
        D = (sigma if sigma is not None else 1.0 / (rho or math.inf)) / (2.0 * E_CHARGE**2 * nu)
    if D is None or (ell is None and tau is None):
        return None
    D *= 1.0 - (values.get("mean_cosine") or 0.0)
    return 3.0 * D / ell if ell is not None else math.sqrt(3.0 * D / (tau or math.inf))


def lifetime_of(values: Values, v: float, nu: float, dimension: int = 3) -> float | None:
    """τ from the first key that fixes it, of [electrons] or a [[layer]]; None if none does.

    Parameters
    ----------
    values : mapping
        Key of `SCATTERING_KEYS`, and "mean_cosine" → value in SI, or in reduced units.
    v, nu : float
        Fermi velocity and density of states; ν only matters for conductivity and resistivity.
    dimension : int
        Dimension d of the velocity sphere.
    """
    d, to_sigma = dimension * (1.0 - (values.get("mean_cosine") or 0.0)), 2.0 * E_CHARGE**2 * nu
    ways: dict[str, Callable[[float], float]] = {
        "mean_free_path": lambda ell: ell / v,
        "lifetime": lambda tau: tau,
        "diffusion_coefficient": lambda D: d * D / v / v,
        "conductivity": lambda sigma: d * sigma / to_sigma / v / v,
        "resistivity": lambda rho: d / rho / to_sigma / v / v,
    }
    return next((way(value) for key, way in ways.items() if (value := values.get(key)) is not None), None)


def match_scattering(
    values: Values,
    numbers: tuple[float, float, float, float],
    section: str,
    notes: list[str],
    units: Mapping[str, str] = UNITS,
) -> None:
    """Check that what a section says of the scattering agrees with its ℓ, τ, D and σ, as `matching` does."""
    closes = any(values.get(key) is not None for key in ("conductivity", "resistivity"))
    known = values.get("density_of_states") is not None
    hint = (
        ""
        if known or not closes
        else ", or density_of_states, or write a metal of your own as [materials.NAME]"
    )
    derived = dict(zip(SCATTERING_KEYS, (*numbers, 1.0 / numbers[3]), strict=True))
    matching(values, derived, section, notes, units, hint)


def mechanisms_of(values: Values, section: str, units: Mapping[str, str] = UNITS) -> Mechanisms | None:
    """What a section says of τ_sf by τ; None where it says nothing of it.

    Raises
    ------
    InputError
        If the section gives τ_sf or λ_s, too.
    """
    given = {key: value for key in MECHANISM_KEYS if (value := values.get(key)) is not None}
    if not given:
        return None
    for key in SPIN_KEYS:
        value = values.get(key)
        if value is not None:
            mechanism = next(iter(given))
            raise InputError(
                f"{section}.{mechanism} = {_pretty(given[mechanism], units.get(mechanism, ''))} has τ_sf follow the "
                f"scattering, and {section}.{key} = {_pretty(value, units.get(key, ''))} gives it: leave out one of them"
            )
    return Mechanisms(**given)


def relaxation_time(
    values: Values,
    mechanisms: Mechanisms,
    tau: float,
    D: float,
    section: str,
    notes: list[str],
    units: Mapping[str, str] = UNITS,
) -> float:
    """τ_sf of [electrons] or a [[layer]]: as given, or as it follows from τ; infinite if no key says it."""
    length, time = (values.get(key) for key in SPIN_KEYS)
    if length is None and time is None:
        return mechanisms.relaxation_time(tau)
    tau_sf = length * length / D if length is not None else time
    assert tau_sf is not None
    derived = dict(zip(SPIN_KEYS, (math.sqrt(D * tau_sf), tau_sf), strict=True))
    matching(values, derived, section, notes, units)
    return tau_sf


def _reduced(values: Values, dimension: int) -> Electrons:
    """Electrons of a reduced deck: ℓ = τ = v_F = ħ = 1."""
    g, notes = mean_cosine_of(values, dimension), list[str]()
    D = 1.0 / (dimension * (1.0 - g))
    for key in ("fermi_energy", "effective_mass", "density_of_states", "conductivity", "resistivity"):
        if values.get(key) is not None:
            raise InputError(
                f"electrons.{key} = {values[key]:g} has no place in a deck "
                f'with units = "reduced": leave it out'
            )
    for key, unit in (
        ("mean_free_path", 1.0),
        ("lifetime", 1.0),
        ("fermi_velocity", 1.0),
        ("diffusion_coefficient", D),
    ):
        value = values.get(key)
        if value is not None and not math.isclose(value, unit, rel_tol=1e-9):
            raise InputError(
                f'electrons.{key} = {value:g} must be {unit:g} in a deck with units = "reduced", '
                f"where lengths are in ℓ and times in τ: leave it out"
            )
    mechanisms = mechanisms_of(values, "electrons") or Mechanisms()
    tau_sf = relaxation_time(values, mechanisms, 1.0, D, "electrons", notes, {})
    k_F = values.get("fermi_wavenumber") or math.nan
    nan = math.nan
    return Electrons(
        dimension, k_F, 1.0, nan, nan, nan, 1.0, 1.0, D, nan, tau_sf, math.sqrt(D * tau_sf),
        values.get("exchange") or 0.0, g, *mechanisms, tuple(notes),
    )  # fmt: skip
