"""What walkers carry, number by number, and the amplitudes that it stands for.

A row holds numbers that stay as they are, then cosine and sine amplitudes of every harmonic, which age turns. Where the
texture precesses rigidly about n̂, the spin of a channel is three numbers in the frame (e₁, e₂, n̂) that turns with it:
born as q it has the DC amplitude (q·n̂) n̂ and at Ω the pair (q·e₁, −q·e₂). Dipoles are directions, which do not turn with
it: they have amplitudes of their own, as all rows have where the texture does not precess rigidly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import Scene

Array = NDArray[np.float64]
MORE_HARMONICS = 4
"""Harmonics of what is born turning, beyond those asked for."""


class Columns(NamedTuple):
    """Layout of the numbers that walkers carry."""

    harmonics: int
    constants: int
    pairs: int
    exact: bool
    ladder: bool
    frame: Array
    """(3, 3): e₁, e₂, n̂."""
    unfold: Array
    """(numbers of a row, walked amplitudes): amplitudes (walked, time function, component) of each number."""
    active: Array
    """(3 for each active spin, walked amplitudes), as the frame's e₁, e₂, n̂."""
    relaxes: Array
    """(numbers of a row,): 1 for spin, 0 for dipoles."""
    mirrored: Array
    """(3, numbers of a row): −1 for dipoles along x, y, z, else 1."""
    turned: tuple[str, ...] = ()
    """Channels of a row whose spins any texture turns in flight."""
    places: tuple[int, ...] = ()
    """Number of a row with which each of them begins."""
    born: int = 0
    """Highest harmonic of what is born of them."""

    @property
    def numbers(self) -> int:
        """Numbers that are born: those of a row, then spins in flight: of `exact`, of `first` and `second_ladder`."""
        each = 3 * (1 + 2 * self.born)
        return self.row + 3 * self.exact + 6 * self.ladder + each * len(emitted_of(self.turned))

    @property
    def turns(self) -> NDArray[np.bool_]:
        """(numbers of a row,): whether a number is that of a spin that turns in flight."""
        found = np.zeros((1 + 2 * self.harmonics, self.pairs), bool)
        for first in self.places:
            found[:, first : first + 3] = True
        return found.ravel()

    @property
    def row(self) -> int:
        """Numbers of a row."""
        return self.constants + 2 * self.pairs * self.harmonics


def columns_in_frame(scene: Scene, frame: Array) -> Columns:
    """Lay out the numbers of a scene whose texture precesses rigidly, about the last vector of the frame.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units.
    frame : (3, 3) array
        e₁, e₂, n̂.
    """
    harmonics, functions = min(scene.harmonics, 1), scene.time_functions
    frozen = [name for name in scene.channels if name in ("first", "second")]
    dipoles = dipole_sources(scene)
    constants, pairs = len(frozen) + 3 * len(dipoles), len(frozen) + 3 * len(dipoles)
    columns = constants + 2 * pairs * harmonics
    shape = len(scene.walked), functions, 3
    unfold, e1, e2, axis = np.zeros((columns, *shape)), *frame
    for i, name in enumerate(frozen):
        slot = scene.walked.index(name)
        unfold[i, slot, 0] = axis
        if harmonics:
            cosine, sine = constants + i, constants + pairs + i
            unfold[cosine, slot, 1], unfold[cosine, slot, 2] = e1, e2
            unfold[sine, slot, 1], unfold[sine, slot, 2] = -e2, e1
    for i, name in enumerate(dipoles):
        slot = scene.walked.index(name)
        for k in range(3):
            at = len(frozen) + 3 * i + k
            unfold[at, slot, 0, k] = 1.0
            if harmonics:
                unfold[constants + at, slot, 1, k] = unfold[constants + pairs + at, slot, 2, k] = 1.0
    active = [name for name in ("exact", "second_ladder") if name in scene.channels]
    turning = np.zeros((3 * len(active), *shape))
    for i, name in enumerate(active):
        slot = scene.walked.index(name)
        turning[3 * i + 2, slot, 0] = axis
        if harmonics:
            turning[3 * i, slot, 1], turning[3 * i, slot, 2] = e1, e2
            turning[3 * i + 1, slot, 1], turning[3 * i + 1, slot, 2] = e2, -e1
    size = int(np.prod(shape))
    relaxes, mirrored = _marks(len(frozen), dipoles, harmonics)
    return Columns(
        harmonics, constants, pairs, "exact" in active, "second_ladder" in active, frame,
        unfold.reshape(columns, size), turning.reshape(len(turning), size), relaxes, mirrored,
    )  # fmt: skip


def columns_of_harmonics(scene: Scene) -> Columns:
    """Lay out the numbers of a scene whose texture does not precess rigidly: all its amplitudes.

    Spins that turn in flight are born as amplitudes of more harmonics than are asked for: those that the texture mixes
    with its own make those.

    Parameters
    ----------
    scene : Scene
        Problem in reduced units.
    """
    harmonics, functions = scene.harmonics, scene.time_functions
    frozen = [name for name in scene.channels if name in ("first", "second")]
    turned = [name for name in ("exact", "second_ladder") if name in scene.channels]
    dipoles = dipole_sources(scene)
    names = [*frozen, *turned, *dipoles]
    constants = pairs = 3 * len(names)
    columns = constants * functions
    unfold = np.zeros((columns, len(scene.walked), functions, 3))
    for i, name in enumerate(names):
        slot = scene.walked.index(name)
        for function in range(functions):
            for k in range(3):
                unfold[constants * function + 3 * i + k, slot, function, k] = 1.0
    relaxes, mirrored = _marks(3 * (len(frozen) + len(turned)), dipoles, harmonics)
    return Columns(
        harmonics, constants, pairs, False, False, np.eye(3), unfold.reshape(columns, -1),
        np.zeros((0, unfold[0].size)), relaxes, mirrored, tuple(turned), tuple(3 * names.index(name) for name in turned),
        harmonics + MORE_HARMONICS if turned else 0,
    )  # fmt: skip


def emitted_of(turned: Sequence[str]) -> list[str]:
    """Channels of which something is born that turns in flight: `second_ladder` keeps what `first` carries."""
    return [one for name in turned for one in (("exact",) if name == "exact" else ("first", "second_ladder"))]


def dipole_sources(scene: Scene) -> list[str]:
    """Sources of charge whose dipoles are walked."""
    every = ("rashba", "impurity_first", "impurity_second")
    return [
        name for name, walked in zip(every, scene.dipoles, strict=True) if walked and name in scene.sources
    ]


def _marks(spins: int, dipoles: list[str], harmonics: int) -> tuple[Array, Array]:
    """Which numbers of a row relax, and which change their sign at a specular face."""
    relaxes = np.concatenate([np.ones(spins), np.zeros(3 * len(dipoles))])
    turned = np.tile(1.0 - 2.0 * np.eye(3), (1, len(dipoles)))
    mirrored = np.concatenate([np.ones((3, spins)), turned], axis=1)
    return np.tile(relaxes, 1 + 2 * harmonics), np.tile(mirrored, (1, 1 + 2 * harmonics))
