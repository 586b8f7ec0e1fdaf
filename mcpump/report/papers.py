"""Sweeps of three decks beside the experiments that they are made after: what was published ± its error, and ours.

============================ ==============================================================================
`run/co_pt.toml`             Rojas-Sánchez et al., PRL 112, 106602: two lengths of Co|Pt
`run/magnet_thickness.toml`  Ghosh et al., APL 98, 052508: K tⁿ of FM|Cu|Pt
`run/copper_spacer.toml`     Mizukami et al., PRB 66, 104413: damping of Py|Cu|Pt against copper
============================ ==============================================================================
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.constants import HBAR, MU_BOHR
from mcpump.deck.read import deck_from_dict
from mcpump.errors import InputError, show
from mcpump.report.words import aligned, number, told_channel
from mcpump.tally.estimates import Result

Array = NDArray[np.float64]
SATURATED = 0.9
"""Share of its limit at which a quantity is called saturated; tanh(t/2λ_s) has it at t = 2.94 λ_s."""
PERMALLOY = 0.007
"""Damping of the permalloy film without platinum, assumed."""


class Points(NamedTuple):
    """What a sweep tells, in the order of the swept thickness [nm]."""

    x: Array
    y: Array
    error: Array


class Row(NamedTuple):
    """A number that was published, and ours."""

    what: str
    published: str
    value: float
    error: float
    between: tuple[float, float] | None = None
    """Published value and its standard error, where it has one."""


class Paper(NamedTuple):
    """An experiment, and what to hold against it."""

    title: str
    swept: str
    """Key whose values are the points."""
    rows: Callable[[Sequence[Result]], list[Row]]


def papers_table(runs: Sequence[Result]) -> str:
    """Numbers of the sweep of one deck beside those of its paper.

    Parameters
    ----------
    runs : sequence of Result
        Points of a sweep of `run/co_pt.toml`, `run/magnet_thickness.toml` or `run/copper_spacer.toml`.

    Raises
    ------
    InputError
        If they are of another deck, or do not vary what the paper varied.
    """
    paper = paper_of(runs)
    rows = [["", "published", "mcpump", "deviation"]]
    for row in paper.rows(runs):
        apart = ""
        if row.between:
            apart = f"{(row.value - row.between[0]) / math.hypot(row.between[1], row.error):+.1f} σ"
        rows.append([row.what, row.published, number(row.value, row.error), apart])
    lines = aligned(rows, ["<", "   >", "   >", "   >"])
    return "\n".join([f"{paper.title}: {len(runs)} points", *(f"  {line}" for line in lines)]) + "\n"


def paper_of(runs: Sequence[Result]) -> Paper:
    """Paper of a sweep's deck."""
    names = {run.name for run in runs}
    known = PAPERS.get(next(iter(names)).removesuffix(".toml")) if len(names) == 1 else None
    if known is None:
        raise InputError(
            f"{', '.join(sorted(names))} is the deck of no paper: sweep one of {', '.join(PAPERS)} (`mcpump example`)"
        )
    x = thicknesses(runs, known.swept)
    if len(set(x)) < 3:
        raise InputError(
            f"{show(known.swept)} has {len(set(x))} values in these files: three or more are needed"
        )
    return known


def thicknesses(runs: Sequence[Result], key: str) -> list[float]:
    """Values of the swept thickness [nm]."""
    decks = [deck_from_dict(run.deck, run.name) for run in runs]
    if key == "electrons.thickness":
        return [deck.magnet.thickness * 1e9 if deck.magnet else math.nan for deck in decks]
    place = int(key.removeprefix("layer[").partition("]")[0])
    ends = [[*(layer.start for layer in deck.layer), deck.sample.x.length] for deck in decks]
    return [(end[place + 1] - end[place]) * 1e9 for end in ends]


def damping_points(runs: Sequence[Result], key: str) -> Points:
    """Extra damping through the first plane against a thickness."""
    found = [told_channel(run, "extra_damping") for run in runs]
    first = [one.sel(plane=one.places("plane")[0]) for one in found]
    return _points(
        thicknesses(runs, key), [float(one.mean) for one in first], [float(one.error) for one in first]
    )


def charge_points(runs: Sequence[Result], key: str) -> Points:
    """Charge current of the inverse spin Hall formula, per width of the film [A/m], against a thickness."""
    means = [told_channel(run, "inverse_spin_hall_current_mean") for run in runs]
    along = [one.sel(part="total", charge_direction="y", harmonic="dc") for one in means]
    lengths = [deck_from_dict(run.deck, run.name).sample.x.length for run in runs]
    value = [abs(float(one.mean)) * length for one, length in zip(along, lengths, strict=True)]
    return _points(
        thicknesses(runs, key), value, [float(one.error) * d for one, d in zip(along, lengths, strict=True)]
    )


