"""Decks whose texture is a series of OVF files: round trip, surfaces, sentences, going on, export, a large series."""

import json
import math
import os
import shutil
import subprocess
import sys
import textwrap
import tomllib
from pathlib import Path

import numpy as np
import pytest
from runs import assert_same, good, refused

from mcpump import api as from_python
from mcpump import results
from mcpump.deck.read import deck_from_dict
from mcpump.errors import InputError
from mcpump.problem.reduce import check_report, make_problem
from mcpump.simulate.engine import run
from mcpump.tally.equilibrium import mesh_terms
from mcpump.textures.moving import no_user, texture_field
from mcpump.textures.ovf import Mesh, write_ovf
from mcpump.textures.snapshots import function_of, sampled, store, take

LENGTH, OMEGA, THETA = 8.0, 0.1, math.pi / 3.0
Q, PERIOD = 2.0 * math.pi / LENGTH, 2.0 * math.pi / OMEGA
OVF = {"kind": "ovf", "files": "*.ovf", "angular_frequency": OMEGA}


def spiral(x, t):
    phase = Q * x + OMEGA * t
    return np.stack(
        [math.sin(THETA) * np.cos(phase), math.sin(THETA) * np.sin(phase), 0 * x + math.cos(THETA)], -1
    )


def wall(x, t):
    """The domain wall of a deck: centre 6, width 1.5, velocity 0.4."""
    xi = (x - 6.0 - 0.4 * t) / 1.5
    return np.stack([0.0 * xi, 1.0 / np.cosh(xi), -np.tanh(xi)], axis=-1)


def snapshots(folder, function, n, times, length=LENGTH, kind="binary 8"):
    """Write S(x, t) on n cells at some times."""
    folder.mkdir(parents=True, exist_ok=True)
    x = (np.arange(n) + 0.5) * (length / n)
    for k, t in enumerate(times):
        mesh = Mesh((n, 1, 1), (length / n, 1.0, 1.0), (0.0, 0.0, 0.0))
        write_ovf(
            folder / f"m{k:06d}.ovf", function(x, t).reshape(1, 1, n, 3), mesh, float(t), representation=kind
        )
    return folder


def period(count=8):
    return np.arange(count) * PERIOD / count


def deck(texture=OVF, faces="periodic", length=LENGTH, cells=8, **changes):
    sections = {
        "units": "reduced",
        "electrons": {"exchange": 0.2, "spin_relaxation_time": 20},
        "sample": {"x": {"length": length, "cells": cells, "left": faces, "right": faces}},
        "texture": texture,
        "results": {"channels": ["first", "second"], "planes": [2]},
        "run": {"walkers": 2048, "walkers_per_block": 128, "phases": 6, "walk": "general"},
    }
    for name, change in changes.items():
        sections[name] = {**sections.get(name, {}), **change}
    return sections


def problem(folder, **changes):
    return make_problem(deck_from_dict(deck(**changes), "test", folder))


def told(found):
    """Warnings that are about the snapshots."""
    return [warning for warning in found.warnings if "snapshots" in warning]


def walked(sections, folder="."):
    return run(make_problem(deck_from_dict(sections, "test", folder)), 1)


def differences(a, b):
    """Largest differences between two results, by variable and channel, over the largest value."""
    found = []
    for name in ("spin_density", "spin_current", "torque", "plane_current"):
        if name in a.estimates:
            x, y = a.estimates[name].mean, b.estimates[name].mean
            known = np.isfinite(x) & np.isfinite(y)  # resolved in both
            assert known.mean() > 0.5
            x, y = np.where(known, x, 0.0), np.where(known, y, 0.0)
            found += [np.abs(p - q).max() / np.abs(p).max() for p, q in zip(x, y, strict=True) if p.any()]
    return np.array(found)


# --- round trip ------------------------------------------------------------------------------------------------


def test_round_trip_of_a_spiral(tmp_path):
    """With the same random numbers the errors are the interpolation's: they fall as the square of the cell."""
    channels = {"channels": ["first", "second", "exact"]}
    own = {"kind": "spiral", "wavelength": LENGTH, "cone_angle": "60 deg", "angular_frequency": OMEGA}
    exact = walked(deck(own, results=channels))
    errors = []
    for n in (8, 16, 32):
        found = walked(
            deck(results=channels), snapshots(tmp_path / str(n), spiral, n, period(), kind="binary 4")
        )
        errors.append(differences(exact, found))
    errors = np.array(errors)
    assert (errors[:-1] / errors[1:] > 3.0).all()
    assert (errors[:-1] / errors[1:] < 5.0).all()
    assert errors[0].max() < 0.25
    assert errors[2].max() < 0.02
    # S itself, at the middles of cells
    found = walked(deck(), tmp_path / "8")
    S, same = (one.estimates["magnetization"].mean for one in (exact, found))
    np.testing.assert_allclose(same, S, atol=2e-7)


