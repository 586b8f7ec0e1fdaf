"""Kinds of values in a deck: each says in one sentence what it accepts.

pydantic calls these checks; a refusal is a ValueError whose text holds `KEY` where the dotted key
belongs, which only the reader of the whole deck knows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, model_validator
from pydantic_core import PydanticUndefined

from mcpump.deck import hints
from mcpump.deck.quantities import DIMENSIONS, number, parameter, quantity
from mcpump.errors import InputError, show
from mcpump.names import CHANNELS

KEY = "\x00"
"""Stands for the dotted key in a refusal (no TOML text can hold it unescaped)."""
MATERIAL = "material"
"""Stands for each layer's own spin Hall angle."""
LONGEST = 1.0
"""Lengths of an SI deck are below this [m]; only a spin diffusion length, which may be "none", has no bound."""
_MOST_NAMED = 20
"""Keys that a sentence names."""
_LARGEST_COUNT = 10**15
_DIGIT = re.compile("[0-9]")
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_HUGE = 1e60
PLACE_AND_TIME = ("x", "y", "z", "t")
"""What a texture is a function of."""
"""Limits from which they are not worth telling."""


class Section(BaseModel):
    """A table of the deck: unknown keys are refused, with the nearest known one."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)

    @model_validator(mode="before")
    @classmethod
    def _known_keys_only(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            raise ValueError(f"{KEY} = {show(data)} must be a table with the keys {_named(cls.model_fields)}")
        for key in data:
            if key not in cls.model_fields:
                raise ValueError(unknown_key(key, cls.model_fields))
        return data


def _named(keys: Iterable[str]) -> str:
    """Keys in a sentence; the first of many."""
    first, rest = [*keys][:_MOST_NAMED], [*keys][_MOST_NAMED:]
    return ", ".join(first) + (f" and {len(rest)} more, which mcpump keys tells" if rest else "")


def unknown_key(key: Any, known: Iterable[str]) -> str:
    """Sentence for a key that is none, with the nearest one that is."""
    known = list(known)
    near = hints.nearest(key, known) if isinstance(key, str) else ""
    hint = f"did you mean {near}?" if near else f"known are {_named(known)}"
    return f"{KEY} has an unknown key {show(key)}: {hint}"


class Follows(NamedTuple):
    """Marks a key that follows from others where it is left out."""

    keys: str
    """Their names, for the reference of all keys."""


ACCEPTED: dict[Any, str] = {}
"""Function of a check → what it accepts, for the reference of all keys."""


AS_CHECKED: Any = PydanticUndefined
"""What a check takes is what it is checked to be after it, for the schema."""
Quantity = float | Annotated[str, Field(pattern="[0-9]")]


def _check(function: Callable[..., Any], accepts: str, takes: Any = Any) -> BeforeValidator:
    """Check of a value, what it accepts in words, and the type of that, for the schema (`mcpump.deck.schema`)."""
    ACCEPTED[function] = accepts
    return BeforeValidator(function, json_schema_input_type=takes)


def _must(
    test: Callable[[Any], bool],
    be: str,
    accepts: str,
    to: Callable[[Any], Any] | None = None,
    takes: Any = AS_CHECKED,
) -> BeforeValidator:
    """Check by a test: what the value must be ({}: the value), what is accepted in the reference, and what it becomes."""

    def check(value: Any) -> Any:
        if not test(value):
            raise ValueError(f"{KEY} = {show(value)} must be {be.format(show(value))}")
        return value if to is None else to(value)

    return _check(check, accepts, takes)


def _listed(fewest: int, most: float, be: str, accepts: str) -> BeforeValidator:
    """Check of a list with so many entries, each checked after this."""
    return _must(lambda value: isinstance(value, list | tuple) and fewest <= len(value) <= most, be, accepts)


def _choice(numbers: tuple[int, ...], be: str, accepts: str) -> BeforeValidator:
    """Check of a whole number out of a few."""

    def test(value: Any) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and value in numbers

    return _must(test, be, accepts, int, Literal[numbers])


def _names(value: Any) -> tuple[Any, ...]:
    """One name, or a list of them."""
    return tuple(value) if isinstance(value, list | tuple) else (value,)


def _are_names(value: Any) -> bool:
    names = _names(value)
    return len(names) > 0 and all(isinstance(name, str) and name for name in names)


def _refusing(check: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """Call a check that raises InputError; pydantic wants a ValueError."""
    try:
        return check(*arguments, **options)
    except InputError as error:
        raise ValueError(str(error)) from None


def _range(value: Any, result: float, sign: str) -> float:
    """Refuse the wrong sign."""
    wanted = {"positive": result > 0.0, "at least 0": result >= 0.0, "not 0": result != 0.0, "any": True}
    if not wanted[sign]:
        raise ValueError(f"{KEY} = {show(value)} must be {sign}")
    return result


def _of_sign(sign: str) -> str:
    return {"positive": "", "at least 0": " or 0", "not 0": ", any sign but 0", "any": ", any sign"}[sign]


def _words(words: Iterable[str]) -> str:
    return ", ".join(f'`"{word}"`' for word in words)


def _count_text(count: int) -> str:
    return "2^64 − 1" if count == 2**64 - 1 else str(count)


def physical(dimension: str, sign: str = "positive", longest: float = math.inf) -> BeforeValidator:
    """Check of a quantity, in an SI deck below `longest` in magnitude; the context says whether the deck is reduced."""

    def check(value: Any, info: ValidationInfo) -> float:
        reduced = bool((info.context or {}).get("reduced"))
        result = _range(value, _refusing(quantity, value, KEY, dimension, reduced), sign)
        if not reduced and abs(result) >= longest:
            raise ValueError(f"{KEY} = {show(value)} is longer than any sample{hints.of_metres(value)}")
        return result

    words = DIMENSIONS[dimension].accepts or dimension.replace("_", " ")
    return _check(check, words + _of_sign(sign), Quantity)


def plain(sign: str = "any", limit: float = math.inf) -> BeforeValidator:
    """Check of a plain number, at most `limit` in magnitude."""

    def check(value: Any) -> float:
        result = _range(value, _refusing(number, value, KEY), sign)
        if abs(result) > limit:
            raise ValueError(f"{KEY} = {show(value)} must lie between {-limit:g} and {limit:g}")
        return result

    return _check(
        check,
        "positive " * (sign == "positive")
        + "number"
        + _of_sign(sign)
        + (f", at most {limit:g} in magnitude" if limit < _HUGE else ""),
        float,
    )


def between(lowest: float, highest: float, above: bool = False) -> BeforeValidator:
    """Check of a plain number from `lowest` (itself excluded if `above`) to `highest`."""

    def check(value: Any) -> float:
        result = _refusing(number, value, KEY)
        if not lowest <= result <= highest or (above and result == lowest):
            wanted = (
                f"above {lowest:g} and at most {highest:g}" if above else f"from {lowest:g} to {highest:g}"
            )
            raise ValueError(f"{KEY} = {show(value)} must be {wanted}")
        return float(result)

    lower = {"gt" if above else "ge": lowest}
    takes = Annotated[float, Field(le=highest, **lower)]
    return _check(check, f"number {'above' if above else 'from'} {lowest:g} to {highest:g}", takes)


def count(lowest: int, highest: int = _LARGEST_COUNT) -> BeforeValidator:
    """Check of a whole number; 1e6 is one."""

    def check(value: Any) -> int:
        whole = isinstance(value, float) and math.isfinite(value) and value == int(value)
        if isinstance(value, bool) or not (isinstance(value, int) or whole):
            hint = hints.of_number(value, whole=True)
            raise ValueError(f"{KEY} = {show(value)} must be a whole number from {lowest} to {highest}{hint}")
        if not lowest <= int(value) <= highest:
            raise ValueError(f"{KEY} = {show(value)} must lie between {lowest} and {highest}")
        return int(value)

    return _check(
        check,
        f"whole number, {lowest} or more"
        if highest == _LARGEST_COUNT
        else f"whole number, {lowest} to {_count_text(highest)}",
        Annotated[int, Field(ge=lowest, le=highest)],
    )


def _word(value: Any, words: tuple[str, ...]) -> str:
    """Refuse what is none of the words."""
    if not isinstance(value, str) or value not in words:
        near = hints.nearest(value, words) if isinstance(value, str) else ""
        hint = f" (did you mean {near}?)" if near else ""
        raise ValueError(f"{KEY} = {show(value)} must be one of {', '.join(words)}{hint}")
    return value


def one_of(*words: str) -> BeforeValidator:
    """Check of a word."""
    return _check(lambda value: _word(value, words), _words(words), Literal[words])


def material_name(*words: str) -> BeforeValidator:
    """Check of the name of a material: one of the words, or of the deck's own, which are in the context."""

    def check(value: Any, info: ValidationInfo) -> str:
        return _word(value, (*words, *(info.context or {}).get("materials", ())))

    return _check(check, _words(words) + ", or a NAME of [materials.NAME]", Literal[words] | str)


