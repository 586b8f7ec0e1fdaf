"""First flights by rays: exact solutions, the general walk, conservation, tails, the quoted error, and the same bits.

Run as a program (`python test_rays.py FILE`) this file follows a few rays of the small scenes and saves every array: with
NUMBA_DISABLE_JIT=1 it does so in plain Python.
"""

import contextlib
import math
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from scenes import ABSORBING, FAMILY, blocks_of, budget_of, faces, scene, user_for
from scipy import special, stats
from shapes import harmonic_parameters
from solved import slab_of

sys.path.insert(0, str(Path(__file__).parents[1] / "physics"))

from general_walks import exact_profiles, general_deck, medium_of
from test_all_orders import MODULATED, SPIRALS, spiral
from test_directions import CROSSED, SIZE_X, SIZE_Y
from test_directions import spiral as diagonal_spiral
from walks import problem_of

from mcpump import theory
from mcpump.deck import read_deck
from mcpump.errors import InputError
from mcpump.names import CHARGES
from mcpump.problem import make_problem
from mcpump.textures.moving import no_user
from mcpump.textures.shapes import ENVELOPE_TANH
from mcpump.walk import births, rays
from mcpump.walk.layout import BlockSums, shapes
from mcpump.walk.rays import ray_flights

FALSE_ALARM = 1e-4
"""Probability with which a right answer fails one test."""
SCENES = tuple(
    name
    for name, given in FAMILY.items()
    if not (given.time_bins or given.spin_orbit or given.hall_slot >= 0)
)
DECKS = Path(__file__).parents[2] / "run"


@contextlib.contextmanager
def few_rays(count, at_walls, sets=rays.SETS):
    """Fewer rays, so that a test takes a moment."""
    before, (rays.RAYS, rays.WALL_RAYS, rays.SETS) = (
        (rays.RAYS, rays.WALL_RAYS, rays.SETS),
        ((count,) * 3, at_walls, sets),
    )
    try:
        yield
    finally:
        rays.RAYS, rays.WALL_RAYS, rays.SETS = before


def samples(given, seeds, user=None, shift=()):
    """What every set of points tells by itself, for several seeds: independent, and right on average."""
    scale, found = math.sqrt(rays.SETS * (rays.SETS - 1)), []
    for seed in range(seeds):
        known = ray_flights(given._replace(seed=seed), user or no_user(), shift).known
        found += [
            BlockSums(
                *(np.asarray(v) + scale * np.asarray(d) for v, d in zip(known.value, deviation, strict=True))
            )
            for deviation in known.deviations
        ]
    return found


def assert_agree(found, wanted, what, other=None, size=None):
    """Hold the mean of samples (first axis) against numbers (or samples) by Student's t; returns all that was compared.

    What has no error but rounding must agree to 1e-8 of `size`, the largest of all.
    """
    found, wanted = np.asarray(found), np.asarray(wanted)
    found = found.reshape(len(found), -1)
    wanted = wanted.reshape(1 if other is None else len(wanted), -1)
    error = np.sqrt(found.var(axis=0, ddof=1) / len(found))
    if other is not None:
        error = np.hypot(error, np.sqrt(wanted.var(axis=0, ddof=1) / len(wanted)))
    off = found.mean(axis=0) - wanted.mean(axis=0)
    size = np.abs(wanted.mean(axis=0)).max() if size is None else size
    rounding = error <= 1e-9 * size
    assert np.abs(off[rounding]).max(initial=0.0) <= 1e-8 * size, what
    z = off[~rounding] / error[~rounding]
    t = stats.t(len(found) - 1)
    assert np.abs(z).max(initial=0.0) < t.isf(0.5 * FALSE_ALARM / max(len(z), 1)), (
        f"{what}: {np.abs(z).max()}"
    )
    return z


def local_rows(given, sums):
    """Local profiles as (kind, x, y, z, channel, time function, component)."""
    kinds = 3 + given.axes
    return np.asarray(sums.profiles)[:kinds].reshape(kinds, *given.cells, -1, given.time_functions, 3)


