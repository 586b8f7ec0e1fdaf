"""The source of a Python function as the text of a texture file."""

import math

import numpy as np
import pytest

from mcpump.errors import InputError
from mcpump.textures.program import LONGEST, source_of, texture_of
from mcpump.textures.user import load_user_texture

TABLE = np.array([0.25, 1.0 / 3.0])
NUMBERS = (1, 2.5, float("inf"))
TEXT = "x" * LONGEST
FLAG, HALF = True, np.float64(0.5)
cosine = math.cos
if FLAG:
    from math import tanh


def even(u):
    return 0.0 if u < 1.0 else odd(u - 1.0)


def odd(u):
    return 0.0 if u < 1.0 else even(u - 1.0)


def inner(u: float) -> float:  # a comment
    """Doc."""
    return tanh(u) * TABLE[1]


def everything(x, y, z, t):
    return inner(x), cosine(t) / NUMBERS[1] * FLAG, np.float64(y) * 0.5


def circle(x, y, z, t):
    return even(x), 0.0, 0.0


def again(x, y, z, t):
    return 0.0 if x < 0.5 else again(x - 1.0, y, z, t)[0], 0.0, 0.0


def long(x, y, z, t):
    return len(TEXT), 0.0, 0.0


def test_what_a_function_uses_comes_along(tmp_path):
    text = source_of(everything)
    (tmp_path / "mine.py").write_text(text)
    found = load_user_texture(tmp_path / "mine.py")(0.3, 0.2, 0.0, 0.7)
    assert found == (math.tanh(0.3) / 3.0, math.cos(0.7) / 2.5, 0.1)
    assert text.endswith("S = everything\n")
    assert "comment" not in text
    assert "float" in text  # infinity


def test_a_texture_has_name_hash_and_defaults():
    def S(x, y, z, t, width=2, *, depth=HALF):
        return 0.0, 0.0, depth / width

    found = texture_of(S)
    assert (found["file"], found["parameters"]) == ("<function S>", {"width": 2.0, "depth": 0.5})
    assert len(found["sha256"]) == 64
    with pytest.raises(InputError, match="parameter width has the default"):
        texture_of(lambda_like("wide"))


def lambda_like(value):
    def S(x, y, z, t, width=value):
        return 0.0, 0.0, 1.0

    return S


def test_a_function_may_call_itself():
    assert source_of(again).count("def again") == 1


@pytest.mark.parametrize(
    ("function", "words"),
    [(circle, "calls circle and even and odd in a circle"), (long, f"bytes of source, more than {LONGEST}")],
)
def test_what_cannot_be_written_down(function, words):
    with pytest.raises(InputError, match=words):
        source_of(function)


def test_two_things_of_one_name():
    def one():
        width = 1.0

        def helper(u):
            return u * width

        return helper

    first, width = one(), 2.0

    def S(x, y, z, t):
        return first(x) * width, 0.0, 0.0

    with pytest.raises(InputError, match="two things of the name width"):
        source_of(S)
