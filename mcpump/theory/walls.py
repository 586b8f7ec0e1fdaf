"""What faces and interfaces do to those who meet them: absorb, send back, let pass, and turn spin."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mcpump.theory.flights import LEFT, RIGHT, cross_with
from mcpump.theory.medium import Array

NO_MAGNET = np.zeros((0, 3, 0, 3))


class Face(NamedTuple):
    """What a face does to those who meet it."""

    absorption: float
    """Probability to be absorbed."""
    specularity: float = 1.0
    """Share of the reflections that are specular; the rest follows the cosine law."""
    reflection: complex = 1.0
    """R = r↑r↓* of spin across the magnetization of an insulator beyond it, which sends spin along it back as it is."""
    magnet: tuple[float, float, float] = (0.0, 0.0, 1.0)
    """Direction n of that magnetization, in the frame that turns with it."""

    @property
    def turn(self) -> Array:
        """(3, 3): what becomes of spin that is sent back: s∥ + Re R s⊥ + Im R n × s⊥."""
        return turn_of(self.magnet, self.reflection)


def turn_of(magnet: tuple[float, float, float], factor: complex) -> Array:
    """(3, 3): s∥ + Re f s⊥ + Im f n × s⊥, of spin s along and across a direction n."""
    n, f = np.array(magnet), complex(factor)
    along = np.outer(n, n)
    return np.asarray(along + f.real * (np.eye(3) - along) - f.imag * cross_with(n[None])[0])


class Interface(NamedTuple):
    """What an interface does to those who meet it."""

    to_right: float
    """Probability to pass towards +x."""
    to_left: float
    """Probability to pass towards −x."""
    specularity: float = 1.0
    """Share of the reflections that are specular."""
    straight: bool = True
    """Whether those who pass keep their direction; else they follow the cosine law."""
    flip: float = 0.0
    """Probability that those who pass lose their spin."""
    passed: complex = 1.0
    """T×/T, T× = t↑t↓*: what becomes of spin across the magnetization of a magnet in the interface, of those who pass."""
    kept: tuple[complex, complex] = (1.0, 1.0)
    """R/(1 − T), R = r↑r↓*: the same of those who are sent back, to the left and to the right."""
    magnet: tuple[float, float, float] = (0.0, 0.0, 1.0)
    """Direction n of that magnetization, in the frame that turns with it."""

    @property
    def turns(self) -> bool:
        """Whether it is a magnet."""
        return self.passed != 1.0 or self.kept != (1.0, 1.0)

    @property
    def passing(self) -> Array:
        """(2, 2, 3, 3): what goes on to the side behind, left or right, of what comes from the other; 0 elsewhere."""
        found, turn = np.zeros((2, 2, 3, 3)), (1.0 - self.flip) * turn_of(self.magnet, self.passed)
        found[0, 1], found[1, 0] = self.to_left * turn, self.to_right * turn
        return found

    @property
    def returning(self) -> Array:
        """(2, 2, 3, 3): what is sent back to the left and to the right."""
        found, shares = np.zeros((2, 2, 3, 3)), (1.0 - self.to_right, 1.0 - self.to_left)
        for side in (0, 1):
            found[side, side] = shares[side] * turn_of(self.magnet, self.kept[side])
        return found


def couplings(
    interfaces: Mapping[int, Interface], faces: tuple[Face, Face] | None, mirror: float
) -> tuple[Array, Array]:
    """What comes in, (direction, segment), of what goes out: straight or as in a mirror, and by the cosine law.

    mirror: the sign that a specular face gives.
    """
    inner = sorted(interfaces)
    segments = len(inner) + 1
    specular, diffuse = np.zeros((2, 2, segments, 2, segments))
    both = (specular, diffuse)
    for j, edge in enumerate(inner):
        gate = interfaces[edge]
        if gate.turns:
            continue
        passing = both[0 if gate.straight else 1]
        passing[RIGHT, j + 1, RIGHT, j], passing[LEFT, j, LEFT, j + 1] = (
            (1.0 - gate.flip) * passed for passed in (gate.to_right, gate.to_left)
        )
        for share, kind in ((gate.specularity, specular), (1.0 - gate.specularity, diffuse)):
            kind[LEFT, j, RIGHT, j] += (1.0 - gate.to_right) * share
            kind[RIGHT, j + 1, LEFT, j + 1] += (1.0 - gate.to_left) * share
    last = segments - 1
    if faces is None:
        specular[RIGHT, 0, RIGHT, last] = specular[LEFT, last, LEFT, 0] = 1.0
    else:
        left, right = faces
        for share, kind in ((0, specular), (1, diffuse)):
            of = [
                (1.0 - f.absorption) * (mirror * f.specularity if share == 0 else 1.0 - f.specularity)
                for f in (left, right)
            ]
            kind[RIGHT, 0, LEFT, 0] += of[0]
            kind[LEFT, last, RIGHT, last] += of[1]
    return specular.reshape(2 * segments, -1), diffuse.reshape(2 * segments, -1)


def magnetic_couplings(interfaces: Mapping[int, Interface]) -> tuple[Array, Array]:
    """The same of magnets in interfaces, by component, (2 segments, 3, 2 segments, 3); empty without any."""
    if not any(gate.turns for gate in interfaces.values()):
        return NO_MAGNET, NO_MAGNET
    inner = sorted(interfaces)
    segments = len(inner) + 1
    specular, diffuse = np.zeros((2, 2, segments, 3, 2, segments, 3))
    for j, edge in enumerate(inner):
        gate = interfaces[edge]
        if not gate.turns:
            continue
        kinds = [(specular if gate.straight else diffuse, gate.passing)]
        kinds += [(specular, gate.specularity * gate.returning)]
        kinds += [(diffuse, (1.0 - gate.specularity) * gate.returning)]
        goes, comes = ((LEFT, j), (RIGHT, j + 1)), ((RIGHT, j), (LEFT, j + 1))
        for (kind, made), a, b in itertools.product(kinds, (0, 1), (0, 1)):
            (way, here), (back, there) = goes[a], comes[b]
            kind[way, here, :, back, there] += made[a, b]
    shape = 2 * segments, 3, 2 * segments, 3
    return specular.reshape(shape), diffuse.reshape(shape)


def made_of(gate: Array, come: Array) -> Array:
    """What an interface makes, on both sides, of what comes from both, (2, 3)."""
    return np.asarray(np.einsum("abij,bj->ai", gate, come))
