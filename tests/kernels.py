"""Kernels for the tests: the same bits interpreted as compiled; and a small kernel for the tests of what is kept on disk.

That one is `envelope_at`, whose callee stands in another file, where numba's own cache would see no change.
"""

import hashlib
import os
import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np

import mcpump
from mcpump.kernel_folder import DIGEST
from mcpump.textures.shapes import ENVELOPE_COSINE
from mcpump.walk.layout import BlockSums

PACKAGE = Path(mcpump.__file__).parent
SAID = 0.75
GIVEN = (*(0.0,) * 17, float(ENVELOPE_COSINE), SAID, 0.0, 0.0, 0.0)
"""Parameters of a texture whose envelope is the same everywhere."""
CODE = f"""
from mcpump.textures.moving import envelope_at
print(envelope_at({GIVEN}, 1.0), sum(envelope_at.stats.cache_hits.values()), envelope_at.stats.cache_path)
"""
CHOICES = ("MCPUMP_CACHE_DIR", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "HOME")


def interpreted_arrays(script, path):
    """Arrays that a file of tests saves, run as a program in plain Python."""
    done = subprocess.run(
        [sys.executable, script, path],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        cwd=Path(script).parent,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    with np.load(path) as file:
        return dict(file)


def arrays_of_sums(name, sums):
    """What a block adds, as arrays by name."""
    return {f"{name} {field}": value for field, value in sums._asdict().items()}


def assert_same_bits(name, interpreted, compiled):
    """Whether the sums of one name are the same, and are numbers."""
    assert set(interpreted) == set(compiled)
    fields = [key for key in compiled if key.split()[0] == name]
    assert len(fields) == len(BlockSums._fields)
    for field in fields:
        here, there = np.asarray(compiled[field]), interpreted[field]
        assert here.dtype.kind == there.dtype.kind, field
        assert np.array_equal(here, there), f"{field}: {np.abs(here - there).max()} of {np.abs(here).max()}"
    assert np.all(np.isfinite(compiled[f"{name} profiles"]))
    assert compiled[f"{name} flights"] > 0
    assert np.abs(compiled[f"{name} profiles"]).max() > 0.0


def python(folder, *arguments, place="MCPUMP_CACHE_DIR", where=None, **more):
    """Run Python on the package in a folder, whose kernels one variable places: what it printed, and said."""
    kept = {name: value for name, value in os.environ.items() if name not in CHOICES}
    environment = {**kept, "PYTHONPATH": str(folder), place: str(where or folder / "cache"), **more}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def called(folder, **options):
    """Call the kernel in a process of its own: (value, number of times it was found on disk, warnings)."""
    out, warnings = python(folder, "-c", CODE, **options)
    value, found = out.split()[:2]
    return float(value), int(found), warnings


def signed(content):
    """A file as mcpump writes it."""
    return hashlib.sha256(content).digest() + content


class Bomb:
    """Unpickled, it makes a file."""

    def __reduce__(self):
        return os.mkdir, ("it_ran",)


def flipped(text):
    return text[:-100] + bytes([text[-100] ^ 1]) + text[-99:]


DAMAGES = {
    "empty": lambda text: b"",
    "shorter than its checksum": lambda text: text[:20],
    "checksum alone": lambda text: text[:DIGEST],
    "truncated": lambda text: text[: len(text) // 2],
    "one byte short": lambda text: text[:-1],
    "one bit": flipped,
    "random": lambda text: np.random.default_rng(1).bytes(len(text)),
    "zeros": lambda text: bytes(len(text)),
    "pickle without a checksum": lambda text: pickle.dumps(Bomb()),
    "longer": lambda text: text + b"\n",
}
