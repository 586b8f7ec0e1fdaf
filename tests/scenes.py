"""Small scenes for the tests of the general walk, by hand: every face, stack, texture, channel and kind of time."""

from __future__ import annotations

import contextlib
import math

import numpy as np
from parts import callable_from_python
from shapes import (
    crossed_waves_parameters,
    domain_wall_parameters,
    harmonic_parameters,
    skyrmion_parameters,
    vortex_parameters,
)

from mcpump.deck.layer import Layer
from mcpump.names import CHANNELS
from mcpump.problem.reduce_scene import with_charge
from mcpump.problem.scene import Extents, Problem, Scales, Scene
from mcpump.textures.moving import no_user
from mcpump.textures.parameters import (
    CROSSED_WAVES,
    DOMAIN_WALL,
    DRIVE_PULSE,
    DRIVE_RAMP,
    ENVELOPE_PENETRATION,
    HARMONIC,
    SKYRMION,
    USER,
    VORTEX,
)
from mcpump.textures.program import Program
from mcpump.textures.shapes import ENVELOPE_TANH
from mcpump.textures.user import load_user_texture
from mcpump.walk import carried, course, rays, walked_flights, walked_scores
from mcpump.walk.arithmetic import key
from mcpump.walk.course import course_of, plain, slab_at
from mcpump.walk.from_birth import walk_from_birth, ways_of
from mcpump.walk.layout import BlockSums
from mcpump.walk.walked_scores import (
    DIVERGENCE,
    Books,
)
from mcpump.walk.walker import (
    AGE,
    ALIVE,
    AXIS,
    CROSS,
    CUT,
    FACTOR,
    ON,
    ROW_Y,
    SLAB,
    UX,
    Carried,
    Flight,
    X,
)

set_birth = callable_from_python(carried.set_birth)
cell_number, cross, next_piece = map(
    callable_from_python, (walked_scores.cell_number, walked_flights.cross, walked_flights.next_piece)
)
REDUCED = Scales(1.0, 1.0, 1.0, 1.0, 1.0, 0.0, False)
OMEGA = 0.3
L = 3.0
Q = 2.0 * math.pi / L
CONE = ((0.0, 0.0, 0.5), (0.8, 0.0, 0.0), (0.0, 0.8, 0.0))
SPIRAL = harmonic_parameters(*CONE, (Q, 0.0, 0.0), OMEGA)
STATIC = harmonic_parameters((0.2, 0.3, 0.9), (0.0,) * 3, (0.0,) * 3, (0.0,) * 3, 0.0)
LAYER = Layer(0.0, 1.0, 1.0, 0.1, 1.0, 1.0, 1.0, True)
STACK = (
    LAYER,
    Layer(1.0, 2.0, 1.5, 0.0, 0.5, 0.6, 0.3, True),
    Layer(2.2, 0.5, 0.7, 0.2, 3.0, 0.4, 0.5, False),
)
"""Straight passage, then passage by the cosine law; all numbers jump."""
USER_SOURCE = """
import math

def S(x, y, z, t):
    angle = 0.3 * t + 0.4 * math.sin(x)
    return 0.6 * math.cos(angle), 0.6 * math.sin(angle), 0.5 * math.cos(x) * math.cos(angle)
"""


