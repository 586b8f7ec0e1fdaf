"""Decks with odd series of OVF files: fields that are no magnetization, unknown units, holes in time, brackets."""

import math

import numpy as np
import pytest
from runs import good, refused

from mcpump import results
from mcpump.textures.ovf import Mesh, write_ovf

NANO = """
units = "SI"
[electrons]
fermi_wavenumber = "13.6 /nm"
mean_free_path = "5 nm"
spin_diffusion_length = "20 nm"
exchange = "5 meV"
[sample.x]
length = "8 nm"
cells = 8
left = "specular"
right = "absorbing"
[texture]
kind = "ovf"
files = "m"
frequency = "10 GHz"
[results]
channels = ["first"]
planes = ["4 nm"]
[run]
walkers = 1024
walkers_per_block = 64
"""
TRANSIENT = NANO.replace('frequency = "10 GHz"\n', "").replace(
    "[results]", '[results]\nharmonics = 0\nend = "0.09 ns"\ntime_bins = 2'
)
PERIOD = 1e-10


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def precession(folder, times, **header):
    """Precession at 10 GHz on 8 cells of 1 nm."""
    folder.mkdir()
    mesh = Mesh((8, 1, 1), (1e-9, 1e-9, 1e-9), (0.0, 0.0, 0.0))
    for k, t in enumerate(times):
        angle = 2.0 * math.pi * t / PERIOD
        S = [0.2 * math.cos(angle), 0.2 * math.sin(angle), math.sqrt(0.96)]
        write_ovf(folder / f"m{k:02d}.ovf", np.broadcast_to(S, (1, 1, 8, 3)), mesh, float(t), **header)
    return folder


def test_a_field_is_no_magnetization(here):
    """The warning stands in check, in the table of the run, and in the file."""
    field = {"labels": ("B_eff_x", "B_eff_y", "B_eff_z"), "units": ("T",), "title": "B_eff"}
    precession(here / "m", np.arange(8) * PERIOD / 8, **field)
    (here / "deck.toml").write_text(NANO)
    words = 'm00.ovf" says that it holds "B_eff_x B_eff_y B_eff_z in T", which is no magnetization'
    assert words in good("check", "deck.toml")[0]
    table, log = (" ".join(text.split()) for text in good("run", "deck.toml"))
    assert words in table
    assert words in log
    (warning,) = [one for one in results.read("deck.h5").warnings if "magnetization" in one]
    assert words in warning
    precession(here / "n", np.arange(8) * PERIOD / 8)
    (here / "deck.toml").write_text(NANO.replace('"m"', '"n"'))
    assert "magnetization" not in good("check", "deck.toml")[0]


def test_unit_of_the_mesh(here):
    """A deck tells the unit where the files do not; it may not contradict them."""
    files = precession(here / "m", np.arange(8) * PERIOD / 8)
    (here / "deck.toml").write_text(NANO)
    told = good("check", "deck.toml")[0]
    for file in files.iterdir():
        content = file.read_bytes().replace(b"meshunit: m\n", b"meshunit: unknown\n")
        file.write_bytes(content.replace(b"e-09", b"").replace(b"e-10", b"e-1"))
    assert 'meshunit = "unknown" is not known' in refused("check", "deck.toml")
    assert "texture.mesh_unit says which" in refused("check", "deck.toml")
    (here / "deck.toml").write_text(NANO.replace('files = "m"', 'files = "m"\nmesh_unit = "nm"'))
    assert good("check", "deck.toml")[0] == told
    (here / "deck.toml").write_text(NANO.replace('files = "m"', 'files = "m"\nmesh_unit = "parsec"'))
    assert 'texture.mesh_unit = "parsec" must be one of m, cm, mm' in refused("check", "deck.toml")
    for file in files.iterdir():
        file.write_bytes(file.read_bytes().replace(b"meshunit: unknown\n", b"meshunit: pm\n"))
    (here / "deck.toml").write_text(NANO.replace('files = "m"', 'files = "m"\nmesh_unit = "nm"'))
    assert 'meshunit = "pm", but texture.mesh_unit = "nm"' in refused("check", "deck.toml")


def test_hole_and_crowd_in_a_transient(here):
    """A series with a period missing, or with two files nearly at one time, is refused by the files' names."""
    times = np.arange(41) * 2.5e-12
    (here / "deck.toml").write_text(TRANSIENT)
    files = precession(here / "m", times)
    good("check", "deck.toml")
    for k in range(11, 30):
        (files / f"m{k}.ovf").unlink()
    sentence = refused("check", "deck.toml")
    assert "m10.ovf" in sentence
    assert "(at 2.5e-11)" in sentence
    assert "m30.ovf" in sentence
    assert "(at 7.5e-11) are 20 times as far apart as those beside them" in sentence
    precession(here / "n", np.sort(np.append(times, 5.0e-11 + 1e-14)))
    (here / "deck.toml").write_text(TRANSIENT.replace('"m"', '"n"'))
    sentence = refused("check", "deck.toml")
    assert "m20.ovf" in sentence
    assert "m21.ovf" in sentence
    assert "too near for a spline: leave out one of the two" in sentence


def test_brackets_in_the_name_of_a_folder(here):
    """The deck of a sweep's folder is checked and walked; its files are hashed by the same reading."""
    precession(here / "run[1].out", np.arange(8) * PERIOD / 8)
    (here / "deck.toml").write_text(NANO.replace('"m"', '"run[1].out/*.ovf"'))
    good("run", "deck.toml", "--quiet")
    assert "sha256" in results.read("deck.h5").resolved
    (here / "deck.toml").write_text(NANO.replace('"m"', '"run[2].out/*.ovf"'))
    assert "names no file" in refused("check", "deck.toml")
    assert "in a pattern [ ] hold the characters" in refused("check", "deck.toml")
