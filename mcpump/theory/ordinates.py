"""Discrete ordinates: spin that flies, scatters and meets walls in a stack of layers on a mesh along x.

In a stack of layers, with interfaces and faces, the stationary spin s(x, μ) of electrons that fly at the cosine μ obeys

    v μ ∂_x s + (1/τ + 1/τ_sf) s − s × B  =  ⟨s⟩/τ + q                                          (W)

One flight is exact in every cell (`mcpump.theory.flights`); the density ⟨s⟩ and what walls send out diffusely follow from
a linear system. In the frame that turns with a rigid precession the field B is (2J/ħ)S + Ω n̂ and nothing depends on time.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_diag, diags_array, kron
from scipy.sparse.linalg import LinearOperator, gmres, splu

from mcpump.theory.flights import (
    LEFT,
    RIGHT,
    Births,
    Cells,
    Scores,
    Ways,
    cell_matrices,
    cross_with,
    directions_of_half,
    fly,
)
from mcpump.theory.medium import Array
from mcpump.theory.walls import Face, Interface, couplings, made_of, magnetic_couplings

NONE = np.zeros((0, 0, 0, 0, 0))
MEAN_FLUX = {1: 0.5, 2: 1.0 / math.pi, 3: 0.25}
"""Flux of an isotropic gas through a plane to one side, of its speed times its density."""
WIDE = 0.1
"""Mean free paths in a cell that is wide against one."""
NO_ROWS, NO_CURRENT = np.zeros((0, 3)), np.zeros((0, 3, 3))
FOUND, ROUNDED = 1e-11, 1e-7
"""Share of the solution below which its error is none; and that to which rounding leaves it in the longest samples."""
STAGES, STEPS = 12, 40
"""Krylov steps in a stage, and stages at most."""


class Stack(NamedTuple):
    """Electrons in a sample that varies along x, on a mesh."""

    edges: Array
    """(cells + 1,) edges of the cells."""
    speed: Array
    """(cells,) v."""
    rate: Array
    """(cells,) 1/τ, at which electrons scatter."""
    loss: Array
    """(cells,) 1/τ_sf, at which spin relaxes."""
    interfaces: dict[int, Interface]
    """Edge of the mesh → interface there; an edge without one lets pass straight on."""
    faces: tuple[Face, Face] | None
    """Left and right face; None: periodic."""
    dimension: int = 3
    """Of the velocity sphere."""
    smooth: bool = False
    """Whether spin is born of collisions as a parabola in each cell, not as a step."""


class Flights(NamedTuple):
    """What flies where, one scattering after another left out."""

    density: Array
    """(cells, 3): ⟨s⟩, means over the cells."""
    current: Array
    """(cells, 2, 3): ⟨v μ s⟩ at the left and right end of each cell."""
    flow: Array
    """(cells, 3): ⟨v μ s⟩, means over the cells."""
    arrives: Array
    """(2, segments, 3): what comes to the end of each segment, flying to the right and to the left, per area and time."""
    walls: Array
    """(2, segments, 3): what walls send out diffusely, to the right and to the left, per area and time."""
    each: Array
    """(2, directions, cells, 3, 3): s by direction, towards +x and −x, at the left and right end of each cell, and its
    mean; where it was asked for."""

    def mapped(self, function: Callable[[Array], Array], each: Array = NONE) -> Flights:
        """Everything but `each` put through a function."""
        density, current, flow, arrives, walls = map(function, self[:-1])
        return Flights(density, current, flow, arrives, walls, each)


class Ordinates:
    """Flights in a stack for one field B.

    Parameters
    ----------
    stack : Stack
    field : (cells, 3) array
        B, at which spin turns: ds/dt = s × B.
    directions : int
        Cosines in half a sphere.
    mirror : float
        What a specular face makes of what it sends back: −1 for a charge dipole across it.
    """

    def __init__(self, stack: Stack, field: Array, directions: int = 32, mirror: float = 1.0) -> None:
        self.stack, self.mirror = stack, mirror
        self.mu, self.weight = directions_of_half(directions, stack.dimension)
        self.loss, self.field = stack.rate + stack.loss, np.ascontiguousarray(field, float)
        self.fastest = self.loss + np.sqrt((self.field**2).sum(axis=1))
        self.times = np.diff(stack.edges) / (self.mu[:, None] * stack.speed)
        self.turn, self.inverse = cell_matrices(self.loss, self.field, self.times)
        inner = sorted(stack.interfaces)
        self.bounds = np.array([0, *inner, len(stack.speed)])
        self.specular, self.diffuse = couplings(stack.interfaces, stack.faces, mirror)
        self.magnetic = magnetic_couplings(stack.interfaces)
        self.rough = bool(self.diffuse.any() or self.magnetic[1].any())
        turns = [face.turn for face in stack.faces or () if face.reflection != 1.0]
        self.turned = np.array([face.turn for face in stack.faces or ()]) if turns else None
        self.close = self._closed()

    @cached_property
    def diffusion(self) -> Any:
        """Solver of the diffusion equation in the cells."""
        return _diffusion(self.stack, self.field)

    @cached_property
    def breaks(self) -> NDArray[np.intp]:
        """Cells with whose left end something begins anew: faces, interfaces, and other electrons."""
        stack = self.stack
        others = (stack.speed != np.roll(stack.speed, 1)) | (stack.rate != np.roll(stack.rate, 1))
        others[list(stack.interfaces)] = True
        others[0] |= stack.faces is not None
        return np.flatnonzero(others)

    @cached_property
    def conserved(self) -> Array:
        """(…, 3): directions of spin that nothing takes away."""
        return NO_ROWS if self.has_magnet else conserved_in(self.stack, self.field, self.mirror)

    @property
    def has_magnet(self) -> bool:
        """Whether a magnet that no electron flies in is beyond a face, or in an interface."""
        return self.turned is not None or bool(len(self.magnetic[0]))

    @cached_property
    def uniform(self) -> Array:
        """(cells,): the density in which nothing flows, as large in the sample as 1: ∝ ν by detailed balance."""
        nu, stack = 1.0 / self.stack.speed, self.stack
        for edge, gate in stack.interfaces.items():
            # v ν is continuous where all pass straight on
            nu[edge:] *= gate.to_right / gate.to_left if gate.to_left > 0.0 else 1.0
        return np.asarray(nu / (nu @ np.diff(stack.edges)))

    def mean(self, by_direction: Array) -> Array:
        """Means over cells and directions, (cells, 3), of parabolas by direction."""
        return np.asarray(np.einsum("k,wkxi->xi", 0.5 * self.weight, by_direction[..., 2, :]))

    def through(self, flown: Flights) -> Array:
        """(cells + 1, 3): what passes the edges of the mesh; through a face, what it absorbs.

        An interface is passed by those whom it lets pass, straight or not; what it sends back has not passed it.
        """
        passed = np.concatenate([flown.current[:1, 0], flown.current[:, 1]])
        for j, edge in enumerate(sorted(self.stack.interfaces)):
            gate = self.stack.interfaces[edge]
            passed[edge] = gate.to_right * flown.arrives[RIGHT, j] - gate.to_left * flown.arrives[LEFT, j + 1]
        if self.stack.faces is not None:
            passed[0], passed[-1] = -1.0, 1.0
            passed[[0, -1]] *= self.left(flown)
        return passed

    def left(self, flown: Flights) -> Array:
        """(2, 3): what leaves at the left and at the right face; of dipoles also what a mirror turns round."""
        if self.stack.faces is None:
            return np.zeros((2, 3))
        arrives = np.array([flown.arrives[LEFT, 0], flown.arrives[RIGHT, -1]])
        kept = [
            (1.0 - face.absorption) * (1.0 - face.specularity + self.mirror * face.specularity)
            for face in self.stack.faces
        ]
        return arrives * (1.0 - np.array(kept))[:, None]

    def _sent_back(self, rows: Array) -> Array:
        """What magnets beyond the faces make of what these send back, (2 segments, …, 3), in place."""
        if self.turned is not None:
            rows[0], rows[-1] = rows[0] @ self.turned[0].T, rows[-1] @ self.turned[1].T
        return rows

    def pumped(self, spin: Array) -> Array | None:
        """(2, segments, 3): what magnets beyond faces and in interfaces send out; None without any.

        What such a spin sends to them, v ⟨|μ|⟩/2 spin, less what they make of it.

        spin: (cells, 3), that of the equilibrium in the frame that turns with them, which so is one here, too.
        """
        if not self.has_magnet:
            return None
        sent = np.zeros((2, len(self.bounds) - 1, 3))
        flux = MEAN_FLUX[self.stack.dimension] * self.stack.speed[:, None] * spin
        if self.turned is not None:
            sent[RIGHT, 0] = flux[0] - self.turned[0] @ flux[0]
            sent[LEFT, -1] = flux[-1] - self.turned[1] @ flux[-1]
        for j, edge, gate in self._magnets():
            come = flux[edge - 1 : edge + 1]
            whole = gate._replace(flip=0.0)  # what is lost in passing goes to the lattice, which is at rest
            sent[LEFT, j], sent[RIGHT, j + 1] = come - made_of(whole.passing + whole.returning, come)
        return sent

    def _magnets(self) -> list[tuple[int, int, Interface]]:
        """Magnets in interfaces: number of the segment to the left, edge, interface."""
        return [
            (j, edge, gate)
            for j, (edge, gate) in enumerate(sorted(self.stack.interfaces.items()))
            if gate.turns
        ]

    def magnet_torque(self, flown: Flights, pumped: Array | None = None) -> Array | None:
        """(cells, 3): what magnets send out and change, per volume of the cells there, behind an interface; else None."""
        if not self.has_magnet:
            return None
        given = np.zeros_like(flown.arrives) if pumped is None else pumped
        torque, width = np.zeros_like(flown.density), np.diff(self.stack.edges)
        for j, edge, gate in self._magnets():
            come = np.array([flown.arrives[RIGHT, j], flown.arrives[LEFT, j + 1]])
            plain = gate._replace(passed=1.0, kept=(1.0, 1.0))
            change = made_of(gate.passing + gate.returning - plain.passing - plain.returning, come)
            change += np.array([given[LEFT, j], given[RIGHT, j + 1]])
            torque[edge - 1 : edge + 1] += change / width[edge - 1 : edge + 1, None]
        turned = self.turned if self.turned is not None else ()
        for turn, (cell, back, come) in zip(
            turned,
            (
                (0, given[RIGHT, 0], flown.arrives[LEFT, 0]),
                (-1, given[LEFT, -1], flown.arrives[RIGHT, -1]),
            ),
            strict=False,
        ):
            torque[cell] += (back + turn @ come - come) / width[cell]
        return torque

    def lost(self, flown: Flights) -> Array:
        """(cells, 3): spin that those lose who have passed an interface, per time and volume of the cells behind it."""
        lost, width = np.zeros_like(flown.density), np.diff(self.stack.edges)
        for j, edge in enumerate(sorted(self.stack.interfaces)):
            gate = self.stack.interfaces[edge]
            if gate.flip > 0.0:
                lost[edge] += gate.flip * gate.to_right * flown.arrives[RIGHT, j] / width[edge]
                lost[edge - 1] += gate.flip * gate.to_left * flown.arrives[LEFT, j + 1] / width[edge - 1]
        return lost

    def _closed(self) -> Array | None:
        """(directions, 6 segments, 6 segments): what comes in for what is sent in, by any number of straight bounces."""
        if not (self.specular.any() or self.magnetic[0].any()):
            return None
        segments, K = len(self.bounds) - 1, len(self.mu)
        through = np.zeros((2, segments, K, 3, 3))
        for segment in range(segments):
            for way, order in ((RIGHT, 1), (LEFT, -1)):
                product = np.broadcast_to(np.eye(3), (K, 3, 3))
                for i in range(self.bounds[segment], self.bounds[segment + 1])[::order]:
                    product = self.turn[:, i] @ product
                through[way, segment] = product
        flat = through.reshape(2 * segments, K, 3, 3)
        system = np.einsum("ab,bkij->kaibj", self.specular, flat)
        if self.turned is not None:
            for row, turn in ((0, self.turned[0]), (-1, self.turned[1])):
                system[:, row] = np.einsum("ih,khbj->kibj", turn, system[:, row])
        if len(self.magnetic[0]):
            system += np.einsum("aibh,bkhj->kaibj", self.magnetic[0], flat)
        return np.linalg.inv(np.eye(6 * segments) - system.reshape(K, 6 * segments, 6 * segments))

    def flights(
        self,
        source: Array,
        walls: Array | None = None,
        by_direction: Array = NONE,
        each: bool = False,
        sheets: tuple[Array, Array] | None = None,
    ) -> Flights:
        """Fly what is born isotropically in the cells, or by direction, and what walls send out, up to a scattering.

        Parameters
        ----------
        source : (cells, 3) or (cells, 3, 3) array
            Births per volume and time: means over the cells, or values at left and right ends, and means.
        walls : (2, segments, 3) array, optional
            What walls send out, as `Flights.walls`.
        by_direction : (2, directions, cells, 3, 3) array
            Further births, as `Flights.each`.
        each : bool
            Whether to tell spins by direction.
        sheets : two (2, segments, directions, 3) arrays, optional
            v s that begins at the start of each segment, and at its end.
        """
        if source.ndim == 2:
            source = np.repeat(source[:, None], 3, axis=1)
        n, K, segments = len(self.stack.speed), len(self.mu), len(self.bounds) - 1
        cells = Cells(
            self.turn, self.times, self.inverse, self.loss, self.field, self.fastest, self.stack.speed
        )
        fixed = cells, Ways(self.weight, self.mu, self.bounds), Births(source, by_direction)
        sent = np.zeros((2, segments, K, 3)) if sheets is None else sheets[0].copy()
        if walls is not None:
            sent += (2.0 / (self.weight @ self.mu)) * walls[:, :, None]
        outflow = np.zeros_like(sent)
        inflow = sent
        if self.close is not None:
            fly(*fixed, np.zeros_like(sent), outflow, Scores(NO_ROWS, NO_CURRENT, NONE))
            outflow += 0.0 if sheets is None else sheets[1]
            mirrored = np.tensordot(self.specular, outflow.reshape(2 * segments, K, 3), 1)
            bounced = self._sent_back(mirrored) + sent.reshape(2 * segments, K, 3)
            if len(self.magnetic[0]):
                bounced += np.einsum("aibj,bkj->aki", self.magnetic[0], outflow.reshape(2 * segments, K, 3))
            known = np.einsum("kxy,ky->kx", self.close, bounced.swapaxes(0, 1).reshape(K, 6 * segments))
            inflow = np.ascontiguousarray(known.reshape(K, 2, segments, 3).transpose(1, 2, 0, 3))
        density, current = np.zeros((n, 3)), np.zeros((n, 3, 3))
        kept = np.zeros((2, K, n, 3, 3) if each else NONE.shape)
        fly(*fixed, inflow, outflow, Scores(density, current, kept))
        outflow += 0.0 if sheets is None else sheets[1]
        arrives = np.einsum("k,wski->wsi", 0.5 * self.weight * self.mu, outflow)
        rough = self._sent_back(self.diffuse @ arrives.reshape(2 * segments, 3)).reshape(2, segments, 3)
        if len(self.magnetic[1]):
            rough += np.einsum("aibj,bj->ai", self.magnetic[1], arrives.reshape(-1, 3)).reshape(rough.shape)
        return Flights(density, current[:, :2], current[:, 2], arrives, rough, kept)

    def after(self, first: Flights, each: bool = False, enough: float = FOUND) -> Flights:
        """What flies after the first scattering, of what has flown before it.

        Spin that nothing takes away grows for ever: as much is taken out of what scatters, uniformly, as begins. This
        leaves its mean undetermined, and nothing else. enough: share of it below which its error is none.

        Raises
        ------
        ArithmeticError
            If it is not found.
        """
        n, walls = len(self.stack.speed), first.walls.shape
        rate, width = self.stack.rate[:, None], np.diff(self.stack.edges)[:, None]
        taken = self._taken(first)
        less = self.flights(-taken, each=each)
        # unknowns of equal weight: the square root of the cell's content
        scale = np.sqrt(width * rate)

        def unpack(z: Array) -> tuple[Array, Array | None]:
            density = z[: 3 * n].reshape(n, 3) / scale
            return density, z[3 * n :].reshape(walls) if self.rough else None

        def pack(flown: Flights) -> Array:
            density = (flown.density * scale).ravel()
            return np.concatenate([density, flown.walls.ravel()]) if self.rough else density

        def scattered(z: Array, each: bool = False) -> Flights:
            density, sent = unpack(z)
            return self.flights(self.births(density), sent, each=each)

        def accelerated(z: Array) -> Array:
            density = self._accelerated(z[: 3 * n].reshape(n, 3) / scale)
            return np.concatenate([(density * scale).ravel(), z[3 * n :]])

        start = pack(first) + pack(less)
        found = solved(lambda z: z - pack(scattered(z)), accelerated, start, enough)
        return _sum(scattered(found, each), less)

    def _taken(self, first: Flights) -> Array:
        """(cells, 3): uniform births as large as those of what nothing takes away."""
        content = self.stack.rate[:, None] * np.diff(self.stack.edges)[:, None]
        births = (content * first.density).sum(axis=0) + first.walls.sum(axis=(0, 1))
        along = self.conserved.T @ (self.conserved @ births)
        return np.asarray(self.uniform[:, None] * along)

    def roughly_after(self, density: Array, walls: Array, each: bool = False, steps: int = 4) -> Flights:
        """What flies after the first scattering, to some per cent: for the size of errors.

        Parameters
        ----------
        density : (cells, 3) array
            Spin that has flown and scatters now, per volume.
        walls : (2, segments, 3) array
            What walls send out diffusely of it.
        each : bool
            Whether to tell spins by direction.
        steps : int
            Corrections by what diffuses, each as long as leaves the least.
        """
        content = self.stack.rate[:, None] * np.diff(self.stack.edges)[:, None]
        found, sent = np.zeros_like(density), np.zeros_like(walls)
        for _ in range(steps):
            more = self._accelerated(density)
            flown = self.flights(self._smooth(more), walls)
            change, at_walls = more - flown.density, walls - flown.walls
            size = float((content * change**2).sum() + (at_walls**2).sum())
            if size == 0.0:
                break
            part = float((content * change * density).sum() + (at_walls * walls).sum()) / size
            found, sent = found + part * more, sent + part * walls
            density, walls = density - part * change, walls - part * at_walls
        return self.flights(self._smooth(found), sent, each=each)

    def births(self, density: Array) -> Array:
        """What is born of a density that scatters: parabolas in the cells of a smooth stack, else steps."""
        return self._births(density, np.full(len(density), self.stack.smooth))

    def _smooth(self, density: Array) -> Array:
        """Births of what scatters; where cells are wide against a mean free path they are no steps, but parabolas."""
        return self._births(density, self.stack.smooth | (self.times[-1] * self.stack.rate > WIDE))

    def _births(self, density: Array, smooth: NDArray[np.bool_]) -> Array:
        """Births of what scatters: steps, or where they are smooth parabolas through what lies halfway between cells."""
        rate = self.stack.rate[:, None]
        if not smooth.any():
            return np.asarray(rate * density)
        width = np.diff(self.stack.edges)[:, None]
        last, next_one = np.roll(density, 1, axis=0), np.roll(density, -1, axis=0)
        before, after = np.roll(width, 1, axis=0), np.roll(width, -1, axis=0)
        left = (density * before + last * width) / (before + width)
        right = (density * after + next_one * width) / (after + width)
        left[self.breaks], right[self.breaks - 1] = density[self.breaks], density[self.breaks - 1]
        parabolas = np.stack([left, right, density], axis=1)
        return np.asarray(rate[:, None] * np.where(smooth[:, None, None], parabolas, density[:, None]))

    def _accelerated(self, density: Array) -> Array:
        """Add the spin that diffuses of what is left: (1 − K)⁻¹ ≈ 1 + (diffusion)⁻¹ /τ."""
        content = density * self.stack.rate[:, None] * np.diff(self.stack.edges)[:, None]
        uniform, along = self.uniform[:, None], self.conserved.T @ self.conserved
        width = np.diff(self.stack.edges)[:, None]
        content = content - width * uniform * (along @ content.sum(axis=0))
        more = np.asarray(self.diffusion.solve(content.ravel())).reshape(density.shape)
        return density + more - uniform * (along @ (width * more).sum(axis=0))


def conserved_in(stack: Stack, field: Array, mirror: float = 1.0) -> Array:
    """(…, 3): directions of spin that nothing takes away: no sink, no mirror's sign, and no field (…, 3) across them."""
    faces = stack.faces or ()
    if stack.loss.any() or any(face.absorption > 0.0 for face in faces):
        return NO_ROWS
    if (faces and mirror != 1.0) or any(gate.flip > 0.0 for gate in stack.interfaces.values()):
        return NO_ROWS
    size = np.sqrt((field**2).sum(axis=1))
    if not size.any():
        return np.eye(3)
    n = field[size.argmax()] / size.max()
    across = np.abs(np.cross(field, n)).max()
    return n[None] if across <= 1e-12 * size.max() else NO_ROWS


