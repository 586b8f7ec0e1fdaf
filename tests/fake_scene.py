"""Scenes with made-up books: shapes and names are right, and numbers are known; nothing is walked."""

from __future__ import annotations

import math

import numpy as np
from shapes import crossed_waves_parameters, harmonic_parameters

from mcpump.deck.layer import Layer
from mcpump.names import CHANNELS, lines_of
from mcpump.problem.scene import Extents, Problem, Scales, Scene
from mcpump.tally.estimates import Result, Status
from mcpump.tally.observables import coordinates, observables
from mcpump.tally.tally import Tally
from mcpump.textures.parameters import CROSSED_WAVES, HARMONIC
from mcpump.walk.layout import BlockSums

ELL, TAU = 2e-9, 1.5e-15
SI = Scales(ELL, TAU, 3e-9, 4e-3, 5e6, 3.04e15, True)
REDUCED = Scales(1.0, 1.0, 1.0, 1.0, 1.0, 0.0, False)
OMEGA = 0.01
WAVE = harmonic_parameters(
    (0.0, 0.0, 0.8), (0.6, 0.0, 0.0), (0.0, 0.6, 0.0), (2.0 * math.pi / 10.0, 0.0, 0.0), OMEGA
)
CROSSED = crossed_waves_parameters(0.5, 0.4, 2.0 * math.pi / 10.0, 2.0 * math.pi / 6.0, OMEGA)
UNIFORM = (Layer(0.0, 1.0, 1.0, 0.01, 1.0, 1.0, 1.0, True),)
STACK = (UNIFORM[0], Layer(5.0, 2.0, 0.5, 0.0, 3.0, 0.7, 1.0, True))


def scene(axes=1, channels=("first", "second"), time_bins=0, cells=(10, 6, 4), **changes):
    """A Scene of 10 × 6 × 4 ℓ, periodic along y and z, that absorbs at x = 10 ℓ."""
    walked = [name for name in CHANNELS if name in channels]
    slots = [walked.index(name) if name in channels else -1 for name in CHANNELS]
    plain = Scene(
        dimension=3, axes=axes,
        lengths=tuple(length if i < axes else 1.0 for i, length in enumerate((10.0, 6.0, 4.0))),
        cells=tuple(count if i < axes else 1 for i, count in enumerate(cells)),
        periodic=(False, True, True), absorption=(0.0, 1.0, 0.0, 0.0, 0.0, 0.0), specularity=(1.0,) * 6,
        layers=UNIFORM, exchange=0.05, slots=tuple(slots), harmonics=0 if time_bins else 1,
        period=2.0 * math.pi / OMEGA, time_bins=time_bins, t_end=20.0 if time_bins else math.inf, phases=8,
        t_max=math.inf, texture=HARMONIC if axes == 1 else CROSSED_WAVES,
        parameters=WAVE if axes == 1 else CROSSED, time_step=0.1, rotation_step=0.1, initial=0,
        initial_spin=(0.0, 0.0, 0.0), initial_x=0.0, initial_walkers=0, planes=(0.0, 5.0, 10.0), first_flights=1,
        max_flights=10**6, walkers_per_block=64, seed=7,
    )  # fmt: skip
    return plain._replace(**changes)


def problem(model, scales=REDUCED, name="scene"):
    """A Problem around a Scene."""
    return Problem(
        name=name, scene=model, scales=scales, supercurrent=1e-3,
        walkers=64 * 24, stop=None, warnings=(), notes=(),
        regime={
            "ell/lambda": (0.1, "", "mean free path over length"),
            "J tau/hbar": (model.exchange, "", "turn of a spin in one lifetime, halved"),
        },
        resolved='units = "reduced"\n',
        extents=Extents(
            tuple(length * scales.length for length in model.lengths[: model.axes]),
            tuple(plane * scales.length for plane in model.planes), model.t_end * scales.time if model.time_bins else 0.0,
        ),
    )  # fmt: skip


