"""Fields as sums of plane waves, and what can be done to them: derivatives, products, averages over cells."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mcpump.theory.medium import Array, ComplexArray

_SAME_MODE = 1e-9  # wave numbers and frequencies closer than this, relative to the largest, are one mode
_CANCELLED = 1e-13  # a sum this much smaller than its terms is zero


class Wave(NamedTuple):
    """Plane wave A exp(i(q·r + Ωt)); a real field is a list that holds the conjugates too.

    Attributes
    ----------
    q : float or ndarray
        Wave number along x, any sign, or wave vector, shape (3,).  In a list that holds a wave
        vector a number counts as a vector along x.
    Omega : float
        Angular frequency, any sign.
    amplitude : ndarray of complex
        A, shape (3,): spin components; (3, 3) for a flux of waves in several directions or a
        gradient: direction, spin component.
    """

    q: float | Array
    Omega: float
    amplitude: ComplexArray


Waves = Sequence[Wave]


def alike(waves: Iterable[Wave]) -> list[Wave]:
    """Waves whose wave numbers are all floats or, where one is a vector, all vectors."""
    waves = list(waves)
    if all(np.ndim(w.q) == 0 for w in waves):
        return waves
    return [w._replace(q=_vector(w.q)) for w in waves]


def _vector(q: ArrayLike) -> Array:
    """Wave vector of a wave number along x or of a vector."""
    q = np.asarray(q, dtype=float)
    if q.shape not in ((), (3,)):
        raise ValueError(f"a wave number is a number or a vector of 3, not of shape {q.shape}")
    return q if q.ndim else np.array([float(q), 0.0, 0.0])


def size_of(q: float | Array, dimension: int) -> float:
    """Length of a wave vector (a wave number keeps its sign), whose axes must be among the velocities'.

    Raises ValueError where the wave runs along an axis on which no electron of this dimension moves.
    """
    if np.ndim(q) == 0:
        return float(q)
    vector = np.asarray(q)
    if np.any(vector[dimension:] != 0.0):
        raise ValueError(
            f"electrons of dimension {dimension} do not move along all axes of the wave vector {q}"
        )
    return math.sqrt(vector @ vector)


def merged(waves: Iterable[Wave]) -> list[Wave]:
    """Sum waves of equal (q, Ω); differences that are rounding become exact zeros."""
    waves = alike(waves)
    q_min = _SAME_MODE * max((float(np.max(np.abs(w.q))) for w in waves), default=0.0)
    Omega_min = _SAME_MODE * max((abs(w.Omega) for w in waves), default=0.0)
    groups: list[list[Wave]] = []
    for wave in waves:
        for group in groups:
            if np.max(np.abs(group[0].q - wave.q)) <= q_min and abs(group[0].Omega - wave.Omega) <= Omega_min:
                group.append(wave)
                break
        else:
            groups.append([wave])
    return [
        Wave(
            _without_rounding(group[0].q, q_min),
            0.0 if abs(group[0].Omega) <= Omega_min else group[0].Omega,
            _sum([wave.amplitude for wave in group]),
        )
        for group in groups
    ]


def _without_rounding(q: float | Array, q_min: float) -> float | Array:
    """Wave number with zero for what is as small as rounding."""
    if isinstance(q, np.ndarray):
        return np.where(np.abs(q) <= q_min, 0.0, q)
    return 0.0 if abs(q) <= q_min else q


def _sum(amplitudes: list[ComplexArray]) -> ComplexArray:
    """Sum in which what cancels to rounding is zero."""
    total = np.sum(amplitudes, axis=0, dtype=complex)
    return np.where(np.abs(total) <= _CANCELLED * np.sum(np.abs(amplitudes), axis=0), 0.0, total)


def texture_waves(
    C: ArrayLike,
    P: ArrayLike,
    Q: ArrayLike,
    q: float | ArrayLike,
    Omega: float,
    envelope_waves: Sequence[tuple[float | ArrayLike, complex]] = ((0.0, 1.0),),
) -> list[Wave]:
    """Texture S = f(r){C + P cos(q·r + Ωt) + Q sin(q·r + Ωt)} as waves.

    A wave vector q makes a spiral in any direction.

    Parameters
    ----------
    C, P, Q : array_like
        Real vectors, shape (3,).
    q : float or array_like
        Wave number of the spiral along x (0: uniform phase), or wave vector, shape (3,).
    Omega : float
        Angular frequency.
    envelope_waves : sequence of (k, f_k)
        f(r) = Σ f_k exp(ik·r), conjugates included; default f = 1.  Each k as `q`.
    """
    q, *numbers = _alike_numbers([q, *(k for k, _ in envelope_waves)])
    rotating = 0.5 * (np.asarray(P) - 1j * np.asarray(Q))
    carrier = [
        Wave(0.0 * q, 0.0, np.asarray(C) + 0j),
        Wave(q, Omega, rotating),
        Wave(-q, -Omega, rotating.conj()),
    ]
    factors = [f for _, f in envelope_waves]
    waves = merged(
        Wave(w.q + k, w.Omega, f * w.amplitude)
        for w in carrier
        for k, f in zip(numbers, factors, strict=True)
    )
    return [wave for wave in waves if np.any(wave.amplitude)]


def _alike_numbers(numbers: Sequence[float | ArrayLike]) -> list[float | Array]:
    """Wave numbers as floats or, where one is a vector, all as vectors."""
    if any(np.ndim(q) for q in numbers):
        return [_vector(q) for q in numbers]
    return [float(q) for q in numbers]  # type: ignore[arg-type]


def crossed_waves(
    c: float, b: float, q1: float, q2: float, Omega: float, phase: float = 0.0, scale: float = 1.0
) -> list[Wave]:
    """Crossed plane waves S = s(c cos(q_1 x + φ), (1 + b cos q_2 y) cos Ωt, (1 + b cos q_2 y) sin Ωt).

    Parameters
    ----------
    c, b : float
        Amplitude of the static wave along x and depth of the modulation along y.
    q1, q2 : float
        Wave numbers along x and along y.
    Omega : float
        Angular frequency.
    phase : float
        φ [rad].
    scale : float
        s.
    """
    along_x, along_y = np.array([q1, 0.0, 0.0]), np.array([0.0, q2, 0.0])
    static = np.array([0.5 * scale * c * np.exp(1j * phase), 0.0, 0.0], dtype=complex)
    turning = np.array([0.0, 0.5 * scale, -0.5j * scale], dtype=complex)
    half = [Wave(along_x, 0.0, static), Wave(0.0 * along_y, Omega, turning)]
    side = np.asarray(0.5 * b * turning, dtype=np.complex128)
    half += [Wave(along_y, Omega, side), Wave(-along_y, Omega, side)]
    waves = merged([*half, *(Wave(-w.q, -w.Omega, w.amplitude.conj()) for w in half)])
    return [wave for wave in waves if np.any(wave.amplitude)]


def time_derivative(waves: Waves) -> list[Wave]:
    """Return ∂_t of a field."""
    return [w._replace(amplitude=1j * w.Omega * w.amplitude) for w in waves]


def gradient(waves: Waves) -> list[Wave]:
    """Return ∂_x of a field, or ∂_i with a direction index in front where wave numbers are vectors."""
    return [w._replace(amplitude=1j * np.multiply.outer(w.q, w.amplitude)) for w in alike(waves)]


def divergence(waves: Waves) -> list[Wave]:
    """Return ∂_x of a flux, or ∂_i of its direction index where wave numbers are vectors."""
    return [w._replace(amplitude=1j * np.tensordot(w.q, w.amplitude, np.ndim(w.q))) for w in alike(waves)]


def laplacian(waves: Waves) -> list[Wave]:
    """Return ∇² of a field."""
    return divergence(gradient(waves))


def cross(first: Waves, second: Waves) -> list[Wave]:
    """Vector product of two fields; the spin component is the last index of their amplitudes."""
    both = alike([*first, *second])
    first, second = both[: len(first)], both[len(first) :]
    return merged(
        Wave(a.q + b.q, a.Omega + b.Omega, np.cross(a.amplitude, b.amplitude)) for a in first for b in second
    )


def combined(*terms: tuple[float, Waves]) -> list[Wave]:
    """Linear combination Σ c·field of (c, field) terms."""
    return merged(w._replace(amplitude=c * w.amplitude) for c, waves in terms for w in waves)


def harmonics(waves: Waves, x: ArrayLike, Omega: float, n_max: int) -> Array:
    """Real harmonics of a real field at points on the x axis.

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
        A(t) = A_0 + Σ A_n^c cos nΩt + A_n^s sin nΩt.  A flux of waves in several directions has its
        direction index before the spin component.
    """
    return mesh_harmonics(waves, [np.atleast_1d(np.asarray(x, dtype=float)), [0.0], [0.0]], Omega, n_max)[
        ..., 0, 0
    ]


def cell_averages(waves: Waves, edges: ArrayLike, Omega: float, n_max: int) -> Array:
    """As `harmonics`, averaged exactly over the cells [edges[i], edges[i + 1]], at y = z = 0."""
    middle, width = _cells(edges)

    def profile(q: float) -> ComplexArray:
        return _average(q, middle, width)

    return _real_harmonics(waves, [profile, _at_zero, _at_zero], (middle.size, 1, 1), Omega, n_max)[..., 0, 0]


def mesh_harmonics(waves: Waves, places: Sequence[ArrayLike], Omega: float, n_max: int) -> Array:
    """Real harmonics of a real field on the points of a mesh.

    Parameters
    ----------
    waves, Omega, n_max
        As in `harmonics`.
    places : sequence of array_like
        Coordinates of the points along x[, y[, z]], one sequence per mesh direction.

    Returns
    -------
    ndarray
        Shape (1 + 2 n_max, 3) or, for a flux, (1 + 2 n_max, 3 directions, 3), then that of the mesh.
    """
    points = [np.asarray(place, dtype=float) for place in places]

    def waving(r: Array) -> Callable[[float], ComplexArray]:
        return lambda q: np.asarray(np.exp(1j * q * r))

    return _real_harmonics(waves, [waving(r) for r in points], tuple(r.size for r in points), Omega, n_max)


def mesh_averages(waves: Waves, edges: Sequence[ArrayLike], Omega: float, n_max: int) -> Array:
    """As `mesh_harmonics`, averaged exactly over cells: e^{iq·r} is a product of one sinc per axis.

    `edges` holds the edges of the cells along x[, y[, z]]; the field must not vary along axes left out.
    """
    cells = [_cells(edge) for edge in edges]

    def averaging(middle: Array, width: Array) -> Callable[[float], ComplexArray]:
        return lambda q: _average(q, middle, width)

    shape = tuple(middle.size for middle, _ in cells)
    return _real_harmonics(waves, [averaging(*cell) for cell in cells], shape, Omega, n_max)


def _cells(edges: ArrayLike) -> tuple[Array, Array]:
    """Middles and widths of cells."""
    edges = np.asarray(edges, dtype=float)
    return 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)


def _average(q: float, middle: Array, width: Array) -> ComplexArray:
    """Averages of exp(iqx) over cells."""
    return np.asarray(np.exp(1j * q * middle) * np.sinc(q * width / (2.0 * math.pi)))


def _at_zero(_: float) -> ComplexArray:
    """Return exp(iqr) at r = 0."""
    return np.ones(1, dtype=complex)


def _real_harmonics(
    waves: Waves,
    profiles: Sequence[Callable[[float], ComplexArray]],
    mesh: tuple[int, ...],
    Omega: float,
    n_max: int,
) -> Array:
    """Sum waves into [A_0, A_1^c, A_1^s, …], with the product of `profiles[i](q_i)` for exp(iq·r)."""
    kind = np.shape(waves[0].amplitude) if len(waves) else (3,)
    result = np.zeros((1 + 2 * n_max, *kind, *mesh))
    for wave in waves:
        order = wave.Omega / Omega
        n = round(order)
        if abs(order - n) > 1e-6:
            raise ValueError(f"a wave of frequency {wave.Omega} is no harmonic of {Omega}")
        field = np.asarray(wave.amplitude)
        q = _vector(wave.q)
        if np.any(q[len(mesh) :] != 0.0):
            raise ValueError(f"the wave vector {wave.q} has components along axes that the mesh lacks")
        for component, profile in zip(q, profiles, strict=False):
            field = np.multiply.outer(field, profile(component))
        if n == 0:
            result[0] += field.real
        elif abs(n) <= n_max:
            result[2 * abs(n) - 1] += field.real
            result[2 * abs(n)] -= math.copysign(1.0, n) * field.imag
    return result
