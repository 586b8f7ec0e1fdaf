"""Skew scattering in layers along x: what a charge that scatters aside, or a field along the layers, moves along them.

A collision sends v̂ to v̂′ with the probability (1/4π)[1 + a ŝ·(v̂ × v̂′)], a = d θ_SH. To first order in a it turns the spin
current j into charge that flies at v̂′, as an electric field would: with J_i = θ_SH (2e/ħ) ε_ijα j_j^α the charge f obeys

    v·∇f + f/τ + iΩf  =  ⟨f⟩/τ + (d/τv²) v·J

Along the layers ⟨f⟩ = 0: what walls send out diffusely, and the next collision, end it. With f = (d/v) v̂_y ψ(x, μ)

    v μ ∂_x ψ + ψ/τ + iΩψ  =  J_y/τ          j_y = d ⟨v̂_y² ψ⟩,     ⟨v̂_y²⟩ = (1 − μ²)/(d − 1) at a cosine μ

In a uniform medium j = J at Ω = 0. A field E is the same with J = σE.
"""

from __future__ import annotations

import itertools

import numpy as np
from numpy.typing import ArrayLike, NDArray
from threadpoolctl import threadpool_limits

from mcpump.theory.directions import K_1, K
from mcpump.theory.flights import LEFT, RIGHT, directions_of_half
from mcpump.theory.medium import Array, ComplexArray
from mcpump.theory.sample import Sample, stack_on
from mcpump.theory.walls import couplings

DIRECTIONS = 48
"""Cosines in half a sphere."""


@threadpool_limits.wrap(limits=1)  # so that it has the same bits everywhere
def skew_current(
    sample: Sample, edges: Array, source: ComplexArray, Omega: float = 0.0, directions: int = DIRECTIONS
) -> ComplexArray:
    """Charge current along the layers that skew scattering, or a field, makes of J.

    Parameters
    ----------
    sample : Sample
        Its `rate` is that of all collisions; spin relaxation has no part.
    edges : (n + 1,) array
        Of a mesh along x, which has the layers' starts.
    source : (n, k) array
        k sources J: θ_SH (2e/ħ) ε_ijα j_j^α, or σE, even in each cell, ∝ e^{iΩt}.
    Omega : float
        Angular frequency.
    directions : int
        Cosines in half a sphere.

    Returns
    -------
    (n, k) complex array
        Means over the cells.

    Raises
    ------
    ValueError
        If nothing flies along the layers, d = 1.
    """
    if sample.dimension == 1:
        raise ValueError("with dimension 1 electrons fly along x alone: nothing flows along the layers")
    # charge does not know what becomes of the spin of those who meet an interface
    plain = tuple(
        one._replace(
            interface=one.interface and one.interface._replace(flip=0.0, passed=1.0, kept=(1.0, 1.0))
        )
        for one in sample.layers
    )
    stack, _ = stack_on(sample._replace(layers=plain), edges)
    bounds = np.array([0, *sorted(stack.interfaces), len(edges) - 1])
    mu, weight = directions_of_half(directions, sample.dimension)
    loss: ComplexArray = np.asarray(stack.rate + 1j * Omega, complex)
    depth: ComplexArray = np.diff(edges) * loss / (stack.speed * mu[:, None])
    flows = _Flows(depth, np.asarray((stack.rate / loss)[:, None] * source))
    both = [flows.through(bounds, way) for way in (RIGHT, LEFT)]
    out = np.concatenate([one[0] for one in both])
    kept = np.concatenate([one[1] for one in both])
    straight = couplings(stack.interfaces, stack.faces, 1.0)[0]
    # what comes in is what straight bounces make of what flows out: C (kept · in + out)
    lost = np.eye(len(straight)) - straight * kept.T[:, None, :]
    come = np.linalg.solve(lost, np.einsum("ab,bkn->kan", straight, out))
    come = np.moveaxis(come, 0, 1).reshape(2, len(bounds) - 1, len(mu), -1)
    share = 0.5 * weight * (1.0 - mu * mu) * sample.dimension / (sample.dimension - 1.0)
    return sum(
        (flows.mean(bounds, way, come[way], share) for way in (RIGHT, LEFT)), np.zeros(source.shape, complex)
    )


