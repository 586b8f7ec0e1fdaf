"""First flights along x without walkers, where the magnetization precesses rigidly: local part, and births of the rest.

T[s] is what one flight makes of births s: decay, turning, faces, interfaces. With the births a = −ħνJ Ṡ and an isotropic
spin u that is written down,

    g = T[a] + T[u/τ] + T[δ/τ]       δ = q + ⟨T[δ/τ]⟩       q = ⟨T[a + u/τ]⟩ − u

so that T[a] is the local part, and the diffusive part is T[u/τ] and what walkers make who are born isotropically at the
rate q/τ. Nothing depends on time in the frame that turns with the magnetization; T is worked out there by discrete
ordinates (`mcpump.theory.ordinates`) on meshes with cells half as wide, and half of that, and extrapolated. u is the
solution on such a mesh (`mcpump.walk.reference`), so that q is small; or, for `exact`, what follows the magnet:
G u − u × B = a, B = (2J/ħ)S in the turning frame; or 0.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from mcpump.names import CHARGES, lines_of
from mcpump.problem.scene import CURRENT, DENSITY, DIVERGENCE, TORQUE, Problem, Scene
from mcpump.problem.slab import edges_on, jumps_of, precession_of, sample_of, varies_in
from mcpump.textures.parameters import scales_of
from mcpump.theory.flights import RIGHT, cross
from mcpump.theory.ordinates import Flights, Ordinates
from mcpump.theory.sample import Precession, Rule, grows, halved, mesh_for, mesh_of
from mcpump.theory.slab import harmonics_of
from mcpump.walk.flown_channels import (
    Births,
    Channel,
    Flown,
    Lattice,
    births_on,
    channels_on,
    flown_of,
    integral,
    lattice_on,
    nothing_flown,
    pumped_on,
    shifts,
    torque_on,
    turned_on,
)
from mcpump.walk.known import CORRECTED, ORDINATES, Known
from mcpump.walk.layout import BlockSums, completed, shapes
from mcpump.walk.reference import Reference, Taken, on_three_meshes, pairs, solutions

Array = NDArray[np.float64]
Sheets = tuple[Array, NDArray[np.intp], Array]
DIRECTIONS = 20
"""Cosines in half a sphere; more where exchange turns spins fast."""
FINENESS = 3.0
"""Cells of the widest mesh in the shortest of the lengths on which spin varies."""
NARROW = 12.0
"""Mean free paths from what makes it vary to where `exact` wants cells that are narrow against its turns."""
CORRECTIONS, ENOUGH = 2, 1e-3
"""How often a solution is corrected in a long sample, where walkers take many flights; and the error of a correction."""


class FirstFlights(NamedTuple):
    """Local part and births of walkers."""

    known: Known
    """Laid out for the scene, reduced units."""
    edges: Array
    """(n + 1,) of a mesh along x [ℓ]: it has the layers' starts, the planes and the edges of the run's cells."""
    axis: Array
    """(3,) unit vector of the precession."""
    Omega: float
    """Its angular velocity [1/τ]."""
    collided: dict[str, Array]
    """Channel → (n, 3): q per volume, means over the mesh's cells, at t = 0; it turns with the texture. Walkers are born
    isotropically at the rate q/τ. For `second_ladder` the spin of its own; that of `first` is there too."""
    walls: dict[str, Sheets]
    """Channel → places (m,), sense (m,) ±1, and spin per area and time (m, 3) that walls send out by the cosine law
    towards ±x, as `collided`."""
    charge: dict[str, Array]
    """Source of charge → (n, time functions, 3): charge velocity W of first flights, means over the mesh's cells; of what
    leaves dipoles, along the directions of the mesh."""


class _Solved(NamedTuple):
    """All channels on one mesh."""

    lattice: Lattice
    sums: BlockSums
    births: dict[str, Births]
    charge: dict[str, Array]


@threadpool_limits.wrap(limits=1)  # as `mcpump.problem.slab.solution_of`: the same bits everywhere
def first_flights_along_x(
    problem: Problem,
    shift: float | str = "auto",
    fineness: float = FINENESS,
    directions: int = DIRECTIONS,
    reference: float = 0.0,
) -> FirstFlights:
    """Work out the first flights of a problem along x whose magnetization precesses rigidly.

    Parameters
    ----------
    problem : Problem
        One for which `mcpump.problem.slab.precesses_along_x` holds.
    shift : float or str
        G of the spin u that is taken out of `exact`, times τ of each layer; "auto": from 2Jτ/ħ; "off": u = 0.
    fineness, directions : float, int
        Cells of the widest mesh in a mean free path or in the texture's length; cosines in half a sphere, for `exact`
        √(1 + 2Jτ/ħ) times as many.
    reference : float
        u is the solution times this number; 0: that of the shift. 1 is right, and any other gives the same answer.

    Raises
    ------
    InputError
        If the sample varies along more than x, or its texture does not precess rigidly.
    ArithmeticError
        If `reference` asks for a solution that there is not, since nothing takes the spin.
    """
    scene = problem.scene
    precession = precession_of(problem)
    scale = scales_of(scene.texture, scene.parameters)[0]
    exact = "exact" in scene.channels
    turn = 2.0 * abs(scene.exchange) * exact
    sample, jumps, varies = sample_of(scene), tuple(jumps_of(scene)), varies_in(scene)
    wanted = edges_on(scene, jumps)[0]
    if reference:
        rule = Rule(scale, fineness=fineness, jumps=jumps, varies=varies)
        coarse = mesh_for(sample, Precession(*precession), scene.exchange * exact, wanted, rule)
    else:
        coarse = mesh_of(sample, wanted, scale, turn, fineness, jumps, varies, NARROW * exact)
    count = round(directions * _grazing(scene, scale))
    meshes = (coarse, halved(coarse), halved(halved(coarse)))
    lattices = [lattice_on(scene, precession, mesh, count) for mesh in meshes]
    lattices.append(lattice_on(scene, precession, coarse, 3 * count // 4))
    taken = _taken(lattices, reference) if reference else [shifts(one, shift) for one in lattices]
    for _ in range(CORRECTIONS if reference == 1.0 and grows(sample, turn) else 0):
        taken = _corrected(lattices, taken)
    wide, middle, narrow, few = (_solved(*one) for one in zip(lattices, taken, strict=True))
    known, births = _with_errors(wide, middle, narrow, few)
    if shapes(problem.scene)["conserved"][0]:
        known = known._replace(
            value=_conserving(known.value), deviations=tuple(map(_conserving, known.deviations))
        )
    Omega = float(np.linalg.norm(precession[1]))
    return FirstFlights(
        known._replace(method=CORRECTED) if reference else known,
        narrow.lattice.stack.edges,
        precession[1] / Omega,
        Omega,
        {name: one.collided for name, one in births.items()},
        {name: _sheets(narrow.lattice, one.walls) for name, one in births.items()},
        {
            name: _leaving((4.0 * narrow.charge[name] - _on_halves(middle.charge[name])) / 3.0)
            for name in scene.sources
            if scene.dipoles[CHARGES.index(name)]
        },
    )


def _taken(lattices: list[Lattice], scale: float) -> list[Reference]:
    """Solutions on the first two meshes, times a number, for three meshes and once more for the first."""
    wide, middle = (
        solutions(
            one.perturbed,
            one.exact,
            births_on(one),
            partial(torque_on, one),
            set(one.scene.channels),
            pumped_on(one),
        )
        for one in lattices[:2]
    )
    edges = lattices[1].stack.edges
    starts = [_nearest(edges, layer.start) for layer in lattices[1].scene.layers]
    jumps = [_nearest(edges, x) for x in jumps_of(lattices[1].scene)]
    breaks = np.unique([*starts, *jumps, len(edges) - 1])
    three = [
        {name: one.scaled(scale) for name, one in taken.items()}
        for taken in on_three_meshes(wide, middle, edges, breaks)
    ]
    return [*three, three[0]]


def _corrected(lattices: list[Lattice], taken: list[Reference]) -> list[Reference]:
    """Solutions with what they miss, q on the two narrower meshes extrapolated, solved for in its turn."""
    middle, narrow = (channels_on(*one) for one in list(zip(lattices, taken, strict=True))[1:3])
    edges = [one.stack.edges for one in lattices]
    found: list[dict[str, Taken]] = [{}, {}, {}]
    for name, u in taken[2].items():
        wide, q = middle[name].births, narrow[name].births
        mean = _on_halves(pairs(q.collided, edges[2]))
        # 4/3 of the narrow mesh: three quarters of what differs in two halves of a cell take it out
        missing = Births(
            (4.0 * mean - _on_halves(wide.collided)) / 3.0 + (q.collided - mean),
            (4.0 * q.walls - wide.walls) / 3.0,
        )
        slab = lattices[2].exact if name == "exact" else lattices[2].perturbed
        assert slab is not None
        later = slab.after(missing.flown(), enough=ENOUGH)
        density = u.density + missing.collided + later.density
        walls = u.walls + missing.walls + later.walls
        for i in (2, 1, 0):
            found[i][name] = Taken(density, walls)
            density = pairs(density, edges[i]) if i else density
    return [*found, found[0]]


def _solved(lattice: Lattice, taken: Reference) -> _Solved:
    """First flights of every channel on a mesh, laid out."""
    found = channels_on(lattice, taken)
    births = {name: channel.births for name, channel in found.items()}
    return _Solved(lattice, _laid_out(lattice, found), births, _charge(lattice, found))


def _grazing(scene: Scene, scale: float) -> float:
    """How many more directions a thin sample, or short waves, need: those who graze stay in it."""
    closed = scene.periodic[0] or max(scene.absorption[:2]) < 1.0
    thin = min(scene.lengths[0], scale if scene.periodic[0] else math.inf)
    longest = max(layer.v / layer.rate for layer in scene.layers)
    return (1.0 + longest / thin) ** 0.25 if closed else 1.0


def _laid_out(lattice: Lattice, channels: Mapping[str, Channel]) -> BlockSums:
    """Lay the first flights of channels over the run's cells, planes and harmonics."""
    scene, edges = lattice.scene, lattice.stack.edges
    axis = lattice.turning / np.linalg.norm(lattice.turning)
    n, walked, functions = scene.cells[0], len(scene.walked), scene.time_functions
    cells = [_nearest(edges, i * scene.lengths[0] / n) for i in range(n + 1)]
    planes = [_nearest(edges, x) for x in scene.planes]
    width = np.diff(edges)[:, None]
    step = np.diff(edges[cells])[:, None]
    profiles = np.zeros((2, 3 + scene.axes, n, walked, functions, 3))
    passages = np.zeros((2, len(planes), walked, functions, 3))
    budget = np.zeros((len(lines_of(scene.axes)), walked, functions, 3))
    line = {name: number for number, name in enumerate(lines_of(scene.axes))}

    def in_time(values: Array) -> Array:
        return harmonics_of(values, axis, scene.harmonics)

    def on_cells(values: Array) -> Array:
        return in_time(np.add.reduceat(values * width, cells[:-1]) / step)

    for slot, name in enumerate(scene.channels):
        channel = channels[name]
        births = integral(lattice, lattice.stack.rate[:, None] * channel.births.collided)
        births = births + channel.births.walls.sum(axis=(0, 1))
        lines = {"emitted": channel.emitted - births}
        for part, flown in enumerate(channel.parts):
            profiles[part, DENSITY, :, slot] = on_cells(flown.density)
            profiles[part, TORQUE, :, slot] = on_cells(flown.torque)
            profiles[part, CURRENT, :, slot] = on_cells(flown.flow)
            profiles[part, DIVERGENCE, :, slot] = in_time(np.diff(flown.through[cells], axis=0) / step)
            passages[part, :, slot] = in_time(flown.through[planes])
            ends = {
                "torque": integral(lattice, flown.torque),
                "relaxed": integral(lattice, lattice.stack.loss[:, None] * flown.density + flown.lost),
                "left_at_left": flown.left[0],
                "left_at_right": flown.left[1],
            }
            for end, value in ends.items():
                lines[end] = lines.get(end, 0.0) + value
        for end, value in lines.items():
            budget[line[end], slot] = in_time(value[None])[0]
    for slot, W in enumerate(_charge(lattice, channels).values(), start=len(scene.channels)):
        flat = np.add.reduceat(W * width[:, None], cells[:-1]) / step[:, None]
        profiles[0, DENSITY, :, slot] = flat
    size = walked * functions * 3
    return completed(
        scene,
        profiles.reshape(-1, n, size),
        passages.reshape(2, -1, size),
        budget.reshape(len(budget), size),
        0,
    )


