"""From a checked deck to a problem that is ready to run: reduced numbers, scales, regime, plan."""

from __future__ import annotations

import math

from mcpump.constants import E_CHARGE, HBAR
from mcpump.deck.deck import Deck
from mcpump.deck.electrons import Electrons
from mcpump.deck.memory import general_memory_needed, memory_needed
from mcpump.deck.sections import face_word
from mcpump.machine import cores, memory_of_machine
from mcpump.names import CHANNELS, FACES
from mcpump.problem.reduce_scene import DECAYED, check_user, make_scene, scene_crossings, scene_flights
from mcpump.problem.regime import regime_numbers, warnings_and_notes
from mcpump.problem.scene import (
    FEWEST_JUMPED,
    MEAN_COSINE,
    PERIODIC,
    SPECULAR,
    Extents,
    Model,
    Problem,
    Scales,
    Scene,
    StopRule,
)
from mcpump.problem.snapshots import remarks, sampled, snapshots_of
from mcpump.problem.texture import envelope_of, precession
from mcpump.textures.parameters import HARMONIC, STILL, Harmonic, packed, swing
from mcpump.textures.shapes import ENVELOPE_COSINE, ENVELOPE_TANH

JUMPS_IN_LENGTH, JUMPS_IN_TURN = 6.0, 0.1
"""Root mean square jumps in the texture's length; the longest jump's time in units of 1/Ω."""
FEWEST_BLOCKS = 16
# Measured on one core with all tallies; first flights have a walk of their own.
_SECONDS_PER_FLIGHT, _SECONDS_PER_FIRST_FLIGHT, _COMPILATION_SECONDS = 16e-9, 460e-9, 30.0
_PULSE_FLIGHT, _PULSE_COMPILATION = 10e-9, 10.0
# The general walk: per flight, per spin carried along and number scored of it; the rotation, and each of its steps.
_GENERAL_FLIGHT, _CARRIED_SPIN, _SCORED_NUMBER, _GENERAL_COMPILATION = 300e-9, 45e-9, 4.5e-9, 50.0
_ROTATION, _ROTATION_STEP = 1600e-9, 43e-9
LONG_BLOCK = 5.0
"""Seconds of a block from which on `mcpump check` says that signals are heard late."""


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
    model = _scene(deck, notes) if deck.needs_general else _model(deck, notes)
    texture_file = check_user(deck, model) if isinstance(model, Scene) else ""
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
        model=model,
        scales=_scales(deck),
        exchange=gas.exchange_number,
        supercurrent=(gas.dimension - 2) * gas.exchange_number / (6.0 * k_ell * k_ell),
        channels=_channels(deck),
        walkers=block * max(FEWEST_BLOCKS, -(-deck.run.walkers // block)),
        stop=_stop_rule(deck),
        regime=regime,
        warnings=tuple(warnings),
        notes=tuple(more + notes),
        resolved=deck.resolved,
        extents=_extents(deck),
        texture_file=texture_file,
        snapshots=snapshots,
        conductivity=math.nan if deck.reduced else 2.0 * E_CHARGE**2 * gas.nu * gas.D,
        contact_distance=(deck.spin_orbit.contact_distance or 0.0) if deck.spin_orbit else 0.0,
    )


def _scene(deck: Deck, notes: list[str]) -> Scene:
    """Reduced numbers for the general walk, and a note on why it is that one."""
    notes.append(f"this is the general walk, which {', '.join(deck.general_reasons)} asks for")
    return make_scene(deck, notes)


def _extents(deck: Deck) -> Extents:
    """Sizes in the deck's units."""
    lengths = tuple(axis.length for axis in deck.axes.values())
    return Extents(lengths, deck.planes, deck.results.end or 0.0)


def _channels(deck: Deck) -> tuple[str, ...]:
    """Channels asked for; those of the general walk in its order."""
    asked = deck.results.channels
    return tuple(name for name in CHANNELS if name in asked) if deck.needs_general else asked


def memory_bytes(model: Model | Scene) -> int:
    """Memory that a run needs, roughly [bytes].

    Parameters
    ----------
    model : Model or Scene
        Problem in reduced units.

    Returns
    -------
    int
        Program, the sums of every thread and those of the whole run.
    """
    if isinstance(model, Model):
        return memory_needed(model.cells, model.harmonics, model.time_bins, len(model.planes))
    return general_memory_needed(
        model.axes,
        math.prod(model.cells),
        model.time_bins,
        model.channels,
        model.time_functions,
        len(model.planes),
    )


def mean_flights(model: Model | Scene) -> float:
    """Rough mean number of flights of a walker: what ends it first.

    Parameters
    ----------
    model : Model or Scene
        Problem in reduced units.

    Returns
    -------
    float
        min(τ_sf/τ, t_max/τ, L²/2D if a face absorbs), at least 1.
    """
    if isinstance(model, Scene):
        return scene_flights(model)
    ends = [model.t_max]
    if model.gamma_sf > 0.0:
        ends.append(1.0 / model.gamma_sf)
    if "absorbing" in (FACES[model.left], FACES[model.right]):
        ends.append(0.5 * model.length * model.length * model.dimension)
    return max(1.0, min(ends))


def check_report(problem: Problem) -> str:
    """Write what `mcpump check DECK` prints; nothing is run.

    Parameters
    ----------
    problem : Problem
        From `make_problem`.

    Returns
    -------
    str
        Derived and regime numbers with units, warnings, notes, memory and a rough time.
    """
    model, scales = problem.model, problem.scales
    known = dict(problem.regime)
    if scales.si:
        known = {
            "ell": (scales.length, "m", "mean free path"),
            "tau": (scales.time, "s", "elastic lifetime"),
        } | known
    if scales.si and not (isinstance(model, Model) and model.pulse):
        unit = "hbar nu J" if problem.exchange else "hbar^2 nu/tau"  # without exchange J stands for ħ/τ
        known[unit] = (scales.density, "J s/m^3", "one reduced unit of spin density")
        known[unit + " v_F"] = (scales.current, "J/m^2", "one reduced unit of spin current")
    lines = [f"{problem.name}: the deck can be run", ""]
    lines += [
        f"  {key:<18} {f'{value:.6g} {unit}'.rstrip()}   ({what})"
        for key, (value, unit, what) in known.items()
        if not math.isnan(value)
    ]
    lines += ["", _walk_line(problem), *(f"warning: {text}" for text in problem.warnings)]
    lines += [f"note: {text}" for text in problem.notes]
    flights = mean_flights(model)
    most, limit = (problem.stop.max_walkers, "at most ") if problem.stop else (problem.walkers, "")
    compilation = _compilation_seconds(model)
    each = _seconds_per_walker(model, flights)
    seconds = most * each / cores() + compilation
    memory = memory_bytes(model) + (sampled(problem.snapshots).size if problem.snapshots else 0)
    lines += [
        f"walkers {problem.walkers} in {problem.walkers // model.walkers_per_block} blocks, "
        f"about {flights:.3g} flights each",
        f"memory about {memory / 1e9:.2g} GB of {memory_of_machine() / 1e9:.3g} GB",
        f"time {limit}about {seconds:.2g} s on {cores()} cores, "
        f"{compilation:g} s of it the first compilation",
    ]
    if (block := model.walkers_per_block * each) > LONG_BLOCK:
        lines.append(
            f"note: a block takes about {block:.2g} s on a core, and signals and --max-time are heard between blocks: a "
            "smaller run.walkers_per_block makes them heard sooner"
        )
    return "\n".join(lines) + "\n"


def _walk_line(problem: Problem) -> str:
    """Say which walk a deck goes to, and on what."""
    if isinstance(problem.model, Model):
        return "walk: the fast one, along x and to second order in J"
    scene = problem.model
    mesh = " × ".join(map(str, scene.cells[: scene.axes]))
    bins = f" × {scene.time_bins} time bins" if scene.time_bins else ""
    layers = f"{len(scene.layers)} layer{'s' * (len(scene.layers) > 1)}"
    channels = ", ".join(scene.channels)
    return f"walk: the general one; mesh {mesh}{bins}, {layers}, {scene.phases} phases, channels {channels}"


def _compilation_seconds(model: Model | Scene) -> float:
    """Rough time to compile the kernels of a walk [s]."""
    if isinstance(model, Model):
        return _PULSE_COMPILATION if model.pulse else _COMPILATION_SECONDS
    return _GENERAL_COMPILATION


def _seconds_per_walker(model: Model | Scene, flights: float) -> float:
    """Rough time of one walker with its first flights [s]."""
    if isinstance(model, Model):
        flights *= max(1.0, _bounces(model))
    else:
        flights *= max(1.0, scene_crossings(model))
    if isinstance(model, Model) and model.pulse:
        return (flights + model.first_flights) * _PULSE_FLIGHT
    if isinstance(model, Model):
        return flights * _SECONDS_PER_FLIGHT + model.first_flights * _SECONDS_PER_FIRST_FLIGHT
    spin = len(model.channels) * (_CARRIED_SPIN + model.time_functions * _SCORED_NUMBER)
    if "exact" in model.channels:
        spin += _ROTATION + _ROTATION_STEP / model.rotation_step
    return (flights + model.first_flights) * (_GENERAL_FLIGHT + model.phases * spin)


def _bounces(model: Model) -> float:
    """Mean number of faces and planes that a flight of the fast walk meets; folded bounces cost nothing."""
    planes = sum(0.0 < plane < model.length for plane in model.planes)
    mirrors = model.left == model.right == SPECULAR and not planes
    if mirrors or (model.pulse and model.left == PERIODIC):
        return 0.0
    return MEAN_COSINE[model.dimension] * (1 + planes) / model.length


def _model(deck: Deck, notes: list[str]) -> Model:
    """Reduced numbers of a deck."""
    gas, x = deck.gas, deck.sample.x
    envelope, parameters, (q, _, _) = envelope_of(deck)
    Omega = (deck.angular_frequency or 0.0) * gas.tau
    C, P, Q = precession(deck)
    moves = packed(Harmonic(C, P, Q, (q, 0.0, 0.0), Omega, envelope, parameters))
    if deck.texture is not None and swing(HARMONIC, moves) <= STILL:
        notes.append("the texture is static: it pumps nothing")
    pulse_x = deck.on_face(deck.pulse.position) / gas.ell if deck.pulse else 0.0
    model = Model(
        dimension=gas.dimension, length=x.length / gas.ell, cells=x.cells,
        left=FACES.index(face_word(x.left)), right=FACES.index(face_word(x.right)),
        gamma_sf=gas.tau / gas.tau_sf, Omega=Omega, harmonics=deck.results.harmonics,
        envelope=envelope, envelope_parameters=parameters, q=q,
        C=C, P=P, Q=Q, pulse=deck.pulse is not None, pulse_x=pulse_x,
        time_bins=deck.results.time_bins or 1, t_max=math.inf,
        planes=tuple(float(plane / gas.ell) for plane in deck.planes),
        first_flights=1, score_interval=1, walkers_per_block=deck.run.walkers_per_block, seed=deck.run.seed,
        max_flights=deck.run.max_flights,
    )  # fmt: skip
    return _planned(model._replace(t_max=_t_max(deck, model, notes)), deck)


def _planned(model: Model, deck: Deck) -> Model:
    """Split of the effort: more first flights and rarer scores where walks are long."""
    if model.pulse:
        return model
    model = model._replace(jump=longest_jump(model) if deck.run.jumps == "auto" else 0.0)
    flights = walked_steps(model)
    first, interval = deck.run.first_flights, deck.run.score_interval
    automatic_first = round(min(max(flights / 40.0, 1.0), 32.0))
    automatic_interval = 2 ** int(math.log2(min(max(flights / 64.0, 1.0), 16.0)))
    return model._replace(
        first_flights=automatic_first if first == "auto" else int(first),
        score_interval=automatic_interval if interval == "auto" else int(interval),
    )


def walked_steps(model: Model) -> float:
    """Rough mean number of flights and jumps of a walker."""
    flights = mean_flights(model)
    return flights if model.jump == 0.0 else min(flights, 100.0 + flights / model.jump)


def longest_jump(model: Model) -> float:
    """Mean number of flights of the longest jump: a sixth of the texture's length, a tenth of 1/Ω.

    Parameters
    ----------
    model : Model
        Problem in reduced units.

    Returns
    -------
    float
        0 where that is too few flights to be worth it.
    """
    lengths = [1.0 / abs(model.q)] if model.q != 0.0 else []
    if model.envelope == ENVELOPE_TANH:
        lengths.append(model.envelope_parameters[1])
    if model.envelope == ENVELOPE_COSINE and model.envelope_parameters[2] != 0.0:
        lengths.append(1.0 / abs(model.envelope_parameters[2]))
    length = min([*lengths, model.length])
    longest = 0.5 * model.dimension * (length / JUMPS_IN_LENGTH) ** 2
    if model.Omega != 0.0:
        longest = min(longest, JUMPS_IN_TURN / abs(model.Omega))
    return 0.0 if longest < FEWEST_JUMPED else longest


def _t_max(deck: Deck, model: Model, notes: list[str]) -> float:
    """Age at which a walker ends [τ]: end of a pulse's bins, decay of the slowest mode without a sink."""
    if deck.results.end is not None:
        return deck.results.end / deck.gas.tau
    if deck.has_sink:
        return math.inf
    turns = 2.0 if deck.sample.x.left == "periodic" else 1.0
    q = turns * math.pi / model.length
    # No mode decays faster than walkers scatter (d = 1: half as fast), however short it is.
    rate = min(q * q / model.dimension, 0.5 if model.dimension == 1 else 1.0)
    t_max = -math.log(DECAYED) / rate
    notes.append(
        f"the sample has no sink: walkers end at the age t_max = {t_max:.4g} τ, where exp(−D q² t) of the "
        f"slowest mode that is not uniform (qℓ = {q:.4g}) is below {DECAYED:g}"
    )
    return t_max


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
