"""Spin that is taken out of what walkers carry on a mesh: first flights, and what diffuses from where they end."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import MEAN_COSINE, Scene
from mcpump.theory.diffusion_mesh import Mesh, at_contact
from mcpump.walk.course import gates_of
from mcpump.walk.reference_rays import Table

Array = NDArray[np.float64]
MILNE = {1: 0.0, 2: 0.033, 3: 0.0437}
"""What the extrapolation length of an absorbing face is longer than that of Marshak, in mean free paths."""


def mesh_of(scene: Scene, widths: tuple[Array, Array, Array], layers: NDArray[np.int64]) -> Mesh:
    """A scene for diffusion; layers: of the cells along x."""
    v, rate, loss, nu = (
        np.array([getattr(one, name) for one in scene.layers])[layers]
        for name in ("v", "rate", "gamma_sf", "nu")
    )
    D, cosine = v * v / (scene.dimension * (rate + loss)), 0.5 * MEAN_COSINE[scene.dimension]
    contacts = np.zeros(len(layers) + 1)
    for edge in np.flatnonzero(np.diff(layers)) + 1:
        left = layers[edge - 1]
        forth, back, *_ = gates_of(scene)[left]
        contacts[edge] = at_contact(0.5 * (forth + back), cosine * forth * nu[edge - 1] * v[edge - 1])
    faces = []
    for face, absorbed in enumerate(scene.absorption):
        at = 0 if face % 2 == 0 else -1
        ell, fastest = (v / (rate + loss))[at], (v * nu)[at]
        drop = at_contact(0.5 * absorbed, cosine * absorbed * fastest)
        faces.append(drop * (D * nu)[at] + MILNE[scene.dimension] * ell)
    a, b, c, d, e, f = faces
    return Mesh(widths, D, nu, loss, contacts, (a, b, c, d, e, f), scene.periodic)


def table_of(
    edges: Array, breaks: Iterable[int], shape: Sequence[int], periodic: Sequence[bool], u: Array
) -> Table:
    """Table of u (cells, amplitudes), linear in every cell; along x it is smooth between breaks, numbers of edges."""
    x, y, z = shape
    box = u.reshape(x, y, z, -1)
    spin = np.zeros((*box.shape[:3], 4, box.shape[3]))
    spin[..., 0, :] = box
    middle, width = 0.5 * (edges[1:] + edges[:-1]), np.diff(edges)
    ends = sorted({0, x, *breaks})
    for a, b in itertools.pairwise(ends):
        if b - a > 1:
            spin[a:b, ..., 1, :] = np.gradient(box[a:b], middle[a:b], axis=0) * width[a:b, None, None, None]
    for axis, cells in ((1, y), (2, z)):
        if cells > 1:
            slope = np.gradient(box, axis=axis)
            if periodic[axis]:
                slope = 0.5 * (np.roll(box, -1, axis=axis) - np.roll(box, 1, axis=axis))
            spin[..., 1 + axis, :] = slope
    flat = np.ascontiguousarray(spin.reshape(x * y * z, 4, -1))
    return Table(np.ascontiguousarray(edges), np.array(shape, np.int64), flat)
