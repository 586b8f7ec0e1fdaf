"""First flights followed backward: what arrives at a point without a scattering, found along its path.

At a point r electrons arrive with velocity v and with the spin that was emitted along the path behind them,

    g(r, v, t) = ∫ ds e^{−∫Γ} R a(r_b(s), t − s),        Γ = 1/τ + 1/τ_sf,    a = −ħνJ Ṡ

r_b(s) the place at the age s, R the turning from there to r (none for `first`, to first order for `second`). The path
bends at specular faces; at an interface it comes from either side, with the share that passed or was reflected. The
integral is a sum over depths θ = ∫Γ ds at equal steps of w, θ = a w (w + b), from a random start: right on average for
any texture, jumps too, and as far as e^{−θ} can be told.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.compiled import borrowed, called, kernel, part, pasted
from mcpump.problem.scene import CURRENT, DENSITY, TORQUE
from mcpump.textures.moving import envelope_at, spin_texture
from mcpump.textures.parameters import DRIVE_CONSTANT, HARMONIC
from mcpump.walk.carried import (
    COS_TEXTURE,
    EXACT,
    LADDER,
    SECOND,
    SHORT,
    SIN_TEXTURE,
    TIME,
    clear,
    fill_rows,
    look,
    torque,
)
from mcpump.walk.charge import set_charge_velocity
from mcpump.walk.paths_back import (
    AGE,
    AXIS,
    DEPTH,
    FACTOR,
    GAMMA,
    LARGEST,
    LOOKED,
    NU,
    NUMBER,
    NUMBERS,
    OFFSET,
    RATE,
    SCALE,
    SENSE,
    SHIFT,
    START,
    D,
    V,
    X,
    meet,
    move,
    move_points,
    set_arrival,
    set_isotropic,
    set_path_back,
    set_towards,
    wall_ahead,
)
from mcpump.walk.rotation import NODE_1, NODE_2, magnus, too_coarse, turned

DEEPEST = 50.0
"""Depth at which a path is given up at the latest: e^{−50} = 2e-22."""
NEGLIGIBLE = 1e-10
"""A path is given up where what can still come is less than this share of what has come."""
KEPT, BENT, TURNED, SHIFTED = range(4)
"""Spins that arrive: unturned, turned to first order, turned, and what the shift emits, turned."""
EMISSION = 2
"""Place of what is emitted among the sums of a box, where other profiles have the divergence."""
HALF_STEP = 0.5
"""Ṡ is a difference over this share of `Scene.time_step` to either side: right to 4e-8."""
HERE, BEHIND = np.int64(0), np.int64(1)
"""Nodes of the fields along a path; typed, for each literal number would have `look` compiled once more."""


class Ray(NamedTuple):
    """Working space of one ray; P arrival times."""

    at: NDArray[np.float64]
    """(10,) numbers of the ray."""
    layer: NDArray[np.int64]
    """(2,): where it is, and where it arrives."""
    arrival: NDArray[np.float64]
    """(6,) place and velocity's direction where it arrives."""
    births: NDArray[np.float64]
    """(P, 5) arrival times, as `carried.set_birth`."""
    arrived: NDArray[np.float64]
    """(4, P, 3) spins that arrive."""
    bending: NDArray[np.float64]
    """(P, 3) ∫S dt so far."""
    frames: NDArray[np.float64]
    """(P, 3, 3): rows of the rotation from here to the arrival."""
    fields: NDArray[np.float64]
    """(2, P, 3) S along the path."""
    here: NDArray[np.float64]
    """(1, P, 3) S at the arrival."""
    emitted: NDArray[np.float64]
    """(P, 3) what is emitted."""
    spins: NDArray[np.float64]
    """(slots, P, 3) of what is walked, and of the shift."""
    rows: NDArray[np.float64]
    """(1, amplitudes)."""
    bins: NDArray[np.int64]
    """(P,) without meaning."""
    numbers: NDArray[np.float64]
    """(NUMBERS,) random numbers of the ray."""


