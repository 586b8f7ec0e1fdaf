"""What [spin_orbit] and [electric_field] ask of the rest of a deck, and whether charge can be walked in its sample."""

from __future__ import annotations

from collections.abc import Iterator

from mcpump.deck.deck import Deck
from mcpump.deck.sections import Dresselhaus, LayerSection, SpinOrbit, face_numbers
from mcpump.deck.spin_orbit import converts, rotates, unit
from mcpump.errors import show

_ACROSS = 1e-6
"""Largest cosine between two directions across each other."""
MOST_SKEWED = 2000
"""Cells whose charge can fly from each to each, for some ten seconds of work whenever results are made."""


def walks_charge(deck: Deck) -> bool:
    """Tell whether a deck has spins whose charge is walked: Rashba coupling or impurities, and spin of low order in J."""
    coupling = deck.spin_orbit
    acts = coupling is not None and (coupling.rashba is not None or coupling.impurity is not None)
    acts = acts and not rotates(deck)
    spins = deck.texture is not None or deck.initial is not None
    return acts and spins and bool({"first", "second"} & set(deck.results.channels))


def spin_flips(deck: Deck) -> dict[str, float]:
    """Keys by which collisions turn spins over, and their values."""
    given = {"electrons.spin_flip_probability": deck.electrons.spin_flip_probability}
    given |= {
        f"layer[{i}].spin_flip_probability": one.spin_flip_probability for i, one in enumerate(deck.layer)
    }
    return {key: value for key, value in given.items() if value}


def dipole_obstacles(deck: Deck) -> list[str]:
    """Keys, with their values, that take the two charges of a dipole apart; none: they stay on parallel paths.

    They do where every layer has one v and one scattering rate, every interface lets all pass straight on, and no face
    reflects diffusely. Dipoles are scattered with the spins, so that no collision may take a spin either.
    """
    found = [f"{key} = {value:g}" for key, value in spin_flips(deck).items()]
    for name, axis in deck.axes.items():
        for side, face in (("left", axis.left), ("right", axis.right)):
            absorption, specularity = face_numbers(face)
            if absorption < 1.0 and specularity < 1.0:
                key = f"sample.{name}.{side}"
                found.append(
                    f"{key} = {show(face)}"
                    if isinstance(face, str)
                    else f"{key}.specularity = {specularity:g}"
                )
    for i, (section, layer) in enumerate(zip(deck.layer, deck.media[1:], strict=True)):
        differs = (
            ("fermi_velocity", layer.v),
            (_scattering_key(section), layer.collisions),
            ("density_of_states", layer.nu),
            ("transmission", layer.transmission),
        )
        found += [
            f"layer[{i}].{key} = {getattr(section, key):g}"
            for key, number in differs
            if key and number != 1.0
        ]
        if not layer.straight:
            found.append(f'layer[{i}].passage = "diffuse"')
        if layer.flip > 0.0:
            found.append(f"layer[{i}].flip = {layer.flip:g}")
    return found


def _scattering_key(section: LayerSection) -> str:
    """Key that gives a layer its scattering rate; empty where it is that of [electrons] or follows the velocity."""
    if section.mean_free_path is not None:
        return "mean_free_path"
    return "lifetime" if section.lifetime is not None else ""


