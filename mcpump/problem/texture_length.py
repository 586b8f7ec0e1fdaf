"""Length scale λ of a texture, over which what it pumps changes: stated, known from its shape, or taken from S itself.

A user's texture and snapshots have no width or wave number that a deck could tell. Theirs is a mean of the local wave
number k over the magnet and one period (or the time of a transient),

    1/λ = Σ |Ṡ|² k² / Σ |Ṡ|² k,    k = the larger of |∂S|/max|S| and |∂Ṡ|/|Ṡ|,

with |∂S|² = Σ_i |∂_i S|² over the directions of the mesh. The weight |Ṡ|² k leaves out where S rests or is uniform. So a
spiral has λ = 1/|q| for any cone angle, a wall that moves its width, a penetrating precession its depth, a junction 1.5
of its width. A static texture is weighed with |S| instead of |Ṡ|.

Sharp steps of S, first of all the surface at which a magnet ends and S is 0 beyond, are left out of k. Where the magnet
ends within the sample, λ is at most its extent. Nothing of this depends on the mesh on which results are kept.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mcpump.deck.deck import Deck
from mcpump.deck.textures import Junction, Modulated, Ovf, Spiral, User
from mcpump.problem.texture import moving_texture, program_of, snapshots_of
from mcpump.textures.ovf_series import Snapshots
from mcpump.textures.program import Program
from mcpump.textures.sampled import SampledTexture
from mcpump.textures.snapshots import sampled
from mcpump.textures.user import Probe, load_user_texture, spread

Array = NDArray[np.float64]

POINTS = 8192
"""Places and times at which a user's texture is looked at."""
STEP, TIME_STEP = 1e-5, 1e-3
"""Steps of its difference quotients, in lengths of the sample and natural times."""
SHARP, FAINT = 0.1, 1e-3
"""Change over STEP that is a sharp step, and |S| below which there is no magnet, both of the largest |S|."""
ENDS = 0.01
"""Share of the sample's length by which a user's magnet ends before the sample does, if it ends within."""
CELLS, TIMES = 4096, 24
"""Cells and times at which snapshots are looked at, at most."""
ROUNDING = 1e-6
"""Changes of S over a step of snapshots that are no change."""


class TextureLength(NamedTuple):
    """Length scale of a texture, in the deck's units."""

    length: float
    """λ; inf if S is uniform, NaN without a texture."""
    ends: dict[str, float]
    """Direction → extent of a magnet along it that ends within the sample; empty where λ is stated or of the shape."""


def texture_length(deck: Deck) -> TextureLength:
    """Find the length scale of a deck's texture.

    Parameters
    ----------
    deck : Deck
        A checked deck, whose user's texture or snapshots have been checked, too.

    Returns
    -------
    TextureLength
        Junction: its width. Spiral and modulated: 1/|q|. A user's texture and snapshots without
        `texture.length_scale`: see the module. Others: as their shape has it.
    """
    texture = deck.texture
    if texture is None:
        return TextureLength(math.nan, {})
    if isinstance(texture, Junction):
        return TextureLength(texture.width, {})
    if isinstance(texture, Spiral | Modulated):
        return TextureLength(1.0 / abs(deck.wave_number), {})
    if not isinstance(texture, User | Ovf):
        return TextureLength(moving_texture(deck).length * deck.gas.ell, {})
    if texture.length_scale is not None:
        return TextureLength(texture.length_scale, {})
    gas, end = deck.gas, (deck.results.end or 0.0) / deck.gas.tau
    lengths = tuple(axis.length / gas.ell for axis in deck.axes.values())
    if isinstance(texture, User):
        program, moving = program_of(deck), moving_texture(deck)
        assert program is not None
        units = (1.0, 1.0) if deck.reduced else (gas.ell, gas.tau)
        span = end if deck.is_transient else moving.period
        found = _of_user(program, program.sha256, units, lengths, span, TIME_STEP * moving.time)
    else:
        snapshots = snapshots_of(deck)
        assert snapshots is not None
        found = _of_snapshots(snapshots, lengths, end)
    inverse, extents = found
    largest = max([inverse, *(1.0 / extent for extent in extents.values())])
    return TextureLength(
        gas.ell / largest if largest else math.inf, {name: gas.ell * size for name, size in extents.items()}
    )


