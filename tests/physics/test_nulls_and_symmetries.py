"""What must vanish, what must not change, and every sign.

Where the walk itself has a symmetry the two sides are equal to rounding; where only the physics has it they agree
within errors, which must be at most 1 % of the quantity that would appear if the symmetry were broken.
"""

import numpy as np
import pytest
from walks import (
    COS,
    COS2,
    DC,
    FIRST,
    LOCAL,
    SECOND,
    SIN,
    SIN2,
    X,
    Y,
    Z,
    assert_agrees,
    changed,
    medium_of,
    problem_of,
    reduced_deck,
    walk,
    waves_of,
)

from mcpump import theory

OMEGA, LENGTH = 0.1, 5.0
CONE = {"cone_angle": 1.0, "angular_frequency": OMEGA}
TEXTURES = {
    "uniform": {"kind": "uniform", **CONE},
    "spiral": {"kind": "spiral", "wavenumber": 2.0 * np.pi / LENGTH, **CONE},
    "modulated": {
        "kind": "modulated", "wavenumber": 2.0 * np.pi / LENGTH, "mean": 0.3, "depth": 1.0, "phase": 0.5, **CONE,
    },
    "junction": {"kind": "junction", "interface": 2.5, "width": 0.5, **CONE},
}  # fmt: skip
FACES = {"junction": ("specular", "absorbing")}


def sample(name, faces=None, walkers=65536, cells=20, harmonics=2, **changes):
    faces = faces or FACES.get(name, ("periodic", "periodic"))
    settings = {
        "length": LENGTH, "faces": faces, "cells": cells, "tau_sf": 10.0, "harmonics": harmonics, "walkers": walkers,
        "planes": [0.0, 0.4 * LENGTH, 0.5 * LENGTH, LENGTH],
    }  # fmt: skip
    return reduced_deck(TEXTURES[name], **(settings | changes))


def all_numbers(blocks):
    """Every number of a walk, by name."""
    return {name: value for name, value in blocks._asdict().items() if name != "flights"}


@pytest.mark.parametrize("name", TEXTURES)
@pytest.mark.parametrize("change", [{"texture__angular_frequency": 0.0}, {"texture__cone_angle": 0.0}])
def test_a_texture_that_does_not_move_pumps_nothing(name, change):
    for values in all_numbers(
        walk(problem_of(changed(sample(name, walkers=2048, block=128), **change)))
    ).values():
        assert not np.any(values)


@pytest.mark.parametrize(
    ("faces", "dimension"),
    [
        (("periodic", "periodic"), 3),
        (("specular", "specular"), 1),
        (("diffuse", "diffuse"), 2),
        (("specular", "diffuse"), 3),
    ],
)
def test_a_uniform_texture_drives_no_current(faces, dimension):
    # Errors against the local density × v_F. A diffuse face ends first flights, which freezes the spins of `second`: its
    # source is weaker there, though the texture is uniform, and spin flows to such a face. `first` knows no such thing.
    problem = problem_of(
        sample("uniform", faces, walkers=1048576, block=4096, harmonics=1, dimension=dimension)
    )
    blocks = walk(problem)
    passages, flux = blocks.passages.sum(axis=1), blocks.flux.sum(axis=1)
    seen = [(FIRST, COS, X), (FIRST, SIN, X), (FIRST, SIN, Y)]
    if "diffuse" not in faces:
        seen += [(SECOND, DC, Z), (SECOND, COS, X)]
    for channel, harmonic, component in seen:
        at = (channel, DC, Z) if harmonic == DC else (channel, slice(COS, SIN + 1), component)
        scale = np.sqrt((blocks.density[(slice(None), LOCAL, *at)].mean(axis=(0, -1)) ** 2).sum())
        what = f"channel {channel} harmonic {harmonic} component {component}"
        assert_agrees(passages[:, channel, harmonic, component], 0.0, what + " planes", scale)
        assert_agrees(flux[:, channel, harmonic, component].mean(axis=-1), 0.0, what + " mean", scale)
    if faces[0] != "periodic":
        assert not np.any(passages[..., 0])
        assert not np.any(passages[..., -1])


@pytest.mark.parametrize("name", TEXTURES)
def test_linear_polarization_pumps_no_dc(name):
    # S moves along one line: the vector product of its moving part with itself vanishes, walker by walker.
    blocks = walk(problem_of(changed(sample(name, walkers=16384, block=1024), texture__ellipticity=0.0)))
    reach = np.abs(blocks.torque[:, SECOND, COS : SIN + 1]).max()
    assert reach > 0.0
    for values in (blocks.torque[:, SECOND], blocks.density[:, :, SECOND], blocks.flux[:, :, SECOND]):
        for harmonic in (DC, COS2, SIN2):
            # harmonic is the third axis from the end
            assert not np.any(np.abs(values[..., harmonic, :, :]) > 1e-12 * reach)
    assert not np.any(np.abs(blocks.passages[:, :, SECOND, DC]) > 1e-12 * reach)


