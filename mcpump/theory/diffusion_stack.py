"""Diffusion theory of a stack of layers along x, with interfaces: what the walk becomes where layers are ≫ ℓ.

In each layer (iω + 1/τ_sf) ρ + ∂_x j = source with j = −νD ∂_xμ, μ = ρ/ν; j is continuous everywhere, and at an
interface μ jumps by R j (`mcpump.theory.boundary_layer`).  Finite volumes, so that the budget closes cell by cell.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mcpump.theory.boundary_layer import face_resistance
from mcpump.theory.diffusion import Face, solve_cyclic, solve_tridiagonal
from mcpump.theory.medium import Array, ComplexArray, Medium

Indices = NDArray[np.intp]

_ON_EDGE = 1e-9  # an interface this close to an edge of the mesh, relative to the sample, is on it


class StackProfiles(NamedTuple):
    """Response of a stack, complex."""

    density: ComplexArray
    """ρ, means over the cells, shape (..., cells)."""
    flux: ComplexArray
    """j on the edges, shape (..., cells + 1)."""


def diffusion_stack(
    source: ArrayLike,
    edges: ArrayLike,
    media: Sequence[Medium],
    starts: ArrayLike,
    resistances: ArrayLike = 0.0,
    frequency: float = 0.0,
    left: Face | float = "closed",
    right: Face | float = "closed",
) -> StackProfiles:
    """Solve the diffusion equation in a stack of layers, to second order in the cell width.

    With j_0 sent in through the left face as source[0] = j_0/h it is the
    Valet–Fert layer, `mcpump.theory.special_cases.layer_current`.

    Parameters
    ----------
    source, edges : array_like
        Births per volume and time, averages over the cells, complex, shape (..., cells); their edges, increasing.
    media : sequence of Medium
        The layers in order: D, ν, τ_sf.
    starts : array_like
        Where each layer begins: the first at edges[0], the others on edges of the mesh.
    resistances : float or array_like
        R of the interface at each layer's start, (μ before − μ behind)/j, from
        `interface_resistance`; that of the first layer has a meaning only in a periodic sample.
    frequency : float
        Angular frequency nΩ of this harmonic.
    left, right : {"closed", "absorbing", "periodic"} or float
        As in `diffusion_slab`, or the resistance of a partly absorbing face, from `face_resistance`.

    Returns
    -------
    StackProfiles
        Without any sink (DC, no τ_sf, no absorbing face) a uniform μ is undefined: ρ is returned with
        zero mean, and the mean of the source, spread as ν, is left out.
    """
    edges, source = np.asarray(edges, dtype=float), np.array(source, dtype=complex)
    layer = _layer_of_cells(edges, np.asarray(starts, dtype=float), len(media), source.shape[-1])
    width = np.diff(edges)
    nu, decay = np.array([(medium.nu, 1.0 / medium.tau_sf) for medium in media])[layer].T
    sink = decay + 1j * frequency
    conductance, ends = _conductances(width, layer, media, resistances, (left, right))
    periodic = left == "periodic"
    diagonal = width * nu * sink
    diagonal[:-1] += conductance
    diagonal[1:] += conductance
    diagonal[[0, -1]] += ends

    endless = not np.any(sink) and (periodic or not np.any(ends))
    if endless:
        source -= nu * (source @ width / (nu @ width))[..., np.newaxis]
        diagonal[0] += conductance[0]  # the source sums to zero, so this only pins μ[0] = 0
    off = -np.append(conductance, ends[1])
    mu = (solve_cyclic if periodic else solve_tridiagonal)(diagonal, off, source * width)
    if endless:
        mu -= (mu @ (nu * width) / (nu @ width))[..., np.newaxis]
    return StackProfiles(nu * mu, _flux(mu, conductance, ends, periodic))


def _conductances(
    width: Array,
    layer: Indices,
    media: Sequence[Medium],
    resistances: ArrayLike,
    faces: tuple[Face | float, Face | float],
) -> tuple[Array, Array]:
    """Conductances between neighbouring cells, and between the end cells and their faces (periodic: each other)."""
    jumps = np.broadcast_to(np.asarray(resistances, dtype=float), (len(media),))
    if not np.all(jumps >= 0.0):
        raise ValueError(f"the resistance of an interface must be 0 or more, not {jumps.min()}")
    half = 0.5 * width / np.array([medium.nu * medium.D for medium in media])[layer]
    between = np.where(np.diff(layer) > 0, jumps[layer[1:]], 0.0)
    if (faces[0] == "periodic") != (faces[1] == "periodic"):
        raise ValueError("periodic faces come in pairs")
    if faces[0] == "periodic":
        behind = np.full(2, half[0] + half[-1] + jumps[0])
    else:
        behind = half[[0, -1]] + [_of_face(faces[0], media[0]), _of_face(faces[1], media[-1])]
    return 1.0 / (half[:-1] + between + half[1:]), 1.0 / behind


def _flux(mu: ComplexArray, conductance: Array, ends: Array, periodic: bool) -> ComplexArray:
    """Current through the edges; a face stands at μ = 0 behind its resistance."""
    flux = np.empty((*mu.shape[:-1], mu.shape[-1] + 1), dtype=complex)
    flux[..., 1:-1] = -conductance * np.diff(mu, axis=-1)
    if periodic:
        flux[..., 0] = flux[..., -1] = ends[0] * (mu[..., -1] - mu[..., 0])
    else:
        flux[..., 0], flux[..., -1] = -ends[0] * mu[..., 0], ends[1] * mu[..., -1]
    return flux


def _of_face(face: Face | float, medium: Medium) -> float:
    """Resistance between a face and a reservoir at μ = 0."""
    if isinstance(face, str):
        if face not in ("closed", "absorbing"):
            raise ValueError(f"a face is closed, absorbing, periodic or a resistance, not {face!r}")
        return face_resistance(medium, 1.0 if face == "absorbing" else 0.0)
    if not face >= 0.0:
        raise ValueError(f"the resistance of a face must be 0 or more, not {face}")
    return float(face)


def _layer_of_cells(edges: Array, starts: Array, layers: int, cells: int) -> Indices:
    """Index of each cell's layer."""
    if cells < 2 or edges.shape != (cells + 1,) or np.any(np.diff(edges) <= 0.0):
        raise ValueError("a mesh needs two cells or more, and increasing edges, one more than cells")
    if layers == 0 or starts.shape != (layers,) or np.any(np.diff(starts) <= 0.0):
        raise ValueError("a stack needs one start per layer, in increasing order")
    at = np.array([int(np.argmin(np.abs(edges - start))) for start in starts])
    if np.any(np.abs(edges[at] - starts) > _ON_EDGE * (edges[-1] - edges[0])) or at[0] != 0:
        raise ValueError("every layer must start on an edge of the mesh, the first at the left face")
    if at[-1] == cells:
        raise ValueError("the last layer has no cell")
    return np.searchsorted(at, np.arange(cells), side="right") - 1
