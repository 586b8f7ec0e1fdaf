"""Walks from birth: budget, divergence, lifetimes, causality, equilibrium, and the same bits interpreted as compiled.

Run as a program (`python test_from_birth.py FILE`) this file walks the small scenes and saves every array: with
NUMBA_DISABLE_JIT=1 it does so in plain Python.
"""

import itertools
import math
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from kernels import arrays_of_sums, assert_same_bits, interpreted_arrays
from scenes import (
    CLOSED,
    DIFFUSE,
    FAMILY,
    LAYER,
    PLANE,
    SPECULAR,
    STACK,
    STILL,
    L,
    blocks_of,
    budget_of,
    coarse_births,
    faces,
    problem_of,
    profiles_of,
    scene,
    transient,
    user_for,
    walked,
)

from mcpump.names import CHANNELS, CHARGES
from mcpump.tally.tally import Tally
from mcpump.textures.moving import no_user
from mcpump.walk.from_birth import follow_block, walk_from_birth, ways_of
from mcpump.walk.layout import GOES_ON, BlockSums, scene_tallies
from mcpump.walk.walked_flights import walk_first_flights

SINGLE = tuple(name for name, given in FAMILY.items() if given.axes == 1)
TRANSIENTS = tuple(name for name, given in FAMILY.items() if given.time_bins)
BLOCK = 7


def arrays(folder):
    """Every array of one block of every small scene."""
    found = {}
    with coarse_births():
        for name, given in FAMILY.items():
            user = user_for(given, Path(folder))
            sums = walk_from_birth(given, user, ways_of(given, user), BLOCK)
            found |= arrays_of_sums(name, sums)
    return found


@pytest.fixture(scope="module")
def interpreted(tmp_path_factory):
    return interpreted_arrays(__file__, tmp_path_factory.mktemp("transport") / "interpreted.npz")


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    return arrays(tmp_path_factory.mktemp("texture"))


def sums_of(name, compiled):
    return BlockSums(*(compiled[f"{name} {field}"] for field in BlockSums._fields))


@pytest.mark.parametrize("name", FAMILY)
def test_interpreted_equals_compiled_bit_for_bit(name, interpreted, compiled):
    assert_same_bits(name, interpreted, compiled)


def test_the_small_scenes_reach_every_part_of_the_walk(compiled):
    """Else equal bits would say little: every line of the budget, every channel, kind and part."""
    reached = {
        line
        for name, given in FAMILY.items()
        for line, values in budget_of(given, sums_of(name, compiled)).items()
        if np.any(values)
    }
    assert reached >= {
        "emitted", "torque", "stored", "relaxed", "left_at_left", "left_at_right", "left_at_front", "left_at_back",
        "left_at_bottom", "left_at_top", "cut",
    }  # fmt: skip
    assert {given.texture for given in FAMILY.values()} == set(range(6))
    assert {(given.axes, given.dimension) for given in FAMILY.values()} >= {
        (1, 1),
        (1, 2),
        (1, 3),
        (2, 2),
        (2, 3),
        (3, 3),
    }
    assert {slot for given in FAMILY.values() for slot in given.channels} == {*CHANNELS, "spin_hall"}
    assert {slot for given in FAMILY.values() for slot in given.sources} == set(CHARGES)
    assert {
        walks for given in FAMILY.values() for walks in zip(given.sources, given.dipoles, strict=False)
    } >= {(name, walks) for name in CHARGES for walks in (True, False)}
    for name, given in FAMILY.items():
        profiles = profiles_of(given, sums_of(name, compiled))[..., : len(given.channels), :, :]
        kinds = np.abs(profiles).max(axis=tuple(range(2, profiles.ndim)))
        torque = not set(given.channels) <= {"first", "spin_hall"}
        assert np.all(kinds[:, [0, 2, *range(3, 3 + given.axes)]] > 0.0)
        # `second` is not turned any more once it is scattered
        assert kinds[0, 1] > 0.0 if torque else True
        assert (kinds[1, 1] > 0.0) == bool({"second_ladder", "exact"} & set(given.channels))
        formula = sums_of(name, compiled).converted
        assert formula.size == 0 or formula.any()
        for source, walks in zip(CHARGES, given.dipoles, strict=True):
            if source not in given.sources:
                continue
            at = given.walked.index(source)
            profiles = profiles_of(given, sums_of(name, compiled))[..., at, :, :]
            assert profiles[0, 0].any(), f"{name}: {source}"
            # charge density, its books, and the diffusive current of what is left behind
            assert profiles[1, 0].any() == walks, f"{name}: {source}"
            assert profiles[1, 1, ..., :2].any() == walks, f"{name}: {source}"
            assert not profiles[1, 1, ..., 2].any()


