"""From a scene and its first flights to what the kernels along x get: slabs and gates, births, and what is carried."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.effort import jumps_in_texture, walked_steps
from mcpump.problem.scene import FEWEST_JUMPED, Layer, Problem, Scene
from mcpump.problem.slab import not_rigid, precession_of, user_of
from mcpump.textures.moving import no_user, texture_field
from mcpump.textures.parameters import Harmonic, shape_of
from mcpump.walk.columns import Columns, columns_in_frame, columns_of_harmonics
from mcpump.walk.course import SAME_PLACE, _gate, _nearest, merged, plain
from mcpump.walk.flight import FACE, INTERFACE, MIRROR, PASS, RING
from mcpump.walk.jumps import KEEP_OFF
from mcpump.walk.source import Source
from mcpump.walk.state import (
    BACK_LEFT,
    BACK_RIGHT,
    BARRIER,
    GATE_COLUMNS,
    JUMP_HIGH,
    JUMP_LOW,
    KIND_HIGH,
    KIND_LOW,
    LANES,
    MARCHED_INTERVAL,
    MEAN_TIME,
    PASSED,
    PLANE,
    REFLECTS,
    RETURNS,
    SPECULARITY,
    SPEED,
    START,
    WITH_SPIN,
    Course,
    Numbers,
    Turning,
)

Array = NDArray[np.float64]
INTERVALS = 4096
"""Intervals of the table of ∫f dx."""
FLOOR = 0.05
"""Share of the walkers born evenly over what is born at all, so that no density of births is 0."""
SHARES, NEVER = 2.0**38, 1e300
STEPS_A_SCORE = 16.0
"""Collisions of a walker for each that is scored."""
NOISE = 0.02
"""Share of the largest amplitude of a spin that turns in flight below which one does not say where walkers are born."""
NO_TEXTURE = 1e-10
"""Size of a texture that turns no spin."""


def slabs_of(scene: Scene, turned: Callable[[Array], Array] | None = None) -> tuple[Array, Array]:
    """Slabs and gates of a sample along x, columns as in `mcpump.walk.state`.

    turned: f(x) of a texture off which jumps are kept, for it turns spins in flight, or is short against them.
    """
    L = scene.lengths[0]
    starts = np.array([layer.start for layer in scene.layers])
    edges = merged(np.concatenate([[0.0, L], starts[1:], np.array(scene.planes)]), L)
    middle = 0.5 * (edges[1:] + edges[:-1])
    which = np.searchsorted(starts, middle, side="right") - 1
    ends = np.append(starts[1:], L)
    stretches = [
        _stretch(scene, i, float(start), float(end), turned)
        for i, (start, end) in enumerate(zip(starts, ends, strict=True))
    ]
    slabs = []
    for bare in (False, True):
        for a, b, i in zip(edges, edges[1:], which, strict=False):
            layer = scene.layers[i]
            loss = 0.0 if bare else layer.gamma_sf
            total = layer.rate + loss
            slabs.append([layer.v, 1.0 / total, round(loss / total * SHARES), a, b, *stretches[i]])
    gates = np.zeros((len(edges), GATE_COLUMNS))
    gates[:, PLANE] = -1.0
    gates[:, [SPECULARITY, WITH_SPIN, PASSED, BACK_LEFT, BACK_RIGHT]] = 1.0
    for i, start in enumerate(starts[1:]):
        gates[_nearest(edges, start), :5] = _interface(scene.layers[i], scene.layers[i + 1])
        gates[_nearest(edges, start), WITH_SPIN:] = _turning(scene.layers[i + 1])
    for side, edge in ((0, 0), (1, len(edges) - 1)):
        gates[edge, :5] = _face(scene, side)
        back = BACK_LEFT if side else BACK_RIGHT
        gates[edge, back : back + 2] = scene.reflection[2 * side : 2 * side + 2]
    for i, plane in enumerate(scene.planes):
        gates[_nearest(edges, plane), PLANE] = i
        if scene.periodic[0] and _on_ring(scene, plane):
            gates[[0, -1], PLANE] = counted_planes(scene)[i]
    return np.array(slabs), gates


def _on_ring(scene: Scene, plane: float) -> bool:
    """Whether a plane lies where a periodic sample begins and ends."""
    return bool(min(plane, scene.lengths[0] - plane) <= SAME_PLACE * scene.lengths[0])


def counted_planes(scene: Scene) -> list[int]:
    """Number of the plane that is counted for each: those at both ends of a periodic sample are one."""
    found = list(range(len(scene.planes)))
    on_ring = [i for i, plane in enumerate(scene.planes) if scene.periodic[0] and _on_ring(scene, plane)]
    for i in on_ring[1:]:
        found[i] = on_ring[0]
    return found


def _stretch(
    scene: Scene, i: int, start: float, end: float, turned: Callable[[Array], Array] | None
) -> list[float]:
    """Where a walker in a layer may jump, from and to, and what the ends are."""
    last = len(scene.layers) - 1
    closed = [_face(scene, side)[0] == MIRROR for side in (0, 1)]
    mirrors = [not scene.periodic[0] and one for one in closed]
    kinds = [
        REFLECTS if i == 0 and mirrors[0] else BARRIER,
        REFLECTS if i == last and mirrors[1] else BARRIER,
    ]
    if scene.periodic[0] and last == 0:
        kinds = [RETURNS, RETURNS]
    if turned is None:
        return [start, end, *kinds]
    x = np.linspace(start, end, INTERVALS)
    # the widest gap between places where exchange turns spins
    there = np.concatenate([[start - 1.0], x[np.abs(turned(x)) > NO_TEXTURE], [end + 1.0]])
    widest = int(np.argmax(np.diff(there)))
    low, high = there[widest], there[widest + 1]
    if low < start and high > end:
        return [start, end, *kinds]
    ends = [kinds[0] if low < start else BARRIER, kinds[1] if high > end else BARRIER]
    ends = [BARRIER if kind == RETURNS else kind for kind in ends]
    return [max(low, start), min(high, end), *ends]


def _interface(left: Layer, right: Layer) -> list[float]:
    """Gate at an interface."""
    forth, back, specularity, straight = _gate(left, right)
    as_it_is = right.flip == 0.0 and not right.magnetic
    kind = PASS if min(forth, back) >= 1.0 and straight and as_it_is else INTERFACE
    return [kind, forth, back, specularity, straight]


def _turning(right: Layer) -> list[float]:
    """What an interface makes of spin: the share that keeps it, and factors of what is across a magnetization."""
    factors = (right.passed, *right.kept)
    return [1.0 - right.flip, *(part for f in map(complex, factors) for part in (f.real, f.imag))]


def _face(scene: Scene, side: int) -> list[float]:
    """Gate at a face."""
    if scene.periodic[side // 2]:
        return [RING, 1.0, 1.0, 1.0, 1.0]
    absorption, specularity = scene.absorption[side], scene.specularity[side]
    turns = side < 2 and scene.reflection[2 * side : 2 * side + 2] != (1.0, 0.0)
    kind = MIRROR if absorption == 0.0 and specularity == 1.0 and not turns else FACE
    return [kind, absorption, absorption, specularity, 1.0]


def sides_of(scene: Scene) -> Array:
    """Gates at the faces y−, y+, z−, z+."""
    sides = []
    for face in range(2, 6):
        kind, absorption, _, specularity, _ = _face(scene, face)
        sides.append([kind, absorption, specularity])
    return np.array(sides)


def births_of(source: Source, slabs: Array, columns: Columns) -> tuple[Array, Array]:
    """Places and contents of the births: what is born over the density of births, ∝ the size of all numbers alike."""
    extent, size = source.extents, source.sizes
    total = (size * extent[:, None]).sum(axis=0)
    kept = _counted(total, columns)
    strength = (size[:, kept] / total[kept]).mean(axis=1) if kept.any() else np.ones(len(size))
    share = strength * extent
    share = FLOOR * extent / extent.sum() + (1.0 - FLOOR) * share / share.sum()
    quantiles = np.concatenate([[0.0], np.cumsum(share)])
    quantiles /= quantiles[-1]
    contents = source.rows * (extent / np.diff(quantiles))[:, None, None]
    half, middle = len(slabs) // 2, source.places[:, :2].mean(axis=1)
    # of who leaves a wall along x: the slab on that side
    inside = np.where(source.normal == 0.0, source.sense * SAME_PLACE, 0.0)
    slab = np.searchsorted(slabs[:half, START], middle + inside, side="right") - 1
    births = np.column_stack([
        quantiles[:-1], source.places[:, :2], source.sense, np.clip(slab, 0, half - 1), source.places[:, 2:],
        source.normal,
    ])  # fmt: skip
    return np.concatenate([births, [[1.0, *births[-1, 1:]]]]), contents


def _counted(total: Array, columns: Columns) -> NDArray[np.bool_]:
    """Which numbers say where walkers are born.

    Of spins that turn in flight those of the harmonics asked for, without what is small and may be noise of the rays.
    """
    kept = total > 0.0
    each, wanted = 3 * (1 + 2 * columns.born), 3 * (1 + 2 * columns.harmonics)
    for at in range(columns.row, len(total), each) if columns.turned else ():
        kept[at : at + each] &= total[at : at + each] > NOISE * total[at : at + wanted].max()
        kept[at + wanted : at + each] = False
    return kept


def table_of(area_slope: Callable[[Array], Array], length: float) -> Array:
    """Cubics of ∫f dx in equal intervals of the sample, from f itself."""
    edges = np.linspace(0.0, length, INTERVALS + 1)
    h = length / INTERVALS
    node, weight = np.polynomial.legendre.leggauss(4)
    places = edges[:-1, None] + 0.5 * h * (1.0 + node)
    values = area_slope(places.ravel()).reshape(places.shape)
    areas = 0.5 * h * (values @ weight)
    # slopes at both ends of each interval, from inside of it: f may jump between two
    inside = 1e-9 * h
    left, right = h * area_slope(edges[:-1] + inside), h * area_slope(edges[1:] - inside)
    start = np.concatenate([[0.0], np.cumsum(areas)[:-1]])
    return np.column_stack([start, left, 3.0 * areas - 2.0 * left - right, left + right - 2.0 * areas])


class Frame(NamedTuple):
    """The frame that turns with a rigid precession, and the texture in it."""

    axes: Array
    """(3, 3): e₁, e₂, n̂ at t = 0 and x = 0."""
    Omega: float
    """Its angular velocity [1/τ]."""
    q: float
    """It turns by qx about n̂, too."""
    nx: float
    """The texture is f(x) (nx, 0, nz)."""
    nz: float


def frame_of(problem: Problem) -> Frame:
    """Frame of a problem whose texture precesses rigidly along x."""
    scene, (_, turning) = problem.scene, precession_of(problem)
    shape = shape_of(scene.texture, scene.parameters)
    assert isinstance(shape, Harmonic)
    Omega, P = float(np.linalg.norm(turning)), np.array(shape.P)
    axis, e1 = turning / Omega, P / np.linalg.norm(P)
    # a precession the other way round runs along −q
    turns = math.copysign(1.0, float(np.dot(np.cross(P, np.array(shape.Q)), axis)))
    axes = np.array([e1, np.cross(axis, e1), axis])
    return Frame(axes, Omega, shape.q[0] * turns, float(np.linalg.norm(P)), float(np.dot(shape.C, axis)))


def numbers_of(scene: Scene, columns: Columns, frame: Frame) -> Numbers:
    """Plain numbers for the kernels."""
    return Numbers(
        dimension=scene.dimension, axes=scene.axes, lengths=scene.lengths, cells=scene.cells,
        walkers=scene.walkers_per_block, max_flights=scene.max_flights,
        score_interval=scene.score_interval,
        t_end=min(scene.t_max, scene.t_dipole if any(scene.dipoles) else NEVER, NEVER),
        t_spin=min(scene.t_max, NEVER), t_dipole=min(scene.t_dipole, NEVER), Omega=frame.Omega,
        harmonics=columns.harmonics, constants=columns.constants, pairs=columns.pairs, exact=columns.exact,
        ladder=columns.ladder,
        dipoles=bool((columns.relaxes == 0.0).any()), exchange=2.0 * scene.exchange, nx=frame.nx, nz=frame.nz,
        q=frame.q, table_scale=INTERVALS / scene.lengths[0], jump=0.0 if columns.turned else scene.jump,
        turning=bool(columns.turned),
    )  # fmt: skip


class Plan(NamedTuple):
    """What is worked out once before blocks are walked."""

    scene: Scene
    numbers: Numbers
    course: Course
    columns: Columns
    table: Array
    user: Any
    """The user's texture, or `no_user()`."""


