"""Lines of the table on Tserkovnyak's form, the spin Hall effect, and which of the paper's conclusions a run shows."""

from __future__ import annotations

import math
import tomllib
from typing import Any

import numpy as np

from mcpump.errors import McpumpError
from mcpump.problem.headline import Headline
from mcpump.problem.scene import Scene
from mcpump.report.charge import NAMES
from mcpump.report.conversion import FormulaRatios, Ratio, formula_ratios, impurity_sources, torque_ratios
from mcpump.report.crossover import problem_of
from mcpump.report.words import (
    exchange_of,
    headline_of,
    is_fitted,
    labels,
    mesh_axes,
    number,
    place,
    plane_places,
    positions,
    power_of_ten,
    pretty,
    scaled,
    tied,
    wrap,
)
from mcpump.tally.estimates import Estimate, Result
from mcpump.theory.paper_charge import spin_hall_bar_current, spin_hall_bar_density

VAGUE, CLEAR, NEAR = 4.0, 0.25, 0.5
"""Errors that a difference must have; a share that is no longer small; how far from 1 a ratio "about" 1 may be."""
WRONG = 0.1
"""Share of the current left by a fit from which it is no fit."""
_TOTAL = 2


def pumping_lines(result: Result) -> list[str]:
    """Lines on Tserkovnyak's form aṅ + b n×ṅ at the planes; none where it was not fitted."""
    if "pumping_b" not in result.estimates:
        return []
    if not is_fitted(result):
        return wrap(
            f"Tserkovnyak's form is not told: an older mcpump fitted it, maybe not to {headline_of(result).title}"
        )
    b = result.estimates["pumping_b"]
    texts = []
    for plane, where in enumerate(plane_places(result)):
        if math.isfinite(float(b.mean[plane])):
            texts.append(f"{tied(f'x = {where}')} {_fit_text(result, plane)}")
    channel = headline_of(result).title
    head = f"Tserkovnyak's form a ṅ + b n×ṅ of the spin current, n = S/|S|, {channel}, for comparison"
    return wrap(f"{head}: {'; '.join(texts)}") if texts else []


def _fit_text(result: Result, plane: int) -> str:
    """Coefficients, effective mixing conductances and misfit at one plane."""
    named = {"a": "pumping_a", "b": "pumping_b", "4πb/ħ": "mixing_conductance"}
    named["4πb/ħ of DC alone"] = "mixing_conductance_dc"
    texts = []
    for words, name in named.items():
        one = result.estimates[name]
        if math.isfinite(float(one.mean[plane])):
            noise = 0.0 if one.stderr is None else np.nan_to_num(one.stderr[plane])
            power = power_of_ten(np.array([np.maximum(abs(one.mean[plane]), noise)]))
            size = f"({scaled(one, 10.0**-power, plane)})e{power}" if power else scaled(one, 1.0, plane)
            texts.append(tied(f"{words} = {size} {pretty(one.units)}"))
    misfit = result.estimates.get("pumping_misfit")
    if misfit is not None and math.isfinite(float(misfit.mean[plane])):
        verdict = " (the current does not have this form)" if misfit.mean[plane] > WRONG else ""
        texts.append(tied(f"misfit {scaled(misfit, 100.0, plane)} %") + verdict)
    return ", ".join(texts)


# --- spin Hall effect ----------------------------------------------------------------------------


def hall_lines(result: Result) -> list[str]:
    """Lines on the spin that an electric field drives: J, currents through planes, and accumulation at the faces."""
    if "spin_hall_drive" not in result.estimates or "spin_hall" not in labels(result, "channel"):
        return []
    lines = [_drive_line(result)]
    lines += _plane_lines(result) + _face_lines(result)
    return [line for one in lines for line in wrap(one)]


def _drive_line(result: Result) -> str:
    drive = result.estimates["spin_hall_drive"]
    scale, texts = power_of_ten(drive.mean), []
    for i, axis in enumerate(labels(result, "direction")):
        for k, component in enumerate(labels(result, "component")):
            values = drive.mean[i, k]
            if np.any(values):
                low, high = values.min() * 10.0**-scale, values.max() * 10.0**-scale
                size = f"{low:.6g}" if high - low < 1e-9 * abs(high) else f"{low:.6g} … {high:.6g}"
                texts.append(tied(f"spin {component} along {axis} {size}"))
    unit = f"1e{scale} {pretty(drive.units)}" if scale else pretty(drive.units)
    return f"Spin Hall effect: the field drives [{unit}] {', '.join(texts) or 'nothing along the mesh'}"


