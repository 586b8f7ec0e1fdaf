"""Tserkovnyak's form of a pumped spin current, j_s = aṅ + b n×ṅ, fitted to what a run finds at its planes.

n = S/|S| is the direction of the texture at the plane, and 4πb/ħ the effective mixing conductance. The form is for
comparison: the misfit tells what share of the current does not have it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import Problem, Scene
from mcpump.problem.slab import user_of
from mcpump.tally.equilibrium import (
    FEWEST_TIMES,
    centres,
    clock_weights,
    kept_for_texture,
    plane_places,
)
from mcpump.tally.estimates import Estimate
from mcpump.tally.scales import channels_of, scale_of, units_of
from mcpump.tally.tally import Groups
from mcpump.textures.moving import texture_field, texture_field_rate
from mcpump.textures.shapes import ENVELOPE_CONSTANT, Precession, texture_profile
from mcpump.theory.paper_charge import mixing_conductance, tserkovnyak_fit

Array = NDArray[np.float64]
MOVES = 1e-3
"""A texture moves at a plane where |Ṡ| is at least this share of its largest in the sample."""
_SMALL = 1e-6
"""|S| below which a direction has no meaning."""
_ROUNDING = 1e-11
"""Share of the largest number of its kind that is rounding."""
_SAME = 1e-6
"""Relative difference of vectors that are one."""
_CANCELS = 1e-8
"""The same for means over a plane."""
NOISE = 8.0
"""A misfit of fewer errors may be noise: its square is then less than four errors of the square."""
_TORQUE = 1
"""Line of the budget."""
_TOTAL = 2
TITLE = "effective mixing conductance 4 pi b/hbar"


class Motion(NamedTuple):
    """Harmonics of how the texture's direction moves at the planes, (harmonics, 3, planes); NaN where it does not."""

    rate: Array
    """ṅ [1/τ]."""
    twist: Array
    """n×ṅ [1/τ]."""


def pumping_observables(problem: Problem, planes: Groups, budget: Groups) -> dict[str, Estimate]:
    """Fit Tserkovnyak's form to the total current of every channel through each plane.

    Parameters
    ----------
    problem : Problem
        The deck made ready; a periodic drive.
    planes : Groups
        Spin currents through its planes, (groups, part, channel, harmonic, component, plane).
    budget : Groups
        Lines of its budget, (groups, line, channel, harmonic, component).

    Returns
    -------
    dict of str to Estimate
        Over `channel` and `plane`: `pumping_a`, `pumping_b` (of ṅ, of n×ṅ; nearest to the current in the mean over a
        period), `pumping_misfit` (share of the current that the form leaves, root mean squares over harmonics and
        components; NaN where it is less than 8 errors), `mixing_conductance` (4πb/ħ), `mixing_conductance_dc` (from the
        DC current alone, which is what experiments fit). NaN where the texture does not move, where nothing passes, and,
        for the conductances, in reduced decks. `mixing_conductance_torque`, over `channel`: from the DC torque on all
        electrons, where n×ṅ is the same wherever the texture moves. Nothing where nothing pumps.
    """
    if problem.scene.time_bins or not (rows := _pumping_channels(problem)):
        return {}
    found = _torque(problem, budget.map(lambda s: s[:, _TORQUE, :, 0]))
    if not problem.scene.planes:
        return found
    motion, rate = motion_at_planes(problem), 1.0 / scale_of(problem, "time")
    if not np.nan_to_num(np.array(motion)).any():
        return found
    fits = np.full((2, 4, len(channels_of(problem)), planes.sums.shape[-1]), np.nan)
    for i in range(fits.shape[-1]):
        fits[..., rows, i] = _fit(
            planes.map(lambda s, i=i: s[:, _TOTAL][:, rows][..., i]),  # type: ignore[misc]
            Motion(motion.rate[..., i] * rate, motion.twist[..., i] * rate),
        )
    return found | _estimates(problem, *fits)


def _pumping_channels(problem: Problem) -> list[int]:
    """Places of the channels that are pumped: all but what an electric field drives."""
    return [i for i, name in enumerate(channels_of(problem)) if name != "spin_hall"]


