"""Flights of spins that a periodic field turns: discrete ordinates at the phases of a period, an axis before the last.

    ∂_t s + v μ ∂_x s + (1/τ + 1/τ_sf) s − s × B(x, t)  =  ⟨s⟩/τ + q

At each of P phases, an odd number, spins turn about B at that phase, exactly in every cell; ∂_t couples phases, by the
Fourier series through them. What flies decays, turns half, moves on in phase and turns half again: what this misses goes
with Ω, B and the square of the cell's width. Means over a cell follow from the balance in it, so that budgets close.
"""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np

from mcpump.theory.flights import Turns, Ways, cross_with, directions_of_half, fly_in_time
from mcpump.theory.medium import Array
from mcpump.theory.modes import of_each
from mcpump.theory.ordinates import (
    FOUND,
    NONE,
    Flights,
    Ordinates,
    Stack,
    conductances,
    conserved_in,
    half_resistances,
    solved,
)

NO_SHIFT, NO_SCORES = np.zeros((0, 0, 0)), np.zeros((0, 2, 3, 1))
ROUNDED_OFF = 1e-13
"""Share of what comes in from mirrors that need not be found."""


class _Sweep(NamedTuple):
    """What is flown, with phases last."""

    density: Array
    flow: Array
    current: Array
    arrives: Array
    walls: Array
    missing: Array
    """(2, segments, directions, 3, phases): what mirrors send back of what arrives, less what was sent in."""
    inflow: Array


