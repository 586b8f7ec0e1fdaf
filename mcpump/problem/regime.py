"""Regime numbers of a problem, and what they warn of."""

from __future__ import annotations

import math

from mcpump.deck.charge_rules import charge_notes, walks_charge
from mcpump.deck.deck import Deck
from mcpump.deck.layer import layer_mechanisms
from mcpump.deck.spin_orbit import fastest_turn, impurity_strength, splitting
from mcpump.deck.textures import Junction, Modulated, Spiral, Uniform
from mcpump.problem.headline import SMALL
from mcpump.problem.texture_length import texture_length
from mcpump.theory import ladder_gap

Regime = dict[str, tuple[float, str, str]]


def regime_numbers(deck: Deck) -> Regime:
    """Regime numbers of a deck.

    Parameters
    ----------
    deck : Deck
        A checked deck.

    Returns
    -------
    dict
        Name → (value, unit, what it is). NaN: unknown, or, as all that tells of a texture, without
        meaning for a pulse.
    """
    gas, length = deck.gas, texture_length(deck).length
    Omega = math.nan if deck.angular_frequency is None else deck.angular_frequency * gas.tau
    gamma_sf = gas.tau / gas.tau_sf
    inverse = math.inf if length == 0.0 else gas.ell / length
    exchange = gas.exchange_number if deck.texture else math.nan
    turns = 2.0 * exchange
    unit_D, unit_sigma = ("ell^2/tau", "") if deck.reduced else ("m^2/s", "S/m")
    one_ladder = math.nan
    if _is_one_wave(deck):
        # in units of the scattering that keeps the spin
        kept = deck.media[0].rate
        gamma = complex(kept + gamma_sf, 0.0 if math.isnan(Omega) else Omega) / kept
        gap = abs(complex(ladder_gap(inverse / kept, gamma, gas.dimension)))
        one_ladder = turns / kept / gap if gap else math.inf
    return (
        {
            "ell/lambda": (inverse, "", "mean free path over the length scale of the texture"),
            "J tau/hbar": (exchange, "", "turn of a spin in one lifetime, halved"),
            "Omega tau": (Omega, "", "angular frequency times lifetime"),
            "tau/tau_sf": (gamma_sf, "", "lifetime over spin relaxation time"),
            "k_F ell": (gas.k_F * gas.ell, "", "Fermi wave number times mean free path"),
            "D": (gas.D, unit_D, "diffusion coefficient"),
            "sigma": (gas.sigma, unit_sigma, "conductivity 2e²νD"),
            "one-ladder number": (
                one_ladder,
                "",
                "(2Jτ/ħ)/|1 − K(1/λ, Ω)| of one plane wave, small where one ladder is enough",
            ),
            "turn angle": (
                turns * _stay(deck, length),
                "rad",
                f"turn of a spin within {_stay_name(deck)}, its stay unless it comes back",
            ),
        }
        | _of_layers(deck, length)
        | _of_spin_orbit(deck)
        | _of_precession(deck)
        | _of_angles(deck)
    )


def _of_layers(deck: Deck, length: float) -> Regime:
    """ℓ/λ of every layer behind the first."""
    gas = deck.gas
    return {
        f"ell/lambda {i + 2}": (
            math.inf if length == 0.0 else layer.v / layer.collisions * gas.ell / length,
            "",
            f"the same in layer {i + 2}" + (f", {section.name}" if section.name else ""),
        )
        for i, (section, layer) in enumerate(zip(deck.layer, deck.media[1:], strict=True))
    }