def mean_wave_number(S: Array, rate: Array, slopes: Array, rate_slopes: Array) -> float:
    """1/λ of S at many places and times, by the formula of the module.

    Parameters
    ----------
    S, rate : (3, n) arrays
        S and Ṡ.
    slopes, rate_slopes : (axes, 3, n) arrays
        ∂_i S and ∂_i Ṡ.

    Returns
    -------
    float
        0 where nothing changes in space.
    """
    if not rate.any():
        rate, rate_slopes = S, slopes
    largest = math.sqrt(float((S**2).sum(axis=0).max(initial=0.0)))
    if largest == 0.0:
        return 0.0
    speed = np.sqrt((rate**2).sum(axis=0))
    change = speed * np.sqrt((slopes**2).sum(axis=(0, 1))) / largest
    change = np.maximum(change, np.sqrt((rate_slopes**2).sum(axis=(0, 1))))
    weight = float((speed * change).sum())
    return float((change**2).sum()) / weight if weight else 0.0


# The regime asks for it twice.
@lru_cache(maxsize=4)
def _of_user(
    program: Program,
    sha256: str,
    units: tuple[float, float],
    lengths: tuple[float, ...],
    span: float,
    delay: float,
) -> tuple[float, dict[str, float]]:
    """1/λ [1/ℓ] of a user's file with this content, and extents [ℓ] of a magnet that ends within the sample."""
    probe = Probe(load_user_texture(program, *units).user_function, program.path, *units)
    axes, size_of = len(lengths), np.array(lengths)
    steps = STEP * size_of
    points = np.array(list(spread(POINTS)))
    places, times = np.zeros((POINTS, 3)), points[:, 3] * span
    places[:, :axes] = points[:, :axes] * (size_of - steps)
    S, rate = _probed(probe, places, times, delay)
    size = np.sqrt((S**2).sum(axis=0))
    slopes, rate_slopes = np.zeros((2, axes, *S.shape))
    for axis, step in enumerate(steps):
        beside, rate_beside = _probed(probe, places + step * np.eye(3)[axis], times, delay)
        sharp = np.sqrt(((beside - S) ** 2).sum(axis=0)) > SHARP * size.max()
        sharp |= beside.any(axis=0) != S.any(axis=0)
        slopes[axis] = np.where(sharp, 0.0, (beside - S) / step)
        rate_slopes[axis] = np.where(sharp, 0.0, (rate_beside - rate) / step)
    inverse = mean_wave_number(S, rate, slopes, rate_slopes)
    magnet, extents = places[size > FAINT * size.max()], {}
    for axis, length in enumerate(lengths):
        low, high = magnet[:, axis].min(initial=length), magnet[:, axis].max(initial=0.0)
        if high > low and (low > ENDS * length or high < (1.0 - ENDS) * length):
            extents["xyz"[axis]] = float(high - low)
    return (inverse if inverse * max(lengths) > ROUNDING else 0.0), extents


def _probed(probe: Probe, places: Array, times: Array, delay: float) -> tuple[Array, Array]:
    """S and Ṡ of a user's texture at places and times, (3, n) each."""
    early, late = (
        np.array([probe((x, y, z, t)) for (x, y, z), t in zip(places, times + shift, strict=True)]).T
        for shift in (-delay, delay)
    )
    return 0.5 * (early + late), (late - early) / (2.0 * delay)


@lru_cache(maxsize=4)
def _of_snapshots(
    snapshots: Snapshots, lengths: tuple[float, ...], end: float
) -> tuple[float, dict[str, float]]:
    """1/λ [1/ℓ] of snapshots, and extents [ℓ] of a magnet that ends within the sample."""
    texture = sampled(snapshots)
    magnet = np.flatnonzero(texture.rows >= 0)
    places = _middles(texture, magnet)
    inside = np.ones(len(magnet), bool)
    for place, length in zip(places, lengths, strict=False):
        inside &= (place > 0.0) & (place < length)
    chosen = _some(magnet[inside], CELLS)
    if texture.breaks.size:
        span, start = end, texture.frame.start
    else:
        span, start = 2.0 * math.pi / texture.frame.Omega if texture.frame.Omega else 1.0, 0.0
    times = start + span * (np.arange(TIMES) + 0.5) / TIMES
    S, rate = _values(texture, chosen, times)
    slopes, rate_slopes = np.zeros((2, len(lengths), *S.shape))
    for axis in range(len(lengths)):
        cells, apart = _beside(texture, chosen, axis)
        beside, rate_beside = _values(texture, cells, times)
        slopes[axis] = (beside - S) * np.tile(apart, TIMES)
        rate_slopes[axis] = (rate_beside - rate) * np.tile(apart, TIMES)
    inverse = mean_wave_number(S, rate, slopes, rate_slopes)
    return (inverse if inverse * texture.length > ROUNDING else 0.0), _extents(texture, places, lengths)


