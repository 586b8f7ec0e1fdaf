"""What the walk sees of a deck: plain numbers in reduced units, and the scales that lead back to SI.

Reduced units: lengths in the mean free path ℓ, times in the elastic lifetime τ, v_F = ħ = 1; spin
densities in ħνJ, spin currents in ħνJ v_F, torques in ħνJ/τ.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

from mcpump.deck.layer import Layer, Vector
from mcpump.names import AXES, CHANNELS, CHARGES, PARTS, SPIN_ORBIT_TORQUE, lines_of
from mcpump.textures.ovf_series import Snapshots
from mcpump.textures.parameters import DRIVE_CONSTANT, Harmonic, drive_of, shape_of
from mcpump.textures.program import Program
from mcpump.textures.shapes import ENVELOPE_COSINE, Precession

SPECULAR, DIFFUSE, ABSORBING, PERIODIC = 0, 1, 2, 3
"""Codes of the faces; `names.FACES` has them in this order."""
MEAN_COSINE = {1: 1.0, 2: 2.0 / math.pi, 3: 0.5}
"""Mean of |cos| between a direction on the d-sphere and an axis."""
FEWEST_JUMPED = 16.0
"""Flights that a jump is worth at least."""
FROZEN = ("first", "second")
"""Channels whose spins do not change after the first flight."""
DENSITY, TORQUE, DIVERGENCE, CURRENT = range(4)
"""Places of profiles within a part; the current has one for each direction of the mesh."""
NO_STATE, EVERYWHERE, PLANE, DRIVEN = 0, 1, 2, 3
"""States that walkers begin from, beside what the texture emits; see `Scene.initial`."""


class Scene(NamedTuple):
    """One problem in reduced units: any mesh, stack, texture and order in J.

    Axes are x, y, z; those the mesh does not have are uniform: their length is 1, they have 1 cell and are periodic. Six
    numbers of the faces stand in the order x−, x+, y−, y+, z−, z+.
    """

    dimension: int
    """Dimension d of the velocity sphere: 1, 2 or 3, at least `axes`."""
    axes: int
    """Number of mesh directions: 1 (x), 2 (x, y) or 3."""
    lengths: Vector
    """Lengths of the sample [ℓ]; 1 for axes the mesh does not have."""
    cells: tuple[int, int, int]
    """Numbers of equal mesh cells."""
    periodic: tuple[bool, bool, bool]
    """Whether the sample is periodic along x, y, z."""
    absorption: tuple[float, float, float, float, float, float]
    """Probability that a face absorbs a walker (1: an ideal reservoir)."""
    specularity: tuple[float, float, float, float, float, float]
    """Share of the reflections at a face that are specular; the rest is diffuse."""
    layers: tuple[Layer, ...]
    """Layers along x in order; the first starts at 0. One layer (0, 1, 1, γ_sf, 1, 1, 1, True) for a uniform sample."""
    exchange: float
    """Jτ/ħ."""
    slots: tuple[int, int, int, int]
    """Place of each of `CHANNELS` among those that are walked; −1: not walked."""
    harmonics: int
    """Highest harmonic kept (periodic drive); 0 for a transient."""
    period: float
    """Period of the drive [τ]; 1 for a static texture; without meaning for a transient."""
    time_bins: int
    """Number of time bins of a transient; 0 for a periodic drive."""
    t_end: float
    """End of the last time bin [τ]; inf for a periodic drive."""
    phases: int
    """Number of birth times that share one path, spread evenly over the period, or over [0, t_end]."""
    t_max: float
    """Age at which a walker is ended [τ]: decay of the slowest mode in a periodic drive without a sink; inf otherwise."""
    texture: int
    """Code of the texture, see `mcpump.textures.moving`."""
    parameters: tuple[float, ...]
    """Its 32 parameters, lengths in ℓ, times in τ."""
    time_step: float
    """Step of the difference quotient that gives Ṡ [τ]."""
    rotation_step: float
    """Longest step of the exact rotation along a flight [τ]."""
    initial: int
    """NO_STATE; of a transient at t = 0 EVERYWHERE, a spin density ν(x)/ν · `initial_spin`, or PLANE, `initial_spin` per
    area at `initial_x`; of a periodic drive DRIVEN, the spin current that an electric field drives."""
    initial_spin: Vector
    """Spin density at t = 0 [ħνJ], or spin per area [ħνJ ℓ]."""
    initial_x: float
    """Place of the plane [ℓ]."""
    initial_walkers: int
    """Walkers of a block that are born from the initial state (even); the others are emitted by the texture."""
    planes: tuple[float, ...]
    """Positions along x of the planes in increasing order [ℓ]."""
    first_flights: int
    """First-flight pairs sampled for the local part, per walker pair of the diffusive part."""
    max_flights: int
    """A walker that takes more flights than this stops the run."""
    walkers_per_block: int
    """Walkers in one block, the statistical unit (an even number)."""
    seed: int
    """Seed of the random numbers, 0 ≤ seed < 2^64."""
    charges: tuple[int, int, int] = (-1, -1, -1)
    """Place of each of `CHARGES` among what is walked, after the spin channels; −1: not walked."""
    dipoles: tuple[bool, bool, bool] = (False, False, False)
    """Whether what a first flight's charge velocity leaves behind is walked, of each of `CHARGES`."""
    hall_slot: int = -1
    """Place of `spin_hall`, what an electric field has driven, after the other spin channels; −1: no field."""
    t_dipole: float = math.inf
    """Age at which a walker ends that carries no spin any more, but dipoles [τ]."""
    folded: tuple[bool, bool, bool] = (False, False, False)
    """Axes along which a flight goes straight on, and is brought back into the sample where it is looked at: thin ones of
    one cell between mirrors, or periodic, where bounces change nothing."""
    from_collisions: bool = False
    """Whether walkers are led along x in lanes, from their first collisions on; first flights are worked out without
    them."""
    shifted: bool = True
    """Along x: whether the walkers of `exact` leave out the spin that follows the magnet, which is known."""
    reference: bool = False
    """Whether walkers correct a solution, by discrete ordinates in a rigid precession along x and else by diffusion, and
    carry what is missing of it alone."""
    score_interval: int = 0
    """Along x one collision in so many is scored (a power of two); 0: as walks are long."""
    jump: float = 0.0
    """Along x the mean number of flights of the longest jump of a walker far from everything; 0: it flies them all."""
    mean_cosine: float = 0.0
    """Mean cosine of the angles by which impurities scatter, after Henyey and Greenstein; 0: isotropically."""
    spin_orbit: bool = False
    """Whether spins of `exact` turn about Ω_so(k̂) in every flight (`Layer.turn`)."""
    pulse: bool = False
    """Whether it is a pulse of spin at a plane without a texture, which counts walkers and carries no spin."""
    reflection: tuple[float, float, float, float] = (1.0, 0.0, 1.0, 0.0)
    """Re R, Im R of the faces x−, x+, of spin across the magnetization of an insulator beyond them; 1: none."""
    fixed_sums: bool = False
    """Whether walkers of a block add integers (`mcpump.walk.fixed`)."""

    @property
    def walked(self) -> tuple[str, ...]:
        """Spin channels and sources of charge that are walked, in order."""
        return self.channels + self.sources

    @property
    def sources(self) -> tuple[str, ...]:
        """Sources of charge that are walked, in order."""
        return tuple(name for name, slot in zip(CHARGES, self.charges, strict=True) if slot >= 0)

    @property
    def channels(self) -> tuple[str, ...]:
        """Spin channels that are walked, in order."""
        slots = dict(zip(CHANNELS, self.slots, strict=True))
        walked = tuple(sorted((name for name in CHANNELS if slots[name] >= 0), key=slots.__getitem__))
        return (*walked, "spin_hall") if self.hall_slot >= 0 else walked

    @property
    def time_functions(self) -> int:
        """Numbers kept per channel and component: 1 + 2 harmonics; 1 for a transient."""
        return 1 if self.time_bins else 1 + 2 * self.harmonics

    @property
    def clock(self) -> str:
        """Name of the axis that stands for time: "harmonic", or "time" for a transient."""
        return "time" if self.time_bins else "harmonic"

    @property
    def Omega(self) -> float:
        """Angular frequency of a periodic drive [1/τ]."""
        return 2.0 * math.pi / self.period

    @property
    def precession(self) -> Precession | None:
        """The texture of a periodic drive along x whose harmonics are known in closed form; None for all others."""
        shape = shape_of(self.texture, self.parameters)
        if self.axes > 1 or self.time_bins or not isinstance(shape, Harmonic):
            return None
        if (
            drive_of(self.parameters).kind != DRIVE_CONSTANT
            or shape.envelope > ENVELOPE_COSINE
            or any(shape.q[1:])
        ):
            return None
        return Precession(
            shape.Omega, shape.envelope, shape.envelope_parameters, shape.q[0], shape.C, shape.P, shape.Q
        )

    @property
    def magnet_outside(self) -> bool:
        """Whether the magnet is beyond a face or in an interface, so that no electron flies in it."""
        return self.reflection != (1.0, 0.0, 1.0, 0.0) or any(layer.magnetic for layer in self.layers)

    @property
    def has_sum(self) -> bool:
        """Whether there is the channel `sum` of `first` and `second`."""
        return self.slots[0] >= 0 and self.slots[1] >= 0

    @property
    def has_sink(self) -> bool:
        """Whether spin can end: at an absorbing face, by relaxation, or at the end of a transient."""
        relaxes = any(layer.gamma_sf > 0.0 or layer.flip > 0.0 for layer in self.layers)
        return relaxes or any(share > 0.0 for share in self.absorption) or self.time_bins > 0

    @property
    def profiles(self) -> tuple[str, ...]:
        """Names of the profiles that are walked, in order; a pulse needs neither torque nor divergence."""
        if self.pulse:
            return ("local density", "local current x", "diffusive density", "diffusive current x")
        currents = [f"current {axis}" for axis in AXES[: self.axes]]
        names = ("density", "torque", "divergence", *currents, *[SPIN_ORBIT_TORQUE] * self.spin_orbit)
        return tuple(f"{part} {name}" for part in PARTS[:2] for name in names)

    @property
    def kinds(self) -> int:
        """Number of profiles of a part."""
        return len(self.profiles) // 2

    @property
    def lines(self) -> tuple[str, ...]:
        """Lines of the spin budget; what spin-orbit coupling has turned comes last."""
        return (*lines_of(self.axes), *[SPIN_ORBIT_TORQUE] * self.spin_orbit)


