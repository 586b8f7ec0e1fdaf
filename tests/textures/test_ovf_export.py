"""`mcpump export`: fields of a results file as OVF, in the frame of the sample or of the snapshots."""

import math
from pathlib import Path

import numpy as np
import pytest
from runs import good, refused

from mcpump import results
from mcpump.textures.ovf import TURNS, Mesh, read_ovf, write_ovf
from mcpump.textures.ovf_series import read_series

DECK = """
units = "reduced"
[electrons]
exchange = 0.2
spin_relaxation_time = 20
[sample.x]
length = 8
cells = 8
left = "periodic"
right = "periodic"
[texture]
kind = "spiral"
wavelength = 8
cone_angle = "60 deg"
angular_frequency = 0.1
[results]
channels = ["first"]
planes = [2]
[run]
walkers = 1280
walkers_per_block = 64
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("kind", ["periodic", "transient"])
def test_export(folder, kind):
    """What is written is read by the reader of OVF files, in the order and units of the results."""
    plane = DECK.replace(
        "[results]", '[sample.y]\nlength = 6\ncells = 3\nleft = "periodic"\nright = "periodic"\n[results]'
    )
    if kind == "transient":
        plane = plane.replace("[results]", "[results]\nend = 4\ntime_bins = 2")
    Path("plane.toml").write_text(plane)
    good("run", "plane.toml", "--quiet")
    out = good("export", "plane.h5", "--ovf", "fields")[0].split()
    result = results.read("plane.h5")
    clock = 2 if kind == "transient" else 3
    assert len(out) == len(set(out)) == 2 * 3 * clock * (1 + 2)
    assert sorted(out) == sorted(map(str, Path("fields").iterdir()))
    name = "t000001" if kind == "transient" else "sin1"
    estimate = result.estimates["spin_current"]
    snapshot = read_ovf(f"fields/spin_current-diffusive-y-{name}.ovf")
    at = {"channel": 0, "part": 1, "direction": 1, "harmonic": 2, "time": 1}
    index = tuple(at.get(d, slice(None)) for d in estimate.dims)  # component, x, y
    np.testing.assert_array_equal(snapshot.field()[0], estimate.mean[index].transpose(2, 1, 0))
    assert snapshot.mesh == Mesh((8, 3, 1), (1.0, 2.0, 1.0), (0.0, 0.0, 0.0))
    assert snapshot.labels == ("spin_current_x", "spin_current_y", "spin_current_z")
    assert snapshot.time == (3.0 if kind == "transient" else None)
    spread = read_ovf(f"fields/spin_current-diffusive-y-{name}-stderr.ovf")
    np.testing.assert_array_equal(spread.field()[0], estimate.stderr[index].transpose(2, 1, 0))
    assert b"# Desc: frame of the sample: x runs along its layers" in snapshot.path.read_bytes()
    sentence = refused("export", "plane.h5", "--ovf", "g", "--frame", "snapshots")
    assert "--frame snapshots does not fit plane.h5" in sentence
    assert "exists already" in refused("export", "plane.h5", "--ovf", "fields")
    assert 'channel "second" is not in plane.toml' in refused(
        "export", "plane.h5", "--ovf", "g", "--channel", "second"
    )
    good("export", "plane.h5", "--ovf", "fields", "--channel", "first", "--overwrite")
    assert "cannot be read" in refused("export", "no.h5", "--ovf", "g") or not Path("g").exists()


def test_exported_density_is_a_magnetization_again(folder):
    """The loop closes: exported fields are read as a series."""
    Path("deck.toml").write_text(DECK)
    good("run", "deck.toml", "--quiet", "--set", 'run.walk="general"')
    good("export", "deck.h5", "--ovf", "out")
    series = read_series("spin_density-total-dc.ovf", "out")
    assert series.mesh.cells == (8, 1, 1)


# --- frame of the snapshots ------------------------------------------------------------------------------------

FILM = """
units = "SI"
[electrons]
fermi_wavenumber = "13.6 /nm"
mean_free_path = "2 nm"
spin_diffusion_length = "10 nm"
exchange = "5 meV"
[sample.x]
length = "12 nm"
cells = 6
left = "specular"
right = "absorbing"
[sample.y]
length = "6 nm"
cells = 3
left = "specular"
right = "specular"
[sample.z]
length = "8 nm"
cells = 2
left = "specular"
right = "specular"
[texture]
kind = "ovf"
files = "m"
offset = ["1 nm", "-1 nm", "2 nm"]
[results]
channels = ["first"]
planes = ["6 nm"]
[run]
walkers = 1024
walkers_per_block = 64
"""
CELLS, STEP, CORNER = (4, 5, 3), (2e-9, 1.5e-9, 2e-9), (-10e-9, 3e-9, 7e-9)
"""Mesh of the files along the sample's x, y, z, if nothing is turned."""
PERIOD = 1e-10


