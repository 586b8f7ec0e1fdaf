"""The inverse spin Hall formula, θ_SH (2e/ħ) ε_ijα j_j^α, of every channel: what is read where spins turn into charge.

Of the total current it is what experiments are evaluated with; of the local part, what the paper finds that impurities
convert, Eq. (30). An open circuit cancels the mean current by a field along the layers, which conduct in parallel:

    E_i = −∫j_c,i dx / Σσ_k d_k = −(mean of j_c,i)/(mean of σ)          voltage = E_i × distance of the contacts

over all layers of the sample, the magnet among them where it has electrons.
"""

from __future__ import annotations

import numpy as np

from mcpump.names import AXES
from mcpump.problem.scene import Problem
from mcpump.problem.spin_hall import mean_over_cells
from mcpump.tally.amplitudes import spins_of
from mcpump.tally.charge import mean_conductivity
from mcpump.tally.estimates import Estimate
from mcpump.tally.scales import scale_of, units_of
from mcpump.tally.tally import Tally
from mcpump.walk.charge_profiles import converts

TITLE = "inverse spin Hall formula theta_SH (2e/hbar) eps_ija j_j^a"


def inverse_spin_hall_observables(
    problem: Problem, tally: Tally, found: dict[str, Estimate]
) -> dict[str, Estimate]:
    """Estimates of the inverse spin Hall formula; none where no layer has a θ_SH.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    tally : Tally
        The books.
    found : dict of str to Estimate
        What they tell, `spin_current` among it, NaN where it is not resolved.

    Returns
    -------
    dict of str to Estimate
        `inverse_spin_hall_current` (channel, part, charge_direction, clock, mesh). In a periodic drive its mean over the
        sample, `inverse_spin_hall_current_mean` (channel, part, charge_direction, harmonic), and in SI
        `inverse_spin_hall_field` and, between contacts, `inverse_spin_hall_voltage`.
    """
    if not any(layer.angle for layer in problem.scene.layers) or problem.scene.pulse:
        return {}
    profile = {"inverse_spin_hall_current": _on_mesh(problem, found["spin_current"])}
    return profile | _means(problem, tally) if converts(problem.scene) else profile


def _on_mesh(problem: Problem, current: Estimate) -> Estimate:
    """Formula in each cell."""
    scene = problem.scene
    angles = mean_over_cells(scene, np.array([2.0 * layer.angle for layer in scene.layers]))
    worth = scale_of(problem, "charge_current") / scale_of(problem, "current")
    along = (angles * worth).reshape(-1, *(1,) * (scene.axes - 1))
    where = along != 0.0
    assert current.stderr is not None
    # channel, part, direction, clock, component, mesh
    shape = current.mean.shape
    mean, error = (np.zeros((*shape[:2], 3, shape[3], *shape[5:])) for _ in range(2))
    for j in range(scene.axes):
        for i, alpha, sign in (((j + 2) % 3, (j + 1) % 3, 1.0), ((j + 1) % 3, (j + 2) % 3, -1.0)):
            one, its = (part[:, :, j, :, alpha] for part in (current.mean, current.stderr))
            mean[:, :, i] += np.where(where, sign * along * one, 0.0)
            # flows along two directions are not correlated: each walker's directions are isotropic
            error[:, :, i] = np.hypot(error[:, :, i], np.where(where, np.abs(along) * its, 0.0))
    dims = ("channel", "part", "charge_direction", scene.clock, *AXES[: scene.axes])
    return Estimate(mean, error, dims, units_of(problem)["charge_current"], TITLE, current.not_resolved)


def _means(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Formula, mean over the sample, and the field and voltage of an open circuit."""
    scene, worth = problem.scene, scale_of(problem, "charge_current")
    groups = tally.groups("converted").map(
        lambda s: np.concatenate([s[:, :2], s[:, :2].sum(axis=1, keepdims=True)], axis=1)
    )
    # groups, channel, part, direction, harmonic
    groups = groups.map(lambda s: np.moveaxis(spins_of(scene, s, worth), (0, 1, 2, 3, 4), (1, 4, 3, 0, 2)))
    dims = ("channel", "part", "charge_direction", "harmonic")

    def told(factor: float, unit: str, title: str) -> Estimate:
        return Estimate(*groups.estimate(lambda m: factor * m), dims, unit, title)

    unit = units_of(problem)["charge_current"]
    found = {"inverse_spin_hall_current_mean": told(1.0, unit, f"{TITLE}, mean over the sample")}
    if not problem.scales.si:
        return found
    sigma = mean_conductivity(problem)
    layers = f"all layers in parallel, sum of sigma d = {sigma * problem.extents.lengths[0]:.4g} S"
    title = f"inverse spin Hall field of an open circuit, {layers}"
    found["inverse_spin_hall_field"] = told(-1.0 / sigma, "V/m", title)
    if problem.contact_distance > 0.0:
        title = f"inverse spin Hall voltage between contacts {problem.contact_distance:g} m apart, {layers}"
        found["inverse_spin_hall_voltage"] = told(-problem.contact_distance / sigma, "V", title)
    return found