def spin_orbit(deck: Deck) -> Iterator[str]:
    """[spin_orbit] has a mechanism, spins that it acts on, and a sample in which charge can be walked."""
    coupling, channels = deck.spin_orbit, deck.results.channels
    if coupling is None:
        return
    if coupling.rotation or coupling.dresselhaus is not None:
        yield from _rotation(deck, coupling)
        return
    if coupling == SpinOrbit.model_validate({}):
        yield (
            "the deck has none of [spin_orbit.rashba], [spin_orbit.impurity] and [spin_orbit.skew], nor "
            "spin_orbit.contact_distance for a voltage: give one of them, or leave out [spin_orbit]"
        )
    g = deck.gas.mean_cosine
    for name, section in (("rashba", coupling.rashba), ("impurity", coupling.impurity)):
        if g and section is not None:
            yield (
                f"electrons.mean_cosine = {g:g} cannot be used with [spin_orbit.{name}]: the rule for charge at "
                f"collisions asks for isotropic scattering; spin_hall_angle gives the formula's voltage"
            )
    shown = f"results.channels = {show(list(channels))}"
    if coupling.rashba is not None:
        if deck.texture is None:
            yield (
                "spin_orbit.rashba has nothing to act on without a [texture]: its charge follows the torque; "
                "leave it out or give one"
            )
        if not {"second", "exact"} & set(channels):
            yield f'{shown} must hold "second" or "exact" for [spin_orbit.rashba], whose charge comes from their spins'
    if coupling.impurity is not None and not {"first", "second", "exact"} & set(channels):
        yield (
            f'{shown} must hold "first", "second" or "exact" for [spin_orbit.impurity], whose charge comes from their '
            f"spins"
        )
    if coupling.contact_distance is not None and coupling.rashba is None and not converts(deck):
        yield (
            f"spin_orbit.contact_distance = {deck.place_text(coupling.contact_distance)} has no voltage to tell: give "
            f"electrons.spin_hall_angle or a layer's, or a material that has one, or one of [spin_orbit.rashba] and "
            f"[spin_orbit.impurity]"
        )
    obstacles = dipole_obstacles(deck)
    if walks_charge(deck) and obstacles and len(deck.axes) > 1:
        yield (
            f"{obstacles[0]} cannot be used with [spin_orbit] on a mesh along more than x: charge is walked there "
            f"as dipoles, which need specular, absorbing or periodic faces, and layers that differ in spin "
            f"relaxation and spin-orbit coupling only"
        )


def skew(deck: Deck) -> Iterator[str]:
    """[spin_orbit.skew] has a probability, and a steady sample along x in which charge flies on as worked out."""
    coupling, d = deck.spin_orbit, deck.electrons.dimension
    if coupling is None or coupling.skew is None:
        return
    if d == 1:
        yield "electrons.dimension = 1 cannot be used with [spin_orbit.skew]: nothing is scattered aside there"
        return
    largest = max((layer.skew for layer in deck.layers), key=abs)
    if abs(largest) > 1.0 / d:
        said = coupling.skew.spin_hall_angle
        own = "" if isinstance(said, float) else f", which makes θ_SH = {largest:g} of a layer,"
        yield (
            f"spin_orbit.skew.spin_hall_angle = {show(said)}{own} must be at most {1.0 / d:.3g} in size, 1/d: beyond, "
            f"the probability to scatter aside is negative"
        )
    if deck.sample.x.cells > MOST_SKEWED:
        yield (
            f"sample.x.cells = {deck.sample.x.cells} must be at most {MOST_SKEWED} with [spin_orbit.skew], whose "
            f"charge flies from each cell to each"
        )
    if len(deck.axes) > 1:
        yield (
            "sample.y cannot be used with [spin_orbit.skew]: charge would pile up along the mesh, which is worked out "
            "along x alone; electrons.spin_hall_angle or a layer's gives the formula without it"
        )
    if deck.results.end is not None:
        yield "results.end cannot be used with [spin_orbit.skew], whose charge current is that of a periodic drive"
    if deck.gas.mean_cosine:
        yield (
            f"electrons.mean_cosine = {deck.gas.mean_cosine:g} cannot be used with [spin_orbit.skew]: its charge flies "
            f"on after isotropic scattering"
        )


