"""The spins a walker from birth carries: every channel, for several birth times on one path.

A path does not depend on when it began, so that one path serves `phases` walkers born at the times
t₀ + k (period / phases), or spread over the time of a transient. `spins[slot, k]` holds the spin of a channel, times the
walker's weight. What is scored is a row of amplitudes, (slot, time function, component) in C order: for a periodic drive
the harmonics in A(t) = A_0 + Σ (A_n^c cos nΩt + A_n^s sin nΩt), for a transient the spin itself, one row for every birth
time, which may lie in different time bins.
"""

from __future__ import annotations

import math

import numpy as np

from mcpump.compiled import part, twins
from mcpump.textures.moving import envelope_at, spin_texture, texture_rate_at
from mcpump.textures.parameters import DRIVE_CONSTANT, HARMONIC
from mcpump.walk import flight
from mcpump.walk.course import quantile_bin
from mcpump.walk.rotation import NODE_1, NODE_2, magnus, too_coarse, turned

fold = twins(flight).fold
SHORT = 0.2
"""Share of the longest step up to which a rotation takes the field half-way: what is left out is 1e-4 of the angle."""
NO_TURN = 1e-17
"""Angle of a step below which a spin stays what it is."""
FIRST, SECOND, LADDER, EXACT = range(4)
"""Places in `Scene.slots`."""
ALONG_X, ALONG_Y, ALONG_Z = np.int64(0), np.int64(1), np.int64(2)
"""Axes; typed, for each literal number would have functions compiled once more."""
HERE, THERE = np.int64(0), np.int64(1)
"""Nodes of the fields; typed, as axes."""
TIME, COS, SIN, COS_TEXTURE, SIN_TEXTURE = range(5)
"""A birth time t₀, and cosine and sine of 2π t₀/period and of Ω t₀ with the Ω of a HARMONIC texture."""


@part
def set_birth(scene, births, k, t):
    """Note a birth time, and the phases it stands for."""
    phase, texture = 2.0 * math.pi / scene.period * t, scene.parameters[16] * t
    births[k, TIME], births[k, COS], births[k, SIN] = t, math.cos(phase), math.sin(phase)
    births[k, COS_TEXTURE], births[k, SIN_TEXTURE] = math.cos(texture), math.sin(texture)


@part
def emit_from_texture(scene, user, hours, x, y, z, offset, weight, births, emitted):
    """Emit −Ṡ at spread birth times: fills `births` and `emitted`; returns the number of birth times.

    They are evenly spaced over a period; in a transient evenly over the quantiles of `hours`.
    """
    span = scene.t_end if scene.time_bins > 0 else scene.period
    bins = hours.shape[0] - 1
    for k in range(scene.phases):
        bin_, part = quantile_bin(hours, (k + offset) / scene.phases)
        t = (bin_ + part) * span / bins
        share = weight / (scene.phases * bins * (hours[bin_ + 1] - hours[bin_]))
        if scene.time_bins > 0:
            share *= span
        set_birth(scene, births, k, t)
        a, b, c = texture_rate_at(scene.texture, scene.parameters, user, x, y, z, t, scene.time_step)
        emitted[k, 0], emitted[k, 1], emitted[k, 2] = -share * a, -share * b, -share * c
    return scene.phases


@part
def load(scene, alive, driven, emitted, spins):
    """Begin with the emitted spin in `first` and `exact`, with none in the channels of second order.

    What an electric field has driven begins in `spin_hall` alone, and exchange does not turn it.
    """
    for slot in range(spins.shape[0]):
        full = slot == scene.slots[FIRST] or slot == scene.slots[EXACT]
        if scene.hall_slot >= 0:
            full = slot == scene.hall_slot if driven else full
        for k in range(alive):
            for i in range(3):
                spins[slot, k, i] = emitted[k, i] if full else 0.0
    if driven:
        for k in range(alive):
            emitted[k, 0], emitted[k, 1], emitted[k, 2] = 0.0, 0.0, 0.0


@part
def mirrored(scene, axis, place):
    """Bring a place beyond the faces of a folded axis back: (place, ±1), the sign that of the velocity."""
    if scene.folded[axis]:
        return fold(place, scene.lengths[axis], scene.periodic[axis])
    return place, 1.0


