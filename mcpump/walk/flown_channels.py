"""First flights of every channel on one mesh along x, where the magnetization precesses rigidly: T[a] and T[u/τ].

In the turning frame, by discrete ordinates (`mcpump.theory.ordinates`); what for tells `mcpump.walk.first_flights`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import Scene
from mcpump.problem.slab import sample_of
from mcpump.theory.flights import LEFT, RIGHT, cell_matrices, cross
from mcpump.theory.ordinates import NONE, Flights, Ordinates, Stack
from mcpump.theory.sample import parabolas_on, stack_on
from mcpump.walk.reference import Reference, Taken

Array = NDArray[np.float64]
STRONG, WEAK = 1.0, 0.3
"""2Jτ/ħ above which G = 0.1/τ, and below which G = 1/τ."""


class Lattice(NamedTuple):
    """A scene on a mesh, and the flights on it."""

    scene: Scene
    stack: Stack
    nu: Array
    S: Array
    """(cells, 3, 3): at t = 0, at the left and right end of each cell, and its mean."""
    turning: Array
    """(3,): angular velocity of the precession."""
    perturbed: Ordinates
    """Where exchange does not turn the spins that fly."""
    exact: Ordinates | None


class Flown(NamedTuple):
    """What flies in a part of a channel, in the turning frame: linear in what is born."""

    density: Array
    """(cells, 3), means; as the next two."""
    torque: Array
    flow: Array
    through: Array
    """(cells + 1, 3): what passes the mesh's edges."""
    left: Array
    """(2, 3): what leaves at the left and at the right face."""
    lost: Array
    """(cells, 3): what is lost in passing interfaces."""


class Births(NamedTuple):
    """What walkers are born from, in the turning frame."""

    collided: Array
    """(cells, 3): q."""
    walls: Array
    """(2, segments, 3), as `Flights.walls`."""

    def flown(self) -> Flights:
        """As what has flown, and scatters now."""
        n = len(self.collided)
        return Flights(self.collided, np.zeros((n, 2, 3)), self.collided, self.walls, self.walls, NONE)


class Channel(NamedTuple):
    """A channel in the turning frame."""

    emitted: Array
    """(3,): all that is emitted, per area and time."""
    parts: tuple[Flown, Flown]
    """Local, and what is known of the diffusive part."""
    births: Births


def lattice_on(
    scene: Scene, precession: tuple[Callable[[Array], Array], Array], mesh: Array, directions: int
) -> Lattice:
    """A scene on a mesh; precession: S at t = 0, and its angular velocity."""
    texture, turning = precession
    (stack, nu), S = stack_on(sample_of(scene), mesh, smooth=True), parabolas_on(texture, mesh)
    frame, exact, J = np.broadcast_to(turning, S[:, 2].shape), None, 2.0 * scene.exchange
    if "exact" in scene.channels:
        turns = math.sqrt(1.0 + abs(J) / min(layer.rate for layer in scene.layers))
        steps = stack._replace(smooth=scene.magnet_outside)  # which turns no spin in flight
        exact = Ordinates(steps, J * S[:, 2] + frame, round(turns * directions))
    return Lattice(scene, stack, nu, S, turning, Ordinates(stack, frame, directions), exact)


def shifts(lattice: Lattice, shift: float | str) -> Reference:
    """What of `exact` follows the magnet, u with G u − u × B = a; nothing without a shift."""
    if lattice.exact is None or shift == "off":
        return {}
    rate = lattice.stack.rate
    G = shift_rates(lattice.scene.exchange, rate) if isinstance(shift, str) else shift * rate
    _, inverse = cell_matrices(G, lattice.exact.field, np.zeros((1, len(rate))))
    u = np.einsum("xij,xj->xi", inverse, births_on(lattice)[:, 2])
    return {"exact": Taken(u, np.zeros((2, len(lattice.exact.bounds) - 1, 3)))}


def births_on(lattice: Lattice) -> Array:
    """Births a = −ν ω × S, at both ends of the cells and their mean."""
    return np.asarray(-lattice.nu[:, None, None] * np.cross(lattice.turning, lattice.S))


def torque_on(lattice: Lattice, each: Array) -> Array:
    """(2J/ħ) s × S by direction."""
    return 2.0 * lattice.scene.exchange * cross(each, lattice.S)


