"""One layer of a stack, in reduced units."""

from __future__ import annotations

from typing import NamedTuple

Vector = tuple[float, float, float]


class Layer(NamedTuple):
    """One layer of a stack along x, and the interface at its start, in reduced units of the reference electrons."""

    start: float
    """Where it begins [ℓ]; it reaches to the next layer's start or to the end of the sample."""
    v: float
    """Fermi velocity [v_F]."""
    rate: float
    """Rate of impurity scattering [1/τ]."""
    gamma_sf: float
    """Rate of spin relaxation [1/τ]; 0 for none."""
    nu: float
    """Density of states [ν]."""
    transmission: float
    """Probability T that a walker passes the interface at `start`, on the side of the smaller ν v; on the other side it
    is T ν₁v₁/(ν₂v₂), so that detailed balance ν₁v₁T₁₂ = ν₂v₂T₂₁ holds. Without meaning for the first layer."""
    specularity: float
    """Share of the reflections at that interface that are specular; the rest is diffuse."""
    straight: bool
    """True: who passes flies straight on; False: leaves by the cosine law, which counts as a scattering."""
    rashba: Vector = (0.0, 0.0, 0.0)
    """−2E_so [ħv_F]: a first flight's charge velocity is `rashba` × s."""
    impurity: float = 0.0
    """a_imp = 2θ_SH: a first flight's charge velocity is a_imp ε_ijα v_j s^α."""
    hall: Vector = (0.0, 0.0, 0.0)
    """σ_SH E [ħνJ v_F]: the electric field drives the spin current J_i^α = ε_ijα hall_j."""
