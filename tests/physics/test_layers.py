"""Stacks of layers: equilibrium, Valet–Fert, interfaces, mirror symmetry.

The oracle is `ordinates`, deterministic transport with the same faces and interfaces. Diffusion theory with its
boundary layers (`diffusion_stack`, `interface_resistance`) is held against both where ℓ is small, to stated orders.
"""

import numpy as np
import pytest
from general_walks import CLOSED, assert_in, assert_no_chi2_alarm, general_deck, general_walk
from ordinates import coarse, solve
from walks import COS, LOCAL, Y, Z, assert_near, jackknife, problem_of

from mcpump import theory
from mcpump.theory.boundary_layer import interface_resistance
from mcpump.theory.diffusion_stack import diffusion_stack

SLOW = 1e-6
"""Ωτ of a uniform precession so slow that its first order is a static source: −Ṡ_y = −Ω sin θ cos Ωt."""
TEXTURE = {"kind": "uniform", "cone_angle": np.pi / 2.0, "angular_frequency": SLOW}


def media_of(scene):
    return [
        theory.Medium(one.v, 1.0 / one.rate, 1.0, one.nu, 1.0 / (one.gamma_sf or 1e-99), scene.dimension, 1.0)
        for one in scene.layers
    ]  # fmt: skip


STACKS = {
    "two metals": [
        {
            "start": 1.5, "fermi_velocity": 2.0, "density_of_states": 0.4, "mean_free_path": 0.7, "transmission": 0.6,
            "specularity": 0.3,
        }
    ],
    "three metals": [
        {"start": 1.0, "fermi_velocity": 0.5, "transmission": 1.0, "passage": "diffuse"},
        {"start": 2.0, "density_of_states": 3.0, "mean_free_path": 0.5, "transmission": 0.3, "specularity": 0.0},
    ],
    "a thin layer": [
        {"start": 1.2, "density_of_states": 2.0, "transmission": 0.5, "specularity": 0.5},
        {"start": 1.4, "fermi_velocity": 1.5, "transmission": 0.8, "passage": "diffuse"},
    ],
}  # fmt: skip
WALLS = {"smooth": CLOSED, "rough": ("diffuse", {"specularity": 0.4})}


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("walls", WALLS)
@pytest.mark.parametrize("stack", STACKS)
def test_uniform_equilibrium_stays_uniform(stack, walls, dimension):
    # A density proportional to ν, born at t = 0: in every cell and time bin, 5 coarse groups at a time, and no current.
    deck = general_deck(
        None, x=(3.0, 10), faces=WALLS[walls], walkers=64 * 256, block=256, dimension=dimension, channels=("first",),
        layers=STACKS[stack], time=(4.0, 2), initial={"spin": [0.0, 0.0, 1.0]}, planes=[0.6, 1.2, 2.4],
    )  # fmt: skip
    problem = problem_of(deck)
    scene = problem.scene
    blocks = general_walk(problem)
    edges = np.linspace(0.0, 3.0, 11)
    starts = np.array([layer.start for layer in scene.layers] + [3.0])
    overlap = np.maximum(
        np.minimum(edges[1:, None], starts[1:]) - np.maximum(edges[:-1, None], starts[:-1]), 0.0
    )
    nu = overlap @ np.array([layer.nu for layer in scene.layers]) / 0.3
    density = blocks.density.sum(axis=1)[:, 0, 0, Z, :, 0, 0] / nu[:, np.newaxis]
    assert_in(density.mean(axis=1), 1.0, "density", small=0.02)
    grouped = density.reshape(64, 5, 2, 2).mean(axis=2) - 1.0
    current = blocks.passages.sum(axis=1)[:, 0, 0, Z]
    for bin_ in range(2):
        assert_no_chi2_alarm(grouped[..., bin_], f"density in bin {bin_}")
        assert_no_chi2_alarm(current[..., bin_], f"current in bin {bin_}")
    for name in ("left_at_left", "left_at_right"):
        assert not np.any(blocks.budget[name])


def static(blocks):
    """Amplitude of what follows −Ṡ_y/Ω = −cos Ωt, in phase: (blocks, part, …) of density, flux, passages."""
    return (
        blocks.density[:, :, 0, COS, Y, :, 0, 0, 0] / -SLOW,
        blocks.flux[:, :, 0, 0, COS, Y, :, 0, 0, 0] / -SLOW,
        blocks.passages[:, :, 0, COS, Y, :, 0] / -SLOW,
    )


def emitting(scene, edges, end):
    """Source 1 × ν up to x = end."""
    middle = 0.5 * (edges[1:] + edges[:-1])
    return np.where(middle < end, scene.layers[0].nu, 0.0)


MAGNET = {"kind": "junction", "cone_angle": np.pi / 2.0, "angular_frequency": SLOW, "width": 0.0}


