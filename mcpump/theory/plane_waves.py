"""Exact solution of the walk's equation (W) for textures of plane waves, order by order in J.

Symbols as in `mcpump.theory`.
"""

from collections.abc import Iterable
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mcpump import markup
from mcpump.theory.directions import K_1, K, ladder_gap, mean_G1G, mean_mu_G1G, vector_pair_means
from mcpump.theory.medium import Array, ComplexArray, Medium
from mcpump.theory.waves import Wave, Waves, alike, merged, size_of

Channel = Literal["first", "second", "second_ladder"]

PARTS = ("local", "diffusive", "total")
"""Parts of a response: before the first scattering, after it, and their sum."""
_MOST_SHOWN = 9


class Solution(NamedTuple):
    """Response to a texture; each member maps "local", "diffusive", "total" to its waves."""

    density: dict[str, list[Wave]]
    flux: dict[str, list[Wave]]
    torque: dict[str, list[Wave]]

    def _repr_html_(self) -> str:
        """Table for a notebook: a row a wave of one scale."""
        rows = (
            [f"{name}, {part}", _shown(wave.q), markup.number(wave.Omega), _shown(wave.amplitude)]
            for name, parts in zip(self._fields, self, strict=True)
            for part, waves in parts.items()
            for wave in waves
        )
        return markup.table("Solution", ("", "q", "Ω", "amplitude"), rows)


def _shown(values: ArrayLike) -> str:
    """A few numbers, or how many there are."""
    array = np.asarray(values)
    if array.size > _MOST_SHOWN:
        return f"{' × '.join(map(str, array.shape))} numbers"
    return ", ".join(markup.number(value) for value in array.ravel().tolist())


def _means(q: float | Array, gamma: complex, medium: Medium) -> tuple[ComplexArray, ComplexArray]:
    """⟨G⟩ and ⟨v̂_iG⟩ = (q_i/q) K_1, shape (1,) for a wave along x, (3,) for a wave vector."""
    size = size_of(q, medium.dimension)
    arguments = size * medium.ell, gamma, medium.dimension
    along = np.ones(1) if np.ndim(q) == 0 else np.asarray(q) / (size or 1.0)
    return K(*arguments), along * K_1(*arguments)


def _pair_means(
    q1: float | Array, gamma1: complex, Q: float | Array, gammaW: complex, medium: Medium
) -> tuple[complex | ComplexArray, ComplexArray]:
    """⟨G_1G⟩ and ⟨v̂_iG_1G⟩, shape (1,) for waves along x, (3,) for wave vectors."""
    pair = q1, gamma1, Q, gammaW, medium.ell, medium.dimension
    if np.ndim(q1) == 0:
        return mean_G1G(*pair), mean_mu_G1G(*pair)[np.newaxis]
    size_of(Q, medium.dimension)  # refuses directions in which nobody moves
    return vector_pair_means(*pair)


def _first_order_flights(waves: Waves, medium: Medium) -> Iterable[Wave]:
    """Births a = −ħνJṠ: rows N, V_i, T of the first flight, then of all flights before the ladder."""
    for w in waves:
        a = -1j * medium.polarization * w.Omega * w.amplitude
        G, v_G = _means(w.q, medium.gamma(w.Omega), medium)
        rows = [G * a, *(v * a for v in v_G), 0.0 * a]
        yield Wave(w.q, w.Omega, np.stack(rows + rows))


def _second_order_flights(waves: Waves, medium: Medium, ladder: bool) -> Iterable[Wave]:
    """Turn the spins, c = (2Jτ/ħ) a_1 × S_2: rows as in `_first_order_flights`.

    With `ladder` the spin also turns after its first scattering, a factor F = 1/(1 − K(q_1, Ω_1)).
    """
    for first in waves:
        if first.Omega == 0.0:
            continue  # a static wave emits nothing
        gamma1 = medium.gamma(first.Omega)
        a = -1j * medium.polarization * first.Omega * first.amplitude
        G1, _ = _means(first.q, gamma1, medium)
        q1_ell = size_of(first.q, medium.dimension) * medium.ell
        F = 1.0 / ladder_gap(q1_ell, gamma1, medium.dimension) if ladder else 1.0
        for second in waves:
            Q, W = first.q + second.q, first.Omega + second.Omega
            c = medium.precession * medium.tau * np.cross(a, second.amplitude)
            GG, v_GG = _pair_means(first.q, gamma1, Q, medium.gamma(W), medium)
            rows = np.stack([GG * c, *(v * c for v in v_GG), G1 * c])
            yield Wave(Q, W, np.concatenate([rows, F * rows]))