def _nearest(edges: Array, x: float) -> int:
    return int(np.argmin(np.abs(edges - x)))


def _charge(lattice: Lattice, channels: Mapping[str, Channel]) -> dict[str, Array]:
    """Charge velocity of first flights, (cells, time functions, 3), of every source: a_R × s, a_imp v × s."""
    scene, edges = lattice.scene, lattice.stack.edges
    axis = lattice.turning / np.linalg.norm(lattice.turning)
    starts = [layer.start for layer in scene.layers]
    which = np.searchsorted(starts, 0.5 * (edges[1:] + edges[:-1]), side="right") - 1
    rashba = np.array([layer.rashba for layer in scene.layers])[which][:, None]
    impurity = np.array([layer.impurity for layer in scene.layers])[which][:, None, None]
    found = {}
    for name in scene.sources:
        local = channels["first" if name == "impurity_first" else "second"].parts[0]
        if name == "rashba":
            found[name] = np.cross(rashba, harmonics_of(local.density, axis, scene.harmonics))
        else:
            flow = harmonics_of(local.flow, axis, scene.harmonics)
            found[name] = impurity * np.cross(np.array([1.0, 0.0, 0.0]), flow)
    return found


def _leaving(W: Array) -> Array:
    """What leaves dipoles: along the mesh's direction."""
    return W * np.array([1.0, 0.0, 0.0])


