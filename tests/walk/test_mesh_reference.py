"""Walkers on meshes that correct a solution by diffusion: the same answer whatever is taken out, and small errors."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
from scenes import ABSORBING, LAYER, SPECULAR, faces, few_rays, problem_of, scene
from scipy import stats
from shapes import domain_wall_parameters
from solved import slab_of

sys.path.insert(0, str(Path(__file__).parents[1] / "physics"))

from general_walks import exact_profiles, general_deck
from test_directions import CROSSED, SIZE_X, SIZE_Y
from test_directions import spiral as diagonal_spiral
from walks import problem_of as problem_of_deck

from mcpump.deck.read import read_deck
from mcpump.errors import InputError
from mcpump.names import lines_of
from mcpump.problem.reduce import make_problem
from mcpump.problem.scene import DENSITY
from mcpump.textures.moving import no_user
from mcpump.textures.parameters import DOMAIN_WALL
from mcpump.theory.diffusion_mesh import Mesh, diffused
from mcpump.walk import blocks, rays
from mcpump.walk.known import CORRECTED_RAYS

FALSE_ALARM = 1e-4
DECKS = Path(__file__).parents[2] / "run"
BLOCKS, WALKERS = 64, 256
OBLIQUE = dict.fromkeys("xyz", (2.0 * np.pi * math.sqrt(3.0), 4))
LAYERS = (
    LAYER._replace(gamma_sf=0.02),
    LAYER._replace(start=2.4, v=1.3, rate=1.5, nu=0.6, gamma_sf=0.2, transmission=0.7, specularity=1.0),
)
WALL = domain_wall_parameters(3.0, 0.8, 0.7, amplitude=0.3, Omega=0.3)


def crossed(**mesh):
    """A problem whose exact solution is known, and its total densities: (cells, channel, time function, 3)."""
    deck = general_deck(walkers=16 * 1024, tau_sf=3.0, channels=("first", "second"), **mesh)
    problem = problem_of_deck(deck)
    exact = [exact_profiles(problem, deck, name)["density"] for name in problem.scene.channels]
    totals = [np.moveaxis(one["local"] + one["diffusive"], 1, -1) for one in exact]
    return problem, np.transpose(totals, (2, 3, 4, 0, 1, 5)).reshape(-1, 2, problem.scene.time_functions, 3)


def layered():
    """A domain wall between an absorbing face and a mirror, with an interface; totals by discrete ordinates."""
    given = scene(
        ("first", "second"), layers=LAYERS, lengths=(6.0, 1.0, 1.0), cells=(6, 1, 1), planes=(), harmonics=1,
        texture=DOMAIN_WALL, parameters=WALL, from_collisions=True, **faces((ABSORBING, SPECULAR)),
    )  # fmt: skip
    problem = problem_of(given)
    found = slab_of(problem)
    return problem, np.stack([np.moveaxis(found[name].density.sum(axis=0), -1, 0) for name in found], axis=1)


PROBLEMS = {
    "2-D": lambda: crossed(texture=CROSSED, x=SIZE_X, y=SIZE_Y),
    "3-D": lambda: crossed(texture=diagonal_spiral([1.0, -1.0, 1.0], 1.0), **OBLIQUE),
    "layers": layered,
}


def total_density(problem, reference, monkeypatch, few=True):
    """Local and diffusive density together, and its standard error, with a reference times a number."""
    problem = problem._replace(
        scene=problem.scene._replace(reference=reference > 0.0, walkers_per_block=WALKERS)
    )
    with monkeypatch.context() as patch:
        if few:
            few_rays(patch)
        patch.setattr(blocks, "ray_flights", lambda *given: rays.ray_flights(*given[:5], reference))
        ground = blocks.ground_of(problem)
    width, kinds = 6 * problem.scene.time_functions, 3 + problem.scene.axes

    def of(sums):
        return (sums.profiles[DENSITY] + sums.profiles[kinds + DENSITY])[:, :width]

    walked = np.array([of(ground.walk(block)) for block in range(BLOCKS)])
    numerical = np.array([of(one) for one in ground.known.deviations])
    error = np.sqrt(walked.var(axis=0, ddof=1) / BLOCKS + (numerical**2).sum(axis=0))
    return of(ground.known.value) + walked.mean(axis=0), error


@pytest.mark.parametrize("reference", [1.0, 0.9, "another"])
@pytest.mark.parametrize("name", PROBLEMS)
def test_any_reference_gives_the_same_answer(name, reference, monkeypatch):
    """The solution by diffusion, one that is 10 % too small, and that of a sample turned round."""
    problem, expected = PROBLEMS[name]()
    if reference == "another":
        monkeypatch.setattr(
            rays, "diffused", lambda mesh, born, *more: diffused(mesh, born[::-1].copy(), *more)
        )
        reference = 1.0
    value, error = total_density(problem, reference, monkeypatch)
    expected = expected.reshape(value.shape)
    size = np.abs(expected).max()
    # births are even in bins, and solutions by ordinates are good to 2e-4
    z = (np.abs(value - expected) - 3e-4 * size).clip(0.0) / np.where(error > 0.0, error, 1.0)
    assert z.max() < stats.t(rays.SETS - 1).isf(FALSE_ALARM / 2 / z.size)
    assert np.sqrt((z**2).mean()) < 1.5


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_reference_makes_errors_small(name, monkeypatch):
    problem, expected = PROBLEMS[name]()
    without, corrected = (
        total_density(problem, one, monkeypatch, few=False)[1].reshape(expected.shape) for one in (0.0, 1.0)
    )
    for channel in range(2):
        assert (corrected[:, channel] ** 2).mean() < 0.01 * (without[:, channel] ** 2).mean()


def test_seeds_decide_alone(monkeypatch):
    few_rays(monkeypatch)
    problem, _ = PROBLEMS["2-D"]()
    once, again = (rays.ray_flights(problem.scene, no_user(), reference=1.0) for _ in range(2))
    other = rays.ray_flights(problem.scene._replace(seed=7), no_user(), reference=1.0)
    assert once.known.method == CORRECTED_RAYS
    assert np.array_equal(once.known.value.profiles, again.known.value.profiles)
    assert not np.array_equal(once.known.value.profiles, other.known.value.profiles)


def test_known_deviations_are_what_seeds_scatter(monkeypatch):
    """The bar of a run contains the errors of q: known and walked part together, over seeds."""
    few_rays(monkeypatch)
    problem, _ = PROBLEMS["layers"]()
    values, errors = [], []
    for seed in range(20):
        one = problem._replace(
            scene=problem.scene._replace(seed=seed, reference=True, walkers_per_block=4096)
        )
        ground = blocks.ground_of(one)
        line = lines_of(1).index("left_at_left")
        walked = np.array([ground.walk(block).budget[line, :18] for block in range(8)])
        values.append(ground.known.value.budget[line, :18] + walked.mean(axis=0))
        numerical = np.array([each.budget[line, :18] for each in ground.known.deviations])
        errors.append(walked.var(axis=0, ddof=1) / 8 + (numerical**2).sum(axis=0))
    spread, told = np.var(values, axis=0, ddof=1), np.mean(errors, axis=0)
    counts = told > 1e-6 * told.max()
    low, high = stats.f.ppf([1e-5, 1.0 - 1e-5], 19, 19 * 7)
    ratio = spread[counts] / told[counts]
    assert ((low < ratio) & (ratio < high)).all(), ratio


def test_diffusion_on_a_mesh():
    """A slab with relaxation between reservoirs: 1 − cosh/cosh; and a wave that lags behind."""
    n, length, gamma, D = 400, 8.0, 0.25, 1.0 / 3.0
    one, width = np.ones(1), np.full(n, length / n)
    mesh = Mesh(
        (width, one, one), np.full(n, D), np.ones(n), np.full(n, gamma), np.zeros(n + 1),
        (0.0, 0.0, *(math.inf,) * 4), (False, True, True),
    )  # fmt: skip
    x, k = (np.arange(n) + 0.5) * length / n - 0.5 * length, math.sqrt(gamma / D)
    born = np.zeros((n, 3, 3))
    born[:, 0] = 1.0
    found = diffused(mesh, born.reshape(n, 9), 3, 0.7).reshape(n, 3, 3)
    wanted = (1.0 - np.cosh(k * x) / math.cosh(0.5 * k * length)) / gamma
    assert np.abs(found[:, 0, 0] - wanted).max() < 1e-4 * wanted.max()
    ring = mesh._replace(periodic=(True,) * 3)
    q = 2.0 * math.pi / length
    born = np.zeros((n, 3, 3))
    born[:, 1, 2] = np.cos(q * x)
    found = diffused(ring, born.reshape(n, 9), 3, 0.7).reshape(n, 3, 3)
    wave = 1.0 / (gamma + D * q * q + 0.7j)
    assert np.abs(found[:, 1, 2] - wave.real * np.cos(q * x)).max() < 1e-4 * abs(wave)
    assert np.abs(found[:, 2, 2] + wave.imag * np.cos(q * x)).max() < 1e-4 * abs(wave)


@pytest.mark.parametrize(
    ("name", "keys", "told"),
    [
        ("junction", (), "the sample has a solution along x"),
        ("vortex", ('results.channels=["first", "exact"]',), "the spins of exact turn in every flight"),
        ("vortex", ('sample.x.left="diffuse"',), "faces or interfaces scatter diffusely"),
    ],
)
def test_a_reference_that_there_is_not_is_refused(name, keys, told):
    with pytest.raises(InputError, match=f'run.reference = "diffusion": .*{told}'):
        make_problem(read_deck(DECKS / f"{name}.toml", ('run.reference="diffusion"', *keys)))
    assert not make_problem(read_deck(DECKS / f"{name}.toml", ('run.reference="off"', *keys))).scene.reference


def test_auto_takes_it_where_it_holds():
    assert all(
        make_problem(read_deck(DECKS / f"{name}.toml")).scene.reference for name in ("vortex", "domain_wall")
    )
    assert not make_problem(read_deck(DECKS / "crossed_waves.toml")).scene.reference  # second_ladder
