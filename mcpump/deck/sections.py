"""Sections and keys of a deck: what a user may ask for, each key by itself.

Quantities are SI floats after reading, or plain numbers in reduced units.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Discriminator, Field, Tag

from mcpump.deck import kinds as fields
from mcpump.deck.kinds import Section
from mcpump.deck.materials import materials
from mcpump.deck.textures import Texture

WORD, TABLE = "\x01word", "\x01table"
"""Tags of the two ways to write a face; the control character tells pydantic's tags from keys."""
FaceWord = Annotated[str, fields.one_of("specular", "diffuse", "absorbing", "periodic")]
MaterialName = Annotated[str, fields.material_name(*materials())]
UnitSystem = Annotated[str, fields.one_of("SI", "reduced")]


class ElectronsSection(Section):
    """[electrons]: any sufficient set of keys, see `mcpump.deck.electrons`; a material fills in what is not given."""

    name: fields.Text | None = None
    """Of the sample up to the first [[layer]], by which `magnet.layer` and the spin-orbit sections mean it."""
    thickness: fields.Length | None = None
    """Of the sample up to the first [[layer]], which begins there."""
    material: MaterialName | None = None
    """Metal whose bulk values fill in what is not given (`mcpump materials`)."""
    dimension: Annotated[int, fields.count(1, 3)] = 3
    """Dimension of the velocity sphere, at least the number of directions of the mesh."""
    fermi_wavenumber: fields.PositiveWavenumber | None = None
    """k_F; one of this, `fermi_velocity`, `fermi_energy` and `density_of_states` is enough."""
    fermi_velocity: fields.Velocity | None = None
    """v_F."""
    fermi_energy: fields.Energy | None = None
    """ε_F."""
    effective_mass: fields.PositiveNumber | None = None
    """In electron masses."""
    density_of_states: fields.StatesDensity | None = None
    """ν per spin; free electrons' if not given."""
    mean_free_path: fields.Length | None = None
    """ℓ; one of this and the next four is enough."""
    lifetime: fields.Time | None = None
    """τ = ℓ/v_F."""
    diffusion_coefficient: fields.Diffusion | None = None
    """D = v_F ℓ/dimension."""
    conductivity: fields.Conductivity | None = None
    """σ = 2e²νD."""
    resistivity: fields.Resistivity | None = None
    """1/σ."""
    mean_cosine: fields.MeanCosine | None = None
    """⟨cos⟩ of the angles by which impurities scatter, in all layers (Henyey and Greenstein): D = v_F ℓ/3(1 − ⟨cos⟩)."""
    spin_diffusion_length: fields.SpinLength | None = None
    """√(Dτ_sf)."""
    spin_relaxation_time: fields.SpinTime | None = None
    """τ_sf."""
    elliott_yafet: fields.NumberOrZero | None = None
    """τ/τ_sf, by which τ_sf follows τ, in place of the two above; rates of this and the next two add up."""
    dyakonov_perel: fields.AngularFrequency | None = None
    """Ω of 1/τ_sf = Ω²τ; Ωτ is to be small."""
    spin_flip_probability: fields.FlipProbability | None = None
    """p that a collision turns the spin over: 1/τ_sf = 2p/τ, at collisions instead of in flight."""
    exchange: fields.Energy | None = None
    """J of −J S·σ, half the band splitting; reduced: Jτ/ħ. Needed with a texture."""
    spin_hall_angle: fields.NumberButZero | None = None
    """θ_SH of this metal, used by `spin_orbit.impurity.spin_hall_angle = "material"`."""


class MaterialSection(Section):
    """[materials.NAME]: metal of one's own for `material = "NAME"`; σ = 2e²νD gives the fourth of ρ, ℓ, v_F and ν."""

    resistivity: fields.Resistivity | None = None
    """ρ; three of this (or `conductivity`), ℓ, v_F and ν are needed."""
    conductivity: fields.Conductivity | None = None
    """1/ρ, in its place."""
    mean_free_path: fields.Length | None = None
    """ℓ."""
    fermi_velocity: fields.Velocity | None = None
    """v_F."""
    density_of_states: fields.StatesDensity | None = None
    """ν per spin."""
    spin_diffusion_length: fields.SpinLength | None = None
    """√(Dτ_sf)."""
    exchange: fields.Energy | None = None
    """J, of a magnet."""
    spin_hall_angle: fields.NumberButZero | None = None
    """θ_SH."""


