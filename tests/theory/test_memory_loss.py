"""Interfaces that lose spin, without walkers: thick metals on both sides, exact for any τ/τ_sf, and the budget."""

import math

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mcpump.theory import Medium, albedo, half_space_flux
from mcpump.theory.boundary_layer import memory_loss
from mcpump.theory.slab import Face, Interface, Layer, Sample, slab_response

SLOW, LENGTH = 1e-6, 25.0
Z = np.array([0.0, 0.0, 1.0])


def step(x):
    """S along x in the left half."""
    return np.where(x < LENGTH, 1.0, 0.0)[:, None] * np.array([1.0, 0.0, 0.0])


@pytest.mark.parametrize("flip", [0.0, 0.4, 1.0])
@pytest.mark.parametrize(("passing", "losses"), [(1.0, (0.5, 1.0)), (0.3, (0.2, 2.0))])
def test_between_thick_metals(passing, losses, flip):
    """Of both sides arrives φ₁ = j + A₁(rφ₁ + tφ₂), φ₂ = A₂(tφ₁ + rφ₂), t = T(1 − flip): all by the cosine law."""
    first, second = losses
    gate = Interface(passing, passing, 0.0, False, flip)
    layers = Layer(0.0, 1.0, 1.0, first, 1.0), Layer(LENGTH, 1.0, 1.0, second, 1.0, gate)
    edges = np.array([0.0, LENGTH - 0.5, LENGTH, LENGTH + 0.5, 2.0 * LENGTH])
    found = slab_response(
        Sample(2.0 * LENGTH, layers, (Face(0.0), Face(0.0))), step, SLOW * Z, 0.1, edges, channels=("first",),
        jumps=(LENGTH,),
    )["first"]  # fmt: skip
    A = [albedo(Medium.reduced(1.0, 1.0 / loss)).real for loss in losses]
    t, r = passing * (1.0 - flip), 1.0 - passing
    emitted = float(half_space_flux(Medium.reduced(1.0, 1.0 / first), 1.0).real)
    system = np.eye(2) - np.array([[A[0] * r, A[0] * t], [A[1] * t, A[1] * r]])
    left, right = np.linalg.solve(system, [emitted, 0.0])

    def whole(name):
        return (getattr(found.local, name) + getattr(found.diffusive, name))[..., 1] / -SLOW

    assert_allclose(whole("through")[2], passing * (left - right), rtol=2e-6)
    # what goes on into the metal, behind the loss
    assert_allclose(
        whole("current")[2], [left - r * left - t * right, t * left + r * right - right], rtol=2e-6, atol=1e-9
    )
    lost = whole("lost") * np.diff(edges)
    assert_allclose(lost, [0.0, flip * passing * right, flip * passing * left, 0.0], rtol=2e-6, atol=1e-9)
    relaxed = whole("density") * np.diff(edges) * [first, first, second, second]
    assert math.isclose(relaxed.sum() + lost.sum(), LENGTH, rel_tol=1e-5)


@pytest.mark.parametrize(
    ("loss", "delta", "resistance", "near"),
    [(0.002, 0.9, 1.5, 0.03), (0.1, 0.9, 1.5, 0.03), (0.1, 0.9, 6.0, 0.003), (0.1, 0.3, 3.0, 0.002)],
)
def test_it_is_a_thin_layer(loss, delta, resistance, near):
    """δ and AR* of an interface, and the layer that they are measured as, between equal metals."""
    ell, L = 0.02, 60.0
    thickness = 4.0 * resistance * ell / 3.0  # AR* over that of Sharvin is 3t/4ℓ
    gamma = (delta / thickness) ** 2 * ell / 3.0
    metal, edges = Layer(0.0, 1.0, 1.0, loss, 1.0), np.array([0.0, L, 2.0 * L])

    def source(x):
        return np.where(x < L, 1.0, 0.0)[:, None] * np.array([1.0, 0.0, 0.0])

    def solved(layers, edges, name):
        sample = Sample(edges[-1], (metal, *layers), (Face(0.0), Face(0.0)))
        found = slab_response(sample, source, SLOW * Z, 0.1, edges, channels=("first",), jumps=(L,))["first"]
        return (getattr(found.local, name) + getattr(found.diffusive, name))[1:-1, ..., 1] / -SLOW

    behind = metal._replace(start=L + thickness)
    thin = Layer(L, 1.0, 1.0 / ell, gamma, 1.0), behind
    wanted = solved(thin, np.array([0.0, L, L + thickness, 2.0 * L + thickness]), "through")
    passing, flip = memory_loss(delta, resistance)
    gate = metal._replace(start=L, interface=Interface(passing, passing, 0.0, False, flip))
    assert_allclose(solved((gate,), edges, "current")[0], wanted, rtol=near)


def test_limits_of_memory_loss():
    # without δ the resistance alone, x = (1 − T)/T; a thick layer takes all
    passing, flip = memory_loss(1e-4, 2.0)
    assert passing == pytest.approx(1.0 / 3.0)
    assert flip == pytest.approx(0.0, abs=1e-7)
    assert memory_loss(30.0, 15.0)[1] == pytest.approx(1.0)
    with pytest.raises(ValueError, match=r"at least 0\.45"):
        memory_loss(0.9, 0.44)
