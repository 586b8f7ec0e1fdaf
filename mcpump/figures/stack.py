"""Sweeps of a stack: how the spin current into its metal depends on thickness, frequency and cone angle.

Each is held against its limit: beyond a plane behind the texture a closed metal of thickness d takes
∫j dx = j λ_s tanh(d/2λ_s) (Valet and Fert, ℓ ≪ λ_s); the DC current is linear in Ω, and as sin²θ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from mcpump.deck.read import Deck, deck_from_dict
from mcpump.deck.textures import Precession
from mcpump.errors import InputError
from mcpump.figures.style import (
    DOUBLE,
    MM,
    axis_label,
    axis_power,
    draw_points,
    drawing,
    line_colour,
    new_figure,
)
from mcpump.problem.scene import Layer
from mcpump.report.words import headline_of, plane_current, positions
from mcpump.tally.estimates import Estimate, Result

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Point(NamedTuple):
    """One run of a sweep."""

    x: float
    """What is swept: d/λ_s, Ωτ_sf, or the cone angle [rad]."""
    y: float
    """∫j dx/(jλ_s) behind the first plane, or the DC current through it [J/m²]."""
    error: float


def thickness_point(result: Result) -> Point:
    """Tell what the metal behind a run's first plane takes of the DC current, ∫j dx/(jλ_s), against d/λ_s."""
    j, gas, behind = _through(result), _deck(result).gas, _behind(result)
    x = j.coords["plane"]
    D = behind.v**2 / (gas.dimension * behind.transport)
    lam_s = math.sqrt(D / behind.gamma_sf) * gas.ell
    edges = positions(result, "x_edge").mean
    weight = np.clip(edges[1:] - np.maximum(edges[:-1], x), 0.0, None)
    here = {axis: j.coords[axis] for axis in ("channel", "part", "harmonic", "component")}
    current = _need(result, "spin_current").sel(direction="x", **here)
    # the errors of cells as if they agreed
    taken, noise = (float(weight @ values) / lam_s for values in (current.mean, current.error))
    share = taken / float(j.mean)
    error = abs(share) * math.hypot(noise / taken, float(j.error) / float(j.mean))
    return Point((edges[-1] - x) / lam_s, share, error)


def frequency_point(result: Result) -> Point:
    """DC current through a run's first plane, against Ωτ_sf behind it."""
    _precession(result)
    deck = _deck(result)
    j, Omega = _through(result), deck.angular_frequency or 0.0
    return Point(Omega * deck.gas.tau / _behind(result).gamma_sf, float(j.mean), float(j.error))


def cone_point(result: Result) -> Point:
    """DC current through a run's first plane, against the cone angle [rad]."""
    texture, j = _precession(result), _through(result)
    return Point(texture.cone_angle, float(j.mean), float(j.error))


def stack_figure(
    thickness: Sequence[Point] = (), frequency: Sequence[Point] = (), cone: Sequence[Point] = ()
) -> Figure:
    """Draw the sweeps that are there, a panel each, with their limits as lines.

    Raises
    ------
    InputError
        If there is none.
    """
    panels = [
        (
            "thickness",
            thickness,
            r"thickness $d/\lambda_s$",
            r"$\int j\,dx\,/\,(j\lambda_s)$",
            _tanh,
            r"$\tanh(d/2\lambda_s)$",
        ),
        ("frequency", frequency, r"$\Omega\tau_{sf}$", "DC current", _linear, r"$\propto\Omega$"),
        ("cone", cone, "cone angle [deg]", "DC current", _sine, r"$\propto\sin^2\theta$"),
    ]
    there = [panel for panel in panels if panel[1]]
    if not there:
        raise InputError("there is no run of a sweep to draw")
    with drawing():
        figure, axes = new_figure(DOUBLE * len(there) / 3.0, 55 * MM, 1, len(there), squeeze=False)
        for axis, (name, points, x_label, y_label, limit, words) in zip(axes[0], there, strict=True):
            axis.set_label(name)
            x, y, error = (np.array(values) for values in zip(*sorted(points), strict=True))
            power = 0 if points is thickness else axis_power(y)
            y, error = y / 10.0**power, error / 10.0**power
            fine, line = limit(x, y)
            unit = 180.0 / math.pi if points is cone else 1.0
            axis.plot(fine * unit, line, color="0.4", label=words)
            draw_points(axis, x * unit, y, error, "o", color=line_colour(0), label="Monte Carlo")
            axis.set_xlabel(x_label)
            axis.set_ylabel(y_label if points is thickness else axis_label(y_label, "J/m^2", power))
            if points is frequency:
                axis.set_xscale("log")
                axis.set_yscale("log")
            axis.legend()
    return figure


Line = tuple[np.ndarray, np.ndarray]


def _tanh(x: np.ndarray, y: np.ndarray) -> Line:
    fine = np.linspace(0.0, 1.05 * x.max(), 100)
    return fine, np.tanh(0.5 * fine)


def _linear(x: np.ndarray, y: np.ndarray) -> Line:
    """Line through the lowest frequency."""
    fine = np.geomspace(x.min(), x.max(), 50)
    return fine, y[0] / x[0] * fine


def _sine(x: np.ndarray, y: np.ndarray) -> Line:
    """sin²θ with the amplitude that fits best."""
    shape = np.sin(x) ** 2
    fine = np.linspace(0.0, 1.05 * x.max(), 100)
    return fine, float(y @ shape / (shape @ shape)) * np.sin(fine) ** 2


Limit = Callable[[np.ndarray, np.ndarray], Line]


def _deck(result: Result) -> Deck:
    return deck_from_dict(result.deck, result.name)


def _need(result: Result, name: str) -> Estimate:
    if name not in result.estimates or result.estimates[name].clock != "harmonic":
        raise InputError(f"{result.name} has no {name} of a periodic drive, which a sweep of a stack needs")
    return result.estimates[name]


def _behind(result: Result) -> Layer:
    """Layer behind the first plane, whose spin relaxes."""
    deck, x = _deck(result), float(positions(result, "plane").mean[0])
    behind = [layer for layer in deck.media if layer.start * deck.gas.ell <= x * (1.0 + 1e-9)][-1]
    if behind.gamma_sf == 0.0:
        raise InputError(
            f"{result.name}: no spin relaxes behind its first plane, so that λ_s is infinite there"
        )
    return behind


def _precession(result: Result) -> Precession:
    texture = _deck(result).texture
    if not isinstance(texture, Precession):
        raise InputError(f"{result.name} has no precession, whose frequency or cone angle could be swept")
    return texture


def _through(result: Result) -> Estimate:
    """Largest component of the DC current through the first plane."""
    _need(result, "plane_current")
    total = plane_current(result).sel(channel=headline_of(result).channel, part="total", harmonic="dc")
    there = total.sel(plane=total.places("plane")[0])
    # NaN, a number that is not resolved, counts as the largest
    one = there.sel(component=there.places("component")[int(np.argmax(np.abs(there.mean)))])
    if not one.mean:
        raise InputError(f"{result.name} has no DC spin current through its first plane")
    return one
