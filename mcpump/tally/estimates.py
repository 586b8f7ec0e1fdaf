"""What a run knows: estimates with their standard errors, and everything a results file holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Estimate:
    """A mean and its standard error, with the names of its axes.

    `stderr` is None where the quantity is exact (computed from the texture, not walked), NaN where
    fewer than 16 blocks stand behind it. Numbers that are not resolved are NaN, as are their errors.
    """

    mean: NDArray[np.float64]
    stderr: NDArray[np.float64] | None
    dims: tuple[str, ...]
    units: str
    long_name: str
    not_resolved: str = ""
    """Why some of the numbers are not resolved; empty where all are."""


@dataclass(frozen=True)
class Result:
    """One run: estimates in the deck's units (SI, or reduced), and how they were got."""

    name: str
    """Name of the deck."""
    resolved: str
    """Resolved deck, TOML."""
    coords: dict[str, Estimate | tuple[str, ...]]
    """Axis name → numbers (an exact one-dimensional Estimate) or labels (strings)."""
    estimates: dict[str, Estimate]
    """Variable name → estimate."""
    regime: dict[str, tuple[float, str, str]]
    """Regime number → (value, unit, what it is)."""
    warnings: tuple[str, ...]
    notes: tuple[str, ...]
    walkers: int
    blocks: int
    seed: int
    flights: int
    complete: bool
    """False while running, after a stop, or when a target was missed."""
    message: str
    """How it ended: "complete", "target missed: …", "running"."""
    checkpoint: dict[str, NDArray[np.int64]] = field(default_factory=dict)
    """Exact sums, enough to go on or to merge (`/checkpoint` of the file)."""
    provenance: dict[str, Any] = field(default_factory=dict)
    """Dates, wall time, versions, machine (`/provenance`): all that may differ between equal runs."""
