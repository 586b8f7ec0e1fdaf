"""A user's texture: a Python file with one function S(x, y, z, t) that returns three numbers, |S| ≤ 1.

    import math

    RADIUS = 20e-9

    def S(x, y, z, t):
        angle = math.atan(x / RADIUS) + 6.28e9 * t
        return math.cos(angle), math.sin(angle), 0.0

Lengths are metres and times seconds (ℓ and τ in a reduced deck). The file is a program: it is executed as Python when,
and only when, a deck names it. Its functions are compiled by numba, so they may use `math`, numpy's functions,
constants of the file, and each other. Further arguments of S are parameters, whose values the deck has, in
[texture.parameters]. The kernels get S as a pointer, so that another texture needs no other kernels.
"""

from __future__ import annotations

import inspect
import itertools
import math
import os
import re
import traceback
import types
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba

from mcpump.errors import InputError, show
from mcpump.textures.moving import USER_SIGNATURE
from mcpump.textures.program import Program, name_of

Four = tuple[float, float, float, float]
Three = tuple[float, float, float]

POINTS = 256
"""Places and times at which a texture is checked."""
LONGEST = 1.0 + 1e-9
"""Longest |S| that is taken as 1."""
SMOOTH = 1e-3
"""Share of the largest rate by which difference quotients of different steps may differ."""
SAME = 1e-6
"""Difference between values of S that should be the same (a period, a direction in which the sample is uniform)."""
_STEEP_PLACES, _STEEP_TIMES = 16, 64


def load_user_texture(texture: Program | str | os.PathLike[str], ell: float = 1.0, tau: float = 1.0) -> Any:
    """Execute a texture file and compile its S for the kernels.

    Parameters
    ----------
    texture : Program or path
        The file, or the source of a function, with parameters; or a file without.
    ell, tau : float
        What the kernels' units of length and time are in those of the file: ℓ [m] and τ [s]; 1 in a reduced deck.

    Returns
    -------
    numba CFunc
        Of signature USER_SIGNATURE, taking reduced units; NaN where S raises an error. Under NUMBA_DISABLE_JIT=1 the
        same as a plain function.

    Raises
    ------
    InputError
        If the file cannot be read or run, has no function S of four arguments and the parameters, or S cannot be compiled
        or does not return three numbers: one sentence with the line where it is known.
    """
    program = texture if isinstance(texture, Program) else Program(os.fspath(texture))
    return _loaded(program, program.sha256, ell, tau)


# A run asks for it some five times, and every compilation takes a third of a second.
@lru_cache(maxsize=4)
def _loaded(program: Program, sha256: str, ell: float, tau: float) -> Any:
    """Compile the file of this content."""
    path, name = program.path, name_of(program.path)
    plain, values = _with_values(_definition(_executed(program, name), name), dict(program.parameters), name)
    function = _at(_compiled(plain, path, name), values)

    def reduced(x, y, z, t):  # type: ignore[no-untyped-def]
        # the callback has no way to raise; the walk stops at the NaN
        try:
            a, b, c = function(x * ell, y * ell, z * ell, t * tau)
            return float(a), float(b), float(c)
        except Exception:
            return math.nan, math.nan, math.nan

    call: Any = reduced
    if not numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        call = numba.cfunc(USER_SIGNATURE, error_model="numpy")(reduced)
    call.user_function = function
    return call


