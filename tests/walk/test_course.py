"""The course: slabs, marks, gates and births; a walker on it is in one cell at a time, at faces and corners too."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scenes import (
    CLOSED,
    FAMILY,
    LAYER,
    ORBITAL,
    STACK,
    L,
    March,
    coarse_births,
    faces,
    reference,
    scene,
    transient,
)
from shapes import crossed_waves_parameters

from mcpump.deck.layer import Layer
from mcpump.textures.moving import no_user
from mcpump.textures.parameters import CROSSED_WAVES, USER
from mcpump.walk.course import (
    BIRTH_BINS,
    FLOOR,
    SAME_PLACE,
    Course,
    birth_strength,
    course_of,
    quantile_bin,
    slab_at,
)
from mcpump.walk.walker import X


def made(**changes) -> Course:
    with coarse_births():
        return course_of(scene(**{"time_step": 0.0, **changes}), no_user())


def test_slabs_of_a_plain_mesh():
    ground = made(cells=(6, 1, 1), planes=())
    np.testing.assert_allclose(ground.edges, np.linspace(0.0, L, 7), rtol=1e-15)
    assert np.array_equal(ground.slabs, [[i, 0] for i in range(6)])
    assert np.array_equal(ground.marks, [[-1, -1, 1]] * 7)
    assert ground.gates.shape == (0, 4)
    assert np.array_equal(ground.media, [[LAYER.v, LAYER.rate, LAYER.gamma_sf, LAYER.nu, 0.0, 0.0, 0.0, 0.0]])


def test_planes_at_near_and_off_cell_faces():
    near = 1.0 + 0.1 * SAME_PLACE * L
    ground = made(cells=(3, 1, 1), planes=(0.0, 0.25, near, 2.0, L))
    np.testing.assert_allclose(ground.edges, [0.0, 0.25, 1.0, 2.0, 3.0], rtol=1e-15)
    assert ground.edges[-1] == L
    assert np.array_equal(ground.slabs[:, 0], [0, 0, 1, 2])
    assert np.array_equal(ground.marks[:, 0], [0, 1, 2, 3, 4])
    assert np.array_equal(ground.marks[:, 2], [1, 0, 1, 1, 1])


@pytest.mark.parametrize("at", [0.0, 1e-12, L - 1e-12, L, L + 1e-13])
def test_a_plane_on_a_face_makes_no_slab(at):
    ground = made(cells=(3, 1, 1), planes=(at,))
    assert len(ground.slabs) == 3
    assert ground.edges[0] == 0.0
    assert ground.edges[-1] == L
    assert ground.marks[0 if at < 1.0 else 3, 0] == 0
    assert (ground.marks[:, 0] >= 0).sum() == 1


def test_planes_of_a_fine_mesh_meet_its_faces_exactly():
    """k L/n by different roads of rounding."""
    n = 1000
    planes = tuple(k * (L / n) for k in range(n + 1))
    ground = made(cells=(n, 1, 1), planes=planes)
    assert len(ground.slabs) == n
    assert np.array_equal(ground.slabs[:, 0], np.arange(n))
    assert np.array_equal(ground.marks[:, 0], np.arange(n + 1))
    assert np.all(ground.marks[:, 2] == 1)


def test_layers_in_a_mesh_that_does_not_meet_them():
    ground = made(cells=(4, 1, 1), layers=STACK, planes=(1.0, 1.5))
    np.testing.assert_allclose(ground.edges, [0.0, 0.75, 1.0, 1.5, 2.2, 2.25, 3.0])
    assert np.array_equal(ground.slabs, [[0, 0], [1, 0], [1, 1], [2, 1], [2, 2], [3, 2]])
    # plane and interface at one place; a plane on a cell's face; an interface close to one
    assert np.array_equal(
        ground.marks, [[-1, -1, 1], [-1, -1, 1], [0, 0, 0], [1, -1, 1], [-1, 1, 0], [-1, -1, 1], [-1, -1, 1]]
    )
    assert np.array_equal(ground.media[:, :4], [[m.v, m.rate, m.gamma_sf, m.nu] for m in STACK])
    assert not ground.media[:, 4:].any()
    assert np.array_equal(ground.sheets, [[1.0] + [0.0] * 8])


def test_spin_orbit_numbers_of_layers():
    ground = made(layers=ORBITAL)
    assert np.array_equal(ground.media[:, 4:], [[*m.rashba, m.impurity] for m in ORBITAL])


def test_an_interface_on_a_cell_face_and_on_a_plane():
    layers = (LAYER, LAYER._replace(start=1.0 + 1e-13), LAYER._replace(start=2.0))
    ground = made(cells=(3, 1, 1), layers=layers, planes=(2.0 - 1e-13,))
    assert len(ground.slabs) == 3
    assert np.array_equal(ground.slabs, [[0, 0], [1, 1], [2, 2]])
    assert np.array_equal(ground.marks, [[-1, -1, 1], [-1, 0, 1], [0, 1, 1], [-1, -1, 1]])


@given(
    st.integers(1, 40),
    st.lists(st.floats(0.0, L), max_size=4, unique=True),
    st.lists(st.floats(0.05, L - 0.05), max_size=3, unique=True),
)
@settings(max_examples=60, deadline=None)
def test_every_place_lies_in_its_cell_and_layer(cells, planes, starts):
    starts = sorted(starts)
    if any(b - a < 1e-6 for a, b in itertools.pairwise(sorted(planes))) or any(
        b - a < 1e-6 for a, b in itertools.pairwise(starts)
    ):
        return
    layers = (LAYER, *(LAYER._replace(start=start) for start in starts))
    ground = made(cells=(cells, 1, 1), layers=layers, planes=tuple(sorted(planes)))
    assert ground.edges[0] == 0.0
    assert ground.edges[-1] == L
    assert np.all(np.diff(ground.edges) > 0.0)
    for x in np.linspace(0.0, L, 47)[1:-1] + 1e-7:
        slab = slab_at(ground.edges, x)
        assert ground.edges[slab] <= x < ground.edges[slab + 1]
        cell, layer = ground.slabs[slab]
        assert cell * L / cells - 1e-8 <= x <= (cell + 1) * L / cells + 1e-8
        assert layers[layer].start - 1e-8 <= x
        assert layer + 1 == len(layers) or x <= layers[layer + 1].start + 1e-8
    # every plane, interface and face once, and where it belongs
    for column, places in ((0, sorted(planes)), (1, starts)):
        for i, place in enumerate(places):
            (found,) = np.flatnonzero(ground.marks[:, column] == i)
            assert abs(ground.edges[found] - place) <= 2.0 * SAME_PLACE * L
    assert (ground.marks[:, 2] == 1).sum() == cells + 1
    assert np.array_equal(np.diff(ground.slabs[:, 0]), ground.marks[1:-1, 2])


POSITIVE = st.floats(1e-3, 1e3)


@settings(deadline=None)
@given(POSITIVE, POSITIVE, POSITIVE, POSITIVE, st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.booleans())
def test_gates_keep_detailed_balance(v1, v2, nu1, nu2, T, p, straight):
    layers = (Layer(0.0, v1, 1.0, 0.0, nu1, 1.0, 1.0, True), Layer(1.0, v2, 1.0, 0.0, nu2, T, p, straight))
    ((forward, backward, specularity, passes),) = made(layers=layers).gates
    assert nu1 * v1 * forward == pytest.approx(nu2 * v2 * backward, rel=1e-14)
    assert max(forward, backward) == pytest.approx(T, rel=1e-14)
    assert min(forward, backward) >= 0.0
    assert max(forward, backward) <= 1.0
    assert specularity == p
    assert passes == float(straight)


def test_equal_layers_with_full_transmission_are_no_obstacle():
    assert np.array_equal(made(layers=(LAYER, LAYER._replace(start=1.0))).gates, [[1.0, 1.0, 1.0, 1.0]])


@pytest.mark.parametrize("name", [name for name in FAMILY if FAMILY[name].texture != USER])
def test_birth_density(name):
    """Integrates to one, is nowhere below its floor, and is otherwise the source's strength."""
    given = FAMILY[name]
    ground = course_of(given, no_user())
    assert ground.grid == BIRTH_BINS[given.axes - 1]
    volume = math.prod(given.lengths[: given.axes]) / len(ground.inverse_density)
    assert ground.quantiles[0] == 0.0
    assert ground.quantiles[-1] == 1.0
    assert np.all(np.diff(ground.quantiles) > 0.0)
    assert (volume / ground.inverse_density).sum() == pytest.approx(1.0, rel=1e-12)
    assert ground.inverse_density.max() <= math.prod(given.lengths) / FLOOR * (1.0 + 1e-9)
    strength = np.sqrt((birth_strength(given, no_user()) ** 2).mean(axis=0))
    if strength.any():
        ratio = (1.0 / ground.inverse_density - FLOOR / math.prod(given.lengths)) / strength
        used = strength > 1e-3 * strength.max()
        np.testing.assert_allclose(ratio[used], ratio[used][0], rtol=1e-9)
    else:
        np.testing.assert_allclose(ground.inverse_density, math.prod(given.lengths), rtol=1e-9)
    assert ground.birth_times[0] == 0.0
    assert ground.birth_times[-1] == 1.0
    assert np.all(np.diff(ground.birth_times) >= 0.99 * FLOOR / (len(ground.birth_times) - 1))
    if not given.time_bins:
        assert len(ground.birth_times) == 2


