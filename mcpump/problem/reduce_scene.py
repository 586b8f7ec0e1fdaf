"""From a checked deck to its scene: reduced numbers, steps, and which walk takes it."""

from __future__ import annotations

import math
from typing import cast

from mcpump.deck.deck import Deck
from mcpump.deck.layer import Layer
from mcpump.deck.sections import Axis, Initial, Pulse, face_numbers
from mcpump.deck.spin_orbit import fastest_turn, rotates
from mcpump.errors import InputError
from mcpump.names import CHANNELS
from mcpump.problem.effort import longest_jump, mean_flights
from mcpump.problem.scene import (
    DRIVEN,
    EVERYWHERE,
    FROZEN,
    NO_STATE,
    PLANE,
    Scene,
    paths_are_parallel,
    scatters_diffusely,
)
from mcpump.problem.slab import not_rigid, turns_freely
from mcpump.problem.slowest_mode import slowest_rate
from mcpump.problem.spin_hall import sheets_of
from mcpump.problem.texture import NOTHING, MovingTexture, moving_texture, program_of
from mcpump.textures.parameters import CROSSED_WAVES, HARMONIC, STILL, swing
from mcpump.textures.program import Program
from mcpump.textures.user import check_user_texture, load_user_texture

DECAYED = 1e-6
"""In a sample without a sink a walker ends when the slowest mode has decayed to this."""
TIME_STEP = 1e-3
"""Step of the difference quotient for Ṡ, in natural times of the texture."""
ROTATION_STEP, LONGEST_STEP, SHARP_STEP = 0.5, 1.0, 0.05
"""Step of the rotation along a flight: in natural lengths and times of the texture; at most [τ]; at a sharp
interface [ℓ]."""
Six = tuple[float, float, float, float, float, float]
LONGEST_CORRECTED = 1e4
"""Flights of a walker beyond which it corrects no solution by diffusion unasked: what rays miss of the solution, in every
flight, is more than what is born (in a helix of λ = 33 ℓ, 33 000 flights, errors are twice those without)."""
THIN = 0.5
"""Samples thinner than this [ℓ] are crossed some times in a flight."""
TRANSIENT_PHASES, FEWEST_PHASES, MORE_PHASES = 8, 4, 4


def make_scene(deck: Deck, notes: list[str]) -> Scene:
    """Reduced numbers of a deck for the walk that takes it.

    Parameters
    ----------
    deck : Deck
        A checked deck.
    notes : list of str
        Gets sentences on what is worth knowing.

    Returns
    -------
    Scene
        Plain numbers only.

    Raises
    ------
    InputError
        If the user's texture cannot be used, or |S| would exceed 1, or a block is too small.
    """
    if deck.pulse is not None:
        _check_sums(deck, "a [pulse] counts walkers by a way of its own")
        return _pulse(deck)
    found: list[str] = []
    scene = _general(deck, found)
    reasons = _general_reasons(scene, deck)
    _check_interfaces(scene, deck.texture.kind if deck.texture else "", reasons)
    if not reasons:
        notes += found
        if deck.run.phases != "auto" and not not_rigid(scene):
            notes.append("run.phases is not used: first flights are found by discrete ordinates")
        turning = "its spins turn in flight in a texture that does not precess rigidly along x"
        _check_sums(deck, turning if turns_freely(scene) else "")
        return _led_in_lanes(scene, deck)
    _check_sums(
        deck, f"{' and '.join(reasons)} asks for the general walk, which adds in floating point alone"
    )
    notes += [f"this is the general walk, because of {' and '.join(reasons)}", *found]
    if deck.run.score_interval != "auto":
        notes.append("run.score_interval is not used: the general walk scores every flight")
    return scene


