"""The walk's equation (W) without walkers, where everything varies along x alone and the magnetization turns rigidly."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mcpump.theory.flights import cross
from mcpump.theory.medium import Array
from mcpump.theory.ordinates import Face, Flights, Interface, Ordinates, Stack

__all__ = [
    "Face",
    "Interface",
    "Layer",
    "Part",
    "Response",
    "Sample",
    "halved",
    "mesh_of",
    "parabolas_on",
    "slab_response",
    "stack_on",
]


class Layer(NamedTuple):
    """One layer of a sample; it ends where the next begins."""

    start: float
    """Where it begins; the first at 0."""
    speed: float
    """v."""
    rate: float
    """1/τ, at which electrons scatter."""
    loss: float
    """1/τ_sf, at which spin relaxes."""
    nu: float
    """Density of states, which the walkers' births follow."""
    interface: Interface | None = None
    """What stands at its start; None: nothing, all pass straight on."""


class Sample(NamedTuple):
    """Layers along x between two faces."""

    length: float
    layers: tuple[Layer, ...]
    faces: tuple[Face, Face] | None
    """Left and right face; None: periodic."""
    dimension: int = 3
    """Of the velocity sphere."""


class Part(NamedTuple):
    """Local or diffusive part of a channel, or what it may be wrong by."""

    density: Array
    """(cells, 3), means over the cells."""
    current: Array
    """(edges, 2, 3): along x, left and right of each edge; they differ where an interface or face scatters."""
    torque: Array
    """(cells, 3), means over the cells: of exchange, 2J s × S/ħ."""


class Response(NamedTuple):
    """What a channel carries, in the frame that turns with the magnetization."""

    local: Part
    diffusive: Part
    local_error: Part
    diffusive_error: Part


