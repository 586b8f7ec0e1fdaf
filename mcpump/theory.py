"""Closed forms and exact plane-wave solutions that the simulation must reproduce.

Everything here follows from one transport equation for the non-equilibrium spin g(x, v̂, t)
of electrons in a texture S(x, t) (exchange H = −J S·σ, isotropic impurities):

    ∂_t g + v_F v̂·∇g + (g − ⟨g⟩)/τ + g/τ_sf = (2J/ħ) g × S − ħνJ Ṡ                          (W)

A field is a list of plane waves (`Wave`), so that each formula of the paper is one line and
`exact_solution` can be held against it.  Nothing here knows units: give SI numbers, or a
`Medium.reduced`.  "Eq. (n)" is Takeuchi, Hosono and Tatara, Phys. Rev. B 81, 144405 (2010).

Symbols: ell mean free path, tau elastic lifetime, v_F Fermi velocity, D diffusion coefficient,
nu density of states per spin, J exchange, Omega angular frequency, q wave number, S texture,
tau_sf spin relaxation time, gamma = 1 + iΩτ + τ/τ_sf.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcpump.constants import HBAR

Array = NDArray[np.float64]
Values = float | Array
ComplexArray = NDArray[np.complex128]
Channel = Literal["first", "second", "second_ladder"]

PARTS = ("local", "diffusive", "total")
"""Parts of a response: before the first scattering, after it, and their sum."""

_SAME_MODE = 1e-9  # wave numbers and frequencies closer than this, relative to the largest, are one mode
_CANCELLED = 1e-13  # a sum this much smaller than its terms is zero


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


# ---------------------------------------------------------------------------------------------
# Means over directions


def _deficit(z: ArrayLike, dimension: int) -> ComplexArray:
    """Return 1 − γK as a function of z = qℓ/γ, without cancellation at small z."""
    z = np.asarray(z, dtype=complex)
    z2 = z * z
    if dimension == 1:
        return np.asarray(z2 / (1.0 + z2))
    if dimension == 2:
        root = np.sqrt(1.0 + z2)
        return np.asarray(z2 / (root * (1.0 + root)))
    if dimension != 3:
        raise ValueError(f"dimension must be 1, 2 or 3, not {dimension}")
    small = np.abs(z) < 0.3
    series = np.zeros_like(z)
    for n in range(16, 0, -1):  # 1 − arctan(z)/z = z²/3 − z⁴/5 + …
        series = np.where(small, z2, 0.0) * (1.0 / (2 * n + 1) - series)
    z_large = np.where(small, 1.0, z)
    return np.where(small, series, 1.0 - np.arctan(z_large) / z_large)


def K(q_ell: ArrayLike, gamma: ArrayLike, dimension: int) -> ComplexArray:
    """Chance amplitude of a wave to reach its next scattering, K = ⟨1/(γ + iqℓμ)⟩.

    arctan(qℓ/γ)/(qℓ) for d = 3, 1/√(γ² + (qℓ)²) for d = 2, γ/(γ² + (qℓ)²) for d = 1.

    Parameters
    ----------
    q_ell : array_like
        qℓ, real, any sign, zero included.
    gamma : array_like
        γ = 1 + iΩτ + τ/τ_sf; Re γ > 0.  Broadcasts with `q_ell`.
    dimension : int
        1, 2 or 3.
    """
    gamma = np.asarray(gamma, dtype=complex)
    return np.asarray((1.0 - _deficit(np.asarray(q_ell) / gamma, dimension)) / gamma)


def K_1(q_ell: ArrayLike, gamma: ArrayLike, dimension: int) -> ComplexArray:
    """First angular moment K_1 = ⟨μ/(γ + iqℓμ)⟩ = (1 − γK)/(iqℓ), stable for qℓ → 0.

    Parameters are those of `K`.
    """
    x, gamma = np.broadcast_arrays(np.asarray(q_ell, dtype=float), np.asarray(gamma, dtype=complex))
    nonzero = np.where(x == 0.0, 1.0, x)
    return np.asarray(np.where(x == 0.0, 0.0, -1j * _deficit(x / gamma, dimension) / nonzero))


def ladder_gap(q_ell: ArrayLike, gamma: ArrayLike, dimension: int) -> ComplexArray:
    """Return 1 − K, the inverse of the diffusion ladder, without cancellation at small qℓ.

    Tends to (Dq² + iΩ + 1/τ_sf)τ for qℓ, Ωτ, τ/τ_sf → 0.  Parameters are those of `K`.
    """
    gamma = np.asarray(gamma, dtype=complex)
    return np.asarray((gamma - 1.0 + _deficit(np.asarray(q_ell) / gamma, dimension)) / gamma)


def local_share(q_ell: ArrayLike, dimension: int = 3) -> Array:
    """Local share 1 − K of the current of a static plane-wave source (Fig. 3 as one curve).

    (qℓ)²/d for qℓ ≪ 1, the paper's O(ℓ²/λ²), and → 1 for qℓ ≫ 1.
    """
    return np.asarray(_deficit(q_ell, dimension).real)


@lru_cache(maxsize=1)
def _legendre() -> tuple[Array, Array]:
    """Gauss–Legendre nodes and weights on [−1, 1]."""
    nodes, weights = np.polynomial.legendre.leggauss(400)
    return nodes, weights


def _directions(q_ell: ArrayLike, dimension: int) -> tuple[Array, Array]:
    """Direction cosines μ and weights (sum 1), last axis; nodes crowd where |qℓμ| ≲ 1.

    The integrands have poles at μ = iγ/(qℓ); the map μ ∝ sinh(st), s = arsinh(qℓ), moves them
    to a distance ~π/2s from the real axis, so that one rule serves every qℓ.  For d = 2 the
    mapped variable is the angle, μ = sin u.
    """
    if dimension == 1:
        return np.array([-1.0, 1.0]), np.array([0.5, 0.5])
    if dimension not in (2, 3):
        raise ValueError(f"dimension must be 1, 2 or 3, not {dimension}")
    half_width = 1.0 if dimension == 3 else 0.5 * math.pi
    nodes, weights = _legendre()
    stretch = np.arcsinh(half_width * np.maximum(np.abs(q_ell), 1.0))[..., np.newaxis]
    u = half_width * np.sinh(stretch * nodes) / np.sinh(stretch)
    weight = 0.5 * weights * stretch * np.cosh(stretch * nodes) / np.sinh(stretch)
    return (u if dimension == 3 else np.sin(u)), weight


def _pair(
    q1: ArrayLike, gamma1: ArrayLike, Q: ArrayLike, gammaW: ArrayLike, ell: float, dimension: int
) -> tuple[Array, Array, Callable[[Array], ComplexArray]]:
    """Directions, weights and the function μ → G_1(μ)G(μ)."""
    x1 = np.asarray(q1)[..., np.newaxis] * ell
    x = np.asarray(Q)[..., np.newaxis] * ell
    y1, y = np.asarray(gamma1)[..., np.newaxis], np.asarray(gammaW)[..., np.newaxis]
    mu, weight = _directions(np.maximum(np.abs(x1), np.abs(x))[..., 0], dimension)
    return mu, weight, lambda mu: 1.0 / ((y1 + 1j * x1 * mu) * (y + 1j * x * mu))


def mean_G1G(
    q1: ArrayLike, gamma1: ArrayLike, Q: ArrayLike, gammaW: ArrayLike, ell: float, dimension: int
) -> ComplexArray:
    """Pair mean ⟨G_1G⟩ with G_1 = 1/(γ_1 + iq_1ℓμ), G = 1/(γ_W + iQℓμ), by quadrature.

    The first-flight weight of a spin emitted by wave 1 and turned by wave 2 (Q = q_1 + q_2).
    Good to 1e-12 for |Im γ| ≲ 3 and any qℓ; where q_1γ_W ≠ Qγ_1 it equals
    (q_1K(q_1) − QK(Q))/(q_1γ_W − Qγ_1).  Array arguments broadcast.
    """
    mu, weight, product = _pair(q1, gamma1, Q, gammaW, ell, dimension)
    return np.asarray((weight * product(mu)).sum(axis=-1))


def mean_mu_G1G(
    q1: ArrayLike, gamma1: ArrayLike, Q: ArrayLike, gammaW: ArrayLike, ell: float, dimension: int
) -> ComplexArray:
    """First angular moment ⟨μG_1G⟩; see `mean_G1G`.  Exactly odd under reversal of both q."""
    mu, weight, product = _pair(q1, gamma1, Q, gammaW, ell, dimension)
    return np.asarray((0.5 * weight * mu * (product(mu) - product(-mu))).sum(axis=-1))


# ---------------------------------------------------------------------------------------------
# Fields as sums of plane waves


class Wave(NamedTuple):
    """Plane wave A exp(i(qx + Ωt)); a real field is a list that holds the conjugates too.

    Attributes
    ----------
    q, Omega : float
        Wave number along x and angular frequency, any sign.
    amplitude : ndarray of complex
        A, shape (3,): spin components.
    """

    q: float
    Omega: float
    amplitude: ComplexArray


Waves = Sequence[Wave]


def merged(waves: Iterable[Wave]) -> list[Wave]:
    """Sum waves of equal (q, Ω); differences that are rounding become exact zeros."""
    waves = list(waves)
    q_min = _SAME_MODE * max((abs(w.q) for w in waves), default=0.0)
    Omega_min = _SAME_MODE * max((abs(w.Omega) for w in waves), default=0.0)
    groups: list[list[Wave]] = []
    for wave in waves:
        for group in groups:
            if abs(group[0].q - wave.q) <= q_min and abs(group[0].Omega - wave.Omega) <= Omega_min:
                group.append(wave)
                break
        else:
            groups.append([wave])
    return [
        Wave(
            0.0 if abs(group[0].q) <= q_min else group[0].q,
            0.0 if abs(group[0].Omega) <= Omega_min else group[0].Omega,
            _sum([wave.amplitude for wave in group]),
        )
        for group in groups
    ]


def _sum(amplitudes: list[ComplexArray]) -> ComplexArray:
    """Sum in which what cancels to rounding is zero."""
    total = np.sum(amplitudes, axis=0, dtype=complex)
    return np.where(np.abs(total) <= _CANCELLED * np.sum(np.abs(amplitudes), axis=0), 0.0, total)


def texture_waves(
    C: ArrayLike,
    P: ArrayLike,
    Q: ArrayLike,
    q: float,
    Omega: float,
    envelope_waves: Sequence[tuple[float, complex]] = ((0.0, 1.0),),
) -> list[Wave]:
    """Texture S = f(x){C + P cos(qx + Ωt) + Q sin(qx + Ωt)} as waves.

    Parameters
    ----------
    C, P, Q : array_like
        Real vectors, shape (3,).
    q, Omega : float
        Wave number of the spiral (0: uniform phase) and angular frequency.
    envelope_waves : sequence of (k, f_k)
        f(x) = Σ f_k exp(ikx), conjugates included; default f = 1.
    """
    rotating = 0.5 * (np.asarray(P) - 1j * np.asarray(Q))
    carrier = [
        Wave(0.0, 0.0, np.asarray(C) + 0j),
        Wave(q, Omega, rotating),
        Wave(-q, -Omega, rotating.conj()),
    ]
    waves = merged(Wave(w.q + k, w.Omega, f * w.amplitude) for w in carrier for k, f in envelope_waves)
    return [wave for wave in waves if np.any(wave.amplitude)]


def time_derivative(waves: Waves) -> list[Wave]:
    """Return ∂_t of a field."""
    return [w._replace(amplitude=1j * w.Omega * w.amplitude) for w in waves]


def gradient(waves: Waves) -> list[Wave]:
    """Return ∂_x of a field."""
    return [w._replace(amplitude=1j * w.q * w.amplitude) for w in waves]


def cross(first: Waves, second: Waves) -> list[Wave]:
    """Vector product of two fields."""
    return merged(
        Wave(a.q + b.q, a.Omega + b.Omega, np.cross(a.amplitude, b.amplitude)) for a in first for b in second
    )


def combined(*terms: tuple[float, Waves]) -> list[Wave]:
    """Linear combination Σ c·field of (c, field) terms."""
    return merged(w._replace(amplitude=c * w.amplitude) for c, waves in terms for w in waves)


def _real_harmonics(
    waves: Waves, profile: Callable[[float], ComplexArray], cells: int, Omega: float, n_max: int
) -> Array:
    """Sum waves into [A_0, A_1^c, A_1^s, …], with `profile(q)` in place of exp(iqx)."""
    result = np.zeros((1 + 2 * n_max, 3, cells))
    for wave in waves:
        order = wave.Omega / Omega
        n = round(order)
        if abs(order - n) > 1e-6:
            raise ValueError(f"a wave of frequency {wave.Omega} is no harmonic of {Omega}")
        field = np.asarray(wave.amplitude)[:, np.newaxis] * profile(wave.q)
        if n == 0:
            result[0] += field.real
        elif abs(n) <= n_max:
            result[2 * abs(n) - 1] += field.real
            result[2 * abs(n)] -= math.copysign(1.0, n) * field.imag
    return result


def harmonics(waves: Waves, x: ArrayLike, Omega: float, n_max: int) -> Array:
    """Real harmonics of a real field at points x.

    Parameters
    ----------
    waves : sequence of Wave
        Frequencies are multiples of `Omega`; those above `n_max` are left out.
    x : array_like
        Points, shape (cells,).
    Omega : float
        Base angular frequency.
    n_max : int
        Highest harmonic.

    Returns
    -------
    ndarray
        Shape (1 + 2 n_max, 3, cells): A_0, A_1^c, A_1^s, … of
        A(t) = A_0 + Σ A_n^c cos nΩt + A_n^s sin nΩt.
    """
    x = np.atleast_1d(np.asarray(x, dtype=float))
    return _real_harmonics(waves, lambda q: np.exp(1j * q * x), x.size, Omega, n_max)


def cell_averages(waves: Waves, edges: ArrayLike, Omega: float, n_max: int) -> Array:
    """As `harmonics`, averaged exactly over the cells [edges[i], edges[i + 1]]."""
    edges = np.asarray(edges, dtype=float)
    middle, width = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)

    def profile(q: float) -> ComplexArray:
        return np.asarray(np.exp(1j * q * middle) * np.sinc(q * width / (2.0 * math.pi)))

    return _real_harmonics(waves, profile, middle.size, Omega, n_max)


# ---------------------------------------------------------------------------------------------
# Exact solutions of (W)


class Solution(NamedTuple):
    """Response to a texture; each member maps "local", "diffusive", "total" to its waves."""

    density: dict[str, list[Wave]]
    flux: dict[str, list[Wave]]
    torque: dict[str, list[Wave]]


def _first_order_flights(waves: Waves, medium: Medium) -> Iterable[Wave]:
    """Births a = −ħνJṠ: rows N, V, T of the first flight, then of all flights before the ladder."""
    for w in waves:
        a = -1j * medium.polarization * w.Omega * w.amplitude
        arguments = w.q * medium.ell, medium.gamma(w.Omega), medium.dimension
        rows = [K(*arguments) * a, K_1(*arguments) * a, 0.0 * a]
        yield Wave(w.q, w.Omega, np.stack(rows + rows))


def _second_order_flights(waves: Waves, medium: Medium, ladder: bool) -> Iterable[Wave]:
    """Turn the spins, c = (2Jτ/ħ) a_1 × S_2: rows as in `_first_order_flights`.

    With `ladder` the spin also turns after its first scattering, a factor F = 1/(1 − K(q_1, Ω_1)).
    """
    ell, dimension = medium.ell, medium.dimension
    for first in waves:
        if first.Omega == 0.0:
            continue  # a static wave emits nothing
        gamma1 = medium.gamma(first.Omega)
        a = -1j * medium.polarization * first.Omega * first.amplitude
        F = 1.0 / ladder_gap(first.q * ell, gamma1, dimension) if ladder else 1.0
        for second in waves:
            Q, W = first.q + second.q, first.Omega + second.Omega
            c = medium.precession * medium.tau * np.cross(a, second.amplitude)
            pair = first.q, gamma1, Q, medium.gamma(W), ell, dimension
            rows = np.stack(
                [mean_G1G(*pair) * c, mean_mu_G1G(*pair) * c, K(first.q * ell, gamma1, dimension) * c]
            )
            yield Wave(Q, W, np.concatenate([rows, F * rows]))


def exact_solution(waves: Waves, medium: Medium, channel: Channel) -> Solution:
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
        Texture S, conjugate waves included.
    medium : Medium
    channel : {"first", "second", "second_ladder"}
        First order in J; second order with one ladder (the paper); complete second order.

    Returns
    -------
    Solution
        Waves of density, of flux along x (both of the walkers: no static polarization, no
        super-current) and of torque.  Uniform DC density without a sink grows for ever: NaN in
        its diffusive and total part, in those components that have a source.
    """
    if channel not in ("first", "second", "second_ladder"):
        raise ValueError(f"channel must be first, second or second_ladder, not {channel!r}")
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


