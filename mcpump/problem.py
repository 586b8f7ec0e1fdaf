"""From a checked deck to a problem that is ready to run: reduced numbers, scales, regime, plan."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from mcpump.constants import E_CHARGE, HBAR
from mcpump.deck_checks import (
    angular_frequency,
    cores,
    has_sink,
    memory_needed,
    memory_of_machine,
    snapped,
    wave_number,
)
from mcpump.deck_sections import Deck
from mcpump.electrons import Electrons
from mcpump.model import FACES, Model, Problem, Scales, StopRule
from mcpump.regime import regime_numbers, warnings_and_notes
from mcpump.textures import ENVELOPE_CONSTANT, ENVELOPE_COSINE, ENVELOPE_TANH

DECAYED = 1e-6
"""In a sample without a sink a walker ends when the slowest mode has decayed to this."""
FEWEST_BLOCKS = 16
# Measured on one core with all tallies; first flights have a walk of their own, 395 ns a pair.
_SECONDS_PER_FLIGHT, _SECONDS_PER_FIRST_FLIGHT, _COMPILATION_SECONDS = 16e-9, 200e-9, 13.0
Array = NDArray[np.float64]


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
    gas, notes = deck.gas, list(deck.gas.notes)
    model = _model(deck, notes)
    regime = regime_numbers(deck)
    warnings, more = warnings_and_notes(deck, regime)
    k_ell = gas.k_F * gas.ell
    block = deck.run.walkers_per_block
    return Problem(
        name=deck.name,
        model=model,
        scales=_scales(deck),
        exchange=gas.exchange_number,
        supercurrent=(gas.dimension - 2) * gas.exchange_number / (6.0 * k_ell * k_ell),
        channels=deck.results.channels,
        walkers=block * max(FEWEST_BLOCKS, -(-deck.run.walkers // block)),
        stop=_stop_rule(deck),
        regime=regime,
        warnings=tuple(warnings),
        notes=tuple(more + notes),
        resolved=deck.resolved,
    )


def memory_bytes(model: Model) -> int:
    """Memory that a run of this model needs, roughly [bytes].

    Parameters
    ----------
    model : Model
        Problem in reduced units.

    Returns
    -------
    int
        Program, the sums of every thread and those of the whole run.
    """
    return memory_needed(model.cells, model.harmonics, model.time_bins, len(model.planes))


def mean_flights(model: Model) -> float:
    """Rough mean number of flights of a walker: what ends it first.

    Parameters
    ----------
    model : Model
        Problem in reduced units.

    Returns
    -------
    float
        min(τ_sf/τ, t_max/τ, L²/2D if a face absorbs), at least 1.
    """
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
    if scales.si and not model.pulse:
        known["hbar nu J"] = (scales.density, "J s/m^3", "one reduced unit of spin density")
        known["hbar nu J v_F"] = (scales.current, "J/m^2", "one reduced unit of spin current")
    lines = [f"{problem.name}: the deck can be run", ""]
    lines += [
        f"  {key:<18} {f'{value:.6g} {unit}'.rstrip()}   ({what})"
        for key, (value, unit, what) in known.items()
        if not math.isnan(value)
    ]
    lines += ["", *(f"warning: {text}" for text in problem.warnings)]
    lines += [f"note: {text}" for text in problem.notes]
    flights = mean_flights(model)
    each = flights * _SECONDS_PER_FLIGHT + model.first_flights * _SECONDS_PER_FIRST_FLIGHT
    most, limit = (problem.stop.max_walkers, "at most ") if problem.stop else (problem.walkers, "")
    seconds = most * each / cores() + _COMPILATION_SECONDS
    lines += [
        f"walkers {problem.walkers} in {problem.walkers // model.walkers_per_block} blocks, "
        f"about {flights:.3g} flights each",
        f"memory about {memory_bytes(model) / 1e9:.2g} GB of {memory_of_machine() / 1e9:.3g} GB",
        f"time {limit}about {seconds:.2g} s on {cores()} cores, "
        f"{_COMPILATION_SECONDS:g} s of it the first compilation",
    ]
    return "\n".join(lines) + "\n"


def _model(deck: Deck, notes: list[str]) -> Model:
    """Reduced numbers of a deck."""
    gas, x = deck.gas, deck.sample.x
    envelope, parameters, q = _envelope(deck, notes)
    Omega = angular_frequency(deck.texture, deck.reduced, notes) * gas.tau if deck.texture else 0.0
    if deck.texture and (Omega == 0.0 or math.sin(deck.texture.cone_angle) == 0.0):
        notes.append("the texture is static: it pumps nothing")
    C, P, Q = _precession(deck)
    planes = sorted(snapped(plane, x.length) for plane in deck.results.planes)
    pulse_x = snapped(deck.pulse.position, x.length) / gas.ell if deck.pulse else 0.0
    model = Model(
        dimension=gas.dimension, length=x.length / gas.ell, cells=x.cells,
        left=FACES.index(x.left), right=FACES.index(x.right), gamma_sf=gas.tau / gas.tau_sf, Omega=Omega,
        harmonics=deck.results.harmonics, envelope=envelope, envelope_parameters=parameters, q=q,
        C=_vector(C), P=_vector(P), Q=_vector(Q), pulse=deck.pulse is not None, pulse_x=pulse_x,
        time_bins=deck.results.time_bins or 1, t_max=math.inf,
        planes=tuple(float(plane / gas.ell) for plane in planes),
        first_flights=1, score_interval=1, walkers_per_block=deck.run.walkers_per_block, seed=deck.run.seed,
    )  # fmt: skip
    return _planned(model._replace(t_max=_t_max(deck, model, notes)), deck)


def _planned(model: Model, deck: Deck) -> Model:
    """Split of the effort: more first flights and rarer scores where walks are long."""
    flights = mean_flights(model)
    first, interval = deck.run.first_flights, deck.run.score_interval
    automatic_first = round(min(max(flights / 40.0, 1.0), 32.0))
    automatic_interval = 2 ** int(math.log2(min(max(flights / 64.0, 1.0), 16.0)))
    return model._replace(
        first_flights=automatic_first if first == "auto" else int(first),
        score_interval=automatic_interval if interval == "auto" else int(interval),
    )


def _envelope(deck: Deck, notes: list[str]) -> tuple[int, tuple[float, float, float, float], float]:
    """Envelope's code and parameters, and the phase's wave number [1/ℓ]."""
    texture, ell = deck.texture, deck.gas.ell
    if texture is None or texture.kind == "uniform":
        return ENVELOPE_CONSTANT, (0.0, 0.0, 0.0, 0.0), 0.0
    if texture.kind == "junction":
        return ENVELOPE_TANH, (texture.interface / ell, texture.width / ell, 0.0, 0.0), 0.0
    k = wave_number(texture, deck.reduced, notes) * ell
    if texture.kind == "spiral":
        return ENVELOPE_CONSTANT, (0.0, 0.0, 0.0, 0.0), k
    return ENVELOPE_COSINE, (texture.mean, texture.depth, k, texture.phase), 0.0


def _precession(deck: Deck) -> tuple[Array, Array, Array]:
    """C = cosθ e₃, P = sinθ e₁, Q = ellipticity·sinθ e₂; a pulse's spin is C."""
    if deck.pulse is not None:
        return np.array(deck.pulse.spin), np.zeros(3), np.zeros(3)
    texture = deck.texture
    assert texture is not None
    e1, e2, e3 = triad(np.array(texture.axis))
    cosine, sine = math.cos(texture.cone_angle), math.sin(texture.cone_angle)
    # Adding 0.0 turns −0.0 into 0.0, which prints and compares like what it is.
    return cosine * e3 + 0.0, sine * e1 + 0.0, texture.ellipticity * sine * e2 + 0.0