def _of_spin_orbit(deck: Deck) -> Regime:
    """Strengths of the spin-orbit coupling, in the layer where they are largest; empty without [spin_orbit]."""
    gas, coupling, numbers = deck.gas, deck.spin_orbit, Regime()
    stack = deck.layers
    if coupling is not None and coupling.rotation:
        turn = max(fastest_turn(layer) / layer.collisions for layer in stack)
        numbers["Omega_so tau"] = (turn, "", "turn of a spin about spin-orbit fields in one lifetime")
        share = max(splitting(gas, layer) for layer in stack)
        numbers["E_so k_F/eps_F"] = (share, "", "spin-orbit splitting, halved, over ε_F")
    elif coupling is not None and coupling.rashba is not None:
        # −2E_so/(ħv_F) is a layer's number
        E_so = max(0.5 * math.hypot(*layer.rashba) / layer.collisions for layer in stack)
        numbers["E_so k_F tau/hbar"] = (
            E_so * gas.k_F * gas.ell,
            "",
            "Rashba splitting, halved, times lifetime",
        )
    if coupling is not None and coupling.impurity is not None:
        strongest = max(stack, key=lambda layer: abs(layer.impurity))
        angle = 0.5 * strongest.impurity
        numbers["lambda_so k_F^2"] = (
            impurity_strength(angle, gas, strongest),
            "",
            "spin-orbit over plain scattering amplitude of an impurity",
        )
        numbers["theta_SH"] = (angle, "", "spin Hall angle 2λ_so k_F²/(k_F ℓ) that it amounts to")
    if coupling is not None and coupling.skew is not None:
        angle = max((layer.skew for layer in stack), key=abs)
        numbers["theta_SH skew"] = (
            angle,
            "",
            f"spin Hall angle of skew scattering, asymmetry {gas.dimension}θ_SH",
        )
    return numbers


def _of_precession(deck: Deck) -> Regime:
    """Turn between collisions of what relaxes spin by precession, where it is largest; empty where nothing does."""
    gas = deck.gas
    found = [gas.dyakonov_perel * gas.tau]
    for i, (section, layer) in enumerate(zip(deck.layer, deck.media[1:], strict=True)):
        own = layer_mechanisms(section, gas, f"layer[{i}]")
        found.append(own.dyakonov_perel * gas.tau / layer.collisions)
    told = "turn of a spin in one lifetime by which it relaxes (Dyakonov and Perel)"
    return {"Omega_DP tau": (max(found), "", told)} if any(found) else {}


def _of_angles(deck: Deck) -> Regime:
    """Transport mean free path, where it is another than that between collisions."""
    gas = deck.gas
    if not gas.mean_cosine:
        return {}
    told = "transport mean free path ℓ/(1 − ⟨cos⟩), which D and σ are of"
    return {"ell_tr": (gas.ell / (1.0 - gas.mean_cosine), "ell" if deck.reduced else "m", told)}


def _is_one_wave(deck: Deck) -> bool:
    """Whether the texture has one wave number, in a sample without layers and faces: then its ladder is known."""
    faces = [face for axis in deck.axes.values() for face in (axis.left, axis.right)]
    endless = not deck.layer and not deck.gas.mean_cosine and all(face == "periodic" for face in faces)
    texture = deck.texture
    alone = isinstance(texture, Uniform | Spiral) or (isinstance(texture, Modulated) and texture.mean == 0.0)
    return endless and alone


def _stay_name(deck: Deck) -> str:
    """Name what limits the stay in the texture."""
    if deck.texture is not None and deck.texture.kind == "junction":
        return "min((length of the magnet)²/D, τ_sf)"
    return "min(λ²/D, τ_sf)"


def _stay(deck: Deck, length: float) -> float:
    """Stay of a spin in the texture [τ]; in a junction it is the magnet, not the width, that holds it."""
    gas = deck.gas
    if deck.texture is None:
        return math.nan
    extent = deck.texture.interface if deck.texture.kind == "junction" else length
    scaled = extent / gas.ell
    return min(scaled * scaled * gas.dimension * (1.0 - gas.mean_cosine), gas.tau_sf / gas.tau)


def _beside_exact(deck: Deck) -> str:
    """What of a run does not hold where Jτ/ħ is not small."""
    others = [f"`{name}`" for name in deck.results.channels if name != "exact"]
    do = "does" if len(others) == 1 else "do"
    charge = ", nor does the charge that follows from it" if walks_charge(deck) else ""
    return f"; `exact` holds, {' and '.join(others)} {do} not{charge}"


