"""First flights of walkers that are born from the texture, a field or a state: one by one, cell by cell.

A walker flies straight from cell to cell. In every piece of flight that lies in one cell and one layer it scores
density, current and torque at one random point (the time in the piece is drawn with it, so that space and time are right
jointly), and it counts its passages through cell faces and planes. What a piece of flight adds to the current is thus its
displacement.

The local part (n = 0) is walked apart from the diffusive one (n ≥ 1). First flights are followed
without an end, in ±v pairs on one set of random numbers, with the survival e^{−∫(1/τ + 1/τ_sf) dt} as their weight up to
the exponent CERTAIN, sampled from there on. Walkers of the diffusive part fly to their first collision, score nothing,
book the budget, and are handed over there: the lanes walk on (`mcpump.walk.marching`).

Where charge is walked (`charge`), the first flights of the local part score the charge velocity w as a density,
and at their first collision walkers of the diffusive part leave dipoles beside their spins.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from mcpump.compiled import borrowed, kernel, part, pasted, twins
from mcpump.walk import arithmetic
from mcpump.walk.carried import (
    ALONG_X,
    ALONG_Y,
    ALONG_Z,
    EXACT,
    HERE,
    LADDER,
    SECOND,
    TIME,
    add_change,
    load,
    look,
    mirrored,
    rotate,
    torque_on_emitted,
    torque_on_exact,
    turn_of,
)
from mcpump.walk.charge import charge_slots
from mcpump.walk.course import Course, lent_turns
from mcpump.walk.handed import hand_over, lent_handed
from mcpump.walk.state import HALTED, NOT_FINITE, NOT_FINITE_LOCAL
from mcpump.walk.walked_scores import (
    EMITTED,
    LEFT,
    RELAXED,
    STORED,
    Books,
    add_steady,
    book,
    leave_dipoles,
    pass_cut,
    score,
    score_torque,
    score_turn,
    velocity_of,
    weighed,
)
from mcpump.walk.walker import (
    ABSORBED,
    AGE,
    ALIVE,
    AXIS,
    BIRTH_DRAWS,
    BOUND,
    CERTAIN,
    COUNT,
    CROSS,
    CUT,
    DEPTH,
    DIFFUSED,
    FACTOR,
    HORIZON,
    LIFE,
    MILESTONE,
    NAME,
    ON,
    RELAX,
    SCATTER,
    SLAB,
    STREAM,
    STREAM_LOCAL,
    STREAM_PAIR,
    STREAM_WALKER,
    UX,
    UY,
    UZ,
    WALL,
    Carried,
    Flight,
    X,
    Y,
    Z,
    bear,
    deflect,
    finite,
    meet_face,
    meet_interface,
    next_words,
    record,
    set_direction,
    set_out,
)

uniform52 = twins(arithmetic).uniform52
NOTHING, NO_SLOT = np.int64(0), np.int64(-1)
"""Typed, as axes."""


class Jobs(NamedTuple):
    """What is walked of a block: jobs `first` to `last`, the diffusive part's walkers and then those of the local one."""

    block: int
    first: int
    last: int
    only: int = -1
    """≥ 0: this walker of the diffusive part alone, whose pieces of flight are recorded."""


