"""Made-up parts of a run that are known without walkers: the layout is right, nothing but births is worked out."""

from __future__ import annotations

import numpy as np

from mcpump.walk.blocks import groundwork_of as worked_out
from mcpump.walk.known import Groundwork, Known
from mcpump.walk.layout import BlockSums, shapes

NAMES = ("profiles", "passages", "budget", "means", "projections", "conserved")


def numbers(model, seed=1, size=1.0, decades=(-15, 5)):
    """Random numbers over some decades in a block's layout."""
    generator, layout = np.random.default_rng(seed), shapes(model)
    parts = {
        name: size * generator.normal(size=layout[name]) * 10.0 ** generator.uniform(*decades, layout[name])
        for name in NAMES
    }
    return BlockSums(flights=0, **parts)


def nothing(model):
    """A block's sums where nothing has happened."""
    return BlockSums(flights=0, **{name: np.zeros(shape) for name, shape in shapes(model).items()})


def groundwork_of(problem, share=map, seed=1):
    """What takes the place of `mcpump.walk.blocks.groundwork_of`: walkers are born where they are."""
    return made_up(problem.scene, seed)._replace(source=worked_out(problem).source)


def made_up(model, seed=1):
    """A value and a deviation for any scene."""
    value, deviation = numbers(model, seed, decades=(-4, -3)), numbers(model, seed + 1, 1e-2, (-4, -3))
    return Groundwork(Known(value, (deviation,), "made-up numbers"))
