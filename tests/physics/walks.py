"""What the physics tests share: decks, walks block by block, and agreement within errors.

The blocks of a walk are independent, so a block's value of anything linear is one sample, and the spread
of the samples is the error. What is known without walkers is in all samples alike, and scatters in them by its
numerical errors. Seeds are fixed: a test gives the same numbers each time, until a kernel uses its random numbers
differently. Four standard errors are then passed by chance with probability 6e-5 in each comparison, a few hundred of
which make the whole folder.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np

from mcpump import theory
from mcpump.deck.read import deck_from_dict
from mcpump.names import PARTS
from mcpump.problem.reduce import make_problem
from mcpump.problem.scene import Problem
from mcpump.tally.amplitudes import spins_of
from mcpump.tally.scales import scale_of
from mcpump.textures.shapes import ENVELOPE_COSINE
from mcpump.walk.blocks import Ground, ground_of
from mcpump.walk.known import Known
from mcpump.walk.layout import BlockSums

LIMIT = 4.0
"""Standard errors within which a number must agree."""
SMALL = 0.01
"""Largest standard error of a comparison, relative to the number's scale."""
ROUNDING = 1e-12
"""Standard error at least, relative to the number's scale."""
FIRST, SECOND = 0, 1
LOCAL, DIFFUSIVE = 0, 1
DC, COS, SIN, COS2, SIN2 = range(5)
X, Y, Z = range(3)


class Blocks(NamedTuple):
    """A walk, block by block (first axis, in block order); last three of each: channel, harmonic, component …"""

    density: np.ndarray
    """(blocks, part, channel, harmonic, component, cell), part local or diffusive."""
    flux: np.ndarray
    """As `density`, averaged over the cells."""
    torque: np.ndarray
    """(blocks, channel, harmonic, component, cell), of both parts."""
    passages: np.ndarray
    """(blocks, part, channel, harmonic, component, plane)."""
    budget: np.ndarray
    """(blocks, line, channel, harmonic, component)."""
    means: np.ndarray
    """(blocks, part, channel, harmonic, component)."""
    flights: int


def reduced_deck(texture, *, length, faces, walkers, dimension=3, exchange=0.01, tau_sf="none", cells=32,
                 planes=(), harmonics=1, block=2048, seed=1, first_flights="auto", score_interval="auto"):  # fmt: skip
    """Return a deck in reduced units."""
    return {
        "units": "reduced",
        "electrons": {"dimension": dimension, "exchange": exchange, "spin_relaxation_time": tau_sf},
        "sample": {"x": {"length": length, "cells": cells, "left": faces[0], "right": faces[1]}},
        "texture": texture,
        "results": {"channels": ["first", "second"], "harmonics": harmonics, "planes": list(planes)},
        "run": {
            "walkers": walkers, "walkers_per_block": block, "seed": seed, "first_flights": first_flights,
            "score_interval": score_interval, "reference": "off",
        },
    }  # fmt: skip


def changed(deck, **changes):
    """Copy a deck with keys replaced: section__key=value."""
    deck = copy.deepcopy(deck)
    for path, value in changes.items():
        *sections, key = path.split("__")
        table = deck
        for section in sections:
            table = table[section]
        table[key] = value
    return deck


def problem_of(deck) -> Problem:
    """Make a deck given as dictionaries ready."""
    return make_problem(deck_from_dict(deck, "test"))


def block_sums(problem: Problem, ground: Ground) -> Iterator[BlockSums]:
    """Walk all blocks on all cores, in block order; without what is known."""
    count = problem.walkers // problem.scene.walkers_per_block
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        yield from pool.map(ground.walk, range(count))


def known_scattered(known: Known, name: str, count: int) -> np.ndarray:
    """What is known of one part of the sums, in `count` blocks.

    The mean is its value. The blocks scatter by its numerical errors: their standard error is the root of Σ deviation²,
    and what belongs together in one deviation scatters together.
    """
    value, *deviations = (np.asarray(getattr(sums, name)) for sums in known.rows)
    # orthogonal to each other and to what is the same in all blocks
    columns = np.column_stack([
        np.ones(count), np.random.default_rng(1).normal(size=(count, len(deviations)))
    ])  # fmt: skip
    assert columns.shape[1] <= count
    scatter = np.linalg.qr(columns)[0][:, 1:] * np.sqrt(count * (count - 1.0))
    return np.asarray(
        value + np.tensordot(scatter, np.array(deviations), 1) if deviations else [value] * count
    )