def test_births_follow_the_density_of_states():
    ground = course_of(FAMILY["stack-1"]._replace(parameters=scene().parameters), no_user())
    place = (np.arange(1024) + 0.5) * (L / 1024)
    nu = np.select([place < 1.0, place < 2.2], [1.0, 0.5], 3.0)
    density = (1.0 / ground.inverse_density - FLOOR / L) / nu
    whole = np.minimum(np.abs(place - 1.0), np.abs(place - 2.2)) > L / 1024  # bins that lie in one layer
    np.testing.assert_allclose(density[whole], density[0], rtol=1e-9)


def test_birth_times_follow_the_drive():
    """A short kick of the texture: most births are in its time, and the density is nowhere below its floor."""
    ground = course_of(FAMILY["window"], no_user())
    n = len(ground.birth_times) - 1
    time = (np.arange(n) + 0.5) * (2.5 / n)
    share = np.diff(ground.birth_times)
    assert share[np.abs(time - 1.0) < 0.8].sum() > 0.85
    assert share.min() == pytest.approx(FLOOR / n, rel=0.05)


def test_birth_bins_are_in_c_order():
    """A texture that varies along y only."""
    parameters = crossed_waves_parameters(0.0, 1.0, 0.0, math.pi / 2.0, 0.3)
    given = scene(axes=2, texture=CROSSED_WAVES, parameters=parameters)  # ∝ 1 + cos(πy/2), 2 long along y
    ground = course_of(given, no_user())
    density = (1.0 / ground.inverse_density).reshape(ground.grid)[:, :, 0]
    np.testing.assert_allclose(density, np.broadcast_to(density[:1], density.shape), rtol=1e-9)
    y = (np.arange(96) + 0.5) / 48.0
    profile = density[0] - FLOOR / 6.0
    np.testing.assert_allclose(profile / profile[0], 0.5 * (1.0 + np.cos(0.5 * np.pi * y)), atol=2e-3)