def scene(channels=CHANNELS, layers=(LAYER,), gamma_sf=None, planes=(0.0, 1.5, L), **changes):
    """A spiral in a periodic sample, 3 ℓ long; keywords replace fields of the Scene."""
    if gamma_sf is not None:
        layers = tuple(layer._replace(gamma_sf=gamma_sf) for layer in layers)
    axes = changes.get("axes", 1)
    slots = tuple(channels.index(name) if name in channels else -1 for name in CHANNELS)
    plain = Scene(
        dimension=3, axes=axes, lengths=(L, 2.0 if axes > 1 else 1.0, 1.5 if axes > 2 else 1.0),
        cells=(6, 4 if axes > 1 else 1, 3 if axes > 2 else 1), periodic=(True,) * 3, absorption=(0.0,) * 6,
        specularity=(1.0,) * 6, layers=layers, exchange=0.4, slots=slots, harmonics=1, period=2.0 * math.pi / OMEGA,
        time_bins=0, t_end=math.inf, phases=4, t_max=math.inf, texture=HARMONIC, parameters=SPIRAL, time_step=1e-3,
        rotation_step=0.5, initial=0, initial_spin=(0.0, 0.0, 0.0), initial_x=0.0, initial_walkers=0, planes=planes,
        first_flights=1, max_flights=10**9, walkers_per_block=16, seed=2**40 + 3,
    )  # fmt: skip
    return plain._replace(**changes)


def faces(x=None, y=None, z=None):
    """Fields `periodic`, `absorption`, `specularity`; per axis None (periodic) or two pairs (absorption, specularity)."""
    pairs = [pair or ((0.0, 1.0), (0.0, 1.0)) for pair in (x, y, z)]
    flat = [number for pair in pairs for number in pair]
    return {
        "periodic": tuple(pair is None for pair in (x, y, z)),
        "absorption": tuple(number[0] for number in flat),
        "specularity": tuple(number[1] for number in flat),
    }


SPECULAR, DIFFUSE, ABSORBING = (0.0, 1.0), (0.0, 0.0), (1.0, 1.0)
CLOSED = faces((SPECULAR, SPECULAR), (SPECULAR, SPECULAR), (SPECULAR, SPECULAR))


def transient(**changes):
    """A scene in time bins up to t = 2.5 τ."""
    return scene(**{"harmonics": 0, "time_bins": 5, "t_end": 2.5, "phases": 3, **changes})


PLANE = {"initial": 2, "initial_spin": (0.3, -0.2, 1.0), "initial_x": 1.0, "initial_walkers": 16}
EVERYWHERE = {"initial": 1, "initial_spin": (0.0, 0.5, 0.5), "initial_walkers": 8}
STILL = {"texture": HARMONIC, "parameters": STATIC, "time_step": 0.0}
WALL = domain_wall_parameters(1.5, 0.4, 0.7, amplitude=0.3, Omega=OMEGA)
GYRATION = vortex_parameters((1.5, 1.0), 0.6, 0.2, OMEGA)
SKYRMIONS = skyrmion_parameters((1.4, 1.1), 0.7, 0.3, 0.5, gyration=0.3, Omega=OMEGA)
TANH = harmonic_parameters(*CONE, (0.0,) * 3, OMEGA, ENVELOPE_TANH, (1.5, 0.4))
PENETRATION = harmonic_parameters(*CONE, (0.0,) * 3, OMEGA, ENVELOPE_PENETRATION, (0.5,))
RAMP = domain_wall_parameters(1.0, 0.5, 0.3, velocity=0.4, drive=(DRIVE_RAMP, 0.2, 1.0))
KICK = domain_wall_parameters(1.0, 0.5, 0.3, velocity=0.4, drive=(DRIVE_PULSE, 1.0, 0.4))
FLASH = harmonic_parameters(*CONE, (Q, Q, 0.0), OMEGA, drive=(DRIVE_PULSE, 1.0, 0.5))
WAVES = crossed_waves_parameters(0.5, 0.4, Q, math.pi, OMEGA, 0.3)

ORBITAL = (
    LAYER._replace(rashba=(0.4, -0.3, 0.7), hall=(0.2, 0.5, -0.4)),
    LAYER._replace(start=1.1, rashba=(0.4, -0.3, 0.7), impurity=0.3),
    LAYER._replace(start=2.5, impurity=0.3, hall=(0.1, 1.0, 0.3)),
)
"""One medium, with spin-orbit coupling here and there."""
CLOSED_X = faces((SPECULAR, SPECULAR))
CLOSED_XY = faces((SPECULAR, SPECULAR), (SPECULAR, SPECULAR))
HALL = {"initial": 3}
TURNED = tuple(
    layer._replace(turn=turn)
    for layer, turn in zip(
        STACK,
        (
            (0.0, -0.7, 0.1, 0.7, 0.0, 0.3, -0.1, -0.3, 0.0),
            (0.0,) * 9,
            (0.4, 1.3, 0.0, -0.2, -0.4, 0.1, 0.0, 0.9, 0.3),
        ),
        strict=True,
    )
)
"""A stack in which spins turn about spin-orbit fields, but in the middle."""

