"""The general walk: any mesh, stack of layers, faces, texture and order in J, walker by walker.

A walker flies straight from cell to cell. In every piece of flight that lies in one cell and one layer it scores
density, current and torque at one random point (the time in the piece is drawn with it, so that space and time are right
jointly), and it counts its passages through cell faces and planes. What a piece of flight adds to the current is thus its
displacement.

The local part (n = 0) is walked apart from the diffusive one (n ≥ 1). First flights are followed
without an end, in ±v pairs on one set of random numbers, with the survival e^{−∫(1/τ + 1/τ_sf) dt} as their weight up to
the exponent CERTAIN, sampled from there on. Walkers of the diffusive part live from birth to death and book the budget
event by event.

Where charge is walked (`charge`), the first flights of the local part score the charge velocity w as a density,
and from their first collision on walkers of the diffusive part carry dipoles beside their spins, also when the spin has
relaxed.

The tallies of one block (A amplitudes, see `mcpump.walk.carried`):

    profile   (2, places, 3 + axes, A)  part, cell · time bin: density, torque, divergence of the current, current
    passages  (2, planes · time bins, A)  net passages of planes towards +x
    budget    (lines, A)                lines as `mcpump.names.lines_of`
"""

from __future__ import annotations

import math

import numpy as np

from mcpump.compiled import borrowed, inlined, kernel
from mcpump.walk.carried import (
    EXACT,
    LADDER,
    SECOND,
    TIME,
    add_change,
    can_freeze,
    fill_rows,
    freeze,
    load,
    look,
    mirrored,
    rotate,
    spin_rows,
    torque_on_emitted,
    torque_on_exact,
)
from mcpump.walk.charge import charge_slots, forget_spins, set_charge_velocity, turn_dipoles
from mcpump.walk.lanes import HALTED, NOT_FINITE, NOT_FINITE_LOCAL, TOO_MANY_FLIGHTS
from mcpump.walk.philox import draw, uniform, uniform53
from mcpump.walk.walker import (
    ABSORBED,
    AGE,
    ALIVE,
    AXIS,
    BIRTH_DRAWS,
    BOUND,
    CERTAIN,
    CROSS,
    CUT,
    DEPTH,
    DIFFUSED,
    FACTOR,
    HORIZON,
    LIFE,
    MILESTONE,
    ON,
    ONE,
    RELAX,
    ROW_Y,
    ROW_Z,
    SCATTER,
    SLAB,
    STREAM_LOCAL,
    STREAM_PAIR,
    STREAM_WALKER,
    UX,
    UY,
    UZ,
    WALL,
    N,
    X,
    Y,
    Z,
    bear,
    finite,
    meet_face,
    meet_interface,
    record,
    set_direction,
    set_out,
)

DENSITY, TORQUE, DIVERGENCE, CURRENT = range(4)
"""Kinds in a profile; the currents along x, y, z are the last."""
EMITTED, GAINED, STORED, RELAXED, LEFT = range(5)
"""Lines of the budget; after the faces comes what was cut."""


@kernel
def walk_scene(
    scene, user, k0, k1, edges, slabs, marks, media, gates, quantiles, inverse_density, grid, hours,
    sheets, halt, block, profile, passages, budget, only, trace,
):  # fmt: skip
    """Walk one block; returns (flights, what went wrong or 0, number of the walker it happened to or of steps).

    only ≥ 0: walk this walker of the diffusive part alone and record its pieces of flight in `trace`. `halt` is not 0
    from the moment on when the block is to be given up.
    """
    walker, at, count = np.zeros(11), np.zeros(7, np.int64), np.zeros(1, np.uint64)
    births, bins = np.zeros((scene.phases, 5)), np.zeros(scene.phases, np.int64)
    channels = budget.shape[1] // (3 if scene.time_bins > 0 else 3 + 6 * scene.harmonics)
    spins, change = np.zeros((channels, scene.phases, 3)), np.zeros((channels, scene.phases, 3))
    emitted, fields = np.zeros((scene.phases, 3)), np.zeros((2, scene.phases, 3))
    rows = np.zeros((scene.phases if scene.time_bins > 0 else 2, budget.shape[1]))
    b = borrowed
    flights, wrong, which = walk_all(
        scene, user, k0, k1, b(edges), b(slabs), b(marks), b(media), b(gates), b(quantiles), b(inverse_density), grid,
        b(hours), b(sheets), b(halt), block, b(profile), b(passages), b(budget), only, b(trace), b(walker), b(at),
        b(count), b(births), b(bins), b(emitted), b(spins), b(change), b(rows), b(fields),
    )  # fmt: skip
    # the arrays made here are lent out: they must live until now
    lent = (
        walker.size + at.size + count.size + births.size + bins.size + emitted.size + spins.size + change.size
    )
    lent += rows.size + fields.size
    return flights, wrong, which if lent > 0 else 0


