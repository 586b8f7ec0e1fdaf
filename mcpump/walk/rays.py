"""What is known of a periodic drive on any mesh without walkers: its first flights, by rays followed backward.

Rays arrive in every bin of a grid that is finer than the mesh, at faces, interfaces and planes. Their points, directions
and times are scrambled Sobol points: R sets, each scrambled by itself, and moved by a digital shift of its own in every
bin, so that bins are independent and the spread over the sets is the error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc

from mcpump.errors import InputError
from mcpump.problem.scene import DENSITY, FROZEN, Scene
from mcpump.textures.moving import texture_field_rate
from mcpump.textures.parameters import scales_of
from mcpump.theory.diffusion_mesh import diffused
from mcpump.walk.arithmetic import key
from mcpump.walk.arrivals import laid_out
from mcpump.walk.backward import (
    BENT,
    EMISSION,
    KEPT,
    SHIFTED,
    TURNED,
    follow_rays,
)
from mcpump.walk.bins import Births, Grid, Integers, Side, starts_of, taken_of
from mcpump.walk.course import SAME_PLACE, gates_of, media_of, merged, plain
from mcpump.walk.known import CORRECTED_RAYS, RAYS_ALONE, Known
from mcpump.walk.mesh_reference import mesh_of, table_of
from mcpump.walk.paths_back import (
    ALONG_X,
    ALONG_Y,
    ALONG_Z,
    ANGLE,
    CLOCK,
    COSINE,
    GAMMA,
    LOOKED,
    LOT,
    NU,
    NUMBERS,
    RATE,
    START,
    Stack,
)
from mcpump.walk.reference_rays import follow_reference

Array = NDArray[np.float64]
SETS = 8
"""Sets of points, each scrambled by itself."""
FINE = (0.25, 0.375, 0.5)
"""Width of the bins at most, in mean free paths and lengths of the texture, for 1, 2 and 3 mesh directions."""
AT_ONCE = 2048
"""Rays that are followed at a time: some hundredths of a second."""
RAYS = (8192, 16384, 16384)
"""Rays of a set that are wanted in the sample, for 1, 2 and 3 mesh directions, times `Scene.first_flights`."""
WALL_RAYS = 1024
"""Rays of a set that are wanted on either side of a face, an interface or a plane."""
ROUNDING = 1e-12
"""Share of a channel's largest amplitude that is rounding where rays find it."""
MORE_RAYS = (4.0, 1.0)
"""Rays that find what flights make of a reference, and of its correction, beside those of first flights."""
DEPTHS, DENSE = (0.5, 0.5), (0.15, 1.0)
"""a and b of the depths a w (w + b) at which a path is looked at; the latter where spins turn, which takes more time than
looking."""
ORDERS = (
    (ALONG_X, COSINE, START, LOOKED, CLOCK, LOT, ANGLE, ALONG_Y, ALONG_Z),
    (ALONG_X, ALONG_Y, ANGLE, COSINE, START, CLOCK, LOOKED, LOT, ALONG_Z),
    (ALONG_X, ALONG_Y, ALONG_Z, ANGLE, COSINE, START, CLOCK, LOOKED, LOT),
)
"""Which Sobol sequence gives which number of a ray, for 1, 2 and 3 mesh directions: the first are the most even."""
KINDS = {"first": KEPT, "second": BENT, "second_ladder": BENT, "exact": TURNED}
"""Which of the spins that arrive is that of a channel."""


class RayFlights(NamedTuple):
    """First flights of a scene, and what begins to diffuse where they end."""

    known: Known
    """What they make of every number of a block."""
    grid: Grid
    """Bins of what is born."""
    births: Births
    """What walkers begin with."""
    deviations: tuple[Births, ...]
    """Those of the births, as in `Known`."""


Share = Callable[[Callable[[Any], Any], Iterable[Any]], Iterable[Any]]
"""What calls a function for all members, in order, as `map` does: that of a pool of threads shares the work."""