FAMILY: dict[str, Scene] = {
    "ring": scene(harmonics=2, phases=6),
    "ring-1": scene(dimension=1, channels=("first", "second"), layers=(LAYER,)),
    "closed": scene(gamma_sf=0.0, t_max=4.0, **faces((SPECULAR, SPECULAR))),
    "junction": scene(parameters=TANH, harmonics=2, phases=6, **faces((SPECULAR, ABSORBING))),
    "partial": scene(
        dimension=2, texture=DOMAIN_WALL, parameters=WALL, first_flights=3,
        channels=("second_ladder", "exact"), **faces(((0.3, 0.4), (0.6, 1.0))),
    ),
    "rough-1": scene(dimension=1, channels=("exact",), harmonics=0, **faces((DIFFUSE, (0.5, 0.5)))),
    "rough-2": scene(dimension=2, channels=("second",), planes=(), **faces((ABSORBING, DIFFUSE))),
    "stack": scene(layers=STACK, parameters=PENETRATION, planes=(1.0, 1.7), **faces((SPECULAR, (0.4, 0.2)))),
    "stack-1": scene(dimension=1, layers=STACK, channels=("first", "exact"), **faces((DIFFUSE, ABSORBING))),
    "stack-2": scene(
        dimension=2, axes=2, layers=STACK, channels=("first", "second_ladder"), texture=VORTEX, parameters=GYRATION,
        phases=8, **faces((ABSORBING, SPECULAR), (DIFFUSE, (0.3, 0.5))),
    ),
    "waves": scene(
        axes=2, texture=CROSSED_WAVES, parameters=WAVES, harmonics=2, phases=6, **faces((DIFFUSE, ABSORBING))
    ),
    "box": scene(
        axes=3, texture=SKYRMION, parameters=SKYRMIONS, exchange=1.5,
        **faces(((0.2, 0.5), ABSORBING), (ABSORBING, DIFFUSE), ((0.3, 0.0), (0.5, 0.9))),
    ),
    "film": scene(
        axes=3, lengths=(0.05, L, 0.02), cells=(1, 4, 1), folded=(True, False, True), planes=(),
        parameters=harmonic_parameters(*CONE, (0.0, Q, 0.0), OMEGA),
        **faces((SPECULAR, SPECULAR), (ABSORBING, (0.3, 0.5))),
    ),
    "torus": scene(axes=3, parameters=harmonic_parameters(*CONE, (Q, 0.0, 0.0), OMEGA), channels=("second", "exact")),
    "user": scene(texture=USER, parameters=(0.0,) * 32, exchange=2.0, **faces((SPECULAR, DIFFUSE))),
    "plane": transient(**STILL, **PLANE, layers=STACK, **faces(((0.5, 0.5), DIFFUSE))),
    "plane-1": transient(**STILL, **PLANE, dimension=1, channels=("first", "exact"), gamma_sf=0.0),
    "everywhere": transient(
        **EVERYWHERE, axes=2, parameters=FLASH, layers=STACK, **faces((DIFFUSE, SPECULAR))
    ),
    "ramp": transient(texture=DOMAIN_WALL, parameters=RAMP, **faces((ABSORBING, ABSORBING))),
    "window": transient(
        texture=DOMAIN_WALL, parameters=KICK, layers=(LAYER, LAYER._replace(start=1.2, rate=4.0)),
        **faces((SPECULAR, ABSORBING)),
    ),
    "flash": transient(
        axes=3, parameters=FLASH, channels=("second_ladder", "exact"), **faces(None, None, (SPECULAR, DIFFUSE))
    ),
    "charge": with_charge(
        scene(layers=ORBITAL, channels=("first", "second"), harmonics=2, **faces((SPECULAR, ABSORBING)))
    )._replace(t_dipole=40.0),
    "charge-closed": with_charge(scene(layers=ORBITAL[1:2], **CLOSED_X))._replace(t_dipole=6.0),
    "charge-2": with_charge(
        scene(axes=2, layers=ORBITAL, channels=("first", "second"), texture=CROSSED_WAVES, parameters=WAVES)
    )._replace(t_dipole=6.0),
    "charge-box": with_charge(
        scene(
            axes=3, layers=ORBITAL, channels=("first", "second", "exact"), texture=SKYRMION, parameters=SKYRMIONS,
            **faces((SPECULAR, (0.3, 1.0)), (ABSORBING, SPECULAR), None),
        )
    ),
    "charge-time": with_charge(
        transient(axes=2, parameters=FLASH, layers=ORBITAL, channels=("first", "second"), **CLOSED_XY)
    ),
    "charge-rough": with_charge(scene(layers=ORBITAL, **faces((DIFFUSE, ABSORBING)))),
    "bar": scene(
        **HALL, axes=2, layers=ORBITAL, hall_slot=0, channels=(), phases=1, harmonics=0, initial_walkers=16,
        **faces((SPECULAR, (0.3, 0.2)), ((0.0, 0.5), DIFFUSE)),
    ),
    "bar-1": scene(
        **HALL, dimension=1, layers=ORBITAL, hall_slot=2, channels=("first", "second"), initial_walkers=8,
        **faces((SPECULAR, DIFFUSE)),
    ),
    "bar-2": scene(
        **HALL, dimension=2, axes=2, layers=ORBITAL, hall_slot=0, channels=(), phases=1, harmonics=0,
        initial_walkers=16,
        **faces(None, ((0.0, 0.5), SPECULAR)),
    ),
    "turning": scene(
        channels=("exact",), layers=TURNED, spin_orbit=True, planes=(1.0, 1.7), **faces((DIFFUSE, (0.4, 0.2)))
    ),
    "turning-2": transient(
        **EVERYWHERE, dimension=2, axes=2, channels=("exact",), parameters=FLASH, layers=TURNED, spin_orbit=True,
        **faces((DIFFUSE, SPECULAR)),
    ),
}  # fmt: skip

