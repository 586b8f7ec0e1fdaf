"""A Result as a run would hand it over, made up: the shapes and names are right, the physics is not."""

from __future__ import annotations

import dataclasses

import numpy as np

from mcpump.names import COMPONENTS, LINES, PARTS, harmonic_names
from mcpump.tally.estimates import Estimate, Result, Status

NM = 1e-9
CURRENT, DENSITY, TORQUE = "J/m^2", "J s/m^3", "J/m^3"


JUNCTION = """
units = "SI"
[electrons]
fermi_wavenumber = "13.6 /nm"
mean_free_path = "1 nm"
spin_diffusion_length = "10 nm"
exchange = "50 meV"
[sample.x]
length = "40 nm"
cells = 40
left = "specular"
right = "absorbing"
[texture]
kind = "junction"
interface = "20 nm"
width = "3 nm"
cone_angle = "10 deg"
frequency = "10 GHz"
[results]
channels = ["first", "second"]
planes = ["0 nm", "20 nm", "40 nm"]
"""


def axis(name, values, units, long_name):
    return Estimate(np.asarray(values, dtype=float), None, (name,), units, long_name)


def _junction_coords(cells, channels):
    edges = np.linspace(0, 40 * NM, cells + 1)
    planes = np.array([0.0, 20.0, 40.0]) * NM
    labels = tuple(f"{part}@{plane}" for part in ("local", "diffusive") for plane in range(len(planes)))
    return {
        "x": axis("x", (edges[1:] + edges[:-1]) / 2, "m", "cell centre"),
        "x_edge": axis("x_edge", edges, "m", "cell edge"),
        "plane": axis("plane", planes, "m", "position of the plane"),
        "channel": channels,
        "part": PARTS,
        "direction": ("x",),
        "harmonic": harmonic_names(1),
        "component": COMPONENTS,
        "line": LINES,
        "plane_part": labels,
        "plane_part_2": labels,
    }


def _shape_current(x):
    """(part, harmonic, component, position): zero at the closed face x = 0; DC z and AC x, y."""
    u = x / (40 * NM)
    current = np.zeros((3, 3, 3, x.size))
    wave = np.maximum(1 - ((u - 0.5) / 0.2) ** 2, 0.02) * (u > 0)
    rise = np.where(u < 0.5, 2 * u, 1 - 0.1 * (u - 0.5))
    current[0, 0, 2], current[1, 0, 2] = 6.5e-10 * wave, 3.46e-8 * rise
    for harmonic, component, sign in ((1, 0, 1), (2, 1, 1), (2, 0, -0.3), (1, 1, 0.3)):
        current[0, harmonic, component] = sign * 2e-8 * wave
        current[1, harmonic, component] = sign * 4e-7 * rise * np.cos(3 * u)
    current[2] = current[0] + current[1]
    return current


def _with_channels(values, channels):
    # first: the AC; second: the DC, both with the right zeros; sum: their sum
    first, second = values.copy(), np.zeros_like(values)
    first[:, 0], second[:, 0] = 0, values[:, 0]
    table = {"first": first, "second": second, "sum": values}
    return np.stack([table[channel] for channel in channels])


