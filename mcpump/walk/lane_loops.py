"""The loops over lanes: every lane flies one piece of flight a turn.

Loops without branches, which the compiler makes vector code of. Each is a function of its own that is not inlined, with
few arrays: in one large function the vectorizer gives up. A look-up in a table stays scalar, and has a loop of its own.
"""

from __future__ import annotations

import math

import numpy as np

from mcpump.compiled import kernel, twins
from mcpump.walk import arithmetic, flight
from mcpump.walk.state import (
    AGE,
    AREA,
    AREA_NEXT,
    DEPTH,
    EXACT,
    FIRST,
    HIGH,
    LADDER,
    LOW,
    MU,
    NEXT,
    NEXT_Y,
    NEXT_Z,
    OVER,
    TIME,
    TURN_X,
    TURN_Z,
    UY,
    UZ,
    V,
    X,
    Y,
    Z,
)

_numbers, _flight = twins(arithmetic), twins(flight)
draw, uniform, uniform52, minus_log = _numbers.draw, _numbers.uniform, _numbers.uniform52, _numbers.minus_log
turned, tabled, sin_cos = _numbers.turned, _numbers.tabled, _numbers.sin_cos
piece, direction, turn_between, kicked = (
    _flight.piece,
    _flight.direction,
    _flight.turn_between,
    _flight.kicked,
)
deflection, deflected = _flight.deflection, _flight.deflected
STREAM_WALK = np.uint64(0)
LOWEST, SIX, TWELVE = np.uint64(0xFFF), np.uint64(6), np.uint64(12)
SCORES, AT_GATE, RELAXES, TOO_OLD, AT_Y, AT_Z = 1, 2, 4, 8, 16, 32
"""Bits of the flags: a collision that scores; the end of the slab; a collision that relaxes the spin; the end of time; a
face along y or z."""
STREAM_AZIMUTH = np.uint64(0x10000000)


@kernel
def lane_flights(count, dimension, lanes, name, number, word, spare, fresh, k0, k1):
    """Draw new flights: all lanes draw, and those that set out anew keep what they have drawn.

    dimension 0: directions stay, for `lane_deflections` to turn.
    """
    mu, depth, new_mu, new_depth = lanes[MU], lanes[DEPTH], lanes[TURN_X], lanes[TURN_Z]
    for j in range(count):
        c0, c1, c2, c3 = draw(name[j], number[j], STREAM_WALK, k0, k1)
        new_depth[j], new_mu[j] = uniform52(c0, c1), uniform(c2)
        word[j] = (c3 << TWELVE) | (c1 & LOWEST)
    for j in range(count):
        new_depth[j] = minus_log(new_depth[j])
    for j in range(count):
        depth[j] = new_depth[j] if fresh[j] != 0 else depth[j]
    if dimension == 3:
        for j in range(count):
            mu[j] = 2.0 * new_mu[j] - 1.0 if fresh[j] != 0 else mu[j]
    elif dimension > 0:
        for j in range(count):
            mu[j] = direction(new_mu[j], dimension) if fresh[j] != 0 else mu[j]
    for j in range(count):
        spare[j] = word[j] if fresh[j] != 0 else spare[j]


@kernel
def lane_counts(count, number, fresh):
    """Count up the random numbers of those that have set out anew; at the next turn all set out, but for what happens."""
    for j in range(count):
        number[j] += np.uint64(fresh[j])
    for j in range(count):
        fresh[j] = 1


@kernel
def lane_pieces(count, lanes, spare, relax, flag, mask, t_end):
    """Fly one piece, to the collision or the slab's end, and flag who scores, relaxes, is at a gate or too old."""
    x, mu, depth, time, end = lanes[X], lanes[MU], lanes[DEPTH], lanes[TIME], lanes[NEXT]
    v, over, low, high, age = lanes[V], lanes[OVER], lanes[LOW], lanes[HIGH], lanes[AGE]
    for j in range(count):
        t, place, hit = piece(x[j], mu[j], depth[j], v[j], over[j], low[j], high[j])
        time[j], end[j] = t, place
        depth[j] -= t / over[j]
        age[j] += t
        collides = (SCORES if (spare[j] & mask) == 0 else 0) | (
            RELAXES if (spare[j] >> SIX) < relax[j] else 0
        )
        flag[j] = (AT_GATE if hit else collides) | (TOO_OLD if age[j] >= t_end else 0)