class FaceTable(Section):
    """A face that is neither of the words: Fuchs' specularity of what it reflects, and a share that it absorbs."""

    specularity: fields.Share = 1.0
    """Share of what is reflected that is reflected like a mirror; the rest leaves by the cosine law."""
    absorption: fields.Share = 0.0
    """Share that is absorbed."""
    mixing_conductance: fields.Mixing | None = None
    """g = g_Sh(1 − R) of an insulating magnet beyond it (`texture.kind = "insulator"`), per spin and area in e²/h."""
    reflection: fields.Reflection | None = None
    """R = r↑r↓* of spin across that magnetization, in its place; 0: all of it is taken."""


_FACES = {"specular": (0.0, 1.0), "diffuse": (0.0, 0.0), "absorbing": (1.0, 1.0), "periodic": (0.0, 1.0)}


def face_numbers(face: str | FaceTable) -> tuple[float, float]:
    """Absorption and specularity of a face."""
    return (face.absorption, face.specularity) if isinstance(face, FaceTable) else _FACES[face]


def face_word(face: str | FaceTable) -> str:
    """Return the word that a face amounts to; empty if it is between the words."""
    if isinstance(face, str):
        return face
    if face.absorption == 1.0:
        return "absorbing"
    sharp = face.absorption == 0.0
    return {1.0: "specular", 0.0: "diffuse"}.get(face.specularity, "") if sharp else ""


def _form(value: Any) -> str:
    """Tell a table from a word."""
    return TABLE if isinstance(value, dict | FaceTable) else WORD


Face = Annotated[
    Annotated[FaceWord, Tag(WORD)] | Annotated[FaceTable, Tag(TABLE)],
    Discriminator(_form),
]


class Axis(Section):
    """[sample.x], [sample.y], [sample.z]: the sample along one direction, from its `left` face to its `right`."""

    length: Annotated[fields.Length, fields.Follows("along x `thickness` of the last [[layer]]")]
    """Of the sample."""
    cells: Annotated[int, fields.count(1)]
    """Equal cells of the mesh; or the length of one, `"0.5 nm"` (reduced: with a decimal point)."""
    left: Face
    """Face at 0."""
    right: Face
    """Face at the end; `"periodic"` only on both."""


class Sample(Section):
    """[sample]."""

    x: Axis
    """Direction of the layers and planes."""
    y: Axis | None = None
    """Second direction of the mesh."""
    z: Axis | None = None
    """Third direction of the mesh."""


