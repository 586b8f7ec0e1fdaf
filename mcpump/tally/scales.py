"""Names, units and scales of what a run measures, the same for all walks."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from mcpump.problem.headline import Headline, headline
from mcpump.problem.scene import Problem
from mcpump.tally.estimates import Estimate

Array = NDArray[np.float64]

_EXACT = 2**53
"""Integers up to this are doubles."""
_SI = {
    "length": "m", "time": "s", "density": "J s/m^3", "current": "J/m^2", "torque": "J/m^3",
    "potential": "J/m", "content": "J s/m^2", "charge_current": "A/m^2", "charge_density": "C/m^3",
    "charge_divergence": "A/m^3", "rashba_coefficient": "A m/J",
}  # fmt: skip
_REDUCED = {
    "length": "ell", "time": "tau", "density": "hbar nu J", "current": "hbar nu J v_F",
    "torque": "hbar nu J/tau", "potential": "hbar nu J v_F ell", "content": "hbar nu J ell",
    "charge_current": "e nu J v_F", "charge_density": "e nu J",
    "charge_divergence": "e nu J/tau", "rashba_coefficient": "e ell/hbar",
}  # fmt: skip


def bins(end: float, count: int) -> tuple[Array, Array]:
    """Centres and edges of equal bins from 0 to `end`: the doubles nearest to them where `end` is a short decimal number.

    So a place is found by the number that a user writes, 30e-9 for 30 nm.
    """
    marks = _multiples(end, 2 * count)
    return marks[1::2], marks[::2]


def _multiples(end: float, count: int) -> Array:
    """0, end/count, 2 end/count, …, end, of integers that are exact in doubles wherever the digits of `end` allow."""
    sign, digits, exponent = Decimal(repr(float(end))).normalize().as_tuple()
    number = int("".join(map(str, digits))) * 10 ** max(int(exponent), 0)
    parts = count * 10 ** max(-int(exponent), 0)
    exact = not sign and number * count < _EXACT and int(float(parts)) == parts
    if not exact:
        return np.linspace(0.0, end, count + 1)
    marks: Array = np.arange(count + 1, dtype=np.float64) * float(number) / float(parts)
    return marks


def channels_of(problem: Problem) -> tuple[str, ...]:
    """Channels in the results: those walked and, where `first` and `second` are both there, their `sum`."""
    scene = problem.scene
    return (*scene.channels, "sum") if scene.has_sum else scene.channels


def headline_of(problem: Problem) -> Headline:
    """Channel that a run's headlines tell."""
    return headline(channels_of(problem), problem.scene.exchange)


def units_of(problem: Problem) -> dict[str, str]:
    """Units' names of a deck: SI, or those of reduced decks; a pulse counts its own spin per area."""
    if problem.scene.pulse:
        if problem.scales.si:
            return {"length": "m", "time": "s", "density": "1/m^3", "current": "1/(m^2 s)", "content": "1"}
        return {"length": "ell", "time": "tau", "density": "1/ell", "current": "1/tau", "content": "1"}
    return dict(_SI if problem.scales.si else _REDUCED)


def scale_of(problem: Problem, kind: str) -> float:
    """What one reduced unit of a kind of quantity (a key of `units_of`) is worth in the deck's units."""
    scales = problem.scales
    if kind == "potential":
        return scales.density * scales.length * scales.length / scales.time
    if kind == "content":
        return scales.density * scales.length
    if kind.startswith("charge_"):
        spin = {"current": scales.current, "density": scales.density, "divergence": scales.torque}
        return spin[kind.removeprefix("charge_")] * scales.charge_per_spin / 2.0 if scales.si else 1.0
    return float(getattr(scales, kind))


def spin_potential(problem: Problem, density: Estimate, D: Array | float) -> Estimate:
    """Effective spin potential μ_s = D(ρ_s − ħνJS) = D g, Eqs. (9), (10) and (14).

    Its −∇μ_s is the diffusive current as ℓ/λ → 0, and fails to be as ℓ/λ grows.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    density : Estimate
        Spin density g (channel, part, harmonic or time, component, x[, y[, z]]).
    D : float or array
        Diffusion coefficient [ℓ²/τ], a number, or one for each cell (x[, y[, z]], where it varies).

    Returns
    -------
    Estimate
        Dimensions of the density; J/m, or ħνJ v_F ℓ. Where the density is known about its sample mean only (a sample
        without a sink), so is the potential.
    """
    scales = problem.scales
    worth = np.asarray(D) * (scales.length * scales.length / scales.time)
    stderr = None if density.stderr is None else density.stderr * worth
    title = "effective spin potential mu_s = D g, Eq. (14)"
    return Estimate(density.mean * worth, stderr, density.dims, units_of(problem)["potential"], title)
