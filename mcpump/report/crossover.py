"""Local share of a plane-wave run: one point of the crossover from diffusive to local, Fig. 3.

A texture with one wave number q drives, at first order, a current with one mode, ∇Ṡ up to a factor.
Projected on that mode, local over total is 1 − K(qℓ), whatever the sample's length.
"""

from __future__ import annotations

from typing import NamedTuple

from mcpump.deck.read import deck_from_dict
from mcpump.deck.textures import is_program
from mcpump.errors import InputError
from mcpump.problem.reduce import make_problem
from mcpump.problem.scene import Problem, Scene
from mcpump.tally.estimates import Result
from mcpump.textures.shapes import ENVELOPE_CONSTANT, ENVELOPE_COSINE


class Point(NamedTuple):
    """Local share of the current of one plane wave."""

    q_ell: float
    """qℓ."""
    share: float
    """Local over total."""
    stderr: float
    """One standard error."""
    dimension: int
    """Dimension of the velocity sphere."""


def problem_of(result: Result) -> Problem:
    """Problem that a result answers, from its resolved deck; a user's texture, a program, is not run for it."""
    if is_program(result.deck):
        raise InputError(
            f"{result.name} has a texture file, which is no formula: there is no theory to lay beside it"
        )
    return make_problem(deck_from_dict(result.deck, result.name))


def wave_number(scene: Scene) -> float:
    """Wave number of a texture that has only one.

    Parameters
    ----------
    scene : Scene
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
    texture = None if scene.time_bins else scene.precession
    if texture is not None and texture.envelope == ENVELOPE_CONSTANT and texture.q != 0.0:
        return abs(texture.q)
    if texture is not None and texture.envelope == ENVELOPE_COSINE and texture.q == 0.0:
        return abs(float(texture.envelope_parameters[2]))
    raise InputError("the crossover needs a texture with one wave number: a spiral, or a modulated texture.")


def crossover_point(result: Result) -> Point:
    """Local share of the first-order AC current of a plane-wave run.

    The share is P_local/(P_local + P_diffusive), P the projection of a part on ∇Ṡ, with its jackknife
    error over blocks of walkers.

    Parameters
    ----------
    result : Result
        A run with the channel `first` and a texture with one wave number.

    Returns
    -------
    Point
        Share and its error.

    Raises
    ------
    InputError
        If the run has another texture, or keeps no first harmonic.
    """
    scene = problem_of(result).scene
    q_ell = wave_number(scene)
    if "first_order_local_share" not in result.estimates:
        raise InputError(f"{result.name} has no first_order_local_share, from which the crossover is drawn")
    share = result.estimates["first_order_local_share"]
    if scene.harmonics == 0 or share.stderr is None:
        raise InputError(f"{result.name} keeps no first harmonic: the crossover is that of the AC current")
    return Point(q_ell, float(share.mean), float(share.stderr), scene.dimension)