def _respond(
    q: float, Omega: float, rows: ComplexArray, medium: Medium
) -> list[tuple[ComplexArray, ComplexArray]]:
    """(local, diffusive) amplitudes of density, flux and torque of one mode."""
    N, V, T, N_all, V_all, T_all = rows
    arguments = q * medium.ell, medium.gamma(Omega), medium.dimension
    gap = ladder_gap(*arguments)
    if gap == 0.0:  # uniform DC, no sink: no flux, but an endless growth of what has a source
        ladder, ladder_1 = np.where(N_all == 0.0, 0.0, np.nan + 0j), np.zeros(3, dtype=complex)
    else:
        ladder, ladder_1 = N_all * K(*arguments) / gap, N_all * K_1(*arguments) / gap
    return [
        (medium.tau * N, medium.tau * (N_all - N + ladder)),
        (medium.ell * V, medium.ell * (V_all - V + ladder_1)),
        (T, T_all - T),
    ]


class SpiralSolution(NamedTuple):
    """Response to a conical spiral; "local", "diffusive", "total" → components (e_r, e_φ, z)."""

    density: dict[str, Array]
    flux: dict[str, Array]
    torque: dict[str, Array]


def conical_spiral_exact(theta: float, q: float, Omega: float, medium: Medium) -> SpiralSolution:
    """Exact solution of (W), to all orders in J and for any ℓ, in a conical spiral.

    S = (sinθ cosφ, sinθ sinφ, cosθ), φ = qx + Ωt.  In the frame that turns with S an electron
    sees the constant field B(μ) = (2J/ħ)S + (Ω + qv_Fμ) ẑ, so that each direction is a 3×3 system.
    For q ≠ 0 and no relaxation the total density is (ħ²νΩ/2) ẑ and no current flows (spin battery).
    For q = 0 spin along B has no sink but τ_sf; g is then the limit τ_sf → ∞, which is the average
    over all births: the part of (ħ²νΩ/2) ẑ normal to B.
    Needs J ≠ 0 or a finite τ_sf; the quadrature is good to 1e-10 for (2J/ħ + |Ω|)τ ≲ 10.

    Parameters
    ----------
    theta : float
        Cone angle [rad].
    q, Omega : float
        Wave number (0: uniform precession) and angular frequency.
    medium : Medium

    Returns
    -------
    SpiralSolution
        Arrays of shape (3,) along (e_r, e_φ, z), constant in space and time.
    """
    S = np.array([math.sin(theta), 0.0, math.cos(theta)])
    mu, weight = _directions(q * medium.ell, medium.dimension)
    rate = 1.0 / medium.tau + 1.0 / medium.tau_sf
    B = medium.precession * S + (Omega + q * medium.v_F * mu)[:, np.newaxis] * np.array([0.0, 0.0, 1.0])
    # Rows y = e_j of the inverse: [Γ²y + Γ y×B + (y·B)B]/[Γ(Γ² + B²)]; last axis is the component.
    numerator = (
        rate**2 * np.eye(3) + rate * np.cross(np.eye(3), B[:, np.newaxis]) + B[:, :, None] * B[:, None, :]
    )
    inverse = (numerator / (rate * (rate**2 + (B * B).sum(axis=1)))[:, None, None]).transpose(0, 2, 1)
    mean = np.einsum("n,nij->ij", weight, inverse)
    mean_v = medium.v_F * np.einsum("n,nij->ij", weight * mu, inverse)

    a = np.array([0.0, -medium.polarization * Omega * S[0], 0.0])
    local = mean @ a
    if q == 0.0:  # all directions see one B ⊥ a: g/τ_sf = a + g×B
        total = (a / medium.tau_sf + np.cross(a, B[0])) / (1.0 / medium.tau_sf**2 + B[0] @ B[0])
    else:
        total = np.linalg.solve(np.eye(3) - mean / medium.tau, local)
    density = {"local": local, "diffusive": total - local}
    flux = {"local": mean_v @ a, "diffusive": mean_v @ total / medium.tau}
    torque = {part: medium.precession * np.cross(g, S) for part, g in density.items()}
    for quantity in (density, flux, torque):
        quantity["total"] = quantity["local"] + quantity["diffusive"]
    return SpiralSolution(density, flux, torque)


