"""What walkers add to the tallies of a block, at the ends of their pieces of flight.

What is added to None, where lanes carry no rows, is nothing, and is not compiled.
"""

from __future__ import annotations

from math import cos, sin

from mcpump.compiled import part
from mcpump.walk.state import (
    AGE,
    EXACT,
    FIRST,
    LADDER,
    MU,
    NEXT,
    NEXT_Y,
    NEXT_Z,
    START_OF_ROW,
    UY,
    UZ,
    V,
)


@part
def add(tally, place, at, value):
    """Add a number to a sum; `mcpump.walk.fixed` puts sums in fixed point in its place."""
    tally[place, at] += value


@part
def phase_of(scene, age):
    """Cosine and sine of Ω · age."""
    if scene.Omega == 0.0:
        return 1.0, 0.0
    return cos(scene.Omega * age), sin(scene.Omega * age)


@part
def add_row(scene, tally, place, at, rows, j, c, s, weight):
    """Add weight × row j, harmonics turned to its age (cosine c, sine s), to tally[place, at:]."""
    constants, pairs = scene.constants, scene.pairs
    for i in range(constants):
        add(tally, place, at + i, weight * rows[j, i])
    cn, sn, first = weight * c, weight * s, constants
    for _ in range(scene.harmonics):
        for i in range(first, first + pairs):
            a, b = rows[j, i], rows[j, i + pairs]
            add(tally, place, at + i, cn * a - sn * b)
            add(tally, place, at + pairs + i, sn * a + cn * b)
        cn, sn, first = cn * c - sn * s, sn * c + cn * s, first + 2 * pairs


@part
def active_spin(scene, lanes, first, x, j):
    """Spin in three rows of the lanes, turned back by the texture's phase qx: in the frame of x = 0."""
    sx, sy, sz = lanes[first, j], lanes[first + 1, j], lanes[first + 2, j]
    if scene.q != 0.0:
        s, c = sin(scene.q * x), cos(scene.q * x)
        sx, sy = c * sx - s * sy, s * sx + c * sy
    return sx, sy, sz


@part
def add_three(tally, place, at, x, y, z, weight):
    """Add weight × three numbers."""
    add(tally, place, at, weight * x)
    add(tally, place, at + 1, weight * y)
    add(tally, place, at + 2, weight * z)


@part
def add_active(scene, tally, place, at, lanes, j, weight):
    """Add weight × the spins of `exact` and `second_ladder` of lane j to tally[place, at:]."""
    x = lanes[NEXT, j]
    if scene.exact:
        sx, sy, sz = active_spin(scene, lanes, EXACT, x, j)
        add_three(tally, place, at, sx, sy, sz, weight)
        at += 3
    if scene.ladder:
        sx, sy, sz = active_spin(scene, lanes, LADDER, x, j)
        add_three(tally, place, at, sx, sy, sz, weight)


@part
def add_all(scene, tally, place, walker, spin, j, weight):
    """Add weight × all that lane j carries at the end of its piece to tally[place]."""
    if tally is None:
        return
    c, s = phase_of(scene, walker.lanes[AGE, j])
    add_row(scene, tally, place, START_OF_ROW, spin.rows, j, c, s, weight)
    add_active(scene, tally, place, spin.rows.shape[1], walker.lanes, j, weight)


@part
def cell_of(scene, x):
    """Cell along x that holds x, and the share of it to the right of x."""
    place = x * (scene.cells[0] / scene.lengths[0])
    cell = min(int(place), scene.cells[0] - 1)
    return cell, cell + 1 - place


@part
def place_of(scene, lanes, j):
    """Number of the cell of the mesh in which lane j's piece ends (C order)."""
    cell, _ = cell_of(scene, lanes[NEXT, j])
    if scene.axes > 1:
        y = int(lanes[NEXT_Y, j] * (scene.cells[1] / scene.lengths[1]))
        cell = cell * scene.cells[1] + min(max(y, 0), scene.cells[1] - 1)
    if scene.axes > 2:
        z = int(lanes[NEXT_Z, j] * (scene.cells[2] / scene.lengths[2]))
        cell = cell * scene.cells[2] + min(max(z, 0), scene.cells[2] - 1)
    return cell