@part
def look(scene, user, x, y, z, age, alive, births, fields, node):
    """Write S at a place and an age into fields[node], for every birth time."""
    p = scene.parameters
    x, y, z = mirrored(scene, ALONG_X, x)[0], mirrored(scene, ALONG_Y, y)[0], mirrored(scene, ALONG_Z, z)[0]
    if scene.texture == HARMONIC and p[0] == DRIVE_CONSTANT:
        # one sine and cosine serve all birth times: the phase of each is turned by its Ω t₀
        phase = p[13] * x + p[14] * y + p[15] * z + p[16] * age
        f, c, s = envelope_at(p, x), math.cos(phase), math.sin(phase)
        for k in range(alive):
            ck = c * births[k, COS_TEXTURE] - s * births[k, SIN_TEXTURE]
            sk = s * births[k, COS_TEXTURE] + c * births[k, SIN_TEXTURE]
            fields[node, k, 0] = f * (p[4] + p[7] * ck + p[10] * sk)
            fields[node, k, 1] = f * (p[5] + p[8] * ck + p[11] * sk)
            fields[node, k, 2] = f * (p[6] + p[9] * ck + p[12] * sk)
        return
    for k in range(alive):
        a, b, c = spin_texture(scene.texture, p, user, x, y, z, births[k, TIME] + age)
        fields[node, k, 0], fields[node, k, 1], fields[node, k, 2] = a, b, c


@part
def clear(alive, change):
    """Set the changes of all channels to 0."""
    for slot in range(change.shape[0]):
        for k in range(alive):
            change[slot, k, 0], change[slot, k, 1], change[slot, k, 2] = 0.0, 0.0, 0.0


@part
def torque(J, a, fields, k, change, slot):
    """Write J a × S into change[slot, k]; a: an array of spins, by birth time."""
    p, q, r = a[k, 0], a[k, 1], a[k, 2]
    sx, sy, sz = fields[0, k, 0], fields[0, k, 1], fields[0, k, 2]
    change[slot, k, 0] = J * (q * sz - r * sy)
    change[slot, k, 1] = J * (r * sx - p * sz)
    change[slot, k, 2] = J * (p * sy - q * sx)


@part
def torque_on_emitted(scene, frozen, dt, alive, emitted, fields, change):
    """Fill `change` with (2J/ħ) a × S dt for `second` (unless frozen) and `second_ladder`, with 0 elsewhere."""
    clear(alive, change)
    for k in range(alive):
        if scene.slots[SECOND] >= 0 and not frozen:
            torque(2.0 * scene.exchange * dt, emitted, fields, k, change, scene.slots[SECOND])
        if scene.slots[LADDER] >= 0:
            torque(2.0 * scene.exchange * dt, emitted, fields, k, change, scene.slots[LADDER])


@part
def torque_on_exact(scene, alive, spins, fields, change):
    """Fill `change` with the torque (2J/ħ) s × S on `exact`, with 0 elsewhere."""
    clear(alive, change)
    slot, J = scene.slots[EXACT], 2.0 * scene.exchange
    for k in range(alive):
        p, q, r = spins[slot, k, 0], spins[slot, k, 1], spins[slot, k, 2]
        sx, sy, sz = fields[0, k, 0], fields[0, k, 1], fields[0, k, 2]
        change[slot, k, 0] = J * (q * sz - r * sy)
        change[slot, k, 1] = J * (r * sx - p * sz)
        change[slot, k, 2] = J * (p * sy - q * sx)


@part
def add_change(scene, alive, change, spins):
    """Add the change of the channels of second order to the spins."""
    for slot in range(spins.shape[0]):
        if slot == scene.slots[SECOND] or slot == scene.slots[LADDER]:
            for k in range(alive):
                for i in range(3):
                    spins[slot, k, i] += change[slot, k, i]