@settings(deadline=None)
@given(st.floats(0.0, 1.0, exclude_min=True, exclude_max=True))
def test_bin_of_a_quantile(quantile):
    quantiles = np.array([0.0, 0.1, 0.1 + 1e-12, 0.7, 1.0])
    bin_, part = quantile_bin(quantiles, quantile)
    assert quantiles[bin_] <= quantile <= quantiles[bin_ + 1]
    assert 0.0 <= part <= 1.0


# A walker on the course, moved by the kernel's own `next_piece` and `cross` along a straight line


def torus(axes, cells=(4, 3, 2)):
    return scene(
        channels=("first",), harmonics=0, axes=axes, time_step=0.0, planes=(0.0, 0.9, L), dimension=max(axes, 2),
        cells=tuple(cells[i] if i < axes else 1 for i in range(3)),
    )  # fmt: skip


def straight(axes, place, direction, duration):
    given = torus(axes)
    flight = March(given, place, direction, duration)
    np.testing.assert_allclose(
        flight.dwell, reference(given, place, direction, duration), rtol=0.0, atol=1e-11
    )
    assert flight.dwell.sum() == pytest.approx(duration, rel=1e-14)
    # unfolded, it went straight
    moved = flight.walker[:3] - place + flight.wraps * given.lengths
    np.testing.assert_allclose(moved[:axes], duration * np.array(direction)[:axes], rtol=0.0, atol=1e-11)
    # every cell gives what it is given, but for the first and the last
    expected = np.zeros(len(flight.divergence))
    expected[flight.start] += 1.0
    expected[flight.cell] -= 1.0
    assert np.array_equal(flight.divergence, expected)
    # planes: on a periodic face twice, by both their numbers
    assert flight.passages[0, 0, 0] == flight.passages[0, 2, 0] == flight.wraps[0]
    return given, flight


