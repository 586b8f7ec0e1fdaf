"""Paths followed backward: where they arrive, with which direction, and what they meet on the way.

A path bends at specular faces; at an interface it comes from either side, with the share that passed or was reflected.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.compiled import part, pasted, twins
from mcpump.walk import arithmetic
from mcpump.walk.carried import mirrored, set_birth

_numbers = twins(arithmetic)
draw, uniform = _numbers.draw, _numbers.uniform
STREAM_RAYS = np.uint64(0x60000000)
"""Stream of the random numbers that move the points of every box."""
NUMBERS = 9
"""Random numbers of a ray."""
ALONG_X, ALONG_Y, ALONG_Z, ANGLE, COSINE, START, CLOCK, LOOKED, LOT = range(NUMBERS)
"""What they are for: place, direction, first depth, arrival time, point of a piece at which it turns, interfaces."""
X, D, AGE, DEPTH, FACTOR, CHANCE = 0, 3, 6, 7, 8, 9
"""Numbers of a ray: place, direction backward, age and depth so far, share that came this way, number for interfaces."""
V, RATE, GAMMA, NU, SHIFT = 0, 1, 2, 3, 8
"""Columns of the media."""
SCALE, OFFSET, LARGEST = range(3)
"""Columns of `Stack.depths`."""
AXIS, SENSE, NUMBER = 6, 7, 8
"""Of a box that is a wall, and of every box."""


class Stack(NamedTuple):
    """What a path meets, and at which depths it is looked at."""

    starts: NDArray[np.float64]
    """(layers + 1,) starts of the layers, and the sample's end [ℓ]."""
    media: NDArray[np.float64]
    """(layers, 9): v, rate, gamma_sf, nu, −2E_so (three), a_imp, and the shift's G [1/τ] (0: none)."""
    gates: NDArray[np.float64]
    """(interfaces, 4) as in `Course.gates`."""
    depths: NDArray[np.float64]
    """a and b of the depths a w (w + b), and the most that can come of an isotropic source."""
    kinds: NDArray[np.int64]
    """(slots,) which of the spins that arrive stands in each slot; −1: a charge velocity."""
    cuts: NDArray[np.int64]
    """(3,) bins of a box along x, y, z, powers of two."""