@pytest.mark.parametrize("name", TEXTURES)
def test_reversed_texture_flips_the_odd_order_and_keeps_the_even_one(name):
    problem = problem_of(sample(name, walkers=16384, block=1024))
    texture = problem.scene.parameters
    C, P, Q = (np.array(texture[4 + 3 * i : 7 + 3 * i]) for i in range(3))
    flipped = (*texture[:4], *-C, *-P, *-Q, *texture[13:])
    old, new = walk(problem), walk(problem._replace(scene=problem.scene._replace(parameters=flipped)))
    for field, values in all_numbers(old).items():
        axis = {"density": 2, "flux": 2, "torque": 1, "passages": 2, "budget": 2, "means": 2}[field]
        signs = np.ones(values.shape[axis])
        signs[FIRST] = -1.0
        shape = [1] * values.ndim
        shape[axis] = -1
        expected = values * signs.reshape(shape)
        # the channel `sum` mixes both orders
        take = [slice(None)] * values.ndim
        take[axis] = slice(0, 2)
        found, expected = all_numbers(new)[field][tuple(take)], expected[tuple(take)]
        np.testing.assert_allclose(
            found, expected, rtol=1e-10, atol=1e-12 * np.abs(expected).max(), err_msg=field
        )


def test_spin_axes_may_be_permuted():
    # Precession about x instead of z: (x, y, z) → (y, z, x), with the same walkers.
    for name in TEXTURES:
        deck = sample(name, walkers=16384, block=1024)
        old, new = walk(problem_of(deck)), walk(problem_of(changed(deck, texture__axis=[1.0, 0.0, 0.0])))
        for field, values in all_numbers(old).items():
            axis = values.ndim - (1 if field in ("budget", "means") else 2)
            size = np.abs(values).max()
            np.testing.assert_allclose(
                all_numbers(new)[field],
                np.roll(values, 1, axis=axis),
                rtol=1e-10,
                atol=1e-12 * size,
                err_msg=field,
            )


def test_any_axis_gives_the_same_spin_along_it():
    axis = np.array([1.0, 2.0, -2.0]) / 3.0
    deck = sample("junction", walkers=32768, block=1024)
    old, new = walk(problem_of(deck)), walk(problem_of(changed(deck, texture__axis=list(axis))))
    along = np.einsum("...cx,c->...x", new.passages, axis)
    size = np.abs(old.passages[:, :, SECOND, DC, Z]).max()
    np.testing.assert_allclose(along[:, :, SECOND, DC], old.passages[:, :, SECOND, DC, Z], atol=1e-10 * size)
    np.testing.assert_allclose(along[:, :, FIRST], 0.0, atol=1e-10 * np.abs(old.passages).max())


def test_mirrored_sample():
    # f(L − x) with the faces exchanged: densities are mirrored, currents are mirrored and flipped.
    q = 2.0 * np.pi / LENGTH
    deck = sample("modulated", ("absorbing", "diffuse"), walkers=1048576, block=4096, harmonics=1, cells=10)
    mirror = changed(
        deck, texture__phase=-(q * LENGTH + 0.5), sample__x__left="diffuse", sample__x__right="absorbing", run__seed=2,
        results__planes=[0.0, 0.5 * LENGTH, 0.6 * LENGTH, LENGTH],
    )  # fmt: skip
    old, new = walk(problem_of(deck)), walk(problem_of(mirror))
    for channel, harmonic, component in ((FIRST, COS, X), (FIRST, SIN, X), (SECOND, DC, Z)):
        what = f"channel {channel} harmonic {harmonic}"
        for field, sign in (("density", 1.0), ("flux", -1.0), ("passages", -1.0)):
            a = getattr(old, field)[:, :, channel, harmonic, component].sum(axis=1)
            b = getattr(new, field)[:, :, channel, harmonic, component].sum(axis=1)[..., ::-1]
            assert_agrees(a - sign * b, 0.0, f"{what} {field}", np.abs(a.mean(axis=0)).max(), small=0.012)


