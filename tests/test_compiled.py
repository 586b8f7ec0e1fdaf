"""Compiled kernels on disk: found again, never stale, and not needed."""

import configparser
import dataclasses
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from fake_result import pulse
from fake_result import same as same_results
from jobs import MPIRUN, NO_MPIRUN
from kernels import CHOICES, CODE, DAMAGES, GIVEN, PACKAGE, SAID, called, python
from runs import JUNCTION, child, finish

from mcpump import kernel_folder, results


@pytest.fixture
def copy(tmp_path):
    """A copy of the package, for changes."""
    shutil.copytree(PACKAGE, tmp_path / "mcpump", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def double(folder):
    """Change the copy: the callee, in another file, returns twice as much."""
    source = folder / "mcpump" / "textures" / "shapes.py"
    text, once = source.read_text(encoding="utf-8"), "        return parameters[0] + parameters[1]"
    assert text.count(once) == 1
    source.write_text(
        text.replace(once, "        return 2.0 * parameters[0] + parameters[1]"), encoding="utf-8"
    )


DOUBLED = 2.0 * SAID


# --- the fence ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", CHOICES)
def test_a_change_in_another_file_is_noticed_wherever_kernels_are_kept(copy, place):
    where = copy / "place"
    assert called(copy, place=place, where=where) == (SAID, 0, "")
    assert called(copy, place=place, where=where) == (SAID, 1, "")
    double(copy)
    assert called(copy, place=place, where=where) == (DOUBLED, 0, "")
    below = {"XDG_CACHE_HOME": "mcpump", "HOME": ".cache/mcpump"}.get(place, "")
    kept = sorted((where / below).iterdir())
    assert len(kept) == 2
    for folder in (where, *where.rglob("")):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert not [*copy.rglob("*.nb?")]  # nothing of numba's own cache, in __pycache__ or elsewhere


def test_a_change_is_noticed_where_nothing_can_be_kept(copy):
    (copy / "file").touch()
    value, found, warnings = called(copy, where=copy / "file")
    assert (value, found) == (SAID, 0)
    assert warnings.count("\n") == 1
    assert f"{copy / 'file' / kernel_folder.IMPORTED} cannot be used (File exists)" in warnings
    assert "MCPUMP_CACHE_DIR names a folder" in warnings
    double(copy)
    assert called(copy, where=copy / "file")[:2] == (DOUBLED, 0)
    assert not [*copy.rglob("*.nb?")]


def test_mcpump_has_its_place_before_numba(copy):
    called(copy, where=copy / "a", NUMBA_CACHE_DIR=str(copy / "b"))
    assert (copy / "a").exists()
    assert not (copy / "b").exists()


def above_tally():
    """The modules and packages that `lint-imports` keeps away from the kernels."""
    settings = configparser.ConfigParser()
    settings.read(PACKAGE.parent / "setup.cfg")
    layers = settings["importlinter:contract:packages"]["layers"].split()
    return set(layers[: layers.index("tally")])


def test_every_source_below_belongs_to_the_folder_s_name(copy, monkeypatch):
    monkeypatch.setattr(kernel_folder, "__file__", str(copy / "mcpump" / "kernel_folder.py"))
    names, package = [kernel_folder.fingerprint()], copy / "mcpump"
    assert names == [kernel_folder.IMPORTED]  # wherever they lie
    (package / "sub" / "deeper").mkdir(parents=True)
    (package / "sub" / "deeper" / "walk.py").touch()
    above = above_tally()
    assert {Path(name).stem for name in kernel_folder.ABOVE} == above
    sources = []
    for source in sorted(package.rglob("*.py")):
        with source.open("a", encoding="utf-8") as file:
            file.write("# changed\n")
        if source.relative_to(package).parts[0].removesuffix(".py") in above:
            assert kernel_folder.fingerprint() == names[-1]
        else:
            names.append(kernel_folder.fingerprint())
            sources.append(source)
    assert len(sources) > 100
    (package / "errors.py").rename(package / "sub" / "errors.py")
    names.append(kernel_folder.fingerprint())
    assert len(set(names)) == len(sources) + 2


@pytest.mark.parametrize("setting", ["NUMBA_OPT=1", "NUMBA_LOOP_VECTORIZE=0", "NUMBA_BOUNDSCHECK=1"])
def test_settings_of_numba_that_change_the_code_belong_to_it_too(tmp_path, setting):
    name, value = setting.split("=")
    show = "from mcpump.kernel_folder import IMPORTED; print(IMPORTED)"
    out, _ = python(PACKAGE.parent, "-c", show, where=tmp_path, **{name: value})
    assert out.strip() not in ("", kernel_folder.IMPORTED)


def test_sources_that_change_under_a_process_are_told(copy):
    code = f"""
import mcpump.compiled
with open("mcpump/errors.py", "a") as file:
    file.write("# changed")
{CODE}"""
    out, warnings = python(copy, "-c", code)
    assert out.split() == [str(SAID), "0", "None"]
    assert (
        "mcpump's sources have changed since it was imported: the kernels are compiled in memory" in warnings
    )
    assert not (copy / "cache").exists()


def test_sources_that_change_later_leave_nothing_behind(copy):
    code = f"""
from mcpump.kernel_folder import kernel_folder
kernel_folder()
with open("mcpump/errors.py", "a") as file:
    file.write("# changed")
{CODE}"""
    assert python(copy, "-c", code)[0].split()[:2] == [str(SAID), "0"]
    assert not [path for path in (copy / "cache").rglob("*") if path.is_file()]


def test_without_sources_there_is_no_folder(copy):
    python(copy, "-m", "compileall", "-q", "-b", "mcpump")
    for source in (copy / "mcpump").rglob("*.py"):
        source.unlink()
    value, found, warnings = called(copy)
    assert (value, found) == (SAID, 0)
    assert "sources, by which the folder of the kernels is named, are not there" in warnings
    assert not (copy / "cache").exists()


# --- who does not need them --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ("-m", "mcpump", "check", "junction.toml"),
        ("-m", "mcpump", "show", "out.h5"),
        ("-m", "mcpump", "materials"),
        ("-m", "mcpump", "export", "out.h5", "--ovf", "fields"),
        ("-c", "import mcpump; print(mcpump.load('out.h5'))"),
    ],
    ids=" ".join,
)
def test_what_compiles_nothing_needs_no_place(tmp_path, arguments):
    (tmp_path / "junction.toml").write_text(JUNCTION, encoding="utf-8")
    results.write(pulse(), tmp_path / "out.h5")
    (tmp_path / "file").touch()
    out, said = python(tmp_path, *arguments, where=tmp_path / "file", PYTHONPATH=str(PACKAGE.parent))
    assert out
    assert said == ""


