"""The table's lines on what is zero by symmetry, and on what was not found at the planes.

A spin current is zero by symmetry where nothing on the mesh carries it either: births are spread over the whole texture,
so that every walker of every block has then carried none. That needs blocks enough for an error, and known numbers.
"""

from __future__ import annotations

import tomllib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcpump.report.words import (
    NOTHING,
    Pair,
    clock_of,
    column_name,
    columns_of,
    labels,
    mesh_axes,
    plane_places,
    positions,
    tied,
    wrap,
)
from mcpump.tally.estimates import Estimate, Result

Bools = NDArray[np.bool_]
_ON_MESH = ("spin_density", "spin_current")


def zero_lines(result: Result, pairs: list[Pair], still_open: list[int]) -> list[str]:
    """Lines on the currents through planes that are zero.

    Parameters
    ----------
    result : Result
        A run with planes.
    pairs : list of Pair
        Columns of the table, (harmonic or time bin, component).
    still_open : list of int
        Planes through which something passes.
    """
    proved, unproved = _columns(result, pairs)
    closed, empty = _planes(result, still_open)
    proved += supercurrent_zero(result) + closed + _uniform(result)
    lines = wrap("zero by symmetry: " + "; ".join(proved)) if proved else []
    if unproved + empty:
        lines += wrap(
            "nothing was found at these planes, but no symmetry is shown: " + "; ".join(unproved + empty)
        )
    return lines


def are_zero(result: Result) -> tuple[Bools, Bools]:
    """Which (clock, component) are zero by symmetry, but for rounding, and which of them to the last bit."""
    rounding, bits = None, None
    for name in _ON_MESH:
        small, none = _silent(result.estimates[name])
        rounding, bits = (
            (small, none) if rounding is None or bits is None else (rounding & small, bits & none)
        )
    assert rounding is not None
    assert bits is not None
    return rounding, bits


def _silent(estimate: Estimate) -> tuple[Bools, Bools]:
    """Columns of an estimate on the mesh in which all is known, and zero but for rounding; and zero to the last bit."""
    kept = ("channel", clock_of(estimate), "component")
    others = tuple(axis for axis, name in enumerate(estimate.dims) if name not in kept)
    error = np.zeros_like(estimate.mean) if estimate.stderr is None else estimate.stderr
    sizes = np.maximum(np.abs(estimate.mean), error)
    size = sizes.max(axis=others)  # NaN where something is not known
    largest = np.nan_to_num(sizes).max(axis=others).max(axis=(1, 2), keepdims=True)
    small = (size <= NOTHING * largest) & (largest > 0.0)
    # a channel in which nothing is carried at all tells nothing, and hides nothing, where another one carries
    idle = (size == 0.0) & (largest == 0.0) & (largest.max() > 0.0)
    return np.asarray((small | idle).all(axis=0)), np.asarray(
        (size == 0.0).all(axis=0) & (largest.max() > 0.0)
    )