def _check_sums(deck: Deck, why: str) -> None:
    """Refuse sums in fixed point, and with them a GPU, where walkers do not have them."""
    if deck.run.sums == "fixed" and why:
        asked = 'run.device = "cuda"' if deck.run.device == "cuda" else 'run.sums = "fixed"'
        raise InputError(
            f'{asked} does not take this deck: {why}; run.device = "cpu" with run.sums = "float" does'
        )


def _check_interfaces(scene: Scene, kind: str, reasons: tuple[str, ...]) -> None:
    """Refuse interfaces that lose spin, and magnets that no electron flies in, where no walk and no flight knows them."""
    keys = [f"layer.flip = {layer.flip:g}" for layer in scene.layers[1:] if layer.flip > 0.0]
    keys += [f'texture.kind = "{kind}"'] * scene.magnet_outside
    why = "its mesh has other directions than x" if scene.axes > 1 else ""
    why = why or (f"{' and '.join(reasons)} asks for the general walk" if reasons else not_rigid(scene))
    if keys and why:
        raise InputError(
            f"{keys[0]} needs a sample along x in a steady, rigid precession, walked in lanes, but {why}"
        )


def _general_reasons(scene: Scene, deck: Deck) -> tuple[str, ...]:
    """What asks for the general walk, in words; nothing: walkers are led in lanes from their first collisions on.

    They are where the drive is periodic and of a texture alone.
    """
    reasons = {
        "run.walk": deck.run.walk == "general",
        "results.end": scene.time_bins > 0,
        "[electric_field]": scene.hall_slot >= 0,
        "electrons.mean_cosine": scene.mean_cosine != 0.0,
        "spin_orbit.rotation": scene.spin_orbit,
        "[initial]": scene.initial not in (NO_STATE, DRIVEN),
        "a texture at rest": deck.texture is not None and swing(scene.texture, scene.parameters) <= STILL,
        "faces that are crossed some times in a flight": any(scene.folded),
    }
    return tuple(reason for reason, there in reasons.items() if there)


def _led_in_lanes(scene: Scene, deck: Deck) -> Scene:
    """Scene of the walk in lanes: how often it scores, and how far walkers jump."""
    jumps = (
        deck.run.jumps == "auto" and not any(scene.dipoles) and scene.axes == 1 and not turns_freely(scene)
    )
    every = 0 if deck.run.score_interval == "auto" else int(deck.run.score_interval)
    wanted = deck.run.first_flights
    return scene._replace(
        from_collisions=True, shifted=deck.run.shift == "auto", reference=_has_reference(scene, deck),
        jump=longest_jump(scene) if jumps else 0.0, score_interval=every,
        first_flights=1 if wanted == "auto" else int(wanted), fixed_sums=deck.run.sums == "fixed",
    )  # fmt: skip


def _has_reference(scene: Scene, deck: Deck) -> bool:
    """Whether walkers correct a solution without walkers: by discrete ordinates along x, else by diffusion."""
    wanted = deck.run.reference
    if wanted == "off":
        return False
    reasons = {"slab": not_rigid(scene), "diffusion": _no_diffusion(scene)}
    reasons = {
        way: reason or ("" if scene.has_sink else "nothing takes the spin") for way, reason in reasons.items()
    }
    if reasons.get(wanted):
        what = "solution along x" if wanted == "slab" else "reference by diffusion"
        raise InputError(
            f'run.reference = "{wanted}": there is no {what}, for {reasons[wanted]}; "auto" and "off" are accepted'
        )
    if wanted == "auto" and reasons["slab"] and mean_flights(scene) > LONGEST_CORRECTED:
        return False
    return not all(reasons.values())


def _no_diffusion(scene: Scene) -> str:
    """Why walkers do not correct a solution by diffusion; empty where they do."""
    if not not_rigid(scene):
        return "the sample has a solution along x"
    if others := [name for name in scene.channels if name not in FROZEN]:
        return f"the spins of {' and '.join(others)} turn in every flight"
    if any(scene.dipoles):
        return "walkers carry dipoles of charge"
    if scatters_diffusely(scene):
        return "faces or interfaces scatter diffusely"
    return ""


