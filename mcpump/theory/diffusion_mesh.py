"""Diffusion of spin on a mesh in one to three dimensions, harmonic by harmonic: (Γ_sf + inΩ) n − ∇·Dν∇(n/ν) = births.

Finite volumes. Layers lie along x, so that modes of the other directions do not mix; each leaves an equation along x. At
interfaces and faces what passes is that of an isotropic density on either side (Marshak), less the half that the current
itself carries.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

Array = NDArray[np.float64]


class Mesh(NamedTuple):
    """A sample on a mesh whose layers lie along x."""

    widths: tuple[Array, Array, Array]
    """Of the cells along x, y, z."""
    D: Array
    """(cells along x,) diffusion coefficient; as the next two."""
    nu: Array
    """Density of states."""
    loss: Array
    """Rate of relaxation."""
    contacts: Array
    """(cells along x + 1,) n/ν that drops at an edge between cells for each current through it; 0: none."""
    faces: tuple[float, float, float, float, float, float]
    """How far behind a face n would be 0; inf: nothing passes. Order x−, x+, y−, y+, z−, z+."""
    periodic: tuple[bool, bool, bool]


def at_contact(passing: float, flux: float) -> float:
    """n/ν that drops at a contact for each current through it.

    Parameters
    ----------
    passing : float
        Mean, over both sides, of the probability to pass.
    flux : float
        Flux that passes of the isotropic density ν from one side alone.
    """
    return (1.0 - passing) / flux if flux > 0.0 else math.inf


def diffused(mesh: Mesh, born: Array, functions: int, Omega: float) -> Array:
    """Density that diffuses from what is born.

    Parameters
    ----------
    mesh : Mesh
        It must have a sink: a face that absorbs, or relaxation.
    born : (cells, amplitudes) array
        Per volume and time, cells in C order; any number of (functions, 3): a mean, cosines and sines of harmonics.
    functions : int
        1 + 2N.
    Omega : float
        Angular frequency.
    """
    x, y, z = mesh.widths
    split = born.reshape(len(x), len(y), len(z), -1, functions, 3)
    decay, modes = zip(*(_modes(mesh, axis) for axis in (1, 2)), strict=True)
    waves = np.einsum("xyz...,yj,zk->jkx...", split, *modes) * x[:, None, None, None]
    along = _chain(0.5 * x / (mesh.D * mesh.nu), mesh.contacts, _drops(mesh), mesh.periodic[0])
    flow = sparse.kron(sparse.identity(len(y) * len(z)), along)
    loss = (decay[0][:, None, None] + decay[1][:, None]) * mesh.D + mesh.loss
    found = np.zeros_like(waves)
    for n in range((functions + 1) // 2):
        rate = ((loss + (1j * n * Omega if n else 0.0)) * mesh.nu * x).ravel()
        solve = splu((flow + sparse.diags(rate)).tocsc()).solve
        wave = (
            waves[..., 2 * n - 1, :] - 1j * waves[..., 2 * n, :] if n else waves[..., 0, :]
        )  # Re(wave e^{inΩt})
        wave = solve(wave.reshape(rate.size, -1)).reshape(wave.shape)
        if n == 0:
            found[..., 0, :] = wave
        else:
            found[..., 2 * n - 1, :], found[..., 2 * n, :] = wave.real, -wave.imag
    found *= mesh.nu[:, None, None, None]
    return np.ascontiguousarray(np.einsum("jkx...,yj,zk->xyz...", found, *modes)).reshape(born.shape)


def _modes(mesh: Mesh, axis: int) -> tuple[Array, Array]:
    """Squares of wave numbers of the modes along y or z, and the modes in columns, for cells of one width."""
    width = mesh.widths[axis]
    n, faces = len(width), mesh.faces[2 * axis : 2 * axis + 2]
    matrix = _chain(0.5 * width, np.zeros(n + 1), faces, mesh.periodic[axis]).toarray() / width[0]
    squares, modes = np.linalg.eigh(matrix)
    return squares, modes


def _drops(mesh: Mesh) -> list[float]:
    """What of n/ν drops behind the faces along x for each current through them."""
    conductance = mesh.D * mesh.nu
    return [mesh.faces[0] / float(conductance[0]), mesh.faces[1] / float(conductance[-1])]


def _chain(half: Array, contacts: Array, faces: Sequence[float], periodic: bool) -> sparse.csr_matrix:
    """What flows out of cells in a row, for an area 1; half: n/ν that drops in half a cell for each current."""
    n = len(half)
    flow = sparse.lil_matrix((n, n))
    pairs = [(i, i + 1, i + 1) for i in range(n - 1)]
    if periodic and n > 1:
        pairs.append((n - 1, 0, 0))
    for a, b, edge in pairs:
        g = 1.0 / (half[a] + half[b] + contacts[edge])
        flow[a, a] += g
        flow[b, b] += g
        flow[a, b] -= g
        flow[b, a] -= g
    for cell, drop in ((0, faces[0]), (n - 1, faces[1])):
        if not periodic and drop < math.inf:
            flow[cell, cell] += 1.0 / (half[cell] + drop)
    return flow.tocsr()
