"""How well spin turns into charge: a run's charge current beside the torque and beside the inverse spin Hall formula.

Fields are compared by projection, Σab/Σb² over cells, directions and harmonics in which b stands out of its errors.
Cells share walkers, so that errors are added as if they agreed: they are at most so large.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.report.words import labels
from mcpump.tally.estimates import NOTHING, Estimate, Result

Array = NDArray[np.float64]
VAGUE = 4.0
"""What is smaller than so many of its errors (root mean squares over the cells) is no denominator."""


class Ratio(NamedTuple):
    """A ratio and its error."""

    value: float
    """NaN where nothing stands out of its error."""
    error: float
    """One standard error at most."""

    @property
    def known(self) -> bool:
        """Whether both are numbers."""
        return math.isfinite(self.value) and math.isfinite(self.error)


class Field(NamedTuple):
    """Vectors on a mesh, (clock, direction, cells), and their errors."""

    mean: Array
    error: Array


CHANNELS = {"impurity_first": "first", "impurity_second": "second"}
"""Channel whose spins an impurity source converts."""
UNKNOWN = Ratio(math.nan, math.nan)


def projection(above: Field, below: Field) -> Ratio:
    """Ratio Σab/Σb² of two fields, over the (clock, direction) in which b stands out of its errors.

    Parameters
    ----------
    above, below : Field
        Of one shape; NaN where unknown, which is left out.

    Returns
    -------
    Ratio
        Its error adds those of the cells as if they agreed.
    """
    fields = (above.mean, above.error, below.mean, below.error)
    known = np.logical_and.reduce([np.isfinite(part).all(axis=-1) for part in fields])
    size, noise = (np.sqrt((part**2).sum(axis=-1)) for part in (below.mean, below.error))
    # what is rounding beside the largest has no noise, and is no denominator either
    least = NOTHING * size[known].max(initial=0.0)
    kept = known & (size > least) & (size >= VAGUE * noise)
    if not kept.any():
        return UNKNOWN
    a, a_error, b, b_error = (part[kept] for part in fields)
    norm = float((b * b).sum())
    value = float((a * b).sum()) / norm
    return Ratio(value, float((np.abs(b) * (a_error + abs(value) * b_error)).sum()) / norm)


class TorqueRatios(NamedTuple):
    """What the local charge current of Rashba coupling follows."""

    torque: Ratio
    """W on a_R × T: 1 for ℓ ≪ λ."""
    spin_current: Ratio
    """a_R × ∇·j of the LOCAL spin current, on a_R × T: what it would give if it were the source."""


def torque_ratios(result: Result) -> TorqueRatios | None:
    """Local Rashba charge current, and what the local spin current would give, over a_R × T; None without Rashba.

    Parameters
    ----------
    result : Result
        A run with `charge_current`.

    Returns
    -------
    TorqueRatios or None
        T is the torque of the channel `second`.
    """
    if "charge_current" not in result.estimates or "rashba" not in labels(result, "source"):
        return None
    torque = torque_current(result)
    spreading = _turned(result, "spin_current_divergence", "local")
    current = charge_field(result, "charge_current", "rashba", "local")
    return TorqueRatios(projection(current, torque), projection(spreading, torque))


def torque_current(result: Result) -> Field:
    """Charge current a_R × T of Eq. (24), T the torque of the channel `second`, (clock, direction, cells)."""
    return _turned(result, "torque", "total")


class FormulaRatios(NamedTuple):
    """What the charge current of impurities is beside the inverse spin Hall formula of the total spin current."""

    charge: Ratio
    """Charge current over the formula's."""
    local: Ratio
    """Local spin current's part in the formula: the local share of the spin current."""


def formula_ratios(result: Result, source: str) -> FormulaRatios:
    """Charge current of an impurity source over the inverse spin Hall formula with the TOTAL spin current.

    Parameters
    ----------
    result : Result
        A run with `inverse_spin_hall_current`.
    source : str
        `impurity_first` or `impurity_second`.
    """
    formula, local = (formula_field(result, source, part) for part in ("total", "local"))
    charge = charge_field(result, "charge_current", source, "total")
    return FormulaRatios(projection(charge, formula), projection(local, formula))


def impurity_sources(result: Result) -> tuple[str, ...]:
    """Sources of a run that are impurities."""
    formula = result.estimates.get("inverse_spin_hall_current")
    # in a file of an older version it has no channel
    if formula is None or "channel" not in formula.dims or "source" not in result.coords:
        return ()
    return tuple(name for name in CHANNELS if name in labels(result, "source"))


def formula_of(result: Result, source: str) -> Estimate:
    """Inverse spin Hall formula of the spins that an impurity source converts, (part, charge_direction, clock, mesh)."""
    return result.estimates["inverse_spin_hall_current"].sel(channel=CHANNELS[source])


def formula_field(result: Result, source: str, part: str) -> Field:
    """The same of one part, (clock, direction, cells)."""
    field = _field(formula_of(result, source).sel(part=part))
    return Field(np.swapaxes(field.mean, 0, 1), np.swapaxes(field.error, 0, 1))


def charge_field(result: Result, name: str, source: str, part: str) -> Field:
    """One source and part of a charge current, (clock, direction, cells)."""
    field = _field(result.estimates[name].sel(source=source, part=part))
    return Field(np.swapaxes(field.mean, 0, 1), np.swapaxes(field.error, 0, 1))


def _field(estimate: Estimate) -> Field:
    """Mean and error, cells in one axis."""
    return Field(*(part.reshape(*part.shape[:2], -1) for part in (estimate.mean, estimate.error)))


def _turned(result: Result, name: str, part: str) -> Field:
    """Cross a_R with a vector of spin components of the channel `second`, errors as if the components agreed."""
    a = result.estimates["rashba_coefficient"].mean.reshape(3, -1)
    field = _field(result.estimates[name].sel(channel="second", part=part))
    mean = np.cross(a, field.mean, axisa=0, axisb=1, axisc=1)
    size = np.abs(a)
    error = [size[j] * field.error[:, k] + size[k] * field.error[:, j] for j, k in ((1, 2), (2, 0), (0, 1))]
    return Field(mean, np.stack(error, axis=1))
