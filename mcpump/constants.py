"""Fundamental constants in SI units (CODATA; h, e exact since 2019)."""

HBAR = 1.054571817646156391e-34
"""Reduced Planck constant ħ [J s]."""

E_CHARGE = 1.602176634e-19
"""Elementary charge e [C]; electrons carry −e."""

M_ELECTRON = 9.1093837139e-31
"""Electron rest mass [kg], CODATA 2022."""

K_BOLTZMANN = 1.380649e-23
"""Boltzmann constant k_B [J/K]."""

MU_BOHR = 9.2740100657e-24
"""Bohr magneton [A m²], CODATA 2022."""

MU_0 = 1.25663706127e-6
"""Vacuum permeability [T m/A], CODATA 2022."""
