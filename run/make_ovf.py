#!/usr/bin/env python
"""Ferromagnetic resonance of a thin film as OVF snapshots: a stand-in for OOMMF or mumax3, in seconds.

    python run/make_ovf.py film        # film/m000000.ovf … film/m000031.ovf and film/table.txt

A permalloy film, 10 nm thick along x, uniform along y and z, in a static field along z and a microwave field along y.
Its left face pins the magnetization somewhat, so that it precesses more on the right. The equation of Landau, Lifshitz
and Gilbert is integrated by the method of Runge and Kutta of fourth order until the precession is steady; the
snapshots cover one period more.
"""

import argparse
import math
from pathlib import Path

import numpy as np

from mcpump import console
from mcpump.textures.ovf import Mesh, write_ovf

GAMMA = 1.760859e11  # gyromagnetic ratio [rad/(s T)]
MU_0 = 4e-7 * math.pi  # [T m/A]
M_S = 8e5  # saturation magnetization [A/m]
EXCHANGE = 1.3e-11  # exchange stiffness [J/m]
DAMPING = 0.03  # Gilbert's α
PINNING = 4e-4  # surface anisotropy of the left face along z [J/m²]
FIELD, MICROWAVE = 0.1, 4e-3  # static field along z, amplitude along y [T]
FREQUENCY = 9.2e9  # of the microwave [Hz]
CELLS, STEP = 5, 2e-9  # cells along x, and their length [m]
SNAPSHOTS, PERIODS, STEPS = 32, 40, 256  # snapshots; periods to settle; steps in a period


def field(m, t):
    """Effective field [T] on the cells' magnetization (cells, 3)."""
    padded = np.concatenate([m[:1], m, m[-1:]])  # free faces: ∂m/∂n = 0
    B = 2.0 * EXCHANGE / (M_S * STEP**2) * (padded[2:] - 2.0 * m + padded[:-2])
    B[:, 0] -= MU_0 * M_S * m[:, 0]
    B[:, 1] += MICROWAVE * math.cos(2.0 * math.pi * FREQUENCY * t)
    B[:, 2] += FIELD
    B[0, 2] += 2.0 * PINNING / (M_S * STEP) * m[0, 2]
    return B


def rate(m, t):
    """Compute ∂m/∂t after Landau, Lifshitz and Gilbert."""
    torque = np.cross(m, field(m, t))
    return -GAMMA / (1.0 + DAMPING**2) * (torque + DAMPING * np.cross(m, torque))


def step(m, t, dt):
    """One step of Runge and Kutta; the vectors are kept unit vectors."""
    a = rate(m, t)
    b = rate(m + 0.5 * dt * a, t + 0.5 * dt)
    c = rate(m + 0.5 * dt * b, t + 0.5 * dt)
    d = rate(m + dt * c, t + dt)
    m = m + dt / 6.0 * (a + 2.0 * b + 2.0 * c + d)
    return m / np.linalg.norm(m, axis=1, keepdims=True)


def main():
    """Integrate, and write the last period."""
    console.prepare()
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", nargs="?", default="film", help="where to write (film)")
    parser.add_argument("--periods", type=int, default=PERIODS, help="periods to settle (%(default)s)")
    arguments = parser.parse_args()
    folder = Path(arguments.folder)
    folder.mkdir(parents=True, exist_ok=True)
    mesh = Mesh((CELLS, 1, 1), (STEP, STEP, STEP), (0.0, 0.0, 0.0))
    m = np.tile([0.0, 0.0, 1.0], (CELLS, 1))
    dt = 1.0 / (FREQUENCY * STEPS)
    settled, rows = arguments.periods * STEPS, ["# t (s)\tmx ()\tmy ()\tmz ()"]
    for i in range(settled + STEPS):
        if i >= settled and (i - settled) % (STEPS // SNAPSHOTS) == 0:
            number = (i - settled) // (STEPS // SNAPSHOTS)
            write_ovf(folder / f"m{number:06d}.ovf", m.reshape(1, 1, CELLS, 3), mesh, time=i * dt)
            rows.append("\t".join(f"{value:.9g}" for value in (i * dt, *m.mean(axis=0))))
        m = step(m, i * dt, dt)
    (folder / "table.txt").write_text("\n".join(rows) + "\n", encoding="ascii")
    cone = np.degrees(np.arccos(m[:, 2]))
    print(
        f"{SNAPSHOTS} snapshots of one period of {FREQUENCY / 1e9:g} GHz in {folder}; angle from z at the end: "
        f"{cone[0]:.2f} to {cone[-1]:.2f} degrees"
    )


if __name__ == "__main__":
    main()
