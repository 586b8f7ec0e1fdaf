"""Marks: NaN, value and error, in place of numbers that a run does not resolve, and the reasons."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mcpump.tally.estimates import NOTHING, Estimate

Array = NDArray[np.float64]
Marks = NDArray[np.bool_]
LOCAL, DIFFUSIVE, TOTAL = range(3)
RARE = "a few groups of blocks make up the error there"
NOBODY = "no walker came there"
ON_MESH = (
    "spin_density", "spin_potential", "torque", "spin_current", "spin_current_divergence", "charge_current",
    "spin_orbit_torque",
)  # fmt: skip
"""Estimates on the mesh that have parts."""


def parts_first(estimate: Estimate) -> tuple[Array, Array]:
    """Mean and error with the part as first axis."""
    assert estimate.stderr is not None
    axis = estimate.dims.index("part")
    return np.moveaxis(estimate.mean, axis, 0), np.moveaxis(estimate.stderr, axis, 0)


def marked_parts(estimate: Estimate, marks: Marks, reasons: list[str]) -> Estimate:
    """Estimate with NaN where marks, part first, are set."""
    axis = estimate.dims.index("part")
    whole = np.broadcast_to(marks, np.moveaxis(estimate.mean, axis, 0).shape)
    return nan_at(estimate, np.moveaxis(whole, 0, axis), reasons)


def nan_at(estimate: Estimate, mask: Marks, reasons: list[str]) -> Estimate:
    """Estimate with NaN where a mask is set."""
    if not mask.any():
        return estimate
    stderr = None if estimate.stderr is None else np.where(mask, np.nan, estimate.stderr)
    why = "NaN: not resolved, for " + "; ".join(reasons)
    return replace(estimate, mean=np.where(mask, np.nan, estimate.mean), stderr=stderr, not_resolved=why)


def more_than_rounding(mean: Array, error: Array, axes: int) -> Marks:
    """Amplitudes that are more than rounding somewhere, part by part: last axes 1."""
    size = np.maximum(np.nan_to_num(np.abs(mean)), np.nan_to_num(error))
    size = size.max(axis=tuple(range(size.ndim - axes, size.ndim)), keepdims=True)
    largest = size.max(axis=tuple(range(2, size.ndim)), keepdims=True)
    return (size > NOTHING * largest) & np.ones_like(mean[..., :1] if axes == 1 else size, bool)


def clock_axis(estimate: Estimate) -> int | None:
    """Axis of the time bins once the part is taken out; None for harmonics."""
    if "time" not in estimate.dims:
        return None
    return [name for name in estimate.dims if name != "part"].index("time")


def spread(parts: NDArray[Any], ndim: int) -> NDArray[Any]:
    """(part, places) with axes of length 1 between, `ndim` in all."""
    return parts.reshape(parts.shape[0], *[1] * (ndim - parts.ndim), *parts.shape[1:])


def marked_ratios(found: dict[str, Estimate], marks: Marks, reasons: list[str]) -> dict[str, Estimate]:
    """Shares, ratios and covariances of currents through planes where these are not resolved."""
    pairs = np.concatenate([marks[LOCAL], marks[DIFFUSIVE]], axis=-1)
    masks = {
        "plane_current_covariance": pairs[..., :, None] | pairs[..., None, :],
        "local_share": marks[LOCAL] | marks[TOTAL],
        "ladder_ratio": marks[DIFFUSIVE].any(axis=0),
        "exact_ratio": marks[TOTAL].any(axis=0),
    }
    return {name: nan_at(found[name], mask, reasons) for name, mask in masks.items() if name in found}