def warnings_and_notes(deck: Deck, regime: Regime) -> tuple[list[str], list[str]]:
    """Sentences on regime numbers that are not small.

    Parameters
    ----------
    deck : Deck
        A checked deck.
    regime : dict
        Its `regime_numbers`.

    Returns
    -------
    (list of str, list of str)
        Warnings (the theory is outside its range) and notes (worth knowing).
    """
    number = {key: entry[0] for key, entry in regime.items()}
    channels = set(deck.results.channels)
    # `exact` holds for any turn between two scatterings
    small = [("Omega tau", "Ωτ")] if channels == {"exact"} else [("J tau/hbar", "Jτ/ħ"), ("Omega tau", "Ωτ")]
    warnings = [
        f"{name} = {number[key]:.3g} is not small: the theory is of lowest order in it"
        + (_beside_exact(deck) if key == "J tau/hbar" and "exact" in channels else "")
        for key, name in small
        if number[key] > SMALL
    ]
    if 1.0 / number["k_F ell"] > SMALL:
        warnings.append(f"1/(k_F ℓ) = {1.0 / number['k_F ell']:.3g} is not small: the walk wants k_F ℓ ≫ 1")
    for key, name in (
        ("E_so k_F tau/hbar", "E_so k_F τ/ħ"),
        ("lambda_so k_F^2", "λ_so k_F²"),
        ("theta_SH", "θ_SH"),
        ("theta_SH skew", "θ_SH of skew scattering"),
    ):
        if abs(number.get(key, 0.0)) > SMALL:
            warnings.append(f"{name} = {number[key]:.3g} is not small: charge is of first order in it")
    if number.get("E_so k_F/eps_F", 0.0) > SMALL:
        warnings.append(
            f"E_so k_F/ε_F = {number['E_so k_F/eps_F']:.3g} is not small: both spins of the walk have one velocity"
        )
    if number.get("Omega_DP tau", 0.0) > SMALL:
        warnings.append(
            f"dyakonov_perel: Ωτ = {number['Omega_DP tau']:.3g} is not small: 1/τ_sf = Ω²τ wants many collisions a turn"
        )
    notes = charge_notes(deck)
    ends = texture_length(deck).ends
    if ends:
        where = " and ".join(f"{name} (over {deck.place_text(extent)})" for name, extent in ends.items())
        notes.append(
            f"the magnet ends within the sample along {where}: ℓ/λ leaves its surface out, but λ is taken to be no "
            "longer than the magnet"
        )
    if isinstance(deck.texture, Junction) and deck.texture.width == 0.0:
        notes.append("the interface is sharp: λ = 0, so ℓ/λ is infinite")
    ladder = _ladder_sentence(channels, number)
    if ladder.startswith("spins"):
        notes.append(ladder)
    elif ladder:
        warnings.append(ladder)
    if {"second", "second_ladder"} <= channels and number["J tau/hbar"] > 0.0:
        notes.append(_between(number))
    return warnings, notes


def _ladder_sentence(channels: set[str], number: dict[str, float]) -> str:
    """What one ladder leaves out; empty where `second` is not walked, or it is little."""
    if "second" not in channels:
        return ""
    size, turn, lasting = number["one-ladder number"], number["turn angle"], math.inf
    if number["tau/tau_sf"] > 0.0:
        lasting = 2.0 * number["J tau/hbar"] / number["tau/tau_sf"]
    known = not math.isnan(size)
    if not (size if known else lasting) > SMALL:
        return ""
    told = f"(2Jτ/ħ)/(1 − K) = {size:.3g}"
    if known and turn <= 1.0:
        return f"{told} is not small: `second` keeps one ladder (the paper), a second one would matter"
    if not known:
        # faces, interfaces and the metal beside a magnet send spins back: how often is not known before the walk
        told = ("or more" if math.isinf(lasting) else f"up to {lasting:.3g} rad") + " where they come back"
    stay = "during their stay" + (f", {told}" if known or turn < lasting else "")
    others = "" if "exact" in channels else '; "exact" in results.channels keeps all orders'
    return f"spins turn {turn:.3g} rad {stay}: `second` keeps one ladder (the paper){others}"


def _between(number: dict[str, float]) -> str:
    """What `second_ladder` has that `second` has not; how much is known for a plane wave alone."""
    factor = number["one-ladder number"] / (2.0 * number["J tau/hbar"])
    size = "" if math.isnan(factor) else f"is about {factor:.4g} times `second`, 1/|1 − K(1/λ, Ω)|: it "
    return (
        f"`second_ladder` {size}has a ladder between the two exchange vertices as well, spins that scatter and come back "
        f"turn again"
    )
