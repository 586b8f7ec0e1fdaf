"""What the walk sees of a deck: plain numbers in reduced units, and the scales that lead back to SI.

Reduced units: lengths in the mean free path ℓ, times in the elastic lifetime τ, v_F = ħ = 1; spin
densities in ħνJ, spin currents in ħνJ v_F, torques in ħνJ/τ.
"""

from __future__ import annotations

from typing import NamedTuple

Vector = tuple[float, float, float]

SPECULAR, DIFFUSE, ABSORBING, PERIODIC = 0, 1, 2, 3
"""Codes of the faces; `FACES` names them in this order."""
FACES = ("specular", "diffuse", "absorbing", "periodic")


class Model(NamedTuple):
    """One problem in reduced units: all that the kernels see.

    A texture is S(x,t) = f(x) {C + P cos[φ(x) + Ωt] + Q sin[φ(x) + Ωt]}, φ(x) = q x, with an
    envelope f chosen by the integer `envelope` (codes in `mcpump.textures`).
    """

    dimension: int
    """Dimension d of the velocity sphere: 1, 2 or 3."""
    length: float
    """Sample length [ℓ]."""
    cells: int
    """Number of equal mesh cells."""
    left: int
    """Code of the face at x = 0."""
    right: int
    """Code of the face at x = length."""
    gamma_sf: float
    """τ/τ_sf, the spin relaxation rate [1/τ]; 0 for none."""
    Omega: float
    """Ωτ, angular frequency of the texture [1/τ]; 0 for a pulse."""
    harmonics: int
    """Highest harmonic that is kept: 0, 1 or 2."""
    envelope: int
    """Code of the envelope f(x)."""
    envelope_parameters: tuple[float, float, float, float]
    """Parameters of f(x), lengths in ℓ."""
    q: float
    """Wave number of the texture's phase φ = q x [1/ℓ]."""
    C: Vector
    """Constant part of the precession."""
    P: Vector
    """Cosine part of the precession."""
    Q: Vector
    """Sine part of the precession."""
    pulse: bool
    """True: a plane pulse of one unit of spin `C` at `pulse_x`, t = 0, instead of a texture."""
    pulse_x: float
    """Place of the pulse [ℓ]."""
    time_bins: int
    """Number of plain time bins (pulse); 1 for a periodic drive."""
    t_max: float
    """Age at which a walker is ended [τ]: end of the last time bin (pulse), decay of the slowest mode
    (sample without a sink), inf otherwise."""
    planes: tuple[float, ...]
    """Positions of the planes in increasing order [ℓ]."""
    first_flights: int
    """First-flight pairs sampled for the local part, per walker pair of the diffusive part."""
    score_interval: int
    """One flight in so many is scored for the diffusive density (a power of two)."""
    walkers_per_block: int
    """Walkers in one block, the statistical unit (an even number)."""
    seed: int
    """Seed of the random numbers, 0 ≤ seed < 2^64."""


class Scales(NamedTuple):
    """What one reduced unit is worth, and the units' names; all ones for a reduced deck."""

    length: float
    """ℓ [m]."""
    time: float
    """τ [s]."""
    density: float
    """ħνJ [J s/m³]."""
    current: float
    """ħνJ v_F [J/m²]."""
    torque: float
    """ħνJ/τ [J/m³]."""
    charge_per_spin: float
    """2e/ħ [A/J] turns J/m² into A/m²; 0 for a reduced deck, which has no A/m²."""
    si: bool
    """True for an SI deck."""


class Problem(NamedTuple):
    """A deck made ready to run."""

    name: str
    """Name of the deck (file name without folder)."""
    model: Model
    """Plain numbers for the kernels."""
    scales: Scales
    """Way back to the deck's units."""
    exchange: float
    """Jτ/ħ; the kernels are perturbative in it, so only the results know it."""
    supercurrent: float
    """Coefficient c of the equilibrium super-current −c S×∂S/∂x, Eq. (8), in reduced units; NaN when k_F is not given."""
    channels: tuple[str, ...]
    """Channels asked for, of "first", "second"."""
    walkers: int
    """Walkers asked for; rounded up to whole blocks, at least 16."""
    stop: StopRule | None
    """Target error, or None."""
    regime: dict[str, tuple[float, str, str]]
    """Regime numbers: key → (value, unit, what it is), e.g. "J tau / hbar"."""
    warnings: tuple[str, ...]
    """One sentence each, for the table and the file."""
    notes: tuple[str, ...]
    """One sentence each: not worrying, worth knowing."""
    resolved: str
    """The resolved deck as TOML text: overrides applied, every default written out."""


class StopRule(NamedTuple):
    """Stop when a result is known well enough: `[run.stop]`."""

    quantity: str
    """"spin_current.PART.COMPONENT.HARMONIC" or "spin_density.PART.COMPONENT.HARMONIC"."""
    at: float
    """Place [ℓ]: one of the planes for a current."""
    relative_error: float
    """Wanted standard error over magnitude."""
    max_walkers: int
    """Give up after so many walkers (status 3)."""
