"""The walk's equation (W) without walkers, where everything varies along x alone and the magnetization is periodic.

A rigid precession stands still in the frame that turns with it; other motions are solved harmonic by harmonic where
exchange turns no spins in flight (all channels but `exact`), and else at the phases of a period.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from mcpump.theory.flights import LEFT, RIGHT, cross, directions_of_half
from mcpump.theory.medium import Array
from mcpump.theory.modes import Modes, at_phases, in_time_functions, product
from mcpump.theory.ordinates import Flights, Ordinates, Stack
from mcpump.theory.phases import Phases
from mcpump.theory.sample import (
    Cycle,
    Layer,
    Precession,
    Rule,
    Sample,
    directions_for,
    halved,
    has_magnet,
    mesh_for,
    parabolas_on,
    stack_on,
)
from mcpump.theory.walls import Face, Interface

__all__ = [
    "Cycle",
    "Face",
    "Interface",
    "Layer",
    "Part",
    "Precession",
    "Response",
    "Rule",
    "Sample",
    "drive_response",
    "periodic_response",
    "slab_response",
]


CHANGE = 1e-6
"""Share of the largest spin that further harmonics change no more."""
MOST_KEPT, FEW_DIRECTIONS = 40, 6
"""Harmonics at most, and directions with which they are looked for."""


class Part(NamedTuple):
    """Local or diffusive part of a channel, or its error; of what is periodic (…, time functions, 3)."""

    density: Array
    """(cells, 3), means over the cells; as the next three."""
    torque: Array
    """Of exchange, 2J s × S/ħ."""
    flow: Array
    """Current along x."""
    born: Array
    """What is born in the cells, per volume and time."""
    current: Array
    """(edges, 2, 3): along x, left and right of each edge; they differ where an interface or face scatters."""
    through: Array
    """(edges, 3): what passes each edge; through a face, what it absorbs."""
    left: Array
    """(2, 3): what leaves at the left and at the right face."""
    lost: Array
    """(cells, 3): spin lost in passing interfaces, per volume and time of the cells behind them."""


class Response(NamedTuple):
    """What a channel carries."""

    local: Part
    diffusive: Part
    deviations: tuple[tuple[Part, Part], ...]
    """Local and diffusive: what half the width of the cells changes, and what a quarter of the directions."""

    @property
    def local_error(self) -> Part:
        """Bound of the local part's error."""
        return _bound([near for near, _ in self.deviations])

    @property
    def diffusive_error(self) -> Part:
        """Bound of the diffusive part's error."""
        return _bound([far for _, far in self.deviations])


def slab_response(
    sample: Sample,
    texture: Callable[[Array], Array],
    turning: ArrayLike,
    exchange: float,
    edges: ArrayLike,
    *,
    channels: tuple[str, ...] = ("first", "second", "second_ladder", "exact"),
    rule: Rule | None = None,
    **more: Any,
) -> dict[str, Response]:
    """Solve (W) in a sample along x whose magnetization precesses rigidly: no walkers, no noise.

    The stationary spin in the frame that turns at ω, where S stands still and B = (2J/ħ)S + ω (`exact`) or ω (the other
    channels), from births −ν ω × S. Meshes with cells half as wide, and half of that, are extrapolated; what the last one
    changes, and three quarters of the directions, bounds the error.

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
    rule : Rule, optional
        How finely it is cut; or its parts by name: ``scale=…, directions=…, fineness=…, jumps=…``.

    Returns
    -------
    dict of str to Response
        By channel: local (before the first scattering) and diffusive part, in units of ν ω and of v ν ω, in the frame
        that turns. Where no sink takes a spin, its mean density is undetermined.

    Raises
    ------
    ArithmeticError
        If the scattered spin is not found.
    """
    motion, rule = Precession(texture, np.asarray(turning, float)), rule or Rule(**more)

    def solve(stack: Stack, nu: Array, directions: int) -> Solved:
        return _channels(stack, nu, _Frame(motion, stack, exchange, directions), channels)

    return _extrapolated(
        sample, motion, exchange * ("exact" in channels), np.asarray(edges, float), rule, solve
    )