def check_user_texture(
    user: Any, path: str | os.PathLike[str], lengths: Sequence[float], period: float | None, end: float | None,
    time_step: float, ell: float = 1.0, tau: float = 1.0, axes: int = 3,
    periodic: Sequence[bool] = (False, False, False),
) -> None:  # fmt: skip
    """Check a user's texture at quasi-random places and times of a sample.

    Parameters
    ----------
    user : numba CFunc
        What `load_user_texture` returned.
    path : path
        Its file, for the sentence.
    lengths : 3 numbers
        Lengths of the sample [ℓ].
    period : float or None
        Period that the deck claims [τ]; None for a transient.
    end : float or None
        End of a transient [τ]; None for a periodic drive.
    time_step : float
        Step of the difference quotient for Ṡ [τ]; 0 (a texture that should be static) skips the check for smoothness.
    ell, tau : float
        As for `load_user_texture`.
    axes : int
        Number of mesh directions; S may not depend on the others.
    periodic : 3 bools
        Directions in which the sample, and so S, is periodic.

    Raises
    ------
    InputError
        If S somewhere raises an error, is not finite, is longer than 1, is not smooth in time (difference quotients
        with half and twice the step disagree; a jump is sought by bisection, a kink need not be found), does not
        repeat after its period or at periodic faces, or varies in a direction that the mesh does not have.
    """
    span = period if period is not None else end if end is not None else 0.0
    probe = Probe(user.user_function, path, ell, tau)
    points = [(u * lengths[0], v * lengths[1], w * lengths[2], s * span) for u, v, w, s in spread(POINTS)]
    for point in points:
        probe(point)
    if time_step > 0.0:
        _check_smooth(probe, [*points, *_steepest(probe, points, span, time_step)], time_step)
    if period is not None:
        probe.same(points, 3, period, f"does not repeat after the period of {period * tau:.6g}")
    for axis, letter in enumerate("xyz"):
        if axis >= axes:
            away = 0.37 * lengths[axis]
            probe.same(points, axis, away, f"varies along {letter}, in which the sample is uniform")
        elif periodic[axis]:
            probe.same(
                points, axis, lengths[axis], f"does not repeat after the sample's length along {letter}"
            )


class Probe:
    """S of a file at places and times in reduced units, with a sentence for whatever goes wrong."""

    def __init__(self, function: Callable[..., Any], path: str | os.PathLike[str], ell: float, tau: float):
        self.function, self.path, self.units = function, path, (ell, ell, ell, tau)
        self.name = name_of(path)

    def __call__(self, point: Four) -> Three:
        """Return S, finite and not too long."""
        where = self._units(point)
        try:
            a, b, c = self.function(*where)
            s = float(a), float(b), float(c)
        except Exception as error:
            at = f"{self.name}{_line_of(error, self.path)}: S"
            raise InputError(f"{at}{self.show(point)} raises {_reason(error)}") from None
        if not all(math.isfinite(value) for value in s):
            raise InputError(f"{self.name}: S{self.show(point)} = ({s[0]}, {s[1]}, {s[2]}) is not finite")
        length = math.hypot(*s)
        if length > LONGEST:
            raise InputError(
                f"{self.name}: |S{self.show(point)}| = {length:.10g}, but S may not be longer than 1"
            )
        return s

    def _units(self, point: Four) -> Four:
        """Return a place and time in the units of the file."""
        x, y, z, t = (value * unit for value, unit in zip(point, self.units, strict=True))
        return x, y, z, t

    def show(self, point: Four) -> str:
        """Write a place and time as S's arguments."""
        return "({:.6g}, {:.6g}, {:.6g}, {:.6g})".format(*self._units(point))

    def quotient(self, point: Four, step: float) -> Three:
        """Ṡ as the walk takes it, in reduced units."""
        s = [self((*point[:3], point[3] + offset * step)) for offset in (-2.0, -1.0, 1.0, 2.0)]
        a, b, c = ((8.0 * (s[2][k] - s[1][k]) - (s[3][k] - s[0][k])) / (12.0 * step) for k in range(3))
        return a, b, c

    def same(self, points: Sequence[Four], axis: int, distance: float, complaint: str) -> None:
        """Refuse an S that changes over a distance in place (axis 0, 1, 2) or time (3)."""
        for point in points:
            moved = list(point)
            moved[axis] += distance
            other: Four = (moved[0], moved[1], moved[2], moved[3])
            change = _distance(self(point), self(other))
            if change > SAME:
                raise InputError(
                    f"{self.name}: S {complaint}: it differs by {change:.3g} between S{self.show(point)} and "
                    f"S{self.show(other)}"
                )


