"""Lines of the table on Tserkovnyak's form, the spin Hall effect, and which of the paper's conclusions a run shows."""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np

from mcpump.errors import McpumpError
from mcpump.problem.headline import Headline
from mcpump.report.charge import NAMES
from mcpump.report.conversion import FormulaRatios, Ratio, formula_ratios, impurity_sources, torque_ratios
from mcpump.report.crossover import problem_of
from mcpump.report.damping import back_flow_lines
from mcpump.report.words import (
    at_plane,
    exchange_of,
    headline_of,
    in_tens,
    in_units,
    is_fitted,
    labels,
    mesh_axes,
    number,
    place,
    plane_current,
    positions,
    power_of_ten,
    pretty,
    tied,
    told_channel,
    wrap,
    written,
)
from mcpump.tally.estimates import Estimate, Result
from mcpump.theory.paper_charge import spin_hall_bar_current, spin_hall_bar_density

VAGUE, CLEAR, NEAR = 4.0, 0.25, 0.5
"""Errors that a difference must have; a share that is no longer small; how far from 1 a ratio "about" 1 may be."""
WRONG = 0.1
"""Share of the current left by a fit from which it is no fit."""


def pumping_lines(result: Result) -> list[str]:
    """Lines on Tserkovnyak's form aṅ + b n×ṅ at the planes; none where it was not fitted."""
    if "pumping_b" not in result.estimates:
        return []
    if not is_fitted(result):
        return wrap(
            f"Tserkovnyak's form is not told: an older mcpump fitted it, maybe not to {headline_of(result).title}"
        )
    b = told_channel(result, "pumping_b")
    texts = [
        f"{tied(at_plane(result, x))} {_fit_text(result, x)}"
        for x in b.places("plane")
        if math.isfinite(b.sel(plane=x).mean)
    ]
    channel = headline_of(result).title
    head = f"Tserkovnyak's form a ṅ + b n×ṅ of the spin current, n = S/|S|, {channel}, for comparison"
    return wrap(f"{head}: {'; '.join(texts)}") + back_flow_lines(result) if texts else []


def _fit_text(result: Result, x: float) -> str:
    """Coefficients, effective mixing conductances and misfit at one plane."""
    named = {"a": "pumping_a", "b": "pumping_b", "4πb/ħ": "mixing_conductance"}
    named["4πb/ħ of DC alone"] = "mixing_conductance_dc"
    found = {words: told_channel(result, name).sel(plane=x) for words, name in named.items()}
    texts = [
        tied(f"{words} = {in_tens(one)} {pretty(one.units)}")
        for words, one in found.items()
        if math.isfinite(one.mean)
    ]
    if "pumping_misfit" in result.estimates:
        misfit = told_channel(result, "pumping_misfit").sel(plane=x)
        if math.isfinite(misfit.mean):
            verdict = " (the current does not have this form)" if misfit.mean > WRONG else ""
            texts.append(tied(f"misfit {written(misfit, 100.0)} %") + verdict)
    return ", ".join(texts)


# --- spin Hall effect ----------------------------------------------------------------------------


def hall_lines(result: Result) -> list[str]:
    """Lines on the spin that an electric field drives: J, currents through planes, and accumulation at the faces."""
    if "spin_hall_drive" not in result.estimates or "spin_hall" not in labels(result, "channel"):
        return []
    lines = [_drive_line(result), *_plane_lines(result), *_face_lines(result)]
    return [line for one in lines for line in wrap(one)]


def _drive_line(result: Result) -> str:
    drive = result.estimates["spin_hall_drive"]
    power, texts = power_of_ten(drive.mean), []
    for axis, component in itertools.product(labels(result, "direction"), labels(result, "component")):
        values = drive.sel(direction=axis, component=component).mean
        if np.any(values):
            low, high = values.min() * 10.0**-power, values.max() * 10.0**-power
            size = f"{low:.6g}" if high - low < 1e-9 * abs(high) else f"{low:.6g} … {high:.6g}"
            texts.append(tied(f"spin {component} along {axis} {size}"))
    told = ", ".join(texts) or "nothing along the mesh"
    return f"Spin Hall effect: the field drives [{in_units(drive.units, power)}] {told}"


