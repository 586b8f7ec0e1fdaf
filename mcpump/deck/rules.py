"""What one key of a deck cannot know: whether the keys fit each other, the sample and the machine.

A rule yields the sentences that refuse a deck; the first is told. A rule may count on those before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from mcpump.deck.charge_rules import electric_field, skew, spin_orbit
from mcpump.deck.deck import Deck
from mcpump.deck.insulator_rules import insulator
from mcpump.deck.layer import SAME_PLACE
from mcpump.deck.memory import memory
from mcpump.deck.mesh_rules import drive, layers, sample, source, texture, transient
from mcpump.deck.textures import Ovf, Penetration, User
from mcpump.errors import InputError, show
from mcpump.names import CHANNELS

_RATIO_WINDOW = 1e12
Ratios = Iterator[tuple[str, float]]


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
    for rule in RULES:
        for sentence in rule(deck):
            raise InputError(sentence)


def _sizes(ratios: Callable[[Deck], Ratios]) -> Callable[[Deck], Iterator[str]]:
    """Rule against ratios that no sample has: they are slips of a unit, and would overflow later."""

    def rule(deck: Deck) -> Iterator[str]:
        for name, ratio in ratios(deck):
            if not ratio <= _RATIO_WINDOW:
                yield f"the deck has {name} = {ratio:.3g}, more than {_RATIO_WINDOW:g}: check the units"

    return rule


def _both_ways(name: str, value: float, unit: str, scale: float) -> Ratios:
    """A positive quantity over its natural unit, and the inverse."""
    yield f"{name} / {unit}", value / scale
    yield f"{unit} / {name}", scale / value


def _sample_ratios(deck: Deck) -> Ratios:
    """Ratios of the sample, the electrons, the layers and times."""
    gas = deck.gas
    for name, axis in deck.axes.items():
        yield from _both_ways(f"sample.{name}.length", axis.length, "ℓ", gas.ell)
    yield "Jτ/ħ", gas.exchange_number
    yield "τ/τ_sf", gas.tau / gas.tau_sf
    for i, layer in enumerate(deck.media[1:]):
        for name, value in (("v_F", layer.v), ("1/τ", layer.rate), ("ν", layer.nu)):
            yield from _both_ways(f"layer[{i}]: {name}", value, "that of [electrons]", 1.0)
        yield f"layer[{i}]: τ/τ_sf", layer.gamma_sf
    yield "results.end / τ", (deck.results.end or 0.0) / gas.tau
    times = {"results.end": deck.results.end} if deck.pulse is None else {}
    if deck.drive is not None:
        times |= {f"drive.{key}": getattr(deck.drive, key) for key in ("rise", "time", "duration")}
    for name, time in times.items():
        if time is not None:
            yield from _both_ways(name, time, "τ", gas.tau)


def _texture_ratios(deck: Deck) -> Ratios:
    """Ratios of the texture: what shapes it, where it is, how fast it moves."""
    texture, gas, ell = deck.texture, deck.gas, deck.gas.ell
    if texture is None:
        return

    def of(key: str) -> float:
        return getattr(texture, key, None) or 0.0

    for axis, q in zip(("", " along y", " along z"), deck.wave_vector, strict=True):
        yield f"wave number{axis} × ℓ", abs(q) * ell
    yield "Ωτ", (deck.angular_frequency or 0.0) * gas.tau
    yield "|velocity| / v_F", abs(of("velocity")) / gas.v_F
    centre = getattr(texture, "center", 0.0)
    yield "|center| / ℓ", max(map(abs, centre if isinstance(centre, tuple) else (centre,))) / ell
    for key in ("gyration_radius", "amplitude"):
        yield f"{key} / ℓ", of(key) / ell
    reaches = isinstance(texture, Penetration)  # its depth is a length, that of a modulation is not
    for key in (
        "mean",
        "phase",
        "wall_angle",
        "helicity",
        "c",
        "b",
        "scale",
        *(() if reaches else ("depth",)),
    ):
        yield f"|{key}|", abs(of(key))
    for key in (*(("depth",) if reaches else ()), "width", "radius", "core_radius", "length_scale"):
        if of(key):
            yield from _both_ways(key, of(key), "ℓ", ell)
    if isinstance(texture, Ovf):
        yield "|offset| / ℓ", max(map(abs, texture.offset or (0.0,))) / ell
        yield "|start| / τ", abs(texture.start or 0.0) / gas.tau
    if isinstance(texture, User | Ovf) and texture.time_scale is not None:
        yield from _both_ways("time_scale", texture.time_scale, "τ", gas.tau)


def _spin_orbit_ratios(deck: Deck) -> Ratios:
    """Strengths of the spin-orbit coupling and of an electric field, added up over the layers: no NaN escapes a sum."""
    yield "2E_so / ħv_F", sum(abs(part) for layer in deck.layers for part in layer.rashba)
    yield "Ω_so τ", sum(abs(part) for layer in deck.layers for part in layer.turn)
    yield "2|θ_SH|", sum(abs(layer.impurity) for layer in deck.layers)
    yield "σ_SH E / ħνJ v_F", sum(abs(part) for layer in deck.layers for part in layer.hall)


def _magnet(deck: Deck) -> Iterator[str]:
    """[magnet] has units."""
    if deck.magnet is not None and deck.reduced:
        yield 'magnet has no place in a deck with units = "reduced": its damping is that of an SI deck'


def _results(deck: Deck) -> Iterator[str]:
    """Channels, planes, sample mean."""
    results, length = deck.results, deck.sample.x.length
    if not results.channels or len(set(results.channels)) < len(results.channels):
        yield f"results.channels = {show(list(results.channels))} must name some of {', '.join(CHANNELS)}, each once"
    previous = -math.inf
    for plane in sorted(results.planes):
        if deck.on_face(plane) > length:
            yield (
                f"results.planes holds {deck.place_text(plane)}, outside the sample, which reaches from 0 to "
                f"{deck.place_text(length)}"
            )
        if plane - previous <= SAME_PLACE * length:
            yield f"results.planes holds {deck.place_text(plane)} twice: name each plane once"
        previous = plane
    if results.mean_density and not deck.has_sink:
        yield (
            "results.mean_density = true cannot be had: in a sample without a sink the mean of the DC "
            "density grows for ever; give an absorbing face or a spin_relaxation_time, or leave it out"
        )


def _pulse_results(deck: Deck) -> Iterator[str]:
    """A pulse needs its end, and nothing that it has not."""
    results = deck.results
    if deck.pulse is None:
        return
    if results.end is None:
        yield "results.end is missing: a [pulse] needs the time at which its last time bin ends"
    if results.channels != ("first",):
        yield f'results.channels = {show(list(results.channels))} must be ["first"] for a [pulse]'
    if results.planes:
        yield (
            "results.planes cannot be used with a [pulse]: its current stands in every cell and time bin; "
            "leave it out"
        )
    if results.harmonics:
        yield f"results.harmonics = {results.harmonics} must be 0 for a [pulse], which is not periodic"
    for key, why in (
        ("first_flights", "its first flights are those of its walkers"),
        ("score_interval", "every flight is scored"),
    ):
        value = getattr(deck.run, key)
        if value not in ("auto", 1):
            yield f"run.{key} = {value} cannot be used with a [pulse]: {why}; leave it out"


def _device(deck: Deck) -> Iterator[str]:
    """A GPU adds in fixed point."""
    if deck.run.device == "cuda" and deck.run.sums == "float":
        yield 'run.sums = "float" must be "fixed" with run.device = "cuda", or left out'


def _stop(deck: Deck) -> Iterator[str]:
    """The stop rule names a result that there is, at a place where it is."""
    stop = deck.run.stop
    if stop is None:
        return
    if deck.results.end is not None:
        what = "[pulse]" if deck.pulse is not None else "transient"
        yield f"run.stop cannot be used with a {what}: it names a harmonic of a periodic drive"
    numbers = range(1, deck.results.harmonics + 1)
    choices = (
        ("spin_current", "spin_density"),
        ("local", "diffusive", "total"),
        ("x", "y", "z"),
        ("dc", *(f"{part}{n}" for n in numbers for part in ("cos", "sin"))),
    )
    words = stop.quantity.split(".")
    if len(words) != 4 or any(word not in choice for word, choice in zip(words, choices, strict=True)):
        grammar = ".".join("|".join(choice) for choice in choices)
        yield f"run.stop.quantity = {show(stop.quantity)} must be {grammar}"
    at, length = deck.place_text(stop.at), deck.sample.x.length
    if words[0] == "spin_density":
        if words[3] == "dc" and words[1] != "local" and not deck.has_sink:
            yield (
                f"run.stop.quantity = {show(stop.quantity)} cannot be had: without an absorbing face or a "
                f"spin_relaxation_time the DC density is infinite"
            )
        if deck.on_face(stop.at) > length:
            yield f"run.stop.at = {at} lies outside the sample"
    elif not any(abs(stop.at - plane) <= SAME_PLACE * length for plane in deck.results.planes):
        planes = ", ".join(map(deck.place_text, deck.results.planes)) or "none yet"
        yield f"run.stop.at = {at} must be one of results.planes ({planes}) for a spin current"


RULES: tuple[Callable[[Deck], Iterator[str]], ...] = (
    source,
    sample,
    drive,
    transient,
    texture,
    layers,
    insulator,
    _sizes(_sample_ratios),
    _sizes(_texture_ratios),
    spin_orbit,
    skew,
    electric_field,
    _magnet,
    _sizes(_spin_orbit_ratios),
    _results,
    _pulse_results,
    _device,
    _stop,
    memory,
)
