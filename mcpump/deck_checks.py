"""What one key of a deck cannot know: whether the keys fit each other, the sample and the machine."""

from __future__ import annotations

import math
import os

from mcpump.deck_sections import Deck, Precession
from mcpump.electrons import Electrons, matching, resolve
from mcpump.errors import InputError
from mcpump.units import show

SAME_PLACE = 1e-9
"""Places closer than this share of the sample's length are one place."""
_PROGRAM_BYTES = 300_000_000
_RATIO_WINDOW = 1e12


def check(deck: Deck) -> Electrons:
    """Check a deck as a whole.

    Parameters
    ----------
    deck : Deck
        Every key of it is acceptable by itself.

    Returns
    -------
    Electrons
        The electron gas.

    Raises
    ------
    InputError
        One sentence.
    """
    gas = resolve(deck.electrons.model_dump(exclude={"dimension"}), deck.reduced, deck.electrons.dimension)
    _check_source(deck)
    _check_faces(deck)
    if deck.texture is not None:
        _check_texture(deck)
    _check_sizes(deck, gas)
    _check_results(deck, gas)
    _check_stop(deck, gas)
    _check_memory(deck)
    return gas


def has_sink(deck: Deck, gas: Electrons) -> bool:
    """Tell whether spin can leave the sample: through an absorbing face, or by relaxation."""
    return "absorbing" in (deck.sample.x.left, deck.sample.x.right) or math.isfinite(gas.tau_sf)


def angular_frequency(texture: Precession, reduced: bool, notes: list[str]) -> float:
    """Ω of a texture [rad/s, or 1/τ], from `frequency` or `angular_frequency`."""
    if texture.frequency is None:
        if texture.angular_frequency is None:
            raise InputError("texture: the frequency is missing: give frequency or angular_frequency")
        return texture.angular_frequency
    Omega = 2.0 * math.pi * texture.frequency
    units = {} if reduced else {"angular_frequency": "rad/s"}
    derived = {"frequency": texture.frequency, "angular_frequency": Omega}
    matching(texture.model_dump(include=set(derived)), derived, "texture", notes, units)
    return Omega


def wave_number(texture: Precession, reduced: bool, notes: list[str]) -> float:
    """Wave number of a spiral or a modulated texture, 0 for the others [1/m, or 1/ℓ]."""
    if "wavenumber" not in type(texture).model_fields:
        return 0.0
    wavenumber: float | None = getattr(texture, "wavenumber", None)
    wavelength: float | None = getattr(texture, "wavelength", None)
    if wavenumber is None:
        if wavelength is None:
            raise InputError("texture: the period is missing: give wavenumber or wavelength")
        return 2.0 * math.pi / wavelength
    derived = {"wavenumber": wavenumber, "wavelength": 2.0 * math.pi / abs(wavenumber)}
    units = {} if reduced else {"wavelength": "m"}
    matching({"wavenumber": wavenumber, "wavelength": wavelength}, derived, "texture", notes, units)
    return wavenumber


def snapped(place: float, length: float) -> float:
    """Put a place onto a face that it misses by rounding only."""
    for face in (0.0, length):
        if abs(place - face) <= SAME_PLACE * length:
            return face
    return place


def memory_needed(cells: int, harmonics: int, time_bins: int, planes: int) -> int:
    """Bytes that a run needs: two channels and parts, three components, sums of every thread and of all."""
    columns = 2 * 2 * 3 * (1 + 2 * harmonics) * time_bins
    values = columns * (3 * cells + planes + 8)
    return _PROGRAM_BYTES + 8 * values * (12 + cores())