def periodic_response(
    sample: Sample,
    motion: Precession | Cycle,
    exchange: float,
    edges: ArrayLike,
    harmonics: int,
    *,
    channels: tuple[str, ...] = ("first", "second", "second_ladder"),
    rashba: bool = False,
    rule: Rule | None = None,
) -> dict[str, Response]:
    """Solve (W) in a sample along x whose magnetization is periodic in time, harmonic by harmonic.

    Parameters
    ----------
    sample, exchange, edges, channels, rule
        As for `slab_response`.
    motion : Precession or Cycle
        How the magnetization moves.
    harmonics : int
        Multiples of Ω asked for.
    rashba : bool
        Whether "rashba" is asked for, too: in the place of a local density the charge velocity W = rashba × s of the
        first flights of `second`, and in that of the diffusive part density and flux of the dipoles along x that it
        leaves.

    Returns
    -------
    dict of str to Response
        As from `slab_response`, with an axis of time functions 1, cos Ωt, sin Ωt, … before that of the components.

    Raises
    ------
    ValueError
        If a magnet beyond a face, or in an interface, does not precess rigidly.
    ArithmeticError
        If the scattered spin is not found.
    """
    if isinstance(motion, Cycle) and has_magnet(sample):
        raise ValueError("magnets beyond faces and in interfaces need a rigid precession")
    rule = rule or Rule()
    wanted = {*channels} | ({"second"} if rashba else set())
    names = tuple(sorted(wanted))
    edges, turn = np.asarray(edges, float), exchange * ("exact" in channels)
    kept = 0
    if isinstance(motion, Cycle) and "exact" in channels:
        kept = harmonics_kept(sample, motion, exchange, edges, harmonics, rule)

    def solve(stack: Stack, nu: Array, directions: int) -> Solved:
        world: _Frame | _Clock
        if isinstance(motion, Precession):
            world = _Frame(motion, stack, exchange, directions)
        else:
            world = _Clock(motion, stack, exchange, directions, harmonics, kept)
        found, flown = _channels_and_flights(stack, nu, world, names)
        told = {
            name: tuple(Part(*(world.in_time(values, harmonics) for values in part)) for part in parts)
            for name, parts in found.items()
        }
        if rashba:
            told["rashba"] = _dipoles(sample, stack, world, flown["second"], harmonics, directions)
        return {name: told[name] for name in (*channels, *(["rashba"] if rashba else []))}  # type: ignore[misc]

    return _extrapolated(sample, motion, turn, edges, rule, solve)


