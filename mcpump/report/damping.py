"""Lines of the table on the damping that a magnet gains from pumping, beside what Tserkovnyak, Brataas and Bauer say."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from mcpump.deck.layer import passing_of
from mcpump.deck.read import Deck, deck_from_dict
from mcpump.deck.sections import Magnet, face_numbers
from mcpump.errors import McpumpError
from mcpump.report.words import (
    at_plane,
    headline_of,
    in_tens,
    is_fitted,
    place,
    tied,
    told_channel,
    wrap,
    written,
)
from mcpump.tally.estimates import Estimate, Result
from mcpump.theory.boundary_layer import face_resistance, interface_resistance
from mcpump.theory.half_space import magnet_between_metals, thick_metal_resistance
from mcpump.theory.medium import Medium
from mcpump.theory.pumping import (
    Stage,
    back_flow_resistance,
    extra_damping,
    sharvin_conductance,
    with_back_flow,
    without_contact,
)

_SAME = 1e-9
_IDEAL = (
    "If the metal took all spin that arrives, g_Sh, back flow counted: TBB, of Tserkovnyak, Brataas and Bauer, where "
    "spins diffuse; exact, for any ℓ/λ_s"
)
_FACE = (
    "What the face's g makes of it, back flow counted: TBB, of Tserkovnyak, Brataas and Bauer, where spins diffuse; "
    "exact, for any ℓ/λ_s"
)
_INTERFACE = (
    "What the interface's g of both sides makes of it between metals that are thick beside λ_s, back flow counted: "
    "exact, for any ℓ/λ_s"
)
_THICK = 3.0
"""Thickness over λ_s from which coth differs from 1 by less than 1 %."""


class Pumped(NamedTuple):
    """Mixing conductance found somewhere, and what follows from it."""

    x: float
    """Where what flows on begins [m]."""
    where: str
    g: Estimate
    damping: Estimate
    field: Estimate
    """Linewidth in field [T]."""
    frequency: Estimate
    """Linewidth in frequency [Hz]."""


def damping_lines(result: Result) -> list[str]:
    """Lines of the table; none without [magnet], or where no DC spin current is known."""
    deck = deck_of(result)
    if deck is None or deck.magnet is None:
        return []
    found = [*_of_torque(result), *_of_planes(result)]
    if not found:
        return []
    channel = headline_of(result)
    if not channel.holds:
        return wrap(
            f'Extra damping α\' is not told: {channel.title}; "exact" in results.channels holds for any Jτ/ħ'
        )
    magnet = deck.magnet
    lines = wrap(
        f"Extra damping α' = γħg/(4πM_s t), M_s = {magnet.saturation_magnetization * 1e-3:.6g} kA/m, "
        f"t = {place(magnet.thickness, 'm')}, g = 4πb/ħ of the DC spin current, {channel.title}; "
        f"linewidths at half maximum, μ₀ΔH = 2α'Ω/γ, Δf = α'Ω/π. {_compared(deck)}"
    )
    for pumped in found:
        lines += wrap(f"  {tied(pumped.where)}: {', '.join(_texts(pumped, deck, magnet))}")
    return lines


def _compared(deck: Deck) -> str:
    """With what the lines compare."""
    if not deck.magnet_outside:
        return _IDEAL
    return _INTERFACE if any(layer.magnetic for layer in deck.media) else _FACE


def back_flow_lines(result: Result) -> list[str]:
    """What an ideal interface at the planes would pump, of a run in SI without [magnet], else `damping_lines` tell it."""
    deck = deck_of(result)
    if deck is None or deck.magnet is not None or deck.reduced or not is_fitted(result):
        return []
    if deck.magnet_outside:  # what passes planes in the metal has met the face
        return []
    b = told_channel(result, "pumping_b")
    planes = [x for x in b.places("plane") if math.isfinite(b.sel(plane=x).mean)]
    found = [(x, ideal_conductances(deck, x)) for x in planes]
    texts = [
        f"{tied(at_plane(result, x))} {', '.join(_ideal_texts(ideal))}"
        for x, ideal in found
        if ideal is not None
    ]
    return wrap(f"{_IDEAL}: {'; '.join(texts)}") if texts else []


def deck_of(result: Result) -> Deck | None:
    """Deck of a run; None where it cannot be read any more."""
    try:
        return deck_from_dict(result.deck, result.name)
    except (McpumpError, ValueError):
        return None


NAMES = ("extra_damping", "linewidth_field", "linewidth_frequency")


def _of_planes(result: Result) -> list[Pumped]:
    """Mixing conductances at the planes, from a junction's interface on."""
    if not is_fitted(result) or "extra_damping" not in result.estimates:
        return []
    every = [told_channel(result, name) for name in ("mixing_conductance_dc", *NAMES)]
    found = [
        Pumped(x, f"through {at_plane(result, x)}", *(one.sel(plane=x) for one in every))
        for x in every[0].places("plane")
    ]
    return [one for one in found if math.isfinite(one.damping.mean)]


