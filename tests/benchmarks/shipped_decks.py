"""Seconds to 1 % of the main number of every deck of run/, and of the same deck walked by an earlier mcpump.

Run as a program it takes one sample, with the mcpump of whatever Python runs it: so it uses only what both have.
"""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from machine import ROOT, commit
from rows import Section, Sizes, Target, in_turn, middle, not_here, number, ratios, table

RUN = ROOT / "run"
LEFT_OUT = ("crossover",)
"""Decks that are for sweeps."""
PILOT = 3
"""Blocks that are walked first: they load the kernels, and tell how long a block takes."""
LONGEST_BLOCK = 0.03
"""CPU seconds; blocks that take longer are made smaller, so that enough of them tell the error."""
LONGER = 8.0
"""How many times as long `exact` is walked before: its errors were large."""
NO_OTHERS = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class Quantity(NamedTuple):
    """A number that a deck is walked for."""

    deck: str
    words: str
    name: str
    """Variable of the results."""
    at: Mapping[str, Any]
    """Axis → place, the nearest that is there."""
    goal: str = ""
    """Name of its targets in `GOALS`."""


class Goal(NamedTuple):
    """What the seconds to 1 % should be."""

    gain: float
    """Seconds before over seconds now, at least."""
    seconds: float = math.inf
    """At most."""


GOALS = {
    "`exact` DC z": Goal(5000.0, 1.0),
    "`second` DC z along x": Goal(20.0, 1.0),
    "rashba, ovf_film": Goal(5.0, 1.0),
    "meshes and walls, planes": Goal(10.0, 5.0),
    "meshes and walls, cells": Goal(1.0),
    "junction": Goal(1.0),
}


def through(
    deck: str, place: str, plane: float, channel: str, harmonic: str, component: str, goal: str = ""
) -> Quantity:
    """Spin current through a plane."""
    words = f"`{channel}` current, {harmonic} {component}, {place}"
    at = {"channel": channel, "harmonic": harmonic, "component": component, "plane": plane}
    return Quantity(deck, words, "plane_current", at, goal)


def in_cell(deck: str, place: str, goal: str = "", **at: Any) -> Quantity:
    """Spin density in a cell."""
    told = [str(at[axis]) for axis in ("harmonic", "component") if axis in at]
    return Quantity(deck, f"`{at['channel']}` density, {' '.join(told)}, {place}", "spin_density", at, goal)


EXACT, SECOND, CHARGE, PLANES, CELLS, JUNCTION = GOALS
QUANTITIES = (
    in_cell("azurv1", "5 ℓ from the source, 19.5 τ", channel="first", component="z", time=19.5, x=25.1),
    through("co_pt", "into Pt", 16e-9, "exact", "dc", "z"),
    through("copper_spacer", "into Pt", 13e-9, "exact", "dc", "z"),
    through("crossed_waves", "λ/4", math.pi / 2.0, "second", "cos1", "y", PLANES),
    in_cell(
        "crossed_waves", "a cell", CELLS, channel="second", harmonic="dc", component="x", x=1.5, y=0.2
    ),
    through("domain_wall", "right face", 20.0, "first", "cos1", "z", PLANES),
    through("domain_wall", "right face", 20.0, "second", "cos1", "y", PLANES),
    in_cell(
        "domain_wall", "at the wall", CELLS, channel="first", harmonic="cos1", component="z", x=10.1
    ),
    through("exact", "15 nm", 15e-9, "exact", "dc", "z", EXACT),
    in_cell("hanle", "3.25 τ", channel="exact", component="x", time=3.25, x=0.5),
    Quantity(
        "impurity", "charge current, cos1 x, a cell", "charge_current",
        {"source": "impurity_first", "charge_direction": "x", "harmonic": "cos1", "x": 5.5e-9, "y": 8.6e-9},
    ),
    through("junction", "20 nm", 20e-9, "second", "dc", "z", JUNCTION),
    through("junction", "20 nm", 20e-9, "sum", "sin1", "x", JUNCTION),
    through("magnet_thickness", "into Pt", 10e-9, "exact", "dc", "z"),
    through("magnetic_interface", "into Pt", 20.5e-9, "exact", "dc", "z"),
    through("memory_loss", "into Pt", 15.25e-9, "exact", "dc", "z"),
    Quantity(
        "moving_wall", "`second` torque, x, all", "budget",
        {"line": "torque", "channel": "second", "component": "x"},
    ),
    through("ovf_film", "10 nm", 10e-9, "second", "dc", "z", CHARGE),
    through("penetration", "5 ℓ", 5.0, "second", "dc", "z"),
    through("py_cu_pt", "5.6 nm", 5.6e-9, "exact", "dc", "z", EXACT),
    through("py_pt", "5.6 nm", 5.6e-9, "exact", "dc", "z", EXACT),
    Quantity(
        "rashba", "charge current, dc x, mean", "charge_current_mean",
        {"source": "rashba", "charge_direction": "x", "harmonic": "dc"}, CHARGE,
    ),
    Quantity(
        "skew", "skew scattering, dc y, mean", "skew_current_mean",
        {"channel": "exact", "charge_direction": "y", "harmonic": "dc"},
    ),
    through("skyrmion", "right face", 10.0, "second", "dc", "x", PLANES),
    in_cell(
        "skyrmion", "in the middle", CELLS, channel="second", harmonic="dc", component="z", x=5.1, y=5.1
    ),
    through("spin_hall_bar", "10 nm", 10e-9, "spin_hall", "dc", "z"),
    through("spiral", "0 ℓ", 0.0, "first", "cos1", "x"),
    through("stack", "20 nm", 20e-9, "second", "dc", "z", SECOND),
    Quantity(
        "switch_on", "`first` current, y, a cell, 59.5 τ", "spin_current",
        {"channel": "first", "component": "y", "time": 59.5, "x": 0.1},
    ),
    in_cell("spin_helix", "a cell, 3.5 τ", channel="exact", component="x", time=3.5, x=5.5),
    in_cell("thin_film", "a cell", channel="first", harmonic="cos1", component="y", x=0.4, y=10.0),
    through("user_texture", "left face", 0.0, "first", "cos1", "x"),
    through("vortex", "right face", 8.0, "second", "dc", "z", PLANES),
    in_cell(
        "vortex", "in the middle", CELLS, channel="second", harmonic="dc", component="z", x=4.1, y=4.1
    ),
    through("yig_penetration", "0.4 nm", 0.4e-9, "second", "dc", "z", SECOND),
    through("yig_pt", "0.4 nm", 0.4e-9, "exact", "dc", "z"),
)  # fmt: skip


