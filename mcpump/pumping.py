"""Tserkovnyak's form of a pumped spin current, j_s = aṅ + b n×ṅ, fitted to what a run finds at its planes.

n = S/|S| is the direction of the texture at the plane, and 4πb/ħ the effective mixing conductance. The form is for
comparison: where chi² is far above 1 the current does not have it.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.blocks import user_of
from mcpump.charge_forms import mixing_conductance, tserkovnyak_fit
from mcpump.estimates import Estimate
from mcpump.model import Model, Problem, Scene
from mcpump.moving_textures import texture_field, texture_field_rate
from mcpump.quantities import channels_of, headline_of, scale_of, units_of
from mcpump.scene_equilibrium import FEWEST_TIMES, centres, clock_weights, kept_for_texture, plane_places
from mcpump.textures import texture_profile

Array = NDArray[np.float64]
MOVES = 1e-3
"""A texture moves at a plane where |Ṡ| is at least this share of its largest in the sample."""
_SMALL = 1e-6
"""|S| below which a direction has no meaning."""
_ROUNDING = 1e-11
"""Share of the largest number of its kind that is rounding."""
_CANCELS = 1e-8
"""The same for means over a plane."""
_TOTAL = 2


class Motion(NamedTuple):
    """Harmonics of how the texture's direction moves at the planes, (harmonics, 3, planes); NaN where it does not."""

    rate: Array
    """ṅ [1/τ]."""
    twist: Array
    """n×ṅ [1/τ]."""


def pumping_observables(problem: Problem, current: Estimate) -> dict[str, Estimate]:
    """Fit Tserkovnyak's form to the total current through each plane, in the channel of the headlines.

    Parameters
    ----------
    problem : Problem
        The deck made ready, of either walk; a periodic drive.
    current : Estimate
        Its `plane_current`.

    Returns
    -------
    dict of str to Estimate
        Over `plane`: `pumping_a`, `pumping_b` (of ṅ, of n×ṅ), `pumping_chi2` (per degree of freedom, from all kept
        harmonics), `mixing_conductance` (4πb/ħ), `mixing_conductance_dc` (from the DC current alone, which is what
        experiments fit). NaN where the texture does not move, where nothing passes, and, for the conductances, in
        reduced decks. Nothing where nothing pumps.
    """
    channel = _channel(problem)
    if not channel:
        return {}
    motion = motion_at_planes(problem)
    size = max(float(np.nan_to_num(np.abs(part)).max(initial=0.0)) for part in motion)
    if size == 0.0:
        return {}
    row = channels_of(problem).index(channel)
    j, error = current.mean[row, _TOTAL, 0], np.full(current.mean.shape[3:], np.nan)
    if current.stderr is not None:
        error = current.stderr[row, _TOTAL, 0]
    rate = 1.0 / scale_of(problem, "time")
    fits = np.array(
        [
            _fit(j[..., i], error[..., i], motion.rate[..., i] * rate, motion.twist[..., i] * rate)
            for i in range(j.shape[-1])
        ]
    )
    return _estimates(problem, fits, headline_of(problem).tag)


def _estimates(problem: Problem, fits: Array, tag: str) -> dict[str, Estimate]:
    """Name the rows (plane, 7) of fits: a, b and their errors, chi² per degree of freedom, b of DC and its error."""
    unit = units_of(problem)["content"]
    a, a_error, b, b_error, chi2, dc, dc_error = fits.T
    worth = mixing_conductance(1.0) if problem.scales.si else np.nan

    def along_planes(mean: Array, stderr: Array | None, units: str, title: str) -> Estimate:
        return Estimate(mean, stderr, ("plane",), units, title + tag)

    unit_g, title = "1/m^2" if problem.scales.si else "1", "effective mixing conductance 4 pi b/hbar"
    return {
        "pumping_a": along_planes(a, a_error, unit, "a of a dn/dt + b n x dn/dt, fitted to the spin current"),
        "pumping_b": along_planes(b, b_error, unit, "b of a dn/dt + b n x dn/dt, fitted to the spin current"),
        "pumping_chi2": along_planes(chi2, None, "1", "chi^2 of that fit per degree of freedom"),
        "mixing_conductance": along_planes(b * worth, b_error * worth, unit_g, title),
        "mixing_conductance_dc": along_planes(
            dc * worth, dc_error * worth, unit_g, f"{title}, of the DC current alone"
        ),
    }