@kernel
def follow_rays(scene, user, stack, points, boxes, layers, salt, key, sums):
    """Add up what arrives in boxes and at walls, means over bins: sums (boxes, bins of a box, R, kinds, amplitudes).

    A row of `boxes`: from and to along x, y and z; of a wall, whose only kind is the flux per area that arrives, the axis
    of its normal and the sense of arrival (of a box −1 and 0); its number.
    """
    slots, phases, width = stack.kinds.shape[0], scene.phases, sums.shape[4]
    at, layer, arrival, bins = np.zeros(10), np.zeros(2, np.int64), np.zeros(6), np.zeros(phases, np.int64)
    births, arrived, bending = np.zeros((phases, 5)), np.zeros((4, phases, 3)), np.zeros((phases, 3))
    frames, fields, here = np.zeros((phases, 3, 3)), np.zeros((2, phases, 3)), np.zeros((1, phases, 3))
    emitted, spins = np.zeros((phases, 3)), np.zeros((slots, phases, 3))
    rows, numbers = np.zeros((1, width)), np.zeros(NUMBERS)
    b = borrowed
    ray = Ray(
        b(at), b(layer), b(arrival), b(births), b(arrived), b(bending), b(frames), b(fields), b(here), b(emitted),
        b(spins), b(rows), b(bins), b(numbers),
    )  # fmt: skip
    bins_of_box = sums.shape[1]
    weight = bins_of_box / points.shape[1]
    for box in range(boxes.shape[0]):
        for r in range(points.shape[0]):
            for n in range(points.shape[1]):
                name = np.uint64(int(boxes[box, NUMBER]) * points.shape[0] + r)
                move_points(points, r, n, name, salt, key, ray)
                into = sums[box, set_arrival(scene, stack, boxes, box, ray), r]
                if boxes[box, AXIS] < 0.0:
                    arrive_in_box(scene, user, stack, ray, layers[box], weight, into)
                else:
                    set_towards(scene, int(boxes[box, AXIS]), boxes[box, SENSE], ray)
                    arrive_at_wall(scene, user, stack, ray, layers[box], weight, into)
    # the arrays made here are lent out: they must live until now
    lent = (
        at.size
        + layer.size
        + arrival.size
        + bins.size
        + births.size
        + arrived.size
        + bending.size
        + frames.size
    )
    return lent + fields.size + here.size + emitted.size + spins.size + rows.size + numbers.size


@pasted
def arrive_in_box(scene, user, stack, ray, layer, weight, sums):
    """Follow a pair of opposite directions from a point of a box, and score it."""
    each = 0.5 * set_isotropic(scene, ray) * weight / scene.phases
    set_back(ray, layer)
    score_emission(scene, user, stack, ray, weight / scene.phases, sums)
    follow(scene, user, stack, ray)
    score(scene, stack, ray, each, sums)
    for i in range(3, 6):
        ray.arrival[i] = -ray.arrival[i]
    set_back(ray, layer)
    follow(scene, user, stack, ray)
    score(scene, stack, ray, each, sums)


@pasted
def arrive_at_wall(scene, user, stack, ray, layer, weight, sums):
    """Follow a ray from a point of a wall, and score the flux."""
    set_back(ray, layer)
    follow(scene, user, stack, ray)
    # half the mean of |cos|: the flux that arrives of an isotropic density 1
    flux = 0.5 if scene.dimension == 1 else 1.0 / math.pi if scene.dimension == 2 else 0.25
    flux *= stack.media[layer, V] * weight / scene.phases
    fill_spins(scene, stack, ray, layer)
    project(scene, ray)
    for a in range(sums.shape[1]):
        sums[0, a] += flux * ray.rows[0, a]


@part
def set_back(ray, layer):
    """Begin a path backward from the arrival."""
    set_path_back(ray, layer)
    for k in range(ray.births.shape[0]):
        for i in range(3):
            ray.bending[k, i] = 0.0
            for j in range(3):
                ray.frames[k, i, j] = 1.0 if i == j else 0.0
            for kind in range(4):
                ray.arrived[kind, k, i] = 0.0


