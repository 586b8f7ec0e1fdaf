"""First flights that have arrived in bins and at walls, as the sums of a block and as births.

All of it is linear in what arrives.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcpump.names import CHARGES, lines_of
from mcpump.problem.scene import DENSITY, DIVERGENCE, TORQUE, Scene
from mcpump.walk.backward import (
    EMISSION,
)
from mcpump.walk.bins import Births, Grid, Side, Wall, areas_of, bin_at, starts_of, taken_of, volumes_of
from mcpump.walk.course import SAME_PLACE, gates_of
from mcpump.walk.layout import BlockSums, completed, shapes
from mcpump.walk.paths_back import (
    GAMMA,
    RATE,
)

Array = NDArray[np.float64]


def laid_out(
    scene: Scene,
    grid: Grid,
    media: Array,
    slots: dict[str, int],
    volumes: Array,
    arriving: dict[Side, Array],
    asked: int,
) -> tuple[BlockSums, Births]:
    """Lay out what arrives in bins (bins, kinds, amplitudes) and at walls (bins of the wall, amplitudes).

    Everything is linear in these numbers, so that it serves for deviations too. Births have the time functions of the
    scene, sums those that are asked for.
    """
    width, names = scene.time_functions * 3, list(slots)
    columns = {name: slice(n * width, (n + 1) * width) for n, name in enumerate(names)}
    sent = _sent(scene, arriving)
    local = _with_divergence(scene, grid, media, volumes, sent)
    density, emission = local[:, DENSITY], volumes[:, EMISSION]
    after, later = np.zeros_like(local), {side: np.zeros_like(flux) for side, flux in arriving.items()}
    born = {name: density[:, columns[name]] for name in names if slots[name] >= 0}
    for name in scene.channels:
        if taken_of(name) not in slots:
            continue
        # T[u/τ] is known, but diffusive; what is left to walk is ⟨T[a + u/τ]⟩ − u
        at, taken = columns[name], columns[taken_of(name)]
        after[..., at] = local[..., taken]
        for side, flux in arriving.items():
            later[side][:, at] = flux[:, taken]
        u = emission[:, taken] / media[grid.layers_of_bins, RATE][:, None]
        born[name] = density[:, at] + density[:, taken] - u
        born.pop(taken_of(name), None)
        sent = [(side, _with_taken(spin, at, taken)) for side, spin in sent]
    rows = {name: values.reshape(len(values), -1, 3) for name, values in born.items()}
    walls = tuple(_wall(grid, side, spin, {name: columns[name] for name in born}) for side, spin in sent)
    births = Births(rows, walls, _dipoles(scene, density, columns))
    size = len(scene.walked) * width
    flows = [{side: flux[:, :size] for side, flux in flow.items()} for flow in (arriving, later)]
    both = {side: flows[0][side] + flows[1][side] for side in arriving}
    budget = _budget(scene, grid, media, emission[:, :size], (local + after)[..., :size], both, births)
    profiles = np.concatenate([_on_cells(scene, grid, part[..., :size]) for part in (local, after)])
    passages = np.array([_passages(scene, flow) for flow in flows])
    profiles, passages, budget = (_cut(scene, part, asked) for part in (profiles, passages, budget))
    scene = scene._replace(harmonics=asked // 2)
    sums = completed(scene, profiles, passages, budget, 0)
    wanted = shapes(scene)["conserved"]
    return sums._replace(conserved=sums.passages[1].copy() if wanted[0] else np.zeros(wanted)), births


def _cut(scene: Scene, values: Array, functions: int) -> Array:
    """The first time functions of amplitudes, the last axis."""
    split = values.reshape(*values.shape[:-1], len(scene.walked), scene.time_functions, 3)[..., :functions, :]
    return np.ascontiguousarray(split.reshape(*values.shape[:-1], len(scene.walked) * functions * 3))


def _with_taken(spin: Array, channel: slice, taken: slice) -> Array:
    """Add to what walls send out of a channel what they send out of the spin that is taken out."""
    spin = spin.copy()
    spin[:, channel] += spin[:, taken]
    return spin


def _wall(grid: Grid, side: Side, spin: Array, columns: dict[str, slice]) -> Wall:
    """What is sent out from a side, by channel and bins."""
    shape = [1 if axis == side.axis else n for axis, n in enumerate(grid.shape)]
    rows = {name: spin[:, at].reshape(*shape, -1, 3) for name, at in columns.items()}
    return Wall(*side, {name: values.squeeze(side.axis) for name, values in rows.items()})


def _dipoles(scene: Scene, density: Array, columns: dict[str, slice]) -> dict[str, Array]:
    """Charge velocities of the sources whose dipoles are walked, along the directions of the mesh."""
    found = {}
    for name, walks in zip(CHARGES, scene.dipoles, strict=True):
        if walks and name in columns:
            found[name] = density[:, columns[name]].reshape(len(density), -1, 3).copy()
            found[name][..., scene.axes :] = 0.0
    return found


def _sent(scene: Scene, arriving: dict[Side, Array]) -> list[tuple[Side, Array]]:
    """What walls send out diffusely: of what comes and is not absorbed, not mirrored, and does not pass straight on.

    By the side of a wall that it is sent from: `sense` and `layer` tell where to.
    """
    sent: dict[Side, Array] = {}
    starts, gates = starts_of(scene), gates_of(scene)
    for side, flux in arriving.items():
        face = 2 * side.axis + (1 if side.sense > 0 else 0)
        back = forth = 0.0
        if side.place in (0.0, scene.lengths[side.axis]):
            if not scene.periodic[side.axis]:
                back = (1.0 - scene.absorption[face]) * (1.0 - scene.specularity[face])
        elif side.place in starts:
            gate = gates[starts.index(side.place) - 1]
            passing = gate[0 if side.sense > 0 else 1]
            back, forth = (1.0 - passing) * (1.0 - gate[2]), 0.0 if gate[3] else passing
        to = (
            (back, side._replace(sense=-side.sense)),
            (forth, side._replace(layer=side.layer + side.sense)),
        )
        for share, at in to:
            if share > 0.0:
                sent[at] = sent.get(at, 0.0) + share * flux
    return list(sent.items())


def _with_divergence(
    scene: Scene, grid: Grid, media: Array, volumes: Array, sent: list[tuple[Side, Array]]
) -> Array:
    """Put ∇·j in the place of the emission, from continuity: ∇·j = a + T − Γ g − ∂_t g, less what walls send out.

    Who passes into a bin and is scattered at its wall has come into the bin, and is no first flight any more.
    """
    found, density = volumes.copy(), volumes[:, DENSITY]
    split = density.reshape(len(density), -1, scene.time_functions, 3)
    rate = np.zeros_like(split)
    for n in range(1, scene.harmonics + 1):
        rate[:, :, 2 * n - 1] = n * scene.Omega * split[:, :, 2 * n]
        rate[:, :, 2 * n] = -n * scene.Omega * split[:, :, 2 * n - 1]
    both = (media[:, RATE] + media[:, GAMMA])[grid.layers_of_bins]
    found[:, DIVERGENCE] = volumes[:, EMISSION] + volumes[:, TORQUE] - both[:, None] * density
    found[:, DIVERGENCE] -= rate.reshape(density.shape)
    view = found[:, DIVERGENCE].reshape(*grid.shape, -1)
    for side, spin in sent:
        i = bin_at(scene, grid, side)
        at = (slice(None),) * side.axis + (i,)
        view[at] -= spin.reshape(view[at].shape) / grid.widths(scene, side.axis)[i]
    found[:, DIVERGENCE] = view.reshape(density.shape)
    return found


def _on_cells(scene: Scene, grid: Grid, values: Array) -> Array:
    """Means over the cells: (bins, kinds, ...) → (kinds, cells, ...)."""
    rest, (_, cut_y, cut_z) = values.shape[1:], grid.cuts
    split = values.reshape(grid.shape[0], scene.cells[1], cut_y, scene.cells[2], cut_z, *rest).mean(
        axis=(2, 4)
    )
    widths, edges = np.diff(grid.edges), np.linspace(0.0, scene.lengths[0], scene.cells[0] + 1)[:-1]
    first = [int(np.argmin(np.abs(grid.edges - edge))) for edge in edges]
    share = widths * (scene.cells[0] / scene.lengths[0])
    found = np.add.reduceat(split * share.reshape(-1, *(1,) * (split.ndim - 1)), first, axis=0)
    return np.moveaxis(found.reshape(-1, *rest), 1, 0)


def _passages(scene: Scene, arriving: dict[Side, Array]) -> Array:
    """Net passages of planes towards +x, (planes, amplitudes); of a face what it absorbs, of charge velocities none."""
    L, near = scene.lengths[0], SAME_PLACE * scene.lengths[0]
    starts, gates = starts_of(scene), gates_of(scene)
    flux = {
        (side.sense, side.place): values.mean(axis=0) for side, values in arriving.items() if side.axis == 0
    }
    width = scene.time_functions * 3
    found = np.zeros((len(scene.planes), len(scene.walked) * width))
    for number, x in enumerate(scene.planes):
        if near < x < L - near:
            gate = next((i for i, start in enumerate(starts[1:]) if abs(start - x) <= near), -1)
            place = starts[gate + 1] if gate >= 0 else x
            forth, back = gates[gate, :2] if gate >= 0 else (1.0, 1.0)
            found[number] = forth * flux[1, place] - back * flux[-1, place]
        elif scene.periodic[0]:
            found[number] = flux[1, L] - flux[-1, 0.0]
        else:
            sense = 1 if x > near else -1
            absorbed = scene.absorption[0 if sense < 0 else 1]
            if absorbed > 0.0:
                found[number] = sense * absorbed * flux[sense, L if sense > 0 else 0.0]
    found[:, len(scene.channels) * width :] = 0.0
    return found


def _budget(
    scene: Scene, grid: Grid, media: Array, emission: Array, flights: Array, arriving: dict[Side, Array],
    births: Births,
) -> Array:  # fmt: skip
    """Lines of the budget: what is emitted less what goes on to walk, the torque, what relaxes and what leaves."""
    lines, spins = lines_of(scene.axes), len(scene.channels) * scene.time_functions * 3
    area, layers = scene.lengths[1] * scene.lengths[2], grid.layers_of_bins
    volumes = volumes_of(scene, grid) / area
    found = np.zeros((len(lines), emission.shape[1]))
    collided, sent = np.zeros((len(volumes), spins)), np.zeros(spins)
    for n, name in enumerate(scene.channels):
        at = slice(n * spins // len(scene.channels), (n + 1) * spins // len(scene.channels))
        collided[:, at] = births.collided[name].reshape(len(volumes), -1)
        for wall in births.walls:
            sent[at] += np.einsum("ij,ij...->...", areas_of(scene, grid, wall.axis), wall.spin[name]).ravel()
    found[0, :spins] = volumes @ (emission[:, :spins] - media[layers, RATE][:, None] * collided) - sent / area
    found[1, :spins] = volumes @ flights[:, TORQUE, :spins]
    relaxed = lines.index("relaxed")
    found[relaxed, :spins] = (volumes * media[layers, GAMMA]) @ flights[:, DENSITY, :spins]
    for side, flux in arriving.items():
        face = 2 * side.axis + (1 if side.sense > 0 else 0)
        if side.place in (0.0, scene.lengths[side.axis]) and not scene.periodic[side.axis]:
            arrived = areas_of(scene, grid, side.axis).ravel() @ flux[:, :spins]
            found[relaxed + 1 + face, :spins] = scene.absorption[face] * arrived / area
    return found
