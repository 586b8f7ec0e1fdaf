"""A scene as the solution without walkers takes it: a sample along x whose magnetization precesses rigidly."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from mcpump.deck.layer import Layer
from mcpump.errors import InputError
from mcpump.problem.scene import NO_STATE, Problem, Scene
from mcpump.textures.moving import no_user, texture_field
from mcpump.textures.parameters import (
    DRIVE_CONSTANT,
    ENVELOPE_PENETRATION,
    Harmonic,
    drive_of,
    scales_of,
    shape_of,
)
from mcpump.textures.shapes import ENVELOPE_CONSTANT, ENVELOPE_TANH
from mcpump.theory import slab as theory
from mcpump.theory.medium import Array

DECAYED = 20.0
"""Widths of a junction from its middle at which nothing changes any more: e^{−40} is left."""
PRECESSION = 1e-9
"""A circle whose radii, right angles and axis differ by no more than this is round."""
CHANNELS = ("first", "second", "second_ladder", "exact")
"""Channels that are solved."""


class Harmonics(NamedTuple):
    """Local and diffusive part, and the bounds of their errors: (part, harmonic, component, places); reduced units."""

    density: Array
    """Means over the cells."""
    torque: Array
    """Means over the cells."""
    current: Array
    """Through planes, along x; in the middle where an interface scatters on the plane."""
    density_error: Array
    torque_error: Array
    current_error: Array


def slab_of(problem: Problem) -> dict[str, Harmonics]:
    """Solve a problem along x without walkers, channel by channel.

    Parameters
    ----------
    problem : Problem
        The deck made ready.

    Returns
    -------
    dict of str to Harmonics
        For those of its channels that are known; in the order of the scene.

    Raises
    ------
    InputError
        If the sample varies along more than x, or its texture does not precess rigidly; the sentence says why.
    """
    scene = problem.scene
    texture, turning = precession_of(problem)
    edges, cell_edges = edges_on(scene)
    length, _ = scales_of(scene.texture, scene.parameters)
    names = tuple(name for name in CHANNELS if name in scene.channels)
    try:
        found = theory.slab_response(
            sample_of(scene), texture, turning, scene.exchange, edges,
            channels=names, scale=length if length > 0.0 else math.inf,
        )  # fmt: skip
    except ArithmeticError as error:
        raise InputError(f"{problem.name} has no solution without walkers: {error}") from None
    return {name: _harmonics(scene, found[name], edges, cell_edges, turning) for name in names}


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
    """Where the texture jumps."""
    shape = shape_of(scene.texture, scene.parameters)
    assert isinstance(shape, Harmonic)
    sharp = shape.envelope == ENVELOPE_TANH and shape.envelope_parameters[1] == 0.0
    return [shape.envelope_parameters[0]] if sharp else []


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
        left, right = (theory.Face(scene.absorption[i], scene.specularity[i]) for i in range(2))
        faces = left, right
    before = (None, *scene.layers[:-1])
    layers = tuple(
        theory.Layer(
            layer.start,
            layer.v,
            layer.rate,
            layer.gamma_sf,
            layer.nu,
            _interface(last, layer) if last else None,
        )
        for last, layer in zip(before, scene.layers, strict=True)
    )
    return theory.Sample(scene.lengths[0], layers, faces, scene.dimension)


def _interface(left: Layer, right: Layer) -> theory.Interface | None:
    """Interface in detailed balance, ν₁v₁T₁₂ = ν₂v₂T₂₁; none where all pass straight on."""
    a, b = left.nu * left.v, right.nu * right.v
    forth, back = (right.transmission * min(a, b) / one for one in (a, b))
    if right.straight and min(forth, back) == 1.0:
        return None
    return theory.Interface(forth, back, right.specularity, bool(right.straight))


def harmonics_of(values: Array, axis: Array, harmonics: int) -> Array:
    """What stands still in the frame that turns about an axis, in time: (places, 3) → (places, time function, 3)."""
    along = (values * axis).sum(axis=1, keepdims=True) * axis
    across = values - along
    rows = np.zeros((len(values), 1 + 2 * harmonics, 3))
    rows[:, 0] = along
    if harmonics > 0:
        rows[:, 1], rows[:, 2] = across, np.cross(axis, across)
    return rows


def edges_on(scene: Scene) -> tuple[Array, Array]:
    """Edges of a mesh that has the run's cells, planes and the texture's jumps; the edges of the cells alone."""
    cells = np.linspace(0.0, scene.lengths[0], scene.cells[0] + 1)
    edges = np.unique(np.round(np.concatenate([cells, scene.planes, jumps_of(scene)]), 12))
    edges[-1] = scene.lengths[0]
    return edges, cells


def _harmonics(
    scene: Scene, found: theory.Response, edges: Array, cell_edges: Array, turning: Array
) -> Harmonics:
    """Lay a solution in the turning frame over the run's cells, planes and harmonics."""
    size = float(np.linalg.norm(turning))
    axis = turning / (size or 1.0)
    first = np.array([int(np.argmin(np.abs(edges - w))) for w in cell_edges[:-1]])
    width = np.diff(edges)[:, None]
    planes = [int(np.argmin(np.abs(edges - x))) for x in scene.planes]

    def on_cells(values: Array) -> Array:
        return np.asarray(np.add.reduceat(values * width, first) / np.add.reduceat(width, first))

    def in_time(values: Array) -> Array:
        return harmonics_of(values, axis, scene.harmonics).transpose(1, 2, 0)

    def bound(values: Array) -> Array:
        """The same for errors: no component is wrong by more than the vector."""
        rows = np.zeros((1 + 2 * scene.harmonics, 3, len(values)))
        rows[: 1 + 2 * min(scene.harmonics, 1)] = np.sqrt((values**2).sum(axis=1))
        return rows

    parts, errors = (found.local, found.diffusive), (found.local_error, found.diffusive_error)
    return Harmonics(
        density=np.array([in_time(on_cells(part.density)) for part in parts]),
        torque=np.array([in_time(on_cells(part.torque)) for part in parts]),
        current=np.array([in_time(part.current[planes].mean(axis=1)) for part in parts]),
        density_error=np.array([bound(on_cells(part.density)) for part in errors]),
        torque_error=np.array([bound(on_cells(part.torque)) for part in errors]),
        current_error=np.array([bound(part.current[planes].max(axis=1)) for part in errors]),
    )