def _check_smooth(probe: Probe, points: Sequence[Four], step: float) -> None:
    """Compare the difference quotients of three steps."""
    quotients = [[probe.quotient(point, step * factor) for factor in (0.5, 1.0, 2.0)] for point in points]
    largest = max(math.hypot(*middle) for _, middle, _ in quotients)
    allowed = SMOOTH * largest + 1e-12 / step  # rounding of S
    for point, (half, middle, twice) in zip(points, quotients, strict=True):
        if max(_distance(half, middle), _distance(half, twice)) > allowed:
            raise InputError(
                f"{probe.name}: S is not smooth in time near S{probe.show(point)}: its rate is "
                f"{math.hypot(*half) / probe.units[3]:.4g} by steps of {0.5 * step * probe.units[3]:.3g}, "
                f"{math.hypot(*twice) / probe.units[3]:.4g} by steps of {2.0 * step * probe.units[3]:.3g}"
            )


def _steepest(probe: Probe, points: Sequence[Four], span: float, step: float) -> Iterator[Four]:
    """At some places the time where S changes most, sought by bisection: where a jump is, if there is one."""
    for x, y, z, _ in points[:_STEEP_PLACES]:
        times = [span * k / _STEEP_TIMES for k in range(_STEEP_TIMES + 1)]
        values = [probe((x, y, z, t)) for t in times]
        changes = [_distance(a, b) for a, b in itertools.pairwise(values)]
        k = changes.index(max(changes))
        low, high, at_low, at_high = times[k], times[k + 1], values[k], values[k + 1]
        while high - low > 0.1 * step:
            middle = 0.5 * (low + high)
            at_middle = probe((x, y, z, middle))
            if _distance(at_low, at_middle) > _distance(at_middle, at_high):
                high, at_high = middle, at_middle
            else:
                low, at_low = middle, at_middle
        yield x, y, z, 0.5 * (low + high)


def _distance(a: Three, b: Three) -> float:
    """|a − b|."""
    return math.dist(a, b)


def spread(count: int) -> Iterator[Four]:
    """Quasi-random points of the unit cube in four dimensions: multiples of powers of 1/g, g⁵ = g + 1, modulo 1."""
    g = 1.1673039782614187
    for i in range(count):
        u, v, w, s = ((0.5 + i / g**k) % 1.0 for k in range(1, 5))
        yield u, v, w, s


