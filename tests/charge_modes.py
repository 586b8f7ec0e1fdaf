"""Crossed textures, and comparisons of charge mode by mode, for the tests of the theory."""

import numpy as np

from mcpump import theory

RASHBA = {"a_R": np.array([0.3, -0.5, 0.8])}
IMPURITY = {"a_imp": 0.2}
MECHANISMS = [RASHBA, IMPURITY]


def crossed(epsilon=1.0):
    """Crossed waves with a spiral on top: no component vanishes."""
    waves = theory.crossed_waves(0.7, 1.5, 0.9 * epsilon, 0.6 * epsilon, 0.3 * epsilon**2, 0.4, 0.5)
    q = epsilon * np.array([0.4, -0.5, 0.0])
    more = theory.texture_waves([0.1, 0, 0.2], [0.3, 0, 0.1], [0, 0.2, 0], q, 0.3 * epsilon**2)
    return theory.combined((1.0, waves), (1.0, more))


def rigid(epsilon=1.0):
    """Texture that varies along x and y and rotates rigidly about z."""
    turning = [
        theory.texture_waves([0, 0, 0], P, Q, epsilon * np.array(q), 0.3 * epsilon**2)
        for P, Q, q in [
            ([1.0, 0, 0], [0, 1.0, 0], [0.9, 0, 0]),
            ([0.5, 0.2, 0], [-0.2, 0.5, 0], [0.3, 0.8, 0]),
        ]
    ]
    still = theory.texture_waves([0, 0, 0], [0, 0, 0.4], [0, 0, 0.2], epsilon * np.array([0.1, 0.5, 0]), 0.0)
    return theory.combined(*((1.0, waves) for waves in [*turning, still]))


def by_mode(waves):
    return {(*np.round(w.q, 9) + 0.0, round(w.Omega, 9) + 0.0): w.amplitude for w in waves}


def largest(waves):
    return max(np.abs(w.amplitude).max() for w in waves)


def worst(left, right):
    """Largest |left − right| over the largest |right|, over all modes."""
    scale = largest(right)
    left, right = by_mode(left), by_mode(right)
    return max(np.abs(left.get(key, 0) - right.get(key, 0)).max() for key in left | right) / scale


def quantities(solution):
    return [solution.density, *solution.current.values(), solution.dipole, solution.dipole_flux]