def _plane_lines(result: Result) -> list[str]:
    """Currents through planes, drive included, with diffusion's beside them."""
    current = result.estimates.get("plane_current")
    if current is None:
        return []
    channel = labels(result, "channel").index("spin_hall")
    theory, scale = _bar(result), power_of_ten(current.mean[channel, :, 0, 0])
    texts = []
    for plane, where in enumerate(plane_places(result)):
        for k in _components(current, (channel, _TOTAL, 0, 0), (plane,)):
            text = f"x = {where} {labels(result, 'component')[k]} "
            text += scaled(current, 10.0**-scale, channel, _TOTAL, 0, 0, k, plane)
            if theory is not None:
                x = float(positions(result, "plane").mean[plane])
                text += f" (diffusion {theory.current(x, k) * 10.0**-scale:.4g})"
            texts.append(tied(text))
    return [
        f"  through planes, drive and diffusion back [{_unit(current, scale)}]: {', '.join(texts)}"
    ] * bool(texts)


def _face_lines(result: Result) -> list[str]:
    """Spin density in the cells at the faces, means over each face."""
    density = result.estimates["spin_density"]
    channel = labels(result, "channel").index("spin_hall")
    scale, theory = power_of_ten(density.mean[channel, :, 0]), _bar(result)
    axes, texts = mesh_axes(result), []
    for i, axis in enumerate(axes):
        if _is_periodic(result, axis):
            continue
        others = tuple(2 + j - 1 for j in range(len(axes)) if j != i)
        for end in (0, -1):
            at_face = _at_face(density, (channel, _TOTAL, 0), i, end, others)
            x = float(positions(result, axis).mean[end])
            for k in _components(at_face, (), ()):
                where = place(x, positions(result, axis).units)
                text = f"{axis} = {where} {labels(result, 'component')[k]} {scaled(at_face, 10.0**-scale, k)}"
                if theory is not None and axis == "x":
                    text += f" (diffusion {theory.density(x, k) * 10.0**-scale:.4g})"
                texts.append(tied(text))
    head = f"  accumulation in the cells at the faces [{_unit(density, scale)}]"
    return [f"{head}: {', '.join(texts)}"] * bool(texts)


def _at_face(
    density: Estimate, index: tuple[int, ...], axis: int, end: int, others: tuple[int, ...]
) -> Estimate:
    """Components of the density in the layer of cells at a face; errors of its cells as if they agreed."""
    parts = [density.mean[index], np.zeros_like(density.mean[index])]
    if density.stderr is not None:
        parts[1] = density.stderr[index]
    mean, error = (part.take(end, axis=1 + axis) for part in parts)
    if others:
        rest = tuple(range(1, mean.ndim))
        mean, error = mean.mean(axis=rest), error.mean(axis=rest)
    return Estimate(mean, error, ("component",), density.units, "")


def _components(estimate: Estimate, before: tuple[int, ...], after: tuple[int, ...]) -> list[int]:
    """Components that stand out of their errors."""
    index: tuple[Any, ...] = (*before, slice(None), *after)
    size = np.abs(estimate.mean[index])
    error = np.zeros_like(size) if estimate.stderr is None else np.nan_to_num(estimate.stderr[index])
    return [int(k) for k in np.flatnonzero((size > VAGUE * error) & (size > 1e-9 * size.max(initial=0.0)))]


def _unit(estimate: Estimate, scale: int) -> str:
    return f"1e{scale} {pretty(estimate.units)}" if scale else pretty(estimate.units)


def _is_periodic(result: Result, axis: str) -> bool:
    """Whether the deck says that the sample is periodic along an axis."""
    sample: dict[str, Any] = tomllib.loads(result.resolved).get("sample", {})
    return bool(sample.get(axis, {}).get("left") == "periodic")


