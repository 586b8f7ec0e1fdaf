"""Quantities of a deck: NUMBER UNIT in SI decks, plain numbers in reduced ones.

pint evaluates what it is given ("9**9**9 nm" would never end), so that the number and the unit are
told apart here, and pint sees the unit alone, in a small grammar with exponents of one digit.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from functools import lru_cache
from typing import Any, NamedTuple

from mcpump.constants import MU_0
from mcpump.deck import hints
from mcpump.errors import InputError, show

SMALLEST, LARGEST = 1e-60, 1e60
"""Magnitudes in SI outside this window are slips; inside it no product of a few of them overflows."""


class Dimension(NamedTuple):
    """A kind of quantity: its SI unit, an example to show, and whether it counts angles."""

    si: str
    example: str
    angular: bool = False
    others: tuple[tuple[str, float], ...] = ()
    """Units of what is proportional to it and often told in its place, and their worth in SI."""
    accepts: str = ""
    """What is accepted, where the name of the dimension does not tell."""


DIMENSIONS = {
    "length": Dimension("m", "1 nm"),
    "wavenumber": Dimension("rad/m", "13.6 /nm", angular=True),
    "time": Dimension("s", "1 ps"),
    "velocity": Dimension("m/s", "1.2e6 m/s"),
    "energy": Dimension("J", "50 meV"),
    "frequency": Dimension("Hz", "10 GHz"),
    "angular_frequency": Dimension("rad/s", "6.3e10 rad/s", angular=True),
    "diffusion_coefficient": Dimension("m^2/s", "5.2 cm^2/s"),
    "conductivity": Dimension("S/m", "1.5e6 S/m"),
    "resistivity": Dimension("ohm m", "1e-6 ohm m"),
    "density_of_states": Dimension("1/(J m^3)", "9 1/(eV nm^3)"),
    "spin_orbit_field": Dimension("J m", "0.1 eV angstrom"),
    "spin_orbit_coupling": Dimension("m^2", "0.0005 nm^2"),
    "electric_field": Dimension("V/m", "1 kV/m"),
    "magnetization": Dimension(
        "A/m",
        "800 kA/m",
        others=(("T", 1.0 / MU_0),),
        accepts="magnetization in A/m or emu/cm^3, or µ₀M_s in T",
    ),
    "area_resistance": Dimension("ohm m^2", "0.74 fohm m^2"),
    "mixing_conductance": Dimension("1/m^2", "5e18 1/m^2"),
    "angle": Dimension("rad", "10 deg", angular=True),
}
"""What `quantity` knows, by name; angles may carry a unit in reduced decks too."""

_NUMBER = re.compile(r"[+-]?(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?", re.ASCII)
_ODD_NUMBER = re.compile(r"[+-]?(?:nan|inf|infinity)\b", re.IGNORECASE)
_TOKEN = re.compile(r"(?:[A-Za-zµμÅΩ°]+|\^-?[0-9](?![0-9^*])|[*/()·]|1(?=\s*/)|\s+)")
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_LONGEST_UNIT = 40
_ROUNDING = 1e-14
_GAUSS = ("gauss", "oersted")
_ANGLES = ("radian", "degree", "turn", "arcminute", "arcsecond", "milliradian")


def number(value: Any, key: str) -> float:
    """Turn a plain number of a deck into a float.

    Parameters
    ----------
    value : Any
        What the deck holds.
    key : str
        Dotted key, for the sentence.

    Returns
    -------
    float
        A finite number.

    Raises
    ------
    InputError
        If it is no number (booleans and strings are none), infinite or NaN.
    """
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{key} = {show(value)} is not a plain number{hints.of_number(value)}")
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise InputError(f"{key} = {show(value)} is not a finite number")
    return result


def quantity(value: Any, key: str, dimension: str, reduced: bool = False) -> float:
    """Read one quantity of a deck.

    Parameters
    ----------
    value : str or number
        "NUMBER UNIT" in an SI deck, a plain number in a reduced one (angles: radians, or with unit).
    key : str
        Dotted key, for the sentence.
    dimension : str
        A name out of `DIMENSIONS`.
    reduced : bool
        True in a deck with `units = "reduced"`.

    Returns
    -------
    float
        The value in the dimension's SI unit, or in reduced units.

    Raises
    ------
    InputError
        One sentence with key, value and what is accepted.
    """
    kind = DIMENSIONS[dimension]
    if not isinstance(value, str):
        result = number(value, key)
        if not reduced:
            raise InputError(
                f'{key} = {show(value)} has no unit: write a number and a unit, e.g. "{kind.example}" '
                f'(plain numbers belong to decks with units = "reduced")'
            )
        return _in_window(result, value, key, "")
    if reduced and dimension != "angle":
        raise InputError(
            f'{key} = {show(value)} is text: a deck with units = "reduced" takes plain numbers '
            f"(lengths in ℓ, times in τ)"
        )
    try:
        return _read(value, key, dimension)
    except InputError as error:
        meant = next((text for text in hints.mended_quantities(value) if _is_read(text, dimension)), "")
        if not meant:
            raise
        raise InputError(f"{key} = {show(value)} cannot be used: did you mean {show(meant)}?") from error


def parameter(value: Any, key: str, reduced: bool = False) -> float:
    """Read a number of the user's own: plain, or in an SI deck NUMBER UNIT of any dimension, which becomes SI base units.

    Parameters
    ----------
    value, key, reduced
        As for `quantity`; a reduced deck takes angles with a unit.

    Raises
    ------
    InputError
        One sentence with key, value and what is accepted.
    """
    if not isinstance(value, str) or reduced:
        is_angle = isinstance(value, str) and _is_read(value, "angle")
        return (
            quantity(value, key, "angle", reduced=True)
            if is_angle
            else _in_window(number(value, key), value, key, "")
        )
    kind = Dimension("", "20 nm")
    digits, unit = _split(value, key, kind)
    factor = _factor_in_base_units(unit) if len(unit) <= _LONGEST_UNIT else 0.0
    if factor <= 0.0:
        raise InputError(
            f'{key} = {show(value)} cannot be used: its unit is not known: write a plain number, or e.g. "{kind.example}"'
        )
    return _in_window(_product(digits, factor), value, key, " in SI")


def dimension_of(value: Any) -> str:
    """Name out of `DIMENSIONS` that a text NUMBER UNIT has; "" for others."""
    names = DIMENSIONS if isinstance(value, str) else ()
    return next((name for name in names if _is_read(value, name)), "")


def _is_read(text: str, dimension: str) -> bool:
    """Whether a text is a quantity."""
    try:
        _read(text, "", dimension)
    except InputError:
        return False
    return True


def _read(value: str, key: str, dimension: str) -> float:
    """Value in SI of NUMBER UNIT."""
    kind = DIMENSIONS[dimension]
    digits, unit = _split(value, key, kind)
    result = _product(digits, _factor_or_sentence(unit, value, key, dimension))
    return _in_window(result, value, key, " " + kind.si)


def _product(digits: str, factor: float) -> float:
    """Number times the worth of its unit; for powers of ten the double nearest to what is written: 30 nm is 30e-9."""
    power = round(math.log10(factor))
    if math.isclose(factor, float(f"1e{power}"), rel_tol=_ROUNDING):
        return float(Decimal(digits).scaleb(power))
    return float(digits) * factor


def _in_window(result: float, value: Any, key: str, unit: str) -> float:
    """Refuse numbers that no sample can mean; they would only overflow later."""
    if result != 0.0 and not SMALLEST <= abs(result) <= LARGEST:
        raise InputError(
            f"{key} = {show(value)} is out of range: accepted are 0 and magnitudes "
            f"from {SMALLEST:g} to {LARGEST:g}{unit}"
        )
    return result


def _split(text: str, key: str, kind: Dimension) -> tuple[str, str]:
    """Split NUMBER UNIT into the number's and the unit's text."""
    stripped = text.strip()
    match = _NUMBER.match(stripped)
    if match is None:
        if _ODD_NUMBER.match(stripped):
            raise InputError(f"{key} = {show(text)} is not a finite number")
        raise InputError(f'{key} = {show(text)} does not begin with a number: write e.g. "{kind.example}"')
    unit = stripped[match.end() :].strip()
    if not unit:
        raise InputError(f'{key} = {show(text)} has no unit: write e.g. "{kind.example}"')
    try:
        magnitude = float(match.group())
    except ValueError:  # "1__0"
        raise InputError(f"{key} = {show(text)} does not begin with a number that can be read") from None
    if not math.isfinite(magnitude):
        raise InputError(f"{key} = {show(text)} is not a finite number")
    return match.group(), unit


def _factor_or_sentence(unit: str, value: str, key: str, dimension: str) -> float:
    """Worth of the unit in SI; what is wrong with it becomes the sentence's end."""
    factor, trouble = _factor(unit, dimension) if len(unit) <= _LONGEST_UNIT else (0.0, "")
    if trouble or factor == 0.0:
        name = dimension.replace("_", " ")
        article = "an" if name[0] in "aeiou" else "a"
        reason = trouble or f"its unit is not that of {article} {name}: write e.g. "
        example = "" if trouble else f'"{DIMENSIONS[dimension].example}"'
        raise InputError(f"{key} = {show(value)} cannot be used: {reason}{example}")
    return factor