def test_folded_bounces_change_nothing():
    """The paths are the same to rounding, and what is scored along them within errors; the film is met in few pieces."""
    folded = FAMILY["film"]._replace(walkers_per_block=256)
    flown = folded._replace(folded=(False, False, False))
    each = [blocks_of(given, 24) for given in (folded, flown)]
    lines = [np.array([[*budget_of(folded, sums).values()] for sums in blocks])[:, :, 0] for blocks in each]
    # `first` is what was emitted: where it ends tells where the walkers have gone
    np.testing.assert_allclose(lines[0], lines[1], rtol=0.0, atol=1e-9 * np.abs(lines[1]).max())
    profiles = [np.array([profiles_of(folded, sums) for sums in blocks]) for blocks in each]
    off = profiles[0] - profiles[1]
    mean, error = off.mean(axis=0), off.std(axis=0, ddof=1) / math.sqrt(len(off))
    # what a rotation leaves out, 1e-4 of its angle, differs with the pieces it is made of, and is seen in the divergence
    size = np.abs(profiles[1].mean(axis=0)).max(axis=(2, 3, 4, 5, 7, 8), keepdims=True)
    assert np.all(np.abs(mean) <= 6.0 * error + 1e-4 * size + 1e-12 * size.max())
    # the diffusive density, and what flows along the film, are known as well as with every bounce
    for kind in (0, 4):
        errors = [values[:, 1, kind].std(axis=0).mean() for values in profiles]
        assert errors[0] < 1.1 * errors[1]


def test_a_walker_of_a_thin_film_takes_few_pieces():
    given = FAMILY["film"]._replace(lengths=(1e-7, L, 1e-9))
    traces = np.full((10_000, 9), -1.0), np.full((10_000, 9), -1.0)
    ways = ways_of(given, no_user())
    _, wrong, (steps, more) = follow_block(
        given, no_user(), ways, 0, scene_tallies(given), GOES_ON, 3, traces
    )
    assert (wrong, 1 <= steps < 1000, 1 <= more < 1000) == (0, True, True)
    for axis in (0, 2):
        places = traces[0][:steps, 3 + axis]
        assert np.all((places >= 0.0) & (places <= given.lengths[axis]))
    assert np.all((traces[1][:more, 2] >= 0.0) & (traces[1][:more, 2] <= given.lengths[0]))


@pytest.mark.parametrize("name", FAMILY)
def test_the_budget_closes_in_every_block(name, compiled):
    """Emitted + torque = stored + relaxed + left + cut in every channel: DC to rounding, the rest by construction."""
    lines = budget_of(FAMILY[name], sums_of(name, compiled))
    gained = lines.pop("emitted") + lines.pop("torque") + lines.pop("spin_orbit_torque", 0.0)
    rest = gained - sum(lines.values())
    size = np.abs(gained).max() + sum(np.abs(values) for values in lines.values()).max()
    assert np.all(np.abs(rest) <= 2e-14 * size)
    if not FAMILY[name].time_bins:
        assert not lines["stored"][:, 0].any()


DIPOLES = [name for name, given in FAMILY.items() if any(given.dipoles)]