def _columns(result: Result, pairs: list[Pair]) -> tuple[list[str], list[str]]:
    """Columns that are not in the table: names of those that are zero by symmetry, and of the others."""
    rounding, bits = are_zero(result)
    if "time" in result.coords:
        dead = [c for c in range(3) if not any(pair[1] == c for pair in pairs)]
        names = labels(result, "component")
        sorts = [[names[c] for c in dead if bool(rounding[:, c].all()) == known] for known in (True, False)]
        return ([", ".join(sorts[0])] if sorts[0] else []), ([", ".join(sorts[1])] if sorts[1] else [])
    proved, unproved = list[str](), list[str]()
    for multiple in range(len(labels(result, "harmonic")) // 2 + 1):
        _add_columns(result, pairs, multiple, (rounding, bits), proved, unproved)
    return proved, unproved


def _add_columns(
    result: Result,
    pairs: list[Pair],
    multiple: int,
    zero: tuple[Bools, Bools],
    proved: list[str],
    unproved: list[str],
) -> None:
    """Add the names of the columns of one multiple of Ω to the lists; cosine and sine together where both are missing."""
    harmonics, components = labels(result, "harmonic"), labels(result, "component")
    rounding, bits = zero
    mine = [h for h in range(len(harmonics)) if (h + 1) // 2 == multiple]
    title = "DC" if multiple == 0 else ("AC" if multiple == 1 else f"AC {multiple}Ω")
    dead = [c for c in range(3) if not any((h, c) in pairs for h in mine)]
    for items, known in ((proved, True), (unproved, False)):
        if whole := [components[c] for c in dead if bool(rounding[mine, c].all()) == known]:
            items.append(f"{title} {', '.join(whole)}")
        # one of cosine and sine may be small, as Ω is: only what is not there at all is zero by symmetry
        halves = [
            column_name(harmonics[h], components[c])
            for c in range(3)
            if c not in dead
            for h in mine
            if (h, c) not in pairs and bool(bits[h, c]) == known
        ]
        if halves:
            items.append(", ".join(halves))


def _planes(result: Result, still_open: list[int]) -> tuple[list[str], list[str]]:
    """Planes through which nothing passes: those at closed faces, and the others."""
    if not still_open:
        return [], []
    edges = positions(result, "x_edge").mean
    places, x = plane_places(result), positions(result, "plane").mean
    closed, empty = list[str](), list[str]()
    for plane in sorted(set(range(len(x))) - set(still_open)):
        face = "left" if x[plane] == edges[0] else ("right" if x[plane] == edges[-1] else "")
        if face and _is_closed(_face(result, face)):
            closed.append(tied(f"x = {places[plane]} (closed face)"))
        else:
            empty.append(tied(f"x = {places[plane]}"))
    return closed, empty


def _face(result: Result, side: str) -> Any:
    """Face of the sample as its deck has it."""
    return _resolved(result).get("sample", {}).get("x", {}).get(side)


def _resolved(result: Result) -> dict[str, Any]:
    return tomllib.loads(result.resolved)


def _is_closed(face: Any) -> bool:
    """Whether a face of a deck lets nothing through."""
    if isinstance(face, dict):
        return not face.get("absorption", 0.0) > 0.0
    return face in ("specular", "diffuse")


def supercurrent_zero(result: Result) -> list[str]:
    """The super-current where it vanishes everywhere, and why; at the planes it may vanish by their choice."""
    if not (is_rounding(result, "plane_supercurrent") and is_rounding(result, "supercurrent")):
        return []
    if _resolved(result).get("electrons", {}).get("dimension") == 2:
        return ["super-current (Eq. (8) is 0 in two dimensions)"]
    return [f"super-current (S ∥ {'∂S/∂x' if len(mesh_axes(result)) == 1 else '∇S'})"]


def is_rounding(result: Result, name: str) -> bool:
    """Whether a super-current is zero but for the rounding of S × ∂S/∂x: beyond the walkers' last digit."""
    estimate = result.estimates.get(name)
    if estimate is None:
        return False
    walked = float(np.nan_to_num(np.abs(result.estimates["plane_current"].mean)).max(initial=0.0))
    return bool(np.all(np.abs(estimate.mean) <= 1e-15 * walked))


def _uniform(result: Result) -> list[str]:
    """Directions along which nothing flows, for nothing varies: but a field may drive spin along them."""
    uniform = [axis for axis in ("y", "z") if axis not in mesh_axes(result)]
    if not uniform or "spin_hall" in labels(result, "channel"):
        return []
    return [f"currents along {' and '.join(uniform)} (along which the sample is uniform)"]


def no_current(result: Result, estimate: Estimate) -> str:
    """Words for a run in which no spin passes its planes."""
    proved = not columns_of(estimate) and bool(are_zero(result)[0].all())
    return "no spin current" + (" (zero by symmetry)" if proved else " at its planes")
