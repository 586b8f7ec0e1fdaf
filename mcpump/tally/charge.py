"""From the books of a run with spin-orbit coupling to charge: currents, density, voltage, and the formulas beside them.

"Source" names what moves the charge: `rashba`, and impurities with the spin of first and of second order in J; `sum`
where there are several. Currents of charge have three directions, also where the mesh has fewer.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mcpump.names import AXES, PARTS
from mcpump.problem.scene import Layer, Problem, Scene, paths_are_parallel
from mcpump.problem.spin_hall import mean_over_cells
from mcpump.tally.amplitudes import charges_of, clocked
from mcpump.tally.estimates import Estimate
from mcpump.tally.scales import scale_of, units_of
from mcpump.tally.tally import VAGUE, Tally, quadrature
from mcpump.walk.charge_profiles import charge_waves

Array = NDArray[np.float64]


def sources_of(scene: Scene) -> tuple[str, ...]:
    """Sources of charge in the results: those walked and, of several, their `sum`."""
    return (*scene.sources, "sum") if len(scene.sources) > 1 else scene.sources


def charge_observables(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Estimates of charge in a run; none without sources of charge.

    Parameters
    ----------
    problem : Problem
        The deck made ready.
    tally : Tally
        The books.

    Returns
    -------
    dict of str to Estimate
        `charge_current` (source, part, charge_direction, clock, mesh): local W, diffusive −∂_jQ_ij, total; of the
        diffusive part only in-plane directions are known where dipoles are not walked (NaN elsewhere).
        `charge_density`, `charge_divergence` (source, clock, mesh): ρ_c, and ∇·j_c from the books of dipoles.
        `charge_current_mean`: mean over the sample. `open_circuit_field`, −∫j_c/∫σ over the thickness;
        `open_circuit_voltage`, along the distance of the contacts. `charge_density_wave` (source, harmonic, wave):
        of the longest waves of ρ_c; NaN below 4 errors.
        `dipole_budget` (line, source, charge_direction, clock). Exact: `rashba_coefficient`
        (charge_direction, mesh), a_R, and `spin_hall_drive` (direction, component, mesh), the J of Eq. (19).
    """
    scene = problem.scene
    found = _drive(problem) if scene.hall_slot >= 0 else {}
    if not scene.sources:
        return found
    found |= _on_mesh(problem, tally)
    if not scene.time_bins:
        found |= _means(problem, tally)
    if charge_waves(scene):
        found |= _waves(problem, tally)
    if "rashba" in scene.sources:
        found |= _rashba_coefficient(problem)
    return found | _dipole_budget(problem, tally)


def charge_coordinates(scene: Scene) -> dict[str, tuple[str, ...]]:
    """Labels of the axes of charge; none without sources of charge and θ_SH."""
    converts = any(layer.angle for layer in scene.layers) and not scene.pulse
    found: dict[str, tuple[str, ...]] = {"charge_direction": AXES} if scene.sources or converts else {}
    if not scene.sources:
        return found
    waves = tuple(", ".join(map(str, numbers)) for numbers in charge_waves(scene))
    return {"source": sources_of(scene)} | found | ({"wave": waves} if waves else {})


def _drive(problem: Problem) -> dict[str, Estimate]:
    """Spin current J_i^α = σ_SH ε_ijα E_j that an electric field drives, means over the cells; exact."""
    scene = problem.scene
    hall = np.array([layer.hall for layer in scene.layers])
    along = [mean_over_cells(scene, np.cross(np.eye(3)[axis], hall)).T for axis in range(scene.axes)]
    values = np.array(along) * scale_of(problem, "current")
    title = "spin current J that the electric field drives, Eq. (19)"
    return {"spin_hall_drive": _spread(problem, values, ("direction", "component"), "current", title)}


