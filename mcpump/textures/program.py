"""What a user's texture is made of: a Python file, or the source of a function that was given in Python.

A function becomes the text of a texture file: its own source, the functions that it calls, the modules and the constants
that it uses. So it is compiled like a file, goes to other ranks as text, and a results file can keep it.
"""

from __future__ import annotations

import ast
import dis
import hashlib
import inspect
import math
import os
import textwrap
import types
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np

from mcpump.errors import InputError, hash_of_file, read_some, show

LONGEST = 60_000
"""Bytes of the source of a function: what an attribute of a results file takes."""
_FUNCTION = "<function {}>"
_LARGEST_ARRAY = 1000


class Program(NamedTuple):
    """A user's texture, and the values of its parameters."""

    path: str
    """Of the file; "<function NAME>" for a function."""
    source: str = ""
    """Of a function; empty for a file."""
    parameters: tuple[tuple[str, float], ...] = ()
    """Names and values, in the file's units."""

    @property
    def sha256(self) -> str:
        """Of the source, or the file's bytes; "" where it cannot be read."""
        return hashlib.sha256(self.source.encode()).hexdigest() if self.source else hash_of_file(self.path)

    def read(self) -> bytes:
        """Source, or the file's bytes."""
        return self.source.encode() if self.source else read_some(self.path)


def name_of(path: str | os.PathLike[str]) -> str:
    """How sentences call the texture."""
    text = os.fspath(path)
    return f"texture function {text[10:-1]}" if is_function(text) else f"texture file {show(str(path), 200)}"


def is_function(file: str) -> bool:
    """Whether the key texture.file stands for a function that was given in Python."""
    return file.startswith("<function ") and file.endswith(">")


def texture_of(function: Callable[..., Any]) -> dict[str, Any]:
    """Keys of [texture] that stand for a function: file, sha256, and parameters, those that have a default.

    Parameters
    ----------
    function : callable
        S(x, y, z, t, …), by `def`, also if numba has compiled it.

    Raises
    ------
    InputError
        If its source, or something that it uses, cannot be written down.
    """
    source, plain = source_of(function), _plain(function)
    known = inspect.signature(plain).parameters.values()
    defaults = {one.name: one.default for one in known if one.default is not inspect.Parameter.empty}
    sha256 = hashlib.sha256(source.encode()).hexdigest()
    return {
        "kind": "user", "file": _FUNCTION.format(plain.__name__), "sha256": sha256,
        **({"parameters": {name: _number(name, value) for name, value in defaults.items()}} if defaults else {}),
    }  # fmt: skip


def source_of(function: Callable[..., Any]) -> str:
    """Text of a texture file that holds a function as S.

    Parameters
    ----------
    function : callable
        By `def`, also if numba has compiled it. It may use modules, numbers, small arrays of numbers, and functions of
        its own kind; its comments, annotations and decorators are left out, and defaults of its arguments, which are
        parameters.

    Returns
    -------
    str
        Python.

    Raises
    ------
    InputError
        If its source, or something that it uses, cannot be written down.
    """
    plain = _plain(function)
    lines: dict[str, str] = {}
    _collect(plain, lines)
    if plain.__name__ != "S":
        lines["S"] = f"S = {plain.__name__}"
    text = "\n".join(lines.values()) + "\n"
    if len(text.encode()) > LONGEST:
        raise InputError(
            f"the texture function {plain.__name__} and what it uses have {len(text.encode())} bytes of source, more "
            f"than {LONGEST}: write a texture file"
        )
    return text


def _plain(function: Any) -> types.FunctionType:
    """Function of Python behind one that numba may have compiled."""
    plain = getattr(function, "py_func", function)
    if not isinstance(plain, types.FunctionType):
        raise InputError(f"texture = {show(function)} must be a function S(x, y, z, t)")
    return plain


