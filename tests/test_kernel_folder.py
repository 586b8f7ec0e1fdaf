"""The folder of the compiled kernels: damage in it does no harm, and strangers have no way in."""

import logging
import os
import pickle
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from kernels import CHOICES, CODE, DAMAGES, GIVEN, PACKAGE, SAID, Bomb, called, python, signed

from mcpump import kernel_folder
from mcpump.compiled import kernel
from mcpump.textures.moving import envelope_at

STRANGER = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="root alone can give a file away")


class Here:
    """The kernel in this process, compiled or fetched anew at each call, and what was said."""

    def __init__(self, monkeypatch, folder):
        self.root, self.said = folder, []
        for name in CHOICES:
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("MCPUMP_CACHE_DIR", str(folder))
        forget()

    def handle(self, record):
        self.said.append(record.getMessage())

    def __call__(self):
        """Return whether the kernel was found on disk; it says the same in any case."""
        fresh = kernel(envelope_at.py_func)
        assert fresh(GIVEN, 1.0) == SAID
        return bool(fresh.stats.cache_hits)

    @property
    def folder(self):
        return self.root / kernel_folder.IMPORTED

    @property
    def file(self):
        (file,) = self.folder.glob("mcpump.textures.moving.envelope_at-*")
        return file


def forget():
    """Let folders be looked at again and sentences be told again."""
    kernel_folder._usable.cache_clear()
    kernel_folder._tell.cache_clear()


@pytest.fixture
def here(monkeypatch, tmp_path):
    log, handler = logging.getLogger("mcpump"), logging.Handler()
    here = Here(monkeypatch, tmp_path / "place")
    handler.handle = here.handle
    monkeypatch.setattr(log, "handlers", [handler])
    monkeypatch.setattr(log, "propagate", False)
    level = log.level
    log.setLevel(logging.WARNING)
    yield here
    log.setLevel(level)
    forget()


# --- damage ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_compiled_anew(here, damage, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert not here()
    assert here()
    whole = here.file.read_bytes()
    here.file.write_bytes(DAMAGES[damage](whole))
    assert not here()
    assert here.said == [f"warning: a compiled kernel in {here.folder} is damaged: it is compiled anew"]
    assert here()  # mended
    here.file.write_bytes(b"")
    assert not here()
    assert len(here.said) == 1  # told once
    assert not (tmp_path / "it_ran").exists()


def test_another_kernel_s_file_is_not_taken(here):
    """Neither by an accident of names, nor by a copy."""
    assert not here()
    other = kernel(envelope_at.py_func)
    assert other(GIVEN, np.float32(1.0)) == SAID
    one, two = here.folder.glob("mcpump.textures.moving.envelope_at-*")
    before = one.read_bytes(), two.read_bytes()
    one.write_bytes(before[1])
    two.write_bytes(before[0])
    assert not here()
    assert here.said == []


def test_a_folder_in_a_file_s_place(here):
    assert not here()
    file = here.file
    file.unlink()
    (file / "inside").mkdir(parents=True)
    assert not here()
    assert (
        f"a compiled kernel in {here.folder} cannot be read (Is a directory): it is compiled anew"
        in here.said[0]
    )
    assert (
        f"{here.folder} cannot be written (Is a directory): the kernels are compiled in memory"
        in here.said[1]
    )
    assert len(here.said) == 2
    assert not [*here.folder.glob("tmp*")]


def test_a_full_disk(tmp_path):
    any_size = resource.RLIM_INFINITY
    full, room = (
        f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({n}, {any_size}))"
        for n in (10, any_size)
    )
    code = f"{full}\n{CODE}\n{room}"  # room at the end, for what measures the lines run here
    out, warnings = python(PACKAGE.parent, "-c", code, where=tmp_path)
    assert out.split() == [str(SAID), "0", str(tmp_path / kernel_folder.IMPORTED)]
    assert warnings.count("\n") == 1
    assert "cannot be written (File too large): the kernels are compiled in memory" in warnings
    assert [*(tmp_path / kernel_folder.IMPORTED).iterdir()] == []


