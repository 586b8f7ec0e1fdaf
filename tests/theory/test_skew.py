"""Skew scattering along layers: bulk, waves, rough films, reciprocity, and walkers that are scattered by the law."""

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad

from mcpump.theory.ordinates import Face, Interface
from mcpump.theory.sample import Layer, Sample
from mcpump.theory.skew import flown_share, sheet_weights, skew_current

EDGES = np.linspace(0.0, 4.0, 81)
METAL = Layer(0.0, 1.0, 1.0, 0.0, 1.0)
OTHER = Layer(1.5, 1.4, 0.7, 0.3, 0.8)
"""νv is 1.12 of the first's, and σ 2.24."""


def film(specularity, *more, absorption=0.0, dimension=3):
    return Sample(4.0, (METAL, *more), (Face(absorption, specularity),) * 2, dimension)


def interface(transmission, specularity, straight):
    """In detailed balance, between METAL and OTHER."""
    gate = Interface(transmission, transmission / 1.12, specularity, straight, 0.2)
    return OTHER._replace(interface=gate)


def kernel(sample, Omega=0.0):
    return skew_current(sample, EDGES, np.eye(len(EDGES) - 1, dtype=complex), Omega)


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("sample", [film(1.0), film(0.0)._replace(faces=None)])
def test_uniform_current_is_the_formula(sample, dimension):
    """j = J in a medium without an end, and between mirrors; 1/(1 + iΩτ) of it in an alternating current, as Drude's."""
    J = np.ones((len(EDGES) - 1, 1), complex)
    sample = sample._replace(dimension=dimension)
    assert_allclose(skew_current(sample, EDGES, J), J, rtol=1e-13)
    assert_allclose(skew_current(sample, EDGES, J, 0.3), J / (1.0 + 0.3j), rtol=1e-13)


@pytest.mark.parametrize("p", [0.0, 0.5, 1.0])
def test_rough_film_is_that_of_fuchs(p):
    """1 − (3/2k)(1 − p) ∫(u − u³)(1 − e^{−k/u})/(1 − pe^{−k/u}) du with k = 4 free paths."""
    k = 4.0
    lost = quad(
        lambda u: (u - u**3) * (1.0 - np.exp(-k / u)) * (1.0 - p) / (1.0 - p * np.exp(-k / u)), 0.0, 1.0
    )[0]
    share = sheet_weights(film(p), EDGES, np.ones(len(EDGES) - 1)).mean()
    assert share == pytest.approx(1.0 - 1.5 / k * lost, rel=1e-9)


def test_film_between_reservoirs_is_a_rough_one():
    assert_allclose(kernel(film(0.4, absorption=1.0)), kernel(film(0.0)), rtol=1e-13, atol=1e-16)


@pytest.mark.parametrize("dimension", [2, 3])
@pytest.mark.parametrize("Omega", [0.0, 0.4])
def test_waves(dimension, Omega):
    """Even cells make of a wave its mean over a cell: sin(qh/2)/(qh/2), twice, where the observer takes means, too."""
    q = 2.0 * np.pi / 4.0 * 3.0
    x = 0.5 * (EDGES[1:] + EDGES[:-1])
    J = np.exp(1j * q * x)[:, None]
    found = skew_current(film(1.0, dimension=dimension)._replace(faces=None), EDGES, J, Omega)[:, 0]
    share = (found * np.exp(-1j * q * x)).mean()
    # aliases of the even cells are waves of 80 − 3 periods and more, which fly much less far
    width = q * (EDGES[1] - EDGES[0])
    expected = flown_share(q, Omega, dimension)
    assert abs(share - expected) < 0.3 * width**2 * abs(expected)
    assert_allclose(found * np.exp(-1j * q * x), share, rtol=1e-9)


@pytest.mark.parametrize(("q", "Omega"), [(0.4, 0.0), (3.0, 0.2)])
def test_share_of_a_wave_by_quadrature(q, Omega):
    def mean(part, weight):
        return quad(lambda mu: weight(mu) * part(1.0 / (1.0 + 1j * Omega + 1j * q * mu)), -1.0, 1.0)[0]

    for d, weight in (
        (3, lambda mu: 0.75 * (1.0 - mu**2)),
        (2, lambda mu: 2.0 * np.sqrt(1.0 - mu**2) / np.pi),
    ):
        value = complex(*(mean(part, weight) for part in (np.real, np.imag)))
        assert flown_share(q, Omega, d) == pytest.approx(value, rel=1e-7)


def test_share_of_slow_waves():
    assert flown_share(0.0, 0.2) == pytest.approx(1.0 / (1.0 + 0.2j))
    assert flown_share(0.01).real == pytest.approx(1.0 - 0.01**2 / 5.0, abs=1e-8)


@pytest.mark.parametrize(
    "gate", [interface(0.6, 0.3, True), interface(1.0, 1.0, True), interface(0.7, 0.0, False)]
)
@pytest.mark.parametrize("p", [0.0, 0.7])
def test_onsager(gate, p):
    """What a source J = σE at x′ drives at x is what one at x drives at x′; so a field tells the weights of sources."""
    sigma = np.where(EDGES[1:] < 1.5 + 1e-9, 1.0, 0.8 * 1.4**2 / 0.7)
    for Omega in (0.0, 0.5):
        both = kernel(film(p, gate), Omega) * sigma
        assert_allclose(both, both.T, atol=1e-13 * abs(both).max())
        assert_allclose(
            kernel(film(p, gate), Omega).sum(axis=0), sheet_weights(film(p, gate), EDGES, sigma, Omega)
        )