def junction(channels=("first", "second", "sum"), cells=40, seed=1):
    """Main job of the paper, in SI."""
    generator = np.random.default_rng(seed)
    coords = _junction_coords(cells, channels)
    x, planes = coords["x"].mean, coords["plane"].mean
    nc = len(channels)

    def noisy(values, relative, dims, units, long_name):
        stderr = relative * np.abs(values)
        return Estimate(values + stderr * generator.normal(size=values.shape), stderr, dims, units, long_name)

    profile = _with_channels(_shape_current(x), channels)[:, :, None]
    plane = _with_channels(_shape_current(planes), channels)[:, :, None]
    density = profile[:, :, 0] / 1.57e6
    head, tail = ("channel", "part"), ("harmonic", "component")
    estimates = {
        "spin_density": noisy(density, 0.02, (*head, *tail, "x"), DENSITY, "spin density g"),
        "spin_current": noisy(profile, 0.01, (*head, "direction", *tail, "x"), CURRENT, "spin current"),
        "torque": noisy(density * 1e12, 0.01, (*head, *tail, "x"), TORQUE, "torque"),
        "plane_current": noisy(
            plane, 0.004, (*head, "direction", *tail, "plane"), CURRENT, "spin current through the plane"
        ),
    }
    current = estimates["plane_current"]
    flat = np.moveaxis(current.stderr[:, :2, 0], 1, -2).reshape(nc, 3, 3, 6)
    covariance = np.einsum("chka,ab->chkab", flat**2, np.eye(6))
    estimates["plane_current_covariance"] = Estimate(
        covariance,
        None,
        ("channel", *tail, "plane_part", "plane_part_2"),
        "J^2/m^4",
        "covariance",
    )
    with np.errstate(invalid="ignore"):
        share = current.mean[:, 0, 0] / current.mean[:, 2, 0]
    estimates["local_share"] = Estimate(
        share, 0.02 * np.abs(share), ("channel", *tail, "plane"), "1", "local part over total"
    )
    estimates.update(_budget(channels))
    estimates.update(_equilibrium(x, planes))
    estimates["spin_density_mean"] = noisy(density.mean(-1), 0.02, (*head, *tail), DENSITY, "mean density")
    sums = np.arange(-12, 12).reshape(4, 6) * 2**40
    return Result(
        name="junction",
        resolved=JUNCTION,
        coords=coords,
        estimates=estimates,
        regime={
            "ell / lambda": (0.3333, "", "mean free path over width of the texture"),
            "J tau / hbar": (0.04825, "", "exchange"),
            "D": (5.2481e-4, "m^2/s", "diffusion coefficient"),
        },
        warnings=("J tau / hbar is 0.3: second order is rough.",),
        notes=("spins turn 29 rad within tau_sf: `second` keeps one ladder (the paper).",),
        walkers=1_000_000,
        blocks=64,
        seed=2**64 - 1,
        flights=1_650_000_000,
        status=Status.COMPLETE,
        message="complete",
        checkpoint={
            "sums": sums,
            "blocks": np.arange(3),
            "count": np.array(7),
        },
        provenance={"wall_time_s": 28.25, "ranks": 2, "host": "node", "versions": ["a", "b"], "gpu": False},
    )


def _budget(channels):
    budget, stderr = np.zeros((7, 3, 3)), np.zeros((7, 3, 3))
    budget[LINES.index("torque"), 0, 2] = 3.62e-8
    budget[LINES.index("relaxed"), 0, 2] = 2.9e-9
    budget[LINES.index("left_at_right"), 0, 2] = 3.33e-8
    budget[LINES.index("emitted"), 1, 0] = budget[LINES.index("left_at_right"), 1, 0] = 4e-7
    stderr[budget != 0] = 1e-10
    both = np.moveaxis(np.stack([budget] * len(channels)), 0, 1)
    errors = np.moveaxis(np.stack([stderr] * len(channels)), 0, 1)
    imbalance = np.full((len(channels), 3, 3), 2.2e-16)
    dims = ("channel", "harmonic", "component")
    return {
        "budget": Estimate(both, errors, ("line", *dims), CURRENT, "spin budget of the sample"),
        "budget_imbalance": Estimate(imbalance, None, dims, "1", "relative imbalance of the spin budget"),
    }


def _equilibrium(x, planes):
    magnetization = np.zeros((3, 3, x.size))
    envelope = (1 - np.tanh((x - 20 * NM) / (3 * NM))) / 2
    magnetization[0, 2] = 0.985 * envelope
    magnetization[1, 0] = magnetization[2, 1] = 0.1736 * envelope
    tail = ("harmonic", "component")
    none = np.zeros((1, 3, 3))
    return {
        "magnetization": Estimate(magnetization, None, (*tail, "x"), "1", "localized spins S"),
        "static_polarization": Estimate(magnetization * 1e-3, None, (*tail, "x"), DENSITY, "hbar nu J S"),
        "supercurrent": Estimate(
            none[..., None] * x, None, ("direction", *tail, "x"), CURRENT, "equilibrium super-current"
        ),
        "plane_supercurrent": Estimate(
            none[..., None] * planes,
            None,
            ("direction", *tail, "plane"),
            CURRENT,
            "super-current",
        ),
    }