def test_two_processes_fill_a_folder_at_once(tmp_path):
    environment = {**os.environ, "MCPUMP_CACHE_DIR": str(tmp_path), "PYTHONPATH": str(PACKAGE.parent)}
    pair = [
        subprocess.Popen([sys.executable, "-c", CODE], env=environment, stdout=subprocess.PIPE) for _ in "ab"
    ]
    for process in pair:
        assert float(process.communicate(timeout=600)[0].split()[0]) == SAID
    assert called(PACKAGE.parent, where=tmp_path) == (SAID, 1, "")


def test_another_cpu_of_numba_s_has_another_file(here):
    assert not here()
    first = here.file
    code = CODE + "print(envelope_at.targetctx.codegen().magic_tuple()[1])"
    out, _ = python(
        PACKAGE.parent, "-c", code, where=here.root, NUMBA_CPU_NAME="generic", NUMBA_CPU_FEATURES=""
    )
    assert out.split() == [str(SAID), "0", str(here.folder), "generic"]
    assert len([*here.folder.glob("mcpump.textures.moving.envelope_at-*")]) == 2
    assert first.exists()


# --- strangers ---------------------------------------------------------------------------------------------------


def refused(here, sentence):
    """Whether nothing of the folder is read, nor written, and that is told."""
    forget()
    assert not here()
    (said,) = here.said
    assert sentence in said
    assert "the kernels are compiled in memory" in said
    assert "MCPUMP_CACHE_DIR names a folder that you alone can write" in said


def plant(here):
    """Put what would run when it is read where the kernel lies."""
    content = pickle.dumps(Bomb())
    here.file.write_bytes(signed(content))


