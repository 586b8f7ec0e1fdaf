"""What a block's books of charge and of a spin Hall drive are made of: differences of cell means, sheets, the drive."""

import tomllib
from pathlib import Path

import numpy as np
import pytest
from scenes import ABSORBING, CLOSED, DIFFUSE, FAMILY, LAYER, ORBITAL, SPECULAR, L, faces, scene, walked

from mcpump.deck.read import deck_from_dict
from mcpump.deck.toml import override
from mcpump.problem.reduce import make_problem
from mcpump.problem.spin_hall import add_drive, mean_over_cells, sheets_of
from mcpump.tally.observables import coordinates, observables
from mcpump.tally.scales import scale_of
from mcpump.tally.tally import Tally
from mcpump.walk.blocks import ground_of
from mcpump.walk.charge_profiles import derivative

OPEN = faces((ABSORBING, ABSORBING), (ABSORBING, ABSORBING), (ABSORBING, ABSORBING))
HALL = LAYER._replace(hall=(0.2, 0.5, -0.4))


def cell_means(antiderivative, n, length=L):
    """Means over n equal cells."""
    return np.diff(antiderivative(np.linspace(0.0, length, n + 1))) / (length / n)


# --- derivatives ---------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [4, 5, 9])
def test_derivative_of_a_cubic_is_exact_away_from_the_faces(n):
    """Face values are right for cubics; beside the sample's faces they are linear."""
    given = scene(cells=(n, 1, 1), **OPEN)
    got = derivative(given, cell_means(lambda x: x**4 / 4.0 - x**2, n).reshape(n, 1), 0, -1)[:, 0]
    wanted = cell_means(lambda x: x**3 - 2.0 * x, n)
    np.testing.assert_allclose(got[2:-2], wanted[2:-2], rtol=1e-11, atol=1e-11)
    line = derivative(given, cell_means(lambda x: x**2 - 3.0 * x, n), 0, -1)
    np.testing.assert_allclose(line, 2.0, rtol=1e-12)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_derivative_is_along_its_axis(axis):
    given = scene(axes=3, cells=(5, 6, 7), **OPEN)
    middles = [
        (np.arange(n) + 0.5) * (length / n) for n, length in zip(given.cells, given.lengths, strict=True)
    ]
    values = sum(np.multiply.outer((i + 1.0) * m, [1.0, -2.0]).reshape([-1 if i == j else 1 for j in range(3)] + [2])
                 for i, m in enumerate(middles))  # fmt: skip
    got = derivative(given, values, axis, -1)
    np.testing.assert_allclose(
        got, np.broadcast_to((axis + 1.0) * np.array([1.0, -2.0]), got.shape), rtol=1e-11
    )


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("ends", ["periodic", "closed", "open"])
def test_sums_of_derivatives_telescope(n, ends):
    given = scene(cells=(n, 1, 1), **{"periodic": faces(), "closed": CLOSED, "open": OPEN}[ends])
    values = np.random.default_rng(n).normal(size=(n, 3))
    total = derivative(given, values, 0, 0).sum(axis=0) * (L / n)
    if ends == "open":
        ends_of = (1.5, -0.5) if n > 1 else (1.0, 0.0)
        right, left = (ends_of[0] * values[i] + ends_of[1] * values[j % n] for i, j in ((-1, -2), (0, 1)))
        np.testing.assert_allclose(total, right - left, atol=1e-14)
    else:
        np.testing.assert_allclose(total, 0.0, atol=1e-14)


def test_what_is_odd_vanishes_at_closed_faces_only():
    values = np.ones((6, 2))
    half_open = faces((SPECULAR, ABSORBING))
    given = scene(cells=(6, 1, 1), **half_open)
    step = 6 / L
    np.testing.assert_allclose(derivative(given, values, 0, 0)[:, 0], [step, 0, 0, 0, 0, 0], atol=1e-13)
    np.testing.assert_allclose(derivative(given, values, 0, -1), 0.0, atol=1e-13)
    np.testing.assert_allclose(derivative(given, values, 0, 1), 0.0, atol=1e-13)


def test_waves_in_a_ring_are_differenced_to_order_four():
    errors, q = [], 2.0 * np.pi / L
    for n in (8, 16, 32):
        got = derivative(scene(cells=(n, 1, 1)), cell_means(lambda x: np.sin(q * x) / q, n), 0, -1)
        errors.append(np.abs(got - cell_means(lambda x: np.cos(q * x), n)).max() / q)
    # (qΔ)⁴/30
    assert errors[1] == pytest.approx((2.0 * np.pi / 16) ** 4 / 30.0, rel=0.1)
    assert np.allclose(np.log2(np.divide(errors[:-1], errors[1:])), 4.0, atol=0.2)


