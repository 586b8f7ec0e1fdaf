"""The diffusive current where a walk takes many flights: cost to 1 %, with jumps and flight by flight."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rows import Sample, Section, Sizes, at_most, in_turn, joined, number, ratios, table
from walking import sampler

from mcpump.deck.read import deck_from_dict
from mcpump.problem.effort import mean_flights
from mcpump.problem.reduce import make_problem
from mcpump.problem.scene import Problem
from mcpump.walk.layout import BlockSums

WAVE_NUMBERS = (0.1, 0.01, 0.001)
"""qℓ = ℓ/λ of a spiral with λ = 1/q."""
FACES = (("periodic", "periodic"), ("specular", "absorbing"))


def spiral(q: float, faces: tuple[str, str], jumps: str, block: int) -> Problem:
    """One period of a spiral that turns at a quarter of the diffusion rate Dq², τ_sf = 8/q²."""
    length = 2.0 * math.pi / q
    given: dict[str, Any] = {
        "units": "reduced",
        "electrons": {"dimension": 3, "spin_relaxation_time": 8.0 / q**2, "exchange": 0.05},
        "sample": {"x": {"length": length, "cells": 40, "left": faces[0], "right": faces[1]}},
        "texture": {
            "kind": "spiral",
            "wavenumber": q,
            "cone_angle": 0.3,
            "angular_frequency": 0.25 * q * q / 3.0,
        },
        "results": {"planes": [length / 4.0]},
        "run": {"walkers": 16 * block, "walkers_per_block": block, "jumps": jumps},
    }
    return make_problem(deck_from_dict(given))


def through_plane(sums: BlockSums) -> NDArray[np.float64]:
    """Diffusive current through the plane, every amplitude."""
    return sums.passages[1, 0]


def cost(sample: Sample) -> float:
    """Seconds to 1 % of the largest amplitude."""
    return float(sample.cost()[np.argmax(np.abs(sample.values.mean(axis=0)))])


def long_walks(sizes: Sizes) -> Section:
    """Measure the cost of the diffusive current."""
    block = 128 if sizes.repeats > 1 else 16
    walks, jumps = {}, {}
    for faces in FACES:
        for q in WAVE_NUMBERS:
            problem = spiral(q, faces, "auto", block)
            walks[faces, q] = sampler(problem, sizes.blocks, through_plane)
            assert problem.scene.from_collisions
            jumps[faces, q] = problem.scene.jump
    found = in_turn(walks, sizes.repeats)
    lines, targets = [], []
    for faces in FACES:
        for q in WAVE_NUMBERS:
            whole = joined(found[faces, q])
            flown, steps = flown_cost(q, faces, block, sizes)
            lines.append((
                f"{' + '.join(dict.fromkeys(faces))}, {q:g}", jumps[faces, q], whole.flights / whole.walkers,
                1e6 * whole.seconds / whole.walkers, cost(whole), steps, flown,
            ))  # fmt: skip
        dear, cheap = ([cost(one) for one in found[faces, q]] for q in (WAVE_NUMBERS[-1], WAVE_NUMBERS[0]))
        name = f"diffusive current, {' + '.join(dict.fromkeys(faces))} faces: cost to 1 % at ℓ/λ = 1e-3 over that at 1e-1"
        pooled = cost(joined(found[faces, WAVE_NUMBERS[-1]])) / cost(joined(found[faces, WAVE_NUMBERS[0]]))
        one = at_most(name, 3.0, [pooled])
        targets.append(
            one._replace(spread=f"{number(min(ratios(dear, cheap)))} to {number(max(ratios(dear, cheap)))}")
        )
    head = ["faces, qℓ", "flights a jump", "steps", "µs", "s to 1 %", "flights, flown", "s to 1 %, flown"]
    text = (
        "### Diffusive current where walks are long\n\nOne period of a spiral, τ_sf = 8τ/(qℓ)², Ω = Dq²/4; the largest "
        "amplitude of the diffusive current through a plane. Steps (flights and jumps) and µs are those of a walker. "
        'Flown: `run.jumps = "off"`, where that is affordable here.\n\n'
    )
    return Section(targets, text + table(head, lines))


def flown_cost(q: float, faces: tuple[str, str], block: int, sizes: Sizes) -> tuple[str, str]:
    """Cost to 1 % and flights per walker without jumps; roughly, where they are too many."""
    problem = spiral(q, faces, "off", block)
    flights = mean_flights(problem.scene)
    if flights * block * sizes.blocks > sizes.most_flights:
        return "not walked", f"≈ {number(flights)}"
    sample = sampler(problem, sizes.blocks, through_plane)()
    return number(cost(sample)), number(sample.flights / sample.walkers)
