"""Local share of a plane-wave run: one point of the crossover from diffusive to local, Fig. 3.

A texture with one wave number q drives, at first order, a current with one mode, ∂Ṡ/∂x up to a factor.
Projected on that mode, local over total is 1 − K(qℓ), whatever the sample's length.
"""

from __future__ import annotations

import math
import tomllib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.deck import deck_from_dict
from mcpump.errors import InputError
from mcpump.estimates import Result
from mcpump.model import Model, Problem
from mcpump.problem import make_problem
from mcpump.report_text import labels, positions
from mcpump.textures import ENVELOPE_CONSTANT, ENVELOPE_COSINE, texture_gradient

Array = NDArray[np.float64]


class Point(NamedTuple):
    """Local share of the current of one plane wave."""

    q_ell: float
    """qℓ."""
    share: float
    """Local over total."""
    stderr: float
    """One standard error; for `source` "profile" an upper bound of it."""
    dimension: int
    """Dimension of the velocity sphere."""
    source: str
    """"planes" or "profile": what the share was projected from."""


def problem_of(result: Result) -> Problem:
    """Problem that a result answers, from its resolved deck."""
    return make_problem(deck_from_dict(tomllib.loads(result.resolved), result.name))


def wave_number(model: Model) -> float:
    """Wave number of a texture that has only one.

    Parameters
    ----------
    model : Model
        Problem in reduced units.

    Returns
    -------
    float
        |q|ℓ.

    Raises
    ------
    InputError
        If the texture is no plane wave: a junction, a uniform one, a pulse, or two wave numbers.
    """
    if not model.pulse and model.envelope == ENVELOPE_CONSTANT and model.q != 0.0:
        return abs(model.q)
    if not model.pulse and model.envelope == ENVELOPE_COSINE and model.q == 0.0:
        return abs(float(model.envelope_parameters[2]))
    raise InputError("the crossover needs a texture with one wave number: a spiral, or a modulated texture.")


def crossover_point(result: Result, source: str = "planes") -> Point:
    """Local share of the first-order AC current of a plane-wave run.

    The share is P_local/(P_local + P_diffusive), P the projection of a part on the mode ∂Ṡ/∂x.

    Parameters
    ----------
    result : Result
        A run with the channel `first` and a texture with one wave number.
    source : {"planes", "profile"}
        What is projected. "planes": the currents through the planes, of the one harmonic and component
        with the strongest mode there; their covariance is known, so the error is exact to first order.
        "profile": every cell, harmonic and component; cells share walkers and their covariance is not
        kept, so the error is an upper bound. Without planes where the mode is, it is "profile" anyway.

    Returns
    -------
    Point
        Share and its error.

    Raises
    ------
    InputError
        If the run has another texture, or no channel `first`.
    """
    if "first" not in labels(result, "channel"):
        raise InputError(f"{result.name} has no channel `first`: the crossover is that of the first order.")
    problem = problem_of(result)
    q_ell = wave_number(problem.model)
    estimates = result.estimates
    if source == "planes" and {"plane_current", "plane_current_covariance"} <= estimates.keys():
        mode = _mode(problem, positions(result, "plane").mean)
        if mode.size and np.abs(mode).max() > 0.1 * q_ell * _amplitude(problem.model):
            return Point(q_ell, *_from_planes(result, mode), problem.model.dimension, "planes")
    mode = _mode(problem, positions(result, "x").mean)
    return Point(q_ell, *_from_profile(result, mode), problem.model.dimension, "profile")


def _mode(problem: Problem, places: Array) -> Array:
    """∂Ṡ/∂x as real harmonics, up to Ω: (dc, cos, sin) × component × place."""
    gradient = texture_gradient(problem.model, places / problem.scales.length)
    return np.array([0.0 * gradient[0], gradient[2], -gradient[1]])


def _amplitude(model: Model) -> float:
    depth = 1.0 if model.envelope == ENVELOPE_CONSTANT else float(model.envelope_parameters[1])
    return abs(depth) * max(float(np.abs(model.P).max()), float(np.abs(model.Q).max()))


def _ratio(local: float, diffusive: float) -> tuple[float, float, float]:
    """Share, and its derivatives with respect to the local and the diffusive part."""
    total = local + diffusive
    return local / total, diffusive / total**2, -local / total**2


def _from_planes(result: Result, mode: Array) -> tuple[float, float]:
    channel = labels(result, "channel").index("first")
    strongest = np.square(mode).sum(axis=-1)
    harmonic, component = np.unravel_index(int(np.argmax(strongest)), strongest.shape)
    weights = mode[harmonic, component]
    current = result.estimates["plane_current"].mean[channel, :, 0, harmonic, component]
    share, by_local, by_diffusive = _ratio(float(current[0] @ weights), float(current[1] @ weights))
    covariance = result.estimates["plane_current_covariance"].mean[channel, harmonic, component]
    slope = np.array(
        [_slope(label, weights, by_local, by_diffusive) for label in labels(result, "plane_part")]
    )
    return share, math.sqrt(max(float(slope @ covariance @ slope), 0.0))


def _slope(label: str, weights: Array, by_local: float, by_diffusive: float) -> float:
    """Differentiate the share by one plane's part, named like "local@0"; a total adds nothing."""
    part, _, plane = label.partition("@")
    return {"local": by_local, "diffusive": by_diffusive}.get(part, 0.0) * float(weights[int(plane)])


def _from_profile(result: Result, mode: Array) -> tuple[float, float]:
    channel = labels(result, "channel").index("first")
    current = result.estimates["spin_current"]
    local, diffusive = (float(np.sum(current.mean[channel, part, 0, :3] * mode)) for part in (0, 1))
    share, by_local, by_diffusive = _ratio(local, diffusive)
    if current.stderr is None:
        return share, 0.0
    # The errors of cells add at most linearly; local and diffusive parts come from separate walkers.
    errors = [float(np.sum(current.stderr[channel, part, 0, :3] * np.abs(mode))) for part in (0, 1)]
    return share, math.hypot(by_local * errors[0], by_diffusive * errors[1])
