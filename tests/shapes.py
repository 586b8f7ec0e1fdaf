"""Textures from physical parameters, packed for the kernels, and precessions along x at a time."""

import math

import numpy as np

from mcpump.textures.parameters import (
    STEADY,
    CrossedWaves,
    DomainWall,
    Harmonic,
    Skyrmion,
    Vortex,
    largest_scale,
    packed,
)
from mcpump.textures.shapes import ENVELOPE_CONSTANT, texture_profile


def harmonic_parameters(
    C, P, Q, q, Omega, envelope_code=ENVELOPE_CONSTANT, envelope_parameters=(), drive=STEADY
):
    """Precession under an envelope, S = f(x) {C + h [P cos(q·r + Ωt) + Q sin(q·r + Ωt)]}."""
    four = (*envelope_parameters, 0.0, 0.0, 0.0, 0.0)[:4]
    return packed(Harmonic(*map(tuple, (C, P, Q, q)), Omega, envelope_code, four), drive)


def domain_wall_parameters(
    position, width, angle, velocity=0.0, amplitude=0.0, Omega=0.0, sign=1, drive=STEADY
):
    """Wall whose angle ψ is 0 for Bloch and π/2 for Néel."""
    turn = math.cos(angle), math.sin(angle)
    return packed(DomainWall(position, width, velocity, amplitude, Omega, *turn, sign), drive)


def vortex_parameters(
    centre, core, gyration=0.0, Omega=0.0, sense=1, circulation=1, polarity=1, drive=STEADY
):
    """Vortex about a centre (X, Y)."""
    return packed(Vortex(*centre, gyration, Omega, sense, core, circulation, polarity), drive)


def skyrmion_parameters(
    centre,
    radius,
    width,
    helicity=0.0,
    polarity=1,
    vorticity=1,
    gyration=0.0,
    Omega=0.0,
    sense=1,
    drive=STEADY,
):
    """Skyrmion whose helicity χ is 0 or π for Néel, ±π/2 for Bloch."""
    turn = math.cos(helicity), math.sin(helicity)
    shape = Skyrmion(*centre, gyration, Omega, sense, radius, width, *turn, polarity, vorticity)
    return packed(shape, drive)


def crossed_waves_parameters(c, b, q1, q2, Omega, phase=0.0, scale=None, drive=STEADY):
    """Crossed waves, as large as |S| ≤ 1 allows where no scale is given."""
    return packed(CrossedWaves(scale or largest_scale(c, b), c, b, q1, q2, phase, Omega), drive)


def texture_at(model, x, t):
    """S(x, t) of a `Precession` at one time t [τ]; shape (3, n)."""
    s0, cosine, sine = texture_profile(model, x)
    return s0 + cosine * np.cos(model.Omega * t) + sine * np.sin(model.Omega * t)


def texture_rate(model, x, t):
    """Ṡ(x, t) of a `Precession` at one time t [τ]; shape (3, n) [1/τ]."""
    _, cosine, sine = texture_profile(model, x)
    phase = model.Omega * t
    return model.Omega * (sine * np.cos(phase) - cosine * np.sin(phase))
