"""Errors are what they say: the spread of every number in the file over 24 seeds, against the error that it quotes.

Of a number R = spread²/quoted²; 23 R has the χ² distribution with 23 degrees of freedom where numbers are normal and the
error is right (what 64 blocks of each of 24 seeds leave open of the quoted error is 2 %). All numbers of a deck pass
with a false alarm of 1e-4 (Bonferroni, so that it does not matter that numbers share walkers): 0.15 < R < 3.5 or so.
The mean of R over a variable is held in closer bounds. Its degrees of freedom, by F. E. Satterthwaite, Biometrics
Bulletin 2, 110 (1946), follow from how much the seeds' shares in it scatter, which knows what numbers share; half of
them are taken, for they are known to some 30 %, and 23 at least, which is right where all numbers are one.
"""

import tomllib
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from scipy import stats

from mcpump.deck.read import deck_from_dict
from mcpump.deck.toml import override
from mcpump.problem.reduce import make_problem
from mcpump.tally.observables import observables
from mcpump.tally.tally import Tally
from mcpump.walk import rays
from mcpump.walk.blocks import ground_of

SEEDS, BLOCKS, ALARM = 24, 64, 1e-4
ROUNDING = 1e-11
"""Share of the largest error of a variable, and of 1e-4 of its largest number, that is rounding."""
DECKS = {
    "junction": [
        "sample.x.length=24 nm", "sample.x.cells=12", "texture.interface=12 nm", "run.walkers_per_block=512",
        "electrons.spin_diffusion_length=6 nm", "results.planes=['0 nm', '12 nm', '15 nm', '24 nm']",
    ],
    "spiral": [
        "electrons.spin_relaxation_time=none", "results.mean_density=false", "run.walkers_per_block=128",
    ],
    "azurv1": ["sample.x.cells=21", "results.time_bins=5", "run.walkers_per_block=1024"],
    "stack": ["sample.x.cells=12", "results.planes=['12 nm', '15 nm', '25 nm']", "run.walkers_per_block=64"],
    "exact": ["sample.x.cells=10", "run.walkers_per_block=64"],
    "switch_on": [
        "results.channels=['first', 'second']", "results.time_bins=10", "electrons.spin_relaxation_time=10",
        "sample.x.cells=8", "run.walkers_per_block=64",
    ],
    "rashba": ["electrons.spin_diffusion_length=3 nm", "run.walkers_per_block=64"],
    "impurity": ["run.walkers_per_block=64"],
    "py_pt": ["sample.x.cells=11", "run.walkers_per_block=64"],
    "spin_hall_bar": ["run.walkers_per_block=64"],
    "crossed_waves": [
        "results.channels=['first', 'second_ladder', 'exact']", "electrons.exchange=0.3", "sample.x.cells=4",
        "sample.y.cells=4", "run.walkers_per_block=128",
    ],
}  # fmt: skip
"""Decks of run/ made small: all walks, a pulse, layers, all orders, a transient, charge, a field, spins that any texture
turns."""
KNOWN = set(DECKS) - {"azurv1", "switch_on", "spin_hall_bar"}
"""Those whose local part is known without walkers."""
TOO_WIDE = {("crossed_waves", "local_share")}
"""Whose errors may be too large: what walkers make of wrong births is known from few walkers, whose noise adds to the
error of the small DC part of spins that turn in flight."""
FITTED = {"pumping_a", "pumping_b", "mixing_conductance", "mixing_conductance_dc", "local_share"}


class Judged(NamedTuple):
    """One variable's numbers over seeds."""

    ratios: np.ndarray
    """R of every number."""
    freedom: float
    """Degrees of freedom of their mean."""


CORRECTED = ("junction", "exact", "stack")
"""Those that are judged once more where walkers correct a solution."""


def estimates_of(name, changes, seed):
    """All estimates of a run of 64 blocks; without the numerical errors of a solution that walkers correct."""
    deck = tomllib.loads((Path(__file__).parents[2] / "run" / f"{name}.toml").read_text())
    problem = make_problem(deck_from_dict(override(deck, [*changes, f"run.seed={seed}"]), name))
    ground = ground_of(problem)
    known = ground.known._replace(deviations=()) if problem.scene.reference else ground.known
    tally = Tally(problem.scene, ground.exponents, None, known)
    for block in range(BLOCKS):
        tally.add(block, ground.walk(block))
    return observables(problem, tally)