def slab_response(
    sample: Sample,
    texture: Callable[[Array], Array],
    turning: ArrayLike,
    exchange: float,
    edges: ArrayLike,
    *,
    channels: tuple[str, ...] = ("first", "second", "second_ladder", "exact"),
    scale: float = math.inf,
    directions: int = 24,
    fineness: float = 4.0,
) -> dict[str, Response]:
    """Solve (W) in a sample along x whose magnetization precesses rigidly: no walkers, no noise.

    The stationary spin in the frame that turns at ω, where S stands still and B = (2J/ħ)S + ω (`exact`) or ω (the other
    channels), from births −ν ω × S. Two meshes, one with cells half as wide, are extrapolated; their difference and that
    of half the directions bound the error.

    Parameters
    ----------
    sample : Sample
        Any consistent units.
    texture : callable
        S (n, 3) at places (n,), at t = 0; it may jump at `edges` alone.
    turning : (3,) array_like
        ω, Ṡ = ω × S; S's phase may vary along x.
    exchange : float
        J/ħ.
    edges : (n + 1,) array_like
        Edges of the cells whose means are asked for, from 0 to the length.
    channels : tuple of str
        Of "first", "second", "second_ladder" and "exact".
    scale : float
        Length on which the texture varies.
    directions, fineness : int, float
        Cosines in half a sphere; cells of the wider mesh in a mean free path, or in `scale`.

    Returns
    -------
    dict of str to Response
        By channel: local (before the first scattering) and diffusive part, in units of ν ω and of v ν ω.

    Raises
    ------
    ArithmeticError
        Where there is no steady state: a channel needs a sink that the sample has not.
    """
    wanted = np.asarray(edges, float)
    coarse = mesh_of(sample, wanted, scale, 2.0 * abs(exchange) * ("exact" in channels), fineness)
    fine = halved(coarse)
    wide, narrow, few = (
        _solved(sample, texture, np.asarray(turning, float), exchange, channels, wanted, mesh, count)
        for mesh, count in ((coarse, directions), (fine, directions), (coarse, directions // 2))
    )
    return {name: _extrapolated(wide[name], narrow[name], few[name]) for name in channels}


def _solved(
    sample: Sample,
    texture: Callable[[Array], Array],
    omega: Array,
    exchange: float,
    channels: tuple[str, ...],
    wanted: Array,
    mesh: Array,
    directions: int,
) -> dict[str, tuple[Part, Part]]:
    """Local and diffusive part of channels from one mesh, in the cells and at the edges that are wanted."""
    stack, nu = stack_on(sample, mesh)
    parts = _channels(stack, nu, parabolas_on(texture, mesh), omega, exchange, channels, directions)
    return {
        name: (_gathered(near, mesh, wanted), _gathered(far, mesh, wanted))
        for name, (near, far) in parts.items()
    }


def _extrapolated(wide: tuple[Part, Part], narrow: tuple[Part, Part], few: tuple[Part, Part]) -> Response:
    """Second order in the cells' width taken out; what this changes, and half the directions, bounds the error."""
    values, bounds = [], []
    for w, n, f in zip(wide, narrow, few, strict=True):
        values.append(Part(*(b + (b - a) / 3.0 for a, b in zip(w, n, strict=True))))
        bounds.append(Part(*(np.abs(b - a) / 3.0 + np.abs(a - c) for a, b, c in zip(w, n, f, strict=True))))
    return Response(*values, *bounds)


def mesh_of(
    sample: Sample,
    wanted: Array,
    scale: float,
    turn: float,
    fineness: float,
    jumps: ArrayLike = (),
    varies: tuple[float, float] = (0.0, math.inf),
    narrow: float = math.inf,
) -> Array:
    """Edges of a mesh that has those wanted and the layers', crowded at faces, interfaces and jumps of the texture.

    Parameters
    ----------
    sample : Sample
    wanted : (n + 1,) array
        From 0 to the length.
    scale : float
        Length on which the texture varies.
    turn : float
        2J/ħ, or 0 where it does not matter.
    fineness : float
        Cells in the shortest of the lengths on which spin varies.
    jumps : array_like
        Places where the texture jumps, edges that are wanted.
    varies : (float, float)
        From where to where the texture varies; beyond, cells may grow.
    narrow : float
        So many mean free paths from there, and from what is rough, cells are no wider than one, 1/(1/τ + 1/τ_sf + turn)
        v; inf: everywhere, for births that are steps in every cell.
    """
    starts = np.array([layer.start for layer in sample.layers[1:]])
    cuts = np.unique(np.concatenate([wanted, starts]))
    cuts = cuts[np.concatenate([[True], np.diff(cuts) > 1e-9 * sample.length])]
    rough = np.concatenate([[] if sample.faces is None else [0.0, sample.length], starts, np.asarray(jumps)])
    mesh = [cuts[:1]]
    for a, b in itertools.pairwise(cuts):
        layer = sample.layers[np.searchsorted(starts, 0.5 * (a + b), side="right")]
        free = layer.speed / (layer.rate + layer.loss + turn)
        reach = narrow * layer.speed / layer.rate if narrow else 0.0
        mesh.append(_graded(a, b, rough, _Widths(free, scale, fineness, varies, reach))[1:])
    return np.concatenate(mesh)


class _Widths(NamedTuple):
    """How wide cells of a layer may be."""

    free: float
    """Mean free path, also between turns."""
    scale: float
    """Length on which the texture varies."""
    fineness: float
    varies: tuple[float, float]
    reach: float
    """To where from there, and from what is rough, cells are narrow against `free`; 0: nowhere."""

    def at(self, x: float, rough: Array) -> float:
        """No wider than a share of the distance from what is rough, nor than what varies there."""
        near = float(np.abs(rough - x).min(initial=math.inf))
        beyond = max(self.varies[0] - x, x - self.varies[1], 0.0)
        width = self.scale / self.fineness + beyond / self.fineness
        if self.reach > 0.0:
            further = max(min(near, beyond) - self.reach, 0.0)
            width = min(width, (self.free + further) / self.fineness)
        finest = 1e-3 * min(self.free, self.scale)
        return min(width, (finest + near) / self.fineness)


def halved(mesh: Array) -> Array:
    """Edges of a mesh with cells half as wide."""
    return np.sort(np.concatenate([mesh, 0.5 * (mesh[1:] + mesh[:-1])]))


def _graded(a: float, b: float, rough: Array, widths: _Widths) -> Array:
    """Edges from a to b, cells as wide as they may be."""
    places = [a]
    while places[-1] < b:
        # halfway on, so that cells shrink as they grow
        step = min(widths.at(places[-1], rough), b - a)
        places.append(places[-1] + min(step, widths.at(min(places[-1] + step, b), rough)))
    stretched = np.array(places)
    return a + (stretched - a) * ((b - a) / (stretched[-1] - a))


def stack_on(sample: Sample, mesh: Array) -> tuple[Stack, Array]:
    """Sample on a mesh, and ν of its cells."""
    starts = np.array([layer.start for layer in sample.layers])
    which = np.searchsorted(starts, 0.5 * (mesh[1:] + mesh[:-1]), side="right") - 1
    speed, rate, loss, nu = (
        np.array([getattr(layer, name) for layer in sample.layers])[which]
        for name in ("speed", "rate", "loss", "nu")
    )
    interfaces = {
        int(np.argmin(np.abs(mesh - layer.start))): layer.interface
        for layer in sample.layers[1:]
        if layer.interface is not None
    }
    return Stack(mesh, speed, rate, loss, interfaces, sample.faces, sample.dimension), nu


def parabolas_on(texture: Callable[[Array], Array], mesh: Array) -> Array:
    """S at the left and right end of each cell, from inside, and its mean by three Gauss points, (cells, 3, 3)."""
    node, weight = np.polynomial.legendre.leggauss(3)
    middle, half = 0.5 * (mesh[1:] + mesh[:-1]), 0.5 * np.diff(mesh)
    mean = sum(0.5 * w * texture(middle + u * half) for u, w in zip(node, weight, strict=True))
    inside = (1.0 - 1e-9) * half
    return np.stack([texture(middle - inside), texture(middle + inside), mean], axis=1)


def _gathered(part: Part, mesh: Array, wanted: Array) -> Part:
    """Means over the cells that are wanted, and currents at their edges."""
    at = np.array([int(np.argmin(np.abs(mesh - edge))) for edge in wanted])
    width = np.diff(mesh)[:, None]
    density, torque = (
        np.add.reduceat(values * width, at[:-1]) / np.add.reduceat(width, at[:-1])
        for values in (part.density, part.torque)
    )
    last = len(mesh) - 2
    sides = np.stack([part.current[np.maximum(at - 1, 0), 1], part.current[np.minimum(at, last), 0]], axis=1)
    for end, side in ((0, 0), (-1, 1)):  # nothing lies beyond the faces
        sides[end, side] = sides[end, 1 - side]
    return Part(density, sides, torque)


def _channels(
    stack: Stack, nu: Array, S: Array, omega: Array, exchange: float, names: tuple[str, ...], directions: int
) -> dict[str, tuple[Part, Part]]:
    """Local and diffusive part of channels on one mesh."""
    source, none, J = -nu[:, None, None] * np.cross(omega, S), np.zeros_like(S[:, 2]), 2.0 * exchange
    frame = np.broadcast_to(omega, none.shape)
    found: dict[str, tuple[Part, Part]] = {}

    def part(flown: Flights, torque: Array = none) -> Part:
        return Part(flown.density, flown.current, torque)

    if set(names) - {"exact"}:
        slab = Ordinates(stack, frame, directions)
        first = slab.flights(source, each=True)
        if set(names) & {"first", "second_ladder"}:
            later = slab.after(first, each=True)
            found["first"] = part(first), part(later)
        if set(names) & {"second", "second_ladder"}:
            torque = J * cross(first.each, S)
            flown = slab.flights(none, by_direction=torque)
            found["second"] = part(flown, slab.mean(torque)), part(slab.after(flown))
        if "second_ladder" in names:
            more = J * cross(later.each, S)
            whole = slab.flights(none, by_direction=torque + more)
            rest, local = slab.after(whole), found["second"][0]
            found["second_ladder"] = (
                local,
                Part(
                    whole.density + rest.density - local.density,
                    whole.current + rest.current - local.current,
                    slab.mean(more),
                ),
            )
    if "exact" in names:
        slab = Ordinates(stack, J * S[:, 2] + frame, directions)
        # B is constant in a cell: so are the births that it belongs to, or the spin battery is off balance
        first = slab.flights(source[:, 2])
        later = slab.after(first)
        near, far = (part(one, J * np.cross(one.density, S[:, 2])) for one in (first, later))
        found["exact"] = near, far
    return {name: found[name] for name in names}
