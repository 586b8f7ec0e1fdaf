"""What a wall or an interface does to diffusion: resistances from the exact layer, a few ℓ thick, beside it.

A few mean free paths away from an interface the electrons are at a potential μ = ρ/ν that varies linearly,
j = −νD ∂_xμ; extrapolated to the interface from both sides, μ jumps by R j.  R is exact: the transport equation
beside the interface is solved by discrete directions.  Valid where layers, ℓ/Ωτ and √(Dτ_sf) are ≫ ℓ.
"""

import math

import numpy as np

from mcpump.theory.medium import Array, Medium

_DIRECTIONS = 96


def face_resistance(medium: Medium, absorption: float = 1.0, specularity: float = 0.0) -> float:
    """Resistance R = μ/j of a face that absorbs electrons with a given probability and reflects the rest.

    An ideal reservoir (absorption 1) has R = z0/(νD), z0 = 0.7104 ℓ for d = 3; diffuse reflection adds
    (1 − A)/(A a_d ν v_F) with ⟨|v_x|⟩/2 = a_d v_F, a_d = 1/2, 1/π, 1/4 for d = 1, 2, 3.

    Parameters
    ----------
    medium : Medium
        Gives ν, v_F and the dimension.
    absorption : float
        Probability A, from 0 (closed: R is infinite) to 1.
    specularity : float
        Share of the reflections that are specular; the rest is diffuse.

    Returns
    -------
    float
        R [1/(ν v_F)]: density of spins per density of states over current.
    """
    _check(absorption=absorption, specularity=specularity)
    if absorption == 0.0:
        return math.inf
    mu, weight, away, toward = _solutions(medium.dimension)
    # Unit current into the face: μ = R at the face, slope d; the decaying modes are unknown too.
    reflect = (1.0 - absorption) * _reflection(mu, weight, specularity)
    ones = np.ones((mu.size, 1))
    matrix = np.hstack([ones - reflect @ ones, away - reflect @ toward])
    slope = medium.dimension * mu
    rhs = -(-slope - reflect @ slope)
    return float(np.linalg.lstsq(matrix, rhs, rcond=None)[0][0]) / (medium.nu * medium.v_F)


def interface_resistance(
    left: Medium, right: Medium, transmission: float, specularity: float = 1.0, straight: bool = True
) -> float:
    """Resistance R = (μ_left − μ_right)/j of an interface that electrons pass at random.

    For diffuse reflection and passage R = 1/(a_d s T) − (1/a_d − d z0/ℓ)(1/c_1 + 1/c_2), c = νv_F,
    s = min(c_1, c_2); straight passage with T = 1 between equal media has none.  The often used
    R = (1 − T)/(a_d c T) for equal media is that of isotropic half-fluxes (exact for d = 1 and T → 0).

    Parameters
    ----------
    left, right : Medium
        The two sides; same dimension.
    transmission : float
        Probability T of passage from the side of the smaller νv_F; from the other it is
        T ν_1v_1/(ν_2v_2), so that detailed balance holds.  0: R is infinite.
    specularity : float
        Share of the reflections that are specular; the rest is diffuse.
    straight : bool
        Whether those who pass keep their direction, else they leave by the cosine law.

    Returns
    -------
    float
        R, 0 or more.
    """
    _check(transmission=transmission, specularity=specularity)
    if left.dimension != right.dimension:
        raise ValueError(f"both sides need one dimension, not {left.dimension} and {right.dimension}")
    if transmission == 0.0:
        return math.inf
    mu, weight, away, toward = _solutions(left.dimension)
    conductivities = [medium.nu * medium.v_F for medium in (left, right)]
    passed = [transmission * min(conductivities) / c for c in conductivities]
    reflect = _reflection(mu, weight, specularity)
    cross = np.eye(mu.size) if straight else _reflection(mu, weight, 0.0)
    # Unit current from left to right: potential R (left), 0 (right), slopes ∓d/c, and both sides' modes.
    slopes = [left.dimension * mu / c for c in conductivities]
    ones = np.ones((mu.size, 1))
    rows, rhs = [], []
    for side, T in enumerate(passed):
        own, other = (1.0 - T) * reflect, T * cross
        modes = [-other @ toward, -other @ toward]
        modes[side] = away - own @ toward
        level = ones - own @ ones if side == 0 else -other @ ones
        rows.append(np.hstack([level, *modes]))
        sign = 1.0 if side == 0 else -1.0
        rhs.append(sign * (slopes[side] + own @ slopes[side] - other @ slopes[1 - side]))
    resistance = np.linalg.lstsq(np.vstack(rows), np.concatenate(rhs), rcond=None)[0][0]
    return max(float(resistance), 0.0) + 0.0  # no −0.0


