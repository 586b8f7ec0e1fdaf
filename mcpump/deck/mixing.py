"""Magnets in interfaces between metals: what their keys make of spin across the magnetization, in plain numbers."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

from mcpump.constants import HBAR
from mcpump.errors import InputError, show

if TYPE_CHECKING:
    from mcpump.deck.sections import LayerSection

MOST = 1.0 + 1e-9
_ROUNDING = 1e-12
KEYS = ("reflection", "mixing_conductance", "mixing_transmission")
"""Keys of a [[layer]] that put a magnet into the interface at its start."""


class Mixing(NamedTuple):
    """What becomes of spin across the magnetization, over the probability of who passes and is sent back."""

    passed: complex
    """T×/T."""
    kept: tuple[complex, complex]
    """R/(1 − T) of the sides left and right."""


def keys_given(section: LayerSection) -> list[str]:
    """Keys that put a magnet into the interface."""
    return [key for key in KEYS if getattr(section, key) is not None]


def sharvin_of(nu: float, v: float) -> float:
    """g_Sh = hνv_F/4 of electrons [1/m²]."""
    return 0.5 * math.pi * HBAR * nu * v


def mixing_of(
    section: LayerSection, key: str, passing: tuple[float, float], sharvin: tuple[float, float]
) -> Mixing | None:
    """What an interface makes of spin across the magnetization of a magnet in it; None without one.

    Parameters
    ----------
    section : LayerSection
        The layer that begins there.
    key : str
        Its name in sentences.
    passing : (float, float)
        T = (T↑ + T↓)/2 of those who come from the left and from the right.
    sharvin : (float, float)
        g_Sh of both metals [1/m²]; NaN in a reduced deck.

    Raises
    ------
    InputError
        If the keys cannot stand together, or more comes from the interface than arrives.
    """
    given = keys_given(section)
    if not given:
        return None
    _check_keys(section, key, given, math.isnan(sharvin[0]))
    across = complex(*(section.mixing_transmission or (0.0, 0.0)))
    T = max(passing)
    if not abs(across) <= T * MOST:
        raise InputError(
            f"{key}.mixing_transmission = {show(_pair(across))} must be at most transmission = {T:.4g} in magnitude: "
            "|t↑t↓*| ≤ (T↑ + T↓)/2"
        )
    kept = []
    for T, g in zip(passing, sharvin, strict=True):
        R = _reflection(section, g)
        if not abs(R) <= (1.0 - T) * MOST + (MOST - 1.0):
            raise InputError(_too_much(section, key, R, T, g))
        kept.append(_exact(R / (1.0 - T)) if T < 1.0 else 1.0 + 0.0j)
    return Mixing(_exact(across / max(passing)), (kept[0], kept[1]))


def _check_keys(section: LayerSection, key: str, given: list[str], reduced: bool) -> None:
    """Keys that cannot stand together."""
    if section.reflection is not None and section.mixing_conductance is not None:
        raise InputError(f"{key} has both of mixing_conductance and reflection: give one of them")
    if section.mixing_conductance is not None and reduced:
        raise InputError(
            f'{key}.mixing_conductance has no unit in a deck with units = "reduced": give reflection, R = 1 − g/g_Sh'
        )
    if section.memory_loss is not None:
        raise InputError(
            f"{key}.{given[0]} cannot be used with memory_loss: give transmission, and a flip for spin that is lost"
        )


def _reflection(section: LayerSection, sharvin: float) -> complex:
    """R: given, or 1 − g/g_Sh; 0 where all that does not pass is taken."""
    if section.mixing_conductance is not None:
        return 1.0 - complex(*section.mixing_conductance) / sharvin
    return complex(*(section.reflection or (0.0, 0.0)))


def _too_much(section: LayerSection, key: str, R: complex, T: float, sharvin: float) -> str:
    """Sentence on an interface that sends back more spin across the magnetization than along it."""
    most = f"at most 1 − T = {1.0 - T:.4g} in magnitude, |r↑r↓*| ≤ (R↑ + R↓)/2"
    if section.mixing_conductance is None:
        return f"{key}.reflection = {show(_pair(R))} must be {most}, T = (T↑ + T↓)/2 its transmission"
    g = complex(*section.mixing_conductance)
    return (
        f"{key}.mixing_conductance = [{g.real:.4g}, {g.imag:.4g}] 1/m^2 is none of this interface: R = 1 − g/g_Sh, "
        f"|R| = {abs(R):.4g}, must be {most}, with g_Sh = hνv_F/4 = {sharvin:.4g} 1/m^2 of the electrons beside it"
    )


def _exact(factor: complex) -> complex:
    """Take a factor that misses 1 by rounding only for 1: the interface does to all spin the same."""
    return 1.0 + 0.0j if abs(factor - 1.0) < _ROUNDING else factor


def _pair(value: complex) -> list[float]:
    """A complex number as a deck writes it."""
    return [value.real, value.imag]