@called
def follow(scene, user, stack, ray):
    """Follow a path backward to its end, and gather what was emitted along it."""
    at, media = ray.at, stack.media
    w = ray.numbers[START]
    while True:
        depth = stack.depths[SCALE] * w * (w + stack.depths[OFFSET])
        if depth > DEEPEST or nothing_more(stack, ray, depth) or not reach(scene, user, stack, ray, depth):
            return
        layer = ray.layer[0]
        weight = stack.depths[SCALE] * (2.0 * w + stack.depths[OFFSET]) * math.exp(-depth) * at[FACTOR]
        weight /= media[layer, RATE] + media[layer, GAMMA]
        gather(scene, user, ray, media[layer, RATE], media[layer, NU], media[layer, SHIFT], weight)
        w += 1.0


@part
def nothing_more(stack, ray, depth):
    """Whether what can come from beyond a depth is negligible."""
    size = 0.0
    for k in range(ray.births.shape[0]):
        size += abs(ray.arrived[KEPT, k, 0]) + abs(ray.arrived[KEPT, k, 1]) + abs(ray.arrived[KEPT, k, 2])
    most = stack.depths[LARGEST] * ray.births.shape[0] * ray.at[FACTOR] * math.exp(-depth)
    return most < NEGLIGIBLE * size


@part
def reach(scene, user, stack, ray, depth):
    """Go back to a depth; returns whether anything comes from there."""
    at = ray.at
    while True:
        layer = ray.layer[0]
        v, both = stack.media[layer, V], stack.media[layer, RATE] + stack.media[layer, GAMMA]
        axis, distance = wall_ahead(scene, stack, ray)
        time, needed = max(distance, 0.0) / v, (depth - at[DEPTH]) / both
        turn_and_move(scene, user, ray, v, min(time, needed))
        if needed <= time:
            at[DEPTH] = depth
            return True
        at[DEPTH] += both * time
        if not meet(scene, stack, ray, axis):
            return False


@part
def turn_and_move(scene, user, ray, v, duration):
    """Go back for a time along a straight piece, and note how spins turn there."""
    if scene.slots[SECOND] >= 0 or scene.slots[LADDER] >= 0:
        # one point stands for the piece: right on average
        step = ray.numbers[LOOKED] * duration
        look_back(scene, user, ray, v, step, HERE)
        for k in range(scene.phases):
            for i in range(3):
                ray.bending[k, i] += duration * ray.fields[0, k, i]
    if scene.slots[EXACT] >= 0:
        turn_frames(scene, user, ray, v, duration)
    move(scene, ray, v, duration)


@called
def turn_frames(scene, user, ray, v, duration):
    """Turn the frames over a straight piece, by the steps of `carried.rotate`."""
    J, gone, h = 2.0 * scene.exchange, 0.0, min(duration, scene.rotation_step)
    short = duration < SHORT * scene.rotation_step
    while gone < duration:
        look_back(scene, user, ray, v, gone + (0.5 if short else NODE_2) * h, HERE)
        if not short:
            look_back(scene, user, ray, v, gone + NODE_1 * h, BEHIND)
        coarse, f = False, ray.fields
        for k in range(scene.phases if not short else 0):
            coarse |= too_coarse(
                h,
                J * f[0, k, 0],
                J * f[0, k, 1],
                J * f[0, k, 2],
                J * f[1, k, 0],
                J * f[1, k, 1],
                J * f[1, k, 2],
            )
        if coarse:
            h *= 0.5
            continue
        later = 0 if short else 1
        for k in range(scene.phases):
            wx, wy, wz = magnus(
                h, J * f[0, k, 0], J * f[0, k, 1], J * f[0, k, 2],
                J * f[later, k, 0], J * f[later, k, 1], J * f[later, k, 2],
            )  # fmt: skip
            for i in range(3):
                m = ray.frames[k, i]
                # (R s)·e_i = s·(R⁻¹ e_i): the rows turn the other way
                m[0], m[1], m[2] = turned(m[0], m[1], m[2], -wx, -wy, -wz)
        gone = duration if h >= duration - gone else gone + h
        h = min(2.0 * h, scene.rotation_step, duration - gone)