def automatic(check_number: BeforeValidator) -> BeforeValidator:
    """Check of a number that may be "auto"."""

    def check(value: Any) -> Any:
        if value == "auto":
            return value
        if isinstance(value, str):
            hint = hints.of_number(value, whole=True)
            raise ValueError(f'{KEY} = {show(value)} must be a whole number or "auto"{hint}')
        return check_number.func(value)  # type: ignore[call-arg]

    takes = check_number.json_schema_input_type | Literal["auto"]
    return _check(check, '`"auto"`, or ' + ACCEPTED[check_number.func], takes)


def relaxation(dimension: str) -> BeforeValidator:
    """Check of a spin relaxation key: a positive quantity, or "none" (infinite)."""
    check_quantity = physical(dimension)

    def check(value: Any, info: ValidationInfo) -> float:
        if value == "none":
            return math.inf
        if value == math.inf or (isinstance(value, str) and not _DIGIT.search(value)):
            reduced = (info.context or {}).get("reduced")
            wanted = (
                "plain number" if reduced else f'number and a unit, e.g. "{DIMENSIONS[dimension].example}"'
            )
            raise ValueError(f'{KEY} = {show(value)} must be a {wanted}, or "none"')
        return check_quantity.func(value, info)  # type: ignore[call-arg, no-any-return]

    return _check(check, f'{dimension}, or `"none"`', Quantity | Literal["none"])