IN_LANES_ALONE: dict[str, Scene] = {
    "insulators": scene(
        channels=("exact",), layers=STACK, planes=(0.5, 1.7), exchange=0.0, reflection=(0.3, -0.5, -0.6, 0.2),
        parameters=harmonic_parameters(
            (0.0, 0.0, 0.6), (0.8, 0.0, 0.0), (0.0, 0.8, 0.0), (0.0,) * 3, OMEGA, ENVELOPE_TANH, (-1.0, 0.0)
        ),
        **faces(((0.0, 0.3), SPECULAR)),
    ),
    "magnets": scene(
        channels=("exact",), planes=(0.5, 1.7), exchange=0.0,
        layers=(
            STACK[0],
            STACK[1]._replace(passed=0.3 - 0.6j, kept=(0.4j, -0.5)),
            STACK[2]._replace(flip=0.3, passed=0.0, kept=(0.2, 0.2 + 0.1j)),
        ),
        parameters=harmonic_parameters(
            (0.0, 0.0, 0.6), (0.8, 0.0, 0.0), (0.0, 0.8, 0.0), (0.0,) * 3, OMEGA, ENVELOPE_TANH, (-1.0, 0.0)
        ),
        **faces(((0.0, 0.3), (0.2, 0.0))),
    ),
    "losses": scene(
        layers=(STACK[0], STACK[1]._replace(flip=0.4), STACK[2]._replace(flip=0.8)), parameters=PENETRATION,
        planes=(0.5, 1.7), **faces((SPECULAR, (0.4, 0.2))),
    ),
}  # fmt: skip
"""Magnets beyond faces and in interfaces, and interfaces that lose spin, which walks in lanes alone know."""