@kernel
def walk_first_flights(scene, user, key, course, halt, jobs, books, handed, trace):
    """Walk jobs of a block; returns (flights, what went wrong or 0, its walker or steps, walkers handed over).

    `halt` is not 0 from the moment on when the block is to be given up.
    """
    b, c = borrowed, course
    lent_course = Course(
        b(c.edges), b(c.slabs), b(c.marks), b(c.media), b(c.gates), b(c.quantiles), b(c.inverse_density), c.grid,
        b(c.birth_times), b(c.sheets), lent_turns(c.turns),
    )  # fmt: skip
    over = lent_handed(handed)
    lent_books = Books(b(books.profile), b(books.passages), b(books.budget))
    walker, at, words = np.zeros(11), np.zeros(6, np.int64), np.zeros(3, np.uint64)
    births, bins = np.zeros((scene.phases, 5)), np.zeros(scene.phases, np.int64)
    amplitudes = books.budget.shape[1]
    channels = amplitudes // (3 if scene.time_bins > 0 else 3 + 6 * scene.harmonics)
    spins, change = np.zeros((channels, scene.phases, 3)), np.zeros((channels, scene.phases, 3))
    emitted, fields = np.zeros((scene.phases, 3)), np.zeros((2, scene.phases, 3))
    rows = np.zeros((scene.phases if scene.time_bins > 0 else 1, amplitudes))
    flight = Flight(b(walker), b(at), b(words))
    carried = Carried(b(births), b(emitted), b(spins), b(change), b(rows), b(bins), b(fields))
    flights, wrong, which, given = walk_all(
        scene, user, key, lent_course, b(halt), jobs, lent_books, over, b(trace), (flight, carried)
    )
    # the arrays made here are lent out: they must live until now
    lent = walker.size + at.size + words.size + births.size + bins.size + emitted.size + spins.size
    lent += change.size + rows.size + fields.size
    return flights, wrong, which if lent > 0 else 0, given


@pasted
def walk_all(scene, user, key, course, halt, jobs, books, handed, trace, state):
    """Walk jobs one by one; returns as `walk_first_flights`."""
    flight, carried = state
    at, spins = flight.at, carried.spins
    flights, steps, given = 0, NOTHING, NOTHING
    for job in range(jobs.first, jobs.last):
        if halt[0] != 0:
            return flights, HALTED, 0, given
        local = job >= scene.walkers_per_block
        if jobs.only >= 0 and (local or job != jobs.only):
            continue
        name, points = begin(scene, user, course, jobs.block, job, key, flight, carried)
        start = NOTHING
        line = -1 if local else EMITTED
        end = ON
        while True:
            if line >= 0:
                book(scene, line, start, flight, carried, books.budget)
                line = -1
            if end == CUT and scene.time_bins > 0:
                at[ALIVE] -= 1
                end = ON if at[ALIVE] > 0 else CUT
            if end != ON:
                break
            piece, end = next_piece(scene, course, local, flight, carried.births)
            fly(scene, user, course, local, piece, points, flight, carried, books)
            if end == CROSS:
                end = cross(scene, course, local, key, flight, carried, books)
            if steps < trace.shape[0]:
                record(end, flight, spins, spins.shape[0] - charge_slots(scene) - 1, trace, steps)
            steps += 1
            if local:
                end = ON if end == MILESTONE else end
            elif end in (SCATTER, DIFFUSED):
                if end == SCATTER:
                    scatter(scene, course, key, flight, carried, books)
                hand_over(handed, given, flight, carried)
                given += 1
            elif end != ON:
                line, start = line_of(scene, end, at)
        # of who is handed over all flights are counted in lanes
        flights += 0 if end in (SCATTER, DIFFUSED) and not local else 1
        if not finite(spins):
            return flights, NOT_FINITE_LOCAL if local else NOT_FINITE, name, given
    return flights, 0, steps, given


