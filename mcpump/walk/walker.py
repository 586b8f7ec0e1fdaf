"""A walker in its first flight: its numbers, its birth, its directions, and the walls it meets."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.compiled import called, part, twins
from mcpump.walk import arithmetic
from mcpump.walk import flight as flight_functions
from mcpump.walk.carried import ALONG_X, emit_from_texture, set_birth
from mcpump.walk.course import quantile_bin, slab_at

_numbers, _flight = twins(arithmetic), twins(flight_functions)
draw, uniform, uniform52 = _numbers.draw, _numbers.uniform, _numbers.uniform52
deflection, deflected = _flight.deflection, _flight.deflected
STREAM_LOCAL, STREAM_PAIR, STREAM_WALKER = np.uint64(0x40000000), np.uint64(0x50000000), np.uint64(0x70000000)
ONE = np.uint64(1)
CERTAIN = 3.0
"""First flights carry their survival as a weight up to this exponent; further survival is sampled."""
# a walker's numbers
X, Y, Z, UX, UY, UZ, AGE, DEPTH, LIFE, FACTOR, HORIZON = range(11)
"""Place, direction, age; exponents left to the next impurity and to relaxation (first flights of the local part: the
exponent ∫(1/τ + 1/τ_sf) so far, in DEPTH); survival of faces; exponent at which a first flight is given up."""
SLAB, ROW_Y, ROW_Z, ALIVE, AXIS, WALL = range(6)
"""Where it is by number, birth times still in play, axis of the next cut,
face that absorbed it."""
ON, CROSS, SCATTER, DIFFUSED, RELAX, CUT, ABSORBED, MILESTONE, BOUND = range(9)
"""How a piece of flight ends: it goes on; at a cut of the course; at an impurity; scattered by a face or interface; by
relaxation; by age; absorbed; a first flight at the exponent CERTAIN, or at its horizon."""
ENDINGS = ("passage", "", "impurity", "diffuse", "relaxed", "end of time", "absorbed", "", "")
"""Names of the endings, for a walker's replay."""
SHEET_QUANTILE, SHEET_AXIS, SHEET_NORMAL, SHEET_X, SHEET_END, SHEET_DIFFUSE, SHEET_SPIN = range(7)
"""Columns of the sheets on which a spin Hall drive bears walkers, see `mcpump.walk.course.Course.sheets`."""
NAME, STREAM, COUNT = range(3)
"""Words of a flight: number of the walker or pair, stream of its random numbers, and how many it has drawn."""
AT_ONCE = np.int64(0)
"""The only birth time of who begins at t = 0; typed, as axes."""
BIRTH_DRAWS = 4
"""Random numbers of a pair's stream that its birth takes."""


class Flight(NamedTuple):
    """A walker in flight."""

    walker: NDArray[np.float64]
    """(11,): its numbers."""
    at: NDArray[np.int64]
    """(6,): where it is by number."""
    words: NDArray[np.uint64]
    """(3,)."""


class Carried(NamedTuple):
    """What a walker carries, and room to work on it; P birth times, A amplitudes."""

    births: NDArray[np.float64]
    """(P, 5): birth times."""
    emitted: NDArray[np.float64]
    """(P, 3)."""
    spins: NDArray[np.float64]
    """(slots, P, 3)."""
    change: NDArray[np.float64]
    """(slots, P, 3): torque."""
    rows: NDArray[np.float64]
    """(rows, A): amplitudes."""
    bins: NDArray[np.int64]
    """(P,): time bins."""
    fields: NDArray[np.float64]
    """(2, P, 3): S along a piece."""


@part
def next_words(key, flight):
    """Draw the next four random words of a walker."""
    words = flight.words
    words[COUNT] += ONE
    return draw(words[NAME], words[COUNT] - ONE, words[STREAM], key[0], key[1])


