"""First flights along x without walkers: exact solutions, tails, conservation, what walkers make of them, errors."""

import math
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scenes import (
    ABSORBING,
    CONE,
    DIFFUSE,
    FAMILY,
    LAYER,
    OMEGA,
    SPECULAR,
    TANH,
    blocks_of,
    budget_of,
    faces,
    problem_of,
    profiles_of,
    scene,
)
from scipy import stats
from scipy.special import expn
from shapes import harmonic_parameters
from solved import slab_of

from mcpump.deck import read_deck
from mcpump.problem import make_problem
from mcpump.problem.scene import CURRENT, DENSITY, DIVERGENCE, TORQUE
from mcpump.problem.slab import precesses_along_x, precession_of, sample_of
from mcpump.textures.moving import no_user, texture_field_rate
from mcpump.textures.shapes import ENVELOPE_TANH
from mcpump.theory import (
    Medium,
    cell_averages,
    conical_spiral_exact,
    exact_solution,
    harmonics,
    texture_waves,
)
from mcpump.theory.flights import LEFT, RIGHT
from mcpump.theory.ordinates import Ordinates
from mcpump.theory.sample import halved, parabolas_on, stack_on
from mcpump.walk.first_flights import first_flights_along_x
from mcpump.walk.layout import shapes

RUN = Path(__file__).parents[2] / "run"
FALSE_ALARM = 1e-4
SAMPLES = (
    "ring",
    "ring-1",
    "closed",
    "junction",
    "rough-1",
    "rough-2",
    "stack",
    "stack-1",
    "charge",
    "charge-rough",
)
DECKS = ("junction", "py_pt", "exact", "stack")


def flown(given, **more):
    return first_flights_along_x(problem_of(given), **more)


def local_of(given, found):
    """Local profiles (kind, cell, channel, time function, component), and passages (plane, channel, …)."""
    value = found.known.value
    profile = profiles_of(given, value)[0, :, :, 0, 0, 0]
    return profile, value.passages.reshape(2, len(given.planes), *profile.shape[2:])[0]


# --- exact solutions --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dimension", [1, 2, 3])
@pytest.mark.parametrize("q", [0.02, 0.8, 12.0])
def test_plane_waves(dimension, q):
    """A periodic sample is the infinite medium: long waves, too, in which a cell is many mean free paths wide."""
    length = 2.0 * math.pi / q
    given = scene(
        ("first", "second"), dimension=dimension, lengths=(length, 1.0, 1.0), cells=(7, 1, 1),
        planes=(0.0, 0.3 * length), parameters=harmonic_parameters(*CONE, (q, 0.0, 0.0), OMEGA), harmonics=2,
    )  # fmt: skip
    profile, passages = local_of(given, flown(given, fineness=24.0 if q < 0.1 else 8.0))
    medium = Medium.reduced(given.exchange, 1.0 / LAYER.gamma_sf, dimension)
    edges = np.linspace(0.0, length, 8)
    for slot, channel in enumerate(given.channels):
        solution = exact_solution(texture_waves(*CONE, q, OMEGA), medium, channel)
        fields = {
            DENSITY: solution.density["local"],
            CURRENT: solution.flux["local"],
            TORQUE: solution.torque["local"],
        }
        for kind, waves in fields.items():
            wanted = cell_averages(waves, edges, OMEGA, 2).transpose(2, 0, 1)
            size = np.abs(wanted).max()
            assert_allclose(profile[kind, :, slot], wanted, rtol=0.0, atol=1e-6 * size)
        through = harmonics(solution.flux["local"], given.planes, OMEGA, 2).transpose(2, 0, 1)
        assert_allclose(passages[:, slot], through, rtol=0.0, atol=1e-6 * np.abs(through).max())


