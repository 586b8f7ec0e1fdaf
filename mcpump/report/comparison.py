"""A run beside the theory that it has: the paper's closed forms, and the exact solution.

For textures of plane waves in a periodic, uniform sample both are known in closed form. In other samples along x, where
the magnetization precesses rigidly, the exact one is the solution without walkers. A profile is compared where the exact
solution is largest, as one number with its own error, and in all of its cells by the root mean square of the deviations,
each in its standard error: 1 is expected, but for chance.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump import theory
from mcpump.errors import InputError
from mcpump.names import CHARGES
from mcpump.problem.scene import EVERYWHERE, PLANE, Problem, Scene
from mcpump.problem.slab import not_solved
from mcpump.report.crossover import problem_of
from mcpump.report.words import (
    aligned,
    by_multiple,
    column_name,
    in_units,
    labels,
    largest_in,
    mesh_axes,
    multiple_of,
    number,
    place,
    positions,
    power_of_ten,
    thousands,
)
from mcpump.tally.against import solved_observables
from mcpump.tally.estimates import NOTHING, Estimate, Result
from mcpump.tally.scales import scale_of
from mcpump.textures.parameters import DRIVE_CONSTANT, CrossedWaves, Harmonic, drive_of, shape_of
from mcpump.textures.shapes import ENVELOPE_CONSTANT, ENVELOPE_COSINE

Array = NDArray[np.float64]
Waves = list[theory.Wave]
ORDERS = ("first", "second", "second_ladder")
"""Channels with an exact solution for every texture of plane waves."""
_ROUND = 1e-9
"""Relative difference of two lengths that is rounding."""
_COLUMNS = ("  <11", "<5", "<40", ">22", ">12", ">12", ">7", ">7")


class Row(NamedTuple):
    """One quantity of a run beside its theory."""

    quantity: str
    channel: str
    """Channel, or source of charge."""
    part: str
    harmonic: int
    """Multiple of Ω."""
    where: str
    """Column and place at which the exact solution is largest."""
    units: str
    run: float
    error: float
    """One standard error of `run`."""
    paper: float
    """The paper's closed form there, of leading order in qℓ and Ωτ; NaN where it has none."""
    exact: float
    deviation: float
    """(run − exact)/error; NaN where the error is not known."""
    spread: float
    """Root mean square of the deviations in all cells."""


class _Task(NamedTuple):
    """What is compared: estimates with the axes of the run's."""

    quantity: str
    run: Estimate
    exact: Estimate
    paper: Estimate | None


def comparison(result: Result) -> list[Row]:
    """Compare all profiles of a run with the theory that they have.

    Parameters
    ----------
    result : Result
        A run with a periodic drive.

    Returns
    -------
    list of Row
        For spin density, current and torque, charge current and density; every channel or source, part and multiple
        of Ω that the theory does not forbid.

    Raises
    ------
    InputError
        If the run's texture or sample has no exact solution; the sentence says why.
    """
    problem = problem_of(result)
    if problem.scene.mean_cosine:
        raise InputError(
            f"{result.name} has no exact solution: impurities do not scatter isotropically (electrons.mean_cosine)"
        )
    if problem.scene.spin_orbit:
        raise InputError(
            f"{result.name} has no exact solution to compare with: spins turn about spin-orbit fields in every flight "
            f"(spin_orbit.rotation); mcpump.theory.spin_orbit has that of uniform spins and waves"
        )
    if not (_is_of_waves(problem) or not_solved(problem, problem.scene.channels)):
        return [row for task in _solved(result) for row in _rows(result, task)]
    waves, medium = waves_of(problem), _medium(problem)
    books = _Books(result, problem, waves, medium)
    return [row for task in (*books.spin(), *books.charge()) for row in _rows(result, task)]


def _is_of_waves(problem: Problem) -> bool:
    """Whether the closed form for plane waves serves."""
    try:
        return bool(waves_of(problem))
    except InputError:
        return False


def solved_beside(result: Result) -> Result:
    """A run with the numbers of the solution without walkers in the place of its own.

    Raises
    ------
    InputError
        If it has none; the sentence says why.
    """
    return replace(result, estimates=solved_observables(problem_of(result)))


