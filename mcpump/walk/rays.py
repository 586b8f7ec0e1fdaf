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
from mcpump.names import CHARGES, lines_of
from mcpump.problem.scene import DENSITY, DIVERGENCE, FROZEN, TORQUE, Scene
from mcpump.textures.moving import texture_field_rate
from mcpump.textures.parameters import scales_of
from mcpump.theory.diffusion_mesh import diffused
from mcpump.walk.backward import (
    ALONG_X,
    ALONG_Y,
    ALONG_Z,
    ANGLE,
    BENT,
    CLOCK,
    COSINE,
    EMISSION,
    GAMMA,
    KEPT,
    LOOKED,
    LOT,
    NU,
    NUMBERS,
    RATE,
    SHIFTED,
    START,
    TURNED,
    Stack,
    follow_rays,
)
from mcpump.walk.course import SAME_PLACE, gates_of, media_of, merged
from mcpump.walk.general import plain
from mcpump.walk.known import CORRECTED_RAYS, RAYS_ALONE, Known
from mcpump.walk.layout import BlockSums, completed, shapes
from mcpump.walk.mesh_reference import mesh_of, table_of
from mcpump.walk.philox import key
from mcpump.walk.reference_rays import follow_reference

Array = NDArray[np.float64]
Integers = NDArray[np.int64]
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


