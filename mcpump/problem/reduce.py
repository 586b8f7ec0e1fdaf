"""From a checked deck to a problem that is ready to run: reduced numbers, scales, regime, plan."""

from __future__ import annotations

import math

from mcpump.constants import E_CHARGE, HBAR
from mcpump.deck.deck import Deck
from mcpump.deck.electrons import Electrons
from mcpump.deck.textures import OUTSIDE, Junction, MagneticInterface, Penetration
from mcpump.machine import cores, memory_of_machine
from mcpump.problem.effort import (
    compilation_seconds,
    first_flight_seconds,
    mean_flights,
    memory_bytes,
    seconds_per_walker,
)
from mcpump.problem.reduce_scene import check_user, make_scene
from mcpump.problem.regime import regime_numbers, warnings_and_notes
from mcpump.problem.scene import Extents, Magnet, Problem, Scales, Scene, StopRule
from mcpump.problem.slab import never_solved, not_held, not_rigid, turns_freely
from mcpump.problem.texture import snapshots_of
from mcpump.textures.snapshots import remarks, sampled

FEWEST_BLOCKS = 16
LONG_BLOCK = 5.0
"""Seconds of a block from which on `mcpump check` tells how long it takes."""


def make_problem(deck: Deck) -> Problem:
    """Make a checked deck ready to run.

    Parameters
    ----------
    deck : Deck
        From `read_deck` or `deck_from_dict`.

    Returns
    -------
    Problem
        Numbers in reduced units for the kernels, scales that lead back, regime numbers, warnings.

    Notes
    -----
    The equilibrium super-current, Eq. (8) of Takeuchi et al., PRB 81, 144405 (2010), has the
    coefficient (d − 2)(Jτ/ħ)/(6 (k_F ℓ)²) in units of ħνJ v_F ℓ (Lindhard function for d ≠ 3).
    """
    gas, notes = deck.gas, list(deck.notes)
    scene = make_scene(deck, notes)
    program = check_user(deck, scene)
    regime = regime_numbers(deck)
    warnings, more = warnings_and_notes(deck, regime)
    snapshots = snapshots_of(deck)
    if snapshots is not None:
        spoken, told = remarks(snapshots)
        warnings, more = [*warnings, *spoken], [*more, *told]
    k_ell = gas.k_F * gas.ell
    block = deck.run.walkers_per_block
    return Problem(
        name=deck.name,
        scene=scene,
        scales=_scales(deck),
        supercurrent=(gas.dimension - 2) * gas.exchange_number / (6.0 * k_ell * k_ell),
        walkers=block * max(FEWEST_BLOCKS, -(-deck.run.walkers // block)),
        stop=_stop_rule(deck),
        regime=regime,
        warnings=tuple(warnings),
        notes=tuple(more + notes),
        resolved=deck.resolved,
        extents=_extents(deck),
        program=program,
        snapshots=snapshots,
        conductivity=math.nan if deck.reduced else 2.0 * E_CHARGE**2 * gas.nu * gas.D,
        contact_distance=(deck.spin_orbit.contact_distance or 0.0) if deck.spin_orbit else 0.0,
        magnet=_magnet(deck),
        device=deck.run.device,
    )


def _magnet(deck: Deck) -> Magnet | None:
    """[magnet], and where it ends."""
    if deck.magnet is None:
        return None
    end = deck.texture.interface if isinstance(deck.texture, Junction) else 0.0
    if isinstance(deck.texture, MagneticInterface):
        end = max(layer.start for layer in deck.media if layer.magnetic) * deck.gas.ell
    insulates = isinstance(deck.texture, (Penetration, *OUTSIDE))
    section = deck.magnet
    return Magnet(section.saturation_magnetization, section.thickness, section.g_factor, end, insulates)


def _extents(deck: Deck) -> Extents:
    """Sizes in the deck's units."""
    lengths = tuple(axis.length for axis in deck.axes.values())
    return Extents(lengths, deck.planes, deck.results.end or 0.0)


def check_report(problem: Problem, threads: int | None = None) -> str:
    """Write what `mcpump check DECK` prints; nothing is run.

    Parameters
    ----------
    problem : Problem
        From `make_problem`.
    threads : int, optional
        Threads of the run; by default a thread for each core.

    Returns
    -------
    str
        Derived and regime numbers with units, warnings, notes, memory and a rough time.
    """
    scene, scales = problem.scene, problem.scales
    known = dict(problem.regime)
    if scales.si:
        known = {
            "ell": (scales.length, "m", "mean free path"),
            "tau": (scales.time, "s", "elastic lifetime"),
        } | known
    if scales.si and not scene.pulse:
        unit = "hbar nu J" if scene.exchange else "hbar^2 nu/tau"  # without exchange J stands for ħ/τ
        known[unit] = (scales.density, "J s/m^3", "one reduced unit of spin density")
        known[unit + " v_F"] = (scales.current, "J/m^2", "one reduced unit of spin current")
    lines = [f"{problem.name}: the deck can be run", ""]
    lines += [
        f"  {key:<18} {f'{value:.6g} {unit}'.rstrip()}   ({what})"
        for key, (value, unit, what) in known.items()
        if not math.isnan(value)
    ]
    lines += ["", _walk_line(scene), *(f"warning: {text}" for text in problem.warnings)]
    lines += [f"note: {text}" for text in problem.notes]
    lines.append(_held_line(problem))
    threads = threads or cores()
    flights = mean_flights(scene)
    most, limit = (problem.stop.max_walkers, "at most ") if problem.stop else (problem.walkers, "")
    compilation = compilation_seconds(scene)
    each = seconds_per_walker(scene, flights)
    seconds = most * each / min(threads, cores()) + first_flight_seconds(scene) + compilation
    block = scene.walkers_per_block * each
    memory, other = (memory_bytes(scene, threads, first) + snapshot_bytes(problem) for first in (True, False))
    lines += [
        f"walkers {problem.walkers} in {problem.walkers // scene.walkers_per_block} blocks, "
        f"about {flights:.3g} flights each; a block takes about {block:.2g} s on a core",
        f"memory about {memory / 1e9:.2g} GB of {memory_of_machine() / 1e9:.3g} GB with {threads} "
        f"thread{'s' * (threads > 1)}; each further rank about {other / 1e9:.2g} GB",
        f"time {limit}about {seconds:.2g} s on {min(threads, cores())} cores, "
        f"{compilation:g} s of it the first compilation",
    ]
    if block > LONG_BLOCK:
        lines.append(
            "note: a run that a signal or --max-time ends gives up the blocks under way, and --resume walks them again: "
            "a smaller run.walkers_per_block loses less"
        )
    return "\n".join(lines) + "\n"


def snapshot_bytes(problem: Problem) -> int:
    """Memory of a texture's snapshots."""
    return sampled(problem.snapshots).size if problem.snapshots else 0


def _held_line(problem: Problem) -> str:
    """Say whether the run is held against the solution without walkers; no kernel is compiled for it."""
    if not (problem.scene.pulse or never_solved(problem.scene)) and not_rigid(problem.scene):
        return "held against the solution without walkers, if that takes no more than some seconds"
    reason = not_held(problem)
    return f"{'not ' * bool(reason)}held against the solution without walkers{': ' * bool(reason)}{reason}"


def _walk_line(scene: Scene) -> str:
    """Say which walk a deck goes to, and on what."""
    if scene.pulse:
        return "walk: that of a plane pulse, along x"
    mesh = " × ".join(map(str, scene.cells[: scene.axes]))
    bins = f" × {scene.time_bins} time bins" if scene.time_bins else ""
    layers = f"{len(scene.layers)} layer{'s' * (len(scene.layers) > 1)}"
    channels = ", ".join(scene.channels)
    if scene.from_collisions:
        found, corrected = "discrete ordinates", ", which also give what walkers correct"
        if not_rigid(scene):
            found, corrected = "rays", ", with a solution by diffusion that walkers correct"
        found += corrected * scene.reference
        phases = f"{scene.phases} phases, " if turns_freely(scene) else ""
        return f"walk: in lanes, after first flights by {found}; mesh {mesh}, {layers}, {phases}channels {channels}"
    return f"walk: the general one; mesh {mesh}{bins}, {layers}, {scene.phases} phases, channels {channels}"


def _scales(deck: Deck) -> Scales:
    """Worth of the reduced units; a pulse counts in its own spin per area instead of ħνJ ℓ."""
    gas: Electrons = deck.gas
    if deck.reduced:
        return Scales(1.0, 1.0, 1.0, 1.0, 1.0, 0.0, False)
    density = 1.0 / gas.ell if deck.pulse else HBAR * gas.nu * gas.exchange_unit
    to_ampere = 2.0 * E_CHARGE / HBAR
    return Scales(gas.ell, gas.tau, density, density * gas.v_F, density / gas.tau, to_ampere, True)


def _stop_rule(deck: Deck) -> StopRule | None:
    """Make the stop rule, its place in ℓ and exactly on the plane it means."""
    stop = deck.run.stop
    if stop is None:
        return None
    at = deck.on_face(stop.at)
    if stop.quantity.startswith("spin_current"):
        at = deck.on_face(min(deck.results.planes, key=lambda plane: abs(plane - stop.at)))
    return StopRule(stop.quantity, at / deck.gas.ell, stop.relative_error, stop.max_walkers)