@pytest.mark.parametrize("name", DIPOLES)
def test_dipoles_do_not_relax(name, compiled):
    """Born at first collisions, they are stored, leave, or are cut where the deck ends them."""
    given = FAMILY[name]
    lines = budget_of(given, sums_of(name, compiled))
    for source, walks in zip(CHARGES, given.dipoles, strict=True):
        if source not in given.sources:
            continue
        at = given.walked.index(source)
        assert not lines["emitted"][at].any()
        assert not lines["relaxed"][at].any()
        assert lines["torque"][at].any() == walks, source
        gone = sum(values[at] for line, values in lines.items() if line not in ("emitted", "torque"))
        # those of a pair may cancel, so that nothing but rounding is left of their sum
        size = max(np.abs(values).max() for values in lines.values())
        assert np.abs(lines["torque"][at] - gone).max() <= 1e-13 * size
        if given.time_bins or not math.isfinite(given.t_dipole):
            assert not lines["cut"][at].any()
        elif walks and not any(given.absorption):
            assert lines["cut"][at, 0].any()


@pytest.mark.parametrize("name", [name for name in DIPOLES if not FAMILY[name].time_bins])
def test_charge_is_conserved_in_every_cell(name, compiled):
    """DC: ∇·j_c from the books of dipoles is 0 to rounding where none is cut; no charge in all where none can leave."""
    given = FAMILY[name]
    profiles = profiles_of(given, sums_of(name, compiled))[1, 1][
        ..., len(given.channels) : len(given.walked), :, :
    ]
    rho, divergence = profiles[..., 0], profiles[..., 1]
    assert rho.any()
    if not math.isfinite(given.t_dipole):
        assert np.abs(divergence[..., 0]).max() <= 1e-12 * np.abs(divergence).max()
    if not any(given.absorption):
        for values in (rho, divergence):
            assert np.abs(values.sum(axis=(0, 1, 2))).max() <= 1e-12 * np.abs(values).max()


@pytest.mark.parametrize("name", [n for n in FAMILY if n not in TRANSIENTS and FAMILY[n].harmonics > 0])
def test_what_oscillates_is_stored_at_the_rate_of_its_density(name, tmp_path):
    """stored = ∂_t ∫g: nΩ ∫g^s for the cosine, −nΩ ∫g^c for the sine; density and budget are told by other events."""
    given = FAMILY[name]._replace(walkers_per_block=512)
    blocks = blocks_of(given, 24, user_for(given, tmp_path))
    found = []
    for sums in blocks:
        density = given.lengths[0] * sums.means.sum(axis=0).reshape(-1, given.time_functions, 3)
        stored = budget_of(given, sums)["stored"]
        # of charge the means are those of currents
        density, stored = density[: len(given.channels)], stored[: len(given.channels)]
        off = []
        for n in range(1, given.harmonics + 1):
            rate = n * 2.0 * math.pi / given.period
            off.append(stored[:, 2 * n - 1] - rate * density[:, 2 * n])
            off.append(stored[:, 2 * n] + rate * density[:, 2 * n - 1])
        found.append(off)
    found = np.array(found)
    mean, error = found.mean(axis=0), found.std(axis=0, ddof=1) / math.sqrt(len(found))
    assert np.all(np.abs(mean) <= 5.0 * error + 1e-13)


@pytest.mark.parametrize("name", SINGLE)
def test_divergence_is_the_net_passage_between_planes(name, tmp_path):
    """Planes on all faces of cells: what a cell gives is what passes one face less what passes the other."""
    given = FAMILY[name]
    n = given.cells[0]
    given = given._replace(planes=tuple(np.linspace(0.0, given.lengths[0], n + 1)))
    sums = walked(given, 3, user_for(given, tmp_path))
    bins = max(given.time_bins, 1)
    passages = sums.passages.reshape(2, n + 1, bins, -1)
    divergence = sums.profiles.reshape(2, given.kinds, n, bins, -1)[:, 2] * (given.lengths[0] / n)
    # of charge the books of dipoles have been turned into something else
    spins = len(given.channels) * given.time_functions * 3
    divergence, passages = divergence[..., :spins], passages[..., :spins]
    assert np.abs(divergence).max() > 0.0
    np.testing.assert_allclose(
        divergence, np.diff(passages, axis=1), rtol=0.0, atol=1e-13 * max(np.abs(passages).max(), 1.0)
    )
    if given.periodic[0]:
        assert np.array_equal(passages[:, 0], passages[:, -1])
    else:
        closed = [at for at, share in ((0, given.absorption[0]), (-1, given.absorption[1])) if share == 0.0]
        assert not passages[:, closed].any()


