"""What is installed from a wheel, or from a source archive, is all of mcpump: it runs the main job in another place."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(
    ".venv", ".git", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", "*.h5"
)
ARCHIVE = "import sys; from setuptools import build_meta; print(build_meta.build_sdist(sys.argv[1]))"


def ran(*command, cwd, **environment):
    done = subprocess.run(
        [sys.executable, *map(str, command)], cwd=cwd, env={**os.environ, **environment}, capture_output=True, text=True,
        timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A copy of the checkout: building leaves files in it."""
    return Path(shutil.copytree(ROOT, tmp_path_factory.mktemp("source") / "mcpump", ignore=LEFT_OUT))


def archive_of(source, folder):
    return folder / ran("-c", ARCHIVE, folder, cwd=source).split()[-1]


@pytest.mark.slow
@pytest.mark.parametrize("form", ["wheel", "archive"])
def test_installed_elsewhere_it_runs_the_main_job(source, tmp_path, form):
    built = source if form == "wheel" else archive_of(source, tmp_path)
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet")
    ran(*pip, "install", "--no-deps", "--target", tmp_path / "site", built, cwd=tmp_path)
    there = tmp_path / "site" / "mcpump"
    assert {path.name for path in there.iterdir() if path.is_dir()} >= {
        path.name for path in (ROOT / "mcpump").iterdir() if path.is_dir() and any(path.glob("*.py"))
    }
    assert (there / "py.typed").is_file()
    place = {"PYTHONPATH": str(tmp_path / "site")}
    where = ran("-c", "import mcpump.walk, mcpump.decks; print(mcpump.walk.__file__)", cwd=tmp_path, **place)
    assert Path(where.strip()).is_relative_to(there)
    ran("-m", "mcpump", "example", "junction", cwd=tmp_path, **place)
    ran("-m", "mcpump", "materials", cwd=tmp_path, **place)
    table = ran("-m", "mcpump", "run", "junction.toml", "--walkers", "65536", cwd=tmp_path, **place)
    assert "x = 20 nm total" in table
    assert (tmp_path / "junction.h5").is_file()