@kernel
def lane_azimuths(count, axes, dimension, lanes, name, number, fresh, k0, k1):
    """Draw the directions across x of who sets out anew; call it before the numbers drawn are counted up."""
    mu, uy, uz, angle, size = lanes[MU], lanes[UY], lanes[UZ], lanes[TURN_X], lanes[TURN_Z]
    if dimension == 2:
        # on the circle the sense across x alone is left
        for j in range(count):
            c0, _, _, _ = draw(name[j], number[j], STREAM_AZIMUTH, k0, k1)
            angle[j] = 0.5 if uniform(c0) < 0.5 else -0.5
    else:
        for j in range(count):
            c0, _, _, _ = draw(name[j], number[j], STREAM_AZIMUTH, k0, k1)
            angle[j] = uniform(c0) - 0.5
    for j in range(count):
        size[j] = math.sqrt(1.0 - mu[j] * mu[j]) if mu[j] * mu[j] < 1.0 else 0.0
    for j in range(count):
        s, c = sin_cos(2.0 * math.pi * angle[j]) if dimension == 3 else (0.0, 2.0 * angle[j])
        uy[j] = c * size[j] if fresh[j] != 0 else uy[j]
        uz[j] = s * size[j] if fresh[j] != 0 else uz[j]


@kernel
def lane_deflections(count, axes, mean_cosine, lanes, name, number, fresh, k0, k1):
    """Turn the directions of who sets out anew by the angle that `lane_flights` has drawn, after Henyey and Greenstein.

    Call it before the numbers drawn are counted up. What a direction has along axes without a mesh only has a size.
    """
    mu, uy, uz, cosine, turn = lanes[MU], lanes[UY], lanes[UZ], lanes[TURN_X], lanes[TURN_Z]
    for j in range(count):
        c0, _, _, _ = draw(name[j], number[j], STREAM_AZIMUTH, k0, k1)
        turn[j] = uniform(c0)
    for j in range(count):
        cosine[j] = deflection(cosine[j], mean_cosine)
    for j in range(count):
        y = uy[j] if axes > 1 else 0.0
        z = uz[j] if axes > 2 else math.sqrt(max(1.0 - mu[j] * mu[j] - y * y, 0.0))
        p, q, r = deflected(mu[j], y, z, cosine[j], turn[j])
        again = fresh[j] != 0
        mu[j] = p if again else mu[j]
        uy[j] = q if again and axes > 1 else uy[j]
        uz[j] = r if again and axes > 2 else uz[j]


@kernel
def lane_pieces_on_mesh(count, axes, lengths, folded, lanes, spare, relax, flag, mask, t_end):
    """As `lane_pieces`, where faces along y and z may end a piece, too; those of folded axes do not."""
    x, mu, depth, time, end = lanes[X], lanes[MU], lanes[DEPTH], lanes[TIME], lanes[NEXT]
    v, over, low, high, age = lanes[V], lanes[OVER], lanes[LOW], lanes[HIGH], lanes[AGE]
    y, z, uy, uz, end_y, end_z = lanes[Y], lanes[Z], lanes[UY], lanes[UZ], lanes[NEXT_Y], lanes[NEXT_Z]
    for j in range(count):
        t, place, hit = piece(x[j], mu[j], depth[j], v[j], over[j], low[j], high[j])
        time[j], end[j] = t, place
        collides = (SCORES if (spare[j] & mask) == 0 else 0) | (
            RELAXES if (spare[j] >> SIX) < relax[j] else 0
        )
        flag[j] = AT_GATE if hit else collides
    low_y, high_y = (-math.inf, math.inf) if folded[1] else (0.0, lengths[1])
    low_z, high_z = (-math.inf, math.inf) if folded[2] else (0.0, lengths[2])
    for j in range(count):
        face = high_y if uy[j] > 0.0 else low_y
        t = (face - y[j]) / (v[j] * uy[j]) if uy[j] != 0.0 else math.inf
        first = t < time[j]
        time[j] = t if first else time[j]
        flag[j] = AT_Y if first else flag[j]
        end_y[j] = face
    if axes > 2:
        for j in range(count):
            face = high_z if uz[j] > 0.0 else low_z
            t = (face - z[j]) / (v[j] * uz[j]) if uz[j] != 0.0 else math.inf
            first = t < time[j]
            time[j] = t if first else time[j]
            flag[j] = AT_Z if first else flag[j]
            end_z[j] = face
    for j in range(count):
        way = v[j] * time[j]
        at_x, at_y, at_z = flag[j] == AT_GATE, flag[j] == AT_Y, flag[j] == AT_Z
        end[j] = end[j] if at_x else x[j] + mu[j] * way
        end_y[j] = end_y[j] if at_y else y[j] + uy[j] * way
        end_z[j] = end_z[j] if at_z else z[j] + uz[j] * way
    for j in range(count):
        depth[j] -= time[j] / over[j]
        age[j] += time[j]
        flag[j] |= TOO_OLD if age[j] >= t_end else 0