@pytest.mark.parametrize("name", [name for name in FAMILY if not any(FAMILY[name].absorption)])
def test_divergence_sums_to_nothing_where_nothing_leaves(name, compiled):
    given = FAMILY[name]
    profiles = profiles_of(given, sums_of(name, compiled))[:, 2]
    assert np.all(np.abs(profiles.sum(axis=(1, 2, 3, 4))) <= 1e-14 * np.abs(profiles).sum())


def test_the_order_of_blocks_does_not_matter():
    """One block after others, alone, and after a different scene: the same bits."""
    given, other = FAMILY["stack-2"], FAMILY["everywhere"]
    with coarse_births():
        series = blocks_of(given, 4)
        walked(other, 1)
        alone = walked(given, 3)
    assert all(np.array_equal(a, b) for a, b in zip(series[3], alone, strict=True))
    assert not np.array_equal(series[2].profiles, alone.profiles)


def test_seeds_differ():
    given = FAMILY["ring"]
    one = walked(given)
    for seed in (given.seed + 1, given.seed + 2**32):
        assert not np.array_equal(one.profiles, walked(given._replace(seed=seed)).profiles)


def raw(given, only=-1, most=0, block=0, user=None):
    """Tallies of the kernels themselves, flights, and (collisions or 0, how it ends, age) of each piece of flight."""
    user = user or no_user()
    profile, passages, budget = scene_tallies(given)
    traces = np.zeros((most, 9)), np.zeros((most, 9))
    flights, wrong, steps = follow_block(
        given, user, ways_of(given, user), block, (profile, passages, budget), GOES_ON, only, traces
    )
    assert wrong == 0
    assert max(steps) <= most or not most
    first, later = traces[0][: steps[0]], traces[1][: steps[1]]
    trace = np.concatenate([first[:, :3], np.column_stack([np.ones(len(later)), later[:, :2]])])
    return profile, passages, budget, trace, flights


@pytest.mark.parametrize(
    "name", ["stack", "box", "everywhere", "partial", "charge-2", "charge-time", "bar-1"]
)
def test_one_walker_alone_is_one_of_all(name):
    """`only` walks one walker of the diffusive part; all of them one by one are the block's diffusive part."""
    given = FAMILY[name]
    with coarse_births():
        whole = raw(given, block=2)
        parts = [raw(given, only=i, block=2) for i in range(given.walkers_per_block)]
    for i, what in enumerate(("profile", "passages", "budget")):
        total = sum(part[i] for part in parts)
        expected = whole[i].copy()
        if what != "budget":
            expected[0] = 0.0
        np.testing.assert_allclose(total, expected, rtol=0.0, atol=1e-13 * max(np.abs(whole[i]).max(), 1.0))
    local = whole[4] - sum(part[4] for part in parts)
    assert (
        local == given.walkers_per_block * given.first_flights
    )  # every first flight of the local part counts one


@pytest.mark.parametrize("name", ["stack-2", "box", "partial", "ramp"])
def test_divergence_of_a_walker_is_what_leaves_with_it(name):
    """Summed over the sample: its spin as booked at the face, if it was scattered before."""
    given, leaving = FAMILY[name]._replace(walkers_per_block=48), 0
    with coarse_births():
        for only in range(given.walkers_per_block):
            profile, _, budget, trace, _ = raw(given, only=only, most=1000)
            scattered = trace[-1, 0] > 0
            left = budget[4:-1].sum(axis=0)
            size = np.abs(profile[1, :, 2]).sum() + np.abs(left).max()
            total = profile[1, :, 2].sum(axis=0)
            np.testing.assert_allclose(
                total, left if scattered else 0.0, rtol=0.0, atol=1e-13 * size + 1e-300
            )
            leaving += scattered and left.any()
    assert leaving > 0