def _collect(function: types.FunctionType, lines: dict[str, str], callers: tuple[str, ...] = ()) -> None:
    """Write down what a function uses, then the function; name → text."""
    own, within = ast.unparse(_definition(function)), (*callers, function.__name__)
    inner = dict(zip(function.__code__.co_freevars, function.__closure__ or (), strict=True))
    for name in _names(function.__code__):
        if name in inner:
            value = inner[name].cell_contents
        elif name in function.__globals__:
            value = function.__globals__[name]
        else:
            continue  # a builtin, or nothing: the compiler tells
        plain = getattr(value, "py_func", value)
        if plain is function:
            continue  # a function may call itself
        if not isinstance(plain, types.FunctionType):
            _put(lines, name, _text(name, value, function), within)
            continue
        if plain.__name__ in within:
            raise InputError(
                f"the texture function {within[0]} calls {' and '.join(within)} in a circle, or two functions of one "
                "name: write a texture file"
            )
        _collect(plain, lines, within)
        if plain.__name__ != name:
            _put(lines, name, f"{name} = {plain.__name__}", within)
    _put(lines, function.__name__, own, within)


def _put(lines: dict[str, str], name: str, text: str, within: tuple[str, ...]) -> None:
    """Write a name down, which stands for one thing only."""
    if lines.setdefault(name, text) != text:
        raise InputError(
            f"the texture function {within[0]} and what it uses have two things of the name {name}: write a texture file"
        )


def _definition(function: types.FunctionType) -> ast.FunctionDef:
    """Parsed source of a function, without decorators, annotations and defaults."""
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function))).body[0]
    except (OSError, TypeError, SyntaxError, IndentationError, IndexError):
        raise InputError(
            f"the source of the texture function {function.__name__} is not to be found: define it in a file or in a "
            "notebook's cell"
        ) from None
    if not isinstance(tree, ast.FunctionDef):
        raise InputError(f"the texture function {function.__name__} must be defined by def, not by lambda")
    tree.decorator_list, tree.returns = [], None
    arguments = tree.args
    for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
        one.annotation = None
    arguments.defaults, arguments.kw_defaults = [], [None] * len(arguments.kwonlyargs)
    return tree


def _names(code: types.CodeType) -> Iterator[str]:
    """Names from outside that a function reads, its inner functions too."""
    for one in dis.get_instructions(code):
        if one.opname in ("LOAD_GLOBAL", "LOAD_NAME") or (
            one.opname in ("LOAD_DEREF", "LOAD_CLOSURE") and one.argval in code.co_freevars
        ):
            yield one.argval
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            own = set(code.co_varnames) | set(code.co_cellvars)
            yield from (name for name in _names(constant) if name not in own)


def _text(name: str, value: Any, function: types.FunctionType) -> str:
    """Line of Python that makes a name again."""
    if isinstance(value, types.ModuleType):
        return f"import {value.__name__} as {name}"
    module = getattr(value, "__module__", None) or ("numpy" if isinstance(value, np.ufunc) else None)
    if isinstance(value, types.BuiltinFunctionType | np.ufunc | type) and module:
        return f"from {module} import {value.__name__} as {name}"
    try:
        return f"{name} = {_literal(value)}"
    except ValueError:
        raise InputError(
            f"the texture function {function.__name__} uses {name}, a {type(value).__name__}: modules, numbers, small "
            "arrays of numbers and functions are accepted"
        ) from None


def _literal(value: Any) -> str:
    """A constant as Python, to the last bit."""
    if isinstance(value, np.ndarray) and value.size <= _LARGEST_ARRAY and value.dtype.kind in "fiub":
        return f'__import__("numpy").array({_literal(value.tolist())}, "{value.dtype.str}")'
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, tuple | list):
        inside = ", ".join(map(_literal, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' * (len(value) == 1)})"
    if isinstance(value, bool | int | str):
        return repr(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else f'float("{value}")'
    raise ValueError(value)


def _number(name: str, value: Any) -> float:
    """Default of a parameter."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise InputError(
            f"the texture's parameter {name} has the default {show(value)}, which must be a number"
        )
    return float(value)