def _of_torque(result: Result) -> list[Pumped]:
    """Mixing conductance of all spin that a magnet beside the metal gives it: the DC torque on its electrons."""
    if "extra_damping_torque" not in result.estimates:
        return []
    every = [told_channel(result, f"{name}_torque") for name in ("mixing_conductance", *NAMES)]
    return [Pumped(0.0, "torque on all electrons", *every)]


def _texts(pumped: Pumped, deck: Deck, magnet: Magnet) -> list[str]:
    """The run's numbers, TBB's, and the exact ones of a thick metal."""
    ideal = _ideal_of(pumped, deck)
    both = between_conductances(deck) if pumped.x == 0.0 else None
    return [
        tied(f"g = {in_tens(pumped.g)} /m²"),
        tied(f"α' = {in_tens(pumped.damping)}"),
        tied(f"μ₀ΔH = {written(pumped.field, 1e3)} mT"),
        tied(f"Δf = {written(pumped.frequency, 1e-6)} MHz"),
        *(_ideal_texts(ideal, magnet) if ideal else []),
        *(_between_texts(both, magnet) if both else []),
    ]


def _ideal_of(pumped: Pumped, deck: Deck) -> Ideal | None:
    """What to compare with: an ideal interface, or, of all that an insulating magnet at the left gives, its face."""
    if not deck.magnet_outside:
        return ideal_conductances(deck, pumped.x)
    if any(layer.magnetic for layer in deck.media):
        return None
    left, right = deck.reflection
    return ideal_conductances(deck, 0.0, 1.0 - left) if pumped.x == 0.0 and right == 1.0 else None


class Between(NamedTuple):
    """Mixing conductances of a magnet between two metals, both sides together [1/m²]."""

    g: float
    """Without back flow, the part that takes spin from the magnet."""
    exact: float
    """Of metals that are thick beside λ_s."""
    depths: tuple[float, float]
    """Thicknesses of the metals over λ_s."""


def between_conductances(deck: Deck) -> Between | None:
    """What a magnet between two metals pumps into both.

    Parameters
    ----------
    deck : Deck
        In SI.

    Returns
    -------
    Between or None
        None of other samples, and without relaxation.
    """
    if len(deck.media) != 2 or not deck.media[1].magnetic or deck.gas.dimension != 3 or deck.gas.mean_cosine:
        return None
    if min(layer.gamma_sf for layer in deck.media) == 0.0:
        return None
    gas, (left, right) = deck.gas, deck.media
    mediums = [
        Medium(layer.v * gas.v_F, gas.tau / layer.rate, gas.exchange_unit, layer.nu * gas.nu, gas.tau / layer.gamma_sf)
        for layer in (left, right)
    ]  # fmt: skip
    passing = passing_of(left, right)
    R = tuple(kept * (1.0 - T) for kept, T in zip(right.kept, passing, strict=True))
    each = [
        sharvin_conductance(medium) * (1.0 - r - right.passed * T)
        for medium, r, T in zip(mediums, R, passing, strict=True)
    ]
    exact = magnet_between_metals(
        (R[0], R[1]), right.passed * passing[0], (mediums[0], mediums[1]), deck.angular_frequency or 0.0
    )
    ends = right.start * gas.ell, deck.sample.x.length
    depths = [
        thickness / math.sqrt(medium.D * medium.tau_sf)
        for thickness, medium in zip((ends[0], ends[1] - ends[0]), mediums, strict=True)
    ]
    return Between(_real(sum(each)), _real(sum(exact)), (depths[0], depths[1]))


def _between_texts(both: Between, magnet: Magnet) -> list[str]:
    """The same in words."""
    thin = min(both.depths) <= _THICK
    of = f", not of {both.depths[0]:.2g} and {both.depths[1]:.2g} λ_s," if thin else ""
    return [
        tied(f"g_r of the interface = {both.g:.3g} /m²"),
        f"exact between thick metals{of} {tied(_told(both.exact, magnet))}",
    ]


def _told(g: float, magnet: Magnet | None) -> str:
    """A conductance, with the damping that it makes of a magnet."""
    if magnet is None:
        return f"{g:.3g} /m²"
    of = extra_damping(g, magnet.saturation_magnetization, magnet.thickness, magnet.g_factor)
    return f"{g:.3g} /m² (α' = {float(of):.3g})"