def pulse(seed=2):
    """A plane pulse, in reduced units."""
    generator = np.random.default_rng(seed)
    edges, times = np.linspace(-3, 3, 25), np.array([0.0, 1.0, 2.0, 3.0])
    x, t = (edges[1:] + edges[:-1]) / 2, (times[1:] + times[:-1]) / 2
    shape = np.exp(-(x**2) / (2 * t[:, None])) / np.sqrt(2 * np.pi * t[:, None])
    local = np.exp(-t)[:, None]
    density, stderr = np.zeros((1, 3, 3, 3, x.size)), np.zeros((1, 3, 3, 3, x.size))
    density[0, 0, :, 2], density[0, 1, :, 2] = shape * local, shape * (1 - local)
    density[0, 2] = density[0, 0] + density[0, 1]
    stderr[..., 2, :] = 0.01
    density = density + stderr * generator.normal(size=stderr.shape)
    head, tail = ("channel", "part"), ("time", "component", "x")
    return Result(
        name="pulse",
        resolved='units = "reduced"\n',
        coords={
            "x": axis("x", x, "ell", "cell centre"),
            "x_edge": axis("x_edge", edges, "ell", "cell edge"),
            "time": axis("time", t, "tau", "centre of the time bin"),
            "time_edge": axis("time_edge", times, "tau", "edge of the time bin"),
            "channel": ("first",),
            "part": PARTS,
            "direction": ("x",),
            "component": COMPONENTS,
        },
        estimates={
            "spin_density": Estimate(density, stderr, (*head, *tail), "1/ell", "spin density g"),
            "spin_current": Estimate(
                (density * x)[:, :, None],
                stderr[:, :, None],
                (*head, "direction", *tail),
                "1/tau",
                "spin current",
            ),
        },
        regime={},
        warnings=(),
        notes=(),
        walkers=4096,
        blocks=16,
        seed=3,
        flights=20_000,
        status=Status.STOPPED,
        message="stopped by a signal",
    )


def same(left, right):
    """Whether two Results agree bit by bit (NaN equals NaN)."""
    arrays = {"coords", "estimates", "checkpoint", "groundwork"}
    for name in left.__dict__.keys() - arrays:
        one, other = getattr(left, name), getattr(right, name)
        # repr: a number may be NaN, which does not equal itself
        if one != other and repr(_plain(one)) != repr(_plain(other)):
            return False
    pairs = [(getattr(left, name), getattr(right, name)) for name in arrays]
    return all(a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a) for a, b in pairs)


def _plain(value):
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in sorted(value.items())}
    if isinstance(value, tuple):
        return tuple(_plain(item) for item in value)
    return value.item() if isinstance(value, np.generic) else value


def _same(left, right):
    if isinstance(left, Estimate):
        if (left.dims, left.units, left.long_name) != (right.dims, right.units, right.long_name):
            return False
        return _same(left.mean, right.mean) and _same(left.stderr, right.stderr)
    if isinstance(left, np.ndarray):
        return left.dtype == right.dtype and np.array_equal(left, right, equal_nan=left.dtype.kind == "f")
    return type(left) is type(right) and left == right


SPIRAL = """
units = "reduced"
[electrons]
exchange = 0.05
spin_relaxation_time = "none"
[sample.x]
length = {length!r}
cells = 20
left = "periodic"
right = "periodic"
[texture]
kind = "spiral"
wavelength = {length!r}
cone_angle = "10 deg"
angular_frequency = 1e-7
[results]
harmonics = 1
planes = [0.0]
"""


def spiral(q_ell, share, relative=0.01):
    """Run of a plane wave whose first-order current has a given local share."""
    length = 2 * np.pi / q_ell
    estimate = Estimate(np.array(share), np.array(relative * share), (), "1", "local share")
    resolved = SPIRAL.format(length=length)
    return dataclasses.replace(
        pulse(), name="spiral", resolved=resolved, estimates={"first_order_local_share": estimate}
    )
