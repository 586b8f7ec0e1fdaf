"""Magnets in interfaces between metals, without walkers: exact conductances, limits, detailed balance, the budget."""

import numpy as np
import pytest
from numpy.testing import assert_allclose

from mcpump.theory import Medium, magnet_between_metals, thick_metal_conductance
from mcpump.theory.pumping import sharvin_conductance
from mcpump.theory.slab import Cycle, Face, Interface, Layer, Sample, periodic_response, slab_response

SLOW = 1e-6
X, Z = (1.0, 0.0, 0.0), np.array([0.0, 0.0, 1.0])


def nothing(x):
    """S in the metals."""
    return np.zeros((len(x), 3))


def magnet(R, T, passing, n=X, other=1.0, specularity=0.0, straight=False):
    """An interface that lets `passing` of what comes from the left pass; `other`: νv of the left over the right."""
    back = passing * other
    kept = tuple(0.0 if p == 1.0 else r / (1.0 - p) for r, p in zip(R, (passing, back), strict=True))
    return Interface(passing, back, specularity, straight, 0.0, T / passing, kept, n)


def pumped(gate, losses, nu=1.0, ends=(14.0, 14.0)):
    """What a magnet between two metals takes and what relaxes in each, over g_Sh of the left: Re n×ṅ, Im −ṅ."""
    lengths = [end / np.sqrt(3.0 * loss) + 3.0 for end, loss in zip(ends, losses, strict=True)]
    edges = np.array([0.0, lengths[0] - 0.1, lengths[0], lengths[0] + 0.1, sum(lengths)])
    layers = Layer(0.0, 1.0, 1.0, losses[0], 1.0), Layer(lengths[0], 1.0, 1.0, losses[1], nu, gate)
    sample = Sample(edges[-1], layers, (Face(0.0), Face(0.0)))
    found = slab_response(sample, nothing, SLOW * Z, 0.0, edges, channels=("exact",))["exact"]
    unit, width, rate = SLOW / 8.0, np.diff(edges), np.repeat(losses, 2)

    def whole(name):
        return getattr(found.local, name) + getattr(found.diffusive, name)

    def as_g(spin):
        return complex(spin[2], -spin[1]) / unit

    torque, lost = width @ whole("torque"), (width * rate)[:, None] * whole("density")
    return as_g(torque), as_g(lost[:2].sum(axis=0)), as_g(lost[2:].sum(axis=0)), found


CASES = [
    ((0.3, 0.3), 0.0, 0.5, (0.1, 0.1), 1.0),
    ((-0.2 + 0.3j, 0.1j), 0.0, 0.4, (0.5, 0.1), 1.0),
    ((0.1 + 0.2j, 0.1 + 0.2j), 0.3 - 0.2j, 0.6, (0.3, 0.3), 1.0),
    ((0.2 - 0.1j, 0.5 + 0.2j), -0.1 + 0.15j, 0.5, (0.2, 1.0), 0.6),
    ((0.0, 0.0), 0.0, 1.0, (0.1, 0.4), 1.0),
    ((0.0, 0.0), 0.6j, 1.0, (0.1, 0.4), 1.0),
]


@pytest.mark.parametrize(("R", "T", "passing", "losses", "slower"), CASES)
def test_between_thick_metals(R, T, passing, losses, slower):
    """ψ₁ = g₁(1 − R₁ − T₁×) + R₁A₁ψ₁ + T₂×A₂ψ₂ and the same of the other side; of all that is pumped A returns."""
    # the smaller νv is on the right: `passing` and T are of that side, less of the left passes
    gate = magnet(R, T * slower, passing * slower, other=1.0 / slower)
    total, left, right, found = pumped(gate, losses, nu=slower)
    mediums = [Medium.reduced(1.0, 1.0 / loss) for loss in losses]
    mediums[1] = mediums[1]._replace(nu=slower * mediums[0].nu)
    expected = np.array(magnet_between_metals(R, T * slower, tuple(mediums))) / sharvin_conductance(
        mediums[0]
    )
    assert_allclose([left, right], expected, rtol=0.0, atol=1e-5 * abs(expected.sum()))
    assert abs(total - expected.sum()) < 1e-5 * abs(expected.sum())
    # through the interface no more than passes of what both metals send back
    assert_allclose(found.local.through[2], 0.0, atol=1e-15)


