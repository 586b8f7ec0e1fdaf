"""Layers of a stack along x in reduced units, from [electrons] and every [[layer]]."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from mcpump.constants import E_CHARGE
from mcpump.deck.electrons import (
    MECHANISM_KEYS,
    SCATTERING_KEYS,
    SPIN_KEYS,
    UNITS,
    Electrons,
    Mechanisms,
    lifetime_of,
    match_scattering,
    mechanisms_of,
    relaxation_time,
)
from mcpump.deck.mixing import mixing_of, sharvin_of
from mcpump.errors import InputError
from mcpump.theory.boundary_layer import memory_loss

if TYPE_CHECKING:
    from mcpump.deck.sections import LayerSection

SAME_PLACE = 1e-9
"""Places closer than this share of the sample's length are one place."""
_ROUNDING = 1e-12
Vector = tuple[float, float, float]


class Layer(NamedTuple):
    """One layer of a stack along x, and the interface at its start, in reduced units of the reference electrons."""

    start: float
    """Where it begins [ℓ]; it reaches to the next layer's start or to the end of the sample."""
    v: float
    """Fermi velocity [v_F]."""
    rate: float
    """Rate of impurity scattering of spins [1/τ]: of collisions less what these take of the spin, (1 − 2p)/τ."""
    gamma_sf: float
    """Rate of spin relaxation [1/τ], in flight and at collisions; 0 for none."""
    nu: float
    """Density of states [ν]."""
    transmission: float
    """Probability T that a walker passes the interface at `start`, on the side of the smaller ν v; on the other side it
    is T ν₁v₁/(ν₂v₂), so that detailed balance ν₁v₁T₁₂ = ν₂v₂T₂₁ holds. Without meaning for the first layer."""
    specularity: float
    """Share of the reflections at that interface that are specular; the rest is diffuse."""
    straight: bool
    """True: who passes flies straight on; False: leaves by the cosine law, which counts as a scattering."""
    rashba: Vector = (0.0, 0.0, 0.0)
    """−2E_so [ħv_F]: a first flight's charge velocity is `rashba` × s."""
    impurity: float = 0.0
    """a_imp = 2θ_SH: a first flight's charge velocity is a_imp ε_ijα v_j s^α."""
    hall: Vector = (0.0, 0.0, 0.0)
    """σ_SH E [ħνJ v_F]: the electric field drives the spin current J_i^α = ε_ijα hall_j."""
    angle: float = 0.0
    """θ_SH of the inverse spin Hall formula; 0: the layer converts nothing."""
    flip: float = 0.0
    """Probability that who passes the interface at `start` loses its spin."""
    flip_rate: float = 0.0
    """Part of `gamma_sf` that collisions take, 2p/τ [1/τ]."""

    passed: complex = 1.0
    """T×/T of the interface at `start`, T× = t↑t↓*: what becomes of spin across the magnetization of a magnet in it."""
    kept: tuple[complex, complex] = (1.0, 1.0)
    """R/(1 − T), R = r↑r↓*: the same of who is sent back, to the left and to the right."""
    mean_cosine: float = 0.0
    """Mean cosine of the angles by which impurities scatter, the same in all layers."""
    skew: float = 0.0
    """θ_SH of skew scattering: a collision sends v̂ to v̂′ with the probability (1/4π)[1 + dθ_SH ŝ·(v̂ × v̂′)]."""
    turn: tuple[float, ...] = (0.0,) * 9
    """Rows of the matrix M of Ω_so = M k̂ [1/τ], about which spins turn in a flight along k̂: ds/dt = s × Ω_so."""

    @property
    def collisions(self) -> float:
        """Rate of impurity collisions [1/τ], which ℓ and τ are of; `rate` where they leave the spin alone."""
        return self.rate + self.flip_rate

    @property
    def magnetic(self) -> bool:
        """Whether a magnet is in the interface at `start`."""
        return self.passed != 1.0 or self.kept != (1.0, 1.0)

    @property
    def transport(self) -> float:
        """Rate at which collisions take momentum [1/τ], which D and σ are of."""
        return self.collisions * (1.0 - self.mean_cosine)


def media_of(
    gas: Electrons, sections: Sequence[LayerSection], reduced: bool, notes: list[str]
) -> tuple[Layer, ...]:
    """[electrons] and every [[layer]], in units of the reference electrons, without spin-orbit numbers.

    [electrons] fills the sample up to the first layer's start.

    Parameters
    ----------
    gas : Electrons
        The electron gas of [electrons].
    sections : sequence of LayerSection
        The deck's [[layer]], in order.
    reduced : bool
        True for a deck in reduced units.
    notes : list of str
        Gets a sentence where a layer says the same thing twice.

    Returns
    -------
    tuple of Layer
        The first starts at 0.

    Raises
    ------
    InputError
        If two keys of a layer disagree.
    """
    flipped = gas.mechanisms.flipped
    reference = Layer(
        0.0, 1.0, 1.0 - flipped, gas.tau / gas.tau_sf, 1.0, 1.0, 1.0, True, flip_rate=flipped,
        mean_cosine=gas.mean_cosine,
    )  # fmt: skip
    media = [reference, *(_layer(section, i, gas, reduced, notes) for i, section in enumerate(sections))]
    for i, section in enumerate(sections):
        passing = _memory_loss(section, f"layer[{i}]", media[i], media[i + 1], gas, reduced)
        if passing is not None:
            media[i + 1] = media[i + 1]._replace(transmission=passing[0], flip=passing[1])
        left, right = media[i : i + 2]
        sharvin = [sharvin_of(gas.nu * one.nu, gas.v_F * one.v) for one in (left, right)]
        mixing = mixing_of(section, f"layer[{i}]", passing_of(left, right), (sharvin[0], sharvin[1]))
        if mixing is not None:
            media[i + 1] = right._replace(passed=mixing.passed, kept=mixing.kept)
    return tuple(media)