def ray_flights(
    scene: Scene,
    user: Any,
    shift: Sequence[float] = (),
    share: Share = map,
    born: int = 0,
    reference: float = 0.0,
) -> RayFlights:
    """Work out the first flights of a scene with a periodic drive.

    Parameters
    ----------
    scene : Scene
        Any mesh, stack, faces and texture; no time bins and no electric field.
    user : compiled function
        The user's texture, or `no_user()`.
    shift : sequence of float
        Of every layer the G [1/τ] of the shift u = M(G)⁻¹a that `exact` gets; none: no shift.
    share : callable, optional
        Who follows the rays: `map` of one thread, or of a pool.
    born : int
        Highest harmonic of what is born, where it is above that of the scene.
    reference : float
        Of `first` and `second` walkers leave out the solution by diffusion (`mcpump.walk.mesh_reference`) times this
        number. 1 is right, and any other gives the same answer.

    Returns
    -------
    RayFlights
        The same bits for the same scene, whoever follows.

    Raises
    ------
    InputError
        For a transient, and with an electric field.
    """
    if scene.time_bins or scene.hall_slot >= 0:
        raise InputError("first flights are known without walkers for a periodic drive of a texture alone")
    asked, scene = scene.time_functions, scene._replace(harmonics=max(born, scene.harmonics))
    grid, sides = grid_of(scene), sides_of(scene)
    slots = _slots(scene, bool(shift))
    stack = _stack(scene, user, grid, slots, shift)
    followed = _Followed(scene, grid, share, scene.first_flights, SETS)
    seen, size, method = (
        plain(scene),
        len(slots) * scene.time_functions * 3,
        CORRECTED_RAYS if reference else RAYS_ALONE,
    )
    volumes, arriving = followed.everywhere(sides, stack, partial(follow_rays, seen, user), size)
    if reference:
        later, arriving_later = _of_reference(followed, sides, stack, slots, volumes, reference)
        slots |= {taken_of(name): -1 for name in referred(scene)}
        volumes = np.concatenate([volumes, later], axis=3)
        arriving = {
            side: np.concatenate([flux, arriving_later[side]], axis=2) for side, flux in arriving.items()
        }
    scale = 1.0 / math.sqrt(SETS * (SETS - 1))
    means = [values.mean(axis=1) for values in (volumes, *arriving.values())]
    off = [scale * (v - m[:, None]) for v, m in zip((volumes, *arriving.values()), means, strict=True)]
    if reference:
        _add_responses(followed, sides, stack, slots, off)
    parts = []
    for r in range(-1, SETS):  # the value first
        one, *flux = [v[:, r] for v in off] if r >= 0 else means
        walls = dict(zip(sides, flux, strict=True))
        parts.append(laid_out(scene, grid, stack.media, slots, one, walls, asked))
    known, births = zip(*parts, strict=True)
    return RayFlights(Known(known[0], known[1:], method), grid, births[0], births[1:])


def points_of(scene: Scene, grid: Grid, more: float) -> int:
    """Points of a set in each box, `more` times those for `first_flights` = 1; never fewer than bins."""
    return max(_power(_wanted(scene) * more / _boxes_in(scene, grid)), math.prod(grid.cuts))


def _boxes_in(scene: Scene, grid: Grid) -> int:
    """Boxes of the sample."""
    return len(grid.layers) * math.prod(grid.across)


def _wall_points(boxes: Array, cuts: tuple[int, int, int], more: float) -> int:
    """Points of a set in each box of a wall."""
    return max(_power(more * WALL_RAYS / len(boxes)), math.prod(cuts))


def _wanted(scene: Scene) -> float:
    """Rays of a set that are wanted in the sample, in pairs of opposite directions, for `first_flights` = 1."""
    return RAYS[scene.axes - 1] / 2


def _power(number: float) -> int:
    """Power of two next to a number, 1 at least."""
    return int(2 ** max(round(math.log2(max(number, 1.0))), 0))


def _slots(scene: Scene, shift: bool) -> dict[str, int]:
    """What stands in the slots of the rays, by name: what is walked, `first` where a second order needs it, the shift."""
    slots = {name: KINDS.get(name, -1) for name in scene.walked}
    if BENT in slots.values():
        slots.setdefault("first", KEPT)
    return slots | ({taken_of("exact"): SHIFTED} if shift and "exact" in slots else {})


def _stack(scene: Scene, user: Any, grid: Grid, slots: dict[str, int], shift: Sequence[float]) -> Stack:
    """What the kernel has to know of layers, slots and bins."""
    shifts = np.array(shift if taken_of("exact") in slots else np.zeros(len(scene.layers)), dtype=float)
    media = np.column_stack([media_of(scene), shifts])
    boxes, layers = _boxes(scene, grid)
    x, y, z = (boxes[:, [2 * i, 2 * i + 1]].mean(axis=1) for i in range(3))
    times = np.arange(8) / 8 * scene.period
    rates = [
        texture_field_rate(scene.texture, scene.parameters, user, x, y, z, t, scene.time_step) for t in times
    ]
    largest = max(float((np.abs(rate).max(axis=0) * media[layers, NU]).max()) for rate in rates)
    starts = np.array([*starts_of(scene), scene.lengths[0]])
    # three components of at most this, in the layer where electrons fly longest
    most = 3.0 * largest / float((media[:, RATE] + media[:, GAMMA]).min())
    depths = np.array([*(DENSE if "exact" in slots else DEPTHS), most])
    kinds = np.array(list(slots.values()), np.int64)
    return Stack(starts, media, gates_of(scene), depths, kinds, np.array(grid.cuts, np.int64))