def _estimates(problem: Problem, means: Array, errors: Array) -> dict[str, Estimate]:
    """Name a, b, b of DC alone and the misfit, (4, channel, plane), and their errors."""
    unit, unit_g = units_of(problem)["content"], "1/m^2" if problem.scales.si else "1"
    worth = mixing_conductance(1.0) if problem.scales.si else np.nan
    fitted = "of a dn/dt + b n x dn/dt, fitted to the spin current in the mean over a period"
    rows = {
        "pumping_a": (0, 1.0, unit, f"a {fitted}"),
        "pumping_b": (1, 1.0, unit, f"b {fitted}"),
        "pumping_misfit": (3, 1.0, "1", "share of the spin current that this fit leaves, root mean squares"),
        "mixing_conductance": (1, worth, unit_g, TITLE),
        "mixing_conductance_dc": (2, worth, unit_g, f"{TITLE}, of the DC current alone"),
    }
    return {
        name: Estimate(means[row] * factor, errors[row] * factor, ("channel", "plane"), units, title)
        for name, (row, factor, units, title) in rows.items()
    }


def _torque(problem: Problem, torque: Groups) -> dict[str, Estimate]:
    """Mixing conductance of the DC torque on all electrons, (groups, channel, component), where n×ṅ is one vector."""
    twist = uniform_twist(problem) / scale_of(problem, "time")
    if not problem.scales.si or not twist.any():
        return {}
    g = torque.map(lambda s: mixing_conductance(1.0) * (s @ twist) / (twist @ twist))
    title = f"{TITLE}, of the DC torque on all electrons"
    return {"mixing_conductance_torque": Estimate(g.mean, g.stderr(), ("channel",), "1/m^2", title)}


def _fit(current: Groups, motion: Motion) -> tuple[Array, Array]:
    """Fit the form to currents, (groups, channel, harmonic, component): a, b, b of DC, misfit (4, channel), and errors.

    Weights are those of the mean over a period, DC 1 and other harmonics ½. They do not follow from errors: components
    come from the same walkers, and weights that scatter would add to the error of b where the form does not hold.
    """
    rate, twist = motion
    if not np.isfinite(rate).all():
        return (np.full((4, current.sums.shape[1]), np.nan),) * 2
    weights = np.where(np.arange(len(rate)) == 0, 1.0, 0.5)[:, np.newaxis]

    def fit(j: Array) -> Array:
        a, b = tserkovnyak_fit(j, rate, twist, weights)
        left = j - np.multiply.outer(np.nan_to_num(a), rate) - np.multiply.outer(np.nan_to_num(b), twist)
        _, dc = tserkovnyak_fit(j[:, 0], 0.0 * twist[0], twist[0])
        squares = ((weights * part**2).sum(axis=(1, 2)) for part in (left, j))
        with np.errstate(invalid="ignore"):
            return np.array([a, b, dc, np.sqrt(np.divide(*squares))])

    means, errors = current.estimate(fit)
    nothing = ~current.mean.any(axis=(1, 2))
    means[:, nothing] = errors[:, nothing] = np.nan
    noise = ~(means[3] > np.maximum(NOISE * np.nan_to_num(errors[3], nan=np.inf), _ROUNDING))
    means[3, noise] = errors[3, noise] = np.nan
    return means, errors


def motion_at_planes(problem: Problem) -> Motion:
    """Harmonics of ṅ and n×ṅ at a run's planes, means over their area.

    Parameters
    ----------
    problem : Problem
        The deck made ready; a periodic drive.
    """
    scene = problem.scene
    precession = scene.precession
    if precession is None:
        return _sampled_motion(kept_for_texture(scene), user_of(problem))
    if scene.magnet_outside:  # it is the direction of the magnet beyond the face, or in the interface
        precession = precession._replace(envelope=ENVELOPE_CONSTANT)
    return _exact_motion(scene, precession)