class Grid(NamedTuple):
    """Bins of the sample: boxes, cut at cells, layers and planes, are cut into equal bins."""

    pieces: Array
    """Edges of the boxes along x [ℓ]."""
    layers: Integers
    """Layer of every box along x."""
    across: tuple[int, int]
    """Boxes along y and z: the cells."""
    cuts: tuple[int, int, int]
    """Bins of a box along x, y, z: powers of two."""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Bins along x, y, z."""
        x, y, z = self.cuts
        return len(self.layers) * x, self.across[0] * y, self.across[1] * z

    @property
    def edges(self) -> Array:
        """Edges of the bins along x [ℓ]."""
        steps = np.arange(self.cuts[0]) / self.cuts[0]
        inner = self.pieces[:-1, None] + np.diff(self.pieces)[:, None] * steps
        return np.append(inner.ravel(), self.pieces[-1])

    @property
    def layers_of_bins(self) -> Integers:
        """Layer of every bin, in C order."""
        along = np.repeat(self.layers, self.cuts[0])
        return np.broadcast_to(along[:, None, None], self.shape).ravel()

    def widths(self, scene: Scene, axis: int) -> Array:
        """Widths of the bins along an axis [ℓ]."""
        if axis == 0:
            return np.diff(self.edges)
        return np.full(self.shape[axis], scene.lengths[axis] / self.shape[axis])


class Side(NamedTuple):
    """One side of a face, an interface or a plane: where first flights arrive along the normal with a sense."""

    axis: int
    sense: int
    place: float
    layer: int
    """Layer from which they arrive; of a wall along x −1, that of the bin."""


class Wall(NamedTuple):
    """What a face or one side of an interface sends out diffusely of the first flights that arrive there."""

    axis: int
    """Axis of its normal."""
    sense: int
    """±1, where along the normal it sends."""
    place: float
    """Along the normal [ℓ]."""
    layer: int
    """Layer into which it sends; −1: that of the bin along x."""
    spin: dict[str, Array]
    """Of every channel, per area and time: (bins of the grid on the two other axes, time functions, 3)."""


class Births(NamedTuple):
    """What begins to diffuse where first flights end."""

    collided: dict[str, Array]
    """Of every channel the spin density that collides, at the layer's rate: (bins, time functions, 3), means over bins.
    Beside the channels walked there is `first` where a second order is."""
    walls: tuple[Wall, ...]
    """What walls send out diffusely."""
    charge: dict[str, Array]
    """Of every source whose dipoles are walked the charge velocity: (bins, time functions, 3), means over bins; without
    the directions that the mesh does not have."""


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
        parts.append(_laid_out(scene, grid, stack.media, slots, one, walls, asked))
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
    starts = np.array([*_starts(scene), scene.lengths[0]])
    # three components of at most this, in the layer where electrons fly longest
    most = 3.0 * largest / float((media[:, RATE] + media[:, GAMMA]).min())
    depths = np.array([*(DENSE if "exact" in slots else DEPTHS), most])
    kinds = np.array(list(slots.values()), np.int64)
    return Stack(starts, media, gates_of(scene), depths, kinds, np.array(grid.cuts, np.int64))


def _starts(scene: Scene) -> list[float]:
    """Where layers start along x."""
    return [0.0, *(layer.start for layer in scene.layers[1:])]


def grid_of(scene: Scene) -> Grid:
    """Cut the sample into boxes, and those into bins that are fine against ℓ and the texture."""
    length, _ = scales_of(scene.texture, scene.parameters)
    ells = [layer.v / (layer.rate + layer.gamma_sf) for layer in scene.layers]
    finest = FINE[scene.axes - 1] * min(length if length > 0.0 else math.inf, *ells)
    L, n = scene.lengths[0], scene.cells[0]
    starts = _starts(scene)
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
    starts, last = _starts(scene), len(scene.layers) - 1
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
            follow(stack, numbers, boxes[part], layers[part], salt, *key(scene.seed), sums[part])

        size = max(AT_ONCE // (2 * SETS * points), 1)
        for _ in self.share(some, [slice(first, first + size) for first in range(0, len(boxes), size)]):
            pass
        return sums


def taken_of(name: str) -> str:
    """Name of the slot of what is taken out of a channel."""
    return f"taken out of {name}"


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


def _laid_out(
    scene: Scene,
    grid: Grid,
    media: Array,
    slots: dict[str, int],
    volumes: Array,
    arriving: dict[Side, Array],
    asked: int,
) -> tuple[BlockSums, Births]:
    """Lay out what arrives in bins (bins, kinds, amplitudes) and at walls (bins of the wall, amplitudes).

    Everything is linear in these numbers, so that it serves for deviations too. Births have the time functions of the
    scene, sums those that are asked for.
    """
    width, names = scene.time_functions * 3, list(slots)
    columns = {name: slice(n * width, (n + 1) * width) for n, name in enumerate(names)}
    sent = _sent(scene, arriving)
    local = _with_divergence(scene, grid, media, volumes, sent)
    density, emission = local[:, DENSITY], volumes[:, EMISSION]
    after, later = np.zeros_like(local), {side: np.zeros_like(flux) for side, flux in arriving.items()}
    born = {name: density[:, columns[name]] for name in names if slots[name] >= 0}
    for name in scene.channels:
        if taken_of(name) not in slots:
            continue
        # T[u/τ] is known, but diffusive; what is left to walk is ⟨T[a + u/τ]⟩ − u
        at, taken = columns[name], columns[taken_of(name)]
        after[..., at] = local[..., taken]
        for side, flux in arriving.items():
            later[side][:, at] = flux[:, taken]
        u = emission[:, taken] / media[grid.layers_of_bins, RATE][:, None]
        born[name] = density[:, at] + density[:, taken] - u
        born.pop(taken_of(name), None)
        sent = [(side, _with_taken(spin, at, taken)) for side, spin in sent]
    rows = {name: values.reshape(len(values), -1, 3) for name, values in born.items()}
    walls = tuple(_wall(grid, side, spin, {name: columns[name] for name in born}) for side, spin in sent)
    births = Births(rows, walls, _dipoles(scene, density, columns))
    size = len(scene.walked) * width
    flows = [{side: flux[:, :size] for side, flux in flow.items()} for flow in (arriving, later)]
    both = {side: flows[0][side] + flows[1][side] for side in arriving}
    budget = _budget(scene, grid, media, emission[:, :size], (local + after)[..., :size], both, births)
    profiles = np.concatenate([_on_cells(scene, grid, part[..., :size]) for part in (local, after)])
    passages = np.array([_passages(scene, flow) for flow in flows])
    profiles, passages, budget = (_cut(scene, part, asked) for part in (profiles, passages, budget))
    scene = scene._replace(harmonics=asked // 2)
    sums = completed(scene, profiles, passages, budget, 0)
    wanted = shapes(scene)["conserved"]
    return sums._replace(conserved=sums.passages[1].copy() if wanted[0] else np.zeros(wanted)), births


def _cut(scene: Scene, values: Array, functions: int) -> Array:
    """The first time functions of amplitudes, the last axis."""
    split = values.reshape(*values.shape[:-1], len(scene.walked), scene.time_functions, 3)[..., :functions, :]
    return np.ascontiguousarray(split.reshape(*values.shape[:-1], len(scene.walked) * functions * 3))


def _with_taken(spin: Array, channel: slice, taken: slice) -> Array:
    """Add to what walls send out of a channel what they send out of the spin that is taken out."""
    spin = spin.copy()
    spin[:, channel] += spin[:, taken]
    return spin


def _wall(grid: Grid, side: Side, spin: Array, columns: dict[str, slice]) -> Wall:
    """What is sent out from a side, by channel and bins."""
    shape = [1 if axis == side.axis else n for axis, n in enumerate(grid.shape)]
    rows = {name: spin[:, at].reshape(*shape, -1, 3) for name, at in columns.items()}
    return Wall(*side, {name: values.squeeze(side.axis) for name, values in rows.items()})


def _dipoles(scene: Scene, density: Array, columns: dict[str, slice]) -> dict[str, Array]:
    """Charge velocities of the sources whose dipoles are walked, along the directions of the mesh."""
    found = {}
    for name, walks in zip(CHARGES, scene.dipoles, strict=True):
        if walks and name in columns:
            found[name] = density[:, columns[name]].reshape(len(density), -1, 3).copy()
            found[name][..., scene.axes :] = 0.0
    return found


def _volumes(scene: Scene, grid: Grid) -> Array:
    """Volume of every bin, in C order."""
    x, y, z = (grid.widths(scene, axis) for axis in range(3))
    return (x[:, None, None] * y[:, None] * z).ravel()


def _sent(scene: Scene, arriving: dict[Side, Array]) -> list[tuple[Side, Array]]:
    """What walls send out diffusely: of what comes and is not absorbed, not mirrored, and does not pass straight on.

    By the side of a wall that it is sent from: `sense` and `layer` tell where to.
    """
    sent: dict[Side, Array] = {}
    starts, gates = _starts(scene), gates_of(scene)
    for side, flux in arriving.items():
        face = 2 * side.axis + (1 if side.sense > 0 else 0)
        back = forth = 0.0
        if side.place in (0.0, scene.lengths[side.axis]):
            if not scene.periodic[side.axis]:
                back = (1.0 - scene.absorption[face]) * (1.0 - scene.specularity[face])
        elif side.place in starts:
            gate = gates[starts.index(side.place) - 1]
            passing = gate[0 if side.sense > 0 else 1]
            back, forth = (1.0 - passing) * (1.0 - gate[2]), 0.0 if gate[3] else passing
        to = (
            (back, side._replace(sense=-side.sense)),
            (forth, side._replace(layer=side.layer + side.sense)),
        )
        for share, at in to:
            if share > 0.0:
                sent[at] = sent.get(at, 0.0) + share * flux
    return list(sent.items())


def _with_divergence(
    scene: Scene, grid: Grid, media: Array, volumes: Array, sent: list[tuple[Side, Array]]
) -> Array:
    """Put ∇·j in the place of the emission, from continuity: ∇·j = a + T − Γ g − ∂_t g, less what walls send out.

    Who passes into a bin and is scattered at its wall has come into the bin, and is no first flight any more.
    """
    found, density = volumes.copy(), volumes[:, DENSITY]
    split = density.reshape(len(density), -1, scene.time_functions, 3)
    rate = np.zeros_like(split)
    for n in range(1, scene.harmonics + 1):
        rate[:, :, 2 * n - 1] = n * scene.Omega * split[:, :, 2 * n]
        rate[:, :, 2 * n] = -n * scene.Omega * split[:, :, 2 * n - 1]
    both = (media[:, RATE] + media[:, GAMMA])[grid.layers_of_bins]
    found[:, DIVERGENCE] = volumes[:, EMISSION] + volumes[:, TORQUE] - both[:, None] * density
    found[:, DIVERGENCE] -= rate.reshape(density.shape)
    view = found[:, DIVERGENCE].reshape(*grid.shape, -1)
    for side, spin in sent:
        i = _bin_at(scene, grid, side)
        at = (slice(None),) * side.axis + (i,)
        view[at] -= spin.reshape(view[at].shape) / grid.widths(scene, side.axis)[i]
    found[:, DIVERGENCE] = view.reshape(density.shape)
    return found


def _bin_at(scene: Scene, grid: Grid, side: Side) -> int:
    """Number, along its normal, of the bin into which a wall sends."""
    edges = grid.edges
    if side.axis > 0:
        edges = np.linspace(0.0, scene.lengths[side.axis], grid.shape[side.axis] + 1)
    return int(np.argmin(np.abs(edges - side.place))) - (1 if side.sense < 0 else 0)


def _on_cells(scene: Scene, grid: Grid, values: Array) -> Array:
    """Means over the cells: (bins, kinds, ...) → (kinds, cells, ...)."""
    rest, (_, cut_y, cut_z) = values.shape[1:], grid.cuts
    split = values.reshape(grid.shape[0], scene.cells[1], cut_y, scene.cells[2], cut_z, *rest).mean(
        axis=(2, 4)
    )
    widths, edges = np.diff(grid.edges), np.linspace(0.0, scene.lengths[0], scene.cells[0] + 1)[:-1]
    first = [int(np.argmin(np.abs(grid.edges - edge))) for edge in edges]
    share = widths * (scene.cells[0] / scene.lengths[0])
    found = np.add.reduceat(split * share.reshape(-1, *(1,) * (split.ndim - 1)), first, axis=0)
    return np.moveaxis(found.reshape(-1, *rest), 1, 0)


def _passages(scene: Scene, arriving: dict[Side, Array]) -> Array:
    """Net passages of planes towards +x, (planes, amplitudes); of a face what it absorbs, of charge velocities none."""
    L, near = scene.lengths[0], SAME_PLACE * scene.lengths[0]
    starts, gates = _starts(scene), gates_of(scene)
    flux = {
        (side.sense, side.place): values.mean(axis=0) for side, values in arriving.items() if side.axis == 0
    }
    width = scene.time_functions * 3
    found = np.zeros((len(scene.planes), len(scene.walked) * width))
    for number, x in enumerate(scene.planes):
        if near < x < L - near:
            gate = next((i for i, start in enumerate(starts[1:]) if abs(start - x) <= near), -1)
            place = starts[gate + 1] if gate >= 0 else x
            forth, back = gates[gate, :2] if gate >= 0 else (1.0, 1.0)
            found[number] = forth * flux[1, place] - back * flux[-1, place]
        elif scene.periodic[0]:
            found[number] = flux[1, L] - flux[-1, 0.0]
        else:
            sense = 1 if x > near else -1
            absorbed = scene.absorption[0 if sense < 0 else 1]
            if absorbed > 0.0:
                found[number] = sense * absorbed * flux[sense, L if sense > 0 else 0.0]
    found[:, len(scene.channels) * width :] = 0.0
    return found


def _budget(
    scene: Scene, grid: Grid, media: Array, emission: Array, flights: Array, arriving: dict[Side, Array],
    births: Births,
) -> Array:  # fmt: skip
    """Lines of the budget: what is emitted less what goes on to walk, the torque, what relaxes and what leaves."""
    lines, spins = lines_of(scene.axes), len(scene.channels) * scene.time_functions * 3
    area, layers = scene.lengths[1] * scene.lengths[2], grid.layers_of_bins
    volumes = _volumes(scene, grid) / area
    found = np.zeros((len(lines), emission.shape[1]))
    collided, sent = np.zeros((len(volumes), spins)), np.zeros(spins)
    for n, name in enumerate(scene.channels):
        at = slice(n * spins // len(scene.channels), (n + 1) * spins // len(scene.channels))
        collided[:, at] = births.collided[name].reshape(len(volumes), -1)
        for wall in births.walls:
            sent[at] += np.einsum("ij,ij...->...", _areas(scene, grid, wall.axis), wall.spin[name]).ravel()
    found[0, :spins] = volumes @ (emission[:, :spins] - media[layers, RATE][:, None] * collided) - sent / area
    found[1, :spins] = volumes @ flights[:, TORQUE, :spins]
    relaxed = lines.index("relaxed")
    found[relaxed, :spins] = (volumes * media[layers, GAMMA]) @ flights[:, DENSITY, :spins]
    for side, flux in arriving.items():
        face = 2 * side.axis + (1 if side.sense > 0 else 0)
        if side.place in (0.0, scene.lengths[side.axis]) and not scene.periodic[side.axis]:
            arrived = _areas(scene, grid, side.axis).ravel() @ flux[:, :spins]
            found[relaxed + 1 + face, :spins] = scene.absorption[face] * arrived / area
    return found


def _areas(scene: Scene, grid: Grid, axis: int) -> Array:
    """Areas of the bins of a wall."""
    first, second = (grid.widths(scene, other) for other in range(3) if other != axis)
    return first[:, None] * second