@inlined
def walk_all(
    scene, user, k0, k1, edges, slabs, marks, media, gates, quantiles, inverse_density, grid, hours,
    sheets, halt, block, profile, passages, budget, only, trace, walker, at, count, births, bins, emitted, spins, change,
    rows, fields,
):  # fmt: skip
    """Walk the walkers of the diffusive part, then the first flights of the local part; returns as `walk_scene`."""
    local_pairs = scene.walkers_per_block // 2 * scene.first_flights
    flights, steps = 0, 0
    charged = charge_slots(scene)
    spin_slots = spins.shape[0] - charged
    everything, of_spin = rows.shape[1], rows.shape[1] // spins.shape[0] * spin_slots
    # walkers first: where a number is not finite it is most likely one of them that meets it, and can be replayed
    for job in range(scene.walkers_per_block + 2 * local_pairs):
        if halt[0] != 0:
            return flights, HALTED, 0
        local = job >= scene.walkers_per_block
        number = job - scene.walkers_per_block if local else job
        if only >= 0 and (local or number != only):
            continue
        jobs = 2 * local_pairs if local else scene.walkers_per_block
        stream = STREAM_LOCAL if local else STREAM_PAIR
        name = np.uint64(block * (jobs // 2) + number // 2)
        driven = bear(
            scene, user, edges, slabs, media, quantiles, inverse_density, grid, hours, sheets, number // 2, jobs // 2,
            name, stream, k0, k1, walker, at, births, emitted,
        )  # fmt: skip
        load(scene, at[ALIVE], driven, emitted, spins)
        bins[0] = 0
        u, v = set_out(scene, local, number % 2 == 1, name, stream, k0, k1, walker, at)
        count[0] = np.uint64(BIRTH_DRAWS)
        if not local:
            stream, name, count[0] = STREAM_WALKER, np.uint64(block * jobs + number), np.uint64(0)
            w0, w1, _, _ = draw(name, count[0], stream, k0, k1)
            count[0] += ONE
            walker[LIFE] = -math.log(uniform53(w0, w1))
        taken, first = 1, 0
        line = -1 if local else EMITTED
        end = ON
        while True:
            if line >= 0:
                book(
                    scene, walker[AGE], at[ALIVE], births, spins, rows, bins, budget, line, first, everything
                )
                line = -1
            if end == CUT and scene.time_bins > 0:
                at[ALIVE] -= 1
                end = ON if at[ALIVE] > 0 else CUT
            if end != ON:
                break
            piece, end = next_piece(scene, edges, slabs, media, local, walker, at, births)
            fly(
                scene, user, media, slabs, local, piece, u, v, walker, at, births, emitted, fields, spins, change, rows,
                bins, profile, budget,
            )  # fmt: skip
            if end == CROSS:
                end = cross(
                    scene, edges, slabs, marks, gates, local, name, count, stream, k0, k1, walker, at, births, spins,
                    rows, bins, profile, passages, budget, of_spin,
                )  # fmt: skip
            if steps < trace.shape[0]:
                record(end, walker, at, spins, spin_slots - 1, trace, steps)
            steps += 1
            if local:
                end = ON if end == MILESTONE else end
            elif end in (SCATTER, DIFFUSED):
                if charged > 0 and end == SCATTER and at[N] == 0:
                    leave_dipoles(
                        scene, media, slabs, walker, at, births, spins, rows, bins, profile, budget, of_spin
                    )
                at[N] += 1
                taken += 1
                if at[N] == 1 and can_freeze(scene):
                    freeze(scene, at[ALIVE], births, spins, rows, bins)
                if taken > scene.max_flights:
                    return flights, TOO_MANY_FLIGHTS, block * jobs + number
                w0, w1, w2, w3 = draw(name, count[0], stream, k0, k1)
                u0, v0, _, _ = draw(name, count[0] + ONE, stream, k0, k1)
                count[0] += ONE + ONE
                walker[DEPTH], u, v = -math.log(uniform53(w0, w1)), uniform(u0), uniform(v0)
                if end == SCATTER:
                    set_direction(scene, w2, w3, walker)
                end = ON
            elif end == RELAX and at[N] > 0 and (scene.dipoles[0] or scene.dipoles[1] or scene.dipoles[2]):
                # the spin ends, what charge it has moved does not: the walker goes on for that
                book(scene, walker[AGE], at[ALIVE], births, spins, rows, bins, budget, RELAXED, 0, of_spin)
                forget_spins(at[ALIVE], spin_slots, spins)
                if can_freeze(scene):
                    freeze(scene, at[ALIVE], births, spins, rows, bins)
                walker[LIFE], end = math.inf, ON
            elif end != ON:
                line, first = LEFT + at[WALL], 0
                if end == RELAX:
                    line = RELAXED
                elif end == CUT:
                    line = STORED if scene.time_bins > 0 else LEFT + 2 * scene.axes
                    first = at[ALIVE] - 1 if scene.time_bins > 0 else 0
        flights += taken
        if not finite(spins):
            return flights, NOT_FINITE_LOCAL if local else NOT_FINITE, block * jobs + number
    return flights, 0, steps


@inlined
def next_piece(scene, edges, slabs, media, local, walker, at, births):
    """Duration of the next piece of flight, and how it ends."""
    slab = at[SLAB]
    layer = slabs[slab, 1]
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
    limit = scene.t_max if local or walker[LIFE] < math.inf else scene.t_dipole
    if scene.time_bins > 0:
        limit = scene.t_end - births[at[ALIVE] - 1, TIME]
    if limit - walker[AGE] < piece:
        piece, end = max(limit - walker[AGE], 0.0), CUT
    return piece, end


@inlined
def fly(
    scene, user, media, slabs, local, piece, u, v, walker, at, births, emitted, fields, spins, change, rows, bins,
    profile, budget,
):  # fmt: skip
    """Fly one piece: turn the spins, score, and move on."""
    layer, n, alive = slabs[at[SLAB], 1], at[N], at[ALIVE]
    speed, both = media[layer, 0], media[layer, 1] + media[layer, 2]
    vx, vy, vz = speed * walker[UX], speed * walker[UY], speed * walker[UZ]
    x, y, z, age = walker[X], walker[Y], walker[Z], walker[AGE]
    score, part = local or n > 0, 0 if local else 1
    # the piece is looked at after the time `then`, and stands for the time `stay`; second order turns after `when`
    then, when, stay, weight = u * piece, v * piece, piece, 1.0
    if local:
        then, stay, weight = weighed(walker, both, piece, u, when)
    place = cell_number(scene, slabs, at) * max(scene.time_bins, 1)
    spinning = local or walker[LIFE] < math.inf
    perturbed = spinning and ((scene.slots[SECOND] >= 0 and n == 0) or scene.slots[LADDER] >= 0)
    if perturbed:
        look(scene, user, x + vx * when, y + vy * when, z + vz * when, age + when, alive, births, fields, 0)
        torque_on_emitted(scene, n > 0, piece, alive, emitted, fields, change)
        count = fill_rows(scene, age + when, alive, births, change, rows, bins)
        for k in range(count):
            cell = place + (bins[k] if scene.time_bins > 0 else 0)
            for a in range(rows.shape[1]):
                if score:
                    profile[part, cell, TORQUE, a] += weight * rows[k, a]
                if not local:
                    budget[GAINED, a] += rows[k, a]
        if when <= then:
            add_change(scene, alive, change, spins)
    exact = spinning and scene.slots[EXACT] >= 0
    if exact and not local:
        add_steady(scene, alive, spins, budget, -1.0)
    for half in range(2):
        if exact:
            start, end = (0.0, then) if half == 0 else (then, piece)
            rotate(scene, user, x, y, z, vx, vy, vz, age, start, end, alive, births, fields, spins)
        if half == 0 and score:
            if local and charge_slots(scene) > 0:
                set_charge_velocity(scene, media, layer, walker, alive, 1.0, False, spins)
            count = spin_rows(scene, age + then, alive, births, spins, rows, bins)
            wx, wy, wz = (
                vx * mirrored(scene, 0, x + vx * then)[1],
                vy * mirrored(scene, 1, y + vy * then)[1],
                vz * mirrored(scene, 2, z + vz * then)[1],
            )
            for k in range(count):
                cell = place + (bins[k] if scene.time_bins > 0 else 0)
                for a in range(rows.shape[1]):
                    row = stay * rows[k, a]
                    profile[part, cell, DENSITY, a] += row
                    profile[part, cell, CURRENT, a] += wx * row
                    if scene.axes > 1:
                        profile[part, cell, CURRENT + 1, a] += wy * row
                    if scene.axes > 2:
                        profile[part, cell, CURRENT + 2, a] += wz * row
        if half == 0 and exact:
            look(
                scene, user, x + vx * then, y + vy * then, z + vz * then, age + then, alive, births, fields, 0
            )
            if perturbed and when > then:
                add_change(scene, alive, change, spins)  # before `change` serves for the torque on `exact`
            torque_on_exact(scene, alive, spins, fields, change)
            score_torque(
                scene, age + then, alive, births, change, rows, bins, place, part, score, local, stay, piece, profile,
                budget,
            )  # fmt: skip
    if perturbed and not exact and when > then:
        add_change(scene, alive, change, spins)
    if exact and not local:
        add_steady(scene, alive, spins, budget, 1.0)
    walker[X], turn_x = mirrored(scene, 0, x + vx * piece)
    walker[Y], turn_y = mirrored(scene, 1, y + vy * piece)
    walker[Z], turn_z = mirrored(scene, 2, z + vz * piece)
    walker[UX], walker[UY], walker[UZ] = walker[UX] * turn_x, walker[UY] * turn_y, walker[UZ] * turn_z
    walker[AGE] = age + piece
    walker[DEPTH] += both * piece if local else -media[layer, 1] * piece
    walker[LIFE] -= media[layer, 2] * piece


@inlined
def weighed(walker, both, piece, u, when):
    """When a piece of a weighed first flight is looked at, the time it stands for, and its weight at the time `when`."""
    weight, theta = walker[FACTOR], walker[DEPTH]
    if theta >= CERTAIN:
        weight *= math.exp(-CERTAIN)
        return u * piece, weight * piece, weight
    weight *= math.exp(-theta)
    ended = -math.expm1(-both * piece)
    return min(-math.log1p(-u * ended) / both, piece), weight * ended / both, weight * math.exp(-both * when)


@inlined
def add_steady(scene, alive, spins, budget, sign):
    """Add the `exact` spins, with a sign, to the DC part of the budget's torque line.

    A piece adds what the spin is at its end less what it was at its start, so that the budget closes.
    """
    slot = scene.slots[EXACT]
    at = 3 * slot if scene.time_bins > 0 else 3 * (1 + 2 * scene.harmonics) * slot
    for k in range(alive):
        for i in range(3):
            budget[GAINED, at + i] += sign * spins[slot, k, i]


@inlined
def score_torque(
    scene, age, alive, births, change, rows, bins, place, part, score, local, stay, piece, profile, budget
):
    """Score the torque on `exact` where the piece is looked at; the budget's harmonics too, but for DC."""
    count = fill_rows(scene, age, alive, births, change, rows, bins)
    slot, width = scene.slots[EXACT], 3 if scene.time_bins > 0 else 3 * (1 + 2 * scene.harmonics)
    for k in range(count):
        cell = place + (bins[k] if scene.time_bins > 0 else 0)
        for a in range(width * slot, width * (slot + 1)):
            if score:
                profile[part, cell, TORQUE, a] += stay * rows[k, a]
            if not local and a >= width * slot + 3:
                budget[GAINED, a] += piece * rows[k, a]


@inlined
def cell_number(scene, slabs, at):
    """Flat number of the mesh cell a walker is in (C order)."""
    return (slabs[at[SLAB], 0] * scene.cells[1] + at[ROW_Y]) * scene.cells[2] + at[ROW_Z]


@kernel
def book(scene, age, alive, births, spins, rows, bins, budget, line, first, columns):
    """Add the first columns of the rows of the birth times from number `first` on to a line of the budget."""
    count = spin_rows(scene, age, alive, births, spins, rows, bins)
    for k in range(first if scene.time_bins > 0 else 0, count):
        for a in range(columns):
            budget[line, a] += rows[k, a]


@kernel
def leave_dipoles(scene, media, slabs, walker, at, births, spins, rows, bins, profile, budget, of_spin):
    """Turn the charge velocity at the end of the first flight into dipoles p = τw, and book them as gained there."""
    layer = slabs[at[SLAB], 1]
    set_charge_velocity(scene, media, layer, walker, at[ALIVE], 1.0 / media[layer, 1], True, spins)
    count = spin_rows(scene, walker[AGE], at[ALIVE], births, spins, rows, bins)
    place = cell_number(scene, slabs, at) * max(scene.time_bins, 1)
    for k in range(count):
        cell = place + (bins[k] if scene.time_bins > 0 else 0)
        for a in range(of_spin, rows.shape[1]):
            profile[1, cell, TORQUE, a] += rows[k, a]
            budget[GAINED, a] += rows[k, a]


@kernel
def mirror_dipoles(scene, slabs, axis, walker, at, births, spins, rows, bins, profile, budget, of_spin):
    """Mirror dipoles at a specular face; what they change by has left the cell, and the sample."""
    count = spin_rows(scene, walker[AGE], at[ALIVE], births, spins, rows, bins)
    place = cell_number(scene, slabs, at) * max(scene.time_bins, 1)
    for k in range(count):
        cell = place + (bins[k] if scene.time_bins > 0 else 0)
        for a in range(of_spin + axis, rows.shape[1], 3):
            profile[1, cell, DIVERGENCE, a] += 2.0 * rows[k, a]
            budget[LEFT + at[WALL], a] += 2.0 * rows[k, a]
    turn_dipoles(scene, axis, at[ALIVE], spins)
    if can_freeze(scene):
        freeze(scene, at[ALIVE], births, spins, rows, bins)


@inlined
def cross(
    scene, edges, slabs, marks, gates, local, name, count, stream, k0, k1, walker, at, births, spins, rows, bins,
    profile, passages, budget, of_spin,
):  # fmt: skip
    """Take a walker across the cut that it meets, or back from it; returns how its flight goes on or ends."""
    axis = at[AXIS]
    forward = walker[UX + axis] > 0.0
    last = edges.shape[0] - 2 if axis == 0 else scene.cells[axis] - 1
    edge = at[SLAB + axis] + (1 if forward else 0)
    outside = edge == 0 or edge == last + 1
    walker[X + axis] = edges[edge] if axis == 0 else edge * (scene.lengths[axis] / scene.cells[axis])
    flow = walker[FACTOR] * math.exp(-min(walker[DEPTH], CERTAIN)) if local else 1.0 if at[N] > 0 else 0.0
    end, through = ON, True
    if outside and not scene.periodic[axis]:
        at[WALL] = 2 * axis + (1 if forward else 0)
        absorption = scene.absorption[at[WALL]]
        end = meet_face(scene, local, axis, forward, name, count, stream, k0, k1, walker, at)
        if end == ON and not local and at[N] > 0 and of_spin < rows.shape[1]:
            mirror_dipoles(
                scene, slabs, axis, walker, at, births, spins, rows, bins, profile, budget, of_spin
            )
        through = end == ABSORBED or (local and absorption > 0.0)
        flow *= absorption if local else 1.0
    elif axis == 0 and not outside and marks[edge, 1] >= 0:
        end, through = meet_interface(
            scene, gates, marks[edge, 1], forward, name, count, stream, k0, k1, walker
        )
    if through and flow > 0.0:
        pass_cut(
            scene, slabs, marks, axis, edge, forward, outside, flow, 0 if local else 1, walker, at, births, spins, rows,
            bins, profile, passages,
        )  # fmt: skip
    if outside and scene.periodic[axis]:
        at[SLAB + axis] = 0 if forward else last
        walker[X + axis] = 0.0 if forward else scene.lengths[axis]
    elif not outside and through:
        at[SLAB + axis] += 1 if forward else -1
    return end


@inlined
def pass_cut(
    scene, slabs, marks, axis, edge, forward, outside, weight, part, walker, at, births, spins, rows, bins, profile,
    passages,
):  # fmt: skip
    """Score a passage: out of one cell, into the next (none beyond a face that is not periodic), through a plane."""
    ends_cell = axis > 0 or marks[edge, 2] == 1
    plane = marks[edge, 0] if axis == 0 else -1
    far = marks[marks.shape[0] - 1 - edge, 0] if axis == 0 and outside and scene.periodic[0] else -1
    if not ends_cell and plane < 0:
        return
    count = spin_rows(scene, walker[AGE], at[ALIVE], births, spins, rows, bins)
    time_bins, sign = max(scene.time_bins, 1), 1.0 if forward else -1.0
    here = cell_number(scene, slabs, at)
    there = -1
    step = scene.cells[1] * scene.cells[2] if axis == 0 else scene.cells[2] if axis == 1 else 1
    n = scene.cells[axis]
    if not outside:
        there = here + (step if forward else -step)
    elif scene.periodic[axis]:
        there = here + (step * (n - 1) if not forward else -step * (n - 1))
    for k in range(count):
        bin_ = bins[k] if scene.time_bins > 0 else 0
        for a in range(rows.shape[1]):
            flow = weight * rows[k, a]
            if ends_cell:
                profile[part, here * time_bins + bin_, DIVERGENCE, a] += flow
                if there >= 0:
                    profile[part, there * time_bins + bin_, DIVERGENCE, a] -= flow
            if plane >= 0:
                passages[part, plane * time_bins + bin_, a] += sign * flow
            if far >= 0:
                passages[part, far * time_bins + bin_, a] += sign * flow