@kernel
def lane_moves_across(count, lanes):
    """Move along y and z, too."""
    y, z, end_y, end_z = lanes[Y], lanes[Z], lanes[NEXT_Y], lanes[NEXT_Z]
    for j in range(count):
        y[j] = end_y[j]
    for j in range(count):
        z[j] = end_z[j]


@kernel
def lane_areas(count, lanes, table, scale):
    """Look up ∫f dx at the ends of the pieces."""
    end, area = lanes[NEXT], lanes[AREA_NEXT]
    for j in range(count):
        area[j] = tabled(table, end[j], scale)


@kernel
def lane_turns(count, lanes, exchange, nx, nz, Omega, q):
    """Turn the spins of `exact` by exchange."""
    x, end, time, area, area_end = lanes[X], lanes[NEXT], lanes[TIME], lanes[AREA], lanes[AREA_NEXT]
    wx, wz = lanes[TURN_X], lanes[TURN_Z]
    sx, sy, sz = lanes[EXACT], lanes[EXACT + 1], lanes[EXACT + 2]
    for j in range(count):
        wx[j], wz[j] = turn_between(x[j], end[j], area[j], area_end[j], time[j], exchange, nx, nz, Omega, q)
    for j in range(count):
        sx[j], sy[j], sz[j] = turned(sx[j], sy[j], sz[j], wx[j], 0.0, wz[j])


@kernel
def lane_kicks(count, lanes, exchange, nx, nz, Omega, q):
    """Turn the spins of `first` with the frame, and add what exchange makes of them to `second_ladder`."""
    x, end, time, area, area_end = lanes[X], lanes[NEXT], lanes[TIME], lanes[AREA], lanes[AREA_NEXT]
    fx, fy, fz = lanes[FIRST], lanes[FIRST + 1], lanes[FIRST + 2]
    lx, ly, lz = lanes[LADDER], lanes[LADDER + 1], lanes[LADDER + 2]
    for j in range(count):
        way = end[j] - x[j]
        angle, _ = turn_between(x[j], end[j], area[j], area_end[j], time[j], exchange, 1.0, 0.0, 0.0, 0.0)
        turn = Omega * time[j] + q * way
        fx[j], fy[j], fz[j], lx[j], ly[j], lz[j] = kicked(
            fx[j], fy[j], fz[j], lx[j], ly[j], lz[j], angle, nx, nz, turn
        )


@kernel
def lane_marks(count, flag, marks):
    """List the flagged lanes, without a branch that would be guessed wrongly; returns how many."""
    marked = 0
    for j in range(count):
        marks[marked] = j
        marked += np.int64(flag[j] != 0)
    return marked


@kernel
def lane_moves(count, lanes):
    """Move to the ends of the pieces."""
    x, end, area, area_end = lanes[X], lanes[NEXT], lanes[AREA], lanes[AREA_NEXT]
    for j in range(count):
        x[j] = end[j]
    for j in range(count):
        area[j] = area_end[j]