def test_sign_of_the_first_order_current():
    # j = ħνJτD ∇⟨Ṡ⟩ with S_x = sinθ cos(qx + Ωt): −(ħνJΩ sinθ/q) cos(qx + Ωt) for Ωτ ≪ (qℓ)²/3 ≪ 1 — and
    # local + diffusive at any qℓ. At x = 0 and t = 0 the spin flows towards −x.
    problem = problem_of(
        reduced_deck(
            {"kind": "spiral", "wavenumber": 0.5, "cone_angle": 1.0, "angular_frequency": 1e-5}, length=4.0 * np.pi,
            faces=("periodic", "periodic"), walkers=262144, block=4096, cells=16,
        )
    )  # fmt: skip
    x = (np.arange(16) + 0.5) * (4.0 * np.pi / 16)
    flux = walk(problem).flux.sum(axis=1)[:, FIRST] / np.sinc(1.0 / 16)
    size = 1e-5 * np.sin(1.0) / 0.5
    assert_agrees(2.0 * (flux[:, COS, X] * np.cos(0.5 * x)).mean(axis=-1), -size, "x cos")
    assert_agrees(2.0 * (flux[:, SIN, X] * np.sin(0.5 * x)).mean(axis=-1), size, "x sin")
    assert_agrees(2.0 * (flux[:, COS, Y] * np.sin(0.5 * x)).mean(axis=-1), -size, "y cos")
    paper = theory.harmonics(
        theory.first_order_current(waves_of(problem), medium_of(problem)), [0.0], 1e-5, 1
    )
    assert paper[COS, X, 0] == pytest.approx(-size, rel=1e-3)


def test_sign_of_the_torque_is_that_of_S_cross_S_dot():
    # T → 2νJ²τ S×Ṡ, Eq. (26), up to terms of order Ωτ. For S = (sinθ cos Ωt, ±sinθ sin Ωt, cosθ)
    # S×Ṡ = Ω sinθ (∓cosθ cos Ωt, −cosθ sin Ωt, ±sinθ).
    deck = changed(
        sample("uniform", harmonics=1, tau_sf="none", walkers=65536, block=1024),
        texture__angular_frequency=1e-6,
    )
    for sense in (1.0, -1.0):
        problem = problem_of(changed(deck, texture__ellipticity=sense))
        unit = 2.0 * problem.scene.exchange * 1e-6 * np.sin(1.0)
        torque = walk(problem).torque[:, SECOND].mean(axis=(0, -1))
        assert torque[DC, Z] == pytest.approx(sense * unit * np.sin(1.0), rel=1e-6)
        assert torque[COS, X] == pytest.approx(-sense * unit * np.cos(1.0), rel=1e-6)
        assert torque[SIN, Y] == pytest.approx(-unit * np.cos(1.0), rel=1e-6)


def test_sign_of_the_spins_turn():
    # ds/dt = (2J/ħ) s×S. The emitted spin −ħνJṠ at t = 0 points along −y for S in the x–z plane; turned
    # about S = (sinθ, 0, cosθ) it gains −y × S ∝ (−cosθ, 0, sinθ): up along z for either sense of cosθ.
    for angle in (1.0, np.pi - 1.0):
        deck = changed(sample("uniform", harmonics=1, walkers=65536, block=1024), texture__cone_angle=angle)
        blocks = walk(problem_of(deck))
        assert np.all(blocks.density.sum(axis=1).mean(axis=-1)[:, SECOND, DC, Z] > 0.0)
        assert np.all(np.sign(blocks.torque.mean(axis=-1)[:, SECOND, COS, X]) == -np.sign(np.cos(angle)))
        # what is emitted: −Ṡ = Ω sinθ (sin Ωt, −cos Ωt, 0)
        assert np.all(blocks.budget[:, 0, FIRST, COS, Y] < 0.0)
        assert np.all(blocks.budget[:, 0, FIRST, SIN, X] > 0.0)


def test_sign_of_the_pumped_dc_current():
    # A magnet on the left with S along +z, precessing counter-clockwise about it, pumps spin +z to the right;
    # the other sense pumps −z.
    for sense in (1.0, -1.0):
        deck = changed(
            sample("junction", harmonics=1, walkers=262144, block=4096), texture__ellipticity=sense
        )
        blocks = walk(problem_of(deck))
        dc = sense * blocks.passages.sum(axis=1)[:, SECOND, DC, Z]
        assert np.all(dc[:, 0] == 0.0)
        mean, error = dc.mean(axis=0), dc.std(axis=0, ddof=1) / np.sqrt(len(dc))
        assert np.all(mean[1:] > 10.0 * error[1:])
        assert np.all(sense * blocks.budget.mean(axis=0)[5, SECOND, DC, Z] > 0.0)