def books(ready, means=None, blocks=24, noise=0.02, seed=1):
    """Tally of blocks that scatter about given means: (profiles, passages, budget, sample means)."""
    model, generator = ready.scene, np.random.default_rng(seed)
    amplitudes = (len(model.channels) + ("first" in model.channels and "second" in model.channels)) * 3
    tally = Tally(model, np.zeros(amplitudes * model.time_functions, np.intp))
    means = means or random_means(tally, generator)
    for block in range(blocks):
        noisy = [mean * (1.0 + noise * generator.normal(size=mean.shape)) for mean in means]
        tally.add(block, BlockSums(*(with_sum(model, part) for part in noisy), np.zeros(2), 100))
    return tally, [with_sum(model, mean) for mean in means]


def with_sum(model, values):
    """Make the channel `sum` what it is."""
    if {"first", "second"} <= set(model.channels) and values.size:
        split = values.reshape(*values.shape[:-1], -1, model.time_functions, 3)
        split[..., -1, :, :] = split[..., 0, :, :] + split[..., 1, :, :]
    return values


def random_means(tally, generator):
    """Means in the books' shapes, all of order one."""
    shapes = [tally.shape, *(tally.shapes[name] for name in ("passages", "budget", "means"))]
    return [generator.uniform(0.5, 1.5, size=shape) for shape in shapes]


def result(ready, means=None, **options):
    """Result of made-up books."""
    tally, _ = books(ready, means, **options)
    return Result(
        name=ready.name, resolved=ready.resolved, coords=coordinates(ready), estimates=observables(ready, tally),
        regime=ready.regime, warnings=(), notes=(), walkers=64 * tally.blocks, blocks=tally.blocks, seed=7,
        flights=tally.flights, status=Status.COMPLETE, message="complete",
        checkpoint={name: array.copy() for name, array in tally.sums.items()}, provenance={"wall_time_s": 1.0},
    )  # fmt: skip


def shaped(ready):
    """Means that look like a run: density a hill that leaks to the right; DC z, AC x and y; a closed left face."""
    model, functions = ready.scene, ready.scene.time_functions
    names = [*model.channels, *(["sum"] if {"first", "second"} <= set(model.channels) else [])]
    axes = [(np.arange(n) + 0.5) / n for n in model.cells]
    x, y, z = (grid.ravel() for grid in np.meshgrid(*axes, indexing="ij"))
    bins = max(model.time_bins, 1)
    rise = 1.0 - np.exp(-(np.arange(bins) + 0.5) / bins * 3.0) if model.time_bins else np.ones(1)
    hill = np.exp(
        -((x - 0.4) ** 2 + (y - 0.5) ** 2 * (model.axes > 1) + (z - 0.5) ** 2 * (model.axes > 2)) / 0.05
    )
    slopes = [2.0 * (p - c) / 0.05 * hill * 0.1 for p, c in ((x, 0.4), (y, 0.5), (z, 0.5))]
    fields = [hill, 0.2 * hill, 0.3 * hill, *slopes[: model.axes]]
    pattern = np.zeros((len(names), functions, 3))
    for row, name in enumerate(names):
        size = {"first": 1.0, "second": 0.5, "second_ladder": 1.2, "exact": 2.3, "sum": 1.5}[name]
        if functions > 1 and name != "second" and name != "second_ladder":
            pattern[row, 1, 0] = pattern[row, 2, 1] = size
        if name != "first" or functions == 1:
            pattern[row, 0, 2] = size
    profiles = np.array([share * field for share in (0.1, 1.0) for field in fields])
    profiles = np.einsum("kp,t,cha->kptcha", profiles, rise, pattern).reshape(
        2 * len(fields), x.size * bins, -1
    )
    places = np.array(model.planes) / model.lengths[0]
    flux = np.array([share * places * np.exp(-places) for share in (0.1, 1.0)])
    passages = np.einsum("kp,t,cha->kptcha", flux, rise, pattern).reshape(2, places.size * bins, pattern.size)
    lines = lines_of(model.axes)
    gains = np.zeros(len(lines))
    gains[0], gains[1], gains[lines.index("relaxed")], gains[lines.index("left_at_right")] = (
        0.7,
        0.3,
        0.4,
        0.6,
    )
    budget = np.einsum("l,cha->lcha", gains, pattern).reshape(len(lines), -1)
    means = np.array([0.1, 1.0])[:, None] * pattern.reshape(-1)
    return [profiles, passages, budget, means]


def of_scene(axes=1, channels=("first", "second"), **changes):
    """A made-up run of the general walk."""
    ready = problem(scene(axes, channels, **changes), SI)
    return result(ready, shaped(ready))
