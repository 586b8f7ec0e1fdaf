"""Lines of the table on the damping that a magnet gains from pumping, beside what Tserkovnyak, Brataas and Bauer say."""

from __future__ import annotations

import math
from typing import NamedTuple

from mcpump.deck.read import Deck, deck_from_dict
from mcpump.deck.sections import Magnet, face_numbers
from mcpump.deck.textures import Junction, Penetration
from mcpump.errors import McpumpError
from mcpump.report.words import at_plane, headline_of, is_fitted, number, place, tied, wrap
from mcpump.tally.estimates import Estimate, Result
from mcpump.theory.boundary_layer import face_resistance, interface_resistance
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


class Pumped(NamedTuple):
    """Mixing conductance found somewhere."""

    x: float
    """Where what flows on begins [m]."""
    where: str
    g: Estimate


def damping_lines(result: Result) -> list[str]:
    """Lines of the table; none without [magnet], or where no DC spin current is known."""
    deck = _deck(result)
    if deck is None or deck.magnet is None:
        return []
    found = [*_of_torque(result, deck), *_of_planes(result, deck)]
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
        f"TBB: Tserkovnyak, Brataas and Bauer, if the metal took all spin that arrives, g_Sh, back flow counted"
    )
    for pumped in found:
        lines += wrap(f"  {tied(pumped.where)}: {', '.join(_texts(pumped, deck, magnet))}")
    return lines


def _deck(result: Result) -> Deck | None:
    """Deck of a run; None where it cannot be read any more."""
    try:
        return deck_from_dict(result.deck, result.name) if "magnet" in result.deck else None
    except (McpumpError, ValueError):
        return None


def _of_planes(result: Result, deck: Deck) -> list[Pumped]:
    """Mixing conductances at the planes, from a junction's interface on."""
    dc = result.estimates.get("mixing_conductance_dc")
    if dc is None or not is_fitted(result):
        return []
    first = deck.texture.interface if isinstance(deck.texture, Junction) else 0.0
    planes = [x for x in dc.places("plane") if x >= first - _SAME * deck.sample.x.length]
    found = [Pumped(x, f"through {at_plane(result, x)}", dc.sel(plane=x)) for x in planes]
    return [one for one in found if math.isfinite(one.g.mean)]


def _of_torque(result: Result, deck: Deck) -> list[Pumped]:
    """Mixing conductance of all spin that a magnet beside the metal gives it: the DC torque on its electrons."""
    g = result.estimates.get("mixing_conductance_torque")
    if g is None or not isinstance(deck.texture, Penetration):
        return []
    return [Pumped(0.0, "torque on all electrons", g)]


def _texts(pumped: Pumped, deck: Deck, magnet: Magnet) -> list[str]:
    """The run's numbers, and TBB's."""

    def damping(g: float) -> float:
        return float(extra_damping(g, magnet.saturation_magnetization, magnet.thickness, magnet.g_factor))

    g, error = float(pumped.g.mean), math.nan if pumped.g.stderr is None else float(pumped.g.stderr)
    texts = [
        tied(f"g = {_in_tens(g, error)} /m²"),
        tied(f"α' = {_in_tens(damping(g), damping(error))}"),
    ]
    stages, end = _beyond(deck, pumped.x)
    if stages:
        sharvin = sharvin_conductance(stages[0].medium)
        R = back_flow_resistance(stages, end)
        plain, corrected = (
            float(with_back_flow(g, R)) for g in (sharvin, float(without_contact(sharvin, stages[0].medium)))
        )
        texts.append(
            tied(f"TBB g_Sh = {sharvin:.3g} /m², g_eff = {plain:.3g} /m², α' = {damping(plain):.3g},")
            + " "
            + tied(f"with Schep's correction {corrected:.3g} /m², {damping(corrected):.3g}")
        )
    return texts


def _in_tens(mean: float, error: float) -> str:
    """Number with a power of ten taken out."""
    size = max(abs(mean), abs(error) if math.isfinite(error) else 0.0)
    power = math.floor(math.log10(size)) if size > 0.0 else 0
    return f"({number(mean * 10.0**-power, error * 10.0**-power)})e{power}"


def _beyond(deck: Deck, x: float) -> tuple[list[Stage], float]:
    """Layers from a place on, and the resistance of the far face; nothing where the sample has no end there."""
    right = deck.sample.x.right
    length, gas = deck.sample.x.length, deck.gas
    if right == "periodic" or x >= length * (1.0 - _SAME):
        return [], math.inf
    layers = deck.media
    starts = [layer.start * gas.ell for layer in layers]
    mediums = [
        Medium(layer.v * gas.v_F, gas.tau / layer.rate, gas.exchange_unit, layer.nu * gas.nu,
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
