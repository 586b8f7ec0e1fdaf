"""A domain wall whose width breathes: the texture of user_texture.toml, lengths in ℓ and times in τ."""

import math

CENTER = 8.0
WIDTH = 2.0
BREATH = 0.3
OMEGA = 0.01


def S(x, y, z, t):
    """Néel wall at CENTER, of the width WIDTH (1 + BREATH sin Ωt)."""
    xi = (x - CENTER) / (WIDTH * (1.0 + BREATH * math.sin(OMEGA * t)))
    return 1.0 / math.cosh(xi), 0.0, -math.tanh(xi)