def passing_of(left: Layer, right: Layer) -> tuple[float, float]:
    """Probabilities to pass the interface between two layers to the right and to the left, ν₁v₁T₁₂ = ν₂v₂T₂₁."""
    a, b = left.nu * left.v, right.nu * right.v
    forth, back = (right.transmission * min(a, b) / one for one in (a, b))
    return forth, back


def _layer(section: LayerSection, number: int, gas: Electrons, reduced: bool, notes: list[str]) -> Layer:
    """One layer: what is not given is that of [electrons]; the mean free path stays where v_F changes."""
    key = f"layer[{number}]"
    v, nu = section.fermi_velocity or gas.v_F, section.density_of_states or _states(gas)
    values = section.model_dump(include={"density_of_states", *SCATTERING_KEYS})
    values["mean_cosine"] = gas.mean_cosine
    if reduced:
        _refuse_conductivity(values, key)
    ell = section.mean_free_path or v * (lifetime_of(values, v, nu, gas.dimension) or 0.0) or gas.ell
    D = v * ell / (gas.dimension * (1.0 - gas.mean_cosine))
    sigma = 2.0 * E_CHARGE**2 * nu * D
    if not (0.0 < ell < math.inf and 0.0 < sigma < math.inf):
        raise InputError(f"{key}: the numbers given are too large or too small: check their units")
    units = {} if reduced else UNITS
    match_scattering(values, (ell, ell / v, D, sigma), key, notes, units)
    mechanisms = layer_mechanisms(section, gas, key, units)
    given = section.model_dump(include={*SPIN_KEYS, *MECHANISM_KEYS})
    inherits = gas.mechanisms == Mechanisms() and all(value is None for value in given.values())
    tau_sf = gas.tau_sf if inherits else relaxation_time(given, mechanisms, ell / v, D, key, notes, units)
    collisions = _exact((v / gas.v_F) * (gas.ell / ell))
    return Layer(
        start=section.start / gas.ell,
        v=_exact(v / gas.v_F),
        rate=collisions - mechanisms.flipped * collisions,
        gamma_sf=gas.tau / tau_sf,
        nu=_exact(nu / _states(gas)),
        transmission=section.transmission,
        specularity=section.specularity,
        straight=section.passage == "straight",
        flip=section.flip,
        flip_rate=mechanisms.flipped * collisions,
        mean_cosine=gas.mean_cosine,
    )


def _memory_loss(
    section: LayerSection, key: str, left: Layer, right: Layer, gas: Electrons, reduced: bool
) -> tuple[float, float] | None:
    """Transmission and flip of an interface that is given by δ and AR*; None where it is not."""
    delta, resistance = section.memory_loss, section.area_resistance
    if delta is None and resistance is None:
        return None
    if delta is None or resistance is None:
        given, other = (
            ("area_resistance", "memory_loss") if delta is None else ("memory_loss", "area_resistance")
        )
        raise InputError(f"{key}.{given} needs {key}.{other}: δ and AR* belong together")
    if reduced:
        raise InputError(
            f'{key}.area_resistance has no place in a deck with units = "reduced": give transmission and flip'
        )
    if section.transmission != 1.0 or section.flip != 0.0:
        raise InputError(
            f"{key} has both of memory_loss and transmission or flip, which follow from it: give one of them"
        )
    smaller = min(left.nu * left.v, right.nu * right.v) * _states(gas) * gas.v_F
    sharvin = 0.5 * E_CHARGE**2 * smaller
    try:
        return memory_loss(delta, resistance * sharvin)
    except ValueError:
        raise InputError(
            f"{key}.area_resistance = {resistance:.4g} ohm m^2 must be at least {0.5 * delta / sharvin:.4g} ohm m^2 for "
            f"memory_loss = {delta:g}, half of it over the Sharvin conductance of the metals: give a flip instead"
        ) from None


def layer_mechanisms(
    section: LayerSection, gas: Electrons, key: str, units: Mapping[str, str] = UNITS
) -> Mechanisms:
    """By what τ_sf of a layer follows from its τ: what it says, or, where it says nothing of τ_sf, [electrons]."""
    given = section.model_dump(include={*SPIN_KEYS, *MECHANISM_KEYS})
    own = mechanisms_of(given, key, units)
    if own is not None:
        return own
    return Mechanisms() if any(value is not None for value in given.values()) else gas.mechanisms


def _refuse_conductivity(values: Mapping[str, float | None], key: str) -> None:
    """A reduced deck has no unit of conductivity."""
    for name in ("conductivity", "resistivity"):
        if values[name] is not None:
            raise InputError(
                f'{key}.{name} = {values[name]:g} has no place in a deck with units = "reduced": leave it out'
            )


def _exact(ratio: float) -> float:
    """Take a ratio that misses 1 by rounding only for 1: the media are the same."""
    return 1.0 if math.isclose(ratio, 1.0, rel_tol=_ROUNDING) else ratio


def _states(gas: Electrons) -> float:
    """Density of states that a layer's is compared with: 1 in a reduced deck."""
    return 1.0 if math.isnan(gas.nu) else gas.nu
