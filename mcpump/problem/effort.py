"""What a run takes: flights of a walker, memory and seconds, roughly, and how far walkers may jump."""

from __future__ import annotations

import math

from mcpump.deck.memory import BY_ORDINATES, BY_RAYS, BY_TURNING_RAYS, Sizes, memory_needed, too_large
from mcpump.errors import InputError
from mcpump.machine import cores
from mcpump.problem.scene import FEWEST_JUMPED, MEAN_COSINE, Scene
from mcpump.problem.slab import not_rigid, turns_freely
from mcpump.textures.parameters import USER, scales_of

JUMPS_IN_LENGTH, JUMPS_IN_TURN = 6.0, 0.1
"""Root mean square jumps in the texture's length; the longest jump's time in units of 1/Ω."""
# Measured on one core with all tallies.
_LANE_FLIGHT, _LANE_TURN, _LANE_BIRTH, _LANE_COMPILATION = 20e-9, 30e-9, 800e-9, 20.0
# The same with spins that any texture turns: a birth; of each birth time a kick, a turn, and each of its steps.
_TURNED_BIRTH, _KICK, _TURN, _TURN_STEP = 2000e-9, 200e-9, 150e-9, 80e-9
# First flights without walkers, by one thread: discrete ordinates, rays, those of a reference beside
# them, and rays that turn spins.
_ORDINATES, _RAYS, _RAYS_OF_REFERENCE, _TURNED_RAYS, _RAY_COMPILATION = 0.4, 2.0, 1.5, 6.0, 20.0
_PULSE_FLIGHT, _PULSE_COMPILATION = 10e-9, 10.0
# The general walk: per flight, per spin carried along and number scored of it; the rotation, and each of its steps.
_GENERAL_FLIGHT, _CARRIED_SPIN, _SCORED_NUMBER, _GENERAL_COMPILATION = 100e-9, 35e-9, 4.5e-9, 100.0
_ROTATION, _ROTATION_STEP = 1600e-9, 43e-9


_USER_BYTES = 60_000_000
"""What numba takes to compile a user's texture, each time."""


def memory_bytes(scene: Scene, threads: int = 1, first: bool = True) -> int:
    """Memory that a process of a run needs at its peak, roughly [bytes]; `first`: rank 0, or a run without ranks."""
    bins, planes = max(scene.time_bins, 1), len(scene.planes)
    by_rays = BY_TURNING_RAYS if turns_freely(scene) else BY_RAYS
    known = 0 if not scene.from_collisions else (by_rays if not_rigid(scene) else BY_ORDINATES)
    added = int(scene.has_sum) + int(len(scene.sources) > 1)
    amplitudes = 3 * scene.time_functions * (len(scene.walked) + added)
    through = planes * (3 if scene.from_collisions and scene.axes == 1 else 2)
    totals = amplitudes * (through * bins + len(scene.lines) + 2)
    profiles = len(scene.profiles) * math.prod(scene.cells) * bins * amplitudes
    compiled = _USER_BYTES if scene.texture == USER else 0
    return memory_needed(Sizes(profiles, totals, known), threads, first) + compiled


def check_memory(scene: Scene, threads: int, taken: int) -> None:
    """Refuse a number of threads for which the machine has too little memory; `taken`: bytes of snapshots.

    Raises
    ------
    InputError
        One sentence.
    """
    if told := too_large(memory_bytes(scene, threads) + taken, "fewer --threads or cells"):
        raise InputError(f"the deck on {threads} threads {told}")


def mean_flights(scene: Scene) -> float:
    """Rough mean number of flights of a walker: what ends it first.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units.

    Returns
    -------
    float
        Mean rate of scattering times min(τ_sf, t_max, L²/2D over the absorbed share of a face, and in a transient
        t_end/2, or t_end of a pulse), at least 1. Where charge is walked walkers do not end at τ_sf, but at the age of
        dipoles.
    """
    rate, gamma = _mean(scene, "rate"), _mean(scene, "gamma_sf")
    ends = [scene.t_end if scene.pulse else 0.5 * scene.t_end]
    ends.append(scene.t_dipole if any(scene.dipoles) else scene.t_max)
    if gamma > 0.0 and not any(scene.dipoles):
        ends.append(1.0 / gamma)
    D = _mean(scene, "v") ** 2 / (scene.dimension * rate * (1.0 - scene.mean_cosine))
    for axis in range(scene.axes):
        absorbed = max(scene.absorption[2 * axis : 2 * axis + 2])
        if absorbed > 0.0:
            L = scene.lengths[axis]
            ends.append(0.5 * L * L / D + (1.0 / absorbed - 1.0) * L)
    return max(1.0, rate * min(ends))