def _plane_lines(result: Result) -> list[str]:
    """Currents through planes, drive included, with diffusion's beside them."""
    if "plane_current" not in result.estimates:
        return []
    current = plane_current(result).sel(channel="spin_hall", harmonic="dc")
    theory, power, texts = _bar(result), power_of_ten(current.mean), []
    for x in current.places("plane"):
        here = current.sel(part="total", plane=x)
        for one in (here.sel(**there) for there in here.stands_out("component", errors=VAGUE)):
            text = f"{at_plane(result, x)} {one.coords['component']} {written(one, 10.0**-power)}"
            if theory is not None:
                text += f" (diffusion {theory.current(x, one.coords['component']) * 10.0**-power:.4g})"
            texts.append(tied(text))
    head = f"  through planes, drive and diffusion back [{in_units(current.units, power)}]"
    return [f"{head}: {', '.join(texts)}"] * bool(texts)


def _face_lines(result: Result) -> list[str]:
    """Spin density in the cells at the faces, means over each face."""
    density = result.estimates["spin_density"].sel(channel="spin_hall", harmonic="dc")
    power, theory, texts = power_of_ten(density.mean), _bar(result), []
    for axis in mesh_axes(result):
        if _is_periodic(result, axis):
            continue
        for x in density.places(axis)[[0, -1]]:
            at_face = _over_face(density.sel(part="total", **{axis: x}))
            for one in (at_face.sel(**there) for there in at_face.stands_out("component", errors=VAGUE)):
                where = place(x, positions(result, axis).units)
                text = f"{axis} = {where} {one.coords['component']} {written(one, 10.0**-power)}"
                if theory is not None and axis == "x":
                    text += f" (diffusion {theory.density(x, one.coords['component']) * 10.0**-power:.4g})"
                texts.append(tied(text))
    head = f"  accumulation in the cells at the faces [{in_units(density.units, power)}]"
    return [f"{head}: {', '.join(texts)}"] * bool(texts)


def _over_face(density: Estimate) -> Estimate:
    """Components of the density, mean over a layer of cells; errors of its cells as if they agreed."""
    cells = tuple(range(1, density.mean.ndim))
    mean, error = density.mean.mean(axis=cells), density.error.mean(axis=cells)
    return Estimate(mean, error, density.dims[:1], density.units, "", coords=density.coords)


def _is_periodic(result: Result, axis: str) -> bool:
    """Whether the deck says that the sample is periodic along an axis."""
    return bool(result.deck.get("sample", {}).get(axis, {}).get("left") == "periodic")


class _Bar(NamedTuple):
    """Diffusion theory of a uniform bar |x − L/2| < L/2 between closed faces."""

    width: float
    lam_s: float
    D: float
    drive: Estimate
    """By component."""

    def density(self, x: float, component: str) -> float:
        """Density of a component at x."""
        drive = float(self.drive.sel(component=component).mean)
        return float(spin_hall_bar_density(x - 0.5 * self.width, self.width, self.lam_s, self.D, drive))

    def current(self, x: float, component: str) -> float:
        """Total current of a component at x."""
        drive = float(self.drive.sel(component=component).mean)
        return float(spin_hall_bar_current(x - 0.5 * self.width, self.width, self.lam_s, drive))


def _bar(result: Result) -> _Bar | None:
    """Diffusion theory of a run's bar; None where it is not uniform along x, or its faces are not closed."""
    try:
        problem = problem_of(result)
    except (McpumpError, KeyError):
        return None
    scene = problem.scene
    if scene.axes > 1 or len(scene.layers) > 1:
        return None
    if scene.periodic[0] or any(scene.absorption):
        return None
    scales, layer = problem.scales, scene.layers[0]
    D = layer.v**2 / (scene.dimension * layer.transport)
    lam_s = math.sqrt(D / layer.gamma_sf) if layer.gamma_sf > 0.0 else math.inf
    drive = result.estimates["spin_hall_drive"]
    drive = drive.sel(direction="x", x=drive.places("x")[0])
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
    ratio = result.regime_number("ell/lambda")
    try:
        dimension = int(result.deck.get("electrons", {}).get("dimension", 3))
    except (TypeError, ValueError):
        dimension = 3
    return ratio * ratio / dimension