def walk(problem: Problem, scales: bool = False) -> Blocks:
    """Walk all blocks of a problem along x, in reduced units, or in the deck's with `scales`."""
    scene, ground = problem.scene, ground_of(problem)
    ordered = list(block_sums(problem, ground))

    def of(name):
        sums = np.array([getattr(one, name) for one in ordered])
        return sums if ground.known is None else sums + known_scattered(ground.known, name, len(ordered))

    def arranged(sums, kind, behind):
        """Channel, harmonic and component stand before the last `behind` axes."""
        worth = scale_of(problem, kind) if scales else 1.0
        return np.moveaxis(
            spins_of(scene, np.array(sums), worth), (0, 1, 2), (-3 - behind, -2 - behind, -1 - behind)
        )

    profiles = of("profiles")

    def parts(kind):
        return profiles[:, [scene.profiles.index(f"{part} {kind}") for part in PARTS[:2]]]

    # a pulse has none
    torque = np.zeros_like(profiles[:, 0]) if scene.pulse else parts("torque").sum(axis=1)
    return Blocks(
        density=arranged(parts("density"), "density", 1),
        flux=arranged(parts("current x"), "current", 1),
        torque=arranged(torque, "torque", 1),
        passages=arranged(of("passages"), "current", 1),
        budget=arranged(of("budget"), "current", 0),
        means=arranged(of("means"), "density", 0),
        flights=sum(sums.flights for sums in ordered),
    )


def medium_of(problem: Problem) -> theory.Medium:
    """The electron gas that `mcpump.theory` needs, reduced."""
    gamma = problem.scene.layers[0].gamma_sf
    return theory.Medium.reduced(
        problem.scene.exchange,
        tau_sf=1.0 / gamma if gamma > 0.0 else np.inf,
        dimension=problem.scene.dimension,
    )


def waves_of(problem: Problem) -> list[theory.Wave]:
    """The texture of a problem as plane waves."""
    texture = problem.scene.precession
    assert texture is not None
    envelope = ((0.0, 1.0),)
    if texture.envelope == ENVELOPE_COSINE:
        mean, depth, k, phase = texture.envelope_parameters
        side = 0.5 * depth * np.exp(1j * phase)
        envelope = ((0.0, mean), (k, side), (-k, side.conjugate()))
    return theory.texture_waves(texture.C, texture.P, texture.Q, texture.q, texture.Omega, envelope)


def jackknife(samples, function):
    """Estimate of function(mean over blocks) and its standard error, leaving one block out at a time."""
    samples = np.asarray(samples)
    n, total = len(samples), samples.sum(axis=0)
    left_out = np.array([function((total - sample) / (n - 1)) for sample in samples])
    return function(total / n), np.sqrt((n - 1.0) * left_out.var(axis=0))


def mean_and_error(samples):
    """Mean over blocks and its standard error."""
    samples = np.asarray(samples)
    return samples.mean(axis=0), samples.std(axis=0, ddof=1) / np.sqrt(len(samples))


def assert_agrees(samples, expected, what, scale=None, small=SMALL):
    """Demand agreement within 4 standard errors, and a standard error below `small` of the scale.

    The scale is the expected number unless one is given.
    """
    assert_near(*mean_and_error(samples), expected, what, scale, small)


def assert_near(mean, error, expected, what, scale=None, small=SMALL):
    """As `assert_agrees`, for means and standard errors that are known already; arrays element by element."""
    mean, error, expected = np.broadcast_arrays(np.asarray(mean), error, expected)
    reach = np.abs(expected if scale is None else scale)
    error = np.maximum(error, ROUNDING * reach)  # what is known without walkers may be known to rounding
    text = f"{what}: {mean} ± {error}, expected {expected}, {(mean - expected) / np.where(error > 0, error, 1)} σ"
    assert np.all(np.isfinite(mean)), text
    assert np.all(np.abs(mean - expected) <= LIMIT * error), text
    assert np.all(error <= small * reach), f"standard error above {small:g}: {text}"
