"""Every shipped deck and script, and every command that the documents show, runs in a folder of its own."""

import math
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import schema

from mcpump import results

ROOT = Path(__file__).resolve().parent.parent
TEXTS = {
    name: (ROOT / name).read_text(encoding="utf-8")
    for name in ("README.md", "docs/MANUAL.md", "docs/GALLERY.md", "docs/PHYSICS.md", "docs/RESULTS.md")
}
"""Documents in the order in which their commands build on each other."""
SCRIPTS = (
    "run/quickstart.sh",
    "run/crossover.sh",
    "run/spin_potential.sh",
    "run/stack_sweeps.sh",
    "tests/run.sh",
)
"""Those that have tests of their own, or run the tests."""
ELSEWHERE = r"pip install |sbatch slurm/|slurm/submit_sweep.sh "
"""Beginnings of commands that are not run here: run/environment.sh installs, tests/slurm looks at jobs."""


def shell(command, folder):
    """Run a command as a user would, with this environment's programs first on the path."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    # a run that is given too little time stops with 75
    accepted = (0, 75) if "--max-time" in command else (0,)
    assert done.returncode in accepted, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """One folder for all commands of the documents, which build on each other."""
    return tmp_path_factory.mktemp("documents")


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


def test_spin_potential_script(folder):
    if not in_test_environment():
        pytest.skip("the scripts would install into .venv while it is in use: run tests/run.sh")
    out = shell(f"WALKERS=200000 bash {ROOT}/run/spin_potential.sh 0.3 3", folder)
    exact = [float(number) for number in re.findall(r"exact (\S+)", out)]
    assert exact == [pytest.approx(q * q / 3.0 / (1.0 - math.atan(q) / q), rel=1e-4) for q in (0.3, 3.0)]
    found = [float(number) for number in re.findall(r"over j: (\S+)", out)]
    # 4 standard errors of the current, which is known to 2 %, and 0.7 % of difference quotients on 30 cells
    assert found == [pytest.approx(wanted, rel=0.09) for wanted in exact]
    assert (folder / "spin_potential.png").stat().st_size > 20_000


@pytest.mark.slow
def test_stack_sweeps_script(folder):
    if not in_test_environment():
        pytest.skip("the scripts would install into .venv while it is in use: run tests/run.sh")
    shell(f"WALKERS={fewest_walkers('yig_penetration.toml')} bash {ROOT}/run/stack_sweeps.sh", folder)
    assert (folder / "stack_sweeps.png").stat().st_size > 20_000


def fewest_walkers(deck):
    """As many walkers as make 16 blocks of a deck in run/: the fewest that errors are quoted from."""
    with (ROOT / "run" / deck).open("rb") as file:
        return 16 * tomllib.load(file)["run"].get("walkers_per_block", 4096)


def shown():
    """Commands that the documents show in blocks, comments cut off."""
    programs = r"(?:mcpump|python|mpirun|bash|pip|sbatch|sphinx-build|slurm/\S+)"
    lines = [line for text in TEXTS.values() for line in re.findall(rf"^ {{4}}({programs} .*)$", text, re.M)]
    return [line.split(" #")[0].strip() for line in lines]


def commands():
    """Those that run mcpump or draw."""
    run = r"(?:mpirun -n \d+ )?mcpump .*|python (?:analysis/\S+|make_ovf\.py) .*"
    return [line for line in shown() if re.fullmatch(run, line)]


def test_every_command_is_run():
    rest = [line for line in shown() if line not in commands() and not re.match(ELSEWHERE, line)]
    assert {*rest} == {f"bash {script}" for script in SCRIPTS}


def small(command):
    """Let a command of a checkout run in another folder, and decks in run/ with few walkers."""
    deck = re.fullmatch(r"mcpump run run/(\S+)", command)
    if deck:
        return f"mcpump run {ROOT}/run/{deck[1]} --walkers {fewest_walkers(deck[1])}"
    return re.sub(r"(?<= )(run|analysis)/", rf"{ROOT}/\1/", command)


@pytest.mark.slow  # two minutes: every command of the documents
def test_commands(folder):
    assert len(commands()) >= 30
    for command in commands():
        shell(small(command), folder)
    made = {path.name for path in folder.iterdir()}
    assert {"junction-sweep", "junction-sweep.h5"} <= made
    schema.assert_sweep_as_told(folder / "junction-sweep.h5", ["mean_free_path"])
    assert {"junction.toml", "5nm.h5", "accurate.h5", "ranks.h5"} <= made
    assert {"vortex.png", "stack.png", "moving_wall.png", "ovf_film.png", "film-ovf"} <= made


def test_files_are_there():
    named = {
        name
        for text in TEXTS.values()
        for name in re.findall(r"\b((?:run|analysis)/[\w/]+\.(?:sh|toml|py|png))\b", text)
    }
    assert len(named) >= 20
    assert [name for name in named if not (ROOT / name).is_file()] == []


def test_python(folder, monkeypatch):
    monkeypatch.chdir(folder)
    if not Path("junction.toml").exists():
        shell("mcpump example junction", folder)
    if not Path("junction.h5").exists():
        shell("mcpump run junction.toml --walkers 65536 --quiet", folder)
    if not Path("junction-sweep.h5").exists():
        shell(next(command for command in commands() if "--vary electrons.mean_free_path" in command), folder)
    blocks = re.findall(r"```python\n(.*?)```", "".join(TEXTS.values()), re.S)
    assert len(blocks) == 5
    names = {}
    for number, block in enumerate(blocks):
        # a file, for the source of a texture is read from it
        Path(f"block{number}.py").write_text(block, encoding="utf-8")
        exec(compile(block, f"block{number}.py", "exec"), names)
    assert names["many"].flux["total"][0].amplitude.shape == (5, 3)
    assert names["wall"].estimate(names["ratio"]).stderr > 0.0


@pytest.mark.parametrize("deck", sorted(path.name for path in (ROOT / "run").glob("*.toml")))
def test_decks(deck, tmp_path):
    walkers = fewest_walkers(deck)
    place = f"{ROOT}/run/{deck}"
    if deck == "ovf_film.toml":
        shell("mcpump example ovf_film && python make_ovf.py film", tmp_path)
        place = deck
    command = f"mcpump run {place} --walkers {walkers} -o deck.h5 && mcpump show deck.h5"
    out = shell(command, tmp_path)
    assert f"{deck}   {walkers:,} walkers".replace(",", " ") in out
    assert results.read(tmp_path / "deck.h5").complete
    schema.assert_as_told(tmp_path / "deck.h5", deck.removesuffix(".toml"))
    header = (ROOT / "run" / deck).read_text(encoding="utf-8").split("\nunits")[0]
    assert "?" in header
    assert "Source" in header or "paper" in header
    assert all(line.startswith("# ") for line in header.splitlines())
    assert f"| `{deck}` |" in TEXTS["docs/GALLERY.md"]


def test_rows_of_the_schema_name_decks_that_are_there():
    decks = {cells[-1].strip("`") for _, cells in schema.tables("variable") if len(cells) == 7}
    assert decks - {schema.NOTHING} <= {path.stem for path in (ROOT / "run").glob("*.toml")}
