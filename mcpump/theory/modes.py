"""Flights of spins that change in time: discrete ordinates for each multiple of Ω, where exchange turns none in flight.

What is periodic is told by time functions 1, cos Ωt, sin Ωt, cos 2Ωt, …, an axis of 1 + 2n before that of the components.
A pair c cos nΩt + d sin nΩt that flies obeys ds/dt = −κ s + q with dc/dt = −nΩ d and dd/dt = nΩ c besides: (c, d, 0) is a
vector that turns about −nΩ.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from mcpump.theory.medium import Array
from mcpump.theory.ordinates import NONE, Flights, Ordinates, Stack


class Modes:
    """Flights in a stack, time function by time function.

    Parameters
    ----------
    stack : Stack
    Omega : float
        Angular frequency.
    harmonics : int
        Multiples of it.
    directions : int
        Cosines in half a sphere.
    mirror : float
        As for `Ordinates`.
    """

    def __init__(
        self, stack: Stack, Omega: float, harmonics: int, directions: int = 32, mirror: float = 1.0
    ) -> None:
        cells = len(stack.speed)
        fields = (np.tile([0.0, 0.0, -n * Omega], (cells, 1)) for n in range(harmonics + 1))
        self.stack = stack
        self.ordinates = [Ordinates(stack, field, directions, mirror) for field in fields]

    def mean(self, by_direction: Array) -> Array:
        """Means over cells and directions, (cells, functions, 3)."""
        weight = self.ordinates[0].weight
        return np.asarray(np.einsum("k,wkx...->x...", 0.5 * weight, by_direction[:, :, :, 2]))

    def through(self, flown: Flights) -> Array:
        """(cells + 1, functions, 3): what passes the edges of the mesh, as `Ordinates.through`."""
        return of_each(flown, self.ordinates[0].through)

    def left(self, flown: Flights) -> Array:
        """(2, functions, 3): what leaves at the faces, as `Ordinates.left`."""
        return of_each(flown, self.ordinates[0].left)

    def lost(self, flown: Flights) -> Array:
        """As `Ordinates.lost`, by time function."""
        return of_each(flown, self.ordinates[0].lost)

    def flights(
        self,
        source: Array,
        *,
        by_direction: Array | None = None,
        each: bool = False,
    ) -> Flights:
        """Fly what is born, as `Ordinates.flights`; arrays have an axis of time functions before the last."""
        more = [source] if by_direction is None else [source, by_direction]

        def fly(n: int, births: Array, directed: Array = NONE) -> Flights:
            return self.ordinates[n].flights(births, None, directed, each)

        return self._by_mode(fly, more, source.shape[-2], each)

    def after(self, first: Flights, each: bool = False) -> Flights:
        """What flies after the first scattering, as `Ordinates.after`."""

        def fly(n: int, *parts: Array) -> Flights:
            density, current, flow, arrives, walls = parts
            return self.ordinates[n].after(Flights(density, current, flow, arrives, walls, NONE), each)

        return self._by_mode(fly, list(first[:-1]), first.density.shape[-2], each)

    def _by_mode(
        self, fly: Callable[..., Flights], given: list[Array], functions: int, each: bool
    ) -> Flights:
        """Fly every multiple of Ω, components of an oscillation one after another; what is 0 everywhere stays so."""
        found: list[Array] | None = None
        for n, place in _places(functions):
            vectors = [_packed(array, n, place) for array in given]
            if n > 0 and not any(vector.any() for vector in vectors) and found is not None:
                continue
            flown = fly(n, *vectors)
            if found is None:
                found = [np.zeros((*part.shape[:-1], functions, 3)) for part in flown]
            for whole, part in zip(found, flown, strict=True):
                if part.size:
                    _unpack(whole, part, n, place)
        assert found is not None
        density, current, flow, arrives, walls, kept = found
        return Flights(density, current, flow, arrives, walls, kept if each else NONE)


def of_each(flown: Flights, function: Callable[[Flights], Array]) -> Array:
    """Tell something of every time function, or phase."""
    rows = range(flown.density.shape[1])
    return np.stack([function(flown.mapped(lambda part, f=f: part[..., f, :])) for f in rows], axis=1)  # type: ignore[misc]


def _places(functions: int) -> Iterator[tuple[int, int]]:
    """Multiples of Ω, and of those above 0 the components one by one."""
    yield 0, 0
    for n in range(1, (functions + 1) // 2):
        for component in range(3):
            yield n, component


def _packed(array: Array, n: int, component: int) -> Array:
    """Vectors (..., 3) that fly: DC as it is, else cosine and sine of a component."""
    if n == 0:
        return np.ascontiguousarray(array[..., 0, :])
    vector = np.zeros((*array.shape[:-2], 3))
    vector[..., 0], vector[..., 1] = array[..., 2 * n - 1, component], array[..., 2 * n, component]
    return vector


def _unpack(whole: Array, vectors: Array, n: int, component: int) -> None:
    """Undo `_packed` in the place of a multiple of Ω."""
    if n == 0:
        whole[..., 0, :] = vectors
        return
    whole[..., 2 * n - 1, component], whole[..., 2 * n, component] = vectors[..., 0], vectors[..., 1]


def functions_at(phase: float, functions: int) -> Array:
    """Values of the time functions at a phase Ωt."""
    n = np.arange(1, (functions + 1) // 2)
    values = np.ones(functions)
    values[1::2], values[2::2] = np.cos(n * phase), np.sin(n * phase)
    return values


def in_time_functions(values: Array, functions: int) -> Array:
    """Amplitudes of what is known at evenly spread phases, (phases, …) → (…, functions), that come last."""
    phases = len(values)
    rows = np.array([functions_at(2.0 * np.pi * i / phases, functions) for i in range(phases)])
    rows[:, 1:] *= 2.0
    return np.asarray(np.tensordot(values, rows, axes=(0, 0)) / phases)


def at_phases(values: Array, phases: int) -> Array:
    """What time functions, (…, functions, 3), are at evenly spread phases, (…, phases, 3); faster ones are left out."""
    functions = min(values.shape[-2], phases)
    rows = np.array([functions_at(2.0 * np.pi * i / phases, functions) for i in range(phases)])
    return np.asarray(np.einsum("pf,...fi->...pi", rows, values[..., :functions, :]))


def product(by_direction: Array, S: Array, functions: int, cross: Callable[[Array, Array], Array]) -> Array:
    """Torques a × S of parabolas that change in time, (…, 3, functions, 3) each; as many time functions as asked for."""
    # a and S up to n, the product up to m: 2n + m + 1 phases tell it without aliases
    phases = by_direction.shape[-2] + S.shape[-2] + functions
    found = np.zeros((*by_direction.shape[:-2], functions, 3))
    for i in range(phases):
        phase = 2.0 * np.pi * i / phases
        now = [
            np.einsum("...fi,f->...i", one, functions_at(phase, one.shape[-2])) for one in (by_direction, S)
        ]
        torque, rows = cross(now[0], now[1]), functions_at(phase, functions) / phases
        rows[1:] *= 2.0
        found += torque[..., None, :] * rows[:, None]
    return found