def crossings(scene: Scene) -> float:
    """Mean number of faces, cell edges, interfaces and planes that a flight meets; those of folded axes cost nothing."""
    if scene.pulse or scene.from_collisions:
        return _bounces(scene)
    cuts = [
        0.0 if folded else cells / length
        for folded, cells, length in zip(scene.folded, scene.cells, scene.lengths, strict=True)
    ][: scene.axes]
    inside = (len(scene.layers) - 1 + len(scene.planes)) / scene.lengths[0]
    return MEAN_COSINE[scene.dimension] * _mean(scene, "v") / _mean(scene, "rate") * (sum(cuts) + inside)


def _bounces(scene: Scene) -> float:
    """Mean number of faces, interfaces and planes that a flight in lanes meets."""
    mirrors = scene.absorption[:2] == (0.0, 0.0) and scene.specularity[:2] == (1.0, 1.0)
    if scene.pulse and (mirrors or scene.periodic[0]):
        return 0.0  # folded bounces cost nothing
    along = (len(scene.layers) + len(scene.planes)) / scene.lengths[0]
    across = sum(1.0 / length for length in scene.lengths[1 : scene.axes])
    return MEAN_COSINE[scene.dimension] * _mean(scene, "v") / _mean(scene, "rate") * (along + across)


def _mean(scene: Scene, name: str) -> float:
    """Mean of a layer's number over the length of the sample."""
    ends = [layer.start for layer in scene.layers[1:]] + [scene.lengths[0]]
    parts = [getattr(one, name) * (end - one.start) for one, end in zip(scene.layers, ends, strict=True)]
    return float(sum(parts)) / scene.lengths[0]


def compilation_seconds(scene: Scene) -> float:
    """Rough time to compile the kernels of a walk [s]."""
    if scene.pulse:
        return _PULSE_COMPILATION
    if not scene.from_collisions:
        return _GENERAL_COMPILATION
    return _LANE_COMPILATION + (_RAY_COMPILATION if not_rigid(scene) else 0.0)


def first_flight_seconds(scene: Scene) -> float:
    """Rough time to work out the first flights where walkers begin at first collisions [s]; rays on all cores."""
    if not scene.from_collisions:
        return 0.0
    if not not_rigid(scene):
        return _ORDINATES
    each = _TURNED_RAYS if turns_freely(scene) else _RAYS + _RAYS_OF_REFERENCE * scene.reference
    return scene.first_flights * each / cores()


def seconds_per_walker(scene: Scene, flights: float) -> float:
    """Rough time of one walker with its first flights [s]."""
    flights *= max(1.0, crossings(scene))
    if scene.pulse:
        return (flights + scene.first_flights) * _PULSE_FLIGHT
    if scene.from_collisions:
        active = sum(name in ("second_ladder", "exact") for name in scene.channels)
        if turns_freely(scene):
            return _turned_seconds(scene, flights)
        return _LANE_BIRTH + flights * (_LANE_FLIGHT * scene.axes + active * _LANE_TURN)
    spin = len(scene.channels) * (_CARRIED_SPIN + scene.time_functions * _SCORED_NUMBER)
    if "exact" in scene.channels:
        spin += _ROTATION + _ROTATION_STEP / scene.rotation_step
    return (flights + scene.first_flights) * (_GENERAL_FLIGHT + scene.phases * spin)


def _turned_seconds(scene: Scene, flights: float) -> float:
    """Rough time of a walker in lanes whose spins any texture turns [s]."""
    turns = _KICK * ("second_ladder" in scene.channels)
    if "exact" in scene.channels:
        turns += _TURN + _TURN_STEP / scene.rotation_step
    return _TURNED_BIRTH + flights * (_LANE_FLIGHT * scene.axes + scene.phases * turns)


def walked_steps(scene: Scene) -> float:
    """Rough mean number of flights and jumps of a walker in lanes."""
    flights = mean_flights(scene)
    return flights if scene.jump == 0.0 else min(flights, 100.0 + flights / scene.jump)


def longest_jump(scene: Scene) -> float:
    """Mean number of flights of the longest jump: a sixth of the texture's length, a tenth of 1/Ω; 0: too few.

    Where the texture is short, jumps are kept off it, and are a sixth of the sample's length at most.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units.
    """
    length = scene.lengths[0]
    if jumps_in_texture(scene):
        length = min(length, scales_of(scene.texture, scene.parameters)[0])
    longest = _jumped(scene, length)
    if scene.Omega != 0.0:
        longest = min(longest, JUMPS_IN_TURN / abs(scene.Omega))
    return 0.0 if longest < FEWEST_JUMPED else longest


def jumps_in_texture(scene: Scene) -> bool:
    """Whether the texture is long enough for walkers to jump where it is."""
    return _jumped(scene, scales_of(scene.texture, scene.parameters)[0]) >= FEWEST_JUMPED


def _jumped(scene: Scene, length: float) -> float:
    """Mean number of flights of a jump whose root mean square is a sixth of a length."""
    return 0.5 * scene.dimension * (length / JUMPS_IN_LENGTH) ** 2