class LayerSection(Section):
    """[[layer]]: from `start` on the electrons differ from [electrons] in what is given here, or by a material."""

    name: fields.Text | None = None
    """By which `layer` in the spin-orbit sections and `magnet.layer` mean it, and places in `results.planes`."""
    thickness: fields.Length | None = None
    """Of the layer: the next one begins, or the sample ends, behind it."""
    start: Annotated[fields.Length, fields.Follows("`thickness` of what is before it, or the magnet's end")]
    """Where it begins, along x; it reaches to the next one's start. The first begins where a junction's magnet ends."""
    material: MaterialName | None = None
    """As in [electrons]."""
    mean_free_path: fields.Length | None = None
    """ℓ of the layer."""
    lifetime: fields.Time | None = None
    """τ of the layer."""
    diffusion_coefficient: fields.Diffusion | None = None
    """D of the layer."""
    conductivity: fields.Conductivity | None = None
    """σ of the layer."""
    resistivity: fields.Resistivity | None = None
    """1/σ of the layer."""
    fermi_velocity: fields.Velocity | None = None
    """v_F of the layer; by itself it leaves the mean free path as it is."""
    density_of_states: fields.StatesDensity | None = None
    """ν of the layer."""
    spin_diffusion_length: fields.SpinLength | None = None
    """√(Dτ_sf) of the layer."""
    spin_relaxation_time: fields.SpinTime | None = None
    """τ_sf of the layer."""
    elliott_yafet: fields.NumberOrZero | None = None
    """τ/τ_sf of the layer, by which τ_sf follows τ, in place of the two above; rates of this and the next two add up."""
    dyakonov_perel: fields.AngularFrequency | None = None
    """Ω of 1/τ_sf = Ω²τ of the layer; Ωτ is to be small."""
    spin_flip_probability: fields.FlipProbability | None = None
    """p that a collision in the layer turns the spin over: 1/τ_sf = 2p/τ, at collisions instead of in flight."""
    spin_hall_angle: fields.NumberButZero | None = None
    """θ_SH of the layer."""
    transmission: fields.ShareAboveZero = 1.0
    """Of the interface at `start`, on the side of the smaller νv_F."""
    specularity: fields.Share = 1.0
    """Mirror-like share of what that interface reflects."""
    passage: Annotated[str, fields.one_of("straight", "diffuse")] = "straight"
    """How those who pass fly on."""
    flip: fields.Share = 0.0
    """Probability that those who pass lose their spin (spin memory loss), either way."""
    memory_loss: fields.PositiveNumber | None = None
    """δ of spin memory loss, with `area_resistance`; in place of `transmission` and `flip`, which follow."""
    area_resistance: fields.AreaResistance | None = None
    """AR* of the interface, with `memory_loss`."""
    mixing_conductance: fields.Mixing | None = None
    """g = g_Sh(1 − R) of a magnet in that interface (`texture.kind = "magnetic_interface"`), on both sides."""
    reflection: fields.Reflection | None = None
    """R = r↑r↓* of spin across its magnetization, in its place; 0, if neither is given: none comes back."""
    mixing_transmission: fields.Reflection | None = None
    """T× = t↑t↓*, by which that spin passes, on the side of the smaller νv_F; 0, if not given. Spin along it passes by
    `transmission`, (T↑ + T↓)/2."""


class Drive(Section):
    """[drive]: how the texture's motion is switched: on for ever, smoothly from 0, or for a while."""

    kind: Annotated[str, fields.one_of("steady", "ramp", "pulse")] = "steady"
    """On for ever, smoothly from 0 at t = 0, or a Gaussian pulse."""
    rise: fields.Time | None = None
    """Duration of a ramp."""
    time: fields.Time | None = None
    """Middle of a pulse."""
    duration: fields.Time | None = None
    """Standard deviation of a pulse."""


class Initial(Section):
    """[initial]: non-equilibrium spin at t = 0, everywhere or on one plane."""

    spin: fields.Vector
    """Spin at t = 0 in ħνJ, or on a plane in ħνJ ℓ."""
    position: fields.LengthOrZero | None = None
    """Plane on which it is; without it everywhere."""


class Pulse(Section):
    """[pulse]: spin born at one plane at t = 0, instead of a texture."""

    position: fields.LengthOrZero
    """Plane of birth."""
    spin: fields.Vector = (0.0, 0.0, 1.0)
    """Direction and size of the spin."""


class Confined(Section):
    """What acts everywhere, in the layers of one name, or between two places along x."""

    layer: fields.Text | None = None
    """Acts in all layers of this name; `"electrons"`: before the first [[layer]]."""
    between: fields.Interval | None = None
    """Acts between two places."""


class Rashba(Confined):
    """[spin_orbit.rashba]: E_so of H = −E_so·(k×σ), `field` along `direction`."""

    field: fields.SpinOrbitField
    """Size of E_so; reduced: in ħv_F."""
    direction: fields.Vector
    """Direction of E_so, of any length."""


