"""A texture of OVF files on ranks: read once, mapped by all, the same bits, nothing left behind."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest
from jobs import MPIRUN, NO_MPIRUN, ranks
from runs import assert_same, child, finish, good

from mcpump.textures.ovf import Mesh, write_ovf

pytestmark = pytest.mark.skipif(MPIRUN is None, reason=NO_MPIRUN)
DECK = """
units = "reduced"
[electrons]
exchange = 0.2
spin_relaxation_time = 20
[sample.x]
length = 8
cells = 8
left = "specular"
right = "specular"
[texture]
kind = "ovf"
files = "m*.ovf"
angular_frequency = 0.1
[results]
channels = ["first"]
planes = [2]
[run]
walkers = 1280
walkers_per_block = 64
"""
SHARED = """
import sys
import numpy as np
import mcpump
from mcpump.textures import snapshots

read = snapshots.sample_series
snapshots.sample_series = lambda *given: print("reads", flush=True) or read(*given)
mcpump.run("deck.toml", "python.h5", progress=False, threads=1)
(held,) = snapshots._held.values()
print("mapped", isinstance(held.texture.table, np.memmap), flush=True)
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    here, room = tmp_path / "here", tmp_path / "room"
    here.mkdir()
    room.mkdir()
    (here / "deck.toml").write_text(DECK)
    (here / "shared.py").write_text(SHARED)
    x = np.arange(8) + 0.5
    for k in range(8):
        phase = 0.25 * math.pi * (x + k)
        values = np.stack([0.8 * np.cos(phase), 0.8 * np.sin(phase), 0.6 + 0.0 * x], axis=-1)
        write_ovf(
            here / f"m{k}.ovf",
            values.reshape(1, 1, 8, 3),
            Mesh((8, 1, 1), (1, 1, 1), (0, 0, 0)),
            k * 2.5 * math.pi,
        )
    monkeypatch.chdir(here)
    monkeypatch.setenv("TMPDIR", str(room))
    return here


def shared(room):
    return [path for path in room.iterdir() if path.name.startswith("mcpump-")]


def test_same_bits(folder):
    good("run", "deck.toml", "-o", "alone.h5", "--quiet", "--threads", 1)
    command = ("run", "deck.toml", "-o", "ranks.h5", "--quiet", "--threads", 1)
    status, _, err = finish(child(*command, folder=folder, program=ranks(2)))
    assert status == 0, err
    assert_same("alone.h5", "ranks.h5")
    assert not shared(folder.parent / "room")


def test_one_rank_reads_and_all_map(folder):
    done = subprocess.run(
        [MPIRUN, "-n", "2", sys.executable, "shared.py"], cwd=folder, capture_output=True, text=True, env=os.environ,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("reads") == 1
    # ranks may write into one another
    assert done.stdout.count("mapped") == done.stdout.count("True") == 2
    assert not shared(folder.parent / "room")


def test_no_room_is_one_sentence(folder, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(folder / "nowhere"))
    command = ("run", "deck.toml", "--quiet", "--set", "texture.files=none*.ovf")
    status, _, err = finish(child(*command, folder=folder, program=ranks(2)))
    assert status == 2
    assert [line for line in err.splitlines() if line.startswith("mcpump: ")] == err.splitlines()[:1]
    assert "names no file" in err