@part
def turn_of(turns, layer, ux, uy, uz):
    """Ω_so(k̂) of ds/dt = s × Ω_so in a flight along (ux, uy, uz) in a layer; turns: `Course.turns`."""
    if turns is None:
        return 0.0, 0.0, 0.0
    return (
        turns[layer, 0] * ux + turns[layer, 1] * uy + turns[layer, 2] * uz,
        turns[layer, 3] * ux + turns[layer, 4] * uy + turns[layer, 5] * uz,
        turns[layer, 6] * ux + turns[layer, 7] * uy + turns[layer, 8] * uz,
    )


@part
def torque_of_turn(scene, alive, spins, turn, change):
    """Fill `change` with the spin-orbit torque s × Ω_so on `exact`, with 0 elsewhere."""
    clear(alive, change)
    slot, (a, b, c) = scene.slots[EXACT], turn
    for k in range(alive):
        p, q, r = spins[slot, k, 0], spins[slot, k, 1], spins[slot, k, 2]
        change[slot, k, 0], change[slot, k, 1] = q * c - r * b, r * a - p * c
        change[slot, k, 2] = p * b - q * a


@part
def angles(scale, time, turns, turn, fields, node, k):
    """Field (2J/ħ)S at a node times a time, `scale` = 2J/ħ times it, and Ω_so of the flight where there is one."""
    if turns is None:
        return scale * fields[node, k, 0], scale * fields[node, k, 1], scale * fields[node, k, 2]
    return (
        scale * fields[node, k, 0] + time * turn[0],
        scale * fields[node, k, 1] + time * turn[1],
        scale * fields[node, k, 2] + time * turn[2],
    )


@part
def is_field(turns, alive, scale, fields, node):
    """Whether a field at a node turns spins by more than rounding, in any birth time; with Ω_so it is taken to."""
    if turns is not None:
        return True
    total = 0.0
    for k in range(alive):
        total += abs(fields[node, k, 0]) + abs(fields[node, k, 1]) + abs(fields[node, k, 2])
    return not total * abs(scale) < NO_TURN  # what is not finite turns, and is found


@part
def rotate(scene, user, path, age, span, alive, births, fields, spins):
    """Rotate `exact` along a straight flight from the time span[0] to span[1], by exchange and by Ω_so.

    path: place at time 0, at which its age is `age`, velocity, Ω_so (`turn_of`), and the table of these, or None.
    """
    slot, J = scene.slots[EXACT], 2.0 * scene.exchange
    (x, y, z), (vx, vy, vz), turn, turns = path
    start, end = span
    t, h = start, min(end - start, scene.rotation_step)
    if h < SHORT * scene.rotation_step:
        at = start + 0.5 * h
        look(scene, user, x + vx * at, y + vy * at, z + vz * at, age + at, alive, births, fields, HERE)
        for k in range(alive if is_field(turns, alive, h * J, fields, HERE) else 0):
            wx, wy, wz = angles(h * J, h, turns, turn, fields, HERE, k)
            sx, sy, sz = turned(spins[slot, k, 0], spins[slot, k, 1], spins[slot, k, 2], wx, wy, wz)
            spins[slot, k, 0], spins[slot, k, 1], spins[slot, k, 2] = sx, sy, sz
        return
    while t < end:
        for node in range(2):
            at = t + (NODE_2 if node == 1 else NODE_1) * h
            look(scene, user, x + vx * at, y + vy * at, z + vz * at, age + at, alive, births, fields, node)
        moves = is_field(turns, alive, h * J, fields, HERE) or is_field(turns, alive, h * J, fields, THERE)
        coarse = False
        for k in range(alive if moves else 0):
            ax, ay, az = angles(J, 1.0, turns, turn, fields, HERE, k)
            bx, by, bz = angles(J, 1.0, turns, turn, fields, THERE, k)
            coarse |= too_coarse(h, ax, ay, az, bx, by, bz)
        if coarse:
            h *= 0.5
            continue
        for k in range(alive if moves else 0):
            ax, ay, az = angles(J, 1.0, turns, turn, fields, HERE, k)
            bx, by, bz = angles(J, 1.0, turns, turn, fields, THERE, k)
            wx, wy, wz = magnus(h, ax, ay, az, bx, by, bz)
            sx, sy, sz = turned(spins[slot, k, 0], spins[slot, k, 1], spins[slot, k, 2], wx, wy, wz)
            spins[slot, k, 0], spins[slot, k, 1], spins[slot, k, 2] = sx, sy, sz
        t = end if h >= end - t else t + h
        h = min(2.0 * h, scene.rotation_step, end - t)


