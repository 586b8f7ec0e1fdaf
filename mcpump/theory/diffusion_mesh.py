"""Diffusion of spin on a mesh in one to three dimensions, harmonic by harmonic: (Γ_sf + inΩ) n − ∇·Dν∇(n/ν) = births.

Finite volumes; at interfaces and faces what passes is that of an isotropic density on either side (Marshak), less the
half that the current itself carries.
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
    """The same between a face and what it absorbs into; inf: nothing passes. Order x−, x+, y−, y+, z−, z+."""
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
    flow, volume = _flow(mesh)
    split = born.reshape(len(born), -1, functions, 3)
    found, nu = np.zeros_like(split), _on_cells(mesh, mesh.nu)
    for n in range((functions + 1) // 2):
        rate = (_on_cells(mesh, mesh.loss) + (1j * n * Omega if n else 0.0)) * nu * volume
        solve = splu((flow + sparse.diags(rate)).tocsc(), permc_spec="MMD_AT_PLUS_A").solve
        wave = split[:, :, 2 * n - 1] - 1j * split[:, :, 2 * n] if n else split[:, :, 0]  # Re(wave e^{inΩt})
        wave = nu[:, None] * solve(volume[:, None] * wave.reshape(len(born), -1))
        wave = wave.reshape(split[:, :, 0].shape)
        if n == 0:
            found[:, :, 0] = wave
        else:
            found[:, :, 2 * n - 1], found[:, :, 2 * n] = wave.real, -wave.imag
    return found.reshape(born.shape)


def _on_cells(mesh: Mesh, along_x: Array) -> Array:
    """Numbers of all cells from those along x."""
    return np.repeat(along_x, len(mesh.widths[1]) * len(mesh.widths[2]))


def _flow(mesh: Mesh) -> tuple[sparse.csr_matrix, Array]:
    """What flows out of cells, as a matrix that acts on n/ν, and their volumes."""
    x, y, z = mesh.widths
    total: sparse.csr_matrix = sparse.csr_matrix((len(x) * len(y) * len(z),) * 2)
    half = 0.5 * x / (mesh.D * mesh.nu)
    along = _chain(half, mesh.contacts, mesh.faces[:2], mesh.periodic[0])
    total = total + sparse.kron(along, sparse.kron(sparse.diags(y), sparse.diags(z)))
    for axis, width in ((1, y), (2, z)):
        others = [sparse.diags(y), sparse.diags(z)]
        rows = []
        for i, width_x in enumerate(x):
            conductance = mesh.D[i] * mesh.nu[i]
            chain = _chain(
                0.5 * width / conductance, np.zeros(len(width) + 1), mesh.faces[2 * axis : 2 * axis + 2],
                mesh.periodic[axis],
            )  # fmt: skip
            others[axis - 1] = chain
            rows.append(width_x * sparse.kron(*others))
        total = total + sparse.block_diag(rows)
    volume = (x[:, None, None] * y[:, None] * z).ravel()
    return total.tocsr(), volume


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