class Dresselhaus(Confined):
    """[spin_orbit.dresselhaus]: β of H = β (k·a σ·a − k·b σ·b), with b = n × a; it acts with `rotation` alone."""

    field: fields.SpinOrbitField
    """Size of β; reduced: in ħv_F."""
    direction: fields.Vector
    """Crystal's axis a, [100] of a well grown along [001], of any length."""
    normal: fields.Vector = (0.0, 0.0, 1.0)
    """The normal n of the well, across a; electrons of two dimensions move across z."""


class Impurity(Confined):
    """[spin_orbit.impurity]: λ_so, λ_so k_F² or θ_SH = 2λ_so k_F²/(k_F ℓ), "material" for each layer's own."""

    coupling: fields.SpinOrbitCoupling | None = None
    """λ_so; reduced: in ℓ²."""
    strength: fields.NumberButZero | None = None
    """λ_so k_F²."""
    spin_hall_angle: fields.AngleOrMaterial | None = None
    """θ_SH; `"material"`: each layer's own."""


class Skew(Confined):
    """[spin_orbit.skew]: impurities scatter aside by dθ_SH s·(v × v′), and convert the total spin current."""

    spin_hall_angle: fields.AngleOrMaterial
    """θ_SH, below 1/d; `"material"`: each layer's own."""


class SpinOrbit(Section):
    """[spin_orbit]: what turns spin currents into charge currents, or spins in every flight."""

    contact_distance: fields.Length | None = None
    """Length between contacts, for a voltage."""
    rotation: fields.Switch = False
    """Whether spins turn about the Rashba and Dresselhaus fields in every flight; they then make no charge."""
    rashba: Rashba | None = None
    """Rashba coupling."""
    dresselhaus: Dresselhaus | None = None
    """Dresselhaus coupling."""
    impurity: Impurity | None = None
    """Spin-orbit scattering of impurities."""
    skew: Skew | None = None
    """Skew scattering by impurities."""


class ElectricFieldSection(Confined):
    """[electric_field]: the drive of the spin Hall effect."""

    field: fields.ElectricField
    """Size of E; reduced: (ħ/2e)σE in ħνJ v_F."""
    direction: fields.Vector
    """Direction of E, of any length."""
    spin_hall_conductivity: fields.AnyConductivity | None = None
    """σ_SH of J_i^α = σ_SH ε_ijα E_j; θ_SH σ of each layer if not given."""


class Magnet(Section):
    """[magnet]: what pumps, for the damping that it suffers."""

    saturation_magnetization: fields.Magnetization
    """M_s."""
    layer: fields.Text | None = None
    """Name of the layer that is the magnet, whose thickness it has; of a junction the first part, `electrons.name`."""
    thickness: Annotated[
        fields.Length, fields.Follows("`layer`, `texture.interface`, or the first `layer.start`")
    ]
    """Of the magnet."""
    g_factor: fields.PositiveNumber = 2.0
    """Of the magnet."""


class Results(Section):
    """[results]: what to keep."""

    channels: fields.Channels = ("first", "second")
    """Orders in J to walk."""
    harmonics: Annotated[int, fields.count(0, 16)] = 1
    """Highest multiple of Ω that is kept; 0 for a transient."""
    planes: fields.ListOfPlaces = ()
    """Planes across x through which currents are counted. A place may begin with `interface`, where a junction's magnet
    ends, else the first [[layer]] begins, or with a layer's name: `"interface + 0.5 nm"`."""
    mean_density: fields.Switch = False
    """Whether a periodic drive’s mean density is wanted: refused where nothing holds it."""
    end: fields.Time | None = None
    """End of a transient: time bins instead of harmonics."""
    time_bins: Annotated[int, fields.count(1)] | None = None
    """Equal time bins up to `end`."""


class Stop(Section):
    """[run.stop]: when a result is known well enough."""

    quantity: fields.Text
    """What must be known, in the table's channel, e.g. `"spin_current.total.z.dc"` or `"spin_density.local.x.cos1"`."""
    at: fields.LengthOrZero
    """Plane."""
    relative_error: fields.PositiveNumber
    """Wanted."""
    max_walkers: Annotated[int, fields.count(1)]
    """Where it ends in any case."""


