"""What a run takes: flights of a walker, memory and seconds, roughly, and how the fast walk splits its effort."""

from __future__ import annotations

import math

from mcpump.deck.memory import memory_needed
from mcpump.problem.scene import FEWEST_JUMPED, MEAN_COSINE, Scene
from mcpump.textures.shapes import ENVELOPE_COSINE, ENVELOPE_TANH

JUMPS_IN_LENGTH, JUMPS_IN_TURN = 6.0, 0.1
"""Root mean square jumps in the texture's length; the longest jump's time in units of 1/Ω."""
# Measured on one core with all tallies; first flights have a walk of their own.
_SECONDS_PER_FLIGHT, _SECONDS_PER_FIRST_FLIGHT, _COMPILATION_SECONDS = 16e-9, 460e-9, 30.0
_PULSE_FLIGHT, _PULSE_COMPILATION = 10e-9, 10.0
# The general walk: per flight, per spin carried along and number scored of it; the rotation, and each of its steps.
_GENERAL_FLIGHT, _CARRIED_SPIN, _SCORED_NUMBER, _GENERAL_COMPILATION = 300e-9, 45e-9, 4.5e-9, 50.0
_ROTATION, _ROTATION_STEP = 1600e-9, 43e-9


def memory_bytes(scene: Scene) -> int:
    """Memory that a run needs, roughly [bytes]: program, the sums of every thread and those of the whole run."""
    cells, planes, general = math.prod(scene.cells), len(scene.planes), scene.lanes is None
    return memory_needed(
        general, scene.axes, cells, scene.time_bins, scene.channels, scene.time_functions, planes
    )


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
        t_end/2, or t_end of a pulse), at least 1.
    """
    rate, gamma = _mean(scene, "rate"), _mean(scene, "gamma_sf")
    ends = [scene.t_max, scene.t_end if scene.is_pulse else 0.5 * scene.t_end]
    if gamma > 0.0:
        ends.append(1.0 / gamma)
    D = _mean(scene, "v") ** 2 / (scene.dimension * rate)
    for axis in range(scene.axes):
        absorbed = max(scene.absorption[2 * axis : 2 * axis + 2])
        if absorbed > 0.0:
            L = scene.lengths[axis]
            ends.append(0.5 * L * L / D + (1.0 / absorbed - 1.0) * L)
    return max(1.0, rate * min(ends))


def crossings(scene: Scene) -> float:
    """Mean number of faces, cell edges, interfaces and planes that a flight meets; those of folded axes cost nothing."""
    if scene.lanes is not None:
        return _bounces(scene)
    cuts = [
        0.0 if folded else cells / length
        for folded, cells, length in zip(scene.folded, scene.cells, scene.lengths, strict=True)
    ][: scene.axes]
    inside = (len(scene.layers) - 1 + len(scene.planes)) / scene.lengths[0]
    return MEAN_COSINE[scene.dimension] * _mean(scene, "v") / _mean(scene, "rate") * (sum(cuts) + inside)


def _bounces(scene: Scene) -> float:
    """Mean number of faces and planes that a flight of the fast walk meets; folded bounces cost nothing."""
    planes = sum(0.0 < plane < scene.lengths[0] for plane in scene.planes)
    mirrors = scene.absorption[:2] == (0.0, 0.0) and scene.specularity[:2] == (1.0, 1.0)
    if scene.periodic[0]:
        mirrors = scene.is_pulse
    if mirrors and not planes:
        return 0.0
    return MEAN_COSINE[scene.dimension] * (1 + planes) / scene.lengths[0]


def _mean(scene: Scene, name: str) -> float:
    """Mean of a layer's number over the length of the sample."""
    ends = [layer.start for layer in scene.layers[1:]] + [scene.lengths[0]]
    parts = [getattr(one, name) * (end - one.start) for one, end in zip(scene.layers, ends, strict=True)]
    return float(sum(parts)) / scene.lengths[0]


def compilation_seconds(scene: Scene) -> float:
    """Rough time to compile the kernels of a walk [s]."""
    if scene.lanes is None:
        return _GENERAL_COMPILATION
    return _PULSE_COMPILATION if scene.is_pulse else _COMPILATION_SECONDS


def seconds_per_walker(scene: Scene, flights: float) -> float:
    """Rough time of one walker with its first flights [s]."""
    flights *= max(1.0, crossings(scene))
    if scene.is_pulse:
        return (flights + scene.first_flights) * _PULSE_FLIGHT
    if scene.lanes is not None:
        return flights * _SECONDS_PER_FLIGHT + scene.first_flights * _SECONDS_PER_FIRST_FLIGHT
    spin = len(scene.channels) * (_CARRIED_SPIN + scene.time_functions * _SCORED_NUMBER)
    if "exact" in scene.channels:
        spin += _ROTATION + _ROTATION_STEP / scene.rotation_step
    return (flights + scene.first_flights) * (_GENERAL_FLIGHT + scene.phases * spin)


def walked_steps(scene: Scene) -> float:
    """Rough mean number of flights and jumps of a walker of the fast walk."""
    assert scene.lanes is not None
    flights = mean_flights(scene)
    return flights if scene.lanes.jump == 0.0 else min(flights, 100.0 + flights / scene.lanes.jump)


def longest_jump(scene: Scene) -> float:
    """Mean number of flights of the longest jump: a sixth of the texture's length, a tenth of 1/Ω.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units, of the fast walk.

    Returns
    -------
    float
        0 where that is too few flights to be worth it.
    """
    lanes = scene.lanes
    assert lanes is not None
    lengths = [1.0 / abs(lanes.q)] if lanes.q != 0.0 else []
    if lanes.envelope == ENVELOPE_TANH:
        lengths.append(lanes.envelope_parameters[1])
    if lanes.envelope == ENVELOPE_COSINE and lanes.envelope_parameters[2] != 0.0:
        lengths.append(1.0 / abs(lanes.envelope_parameters[2]))
    length = min([*lengths, scene.lengths[0]])
    longest = 0.5 * scene.dimension * (length / JUMPS_IN_LENGTH) ** 2
    if lanes.Omega != 0.0:
        longest = min(longest, JUMPS_IN_TURN / abs(lanes.Omega))
    return 0.0 if longest < FEWEST_JUMPED else longest
