"""What pumping costs the magnet: Gilbert damping and linewidth that follow from the DC spin current or torque."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mcpump.constants import HBAR, MU_BOHR
from mcpump.problem.scene import Magnet, Problem
from mcpump.tally.estimates import Estimate
from mcpump.theory.pumping import extra_damping

_SAME = 1e-9


def damping_observables(problem: Problem, found: Mapping[str, Estimate]) -> dict[str, Estimate]:
    """Damping α' = γħg/(4πM_s t) and linewidths of every channel; none without [magnet].

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    found : mapping of str to Estimate
        With `mixing_conductance_dc` and `mixing_conductance_torque`, of which they are multiples.

    Returns
    -------
    dict of str to Estimate
        `extra_damping`, `linewidth_field` (μ₀ΔH = 2α'Ω/γ) and `linewidth_frequency` (2α'Ω/2π), full widths at half
        maximum, (channel, plane), NaN at planes before the magnet's end. Of a magnet without electrons the same
        with `_torque`, (channel).
    """
    magnet, named = problem.magnet, dict[str, Estimate]()
    if magnet is None or not problem.scales.si or problem.scene.time_bins:
        return named
    if (dc := found.get("mixing_conductance_dc")) is not None:
        before = np.array(problem.extents.planes) < magnet.end - _SAME * problem.extents.lengths[0]
        named |= _of(problem, magnet, np.where(before, np.nan, 1.0), dc, "", ", of the DC spin current")
    torque = found.get("mixing_conductance_torque")
    if magnet.insulates and torque is not None:
        named |= _of(problem, magnet, 1.0, torque, "_torque", ", of the DC torque on all electrons")
    return named


def _of(
    problem: Problem, magnet: Magnet, known: float | np.ndarray, g: Estimate, end: str, what: str
) -> dict[str, Estimate]:
    """The three multiples of a mixing conductance."""
    alpha = extra_damping(1.0, magnet.saturation, magnet.thickness, magnet.g_factor) * known
    Omega = problem.scene.Omega / problem.scales.time
    rows = {
        "extra_damping": (1.0, "1", "Gilbert damping gained by pumping"),
        "linewidth_field": (
            2.0 * Omega * HBAR / (magnet.g_factor * MU_BOHR), "T", "full linewidth in field mu_0 dH, gained by pumping",
        ),
        "linewidth_frequency": (Omega / np.pi, "Hz", "full linewidth in frequency gained by pumping"),
    }  # fmt: skip
    assert g.stderr is not None
    return {
        name + end: Estimate(
            g.mean * alpha * factor, g.stderr * alpha * factor, g.dims, unit, title + what, g.not_resolved
        )
        for name, (factor, unit, title) in rows.items()
    }