def _angle_or_material(value: Any) -> Any:
    """Check of a spin Hall angle: a number that is not 0, or "material"."""
    if value == MATERIAL:
        return value
    if isinstance(value, str):
        raise ValueError(f'{KEY} = {show(value)} must be a plain number or "{MATERIAL}"')
    return plain("not 0", 1e60).func(value)  # type: ignore[call-arg]


def _three_numbers(value: Any) -> tuple[float, float, float]:
    """Check of a vector in spin space."""
    if not isinstance(value, list | tuple) or len(value) != 3:
        raise ValueError(f"{KEY} = {show(value)} must be three plain numbers, e.g. [0, 0, 1]")
    x, y, z = (_refusing(number, part, KEY) for part in value)
    size = max(abs(x), abs(y), abs(z))
    if not 1e-60 <= size <= 1e60:
        raise ValueError(f"{KEY} = {show(value)} must have a length between 1e-60 and 1e60")
    return x, y, z


def _complex(nothing: Any, accepts: str, takes: Any) -> BeforeValidator:
    """Check of a real part, or of a real and an imaginary one."""

    def check(value: Any) -> tuple[Any, Any]:
        if not isinstance(value, list | tuple):
            return value, nothing if isinstance(value, str) else 0.0
        if len(value) != 2:
            raise ValueError(f"{KEY} = {show(value)} must be one number, or two: [real, imaginary]")
        return value[0], value[1]

    return _check(check, accepts, takes)


def is_bare(name: Any) -> bool:
    """Whether TOML writes a name without quotes."""
    return isinstance(name, str) and _BARE.fullmatch(name) is not None


def _parameters(value: Any, info: ValidationInfo) -> dict[str, float]:
    """Check of the parameters of a user's texture: NAME = number, or NUMBER UNIT, which becomes SI."""
    if not isinstance(value, dict):
        raise ValueError(f"{KEY} = {show(value)} must be a table of names and numbers")
    reduced = bool((info.context or {}).get("reduced"))
    for name in value:
        if not (is_bare(name) and name.isidentifier()) or name in PLACE_AND_TIME:
            raise ValueError(
                f"{KEY} has the name {show(name)}: a Python name other than x, y, z, t is accepted"
            )
    return {name: _refusing(parameter, one, f"{KEY}.{name}", reduced) for name, one in value.items()}


def _named_tables(value: Any) -> Any:
    """Check of tables with names that TOML writes without quotes."""
    if not isinstance(value, dict):
        raise ValueError(f"{KEY} = {show(value)} must be tables: write [{KEY}.NAME] above each")
    for name in value:
        if not is_bare(name):
            raise ValueError(f"{KEY} has the name {show(name)}: letters, digits, - and _ are accepted")
    return value


def _block_size(value: Any) -> int:
    size: int = count(2, 2**24).func(value)  # type: ignore[call-arg, assignment]
    if size % 2:
        raise ValueError(f"{KEY} = {size} must be even: walkers are born in pairs")
    return size


