"""The spin Hall drive, Eq. (19): a bar with closed faces against diffusion theory and against discrete directions.

The field lies along y and the mesh along x, so that J_x^z = σ_SH E_y.
"""

import numpy as np
import pytest
from general_walks import CLOSED, assert_in, assert_no_chi2_alarm, general_deck, general_walk
from ordinates import coarse, solve
from walks import DC, DIFFUSIVE, LOCAL, X, Y, Z, changed, problem_of

from mcpump import theory

J = 0.7
FIELD = {"field": J, "direction": [0.0, 1.0, 0.0], "spin_hall_conductivity": 1.0}
ROUGH = ("diffuse", "diffuse")
MIXED = ({"specularity": 0.4}, {"absorption": 0.3, "specularity": 0.5})
BLOCKS = 128


def bar(width, cells, tau_sf, walkers, faces=CLOSED, field=FIELD, **options):
    """A bar across x with planes at its faces, its middle and a quarter."""
    options = {"planes": [0.0, 0.25 * width, 0.5 * width, width]} | options
    return general_deck(
        None, x=(width, cells), faces=faces, walkers=BLOCKS * walkers, block=walkers, tau_sf=tau_sf,
        electric_field=field, **options,
    )  # fmt: skip


def density_and_flux(blocks):
    """Spin z of both parts in cells, its current in cells and through planes: (blocks, …)."""
    at = blocks.at("spin_hall")
    return (
        blocks.density[:, :, at, DC, Z, :, 0, 0, 0].sum(axis=1),
        blocks.flux[:, :, 0, at, DC, Z, :, 0, 0, 0].sum(axis=1),
        blocks.passages[:, :, at, DC, Z, :, 0].sum(axis=1),
    )


def assert_closed_books(blocks):
    """Emitted = relaxed + left in every block, to the rounding of what one face bears: both together may cancel."""
    at = blocks.at("spin_hall")
    lines = {name: line[:, at] for name, line in blocks.budget.items()}
    gone = sum(line for name, line in lines.items() if name not in ("emitted", "torque"))
    assert not np.any(lines["torque"])
    assert np.abs(lines["emitted"] - gone).max() <= 1e-12 * J


@pytest.mark.parametrize(("faces", "order"), [(CLOSED, 0.5 / 64.0), (ROUGH, 0.12)], ids=["smooth", "rough"])
def test_a_thick_bar_has_the_current_and_density_of_diffusion_theory(faces, order):
    """ℓ = λ_s/8, L = 3 λ_s: up to order (ℓ/λ_s)² between mirrors, ℓ/λ_s between rough faces."""
    lam, width, cells = 8.0, 24.0, 24
    problem = problem_of(bar(width, cells, 3.0 * lam**2, 64, faces, planes=[0.0, 6.0, 12.0, 24.0]))
    blocks = general_walk(problem)
    assert_closed_books(blocks)
    density, flux, passages = density_and_flux(blocks)
    middle = (np.arange(cells) + 0.5) * width / cells - 0.5 * width
    wanted = theory.spin_hall_bar_density(middle, width, lam, 1.0 / 3.0, J)
    odd = 0.5 * (density - density[:, ::-1])
    scale = np.abs(wanted).max()
    assert_near_theory(odd, wanted, order * scale, 0.04 * scale)
    wanted = theory.spin_hall_bar_current(middle, width, lam, J)
    assert_near_theory(0.5 * (flux + flux[:, ::-1]), wanted, order * J, 0.03 * J)
    assert not np.any(passages[:, [0, 3]])
    wanted = theory.spin_hall_bar_current(np.array([-6.0, 0.0]), width, lam, J)
    assert_near_theory(passages[:, 1:3], wanted, order * J, 0.03 * J)


def assert_near_theory(samples, wanted, order, small):
    """Demand agreement within 4 standard errors and an order of the theory's, and small errors."""
    mean, error = samples.mean(axis=0), samples.std(axis=0, ddof=1) / np.sqrt(len(samples))
    assert np.all(np.abs(mean - wanted) <= 4.0 * error + order), np.abs(mean - wanted) / (4.0 * error + order)
    assert np.all(error <= small), error.max() / small


def oracle(scene, cells, local=False, refined=40):
    """Density in cells and walked flux on their edges, by discrete directions, of the drive in a stack."""
    edges = np.linspace(0.0, scene.lengths[0], cells * refined + 1)
    hall = np.array([layer.hall[1] for layer in scene.layers])
    source, h = np.zeros(len(edges) - 1), edges[1]
    for layer, step in zip(scene.layers[1:], hall[:-1] - hall[1:], strict=True):
        at = round(layer.start / h)
        source[at - 1 : at + 1] += 0.5 * step / h
    absorbed = np.array(scene.absorption[:2])
    sent = (1.0 - absorbed) * [-hall[0], hall[-1]]
    found = solve(scene, source, edges, local=local, sent=sent)
    return coarse(found.density.real, cells), found.flux.real[::refined]