TIMED = {
    "torus": scene(axes=3, channels=("first",), harmonics=0, gamma_sf=0.3, phases=1),
    "stack": scene(channels=("first",), harmonics=0, layers=STACK, phases=1, **faces((DIFFUSE, (0.3, 0.5)))),
    "plane": transient(**STILL, **PLANE, axes=2, channels=("first",), layers=STACK, **CLOSED),
}


@pytest.mark.parametrize("name", TIMED)
def test_the_time_in_the_sample_is_the_lifetime(name):
    """Densities of one walker add up to its spin times the time from its first scattering to its end."""
    given = TIMED[name]
    for only in range(given.walkers_per_block):
        profile, _, budget, trace, _ = raw(given, only=only, most=4000)
        spin = budget[0]
        scattered = np.flatnonzero(trace[:, 0] > 0)
        lifetime = trace[-1, 2] - trace[scattered[0] - 1, 2] if len(scattered) else 0.0
        time = profile[1, :, 0].sum(axis=0)
        np.testing.assert_allclose(time, spin * lifetime, rtol=1e-12, atol=1e-14 * np.abs(spin).max())
        assert not profile[0].any()
        # flux is displacement: net of wraps along x, what is passed with velocities of its layers
        if given.periodic[0] and len(given.layers) == 1 and len(scattered):
            flux = profile[1, :, 3].sum(axis=0)
            assert np.all(np.abs(flux) <= np.abs(time) * (1.0 + 1e-12))


@pytest.mark.parametrize("case", ["one", "stack"])
def test_local_density_of_an_initial_spin_decays(case):
    """Uniform spin at t = 0 in a closed sample: the local part is e^{−(1/τ + 1/τ_sf)t} of it."""
    layers = (LAYER,) if case == "one" else (LAYER, LAYER._replace(start=1.2, v=1.7))
    given = transient(
        **STILL, initial=1, initial_spin=(0.0, 0.0, 2.0), initial_walkers=512, walkers_per_block=512, axes=2,
        channels=("first",), layers=layers, **CLOSED,
    )  # fmt: skip
    found = np.array(
        [profiles_of(given, sums)[0, 0, ..., 0, 0, 2].mean(axis=(0, 1, 2)) for sums in blocks_of(given, 32)]
    )
    rate, edges = 1.1, np.linspace(0.0, 2.5, 6)
    expected = 2.0 * -np.diff(np.exp(-rate * edges)) / rate / 0.5
    mean, error = found.mean(axis=0), found.std(axis=0, ddof=1) / math.sqrt(len(found))
    assert np.all(error < 0.02 * expected)
    assert np.all(np.abs(mean - expected) <= 4.0 * error + 1e-12)


def test_all_spin_decays_by_relaxation_alone():
    """Density of all parts in a closed sample: e^{−t/τ_sf}, and the exact channel keeps the length of the spin."""
    given = transient(
        **STILL, initial=1, initial_spin=(0.0, 1.2, 1.6), initial_walkers=512, walkers_per_block=512,
        channels=("first", "exact"), gamma_sf=0.4, exchange=1.5, **faces((SPECULAR, DIFFUSE)),
    )  # fmt: skip
    found = np.array(
        [profiles_of(given, sums)[:, 0, :, 0, 0].sum(axis=0).mean(axis=0) for sums in blocks_of(given, 32)]
    )
    mean, error = found.mean(axis=0), found.std(axis=0, ddof=1) / math.sqrt(len(found))
    edges = np.linspace(0.0, 2.5, 6)
    decay = -np.diff(np.exp(-0.4 * edges)) / 0.4 / 0.5
    np.testing.assert_array_less(
        np.abs(mean[:, 0, 0] - decay[:, None] * (0.0, 1.2, 1.6)), 4.0 * error[:, 0, 0] + 1e-12
    )
    # Hanle: rotation about S by −2J|S|t; time averages over bins by fine quadrature
    S = np.array([0.2, 0.3, 0.9])
    n, omega = S / np.linalg.norm(S), 2.0 * 1.5 * np.linalg.norm(S)
    s0 = np.array([0.0, 1.2, 1.6])
    t = (np.arange(5000) + 0.5) / 5000 * 2.5
    turn = (
        np.outer(np.cos(omega * t), s0 - n * (n @ s0))
        + np.outer(np.sin(omega * t), np.cross(s0, n))
        + n * (n @ s0)
    ) * np.exp(-0.4 * t)[:, None]
    expected = turn.reshape(5, 1000, 3).mean(axis=1)
    np.testing.assert_array_less(np.abs(mean[:, 1, 0] - expected), 4.5 * error[:, 1, 0] + 1e-5)


