"""Textures as plane waves, and comparisons mode by mode, for the tests of the theory."""

import math

import numpy as np

from mcpump import theory

CHANNELS = ("first", "second", "second_ladder")
DIMENSIONS = (1, 2, 3)


def cone(theta, q, Omega):
    s, c = math.sin(theta), math.cos(theta)
    return theory.texture_waves([0, 0, c], [s, 0, 0], [0, s, 0], q, Omega)


def modulated(epsilon=1.0, q=0.7, Omega=0.3):
    """Spiral with a modulated size: every mode, component and part of the response is in use."""
    envelope = [(0.0, 1.0), (0.4 * epsilon, 0.3 * np.exp(0.5j)), (-0.4 * epsilon, 0.3 * np.exp(-0.5j))]
    return theory.texture_waves(
        [0.2, 0.1, 0.6], [0.5, 0, 0.1], [0, 0.4, 0], q * epsilon, Omega * epsilon**2, envelope
    )


def amplitude(waves, q, Omega):
    """Amplitude of the mode (q, Ω); zero where there is none."""
    found = [
        w.amplitude
        for w in waves
        if math.isclose(w.q, q, abs_tol=1e-9) and math.isclose(w.Omega, Omega, abs_tol=1e-9)
    ]
    assert len(found) <= 1
    return found[0] if found else np.zeros(3, dtype=complex)


def largest_difference(left, right):
    """Largest |left − right| over the largest |right|, over all modes."""
    scale = max(np.abs(w.amplitude).max() for w in right)
    return (
        max(
            np.abs(amplitude(left, w.q, w.Omega) - amplitude(right, w.q, w.Omega)).max()
            for w in [*left, *right]
        )
        / scale
    )


def size(waves):
    return max(np.abs(w.amplitude).max() for w in waves)