def _sample(deck: Deck, channels: tuple[str, ...]) -> Scene:
    """Sample, results and numbers of the run; without texture and state at the start."""
    gas, axes, results = deck.gas, deck.axes, deck.results
    absorption, specularity = _faces(axes)
    timed, (left, right) = results.end is not None, deck.reflection
    return Scene(
        dimension=gas.dimension, axes=len(axes), lengths=_lengths(axes, gas.ell), cells=_cells(axes),
        periodic=_periodic(axes), absorption=absorption, specularity=specularity, layers=deck.layers,
        exchange=gas.exchange_number, slots=_slots(channels),
        harmonics=0 if timed else results.harmonics, period=1.0,
        time_bins=(results.time_bins or 1) if timed else 0,
        t_end=(results.end or 0.0) / gas.tau if timed else math.inf,
        phases=1, t_max=math.inf, texture=HARMONIC, parameters=NOTHING, time_step=0.0, rotation_step=LONGEST_STEP,
        initial=NO_STATE, initial_spin=(0.0, 0.0, 0.0), initial_x=0.0, initial_walkers=0,
        planes=tuple(float(plane / gas.ell) for plane in deck.planes), first_flights=1, max_flights=deck.run.max_flights,
        walkers_per_block=deck.run.walkers_per_block, seed=deck.run.seed,
        reflection=(left.real, left.imag, right.real, right.imag), mean_cosine=gas.mean_cosine,
        spin_orbit=rotates(deck),
    )  # fmt: skip


def _general(deck: Deck, notes: list[str]) -> Scene:
    """Scene of the general walk."""
    texture, asked = moving_texture(deck), deck.results.channels
    transient, static = deck.is_transient, math.isinf(texture.time)
    if static and deck.texture is not None and deck.initial is None:
        notes.append("the texture is static: it pumps nothing")
    sample = _sample(deck, tuple(name for name in CHANNELS if name in asked))
    scene = sample._replace(
        period=texture.period, phases=_phases(deck, texture), texture=texture.code, parameters=texture.parameters,
        time_step=0.0 if static else TIME_STEP * texture.time,
        rotation_step=_rotation_step(deck, texture, deck.layers),
        initial=_initial(deck), initial_spin=deck.initial.spin if deck.initial else (0.0, 0.0, 0.0),
        initial_x=_place_of_plane(deck, deck.initial), initial_walkers=_initial_walkers(deck, static),
    )  # fmt: skip
    scene = with_charge(_with_drive(scene, deck, static))
    if not deck.has_sink and not transient:
        scene = scene._replace(t_max=_t_max(scene, notes))
    if any(scene.dipoles) and not any(scene.absorption) and not transient:
        scene = scene._replace(t_dipole=-math.log(DECAYED) / _slowest(scene))
    scene = scene._replace(folded=_folded(scene))
    return scene._replace(first_flights=first_flights(deck, mean_flights(scene)))


def _pulse(deck: Deck) -> Scene:
    """Scene of a plane pulse of spin."""
    drawn, scene = deck.pulse, _sample(deck, deck.results.channels)
    assert drawn is not None
    return scene._replace(
        initial=PLANE, initial_spin=drawn.spin, initial_x=_place_of_plane(deck, drawn),
        initial_walkers=scene.walkers_per_block, pulse=True,
    )  # fmt: skip


def first_flights(deck: Deck, flights: float) -> int:
    """First-flight pairs per walker pair: as asked for, or more where walkers take many flights."""
    wanted = deck.run.first_flights
    return round(min(max(flights / 40.0, 1.0), 32.0)) if wanted == "auto" else int(wanted)