def test_positive_below_one_and_mirrored():
    """In a steady current nothing is turned round and nothing gained; a film seen from behind is the same."""
    there = kernel(film(0.3, interface(0.6, 0.3, True))).real
    assert there.min() > 0.0
    assert 0.0 < kernel(film(0.3)).sum(axis=1).real.max() < 1.0
    alone = kernel(film(0.3)).real
    assert_allclose(alone, alone[::-1, ::-1], rtol=1e-12)


def test_one_dimension_has_nothing_aside():
    with pytest.raises(ValueError, match="dimension 1"):
        skew_current(film(1.0, dimension=1), EDGES, np.ones((80, 1), complex))


def directions(rng, n):
    mu, phi = rng.uniform(-1.0, 1.0, n), rng.uniform(0.0, 2.0 * np.pi, n)
    side = np.sqrt(1.0 - mu * mu)
    return np.stack([mu, side * np.cos(phi), side * np.sin(phi)], axis=1)


def flown(rng, x, v, layers, length, rough):
    """Flights to the next collision, or to a rough face: where, how far along y, whether it collided, and its pieces.

    layers: (start, v, rate) of two; all pass straight on between them, νv being the same.
    """
    free = rng.exponential(size=len(x))
    x, v = x.copy(), v.copy()
    along, collided, alive = np.zeros(len(x)), np.zeros(len(x), bool), np.ones(len(x), bool)
    track = []
    while alive.any():
        i = np.flatnonzero(alive)
        right = (x[i] > layers[1][0]) | ((x[i] == layers[1][0]) & (v[i, 0] > 0.0))
        speed, rate = (np.where(right, layers[1][k], layers[0][k]) for k in (1, 2))
        low, high = np.where(right, layers[1][0], 0.0), np.where(right, length, layers[1][0])
        end = np.where(v[i, 0] > 0.0, high, low)
        time = (end - x[i]) / (v[i, 0] * speed)
        hits = free[i] < time * rate
        time = np.where(hits, free[i] / rate, time)
        along[i] += v[i, 1] * speed * time
        track.append((i, x[i].copy(), v[i, 0] * speed * time))
        x[i] = np.where(hits, x[i] + v[i, 0] * speed * time, end)
        free[i] -= rate * time
        collided[i[hits]] = True
        face = ~hits & ((end == 0.0) | (end == length))
        if rough:
            alive[i[face]] = False
        else:
            v[i[face], 0] *= -1.0
        alive[i[hits]] = False
    return x, v, along, collided, track


@pytest.mark.parametrize("rough", [True, False])
def test_walkers_scattered_by_the_law(rough):
    """Spins along z born at a place carry charge along y, as far as ∫r θ_SH j_x dx of the same walkers says.

    A collision weighs the new direction by 1 + a ŝ·(v̂ × v̂′), a = 3θ_SH, and so the path that is mirrored in y. Half the
    difference of both is a v_x v′_y times the way along y to the next collision, from where on directions are even.
    Electrons carry −e: their way along y is +θ_SH times that of their spins along x. Some collisions take the spin.
    """
    layers, length, lost, edges = ((0.0, 1.0, 1.0), (1.5, 0.5, 0.5)), 3.0, 0.3, np.linspace(0.0, 3.0, 301)
    # νv is the same: ν = 2 in the second
    sample = Sample(length, (METAL, Layer(1.5, 0.5, 0.5, 0.0, 2.0)), (Face(0.0, 0.0 if rough else 1.0),) * 2)
    weights = sheet_weights(sample, edges, np.where(edges[1:] < 1.5 + 1e-9, 1.0, 2.0 * 0.25 / 0.5)).real
    cumulated = np.concatenate([[0.0], np.cumsum(weights * np.diff(edges))])
    rng = np.random.default_rng(3 + rough)
    found, n = [], 20_000
    for _ in range(24):
        moved = formula = 0.0
        # weight: v_x before the collision that a flight begins at, 0 for births and walls
        x, v, weight, spin = rng.uniform(0.4, 1.2, n), directions(rng, n), np.zeros(n), np.ones(n, bool)
        while len(x):
            x, out, along, collided, track = flown(rng, x, v, layers, length, rough)
            moved += (weight * v[:, 1] * along).sum()
            for i, start, step in track:
                passed = np.interp(start + step, edges, cumulated) - np.interp(start, edges, cumulated)
                formula += passed[spin[i]].sum()
            x, out, collided = x[spin], out[spin], collided[spin]
            # rough faces send spins back by the cosine law
            v, mu = directions(rng, len(x)), np.sqrt(rng.uniform(size=len(x)))
            side = np.sqrt((1.0 - mu * mu) / (1.0 - v[:, 0] ** 2))
            inward = np.column_stack([np.where(x == 0.0, mu, -mu), side * v[:, 1], side * v[:, 2]])
            v = np.where(collided[:, None], v, inward)
            weight = np.where(collided, out[:, 0], 0.0)
            # who loses its spin was scattered with it, and flies once more
            spin = ~collided | (rng.uniform(size=len(x)) > lost)
        found.append((moved / n, formula / (3.0 * n)))
    moved, formula = np.mean(found, axis=0)
    error = np.std([one - other for one, other in found], ddof=1) / np.sqrt(len(found))
    assert error < 0.01 * abs(formula)
    assert abs(moved - formula) < 4.0 * error
