"""Spin that is taken out of what walkers carry along x: the solution by discrete ordinates.

With the isotropic spin u, and what walls send out of it, walkers are born from q = ⟨T[a + u/τ]⟩ − u alone
(`mcpump.walk.first_flights`). For any u the answer is the same; it is the better known, the nearer u is to the solution.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.theory.ordinates import Flights, Ordinates

Array = NDArray[np.float64]


class Taken(NamedTuple):
    """Spin u of a channel that is taken out, in the turning frame."""

    density: Array
    """(cells, 3): u per volume, means over the cells of a mesh."""
    walls: Array
    """(2, segments, 3): what walls send out diffusely of it, as `Flights.walls`."""

    def scaled(self, factor: float) -> Taken:
        """The same, times a factor."""
        return Taken(factor * self.density, factor * self.walls)


Reference = Mapping[str, Taken]
"""Channel → u; without channels that have none. `second_ladder` takes out that of `first`, too."""


def whole(first: Flights, later: Flights) -> Taken:
    """All that flies, before and after the first scattering."""
    return Taken(first.density + later.density, first.walls + later.walls)


def solutions(
    slab: Ordinates,
    exact: Ordinates | None,
    born: Array,
    turn: Callable[[Array], Array],
    channels: set[str],
    pumped: Array | None = None,
) -> dict[str, Taken]:
    """Solutions of channels on a mesh.

    Parameters
    ----------
    slab, exact : Ordinates
        Where exchange does not turn what flies, and where it does.
    born : (cells, 3, 3) array
        Births a, at both ends of the cells and their mean.
    turn : callable
        Torque (2J/ħ) s × S of spins by direction.
    channels : set of str
    pumped : (2, segments, 3) array, optional
        What magnets beyond faces and in interfaces send out of `exact`.

    Raises
    ------
    ArithmeticError
        Where there is no steady state.
    """
    found: dict[str, Taken] = {}
    none = np.zeros_like(born[:, 2])
    if channels - {"exact"}:
        ladder = "second_ladder" in channels
        first = slab.flights(born, each=True)
        if channels & {"first", "second_ladder"}:
            later = slab.after(first, each=ladder)
            found["first"] = whole(first, later)
        if "second" in channels:
            flown = slab.flights(none, by_direction=turn(first.each))
            found["second"] = whole(flown, slab.after(flown))
        if ladder:
            flown = slab.flights(none, by_direction=turn(first.each + later.each))
            found["second_ladder"] = whole(flown, slab.after(flown))
    if exact is not None:
        flown = exact.flights(born[:, 2], pumped)
        found["exact"] = whole(flown, exact.after(flown))
    return found


def on_three_meshes(
    wide: Reference, middle: Reference, edges: Array, breaks: Array
) -> tuple[Reference, Reference, Reference]:
    """Solutions on a mesh and on one with cells half as wide, extrapolated: on both, and on a third, half as wide again.

    Parameters
    ----------
    wide, middle : Reference
    edges, breaks : array
        Edges of the middle mesh, and which of them what is smooth does not cross.
    """
    found: tuple[dict[str, Taken], dict[str, Taken], dict[str, Taken]] = ({}, {}, {})
    for name, one in middle.items():
        coarse, walls = wide[name].density, (4.0 * one.walls - wide[name].walls) / 3.0
        density = one.density + np.repeat((pairs(one.density, edges) - coarse) / 3.0, 2, axis=0)
        for given, values in zip(
            found, (pairs(density, edges), density, halves(density, edges, breaks)), strict=True
        ):
            given[name] = Taken(values, walls)
    return found


def pairs(means: Array, edges: Array) -> Array:
    """Means over pairs of cells."""
    width = np.diff(edges)[:, None]
    content = (means * width).reshape(-1, 2, means.shape[1]).sum(axis=1)
    return np.asarray(content / (width[::2] + width[1::2]))


def halves(means: Array, edges: Array, breaks: Array) -> Array:
    """Means over the halves of cells, of what is linear in each."""
    ends = sloped(means, edges, breaks)
    quarter = 0.25 * (ends[:, 1] - ends[:, 0])
    return np.stack([means - quarter, means + quarter], axis=1).reshape(-1, means.shape[1])


def sloped(means: Array, edges: Array, breaks: Array) -> Array:
    """Values at both ends of cells, (cells, 2, numbers), of what is linear in each and has these means."""
    middle, half = 0.5 * (edges[1:] + edges[:-1]), 0.5 * np.diff(edges)
    slope = np.zeros_like(means)
    for a, b in itertools.pairwise(breaks):
        if b - a > 1:
            slope[a:b] = np.gradient(means[a:b], middle[a:b], axis=0)
    change = slope * half[:, None]
    return np.stack([means - change, means + change], axis=1)