def _middles(texture: SampledTexture, cells: NDArray[np.intp]) -> Array:
    """Middles of cells along the sample's x, y, z [ℓ]."""
    frame = texture.frame
    numbers = [cells // stride % n for stride, n in zip(frame.strides, frame.cells, strict=True)]
    return np.array([
        low + (number + 0.5) / per_cell
        for low, number, per_cell in zip(frame.corner, numbers, frame.per_cell, strict=True)
    ])  # fmt: skip


def _extents(texture: SampledTexture, places: Array, lengths: Sequence[float]) -> dict[str, float]:
    """Extents [ℓ] of the magnet, whose cells have these middles, along the directions in which it ends in the sample."""
    extents = {}
    for axis, length in enumerate(lengths):
        half, slack = 0.5 / texture.frame.per_cell[axis], ROUNDING * length
        low, high = float(places[axis].min()) - half, float(places[axis].max()) + half
        if low > slack or high < length - slack:
            extents["xyz"[axis]] = min(high, length) - max(low, 0.0)
    return extents


def _some(cells: NDArray[np.intp], most: int) -> NDArray[np.intp]:
    """At most so many of the cells, spread over all of them without a period of their own."""
    if len(cells) <= most:
        return cells
    golden = 0.5 * (math.sqrt(5.0) - 1.0)
    return cells[np.unique((len(cells) * (np.arange(most) * golden % 1.0)).astype(np.intp))]


def _beside(texture: SampledTexture, cells: NDArray[np.intp], axis: int) -> tuple[NDArray[np.intp], Array]:
    """A magnetic cell next to each along an axis, and ±1/step [1/ℓ]; the cell itself and 0 where there is none."""
    frame = texture.frame
    stride, count = frame.strides[axis], frame.cells[axis]
    number = cells // stride % count
    found, apart = cells.copy(), np.zeros(len(cells))
    for sign in (-1, 1):
        there = number + sign
        if frame.wrap[axis]:
            there %= count
        known = (there >= 0) & (there < count) & (there != number)
        other = np.where(known, cells + (there - number) * stride, cells)
        known &= texture.rows[other] >= 0
        found[known], apart[known] = other[known], sign * frame.per_cell[axis]
    return found, apart


def _values(texture: SampledTexture, cells: NDArray[np.intp], times: Array) -> tuple[Array, Array]:
    """S and Ṡ at the middles of cells and some times of the simulation, (3, times · cells) each."""
    rows, table, breaks, Omega = texture.rows[cells], texture.table, texture.breaks, texture.frame.Omega
    parts: list[tuple[Array, Array]] = []
    for time in times:
        if breaks.size:
            piece = min(max(int(np.searchsorted(breaks, time, side="right")) - 1, 0), len(breaks) - 2)
            per_time = 1.0 / (breaks[piece + 1] - breaks[piece])
            u = (time - breaks[piece]) * per_time
            weights = texture.pieces[piece] @ [1.0, u, u * u, u**3]
            rates = texture.pieces[piece] @ [0.0, 1.0, 2.0 * u, 3.0 * u * u] * per_time
            columns = table[rows, piece : piece + 4]
        else:
            n = np.arange(1, texture.harmonics + 1)
            weights, rates, columns = np.ones(2 * len(n) + 1), np.zeros(2 * len(n) + 1), table[rows]
            weights[1::2], weights[2::2] = np.cos(n * Omega * time), np.sin(n * Omega * time)
            rates[1::2], rates[2::2] = -n * Omega * weights[2::2], n * Omega * weights[1::2]
        parts.append((np.tensordot(weights, columns, (0, 1)).T, np.tensordot(rates, columns, (0, 1)).T))
    S, rate = (np.concatenate([part[k] for part in parts], axis=1) for k in (0, 1))
    return S, rate