CORNERS = st.tuples(st.integers(0, 3), st.integers(0, 2), st.integers(0, 1))
SIGNS = st.tuples(*[st.sampled_from([-1.0, 0.0, 1.0])] * 3)


def lattice(given, corner):
    return tuple(
        corner[i] * (given.lengths[i] / given.cells[i]) if i < given.axes else 0.25 for i in range(3)
    )


@given(st.sampled_from([1, 2, 3]), CORNERS, SIGNS, st.booleans())
@settings(max_examples=80, deadline=None)
def test_from_corner_to_corner(axes, corner, signs, diagonal):
    """Born exactly on a corner, flying along faces, edges and diagonals of cells: never outside, nothing missed."""
    given = torus(axes)
    width = np.array(given.lengths) / given.cells
    direction = np.array(signs) * (width if diagonal else 1.0) * (np.arange(3) < axes)
    if not direction.any():
        return
    direction /= np.linalg.norm(direction)
    straight(axes, lattice(given, corner), tuple(direction), 7.3)


@given(
    st.sampled_from([1, 2, 3]), st.tuples(*[st.floats(0.0, 1.0, exclude_max=True)] * 3),
    st.tuples(*[st.floats(-1.0, 1.0)] * 3), st.floats(0.0, 20.0),
)  # fmt: skip
@settings(max_examples=80, deadline=None)
@example(2, (0.0, 0.5, 0.0), (1.0, 0.0, 0.0), 3.0)
@example(3, (0.5, 0.0, 0.0), (0.0, 1e-300, 1.0), 3.0)
def test_along_any_line(axes, place, direction, duration):
    given = torus(axes)
    place = tuple(u * length for u, length in zip(place, given.lengths, strict=True))
    direction = np.array(direction) * (np.arange(3) < axes)
    # on a face the reference cannot tell from 0 what is less than rounding
    direction[(np.abs(direction) < 1e-6) & (direction < 0.0)] = 0.0
    size = np.linalg.norm(direction)
    if not size > 0.0:
        return
    straight(axes, place, tuple(direction / size), duration)


@pytest.mark.parametrize("tiny", [5e-324, 1e-300, 1e-20, 1e-17])
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("row", [0, 1, 2])
def test_along_a_face_with_hardly_any_slope(tiny, sign, row):
    """Born on a face and leaning to one side by less than rounding: it flies on that side, and once round."""
    given = torus(2)
    flight = March(given, (0.25, 2.0 * row / 3.0, 0.5), (1.0, sign * tiny, 0.0), L)
    by_rows = flight.dwell.reshape(4, 3).sum(axis=0)
    assert by_rows[row if sign > 0.0 else (row - 1) % 3] == pytest.approx(L, rel=1e-14)
    np.testing.assert_allclose(flight.dwell.reshape(4, 3).max(axis=1), 0.75, rtol=1e-14)
    assert flight.walker[X] == pytest.approx(0.25, abs=1e-14)


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_walker_that_does_not_move_stays(axes):
    given, flight = straight(axes, lattice(torus(axes), (1, 1, 1)), (0.0, 0.0, 0.0), 5.0)
    assert not flight.crossed
    assert flight.dwell[flight.start] == 5.0
    assert given.axes == axes


def test_cells_of_a_corner_are_passed_one_after_another():
    """Through a corner along the diagonal: across one face, then in no time across the other; both counted once."""
    diagonal = math.hypot(0.75, 2.0 / 3.0)
    _, flight = straight(2, (0.375, 1.0 / 3.0, 0.5), (0.75 / diagonal, 2.0 / 3.0 / diagonal, 0.0), 0.6)
    assert sorted(axis for axis, _ in flight.crossed) == [0, 1]
    assert flight.cell == flight.start + 3 + 1


