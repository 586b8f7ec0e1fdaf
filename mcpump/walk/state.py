"""What kernels get: five tuples of plain numbers and of borrowed arrays, `scene, course, walker, spin, tallies`."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import Scene

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Words = NDArray[np.uint64]

X, MU, DEPTH, TIME, NEXT, V, OVER, LOW, HIGH, AGE, AREA, AREA_NEXT, TURN_X, TURN_Z = range(14)
"""Rows of the lanes: place, direction, optical depth left to the collision; duration and end of this turn's piece of
flight; speed, 1/(1/τ + 1/τ_sf), and ends of the slab; age; ∫f dx of the texture at both ends, and the turn between."""
EXACT, EXACT_BORN, FIRST, LADDER, LADDER_BORN = 14, 17, 18, 21, 24
"""First rows of the spin of `exact`, and its part along the axis at birth; of those of `first` and `second_ladder` as the
ladder carries them, and the part of the latter at birth. All in the frame that turns with the texture."""
Y, Z, UY, UZ, NEXT_Y, NEXT_Z = range(25, 31)
"""The same along y and z, where the mesh has them: places, directions, ends of the pieces."""
ROWS = 31
SPEED, MEAN_TIME, RELAXING, START, END, JUMP_LOW, JUMP_HIGH, KIND_LOW, KIND_HIGH = range(9)
"""Columns of the slabs: v, 1/(1/τ + 1/τ_sf), share of collisions that relax the spin times 2^38; from and to; the stretch
in which a walker may jump, and what its ends are."""
WALL_KIND, TO_RIGHT, TO_LEFT, SPECULARITY, STRAIGHT, PLANE, WITH_SPIN, PASSED, BACK_LEFT, BACK_RIGHT = (
    *range(8),
    9,
    11,
)
GATE_COLUMNS = 13
"""Columns of the gates: kind, probability to pass towards +x and −x (absorption, at a face), share of the reflections
that is specular, 1 where passage is straight, number of the plane there (−1: none), share that passes with its spin;
then by real and imaginary part what a magnet in which no electron flies makes of spin across its magnetization, of who
passes and of who is sent back to the left and to the right; 1 without one."""
QUANTILE, FROM, TO, SENSE, BIRTH_SLAB, FROM_Y, TO_Y, FROM_Z, TO_Z, NORMAL = range(10)
"""Columns of the places where walkers are born: share of the walkers that is born before it; from and to along x; 0, or
the sense ±1 of who leaves a wall along its normal; slab; from and to along y and z; axis of the wall's normal."""
NAME, NUMBER, WORD, SPARE, RELAX = range(5)
"""Rows of the words: number of the walker, random numbers drawn, 44 random bits just drawn and of the last flight (the
lowest six choose who scores, the others who relaxes), share of collisions that relax the spin times 2^38."""
SLAB, FLAG, MARKS, FRESH, BARE = range(5)
"""Rows of the notes: slab, flag of what the end of a piece is, lanes that are flagged; 1 for those that set out anew, and
for those whose spin has relaxed, who go on for their dipoles."""
START_OF_ROW = np.int64(0)
"""First number of a tally's row; typed, for each literal number would have what adds to tallies compiled once more."""
SPIN, MIRRORED = range(2)
"""Rows of the kinds of numbers."""
BARRIER, REFLECTS, RETURNS = range(3)
"""Ends of a stretch for jumps: kept off, mirrored, periodic."""


class Numbers(NamedTuple):
    """Plain numbers of a scene: what kernels call `scene`."""

    dimension: int
    axes: int
    """Directions of the mesh."""
    lengths: tuple[float, float, float]
    cells: tuple[int, int, int]
    walkers: int
    """Walkers in a block."""
    max_flights: int
    score_interval: int
    """One collision in so many is scored (a power of two)."""
    t_end: float
    """Age from which on a walker may end."""
    t_spin: float
    """Age at which one that carries a spin ends."""
    t_dipole: float
    """Age at which one that carries dipoles alone ends."""
    Omega: float
    """Angular velocity of the frame, and of a harmonic's phase."""
    harmonics: int
    """Highest harmonic of the rows."""
    constants: int
    """Numbers of a row that stay as they are."""
    pairs: int
    """Cosine and sine amplitudes at each harmonic."""
    exact: bool
    """Whether `exact` is walked."""
    ladder: bool
    """Whether `second_ladder` is walked."""
    dipoles: bool
    """Whether dipoles are walked, which do not relax."""
    exchange: float
    """2Jτ/ħ."""
    nx: float
    """The texture in the frame: f(x) (nx, 0, nz)."""
    nz: float
    q: float
    """Wave number of its phase."""
    table_scale: float
    """Intervals per length of the table of ∫f dx."""
    jump: float
    """Mean number of flights of the longest jump; 0: none."""
    turning: bool = False
    """Whether walkers carry spins that any texture turns, for several birth times (`Turning`)."""
    folded: tuple[bool, bool, bool] = (False, False, False)
    """Axes along which flights go straight on, and are brought back at their ends."""
    mean_cosine: float = 0.0
    """Of the angles of scattering; not 0 for walkers from birth alone."""
    spin_orbit: bool = False
    """Whether spins turn about fields that hang on the flight's direction, all of which is then drawn; as above."""