@called
def bear(scene, user, course, pair, pairs, key, flight, carried):
    """Bear a pair of walkers: place, direction, birth times and emitted spins; returns whether a field has driven it."""
    walker, at, births, emitted = flight.walker, flight.at, carried.births, carried.emitted
    name, stream, grid = flight.words[NAME], flight.words[STREAM], course.grid
    w0, w1, w2, w3 = draw(name, np.uint64(0), stream, key[0], key[1])
    v0, v1, v2, v3 = draw(name, np.uint64(1), stream, key[0], key[1])
    from_state = pairs * scene.initial_walkers // scene.walkers_per_block
    lengths, u = scene.lengths, uniform52(w0, w1)
    at[WALL] = -1
    if scene.initial == 3 and pair < from_state:
        bear_on_sheet(
            scene, course, (pair + u) / from_state, from_state, (w2, w3, v0, v1, v2, v3), flight, carried
        )
        return True
    bins = grid[0] * grid[1] * grid[2]
    if pair < from_state:
        quantile = (pair + u) / from_state * bins
        bin_ = min(int(quantile), bins - 1)
        part = quantile - bin_
        weight = lengths[0] * lengths[1] * lengths[2] / (2.0 * from_state)
    else:
        bin_, part = quantile_bin(course.quantiles, (pair - from_state + u) / (pairs - from_state))
        weight = course.inverse_density[bin_] / (2.0 * (pairs - from_state))
    iz, iy, ix = bin_ % grid[2], bin_ // grid[2] % grid[1], bin_ // (grid[2] * grid[1])
    walker[X] = (ix + part) * lengths[0] / grid[0]
    if pair < from_state and scene.initial == 2:
        walker[X], weight = scene.initial_x, weight / lengths[0]
    walker[Y], walker[Z] = (
        (iy + uniform(v0)) * lengths[1] / grid[1],
        (iz + uniform(v1)) * lengths[2] / grid[2],
    )
    walker[AGE], walker[FACTOR] = 0.0, 1.0
    set_direction(scene, w2, w3, walker)
    find_cell(scene, course.edges, walker, at)
    nu = course.media[course.slabs[at[SLAB], 1], 3]
    if pair < from_state:
        at[ALIVE] = 1
        set_birth(scene, births, AT_ONCE, 0.0)
        weight *= nu if scene.initial == 1 else 1.0
        for i in range(3):
            emitted[0, i] = weight * scene.initial_spin[i]
    else:
        at[ALIVE] = emit_from_texture(
            scene,
            user,
            course.birth_times,
            walker[X],
            walker[Y],
            walker[Z],
            uniform(v2),
            weight * nu,
            births,
            emitted,
        )
    return False


@part
def find_cell(scene, edges, walker, at):
    """Slab and rows of the place a walker is at."""
    at[SLAB] = slab_at(edges, walker[X])
    at[ROW_Y] = min(int(walker[Y] * (scene.cells[1] / scene.lengths[1])), scene.cells[1] - 1)
    at[ROW_Z] = min(int(walker[Z] * (scene.cells[2] / scene.lengths[2])), scene.cells[2] - 1)


@called
def bear_on_sheet(scene, course, quantile, pairs, words, flight, carried):
    """Bear a pair where the current that an electric field drives is sent back, or begins or ends.

    A face sends it inward: a specular one by the flux law (v·n)², the mirror of the drive's own distribution, a diffuse
    one by the cosine law. Inside the sample it begins isotropically.
    """
    w2, w3, v0, v1, v2, v3 = words
    walker, at, births, emitted, sheets = (
        flight.walker,
        flight.at,
        carried.births,
        carried.emitted,
        course.sheets,
    )
    i = slab_at(sheets[:, SHEET_QUANTILE], quantile)
    share = sheets[i + 1, SHEET_QUANTILE] - sheets[i, SHEET_QUANTILE]
    part = (quantile - sheets[i, SHEET_QUANTILE]) / share
    axis, inward, lengths = int(sheets[i, SHEET_AXIS]), sheets[i, SHEET_NORMAL], scene.lengths
    walker[X] = sheets[i, SHEET_X] + part * (sheets[i, SHEET_END] - sheets[i, SHEET_X])
    walker[Y], walker[Z] = uniform(v0) * lengths[1], uniform(v1) * lengths[2]
    if axis > 0:
        walker[axis] = 0.0 if inward > 0.0 else lengths[axis]
    walker[AGE], walker[FACTOR] = 0.0, 1.0
    find_cell(scene, course.edges, walker, at)
    if inward == 0.0:
        set_direction(scene, w2, w3, walker)
    else:
        at[WALL] = axis
        if uniform(v3) < sheets[i, SHEET_DIFFUSE]:
            leave_wall(scene, axis, inward, w2, w3, walker)
        else:
            leave_mirror(scene, axis, inward, w2, w3, walker)
    at[ALIVE] = scene.phases
    weight = 1.0 / (share * 2.0 * pairs * scene.phases)
    for k in range(scene.phases):
        set_birth(scene, births, k, (k + uniform(v2)) / scene.phases * scene.period)
        for j in range(3):
            emitted[k, j] = weight * sheets[i, SHEET_SPIN + j]


