"""Diffusion theory of a finite one-dimensional sample: the line that figures draw.

The paper's leading order, qℓ, Ωτ ≪ 1, with faces: Eqs. (5) and (7) hold in an infinite medium,
here the same sources −ħνJṠ and 2νJ²τ S×Ṡ diffuse between two faces.  Finite volumes on a
uniform mesh, so that the spin budget closes cell by cell.  Any consistent units.
"""

import math
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcpump.theory.medium import Array, ComplexArray, Medium

Face = Literal["closed", "absorbing", "periodic"]

END_POINT = {1: 1.0, 2: 0.5 + 1.0 / math.pi, 3: 0.71044608959876}
"""Extrapolated end point z0/ℓ of the Milne problem: the density of electrons that enter an
absorbing face extrapolates to zero at z0 behind it, z0/ℓ = −(1/π)∫ ln[d(1 − K(k))/k²] dk/k²
(k in 1/ℓ, from 0 to ∞)."""


class Profiles(NamedTuple):
    """Harmonics [A_0, A_1^c, A_1^s, …] of density (…, 3, cells) and flux (…, 3, cells + 1)."""

    density: Array
    flux: Array


def diffusion_slab(
    source: ArrayLike,
    h: float,
    medium: Medium,
    frequency: float = 0.0,
    left: Face = "closed",
    right: Face = "closed",
) -> tuple[ComplexArray, ComplexArray]:
    """Solve (−D d²/dx² + 1/τ_sf + i·frequency) g = source in a sample.

    Parameters
    ----------
    source : array_like
        Cell averages, complex, shape (..., cells).
    h : float
        Cell width.
    medium : Medium
        Gives D, τ_sf and the end point z0 of absorbing faces.
    frequency : float
        Angular frequency nΩ of this harmonic.
    left, right : {"closed", "absorbing", "periodic"}
        Closed: no flux.  Absorbing: g = 0 at z0 behind the face (valid for ℓ ≪ all lengths).
        Periodic: both or none.

    Returns
    -------
    g : ndarray of complex
        Shape (..., cells).  Without any sink (DC, τ_sf infinite, no absorbing face) the mean
        of g is undefined: it is returned as zero, and the part of the source that would
        make it grow, the mean of the source, is left out.  The flux is then still the true one.
    flux : ndarray of complex
        −D dg/dx on the faces, shape (..., cells + 1).
    """
    source = np.array(source, dtype=complex)
    cells, periodic = source.shape[-1], left == "periodic"
    _check_slab(cells, left, right)
    hop = medium.D / h**2
    leak = {"closed": 0.0, "periodic": hop, "absorbing": _absorption(h, medium)}
    sink = 1.0 / medium.tau_sf + 1j * frequency
    diagonal = np.full(cells, sink + 2.0 * hop, dtype=complex)
    diagonal[0] += leak[left] - hop
    diagonal[-1] += leak[right] - hop

    undefined_mean = sink == 0.0 and "absorbing" not in (left, right)
    if undefined_mean:
        source -= source.mean(axis=-1, keepdims=True)
        diagonal[0] += hop  # the source sums to zero, so this only pins g[0] = 0
    g = (solve_cyclic if periodic else solve_tridiagonal)(diagonal, np.full(cells, -hop), source)
    if undefined_mean:
        g -= g.mean(axis=-1, keepdims=True)

    flux = np.empty((*source.shape[:-1], cells + 1), dtype=complex)
    flux[..., 1:-1] = -medium.D * np.diff(g, axis=-1) / h
    if periodic:
        flux[..., 0] = flux[..., -1] = -medium.D * (g[..., 0] - g[..., -1]) / h
    else:
        flux[..., 0] = -leak[left] * h * g[..., 0]
        flux[..., -1] = leak[right] * h * g[..., -1]
    return g, flux


def _check_slab(cells: int, left: Face, right: Face) -> None:
    """Refuse what is no face, and a mesh of one cell."""
    for face in (left, right):
        if face not in ("closed", "absorbing", "periodic"):
            raise ValueError(f"a face is closed, absorbing or periodic, not {face!r}")
    if (left == "periodic") != (right == "periodic"):
        raise ValueError("periodic faces come in pairs")
    if cells < 2:
        raise ValueError("a mesh needs two cells or more")


def _absorption(h: float, medium: Medium) -> float:
    """Loss rate of a cell at an absorbing face: g falls to zero over h/2 + z0."""
    return medium.D / (h * (0.5 * h + END_POINT[medium.dimension] * medium.ell))


def solve_tridiagonal(diagonal: ComplexArray, off: ComplexArray | Array, rhs: ComplexArray) -> ComplexArray:
    """Thomas algorithm for a symmetric matrix; `off` (cells − 1) beside the diagonal, `rhs` (..., cells)."""
    x = np.array(rhs, dtype=complex)
    pivot = np.array(diagonal, dtype=complex)
    for i in range(1, pivot.size):
        factor = off[i - 1] / pivot[i - 1]
        pivot[i] -= factor * off[i - 1]
        x[..., i] -= factor * x[..., i - 1]
    x[..., -1] /= pivot[-1]
    for i in range(pivot.size - 2, -1, -1):
        x[..., i] = (x[..., i] - off[i] * x[..., i + 1]) / pivot[i]
    return x


def solve_cyclic(diagonal: ComplexArray, off: ComplexArray | Array, rhs: ComplexArray) -> ComplexArray:
    """As `solve_tridiagonal` with off[-1] in both corners too (`off` has one entry per cell): Sherman–Morrison."""
    corner = -diagonal[0]
    ratio = off[-1] / corner
    inner = np.array(diagonal, dtype=complex)
    inner[0] -= corner
    inner[-1] -= off[-1] ** 2 / corner
    u = np.zeros_like(inner)
    u[0], u[-1] = corner, off[-1]
    y, z = solve_tridiagonal(inner, off, rhs), solve_tridiagonal(inner, off, u)
    weight = (y[..., 0] + ratio * y[..., -1]) / (1.0 + z[0] + ratio * z[-1])
    return np.asarray(y - weight[..., np.newaxis] * z)