def _sum(one: Flights, other: Flights) -> Flights:
    return Flights(*(a + b for a, b in zip(one, other, strict=True)))


def solved(
    operator: Callable[[Array], Array], accelerated: Callable[[Array], Array], start: Array, enough: float
) -> Array:
    """Solve operator(z) = start by Krylov steps, stage by stage, as long as the error falls and is not small enough.

    Raises
    ------
    ArithmeticError
        If its error does not fall to what rounding leaves.
    """
    shape = (len(start),) * 2
    apply, precondition = (LinearOperator(shape, matvec=one) for one in (operator, accelerated))
    found, rest, last = np.zeros_like(start), start, math.inf
    whole = math.sqrt(start @ start)
    if whole == 0.0:
        return found
    for _ in range(STAGES):
        step, _ = gmres(apply, rest, rtol=max(enough, 1e-7), restart=STEPS, maxiter=1, M=precondition)
        found = found + step
        rest = start - operator(found)
        # what is missing still, about
        error = float(np.linalg.norm(accelerated(rest))) / float(np.linalg.norm(found))
        if error < enough or (error < ROUNDED and error > 0.3 * last):
            return found
        last = error
    raise ArithmeticError("the scattered spin was not found: is there a sink?")


def half_resistances(stack: Stack) -> Array:
    """From the middle of each cell to its edge: h/2D."""
    return 0.5 * np.diff(stack.edges) * stack.dimension * (stack.rate + stack.loss) / stack.speed**2


