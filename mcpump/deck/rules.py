"""What one key of a deck cannot know: whether the keys fit each other, the sample and the machine."""

from __future__ import annotations

import math

from mcpump.deck.charge_rules import check_electric_field, check_spin_orbit
from mcpump.deck.deck import Deck
from mcpump.deck.layer import SAME_PLACE
from mcpump.deck.memory import check_memory
from mcpump.deck.mesh_rules import check_layers, check_sample, check_source, check_texture, check_transient
from mcpump.deck.textures import Ovf, Penetration, User
from mcpump.errors import InputError, show
from mcpump.names import CHANNELS

_RATIO_WINDOW = 1e12


def check(deck: Deck) -> None:
    """Check a deck as a whole.

    Parameters
    ----------
    deck : Deck
        Every key of it is acceptable by itself.

    Raises
    ------
    InputError
        One sentence.
    """
    deck.gas  # noqa: B018  refuses electrons that cannot be
    check_source(deck)
    check_sample(deck)
    check_transient(deck)
    if deck.texture is not None:
        check_texture(deck)
    check_layers(deck)
    _check_sizes(_sample_ratios(deck) | _texture_ratios(deck))
    check_spin_orbit(deck)
    check_electric_field(deck)
    if deck.magnet is not None and deck.reduced:
        raise InputError(
            'magnet has no place in a deck with units = "reduced": its damping is that of an SI deck'
        )
    _check_sizes(_spin_orbit_ratios(deck))
    _check_results(deck)
    _check_stop(deck)
    check_memory(deck)


def _check_sizes(ratios: dict[str, float]) -> None:
    """Refuse ratios that no sample has: they are slips of a unit, and would overflow later."""
    for name, ratio in ratios.items():
        if not ratio <= _RATIO_WINDOW:
            raise InputError(
                f"the deck has {name} = {ratio:.3g}, more than {_RATIO_WINDOW:g}: check the units"
            )


def _both_ways(name: str, value: float, unit: str, scale: float) -> dict[str, float]:
    """A positive quantity over its natural unit, and the inverse."""
    return {f"{name} / {unit}": value / scale, f"{unit} / {name}": scale / value}


def _sample_ratios(deck: Deck) -> dict[str, float]:
    """Ratios of the sample, the electrons, the layers and times."""
    gas, ratios = deck.gas, dict[str, float]()
    for name, axis in deck.axes.items():
        ratios |= _both_ways(f"sample.{name}.length", axis.length, "ℓ", gas.ell)
    ratios |= {"Jτ/ħ": gas.exchange_number, "τ/τ_sf": gas.tau / gas.tau_sf}
    for i, layer in enumerate(deck.media[1:]):
        ratios |= _both_ways(f"layer[{i}]: v_F", layer.v, "that of [electrons]", 1.0)
        ratios |= _both_ways(f"layer[{i}]: 1/τ", layer.rate, "that of [electrons]", 1.0)
        ratios |= _both_ways(f"layer[{i}]: ν", layer.nu, "that of [electrons]", 1.0)
        ratios[f"layer[{i}]: τ/τ_sf"] = layer.gamma_sf
    ratios["results.end / τ"] = (deck.results.end or 0.0) / gas.tau
    times = {"results.end": deck.results.end} if deck.pulse is None else {}
    if deck.drive is not None:
        times |= {f"drive.{key}": getattr(deck.drive, key) for key in ("rise", "time", "duration")}
    for name, time in times.items():
        ratios |= _both_ways(name, time, "τ", gas.tau) if time is not None else {}
    return ratios


def _spin_orbit_ratios(deck: Deck) -> dict[str, float]:
    """Strengths of the spin-orbit coupling and of an electric field, added up over the layers: no NaN escapes a sum."""
    stack = deck.layers
    return {
        "2E_so / ħv_F": sum(abs(part) for layer in stack for part in layer.rashba),
        "2|θ_SH|": sum(abs(layer.impurity) for layer in stack),
        "σ_SH E / ħνJ v_F": sum(abs(part) for layer in stack for part in layer.hall),
    }