# ---------------------------------------------------------------------------------------------
# The paper's formulas: leading order in qℓ and Ωτ.  S is the texture as waves; so is the result.


def diffusion_average(waves: Waves, medium: Medium) -> list[Wave]:
    """Diffusion average ⟨A⟩ = A/(Dq²τ + iΩτ + τ/τ_sf), Eq. (6); NaN for uniform DC without a sink."""

    def averaged(w: Wave) -> Wave:
        sink = (medium.D * w.q**2 + 1j * w.Omega + 1.0 / medium.tau_sf) * medium.tau
        if sink == 0.0:
            return w._replace(amplitude=np.where(w.amplitude == 0.0, 0.0, np.nan + 0j))
        return w._replace(amplitude=w.amplitude / sink)

    return [averaged(w) for w in waves]


def S_cross_S_dot(S: Waves) -> list[Wave]:
    """Return S×Ṡ, the source of everything of second order."""
    return cross(S, time_derivative(S))


def first_order_current(S: Waves, medium: Medium) -> list[Wave]:
    """First-order spin current ħνJτD ∇⟨Ṡ⟩, Eq. (5)."""
    mean = diffusion_average(gradient(time_derivative(S)), medium)
    return combined((medium.polarization * medium.tau * medium.D, mean))


def second_order_current(S: Waves, medium: Medium) -> list[Wave]:
    """Second-order spin current −2νJ²τ²D ∇⟨S×Ṡ⟩, Eq. (7)."""
    mean = diffusion_average(gradient(S_cross_S_dot(S)), medium)
    return combined((-medium.dynamic_coefficient * medium.tau * medium.D, mean))