CAUSAL = (
    LAYER,
    LAYER._replace(start=1.0, v=2.0, rate=0.5, nu=0.5, transmission=0.8, straight=True),
    LAYER._replace(start=2.2, v=0.5, nu=3.0, transmission=1.0, straight=False),
)


@pytest.mark.parametrize("layers", [(LAYER,), CAUSAL], ids=["uniform", "stack"])
@pytest.mark.parametrize("dimension", [1, 3])
@pytest.mark.parametrize("at", [0.0, 0.5, 1.6, L])
def test_nobody_outruns_v(layers, dimension, at):
    """A plane of spin at t = 0: cells beyond its flight are exactly empty, those well within are not."""
    cells, bins, end = 30, 10, 2.0
    given = transient(
        **STILL, initial=2, initial_spin=(0.0, 0.0, 1.0), initial_x=at, initial_walkers=512, walkers_per_block=512,
        dimension=dimension, cells=(cells, 1, 1), time_bins=bins, t_end=end, layers=layers, planes=(),
        channels=("first", "second_ladder", "exact"), phases=1, **faces((SPECULAR, DIFFUSE)),
    )  # fmt: skip
    profiles = profiles_of(given, walked(given))[:, :, :, 0, 0]  # part, kind, x, time, channel, 1, component
    knots = np.array([0.0, 1.0, 2.2, L])
    speed = np.array([1.0, 2.0, 0.5]) if len(layers) > 1 else np.ones(3)
    arrival = np.concatenate([[0.0], np.cumsum(np.diff(knots) / speed)])
    edges = np.interp(np.linspace(0.0, L, cells + 1), knots, arrival)
    begin = np.interp(at, knots, arrival)
    soonest = np.maximum(np.maximum(edges[:-1] - begin, begin - edges[1:]), 0.0)
    bin_ends = np.linspace(0.0, end, bins + 1)[1:]
    never = bin_ends[None, :] < soonest[:, None] - 1e-9
    assert never.any()
    assert not profiles[:, :, never].any()
    latest = np.maximum(np.abs(edges[:-1] - begin), np.abs(edges[1:] - begin))
    surely = (bin_ends - 0.5 * end / bins)[None, :] > latest[:, None] + (0.2 if dimension == 1 else 0.6)
    if dimension == 3:
        total = np.abs(profiles[:, 0, ..., 0, 0, 2]).sum(axis=0)
        assert np.all(total[surely] > 0.0)


EQUILIBRIA = {
    "straight": transient(
        axes=1, layers=tuple(layer._replace(gamma_sf=0.0, straight=True) for layer in STACK)
    ),
    "diffuse": transient(
        axes=1,
        layers=tuple(
            layer._replace(gamma_sf=0.0, straight=False, transmission=0.3, specularity=0.0) for layer in STACK
        ),
    ),
    "one dimension": transient(
        axes=1, dimension=1, layers=tuple(layer._replace(gamma_sf=0.0, transmission=0.3) for layer in STACK)
    ),
    "plane": transient(
        axes=2, dimension=2, layers=tuple(layer._replace(gamma_sf=0.0, transmission=0.3) for layer in STACK)
    ),
    "box": transient(
        axes=3,
        layers=tuple(layer._replace(gamma_sf=0.0, transmission=0.3, straight=False) for layer in STACK),
    ),
}


