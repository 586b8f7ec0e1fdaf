"""The solution without walkers on a problem's own cells and planes, for tests that hold walks against it."""

from typing import NamedTuple

import numpy as np

from mcpump.problem.slab import solution_of


class Harmonics(NamedTuple):
    """Local and diffusive part, and the bounds of their errors: (part, time function, component, places); reduced."""

    density: np.ndarray
    torque: np.ndarray
    current: np.ndarray
    density_error: np.ndarray
    torque_error: np.ndarray
    current_error: np.ndarray


def slab_of(problem):
    """By channel: means over the cells, and what passes the planes."""
    scene = problem.scene
    edges, found = solution_of(problem, scene.channels)
    n = scene.cells[0]
    cells = [int(np.argmin(np.abs(edges - i * scene.lengths[0] / n))) for i in range(n + 1)]
    planes = [int(np.argmin(np.abs(edges - x))) for x in scene.planes]
    width = np.diff(edges)[:, None, None]

    def laid(parts):
        density, torque = (
            np.array(
                [
                    (
                        np.add.reduceat(getattr(part, name) * width, cells[:-1])
                        / np.diff(edges[cells])[:, None, None]
                    )
                    for part in parts
                ]
            ).transpose(0, 2, 3, 1)
            for name in ("density", "torque")
        )
        return density, torque, np.array([part.through[planes] for part in parts]).transpose(0, 2, 3, 1)

    return {
        name: Harmonics(
            *laid((found[name].local, found[name].diffusive)),
            *laid((found[name].local_error, found[name].diffusive_error)),
        )
        for name in scene.channels
    }