def layered(thickness, lam, magnet=1.0, cells=None, planes=(), dimension=3, walkers=128 * 512, **gate):
    """A magnet without relaxation, and a metal with spin diffusion length lam and a closed far face."""
    return general_deck(
        {**MAGNET, "interface": magnet}, x=(magnet + thickness, cells or round(magnet + thickness)), faces=CLOSED,
        walkers=walkers, block=512, dimension=dimension, channels=("first",),
        layers=[{"start": magnet, "spin_diffusion_length": lam, **gate}],
        planes=[magnet + thickness * share for share in (0.0, *planes)],
    )  # fmt: skip


def test_oracle_has_the_valet_fert_law_and_its_corrections():
    # Rows 11 and 12 of the validation: what is left is of order (ℓ/λ_s)², 0.3 of it.
    for lam in (5.0, 20.0):
        tolerance = 0.4 / lam**2
        scene = problem_of(layered(2.0 * lam, lam)).scene
        edges = np.linspace(0.0, 1.0 + 2.0 * lam, 20 * round(1.0 + 2.0 * lam) + 1)
        start = np.argmin(np.abs(edges - 1.0))
        flux = solve(scene, emitting(scene, edges, 1.0), edges).flux.real[start:]
        assert flux[0] == pytest.approx(1.0, abs=1e-9)  # all that is emitted enters the metal
        assert flux[len(flux) // 2] == pytest.approx(0.324027, rel=tolerance)
        assert np.trapezoid(flux) / (len(flux) - 1) == pytest.approx(0.380797, rel=tolerance)
    for ratio, expected in ((1.0, 0.462117), (2.0, 0.380797), (10.0 / 3.0, 0.279333), (20.0 / 3.0, 0.149619)):
        assert theory.layer_mean_current(ratio, 1.0) == pytest.approx(expected, abs=1e-6)


def test_valet_fert_profile():
    lam = 5.0
    problem = problem_of(layered(2.0 * lam, lam, cells=11, planes=(0.25, 0.5, 1.0)))
    scene = problem.scene
    blocks = general_walk(problem)
    density, flux, passages = static(blocks)
    edges = np.linspace(0.0, 11.0, 221)
    exact = solve(scene, emitting(scene, edges, 1.0), edges)
    local = solve(scene, emitting(scene, edges, 1.0), edges, local=True)
    wanted = np.array([local.density.real, (exact.density - local.density).real])
    wanted = np.array([coarse(part, 11) for part in wanted])
    assert_in(density, wanted, "density", wanted.sum(axis=0), small=0.03)
    at_planes = np.round(np.array(scene.planes) * 20).astype(int)
    assert_in(passages.sum(axis=1), exact.flux.real[at_planes], "current", 1.0, small=0.02)
    assert_in(passages[:, LOCAL], local.flux.real[at_planes], "local current", 1.0, small=0.02)
    between = 0.5 * (exact.flux.real[1:] + exact.flux.real[:-1])
    assert_in(flux.sum(axis=1), coarse(between, 11), "current in cells", 1.0, small=0.03)
    # Valet–Fert half-way, row 11, within the correction that the test above shows
    ratio, error = jackknife(passages.sum(axis=1), lambda m: m[1:3] / m[0])
    law = theory.layer_current(np.array([0.5, 1.0]) * lam, 2.0 * lam, lam)
    assert law[1] == pytest.approx(0.324027, abs=1e-6)
    assert np.all(np.abs(ratio - law) <= 4.0 * error + 0.4 / lam**2 * law)
    assert np.all(error <= 0.02)
    assert np.all(np.abs(passages[:, :, 3]) == 0.0)


@pytest.mark.parametrize(("ratio", "law"), [(1.0, 0.462117), (2.0, 0.380797), (10.0 / 3.0, 0.279333)])
def test_thickness_law_of_the_mean_current(ratio, law):
    lam, magnet = 3.0, 0.5
    thickness = ratio * lam
    problem = problem_of(layered(thickness, lam, magnet=magnet, cells=1, walkers=96 * 512))
    scene = problem.scene
    _, flux, passages = static(general_walk(problem))
    fine = 240
    edges = np.concatenate(
        [np.linspace(0.0, magnet, 21)[:-1], np.linspace(magnet, magnet + thickness, fine + 1)]
    )
    exact = solve(scene, emitting(scene, edges, magnet), edges).flux.real
    mean = np.sum(0.5 * (exact[1:] + exact[:-1]) * np.diff(edges)) / (magnet + thickness)
    assert_in(flux.sum(axis=(1, 2)), mean, "mean current over the sample", small=0.02)
    # over the metal alone: less that of the magnet, where the current grows as x from 0 to that at the interface
    both = np.stack([flux.sum(axis=(1, 2)), passages.sum(axis=1)[:, 0]], axis=1)

    def over_metal(m):
        return (m[0] * (magnet + thickness) / m[1] - 0.5 * magnet) / thickness

    found, error = jackknife(both, over_metal)
    assert_near(found, error, np.trapezoid(exact[20:]) / fine / magnet, "mean current", small=0.02)
    assert abs(found - law) <= 4.0 * error + 0.4 / lam**2 * law


@pytest.mark.parametrize(
    ("gate", "dimension"),
    [
        ({"transmission": 0.2, "specularity": 1.0, "density_of_states": 2.0}, 3),
        ({"transmission": 0.5, "specularity": 0.0, "passage": "diffuse", "fermi_velocity": 0.5}, 2),
        ({"transmission": 0.4, "mean_free_path": 0.5, "density_of_states": 0.5}, 1),
    ],
)  # fmt: skip
def test_interface_reduces_the_current_as_transport_and_diffusion_theory_say(gate, dimension):
    # An emitting layer that relaxes, an interface, and a metal that relaxes: what crosses is a matter of resistances.
    lam, magnet, metal = 2.5, 3.0, 4.0
    deck = layered(metal, lam, magnet=magnet, cells=7, dimension=dimension, walkers=128 * 512, **gate)
    deck["electrons"]["spin_relaxation_time"] = dimension * lam**2
    deck["results"]["planes"] = [2.0, 3.0, 5.0]
    problem = problem_of(deck)
    scene = problem.scene
    density, _, passages = static(general_walk(problem))
    edges = np.linspace(0.0, 7.0, 281)
    source = emitting(scene, edges, magnet)
    exact, local = solve(scene, source, edges), solve(scene, source, edges, local=True)
    wanted = np.array([coarse(x.real, 7) for x in (local.density, exact.density - local.density)])
    assert_in(density, wanted, "density", wanted.sum(axis=0), small=0.03)
    wanted = np.array([x[[80, 120, 200]].real for x in (local.flux, exact.flux - local.flux)])
    # The parts at the interface itself are a matter of words: a diffuse passage begins as local and ends as diffusive.
    assert_in(passages[:, :, [0, 2]], wanted[:, [0, 2]], "current", wanted.sum(axis=0)[[0, 2]], small=0.05)
    assert_in(passages.sum(axis=1), wanted.sum(axis=0), "current", small=0.05)
    # diffusion theory with the interface's exact resistance: error of order (ℓ/λ_s)²
    media = media_of(scene)
    R = interface_resistance(
        *media, gate["transmission"], gate.get("specularity", 1.0), "passage" not in gate
    )
    through = diffusion_stack(source, edges, media, [0.0, magnet], [0.0, R]).flux.real[120]
    without = diffusion_stack(source, edges, media, [0.0, magnet]).flux.real[120]
    assert exact.flux[120].real == pytest.approx(through, rel=0.4 / lam**2)
    assert through < 0.9 * without
    found = passages.sum(axis=1)[:, 1]
    assert abs(found.mean() - through) <= 4.0 * found.std() / np.sqrt(len(found)) + 0.4 / lam**2 * through


def test_symmetric_stack_has_a_mirror_symmetric_answer():
    # density and torque even, current odd about the middle; `second` too, at a frequency at which all harmonics are there
    layers = [
        {
            "start": 1.0,
            "density_of_states": 2.0,
            "fermi_velocity": 0.6,
            "transmission": 0.5,
            "specularity": 0.4,
        },
        {"start": 3.0, "transmission": 0.5, "specularity": 0.4},
    ]
    deck = general_deck(
        {"kind": "uniform", "cone_angle": 1.0, "angular_frequency": 0.3}, x=(4.0, 8), walkers=128 * 512, block=512,
        faces=({"absorption": 0.3, "specularity": 0.5},) * 2, tau_sf=5.0, layers=layers, exchange=0.5,
        channels=("first", "second", "exact"), planes=[0.0, 1.0, 3.0, 4.0],
    )  # fmt: skip
    blocks = general_walk(problem_of(deck))
    for part, channel, harmonic, component in np.ndindex(2, 3, 3, 3):
        what = f"part {part}, channel {channel}, harmonic {harmonic}, component {component}"
        at = part, channel, harmonic, component
        for kind, sign, name in (
            (blocks.density, -1.0, "density"),
            (blocks.torque, -1.0, "torque"),
            (blocks.flux[:, :, 0], 1.0, "flux"),
        ):
            profile = kind[:, *at, :, 0, 0, 0]
            assert_no_chi2_alarm((profile + sign * profile[:, ::-1])[:, :4], f"{name}, {what}")
        plane = blocks.passages[:, *at, :, 0]
        assert_no_chi2_alarm((plane + plane[:, ::-1])[:, :2], f"passages, {what}")
    current = blocks.passages.sum(axis=1)[:, 0, COS, Y, 0]
    assert np.abs(current.mean()) > 20.0 * current.std() / np.sqrt(len(current))  # there is something to see
