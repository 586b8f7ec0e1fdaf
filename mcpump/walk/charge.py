"""Charge of walking spins: the charge velocity of a first flight, and the dipole it leaves at its first collision.

In its first flight a walker with spin s has the extra velocity, which carries charge,

    Rashba    w = −2 E_so × s            s: of second order in J, Eqs. (24), (25)
    impurity  w_i = a_imp ε_ijα v_j s^α  s: of first and of second order, each by itself, Eq. (30)

(reduced units with e = ħ = 1). Its sum over first flights is the local charge current W. At the first collision with an
impurity the walker leaves the dipole p = τw behind, which walks on as an ordinary walker without τ_sf. Dipoles are
carried like spins, in slots of their own after those of the spins; their components are the directions of p.
"""

from __future__ import annotations

from mcpump.compiled import part
from mcpump.walk.carried import FIRST, SECOND
from mcpump.walk.walker import UX, UY, UZ

IMPURITY_FIRST, IMPURITY_SECOND = 1, 2
"""Places in `Scene.charges`, after that of Rashba."""
RX, RY, RZ, IMPURITY = range(4, 8)
"""Columns of the media: −2E_so, and a_imp."""


@part
def charge_slots(scene):
    """Count what is walked besides spins."""
    return (scene.charges[0] >= 0) + (scene.charges[1] >= 0) + (scene.charges[2] >= 0)


@part
def set_charge_velocity(scene, media, layer, walker, alive, scale, leaving, spins):
    """Write `scale` times the charge velocity of every source into its slot.

    leaving: only what walks on as a dipole, along the directions of the mesh; 0 elsewhere.
    """
    a, b, c = media[layer, RX], media[layer, RY], media[layer, RZ]
    speed = media[layer, 0] * media[layer, IMPURITY]
    vx, vy, vz = speed * walker[UX], speed * walker[UY], speed * walker[UZ]
    for source in range(3):
        slot = scene.charges[source]
        if slot < 0:
            continue
        spin = scene.slots[FIRST] if source == IMPURITY_FIRST else scene.slots[SECOND]
        factor = 0.0 if leaving and not scene.dipoles[source] else scale
        p, q, r = (a, b, c) if source == 0 else (vx, vy, vz)
        for k in range(alive):
            sx, sy, sz = spins[spin, k, 0], spins[spin, k, 1], spins[spin, k, 2]
            spins[slot, k, 0] = factor * (q * sz - r * sy)
            spins[slot, k, 1] = factor * (r * sx - p * sz)
            spins[slot, k, 2] = factor * (p * sy - q * sx)
            if leaving and scene.axes < 3:
                spins[slot, k, 2] = 0.0
            if leaving and scene.axes < 2:
                spins[slot, k, 1] = 0.0


@part
def turn_dipoles(scene, axis, alive, spins):
    """Mirror the dipoles at a specular face: p' = p − 2(p·n)n."""
    for source in range(3):
        if scene.charges[source] >= 0:
            for k in range(alive):
                spins[scene.charges[source], k, axis] = -spins[scene.charges[source], k, axis]


@part
def forget_spins(alive, kept, spins):
    """Set the first `kept` slots, those of spins, to 0."""
    for slot in range(kept):
        for k in range(alive):
            spins[slot, k, 0], spins[slot, k, 1], spins[slot, k, 2] = 0.0, 0.0, 0.0