@called
def set_out(scene, local, mirrored, key, flight):
    """Set the exponents of a first flight, and turn the second walker of a pair; returns where the flight is looked at.

    Both walkers of a pair get the same numbers. Who is born on a face (its axis is in WALL) flies inward both times.
    """
    walker, at, name, stream = flight.walker, flight.at, flight.words[NAME], flight.words[STREAM]
    w0, w1, w2, _ = draw(name, np.uint64(2), stream, key[0], key[1])
    v0, v1, _, _ = draw(name, np.uint64(3), stream, key[0], key[1])
    walker[DEPTH] = 0.0 if local else -math.log(uniform52(w0, w1))
    walker[HORIZON] = CERTAIN - math.log(uniform(w2))
    if mirrored:
        inward = walker[UX + at[WALL]] if at[WALL] >= 0 else 0.0
        walker[UX], walker[UY], walker[UZ] = -walker[UX], -walker[UY], -walker[UZ]
        if at[WALL] >= 0:
            walker[UX + at[WALL]] = inward
    return uniform(v0), uniform(v1)


@part
def set_direction(scene, word, other, walker):
    """Set an isotropic direction on the d-sphere."""
    if scene.dimension == 3:
        mu = 2.0 * uniform(word) - 1.0
        walker[UX] = mu
        if scene.axes > 1 or scene.spin_orbit:
            s, angle = math.sqrt(1.0 - mu * mu), 2.0 * math.pi * uniform(other)
            walker[UY], walker[UZ] = s * math.cos(angle), s * math.sin(angle)
    elif scene.dimension == 2:
        angle = 2.0 * math.pi * uniform(word)
        walker[UX], walker[UY], walker[UZ] = math.cos(angle), math.sin(angle), 0.0
    else:
        walker[UX], walker[UY], walker[UZ] = 1.0 if uniform(word) < 0.5 else -1.0, 0.0, 0.0


@part
def deflect(scene, word, other, walker):
    """Turn a direction at an impurity, after Henyey and Greenstein; along axes without a mesh only its size is known."""
    y = walker[UY] if scene.axes > 1 else 0.0
    z = walker[UZ] if scene.axes > 2 else math.sqrt(max(1.0 - walker[UX] * walker[UX] - y * y, 0.0))
    cosine = deflection(uniform(word), scene.mean_cosine)
    walker[UX], walker[UY], walker[UZ] = deflected(walker[UX], y, z, cosine, uniform(other))


@called
def leave_wall(scene, axis, sign, word, other, walker):
    """Set a direction by the cosine law about a wall's normal, which points along `axis` with `sign`."""
    if scene.dimension == 3:
        mu = math.sqrt(uniform(word))
        s, angle = math.sqrt(1.0 - mu * mu), 2.0 * math.pi * uniform(other)
        walker[UX + axis] = sign * mu
        if scene.axes > 1 or scene.spin_orbit:
            walker[UX + (axis + 1) % 3], walker[UX + (axis + 2) % 3] = (
                s * math.cos(angle),
                s * math.sin(angle),
            )
    elif scene.dimension == 2:
        s = 2.0 * uniform(word) - 1.0  # the sine of the angle to the normal is uniform
        walker[UX + axis], walker[UX + 1 - axis] = sign * math.sqrt(1.0 - s * s), s
    else:
        walker[UX] = sign