class Phases:
    """Flights in a stack with a periodic field.

    Parameters
    ----------
    stack : Stack
        Births are steps in its cells.
    field : (cells, phases, 3) array
        B at the phases 2πi/P, P odd.
    Omega : float
        Angular frequency.
    directions : int
        Cosines in half a sphere.
    """

    def __init__(self, stack: Stack, field: Array, Omega: float, directions: int) -> None:
        self.stack, self.field, self.Omega = stack, np.ascontiguousarray(field.swapaxes(1, 2)), Omega
        self.frame = Ordinates(stack, np.zeros((len(stack.speed), 3)), directions)
        self.mu, self.weight = directions_of_half(directions, stack.dimension)
        self.width, self.count = np.diff(stack.edges), field.shape[1]
        times, size = self.frame.times, np.sqrt((self.field**2).sum(axis=1))
        self.axis = self.field / np.where(size > 0.0, size, 1.0)[:, None]
        half = 0.5 * times[..., None] * size
        self.cosine, self.sine = np.cos(half), np.sin(half)
        self.decay = np.exp(-self.frame.loss * times)
        self.shift = _shifts(Omega * times, self.count)
        self.rate_of_change = Omega * _derivative(self.count)
        self.inverse = np.linalg.inv(self._balance(self.frame.loss))
        self.everywhere = np.ones((2, len(self.frame.bounds) - 1), bool)
        self.to_mirrors = self.frame.specular.any(axis=0).reshape(2, -1)
        self.close = self._closed()

    def _balance(self, loss: Array) -> Array:
        """(cells, 3 phases, 3 phases): M s = κ s + ∂_t s − s × B."""
        n, P = len(loss), self.count
        matrix = np.zeros((n, 3, P, 3, P))
        for j in range(3):
            matrix[:, j, :, j] = self.rate_of_change
        turn, at = cross_with(self.field.swapaxes(1, 2)), np.arange(P)
        matrix[:, :, at, :, at] -= np.moveaxis(turn, 1, 0)
        flat, side = matrix.reshape(n, 3 * P, 3 * P), np.arange(3 * P)
        flat[:, side, side] += loss[:, None]
        return flat

    def _closed(self) -> Array | None:
        """(directions, phases, 6 segments, 6 segments): what mirrors send in of what is sent, time standing still."""
        frame, P, K = self.frame, self.count, len(self.mu)
        if not frame.specular.any():
            return None
        segments = len(frame.bounds) - 1
        through = np.zeros((2 * segments, K, P, 3, 3))
        none = np.zeros_like(self.field)
        for j in range(3):
            inflow = np.zeros((2, segments, K, 3, P))
            inflow[..., j, :] = 1.0
            outflow = self._fly(none, inflow, NO_SHIFT)[0]
            through[..., j] = outflow.reshape(2 * segments, K, 3, P).swapaxes(2, 3)
        system = np.einsum("ab,bkpij->kpaibj", frame.specular, through)
        side = 6 * segments
        return np.linalg.inv(np.eye(side) - system.reshape(K, P, side, side))

    def _fly(self, steady: Array, inflow: Array, shift: Array, score: bool = False) -> tuple[Array, ...]:
        """What leaves segments, and where scored the means of vμs and vμ²s at the ends of cells."""
        outflow = np.zeros_like(inflow)
        shape = (len(self.width), 2, 3, self.count)
        current, second = (np.zeros(shape) if score else NO_SCORES for _ in range(2))
        turns = Turns(self.cosine, self.sine, self.axis, self.decay)
        ways, wanted = (
            Ways(self.weight, self.mu, self.frame.bounds),
            self.everywhere if score else self.to_mirrors,
        )
        fly_in_time(turns, ways, shift, wanted, steady, inflow, outflow, current, second)
        return outflow, current, second

    def _sweep(self, births: Array, walls: Array | None = None, more: Array | None = None) -> _Sweep:
        """Fly births (cells, 3, phases), what walls send out and what mirrors send back beyond `close`, and score."""
        frame, speed = self.frame, self.stack.speed[:, None, None]
        segments, K = len(frame.bounds) - 1, len(self.mu)
        steady = speed * self._balanced(births)
        sent = np.zeros((2, segments, K, 3, self.count))
        if walls is not None:
            sent += (2.0 / (self.weight @ self.mu)) * walls[:, :, None]
        inflow = sent
        if self.close is not None:
            outflow = self._fly(steady, np.zeros_like(sent), self.shift)[0]
            bounced = sent + self._mirrored(outflow) + (0.0 if more is None else more)
            inflow = self._all_bounces(bounced)
        outflow, current, second = self._fly(steady, inflow, self.shift, score=True)
        missing = sent + self._mirrored(outflow) - inflow if self.close is not None else np.zeros_like(sent)
        arrives = np.einsum("k,wskip->wsip", 0.5 * self.weight * self.mu, outflow)
        rough = np.tensordot(frame.diffuse, arrives.reshape(2 * segments, 3, self.count), 1)
        width = self.width[:, None, None]
        density = self._balanced(births - (current[:, 1] - current[:, 0]) / width)
        flow = self._balanced(speed * (second[:, 0] - second[:, 1]) / width)
        return _Sweep(density, flow, current, arrives, rough.reshape(arrives.shape), missing, inflow)

    def _balanced(self, births: Array) -> Array:
        """M⁻¹ q in every cell."""
        flat = births.reshape(len(births), -1, 1)
        return np.asarray((self.inverse @ flat).reshape(births.shape))

    def _mirrored(self, outflow: Array) -> Array:
        """What comes in straight or as in a mirror of what goes out."""
        ways = outflow.shape[0] * outflow.shape[1]
        return np.tensordot(self.frame.specular, outflow.reshape(ways, *outflow.shape[2:]), 1).reshape(
            outflow.shape
        )

    def _all_bounces(self, sent: Array) -> Array:
        """What comes in for what is sent in, time standing still."""
        assert self.close is not None
        _, segments, K, _, P = sent.shape
        flat = sent.reshape(2 * segments, K, 3, P).transpose(1, 3, 0, 2).reshape(K, P, -1, 1)
        known = (self.close @ flat).reshape(K, P, 2 * segments, 3)
        return np.ascontiguousarray(known.transpose(2, 0, 3, 1)).reshape(sent.shape)

    def through(self, flown: Flights) -> Array:
        """(cells + 1, phases, 3): what passes the edges of the mesh, as `Ordinates.through`."""
        return of_each(flown, self.frame.through)

    def left(self, flown: Flights) -> Array:
        """(2, phases, 3): what leaves at the faces, as `Ordinates.left`."""
        return of_each(flown, self.frame.left)

    def lost(self, flown: Flights) -> Array:
        """(cells, phases, 3): what is lost at interfaces, as `Ordinates.lost`."""
        return of_each(flown, self.frame.lost)

    def flights(self, source: Array) -> Flights:
        """Fly what is born isotropically in the cells, (cells, phases, 3), up to a scattering."""
        births = source.swapaxes(1, 2)
        begun = self._sweep(births)
        size, need = float(np.linalg.norm(begun.missing)), float(np.linalg.norm(begun.inflow))
        if size <= ROUNDED_OFF * need:
            return _told(begun)
        none, shape = np.zeros_like(births), begun.missing.shape
        more = solved(
            lambda z: -self._sweep(none, more=z.reshape(shape)).missing.ravel(),
            lambda z: z,
            begun.missing.ravel(),
            max(FOUND, ROUNDED_OFF * need / size),
        )
        return _told(self._sweep(births, more=more.reshape(shape)))

    def after(self, first: Flights) -> Flights:
        """What flies after the first scattering, as `Ordinates.after`.

        Raises
        ------
        ArithmeticError
            If it is not found.
        """
        n, P, segments, K = len(self.width), self.count, len(self.frame.bounds) - 1, len(self.mu)
        rate = self.stack.rate[:, None, None]
        scale = np.sqrt(self.width[:, None, None] * rate)
        at_walls = np.sqrt(0.5 * self.weight * self.mu)[:, None, None]
        less = self.flights(-self._taken(first))
        shapes = ((n, 3, P), (2, segments, 3, P), (2, segments, K, 3, P))
        used = (True, self.frame.rough, self.close is not None)
        ends = np.cumsum([used[i] * np.prod(shapes[i], dtype=int) for i in range(3)])

        def unpack(z: Array) -> tuple[Array, Array | None, Array | None]:
            parts = [
                part.reshape(shapes[i]) if used[i] else None for i, part in enumerate(np.split(z, ends[:2]))
            ]
            density, walls, more = parts
            assert density is not None
            return density / scale, walls, None if more is None else more / at_walls

        def pack(density: Array, walls: Array, more: Array) -> Array:
            parts = (density * scale, walls, more * at_walls)
            return np.concatenate([part.ravel() for part, wanted in zip(parts, used, strict=True) if wanted])

        def rest(z: Array) -> Array:
            density, walls, more = unpack(z)
            flown = self._sweep(rate * density, walls, more)
            left = pack(flown.density, flown.walls, np.zeros_like(flown.missing))
            z = z.copy()
            z[ends[1] :] = 0.0
            return z - left - pack(0.0 * density, 0.0 * flown.walls, flown.missing)

        def accelerated(z: Array) -> Array:
            density = self._accelerated(z[: ends[0]].reshape(shapes[0]) / scale)
            return np.concatenate([(density * scale).ravel(), z[ends[0] :]])

        both = [one + other for one, other in ((first.density, less.density), (first.walls, less.walls))]
        start = pack(both[0].swapaxes(1, 2), both[1].swapaxes(2, 3), np.zeros(shapes[2]))
        density, walls, more = unpack(solved(rest, accelerated, start, FOUND))
        found = _told(self._sweep(rate * density, walls, more))
        return Flights(*(a + b for a, b in zip(found, less, strict=True)))

    @cached_property
    def conserved(self) -> Array:
        """(…, 3): directions of spin that nothing takes away."""
        return conserved_in(self.stack, self.field.swapaxes(1, 2).reshape(-1, 3))

    def _taken(self, first: Flights) -> Array:
        """(cells, phases, 3): uniform, steady births as large as those of what nothing takes away."""
        content = (self.stack.rate * self.width)[:, None, None]
        births = ((content * first.density).sum(axis=0) + first.walls.sum(axis=(0, 1))).mean(axis=0)
        along = self.conserved.T @ (self.conserved @ births)
        return np.repeat(self.frame.uniform[:, None, None] * along, self.count, axis=1)

    def _accelerated(self, density: Array) -> Array:
        """Add the spin that diffuses of what is left, as `Ordinates` does."""
        width = self.width[:, None, None]
        uniform, along = self.frame.uniform[:, None, None], self.conserved.T @ self.conserved

        def steady(content: Array) -> Array:
            return np.asarray(uniform * (along @ content.sum(axis=0).mean(axis=1))[:, None])

        content = density * self.stack.rate[:, None, None] * width
        more = self.diffusion.solve(content - width * steady(content))
        return np.asarray(density + more - steady(width * more))

    @cached_property
    def diffusion(self) -> _Diffusion:
        """Solver of the diffusion equation in the cells, with ∂_t and the field."""
        stack = self.stack
        blocks = self.width[:, None, None] * self._balance(stack.loss + 1e-12 * stack.rate)
        return _Diffusion(stack, blocks)


