"""A user's texture: what a file may hold, its units, and one sentence for every mistake."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest

import mcpump.textures.moving as moving
from mcpump.errors import InputError
from mcpump.textures.moving import texture_field, texture_field_rate
from mcpump.textures.parameters import USER
from mcpump.textures.user import check_user_texture, load_user_texture

OMEGA = 2.0 * math.pi / 5.0
ZEROS = (0.0,) * 32
PRECESSION = f"""
import math

def S(x, y, z, t):
    return 0.6 * math.cos({OMEGA!r} * t), 0.6 * math.sin({OMEGA!r} * t), 0.8
"""


def written(folder, text):
    path = folder / "mine.py"
    path.write_text(text, encoding="utf-8")
    return path


def checked(path, period=5.0, end=None, time_step=5e-3, **keys):
    user = load_user_texture(path)
    check_user_texture(user, path, (10.0, 2.0, 1.0), period, end, time_step, **keys)
    return user


def sentence(error):
    text = str(error.value)
    assert text
    assert "\n" not in text
    assert 'mine.py"' in text
    return text


def body(returned, head=""):
    return (
        f"import math\nimport numba\nimport numpy as np\n{head}\ndef S(x, y, z, t):\n    return {returned}\n"
    )


def test_a_texture_and_its_rate(tmp_path):
    user = checked(written(tmp_path, PRECESSION))
    t = np.linspace(-3.0, 7.0, 23)
    S = np.array([0.6 * np.cos(OMEGA * t), 0.6 * np.sin(OMEGA * t), np.full_like(t, 0.8)])
    np.testing.assert_allclose(texture_field(USER, ZEROS, user, 1.0, 0.0, 0.0, t), S, atol=1e-15)
    rate = OMEGA * np.array([-S[1], S[0], np.zeros_like(t)])
    found = texture_field_rate(USER, ZEROS, user, 1.0, 0.0, 0.0, t, 5e-3)
    np.testing.assert_allclose(found, rate, atol=1e-9)


def test_units_of_the_file(tmp_path):
    path = written(tmp_path, body("math.tanh(1e8 * x), 0.5e8 * y + 0.5e7 * z, 1e12 * t"))
    user = load_user_texture(path, ell=2e-9, tau=3e-15)
    found = texture_field(USER, ZEROS, user, 0.5, 0.25, 1.5, 7.0)[:, 0]
    np.testing.assert_allclose(found, [math.tanh(0.1), 0.025 + 0.015, 0.021], rtol=1e-14)


def test_helpers_constants_and_whole_numbers(tmp_path):
    head = (
        "TABLE = np.array([0.25, 0.5])\nWIDTH: float = 2.0\n"
        "@numba.njit\ndef wall(u):\n    return math.tanh(u / WIDTH)\n"
        "def shape(u):\n    return wall(u) * TABLE[1]\n"
    )
    user = checked(written(tmp_path, body("shape(x), 0, np.float32(x > 1e9)", head)))
    assert user(3.0, 0.0, 0.0, 0.0) == (0.5 * math.tanh(1.5), 0.0, 0.0)


@pytest.mark.parametrize("decorator", ["@numba.njit", "@numba.njit('UniTuple(f8, 3)(f8, f8, f8, f8)')"])
def test_a_compiled_function_is_taken(tmp_path, decorator):
    user = load_user_texture(written(tmp_path, body("0.0, 0.5, x", decorator)))
    assert user(0.25, 0.0, 0.0, 0.0) == (0.0, 0.5, 0.25)


def test_another_file_needs_no_other_kernel(tmp_path):
    texture_field(USER, ZEROS, moving.no_user(), 0.0, 0.0, 0.0, 0.0)
    signatures = len(getattr(moving._fill, "signatures", ()))
    for value in (0.25, 0.5):
        user = load_user_texture(written(tmp_path, body(f"{value}, 0.0, 0.0")))
        assert texture_field(USER, ZEROS, user, 0.0, 0.0, 0.0, 0.0)[0, 0] == value
    assert len(getattr(moving._fill, "signatures", ())) == signatures


CACHED = """
import sys
from mcpump.textures.moving import _fill, texture_field
from mcpump.textures.user import load_user_texture
user = load_user_texture(sys.argv[1])
print(texture_field(5, (0.0,) * 32, user, 0.0, 0.0, 0.0, 0.0)[0, 0], sum(_fill.stats.cache_hits.values()))
"""


def test_a_changed_file_finds_the_kernels_in_the_cache(tmp_path):
    environment = {**os.environ, "MCPUMP_CACHE_DIR": str(tmp_path / "cache")}
    found = []
    for value in (0.25, 0.5):
        path = written(tmp_path, body(f"{value}, 0.0, 0.0"))
        command = [sys.executable, "-c", CACHED, str(path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        found.append(done.stdout.split())
    assert found == [["0.25", "0"], ["0.5", "1"]]


def test_the_interpreter_gives_the_same(tmp_path):
    path = written(tmp_path, PRECESSION)
    code = (
        "import sys; from mcpump.textures.user import *; user = load_user_texture(sys.argv[1]); "
        "check_user_texture(user, sys.argv[1], (1.0, 1.0, 1.0), 5.0, None, 5e-3); print(user(0.1, 0.2, 0.3, 0.7))"
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1"}
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(load_user_texture(path)(0.1, 0.2, 0.3, 0.7))


def test_an_error_along_the_walk_becomes_not_a_number(tmp_path):
    head = "def checked(x):\n    if x > 5.0:\n        raise ValueError('too far')\n    return 0.5\n"
    user = load_user_texture(written(tmp_path, body("checked(x), 0.0, 0.0", head)))
    found = texture_field(USER, ZEROS, user, [1.0, 6.0], 0.0, 0.0, 0.0)
    assert found[0, 0] == 0.5
    assert np.isnan(found[:, 1]).all()


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file") as error:
        load_user_texture(tmp_path / "mine.py")
    sentence(error)


def test_a_folder_is_no_file(tmp_path):
    (tmp_path / "mine.py").mkdir()
    with pytest.raises(InputError, match="cannot be read: Is a directory") as error:
        load_user_texture(tmp_path / "mine.py")
    sentence(error)


BAD_FILES = {
    "syntax": ("def S(x, y, z, t:\n    return 0\n", "line 1 is not valid Python: "),
    "null bytes": ("a = 1\0\n", "is not valid Python: source code string cannot contain null bytes"),
    "not utf-8": (b"a = '\xff'\n", "is not valid Python: "),
    "nested": ("(" * 5000 + ")" * 5000, "is not valid Python: "),
    "empty": ("", r"has no function S: it must define S\(x, y, z, t\)"),
    "no function": ("S = 3.0\n", "has an S that is no function but 3.0"),
    "a class": ("class S:\n    pass\n", "has an S that is no function but"),
    "three arguments": ("\ndef S(x, y, t):\n    return x, y, t\n", r"line 2: S\(x, y, t\) must be S\(x, y, z, t\)"),
    "keywords only": ("def S(*, x, y, z, t):\n    return x, y, t\n", r"must be S\(x, y, z, t\)"),
    "raises": ("a = 1\nb = 1 / 0\n", "line 2 raises ZeroDivisionError: division by zero"),
    "silent": ("raise ValueError\n", "line 1 raises ValueError$"),
    "exits": ("import sys\nsys.exit(3)\n", "line 2 raises SystemExit: 3"),
    "no module": ("import nothing_like_it\n", "line 1 raises ModuleNotFoundError: No module"),
    "one number": (body("x"), "line 5: S must return three numbers.* returns float64"),
    "two numbers": (body("x, y"), "must return three numbers.* returns UniTuple"),
    "a list": (body("[x, y, z]"), "must return three numbers.* returns list"),
    "an array": (body("np.zeros(3)"), "must return three numbers.* returns array"),
    "nothing": (body("None"), "must return three numbers.* returns none"),
    "complex": (body("x + 1j, y, z"), "must return three numbers.* returns Tuple"),
    "a truth": (body("x > 0.0, y, z"), "must return three numbers.* returns Tuple"),
    "text": (body("x, y, 'z'"), "must return three numbers.* returns Tuple"),
    "a generator": ("def S(x, y, z, t):\n    yield x\n", "must return three numbers.* returns float64 generator"),
    "unknown name": (body("x, y, missing(z)"), "S cannot be compiled: NameError: name 'missing' is not defined"),
    "object": (body("x, y, len(open('f').read())"), "line 6: S cannot be compiled: .*open"),
    "scipy": (
        "import fractions\ndef S(x, y, z, t):\n    return x, y, fractions.Fraction(1)\n",
        "line 3: S cannot be compiled: .*Fraction",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_FILES)
def test_a_file_that_cannot_be_used(tmp_path, case):
    text, pattern = BAD_FILES[case]
    path = tmp_path / "mine.py"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=pattern) as error:
        load_user_texture(path)
    sentence(error)


JUMP = "0.5 if t % 5.0 < 1.234567 else -0.5"
BAD_TEXTURES = {
    "nan": (body("math.sqrt(x - 5.0) / 10.0, 0.0, 0.0"), r"S\(.*\) = \(nan, 0.0, 0.0\) is not finite"),
    "inf": (body("math.exp(800.0 * x), 0.0, 0.0"), "is not finite"),
    "too long": (body("1.0, 1e-3 * x, 0.0"), r"\|S\(.*\)\| = 1.0000.*, but S may not be longer than 1"),
    "raises": (
        body("f(x), 0.0, 0.0", "def f(x):\n    assert x < 5.0, 'far'\n    return 0.0\n"),
        r"line 5: S\(.*\) raises AssertionError: far",
    ),
    "jump": (body(f"{JUMP}, 0.0, 0.0"), "is not smooth in time near S"),
    "too fast": (body("math.cos(2e3 * math.pi / 5.0 * t), 0.0, 0.0"), "is not smooth in time near S"),
    "other period": (body("0.0, 0.5 * math.cos(t), 0.0"), "does not repeat after the period of 5"),
}


@pytest.mark.parametrize("case", BAD_TEXTURES)
def test_a_texture_that_cannot_be_used(tmp_path, case):
    text, pattern = BAD_TEXTURES[case]
    with pytest.raises(InputError, match=pattern) as error:
        checked(written(tmp_path, text))
    sentence(error)


def test_a_sentence_is_in_the_units_of_the_file(tmp_path):
    path = written(tmp_path, body("3e7 * x, 0.0, 0.0"))
    user = load_user_texture(path, ell=1e-8, tau=1e-14)
    with pytest.raises(InputError, match=r"\|S\([3-9][.\d]*e-08, ") as error:
        check_user_texture(user, path, (10.0, 1.0, 1.0), None, 5.0, 1e-3, ell=1e-8, tau=1e-14)
    sentence(error)


def test_a_transient_needs_no_period(tmp_path):
    path = written(tmp_path, body("0.0, 0.5 * math.exp(-((t - 2.0) ** 2)), 0.1"))
    checked(path, period=None, end=8.0)
    with pytest.raises(InputError, match="does not repeat"):
        checked(path)


def test_a_static_texture_passes(tmp_path):
    path = written(tmp_path, body("0.0, math.sin(x), math.cos(x)"))
    checked(path, period=1.0)
    checked(path, period=None, end=3.0, time_step=0.0)


def test_directions_that_the_mesh_does_not_have(tmp_path):
    path = written(tmp_path, body("0.0, 0.5 * math.cos(y), 0.5"))
    checked(path, axes=2)
    with pytest.raises(InputError, match="varies along y, in which the sample is uniform") as error:
        checked(path, axes=1)
    sentence(error)


def test_periodic_faces(tmp_path):
    path = written(tmp_path, body("0.0, 0.5 * math.cos(math.pi * y), 0.5 * math.cos(x)"))
    checked(path, periodic=(False, True, True))
    with pytest.raises(InputError, match="does not repeat after the sample's length along x") as error:
        checked(path, periodic=(True, True, False))
    sentence(error)


def test_a_deck_can_name_any_path(tmp_path):
    path = tmp_path / "mit \"Anführung\" und 'Strich'.py"
    path.write_text("def S(x, y, z, t):\n    return x, y\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 1: S must return three numbers"):
        load_user_texture(path)
    with pytest.raises(InputError, match="cannot be read"):
        load_user_texture("null\0byte.py")
