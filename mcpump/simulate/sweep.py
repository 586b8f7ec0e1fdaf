"""Sweeps: the points at which a deck is walked, while one or more of its keys take a list of values.

`KEY=VALUES` is a range, start:stop [unit]:count[:log|lin], or a list, "1 nm, 2 nm, 5 nm". Several axes make a product;
keys that change together share an axis. Names of points follow from their values, so that a sweep that is made finer
finds what was walked before.
"""

from __future__ import annotations

import hashlib
import itertools
import math
import os
import re
import tomllib
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from pydantic import BaseModel, TypeAdapter, ValidationError

from mcpump.deck.quantities import DIMENSIONS, dimension_of
from mcpump.deck.read import Deck, Given, given_deck
from mcpump.deck.toml import flat, label_of, override
from mcpump.errors import InputError, show

MOST_POINTS = 10_000
RESERVED = (
    "channel", "component", "direction", "harmonic", "line", "normal", "part", "plane", "self_check", "time",
    "torque", "x", "y", "z",
)  # fmt: skip
"""Names that results files use themselves: a swept key that ends in one is called by its whole name."""
_REDUCED = {
    "length": "ell", "wavenumber": "1/ell", "time": "tau", "velocity": "v_F", "energy": "hbar/tau",
    "frequency": "1/tau", "angular_frequency": "1/tau", "diffusion_coefficient": "v_F^2 tau",
    "density_of_states": "nu", "angle": "rad",
}  # fmt: skip
_WHOLE, _WORDS = "whole number", "words"
_FORMS = 'start:stop [unit]:count[:log|lin], e.g. "0.1:100 nm:13:log", or a list, e.g. "1 nm, 2 nm, 5 nm"'
_NUMBER = re.compile(r"\s*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)\s*(.*?)\s*", re.ASCII | re.DOTALL)
_ODD = re.compile(r"[^\w.+-]+")
_INDEX = re.compile(r"([^\[\]]+)\[(\d+)\]", re.ASCII)
_OPENING, _CLOSING = "[{", "]}"


class Variable(NamedTuple):
    """A key of the deck and the values that it takes."""

    key: str
    texts: tuple[str, ...]
    """Values as the deck has them."""
    name: str
    """Name in the sweep's file: the last word of the key where that is not taken."""


class Point(NamedTuple):
    """One point of a sweep."""

    number: int
    """From 1."""
    place: tuple[int, ...]
    """Its place on every axis."""
    name: str
    """Name of its results file, without .h5."""
    overrides: tuple[str, ...]
    """What it changes in the deck, "key=value"."""


class Coordinate(NamedTuple):
    """Values of a swept key: numbers in SI or reduced units, or words."""

    key: str
    name: str
    values: tuple[float, ...] | tuple[str, ...]
    units: str
    label: str
    """What it is in words: the key, or "thickness of Pt"."""