@pytest.mark.parametrize("mode", [0o777, 0o1777, 0o722, 0o702])
def test_a_folder_that_others_can_write_is_not_read(here, mode, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert not here()
    plant(here)
    here.folder.chmod(mode)
    refused(
        here, f"other users can write into {here.folder} (mode {mode:o})" if mode != 0o722 else "other users"
    )
    assert not (tmp_path / "it_ran").exists()


def test_a_planted_file_would_run(here, monkeypatch, tmp_path):
    """So that the tests beside this one can fail."""
    monkeypatch.chdir(tmp_path)
    assert not here()
    plant(here)
    with pytest.raises(TypeError):
        here()
    assert (tmp_path / "it_ran").exists()


def test_a_folder_whose_parent_others_can_write_is_not_read(here):
    assert not here()
    here.root.chmod(0o777)
    refused(here, f"other users can write into {here.root} (mode 777)")


def test_nothing_is_made_where_others_can_write(here):
    here.root.mkdir()
    here.root.chmod(0o777)
    refused(here, "other users can write")
    assert [*here.root.iterdir()] == []


def test_what_is_made_is_the_user_s_alone(here):
    before = os.umask(0)
    try:
        assert not here()
    finally:
        os.umask(before)
    for place in (here.root, here.folder):
        assert place.stat().st_mode & 0o777 == 0o700
    assert here.file.stat().st_mode & 0o077 == 0


@as_root
@pytest.mark.parametrize("kind", ["link", "hard link"])
def test_a_name_of_a_stranger_s_file_is_not_read(here, kind, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert not here()
    plant(here)
    name, elsewhere = here.file, tmp_path / "elsewhere"
    name.rename(elsewhere)
    if kind == "link":
        name.symlink_to(elsewhere)
    else:
        os.link(elsewhere, name)
    os.chown(elsewhere, STRANGER, STRANGER)
    assert not here()
    assert not (tmp_path / "it_ran").exists()
    assert "can be changed by other users" in here.said[0]


def test_a_sticky_parent_is_safe(here):
    here.root.mkdir()
    here.root.chmod(0o1777)
    assert not here()
    assert here()
    assert here.said == []


def test_a_link_is_followed(here, tmp_path):
    (tmp_path / "real" / "deeper").mkdir(parents=True)
    here.root.symlink_to("real/deeper/../deeper")
    assert not here()
    assert here()
    assert here.said == []
    (tmp_path / "real").chmod(0o777)
    refused(here, f"other users can write into {tmp_path / 'real'} (mode 777)")


def test_a_link_in_a_circle(here):
    here.root.symlink_to(here.root.name)
    refused(here, f"{here.folder} cannot be used (")


@as_root
@pytest.mark.parametrize("what", ["folder", "root", "link", "parent"])
def test_what_belongs_to_somebody_else_is_not_read(here, what, tmp_path):
    parent = tmp_path / "parent"
    parent.mkdir()
    if what == "link":
        here.root.symlink_to(parent)
    here.root = here.root if what != "parent" else parent / "place"
    os.environ["MCPUMP_CACHE_DIR"] = str(here.root)
    assert not here()
    place = {"folder": here.folder, "root": here.root, "link": here.root, "parent": parent}[what]
    os.chown(place, STRANGER, STRANGER, follow_symlinks=False)
    refused(here, f"{place} belongs to another user (number {STRANGER})")


@as_root
def test_a_stranger_s_file_is_not_read(here, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert not here()
    plant(here)
    os.chown(here.file, STRANGER, STRANGER)
    assert not here()
    assert here.said == [
        f"warning: a compiled kernel in {here.folder} can be changed by other users: it is compiled anew"
    ]
    assert here.file.stat().st_uid == 0
    assert not (tmp_path / "it_ran").exists()


OTHER = """
import ctypes, grp, os, pwd, sys
from pathlib import Path
from mcpump.kernel_folder import _danger, read_kept
file, user, alone = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "alone"
os.setgroups([])
os.setresgid(user, user, user)
os.setresuid(user, user, user)
libc = ctypes.CDLL(None)
if alone:  # in a name space that has this user only
    libc.prctl(4, 1, 0, 0, 0)  # else /proc/self is root's
    if libc.unshare(0x10000000) != 0:
        sys.exit("no name spaces here")
    Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
    assert os.stat("/").st_uid == 65534
print(read_kept(file) == b"kernel", _danger(file.parent))
"""


@pytest.fixture
def open_place():
    """A folder that others can reach; those of pytest are the user's alone."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        (Path(name) / "place").mkdir()
        (Path(name) / "place" / "kernel").write_bytes(signed(b"kernel"))
        yield Path(name) / "place"


def in_other_shoes(place, user, how=""):
    """What another user thinks of a folder: whether the file in it is read, and the danger."""
    command = [sys.executable, "-c", OTHER, place / "kernel", str(user), how]
    # one thread: a process with more may not leave its name space
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE.parent), "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd="/")
    if "no name spaces here" in done.stderr:
        pytest.skip("this machine makes no name spaces")
    assert done.returncode == 0, done.stderr
    read, _, danger = done.stdout.strip().partition(" ")
    return read == "True", danger


@as_root
def test_what_root_keeps_is_read_by_others(open_place):
    """An image that was made by root, and has its kernels in it."""
    assert in_other_shoes(open_place, 1234) == (True, "")


def give(place, user):
    for path in (place, place / "kernel"):
        os.chown(path, user, user)


@as_root
def test_a_container_without_root(open_place):
    """There root's folders, / among them, seem to be nobody's: they may lead to the kernels, but not hold them."""
    assert in_other_shoes(open_place, 1234, "alone") == (
        False, f"{open_place} belongs to another user (number {STRANGER})"
    )  # fmt: skip
    give(open_place, 1234)
    assert in_other_shoes(open_place, 1234, "alone") == (True, "")
    assert in_other_shoes(open_place, 1234) == (True, "")
    give(open_place, STRANGER)  # nobody himself, where there is a root
    assert in_other_shoes(open_place, 1234) == (
        False,
        f"{open_place} belongs to another user (number {STRANGER})",
    )


@pytest.mark.parametrize(
    ("group", "members", "safe"),
    [
        ("me", [], True),
        ("me", ["me"], True),
        ("me", ["me", "you"], False),
        ("staff", [], False),
        (None, [], False),
    ],
)
def test_a_group_of_the_user_alone_is_no_other(monkeypatch, tmp_path, group, members, safe):
    import grp
    import pwd

    def group_of(number):
        if group is None:
            raise KeyError(number)
        return grp.struct_group((group, "x", number, members))

    monkeypatch.setattr(
        pwd, "getpwuid", lambda number: pwd.struct_passwd(("me", "x", number, os.getegid(), "", "", ""))
    )
    monkeypatch.setattr(grp, "getgrgid", group_of)
    tmp_path.chmod(0o770)
    os.chown(tmp_path, -1, os.getegid())
    assert kernel_folder._others_write(tmp_path.stat()) is not safe
    tmp_path.chmod(0o702)
    assert kernel_folder._others_write(tmp_path.stat())
