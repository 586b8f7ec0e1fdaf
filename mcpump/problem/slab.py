"""A problem as the solution without walkers takes it: a sample along x whose magnetization is periodic in time."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from mcpump.deck.layer import Layer, Vector, passing_of
from mcpump.deck.memory import too_large
from mcpump.errors import InputError
from mcpump.names import CHARGES
from mcpump.problem.scene import DRIVEN, NO_STATE, Problem, Scene
from mcpump.textures.moving import no_user, texture_field
from mcpump.textures.parameters import (
    DRIVE_CONSTANT,
    ENVELOPE_PENETRATION,
    USER,
    Harmonic,
    drive_of,
    scales_of,
    shape_of,
)
from mcpump.textures.shapes import ENVELOPE_CONSTANT, ENVELOPE_TANH
from mcpump.textures.snapshots import function_of, sampled
from mcpump.textures.user import load_user_texture
from mcpump.theory import slab as theory
from mcpump.theory.medium import Array
from mcpump.theory.modes import in_time_functions
from mcpump.theory.sample import directions_for, mesh_for

DECAYED = 20.0
"""Widths of a junction from its middle at which nothing changes any more: e^{−40} is left."""
PRECESSION = 1e-9
"""A circle whose radii, right angles and axis differ by no more than this is round."""
CHANNELS = ("first", "second", "second_ladder", "exact")
"""Channels of a texture that are solved."""
MOST_HARMONICS = 24
"""A texture with more of them is not solved."""
LEFT_OUT = 1e-8
"""Harmonics smaller than this, beside the largest, are left out."""
MOST_WORK, MOST_TURNING = 3e5, 1e6
"""`work_of` a solution that takes some two seconds, and some seven where walkers carry spins that turn freely, which take
longer, too; one that takes more is left to `mcpump solve`."""
PLACES = 400
"""Places at which a texture is looked at; what varies faster than between them is not resolved."""
STILL = theory.Precession(lambda x: np.zeros((len(x), 3)), np.zeros(3))
"""No texture."""


def solution_of(problem: Problem, channels: tuple[str, ...]) -> tuple[Array, dict[str, theory.Response]]:
    """Solve a problem along x without walkers.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    channels : tuple of str
        Spin channels wanted, of those that are walked; with `second` comes the source of charge that leaves dipoles.

    Returns
    -------
    edges : (n + 1,) array
        Of cells: those of the run, cut at planes and where the texture jumps.
    responses : dict of str to Response
        By channel, with time functions; "rashba" where it leaves dipoles.

    Raises
    ------
    InputError
        If it has no solution; the sentence says why.
    """
    scene = problem.scene
    if reason := not_solved(problem, channels):
        raise InputError(f"{problem.name} has no solution without walkers: {reason}")
    if told := too_large(memory_of(problem, channels), "a shorter sample, or other channels than exact"):
        raise InputError(f"the solution of {problem.name} without walkers {told}")
    rule = rule_of(problem)
    edges, _ = edges_on(scene, rule.jumps)
    sample, found = sample_of(scene), {}
    pumped = tuple(name for name in CHANNELS if name in channels)
    rashba = scene.dipoles[CHARGES.index("rashba")] and "second" in channels
    # products of matrices on several threads are summed in an order of their own: one has the same bits everywhere
    try:
        with threadpool_limits(1):
            if pumped:
                found = theory.periodic_response(
                    sample, motion_of(problem), scene.exchange, edges, scene.harmonics,
                    channels=pumped, rashba=rashba, rule=rule,
                )  # fmt: skip
            if "spin_hall" in channels:
                drive = [np.cross([1.0, 0.0, 0.0], layer.hall) for layer in scene.layers]
                found["spin_hall"] = theory.drive_response(sample, drive, edges)
    except ArithmeticError as error:
        raise InputError(f"{problem.name} has no solution without walkers: {error}") from None
    return edges, found


def memory_of(problem: Problem, channels: tuple[str, ...]) -> int:
    """Bytes that the solution's narrowest mesh takes at the phases of a period, roughly; 0 where nothing needs them."""
    motion = motion_of(problem)
    if "exact" not in channels or isinstance(motion, theory.Precession):
        return 0
    scene, sample, rule = problem.scene, sample_of(problem.scene), rule_of(problem)
    edges, _ = edges_on(scene, rule.jumps)
    cells = 4 * len(mesh_for(sample, motion, scene.exchange, edges, rule))
    phases = 2 * scene.harmonics + 16
    # matrices between phases; angles of flights; vectors of Krylov steps
    numbers = 3 * (3 * phases) ** 2 + 3 * directions_for(sample, scene.exchange, rule) * phases + 135 * phases
    return 8 * cells * numbers