@pytest.mark.parametrize(
    ("faces", "dimension"), [(CLOSED, 3), (ROUGH, 3), (MIXED, 3), (ROUGH, 2), (CLOSED, 2), (ROUGH, 1)]
)
def test_a_bar_of_a_few_mean_free_paths(faces, dimension):
    """Beyond diffusion: density of both parts, and current through planes, by discrete directions."""
    cells, width = 6, 2.4
    planes = list(np.linspace(0.0, width, cells + 1))
    problem = problem_of(bar(width, cells, 4.0, 256, faces, dimension=dimension, planes=planes))
    scene, blocks = problem.scene, general_walk(problem)
    assert_closed_books(blocks)
    at = blocks.at("spin_hall")
    for part, name in ((LOCAL, "local"), (DIFFUSIVE, "diffusive")):
        first, first_flux = oracle(scene, cells, local=True)
        both, both_flux = oracle(scene, cells)
        wanted, flux = (first, first_flux) if part == LOCAL else (both - first, both_flux - first_flux)
        density = blocks.density[:, part, at, DC, Z, :, 0, 0, 0]
        scale = np.sqrt((both**2).mean())
        assert_no_chi2_alarm(density - wanted, f"{name} density")
        assert_in(density, wanted, f"{name} density", scale, small=0.04)
        # the drive counts as local
        flux = flux + J if part == LOCAL else flux
        through = blocks.passages[:, part, at, DC, Z, :, 0]
        assert_in(through[:, 1:-1], flux[1:-1], f"{name} current", J, small=0.02)
    # a face lets through what it absorbs
    through = blocks.passages[:, :, at, DC, Z, :, 0].sum(axis=1)[:, [0, -1]]
    assert_in(through, both_flux[[0, -1]] + J, "current at the faces", J, small=0.02)
    assert not np.any(blocks.density[:, :, at, DC, [X, Y]])
    # continuity cell by cell: what flows out has relaxed
    divergence = blocks.divergence[:, :, at, DC, Z, :, 0, 0, 0].sum(axis=1)
    total = blocks.density[:, :, at, DC, Z, :, 0, 0, 0].sum(axis=1)
    assert_no_chi2_alarm(divergence + total / 4.0, "divergence + density/τ_sf")


def test_a_thin_bar_between_mirrors_is_as_diffusion_theory_says():
    """Between mirrors a drive without relaxation is balanced exactly by the density J x/D, however thin the bar."""
    problem = problem_of(bar(1.0, 4, "none", 512))
    density, flux, _ = density_and_flux(general_walk(problem))
    wanted = 3.0 * J * np.array([-0.375, -0.125, 0.125, 0.375])
    odd = 0.5 * (density - density[:, ::-1])
    assert_near_theory(odd, wanted, 0.005 * J, 0.05 * J)
    assert_near_theory(flux, 0.0 * wanted, 0.005 * J, 0.04 * J)


def test_a_drive_in_one_of_two_layers_begins_at_the_jump():
    """Births at the face and, isotropic, at the jump; against discrete directions and, ℓ ≪ λ_s, diffusion theory."""
    lam, start, width, cells = 4.0, 4.0, 16.0, 16
    tau_sf = 3.0 * lam**2
    field = FIELD | {"between": [0.0, start]}
    problem = problem_of(bar(width, cells, tau_sf, 128, field=field, planes=[0.0, 2.0, start, 8.0, width]))
    scene, blocks = problem.scene, general_walk(problem)
    assert [layer.hall[1] for layer in scene.layers] == [J, 0.0]
    assert_closed_books(blocks)
    density, _, passages = density_and_flux(blocks)
    wanted, flux = oracle(scene, cells)
    scale = np.abs(wanted).max()
    assert_in(density, wanted, "density", scale, small=0.03)
    assert_in(passages[:, 1:4], flux[[2, 4, 8]] + [J, 0.5 * J, 0.0], "current", J, small=0.03)

    # J [G(x, start) − G(x, 0)] with G between closed faces
    middle = (np.arange(cells) + 0.5) * width / cells

    def green(x0):
        low, high = np.minimum(middle, x0), np.maximum(middle, x0)
        return 3.0 * lam * np.cosh(low / lam) * np.cosh((width - high) / lam) / np.sinh(width / lam)

    diffusive = J * (green(start) - green(0.0))
    assert np.abs(diffusive - wanted).max() <= 0.06 * scale
    assert_near_theory(density, diffusive, 0.06 * scale, 0.03 * scale)