def _solved(result: Result) -> Iterator[_Task]:
    """Spin and charge in the cells, and spin currents through planes, beside the solution without walkers."""
    solved = solved_beside(result).estimates
    for name in (
        "spin_density",
        "torque",
        "plane_current",
        "spin_current",
        "charge_current",
        "charge_density",
    ):
        if name not in result.estimates:
            continue
        whole, exact = result.estimates[name], solved[name]
        axes = [axis for axis in ("channel", "source", "part", "direction") if axis in whole.dims]
        for labels_ in product(*(whole.places(axis) for axis in axes)):
            where = dict(zip(axes, labels_, strict=True))
            if where.get("channel", where.get("source")) != "sum":
                yield _Task(name, whole.sel(**where), exact.sel(**where), None)


def waves_of(problem: Problem) -> Waves:
    """Texture of a problem as plane waves, reduced.

    Raises
    ------
    InputError
        If it is none, or the sample is not periodic and uniform.
    """
    scene, none = problem.scene, f"{problem.name} has no exact solution to compare with:"
    if scene.time_bins or scene.initial in (EVERYWHERE, PLANE):
        raise InputError(f"{none} it is a transient or starts from a given state, not a periodic drive")
    periodic = all(scene.periodic)
    if not periodic or len(scene.layers) > 1:
        raise InputError(
            f"{none} its sample {'has faces' if not periodic else 'has layers'}, and the solution is that of a "
            "periodic, uniform one"
        )
    found = _waves(scene)
    if found is None or _frequency(problem) == 0.0:
        raise InputError(
            f"{none} its texture is no moving plane wave (spiral, uniform, modulated or crossed_waves)"
            " in a steady drive"
        )
    return found


def _waves(scene: Scene) -> Waves | None:
    """Plane waves of a scene's texture; None where it is made of none, or its drive is not steady."""
    if drive_of(scene.parameters).kind != DRIVE_CONSTANT:
        return None
    shape = shape_of(scene.texture, scene.parameters)
    if isinstance(shape, CrossedWaves):
        return theory.crossed_waves(
            shape.c, shape.b, shape.q1, shape.q2, shape.Omega, phase=shape.phase, scale=shape.scale
        )
    if not isinstance(shape, Harmonic) or shape.envelope not in (ENVELOPE_CONSTANT, ENVELOPE_COSINE):
        return None
    numbers: tuple[tuple[float, complex], ...] = ((0.0, 1.0),)
    if shape.envelope == ENVELOPE_COSINE:
        numbers = _cosine(*shape.envelope_parameters)
    envelope = [(np.array([k, 0.0, 0.0]), f) for k, f in numbers]
    C, P, Q, q = (np.array(part) for part in (shape.C, shape.P, shape.Q, shape.q))
    return theory.texture_waves(C, P, Q, q, shape.Omega, envelope)


def _cosine(mean: float, depth: float, k: float, phase: float) -> tuple[tuple[float, complex], ...]:
    """Waves of mean + depth cos(kx + phase)."""
    side = 0.5 * depth * np.exp(1j * phase)
    return (0.0, mean), (k, side), (-k, side.conjugate())


def _frequency(problem: Problem) -> float:
    """Ωτ of a texture of plane waves."""
    shape = shape_of(problem.scene.texture, problem.scene.parameters)
    return shape.Omega if isinstance(shape, Harmonic | CrossedWaves) else 0.0


def _medium(problem: Problem) -> theory.Medium:
    scene = problem.scene
    gamma = scene.layers[0].gamma_sf
    relaxation = 1.0 / gamma if gamma > 0.0 else math.inf
    return theory.Medium.reduced(scene.exchange, relaxation, scene.dimension)