WAVES = [
    ("modulated", MODULATED, {"x": (2.0 * np.pi / 0.7, 8), "dimension": 2}),
    ("spiral", spiral(1.0, ellipticity=0.5), {"x": (2.0 * np.pi, 8)}),
    ("spiral in 1-D", spiral(1.5, 0.2), {"x": (2.0 * np.pi / 1.5, 8), "dimension": 1}),
    ("crossed", CROSSED, {"x": SIZE_X, "y": SIZE_Y}),
    ("crossed in 2-D", CROSSED, {"x": SIZE_X, "y": SIZE_Y, "dimension": 2}),
    ("diagonal", diagonal_spiral([1.0, 1.0, 0.0], 1.0), dict.fromkeys("xy", (2.0 * np.pi * math.sqrt(2.0), 8))),
    ("oblique", diagonal_spiral([1.0, -1.0, 1.0], 1.0), dict.fromkeys("xyz", (2.0 * np.pi * math.sqrt(3.0), 4))),
]  # fmt: skip


@pytest.mark.parametrize(("texture", "mesh"), [each[1:] for each in WAVES], ids=[each[0] for each in WAVES])
def test_plane_waves_follow_the_exact_solution(texture, mesh):
    deck = general_deck(
        texture,
        walkers=16 * 1024,
        tau_sf=3.0,
        channels=("first", "second", "second_ladder"),
        harmonics=2,
        **mesh,
    )
    problem = problem_of(deck)
    given = problem.scene
    with few_rays(4096, 64):
        found = np.array([local_rows(given, sums) for sums in samples(given, 4)])
    for number, channel in enumerate(given.channels):
        exact = exact_profiles(problem, deck, channel)
        for kind, name in ((0, "density"), (1, "torque"), (3, "flux")):
            wanted = exact[name]["local"]
            directions = [wanted[:, i] for i in range(given.axes)] if name == "flux" else [wanted]
            whole = max(np.abs(each).max() for each in directions)
            for i, each in enumerate(directions):
                values = np.moveaxis(found[:, kind + i, ..., number, :, :], (-2, -1), (1, 2))
                if np.abs(each).max() < 1e-12 * whole:
                    continue
                # the rotation of space and of the texture leaves projections on the exact profile
                for h in range(1 + given.harmonics):
                    at = slice(0, 1) if h == 0 else slice(2 * h - 1, 2 * h + 1)
                    size = (each[at] ** 2).sum()
                    if size > (1e-6 * whole) ** 2:
                        parts = (values[:, at] * each[at]).reshape(len(values), -1).sum(axis=1) / size
                        assert_agree(parts, [1.0], f"{channel} {name} {i} {h}")
                        assert parts.std(ddof=1) / math.sqrt(len(parts)) < 0.03
                assert_agree(values, each, f"{channel} {name} {i}")