@pytest.mark.parametrize(("q", "J"), [(1.3, 0.2), (0.3, 2.0)])
def test_spiral_to_all_orders(q, J):
    length, C, radius = 2.0 * math.pi / q, 0.5, 0.8
    given = scene(
        ("exact",), lengths=(length, 1.0, 1.0), exchange=J, planes=(0.0,),
        parameters=harmonic_parameters(*CONE, (q, 0.0, 0.0), OMEGA),
    )  # fmt: skip
    size = math.hypot(C, radius)
    medium = Medium.reduced(J * size, 1.0 / LAYER.gamma_sf)
    expected = conical_spiral_exact(math.atan2(radius, C), q, OMEGA, medium)
    profile, passages = local_of(given, flown(given, fineness=16.0))
    flux, density = size * expected.flux["local"], size * expected.density["local"]
    largest = np.abs(density).max()
    # at x = 0 the turning frame's axes are x, y, z
    assert_allclose(passages[0, 0, 0], flux * [0.0, 0.0, 1.0], rtol=0.0, atol=1e-5 * np.abs(flux).max())
    assert_allclose(passages[0, 0, 1], flux * [1.0, 1.0, 0.0], rtol=0.0, atol=1e-5 * np.abs(flux).max())
    assert_allclose(profile[DENSITY, :, 0, 0, 2], density[2], rtol=0.0, atol=1e-5 * largest)


def test_tail_of_a_step():
    """Beyond a step flights fall as E₂ and E₃ of the distance, right where they are 1e-16 of those at the step."""
    x0, length, slow = 2.0, 40.0, 1e-9
    given = scene(
        ("first",), lengths=(length, 1.0, 1.0), cells=(20, 1, 1), planes=(2.0, 4.0, 20.0, 34.0, 40.0),
        parameters=harmonic_parameters((0.0, 0.0, 0.6), (0.8, 0.0, 0.0), (0.0, 0.8, 0.0), (0.0,) * 3, slow,
                                       ENVELOPE_TANH, (x0, 0.0)),
        **faces((SPECULAR, ABSORBING)),
    )  # fmt: skip
    profile, passages = local_of(given, flown(given))
    rate = 1.0 + LAYER.gamma_sf
    # births −ωS along y at t = 0, from −x0 to x0 with the mirror
    strength = -0.8 * slow
    x = np.array(given.planes)
    through = 0.5 * strength / rate * (expn(3, rate * (x - x0)) - expn(3, rate * (x + x0)))
    assert_allclose(passages[:, 0, 1, 1], through, rtol=2e-5)
    edges = np.linspace(x0, length, 20)
    falls = -np.diff(expn(3, rate * (edges - x0)) - expn(3, rate * (edges + x0)))
    density = 0.5 * strength / rate**2 * falls / 2.0
    assert_allclose(profile[DENSITY, 1:, 0, 1, 1], density, rtol=2e-5)
    assert density[-1] / density[0] < 1e-15


def test_exact_becomes_first_and_second():
    """What is left goes as J²."""
    left = []
    for J in (0.02, 0.04):
        given = FAMILY["junction"]._replace(exchange=J, slots=(0, 1, -1, 2))
        profile, _ = local_of(given, flown(given, fineness=16.0))
        left.append(profile[:, :, 2] - profile[:, :, 0] - profile[:, :, 1])
    for small, twice in zip(*left, strict=True):
        assert_allclose(twice, 4.0 * small, rtol=0.0, atol=0.05 * np.abs(twice).max())
    assert np.abs(left[0][DENSITY]).max() < 1e-3 * np.abs(profile[DENSITY]).max()