def super_current(S: Waves, medium: Medium, k_F: float) -> list[Wave]:
    """Equilibrium super-current −(ħ²νJ²/12mε_F) S×∇S, Eq. (8); times (d − 2)."""
    return combined((-medium.super_coefficient(k_F), cross(S, gradient(S))))


def nonequilibrium_density(S: Waves, medium: Medium) -> list[Wave]:
    """Density of the walkers, g = −ħνJτ⟨Ṡ⟩ + 2νJ²τ²⟨S×Ṡ⟩ = ρ_s − ħνJS, Eqs. (11), (14)."""
    return combined(
        (-medium.polarization * medium.tau, diffusion_average(time_derivative(S), medium)),
        (medium.dynamic_coefficient * medium.tau, diffusion_average(S_cross_S_dot(S), medium)),
    )


def spin_potential(S: Waves, medium: Medium) -> list[Wave]:
    """Effective spin potential μ_s = D(ρ_s − ħνJS), with j = −∇μ_s, Eqs. (9), (10), (14)."""
    return combined((medium.D, nonequilibrium_density(S, medium)))


def spin_density(S: Waves, medium: Medium) -> list[Wave]:
    """Spin density ρ_s = ħνJτ(−D∇² + 1/τ_sf)⟨S⟩ + 2νJ²τ²⟨S×Ṡ⟩ = ħνJS + g, Eq. (11)."""
    return combined((medium.polarization, S), (1.0, nonequilibrium_density(S, medium)))