def _sheets(lattice: Lattice, walls: Array) -> Sheets:
    """Where walls send out diffusely, to which side, and what."""
    slab = lattice.perturbed
    rough = slab.diffuse.any(axis=1).reshape(2, -1)
    way, segment = np.nonzero(rough)
    places = lattice.stack.edges[slab.bounds[segment + way]]  # to the right from a segment's left end
    return places, np.where(way == RIGHT, 1, -1), walls[way, segment]


# --- three meshes, and their errors -----------------------------------------------------------------------------


def _with_errors(
    wide: _Solved, middle: _Solved, narrow: _Solved, few: _Solved
) -> tuple[Known, dict[str, Births]]:
    """What is known and what is born, second order in the cells' width taken out, each mesh with cells half as wide.

    Deviations: what the narrowest mesh changes, and three quarters of the directions. Walkers follow births that are
    wrong by as much: what they make of that belongs to the deviations.
    """
    sums, births = _extrapolated(middle, narrow)
    rough, rough_births = _extrapolated(wide, middle)
    by_mesh = _response(narrow.lattice, _mixed((1.0, births), (-1.0, _births_on_halves(rough_births))))
    by_directions = _response(wide.lattice, _mixed((1.0, wide.births), (-1.0, few.births)))
    return Known(
        sums,
        (
            _sum((1.0, sums), (-1.0, rough), (1.0, by_mesh)),
            _sum((1.0, wide.sums), (-1.0, few.sums), (1.0, by_directions)),
        ),
        ORDINATES,
    ), births