def judged(means, errors, known_part=False):
    """Judge a variable, (seeds, ...) each; None where nothing is known in all seeds, with an error beyond rounding.

    known_part: numbers may be known without walkers, and are then the same for all seeds.
    """
    means, errors = (values.reshape(len(values), -1) for values in (means, errors))
    known = np.isfinite(means).all(axis=0) & np.isfinite(errors).all(axis=0)
    means, errors = means[:, known], errors[:, known]
    floor = ROUNDING * max(np.abs(errors).max(initial=0.0), 1e-4 * np.abs(means).max(initial=0.0))
    noisy, frozen = errors.mean(axis=0) > floor, np.ptp(means, axis=0) <= floor
    if known_part:
        noisy &= ~frozen
    if not noisy.any():
        return None
    means, quoted = means[:, noisy], (errors[:, noisy] ** 2).mean(axis=0)
    seeds = len(means)
    shares = (means - means.mean(axis=0)) ** 2 / quoted * seeds / (seeds - 1)
    own = shares.mean(axis=1)  # each seed's share in the mean
    freedom = 2.0 * own.mean() ** 2 / (own.var(ddof=1) / seeds)
    return Judged(shares.mean(axis=0), max(seeds - 1, 0.5 * freedom))


def assert_errors_hold(found, comparisons, variables, deck):
    """No number and no variable's mean lies beyond what chance makes of right errors."""
    for name, (ratios, freedom) in found.items():
        low, high = stats.chi2.ppf([0.5 * ALARM / comparisons, 1.0 - 0.5 * ALARM / comparisons], SEEDS - 1)
        at = int(np.argmax(np.abs(np.log(ratios))))
        if (deck, name) in TOO_WIDE:
            low = 0.01 * low
        assert low / (SEEDS - 1) < ratios.min(), f"{name}: spread²/quoted² is {ratios.min():.3g}, number {at}"
        assert ratios.max() < high / (SEEDS - 1), (
            f"{name}: spread²/quoted² is {ratios.max():.3g}, number {at}"
        )
        low, high = stats.chi2.ppf([0.5 * ALARM / variables, 1.0 - 0.5 * ALARM / variables], freedom)
        mean = ratios.mean()
        assert low < freedom * mean < high, (
            f"{name}: mean of spread²/quoted² is {mean:.3g}, {freedom:.0f} degrees"
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "reference"), [*((name, "off") for name in DECKS), *((name, "slab") for name in CORRECTED)]
)
def test_quoted_errors_are_the_spread_over_seeds(name, reference, monkeypatch):
    # an eighth of the rays: each seed throws its own, which would take most of the time
    monkeypatch.setattr(rays, "RAYS", tuple(number // 8 for number in rays.RAYS))
    changes = [*DECKS[name], f"run.reference={reference}"]
    runs = [estimates_of(name, changes, 1000 * seed) for seed in range(1, SEEDS + 1)]
    walked = [key for key, estimate in runs[0].items() if estimate.stderr is not None]
    found = {
        key: judged(
            *(np.array([getattr(run[key], part) for run in runs]) for part in ("mean", "stderr")),
            known_part=name in KNOWN,
        )
        for key in walked
    }
    found = {key: one for key, one in found.items() if one is not None}
    if name in ("junction", "stack", "py_pt"):
        assert set(found) >= FITTED
    assert_errors_hold(found, sum(one.ratios.size for one in found.values()), len(found), name)


@pytest.mark.parametrize("factor", [1.0, 0.6, 1.7])
def test_wrong_errors_would_be_seen(factor):
    """Errors of numbers that share walkers are 0.6 or 1.7 times what they should be; 1 passes."""
    generator = np.random.default_rng(1)
    own, shared = generator.normal(size=(SEEDS, 200)), generator.normal(size=(SEEDS, 20))
    numbers = (own + np.repeat(shared, 10, axis=1)) / np.sqrt(2.0)
    one = judged(5.0 + numbers, np.full(numbers.shape, factor))
    assert SEEDS - 1 <= one.freedom < 200 * (SEEDS - 1)
    if factor == 1.0:
        assert_errors_hold({"numbers": one}, 5000, 20, "")
    else:
        with pytest.raises(AssertionError, match="spread"):
            assert_errors_hold({"numbers": one}, 5000, 20, "")
