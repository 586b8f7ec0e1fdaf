"""Small scenes for the tests of the general walk, by hand: every face, stack, texture, channel and kind of time."""

from __future__ import annotations

import contextlib
import math

import numpy as np

from mcpump import course
from mcpump.blocks import BlockSums, walk_scene_block
from mcpump.course import course_of
from mcpump.estimates import lines_of
from mcpump.model import CHANNELS, Layer, Problem, Scales, Scene
from mcpump.moving_textures import no_user
from mcpump.texture_parameters import (
    CROSSED_WAVES,
    DOMAIN_WALL,
    DRIVE_PULSE,
    DRIVE_RAMP,
    ENVELOPE_PENETRATION,
    HARMONIC,
    SKYRMION,
    USER,
    VORTEX,
    crossed_waves_parameters,
    domain_wall_parameters,
    harmonic_parameters,
    skyrmion_parameters,
    vortex_parameters,
)
from mcpump.textures import ENVELOPE_TANH
from mcpump.user_texture import load_user_texture

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
}  # fmt: skip


def user_for(given: Scene, folder):
    """What the walk calls for the texture: `USER_SOURCE`, or nothing."""
    if given.texture != USER:
        return no_user()
    path = folder / "texture.py"
    path.write_text(USER_SOURCE)
    return load_user_texture(path)


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
    return walk_scene_block(given, user, course_of(given, user), block)


def blocks_of(given: Scene, count: int, user=None) -> list[BlockSums]:
    """Blocks 0, 1, … of a scene."""
    user = user or no_user()
    ground = course_of(given, user)
    return [walk_scene_block(given, user, ground, block) for block in range(count)]


def profiles_of(given: Scene, sums: BlockSums):
    """Profiles as (part, kind, x, y, z, time, channel, time function, component)."""
    both = int(given.slots[0] >= 0 and given.slots[1] >= 0)
    shape = (
        2,
        3 + given.axes,
        *given.cells,
        max(given.time_bins, 1),
        len(given.channels) + both,
        given.time_functions,
        3,
    )
    return np.asarray(sums.profiles).reshape(shape)


def budget_of(given: Scene, sums: BlockSums):
    """Lines of the budget, by name: (channel, time function, component)."""
    return dict(
        zip(
            lines_of(given.axes),
            sums.budget.reshape(len(sums.budget), -1, given.time_functions, 3),
            strict=True,
        )
    )


def problem_of(given: Scene, texture_file: str = "") -> Problem:
    """A Problem around a scene, in reduced units."""
    return Problem(
        name="test", model=given, scales=REDUCED, exchange=given.exchange, supercurrent=0.0, channels=given.channels,
        walkers=64 * given.walkers_per_block, stop=None, regime={}, warnings=(), notes=(), resolved="",
        texture_file=texture_file,
    )  # fmt: skip