class _Bar:
    """Diffusion theory of a uniform bar |x − L/2| < L/2 between closed faces."""

    def __init__(self, width: float, lam_s: float, D: float, drive: np.ndarray) -> None:
        self.width, self.lam_s, self.D, self.drive = width, lam_s, D, drive

    def density(self, x: float, component: int) -> float:
        """Density of a component at x."""
        numbers = self.width, self.lam_s, self.D, self.drive[component]
        return float(spin_hall_bar_density(x - 0.5 * self.width, *numbers))

    def current(self, x: float, component: int) -> float:
        """Total current of a component at x."""
        return float(
            spin_hall_bar_current(x - 0.5 * self.width, self.width, self.lam_s, self.drive[component])
        )


def _bar(result: Result) -> _Bar | None:
    """Diffusion theory of a run's bar; None where it is not uniform along x, or its faces are not closed."""
    try:
        problem = problem_of(result)
    except (McpumpError, KeyError):
        return None
    scene = problem.model
    if not isinstance(scene, Scene) or scene.axes > 1 or len(scene.layers) > 1:
        return None
    if scene.periodic[0] or any(scene.absorption):
        return None
    scales, layer = problem.scales, scene.layers[0]
    D = layer.v**2 / (scene.dimension * layer.rate)
    lam_s = math.sqrt(D / layer.gamma_sf) if layer.gamma_sf > 0.0 else math.inf
    drive = result.estimates["spin_hall_drive"].mean[0, :, 0]
    return _Bar(
        scene.lengths[0] * scales.length, lam_s * scales.length, D * scales.length**2 / scales.time, drive
    )


# --- the paper's conclusions ---------------------------------------------------------------------


def conclusion_lines(result: Result) -> list[str]:
    """Sentences on which of the paper's conclusions the run's numbers support, with these numbers."""
    if not Headline("sum", exchange_of(result)).holds:
        return []  # they are of lowest order in J
    lines: list[str] = []
    found = torque_ratios(result)
    if found is not None and found.torque.known:
        lines += wrap(torque_sentence(found.torque, found.spin_current))
    for source in impurity_sources(result):
        ratios = formula_ratios(result, source)
        if ratios.charge.known and ratios.local.known:
            lines += wrap(formula_sentence(result, source, ratios))
    return lines


def torque_sentence(torque: Ratio, spin_current: Ratio) -> str:
    """What the local Rashba charge current follows."""
    told = f"W is {number(*torque)} times a_R × T"
    if spin_current.known:
        told += f", and a_R × ∇·j of the local spin current would give {number(*spin_current)} times that"
    follows = abs(torque.value - 1.0) <= NEAR and torque.value > VAGUE * torque.error
    other = abs(spin_current.value) + VAGUE * spin_current.error if spin_current.known else math.inf
    if follows and other < NEAR * torque.value:
        return f"Rashba: the local charge current W follows the torque, not the local spin current: {told}"
    return f"Rashba, local charge current W: {told}"


def formula_sentence(result: Result, source: str, ratios: FormulaRatios) -> str:
    """What share of the spin current impurities turn into charge."""
    charge, local = ratios
    told = (
        f"the charge current is {number(*charge)} of what the inverse spin Hall formula makes of the total spin current, "
        f"whose local share there is {number(*local)}"
    )
    share = _expected_share(result)
    if math.isfinite(share):
        told += f"; (ℓ/λ)²/d = {share:.3g}"
    agree = abs(charge.value - local.value) <= VAGUE * (charge.error + local.error)
    clear = charge.value > VAGUE * charge.error and charge.value + VAGUE * charge.error < 1.0
    title = NAMES[source]
    if not (agree and clear):
        return f"{title}: {told}"
    order = ", a share of order (ℓ/λ)²" if share < CLEAR and 0.2 < charge.value / share < 5.0 else ""
    return f"{title}: only the local spin current converts{order}: {told}"


def _expected_share(result: Result) -> float:
    """(ℓ/λ)²/d; NaN where the run knows no λ."""
    ratio = result.regime.get("ell/lambda", (math.nan, "", ""))[0]
    try:
        dimension = int(tomllib.loads(result.resolved).get("electrons", {}).get("dimension", 3))
    except (TypeError, ValueError):
        dimension = 3
    return ratio * ratio / dimension