def columns_of(problem: Problem) -> Columns:
    """Layout of the numbers that a problem's walkers carry."""
    if not_rigid(problem.scene):
        return columns_of_harmonics(problem.scene)
    return columns_in_frame(problem.scene, frame_of(problem).axes)


def plan_of(problem: Problem, source: Source) -> Plan:
    """Plan of a problem's walk.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    source : Source
        What its walkers are born from.
    """
    scene = problem.scene
    rigid, columns = not not_rigid(scene), columns_of(problem)
    frame = frame_of(problem) if rigid else Frame(np.eye(3), scene.Omega, 0.0, 0.0, 0.0)
    f: Callable[[Array], Array] = envelope_of(scene) if rigid else np.zeros_like
    keeps_off = columns.exact or columns.ladder or not jumps_in_texture(scene)
    slabs, gates = slabs_of(scene, _kept_off(source, f) if keeps_off else None)
    planes = np.array(scene.planes, dtype=float)
    course = Course(slabs, gates, *births_of(source, slabs, columns), planes, sides_of(scene))
    numbers = with_effort(scene, numbers_of(scene, columns, frame), slabs)
    return Plan(scene, numbers, course, columns, table_of(f, scene.lengths[0]), user_of(problem))


def turning_of(plan: Plan) -> Turning | None:
    """What spins that any texture turns need beside the lanes; None where there are none."""
    scene, columns = plan.scene, plan.columns
    if not columns.turned:
        return None
    first = dict(zip(columns.turned, columns.places, strict=True))
    phases, slots = scene.phases, len(scene.channels)
    return Turning(
        plain(scene), plan.user, columns.born, first.get("exact", -1), first.get("second_ladder", -1),
        births=np.zeros((LANES, phases, 5)), spins=np.zeros((LANES, slots, phases, 3)), kept=np.zeros((LANES, phases, 3)),
        fields=np.zeros((2, phases, 3)), change=np.zeros((slots, phases, 3)), row=np.zeros((1, columns.row)),
    )  # fmt: skip