def _rotation(deck: Deck, coupling: SpinOrbit) -> Iterator[str]:
    """Fields about which spins turn in every flight; nothing that makes charge by first order stands beside them."""
    rotation = "spin_orbit.rotation = true"
    if not coupling.rotation:
        yield (
            f"[spin_orbit.dresselhaus] needs {rotation}: it turns spins in every flight, and has no charge of first order"
        )
    if coupling.rashba is None and coupling.dresselhaus is None:
        yield f"{rotation} has nothing to turn spins about: give [spin_orbit.rashba] or [spin_orbit.dresselhaus]"
    if coupling.impurity is not None:
        yield (
            f"{rotation} cannot be used with [spin_orbit.impurity], whose charge is of first order in spin-orbit "
            f"coupling: leave out one of them; spin_hall_angle gives the formula's voltage"
        )
    if coupling.skew is not None:
        yield f"{rotation} cannot be used with [spin_orbit.skew], whose spins do not turn: leave out one of them"
    if deck.electric_field is not None:
        yield f"{rotation} cannot be used with [electric_field], whose spins do not turn: leave out one of them"
    if coupling.contact_distance is not None and not converts(deck):
        yield (
            f"spin_orbit.contact_distance = {deck.place_text(coupling.contact_distance)} has no voltage to tell with "
            f"{rotation}: Rashba's charge is of first order, without it; electrons.spin_hall_angle gives the formula's"
        )
    if deck.results.channels != ("exact",):
        yield (
            f'results.channels = {show(list(deck.results.channels))} must be ["exact"] with {rotation}: orders in J are '
            f"those of spins that turn about the texture alone"
        )
    if deck.gas.mean_cosine:
        yield f"electrons.mean_cosine = {deck.gas.mean_cosine:g} cannot be used with {rotation}: leave out one of them"
    if coupling.dresselhaus is not None:
        yield from _well(deck, coupling.dresselhaus)


def _well(deck: Deck, own: Dresselhaus) -> Iterator[str]:
    """The crystal's axis lies in the well, and the well of two dimensions across z."""
    key, direction, normal = "spin_orbit.dresselhaus", list(own.direction), list(own.normal)
    if abs(sum(a * n for a, n in zip(unit(own.direction), unit(own.normal), strict=True))) > _ACROSS:
        yield f"{key}.direction = {direction} must lie across its normal = {normal}"
    if deck.gas.dimension == 2 and any(own.normal[:2]):
        yield (
            f"{key}.normal = {normal} must be along z with electrons.dimension = 2: electrons move across z"
        )


def electric_field(deck: Deck) -> Iterator[str]:
    """An electric field has a steady state, and a spin Hall conductivity to drive with."""
    if deck.electric_field is None:
        return
    steady = "[electric_field], whose spin current is steady: leave out one of them"
    if deck.initial is not None:
        yield f"the deck has both of [initial] and {steady}"
    if deck.results.end is not None:
        yield f"results.end cannot be used with {steady}"
    if not any(any(layer.hall) for layer in deck.layers):
        yield (
            "electric_field.spin_hall_conductivity is missing: give it, or [spin_orbit.impurity] where the field acts"
        )


def charge_notes(deck: Deck) -> list[str]:
    """Sentences on what is left out of a deck's charge, or not seen in it."""
    coupling, notes = deck.spin_orbit, list[str]()
    if coupling is None:
        return notes
    if coupling.rotation:
        return ["spins turn about spin-orbit fields in every flight: the charge that these make is left out"]
    flat = len(deck.axes) == 1
    cell = deck.sample.x.length / deck.gas.ell / deck.sample.x.cells
    shortest = min(layer.v / layer.collisions for layer in deck.layers)
    if coupling.skew is not None and cell > shortest:
        notes.append(
            f"sample.x.cells = {deck.sample.x.cells}: a cell is {cell / shortest:.3g} mean free paths wide, within which "
            f"the spin current that [spin_orbit.skew] turns is taken as even"
        )
    rashba = coupling.rashba
    if rashba is not None and len({layer.rashba for layer in deck.layers}) > 1:
        notes.append("E_so is confined: the term with ∇E_so and ∇Ṡ at its edges is left out, as in the paper")
    obstacles = dipole_obstacles(deck)
    across = rashba is not None and any(unit(rashba.direction)[1:])
    if flat and obstacles and across and walks_charge(deck):
        notes.append(
            f"only the charge currents along y and z are measured, not the charge density and the current along x: "
            f"{obstacles[0]} takes the two charges of a dipole apart"
        )
    if flat and coupling.impurity is not None and walks_charge(deck):
        notes.append(
            "impurities make no charge density and no charge current along x: with variation along x alone both vanish"
        )
    return notes