@called
def look_back(scene, user, ray, v, step, node):
    """Write S at a time `step` further back into fields[node]."""
    at = ray.at
    look(
        scene, user, at[X] + v * at[D] * step, at[X + 1] + v * at[D + 1] * step, at[X + 2] + v * at[D + 2] * step,
        -(at[AGE] + step), scene.phases, ray.births, ray.fields, node,
    )  # fmt: skip


@part
def gather(scene, user, ray, rate, nu, shift, weight):
    """Add what is emitted at this place of the path to the spins that arrive."""
    emit(scene, user, ray, nu)
    J = 2.0 * scene.exchange
    exact, second = scene.slots[EXACT] >= 0, scene.slots[SECOND] >= 0 or scene.slots[LADDER] >= 0
    if exact and shift > 0.0:
        look_back(scene, user, ray, 0.0, 0.0, HERE)
    for k in range(scene.phases):
        a, b, c = weight * ray.emitted[k, 0], weight * ray.emitted[k, 1], weight * ray.emitted[k, 2]
        ray.arrived[KEPT, k, 0] += a
        ray.arrived[KEPT, k, 1] += b
        ray.arrived[KEPT, k, 2] += c
        if second:
            sx, sy, sz = ray.bending[k, 0], ray.bending[k, 1], ray.bending[k, 2]
            ray.arrived[BENT, k, 0] += J * (b * sz - c * sy)
            ray.arrived[BENT, k, 1] += J * (c * sx - a * sz)
            ray.arrived[BENT, k, 2] += J * (a * sy - b * sx)
        if exact:
            for i in range(3):
                m = ray.frames[k, i]
                ray.arrived[TURNED, k, i] += m[0] * a + m[1] * b + m[2] * c
            if shift > 0.0:
                f = ray.fields[0, k]
                p, q, r = shifted(shift, a, b, c, J * f[0], J * f[1], J * f[2])
                for i in range(3):
                    m = ray.frames[k, i]
                    ray.arrived[SHIFTED, k, i] += rate * (m[0] * p + m[1] * q + m[2] * r)


@part
def shifted(G, a, b, c, bx, by, bz):
    """Return u of G u − u × B = a: [G²a + G a×B + (a·B)B]/[G(G² + B²)]."""
    along = (a * bx + b * by + c * bz) / G
    over = 1.0 / (G * G + bx * bx + by * by + bz * bz)
    return (
        (G * a + b * bz - c * by + along * bx) * over,
        (G * b + c * bx - a * bz + along * by) * over,
        (G * c + a * by - b * bx + along * bz) * over,
    )


@called
def emit(scene, user, ray, nu):
    """Fill `emitted` with −νṠ where the path is, for every arrival time."""
    p, at = scene.parameters, ray.at
    x, y, z = at[X], at[X + 1], at[X + 2]
    step = HALF_STEP * scene.time_step
    if step == 0.0:
        for k in range(scene.phases):
            ray.emitted[k, 0], ray.emitted[k, 1], ray.emitted[k, 2] = 0.0, 0.0, 0.0
        return
    if scene.texture == HARMONIC and p[0] == DRIVE_CONSTANT:
        # the difference quotient of a cosine in closed form; one sine and cosine serve all arrival times
        rate = math.sin(p[16] * step) / step
        phase = p[13] * x + p[14] * y + p[15] * z - p[16] * at[AGE]
        f, c, s = -nu * rate * envelope_at(p, x), math.cos(phase), math.sin(phase)
        for k in range(scene.phases):
            ck = c * ray.births[k, COS_TEXTURE] - s * ray.births[k, SIN_TEXTURE]
            sk = s * ray.births[k, COS_TEXTURE] + c * ray.births[k, SIN_TEXTURE]
            for i in range(3):
                ray.emitted[k, i] = f * (p[10 + i] * ck - p[7 + i] * sk)
        return
    over = -nu / (2.0 * step)
    for k in range(scene.phases):
        t = ray.births[k, TIME] - at[AGE]
        a0, b0, c0 = spin_texture(scene.texture, p, user, x, y, z, t - step)
        a1, b1, c1 = spin_texture(scene.texture, p, user, x, y, z, t + step)
        ray.emitted[k, 0], ray.emitted[k, 1], ray.emitted[k, 2] = (
            over * (a1 - a0), over * (b1 - b0), over * (c1 - c0)
        )  # fmt: skip