def _vector(array: Array) -> tuple[float, float, float]:
    """Three plain numbers."""
    return float(array[0]), float(array[1]), float(array[2])


def triad(axis: Array) -> tuple[Array, Array, Array]:
    """Right-handed unit vectors (e₁, e₂, e₃) with e₃ along an axis; x, y, z for the axis z.

    Parameters
    ----------
    axis : (3,) array
        Not zero.

    Returns
    -------
    three (3,) arrays
        e₁ is x without its part along e₃ (y where the axis is nearer to x than to anything else).
    """
    scaled = axis / np.max(np.abs(axis))
    e3 = scaled / math.sqrt(float(scaled @ scaled))
    start = np.array([0.0, 1.0, 0.0] if abs(e3[0]) > 0.9 else [1.0, 0.0, 0.0])
    e1 = start - float(start @ e3) * e3
    e1 = e1 / math.sqrt(float(e1 @ e1))
    e2 = np.array(
        [e3[1] * e1[2] - e3[2] * e1[1], e3[2] * e1[0] - e3[0] * e1[2], e3[0] * e1[1] - e3[1] * e1[0]]
    )
    return e1, e2, e3


def _t_max(deck: Deck, model: Model, notes: list[str]) -> float:
    """Age at which a walker ends [τ]: end of a pulse's bins, decay of the slowest mode without a sink."""
    if deck.results.end is not None:
        return deck.results.end / deck.gas.tau
    if has_sink(deck, deck.gas):
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
    density = 1.0 / gas.ell if deck.pulse else HBAR * gas.nu * gas.exchange
    to_ampere = 2.0 * E_CHARGE / HBAR
    return Scales(gas.ell, gas.tau, density, density * gas.v_F, density / gas.tau, to_ampere, True)


def _stop_rule(deck: Deck) -> StopRule | None:
    """Make the stop rule, its place in ℓ and exactly on the plane it means."""
    stop, length = deck.run.stop, deck.sample.x.length
    if stop is None:
        return None
    at = snapped(stop.at, length)
    if stop.quantity.startswith("spin_current"):
        at = snapped(min(deck.results.planes, key=lambda plane: abs(plane - stop.at)), length)
    return StopRule(stop.quantity, at / deck.gas.ell, stop.relative_error, stop.max_walkers)