def test_round_trip_of_a_moving_wall(tmp_path):
    """A transient: splines in time, faces that are the mesh's."""
    length, transient = 12.0, {"end": 10.0, "time_bins": 2, "channels": ["first"], "planes": [6]}
    own = {"kind": "domain_wall", "center": 6, "width": 1.5, "velocity": 0.4}
    kind = {"faces": "specular", "length": length, "cells": 12, "results": transient}
    exact, errors = walked(deck(own, **kind)), []
    for n, count in ((24, 11), (48, 21)):
        times = np.linspace(100.0, 110.0, count)
        files = snapshots(tmp_path / str(n), lambda x, t: wall(x, t - 100.0), n, times, length)
        errors.append(differences(exact, walked(deck({"kind": "ovf", "files": "."}, **kind), files)))
    errors = np.array(errors)[
        :, :2
    ]  # walkers are born at places a little apart, and some pass the plane more or less
    assert errors[0].max() < 0.02
    assert (errors[1] < 0.4 * errors[0]).all()


def test_round_trip_of_a_vortex(tmp_path):
    """Two directions, many harmonics. Walkers are born a little apart: errors fall more slowly than the square."""
    side = {"length": 12, "cells": 6, "left": "specular", "right": "specular"}
    own = {"kind": "vortex", "center": [6, 6], "core_radius": 2, "gyration_radius": 1.5}
    own["angular_frequency"] = OMEGA
    sections = deck(own, run={"walkers": 8192, "walkers_per_block": 512}, results={"planes": [6]})
    sections["sample"] = {"x": side, "y": side}
    source = make_problem(deck_from_dict(sections, "vortex"))
    exact, errors = run(source, 1), []
    for n in (24, 48):
        folder, step = tmp_path / str(n), 12.0 / n
        folder.mkdir()
        y, x = (axis.ravel() for axis in np.meshgrid(*2 * [(np.arange(n) + 0.5) * step], indexing="ij"))
        for k, t in enumerate(period(32)):
            scene = source.scene
            S = texture_field(scene.texture, scene.parameters, no_user(), x, y, 0.0 * x, t)
            mesh = Mesh((n, n, 1), (step, step, 1.0), (0.0, 0.0, 0.0))
            write_ovf(folder / f"{k:02d}.ovf", S.T.reshape(1, n, n, 3), mesh, t)
        found = walked({**sections, "texture": {**OVF, "files": "."}}, folder)
        pairs = [
            [one.estimates[name].mean for one in (exact, found)] for name in ("spin_density", "spin_current")
        ]
        errors.append([np.linalg.norm(a[:2] - b[:2]) / np.linalg.norm(a[:2]) for a, b in pairs])
    assert errors[0][0] < 0.1
    assert errors[0][1] < 0.4
    assert (np.array(errors[1]) < 0.7 * np.array(errors[0])).all()


def test_round_trip_of_a_wave_in_three_directions(tmp_path):
    """A spiral along (1, 1, 1) in a periodic box: trilinear in x, y and z, the errors fall as the square of the cell."""
    side = {"length": LENGTH, "cells": 3, "left": "periodic", "right": "periodic"}
    own = {"kind": "spiral", "wavenumber": math.sqrt(3.0) * Q, "direction": [1, 1, 1], "cone_angle": "60 deg"}
    own["angular_frequency"] = OMEGA
    sections = deck(own, run={"walkers": 8192, "walkers_per_block": 512})
    sections["sample"] = {"x": side, "y": side, "z": side}
    exact, errors = walked(sections), []
    for n in (16, 32):
        folder, step = tmp_path / str(n), LENGTH / n
        folder.mkdir()
        centres = (np.arange(n) + 0.5) * step
        along = centres[None, None, :] + centres[None, :, None] + centres[:, None, None]
        mesh = Mesh((n, n, n), (step, step, step), (0.0, 0.0, 0.0))
        for k, t in enumerate(period(4)):
            write_ovf(folder / f"{k}.ovf", spiral(along, t), mesh, t)
        found = walked({**sections, "texture": {**OVF, "files": "."}}, folder)
        pairs = [
            [one.estimates[name].mean for one in (exact, found)] for name in ("spin_density", "spin_current")
        ]
        errors.append([np.linalg.norm(a[:2] - b[:2]) / np.linalg.norm(a[:2]) for a, b in pairs])
    errors = np.array(errors)
    assert errors[0].max() < 0.12
    assert (errors[1] < 0.3 * errors[0]).all()


