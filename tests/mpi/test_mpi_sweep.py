"""A sweep under mpirun: every point on all ranks, with the bits of one process."""

import subprocess

import pytest
from jobs import MPIRUN, NO_MPIRUN, ranks
from runs import AT_ONCE, assert_same, furnish, good

pytestmark = pytest.mark.skipif(MPIRUN is None, reason=NO_MPIRUN)
SWEEP = ("sweep", "junction.toml", "--vary", "texture.width=1, 2", "--vary", "run.seed=1:2:2")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(furnish(tmp_path))
    return tmp_path


def run(*arguments, status=0):
    """Run on two ranks; what was printed."""
    done = subprocess.run(
        [*ranks(2), *map(str, arguments)], capture_output=True, encoding="utf-8", timeout=300
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done


def test_a_sweep_on_ranks_has_the_same_bits(folder):
    good(*SWEEP, "--quiet", "-o", "alone")
    done = run(*SWEEP, "-o", "ranks")
    assert done.stdout.splitlines()[-1] == "ranks.h5: 4 of 4 points"
    assert done.stdout.count("width=1,seed=1") == 1
    assert_same("alone.h5", "ranks.h5")
    for path in (folder / "alone").iterdir():
        assert_same(path, folder / "ranks" / path.name)
    assert run(*SWEEP, "-o", "ranks").stderr.count("is complete") == 4


def test_a_sweep_on_ranks_stops_goes_on_and_refuses_with_one_sentence(folder):
    assert run(*SWEEP, "--quiet", *AT_ONCE, status=75).stderr.count("mcpump: stopped") == 1
    run(*SWEEP, "--quiet")
    good(*SWEEP, "--quiet", "-o", "whole")
    assert_same("whole.h5", "junction-sweep.h5")
    lines = run(*SWEEP, "--set", "texture.wdth=1", status=2).stderr.splitlines()
    assert [line for line in lines if line.startswith("mcpump: ")] == lines[:1]
    lines = run(*SWEEP, "--quiet", "--set", "electrons.exchange=0.1", status=2).stderr.splitlines()
    assert len([line for line in lines if "do not mix" in line]) == 1
    assert run(*SWEEP, "--list").stdout.count("mcpump run") == 4


def test_python_on_ranks_gives_every_rank_the_result(folder):
    (folder / "script.py").write_text(
        "import mcpump\nrun = mcpump.run('junction.toml', 'out.h5', walkers=2048)\n"
        "assert run.result.walkers == 2048\nassert run.total.plane_current.mean.any()\n"
    )
    done = subprocess.run(
        [*ranks(2, ("script.py",))], capture_output=True, encoding="utf-8", timeout=300, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    good("run", "junction.toml", "--quiet", "--walkers", 2048)
    with_less = (folder / "out.h5", folder / "junction.h5")
    assert all(path.exists() for path in with_less)