def memory_loss(delta: float, resistance: float) -> tuple[float, float]:
    """Interface that does to spin what a diffusive layer of thickness δλ_s and area resistance AR* does.

    With x = AR* times the Sharvin conductance e²νv_F/2 of the metal, even and odd spin on both sides come back as
    s = (2x − δ tanh δ/2)/(2x + δ tanh δ/2) and a, with coth in place of tanh: t = (s − a)/2 passes with its spin,
    1 − T = (s + a)/2 is sent back. W. Park, D. V. Baxter, S. Steenwyk, I. Moraru, W. P. Pratt and J. Bass, Phys. Rev. B
    62, 1178 (2000), for δ and AR*; spin that leaves the layer follows the cosine law here.

    Parameters
    ----------
    delta : float
        δ, the layer's thickness over its λ_s.
    resistance : float
        x, at least δ/2.

    Returns
    -------
    (float, float)
        Transmission T, and the probability that spin is lost in passing, 1 − t/T.

    Raises
    ------
    ValueError
        For a smaller x: a layer takes and passes more than arrives.
    """
    even, odd = delta * math.tanh(0.5 * delta), delta / math.tanh(0.5 * delta)
    both, other = ((2.0 * resistance - g) / (2.0 * resistance + g) for g in (even, odd))
    if both + other < 0.0:
        raise ValueError(f"resistance = {resistance} must be at least {0.5 * delta}")
    passing = 1.0 - 0.5 * (both + other)
    return passing, 1.0 - 0.5 * (both - other) / passing


def _check(**shares: float) -> None:
    """Refuse what is no probability."""
    for name, value in shares.items():
        if not 0.0 <= value <= 1.0:
            raise ValueError(f"{name} must be from 0 to 1, not {value}")


def _reflection(mu: Array, weight: Array, specularity: float) -> Array:
    """Occupation of the directions away from a wall, from that of the directions towards it."""
    diffuse = np.outer(np.ones(mu.size), weight * mu / (weight @ mu))
    return specularity * np.eye(mu.size) + (1.0 - specularity) * diffuse


def _solutions(dimension: int) -> tuple[Array, Array, Array, Array]:
    """Directions μ > 0, weights (sum 1), and the modes that decay from a wall: occupation at the wall.

    Returns directions, weights, and for motion away from and towards the wall one column per mode.  With
    s = f(μ) + f(−μ) the transport equation is μ²s'' = s − ⟨s⟩, made symmetric by s = z/(μ√w).
    """
    mu, weight = _half_directions(dimension)
    root = np.sqrt(weight)
    rates2, z = np.linalg.eigh((np.eye(mu.size) - np.outer(root, root)) / np.outer(mu, mu))
    rates, s = np.sqrt(rates2[1:]), z[:, 1:] / (mu * root)[:, np.newaxis]
    s /= np.abs(s).max(axis=0)
    odd = mu[:, np.newaxis] * rates * s
    return mu, weight, 0.5 * (s + odd), 0.5 * (s - odd)


def _half_directions(dimension: int) -> tuple[Array, Array]:
    """Gauss–Legendre rule over the directions μ > 0 of the d-sphere."""
    if dimension == 1:
        return np.ones(1), np.ones(1)
    if dimension not in (2, 3):
        raise ValueError(f"dimension must be 1, 2 or 3, not {dimension}")
    nodes, weights = np.polynomial.legendre.leggauss(_DIRECTIONS)
    unit, weight = 0.5 * (1.0 + nodes), 0.5 * weights
    return (unit if dimension == 3 else np.sin(0.5 * math.pi * unit)), weight