def relaxation_points(runs: Sequence[Result], key: str) -> Points:
    """Additional relaxation rate of Gilbert, γM_s α' of Gaussian units [1e6/s], against a thickness."""
    rates = []
    for run in runs:
        magnet = deck_from_dict(run.deck, run.name).magnet
        assert magnet is not None
        # γ of Gaussian units is that of SI times 1e-4, M_s that of SI times 1e-3
        rates.append(magnet.g_factor * MU_BOHR / HBAR * magnet.saturation_magnetization * 1e-7 * 1e-6)
    damping, order = damping_points(runs, key), np.argsort(thicknesses(runs, key))
    rate = np.array(rates)[order]
    return Points(damping.x, damping.y * rate, damping.error * rate)


def _points(x: Sequence[float], y: Sequence[float], error: Sequence[float]) -> Points:
    order = np.argsort(x)
    return Points(*(np.array(values)[order] for values in (x, y, error)))


def saturation(points: Points) -> tuple[float, float]:
    """Thickness at which a quantity has come to SATURATED of that at the thickest point, and its error."""
    share = points.y / points.y[-1]
    after = int(np.argmax(share >= SATURATED))
    if after == 0:
        raise InputError(f"the thinnest point has {share[0]:.2f} of the limit already: sweep thinner layers")
    # what is missing falls about as an exponential
    left = np.log(1.0 - share[after - 1]), np.log(max(1.0 - share[after], 1e-12))
    slope = (left[1] - left[0]) / (points.x[after] - points.x[after - 1])
    x = points.x[after - 1] + (math.log(1.0 - SATURATED) - left[0]) / slope
    noise = math.hypot(points.error[after - 1], points.error[-1]) / points.y[-1]
    return float(x), abs(noise / (1.0 - share[after - 1]) / slope)


def power_law(points: Points) -> tuple[tuple[float, float], tuple[float, float]]:
    """Exponent n and factor K of K tⁿ [t in nm], nearest in logarithms; each with its error."""
    design = np.stack([np.log(points.x), np.ones_like(points.x)], axis=1)
    solve = np.linalg.pinv(design)
    (n, log_K), noise = solve @ np.log(points.y), np.hypot.reduce(solve * points.error / points.y, axis=1)
    return (float(n), float(noise[0])), (math.exp(log_K), math.exp(log_K) * float(noise[1]))


def _two_lengths(runs: Sequence[Result]) -> list[Row]:
    damping, charge = (take(runs, "layer[1].thickness") for take in (damping_points, charge_points))
    what = f"platinum at which {{}} is {SATURATED * 100:g} % of the thickest film's [nm]"
    return [
        Row(what.format("the damping"), "about 1.7", *saturation(damping)),
        Row(what.format("the inverse spin Hall current"), "about 10", *saturation(charge)),
    ]


def _inverse_power(runs: Sequence[Result]) -> list[Row]:
    n, K = power_law(relaxation_points(runs, "electrons.thickness"))
    return [
        Row("exponent n of the additional relaxation rate K tⁿ", "-1.04 ± 0.06", *n, (-1.04, 0.06)),
        Row("K [MHz nm]", "224 ± 40", *K, (224.0, 40.0)),
    ]


def _spacer(runs: Sequence[Result]) -> list[Row]:
    points = damping_points(runs, "layer[0].thickness")
    said = {10.0: "about 2", 250.0: "1"}
    rows = []
    for copper, published in said.items():
        near = int(np.argmin(np.abs(points.x - copper)))
        if abs(points.x[near] - copper) > 0.01 * copper:
            raise InputError(
                f"the sweep has no point at {copper:g} nm of copper, where the paper tells the damping"
            )
        what = f"damping with platinum over without, {copper:g} nm of copper"
        rows.append(Row(what, published, 1.0 + points.y[near] / PERMALLOY, points.error[near] / PERMALLOY))
    return rows


PAPERS = {
    "co_pt": Paper(
        "Rojas-Sánchez et al., Phys. Rev. Lett. 112, 106602 (2014), Co|Pt", "layer[1].thickness", _two_lengths
    ),
    "magnet_thickness": Paper(
        "Ghosh et al., Appl. Phys. Lett. 98, 052508 (2011), FM|Cu|Pt", "electrons.thickness", _inverse_power
    ),
    "copper_spacer": Paper(
        f"Mizukami et al., Phys. Rev. B 66, 104413 (2002), Py|Cu|Pt; damping without platinum {PERMALLOY:g}, assumed",
        "layer[0].thickness", _spacer,
    ),
}  # fmt: skip
"""Deck → its paper."""
