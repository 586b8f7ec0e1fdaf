"""Meshes in several directions: every tensor component against the exact solution, and one profile on any mesh."""

import numpy as np
import pytest
from general_walks import assert_no_chi2_alarm, compare_with_exact, general_deck, general_walk, waves_of
from walks import COS, DC, LOCAL, SIN, problem_of

from mcpump import theory

Q, Q_Y, OMEGA = 1.0, 1.4, 0.2
SIZE_X, SIZE_Y = (2.0 * np.pi / Q, 8), (2.0 * np.pi / Q_Y, 8)
CROSSED = {
    "kind": "crossed_waves", "c": 0.8, "b": 1.5, "wavenumber": Q, "wavenumber_y": Q_Y, "angular_frequency": OMEGA,
    "scale": 0.3,
}  # fmt: skip
CHANNELS = ("first", "second", "second_ladder")


def spiral(direction, wavenumber):
    return {
        "kind": "spiral", "cone_angle": 1.0, "angular_frequency": OMEGA, "wavenumber": wavenumber, "direction": direction,
    }  # fmt: skip


@pytest.mark.parametrize(("dimension", "blocks"), [(3, 192), (2, 160)])
def test_crossed_waves_follow_the_exact_solution_in_every_tensor_component(dimension, blocks):
    # Each of the 2 × 3 components of the flux is a profile over the whole mesh. 3 %: second_ladder is noisy.
    deck = general_deck(
        CROSSED, x=SIZE_X, y=SIZE_Y, walkers=blocks * 1024, dimension=dimension, tau_sf=3.0, channels=CHANNELS,
        harmonics=2,
    )  # fmt: skip
    problem = problem_of(deck)
    walked = general_walk(problem)
    assert compare_with_exact(problem, deck, walked, small=0.03) >= 60
    source = theory.S_cross_S_dot(waves_of(problem, deck))
    assert any(wave.q[0] * wave.q[1] != 0.0 for wave in source)  # second order runs along the diagonals


@pytest.mark.parametrize(
    ("direction", "axes", "blocks"), [((1.0, 1.0, 0.0), 2, 128), ((1.0, -1.0, 1.0), 3, 800)]
)
def test_spiral_along_a_diagonal_follows_the_exact_solution(direction, axes, blocks):
    length = 2.0 * np.pi * np.sqrt(axes)
    size = (length, 8 if axes == 2 else 4)
    deck = general_deck(
        spiral(list(direction), 1.0), x=size, y=size, z=size if axes == 3 else None, walkers=blocks * 1024,
        tau_sf=3.0, channels=CHANNELS,
    )  # fmt: skip
    problem = problem_of(deck)
    compare_with_exact(problem, deck, general_walk(problem), small=0.03)


def test_what_varies_along_x_only_has_one_profile_on_any_mesh():
    # against the exact solution on each mesh, and against each other, averaged over y and z
    meshes = ({}, {"y": (2.0, 2)}, {"y": (2.0, 2), "z": (1.5, 3)})
    faces = ({}, {"y_faces": ("specular", "specular")}, {"y_faces": ("specular", "specular")})
    profiles = []
    for mesh, walls in zip(meshes, faces, strict=True):
        deck = general_deck(
            spiral([1.0, 0.0, 0.0], Q), x=SIZE_X, walkers=128 * 1024, tau_sf=3.0, channels=("first", "second"),
            **mesh, **walls,
        )  # fmt: skip
        problem = problem_of(deck)
        walked = general_walk(problem)
        compare_with_exact(problem, deck, walked, small=0.03)
        mean = [
            part.mean(axis=(-3, -2, -1))
            for part in (walked.density, walked.torque, walked.divergence, walked.flux[:, :, 0])
        ]
        profiles.append(np.stack(mean, axis=1))
        freedom = walked.freedom
        for i in range(1, len(mesh) + 1):  # nothing flows along the other directions
            across = walked.flux[:, :, i, :2, DC].mean(axis=(-4, -3, -2, -1))
            assert_no_chi2_alarm(across, f"flux along {i}")
    for other in profiles[1:]:
        difference = other - profiles[0]
        for kind, part, channel, component in np.ndindex(4, 2, 2, 3):
            for harmonic in (DC, COS, SIN):
                numbers = difference[:, kind, part, channel, harmonic, component]
                where = (
                    f"kind {kind}, part {part}, channel {channel}, harmonic {harmonic}, component {component}"
                )
                free = freedom if part == LOCAL else None
                assert_no_chi2_alarm(numbers, where, free)
