"""How snapshots become a function of time: harmonics of the drive by least squares, or a cubic spline.

Both are linear in the snapshots, so that a matrix says what each coefficient is made of. A series with a hole in time, or
with two snapshots nearly at one time, is refused: neither fit says what happened between.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mcpump.errors import InputError, show
from mcpump.textures.ovf_series import Series

Array = NDArray[np.float64]

MOST_HARMONICS = 32
"""Highest harmonic that is fitted unless a number is asked for."""
WORST_CONDITION = 100.0
"""Largest condition number of the fit of harmonics, and of splines."""
LARGEST_GAP = 0.34
"""Share of the period that may be without a snapshot."""
LARGEST_STEP = 2.5
"""Longest time between snapshots of a transient, in steps beside it."""


def _pair(series: Series, one: int, other: int) -> str:
    """Two snapshots, for a sentence."""
    first, second = (
        f"{show(str(series.snapshots[k].path), 200)} (at {series.times[k]:.6g})" for k in (one, other)
    )
    return f"texture.files: {first} and {second}"


def _check_gaps(
    series: Series, order: NDArray[np.intp], gaps: Array, allowed: Array | float, told: str
) -> None:
    """Refuse snapshots with a gap in time that is larger than allowed; gap k is between order[k] and order[k + 1]."""
    worst = int(np.argmax(gaps / allowed))
    if (gaps > allowed)[worst]:
        raise InputError(f"{_pair(series, order[worst], order[worst + 1])} {told.format(gaps[worst])}")


def harmonic_fit(series: Series, times: Array, Omega: float, harmonics: int | None) -> tuple[Array, Array]:
    """Values of the harmonics at the snapshots (snapshots, coefficients), and what makes coefficients of snapshots."""
    period, count = 2.0 * math.pi / Omega, len(times)
    if count < 3:
        raise InputError(f"texture.files: {count} snapshots are too few; they must cover one whole period")
    order = np.argsort(times % period, kind="stable")
    phases = times[order] % period / period
    gaps = np.diff(np.append(phases, phases[0] + 1.0))
    told = "leave {:.2f} of the period between them empty; the snapshots must cover one whole period"
    _check_gaps(series, np.append(order, order[0]), gaps, LARGEST_GAP, told)
    most = (count - 1) // 2
    highest = min(most, MOST_HARMONICS) if harmonics is None else harmonics
    while highest >= 0:
        angles = np.outer(times, Omega * np.arange(1, highest + 1))
        design = np.ones((count, 2 * highest + 1))
        design[:, 1::2], design[:, 2::2] = np.cos(angles), np.sin(angles)
        if highest <= most and np.linalg.cond(design) <= WORST_CONDITION:
            return design, np.asarray(np.linalg.pinv(design))
        if harmonics is not None:
            break
        highest -= 1
    raise InputError(
        f"texture.harmonics = {harmonics} is more than {count} snapshots at these times tell: at most {most}"
    )


def _usual_steps(steps: Array) -> Array:
    """Usual time between snapshots beside each step: the median of three on the side where they are longer."""
    found = np.empty(len(steps))
    for k in range(len(steps)):
        sides = [side for side in (steps[max(k - 3, 0) : k], steps[k + 1 : k + 4]) if len(side)]
        # at the ends of a series whose steps grow, the median would be of steps far away
        found[k] = max(float(np.median(side) if len(sides) == 2 else side.max()) for side in sides)
    return found


def spline_fit(series: Series, times: Array) -> tuple[Array, Array, Array]:
    """Breaks, pieces, and what makes coefficients of snapshots: the cubic spline through them, C², not-a-knot."""
    count = len(times)
    if count < 4:
        raise InputError(
            f"texture.files: {count} snapshots are too few for a transient, which needs 4; one alone is static, and a "
            "periodic magnetization needs texture.frequency"
        )
    steps = np.diff(times)
    usual = _usual_steps(steps)
    told = "are {:.3g} times as far apart as those beside them: what happened there is not known"
    _check_gaps(series, np.arange(count), steps / usual, LARGEST_STEP, told)
    knots = np.concatenate(([times[0]] * 4, times[2:-2], [times[-1]] * 4))
    breaks = knots[3 : count + 1]
    intervals = len(breaks) - 1
    powers = np.linalg.inv(np.vander(np.arange(4) / 3.0, increasing=True))
    pieces = np.empty((intervals, 4, 4))
    for i in range(intervals):
        inside = breaks[i] + np.arange(4) / 3.0 * (breaks[i + 1] - breaks[i])
        pieces[i] = (powers @ _basis(knots, i, inside)).T
    collocation = np.zeros((count, count))
    for row, time in enumerate(times):
        i = min(int(np.searchsorted(breaks, time, side="right")) - 1, intervals - 1)
        collocation[row, i : i + 4] = _basis(knots, i, np.array([time]))[0]
    if not np.linalg.cond(collocation) <= WORST_CONDITION:
        nearest = int(np.argmin(steps / usual))
        raise InputError(
            f"{_pair(series, nearest, nearest + 1)} are {steps[nearest] / usual[nearest]:.2g} times as far apart as "
            "those beside them, too near for a spline: leave out one of the two"
        )
    return breaks, pieces, np.asarray(np.linalg.inv(collocation))


def _basis(knots: Array, i: int, t: Array) -> Array:
    """The 4 cubic B-splines that are not 0 between breaks i and i + 1, at some times there (Cox, de Boor)."""
    values = np.zeros((len(t), 4))
    values[:, 0] = 1.0
    for degree in range(1, 4):
        saved = np.zeros(len(t))
        for k in range(degree):
            right, left = knots[i + 4 + k], knots[i + 4 + k - degree]
            share = values[:, k] / (right - left)
            values[:, k] = saved + (right - t) * share
            saved = (t - left) * share
        values[:, degree] = saved
    return values
