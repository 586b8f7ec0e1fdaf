"""What the physics tests of any mesh share: decks, walks block by block, comparison with plane waves.

Decks go to the walk that takes them: in lanes, or the general one. As in `walks`: a block's value of anything linear is
one sample, seeds are fixed, and four standard errors are demanded together with a small standard error.
"""

from __future__ import annotations

import math
import os
from typing import NamedTuple

import numpy as np
from scipy import stats
from walks import (
    COS,
    DC,
    DIFFUSIVE,
    LOCAL,
    SIN,
    SMALL,
    X,
    Y,
    Z,
    assert_near,
    block_sums,
    known_scattered,
    mean_and_error,
)  # fmt: skip

from mcpump import theory
from mcpump.problem.scene import Problem
from mcpump.textures.parameters import CROSSED_WAVES
from mcpump.walk.blocks import ground_of

CLOSED, PERIODIC = ("specular", "specular"), ("periodic", "periodic")
FALSE_ALARM = 1e-4
"""Probability with which a right answer fails one chi² test."""
QUANTITIES = ("density", "flux", "torque")
ROUNDING = 1e-12
"""Reduced numbers below this are rounding."""
SMALL_PART = 0.1
"""A profile that is a smaller share of its quantity is held against the whole quantity."""


class GeneralBlocks(NamedTuple):
    """A walk, block by block (first axis). The mesh is (x, y, z, time), of length 1 where there is none."""

    channels: tuple[str, ...]
    """Names along the axis `channel`: what is walked, then `sum` and `sum of charges` where they are kept."""
    density: np.ndarray
    """(blocks, part, channel, harmonic, component, *mesh), part local or diffusive."""
    flux: np.ndarray
    """(blocks, part, direction, channel, harmonic, component, *mesh)."""
    torque: np.ndarray
    """As `density`."""
    divergence: np.ndarray
    """As `density`: net passages out of every cell."""
    passages: np.ndarray
    """(blocks, part, channel, harmonic, component, plane, time)."""
    budget: dict[str, np.ndarray]
    """Lines by name: (blocks, channel, harmonic, component)."""
    walked: dict[str, np.ndarray]
    """As `budget`, of the walkers alone."""
    flights: int
    spin_orbit_torque: np.ndarray | None
    """As `density`, where spins turn about spin-orbit fields."""
    freedom: int | None
    """Degrees of freedom of the errors of what is known from random rays; None where no part is."""

    def at(self, channel: str) -> int:
        """Number of a channel."""
        return self.channels.index(channel)


def general_deck(texture, *, x, walkers, y=None, z=None, faces=PERIODIC, y_faces=PERIODIC, z_faces=PERIODIC,
                 channels=("first", "second"), dimension=3, exchange=0.05, tau_sf="none", harmonics=1, planes=(),
                 block=1024, seed=1, first_flights="auto", phases=4, layers=(), time=None, initial=None,
                 drive=None, spin_orbit=None, electric_field=None):  # fmt: skip
    """Return a deck in reduced units; x, y, z: (length, cells); time: (end, bins)."""
    axes = {"x": (x, faces), "y": (y, y_faces), "z": (z, z_faces)}
    deck = {
        "units": "reduced",
        "electrons": {"dimension": dimension, "exchange": exchange, "spin_relaxation_time": tau_sf},
        "sample": {
            name: {"length": size[0], "cells": size[1], "left": ends[0], "right": ends[1]}
            for name, (size, ends) in axes.items() if size
        },
        "results": {"channels": list(channels), "harmonics": harmonics, "planes": list(planes)},
        "run": {
            "walkers": walkers, "walkers_per_block": block, "seed": seed, "first_flights": first_flights,
            "phases": phases, "reference": "off",
        },
    }  # fmt: skip
    if time:
        deck["results"] |= {"harmonics": 0, "end": time[0], "time_bins": time[1]}
    given = {
        "texture": texture, "layer": list(layers), "initial": initial, "drive": drive, "spin_orbit": spin_orbit,
        "electric_field": electric_field,
    }  # fmt: skip
    return deck | {name: value for name, value in given.items() if value}