@pytest.mark.parametrize(("exchange", "dimension", "q", "Omega", "tau_sf", "_blocks"), SPIRALS)
@pytest.mark.parametrize("G", [0.0, 0.3])
def test_exact_follows_the_conical_spiral(exchange, dimension, q, Omega, tau_sf, _blocks, G):
    """Local part as in theory; with a shift G T[u/τ] and q = ⟨T[a + u/τ]⟩ − u too, u = M(G)⁻¹a in the turning frame."""
    cells = 8
    deck = general_deck(
        spiral(q, Omega), x=(2.0 * np.pi / q, cells), walkers=16 * 512, dimension=dimension, tau_sf=tau_sf,
        exchange=exchange, channels=("exact",),
    )  # fmt: skip
    problem = problem_of(deck)
    given = problem.scene
    medium = medium_of(problem)
    wanted = theory.conical_spiral_exact(1.0, q, Omega, medium)
    S = np.array([math.sin(1.0), 0.0, math.cos(1.0)])
    a = np.array([0.0, -Omega * S[0], 0.0])
    shift = (G,) if G else ()
    with few_rays(512, 64):
        each = samples(given, 4, shift=shift)
        births = [ray_flights(given._replace(seed=seed), no_user(), shift).births for seed in range(8)]
    rows = np.array([sums.profiles for sums in each]).reshape(len(each), 2, 4, cells, 3, 3)
    expected = {0: wanted.density["local"], 3: wanted.flux["local"], 1: wanted.torque["local"]}
    for kind, vector in expected.items():
        assert_agree(in_turning_frame(rows[:, 0, kind]), vector, f"local {kind}")
    if not G:
        return
    B = 2.0 * exchange * S
    u = (G * G * a + G * np.cross(a, B) + (a @ B) * B) / (G * (G * G + B @ B))
    mu, weight = theory.directions.directions(q, dimension)
    rate = 1.0 + 1.0 / tau_sf
    field = B + (Omega + q * mu)[:, None] * np.array([0.0, 0.0, 1.0])
    turned = [
        np.array(
            [(rate**2 * y + rate * np.cross(y, b) + (y @ b) * b) / (rate * (rate**2 + b @ b)) for b in field]
        )
        for y in (u, a + u)
    ]
    density, flux = weight @ turned[0], (weight * mu) @ turned[0]
    for kind, vector in ((0, density), (3, flux), (1, 2.0 * exchange * np.cross(density, S))):
        assert_agree(in_turning_frame(rows[:, 1, kind]), vector, f"diffusive {kind}")
    # bins hold first moments; their means are those of the cells
    left = np.array([b.collided["exact"].reshape(cells, -1, 3, 3).mean(axis=1) for b in births])
    assert_agree(in_turning_frame(left), weight @ turned[1] - u, "births")


def in_turning_frame(rows):
    """(samples, places of one turn along x, time functions, 3) → (samples, e_r, e_φ, z), means over the places.

    A vector (r, f, z) that turns with the spiral, averaged over a place of width h, is sinc(qh/2) of that in its middle.
    """
    n = rows.shape[1]
    phase = 2.0 * np.pi * (np.arange(n) + 0.5) / n
    c, s = np.cos(phase), np.sin(phase)
    cos_x, sin_x, cos_y, sin_y = rows[:, :, 1, 0], rows[:, :, 2, 0], rows[:, :, 1, 1], rows[:, :, 2, 1]
    r = 0.5 * (cos_x * c - sin_x * s + cos_y * s + sin_y * c).mean(axis=1)
    f = 0.5 * (-cos_x * s - sin_x * c + cos_y * c - sin_y * s).mean(axis=1)
    width = np.sinc(1.0 / n)
    return np.stack([r / width, f / width, rows[:, :, 0, 2].mean(axis=1)], axis=1)


@pytest.mark.parametrize("name", [name for name in SCENES if math.isinf(FAMILY[name].t_max)])
def test_every_scene_agrees_with_the_walk(name, tmp_path):
    """Every face, stack, interface, texture, dimension and channel, charge too: profiles and planes."""
    given = FAMILY[name]
    user = user_for(given, tmp_path)
    with few_rays(512, 128):
        each = samples(given, 4, user)
    walked = blocks_of(given._replace(walkers_per_block=256, first_flights=2), 40, user)
    kinds, spins = 3 + given.axes, len(given.channels) * given.time_functions * 3
    z = assert_agree(
        [sums.profiles[:kinds] for sums in each], [sums.profiles[:kinds] for sums in walked], name, walked
    )
    assert np.sqrt((z**2).mean()) < 1.4
    if given.planes:
        assert_agree(
            [sums.passages[0][:, :spins] for sums in each],
            [sums.passages[0][:, :spins] for sums in walked], f"{name}, planes", walked,
        )  # fmt: skip


@pytest.mark.parametrize("name", SCENES)
def test_the_budget_closes(name, tmp_path):
    """Emitted + torque = relaxed + left: what is emitted, collides, turns and arrives at walls is told by other rays."""
    given = FAMILY[name]
    with few_rays(512, 256):
        each = samples(given, 8, user_for(given, tmp_path))
    lines = [budget_of(given, sums) for sums in each]
    gap = [
        line["emitted"]
        + line["torque"]
        - sum(v for key, v in line.items() if key not in ("emitted", "torque"))
        for line in lines
    ]
    spins = len(given.channels)
    size = max(np.abs(values).max() for line in lines for values in line.values())
    assert_agree(np.array(gap)[:, :spins, 0], np.zeros((spins, 3)), name, size=size)