def grid_of(scene: Scene) -> Grid:
    """Cut the sample into boxes, and those into bins that are fine against ℓ and the texture."""
    length, _ = scales_of(scene.texture, scene.parameters)
    ells = [layer.v / (layer.rate + layer.gamma_sf) for layer in scene.layers]
    finest = FINE[scene.axes - 1] * min(length if length > 0.0 else math.inf, *ells)
    L, n = scene.lengths[0], scene.cells[0]
    starts = starts_of(scene)
    pieces = merged(np.concatenate([np.linspace(0.0, L, n + 1), starts[1:], scene.planes]), L)
    middle = 0.5 * (pieces[1:] + pieces[:-1])
    layers = (np.searchsorted(starts, middle, side="right") - 1).astype(np.int64)
    cuts = [1, 1, 1]
    for axis in range(scene.axes):
        width = scene.lengths[axis] / scene.cells[axis]
        if not scene.folded[axis]:
            cuts[axis] = 2 ** max(math.ceil(math.log2(width / finest) - 1e-9), 1)
    most = _power(_wanted(scene) / (len(layers) * scene.cells[1] * scene.cells[2]))
    while math.prod(cuts) > most:
        cuts[int(np.argmax(cuts))] //= 2
    return Grid(pieces, layers, (scene.cells[1], scene.cells[2]), (cuts[0], cuts[1], cuts[2]))


def sides_of(scene: Scene) -> tuple[Side, ...]:
    """Where first flights have to be known as they arrive: planes, interfaces, and faces that absorb or scatter."""
    L, near = scene.lengths[0], SAME_PLACE * scene.lengths[0]
    starts, last = starts_of(scene), len(scene.layers) - 1
    sides = []
    for x in (*starts[1:], *scene.planes):
        if near < x < L - near:
            left = int(np.searchsorted(starts, x - near, side="right")) - 1
            right = int(np.searchsorted(starts, x + near, side="right")) - 1
            place = starts[right] if right > left else x
            sides += [Side(0, 1, place, left), Side(0, -1, place, right)]
        elif scene.periodic[0]:
            sides += [Side(0, 1, L, last), Side(0, -1, 0.0, 0)]
    for axis in range(scene.axes):
        for face, sense in ((2 * axis, -1), (2 * axis + 1, 1)):
            if not scene.periodic[axis] and (scene.absorption[face] > 0.0 or scene.specularity[face] < 1.0):
                layer = -1 if axis else last if sense > 0 else 0
                sides.append(Side(axis, sense, scene.lengths[axis] if sense > 0 else 0.0, layer))
    return tuple(dict.fromkeys(sides))


def _boxes(scene: Scene, grid: Grid) -> tuple[Array, Integers]:
    """Boxes for the kernel in C order, and their layers."""
    edges = [grid.pieces, *(np.linspace(0.0, scene.lengths[i], scene.cells[i] + 1) for i in (1, 2))]
    low = np.meshgrid(*(e[:-1] for e in edges), indexing="ij")
    high = np.meshgrid(*(e[1:] for e in edges), indexing="ij")
    boxes = np.zeros((low[0].size, 8))
    for i in range(3):
        boxes[:, 2 * i], boxes[:, 2 * i + 1] = low[i].ravel(), high[i].ravel()
    boxes[:, 6] = -1.0
    layers = np.broadcast_to(grid.layers[:, None, None], low[0].shape).ravel()
    return boxes, np.ascontiguousarray(layers)


def _wall_boxes(scene: Scene, grid: Grid, side: Side) -> tuple[Array, Integers, tuple[int, int, int]]:
    """The boxes that lie on one side of a wall, flattened onto it, their layers, and how they are cut."""
    boxes, layers = _boxes(scene, grid)
    rows = np.take(np.arange(len(boxes)).reshape(len(grid.layers), *grid.across), 0, axis=side.axis).ravel()
    boxes, layers = boxes[rows], layers[rows]
    boxes[:, 2 * side.axis], boxes[:, 2 * side.axis + 1] = side.place, side.place
    boxes[:, 6], boxes[:, 7] = side.axis, side.sense
    x, y, z = (1 if axis == side.axis else cut for axis, cut in enumerate(grid.cuts))
    return boxes, np.full_like(layers, side.layer) if side.layer >= 0 else layers, (x, y, z)


