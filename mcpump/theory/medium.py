"""The electron gas that the theory sees, in any consistent units, and the arrays it computes with."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump import markup
from mcpump.constants import HBAR

Array = NDArray[np.float64]
Values = float | Array
ComplexArray = NDArray[np.complex128]


class Medium(NamedTuple):
    """Electron gas seen by the theory.

    Attributes
    ----------
    v_F, tau, J, nu : float
        Fermi velocity, elastic lifetime, exchange constant, density of states per spin and volume.
    tau_sf : float
        Spin relaxation time (infinite in the paper).
    dimension : int
        Dimension of the velocity sphere, 1, 2 or 3.
    hbar : float
        ħ in the caller's units.
    """

    v_F: float
    tau: float
    J: float
    nu: float
    tau_sf: float = math.inf
    dimension: int = 3
    hbar: float = HBAR

    @classmethod
    def reduced(cls, exchange: float, tau_sf: float = math.inf, dimension: int = 3) -> "Medium":
        """Medium with v_F = τ = ħ = 1, J = `exchange` (= Jτ/ħ) and ħνJ = 1.

        Densities come out in ħνJ, currents in ħνJ v_F, torques in ħνJ/τ.
        """
        return cls(1.0, 1.0, exchange, 1.0 / exchange, tau_sf, dimension, 1.0)

    def _repr_html_(self) -> str:
        """Table for a notebook, in the caller's units."""
        named = {
            **self._asdict(),
            "ell": self.ell,
            "D": self.D,
            "2J/hbar": self.precession,
            "J tau/hbar": self.J * self.tau / self.hbar,
        }
        return markup.table("Medium", (), ((name, markup.number(value, 6)) for name, value in named.items()))

    @property
    def ell(self) -> float:
        """Mean free path ℓ = v_F τ."""
        return self.v_F * self.tau

    @property
    def D(self) -> float:
        """Diffusion coefficient D = v_F² τ/d."""
        return self.v_F**2 * self.tau / self.dimension

    @property
    def polarization(self) -> float:
        """Static spin density per unit of S, ħνJ."""
        return self.hbar * self.nu * self.J

    @property
    def precession(self) -> float:
        """Precession rate of a spin about a unit S, 2J/ħ."""
        return 2.0 * self.J / self.hbar

    @property
    def dynamic_coefficient(self) -> float:
        """Coefficient 2νJ²τ of S×Ṡ in the source of Eq. (13) and in the torque (A21)."""
        return 2.0 * self.nu * self.J**2 * self.tau

    def gamma(self, Omega: float) -> complex:
        """Attenuation per free path, γ = 1 + iΩτ + τ/τ_sf."""
        return 1.0 + 1j * Omega * self.tau + self.tau / self.tau_sf

    def super_coefficient(self, k_F: float) -> float:
        """Coefficient ħ²νJ²/(12 m ε_F) = νJ²/(6k_F²) of the super-current, times (d − 2).

        As in Eq. (8) for d = 3; zero for d = 2 and opposite for d = 1 (Lindhard function).
        """
        return (self.dimension - 2) * self.nu * self.J**2 / (6.0 * k_F**2)
