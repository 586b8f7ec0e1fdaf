"""Names that decks, results and tables share: channels, sources of charge, faces, parts, components, harmonics, lines."""

from __future__ import annotations

FACES = ("specular", "diffuse", "absorbing", "periodic")
CHANNELS = ("first", "second", "second_ladder", "exact")
"""Channels in the order of `Scene.slots`."""
CHARGES = ("rashba", "impurity_first", "impurity_second")
"""Sources of charge in the order of `Scene.charges`: the mechanism, and for impurities the order in J of the spin."""
PARTS = ("local", "diffusive", "total")
"""Local: n = 0 scatterings since emission; diffusive: n ≥ 1; total: their sum."""
AXES = ("x", "y", "z")
"""Directions of the mesh."""
COMPONENTS = ("x", "y", "z")
"""Components of the spin."""
LINES = ("emitted", "torque", "stored", "relaxed", "left_at_left", "left_at_right", "cut")
"""Lines of the spin budget: emitted + torque = stored + relaxed + left (both faces) + cut."""

SPIN_ORBIT_TORQUE = "spin_orbit_torque"
"""Line of the budget, a gain as the torque, and estimate on the mesh, where spins turn about spin-orbit fields."""

GAINS = ("emitted", "torque", SPIN_ORBIT_TORQUE)
"""Lines of the budget that add spin; all others take it."""


def lines_of(axes: int) -> tuple[str, ...]:
    """Lines of the spin budget of a mesh with 1, 2 or 3 directions: two faces each."""
    faces = (
        "left_at_left",
        "left_at_right",
        "left_at_front",
        "left_at_back",
        "left_at_bottom",
        "left_at_top",
    )
    return ("emitted", "torque", "stored", "relaxed", *faces[: 2 * axes], "cut")


def harmonic_names(harmonics: int) -> tuple[str, ...]:
    """Names of the real harmonics: "dc", "cos1", "sin1", … in A(t) = A_0 + Σ A_n^c cos nΩt + A_n^s sin nΩt."""
    return ("dc", *(f"{part}{n}" for n in range(1, harmonics + 1) for part in ("cos", "sin")))