def exact_solution(
    waves: Waves, medium: Medium, channel: Channel, scale: ArrayLike | None = None
) -> Solution:
    """Exact response of an infinite medium to a texture of plane waves, at any qℓ and Ωτ.

    With N = ⟨G⟩a or ⟨G_1G⟩c and V its first angular moment, a walker's first flight gives

        density τN,  flux ℓV                                           (local)

    and the diffusion ladder 1/(1 − K) what follows,

        density τN K/(1 − K),  flux ℓN K_1/(1 − K)                     (diffusive)

    `second_ladder` multiplies N and V of each pair by F = 1/(1 − K(q_1, Ω_1)), outside the
    local part.  Leading order in qℓ, Ωτ: Eqs. (5), (7), (11), (31).

    Parameters
    ----------
    waves : sequence of Wave
        Texture S, conjugate waves included; wave numbers along x or wave vectors along axes on
        which electrons of `medium.dimension` move.
    medium : Medium
    channel : {"first", "second", "second_ladder"}
        First order in J; second order with one ladder (the paper); complete second order.
    scale : (n,) array_like, optional
        Positive factors of all wave numbers: the texture at n sizes, from one of wave number 1 at q = `scale`.

    Returns
    -------
    Solution
        Waves of density, of flux along x (both of the walkers: no static polarization, no
        super-current) and of torque; where a wave number is a vector, of the flux along x, y, z, with
        amplitudes of shape (3 directions, 3 components).  Uniform DC density without a sink grows for ever: NaN in
        its diffusive and total part, in those components that have a source.  With `scale` wave numbers and amplitudes
        have its axis in front.
    """
    if scale is not None:
        return _stacked([_at_scale(waves, medium, channel, factor) for factor in _factors(scale)])
    if channel not in ("first", "second", "second_ladder"):
        raise ValueError(f"channel must be first, second or second_ladder, not {channel!r}")
    waves = alike(waves)
    flights = (
        _first_order_flights(waves, medium)
        if channel == "first"
        else _second_order_flights(waves, medium, ladder=channel == "second_ladder")
    )
    solution = Solution(
        {part: [] for part in PARTS}, {part: [] for part in PARTS}, {part: [] for part in PARTS}
    )
    for q, Omega, rows in merged(flights):
        for quantity, (local, diffusive) in zip(solution, _respond(q, Omega, rows, medium), strict=True):
            for part, amplitude in zip(PARTS, (local, diffusive, local + diffusive), strict=True):
                quantity[part].append(Wave(q, Omega, amplitude))
    return solution


def _factors(scale: ArrayLike) -> Array:
    """Factors of wave numbers."""
    factors = np.asarray(scale, dtype=float)
    if factors.ndim != 1 or not factors.size or not np.all(factors > 0.0) or not np.all(np.isfinite(factors)):
        raise ValueError(f"scale = {scale!r} must be a list of positive numbers")
    return factors


def _at_scale(waves: Waves, medium: Medium, channel: Channel, factor: float) -> Solution:
    """Solution for a texture whose wave numbers are multiplied."""
    return exact_solution([w._replace(q=factor * w.q) for w in waves], medium, channel)


def _stacked(solutions: list[Solution]) -> Solution:
    """Solutions of one texture at several scales as one: modes are in the same order."""

    def joined(one: list[list[Wave]]) -> list[Wave]:
        return [
            Wave(np.array([w.q for w in waves]), waves[0].Omega, np.array([w.amplitude for w in waves]))
            for waves in zip(*one, strict=True)
        ]

    parts = (
        {part: joined([getattr(one, name)[part] for one in solutions]) for part in PARTS}
        for name in Solution._fields
    )
    return Solution(*parts)


def _respond(
    q: float | Array, Omega: float, rows: ComplexArray, medium: Medium
) -> list[tuple[ComplexArray, ComplexArray]]:
    """(local, diffusive) amplitudes of density, flux and torque of one mode."""
    first_flight, flights = np.split(rows, 2)
    N, V, T = first_flight[0], first_flight[1:-1], first_flight[-1]
    N_all, V_all, T_all = flights[0], flights[1:-1], flights[-1]
    gamma = medium.gamma(Omega)
    G, v_G = _means(q, gamma, medium)
    gap = ladder_gap(size_of(q, medium.dimension) * medium.ell, gamma, medium.dimension)
    if gap == 0.0:  # uniform DC, no sink: no flux, but an endless growth of what has a source
        ladder, ladder_1 = np.where(N_all == 0.0, 0.0, np.nan + 0j), 0.0 * V
    else:
        ladder, ladder_1 = N_all * G / gap, N_all * v_G[:, np.newaxis] / gap
    flux = medium.ell * V, medium.ell * (V_all - V + ladder_1)
    if np.ndim(q) == 0:
        flux = flux[0][0], flux[1][0]
    return [(medium.tau * N, medium.tau * (N_all - N + ladder)), flux, (T, T_all - T)]