def spin_density_source(S: Waves, medium: Medium) -> list[Wave]:
    """Right side of ρ̇_s − D∇²ρ_s + ρ_s/τ_sf = ħνJ(−D∇² + 1/τ_sf)S + 2νJ²τ S×Ṡ, Eqs. (12), (13)."""
    return combined(
        (-medium.polarization * medium.D, gradient(gradient(S))),
        (medium.polarization / medium.tau_sf, S),
        (medium.dynamic_coefficient, S_cross_S_dot(S)),
    )


def total_current(S: Waves, medium: Medium, k_F: float) -> list[Wave]:
    """Physical spin current, Eq. (15): super-current (8) plus the pumped currents (5) and (7)."""
    return combined(
        (1.0, super_current(S, medium, k_F)),
        (1.0, first_order_current(S, medium)),
        (1.0, second_order_current(S, medium)),
    )


def equilibrium_current(S: Waves, medium: Medium, k_F: float) -> list[Wave]:
    """Return ħνJD∇S − (ħ²νJ²/12mε_F) S×∇S, Eq. (17): what total_current + D∇ρ_s leaves.

    A matter of bookkeeping: its first term only undoes the gradient of the static polarization
    inside −D∇ρ_s, Eq. (16).  Never add it to the walkers' flux.
    """
    return combined((medium.polarization * medium.D, gradient(S)), (1.0, super_current(S, medium, k_F)))


