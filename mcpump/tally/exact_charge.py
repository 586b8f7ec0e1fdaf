"""Charge that first flights of `exact` make: W of PHYSICS, with finite rotation in place of an order of J.

Impurities convert its local current, Rashba coupling its local density,

    W_i = a_imp ε_ijα j_j^(local)α          W = a_R × (g^(local) − g_first^(local))/τ,

where the first order in J, which drives no Rashba current, is left out; of a steady drive it has no DC part. Along
directions that the mesh does not have W is the whole charge current; the dipoles that W leaves along the mesh are not
walked.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcpump.names import AXES
from mcpump.problem.scene import Problem, Scene
from mcpump.problem.spin_hall import mean_over_cells
from mcpump.tally.amplitudes import spins_of
from mcpump.tally.charge import mean_conductivity
from mcpump.tally.estimates import Estimate
from mcpump.tally.scales import scale_of, units_of
from mcpump.tally.tally import Groups, Tally
from mcpump.walk.charge_profiles import converts

Array = NDArray[np.float64]
TITLE = "charge current of first flights, channel exact"


def exact_sources(scene: Scene) -> tuple[str, ...]:
    """What makes charge of `exact`: `rashba`, `impurity`, and their `sum` where both do; none where it was not walked."""
    if "exact" not in scene.channels or scene.pulse:
        return ()
    there = any(any(one.rashba) for one in scene.layers), any(one.impurity for one in scene.layers)
    found = tuple(name for name, one in zip(("rashba", "impurity"), there, strict=True) if one)
    return (*found, "sum") if len(found) > 1 else found


def exact_charge_coordinates(scene: Scene) -> dict[str, tuple[str, ...]]:
    """Labels of the axes of the charge of `exact`; none without it."""
    sources = exact_sources(scene)
    return {"exact_source": sources, "charge_direction": AXES} if sources else {}


def exact_charge_observables(
    problem: Problem, tally: Tally, found: dict[str, Estimate]
) -> dict[str, Estimate]:
    """Estimates of the charge of `exact`; none without spin-orbit coupling to charge.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    tally : Tally
        The books.
    found : dict of str to Estimate
        What they tell, `spin_density` and `inverse_spin_hall_current` among it.

    Returns
    -------
    dict of str to Estimate
        `exact_charge_current` (exact_source, charge_direction, clock, mesh). In a periodic drive its mean over the
        sample, `exact_charge_current_mean` (exact_source, charge_direction, harmonic), and in SI
        `exact_open_circuit_field` and, between contacts, `exact_open_circuit_voltage` (charge_direction, harmonic) of
        all sources.
    """
    if not exact_sources(problem.scene):
        return {}
    profile = {"exact_charge_current": _on_mesh(problem, found)}
    return profile if problem.scene.time_bins else profile | _means(problem, tally)


def _on_mesh(problem: Problem, found: dict[str, Estimate]) -> Estimate:
    """W in each cell."""
    scene, sources = problem.scene, exact_sources(problem.scene)
    parts, marks = [], ""
    if "rashba" in sources:
        parts.append(_rashba(problem, found["spin_density"]))
        marks = found["spin_density"].not_resolved
    if "impurity" in sources:
        formula = found["inverse_spin_hall_current"]
        exact = scene.channels.index("exact")
        parts.append((formula.mean[exact, 0], formula.error[exact, 0]))
        marks = marks or formula.not_resolved
    mean, error = (np.stack([part[i] for part in parts]) for i in range(2))
    if "sum" in sources:
        # density and current of the same flights: at most so large
        mean, error = (np.concatenate([one, one.sum(axis=0)[None]]) for one in (mean, error))
    dims = ("exact_source", "charge_direction", scene.clock, *AXES[: scene.axes])
    return Estimate(mean, error, dims, units_of(problem)["charge_current"], TITLE, marks)


def _rashba(problem: Problem, density: Estimate) -> tuple[Array, Array]:
    """−2E_so × g of first flights, less the first order, and its error: (direction, clock, mesh)."""
    scene = problem.scene
    worth = scale_of(problem, "charge_current") / scale_of(problem, "density")
    exact = scene.channels.index("exact")
    g, noise = density.mean[exact, 0].copy(), density.error[exact, 0].copy()
    later = slice(0 if scene.time_bins else 1, None)
    if "first" in scene.channels:
        first = scene.channels.index("first")
        g[later] -= density.mean[first, 0, later]
        noise[later] = np.hypot(noise[later], density.error[first, 0, later])
    else:
        g[later], noise[later] = np.nan, np.nan
    # (clock, component, mesh) → (component, clock, mesh)
    g, noise = np.moveaxis(g, 1, 0), np.moveaxis(noise, 1, 0)
    field = worth * mean_over_cells(scene, np.array([layer.rashba for layer in scene.layers])).T
    field = field.reshape(3, 1, -1, *(1,) * (scene.axes - 1))
    mean, square = np.zeros(g.shape), np.zeros(g.shape)
    for i in range(3):
        j, k = (i + 1) % 3, (i + 2) % 3
        acts = [field[one] != 0.0 for one in (j, k)]
        mean[i] = np.where(acts[0], field[j] * g[k], 0.0) - np.where(acts[1], field[k] * g[j], 0.0)
        square[i] = np.where(acts[0], (field[j] * noise[k]) ** 2, 0.0) + np.where(
            acts[1], (field[k] * noise[j]) ** 2, 0.0
        )
    return mean, np.sqrt(square)


def _means(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """W, mean over the sample, and the field and voltage of an open circuit."""
    groups = _groups(problem, tally)
    dims = ("exact_source", "charge_direction", "harmonic")
    unit = units_of(problem)["charge_current"]
    mean, error = groups.mean, groups.stderr()
    found = {"exact_charge_current_mean": Estimate(mean, error, dims, unit, f"{TITLE}, mean over the sample")}
    if not problem.scales.si:
        return found
    sigma = mean_conductivity(problem)

    def told(factor: float, unit: str, title: str) -> Estimate:
        return Estimate(factor * mean[-1], abs(factor) * error[-1], dims[1:], unit, title)

    found["exact_open_circuit_field"] = told(
        -1.0 / sigma, "V/m", f"open-circuit electric field, of the {TITLE}"
    )
    if problem.contact_distance > 0.0:
        title = f"open-circuit voltage between contacts {problem.contact_distance:g} m apart, of the {TITLE}"
        found["exact_open_circuit_voltage"] = told(-problem.contact_distance / sigma, "V", title)
    return found


def _groups(problem: Problem, tally: Tally) -> Groups:
    """W of every source, mean over the sample: groups of (source, direction, harmonic)."""
    scene, worth = problem.scene, scale_of(problem, "charge_current")
    sources, exact = exact_sources(scene), scene.channels.index("exact")

    def of(s: Array) -> Array:
        # groups, row, channel, direction, harmonic
        split = np.moveaxis(spins_of(scene, s, worth), (0, 1, 2, 3, 4), (2, 4, 3, 0, 1))
        parts = []
        if "rashba" in sources:
            rashba = split[:, -1, exact].copy()
            first = split[:, -1, scene.channels.index("first")] if "first" in scene.channels else np.nan
            rashba[..., 1:] -= first[..., 1:] if isinstance(first, np.ndarray) else first
            parts.append(rashba)
        if "impurity" in sources:
            assert converts(scene)
            parts.append(split[:, 0, exact])
        made = np.stack(parts, axis=1)
        return np.concatenate([made, made.sum(axis=1, keepdims=True)], axis=1) if "sum" in sources else made

    return tally.groups("converted").map(of)