def uniform_twist(problem: Problem) -> Array:
    """DC part of n×ṅ [1/τ] where it is the same wherever the texture moves, along x alone; else 0.

    Parameters
    ----------
    problem : Problem
        The deck made ready; a periodic drive.
    """
    scene = problem.scene
    if scene.axes > 1:
        return np.zeros(3)
    everywhere = tuple(centres(scene)[0].tolist())
    twist = motion_at_planes(problem._replace(scene=scene._replace(planes=everywhere))).twist[0]
    there = twist[:, np.isfinite(twist).all(axis=0)]
    if not there.size or np.ptp(there, axis=1).max() > _SAME * np.abs(there).max():
        return np.zeros(3)
    return there[:, 0]


def _exact_motion(scene: Scene, precession: Precession) -> Motion:
    """Motion at the planes, of a texture whose harmonics are known."""
    if precession.Omega == 0.0 or not scene.planes:
        return Motion(*(np.full((1 + 2 * scene.harmonics, 3, len(scene.planes)), np.nan),) * 2)
    C, cosine, sine = texture_profile(precession, np.concatenate([np.array(scene.planes), centres(scene)[0]]))
    fields = []
    for phase in 2.0 * np.pi * np.arange(FEWEST_TIMES) / FEWEST_TIMES:
        c, s = np.cos(phase), np.sin(phase)
        fields.append((C + c * cosine + s * sine, precession.Omega * (c * sine - s * cosine)))
    return _motion(fields, _harmonic_weights(scene.harmonics, FEWEST_TIMES), len(scene.planes), 1)


# The stop rule asks for one scene's motion at every look.
@lru_cache(maxsize=2)
def _sampled_motion(scene: Scene, user: Any) -> Motion:
    """Motion at the planes of a scene."""
    at_planes = plane_places(scene)
    x, y, z = np.concatenate([at_planes, centres(scene)], axis=1)
    texture = scene.texture, scene.parameters, user, x, y, z
    times, weights = zip(*clock_weights(scene), strict=True)
    fields = [(texture_field(*texture, t), texture_field_rate(*texture, t, scene.time_step)) for t in times]
    points = at_planes.shape[1] // max(len(scene.planes), 1)
    return _motion(fields, np.array(weights), len(scene.planes), points)


def _harmonic_weights(harmonics: int, count: int) -> Array:
    """Weights (times, harmonics) of evenly spaced times of a period."""
    angle = 2.0 * np.pi * np.arange(count) / count
    columns = [np.ones(count)]
    for n in range(1, harmonics + 1):
        columns += [2.0 * np.cos(n * angle), 2.0 * np.sin(n * angle)]
    return np.array(columns).T / count


def _motion(fields: list[tuple[Array, Array]], weights: Array, planes: int, points: int) -> Motion:
    """Motion from (S, Ṡ) (3, places) at each time; places are the planes' points, then the cells."""
    n_points = planes * points
    S, rate = (np.array(parts) for parts in zip(*fields, strict=True))
    speed = np.sqrt((rate**2).sum(axis=1)).max(axis=0)
    size = np.sqrt((S**2).sum(axis=1))[:, :n_points]
    still = speed[:n_points] < MOVES * speed.max(initial=0.0)
    lost = still | (size.min(axis=0) < _SMALL)
    lost = np.repeat(lost.reshape(planes, points).all(axis=1), points)
    S, rate = S[..., :n_points], rate[..., :n_points]
    safe = np.where(size < _SMALL, np.inf, size)[:, None]
    n = S / safe
    turned = (rate - n * (n * rate).sum(axis=1, keepdims=True)) / safe
    parts = []
    for values in (turned, np.cross(n, turned, axis=1)):
        harmonics = np.einsum("th,tcp->hcp", weights, values)
        largest = np.abs(harmonics).max(initial=0.0)
        # difference quotients leave 1e-13
        harmonics = np.where(np.abs(harmonics) > _ROUNDING * largest, harmonics, 0.0)
        harmonics[..., lost | (speed.max(initial=0.0) == 0.0)] = np.nan
        means = harmonics.reshape(*harmonics.shape[:2], planes, points).mean(axis=-1)
        # what cancels over a plane is rounding too
        parts.append(np.where(np.abs(means) < _CANCELS * largest, 0.0, means))
    return Motion(*parts)
