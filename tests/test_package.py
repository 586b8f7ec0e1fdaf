"""What a release is made of: a source archive that is the repository, and a wheel that runs in another place."""

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

import mcpump

ROOT = Path(__file__).resolve().parents[1]
LEFT_OUT = shutil.ignore_patterns(
    ".venv", ".git", "build", "dist", "*.egg-info", "__pycache__", ".*_cache", "*.h5"
)


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


@pytest.fixture(scope="module")
def dist(source, tmp_path_factory):
    """The source archive, and the wheel that is built from it alone."""
    folder = tmp_path_factory.mktemp("dist")
    ran("-m", "build", "--outdir", folder, source, cwd=folder)
    [archive], [wheel] = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return {"archive": archive, "wheel": wheel}


def kept_files():
    """Files of the repository, as git knows them, or where there is no git all that are here."""
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        found = {name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file()}
    else:
        walked = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
        found = {str(path) for path in walked if not LEFT_OUT("", path.parts)}
    return found - {".gitignore"}


def test_source_archive_is_the_repository(dist):
    with tarfile.open(dist["archive"]) as archive:
        members = {name.partition("/")[2] for name in archive.getnames()}
    assert kept_files() - members == set()
    assert {name for name in members if "__pycache__" in name or name.endswith(".h5")} == set()
    assert {
        "docs/MANUAL.md",
        "analysis/plot_profile.py",
        "slurm/job.sh",
        "tests/run.sh",
        ".ci/run",
    } <= members


def test_wheel_has_the_package_its_decks_and_the_mark_of_its_types(dist):
    names = set(zipfile.ZipFile(dist["wheel"]).namelist())
    assert {"mcpump/py.typed", "mcpump/deck/materials.toml"} <= names
    assert {f"mcpump/decks/{path.name}" for path in (ROOT / "run").glob("*.toml")} <= names
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "mcpump").rglob("*.py")}
    assert modules <= names
    assert not [name for name in names if name.startswith(("tests/", "docs/", "analysis/"))]


def test_wheel_says_what_it_is(dist):
    with zipfile.ZipFile(dist["wheel"]) as wheel:
        [name] = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
        said = Parser().parsestr(wheel.read(name).decode())
    assert said["Version"] == mcpump.__version__
    assert "Typing :: Typed" in said.get_all("Classifier")
    assert "spin pumping" in said["Keywords"]


def test_one_version_everywhere():
    cited = re.search(r"^version: (.*)$", (ROOT / "CITATION.cff").read_text(encoding="utf-8"), re.M)
    changes = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert cited[1] == changes[0] == mcpump.__version__


@pytest.mark.slow
@pytest.mark.parametrize("form", ["wheel", "archive"])
def test_installed_elsewhere_it_runs_the_main_job(dist, tmp_path, form):
    pip = ("-m", "pip", "--disable-pip-version-check", "--quiet")
    ran(*pip, "install", "--no-deps", "--target", tmp_path / "site", dist[form], cwd=tmp_path)
    there = tmp_path / "site" / "mcpump"
    assert (there / "py.typed").is_file()
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