def channels_on(lattice: Lattice, taken: Reference) -> dict[str, Channel]:
    """First flights of every channel on a mesh; those of `first` also where others are made of them."""
    slab, born = lattice.perturbed, births_on(lattice)
    emitted, none = integral(lattice, born[:, 2]), np.zeros_like(born[:, 2])
    wanted = {*lattice.scene.channels}
    found: dict[str, Channel] = {}
    if wanted - {"exact"}:
        first = slab.flights(born, each=True)
        u = taken.get("first")
        again = None if u is None else slab.flights(slab.births(u.density), u.walls, each=True)
        found["first"] = _channel(slab, emitted, (first, none), (again, none), u)
    if wanted & {"second", "second_ladder"}:
        torque = torque_on(lattice, first.each)
        second = slab.flights(none, by_direction=torque), slab.mean(torque)
        for name in wanted & {"second", "second_ladder"}:
            u = taken.get(name)
            rest: tuple[Flights | None, Array] = None, none
            if u is not None:
                more = torque_on(lattice, again.each) if name == "second_ladder" and again else NONE
                flown = slab.flights(slab.births(u.density), u.walls, more)
                rest = flown, slab.mean(more) if len(more) else none
            found[name] = _channel(slab, np.zeros(3), second, rest, u)
    if lattice.exact is not None:
        found["exact"] = _exact(lattice, emitted, born[:, 2], taken.get("exact"))
    return found


def pumped_on(lattice: Lattice) -> Array | None:
    """What magnets beyond a face or in an interface send out; None without one."""
    if lattice.exact is None:
        return None
    return lattice.exact.pumped(lattice.nu[:, None] * lattice.turning / (2.0 * lattice.scene.exchange or 2.0))


def turned_on(lattice: Lattice, flights: Flights, pumped: Array | None = None) -> Array:
    """Torque on what flies in `exact`: of the exchange in the cells, and of magnets beyond faces and in interfaces."""
    assert lattice.exact is not None
    torque = 2.0 * lattice.scene.exchange * np.cross(flights.density, lattice.S[:, 2])
    more = lattice.exact.magnet_torque(flights, pumped)
    return torque if more is None else torque + more


def shift_rates(exchange: float, rate: Array) -> Array:
    """G of the shift [1/τ], at collision rates: 1/τ where exchange is weak, a tenth of it where it is strong."""
    turn = np.maximum(2.0 * abs(exchange) / rate, WEAK)
    strong = np.minimum(np.log(turn / WEAK) / math.log(STRONG / WEAK), 1.0)
    return np.asarray(rate * 0.1 ** (strong * strong * (3.0 - 2.0 * strong)))


def _exact(lattice: Lattice, emitted: Array, born: Array, u: Taken | None) -> Channel:
    """`exact`: B is constant in a cell: so are the births that it belongs to, or the spin battery is off balance."""
    slab = lattice.exact
    assert slab is not None
    pumped = pumped_on(lattice)
    near = slab.flights(born, pumped)
    far = None if u is None else slab.flights(slab.births(u.density), u.walls)
    rest = np.zeros_like(born) if far is None else turned_on(lattice, far)
    return _channel(slab, emitted, (near, turned_on(lattice, near, pumped)), (far, rest), u)


def _channel(
    slab: Ordinates,
    emitted: Array,
    local: tuple[Flights, Array],
    rest: tuple[Flights | None, Array],
    u: Taken | None,
) -> Channel:
    """A channel from flights and their torque: local ones, those of u, and what walkers are born from."""
    near, far = local[0], rest[0]
    births = Births(near.density, near.walls)
    if u is None or far is None:
        return Channel(emitted, (flown_of(slab, *local), nothing_flown(np.zeros_like(near.density))), births)
    q = Births(births.collided + far.density - u.density, births.walls + far.walls - u.walls)
    return Channel(emitted, (flown_of(slab, *local), flown_of(slab, far, rest[1])), q)


def flown_of(slab: Ordinates, flights: Flights, torque: Array) -> Flown:
    """What is told of flights."""
    left = np.zeros((2, 3))
    if slab.stack.faces is not None:
        for face, come in zip((0, 1), (flights.arrives[LEFT, 0], flights.arrives[RIGHT, -1]), strict=True):
            left[face] = slab.stack.faces[face].absorption * come
    return Flown(flights.density, torque, flights.flow, slab.through(flights), left, slab.lost(flights))


def nothing_flown(none: Array) -> Flown:
    """No flights; none: (cells, 3) of 0."""
    return Flown(none, none, none, np.zeros((len(none) + 1, 3)), np.zeros((2, 3)), none)


def integral(lattice: Lattice, values: Array) -> Array:
    """Over the sample, of means over cells."""
    return np.asarray((np.diff(lattice.stack.edges)[:, None] * values).sum(axis=0))