def diffusion_theory(
    S0: ArrayLike,
    Sc: ArrayLike,
    Ss: ArrayLike,
    h: float,
    medium: Medium,
    Omega: float,
    left: Face = "closed",
    right: Face = "absorbing",
    n_max: int = 2,
) -> dict[str, Profiles]:
    """Leading-order density and current of a sample, channels `first` and `second`.

    Sources −ħνJṠ, Eq. (5), and 2νJ²τ S×Ṡ, Eqs. (7), (13), of S = S0 + Sc cos Ωt + Ss sin Ωt.

    Parameters
    ----------
    S0, Sc, Ss : array_like
        Texture harmonics in the cells, shape (cells, 3).
    h : float
        Cell width.
    medium : Medium
    Omega : float
        Angular frequency.
    left, right : {"closed", "absorbing", "periodic"}
        Faces; see `diffusion_slab`.
    n_max : int
        Highest harmonic returned.  At this order S×Ṡ has none above n = 1 (the vector
        product of the rotating part with itself vanishes).

    Returns
    -------
    dict of str to Profiles
        g (1 + 2 n_max, 3, cells) and j (1 + 2 n_max, 3, cells + 1), real harmonics.  The walkers'
        part only: no static polarization, no super-current.  DC density without a sink: zero mean.
    """
    mean = np.asarray(S0, dtype=complex)
    turning = 0.5 * (np.asarray(Sc) - 1j * np.asarray(Ss))  # coefficient of e^{iΩt}
    rate = 1j * Omega * turning  # … of Ṡ
    dynamic = medium.dynamic_coefficient
    sources: dict[str, dict[int, NDArray]] = {
        "first": {1: -medium.polarization * rate},
        "second": {
            0: dynamic * 2.0 * np.cross(turning.conj(), rate).real,
            1: dynamic * np.cross(mean, rate),
        },
    }
    return {
        channel: _profiles(by_order, h, medium, Omega, (left, right), n_max)
        for channel, by_order in sources.items()
    }


def cross_harmonics(A: ArrayLike, B: ArrayLike) -> NDArray[np.float64]:
    """Vector product of two fields A(t) = A_0 + A^c cos Ωt + A^s sin Ωt, B(t) alike.

    Parameters
    ----------
    A, B : array_like
        Real harmonics (A_0, A^c, A^s), shape (3, 3, n): harmonic, component, place.

    Returns
    -------
    (5, 3, n) array
        Real harmonics of A × B: dc, cos Ωt, sin Ωt, cos 2Ωt, sin 2Ωt.
    """
    a, b = np.asarray(A, dtype=float), np.asarray(B, dtype=float)

    def cross(i: int, j: int) -> NDArray[np.float64]:
        return np.cross(a[i], b[j], axis=0)

    return np.array(
        [
            cross(0, 0) + 0.5 * (cross(1, 1) + cross(2, 2)),
            cross(0, 1) + cross(1, 0),
            cross(0, 2) + cross(2, 0),
            0.5 * (cross(1, 1) - cross(2, 2)),
            0.5 * (cross(1, 2) + cross(2, 1)),
        ]
    )


def local_theory(
    S: ArrayLike, slope: ArrayLike, medium: Medium, Omega: float
) -> dict[str, NDArray[np.float64]]:
    """Local current to leading order in ℓ/λ, Eq. (31): ħνJτD(∇Ṡ − (2Jτ/ħ){∇[S×Ṡ] + [S×∇Ṡ]}).

    Parameters
    ----------
    S, slope : array_like
        Real harmonics of the texture and of ∂S/∂x, shape (3, 3, n).
    medium : Medium
    Omega : float
        Angular frequency.

    Returns
    -------
    dict of str to (5, 3, n) array
        Channels `first` and `second`, real harmonics up to 2Ω.
    """
    S, slope = np.asarray(S, dtype=float), np.asarray(slope, dtype=float)
    rate = Omega * np.array([0.0 * S[0], S[2], -S[1]])
    rate_slope = Omega * np.array([0.0 * S[0], slope[2], -slope[1]])
    coefficient = medium.polarization * medium.tau * medium.D
    turned = cross_harmonics(slope, rate) + 2.0 * cross_harmonics(S, rate_slope)
    first = np.concatenate([coefficient * rate_slope, np.zeros((2, *S.shape[1:]))])
    return {"first": first, "second": -coefficient * medium.precession * medium.tau * turned}


def _profiles(
    sources: dict[int, NDArray], h: float, medium: Medium, Omega: float, faces: tuple[Face, Face], n_max: int
) -> Profiles:
    """Diffuse the complex coefficients {n: (cells, 3)} and store them as real harmonics."""
    cells = next(iter(sources.values())).shape[0]
    density = np.zeros((1 + 2 * n_max, 3, cells))
    flux = np.zeros((1 + 2 * n_max, 3, cells + 1))
    for n, source in sources.items():
        if n > n_max:
            continue
        g, j = diffusion_slab(source.T, h, medium, n * Omega, *faces)
        for harmonics, coefficient in ((density, g), (flux, j)):
            if n == 0:
                harmonics[0] = coefficient.real
            else:
                harmonics[2 * n - 1], harmonics[2 * n] = 2.0 * coefficient.real, -2.0 * coefficient.imag
    return Profiles(density, flux)