def user_for(given: Scene, folder):
    """What the walk calls for the texture: `USER_SOURCE`, or nothing."""
    if given.texture != USER:
        return no_user()
    path = folder / "texture.py"
    path.write_text(USER_SOURCE)
    return load_user_texture(path)


def few_rays(monkeypatch):
    """Few rays, which take a moment: what walkers are born from is noisy, and as right."""
    monkeypatch.setattr(rays, "RAYS", (512,) * 3)
    monkeypatch.setattr(rays, "WALL_RAYS", 64)


@contextlib.contextmanager
def coarse_births():
    """A coarse birth grid, which is quick in plain Python."""
    before, course.BIRTH_BINS = course.BIRTH_BINS, ((48, 1, 1), (8, 6, 1), (6, 4, 3))
    try:
        yield
    finally:
        course.BIRTH_BINS = before


def walked(given: Scene, block=0, user=None) -> BlockSums:
    """One block of a scene."""
    user = user or no_user()
    return walk_from_birth(given, user, ways_of(given, user), block)


def blocks_of(given: Scene, count: int, user=None) -> list[BlockSums]:
    """Blocks 0, 1, … of a scene."""
    user = user or no_user()
    ground = ways_of(given, user)
    return [walk_from_birth(given, user, ground, block) for block in range(count)]


def profiles_of(given: Scene, sums: BlockSums):
    """Profiles as (part, kind, x, y, z, time, channel, time function, component)."""
    both = int(given.slots[0] >= 0 and given.slots[1] >= 0)
    shape = (
        2,
        given.kinds,
        *given.cells,
        max(given.time_bins, 1),
        len(given.walked) + both + int(len(given.sources) > 1),
        given.time_functions,
        3,
    )
    return np.asarray(sums.profiles).reshape(shape)


def budget_of(given: Scene, sums: BlockSums):
    """Lines of the budget, by name: (channel, time function, component)."""
    return dict(
        zip(
            given.lines,
            sums.budget.reshape(len(sums.budget), -1, given.time_functions, 3),
            strict=True,
        )
    )


def problem_of(given: Scene, texture_file: str = "") -> Problem:
    """A Problem around a scene, in reduced units."""
    return Problem(
        name="test", scene=given, scales=REDUCED, supercurrent=0.0,
        walkers=64 * given.walkers_per_block, stop=None, regime={}, warnings=(), notes=(), resolved="",
        extents=Extents(given.lengths[: given.axes], given.planes, given.t_end if given.time_bins else 0.0),
        program=Program(texture_file) if texture_file else None,
    )  # fmt: skip


