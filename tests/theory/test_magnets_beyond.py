"""Insulating magnets beyond the faces of a metal, without walkers: exact conductances, detailed balance, the budget."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mcpump.theory import Medium, ideal_step_conductance, thick_metal_conductance
from mcpump.theory.pumping import sharvin_conductance
from mcpump.theory.slab import Face, Interface, Layer, Sample, slab_response

SLOW = 1e-6
X, Z = (1.0, 0.0, 0.0), np.array([0.0, 0.0, 1.0])


def nothing(x):
    """S in the metal."""
    return np.zeros((len(x), 3))


def conductance(R, gamma, length, specularity=0.0, side=0, J=0.0):
    """What a face whose magnetization is along x takes, over g_Sh, from all the torque; and what relaxes, as a torque."""
    faces = [Face(0.0), Face(0.0)]
    faces[side] = Face(0.0, specularity, R, X)
    edges = np.array([0.0, 0.1, 0.9, 1.0]) * length
    sample = Sample(length, (Layer(0.0, 1.0, 1.0, gamma, 1.0),), tuple(faces))
    found = slab_response(sample, nothing, SLOW * Z, J, edges, channels=("exact",))["exact"]
    whole = found.local.torque + found.diffusive.torque
    relaxed = gamma * (found.local.density + found.diffusive.density)
    unit = SLOW / (4.0 * (2.0 * J or 2.0))
    torque, lost = (np.diff(edges) @ values / unit for values in (whole, relaxed))
    # n×ṅ is along z, ṅ along y: the field-like part is −Im g
    return complex(torque[2], -torque[1]), complex(lost[2], -lost[1])


@pytest.mark.parametrize("gamma", [0.01, 0.1, 1.0])
@pytest.mark.parametrize("R", [0.0, 0.3, 0.5 + 0.2j, -0.4 + 0.3j, 0.9j])
def test_thick_metals(R, gamma):
    """g_eff = g_Sh (1 − R)(1 − A)/(1 − RA) at any τ/τ_sf, where the face reflects diffusely: A is of the cosine law."""
    length = max(30.0 / np.sqrt(3.0 * gamma), 60.0)
    g, lost = conductance(R, gamma, length, side=int(gamma == 1.0))
    medium = Medium.reduced(1.0, 1.0 / gamma)
    expected = complex(thick_metal_conductance(R, medium)) / sharvin_conductance(medium)
    assert abs(g - expected) < 3e-6 * abs(expected)
    assert abs(lost - g) < 1e-4 * abs(g)  # Ω of it is stored


def test_mirrors_come_near():
    """A specular face sends back what the metal has sent, which is not the cosine law: less than 1 % is changed."""
    medium = Medium.reduced(1.0, 10.0)
    expected = complex(thick_metal_conductance(-0.4 + 0.3j, medium)) / sharvin_conductance(medium)
    off = abs(conductance(-0.4 + 0.3j, 0.1, 60.0, specularity=1.0)[0] / expected - 1.0)
    assert 1e-3 < off < 1e-2
    # where all is taken nothing is sent back
    for R, specularity in ((0.0, 1.0), (0.0, 0.0)):
        g, _ = conductance(R, 0.1, 60.0, specularity)
        assert abs(g - 0.5045221460841683) < 1e-6


def test_the_sign_is_that_of_an_ideal_step():
    """A step of S in which exchange takes all that arrives is a face with R = A, its albedo: both parts of g agree."""
    J, gamma, length = 4.0, 0.3, 15.0
    medium = Medium.reduced(J)
    R = 1.0 - ideal_step_conductance(medium) / sharvin_conductance(medium)
    assert R.imag != 0.0
    step = Sample(
        2.0 * length,
        (Layer(0.0, 1.0, 1.0, 0.0, 1.0), Layer(length, 1.0, 1.0, gamma, 1.0)),
        (Face(1.0), Face(0.0)),
    )
    edges = np.array([0.0, length, 2.0 * length])
    found = slab_response(
        step, lambda x: np.where(x < length, 1.0, 0.0)[:, None] * np.array(X), SLOW * Z, J, edges,
        channels=("exact",), scale=np.inf, jumps=(length,),
    )["exact"]  # fmt: skip
    current = found.local.through[1] + found.diffusive.through[1]
    g = complex(current[2], -current[1]) * 8.0 * J / SLOW
    # spin that arrives at the step is by no cosine law, and the face's R is that of one
    face, _ = conductance(R, gamma, length, J=J)
    assert abs(g - face) < 4e-3 * abs(face)
    assert g.imag * face.imag > 0.0
    assert abs(face.imag) > 1e-2


@pytest.mark.parametrize("dimension", [1, 2, 3])
def test_detailed_balance(dimension):
    """Spin ħ²νΩ/2 along the axis of the precession is in balance with any magnet, at any Ω: nothing flows or turns."""
    n = (0.6, 0.0, 0.8)
    layers = (
        Layer(0.0, 1.0, 1.0, 0.0, 1.0),
        Layer(1.0, 2.0, 0.7, 0.0, 0.5, Interface(0.4, 0.4, 0.3, False)),
    )
    sample = Sample(2.5, layers, (Face(0.0, 0.4, 0.3 - 0.5j, n), Face(0.0, 1.0, -0.6 + 0.2j, n)), dimension)
    found = slab_response(sample, nothing, 0.8 * Z, 0.2, [0.0, 1.0, 2.5], channels=("exact",))["exact"]
    density = found.local.density + found.diffusive.density
    assert_allclose(density, np.outer([1.0, 0.5], 0.8 / 0.4 * Z), rtol=0.0, atol=1e-8)
    for name in ("torque", "current", "through"):
        both = getattr(found.local, name) + getattr(found.diffusive, name)
        assert_allclose(both, 0.0, atol=1e-8)


def test_all_sent_back_is_no_magnet():
    assert conductance(1.0, 0.1, 5.0) == (0.0, 0.0)