def _texture_ratios(deck: Deck) -> dict[str, float]:
    """Ratios of the texture: what shapes it, where it is, how fast it moves."""
    texture, gas, ell = deck.texture, deck.gas, deck.gas.ell
    if texture is None:
        return {}
    names = ("wave number", "wave number along y", "wave number along z")
    vector = deck.wave_vector
    ratios = {f"{name} × ℓ": abs(q) * ell for name, q in zip(names, vector, strict=True)}
    ratios["Ωτ"] = (deck.angular_frequency or 0.0) * gas.tau
    ratios["|velocity| / v_F"] = abs(getattr(texture, "velocity", None) or 0.0) / gas.v_F
    centre = getattr(texture, "center", 0.0)
    ratios["|center| / ℓ"] = max(map(abs, centre if isinstance(centre, tuple) else (centre,))) / ell
    for key in ("gyration_radius", "amplitude"):
        ratios[f"{key} / ℓ"] = (getattr(texture, key, None) or 0.0) / ell
    depth = getattr(texture, "depth", 0.0)
    scales = {"depth": depth} if isinstance(texture, Penetration) else {}
    for key in ("mean", "phase", "wall_angle", "helicity", "c", "b", "scale"):
        ratios[f"|{key}|"] = abs(getattr(texture, key, None) or 0.0)
    ratios["|depth|"] = 0.0 if scales else abs(depth)
    for key in ("width", "radius", "core_radius", "length_scale"):
        scales[key] = getattr(texture, key, None) or 0.0
    for key, value in scales.items():
        ratios |= _both_ways(key, value, "ℓ", ell) if value else {}
    if isinstance(texture, Ovf):
        ratios["|offset| / ℓ"] = max(map(abs, texture.offset or (0.0,))) / ell
        ratios["|start| / τ"] = abs(texture.start or 0.0) / gas.tau
    if isinstance(texture, User | Ovf) and texture.time_scale is not None:
        ratios |= _both_ways("time_scale", texture.time_scale, "τ", gas.tau)
    return ratios


def _check_results(deck: Deck) -> None:
    """Channels, planes, sample mean; what belongs to a pulse only."""
    results, length = deck.results, deck.sample.x.length
    if not results.channels or len(set(results.channels)) < len(results.channels):
        raise InputError(
            f"results.channels = {show(list(results.channels))} must name some of {', '.join(CHANNELS)}, each once"
        )
    previous = -math.inf
    for plane in sorted(results.planes):
        if deck.on_face(plane) > length:
            raise InputError(
                f"results.planes holds {deck.place_text(plane)}, outside the sample, which reaches from 0 to "
                f"{deck.place_text(length)}"
            )
        if plane - previous <= SAME_PLACE * length:
            raise InputError(f"results.planes holds {deck.place_text(plane)} twice: name each plane once")
        previous = plane
    if results.mean_density and not deck.has_sink:
        raise InputError(
            "results.mean_density = true cannot be had: in a sample without a sink the mean of the DC "
            "density grows for ever; give an absorbing face or a spin_relaxation_time, or leave it out"
        )
    _check_pulse_results(deck)


def _check_pulse_results(deck: Deck) -> None:
    """Ask a pulse for its end, and for nothing that it has not."""
    results = deck.results
    if deck.pulse is None:
        return
    if results.end is None:
        raise InputError("results.end is missing: a [pulse] needs the time at which its last time bin ends")
    if results.channels != ("first",):
        raise InputError(f'results.channels = {show(list(results.channels))} must be ["first"] for a [pulse]')
    if results.planes:
        raise InputError(
            "results.planes cannot be used with a [pulse]: its current stands in every cell and time bin; "
            "leave it out"
        )
    if results.harmonics:
        raise InputError(
            f"results.harmonics = {results.harmonics} must be 0 for a [pulse], which is not periodic"
        )
    for key, why in (
        ("first_flights", "its first flights are those of its walkers"),
        ("score_interval", "every flight is scored"),
    ):
        value = getattr(deck.run, key)
        if value not in ("auto", 1):
            raise InputError(f"run.{key} = {value} cannot be used with a [pulse]: {why}; leave it out")


def _check_stop(deck: Deck) -> None:
    """Ask the stop rule for a result that there is, at a place where it is."""
    stop = deck.run.stop
    if stop is None:
        return
    if deck.results.end is not None:
        what = "[pulse]" if deck.pulse is not None else "transient"
        raise InputError(f"run.stop cannot be used with a {what}: it names a harmonic of a periodic drive")
    harmonics = ["dc"] + [
        f"{part}{n}" for n in range(1, deck.results.harmonics + 1) for part in ("cos", "sin")
    ]
    choices = (
        ("spin_current", "spin_density"),
        ("local", "diffusive", "total"),
        ("x", "y", "z"),
        tuple(harmonics),
    )
    words = stop.quantity.split(".")
    if len(words) != 4 or any(word not in choice for word, choice in zip(words, choices, strict=True)):
        grammar = ".".join("|".join(choice) for choice in choices)
        raise InputError(f"run.stop.quantity = {show(stop.quantity)} must be {grammar}")
    length = deck.sample.x.length
    if words[0] == "spin_density":
        if words[3] == "dc" and words[1] != "local" and not deck.has_sink:
            raise InputError(
                f"run.stop.quantity = {show(stop.quantity)} cannot be had: without an absorbing face or a "
                f"spin_relaxation_time the DC density is infinite"
            )
        if deck.on_face(stop.at) > length:
            raise InputError(f"run.stop.at = {deck.place_text(stop.at)} lies outside the sample")
    elif not any(abs(stop.at - plane) <= SAME_PLACE * length for plane in deck.results.planes):
        planes = ", ".join(deck.place_text(plane) for plane in deck.results.planes) or "none yet"
        raise InputError(
            f"run.stop.at = {deck.place_text(stop.at)} must be one of results.planes ({planes}) "
            f"for a spin current"
        )