def general_walk(problem: Problem) -> GeneralBlocks:
    """Walk all blocks of a problem on all cores, in block order; what is known is in each, and scatters by its errors."""
    scene, ground = problem.scene, ground_of(problem)
    assert not scene.pulse
    ordered = list(block_sums(problem, ground))
    count = len(ordered)

    def of(name):
        sums = np.array([getattr(one, name) for one in ordered])
        return sums if ground.known is None else sums + known_scattered(ground.known, name, count)

    both = ("sum",) if {"first", "second"} <= set(scene.channels) else ()
    charges = ("sum of charges",) if len(scene.sources) > 1 else ()
    channels = (*scene.walked, *both, *charges)
    rows = len(channels), scene.time_functions, 3
    bins = max(scene.time_bins, 1)

    profiles = of("profiles").reshape(count, 2, scene.kinds, *scene.cells, bins, *rows)
    profiles = np.moveaxis(profiles, (-3, -2, -1), (3, 4, 5))
    passages = of("passages").reshape(count, 2, -1, bins, *rows)
    budget, walked = (
        np.moveaxis(sums.reshape(count, -1, *rows), 1, 0)
        for sums in (of("budget"), np.array([sums.budget for sums in ordered]))
    )
    names, kicked = scene.lines, 3 + scene.axes
    return GeneralBlocks(
        channels=channels,
        density=profiles[:, :, 0],
        torque=profiles[:, :, 1],
        divergence=profiles[:, :, 2],
        flux=profiles[:, :, 3:kicked],
        passages=np.moveaxis(passages, (2, 3), (5, 6)),
        budget=dict(zip(names, budget, strict=True)),
        walked=dict(zip(names, walked, strict=True)),
        spin_orbit_torque=profiles[:, :, kicked] if scene.spin_orbit else None,
        flights=sum(sums.flights for sums in ordered),
        freedom=len(ground.known.deviations) - 1 if ground.known and "rays" in ground.known.method else None,
    )


def medium_of(problem: Problem) -> theory.Medium:
    """The electron gas of a uniform sample, reduced."""
    gamma = problem.scene.layers[0].gamma_sf
    return theory.Medium.reduced(
        problem.scene.exchange,
        tau_sf=1.0 / gamma if gamma > 0.0 else np.inf,
        dimension=problem.scene.dimension,
    )


def waves_of(problem: Problem, deck) -> list[theory.Wave]:
    """Texture of a spiral, modulated or crossed-waves deck as plane waves with wave vectors."""
    texture, scene = deck["texture"], problem.scene
    if scene.texture == CROSSED_WAVES:
        return theory.crossed_waves(
            texture["c"], texture["b"], texture["wavenumber"], texture["wavenumber_y"],
            texture["angular_frequency"], scale=texture["scale"],
        )  # fmt: skip
    C, P, Q, q = (np.array(scene.parameters[4 + 3 * i : 7 + 3 * i]) for i in range(4))
    envelope = (((0.0, 0.0, 0.0), 1.0),)
    if texture["kind"] == "modulated":
        k = np.array([texture["wavenumber"], 0.0, 0.0])
        side = 0.5 * texture["depth"] * np.exp(1j * texture.get("phase", 0.0))
        envelope = (((0.0, 0.0, 0.0), texture["mean"]), (k, side), (-k, side.conjugate()))
    return theory.texture_waves(C, P, Q, q, texture["angular_frequency"], envelope)


def exact_profiles(problem, deck, channel):
    """Exact cell averages: quantity → part → (harmonic, [direction,] component, x, y, z)."""
    scene = problem.scene
    solution = theory.exact_solution(waves_of(problem, deck), medium_of(problem), channel)
    edges = [np.linspace(0.0, L, n + 1) for L, n in zip(scene.lengths, scene.cells, strict=True)]
    Omega = deck["texture"]["angular_frequency"]

    def averaged(waves):
        # without a sink the uniform DC density is not known, and is left out
        waves = [wave._replace(amplitude=np.nan_to_num(wave.amplitude)) for wave in waves]
        return theory.mesh_averages(waves, edges, Omega, scene.harmonics)

    found = {
        name: {part: averaged(getattr(solution, name)[part]) for part in ("local", "diffusive")}
        for name in QUANTITIES
    }
    if scene.layers[0].gamma_sf == 0.0:  # the sample mean has no sink, and is left out
        density = found["density"]["diffusive"]
        found["density"]["diffusive"] = density - density.mean(axis=(-3, -2, -1), keepdims=True)
    return found


def compare_with_exact(problem, deck, blocks, small=SMALL, channels=("first", "second", "second_ladder")):
    """Hold every profile of every channel against the exact solution; returns the number of comparisons.

    Each harmonic of each part of each quantity (of a flux, each direction) is projected on the exact profile, where 1
    must come out, and on that profile a quarter of a wave further along each mesh direction. A profile that is less than
    SMALL_PART of its quantity is held against the whole quantity.
    """
    scene, found = problem.scene, 0
    for channel in (name for name in channels if name in blocks.channels):
        exact = exact_profiles(problem, deck, channel)
        for name in QUANTITIES:
            data = np.moveaxis(blocks.flux, 2, 4) if name == "flux" else getattr(blocks, name)
            data = data[:, :, blocks.at(channel), ..., 0]
            whole = np.sqrt((sum(exact[name].values()) ** 2).sum())
            for part, number in (("local", LOCAL), ("diffusive", DIFFUSIVE)):
                for n, at in enumerate(
                    [slice(0, 1)] + [slice(2 * h + 1, 2 * h + 3) for h in range(scene.harmonics)]
                ):
                    wanted, got = exact[name][part][at], data[:, number, at]
                    if name == "flux":
                        for i in range(scene.axes):
                            what = f"{channel} {part} flux[{i}] {n}Ω"
                            found += projected(got[:, :, i], wanted[:, i], whole, what, small, scene)
                    else:
                        found += projected(got, wanted, whole, f"{channel} {part} {name} {n}Ω", small, scene)
    return found


