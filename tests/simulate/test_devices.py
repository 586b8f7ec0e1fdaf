"""CPU and GPU in one run: sums in fixed point go on and are added up across them, others do not mix.

The GPU is simulated.
"""

import os
import sys

import pytest
from runs import (
    CHILD,
    JUNCTION,
    PULSE,
    assert_same,
    child,
    contents,
    finish,
    furnish,
    good,
    refused,
    sentence,
    whole,
)

import mcpump
from mcpump.deck.read import read_deck
from mcpump.errors import InputError
from mcpump.problem.reduce import make_problem
from mcpump.walk.blocks import kernels_of

SMALL = ("--quiet", "--walkers", 64, "--set", "run.walkers_per_block=4")
FIXED = ("--set", 'run.sums="fixed"')
SIMULATED = {**os.environ, "NUMBA_ENABLE_CUDASIM": "1"}
NO_GPU = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1"}
NO_MODULE = """
import sys, warnings
warnings.simplefilter("ignore")
sys.modules["numba_cuda"] = None
from mcpump.cli import main
sys.exit(main(sys.argv[1:]))
"""
WITHOUT = [sys.executable, "-c", NO_MODULE]
"""The command where numba-cuda is not installed."""
TURNING = """
units = "reduced"
[electrons]
exchange = 0.05
spin_relaxation_time = 30
[sample.x]
length = 4
cells = 4
left = "specular"
right = "absorbing"
[sample.y]
length = 4
cells = 4
left = "specular"
right = "specular"
[texture]
kind = "vortex"
center = [2, 2]
core_radius = 1
gyration_radius = 0.2
angular_frequency = 0.01
[results]
channels = ["exact"]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(furnish(tmp_path / "work"))
    return tmp_path / "work"


def on_gpu(*arguments, folder, **more):
    """Run on the simulated GPU."""
    return finish(child(*arguments, "--device", "cuda", folder=folder, env=SIMULATED, **more))


def test_a_run_goes_on_from_a_gpu_to_a_cpu_and_back(folder):
    """The same bits as a run on the CPU alone, and parts of both are added up to it."""
    good("run", "junction.toml", *SMALL, *FIXED, "-o", "cpu.h5")
    status, _, err = on_gpu("run", "junction.toml", *SMALL, "--part", "1/2", "-o", "gpu.h5", folder=folder)
    assert status == 0, err
    assert "is complete" in err
    assert 'device = "cuda"' in whole("gpu.h5").resolved
    assert 'sums = "fixed"' in whole("gpu.h5").resolved
    good("run", "--resume", "gpu.h5", "--device", "cpu", "--quiet", "-o", "both.h5")
    assert_same("both.h5", "cpu.h5")
    good("run", "junction.toml", *SMALL, *FIXED, "--part", "2/2", "-o", "rest.h5")
    good("merge", "rest.h5", "gpu.h5", "-o", "sum.h5")
    for name in ("checkpoint/totals", "checkpoint/profiles", "checkpoint/squares"):
        one, other = (whole(file).checkpoint[name.split("/")[1]] for file in ("sum.h5", "cpu.h5"))
        assert (one == other).all()
    status, _, err = on_gpu("run", "--resume", "rest.h5", "--quiet", "-o", "back.h5", folder=folder)
    assert status == 0, err
    for name, sums in whole("back.h5").checkpoint.items():
        assert (sums == whole("cpu.h5").checkpoint[name]).all()


def test_sums_in_floating_point_do_not_mix_with_those_in_fixed_point(folder):
    good("run", "junction.toml", *SMALL, "--part", "1/2", "-o", "float.h5")
    good("run", "junction.toml", *SMALL, *FIXED, "--part", "2/2", "-o", "fixed.h5")
    before = contents(folder)
    line = refused("run", "junction.toml", "--resume", "float.h5", *SMALL, *FIXED)
    assert "run.sums = 'float', this deck has 'fixed': they do not mix" in line
    line = refused("run", "--resume", "float.h5", "--device", "cuda")
    assert 'run.sums = "float" must be "fixed" with run.device = "cuda"' in line
    assert "run.sums" in refused("merge", "float.h5", "fixed.h5", "-o", "sum.h5")
    assert contents(folder) == before


def test_the_usual_sums_are_what_they_were(folder):
    """A deck that says so is the deck that says nothing; fixed point differs by its rounding alone."""
    good("run", "junction.toml", *SMALL, "-o", "usual.h5")
    good("run", "junction.toml", *SMALL, "--set", 'run.sums="float"', "--device", "cpu", "-o", "said.h5")
    assert_same("usual.h5", "said.h5")
    good("run", "junction.toml", *SMALL, *FIXED, "-o", "fixed.h5")
    usual, fixed = (mcpump.load(name)["plane_current"].mean for name in ("usual.h5", "fixed.h5"))
    assert 0.0 < abs(usual - fixed).max() < 1e-9 * abs(usual).max()


@pytest.mark.parametrize(
    ("program", "environment", "words"),
    [
        (CHILD, NO_GPU, "needs an NVIDIA GPU and its driver: "),
        (WITHOUT, NO_GPU, "needs numba-cuda: pip install 'mcpump[cuda]' brings it"),
        (CHILD, SIMULATED | {"SLURM_LOCALID": "4000"}, "needs a GPU for each process of a node: this one has"),
    ],
)  # fmt: skip
def test_what_a_gpu_needs_is_told(folder, program, environment, words):
    """One sentence, and nothing is written."""
    before = contents(folder)
    started = child(
        "run", "junction.toml", "--device", "cuda", folder=folder, program=program, env=environment
    )
    status, out, err = finish(started)
    line = sentence(err)
    assert (status, out) == (2, "")
    assert words in line
    assert line.startswith('run.device = "cuda" (--device cuda) ')
    assert contents(folder) == before


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (PULSE, "a [pulse] counts walkers by a way of its own"),
        (JUNCTION + 'walk = "general"\n', "run.walk asks for the general walk, which adds in floating point alone"),
        (TURNING, "its spins turn in flight in a texture that does not precess rigidly along x"),
    ],
)  # fmt: skip
def test_what_a_gpu_does_not_take_is_refused_by_name(folder, text, reason):
    (folder / "deck.toml").write_text(text, encoding="utf-8")
    for asked, key in ((("--device", "cuda"), 'run.device = "cuda"'), (FIXED, 'run.sums = "fixed"')):
        line = refused("run", "deck.toml", *asked)
        assert line.startswith(f"{key} does not take this deck: {reason}")
        assert 'run.device = "cpu" with run.sums = "float" does' in line


def test_keys(folder):
    with pytest.raises(InputError, match=r'run\.device = "tpu" must be one of cpu, cuda'):
        read_deck("junction.toml", ["run.device=tpu"])
    with pytest.raises(
        InputError, match=r'run\.sums = "float" must be "fixed" with run\.device = "cuda", or left out'
    ):
        read_deck("junction.toml", ["run.device=cuda", "run.sums=float"])
    problem = make_problem(read_deck("junction.toml", ["run.device=cuda"]))
    assert problem.scene.fixed_sums
    assert problem.device == "cuda"
    usual = make_problem(read_deck("junction.toml"))
    assert not usual.scene.fixed_sums
    assert kernels_of(usual.scene) != kernels_of(problem.scene)