def test_nothing_passes_is_a_face_on_each_side():
    for R in (0.0, 0.4 - 0.3j):
        mediums = Medium.reduced(1.0, 10.0), Medium.reduced(1.0, 2.0)
        found = magnet_between_metals((R, R), 0.0, mediums)
        wanted = [complex(thick_metal_conductance(R, medium)) for medium in mediums]
        assert_allclose(found, wanted, rtol=1e-13)
    with pytest.raises(ValueError, match=r"\|R\| \+ \|T×\| ≤ 1"):
        magnet_between_metals((0.5, 0.5), 0.6, mediums)


def test_alike_metals():
    R, T, medium = 0.2 + 0.1j, 0.3j, Medium.reduced(1.0, 4.0)
    one = complex(thick_metal_conductance(0.0, medium)) / sharvin_conductance(medium)
    A = 1.0 - one
    found = magnet_between_metals((R, R), T, (medium, medium))
    assert_allclose(
        np.array(found) / sharvin_conductance(medium), (1.0 - R - T) * one / (1.0 - (R + T) * A), rtol=1e-12
    )


LAYERS = Layer(0.0, 1.0, 1.0, 0.3, 1.0), Layer(2.0, 1.0, 1.0, 0.1, 1.0)


def solved(gate, texture, J, turning=0.3 * Z, channels=("exact",)):
    """A magnet at the left, which pumps, beside another interface."""
    layers = LAYERS[0], LAYERS[1]._replace(interface=gate)
    sample = Sample(4.0, layers, (Face(0.3), Face(0.0, 0.5)))
    return slab_response(sample, texture, turning, J, [0.0, 1.0, 2.0, 4.0], channels=channels, jumps=(1.0,))


def same(one, other, atol):
    for part in ("local", "diffusive"):
        for name, value, wanted in zip(
            one.local._fields, getattr(one, part), getattr(other, part), strict=True
        ):
            assert_allclose(value, wanted, rtol=0.0, atol=atol, err_msg=f"{part} {name}")


def step(x):
    return np.where(x < 1.0, 1.0, 0.0)[:, None] * np.array([0.6, 0.0, 0.8])


@pytest.mark.parametrize("straight", [True, False])
def test_open_is_the_open_interface(straight):
    """T↑ = T↓ = T× = 1 and R = 0 emits nothing and changes nothing: whatever comes back is nobody."""
    gate = Interface(1.0, 1.0, 1.0, straight, 0.0, 1.0, (0.5j, -0.3), (0.6, 0.0, 0.8))
    assert gate.turns
    plain = None if straight else Interface(1.0, 1.0, 1.0, False)
    same(solved(gate, step, 0.7)["exact"], solved(plain, step, 0.7)["exact"], 1e-11)
    alone = solved(gate, nothing, 0.0)["exact"]
    assert not any(np.abs(part).max() > 1e-14 for both in (alone.local, alone.diffusive) for part in both)


def test_without_mixing_it_is_a_plain_interface():
    """T× = T and R = 1 − T: spin across n fares as spin along it, and nothing is emitted."""
    nearly = 1.0 + 1e-13
    gate = Interface(0.3, 0.3, 0.4, False, 0.2, nearly, (1.0, 1.0), (0.6, 0.0, 0.8))
    plain = gate._replace(passed=1.0)
    assert (gate.turns, plain.turns) == (True, False)
    same(solved(gate, step, 0.7)["exact"], solved(plain, step, 0.7)["exact"], 1e-11)