def _executed(program: Program, name: str) -> dict[str, Any]:
    """Execute the file; its functions are compiled as far as they are called by S."""
    path = program.path
    try:
        source = program.read()
    except (OSError, ValueError) as error:
        raise InputError(f"{name} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    # a name that no module has: the compiler may import the module of that name, and so run a file twice
    namespace: dict[str, Any] = {"__name__": "__mcpump_user_texture__", "__file__": str(path)}
    try:
        code = compile(source, str(path), "exec", dont_inherit=True)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        lineno = getattr(error, "lineno", None)
        line = f", line {lineno}" if lineno else ""
        reason = getattr(error, "msg", None) or str(error)
        raise InputError(f"{name}{line} is not valid Python: {_short(reason)}") from None
    try:
        exec(code, namespace)
    except (Exception, SystemExit) as error:
        raise InputError(f"{name}{_line_of(error, path)} raises {_reason(error)}") from None
    for key, value in namespace.items():
        if isinstance(value, types.FunctionType) and value.__code__.co_filename == str(path):
            namespace[key] = _strict(value)
    return namespace


def _strict(function: Callable[..., Any]) -> Any:
    """Compile as the kernels are: no fast math, 1/0 is inf."""
    return numba.njit(nogil=True, error_model="numpy")(function)


def _definition(namespace: dict[str, Any], name: str) -> types.FunctionType:
    """Find S, a function of four arguments and parameters."""
    found = namespace.get("S")
    function = getattr(found, "py_func", found)
    if not isinstance(function, types.FunctionType):
        what = "no function S" if found is None else f"an S that is no function but {show(found)}"
        raise InputError(f"{name} has {what}: it must define S(x, y, z, t)")
    try:
        inspect.signature(function).bind(0.0, 0.0, 0.0, 0.0, **dict.fromkeys(_parameters_of(function), 0.0))
    except TypeError:
        line = function.__code__.co_firstlineno
        arguments = inspect.signature(function)
        raise InputError(f"{name}, line {line}: S{arguments} must be S(x, y, z, t)") from None
    return function


def _parameters_of(function: types.FunctionType) -> list[str]:
    """Names of S's parameters: arguments after the first four."""
    code = function.__code__
    return list(code.co_varnames[4 : code.co_argcount + code.co_kwonlyargcount])


def _with_values(
    function: types.FunctionType, given: dict[str, float], name: str
) -> tuple[types.FunctionType, tuple[float, ...]]:
    """S with its parameters as plain arguments, and their values: those given, else their defaults."""
    names = _parameters_of(function)
    for one in given:
        if one not in names:
            takes = f"takes {', '.join(names)}" if names else "takes no parameters"
            raise InputError(f"texture.parameters has an unknown key {show(one)}: S of {name} {takes}")
    defaults = {one.name: one.default for one in inspect.signature(function).parameters.values()}
    values = []
    for one in names:
        value = given.get(one, defaults[one])
        if value is inspect.Parameter.empty:
            raise InputError(f"texture.parameters.{one} is missing: S of {name} has no default for it")
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(
                f"{name}: the parameter {one} of S has the default {show(value)}, which must be a number"
            )
        values.append(float(value))
    if not function.__code__.co_kwonlyargcount:
        return function, tuple(values)
    # numba does not know arguments by keyword alone, which stand where further plain ones would
    code = function.__code__.replace(co_argcount=4 + len(names), co_kwonlyargcount=0)
    plain = types.FunctionType(code, function.__globals__, function.__name__, None, function.__closure__)
    return plain, tuple(values)


def _at(function: Callable[..., Any], values: tuple[float, ...]) -> Callable[..., Any]:
    """S at the values of its parameters."""
    if not values:
        return function

    def bound(x, y, z, t):  # type: ignore[no-untyped-def]
        return function(x, y, z, t, *values)

    return _strict(bound)  # type: ignore[no-any-return]


def _compiled(function: types.FunctionType, path: str | os.PathLike[str], name: str) -> Callable[..., Any]:
    """Compile S for floats; ask for three numbers."""
    if numba.config.DISABLE_JIT:  # type: ignore[attr-defined]
        return function
    compiled = _strict(function)
    try:
        compiled.compile((numba.float64,) * (4 + len(_parameters_of(function))))
    except Exception as error:
        raise InputError(f"{name}{_line_of(error, path)}: S cannot be compiled: {_reason(error)}") from None
    returned = compiled.nopython_signatures[0].return_type
    real = (numba.types.Float, numba.types.Integer)
    numbers = getattr(returned, "types", ()) if isinstance(returned, numba.types.BaseTuple) else ()
    if len(numbers) != 3 or not all(isinstance(number, real) for number in numbers):
        line = function.__code__.co_firstlineno
        raise InputError(
            f"{name}, line {line}: S must return three numbers, (Sx, Sy, Sz), and returns {_short(str(returned))}"
        )
    return compiled  # type: ignore[no-any-return]


def _line_of(error: BaseException, path: str | os.PathLike[str]) -> str:
    """Line of the file at which an error arose, as ", line N"; empty if it is not known."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    if frames:
        return f", line {frames[-1].lineno}"
    shown = re.search(rf'{re.escape(Path(path).name)}", line (\d+)', str(error))
    if shown:
        return f", line {shown.group(1)}"
    place = getattr(error, "loc", None)
    return f", line {place.line}" if place is not None else ""


def _reason(error: BaseException) -> str:
    """First telling line of an error's message, after its name unless numba itself complains."""
    text = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("Failed in ")]
    message = _short(lines[0].rstrip(".")) if lines else ""
    if isinstance(error, numba.core.errors.NumbaError):
        return message
    return f"{type(error).__name__}: {message}" if message else type(error).__name__


def _short(text: str) -> str:
    """Text on one line, not longer than 200 characters, always printable."""
    text = " ".join(text.split()).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 200 else text[:199] + "…"
