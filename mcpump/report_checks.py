"""The self-checks of a run, in words: one line where all is well, a warning for each that fails."""

from __future__ import annotations

import math

from mcpump.estimates import Result
from mcpump.report_text import column_name, labels, spans_of, tied, wrap

_SHORT = {
    "currents": "currents by passages and by flights",
    "ends": "ends by events and by density or planes",
    "budget": "budget",
    "errors": "errors ∝ N^−1/2",
    "tails": "tails",
    "cut": "cut",
}
_WRONG = {
    "currents": "currents through planes and those of the cells about them differ by {value} beyond the mesh's doing",
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
    """Lines of the table that tell the self-checks; none where a file has none."""
    if "self_check_deviation" not in result.estimates:
        return []
    names = labels(result, "self_check")
    deviations, limits, counts = (
        result.estimates[f"self_check_{kind}"].mean for kind in ("deviation", "limit", "comparisons")
    )
    passed, lines = [], []
    for i, name in enumerate(names):
        value, limit = float(deviations[i]), float(limits[i])
        if math.isnan(value):
            continue
        if value > limit:
            text = _WRONG.get(name, f"{name}: {{value}}").format(value=_value(name, value))
            lines += wrap(f"warning: self-check: {text} at {_where(result, i)}, limit {_value(name, limit)}")
        elif name != "cut" or value > 0.0:
            compared = f" of {int(counts[i])}" if name in _SIGMAS else ""
            passed.append(tied(f"{_SHORT.get(name, name)} ({_value(name, value)}{compared})"))
    if passed:
        head = "self-checks, all passed: " if not lines else "self-checks passed: "
        lines += wrap(f"{head}{', '.join(passed)}")
    return lines


def _value(name: str, value: float) -> str:
    if name in _SIGMAS:
        return f"{value:.1f} σ"
    return f"{value:.2g}"


def _where(result: Result, check: int) -> str:
    channel, clock, component = (int(i) for i in result.estimates["self_check_worst"].mean[check])
    names = labels(result, "channel")[channel], labels(result, "component")[component]
    if "time" not in result.coords:
        return tied(f"{names[0]} {column_name(labels(result, 'harmonic')[clock], names[1])}")
    when = f", {spans_of(result)[clock]}" if labels(result, "self_check")[check] == "currents" else ""
    return tied(f"{names[0]} {names[1]}") + when