@pasted
def move_points(points, r, n, name, salt, key, ray):
    """Random numbers of a ray: point n, moved by the digital shift of the box."""
    for i in range(0, NUMBERS, 4):
        w = draw(name, np.uint64(4 * salt + i // 4), STREAM_RAYS, key[0], key[1])
        for j in range(min(4, NUMBERS - i)):
            ray.numbers[i + j] = uniform(points[r, n, i + j] ^ w[j])


@pasted
def set_arrival(scene, stack, boxes, box, ray):
    """Set place and times of arrival; returns the bin of the box."""
    bin_ = 0
    for i in range(3):
        u = ray.numbers[ALONG_X if i == 0 else ALONG_Y if i == 1 else ALONG_Z]
        ray.arrival[i] = boxes[box, 2 * i] + u * (boxes[box, 2 * i + 1] - boxes[box, 2 * i])
        bin_ = bin_ * stack.cuts[i] + int(u * stack.cuts[i])
    for k in range(scene.phases):
        set_birth(scene, ray.births, k, (k + ray.numbers[CLOCK]) / scene.phases * scene.period)
    return bin_


@pasted
def set_isotropic(scene, ray):
    """Set the velocity's direction in the half space u_x > 0; its opposite is followed too. Returns its weight.

    Where nothing varies but along x, cosines are u = w(2 − w), w uniform: far from all sources those near 1 count.
    """
    u, w, weight = ray.numbers[COSINE], ray.numbers[ANGLE], 1.0
    ray.arrival[3], ray.arrival[4], ray.arrival[5] = 1.0, 0.0, 0.0
    if scene.dimension == 3:
        if scene.axes == 1:
            weight, u = 2.0 * (1.0 - u), u * (2.0 - u)
        s, angle = math.sqrt(1.0 - u * u), 2.0 * math.pi * w
        ray.arrival[3] = u
        if scene.axes > 1:
            ray.arrival[4], ray.arrival[5] = s * math.cos(angle), s * math.sin(angle)
    elif scene.dimension == 2:
        angle = math.pi * (u - 0.5)
        ray.arrival[3], ray.arrival[4] = math.cos(angle), math.sin(angle)
    return weight


@pasted
def set_towards(scene, axis, sense, ray):
    """Set the velocity's direction by the cosine law about a normal."""
    u, w = ray.numbers[COSINE], ray.numbers[ANGLE]
    for i in range(3):
        ray.arrival[3 + i] = 0.0
    ray.arrival[3 + axis] = sense
    if scene.dimension == 3:
        mu = math.sqrt(u)
        s, angle = math.sqrt(1.0 - u), 2.0 * math.pi * w
        ray.arrival[3 + axis] = sense * mu
        if scene.axes > 1:
            ray.arrival[3 + (axis + 1) % 3] = s * math.cos(angle)
            ray.arrival[3 + (axis + 2) % 3] = s * math.sin(angle)
    elif scene.dimension == 2:
        s = 2.0 * u - 1.0
        ray.arrival[3 + axis], ray.arrival[4 - axis] = sense * math.sqrt(1.0 - s * s), s


@part
def set_path_back(ray, layer):
    """Set place and direction of a path backward from the arrival."""
    at = ray.at
    for i in range(3):
        at[X + i], at[D + i] = ray.arrival[i], -ray.arrival[3 + i]
    at[AGE], at[DEPTH], at[FACTOR], at[CHANCE] = 0.0, 0.0, 1.0, ray.numbers[LOT]
    ray.layer[0], ray.layer[1] = layer, layer


@part
def wall_ahead(scene, stack, ray):
    """Return the axis of the normal of the next wall, and its distance."""
    at, layer = ray.at, ray.layer[0]
    axis, distance = 0, math.inf
    for i in range(scene.axes):
        d = at[D + i]
        if d != 0.0 and not scene.folded[i]:
            wall = scene.lengths[i] if d > 0.0 else 0.0
            if i == 0:
                wall = stack.starts[layer + 1] if d > 0.0 else stack.starts[layer]
            if (wall - at[X + i]) / d < distance:
                axis, distance = i, (wall - at[X + i]) / d
    return axis, distance


@part
def move(scene, ray, v, duration):
    """Go back for a time along a straight piece."""
    at = ray.at
    for i in range(3):
        at[X + i], sign = mirrored(scene, i, at[X + i] + v * at[D + i] * duration)
        at[D + i] *= sign
    at[AGE] += duration


@part
def meet(scene, stack, ray, axis):
    """Go back from the wall that a path has come to; returns whether anything comes from there."""
    at, layer, layers = ray.at, ray.layer[0], stack.media.shape[0]
    ahead = at[D + axis] > 0.0
    if axis == 0 and (layer + 1 < layers if ahead else layer > 0):
        at[X] = stack.starts[layer + 1] if ahead else stack.starts[layer]
        return meet_gate(stack, ray, ahead)
    if scene.periodic[axis]:
        at[X + axis] = 0.0 if ahead else scene.lengths[axis]
        if axis == 0:
            other = 0 if ahead else layers - 1
            at[FACTOR] *= stack.media[other, V] / stack.media[layer, V]
            ray.layer[0] = other
        return True
    at[X + axis] = scene.lengths[axis] if ahead else 0.0
    at[D + axis] = -at[D + axis]
    face = 2 * axis + (1 if ahead else 0)
    at[FACTOR] *= (1.0 - scene.absorption[face]) * scene.specularity[face]
    return at[FACTOR] > 0.0


@part
def meet_gate(stack, ray, ahead):
    """Go back through an interface or from it, by lot: v₂g₂ = T₁₂v₁g₁ + (1 − T₂₁) v₂g₂(mirror)."""
    at, layer = ray.at, ray.layer[0]
    gate, other = (layer, layer + 1) if ahead else (layer - 1, layer - 1)
    # the electron came against the path's direction
    came, went = (1, 0) if ahead else (0, 1)
    through = 0.0
    if stack.gates[gate, 3] == 1.0:
        through = stack.gates[gate, came] * stack.media[other, V] / stack.media[layer, V]
    both = through + (1.0 - stack.gates[gate, went]) * stack.gates[gate, 2]
    if both <= 0.0:
        return False
    at[FACTOR] *= both
    share = through / both
    if at[CHANCE] < share:
        at[CHANCE] /= share
        ray.layer[0] = other
    else:
        at[CHANCE] = (at[CHANCE] - share) / (1.0 - share)
        at[D] = -at[D]
    return True