class _Books:
    """What a run and the theory say of each quantity."""

    def __init__(self, result: Result, problem: Problem, waves: Waves, medium: theory.Medium) -> None:
        self.result, self.problem, self.waves, self.medium = result, problem, waves, medium
        # spins that collisions turn over obey (W) with the scattering that keeps them
        self.scattered = medium._replace(tau=1.0 / problem.scene.layers[0].rate)
        scales = problem.scales
        self.axes = len(mesh_axes(result))
        self.edges = [positions(result, f"{axis}_edge").mean / scales.length for axis in mesh_axes(result)]
        self.Omega, self.harmonics = _frequency(problem), problem.scene.harmonics
        self.sink = problem.scene.layers[0].gamma_sf > 0.0

    def averages(self, waves: Waves, kind: str) -> Array:
        """Cell averages of waves in the deck's units, (clock, …, mesh)."""
        # NaN is what grows for ever, the uniform DC density without a sink
        finite = [w._replace(amplitude=np.nan_to_num(w.amplitude)) for w in waves]
        found = theory.mesh_averages(finite, self.edges, self.Omega, self.harmonics)
        return found * scale_of(self.problem, kind)

    # --- spin -----------------------------------------------------------------------------------

    def spin(self) -> Iterator[_Task]:
        """Density, current and torque of every channel."""
        for channel in labels(self.result, "channel"):
            solution = self.solution(channel)
            if solution is None:
                continue
            for kind in ("density", "current", "torque"):
                exact, paper = self.parts(solution[kind], kind), self.paper(channel, kind)
                name = "torque" if kind == "torque" else f"spin_{kind}"
                for part in labels(self.result, "part"):
                    form = self.meant(paper[part], exact[part], kind) if part in paper else None
                    values = exact[part]
                    if kind == "current":
                        values, form = values[:, : self.axes], None if form is None else form[:, : self.axes]
                    yield self.task(name, {"channel": channel, "part": part}, values, form)

    def task(self, name: str, where: dict[str, Any], exact: Array, paper: Array | None) -> _Task:
        """Put theory, (clock, …, mesh), on the axes of one channel or source, and part, of a run."""
        run = self.result.estimates[name].sel(**where)
        clock = run.dims.index("harmonic")
        both = [
            None if one is None else replace(run, mean=np.moveaxis(one, 0, clock), stderr=None)
            for one in (exact, paper)
        ]
        assert both[0] is not None
        return _Task(name, run, both[0], both[1])

    def solution(self, channel: str) -> dict[str, dict[str, Waves]] | None:
        """Exact waves of density, current and torque by part; None where they are not known."""
        if channel in ORDERS:
            order: Any = channel
            found = theory.exact_solution(self.waves, self.scattered, order)
            return {"density": found.density, "current": found.flux, "torque": found.torque}
        return self.spiral() if channel == "exact" else None

    def spiral(self) -> dict[str, dict[str, Waves]] | None:
        """All orders in J, which are known for circular precession along x; else None."""
        shape = shape_of(self.problem.scene.texture, self.problem.scene.parameters)
        if not isinstance(shape, Harmonic) or shape.envelope != ENVELOPE_CONSTANT:
            return None
        C, P, Q, q = (np.array(part) for part in (shape.C, shape.P, shape.Q, shape.q))
        radius = float(np.linalg.norm(P))
        if radius == 0.0 or np.any(q[1:]) or abs(np.linalg.norm(Q) - radius) > _ROUND * radius:
            return None
        n = np.cross(P, Q) / radius**2
        if max(abs(P @ Q), abs(C @ P), abs(C @ Q)) > _ROUND or (q[0] == 0.0 and not self.sink):
            return None
        found = theory.conical_spiral_exact(
            math.atan2(radius, float(C @ n)), float(q[0]), self.Omega, self.scattered
        )

        def waves(along: Array, flux: bool) -> Waves:
            r, f, z = along
            turning = (r * P + f * Q) / radius, (r * Q - f * P) / radius
            own = theory.texture_waves(z * n, *turning, q, self.Omega)
            if not flux:
                return own
            return [w._replace(amplitude=np.multiply.outer(np.eye(3)[0], w.amplitude)) for w in own]

        kinds = {"density": found.density, "current": found.flux, "torque": found.torque}
        return {
            kind: {part: waves(values, kind == "current") for part, values in parts.items()}
            for kind, parts in kinds.items()
        }

    def parts(self, waves: dict[str, Waves], kind: str) -> dict[str, Array]:
        """Profiles by part; the sample mean of a density that no sink holds is left out, as in the run."""
        found = {part: self.averages(waves[part], kind) for part in ("local", "diffusive")}
        if kind == "density" and not self.sink:
            diffusive = found["diffusive"]
            found["diffusive"] = diffusive - diffusive.mean(axis=self.cells, keepdims=True)
        return found | {"total": found["local"] + found["diffusive"]}

    @property
    def cells(self) -> tuple[int, ...]:
        """Axes of the mesh in a profile."""
        return tuple(range(-self.axes, 0))

    def meant(self, paper: Array, exact: Array, kind: str) -> Array:
        """Paper's profile; about the mean of the exact one where a run does not know the mean."""
        if kind != "density" or self.sink:
            return paper
        return paper + (exact - paper).mean(axis=self.cells, keepdims=True)

    def paper(self, channel: str, kind: str) -> dict[str, Array]:
        """Profiles of the paper's closed forms by part: Eqs. (5), (7), (11), (31), (A21)."""
        if channel not in ("first", "second"):
            return {}
        S, medium = self.waves, self.medium
        turned = [w._replace(amplitude=-w.amplitude) for w in S]
        sign = -1.0 if channel == "first" else 1.0

        def order(form: Any) -> Waves:
            """What is odd in S is of first order, what is even of second."""
            return theory.combined((0.5, form(S, medium)), (0.5 * sign, form(turned, medium)))

        if kind == "density":
            return {"total": self.averages(order(theory.nonequilibrium_density), kind)}
        if kind == "torque":
            waves = theory.combined((medium.dynamic_coefficient, theory.S_cross_S_dot(S)))
            return {"total": self.averages(waves, kind)} if channel == "second" else {}
        forms = {"first": theory.first_order_current, "second": theory.second_order_current}
        total = self.averages(forms[channel](S, medium), kind)
        local = self.averages(order(theory.local_current), kind)
        return {"local": local, "diffusive": total - local, "total": total}

    # --- charge ---------------------------------------------------------------------------------

    def charge(self) -> Iterator[_Task]:
        """Current and density of every source of charge."""
        if "charge_current" not in self.result.estimates:
            return
        layer = self.problem.scene.layers[0]
        for source in labels(self.result, "source"):
            if source not in CHARGES:
                continue
            channel: Literal["first", "second"] = "first" if source == "impurity_first" else "second"
            rashba = source == "rashba"
            found = theory.charge_solution(
                self.waves, self.scattered, channel, layer.rashba if rashba else (0.0,) * 3,
                0.0 if rashba else layer.impurity,
            )  # fmt: skip
            density, diffusive = self.booked(found)
            local = self.averages(found.current["local"], "charge_current")
            exact = {"local": local, "diffusive": diffusive, "total": local + diffusive}
            paper, paper_density = self.charge_paper(source)
            for part in labels(self.result, "part"):
                where = {"source": source, "part": part}
                yield self.task("charge_current", where, exact[part], paper[part])
            if "charge_density" in self.result.estimates:
                yield self.task("charge_density", {"source": source}, density, paper_density)

    def booked(self, found: theory.ChargeSolution) -> tuple[Array, Array]:
        """Charge density and diffusive current with the derivatives that the books take from cell means."""
        widths = np.array([edge[1] - edge[0] for edge in self.edges] + [0.0] * (3 - self.axes))
        density, diffusive = [], []
        for P, Q in zip(found.dipole, found.dipole_flux, strict=True):
            h = 0.5 * np.asarray(P.q) * widths
            # as `mcpump.walk.charge_profiles.derivative`: differences of face values of order 4
            i_q = 1j * np.asarray(P.q) * np.sinc(h / math.pi) * (7.0 * np.cos(h) - np.cos(3.0 * h)) / 6.0
            density.append(P._replace(amplitude=np.asarray(-(i_q @ np.where(i_q == 0.0, 0.0, P.amplitude)))))
            diffusive.append(Q._replace(amplitude=-(Q.amplitude @ i_q)))
        if self.axes == 1:
            diffusive = found.current["diffusive"]
        return self.averages(density, "charge_density"), self.averages(diffusive, "charge_current")

    def charge_paper(self, source: str) -> tuple[dict[str, Array], Array]:
        """The paper's charge current by part, Eqs. (24), (26), (30), (31), and density."""
        S, medium, layer = self.waves, self.medium, self.problem.scene.layers[0]
        if source == "rashba":
            local = theory.rashba_local_current(S, medium, layer.rashba)
            density = theory.rashba_charge_density(S, medium, layer.rashba)
        else:
            turned = [w._replace(amplitude=-w.amplitude) for w in S]
            sign = -1.0 if source == "impurity_first" else 1.0
            spin = theory.combined(
                (0.5, theory.local_current(S, medium)), (0.5 * sign, theory.local_current(turned, medium))
            )
            local = theory.spin_hall_current(spin, layer.impurity)
            scale = 0.0 if source == "impurity_first" else layer.impurity
            density = theory.impurity_charge_density(S, medium, scale)
        total = self.averages(theory.charge_current(local, density, medium), "charge_current")
        near = self.averages(local, "charge_current")
        current = {"local": near, "diffusive": total - near, "total": total}
        return current, self.averages(density, "charge_density")