def test_equilibrium_terms_at_free_surfaces(tmp_path):
    """S × ∂S and S × ∇²S within the magnet, without the jump at its surface; nothing outside."""
    n, length = 64, 4.0

    def mode(x, t):  # ∂S/∂x = 0 at both ends
        angle = 0.5 * np.cos(math.pi * x / length)
        return np.stack([np.sin(angle) + 0.0 * x, 0.0 * x, np.cos(angle)], axis=-1)

    files = snapshots(tmp_path / "m", mode, n, period(4), length)
    found = problem(
        files, texture={**OVF, "offset": [2]}, faces="specular", cells=64, results={"planes": [2, 4, 6]}
    )
    terms = mesh_terms(found)
    x = (np.arange(64) + 0.5) / 8.0 - 2.0
    inside, k = (x > 0.0) & (x < length), math.pi / length
    slope = -0.5 * k * np.sin(k * x)
    bend = -0.5 * k * k * np.cos(k * x)
    # S × ∂S = (0, ∂angle, 0), S × ∂²S = (0, ∂²angle, 0)
    np.testing.assert_allclose(terms.twist[0, 0, 1], np.where(inside, slope, 0.0), atol=0.02 * k)
    np.testing.assert_allclose(terms.bend[0, 1], np.where(inside, bend, 0.0), atol=0.05 * k * k)
    assert not terms.S[:, :, ~inside].any()


def test_static_file(tmp_path):
    """One file alone is static: it pumps nothing, and needs no frequency."""
    files = snapshots(tmp_path / "m", spiral, 8, [0.0])
    found = problem(files, texture={"kind": "ovf", "files": "m000000.ovf"})
    assert "pumps nothing" in " ".join(found.notes)
    assert found.scene.time_step == 0.0
    assert np.abs(mesh_terms(found).twist[0]).max() > 0.1


def test_scales_and_memory(tmp_path):
    files = snapshots(tmp_path / "m", spiral, 16, period(8))
    found = problem(files)
    assert found.scene.time_step == pytest.approx(1e-3 / OMEGA)
    assert found.scene.rotation_step == pytest.approx(0.25)  # half a cell of the files
    assert found.snapshots.folder == str(files)
    assert sampled(found.snapshots).harmonics == 1
    assert not told(found)
    report = check_report(found)
    assert "8 snapshots of 16 × 1 × 1 cells" in report
    assert "1 harmonic," in report
    scaled = problem(files, texture={**OVF, "length_scale": 3, "time_scale": 2})
    assert scaled.scene.time_step == pytest.approx(2e-3)
    assert scaled.scene.rotation_step == 1.0
    assert function_of(scaled.snapshots) is function_of(scaled.snapshots)


def test_units(tmp_path):
    """The same series in SI: metres and seconds instead of ℓ and τ."""
    gas = {"fermi_wavenumber": "13.6 /nm", "mean_free_path": "2 nm", "spin_diffusion_length": "none"}
    gas["exchange"] = "5 meV"
    sections = deck(electrons=gas)
    sections["units"] = "SI"
    del sections["electrons"]["spin_relaxation_time"]
    sections["sample"]["x"]["length"], sections["results"]["planes"] = "16 nm", ["4 nm"]
    ell, tau = 2e-9, make_problem(deck_from_dict({**deck(None, electrons=gas), **sections, "texture": {
        "kind": "uniform", "cone_angle": "1 deg", "frequency": "1 GHz"}})).scales.time  # fmt: skip
    folder = tmp_path / "si"
    folder.mkdir()
    x = (np.arange(8) + 0.5) * (LENGTH / 8)
    for k, t in enumerate(period()):
        mesh = Mesh((8, 1, 1), (ell, 1e-9, 1e-9), (-3e-9, 0.0, 0.0))
        write_ovf(folder / f"{k}.ovf", 8e5 * spiral(x, t).reshape(1, 1, 8, 3), mesh, t * tau)
    sections["texture"] = {"kind": "ovf", "files": ".", "frequency": f"{OMEGA / (2 * math.pi * tau)} Hz"}
    si = make_problem(deck_from_dict(sections, "si", folder))
    plain = problem(snapshots(tmp_path / "m", spiral, 8, period()))
    one, other = mesh_terms(si), mesh_terms(plain)
    np.testing.assert_allclose(one.S, other.S, atol=1e-6)
    assert si.scene.period == pytest.approx(plain.scene.period)
    assert si.scene.time_step == pytest.approx(plain.scene.time_step)


