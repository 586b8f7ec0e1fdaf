"""The walk: a block of walkers in lanes, from birth to death."""

from __future__ import annotations

import numpy as np

from mcpump.compiled import borrowed, called, kernel, part, pasted
from mcpump.walk.events import ON, bear, end_walker, happens, take
from mcpump.walk.jumps import jump
from mcpump.walk.lane_loops import (
    lane_areas,
    lane_azimuths,
    lane_counts,
    lane_deflections,
    lane_flights,
    lane_kicks,
    lane_marks,
    lane_moves,
    lane_moves_across,
    lane_pieces,
    lane_pieces_on_mesh,
    lane_turns,
)
from mcpump.walk.marching import (
    finite_march,
    lane_folds,
    lane_marches,
    lent_march,
    move_marched,
    record_march,
)
from mcpump.walk.pulse import bear_pulse, finish_flight, flown, lent_pulse, record_pulse, turn_pulse
from mcpump.walk.state import (
    AGE,
    BARE,
    FLAG,
    FRESH,
    HALTED,
    LANES,
    MARKS,
    MU,
    NAME,
    NEXT,
    NOT_FINITE,
    NUMBER,
    RELAX,
    SLAB,
    SPARE,
    TOO_MANY_FLIGHTS,
    WORD,
    Course,
    Spins,
    Tallies,
    Walkers,
)
from mcpump.walk.turning import finite_row, lane_spins, lent, move_spins

VACANT = 64
"""Flag of a lane without a walker."""


@kernel
def walk_in_lanes(scene, course, walker, spin, tallies, key, halt, block, only, trace):
    """Walk one block; returns (flights, what went wrong or 0, number of the walker it happened to or of steps).

    only ≥ 0: walk this walker alone and record its pieces of flight in `trace`: flag, age, x, direction. `halt` is not 0
    from the moment on when the block is to be given up.
    """
    b, o, c, t = borrowed, lent_or_none, course, tallies
    lent_course = Course(o(c.slabs), b(c.gates), o(c.births), o(c.source), o(c.planes), o(c.sides))
    lent_walker = Walkers(b(walker.lanes), b(walker.words), b(walker.notes))
    lent_spin = Spins(
        o(spin.rows), o(spin.kinds), o(spin.table), lent(spin.turning), lent_march(spin.marched),
        lent_pulse(spin.pulse),
    )  # fmt: skip
    lent_tallies = Tallies(o(t.visits), o(t.born), o(t.ended), o(t.passages), o(t.budget))
    return follow(
        scene, lent_course, lent_walker, lent_spin, lent_tallies, key, b(halt), block, only, b(trace)
    )  # fmt: skip


@part
def lent_or_none(array):
    """The array borrowed, or None."""
    return array if array is None else borrowed(array)


@part
def move_row(rows, source, target):
    """Move a row into the place of an ended lane's."""
    if rows is None:
        return
    for i in range(rows.shape[1]):
        rows[target, i] = rows[source, i]


@pasted
def follow(scene, course, walker, spin, tallies, key, halt, block, only, trace):
    """Follow the walkers of a block, as many at a time as there are lanes."""
    notes, most = walker.notes, np.uint64(scene.max_flights)
    flights, steps, turns = 0, np.int64(0), np.int64(0)
    born, last = (0, scene.walkers) if only < 0 else (only, only + 1)
    # in the first turn walkers are born into all lanes
    count = marked = min(LANES, last - born)
    for j in range(count):
        walker.notes[MARKS, j], walker.notes[FLAG, j] = j, VACANT
    while count > 0:
        if halt[0] != 0:
            return flights, HALTED, 0
        for i in range(marked - 1, -1, -1):  # downwards: lanes are filled from the end
            j = walker.notes[MARKS, i]
            lives = walker.notes[FLAG, j] != VACANT
            if lives:
                if flown(spin.pulse, walker.words[NUMBER, j], 1 - turns % 2) > most:
                    return flights, TOO_MANY_FLIGHTS, np.int64(walker.words[NAME, j])
                line = end_piece(course.slabs, scene, course, walker, spin, tallies, key, 1 - turns % 2, j)
            while True:
                if not lives and born < last:
                    bear(spin.rows, scene, course, walker, spin, tallies, key, block, born, j)
                    take(spin.marched, scene, course, walker, key, born, j)
                    bear_pulse(spin.pulse, scene, walker, tallies, block, born, key, turns % 2, j)
                    lives, born, line = True, born + 1, ON
                if lives and line == ON and scene.jump > 0.0:
                    line = jump(spin.rows, scene, course, walker, spin, tallies, key, j)
                if not lives or line == ON:
                    break
                if not (finite_row(spin.turning, spin.rows, j) and finite_march(spin.marched, j)):
                    return flights, NOT_FINITE, np.int64(walker.words[NAME, j])
                lives = goes_on(course.slabs, scene, course, walker, spin, tallies, key, line, j)
                line = ON
                if not lives:
                    flights += np.int64(flown(spin.pulse, walker.words[NUMBER, j], 1 - turns % 2))
            if not lives:
                count -= 1
                move_lane(walker, spin, count, j)
        if only >= 0 and turns > 0:
            steps = record_pulse(spin.pulse, walker, trace, steps)
        fly_on(course.slabs, scene, walker, spin, tallies, count, key, turns % 2)
        turns += 1
        marked = lane_marks(count, notes[FLAG], notes[MARKS])
        if only >= 0 and count > 0:
            steps = record(spin.pulse, walker, spin, trace, steps)
    return flights, 0, steps