def test_a_periodic_uniform_sample_has_the_drive_and_nothing_else():
    texture = {"kind": "spiral", "cone_angle": 1.0, "angular_frequency": 0.3, "wavenumber": 1.0}
    options = dict(
        x=(2.0 * np.pi, 4), y=(2.0, 2), walkers=16 * 16, block=16, tau_sf=4.0, planes=[1.0]
    )  # fmt: skip
    field = {"field": J, "direction": [0.0, 0.6, 0.8], "spin_hall_conductivity": 1.0}
    driven = general_walk(problem_of(general_deck(texture, electric_field=field, **options)))
    plain = general_walk(problem_of(changed(general_deck(texture, **options), run__walk="general")))
    at = driven.at("spin_hall")
    wanted = np.zeros(driven.flux[:, :, :, at].shape)
    # ε_xzy = −1: spin y of the z field flows along −x, spin x along y
    wanted[:, LOCAL, 0, DC, Z], wanted[:, LOCAL, 0, DC, Y] = 0.6 * J, -0.8 * J
    wanted[:, LOCAL, 1, DC, X] = 0.8 * J
    np.testing.assert_allclose(driven.flux[:, :, :, at], wanted, rtol=0.0, atol=1e-15)
    through = wanted[:, :, 0, :, :, :1, 0, 0]
    np.testing.assert_allclose(driven.passages[:, :, at], through, rtol=0.0, atol=1e-15)
    for quantity in ("density", "torque", "divergence"):
        assert not np.any(getattr(driven, quantity)[:, :, at])
    assert not any(np.any(line[:, at]) for line in driven.budget.values())
    # the texture's channels know nothing of the field
    for name in ("first", "second"):
        here, there = driven.at(name), plain.at(name)
        assert np.array_equal(driven.density[:, :, here], plain.density[:, :, there])
        assert np.array_equal(driven.flux[:, :, :, here], plain.flux[:, :, :, there])


def test_what_a_texture_pumps_does_not_depend_on_the_field():
    """Where they share the walkers: the same within errors, and the field's spin too."""
    texture = {"kind": "penetration", "cone_angle": 1.0, "angular_frequency": 0.3, "depth": 1.0}
    options = dict(
        x=(2.4, 6), faces=ROUGH, walkers=BLOCKS * 256, block=256, tau_sf=4.0, exchange=0.3
    )  # fmt: skip
    driven = general_walk(problem_of(general_deck(texture, electric_field=FIELD, **options)))
    plain = general_walk(problem_of(general_deck(texture, seed=2, **options)))
    for name in ("first", "second"):
        for part in (LOCAL, DIFFUSIVE):
            for h, i in ((0, Z), (1, X), (1, Y), (2, X)):
                here = driven.density[:, part, driven.at(name), h, i, :, 0, 0, 0]
                there = plain.density[:, part, plain.at(name), h, i, :, 0, 0, 0]
                assert_no_chi2_alarm(here - there, f"{name} {part} {h} {i}")
    problem = problem_of(general_deck(texture, electric_field=FIELD, **options))
    density = density_and_flux(driven)[0]
    wanted, _ = oracle(problem.scene, 6)
    assert_no_chi2_alarm(density - wanted, "the field's spin")
    assert_in(density, wanted, "the field's spin", np.sqrt((wanted**2).mean()), small=0.04)
    at = driven.at("spin_hall")
    assert not np.any(np.abs(driven.torque[:, :, at]) > 0.0)


def test_the_spin_hall_current_turns_with_the_field_and_lies_across_it():
    """J_i^α = σ ε_ijα E_j in a box, exactly, between faces that absorb all; a field along x drives −J along y."""
    for axis, terms in ((0, {(1, Z): -1.0}), (1, {(0, Z): 1.0}), (2, {(0, Y): -1.0, (1, X): 1.0})):
        field = {"field": J, "direction": [float(i == axis) for i in range(3)], "spin_hall_conductivity": 1.0}
        ends = ("absorbing", "absorbing")
        blocks = general_walk(
            problem_of(
                general_deck(
                    None, x=(2.0, 2), y=(2.0, 2), faces=ends, y_faces=ends, walkers=16 * 4, block=4, tau_sf=4.0,
                    electric_field=field,
                )
            )
        )  # fmt: skip
        wanted = np.zeros(blocks.flux.shape)
        for (i, component), sign in terms.items():
            wanted[:, LOCAL, i, 0, DC, component] = sign * J
        np.testing.assert_allclose(blocks.flux, wanted, rtol=0.0, atol=1e-15)
        assert not np.any(blocks.density)