def paths_are_parallel(scene: Scene) -> bool:
    """Whether two electrons on parallel paths stay on them, so that dipoles can be walked for charge.

    They do where ℓ is the same everywhere, interfaces let pass straight on, and no face reflects diffusely; and where no
    collision takes the spin, which would end there without having been scattered.
    """
    first, *others = scene.layers
    same = first.flip_rate == 0.0 and all(
        (one.v, one.rate, one.nu, one.flip_rate) == (first.v, first.rate, first.nu, 0.0)
        and one.transmission == 1.0
        and one.straight
        and one.flip == 0.0
        and not one.magnetic
        for one in others
    )
    faces = zip(scene.absorption, scene.specularity, strict=True)
    return same and all(absorption == 1.0 or specularity == 1.0 for absorption, specularity in faces)


def scatters_diffusely(scene: Scene) -> bool:
    """Whether a face or an interface sends out diffusely what comes to it."""
    faces = zip(scene.absorption, scene.specularity, strict=True)
    if any(
        absorption < 1.0 and specularity < 1.0 and not scene.periodic[face // 2]
        for face, (absorption, specularity) in enumerate(faces)
    ):
        return True
    for left, right in itertools.pairwise(scene.layers):
        all_pass = right.transmission == 1.0 and left.nu * left.v == right.nu * right.v
        if not right.straight or (right.specularity < 1.0 and not all_pass):
            return True
    return False


class Scales(NamedTuple):
    """What one reduced unit is worth, and the units' names; all ones for a reduced deck."""

    length: float
    """ℓ [m]."""
    time: float
    """τ [s]."""
    density: float
    """ħνJ [J s/m³]."""
    current: float
    """ħνJ v_F [J/m²]."""
    torque: float
    """ħνJ/τ [J/m³]."""
    charge_per_spin: float
    """2e/ħ [A/J] turns J/m² into A/m²; 0 for a reduced deck, which has no A/m²."""
    si: bool
    """True for an SI deck."""


class Magnet(NamedTuple):
    """The magnet that is damped by what it pumps, in SI."""

    saturation: float
    """M_s [A/m]."""
    thickness: float
    """[m]."""
    g_factor: float
    end: float
    """Where what it pumps begins to flow away: a junction's interface, else the sample's left face [m]."""
    insulates: bool = False
    """Whether it has no electrons, so that all the torque on electrons is what it loses."""


class Extents(NamedTuple):
    """What axes of the results are made of, in the deck's units as it is written: not by way of ℓ and τ."""

    lengths: tuple[float, ...]
    """Of the sample along x[, y[, z]]."""
    planes: tuple[float, ...]
    """In order."""
    end: float
    """Of the time bins; 0 without."""


class Problem(NamedTuple):
    """A deck made ready to run."""

    name: str
    """Name of the deck (file name without folder)."""
    scene: Scene
    """Plain numbers for the walk."""
    scales: Scales
    """Way back to the deck's units."""
    supercurrent: float
    """Coefficient c of the equilibrium super-current −c S×∂S/∂x, Eq. (8), in reduced units; NaN when k_F is not given."""
    walkers: int
    """Walkers asked for; rounded up to whole blocks, at least 16."""
    stop: StopRule | None
    """Target error, or None."""
    regime: dict[str, tuple[float, str, str]]
    """Regime numbers: key → (value, unit, what it is), e.g. "J tau / hbar"."""
    warnings: tuple[str, ...]
    """One sentence each, for the table and the file."""
    notes: tuple[str, ...]
    """One sentence each: not worrying, worth knowing."""
    resolved: str
    """The resolved deck as TOML text: overrides applied, every default written out."""
    extents: Extents
    """Sizes in the deck's units, for the axes of the results."""
    program: Program | None = None
    """The user's texture (`Scene.texture` = USER)."""
    snapshots: Snapshots | None = None
    """Where the snapshots of a texture are (`Scene.texture` = USER)."""
    conductivity: float = float("nan")
    """Conductivity 2e²νD of [electrons] [S/m]; NaN for a reduced deck."""
    contact_distance: float = 0.0
    """Length between the contacts of an open circuit [m]; 0 for none."""
    magnet: Magnet | None = None
    """None without [magnet]."""
    device: str = "cpu"
    """What walkers are followed on: "cpu" or "cuda"."""


class StopRule(NamedTuple):
    """Stop when a result is known well enough: `[run.stop]`."""

    quantity: str
    """"spin_current.PART.COMPONENT.HARMONIC" or "spin_density.PART.COMPONENT.HARMONIC"."""
    at: float
    """Place [ℓ]: one of the planes for a current."""
    relative_error: float
    """Wanted standard error over magnitude."""
    max_walkers: int
    """Give up after so many walkers (status 3)."""
