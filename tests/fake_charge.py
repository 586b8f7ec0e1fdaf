"""Runs with made-up charge currents: names and shapes are right, and what they show is known; nothing is walked."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
from fake_scene import SI, problem, scene, shaped
from fake_scene import result as scene_result

from mcpump.names import PARTS
from mcpump.tally.estimates import Estimate

BAR = """
[electrons]
fermi_wavenumber = "13.6 /nm"
mean_free_path = "1 nm"
spin_diffusion_length = "5 nm"
[sample.x]
length = "20 nm"
cells = 10
left = "specular"
right = "diffuse"
[electric_field]
field = "10 kV/m"
direction = [0, 1, 0]
spin_hall_conductivity = "1e4 S/m"
[results]
planes = ["10 nm"]
"""


def charged(sources, axes=1, ell_over_lambda=0.3, seed=3):
    """A run with sources of charge; the charge currents and densities are 0 ± 0 for now."""
    ready = problem(scene(axes), SI)
    plain = scene_result(ready, shaped(ready))
    density = plain.estimates["spin_density"]
    mesh, cells = density.dims[4:], density.mean.shape[4:]
    names = (*sources, "sum") if len(sources) > 1 else sources
    coords = {**plain.coords, "source": names, "charge_direction": ("x", "y", "z")}
    n, head = len(names), ("source", "part", "charge_direction", "harmonic")

    def none(shape, dims, units, name):
        return Estimate(np.zeros(shape), np.zeros(shape), dims, units, name)

    lines = len(coords["line"])
    added = {
        "charge_current": none((n, 3, 3, 3, *cells), (*head, *mesh), "A/m^2", "charge current"),
        "charge_current_mean": none((n, 3, 3, 3), head, "A/m^2", "charge current, mean"),
        "charge_density": none((n, 3, *cells), ("source", "harmonic", *mesh), "C/m^3", "charge density"),
        "open_circuit_field": none(
            (3, 3), ("charge_direction", "harmonic"), "V/m", "open-circuit electric field"
        ),
        "dipole_budget": none(
            (lines, n, 3, 3), ("line", "source", "charge_direction", "harmonic"), "A/m", "budget"
        ),
        "dipole_budget_imbalance": none(
            (n, 3, 3), ("source", "charge_direction", "harmonic"), "1", "imbalance"
        ),
    }
    if axes == 1:
        coords["wave"] = ("1", "2")
        added["charge_density_wave"] = none((n, 3, 2), ("source", "harmonic", "wave"), "C/m^3", "wave")
    if "rashba" in sources:
        a = np.zeros((3, *cells))
        a[1] = -2e4
        added["rashba_coefficient"] = Estimate(a, None, ("charge_direction", *mesh), "A m/J", "a_R")
    if any(name.startswith("impurity") for name in sources):
        dims = ("channel", *head[1:], *mesh)
        channels = len(coords["channel"])
        added["inverse_spin_hall_current"] = none((channels, 3, 3, 3, *cells), dims, "A/m^2", "formula")
    return dataclasses.replace(
        plain, coords=coords, estimates={**plain.estimates, **added},
        regime={"ell/lambda": (ell_over_lambda, "", "mean free path over length")},
    )  # fmt: skip


def noisy(values, relative=0.01, floor=0.0, seed=5):
    """Values that scatter about given ones, and their errors."""
    error = relative * np.abs(values) + floor
    return values + error * np.random.default_rng(seed).normal(size=np.shape(values)), error


def put(result, name, index, values, relative=0.01, floor=0.0):
    """Write noisy values into an estimate."""
    estimate = result.estimates[name]
    estimate.mean[index], estimate.stderr[index] = noisy(np.asarray(values, float), relative, floor)


def totals(result, name):
    """Make the part `total` what it is."""
    estimate = result.estimates[name]
    part = PARTS.index("total")
    estimate.mean[:, part] = estimate.mean[:, :2].sum(axis=1)
    estimate.stderr[:, part] = np.hypot(estimate.stderr[:, 0], estimate.stderr[:, 1])


def rashba(follows=True, ell_over_lambda=0.3):
    """A DC current along x that follows the torque along z, or does not."""
    run = charged(("rashba",), ell_over_lambda=ell_over_lambda)
    second = run.coords["channel"].index("second")
    x = run.coords["x"].mean
    hill = 5.0 + np.cos(2.0 * math.pi * x / (x[-1] + x[0]))
    torque, spread = run.estimates["torque"], run.estimates["spin_current_divergence"]
    for estimate in (torque, spread):
        estimate.mean[second] = estimate.stderr[second] = 0.0
    torque.mean[second, (0, 2), 0, 2], torque.stderr[second, (0, 2), 0, 2] = hill, 0.01 * hill
    spread.mean[second, 0, 0, 2], spread.stderr[second, 0, 0, 2] = 0.02 * hill, 0.002 * hill
    put(run, "charge_current", (0, 0, 0, 0), -2e4 * hill * (1.0 if follows else 0.1), 0.005)
    put(run, "charge_current", (0, 1, 0, 0), 0.0 * hill, 0.0, 50.0)
    totals(run, "charge_current")
    put(run, "charge_current_mean", (0, 0, 0, 0), -1e5, 0.002)
    put(run, "charge_current_mean", (0, 0, 2, 1), 1e-3, 0.0, 300.0)
    totals(run, "charge_current_mean")
    put(run, "charge_density", (0, 2), 8.0 * np.sin(2.0 * math.pi * x / (x[-1] + x[0])), 0.0, 0.3)
    put(run, "charge_density_wave", (0, 2, 0), 8.0, 0.01)
    put(run, "open_circuit_field", (0, 0), 0.0658, 0.002)
    budget, names = run.estimates["dipole_budget"], run.coords["line"]
    for line in ("torque", "cut"):
        budget.mean[names.index(line), 0, 0, 0], budget.stderr[names.index(line), 0, 0, 0] = -4.9e-3, 3e-5
    return run


def impurities(share=0.03, ell_over_lambda=0.3, axes=2):
    """An AC current along x that is a share of what the inverse spin Hall formula gives."""
    run = charged(("impurity_first", "impurity_second"), axes, ell_over_lambda)
    shape = run.estimates["charge_density"].mean.shape[2:]
    wave = 3.0 + np.cos(2.0 * math.pi * np.arange(math.prod(shape)).reshape(shape) / shape[-1])
    put(run, "charge_current", (0, 0, 0, 1), share * 1e8 * wave, 0.01)
    put(run, "inverse_spin_hall_current", (0, 0, 0, 1), share * 1e8 * wave, 0.01)
    put(run, "inverse_spin_hall_current", (0, 1, 0, 1), (1.0 - share) * 1e8 * wave, 0.02)
    put(run, "charge_density", (1, 1), 0.0 * wave, 0.0, 0.3)
    for name in ("charge_current", "inverse_spin_hall_current"):
        totals(run, name)
    return run


def bar():
    """Spin that an electric field drives along x, in the deck `BAR`."""
    ready = problem(scene(1, (), slots=(-1,) * 4, hall_slot=0, harmonics=0, cells=(10, 1, 1)), SI)
    from mcpump.report.crossover import problem_of
    from mcpump.tally.observables import coordinates

    plain = scene_result(ready._replace(resolved=BAR))
    real = problem_of(plain)
    current = plain.estimates["plane_current"]
    places = coordinates(real)
    drive = np.zeros((1, 3, 10))
    drive[0, 2] = 5e-7
    x = places["x"].mean
    density = plain.estimates["spin_density"]
    density.mean[:] = density.stderr[:] = 0.0
    density.mean[0, 2, 0, 2], density.stderr[0, 2, 0, 2] = 4e-10 * (x - x.mean()), 1e-20
    mean, error = np.zeros((1, 3, 1, 1, 3, 1)), np.zeros((1, 3, 1, 1, 3, 1))
    mean[0, 0, ..., 2, 0], mean[0, 1, ..., 2, 0], mean[0, 2, ..., 2, 0] = 5e-7, -1.3e-7, 3.7e-7
    error[0, 1:, ..., 2, 0] = 1e-9
    estimates = {
        **plain.estimates,
        "spin_density": density,
        "plane_current": Estimate(mean, error, current.dims, "J/m^2", "current"),
        "spin_hall_drive": Estimate(drive, None, ("direction", "component", "x"), "J/m^2", "drive"),
    }
    for name in ("local_share", "plane_current_covariance", "plane_supercurrent"):
        estimates.pop(name)
    return dataclasses.replace(plain, coords={**plain.coords, **places}, estimates=estimates)