class March:
    """One first flight without an end: where it is, in which cell, what it passed and for how long it was where."""

    def __init__(self, given, place, direction, duration):
        """Fly for a time (in a transient to its end), born in the cell that the kernel's birth would take."""
        self.scene = given = given._replace(t_max=duration)
        with coarse_births():
            self.ground = ground = course_of(given, no_user())
        self.walker, self.at = np.zeros(11), np.zeros(6, np.int64)
        self.flight = Flight(self.walker, self.at, np.zeros(3, np.uint64))
        self.walker[:3], self.walker[UX : UX + 3] = place, direction
        media = ground.media.copy()
        media[:, 1:3] = 1e-300  # nothing ends it
        self.walker[FACTOR], self.course = 1.0, ground._replace(media=media)
        self.at[SLAB], self.at[ALIVE] = slab_at(ground.edges, place[0]), 1
        for axis in (1, 2):
            n = given.cells[axis]
            self.at[ROW_Y + axis - 1] = min(int(place[axis] * (n / given.lengths[axis])), n - 1)
        self.births = np.zeros((given.phases, 5))
        set_birth(given, self.births, 0, 0.0)
        self.spins = np.zeros((1, given.phases, 3))
        self.spins[0, 0] = 1.0, 0.0, 0.0
        bins = max(given.time_bins, 1)
        self.profile = np.zeros((2, math.prod(given.cells) * bins, 3 + given.axes, 3))
        self.passages = np.zeros((2, len(given.planes) * bins, 3))
        self.dwell = np.zeros(math.prod(given.cells))
        self.wraps, self.crossed, self.start = np.zeros(3), [], self.cell
        self.fly()

    @property
    def cell(self):
        return cell_number(self.scene, self.ground.slabs, self.at)

    def fly(self):
        """Until the end of time; fails if the walker is ever outside its cell."""
        given, ground, walker, at = self.scene, self.ground, self.walker, self.at
        bins, none = np.zeros(given.phases, np.int64), np.zeros((1, given.phases, 3))
        lent = Carried(self.births, none[0], self.spins, none, np.zeros((1, 3)), bins, none)
        books = Books(self.profile, self.passages, np.zeros((1, 3)))
        for _ in range(10_000):
            piece, end = next_piece(plain(given), self.course, True, self.flight, self.births)
            assert piece >= 0.0
            self.dwell[self.cell] += piece
            speed = ground.media[ground.slabs[at[SLAB], 1], 0]
            walker[X : X + 3] += speed * piece * walker[UX : UX + 3]
            walker[AGE] += piece
            self.check()
            if end == CUT:
                return
            assert end == CROSS
            before, axis = at.copy(), at[AXIS]
            forward = walker[UX + axis] > 0.0
            end = cross(plain(given), self.course, True, key(1), self.flight, lent, books)
            assert end == ON
            self.crossed.append((axis, forward))
            step = (at[SLAB + axis] - before[SLAB + axis]) * (1 if forward else -1)
            if given.periodic[axis] and step <= 0:
                self.wraps[axis] += 1.0 if forward else -1.0
            self.check()
        raise AssertionError("flies without an end")

    def check(self):
        """Indices inside the mesh, the place inside the cell that they name (to rounding)."""
        given, ground, at = self.scene, self.ground, self.at
        assert 0 <= at[SLAB] < len(ground.slabs)
        low, high = ground.edges[at[SLAB]], ground.edges[at[SLAB] + 1]
        assert low - 1e-12 <= self.walker[X] <= high + 1e-12
        for axis in range(1, given.axes):
            row, width = at[SLAB + axis], given.lengths[axis] / given.cells[axis]
            assert 0 <= row < given.cells[axis]
            assert row * width - 1e-12 <= self.walker[X + axis] <= (row + 1) * width + 1e-12

    @property
    def divergence(self):
        return self.profile[0, :, DIVERGENCE, 0]


def reference(given, place, direction, duration):
    """Time in every cell of an unfolded straight line in a periodic mesh, from all its crossings at once."""
    place, direction = np.array(place), np.array(direction)
    times = [0.0, duration]
    for axis in range(given.axes):
        if direction[axis] == 0.0:
            continue
        width = given.lengths[axis] / given.cells[axis]
        ends = np.array([place[axis], place[axis] + direction[axis] * duration]) / width
        faces_between = np.arange(math.floor(ends.min()), math.ceil(ends.max()) + 1)
        with np.errstate(over="ignore"):
            crossings = (faces_between * width - place[axis]) / direction[axis]
        times += [t for t in crossings if 0.0 < t < duration]
    times = np.sort(times)
    middle = place + np.outer(0.5 * (times[1:] + times[:-1]), direction)
    dwell = np.zeros(given.cells)
    cells = [
        np.floor(middle[:, axis] / (given.lengths[axis] / given.cells[axis])).astype(int) % given.cells[axis]
        if axis < given.axes
        else np.zeros(len(middle), int)
        for axis in range(3)
    ]
    np.add.at(dwell, tuple(cells), np.diff(times))
    return dwell.ravel()