class _Followed(NamedTuple):
    """Rays to all bins, faces, interfaces and planes of a scene."""

    scene: Scene
    grid: Grid
    share: Share
    more: float
    """Rays, beside those of `first_flights` = 1."""
    sets: int
    """Sets of points."""
    salt: int = 0

    def everywhere(
        self, sides: Sequence[Side], stack: Stack, follow: Callable[..., Any], width: int
    ) -> tuple[Array, dict[Side, Array]]:
        """What arrives in bins, (bins, sets, kinds, amplitudes), and at walls, (bins of the wall, sets, amplitudes)."""
        scene, grid = self.scene, self.grid
        boxes, layers = _boxes(scene, grid)
        points = points_of(scene, grid, self.more)
        volumes = self._in(boxes, layers, stack, points, (3 + scene.axes, width), 0, follow)
        arriving = {}
        for number, side in enumerate(sides):
            boxes, layers, cuts = _wall_boxes(scene, grid, side)
            points, flat = _wall_points(boxes, cuts, self.more), stack._replace(cuts=np.array(cuts, np.int64))
            found = self._in(boxes, layers, flat, points, (1, width), 1 + number, follow)
            shape = [len(grid.layers), *grid.across]
            shape[side.axis] = 1
            arriving[side] = _in_order(found, tuple(shape), cuts)[:, :, 0]
        return _in_order(volumes, (len(grid.layers), *grid.across), grid.cuts), arriving

    def _in(
        self, boxes: Array, layers: Integers, stack: Stack, points: int, shape: tuple[int, int], number: int,
        follow: Callable[..., Any],
    ) -> Array:  # fmt: skip
        """Follow the rays to boxes: (boxes, bins of a box, sets, kinds, amplitudes)."""
        scene, salt = self.scene, self.salt + number
        sums = np.zeros((len(boxes), int(stack.cuts.prod()), self.sets, *shape))
        numbers = sobol_sets(points, ORDERS[scene.axes - 1], scene.seed, salt)[: self.sets]
        boxes = np.column_stack([boxes, np.arange(float(len(boxes)))])

        def some(part: slice) -> None:
            follow(stack, numbers, boxes[part], layers[part], salt, key(scene.seed), sums[part])

        size = max(AT_ONCE // (2 * SETS * points), 1)
        for _ in self.share(some, [slice(first, first + size) for first in range(0, len(boxes), size)]):
            pass
        return sums


def referred(scene: Scene) -> tuple[str, ...]:
    """Channels that have a reference by diffusion."""
    return tuple(name for name in scene.channels if name in FROZEN)


def _of_reference(
    followed: _Followed,
    sides: Sequence[Side],
    stack: Stack,
    slots: dict[str, int],
    volumes: Array,
    scale: float,
) -> tuple[Array, dict[Side, Array]]:
    """T[u/τ], as what arrives otherwise, of the channels that have a reference; its emission is u/τ itself.

    u is what diffuses from the ends of first flights, and then once more from what that leaves to walk.
    """
    scene, rate = followed.scene, stack.media[followed.grid.layers_of_bins, RATE]
    first = (volumes[:, :, DENSITY, at].mean(axis=1) for at in _columns(scene, slots))
    left = np.concatenate([without_rounding(values) for values in first], axis=1)
    found: list[tuple[Array, dict[Side, Array]]] = []
    for more in MORE_RAYS:
        u = scale * (left + _diffused(followed, rate[:, None] * left))
        salt, rays = (len(sides) + 1) * (1 + len(found)), more * followed.more
        one = _by_table(followed._replace(salt=salt, more=rays), sides, stack, u)
        one[0][:, :, EMISSION] = (rate[:, None] * u)[:, None]
        left = left + one[0][:, :, DENSITY].mean(axis=1) - u
        found.append(one)
    arriving = {side: np.sum([walls[side] for _, walls in found], axis=0) for side in sides}
    return np.sum([volumes for volumes, _ in found], axis=0), arriving


def _columns(scene: Scene, slots: dict[str, int]) -> list[slice]:
    """Columns of the channels that have a reference."""
    width = scene.time_functions * 3
    return [slice(n * width, (n + 1) * width) for n, name in enumerate(slots) if name in referred(scene)]


def _diffused(followed: _Followed, born: Array) -> Array:
    """What diffuses of what is born in the bins."""
    scene, grid = followed.scene, followed.grid
    x, y, z = (grid.widths(scene, axis) for axis in range(3))
    mesh = mesh_of(scene, (x, y, z), np.repeat(grid.layers, grid.cuts[0]))
    return diffused(mesh, born, scene.time_functions, scene.Omega)


def _add_responses(
    followed: _Followed, sides: Sequence[Side], stack: Stack, slots: dict[str, int], off: list[Array]
) -> None:
    """Add to deviations, (bins or bins of a wall, sets, …, amplitudes), what walkers make of the errors of their births.

    By diffusion, and flights of it: to some per cent.
    """
    scene, rate = followed.scene, stack.media[followed.grid.layers_of_bins, RATE]
    channels = _columns(scene, slots)
    taken = slice(off[0].shape[-1] - sum(at.stop - at.start for at in channels), None)
    born = np.concatenate([off[0][:, :, DENSITY, at] for at in channels], axis=2)
    born = (born + off[0][:, :, DENSITY, taken]).reshape(len(rate), -1)
    u = born + _diffused(followed, rate[:, None] * born)
    once = followed._replace(salt=(len(sides) + 1) * (1 + len(MORE_RAYS)), sets=1)
    volumes, arriving = _by_table(once, sides, stack, u)
    volumes[:, :, EMISSION] = (rate[:, None] * u)[:, None]
    for values, more in zip(off, (volumes, *arriving.values()), strict=True):
        split = more[:, 0].reshape(*more.shape[:1], *more.shape[2:-1], SETS, -1)
        values[..., taken] += np.moveaxis(split, -2, 1)


def _by_table(
    followed: _Followed, sides: Sequence[Side], stack: Stack, u: Array
) -> tuple[Array, dict[Side, Array]]:
    """What arrives of u/τ, (bins, amplitudes)."""
    scene, grid = followed.scene, followed.grid
    along = np.repeat(grid.layers, grid.cuts[0])
    table = table_of(grid.edges, (np.flatnonzero(np.diff(along)) + 1).tolist(), grid.shape, scene.periodic, u)
    seen, stack = plain(scene._replace(phases=0)), stack._replace(depths=np.array([*DEPTHS, 0.0]))

    def follow(stack: Stack, *rest: Any) -> None:
        follow_reference(seen, scene.Omega, stack, table, *rest)

    return followed.everywhere(sides, stack, follow, u.shape[1])


def _in_order(sums: Array, boxes: tuple[int, ...], cuts: tuple[int, int, int]) -> Array:
    """(boxes, bins of a box, ...) → (bins in C order of the grid, ...)."""
    split = sums.reshape(*boxes, *cuts, *sums.shape[2:])
    ordered = np.moveaxis(split, (3, 4, 5), (1, 3, 5))
    return np.ascontiguousarray(ordered).reshape(-1, *sums.shape[2:])


def without_rounding(spin: Array) -> Array:
    """Spin of a channel, (places, …), without amplitudes that symmetry forbids, and rounding makes."""
    size = np.abs(spin).max(axis=0, initial=0.0)
    return np.where(size > ROUNDING * size.max(initial=0.0), spin, 0.0)


def sobol_sets(points: int, order: Sequence[int], seed: int, salt: int) -> NDArray[np.uint64]:
    """Sets of Sobol points of 32 bits, each under a random lower triangular matrix of its own: (sets, points, numbers).

    The sequences are given to the numbers of a ray in an order.
    Together with a random digital shift each point is uniform (Matoušek's scrambling).
    """
    plain_points = qmc.Sobol(NUMBERS, scramble=False, bits=32).random(points)
    bits = (plain_points * 2.0**32).astype(np.uint64)
    raw = np.random.Philox(key=[seed, salt]).random_raw(SETS * NUMBERS * 32)
    columns = np.asarray(raw, np.uint64).reshape(SETS, 1, NUMBERS, 32)
    top = np.uint64(1) << np.arange(31, -1, -1, dtype=np.uint64)
    columns = top | (columns & (top - np.uint64(1)))
    found = np.zeros((SETS, points, NUMBERS), np.uint64)
    for j in range(32):
        found ^= np.where(bits & top[j], columns[..., j], np.uint64(0))
    return np.ascontiguousarray(found[..., np.argsort(order)])
