"""Samples that vary along x, how their magnetization moves, and the meshes on which they are solved without walkers."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mcpump.theory.medium import Array
from mcpump.theory.ordinates import Stack
from mcpump.theory.walls import Face, Interface

NEAR = 12.0
"""Mean free paths from what makes spin vary to where cells may grow."""
LONG = 100.0
"""Mean free paths in a sample whose cells grow inside."""


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
    rashba: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Charge velocity w = rashba × s of spins in their first flight."""


class Sample(NamedTuple):
    """Layers along x between two faces."""

    length: float
    layers: tuple[Layer, ...]
    faces: tuple[Face, Face] | None
    """Left and right face; None: periodic."""
    dimension: int = 3
    """Of the velocity sphere."""


class Precession(NamedTuple):
    """A magnetization that turns rigidly."""

    at: Callable[[Array], Array]
    """S (n, 3) at places (n,), at t = 0; it may jump at edges that are asked for alone."""
    turning: Array
    """ω, Ṡ = ω × S; S's phase may vary along x."""


class Cycle(NamedTuple):
    """A magnetization that comes back after a period."""

    at: Callable[..., Array]
    """S (n, 3) at places (n,) and a time t: at(x, t=t)."""
    Omega: float
    """Angular frequency."""
    harmonics: int
    """Multiples of it that S has."""


class Rule(NamedTuple):
    """How finely a sample is cut."""

    scale: float = math.inf
    """Length on which the texture varies."""
    directions: int = 20
    """Cosines in half a sphere; more where exchange turns spins fast, or who grazes stays in a thin sample."""
    fineness: float = 3.0
    """Cells of the widest mesh in a mean free path, or in `scale`."""
    jumps: tuple[float, ...] = ()
    """Where the texture jumps, edges that are asked for."""
    varies: tuple[float, float] = (0.0, math.inf)
    """From where to where the texture varies."""


def mesh_for(sample: Sample, motion: Precession | Cycle, exchange: float, edges: Array, rule: Rule) -> Array:
    """Edges of the widest mesh.

    exchange: J/ħ where spin in flight turns about S; else 0.
    """
    Omega = (
        float(np.linalg.norm(motion.turning))
        if isinstance(motion, Precession)
        else motion.Omega * max(motion.harmonics, 1)
    )
    wide = grows(sample, exchange)
    return mesh_of(
        sample, edges, rule.scale, 2.0 * abs(exchange) + Omega, rule.fineness, rule.jumps, rule.varies,
        NEAR if wide else math.inf, wide,
    )  # fmt: skip


def has_magnet(sample: Sample) -> bool:
    """Whether a magnet that no electron flies in is beyond a face, or in an interface."""
    gates = [layer.interface for layer in sample.layers if layer.interface is not None]
    return any(gate.turns for gate in gates) or any(face.reflection != 1.0 for face in sample.faces or ())


def grows(sample: Sample, exchange: float) -> bool:
    """Whether cells grow inside: in long samples, unless exchange turns spins in flight.

    There births are steps, in balance with the field that they belong to.
    """
    free = min(layer.speed / layer.rate for layer in sample.layers)
    return exchange == 0.0 and sample.length > LONG * free


def directions_for(sample: Sample, exchange: float, rule: Rule) -> int:
    """Cosines in half a sphere: more where spins turn fast, and where who grazes stays in a thin sample."""
    closed = sample.faces is None or min(face.absorption for face in sample.faces) < 1.0
    thin = min(sample.length, rule.scale if sample.faces is None else math.inf)
    longest = max(layer.speed / layer.rate for layer in sample.layers)
    more = (1.0 + longest / thin) ** 0.25 if closed else 1.0
    turns = math.sqrt(1.0 + abs(exchange) / min(layer.rate for layer in sample.layers))
    return round(rule.directions * more * turns)


def mesh_of(
    sample: Sample,
    wanted: Array,
    scale: float,
    turn: float,
    fineness: float,
    jumps: ArrayLike = (),
    varies: tuple[float, float] = (0.0, math.inf),
    narrow: float = math.inf,
    smooth: bool = False,
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
    smooth : bool
        Whether births in wide cells are parabolas: cells may grow where the texture varies, too.
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
        spread = math.inf
        if smooth and layer.loss + turn > 0.0:
            spread = layer.speed / math.sqrt(sample.dimension * layer.rate * (layer.loss + turn))
        widths = _Widths(free, min(scale, spread), fineness, varies, reach, smooth)
        mesh.append(_graded(a, b, rough, widths)[1:])
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
    smooth: bool
    """Whether births in wide cells are parabolas, so that cells may be wide where the texture varies, too."""

    def at(self, x: float, rough: Array) -> float:
        """No wider than a share of the distance from what is rough, nor than what varies there."""
        near = float(np.abs(rough - x).min(initial=math.inf))
        beyond = max(self.varies[0] - x, x - self.varies[1], 0.0)
        width = self.scale / self.fineness + beyond / self.fineness
        if self.reach > 0.0:
            further = max((near if self.smooth else min(near, beyond)) - self.reach, 0.0)
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


def stack_on(sample: Sample, mesh: Array, smooth: bool = False) -> tuple[Stack, Array]:
    """Sample on a mesh, and ν of its cells; smooth: as `Stack.smooth`."""
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
    return Stack(mesh, speed, rate, loss, interfaces, sample.faces, sample.dimension, smooth), nu


def parabolas_on(texture: Callable[[Array], Array], mesh: Array) -> Array:
    """S at the left and right end of each cell, from inside, and its mean by three Gauss points, (cells, 3, 3)."""
    node, weight = np.polynomial.legendre.leggauss(3)
    middle, half = 0.5 * (mesh[1:] + mesh[:-1]), 0.5 * np.diff(mesh)
    mean = sum(0.5 * w * texture(middle + u * half) for u, w in zip(node, weight, strict=True))
    inside = (1.0 - 1e-9) * half
    return np.stack([texture(middle - inside), texture(middle + inside), mean], axis=1)