@pytest.mark.parametrize("T", [0.2, 0.65])
def test_spin_along_the_magnetization(T):
    """Where all spin is along n the mean (T↑ + T↓)/2 is all that counts: a plain interface that lets as much pass."""
    n = (0.0, 0.0, 1.0)

    def along(x):
        return np.where(x < 1.0, 1.0, 0.0)[:, None] * np.array(X)

    # at low frequency the spin born, −ω × S, is along y, and so is n
    y = (0.0, 1.0, 0.0)
    for normal, plain in ((y, True), (n, False)):
        gate = Interface(T, T, 0.3, False, 0.0, 0.2j, (0.5j, -0.3), normal)
        found = solved(gate, along, 0.0, 1e-9 * Z, ("first",))["first"]
        wanted = solved(gate._replace(passed=1.0, kept=(1.0, 1.0)), along, 0.0, 1e-9 * Z, ("first",))["first"]
        off = np.abs(found.diffusive.through[2] - wanted.diffusive.through[2]).max() / 1e-9
        assert (off < 1e-7) == plain


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("straight", [True, False])
def test_detailed_balance(dimension, straight):
    """Spin ħ²νΩ/2 along the axis of the precession is in balance with any magnet, at any Ω: nothing flows or turns."""
    n = (0.6, 0.0, 0.8)
    gates = (
        Interface(0.4, 0.4, 0.3, straight, 0.0, 0.3 - 0.6j, (0.5 + 0.2j, -0.4j), n),
        # νv of 1 and 0.5
        Interface(0.3, 0.6, 1.0, straight, 0.0, -0.8j, (0.0, -1.0), n),
    )
    layers = (
        Layer(0.0, 1.0, 1.0, 0.0, 1.0),
        Layer(1.0, 2.0, 0.7, 0.0, 0.5, gates[0]),
        Layer(1.7, 1.0, 1.2, 0.0, 0.5, gates[1]),
    )
    sample = Sample(2.5, layers, (Face(0.0, 0.4, 0.3 - 0.5j, n), Face(0.0)), dimension)
    found = slab_response(sample, nothing, 0.8 * Z, 0.2, [0.0, 1.0, 1.7, 2.5], channels=("exact",))["exact"]
    density = found.local.density + found.diffusive.density
    assert_allclose(density, np.outer([1.0, 0.5, 0.5], 0.8 / 0.4 * Z), rtol=0.0, atol=1e-8)
    for name in ("torque", "current", "through"):
        both = getattr(found.local, name) + getattr(found.diffusive, name)
        assert_allclose(both, 0.0, atol=1e-8)


@pytest.mark.parametrize("flip", [0.0, 0.4])
def test_the_budget_of_each_cell(flip):
    """Torque = what flows out + what relaxes and is lost − what the frame turns, in the cells on both sides too."""
    n, omega = (0.6, 0.0, 0.8), 0.3
    gate = Interface(0.3, 0.6, 0.4, True, flip, 0.4 - 0.5j, (0.2j, -0.7), n)
    layers = Layer(0.0, 1.0, 1.0, 0.3, 1.0), Layer(1.0, 1.0, 0.8, 0.1, 0.5, gate)
    edges = np.array([0.0, 0.4, 1.0, 1.3, 2.5])
    sample = Sample(2.5, layers, (Face(0.5, 0.4), Face(0.0, 0.4)))
    found = slab_response(sample, nothing, omega * Z, 0.0, edges, channels=("exact",))["exact"]

    def whole(name):
        return getattr(found.local, name) + getattr(found.diffusive, name)

    density, width = whole("density"), np.diff(edges)[:, None]
    out = np.diff(whole("through"), axis=0) / width + np.array([0.3, 0.3, 0.1, 0.1])[:, None] * density
    out += whole("lost") - np.cross(density, omega * Z)
    assert_allclose(whole("torque"), out, rtol=0.0, atol=1e-7)
    assert (np.abs(whole("torque")[1:3]).max(axis=1) > 0.01).all()
    assert not whole("torque")[[0, 3]].any()
    # and at the interface between what comes and what goes
    sides = whole("current")[2]
    change = width[1:3] * (whole("torque") - whole("lost"))[1:3]
    assert_allclose(sides, whole("through")[2] + [[-1.0], [1.0]] * change, rtol=0.0, atol=1e-7)


def test_only_rigid_precessions():
    gate = magnet((0.3, 0.3), 0.0, 0.5)
    sample = Sample(2.0, (LAYERS[0], LAYERS[1]._replace(start=1.0, interface=gate)), (Face(0.0), Face(0.0)))
    with pytest.raises(ValueError, match="rigid precession"):
        periodic_response(sample, Cycle(lambda x, t: nothing(x), 0.1, 1), 0.0, [0.0, 1.0, 2.0], 1)
