"""Damping that a magnet suffers from the spin it pumps, by Tserkovnyak, Brataas and Bauer, with back flow.

Phys. Rev. B 66, 224403 (2002) and Rev. Mod. Phys. 77, 1375 (2005): an interface of mixing conductance g per area pumps
ħg/4π n×ṅ; spin that piles up behind it flows back. In layers that spins diffuse through

    1/g_eff = 1/g + R,   R = (2e²/h) ρ λ_s coth(d/λ_s) for one of thickness d with a closed end,

and the damping of the magnet grows by γħ g_eff/(4πM_s t), γħ = g_L μ_B. Resistances R are in units of 1/g [m²].
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from mcpump.constants import MU_BOHR
from mcpump.theory.medium import Array, Medium, Values


class Stage(NamedTuple):
    """A layer behind an interface, in the order in which spin meets them."""

    medium: Medium
    """Its ν, D and τ_sf."""
    thickness: float
    """Thickness [m]."""
    interface: float = 0.0
    """Resistance R = Δμ/j of the interface in front of it, as of `mcpump.theory.boundary_layer.interface_resistance`."""


def extra_damping(g: Values, M_s: Values, thickness: Values, g_factor: Values = 2.0) -> Array:
    """Gilbert damping γħg/(4πM_s t) = g_L μ_B g/(4πM_s t) that a magnet gains from pumping.

    Parameters
    ----------
    g : float or ndarray
        (Effective) mixing conductance per area [1/m²].
    M_s, thickness : float or ndarray
        Saturation magnetization [A/m] and thickness t [m] of the magnet.
    g_factor : float or ndarray
        g_L.
    """
    return np.asarray(g_factor * MU_BOHR * g / (4.0 * math.pi * M_s * thickness))


def sharvin_conductance(medium: Medium) -> float:
    """Conductance hνv_F/4 = k_F²/4π of a metal's cross-section per spin [1/m²] (d = 3).

    The mixing conductance of an interface that takes the transverse spin of all electrons that arrive and reflects none.
    """
    return 0.5 * math.pi * medium.hbar * medium.nu * medium.v_F


def spin_resistance(medium: Medium) -> float:
    """Resistance (2e²/h)ρλ_s = λ_s/(hνD) of a metal that is long beside its λ_s [m²]; infinite without relaxation."""
    lam_s = math.sqrt(medium.D * medium.tau_sf)
    return lam_s / (2.0 * math.pi * medium.hbar * medium.nu * medium.D)


def back_flow_resistance(stages: Sequence[Stage], end: float = math.inf) -> float:
    """Resistance of layers to the spin that enters the first [m²].

    Parameters
    ----------
    stages : sequence of Stage
        Layers from the magnet on.
    end : float
        Resistance R = μ/j of the last layer's far face, as of `boundary_layer.face_resistance`; infinite: closed.

    Returns
    -------
    float
        R of 1/g_eff = 1/g + R; infinite where nothing takes the spin.
    """
    if not stages:
        raise ValueError("there is no layer for spin to flow into")
    h = 2.0 * math.pi * stages[0].medium.hbar
    R = end / h
    for stage in reversed(stages):
        R = _through(stage, R) + stage.interface / h
    return R


def _through(stage: Stage, R: float) -> float:
    """Resistance in front of a layer of the resistance R behind it."""
    medium = stage.medium
    if math.isinf(medium.tau_sf):
        return R + stage.thickness / (2.0 * math.pi * medium.hbar * medium.nu * medium.D)
    r = spin_resistance(medium)
    tanh = math.tanh(stage.thickness / math.sqrt(medium.D * medium.tau_sf))
    return r / tanh if math.isinf(R) else r * (R + r * tanh) / (r + R * tanh)


def without_contact(g: Values | complex, medium: Medium) -> Array:
    """Mixing conductance to use where layers are diffusive, 1/g̃ = 1/g − 1/(2g_Sh): half a contact's resistance comes off.

    K. M. Schep et al., Phys. Rev. B 56, 10805 (1997); G. E. W. Bauer et al., Phys. Rev. B 67, 094421 (2003). For
    g = g_Sh the exact number is 0.533/g_Sh in place of ½/g_Sh (`boundary_layer.face_resistance`).
    """
    return np.asarray(1.0 / (1.0 / np.asarray(g) - 0.5 / sharvin_conductance(medium)))


def with_back_flow(g: Values | complex, R: Values) -> Array:
    """Effective mixing conductance g/(1 + gR)."""
    return np.asarray(g / (1.0 + g * R))