@part
def fill_rows(scene, age, alive, births, spins, rows, bins):
    """Write the rows of amplitudes at an age, and their time bins; returns the number of rows."""
    if scene.time_bins > 0:
        for k in range(alive):
            bin_ = int((births[k, TIME] + age) / scene.t_end * scene.time_bins)
            bins[k] = min(max(bin_, 0), scene.time_bins - 1)
            for slot in range(spins.shape[0]):
                for i in range(3):
                    rows[k, 3 * slot + i] = spins[slot, k, i]
        return alive
    width = 3 * (1 + 2 * scene.harmonics)
    for j in range(rows.shape[1]):
        rows[0, j] = 0.0
    c0, s0 = 1.0, 0.0
    if scene.harmonics > 0:
        c0, s0 = math.cos(2.0 * math.pi / scene.period * age), math.sin(2.0 * math.pi / scene.period * age)
    for k in range(alive):
        c1 = c0 * births[k, COS] - s0 * births[k, SIN]
        s1 = s0 * births[k, COS] + c0 * births[k, SIN]
        c, s = 2.0 * c1, 2.0 * s1
        for slot in range(spins.shape[0]):
            for i in range(3):
                rows[0, width * slot + i] += spins[slot, k, i]
        for n in range(scene.harmonics):
            for slot in range(spins.shape[0]):
                at = width * slot + 3 + 6 * n
                for i in range(3):
                    rows[0, at + i] += c * spins[slot, k, i]
                    rows[0, at + 3 + i] += s * spins[slot, k, i]
            c, s = c * c1 - s * s1, s * c1 + c * s1
    return 1


@part
def can_freeze(scene):
    """Whether spins stay as they are after the first flight: a periodic drive, and no channel of higher order."""
    return scene.time_bins == 0 and scene.slots[LADDER] < 0 and scene.slots[EXACT] < 0


@part
def freeze(scene, alive, births, spins, rows, bins):
    """Write amplitudes as of birth into rows[1], for spins that do not change any more; `spin_rows` turns them."""
    bins[0] = 0
    fill_rows(scene, 0.0, alive, births, spins, rows, bins)
    for a in range(rows.shape[1]):
        rows[1, a] = rows[0, a]
    bins[0] = 1


@part
def spin_rows(scene, age, alive, births, spins, rows, bins):
    """Write the rows of amplitudes of the spins at an age, as `fill_rows`; frozen ones are turned from those of birth.

    In a periodic drive bins[0] says whether they are frozen.
    """
    if scene.time_bins > 0 or bins[0] == 0:
        return fill_rows(scene, age, alive, births, spins, rows, bins)
    width = 3 * (1 + 2 * scene.harmonics)
    c1, s1 = 1.0, 0.0
    if scene.harmonics > 0:
        c1, s1 = math.cos(2.0 * math.pi / scene.period * age), math.sin(2.0 * math.pi / scene.period * age)
    for slot in range(spins.shape[0]):
        at = width * slot
        rows[0, at], rows[0, at + 1], rows[0, at + 2] = rows[1, at], rows[1, at + 1], rows[1, at + 2]
        c, s = c1, s1
        for _ in range(scene.harmonics):
            at += 3
            for i in range(at, at + 3):
                rows[0, i] = c * rows[1, i] - s * rows[1, i + 3]
                rows[0, i + 3] = s * rows[1, i] + c * rows[1, i + 3]
            at += 3
            c, s = c * c1 - s * s1, s * c1 + c * s1
    return 1


@part
def copy_carried(source, i, target, j, alive):
    """Copy birth times, spins, and what was emitted, of lane or walker number i into lane j."""
    for k in range(alive):
        for c in range(target.births.shape[2]):
            target.births[j, k, c] = source.births[i, k, c]
        for c in range(3):
            target.kept[j, k, c] = source.kept[i, k, c]
            for slot in range(target.spins.shape[1]):
                target.spins[j, slot, k, c] = source.spins[i, slot, k, c]