def projected(samples, profile, whole, what, small, scene):
    """Compare one profile, unless it is zero; returns the number of comparisons."""
    size = math.sqrt((profile**2).sum())
    if size <= 1e-12 * whole:
        return 0
    scale = 1.0 if size >= SMALL_PART * whole else whole / size
    shapes = {"": profile}
    for i in range(scene.axes):
        shifted = np.roll(profile, scene.cells[i] // 4, axis=i - 3)
        if np.abs(shifted - profile).max() > 1e-9 * size:
            shapes[f", a quarter further along {'xyz'[i]}"] = shifted
    for text, shape in shapes.items():
        projected = (samples * shape).reshape(len(samples), -1).sum(axis=1) / size**2
        expected = (profile * shape).sum() / size**2
        assert_in(projected, expected, what + text, scale, small)
    return len(shapes)


def turning(samples, cells):
    """Components along (e_r, e_φ, z) of (..., harmonic, component, x) profiles of one turn, averaged over x."""
    qh = 2.0 * np.pi / cells
    edges = qh * np.arange(cells + 1)
    c, s = np.diff(np.sin(edges)) / qh, -np.diff(np.cos(edges)) / qh
    xc, xs, yc, ys = (samples[..., n, i, :] for n, i in ((COS, X), (SIN, X), (COS, Y), (SIN, Y)))
    # x = r cos(qx + Ωt) − f sin(qx + Ωt), y = r sin(qx + Ωt) + f cos(qx + Ωt)
    norm = 2.0 * (c**2 + s**2).sum()
    r, f = (xc * c - xs * s + yc * s + ys * c) / norm, (-xc * s - xs * c + yc * c - ys * s) / norm
    return np.stack([r.sum(axis=-1), f.sum(axis=-1), samples[..., DC, Z, :].mean(axis=-1)], axis=-1)


def assert_in(samples, expected, what, scale=None, small=SMALL):
    """Demand agreement within LIMIT standard errors, and these below `small` of the scale (or of the expected).

    Where walkers leave no choice the error is 0: errors count as at least 1e-9 of the scale.
    """
    mean, error = mean_and_error(samples)
    reach = np.abs(expected if scale is None else scale)
    error = np.maximum(error, 1e-9 * reach)
    if REPORT:
        z, relative = (
            np.abs(mean - expected) / np.maximum(error, 1e-300),
            np.max(error / np.maximum(reach, 1e-300)),
        )
        print(f"z {np.max(z):6.2f}  err {relative:8.5f}  {what}")
    else:
        assert_near(mean, error, expected, what, scale, small)


REPORT = "MCPUMP_REPORT" in os.environ
"""Print what is compared instead of demanding it: to choose the number of walkers."""


def assert_no_chi2_alarm(samples, what, freedom=None):
    """Demand that the mean over blocks of a few numbers (blocks, n ≤ blocks/10) is 0: Hotelling's T² with FALSE_ALARM.

    Numbers that are 0 to rounding, and combinations that symmetry makes so, are left out; returns how many remain.
    freedom: of errors that are those of a few sets of rays alone: Student's t of every number with Bonferroni's limit.
    """
    samples = np.asarray(samples).reshape(len(samples), -1)
    alive = samples.std(axis=0) > ROUNDING
    assert np.all(np.abs(samples[:, ~alive]) <= 10.0 * ROUNDING), (
        f"{what}: the same in every block, and not 0"
    )
    samples, count = samples[:, alive], len(samples)
    if not np.any(alive):
        return 0
    if freedom is not None:
        mean, error = mean_and_error(samples)
        p = 2.0 * samples.shape[1] * stats.t.sf(np.abs(mean / error).max(), freedom)
        assert p > FALSE_ALARM, f"{what}: {mean} ± {error}, {freedom} degrees of freedom, p = {p}"
        return samples.shape[1]
    rates, modes = np.linalg.eigh(np.corrcoef(samples, rowvar=False).reshape(2 * samples.shape[1:]))
    standard = (samples / samples.std(axis=0, ddof=1)) @ modes[:, rates > 1e-9]
    n = standard.shape[1]
    assert count >= 10 * n > 0, f"{what}: {count} blocks for {n} numbers"
    T2 = count * (standard.mean(axis=0) ** 2 / standard.var(axis=0, ddof=1)).sum()
    p = stats.f.sf(T2 * (count - n) / (n * (count - 1)), n, count - n)
    if REPORT:
        print(f"p {p:.4f}  {what}")
    assert p > FALSE_ALARM, f"{what}: T² = {T2} of {n} numbers, p = {p}"
    return n
