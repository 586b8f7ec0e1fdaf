"""One block of the walk along x, put into the layout of all blocks."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from mcpump.names import lines_of
from mcpump.problem.scene import CURRENT, DENSITY, DIVERGENCE, TORQUE
from mcpump.walk.arithmetic import key
from mcpump.walk.columns import Columns
from mcpump.walk.course import edge_at
from mcpump.walk.events import EMITTED
from mcpump.walk.events import TORQUE as TORQUE_LINE
from mcpump.walk.layout import GOES_ON, BlockSums, Halt, refuse, scene_sums
from mcpump.walk.plan import Plan, counted_planes, turning_of
from mcpump.walk.state import LANES, Spins, Tallies, new_walkers
from mcpump.walk.walkers import walk_in_lanes

Array = NDArray[np.float64]
NO_TRACE = np.zeros((0, 4))


def tallies_of(plan: Plan) -> Tallies:
    """Empty tallies of a block."""
    row, active, axes = plan.columns.row, len(plan.columns.active), plan.scene.axes
    cells, lines = math.prod(plan.scene.cells), len(lines_of(axes))
    scored = row * (2 if axes == 1 else 1 + axes)
    if plan.columns.turned:  # the torque, and along x alone the current, of the rows
        scored += row * (2 if axes == 1 else 1)
    return Tallies(
        np.zeros((cells, scored + 3 * active)), np.zeros((cells, 2 * row + active)),
        np.zeros((cells + 1, 2 * row + active)), np.zeros((len(plan.scene.planes), row + active)),
        np.zeros((lines, row + active)),
    )  # fmt: skip


def kinds_of(columns: Columns) -> Array:
    """What the numbers of a row are: rows as of `Spins.kinds`."""
    return np.vstack([columns.relaxes, columns.mirrored])


def walk_plan(
    plan: Plan,
    block: int,
    only: int = -1,
    trace: Array = NO_TRACE,
    halt: Halt = GOES_ON,
    tallies: Tallies | None = None,
    kernel: Callable[..., tuple[int, int, int]] = walk_in_lanes,
) -> tuple[Tallies, int, int, int]:
    """Walk a block, or one walker of it: its tallies, flights, what went wrong, and the walker or number of steps.

    tallies: empty ones for another kernel's sums.
    """  # fmt: skip
    tallies, columns = tallies or tallies_of(plan), plan.columns
    spin = Spins(np.zeros((LANES, columns.row)), kinds_of(columns), plan.table, turning_of(plan))
    flights, wrong, which = kernel(
        plan.numbers,
        plan.course,
        new_walkers(),
        spin,
        tallies,
        key(plan.scene.seed),
        halt,
        block,
        only,
        trace,
    )
    return tallies, int(flights), int(wrong), int(which)


def walk_lane_block(plan: Plan, block: int, halt: Halt = GOES_ON) -> BlockSums:
    """Walk block number `block`.

    Parameters
    ----------
    plan : Plan
        From `plan_of`.
    block : int
        Number of the block, from 0.
    halt : ndarray, optional
        One number; not 0 gives the block up.

    Raises
    ------
    WalkerError
        If a walker takes more than `max_flights` flights.
    HaltedError
        If the block was given up.
    """
    tallies, flights, wrong, walker = walk_plan(plan, block, halt=halt)
    refuse(wrong, walker, plan.scene)
    return sums_of_block(plan, tallies, flights)


def sums_of_block(plan: Plan, tallies: Tallies, flights: int) -> BlockSums:
    """Put the tallies of a block into the layout of all blocks."""
    scene, columns = plan.scene, plan.columns
    size = columns.unfold.shape[1]
    profile = np.zeros((2, len(tallies.visits), 3 + scene.axes, size))
    edges = (
        _score_along(plan, tallies, profile[1])
        if scene.axes == 1
        else _score_on_mesh(plan, tallies, profile[1])
    )
    passages = np.zeros((2, len(scene.planes), size))
    passages[1] = _unfolded(columns, tallies.passages[counted_planes(scene)])
    budget = _unfolded(columns, tallies.budget)
    if columns.turned:
        budget[TORQUE_LINE] += _taken_up(columns, tallies) @ columns.unfold
    if len(columns.active):
        # what oscillates: the torque where it is scored; along the axis it is what the spins have taken up
        oscillating = _active(tallies.visits[:, 2 * columns.row :], 2).sum(axis=0)
        oscillating[2::3] = 0.0
        budget[TORQUE_LINE] += oscillating @ columns.active
    # dipoles are not emitted by the texture: the torque of spins that are scattered leaves them
    charge = slice(len(scene.channels) * scene.time_functions * 3, None)
    budget[TORQUE_LINE, charge] += budget[EMITTED, charge]
    budget[EMITTED, charge] = 0.0
    sums = scene_sums(scene, profile, passages, budget, flights)
    if scene.axes > 1:
        return sums._replace(conserved=np.zeros((0, sums.budget.shape[1])))
    conserved = edges[[edge_at(x, scene.lengths[0], scene.cells[0]) or 0 for x in scene.planes]]
    add = np.zeros((len(scene.planes), sums.budget.shape[1]))
    add[:, :size] = _unfolded(columns, conserved)
    return sums._replace(conserved=add)


def _taken_up(columns: Columns, tallies: Tallies) -> Array:
    """Torque on the rows whose spins turn: what oscillates as it is scored, what is steady as spins take it up."""
    torque = _row_torque(columns, tallies).sum(axis=0)
    steady = slice(0, columns.constants)
    ended = tallies.budget[TORQUE_LINE + 1 :].sum(axis=0) - tallies.budget[EMITTED]
    torque[steady] = ended[steady] * columns.turns[steady]
    return torque


def _row_torque(columns: Columns, tallies: Tallies) -> Array:
    """Torque on rows, (cells, numbers): 0 of those whose spins do not turn in flight."""
    if not columns.turned:
        return np.zeros((1, columns.row))
    return tallies.visits[:, -columns.row :]


def _score_along(plan: Plan, tallies: Tallies, profile: Array) -> Array:
    """Fill the profile (cells, kinds, amplitudes) of a sample along x; returns the currents at the cells' edges."""
    scene, columns, row = plan.scene, plan.columns, plan.columns.row
    edges, flow = currents_from_events(plan, tallies)
    width, active = (
        scene.lengths[0] / scene.cells[0],
        tallies.visits[:, 2 * row : 2 * row + 3 * len(columns.active)],
    )
    dipoles = tallies.born[:, :row] * (columns.relaxes == 0.0) + _row_torque(columns, tallies)
    flow = width * flow
    if columns.turned:
        flow = np.where(columns.turns, tallies.visits[:, 2 * row : 3 * row], flow)
    profile[:, DENSITY] = _unfolded(columns, np.hstack([tallies.visits[:, :row], _active(active, 0)]))
    profile[:, TORQUE] = _unfolded(columns, np.hstack([dipoles, _active(active, 2)]))
    profile[:, DIVERGENCE] = _unfolded(columns, np.diff(edges, axis=0))
    profile[:, CURRENT] = _unfolded(columns, np.hstack([flow, _active(active, 1)]))
    return edges