@part
def end_piece(slabs, scene, course, walker, spin, tallies, key, half, j):
    """Do what happens to lane j at the end of its piece; returns the line of the budget in which it ends, or ON."""
    if slabs is None:
        return finish_flight(spin.pulse, scene, course, walker, tallies, key, half, j)
    return happens(scene, course, walker, spin, tallies, key, j)


@part
def goes_on(slabs, scene, course, walker, spin, tallies, key, line, j):
    """End lane j in a line of the budget; returns whether it goes on, without its spin."""
    if slabs is None:
        return False  # it was booked where it ended
    return end_walker(scene, course, walker, spin, tallies, key, line, j)


@part
def fly_on(slabs, scene, walker, spin, tallies, count, key, half):
    """Let all lanes fly on by one piece of flight."""
    if slabs is None:
        turn_pulse(spin.pulse, scene, walker, tallies, count, key, half)
    else:
        turn(scene, walker, spin, count, key)


@called
def deflect(marched, scene, count, walker, key):
    """Turn the directions of who sets out anew, where impurities scatter anisotropically: walkers from birth alone."""
    if marched is None:
        return
    if scene.mean_cosine != 0.0:
        words = walker.words
        lane_deflections(
            count, scene.axes, scene.mean_cosine, walker.lanes, words[NAME], words[NUMBER], walker.notes[FRESH],
            key[0], key[1],
        )  # fmt: skip


@pasted
def turn(scene, walker, spin, count, key):
    """Let all lanes set out or fly on, each by one piece of flight."""
    lanes, words, notes = walker.lanes, walker.words, walker.notes
    mask, mesh = np.uint64(scene.score_interval - 1), scene.axes > 1
    lane_moves(count, lanes)
    lane_flights(
        count, scene.dimension if scene.mean_cosine == 0.0 else 0, lanes, words[NAME], words[NUMBER], words[WORD],
        words[SPARE], notes[FRESH], key[0], key[1],
    )  # fmt: skip
    deflect(spin.marched, scene, count, walker, key)
    if mesh:
        lane_moves_across(count, lanes)
    if (mesh or scene.spin_orbit) and scene.mean_cosine == 0.0:
        lane_azimuths(
            count,
            scene.axes,
            scene.dimension,
            lanes,
            words[NAME],
            words[NUMBER],
            notes[FRESH],
            key[0],
            key[1],
        )
    lane_counts(count, words[NUMBER], notes[FRESH])
    if mesh:
        lane_pieces_on_mesh(
            count,
            scene.axes,
            scene.lengths,
            scene.folded,
            lanes,
            words[SPARE],
            words[RELAX],
            notes[FLAG],
            mask,
            scene.t_end,
        )
    else:
        lane_pieces(count, lanes, words[SPARE], words[RELAX], notes[FLAG], mask, scene.t_end)
    turn_rigidly(spin.table, scene, lanes, count)
    lane_spins(spin.turning, count, lanes, words[NAME], words[NUMBER], notes[BARE], key)
    lane_marches(spin.marched, count, lanes, words, notes, key)
    lane_folds(spin.marched, count, lanes)


@part
def turn_rigidly(table, scene, lanes, count):
    """Turn spins of `exact` and `second_ladder`, one for all birth times, where the texture precesses rigidly."""
    if table is None:
        return
    if scene.exact or scene.ladder:
        lane_areas(count, lanes, table, scene.table_scale)
    if scene.exact:
        lane_turns(count, lanes, scene.exchange, scene.nx, scene.nz, scene.Omega, scene.q)
    if scene.ladder:
        lane_kicks(count, lanes, scene.exchange, scene.nx, scene.nz, scene.Omega, scene.q)


@part
def record(pulse, walker, spin, trace, step):
    """Write the end of a piece of flight into the trace; returns the next step. A pulse is recorded by `record_pulse`."""
    if pulse is not None:
        return step
    if step < trace.shape[0]:
        trace[step, 0], trace[step, 1] = walker.notes[FLAG, 0], walker.lanes[AGE, 0]
        trace[step, 2], trace[step, 3] = walker.lanes[NEXT, 0], walker.lanes[MU, 0]
    record_march(spin.marched, walker.lanes, trace, step)
    return step + 1


@pasted
def move_lane(walker, spin, source, target):
    """Move a lane into the place of an ended one."""
    lanes = walker.lanes
    for i in range(lanes.shape[0]):
        lanes[i, target] = lanes[i, source]
    move_row(spin.rows, source, target)
    move_spins(spin.turning, source, target)
    move_marched(spin.marched, source, target)
    for i in range(walker.words.shape[0]):
        walker.words[i, target] = walker.words[i, source]
    walker.notes[SLAB, target], walker.notes[FLAG, target] = (
        walker.notes[SLAB, source],
        walker.notes[FLAG, source],
    )
    walker.notes[FRESH, target], walker.notes[BARE, target] = (
        walker.notes[FRESH, source],
        walker.notes[BARE, source],
    )