def _extrapolated(wide: _Solved, narrow: _Solved) -> tuple[BlockSums, dict[str, Births]]:
    """Sums and births, the latter as walkers use them: their moments over the wider cells are right, not each mean."""
    return (
        _sum((4.0 / 3.0, narrow.sums), (-1.0 / 3.0, wide.sums)),
        _mixed((4.0 / 3.0, narrow.births), (-1.0 / 3.0, _births_on_halves(wide.births))),
    )


def _response(lattice: Lattice, births: Mapping[str, Births]) -> BlockSums:
    """What walkers make of small births, all of it diffusive, to some per cent."""
    J, S, none = 2.0 * lattice.scene.exchange, lattice.S, np.zeros_like(lattice.S[:, 2])
    found: dict[str, Channel] = {}

    def after(slab: Ordinates, one: Births, each: bool = False) -> Flights:
        collided = one.collided if slab is lattice.exact else _without_mean(lattice, one)
        return slab.roughly_after(collided, one.walls, each)

    for name in lattice.scene.channels:
        slab = lattice.perturbed if name != "exact" else lattice.exact
        assert slab is not None
        flights = after(slab, births[name])
        flown = flown_of(slab, flights, turned_on(lattice, flights) if name == "exact" else none)
        if name == "second_ladder":
            spin = after(slab, births["first"], each=True)
            torque = J * cross(spin.each, S)
            turned = slab.flights(none, by_direction=torque)
            rest = after(slab, Births(turned.density, turned.walls))
            more = flown_of(slab, turned, slab.mean(torque)), flown_of(slab, rest, none)
            flown = Flown(*(a + b + c for a, b, c in zip(flown, *more, strict=True)))
        # the walkers book these births
        born = Births(-births[name].collided, -births[name].walls)
        found[name] = Channel(np.zeros(3), (nothing_flown(none), flown), born)
    return _laid_out(lattice, found)


