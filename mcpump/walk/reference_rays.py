"""Flights of a spin that is written down on a mesh: T[u/τ] by rays followed backward, at points, faces and planes.

u is linear in each bin of a grid, a mean and a slope along each axis; its amplitudes in time turn by nΩ times the age.
Paths are those of `mcpump.walk.backward`. What a path gets of what is linear everywhere is known, and is told exactly:
of u and its slope where the path arrives. Places along it find the rest.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.compiled import borrowed, called, kernel, part, pasted
from mcpump.problem.scene import CURRENT, DENSITY
from mcpump.walk.backward import (
    DEEPEST,
)
from mcpump.walk.paths_back import (
    AGE,
    AXIS,
    DEPTH,
    FACTOR,
    GAMMA,
    NUMBER,
    NUMBERS,
    OFFSET,
    RATE,
    SCALE,
    SENSE,
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


class Table(NamedTuple):
    """A spin u on the bins of a grid."""

    edges: NDArray[np.float64]
    """(bins along x + 1,) [ℓ]."""
    shape: NDArray[np.int64]
    """(3,) bins along x, y, z."""
    spin: NDArray[np.float64]
    """(bins, 4, amplitudes): mean over a bin, and what it grows by across it along x, y, z."""


class Path(NamedTuple):
    """Working space of one path."""

    at: NDArray[np.float64]
    """(10,) as in `backward.Ray`, and the next three."""
    layer: NDArray[np.int64]
    arrival: NDArray[np.float64]
    numbers: NDArray[np.float64]
    births: NDArray[np.float64]
    """(0, 5): no arrival times."""
    here: NDArray[np.float64]
    """(amplitudes,) of u where it arrives,"""
    there: NDArray[np.float64]
    """where it is,"""
    arrived: NDArray[np.float64]
    """and of T[u/τ] from its direction."""
    slope: NDArray[np.float64]
    """(3, amplitudes) of u where it arrives [1/ℓ]; 0 along directions in which the sample is periodic."""
    own: NDArray[np.float64]
    """(4,) what places along the path have missed of ∫ e^{−∫Γ}/τ ds, and of the same of the way from the arrival."""


@kernel
def follow_reference(scene, Omega, stack, table, points, boxes, layers, salt, key, sums):
    """Add up what arrives of u/τ in boxes and at walls: sums and boxes as in `backward.follow_rays`."""
    width, b = sums.shape[4], borrowed
    at, layer, arrival, numbers = np.zeros(10), np.zeros(2, np.int64), np.zeros(6), np.zeros(NUMBERS)
    births, here, there, arrived = np.zeros((0, 5)), np.zeros(width), np.zeros(width), np.zeros(width)
    slope, own = np.zeros((3, width)), np.zeros(4)
    path = Path(
        b(at), b(layer), b(arrival), b(numbers), b(births), b(here), b(there), b(arrived), b(slope), b(own)
    )
    weight = sums.shape[1] / points.shape[1]
    for box in range(boxes.shape[0]):
        for r in range(points.shape[0]):
            for n in range(points.shape[1]):
                name = np.uint64(int(boxes[box, NUMBER]) * points.shape[0] + r)
                move_points(points, r, n, name, salt, key, path)
                into = sums[box, set_arrival(scene, stack, boxes, box, path), r]
                if boxes[box, AXIS] < 0.0:
                    arrive_in_box(scene, Omega, stack, table, path, layers[box], weight, into)
                else:
                    set_towards(scene, int(boxes[box, AXIS]), boxes[box, SENSE], path)
                    arrive_at_wall(scene, Omega, stack, table, path, layers[box], weight, into)
    # the arrays made here are lent out: they must live until now
    lent = at.size + layer.size + arrival.size + numbers.size
    return lent + births.size + here.size + there.size + arrived.size + slope.size + own.size


@pasted
def arrive_in_box(scene, Omega, stack, table, path, layer, weight, sums):
    """Follow a pair of opposite directions from a point of a box, and score it.

    The density is told less what u at the point is more than its mean over the bin: nothing on average.
    """
    each = 0.5 * set_isotropic(scene, path) * weight
    bin_ = arrive(scene, table, path)
    for a in range(sums.shape[1]):
        sums[DENSITY, a] += weight * (table.spin[bin_, 0, a] - path.here[a])
    for _ in range(2):
        follow(scene, Omega, stack, table, path, layer)
        for a in range(sums.shape[1]):
            sums[DENSITY, a] += each * path.arrived[a]
        for i in range(scene.axes):
            v = each * stack.media[layer, V] * path.arrival[3 + i]
            for a in range(sums.shape[1]):
                sums[CURRENT + i, a] += v * path.arrived[a]
        for i in range(3, 6):
            path.arrival[i] = -path.arrival[i]


@pasted
def arrive_at_wall(scene, Omega, stack, table, path, layer, weight, sums):
    """Follow a ray from a point of a wall, and score the flux."""
    arrive(scene, table, path)
    follow(scene, Omega, stack, table, path, layer)
    # half the mean of |cos|: the flux that arrives of an isotropic density 1
    flux = 0.5 if scene.dimension == 1 else 1.0 / math.pi if scene.dimension == 2 else 0.25
    flux *= stack.media[layer, V] * weight
    for a in range(sums.shape[1]):
        sums[0, a] += flux * path.arrived[a]


@part
def arrive(scene, table, path):
    """Write u and its slope where a path arrives; returns the bin."""
    for i in range(3):
        path.at[X + i] = path.arrival[i]
    bin_ = spin_at(scene, table, path, path.here)
    for i in range(scene.axes):
        per_length = 0.0 if scene.periodic[i] else table.shape[i] / scene.lengths[i]
        if i == 0 and not scene.periodic[0]:
            along = bin_ // (table.shape[1] * table.shape[2])
            per_length = 1.0 / (table.edges[along + 1] - table.edges[along])
        for a in range(path.here.shape[0]):
            path.slope[i, a] = per_length * table.spin[bin_, 1 + i, a]
    return bin_


@called
def follow(scene, Omega, stack, table, path, layer):
    """Follow a path backward to its end: ∫ e^{−∫Γ} u(t − s)/τ ds."""
    set_path_back(path, layer)
    own, arrived = path.own, path.arrived
    own[0], own[1], own[2], own[3] = 0.0, 0.0, 0.0, 0.0
    for a in range(arrived.shape[0]):
        arrived[a] = 0.0
    w = path.numbers[START]
    while True:
        depth = stack.depths[SCALE] * w * (w + stack.depths[OFFSET])
        if not reach(scene, stack, path, min(depth, DEEPEST)) or depth > DEEPEST:
            break
        layer = path.layer[0]
        rate, both = stack.media[layer, RATE], stack.media[layer, RATE] + stack.media[layer, GAMMA]
        weight = stack.depths[SCALE] * (2.0 * w + stack.depths[OFFSET]) * math.exp(-depth)
        weight *= path.at[FACTOR] * rate / both
        spin_at(scene, table, path, path.there)
        gather(scene, Omega, path, weight)
        own[0] -= weight
        for i in range(scene.axes):
            own[1 + i] -= weight * (path.at[X + i] - path.arrival[i])
        w += 1.0
    for a in range(arrived.shape[0]):
        arrived[a] += own[0] * path.here[a]
        for i in range(scene.axes):
            arrived[a] += own[1 + i] * path.slope[i, a]


@part
def reach(scene, stack, path, depth):
    """Go back to a depth; returns whether anything comes from there. What is linear everywhere is added up on the way."""
    at, own = path.at, path.own
    while True:
        layer = path.layer[0]
        v, rate = stack.media[layer, V], stack.media[layer, RATE]
        both = rate + stack.media[layer, GAMMA]
        axis, distance = wall_ahead(scene, stack, path)
        time, needed = max(distance, 0.0) / v, (depth - at[DEPTH]) / both
        short = min(time, needed)
        left = math.exp(-both * short)
        share = at[FACTOR] * math.exp(-at[DEPTH]) * rate / both
        own[0] += share * (1.0 - left)
        for i in range(scene.axes):
            own[1 + i] += share * (at[X + i] - path.arrival[i]) * (1.0 - left)
            own[1 + i] += share * v * at[D + i] * (1.0 - left * (1.0 + both * short)) / both
        move(scene, path, v, short)
        if needed <= time:
            at[DEPTH] = depth
            return True
        at[DEPTH] += both * time
        if not meet(scene, stack, path, axis):
            return False


@called
def spin_at(scene, table, path, spin):
    """Write u where a path is; returns the bin."""
    at, edges = path.at, table.edges
    low, high = 0, edges.shape[0] - 1
    while high - low > 1:
        middle = (low + high) // 2
        if edges[middle] <= at[X]:
            low = middle
        else:
            high = middle
    fx = (at[X] - edges[low]) / (edges[low + 1] - edges[low]) - 0.5
    bin_, fy, fz = low, 0.0, 0.0
    for i in range(1, 3):
        y = at[X + i] / scene.lengths[i] * table.shape[i] if scene.axes > i else 0.0
        j = min(max(int(y), 0), table.shape[i] - 1)
        bin_ = bin_ * table.shape[i] + j
        if i == 1:
            fy = y - j - 0.5
        else:
            fz = y - j - 0.5
    u = table.spin[bin_]
    for a in range(spin.shape[0]):
        spin[a] = u[0, a] + fx * u[1, a]
    if scene.axes > 1:
        for a in range(spin.shape[0]):
            spin[a] += fy * u[2, a]
    if scene.axes > 2:
        for a in range(spin.shape[0]):
            spin[a] += fz * u[3, a]
    return bin_


@part
def gather(scene, Omega, path, weight):
    """Add u where the path is, as it was at its age."""
    functions, there, arrived = 1 + 2 * scene.harmonics, path.there, path.arrived
    for n in range(scene.harmonics + 1):
        c, s = weight * math.cos(n * Omega * path.at[AGE]), weight * math.sin(n * Omega * path.at[AGE])
        for first in range(0, arrived.shape[0], 3 * functions):
            if n == 0:
                for i in range(first, first + 3):
                    arrived[i] += weight * there[i]
            else:
                for i in range(first + 6 * n - 3, first + 6 * n):
                    arrived[i] += c * there[i] - s * there[i + 3]
                    arrived[i + 3] += s * there[i] + c * there[i + 3]