class Taken(NamedTuple):
    """What one process found of a deck."""

    values: list[float]
    """Means of the deck's quantities; NaN: not resolved."""
    errors: list[float]
    units: list[str]
    walking: float
    """CPU seconds of walking: they fall with walkers."""
    fixed: float
    """CPU seconds of all else, first flights without walkers above all."""
    folder: str
    """Where the mcpump is from that walked."""

    def cost(self, which: int, value: float) -> float:
        """CPU seconds to an error of 1 % of a quantity's value."""
        return self.fixed + self.walking * (self.errors[which] / (0.01 * value)) ** 2


def number_of(result: Any, name: str, at: Mapping[str, Any]) -> tuple[float, float, str]:
    """A quantity's mean, error and unit in a result."""
    found = result.estimates[name]
    whole = {"part": "total"} if "part" in found.dims else {}
    one = found.sel(method="nearest", **whole, **at)
    return one.mean.item(), one.error.item(), one.units


def timed(deck: str, overrides: Sequence[str], blocks: int, seconds: float) -> tuple[Any, float, float]:
    """Walk a deck for so many blocks and CPU seconds at least: result, CPU seconds of a block, and those of all else."""
    from mcpump import simulate
    from mcpump.deck.read import read_deck
    from mcpump.problem import make_problem

    done: list[float] = []

    def enough() -> str:
        return "enough" if len(done) >= blocks and done[-1] - done[0] >= seconds else ""

    began = time.process_time()
    problem = make_problem(read_deck(deck, ["run.walkers=1000000000", *overrides]))
    result = simulate.run(problem, 1, lambda _: done.append(time.process_time()), stop=enough)
    spent = time.process_time() - began
    assert result is not None
    a_block = (done[-1] - done[0]) / (len(done) - 1)
    return result, a_block, max(spent - a_block * len(done), 0.0)


def sample(
    deck: str, seed: int, blocks: int, seconds: float, wanted: Sequence[tuple[str, Mapping[str, Any]]]
) -> Taken:
    """Walk a deck for so many blocks and CPU seconds at least."""
    import mcpump

    seeded = [f"run.seed={seed}"]
    few, a_block, _ = timed(deck, seeded, PILOT, 0.0)
    fits = min(1.0, LONGEST_BLOCK / a_block) * few.walkers / few.blocks
    sized = [f"run.walkers_per_block={2 * max(1, int(fits / 2.0))}"]
    result, a_block, fixed = timed(deck, [*seeded, *sized], blocks, seconds)
    values, errors, units = zip(*(number_of(result, *one) for one in wanted), strict=True)
    folder = str(Path(mcpump.__file__).parents[1])
    return Taken(list(values), list(errors), list(units), a_block * result.blocks, fixed, folder)


def reads(python: str, deck: Path) -> bool:
    """Whether the mcpump of that Python knows a deck's keys; decks that are newer have nothing to be compared with."""
    return (
        subprocess.run([python, "-P", "-m", "mcpump", "check", str(deck)], capture_output=True).returncode
        == 0
    )