Number = Annotated[float, plain("any", 1e60)]
NumberButZero = Annotated[float, plain("not 0", 1e60)]
AngleOrMaterial = Annotated[
    float | str, _check(_angle_or_material, 'number but 0, or `"material"`', float | Literal["material"])
]
NumberOrZero = Annotated[float, plain("at least 0", 1e60)]
PositiveNumber = Annotated[float, plain("positive", 1e60)]
Length = Annotated[float, physical("length", longest=LONGEST)]
Place = Annotated[float, physical("length", "any", longest=LONGEST)]
LengthOrZero = Annotated[float, physical("length", "at least 0", longest=LONGEST)]
Wavenumber = Annotated[float, physical("wavenumber", "not 0")]
PositiveWavenumber = Annotated[float, physical("wavenumber")]
Time = Annotated[float, physical("time")]
AnyTime = Annotated[float, physical("time", "any")]
Velocity = Annotated[float, physical("velocity")]
AnyVelocity = Annotated[float, physical("velocity", "any")]
Energy = Annotated[float, physical("energy")]
Frequency = Annotated[float, physical("frequency", "at least 0")]
AngularFrequency = Annotated[float, physical("angular_frequency", "at least 0")]
Diffusion = Annotated[float, physical("diffusion_coefficient")]
Conductivity = Annotated[float, physical("conductivity")]
Resistivity = Annotated[float, physical("resistivity")]
StatesDensity = Annotated[float, physical("density_of_states")]
AnyConductivity = Annotated[float, physical("conductivity", "not 0")]
SpinOrbitField = Annotated[float, physical("spin_orbit_field", "not 0")]
SpinOrbitCoupling = Annotated[float, physical("spin_orbit_coupling", "not 0")]
Magnetization = Annotated[float, physical("magnetization")]
ElectricField = Annotated[float, physical("electric_field", "not 0")]
AreaResistance = Annotated[float, physical("area_resistance")]
Mixing = Annotated[
    tuple[
        Annotated[float, physical("mixing_conductance", "any")],
        Annotated[float, physical("mixing_conductance", "any")],
    ],
    _complex(
        "0 1/m^2",
        "conductance in e²/h per area, any sign, or two, `[real, imaginary]`",
        Quantity | list[Quantity],
    ),
]
Reflection = Annotated[
    tuple[Annotated[float, between(-1.0, 1.0)], Annotated[float, between(-1.0, 1.0)]],
    _complex(0.0, "number from −1 to 1, or two, `[real, imaginary]`", float | list[float]),
]
Angle = Annotated[float, physical("angle", "any")]
SpinLength = Annotated[float, relaxation("length")]
SpinTime = Annotated[float, relaxation("time")]
Vector = Annotated[tuple[float, float, float], _check(_three_numbers, "three numbers", AS_CHECKED)]
PlaceInPlane = Annotated[tuple[Place, Place], _listed(2, 2, "two lengths, [x, y]", "two lengths, `[x, y]`")]
Interval = Annotated[
    tuple[LengthOrZero, LengthOrZero],
    _listed(2, 2, "two places along x, [from, to]", "two lengths along x, `[from, to]`"),
]
_ALONG = "list of lengths along x[, y[, z]]"
Offset = Annotated[tuple[Place, ...], _listed(1, 3, f"a {_ALONG}", _ALONG)]
_PATTERNS = 'a name, a pattern such as "m*.ovf", or a list of these'
Files = Annotated[
    tuple[str, ...], _must(_are_names, _PATTERNS, "text, or list of texts", _names, str | list[str])
]
Sign = Annotated[int, _choice((1, -1), "1 or -1", "1 or −1")]
Share = Annotated[float, between(0.0, 1.0)]
MeanCosine = Annotated[float, between(-0.95, 0.95)]
FlipProbability = Annotated[float, between(0.0, 0.49)]
ShareAboveZero = Annotated[float, between(0.0, 1.0, above=True)]
BlockSize = Annotated[
    int, _check(_block_size, "even number, 2 to 2^24", Annotated[int, Field(ge=2, le=2**24, multiple_of=2)])
]
FirstFlights = Annotated[int | str, automatic(count(1, 1024))]
Phases = Annotated[int | str, automatic(count(1, 64))]
_INTERVALS = (1, 2, 4, 8, 16, 32, 64)
ScoreInterval = Annotated[
    int | str,
    automatic(_choice(_INTERVALS, f'"auto" or one of {", ".join(map(str, _INTERVALS))}', "1, 2, 4, … 64")),
]
Parameters = Annotated[
    dict[str, float],
    _check(_parameters, "table of NAME = number or, in an SI deck, quantity of any dimension"),
]
Text = Annotated[str, _must(lambda value: isinstance(value, str), "text", "text")]
Tables = _listed(0, math.inf, f"a list of tables: write [[{KEY}]] above each", "list of tables")
NamedTables = _check(_named_tables, "tables [materials.NAME]", AS_CHECKED)
Channels = Annotated[
    tuple[Annotated[str, one_of(*CHANNELS)], ...],
    _listed(0, math.inf, "a list: [{}]", f"list of {_words(CHANNELS)}"),
]
ListOfPlaces = Annotated[
    tuple[LengthOrZero, ...], _listed(0, math.inf, "a list: [{}]", "list of lengths along x")
]
Switch = Annotated[bool, _must(lambda value: isinstance(value, bool), "true or false", "`true` or `false`")]