def work_of(problem: Problem, channels: tuple[str, ...]) -> float:
    """Cells × directions × spins of the solution's narrowest mesh: what it costs."""
    scene, sample, rule = problem.scene, sample_of(problem.scene), rule_of(problem)
    edges, _ = edges_on(scene, rule.jumps)
    motion = motion_of(problem) if {*channels} - {"spin_hall"} else STILL
    exchange = scene.exchange * ("exact" in channels)
    mesh = mesh_for(sample, motion, exchange, edges, rule)
    width = float(4.0 * len(mesh) * directions_for(sample, exchange, rule))
    if isinstance(motion, theory.Precession):
        return width * (len(channels) + ("second_ladder" in channels))
    by_harmonic = [name for name in channels if name != "exact"]
    spins = 3 * max(scene.harmonics, 1) * (len(by_harmonic) + ("second_ladder" in by_harmonic))
    if "second_ladder" in by_harmonic:
        spins += 3 * motion.harmonics * (len(by_harmonic) + 1)
    if "exact" in channels:  # at the phases of some harmonics more
        spins += 2 * scene.harmonics + 16
    return width * spins


def not_solved(problem: Problem, channels: tuple[str, ...]) -> str:
    """Why a problem's channels have no solution without walkers; empty where they have one."""
    scene = problem.scene
    if reason := never_solved(scene):
        return reason
    if not {*channels} - {"spin_hall"} or not not_rigid(scene._replace(initial=NO_STATE)):
        return ""
    _, harmonics, _ = _seen(problem)
    return "" if harmonics <= MOST_HARMONICS else f"its texture has more than {MOST_HARMONICS} harmonics"


def never_solved(scene: Scene) -> str:
    """Why no channel of a scene has a solution, whatever its texture; empty otherwise."""
    if scene.spin_orbit:
        return "spins turn about spin-orbit fields in every flight (spin_orbit.rotation)"
    if scene.axes > 1:
        return "its mesh has other directions than x"
    if scene.time_bins or scene.initial not in (NO_STATE, DRIVEN):
        return "it is a transient, and the solution is that of a periodic drive"
    if scene.mean_cosine:
        return "impurities do not scatter isotropically (electrons.mean_cosine)"
    return ""


def channels_held(problem: Problem) -> tuple[str, ...]:
    """Spin channels of a run that are held against the solution without walkers: all, or those that do not take long."""
    channels = problem.scene.channels
    if not_solved(problem, channels) or not not_rigid(problem.scene):
        return channels
    # spins that turn about a texture which does not precess rigidly take the longest
    quick = tuple(name for name in channels if name not in ("exact", "second_ladder"))
    return channels if not quick or work_of(problem, channels) <= _most_work(problem.scene) else quick


def _most_work(scene: Scene) -> float:
    return MOST_TURNING if turns_freely(scene) else MOST_WORK


def not_held(problem: Problem) -> str:
    """Why a run is not held against the solution without walkers; empty where it is."""
    channels = channels_held(problem)
    if problem.scene.pulse or not channels:
        return "it has none"
    if reason := not_solved(problem, channels):
        return reason
    work = work_of(problem, channels)
    return "" if work <= _most_work(problem.scene) else "it would take more than some seconds (mcpump solve)"


def motion_of(problem: Problem) -> theory.Precession | theory.Cycle:
    """How the magnetization of a problem along x moves."""
    scene = problem.scene._replace(initial=NO_STATE)
    if not not_rigid(scene):
        return theory.Precession(*precession_of(problem._replace(scene=scene)))
    _, harmonics, jumps = _seen(problem)
    texture = _texture_of(problem)
    if not jumps:
        return theory.Cycle(texture, scene.Omega, harmonics)
    edges, aside = np.array(jumps), _aside(problem)

    def beside(x: Array, t: float) -> Array:
        """S; snapshots reach a little beyond their last cell, so that places near an edge are taken farther from it."""
        edge = edges[np.abs(x[:, None] - edges).argmin(axis=1)]
        away = np.where(np.abs(x - edge) < aside, edge + np.where(x < edge, -aside, aside), x)
        return texture(away, t)

    return theory.Cycle(beside, scene.Omega, harmonics)


def _aside(problem: Problem) -> float:
    """How far from the edge of a snapshot's cell a place surely is in it, or beyond."""
    assert problem.snapshots is not None
    return 1e-5 / sampled(problem.snapshots).frame.per_cell[0]