def test_who_has_no_home_compiles_in_memory(tmp_path):
    code = "import os, pwd\npwd.getpwuid = {}.__getitem__\nos.environ.pop('HOME')\n" + CODE
    out, said = python(PACKAGE.parent, "-c", code, place="HOME", where=tmp_path)
    assert out.split() == [str(SAID), "0", "None"]
    assert "no home folder is known: the kernels are compiled in memory" in said


RANK = f"""
from mcpump.compiled import is_compiled
from mcpump.textures.moving import envelope_at
from mcpump.kernel_folder import can_keep
from mcpump.simulate.ranks import connect
said = []
connect().compile_once(
    lambda: said.append(envelope_at({GIVEN}, 1.0)), lambda: is_compiled(envelope_at) or not can_keep()
)
print(*said)
"""


@pytest.mark.skipif(MPIRUN is None, reason=NO_MPIRUN)
def test_ranks_warn_once_and_do_not_wait_for_each_other(tmp_path):
    (tmp_path / "file").touch()
    environment = {
        **os.environ,
        "MCPUMP_CACHE_DIR": str(tmp_path / "file"),
        "PYTHONPATH": str(PACKAGE.parent),
    }
    command = [MPIRUN, "-n", "2", sys.executable, "-c", RANK]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=True)
    # what two ranks print may come in one line
    assert done.stdout.count(str(SAID)) == 2
    assert not done.stdout.replace(str(SAID), "").split()
    assert done.stderr.count("compiled in memory") == 1


@pytest.mark.slow  # compiles three times
def test_a_run_has_the_same_bits_whatever_has_become_of_the_folder(tmp_path):
    (tmp_path / "junction.toml").write_text(JUNCTION, encoding="utf-8")
    (tmp_path / "file").touch()

    def run(where):
        environment = {**os.environ, "MCPUMP_CACHE_DIR": str(tmp_path / where)}
        command = ("run", "junction.toml", "-o", "out.h5", "--overwrite", "--quiet")
        status, _, said = finish(child(*command, folder=tmp_path, env=environment), timeout=600)
        assert status == 0, said
        result = results.read(tmp_path / "out.h5")
        return said, dataclasses.replace(result, provenance={})

    said, whole = run("kept")
    assert said == ""
    kinds, files = list(DAMAGES.values()), [*(tmp_path / "kept").rglob("mcpump.*")]
    for number, file in enumerate(sorted(files)):
        file.write_bytes(kinds[number % len(kinds)](file.read_bytes()))
    for where, sentence in (
        ("kept", "is damaged: it is compiled anew"),
        ("file", "the kernels are compiled in memory"),
    ):
        said, other = run(where)
        assert said.count("\n") == 1
        assert str(tmp_path / where) in said
        assert sentence in said
        assert same_results(whole, other)