@called
def project(scene, ray):
    """Write the amplitudes of the spins in their slots into the row."""
    fill_rows(scene, 0.0, scene.phases, ray.births, ray.spins, ray.rows, ray.bins)


@called
def fill_spins(scene, stack, ray, layer):
    """Lay what has arrived into the slots, and the charge velocities that follow from it."""
    for slot in range(ray.spins.shape[0]):
        kind = stack.kinds[slot]
        for k in range(scene.phases if kind >= 0 else 0):
            for i in range(3):
                ray.spins[slot, k, i] = ray.arrived[kind, k, i]
    if scene.charges[0] >= 0 or scene.charges[1] >= 0 or scene.charges[2] >= 0:
        set_charge_velocity(scene, stack.media, layer, ray.arrival, scene.phases, 1.0, False, ray.spins)


@called
def score(scene, stack, ray, weight, sums):
    """Add what has arrived to the sums of a box: density, currents, and torque."""
    layer, J = ray.layer[1], 2.0 * scene.exchange
    fill_spins(scene, stack, ray, layer)
    project(scene, ray)
    v = weight * stack.media[layer, V]
    for a in range(sums.shape[1]):
        sums[DENSITY, a] += weight * ray.rows[0, a]
    for i in range(scene.axes):
        for a in range(sums.shape[1]):
            sums[CURRENT + i, a] += v * ray.arrival[3 + i] * ray.rows[0, a]
    clear(scene.phases, ray.spins)
    for slot in range(ray.spins.shape[0]):
        kind = stack.kinds[slot]
        if kind > KEPT:
            turned_there = ray.arrived[KEPT if kind == BENT else kind]
            for k in range(scene.phases):
                torque(J, turned_there, ray.here, k, ray.spins, slot)
    project(scene, ray)
    for a in range(sums.shape[1]):
        sums[TORQUE, a] += weight * ray.rows[0, a]


@called
def score_emission(scene, user, stack, ray, weight, sums):
    """Note S at the arrival, and add what is emitted there, by the shift too."""
    look_back(scene, user, ray, 0.0, 0.0, HERE)
    layer, J = ray.layer[1], 2.0 * scene.exchange
    rate, shift = stack.media[layer, RATE], stack.media[layer, SHIFT]
    emit(scene, user, ray, stack.media[layer, NU])
    clear(scene.phases, ray.spins)
    for k in range(scene.phases):
        a, b, c = ray.emitted[k, 0], ray.emitted[k, 1], ray.emitted[k, 2]
        sx, sy, sz = ray.fields[0, k, 0], ray.fields[0, k, 1], ray.fields[0, k, 2]
        ray.here[0, k, 0], ray.here[0, k, 1], ray.here[0, k, 2] = sx, sy, sz
        for slot in range(ray.spins.shape[0]):
            kind = stack.kinds[slot]
            if kind in (KEPT, TURNED):
                ray.spins[slot, k, 0], ray.spins[slot, k, 1], ray.spins[slot, k, 2] = a, b, c
            elif kind == SHIFTED:
                p, q, r = shifted(shift, a, b, c, J * sx, J * sy, J * sz)
                ray.spins[slot, k, 0], ray.spins[slot, k, 1], ray.spins[slot, k, 2] = (
                    rate * p,
                    rate * q,
                    rate * r,
                )
    project(scene, ray)
    for a in range(sums.shape[1]):
        sums[EMISSION, a] += weight * ray.rows[0, a]
