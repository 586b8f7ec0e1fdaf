"""A slab 0 ≤ x ≤ L between two faces: straight paths, folding at specular and periodic faces.

Times and lengths are both in flights (v_F = 1): a walker with direction cosine μ moves by μ t.
"""

from __future__ import annotations

import math

import numpy as np

from mcpump.compiled import inlined
from mcpump.problem.scene import PERIODIC, SPECULAR

LEFT, RIGHT, NOWHERE = 0, 1, 2
"""Which face a straight path ends at."""
FEW_TRIPS = 8.0
"""So many trips between mirrors are flown as quickly as they are reckoned."""


@inlined
def path_end(x, mu, L, left, right):
    """Time after which an undisturbed flight meets a face that ends it, and which face: (time, face)."""
    if left == PERIODIC or mu == 0.0:
        return math.inf, NOWHERE
    speed = abs(mu)
    if mu > 0.0:
        first, ahead, behind, face = (L - x) / speed, right, left, RIGHT
    else:
        first, ahead, behind, face = x / speed, left, right, LEFT
    if ahead != SPECULAR:
        return first, face
    if behind != SPECULAR:
        return first + L / speed, 1 - face
    return math.inf, NOWHERE


@inlined
def fold(y, L, periodic):
    """Bring an unfolded place y back into the slab: (place, ±1), the sign that of the velocity."""
    if 0.0 <= y <= L:
        return y, 1.0
    if periodic:
        y -= L * math.floor(y / L)
        return min(max(y, 0.0), L), 1.0
    y -= 2.0 * L * math.floor(y / (2.0 * L))
    if y > L:
        return max(2.0 * L - y, 0.0), -1.0
    return max(y, 0.0), 1.0


@inlined
def whole_trips(time, mu, L, left, right):
    """Time of the whole trips to and fro between two mirrors, or around a ring, in a straight flight; 0 for a few."""
    if left != right or (left != SPECULAR and left != PERIODIC):
        return 0.0
    way = 2.0 * L if left == SPECULAR else L
    trips = np.floor(time * abs(mu) / way)
    return min(trips * (way / abs(mu)), time) if trips > FEW_TRIPS else 0.0


@inlined
def cosine_law(u, dimension):
    """Cosine to the inward normal of who leaves a diffuse face, from a uniform number."""
    if dimension == 3:
        return math.sqrt(u)
    if dimension == 2:
        return math.sqrt(u * (2.0 - u))  # the sine of the angle to the face's normal is uniform
    return 1.0


@inlined
def cell_of(x, cells_per_length, cells):
    """Index of the mesh cell that holds x."""
    return min(int(x * cells_per_length), cells - 1)