def series(folder, along, times):
    """A magnetization without symmetry on a mesh whose axis `along` is to lie along the sample's x."""
    order = TURNS[along]
    own = [order.index(axis) for axis in range(3)]  # axes of the sample along the file's x, y, z
    cells, step, corner = (tuple(numbers[axis] for axis in own) for numbers in (CELLS, STEP, CORNER))
    grid = np.meshgrid(*(np.arange(n) for n in reversed(cells)), indexing="ij")[::-1]  # of the file's x, y, z
    x, y, z = (grid[axis] * CELLS_STEP[k] for k, axis in enumerate(order))
    folder.mkdir()
    for k, t in enumerate(times):
        phase, theta = 2.0 * math.pi * t / PERIOD + 0.8 * x, 0.6 + 0.3 * y - 0.2 * z
        S = np.stack([np.sin(theta) * np.cos(phase), np.sin(theta) * np.sin(phase), np.cos(theta)], axis=-1)
        write_ovf(folder / f"m{k:02d}.ovf", S[..., own], Mesh(cells, step, corner), float(t))


CELLS_STEP = (0.4, 0.3, 0.5)
"""By how much angles change from one cell to the next."""


@pytest.mark.parametrize("along", ["x", "y", "z"])
@pytest.mark.parametrize("transient", [False, True])
def test_fields_lie_over_those_of_the_simulation(folder, along, transient):
    """Places, components, directions and times of exported fields are the simulation's, however the mesh is turned."""
    deck = (
        FILM.replace("[results]", '[results]\nharmonics = 0\nend = "0.04 ns"\ntime_bins = 2')
        if transient
        else (FILM.replace('files = "m"', 'files = "m"\nfrequency = "10 GHz"'))
    )
    deck = deck.replace('files = "m"', f'files = "m"\nalong_x = "{along}"\nstart = "0.03 ns"')
    series(folder / "m", along, np.arange(12) * PERIOD / (8 if not transient else 10))
    Path("deck.toml").write_text(deck)
    good("run", "deck.toml", "--quiet")
    good("export", "deck.h5", "--ovf", "sim")
    good("export", "deck.h5", "--ovf", "own", "--frame", "sample")
    result, order = results.read("deck.h5"), TURNS[along]
    name = "t000001" if transient else "sin1"
    for of in range(3):  # direction of the current in the sample
        stem = f"spin_current-total-{{}}-{name}"
        mine = read_ovf(f"own/{stem.format('xyz'[of])}.ovf")
        theirs = read_ovf(f"sim/{stem.format('xyz'[order[of]])}.ovf")
        assert b"frame of the sample" in mine.path.read_bytes()
        assert b"frame of the snapshots" in theirs.path.read_bytes()
        assert mine.mesh.corner == (0.0, 0.0, 0.0)
        here, there, field = mine.field(), theirs.field(), theirs.mesh
        assert np.abs(here).min() > 0.0
        file = read_ovf("m/m00.ovf").mesh
        for cell in np.ndindex(6, 3, 2):
            place = [(n + 0.5) * h for n, h in zip(cell, mine.mesh.step, strict=True)]
            # the file's corner lies at texture.offset of the sample
            simulated = np.zeros(3)
            for axis, offset in enumerate((1e-9, -1e-9, 2e-9)):
                simulated[order[axis]] = file.corner[order[axis]] + place[axis] - offset
            number = (simulated - field.corner) / field.step - 0.5
            np.testing.assert_allclose(number, np.round(number), atol=1e-6)
            i, j, k = np.round(number).astype(int)
            vector = here[cell[::-1]]
            for axis in range(3):
                assert there[k, j, i, order[axis]] == vector[axis]
        assert theirs.time == (pytest.approx(0.06e-9) if transient else None)
        assert mine.time == (pytest.approx(0.03e-9) if transient else None)
    assert (b"cos and sin are of the time since 3e-11 s" in theirs.path.read_bytes()) == (not transient)
    assert result.provenance["texture_frame"]["along_x"] == along


def test_one_direction_lies_in_the_film(folder):
    """A sample of one direction along the film's normal: the other directions have the one cell of the files."""
    folder.joinpath("m").mkdir()
    for k in range(8):
        angle = 2.0 * math.pi * k / 8
        S = np.array([math.cos(angle), 0.8, math.sin(angle)])
        mesh = Mesh((1, 1, 6), (30e-9, 20e-9, 1e-9), (-15e-9, -10e-9, 4e-9))
        write_ovf(f"m/{k}.ovf", np.broadcast_to(S, (6, 1, 1, 3)), mesh, k * PERIOD / 8)
    first, second = FILM.index("[sample.y]"), FILM.index("[texture]")
    deck = (FILM[:first] + FILM[second:]).replace('offset = ["1 nm", "-1 nm", "2 nm"]', 'along_x = "z"')
    Path("deck.toml").write_text(deck.replace('files = "m"', 'files = "m"\nfrequency = "10 GHz"'))
    good("run", "deck.toml", "--quiet")
    good("export", "deck.h5", "--ovf", "sim")
    found = read_ovf("sim/spin_density-total-sin1.ovf")
    assert found.mesh.cells == (1, 1, 6)
    np.testing.assert_allclose(found.mesh.corner, (-15e-9, -10e-9, 4e-9), atol=1e-20)
    np.testing.assert_allclose(found.mesh.step, (30e-9, 20e-9, 2e-9))
    result = results.read("deck.h5")
    density = result.estimates["spin_density"]
    at = {"channel": 0, "part": 2, "harmonic": 2}
    own = density.mean[tuple(at.get(d, slice(None)) for d in density.dims)]  # component, x
    np.testing.assert_array_equal(found.field()[:, 0, 0], own[[1, 2, 0]].T)