class _Diffusion:
    """Solver of diffusion between cells, blocks along the diagonal, which are replaced, and numbers beside it."""

    def __init__(self, stack: Stack, blocks: Array) -> None:
        self.forth, self.back, ends = conductances(stack)
        side = np.arange(blocks.shape[1])
        diagonal = ends.copy()
        diagonal[:-1] += self.forth
        diagonal[1:] += self.back
        self.around = 0.0
        if stack.faces is None:
            self.around = 1.0 / half_resistances(stack)[[0, -1]].sum()
            diagonal[[0, -1]] += self.around
        self.inner = len(blocks) if stack.faces is not None else len(blocks) - 1
        self.inverse = blocks
        for i, block in enumerate(blocks):
            block[side, side] += diagonal[i]
            if 0 < i < self.inner:
                block -= (self.forth[i - 1] * self.back[i - 1]) * blocks[i - 1]
            if i < self.inner:
                blocks[i] = np.linalg.inv(block)
        if stack.faces is None:
            # the last cell between both ends of the others
            column = np.zeros((self.inner, len(side), len(side)))
            self._couple(column, np.eye(len(side)))
            blocks[-1] = np.linalg.inv(blocks[-1] - self._coupled(self._through(column)))

    def _couple(self, inner: Array, last: Array) -> None:
        """Add what flows from the last cell."""
        inner[0] += self.around * last
        inner[-1] += self.back[-1] * last

    def _coupled(self, inner: Array) -> Array:
        """What flows to the last cell."""
        return np.asarray(self.around * inner[0] + self.forth[-1] * inner[-1])

    def _through(self, content: Array) -> Array:
        """Solve for the cells that follow each other, (cells, numbers, columns), in its place."""
        inverse, n = self.inverse, self.inner
        for i in range(1, n):
            content[i] += self.forth[i - 1] * (inverse[i - 1] @ content[i - 1])
        content[n - 1] = inverse[n - 1] @ content[n - 1]
        for i in range(n - 2, -1, -1):
            content[i] = inverse[i] @ (content[i] + self.back[i] * content[i + 1])
        return content

    def solve(self, content: Array) -> Array:
        """Solve for all cells, (cells, …)."""
        flat = content.reshape(len(content), -1, 1).copy()
        if self.inner == len(flat):
            return np.asarray(self._through(flat).reshape(content.shape))
        inner = self._through(flat[:-1].copy())
        last = self.inverse[-1] @ (flat[-1] + self._coupled(inner))
        self._couple(flat[:-1], last)
        return np.asarray(np.concatenate([self._through(flat[:-1]), last[None]]).reshape(content.shape))


