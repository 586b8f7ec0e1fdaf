"""The self-checks of a run, in words: one line where all is well, a warning for each that fails.

Before them stands how many walkers met a bound.
"""

from __future__ import annotations

import math

from mcpump.report.words import column_name, labels, positions, span_of, thousands, tied, wrap
from mcpump.tally.estimates import Result

_SHORT = {
    "currents": "currents by passages and by conservation",
    "ends": "ends by events and by density or planes",
    "budget": "budget",
    "errors": "errors ∝ N^−1/2",
    "tails": "tails",
    "cut": "cut",
}
_WRONG = {
    "currents": "currents through planes, and what began, ended or is stored on their sides, differ by {value}",
    "ends": "spin that left or relaxed, counted event by event, and what planes and density say of it differ by {value}",
    "budget": "the spin budget does not close: {value} of it is missing",
    "errors": "errors do not fall as N^−1/2: those of a part of the blocks and of the others differ by {value}, so that "
    "errors and figure of merit are not to be trusted",
    "tails": "a few blocks make up most of an error (relative variance of the variance {value}): errors are not to be "
    "trusted, more walkers are needed",
    "cut": "walkers that met their bound in age took {value} of the DC spin with them: it is missing in what is steady",
}
_SIGMAS = ("currents", "ends", "errors")


def check_lines(result: Result) -> list[str]:
    """Lines of the table that tell of bounds and self-checks; none where a file has none."""
    lines = _bound_lines(result) if "walkers_at_bound" in result.estimates else []
    if "self_check_deviation" not in result.estimates:
        return lines
    passed, failed, open_ = [], [], []
    for name in labels(result, "self_check"):
        value, limit, count = (
            float(result.estimates[f"self_check_{kind}"].sel(self_check=name))
            for kind in ("deviation", "limit", "comparisons")
        )
        if math.isnan(value):
            open_.append(tied(_SHORT.get(name, name)))
        elif value > limit:
            text = _WRONG.get(name, f"{name}: {{value}}").format(value=_value(name, value))
            failed += wrap(
                f"warning: self-check: {text} at {_where(result, name)}, limit {_value(name, limit)}"
            )
        elif name != "cut" or value > 0.0:
            compared = f" of {int(count)}" if name in _SIGMAS else ""
            passed.append(tied(f"{_SHORT.get(name, name)} ({_value(name, value)}{compared})"))
    if passed:
        head = "self-checks, all passed: " if not failed else "self-checks passed: "
        failed += wrap(f"{head}{', '.join(passed)}")
    if open_:
        failed += wrap(f"not checked here: {', '.join(open_)}")
    return lines + failed


def _bound_lines(result: Result) -> list[str]:
    """How many walkers met a bound, in flights or in age, and what share of the signal ended with them."""
    met, shares = (result.estimates[f"walkers_at_bound{kind}"].mean for kind in ("", "_share"))
    walkers, size = thousands(result.walkers), ": 0"
    if math.isnan(met.sum()):
        told = "unknown, for spin ended on the budget's line cut where no bound is set"
    else:
        told = tied(f"{thousands(int(met.sum()))} of {walkers}")
        told += ", at the age t_max, for nothing else ends them" if met.any() else ""
    if met.any():
        share = float(shares.max())
        size = ": there is no DC spin" if math.isnan(share) else f" (DC spin): {share:.2g}"
    return wrap(f"walkers that met a bound: {told}; share of the signal{size}")


def _value(name: str, value: float) -> str:
    if name in _SIGMAS:
        return f"{value:.1f} σ"
    return f"{value:.2g}"


def _where(result: Result, name: str) -> str:
    worst = result.estimates["self_check_worst"].sel(self_check=name)
    places = {
        place: int(worst.sel(self_check_place=place).mean) for place in worst.places("self_check_place")
    }
    channel, component = (labels(result, axis)[places[axis]] for axis in ("channel", "component"))
    if "time" not in result.coords:
        harmonic = labels(result, "harmonic")[places["clock"]]
        return tied(f"{channel} {column_name(harmonic, component)}")
    time = float(positions(result, "time").mean[places["clock"]])
    return tied(f"{channel} {component}") + (f", {span_of(result, time)}" if name == "currents" else "")
