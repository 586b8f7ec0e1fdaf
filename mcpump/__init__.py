"""Monte Carlo spin pumping: local and diffusive spin currents from electrons that walk at random.

Source: A. Takeuchi, K. Hosono, G. Tatara, "Diffusive versus local spin currents in dynamic spin pumping
systems", Phys. Rev. B 81, 144405 (2010).

Symbols, one meaning each, in code and documents:

==============  ==================================================================================
``ell``         mean free path ℓ = v_F τ [m]
``tau``         elastic lifetime τ [s]
``v_F``         Fermi velocity [m/s];  ``k_F`` Fermi wave number [1/m]
``D``           diffusion coefficient v_F² τ/d [m²/s], d the dimension of the velocity sphere
``nu``          density of states per spin and volume at the Fermi energy [1/(J m³)]
``J``           exchange constant in −J S·σ [J]; a spin turns about S at the rate 2J|S|/ħ
``S``           magnetization texture S(x, t), a pure vector; |S| falls to 0 in the normal metal
``Omega``       angular frequency of the texture [rad/s]
``lam``, ``q``  length scale [m] and wave number [1/m] of the texture
``tau_sf``      spin relaxation time [s];  ``gamma_sf`` = τ/τ_sf
``mu``          direction cosine of a walker's velocity along x
``rho_s``       spin density ħνJ S + g [J s/m³], g the walkers' (non-equilibrium) density
``j_s``         spin current [J/m²], 2e/ħ times that in A/m²
``mu_s``        effective spin potential D(ρ_s − ħνJS)
==============  ==================================================================================

From Python: `mcpump.run` walks a deck, `mcpump.solve` solves one without walkers, `mcpump.resume` goes on with a results
file and `mcpump.load` reads it, all into a `mcpump.loaded.Run`; `mcpump.check` tells what a deck means, `mcpump.sweep`
walks it at many values. Closed forms are in `mcpump.theory`. Step by step: `mcpump.deck.read_deck` or `deck_from_dict`,
`mcpump.problem.make_problem`, `mcpump.simulate.run`, `mcpump.results.write` and `read`.
"""

from importlib import import_module
from typing import Any

__version__ = "0.2.0"
__all__ = ["__version__", "check", "load", "resume", "run", "solve", "sweep"]


def __getattr__(name: str) -> Any:
    # numpy, h5py and numba take seconds: not before they are needed
    if name in __all__:
        return getattr(import_module("mcpump.api"), name)
    raise AttributeError(f"module 'mcpump' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
