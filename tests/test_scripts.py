"""Every shipped deck, script and command of the README runs, in a folder of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from mcpump import results

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def shell(command, folder):
    """Run a command as a user would, with this environment's programs first on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder for all commands of the README, which build on each other."""
    return tmp_path_factory.mktemp("readme")


def in_test_environment():
    """Whether tests/run.sh made this environment: the scripts install nothing then."""
    return Path(sys.prefix) == ROOT / ".venv" and (ROOT / ".venv" / ".mcpump-test").exists()


def test_quickstart(folder):
    if not in_test_environment():
        pytest.skip("the scripts would install into .venv while it is in use: run tests/run.sh")
    out = shell(f"bash {ROOT}/run/quickstart.sh --walkers 65536", folder)
    assert "x = 20 nm local" in out
    assert results.read(folder / "junction.h5").complete
    assert (folder / "junction.png").stat().st_size > 50_000


def test_crossover_script(folder):
    if not in_test_environment():
        pytest.skip("the scripts would install into .venv while it is in use: run tests/run.sh")
    out = shell(f"bash {ROOT}/run/crossover.sh 0.2 2 20", folder)
    shares = re.findall(r"share (\S+) ± (\S+)\s+exact (\S+)", out)
    assert len(shares) == 3
    for share, error, exact in (map(float, row) for row in shares):
        assert abs(share - exact) < 4 * error
        assert error < 0.02 * exact
    assert (folder / "crossover.png").stat().st_size > 20_000


def commands():
    """`mcpump …` lines of the README's blocks, comments cut off."""
    lines = re.findall(r"^ {4}((?:mpirun -n \d+ )?mcpump .*)$", README, re.M)
    return [line.split("#")[0].strip() for line in lines]


def test_readme_commands(folder):
    assert len(commands()) >= 5
    for command in commands():
        shell(command, folder)
    assert {"junction.toml", "5nm.h5", "accurate.h5", "ranks.h5"} <= {path.name for path in folder.iterdir()}


def test_readme_python(folder, monkeypatch):
    monkeypatch.chdir(folder)
    if not Path("junction.h5").exists():
        shell("mcpump run junction.toml --walkers 65536 --quiet", folder)
    blocks = re.findall(r"```python\n(.*?)```", README, re.S)
    assert len(blocks) == 2
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})


@pytest.mark.parametrize("deck", sorted(path.name for path in (ROOT / "run").glob("*.toml")))
def test_decks(deck, tmp_path):
    out = shell(f"mcpump run {ROOT}/run/{deck} --walkers 65536 -o deck.h5 && mcpump show deck.h5", tmp_path)
    assert f"{deck}   65 536 walkers" in out
    header = (ROOT / "run" / deck).read_text(encoding="utf-8").split("\nunits")[0]
    assert "?" in header
    assert "Source" in header or "paper" in header
    assert f"| `{deck}` |" in README