def _score_on_mesh(plan: Plan, tallies: Tallies, profile: Array) -> Array:
    """Fill the profile (cells, kinds, amplitudes) of a mesh; there are no edges to tell currents at."""
    columns, row = plan.columns, plan.columns.row
    profile[:, DENSITY] = tallies.visits[:, :row] @ columns.unfold
    for axis in range(plan.scene.axes):
        at = (1 + axis) * row
        profile[:, CURRENT + axis] = tallies.visits[:, at : at + row] @ columns.unfold
    torque = _row_torque(columns, tallies)
    profile[:, TORQUE] = (tallies.born[:, :row] * (columns.relaxes == 0.0) + torque) @ columns.unfold
    # what flows out of a cell is what is born there, and what torque adds, less what ends or is stored
    begun = tallies.born[:, :row] - tallies.ended[:-1, :row] + torque
    for n in range(1, columns.harmonics + 1):
        at = columns.constants + 2 * columns.pairs * (n - 1)
        _take_stored(begun, tallies.visits, at, columns.pairs, n * plan.numbers.Omega)
    profile[:, DIVERGENCE] = begun @ columns.unfold
    return np.zeros((0, row))


def _active(visits: Array, kind: int) -> Array:
    """Density, current or torque of the active spins, (cells, 3 for each)."""
    return visits.reshape(len(visits), -1, 3, 3)[:, :, kind].reshape(len(visits), -1)


def _unfolded(columns: Columns, tally: Array) -> Array:
    """Amplitudes of a tally of all numbers."""
    return tally[..., : columns.row] @ columns.unfold + tally[..., columns.row :] @ columns.active


def currents_from_events(plan: Plan, tallies: Tallies) -> tuple[Array, Array]:
    """Currents at the cells' edges of all numbers, and averaged over each cell of the rows, from what begins and ends.

    What has passed x is what began left of x less what ended or is stored there: j(x) = j(0) + ∫₀ˣ [begun − ∂_t n].
    Walkers that begin and end on the same side add no noise to a steady current. Beside each score of a row stands the
    share of its cell to the right of its place, which makes the average over a cell exact. Spins that turn in flight
    begin by their torque, too.
    """
    row, columns = plan.columns.row, plan.columns
    begun = tallies.born - tallies.ended[:-1]
    for n in range(1, columns.harmonics + 1):
        at = columns.constants + 2 * columns.pairs * (n - 1)
        for half in (0, row):
            _take_stored(begun, tallies.visits, half + at, columns.pairs, n * plan.numbers.Omega)
    begun[:, :row] += _row_torque(columns, tallies)
    active = tallies.visits[:, 2 * row : 2 * row + 3 * len(columns.active)]
    density = _active(active, 0)
    begun[:, 2 * row :] += _active(active, 2)
    # in the frame spins that rest turn backward: e₁, e₂ as cosine and minus sine
    begun[:, 2 * row :: 3] += plan.numbers.Omega * density[:, 1::3]
    begun[:, 2 * row + 1 :: 3] -= plan.numbers.Omega * density[:, ::3]
    whole, share = np.delete(begun, slice(row, 2 * row), axis=1), begun[:, row : 2 * row]
    base = np.delete(tallies.ended[-1], slice(row, 2 * row))
    passed = base + np.cumsum(whole, axis=0)
    edges = np.concatenate([base[None], passed])
    return edges, (passed - whole)[:, :row] + share


def _take_stored(begun: Array, visits: Array, at: int, pairs: int, rate: float) -> None:
    """Take what is stored out of what begins: ∂_t (A^c cos + A^s sin) = nΩ (A^s cos − A^c sin)."""
    cosine, sine = slice(at, at + pairs), slice(at + pairs, at + 2 * pairs)
    begun[:, cosine] -= rate * visits[:, sine]
    begun[:, sine] += rate * visits[:, cosine]