@pytest.mark.parametrize("deck", ["junction", "stack", "py_pt"])
def test_samples_along_x_agree_with_discrete_ordinates(deck):
    problem = make_problem(read_deck(DECKS / f"{deck}.toml", ("run.walk=general",)))
    given = problem.scene
    with few_rays(256 if "exact" in given.channels else 1024, 128):
        each = samples(given, 4)
    solved = slab_of(problem)
    rows = np.array([local_rows(given, sums) for sums in each])
    passages = np.array(
        [sums.passages[0].reshape(len(given.planes), -1, given.time_functions, 3) for sums in each]
    )
    for number, channel in enumerate(given.channels):
        wanted = solved[channel]
        for kind, name in ((0, "density"), (1, "torque")):
            exact = np.moveaxis(getattr(wanted, name)[0], 2, 0)
            if exact.any():
                assert_agree(rows[:, kind, :, 0, 0, number], exact, f"{channel} {name}")
        exact = np.moveaxis(wanted.current[0], 2, 0)
        straight = [i for i, x in enumerate(given.planes) if inside(given, x)]
        assert_agree(passages[:, straight, number], exact[straight], f"{channel} current")


def inside(given, x):
    """Whether a plane lies neither on a face nor on an interface, where what is sent back is counted otherwise."""
    starts = [layer.start for layer in given.layers]
    return 1e-9 < x < given.lengths[0] - 1e-9 and all(abs(x - start) > 1e-9 for start in starts)


def test_tails_are_right_where_nothing_else_comes_to():
    """A sharp step: density E₂(x)/2, current E₃(x)/2 of what is emitted, 28 ℓ from it 1e-14 of the largest."""
    start, length = 12.0, 42.0
    cone = ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
    sharp = harmonic_parameters(*cone, (0.0,) * 3, 1e-6, ENVELOPE_TANH, (start, 0.0))
    given = scene(
        channels=("first",), gamma_sf=0.0, lengths=(length, 1.0, 1.0), cells=(84, 1, 1), parameters=sharp,
        period=2.0 * math.pi / 1e-6, planes=(), **faces((ABSORBING, ABSORBING)),
    )  # fmt: skip
    found = np.array([local_rows(given, sums) for sums in samples(given, 4)])[..., 0, 0, 0, 2, 0]
    edges = np.linspace(0.0, length, 85)
    far = edges[:-1] >= start + 1.0

    def primitive(n, x):
        return -special.expn(n + 1, x)

    wanted = {
        kind: 0.5e-6 * np.diff(primitive(n, edges - start) - primitive(n, edges))[far] / 0.5
        for kind, n in ((0, 2), (3, 3))
    }
    for kind, exact in wanted.items():
        values = found[:, kind, far]
        error = values.std(axis=0, ddof=1) / math.sqrt(len(values))
        assert np.abs(exact[edges[:-1][far] > 40.0]).max() < 1e-13 * np.abs(found[:, 0]).max()
        assert np.all(error < 0.2 * np.abs(exact))
        assert np.all(np.abs(values.mean(axis=0) - exact) < stats.t(31).isf(5e-7) * error)


@pytest.mark.parametrize("name", ["stack", "waves", "box"])
def test_the_quoted_error_is_the_spread_over_seeds(name):
    given, seeds = FAMILY[name], 24
    with few_rays(128, 64):
        known = [ray_flights(given._replace(seed=seed), no_user()).known for seed in range(seeds)]
    # the short ones are few numbers that belong together
    for part, least, most in (
        ("profiles", 0.85, 1.15),
        ("passages", 0.6, 1.6),
        ("budget", 0.6, 1.6),
        ("means", 0.6, 1.6),
    ):
        values = np.array([getattr(each.value, part) for each in known])
        told = np.array([sum(getattr(d, part) ** 2 for d in each.deviations) for each in known]).mean(axis=0)
        # of an element that only rounding moves nothing is told
        moves = told > 1e-18 * np.abs(values).max() ** 2
        ratio = values.var(axis=0, ddof=1)[moves] / told[moves]
        assert moves.any()
        assert least < ratio.mean() < most, f"{part}: {ratio.mean()}"