@pytest.mark.parametrize("name", EQUILIBRIA)
def test_a_uniform_equilibrium_stays(name):
    """Spin ∝ ν at t = 0 behind closed faces stays as it is, cell by cell and bin by bin, and no current flows."""
    given = EQUILIBRIA[name]._replace(
        **STILL, initial=1, initial_spin=(0.0, 0.0, 1.0), initial_walkers=512, walkers_per_block=512,
        slots=(0, -1, -1, -1), planes=(0.0, 1.0, 1.6, 2.2, L), t_end=5.0,
        **faces(((0.0, 0.4), DIFFUSE), (SPECULAR, (0.0, 0.5)), (DIFFUSE, DIFFUSE)),
    )  # fmt: skip
    blocks = blocks_of(given, 32)
    profiles = np.array([profiles_of(given, sums)[..., 0, 0, 2].sum(axis=0) for sums in blocks])
    mean, error = profiles.mean(axis=0), profiles.std(axis=0, ddof=1) / math.sqrt(len(profiles))
    edges = np.linspace(0.0, L, given.cells[0] + 1)
    fine = (np.arange(30_000) + 0.5) / 30_000 * L
    nu = np.select([fine < 1.0, fine < 2.2], [1.0, 0.5], 3.0)
    expected = np.array([nu[(fine > a) & (fine < b)].mean() for a, b in itertools.pairwise(edges)])
    off = (mean[0] - expected[:, None, None, None]) / error[0]
    assert np.abs(off).max() < 5.0
    assert math.sqrt((off**2).mean()) < 1.3
    # divergence and currents
    for kind in range(2, 3 + given.axes):
        z = mean[kind] / np.where(error[kind] > 0.0, error[kind], np.inf)
        assert np.abs(z).max() < 5.0
        assert math.sqrt((z**2).mean()) < 1.3
    passages = np.array([sums.passages.sum(axis=0).reshape(5, 5, -1)[..., 2] for sums in blocks])
    z = passages.mean(axis=0)[1:-1] / (passages.std(axis=0, ddof=1)[1:-1] / math.sqrt(len(blocks)))
    assert np.abs(z).max() < 4.5
    assert not passages[:, [0, -1]].any()


@pytest.mark.parametrize("axes", [2, 3])
def test_a_texture_along_x_gives_the_same_profile_on_any_mesh(axes):
    """Averaged over y and z; within errors, for it is another sample of random numbers."""
    both = []
    for n in (1, axes):
        given = scene(axes=n, walkers_per_block=256, gamma_sf=0.3)
        both.append(
            np.array(
                [
                    profiles_of(given, sums)[:, :4].mean(axis=(3, 4))[..., 0, :, :, :]
                    for sums in blocks_of(given, 24)
                ]
            )
        )
    mean, error = (
        [f(one) for one in both]
        for f in (lambda v: v.mean(axis=0), lambda v: v.std(axis=0, ddof=1) / math.sqrt(24))
    )
    size = np.hypot(*error)
    z = (mean[0] - mean[1]) / np.where(size > 1e-14, size, np.inf)
    assert np.abs(z).max() < 5.5
    assert math.sqrt((z[z != 0.0] ** 2).mean()) < 1.15


@pytest.mark.parametrize("name", FAMILY)
def test_the_books_take_every_scene(name, compiled):
    """Exponents fit: no overflow of the exact sums, and their mean is the block's number."""
    given = FAMILY[name]
    if given.texture == 5:
        return
    from mcpump.walk.blocks import ground_of

    with coarse_births():
        ground = ground_of(problem_of(given))
    books = Tally(given, ground.exponents)
    sums = sums_of(name, compiled)
    books.add(0, sums)
    scale = np.abs(sums.budget).max()
    np.testing.assert_allclose(books.groups("budget").mean, sums.budget, rtol=0.0, atol=1e-12 * scale)


if __name__ == "__main__":
    assert not hasattr(walk_first_flights, "py_func"), "compiled, not interpreted"
    with tempfile.TemporaryDirectory() as temporary:
        np.savez(sys.argv[1], **arrays(temporary))