def relaxation_torque(S: Waves, medium: Medium, k_F: float) -> list[Wave]:
    """Torque −(ħ²νJ²/12mε_F) S×∇²S + 2νJ²τ S×Ṡ, Eq. (A21); the walkers feel the second term."""
    return combined(
        (-medium.super_coefficient(k_F), cross(S, gradient(gradient(S)))),
        (medium.dynamic_coefficient, S_cross_S_dot(S)),
    )


def local_current(S: Waves, medium: Medium) -> list[Wave]:
    """Local spin current ħνJτD(∇Ṡ − (2Jτ/ħ){∇[S×Ṡ] + [S×∇Ṡ]}), Eq. (31)."""
    scale = medium.polarization * medium.tau * medium.D
    gradient_S_dot = gradient(time_derivative(S))
    turn = medium.precession * medium.tau
    return combined(
        (scale, gradient_S_dot),
        (-scale * turn, gradient(S_cross_S_dot(S))),
        (-scale * turn, cross(S, gradient_S_dot)),
    )


# ---------------------------------------------------------------------------------------------
# Other exact cases


def tserkovnyak_dc(g_mix: Values, Omega: Values, theta: Values, hbar: float = HBAR) -> Array:
    """DC spin current ħ g Ω sin²θ/4π of the Tserkovnyak form j_s = aṠ + bS×Ṡ [J/m²].

    Parameters
    ----------
    g_mix : float or ndarray
        Mixing conductance per area [1/m²].
    Omega, theta : float or ndarray
        Angular frequency and cone angle.
    hbar : float
        ħ in the caller's units.
    """
    return np.asarray(hbar * g_mix * Omega * np.sin(theta) ** 2 / (4.0 * math.pi))