@part
def add_shared(scene, tally, lanes, spin, j, weight):
    """Add weight × row j where its piece ends: to the cell and, along x alone, again times its share to the right."""
    size = spin.rows.shape[1]
    c, s = phase_of(scene, lanes[AGE, j])
    cell = place_of(scene, lanes, j)
    add_row(scene, tally, cell, START_OF_ROW, spin.rows, j, c, s, weight)
    if scene.axes == 1:
        _, share = cell_of(scene, lanes[NEXT, j])
        add_row(scene, tally, cell, size, spin.rows, j, c, s, weight * share)


@part
def add_event(scene, tally, walker, spin, j, weight):
    """Add weight × what begins or ends with lane j at its place."""
    if tally is None:
        return
    lanes = walker.lanes
    add_shared(scene, tally, lanes, spin, j, weight)
    add_active(scene, tally, place_of(scene, lanes, j), 2 * spin.rows.shape[1], lanes, j, weight)


@part
def add_entry(scene, ended, walker, spin, j, weight):
    """Add weight × all that passes x = 0 with lane j: the base of the currents that follow from events."""
    if ended is None:
        return
    last = ended.shape[0] - 1
    c, s = phase_of(scene, walker.lanes[AGE, j])
    add_row(scene, ended, last, START_OF_ROW, spin.rows, j, c, s, weight)
    add_active(scene, ended, last, 2 * spin.rows.shape[1], walker.lanes, j, weight)


@part
def visit(scene, walker, spin, visits, j, weight):
    """Score density, current and torque at the end of a piece; weight: the time it stands for."""
    if visits is None:
        return
    lanes = walker.lanes
    x, at, size = lanes[NEXT, j], 2 * spin.rows.shape[1], spin.rows.shape[1]
    add_shared(scene, visits, lanes, spin, j, weight)
    cell = place_of(scene, lanes, j)
    u = lanes[V, j] * lanes[MU, j]
    if scene.axes > 1:
        c, s = phase_of(scene, lanes[AGE, j])
        add_row(scene, visits, cell, size, spin.rows, j, c, s, weight * u)
        along = weight * lanes[V, j] * lanes[UY, j]
        add_row(scene, visits, cell, 2 * size, spin.rows, j, c, s, along)
        if scene.axes > 2:
            along = weight * lanes[V, j] * lanes[UZ, j]
            add_row(scene, visits, cell, 3 * size, spin.rows, j, c, s, along)
    if not (scene.exact or scene.ladder):
        return
    # the texture's size at x, from the slope of its table
    t = x * scene.table_scale
    i = min(int(t), spin.table.shape[0] - 1)
    t = t - i
    f = scene.table_scale * (spin.table[i, 1] + t * (2.0 * spin.table[i, 2] + 3.0 * t * spin.table[i, 3]))
    sine, cosine = sin(scene.q * x), cos(scene.q * x)
    B = weight * scene.exchange * f
    bx, by, bz = B * scene.nx * cosine, B * scene.nx * sine, B * scene.nz
    for active in range(2):
        if not (scene.exact if active == 0 else scene.ladder):
            continue
        sx, sy, sz = active_spin(scene, lanes, EXACT if active == 0 else LADDER, x, j)
        add_three(visits, cell, at, sx, sy, sz, weight)
        add_three(visits, cell, at + 3, sx, sy, sz, weight * u)
        # exchange turns the spin itself at all orders, and that of `first` in the ladder
        sx, sy, sz = active_spin(scene, lanes, EXACT if active == 0 else FIRST, x, j)
        add_three(visits, cell, at + 6, sy * bz - sz * by, sz * bx - sx * bz, sx * by - sy * bx, 1.0)
        at += 9