@lru_cache(maxsize=1)
def _registry() -> Any:
    """One pint registry, made when the first unit is read (importing pint takes 0.3 s)."""
    import pint

    registry: Any = pint.UnitRegistry()
    registry.define("emu = 1e-3 * ampere * meter ** 2")
    return registry


@lru_cache(maxsize=1024)
def _factor(unit: str, dimension: str) -> tuple[float, str]:
    """Worth of a unit in SI and what is wrong with it; (0, "") if it is no unit of this dimension."""
    plain = _plain(unit)
    if not plain:
        return 0.0, ""
    kind, registry = DIMENSIONS[dimension], _registry()
    try:
        parsed = registry.parse_units(plain)
        names = list(parsed._units)
        trouble = _angle_trouble(registry, names, dimension)
        for si, worth in ((kind.si, 1.0), *kind.others):
            if parsed.is_compatible_with(si):
                factor = worth * float((1.0 * parsed).to(si).magnitude)
                break
        else:
            return 0.0, _gauss_trouble(names, dimension)
    # pint raises what its parser, tokenizer and converters happen to raise: nothing of it may escape.
    except Exception:
        return 0.0, ""
    if trouble:
        return 0.0, trouble
    return (factor, "") if math.isfinite(factor) else (0.0, "")


@lru_cache(maxsize=1024)
def _factor_in_base_units(unit: str) -> float:
    """Worth of a unit in SI base units; 0 if it is none, or has an offset, as °C."""
    plain = _plain(unit)
    if not plain:
        return 0.0
    try:
        parsed = _registry().parse_units(plain)
        once, twice = (float((factor * parsed).to_base_units().magnitude) for factor in (1.0, 2.0))
    # pint raises what its parser, tokenizer and converters happen to raise: nothing of it may escape.
    except Exception:
        return 0.0
    return once if math.isfinite(once) and math.isclose(twice, 2.0 * once, rel_tol=_ROUNDING) else 0.0