def layer_density(x: Values, thickness: Values, lam_s: Values) -> Array:
    """Valet–Fert density cosh((d − x)/λ_s)/cosh(d/λ_s), one at x = 0; closed face at x = d, ℓ ≪ λ_s."""
    return np.asarray(np.cosh((thickness - x) / lam_s) / np.cosh(thickness / lam_s))


def layer_current(x: Values, thickness: Values, lam_s: Values) -> Array:
    """Valet–Fert current sinh((d − x)/λ_s)/sinh(d/λ_s), one at x = 0; closed face at x = d, ℓ ≪ λ_s."""
    return np.asarray(np.sinh((thickness - x) / lam_s) / np.sinh(thickness / lam_s))


def layer_mean_current(thickness: Values, lam_s: Values) -> Array:
    """Mean (λ_s/d) tanh(d/2λ_s) of `layer_current` over the layer."""
    ratio = thickness / lam_s
    return np.asarray(np.tanh(0.5 * ratio) / ratio)


def mean_square_displacement(t: Values, medium: Medium) -> Array:
    """Mean ⟨(x(t) − x(0))²⟩ = (2/d) ℓ²(t/τ − 1 + e^{−t/τ}) along one axis; 2Dt for t ≫ τ."""
    age = t / medium.tau
    return np.asarray(2.0 / medium.dimension * medium.ell**2 * (age + np.expm1(-age)))