def _without_mean(lattice: Lattice, births: Births) -> Array:
    """Without a sink: births less a uniform spin along the axis, which would stay for ever."""
    if lattice.scene.has_sink:
        return births.collided
    rate = lattice.stack.rate[:, None]
    axis = lattice.turning / np.linalg.norm(lattice.turning)
    content = integral(lattice, rate * births.collided) + births.walls.sum(axis=(0, 1))
    uniform = lattice.nu[:, None] * axis
    return (
        births.collided - (content * axis).sum() / (integral(lattice, rate * uniform) * axis).sum() * uniform
    )


def _on_halves(values: Array) -> Array:
    """On cells half as wide."""
    return np.repeat(values, 2, axis=0)


def _births_on_halves(births: Mapping[str, Births]) -> dict[str, Births]:
    return {name: one._replace(collided=_on_halves(one.collided)) for name, one in births.items()}


def _mixed(*terms: tuple[float, Mapping[str, Births]]) -> dict[str, Births]:
    """Sum of births with factors."""

    def part(name: str, i: int) -> Array:
        return np.asarray(sum(factor * one[name][i] for factor, one in terms))

    return {name: Births(part(name, 0), part(name, 1)) for name in terms[0][1]}


def _sum(*terms: tuple[float, BlockSums]) -> BlockSums:
    """Sum of what is laid out, with factors."""
    parts = zip(*(one for _, one in terms), strict=True)
    factors = [factor for factor, _ in terms]
    mixed = [sum(f * part for f, part in zip(factors, one, strict=True)) for one in parts]
    return BlockSums(*mixed)._replace(flights=0)


def _conserving(sums: BlockSums) -> BlockSums:
    """The diffusive current through planes obeys conservation."""
    return sums._replace(conserved=sums.passages[1].copy())