def _rows(result: Result, task: _Task) -> Iterator[Row]:
    """One row for each multiple of Ω that is there."""
    run, whole = task.run, float(np.abs(task.exact.mean).max())
    known = replace(task.exact, mean=np.where(np.isfinite(run.mean), task.exact.mean, 0.0))
    for columns in by_multiple([{"harmonic": name} for name in labels(result, "harmonic")]):
        best = largest_in(known, columns)
        if not abs(best.mean) > NOTHING * whole:
            continue
        floor, here = _ROUND * whole, [run.sel(**column) for column in columns]
        exact = np.array([task.exact.sel(**column).mean for column in columns])
        mean = np.array([one.mean for one in here])
        error = np.array(
            [
                np.hypot(one.error, task.exact.sel(**column).error)
                for one, column in zip(here, columns, strict=True)
            ]
        )
        deviations = (mean - exact) / np.maximum(error, floor)
        kept = np.isfinite(mean) & ((np.abs(exact) > NOTHING * whole) | (error > floor))
        there = {axis: best.coords[axis] for axis in run.dims}
        found, paper = (
            run.sel(**there),
            math.nan if task.paper is None else float(task.paper.sel(**there).mean),
        )
        deviation = (found.mean - best.mean) / np.maximum(np.hypot(found.error, best.error), floor)
        yield Row(
            task.quantity, run.coords.get("channel") or run.coords["source"], run.coords.get("part", "total"),
            multiple_of(best.coords), _where(result, task.quantity, best), run.units, float(found.mean),
            float(found.error), paper, float(best.mean), float(deviation),
            float(np.sqrt(np.mean(deviations[kept] ** 2))),
        )  # fmt: skip