# --- conservation -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_emitted_ends_or_collides(name):
    """Emitted = known + born as walkers; known gains = losses, and what oscillates is stored."""
    given = FAMILY[name]
    found = flown(given, fineness=3.0)
    width = np.diff(found.edges)[:, None]
    middle = 0.5 * (found.edges[1:] + found.edges[:-1])
    starts = [layer.start for layer in given.layers]
    rate, nu = (
        np.array([getattr(layer, name) for layer in given.layers])[
            np.searchsorted(starts, middle, side="right") - 1
        ]
        for name in ("rate", "nu")
    )
    node, weight = np.polynomial.legendre.leggauss(6)
    born = 0.0
    for u, w in zip(node, weight, strict=True):
        x = middle + 0.5 * u * width[:, 0]
        a = texture_field_rate(
            given.texture, given.parameters, no_user(), x, 0.0 * x, 0.0 * x, 0.0, given.time_step
        )
        born = born - 0.5 * w * (a * nu * width[:, 0]).sum(axis=1)
    budget = {line: values for line, values in budget_of(given, found.known.value).items()}
    density = profiles_of(given, found.known.value)[:, DENSITY, :, 0, 0, 0].sum(axis=0).mean(axis=0)
    size = np.abs(nu * width[:, 0]).sum() * OMEGA
    for slot, channel in enumerate(given.channels):
        walkers = (width * rate[:, None] * found.collided[channel]).sum(axis=0)
        walkers = walkers + found.walls[channel][2].sum(axis=0)
        emitted, torque, stored, relaxed, left, right, cut = (budget[line][slot] for line in budget)
        in_all = born if channel in ("first", "exact") else 0.0 * born
        # DC is what lies along the axis; what turns with the texture is cos Ωt at t = 0
        along = (in_all - walkers) * found.axis
        assert_allclose(emitted[0], along, rtol=0.0, atol=1e-9 * size)
        assert_allclose(emitted[0] + torque[0] - relaxed[0] - left[0] - right[0], 0.0, atol=1e-9 * size)
        assert not stored[0].any()
        assert not cut.any()
        if given.harmonics:
            assert_allclose(emitted[1], in_all - walkers - along, rtol=0.0, atol=1e-9 * size)
            # d/dt of A^c cos Ωt + A^s sin Ωt
            rise = OMEGA * given.lengths[0] * density[slot]
            if given.has_sink:
                assert_allclose(stored[1], rise[2], rtol=0.0, atol=1e-9 * size)
                assert_allclose(stored[2], -rise[1], rtol=0.0, atol=1e-9 * size)


def test_continuity_in_every_cell():
    """∂_t g + ∂_x j = −νṠ + T − (1/τ + 1/τ_sf) g for local spins, cell by cell; charge rows hold no spin."""
    layers = (LAYER, LAYER._replace(start=1.5, v=2.0, rate=1.5, nu=0.5, transmission=0.6))
    given = scene(layers=layers, parameters=TANH, **faces((SPECULAR, (0.4, 1.0))))
    found = flown(given)
    profile, _ = local_of(given, found)
    rate, loss, nu = (
        np.repeat([getattr(layer, name) for layer in layers], 3)[:, None, None]
        for name in ("rate", "gamma_sf", "nu")
    )
    middle = (np.arange(6) + 0.5) * 0.5
    node, weight = np.polynomial.legendre.leggauss(12)
    a = sum(
        -0.5 * w * texture_field_rate(
            given.texture, given.parameters, no_user(), middle + 0.25 * u, 0.0 * middle, 0.0 * middle, 0.0, 1e-3
        ).T
        for u, w in zip(node, weight, strict=True)
    )  # fmt: skip
    born = np.stack([0.0 * a, a, np.cross(found.axis, a)], axis=1) * nu
    for slot, channel in enumerate(given.channels):
        density = profile[DENSITY, :, slot]
        rise = OMEGA * np.stack([0.0 * density[:, 0], density[:, 2], -density[:, 1]], axis=1)
        gained = profile[TORQUE, :, slot] + (born if channel in ("first", "exact") else 0.0)
        ends = (rate + loss) * density + profile[DIVERGENCE, :, slot] + rise
        assert_allclose(ends, gained, rtol=0.0, atol=1e-8 * np.abs(gained).max())


# --- with walkers -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", SAMPLES)
def test_against_first_flights_that_are_walked(name):
    """Local profiles and passages of the general walk, charge and its naive formula included."""
    given = FAMILY[name]._replace(walkers_per_block=512, first_flights=4, t_max=math.inf)
    if not given.has_sink:
        given = given._replace(t_max=25.0)
    found = flown(given)
    walked = blocks_of(given, 32)
    mine, deviations = found.known.value, found.known.deviations
    charge = given.time_functions * 3 * len(given.channels)
    for kind in ("profiles", "passages")[: 2 if given.planes else 1]:
        half = len(getattr(mine, kind)) // 2
        rows = np.array([getattr(block, kind)[:half] for block in walked])
        value = getattr(mine, kind)[:half]
        error = rows.std(axis=0, ddof=1) / math.sqrt(len(rows))
        error = np.sqrt(error**2 + sum(getattr(d, kind)[:half] ** 2 for d in deviations))
        if kind == "passages":  # of charge velocities nothing is told
            rows, value, error = rows[..., :charge], value[..., :charge], error[..., :charge]
        size = np.abs(value).max()
        off = np.abs(rows.mean(axis=0) - value)
        noisy = error > 1e-12 * size
        assert off[~noisy].max(initial=0.0) < 1e-11 * size
        limit = stats.t.isf(0.5 * FALSE_ALARM / noisy.sum(), len(rows) - 1)
        assert (off[noisy] / error[noisy]).max() < limit
        assert error.max() < 0.05 * size