# --- sheets of a spin Hall drive -----------------------------------------------------------------


def test_no_field_has_no_sheets():
    for given in (scene(), scene(**CLOSED), scene(layers=(HALL,)), scene(axes=2, layers=(HALL,), **OPEN)):
        assert np.array_equal(sheets_of(given), [[1.0] + [0.0] * 8])


def test_sheets_of_closed_faces():
    """Born inward: outward normal · J each, spin per time over the face."""
    given = scene(axes=2, layers=(HALL,), **faces((SPECULAR, (0.25, 0.4)), (ABSORBING, DIFFUSE)))
    *rows, last = sheets_of(given)
    assert last[0] == 1.0
    assert rows[0][0] == 0.0
    # e_x × hall, e_y × hall
    Jx, Jy = np.array([0.0, 0.4, 0.5]), np.array([-0.4, 0.0, -0.2])
    wanted = [
        [0, 1.0, 0.0, 0.0, 0.0, *(-2.0 * Jx)],
        [0, -1.0, L, L, 0.6, *(0.75 * 2.0 * Jx)],
        [1, -1.0, 0.0, L, 1.0, *(L * Jy)],
    ]
    np.testing.assert_allclose([row[1:] for row in rows], wanted, atol=1e-15)
    strength = np.sqrt((np.array(wanted)[:, 5:] ** 2).sum(axis=1))
    shares = np.diff([*(row[0] for row in rows), 1.0])
    np.testing.assert_allclose(shares, strength / strength.sum(), rtol=1e-12)


def test_sheets_of_layers():
    """At jumps −∇·J, isotropic; in a ring at the seam too; faces along y are cut by the layers."""
    given = scene(layers=ORBITAL)
    rows = sheets_of(given)[:-1]
    halls = [np.array(layer.hall) for layer in ORBITAL]
    cross = [np.cross([1.0, 0.0, 0.0], hall) for hall in halls]
    wanted = [(1.1, cross[0] - cross[1]), (2.5, cross[1] - cross[2]), (0.0, cross[2] - cross[0])]
    assert len(rows) == 3
    for row, (place, spin) in zip(rows, wanted, strict=True):
        np.testing.assert_allclose(row[1:], [0, 0.0, place, place, 0.0, *spin], atol=1e-15)
    total = rows[:, 6:].sum(axis=0)
    np.testing.assert_allclose(total, 0.0, atol=1e-15)

    given = scene(axes=2, layers=ORBITAL, **faces(None, (SPECULAR, SPECULAR)))
    walls = [row for row in sheets_of(given)[:-1] if row[1] == 1.0]
    assert [(row[3], row[4]) for row in walls] == [(0.0, 1.1), (2.5, L)] * 2
    assert {row[2] for row in walls} == {1.0, -1.0}