def _gauss_trouble(names: list[str], dimension: str) -> str:
    """Gauss may mean M_s or 4πM_s, which differ by 4π."""
    if dimension == "magnetization" and any(name.endswith(_GAUSS) for name in names):
        return "in gauss it could be M_s or 4πM_s: write emu/cm^3 for M_s, or µ₀M_s in T (1 kG of 4πM_s is 0.1 T)"
    return ""


def _plain(unit: str) -> str:
    """Write the unit in the grammar pint may see, or "" if it is outside it."""
    text = re.sub(r"([⁻⁰¹²³⁴-⁹]+)", r"^\1", unit).translate(_SUPERSCRIPTS).replace("**", "^")
    place = 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            return ""
        place = match.end()
    text = text.replace("·", "*").strip()
    return "1" + text if text.startswith("/") else text


def _angle_trouble(registry: Any, names: list[str], dimension: str) -> str:
    """Hz, rad/s and rpm are all 1/s for pint: keep turns per time and radians per time apart."""
    angular = DIMENSIONS[dimension].angular
    rates = [name for name in names if registry.get_dimensionality(name) == {"[time]": -1}]
    pure = [name for name in names if not registry.get_dimensionality(name)]
    if dimension == "frequency" and (pure or any(not name.endswith("hertz") for name in rates)):
        return 'a frequency counts periods in Hz, e.g. "10 GHz" (angular_frequency takes rad/s)'
    if dimension == "angular_frequency" and rates:
        return 'an angular frequency is in rad/s or 1/s, e.g. "6.3e10 rad/s" (frequency takes Hz)'
    if [name for name in pure if not (angular and name in _ANGLES)]:
        return f'it holds a unit without dimension: write e.g. "{DIMENSIONS[dimension].example}"'
    return ""