def _ideal_texts(ideal: Ideal, magnet: Magnet | None = None) -> list[str]:
    """Conductances of an ideal interface, with the damping that they make of a magnet."""
    texts = [tied(f"{ideal.name} = {ideal.g:.3g} /m²"), tied(f"TBB g_eff = {_told(ideal.diffusive, magnet)}")]
    if ideal.exact is not None:
        thick = "" if ideal.depth > _THICK else f", not of {ideal.depth:.2g} λ_s,"
        texts.append(f"exact for a thick metal{thick} {tied(_told(ideal.exact, magnet))}")
    elif ideal.corrected is not None:
        texts.append(f"TBB with Schep's correction {tied(_told(ideal.corrected, magnet))}")
    return texts


class Ideal(NamedTuple):
    """Effective mixing conductances of an interface, back flow counted [1/m²]."""

    name: str
    g: float
    """Without back flow: g_Sh of an interface that takes all spin that arrives, g_r of another."""
    diffusive: float
    """Of Tserkovnyak, Brataas and Bauer, layers as spins diffuse through them."""
    corrected: float | None
    """The same with Schep's correction; None where it takes away more than the layers have (ℓ near λ_s)."""
    exact: float | None
    """Of a metal that is thick beside λ_s, for any ℓ/λ_s; None for several layers, and without relaxation."""
    depth: float
    """Thickness of the first layer over its λ_s = √(Dτ_sf)."""


def ideal_conductances(deck: Deck, x: float, share: complex = 1.0) -> Ideal | None:
    """What an interface at a place pumps; None where the sample has no end behind it.

    Parameters
    ----------
    deck : Deck
        In SI.
    x : float
        Where what flows on begins [m].
    share : complex
        g/g_Sh of the interface; 1: it takes all spin that arrives.

    Returns
    -------
    Ideal or None
    """
    stages, end = _beyond(deck, x)
    if not stages:
        return None
    medium = stages[0].medium
    sharvin, R = sharvin_conductance(medium), back_flow_resistance(stages, end)
    diffusive, corrected = (
        _real(with_back_flow(g, R)) for g in (share * sharvin, without_contact(share * sharvin, medium))
    )
    isotropic = medium.dimension == 3 and deck.gas.mean_cosine == 0.0
    alone = len(stages) == 1 and math.isfinite(medium.tau_sf) and isotropic
    layer = deck.media[-1]
    scattered = medium._replace(tau=deck.gas.tau / layer.rate)
    exact = _real(with_back_flow(share * sharvin, thick_metal_resistance(scattered))) if alone else None
    depth = stages[0].thickness / math.sqrt(medium.D * medium.tau_sf)
    name, g = ("g_Sh", sharvin) if share == 1.0 else ("g_r of the face", _real(share * sharvin))
    return Ideal(name, g, diffusive, corrected if corrected < g else None, exact, depth)


def _real(g: Any) -> float:
    """Part of a conductance that takes spin from the magnet."""
    return float(np.real(g))


def _beyond(deck: Deck, x: float) -> tuple[list[Stage], float]:
    """Layers from a place on, and the resistance of the far face; nothing where the sample has no end there."""
    right = deck.sample.x.right
    length, gas = deck.sample.x.length, deck.gas
    if right == "periodic" or x >= length * (1.0 - _SAME):
        return [], math.inf
    layers = deck.media
    starts = [layer.start * gas.ell for layer in layers]
    if any(layer.flip and start >= x - _SAME * length for layer, start in zip(layers, starts, strict=True)):
        return [], math.inf  # what loses spin in passing is no resistance
    mediums = [
        Medium(layer.v * gas.v_F, gas.tau / layer.transport, gas.exchange_unit, layer.nu * gas.nu,
               gas.tau / layer.gamma_sf if layer.gamma_sf > 0.0 else math.inf)
        for layer in layers
    ]  # fmt: skip
    stages: list[Stage] = []
    for i, (start, stop) in enumerate(zip(starts, [*starts[1:], length], strict=True)):
        if stop <= x + _SAME * length:
            continue
        jump, layer = 0.0, layers[i]
        if stages:
            jump = interface_resistance(
                mediums[i - 1], mediums[i], layer.transmission, layer.specularity, layer.straight
            )
        stages.append(Stage(mediums[i], stop - max(start, x), jump))
    absorption, specularity = face_numbers(right)
    return stages, face_resistance(mediums[-1], absorption, specularity)