def _where(result: Result, quantity: str, one: Estimate) -> str:
    """Words for a place in a profile."""
    axes, component = mesh_axes(result), one.coords.get("component", "")
    plane = one.coords.get("plane")
    words = [column_name(one.coords["harmonic"], component).strip()]
    if quantity.endswith("current") and (len(axes) > 1 or not component):
        words.append(f"along {one.coords['direction' if component else 'charge_direction']}")
    spots = {axis: one.coords[axis] for axis in axes} if plane is None else {"x": plane}
    for axis, spot in spots.items():
        words.append(f"{axis} = {place(float(f'{spot:.3g}'), positions(result, axis).units)}")
    return ", ".join(words)


def comparison_table(result: Result) -> str:
    """Table of `comparison`.

    Parameters
    ----------
    result : Result
        A run.

    Returns
    -------
    str
        Lines: for each quantity and channel, part and multiple of Ω, the run, the paper, the exact solution, and how far
        the run is from the latter.

    Raises
    ------
    InputError
        If there is no exact solution for it.
    """
    rows = comparison(result)
    lines = [f"{result.name}   {thousands(result.walkers)} walkers"]
    head = ("", "", "where the exact solution is largest", "run", "paper", "exact", "σ", "all σ")
    for quantity, channel in dict.fromkeys((row.quantity, row.channel) for row in rows):
        group = [row for row in rows if (row.quantity, row.channel) == (quantity, channel)]
        power = power_of_ten([[row.exact, row.error] for row in group])
        unit = in_units(group[0].units, power)
        lines += ["", f"{quantity.replace('_', ' ')}, {channel.replace('_', ' ')} [{unit}]"]
        lines += aligned([head, *(_cells(row, 10.0**-power) for row in group)], _COLUMNS)
    known = [row for row in rows if math.isfinite(row.spread)]
    if known:
        spread = math.sqrt(np.mean([row.spread**2 for row in known]))
        worst = max(known, key=lambda row: abs(row.deviation))
        lines += [
            "",
            f"{len(rows)} profiles; root mean square of all deviations from the exact solution {spread:.2f} σ; the "
            f"largest above {abs(worst.deviation):.1f} σ",
        ]
    return "\n".join(lines) + "\n"


def _cells(row: Row, factor: float) -> tuple[str, ...]:
    clock = "DC" if row.harmonic == 0 else f"{row.harmonic if row.harmonic > 1 else ''}Ω"
    paper = "–" if math.isnan(row.paper) else f"{row.paper * factor + 0.0:.4g}"
    deviation, spread = (
        f"{value:.{digits}f}" if math.isfinite(value) else "?"
        for value, digits in ((row.deviation, 1), (row.spread, 2))
    )
    run, exact = number(row.run * factor, row.error * factor), f"{row.exact * factor + 0.0:.4g}"
    return row.part, clock, row.where, run, paper, exact, deviation, spread