class Run(Section):
    """[run]: how much to walk."""

    walkers: Annotated[int, fields.count(1)] = 1_000_000
    """How many; rounded up to whole blocks, 16 of them at least."""
    seed: Annotated[int, fields.count(0, 2**64 - 1)] = 1
    """Of the random numbers."""
    walkers_per_block: fields.BlockSize = 4096
    """The statistical unit."""
    first_flights: fields.FirstFlights = "auto"
    """Work for what is known without walkers (`"auto"`: 1). Of rays: so many times 131 072, along x half as many; of
    discrete ordinates: its root times as many cells and directions. In the general walk: first flights sampled, per
    walker of the diffusive part."""
    score_interval: fields.ScoreInterval = "auto"
    """One collision in so many is scored (in lanes)."""
    walk: Annotated[str, fields.one_of("auto", "general")] = "auto"
    """`"general"` asks for the general walk."""
    phases: fields.Phases = "auto"
    """Birth times that share one path, where spins turn in another texture than a rigid precession along x, and in the
    general walk; of rays arrival times."""
    jumps: Annotated[str, fields.one_of("auto", "off")] = "auto"
    """Whether walkers far from faces jump over many flights (in lanes along x)."""
    shift: Annotated[str, fields.one_of("auto", "off")] = "auto"
    """Whether walkers of `exact` leave out the spin that follows the magnet, which is known (in lanes, where no
    solution is taken out)."""
    reference: Annotated[str, fields.one_of("auto", "slab", "diffusion", "off")] = "auto"
    """Whether walkers correct a solution, or find everything themselves: `"slab"`, by discrete ordinates, along x in a
    rigid precession; `"diffusion"`, of `first` and `second` alone, on any other mesh with specular, absorbing or
    periodic faces. Both need a sink for spin. `"auto"`: where there is one, by diffusion if walkers take fewer than
    10⁴ flights."""
    device: Annotated[str, fields.one_of("cpu", "cuda")] = "cpu"
    """`"cuda"`: walkers are followed on an NVIDIA GPU, one for each process of a node; `sums` are then `"fixed"`."""
    sums: Annotated[
        str, fields.one_of("float", "fixed"), fields.Follows('`"fixed"` with `device = "cuda"`')
    ] = "float"
    """`"fixed"`: what walkers of a block add up is rounded to integers, so that it has the same bits on a CPU and on a
    GPU (in lanes, where spins turn in flight only in a rigid precession along x)."""
    max_flights: Annotated[int, fields.count(1)] = 1_000_000_000
    """A walker that takes more stops the run."""
    stop: Stop | None = None
    """Stop rule."""


class Tables(Section):
    """The tables of a deck, each key checked by itself; quantities in SI, or in reduced units."""

    units: UnitSystem = "SI"
    """`"SI"`: quantities are texts with units; `"reduced"`: plain numbers in ℓ, τ, v_F = ħ = 1."""
    materials: Annotated[dict[str, MaterialSection], fields.NamedTables] = Field(default_factory=dict)
    """Metals of one's own."""
    electrons: ElectronsSection
    """Electron gas."""
    sample: Sample
    """Mesh and faces."""
    layer: Annotated[tuple[LayerSection, ...], fields.Tables] = ()
    """Layers along x."""
    texture: Texture | None = None
    """Magnetization."""
    drive: Drive | None = None
    """Switching."""
    initial: Initial | None = None
    """State at t = 0."""
    pulse: Pulse | None = None
    """Transport benchmark."""
    spin_orbit: SpinOrbit | None = None
    """Spin to charge."""
    electric_field: ElectricFieldSection | None = None
    """Spin Hall drive."""
    magnet: Magnet | None = None
    """Damping."""
    results: Results = Field(default_factory=lambda: Results.model_validate({}))
    """What to keep."""
    run: Run = Field(default_factory=lambda: Run.model_validate({}))
    """How much to walk."""