class Course(NamedTuple):
    """Where walkers are born, and what they meet."""

    slabs: Floats
    """(2 · slabs, 9): columns as above; once more without relaxation, for walkers whose spin has relaxed. None of a
    pulse, in one layer."""
    gates: Floats
    """(slabs + 1, 8)."""
    births: Floats
    """(births + 1, 10); the last row ends the shares of the walkers."""
    source: Floats
    """(births, 1 + axes, columns): what is born per time in the middle, then half of its change along each direction of
    the mesh, over the density of births."""
    planes: Floats
    """Places of the planes, in order."""
    sides: Floats
    """(4, 3): kind of gate, absorption, specularity of the faces y−, y+, z−, z+."""


class Walkers(NamedTuple):
    """Walkers side by side."""

    lanes: Floats
    """(ROWS, lanes)."""
    words: Words
    """(5, lanes)."""
    notes: Integers
    """(5, lanes)."""


class Turning(NamedTuple):
    """Spins that any texture turns in flight: of every lane one for each of P birth times that share its path.

    The numbers of a row that stand for them are made of these at every event (`mcpump.walk.turning.refresh`).
    """

    scene: Scene
    """What the texture is looked at with; its phases are the birth times, its slots those of `spins`."""
    user: Any
    """The user's texture, compiled."""
    harmonics: int
    """Highest harmonic of what is born."""
    exact: int
    """Number of a row with which `exact` begins; −1: not walked."""
    ladder: int
    """The same of `second_ladder`."""
    births: Floats
    """(lanes, P, 5): birth times, as `mcpump.walk.carried.set_birth`."""
    spins: Floats
    """(lanes, slots, P, 3): of `exact` and `second_ladder`."""
    kept: Floats
    """(lanes, P, 3): what was emitted, which the ladder keeps, as `first` does."""
    fields: Floats
    """(2, P, 3): S along a piece."""
    change: Floats
    """(slots, P, 3): torque."""
    row: Floats
    """(1, numbers): a row of torques."""


class Spins(NamedTuple):
    """What walkers carry beside the lanes, and how it changes."""

    rows: Floats
    """(lanes, numbers): amplitudes as of birth, constants first, then cosine and sine at each harmonic."""
    kinds: Floats
    """(4, numbers): 1 for spin, 0 for dipoles; −1 for dipoles along x, y, z, which a specular face turns, else 1."""
    table: Floats
    """(intervals, 4): cubics of ∫f dx."""
    turning: Any = None
    """`Turning`; None where spins turn rigidly or not at all: kernels are then compiled without it."""
    marched: Any = None
    """`mcpump.walk.marching.Marched` of walkers handed over at first collisions; None of those born there."""
    pulse: Any = None
    """`mcpump.walk.pulse.Pulse` of walkers of a pulse, who carry nothing; None of others."""


class Tallies(NamedTuple):
    """Sums of one block; of a pulse as in `mcpump.walk.pulse`.

    "All numbers" are those of a row of `Spins`, then 3 for each active spin.
    """

    visits: Floats
    """(cells, …): density of the rows; the same times the share of the cell to the right of the place (along x alone), or
    the currents along the mesh's directions; of every active spin density, current, torque. Where spins are `Turning`
    along x alone the current along x comes third; last comes the torque on the rows."""
    born: Floats
    """(cells, 2 · numbers): what is born, and times that share."""
    ended: Floats
    """(cells + 1, 2 · numbers): what ends; the last row is the net passage of x = 0."""
    passages: Floats
    """(planes, all numbers): net passages towards +x."""
    budget: Floats
    """(lines, all numbers)."""


LANES = 256
TOO_MANY_FLIGHTS, NOT_FINITE, NOT_FINITE_LOCAL, HALTED = 1, 2, 3, 4
"""What may go wrong with a walker; or the block was given up."""
NOTHING: Any = None
"""In place of arrays that lanes of walkers from birth, or of a pulse, do not have: what they serve is not compiled."""
MARCHED_INTERVAL = 64
"""One collision in so many is looked at where walkers score along their flights, which it does not change."""


def new_walkers() -> Walkers:
    """Empty lanes."""
    return Walkers(np.zeros((ROWS, LANES)), np.zeros((5, LANES), np.uint64), np.zeros((5, LANES), np.int64))