# --- sentences -------------------------------------------------------------------------------------------------


def with_(**keys):
    return {"texture": {**OVF, **keys}}


NONE = {"kind": "ovf", "files": "*.ovf"}
ENDS = {"results": {"end": 10.0, "harmonics": 0}}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (with_(files="no*.ovf"), "texture.files: \"no*.ovf\" names no file in"),
        (with_(files=["m000000.ovf", "gone.ovf"]), '"gone.ovf" names no file'),
        (with_(files=[]), "texture.files = [] must be a name, a pattern"),
        (with_(files=3), "texture.files = 3 must be a name"),
        (with_(table="no.txt"), "cannot be read: No such file"),
        (with_(offset=[1, 2, 3, 4]), "texture.offset = [1, 2, 3, 4] must be a list of lengths"),
        (with_(along_x="w"), "texture.along_x = \"w\" must be one of x, y, z"),
        (with_(harmonics=6), "texture.harmonics = 6 is more than 8 snapshots"),
        (with_(harmonic=1), "did you mean harmonics"),
        (with_(angular_frequency=0.05), "must cover one whole period"),
        ({"texture": NONE}, "texture.frequency is missing: 8 snapshots repeat with it"),
        ({"texture": {**NONE, "frequency": 0}}, "texture.frequency is missing"),
        ({"length": 6.0}, "do not fit a periodic sample"),
        ({**with_(offset=[100]), "faces": "specular"}, "puts the magnet outside of the sample"),
        (with_(along_x="y"), "which lies along z of the sample, but [sample.z] is not given"),
        ({"texture": NONE, "results": {"end": 100.0}}, "is not within the snapshots"),
        ({"texture": {**NONE, "start": -1}, "results": {"end": 10.0}}, "is not within the snapshots"),
        ({"texture": NONE, "results": {"end": 10.0}, "drive": {"kind": "ramp", "rise": 1}}, "their own times"),
        ({"texture": {**OVF, "sha256": "0" * 64}}, "which have changed"),
    ],
)  # fmt: skip
def test_sentences(tmp_path, changes, words):
    files = snapshots(tmp_path / "m", spiral, 8, period())
    with pytest.raises(InputError) as caught:
        problem(files, **changes)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_broken_and_odd_series(tmp_path, monkeypatch):
    files = snapshots(tmp_path / "m", spiral, 8, period())
    with pytest.raises(InputError, match="has no magnetization in cell"):
        problem(
            snapshots(
                tmp_path / "hole", lambda x, t: spiral(x, t) * ((x > 1) | (t < 1))[:, None], 8, period()
            )
        )
    (files / "m000003.ovf").write_bytes((files / "m000003.ovf").read_bytes()[:-60])
    with pytest.raises(InputError, match="is cut off"):
        problem(files)
    (files / "m000003.ovf").write_text("no OVF")
    with pytest.raises(InputError, match="is not an OVF file"):
        problem(files)
    (files / "m000003.ovf").unlink()
    monkeypatch.setattr("mcpump.textures.snapshots.memory_of_machine", lambda: 100)
    with pytest.raises(InputError, match="7 snapshots of 8 cells need about"):
        problem(files)


def test_warnings(tmp_path):
    """A wrong frequency, or too few harmonics, are seen in the snapshots; a mesh that leaves the sample is noted."""
    files = snapshots(tmp_path / "w", lambda x, t: spiral(x, 0.9 * t), 8, period(16))
    (warning,) = told(problem(files))
    assert "they do not repeat with texture.frequency" in warning

    def second(x, t):
        return spiral(x, 2.0 * t)

    files = snapshots(tmp_path / "h", second, 8, period(16))
    (warning,) = told(problem(files, texture={**OVF, "harmonics": 1}))
    assert "differ from 0 harmonics" in warning or "texture.harmonics is too small" in warning
    assert not told(problem(files))
    notes = " ".join(problem(files, faces="specular", texture={**OVF, "offset": [1]}).notes)
    assert "their mesh reaches from 1 to 9 along x, the sample from 0 to 8" in notes


# --- files -----------------------------------------------------------------------------------------------------

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
kind = "ovf"
files = "m/*.ovf"
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
    here = tmp_path / "here"
    snapshots(here / "m", spiral, 8, period())
    (here / "deck.toml").write_text(DECK)
    monkeypatch.chdir(here)
    return here