@part
def begin(scene, user, course, block, job, key, flight, carried):
    """Begin a job of a block: bear its walker; returns its number in the run, and where its flight is looked at."""
    walker, words, local = flight.walker, flight.words, job >= scene.walkers_per_block
    number, many = job, scene.walkers_per_block
    if local:
        number, many = job - many, many // 2 * 2 * scene.first_flights
    words[STREAM] = STREAM_LOCAL if local else STREAM_PAIR
    words[NAME] = np.uint64(block * (many // 2) + number // 2)
    driven = bear(scene, user, course, number // 2, many // 2, key, flight, carried)
    load(scene, flight.at[ALIVE], driven, carried.emitted, carried.spins)
    points = set_out(scene, local, number % 2 == 1, key, flight)
    words[COUNT] = np.uint64(BIRTH_DRAWS)
    if not local:
        words[STREAM], words[NAME], words[COUNT] = (
            STREAM_WALKER,
            np.uint64(block * many + number),
            np.uint64(0),
        )
        w0, w1, _, _ = next_words(key, flight)
        walker[LIFE] = -math.log(uniform52(w0, w1))
    return block * many + number, points


@part
def line_of(scene, end, at):
    """Line of the budget in which a walker ends, and the first birth time that does."""
    if end == RELAX:
        return RELAXED, NOTHING
    if end != CUT:
        return LEFT + at[WALL], NOTHING
    if scene.time_bins > 0:
        return STORED, at[ALIVE] - 1
    return LEFT + 2 * scene.axes, NOTHING


@part
def scatter(scene, course, key, flight, carried, books):
    """Scatter a walker at an impurity; who is scattered by a wall leaves no dipoles."""
    if charge_slots(scene) > 0:
        leave_dipoles(scene, course, flight, carried, books)
    w0, w1, _, _ = next_words(key, flight)
    if scene.mean_cosine == 0.0:
        set_direction(scene, w0, w1, flight.walker)
    else:
        deflect(scene, w0, w1, flight.walker)


@part
def next_piece(scene, course, local, flight, births):
    """Duration of the next piece of flight, and how it ends."""
    walker, at, edges, media = flight.walker, flight.at, course.edges, course.media
    slab = at[SLAB]
    layer = course.slabs[slab, 1]
    v, rate, gamma = media[layer, 0], media[layer, 1], media[layer, 2]
    distance = math.inf
    at[AXIS] = 0
    if scene.folded[0]:
        pass  # the faces turn it back whenever it is looked at
    elif walker[UX] > 0.0:
        distance = (edges[slab + 1] - walker[X]) / walker[UX]
    elif walker[UX] < 0.0:
        distance = (edges[slab] - walker[X]) / walker[UX]
    for axis in range(1, scene.axes):
        u = walker[UX + axis]
        if u != 0.0 and not scene.folded[axis]:
            face = (at[SLAB + axis] + (1 if u > 0.0 else 0)) * (scene.lengths[axis] / scene.cells[axis])
            to_face = (face - walker[X + axis]) / u
            if to_face < distance:
                distance, at[AXIS] = to_face, axis
    piece, end = max(distance, 0.0) / v, CROSS
    if local:
        both, theta = rate + gamma, walker[DEPTH]
        mile = CERTAIN if theta < CERTAIN else walker[HORIZON]
        if (mile - theta) / both < piece:
            piece, end = (mile - theta) / both, MILESTONE if theta < CERTAIN else BOUND
    else:
        if walker[DEPTH] / rate < piece:
            piece, end = walker[DEPTH] / rate, SCATTER
        if gamma > 0.0 and walker[LIFE] / gamma < piece:
            piece, end = walker[LIFE] / gamma, RELAX
    limit = scene.t_max
    if scene.time_bins > 0:
        limit = scene.t_end - births[at[ALIVE] - 1, TIME]
    if limit - walker[AGE] < piece:
        piece, end = max(limit - walker[AGE], 0.0), CUT
    return piece, end


@part
def fly(scene, user, course, local, piece, points, flight, carried, books):
    """Fly one piece: turn the spins, score, and move on; points: shares of the piece at which it is looked at."""
    walker, at, media, fields = flight.walker, flight.at, course.media, carried.fields
    births, spins, change = carried.births, carried.spins, carried.change
    layer, alive, when = course.slabs[at[SLAB], 1], at[ALIVE], points[1] * piece
    vx, vy, vz = velocity_of(media, layer, walker)
    x, y, z, age = walker[X], walker[Y], walker[Z], walker[AGE]
    turns, turn = course.turns, turn_of(course.turns, layer, walker[UX], walker[UY], walker[UZ])
    # the piece is looked at after the time `then`, and stands for the time `stay`; second order turns after `when`
    then, stay, weight = points[0] * piece, piece, 1.0
    if local:
        then, stay, weight = weighed(walker, media[layer, 1] + media[layer, 2], piece, points[0], when)
    perturbed = scene.slots[SECOND] >= 0 or scene.slots[LADDER] >= 0
    if perturbed:
        look(
            scene, user, x + vx * when, y + vy * when, z + vz * when, age + when, alive, births, fields, HERE
        )
        torque_on_emitted(scene, False, piece, alive, carried.emitted, fields, change)
        score_torque(scene, course, local, when, weight, NO_SLOT, flight, carried, books)
        if when <= then:
            add_change(scene, alive, change, spins)
    exact = scene.slots[EXACT] >= 0
    if exact and not local:
        add_steady(scene, turns, alive, spins, books.budget, -1.0)
    for half in range(2):  # a loop, so that the rotation is compiled once
        if exact:
            span = (0.0, then) if half == 0 else (then, piece)
            rotate(
                scene, user, ((x, y, z), (vx, vy, vz), turn, turns), age, span, alive, births, fields, spins
            )
        if half == 0 and local:
            score(scene, course, then, stay, flight, carried, books.profile)
        if half == 0 and exact:
            at_x, at_y, at_z = x + vx * then, y + vy * then, z + vz * then
            look(scene, user, at_x, at_y, at_z, age + then, alive, births, fields, HERE)
            if perturbed and when > then:
                add_change(scene, alive, change, spins)  # before `change` serves for the torque on `exact`
            torque_on_exact(scene, alive, spins, fields, change)
            score_torque(scene, course, local, then, stay, scene.slots[EXACT], flight, carried, books)
            score_turn(turns, scene, course, local, then, stay, turn, flight, carried, books)
    if perturbed and not exact and when > then:
        add_change(scene, alive, change, spins)
    if exact and not local:
        add_steady(scene, turns, alive, spins, books.budget, 1.0)
    move(scene, media, layer, local, piece, walker)


@part
def move(scene, media, layer, local, piece, walker):
    """Move a walker to the end of its piece of flight."""
    vx, vy, vz = velocity_of(media, layer, walker)
    walker[X], turn_x = mirrored(scene, ALONG_X, walker[X] + vx * piece)
    walker[Y], turn_y = mirrored(scene, ALONG_Y, walker[Y] + vy * piece)
    walker[Z], turn_z = mirrored(scene, ALONG_Z, walker[Z] + vz * piece)
    walker[UX], walker[UY], walker[UZ] = walker[UX] * turn_x, walker[UY] * turn_y, walker[UZ] * turn_z
    walker[AGE] += piece
    walker[DEPTH] += (media[layer, 1] + media[layer, 2]) * piece if local else -media[layer, 1] * piece
    walker[LIFE] -= media[layer, 2] * piece


@part
def cross(scene, course, local, key, flight, carried, books):
    """Take a walker across the cut that it meets, or back from it; returns how its flight goes on or ends."""
    walker, at, edges, marks = flight.walker, flight.at, course.edges, course.marks
    axis = at[AXIS]
    forward = walker[UX + axis] > 0.0
    last = edges.shape[0] - 2 if axis == 0 else scene.cells[axis] - 1
    edge = at[SLAB + axis] + (1 if forward else 0)
    outside = edge == 0 or edge == last + 1
    walker[X + axis] = edges[edge] if axis == 0 else edge * (scene.lengths[axis] / scene.cells[axis])
    flow = walker[FACTOR] * math.exp(-min(walker[DEPTH], CERTAIN)) if local else 0.0
    end, through = ON, True
    if outside and not scene.periodic[axis]:
        at[WALL] = 2 * axis + (1 if forward else 0)
        absorption = scene.absorption[at[WALL]]
        end = meet_face(scene, local, axis, forward, key, flight)
        through = end == ABSORBED or (local and absorption > 0.0)
        flow *= absorption
    elif axis == 0 and not outside and marks[edge, 1] >= 0:
        end, through = meet_interface(scene, course.gates, marks[edge, 1], forward, key, flight)
    if through and flow > 0.0:
        pass_cut(scene, course, axis, edge, forward, outside, flow, flight, carried, books)
    if outside and scene.periodic[axis]:
        at[SLAB + axis] = 0 if forward else last
        walker[X + axis] = 0.0 if forward else scene.lengths[axis]
    elif not outside and through:
        at[SLAB + axis] += 1 if forward else -1
    return end