def test_threads_that_share_the_rays_find_the_same_bits(monkeypatch):
    given, found = FAMILY["waves"], []
    monkeypatch.setattr(rays, "AT_ONCE", 64)
    with few_rays(256, 64), ThreadPoolExecutor(3) as pool:
        for share in (map, pool.map):
            flights = ray_flights(given, no_user(), share=share)
            found.append([flights.known.value, *flights.known.deviations])
    for one, other in zip(*found, strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_the_layout_is_that_of_a_block():
    for name in SCENES:
        given = FAMILY[name]
        if given.texture == 5:
            continue
        with few_rays(16, 16):
            found = ray_flights(given, no_user())
        for each in (found.known.value, *found.known.deviations):
            assert {key: np.shape(getattr(each, key)) for key in shapes(given)} == shapes(given)
        bins = math.prod(found.grid.shape)
        ladder = {"second", "second_ladder"} & set(given.channels)
        assert set(found.births.collided) == set(given.channels) | ({"first"} if ladder else set())
        assert all(rows.shape == (bins, given.time_functions, 3) for rows in found.births.collided.values())
        assert set(found.births.charge) == {
            n for n, w in zip(CHARGES, given.dipoles, strict=True) if w and n in given.sources
        }


@pytest.mark.parametrize("around", [True, False])
def test_births_are_a_wave_linear_in_bins(around):
    """A wave of qh = 0.52 has its amplitude to 2e-4, its values to 2.3e-2; even in bins 2 % and 0.26 would miss."""
    edges = np.linspace(0.0, 4.0 * np.pi, 25)
    width, h, scale = np.diff(edges), edges[1], 4.0 * np.pi
    means = np.diff(np.exp(1j * edges)) / (1j * h)
    parts = [
        births._half_changes(part[:, None], width, [0, 24], around, 0)[:, 0]
        for part in (means.real, means.imag)
    ]
    slopes = parts[0] + 1j * parts[1]
    inside = np.linspace(-1.0, 1.0, 401)
    x = 0.5 * (edges[1:] + edges[:-1])[:, None] + 0.5 * h * inside
    values = means[:, None] + inside * slopes[:, None]
    kept = slice(None) if around else slice(2, -2)
    amplitude = np.trapezoid(values * np.exp(-1j * x), x, axis=1)[kept].sum() / (scale if around else 20 * h)
    assert abs(amplitude - 1.0) < 2e-4
    assert np.abs(values - np.exp(1j * x))[kept].max() < 2.4e-2


def test_transients_and_fields_are_refused():
    for name in ("plane", "bar"):
        with pytest.raises(InputError, match="periodic drive"):
            ray_flights(FAMILY[name], no_user())


def arrays(folder):
    """Every array of a few rays of every small scene."""
    found = {}
    with few_rays(1, 1, sets=2):
        for name in SCENES:
            given = FAMILY[name]
            shift = (0.4,) * len(given.layers) if name in ("stack", "box") else ()
            flights = ray_flights(given, user_for(given, Path(folder)), shift)
            for number, sums in enumerate((flights.known.value, flights.known.deviations[0])):
                found |= {f"{name} {number} {field}": value for field, value in sums._asdict().items()}
            found |= {f"{name} {key}": value for key, value in flights.births.collided.items()}
    return found


def test_interpreted_equals_compiled_bit_for_bit(tmp_path):
    path = tmp_path / "interpreted.npz"
    done = subprocess.run(
        [sys.executable, __file__, path], env={**os.environ, "NUMBA_DISABLE_JIT": "1"}, cwd=Path(__file__).parent,
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    here = arrays(tmp_path)
    with np.load(path) as there:
        assert set(there) == set(here)
        for key in here:
            assert np.array_equal(here[key], there[key]), key


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as texture_folder:
        np.savez(sys.argv[1], **arrays(texture_folder))