def azurv1_unscattered(x: Values, t: Values) -> Array:
    """Unscattered density e^{−t}/2t, |x| < t, of a plane pulse at x = t = 0 (d = 3; units ℓ, τ).

    The discontinuous part of the AZURV1 benchmark (B. D. Ganapol); t > 0.
    """
    return np.where(np.abs(x) < t, np.exp(-t) / (2.0 * t), 0.0)


def free_flight_current(x: Values, length: float, source: Values) -> Array:
    """Return the current a(x − L/2) of a uniform source a between absorbing walls at 0 and L for ℓ → ∞."""
    return np.asarray(source * (x - 0.5 * length))


def hanle(s: ArrayLike, S: ArrayLike, t: Values, medium: Medium) -> Array:
    """Uniform spin density at time t in a static uniform texture S (Hanle precession).

    Solves ds/dt = (2J/ħ) s×S − s/τ_sf: rotation about S by −(2J|S|/ħ)t times e^{−t/τ_sf}.

    Parameters
    ----------
    s, S : array_like
        Initial spin and texture, shape (3,); S ≠ 0.
    t : float or ndarray
        Times, shape (...).

    Returns
    -------
    ndarray
        Shape (..., 3).
    """
    s, S = np.asarray(s, dtype=float), np.asarray(S, dtype=float)
    time = np.asarray(t, dtype=float)[..., np.newaxis]
    size = float(np.linalg.norm(S))
    axis = S / size
    along = (s @ axis) * axis
    angle = medium.precession * size * time
    turned = along + np.cos(angle) * (s - along) + np.sin(angle) * np.cross(s, axis)
    return np.asarray(np.exp(-time / medium.tau_sf) * turned)