def _channel(problem: Problem) -> str:
    """Channel to fit; empty where nothing is pumped periodically."""
    model, channel = problem.model, headline_of(problem).channel
    transient = model.pulse if isinstance(model, Model) else bool(model.time_bins)
    return "" if transient or channel == "spin_hall" else channel


def _fit(j: Array, error: Array, rate: Array, twist: Array) -> tuple[float, ...]:
    """a, its error, b, its error, chi² per degree of freedom, b of DC alone, its error; (harmonic, component) each."""
    nothing = (np.nan,) * 7
    known = bool(np.isfinite(error).all())
    if not np.isfinite(rate).all() or not np.isfinite(j).all():
        return nothing
    size = max(float(np.abs(j).max()), float(error.max()) if known else 0.0)
    passes = np.maximum(np.abs(j), error if known else 0.0) > _ROUNDING * size
    moves = np.hypot(rate, twist) > _ROUNDING * np.hypot(rate, twist).max()
    if size == 0.0 or not (moves & passes).any():
        return nothing
    # exact zeros, by symmetry, weigh as much as the best known number
    sure = error > _ROUNDING * size if known else np.zeros_like(passes)
    known = known and bool(sure.any())
    kept, errors_of = passes | moves, np.where(sure, error, error[sure].min(initial=np.inf))
    data = j[kept], rate[kept], twist[kept]
    fit = tserkovnyak_fit(*data, errors_of[kept] if known else None)
    free = fit.degrees_of_freedom
    goodness = fit.chi2 / free if known and free > 0 else np.nan
    errors = (fit.a_stderr, fit.b_stderr) if known else (np.nan, np.nan)
    return fit.a, errors[0], fit.b, errors[1], goodness, *_dc_fit(j[0], error[0], twist[0])


def _dc_fit(j: Array, error: Array, twist: Array) -> tuple[float, float]:
    """Fit b of j = b (n×ṅ)_DC by plain least squares, and its error; NaN where the texture has no such DC part."""
    below = float(twist @ twist)
    if below == 0.0 or not np.abs(j).max() > 0.0:
        return np.nan, np.nan
    return float(j @ twist) / below, float(np.sqrt(np.sum((error * twist) ** 2))) / below


def motion_at_planes(problem: Problem) -> Motion:
    """Harmonics of ṅ and n×ṅ at a run's planes, means over their area.

    Parameters
    ----------
    problem : Problem
        The deck made ready, of either walk; a periodic drive.
    """
    model = problem.model
    if isinstance(model, Scene):
        return _scene_motion(kept_for_texture(model), user_of(problem))
    if model.Omega == 0.0 or not model.planes:
        return Motion(*(np.full((1 + 2 * model.harmonics, 3, len(model.planes)), np.nan),) * 2)
    cells = (np.arange(model.cells) + 0.5) * (model.length / model.cells)
    places = np.concatenate([np.array(model.planes), cells])
    C, cosine, sine = texture_profile(model, places)
    fields = []
    for phase in 2.0 * np.pi * np.arange(FEWEST_TIMES) / FEWEST_TIMES:
        c, s = np.cos(phase), np.sin(phase)
        fields.append((C + c * cosine + s * sine, model.Omega * (c * sine - s * cosine)))
    weights = _harmonic_weights(model.harmonics, FEWEST_TIMES)
    return _motion(fields, weights, len(model.planes), 1)


# The stop rule asks for one scene's motion at every look.
@lru_cache(maxsize=2)
def _scene_motion(scene: Scene, user: Any) -> Motion:
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