def by(
    python: str, seed: int, seconds: float, deck: Path, blocks: int, wanted: Sequence[Quantity]
) -> Callable[[], Taken]:
    """A call that takes a sample in a new process, each time of other walkers: those of the next seed."""
    numbers = [(one.name, one.at) for one in wanted]
    seeds = count(seed)

    def take() -> Taken:
        asked = json.dumps([str(deck), next(seeds), blocks, seconds, numbers])
        done = subprocess.run(
            [python, __file__, asked],
            env=os.environ | NO_OTHERS,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        return Taken(*json.loads(done.stdout.splitlines()[-1]))

    return take


def prepared(folder: Path) -> Path:
    """A folder with the decks and the files that they need."""
    there = folder / "decks"
    there.mkdir()
    for file in (*RUN.glob("*.toml"), RUN / "user_texture.py"):
        shutil.copy(file, there)
    film = [sys.executable, str(RUN / "make_ovf.py"), str(there / "film")]
    subprocess.run(film, check=True, capture_output=True)
    return there


def decks(sizes: Sizes, folder: Path, before: str = "") -> Section:
    """Measure every deck, now and before; `before` is the Python of an environment with an earlier mcpump."""
    there, blocks = prepared(folder), min(sizes.blocks, 64)
    measured: list[tuple[Quantity, Row]] = []
    commits = {"now": commit()}
    for deck in dict.fromkeys(one.deck for one in QUANTITIES):
        if sizes.decks and deck not in sizes.decks:
            continue
        wanted = [one for one in QUANTITIES if one.deck == deck]
        take = partial(by, deck=there / f"{deck}.toml", blocks=blocks, wanted=wanted)
        measures = {"now": take(sys.executable, 1, sizes.seconds)}
        if before and reads(before, there / f"{deck}.toml"):
            longer = LONGER if wanted[0].goal == EXACT else 1.0
            measures["before"] = take(before, 1001, longer * sizes.seconds)
        found = in_turn(measures, min(sizes.repeats, 3), warm=False)
        measured += [(one, row_of(found, i)) for i, one in enumerate(wanted)]
        commits |= {who: commit(Path(samples[0].folder)) for who, samples in found.items()}
    head = ["deck", "quantity", "before, s", "now, s", "ratio", "of which fixed, s", "now", "apart"]
    lines = [(one.deck, one.words, *row.cells) for one, row in measured]
    told = "".join(f", {who}: {name}" for who, name in commits.items())
    text = f"### Decks\n\nEvery deck of run/, CPU seconds to 1 % on one core{told}. –: not known before.\n\n"
    return Section(targets_of(measured, bool(before)), text + table(head, lines))


class Row(NamedTuple):
    """Seconds to 1 % of one quantity, of each repeat, and its value."""

    before: list[float]
    now: list[float]
    fixed: list[float]
    value: float
    error: float
    unit: str
    apart: float
    """How far now is from before, in errors of the difference; NaN: not known."""

    @property
    def gain(self) -> float:
        """Seconds before over seconds now; NaN where either is not known."""
        return middle(ratios(self.before, self.now)) if self.before else math.nan

    @property
    def cells(self) -> tuple[object, ...]:
        """What the table tells."""
        value = f"{self.value:.4g} ± {self.error:.1g} {self.unit}"
        earlier = middle(self.before) if self.before else math.nan
        numbers = (earlier, middle(self.now), self.gain, middle(self.fixed))
        apart = "–" if math.isnan(self.apart) else f"{self.apart:.2g}"
        return (*("–" if math.isnan(one) else one for one in numbers), value, apart)


def row_of(found: Mapping[str, Sequence[Taken]], which: int) -> Row:
    """Put the samples of one quantity together; costs of both are those to 1 % of what is found now."""
    value, error = mean_of(found["now"], which)
    costs = {who: [one.cost(which, value) for one in samples] for who, samples in found.items()}
    apart = math.nan
    if "before" in found:
        other, its_error = mean_of(found["before"], which)
        apart = (value - other) / math.hypot(error, its_error)
    fixed = [one.fixed for one in found["now"]]
    unit = found["now"][0].units[which]
    return Row(costs.get("before", []), costs["now"], fixed, value, error, unit, apart)


def mean_of(samples: Sequence[Taken], which: int) -> tuple[float, float]:
    """Mean of a quantity over the repeats, and its error; numerical errors, which repeats share, count as walkers' do."""
    errors = [one.errors[which] for one in samples]
    value = sum(one.values[which] for one in samples) / len(samples)
    return value, math.hypot(*errors) / len(samples)


def targets_of(measured: Sequence[tuple[Quantity, Row]], beside: bool) -> list[Target]:
    """Hold the worst row of each goal against it; `beside`: there was an earlier mcpump."""
    found = []
    for name, goal in GOALS.items():
        rows = [(one.deck, row) for one, row in measured if one.goal == name]
        gains = sorted((row.gain, deck) for deck, row in rows if not math.isnan(row.gain))
        what, wanted = f"{name}: CPU time to 1 % before over now, the smallest", f"≥ {number(goal.gain)}"
        if gains:
            least, deck = gains[0]
            found.append(Target(what, wanted, least, least >= goal.gain, deck))
        else:
            found.append(not_here(what, wanted, "" if beside else "no --before"))
        if math.isfinite(goal.seconds):
            most, deck = max(((middle(row.now), deck) for deck, row in rows), default=(None, ""))
            reached = most is not None and most <= goal.seconds
            what, wanted = f"{name}: CPU time to 1 %, the largest", f"≤ {number(goal.seconds)} s"
            found.append(Target(what, wanted, most, reached, deck))
    return found


if __name__ == "__main__":
    print(json.dumps(sample(*json.loads(sys.argv[1]))))