def memory_of_machine() -> int:
    """Bytes of memory of this machine."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _place(deck: Deck, value: float) -> str:
    """Write a place for a sentence."""
    return f"{value:.6g}" + ("" if deck.reduced else " m")


def _check_source(deck: Deck) -> None:
    """Either a texture, with what it needs, or a pulse."""
    if (deck.texture is None) == (deck.pulse is None):
        found = "neither" if deck.texture is None else "both"
        raise InputError(f"the deck has {found} of [texture] and [pulse]: give one of them")
    if deck.texture is not None and deck.electrons.exchange is None:
        raise InputError(
            "electrons.exchange is missing: give J of −J S·σ"
            + (" as Jτ/ħ" if deck.reduced else ', e.g. "50 meV"')
        )
    if deck.pulse is not None and snapped(deck.pulse.position, deck.sample.x.length) > deck.sample.x.length:
        raise InputError(
            f"pulse.position = {_place(deck, deck.pulse.position)} lies outside the sample, "
            f"which ends at {_place(deck, deck.sample.x.length)}"
        )


def _check_faces(deck: Deck) -> None:
    """Ask a periodic sample for two periodic faces and a periodic texture."""
    x = deck.sample.x
    if (x.left == "periodic") != (x.right == "periodic"):
        raise InputError(
            f"sample.x.left = {show(x.left)} and sample.x.right = {show(x.right)} cannot be: "
            f"either both faces are periodic or none"
        )
    if x.left != "periodic" or deck.texture is None or deck.texture.kind == "uniform":
        return
    if deck.texture.kind == "junction":
        raise InputError(
            'texture.kind = "junction" does not fit a periodic sample: accepted are uniform, spiral, '
            "modulated"
        )
    periods = abs(wave_number(deck.texture, deck.reduced, [])) * x.length / (2.0 * math.pi)
    if not math.isfinite(periods) or round(periods) < 1 or abs(periods - round(periods)) > 1e-9 * periods:
        raise InputError(
            f"sample.x.length = {_place(deck, x.length)} holds {periods:.10g} periods of the texture: "
            f"a periodic sample needs a whole number of them, at least 1"
        )


def _check_texture(deck: Deck) -> None:
    """Angles and places of a texture."""
    texture = deck.texture
    assert texture is not None
    if not 0.0 <= texture.cone_angle <= math.pi * (1.0 + 1e-12):
        raise InputError(
            f"texture.cone_angle = {math.degrees(texture.cone_angle):g} deg must lie between 0 and 180 deg"
        )
    if texture.kind == "junction" and not texture.interface < deck.sample.x.length:
        raise InputError(
            f"texture.interface = {_place(deck, texture.interface)} lies outside the sample, "
            f"which ends at {_place(deck, deck.sample.x.length)}"
        )


def _check_sizes(deck: Deck, gas: Electrons) -> None:
    """Refuse ratios that no sample has: they are slips of a unit, and would overflow later."""
    length, ell = deck.sample.x.length, gas.ell
    ratios = {
        "sample.x.length / ℓ": length / ell,
        "ℓ / sample.x.length": ell / length,
        "Jτ/ħ": gas.exchange_number,
        "τ/τ_sf": gas.tau / gas.tau_sf,
        "results.end / τ": (deck.results.end or 0.0) / gas.tau,
    }
    texture = deck.texture
    if texture is not None:
        ratios["wave number × ℓ"] = abs(wave_number(texture, deck.reduced, [])) * ell
        ratios["Ωτ"] = angular_frequency(texture, deck.reduced, []) * gas.tau
        ratios["|depth|"] = abs(getattr(texture, "depth", 0.0))
        ratios["|mean|"] = abs(getattr(texture, "mean", 0.0))
        ratios["|phase|"] = abs(getattr(texture, "phase", 0.0))
        ratios["ℓ / width"] = ell / (getattr(texture, "width", 0.0) or ell)
        ratios["width / ℓ"] = getattr(texture, "width", 0.0) / ell
    for name, ratio in ratios.items():
        if not ratio <= _RATIO_WINDOW:
            raise InputError(
                f"the deck has {name} = {ratio:.3g}, more than {_RATIO_WINDOW:g}: check the units"
            )


def _check_results(deck: Deck, gas: Electrons) -> None:
    """Channels, planes, sample mean; what belongs to a pulse only."""
    results, length = deck.results, deck.sample.x.length
    if not results.channels or len(set(results.channels)) < len(results.channels):
        raise InputError(
            f"results.channels = {show(list(results.channels))} must name first, second or both, each once"
        )
    previous = -math.inf
    for plane in sorted(results.planes):
        if snapped(plane, length) > length:
            raise InputError(
                f"results.planes holds {_place(deck, plane)}, outside the sample, which reaches from 0 to "
                f"{_place(deck, length)}"
            )
        if plane - previous <= SAME_PLACE * length:
            raise InputError(f"results.planes holds {_place(deck, plane)} twice: name each plane once")
        previous = plane
    if results.mean_density and not has_sink(deck, gas):
        raise InputError(
            "results.mean_density = true cannot be had: in a sample without a sink the mean of the DC "
            "density grows for ever; give an absorbing face or a spin_relaxation_time, or leave it out"
        )
    _check_pulse_results(deck)


def _check_pulse_results(deck: Deck) -> None:
    """Ask a pulse for its end; a periodic drive has none."""
    results = deck.results
    if deck.pulse is None:
        for key, value in (("end", results.end), ("time_bins", results.time_bins)):
            if value is not None:
                raise InputError(
                    f"results.{key} = {show(value)} belongs to a [pulse]: a texture's drive is periodic"
                )
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


def _check_stop(deck: Deck, gas: Electrons) -> None:
    """Ask the stop rule for a result that there is, at a place where it is."""
    stop = deck.run.stop
    if stop is None:
        return
    if deck.pulse is not None:
        raise InputError("run.stop cannot be used with a [pulse]: it names a harmonic of a periodic drive")
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
        if words[3] == "dc" and words[1] != "local" and not has_sink(deck, gas):
            raise InputError(
                f"run.stop.quantity = {show(stop.quantity)} cannot be had: without an absorbing face or a "
                f"spin_relaxation_time the DC density is infinite"
            )
        if snapped(stop.at, length) > length:
            raise InputError(f"run.stop.at = {_place(deck, stop.at)} lies outside the sample")
    elif not any(abs(stop.at - plane) <= SAME_PLACE * length for plane in deck.results.planes):
        planes = ", ".join(_place(deck, plane) for plane in deck.results.planes) or "none yet"
        raise InputError(
            f"run.stop.at = {_place(deck, stop.at)} must be one of results.planes ({planes}) "
            f"for a spin current"
        )


def _check_memory(deck: Deck) -> None:
    """Ask whether the mesh fits into the machine."""
    results = deck.results
    cells, bins = deck.sample.x.cells, results.time_bins or 1
    needed = memory_needed(cells, results.harmonics, bins, len(results.planes))
    available = memory_of_machine()
    if needed > available:
        mesh = f"sample.x.cells = {cells}" + (f" with results.time_bins = {bins}" if bins > 1 else "")
        raise InputError(
            f"{mesh} needs about {needed / 1e9:.3g} GB of memory, and this machine has "
            f"{available / 1e9:.3g} GB: choose fewer"
        )