def _texture_of(problem: Problem) -> Callable[..., Array]:
    """S (n, 3) at places and a time t."""
    scene, user = problem.scene, user_of(problem)

    def texture(x: Array, t: float) -> Array:
        none_across = np.zeros_like(x)
        return texture_field(scene.texture, scene.parameters, user, x, none_across, none_across, t).T

    return texture


def _seen(problem: Problem) -> tuple[float, int, tuple[float, ...]]:
    """Length on which a texture varies, number of its harmonics, and where it jumps."""
    key = problem._replace(regime={}, warnings=(), notes=())  # `resolved` has the hash of what is read
    found = _last.get("key") == key and _last["found"]
    if not found:
        found = _looked_at(problem)
        _last.update(key=key, found=found)
    return found


_last: dict[str, Any] = {}
"""The problem whose texture was looked at last, and what was seen."""


def _looked_at(problem: Problem) -> tuple[float, int, tuple[float, ...]]:
    """What `_seen` tells."""
    scene, texture, phases = problem.scene, _texture_of(problem), 4 * MOST_HARMONICS
    times = [scene.period * i / phases for i in range(phases)]
    length = scene.lengths[0]
    jumps = _jumps_between_cells(problem, texture, times[:: MOST_HARMONICS // 2])
    x = (np.arange(PLACES) + 0.5) * (length / PLACES)
    S = np.array([texture(x, t) for t in times])
    size = np.abs(in_time_functions(S, 2 * phases // 2 - 1)).max(axis=(0, 1))
    alive = np.flatnonzero(size > LEFT_OUT * size.max(initial=0.0))
    apart = np.diff(np.searchsorted(jumps, x)) == 0
    steepest = float(np.abs(np.diff(S, axis=1)[:, apart]).max(initial=0.0)) * PLACES / length
    scale = float(np.abs(S).max(initial=0.0)) / steepest if steepest > 0.0 else math.inf
    return scale, int((alive.max(initial=0) + 1) // 2), jumps


def _jumps_between_cells(
    problem: Problem, texture: Callable[..., Array], times: list[float]
) -> tuple[float, ...]:
    """Where snapshots jump: some edges of their cells."""
    if problem.snapshots is None:
        return ()
    frame, length = sampled(problem.snapshots).frame, problem.scene.lengths[0]
    edges = frame.corner[0] + np.arange(frame.cells[0] + 1) / frame.per_cell[0]
    near = _aside(problem)
    edges = edges[(edges > near) & (edges < length - near)]
    steps = np.array([np.abs(texture(edges + near, t) - texture(edges - near, t)).max(axis=1) for t in times])
    return tuple(round(float(x), 12) for x in edges[steps.max(axis=0, initial=0.0) > 1e-2])


def user_of(problem: Problem) -> Any:
    """The user's texture, or that of snapshots, compiled, or a function that is never called."""
    if problem.scene.texture != USER:
        return no_user()
    if problem.snapshots is not None:
        return function_of(problem.snapshots)
    assert problem.program is not None
    return load_user_texture(problem.program, problem.scales.length, problem.scales.time)


def rule_of(problem: Problem) -> theory.Rule:
    """How finely a problem is cut."""
    scene = problem.scene
    if scene.texture == USER:
        scale, _, jumps = _seen(problem)
        return theory.Rule(scale, jumps=jumps)
    length = scales_of(scene.texture, scene.parameters)[0]
    return theory.Rule(length if length > 0.0 else math.inf, jumps=tuple(jumps_of(scene)))


def not_rigid(scene: Scene) -> str:
    """Why a scene has no solution without walkers; empty where its texture precesses rigidly along x."""
    if scene.axes > 1 or scene.time_bins or scene.initial != NO_STATE:
        return "its mesh has other directions than x, or it is no periodic drive of a texture alone"
    shape = shape_of(scene.texture, scene.parameters)
    steady = drive_of(scene.parameters).kind == DRIVE_CONSTANT
    if not isinstance(shape, Harmonic) or not steady or any(shape.q[1:]):
        return "its texture is none of those that can precess rigidly along x"
    C, P, Q = (np.array(part) for part in (shape.C, shape.P, shape.Q))
    square, size = P @ P, max(P @ P, C @ C)
    if max(abs(P @ Q), abs(C @ P), abs(C @ Q), abs(Q @ Q - square)) > PRECESSION * size or square == 0.0:
        return "its magnetization moves on no circle"
    return ""


def turns_freely(scene: Scene) -> bool:
    """Whether walkers carry spins that turn in flight in another way than a rigid precession along x."""
    return bool({"second_ladder", "exact"} & set(scene.channels)) and bool(not_rigid(scene))


def precesses_along_x(problem: Problem) -> bool:
    """Whether a problem has a solution without walkers: along x, in a steady, rigid precession."""
    try:
        return bool(np.any(precession_of(problem)[1]))
    except InputError:
        return False


def precession_of(problem: Problem) -> tuple[Callable[[Array], Array], Array]:
    """S at t = 0, and the angular velocity ω of Ṡ = ω × S.

    Raises
    ------
    InputError
        If the sample varies along more than x, or its texture does not precess rigidly.
    """
    scene = problem.scene
    if reason := not_rigid(scene):
        raise InputError(f"{problem.name} has no solution without walkers: {reason}")
    shape = shape_of(scene.texture, scene.parameters)
    assert isinstance(shape, Harmonic)
    P, Q = np.array(shape.P), np.array(shape.Q)

    def texture(x: Array) -> Array:
        none_across = np.zeros_like(x)
        return texture_field(scene.texture, scene.parameters, no_user(), x, none_across, none_across, 0.0).T

    return texture, shape.Omega * np.cross(P, Q) / (P @ P)


def jumps_of(scene: Scene) -> list[float]:
    """Where a texture in closed form jumps."""
    shape = shape_of(scene.texture, scene.parameters)
    if not isinstance(shape, Harmonic):
        return []
    place, width, *_ = shape.envelope_parameters
    # that of an insulator beyond the face is outside
    sharp = shape.envelope == ENVELOPE_TANH and width == 0.0 and place >= 0.0
    return [place] if sharp else []


def varies_in(scene: Scene) -> tuple[float, float]:
    """From where to where the texture varies along x."""
    shape = shape_of(scene.texture, scene.parameters)
    assert isinstance(shape, Harmonic)
    first, second, *_ = shape.envelope_parameters
    if not any(shape.q):
        if shape.envelope == ENVELOPE_TANH:
            return first - DECAYED * second, first + DECAYED * second
        if shape.envelope == ENVELOPE_PENETRATION:
            return 0.0, 2.0 * DECAYED * first
        if shape.envelope == ENVELOPE_CONSTANT:
            return 0.0, 0.0
    return 0.0, scene.lengths[0]


def sample_of(scene: Scene) -> theory.Sample:
    """Layers, interfaces and faces."""
    faces = None
    if not scene.periodic[0]:
        left, right = (
            theory.Face(
                scene.absorption[i], scene.specularity[i], complex(*scene.reflection[2 * i : 2 * i + 2]), n
            )
            for i, n in enumerate([magnet_of(scene)] * 2)
        )
        faces = left, right
    before = (None, *scene.layers[:-1])
    layers = tuple(
        theory.Layer(
            layer.start,
            layer.v,
            layer.rate,
            layer.gamma_sf,
            layer.nu,
            _interface(last, layer, magnet_of(scene)) if last else None,
            layer.rashba,
        )
        for last, layer in zip(before, scene.layers, strict=True)
    )
    return theory.Sample(scene.lengths[0], layers, faces, scene.dimension)


def magnet_of(scene: Scene) -> Vector:
    """Direction of the magnetization of a magnet beyond a face, or in an interface, at t = 0; ẑ without one."""
    shape = shape_of(scene.texture, scene.parameters)
    if not scene.magnet_outside or not isinstance(shape, Harmonic):
        return 0.0, 0.0, 1.0
    S = np.array(shape.C) + np.array(shape.P)
    x, y, z = S / np.linalg.norm(S)
    return float(x), float(y), float(z)


def _interface(left: Layer, right: Layer, magnet: Vector) -> theory.Interface | None:
    """Interface in detailed balance; none where all pass straight on, as they are."""
    forth, back = passing_of(left, right)
    if right.straight and min(forth, back) == 1.0 and right.flip == 0.0 and not right.magnetic:
        return None
    return theory.Interface(
        forth, back, right.specularity, bool(right.straight), right.flip, right.passed, right.kept, magnet
    )


def edges_on(scene: Scene, jumps: Sequence[float]) -> tuple[Array, Array]:
    """Edges of a mesh that has the run's cells, planes and the texture's jumps; the edges of the cells alone."""
    cells = np.linspace(0.0, scene.lengths[0], scene.cells[0] + 1)
    edges = np.unique(np.round(np.concatenate([cells, scene.planes, jumps]), 12))
    edges[-1] = scene.lengths[0]
    return edges, cells
