"""The table's lines on what is zero by symmetry, and on what was not found at the planes.

A spin current is zero by symmetry where nothing on the mesh carries it either: births are spread over the whole texture,
so that every walker of every block has then carried none. That needs blocks enough for an error, and known numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcpump.report.words import (
    Column,
    at_plane,
    column_name,
    labels,
    mesh_axes,
    plane_current,
    positions,
    tied,
    wrap,
)
from mcpump.tally.estimates import NOTHING, Estimate, Result

Bools = NDArray[np.bool_]
Names = set[tuple[Any, str]]
"""Harmonics, or time bins, and components."""
_ON_MESH = ("spin_density", "spin_current")


def zero_lines(result: Result, columns: list[Column], still_open: list[float]) -> list[str]:
    """Lines on the currents through planes that are zero.

    Parameters
    ----------
    result : Result
        A run with planes.
    columns : list of Column
        Columns of the table: of a transient its components.
    still_open : list of float
        Planes through which something passes.
    """
    proved, unproved = _missing(result, columns)
    closed, empty = _planes(result, still_open)
    proved += supercurrent_zero(result) + closed + _uniform(result)
    lines = wrap("zero by symmetry: " + "; ".join(proved)) if proved else []
    if unproved + empty:
        lines += wrap(
            "nothing was found at these planes, but no symmetry is shown: " + "; ".join(unproved + empty)
        )
    return lines


def are_zero(result: Result) -> tuple[Names, Names]:
    """Which columns are zero by symmetry, but for rounding, and which of them to the last bit."""
    found = [_silent(result.estimates[name]) for name in _ON_MESH]
    rounding, bits = (set.intersection(*sets) for sets in zip(*found, strict=True))
    return rounding, bits


def _silent(estimate: Estimate) -> tuple[Names, Names]:
    """Columns of an estimate on the mesh in which all is known, and zero but for rounding; and zero to the last bit."""
    kept = ("channel", estimate.clock, "component")
    others = tuple(axis for axis, name in enumerate(estimate.dims) if name not in kept)
    sizes = np.maximum(np.abs(estimate.mean), estimate.error)
    size = sizes.max(axis=others)  # NaN where something is not known
    largest = np.nan_to_num(sizes).max(axis=others).max(axis=(1, 2), keepdims=True)
    small = (size <= NOTHING * largest) & (largest > 0.0)
    # a channel in which nothing is carried at all tells nothing, and hides nothing, where another one carries
    idle = (size == 0.0) & (largest == 0.0) & (largest.max() > 0.0)
    bits = (size == 0.0) & (largest.max() > 0.0)
    rounding, nothing = (_names(estimate, found.all(axis=0)) for found in (small | idle, bits))
    return rounding, nothing


def _names(estimate: Estimate, found: Bools) -> Names:
    clock, components = estimate.places(estimate.clock), estimate.places("component")
    return {(clock[i], components[k]) for i, k in np.argwhere(found)}


def _missing(result: Result, columns: list[Column]) -> tuple[list[str], list[str]]:
    """Columns that are not in the table: names of those that are zero by symmetry, and of the others."""
    components, (rounding, bits) = labels(result, "component"), are_zero(result)
    proved, unproved = list[str](), list[str]()
    if "time" in result.coords:
        times = positions(result, "time").mean
        dead = [k for k in components if not any(column["component"] == k for column in columns)]
        for items, known in ((proved, True), (unproved, False)):
            if names := [k for k in dead if all((t, k) in rounding for t in times) == known]:
                items.append(", ".join(names))
        return proved, unproved
    there = {(column["harmonic"], column["component"]) for column in columns}
    for n, mine in _multiples(labels(result, "harmonic")):
        title = "DC" if n == 0 else ("AC" if n == 1 else f"AC {n}Ω")
        dead = [k for k in components if not any((h, k) in there for h in mine)]
        gone = [(h, k) for k in components if k not in dead for h in mine if (h, k) not in there]
        for items, known in ((proved, True), (unproved, False)):
            if whole := [k for k in dead if all((h, k) in rounding for h in mine) == known]:
                items.append(f"{title} {', '.join(whole)}")
            # one of cosine and sine may be small, as Ω is: only what is not there at all is zero by symmetry
            if halves := [column_name(*one) for one in gone if (one in bits) == known]:
                items.append(", ".join(halves))
    return proved, unproved


def _multiples(harmonics: tuple[str, ...]) -> list[tuple[int, tuple[str, ...]]]:
    """Multiples of Ω, with their harmonics."""
    return [
        (0, harmonics[:1]),
        *((n, harmonics[2 * n - 1 : 2 * n + 1]) for n in range(1, len(harmonics) // 2 + 1)),
    ]


def _planes(result: Result, still_open: list[float]) -> tuple[list[str], list[str]]:
    """Planes through which nothing passes: those at closed faces, and the others."""
    if not still_open:
        return [], []
    edges = positions(result, "x_edge").mean
    closed, empty = list[str](), list[str]()
    for x in positions(result, "plane").mean:
        if x in still_open:
            continue
        face = "left" if x == edges[0] else ("right" if x == edges[-1] else "")
        if face and _is_closed(_face(result, face)):
            closed.append(tied(f"{at_plane(result, x)} (closed face)"))
        else:
            empty.append(tied(at_plane(result, x)))
    return closed, empty


def _face(result: Result, side: str) -> Any:
    """Face of the sample as its deck has it."""
    return result.deck.get("sample", {}).get("x", {}).get(side)


def _is_closed(face: Any) -> bool:
    """Whether a face of a deck lets nothing through."""
    if isinstance(face, dict):
        return not face.get("absorption", 0.0) > 0.0
    return face in ("specular", "diffuse")


def supercurrent_zero(result: Result) -> list[str]:
    """The super-current where it vanishes everywhere, and why; at the planes it may vanish by their choice."""
    if not (is_rounding(result, "plane_supercurrent") and is_rounding(result, "supercurrent")):
        return []
    if result.deck.get("electrons", {}).get("dimension") == 2:
        return ["super-current (Eq. (8) is 0 in two dimensions)"]
    return [f"super-current (S ∥ {'∂S/∂x' if len(mesh_axes(result)) == 1 else '∇S'})"]


def is_rounding(result: Result, name: str) -> bool:
    """Whether a super-current is zero but for the rounding of S × ∂S/∂x: beyond the walkers' last digit."""
    if name not in result.estimates:
        return False
    walked = abs(float(np.nan_to_num(plane_current(result).largest().mean)))
    return bool(np.all(np.abs(result.estimates[name].mean) <= 1e-15 * walked))


def _uniform(result: Result) -> list[str]:
    """Directions along which nothing flows, for nothing varies: but a field may drive spin along them."""
    uniform = [axis for axis in ("y", "z") if axis not in mesh_axes(result)]
    if not uniform or "spin_hall" in labels(result, "channel"):
        return []
    return [f"currents along {' and '.join(uniform)} (along which the sample is uniform)"]


def no_current(result: Result, current: Estimate) -> str:
    """Words for a run in which no spin passes its planes."""
    columns = {(h, k) for h in current.places(current.clock) for k in current.places("component")}
    proved = not current.stands_out() and columns <= are_zero(result)[0]
    return "no spin current" + (" (zero by symmetry)" if proved else " at its planes")