def sheet_weights(
    sample: Sample, edges: Array, conductivity: Array, Omega: float = 0.0, directions: int = DIRECTIONS
) -> ComplexArray:
    """Share r of J in each cell that flows in the mean over the sample: ∫j dx = ∫rJ dx.

    It is what a field drives there over what it drives in bulk, by reciprocity.

    Parameters
    ----------
    sample, edges, Omega, directions
        As `skew_current` has them.
    conductivity : (n,) array
        σ of the cells, in any unit.
    """
    driven = skew_current(sample, edges, conductivity[:, None].astype(complex), Omega, directions)
    return np.asarray(driven[:, 0] / conductivity)


def flown_share(q_ell: ArrayLike, Omega_tau: ArrayLike = 0.0, dimension: int = 3) -> ComplexArray:
    """Share of a wave J e^{i(qx + Ωt)} that flows along the layers of one metal, d ⟨v̂_y²/(1 + iΩτ + iqℓμ)⟩.

    1 in a uniform medium, 1/(1 + iΩτ) for q = 0, 1 − (qℓ)²/5 for slow waves and d = 3.

    Parameters
    ----------
    q_ell : array_like
        qℓ.
    Omega_tau : array_like
        Ωτ.
    dimension : int
        2 or 3.
    """
    gamma = 1.0 + 1j * np.asarray(Omega_tau)
    x, gamma = np.broadcast_arrays(np.asarray(q_ell, dtype=float), gamma)
    nonzero = np.where(x == 0.0, 1.0, x)
    # iqℓ⟨μ²G⟩ = −γK_1, G = 1/(γ + iqℓμ); its limit is 1/(γd)
    along = np.where(x == 0.0, 1.0 / (gamma * dimension), 1j * gamma * K_1(x, gamma, dimension) / nonzero)
    return np.asarray((K(x, gamma, dimension) - along) * dimension / (dimension - 1.0))


class _Flows:
    """ψ in cells of the optical depths (directions, n), of sources (n, k), even in each cell and over loss."""

    def __init__(self, depth: ComplexArray, source: ComplexArray) -> None:
        self.passed = np.exp(-depth)
        self.kept, self.source = _mean_kept(depth), source

    def through(self, bounds: NDArray[np.intp], way: int) -> tuple[ComplexArray, ComplexArray]:
        """What flows out of each segment that nothing comes to, (segments, directions, k), and what passes it whole."""
        out, kept = [], []
        for first, last in itertools.pairwise(bounds):
            cells = range(first, last) if way == RIGHT else range(last - 1, first - 1, -1)
            psi = np.zeros((len(self.passed), self.source.shape[1]), complex)
            for i in cells:
                psi = self.source[i] + self.passed[:, i, None] * (psi - self.source[i])
            out.append(psi)
            kept.append(self.passed[:, first:last].prod(axis=1))
        return np.array(out), np.array(kept)

    def mean(self, bounds: NDArray[np.intp], way: int, come: ComplexArray, share: Array) -> ComplexArray:
        """Share of every direction in j, summed, means over the cells, (n, k); come: what comes to each segment."""
        found = np.empty(self.source.shape, complex)
        for j, (first, last) in enumerate(itertools.pairwise(bounds)):
            cells = range(first, last) if way == RIGHT else range(last - 1, first - 1, -1)
            psi = come[j]
            for i in cells:
                beyond = psi - self.source[i]
                found[i] = share.sum() * self.source[i] + (share * self.kept[:, i]) @ beyond
                psi = self.source[i] + self.passed[:, i, None] * beyond
        return found


def _mean_kept(depth: ComplexArray) -> ComplexArray:
    """Mean of e^{−s} over a cell of this depth, (1 − e^{−a})/a."""
    return np.asarray(-np.expm1(-depth) / depth)