def _told(sweep: _Sweep) -> Flights:
    """What is flown, components last."""
    parts = (sweep.density, sweep.current, sweep.flow, sweep.arrives, sweep.walls)
    density, current, flow, arrives, walls = (part.swapaxes(-1, -2) for part in parts)
    return Flights(density, current, flow, arrives, walls, NONE)


def _derivative(phases: int) -> Array:
    """(phases, phases): derivative by the phase of the Fourier series through an odd number of phases."""
    apart = np.arange(phases)[:, None] - np.arange(phases)
    turns = np.pi * apart / phases
    np.fill_diagonal(turns, 0.5 * np.pi)
    matrix = np.where(apart % 2 == 0, 0.5, -0.5) / np.sin(turns)
    np.fill_diagonal(matrix, 0.0)
    return matrix


def _shifts(angle: Array, phases: int) -> Array:
    """(…, phases): weights of what was there n phases ago, of the Fourier series at an angle ago."""
    found = np.ones((*angle.shape, phases))
    for m in range(1, phases // 2 + 1):
        c, s = np.cos(m * angle)[..., None], np.sin(m * angle)[..., None]
        at = 2.0 * np.pi * m * np.arange(phases) / phases
        found += 2.0 * (c * np.cos(at) + s * np.sin(at))
    return found / phases
