"""What the physics tests of charge share: the exact solution as the books hold it, and comparison mode by mode."""

from __future__ import annotations

import math

import numpy as np
from general_walks import COS, DC, DIFFUSIVE, LOCAL, assert_no_chi2_alarm, medium_of, projected, waves_of

from mcpump import theory
from mcpump.problem.reduce_scene import DECAYED

RHO, DIVERGENCE = 0, 1
"""Places of ρ_c and ∇·j_c among the components of the books' diffusive torque."""
PARTS = (("local", LOCAL), ("diffusive", DIFFUSIVE))


def differenced(q, width):
    """Share of a derivative iq that `mcpump.walk.charge_profiles.derivative` gives of the cell means of e^{iqx}."""
    h = 0.5 * q * width
    return np.sinc(h / math.pi) * (7.0 * np.cos(h) - np.cos(3.0 * h)) / 6.0


def exact_charge(problem, deck, source):
    """Exact cell averages as booked: ρ_c (harmonic, x, y, z), and local and diffusive current (harmonic, i, x, y, z).

    With one mesh direction the diffusive current is counted at faces; else derivatives are differences of cell means.
    """
    scene, layer = problem.scene, problem.scene.layers[0]
    channel = "first" if source == "impurity_first" else "second"
    strength = {"a_R": layer.rashba} if source == "rashba" else {"a_imp": layer.impurity}
    solution = theory.charge_solution(waves_of(problem, deck), medium_of(problem), channel, **strength)
    widths = np.array(scene.lengths) / scene.cells
    rho, diffusive = [], []
    for P, Q in zip(solution.dipole, solution.dipole_flux, strict=True):
        i_q = 1j * np.asarray(P.q) * differenced(np.asarray(P.q), widths)
        rho.append(P._replace(amplitude=np.asarray(-(i_q @ np.where(i_q == 0.0, 0.0, P.amplitude)))))
        diffusive.append(Q._replace(amplitude=-(Q.amplitude @ i_q)))
    if scene.axes == 1:
        diffusive = solution.current["diffusive"]
    edges = [np.linspace(0.0, L, n + 1) for L, n in zip(scene.lengths, scene.cells, strict=True)]
    Omega = deck["texture"]["angular_frequency"]
    return [
        theory.mesh_averages(waves, edges, Omega, scene.harmonics)
        for waves in (rho, solution.current["local"], diffusive)
    ]


def booked_charge(blocks, source):
    """Samples (blocks, …) of what `exact_charge` returns."""
    at = blocks.at(source)
    rho = blocks.torque[:, DIFFUSIVE, at, :, RHO, ..., 0]
    return [rho, *(blocks.density[:, part, at, ..., 0] for part in (LOCAL, DIFFUSIVE))]


def cut_at(problem, decayed):
    """Same problem with walkers that carry dipoles alone ended where the slowest mode has decayed so far, not to 1e-6.

    What is cut off is less than `decayed` of the signal, and most of the noise.
    """
    scene = problem.scene
    return problem._replace(
        scene=scene._replace(t_dipole=scene.t_dipole * math.log(decayed) / math.log(DECAYED))
    )


def harmonics_of(scene):
    """Slices of the harmonics 0, Ω, 2Ω, …"""
    return [slice(DC, DC + 1)] + [slice(COS + 2 * n, COS + 2 * n + 2) for n in range(scene.harmonics)]


def compare_charge(problem, deck, blocks, small):
    """Hold every profile of every source against the exact solution, zeros included.

    small: largest standard errors of the local current, the diffusive current and the charge density. Returns the names
    of what was compared and is not zero.
    """
    scene, found = problem.scene, []
    for source in scene.sources:
        exact, samples = exact_charge(problem, deck, source), booked_charge(blocks, source)
        current = np.sqrt((exact[1] ** 2).sum())
        # charge that vanishes, against that of such a current with a gradient of 1/ℓ
        sizes = [
            np.sqrt((exact[0] ** 2).sum()) or current,
            current,
            np.sqrt((exact[2] ** 2).sum()) or current,
        ]
        for n, at in enumerate(harmonics_of(scene)):
            pieces = [("density", exact[0][at], samples[0][:, at], sizes[0], small[2])]
            for i in range(3):
                pieces += [
                    (f"{part} current[{i}]", exact[k][at, i], samples[k][:, at, i], sizes[k], small[k - 1])
                    for k, part in ((1, "local"), (2, "diffusive"))
                ]
            for what, profile, got, size, limit in pieces:
                what = f"{source} {what} {n}Ω"
                if projected(got, profile, size, what, limit, scene):
                    found.append(what)
                else:
                    for axis, name in enumerate("xyz"[: scene.axes]):
                        others = tuple({-3, -2, -1} - {axis - 3})
                        rows = got.mean(axis=others)
                        for h in range(rows.shape[1]):
                            free = blocks.freedom if "local" in what else None
                            assert_no_chi2_alarm(rows[:, h], f"{what} along {name}: zero", free)
    return found