def _rashba_coefficient(problem: Problem) -> dict[str, Estimate]:
    """a_R = −2eτE_so/ħ², so that a_R × T is the local charge current for ℓ ≪ λ; exact."""
    scene = problem.scene
    values = mean_over_cells(
        scene, np.array([np.array(one.rashba) / one.collisions for one in scene.layers])
    ).T
    worth = scale_of(problem, "charge_current") / scale_of(problem, "torque")
    title = "Rashba coefficient a_R = -2e tau E_so/hbar^2, Eq. (25)"
    return {
        "rashba_coefficient": _spread(
            problem, values * worth, ("charge_direction",), "rashba_coefficient", title
        )
    }


def _spread(problem: Problem, values: Array, dims: tuple[str, ...], unit: str, title: str) -> Estimate:
    """Exact estimate of what depends on x alone, (..., cells along x), on the mesh."""
    scene, units = problem.scene, units_of(problem)
    shape = (*values.shape, *scene.cells[1 : scene.axes])
    spread = np.broadcast_to(values.reshape(*values.shape, *(1,) * (scene.axes - 1)), shape)
    return Estimate(spread.copy(), None, (*dims, *AXES[: scene.axes]), units[unit], title)


def _on_mesh(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Profiles of charge and its currents."""
    scene, units = problem.scene, units_of(problem)
    mean, scatter, deviations = tally.profile_parts()
    clock, mesh = scene.clock, AXES[: scene.axes]

    def shaped(books: Array, kind: str, unit: str) -> Array:
        """(part, source, clock, direction, mesh)."""
        parts = [books[scene.profiles.index(f"{part} {kind}")] for part in PARTS[:2]]
        values = np.stack([clocked(scene, charges_of(scene, part)) for part in parts])
        return values.reshape(*values.shape[:-1], *scene.cells[: scene.axes]) * scale_of(problem, unit)

    def current(title: str) -> Estimate:
        every = (shaped(books, "density", "charge_current") for books in (mean, scatter, *deviations))
        m, e, *moved = (_blinded(scene, one) for one in every)
        m, *moved = (np.concatenate([one, one.sum(axis=0)[None]]) for one in (m, *moved))
        e = quadrature(np.concatenate([e, np.hypot(*e)[None]]), moved)
        dims = ("source", "part", "charge_direction", clock, *mesh)
        order = (1, 0, 3, 2, *range(4, m.ndim))
        return Estimate(m.transpose(order), e.transpose(order), dims, units["charge_current"], title)

    def scalar(component: int, unit: str, title: str) -> Estimate:
        m, e, *moved = (
            shaped(books, "torque", unit)[1][:, :, component] for books in (mean, scatter, *deviations)
        )
        return Estimate(m, quadrature(e, moved), ("source", clock, *mesh), units[unit], title)

    found = {"charge_current": current("charge current j_c, Eq. (B6)")}
    if paths_are_parallel(scene):
        found["charge_density"] = scalar(0, "charge_density", "charge density rho_c = -div P")
        found["charge_divergence"] = scalar(
            1, "charge_divergence", "divergence of j_c, from the books of dipoles"
        )
    return found


def _blinded(scene: Scene, values: Array) -> Array:
    """Take out of (part, source, clock, direction, …) what is not known without dipoles: diffusive currents along x."""
    if not paths_are_parallel(scene):
        values = values.copy()
        values[1, :, :, : scene.axes] = np.nan
    return values


def _means(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Charge current averaged over the sample, and the field and voltage that an open circuit shows."""
    scene, units, clock = problem.scene, units_of(problem), problem.scene.clock
    groups = tally.groups("means").map(lambda s: np.concatenate([s, s.sum(axis=1, keepdims=True)], axis=1))
    # groups, source, time function, direction, part
    groups = groups.map(
        lambda s: np.moveaxis(charges_of(scene, s), (3, 4), (0, 1)) * scale_of(problem, "charge_current")
    )
    if not paths_are_parallel(scene):
        groups.sums[:, 1:, :, :, : scene.axes] = np.nan
    order = (1, 0, 3, 2)
    mean, error = groups.mean.transpose(order), groups.stderr().transpose(order)
    dims = ("source", "part", "charge_direction", clock)
    found = {
        "charge_current_mean": Estimate(
            mean, error, dims, units["charge_current"], "charge current, mean over the sample"
        )
    }
    if not problem.scales.si:
        return found
    sigma = mean_conductivity(problem)
    field = Estimate(
        -mean[-1, 2] / sigma,
        error[-1, 2] / sigma,
        ("charge_direction", clock),
        "V/m",
        "open-circuit electric field",
    )
    found["open_circuit_field"] = field
    if problem.contact_distance > 0.0:
        length = problem.contact_distance
        assert field.stderr is not None
        found["open_circuit_voltage"] = Estimate(
            field.mean * length, field.stderr * length, field.dims, "V",
            f"open-circuit voltage between contacts {length:g} m apart",
        )  # fmt: skip
    return found


def _waves(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Amplitudes of the longest waves of the charge density."""
    scene, units = problem.scene, units_of(problem)
    shape = len(charge_waves(scene)), 2, len(sources_of(scene)), scene.time_functions
    groups = tally.groups("projections").map(lambda s: s.reshape(-1, *shape))
    size, error = (
        part.transpose(1, 2, 0) * scale_of(problem, "charge_density")
        for part in groups.estimate(lambda m: np.hypot(m[:, 0], m[:, 1]))
    )
    noise = ~(size > VAGUE * error) if groups.enough else size == 0.0
    size, error = (np.where(noise, np.nan, part) for part in (size, error))
    title = "amplitude of a wave of the charge density, by its periods in the sample along each direction of the mesh"
    dims = ("source", "harmonic", "wave")
    return {"charge_density_wave": Estimate(size, error, dims, units["charge_density"], title)}


def mean_conductivity(problem: Problem) -> float:
    """Conductivity σ = 2e²νD averaged over the thickness of a stack [S/m]."""
    scene = problem.scene
    ends = [layer.start for layer in scene.layers[1:]] + [scene.lengths[0]]
    shares = [(end - layer.start) / scene.lengths[0] for layer, end in zip(scene.layers, ends, strict=True)]
    return problem.conductivity * sum(
        share * _relative_conductivity(layer) for share, layer in zip(shares, scene.layers, strict=True)
    )


def _relative_conductivity(layer: Layer) -> float:
    """νD of a layer over that of [electrons]."""
    return layer.nu * layer.v**2 / layer.transport


def _dipole_budget(problem: Problem, tally: Tally) -> dict[str, Estimate]:
    """Lines of the dipoles' budget per area of the faces along x: gained at first collisions = stored + left + cut."""
    scene, units = problem.scene, units_of(problem)
    worth = scale_of(problem, "charge_current") * scale_of(problem, "length")
    groups = tally.groups("budget").map(lambda s: worth * np.moveaxis(charges_of(scene, s), (3, 4), (0, 1)))
    # line, source, time function, direction
    order = (0, 1, 3, 2)
    rest = groups.mean[1] - groups.mean[2:].sum(axis=0)
    gained = np.abs(groups.mean[1])
    imbalance = np.divide(rest, gained, out=np.zeros_like(rest), where=gained > 0.0)
    dims = ("source", "charge_direction", "harmonic")
    unit = "A/m" if problem.scales.si else f"{units['charge_current']} {units['length']}"
    return {
        "dipole_budget": Estimate(
            groups.mean.transpose(order), groups.stderr().transpose(order), ("line", *dims), unit,
            "budget of charge dipoles per area: torque (born at first collisions) = stored + left (to faces) + cut",
        ),
        "dipole_budget_imbalance": Estimate(
            imbalance.transpose(0, 2, 1), None, dims, "1", "dipoles born − stored − left − cut, over those born",
        ),
    }  # fmt: skip