class Sweep:
    """Every point of a sweep of a deck.

    Parameters
    ----------
    deck : path or Given
        The deck's file, or a deck as it was given.
    overrides : sequence of str
        "key=value" for all points.
    groups : sequence of sequences of str
        "KEY=VALUES": one group for an axis; keys of a group change together.
    new_walkers : bool
        Whether each point has a seed of its own, from its name; else all points have the deck's, so that they differ
        smoothly.

    Raises
    ------
    InputError
        If values cannot be read, keys come twice, or the deck refuses the first point.
    """

    def __init__(
        self,
        deck: str | os.PathLike[str] | Given,
        overrides: Sequence[str],
        groups: Sequence[Sequence[str]],
        new_walkers: bool = False,
    ) -> None:
        given_as = deck if isinstance(deck, Given) else given_deck(deck)
        self.given = given_as._replace(data=override(given_as.data, overrides))
        self.overrides = tuple(overrides)
        given = [[_split(text) for text in group] for group in groups]
        keys = [key for group in given for key, _ in group]
        _check_keys(keys, overrides, new_walkers)
        first = self._deck([f"{key}={_first(key, values)}" for group in given for key, values in group])
        kinds = {key: _kind(first, key) for key in keys}
        self.name = first.name
        names = _names(keys)
        self.axes = tuple(
            tuple(Variable(key, _values(key, values, kinds[key]), names[key]) for key, values in group)
            for group in given
        )
        self.kinds = kinds
        self.seed = first.run.seed if new_walkers else None
        self._check_sizes()
        self.points = tuple(self._points())

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of values on each axis."""
        return tuple(len(axis[0].texts) for axis in self.axes)

    def deck(self, point: Point, overrides: Iterable[str] = ()) -> Deck:
        """Deck of a point, checked; its sentence names the point where it cannot be used."""
        try:
            return self._deck([*overrides, *point.overrides])
        except InputError as error:
            raise InputError(f"point {point.number} ({point.name}): {error}") from None

    def point(self, number: int, of: int | None = None) -> Point:
        """Point by its number, counted from 1; where `of` is given the sweep must have so many."""
        if of not in (None, len(self.points)):
            raise InputError(f"--point {number}/{of}: the sweep has {len(self.points)} points")
        if not 1 <= number <= len(self.points):
            raise InputError(f"--point {number}: the sweep has points 1 to {len(self.points)}")
        return self.points[number - 1]

    def coordinates(self) -> tuple[tuple[Coordinate, ...], ...]:
        """Values of every key, axis by axis, as numbers where they are some.

        Raises
        ------
        InputError
            If a value comes twice.
        """
        found = []
        for axis, variables in enumerate(self.axes):
            along = [point for point in self.points if sum(point.place) == point.place[axis]]
            decks = [self.deck(point) for point in along]
            found.append(tuple(self._coordinate(variable, decks) for variable in variables))
            _check_distinct(found[-1][0], self.axes[axis][0])
        return tuple(found)

    def _deck(self, overrides: Iterable[str]) -> Deck:
        return self.given.deck(overrides)

    def _check_sizes(self) -> None:
        for first, *others in self.axes:
            for other in others:
                if len(other.texts) != len(first.texts):
                    raise InputError(
                        f"--with {other.key} has {len(other.texts)} values, --vary {first.key} has "
                        f"{len(first.texts)}: keys that change together need as many values"
                    )
        if (count := math.prod(self.shape)) > MOST_POINTS:
            raise InputError(f"the sweep has {count} points: at most {MOST_POINTS} are accepted")

    def _points(self) -> Iterable[Point]:
        taken: set[str] = set()
        indices = itertools.product(*map(range, self.shape))
        for number, index in enumerate(indices, 1):
            pairs = list(zip(self.axes, index, strict=True))
            name = _file_name([(axis[0].name, axis[0].texts[i]) for axis, i in pairs])
            if name in taken:
                raise InputError(
                    f"the sweep has the point {show(name)} twice: give every value once, in one unit"
                )
            taken.add(name)
            overrides = [f"{variable.key}={variable.texts[i]}" for axis, i in pairs for variable in axis]
            if self.seed is not None:
                overrides.append(f"run.seed={_seed(self.seed, name)}")
            yield Point(number, index, name, tuple(overrides))

    def _coordinate(self, variable: Variable, decks: Sequence[Deck]) -> Coordinate:
        values = [_value_at(deck, variable.key) for deck in decks]
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            kind = self.kinds[variable.key]
            units = _units(kind, decks[0].reduced)
            # a change of unit leaves rounding behind, which would make a value hard to name
            numbers = tuple(float(f"{value:.14g}") for value in values)
            return Coordinate(
                variable.key, variable.name, numbers, units, label_of(self.given.data, variable.key)
            )
        return Coordinate(variable.key, variable.name, variable.texts, "1", variable.key)


def _check_keys(keys: Sequence[str], overrides: Iterable[str], new_walkers: bool) -> None:
    """Refuse a key that is set twice."""
    for number, key in enumerate(keys):
        if key in keys[:number]:
            raise InputError(f"{key} is swept twice: name it in one --vary or --with")
    fixed = {text.partition("=")[0].strip() for text in overrides}
    if both := sorted(fixed & set(keys)):
        raise InputError(f"{both[0]} is swept, so that it cannot be set to one value as well")
    if new_walkers and "run.seed" in keys:
        raise InputError("run.seed is swept, so that --new-walkers has nothing to choose")


def _check_distinct(coordinate: Coordinate, variable: Variable) -> None:
    """Refuse a value that comes twice, even in another unit."""
    seen: dict[float | str, str] = {}
    values: tuple[float | str, ...] = coordinate.values
    for value, text in zip(values, variable.texts, strict=True):
        if value in seen:
            raise InputError(
                f"--vary {variable.key}: {show(seen[value])} and {show(text)} are the same value"
            )
        seen[value] = text


def _split(text: str) -> tuple[str, str]:
    """KEY=VALUES → key, values."""
    key, equals, values = text.partition("=")
    if not equals or not key.strip() or not values.strip():
        raise InputError(f"--vary {show(text)} must be KEY=VALUES with VALUES {_FORMS}")
    return key.strip(), values.strip()


def _first(key: str, values: str) -> str:
    """First value, as the deck has it."""
    return _range(key, values)[0] if _is_range(values) else _listed(key, values)[0]


def _values(key: str, values: str, kind: str) -> tuple[str, ...]:
    """Values as the deck has them."""
    if not _is_range(values):
        return _listed(key, values)
    if kind == _WORDS:
        raise InputError(
            f"--vary {key}: {show(values)} is a range, but the key takes no numbers: give a list"
        )
    return _range(key, values, kind == _WHOLE)


def _is_range(values: str) -> bool:
    """Whether values are start:stop:count; a list may hold colons in quotes only."""
    return ":" in values and '"' not in values


def _listed(key: str, values: str) -> tuple[str, ...]:
    """Split a list at the commas outside of brackets and quotes."""
    parts, depth, quoted = [""], 0, False
    for character in values:
        quoted ^= character == '"'
        depth += (character in _OPENING) - (character in _CLOSING) if not quoted else 0
        if character == "," and depth == 0 and not quoted:
            parts.append("")
        else:
            parts[-1] += character
    parts = [part.strip() for part in parts]
    if not all(parts):
        raise InputError(f"--vary {key}: {show(values)} has an empty value: accepted is {_FORMS}")
    return tuple(parts)


def _range(key: str, text: str, whole: bool = False) -> tuple[str, ...]:
    """Values of start:stop [unit]:count[:log|lin]."""

    def refuse(reason: str) -> InputError:
        return InputError(f"--vary {key}: {show(text)} {reason}; accepted is {_FORMS}")

    parts = [part.strip() for part in text.split(":")]
    if len(parts) not in (3, 4):
        raise refuse("is no range")
    ends = [_NUMBER.fullmatch(part) for part in parts[:2]]
    if ends[0] is None or ends[1] is None:
        raise refuse("begins or ends with no number")
    start, stop, unit = float(ends[0][1]), float(ends[1][1]), ends[1][2]
    if ends[0][2] not in ("", unit):
        raise refuse(f"has two units, {show(ends[0][2])} and {show(unit)}")
    if not parts[2].isascii() or not parts[2].isdigit() or not 2 <= int(parts[2][:9]) <= MOST_POINTS:
        raise refuse(f"has the count {show(parts[2])}, which must be a whole number from 2 to {MOST_POINTS}")
    spacing = parts[3] if len(parts) == 4 else "lin"
    if spacing not in ("log", "lin"):
        raise refuse(f"has the spacing {show(spacing)}, which must be log or lin")
    if start == stop:
        raise refuse("begins where it ends")
    if spacing == "log" and not start * stop > 0.0:
        raise refuse("has logarithmic spacing, for which both ends must be positive")
    values = _spaced(start, stop, int(parts[2]), spacing == "log", whole)
    if len(set(values)) < len(values):
        raise refuse(f"has fewer than {parts[2]} whole numbers")
    return tuple(f"{value} {unit}".strip() for value in values)


def _spaced(start: float, stop: float, count: int, log: bool, whole: bool) -> list[str]:
    """Numbers between two ends, which are kept as they are.

    The others are rounded where it matters as little as 1e-6 of a step or of themselves: they are names of files
    and part of commands.
    """
    exact = np.geomspace(start, stop, count) if log else np.linspace(start, stop, count)
    texts = []
    for i, value in enumerate(exact):
        step = min(abs(exact[j] - value) for j in (i - 1, i + 1) if 0 <= j < count)
        size = min(abs(value), step) if value and log else step
        digits = 0 if whole else 6 - math.floor(math.log10(size))
        end = start if i == 0 else stop
        rounded = round(float(value), digits) if 0 < i < count - 1 else end
        texts.append(f"{rounded + 0.0:.15g}")
    return texts


def _names(keys: Sequence[str]) -> dict[str, str]:
    """Name of each key: its last word where that says enough, else all of it."""
    last = {key: key.rpartition(".")[2] for key in keys}
    short = list(last.values())

    def plain(text: str) -> str:
        return re.sub(r"\W+", "_", text).strip("_")

    return {
        key: plain(key if short.count(last[key]) > 1 or plain(last[key]) in RESERVED else last[key])
        for key in keys
    }


def _file_name(pairs: Iterable[tuple[str, str]]) -> str:
    """Name for a file: "mean_free_path=1nm,frequency=10GHz"."""
    name = ",".join(f"{key}={_ODD.sub('_', text.replace(' ', ''))}" for key, text in pairs)
    if len(name.encode()) <= 200:
        return name
    return hashlib.sha256(name.encode()).hexdigest()[:32]  # no file system takes longer ones than 255


def _seed(seed: int, name: str) -> int:
    """Seed of a point of its own, which further points do not change."""
    return (seed + int.from_bytes(hashlib.sha256(name.encode()).digest()[:7])) % 2**63


def _kind(deck: Deck, key: str) -> str:
    """What a key takes: a name out of `DIMENSIONS`, whole numbers, plain numbers (""), or words."""
    holder, _, name = key.rpartition(".")
    section = _value_at(deck, holder) if holder else deck
    field = type(section).model_fields.get(name) if isinstance(section, BaseModel) else None
    if field is None:
        if not isinstance(_value_at(deck, key), int | float):
            return _WORDS
        # a parameter of a user's texture has the dimension that is written
        return dimension_of(dict(flat(tomllib.loads(deck.resolved))).get(key))
    adapter: TypeAdapter[Any] = TypeAdapter(field.rebuild_annotation())
    # the kinds of a key's values are known to its check alone: it takes the example of its own dimension
    for dimension, about in DIMENSIONS.items():
        if _takes(adapter, about.example):
            # frequencies are asked first: a key that takes any text takes the first of all
            return dimension if not _takes(adapter, "no quantity") else _WORDS
    value = _value_at(deck, key)
    if isinstance(value, int) and not isinstance(value, bool):
        return _WHOLE
    return "" if isinstance(value, float) or _takes(adapter, 1) or _takes(adapter, 0.5) else _WORDS


def _takes(adapter: TypeAdapter[Any], value: Any) -> bool:
    """Whether a check takes a value in an SI deck."""
    try:
        adapter.validate_python(value, context={"reduced": False})
    except ValidationError:
        return False
    return True


def _value_at(deck: Deck, key: str) -> Any:
    """Value of a dotted key of a deck."""
    value: Any = deck
    for part in key.split("."):
        match = _INDEX.fullmatch(part)
        name = match[1] if match else part
        value = value.get(name) if isinstance(value, dict) else getattr(value, name, None)
        if match:
            value = value[int(match[2])]
    return value


def _units(kind: str, reduced: bool) -> str:
    """Units of a key's values."""
    if kind not in DIMENSIONS:
        return "1"
    return _REDUCED.get(kind, "1") if reduced else DIMENSIONS[kind].si
