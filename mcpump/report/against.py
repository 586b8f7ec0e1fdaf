"""One line of the table: a run held against the solution without walkers."""

from __future__ import annotations

from mcpump.report.words import at_plane, column_name, tied, wrap
from mcpump.tally.estimates import Result


def against_lines(result: Result) -> list[str]:
    """How far the run is from the solution without walkers; none where it is held against none."""
    if "solution_rms" not in result.estimates:
        return []
    rms, count = (float(result.estimates[f"solution_{name}"]) for name in ("rms", "numbers"))
    if count == 0:
        return []
    worst = result.estimates["solution_deviation"].largest()
    where = [column_name(worst.coords["harmonic"], worst.coords["component"]).strip()]
    if "plane" in worst.coords:
        where.append(at_plane(result, worst.coords["plane"]))
    where.append(worst.coords["channel"])
    told = tied(f"worst {abs(float(worst.mean)):.1f} ({', '.join(where)})")
    numbers = "number" if count == 1 else "numbers"
    return wrap(
        f"against the solution without walkers: rms {rms:.2f} standard errors over {count:.0f} {numbers}, {told}"
    )