def test_going_on(folder, tmp_path, monkeypatch):
    """The series is found again, from any folder; with other contents the run is refused."""
    good("run", "deck.toml", "-o", "whole.h5", "--quiet")
    good("run", "deck.toml", "-o", "out.h5", "--quiet", "--walkers", 1024)
    shutil.copy("out.h5", "again.h5")
    held = results.read("out.h5")
    assert len(tomllib.loads(held.resolved)["texture"]["sha256"]) == 64
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    good("run", "--resume", folder / "out.h5", "--walkers", 1280, "--quiet")
    assert_same(folder / "whole.h5", folder / "out.h5")
    again = from_python.run(from_python.load(folder / "out.h5").deck, progress=False, threads=1)
    assert (
        again.total.plane_current.mean == from_python.load(folder / "out.h5").total.plane_current.mean
    ).all()
    # one byte of one file
    path = folder / "m" / "m000004.ovf"
    data = bytearray(path.read_bytes())
    data[-80] ^= 1
    path.write_bytes(data)
    held = (folder / "again.h5").read_bytes()
    for how in (("--resume", folder / "again.h5"), (folder / "deck.toml", "--resume", folder / "again.h5")):
        assert "texture.sha256" in refused("run", *how, "--walkers", 1280)
    assert (folder / "again.h5").read_bytes() == held


def test_threads_and_mapped_files_do_not_matter(folder):
    """Same bits on any number of threads, and with arrays that are mapped from a file."""
    good("run", "deck.toml", "-o", "one.h5", "--quiet", "--threads", 1)
    good("run", "deck.toml", "-o", "two.h5", "--quiet", "--threads", 2)
    assert_same("one.h5", "two.h5")
    found = make_problem(deck_from_dict(tomllib.loads(DECK), "deck.toml"))
    Path("shared").mkdir()
    store(found.snapshots, "shared")
    take(found.snapshots, "shared")
    shutil.rmtree("shared")
    assert not sampled(found.snapshots).table.flags.writeable
    mapped = run(found, 1)
    held = results.read("one.h5")
    for name, estimate in held.estimates.items():
        np.testing.assert_array_equal(mapped.estimates[name].mean, estimate.mean)
    with pytest.raises(InputError, match="set TMPDIR"):
        store(found.snapshots, "no such folder")


# --- size ------------------------------------------------------------------------------------------------------

LOAD = """
import json, resource, sys, time
from mcpump.deck.read import read_deck
from mcpump.problem.reduce import make_problem
from mcpump.textures.snapshots import function_of, sampled
start = time.process_time()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
problem = make_problem(read_deck("deck.toml"))
function_of(problem.snapshots)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
texture = sampled(problem.snapshots)
print(json.dumps([time.process_time() - start, 1024 * (peak - before), texture.size, texture.harmonics]))
"""


@pytest.mark.slow  # 1.2 GB of files
def test_a_million_cells_and_a_hundred_snapshots(tmp_path):
    n = 100
    x, y = np.meshgrid(np.arange(n), np.arange(n))
    for k, t in enumerate(period(n)):
        phase = OMEGA * t + 0.02 * x + 0.01 * y
        theta = 0.5 + 0.1 * np.cos(OMEGA * t)
        layer = np.stack(
            [np.sin(theta) * np.cos(phase), np.sin(theta) * np.sin(phase), np.cos(theta) + 0 * x], -1
        )
        mesh = Mesh((n, n, n), (0.08, 0.08, 0.08), (0.0, 0.0, 0.0))
        write_ovf(tmp_path / f"m{k:03d}.ovf", np.broadcast_to(layer, (n, n, n, 3)), mesh, float(t))
    text = DECK.replace('left = "periodic"\nright = "periodic"', 'left = "specular"\nright = "specular"')
    sides = "".join(
        f'[sample.{axis}]\nlength = 8\ncells = 4\nleft = "specular"\nright = "specular"\n' for axis in "yz"
    )
    text = text.replace("[texture]", sides + "[texture]").replace("m/*.ovf", "*.ovf")
    (tmp_path / "deck.toml").write_text(text)
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(LOAD)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
    )
    seconds, memory, size, harmonics = json.loads(done.stdout)
    print(
        f"{seconds:.1f} s of one core, peak {memory / 1e9:.2f} GB, kept {size / 1e9:.2f} GB, {harmonics} harmonics"
    )
    assert seconds < 40.0  # 10 s where nothing else runs
    assert size == 1e6 * (4 + 12 * (1 + 2 * harmonics))
    assert memory < 1e6 * (4 + 12 * 65) + 0.4e9