@called
def leave_mirror(scene, axis, sign, word, other, walker):
    """Set a direction with a flux proportional to (v·n)² about a wall's normal, which points along `axis` with `sign`."""
    if scene.dimension == 3:
        mu = uniform(word) ** (1.0 / 3.0)
        s, angle = math.sqrt(1.0 - mu * mu), 2.0 * math.pi * uniform(other)
        walker[UX + axis] = sign * mu
        if scene.axes > 1:
            walker[UX + (axis + 1) % 3] = s * math.cos(angle)
            walker[UX + (axis + 2) % 3] = s * math.sin(angle)
    elif scene.dimension == 2:
        # the sine of the angle to the normal goes as √(1 − s²): a point in a disc, seen from its side
        s = math.sqrt(uniform(word)) * math.cos(2.0 * math.pi * uniform(other))
        walker[UX + axis], walker[UX + 1 - axis] = sign * math.sqrt(1.0 - s * s), s
    else:
        walker[UX] = sign


@called
def meet_face(scene, local, axis, forward, key, flight):
    """Absorb or reflect a walker at a face: ABSORBED, DIFFUSED, or ON after a specular reflection.

    A first flight of the local part keeps the share of its weight that is reflected specularly.
    """
    walker, at = flight.walker, flight.at
    absorption, specularity = scene.absorption[at[WALL]], scene.specularity[at[WALL]]
    end = ON
    w0, w1, w2, w3 = np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0)
    if local:
        walker[FACTOR] *= (1.0 - absorption) * specularity
        end = ON if walker[FACTOR] > 0.0 else BOUND
    elif absorption < 1.0 and (absorption > 0.0 or specularity < 1.0):
        w0, w1, w2, w3 = next_words(key, flight)
        if uniform(w1) >= specularity:
            end = DIFFUSED
    if not local and uniform(w0) < absorption:
        end = ABSORBED
    if end == ON:
        walker[UX + axis] = -walker[UX + axis]
    elif end == DIFFUSED:
        leave_wall(scene, axis, -1.0 if forward else 1.0, w2, w3, walker)
    return end


@called
def meet_interface(scene, gates, gate, forward, key, flight):
    """Pass or reflect a walker at an interface: how its flight goes on, ON or DIFFUSED, and whether it passes."""
    passing, specularity, straight = gates[gate, 0 if forward else 1], gates[gate, 2], gates[gate, 3] == 1.0
    if passing >= 1.0 and straight:
        return ON, True
    walker = flight.walker
    w0, w1, w2, w3 = next_words(key, flight)
    through = uniform(w0) < passing
    if through and straight:
        return ON, True
    if not through and uniform(w1) < specularity:
        walker[UX] = -walker[UX]
        return ON, False
    leave_wall(scene, ALONG_X, 1.0 if forward == through else -1.0, w2, w3, walker)
    return DIFFUSED, through


@part
def finite(spins):
    """Whether all spins are finite numbers."""
    total = 0.0
    for slot in range(spins.shape[0]):
        for k in range(spins.shape[1]):
            total += abs(spins[slot, k, 0]) + abs(spins[slot, k, 1]) + abs(spins[slot, k, 2])
    return total < math.inf


@part
def record(end, flight, spins, last, trace, step):
    """Write a piece of flight's end into the trace: n, how it ended, age, place, the last channel's spin at t₀."""
    walker, well = flight.walker, finite(spins)
    trace[step, 0], trace[step, 1], trace[step, 2] = 0.0, end, walker[AGE]
    for i in range(3):
        # a number that is not finite shows, whichever channel or birth time it is in
        trace[step, 3 + i], trace[step, 6 + i] = walker[X + i], spins[last, 0, i] if well else math.nan