def harmonics_kept(
    sample: Sample, motion: Cycle, exchange: float, edges: Array, harmonics: int, rule: Rule
) -> int:
    """Multiples of Ω that spins which turn in flight need: as many as leave those asked for as they are.

    They are looked for on the widest mesh, with few directions.

    Raises
    ------
    ArithmeticError
        If there are too many.
    """
    stack, nu = stack_on(sample, mesh_for(sample, motion, exchange, edges, rule), smooth=True)

    speed, rate = float(stack.speed.max()), float(stack.rate.max())

    def found(kept: int) -> tuple[list[Array], float]:
        """Density, and what it does to currents and torques; with the largest of it all."""
        world = _Clock(motion, stack, exchange, FEW_DIRECTIONS, kept, kept)
        both = _exact(stack, nu, world, nu[:, None, None, None] * world.born)
        told = [each for part in both for each in (part.density, part.torque / rate, part.current / speed)]
        return [each[..., :functions, :] for each in told], max(float(np.abs(each).max()) for each in told)

    functions, kept, last = 1 + 2 * harmonics, harmonics + 2, None
    while kept <= MOST_KEPT:
        now, size = found(kept)
        if last is not None:
            change = max(float(np.abs(one - other).max()) for one, other in zip(now, last, strict=True))
            if change <= CHANGE * size:
                return kept
        kept, last = kept + max(2, kept // 3), now
    raise ArithmeticError(f"spins that turn in flight have more than {MOST_KEPT} harmonics")


def drive_response(
    sample: Sample, drive: Sequence[ArrayLike], edges: ArrayLike, rule: Rule | None = None
) -> Response:
    """Solve (W) for the spin that a steady spin current along x leaves where it begins, ends or is sent back.

    Parameters
    ----------
    sample, edges, rule
        As for `slab_response`.
    drive : sequence of (3,) array_like
        The current J in each layer; it is no walker's, and not in the answer. A closed face with outward normal n sends
        n·J back, a specular one as flux ∝ (v·n)², a diffuse one by the cosine law; at the start of a layer −∂_xJ is born.

    Returns
    -------
    Response
        With an axis of one time function before that of the components.
    """
    J = [np.asarray(one, float) for one in drive]
    still = Precession(lambda x: np.zeros((len(x), 3)), np.zeros(3))

    def solve(stack: Stack, nu: Array, directions: int) -> Solved:
        return {"drive": _driven(sample, stack, J, directions)}

    return _extrapolated(sample, still, 0.0, np.asarray(edges, float), rule or Rule(), solve)["drive"]


Solved = dict[str, tuple[Part, Part]]
"""Channel → local and diffusive part in the cells of a mesh."""


def _extrapolated(
    sample: Sample,
    motion: Precession | Cycle,
    exchange: float,
    edges: Array,
    rule: Rule,
    solve: Callable[[Stack, Array, int], Solved],
) -> dict[str, Response]:
    """Second order in the cells' width taken out; deviations: the last mesh's change, and a quarter of the directions."""
    coarse = mesh_for(sample, motion, exchange, edges, rule)
    count = directions_for(sample, exchange, rule)

    def on(halvings: int, directions: int) -> Solved:
        mesh = coarse
        for _ in range(halvings):
            mesh = halved(mesh)
        found = solve(*stack_on(sample, mesh, smooth=True), directions)
        return {
            name: (_gathered(near, mesh, edges), _gathered(far, mesh, edges))
            for name, (near, far) in found.items()
        }

    wide, middle, narrow, few = on(0, count), on(1, count), on(2, count), on(0, max(3 * count // 4, 1))
    found = {}
    for name in wide:
        both = []
        for part in range(2):
            a, b, c, d = (one[name][part] for one in (wide, middle, narrow, few))
            value, rough = (_mixed((4.0 / 3.0, one), (-1.0 / 3.0, other)) for one, other in ((c, b), (b, a)))
            both.append((value, _mixed((1.0, value), (-1.0, rough)), _mixed((1.0, a), (-1.0, d))))
        (near, *near_off), (far, *far_off) = both
        found[name] = Response(near, far, tuple(zip(near_off, far_off, strict=True)))
    return found


def _mixed(*terms: tuple[float, Part]) -> Part:
    """Sum of parts with factors."""
    parts = zip(*(part for _, part in terms), strict=True)
    factors = [factor for factor, _ in terms]
    return Part(*(sum(f * one for f, one in zip(factors, each, strict=True)) for each in parts))


def _bound(deviations: Sequence[Part]) -> Part:
    """Sum of the sizes."""
    return Part(*(sum(np.abs(one) for one in each) for each in zip(*deviations, strict=True)))


def _gathered(part: Part, mesh: Array, wanted: Array) -> Part:
    """Means over the cells that are wanted, and currents at their edges."""
    at = np.array([int(np.argmin(np.abs(mesh - edge))) for edge in wanted])
    width = np.diff(mesh)

    def means(values: Array) -> Array:
        column = width.reshape(-1, *[1] * (values.ndim - 1))
        return np.asarray(np.add.reduceat(values * column, at[:-1]) / np.add.reduceat(column, at[:-1]))

    last = len(mesh) - 2
    sides = np.stack([part.current[np.maximum(at - 1, 0), 1], part.current[np.minimum(at, last), 0]], axis=1)
    for end, side in ((0, 0), (-1, 1)):  # nothing lies beyond the faces
        sides[end, side] = sides[end, 1 - side]
    density, torque, flow, born = map(means, part[:4])
    return Part(density, torque, flow, born, sides, part.through[at], part.left, means(part.lost))


# --- channels on one mesh ---------------------------------------------------------------------------------------


class _Frame:
    """What a rigid precession does, in the frame that turns with it."""

    def __init__(self, motion: Precession, stack: Stack, exchange: float, directions: int) -> None:
        self.motion, self.stack, self.J, self.directions = motion, stack, 2.0 * exchange, directions
        self.S = parabolas_on(motion.at, stack.edges)
        self.born = -np.cross(motion.turning, self.S)
        self.turning = np.broadcast_to(motion.turning, self.S[:, 2].shape)

    def flights(self) -> Ordinates:
        return Ordinates(self.stack, self.turning, self.directions)

    def turned(self, by_direction: Array) -> Array:
        """Torques of spins by direction."""
        return self.J * cross(by_direction, self.S)

    def asked(self, flown: Flights) -> Flights:
        return flown

    def asked_of(self, values: Array) -> Array:
        return values

    def in_time(self, values: Array, harmonics: int) -> Array:
        """Time functions of what stands still in the frame."""
        size = float(np.linalg.norm(self.motion.turning))
        axis = self.motion.turning / (size or 1.0)
        flat = harmonics_of(values.reshape(-1, 3), axis, harmonics)
        return flat.reshape(*values.shape[:-1], *flat.shape[1:])


class _Clock:
    """What a periodic motion does, in time functions."""

    def __init__(
        self, motion: Cycle, stack: Stack, exchange: float, directions: int, harmonics: int, kept: int = 0
    ) -> None:
        """harmonics: multiples of Ω asked for; kept: those of spins that turn in flight."""
        self.kept = kept
        self.motion, self.stack, self.J, self.directions = motion, stack, 2.0 * exchange, directions
        self.functions = 1 + 2 * harmonics
        period, phases = 2.0 * math.pi / motion.Omega, 4 * motion.harmonics + 4
        times = (period * i / phases for i in range(phases))
        S = np.array([parabolas_on(partial(motion.at, t=time), stack.edges) for time in times])
        self.S = np.moveaxis(in_time_functions(S, 1 + 2 * motion.harmonics), -1, -2)
        self.born = np.zeros_like(self.S)
        n = np.arange(1, motion.harmonics + 1)[:, None] * motion.Omega
        # −Ṡ: c cos + d sin goes as nΩ d cos − nΩ c sin
        self.born[..., 1::2, :], self.born[..., 2::2, :] = -n * self.S[..., 2::2, :], n * self.S[..., 1::2, :]

    def flights(self) -> Modes:
        most = max(self.motion.harmonics, self.functions // 2)
        return Modes(self.stack, self.motion.Omega, most, self.directions)

    def turned(self, by_direction: Array) -> Array:
        """Torques of spins by direction."""
        return self.J * product(by_direction, self.S, self.functions, cross)

    def asked(self, flown: Flights) -> Flights:
        """Leave out time functions that are not asked for."""
        return flown.mapped(self.asked_of, flown.each)

    def asked_of(self, values: Array) -> Array:
        return values[..., : self.functions, :]

    def in_time(self, values: Array, harmonics: int) -> Array:
        found = np.zeros((*values.shape[:-2], 1 + 2 * harmonics, 3))
        most = min(values.shape[-2], found.shape[-2])
        found[..., :most, :] = values[..., :most, :]
        return found


def harmonics_of(values: Array, axis: Array, harmonics: int) -> Array:
    """What stands still in the frame that turns about an axis, in time: (places, 3) → (places, time function, 3)."""
    along = (values * axis).sum(axis=1, keepdims=True) * axis
    across = values - along
    rows = np.zeros((len(values), 1 + 2 * harmonics, 3))
    rows[:, 0] = along
    if harmonics > 0:
        rows[:, 1], rows[:, 2] = across, np.cross(axis, across)
    return rows


def _part(
    slab: Ordinates | Modes | Phases, flown: Flights, torque: Array | None = None, born: Array | None = None
) -> Part:
    """What is told of flights."""
    none = np.zeros_like(flown.density)
    torque, born = (none if one is None else one for one in (torque, born))
    return Part(
        flown.density,
        torque,
        flown.flow,
        born,
        flown.current,
        slab.through(flown),
        slab.left(flown),
        slab.lost(flown),
    )


def _channels(stack: Stack, nu: Array, world: _Frame | _Clock, names: tuple[str, ...]) -> Solved:
    """Local and diffusive part of channels on one mesh."""
    return _channels_and_flights(stack, nu, world, names)[0]


def _channels_and_flights(
    stack: Stack, nu: Array, world: _Frame | _Clock, names: tuple[str, ...]
) -> tuple[Solved, dict[str, Flights]]:
    """Local and diffusive part of channels on one mesh, and the first flights of `second`, by direction."""
    source = nu.reshape(-1, *[1] * (world.born.ndim - 1)) * world.born
    found: Solved = {}
    flights: dict[str, Flights] = {}
    if set(names) - {"exact"}:
        slab = world.flights()
        first = slab.flights(source, each=True)
        if set(names) & {"first", "second_ladder"}:
            ladder = "second_ladder" in names
            later = slab.after(first if ladder else world.asked(first), each=ladder)
            parts = (
                _part(slab, world.asked(first), born=world.asked_of(source[:, 2])),
                _part(slab, world.asked(later)),
            )
            found["first"] = parts
        if set(names) & {"second", "second_ladder"}:
            torque = world.turned(first.each)
            none = np.zeros_like(torque[0, 0, :, 2])
            flown = flights["second"] = slab.flights(none, by_direction=torque, each=True)
            found["second"] = _part(slab, flown, slab.mean(torque)), _part(slab, slab.after(flown))
        if "second_ladder" in names:
            more = world.turned(later.each)
            whole = slab.flights(none, by_direction=torque + more)
            rest, local = slab.after(whole), found["second"][0]
            total = _mixed((1.0, _part(slab, whole, slab.mean(torque + more))), (1.0, _part(slab, rest)))
            found["second_ladder"] = local, _mixed((1.0, total), (-1.0, local))
    if "exact" in names:
        found["exact"] = _exact(stack, nu, world, source)
    return {name: found[name] for name in names}, flights


def _exact(stack: Stack, nu: Array, world: _Frame | _Clock, source: Array) -> tuple[Part, Part]:
    """All orders in J, in the turning frame or at the phases of a period."""
    if isinstance(world, _Clock):
        return _exact_in_time(stack._replace(smooth=False), world, source[:, 2])
    S = world.S[:, 2]
    # B is constant in a cell: so are the births that it belongs to, or the spin battery is off balance
    slab = Ordinates(
        stack._replace(smooth=stack.smooth and not S.any()), world.J * S + world.turning, world.directions
    )
    pumped = slab.pumped(nu[:, None] * world.turning / (world.J or 2.0))
    first = slab.flights(source[:, 2], pumped)
    later = slab.after(first)
    torques = [world.J * np.cross(one.density, S) for one in (first, later)]
    for torque, flown, sent in zip(torques, (first, later), (pumped, None), strict=True):
        more = slab.magnet_torque(flown, sent)
        if more is not None:
            torque += more
    return _part(slab, first, torques[0], source[:, 2]), _part(slab, later, torques[1])


def _exact_in_time(stack: Stack, world: _Clock, source: Array) -> tuple[Part, Part]:
    """All orders in J of any periodic motion."""
    phases = 1 + 2 * world.kept
    S, born = (at_phases(values, phases) for values in (world.S[:, 2], source))
    slab = Phases(stack, world.J * S, world.motion.Omega, world.directions)

    def in_time(values: Array) -> Array:
        return np.moveaxis(in_time_functions(np.moveaxis(values, -2, 0), world.functions), -1, -2)

    def part(flown: Flights, births: Array | None = None) -> Part:
        torque = world.J * np.cross(flown.density, S)
        return Part(*(in_time(values) for values in _part(slab, flown, torque, births)))

    first = slab.flights(born)
    return part(first, born), part(slab.after(first))


def _dipoles(
    sample: Sample, stack: Stack, world: _Frame | _Clock, flown: Flights, harmonics: int, directions: int
) -> tuple[Part, Part]:
    """Charge velocity W of first flights, and the dipoles along x that it leaves: density and flux."""
    _, weight = directions_of_half(directions, stack.dimension)
    # at both ends of each cell, and its mean
    spin = np.einsum("k,wkx...->x...", 0.5 * weight, flown.each)
    starts, middle = [layer.start for layer in sample.layers], 0.5 * (stack.edges[1:] + stack.edges[:-1])
    field = np.array([layer.rashba for layer in sample.layers])[np.searchsorted(starts, middle, "right") - 1]
    in_time = world.in_time(spin, harmonics)
    W = np.cross(field[:, None, None], in_time)
    Omega = float(np.linalg.norm(world.motion.turning)) if isinstance(world, _Frame) else world.motion.Omega
    free = stack._replace(loss=np.zeros_like(stack.loss))
    modes = Modes(free, Omega, harmonics, directions, mirror=-1.0)
    along = W * np.array([1.0, 0.0, 0.0])
    first = modes.flights(along)
    later = modes.after(first)
    none = np.zeros_like(W[:, 2])
    local = _part(modes, first.mapped(np.zeros_like))._replace(density=W[:, 2])
    near, far = _part(modes, first), _part(modes, later)
    return local, _mixed((1.0, near), (1.0, far))._replace(torque=along[:, 2], born=none)


def _driven(sample: Sample, stack: Stack, J: list[Array], directions: int) -> tuple[Part, Part]:
    """What a spin current J in the layers leaves where it begins, ends or is sent back."""
    ends = {
        int(np.argmin(np.abs(stack.edges - layer.start))): i for i, layer in enumerate(sample.layers) if i > 0
    }
    gates = {edge: stack.interfaces.get(edge, Interface(1.0, 1.0)) for edge in ends}
    slab = Ordinates(stack._replace(interfaces=gates), np.zeros((len(stack.speed), 3)), directions)
    mu, weight, segments = slab.mu, slab.weight, len(gates) + 1
    sent = np.zeros((2, segments, len(mu), 3))
    arriving, born, width = np.zeros_like(sent), np.zeros((len(stack.speed), 3)), np.diff(stack.edges)
    jumps = [
        (edge, segment, J[ends[edge] - 1] - J[ends[edge]])
        for segment, edge in enumerate(sorted(gates), start=1)
    ]
    if stack.faces is None:
        jumps.append((0, 0, J[-1] - J[0]))
    else:
        for face, (way, cell, segment, sense) in zip(
            stack.faces, ((RIGHT, 0, 0, -1.0), (LEFT, -1, -1, 1.0)), strict=True
        ):
            back = sense * (1.0 - face.absorption) * J[cell]
            mirrored, rough = mu / (weight @ mu**2), np.ones_like(mu) / (weight @ mu)
            law = 2.0 * (face.specularity * mirrored + (1.0 - face.specularity) * rough)
            sent[way, segment] += law[:, None] * back
            born[cell] += back / width[cell]
    for edge, segment, step in jumps:
        # isotropic births at the right of the jump
        sent[RIGHT, segment] += step / mu[:, None]
        arriving[LEFT, segment] += step / mu[:, None]
        born[edge] += step / width[edge]
    first = slab.flights(np.zeros_like(born), sheets=(sent, arriving))
    parts = _part(slab, first, born=born), _part(slab, slab.after(first))
    near, far = (Part(*(values[..., None, :] for values in part)) for part in parts)
    return near, far
