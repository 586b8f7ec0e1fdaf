"""Charge of skew scattering along the layers, of every channel: the total spin current turned aside, and flown on.

Beside the inverse spin Hall formula, which it is where nothing varies within a mean free path: here charge flies on from
where it was scattered, walls that scatter diffusely end it, and they lower the conductance in the same way,

    E_i = −∫j_c,i dx / ∫σ dx          voltage = E_i × distance of the contacts

with ∫σ dx that of straight flights (Fuchs and Sondheimer), not Σσ_k d_k.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.scene import Problem
from mcpump.problem.skew import flown_conductivity, flows_along, skewed, skews
from mcpump.tally.amplitudes import spins_of
from mcpump.tally.estimates import Estimate
from mcpump.tally.scales import scale_of, units_of
from mcpump.tally.tally import Tally

Array = NDArray[np.float64]
TITLE = "charge current of skew scattering along the layers"


def skew_observables(
    problem: Problem, tally: Tally, found: dict[str, Estimate], raw: dict[str, Estimate]
) -> dict[str, Estimate]:
    """Estimates of the charge that skew scattering makes of spin currents; none without it.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    tally : Tally
        The books.
    found, raw : dict of str to Estimate
        What they tell, `spin_current` among it: NaN where it is not resolved, and as it was before.

    Returns
    -------
    dict of str to Estimate
        `skew_current` (channel, part, charge_direction, harmonic, x), its mean over the sample, `skew_current_mean`
        (channel, part, charge_direction, harmonic), and in SI `skew_field` and, between contacts, `skew_voltage`.
    """
    if not skews(problem.scene):
        return {}
    profile = _on_mesh(problem, raw["spin_current"], found["spin_current"])
    return {"skew_current": profile} | _means(problem, tally)


def _on_mesh(problem: Problem, current: Estimate, marked: Estimate) -> Estimate:
    """Current in each cell; not told where the spin current is not resolved."""
    scene = problem.scene
    worth = scale_of(problem, "charge_current") / scale_of(problem, "current")
    assert current.stderr is not None
    # channel, part, direction, harmonic, component, x → harmonic, x, the rest
    shape = current.mean[:, :, 0].shape
    raised = [np.moveaxis(one[:, :, 0], (2, 4), (0, 1)) for one in (current.mean, current.stderr)]
    flown = skewed(scene, *(one.reshape(*one.shape[:2], -1) for one in raised))
    mean, error = (
        worth * np.moveaxis(one.reshape(raised[0].shape), (0, 1), (2, 4)).reshape(shape) for one in flown
    )
    gone = np.isnan(marked.mean[:, :, 0])
    mean, error = (np.where(gone, np.nan, one) for one in (mean, error))
    told = [np.zeros((*shape[:2], 3, shape[2], shape[4])) for _ in range(2)]
    # e_x × j: y of −z, z of y
    for i, alpha, sign in ((1, 2, -1.0), (2, 1, 1.0)):
        if flows_along(scene)[i]:
            told[0][:, :, i], told[1][:, :, i] = sign * mean[:, :, :, alpha], error[:, :, :, alpha]
    dims = ("channel", "part", "charge_direction", "harmonic", "x")
    return Estimate(told[0], told[1], dims, units_of(problem)["charge_current"], TITLE, marked.not_resolved)


def _means(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Mean over the sample, and the field and voltage of an open circuit."""
    scene, worth = problem.scene, scale_of(problem, "charge_current")
    groups = tally.groups("converted").map(
        lambda s: np.concatenate([s[:, 2:4], s[:, 2:4].sum(axis=1, keepdims=True)], axis=1)
    )
    # groups, channel, part, direction, harmonic
    groups = groups.map(lambda s: np.moveaxis(spins_of(scene, s, worth), (0, 1, 2, 3, 4), (1, 4, 3, 0, 2)))
    dims = ("channel", "part", "charge_direction", "harmonic")
    unit = units_of(problem)["charge_current"]
    found = {
        "skew_current_mean": Estimate(
            *groups.estimate(lambda m: m), dims, unit, f"{TITLE}, mean over the sample"
        )
    }
    if not problem.scales.si:
        return found
    sigma = problem.conductivity * flown_conductivity(scene)
    sheet = sigma[0].real * problem.extents.lengths[0]
    layers = f"of a sheet conductance of {sheet:.4g} S along straight flights"

    def told(length: float, unit: str, title: str) -> Estimate:
        return Estimate(*groups.estimate(lambda m: length * _field(m, sigma)), dims, unit, title)

    found["skew_field"] = told(1.0, "V/m", f"skew scattering field of an open circuit, {layers}")
    if problem.contact_distance > 0.0:
        title = f"skew scattering voltage between contacts {problem.contact_distance:g} m apart, {layers}"
        found["skew_voltage"] = told(problem.contact_distance, "V", title)
    return found


def _field(current: Array, sigma: NDArray[np.complex128]) -> Array:
    """−j/σ of every harmonic, the last axis dc, cos1, sin1, …."""
    field = np.empty_like(current)
    field[..., 0] = -current[..., 0] / sigma[0].real
    for n in range(1, len(sigma)):
        # the amplitudes c, s of cos and sin are c − is of e^{iΩt}
        wave = -(current[..., 2 * n - 1] - 1j * current[..., 2 * n]) / sigma[n]
        field[..., 2 * n - 1], field[..., 2 * n] = wave.real, -wave.imag
    return field