def _kept_off(source: Source, envelope: Callable[[Array], Array]) -> Callable[[Array], Array]:
    """What jumps are kept off, as a function of x: the texture, and where spin is born."""
    size = np.abs(source.rows).sum(axis=1)
    share = (size / np.maximum(size.max(axis=0), 1e-300)).max(axis=1)
    middle = source.places[:, :2].mean(axis=1)
    order = np.argsort(middle)

    def there(x: Array) -> Array:
        return np.maximum(np.abs(envelope(x)), np.interp(x, middle[order], share[order]))

    return there


def with_effort(scene: Scene, numbers: Numbers, slabs: Array) -> Numbers:
    """Numbers with the longest jump, 0 where no stretch has room for any, and how often collisions are scored."""
    width = (slabs[:, JUMP_HIGH] - slabs[:, JUMP_LOW]) / (slabs[:, SPEED] * slabs[:, MEAN_TIME])
    barriers = (slabs[:, [KIND_LOW, KIND_HIGH]] == BARRIER).sum(axis=1)
    room = width / np.maximum(barriers, 0.5) / KEEP_OFF
    jump = min(scene.jump, float((0.5 * scene.dimension * room**2).max()))
    jump = jump if jump >= FEWEST_JUMPED else 0.0
    steps = walked_steps(scene._replace(jump=jump))
    automatic = 2 ** int(math.log2(min(max(steps / STEPS_A_SCORE, 1.0), 16.0)))
    return numbers._replace(jump=jump, score_interval=scene.score_interval or automatic)