class Walkers:
    """What walkers make who are born from a channel's collided flights and walls: discrete ordinates in the frame."""

    def __init__(self, given, found, channel):
        (through, density), (finer, finer_density) = (
            self.solved(given, found, channel, mesh) for mesh in (found.edges, halved(found.edges))
        )
        self.through = (4.0 * finer - through) / 3.0
        """(planes, 3): current through planes."""
        self.density = (4.0 * finer_density - density) / 3.0
        """(cells, 3)."""

    @staticmethod
    def solved(given, found, channel, mesh):
        stack, _ = stack_on(sample_of(given), mesh)
        S = parabolas_on(precession_of(problem_of(given))[0], mesh)[:, 2]
        field = found.Omega * found.axis + 2.0 * given.exchange * S * (channel == "exact")
        slab = Ordinates(stack, field, 64 if channel == "exact" else 32)
        walls = np.zeros((2, len(slab.bounds) - 1, 3))
        for x, way, spin in zip(*found.walls[channel], strict=True):
            at = int(np.argmin(np.abs(stack.edges[slab.bounds] - x)))
            walls[(RIGHT, at) if way > 0 else (LEFT, at - 1)] += spin
        collided = found.collided[channel]
        collided = np.repeat(collided, len(S) // len(collided), axis=0)
        later = slab.after(slab.flights(np.zeros_like(S))._replace(density=collided, walls=walls))
        n, step = given.cells[0], given.lengths[0] / given.cells[0]
        cells = [int(np.argmin(np.abs(mesh - i * step))) for i in range(n)]
        density = np.add.reduceat(later.density * np.diff(mesh)[:, None], cells) / step
        return slab.through(later)[[int(np.argmin(np.abs(mesh - x))) for x in given.planes]], density


@pytest.mark.parametrize("name", ["junction", "rough-1", "stack", "stack-1", "ring"])
def test_walkers_that_go_on_make_the_diffusive_part(name):
    """Known + walkers = the solution without walkers, through planes and in cells."""
    given = FAMILY[name]
    found, expected = flown(given), slab_of(problem_of(given))
    known = found.known.value.passages.reshape(2, len(given.planes), -1, given.time_functions, 3).sum(axis=0)
    density = profiles_of(given, found.known.value)[:, DENSITY, :, 0, 0, 0].sum(axis=0)
    for slot, channel in enumerate(given.channels):
        if channel == "second_ladder":
            continue
        walkers, wanted = Walkers(given, found, channel), expected[channel]
        for mine, more, all_of_it, error in (
            (known[:, slot], walkers.through, wanted.current, wanted.current_error),
            (density[:, slot], walkers.density, wanted.density, wanted.density_error),
        ):
            atol = error.sum(axis=0).max() + 2e-5 * np.abs(all_of_it).max()
            steady = (more * found.axis).sum(axis=1, keepdims=True) * found.axis
            harmonic = all_of_it.sum(axis=0).transpose(2, 0, 1)
            assert_allclose(mine[:, 0] + steady, harmonic[:, 0], rtol=0.0, atol=atol)
            if given.harmonics:
                assert_allclose(mine[:, 1] + more - steady, harmonic[:, 1], rtol=0.0, atol=atol)


@pytest.mark.parametrize("J", [0.2, 2.0])
def test_the_shift_changes_nothing(J):
    """Known + walkers is the same for any u taken out of `exact`, and for none."""
    given = scene(("exact",), exchange=J, parameters=TANH, **faces((DIFFUSE, (0.5, 0.5))))
    totals = []
    for shift in ("off", 0.1, 0.4, 1.0):
        found = flown(given, shift=shift, fineness=8.0)
        walkers = Walkers(given, found, "exact")
        known = found.known.value.passages.sum(axis=0).reshape(-1, 3, 3)
        density = profiles_of(given, found.known.value)[:, DENSITY, :, 0, 0, 0, 0].sum(axis=0)
        # at t = 0
        totals.append(
            (known[:, :2].sum(axis=1) + walkers.through, density[:, :2].sum(axis=1) + walkers.density)
        )
    for other in totals[1:]:
        for one, first in zip(other, totals[0], strict=True):
            assert_allclose(one, first, rtol=0.0, atol=1e-6 * np.abs(first).max())


def test_the_shift_leaves_little_to_walkers():
    given = scene(("exact",), exchange=4.0, parameters=TANH, **faces((SPECULAR, SPECULAR)))
    most = {shift: np.abs(flown(given, shift=shift).collided["exact"]).max() for shift in ("off", "auto")}
    assert most["auto"] < 0.5 * most["off"]


# --- errors and layout ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DECKS)
def test_errors_cover_what_finer_meshes_change(name):
    """Two deviations in quadrature, as one standard error; below 1e-4 of the largest total.

    An error may pass through 0 where the number does not, by which 2e-6 of the largest is let pass.
    """
    problem = make_problem(read_deck(RUN / f"{name}.toml"))
    scene = problem.scene
    found = first_flights_along_x(problem)
    better = first_flights_along_x(problem, fineness=12.0, directions=48)
    totals = slab_of(problem)
    for kind in ("profiles", "passages", "budget", "means"):
        mine, true = getattr(found.known.value, kind), getattr(better.known.value, kind)
        error = np.sqrt(sum(getattr(one, kind) ** 2 for one in found.known.deviations))
        rows = (len(mine), -1, mine.shape[-1] // (3 * scene.time_functions), scene.time_functions, 3)
        mine, true, error = (values.reshape(rows) for values in (mine, true, error))
        first = 1 if kind == "budget" else 0  # of what is emitted the walkers book the rest
        size = np.abs(true).max(axis=(1, 3, 4), keepdims=True)
        assert np.all((np.abs(mine - true) <= 3.0 * error + 2e-6 * size)[first:])
        for slot, channel in enumerate(scene.channels if kind in ("profiles", "passages") else ()):
            if kind == "passages":
                assert error[:, :, slot].max() < 1e-4 * np.abs(totals[channel].current.sum(axis=0)).max()
            else:
                for row, of in ((DENSITY, "density"), (TORQUE, "torque")):
                    largest = np.abs(getattr(totals[channel], of).sum(axis=0)).max()
                    assert error[[row, 4 + row], :, slot].max() <= 1e-4 * largest


def test_layout():
    """Every deck that precesses along x is laid out as its blocks are."""
    decks = [
        path for path in sorted(RUN.glob("*.toml")) if path.stem != "ovf_film"
    ]  # its files are not there
    known = [
        problem for problem in (make_problem(read_deck(path)) for path in decks) if precesses_along_x(problem)
    ]
    assert {"junction", "py_pt", "py_cu_pt", "stack", "exact", "yig_pt", "yig_penetration", "rashba"} <= {
        p.name.removesuffix(".toml") for p in known
    }
    for problem in known:
        found = first_flights_along_x(problem, fineness=2.0, directions=8)
        wanted = shapes(problem.scene)
        for sums in (found.known.value, *found.known.deviations):
            for name, shape in wanted.items():
                if name != "conserved":
                    assert getattr(sums, name).shape == shape
            assert all(np.isfinite(part).all() for part in sums[:5])
        assert all(q.shape == (len(found.edges) - 1, 3) for q in found.collided.values())


def test_bits_are_the_same_again():
    first, again = (flown(FAMILY["charge-rough"], fineness=3.0) for _ in range(2))
    for one, other in zip(first.known.value[:5], again.known.value[:5], strict=True):
        assert np.array_equal(one, other)
    for name, q in first.collided.items():
        assert np.array_equal(q, again.collided[name])