@given(
    st.sampled_from([2, 3]), st.tuples(*[st.sampled_from([0.0, 0.25, 1 / 3, 0.5, 2 / 3, 0.75, 1.0])] * 3), SIGNS,
    st.floats(0.1, 15.0),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_between_mirrors(axes, place, signs, duration):
    """Specular faces fold the straight line; born on faces, edges and corners of the sample too."""
    direction = np.array(signs) * (0.6, 1.1, 0.7) * (np.arange(3) < axes)
    if not direction.any():
        return
    direction /= np.linalg.norm(direction)
    given = torus(axes)._replace(**CLOSED, planes=(0.0, 1.0, L))
    place = np.array(place) * given.lengths
    flight = March(given, tuple(place), tuple(direction), duration)
    end = place + duration * direction
    for axis in range(axes):
        phase = end[axis] % (2.0 * given.lengths[axis])
        folded = min(phase, 2.0 * given.lengths[axis] - phase)
        assert flight.walker[X + axis] == pytest.approx(folded, abs=1e-11)
    assert flight.dwell.sum() == pytest.approx(duration, rel=1e-14)
    # nothing leaves: faces are not passed
    assert flight.passages[0, 0, 0] == flight.passages[0, 2, 0] == 0.0
    assert flight.divergence.sum() == 0.0
    expected = np.zeros(len(flight.divergence))
    expected[flight.start] += 1.0
    expected[flight.cell] -= 1.0
    assert np.array_equal(flight.divergence, expected)


@given(st.floats(0.0, L), st.floats(0.05, 1.0), st.booleans(), st.floats(0.0, 9.0))
@settings(max_examples=40, deadline=None)
def test_through_layers_of_different_speed(x, mu, forward, duration):
    """Time in every cell of a stack that a walker passes straight; cells do not meet the layers."""
    layers = tuple(layer._replace(nu=1.0 / layer.v, transmission=1.0, straight=True) for layer in STACK)
    given = torus(1)._replace(layers=layers, planes=(0.0, 1.0, 1.3, L), **faces(((0.0, 1.0), (0.0, 1.0))))
    mu = mu if forward else -mu
    flight = March(given, (x, 0.0, 0.0), (mu, math.sqrt(1.0 - mu * mu), 0.0), duration)
    assert flight.dwell.sum() == pytest.approx(duration, rel=1e-13)
    # time of flight to x, and back: the same map for the start and the end
    knots, speed = np.array([0.0, 1.0, 2.2, L]), np.array([1.0, 2.0, 0.5])
    arrival = np.concatenate([[0.0], np.cumsum(np.diff(knots) / speed)]) / abs(mu)
    whole = arrival[-1]
    begin = np.interp(x, knots, arrival)
    phase = (begin + duration if forward else 2.0 * whole - begin + duration) % (2.0 * whole)
    expected = np.interp(min(phase, 2.0 * whole - phase), arrival, knots)
    assert flight.walker[X] == pytest.approx(expected, abs=1e-10)


def test_time_bins_of_passages_and_divergence():
    """A transient: each passage in the bin of its time."""
    given = transient(
        channels=("first",), axes=2, dimension=2, time_step=0.0, planes=(0.5, 1.5), t_end=2.5, time_bins=5
    )
    flight = March(given, (0.0, 0.25, 0.5), (1.0, 0.0, 0.0), math.inf)
    # cells and bins are 0.5 wide: faces at 0.5, 1, … are met at these times, at the beginning of a bin
    assert np.array_equal(flight.passages[0, :, 0].reshape(2, 5), [[0, 1, 0, 0, 0], [0, 0, 0, 1, 0]])
    divergence = flight.divergence.reshape(6, 4, 5)
    assert not divergence[:, 1:].any()
    expected = np.zeros((6, 5))
    for i, bin_ in ((1, 1), (2, 2), (3, 3), (4, 4), (5, 4)):  # the last at the very end
        expected[i - 1, bin_] += 1.0
        expected[i, bin_] -= 1.0
    assert np.array_equal(divergence[:, 0], expected)