def test_what_is_emitted_is_what_sheets_bear():
    for name in ("bar", "bar-1", "bar-2"):
        given = FAMILY[name]._replace(walkers_per_block=2**12)
        given = given._replace(initial_walkers=2**12 if given.slots == (-1,) * 4 else 2**11)
        spins = sheets_of(given)[:-1, 6:]
        emitted = walked(given).budget[0].reshape(-1, given.time_functions, 3)[given.hall_slot, 0]
        emitted = emitted * given.lengths[1] * given.lengths[2]
        # quantiles are even: the number of pairs of every sheet is right within one
        strength = np.sqrt((spins**2).sum(axis=1)).sum()
        within = len(spins) * strength / (given.initial_walkers // 2)
        np.testing.assert_allclose(emitted, spins.sum(axis=0), rtol=0.0, atol=within)
        assert within < 0.02 * strength


# --- the drive in the books ----------------------------------------------------------------------


def added(given):
    """Density … current of the local part, and passages, of the drive alone."""
    width = given.time_functions * 3
    profiles = np.zeros((2 * (3 + given.axes), np.prod(given.cells), len(given.walked) * width))
    passages = np.zeros((2, len(given.planes), len(given.walked) * width))
    add_drive(given, profiles, passages)
    at = given.hall_slot * width
    mine = profiles.reshape(2, 3 + given.axes, *given.cells, -1)
    rest = mine.copy()
    rest[0, ..., at : at + 3] = 0.0
    assert not rest.any()
    assert not passages[1].any()
    return mine[0, ..., at : at + 3], passages[0, :, at : at + 3]


@pytest.mark.parametrize("periodic", [False, True])
def test_drive_through_planes_is_its_flow_out_of_cells(periodic):
    """Layers' starts on cells' faces and off them; planes on all faces of cells."""
    ends = faces() if periodic else faces(((0.3, 1.0), SPECULAR))
    given = scene(layers=ORBITAL, hall_slot=4, initial=3, planes=tuple(np.linspace(0.0, L, 7)), **ends)
    books, passages = added(given)
    np.testing.assert_allclose(books[2, :, 0, 0] * 0.5, np.diff(passages, axis=0), atol=1e-14)
    halls = mean_over_cells(given, np.array([layer.hall for layer in ORBITAL]))
    np.testing.assert_allclose(books[3, :, 0, 0], np.cross([1.0, 0.0, 0.0], halls), atol=1e-15)
    assert not books[:2].any()
    first, last = (np.cross([1.0, 0.0, 0.0], layer.hall) for layer in (ORBITAL[0], ORBITAL[2]))
    np.testing.assert_allclose(passages[0], last if periodic else 0.3 * first, atol=1e-15)
    np.testing.assert_allclose(passages[-1], last if periodic else 0.0 * last, atol=1e-15)
    # a jump at a plane: who is born there begins to the right of it
    np.testing.assert_allclose(passages[5], np.cross([1.0, 0.0, 0.0], ORBITAL[1].hall), atol=1e-15)


def test_drive_along_y_and_z():
    given = scene(
        axes=3,
        layers=(HALL,),
        hall_slot=4,
        initial=3,
        **faces(None, (SPECULAR, ABSORBING), (DIFFUSE, DIFFUSE)),
    )
    books, _ = added(given)
    for axis, n, length, shares in ((1, 4, 2.0, (1.0, 0.0)), (2, 3, 1.5, (1.0, 1.0))):
        J = np.cross(np.eye(3)[axis], HALL.hall)
        np.testing.assert_allclose(books[3 + axis], np.broadcast_to(J, books[3].shape), atol=1e-15)
        flow = np.zeros((n, 3))
        flow[0], flow[-1] = shares[0] * J * n / length, -shares[1] * J * n / length
        others = [i for i in range(3) if i != axis]
        along = books[2].mean(axis=tuple(others)) - books[2].mean(axis=(0, 1, 2))
        np.testing.assert_allclose(along, flow - flow.mean(axis=0), atol=1e-13)


def test_mean_over_cells():
    given = scene(layers=ORBITAL, cells=(3, 1, 1))
    got = mean_over_cells(given, np.array([1.0, 10.0, 100.0]))
    np.testing.assert_allclose(got, [1.0, 0.1 * 1.0 + 0.9 * 10.0, 0.5 * 10.0 + 0.5 * 100.0])


# --- waves ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["rashba", "impurity"])
def test_waves_of_the_charge_density_are_those_of_its_cells(name):
    """Amplitudes, booked block by block, are those of the mean density; their errors are those of groups."""
    deck = tomllib.loads((Path(__file__).parents[2] / "run" / f"{name}.toml").read_text())
    problem = make_problem(deck_from_dict(override(deck, ["run.walkers_per_block=128"]), name))
    ground = ground_of(problem)
    tally = Tally(problem.scene, ground.exponents)
    for block in range(16):
        tally.add(block, ground.walk(block))
    found, coords = observables(problem, tally), coordinates(problem)
    density, waves = found["charge_density"], found["charge_density_wave"]
    assert waves.dims == ("source", "harmonic", "wave")
    groups = tally.groups("projections")
    assert groups.sums.shape[1] == 2 * waves.mean.size
    mesh = tuple(range(2, density.mean.ndim))
    spectrum = 2.0 * np.abs(np.fft.fftn(density.mean, axes=mesh)) / np.prod(density.mean.shape[2:])
    parts = groups.mean.reshape(len(coords["wave"]), 2, *waves.mean.shape[:2]) * scale_of(
        problem, "charge_density"
    )
    for i, label in enumerate(coords["wave"]):
        at = tuple(int(k) for k in label.split(","))
        np.testing.assert_allclose(
            np.hypot(*parts[i]), spectrum[(..., *at)], rtol=1e-9, atol=1e-9 * spectrum.max()
        )
        assert max(map(abs, at)) <= 2
    known = np.isfinite(waves.mean)
    assert known.any() == (name == "rashba")  # so few walkers leave the impurities' waves in the noise
    np.testing.assert_array_equal(known, np.isfinite(waves.stderr))
    assert (waves.mean[known] > 4.0 * waves.stderr[known]).all()