def conductances(stack: Stack) -> tuple[Array, Array, Array]:
    """Spin that flows between neighbouring cells per density, to the right and to the left, and out at the faces."""
    v, half = stack.speed, half_resistances(stack)
    through, back = 1.0 / (half[1:] + half[:-1]), np.ones(len(v) - 1)
    flux = MEAN_FLUX[stack.dimension]
    for edge, gate in stack.interfaces.items():
        if gate.turns:
            through[edge - 1] = 0.0  # by component
            continue
        to_right, to_left = (max(p, 1e-12) for p in (gate.to_right, gate.to_left))
        jump = (1.0 - 0.5 * (to_right + to_left)) / (flux * v[edge - 1] * to_right)
        through[edge - 1] = 1.0 / (half[edge] + half[edge - 1] + jump)
        back[edge - 1] = to_left * v[edge] / (to_right * v[edge - 1])
    ends = np.zeros(len(v))
    for cell, face in zip((0, -1), stack.faces or (), strict=False):
        if face.absorption > 0.0:
            ends[cell] += 1.0 / (
                half[cell] + (2.0 - face.absorption) / (2.0 * flux * v[cell] * face.absorption)
            )
    return through, through * back, ends


def _diffusion(stack: Stack, field: Array) -> Any:
    """Solver of (1/τ_sf) g − g × B − ∂D∂g in the cells, by finite volumes: near enough to find where spin diffuses to."""
    n, width = len(stack.speed), np.diff(stack.edges)
    forth, back, ends = conductances(stack)
    diagonal = ends + width * (stack.loss + 1e-12 * stack.rate)
    diagonal[:-1] += forth
    diagonal[1:] += back
    along = diags_array([diagonal, -back, -forth], offsets=[0, 1, -1]).tolil()
    if stack.faces is None:
        around = 1.0 / half_resistances(stack)[[0, -1]].sum()
        for i, j in ((0, n - 1), (n - 1, 0)):
            along[i, i] += around
            along[i, j] -= around
    blocks = -width[:, None, None] * cross_with(field)
    for cell, face in zip((0, -1), stack.faces or (), strict=False):
        if face.reflection != 1.0:
            blocks[cell] += _taken_at_face(stack, cell, face.turn)
    turn = block_diag(list(blocks))
    magnets = [(edge, gate) for edge, gate in stack.interfaces.items() if gate.turns]
    if magnets:
        turn = turn.tolil()
    for edge, gate in magnets:
        both = slice(3 * edge - 3, 3 * edge + 3)
        turn[both, both] += _flow_into_magnet(stack, edge, gate)
    return splu((kron(along, np.eye(3)) + turn).tocsc())


def _flow_into_magnet(stack: Stack, edge: int, gate: Interface) -> Array:
    """(6, 6): spin that flows into a magnet in an interface from the cells on both sides, per density there."""
    made = (gate.passing + gate.returning).transpose(0, 2, 1, 3).reshape(6, 6)
    cells = slice(edge - 1, edge + 1)
    flux = np.repeat(MEAN_FLUX[stack.dimension] * stack.speed[cells], 3)
    taken, half = np.eye(6) - made, np.repeat(half_resistances(stack)[cells], 3)
    # of the flux f s that comes, and half of the current j more: j = (1 − M)(f (s − h j) + j/2)
    return np.asarray(np.linalg.solve(np.eye(6) + taken * (flux * half - 0.5), taken * flux))


def _taken_at_face(stack: Stack, cell: int, turn: Array) -> Array:
    """Spin that a magnet beyond a face takes of the density in the cell there, (3, 3), as what a face absorbs."""
    share, flux = np.eye(3) - turn, MEAN_FLUX[stack.dimension] * stack.speed[cell]
    resistance = half_resistances(stack)[cell] * share + (np.eye(3) - 0.5 * share) / flux
    return np.asarray(np.linalg.solve(resistance, share))