def _with_drive(scene: Scene, deck: Deck, static: bool) -> Scene:
    """Add the channel `spin_hall` where an electric field drives a spin current, and walkers for it."""
    if not any(any(layer.hall) for layer in scene.layers):
        return scene
    if deck.texture is None:
        scene = scene._replace(slots=(-1, -1, -1, -1), harmonics=0, phases=1)
    block, sheets = scene.walkers_per_block, len(sheets_of(scene)) - 1
    if block < 4 and not static:
        raise InputError(
            f"run.walkers_per_block = {block} must be at least 4: [electric_field] and the texture share a block"
        )
    born = block if static else 2 * (block // 4)
    return scene._replace(
        hall_slot=len(scene.channels), initial=DRIVEN, initial_walkers=born if sheets > 0 else 0
    )


def with_charge(scene: Scene) -> Scene:
    """Add the sources of charge that the layers have, and say which of them leave dipoles worth walking.

    With one mesh direction only Rashba dipoles along x make charge. Impurity dipoles of first order make none where the
    sample is uniform and has no faces, for ∂_iW_i vanishes there.
    """
    FIRST, SECOND = scene.slots[:2]
    rashba = [layer.rashba for layer in scene.layers]
    impurity = {layer.impurity for layer in scene.layers}
    there = (
        any(map(any, rashba)) and SECOND >= 0,
        any(impurity) and FIRST >= 0,
        any(impurity) and SECOND >= 0,
    )
    places = [len(scene.channels) + sum(there[:i]) for i in range(3)]
    a, b, c = (place if one else -1 for place, one in zip(places, there, strict=True))
    uniform = len(impurity) == 1 and all(scene.periodic[: scene.axes])
    wide, parallel = scene.axes > 1, paths_are_parallel(scene)
    makes_charge = (wide or any(y or z for _, y, z in rashba), wide and not uniform, wide)
    walk, first, second = (x and y and parallel for x, y in zip(there, makes_charge, strict=True))
    return scene._replace(charges=(a, b, c), dipoles=(walk, first, second))


def _folded(scene: Scene) -> tuple[bool, bool, bool]:
    """Axes whose bounces change nothing, where they are many; dipoles, and what a field drives, are changed by each."""
    if scene.sources or scene.hall_slot >= 0 or scene.magnet_outside or scene.spin_orbit:
        return (False, False, False)
    longest = max(layer.v / layer.rate for layer in scene.layers)

    def is_folded(axis: int) -> bool:
        faces = zip(scene.absorption, scene.specularity, strict=True)
        mirrors = all(face == (0.0, 1.0) for face in list(faces)[2 * axis : 2 * axis + 2])
        return (
            axis < scene.axes
            and scene.cells[axis] == 1
            and scene.lengths[axis] < THIN * longest
            and (mirrors or scene.periodic[axis])
            and (axis > 0 or (len(scene.layers) == 1 and not scene.planes))
        )

    return is_folded(0), is_folded(1), is_folded(2)


def _slowest(scene: Scene) -> float:
    """Decay rate of the slowest mode that is not uniform [1/τ]."""
    return slowest_rate(scene.layers, scene.lengths, scene.periodic, scene.dimension, scene.axes)


def check_user(deck: Deck, scene: Scene) -> Program | None:
    """Check the user's texture in the sample, and return it; None if the texture is not the user's.

    Raises
    ------
    InputError
        If it cannot be read, compiled or used.
    """
    program = program_of(deck)
    if program is None:
        return None
    units = (1.0, 1.0) if deck.reduced else (deck.gas.ell, deck.gas.tau)
    period, end = (None, scene.t_end) if scene.time_bins else (scene.period, None)
    check_user_texture(
        load_user_texture(program, *units), program.path, scene.lengths, period, end, scene.time_step, *units,
        axes=scene.axes, periodic=scene.periodic,
    )  # fmt: skip
    return program


def _lengths(axes: dict[str, Axis], ell: float) -> tuple[float, float, float]:
    """Lengths of the sample [ℓ]; 1 where there is no mesh."""
    x, y, z = ([axis.length / ell for axis in axes.values()] + [1.0, 1.0])[:3]
    return x, y, z


def _cells(axes: dict[str, Axis]) -> tuple[int, int, int]:
    """Numbers of cells; 1 where there is no mesh."""
    x, y, z = ([axis.cells for axis in axes.values()] + [1, 1])[:3]
    return x, y, z


def _periodic(axes: dict[str, Axis]) -> tuple[bool, bool, bool]:
    """Whether the sample is periodic; so it is where there is no mesh."""
    x, y, z = ([axis.left == "periodic" for axis in axes.values()] + [True, True])[:3]
    return x, y, z


def _faces(axes: dict[str, Axis]) -> tuple[Six, Six]:
    """Absorption and specularity of the six faces."""
    numbers = [face_numbers(face) for axis in axes.values() for face in (axis.left, axis.right)]
    numbers += [(0.0, 1.0)] * (6 - len(numbers))
    absorption, specularity = zip(*numbers, strict=True)
    return cast(Six, absorption), cast(Six, specularity)


def _slots(channels: tuple[str, ...]) -> tuple[int, int, int, int]:
    """Place of every channel among those that are walked."""
    first, second, ladder, exact = (channels.index(name) if name in channels else -1 for name in CHANNELS)
    return first, second, ladder, exact


def _phases(deck: Deck, texture: MovingTexture) -> int:
    """Birth times that share a path: as many as integrate the harmonics that second order makes.

    Their offset is random, so that what further harmonics there are is sampled, not missed.
    """
    if deck.run.phases != "auto":
        return int(deck.run.phases)
    if deck.is_transient:
        return TRANSIENT_PHASES
    wanted = 2 * deck.results.harmonics
    if "exact" in deck.results.channels:
        return wanted + 1  # no number is free of noise; few are cheap
    return max(FEWEST_PHASES, wanted + (2 if texture.code in (HARMONIC, CROSSED_WAVES) else MORE_PHASES))


def _rotation_step(deck: Deck, texture: MovingTexture, stack: tuple[Layer, ...]) -> float:
    """Longest step of the rotation along a flight, in which the texture changes little [τ]."""
    fastest = max(layer.v for layer in stack)
    steps = [LONGEST_STEP, ROTATION_STEP * texture.length / fastest, ROTATION_STEP * texture.time]
    if getattr(deck.texture, "width", None) == 0.0:
        steps.append(SHARP_STEP / fastest)
    if deck.texture is not None and rotates(deck):
        # S and Ω_so do not commute: a step of S is not to see spins turn far meanwhile
        steps.append(1.0 / max(map(fastest_turn, stack)))
    return min(steps)


def _initial(deck: Deck) -> int:
    """State at t = 0."""
    if deck.initial is None:
        return NO_STATE
    return EVERYWHERE if deck.initial.position is None else PLANE


def _place_of_plane(deck: Deck, state: Initial | Pulse | None) -> float:
    """Place of the plane on which spin is at t = 0 [ℓ]."""
    if state is None or state.position is None:
        return 0.0
    return deck.on_face(state.position) / deck.gas.ell


def _initial_walkers(deck: Deck, static: bool) -> int:
    """Walkers of a block born from the initial state: all, half, or none."""
    block = deck.run.walkers_per_block
    if deck.initial is None:
        return 0
    if static:
        return block
    if block < 4:
        raise InputError(
            f"run.walkers_per_block = {block} must be at least 4: [initial] and the texture share a block"
        )
    return 2 * (block // 4)


def _t_max(scene: Scene, notes: list[str]) -> float:
    """Age at which a walker ends in a sample without a sink [τ]: decay of the slowest mode."""
    rate = _slowest(scene)
    t_max = -math.log(DECAYED) / rate
    notes.append(
        f"the sample has no sink: walkers end at the age t_max = {t_max:.4g} τ, where the slowest mode that is not "
        f"uniform, which decays at the rate {rate:.4g}/τ, is below {DECAYED:g}"
    )
    return t_max