def envelope_of(scene: Scene) -> Callable[[Array], Array]:
    """f(x) of a texture that precesses rigidly, from the texture itself."""
    shape = shape_of(scene.texture, scene.parameters)
    assert isinstance(shape, Harmonic)
    P = np.array(shape.P)

    def f(x: Array) -> Array:
        # f (C + P cos qx + Q sin qx) has |…|² = C² + P² everywhere; its sign is that of what precesses
        across = np.zeros_like(x)
        S = texture_field(scene.texture, scene.parameters, no_user(), x, across, across, 0.0)
        c, s = np.cos(shape.q[0] * x), np.sin(shape.q[0] * x)
        along = np.array(shape.C)[:, None] + P[:, None] * c + np.array(shape.Q)[:, None] * s
        return np.asarray((S * along).sum(axis=0) / (along * along).sum(axis=0))

    return f


def plain_numbers(scene: Scene) -> Numbers:
    """Plain numbers of a scene whose lanes carry no rows, and end by themselves."""
    return Numbers(
        dimension=scene.dimension, axes=scene.axes, lengths=scene.lengths, cells=scene.cells,
        walkers=scene.walkers_per_block, max_flights=scene.max_flights, score_interval=MARCHED_INTERVAL,
        t_end=NEVER, t_spin=NEVER, t_dipole=NEVER, Omega=0.0, harmonics=0, constants=0, pairs=0, exact=False,
        ladder=False, dipoles=any(scene.dipoles), exchange=0.0, nx=0.0, nz=0.0, q=0.0, table_scale=1.0, jump=0.0,
        folded=scene.folded, mean_cosine=scene.mean_cosine, spin_orbit=scene.spin_orbit,
    )  # fmt: skip
